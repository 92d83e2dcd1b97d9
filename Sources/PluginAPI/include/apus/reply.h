/*
 * apus/reply.h - replies of our own to a request, without a transaction. Group: host->reply. (The module sl gives them to scripts.)
 */
#ifndef APUS_REPLY_H
#define APUS_REPLY_H

#include <apus/net.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct apus_reply {
    uint32_t size;
    int32_t code;        /* 100 to 999; 100 to 699 are those of the RFCs */
    apus_str reason;     /* reason phrase; line ends are refused */
    apus_str to_tag;     /* added when the request has none and code > 100; empty: none is added */
    apus_str headers;    /* whole lines, after those of append_to_reply; may be empty */
    apus_str body;       /* may be empty */
    apus_str body_type;  /* Content-Type of the body */
} apus_reply;

typedef struct apus_reply_api {
    uint32_t size;
    /*
     * [worker] Builds the reply by RFC 3261 section 8.2.6 and sends it by section 18.2.2 and RFC 3581 (to the source of the request, or to its
     * Via with the core parameter reply_to_via=1) through the listener that received the request. Never to an ACK: APUS_FALSE.
     */
    int (*APUS_NONNULL send)(apus_msg *APUS_NONNULL request, const apus_reply *APUS_NONNULL reply);
    /*
     * [worker] [no-alloc] The To tag that stateless replies to this request carry: the same for every retransmission, so that its ACK is
     * recognised. Writes at most `capacity` bytes, answers how many.
     */
    size_t (*APUS_NONNULL stateless_tag)(apus_msg *APUS_NONNULL request, char *APUS_NONNULL buffer, size_t capacity);
    /*
     * [worker] [no-alloc] The same reply as bytes that are not sent: *out lives until this worker writes another message. For modules that
     * send it themselves, and again. APUS_FALSE when it is too long or the code is none, and for an ACK.
     */
    int (*APUS_NONNULL write)(apus_msg *APUS_NONNULL request, const apus_reply *APUS_NONNULL reply, apus_str *APUS_NONNULL out);
    /* [worker] [no-alloc] Where replies to the request go: as `send` does. No listener when it came by none. */
    void (*APUS_NONNULL destination)(apus_msg *APUS_NONNULL request, apus_destination *APUS_NONNULL out);
    /* [worker] [no-alloc] Whether `send` has sent a final reply to this request. */
    int (*APUS_NONNULL was_sent)(const apus_msg *APUS_NONNULL request);
    /*
     * [worker] Passes a received reply on at once, without a transaction: with its edits, by its second Via, whose host may have to be looked up
     * first. Code 0: its own, else one of its class; an empty reason: its own. APUS_FALSE when the code is of another class, the reason breaks
     * the line, there is no second Via, or memory is out; what fails later is counted and logged.
     */
    int (*APUS_NONNULL forward)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL reply, int32_t code, apus_str reason);
} apus_reply_api;

#ifdef __cplusplus
}
#endif
#endif
