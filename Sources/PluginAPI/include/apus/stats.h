/*
 * apus/stats.h - counters. Group: host->stats.
 */
#ifndef APUS_STATS_H
#define APUS_STATS_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct apus_stats_api {
    uint32_t size;
    /* [declare] A counter group:name; its id. The same name again answers the same id. 0: none could be made, counting it does nothing. */
    uint32_t (*APUS_NONNULL add)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL group, const char *APUS_NONNULL name,
                    const char *APUS_NONNULL doc);
    /* [declare] A value that is computed when somebody reads it, on the reader's thread. */
    int (*APUS_NONNULL add_gauge)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL group, const char *APUS_NONNULL name,
                     const char *APUS_NONNULL doc, int64_t (*APUS_NONNULL read)(void *APUS_NULLABLE user),
                     void *APUS_NULLABLE user);
    /* [worker] [no-alloc] One addition in the worker's own shard. Counters only grow. */
    void (*APUS_NONNULL bump)(const apus_host *APUS_NONNULL h, uint32_t id, uint64_t by);
    /* [any] Sum over all workers. 0 for an unknown name. */
    uint64_t (*APUS_NONNULL read)(const apus_host *APUS_NONNULL h, apus_str group, apus_str name);
} apus_stats_api;

#ifdef __cplusplus
}
#endif
#endif
