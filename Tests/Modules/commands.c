/* Commands of every kind, well-behaved ones and others. */
#include <apus/module.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const apus_host *host;
/* How often a deferral was found to have run out. */
static atomic_int run_out;

static int sync_call(const apus_command *c) {
    const apus_rpc_api *rpc = c->host->rpc;
    rpc->open_map(c->answer, NULL);
    rpc->add_int(c->answer, "number", -7);
    rpc->add_double(c->answer, "ratio", 0.5);
    rpc->add_text(c->answer, "text", APUS_STR("a \"b\"\n"));
    rpc->open_array(c->answer, "list");
    rpc->add_int(c->answer, NULL, 1);
    rpc->open_map(c->answer, NULL);
    rpc->close(c->answer);
    rpc->close(c->answer);
    rpc->add_text(c->answer, "thread", host->worker->index(host) < 0 ? APUS_STR("management") : APUS_STR("worker"));
    rpc->close(c->answer);
    return APUS_TRUE;
}

static int args(const apus_command *c) {
    const apus_rpc_api *rpc = c->host->rpc;
    rpc->open_array(c->answer, NULL);
    for (uint32_t i = 0; i < c->count; i++) {
        const apus_arg *a = &c->args[i];
        rpc->open_map(c->answer, NULL);
        rpc->add_int(c->answer, "given", a->given);
        rpc->add_int(c->answer, "kind", a->value);
        rpc->add_int(c->answer, "num", a->num);
        rpc->add_text(c->answer, "str", a->str);
        rpc->close(c->answer);
    }
    rpc->close(c->answer);
    return APUS_TRUE;
}

static int workers(const apus_command *c) {
    c->host->rpc->add_int(c->answer, NULL, c->host->worker->index(c->host));
    return APUS_TRUE;
}

/* Whoever is to hang waits here, until t.release; half a minute at most. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static int gate_is_open;

static void wait_at_gate(void) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 30;
    pthread_mutex_lock(&gate_lock);
    while (!gate_is_open && !pthread_cond_timedwait(&gate_opened, &gate_lock, &end)) {}
    pthread_mutex_unlock(&gate_lock);
}

static int release(const apus_command *c) {
    pthread_mutex_lock(&gate_lock);
    gate_is_open = 1;
    pthread_cond_broadcast(&gate_opened);
    pthread_mutex_unlock(&gate_lock);
    return APUS_TRUE;
}

/* When another thread answers a deferral. */
enum moment { AT_ONCE, AFTER_THE_CALL, AT_THE_GATE };

typedef struct later {
    apus_job job; /* runs on the thread that has deferred, when its call has returned */
    uint64_t deferral;
    enum moment moment;
    sem_t returned;
} later;

static void has_returned(const apus_host *h, apus_job *job) { sem_post(&((later *)job)->returned); }

static void *answer(void *user) {
    later *l = user;
    if (l->moment == AFTER_THE_CALL) sem_wait(&l->returned);
    if (l->moment == AT_THE_GATE) wait_at_gate();
    const apus_command *c = host->rpc->resume(host, l->deferral);
    if (c) {
        /* Nobody else gets it meanwhile. */
        host->rpc->add_int(c->answer, NULL, host->rpc->resume(host, l->deferral) ? -1 : (int64_t)(uintptr_t)c->user);
    } else {
        atomic_fetch_add(&run_out, 1);
    }
    host->rpc->finish(host, l->deferral);
    host->rpc->finish(host, l->deferral);
    sem_destroy(&l->returned);
    free(l);
    return NULL;
}

static int later_call(const apus_command *c, uint32_t milliseconds, enum moment moment) {
    const apus_host *h = c->host;
    later *l = malloc(sizeof *l);
    *l = (later){.job = {APUS_STRUCT(apus_job), .run = has_returned},
                 .deferral = h->rpc->defer(c, milliseconds), .moment = moment};
    sem_init(&l->returned, 0, 0);
    pthread_t thread;
    if (!l->deferral || pthread_create(&thread, NULL, answer, l)) return APUS_FALSE;
    if (moment == AFTER_THE_CALL) {
        int32_t worker = h->worker->index(h);
        if (worker < 0) h->loop->post(h, &l->job);
        else h->worker->post(h, (uint32_t)worker, &l->job);
    }
    if (moment == AT_ONCE) pthread_join(thread, NULL);
    else pthread_detach(thread);
    return APUS_SUSPENDED;
}

static int thread_call(const apus_command *c) { return later_call(c, 20000, AFTER_THE_CALL); }
static int at_once(const apus_command *c) { return later_call(c, 20000, AT_ONCE); }
static int unlimited(const apus_command *c) { return later_call(c, 0, AFTER_THE_CALL); }
static int too_late(const apus_command *c) { return later_call(c, 20, AT_THE_GATE); }

static int answers_anyway(const apus_command *c) {
    later_call(c, 20000, AT_ONCE);
    return APUS_TRUE;
}

static int never(const apus_command *c) {
    c->host->rpc->defer(c, 0);
    return APUS_SUSPENDED;
}

static int unresumed(const apus_command *c) {
    c->host->rpc->finish(c->host, c->host->rpc->defer(c, 20));
    return APUS_SUSPENDED;
}

/* Steps on workers that were released, and those that ran though their time was over. */
static atomic_int released, overdue;
static void release_step(void *user) { atomic_fetch_add(&released, 1); }

static int tour_step(const apus_command *c, void *user) {
    uint32_t next = (uint32_t)(uintptr_t)user + 1;
    c->host->rpc->add_int(c->answer, NULL, c->host->worker->index(c->host));
    if (next < c->host->worker->count(c->host))
        return c->host->rpc->go_on(c, next, 20000, tour_step, (void *)(uintptr_t)next, release_step);
    c->host->rpc->close(c->answer);
    return APUS_TRUE;
}

static int tour(const apus_command *c) {
    c->host->rpc->open_array(c->answer, NULL);
    return c->host->rpc->go_on(c, 0, 0, tour_step, NULL, release_step);
}

static void hang(const apus_host *h, apus_job *job) {
    wait_at_gate();
    free(job);
}

static int overdue_step(const apus_command *c, void *user) {
    atomic_fetch_add(&overdue, 1);
    return APUS_TRUE;
}

/* Its worker hangs. */
static int stuck(const apus_command *c) {
    apus_job *job = malloc(sizeof *job);
    *job = (apus_job){APUS_STRUCT(apus_job), .run = hang};
    c->host->worker->post(c->host, 1, job);
    return c->host->rpc->go_on(c, 1, 20, overdue_step, NULL, release_step);
}

static int block(const apus_command *c) {
    wait_at_gate();
    return workers(c);
}

/* A pipe that a worker watches. Bits: 1 readable, 2 changed to the far side's end only, 4 which came, 8 stale handles refused. */
static struct watched {
    int ends[2];
    uint64_t watch;
    int32_t worker;
    atomic_int seen;
} watched[16];

static void pipe_ready(const apus_host *h, uint64_t watch, uint32_t events, void *user) {
    struct watched *w = user;
    char byte;
    if (watch != w->watch || h->worker->index(h) != w->worker) return;
    if (events == APUS_READABLE) {
        if (read(w->ends[0], &byte, 1) == 1) atomic_fetch_or(&w->seen, 1);
        if (h->loop->change(h, watch, 0) == APUS_TRUE) atomic_fetch_or(&w->seen, 2);
        close(w->ends[1]);
        return;
    }
    if (events == APUS_HUNG_UP) atomic_fetch_or(&w->seen, 4);
    if (h->loop->unwatch(h, watch) == APUS_TRUE && h->loop->unwatch(h, watch) == APUS_FALSE &&
        h->loop->change(h, watch, APUS_READABLE) == APUS_FALSE)
        atomic_fetch_or(&w->seen, 8);
    close(w->ends[0]);
}

static int watch_pipe(const apus_command *c) {
    struct watched *w = &watched[c->host->worker->index(c->host)];
    w->worker = c->host->worker->index(c->host);
    if (pipe(w->ends)) return APUS_FALSE;
    w->watch = c->host->loop->watch(c->host, w->ends[0], APUS_READABLE, pipe_ready, w);
    return w->watch && write(w->ends[1], "x", 1) == 1 ? APUS_TRUE : APUS_FALSE;
}

static int watch_seen(const apus_command *c) {
    for (uint32_t i = 0; i < c->host->worker->count(c->host); i++)
        c->host->rpc->add_int(c->answer, NULL, atomic_load(&watched[i].seen));
    return APUS_TRUE;
}

static int nowhere(const apus_command *c) {
    return c->host->rpc->go_on(c, 99, 0, tour_step, NULL, release_step);
}

static int goes_twice(const apus_command *c) {
    c->host->rpc->go_on(c, 0, 0, tour_step, NULL, release_step);
    return c->host->rpc->go_on(c, 1, 0, tour_step, NULL, release_step);
}

static int goes_and_answers(const apus_command *c) {
    c->host->rpc->go_on(c, 0, 0, tour_step, NULL, release_step);
    return APUS_TRUE;
}

/* A deferral on another worker. */
static int thread_step(const apus_command *c, void *user) { return thread_call(c); }
static int thread_there(const apus_command *c) {
    return c->host->rpc->go_on(c, 1, 20000, thread_step, NULL, release_step);
}

static int steps(const apus_command *c) {
    c->host->rpc->open_array(c->answer, NULL);
    c->host->rpc->add_int(c->answer, NULL, atomic_load(&released));
    c->host->rpc->add_int(c->answer, NULL, atomic_load(&overdue));
    c->host->rpc->close(c->answer);
    return APUS_TRUE;
}

static int late_ones(const apus_command *c) {
    c->host->rpc->add_int(c->answer, NULL, atomic_load(&run_out));
    return APUS_TRUE;
}

static int fault(const apus_command *c) {
    c->host->rpc->add_int(c->answer, NULL, 1);
    c->host->rpc->fault(c->answer, 481, APUS_STR("no such transaction"));
    c->host->rpc->fault(c->answer, 500, APUS_STR("later ones do not count"));
    return APUS_FALSE;
}

static int fault_after_defer(const apus_command *c) {
    c->host->rpc->defer(c, 20000);
    c->host->rpc->fault(c->answer, 503, APUS_STR("no thread"));
    return APUS_FALSE;
}

static int closes(const apus_command *c) {
    c->host->rpc->close(c->answer);
    return APUS_TRUE;
}

static int no_key(const apus_command *c) {
    c->host->rpc->open_map(c->answer, NULL);
    c->host->rpc->add_int(c->answer, NULL, 1);
    c->host->rpc->close(c->answer);
    return APUS_TRUE;
}

static int stray_key(const apus_command *c) {
    c->host->rpc->add_int(c->answer, "key", 1);
    return APUS_TRUE;
}

static int deep(const apus_command *c) {
    for (int i = 0; i < 100000; i++) c->host->rpc->open_array(c->answer, NULL);
    for (int i = 0; i < 100000; i++) c->host->rpc->close(c->answer);
    return APUS_TRUE;
}

static int large(const apus_command *c) {
    static char text[1 << 20];
    for (int i = 0; i < 100; i++) c->host->rpc->add_text(c->answer, NULL, (apus_str){text, sizeof text});
    return APUS_TRUE;
}

static int leaves_open(const apus_command *c) {
    c->host->rpc->open_map(c->answer, NULL);
    return APUS_TRUE;
}

static int says_later(const apus_command *c) { return APUS_SUSPENDED; }
static int says_nothing(const apus_command *c) { return APUS_FALSE; }
static int says_exit(const apus_command *c) { return APUS_EXIT; }

static int both(const apus_command *c) {
    c->host->rpc->defer(c, 20000);
    return APUS_TRUE;
}

static int twice(const apus_command *c) {
    c->host->rpc->defer(c, 20000);
    return c->host->rpc->defer(c, 20000) ? APUS_SUSPENDED : APUS_FALSE;
}

static int good_code(const apus_command *c) {
    c->host->rpc->fault(c->answer, 200, APUS_STR("fine"));
    return APUS_FALSE;
}

static void early(const apus_host *h, int code, apus_str answer, void *user) {
    char text[256];
    int count = snprintf(text, sizeof text, "%s: %d %.*s", (const char *)user, code, (int)answer.len, answer.s);
    h->log->write(h, APUS_WARN, (apus_str){text, (size_t)count});
}

static const struct {
    const char *name, *args, *aliases;
    int (*call)(const apus_command *);
    uint32_t flags;
} commands[] = {
    {"t.sync", NULL, "t_sync older.sync", sync_call, APUS_RPC_READS},
    {"t.args", "n:int, s:string, w:word(on|off), v:value?, last:int?", NULL, args, 0},
    {"t.rest", "v:value, ...", NULL, args, 0},
    {"t.workers", NULL, NULL, workers, APUS_RPC_EACH_WORKER},
    {"t.workers_thread", NULL, NULL, thread_call, APUS_RPC_EACH_WORKER},
    {"t.workers_at_once", NULL, NULL, at_once, APUS_RPC_EACH_WORKER},
    {"t.workers_open", NULL, NULL, leaves_open, APUS_RPC_EACH_WORKER},
    {"t.workers_fault", NULL, NULL, fault, APUS_RPC_EACH_WORKER},
    {"t.workers_late", NULL, NULL, too_late, APUS_RPC_EACH_WORKER},
    {"t.thread", NULL, NULL, thread_call, 0},
    {"t.at_once", NULL, NULL, at_once, 0},
    {"t.unlimited", NULL, NULL, unlimited, 0},
    {"t.too_late", NULL, NULL, too_late, 0},
    {"t.answers_anyway", NULL, NULL, answers_anyway, 0},
    {"t.never", NULL, NULL, never, 0},
    {"t.workers_never", NULL, NULL, never, APUS_RPC_EACH_WORKER},
    {"t.late_ones", NULL, NULL, late_ones, 0},
    {"t.fault", NULL, NULL, fault, 0},
    {"t.fault_after_defer", NULL, NULL, fault_after_defer, 0},
    {"t.closes", NULL, NULL, closes, 0},
    {"t.no_key", NULL, NULL, no_key, 0},
    {"t.stray_key", NULL, NULL, stray_key, 0},
    {"t.deep", NULL, NULL, deep, 0},
    {"t.large", NULL, NULL, large, 0},
    {"t.leaves_open", NULL, NULL, leaves_open, 0},
    {"t.says_later", NULL, NULL, says_later, 0},
    {"t.says_nothing", NULL, NULL, says_nothing, 0},
    {"t.says_exit", NULL, NULL, says_exit, 0},
    {"t.both", NULL, NULL, both, 0},
    {"t.twice", NULL, NULL, twice, 0},
    {"t.good_code", NULL, NULL, good_code, 0},
    {"t.unresumed", NULL, NULL, unresumed, 0},
    {"t.tour", NULL, NULL, tour, 0},
    {"t.stuck", NULL, NULL, stuck, 0},
    {"t.nowhere", NULL, NULL, nowhere, 0},
    {"t.goes_twice", NULL, NULL, goes_twice, 0},
    {"t.goes_and_answers", NULL, NULL, goes_and_answers, 0},
    {"t.thread_there", NULL, NULL, thread_there, 0},
    {"t.steps", NULL, NULL, steps, 0},
    {"t.workers_block", NULL, NULL, block, APUS_RPC_EACH_WORKER},
    {"t.release", NULL, NULL, release, 0},
    {"t.workers_watch", NULL, NULL, watch_pipe, APUS_RPC_EACH_WORKER},
    {"t.watched", NULL, NULL, watch_seen, 0},
};

static int start(const apus_host *h) {
    h->rpc->execute(h, APUS_STR("t.sync"), NULL, 0, early, "early");
    return APUS_TRUE;
}

static void stop(const apus_host *h) { h->rpc->execute(h, APUS_STR("t.sync"), NULL, 0, early, "late"); }

static int declare(const apus_host *h) {
    host = h;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        apus_rpc r = {APUS_STRUCT(apus_rpc), .flags = commands[i].flags, .name = commands[i].name,
                      .aliases = commands[i].aliases, .args = commands[i].args, .doc = "A command of the tests.",
                      .call = commands[i].call, .user = (void *)(uintptr_t)(i + 1)};
        if (h->rpc->add_command(h, &r) < 0) return APUS_FALSE;
    }
    h->rpc->execute(h, APUS_STR("t.sync"), NULL, 0, early, "declaring");
    return APUS_TRUE;
}

APUS_MODULE(commands) {
    APUS_HEADER, .name = "commands", .version = "1.0", .declare = declare, .start = start, .stop = stop };
