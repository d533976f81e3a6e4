/* Writing: rows are packed into blocks that a thread of their own takes to SQLite in batched
 * transactions; the first error sticks. SQLite is used by that thread, or by the caller's while it
 * has nothing to do: after drain(). */
#include "sim/record/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/core/blocks.h"
#include "sim/record/record_internal.h"
#include "sim/record/rows.h"
#include "sim/record/views.h"

/* Measured in performance.md: larger batches gain nothing. */
enum { ROWS_PER_TRANSACTION = 50000 };

struct writer {
    const struct record_table *table;
    sqlite3_stmt *insert;
    struct rows_shape shape;
    struct rows rows; /* of the block that is being written */
};

struct recorder {
    sqlite3 *db;
    char *path;
    struct writer *writers;
    const struct record_table **tables; /* of the writers, close together */
    size_t writer_count;
    uint64_t rows;
    struct blocks *blocks;
    struct rows_source source; /* what the writers' statements read */
    size_t pending;            /* rows since the last commit */
    bool in_transaction;
    char *error;
    atomic_bool failed; /* `error` is there */
    struct record_db reader;
};

/* Keeps the first error. */
static void fail(struct recorder *rec, const char *doing)
{
    if (rec->error == NULL) {
        int system_error = sqlite3_system_errno(rec->db);
        rec->error = mem_printf("%s: %s: %s%s%s", rec->path, doing, sqlite3_errmsg(rec->db),
                                system_error != 0 ? ": " : "",
                                system_error != 0 ? strerror(system_error) : "");
        atomic_store(&rec->failed, true);
    }
}

static bool execute(struct recorder *rec, const char *sql, const char *doing)
{
    if (sqlite3_exec(rec->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail(rec, doing);
        return false;
    }
    return true;
}

static void commit(struct recorder *rec)
{
    if (rec->in_transaction && rec->error == NULL) {
        rec->in_transaction = !execute(rec, "COMMIT", "cannot commit");
        rec->pending = 0;
    }
}

static void begin(struct recorder *rec)
{
    if (!rec->in_transaction && rec->error == NULL) {
        rec->in_transaction = execute(rec, "BEGIN", "cannot begin a transaction");
    }
}

/* --- rows
 * -------------------------------------------------------------------------------------------- */

static size_t index_of(const struct recorder *rec, const struct record_table *table)
{
    for (size_t i = 0; i < rec->writer_count; i++) {
        if (rec->tables[i] == table) {
            return i;
        }
    }
    CHECK(!"the table was not declared to recorder_open()");
    return 0;
}

/* All rows of a block that are of one table. */
static void insert(struct recorder *rec, struct writer *w)
{
    rec->source.shown = &w->rows;
    rec->source.shown_columns = w->table->column_count;
    if (sqlite3_step(w->insert) != SQLITE_DONE) {
        fail(rec, w->table->name);
    }
    sqlite3_reset(w->insert);
    rec->pending += w->rows.count;
    w->rows.count = 0;
}

/* On the writing thread. The order of rows is kept within a table. */
static void write_block(void *arg, uint64_t number, struct span block)
{
    (void)number;
    struct recorder *rec = arg;
    begin(rec);
    if (rec->error != NULL) {
        return;
    }
    while (block.len > 0) {
        size_t at;
        const uint8_t *row = rows_take(&block, &at);
        struct rows *rows = &rec->writers[at].rows;
        *MEM_PUSH(rows->items, rows->count, rows->capacity) = row;
    }
    for (size_t i = 0; i < rec->writer_count && rec->error == NULL; i++) {
        if (rec->writers[i].rows.count > 0) {
            insert(rec, &rec->writers[i]);
        }
    }
    if (rec->pending >= ROWS_PER_TRANSACTION) {
        commit(rec);
    }
}

void recorder_put(struct recorder *rec, const struct record_table *table,
                  const struct record_value *values)
{
    if (atomic_load_explicit(&rec->failed, memory_order_relaxed)) {
        return;
    }
    size_t number = index_of(rec, table);
    rows_pack(blocks_current(rec->blocks), &rec->writers[number].shape, number, values);
    rec->rows++;
    blocks_advance(rec->blocks);
}

void recorder_flush(struct recorder *rec)
{
    blocks_drain(rec->blocks);
    commit(rec);
}

const char *recorder_error(const struct recorder *rec)
{
    return atomic_load(&rec->failed) ? rec->error : NULL;
}

uint64_t recorder_rows(const struct recorder *rec)
{
    return rec->rows;
}

struct record_db *recorder_db(struct recorder *rec)
{
    recorder_flush(rec);
    rec->reader = (struct record_db){.handle = rec->db, .owned = false};
    return &rec->reader;
}

/* --- opening
 * ------------------------------------------------------------------------------------------ */

static int refuse(struct diag_list *diags, const char *path, const char *why, int error)
{
    diag_add(diags, DIAG_ERROR, "cannot-open-database", NULL, 0, 0, "%s: %s", path, why);
    return error;
}

/* An older database of ours makes room; anything else that bears the name stays as it is. */
static int make_room(const char *path, struct diag_list *diags)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT ? 0 : refuse(diags, path, strerror(errno), -SIM_EIO);
    }
    uint8_t header[72];
    size_t got = fread(header, 1, sizeof(header), f);
    fclose(f);
    struct span id = span_of(header + 68, 4);
    uint32_t application = 0;
    bool ours = got == sizeof(header) && span_take_u32(&id, &application) &&
                application == RECORD_APPLICATION_ID && memcmp(header, "SQLite format 3", 16) == 0;
    if (!ours && got != 0) {
        return refuse(diags, path, "exists and is no database of cpnsim: it stays as it is",
                      -SIM_EEXIST);
    }
    char *journal = mem_printf("%s-journal", path);
    unlink(journal);
    free(journal);
    return unlink(path) == 0 ? 0 : refuse(diags, path, strerror(errno), -SIM_EIO);
}

static void pragma_is(struct recorder *rec, const char *pragma, const char *value,
                      const char *wanted)
{
    char sql[100];
    snprintf(sql, sizeof(sql), "PRAGMA %s = %s", pragma, value);
    if (!execute(rec, sql, pragma)) {
        return;
    }
    snprintf(sql, sizeof(sql), "PRAGMA %s", pragma);
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(rec->db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW ||
        strcmp((const char *)sqlite3_column_text(stmt, 0), wanted) != 0) {
        fail(rec, pragma);
        if (rec->error == NULL) {
            rec->error = mem_printf("%s: PRAGMA %s is not %s", rec->path, pragma, wanted);
            atomic_store(&rec->failed, true);
        }
    }
    sqlite3_finalize(stmt);
}

static void set_pragmas(struct recorder *rec)
{
    /* Half as many calls of the system as by default; larger ones would swell small files. */
    pragma_is(rec, "page_size", "8192", "8192");
    /* A rollback journal keeps what was committed readable whatever ends the process. Without fsync
     * a power cut may lose it: a simulation can be run again. */
    pragma_is(rec, "journal_mode", "delete",
              rec->path[0] == '\0' || rec->path[0] == ':' ? "memory" : "delete");
    pragma_is(rec, "synchronous", "off", "0");
    char number[24];
    snprintf(number, sizeof(number), "%d", RECORD_APPLICATION_ID);
    pragma_is(rec, "application_id", number, number);
    snprintf(number, sizeof(number), "%d", RECORD_SCHEMA_VERSION);
    pragma_is(rec, "user_version", number, number);
}

static void prepare_table(struct recorder *rec, const struct record_table *table)
{
    struct buf sql = {0};
    record_table_sql(table, &sql);
    record_index_sql(table, &sql);
    char *text = buf_steal_str(&sql);
    execute(rec, text, table->name);
    free(text);
    rec->tables[rec->writer_count] = table;
    struct writer *w = &rec->writers[rec->writer_count++];
    w->table = table;
    rows_shape_init(&w->shape, table);
    rows_insert_sql(table, &sql);
    text = buf_steal_str(&sql);
    if (rec->error == NULL && sqlite3_prepare_v3(rec->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                                                 &w->insert, NULL) != SQLITE_OK) {
        fail(rec, table->name);
    }
    free(text);
}

static void put_doc(struct recorder *rec, const char *table, const char *column, const char *kind,
                    const char *unit, const char *text)
{
    const struct record_value row[] = {
        record_text(table), record_text(column), record_text(kind),
        unit != NULL && unit[0] != '\0' ? record_text(unit) : record_null(), record_text(text)};
    recorder_put(rec, &record_table_doc, row);
}

static void document_table(struct recorder *rec, const struct record_table *table)
{
    static const char *const kinds[] = {[RECORD_INTEGER] = "INTEGER",
                                        [RECORD_REAL] = "REAL",
                                        [RECORD_TEXT] = "TEXT",
                                        [RECORD_BLOB] = "BLOB"};
    put_doc(rec, table->name, NULL, "table", NULL, table->doc);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct record_column *c = &table->columns[i];
        put_doc(rec, table->name, c->name, kinds[c->kind], c->unit, c->doc);
    }
}

static void document_view_line(void *arg, const char *view, const char *column, const char *unit,
                               const char *text)
{
    put_doc(arg, view, column, column == NULL ? "view" : "", unit, text);
}

static void put_run(struct recorder *rec, const struct record_run *run)
{
    char started[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const struct record_value row[] = {
        record_int(1),
        record_text(run->scenario_name),
        record_text(run->scenario_path),
        record_text(run->scenario_text),
        record_text(run->scenario_hash),
        record_text(run->overrides),
        record_int((int64_t)run->seed),
        record_text(run->rng_mode),
        record_int(run->until),
        record_int(run->workers),
        record_text("running"),
        record_null(),
        record_null(),
        record_null(),
        record_text(started),
        record_null(),
    };
    recorder_put(rec, &record_table_run, row);
    for (size_t i = 0; i < run->environment_count; i++) {
        const struct record_value pair[] = {record_text(run->environment[i][0]),
                                            record_text(run->environment[i][1])};
        recorder_put(rec, &record_table_environment, pair);
    }
    const struct record_value sqlite[] = {record_text("sqlite"), record_text(sqlite3_libversion())};
    recorder_put(rec, &record_table_environment, sqlite);
}

static void recorder_free(struct recorder *rec)
{
    blocks_free(rec->blocks);
    for (size_t i = 0; i < rec->writer_count; i++) {
        sqlite3_finalize(rec->writers[i].insert);
        rows_shape_fini(&rec->writers[i].shape);
        free(rec->writers[i].rows.items);
    }
    sqlite3_close(rec->db);
    free(rec->writers);
    free(rec->tables);
    free(rec->error);
    free(rec->path);
    free(rec);
}

static const struct record_table *const builtin_tables[] = {
    &record_table_run, &record_table_environment, &record_table_doc};

static size_t widest(const struct record_table *const *tables, size_t count, size_t most)
{
    for (size_t i = 0; i < count; i++) {
        most = tables[i]->column_count > most ? tables[i]->column_count : most;
    }
    return most;
}

static void prepare_tables(struct recorder *rec, const struct record_table *const *tables,
                           size_t count)
{
    rec->source.columns =
        widest(tables, count, widest(builtin_tables, SIM_ARRAY_LEN(builtin_tables), 0));
    if (rec->error == NULL && rows_register(rec->db, &rec->source) != SQLITE_OK) {
        fail(rec, "cannot show rows to SQLite");
    }
    begin(rec);
    for (size_t i = 0; i < SIM_ARRAY_LEN(builtin_tables); i++) {
        prepare_table(rec, builtin_tables[i]);
    }
    for (size_t i = 0; i < count; i++) {
        prepare_table(rec, tables[i]);
    }
}

int recorder_open(const char *path, const struct record_table *const *tables, size_t table_count,
                  const struct record_run *run, struct recorder **ret, struct diag_list *diags)
{
    bool file = path[0] != '\0' && path[0] != ':';
    int r = file ? make_room(path, diags) : 0;
    if (r < 0) {
        return r;
    }
    struct recorder *rec = mem_alloc(sizeof(*rec));
    rec->path = mem_strdup(path);
    size_t most = table_count + SIM_ARRAY_LEN(builtin_tables);
    rec->writers = mem_calloc(most, sizeof(*rec->writers));
    rec->tables = mem_calloc(most, sizeof(const struct record_table *));
    if (record_sqlite_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &rec->db) !=
        SQLITE_OK) {
        fail(rec, "cannot create");
    } else {
        set_pragmas(rec);
    }
    prepare_tables(rec, tables, table_count);
    if (blocks_create(write_block, rec, &rec->blocks) < 0) {
        r = refuse(diags, path, "no thread for it can be had", -SIM_EIO);
        recorder_free(rec);
        return r;
    }
    if (rec->error == NULL) {
        execute(rec, record_views_sql, "views");
        put_run(rec, run);
        for (size_t i = 0; i < rec->writer_count; i++) {
            document_table(rec, rec->writers[i].table);
        }
        record_views_document(document_view_line, rec);
    }
    recorder_flush(rec);
    if (rec->error != NULL) {
        refuse(diags, "results", rec->error, 0);
        recorder_free(rec);
        if (file) {
            unlink(path);
        }
        return -SIM_EIO;
    }
    *ret = rec;
    return 0;
}

/* --- closing
 * ------------------------------------------------------------------------------------------ */

static void put_end(struct recorder *rec, const struct record_end *end, const char *status)
{
    static const char sql[] =
        "UPDATE run SET status = ?1, reached_ns = ?2, events = ?3, wall_s = ?4,"
        " peak_memory_kib = ?5";
    sqlite3_stmt *stmt;
    const struct record_value values[] = {
        record_text(status), record_time(end->reached), record_int((int64_t)end->events),
        record_real(end->wall_s), record_int(end->peak_memory_kib)};
    if (sqlite3_prepare_v2(rec->db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        record_bind(stmt, values, SIM_ARRAY_LEN(values)) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_DONE) {
        fail(rec, "cannot write the end of the run");
    }
    sqlite3_finalize(stmt);
}

int recorder_close(struct recorder *rec, const struct record_end *end, struct diag_list *diags)
{
    recorder_flush(rec);
    begin(rec);
    if (rec->error == NULL) {
        put_end(rec, end, end->status);
    }
    commit(rec);
    int r = 0;
    if (rec->error != NULL) {
        diag_add(diags, DIAG_ERROR, "cannot-record", NULL, 0, 0,
                 "%s; what was committed before stays readable", rec->error);
        sqlite3_exec(rec->db, "ROLLBACK", NULL, NULL, NULL);
        put_end(rec, end, "failed");
        r = -SIM_EIO;
    }
    recorder_free(rec);
    return r;
}
