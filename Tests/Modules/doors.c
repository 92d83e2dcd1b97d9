/*
 * What doors and the management thread need: an answer in parts, structured arguments, who asks, and the group loop: a watched pipe, a
 * timer, a posted job, all on the management thread.
 */
#include <apus/module.h>
#include <stdatomic.h>
#include <unistd.h>

static const apus_host *host;
static int ends[2];
static uint64_t watch;
static apus_timer timer;
static apus_job job;
/* Bits: 1 begun, 2 timer, 4 readable, 8 posted, 16 stale handles refused; each on the management thread only. */
static atomic_int seen;

static void note(int bit) {
    if (host->loop->is_management(host) > 0) atomic_fetch_or(&seen, bit);
}

/* d.many COUNT: so many numbers in an array, a hundred a call. */
static int many(const apus_command *c) {
    const apus_rpc_api *rpc = c->host->rpc;
    if (c->place[0] == 0) rpc->open_array(c->answer, NULL);
    for (int i = 0; i < 100; i++) {
        if (c->place[0] == (uint64_t)c->args[0].num) {
            rpc->close(c->answer);
            return APUS_TRUE;
        }
        rpc->add_int(c->answer, NULL, (int64_t)c->place[0]++);
    }
    return APUS_RPC_MORE;
}

/* d.who: the door and whoever asks. */
static int who(const apus_command *c) {
    c->host->rpc->add_text(c->answer, NULL, c->door);
    c->host->rpc->add_text(c->answer, NULL, c->peer);
    return APUS_TRUE;
}

/* d.kinds VALUE...: of which kinds its arguments' items are. */
static int kinds(const apus_command *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t count = 0;
        const apus_item *items = c->host->rpc->items(c, i, &count);
        for (uint32_t k = 0; k < count; k++) c->host->rpc->add_int(c->answer, NULL, items[k].kind);
    }
    return APUS_TRUE;
}

static int number(const apus_command *c) {
    c->host->rpc->add_int(c->answer, NULL, c->args[0].num);
    return APUS_TRUE;
}

static int numbers(const apus_command *c) {
    const apus_rpc_api *rpc = c->host->rpc;
    rpc->open_map(c->answer, NULL);
    rpc->add_int(c->answer, "small", -7);
    rpc->add_int(c->answer, "large", 5000000000);
    rpc->add_double(c->answer, "ratio", 2.5);
    rpc->open_array(c->answer, "list");
    for (int i = 0; i < 2; i++) {
        rpc->open_map(c->answer, NULL);
        rpc->add_int(c->answer, "index", i);
        rpc->close(c->answer);
    }
    rpc->add_text(c->answer, NULL, APUS_STR("x"));
    rpc->close(c->answer);
    rpc->close(c->answer);
    return APUS_TRUE;
}

static int loop(const apus_command *c) {
    c->host->rpc->add_int(c->answer, NULL, atomic_load(&seen));
    return APUS_TRUE;
}

static void posted(const apus_host *h, apus_job *unused) { note(8); }

static void fired(const apus_host *h, apus_timer *unused) {
    note(2);
    if (write(ends[1], "x", 1) != 1) h->log->write(h, APUS_ERR, APUS_STR("the pipe is broken"));
}

static void readable(const apus_host *h, uint64_t which, uint32_t events, void *user) {
    char byte;
    if (which == watch && events == APUS_READABLE && user == &watch && read(ends[0], &byte, 1) == 1) note(4);
    h->loop->unwatch(h, watch);
    if (h->loop->unwatch(h, watch) == APUS_FALSE && h->loop->change(h, watch, APUS_WRITABLE) == APUS_FALSE) note(16);
}

static void begun(const apus_host *h, void *user) {
    note(1);
    watch = h->loop->watch(h, ends[0], APUS_READABLE, readable, &watch);
    h->timer->prepare(h, &timer, fired);
    h->timer->arm(h, &timer, 20);
    job.run = posted;
    h->loop->post(h, &job);
}

static void ended(const apus_host *h, void *user) {
    h->timer->disarm(h, &timer);
    h->log->write(h, APUS_NOTICE, APUS_STR("the management thread ends"));
}

static int start(const apus_host *h) {
    if (pipe(ends)) return APUS_FALSE;
    if (h->loop->post(h, &job) != APUS_FALSE) return APUS_FALSE; /* there is no such thread yet */
    return h->loop->serve(h, begun, ended, NULL);
}

static void add(const char *name, const char *args, uint32_t flags, int (*call)(const apus_command *)) {
    host->rpc->add_command(host, &(apus_rpc){
        APUS_STRUCT(apus_rpc), .name = name, .args = args, .flags = APUS_RPC_READS | flags, .doc = "Of the tests.", .call = call });
}

static int declare(const apus_host *h) {
    host = h;
    add("d.many", "count:int", 0, many);
    add("d.who", NULL, 0, who);
    add("d.kinds", "value:value?, ...", APUS_RPC_TREES, kinds);
    add("d.flat", "value:value", 0, number);
    add("d.number", "number:int", 0, number);
    add("d.numbers", NULL, 0, numbers);
    add("d.loop", NULL, 0, loop);
    return APUS_TRUE;
}

APUS_MODULE(doors) { APUS_HEADER, .name = "doors", .version = "1.0", .declare = declare, .start = start };
