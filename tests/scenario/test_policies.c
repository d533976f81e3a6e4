/* Policies that have a name: what a session under each negotiates, and what each key of a policy
 * does to it, read from the sessions of whole runs. */
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

/* %s: the policy, lines for `policies`, keys of the PNE. */
static const char scenario[] =
    "cpns: 1\n"
    "name: policies\n"
    "run: {until: 40 s, seed: 3}\n"
    "security:\n"
    "  policies:\n"
    "    unused: {}\n"
    "%s"
    "  pne_gateway: %s\n"
    "  gateway_server: bcp195\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, attach: {to: gw, link: wlan}%s}\n"
    "workload:\n"
    "  - {every: 2 s, start: 20 s, do: service-access, from: pne, to: srv, size: 300 B}\n";

static int run(const char *name, const char *policy, const char *policies, const char *pne)
{
    char *yaml = mem_printf(scenario, policies, policy, pne);
    int code = whole_run(name, yaml, "");
    free(yaml);
    return code;
}

static void assert_sql(const char *name, const char *expected, const char *sql)
{
    char *rows = whole_rows(name, sql);
    rows[strcspn(rows, "\n")] = '\0';
    assert_string_equal(rows, expected);
    free(rows);
}

static const struct set {
    const char *name;
    const char *negotiated; /* kind|version|cipher|bits|group|forward secret|auth of both ends */
    const char *signature;  /* of the responder, as the initiator saw it; "": none */
    bool plaintext;         /* is found on the link */
} sets[] = {
    {"bcp195", "tls|TLSv1.3|TLS_AES_128_GCM_SHA256|128|X25519|1|certificate|certificate",
     "ecdsa_sha256", false},
    {"3gpp-33210", "tls|TLSv1.3|TLS_AES_256_GCM_SHA384|256|P-384|1|certificate|certificate",
     "ecdsa_sha384", false},
    {"rfc7925-constrained",
     "dtls|DTLSv1.2|ECDHE-ECDSA-AES128-CCM8|128|P-256|1|certificate|certificate", "ecdsa_sha256",
     false},
    {"legacy-2011", "tls|TLSv1|AES128-SHA|128||0|none|certificate", "", false},
    {"broken-clear", "clear|NULL|NULL|0||0|none|none", "", true},
    {"broken-null-cipher", "tls|TLSv1.2|ECDHE-ECDSA-NULL-SHA|0|P-256|1|certificate|certificate",
     "ecdsa_sha256", true},
    {"broken-static-rsa", "tls|TLSv1.2|AES128-GCM-SHA256|128||0|certificate|certificate", "",
     false},
    {"broken-no-name-check",
     "tls|TLSv1.3|TLS_AES_256_GCM_SHA384|256|X25519|1|certificate|certificate", "ecdsa_sha256",
     false},
    {"broken-version-fallback",
     "tls|TLSv1.3|TLS_AES_256_GCM_SHA384|256|X25519|1|certificate|certificate", "ecdsa_sha256",
     false},
    {"broken-no-peer-limit",
     "tls|TLSv1.3|TLS_AES_256_GCM_SHA384|256|X25519|1|certificate|certificate", "ecdsa_sha256",
     false},
    {"broken-no-cookies",
     "dtls|DTLSv1.2|ECDHE-ECDSA-AES256-GCM-SHA384|256|X25519|1|certificate|certificate",
     "ecdsa_sha256", false},
    {"broken-plain-psk", "tls|TLSv1.2|PSK-AES128-GCM-SHA256|128||0|psk|psk", "", false},
    {"broken-no-anti-replay",
     "tls|TLSv1.3|TLS_AES_256_GCM_SHA384|256|X25519|1|certificate|certificate", "ecdsa_sha256",
     false},
};

static void each_set_negotiates_what_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(sets); i++) {
        const struct set *s = &sets[i];
        run(s->name, s->name, "", "");
        assert_sql(s->name, s->negotiated,
                   "SELECT kind, version, cipher, cipher_bits, coalesce(kex_group, ''),"
                   " forward_secret, initiator_auth, responder_auth FROM session"
                   " WHERE hop = 'pne-gateway'");
        assert_sql(s->name, s->signature,
                   "SELECT coalesce(peer_signature, '') FROM session_end JOIN session USING"
                   " (session_id) WHERE hop = 'pne-gateway' AND side = 'initiator'");
        assert_sql(s->name, s->name, "SELECT policy FROM session WHERE hop = 'pne-gateway'");
        assert_int_equal(whole_int(s->name, "SELECT count(*) FROM session WHERE established_ns"
                                            " IS NULL"),
                         0);
        assert_true(whole_int(s->name, "SELECT count(*) FROM message WHERE outcome = 'delivered'"
                                       " AND type = 'ServiceAccessResponse'") > 5);
        assert_int_equal(whole_int(s->name, "SELECT count(*) > 0 FROM wire_finding"), s->plaintext);
    }
}

static void what_is_shown_loads_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(sets); i++) {
        char *yaml = mem_printf(scenario, "", sets[i].name, "");
        whole_write("shown.yaml", yaml);
        free(yaml);
        assert_int_equal(whole_cpnsim("show '%s/shown.yaml' --format yaml", whole_dir()), 0);
        char *first = whole_stdout();
        whole_write("again.yaml", first);
        assert_int_equal(whole_cpnsim("show '%s/again.yaml' --format yaml", whole_dir()), 0);
        char *second = whole_stdout();
        assert_string_equal(first, second);
        free(first);
        free(second);
    }
}

/* A certificate of another's name: refused by name, accepted where nobody looks. */
static void the_name_check_is_the_hole(void **state)
{
    (void)state;
    static const char as_server[] = ", certificate: {identity: srv}";
    run("named", "bcp195", "", as_server);
    assert_int_equal(whole_int("named", "SELECT count(*) FROM session WHERE hop = 'pne-gateway' AND"
                                        " established_ns IS NOT NULL"),
                     0);
    assert_true(whole_int("named", "SELECT count(*) FROM alert WHERE name = 'bad_certificate' AND"
                                   " side = 'responder' AND direction = 'sent'") > 0);
    run("unnamed", "broken-no-name-check", "", as_server);
    assert_sql("unnamed", "srv",
               "SELECT e.name FROM session_end d JOIN session s USING (session_id) JOIN entity e ON"
               " e.urn = d.peer_id WHERE s.hop = 'pne-gateway' AND d.side = 'responder' AND"
               " s.established_ns IS NOT NULL");
}

/* A gateway whose certificate is revoked; its PNEs ask the CA's word, or do not. */
static void stapled_words_of_the_ca(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *certificate, *revocation;
    } cases[] = {
        {"{extends: bcp195, crl: false, ocsp: true}", "", "ocsp"},
        {"{extends: bcp195, ocsp: true}", "", "crl, ocsp"},
        {"{extends: bcp195, crl: false, ocsp: true}", ", certificate: {revoked: true}", NULL},
        {"{extends: rfc7925-constrained, ocsp: true}", "", "ocsp"},
        {"{extends: rfc7925-constrained, ocsp: true}", ", certificate: {revoked: true}", NULL},
        {"{extends: rfc7925-constrained}", ", certificate: {revoked: true}", "none"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *yaml = mem_printf("cpns: 1\n"
                                "run: {until: 30 s, seed: 3}\n"
                                "security: {policies: {p: %s}, pne_gateway: p}\n"
                                "nodes:\n"
                                "  - {id: srv, role: server}\n"
                                "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}%s}\n"
                                "  - {id: pne, role: pne, attach: {to: gw, link: wlan}}\n",
                                cases[i].keys, cases[i].certificate);
        whole_run("stapled", yaml, "");
        free(yaml);
        bool taken = cases[i].revocation != NULL;
        assert_int_equal(whole_int("stapled",
                                   "SELECT count(*) > 0 FROM session WHERE hop = 'pne-gateway'"
                                   " AND established_ns IS NOT NULL"),
                         taken);
        if (taken) {
            assert_sql("stapled", cases[i].revocation,
                       "SELECT DISTINCT d.revocation FROM session_end d JOIN session s USING"
                       " (session_id) WHERE s.hop = 'pne-gateway' AND d.side = 'initiator'");
        } else {
            assert_true(whole_int("stapled", "SELECT count(*) FROM alert WHERE side = 'initiator'"
                                             " AND name = 'bad_certificate_status_response'") > 0);
        }
    }
}

/* In DTLS as in TLS; a list that names others changes nothing. */
static void revoked_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *pne;
        bool accepted;
    } cases[] = {
        {"{extends: bcp195}", ", certificate: {revoked: true}", false},
        {"{extends: bcp195, versions: [\"1.2\"]}", ", certificate: {revoked: true}", false},
        {"{extends: rfc7925-constrained, crl: true}", ", certificate: {revoked: true}", false},
        {"{extends: bcp195, crl: false}", ", certificate: {revoked: true}", true},
        {"{extends: bcp195}", "", true},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *policies = mem_printf("    p: %s\n", cases[i].policy);
        run("revoked", "p", policies, cases[i].pne);
        free(policies);
        assert_int_equal(whole_int("revoked", "SELECT count(*) > 0 FROM session WHERE"
                                              " hop = 'pne-gateway' AND established_ns"
                                              " IS NOT NULL"),
                         cases[i].accepted);
        assert_int_equal(whole_int("revoked",
                                   "SELECT count(*) > 0 FROM alert WHERE"
                                   " name = 'certificate_revoked' AND side = 'responder'"),
                         !cases[i].accepted);
    }
}

static void signature_algorithms_are_kept_to(void **state)
{
    (void)state;
    run("p384", "p",
        "    p: {extends: bcp195, versions: [\"1.3\"], signature_algorithms: "
        "[ecdsa_secp384r1_sha384]}\n",
        "");
    /* The certificates are of P-256; OpenSSL says so in these words. */
    assert_true(whole_int("p384", "SELECT count(*) FROM alert WHERE name = 'protocol_version' AND"
                                  " side = 'responder'") > 0);
    run("p256", "p",
        "    p: {extends: bcp195, versions: [\"1.2\"], signature_algorithms: "
        "[ecdsa_secp521r1_sha512]}\n",
        "");
    assert_sql("p256", "ecdsa_sha512",
               "SELECT peer_signature FROM session_end JOIN session USING (session_id) WHERE"
               " hop = 'pne-gateway' AND side = 'initiator'");
}

/* Octets on the wire of one request: 300 and more of them, in records of 512 or padded to 1024. */
static void records_of_another_length(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        int least, most; /* octets of protection of the longest request */
    } cases[] = {
        {"versions: [\"1.3\"]", 22, 22},
        {"versions: [\"1.3\"], max_fragment_length: 512 B", 44, 44},
        {"versions: [\"1.2\"], max_fragment_length: 512 B", 58, 58},
        {"versions: [\"1.3\"], record_padding: 4096 B", 2000, 4096},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *policies = mem_printf("    p: {extends: bcp195, %s}\n", cases[i].keys);
        assert_int_equal(run("records", "p", policies, ""), 0);
        free(policies);
        /* the frame's header is 5 octets */
        int64_t extra = whole_int(
            "records",
            "SELECT max(h.wire_bytes - h.plain_bytes - 5) FROM message_hop h JOIN message m"
            " USING (message_id) WHERE m.type = 'ServiceAccessRequest' AND h.hop = 0");
        assert_in_range(extra, cases[i].least, cases[i].most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_set_negotiates_what_it_says),
        cmocka_unit_test(what_is_shown_loads_again),
        cmocka_unit_test(the_name_check_is_the_hole),
        cmocka_unit_test(revoked_certificates),
        cmocka_unit_test(stapled_words_of_the_ca),
        cmocka_unit_test(signature_algorithms_are_kept_to),
        cmocka_unit_test(records_of_another_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
