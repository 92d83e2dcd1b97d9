/* Declares a select twice. */
#include <apus/module.h>

static int prepare(const apus_host *h, apus_str path, void **prepared, apus_complaint *complaint) { return APUS_TRUE; }
static int get(const apus_access *a, apus_value *out) { return APUS_FALSE; }

static int declare(const apus_host *h) {
    const apus_select s = { APUS_STRUCT(apus_select), .name = "zoo", .doc = "Always null.", .prepare = prepare, .get = get };
    if (h->vars->add_select(h, &s) < 0) return APUS_FALSE;
    return h->vars->add_select(h, &s);
}

APUS_MODULE(duplicate_select) { APUS_HEADER, .name = "duplicate_select", .version = "1.0", .declare = declare };
