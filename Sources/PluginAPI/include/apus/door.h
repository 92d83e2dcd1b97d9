/*
 * apus/door.h - where operators come in: FIFOs, unix sockets, UDP and TCP, with everything that makes them safe. Group: host->door.
 *
 * The host opens and guards: files belong to their owner alone, stale ones are replaced, links and others' files are refused; addresses are
 * loopback unless told otherwise; requests have a size and a time, connections a number, and whoever does not take his reply is cut off. The
 * module knows the language that is spoken: it gets bytes, finds requests in them, executes them (rpc.h) and writes replies.
 *
 *   static int64_t received(apus_peer *p, apus_str bytes) {        // on the management thread
 *       if (!whole(bytes)) return 0;                               // more has to come
 *       host->door->hold(p, 1);                                    // one after the other
 *       p->user = (void *)host->rpc->start(...);                   // answered later: write, hold(p, 0)
 *       return bytes.len;
 *   }
 */
#ifndef APUS_DOOR_H
#define APUS_DOOR_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    APUS_DOOR_FIFO = 1,          /* a FIFO that is read; replies go where the request says: `reply_to` */
    APUS_DOOR_UNIX_STREAM = 2,
    APUS_DOOR_UNIX_DATAGRAM = 3, /* a reply goes to the sender's socket, if that has a name */
    APUS_DOOR_TCP = 4,
    APUS_DOOR_UDP = 5,
};

enum {
    APUS_DOOR_PUBLIC = 1u << 0, /* addresses other than loopback are allowed */
    APUS_DOOR_TRY = 1u << 1,    /* when it cannot be opened `open` says so in a notice, and the server starts without it */
};

/* Why a request is refused before it is whole. */
enum {
    APUS_DOOR_TOO_LARGE = 1, /* more than max_request bytes and not whole */
    APUS_DOOR_TOO_SLOW = 2,  /* not whole within `milliseconds` of its first byte */
    APUS_DOOR_CUT = 3,       /* the sender has closed in the middle of it */
};

/*
 * Somebody who is spoken with: a connection, the sender of one datagram, the writers of a FIFO, or the reader of a reply FIFO. The host's;
 * [management] only. Valid until `closed` has returned.
 */
typedef struct apus_peer {
    uint32_t size;
    uint32_t kind;               /* APUS_DOOR_... */
    void *APUS_NULLABLE user;    /* the module's; null at first */
    void *APUS_NULLABLE door;    /* `user` of its apus_door; of a reply FIFO that of the peer it was made for */
    const apus_host *APUS_NONNULL host;
    apus_str name;               /* who it is, for people: "tcp:127.0.0.1:4711", "unixs:/run/apus/apus_ctl (uid 0)" */
    uint64_t since;              /* monotonic milliseconds */
} apus_peer;

/* A door. All of it is copied by `open`. */
typedef struct apus_door {
    uint32_t size;
    uint32_t kind;
    uint32_t flags;
    uint32_t mode;         /* of a file; 0: 0600, or 0660 when there is a group */
    apus_str place;        /* a path; or an address, with brackets around IPv6, or * for all */
    apus_str owner, group; /* of a file: names or numbers; empty: the server's own */
    uint16_t port;
    uint16_t reserved;
    uint32_t max_request;  /* bytes of a request that is not whole; 0: 65536 */
    uint32_t max_reply;    /* bytes that may wait for a reader who does not take them; beyond it he is cut off. 0: 67108864 */
    uint32_t max_peers;    /* connections, datagrams under way and reply FIFOs, each counted for itself; beyond it refused. 0: 256 */
    uint32_t milliseconds; /* for a request to become whole, and for a reader to take something of his reply; 0: 2000 */
    uint32_t reserved2;
    /*
     * [management] Bytes have come; they live for the *call*. Streams and FIFOs: all that is there and not used; the answer is how many were
     * used, and it is called again as soon as there are others. Datagrams: a whole one; the answer has no meaning. Negative:
     * this cannot be understood: what was written goes out and the peer is closed; a FIFO forgets what has come up to now.
     */
    int64_t (*APUS_NONNULL received)(apus_peer *APUS_NONNULL p, apus_str bytes);
    /* [management] An unfinished request is given up, APUS_DOOR_TOO_LARGE ...: a reply may be written; then as with a negative answer. */
    void (*APUS_NULLABLE refused)(apus_peer *APUS_NONNULL p, uint32_t reason, apus_str bytes);
    /* [management] All that was written has gone out: the next part of a long reply may follow. */
    void (*APUS_NULLABLE drained)(apus_peer *APUS_NONNULL p);
    /* [management] Last call for this peer, whoever ended it. Executions for it are cancelled here (rpc->cancel). */
    void (*APUS_NULLABLE closed)(apus_peer *APUS_NONNULL p);
    void *APUS_NULLABLE user;
} apus_door;

typedef struct apus_door_api {
    uint32_t size;

    /*
     * [start] Opens a door, which is served on the management thread from the start of the workers until after their end, when it is closed and
     * its file removed. APUS_FALSE with a logged reason: the place is taken or not ours, no such user, an address that is not loopback ...
     */
    int (*APUS_NONNULL open)(const apus_host *APUS_NONNULL h, const apus_door *APUS_NONNULL d);
    /*
     * [management] Sends bytes, which are copied; each call one datagram where the peer is one. Never blocks; may be called for a peer that
     * has not been opened yet (reply_to). APUS_FALSE when the peer is going away or takes nothing any more: the rest need not be written.
     */
    int (*APUS_NONNULL write)(apus_peer *APUS_NONNULL p, apus_str bytes);
    /* [management] Bytes that were written and have not gone out. */
    size_t (*APUS_NONNULL pending)(const apus_peer *APUS_NONNULL p);
    /* [management] With 1 `received` is not called until it is called with 0: the peer is busy, its bytes wait in the kernel. */
    void (*APUS_NONNULL hold)(apus_peer *APUS_NONNULL p, int on);
    /*
     * [management] What was written goes out, nothing is read any more; then `closed` is called, never before this returns. A
     * datagram's peer must be closed by its module, also when there is no answer. A FIFO that is read cannot be closed.
     */
    void (*APUS_NONNULL close)(apus_peer *APUS_NONNULL p);
    /*
     * [management] A peer for a reply FIFO: the file `name` in `folder`, made by whoever waits for the reply. It is opened now or within 240 ms
     * (4 tries), without following links; it must be a FIFO with one name. Write and close it like any other; when it cannot be opened this is
     * logged and `closed` is called. Null when the name is none (empty, with a slash, `.`, `..`) or too many are open.
     */
    apus_peer *APUS_NULLABLE (*APUS_NONNULL reply_to)(apus_peer *APUS_NONNULL asker, apus_str folder, apus_str name);
    /* [management] Shows the module's doors and their peers, one call each; p is null for the door itself. `text`: "unixs:/run/apus/apus_ctl". */
    void (*APUS_NONNULL each)(const apus_host *APUS_NONNULL h,
                 void (*APUS_NONNULL show)(const apus_peer *APUS_NULLABLE p, uint32_t kind, apus_str text,
                                           void *APUS_NULLABLE user),
                 void *APUS_NULLABLE user);
} apus_door_api;

#ifdef __cplusplus
}
#endif
#endif
