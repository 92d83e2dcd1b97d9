/* Declares a parameter twice. */
#include <apus/module.h>

static int64_t value;

static int declare(const apus_host *h) {
    const apus_parameter p = { APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_INT, .name = "limit",
        .doc = "How many.", .into = &value };
    if (h->config->add_parameter(h, &p) < 0) return APUS_FALSE;
    return h->config->add_parameter(h, &p);
}

APUS_MODULE(duplicate_parameter) { APUS_HEADER, .name = "duplicate_parameter", .version = "1.0", .declare = declare };
