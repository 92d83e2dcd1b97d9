/*
 * apus/suspend.h - a function that waits without blocking its worker. Group: host->suspend.
 *
 *   static int lookup(const apus_call *c) {
 *       apus_token t = c->host->suspend->begin(c, 2000, looked_up, NULL);   // looked_up runs within 2 s, whatever happens
 *       if (!t.value) return APUS_FALSE;                                    // too many runs wait already
 *       backend_ask(c->args[0].str, t);                                     // copies what it needs, returns at once
 *       return APUS_SUSPENDED;
 *   }
 *   static void backend_answered(apus_token t, answer *a) {                 // any thread
 *       host->suspend->complete(host, t, APUS_OK, a, answer_free);          // too late or twice: a is freed, nothing else
 *   }
 *   static int looked_up(const apus_call *c, int status, void *payload) {   // on the home worker, exactly once
 *       return status == APUS_OK ? APUS_TRUE : APUS_FALSE;                  // the function's result; it may suspend again
 *   }
 */
#ifndef APUS_SUSPEND_H
#define APUS_SUSPEND_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names one suspension for ever: a stale one is recognised. 0 is none. */
typedef struct apus_token {
    uint64_t value;
} apus_token;

typedef struct apus_suspend_api {
    uint32_t size;
    /*
     * [worker] Parks the run of this call; the function then returns APUS_SUSPENDED. Worker and message go different ways: nothing
     * of the call may be touched until `done` is called with it on the same worker, exactly once: by `complete`, after
     * `milliseconds` with APUS_TIMED_OUT (0: never), or with APUS_CANCELLED when the server stops. What args point to is still valid there.
     * A function that answers something else has not waited: the token is stale, and `done` is not called.
     * `done` answers like the function itself. A token of 0: too many runs wait (core parameter max_suspended), or the route cannot suspend.
     */
    apus_token (*APUS_NONNULL begin)(const apus_call *APUS_NONNULL c, uint32_t milliseconds,
                        int (*APUS_NONNULL done)(const apus_call *APUS_NONNULL c, int status,
                                                 void *APUS_NULLABLE payload),
                        void *APUS_NULLABLE user);
    /*
     * [any] Ends the suspension. `payload` now belongs to the host, which gives it to `done` and then to `release` (may be null), on the home
     * worker; when the token is stale, `release` is called at once on the calling thread. Never blocks; takes memory only when it must.
     */
    void (*APUS_NONNULL complete)(const apus_host *APUS_NONNULL h, apus_token token, int status, void *APUS_NULLABLE payload,
                     void (*APUS_NULLABLE release)(void *APUS_NULLABLE payload));
    /* [worker] In `done`: the `user` that was given to begin. */
    void *APUS_NULLABLE (*APUS_NONNULL user)(const apus_call *APUS_NONNULL c);
} apus_suspend_api;

#ifdef __cplusplus
}
#endif
#endif
