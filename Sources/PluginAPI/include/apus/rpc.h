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

/* What a command answers: a list of values, maps and arrays. Belongs to the host; one thread fills it in at a time. */
typedef struct apus_answer apus_answer;

/* One execution of a command. Lives until the command has answered: until `call` returns, or, deferred, until `finish`. */
typedef struct apus_command {
    uint32_t size;
    uint32_t count; /* of args: as many as the signature lists, given or not; with `...` as many as were given */
    const apus_host *APUS_NONNULL host;
    const apus_arg *APUS_NULLABLE args;
    apus_answer *APUS_NONNULL answer;
    void *APUS_NULLABLE user; /* the command's own */
} apus_command;

enum {
    /* `call` runs on every worker, one after the other, with the same answer: what it opens it must close. */
    APUS_RPC_EACH_WORKER = 1u << 0,
    /* It changes nothing: doors that may only read serve it. */
    APUS_RPC_READS = 1u << 1,
};

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
     * after `defer`. It must not block.
     */
    int (*APUS_NONNULL call)(const apus_command *APUS_NONNULL c);
    void *APUS_NULLABLE user;
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
    /* Instead of an answer: a code (400 for what the caller did wrong, 404, 500 ...) and a sentence. */
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
} apus_rpc_api;

#ifdef __cplusplus
}
#endif
#endif
