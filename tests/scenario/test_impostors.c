/* Who poses as another: a man in the middle with each kind of credential, a node that lies inside
 * its own session; and who reads what it only hands on. */
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
    "name: impostors\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: modern}\n"
    "security:\n"
    "  policies:\n"
    "    open: {kind: clear}\n"
    "    modern: {kind: tls, versions: [\"1.3\"]}\n"
    "    modern-crl: {extends: modern, crl: true}\n"
    "    modern-ocsp: {extends: modern, ocsp: true}\n"
    "    modern-half: {extends: modern-ocsp, auth: server-only}\n"
    "    old: {kind: tls, versions: [\"1.2\"]}\n"
    "    old-crl: {extends: old, crl: true}\n"
    "    old-ocsp: {extends: old, ocsp: true}\n"
    "    old-half: {extends: old-ocsp, auth: server-only}\n"
    "    half: {kind: tls, versions: [\"1.3\"], auth: server-only}\n"
    "    shared: {kind: tls, versions: [\"1.3\"], auth: psk}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"
    "service_groups:\n"
    "  - {id: g, owner: pne/2, members: pne/3, service: heart-rate}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "  - {every: 1 s, start: 8 s, do: group-message, from: pne/2, to: g, size: 120 B}\n"
    "attackers:\n"
    "  - {%s}\n"
    "expect:\n"
    "  - {claim: %s}\n";

static int run(const char *attacker, const char *claim, const char *more)
{
    char yaml[4096];
    snprintf(yaml, sizeof(yaml), text, attacker, claim);
    return whole_run("impostor", yaml, more);
}

static int64_t count(const char *condition)
{
    char sql[512];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM v_probe WHERE %s", condition);
    return whole_int("impostor", sql);
}

static void middle(const char *policy, const char *credential, const char *alert)
{
    char attacker[256];
    char more[64];
    char condition[256];
    snprintf(attacker, sizeof(attacker),
             "id: m, kind: man-in-the-middle, target: pne/1--gw, params: {credential: %s}",
             credential);
    snprintf(more, sizeof(more), "--set policy=%s", policy);
    int code = run(attacker, "peer-authentication", more);
    if (alert == NULL) { /* he is taken for the other one */
        assert_int_equal(code, 1);
        assert_true(count("verdict = 'violated'") > 0);
        assert_int_equal(count("verdict = 'held'"), 0);
        assert_int_equal(count("evidence LIKE '%: read 0 messages%'"), 0);
        return;
    }
    snprintf(condition, sizeof(condition),
             "verdict = 'violated' OR (verdict = 'held' AND detected_by <> '%s')", alert);
    if (code != 0 || count(condition) != 0) {
        char *rows = whole_rows("impostor", "SELECT verdict, evidence FROM v_probe");
        print_error("%s, %s: exit %d\n%s", policy, credential, code, rows);
        free(rows);
    }
    assert_int_equal(code, 0);
    assert_int_equal(count(condition), 0);
    assert_true(count("verdict = 'held' AND evidence LIKE '%: read 0 messages%'") > 0);
    /* No message of the PNE went to anybody. */
    assert_int_equal(whole_int("impostor", "SELECT count(*) FROM v_message_hop WHERE sender = "
                                           "'pne/1' AND outcome = 'delivered' AND exemption IS "
                                           "NULL"),
                     0);
}

static void a_man_in_the_middle_is_found_out_by_his_credential(void **state)
{
    (void)state;
    static const char *const policies[] = {"modern", "old", "half"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        middle(policies[i], "self-signed", "unknown_ca");
        middle(policies[i], "untrusted", "unknown_ca");
        middle(policies[i], "expired", "certificate_expired");
        middle(policies[i], "future", "bad_certificate");
        middle(policies[i], "wrong-name", "bad_certificate");
    }
    middle("shared", "untrusted", "illegal_parameter");
}

/* His certificate is good but for what the CA says of it: who does not ask believes him. */
static void a_revoked_one_by_those_who_ask(void **state)
{
    (void)state;
    static const char *const versions[] = {"modern", "old"};
    static const char revoked[] =
        "id: m, kind: man-in-the-middle, target: pne/1--gw, params: {credential: revoked}";
    for (size_t i = 0; i < SIM_ARRAY_LEN(versions); i++) {
        char policy[32];
        char more[64];
        middle(versions[i], "revoked", NULL);
        snprintf(policy, sizeof(policy), "%s-crl", versions[i]);
        middle(policy, "revoked", "certificate_revoked");
        middle(policy, "stolen", NULL); /* nobody has noticed it */
        snprintf(policy, sizeof(policy), "%s-half", versions[i]);
        middle(policy, "revoked", "bad_certificate_status_response");
        middle(policy, "stolen", NULL);
        /* What is stapled speaks of the server alone: as a client he is believed. */
        snprintf(policy, sizeof(policy), "%s-ocsp", versions[i]);
        snprintf(more, sizeof(more), "--set policy=%s", policy);
        assert_int_equal(run(revoked, "peer-authentication", more), 1);
        assert_int_equal(count("verdict <> 'violated'"), 0);
        assert_true(count("evidence LIKE '%: read 0 messages, the initiator said "
                          "bad_certificate_status_response'") > 0);
    }
}

static void both_ends_of_a_mutual_session_say_so(void **state)
{
    (void)state;
    middle("modern", "untrusted", "unknown_ca");
    assert_true(count("evidence LIKE '%the initiator said unknown_ca, the responder said "
                      "unknown_ca%'") > 0);
}

/* Positive controls: nothing is asked for, or he has the keys. */
static void with_the_right_key_or_without_authentication_he_is_believed(void **state)
{
    (void)state;
    middle("broken-no-name-check", "wrong-name", NULL);
    middle("modern", "stolen", NULL);
    middle("old", "stolen", NULL);
    middle("shared", "stolen", NULL);
    middle("open", "untrusted", NULL);
    /* What he hands on arrives, and he has read it. */
    assert_true(whole_int("impostor", "SELECT count(*) FROM v_message WHERE origin = 'pne/1' AND "
                                      "outcome = 'delivered'") > 5);
}

static void a_pne_cannot_name_another_origin(void **state)
{
    (void)state;
    static const char liar[] =
        "id: liar, kind: impersonate, at: 9 s, for: 9 s, target: pne/2, params: {as: pne/3, "
        "probability: 40 %}";
    assert_int_equal(run(liar, "origin-authenticity", ""), 0);
    assert_true(count("verdict = 'held' AND detected_by = 'origin_mismatch'") > 3);
    assert_int_equal(count("verdict <> 'held'"), 0);
    assert_true(whole_int("impostor", "SELECT count(*) FROM v_message_hop WHERE authenticity = "
                                      "'held'") > 3);
}

/* Positive control, and what sessions from hop to hop cost: nobody can check what a gateway says
 * about its PNEs. */
static void a_gateway_can(void **state)
{
    (void)state;
    static const char liar[] =
        "id: liar, kind: impersonate, at: 9 s, target: gw, params: {as: pne/3, probability: 40 %}";
    assert_int_equal(run(liar, "origin-authenticity", ""), 1);
    assert_true(count("verdict = 'violated'") > 0);
}

static void a_gateway_reads_what_it_hands_on(void **state)
{
    (void)state;
    static const char gossip[] = "id: gossip, kind: curious-relay, target: gw";
    assert_int_equal(run(gossip, "end-to-end-confidentiality", ""), 1);
    assert_int_equal(count("held = 0 AND trials > 20"), 1);
    /* Sealed by a group key, it hands on what it cannot read. */
    assert_int_equal(run(gossip, "end-to-end-confidentiality",
                         "--set security.service_group.protection=group_key"),
                     1);
    assert_int_equal(count("held > 5 AND held < trials"), 1);
}

static void who_held_a_message_is_told(void **state)
{
    (void)state;
    run("id: gossip, kind: curious-relay, target: gw", "end-to-end-confidentiality", "");
    assert_true(whole_int("impostor", "SELECT count(*) FROM v_end_to_end WHERE type = "
                                      "'ServiceAccessRequest' AND holders = 'pne/1, gw, srv'"
                                      " AND relays = 1 AND hops = 2 AND clear_hops = 0"
                                      " AND forward_secret = 1 AND overheard = 0") > 5);
    assert_true(whole_int("impostor", "SELECT count(*) FROM v_end_to_end WHERE type = 'SGMessage'"
                                      " AND clear_hops = hops AND forward_secret = 0") > 5);
}

static void impostors_repeat_themselves(void **state)
{
    (void)state;
    static const char liar[] =
        "id: liar, kind: impersonate, at: 9 s, target: [gw, pne/1], params: {as: "
        "pne/3, probability: 40 %}}\n"
        "  - {id: m, kind: man-in-the-middle, target: 'pne/*--gw', params: "
        "{count: 2}";
    run(liar, "origin-authenticity", "");
    char *first = whole_rows("impostor", "SELECT * FROM v_probe");
    assert_true(strlen(first) > 200);
    run(liar, "origin-authenticity", "--workers 3");
    char *again = whole_rows("impostor", "SELECT * FROM v_probe");
    assert_string_equal(first, again);
    free(first);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_man_in_the_middle_is_found_out_by_his_credential),
        cmocka_unit_test(a_revoked_one_by_those_who_ask),
        cmocka_unit_test(both_ends_of_a_mutual_session_say_so),
        cmocka_unit_test(with_the_right_key_or_without_authentication_he_is_believed),
        cmocka_unit_test(a_pne_cannot_name_another_origin),
        cmocka_unit_test(a_gateway_can),
        cmocka_unit_test(a_gateway_reads_what_it_hands_on),
        cmocka_unit_test(who_held_a_message_is_told),
        cmocka_unit_test(impostors_repeat_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
