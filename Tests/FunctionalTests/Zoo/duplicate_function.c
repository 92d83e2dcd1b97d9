/* Declares a function twice for the same number of arguments. */
#include <apus/module.h>

static int call(const apus_call *c) { return APUS_TRUE; }

static int declare(const apus_host *h) {
    if (h->script->add_function(h, &(apus_function){ APUS_STRUCT(apus_function), .name = "twice",
            .args = "text:string, code:int?", .routes = APUS_ANY_ROUTE, .doc = "The first.", .call = call }) < 0)
        return APUS_FALSE;
    return h->script->add_function(h, &(apus_function){ APUS_STRUCT(apus_function), .name = "twice",
        .args = "code:int", .routes = APUS_ANY_ROUTE, .doc = "The second.", .call = call });
}

APUS_MODULE(duplicate_function) { APUS_HEADER, .name = "duplicate_function", .version = "1.0", .declare = declare };
