/* The judge: exit codes from verdicts, the text for people and the formats for machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/record/judge.h"
#include "sim/world/tables.h"
#include "tests/support/hand_made.h"

static const struct hand_change held_claim = {
    "x1", &table_expect, "expect_id=1; line=31; kind=claim; name=no-plaintext-on-wire"};
static const struct hand_change held_metric = {
    "x2", &table_expect,
    "expect_id=2; line=32; kind=metric; name=setup_ms.p95; subject=pne--gateway; maximum=400"};
static const struct hand_change violated_metric = {
    "x3", &table_expect,
    "expect_id=3; line=33; kind=metric; name=delivery_ratio; minimum=0.9; maximum=1"};
static const struct hand_change unknown_metric = {
    "x4", &table_expect,
    "expect_id=4; line=34; kind=metric; name=setup_ms.p95; subject=a <\"b\"> & c; maximum=400"};
static const struct hand_change broken_rule = {"m3h1", NULL, "session_id=NULL; protected=0"};

static void assert_same(const struct judgement *a, const struct judgement *b)
{
    struct buf texts[2] = {{0}};
    judgement_json(a, &texts[0]);
    judgement_json(b, &texts[1]);
    assert_true(span_equal(buf_span(&texts[0]), buf_span(&texts[1])));
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
}

/* Both ways to it come to the same. */
static struct judgement *judge(const char *name)
{
    char *path = hand_path(name);
    struct record_db *db;
    struct judgement *j = NULL;
    struct judgement *of_file = NULL;
    struct diag_list diags = {0};
    assert_int_equal(record_db_open(path, &db, &diags), 0);
    assert_int_equal(judge_run(db, &j, &diags), 0);
    assert_int_equal(judge_file(path, NULL, NULL, &of_file, &diags), 0);
    assert_int_equal(diags.count, 0);
    assert_same(j, of_file);
    judgement_free(of_file);
    record_db_close(db);
    diag_list_fini(&diags);
    free(path);
    return j;
}

static struct judgement *judge_with(const char *status, const struct hand_change *changes,
                                    size_t count)
{
    hand_run("judge.db", status, changes, count);
    return judge("judge.db");
}

static void exit_codes(void **state)
{
    (void)state;
    const struct {
        struct hand_change changes[4];
        size_t count;
        int code;
    } cases[] = {
        {{{0}}, 0, 0}, /* nothing expected, sessions there, no rule broken */
        {{held_claim, held_metric}, 2, 0},
        {{held_claim, violated_metric}, 2, 1},
        {{held_claim, unknown_metric}, 2, 2},
        {{unknown_metric, violated_metric}, 2, 1}, /* a violation outweighs what is unknown */
        {{broken_rule}, 1, 1},
        {{held_claim, broken_rule, unknown_metric}, 3, 1},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct judgement *j = judge_with("ok", cases[i].changes, cases[i].count);
        assert_int_equal(judgement_exit_code(j, true), cases[i].code);
        assert_int_equal(judgement_exit_code(j, false), cases[i].code);
        judgement_free(j);
    }
}

/* A run that broke off proves nothing good, but what it broke is broken. */
static void a_run_without_an_end_is_unknown_at_best(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        int code;
    } cases[] = {{"ok", 0},     {"violated", 0}, {"unknown", 0},
                 {"failed", 2}, {"aborted", 2},  {"running", 2}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct judgement *j = judge_with(cases[i].status, &held_claim, 1);
        assert_int_equal(judgement_exit_code(j, true), cases[i].code);
        assert_int_equal(judgement_exit_code(j, false), 0);
        assert_string_equal(j->status, cases[i].status);
        judgement_free(j);
        j = judge_with(cases[i].status, &violated_metric, 1);
        assert_int_equal(judgement_exit_code(j, true), 1);
        judgement_free(j);
    }
    hand_close(hand_open("empty.db"), "ok");
    struct judgement *j = judge("empty.db");
    assert_int_equal(judgement_exit_code(j, true), 2);
    assert_int_equal(judgement_exit_code(j, false), 2);
    judgement_free(j);
}

static void the_findings_carry_what_was_measured(void **state)
{
    (void)state;
    const struct hand_change changes[] = {held_claim, violated_metric, unknown_metric, broken_rule};
    struct judgement *j = judge_with("violated", changes, SIM_ARRAY_LEN(changes));
    assert_int_equal(j->count, 4);
    assert_int_equal(j->rules_broken, 1);
    assert_int_equal(j->sessions, 2);
    assert_string_equal(j->scenario, "by-hand.yaml");
    const struct finding *f = &j->findings[1];
    assert_string_equal(f->name, "delivery_ratio");
    assert_null(f->subject);
    assert_int_equal(f->line, 33);
    assert_int_equal(f->verdict, VERDICT_VIOLATED);
    assert_true(f->has_minimum && f->has_maximum && f->has_measured);
    assert_true(f->minimum == 0.9 && f->maximum == 1 && f->measured == 0.75);
    f = &j->findings[2];
    assert_int_equal(f->verdict, VERDICT_UNKNOWN);
    assert_true(!f->has_measured && !f->has_minimum && f->has_maximum);
    f = &j->findings[3];
    assert_int_equal(f->kind, FINDING_RULE);
    assert_string_equal(f->name, "R5");
    assert_string_equal(f->subject, "pne--gw");
    judgement_free(j);
    judgement_free(NULL);
}

static void assert_text(const struct judgement *j, bool colour, const char *wanted)
{
    struct buf out = {0};
    judgement_text(j, colour, &out);
    char *text = buf_steal_str(&out);
    assert_string_equal(text, wanted);
    free(text);
}

static void text_for_people(void **state)
{
    (void)state;
    const struct hand_change changes[] = {held_claim, violated_metric};
    struct judgement *j = judge_with("violated", changes, SIM_ARRAY_LEN(changes));
    assert_text(j, false,
                "  holds     no-plaintext-on-wire: 4 messages looked for in 17000 octets of 2 "
                "links: 0 found\n"
                "  VIOLATED  delivery_ratio at least 0.9, at most 1: measured 0.75\n"
                "  Rules R1 to R6 of clause 5.9.1: none broken\n");
    judgement_free(j);
    j = judge_with("violated", &broken_rule, 1);
    assert_text(j, true,
                "  \033[1;31mVIOLATED\033[0m  R5 at pne--gw: 1 messages that are not exempt were "
                "sent unprotected, the first is 3\n");
    judgement_free(j);
}

/* Other programs read the formats: Python's parsers stand for them. */
static void assert_python(void (*render)(const struct judgement *, struct buf *),
                          const struct judgement *j, const char *script)
{
    struct buf out = {0};
    render(j, &out);
    char *path = hand_path("rendered");
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(buf_span(&out).data, 1, buf_len(&out), f), buf_len(&out));
    assert_int_equal(fclose(f), 0);
    char *command = mem_printf("python3 -c '%s' '%s'", script, path);
    int status = system(command);
    if (status != 0) {
        print_error("%.*s\n", (int)buf_len(&out), (const char *)buf_span(&out).data);
    }
    assert_int_equal(status, 0);
    free(command);
    free(path);
    buf_fini(&out);
}

static void formats_for_machines(void **state)
{
    (void)state;
    const struct hand_change changes[] = {held_claim, violated_metric, unknown_metric, broken_rule};
    struct judgement *j = judge_with("violated", changes, SIM_ARRAY_LEN(changes));
    assert_python(judgement_json, j,
                  "import json, sys\n"
                  "j = json.load(open(sys.argv[1]))\n"
                  "assert j[\"exit_code\"] == 1 and j[\"status\"] == \"violated\"\n"
                  "f = j[\"findings\"]\n"
                  "assert [x[\"verdict\"] for x in f] == [\"held\", \"violated\", \"unknown\", "
                  "\"violated\"]\n"
                  "assert f[1][\"measured\"] == 0.75 and f[1][\"minimum\"] == 0.9\n"
                  "assert f[2][\"subject\"] == \"a <\\\"b\\\"> & c\" and \"measured\" not in f[2]\n"
                  "assert f[3][\"kind\"] == \"rule\" and f[3][\"name\"] == \"R5\"\n");
    assert_python(judgement_sarif, j,
                  "import json, sys\n"
                  "s = json.load(open(sys.argv[1]))\n"
                  "assert s[\"version\"] == \"2.1.0\"\n"
                  "r = s[\"runs\"][0][\"results\"]\n"
                  "assert [x[\"kind\"] for x in r] == [\"pass\", \"fail\", \"review\", \"fail\"]\n"
                  "assert all(x[\"level\"] == (\"error\" if x[\"kind\"] == \"fail\" else \"none\") "
                  "for x in r)\n"
                  "p = r[1][\"locations\"][0][\"physicalLocation\"]\n"
                  "assert p[\"artifactLocation\"][\"uri\"] == \"by-hand.yaml\"\n"
                  "assert p[\"region\"][\"startLine\"] == 33\n"
                  "assert all(x[\"message\"][\"text\"] for x in r)\n");
    assert_python(judgement_junit, j,
                  "import sys, xml.etree.ElementTree as E\n"
                  "s = E.parse(sys.argv[1]).getroot()\n"
                  "c = s.findall(\"testcase\")\n"
                  "assert len(c) == int(s.get(\"tests\")) == 4\n"
                  "assert len(s.findall(\"testcase/failure\")) == int(s.get(\"failures\")) == 2\n"
                  "assert len(s.findall(\"testcase/skipped\")) == int(s.get(\"skipped\")) == 1\n"
                  "assert c[2].get(\"name\") == \"setup_ms.p95 a <\\\"b\\\"> & c\"\n");
    assert_python(judgement_tap, j,
                  "import re, sys\n"
                  "t = open(sys.argv[1]).read().splitlines()\n"
                  "assert t[0] == \"TAP version 13\" and t[1] == \"1..4\"\n"
                  "r = [l for l in t if re.match(\"(not )?ok \", l)]\n"
                  "assert [l.split(\" - \")[0] for l in r] == "
                  "[\"ok 1\", \"not ok 2\", \"ok 3\", \"not ok 4\"]\n"
                  "assert \"# SKIP\" in r[2] and all(\"SKIP\" not in r[i] for i in (0, 1, 3))\n"
                  "assert all(re.match(\"TAP |1\\\\.\\\\.|ok |not ok |#\", l) for l in t)\n");
    judgement_free(j);
    /* that no rule is broken is a result too */
    j = judge_with("ok", &held_claim, 1);
    assert_python(judgement_junit, j,
                  "import sys, xml.etree.ElementTree as E\n"
                  "s = E.parse(sys.argv[1]).getroot()\n"
                  "assert len(s.findall(\"testcase\")) == int(s.get(\"tests\")) == 2\n"
                  "assert s.get(\"failures\") == s.get(\"skipped\") == \"0\"\n");
    assert_python(
        judgement_tap, j,
        "import sys\n"
        "t = open(sys.argv[1]).read()\n"
        "assert \"1..2\" in t and \"not ok\" not in t and \"ok 2 - rules R1 to R6\" in t\n");
    assert_python(judgement_sarif, j,
                  "import json, sys\n"
                  "assert len(json.load(open(sys.argv[1]))[\"runs\"][0][\"results\"]) == 1\n");
    judgement_free(j);
}

/* A database of ours without our views cannot be judged: told, not guessed. */
static void what_cannot_be_asked_is_told(void **state)
{
    (void)state;
    hand_run("broken.db", "ok", NULL, 0);
    char *command =
        mem_printf("python3 -c 'import sqlite3, sys\n"
                   "d = sqlite3.connect(sys.argv[1])\n"
                   "d.executescript(\"DROP VIEW v_violation; DROP VIEW v_rule\")' '%s/broken.db'",
                   hand_dir());
    assert_int_equal(system(command), 0);
    free(command);
    char *path = hand_path("broken.db");
    struct record_db *db;
    struct judgement *j = NULL;
    struct diag_list diags = {0};
    assert_int_equal(record_db_open(path, &db, &diags), 0);
    assert_int_equal(judge_run(db, &j, &diags), -SIM_EINVAL);
    assert_null(j);
    assert_int_equal(diags.errors, 1);
    assert_non_null(strstr(diags.items[0].message, "v_rule"));
    record_db_close(db);
    diag_list_fini(&diags);
    assert_int_equal(judge_file(path, NULL, NULL, &j, &diags), -SIM_EINVAL);
    assert_null(j);
    assert_int_equal(diags.errors, 1);
    assert_non_null(strstr(diags.items[0].message, "v_rule"));
    diag_list_fini(&diags);
    assert_int_equal(judge_file("/nowhere/none.db", NULL, NULL, &j, &diags), -SIM_ENOENT);
    diag_list_fini(&diags);
    free(path);
}

static bool keep_count(void *arg, size_t columns, const char *const *names,
                       const struct record_value *v)
{
    (void)columns;
    (void)names;
    *(int64_t *)arg = v[0].integer;
    return true;
}

static int count_views(struct record_db *db, void *arg, struct diag_list *diags)
{
    return record_db_query(db, "SELECT count(*) FROM v_rule", NULL, 0, keep_count, arg, diags);
}

static int fail_to_read(struct record_db *db, void *arg, struct diag_list *diags)
{
    ++*(int *)arg;
    return record_db_query(db, "SELECT 1 FROM nothing", NULL, 0, keep_count, NULL, diags);
}

/* Read once, through an open file; its error is the judge's. */
static void what_is_read_beside(void **state)
{
    (void)state;
    hand_run("beside.db", "ok", NULL, 0);
    char *path = hand_path("beside.db");
    struct judgement *j = NULL;
    struct diag_list diags = {0};
    int64_t rules = -1;
    assert_int_equal(judge_file(path, count_views, &rules, &j, &diags), 0);
    assert_int_equal(rules, j->rules_broken);
    judgement_free(j);
    j = NULL;
    int calls = 0;
    assert_int_equal(judge_file(path, fail_to_read, &calls, &j, &diags), -SIM_EINVAL);
    assert_int_equal(calls, 1);
    assert_null(j);
    assert_int_equal(diags.errors, 1);
    assert_non_null(strstr(diags.items[0].message, "nothing"));
    diag_list_fini(&diags);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(a_run_without_an_end_is_unknown_at_best),
        cmocka_unit_test(the_findings_carry_what_was_measured),
        cmocka_unit_test(text_for_people),
        cmocka_unit_test(formats_for_machines),
        cmocka_unit_test(what_cannot_be_asked_is_told),
        cmocka_unit_test(what_is_read_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
