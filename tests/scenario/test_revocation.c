/* Certificates that are revoked while time goes by: how long who holds them still gets sessions, by
 * what the others ask; and what becomes of everybody when the CA is silent. */
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

static int64_t number(const char *sql)
{
    return whole_int("lost", sql);
}

/* --- the scenario that ships ------------------------------------------------------------------ */

static int shipped(const char *policy, const char *more)
{
    return whole_cpnsim("run topologies/revocation.yaml --set policy=%s %s -o %s/lost.db", policy,
                        more, whole_dir());
}

/* Milliseconds; -1: never refused, or stands for ever. */
static int64_t of(const char *node, const char *column)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT cast(coalesce(%s * 1000, -1) AS INTEGER) FROM v_revocation WHERE node = '%s' "
             "AND hop = 'pne-gateway'",
             column, node);
    return number(sql);
}

static void nobody_who_does_not_ask_hears_of_it(void **state)
{
    (void)state;
    assert_int_equal(shipped("unasked", ""), 1);
    assert_int_equal(of("lost-watch", "window_s"), -1);
    assert_int_equal(of("lost-phone", "access_s"), -1);
    assert_int_equal(number("SELECT min(sessions = attempts AND attempts > 10) FROM v_revocation "
                            "WHERE hop = 'pne-gateway'"),
                     1);
    assert_int_equal(number("SELECT count(*) FROM v_violation WHERE evidence LIKE '%never%'"), 2);
    assert_int_equal(number("SELECT count(*) FROM session_end WHERE staple IS NOT NULL"), 0);
}

static void a_list_ends_it_for_both_at_its_next_issue(void **state)
{
    (void)state;
    assert_int_equal(shipped("listed", ""), 0);
    /* The lists of 40 s and 80 s: the last session is begun before the second. */
    assert_in_range(of("lost-watch", "window_s"), 1, 25000);
    assert_in_range(of("lost-phone", "window_s"), 1, 25000);
    assert_in_range(of("lost-watch", "refused_s"), 80000, 100000);
    /* What stood then stood until its lifetime was over. */
    assert_in_range(of("lost-watch", "access_s"), of("lost-watch", "window_s") + 1, 35000);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE direction = 'sent' AND level = "
                            "'fatal' AND name <> 'certificate_revoked'"),
                     0);
    assert_true(number("SELECT count(*) FROM alert a JOIN v_session s USING (session_id) WHERE "
                       "a.direction = 'sent' AND s.initiator = 'lost-watch' AND a.side = "
                       "'responder' AND a.name = 'certificate_revoked'") > 0);
    assert_true(number("SELECT count(*) FROM alert a JOIN v_session s USING (session_id) WHERE "
                       "a.direction = 'sent' AND s.responder = 'lost-phone' AND a.side = "
                       "'initiator' AND a.name = 'certificate_revoked'") > 0);
    /* Lists are numbered, true for their time, and have both from 80 s on. */
    char *lists = whole_rows("lost", "SELECT number, this_update_ns / 1000000000, (next_update_ns "
                                     "- this_update_ns) / 1000000000, entries FROM revocation_list"
                                     " WHERE number < 5");
    assert_string_equal(lists, "1|0|60|0\n2|40|60|0\n3|80|60|2\n4|120|60|2\n");
    free(lists);
    /* Gateways and server get them over the network; each list once. */
    assert_int_equal(number("SELECT count(*) FROM status_fetch WHERE what = 'crl' AND outcome <> "
                            "'good'"),
                     0);
    assert_int_equal(number("SELECT min(n) FROM (SELECT count(*) AS n FROM status_fetch WHERE what "
                            "= 'crl' AND request_bytes > 40 AND response_bytes > 300 AND over_ns > "
                            "asked_ns GROUP BY entity_id)"),
                     7);
}

static void a_staple_ends_it_for_a_server_when_it_is_old(void **state)
{
    (void)state;
    assert_int_equal(shipped("stapled", ""), 1);
    assert_in_range(of("lost-phone", "window_s"), 1, 60000);
    assert_int_equal(of("lost-watch", "window_s"), -1); /* a client's is never stapled */
    assert_int_equal(of("lost-watch", "access_s"), -1);
    /* It costs: octets, and signatures to verify. */
    int64_t octets = number(
        "SELECT cast(avg(handshake_bytes) AS INTEGER) FROM v_session WHERE hop = 'pne-gateway' "
        "AND established_s IS NOT NULL");
    int64_t busy = number(
        "SELECT cast(avg(cpu_ms_initiator) AS INTEGER) FROM v_session WHERE hop = 'pne-gateway' "
        "AND established_s IS NOT NULL");
    assert_int_equal(shipped("unasked", ""), 1);
    assert_in_range(
        octets - number("SELECT cast(avg(handshake_bytes) AS INTEGER) FROM v_session WHERE hop = "
                        "'pne-gateway' AND established_s IS NOT NULL"),
        900, 1100);
    assert_in_range(
        busy - number("SELECT cast(avg(cpu_ms_initiator) AS INTEGER) FROM v_session WHERE hop = "
                      "'pne-gateway' AND established_s IS NOT NULL"),
        2100, 2400);
    assert_int_equal(shipped("stapled", ""), 1);
    assert_true(number("SELECT count(*) FROM session_end e JOIN v_session s USING (session_id) "
                       "WHERE s.responder = 'lost-phone' AND e.side = 'initiator' AND e.staple = "
                       "'expired' AND e.failure = 'bad_certificate_status_response' AND "
                       "e.staple_age_ns >= 60000000000") > 0);
    assert_int_equal(number("SELECT count(*) FROM session_end WHERE staple = 'good' AND "
                            "(staple_age_ns > 60000000000 OR revocation <> 'ocsp')"),
                     0);
    assert_true(number("SELECT count(*) FROM status_fetch WHERE what = 'ocsp' AND outcome = "
                       "'revoked' AND asked_ns >= 60000000000") > 3);
    assert_int_equal(number("SELECT count(*) FROM status_fetch f JOIN entity e USING (entity_id) "
                            "WHERE what = 'ocsp' AND (outcome = 'revoked') <> (e.name = "
                            "'lost-phone' AND asked_ns >= 60000000000)"),
                     0);
    /* The other one goes on as before, with fresh ones. */
    assert_int_equal(number("SELECT count(*) FROM v_session WHERE responder = 'home' AND outcome = "
                            "'failed'"),
                     0);
}

static void soft_fail_is_no_end(void **state)
{
    (void)state;
    assert_int_equal(shipped("soft", ""), 1);
    assert_int_equal(of("lost-phone", "window_s"), -1);
    assert_true(number("SELECT count(*) FROM session_end WHERE staple = 'expired' AND revocation = "
                       "'unknown' AND state <> 'failed'") > 5);
    /* Where everything is said at the start, it is heard: it speaks against the phone itself. */
    assert_int_equal(number("SELECT count(*) FROM session_end WHERE staple = 'revoked'"), 0);
}

static void tickets_go_round_staples_but_not_round_a_list(void **state)
{
    (void)state;
    assert_int_equal(shipped("tickets", ""), 1);
    assert_int_equal(of("lost-phone", "window_s"), -1);
    assert_true(number("SELECT count(*) FROM v_session WHERE responder = 'lost-phone' AND resumed "
                       "AND established_s > 200") > 0);
    /* Unless there has to be a full handshake now and then. */
    assert_int_equal(shipped("bounded", ""), 1);
    assert_in_range(of("lost-phone", "window_s"), 1, 100000);
    assert_true(number("SELECT count(*) FROM v_session WHERE responder = 'home' AND resumed AND "
                       "established_s > 200") > 0);
    assert_int_equal(shipped("listed", "--set security.policies.unasked.resumption=tickets"), 0);
    assert_in_range(of("lost-phone", "window_s"), 1, 25000);
    assert_true(number("SELECT count(*) FROM v_session WHERE responder = 'home' AND resumed") > 5);
}

static void both_are_as_good_as_the_better_one(void **state)
{
    (void)state;
    assert_int_equal(shipped("strict", ""), 0);
    assert_in_range(of("lost-watch", "window_s"), 1, 25000);
    assert_in_range(of("lost-phone", "window_s"), 1, 25000);
    assert_true(number("SELECT count(*) FROM session_end WHERE revocation = 'crl, ocsp'") > 10);
}

static void it_repeats_itself(void **state)
{
    (void)state;
    shipped("strict", "");
    static const char all[] = "SELECT * FROM status_fetch UNION ALL SELECT session_id, side, "
                              "entity_id, up_ns, staple, staple_age_ns, revocation, failure, NULL, "
                              "NULL FROM session_end";
    char *first = whole_rows("lost", all);
    assert_true(strlen(first) > 2000);
    shipped("strict", "--workers 3");
    char *again = whole_rows("lost", all);
    assert_string_equal(first, again);
    free(first);
    free(again);
}

/* --- when the CA is silent -------------------------------------------------------------------- */

static const char text[] =
    "cpns: 1\n"
    "name: silent\n"
    "run: {until: 150 s, seed: 5}\n"
    "security:\n"
    "  policies:\n"
    "    p: {%s, resumption: none, session_lifetime: 5 s}\n"
    "  pne_gateway: p\n"
    "  revocation: {%s, ocsp_lifetime: 20 s, crl_every: 10 s, crl_lifetime: 15 s}\n"
    "devices:\n"
    "  phone: {cpu: cortex-a76}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: ca, role: server}\n"
    "  - {id: gw, role: gateway, device: phone, uplink: {to: srv, link: lte}%s}\n"
    "  - {id: pne, role: pne, count: 2, device: phone, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 2 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 100 B}\n"
    "%s";

static void silent(const char *policy, const char *responder, const char *certificate,
                   const char *fault)
{
    char yaml[4096];
    snprintf(yaml, sizeof(yaml), text, policy, responder, certificate, fault);
    assert_int_equal(whole_run("lost", yaml, ""), 0);
}

static const char quiet[] =
    "faults:\n  - {id: hush, at: 40 s, for: 60 s, do: node-silent, target: srv}\n";
static const char cut[] =
    "faults:\n  - {id: cut, at: 40 s, for: 60 s, do: link-down, target: gw--srv}\n";

static void without_an_answer_a_staple_grows_old(void **state)
{
    (void)state;
    static const char *const faults[] = {quiet, cut};
    for (size_t i = 0; i < SIM_ARRAY_LEN(faults); i++) {
        silent("ocsp: true", "responder: srv", "", faults[i]);
        assert_true(number("SELECT count(*) FROM status_fetch WHERE outcome = 'timeout' AND over_ns"
                           " - asked_ns = 10000000000") > 2);
        assert_true(number("SELECT count(*) FROM session_end WHERE staple = 'expired' AND failure ="
                           " 'bad_certificate_status_response'") > 0);
        assert_int_equal(number("SELECT count(*) FROM session_end WHERE revocation = 'unknown'"),
                         0);
        /* Good ones until the last that was fetched is too old, and not longer. */
        assert_in_range(number("SELECT max(up_ns) / 1000000000 FROM session_end WHERE staple = "
                               "'good' AND up_ns < 100000000000"),
                        40, 60);
        silent("ocsp: soft-fail", "responder: srv", "", faults[i]);
        assert_int_equal(number("SELECT count(*) FROM session_end WHERE failure = "
                                "'bad_certificate_status_response'"),
                         0);
        assert_true(number("SELECT count(*) FROM session_end WHERE staple = 'expired' AND "
                           "revocation = 'unknown'") > 4);
        /* And they come back. */
        assert_true(number("SELECT count(*) FROM session_end WHERE staple = 'good' AND revocation "
                           "= 'ocsp' AND up_ns > 115000000000") > 4);
    }
}

static void without_a_new_list_the_old_one_expires(void **state)
{
    (void)state;
    silent("crl: true", "responder: srv", "", quiet);
    assert_int_equal(number("SELECT count(*) FROM revocation_list WHERE this_update_ns > "
                            "40000000000 AND this_update_ns < 100000000000"),
                     0);
    assert_true(number("SELECT count(*) FROM session_end WHERE verify_text = 'CRL has expired' AND "
                       "failure = 'certificate_expired'") > 0);
    /* The last list before the silence, of 30 s, is good until 45 s. */
    assert_in_range(number("SELECT max(up_ns) / 1000000000 FROM session_end WHERE revocation = "
                           "'crl' AND up_ns < 100000000000"),
                    40, 45);
    assert_true(number("SELECT count(*) FROM revocation_list WHERE this_update_ns > 100000000000") >
                2);
}

static void who_has_no_way_to_the_responder_gets_nothing(void **state)
{
    (void)state;
    silent("ocsp: true", "responder: ca", "", "");
    assert_true(number("SELECT count(*) FROM status_fetch WHERE outcome = 'unreachable' AND "
                       "over_ns = asked_ns AND request_bytes = 0") > 3);
    assert_int_equal(number("SELECT count(*) FROM session_end WHERE staple = 'good' AND up_ns > "
                            "20000000000"),
                     0);
}

/* Two servers that both answer: each gateway asks its own, and the staples of servers among
 * themselves are the same. */
static void each_asks_his_own_server(void **state)
{
    (void)state;
    static const char mesh[] =
        "cpns: 1\n"
        "name: mesh\n"
        "run: {until: 90 s, seed: 1}\n"
        "security:\n"
        "  policies:\n"
        "    p: {extends: bcp195, ocsp: true, crl: true, session_lifetime: 10 s}\n"
        "  pne_gateway: p\n"
        "  gateway_server: p\n"
        "  revocation: {responder: %s, ocsp_lifetime: 30 s, crl_every: 20 s, crl_lifetime: 30 s}\n"
        "devices:\n"
        "  phone: {cpu: cortex-a76}\n"
        "nodes:\n"
        "  - {id: a, role: server, mesh: {link: fibre, policy: p}}\n"
        "  - {id: b, role: server, mesh: {link: fibre, policy: p}}\n"
        "  - {id: gwa, role: gateway, device: phone, uplink: {to: a, link: lte}}\n"
        "  - {id: gwb, role: gateway, device: phone, uplink: {to: b, link: lte}}\n"
        "  - {id: pne, role: pne, count: 2, device: phone, attach: {to: [gwa, gwb], link: wlan}}\n"
        "workload:\n"
        "  - {every: 4 s, start: 5 s, do: service-access, from: pne/1, to: a, size: 200 B}\n"
        "  - {every: 4 s, start: 5 s, do: service-access, from: pne/2, to: b, size: 200 B}\n";
    for (int both = 0; both < 2; both++) {
        char *yaml = mem_printf(mesh, both ? "[a, b]" : "a");
        assert_int_equal(whole_run("lost", yaml, ""), 0);
        free(yaml);
        assert_int_equal(
            number("SELECT count(*) FROM status_fetch WHERE outcome = 'unreachable'") > 0, !both);
        assert_int_equal(number("SELECT count(*) FROM session WHERE failure IN "
                                "('certificate_expired', 'bad_certificate_status_response')") > 0,
                         !both);
    }
    /* gwa and gwb over the network, the servers at home */
    assert_int_equal(number("SELECT count(DISTINCT entity_id) FROM status_fetch WHERE "
                            "request_bytes > 0"),
                     2);
    assert_int_equal(number("SELECT count(DISTINCT entity_id) FROM status_fetch"), 4);
}

static void without_a_responder_it_is_told_at_once(void **state)
{
    (void)state;
    silent("ocsp: true", "signer: delegate", ", certificate: {revoked_at: 60 s}", "");
    assert_int_equal(number("SELECT count(*) FROM status_fetch WHERE request_bytes > 0 OR over_ns "
                            "<> asked_ns"),
                     0);
    assert_true(number("SELECT count(*) FROM status_fetch WHERE outcome = 'revoked'") > 3);
    assert_in_range(of("gw", "window_s"), 1, 20000);
    silent("crl: true, kind: dtls", "signer: ca", ", certificate: {revoked: true}", "");
    assert_int_equal(of("gw", "window_s"), 0);
    assert_int_equal(number("SELECT min(entries) FROM revocation_list"), 1);
    silent("ocsp: true, kind: dtls", "responder: srv, nonce: true", "", "");
    assert_true(number("SELECT count(*) FROM session_end WHERE revocation = 'ocsp'") > 20);
    assert_int_equal(number("SELECT count(*) FROM session WHERE outcome = 'failed'"), 0);
}

/* --- who has the key of another --------------------------------------------------------------- */

/* The gateway's key is stolen, and at 60 s its owner has noticed: from then on, or from the next
 * list or the end of the last good staple on, the thief is found out. */
static void a_stolen_key_is_worth_less_when_it_is_noticed(void **state)
{
    (void)state;
    static const char middle[] =
        "attackers:\n"
        "  - {id: m, kind: man-in-the-middle, target: pne/1--gw, params: {credential: %s}}\n";
    static const struct {
        const char *policy, *credential, *detected;
        int64_t from, to; /* s: when he was believed for the last time */
    } cases[] = {
        {"crl: true", "stolen", "certificate_revoked", 55, 70},
        {"ocsp: true, auth: server-only", "stolen", "bad_certificate_status_response", 55, 80},
        {"ocsp: soft-fail, auth: server-only", "stolen", NULL, 140, 150},
        {"crl: true", "revoked", "certificate_revoked", 0, 0},
        {"ocsp: soft-fail, auth: server-only", "revoked", "bad_certificate_status_response", 0, 0},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *attackers = mem_printf(middle, cases[i].credential);
        silent(cases[i].policy, "responder: srv", ", certificate: {revoked_at: 60 s}", attackers);
        free(attackers);
        assert_in_range(number("SELECT cast(coalesce(max(at_ns), 0) / 1e9 AS INTEGER) FROM probe "
                               "WHERE verdict = 'violated'"),
                        cases[i].from, cases[i].to);
        char *by = whole_text("lost", "SELECT max(detected_by) FROM probe WHERE verdict = 'held' "
                                      "AND detected_by <> 'no effect'");
        if (cases[i].detected == NULL) {
            assert_null(by);
        } else {
            assert_non_null(by);
            assert_string_equal(by, cases[i].detected);
        }
        free(by);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_who_does_not_ask_hears_of_it),
        cmocka_unit_test(a_list_ends_it_for_both_at_its_next_issue),
        cmocka_unit_test(a_staple_ends_it_for_a_server_when_it_is_old),
        cmocka_unit_test(soft_fail_is_no_end),
        cmocka_unit_test(tickets_go_round_staples_but_not_round_a_list),
        cmocka_unit_test(both_are_as_good_as_the_better_one),
        cmocka_unit_test(it_repeats_itself),
        cmocka_unit_test(without_an_answer_a_staple_grows_old),
        cmocka_unit_test(without_a_new_list_the_old_one_expires),
        cmocka_unit_test(who_has_no_way_to_the_responder_gets_nothing),
        cmocka_unit_test(each_asks_his_own_server),
        cmocka_unit_test(without_a_responder_it_is_told_at_once),
        cmocka_unit_test(a_stolen_key_is_worth_less_when_it_is_noticed),
    };
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("it_repeats_itself"); /* the one that is about threads */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
