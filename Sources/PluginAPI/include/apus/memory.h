/*
 * apus/memory.h - memory for what lives longer than a run: a module's transactions, bindings, dialogs. Group: host->memory.
 */
#ifndef APUS_MEMORY_H
#define APUS_MEMORY_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the largest piece. */
#define APUS_LARGEST_PIECE 131056u

typedef struct apus_memory_api {
    uint32_t size;
    /*
     * [worker] [no-alloc] A piece of the calling worker's memory, aligned to 16 bytes, uninitialised; null when it is too large or the
     * worker's limit is reached. The module's until `release`, which the same worker must call; null is allowed there.
     */
    void *APUS_NULLABLE (*APUS_NONNULL allocate)(const apus_host *APUS_NONNULL h, size_t size);
    void (*APUS_NONNULL release)(const apus_host *APUS_NONNULL h, void *APUS_NULLABLE piece);
    /* [any] Pieces that this module holds on all workers, and the bytes in them when `bytes` is not null. For tests and reports. */
    uint64_t (*APUS_NONNULL in_use)(const apus_host *APUS_NONNULL h, uint64_t *APUS_NULLABLE bytes);
} apus_memory_api;

#ifdef __cplusplus
}
#endif
#endif
