/*
 * Calls functions of tm's interface on behalf of a script.
 *
 *   check_trans()            as t_check_trans
 *   set_fr(invite, other)    as t_set_fr, but only where there is a transaction
 */
#include <apus/tm.h>
#include "functions.h"

static const tm_api *tm;

static int check_trans(const apus_call *c) { return tm->t_check_trans(c); }

static int set_fr(const apus_call *c) {
    tm_transaction *t = tm->t_gett(c->msg);
    if (!t) return APUS_FALSE;
    tm->set_fr(t, (uint32_t)c->args[0].num, (uint32_t)c->args[1].num);
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    const apus_function functions[] = {
        {APUS_STRUCT(apus_function), .name = "check_trans", .routes = APUS_ANY_ROUTE,
         .doc = "Whether the message belongs to a transaction.", .call = check_trans},
        {APUS_STRUCT(apus_function), .name = "set_fr", .args = "invite:int, other:int", .routes = APUS_ANY_ROUTE,
         .doc = "Times of the transaction.", .call = set_fr},
    };
    return ADD_FUNCTIONS(h, functions);
}

static int start(const apus_host *h) {
    tm = load_tm(h);
    return tm ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(tmcalls) {
    APUS_HEADER, .name = "tmcalls", .version = "1.0", .needs = "tm/1", .declare = declare, .start = start };
