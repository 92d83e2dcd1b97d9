/*
 * A module that waits in every way that the contract offers, for the functional tests.
 *
 *   wait(ms)           suspended until a timer of the worker answers
 *   wait_thread(ms)    suspended until another thread answers
 *   wait_never(ms)     nobody answers: APUS_TIMED_OUT after ms, the function is false
 *   answer_late(ms)    as wait_never, but another thread answers after the time is over
 *   answer_twice()     two answers to one suspension
 *   answer_at_once()   answered before the function has returned
 *   run_route(name)    runs a route from C; true when it has returned above 0, whatever exit or drop it says
 *   run_twice(a, b)    runs one route, then another
 *   says_wait()        answers APUS_SUSPENDED without a suspension
 *   begins_only()      begins to wait and then answers true
 *   ask(n, text)       asks worker n, which answers 100 times its number + 1, and the length of the text it was given
 *   ask_stuck()        the same of the next worker, which sleeps for longer than it is waited for
 */
#include <apus/module.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static const apus_host *host;
static atomic_long released;

typedef struct answer {
    apus_token token;
    long milliseconds;
    int times;
} answer;

static void *other_thread(void *raw) {
    answer *a = raw;
    struct timespec pause = {a->milliseconds / 1000, a->milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
    for (int i = 0; i < a->times; i++) host->suspend->complete(host, a->token, APUS_OK, NULL, NULL);
    free(a);
    return NULL;
}

static int answered(const apus_call *c, int status, void *payload) {
    return status == APUS_OK ? APUS_TRUE : status == APUS_TIMED_OUT ? -2 : -3;
}

static int from_thread(const apus_call *c, uint32_t limit, long milliseconds, int times) {
    answer *a = malloc(sizeof *a);
    *a = (answer){host->suspend->begin(c, limit, answered, NULL), milliseconds, times};
    if (!a->token.value) {
        free(a);
        return APUS_FALSE;
    }
    pthread_t thread;
    pthread_create(&thread, NULL, other_thread, a);
    pthread_detach(thread);
    return APUS_SUSPENDED;
}

static void tick(const apus_tick *t) {
    host->suspend->complete(host, (apus_token){(uint64_t)(uintptr_t)t->user}, APUS_OK, NULL, NULL);
}

static int wait_timer(const apus_call *c) {
    apus_token token = host->suspend->begin(c, 60000, answered, NULL);
    if (!token.value) return APUS_FALSE;
    host->timer->after(host, (uint32_t)c->args[0].num, tick, (void *)(uintptr_t)token.value);
    return APUS_SUSPENDED;
}

static int wait_thread(const apus_call *c) { return from_thread(c, 60000, c->args[0].num, 1); }
static int answer_late(const apus_call *c) { return from_thread(c, (uint32_t)c->args[0].num, c->args[0].num + 300, 1); }
static int answer_twice(const apus_call *c) { return from_thread(c, 60000, 1, 2); }

static int wait_never(const apus_call *c) {
    apus_token token = host->suspend->begin(c, (uint32_t)c->args[0].num, answered, NULL);
    return token.value ? APUS_SUSPENDED : APUS_FALSE;
}

static void release(void *payload) {
    atomic_fetch_add(&released, 1);
    free(payload);
}

static int answer_at_once(const apus_call *c) {
    apus_token token = host->suspend->begin(c, 60000, answered, NULL);
    if (!token.value) return APUS_FALSE;
    host->suspend->complete(host, token, APUS_OK, malloc(8), release);
    host->suspend->complete(host, token, APUS_OK, malloc(8), release);
    return APUS_SUSPENDED;
}

static int ended(const apus_call *c, const apus_route_end *end) {
    return end->code > 0 && !end->exited ? APUS_TRUE : end->dropped ? -5 : end->exited ? -4 : APUS_FALSE;
}

static int run_route(const apus_call *c) {
    const apus_route *route = c->args[0].route;
    return route ? host->script->run(c, route, APUS_REQUEST_ROUTE, NULL, ended, NULL) : APUS_FALSE;
}

static int then_second(const apus_call *c, const apus_route_end *end) {
    return end->code > 0 ? host->script->run(c, c->args[1].route, APUS_REQUEST_ROUTE, NULL, ended, NULL) : APUS_FALSE;
}

static int run_twice(const apus_call *c) {
    return host->script->run(c, c->args[0].route, APUS_REQUEST_ROUTE, NULL, then_second, NULL);
}

static int says_wait(const apus_call *c) { return APUS_SUSPENDED; }

static int begins_only(const apus_call *c) {
    host->suspend->begin(c, 60000, answered, NULL);
    return APUS_TRUE;
}

typedef struct question {
    apus_str first, text;
    int number;
} question;

static int answer_question(const apus_host *h, void *data) {
    question *q = data;
    if (q->number != 4711 || q->first.len != 1 || q->first.s[0] != 'f') return -9;
    return 100 * (h->worker->index(h) + 1) + (int)q->text.len;
}

static int ask_worker(const apus_call *c, int64_t worker, apus_str text, uint32_t limit) {
    static const uint32_t texts[] = {offsetof(question, first), offsetof(question, text)};
    question q = {APUS_STR("f"), text, 4711};
    return host->worker->ask(c, &(apus_errand){
        APUS_STRUCT(apus_errand), .worker = (uint32_t)worker, .data = &q, .count = sizeof q, .texts = texts,
        .text_count = 2, .run = answer_question }, limit);
}

static int ask(const apus_call *c) { return ask_worker(c, c->args[0].num, c->args[1].str, 0); }

static void sleep_long(const apus_host *h, apus_job *job) {
    nanosleep(&(struct timespec){0, 500000000}, NULL);
    free(job);
}

static int ask_stuck(const apus_call *c) {
    apus_job *job = malloc(sizeof *job);
    *job = (apus_job){APUS_STRUCT(apus_job), .run = sleep_long};
    uint32_t next = ((uint32_t)host->worker->index(host) + 1) % host->worker->count(host);
    host->worker->post(host, next, job);
    return ask_worker(c, next, APUS_STR("stuck"), 20);
}

static int add(const apus_host *h, const char *name, const char *args, int (*call)(const apus_call *)) {
    return h->script->add_function(h, &(apus_function){
        APUS_STRUCT(apus_function), .name = name, .args = args, .routes = APUS_EDITING_ROUTE,
        .flags = APUS_MAY_SUSPEND, .doc = "Waits.", .call = call });
}

static int declare(const apus_host *h) {
    host = h;
    return add(h, "wait", "ms:int", wait_timer) > 0 && add(h, "wait_thread", "ms:int", wait_thread) > 0
            && add(h, "wait_never", "ms:int", wait_never) > 0 && add(h, "answer_late", "ms:int", answer_late) > 0
            && add(h, "answer_twice", "", answer_twice) > 0 && add(h, "answer_at_once", "", answer_at_once) > 0
            && add(h, "run_route", "name:route(request)", run_route) > 0
            && add(h, "run_twice", "a:route(request), b:route(request)", run_twice) > 0
            && add(h, "says_wait", "", says_wait) > 0 && add(h, "begins_only", "", begins_only) > 0
            && add(h, "ask", "worker:int, text:format", ask) > 0 && add(h, "ask_stuck", "", ask_stuck) > 0
        ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(waits) { APUS_HEADER, .name = "waits", .version = "1.0", .declare = declare };
