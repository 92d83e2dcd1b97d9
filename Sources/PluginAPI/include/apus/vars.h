/*
 * apus/vars.h - pseudo-variables: read, written, expanded in texts, and declared. Group: host->vars.
 */
#ifndef APUS_VARS_H
#define APUS_VARS_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a variable is indexed: $(name[3]), $(name[-1]), $(name[*]). */
enum { APUS_INDEX_NONE = 0, APUS_INDEX_NUMBER = 1, APUS_INDEX_ALL = 2 };

/* One reading or writing of a declared pseudo-variable. Lives for the *call*. */
typedef struct apus_access {
    uint32_t size;
    uint32_t index_kind;
    int64_t index;
    const apus_host *APUS_NONNULL host;
    apus_run *APUS_NONNULL run;
    apus_msg *APUS_NONNULL msg;
    apus_str inner;    /* the inner name, evaluated; s is null when none was written */
    int32_t inner_id;  /* its place in the list of `inner`, from 0; -1 when the list is open or nothing was written */
    uint32_t route_kind; /* of the run, as in apus_call */
    void *APUS_NULLABLE user;
    const apus_variable *APUS_NULLABLE variable; /* with inner "$": the pseudo-variable named inside. *program* */
} apus_access;

enum {
    APUS_PV_INDEXED = 1u << 0, /* takes an index */
    APUS_PV_DYNAMIC = 1u << 1, /* the inner name may be a pseudo-variable: $hdr($var(x)) */
    /* Its value is a number without a text, or null: the script's author learns at start where it is compared with another text. */
    APUS_PV_NUMBER = 1u << 2,
    /* It tells of the message's transaction: the script's author learns at start where there cannot be one yet. */
    APUS_PV_OF_TRANSACTION = 1u << 3,
};

/*
 * A pseudo-variable. All of it is copied by add_variable.
 * inner: null, none may be written; "a|b|c", one of these; "*", any text; with a final `?` it may be left out ("s|t|x?", "*?");
 * "$", a pseudo-variable, for read_on.
 */
typedef struct apus_pv {
    uint32_t size;
    uint32_t flags;
    const char *APUS_NONNULL name; /* without the $ */
    const char *APUS_NULLABLE inner;
    const char *APUS_NONNULL doc;
    /*
     * [worker] [no-alloc] Fills *out (APUS_NULL beforehand) and answers true; APUS_FALSE means $null. Texts must live for the *run* at least:
     * message bytes, constants, or memory from access_allocate.
     */
    int (*APUS_NONNULL get)(const apus_access *APUS_NONNULL a, apus_value *APUS_NONNULL out);
    /* [worker] Takes a value (APUS_NULL: assignment of $null), which lives for the *call*. Null: the variable is read-only. */
    int (*APUS_NULLABLE set)(const apus_access *APUS_NONNULL a, const apus_value *APUS_NONNULL value);
    void *APUS_NULLABLE user;
    /*
     * [worker] Of what somebody else has to be asked for, such as the packets that a media proxy has counted. Wherever a script names the variable it
     * is called before each reading, as a function without arguments and with `user`; it may suspend, and leaves what was answered where `get`
     * finds it (slots.h). Its result is not read. It is not called where nothing can wait, such as onsend_route, nor for texts of
     * parameters: `get` then tells what is known. May be null.
     */
    int (*APUS_NULLABLE ask)(const apus_call *APUS_NONNULL c);
} apus_pv;

/*
 * A select, SER's way to read a message: @name.part[1].part in expressions, $sel(name.part[1].part) everywhere. All paths that begin with
 * the name are the module's. All of it is copied by add_select.
 */
typedef struct apus_select {
    uint32_t size;
    uint32_t reserved;
    const char *APUS_NONNULL name; /* without the @ */
    const char *APUS_NONNULL doc;  /* one sentence; `apus -M` prints it */
    /*
     * When the config is read, on the thread and with the means of apus_function.prepare. `path` is what was written behind the name,
     * ".part[1].part", as it stands. *program* Answers true and leaves in *prepared what the getter wants to know, or complains and answers
     * APUS_FALSE.
     */
    int (*APUS_NONNULL prepare)(const apus_host *APUS_NONNULL h, apus_str path, void *APUS_NULLABLE *APUS_NONNULL prepared,
                                apus_complaint *APUS_NONNULL complaint);
    /* [worker] [no-alloc] As that of apus_pv; a->user is what `prepare` left, a->inner the whole select without its @. */
    int (*APUS_NONNULL get)(const apus_access *APUS_NONNULL a, apus_value *APUS_NONNULL out);
} apus_select;

/*
 * A transformation, {class.operation,argument,...}. All of it is copied by add_transformation.
 *
 * args: "name:kind, name:kind?, ..."; `?` after the kind makes it optional. Where a script writes a pseudo-variable as an argument, it is read at
 * each call; if it is $null, so is the value. Kinds:
 *   int    a number                                                          -> num
 *   text   a text up to the next comma or `}`                                -> str
 *   char   one character; \s \t \n \r and nothing (a comma) are known         -> str
 *   rest   a constant: all that is left up to the `}`, commas included       -> str
 */
typedef struct apus_transformation {
    uint32_t size;
    uint32_t flags; /* 0 */
    const char *APUS_NONNULL name; /* "sock.host" */
    const char *APUS_NONNULL doc;
    /*
     * [worker] [no-alloc] Changes *value, which is not $null; APUS_FALSE makes it $null. Texts as those of apus_pv.get. `arguments` are as many as
     * `args` lists, given or not, and live for the *call*; null when it lists none.
     */
    int (*APUS_NONNULL apply)(const apus_access *APUS_NONNULL a, const apus_arg *APUS_NULLABLE arguments,
                 apus_value *APUS_NONNULL value);
    void *APUS_NULLABLE user;
    const char *APUS_NULLABLE args; /* null or "": none */
    /* As apus_function.prepare, for each constant argument; null when the module need not look at them. */
    int (*APUS_NULLABLE prepare)(const apus_host *APUS_NONNULL h, uint32_t index, apus_str constant,
                                 void *APUS_NULLABLE *APUS_NONNULL prepared, apus_complaint *APUS_NONNULL complaint);
} apus_transformation;

typedef struct apus_vars_api {
    uint32_t size;

    /* [declare] APUS_FALSE with a logged reason when the declaration is wrong. */
    int (*APUS_NONNULL add_variable)(const apus_host *APUS_NONNULL h, const apus_pv *APUS_NONNULL v);

    /* [worker] The variable's value now; its text lives for the *run*. APUS_FALSE when it is $null. */
    int (*APUS_NONNULL get)(const apus_call *APUS_NONNULL c, const apus_variable *APUS_NONNULL v, apus_value *APUS_NONNULL out);
    /* [worker] Assigns; the value is copied. APUS_FALSE when the variable refuses it. */
    int (*APUS_NONNULL set)(const apus_call *APUS_NONNULL c, const apus_variable *APUS_NONNULL v,
               const apus_value *APUS_NONNULL value);
    /* [worker] The template's text with its variables expanded; lives for the *run*. APUS_FALSE when it grew too long. */
    int (*APUS_NONNULL expand)(const apus_call *APUS_NONNULL c, const apus_format *APUS_NONNULL f, apus_str *APUS_NONNULL out);

    /*
     * [start] Compiles a text from a parameter, such as "$avp(s:rpid)"; null with a reason, which the start then fails with. *for ever*
     * In a function's `prepare` too, for texts with pseudo-variables inside a constant: the reason is then shown under the argument, and what is
     * made lives as long as the *program*.
     */
    const apus_variable *APUS_NULLABLE (*APUS_NONNULL compile)(const apus_host *APUS_NONNULL h, apus_str text);
    const apus_format *APUS_NULLABLE (*APUS_NONNULL compile_format)(const apus_host *APUS_NONNULL h, apus_str text);

    /* [worker] [no-alloc] Memory for a getter's text: lives for the *run*; null when its limit is reached. */
    void *APUS_NULLABLE (*APUS_NONNULL access_allocate)(const apus_access *APUS_NONNULL a, size_t size);

    /* [worker] For getters: the value of a pseudo-variable as another message has it. Its text lives for the *run*. */
    int (*APUS_NONNULL read_on)(const apus_access *APUS_NONNULL a, const apus_variable *APUS_NONNULL v, apus_msg *APUS_NONNULL m,
                   apus_value *APUS_NONNULL out);

    /*
     * [worker] The AVPs and XAVPs of a run, counted: they outlive it, and runs that are started with them (apus_start.avps) share them.
     * Null when memory is out. The module's until release_avps, on this worker.
     */
    apus_avps *APUS_NULLABLE (*APUS_NONNULL share_avps)(const apus_call *APUS_NONNULL c);
    void (*APUS_NONNULL release_avps)(const apus_host *APUS_NONNULL h, apus_avps *APUS_NULLABLE avps);

    /* [worker] [no-alloc] The $var(name) that the script names, by number from 0, and its name; null behind the last. *program* */
    const apus_variable *APUS_NULLABLE (*APUS_NONNULL script_variable)(const apus_call *APUS_NONNULL c, uint32_t number,
                                                                       apus_str *APUS_NONNULL name);

    /* In a parameter's setter: what $var(name) is at the start of each run. Copied. */
    int (*APUS_NONNULL set_initial)(const apus_host *APUS_NONNULL h, apus_str name, const apus_value *APUS_NONNULL value);
    /* In a parameter's setter: $avp(alias) of the script means $avp(name), which may say `s:` or `i:`. Copied. */
    int (*APUS_NONNULL add_avp_alias)(const apus_host *APUS_NONNULL h, apus_str alias, apus_str name);
    /* [any] Sets $shv(name), a variable of the whole server, to a copy of the value. It takes a lock. */
    void (*APUS_NONNULL set_shared)(apus_str name, const apus_value *APUS_NONNULL value);
    /* [declare] APUS_FALSE with a logged reason when the declaration is wrong or the name is taken. */
    int (*APUS_NONNULL add_select)(const apus_host *APUS_NONNULL h, const apus_select *APUS_NONNULL s);
    /* [declare] APUS_FALSE with a logged reason when the declaration is wrong. */
    int (*APUS_NONNULL add_transformation)(const apus_host *APUS_NONNULL h, const apus_transformation *APUS_NONNULL t);

    /* [worker] As `expand`, in a getter or a transformation. */
    int (*APUS_NONNULL access_expand)(const apus_access *APUS_NONNULL a, const apus_format *APUS_NONNULL f,
                         apus_str *APUS_NONNULL out);
    /*
     * [worker] The text, which is known only now, with its variables expanded; lives for the *run*. It is compiled at each call, which takes
     * memory and time: compile_format is for texts that are known at the start. Selects, transformations that look at their constants, and
     * $var names that the script has nowhere are unknown in it. APUS_FALSE with a log line when it means nothing, or grew too long.
     */
    int (*APUS_NONNULL expand_text)(const apus_call *APUS_NONNULL c, apus_str text, apus_str *APUS_NONNULL out);
    /*
     * [worker] Puts a value on top of $avp(name), for names that are known only now: those of rows of a table. The name may say `s:` or `i:`; both are
     * copied. APUS_FALSE when memory is out.
     */
    int (*APUS_NONNULL add_avp)(const apus_call *APUS_NONNULL c, apus_str name, const apus_value *APUS_NONNULL value);
} apus_vars_api;

#ifdef __cplusplus
}
#endif
#endif
