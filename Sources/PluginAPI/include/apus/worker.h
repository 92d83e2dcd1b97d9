/*
 * apus/worker.h - the worker threads. Group: host->worker.
 */
#ifndef APUS_WORKER_H
#define APUS_WORKER_H

#include <apus/base.h>

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
} apus_worker_api;

#ifdef __cplusplus
}
#endif
#endif
