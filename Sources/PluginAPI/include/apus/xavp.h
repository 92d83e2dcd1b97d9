/*
 * apus/xavp.h - the values behind $xavp, $xavu and $xavi: under a name a number, a text, or a list of fields. Group: host->xavp.
 *
 * They belong to the AVPs of the call's run, or of the transaction that it is part of (vars->share_avps), and end with these. What stands in
 * no script reaches a transaction's by script->with_call. All functions are [worker] [no-alloc]: memory comes from the worker's slab, up to
 * a limit for each set of AVPs.
 */
#ifndef APUS_XAVP_H
#define APUS_XAVP_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds, each with names of its own. */
enum {
    APUS_XAVP = 0, /* any number of values under a name, newest first */
    APUS_XAVU = 1, /* one value under a name, and one field under a name of its list */
    APUS_XAVI = 2, /* as APUS_XAVP; the case of names does not matter */
};

/* One value, at one address until it is removed, or the list that it is a field of is removed or set, or the AVPs end. */
typedef struct apus_xavp apus_xavp;

/* Facts about a value. Texts live for the *run*. */
typedef struct apus_xavp_facts {
    uint32_t size;
    uint32_t is_list; /* 1: it has fields instead of a value */
    apus_str name;
    apus_value value; /* APUS_NULL of a list */
} apus_xavp_facts;

/* In all functions `list` is the list whose fields are meant; null: the values at the top, of that kind. */
typedef struct apus_xavp_api {
    uint32_t size;

    /* The first value, and the one behind another: whatever their names are. Null at the end, and when `list` is none. */
    apus_xavp *APUS_NULLABLE (*APUS_NONNULL first)(const apus_call *APUS_NONNULL c, uint32_t kind, apus_xavp *APUS_NULLABLE list);
    apus_xavp *APUS_NULLABLE (*APUS_NONNULL next)(apus_xavp *APUS_NONNULL x);

    /* The value of that name with that many of it before it; negative: counted from the end, -1 the last. Null: there is none. */
    apus_xavp *APUS_NULLABLE (*APUS_NONNULL find)(const apus_call *APUS_NONNULL c, uint32_t kind, apus_xavp *APUS_NULLABLE list,
                                     apus_str name, int64_t index);

    void (*APUS_NONNULL facts)(apus_xavp *APUS_NONNULL x, apus_xavp_facts *APUS_NONNULL out);

    /*
     * Puts a value in front of the others; of APUS_XAVU one of that name is set instead, where it is. A null `value` makes a list without
     * fields. Name and text are copied. Null when memory is out, the name empty, `list` none, or a field would be a list.
     */
    apus_xavp *APUS_NULLABLE (*APUS_NONNULL add)(const apus_call *APUS_NONNULL c, uint32_t kind, apus_xavp *APUS_NULLABLE list,
                                    apus_str name, const apus_value *APUS_NULLABLE value);

    /* Gives the value another one, copied, or makes it a list without fields: as `add`. Its fields end. APUS_FALSE when memory is out. */
    int (*APUS_NONNULL set)(const apus_call *APUS_NONNULL c, apus_xavp *APUS_NONNULL x, const apus_value *APUS_NULLABLE value);

    /* Puts a value of the list behind another one of it; null: in front of all. */
    void (*APUS_NONNULL move)(const apus_call *APUS_NONNULL c, uint32_t kind, apus_xavp *APUS_NULLABLE list,
                 apus_xavp *APUS_NONNULL x, apus_xavp *APUS_NULLABLE behind);

    /* Takes a value out of the list, with its fields. */
    void (*APUS_NONNULL remove)(const apus_call *APUS_NONNULL c, uint32_t kind, apus_xavp *APUS_NULLABLE list,
                   apus_xavp *APUS_NONNULL x);
} apus_xavp_api;

#ifdef __cplusplus
}
#endif
#endif
