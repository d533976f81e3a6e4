/* Reading a result database. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/record/record_internal.h"

static void configure_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody asks; it takes a lock each time */
}

int record_sqlite_open(const char *path, int flags, sqlite3 **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_sqlite);
    return sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
}

static int refuse(struct diag_list *diags, const char *path, const char *why, int error)
{
    diag_add(diags, DIAG_ERROR, "cannot-read-database", NULL, 0, 0, "%s: %s", path, why);
    return error;
}

static int64_t pragma(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t v = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        v = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return v;
}

/* Sessions are looked up for each message of theirs and stay at hand; they are a small part of a
 * file. More would only be filled by what is read once, and the kernel clears it first. */
static void set_cache(sqlite3 *db)
{
    enum { LEAST_KIB = 2000, MOST_KIB = 16000, PART = 24 };
    int64_t kib = pragma(db, "PRAGMA page_count") * pragma(db, "PRAGMA page_size") / 1024 / PART;
    kib = kib < LEAST_KIB ? LEAST_KIB : kib;
    kib = kib > MOST_KIB ? MOST_KIB : kib;
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%d", (int)kib);
    sqlite3_exec(db, sql, NULL, NULL, NULL); /* without it: slower */
}

int record_db_open(const char *path, struct record_db **ret, struct diag_list *diags)
{
    if (access(path, F_OK) != 0) {
        return refuse(diags, path, "no such file", -SIM_ENOENT);
    }
    sqlite3 *handle;
    int r = 0;
    if (record_sqlite_open(path, SQLITE_OPEN_READONLY, &handle) != SQLITE_OK) {
        r = refuse(diags, path, sqlite3_errmsg(handle), -SIM_EIO);
    } else if (pragma(handle, "PRAGMA application_id") != RECORD_APPLICATION_ID) {
        r = refuse(diags, path, "is no result database of cpnsim", -SIM_EBADMSG);
    } else if (pragma(handle, "PRAGMA user_version") > RECORD_SCHEMA_VERSION) {
        r = refuse(diags, path, "was written by a newer cpnsim", -SIM_EBADMSG);
    }
    if (r < 0) {
        sqlite3_close(handle);
        return r;
    }
    set_cache(handle);
    struct record_db *db = mem_alloc(sizeof(*db));
    *db = (struct record_db){.handle = handle, .owned = true};
    *ret = db;
    return 0;
}

void record_db_close(struct record_db *db)
{
    if (db != NULL && db->owned) {
        sqlite3_close(db->handle);
        free(db);
    }
}

static struct record_value cell(sqlite3_stmt *stmt, int at)
{
    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        return record_int(sqlite3_column_int64(stmt, at));
    case SQLITE_FLOAT:
        return record_real(sqlite3_column_double(stmt, at));
    case SQLITE_TEXT:
        return record_text((const char *)sqlite3_column_text(stmt, at));
    case SQLITE_BLOB: {
        const void *data = sqlite3_column_blob(stmt, at);
        return record_blob(data, (size_t)sqlite3_column_bytes(stmt, at));
    }
    default:
        return record_null();
    }
}

static int sql_error(sqlite3 *db, const char *sql, struct diag_list *diags)
{
    diag_add(diags, DIAG_ERROR, "sql-error", NULL, 0, 0, "%s in: %s", sqlite3_errmsg(db), sql);
    return -SIM_EINVAL;
}

static int run_rows(sqlite3 *db, sqlite3_stmt *stmt, const char *sql, record_row_fn *fn, void *arg,
                    struct diag_list *diags)
{
    size_t columns = (size_t)sqlite3_column_count(stmt);
    const char **names = mem_calloc(columns, sizeof(*names));
    struct record_value *values = mem_calloc(columns, sizeof(*values));
    for (size_t i = 0; i < columns; i++) {
        names[i] = sqlite3_column_name(stmt, (int)i);
    }
    int r;
    bool more = true;
    while (more && (r = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (size_t i = 0; i < columns; i++) {
            values[i] = cell(stmt, (int)i);
        }
        more = fn(arg, columns, (const char *const *)names, values);
    }
    free(names);
    free(values);
    return !more || r == SQLITE_DONE ? 0 : sql_error(db, sql, diags);
}

int record_db_query(struct record_db *db, const char *sql, const struct record_value *params,
                    size_t param_count, record_row_fn *fn, void *arg, struct diag_list *diags)
{
    sqlite3_stmt *stmt;
    const char *tail;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &stmt, &tail) != SQLITE_OK) {
        return sql_error(db->handle, sql, diags);
    }
    int r;
    if (stmt == NULL || tail[strspn(tail, " \t\r\n;")] != '\0') {
        diag_add(diags, DIAG_ERROR, "sql-error", NULL, 0, 0, "one SELECT is wanted: %s", sql);
        r = -SIM_EINVAL;
    } else if (!sqlite3_stmt_readonly(stmt) || sqlite3_column_count(stmt) == 0) {
        diag_add(diags, DIAG_ERROR, "sql-error", NULL, 0, 0, "only queries are allowed: %s", sql);
        r = -SIM_EINVAL;
    } else if (record_bind(stmt, params, param_count) != SQLITE_OK) {
        r = sql_error(db->handle, sql, diags);
    } else {
        r = run_rows(db->handle, stmt, sql, fn, arg, diags);
    }
    sqlite3_finalize(stmt);
    return r;
}
