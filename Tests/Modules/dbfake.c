/*
 * A database for tests: dbfake://host/FILE, which is up as long as the file is there. Its SQL is a word and a number:
 *
 *   sleep <ms>   takes that long, whatever limit it is given, and answers a row with the number and four megabytes of text
 *   append <n>   writes n down after a moment; `list` answers all of them, in their order, as one text
 *   die          the connection is lost; the next one is made as long as the file is there
 *   fail         refused
 *   opened       how many connections were made so far
 */
#include <apus/module.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char list[1 << 16];
static int opened;
static char large[4 << 20];

typedef struct connection {
    char file[512];
} connection;

typedef struct statement {
    connection *connection;
    char word[16];
    int64_t number;
    int rows;
    char text[sizeof list];
} statement;

static void pause_for(int64_t ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

static void *open_it(const apus_host *h, const apus_db_url *u, uint32_t ms, apus_db_fault *f) {
    if (access(u->name.s, F_OK) != 0) {
        apus_db_fail(f, APUS_DB_DOWN, "nobody is there");
        return NULL;
    }
    connection *c = calloc(1, sizeof *c);
    snprintf(c->file, sizeof c->file, "%s", u->name.s);
    pthread_mutex_lock(&lock);
    opened++;
    pthread_mutex_unlock(&lock);
    return c;
}

static void close_it(void *c) { free(c); }

static void *prepare(void *c, apus_str sql, apus_db_fault *f) {
    statement *s = calloc(1, sizeof *s);
    s->connection = c;
    snprintf(s->word, sizeof s->word, "%.*s", (int)sql.len, sql.s);
    return s;
}

static int execute(void *raw, const apus_db_value *v, uint32_t count, uint32_t ms, apus_db_fault *f) {
    statement *s = raw;
    s->number = count > 0 ? v[0].num : 0;
    s->rows = 0;
    if (access(s->connection->file, F_OK) != 0) {
        apus_db_fail(f, APUS_DB_DOWN, "nobody is there any more");
        return APUS_FALSE;
    }
    if (!strcmp(s->word, "sleep")) {
        pause_for(s->number);
        s->rows = 1;
    } else if (!strcmp(s->word, "append")) {
        pause_for(s->number % 3);
        pthread_mutex_lock(&lock);
        sprintf(list + strlen(list), "%lld ", (long long)s->number);
        pthread_mutex_unlock(&lock);
    } else if (!strcmp(s->word, "list")) {
        pthread_mutex_lock(&lock);
        strcpy(s->text, list);
        pthread_mutex_unlock(&lock);
        s->rows = 1;
    } else if (!strcmp(s->word, "opened")) {
        s->number = opened;
        s->rows = 1;
    } else {
        apus_db_fail(f, !strcmp(s->word, "die") ? APUS_DB_DOWN : APUS_FAILED, s->word);
        return APUS_FALSE;
    }
    return APUS_TRUE;
}

static int step(void *raw, apus_db_fault *f) {
    statement *s = raw;
    return s->rows-- > 0 ? APUS_TRUE : APUS_EXIT;
}

static uint32_t columns(void *raw) { return 2; }
static apus_str name(void *raw, uint32_t column) { return column ? APUS_STR("text") : APUS_STR("number"); }

static void value(void *raw, uint32_t column, apus_db_value *out) {
    statement *s = raw;
    if (column == 0) *out = apus_db_number(APUS_DB_BIGINT, s->number);
    else if (!strcmp(s->word, "sleep")) *out = apus_db_text((apus_str){large, sizeof large});
    else *out = apus_db_text((apus_str){s->text, strlen(s->text)});
}

static void end(void *s) {}
static void finish(void *s) { free(s); }

static void outcome(void *c, int64_t *affected, int64_t *id) {
    *affected = 0;
    *id = 0;
}

static int declare(const apus_host *h) {
    static const apus_db_driver driver = {
        APUS_STRUCT(apus_db_driver), .scheme = "dbfake", .open = open_it, .close = close_it, .prepare = prepare,
        .execute = execute, .step = step, .columns = columns, .name = name, .value = value, .end = end, .finish = finish,
        .outcome = outcome,
    };
    memset(large, 'x', sizeof large);
    return h->db->add_driver(h, &driver);
}

APUS_MODULE(dbfake) { APUS_HEADER, .name = "dbfake", .version = "1.0", .declare = declare };
