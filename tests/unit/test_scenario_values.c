/* Units, parameters, --set and includes of scenario files: what they mean, and where errors about
 * them are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"
#include "tests/support/scenario_words.h"

#define NODES                                                                                      \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"                        \
    "  - {id: pne, role: pne, count: 6, attach: {to: gw/*, link: ble}}\n"
#define GOOD "cpns: 1\nrun: {until: 60 s}\n" NODES

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

/* The scenario after `text` and one or two --set. */
static void load_set(struct loaded *l, const char *text, const char *first, const char *second)
{
    const char *sets[] = {first, second};
    const struct scenario_options options = {
        .sets = sets, .set_count = (size_t)(first != NULL) + (size_t)(second != NULL)};
    scenario_files_write(&files, "s.yaml", text);
    loaded_init(l, &files, "s.yaml", &options);
}

static void times_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sim_time ns;
    } good[] = {
        {"1 ns", 1},
        {"1us", 1000},
        {"1.5 ms", 1500000},
        {"30 s", 30 * SIM_S},
        {"\"30 s\"", 30 * SIM_S},
        {"2min", 120 * SIM_S},
        {"1 h", 3600 * SIM_S},
        {"1 d", 86400 * SIM_S},
        {"+5 s", 5 * SIM_S},
        {"5. s", 5 * SIM_S},
        {".5 s", SIM_S / 2},
        {"1e3 s", 1000 * SIM_S},
        {"1E-3 s", SIM_MS},
        {"0.000000001 s", 1},
        {"0.3333333333333333333333333333333 s", 333333333},
        {"123456789.123456789 s", INT64_C(123456789123456789)},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(good); i++) {
        char *text = mem_printf("cpns: 1\nrun: {until: %s}\n" NODES, good[i].text);
        struct loaded l;
        load_set(&l, text, NULL, NULL);
        assert_int_equal(l.r, 0);
        assert_true(l.s->until == good[i].ns);
        loaded_fini(&l);
        free(text);
    }
    static const struct {
        const char *text;
        const char *code;
    } bad[] = {
        {"30", "missing-unit"},
        {"30 S", "unknown-unit"},
        {"30  sec", "unknown-unit"},
        {"s", "bad-value"},
        {"--5 s", "bad-value"},
        {"1..5 s", "unknown-unit"},
        {"1e s", "unknown-unit"},
        {"\"\"", "bad-value"},
        {"nan", "bad-value"},
        {"1e999 s", "out-of-range"},
        {"0.1 ns", "out-of-range"},
        {"1e9999999999999 s", "out-of-range"},
        {"99999999999999999999999999999999999999999 ns", "out-of-range"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(bad); i++) {
        char *text = mem_printf("cpns: 1\nrun: {until: %s}\n" NODES, bad[i].text);
        struct loaded l;
        load_set(&l, text, NULL, NULL);
        assert_int_equal(l.r, -SIM_EINVAL);
        assert_int_equal(l.diags.count, 1);
        assert_true(loaded_says(&l, bad[i].code, "s.yaml", 2, 14));
        loaded_fini(&l);
        free(text);
    }
}

static void rates_sizes_and_percentages(void **state)
{
    (void)state;
    struct loaded l;
    load_set(&l,
             GOOD
             "links:\n"
             "  a: {technology: ble, rate: 1.5 Gbit/s, mtu: 1KiB, frame: 0.5 kB, overhead: 1 B,\n"
             "      loss: {model: random, rate: 0.25%}}\n"
             "  b: {technology: ble, rate: 9600 bit/s, mtu: 0.06 MB}\n",
             NULL, NULL);
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->links[0].rate_bps, 1500000000);
    assert_int_equal(l.s->links[0].mtu_bytes, 1024);
    assert_int_equal(l.s->links[0].frame_bytes, 500);
    assert_true(l.s->links[0].loss.rate == 0.0025);
    assert_int_equal(l.s->links[1].rate_bps, 9600);
    assert_int_equal(l.s->links[1].mtu_bytes, 60000);
    loaded_fini(&l);
}

#define PARAMS                                                                                     \
    "cpns: 1\nparams: {n: 4, wait: 5 s, who: pne, twice: $n$n, kind: \"$who/*\"}\n"                \
    "run: {until: \"${n}0 s\", seed: $twice}\nnodes:\n"                                            \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"                                  \
    "  - {id: $who, role: pne, count: $n, attach: {to: gw, link: ble}}\n"                          \
    "faults:\n  - {at: $wait, do: node-silent, target: [$who/2..$n]}\n"                            \
    "  - {at: $wait, do: node-silent, target: $kind}\n"

static void parameters_are_filled_in(void **state)
{
    (void)state;
    struct loaded l;
    load_set(&l, PARAMS, NULL, NULL);
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->until, 40 * SIM_S);
    assert_int_equal(l.s->seed, 44);
    assert_int_equal(l.s->node_count, 6);
    assert_int_equal(l.s->faults[0].target_count, 3);
    assert_int_equal(l.s->faults[1].target_count, 4);
    assert_int_equal(l.s->faults[0].at, 5 * SIM_S);
    loaded_fini(&l);
    load_set(&l, PARAMS, "n=3", "wait=100 ms");
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->node_count, 5);
    assert_int_equal(l.s->seed, 33);
    assert_int_equal(l.s->faults[0].at, 100 * SIM_MS);
    loaded_fini(&l);
    /* The error is about the place of use. */
    load_set(&l, PARAMS, "n=many", NULL);
    assert_true(loaded_says(&l, "bad-value", "s.yaml", 7, 34));
    loaded_fini(&l);
    load_set(&l, GOOD "params: {unused: 1}\n", NULL, NULL);
    assert_int_equal(l.r, 0);
    assert_true(loaded_says(&l, "unused-param", "s.yaml", 7, 10));
    loaded_fini(&l);
}

static void set_reaches_any_value(void **state)
{
    (void)state;
    struct loaded l;
    const char *policies = GOOD "security:\n  policies:\n    old: {versions: [1.2]}\n";
    load_set(&l, policies, "security.pne_gateway=old",
             "security.policies.old.versions=[\"1.2\", \"1.3\"]");
    assert_int_equal(l.r, 0);
    assert_string_equal(l.s->policies[l.s->nodes[3].policy].name, "old");
    assert_int_equal(l.s->policies[0].max_version, 0x0304);
    loaded_fini(&l);
    load_set(&l, GOOD, "nodes.pne.count=2", "run.record.messages=sampled 5");
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->node_count, 5);
    assert_int_equal(l.s->record_sample, 5);
    loaded_fini(&l);
    load_set(&l, GOOD, "name=other", "nodes.pne.attach={to: gw/1, link: lossy}");
    assert_int_equal(l.r, 0);
    assert_string_equal(l.s->name, "other");
    assert_string_equal(l.s->links[l.s->edges[3].link].name, "lossy");
    loaded_fini(&l);
    load_set(&l, GOOD, "personal_networks=[]", "timers.request=1 s");
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->pn_count, 0);
    assert_int_equal(l.s->timers.request, SIM_S);
    loaded_fini(&l);
}

static void errors_of_set_are_told_at_it(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        const char *code;
        const char *file;
        const char *hint;
    } cases[] = {
        {"pnes=4", "unknown-param", "--set pnes", NULL},
        {"gateway=4", "unknown-param", "--set gateway", "did you mean \"gateways\"?"},
        {"run.untill=4 s", "unknown-key", "--set run.untill", "did you mean \"until\"?"},
        {"run.until=4", "missing-unit", "--set run.until", NULL},
        {"run.until=", "missing-value", "--set run.until", NULL},
        {"runn.until=4 s", "unknown-key", "--set runn.until", "did you mean \"run\"?"},
        {"run.until.x=4 s", "unknown-path", "--set run.until.x", NULL},
        {"nodes.gwx.count=4", "unknown-path", "--set nodes.gwx.count", "did you mean \"gw\"?"},
        {"security.pne_gateway=old", "unknown-policy", "--set security.pne_gateway", NULL},
        {"gateways", "bad-set", "--set", "write NAME=VALUE"},
        {"=3", "bad-set", "--set", "write NAME=VALUE"},
        {"gateways=[1", "yaml-syntax", "--set gateways", NULL},
        {"gateways=\x01", "binary-file", "--set gateways", NULL},
        {"gateways=[1, 2]", "wrong-type", "--set gateways", NULL},
        {"cpns=2", "unknown-version", "--set cpns", NULL},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct loaded l;
        load_set(&l, GOOD "params: {gateways: 2}\ndescription: $gateways\n", cases[i].set, NULL);
        if (l.diags.count == 0 || strcmp(l.diags.items[0].code, cases[i].code) != 0) {
            loaded_print(&l);
            fail_msg("--set %s", cases[i].set);
        }
        const struct diag *d = &l.diags.items[0];
        assert_int_equal(l.diags.errors, 1);
        assert_string_equal(d->file, cases[i].file);
        assert_int_equal(d->line, 0);
        assert_null(d->source_line);
        if (cases[i].hint != NULL) {
            assert_string_equal(d->hint, cases[i].hint);
        }
        loaded_fini(&l);
    }
}

static void includes_merge(void **state)
{
    (void)state;
    scenario_files_write(&files, "lib/links.yaml",
                         "cpns: 1\nname: ignored\ninclude: more/devices.yaml\n"
                         "links:\n  a: {technology: ble}\n  b: {technology: ble, queue: 7}\n"
                         "faults:\n  - {id: first, at: 1 s, do: node-silent, target: srv}\n"
                         "params: {n: 3, m: 4}\nrun: {seed: 5, until: 9 s}\n");
    scenario_files_write(&files, "lib/more/devices.yaml",
                         "devices:\n  d: {cpu: cortex-a76}\ninclude: [../../again.yaml]\n");
    scenario_files_write(&files, "again.yaml", "timers: {request: 1 s}\n");
    struct loaded l;
    load_set(&l,
             GOOD "include: [lib/links.yaml, again.yaml]\n"
                  "links:\n  b: {technology: lte}\nparams: {n: 8}\n"
                  "timers: {keep_alive: 9 s, request_tries: $n}\ndescription: $m\n"
                  "faults:\n  - {id: second, at: 1 s, do: node-silent, target: gw}\n",
             NULL, NULL);
    if (l.r != 0) {
        loaded_print(&l);
    }
    assert_int_equal(l.r, 0);
    assert_string_equal(l.s->name, "s");
    assert_int_equal(l.s->device_count, 1);
    assert_string_equal(l.s->links[0].name, "a");
    assert_string_equal(l.s->links[1].technology, "lte"); /* replaced as a whole */
    assert_int_equal(l.s->links[1].queue_packets, 100);
    assert_int_equal(l.s->timers.request, SIM_S);
    assert_int_equal(l.s->timers.keep_alive, 9 * SIM_S);
    assert_int_equal(l.s->timers.request_tries, 8);
    assert_string_equal(l.s->description, "4");
    assert_int_equal(l.s->until, 60 * SIM_S);
    assert_int_equal(l.s->seed, 5);
    assert_string_equal(l.s->faults[0].id, "first");
    assert_string_equal(l.s->faults[1].id, "second");
    loaded_fini(&l);
}

static void errors_in_included_files_are_told_there(void **state)
{
    (void)state;
    scenario_files_write(&files, "lib/a.yaml", "links:\n  x: {technology: bel}\n  x: {}\n");
    scenario_files_write(&files, "lib/b.yaml", "cpns: 2\nlinks:\n  y1: {rate: 5}\n");
    scenario_files_write(&files, "lib/c.yaml", "links: {x: {technology: ble}}\nnodes: [\n");
    struct loaded l;
    load_set(&l, GOOD "include: [lib/a.yaml, lib/b.yaml, lib/c.yaml, lib/d.yaml]\n", NULL, NULL);
    assert_true(loaded_says(&l, "unknown-technology", "/lib/a.yaml", 2, 19));
    assert_true(loaded_says(&l, "duplicate-key", "/lib/a.yaml", 3, 3));
    assert_true(loaded_says(&l, "unknown-version", "/lib/b.yaml", 1, 7));
    assert_true(loaded_says(&l, "missing-unit", "/lib/b.yaml", 3, 14));
    assert_true(loaded_says(&l, "missing-key", "/lib/b.yaml", 3, 7));
    assert_true(loaded_says(&l, "yaml-syntax", "/lib/c.yaml", 2, 8));
    assert_true(loaded_says(&l, "cannot-read", "s.yaml", 7, 47));
    assert_int_equal(l.diags.errors, 7);
    loaded_fini(&l);
}

static void siblings_do_not_overrule_each_other(void **state)
{
    (void)state;
    scenario_files_write(&files, "a.yaml", "links: {x: {technology: ble}}\nrun: {seed: 1}\n");
    scenario_files_write(&files, "b.yaml", "links: {x: {technology: lte}}\nrun: {seed: 2}\n");
    struct loaded l;
    load_set(&l, GOOD "include: [a.yaml, b.yaml]\n", NULL, NULL);
    assert_true(loaded_says(&l, "defined-twice", "b.yaml", 1, 9));
    assert_true(loaded_says(&l, "defined-twice", "b.yaml", 2, 7));
    assert_int_equal(l.diags.errors, 2);
    loaded_fini(&l);
}

static void include_cycles_are_errors(void **state)
{
    (void)state;
    scenario_files_write(&files, "a.yaml", "include: b.yaml\n");
    scenario_files_write(&files, "b.yaml", "x-note: 1\ninclude: ./a.yaml\n");
    struct loaded l;
    load_set(&l, GOOD "include: a.yaml\n", NULL, NULL);
    assert_true(loaded_says(&l, "include-cycle", "b.yaml", 2, 10));
    assert_int_equal(l.diags.errors, 1);
    loaded_fini(&l);
}

static void unreadable_files(void **state)
{
    (void)state;
    struct loaded l;
    loaded_init(&l, &files, "nowhere.yaml", NULL);
    assert_true(loaded_says(&l, "cannot-read", "/nowhere.yaml", 0, 0));
    loaded_fini(&l);
    loaded_init(&l, &files, ".", NULL);
    assert_true(loaded_says(&l, "cannot-read", "/.", 0, 0));
    loaded_fini(&l);
}

/* A file that is all errors: the list stays of a size that somebody can read, and the work stays
 * small. */
static void a_flood_of_errors_is_cut_off(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, GOOD "workload:\n");
    for (int i = 0; i < 20000; i++) {
        buf_printf(&text, "  - {at: 1, do: servce-access, from: pnx/%d, to: srw}\n", i);
    }
    char *string = buf_steal_str(&text);
    struct loaded l;
    load_set(&l, string, NULL, NULL);
    assert_int_equal(l.r, -SIM_EINVAL);
    assert_in_range(l.diags.count, 1000, 3000);
    loaded_fini(&l);
    free(string);
}

/* A chain of `extends` as long as the file must not cost a stack as long as the file. */
static void long_chains_of_parents(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, GOOD "devices:\n  d0: {cpu: cortex-a76, battery: 7 %}\n");
    for (int i = 1; i <= 20000; i++) {
        buf_printf(&text, "  d%d: {extends: d%d}\n", 20001 - i, 20000 - i);
    }
    char *string = buf_steal_str(&text);
    struct loaded l;
    load_set(&l, string, NULL, NULL);
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->device_count, 20001);
    assert_true(l.s->devices[1].battery == 0.07);
    loaded_fini(&l);
    free(string);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(times_have_units, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rates_sizes_and_percentages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parameters_are_filled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(set_reaches_any_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_of_set_are_told_at_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(includes_merge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_in_included_files_are_told_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(siblings_do_not_overrule_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(include_cycles_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreadable_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_errors_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_chains_of_parents, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
