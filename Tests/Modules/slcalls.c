/*
 * Calls sl's interface on behalf of a script, and has a select of its own.
 *
 *   refuse(code, reason)     sl->reply, with a header of its own
 *   answer(code, reason)     sl->reply_by_transaction
 *   tag()                    logs sl->reply_tag
 *   @letters.word            the word of the path backwards; a path with a digit is a mistake
 */
#include <apus/sl.h>
#include "functions.h"
#include <string.h>

static const sl_api *sl;

static apus_reply reply_of(const apus_call *c) {
    return (apus_reply){APUS_STRUCT(apus_reply), .code = (int32_t)c->args[0].num, .reason = c->args[1].str,
                        .headers = APUS_STR("X-Module: slcalls\r\n")};
}

static int refuse(const apus_call *c) {
    apus_reply r = reply_of(c);
    return sl->reply(c->host, c->msg, &r);
}

static int answer(const apus_call *c) {
    apus_reply r = reply_of(c);
    return sl->reply_by_transaction(c->host, c->msg, &r);
}

static int tag(const apus_call *c) {
    char text[64];
    c->host->log->at(c, APUS_ERR, (apus_str){text, sl->reply_tag(c->msg, text, sizeof text)});
    return APUS_TRUE;
}

static int prepare(const apus_host *h, apus_str path, void **prepared, apus_complaint *complaint) {
    static char words[16][64];
    static int used;
    for (size_t i = 0; i < path.len; i++)
        if (path.s[i] >= '0' && path.s[i] <= '9') {
            complaint->offset = (uint32_t)i;
            complaint->len = strlen(strncpy(complaint->text, "no digits", complaint->capacity));
            return APUS_FALSE;
        }
    if (path.len < 2 || path.len > 63 || used == 16) return APUS_FALSE;
    for (size_t i = 1; i < path.len; i++) words[used][i - 1] = path.s[path.len - i];
    *prepared = words[used++];
    return APUS_TRUE;
}

static int get(const apus_access *a, apus_value *out) {
    const char *word = a->user;
    *out = (apus_value){.kind = APUS_STRING, .str = {word, strlen(word)}};
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "refuse", .args = "code:int, reason:format", .routes = APUS_ANY_ROUTE,
         .doc = "Replies without a transaction.", .call = refuse},
        {APUS_STRUCT(apus_function), .name = "answer", .args = "code:int, reason:format", .routes = APUS_ANY_ROUTE,
         .doc = "Replies in the transaction.", .call = answer},
        {APUS_STRUCT(apus_function), .name = "tag", .routes = APUS_ANY_ROUTE, .doc = "Logs our tag.", .call = tag},
    };
    if (ADD_FUNCTIONS(h, functions) != APUS_TRUE) return APUS_FALSE;
    const apus_select letters = {APUS_STRUCT(apus_select), .name = "letters", .doc = "a word backwards: .word",
                                 .prepare = prepare, .get = get};
    return h->vars->add_select(h, &letters);
}

static int start(const apus_host *h) {
    sl = load_sl(h);
    return sl ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(slcalls) {
    APUS_HEADER, .name = "slcalls", .version = "1.0", .needs = "sl/1", .declare = declare, .start = start };
