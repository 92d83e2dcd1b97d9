/*
 * apus/config.h - parameters that `modparam` sets. Group: host->config.
 */
#ifndef APUS_CONFIG_H
#define APUS_CONFIG_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    APUS_PARAM_INT = 1,    /* a number; yes/on/true and no/off/false are 1 and 0 */
    APUS_PARAM_STRING = 2, /* a text */
    APUS_PARAM_EITHER = 3, /* a number or a text, told apart in the setter's value */
};

enum {
    APUS_REPEATABLE = 1u << 0, /* each modparam counts; without it the last one wins, with a warning */
};

/*
 * A parameter. All of it is copied by add_parameter. A value arrives either in `into`, before `start` runs, or through `set`;
 * exactly one of the two is given.
 */
typedef struct apus_parameter {
    uint32_t size;
    uint32_t kind;
    uint32_t flags;
    uint32_t reserved;
    const char *APUS_NONNULL name;
    const char *APUS_NONNULL doc;      /* one sentence, with the unit */
    const char *APUS_NULLABLE initial; /* the default as one writes it; it is stored in `into` at once. Null: 0 or no text */
    int64_t min, max;                  /* range of a number; both 0: any */
    /* Where the value goes: an int64_t for APUS_PARAM_INT, an apus_str for APUS_PARAM_STRING, whose text then lives *for ever*. */
    void *APUS_NULLABLE into;
    /*
     * Takes one value, on the main thread after `declare` and before `start`, also for `apus -c`; its text lives *for ever*. APUS_FALSE
     * refuses it, with a reason written to the log. What is written to the log by a setter that accepts the value is shown as a remark.
     */
    int (*APUS_NULLABLE set)(const apus_host *APUS_NONNULL h, const apus_value *APUS_NONNULL value,
                             void *APUS_NULLABLE user);
    void *APUS_NULLABLE user;
    /*
     * [worker] Given, the parameter may change while the server runs: every worker is told the new value here, between two messages. `place` is
     * where the value in force stood when the server started; a text lives *for ever*. What the worker goes by is the module's own copy, one a
     * worker, since nobody writes to `place` any more.
     */
    void (*APUS_NULLABLE changed)(const apus_host *APUS_NONNULL h, const void *APUS_NONNULL place,
                                  const apus_value *APUS_NONNULL value, void *APUS_NULLABLE user);
    /* With `changed`: where the value in force stands once `start` has run, an int64_t, for APUS_PARAM_STRING an apus_str. Null: `into`. */
    const void *APUS_NULLABLE in_force;
    /* The range of a change to a number; both 0: min and max. */
    int64_t changed_min, changed_max;
    /*
     * With `changed` and `in_force`: fills in the value in force that a value of the config stands for, in other units perhaps, when the config is
     * read again. On the thread that reads it, beside the workers: it changes nothing. APUS_FALSE when that cannot be told. Null: the
     * parameter is set from the config at the start only.
     */
    int (*APUS_NULLABLE reading)(const apus_host *APUS_NONNULL h, const apus_value *APUS_NONNULL value,
                                 apus_value *APUS_NONNULL out, void *APUS_NULLABLE user);
} apus_parameter;

/* A parameter that may change while the server runs, as it is now. Texts live *for ever*. */
typedef struct apus_setting {
    uint32_t size;
    uint32_t kind;             /* APUS_PARAM_INT or APUS_PARAM_STRING */
    apus_str group, name, doc; /* the group is a module, `core`, or the script's own */
    int64_t min, max;          /* range of a number; both 0: any */
    apus_value value;
    apus_value initial;        /* when the server started; null for an instance that had no value of its own then */
    /*
     * 1: it is shown as an instance of the group has it, `group[id]`, which a script chooses for a run by cfg_select. Instances of a group stand
     * behind the group itself, each with all of its parameters.
     */
    uint32_t is_instance;
    uint32_t is_own;           /* the instance has a value of its own; else it is the group's */
    int64_t id;                /* of the instance */
} apus_setting;

typedef struct apus_change {
    apus_str group, name; /* the group may be an instance that exists, "group[7]" */
    apus_value value;     /* its text is copied. Null takes away what an instance has of its own: it has the group's value again */
} apus_change;

/* Whose ways the config follows, by its first line: of what a number's unit may depend on. */
enum {
    APUS_DIALECT_ANY = 0,      /* no marker, or #!MAXCOMPAT */
    APUS_DIALECT_SER = 1,      /* #!SER */
    APUS_DIALECT_KAMAILIO = 2, /* #!KAMAILIO, #!OPENSER */
};

/* What runs here. Texts live *for ever*; what is not known is empty. */
typedef struct apus_server_facts {
    uint32_t size;
    uint32_t reserved;
    apus_str name, version;         /* "apus", "1.2.3" */
    apus_str full;                  /* as the Server header has it */
    apus_str architecture, system;  /* "x86_64", "linux" */
    apus_str revision, built;       /* of the source: its id and date */
    apus_str compiler, flags;
} apus_server_facts;

typedef struct apus_config_api {
    uint32_t size;

    /* [declare] APUS_FALSE with a logged reason when the declaration is wrong. */
    int (*APUS_NONNULL add_parameter)(const apus_host *APUS_NONNULL h, const apus_parameter *APUS_NONNULL p);

    /*
     * [start] [worker] A global parameter of the core by its name in the config ("reply_to_via", "server_header"): its value when the server
     * started; `follow` tells of changes. APUS_FALSE when there is none of that name. The text lives *for ever*.
     */
    int (*APUS_NONNULL core)(const apus_host *APUS_NONNULL h, apus_str name, apus_value *APUS_NONNULL out);

    /* [start] [worker] The dialect of the config, APUS_DIALECT_...; for parameters' setters too. */
    uint32_t (*APUS_NONNULL dialect)(const apus_host *APUS_NONNULL h);

    /* [management] The parameters that may change while the server runs, from index 0 on; those of a group together. APUS_FALSE: no more. */
    int (*APUS_NONNULL setting)(const apus_host *APUS_NONNULL h, uint32_t index, apus_setting *APUS_NONNULL out);

    /*
     * [management] Makes all of these changes, or none and says why. Each worker sees them between two of its messages, all at once: a message
     * that a worker has begun, and its script unless it waits, goes by the old values to its end.
     */
    int (*APUS_NONNULL change)(const apus_host *APUS_NONNULL h, const apus_change *APUS_NONNULL changes, uint32_t count,
                  apus_complaint *APUS_NONNULL why);

    /* [start] [worker] The config's file, as an absolute path; empty when it came by standard input. *for ever* */
    apus_str (*APUS_NONNULL file)(const apus_host *APUS_NONNULL h);
    /*
     * [management] Gives a group an instance, `group[id]`, with the group's values until others are set; nothing happens when it exists.
     * APUS_FALSE, with the reason, for a group that is not there, and when there are too many.
     */
    int (*APUS_NONNULL add_instance)(const apus_host *APUS_NONNULL h, apus_str group, int64_t id,
                                     apus_complaint *APUS_NONNULL why);
    /* [management] Takes an instance away with its values: runs that have chosen it go by the group's. APUS_FALSE when there is none. */
    int (*APUS_NONNULL delete_instance)(const apus_host *APUS_NONNULL h, apus_str group, int64_t id,
                                        apus_complaint *APUS_NONNULL why);

    /*
     * [start] From now on every worker is told in `changed`, between two messages, when a global parameter of the core is given another value
     * while the server runs. APUS_FALSE when none of that name may change. The value lives for the *call*, its text *for ever*.
     */
    int (*APUS_NONNULL follow)(const apus_host *APUS_NONNULL h, apus_str name,
                               void (*APUS_NONNULL changed)(const apus_host *APUS_NONNULL h,
                                                            const apus_value *APUS_NONNULL value,
                                                            void *APUS_NULLABLE user),
                               void *APUS_NULLABLE user);

    /* [any] Fills in all but `size`. */
    void (*APUS_NONNULL server)(const apus_host *APUS_NONNULL h, apus_server_facts *APUS_NONNULL out);
    /* [start] [any] From `start` on: whether a module of that name is loaded. */
    int (*APUS_NONNULL is_loaded)(const apus_host *APUS_NONNULL h, apus_str module);
} apus_config_api;

#ifdef __cplusplus
}
#endif
#endif
