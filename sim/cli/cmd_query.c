/* cpnsim query DB [NAME|SQL]: asks a result database. */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/commands.h"
#include "sim/record/views.h"

static const char *const formats[] = {"table", "csv", "json", NULL};
enum { AS_TABLE, AS_CSV, AS_JSON };

/* The answer as text, cell by cell. */
struct answer {
    size_t columns;
    char **names;
    char **cells; /* NULL: SQL NULL */
    bool *plain;  /* per cell: a number, to be shown without quotes */
    size_t cell_count, cell_capacity, plain_count, plain_capacity;
};

static char *cell_text(const struct record_value *v)
{
    switch (v->kind) {
    case RECORD_IS_NULL:
        return NULL;
    case RECORD_IS_INTEGER:
        return mem_printf("%" PRId64, v->integer);
    case RECORD_IS_REAL:
        return isinf(v->real) ? mem_strdup(v->real < 0 ? "-1e999" : "1e999")
                              : mem_printf("%.12g", v->real);
    case RECORD_IS_TEXT:
        return mem_strdup(v->text);
    case RECORD_IS_BLOB:
        return mem_printf("(%zu octets)", v->len);
    }
    return NULL;
}

static bool add_row(void *arg, size_t columns, const char *const *names,
                    const struct record_value *values)
{
    struct answer *a = arg;
    if (a->names == NULL) {
        a->columns = columns;
        a->names = mem_calloc(columns, sizeof(*a->names));
        for (size_t i = 0; i < columns; i++) {
            a->names[i] = mem_strdup(names[i]);
        }
    }
    for (size_t i = 0; i < columns; i++) {
        *MEM_PUSH(a->cells, a->cell_count, a->cell_capacity) = cell_text(&values[i]);
        *MEM_PUSH(a->plain, a->plain_count, a->plain_capacity) =
            values[i].kind == RECORD_IS_INTEGER || values[i].kind == RECORD_IS_REAL;
    }
    return true;
}

static void answer_free(struct answer *a)
{
    for (size_t i = 0; a->names != NULL && i < a->columns; i++) {
        free(a->names[i]);
    }
    for (size_t i = 0; i < a->cell_count; i++) {
        free(a->cells[i]);
    }
    free(a->names);
    free(a->cells);
    free(a->plain);
}

static const char *shown(const char *cell)
{
    return cell != NULL ? cell : "";
}

/* Characters, not octets: continuation octets of UTF-8 take no column. */
static size_t width_of(const char *s)
{
    size_t width = 0;
    for (; *s != '\0'; s++) {
        width += ((unsigned char)*s & 0xc0) != 0x80;
    }
    return width;
}

static void put_padded(struct buf *out, const char *text, size_t width, bool right, bool last)
{
    size_t blanks = width - width_of(text);
    for (size_t i = 0; right && i < blanks; i++) {
        buf_append_u8(out, ' ');
    }
    buf_append_str(out, text);
    for (size_t i = 0; !right && !last && i < blanks; i++) {
        buf_append_u8(out, ' ');
    }
    buf_append_str(out, last ? "\n" : "  ");
}

static void render_table(const struct answer *a, struct buf *out)
{
    CHECK(a->columns > 0);
    size_t *widths = mem_calloc(a->columns, sizeof(*widths));
    for (size_t i = 0; i < a->columns; i++) {
        widths[i] = width_of(a->names[i]);
    }
    for (size_t i = 0; i < a->cell_count; i++) {
        size_t width = width_of(shown(a->cells[i]));
        widths[i % a->columns] = width > widths[i % a->columns] ? width : widths[i % a->columns];
    }
    for (size_t i = 0; i < a->columns; i++) {
        put_padded(out, a->names[i], widths[i], a->plain[i], i + 1 == a->columns);
    }
    for (size_t i = 0; i < a->cell_count; i++) {
        size_t column = i % a->columns;
        put_padded(out, shown(a->cells[i]), widths[column], a->plain[i], column + 1 == a->columns);
    }
    free(widths);
}

/* RFC 4180. */
static void put_csv(struct buf *out, const char *text, bool last)
{
    if (strpbrk(text, "\",\n\r") == NULL) {
        buf_append_str(out, text);
    } else {
        buf_append_u8(out, '"');
        for (; *text != '\0'; text++) {
            buf_append_str(out, *text == '"' ? "\"\"" : (char[]){*text, '\0'});
        }
        buf_append_u8(out, '"');
    }
    buf_append_str(out, last ? "\r\n" : ",");
}

static void render_csv(const struct answer *a, struct buf *out)
{
    CHECK(a->columns > 0);
    for (size_t i = 0; i < a->columns; i++) {
        put_csv(out, a->names[i], i + 1 == a->columns);
    }
    for (size_t i = 0; i < a->cell_count; i++) {
        put_csv(out, shown(a->cells[i]), i % a->columns + 1 == a->columns);
    }
}

static void put_json_text(struct buf *out, const char *s)
{
    buf_append_u8(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\') {
            buf_append_u8(out, '\\');
        }
        buf_append_u8(out, c);
    }
    buf_append_u8(out, '"');
}

static void render_json(const struct answer *a, struct buf *out)
{
    buf_append_str(out, "[");
    for (size_t i = 0; a->columns > 0 && i < a->cell_count; i++) {
        size_t column = i % a->columns;
        buf_append_str(out, column > 0 ? ", " : i > 0 ? ",\n {" : "\n {");
        put_json_text(out, a->names[column]);
        buf_append_str(out, ": ");
        if (a->cells[i] == NULL) {
            buf_append_str(out, "null");
        } else if (a->plain[i]) {
            buf_append_str(out, a->cells[i]);
        } else {
            put_json_text(out, a->cells[i]);
        }
        buf_append_str(out, column + 1 == a->columns ? "}" : "");
    }
    buf_append_str(out, "\n]\n");
}

/* --- what to ask
 * ------------------------------------------------------------------------------------------ */

struct wanted {
    const char *name;
    char *sql;
    struct buf *list;
};

static void match_query(void *arg, const char *name, const char *text, const char *sql)
{
    (void)text;
    struct wanted *w = arg;
    if (strcmp(name, w->name) == 0) {
        w->sql = mem_strdup(sql);
    }
}

static void list_query(void *arg, const char *name, const char *text, const char *sql)
{
    (void)sql;
    buf_printf(arg, "  %-14s %s\n", name, text);
}

static void list_view(void *arg, const char *view, const char *column, const char *unit,
                      const char *text)
{
    (void)unit;
    if (column == NULL) {
        buf_printf(arg, "  %-14s %s\n", view, text);
    }
}

/* A named query, a table or view, or SQL itself. */
static char *sql_for(const char *name)
{
    struct wanted w = {.name = name};
    record_queries(match_query, &w);
    if (w.sql != NULL) {
        return w.sql;
    }
    bool word = name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] == '\0';
    return word ? mem_printf("SELECT * FROM %s", name) : mem_strdup(name);
}

static int ask(struct record_db *db, const char *name, int format)
{
    char *sql = sql_for(name);
    struct answer a = {0};
    struct diag_list diags = {0};
    struct buf out = {0};
    int code = CLI_OK;
    if (record_db_query(db, sql, NULL, 0, add_row, &a, &diags) < 0) {
        code = CLI_INVALID;
    } else {
        if (format == AS_JSON) {
            render_json(&a, &out);
        } else if (a.names != NULL) {
            (format == AS_CSV ? render_csv : render_table)(&a, &out);
        } else if (format == AS_TABLE) {
            fputs("no rows\n", stderr);
        }
        code = cli_print(&out);
    }
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&out);
    answer_free(&a);
    free(sql);
    return code;
}

static int list(void)
{
    struct buf out = {0};
    buf_append_str(&out, "Named queries:\n");
    record_queries(list_query, &out);
    buf_append_str(
        &out,
        "Views (any table of the database will do as well; `cpnsim schema` explains them):\n");
    record_views_document(list_view, &out);
    int code = cli_print(&out);
    buf_fini(&out);
    return code;
}

int cmd_query(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {0}};
    int format = AS_TABLE;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        format = c == 'f' ? cli_choose("query", "format", optarg, formats) : -2;
        if (format < 0) {
            return format == -1 ? CLI_INVALID : cli_usage_error("query");
        }
    }
    if (argc - optind < 1 || argc - optind > 2) {
        return cli_usage_error("query");
    }
    struct record_db *db;
    int code = cli_open(argv[optind], &db);
    if (code == CLI_OK) {
        code = argc - optind == 2 ? ask(db, argv[optind + 1], format) : list();
        record_db_close(db);
    }
    return code;
}
