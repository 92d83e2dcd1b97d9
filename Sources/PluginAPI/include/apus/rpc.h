/*
 * apus/rpc.h - commands for operators: declared once, served by every door (kamcmd, JSON-RPC, FIFO, apusctl). Group: host->rpc.
 *
 *   static int list(const apus_command *c) {                        // on the management thread
 *       const apus_rpc_api *rpc = c->host->rpc;
 *       rpc->open_map(c->answer, NULL);
 *       rpc->add_int(c->answer, "transactions", 7);
 *       rpc->close(c->answer);
 *       return APUS_TRUE;
 *   }
 */
#ifndef APUS_RPC_H
#define APUS_RPC_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a command answers: a list of values, maps and arrays. Belongs to the host; one thread fills it in at a time. Rows are one array at the
 * top, so that they are a list even when there is one of them or none; a door whose protocol has rows (kamcmd's) sends them one by one.
 */
typedef struct apus_answer apus_answer;

/* One execution of a command. Lives until the command has answered: until `call` returns, or, deferred, until `finish`. */
typedef struct apus_command {
    uint32_t size;
    uint32_t count; /* of args: as many as the signature lists, given or not; with `...` as many as were given */
    const apus_host *APUS_NONNULL host;
    const apus_arg *APUS_NULLABLE args;
    apus_answer *APUS_NONNULL answer;
    void *APUS_NULLABLE user; /* the command's own */
    /* Two numbers of the command's own: 0 at first, kept between its calls after APUS_RPC_MORE. */
    uint64_t *APUS_NONNULL place;
    apus_str door, peer; /* who asks: "ctl", "tcp:127.0.0.1:4711"; empty when it is the server itself */
} apus_command;

enum {
    /* `call` runs on every worker, one after the other, with the same answer: what it opens it must close. */
    APUS_RPC_EACH_WORKER = 1u << 0,
    /* It changes nothing: doors that may only read serve it. */
    APUS_RPC_READS = 1u << 1,
    /* Its arguments of kind `value` may be maps and arrays: see `items`. */
    APUS_RPC_TREES = 1u << 2,
    /* It is a form: see below. Of a request: the language that is spoken. */
    APUS_RPC_SER_TEXT = 1u << 3, /* SER's FIFO */
    APUS_RPC_MI_TEXT = 1u << 4,  /* the management interface of OpenSER, by FIFO or datagram */
    /* Of a request: nobody gets the answer. */
    APUS_RPC_UNHEARD = 1u << 5,
    /* It is heavy work, such as reading tables anew: 500 when its last call is not rpc_exec_delta seconds ago (a global parameter, 0). */
    APUS_RPC_SPACED = 1u << 6,
};

/*
 * Forms. In the older text protocols some commands have arguments and replies of their own. An apus_rpc with APUS_RPC_SER_TEXT or APUS_RPC_MI_TEXT
 * is executed in the place of the command of that name by doors that speak that language; it is no command for any other. Its arguments are
 * texts, as many as came: it says itself what is missing. Its answer is the reply as texts, the status line first ("404 Not found"), none for
 * 200. In SER's text its `args` say where an argument ends, in these words:
 *   line   one line, which is not empty: an empty one ends the request     blank  one line, which may be empty
 *   lines  up to an empty line or a dot    body  up to a dot    body?  the same, and an empty line in its place ends the request
 *   rest   each line, up to an empty one
 */

/*
 * A command's answer that it is not complete: it is called again, with the same arguments and `place`, as soon as whoever asks has taken what
 * there is up to now. Maps and arrays that are open stay so. For answers that may become long: a few hundred values a call. Not after `defer`.
 */
enum { APUS_RPC_MORE = 2 };

/* For `go_on`: back to the management thread. */
enum { APUS_RPC_MANAGEMENT = 0x7fffffff };

/* One step through a structured value, an argument or an answer: what is in a map or array stands between its beginning and its end. */
enum {
    APUS_ITEM_TEXT = 1,   /* str: a text that may stand for a number, as of a FIFO's line */
    APUS_ITEM_STRING = 2, /* str: a text that is none. Answers have these only */
    APUS_ITEM_INT = 3,    /* num */
    APUS_ITEM_DOUBLE = 4, /* real */
    APUS_ITEM_MAP = 5,
    APUS_ITEM_ARRAY = 6,
    APUS_ITEM_END = 7,    /* of the map or array that was opened last */
};

typedef struct apus_item {
    uint32_t kind;
    uint32_t keyed; /* it is a member of a map, and `key` its name */
    apus_str key;
    apus_str str;
    int64_t num;
    double real;
} apus_item;

/* An answer, or a part of one, as a door reads it. */
typedef struct apus_items apus_items;

/* Why a command was not called. */
enum {
    APUS_RPC_UNKNOWN = 1,   /* there is none of that name: 404 */
    APUS_RPC_ARGUMENTS = 2, /* they do not fit: 400 */
    APUS_RPC_FORBIDDEN = 3, /* it changes something: 403 */
};

/* How an execution went, or a part of its answer. Lives for the *call*. */
typedef struct apus_result {
    uint32_t size;
    int32_t code;  /* 200, or the fault's */
    apus_str text; /* the fault's; empty with 200 */
    /* With 200: `next` shows it. With `more` it is the part behind what was shown before; items may be open across parts. */
    const apus_items *APUS_NULLABLE answer;
    uint32_t more;    /* the answer goes on: after rpc->more there comes another result */
    uint32_t refusal; /* the command was not called at all: APUS_RPC_UNKNOWN ...; else 0 */
    uint64_t execution;
    void *APUS_NULLABLE user;
} apus_result;

/* A command to be executed. All of it is copied by `start`. */
typedef struct apus_request {
    uint32_t size;
    uint32_t flags; /* APUS_RPC_READS: 403 for commands that change something; APUS_RPC_..._TEXT, APUS_RPC_UNHEARD */
    apus_str name;  /* or an alias; with a ..._TEXT in any case, and 500 when there is none */
    /* The arguments in order; one that is a map or array takes several items. Members of maps have keys. */
    const apus_item *APUS_NULLABLE items;
    uint32_t count; /* of items */
    /* Bytes of an answer, about as it was built; beyond it the fault 413. 0: 64 MiB. Parts count for themselves when `parts` is set. */
    uint32_t max_answer;
    uint32_t parts; /* 1: `done` may be called several times, with parts; 0: once, with everything */
    uint32_t reserved;
    apus_str door, peer;
    /* [management] See `start`. */
    void (*APUS_NONNULL done)(const apus_host *APUS_NONNULL h, const apus_result *APUS_NONNULL r);
    void *APUS_NULLABLE user;
} apus_request;

/* A command. All of it is copied by add_command. */
typedef struct apus_rpc {
    uint32_t size;
    uint32_t flags;
    const char *APUS_NONNULL name;     /* "tm.stats" */
    const char *APUS_NULLABLE aliases; /* older names, "t_stats ds_list": of FIFO and MI */
    const char *APUS_NULLABLE args;    /* a signature as of script functions, with the kinds int, string, value and word */
    const char *APUS_NONNULL doc;      /* one sentence */
    /*
     * [management], or [worker] with APUS_RPC_EACH_WORKER: APUS_TRUE when the answer is complete, APUS_FALSE after `fault`, APUS_SUSPENDED
     * after `defer`, APUS_RPC_MORE when it is to be called again. It must not block. On a worker it has
     * `command_timeout` milliseconds (a global parameter, 10000) until the fault 504.
     */
    int (*APUS_NONNULL call)(const apus_command *APUS_NONNULL c);
    void *APUS_NULLABLE user;
    /*
     * What it answers when it does not fault: `int`, `double`, `string`, `value` (one of these), `any`, `{name:string, more?:int, *:any}`,
     * `[string]`, `string...` (any number of values at the top), `none`. system.methodHelp prints it; a debug build of the server answers 500
     * when the command answers something else. Null: not said.
     */
    const char *APUS_NULLABLE reply;
} apus_rpc;

typedef struct apus_rpc_api {
    uint32_t size;

    /* [declare] APUS_FALSE with a logged reason when the declaration is wrong or the name is taken. */
    int (*APUS_NONNULL add_command)(const apus_host *APUS_NONNULL h, const apus_rpc *APUS_NONNULL r);

    /*
     * On the thread that has the command: the parts of the answer, in order. `key` names a member of the map that is open, null in an array
     * and at the top. Texts are copied.
     */
    void (*APUS_NONNULL add_int)(apus_answer *APUS_NONNULL a, const char *APUS_NULLABLE key, int64_t value);
    void (*APUS_NONNULL add_double)(apus_answer *APUS_NONNULL a, const char *APUS_NULLABLE key, double value);
    void (*APUS_NONNULL add_text)(apus_answer *APUS_NONNULL a, const char *APUS_NULLABLE key, apus_str value);
    void (*APUS_NONNULL open_map)(apus_answer *APUS_NONNULL a, const char *APUS_NULLABLE key);
    void (*APUS_NONNULL open_array)(apus_answer *APUS_NONNULL a, const char *APUS_NULLABLE key);
    void (*APUS_NONNULL close)(apus_answer *APUS_NONNULL a);
    /* Instead of an answer, or of the rest of one: a code (400 for what the caller did wrong, 404, 500 ...) and a sentence. */
    void (*APUS_NONNULL fault)(apus_answer *APUS_NONNULL a, int code, apus_str text);

    /*
     * In `call`: the answer comes later; the caller then returns APUS_SUSPENDED. The command stays valid, on any thread, until `finish`, or
     * until `milliseconds` are over: then the door has answered 504 and `finish` does nothing. 0: no time limit. The result names it.
     */
    uint64_t (*APUS_NONNULL defer)(const apus_command *APUS_NONNULL c, uint32_t milliseconds);
    /* [any] The command of a deferral, to fill in its answer; null when its time is over. Between `resume` and `finish` it cannot run out. */
    const apus_command *APUS_NULLABLE (*APUS_NONNULL resume)(const apus_host *APUS_NONNULL h, uint64_t deferral);
    /* [any] After `resume`: the answer is complete, and belongs to the door. */
    void (*APUS_NONNULL finish)(const apus_host *APUS_NONNULL h, uint64_t deferral);

    /*
     * [any] Executes a command by name or alias with arguments as texts. `done` is called once, on the management thread: code 200 and the answer
     * as JSON, or the fault's code and text; both live for the *call*. While the server starts or stops, and for `apus -c`, there is no such
     * thread: then it is called with the fault 503 before execute returns.
     */
    void (*APUS_NONNULL execute)(const apus_host *APUS_NONNULL h, apus_str name, const apus_str *APUS_NULLABLE args, uint32_t count,
                    void (*APUS_NONNULL done)(const apus_host *APUS_NONNULL h, int code, apus_str answer,
                                              void *APUS_NULLABLE user),
                    void *APUS_NULLABLE user);

    /*
     * [any] Executes a command for a door. `done` is called on the management thread, never before start returns; only when there is no such
     * thread (the server starts or stops, `apus -c`), with the fault 503 before it returns. Names the execution, never 0.
     *
     * How arguments fit: a parameter of kind int takes INT and a TEXT that is a number; string, word and value take anything but maps and arrays,
     * numbers as their decimal text. Otherwise, and for too few or too many: the fault 400.
     */
    uint64_t (*APUS_NONNULL start)(const apus_host *APUS_NONNULL h, const apus_request *APUS_NONNULL r);
    /* [management] Whoever asked is gone: `done` is not called (again). What the command has begun goes on; its answer is thrown away. */
    void (*APUS_NONNULL cancel)(const apus_host *APUS_NONNULL h, uint64_t execution);
    /* [management] After a result with `more`, also in `done`: the door has room for the next part. */
    void (*APUS_NONNULL more)(const apus_host *APUS_NONNULL h, uint64_t execution);
    /*
     * [management] In `done`: the next item of an answer. `*position` is 0 at first. APUS_FALSE behind the last one. Keys and texts live
     * until `done` returns.
     */
    int (*APUS_NONNULL next)(const apus_items *APUS_NONNULL a, uint64_t *APUS_NONNULL position, apus_item *APUS_NONNULL out);
    /* In a command: the items of an argument as the door got it, null when it was not given. They live until the command has answered. */
    const apus_item *APUS_NULLABLE (*APUS_NONNULL items)(const apus_command *APUS_NONNULL c, uint32_t index,
                                                         uint32_t *APUS_NONNULL count);
    /* [any] The `args` of a command's form in a language, APUS_RPC_..._TEXT; without text when it has none there. They live *for ever*. */
    apus_str (*APUS_NONNULL form)(const apus_host *APUS_NONNULL h, uint32_t language, apus_str name);

    /*
     * In `call`, and in `then`: the command goes on on that worker, or with APUS_RPC_MANAGEMENT on the management thread; the caller returns the result at once. [worker] `then` answers as `call`
     * does, but for APUS_RPC_MORE: it completes the answer, or goes on on the next worker. When the worker has not got to it within
     * `milliseconds` (0: no limit) the door has answered 504 and `then` is not called any more. `release` (may be null) frees `user`, once:
     * after `then`, or instead of it. APUS_SUSPENDED; or APUS_FALSE, with a fault, when there is no such worker, or it goes on already.
     */
    int (*APUS_NONNULL go_on)(const apus_command *APUS_NONNULL c, uint32_t worker, uint32_t milliseconds,
                 int (*APUS_NONNULL then)(const apus_command *APUS_NONNULL c, void *APUS_NULLABLE user),
                 void *APUS_NULLABLE user, void (*APUS_NULLABLE release)(void *APUS_NULLABLE user));
} apus_rpc_api;

#ifdef __cplusplus
}
#endif
#endif
