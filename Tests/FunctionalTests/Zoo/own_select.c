/* Declares a select of a name that the server has itself. */
#include <apus/module.h>

static int prepare(const apus_host *h, apus_str path, void **prepared, apus_complaint *complaint) { return APUS_TRUE; }
static int get(const apus_access *a, apus_value *out) { return APUS_FALSE; }

static int declare(const apus_host *h) {
    const apus_select s = { APUS_STRUCT(apus_select), .name = "from", .doc = "Always null.", .prepare = prepare, .get = get };
    return h->vars->add_select(h, &s);
}

APUS_MODULE(own_select) { APUS_HEADER, .name = "own_select", .version = "1.0", .declare = declare };
