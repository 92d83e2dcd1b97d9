/* Declares a function when the time for it is over. */
#include <apus/module.h>

static int call(const apus_call *c) { return APUS_TRUE; }

static int start(const apus_host *h) {
    return h->script->add_function(h, &(apus_function){ APUS_STRUCT(apus_function), .name = "late",
        .routes = APUS_ANY_ROUTE, .doc = "Comes too late.", .call = call });
}

APUS_MODULE(late_declaration) { APUS_HEADER, .name = "late_declaration", .version = "1.0", .start = start };
