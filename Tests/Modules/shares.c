/*
 * A module whose workers read what is replaced meanwhile, for the functional tests.
 *
 *   look()      reads what is in force for a while, over and over: false when it is changed or freed in that time
 *   replaced()  how often it was replaced, once as many old ones were released; false before
 *
 * The command shares.replace puts another one in force; shares.count answers how many were replaced and how many of those were released.
 */
#include <apus/module.h>

#include <stdatomic.h>
#include <stdlib.h>

enum { SIZE = 64 };

typedef struct table {
    long values[SIZE]; /* all alike */
} table;

static _Atomic(table *) current;
static atomic_long replaced, released;

static table *made(long value) {
    table *t = malloc(sizeof *t);
    for (int i = 0; i < SIZE; i++) t->values[i] = value;
    return t;
}

static void forget(const apus_host *h, void *old) {
    table *t = old;
    if (h->loop->is_management(h) <= 0) abort();
    for (int i = 0; i < SIZE; i++) t->values[i] = -1 - i;
    free(t);
    atomic_fetch_add(&released, 1);
}

static int look(const apus_call *c) {
    table *t = atomic_load(&current);
    long value = t->values[0];
    for (int turn = 0; turn < 20000; turn++) {
        if (((volatile table *)t)->values[turn % SIZE] != value) return APUS_FALSE;
    }
    return APUS_TRUE;
}

static int replace(const apus_command *c) {
    long number = atomic_fetch_add(&replaced, 1) + 1;
    c->host->shared->retire(c->host, atomic_exchange(&current, made(number)), forget);
    return APUS_TRUE;
}

static int count(const apus_command *c) {
    c->host->rpc->add_int(c->answer, NULL, atomic_load(&replaced));
    c->host->rpc->add_int(c->answer, NULL, atomic_load(&released));
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    atomic_store(&current, made(0));
    if (h->rpc->add_command(h, &(apus_rpc){APUS_STRUCT(apus_rpc), .name = "shares.replace", .doc = "Another one.", .call = replace}) < 0 ||
        h->rpc->add_command(h, &(apus_rpc){APUS_STRUCT(apus_rpc), .name = "shares.count", .doc = "How often.", .call = count}) < 0)
        return APUS_FALSE;
    return h->script->add_function(h, &(apus_function){
        APUS_STRUCT(apus_function), .name = "look", .routes = APUS_ANY_ROUTE, .doc = "Reads.", .call = look});
}

APUS_MODULE(shares) { APUS_HEADER, .name = "shares", .version = "1.0", .declare = declare };
