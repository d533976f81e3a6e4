/* A run is judged again from its rows alone: where a row says something else, so does `check`, and
 * where evidence is missing it does not say that anything holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

static const char text[] =
    "cpns: 1\n"
    "name: rejudged\n"
    "run: {until: 20 s, seed: 3}\n"
    "security:\n"
    "  pne_gateway: bcp195\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {id: ear, kind: eavesdropper, target: pne/1--gw}\n"
    "  - {id: flip, kind: tamper, target: pne/1--gw, params: {nth: 7, bit: 900, count: 2}}\n"
    "  - {id: impostor, kind: man-in-the-middle, target: pne/2--gw, params: {credential: "
    "untrusted, count: 1}}\n"
    "  - {id: liar, kind: impersonate, at: 9 s, target: pne/3, params: {as: pne/1}}\n"
    "expect:\n"
    "  - {claim: confidentiality}\n"
    "  - {claim: integrity}\n"
    "  - {claim: peer-authentication}\n"
    "  - {claim: mutual-authentication}\n"
    "  - {claim: origin-authenticity}\n"
    "  - {claim: no-plaintext-on-wire}\n"
    "  - {claim: every-signalling-message-protected}\n"
    "  - {claim: witnesses-agree}\n"
    "  - {metric: delivery_ratio, subject: ServiceAccessRequest, min: 50 %}\n";

#define SOME_SESSION "session_id = (SELECT max(session_id) FROM session)"
#define SOME_HOP "session_id IS NOT NULL AND outcome = 'delivered' AND message_id = 100 AND hop = 0"

static const struct alteration {
    const char *sql;
    int code;
    const char *finding; /* line of `check` that has to begin so */
} alterations[] = {
    {"SELECT 1", 0, "holds     integrity: held in 2 of 2 trials"},
    /* what the run said at its end counts for nothing */
    {"UPDATE run SET status = 'violated'", 0, "holds     integrity: held in 2 of 2 trials"},
    {"UPDATE run SET status = 'running'", 2, NULL},
    /* verdicts of attacks, and what they rest on */
    {"UPDATE probe SET verdict = 'violated' WHERE kind = 'tamper'", 1, "VIOLATED  integrity"},
    {"DELETE FROM probe WHERE kind = 'tamper'", 2, "unknown   integrity"},
    {"DELETE FROM alert WHERE name = 'bad_record_mac'", 2, "unknown   integrity"},
    {"DELETE FROM alert WHERE name = 'unknown_ca'", 2, "unknown   peer-authentication"},
    {"UPDATE alert SET name = 'unknown_ca'", 2, "unknown   integrity"},
    {"UPDATE alert SET at_ns = at_ns + 1", 2, "unknown   integrity"},
    {"UPDATE probe SET verdict = 'inconclusive', detected_by = NULL", 2, "unknown   integrity"},
    {"UPDATE message_hop SET received_hash = 'feed', sent_hash = 'beef' WHERE message_id = (SELECT "
     "message_id FROM probe WHERE kind = 'tamper') AND hop = (SELECT hop FROM probe WHERE kind = "
     "'tamper')",
     1, "VIOLATED  integrity"},
    {"DELETE FROM tap", 2, "unknown   confidentiality"},
    /* what was seen on the link */
    {"INSERT INTO wire_finding SELECT link_id, 5, sent_ns, message_id, hop, 1, 1, 20 FROM "
     "message_hop WHERE " SOME_HOP,
     1, "VIOLATED  no-plaintext-on-wire"},
    {"UPDATE message_hop SET watched = 0", 2, "unknown   no-plaintext-on-wire"},
    {"UPDATE message_hop SET overheard = 1 WHERE session_id IS NOT NULL", 1,
     "VIOLATED  confidentiality"},
    /* what the ends said */
    {"UPDATE session_end SET peer_auth = 'none' WHERE " SOME_SESSION, 1,
     "VIOLATED  mutual-authentication"},
    {"DELETE FROM session_end", 2, "unknown   mutual-authentication"},
    {"UPDATE session_end SET secret = 1 WHERE side = 'initiator' AND " SOME_SESSION, 1,
     "VIOLATED  witnesses-agree"},
    /* hops of messages */
    {"UPDATE message_hop SET protected = 0 WHERE " SOME_HOP, 1,
     "VIOLATED  every-signalling-message-protected"},
    {"UPDATE message_hop SET protected = 0 WHERE " SOME_HOP, 1, "VIOLATED  R5"},
    {"UPDATE message_hop SET received_hash = 'feed' WHERE " SOME_HOP, 1, "VIOLATED  R6"},
    {"DELETE FROM message_hop", 2, "unknown   every-signalling-message-protected"},
    {"UPDATE message SET outcome = 'lost'", 1, "VIOLATED  delivery_ratio of ServiceAccessRequest"},
    {"DELETE FROM message", 2, "unknown   delivery_ratio of ServiceAccessRequest"},
    {"UPDATE session SET cipher_bits = 0", 1, "VIOLATED  R6"},
    {"DELETE FROM expect", 0, NULL},
};

static void a_run_to_judge(void **state)
{
    (void)state;
    assert_int_equal(whole_run("run", text, ""), 0);
}

static void check_says_what_the_rows_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(alterations); i++) {
        const struct alteration *a = &alterations[i];
        whole_alter("run", "altered", a->sql);
        int code = whole_cpnsim("check '%s/altered.db'", whole_dir());
        char *out = whole_stdout();
        if (code != a->code || (a->finding != NULL && strstr(out, a->finding) == NULL)) {
            print_error("%s: exit %d\n%s", a->sql, code, out);
        }
        assert_int_equal(code, a->code);
        assert_true(a->finding == NULL || strstr(out, a->finding) != NULL);
        free(out);
    }
}

/* Readers of the formats, in Python, come to the same as the exit code. */
static void each_format_says_so_too(void **state)
{
    (void)state;
    static const struct {
        const char *format, *script;
    } readers[] = {
        {"junit", "import xml.etree.ElementTree as E\n"
                  "s = E.fromstring(text)\n"
                  "n = {k: len(s.findall('testcase/' + k)) for k in ('failure', 'skipped')}\n"
                  "assert n['failure'] == int(s.get('failures'))\n"
                  "assert n['skipped'] == int(s.get('skipped'))\n"
                  "assert len(s.findall('testcase')) == int(s.get('tests'))\n"
                  "bad, unknown = n['failure'], n['skipped']\n"},
        {"tap", "import re\n"
                "lines = text.splitlines()\n"
                "assert lines[0] == 'TAP version 13'\n"
                "r = [l for l in lines if re.match('(not )?ok ', l)]\n"
                "assert lines[1] == f'1..{len(r)}'\n"
                "assert [int(re.match('(?:not )?ok (\\\\d+) - ', l)[1]) for l in r] == "
                "list(range(1, len(r) + 1))\n"
                "bad = sum(l.startswith('not ok') for l in r)\n"
                "unknown = sum('# SKIP' in l for l in r)\n"},
        {"json", "import json\n"
                 "j = json.loads(text)\n"
                 "v = [f['verdict'] for f in j['findings']]\n"
                 "assert set(v) <= {'held', 'violated', 'unknown'}\n"
                 "assert all(f['evidence'] and f['name'] for f in j['findings'])\n"
                 "assert all(f['kind'] in ('expectation', 'rule', 'witness') for f in "
                 "j['findings'])\n"
                 "bad, unknown = v.count('violated'), v.count('unknown')\n"
                 "assert j['exit_code'] == code\n"},
        {"sarif", "import json\n"
                  "s = json.loads(text)\n"
                  "assert s['version'] == '2.1.0' and s['$schema'].endswith('sarif-2.1.0.json')\n"
                  "r = s['runs'][0]['results']\n"
                  "assert s['runs'][0]['tool']['driver']['name'] == 'cpnsim'\n"
                  "assert all(x['ruleId'] and x['message']['text'] for x in r)\n"
                  "k = [x['kind'] for x in r]\n"
                  "assert all((x['level'] == 'error') == (x['kind'] == 'fail') for x in r)\n"
                  "bad, unknown = k.count('fail'), k.count('review')\n"},
    };
    static const char *const changes[] = {
        "SELECT 1", "DELETE FROM tap",
        "UPDATE session_end SET secret = 1 WHERE side = 'initiator'; DELETE FROM probe"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(changes); i++) {
        whole_alter("run", "altered", changes[i]);
        for (size_t k = 0; k < SIM_ARRAY_LEN(readers); k++) {
            int code =
                whole_cpnsim("check '%s/altered.db' --format %s", whole_dir(), readers[k].format);
            char *script =
                mem_printf("import sys\n"
                           "text = open(sys.argv[1], encoding='utf-8').read()\n"
                           "code = %d\n"
                           "%s"
                           "assert code == (1 if bad else 2 if unknown else 0), (bad, unknown)\n",
                           code, readers[k].script);
            whole_write("reader.py", script);
            char *command =
                mem_printf("python3 '%s/reader.py' '%s/last.out'", whole_dir(), whole_dir());
            assert_int_equal(system(command), 0);
            free(command);
            free(script);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_to_judge),
        cmocka_unit_test(check_says_what_the_rows_say),
        cmocka_unit_test(each_format_says_so_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
