/* cpnsim fingerprint DB: SHA-256 over every row that the same scenario, seed and versions must
 * repeat. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/commands.h"
#include "sim/secure/secure_env.h"
#include "sim/world/tables.h"

struct work {
    struct record_db *db;
    struct diag_list *diags;
    struct secure_hash *all;
    struct secure_hash *table; /* of the table at hand */
    struct buf cell;
    char **tables;
    size_t table_count, table_capacity;
    bool failed;
};

/* Each cell as its kind, its length and its octets, so that no two rows look alike that are not. */
static bool add_row(void *arg, size_t columns, const char *const *names,
                    const struct record_value *values)
{
    struct work *w = arg;
    (void)names;
    buf_clear(&w->cell);
    for (size_t i = 0; i < columns; i++) {
        const struct record_value *v = &values[i];
        buf_append_u8(&w->cell, (uint8_t)v->kind);
        switch (v->kind) {
        case RECORD_IS_NULL:
            break;
        case RECORD_IS_INTEGER:
            buf_append_u64(&w->cell, (uint64_t)v->integer);
            break;
        case RECORD_IS_REAL: {
            uint64_t bits;
            memcpy(&bits, &v->real, sizeof(bits));
            buf_append_u64(&w->cell, bits);
            break;
        }
        case RECORD_IS_TEXT:
            buf_append_u64(&w->cell, strlen(v->text));
            buf_append_str(&w->cell, v->text);
            break;
        case RECORD_IS_BLOB:
            buf_append_u64(&w->cell, v->len);
            buf_append(&w->cell, span_of(v->text, v->len));
            break;
        }
    }
    secure_hash_update(w->all, buf_span(&w->cell));
    secure_hash_update(w->table, buf_span(&w->cell));
    return true;
}

static bool add_table(void *arg, size_t columns, const char *const *names,
                      const struct record_value *values)
{
    (void)columns;
    (void)names;
    struct work *w = arg;
    *MEM_PUSH(w->tables, w->table_count, w->table_capacity) = mem_strdup(values[0].text);
    return true;
}

static void append_hex(struct buf *out, const uint8_t *bytes)
{
    for (size_t i = 0; i < SECURE_SHA256_BYTES; i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
}

/* Facts of the wall clock and of places are left out; their documentation says so. */
static const char run_sql[] =
    "SELECT scenario, scenario_hash, seed, rng_mode, until_ns, status, reached_ns FROM run";

static void hash_table(struct work *w, const char *table, bool tell, struct buf *out)
{
    char *sql = strcmp(table, "run") == 0
                    ? mem_strdup(run_sql)
                    : mem_printf("SELECT * FROM \"%s\" ORDER BY rowid", table);
    uint8_t digest[SECURE_SHA256_BYTES];
    w->table = secure_hash_create();
    secure_hash_update(w->all, span_of(table, strlen(table) + 1));
    w->failed = record_db_query(w->db, sql, NULL, 0, add_row, w, w->diags) < 0 || w->failed;
    secure_hash_finish(w->table, digest);
    if (tell) {
        append_hex(out, digest);
        buf_printf(out, "  %s\n", table);
    }
    free(sql);
}

/* What is only there for some ways to run a scenario (captures, say) is left out. */
static bool is_outside(const char *table)
{
    for (size_t i = 0; i < world_table_count; i++) {
        if (strcmp(world_tables[i]->name, table) == 0) {
            return world_tables[i]->outside_fingerprint;
        }
    }
    return false;
}

static int fingerprint(struct record_db *db, bool tables, struct buf *out, struct diag_list *diags)
{
    struct work w = {.db = db, .diags = diags, .all = secure_hash_create()};
    w.failed =
        record_db_query(
            db,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND name <> 'doc' ORDER BY name",
            NULL, 0, add_table, &w, diags) < 0;
    for (size_t i = 0; i < w.table_count; i++) {
        if (!is_outside(w.tables[i])) {
            hash_table(&w, w.tables[i], tables, out);
        }
        free(w.tables[i]);
    }
    uint8_t digest[SECURE_SHA256_BYTES];
    secure_hash_finish(w.all, digest);
    append_hex(out, digest);
    buf_append_str(out, tables ? "  all\n" : "\n");
    free(w.tables);
    buf_fini(&w.cell);
    return w.failed ? CLI_FAILED : CLI_OK;
}

int cmd_fingerprint(int argc, char **argv)
{
    static const struct option options[] = {{"tables", no_argument, NULL, 't'}, {0}};
    bool tables = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 't') {
            return cli_usage_error("fingerprint");
        }
        tables = true;
    }
    if (argc - optind != 1) {
        return cli_usage_error("fingerprint");
    }
    struct record_db *db;
    int code = cli_open(argv[optind], &db);
    if (code != CLI_OK) {
        return code;
    }
    struct diag_list diags = {0};
    struct buf out = {0};
    code = fingerprint(db, tables, &out, &diags);
    if (code == CLI_OK) {
        code = cli_print(&out);
    }
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&out);
    record_db_close(db);
    return code;
}
