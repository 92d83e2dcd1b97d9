/*
 * apus/base.h - the words that every other header of the contract uses.
 *
 * The contract between Apus and its modules is these headers and nothing else. It is C11, needs <stddef.h> and <stdint.h> only,
 * and compiles without a warning under clang, gcc and g++.
 *
 * How to read it
 *   Threads     [declare] only while the module's `declare` runs      [start]  only while `start` runs
 *               [worker]  on a worker thread, inside a callback       [any]    from any thread, at any time
 *               [management] on the management thread, inside a callback: loop.h
 *               [no-alloc] takes no memory from the system and no lock: meant for every message
 *   Lifetimes   of what a pointer or an apus_str points to:
 *               *call*        until the callback that received or asked for it returns
 *               *run*         until the script run ends, suspensions included
 *               *program*     as long as the script that it stands in: until no run of that script lasts, and no module holds a route of it.
 *                             A reload puts another script in force while runs of the old one go on
 *               *for ever*    until the process ends
 *               Without a mark, what a module hands to the host is copied before the function returns.
 *   Ownership   a handle (apus_msg, apus_run, ...) belongs to the host; a module never frees one.
 *   Growth      structs that cross begin with `size`, set by their maker. New members are added at the end, marked "since 1.n",
 *               and read through APUS_HAS. Anything removed, reordered or re-typed is a new major version.
 *
 * Changes of the contract
 *   0.9  first version, still moving: a module must be built against the server's own minor version until 1.0.
 */
#ifndef APUS_BASE_H
#define APUS_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define APUS_EXTERN extern "C"
#else
#define APUS_EXTERN extern
#endif

#define APUS_ABI_MAJOR 0
#define APUS_ABI_MINOR 9

#ifdef __clang__
#define APUS_NONNULL _Nonnull
#define APUS_NULLABLE _Nullable
#else
#define APUS_NONNULL
#define APUS_NULLABLE
#endif

/* True when the struct that p points to is new enough to have the member. */
#define APUS_HAS(p, member) ((p)->size >= (uint32_t)(offsetof(__typeof__(*(p)), member) + sizeof((p)->member)))

/* First member of every size-prefixed struct's initialiser: APUS_STRUCT(apus_function), .name = ... */
#define APUS_STRUCT(type) .size = (uint32_t)sizeof(type)

/* Text: pointer and length, never NUL-terminated. s is null only when there is no text at all (len is 0 then); "" has a pointer. */
typedef struct apus_str {
    const char *APUS_NULLABLE s;
    size_t len;
} apus_str;

/* An apus_str of a string literal. */
#define APUS_STR(literal) ((apus_str){(literal), sizeof(literal) - 1})

/*
 * Results of a script function, and of most functions here: above 0 is true, below 0 is false, and 0 ends the script
 * (Kamailio's rule). Functions of the host that can fail answer APUS_TRUE or a negative value and log why.
 */
enum {
    APUS_EXIT = 0,
    APUS_TRUE = 1,
    APUS_FALSE = -1,
    /* The function goes on later: see suspend.h. The script is parked, the worker is not. */
    APUS_SUSPENDED = -0x7fff0001,
};

/* Statuses with which a suspended function, an offloaded job or a look-up ends. */
enum {
    APUS_OK = 0,
    APUS_TIMED_OUT = 1, /* its time was over first */
    APUS_CANCELLED = 2, /* the server stops, or the transaction is gone */
    APUS_FAILED = 3,    /* the far side says no; the payload says why */
    APUS_BUSY = 4,      /* a bounded queue is full */
};

/* Kinds of route, as bits: where a function may be called, and where one is called. */
enum {
    APUS_REQUEST_ROUTE = 1u << 0,
    APUS_FAILURE_ROUTE = 1u << 1,
    APUS_TM_ONREPLY_ROUTE = 1u << 2,   /* onreply_route[NAME] of a transaction */
    APUS_CORE_ONREPLY_ROUTE = 1u << 3, /* reply_route */
    APUS_BRANCH_ROUTE = 1u << 4,
    APUS_ONSEND_ROUTE = 1u << 5,
    APUS_LOCAL_ROUTE = 1u << 6,
    APUS_BRANCH_FAILURE_ROUTE = 1u << 7,
    APUS_EVENT_ROUTE = 1u << 8,
    APUS_ONREPLY_ROUTE = APUS_TM_ONREPLY_ROUTE | APUS_CORE_ONREPLY_ROUTE,
    APUS_ANY_ROUTE = 0x1ff,
    /* Everything but onsend_route, where nothing may suspend or edit. */
    APUS_EDITING_ROUTE = APUS_ANY_ROUTE & ~APUS_ONSEND_ROUTE,
};

/* Opaque handles. */
typedef struct apus_host apus_host;       /* the server, as a module sees it: module.h */
typedef struct apus_msg apus_msg;         /* a SIP message: message.h */
typedef struct apus_run apus_run;         /* one run of the script: script.h */
typedef struct apus_call apus_call;       /* one call of a function in it: script.h */
typedef struct apus_variable apus_variable; /* a compiled pseudo-variable: vars.h */
typedef struct apus_format apus_format;   /* a compiled text with pseudo-variables: vars.h */
typedef struct apus_regex apus_regex;     /* a compiled regular expression: vars.h */
typedef struct apus_route apus_route;     /* a route block of the script: script.h */
typedef struct apus_listener apus_listener; /* a socket the server listens on: net.h */
typedef struct apus_avps apus_avps;       /* the AVPs of one transaction: vars.h */

#ifdef __cplusplus
}
#endif
#endif
