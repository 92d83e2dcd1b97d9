/*
 * Uses a database from scripts in every way that the contract offers.
 *
 *   ask(sql, number, ms)   the number of the answer's first row, 0 without one; else minus the status. The reason is in the log
 *   post(sql, number, key) posts a raw statement with a key, and counts how it ends; minus the status when it is not taken
 *   told()                 how often `post` was told the end
 *   order()                1 when those with the same key were told in their order
 *   wait()                 minus the status that db->wait answers on a worker
 */
#include "functions.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const apus_host *host;
static apus_str url;
static int64_t connections, queue, milliseconds;
static apus_db *db;
static atomic_long told_count, disordered;
static atomic_long last_of_key[16];

static apus_db_request raw(apus_str sql, const apus_db_value *value) {
    return (apus_db_request){ APUS_STRUCT(apus_db_request), .kind = APUS_DB_RAW, .sql = sql, .values = value, .value_count = 1 };
}

static int asked(const apus_call *c, int status, const apus_db_result *r, void *user) {
    if (user != &db) return -99;
    if (status != APUS_OK) {
        host->log->at(c, APUS_ERR, r->text);
        return -status;
    }
    int64_t number = 0;
    if (r->row_count > 0) host->db->number(&r->values[0], &number);
    return number > 0 ? (int)number : APUS_TRUE;
}

static int ask(const apus_call *c) {
    apus_db_value v = apus_db_number(APUS_DB_BIGINT, c->args[1].num);
    apus_db_request r = raw(c->args[0].str, &v);
    return host->db->ask(c, db, &(apus_db_work){ APUS_STRUCT(apus_db_work), .requests = &r, .count = 1,
                                                 .milliseconds = (uint32_t)c->args[2].num }, asked, &db);
}

typedef struct posted {
    int32_t worker;
    long key, number;
} posted;

static void ended(const apus_host *h, int status, const apus_db_result *r, void *user) {
    posted *p = user;
    atomic_fetch_add(&told_count, 1);
    if (h->worker->index(h) != p->worker) atomic_fetch_add(&disordered, 1);
    if (status == APUS_OK && p->key && atomic_exchange(&last_of_key[p->key & 15], p->number) > p->number) atomic_fetch_add(&disordered, 1);
    free(p);
}

static int post(const apus_call *c) {
    apus_db_value v = apus_db_number(APUS_DB_BIGINT, c->args[1].num);
    apus_db_request r = raw(c->args[0].str, &v);
    posted *p = malloc(sizeof *p);
    *p = (posted){host->worker->index(host), (long)c->args[2].num, (long)c->args[1].num};
    int status = host->db->post(db, &(apus_db_work){ APUS_STRUCT(apus_db_work), .requests = &r, .count = 1,
                                                     .key = (uint64_t)c->args[2].num }, ended, p);
    if (status == APUS_OK) return APUS_TRUE;
    free(p);
    return -status;
}

static int told(const apus_call *c) {
    long n = atomic_load(&told_count);
    return n > 0 ? (int)n : APUS_FALSE;
}

static int order(const apus_call *c) { return atomic_load(&disordered) == 0 ? APUS_TRUE : APUS_FALSE; }

static int wait_here(const apus_call *c) {
    apus_db_value v = apus_db_number(APUS_DB_BIGINT, 1);
    apus_db_request r = raw(APUS_STR("opened"), &v);
    const apus_db_result *result;
    int status = host->db->wait(db, &(apus_db_work){ APUS_STRUCT(apus_db_work), .requests = &r, .count = 1 }, &result);
    host->db->free(result);
    return -status;
}

static int start(const apus_host *h) {
    db = h->db->open(h, url, &(apus_db_options){ APUS_STRUCT(apus_db_options), .connections = (uint32_t)connections,
                                                .queue = (uint32_t)queue, .milliseconds = (uint32_t)milliseconds });
    return db ? APUS_TRUE : APUS_FALSE;
}

static int declare(const apus_host *h) {
    host = h;
    static const apus_function functions[] = {
        { APUS_STRUCT(apus_function), .name = "ask", .args = "sql:format, number:int, ms:int", .routes = APUS_ANY_ROUTE,
          .flags = APUS_MAY_SUSPEND, .doc = "Asks.", .call = ask },
        { APUS_STRUCT(apus_function), .name = "post", .args = "sql:format, number:int, key:int", .routes = APUS_ANY_ROUTE,
          .doc = "Posts.", .call = post },
        { APUS_STRUCT(apus_function), .name = "told", .args = "", .routes = APUS_ANY_ROUTE, .doc = "Counts.", .call = told },
        { APUS_STRUCT(apus_function), .name = "order", .args = "", .routes = APUS_ANY_ROUTE, .doc = "Checks.", .call = order },
        { APUS_STRUCT(apus_function), .name = "wait_here", .args = "", .routes = APUS_ANY_ROUTE, .doc = "Must not.", .call = wait_here },
    };
    static const struct { const char *name; int64_t *into; } numbers[] = {
        {"connections", &connections}, {"queue", &queue}, {"milliseconds", &milliseconds},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        h->config->add_parameter(h, &(apus_parameter){ APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_INT,
                                                       .name = numbers[i].name, .doc = "A limit.", .into = numbers[i].into });
    h->config->add_parameter(h, &(apus_parameter){
        APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_STRING, .name = "url", .doc = "The database.", .into = &url });
    return ADD_FUNCTIONS(h, functions);
}

APUS_MODULE(dbuse) { APUS_HEADER, .name = "dbuse", .version = "1.0", .declare = declare, .start = start };
