/*
 * apus/branches.h - the destination set of a request beside its Request-URI. Group: host->branches.
 */
#ifndef APUS_BRANCHES_H
#define APUS_BRANCHES_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* q values are thousandths: 0 to 1000; none: */
#define APUS_NO_Q (-1)

typedef struct apus_branch {
    uint32_t size;
    int32_t q;
    apus_str uri;         /* becomes the branch's Request-URI */
    apus_str destination; /* next hop; null s: by the URI */
    apus_str path;        /* Route values to put in front; may be empty */
    uint32_t flags;       /* branch flags */
    uint32_t reserved;
    const apus_listener *APUS_NULLABLE send_through;
} apus_branch;

typedef struct apus_branches_api {
    uint32_t size;
    /* [worker] Adds one; texts are copied. APUS_FALSE when the set is full (core parameter max_branches) or the URI is none. */
    int (*APUS_NONNULL append)(apus_msg *APUS_NONNULL m, const apus_branch *APUS_NONNULL b);
    /* [worker] [no-alloc] How many there are, not counting the Request-URI; the i-th, whose texts live for the *run*; no more of them. */
    uint32_t (*APUS_NONNULL count)(const apus_msg *APUS_NONNULL m);
    int (*APUS_NONNULL get)(const apus_msg *APUS_NONNULL m, uint32_t index, apus_branch *APUS_NONNULL out);
    int (*APUS_NONNULL remove)(apus_msg *APUS_NONNULL m, uint32_t index);
    void (*APUS_NONNULL clear)(apus_msg *APUS_NONNULL m);
    /* [worker] [no-alloc] q of the Request-URI itself, in thousandths or APUS_NO_Q. */
    int32_t (*APUS_NONNULL request_q)(const apus_msg *APUS_NONNULL m);
    void (*APUS_NONNULL set_request_q)(apus_msg *APUS_NONNULL m, int32_t q);
} apus_branches_api;

#ifdef __cplusplus
}
#endif
#endif
