/* Attackers on sessions over datagrams: the DTLS 1.2 column of the table of attacks. DTLS drops in
 * silence what is not authentic or was seen before, so that what an end noticed is a count, records
 * handed in against records that came out; loss and disorder it takes as they come. */
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

/* %s: policy, link, fidelity, kind, params, claim. */
static const char text[] =
    "cpns: 1\n"
    "name: attacks\n"
    "run: {until: 20 s, seed: 3}\n"
    "security:\n"
    "  policies:\n"
    "    dtls: {kind: dtls}\n"
    "    two: {kind: dtls, groups: [P-256, P-384], certificates: ecdsa-p256}\n"
    "    small: {kind: dtls, ciphers: [ECDHE-ECDSA-AES128-CCM8]}\n"
    "    blocks: {kind: dtls, ciphers: [ECDHE-ECDSA-AES128-SHA256]}\n"
    "    shared: {kind: dtls, ciphers: [PSK-AES128-CCM8], auth: psk}\n"
    "    open: {kind: clear-datagram}\n"
    "    hollow: {kind: dtls, ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: 0}\n"
    "  pne_gateway: %s\n"
    "  gateway_server: bcp195\n"
    "links:\n"
    "  lossy: {technology: ble, loss: {model: random, rate: 2 %%}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: %s}, fidelity: %s}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {id: mallory, kind: %s, target: pne/1--gw, params: {%s}}\n"
    "expect:\n"
    "  - {claim: %s, subject: pne--gateway}\n";

static int run(const char *policy, const char *link, const char *fidelity, const char *kind,
               const char *params, const char *claim)
{
    char *yaml = mem_printf(text, policy, link, fidelity, kind, params, claim);
    int code = whole_run("attack", yaml, "");
    free(yaml);
    return code;
}

static char *outcomes(void)
{
    return whole_rows("attack", "SELECT DISTINCT verdict, detected_by, side FROM v_probe"
                                " WHERE kind <> 'eavesdropper' ORDER BY 1, 2, 3");
}

struct attack {
    const char *policy, *kind, *params, *claim, *wanted;
    int code;
};

/* Nothing that was altered, forged or sent twice was delivered. */
static int64_t strange(void)
{
    return whole_int("attack", "SELECT (SELECT count(*) FROM event WHERE what = 'unknown_message')"
                               " + (SELECT count(*) FROM message_hop WHERE outcome = 'delivered'"
                               " AND sent_hash <> received_hash)");
}

static void assert_attacks(const struct attack *attacks, size_t count)
{
    static const char *const fidelities[] = {"packet", "fast"};
    for (size_t i = 0; i < 2 * count; i++) {
        const struct attack *a = &attacks[i / 2];
        int code = run(a->policy, "wlan", fidelities[i % 2], a->kind, a->params, a->claim);
        char *rows = outcomes();
        if (strcmp(rows, a->wanted) != 0 || code != a->code) {
            print_error("%s, %s {%s}, %s: exit %d, outcomes\n%s", a->policy, a->kind, a->params,
                        fidelities[i % 2], code, rows);
        }
        assert_string_equal(rows, a->wanted);
        assert_int_equal(code, a->code);
        free(rows);
    }
}

#define DISCARDED_BY(end) "held|discarded|" end "\n"
#define BY_RESPONDER(alert) "held|" alert "|responder\n"
#define NO_EFFECT "held|no effect|NULL\n"
#define FROM_A "from: initiator, nth: 2"
#define FROM_B "from: responder, nth: 2"

static void what_is_not_authentic_is_discarded_in_silence(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"dtls", "tamper", FROM_A, "integrity", DISCARDED_BY("responder"), 0},
        {"dtls", "tamper", FROM_B, "integrity", DISCARDED_BY("initiator"), 0},
        {"dtls", "tamper", FROM_A ", part: type, bit: 1", "integrity", DISCARDED_BY("responder"),
         0},
        {"dtls", "tamper", FROM_A ", part: version, bit: 3", "integrity", DISCARDED_BY("responder"),
         0},
        {"dtls", "tamper", FROM_A ", part: length, bit: 14", "integrity", DISCARDED_BY("responder"),
         0},
        {"dtls", "tamper", FROM_A ", part: sequence, bit: 15", "integrity", /* epoch 0 */
         DISCARDED_BY("responder"), 0},
        {"dtls", "tamper", FROM_A ", part: sequence, bit: 16", "integrity",
         DISCARDED_BY("responder"), 0},
        {"dtls", "tamper", FROM_A ", part: record, bit: 200", "integrity",
         DISCARDED_BY("responder"), 0},
        {"dtls", "replay", FROM_A, "replay-protection", DISCARDED_BY("responder"), 0},
        {"dtls", "replay", FROM_B, "replay-protection", DISCARDED_BY("initiator"), 0},
        {"dtls", "inject", FROM_A, "authenticity", DISCARDED_BY("responder"), 0},
        {"dtls", "inject", FROM_B ", size: 1 kB", "authenticity", DISCARDED_BY("initiator"), 0},
        {"dtls", "reflect", FROM_A, "authenticity", DISCARDED_BY("responder"), 0},
        {"small", "tamper", FROM_A, "integrity", DISCARDED_BY("responder"), 0},
        {"shared", "tamper", FROM_A, "integrity", DISCARDED_BY("responder"), 0},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(attacks); i++) {
        assert_attacks(&attacks[i], 1);
        assert_int_equal(strange(), 0);
        /* It is counted, nobody said anything, and the session stands. */
        assert_true(whole_int("attack",
                              "SELECT sum(records_dropped) FROM session_end e JOIN session s USING"
                              " (session_id) WHERE s.kind = 'dtls'") > 0);
        assert_int_equal(whole_int("attack", "SELECT count(*) FROM alert"), 0);
        assert_int_equal(
            whole_int("attack", "SELECT count(*) FROM session WHERE outcome <> 'established'"), 0);
    }
}

/* RFC 6347 4.1.2.7 lets an end choose. Where a MAC stands beside the cipher (encrypt-then-MAC, RFC
 * 7366, or nothing encrypted at all, which violates a rule) OpenSSL 3.0 ends the session: whoever
 * can send one datagram ends it. What was seen before it discards first. */
static void a_mac_beside_the_cipher_has_an_alert(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"blocks", "tamper", FROM_A ", count: 1", "integrity", BY_RESPONDER("bad_record_mac"), 0},
        {"blocks", "inject", FROM_A ", count: 1", "authenticity", BY_RESPONDER("bad_record_mac"),
         0},
        {"hollow", "tamper", FROM_A ", count: 1", "integrity", BY_RESPONDER("bad_record_mac"), 1},
        {"hollow", "replay", FROM_A ", count: 1", "replay-protection", DISCARDED_BY("responder"),
         1},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

/* RFC 6347: datagrams may be lost and come in another order. Nothing notices, and nothing was
 * promised: whoever expects it finds it violated. */
static void loss_and_disorder_are_taken_as_they_come(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"dtls", "drop", FROM_A, "completeness", "violated|NULL|NULL\n", 1},
        {"dtls", "reorder", FROM_A, "ordering", "violated|NULL|NULL\n", 1},
        {"dtls", "reorder", FROM_B, "ordering", "violated|NULL|NULL\n", 1},
        {"dtls", "delay", FROM_A ", by: 2 s", "availability", NO_EFFECT, 0},
        {"dtls", "delay", FROM_A ", by: 40 s", "availability", "violated|NULL|NULL\n", 1},
        {"dtls", "truncate", FROM_A, "completeness", "held|nothing was delivered|NULL\n", 0},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(attacks); i++) {
        assert_attacks(&attacks[i], 1);
        assert_int_equal(strange(), 0);
        assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_probe WHERE promised AND"
                                             " verdict = 'violated'"),
                         0);
        assert_int_equal(whole_int("attack", "SELECT count(*) FROM alert"), 0);
    }
    /* The two messages arrived all the same, and one that was taken out is lost. */
    run("dtls", "wlan", "packet", "reorder", FROM_A, "ordering");
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM message_hop WHERE outcome = 'lost'"),
                     0);
    run("dtls", "wlan", "packet", "drop", FROM_A, "completeness");
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM message_hop h JOIN probe p USING"
                                         " (message_id, hop) WHERE h.outcome = 'lost' AND"
                                         " h.reason = 'tap'"),
                     1);
}

/* Positive controls: the same attackers where nothing is protected. */
static void without_protection_they_succeed(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"open", "tamper", FROM_A ", bit: 900", "integrity", "violated|NULL|NULL\n", 1},
        {"open", "tamper", FROM_A ", part: length, bit: 30", "integrity", "violated|NULL|NULL\n",
         1},
        {"open", "replay", FROM_A, "replay-protection", "violated|NULL|NULL\n", 1},
        {"open", "replay", FROM_B, "replay-protection", "violated|NULL|NULL\n", 1},
        {"open", "drop", FROM_A, "completeness", "violated|NULL|NULL\n", 1},
        {"open", "reorder", FROM_A, "ordering", "violated|NULL|NULL\n", 1},
        {"open", "inject", FROM_A, "authenticity", "violated|NULL|NULL\n", 1},
        {"open", "inject", FROM_B ", size: 1 kB", "authenticity", "violated|NULL|NULL\n", 1},
        {"open", "reflect", FROM_A, "authenticity", "violated|NULL|NULL\n", 1},
        {"open", "delay", FROM_A ", by: 40 s", "availability", "violated|NULL|NULL\n", 1},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
    assert_int_equal(run("open", "wlan", "packet", "replay", FROM_A, "replay-protection"), 1);
    assert_int_equal(strange(), 1);
}

/* What UDP cannot hold is not sent where nothing cuts it: lost, and said to be. */
static void without_protection_long_messages_are_lost(void **state)
{
    (void)state;
    char *yaml = mem_printf(text, "open", "wlan", "packet", "drop", "nth: 500", "completeness");
    char *size = strstr(yaml, "size: 300 B");
    memcpy(size, "size: 99 kB", 11);
    whole_run("attack", yaml, "");
    assert_true(whole_int("attack", "SELECT count(*) FROM message_hop WHERE outcome = 'lost' AND"
                                    " reason = 'too_long'") > 10);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_message_account WHERE NOT"
                                         " adds_up"),
                     0);
    free(yaml);
}

static void handshakes_end_with_the_alerts_of_the_table(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {"two", "downgrade", "strip: versions", "downgrade-protection",
         BY_RESPONDER("protocol_version"), 0},
        {"two", "downgrade", "strip: suites", "downgrade-protection",
         BY_RESPONDER("handshake_failure"), 0},
        {"two", "downgrade", "strip: groups", "downgrade-protection",
         BY_RESPONDER("handshake_failure"), 0},
        /* The hello with the cookie is lost once and sent again. */
        {"dtls", "drop", "records: handshake, from: initiator, nth: 2, count: 1", "completeness",
         NO_EFFECT, 0},
        {"dtls", "replay", "records: handshake, from: initiator, nth: 2, count: 1",
         "replay-protection", NO_EFFECT, 0},
        {"dtls", "reorder", "records: handshake, from: responder, nth: 3, count: 1", "ordering",
         NO_EFFECT, 0},
        /* Data where a handshake is going on. */
        {"dtls", "inject", "records: handshake, from: initiator, nth: 2, count: 1", "authenticity",
         BY_RESPONDER("unexpected_message"), 0},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

static void handshakes_that_are_tampered_with_deliver_nothing_strange(void **state)
{
    (void)state;
    for (int nth = 1; nth < 10; nth += 2) {
        for (int bit = 3; bit < 1000; bit += 331) {
            char params[128];
            snprintf(params, sizeof(params),
                     "records: handshake, part: record, nth: %d, bit: %d, count: 1", nth, bit);
            assert_int_equal(run("dtls", "wlan", "fast", "tamper", params, "integrity"), 0);
            assert_int_equal(strange(), 0);
            assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_probe"), 1);
        }
    }
}

/* When each end noticed, and what it dropped. */
static void both_ends_times_are_told(void **state)
{
    (void)state;
    assert_int_equal(run("dtls", "wlan", "packet", "tamper", FROM_A, "integrity"), 0);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_probe WHERE delay_ms > 0 AND"
                                         " delay_ms < 1000 AND message_id IS NOT NULL"),
                     1);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_message_hop WHERE integrity = "
                                         "'held' AND outcome = 'lost' AND reason = 'discarded' AND"
                                         " evidence LIKE '%mallory%discarded%'"),
                     1);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM session s JOIN session_end a USING"
                                         " (session_id) JOIN session_end b USING (session_id)"
                                         " WHERE s.kind = 'dtls' AND a.side = 'initiator' AND"
                                         " b.side = 'responder' AND a.up_ns IS NOT NULL"
                                         " AND b.up_ns IS NOT NULL"),
                     2);
    assert_int_equal(
        run("two", "wlan", "packet", "downgrade", "strip: versions", "downgrade-protection"), 0);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_session WHERE initiator = 'pne/1'"
                                         " AND (failure IS NOT 'protocol_version' OR"
                                         " established_s IS NOT NULL)"),
                     0);
}

/* On a radio that loses frames what never arrived was no trial, a copy that arrives in place of its
 * original is none sent twice, and what was held back is not lost. */
static void on_a_lossy_radio_only_what_arrived_counts(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *params, *claim;
    } attacks[] = {
        {"tamper", "probability: 50 %", "integrity"},
        {"replay", "probability: 50 %", "replay-protection"},
        {"inject", "probability: 50 %, size: 1 kB", "authenticity"},
        {"delay", "probability: 50 %, by: 700 ms", "availability"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(attacks); i++) {
        for (int full = 0; full < 2; full++) {
            int code = run("dtls", full ? "zigbee" : "lossy", full ? "full" : "packet",
                           attacks[i].kind, attacks[i].params, attacks[i].claim);
            char *rows = outcomes();
            if (code != 0 || strange() != 0) {
                print_error("%s: exit %d, outcomes\n%s", attacks[i].kind, code, rows);
            }
            assert_int_equal(code, 0);
            assert_int_equal(strange(), 0);
            assert_int_equal(
                whole_int("attack", "SELECT count(*) FROM v_probe WHERE verdict = 'violated'"), 0);
            assert_true(whole_int("attack", "SELECT count(*) FROM v_probe WHERE verdict = 'held'") >
                        0);
            free(rows);
        }
    }
}

static void certificates_are_heard_in_fragments_too(void **state)
{
    (void)state;
    /* An MTU of 300 cuts each certificate into several records. */
    char *yaml = mem_printf(text, "dtls", "lossy", "packet", "eavesdropper", "", "confidentiality");
    char *at = strstr(yaml, "technology: ble, loss: {model: random, rate: 2 %}");
    assert_non_null(at);
    memcpy(at, "technology: ble, mtu: 300 B                      ", 49);
    char *params = strstr(yaml, ", params: {}");
    memcpy(params, "            ", 12);
    assert_int_equal(whole_run("attack", yaml, ""), 0);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_probe WHERE property ="
                                         " 'identity-privacy' AND verdict = 'violated' AND"
                                         " evidence LIKE 'names both ends%'"),
                     1);
    assert_true(whole_int("attack", "SELECT sum(held) FROM v_probe WHERE property ="
                                    " 'confidentiality'") > 10);
    free(yaml);
    /* Positive control: nothing is hidden. */
    yaml = mem_printf(text, "hollow", "wlan", "packet", "eavesdropper", "", "confidentiality");
    params = strstr(yaml, ", params: {}");
    memcpy(params, "            ", 12);
    assert_int_equal(whole_run("attack", yaml, ""), 1);
    free(yaml);
}

/* What the search once found: an alert in the step that was to send messages, too. */
static void a_session_may_break_with_messages_to_send(void **state)
{
    (void)state;
    char *yaml =
        mem_printf(text, "hollow", "wlan", "packet", "inject", "probability: 5 %", "authenticity");
    char *often = strstr(yaml, "every: 1 s");
    memcpy(often, "every: 9ms", 10);
    assert_int_equal(whole_run("attack", yaml, ""), 1); /* in the clear */
    assert_true(whole_int("attack", "SELECT count(*) FROM session WHERE failure ="
                                    " 'bad_record_mac'") > 5);
    assert_int_equal(whole_int("attack", "SELECT count(*) FROM v_message_account WHERE NOT"
                                         " adds_up"),
                     0);
    free(yaml);
}

static void workers_change_nothing(void **state)
{
    (void)state;
    char *yaml = mem_printf(text, "dtls", "lossy", "packet", "replay", "probability: 40 %",
                            "replay-protection");
    char *more = strstr(yaml, "expect:");
    char *whole = mem_printf(
        "%.*s"
        "  - {id: second, kind: tamper, target: pne/1--gw, params: {probability: 20 %%}}\n"
        "  - {id: third, kind: reorder, target: pne/2--gw, params: {probability: 20 %%}}\n"
        "expect: [{claim: integrity}]\n",
        (int)(more - yaml), yaml);
    assert_int_equal(whole_run("attack", whole, ""), 0);
    char *first = whole_rows("attack", "SELECT * FROM v_probe");
    assert_int_equal(whole_int("attack", "SELECT count(DISTINCT attacker) FROM v_probe"), 3);
    assert_int_equal(strange(), 0);
    assert_int_equal(whole_run("attack", whole, "--workers 3"), 0);
    char *again = whole_rows("attack", "SELECT * FROM v_probe");
    assert_string_equal(first, again);
    free(first);
    free(again);
    free(whole);
    free(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_authentic_is_discarded_in_silence),
        cmocka_unit_test(a_mac_beside_the_cipher_has_an_alert),
        cmocka_unit_test(loss_and_disorder_are_taken_as_they_come),
        cmocka_unit_test(without_protection_they_succeed),
        cmocka_unit_test(without_protection_long_messages_are_lost),
        cmocka_unit_test(handshakes_end_with_the_alerts_of_the_table),
        cmocka_unit_test(handshakes_that_are_tampered_with_deliver_nothing_strange),
        cmocka_unit_test(both_ends_times_are_told),
        cmocka_unit_test(on_a_lossy_radio_only_what_arrived_counts),
        cmocka_unit_test(certificates_are_heard_in_fragments_too),
        cmocka_unit_test(a_session_may_break_with_messages_to_send),
        cmocka_unit_test(workers_change_nothing),
    };
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("workers_change_nothing"); /* the one that is about threads */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
