/* What the files of sim/record share. */
#ifndef SIM_RECORD_RECORD_INTERNAL_H
#define SIM_RECORD_RECORD_INTERNAL_H

#include <sqlite3.h>

#include "sim/core/buf.h"
#include "sim/record/recorder.h"

struct record_db {
    sqlite3 *handle;
    bool owned;
};

/* As sqlite3_open_v2(). One thread at a time may use the connection: it has no lock. */
int record_sqlite_open(const char *path, int flags, sqlite3 **ret);

/* Binds values as ?1 ?2 ... ; text and blob are bound without a copy. */
int record_bind(sqlite3_stmt *stmt, const struct record_value *values, size_t count);

/* Built-in tables, in builtin.c: declared like the others, so that `doc` describes them too. */
extern const struct record_table record_table_run;
extern const struct record_table record_table_environment;
extern const struct record_table record_table_doc;

/* CREATE TABLE of a declaration. */
void record_table_sql(const struct record_table *table, struct buf *out);
/* CREATE INDEX statements of a declaration. */
void record_index_sql(const struct record_table *table, struct buf *out);

/* results/views.sql, embedded at build time; NUL-terminated. */
extern const char record_views_sql[];
/* results/queries.sql likewise. */
extern const char record_queries_sql[];

#endif
