/* Declares a pseudo-variable twice. */
#include <apus/module.h>

static int get(const apus_access *a, apus_value *out) { return APUS_FALSE; }

static int declare(const apus_host *h) {
    const apus_pv v = { APUS_STRUCT(apus_pv), .name = "zoo", .doc = "Always null.", .get = get };
    if (h->vars->add_variable(h, &v) < 0) return APUS_FALSE;
    return h->vars->add_variable(h, &v);
}

APUS_MODULE(duplicate_variable) { APUS_HEADER, .name = "duplicate_variable", .version = "1.0", .declare = declare };
