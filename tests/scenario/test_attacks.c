/* Attackers on real sessions: which end notices what, by which alert; and each of them against a
 * session that protects nothing, where it has to succeed. */
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
    "name: attacks\n"
    "run: {until: 30 s, seed: 3}\n"
    "security:\n"
    "  policies:\n"
    "    open: {kind: clear}\n"
    "    modern: {kind: tls, versions: [\"1.3\"]}\n"
    "    old: {kind: tls, versions: [\"1.2\"]}\n"
    "    both: {kind: tls, versions: [\"1.2\", \"1.3\"]}\n"
    "    hollow: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: "
    "0}\n"
    "  pne_gateway: %s\n"
    "  gateway_server: modern\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: wlan}, fidelity: %s}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {id: mallory, kind: %s, target: pne/1--gw, params: {%s}}\n"
    "expect:\n"
    "  - {claim: %s, subject: pne--gateway}\n";

static int run(const char *policy, const char *fidelity, const char *kind, const char *params,
               const char *claim)
{
    char yaml[4096];
    snprintf(yaml, sizeof(yaml), text, policy, fidelity, kind, params, claim);
    return whole_run("attack", yaml, "");
}

/* Everything that came of it, each outcome once. */
static void assert_outcomes(const char *wanted)
{
    char *rows = whole_rows("attack", "SELECT DISTINCT verdict, detected_by, side FROM v_probe"
                                      " WHERE kind <> 'eavesdropper' ORDER BY 1, 2, 3");
    assert_string_equal(rows, wanted);
    free(rows);
}

struct attack {
    const char *policy, *kind, *params, *claim, *wanted;
    int code;
};

static void assert_attacks(const struct attack *attacks, size_t count)
{
    static const char *const fidelities[] = {"packet", "fast"};
    for (size_t i = 0; i < 2 * count; i++) {
        const struct attack *a = &attacks[i / 2];
        int code = run(a->policy, fidelities[i % 2], a->kind, a->params, a->claim);
        char *rows = whole_rows("attack", "SELECT DISTINCT verdict, detected_by, side FROM v_probe"
                                          " WHERE kind <> 'eavesdropper' ORDER BY 1, 2, 3");
        if (strcmp(rows, a->wanted) != 0 || code != a->code) {
            print_error("%s, %s {%s}, %s: exit %d, outcomes\n%s", a->policy, a->kind, a->params,
                        fidelities[i % 2], code, rows);
        }
        assert_string_equal(rows, a->wanted);
        assert_int_equal(code, a->code);
        free(rows);
    }
}

#define BY_RESPONDER(alert) "held|" alert "|responder\n"
#define BY_INITIATOR(alert) "held|" alert "|initiator\n"
#define FROM_A "from: initiator, nth: 2"
#define FROM_B "from: responder, nth: 2"

static void tls_1_3_notices(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"modern", "tamper", FROM_A, "integrity", BY_RESPONDER("bad_record_mac"), 0},
        {"modern", "tamper", FROM_B, "integrity", BY_INITIATOR("bad_record_mac"), 0},
        {"modern", "tamper", FROM_A ", part: type, bit: 1", "integrity",
         BY_RESPONDER("unexpected_message"), 0},
        {"modern", "replay", FROM_A, "replay-protection", BY_RESPONDER("bad_record_mac"), 0},
        {"modern", "replay", FROM_B, "replay-protection", BY_INITIATOR("bad_record_mac"), 0},
        {"modern", "drop", FROM_A ", count: 3", "completeness", BY_RESPONDER("bad_record_mac"), 0},
        {"modern", "reorder", FROM_A ", count: 3", "ordering", BY_RESPONDER("bad_record_mac"), 0},
        {"modern", "inject", FROM_A, "authenticity", BY_RESPONDER("bad_record_mac"), 0},
        {"modern", "reflect", FROM_A, "authenticity", BY_RESPONDER("bad_record_mac"), 0},
        {"modern", "truncate", FROM_A, "completeness", BY_RESPONDER("truncated"), 0},
        {"modern", "truncate", FROM_B, "completeness", BY_INITIATOR("truncated"), 0},
        {"modern", "delay", FROM_A ", by: 2 s", "availability", "held|no effect|NULL\n", 0},
        {"modern", "downgrade", "strip: versions", "downgrade-protection",
         BY_RESPONDER("protocol_version"), 0},
        {"modern", "downgrade", "strip: suites", "downgrade-protection",
         BY_INITIATOR("bad_record_mac"), 0},
        {"modern", "downgrade", "strip: groups", "downgrade-protection",
         BY_RESPONDER("illegal_parameter"), 0},
        {"both", "downgrade", "strip: versions", "downgrade-protection",
         BY_INITIATOR("illegal_parameter"), 0},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

static void tls_1_2_notices(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"old", "tamper", FROM_A, "integrity", BY_RESPONDER("bad_record_mac"), 0},
        {"old", "tamper", FROM_B, "integrity", BY_INITIATOR("bad_record_mac"), 0},
        {"old", "tamper", FROM_A ", part: type, bit: 1", "integrity",
         BY_RESPONDER("bad_record_mac"), 0},
        {"old", "replay", FROM_A, "replay-protection", BY_RESPONDER("bad_record_mac"), 0},
        {"old", "drop", FROM_A ", count: 3", "completeness", BY_RESPONDER("bad_record_mac"), 0},
        {"old", "reorder", FROM_A ", count: 3", "ordering", BY_RESPONDER("bad_record_mac"), 0},
        {"old", "inject", FROM_A, "authenticity", BY_RESPONDER("bad_record_mac"), 0},
        {"old", "reflect", FROM_A, "authenticity", BY_RESPONDER("bad_record_mac"), 0},
        {"old", "truncate", FROM_A ", count: 3", "completeness", BY_RESPONDER("truncated"), 0},
        {"old", "downgrade", "strip: suites", "downgrade-protection",
         BY_RESPONDER("handshake_failure"), 0},
        {"old", "downgrade", "strip: groups", "downgrade-protection", BY_RESPONDER("decrypt_error"),
         0},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

/* Positive controls: the same attackers where nothing is protected. */
static void without_protection_they_succeed(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"open", "tamper", FROM_A ", bit: 900", "integrity", "violated|NULL|NULL\n", 1},
        {"open", "replay", FROM_A, "replay-protection", "violated|NULL|NULL\n", 1},
        {"open", "drop", FROM_A, "completeness", "violated|NULL|NULL\n", 1},
        {"open", "reorder", FROM_A, "ordering", "violated|NULL|NULL\n", 1},
        {"open", "inject", FROM_A, "authenticity", "violated|NULL|NULL\n", 1},
        {"open", "reflect", FROM_A, "authenticity", "violated|NULL|NULL\n", 1},
        {"open", "truncate", FROM_A, "completeness", "violated|NULL|NULL\n", 1},
        {"open", "delay", FROM_A ", by: 40 s", "availability", "violated|NULL|NULL\n", 1},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

/* The version in the header of the first record of each direction is read by nobody (RFC 8446 5.1):
 * 16 bits that may be flipped without effect, and without harm. */
static void the_legacy_version_of_the_first_record_is_unprotected_by_design(void **state)
{
    (void)state;
    static const char *const sides[] = {"initiator", "responder"};
    static const char *const policies[] = {"modern", "old"};
    char params[128];
    for (size_t p = 0; p < SIM_ARRAY_LEN(policies); p++) {
        int64_t harmless = 0;
        for (int bit = 8; bit < 16; bit++) {
            for (int side = 0; side < 2; side++) {
                snprintf(params, sizeof(params),
                         "records: handshake, part: version, bit: %d, from: %s, count: 1", bit,
                         sides[side]);
                int code = run(policies[p], "fast", "tamper", params, "integrity");
                assert_int_equal(code, 0);
                int64_t here = whole_int(
                    "attack", "SELECT count(*) FROM v_probe WHERE detected_by = 'no effect'");
                harmless += here;
                assert_int_equal(
                    whole_int("attack", "SELECT count(*) FROM v_probe WHERE verdict = 'held'"), 1);
            }
        }
        assert_int_equal(harmless, 16);
    }
}

/* In between: a handshake that is never finished is no success either. */
static void handshakes_that_are_tampered_with_never_succeed(void **state)
{
    (void)state;
    static const char *const policies[] = {"modern", "old"};
    for (size_t p = 0; p < SIM_ARRAY_LEN(policies); p++) {
        for (int bit = 40; bit < 1000; bit += 171) {
            char params[128];
            snprintf(params, sizeof(params), "records: handshake, bit: %d, count: 2", bit);
            assert_int_equal(run(policies[p], "fast", "tamper", params, "integrity"), 0);
            assert_int_equal(
                whole_int("attack", "SELECT count(*) FROM v_session WHERE established_s IS NOT NULL"
                                    " AND session_id IN (SELECT session_id FROM probe)"),
                0);
        }
    }
}

static const char listening[] =
    "cpns: 1\n"
    "name: listening\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: modern}\n"
    "security:\n"
    "  policies:\n"
    "    open: {kind: clear}\n"
    "    modern: {kind: tls, versions: [\"1.3\"]}\n"
    "    old: {kind: tls, versions: [\"1.2\"]}\n"
    "    hollow: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: "
    "0}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"
    "service_groups:\n"
    "  - {id: g, owner: pne/1, members: pne/2..3, service: heart-rate}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "  - {every: 1 s, start: 8 s, do: group-message, from: pne/1, to: g, size: 120 B}\n"
    "attackers:\n"
    "  - {id: eve, kind: eavesdropper, target: 'pne/*--gw'}\n"
    "expect:\n"
    "  - {claim: %s}\n";

static void listen(const char *claim, const char *set, int code)
{
    char yaml[4096];
    snprintf(yaml, sizeof(yaml), listening, claim);
    int got = whole_run("listening", yaml, set);
    if (got != code) {
        print_error("%s with %s: exit %d\n", claim, set, got);
    }
    assert_int_equal(got, code);
}

static void an_eavesdropper_reads_what_is_not_protected_only(void **state)
{
    (void)state;
    listen("confidentiality", "", 0);
    assert_true(whole_int("listening",
                          "SELECT sum(trials) FROM v_probe WHERE property = 'confidentiality'") >
                40);
    listen("confidentiality", "--set policy=old", 0);
    listen("confidentiality", "--set policy=hollow", 1);
    listen("confidentiality", "--set policy=open", 1);
    /* TLS 1.2 shows certificates to everybody, TLS 1.3 to nobody. */
    listen("identity-privacy", "", 0);
    listen("identity-privacy", "--set policy=old", 1);
    /* Clause 5.9.1 exempts messages to Service Groups. */
    listen("group-confidentiality", "", 1);
    assert_true(whole_int("listening", "SELECT count(*) FROM v_message_hop WHERE exemption = "
                                       "'service_group' AND confidentiality = 'violated'") > 0);
    listen("group-confidentiality", "--set security.service_group.protection=group_key", 0);
    assert_true(whole_int("listening", "SELECT sum(trials) FROM v_probe WHERE exemption = "
                                       "'group_key_extension' AND verdict = 'held'") > 0);
    /* Through the sessions nothing is exempt: nothing was tested. */
    listen("group-confidentiality", "--set security.service_group.protection=session", 2);
}

static void a_claim_without_a_trial_is_unknown(void **state)
{
    (void)state;
    listen("integrity", "", 2);
    assert_int_equal(run("modern", "fast", "tamper", FROM_A, "replay-protection"), 2);
    /* Offline it is judged the same. */
    assert_int_equal(run("modern", "fast", "tamper", FROM_A, "integrity"), 0);
    assert_int_equal(whole_cpnsim("check '%s/attack.db'", whole_dir()), 0);
    assert_int_equal(run("open", "fast", "tamper", FROM_A ", bit: 900", "integrity"), 1);
    assert_int_equal(whole_cpnsim("check '%s/attack.db'", whole_dir()), 1);
    assert_outcomes("violated|NULL|NULL\n");
}

static void verdicts_reach_the_hop_of_the_message(void **state)
{
    (void)state;
    assert_int_equal(run("modern", "packet", "tamper", FROM_A, "integrity"), 0);
    assert_true(whole_int("attack", "SELECT count(*) FROM v_message_hop WHERE integrity = 'held'"
                                    " AND evidence LIKE '%mallory%bad_record_mac%'") > 0);
    /* The message of the attacked record is the one that was lost. */
    assert_int_equal(whole_int("attack",
                               "SELECT count(*) FROM v_message_hop WHERE integrity = 'held'"
                               " AND outcome <> 'lost'"),
                     0);
    assert_int_equal(run("open", "packet", "tamper", FROM_A ", bit: 900", "integrity"), 1);
    assert_int_equal(
        whole_int("attack", "SELECT count(*) FROM v_message_hop WHERE integrity = 'violated'"), 1);
}

/* Two attackers beside each other on one link: each sees what the other one made of it. */
static void attackers_share_a_link(void **state)
{
    (void)state;
    char yaml[8192];
    snprintf(yaml, sizeof(yaml), text, "modern", "packet", "delay", "nth: 1, by: 500 ms",
             "integrity");
    char *more = strstr(yaml, "expect:");
    snprintf(more, sizeof(yaml) - (size_t)(more - yaml),
             "  - {id: second, kind: tamper, target: pne/1--gw, params: {nth: 4}}\n"
             "  - {id: third, kind: inject, target: pne/1--gw, params: {probability: 10 %%}}\n"
             "expect: [{claim: integrity}, {claim: authenticity}]\n");
    assert_int_equal(whole_run("attack", yaml, ""), 0);
    assert_int_equal(whole_int("attack", "SELECT count(DISTINCT attacker) FROM v_probe"), 3);
    /* What the first holds back the others see when it goes on: they work on each session. */
    assert_true(whole_int("attack", "SELECT count(DISTINCT session_id) FROM v_probe WHERE attacker "
                                    "IN ('second', 'third')") >= 5);
    char *first = whole_rows("attack", "SELECT * FROM v_probe");
    assert_int_equal(whole_run("attack", yaml, "--workers 3"), 0);
    char *again = whole_rows("attack", "SELECT * FROM v_probe");
    assert_string_equal(first, again);
    free(first);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_1_3_notices),
        cmocka_unit_test(tls_1_2_notices),
        cmocka_unit_test(without_protection_they_succeed),
        cmocka_unit_test(the_legacy_version_of_the_first_record_is_unprotected_by_design),
        cmocka_unit_test(handshakes_that_are_tampered_with_never_succeed),
        cmocka_unit_test(an_eavesdropper_reads_what_is_not_protected_only),
        cmocka_unit_test(a_claim_without_a_trial_is_unknown),
        cmocka_unit_test(verdicts_reach_the_hop_of_the_message),
        cmocka_unit_test(attackers_share_a_link),
    };
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("attackers_share_a_link"); /* the one that is about threads */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
