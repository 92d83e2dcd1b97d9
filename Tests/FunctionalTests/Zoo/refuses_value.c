/* Its parameter takes no value at all. */
#include <apus/module.h>

static int set(const apus_host *h, const apus_value *value, void *user) {
    h->log->write(h, APUS_ERR, APUS_STR("that is not a colour"));
    return APUS_FALSE;
}

static int declare(const apus_host *h) {
    return h->config->add_parameter(h, &(apus_parameter){ APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_STRING,
        .name = "colour", .doc = "A colour.", .set = set });
}

APUS_MODULE(refuses_value) { APUS_HEADER, .name = "refuses_value", .version = "1.0", .declare = declare };
