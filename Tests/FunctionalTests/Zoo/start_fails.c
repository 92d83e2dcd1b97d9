/* Loads, but does not start. */
#include <apus/module.h>

static int start(const apus_host *h) {
    h->log->write(h, APUS_ERR, APUS_STR("the database is asleep"));
    return APUS_FALSE;
}

APUS_MODULE(start_fails) { APUS_HEADER, .name = "start_fails", .version = "1.0", .start = start };
