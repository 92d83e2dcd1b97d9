/*
 * apus/message.h - a SIP message: read it, edit it. Group: host->message.
 *
 * Reading sees the message as it was received; edits are a list that is applied when the message is sent. The Request-URI, the
 * destination and the flags are the exception: they change at once.
 */
#ifndef APUS_MESSAGE_H
#define APUS_MESSAGE_H

#include <apus/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Methods by number; every other token is APUS_METHOD_OTHER, told apart by its text. */
enum {
    APUS_METHOD_OTHER = 0,
    APUS_METHOD_INVITE = 1,
    APUS_METHOD_ACK = 2,
    APUS_METHOD_BYE = 3,
    APUS_METHOD_CANCEL = 4,
    APUS_METHOD_OPTIONS = 5,
    APUS_METHOD_REGISTER = 6,
    APUS_METHOD_PRACK = 7,
    APUS_METHOD_SUBSCRIBE = 8,
    APUS_METHOD_NOTIFY = 9,
    APUS_METHOD_PUBLISH = 10,
    APUS_METHOD_INFO = 11,
    APUS_METHOD_REFER = 12,
    APUS_METHOD_MESSAGE = 13,
    APUS_METHOD_UPDATE = 14,
    APUS_METHOD_KDMQ = 15,
};

/* The parts of a message that text functions speak of. */
enum {
    APUS_PART_FIRST_LINE = 1,
    APUS_PART_HEADERS = 2, /* from the first header to the empty line */
    APUS_PART_BODY = 3,
    APUS_PART_ALL = 4,
};

/* What a request or reply says about itself in one word or number. */
enum {
    APUS_FIELD_METHOD_TEXT = 1,  /* of a request; of a reply its CSeq's */
    APUS_FIELD_REQUEST_URI,      /* in force */
    APUS_FIELD_ORIGINAL_URI,     /* as received */
    APUS_FIELD_REASON,           /* of a reply */
    APUS_FIELD_CALL_ID,
    APUS_FIELD_FROM_URI,
    APUS_FIELD_FROM_TAG,
    APUS_FIELD_FROM_NAME,
    APUS_FIELD_TO_URI,
    APUS_FIELD_TO_TAG,
    APUS_FIELD_TO_NAME,
    APUS_FIELD_CSEQ_NUMBER,
    APUS_FIELD_CONTENT_TYPE,
    APUS_FIELD_DESTINATION_URI,  /* next hop ($du); null when unset */
    APUS_FIELD_SOURCE_IP,
    APUS_FIELD_RECEIVED_IP,      /* address of ours that it came to */
};

/* One header of a message, by its place. Offsets are into the received bytes. */
typedef struct apus_header {
    uint32_t size;
    uint32_t index;     /* its place, from 0 */
    apus_str name;      /* as written */
    apus_str value;     /* without surrounding blanks; a folded value keeps its line breaks */
    uint32_t offset;    /* of the name */
    uint32_t length;    /* of the whole header with its line end(s) */
} apus_header;

/* A URI taken apart; every part is a piece of the text that was parsed (RFC 3261 section 19.1). Absent parts have a null s. */
typedef struct apus_uri {
    uint32_t size;
    uint32_t scheme; /* 1 sip, 2 sips, 3 tel, 4 tels, 5 urn, 0 another */
    apus_str user, password, host, port, params, headers;
    apus_str transport, user_param, maddr, lr, r2, method, ttl; /* values of well-known parameters; lr and r2 "" when without a value */
    uint32_t port_number; /* 0 when absent */
    uint32_t reserved;
} apus_uri;

/* One value of From, To, Contact, Route ...: [display name] <URI> ;params. */
typedef struct apus_name_addr {
    uint32_t size;
    uint32_t length; /* bytes of this value up to the comma, which is not counted, or to the end */
    apus_str display, uri, params;
} apus_name_addr;

/* One Via value (RFC 3261 section 20.42). */
typedef struct apus_via {
    uint32_t size;
    uint32_t port; /* 0 when absent */
    apus_str text, transport, host, branch, received, rport, params; /* rport.s is null when absent, "" as a bare flag */
} apus_via;

/* One part of a body of a multipart type (RFC 2046 section 5.1). Every text is a piece of the body. */
typedef struct apus_body_part {
    uint32_t size;
    uint32_t reserved;
    apus_str text;    /* from the delimiter line in front of it up to the next one: what goes when the part goes */
    apus_str headers; /* its header lines; may be empty */
    apus_str type;    /* value of its Content-Type; null s when it has none */
    apus_str body;
} apus_body_part;

/*
 * The value of Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate (RFC 3261 section 22, RFC 8760). Values are without
 * their quotes; absent ones have a null s. Those behind `params` are read for the scheme Digest only.
 */
typedef struct apus_credentials {
    uint32_t size;
    uint32_t reserved;
    apus_str scheme, params; /* Digest, and everything behind it */
    apus_str username, realm, nonce, uri, response, algorithm, cnonce, opaque, qop, nc;
} apus_credentials;

/* A state of a message to go back to: message->mark and rewind. It is void when the message ends. */
typedef struct apus_mark {
    void *APUS_NULLABLE own[4];
} apus_mark;

/* What a request has beside what it was and what was edited, when it is written. */
typedef struct apus_outgoing {
    uint32_t size;
    uint32_t reserved;
    const apus_listener *APUS_NONNULL listener; /* by which it leaves: named in our Via */
    apus_str branch;     /* of our Via, with its magic cookie */
    apus_str via_params; /* further ones of our Via, with their semicolons; may be empty */
    apus_str uri;        /* Request-URI; null s: the one in force */
    apus_str path;       /* Route values to put in front; null s: those in force */
} apus_outgoing;

/* A text that is made each time the message is written. */
typedef struct apus_late {
    uint32_t size;
    uint32_t reserved;
    /*
     * [worker] Called while the message is written, with the listener by which it leaves: writes at most `capacity` bytes, whole header
     * lines, and answers how many (0: nothing is inserted). Possibly several times, once for each branch that is sent.
     */
    size_t (*APUS_NONNULL produce)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m,
                                   const apus_listener *APUS_NONNULL out, char *APUS_NONNULL buffer, size_t capacity,
                                   void *APUS_NULLABLE user);
    /*
     * [worker] A copy of the message has been made (message->keep, script->start_run), which may outlive it: answers the `user` for the
     * copy, in memory of the copy (message->allocate); null leaves the text out there. No `copy`: user is the same, and lives for ever.
     */
    void *APUS_NULLABLE (*APUS_NULLABLE copy)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL to,
                                              void *APUS_NULLABLE user);
    void *APUS_NULLABLE user;
} apus_late;

typedef struct apus_message_api {
    uint32_t size;

    /* [worker] [no-alloc] Everything in this block. Texts live as long as the message's run; out-structs have their `size` set by the caller. */
    int (*APUS_NONNULL is_request)(const apus_msg *APUS_NONNULL m);
    uint32_t (*APUS_NONNULL method)(const apus_msg *APUS_NONNULL m); /* of a reply: its CSeq's */
    uint32_t (*APUS_NONNULL method_of)(apus_str name);
    int (*APUS_NONNULL status)(const apus_msg *APUS_NONNULL m); /* 0 for a request */
    /* A field's text; s is null when the message has none or it cannot be parsed. */
    apus_str (*APUS_NONNULL field)(apus_msg *APUS_NONNULL m, uint32_t field);
    apus_str (*APUS_NONNULL part)(const apus_msg *APUS_NONNULL m, uint32_t part);
    /* Offset of a text of this message (from `part`, `find` ...) in its received bytes. */
    uint32_t (*APUS_NONNULL offset)(const apus_msg *APUS_NONNULL m, apus_str text);
    uint32_t (*APUS_NONNULL header_count)(const apus_msg *APUS_NONNULL m);
    int (*APUS_NONNULL header_at)(const apus_msg *APUS_NONNULL m, uint32_t index, apus_header *APUS_NONNULL out);
    /* The first header of that name (compact forms are equal, case does not matter) at place `from` or later; APUS_FALSE when none is left. */
    int (*APUS_NONNULL find)(const apus_msg *APUS_NONNULL m, apus_str name, uint32_t from, apus_header *APUS_NONNULL out);
    /* Whether two header names mean the same header. */
    int (*APUS_NONNULL same_header)(apus_str a, apus_str b);
    /* The i-th Via value over all Via headers, from 0. */
    int (*APUS_NONNULL via)(apus_msg *APUS_NONNULL m, uint32_t index, apus_via *APUS_NONNULL out);
    uint32_t (*APUS_NONNULL via_count)(apus_msg *APUS_NONNULL m);
    uint16_t (*APUS_NONNULL source_port)(const apus_msg *APUS_NONNULL m);
    /* The listener that the message came to. */
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL received_on)(const apus_msg *APUS_NONNULL m);

    /* [any] [no-alloc] Parsers; parts point into the text given. APUS_FALSE when it is none. */
    int (*APUS_NONNULL parse_uri)(apus_str text, apus_uri *APUS_NONNULL out);
    int (*APUS_NONNULL parse_name_addr)(apus_str text, apus_name_addr *APUS_NONNULL out);
    /* Parameter `name` in ";a=b;c": true and its value without quotes ("" when it has none). */
    int (*APUS_NONNULL find_param)(apus_str params, apus_str name, apus_str *APUS_NONNULL value);
    /* Equality by RFC 3261 section 19.1.4: 1 equal, -1 different, -2 when one is no URI. */
    int (*APUS_NONNULL same_uri)(apus_str a, apus_str b);

    /*
     * [any] [no-alloc] The hash by which scripts and modules spread traffic, of two texts, of which each may be empty. Its values are part of
     * configs: they never change.
     */
    uint32_t (*APUS_NONNULL hash)(apus_str a, apus_str b);

    /* [worker] At once: texts are copied. APUS_FALSE when the text is no URI or memory is out. */
    int (*APUS_NONNULL set_request_uri)(apus_msg *APUS_NONNULL m, apus_str uri);
    int (*APUS_NONNULL set_destination)(apus_msg *APUS_NONNULL m, apus_str uri); /* null s: back to none */
    int (*APUS_NONNULL flag)(const apus_msg *APUS_NONNULL m, uint32_t flag);
    void (*APUS_NONNULL set_flag)(apus_msg *APUS_NONNULL m, uint32_t flag, int on);
    /* The listener through which the message shall leave; null: chosen by destination. */
    void (*APUS_NONNULL send_through)(apus_msg *APUS_NONNULL m, const apus_listener *APUS_NULLABLE listener);
    const apus_listener *APUS_NULLABLE (*APUS_NONNULL sent_through)(const apus_msg *APUS_NONNULL m);

    /*
     * [worker] Edits, applied when the message is sent; texts are copied. Offsets are into the received bytes. APUS_FALSE when the place
     * overlaps an earlier edit (the first one wins) or memory is out.
     */
    int (*APUS_NONNULL replace)(apus_msg *APUS_NONNULL m, uint32_t offset, uint32_t length, apus_str text);
    /* Whole header lines with their line ends. Before or after the given header; null: before the first, after the last. */
    int (*APUS_NONNULL insert_before)(apus_msg *APUS_NONNULL m, const apus_header *APUS_NULLABLE at, apus_str lines);
    int (*APUS_NONNULL insert_after)(apus_msg *APUS_NONNULL m, const apus_header *APUS_NULLABLE at, apus_str lines);
    int (*APUS_NONNULL remove_header)(apus_msg *APUS_NONNULL m, const apus_header *APUS_NONNULL header);
    /* One value of a header that is a list, such as a Route, with the comma that becomes needless; the header when it was the last. */
    int (*APUS_NONNULL remove_value)(apus_msg *APUS_NONNULL m, apus_str value);
    /*
     * Replaces the body; Content-Length follows by itself, Content-Type is replaced when `type` is not empty. When the body has edits already,
     * all edits so far are applied first, as by apply_edits: the last call counts.
     */
    int (*APUS_NONNULL set_body)(apus_msg *APUS_NONNULL m, apus_str body, apus_str type);

    /* [worker] An edit whose text is known only when the message leaves. `before` may be null: the first header. `late` is copied. */
    int (*APUS_NONNULL insert_late)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m,
                       const apus_header *APUS_NULLABLE before, const apus_late *APUS_NONNULL late);

    /* [worker] Lines for every reply that this server makes for the request; copied, whole header lines. */
    int (*APUS_NONNULL append_to_reply)(apus_msg *APUS_NONNULL m, apus_str lines);

    /* [worker] [no-alloc] The last internal error of this message, for sl_reply_error: code 0 when there was none. The text is copied. */
    int (*APUS_NONNULL error)(const apus_msg *APUS_NONNULL m, apus_str *APUS_NONNULL reason);
    void (*APUS_NONNULL set_error)(apus_msg *APUS_NONNULL m, int code, apus_str reason);

    /* [worker] Memory that lives as long as the message itself, aligned to 8 bytes; null when its limit is reached. */
    void *APUS_NULLABLE (*APUS_NONNULL allocate)(apus_msg *APUS_NONNULL m, size_t size);

    /* [worker] [no-alloc] All 32 flags at once (setflag), and those of the Request-URI's branch (setbflag). */
    uint32_t (*APUS_NONNULL flags)(const apus_msg *APUS_NONNULL m);
    void (*APUS_NONNULL set_flags)(apus_msg *APUS_NONNULL m, uint32_t flags);

    /*
     * [worker] A copy of the message with its edits and all that was decided about it, in memory of the worker: the module's until
     * `release`, on this worker. Its slots are empty; what it allocates ends with it. Null when memory is out.
     */
    apus_msg *APUS_NULLABLE (*APUS_NONNULL keep)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m);
    /* [worker] The same from bytes that a module made or kept, which are copied; null when they are no message. It came from nowhere. */
    apus_msg *APUS_NULLABLE (*APUS_NONNULL parse)(const apus_host *APUS_NONNULL h, apus_str bytes);
    /*
     * [worker] In a hook: the message stays after the hook, which must answer APUS_EXIT, until `release`. APUS_FALSE when too many messages
     * wait (core parameter max_suspended): it ends with the hook, as ever.
     */
    int (*APUS_NONNULL hold)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m);
    /* [worker] Ends a message that `keep`, `parse` or `hold` gave to the module; its slots are destroyed. Null is allowed. */
    void (*APUS_NONNULL release)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NULLABLE m);
    /*
     * [worker] This request is taken care of from now on: the module absorbs its retransmissions and gets its CANCEL, in its APUS_HOOK_REQUEST,
     * and sends the 100. A CANCEL that waited for the request's script is routed when this turn of the worker's loop ends.
     */
    void (*APUS_NONNULL adopt)(apus_msg *APUS_NONNULL m);

    /*
     * [worker] Edits, Request-URI, destination, branches, sending listener and path as they are now, and back to them; flags (setflag) stay
     * as they are. APUS_FALSE when memory is out.
     */
    int (*APUS_NONNULL mark)(apus_msg *APUS_NONNULL m, apus_mark *APUS_NONNULL out);
    void (*APUS_NONNULL rewind)(apus_msg *APUS_NONNULL m, const apus_mark *APUS_NONNULL mark);

    /*
     * [worker] [no-alloc] The request as it is forwarded: our Via on top, the true source in the Via below, path, edits (RFC 3261 section 16.6).
     * *out lives until this worker writes another message. APUS_FALSE when it is too long.
     */
    int (*APUS_NONNULL write_request)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m,
                         const apus_outgoing *APUS_NONNULL o, apus_str *APUS_NONNULL out);
    /* [worker] [no-alloc] The reply as it is passed on: without its top Via, with all edits. *out as above. */
    int (*APUS_NONNULL write_reply)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m,
                       const apus_listener *APUS_NONNULL listener, apus_str *APUS_NONNULL out);
    /* [worker] [no-alloc] The message with its edits and nothing else. *out as above. */
    int (*APUS_NONNULL write_edited)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m,
                        const apus_listener *APUS_NONNULL listener, apus_str *APUS_NONNULL out);

    /* [worker] [no-alloc] Where the message came from and how a message goes back there. */
    void (*APUS_NONNULL source)(const apus_msg *APUS_NONNULL m, apus_destination *APUS_NONNULL out);
    /* [worker] [no-alloc] The next hop of a request as a URI: the destination when one is set, else the Request-URI. */
    apus_str (*APUS_NONNULL next_hop)(apus_msg *APUS_NONNULL m);
    /* [worker] [no-alloc] Bytes as received. *message* */
    apus_str (*APUS_NONNULL bytes)(const apus_msg *APUS_NONNULL m);
    /*
     * [worker] The edits become part of the message: `field`, `find` and the others see them, places and offsets of before mean nothing any
     * more, further edits count from there; late ones stay edits. A `rewind` to a mark of before undoes it. APUS_FALSE: memory is out, or
     * what comes of the edits is no message; nothing has changed.
     */
    int (*APUS_NONNULL apply_edits)(apus_msg *APUS_NONNULL m);
    /* [worker] [no-alloc] APUS_SEND_... that the script wants for the request as it is forwarded (set_forward_no_connect, set_forward_close). */
    uint32_t (*APUS_NONNULL send_flags)(const apus_msg *APUS_NONNULL m);
    /* [worker] [no-alloc] APUS_SEND_... for every reply that this server makes for the request, besides those that it has. */
    void (*APUS_NONNULL add_reply_flags)(apus_msg *APUS_NONNULL m, uint32_t flags);
    /*
     * [worker] The body, and its Content-Type, of every reply but 100 that this server makes for the request without a body of the reply's own;
     * copied. Empty: none. APUS_FALSE: memory is out.
     */
    int (*APUS_NONNULL set_reply_body)(apus_msg *APUS_NONNULL m, apus_str body, apus_str type);
    /* [any] [no-alloc] The i-th part, from 0, of a body whose Content-Type is `type`. APUS_FALSE: no more, or the type is not multipart. */
    int (*APUS_NONNULL body_part)(apus_str body, apus_str type, uint32_t index, apus_body_part *APUS_NONNULL out);
    /* [worker] [no-alloc] Whether the body has edits, which `part` does not show before apply_edits. */
    int (*APUS_NONNULL is_body_edited)(const apus_msg *APUS_NONNULL m);
    /* [any] [no-alloc] Seconds since 1970 of a date as SIP writes it (RFC 3261 section 20.17). APUS_FALSE when it is none. */
    int (*APUS_NONNULL parse_date)(apus_str text, int64_t *APUS_NONNULL seconds);
    /* [any] [no-alloc] A parser as those above. APUS_FALSE for a broken value, and for one that has a parameter of the digest twice. */
    int (*APUS_NONNULL parse_credentials)(apus_str text, apus_credentials *APUS_NONNULL out);
    /*
     * [worker] Another code and reason for a reply that is passed on. `status` and what becomes of the reply go by the code at once; the text
     * is an edit, and another call takes its place. A reason with a null s: the one that it has. APUS_FALSE for a request, a code outside 100
     * to 699, a reason with a line end, when an edit of another kind has the place, or when memory is out.
     */
    int (*APUS_NONNULL set_status)(apus_msg *APUS_NONNULL m, int code, apus_str reason);
    /*
     * [worker] The message becomes these bytes, which are copied: its edits, late ones too, and a Request-URI that was set are gone, all else
     * that was decided about it stays. As with apply_edits, places of before mean nothing any more, and `rewind` goes back. APUS_FALSE,
     * and nothing has changed, when they are no message, one of the other kind (request, reply), one with another Call-ID (it
     * decides which worker is the message's home), or when memory is out.
     */
    int (*APUS_NONNULL set_bytes)(apus_msg *APUS_NONNULL m, apus_str bytes);

    /* [worker] [no-alloc] The 64 extended flags (corex' setxflag). */
    uint64_t (*APUS_NONNULL xflags)(const apus_msg *APUS_NONNULL m);
    void (*APUS_NONNULL set_xflags)(apus_msg *APUS_NONNULL m, uint64_t flags);
    /* [worker] [no-alloc] Whether the server has made the message up: what event routes run on that concern none. */
    int (*APUS_NONNULL is_faked)(const apus_msg *APUS_NONNULL m);
    /* [worker] [no-alloc] The message came to that listener, and from that address, from now on: replies go there. */
    void (*APUS_NONNULL set_received_on)(apus_msg *APUS_NONNULL m, const apus_listener *APUS_NONNULL listener);
    void (*APUS_NONNULL set_source)(apus_msg *APUS_NONNULL m, const apus_address *APUS_NONNULL address);
    /*
     * [worker] Our Via on the request: another sent-by than the listener's (no text, port 0: that one), and further parameters with their semicolons;
     * texts are copied. `via_params` gives the parameters back. APUS_FALSE: memory is out.
     */
    int (*APUS_NONNULL set_via_sent_by)(apus_msg *APUS_NONNULL m, apus_str host, uint16_t port);
    int (*APUS_NONNULL set_via_params)(apus_msg *APUS_NONNULL m, apus_str params);
    apus_str (*APUS_NONNULL via_params)(const apus_msg *APUS_NONNULL m);
    /*
     * [worker] Further parameters, with their semicolons, of the topmost Via in replies that this server makes for the request, or in the reply as
     * it is passed on; copied. APUS_FALSE: memory is out.
     */
    int (*APUS_NONNULL set_reply_via_params)(apus_msg *APUS_NONNULL m, apus_str params);
    /*
     * [worker] The value of the header Authorization or Proxy-Authorization that was found to prove who sent the request: what a module that
     * checks passwords says, for all who ask who it was. Copied; a null s takes it back. APUS_FALSE: memory is out.
     */
    int (*APUS_NONNULL set_authorized)(apus_msg *APUS_NONNULL m, apus_str credentials);
    /* [worker] [no-alloc] The same, for parse_credentials; null s while nobody has said so. Edits leave it as it is, and copies of the message have it. */
    apus_str (*APUS_NONNULL authorized)(const apus_msg *APUS_NONNULL m);
} apus_message_api;

#ifdef __cplusplus
}
#endif
#endif
