/* cpnsim schema: the tables and views of a result database, and the format of scenario files. */
#include <getopt.h>
#include <string.h>

#include "sim/cli/commands.h"
#include "sim/world/tables.h"

static const char *const formats[] = {"sql", "markdown", "json-schema", "reference", NULL};
enum { AS_SQL, AS_MARKDOWN, AS_JSON_SCHEMA, AS_REFERENCE };

static bool put_sql(void *arg, size_t columns, const char *const *names,
                    const struct record_value *values)
{
    (void)columns;
    (void)names;
    buf_printf(arg, "%s;\n\n", values[0].text);
    return true;
}

static bool put_markdown(void *arg, size_t columns, const char *const *names,
                         const struct record_value *values)
{
    (void)columns;
    (void)names;
    if (values[1].kind == RECORD_IS_NULL) {
        buf_printf(arg,
                   "\n## %s `%s`\n\n%s.\n\n| Column | Type | Unit or words | Meaning "
                   "|\n|---|---|---|---|\n",
                   strcmp(values[2].text, "view") == 0 ? "View" : "Table", values[0].text,
                   values[4].text);
    } else {
        buf_printf(arg, "| `%s` | %s | %s | %s |\n", values[1].text, values[2].text,
                   values[3].text != NULL ? values[3].text : "", values[4].text);
    }
    return true;
}

/* An empty database in memory tells what every database has. */
static int from_database(int format, struct buf *out, struct diag_list *diags)
{
    const struct record_run run = {.scenario_name = "schema",
                                   .scenario_text = "",
                                   .scenario_hash = "",
                                   .overrides = "",
                                   .rng_mode = "seeded",
                                   .workers = 1};
    struct recorder *rec;
    int r = recorder_open(":memory:", world_tables, world_table_count, &run, &rec, diags);
    if (r < 0) {
        return r;
    }
    struct record_db *db = recorder_db(rec);
    if (format == AS_SQL) {
        r = record_db_query(db,
                            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid",
                            NULL, 0, put_sql, out, diags);
    } else {
        buf_append_str(out, "# Tables and views of a result database\n\nMade by `cpnsim schema "
                            "--format markdown`. Every "
                            "database says the same in its table `doc`.\n");
        r = record_db_query(
            db,
            "SELECT table_name, column_name, kind, unit, replace(description, '|', '\\|') FROM doc"
            " ORDER BY rowid",
            NULL, 0, put_markdown, out, diags);
    }
    const struct record_end end = {.status = "ok"};
    recorder_close(rec, &end, diags);
    return r;
}

int cmd_schema(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {0}};
    int format = AS_MARKDOWN;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        format = c == 'f' ? cli_choose("schema", "format", optarg, formats) : -2;
        if (format < 0) {
            return format == -1 ? CLI_INVALID : cli_usage_error("schema");
        }
    }
    if (optind != argc) {
        return cli_usage_error("schema");
    }
    struct buf out = {0};
    struct diag_list diags = {0};
    int r = 0;
    if (format == AS_JSON_SCHEMA) {
        scenario_json_schema(cli_vocabulary(), &out);
    } else if (format == AS_REFERENCE) {
        scenario_reference(cli_vocabulary(), &out);
    } else {
        r = from_database(format, &out, &diags);
    }
    int code = r < 0 ? CLI_FAILED : cli_print(&out);
    cli_show_diags(&diags);
    diag_list_fini(&diags);
    buf_fini(&out);
    return code;
}
