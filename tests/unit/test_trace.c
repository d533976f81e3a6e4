/* Traces of links: what a CSV file becomes, and where its errors are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"

#define NODES                                                                                      \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: up}}\n"                                   \
    "  - {id: pne, role: pne, attach: {to: gw, link: ble}}\n"
#define TOP                                                                                        \
    "cpns: 1\nrun: {until: 60 s}\n"                                                                \
    "links: {up: {technology: lte, trace: t/t.csv}, more: {extends: up, trace_period: 20 "         \
    "s}}\n" NODES

static struct scenario_files files;

static int set_up(void **state)
{
    (void)state;
    scenario_files_init(&files);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scenario_files_fini(&files);
    return 0;
}

static void load(struct loaded *l, const char *yaml, const char *csv)
{
    scenario_files_write(&files, "t/t.csv", csv);
    scenario_files_write(&files, "s.yaml", yaml);
    loaded_init(l, &files, "s.yaml", NULL);
}

static void rows_become_steps(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, TOP,
         "\xef\xbb\xbf# from a drive through a town\r\n"
         "loss_percent, time_s ,rate_kbps,delay_ms\r\n"
         "\r\n"
         "  0.5,0,2e4,30.25\r\n"
         " # in a tunnel\n"
         ",1.5,,120\n"
         "100,12,0.5,");
    if (l.r != 0) {
        loaded_print(&l);
    }
    assert_int_equal(l.r, 0);
    const struct scenario_link *up = &l.s->links[0];
    assert_string_equal(up->name, "up");
    assert_true(up->trace_period == SIM_TIME_NEVER);
    assert_non_null(up->trace);
    assert_int_equal(up->trace->step_count, 3);
    const struct scenario_trace_step *s = up->trace->steps;
    assert_true(s[0].has_delay && s[0].has_rate && s[0].has_loss);
    assert_int_equal(s[0].at, 0);
    assert_int_equal(s[0].delay, 30250 * SIM_US);
    assert_int_equal(s[0].rate_bps, 20000000);
    assert_true(s[0].loss == 0.005);
    assert_true(s[1].has_delay && !s[1].has_rate && !s[1].has_loss);
    assert_int_equal(s[1].at, 1500 * SIM_MS);
    assert_int_equal(s[1].delay, 120 * SIM_MS);
    assert_true(!s[2].has_delay && s[2].has_rate && s[2].has_loss);
    assert_int_equal(s[2].rate_bps, 500);
    assert_true(s[2].loss == 1);
    assert_non_null(strstr(l.s->text, "in a tunnel"));
    const struct scenario_link *more = &l.s->links[1];
    assert_int_equal(more->trace_period, 20 * SIM_S);
    assert_int_equal(more->trace->step_count, 3);
    loaded_fini(&l);
}

/* What is shown can be read from another folder. */
static void shown_scenarios_find_the_file(void **state)
{
    (void)state;
    struct loaded l;
    struct loaded again;
    load(&l, TOP, "time_s,delay_ms\n0,1\n");
    struct buf out = {0};
    assert_int_equal(scenario_show(l.s, FORMAT_YAML, false, &out), 0);
    char *yaml = buf_steal_str(&out);
    scenario_files_write(&files, "elsewhere/s.yaml", yaml);
    loaded_init(&again, &files, "elsewhere/s.yaml", NULL);
    assert_int_equal(again.r, 0);
    assert_int_equal(again.s->links[0].trace->step_count, 1);
    free(yaml);
    loaded_fini(&again);
    loaded_fini(&l);
}

static const struct {
    const char *csv;
    const char *code;
    int line, column;
} broken[] = {
    {"", "empty-file", 1, 1},
    {"# nothing\n\n", "empty-file", 2, 1},
    {"time_s,delay_ms\n", "empty-file", 1, 1},
    {"0,30\n1,40\n", "unknown-column", 1, 1},
    {"time_s,delay\n0,1\n", "unknown-column", 1, 8},
    {"time_s, delay_ms,delay_ms\n0,1,1\n", "duplicate-column", 1, 18},
    {"delay_ms\n1\n", "missing-column", 1, 1},
    {"time_s\n1\n", "missing-column", 1, 1},
    {"time_s,\n1,2\n", "unknown-column", 1, 8},
    {"time_s,delay_ms\n0,1\n0, 2\n", "inconsistent", 3, 1},
    {"delay_ms,time_s\n1,5\n1,4.9999999999\n", "inconsistent", 3, 3},
    {"time_s,delay_ms\n0,1,2\n", "too-many-cells", 2, 5},
    {"time_s,delay_ms\n0,1\n5\n", "missing-cell", 3, 2},
    {"time_s,delay_ms\n0,1\n 6, 3 ms\n", "bad-value", 3, 5},
    {"time_s,delay_ms\n,1\n", "bad-value", 2, 1},
    {"time_s,delay_ms\n0,0x10\n", "bad-value", 2, 3},
    {"time_s,delay_ms\n0,nan\n", "bad-value", 2, 3},
    {"time_s,delay_ms\n0,1e\n", "bad-value", 2, 3},
    {"time_s,delay_ms\n-1,1\n", "out-of-range", 2, 1},
    {"time_s,delay_ms\n0,-1\n", "out-of-range", 2, 3},
    {"time_s,delay_ms\n0,1e400\n", "out-of-range", 2, 3},
    {"time_s,rate_kbps\n0,0\n", "out-of-range", 2, 3},
    {"time_s,loss_percent\n0,101\n", "out-of-range", 2, 3},
    {"time_s,loss_percent\n0,\xfc\n", "bad-encoding", 2, 3},
};

static void errors_point_into_the_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(broken); i++) {
        struct loaded l;
        load(&l,
             "cpns: 1\nrun: {until: 60 s}\nlinks: {up: {technology: lte, trace: t/t.csv}}\n" NODES,
             broken[i].csv);
        assert_int_equal(l.r, -SIM_EINVAL);
        if (l.diags.errors != 1 ||
            !loaded_says(&l, broken[i].code, "t/t.csv", broken[i].line, broken[i].column)) {
            loaded_print(&l);
            fail_msg("%s", broken[i].csv);
        }
        loaded_fini(&l);
    }
    /* Each wrong row is told, and a period that is too short. */
    struct loaded l;
    load(&l, TOP, "time_s,delay_ms\n0,x\n1,2\n2,y\n20,4\n");
    assert_true(loaded_says(&l, "bad-value", "t.csv", 2, 3));
    assert_true(loaded_says(&l, "bad-value", "t.csv", 4, 3));
    loaded_fini(&l);
    load(&l, TOP, "time_s,delay_ms\n0,1\n20,4\n");
    assert_true(loaded_says(&l, "inconsistent", "s.yaml", 3, 82));
    loaded_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_become_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shown_scenarios_find_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_point_into_the_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
