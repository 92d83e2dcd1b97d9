/* Declares a function with a kind of argument that does not exist. */
#include <apus/module.h>

static int call(const apus_call *c) { return APUS_TRUE; }

static int declare(const apus_host *h) {
    return h->script->add_function(h, &(apus_function){ APUS_STRUCT(apus_function), .name = "odd",
        .args = "text:str", .routes = APUS_ANY_ROUTE, .doc = "Is never called.", .call = call });
}

APUS_MODULE(bad_signature) { APUS_HEADER, .name = "bad_signature", .version = "1.0", .declare = declare };
