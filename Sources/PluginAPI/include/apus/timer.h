/*
 * apus/timer.h - periodic and one-shot timers on workers. Group: host->timer.
 */
#ifndef APUS_TIMER_H
#define APUS_TIMER_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One turn of a timer. Lives for the *call*. */
typedef struct apus_tick {
    uint32_t size;
    uint32_t worker; /* on which it runs */
    const apus_host *APUS_NONNULL host;
    uint64_t now; /* monotonic milliseconds */
    void *APUS_NULLABLE user;
} apus_tick;

enum {
    APUS_TIMER_EACH_WORKER = 1, /* on every worker */
    APUS_TIMER_ONE_WORKER = 2,  /* on worker 0 only */
};

/* A timer that is part of a module's own object, so that starting it takes no memory. */
typedef struct apus_timer {
    uint32_t size;
    uint32_t reserved;      /* the host's */
    void *APUS_NULLABLE node[8]; /* the host's */
    /* [worker] [management] Once for each `arm`, on the thread that armed it; the timer may be armed again or its object freed in it. */
    void (*APUS_NULLABLE fire)(const apus_host *APUS_NONNULL h, struct apus_timer *APUS_NONNULL t);
} apus_timer;

typedef struct apus_timer_api {
    uint32_t size;
    /* [declare] [start] A periodic timer; its interval in milliseconds, at least 10. It runs from the start of the workers to their end. */
    int (*APUS_NONNULL every)(const apus_host *APUS_NONNULL h, uint32_t milliseconds, uint32_t where,
                 void (*APUS_NONNULL tick)(const apus_tick *APUS_NONNULL t), void *APUS_NULLABLE user);
    /*
     * [worker] Once, on the calling worker, after at least `milliseconds` and about 10 ms more. Its id, never 0; 0 when memory is out.
     */
    uint64_t (*APUS_NONNULL after)(const apus_host *APUS_NONNULL h, uint32_t milliseconds,
                      void (*APUS_NONNULL tick)(const apus_tick *APUS_NONNULL t), void *APUS_NULLABLE user);
    /* [worker] On the worker that started it: true when the timer had not run yet and will not. A stale id answers APUS_FALSE. */
    int (*APUS_NONNULL cancel)(const apus_host *APUS_NONNULL h, uint64_t id);
    /* [any] [no-alloc] Monotonic milliseconds; on a worker the time at which this turn of its loop began. */
    uint64_t (*APUS_NONNULL now)(const apus_host *APUS_NONNULL h);
    /* [worker] [management] [no-alloc] Makes a timer ready, disarmed. */
    void (*APUS_NONNULL prepare)(const apus_host *APUS_NONNULL h, apus_timer *APUS_NONNULL t,
                    void (*APUS_NONNULL fire)(const apus_host *APUS_NONNULL h, apus_timer *APUS_NONNULL t));
    /* [worker] [management] [no-alloc] Fires after that many milliseconds, about 10 ms late at most; an armed one is postponed or brought forward. */
    void (*APUS_NONNULL arm)(const apus_host *APUS_NONNULL h, apus_timer *APUS_NONNULL t, uint32_t milliseconds);
    /* [worker] [management] [no-alloc] It will not fire. Its memory may be freed afterwards; a timer that was not armed may be disarmed. */
    void (*APUS_NONNULL disarm)(const apus_host *APUS_NONNULL h, apus_timer *APUS_NONNULL t);
} apus_timer_api;

#ifdef __cplusplus
}
#endif
#endif
