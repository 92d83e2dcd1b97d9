/* Declares a function without its function. */
#include <apus/module.h>

static int declare(const apus_host *h) {
    return h->script->add_function(h, &(apus_function){ APUS_STRUCT(apus_function), .name = "empty",
        .routes = APUS_ANY_ROUTE, .doc = "Cannot be called." });
}

APUS_MODULE(function_without_call) { APUS_HEADER, .name = "function_without_call", .version = "1.0", .declare = declare };
