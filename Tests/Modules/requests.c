/*
 * Requests of a module's own and dialogs, by tm's interface.
 *
 * own_call(uri)     an INVITE in a new dialog; its 2xx is acknowledged here, with a body, and then a BYE ends the call
 * own_notify(tag)   the caller of the request that is answered with that tag gets a NOTIFY in the dialog
 * own_posted(uri)   a request whose Call-ID may belong to another worker
 */
#include <apus/tm.h>
#include "functions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const apus_host *host;
static const tm_api *tm;

#define LENGTH(text) (int)(text).len, (text).s

static apus_str str(const char *text) { return (apus_str){text, strlen(text)}; }

static void say(const char *what, const tm_dialog *d) {
    tm_dialog_facts f = {APUS_STRUCT(tm_dialog_facts)};
    char text[512], routes[256];
    tm->dlg_facts(d, &f);
    size_t length = tm->print_routeset(d, routes, sizeof routes);
    int n = snprintf(text, sizeof text, "%s state %u cseq %u/%u target %.*s hop %.*s %.*s", what, f.state, f.local_cseq,
                     f.remote_cseq, LENGTH(f.target), LENGTH(f.next_hop), (int)(length ? length - 2 : 0), routes);
    host->log->write(host, APUS_ERR, (apus_str){text, (size_t)n});
}

static void released(void *user) { host->log->write(host, APUS_ERR, str((const char *)user)); }

static void ended(const tm_event *e) {
    tm_dialog *d = e->user;
    tm->dlg_response_uac(d, e->reply);
    say("ended", d);
    tm->free_dlg(d);
}

static void answered(const tm_event *e) {
    tm_dialog *d = e->user;
    if (e->type == TM_LOCAL_RESPONSE_OUT) {
        tm->dlg_response_uac(d, e->reply);
        say("early", d);
        return;
    }
    if (e->code >= 300) {
        tm->free_dlg(d);
        return;
    }
    tm->dlg_response_uac(d, e->reply);
    say("confirmed", d);
    tm->ack_local_uac(e->transaction, e->reply, str("X-Ack: 1\r\n"), str("late offer"), str("text/plain"));
    tm_request bye = {APUS_STRUCT(tm_request), .method = str("BYE"), .dialog = d, .kinds = TM_LOCAL_COMPLETED,
                      .call = ended, .user = d};
    apus_str reason;
    if (tm->t_request(host, &bye, &reason) != APUS_TRUE) host->log->write(host, APUS_ERR, reason);
}

static int own_call(const apus_call *c) {
    char callid[64], tag[64], from[160];
    size_t n = tm->generate_callid(host, callid, sizeof callid), m = tm->generate_fromtag(host, tag, sizeof tag);
    if (!n || !m || tm->generate_callid(host, callid, 8)) return APUS_FALSE;
    snprintf(from, sizeof from, "<sip:module@example.org>;tag=%.*s", (int)m, tag);
    tm_dialog *d = tm->new_dlg_uac(host, (apus_str){callid, n}, 10, str(from), str("<sip:them@example.org>"), c->args[0].str);
    if (!d) return APUS_FALSE;
    tm_request r = {APUS_STRUCT(tm_request), .method = str("INVITE"), .flags = TM_NO_ACK | TM_PASS_PROVISIONAL,
                    .headers = str("Contact: <sip:module@127.0.0.1>\r\n"), .dialog = d,
                    .kinds = TM_LOCAL_COMPLETED | TM_LOCAL_RESPONSE_OUT, .call = answered, .user = d};
    return tm->t_request(host, &r, NULL);
}

static int own_notify(const apus_call *c) {
    tm_dialog *d = tm->new_dlg_uas(host, c->msg, 200, c->args[0].str);
    if (!d) return APUS_FALSE;
    say("called", d);
    tm_request r = {APUS_STRUCT(tm_request), .method = str("NOTIFY"), .dialog = d, .kinds = TM_LOCAL_COMPLETED, .call = ended,
                    .user = d};
    int stale = tm->dlg_request_uas(d, c->msg);
    return stale == APUS_FALSE ? tm->t_request(host, &r, NULL) : APUS_FALSE;
}

static void posted(const tm_event *e) {
    char text[64];
    int n = snprintf(text, sizeof text, "posted got %d", e->code);
    host->log->write(host, APUS_ERR, (apus_str){text, (size_t)n});
}

static int own_posted(const apus_call *c) {
    for (int i = 0; i < 8; i++) {
        char callid[32];
        snprintf(callid, sizeof callid, "posted-%d", i);
        tm_request r = {APUS_STRUCT(tm_request), .method = str("INFO"), .uri = c->args[0].str, .from = str("<sip:a@b>"),
                        .to = str("<sip:c@d>"), .callid = str(callid), .kinds = TM_LOCAL_COMPLETED, .call = posted,
                        .user = "posted is released", .release = released};
        if (tm->t_request(host, &r, NULL) != APUS_TRUE) return APUS_FALSE;
    }
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    host = h;
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "own_call", .args = "uri:format", .routes = APUS_ANY_ROUTE, .doc = "Calls.",
         .call = own_call},
        {APUS_STRUCT(apus_function), .name = "own_notify", .args = "tag:format", .routes = APUS_ANY_ROUTE,
         .doc = "Notifies.", .call = own_notify},
        {APUS_STRUCT(apus_function), .name = "own_posted", .args = "uri:format", .routes = APUS_ANY_ROUTE,
         .doc = "Informs.", .call = own_posted},
    };
    return ADD_FUNCTIONS(h, functions);
}

static int start(const apus_host *h) {
    tm = load_tm(h);
    return tm ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(requests) {
    APUS_HEADER, .name = "requests", .version = "1.0", .needs = "tm/1", .declare = declare, .start = start };
