/*
 * Goes through every kind of value and request on the database of its parameter `url`, in `start`: the server starts only when all of it is as
 * apus/db.h says. The table is t(id INTEGER PRIMARY KEY, i INTEGER, b BIGINT, d REAL, s VARCHAR(64), t DATETIME, x BLOB, m INTEGER),
 * with s unique.
 */
#include <apus/module.h>

#include <stdio.h>
#include <string.h>

static const apus_host *host;
static apus_str url;
static apus_db *db;
static const apus_db_result *last;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            char text[512]; \
            int n = snprintf(text, sizeof text, "line %d: not %s: %.*s", __LINE__, #condition, last ? (int)last->text.len : 0, \
                             last && last->text.s ? last->text.s : ""); \
            host->log->write(host, APUS_ERR, (apus_str){text, (size_t)n}); \
            return APUS_FALSE; \
        } \
    } while (0)

static int does(const apus_db_request *r, uint32_t count) {
    host->db->free(last);
    return host->db->wait(db, &(apus_db_work){ APUS_STRUCT(apus_db_work), .requests = r, .count = count }, &last);
}

#define DO(...) does(&(apus_db_request){ APUS_STRUCT(apus_db_request), .table = APUS_STR("t"), __VA_ARGS__ }, 1)
#define RAW(text) DO(.kind = APUS_DB_RAW, .sql = APUS_STR(text))
#define TERM(name, v) {.column = APUS_STR(name), .value = v}
#define INT(n) apus_db_number(APUS_DB_INT, n)
#define TEXT(literal) apus_db_text(APUS_STR(literal))

static int is_text(const apus_db_value *v, uint32_t kind, const char *text) {
    return v->kind == kind && v->str.s && v->str.len == strlen(text) && !memcmp(v->str.s, text, v->str.len);
}

static const apus_db_value *at(uint64_t row, const char *name) {
    int32_t column = host->db->column(last, (apus_str){name, strlen(name)});
    return &last->values[row * last->column_count + (uint32_t)column];
}

static int types(void) {
    apus_db_value blob = {.kind = APUS_DB_BLOB, .str = {"\0\1\xff", 3}};
    apus_db_value real = {.kind = APUS_DB_DOUBLE, .real = 0.25};
    apus_db_term row[] = {
        TERM("id", INT(1)), TERM("i", INT(-7)), TERM("b", apus_db_number(APUS_DB_BIGINT, 9007199254740993)),
        TERM("d", real), TERM("s", TEXT("O'Neil \"; DROP TABLE t; --")), TERM("t", apus_db_number(APUS_DB_DATETIME, 1700000000)),
        TERM("x", blob), TERM("m", apus_db_number(APUS_DB_BITMAP, 5)),
    };
    CHECK(DO(.kind = APUS_DB_INSERT, .sets = row, .set_count = 8) == APUS_OK);
    CHECK(last->affected == 1 && last->id == 1);
    apus_db_term empty[] = {
        TERM("id", INT(2)), TERM("i", apus_db_text((apus_str){0})), TERM("s", TEXT("")),
        TERM("x", ((apus_db_value){.kind = APUS_DB_BLOB, .str = APUS_STR("")})), TERM("t", apus_db_number(APUS_DB_DATETIME, 0)),
    };
    CHECK(DO(.kind = APUS_DB_INSERT, .sets = empty, .set_count = 5) == APUS_OK);
    apus_str order[] = {APUS_STR("id")};
    CHECK(DO(.kind = APUS_DB_SELECT, .order = order, .order_count = 1) == APUS_OK);
    CHECK(last->row_count == 2 && last->column_count == 8);
    CHECK(at(0, "I")->kind == APUS_DB_INT && at(0, "i")->num == -7);
    CHECK(at(0, "b")->kind == APUS_DB_BIGINT && at(0, "b")->num == 9007199254740993);
    CHECK(at(0, "d")->kind == APUS_DB_DOUBLE && at(0, "d")->real == 0.25);
    CHECK(is_text(at(0, "s"), APUS_DB_STRING, "O'Neil \"; DROP TABLE t; --"));
    CHECK(at(0, "t")->kind == APUS_DB_DATETIME && at(0, "t")->num == 1700000000);
    CHECK(at(0, "x")->kind == APUS_DB_BLOB && at(0, "x")->str.len == 3 && !memcmp(at(0, "x")->str.s, "\0\1\xff", 3));
    CHECK(at(0, "m")->num == 5);
    CHECK(at(1, "i")->kind == APUS_DB_NULL && at(1, "d")->kind == APUS_DB_NULL);
    CHECK(is_text(at(1, "s"), APUS_DB_STRING, ""));
    CHECK(at(1, "x")->kind == APUS_DB_BLOB && at(1, "x")->str.len == 0 && at(1, "x")->str.s);
    CHECK(at(1, "t")->kind == APUS_DB_DATETIME && at(1, "t")->num == 0);
    CHECK(host->db->column(last, APUS_STR("nothing")) == -1);
    int64_t number = 0;
    CHECK(host->db->number(at(0, "b"), &number) == APUS_TRUE && number == 9007199254740993);
    CHECK(host->db->number(at(1, "i"), &number) == APUS_FALSE);
    CHECK(RAW("SELECT '42' AS n, '4x' AS x, 2.9 AS r") == APUS_OK);
    CHECK(host->db->number(at(0, "n"), &number) == APUS_TRUE && number == 42);
    CHECK(host->db->number(at(0, "x"), &number) == APUS_FALSE);
    CHECK(host->db->number(at(0, "r"), &number) == APUS_TRUE && number == 2);
    // Times that others have written: as texts, days, seconds.
    CHECK(RAW("UPDATE t SET t = '2023-11-14 22:13:20' WHERE id = 1") == APUS_OK && last->affected == 1);
    CHECK(RAW("UPDATE t SET t = 2451545.0 WHERE id = 2") == APUS_OK);
    CHECK(RAW("SELECT t FROM t ORDER BY id") == APUS_OK);
    CHECK(at(0, "t")->kind == APUS_DB_DATETIME && at(0, "t")->num == 1700000000);
    CHECK(at(1, "t")->kind == APUS_DB_DATETIME && at(1, "t")->num == 946728000);
    CHECK(RAW("UPDATE t SET t = 1700000000 WHERE id = 2") == APUS_OK);
    CHECK(RAW("SELECT t FROM t WHERE id = 2") == APUS_OK && at(0, "t")->num == 1700000000);
    return APUS_TRUE;
}

static int conditions(void) {
    CHECK(RAW("DELETE FROM t") == APUS_OK && last->affected == 2);
    for (int i = 1; i <= 9; i++) {
        char name[2] = {(char)('a' + i), 0};
        apus_db_term row[] = {TERM("id", INT(i)), TERM("i", INT(i * 10)), TERM("s", apus_db_text(((apus_str){name, 1}))), TERM("m", INT(i & 3))};
        CHECK(DO(.kind = APUS_DB_INSERT, .sets = row, .set_count = i == 9 ? 3 : 4) == APUS_OK);
    }
    static const struct { uint32_t comparison; uint64_t rows; } numbers[] = {
        {APUS_DB_EQUAL, 1}, {APUS_DB_NOT_EQUAL, 8}, {APUS_DB_LESS, 4}, {APUS_DB_LESS_OR_EQUAL, 5}, {APUS_DB_GREATER, 4},
        {APUS_DB_GREATER_OR_EQUAL, 5},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        apus_db_term where = {.column = APUS_STR("i"), .comparison = numbers[i].comparison, .value = INT(50)};
        CHECK(DO(.kind = APUS_DB_SELECT, .where = &where, .where_count = 1) == APUS_OK && last->row_count == numbers[i].rows);
    }
    apus_db_term null = {.column = APUS_STR("m")};
    CHECK(DO(.kind = APUS_DB_SELECT, .where = &null, .where_count = 1) == APUS_OK && last->row_count == 1);
    null.comparison = APUS_DB_NOT_EQUAL;
    CHECK(DO(.kind = APUS_DB_SELECT, .where = &null, .where_count = 1) == APUS_OK && last->row_count == 8);
    apus_db_term bits = {.column = APUS_STR("m"), .comparison = APUS_DB_HAS_BITS, .value = INT(2)};
    CHECK(DO(.kind = APUS_DB_SELECT, .where = &bits, .where_count = 1) == APUS_OK && last->row_count == 4);
    apus_db_term like = {.column = APUS_STR("s"), .comparison = APUS_DB_LIKE, .value = TEXT("%c%")};
    CHECK(DO(.kind = APUS_DB_SELECT, .where = &like, .where_count = 1) == APUS_OK && last->row_count == 1);
    apus_db_term both[] = {TERM("i", INT(10)), TERM("s", TEXT("j"))};
    CHECK(DO(.kind = APUS_DB_SELECT, .where = both, .where_count = 2) == APUS_OK && last->row_count == 0);
    CHECK(DO(.kind = APUS_DB_SELECT, .flags = APUS_DB_ANY, .where = both, .where_count = 2) == APUS_OK && last->row_count == 2);
    apus_str columns[] = {APUS_STR("s"), APUS_STR("id")}, order[] = {APUS_STR("m"), APUS_STR("id")};
    CHECK(DO(.kind = APUS_DB_SELECT, .columns = columns, .column_count = 2, .order = order, .order_count = 2,
             .flags = APUS_DB_DESCENDING, .limit = 2) == APUS_OK);
    apus_str absent[] = {APUS_STR("s"), APUS_STR("absent")};
    CHECK(DO(.kind = APUS_DB_SELECT, .columns = absent, .column_count = 2) == APUS_FAILED);
    CHECK(DO(.kind = APUS_DB_SELECT, .columns = columns, .column_count = 2, .order = order, .order_count = 2,
             .flags = APUS_DB_DESCENDING, .limit = 2) == APUS_OK);
    CHECK(last->row_count == 2 && last->column_count == 2 && at(0, "id")->num == 7 && at(1, "id")->num == 3);
    return APUS_TRUE;
}

static int changes(void) {
    apus_db_term sets[] = {TERM("d", ((apus_db_value){.kind = APUS_DB_DOUBLE, .real = 1.5}))};
    apus_db_term where = {.column = APUS_STR("id"), .comparison = APUS_DB_GREATER, .value = INT(6)};
    CHECK(DO(.kind = APUS_DB_UPDATE, .sets = sets, .set_count = 1, .where = &where, .where_count = 1) == APUS_OK && last->affected == 3);
    CHECK(DO(.kind = APUS_DB_DELETE, .where = &where, .where_count = 1) == APUS_OK && last->affected == 3);
    apus_db_term row[] = {TERM("id", INT(1)), TERM("s", TEXT("new")), TERM("i", INT(11))};
    CHECK(DO(.kind = APUS_DB_INSERT, .sets = row, .set_count = 3) == APUS_DB_CONFLICT && last->text.len > 0);
    apus_str keys[] = {APUS_STR("id")};
    CHECK(DO(.kind = APUS_DB_UPSERT, .sets = row, .set_count = 3, .keys = keys, .key_count = 1) == APUS_OK);
    CHECK(RAW("SELECT i, s, m FROM t WHERE id = 1") == APUS_OK);
    CHECK(at(0, "i")->num == 11 && is_text(at(0, "s"), APUS_DB_STRING, "new") && at(0, "m")->num == 1);
    CHECK(DO(.kind = APUS_DB_REPLACE, .sets = row, .set_count = 3, .keys = keys, .key_count = 1) == APUS_OK);
    CHECK(RAW("SELECT m FROM t WHERE id = 1") == APUS_OK && at(0, "m")->kind == APUS_DB_NULL);
    row[0].value = INT(77);
    row[1].value = TEXT("other");
    CHECK(DO(.kind = APUS_DB_UPSERT, .sets = row, .set_count = 3, .keys = keys, .key_count = 1) == APUS_OK && last->affected == 1);
    CHECK(DO(.kind = APUS_DB_UPSERT, .sets = row, .set_count = 3) == APUS_FAILED);
    CHECK(DO(.kind = APUS_DB_INSERT) == APUS_FAILED);
    CHECK(RAW("SELECT nothing FROM nowhere") == APUS_FAILED && last->text.len > 0 && last->row_count == 0);
    CHECK(RAW("SELECT 1; SELECT 2") == APUS_FAILED);
    // A text that is no SQL, whatever it holds, and a name that is none.
    CHECK(does(&(apus_db_request){ APUS_STRUCT(apus_db_request), .kind = APUS_DB_DELETE, .table = APUS_STR("t\" WHERE 0; --") }, 1) == APUS_FAILED);
    CHECK(RAW("SELECT count(*) AS n FROM t") == APUS_OK && at(0, "n")->num == 7);
    return APUS_TRUE;
}

static int transactions(void) {
    apus_db_term a[] = {TERM("id", INT(100)), TERM("s", TEXT("a"))}, b[] = {TERM("id", INT(101)), TERM("s", TEXT("a"))};
    apus_db_request two[] = {
        { APUS_STRUCT(apus_db_request), .kind = APUS_DB_INSERT, .table = APUS_STR("t"), .sets = a, .set_count = 2 },
        { APUS_STRUCT(apus_db_request), .kind = APUS_DB_INSERT, .table = APUS_STR("t"), .sets = b, .set_count = 2 },
    };
    CHECK(does(two, 2) == APUS_DB_CONFLICT);
    CHECK(RAW("SELECT id FROM t WHERE id >= 100") == APUS_OK && last->row_count == 0);
    b[1].value = TEXT("bb");
    CHECK(does(two, 2) == APUS_OK && last->id == 101);
    CHECK(RAW("SELECT id FROM t WHERE id >= 100") == APUS_OK && last->row_count == 2);
    return APUS_TRUE;
}

static struct { uint64_t pages, rows, largest; int stop; } seen;

static int page(const apus_db_result *r, void *user) {
    seen.pages++;
    seen.rows += r->row_count;
    if (r->row_count > seen.largest) seen.largest = r->row_count;
    return seen.pages == (uint64_t)seen.stop ? APUS_FALSE : APUS_TRUE;
}

static int pages(void) {
    apus_db_request r = { APUS_STRUCT(apus_db_request), .kind = APUS_DB_RAW,
        .sql = APUS_STR("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2500) SELECT x, 'text' || x FROM n") };
    apus_db_work w = { APUS_STRUCT(apus_db_work), .requests = &r, .count = 1 };
    host->db->free(last);
    CHECK(host->db->pages(db, &w, 1000, page, NULL, &last) == APUS_OK);
    CHECK(seen.pages == 3 && seen.rows == 2500 && seen.largest == 1000);
    seen.pages = 0;
    seen.stop = 2;
    host->db->free(last);
    CHECK(host->db->pages(db, &w, 1000, page, NULL, &last) == APUS_CANCELLED && seen.pages == 2);
    CHECK(does(&r, 1) == APUS_OK && last->row_count == 2500);
    CHECK(is_text(&last->values[2 * 2499 + 1], APUS_DB_STRING, "text2500"));
    return APUS_TRUE;
}

static int endless(void) {
    apus_db_request r = { APUS_STRUCT(apus_db_request), .kind = APUS_DB_RAW,
        .sql = APUS_STR("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n") };
    apus_db_work w = { APUS_STRUCT(apus_db_work), .requests = &r, .count = 1, .milliseconds = 50 };
    host->db->free(last);
    CHECK(host->db->wait(db, &w, &last) == APUS_TIMED_OUT);
    // The driver has given up, too: the connection is free.
    CHECK(RAW("SELECT 1") == APUS_OK);
    CHECK(host->db->check_version(db, APUS_STR("t"), 3) == APUS_OK);
    return APUS_TRUE;
}

static int start(const apus_host *h) {
    db = h->db->open(h, url, NULL);
    if (!db) return APUS_FALSE;
    apus_db_state state = { APUS_STRUCT(apus_db_state) };
    h->db->state(db, &state);
    CHECK(state.state == APUS_DB_STATE_NEW && state.connections == 0);
    int (*const parts[])(void) = {types, conditions, changes, transactions, pages, endless};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i]() != APUS_TRUE) return APUS_FALSE;
    h->db->state(db, &state);
    CHECK(state.state == APUS_DB_STATE_UP && state.connections == 1);
    h->db->free(last);
    return APUS_TRUE;
}

static int declare(const apus_host *h) {
    host = h;
    return h->config->add_parameter(h, &(apus_parameter){
        APUS_STRUCT(apus_parameter), .kind = APUS_PARAM_STRING, .name = "url", .doc = "The database.", .into = &url });
}

APUS_MODULE(dbtypes) { APUS_HEADER, .name = "dbtypes", .version = "1.0", .declare = declare, .start = start };
