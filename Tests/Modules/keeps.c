/*
 * A module that takes messages over from the server, for the functional tests. Waiting is the module waits' part.
 *
 *   hook           requests for user `hold` stay and are answered 200 after 30 ms; for user `brief` they are held, answered and released
 *                  within the hook; for user `stay` they are held for ever
 *   adopt()        takes care of the request from now on
 *   keep_for(name) starts a run of a route on a kept copy of the request, which is released when the run has ended
 */
#include <apus/module.h>

#include <string.h>

static const apus_host *host;

typedef struct held {
    apus_timer timer;
    apus_msg *msg;
} held;

static void answer(apus_msg *m, const char *reason) {
    host->reply->send(m, &(apus_reply){
        APUS_STRUCT(apus_reply), .code = 200, .reason = {reason, strlen(reason)}, .to_tag = APUS_STR("held") });
}

static void fire(const apus_host *h, apus_timer *t) {
    held *object = (held *)t;
    answer(object->msg, "held");
    h->message->release(h, object->msg);
    h->memory->release(h, object);
}

static int is_for(apus_msg *m, const char *user) {
    apus_uri uri = {APUS_STRUCT(apus_uri)};
    return host->message->parse_uri(host->message->field(m, APUS_FIELD_REQUEST_URI), &uri) > 0
        && uri.user.len == strlen(user) && memcmp(uri.user.s, user, uri.user.len) == 0;
}

static int request(const apus_hook *k) {
    const apus_host *h = k->host;
    if (is_for(k->msg, "hold")) {
        if (h->message->hold(h, k->msg) < 0) return APUS_TRUE;
        held *object = h->memory->allocate(h, sizeof *object);
        object->msg = k->msg;
        h->timer->prepare(h, &object->timer, fire);
        h->timer->arm(h, &object->timer, 30);
        return APUS_EXIT;
    }
    if (is_for(k->msg, "stay")) return h->message->hold(h, k->msg) < 0 ? APUS_TRUE : APUS_EXIT;
    if (is_for(k->msg, "brief")) {
        if (h->message->hold(h, k->msg) < 0) return APUS_TRUE;
        answer(k->msg, "brief");
        h->message->release(h, k->msg);
        return APUS_EXIT;
    }
    return APUS_TRUE;
}

static int adopt(const apus_call *c) {
    host->message->adopt(c->msg);
    return APUS_TRUE;
}

static void ended(const apus_host *h, const apus_route_end *end) { h->message->release(h, end->user); }

static int keep_for(const apus_call *c) {
    apus_msg *kept = host->message->keep(host, c->msg);
    if (!kept) return APUS_FALSE;
    return host->script->start_run(host, &(apus_start){
        APUS_STRUCT(apus_start), .kind = APUS_REQUEST_ROUTE, .route = c->args[0].route, .msg = kept, .ended = ended,
        .user = kept });
}

static int declare(const apus_host *h) {
    host = h;
    return h->hooks->add(h, APUS_HOOK_REQUEST, request, NULL) > 0
            && h->script->add_function(h, &(apus_function){
                   APUS_STRUCT(apus_function), .name = "adopt", .args = "", .routes = APUS_EDITING_ROUTE,
                   .doc = "Takes care of the request.", .call = adopt }) > 0
            && h->script->add_function(h, &(apus_function){
                   APUS_STRUCT(apus_function), .name = "keep_for", .args = "name:route(request)",
                   .routes = APUS_EDITING_ROUTE, .doc = "Runs a route on a copy.", .call = keep_for }) > 0
        ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(keeps) { APUS_HEADER, .name = "keeps", .version = "1.0", .declare = declare };
