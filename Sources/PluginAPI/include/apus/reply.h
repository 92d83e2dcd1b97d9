/*
 * apus/reply.h - replies of our own to a request, without a transaction. Group: host->reply. (The module sl gives them to scripts.)
 */
#ifndef APUS_REPLY_H
#define APUS_REPLY_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct apus_reply {
    uint32_t size;
    int32_t code;        /* 100 to 699 */
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
} apus_reply_api;

#ifdef __cplusplus
}
#endif
#endif
