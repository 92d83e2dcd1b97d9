/* Refuses to be declared, with a reason. */
#include <apus/module.h>

static int declare(const apus_host *h) {
    h->log->write(h, APUS_INFO, APUS_STR("about to fail"));
    h->log->write(h, APUS_ERR, APUS_STR("there is no coffee"));
    return APUS_FALSE;
}

APUS_MODULE(declare_fails) { APUS_HEADER, .name = "declare_fails", .version = "1.0", .declare = declare };
