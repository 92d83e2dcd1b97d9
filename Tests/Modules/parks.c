/*
 * Suspends transactions and arms routes by tm's interface.
 *
 * park_and_go()        suspends the transaction, and undoes it; again; true when both could be done, once each
 * arm(kind, route)     arms a route as t_on_failure (1), t_on_branch (2) and t_on_reply (3) do; an empty name disarms
 * armed(kind)          whether one is armed
 */
#include <apus/tm.h>
#include "functions.h"

static const apus_host *host;
static const tm_api *tm;

static int park_and_go(const apus_call *c) {
    uint32_t index, label;
    if (tm->t_suspend(c, &index, &label) != APUS_TRUE || tm->t_suspend(c, &index, &label) == APUS_TRUE) return APUS_FALSE;
    if (tm->worker_of(index) >= host->worker->count(host)) return APUS_FALSE;
    if (tm->t_cancel_suspend(host, index, label + 1) == APUS_TRUE) return APUS_FALSE;
    if (tm->t_cancel_suspend(host, index, label) != APUS_TRUE) return APUS_FALSE;
    return tm->t_cancel_suspend(host, index, label) == APUS_TRUE ? APUS_FALSE : APUS_TRUE;
}

static int arm(const apus_call *c) {
    const uint32_t routes[] = {0, APUS_FAILURE_ROUTE, APUS_BRANCH_ROUTE, APUS_TM_ONREPLY_ROUTE};
    const uint32_t kind = (uint32_t)c->args[0].num;
    if (kind < 1 || kind > 3) return APUS_FALSE;
    const apus_route *route = c->args[1].str.len ? host->script->find_route(host, routes[kind], c->args[1].str) : 0;
    if (c->args[1].str.len && !route) return APUS_FALSE;
    return tm->t_on(c, kind, route);
}

static int armed(const apus_call *c) { return tm->t_is_set(c, (uint32_t)c->args[0].num); }

static int declare(const apus_host *h) {
    host = h;
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "park_and_go", .routes = APUS_ANY_ROUTE, .doc = "Suspends and undoes it.",
         .call = park_and_go},
        {APUS_STRUCT(apus_function), .name = "arm", .args = "kind:int, route:format", .routes = APUS_ANY_ROUTE,
         .doc = "Arms a route.", .call = arm},
        {APUS_STRUCT(apus_function), .name = "armed", .args = "kind:int", .routes = APUS_ANY_ROUTE,
         .doc = "Whether a route is armed.", .call = armed},
    };
    return ADD_FUNCTIONS(h, functions);
}

static int start(const apus_host *h) {
    tm = load_tm(h);
    return tm ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(parks) {
    APUS_HEADER, .name = "parks", .version = "1.0", .needs = "tm/1", .declare = declare, .start = start };
