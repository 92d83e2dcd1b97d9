/* Forgets the size of the struct that it hands over, and does not look at the answer. */
#include <apus/module.h>

static int call(const apus_call *c) { return APUS_TRUE; }

static int declare(const apus_host *h) {
    h->script->add_function(h, &(apus_function){ .name = "short", .routes = APUS_ANY_ROUTE, .doc = "Is never called.",
        .call = call });
    return APUS_TRUE;
}

APUS_MODULE(short_function) { APUS_HEADER, .name = "short_function", .version = "1.0", .declare = declare };
