/* Who poses as another over datagrams: a man in the middle of DTLS sessions with each kind of
 * credential, a node that lies inside its own session. */
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

/* %s: until, policy, link, attacker, claim. */
static const char text[] =
    "cpns: 1\n"
    "name: impostors\n"
    "run: {until: %s, seed: 3}\n"
    "security:\n"
    "  policies:\n"
    "    full: {kind: dtls}\n"
    "    small: {extends: rfc7925-constrained, crl: true}\n"
    "    half: {kind: dtls, auth: server-only}\n"
    "    list: {kind: dtls, crl: true}\n"
    "    stapled: {kind: dtls, auth: server-only, ocsp: true}\n"
    "    shared: {kind: dtls, auth: psk, ciphers: [PSK-AES128-CCM8]}\n"
    "    open: {kind: clear-datagram}\n"
    "    broken-nameless: {kind: dtls, name_check: none}\n"
    "  pne_gateway: %s\n"
    "links:\n"
    "  lossy: {technology: ble, loss: {model: random, rate: 2 %%}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: %s}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {%s}\n"
    "expect:\n"
    "  - {claim: %s}\n";

static int run(const char *until, const char *policy, const char *link, const char *attacker,
               const char *claim, const char *more)
{
    char *yaml = mem_printf(text, until, policy, link, attacker, claim);
    int code = whole_run("impostor", yaml, more);
    free(yaml);
    return code;
}

static int64_t count(const char *condition)
{
    char *sql = mem_printf("SELECT count(*) FROM v_probe WHERE %s", condition);
    int64_t n = whole_int("impostor", sql);
    free(sql);
    return n;
}

static int middle(const char *until, const char *policy, const char *link, const char *credential)
{
    char *attacker = mem_printf("id: m, kind: man-in-the-middle, target: pne/1--gw, "
                                "params: {credential: %s}",
                                credential);
    int code = run(until, policy, link, attacker, "peer-authentication", "");
    free(attacker);
    return code;
}

/* Nobody took him for the other one: each trial ended as wanted, he read nothing. */
static void assert_found_out(const char *policy, const char *credential, const char *alert)
{
    int code = middle("20 s", policy, "wlan", credential);
    char *strange =
        mem_printf("verdict = 'violated' OR (verdict = 'held' AND detected_by <> '%s')", alert);
    if (code != 0 || count(strange) != 0) {
        char *rows = whole_rows("impostor", "SELECT verdict, evidence FROM v_probe");
        print_error("%s, %s: exit %d\n%s", policy, credential, code, rows);
        free(rows);
    }
    assert_int_equal(code, 0);
    assert_int_equal(count(strange), 0);
    assert_true(count("verdict = 'held' AND evidence LIKE '%: read 0 messages%'") > 0);
    assert_int_equal(whole_int("impostor", "SELECT count(*) FROM v_message_hop WHERE sender = "
                                           "'pne/1' AND outcome = 'delivered' AND exemption IS "
                                           "NULL"),
                     0);
    /* Alerts of a handshake are sent, and arrive, also over datagrams. */
    char *sent = mem_printf("SELECT count(*) FROM alert WHERE direction = 'sent' AND level = "
                            "'fatal' AND name = '%s'",
                            alert);
    assert_true(whole_int("impostor", sent) > 0);
    free(sent);
    free(strange);
}

static void a_man_in_the_middle_is_found_out_by_his_credential(void **state)
{
    (void)state;
    static const char *const policies[] = {"full", "small", "half"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        assert_found_out(policies[i], "self-signed", "unknown_ca");
        assert_found_out(policies[i], "untrusted", "unknown_ca");
        assert_found_out(policies[i], "expired", "certificate_expired");
        assert_found_out(policies[i], "future", "bad_certificate");
        assert_found_out(policies[i], "wrong-name", "bad_certificate");
    }
    assert_found_out("list", "revoked", "certificate_revoked");
    assert_found_out("small", "revoked", "certificate_revoked");
    assert_found_out("stapled", "revoked", "bad_certificate_status_response");
}

static void both_ends_of_a_mutual_session_say_so(void **state)
{
    (void)state;
    assert_found_out("full", "untrusted", "unknown_ca");
    assert_true(count("evidence LIKE '%the initiator said unknown_ca, the responder said "
                      "unknown_ca%' AND side = 'responder' AND delay_ms > 0") > 0);
    assert_found_out("half", "untrusted", "unknown_ca");
    assert_true(count("side = 'initiator' AND delay_ms > 0") > 0);
}

/* Finished does not decrypt, which DTLS passes over in silence: the handshake ends by its time. */
static void without_the_shared_key_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(middle("70 s", "shared", "wlan", "untrusted"), 0);
    assert_true(count("verdict = 'held' AND detected_by = 'timeout'") > 0);
    assert_int_equal(count("verdict = 'violated'"), 0);
    assert_int_equal(whole_int("impostor", "SELECT count(*) FROM alert"), 0);
    assert_true(whole_int("impostor", "SELECT sum(records_dropped) FROM session_end JOIN session"
                                      " USING (session_id) WHERE kind = 'dtls' AND"
                                      " established_ns IS NULL") > 0);
}

/* Positive controls: nothing is asked for, or he has the keys. */
static void with_the_right_key_or_without_a_look_he_is_believed(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *link, *credential;
    } controls[] = {{"broken-nameless", "wlan", "wrong-name"},
                    {"full", "wlan", "stolen"},
                    {"small", "lossy", "stolen"},
                    {"shared", "wlan", "stolen"},
                    {"open", "wlan", "untrusted"},
                    {"full", "wlan", "revoked"}}; /* nobody looks at a list */
    for (size_t i = 0; i < SIM_ARRAY_LEN(controls); i++) {
        int code = middle("40 s", controls[i].policy, controls[i].link, controls[i].credential);
        if (code != 1) {
            char *rows = whole_rows("impostor", "SELECT verdict, evidence FROM v_probe");
            print_error("%s, %s: exit %d\n%s", controls[i].policy, controls[i].credential, code,
                        rows);
            free(rows);
        }
        assert_int_equal(code, 1);
        assert_true(count("verdict = 'violated'") > 0);
        assert_int_equal(count("evidence LIKE '%: read 0 messages%'"), 0);
        assert_int_equal(whole_int("impostor", "SELECT count(*) FROM event WHERE what ="
                                               " 'unknown_message'"),
                         0);
    }
    /* What he hands on arrives, and he has read it. */
    assert_true(whole_int("impostor", "SELECT count(*) FROM v_message WHERE origin = 'pne/1' AND "
                                      "outcome = 'delivered'") > 5);
}

/* He hands on goodbyes, too: sessions end and begin again through him. */
static void sessions_end_through_him(void **state)
{
    (void)state;
    static const char attacker[] = "id: m, kind: man-in-the-middle, target: pne/1--gw, "
                                   "params: {credential: stolen}";
    assert_int_equal(run("60 s", "full", "wlan", attacker, "peer-authentication",
                         "--set security.policies.full.session_lifetime=15s"),
                     1);
    assert_true(count("verdict = 'violated'") > 2);
    assert_int_equal(whole_int("impostor", "SELECT count(*) FROM session WHERE kind = 'dtls' AND"
                                           " failure IS NOT NULL"),
                     0);
}

static void a_pne_cannot_name_another_origin(void **state)
{
    (void)state;
    static const char liar[] =
        "id: liar, kind: impersonate, at: 9 s, for: 9 s, target: pne/2, params: {as: pne/3, "
        "probability: 70 %}";
    assert_int_equal(run("20 s", "full", "wlan", liar, "origin-authenticity", ""), 0);
    assert_true(count("verdict = 'held' AND detected_by = 'origin_mismatch'") > 3);
    assert_int_equal(count("verdict <> 'held'"), 0);
}

/* Positive control: nobody can check what a gateway says about its PNEs. */
static void a_gateway_can(void **state)
{
    (void)state;
    static const char liar[] =
        "id: liar, kind: impersonate, at: 9 s, target: gw, params: {as: pne/3, probability: 40 %}";
    assert_int_equal(run("20 s", "full", "wlan", liar, "origin-authenticity", ""), 1);
    assert_true(count("verdict = 'violated'") > 0);
}

static void impostors_repeat_themselves(void **state)
{
    (void)state;
    static const char both[] =
        "id: liar, kind: impersonate, at: 9 s, target: [gw, pne/1], params: {as: "
        "pne/3, probability: 40 %}}\n"
        "  - {id: m, kind: man-in-the-middle, target: 'pne/*--gw', params: {count: 2}";
    run("30 s", "small", "lossy", both, "origin-authenticity", "");
    char *first = whole_rows("impostor", "SELECT * FROM v_probe");
    assert_true(strlen(first) > 200);
    run("30 s", "small", "lossy", both, "origin-authenticity", "--workers 3");
    char *again = whole_rows("impostor", "SELECT * FROM v_probe");
    assert_string_equal(first, again);
    free(first);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_man_in_the_middle_is_found_out_by_his_credential),
        cmocka_unit_test(both_ends_of_a_mutual_session_say_so),
        cmocka_unit_test(without_the_shared_key_nothing_is_said),
        cmocka_unit_test(with_the_right_key_or_without_a_look_he_is_believed),
        cmocka_unit_test(sessions_end_through_him),
        cmocka_unit_test(a_pne_cannot_name_another_origin),
        cmocka_unit_test(a_gateway_can),
        cmocka_unit_test(impostors_repeat_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
