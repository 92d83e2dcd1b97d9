/*
 * A module that does not come to its end: `stop` takes a minute.
 */
#include <apus/module.h>

#include <time.h>

static void stop(const apus_host *h) { nanosleep(&(struct timespec){60, 0}, NULL); }

APUS_MODULE(clings) { APUS_HEADER, .name = "clings", .version = "1.0", .stop = stop };
