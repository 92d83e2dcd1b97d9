/*
 * Stands in for the module that follows dialogs: publishes apus/dialog.h's interface for as many dialogs as a script says.
 *
 *   hold_up(milliseconds) keeps the worker busy
 *   set_dialogs(count)   so many are there, numbered from 1; every third one is early, the others are confirmed
 */
#include <apus/dialog.h>
#include "functions.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { BEGAN = 1700000000 };

static _Atomic uint64_t lasting;
static _Atomic uint64_t most;

static uint64_t early(uint64_t all) { return all / 3; }

static void counts(const apus_host *h, dialog_counts *out) {
    uint64_t all = atomic_load(&lasting);
    out->active = all;
    out->early = early(all);
    out->processed = atomic_load(&most);
    out->expired = 1;
    out->failed = 2;
}

static int next(const apus_host *h, uint64_t after,
                void (*seen)(const apus_host *h, const dialog_facts *dialog, void *user), void *user) {
    if (after >= atomic_load(&lasting)) return APUS_FALSE;
    dialog_facts facts = {
        APUS_STRUCT(dialog_facts),
        .state = (after + 1) % 3 ? DIALOG_CONFIRMED : DIALOG_EARLY,
        .number = after + 1,
        .call_id = APUS_STR("call"),
        .from_uri = APUS_STR("sip:caller@example.org"),
        .to_uri = APUS_STR("sip:callee@example.org"),
        .started = BEGAN,
        .changed = BEGAN + 5,
        .expires = 0,
    };
    seen(h, &facts, user);
    return APUS_TRUE;
}

static const dialog_api api = {APUS_STRUCT(dialog_api), .counts = counts, .next = next};

static uint64_t number(const apus_call *c) {
    char text[16] = "";
    for (size_t i = 0; i < c->args[0].str.len && i < sizeof text - 1; i++) text[i] = c->args[0].str.s[i];
    return strtoull(text, NULL, 10);
}

static int hold_up(const apus_call *c) {
    usleep((useconds_t)number(c) * 1000);
    return APUS_TRUE;
}

static int set(const apus_call *c) {
    uint64_t all = number(c);
    atomic_store(&lasting, all);
    if (all > atomic_load(&most)) atomic_store(&most, all);
    return APUS_TRUE;
}

static const apus_function functions[] = {
    {APUS_STRUCT(apus_function), .name = "set_dialogs", .args = "count:format", .routes = APUS_ANY_ROUTE,
     .doc = "So many dialogs are there.", .call = set},
    {APUS_STRUCT(apus_function), .name = "hold_up", .args = "milliseconds:format", .routes = APUS_ANY_ROUTE,
     .doc = "Keeps the worker busy.", .call = hold_up},
};

static int declare(const apus_host *h) {
    if (h->publish(h, DIALOG_API, &api) < 0) return APUS_FALSE;
    return ADD_FUNCTIONS(h, functions);
}

APUS_MODULE(dialogs) { APUS_HEADER, .name = "dialogs", .version = "1.0", .declare = declare };
