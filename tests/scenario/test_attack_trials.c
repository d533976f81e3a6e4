/* What counts as a trial: attackers with odd targets, times and params get as many as they are
 * told, no more and no fewer, and what was no attack is no verdict against anybody. */
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
    "name: trials\n"
    "run: {until: 30 s, seed: 5}\n"
    "params: {policy: bcp195}\n"
    "security:\n"
    "  policies:\n"
    "    brief: {extends: bcp195, session_lifetime: 10 s}\n"
    "    brief-old: {extends: brief, versions: [\"1.2\"]}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: %s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {%s}\n"
    "expect:\n"
    "  - {claim: %s}\n";

static int run(const char *start, const char *attacker, const char *claim, const char *more)
{
    char *yaml = mem_printf(text, start, attacker, claim);
    int code = whole_run("trials", yaml, more);
    free(yaml);
    return code;
}

static void assert_rows(const char *wanted, const char *sql)
{
    char *rows = whole_rows("trials", sql);
    assert_string_equal(rows, wanted);
    free(rows);
}

/* pne --> gateway: close_notify, and the stream is cut behind it: nothing is missing. */
static void behind_the_last_word_nothing_is_cut_off(void **state)
{
    (void)state;
    static const char *const policies[] = {"brief", "brief-old"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        char *more = mem_printf("--set policy=%s", policies[i]);
        assert_int_equal(run("25 s",
                             "id: cut, kind: truncate, at: 8 s, for: 8 s, target: pne/1--gw, "
                             "params: {from: initiator}",
                             "completeness", more),
                         0);
        assert_rows("held|no effect\n", "SELECT verdict, detected_by FROM v_probe");
        assert_rows("closed|1|1\n", "SELECT s.outcome, e.close_notify_sent, "
                                    "e.close_notify_received FROM probe p JOIN session s USING "
                                    "(session_id) JOIN session_end e USING (session_id) WHERE "
                                    "e.side = 'responder'");
        free(more);
    }
}

/* What was held back and has arrived does not keep the attacker from the next record. */
static void records_are_held_back_one_after_the_other(void **state)
{
    (void)state;
    assert_int_equal(run("10 s",
                         "id: brake, kind: delay, at: 12 s, for: 10 s, target: pne/1--gw, params: "
                         "{probability: 100 %, by: 200 ms}",
                         "availability", ""),
                     0);
    assert_true(whole_int("trials", "SELECT count(*) FROM v_probe WHERE verdict = 'held'") >= 10);
    assert_int_equal(whole_int("trials", "SELECT count(*) FROM v_probe WHERE verdict <> 'held'"),
                     0);
    assert_int_equal(whole_int("trials", "SELECT count(DISTINCT session_id) FROM v_probe"), 1);
}

/* A message that names that origin already is none to forge. */
static void who_is_named_already_is_not_impersonated(void **state)
{
    (void)state;
    assert_int_equal(run("10 s",
                         "id: liar, kind: impersonate, at: 5 s, target: pne/*, params: {as: pne/1}",
                         "origin-authenticity", ""),
                     0);
    assert_rows("held|1\n", "SELECT verdict, count(*) FROM v_probe");
    assert_rows("pne/2\n", "SELECT DISTINCT h.sender FROM probe p JOIN v_message_hop h ON "
                           "h.message_id = p.message_id AND h.hop = p.hop");
    assert_int_equal(run("10 s", "id: liar, kind: impersonate, target: pne/1, params: {as: pne/1}",
                         "origin-authenticity", ""),
                     3);
}

/* A node shares a key with each of its neighbours: the thief takes all of them. */
static void all_shared_keys_of_a_node_are_taken(void **state)
{
    (void)state;
    static const char thief[] = "id: thief, kind: key-thief, at: 20 s, target: gw";
    char *more = mem_printf("--set policy=broken-plain-psk --set 'run.record.pcap=pne/2' --pcap "
                            "'%s/captures'",
                            whole_dir());
    assert_int_equal(run("10 s", thief, "forward-secrecy", more), 2);
    char *out = whole_stdout();
    assert_non_null(strstr(out, "keys were taken: check --witness tshark --pcap DIR tries them"));
    free(out);
    free(more);
    if (system("tshark --version >/dev/null 2>&1") != 0) {
        skip();
    }
    assert_int_equal(whole_cpnsim("check '%s/trials.db' --witness tshark --pcap '%s/captures'",
                                  whole_dir(), whole_dir()),
                     1);
    out = whole_stdout();
    assert_non_null(strstr(out, "VIOLATED  forward-secrecy of thief, who took the keys of gw"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_the_last_word_nothing_is_cut_off),
        cmocka_unit_test(records_are_held_back_one_after_the_other),
        cmocka_unit_test(who_is_named_already_is_not_impersonated),
        cmocka_unit_test(all_shared_keys_of_a_node_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
