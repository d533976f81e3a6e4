/* `cpnsim chart`: what it draws against what the database has, and what it says when asked wrongly.
 */
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

/* A group outside the sessions, a PNE with another CA's certificate, a link that loses datagrams.
 */
static const char scenario[] =
    "cpns: 1\n"
    "name: chart\n"
    "run: {until: 60 s, seed: 8}\n"
    "links:\n"
    "  bad: {technology: wlan, loss: {model: random, rate: 8 %}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 4, attach: {to: gw/*, by: round-robin, link: bad}}\n"
    "  - {id: odd, role: pne, attach: {to: gw/1, link: wlan}, certificate: {issuer: other-ca}}\n"
    "personal_networks:\n"
    "  - {id: one, gateway: gw/1, establishment: {at: 1 s}}\n"
    "  - {id: two, gateway: gw/2, establishment: {at: 1 s}}\n"
    "service_groups:\n"
    "  - {id: g, owner: pne/1, members: [pne/2..4], service: chat, joining: closed}\n"
    "workload:\n"
    "  - {every: 5 s, start: 20 s, do: service-access, from: pne/1, to: pne/2, size: 300 B}\n"
    "  - {every: 3 s, start: 20 s, do: group-message, from: pne/2, to: g, size: 100 B}\n";

/* Draws all of a table, and lets Python compare each drawing with the database: `arrows` are the
 * drawn hops of messages, `rows(sql)` asks. Fails the test when an assertion of the script does. */
static void draw_all(const char *what, const char *script)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
    int64_t count = whole_int("chart", sql);
    assert_true(count >= 6);
    for (int64_t id = 1; id <= count; id++) {
        int code = whole_cpnsim("chart '%s/chart.db' --%s %lld -o '%s/%lld.svg'", whole_dir(), what,
                                (long long)id, whole_dir(), (long long)id);
        assert_int_equal(code, 0);
    }
    char *text = mem_printf(
        "import sys, sqlite3\nimport xml.etree.ElementTree as tree\n"
        "folder = sys.argv[1]\n"
        "ns = '{http://www.w3.org/2000/svg}'\n"
        "db = sqlite3.connect('file:' + folder + '/chart.db?mode=ro', uri=True)\n"
        "def kind(row):\n"
        "    return (row[0], row[1], 'protected' if row[2] or row[4] is None else\n"
        "            row[3].replace('_', '-') if row[3] else 'unprotected')\n"
        "def judge(id):\n"
        "    root = tree.parse(f'{folder}/{id}.svg').getroot()\n"
        "    def rows(sql): return db.execute(sql, (id,)).fetchall()\n"
        "    texts = [t.text or '' for t in root.iter(ns + 'text')]\n"
        "    groups = [g for g in root.iter(ns + 'g') if g.get('class', '').startswith('arrow')]\n"
        "    arrows = sorted((int(g.get('data-message')), int(g.get('data-hop')),\n"
        "                     g.get('class').split()[1]) for g in groups if "
        "g.get('data-message'))\n"
        "%s"
        "for id in range(1, %lld + 1):\n"
        "    try:\n"
        "        judge(id)\n"
        "    except Exception as e:\n"
        "        sys.exit(f'number {id}: {e!r}')\n",
        script, (long long)count);
    whole_write("judge.py", text);
    free(text);
    char *command = mem_printf("python3 '%s/judge.py' '%s'", whole_dir(), whole_dir());
    int status = system(command);
    free(command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const char flow_judge[] =
    "    wanted = sorted(kind(r) for r in rows(\n"
    "        'WITH RECURSIVE w(id) AS (SELECT ?1 UNION SELECT flow_id FROM flow JOIN w ON "
    "parent_id = id)'\n"
    "        ' SELECT h.message_id, h.hop, h.protected, h.exemption, h.sent_ns FROM message_hop "
    "h'\n"
    "        ' JOIN message m USING (message_id) WHERE m.flow_id IN (SELECT id FROM w)'))\n"
    "    assert arrows == wanted, (arrows, wanted)\n"
    "    assert len(arrows) == len(set(a[:2] for a in arrows))\n"
    "    crosses = sum(1 for g in groups if g.find(ns + 'path[@class=\"cross\"]') is not None)\n"
    "    bad = rows('WITH RECURSIVE w(id) AS (SELECT ?1 UNION SELECT flow_id FROM flow JOIN w ON "
    "parent_id = id)'\n"
    "        ' SELECT count(*) FROM message WHERE outcome IN (\\'lost\\', \\'refused\\') AND "
    "flow_id IN (SELECT id FROM w)')[0][0]\n"
    "    assert crosses == bad, (crosses, bad)\n";

/* Every flow of the run: each message and hop once, drawn as what protected it. */
static void every_flow_is_drawn_as_it_was(void **state)
{
    (void)state;
    draw_all("flow", flow_judge);
    /* what the scenario is for was among them */
    assert_true(whole_int("chart", "SELECT count(*) FROM message WHERE outcome = 'lost'") > 0);
    assert_true(whole_int("chart", "SELECT count(*) FROM message_hop WHERE protected = 1 AND "
                                   "exemption IS NULL") > 0);
    assert_true(whole_int("chart", "SELECT count(DISTINCT exemption) FROM message_hop") == 2);
}

static const char session_judge[] =
    "    wanted = sorted(kind(r) for r in rows(\n"
    "        'SELECT h.message_id, h.hop, h.protected, h.exemption, h.sent_ns FROM message_hop h "
    "WHERE h.session_id = ?'))\n"
    "    inside = [a for a in arrows if a[2] == 'protected']\n"
    "    assert inside == wanted, (inside, wanted)\n"
    "    assert len(arrows) == len(set(a[:2] for a in arrows))\n"
    "    shown = ', '.join(t.text.rstrip(',') for g in groups if 'handshake' in g.get('class')\n"
    "                      for t in g.findall(ns + 'text[@class=\"label\"]')).split(', ')\n"
    "    names = [r[0] for r in rows(\"SELECT name FROM handshake WHERE session_id = ? AND "
    "direction = 'sent'\")]\n"
    "    assert sorted(s for s in shown if s) == sorted(names), (shown, names)\n"
    "    alerts = rows(\"SELECT name FROM alert WHERE session_id = ? AND direction = 'sent'\")\n"
    "    said = ' '.join(texts)\n"
    "    for (name,) in alerts:\n"
    "        assert 'alert: ' + name in said, said\n"
    "    outcome, failure = rows('SELECT outcome, failure FROM session WHERE session_id = ?')[0]\n"
    "    assert failure is None or any(t == outcome + ': ' + failure for t in texts), texts\n";

static void every_session_is_drawn_as_it_was(void **state)
{
    (void)state;
    draw_all("session", session_judge);
    assert_true(whole_int("chart", "SELECT count(*) FROM session WHERE outcome = 'failed'") > 0);
    assert_true(whole_int("chart", "SELECT count(*) FROM alert WHERE level = 'fatal'") > 0);
}

static void a_chart_is_the_same_each_time(void **state)
{
    (void)state;
    assert_int_equal(whole_cpnsim("chart '%s/chart.db' --flow 1", whole_dir()), 0);
    char *first = whole_stdout();
    assert_int_equal(whole_cpnsim("chart '%s/chart.db' --flow 1", whole_dir()), 0);
    char *second = whole_stdout();
    assert_string_equal(first, second);
    assert_true(strncmp(first, "<?xml", 5) == 0);
    free(first);
    free(second);
}

static void wrong_questions_are_told(void **state)
{
    (void)state;
    whole_write("none.db", "no database\n");
    static const struct {
        const char *db, *args, *sentence;
        int code;
    } cases[] = {
        {"chart.db", "--flow 999999", "no flow 999999: they go from 1 to ", 3},
        {"chart.db", "--session 0", "no session 0: they go from 1 to ", 3},
        {"chart.db", "--flow x", "\"x\" is no number", 3},
        {"chart.db", "--flow -1", "\"-1\" is no number", 3},
        {"chart.db", "--flow 99999999999999999999", "is no number", 3},
        {"chart.db", "", "usage: cpnsim chart", 3},
        {"chart.db", "--flow 1 --session 1", "usage: cpnsim chart", 3},
        {"chart.db", "--flow 1 more", "usage: cpnsim chart", 3},
        {"none.db", "--flow 1", "is no result database", 3},
        {"missing.db", "--flow 1", "no such file", 3},
        {"chart.db", "--flow 1 -o /nowhere/at/all.svg", "cannot be written", 4},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        int code = whole_cpnsim("chart '%s/%s' %s", whole_dir(), cases[i].db, cases[i].args);
        char *err = whole_stderr();
        if (code != cases[i].code || strstr(err, cases[i].sentence) == NULL) {
            fail_msg("%s %s: %d, %s", cases[i].db, cases[i].args, code, err);
        }
        free(err);
    }
}

static int set_up(void **state)
{
    (void)state;
    int code = whole_run("chart", scenario, "");
    if (code != 0 && code != 1) {
        char *err = whole_stderr();
        print_error("%d: %s\n", code, err);
        free(err);
        return -1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flow_is_drawn_as_it_was),
        cmocka_unit_test(every_session_is_drawn_as_it_was),
        cmocka_unit_test(a_chart_is_the_same_each_time),
        cmocka_unit_test(wrong_questions_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
