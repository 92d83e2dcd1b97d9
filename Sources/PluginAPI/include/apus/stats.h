/*
 * apus/stats.h - counters. Group: host->stats.
 */
#ifndef APUS_STATS_H
#define APUS_STATS_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    APUS_STAT_COUNTER = 1,  /* only grows */
    APUS_STAT_LEVEL = 2,    /* goes up and down */
    APUS_STAT_COMPUTED = 3, /* computed when somebody reads it */
};

/* A statistic as it is now. Texts live *for ever*. */
typedef struct apus_statistic {
    uint32_t size;
    uint32_t id;
    uint32_t kind; /* APUS_STAT_... */
    uint32_t reserved;
    apus_str group, name, doc;
    int64_t total; /* since the start */
    int64_t value; /* since it was rebased */
} apus_statistic;

/* The ids of a server's statistics are 1, 2, 3 and so on. */
typedef struct apus_stats_api {
    uint32_t size;
    /* [declare] [start] A counter group:name; its id. The same name again answers the same id. 0: none could be made, counting it does nothing. */
    uint32_t (*APUS_NONNULL add)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL group, const char *APUS_NONNULL name,
                    const char *APUS_NONNULL doc);
    /* [declare] [start] A value that is computed when somebody reads it, on the reader's thread. */
    int (*APUS_NONNULL add_gauge)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL group, const char *APUS_NONNULL name,
                     const char *APUS_NONNULL doc, int64_t (*APUS_NONNULL read)(void *APUS_NULLABLE user),
                     void *APUS_NULLABLE user);
    /* [worker] [no-alloc] One addition in the worker's own shard. Counters only grow. */
    void (*APUS_NONNULL bump)(const apus_host *APUS_NONNULL h, uint32_t id, uint64_t by);
    /* [any] Sum over all workers. 0 for an unknown name. */
    uint64_t (*APUS_NONNULL read)(const apus_host *APUS_NONNULL h, apus_str group, apus_str name);

    /* [declare] [start] As `add`, for what goes up and down: `bump` takes a negative number as its two's complement. */
    uint32_t (*APUS_NONNULL add_level)(const apus_host *APUS_NONNULL h, const char *APUS_NONNULL group, const char *APUS_NONNULL name,
                          const char *APUS_NONNULL doc);
    /* [any] The id of group:name; 0 when there is none. */
    uint32_t (*APUS_NONNULL find)(const apus_host *APUS_NONNULL h, apus_str group, apus_str name);
    /* [any] APUS_FALSE when there is no statistic of that id. */
    int (*APUS_NONNULL describe)(const apus_host *APUS_NONNULL h, uint32_t id, apus_statistic *APUS_NONNULL out);
    /*
     * [any] For those who read apus_statistic.value and for scripts ($stat) the statistic goes on from this number: a reset is a rebase to 0.
     * Its total, which others build rates of, is not touched. APUS_FALSE for what is computed, and for an unknown id.
     */
    int (*APUS_NONNULL rebase)(const apus_host *APUS_NONNULL h, uint32_t id, int64_t value);
    /*
     * [start] [any] From now on replies are counted by method and status code: they are not from the start, as that takes a look into each one that
     * leaves. APUS_FALSE when the server does not run.
     */
    int (*APUS_NONNULL count_replies)(const apus_host *APUS_NONNULL h);
    /*
     * [any] Replies with that status code (100 to 699) to requests of that method that have come and that have left, each transmission for itself,
     * since count_replies. All methods that the server does not know are one. APUS_FALSE for another code, and when the server does not run.
     */
    int (*APUS_NONNULL replies)(const apus_host *APUS_NONNULL h, apus_str method, uint32_t code,
                                uint64_t *APUS_NONNULL received, uint64_t *APUS_NONNULL sent);
} apus_stats_api;

#ifdef __cplusplus
}
#endif
#endif
