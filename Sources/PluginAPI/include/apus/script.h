/*
 * apus/script.h - functions that scripts call, and runs of the script's routes. Group: host->script.
 */
#ifndef APUS_SCRIPT_H
#define APUS_SCRIPT_H

#include <apus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which members of an apus_value hold something. Both may be set: a number that knows its text. 0 is $null. */
enum { APUS_NULL = 0, APUS_INT = 1, APUS_STRING = 2 };

/* A value of the script. The text's lifetime stands beside each function that gives one. */
typedef struct apus_value {
    uint32_t kind; /* APUS_NULL, or APUS_INT and APUS_STRING or-ed */
    uint32_t reserved;
    int64_t num;
    apus_str str;
} apus_value;

/*
 * An argument, parsed, checked and evaluated by the host according to the function's signature. Texts live for the *call*, except that
 * those of constants live as long as the *program*.
 */
typedef struct apus_arg {
    uint32_t given; /* 0: an optional argument that was left out; everything else is empty then, but for `prepared` with APUS_PREPARES_ABSENT */
    uint32_t value; /* kind `value`: what num and str hold, as apus_value.kind */
    int64_t num;    /* int, flag, word (its place in the list, from 0), value */
    apus_str str;   /* string, format, uri, word, value */
    const apus_variable *APUS_NULLABLE variable; /* variable, writable: for host->vars. *program* */
    const apus_format *APUS_NULLABLE text;       /* template: for host->vars. *program* */
    const apus_regex *APUS_NULLABLE regex;       /* regex: for host->regex. *program* when constant, else *call* */
    const apus_route *APUS_NULLABLE route;       /* route: for run. Null when no such route exists. *program* */
    void *APUS_NULLABLE prepared;                /* what the function's `prepare` made of this constant */
} apus_arg;

/* One call of a function by a script. Everything in it lives for the *call*. */
struct apus_call {
    uint32_t size;
    uint32_t count;      /* of args: as many as the signature lists, given or not; with `...` as many as were written */
    uint32_t route_kind; /* one bit of APUS_REQUEST_ROUTE ... */
    uint32_t reserved;
    const apus_host *APUS_NONNULL host; /* *for ever* */
    apus_run *APUS_NONNULL run;         /* *run* */
    apus_msg *APUS_NONNULL msg;         /* *run*; in events without a message a made-up OPTIONS */
    const apus_arg *APUS_NULLABLE args;
    void *APUS_NULLABLE user; /* the function's own */
};

enum {
    /* The function may answer APUS_SUSPENDED: the script's author learns at start where that is impossible. */
    APUS_MAY_SUSPEND = 1u << 0,
    /* The host does not list it in `apus -M` and suggestions: old spellings. */
    APUS_DEPRECATED = 1u << 1,
    /* When it is true it has sent the request on, as the request was then. */
    APUS_SENDS_REQUEST = 1u << 2,
    /* It does nothing but edit the request that is sent: the script's author learns at start where that is too late. */
    APUS_EDITS_REQUEST = 1u << 3,
    /* It ends the server: the script's author is warned at start. */
    APUS_ENDS_SERVER = 1u << 4,
    /*
     * When it is true it has answered the request. Its first argument, if it takes any, is the code: provisional ones do not count. The
     * script's author learns at start where a path answers twice.
     */
    APUS_SENDS_REPLY = 1u << 5,
    /*
     * It may add a branch or give the request another destination, or runs what may: a sending behind it is not one to the same place.
     */
    APUS_SETS_DESTINATION = 1u << 6,
    /* `prepare` is called for arguments that are left out, too, with a constant without text. */
    APUS_PREPARES_ABSENT = 1u << 7,
};

/* What is wrong with a constant: filled by a check, shown under the argument. Texts may point to the caller's stack. */
typedef struct apus_complaint {
    uint32_t size;
    uint32_t offset; /* byte of the constant at which the caret stands */
    char *APUS_NONNULL text;
    size_t capacity; /* of text, in bytes; longer complaints are cut */
    size_t len;
} apus_complaint;

/*
 * A function for scripts. All of it is copied by add_function.
 *
 * args: "name:kind, name:kind?, ..."; `?` after the kind makes it optional, a final `...` takes any number of further values of the last
 * kind. Kinds:
 *   int       a number; a numeric text or a variable is converted at run time       -> num
 *   string    a constant text, taken literally                                      -> str
 *   format    a text whose pseudo-variables are expanded at each call               -> str
 *   template  the same, but the module expands it when it needs it (vars->expand)   -> text
 *   value     a number or a text, whichever the expression gives                    -> value, num, str
 *   uri       a format that must be a SIP, SIPS or tel URI                          -> str
 *   variable  exactly one pseudo-variable                                           -> variable
 *   writable  exactly one pseudo-variable that can be assigned                      -> variable
 *   regex     POSIX extended regular expression, case-insensitive                   -> regex
 *   flag      a flag's number 0 to 31 or its declared name                          -> num
 *   avpflag   the same of the flags that `avpflags` declares                        -> num
 *   route(k)  name of a route block of kind k: request, failure, branch, onreply    -> route, str
 *   route?(k) the same, of which there may be none: nothing is said about it then   -> route, str
 *   word(a|b) one of the words, as a constant                                       -> num, str
 */
typedef struct apus_function {
    uint32_t size;
    uint32_t routes; /* where it may be called: APUS_REQUEST_ROUTE ... or-ed */
    uint32_t flags;
    uint32_t reserved;
    const char *APUS_NONNULL name;
    const char *APUS_NULLABLE args; /* null or "": none */
    const char *APUS_NONNULL doc;   /* one sentence; `apus -M` prints it */
    /* [worker] The function itself: APUS_TRUE or another value above 0, a negative value, APUS_EXIT, or APUS_SUSPENDED. */
    int (*APUS_NONNULL call)(const apus_call *APUS_NONNULL c);
    /*
     * On the thread that reads the config. Optional. Called for each constant argument that the module may want to look at (with APUS_PREPARES_ABSENT for
     * those left out, too): answers true and may leave something in *prepared, or complains and answers APUS_FALSE. What it writes to the log is shown as remarks about the argument.
     * Before the server starts, also for `apus -c`, that is the main thread, when parameters are set and `start` has not run. For a reload it is
     * a thread of its own, beside the workers: `prepare` changes nothing that they read, and goes by what the config said at the start. What it
     * makes lives in allocate_prepared, and what it compiles (vars, regex) lives as long as the *program*: nothing is to be freed.
     */
    int (*APUS_NULLABLE prepare)(const apus_host *APUS_NONNULL h, uint32_t index, apus_str constant,
                                 void *APUS_NULLABLE *APUS_NONNULL prepared, apus_complaint *APUS_NONNULL complaint);
    void *APUS_NULLABLE user;
} apus_function;

/* How a route that C asked for has ended. */
typedef struct apus_route_end {
    uint32_t size;
    int32_t code;    /* what `return` gave, or the code of the last action */
    uint32_t exited; /* the script said exit, or a function answered 0 */
    uint32_t dropped; /* the script said drop */
    void *APUS_NULLABLE user;
    apus_msg *APUS_NONNULL msg; /* that the route ran on. *call* */
} apus_route_end;

enum {
    /* The run works on the message itself, which stays until `ended`: a kept or held one, or that of the hook that starts the run. */
    APUS_IN_PLACE = 1u << 0,
    /* Functions that wait are false in it: it is over when start_run returns. */
    APUS_NO_WAIT = 1u << 1,
};

/* A run of its own. */
typedef struct apus_start {
    uint32_t size;
    uint32_t kind;  /* of route: one APUS_..._ROUTE bit */
    uint32_t flags; /* APUS_IN_PLACE, APUS_NO_WAIT; without the first the run has a copy of the message, made now, with empty slots */
    uint32_t reserved;
    const apus_route *APUS_NONNULL route;
    apus_msg *APUS_NULLABLE msg;   /* null: a made-up OPTIONS */
    apus_avps *APUS_NULLABLE avps; /* the run's AVPs, counted while it lasts; null: its own */
    /* [worker] Before the first statement, with the run's message: to set its slots, flags, destination. May be null. */
    void (*APUS_NULLABLE begun)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m, void *APUS_NULLABLE user);
    /* [worker] When the run is over, possibly before start_run returns; end->msg is still there. May be null. */
    void (*APUS_NULLABLE ended)(const apus_host *APUS_NONNULL h, const apus_route_end *APUS_NONNULL end);
    void *APUS_NULLABLE user;
} apus_start;

typedef struct apus_script_api {
    uint32_t size;

    /* [declare] Several functions of one name are told apart by their numbers of arguments. APUS_FALSE with a logged reason when wrong. */
    int (*APUS_NONNULL add_function)(const apus_host *APUS_NONNULL h, const apus_function *APUS_NONNULL f);

    /*
     * [start] [worker] The route block of that kind (one APUS_..._ROUTE bit) and name; null when there is none. On a worker in the script of the
     * run that works, else in the one in force; it lives for the *call*, unless it is held. In `start` the answer only says whether there is
     * one: a reload brings another, so it is looked up when it is to run.
     */
    const apus_route *APUS_NULLABLE (*APUS_NONNULL find_route)(const apus_host *APUS_NONNULL h, uint32_t kind, apus_str name);

    /*
     * [worker] Runs a route on behalf of a function: a C function never runs a route on its own stack. The caller must return the result
     * of `run` (APUS_SUSPENDED) at once; `then` is called on this worker when the route has ended, however often it was suspended, and its
     * result is the function's (it may call `run` again, or suspend). The route's exit and drop end the route only; `then` reads them
     * from `end`. A null `msg` means the caller's message. A run keeps to its script: of a route out of another one it takes its own route of
     * that kind and name, and when it has none it is as if the route were empty.
     */
    int (*APUS_NONNULL run)(const apus_call *APUS_NONNULL c, const apus_route *APUS_NONNULL route, uint32_t kind,
               apus_msg *APUS_NULLABLE msg,
               int (*APUS_NONNULL then)(const apus_call *APUS_NONNULL c, const apus_route_end *APUS_NONNULL end),
               void *APUS_NULLABLE user);

    /* [worker] A run of its own, of the route's script, from a timer, a posted job, a hook or an event. The script may wait. APUS_BUSY when
     * there are too many runs. */
    int (*APUS_NONNULL start_run)(const apus_host *APUS_NONNULL h, const apus_start *APUS_NONNULL s);

    /* [worker] File and line of the statement that makes the call. The text lives as long as the *program*. */
    void (*APUS_NONNULL position)(const apus_call *APUS_NONNULL c, apus_str *APUS_NONNULL file, uint32_t *APUS_NONNULL line);

    /* [worker] [no-alloc] Memory that lives for the *run*, aligned to 8 bytes, not to be freed; null when the run's limit is reached. */
    void *APUS_NULLABLE (*APUS_NONNULL allocate)(const apus_call *APUS_NONNULL c, size_t size);

    /* [any] [no-alloc] The name of a route block as the script has it: "1", "busy". *program* */
    apus_str (*APUS_NONNULL route_name)(const apus_route *APUS_NONNULL route);

    /*
     * [worker] Gives what stands in no script (a timer, another module's callback) what a function of a script has: `body` is called at once, with
     * a call on that message and with those AVPs (null: none of its own), to read and set variables and expand texts. It can neither
     * wait nor run a route; what it reads lives until it returns. The answer is that of `body`.
     */
    int (*APUS_NONNULL with_call)(const apus_host *APUS_NONNULL h, apus_msg *APUS_NONNULL m, apus_avps *APUS_NULLABLE avps,
                     int (*APUS_NONNULL body)(const apus_call *APUS_NONNULL c), void *APUS_NULLABLE user);

    /*
     * [worker] [no-alloc] A route is kept for later, as a transaction keeps a failure_route: it, and all of its script, stays until this worker
     * releases it as often as it was held. While a run or hook gives the route, it is there anyway. Null may be released.
     */
    void (*APUS_NONNULL hold_route)(const apus_host *APUS_NONNULL h, const apus_route *APUS_NONNULL route);
    void (*APUS_NONNULL release_route)(const apus_host *APUS_NONNULL h, const apus_route *APUS_NULLABLE route);

    /* Only in the `prepare` of a function or select: memory that lives as long as the *program*, aligned for any type, not to be freed. Null elsewhere. */
    void *APUS_NULLABLE (*APUS_NONNULL allocate_prepared)(const apus_host *APUS_NONNULL h, size_t size);

    /* [worker] [no-alloc] The innermost route block that the statement which makes the call stands in: its name, "" for one without. *program* */
    apus_str (*APUS_NONNULL current_route)(const apus_run *APUS_NONNULL run);
    /* [worker] [no-alloc] As `position`, for getters. */
    void (*APUS_NONNULL run_position)(const apus_run *APUS_NONNULL run, apus_str *APUS_NONNULL file, uint32_t *APUS_NONNULL line);
} apus_script_api;

#ifdef __cplusplus
}
#endif
#endif
