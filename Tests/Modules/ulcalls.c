/*
 * Keeps and asks contacts by usrloc's interface on behalf of a script; what comes of it stands in X-Result of replies.
 *
 *   ul_save(table, aor, contact, expires, callid, cseq, max, flags)  puts a contact, or drops it when expires is 0; further contacts behind blanks
 *   ul_look(table, aor)                                             its contacts
 *   ul_told()                                                       in event_route[usrloc:contact-expired]: writes to the log what has expired
 *   ul_walk(table)                                                  how many contacts a walk over the table shows
 *
 * Callbacks write to the log.
 */
#include <apus/usrloc.h>
#include "functions.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const usrloc_api *ul;

static void answer(const apus_call *c, const char *text) {
    char line[4096];
    int length = snprintf(line, sizeof line, "X-Result: %s\r\n", text);
    c->host->message->append_to_reply(c->msg, (apus_str){line, (size_t)length});
}

static size_t list(const usrloc_record *r, char *out, size_t room) {
    size_t used = 0;
    for (uint32_t i = 0; r && i < r->count; i++) {
        const usrloc_contact *one = &r->contacts[i];
        used += (size_t)snprintf(out + used, room - used, " %.*s", (int)one->uri.len, one->uri.s);
    }
    return used;
}

static int saved(const apus_call *c, const usrloc_outcome *o, void *user) {
    char text[3000], contacts[2500] = "";
    if (o->record) list(o->record, contacts, sizeof contacts);
    snprintf(text, sizeof text, "%d +%u =%u -%u ~%u:%s", o->status, o->inserted, o->updated, o->deleted, o->repeated, contacts);
    answer(c, text);
    return o->status == APUS_OK ? APUS_TRUE : APUS_FALSE;
}

static int save(const apus_call *c) {
    usrloc_table *table = ul->find_table(c->host, c->args[0].str);
    if (!table) return APUS_FALSE;
    usrloc_edit edits[8];
    memset(edits, 0, sizeof edits);
    uint32_t count = 0;
    apus_str rest = c->args[2].str;
    while (rest.len > 0 && count < 8) {
        const char *blank = memchr(rest.s, ' ', rest.len);
        size_t length = blank ? (size_t)(blank - rest.s) : rest.len;
        usrloc_edit *edit = &edits[count++];
        edit->kind = c->args[3].num ? USRLOC_PUT : USRLOC_DROP;
        edit->contact.size = sizeof edit->contact;
        edit->contact.q = APUS_NO_Q;
        edit->contact.uri = (apus_str){rest.s, length};
        edit->contact.expires = (int64_t)time(NULL) + c->args[3].num;
        edit->contact.call_id = c->args[4].str;
        edit->contact.cseq = (uint32_t)c->args[5].num;
        edit->contact.methods = USRLOC_ALL_METHODS;
        edit->contact.user_agent = APUS_STR("ulcalls");
        edit->contact.listener = c->host->message->received_on(c->msg);
        length += blank ? 1 : 0;
        rest = (apus_str){rest.s + length, rest.len - length};
    }
    usrloc_change change = {APUS_STRUCT(usrloc_change), .flags = (uint32_t)c->args[7].num, .aor = c->args[1].str, .edits = edits,
                            .count = count, .max_contacts = (uint32_t)c->args[6].num, .call_id = c->args[4].str,
                            .cseq = (uint32_t)c->args[5].num};
    return ul->change(c, table, &change, saved, NULL);
}

static int looked(const apus_call *c, int status, const usrloc_record *r, void *user) {
    char text[3000];
    int used = snprintf(text, sizeof text, "%d:", status);
    list(r, text + used, sizeof text - (size_t)used);
    answer(c, text);
    return r && r->count ? APUS_TRUE : APUS_FALSE;
}

static int look(const apus_call *c) {
    usrloc_table *table = ul->find_table(c->host, c->args[0].str);
    usrloc_query query = {APUS_STRUCT(usrloc_query), .aor = c->args[1].str};
    return table ? ul->lookup(c, table, &query, looked, NULL) : APUS_FALSE;
}

static void line(const apus_host *h, const char *what, apus_str aor, const usrloc_contact *contact) {
    char text[512];
    int length = snprintf(text, sizeof text, "ulcalls: %s %.*s %.*s", what, (int)aor.len, aor.s, (int)contact->uri.len, contact->uri.s);
    h->log->write(h, APUS_NOTICE, (apus_str){text, (size_t)length});
}

static int told(const apus_call *c) {
    const usrloc_record *r = ul->expired(c->msg);
    if (!r || r->count != 1) return APUS_FALSE;
    line(c->host, "route", r->aor, r->contacts);
    return APUS_TRUE;
}

static void seen(const apus_host *h, apus_str aor, uint64_t hash, const usrloc_contact *contact, void *user) { ++*(int *)user; }

static int walk(const apus_call *c) {
    usrloc_table *table = ul->find_table(c->host, c->args[0].str);
    usrloc_visit visit = {APUS_STRUCT(usrloc_visit), .limit = 3};
    int count = 0, more = APUS_TRUE;
    while (table && more == APUS_TRUE) more = ul->visit(c->host, table, &visit, seen, &count);
    char text[32];
    snprintf(text, sizeof text, "%d %d", more, count);
    answer(c, text);
    return APUS_TRUE;
}

static void happened(const usrloc_event *e) {
    const char *what = e->kind == USRLOC_INSERTED  ? "inserted"
                       : e->kind == USRLOC_UPDATED ? "updated"
                       : e->kind == USRLOC_DELETED ? "deleted"
                                                   : "expired";
    line(e->host, what, e->aor, e->contact);
}

static int declare(const apus_host *h) {
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "ul_save", .routes = APUS_REQUEST_ROUTE, .flags = APUS_MAY_SUSPEND,
         .args = "table:format, aor:format, contact:format, expires:int, callid:format, cseq:int, max:int, flags:int",
         .doc = "Saves contacts.", .call = save},
        {APUS_STRUCT(apus_function), .name = "ul_look", .args = "table:format, aor:format", .routes = APUS_REQUEST_ROUTE,
         .flags = APUS_MAY_SUSPEND, .doc = "Looks contacts up.", .call = look},
        {APUS_STRUCT(apus_function), .name = "ul_walk", .args = "table:format", .routes = APUS_REQUEST_ROUTE,
         .doc = "Counts contacts.", .call = walk},
        {APUS_STRUCT(apus_function), .name = "ul_told", .routes = APUS_EVENT_ROUTE, .doc = "Tells what has expired.", .call = told},
    };
    return ADD_FUNCTIONS(h, functions);
}

static int start(const apus_host *h) {
    ul = load_usrloc(h);
    if (!ul || !ul->register_table(h, APUS_STR("location"))) return APUS_FALSE;
    const uint32_t all = USRLOC_INSERTED | USRLOC_UPDATED | USRLOC_DELETED | USRLOC_EXPIRED;
    return ul->register_callback(h, all, happened, NULL);
}

APUS_MODULE(ulcalls) {
    APUS_HEADER, .name = "ulcalls", .version = "1.0", .needs = "usrloc/1", .declare = declare, .start = start };
