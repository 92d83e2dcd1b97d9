/*
 * apus/dialog.h - calls that are set up and lasting (RFC 3261 section 12), for modules that show or count them. Published by dialog.so under the
 * id "dialog/1".
 *
 *   static const dialog_api *dialogs;                             // .needs = "dialog/1?"
 *   static int start(const apus_host *h) { dialogs = load_dialog(h); return APUS_TRUE; }
 *   static uint64_t lasting(const apus_host *h) {                 // 0 without the module
 *       dialog_counts counts = { APUS_STRUCT(dialog_counts) };
 *       if (dialogs) dialogs->counts(h, &counts);
 *       return counts.active;
 *   }
 *
 * Time: all times are seconds since 1970.
 */
#ifndef APUS_DIALOG_H
#define APUS_DIALOG_H

#include <apus/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIALOG_API "dialog/1"

/* How far a dialog has come. */
enum {
    DIALOG_UNCONFIRMED = 0, /* the request has been sent on, nothing but a 100 has come back */
    DIALOG_EARLY = 1,       /* a provisional response has made it */
    DIALOG_CONFIRMED = 2,   /* a 2xx has come */
    DIALOG_TERMINATED = 3,  /* it is over, and still shown for a few seconds */
};

/* How many. The first two are as it is now, the others since the start. */
typedef struct dialog_counts {
    uint32_t size;
    uint32_t reserved;
    uint64_t active; /* not terminated: `early` among them */
    uint64_t early;  /* not confirmed yet */
    uint64_t processed;
    uint64_t expired; /* ended as their time was over */
    uint64_t failed;  /* never confirmed */
} dialog_counts;

/* One dialog. Texts live for the *call*. */
typedef struct dialog_facts {
    uint32_t size;
    uint32_t state;    /* DIALOG_... */
    uint64_t number;   /* from 1 on, in the order in which dialogs come to be, never given twice: names it until the server ends */
    apus_str call_id;
    apus_str from_uri; /* of the caller */
    apus_str to_uri;
    int64_t started;
    int64_t changed;   /* when its state changed last, or a request within it was seen */
    int64_t expires;   /* when its time is over unless something comes; 0: never */
} dialog_facts;

typedef struct dialog_api {
    uint32_t size;
    uint32_t reserved;

    /* [any] Fills in all but `size`. */
    void (*APUS_NONNULL counts)(const apus_host *APUS_NONNULL h, dialog_counts *APUS_NONNULL out);
    /*
     * [any] The dialog with the lowest number above `after`: `seen` is called with it once, no lock held, before `next` returns. APUS_FALSE: there is
     * none. The cost does not grow with how many there are, or as its logarithm.
     */
    int (*APUS_NONNULL next)(const apus_host *APUS_NONNULL h, uint64_t after,
                             void (*APUS_NONNULL seen)(const apus_host *APUS_NONNULL h,
                                                       const dialog_facts *APUS_NONNULL dialog,
                                                       void *APUS_NULLABLE user),
                             void *APUS_NULLABLE user);
} dialog_api;

/* [start] dialog's interface; null when dialog.so is not loaded, which is logged unless the module names "dialog/1?" in `needs`. */
static inline const dialog_api *APUS_NULLABLE load_dialog(const apus_host *APUS_NONNULL h) {
    return (const dialog_api *)h->find(h, DIALOG_API, (uint32_t)sizeof(dialog_api));
}

#ifdef __cplusplus
}
#endif
#endif
