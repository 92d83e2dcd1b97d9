/*
 * apus/shared.h - what all workers read and somebody replaces now and then: destination sets, lists of permissions. Group: host->shared.
 *
 * Such a thing is a snapshot: built aside, never changed once workers see it, and replaced as a whole by one atomic store of its address. A callback
 * reads the address once and uses what it leads to until it returns; a function that waits reads it again when it goes on, and keeps no pointer
 * into it. So whoever has replaced it knows when nobody can see the old one any more: when every worker has been between two callbacks since.
 *
 *   static _Atomic(table *) current;
 *   static void forget(const apus_host *h, void *old) { table_free(old); }
 *   static void replace(const apus_host *h, table *made) {       // one thread at a time
 *       table *old = atomic_exchange(&current, made);
 *       if (old) h->shared->retire(h, old, forget);
 *   }
 */
#ifndef APUS_SHARED_H
#define APUS_SHARED_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct apus_shared_api {
    uint32_t size;

    /*
     * [any] Workers that begin a callback from now on do not see `old`. `release` is called with it once, when every worker has been between two
     * callbacks since: on the management thread, so that what a callback there reads is safe for the same reason (on a worker while that
     * thread is not there). In `start` and `stop` at once; what was retired shortly before the workers end may stay. It takes a little memory:
     * not for every message.
     */
    void (*APUS_NONNULL retire)(const apus_host *APUS_NONNULL h, void *APUS_NONNULL old,
                   void (*APUS_NONNULL release)(const apus_host *APUS_NONNULL h, void *APUS_NONNULL old));
} apus_shared_api;

#ifdef __cplusplus
}
#endif
#endif
