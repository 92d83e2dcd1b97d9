/* Nothing is wrong with it: it tells what happens to it, and in which order. */
#include <apus/module.h>

static int started, workers;

static void say(const apus_host *h, const char *text, size_t len) { h->log->write(h, APUS_NOTICE, (apus_str){ text, len }); }
#define SAY(text) say(h, text, sizeof(text) - 1)

static void ready(const apus_host *h, void *user) { SAY("ready"); }

static void reload(const apus_host *h, void *user) { SAY("reload"); }

static int declare(const apus_host *h) {
    if (h->events->subscribe(h, "core:ready", ready, NULL) < 0) return APUS_FALSE;
    return h->events->subscribe(h, "core:reload", reload, NULL);
}

static int start(const apus_host *h) {
    SAY("start");
    started = 1;
    return h->worker->count(h) == 2 && h->net->count(h) == 1 ? APUS_TRUE : APUS_FALSE;
}

static int worker(const apus_host *h, uint32_t index) {
    SAY("worker");
    __atomic_add_fetch(&workers, 1, __ATOMIC_RELAXED);
    return started && h->worker->index(h) == (int32_t)index ? APUS_TRUE : APUS_FALSE;
}

static void stop(const apus_host *h) {
    if (workers == 2) SAY("stop after two workers");
}

APUS_MODULE(lifecycle) {
    APUS_HEADER, .name = "lifecycle", .version = "1.0", .declare = declare, .start = start, .worker = worker, .stop = stop };
