/* Subscribes to an event that the core does not raise. */
#include <apus/module.h>

static void call(const apus_host *h, void *user) { }

static int declare(const apus_host *h) { return h->events->subscribe(h, "core:lunch", call, NULL); }

APUS_MODULE(unknown_event) { APUS_HEADER, .name = "unknown_event", .version = "1.0", .declare = declare };
