/* The tables that every result database has, and SQL from declarations. */
#include "sim/record/record_internal.h"

static const struct record_column run_columns[] = {
    {"run_id", RECORD_INTEGER, false, "", "Always 1: a file holds one run", NULL},
    {"scenario", RECORD_TEXT, false, "", "Name of the scenario", NULL},
    {"scenario_path", RECORD_TEXT, true, "", "File it was read from; outside the fingerprint",
     NULL},
    {"scenario_text", RECORD_TEXT, false, "", "The file and its includes, as read", NULL},
    {"scenario_hash", RECORD_TEXT, false, "", "SHA-256 of text and overrides", NULL},
    {"overrides", RECORD_TEXT, false, "", "K=V lines of --set", NULL},
    {"seed", RECORD_INTEGER, false, "", "Seed of all randomness", NULL},
    {"rng_mode", RECORD_TEXT, false, "seeded|system", "Source of the cryptographic randomness",
     NULL},
    {"until_ns", RECORD_INTEGER, false, "ns", "Virtual time at which the scenario ends", NULL},
    {"workers", RECORD_INTEGER, false, "", "Threads that computed; outside the fingerprint", NULL},
    {"status", RECORD_TEXT, false, "running|ok|violated|unknown|failed|aborted",
     "running: not ended, or ended by a crash", NULL},
    {"reached_ns", RECORD_INTEGER, true, "ns", "Virtual time reached", NULL},
    {"events", RECORD_INTEGER, true, "", "Events handled; outside the fingerprint", NULL},
    {"wall_s", RECORD_REAL, true, "s", "Wall-clock time it took; outside the fingerprint", NULL},
    {"started_at", RECORD_TEXT, false, "",
     "Wall-clock time of the start, UTC; outside the fingerprint", NULL},
    {"peak_memory_kib", RECORD_INTEGER, true, "KiB", "Of the process; outside the fingerprint",
     NULL},
};
const struct record_table record_table_run = {
    .name = "run",
    .doc = "The run: written first with status running, and again at the end",
    .columns = run_columns,
    .column_count = SIM_ARRAY_LEN(run_columns),
    .keyed = true,
};

static const struct record_column environment_columns[] = {
    {"key", RECORD_TEXT, false, "", "What", NULL},
    {"value", RECORD_TEXT, false, "", "Its version", NULL},
};
const struct record_table record_table_environment = {
    .name = "environment",
    .doc = "Versions of what took part",
    .columns = environment_columns,
    .column_count = SIM_ARRAY_LEN(environment_columns),
};

static const struct record_column doc_columns[] = {
    {"table_name", RECORD_TEXT, false, "", "Table or view", NULL},
    {"column_name", RECORD_TEXT, true, "", "Column; NULL: the table itself", NULL},
    {"kind", RECORD_TEXT, false, "", "SQL type, table or view", NULL},
    {"unit", RECORD_TEXT, true, "", "Unit, or the words that may stand there", NULL},
    {"description", RECORD_TEXT, false, "", "What it means", NULL},
};
const struct record_table record_table_doc = {
    .name = "doc",
    .doc = "This database explained: every table, view and column",
    .columns = doc_columns,
    .column_count = SIM_ARRAY_LEN(doc_columns),
};

void record_table_sql(const struct record_table *table, struct buf *out)
{
    static const char *const kinds[] = {[RECORD_INTEGER] = "INTEGER",
                                        [RECORD_REAL] = "REAL",
                                        [RECORD_TEXT] = "TEXT",
                                        [RECORD_BLOB] = "BLOB"};
    buf_printf(out, "CREATE TABLE %s (\n", table->name);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct record_column *c = &table->columns[i];
        buf_printf(out, "  %s %s%s%s", c->name, kinds[c->kind],
                   i == 0 && table->keyed ? " PRIMARY KEY" : "", c->nullable ? "" : " NOT NULL");
        if (c->references != NULL) {
            buf_printf(out, " REFERENCES %s", c->references);
        }
        buf_append_str(out, i + 1 < table->column_count ? ",\n" : "\n) STRICT;\n");
    }
}

void record_index_sql(const struct record_table *table, struct buf *out)
{
    const char *rest = table->indexes;
    while (rest != NULL && *rest != '\0') {
        int len = 0;
        while (rest[len] != '\0' && rest[len] != ';') {
            len++;
        }
        buf_printf(out, "CREATE INDEX %s_by_%.*s ON %s (%.*s);\n", table->name, len, rest,
                   table->name, len, rest);
        rest += len + (rest[len] == ';');
    }
}
