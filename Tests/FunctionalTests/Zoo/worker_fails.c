/* Starts, but refuses to run on worker 1. */
#include <apus/module.h>

static int worker(const apus_host *h, uint32_t index) { return index == 1 ? APUS_FALSE : APUS_TRUE; }

APUS_MODULE(worker_fails) { APUS_HEADER, .name = "worker_fails", .version = "1.0", .worker = worker };
