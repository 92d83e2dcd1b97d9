/*
 * apus/offload.h - threads for work that may block: files, libraries that wait. Group: host->offload.
 *
 *   static int read_it(const apus_call *c) {
 *       reading *r = malloc(sizeof *r);                                   // an apus_job first; it belongs to the thread that works on it
 *       r->job = (apus_job){ APUS_STRUCT(apus_job), .run = work };
 *       r->token = c->host->suspend->begin(c, 5000, done, NULL);
 *       if (!r->token.value || c->host->offload->post(c->host, &r->job) < 0) { free(r); return APUS_FALSE; }
 *       return APUS_SUSPENDED;
 *   }
 *   static void work(const apus_host *h, apus_job *job) {                 // may block; then
 *       h->suspend->complete(h, ((reading *)job)->token, APUS_OK, job, free);
 *   }
 */
#ifndef APUS_OFFLOAD_H
#define APUS_OFFLOAD_H

#include <apus/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct apus_offload_api {
    uint32_t size;
    /*
     * [any] Runs the job on one of a few threads of their own, in the order of posting as they get free. On such a thread what is marked [any] may
     * be called. The job stays valid until it runs, and may be freed there; every job that was taken runs before `stop` of its module.
     * APUS_FALSE when too many wait, before `start`, and when the server stops: then the job was not taken.
     */
    int (*APUS_NONNULL post)(const apus_host *APUS_NONNULL h, apus_job *APUS_NONNULL job);
    /*
     * [start] A thread of the module's own, for a library with a loop of its own. `run` is called on it when all workers run and commands are executed;
     * what is marked [any] may be called there. `end` is called on the main thread when the server stops, after its workers have ended: `run`
     * must return then, at once; nothing else goes on before it has, neither jobs that wait nor `stop` of the module. Neither is called when
     * the server does not come so far. `name`: what listings of threads show, 15 bytes at most.
     */
    int (*APUS_NONNULL thread)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL name,
                               void (*APUS_NONNULL run)(const apus_host *APUS_NONNULL h, void *APUS_NULLABLE user),
                               void (*APUS_NONNULL end)(const apus_host *APUS_NONNULL h, void *APUS_NULLABLE user),
                               void *APUS_NULLABLE user);
} apus_offload_api;

#ifdef __cplusplus
}
#endif
#endif
