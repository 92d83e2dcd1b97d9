/*
 * apus/loop.h - waiting for descriptors, and work for the management thread. Group: host->loop.
 *
 * The management thread is the one on which operators are served: commands, the doors through which they come, and what a module has to do
 * that is no business of a worker. Nothing on it may block. [management] says: on this thread, inside a callback.
 *
 *   static void begun(const apus_host *h, void *user) {            // on the management thread: the workers run
 *       watch = h->loop->watch(h, fd, APUS_READABLE, readable, NULL);
 *   }
 *   static int start(const apus_host *h) { fd = open_something(); return h->loop->serve(h, begun, ended, NULL); }
 */
#ifndef APUS_LOOP_H
#define APUS_LOOP_H

#include <apus/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a watched descriptor is ready for. */
enum {
    APUS_READABLE = 1u << 0,
    APUS_WRITABLE = 1u << 1,
    APUS_HUNG_UP = 1u << 2, /* the far side is gone, or an error waits: reported always, never asked for */
};

typedef struct apus_loop_api {
    uint32_t size;

    /*
     * [worker] [management] Calls `ready` on the calling thread as long as the descriptor is ready for one of `events` (level-triggered).
     * The descriptor stays the caller's, who ends the watch before closing it. The watch's id, never 0; 0 with a logged reason when the
     * kernel refuses.
     */
    uint64_t (*APUS_NONNULL watch)(const apus_host *APUS_NONNULL h, int fd, uint32_t events,
                      void (*APUS_NONNULL ready)(const apus_host *APUS_NONNULL h, uint64_t watch, uint32_t events,
                                                 void *APUS_NULLABLE user),
                      void *APUS_NULLABLE user);
    /* On the thread that began the watch: other events from now on; 0 for APUS_HUNG_UP only. A watch that has ended answers APUS_FALSE. */
    int (*APUS_NONNULL change)(const apus_host *APUS_NONNULL h, uint64_t watch, uint32_t events);
    /*
     * On the thread that began the watch: `ready` is not called any more, not even for an event that is there already, and `user` may be
     * freed. Also in `ready`. A watch that has ended answers APUS_FALSE.
     */
    int (*APUS_NONNULL unwatch)(const apus_host *APUS_NONNULL h, uint64_t watch);

    /*
     * [any] Runs the job on the management thread, in the order of posting: see apus_job. APUS_FALSE when that thread is not there yet or any
     * more: the job was not taken then. A job that was taken runs before `ended` of `serve`.
     */
    int (*APUS_NONNULL post)(const apus_host *APUS_NONNULL h, apus_job *APUS_NONNULL job);
    /* [any] Whether the caller is on the management thread. timer->prepare, arm and disarm work there as they do on workers. */
    int (*APUS_NONNULL is_management)(const apus_host *APUS_NONNULL h);
    /*
     * [declare] [start] Calls `begun` on the management thread when all workers run and commands are executed, and `ended` there after the
     * last worker has ended and every execution was answered, in the reverse order: watches and timers on this thread must be over after it.
     * Neither is called when the server does not come so far. Either may be null.
     */
    int (*APUS_NONNULL serve)(const apus_host *APUS_NONNULL h,
                 void (*APUS_NULLABLE begun)(const apus_host *APUS_NONNULL h, void *APUS_NULLABLE user),
                 void (*APUS_NULLABLE ended)(const apus_host *APUS_NONNULL h, void *APUS_NULLABLE user),
                 void *APUS_NULLABLE user);
} apus_loop_api;

#ifdef __cplusplus
}
#endif
#endif
