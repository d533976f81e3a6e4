/* Rows on their way to SQLite: packed by the producer, read where they lie by a virtual table, so
 * that one statement writes all of a table that a block holds. Private to sim/record. */
#ifndef SIM_RECORD_ROWS_H
#define SIM_RECORD_ROWS_H

#include <sqlite3.h>

#include "sim/core/buf.h"
#include "sim/record/recorder.h"

/* Kinds of cells that a table's columns take, close together: a row is packed for each message and
 * hop, and declarations are spread over much of the cache. */
struct rows_shape {
    size_t columns;
    uint8_t *kinds; /* of each column, a bit for each enum record_value_kind */
};

void rows_shape_init(struct rows_shape *shape, const struct record_table *table);
void rows_shape_fini(struct rows_shape *shape);

/* Appends a row to `out`; `number` tells the table to who unpacks it. A NULL in a column that is
 * not nullable, or a value of another kind, is a bug (CHECK). */
void rows_pack(struct buf *out, const struct rows_shape *shape, size_t number,
               const struct record_value *values);
/* Takes the next packed row off `*in`: its address, and the number of its table. */
const uint8_t *rows_take(struct span *in, size_t *number);

/* Packed rows of one table, in order; they and the list are borrowed. */
struct rows {
    const uint8_t **items;
    size_t count, capacity;
};

/* What the virtual table `packed_rows` shows of a connection: rows of one table, as columns
 * c0, c1 .... */
struct rows_source {
    size_t columns;           /* of the widest table */
    const struct rows *shown; /* these two are set before a statement that reads it is run */
    size_t shown_columns;     /* how many each of them has */
};

/* Registers it with `db`; `source` is borrowed until `db` is closed. A result code of SQLite. */
int rows_register(sqlite3 *db, struct rows_source *source);
/* The statement that appends what is shown to `table`. */
void rows_insert_sql(const struct record_table *table, struct buf *out);

#endif
