/*
 * apus/hooks.h - callbacks on the way of every message. Group: host->hooks.
 */
#ifndef APUS_HOOKS_H
#define APUS_HOOKS_H

#include <apus/net.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* A request was parsed and found whole; the script has not seen it. APUS_EXIT: it is dealt with, no script runs. */
    APUS_HOOK_REQUEST = 1,
    /* A reply was parsed; reply_route has not seen it. APUS_EXIT: it is dealt with. */
    APUS_HOOK_REPLY = 2,
    /* reply_route is over and did not drop the reply. APUS_EXIT: it is dealt with (tm matched it), nothing is forwarded statelessly. */
    APUS_HOOK_REPLY_ROUTED = 3,
    /* The request's script has ended, whatever it did. The result is not read. */
    APUS_HOOK_REQUEST_ENDED = 4,
    /*
     * Bytes came in that are not parsed yet. `msg` knows them and where they came from, nothing else. The callback may put others in their place.
     * APUS_EXIT: they are thrown away.
     */
    APUS_HOOK_RECEIVED = 5,
    /* Bytes are about to leave; `msg` as above, without a source. The callback may put others in their place. The result is not read. */
    APUS_HOOK_SENDING = 6,
};

typedef struct apus_hook {
    uint32_t size;
    uint32_t point; /* APUS_HOOK_... */
    const apus_host *APUS_NONNULL host;
    apus_msg *APUS_NONNULL msg; /* *call* */
    void *APUS_NULLABLE user;
    /* Of APUS_HOOK_RECEIVED and APUS_HOOK_SENDING: where other bytes may be put. They are copied when the callback returns. */
    apus_str *APUS_NULLABLE bytes;
    const apus_destination *APUS_NULLABLE destination; /* of APUS_HOOK_SENDING: where to. *call* */
} apus_hook;

typedef struct apus_hooks_api {
    uint32_t size;
    /*
     * [declare] Called on the message's home worker, in the order of `loadmodule` lines, with no lock held. [no-alloc] wanted: it
     * stands on the way of every message. `call` answers APUS_TRUE to go on.
     */
    int (*APUS_NONNULL add)(const apus_host *APUS_NONNULL h, uint32_t point,
               int (*APUS_NONNULL call)(const apus_hook *APUS_NONNULL k), void *APUS_NULLABLE user);
    /*
     * [declare] The same for APUS_HOOK_RECEIVED and APUS_HOOK_SENDING, but only as long as the script in force has a block for the module's event
     * of that id: without one traffic goes its way as if there were no hook.
     */
    int (*APUS_NONNULL add_for_event)(const apus_host *APUS_NONNULL h, uint32_t point, int event,
                                      int (*APUS_NONNULL call)(const apus_hook *APUS_NONNULL k),
                                      void *APUS_NULLABLE user);
} apus_hooks_api;

#ifdef __cplusplus
}
#endif
#endif
