/* The files that repeat the message table say what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/table_text.h"

static char *read_source(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    struct buf text = {0};
    size_t got;
    do {
        got = fread(buf_reserve(&text, 4096), 1, 4096, f);
        buf_commit(&text, got);
    } while (got != 0);
    fclose(f);
    return buf_steal_str(&text);
}

static void fail_unless_current(bool current, const char *path)
{
    if (!current) {
        fail_msg("%s lags behind models/cpns/message_table.c: build the target update_cpns_tables",
                 path);
    }
}

static void readme_is_up_to_date(void **state)
{
    (void)state;
    static const char path[] = "models/cpns/README.md";
    char *readme = read_source(path);
    struct buf out = {0};
    buf_append_str(&out, CPNS_TABLE_BEGIN);
    cpns_table_markdown(&out);
    buf_append_str(&out, CPNS_TABLE_END);
    char *table = buf_steal_str(&out);
    assert_non_null(strstr(table, "| KeepAlive | 25 |"));
    fail_unless_current(strstr(readme, table) != NULL, path);
    free(table);
    free(readme);
}

static void dissector_table_is_up_to_date(void **state)
{
    (void)state;
    static const char path[] = "results/wireshark/cpns_table.lua";
    char *lua = read_source(path);
    struct buf out = {0};
    cpns_table_lua(&out);
    char *table = buf_steal_str(&out);
    assert_non_null(strstr(table, "[25] = \"KeepAlive\""));
    fail_unless_current(strcmp(lua, table) == 0, path);
    free(table);
    free(lua);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme_is_up_to_date),
        cmocka_unit_test(dissector_table_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
