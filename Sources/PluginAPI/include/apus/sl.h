/*
 * apus/sl.h - replies without a transaction, for modules that refuse or answer requests. Published by sl.so under the id "sl/1".
 *
 *   static const sl_api *sl;
 *   static int start(const apus_host *h) { sl = load_sl(h); return sl ? APUS_TRUE : APUS_FALSE; }
 *   ...
 *   sl->reply(h, c->msg, &(apus_reply){ APUS_STRUCT(apus_reply), .code = 403, .reason = APUS_STR("Forbidden") });
 *
 * What host->reply does is done here as sl's functions do it: with sl's To tag, counted in its statistics, and the ACK is absorbed.
 */
#ifndef APUS_SL_H
#define APUS_SL_H

#include <apus/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SL_API "sl/1"

typedef struct sl_api {
    uint32_t size;

    /*
     * [worker] [no-alloc] Answers a request without a transaction, even when it has one: the script's sl_send_reply. An empty to_tag is
     * sl's own, from 180 on and where the request has none. Contacts of a 3xx are the caller's to put into `headers`. APUS_FALSE for a
     * reply, an ACK, a code outside 100 to 999, an empty reason, and when it cannot be sent.
     */
    int (*APUS_NONNULL reply)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL request,
                              const apus_reply *APUS_NONNULL reply);
    /* [worker] The same in the request's transaction, when tm is loaded, bind_tm is 1 and there is one: the script's send_reply. */
    int (*APUS_NONNULL reply_by_transaction)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL request,
                                             const apus_reply *APUS_NONNULL reply);
    /* [worker] [no-alloc] The To tag of those replies without a transaction. Writes at most `capacity` bytes, answers how many. */
    size_t (*APUS_NONNULL reply_tag)(apus_msg *APUS_NONNULL request, char *APUS_NONNULL buffer, size_t capacity);
} sl_api;

/* [start] sl's interface; null with a logged reason when sl.so is not loaded. A module names "sl/1" in `needs`. */
static inline const sl_api *APUS_NULLABLE load_sl(const apus_host *APUS_NONNULL h) {
    return (const sl_api *)h->find(h, SL_API, (uint32_t)sizeof(sl_api));
}

#ifdef __cplusplus
}
#endif
#endif
