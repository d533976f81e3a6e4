/* The rules of clause 5.9.1 over whole runs: what is shipped obeys them, and each way to break them
 * is seen. */
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

static const char *const shipped[] = {"minimal", "body-area", "home", "family", "hundred"};

static void assert_none(const char *name, const char *what, const char *sql)
{
    char *rows = whole_rows(name, sql);
    if (rows[0] != '\0') {
        print_error("%s: %s:\n%s", name, what, rows);
    }
    assert_string_equal(rows, "");
    free(rows);
}

static void assert_rules(const char *name)
{
    assert_none(name, "violations", "SELECT * FROM v_violation");
    assert_none(
        name, "first octet of a PNE before its session",
        "SELECT h.* FROM v_message_hop h JOIN v_session s USING (session_id) WHERE h.hop = 0"
        " AND s.hop = 'pne-gateway' AND h.sent_s < s.established_s");
    assert_none(name, "signalling outside a session",
                "SELECT * FROM v_message_hop WHERE exemption IS NULL AND outcome = 'delivered'"
                " AND (protected = 0 OR session_id IS NULL)");
    assert_none(name, "exempt messages that are no group or discovery messages",
                "SELECT h.* FROM v_message_hop h JOIN v_message m USING (message_id)"
                " WHERE h.exemption IS NOT NULL AND m.type NOT IN ('SGMessage',"
                " 'EntityDiscoveryRequest', 'EntityDiscoveryResponse')");
    assert_none(name, "group messages not outside",
                "SELECT h.* FROM v_message_hop h JOIN v_message m USING (message_id) WHERE m.type "
                "= 'SGMessage'"
                " AND (h.exemption IS NOT 'service_group' OR h.protected = 1)");
    assert_none(name, "two sessions of a gateway with its server at once",
                "SELECT * FROM v_session a JOIN v_session b ON a.initiator = b.initiator AND "
                "a.responder = b.responder"
                " AND a.session_id < b.session_id AND a.hop = 'gateway-server'"
                " AND coalesce(a.ended_s, 1e9) > b.established_s");
    assert_none(
        name, "the account of messages",
        "SELECT type FROM v_message GROUP BY type HAVING count(*) <> sum(outcome = 'delivered')"
        " + sum(outcome = 'lost') + sum(outcome = 'refused') + sum(outcome = 'in_flight')");
    assert_none(
        name, "messages delivered with other octets than sent",
        "SELECT * FROM message_hop WHERE outcome = 'delivered' AND sent_hash <> received_hash");
    assert_none(
        name, "delivered messages without a delivered hop",
        "SELECT m.message_id FROM message m WHERE m.outcome = 'delivered' AND NOT EXISTS"
        " (SELECT 1 FROM message_hop h WHERE h.message_id = m.message_id AND h.hop = m.hops - 1"
        " AND h.outcome = 'delivered')");
}

static void shipped_scenarios_obey_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(shipped); i++) {
        int code = whole_cpnsim("run topologies/%s.yaml -o '%s/%s.db' --progress never", shipped[i],
                                whole_dir(), shipped[i]);
        if (code != 0) {
            char *out = whole_stdout();
            char *err = whole_stderr();
            print_error("%s: exit %d\n%s%s", shipped[i], code, out, err);
            free(out);
            free(err);
        }
        assert_int_equal(code, 0);
        assert_rules(shipped[i]);
        assert_true(whole_int(shipped[i],
                              "SELECT count(*) FROM v_session WHERE established_s IS NOT NULL") >=
                    2);
    }
}

static void home_has_one_gateway_server_session_however_many_wait(void **state)
{
    (void)state;
    assert_int_equal(
        whole_int("home", "SELECT count(*) FROM v_session WHERE hop = 'gateway-server'"),
        whole_int("home",
                  "SELECT count(DISTINCT initiator) FROM v_session WHERE hop = 'gateway-server'"));
    assert_true(whole_int("home", "SELECT count(*) FROM v_session WHERE hop = 'pne-gateway'") >=
                25);
}

static const char breakable[] =
    "cpns: 1\n"
    "name: breakable\n"
    "run: {until: 40 s, seed: 3}\n"
    "security:\n"
    "  policies:\n"
    "    open: {kind: clear}\n"
    "    hollow: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: "
    "0}\n"
    "    good: {kind: tls, versions: [\"1.3\"]}\n"
    "    half: {kind: tls, versions: [\"1.3\"], auth: server-only}\n"
    "  pne_gateway: %s\n"
    "  gateway_server: good\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 2 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "expect:\n"
    "  - {claim: no-plaintext-on-wire}\n"
    "  - {claim: mutual-authentication, subject: pne--gateway}\n"
    "  - {claim: every-signalling-message-protected}\n"
    "  - {metric: setup_ms.p95, subject: pne--gateway, max: %s}\n";

static int run_broken(const char *name, const char *policy, const char *bound)
{
    char *yaml = mem_printf(breakable, policy, bound);
    int code = whole_run(name, yaml, "");
    free(yaml);
    return code;
}

static void assert_violated(const char *name, const char *rule)
{
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT count(*) > 0 FROM v_violation WHERE rule = '%s'", rule);
    if (whole_int(name, sql) != 1) {
        print_error("%s: %s is not violated\n", name, rule);
    }
    assert_int_equal(whole_int(name, sql), 1);
}

/* Each measurement can fail: sessions that protect nothing are found on the wire and by the rules.
 */
static void broken_policies_are_found_out(void **state)
{
    (void)state;
    assert_int_equal(run_broken("good", "good", "10 s"), 0);
    assert_rules("good");

    assert_int_equal(run_broken("clear", "open", "10 s"), 1);
    assert_violated("clear", "no-plaintext-on-wire");
    assert_violated("clear", "mutual-authentication");
    assert_violated("clear", "every-signalling-message-protected");
    assert_violated("clear", "R1");
    assert_violated("clear", "R5");
    assert_violated("clear", "R6");
    assert_true(whole_int("clear", "SELECT count(*) FROM wire_finding") > 20);
    assert_int_equal(
        whole_int("clear",
                  "SELECT count(*) FROM v_message_hop h JOIN link l ON l.link_id = h.link_id"
                  " WHERE h.confidentiality = 'violated' AND l.name = 'gw--srv'"),
        0);

    assert_int_equal(run_broken("null", "hollow", "10 s"), 1);
    assert_violated("null", "no-plaintext-on-wire");
    assert_violated("null", "R6");

    assert_int_equal(run_broken("half", "half", "10 s"), 1);
    assert_violated("half", "mutual-authentication");

    assert_int_equal(run_broken("slow", "good", "1 us"), 1);
    assert_violated("slow", "setup_ms.p95");
}

/* What the run said, `check` says again from the database alone. */
static void check_judges_the_same_again(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int code;
    } cases[] = {{"good", 0}, {"clear", 1}, {"null", 1}, {"half", 1}, {"slow", 1}, {"home", 0}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        assert_int_equal(whole_cpnsim("check '%s/%s.db'", whole_dir(), cases[i].name),
                         cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_scenarios_obey_the_rules),
        cmocka_unit_test(home_has_one_gateway_server_session_however_many_wait),
        cmocka_unit_test(broken_policies_are_found_out),
        cmocka_unit_test(check_judges_the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
