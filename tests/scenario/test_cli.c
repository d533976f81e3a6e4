/* The commands that read: their formats as other programs read them, their exit codes, and what
 * they say when asked wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

static const char scenario[] =
    "cpns: 1\n"
    "name: cli\n"
    "params: {pnes: 2, most: 10 s}\n"
    "run: {until: 20 s, seed: 5}\n"
    "security:\n"
    "  policies:\n"
    "    good: {kind: tls, versions: [\"1.3\"]}\n"
    "  pne_gateway: good\n"
    "  gateway_server: good\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: $pnes, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 2 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "expect:\n"
    "  - {claim: no-plaintext-on-wire}\n"
    "  - {metric: setup_ms.max, subject: pne--gateway, max: $most}\n";

static int sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A shell command in the source tree's root; its exit code. */
static int sh(const char *format, ...)
{
    char command[4096];
    va_list list;
    va_start(list, format);
    vsnprintf(command, sizeof(command), format, list);
    va_end(list);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the last command printed has to satisfy a Python script, which finds it in `text`. */
static void assert_output(const char *script)
{
    char *file = mem_printf("import sys, json, csv, io, re\n"
                            "text = open(sys.argv[1], encoding='utf-8', newline='').read()\n%s",
                            script);
    whole_write("judge.py", file);
    free(file);
    int code = sh("python3 '%s/judge.py' '%s/last.out'", whole_dir(), whole_dir());
    if (code != 0) {
        char *out = whole_stdout();
        print_error("%s\n", out);
        free(out);
    }
    assert_int_equal(code, 0);
}

static void assert_stderr_has(const char *words)
{
    char *err = whole_stderr();
    if (strstr(err, words) == NULL) {
        print_error("\"%s\" is not in:\n%s", words, err);
    }
    assert_non_null(strstr(err, words));
    free(err);
}

static void assert_stdout_empty(void)
{
    char *out = whole_stdout();
    assert_string_equal(out, "");
    free(out);
}

static int cpnsim_db(const char *command, const char *rest)
{
    return whole_cpnsim("%s '%s/cli.db' %s", command, whole_dir(), rest);
}

/* Changes DIR/NAME.db with SQL, as a program of the user might. */
static void change(const char *name, const char *sql)
{
    assert_int_equal(sh("python3 -c 'import sqlite3, sys\n"
                        "d = sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2]); "
                        "d.commit()' '%s/%s.db' \"%s\"",
                        whole_dir(), name, sql),
                     0);
}

static void copy(const char *from, const char *to)
{
    assert_int_equal(sh("cp '%s/%s.db' '%s/%s.db'", whole_dir(), from, whole_dir(), to), 0);
}

static void a_run_to_ask(void **state)
{
    (void)state;
    assert_int_equal(whole_run("cli", scenario, ""), 0);
    assert_int_equal(whole_cpnsim("run '%s/cli.yaml' -o '%s/twin.db' --workers 2 --progress never",
                                  whole_dir(), whole_dir()),
                     0);
    assert_int_equal(whole_run("late", scenario, "--set 'most=1 ns'"), 1);
}

static void query_answers_in_three_formats(void **state)
{
    (void)state;
    assert_int_equal(cpnsim_db("query", "v_session --format csv"), 0);
    assert_output("rows = list(csv.reader(io.StringIO(text, newline='')))\n"
                  "assert rows[0][:2] == ['session_id', 'hop'] and len(rows) == 4\n"
                  "assert all(len(r) == len(rows[0]) for r in rows)\n"
                  "assert text.count('\\r\\n') == 4\n");
    assert_int_equal(cpnsim_db("query", "v_session --format json"), 0);
    assert_output("rows = json.loads(text)\n"
                  "assert len(rows) == 3 and rows[0]['session_id'] == 1\n"
                  "assert all(r['outcome'] in ('established', 'closed') for r in rows)\n"
                  "assert isinstance(rows[0]['setup_ms'], float) and rows[0]['failure'] is None\n");
    assert_int_equal(cpnsim_db("query", "'SELECT name, role FROM entity ORDER BY name'"), 0);
    assert_output("assert text == 'name   role\\ngw     gateway\\npne/1  pne\\npne/2  pne\\n'"
                  " 'srv    server\\n', repr(text)\n");
    /* what has to be quoted, by the rules of each format */
    static const char odd[] =
        "\"SELECT 'a\\\"b,c' AS x, char(10, 9, 1) AS y, '\xc3\xa4' AS z, NULL AS n, 1.5 AS "
        "f, -9223372036854775807 AS i\"";
    char *rest = mem_printf("%s --format csv", odd);
    assert_int_equal(cpnsim_db("query", rest), 0);
    free(rest);
    assert_output("rows = list(csv.reader(io.StringIO(text, newline='')))\n"
                  "assert rows[1] == ['a\"b,c', '\\n\\t\\x01', '\\u00e4', '', '1.5', "
                  "'-9223372036854775807'], rows\n");
    rest = mem_printf("%s --format json", odd);
    assert_int_equal(cpnsim_db("query", rest), 0);
    free(rest);
    assert_output("r = json.loads(text)[0]\n"
                  "assert r == {'x': 'a\"b,c', 'y': '\\n\\t\\x01', 'z': '\\u00e4', 'n': None, "
                  "'f': 1.5, 'i': -9223372036854775807}, r\n");
    assert_int_equal(cpnsim_db("query", "v_failure --format json"), 0);
    assert_output("assert json.loads(text) == []\n");
}

static void every_named_query_and_view_answers(void **state)
{
    (void)state;
    assert_int_equal(cpnsim_db("query", ""), 0);
    char *list = whole_stdout();
    int asked = 0;
    char *save;
    for (char *line = strtok_r(list, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char name[64];
        if (sscanf(line, "  %63s", name) != 1 || strncmp(line, "  ", 2) != 0) {
            continue;
        }
        char *rest = mem_printf("%s --format json", name);
        int code = cpnsim_db("query", rest);
        if (code != 0) {
            print_error("%s: exit %d\n", name, code);
        }
        assert_int_equal(code, 0);
        assert_output("json.loads(text)\n");
        free(rest);
        asked++;
    }
    free(list);
    assert_true(asked >= 20);
    assert_int_equal(cpnsim_db("query", "balance --format json"), 0);
    assert_output("rows = json.loads(text)\n"
                  "assert len(rows) >= 8 and all(r['account'] == 'adds up' for r in rows)\n"
                  "assert all(r['sent'] == r['delivered'] + r['lost'] + r['refused'] + "
                  "r['in_flight'] for r in rows)\n");
}

static void query_changes_nothing_and_says_what_is_wrong(void **state)
{
    (void)state;
    copy("cli", "before");
    static const char *const refused[] = {"'DELETE FROM session'",
                                          "'SELECT 1; DROP TABLE session'",
                                          "'CREATE TABLE t (x)'",
                                          "no_such_view",
                                          "'SELECT nothing FROM session'",
                                          "v_session --format xml",
                                          "v_session extra",
                                          "v_session --colour"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(refused); i++) {
        if (cpnsim_db("query", refused[i]) != 3) {
            print_error("not refused: %s\n", refused[i]);
            fail();
        }
        assert_stdout_empty();
    }
    assert_stderr_has("usage: cpnsim query");
    assert_int_equal(sh("cmp -s '%s/cli.db' '%s/before.db'", whole_dir(), whole_dir()), 0);
    assert_int_equal(cpnsim_db("query", "v_session --format xml"), 3);
    assert_stderr_has("one of table, csv, json");
}

static void other_files_are_refused(void **state)
{
    (void)state;
    whole_write("poem.db", "no database");
    assert_int_equal(sh("python3 -c 'import sqlite3, sys\n"
                        "sqlite3.connect(sys.argv[1]).execute(\"create table t (x)\")' "
                        "'%s/other.db'",
                        whole_dir()),
                     0);
    static const char *const commands[] = {"query", "check", "fingerprint"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(commands); i++) {
        assert_int_equal(whole_cpnsim("%s '%s/poem.db'", commands[i], whole_dir()), 3);
        assert_stderr_has("poem.db");
        assert_int_equal(whole_cpnsim("%s '%s/other.db'", commands[i], whole_dir()), 3);
        assert_stderr_has("no result database of cpnsim");
        assert_int_equal(whole_cpnsim("%s '%s/none.db'", commands[i], whole_dir()), 3);
        assert_stderr_has("no such file");
        assert_stdout_empty();
        assert_int_equal(whole_cpnsim("%s", commands[i]), 3);
        assert_stderr_has("usage: cpnsim");
    }
}

static void check_says_what_the_run_said(void **state)
{
    (void)state;
    assert_int_equal(cpnsim_db("check", ""), 0);
    assert_output("assert text.count('holds') == 2 and 'VIOLATED' not in text\n"
                  "assert '\\x1b' not in text\n");
    assert_int_equal(whole_cpnsim("check '%s/late.db'", whole_dir()), 1);
    assert_output("assert 'VIOLATED  setup_ms.max of pne--gateway at most 1e-06' in text, text\n");
    assert_int_equal(whole_cpnsim("check '%s/late.db' --format json", whole_dir()), 1);
    assert_output("j = json.loads(text)\n"
                  "assert j['exit_code'] == 1 and j['status'] == 'violated'\n"
                  "assert [f['verdict'] for f in j['findings']] == ['held', 'violated']\n");
    assert_int_equal(whole_cpnsim("check '%s/late.db' --format sarif", whole_dir()), 1);
    assert_output("r = json.loads(text)['runs'][0]['results']\n"
                  "assert r[1]['locations'][0]['physicalLocation']['region']['startLine'] == 18\n"
                  "assert r[1]['locations'][0]['physicalLocation']['artifactLocation']['uri']"
                  ".endswith('late.yaml')\n");
    assert_int_equal(whole_cpnsim("check '%s/late.db' --format junit", whole_dir()), 1);
    assert_output("import xml.etree.ElementTree as E\n"
                  "assert E.fromstring(text).get('failures') == '1'\n");
    assert_int_equal(whole_cpnsim("check '%s/late.db' --format tap", whole_dir()), 1);
    assert_output("assert text.startswith('TAP version 13\\n1..3\\nok 1 - ') and"
                  " '\\nnot ok 2 - setup_ms.max' in text and '\\nok 3 - ' in text\n");
    copy("cli", "cut");
    change("cut", "UPDATE run SET status = 'running'");
    assert_int_equal(whole_cpnsim("check '%s/cut.db'", whole_dir()), 2);
    assert_output("assert 'did not reach its end' in text\n");
    change("cut", "DELETE FROM message_hop; UPDATE run SET status = 'ok'");
    assert_int_equal(whole_cpnsim("check '%s/cut.db'", whole_dir()), 2);
    assert_output("assert 'unknown   no-plaintext-on-wire' in text\n");
    assert_int_equal(cpnsim_db("check", "--format html"), 3);
}

static char *fingerprint(const char *name)
{
    assert_int_equal(whole_cpnsim("fingerprint '%s/%s.db'", whole_dir(), name), 0);
    assert_output("assert re.fullmatch('[0-9a-f]{64}\\n', text)\n");
    return whole_stdout();
}

/* A cell of every table counts; what the documentation leaves out does not. */
static void the_fingerprint_is_that_of_the_rows(void **state)
{
    (void)state;
    char *first = fingerprint("cli");
    char *twin = fingerprint("twin");
    assert_string_equal(first, twin);
    free(twin);
    assert_int_equal(whole_cpnsim("run '%s/cli.yaml' -o '%s/seed6.db' --seed 6 --progress never",
                                  whole_dir(), whole_dir()),
                     0);
    char *other = fingerprint("seed6");
    assert_string_not_equal(first, other);
    free(other);
    char *outside = whole_rows("cli", "SELECT column_name, kind FROM doc WHERE table_name = 'run'"
                                      " AND description LIKE '%outside the fingerprint%'");
    char *save;
    int count = 0;
    for (char *line = strtok_r(outside, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *kind = strchr(line, '|');
        assert_non_null(kind);
        *kind++ = '\0';
        char *sql = mem_printf("UPDATE run SET %s = %s", line,
                               strcmp(kind, "TEXT") == 0 ? "'changed'" : "77");
        copy("cli", "changed");
        change("changed", sql);
        char *changed = fingerprint("changed");
        if (strcmp(first, changed) != 0) {
            print_error("%s is not outside the fingerprint\n", line);
        }
        assert_string_equal(first, changed);
        free(changed);
        free(sql);
        count++;
    }
    free(outside);
    assert_true(count >= 5);
    static const char *const changes[] = {
        "UPDATE run SET seed = seed + 1",
        "UPDATE run SET status = 'unknown'",
        "UPDATE environment SET value = 'x' WHERE key = 'openssl'",
        "UPDATE message_hop SET sent_hash = 'x' WHERE rowid = 7",
        "UPDATE link SET wire_hash = 'x' WHERE link_id = 1",
        "UPDATE session SET failure = '' WHERE session_id = 1",
        "UPDATE handshake SET at_ns = at_ns + 1 WHERE rowid = 1",
        "DELETE FROM event WHERE rowid = (SELECT max(rowid) FROM event)",
        "UPDATE expect SET maximum = -0.0 WHERE expect_id = 2",
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(changes); i++) {
        copy("cli", "changed");
        change("changed", changes[i]);
        char *changed = fingerprint("changed");
        if (strcmp(first, changed) == 0) {
            print_error("not seen: %s\n", changes[i]);
        }
        assert_string_not_equal(first, changed);
        free(changed);
    }
    assert_int_equal(cpnsim_db("fingerprint", "--tables"), 0);
    char *tables = whole_stdout();
    const char *all = strstr(tables, "  all\n");
    assert_true(all != NULL && all - tables >= 64);
    assert_memory_equal(all - 64, first, 64);
    free(tables);
    tables = whole_text("cli", "SELECT count(*) + 1 FROM sqlite_schema WHERE type = 'table' AND"
                               " name NOT LIKE 'sqlite_%' AND name <> 'doc' AND name NOT IN"
                               " (SELECT table_name FROM doc WHERE column_name IS NULL AND"
                               " description LIKE '%; outside the fingerprint')");
    char *script = mem_printf("assert text.count('\\n') == %s\n", tables);
    assert_output(script);
    free(script);
    free(tables);
    free(first);
}

static void the_schema_is_that_of_a_database(void **state)
{
    (void)state;
    assert_int_equal(whole_cpnsim("schema --format sql"), 0);
    assert_output("import sqlite3\n"
                  "d = sqlite3.connect(':memory:')\n"
                  "d.executescript(text)\n"
                  "r = sqlite3.connect(sys.argv[1].replace('last.out', 'cli.db'))\n"
                  "q = 'SELECT name, sql FROM sqlite_schema WHERE type IN (\"table\", \"view\")"
                  " AND name NOT LIKE \"sqlite_%\" ORDER BY name'\n"
                  "assert d.execute(q).fetchall() == r.execute(q).fetchall()\n");
    assert_int_equal(whole_cpnsim("schema"), 0);
    assert_output("import sqlite3\n"
                  "r = sqlite3.connect(sys.argv[1].replace('last.out', 'cli.db'))\n"
                  "for (n,) in r.execute('SELECT name FROM sqlite_schema WHERE type IN "
                  "(\"table\", \"view\") AND name NOT LIKE \"sqlite_%\"'):\n"
                  "    assert '`%s`' % n in text, n\n");
    assert_int_equal(whole_cpnsim("schema --format json-schema"), 0);
    assert_output("s = json.loads(text)\n"
                  "assert 'nodes' in s['properties'] and s['additionalProperties'] is False\n");
    assert_int_equal(whole_cpnsim("schema --format reference"), 0);
    assert_output("assert 'service-access' in text and 'wlan' in text and 'cortex-m4' in text\n");
    assert_int_equal(whole_cpnsim("schema extra"), 3);
}

static void validate_tells_all_in_three_formats(void **state)
{
    (void)state;
    static const char broken[] = "tests/fuzz/corpus_scenario_broken/link-rate-unit.yaml";
    assert_int_equal(whole_cpnsim("validate '%s/cli.yaml' topologies/home.yaml", whole_dir()), 0);
    assert_output("assert text.count(': valid: ') == 2 and '4 nodes, 3 links' in text\n");
    assert_int_equal(whole_cpnsim("validate '%s/cli.yaml' %s", whole_dir(), broken), 3);
    assert_stderr_has("link-rate-unit.yaml:9:30: error: ");
    assert_stderr_has("did you mean");
    assert_output("assert text.count(': valid: ') == 1\n");
    assert_int_equal(whole_cpnsim("validate %s --format sarif", broken), 3);
    assert_output("r = json.loads(text)['runs'][0]['results']\n"
                  "assert len(r) == 1 and r[0]['level'] == 'error'\n"
                  "assert r[0]['locations'][0]['physicalLocation']['region'] == "
                  "{'startLine': 9, 'startColumn': 30}\n");
    assert_int_equal(whole_cpnsim("validate topologies/home.yaml --format json"), 0);
    assert_output("assert json.loads(text) == {'errors': 0, 'diagnostics': []}\n");
    /* whatever is in the files, the report is JSON and gives each a place */
    assert_int_equal(
        whole_cpnsim("validate tests/fuzz/corpus_scenario_broken/*.yaml --format json"), 3);
    assert_output("j = json.loads(text)\n"
                  "import glob\n"
                  "files = set(glob.glob('tests/fuzz/corpus_scenario_broken/*.yaml'))\n"
                  "errors = [d for d in j['diagnostics'] if d['severity'] == 'error']\n"
                  "assert {d['file'] for d in errors} >= files, files - {d['file'] for d in errors}"
                  "\n"
                  "assert j['errors'] == len(errors)\n"
                  "assert all(d['line'] > 0 and d['column'] > 0 for d in errors)\n");
    assert_int_equal(whole_cpnsim("validate /nonexistent.yaml"), 3);
    assert_stderr_has("/nonexistent.yaml");
    assert_int_equal(whole_cpnsim("validate"), 3);
}

static void show_gives_what_can_be_read_back(void **state)
{
    (void)state;
    static const char *const files[] = {"minimal", "body-area", "home", "family", "hundred"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(files); i++) {
        assert_int_equal(whole_cpnsim("show topologies/%s.yaml", files[i]), 0);
        char *first = whole_stdout();
        whole_write("shown.yaml", first);
        assert_int_equal(whole_cpnsim("show '%s/shown.yaml'", whole_dir()), 0);
        char *second = whole_stdout();
        assert_string_equal(first, second);
        free(first);
        free(second);
        assert_int_equal(whole_cpnsim("show topologies/%s.yaml --format json", files[i]), 0);
        assert_output("assert len(json.loads(text)['nodes']) >= 3\n");
        assert_int_equal(whole_cpnsim("show topologies/%s.yaml --format dot", files[i]), 0);
        assert_output("assert re.match(r'(strict )?(di)?graph ', text) and text.count('{') == "
                      "text.count('}')\n");
        assert_int_equal(whole_cpnsim("show topologies/%s.yaml --format mermaid", files[i]), 0);
        assert_output("assert re.match(r'(graph|flowchart) ', text)\n");
    }
    assert_int_equal(whole_cpnsim("show '%s/cli.yaml' --set pnes=7 --format json", whole_dir()), 0);
    assert_output("assert sum(n['role'] == 'pne' for n in json.loads(text)['nodes']) in (1, 7)\n");
    assert_int_equal(whole_cpnsim("show '%s/cli.yaml' --set nothing=7", whole_dir()), 3);
    assert_stdout_empty();
    assert_int_equal(whole_cpnsim("show '%s/cli.yaml' --format svg", whole_dir()), 3);
    assert_int_equal(whole_cpnsim("show"), 3);
}

static void the_program_explains_itself(void **state)
{
    (void)state;
    static const char *const commands[] = {"validate", "show",   "doctor", "run",
                                           "query",    "schema", "check",  "fingerprint"};
    assert_int_equal(whole_cpnsim("--help"), 0);
    char *help = whole_stdout();
    for (size_t i = 0; i < SIM_ARRAY_LEN(commands); i++) {
        assert_non_null(strstr(help, commands[i]));
        assert_int_equal(whole_cpnsim("%s --help", commands[i]), 0);
        char *usage = mem_printf("assert text.startswith('cpnsim %s ')\n", commands[i]);
        assert_output(usage);
        free(usage);
    }
    free(help);
    assert_int_equal(whole_cpnsim("--version"), 0);
    assert_output("assert re.match(r'cpnsim \\d+\\.\\d+\\.\\d+ \\(OpenSSL 3', text)\n");
    assert_int_equal(whole_cpnsim("querry x"), 3);
    assert_stderr_has("did you mean \"query\"?");
    static const char *const later[] = {"sweep", "plan", "merge", "report", "compare", "accept"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(later); i++) {
        assert_int_equal(whole_cpnsim("%s x", later[i]), 3);
        assert_stderr_has("is not in this version");
        assert_stdout_empty();
    }
    assert_int_equal(whole_cpnsim("doctor"), 0);
    assert_output("assert text.count('works') == 4 and 'FAILS' not in text\n");
    assert_int_equal(whole_cpnsim("doctor extra"), 3);
    assert_int_equal(whole_cpnsim("%s", ""), 3);
}

static void an_output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *file;
        const char *rest;
    } cases[] = {{"query", "cli.db", "v_session"},
                 {"query", "cli.db", ""},
                 {"check", "cli.db", ""},
                 {"check", "cli.db", "--format json"},
                 {"fingerprint", "cli.db", "--tables"},
                 {"show", "cli.yaml", ""},
                 {"validate", "cli.yaml", ""},
                 {"schema", NULL, ""},
                 {"--help", NULL, ""}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *path = cases[i].file != NULL ? whole_path(cases[i].file) : mem_strdup("");
        int code = sh("'%s' %s %s %s >/dev/full 2>'%s/last.err'", CPNSIM_BINARY, cases[i].command,
                      path, cases[i].rest, whole_dir());
        free(path);
        if (code != 4) {
            print_error("%s: exit %d\n", cases[i].command, code);
        }
        assert_int_equal(code, 4);
        assert_stderr_has("standard output cannot be written");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_to_ask),
        cmocka_unit_test(query_answers_in_three_formats),
        cmocka_unit_test(every_named_query_and_view_answers),
        cmocka_unit_test(query_changes_nothing_and_says_what_is_wrong),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(check_says_what_the_run_said),
        cmocka_unit_test(the_fingerprint_is_that_of_the_rows),
        cmocka_unit_test(the_schema_is_that_of_a_database),
        cmocka_unit_test(validate_tells_all_in_three_formats),
        cmocka_unit_test(show_gives_what_can_be_read_back),
        cmocka_unit_test(the_program_explains_itself),
        cmocka_unit_test(an_output_that_cannot_be_written_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
