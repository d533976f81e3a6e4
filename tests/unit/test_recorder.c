/* The recorder: schema and documentation of a database, whose files it replaces, errors that stick,
 * and reading back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/world/tables.h"
#include "tests/support/hand_made.h"

static const struct record_column thing_columns[] = {
    {"thing_id", RECORD_INTEGER, false, "", "Number", NULL},
    {"weight", RECORD_REAL, true, "kg", "Weight", NULL},
    {"name", RECORD_TEXT, true, "", "Name", NULL},
    {"data", RECORD_BLOB, true, "octets", "Data", NULL},
};
static const struct record_table thing = {.name = "thing",
                                          .doc = "One thing",
                                          .columns = thing_columns,
                                          .column_count = SIM_ARRAY_LEN(thing_columns),
                                          .keyed = true,
                                          .indexes = "name;weight"};
static const struct record_column note_columns[] = {
    {"text", RECORD_TEXT, false, "", "Text", NULL},
    {"thing_id", RECORD_INTEGER, true, "", "Thing", "thing(thing_id)"},
};
static const struct record_table note = {.name = "note",
                                         .doc = "One note",
                                         .columns = note_columns,
                                         .column_count = SIM_ARRAY_LEN(note_columns)};
static const struct record_table *const things[] = {&thing, &note};

static const char *const environment[][2] = {{"cpnsim", "0"}, {"other", "1"}};

static const struct record_run run = {.scenario_name = "s",
                                      .scenario_path = "s.yaml",
                                      .scenario_text = "text",
                                      .scenario_hash = "hash",
                                      .overrides = "a=b\n",
                                      .seed = 7,
                                      .rng_mode = "seeded",
                                      .until = 3 * SIM_S,
                                      .workers = 2,
                                      .environment = environment,
                                      .environment_count = SIM_ARRAY_LEN(environment)};

/* 0, or the error and its sentence. */
static int open_things(const char *path, struct recorder **ret, char **sentence)
{
    struct diag_list diags = {0};
    int r = recorder_open(path, things, SIM_ARRAY_LEN(things), &run, ret, &diags);
    *sentence = mem_strdup(diags.count > 0 ? diags.items[0].message : "");
    assert_true((r < 0) == (diags.errors > 0));
    diag_list_fini(&diags);
    return r;
}

static struct recorder *must_open(const char *name)
{
    struct recorder *rec = NULL;
    char *sentence;
    char *path = hand_path(name);
    int r = open_things(path, &rec, &sentence);
    if (r < 0) {
        print_error("%s\n", sentence);
    }
    assert_int_equal(r, 0);
    free(path);
    free(sentence);
    return rec;
}

static void put_thing(struct recorder *rec, int64_t id, const char *name)
{
    const struct record_value row[] = {record_int(id), record_real(0.5), record_text(name),
                                       record_blob("\0\1", 2)};
    recorder_put(rec, &thing, row);
}

static void rows_come_back_as_they_were_put(void **state)
{
    (void)state;
    struct recorder *rec = must_open("rows.db");
    uint64_t before = recorder_rows(rec);
    put_thing(rec, 1, "one");
    const struct record_value nulls[] = {record_int(INT64_MIN), record_null(), record_text(NULL),
                                         record_null()};
    recorder_put(rec, &thing, nulls);
    put_thing(rec, INT64_MAX, "it's; \"quoted\" \xc3\xa4");
    assert_int_equal(recorder_rows(rec) - before, 3);
    hand_close(rec, "ok");
    hand_expect("rows.db", "SELECT * FROM thing ORDER BY thing_id",
                "-9223372036854775808|NULL|NULL|NULL\n"
                "1|0.5|one|2 octets\n"
                "9223372036854775807|0.5|it's; \"quoted\" \xc3\xa4|2 octets\n");
    hand_expect("rows.db", "SELECT hex(data) FROM thing WHERE thing_id = 1", "0001\n");
}

/* Tables of different width by turns, more than go together to the thread that writes. */
static void rows_keep_their_order_whatever_lies_between(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct recorder *rec = must_open("order.db");
    for (int i = 0; i < COUNT; i++) {
        const char *text = "empty";
        if (i % 3 == 0) {
            put_thing(rec, i, "");
        } else if (i % 3 == 1) {
            text = "of nothing";
        }
        const struct record_value row[] = {record_text(text),
                                           i % 3 == 1 ? record_null() : record_int(i)};
        recorder_put(rec, &note, row);
    }
    hand_close(rec, "ok");
    hand_expect("order.db", "SELECT count(*), sum(name = ''), sum(length(data) = 2) FROM thing",
                "1000|1000|1000\n");
    hand_expect("order.db",
                "SELECT count(*), sum(iif(rowid % 3 = 2, text = 'of nothing' AND thing_id IS NULL,"
                " text = 'empty' AND thing_id = rowid - 1)) FROM note",
                "3000|3000\n");
    hand_expect("order.db", "SELECT * FROM pragma_integrity_check", "ok\n");
}

static void the_file_says_what_it_is(void **state)
{
    (void)state;
    hand_close(must_open("file.db"), "violated");
    hand_expect("file.db", "SELECT * FROM pragma_application_id", "1129336403\n");
    hand_expect("file.db", "SELECT * FROM pragma_user_version", "1\n");
    hand_expect("file.db",
                "SELECT strict FROM pragma_table_list WHERE type = 'table' AND"
                " name NOT LIKE 'sqlite_%' AND NOT strict",
                "");
    hand_expect("file.db",
                "SELECT scenario, scenario_path, scenario_hash, overrides, seed, until_ns, workers,"
                " status, reached_ns FROM run",
                "s|s.yaml|hash|a=b\n|7|3000000000|2|violated|10000000000\n");
    hand_expect("file.db", "SELECT key, value FROM environment WHERE key <> 'sqlite'",
                "cpnsim|0\nother|1\n");
    hand_expect("file.db",
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = "
                "'thing' ORDER BY name LIMIT 1",
                "thing_by_name\n");
    hand_expect("file.db",
                "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = "
                "'thing'",
                "2\n");
}

/* Every table, view and column is explained, nothing else is, and the order is that of the SQL. */
static void everything_is_documented(void **state)
{
    (void)state;
    hand_close(hand_open("doc.db"), "ok");
    hand_expect("doc.db",
                "SELECT s.name, c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c"
                " LEFT JOIN doc d ON d.table_name = s.name AND d.column_name = c.name"
                " WHERE s.type IN ('table', 'view') AND coalesce(length(d.description), 0) < 3",
                "");
    hand_expect("doc.db",
                "SELECT s.name FROM sqlite_schema s LEFT JOIN doc d ON d.table_name = s.name"
                " AND d.column_name IS NULL AND d.kind = s.type"
                " WHERE s.type IN ('table', 'view') AND coalesce(length(d.description), 0) < 3",
                "");
    hand_expect("doc.db",
                "SELECT d.table_name, d.column_name FROM doc d WHERE NOT EXISTS (SELECT 1 FROM"
                " sqlite_schema s LEFT JOIN pragma_table_info(s.name) c WHERE s.name = d.table_name"
                " AND (d.column_name IS NULL OR d.column_name = c.name))",
                "");
    hand_expect("doc.db",
                "SELECT table_name, column_name, count(*) FROM doc GROUP BY 1, 2"
                " HAVING count(*) > 1",
                "");
    /* the unit that a name promises is the unit that the documentation tells */
    hand_expect("doc.db",
                "SELECT table_name, column_name, unit FROM doc WHERE"
                " (column_name LIKE '%\\_ns' ESCAPE '\\' AND unit IS NOT 'ns') OR"
                " (column_name LIKE '%\\_ms%' ESCAPE '\\' AND unit IS NOT 'ms') OR"
                " (column_name LIKE '%\\_s' ESCAPE '\\' AND unit IS NOT 's') OR"
                " (column_name LIKE '%\\_bps' ESCAPE '\\' AND unit IS NOT 'bit/s') OR"
                " (column_name LIKE '%\\_bytes' ESCAPE '\\' AND unit IS NOT 'octets')",
                "");
    /* every view can be asked */
    char *views = hand_rows("doc.db", "SELECT name FROM sqlite_schema WHERE type = 'view'");
    char *save;
    int count = 0;
    for (char *view = strtok_r(views, "\n", &save); view != NULL;
         view = strtok_r(NULL, "\n", &save)) {
        char *sql = mem_printf("SELECT count(*) FROM (SELECT * FROM %s)", view);
        hand_expect("doc.db", sql, "0\n");
        free(sql);
        count++;
    }
    free(views);
    assert_true(count >= 11);
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void assert_stays(const char *name, const void *data, size_t len)
{
    char *path = hand_path(name);
    write_file(path, data, len);
    struct recorder *rec = NULL;
    char *sentence;
    assert_int_equal(open_things(path, &rec, &sentence), -SIM_EEXIST);
    assert_null(rec);
    assert_non_null(strstr(sentence, path));
    free(sentence);
    char *found = mem_alloc(len + 1);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fread(found, 1, len + 1, f), len);
    fclose(f);
    assert_memory_equal(found, data, len);
    free(found);
    free(path);
}

static void only_databases_of_ours_are_replaced(void **state)
{
    (void)state;
    static const char poem[] = "a file that somebody needs, and that is longer than a header of "
                               "a database would be, which takes some words";
    assert_stays("poem.txt", poem, sizeof(poem));
    assert_stays("short.txt", "x", 1);
    /* an SQLite file of somebody else: the right magic, another application */
    uint8_t other[100] = "SQLite format 3";
    assert_stays("other.db", other, sizeof(other));
    /* an empty file and an older database of ours make room */
    char *path = hand_path("empty.db");
    write_file(path, "", 0);
    free(path);
    struct recorder *rec = must_open("empty.db");
    put_thing(rec, 1, "old");
    hand_close(rec, "ok");
    hand_close(must_open("empty.db"), "ok");
    hand_expect("empty.db", "SELECT count(*) FROM thing", "0\n");
    struct recorder *none = NULL;
    char *sentence;
    assert_int_equal(open_things("/nonexistent/x.db", &none, &sentence), -SIM_EIO);
    assert_non_null(strstr(sentence, "/nonexistent/x.db"));
    free(sentence);
}

static void only_databases_of_ours_are_read(void **state)
{
    (void)state;
    struct record_db *db = NULL;
    struct diag_list diags = {0};
    char *path = hand_path("none.db");
    assert_int_equal(record_db_open(path, &db, &diags), -SIM_ENOENT);
    write_file(path, "no database at all, whatever its name says", 42);
    assert_int_equal(record_db_open(path, &db, &diags), -SIM_EBADMSG);
    assert_int_equal(diags.errors, 2);
    assert_null(db);
    free(path);
    /* a newer schema is refused: user_version is at offset 60 of the file */
    hand_close(must_open("newer.db"), "ok");
    path = hand_path("newer.db");
    FILE *f = fopen(path, "r+e");
    assert_non_null(f);
    assert_int_equal(fseek(f, 60, SEEK_SET), 0);
    assert_int_equal(fwrite("\0\0\0\x7f", 1, 4, f), 4);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(record_db_open(path, &db, &diags), -SIM_EBADMSG);
    assert_non_null(strstr(diags.items[2].message, "newer"));
    free(path);
    diag_list_fini(&diags);
}

static bool stop_after_two(void *arg, size_t columns, const char *const *names,
                           const struct record_value *values)
{
    (void)columns;
    (void)names;
    (void)values;
    return ++*(int *)arg < 2;
}

static void queries_read_only(void **state)
{
    (void)state;
    struct recorder *rec = must_open("query.db");
    for (int i = 0; i < 5; i++) {
        put_thing(rec, i, "x");
    }
    hand_close(rec, "ok");
    char *path = hand_path("query.db");
    struct record_db *db;
    struct diag_list diags = {0};
    assert_int_equal(record_db_open(path, &db, &diags), 0);
    int rows = 0;
    assert_int_equal(
        record_db_query(db, "SELECT * FROM thing;", NULL, 0, stop_after_two, &rows, &diags), 0);
    assert_int_equal(rows, 2);
    static const char *const refused[] = {
        "DELETE FROM thing",       "SELECT 1; DELETE FROM thing",  "SELECT * FROM nothing",
        "DROP TABLE thing",        "UPDATE run SET status = 'ok'", "",
        "PRAGMA user_version = 9", "ATTACH 'x.db' AS x",
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(refused); i++) {
        diag_list_fini(&diags);
        diags = (struct diag_list){0};
        int r = record_db_query(db, refused[i], NULL, 0, stop_after_two, &rows, &diags);
        if (r != -SIM_EINVAL || diags.errors != 1) {
            print_error("not refused: %s\n", refused[i]);
        }
        assert_int_equal(r, -SIM_EINVAL);
    }
    const struct record_value params[] = {record_int(3), record_text("x")};
    rows = -10;
    assert_int_equal(record_db_query(db, "SELECT * FROM thing WHERE thing_id < ?1 AND name = ?2",
                                     params, 2, stop_after_two, &rows, &diags),
                     0);
    assert_int_equal(rows, -7);
    record_db_close(db);
    diag_list_fini(&diags);
    free(path);
    hand_expect("query.db", "SELECT count(*) FROM thing", "5\n");
    hand_expect("query.db", "SELECT * FROM pragma_user_version", "1\n");
}

static void a_process_that_dies_leaves_what_was_flushed(void **state)
{
    (void)state;
    struct recorder *rec = must_open("crash.db");
    put_thing(rec, 1, "flushed");
    recorder_flush(rec);
    put_thing(rec, 2, "not flushed");
    hand_expect("crash.db", "SELECT name FROM thing", "flushed\n");
    hand_expect("crash.db", "SELECT status, reached_ns FROM run", "running|NULL\n");
    /* the judge reads through the recorder, and sees all */
    assert_non_null(recorder_db(rec));
    hand_expect("crash.db", "SELECT count(*) FROM thing", "2\n");
    hand_close(rec, "ok");
}

/* The disk is full in the middle of a run: the first error sticks, what was committed stays. */
static void a_full_disk_is_told_once_and_loses_nothing_committed(void **state)
{
    (void)state;
    struct recorder *rec = must_open("full.db");
    for (int i = 0; i < 1000; i++) {
        put_thing(rec, i, "committed");
    }
    recorder_flush(rec);
    assert_null(recorder_error(rec));
    char *path = hand_path("full.db");
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit low = {.rlim_cur = (rlim_t)ftell(f) + 8192, .rlim_max = old.rlim_max};
    fclose(f);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    char *first = NULL;
    for (int i = 1000; i < 200000 && first == NULL; i++) {
        put_thing(rec, i, "a row that is too much for the disk, sooner or later");
        first = mem_strdup(recorder_error(rec));
    }
    assert_non_null(first);
    assert_non_null(strstr(first, "full.db"));
    put_thing(rec, 1, "a duplicate key: another error, which is not the first");
    recorder_flush(rec);
    assert_string_equal(recorder_error(rec), first);
    const struct record_end end = {.status = "ok", .reached = SIM_S};
    struct diag_list diags = {0};
    assert_int_equal(recorder_close(rec, &end, &diags), -SIM_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(diags.errors, 1);
    assert_non_null(strstr(diags.items[0].message, first));
    diag_list_fini(&diags);
    free(first);
    free(path);
    hand_expect("full.db", "SELECT * FROM pragma_integrity_check", "ok\n");
    hand_expect("full.db", "SELECT count(*), max(name) FROM thing", "1000|committed\n");
    hand_expect("full.db", "SELECT status FROM run", "failed\n");
}

static void a_row_that_is_refused_fails_the_run(void **state)
{
    (void)state;
    struct recorder *rec = must_open("twice.db");
    put_thing(rec, 1, "first");
    put_thing(rec, 1, "second");
    recorder_flush(rec);
    assert_non_null(strstr(recorder_error(rec), "thing"));
    const struct record_end end = {.status = "ok", .reached = SIM_S};
    struct diag_list diags = {0};
    assert_int_equal(recorder_close(rec, &end, &diags), -SIM_EIO);
    diag_list_fini(&diags);
    hand_expect("twice.db", "SELECT status FROM run", "failed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were_put),
        cmocka_unit_test(rows_keep_their_order_whatever_lies_between),
        cmocka_unit_test(the_file_says_what_it_is),
        cmocka_unit_test(everything_is_documented),
        cmocka_unit_test(only_databases_of_ours_are_replaced),
        cmocka_unit_test(only_databases_of_ours_are_read),
        cmocka_unit_test(queries_read_only),
        cmocka_unit_test(a_process_that_dies_leaves_what_was_flushed),
        cmocka_unit_test(a_full_disk_is_told_once_and_loses_nothing_committed),
        cmocka_unit_test(a_row_that_is_refused_fails_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
