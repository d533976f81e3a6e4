/* Downgrades: a handshake that is robbed of what is strong fails, and what counts is the session
 * that comes of it in the end. Positive control: a client that tries again with an older version
 * (RFC 7507) and does not say so. */
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
    "name: downgrade\n"
    "run: {until: 30 s, seed: 3}\n"
    "params: {policy: bcp195}\n"
    "security:\n"
    "  policies:\n"
    "    unused: {}\n"
    "    signals: {extends: broken-version-fallback, version_fallback: scsv}\n"
    "    repeats: {extends: broken-version-fallback, version_fallback: none}\n"
    "    broken-oldest: {versions: [\"1.0\", \"1.1\", \"1.2\"], security_level: 0, "
    "version_fallback: unprotected}\n"
    "    signals-old: {extends: broken-oldest, version_fallback: scsv}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {id: mallory, kind: downgrade, target: pne--gw, params: {%s}}\n"
    "expect:\n"
    "  - {claim: downgrade-protection, subject: pne--gateway}\n";

static int run(const char *policy, const char *params)
{
    char yaml[4096];
    char more[128];
    snprintf(yaml, sizeof(yaml), text, params);
    snprintf(more, sizeof(more), "--set policy=%s", policy);
    return whole_run("downgrade", yaml, more);
}

/* What came of the first trial, then the versions and causes of the sessions of the hop. */
static void assert_run(const char *policy, const char *params, int code, const char *probe,
                       const char *sessions)
{
    int got = run(policy, params);
    char *probes = whole_rows("downgrade", "SELECT verdict, detected_by, side FROM v_probe "
                                           "ORDER BY session_id LIMIT 1");
    char *rows = whole_rows("downgrade", "SELECT cause, coalesce(version, failure) FROM v_session "
                                         "WHERE hop = 'pne-gateway' ORDER BY 1, 2");
    if (got != code || strcmp(probes, probe) != 0 || strcmp(rows, sessions) != 0) {
        print_error("%s {%s}: exit %d, %s%s", policy, params, got, probes, rows);
    }
    assert_int_equal(got, code);
    assert_string_equal(probes, probe);
    assert_string_equal(rows, sessions);
    free(probes);
    free(rows);
}

/* pne --> gateway: ClientHello 1.3, robbed; then ClientHello 1.2, let through. */
static void a_client_that_tries_with_less_is_downgraded(void **state)
{
    (void)state;
    static const char policy[] = "broken-version-fallback";
    assert_run(policy, "strip: versions", 1, "violated|NULL|NULL\n",
               "fallback|TLSv1.2\nfirst|illegal_parameter\n");
    assert_run(policy, "strip: suites", 1, "violated|NULL|NULL\n",
               "fallback|TLSv1.2\nfirst|handshake_failure\n");
    assert_run(policy, "strip: groups", 1, "violated|NULL|NULL\n",
               "fallback|TLSv1.2\nfirst|illegal_parameter\n");
    assert_int_equal(
        whole_int("downgrade",
                  "SELECT count(*) FROM v_probe WHERE evidence LIKE 'session % has TLSv1.2, "
                  "ECDHE-ECDSA-AES256-GCM-SHA384, X25519 where both ends can do TLSv1.3, "
                  "TLS_AES_256_GCM_SHA384, X25519: ClientHello robbed of its groups in packet %'"),
        1);
    /* Before TLS 1.3 there is no list of versions, but one in the hello itself. */
    assert_run("broken-oldest", "strip: versions", 1, "violated|NULL|NULL\n",
               "fallback|TLSv1.1\nfirst|illegal_parameter\n");
}

/* pne --> gateway: ClientHello 1.2 with TLS_FALLBACK_SCSV; pne <-- gateway: inappropriate_fallback
 */
static void one_that_says_so_is_told(void **state)
{
    (void)state;
    static const char held[] = "held|inappropriate_fallback|responder\n";
    assert_run("signals", "strip: versions, count: 1", 0, held,
               "again|TLSv1.3\nfallback|inappropriate_fallback\nfirst|illegal_parameter\n");
    assert_run("signals", "strip: suites, count: 1", 0, held,
               "again|TLSv1.3\nfallback|inappropriate_fallback\nfirst|handshake_failure\n");
    assert_run("signals-old", "strip: versions, count: 1", 0, held,
               "again|TLSv1.2\nfallback|inappropriate_fallback\nfirst|illegal_parameter\n");
}

static void one_that_offers_all_again_gets_the_best(void **state)
{
    (void)state;
    static const char *const policies[] = {"repeats", "bcp195", "3gpp-33210"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        assert_run(policies[i], "strip: versions, count: 1", 0,
                   "held|illegal_parameter|initiator\n",
                   "again|TLSv1.3\nfirst|illegal_parameter\n");
        assert_run(policies[i], "strip: suites, count: 1", 0, "held|handshake_failure|responder\n",
                   "again|TLSv1.3\nfirst|handshake_failure\n");
    }
    /* While he goes on there is no session at all. */
    assert_run("repeats", "strip: versions", 0, "held|illegal_parameter|initiator\n",
               "again|illegal_parameter\nagain|illegal_parameter\nfirst|illegal_parameter\n");
}

/* Nobody attacks: a client whose first handshake is lost with the link falls back all the same, and
 * once it has a session it offers everything again. */
static void faults_make_it_fall_back_too(void **state)
{
    (void)state;
    char *yaml = mem_printf(text, "");
    char *attackers = strstr(yaml, "attackers:");
    char *whole = mem_printf("%.*sfaults:\n"
                             "  - {at: 20 ms, for: 62 s, do: link-down, target: pne--gw}\n"
                             "  - {at: 130 s, for: 200 s, do: link-down, target: pne--gw}\n",
                             (int)(attackers - yaml), yaml);
    int code =
        whole_run("faults", whole, "--set policy=broken-version-fallback --set run.until='600 s'");
    assert_int_equal(code, 0);
    assert_true(whole_int("faults", "SELECT count(*) FROM v_session WHERE cause = 'fallback' AND "
                                    "version = 'TLSv1.2' AND established_s IS NOT NULL") > 0);
    free(whole);
    free(yaml);
}

/* Who has refused the other's certificate does not try with less. */
static void a_refused_certificate_is_no_reason(void **state)
{
    (void)state;
    char *yaml = mem_printf(text, "");
    char *expect = strstr(yaml, "attackers:");
    char *whole = mem_printf("%.*sattackers:\n  - {id: m, kind: man-in-the-middle, target: "
                             "pne--gw, params: {credential: untrusted}}\n",
                             (int)(expect - yaml), yaml);
    assert_int_equal(whole_run("refused", whole, "--set policy=broken-version-fallback"), 0);
    assert_true(whole_int("refused", "SELECT count(*) FROM v_session WHERE failure = "
                                     "'unknown_ca'") > 1);
    assert_int_equal(whole_int("refused", "SELECT count(*) FROM v_session WHERE cause = "
                                          "'fallback'"),
                     0);
    free(whole);
    free(yaml);
}

static void downgrades_repeat_themselves(void **state)
{
    (void)state;
    run("broken-version-fallback", "strip: suites");
    char *first = whole_rows("downgrade", "SELECT * FROM v_probe");
    char yaml[4096];
    snprintf(yaml, sizeof(yaml), text, "strip: suites");
    whole_run("downgrade", yaml, "--set policy=broken-version-fallback --workers 3");
    char *again = whole_rows("downgrade", "SELECT * FROM v_probe");
    assert_string_equal(first, again);
    free(first);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_tries_with_less_is_downgraded),
        cmocka_unit_test(one_that_says_so_is_told),
        cmocka_unit_test(one_that_offers_all_again_gets_the_best),
        cmocka_unit_test(faults_make_it_fall_back_too),
        cmocka_unit_test(a_refused_certificate_is_no_reason),
        cmocka_unit_test(downgrades_repeat_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
