/* Cells: made by producers, bound to statements. */
#include "sim/record/record_internal.h"

struct record_value record_null(void)
{
    return (struct record_value){.kind = RECORD_IS_NULL};
}

struct record_value record_int(int64_t v)
{
    return (struct record_value){.kind = RECORD_IS_INTEGER, .integer = v};
}

struct record_value record_time(sim_time v)
{
    return v == SIM_TIME_NEVER ? record_null() : record_int(v);
}

struct record_value record_real(double v)
{
    return (struct record_value){.kind = RECORD_IS_REAL, .real = v};
}

struct record_value record_text(const char *s)
{
    return s != NULL ? (struct record_value){.kind = RECORD_IS_TEXT, .text = s} : record_null();
}

struct record_value record_blob(const void *data, size_t len)
{
    return (struct record_value){.kind = RECORD_IS_BLOB, .text = data, .len = len};
}

int record_bind(sqlite3_stmt *stmt, const struct record_value *values, size_t count)
{
    int r = SQLITE_OK;
    for (size_t i = 0; r == SQLITE_OK && i < count; i++) {
        const struct record_value *v = &values[i];
        int at = (int)i + 1;
        switch (v->kind) {
        case RECORD_IS_NULL:
            r = sqlite3_bind_null(stmt, at);
            break;
        case RECORD_IS_INTEGER:
            r = sqlite3_bind_int64(stmt, at, v->integer);
            break;
        case RECORD_IS_REAL:
            r = sqlite3_bind_double(stmt, at, v->real);
            break;
        case RECORD_IS_TEXT:
            r = sqlite3_bind_text(stmt, at, v->text, -1, SQLITE_STATIC);
            break;
        case RECORD_IS_BLOB:
            r = sqlite3_bind_blob64(stmt, at, v->text, v->len, SQLITE_STATIC);
            break;
        }
    }
    return r;
}
