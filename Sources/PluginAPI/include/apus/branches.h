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
    apus_str instance;    /* +sip.instance, ruid and User-Agent of the registered contact that it came from; may be empty */
    apus_str ruid;
    apus_str user_agent;
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
    /* [worker] [no-alloc] The request's own destination as a branch: Request-URI, next hop, path, q, branch flags, listener. */
    void (*APUS_NONNULL current)(apus_msg *APUS_NONNULL m, apus_branch *APUS_NONNULL out);
    /* [worker] Makes a branch the request's own destination; texts are copied. APUS_FALSE when its URI is none or memory is out. */
    int (*APUS_NONNULL set_current)(apus_msg *APUS_NONNULL m, const apus_branch *APUS_NONNULL b);
    /*
     * [worker] [no-alloc] Whether the request's own destination is still to be used: true for a request as it arrives, false as a failure route
     * begins, true again whenever Request-URI or next hop are set, false when it was made a branch (append_branch without an
     * argument) or sent.
     */
    int (*APUS_NONNULL is_new)(const apus_msg *APUS_NONNULL m);
    void (*APUS_NONNULL set_new)(apus_msg *APUS_NONNULL m, int on);
    /* [worker] [no-alloc] The branch that the script puts together in $sbranch(...): its URI is empty until it is set. And back to none. */
    void (*APUS_NONNULL prepared)(const apus_msg *APUS_NONNULL m, apus_branch *APUS_NONNULL out);
    void (*APUS_NONNULL clear_prepared)(apus_msg *APUS_NONNULL m);
} apus_branches_api;

#ifdef __cplusplus
}
#endif
#endif
