/*
 * A module that follows every transaction with every kind of callback, for the functional tests. One line in the log for each event:
 *
 *   NAME branch=0 code=180 flags=retr,local,faked reply=yes dest=127.0.0.1:5070 of=INVITE request=INVITE bytes=SIP/2.0_180 id=3
 *
 * `of` is the transaction's method, `request` that of the event's request, `bytes` the beginning of what was sent, `id` the number of the
 * transaction. `-` stands for what an event does not say. Texts in braces behind them are what is checked here already and wrong.
 * RELEASE comes when the user data of a registration is freed; each transaction has two. With `edit` 1 the callbacks that may edit add a
 * header X-Tmcb with the event's name and branch. With `dont_ack` 1 the 2xx to INVITEs of our own are not acknowledged.
 *
 *   $tmcb(registered|released)   how many registrations there were, and how many were released
 */
#include <apus/tm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const apus_host *host;
static const tm_api *tm;
static int64_t edit, dont_ack;
static uint64_t registered, released, transactions, lines;

static const char *const names[] = {
    "REQUEST_IN", "REQUEST_PENDING", "REQUEST_FWDED", "REQUEST_OUT", "REQUEST_SENT", "REQ_RETR_IN", "E2ECANCEL_IN",
    "RESPONSE_IN", "ON_BRANCH_FAILURE_RO", "ON_BRANCH_FAILURE", "ON_FAILURE_RO", "ON_FAILURE", "RESPONSE_FWDED",
    "RESPONSE_READY", "RESPONSE_OUT", "RESPONSE_SENT", "ACK_NEG_IN", "E2EACK_IN", "E2EACK_RETR_IN", "LOCAL_REQUEST_IN",
    "LOCAL_REQUEST_DROP", "LOCAL_RESPONSE_IN", "LOCAL_RESPONSE_OUT", "LOCAL_COMPLETED", "DONT_ACK", "DLG", "DESTROY",
};

/* The user data of one registration: alive between registration and release, or the magic is wrong. */
typedef struct watch {
    uint64_t magic;
    uint64_t id;
    uint32_t method;
    int is_second;
} watch;
enum { ALIVE = 0x616c697665, DEAD = 0x64656164 };

static void say(const char *text, int length) { host->log->write(host, APUS_NOTICE, (apus_str){text, (size_t)length}); }

static uint64_t next(uint64_t *counter) { return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED); }

static const char *method(uint32_t number) {
    switch (number) {
        case APUS_METHOD_INVITE: return "INVITE";
        case APUS_METHOD_ACK: return "ACK";
        case APUS_METHOD_CANCEL: return "CANCEL";
        case APUS_METHOD_OPTIONS: return "OPTIONS";
        case APUS_METHOD_MESSAGE: return "MESSAGE";
        default: return "other";
    }
}

static const char *name(uint32_t type) {
    return type && __builtin_popcount(type) == 1 && type <= TM_DESTROY ? names[__builtin_ctz(type)] : "UNKNOWN";
}

static void log_event(const tm_event *e, uint64_t id, uint32_t of) {
    char flags[32] = "", destination[64] = "-", bytes[16] = "-", code[16] = "-", branch[16] = "-", line[512];
    if (e->flags & TM_RETRANSMISSION) strcat(flags, ",retr");
    if (e->flags & TM_LOCAL) strcat(flags, ",local");
    if (e->flags & TM_FAKED) strcat(flags, ",faked");
    if (e->destination) {
        size_t count = host->net->write_address(&e->destination->remote, destination, 50);
        snprintf(destination + count, 8, ":%u", e->destination->remote.port);
    }
    if (e->bytes.len >= 11) {
        memcpy(bytes, e->bytes.s, 11);
        char *blank = strchr(bytes, ' ');
        if (strncmp(bytes, "SIP/", 4) == 0) bytes[7] = '_', bytes[11] = 0;
        else if (blank) *blank = 0;
    }
    if (e->code) snprintf(code, sizeof code, "%d", e->code);
    if (e->branch >= 0) snprintf(branch, sizeof branch, "%d", e->branch);
    const char *wrong = "";
    if (e->host != host) wrong = " {host}";
    else if (e->size < sizeof(tm_event)) wrong = " {size}";
    else if (e->reply && host->message->status(e->reply) != e->code) wrong = " {code is not the reply's}";
    else if (e->reply && (e->flags & TM_FAKED)) wrong = " {faked, with a reply}";
    else if (e->request && host->message->is_request(e->request) < 0) wrong = " {request}";
    int length = snprintf(line, sizeof line, "%s branch=%s code=%s flags=%s reply=%s dest=%s of=%s request=%s bytes=%s id=%llu n=%llu%s",
        name(e->type), branch, code, *flags ? flags + 1 : "-", e->reply ? "yes" : "no", destination, method(of),
        e->request ? method(host->message->method(e->request)) : "-", bytes, (unsigned long long)id,
        (unsigned long long)next(&lines), wrong);
    say(line, length);
}

static void add_header(apus_msg *m, const tm_event *e) {
    char line[96];
    int length = snprintf(line, sizeof line, "X-Tmcb: %s %d\r\n", name(e->type), e->branch);
    if (m) host->message->insert_after(m, NULL, (apus_str){line, (size_t)length});
}

static void happened(const tm_event *e) {
    const watch *w = e->user;
    if (w->magic != ALIVE) return say("{user data is not alive}", 24);
    /* Those who registered later are called later: the second registration is for one kind only. */
    if (w->is_second) {
        char line[96];
        int length = snprintf(line, sizeof line, "SECOND %s id=%llu n=%llu", name(e->type), (unsigned long long)w->id,
            (unsigned long long)next(&lines));
        return say(line, length);
    }
    log_event(e, w->id, w->method);
    if (!edit) return;
    if (e->type == TM_REQUEST_FWDED) add_header(e->request, e);
    if (e->type == TM_RESPONSE_FWDED) add_header(e->reply, e);
}

static void let_go(void *user) {
    watch *w = user;
    char line[96];
    int length = snprintf(line, sizeof line, "RELEASE%s of=%s id=%llu n=%llu%s", w->is_second ? "_SECOND" : "", method(w->method),
        (unsigned long long)w->id, (unsigned long long)next(&lines), w->magic == ALIVE ? "" : " {released twice}");
    say(line, length);
    next(&released);
    w->magic = DEAD;
    free(w);
}

static int follow(const tm_event *e, uint32_t kinds, uint64_t id, uint32_t of, int is_second) {
    watch *w = malloc(sizeof *w);
    if (!w) return APUS_FALSE;
    *w = (watch){ALIVE, id, of, is_second};
    if (tm->register_tmcb(host, e->transaction, kinds, happened, w, let_go) < 0) {
        free(w);
        return APUS_FALSE;
    }
    next(&registered);
    return APUS_TRUE;
}

/* A new transaction, of a request that came or of one of our own. */
static void began(const tm_event *e) {
    tm_facts facts = {APUS_STRUCT(tm_facts)};
    tm->facts(e->transaction, &facts);
    uint64_t id = next(&transactions);
    log_event(e, id, facts.method);
    const uint32_t global = TM_REQUEST_IN | TM_LOCAL_REQUEST_IN;
    if (follow(e, (TM_DESTROY * 2 - 1) & ~global & ~(dont_ack ? 0 : TM_DONT_ACK), id, facts.method, 0) < 0) say("{no registration}", 17);
    if (follow(e, TM_DESTROY, id, facts.method, 1) < 0) say("{no second registration}", 24);
    if (edit && e->type == TM_REQUEST_IN) add_header(e->request, e);
    /* Global kinds are for `start`. */
    if (tm->register_tmcb(host, NULL, TM_REQUEST_IN, began, NULL, NULL) > 0) say("{registered globally on a worker}", 33);
}

static int counted(const apus_access *a, apus_value *out) {
    out->kind = APUS_INT;
    out->num = (int64_t)__atomic_load_n(a->inner_id == 0 ? &registered : &released, __ATOMIC_RELAXED);
    return APUS_TRUE;
}

static int start(const apus_host *h) {
    tm = load_tm(h);
    if (!tm) return APUS_FALSE;
    return tm->register_tmcb(h, NULL, TM_REQUEST_IN | TM_LOCAL_REQUEST_IN, began, NULL, NULL);
}

static int declare(const apus_host *h) {
    host = h;
    return h->config->add_parameter(h, &(apus_parameter){
               APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_INT, .name = "edit", .doc = "1: callbacks edit.",
               .initial = "0", .min = 0, .max = 1, .into = &edit }) > 0
            && h->config->add_parameter(h, &(apus_parameter){
                   APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_INT, .name = "dont_ack", .doc = "1: 2xx are not acknowledged.",
                   .initial = "0", .min = 0, .max = 1, .into = &dont_ack }) > 0
            && h->vars->add_variable(h, &(apus_pv){
                   APUS_STRUCT(apus_pv), .name = "tmcb", .inner = "registered|released", .doc = "Registrations.",
                   .get = counted }) > 0
        ? APUS_TRUE : APUS_FALSE;
}

APUS_MODULE(tmcb) {
    APUS_HEADER, .name = "tmcb", .version = "1.0", .needs = "tm/1", .declare = declare, .start = start };
