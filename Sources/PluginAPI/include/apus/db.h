/*
 * apus/db.h - databases: what a driver of one implements, and what modules that use one call. Group: host->db.
 *
 * Drivers are plain and synchronous. Everything else is the host's: threads, waiting, order, reconnecting, limits of time and number, prepared
 * statements, transactions, the SQL of requests. Workers never wait for a database.
 *
 * A driver (a module of its own, say db_my.so; the whole of it but for the reading of values is this):
 *
 *   static void *open(const apus_host *h, const apus_db_url *u, uint32_t ms, apus_db_fault *f) {
 *       my_connection *c = my_connect(u->host, u->port, u->user, u->password, u->name, ms);
 *       if (!c) apus_db_fail(f, APUS_DB_DOWN, my_reason());
 *       return c;
 *   }
 *   static void close(void *c) { my_close(c); }
 *   static void *prepare(void *c, apus_str sql, apus_db_fault *f) {
 *       my_statement *s = my_prepare(c, sql.s, sql.len);
 *       if (!s) apus_db_fail(f, my_is_gone(c) ? APUS_DB_UNSENT : APUS_FAILED, my_reason());
 *       return s;
 *   }
 *   static int execute(void *s, const apus_db_value *v, uint32_t n, uint32_t ms, apus_db_fault *f) {
 *       for (uint32_t i = 0; i < n; i++) my_bind(s, i, &v[i]);
 *       if (my_execute(s, ms)) return APUS_TRUE;
 *       apus_db_fail(f, my_is_gone(s) ? APUS_DB_DOWN : my_is_duplicate(s) ? APUS_DB_CONFLICT : APUS_FAILED, my_reason());
 *       return APUS_FALSE;
 *   }
 *   static int step(void *s, apus_db_fault *f) { return my_next(s) ? APUS_TRUE : APUS_EXIT; }
 *   static uint32_t columns(void *s) { return my_count(s); }
 *   static apus_str name(void *s, uint32_t i) { return my_name(s, i); }
 *   static void value(void *s, uint32_t i, apus_db_value *out) { *out = my_value(s, i); }
 *   static void end(void *s) { my_reset(s); }
 *   static void finish(void *s) { my_free(s); }
 *   static void outcome(void *c, int64_t *affected, int64_t *id) { *affected = my_rows(c); *id = my_id(c); }
 *
 *   static const apus_db_driver driver = {                                  // it stays: the host keeps the pointer
 *       APUS_STRUCT(apus_db_driver), .scheme = "my", .flags = APUS_DB_ON_CONFLICT, .open = open, .close = close, .prepare = prepare,
 *       .execute = execute, .step = step, .columns = columns, .name = name, .value = value, .end = end, .finish = finish,
 *       .outcome = outcome };
 *   static int declare(const apus_host *h) { return h->db->add_driver(h, &driver); }
 *   APUS_MODULE(db_my) { APUS_HEADER, .name = "db_my", .version = "1.0", .declare = declare };
 *
 * A user:
 *
 *   static apus_db *db;
 *   static int start(const apus_host *h) {                                  // the main thread may wait
 *       db = h->db->open(h, db_url, NULL);                                  // db_url: an apus_str that a parameter has set
 *       return db && h->db->check_version(db, APUS_STR("grp"), 2) == APUS_OK ? APUS_TRUE : APUS_FALSE;
 *   }
 *   static int is_member(const apus_call *c) {                              // a worker does not: the script is suspended
 *       apus_db_term who = { .column = APUS_STR("username"), .value = apus_db_text(c->args[0].str) };
 *       apus_db_request r = { APUS_STRUCT(apus_db_request), .kind = APUS_DB_SELECT, .table = APUS_STR("grp"),
 *                             .where = &who, .where_count = 1 };
 *       apus_db_work w = { APUS_STRUCT(apus_db_work), .requests = &r, .count = 1 };
 *       return c->host->db->ask(c, db, &w, found, NULL);
 *   }
 *   static int found(const apus_call *c, int status, const apus_db_result *r, void *user) {
 *       return status == APUS_OK && r->row_count > 0 ? APUS_TRUE : APUS_FALSE;
 *   }
 */
#ifndef APUS_DB_H
#define APUS_DB_H

#include <apus/script.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of values. */
enum {
    APUS_DB_NULL = 0,     /* no value: not the same as "" or 0 */
    APUS_DB_INT = 1,      /* num, 32 bits */
    APUS_DB_BIGINT = 2,   /* num */
    APUS_DB_DOUBLE = 3,   /* real */
    APUS_DB_STRING = 4,   /* str */
    APUS_DB_DATETIME = 5, /* num: seconds since 1970-01-01 00:00 UTC */
    APUS_DB_BLOB = 6,     /* str: any bytes */
    APUS_DB_BITMAP = 7,   /* num: 32 flags */
};

typedef struct apus_db_value {
    uint32_t kind;
    uint32_t reserved;
    int64_t num;
    double real;
    apus_str str;
} apus_db_value;

static inline apus_db_value apus_db_text(apus_str s) {
    apus_db_value v = {APUS_DB_NULL, 0, 0, 0, {0, 0}};
    v.kind = s.s ? APUS_DB_STRING : APUS_DB_NULL;
    v.str = s;
    return v;
}

/* A number of kind APUS_DB_INT, _BIGINT, _DATETIME or _BITMAP. */
static inline apus_db_value apus_db_number(uint32_t kind, int64_t num) {
    apus_db_value v = {APUS_DB_NULL, 0, 0, 0, {0, 0}};
    v.kind = kind;
    v.num = num;
    return v;
}

/* How work ends, beside APUS_OK, APUS_TIMED_OUT, APUS_CANCELLED, APUS_FAILED (the database says no) and APUS_BUSY (too much waits) of base.h. */
enum {
    APUS_DB_DOWN = 32,     /* the database cannot be reached, or was lost in the midst of it: whether it was done is not known then */
    APUS_DB_CONFLICT = 33, /* such a row is there already, or another constraint of the table says no */
    APUS_DB_LOCKED = 34,   /* somebody else keeps it locked: it was not done, and may be tried again */
    /* Drivers only: the connection is gone, and nothing of the statement has reached the database. The host tries it on a new one. */
    APUS_DB_UNSENT = 35,
};

/* ---- Drivers ---- */

/* Why something failed, filled in by the driver. */
typedef struct apus_db_fault {
    uint32_t size;
    int32_t status; /* APUS_FAILED, APUS_TIMED_OUT, APUS_DB_...: with _DOWN and _UNSENT the connection is closed */
    char text[256]; /* one line for the log, NUL-terminated; without passwords */
} apus_db_fault;

static inline void apus_db_fail(apus_db_fault *APUS_NONNULL f, int32_t status, const char *APUS_NULLABLE text) {
    size_t i = 0;
    f->status = status;
    for (; text && text[i] && i + 1 < sizeof f->text; i++) f->text[i] = text[i];
    f->text[i] = 0;
}

/* scheme://[user[:password]@]host[:port]/name, its parts with %xx taken out. Texts live for the *call* and are NUL-terminated, too. */
typedef struct apus_db_url {
    uint32_t size;
    uint32_t port; /* 0: not said */
    apus_str scheme, user, password, host, name;
    apus_str rest;   /* all behind the "://", as it was written; empty when the url is a bare scheme: the driver's default database */
    apus_str masked; /* the url for logs: without the password */
} apus_db_url;

/* What a driver can, and how its SQL looks where databases differ. */
enum {
    APUS_DB_DOLLAR = 1u << 0,        /* placeholders are $1, $2 ..., else ? */
    APUS_DB_BACKTICKS = 1u << 1,     /* names are quoted `so`, else "so" */
    APUS_DB_CAN_REPLACE = 1u << 2,   /* REPLACE INTO */
    APUS_DB_ON_CONFLICT = 1u << 3,   /* INSERT ... ON CONFLICT (...) DO UPDATE SET x = excluded.x */
    APUS_DB_ON_DUPLICATE = 1u << 4,  /* INSERT ... ON DUPLICATE KEY UPDATE x = VALUES(x) */
    APUS_DB_ONE_AT_A_TIME = 1u << 5, /* one connection for each pool, as writers would only wait for each other */
};

/*
 * A driver. It and what it points to live *for ever*. Its functions are called on threads of the pools and, from the module's `stop` on, still
 * to close connections. They may block; `milliseconds` is how long anybody waits for the answer (0: no limit,
 * as for rows that are taken page by page): a driver should give up then, with APUS_TIMED_OUT. A connection and its statements are used by one thread at a time. Nothing may throw or end the thread.
 */
typedef struct apus_db_driver {
    uint32_t size;
    uint32_t flags;
    const char *APUS_NONNULL scheme; /* "mysql", of mysql://...; lower case */
    /* What begins a transaction; null: "BEGIN". It ends by "COMMIT" or "ROLLBACK". */
    const char *APUS_NULLABLE begin;

    /* A connection; null after apus_db_fail. */
    void *APUS_NULLABLE (*APUS_NONNULL open)(const apus_host *APUS_NONNULL h, const apus_db_url *APUS_NONNULL u, uint32_t milliseconds,
                                             apus_db_fault *APUS_NONNULL f);
    /* After all of its statements were finished. */
    void (*APUS_NONNULL close)(void *APUS_NONNULL connection);
    /* One statement; null after apus_db_fail. The host keeps statements and executes them again. The text lives for the *call*. */
    void *APUS_NULLABLE (*APUS_NONNULL prepare)(void *APUS_NONNULL connection, apus_str sql, apus_db_fault *APUS_NONNULL f);
    /* Executes it with a value for each placeholder; they live until `end`. APUS_FALSE after apus_db_fail. */
    int (*APUS_NONNULL execute)(void *APUS_NONNULL statement, const apus_db_value *APUS_NULLABLE values, uint32_t count, uint32_t milliseconds,
                   apus_db_fault *APUS_NONNULL f);
    /* APUS_TRUE: the next row is there. APUS_EXIT: there is none. APUS_FALSE after apus_db_fail. Called for every statement, until it is not true. */
    int (*APUS_NONNULL step)(void *APUS_NONNULL statement, apus_db_fault *APUS_NONNULL f);
    /* After the first `step`: how many columns its rows have; 0 for one that gives none. */
    uint32_t (*APUS_NONNULL columns)(void *APUS_NONNULL statement);
    /* Lives until `end`. */
    apus_str (*APUS_NONNULL name)(void *APUS_NONNULL statement, uint32_t column);
    /* Of the row that `step` is at; its text lives until the next `step` or `end`. `out` is NULL at first. */
    void (*APUS_NONNULL value)(void *APUS_NONNULL statement, uint32_t column, apus_db_value *APUS_NONNULL out);
    /* After each execute, also one that failed: whatever it has left is given up. */
    void (*APUS_NONNULL end)(void *APUS_NONNULL statement);
    /* Frees the statement. */
    void (*APUS_NONNULL finish)(void *APUS_NONNULL statement);
    /* After the last `step`: rows that the statement has changed, and the id that it gave to the row it inserted; 0 where there is none. */
    void (*APUS_NONNULL outcome)(void *APUS_NONNULL connection, int64_t *APUS_NONNULL affected, int64_t *APUS_NONNULL id);
} apus_db_driver;

/* ---- Users ---- */

/* A pool of connections to one database: a module's own, for ever. */
typedef struct apus_db apus_db;

typedef struct apus_db_options {
    uint32_t size;
    uint32_t connections;  /* at most, each with a thread of its own, made when there is work; 0: 4 */
    uint32_t queue;        /* work that may wait for them; 0: 1024 */
    uint32_t milliseconds; /* for one piece of work; 0: the core's parameter query_timeout */
} apus_db_options;

enum {
    APUS_DB_SELECT = 1,  /* columns (none: all), where, order, limit */
    APUS_DB_INSERT = 2,  /* sets */
    APUS_DB_UPDATE = 3,  /* sets, where */
    APUS_DB_DELETE = 4,  /* where */
    APUS_DB_REPLACE = 5, /* sets, keys: the row with these keys is taken out, if it is there, and this one put in */
    APUS_DB_UPSERT = 6,  /* sets, keys: the row with these keys gets the other values, or is put in. `keys` are a unique key of the table */
    APUS_DB_RAW = 7,     /* sql, values */
};

/* Comparisons. With NULL, EQUAL asks for IS NULL and NOT_EQUAL for IS NOT NULL. */
enum {
    APUS_DB_EQUAL = 0,
    APUS_DB_NOT_EQUAL = 1,
    APUS_DB_LESS = 2,
    APUS_DB_LESS_OR_EQUAL = 3,
    APUS_DB_GREATER = 4,
    APUS_DB_GREATER_OR_EQUAL = 5,
    APUS_DB_LIKE = 6,
    APUS_DB_HAS_BITS = 7, /* column & value is not 0 */
};

/* A column and a value: an assignment, or a condition. */
typedef struct apus_db_term {
    apus_str column;
    uint32_t comparison; /* of conditions */
    uint32_t reserved;
    apus_db_value value;
} apus_db_term;

enum {
    APUS_DB_ANY = 1u << 0,        /* one condition suffices, else all must hold */
    APUS_DB_DESCENDING = 1u << 1, /* order: the greatest first */
    APUS_DB_DISTINCT = 1u << 2,   /* SELECT with columns: rows that are equal in them once */
    APUS_DB_COUNT = 1u << 3,      /* SELECT: how many rows there are, as one row with one number, instead of the rows. Without order and limit */
};

/* What is asked of a database. Names of tables and columns are quoted, values never get into the SQL. Members that the kind does not name are 0. */
typedef struct apus_db_request {
    uint32_t size;
    uint32_t kind;
    uint32_t flags;
    uint32_t limit; /* rows at most; 0: all */
    apus_str table;
    const apus_str *APUS_NULLABLE columns;
    const apus_db_term *APUS_NULLABLE sets;
    const apus_db_term *APUS_NULLABLE where;
    const apus_str *APUS_NULLABLE keys;
    const apus_str *APUS_NULLABLE order; /* columns */
    uint32_t column_count, set_count, where_count, key_count, order_count;
    uint32_t value_count;
    apus_str sql; /* one statement, with the driver's placeholders */
    const apus_db_value *APUS_NULLABLE values;
} apus_db_request;

/* One piece of work: a request, or several, which are a transaction then: all of them are done, or none. */
typedef struct apus_db_work {
    uint32_t size;
    uint32_t count;
    const apus_db_request *APUS_NONNULL requests;
    /* Work with the same key is done in the order in which it was posted, one piece after the other; with different keys, or 0, as it comes. */
    uint64_t key;
    uint32_t milliseconds; /* 0: the pool's */
    uint32_t reserved;
} apus_db_work;

/* What came of it; constant. Of a transaction that of its last request. */
typedef struct apus_db_result {
    uint32_t size;
    uint32_t column_count;
    uint64_t row_count;
    const apus_str *APUS_NULLABLE names;         /* of the columns */
    const apus_db_value *APUS_NULLABLE values;   /* row by row: of row r and column c values[r * column_count + c] */
    int64_t affected;                            /* rows changed */
    int64_t id;                                  /* of the row inserted */
    apus_str text;                               /* when it is not APUS_OK: why, for logs */
} apus_db_result;

enum {
    APUS_DB_STATE_NEW = 0,  /* nobody has asked for a connection yet */
    APUS_DB_STATE_UP = 1,
    APUS_DB_STATE_DOWN = 2, /* it is tried again after 1, 2, 4 ... 30 seconds; meanwhile work of workers is refused at once */
};

typedef struct apus_db_state {
    uint32_t size;
    uint32_t state;
    uint32_t connections;
    uint32_t waiting; /* work that waits for a connection */
    apus_str url;     /* without the password. *for ever* */
} apus_db_state;

typedef struct apus_db_api {
    uint32_t size;

    /* [declare] APUS_FALSE with a logged reason when it is incomplete or the scheme is taken. */
    int (*APUS_NONNULL add_driver)(const apus_host *APUS_NONNULL h, const apus_db_driver *APUS_NONNULL d);

    /*
     * [start] A pool for this module. It does not connect: that comes with the first work. A url of a scheme alone ("sqlite") means the driver's
     * default database, and an empty one that of the only driver that is loaded. Null with a logged reason when the url is wrong, or
     * no loaded module reads such databases.
     */
    apus_db *APUS_NULLABLE (*APUS_NONNULL open)(const apus_host *APUS_NONNULL h, apus_str url, const apus_db_options *APUS_NULLABLE o);

    /*
     * In `start`, `stop` and on threads of host->offload: does it and waits. Its status. `*out`, never null, belongs to the caller, who frees it by
     * `free`. A database that was down is tried at once. From a worker or the management thread it is refused with APUS_FAILED.
     */
    int (*APUS_NONNULL wait)(apus_db *APUS_NONNULL db, const apus_db_work *APUS_NONNULL w,
                const apus_db_result *APUS_NULLABLE *APUS_NONNULL out);
    /* [any] Null is fine. */
    void (*APUS_NONNULL free)(const apus_db_result *APUS_NULLABLE r);

    /*
     * As `wait`, for tables of any size: `page` is called with at most `rows` rows at a time, one page after the other, on a thread of the pool while
     * the caller waits; the page lives for the *call*. APUS_FALSE of it ends the reading with APUS_CANCELLED. The last page may be empty. The time
     * limit is that of the first page and, from there on, of each next. `w` is one request.
     */
    int (*APUS_NONNULL pages)(apus_db *APUS_NONNULL db, const apus_db_work *APUS_NONNULL w, uint32_t rows,
                 int (*APUS_NONNULL page)(const apus_db_result *APUS_NONNULL r, void *APUS_NULLABLE user), void *APUS_NULLABLE user,
                 const apus_db_result *APUS_NULLABLE *APUS_NONNULL out);

    /*
     * [worker] For a function of a script: what it answers is the function's result, which needs APUS_MAY_SUSPEND. The run is suspended, and `done` called
     * on this worker, exactly once; its answer is the function's then. When the work is refused (APUS_BUSY, APUS_DB_DOWN, APUS_FAILED where the
     * script cannot wait), `done` is called before `ask` returns. The result lives for the *call*. After APUS_TIMED_OUT the work may still
     * be done, unless it had not been begun; what comes of it is thrown away.
     */
    int (*APUS_NONNULL ask)(const apus_call *APUS_NONNULL c, apus_db *APUS_NONNULL db, const apus_db_work *APUS_NONNULL w,
               int (*APUS_NONNULL done)(const apus_call *APUS_NONNULL c, int status, const apus_db_result *APUS_NONNULL r,
                                        void *APUS_NULLABLE user),
               void *APUS_NULLABLE user);
    /*
     * [worker] [management], and [any] when `done` is null. APUS_OK: it was taken, and `done` is called on the calling thread, exactly once unless the
     * server stops first, and never before `post` returns; status and result are as those of `ask`. Anything else: it was not taken,
     * because of APUS_BUSY, APUS_DB_DOWN or, with a logged reason, APUS_FAILED.
     */
    int (*APUS_NONNULL post)(apus_db *APUS_NONNULL db, const apus_db_work *APUS_NONNULL w,
                void (*APUS_NULLABLE done)(const apus_host *APUS_NONNULL h, int status, const apus_db_result *APUS_NONNULL r,
                                           void *APUS_NULLABLE user),
                void *APUS_NULLABLE user);

    /*
     * As `wait`: whether the table is of that version, by the table `version` (the core's parameter version_table). APUS_OK; else a status, with the
     * reason logged: "expected 9, found 8, table location".
     */
    int (*APUS_NONNULL check_version)(apus_db *APUS_NONNULL db, apus_str table, int32_t version);

    /* [any] The column of that name, in any case; -1: the table has none. */
    int32_t (*APUS_NONNULL column)(const apus_db_result *APUS_NONNULL r, apus_str name);
    /* [any] The value as a number, also one that is written as a text. APUS_FALSE: it is none (NULL, for one). */
    int (*APUS_NONNULL number)(const apus_db_value *APUS_NONNULL v, int64_t *APUS_NONNULL out);

    /* [any] */
    void (*APUS_NONNULL state)(apus_db *APUS_NONNULL db, apus_db_state *APUS_NONNULL out);

    /* As check_version, of a module that can work with every version of its table from `least` to `most`. */
    int (*APUS_NONNULL check_versions)(apus_db *APUS_NONNULL db, apus_str table, int32_t least, int32_t most);
} apus_db_api;

#ifdef __cplusplus
}
#endif
#endif
