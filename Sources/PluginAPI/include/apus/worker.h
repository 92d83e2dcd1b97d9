/*
 * apus/worker.h - the worker threads. Group: host->worker.
 */
#ifndef APUS_WORKER_H
#define APUS_WORKER_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A job for a worker; its first bytes belong to the host while it is posted, so that posting takes no memory. */
typedef struct apus_job {
    uint32_t size;
    uint32_t reserved;
    void *APUS_NULLABLE links[2]; /* the host's */
    /* [worker] Runs on the worker; may free the job. */
    void (*APUS_NONNULL run)(const apus_host *APUS_NONNULL h, struct apus_job *APUS_NONNULL job);
} apus_job;

/* Something to be done on another worker, with copies of what it needs: for `send` and `ask`, which read it before they return. */
typedef struct apus_errand {
    uint32_t size;
    uint32_t worker;                    /* where */
    void *APUS_NULLABLE data;           /* copied, aligned to 16 bytes */
    size_t count;                       /* bytes of data */
    const uint32_t *APUS_NULLABLE texts; /* offsets of members of `data` that are apus_str: what they point to is copied, too */
    uint32_t text_count;
    uint32_t reserved;
    /* [worker] There, with the copy, or with `data` itself when that is the calling worker. The data lives for the *call*. */
    int (*APUS_NONNULL run)(const apus_host *APUS_NONNULL h, void *APUS_NONNULL data);
} apus_errand;

typedef struct apus_worker_api {
    uint32_t size;
    /* [start] [worker] How many workers there are. */
    uint32_t (*APUS_NONNULL count)(const apus_host *APUS_NONNULL h);
    /* [any] [no-alloc] Index of the calling worker, from 0; -1 on another thread. */
    int32_t (*APUS_NONNULL index)(const apus_host *APUS_NONNULL h);
    /* [any] Runs the job on that worker. It must stay valid until then and must not be posted twice at a time. */
    void (*APUS_NONNULL post)(const apus_host *APUS_NONNULL h, uint32_t worker, apus_job *APUS_NONNULL job);
    /* [any] [no-alloc] The worker to which messages of that Call-ID come: what a module keeps for a call belongs there. */
    uint32_t (*APUS_NONNULL home)(const apus_host *APUS_NONNULL h, apus_str call_id);
    /* [any] Runs the errand on its worker, when that has time; nobody hears of its answer. APUS_FALSE: no such worker, or memory is out. */
    int (*APUS_NONNULL send)(const apus_host *APUS_NONNULL h, const apus_errand *APUS_NONNULL e);
    /*
     * [worker] The same for a function of a script, which returns the result at once: what the errand's `run` answers (above 0, or negative), or
     * APUS_SUSPENDED while the script waits for it; the function needs APUS_MAY_SUSPEND. On the calling worker it runs at once. APUS_FALSE
     * when there is no such worker, when it has not answered within `milliseconds` (0: no limit; it may still do it), and when the
     * script cannot wait.
     */
    int (*APUS_NONNULL ask)(const apus_call *APUS_NONNULL c, const apus_errand *APUS_NONNULL e, uint32_t milliseconds);
} apus_worker_api;

#ifdef __cplusplus
}
#endif
#endif
