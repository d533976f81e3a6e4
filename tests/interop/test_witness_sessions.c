/* The third witness about sessions: tshark reads what was negotiated, shown and counted, over
 * streams and datagrams, and disagrees with whatever is changed in the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/sample.h"
#include "tests/support/whole_run.h"

static const char text[] =
    "cpns: 1\n"
    "name: sessions\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: modern}\n"
    "security:\n"
    "  policies:\n"
    "    modern: {kind: tls, versions: [\"1.3\"], resumption: tickets, session_lifetime: 6 s}\n"
    "    old: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-RSA-AES128-SHA256], groups: "
    "[P-256],\n"
    "          certificates: rsa-2048, session_lifetime: 6 s}\n"
    "    datagrams: {kind: dtls, session_lifetime: 6 s}\n"
    "    early: {extends: modern, early_data: 4 kB}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "%s";

static int run(const char *name, const char *policy, const char *attackers)
{
    char *yaml = mem_printf(text, attackers);
    char *more = mem_printf("--set policy=%s --pcap '%s/captures'", policy, whole_dir());
    int code = whole_run(name, yaml, more);
    free(more);
    free(yaml);
    return code;
}

static int check(const char *database)
{
    return whole_cpnsim("check '%s/%s.db' --witness tshark --pcap '%s/captures'", whole_dir(),
                        database, whole_dir());
}

/* A copy of a run with the sessions on these links only, changed. */
static void copy_of(const char *run, const char *links, const char *change)
{
    char *sql = mem_printf("DELETE FROM session WHERE link_id NOT IN (SELECT link_id FROM link "
                           "WHERE name IN (%s));\n"
                           "DELETE FROM message_hop WHERE session_id NOT IN (SELECT session_id "
                           "FROM session);\n%s",
                           links, change);
    whole_alter(run, "altered", sql);
    free(sql);
}

static bool says(const char *part)
{
    char *out = whole_stdout();
    bool found = strstr(out, part) != NULL;
    if (!found) {
        print_error("\"%s\" is not in\n%s", part, out);
    }
    free(out);
    return found;
}

static const char *const policies[] = {"modern", "old", "datagrams"};

/* What is changed in the record of sessions on pne/1--gw, and what tshark says to that. */
static const struct {
    const char *change, *said;
} changes[] = {
    {"UPDATE session_end SET version = 'TLSv1.1'", "is TLSv1.1, tshark reads version 0x"},
    {"UPDATE session_end SET cipher = 'TLS_CHACHA20_POLY1305_SHA256'",
     "has TLS_CHACHA20_POLY1305_SHA256, tshark reads suite 0x"},
    {"UPDATE session_end SET kex_group = 'P-521'", "has P-521, tshark reads group "},
    {"UPDATE session_end SET server_random = 1", "has another server random"},
    {"UPDATE session_end SET own_certificate = own_certificate + 1 WHERE side = 'initiator'",
     ": the certificate of the initiator is another one"},
    {"UPDATE session_end SET own_certificate = own_certificate + 1 WHERE side = 'responder'",
     ": the certificate of the responder is another one"},
    {"UPDATE session_end SET link_records = link_records - 1 WHERE side = 'responder'",
     " records, tshark reads "},
    {"UPDATE session_end SET client_random = 1", " is not in the capture"},
    {"DELETE FROM session_end WHERE session_id = (SELECT session_id FROM session s JOIN link l "
     "USING (link_id) WHERE l.name = 'pne/1--gw' LIMIT 1)",
     "1 sessions that are not on record"},
    {"UPDATE alert SET code = 50 WHERE direction = 'received'", ": alert 50, sent 0 times"},
    {"DELETE FROM alert WHERE direction = 'sent'", ": alert 0, sent 0 times"},
};

static void tshark_reads_what_the_ends_and_the_tap_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        assert_int_equal(run("run", policies[i], ""), 0);
        copy_of("run", "'pne/1--gw'", "");
        assert_int_equal(check("altered"), 0);
        /* ended by their lifetime, two or three a PNE: close_notify is among the alerts */
        assert_true(whole_int("run", "SELECT count(*) FROM session") >= 5);
        assert_true(says("holds     witness-tshark-sessions of pne/1--gw: versions, suites, "
                         "groups and certificates of "));
        assert_true(says("holds     witness-tshark of pne/1--gw: read "));
        assert_true(whole_int("run", "SELECT count(*) FROM alert WHERE name = 'close_notify'") > 2);
        /* Each change under one of the policies, and the other links left alone. */
        for (size_t k = i; k < SIM_ARRAY_LEN(changes);
             k += SAMPLE(1, 2) * SIM_ARRAY_LEN(policies)) {
            copy_of("run", "'pne/1--gw'", changes[k].change);
            int code = check("altered");
            if (code != 1) {
                print_error("%s: exit %d\n", changes[k].change, code);
            }
            assert_int_equal(code, 1);
            assert_true(says("VIOLATED  witness-tshark-sessions of pne/1--gw: "));
            assert_true(says(changes[k].said));
        }
    }
}

/* He is on links of his own: in the capture there is nothing of the session that both ends have. */
static void a_man_in_the_middle_is_missing_from_the_capture(void **state)
{
    (void)state;
    assert_int_equal(run("run", "modern",
                         "attackers:\n  - {id: m, kind: man-in-the-middle, target: pne/1--gw, "
                         "params: {credential: stolen}}\n"),
                     0); /* the scenario claims nothing */
    copy_of("run", "'pne/1--gw', 'pne/2--gw'", "");
    assert_int_equal(check("altered"), 1);
    assert_true(says("VIOLATED  witness-tshark-sessions of pne/1--gw: session "));
    assert_true(says("is not in the capture"));
    assert_true(says("holds     witness-tshark-sessions of pne/2--gw"));
}

/* A copied first flight has the client random of the session that it was copied from: what the
 * responder derived for the copy is none of the keys of that session. */
static void copies_do_not_shadow_the_keys_of_sessions(void **state)
{
    (void)state;
    static const char attackers[] =
        "attackers:\n"
        "  - {id: late, kind: zero-rtt-replay, target: pne/1--gw, params: {by: 6 s}}\n"
        "  - {id: ahead, kind: zero-rtt-replay, target: pne/2--gw, params: {ahead: true}}\n";
    assert_int_equal(run("copied", "early", attackers), 0);
    assert_true(whole_int("copied", "SELECT count(DISTINCT attacker) FROM probe") == 2);
    check("copied");
    assert_true(says("witness-tshark of pne/1--gw"));
    char *out = whole_stdout();
    assert_null(strstr(out, "VIOLATED"));
    free(out);
}

static void captures_of_another_run_or_none(void **state)
{
    (void)state;
    assert_int_equal(run("other", "modern", ""), 0);
    assert_int_equal(run("run", "old", ""), 0);
    copy_of("other", "'pne/1--gw'", "");
    assert_int_equal(check("altered"), 1);
    assert_true(says("VIOLATED  witness-tshark-sessions of pne/1--gw: session "));
    char *command = mem_printf("rm '%s/captures/pne_1--gw.pcap'", whole_dir());
    assert_int_equal(system(command), 0);
    free(command);
    copy_of("run", "'pne/1--gw', 'pne/2--gw'", "");
    assert_int_equal(check("altered"), 2);
    assert_true(says("unknown   witness-tshark-sessions of pne/1--gw: there is no capture of it"));
    assert_true(says("holds     witness-tshark-sessions of pne/2--gw"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tshark_reads_what_the_ends_and_the_tap_say),
        cmocka_unit_test(a_man_in_the_middle_is_missing_from_the_capture),
        cmocka_unit_test(copies_do_not_shadow_the_keys_of_sessions),
        cmocka_unit_test(captures_of_another_run_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
