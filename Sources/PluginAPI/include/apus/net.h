/*
 * apus/net.h - the sockets the server listens on, and sending. Group: host->net.
 */
#ifndef APUS_NET_H
#define APUS_NET_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Transports by number, as scripts see them in $prid. */
enum { APUS_UDP = 1, APUS_TCP = 2, APUS_TLS = 3, APUS_SCTP = 4, APUS_WS = 5, APUS_WSS = 6 };

/* A listener's facts. Texts live *for ever*. */
typedef struct apus_listener_info {
    uint32_t size;
    uint32_t transport;
    apus_str address;            /* IPv6 with brackets */
    apus_str advertised_address; /* equal to address when nothing is advertised */
    apus_str name;               /* empty when it has none */
    apus_str text;               /* udp:127.0.0.1:5060 */
    uint16_t port, advertised_port;
    uint32_t flags;              /* APUS_LISTENER_... */
} apus_listener_info;

enum {
    APUS_LISTENER_VIRTUAL = 1,   /* it is ours, and nothing is bound */
    APUS_LISTENER_MULTICAST = 2,
};

/* An IP address with a port. */
typedef struct apus_address {
    uint16_t family; /* 4, 6, or 0: none */
    uint16_t port;   /* host order */
    uint32_t scope;  /* interface of a link-local IPv6 address */
    uint8_t ip[16];  /* network order; IPv4 in the first four, the rest 0 */
} apus_address;

/* Where a message goes: enough to send it again and again. Plain data, to be copied and kept. */
typedef struct apus_destination {
    uint32_t size;
    uint32_t transport;   /* APUS_UDP ... */
    apus_address remote;
    apus_address local;   /* of ours, on a listener of all addresses; family 0: as the kernel chooses */
    const apus_listener *APUS_NULLABLE listener;
    uint64_t connection;  /* of a stream transport: preferred; 0: any to that address, else a new one */
    uint32_t flags;       /* APUS_SEND_... */
    uint32_t reserved;
} apus_destination;

/* What may be asked of stream transports besides. */
enum {
    APUS_SEND_NO_CONNECT = 1, /* over a connection that exists, or not at all */
    APUS_SEND_CLOSE = 2       /* the connection ends when the message is written */
};

typedef struct apus_net_api {
    uint32_t size;
    /* [any] [no-alloc] From `start` on, as the next three: the listeners are what they are then. */
    uint32_t (*APUS_NONNULL count)(const apus_host *APUS_NONNULL h);
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL at)(const apus_host *APUS_NONNULL h, uint32_t index);
    int (*APUS_NONNULL info)(const apus_listener *APUS_NONNULL l, apus_listener_info *APUS_NONNULL out);
    /* The listener of that transport (0: any), address and port (0: any), advertised ones included; null when it is not ours. */
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL find)(const apus_host *APUS_NONNULL h, uint32_t transport, apus_str address,
                                               uint16_t port);
    /* Whether host and port (0: not compared) name this server: listeners, advertised addresses, aliases, and what modules added. */
    int (*APUS_NONNULL is_myself)(const apus_host *APUS_NONNULL h, apus_str host, uint16_t port);
    /* [start] Further names of this server: the callback answers true for those it knows. It runs on workers and must not block. */
    int (*APUS_NONNULL add_myself)(const apus_host *APUS_NONNULL h,
                      int (*APUS_NONNULL knows)(const apus_host *APUS_NONNULL h, apus_str host, uint16_t port));

    /*
     * [worker] [no-alloc] Chooses the listener to send by: `preferred` when transport and family fit, else the one that leads to d->remote.
     * APUS_FALSE when no listener has that transport and family.
     */
    int (*APUS_NONNULL choose)(const apus_host *APUS_NONNULL h, apus_destination *APUS_NONNULL d,
                  const apus_listener *APUS_NULLABLE preferred);
    /*
     * [worker] [no-alloc] Sends bytes that are a whole message, never blocking: 0, or an errno. What the kernel does not take at once is queued,
     * as is what waits for a connection to be opened: if that fails, `on_undelivered` tells.
     */
    int (*APUS_NONNULL send)(const apus_host *APUS_NONNULL h, const apus_destination *APUS_NONNULL d, apus_str bytes);
    /*
     * [worker] Shows a request on its way out to the script's onsend_route. It is used as script->run is: the caller returns its result
     * at once, and `then` is called when the route has ended; end->dropped: the request must not be sent. `bytes` live until then. When
     * the script has no onsend_route the answer is APUS_TRUE, and `then` is not called.
     */
    int (*APUS_NONNULL onsend)(const apus_call *APUS_NONNULL c, apus_msg *APUS_NULLABLE m, const apus_destination *APUS_NONNULL d,
                  apus_str bytes,
                  int (*APUS_NONNULL then)(const apus_call *APUS_NONNULL c, const apus_route_end *APUS_NONNULL end),
                  void *APUS_NULLABLE user);
    /* [any] [no-alloc] Text of an address ("192.0.2.1", "[2001:db8::1]", without the port): bytes written, 0 when there is no room. */
    size_t (*APUS_NONNULL write_address)(const apus_address *APUS_NONNULL a, char *APUS_NONNULL buffer, size_t capacity);
    /* [any] [no-alloc] An address from its text, port 0; APUS_FALSE when it is none. */
    int (*APUS_NONNULL parse_address)(apus_str text, apus_address *APUS_NONNULL out);
    /* [any] [no-alloc] Transport by name ("udp", "TLS"): 0 when there is none so called. And whether it loses no messages. */
    uint32_t (*APUS_NONNULL transport)(apus_str name);
    int (*APUS_NONNULL is_reliable)(uint32_t transport);
    /*
     * [start] `told` is called, on the worker that sent it and from its loop, for each message that `send` had taken and that could not be
     * sent after all: its connection was refused, timed out, or broke before the last byte was written. `error` is an errno; `d` and
     * `bytes` live for the call.
     */
    int (*APUS_NONNULL on_undelivered)(const apus_host *APUS_NONNULL h,
                          void (*APUS_NONNULL told)(const apus_host *APUS_NONNULL h, const apus_destination *APUS_NONNULL d,
                                       apus_str bytes, int error, void *APUS_NULLABLE user),
                          void *APUS_NULLABLE user);
    /* [start] [worker] [management] The i-th alias of the config, from 0: its host, and its port or 0 for any. *for ever*. APUS_FALSE: no more. */
    int (*APUS_NONNULL alias)(const apus_host *APUS_NONNULL h, uint32_t index, apus_str *APUS_NONNULL host,
                 uint16_t *APUS_NONNULL port);
    /* [any] [no-alloc] The listener of that name; null when there is none. */
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL find_named)(const apus_host *APUS_NONNULL h, apus_str name);

    /*
     * [worker] [no-alloc] Chooses the listener by which a request leaves, as `choose`: the one that the script has forced; with the core's `mhomed`
     * the one at the address that the kernel would send from; else the one that the request came in by.
     */
    int (*APUS_NONNULL choose_for)(const apus_host *APUS_NONNULL h, apus_destination *APUS_NONNULL d,
                      const apus_msg *APUS_NONNULL m);
    /*
     * [worker] [no-alloc] The transport that the request takes instead of d's when it has so many bytes as it is written for d (the core's udp_mtu and
     * udp_mtu_try_proto, or what the script says for this message): choose again, write again. 0: none, it may leave.
     */
    uint32_t (*APUS_NONNULL transport_for_size)(const apus_host *APUS_NONNULL h, const apus_msg *APUS_NONNULL m,
                                   const apus_destination *APUS_NONNULL d, size_t length);
    /*
     * [worker] Shows a reply that is passed on to the script's onsend_route, which is run before the call returns, if the core's onsend_route_reply
     * says so. APUS_FALSE: it must not be sent. Replies of the server's own are not shown.
     */
    int (*APUS_NONNULL onsend_reply)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m,
                        const apus_destination *APUS_NONNULL d, apus_str bytes);

    /*
     * [start] `told` is called when a connection of a stream transport that stood has ended, whoever ended it: on its own worker, from its loop, once,
     * after `is_connected` has begun to answer APUS_FALSE for it. d->connection names it, `error` is an errno; `d` lives for the
     * call. Messages that came over it may still be worked on, here or on other workers. A peer that vanishes without a word is
     * noticed when something is sent to it, by the kernel's keepalive (tcp_keepalive), or after tcp_connection_lifetime. Nobody is told when
     * the server stops, nor of connections that never stood: see on_undelivered.
     */
    int (*APUS_NONNULL on_closed)(const apus_host *APUS_NONNULL h,
                     void (*APUS_NONNULL told)(const apus_host *APUS_NONNULL h, const apus_destination *APUS_NONNULL d, int error,
                                  void *APUS_NULLABLE user),
                     void *APUS_NULLABLE user);
    /* [worker] [no-alloc] Whether the connection is there, of whichever worker; it may end at any time. 0, and one that has ended: APUS_FALSE. */
    int (*APUS_NONNULL is_connected)(const apus_host *APUS_NONNULL h, uint64_t connection);
    /*
     * [worker] Ends the connection when what waits in it is written: at once, or soon when it is another worker's. APUS_FALSE: there is none such, or
     * memory is out.
     */
    int (*APUS_NONNULL end_connection)(const apus_host *APUS_NONNULL h, uint64_t connection);
} apus_net_api;

#ifdef __cplusplus
}
#endif
#endif
