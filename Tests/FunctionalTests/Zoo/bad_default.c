/* A parameter's default lies outside of its range. */
#include <apus/module.h>

static int64_t value;

static int declare(const apus_host *h) {
    return h->config->add_parameter(h, &(apus_parameter){ APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_INT,
        .name = "limit", .doc = "How many.", .initial = "100", .min = 1, .max = 10, .into = &value });
}

APUS_MODULE(bad_default) { APUS_HEADER, .name = "bad_default", .version = "1.0", .declare = declare };
