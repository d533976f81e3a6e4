/* What each key of a policy does, read from the sessions of whole runs; and that what OpenSSL 3.0
 * lacks is refused with a sentence that says so. Records and revocation: test_policies.c,
 * test_revocation.c. */
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
    "name: keys\n"
    "run: {until: 60 s, seed: 4}\n"
    "security:\n"
    "  policies:\n"
    "    p: {%s}\n"
    "  pne_gateway: p\n"
    "devices:\n"
    "  phone: {cpu: cortex-a76}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, device: phone, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, device: phone, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne, to: srv, size: 100 B}\n";

static int run(const char *keys)
{
    char yaml[2048];
    snprintf(yaml, sizeof(yaml), text, keys);
    return whole_run("keys", yaml, "");
}

/* `%s` of the sessions between PNE and gateway that were established. */
static int64_t sessions(const char *expression)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "SELECT %s FROM v_session WHERE hop = 'pne-gateway' AND established_s IS NOT NULL",
             expression);
    return whole_int("keys", sql);
}

/* --- what is negotiated ----------------------------------------------------------------------- */

static void what_is_negotiated(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *expected; /* version|cipher|group|initiator_auth|responder_auth */
    } cases[] = {
        {"versions: [\"1.2\"]",
         "TLSv1.2|ECDHE-ECDSA-AES256-GCM-SHA384|X25519|certificate|certificate"},
        {"versions: [\"1.3\"]", "TLSv1.3|TLS_AES_256_GCM_SHA384|X25519|certificate|certificate"},
        {"versions: [\"1.2\", \"1.3\"], ciphers: [TLS_CHACHA20_POLY1305_SHA256], groups: [P-384]",
         "TLSv1.3|TLS_CHACHA20_POLY1305_SHA256|P-384|certificate|certificate"},
        {"versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-AES128-SHA256], groups: [P-256]",
         "TLSv1.2|ECDHE-ECDSA-AES128-SHA256|P-256|certificate|certificate"},
        {"versions: [\"1.2\"], certificates: rsa-2048, ciphers: [ECDHE-RSA-AES128-GCM-SHA256]",
         "TLSv1.2|ECDHE-RSA-AES128-GCM-SHA256|X25519|certificate|certificate"},
        {"versions: [\"1.3\"], auth: server-only",
         "TLSv1.3|TLS_AES_256_GCM_SHA384|X25519|none|certificate"},
        {"versions: [\"1.3\"], auth: psk", "TLSv1.3|TLS_CHACHA20_POLY1305_SHA256|X25519|psk|psk"},
        {"versions: [\"1.2\"], auth: psk, ciphers: [ECDHE-PSK-CHACHA20-POLY1305]",
         "TLSv1.2|ECDHE-PSK-CHACHA20-POLY1305|X25519|psk|psk"},
        {"kind: dtls, ciphers: [ECDHE-ECDSA-AES128-CCM8], groups: [P-256]",
         "DTLSv1.2|ECDHE-ECDSA-AES128-CCM8|P-256|certificate|certificate"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        assert_int_equal(run(cases[i].keys), 0);
        char *rows =
            whole_rows("keys", "SELECT DISTINCT version, cipher, kex_group, initiator_auth,"
                               " responder_auth FROM v_session WHERE hop = 'pne-gateway' "
                               "AND established_s IS NOT NULL");
        rows[strcspn(rows, "\n")] = '\0';
        assert_string_equal(rows, cases[i].expected);
        free(rows);
    }
}

/* --- how long it lasts ------------------------------------------------------------------------ */

static void sessions_and_tickets_have_a_lifetime(void **state)
{
    (void)state;
    static const char *const versions[] = {"\"1.2\"", "\"1.3\""};
    for (size_t i = 0; i < SIM_ARRAY_LEN(versions); i++) {
        char keys[256];
        /* a session for ever */
        snprintf(keys, sizeof(keys), "versions: [%s]", versions[i]);
        assert_int_equal(run(keys), 0);
        assert_int_equal(sessions("count(*)"), 1);
        /* each 5 s another one, by the ticket of the one before */
        snprintf(keys, sizeof(keys), "versions: [%s], session_lifetime: 5 s", versions[i]);
        assert_int_equal(run(keys), 0);
        assert_in_range(sessions("count(*)"), 8, 12);
        assert_int_equal(sessions("sum(resumed) = count(*) - 1"), 1);
        assert_in_range(sessions("max(cast((ended_s - established_s) * 1000 AS INTEGER))"), 5000,
                        5100);
        /* without tickets */
        snprintf(keys, sizeof(keys), "versions: [%s], session_lifetime: 5 s, resumption: none",
                 versions[i]);
        assert_int_equal(run(keys), 0);
        assert_int_equal(sessions("sum(resumed)"), 0);
        /* a ticket that is too old when it is wanted */
        snprintf(keys, sizeof(keys), "versions: [%s], session_lifetime: 5 s, ticket_lifetime: 3 s",
                 versions[i]);
        assert_int_equal(run(keys), 0);
        assert_in_range(sessions("count(*)"), 8, 12);
        assert_int_equal(sessions("sum(resumed)"), 0);
        /* a chain of tickets that ends: of the full handshakes each is at least 12 s after the last
         */
        snprintf(keys, sizeof(keys),
                 "versions: [%s], session_lifetime: 5 s, resumption_lifetime: 12 s", versions[i]);
        assert_int_equal(run(keys), 0);
        assert_in_range(sessions("sum(resumed = 0)"), 3, 5);
        assert_true(sessions("sum(resumed)") > 4);
        assert_int_equal(whole_int("keys",
                                   "SELECT count(*) FROM v_session r WHERE r.resumed AND "
                                   "r.started_s > 12.5 + (SELECT max(started_s) FROM v_session f "
                                   "WHERE f.hop = r.hop AND NOT f.resumed AND f.started_s < "
                                   "r.started_s)"),
                         0);
    }
}

/* --- keys that are made anew ------------------------------------------------------------------ */

static int64_t epochs(const char *expression, const char *condition)
{
    char sql[512];
    snprintf(sql, sizeof(sql), "SELECT %s FROM session_epoch WHERE %s", expression, condition);
    return whole_int("keys", sql);
}

static void keys_are_updated_by_count(void **state)
{
    (void)state;
    assert_int_equal(run("versions: [\"1.3\"], key_update_after: 10"), 0);
    assert_in_range(epochs("max(number)", "side = 'initiator'"), 4, 12);
    assert_int_equal(epochs("count(*)", "number = 0 AND cause <> 'handshake' OR number > 0 AND "
                                        "cause <> 'key_update'"),
                     0);
    assert_int_equal(epochs("count(*)", "side = 'initiator' AND messages > 12"), 0);
    /* Epochs follow one another, and what was sent under them is what was sent. */
    assert_int_equal(epochs("count(*)", "number > 0 AND began_ns <> (SELECT p.ended_ns FROM "
                                        "session_epoch p WHERE p.session_id = "
                                        "session_epoch.session_id AND p.side = session_epoch.side "
                                        "AND p.number = session_epoch.number - 1)"),
                     0);
    assert_int_equal(whole_int("keys", "SELECT count(*) FROM session_end e WHERE key_updates > 0 "
                                       "AND (messages_sent, key_updates) IS NOT (SELECT "
                                       "sum(messages), max(number) FROM session_epoch p WHERE "
                                       "p.session_id = e.session_id AND p.side = e.side)"),
                     0);
    /* Who updates asks the peer to (RFC 8446 4.6.3), and it does. */
    assert_true(epochs("max(number)", "side = 'responder'") >= 4);
}

static void keys_are_updated_by_time(void **state)
{
    (void)state;
    assert_int_equal(run("versions: [\"1.3\"], key_update_every: 10 s"), 0);
    assert_in_range(epochs("max(number)", "side = 'initiator'"), 4, 6);
    assert_in_range(
        epochs("max((ended_ns - began_ns) / 1000000)", "side = 'initiator' AND ended_ns NOT NULL"),
        10000, 12000);
    assert_int_equal(run("versions: [\"1.3\"]"), 0);
    assert_int_equal(epochs("count(*)", "1"), 0); /* never updated: no rows */
    assert_int_equal(run("kind: dtls"), 0);
    assert_int_equal(epochs("count(*)", "1"), 0);
}

/* --- what there is not ------------------------------------------------------------------------ */

static void what_openssl_lacks_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *sentence;
    } cases[] = {
        {"kind: dtls, versions: [\"1.3\"]", "OpenSSL 3.0 has no DTLS 1.3 (RFC 9147)"},
        {"kind: dtls, connection_id: true", "no connection identifiers of DTLS (RFC 9146)"},
        {"raw_public_keys: true", "OpenSSL 3.0 has no raw public keys (RFC 7250)"},
        {"record_size_limit: 512 B", "OpenSSL 3.0 has no record size limit (RFC 8449)"},
        {"certificate_compression: zlib", "OpenSSL 3.0 has no compressed certificates (RFC 8879)"},
        {"groups: [X25519MLKEM768]", "OpenSSL 3.0 has no post-quantum groups"},
        {"kind: dtls, certificates: ed25519", "no suite of DTLS 1.2 for Ed25519 certificates"},
        {"kind: dtls, key_update_every: 5 s", "DTLS 1.2 has no key update"},
        {"versions: [\"1.2\"], key_update_after: 5", "TLS 1.2 has no key update"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        assert_int_equal(run(cases[i].keys), 3);
        char *said = whole_stderr();
        if (strstr(said, cases[i].sentence) == NULL) {
            print_error("%s: %s\n", cases[i].keys, said);
        }
        assert_non_null(strstr(said, cases[i].sentence));
        assert_non_null(strstr(said, "keys.yaml:6:")); /* and where */
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_negotiated),
        cmocka_unit_test(sessions_and_tickets_have_a_lifetime),
        cmocka_unit_test(keys_are_updated_by_count),
        cmocka_unit_test(keys_are_updated_by_time),
        cmocka_unit_test(what_openssl_lacks_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
