/*
 * A module that starts runs of its own in every way that the contract offers, for the functional tests.
 *
 *   own(route, place)   a run of the route in this call, on the call's message when place is 1, else on a copy. Answers what the run ended
 *                       with (+100 when it exited, +200 when it was dropped too), or 1000 when it waits.
 *   own_later(route)    a run without a message from a timer; waits for its end and answers the same
 *   shared(route)       as own with a copy, with the AVPs of the caller
 *   $mark               a slot of the message: 1 when `begun` has set it for this message
 *
 * Every OPTIONS with the user `hooked` is first run through route[HOOK], in place.
 */
#include <apus/module.h>

#include <stddef.h>

static const apus_host *host;
static int slot;

/* What a run that ends at once leaves behind; or the suspension that waits for its end. */
typedef struct outcome {
    int code;
    const apus_msg *msg;
    apus_token token;
} outcome;

static void begun(const apus_host *h, apus_msg *m, void *user) {
    h->slots->set_message(m, slot, &slot);
    h->message->set_flag(m, 9, 1);
}

static void ended(const apus_host *h, const apus_route_end *end) {
    outcome *o = end->user;
    o->code = end->code + (end->exited ? 100 : 0) + (end->dropped ? 200 : 0);
    o->msg = end->msg;
    /* The message is there, with its slots and flags. */
    if (h->slots->message(end->msg, slot) != &slot || h->message->flag(end->msg, 9) < 0) o->code = -99;
}

static int start(const apus_route *route, apus_msg *m, uint32_t flags, apus_avps *avps, outcome *o) {
    return host->script->start_run(host, &(apus_start){
        APUS_STRUCT(apus_start), .kind = APUS_REQUEST_ROUTE, .flags = flags, .route = route, .msg = m, .avps = avps,
        .begun = begun, .ended = ended, .user = o });
}

static int own(const apus_call *c) {
    /* Static: a run that waits ends after this call. */
    static _Thread_local outcome outcomes[64];
    static _Thread_local unsigned next;
    outcome *o = &outcomes[next++ % 64];
    *o = (outcome){.code = 1000};
    int in_place = c->args[1].num == 1;
    if (start(c->args[0].route, c->msg, in_place ? APUS_IN_PLACE : 0, NULL, o) < 0) return -98;
    if (o->code != 1000 && (o->msg == c->msg) != in_place) return -97;
    return o->code;
}

static int shared(const apus_call *c) {
    static _Thread_local outcome o;
    o = (outcome){.code = 1000};
    apus_avps *avps = host->vars->share_avps(c);
    int result = start(c->args[0].route, c->msg, 0, avps, &o);
    host->vars->release_avps(host, avps);
    return result < 0 ? -98 : o.code;
}

static int answered(const apus_call *c, int status, void *payload) { return status; }

/* Statuses above the contract's own carry the code. */
static void ended_later(const apus_host *h, const apus_route_end *end) {
    h->suspend->complete(h, (apus_token){(uint64_t)(uintptr_t)end->user}, end->code + (end->exited ? 100 : 0), NULL, NULL);
}

static const apus_route *later;

static void tick(const apus_tick *t) {
    host->script->start_run(host, &(apus_start){
        APUS_STRUCT(apus_start), .kind = APUS_EVENT_ROUTE, .route = later, .ended = ended_later, .user = t->user });
}

static int own_later(const apus_call *c) {
    apus_token token = host->suspend->begin(c, 20000, answered, NULL);
    if (!token.value) return APUS_FALSE;
    later = c->args[0].route;
    host->timer->after(host, 10, tick, (void *)(uintptr_t)token.value);
    return APUS_SUSPENDED;
}

static int mark(const apus_access *a, apus_value *out) {
    out->kind = APUS_INT;
    out->num = host->slots->message(a->msg, slot) == &slot;
    return APUS_TRUE;
}

static int hook(const apus_hook *k) {
    apus_str uri = host->message->field(k->msg, APUS_FIELD_REQUEST_URI);
    const apus_route *route = host->script->find_route(host, APUS_REQUEST_ROUTE, APUS_STR("HOOK"));
    if (!route || uri.len < 11 || __builtin_memcmp(uri.s, "sip:hooked@", 11) != 0) return APUS_TRUE;
    outcome o = {.code = 1000};
    start(route, k->msg, APUS_IN_PLACE, NULL, &o);
    if (o.msg != k->msg || o.code != 7) host->message->set_flag(k->msg, 10, 1);
    return APUS_TRUE;
}

static int add(const apus_host *h, const char *name, const char *args, uint32_t flags, int (*call)(const apus_call *)) {
    return h->script->add_function(h, &(apus_function){
        APUS_STRUCT(apus_function), .name = name, .args = args, .routes = APUS_EDITING_ROUTE,
        .flags = flags, .doc = "Starts a run.", .call = call });
}

static int declare(const apus_host *h) {
    host = h;
    slot = h->slots->add(h, APUS_SLOT_MESSAGE, NULL);
    return slot > 0 && add(h, "own", "route:route(request), place:int", 0, own) > 0
            && add(h, "shared", "route:route(request)", 0, shared) > 0
            && add(h, "own_later", "route:route(request)", APUS_MAY_SUSPEND, own_later) > 0
            && h->hooks->add(h, APUS_HOOK_REQUEST, hook, NULL) > 0
            && h->vars->add_variable(h, &(apus_pv){
                   APUS_STRUCT(apus_pv), .name = "mark", .doc = "The slot.", .get = mark }) > 0
        ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(runs) { APUS_HEADER, .name = "runs", .version = "1.0", .declare = declare };
