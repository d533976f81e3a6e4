#include "sim/record/rows.h"

#include <stdlib.h>
#include <string.h>

/* A packed row: its head, a slot of eight octets for each column, the kind of each, texts and
 * blobs. A slot has the number, or where the text begins in the row and how long it is. */
struct head {
    uint32_t size; /* of all of it, a multiple of 8 */
    uint32_t number;
};

struct place {
    uint32_t offset;
    uint32_t len;
};

enum { SLOT_BYTES = 8 };

static size_t kinds_at(size_t columns)
{
    return sizeof(struct head) + columns * SLOT_BYTES;
}

void rows_shape_init(struct rows_shape *shape, const struct record_table *table)
{
    static const enum record_value_kind kinds[] = {[RECORD_INTEGER] = RECORD_IS_INTEGER,
                                                   [RECORD_REAL] = RECORD_IS_REAL,
                                                   [RECORD_TEXT] = RECORD_IS_TEXT,
                                                   [RECORD_BLOB] = RECORD_IS_BLOB};
    shape->columns = table->column_count;
    shape->kinds = mem_alloc(table->column_count);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct record_column *c = &table->columns[i];
        shape->kinds[i] =
            (uint8_t)(1U << kinds[c->kind] | (c->nullable ? 1U << RECORD_IS_NULL : 0));
    }
}

void rows_shape_fini(struct rows_shape *shape)
{
    free(shape->kinds);
}

/* Numbers, kinds, and where each text will be, behind `end`; returns where the last of them ends.
 */
static size_t pack_fixed(uint8_t *row, size_t end, const struct rows_shape *shape,
                         const struct record_value *values)
{
    uint8_t *slots = row + sizeof(struct head);
    uint8_t *kinds = row + kinds_at(shape->columns);
    for (size_t i = 0; i < shape->columns; i++) {
        const struct record_value *v = &values[i];
        CHECK(shape->kinds[i] >> v->kind & 1);
        kinds[i] = (uint8_t)v->kind;
        struct place place;
        switch (v->kind) {
        case RECORD_IS_NULL:
            break;
        case RECORD_IS_INTEGER:
            memcpy(slots + i * SLOT_BYTES, &v->integer, SLOT_BYTES);
            break;
        case RECORD_IS_REAL:
            memcpy(slots + i * SLOT_BYTES, &v->real, SLOT_BYTES);
            break;
        case RECORD_IS_TEXT:
        case RECORD_IS_BLOB:
            place.offset = (uint32_t)end;
            place.len = (uint32_t)(v->kind == RECORD_IS_TEXT ? strlen(v->text) : v->len);
            memcpy(slots + i * SLOT_BYTES, &place, SLOT_BYTES);
            end += place.len;
            break;
        }
    }
    return end;
}

static void pack_texts(uint8_t *row, const struct rows_shape *shape,
                       const struct record_value *values)
{
    for (size_t i = 0; i < shape->columns; i++) {
        if (values[i].kind == RECORD_IS_TEXT || values[i].kind == RECORD_IS_BLOB) {
            struct place place;
            memcpy(&place, row + sizeof(struct head) + i * SLOT_BYTES, SLOT_BYTES);
            if (place.len > 0) {
                memcpy(row + place.offset, values[i].text, place.len);
            }
        }
    }
}

void rows_pack(struct buf *out, const struct rows_shape *shape, size_t number,
               const struct record_value *values)
{
    size_t fixed = kinds_at(shape->columns) + shape->columns;
    size_t len = pack_fixed(buf_reserve(out, fixed), fixed, shape, values);
    buf_commit(out, fixed);
    size_t size = (len + SLOT_BYTES - 1) / SLOT_BYTES * SLOT_BYTES;
    CHECK(size <= UINT32_MAX);
    uint8_t *row = buf_reserve(out, size - fixed) - fixed;
    buf_commit(out, size - fixed);
    struct head head = {.size = (uint32_t)size, .number = (uint32_t)number};
    memcpy(row, &head, sizeof(head));
    pack_texts(row, shape, values);
}

const uint8_t *rows_take(struct span *in, size_t *number)
{
    enum { AHEAD = 1024, LINES = 4, LINE = 64 };
    struct head head;
    struct span row;
    CHECK(in->len >= sizeof(head));
    for (size_t i = 0; i < LINES && in->len > AHEAD + LINES * LINE; i++) {
        __builtin_prefetch(in->data + AHEAD + i * LINE); /* another processor wrote it */
    }
    memcpy(&head, in->data, sizeof(head));
    CHECK(span_take(in, head.size, &row));
    *number = head.number;
    return row.data;
}

/* --- the virtual table
 * ------------------------------------------------------------------------------------------- */

struct table {
    sqlite3_vtab base;
    const struct rows_source *source;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct rows *rows;
    size_t at;
    size_t kinds;
};

static int connect(sqlite3 *db, void *source, int argc, const char *const *argv, sqlite3_vtab **ret,
                   char **error)
{
    (void)argc;
    (void)argv;
    (void)error;
    const struct rows_source *s = source;
    struct buf sql = {0};
    buf_append_str(&sql, "CREATE TABLE packed_rows (");
    for (size_t i = 0; i < s->columns; i++) {
        buf_printf(&sql, "%sc%zu", i == 0 ? "" : ", ", i);
    }
    buf_append_str(&sql, ")");
    char *text = buf_steal_str(&sql);
    int r = sqlite3_declare_vtab(db, text);
    free(text);
    if (r == SQLITE_OK) {
        struct table *t = mem_alloc(sizeof(*t));
        t->source = source;
        *ret = &t->base;
    }
    return r;
}

static int disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    (void)info; /* all rows in order are the only way */
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
    (void)table;
    struct cursor *c = mem_alloc(sizeof(*c));
    *ret = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *cursor, int plan, const char *name, int argc,
                  sqlite3_value **argv)
{
    (void)plan;
    (void)name;
    (void)argc;
    (void)argv;
    struct cursor *c = (struct cursor *)cursor;
    const struct rows_source *source = ((struct table *)cursor->pVtab)->source;
    c->rows = source->shown;
    c->kinds = kinds_at(source->shown_columns);
    c->at = 0;
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *cursor)
{
    ((struct cursor *)cursor)->at++;
    return SQLITE_OK;
}

static int eof(sqlite3_vtab_cursor *cursor)
{
    const struct cursor *c = (const struct cursor *)cursor;
    return c->at >= c->rows->count;
}

static int rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((const struct cursor *)cursor)->at;
    return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int i)
{
    const struct cursor *c = (const struct cursor *)cursor;
    const uint8_t *row = c->rows->items[c->at];
    const uint8_t *slot = row + sizeof(struct head) + (size_t)i * SLOT_BYTES;
    int64_t integer;
    double real;
    struct place place;
    switch ((enum record_value_kind)row[c->kinds + (size_t)i]) {
    case RECORD_IS_NULL:
        break; /* as it is */
    case RECORD_IS_INTEGER:
        memcpy(&integer, slot, sizeof(integer));
        sqlite3_result_int64(context, integer);
        break;
    case RECORD_IS_REAL:
        memcpy(&real, slot, sizeof(real));
        sqlite3_result_double(context, real);
        break;
    case RECORD_IS_TEXT:
        memcpy(&place, slot, sizeof(place));
        sqlite3_result_text64(context, (const char *)row + place.offset, place.len, SQLITE_STATIC,
                              SQLITE_UTF8);
        break;
    case RECORD_IS_BLOB:
        memcpy(&place, slot, sizeof(place));
        sqlite3_result_blob64(context, row + place.offset, place.len, SQLITE_STATIC);
        break;
    }
    return SQLITE_OK;
}

int rows_register(sqlite3 *db, struct rows_source *source)
{
    /* without xCreate: there without being created, and in no file */
    static const sqlite3_module module = {.xConnect = connect,
                                          .xBestIndex = best_index,
                                          .xDisconnect = disconnect,
                                          .xOpen = open_cursor,
                                          .xClose = close_cursor,
                                          .xFilter = filter,
                                          .xNext = next,
                                          .xEof = eof,
                                          .xColumn = column,
                                          .xRowid = rowid};
    return sqlite3_create_module(db, "packed_rows", &module, source);
}

void rows_insert_sql(const struct record_table *table, struct buf *out)
{
    /* The first error ends everything: FAIL spares SQLite a journal for each statement. */
    buf_printf(out, "INSERT OR FAIL INTO %s SELECT ", table->name);
    for (size_t i = 0; i < table->column_count; i++) {
        buf_printf(out, "%sc%zu", i == 0 ? "" : ", ", i);
    }
    buf_append_str(out, " FROM packed_rows");
}
