/* TLS sessions: what is negotiated shows in the facts and the operations, and bad credentials end
 * in the alert they deserve, at both ends. Every refusal has a control that is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

enum { KINDS = SECURE_KEY_RSA2048 + 1 }; /* RSA-3072 only costs time */

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_ca *stranger;
    struct secure_identity *ids[KINDS][ENDS];
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    uint8_t hash[SECURE_SHA256_BYTES]; /* OpenSSL may be used before there is an environment */
    secure_sha256(span_of_str("first"), hash);
    w->env = pair_env(7);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->stranger = pair_ca(w->env, "stranger", SECURE_KEY_P256);
    for (int k = 0; k < KINDS; k++) {
        w->ids[k][INITIATOR] = pair_identity(w->env, w->ca, "pne/1", (enum secure_key_kind)k);
        w->ids[k][RESPONDER] = pair_identity(w->env, w->ca, "gateway/1", (enum secure_key_kind)k);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        secure_identity_free(w->ids[k][INITIATOR]);
        secure_identity_free(w->ids[k][RESPONDER]);
    }
    secure_ca_free(w->ca);
    secure_ca_free(w->stranger);
    secure_env_free(w->env);
    free(w);
    return 0;
}

static struct secure_policy_params params_of(enum secure_version version)
{
    struct secure_policy_params params = pair_policy_params();
    params.min_version = params.max_version = version;
    return params;
}

/* --- what is negotiated ------------------------------------------------------------------------
 */

static void check_certificate_ops(const struct pair *p, bool mutual, enum secure_key_kind kind,
                                  int group)
{
    for (int e = 0; e < ENDS; e++) {
        const struct secure_ops *ops = &p->ops[e];
        bool proves = mutual || e == RESPONDER;
        bool verifies = mutual || e == INITIATOR;
        assert_int_equal(ops->key_generate, 1);
        assert_int_equal(ops->key_agree, 1);
        assert_int_equal(ops->sign, proves);
        assert_int_equal(ops->verify, verifies);
        assert_int_equal(ops->chain_verify, verifies);
        assert_int_equal(ops->group, group);
        if (proves) {
            assert_int_equal(ops->sign_kind, kind);
        }
        if (verifies) {
            assert_int_equal(ops->verify_kind, kind);
        }
        assert_true(ops->kdf >= 4 && ops->kdf <= 6);
        assert_true(ops->hash_bytes > 500);
    }
}

static void check_certificate_facts(const struct pair *p, bool mutual, enum secure_version version,
                                    enum secure_key_kind kind, const char *group)
{
    static const char *const signatures[] = {"ecdsa_sha256", "ecdsa_sha384", "ed25519",
                                             "rsa_pss_sha256"};
    for (int e = 0; e < ENDS; e++) {
        struct secure_facts f = pair_facts(p, e);
        bool verifies = mutual || e == INITIATOR;
        assert_string_equal(f.version, version == SECURE_TLS13 ? "TLSv1.3" : "TLSv1.2");
        assert_string_equal(f.kex_group, group);
        assert_true(f.forward_secret && f.aead_or_mac && f.extended_master_secret && !f.resumed);
        assert_true(f.cipher_bits >= 128);
        assert_int_equal(f.peer_certificate, verifies);
        assert_string_equal(f.peer_auth, verifies ? "certificate" : "none");
        assert_string_equal(f.peer_id, !verifies        ? ""
                                       : e == INITIATOR ? "urn:cpns:gateway/1"
                                                        : "urn:cpns:pne/1");
        assert_int_equal(f.verify_result, 0);
        assert_string_equal(f.verify_text, "ok");
        if (!verifies) {
            assert_string_equal(f.peer_signature, "");
        } else if (kind == SECURE_KEY_P384 && version == SECURE_TLS12) {
            assert_memory_equal(f.peer_signature, "ecdsa_", 6); /* any digest goes with the curve */
        } else {
            assert_string_equal(f.peer_signature, signatures[kind]);
        }
    }
}

/* What both have seen of the session is the same. */
static void check_views(const struct pair *p, bool mutual)
{
    struct secure_facts i = pair_facts(p, INITIATOR);
    struct secure_facts r = pair_facts(p, RESPONDER);
    assert_true(i.client_random != 0 && i.client_random == r.client_random);
    assert_true(i.server_random != 0 && i.server_random == r.server_random);
    assert_true(i.secret != 0 && i.secret == r.secret);
    assert_true(i.peer_fingerprint != 0 && i.peer_fingerprint == r.own_certificate);
    assert_true(r.peer_fingerprint == i.own_certificate && (i.own_certificate != 0) == mutual);
    assert_int_equal(i.records_sent, r.records_received);
    assert_int_equal(r.records_sent, i.records_received);
    assert_true(i.records_sent > 1 && r.records_sent > 3);
}

static void versions_groups_keys_and_authentication(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        const char *list; /* a key of TLS 1.2 needs its curve among the groups */
        int id;
    } groups[] = {{"P-256", "P-256:P-384", 23},
                  {"P-384", "P-384:P-256", 24},
                  {"X25519", "X25519:P-256:P-384", 29}};
    for (int version = SECURE_TLS12; version <= SECURE_TLS13; version++) {
        for (size_t g = 0; g < SIM_ARRAY_LEN(groups); g++) {
            for (int mutual = 0; mutual < 2; mutual++) {
                struct secure_policy_params params = params_of((enum secure_version)version);
                params.groups = groups[g].list;
                params.auth = mutual ? SECURE_AUTH_MUTUAL : SECURE_AUTH_SERVER_ONLY;
                struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
                for (int k = 0; k < KINDS; k++) {
                    struct pair p;
                    pair_open(&p, policy, policy,
                              (struct secure_session_params){
                                  .identity = mutual ? w->ids[k][INITIATOR] : NULL,
                                  .expected_peer = "urn:cpns:gateway/1"},
                              (struct secure_session_params){.identity = w->ids[k][RESPONDER],
                                                             .expected_peer =
                                                                 mutual ? "urn:cpns:pne/1" : NULL},
                              0);
                    pair_handshake(&p);
                    assert_true(pair_is_established(&p));
                    check_certificate_facts(&p, mutual, (enum secure_version)version,
                                            (enum secure_key_kind)k, groups[g].name);
                    check_views(&p, mutual);
                    check_certificate_ops(&p, mutual, (enum secure_key_kind)k, groups[g].id);
                    pair_fini(&p);
                }
                secure_policy_free(policy);
            }
        }
    }
}

/* --- the messages -------------------------------------------------------------------------------
 */

static void messages_are_those_that_passed(void **state)
{
    struct world *w = *state;
    static const char *const expected[][ENDS] = {
        {"ClientHello> ServerHello< Certificate< ServerKeyExchange< CertificateRequest< "
         "ServerHelloDone< Certificate> ClientKeyExchange> CertificateVerify> Finished> Finished< ",
         "ClientHello< ServerHello> Certificate> ServerKeyExchange> CertificateRequest> "
         "ServerHelloDone> Certificate< ClientKeyExchange< CertificateVerify< Finished< "
         "Finished> "},
        {"ClientHello> ServerHello< EncryptedExtensions< CertificateRequest< Certificate< "
         "CertificateVerify< Finished< Certificate> CertificateVerify> Finished> ",
         "ClientHello< ServerHello> EncryptedExtensions> CertificateRequest> Certificate> "
         "CertificateVerify> Finished> Certificate< CertificateVerify< Finished< "}};
    for (int version = SECURE_TLS12; version <= SECURE_TLS13; version++) {
        struct secure_policy_params params = params_of((enum secure_version)version);
        struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
        struct pair p;
        pair_open(&p, policy, policy,
                  (struct secure_session_params){.identity = w->ids[0][INITIATOR]},
                  (struct secure_session_params){.identity = w->ids[0][RESPONDER]}, 0);
        pair_handshake(&p);
        for (int e = 0; e < ENDS; e++) {
            struct span seen = buf_span(&p.messages[e]);
            assert_true(span_equal_str(seen, expected[version - SECURE_TLS12][e]));
            assert_int_equal(p.handshake_bytes[e], buf_len(&p.wire[e]));
        }
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

/* The first key share is refused with HelloRetryRequest: a second key pair is made. */
static void a_hello_retry_costs_a_key_pair(void **state)
{
    struct world *w = *state;
    struct secure_policy_params params = pair_policy_params();
    params.groups = "X25519:P-384";
    struct secure_policy *client = pair_policy(w->env, &params, w->ca);
    params.groups = "P-384";
    struct secure_policy *server = pair_policy(w->env, &params, w->ca);
    struct pair p;
    pair_open(&p, client, server, (struct secure_session_params){.identity = w->ids[0][INITIATOR]},
              (struct secure_session_params){.identity = w->ids[0][RESPONDER]}, 0);
    pair_handshake(&p);
    assert_true(pair_is_established(&p));
    assert_int_equal(p.ops[INITIATOR].key_generate, 2);
    assert_int_equal(p.ops[INITIATOR].key_agree, 1);
    assert_int_equal(p.ops[RESPONDER].key_generate, 1);
    assert_int_equal(p.ops[RESPONDER].key_agree, 1);
    assert_int_equal(p.ops[RESPONDER].group, 24);
    assert_string_equal(pair_facts(&p, INITIATOR).kex_group, "P-384");
    pair_fini(&p);
    secure_policy_free(client);
    secure_policy_free(server);
}

static void versions_meet_at_the_highest_common(void **state)
{
    struct world *w = *state;
    struct secure_policy_params params = pair_policy_params();
    params.min_version = SECURE_TLS12;
    struct secure_policy *both = pair_policy(w->env, &params, w->ca);
    params.max_version = SECURE_TLS12;
    struct secure_policy *old = pair_policy(w->env, &params, w->ca);
    for (int e = 0; e < 3; e++) {
        struct pair p;
        pair_open(&p, e == 0 ? old : both, e == 1 ? old : both,
                  (struct secure_session_params){.identity = w->ids[0][INITIATOR]},
                  (struct secure_session_params){.identity = w->ids[0][RESPONDER]}, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        assert_string_equal(pair_facts(&p, INITIATOR).version, e == 2 ? "TLSv1.3" : "TLSv1.2");
        /* a client that offers TLS 1.3 has made a key share, in vain when it becomes 1.2 */
        assert_int_equal(p.ops[INITIATOR].key_generate, e == 1 ? 2 : 1);
        assert_int_equal(p.ops[INITIATOR].key_agree, 1);
        assert_int_equal(p.ops[RESPONDER].key_agree, 1);
        pair_fini(&p);
    }
    secure_policy_free(both);
    secure_policy_free(old);
}

/* --- pre-shared keys and old suites -------------------------------------------------------------
 */

static void pre_shared_keys(void **state)
{
    struct world *w = *state;
    static const struct {
        enum secure_version version;
        const char *ciphers;
        const char *cipher;
        bool forward_secret;
    } cases[] = {
        {SECURE_TLS12, "PSK-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256", false},
        {SECURE_TLS12, "ECDHE-PSK-AES128-CBC-SHA256", "ECDHE-PSK-AES128-CBC-SHA256", true},
        {SECURE_TLS12, NULL, NULL, true},
        {SECURE_TLS13, NULL, "TLS_AES_128_GCM_SHA256", true},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_policy_params params = params_of(cases[i].version);
        params.auth = SECURE_AUTH_PSK;
        params.ciphers = cases[i].ciphers;
        params.ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"; /* PSK: SHA-256 */
        struct secure_policy *policy = pair_policy(w->env, &params, NULL);
        struct pair p;
        const struct secure_session_params end = {.psk = span_of_str("0123456789abcdef"),
                                                  .psk_identity = "pne/1"};
        pair_open(&p, policy, policy, end, end, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        for (int e = 0; e < ENDS; e++) {
            struct secure_facts f = pair_facts(&p, e);
            if (cases[i].cipher != NULL) {
                assert_string_equal(f.cipher, cases[i].cipher);
                assert_int_equal(f.forward_secret, cases[i].forward_secret);
                assert_string_equal(f.kex_group, cases[i].forward_secret ? "X25519" : "");
                assert_int_equal(p.ops[e].key_generate, cases[i].forward_secret);
                assert_int_equal(p.ops[e].key_agree, cases[i].forward_secret);
            }
            assert_string_equal(f.peer_auth, "psk");
            assert_string_equal(f.peer_id, "pne/1");
            assert_false(f.resumed || f.peer_certificate);
            assert_int_equal(p.ops[e].sign + p.ops[e].verify + p.ops[e].chain_verify, 0);
        }
        pair_send(&p, RESPONDER, span_of_str("hello"));
        pair_flow(&p);
        assert_true(span_equal_str(buf_span(&p.got[INITIATOR]), "hello"));
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

/* Keys under the server's RSA key: no forward secrecy. And no encryption at all. */
static void suites_of_the_positive_controls(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *cipher;
        enum secure_key_kind kind;
        bool forward_secret;
        int bits;
    } cases[] = {{"AES128-GCM-SHA256", SECURE_KEY_RSA2048, false, 128},
                 {"ECDHE-ECDSA-NULL-SHA", SECURE_KEY_P256, true, 0}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_policy_params params = params_of(SECURE_TLS12);
        params.ciphers = cases[i].cipher;
        params.security_level = 0;
        params.auth = SECURE_AUTH_SERVER_ONLY;
        struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
        struct pair p;
        pair_open(&p, policy, policy, (struct secure_session_params){0},
                  (struct secure_session_params){.identity = w->ids[cases[i].kind][RESPONDER]}, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        struct secure_facts f = pair_facts(&p, INITIATOR);
        assert_string_equal(f.cipher, cases[i].cipher);
        assert_int_equal(f.cipher_bits, cases[i].bits);
        assert_int_equal(f.forward_secret, cases[i].forward_secret);
        assert_true(f.aead_or_mac);
        assert_int_equal(p.ops[RESPONDER].sign, 1); /* the RSA key's private operation */
        assert_int_equal(p.ops[RESPONDER].key_agree, cases[i].forward_secret);
        pair_send(&p, INITIATOR, span_of_str("the pulse is 72 beats a minute"));
        struct span wire = buf_span(&p.wire[INITIATOR]);
        assert_int_equal(memmem(wire.data, wire.len, "72 beats", 8) != NULL, cases[i].bits == 0);
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

static void unknown_algorithms_are_told(void **state)
{
    struct world *w = *state;
    const struct {
        const char *ciphers, *ciphersuites, *groups, *word;
    } cases[] = {{"ECDHE-ROT13", NULL, NULL, "ECDHE-ROT13"},
                 {"ECDHE-ECDSA-AES128-GCM-SHA256:FOO", NULL, NULL, "FOO"},
                 {NULL, "TLS_ROT13_SHA256", NULL, "TLS_ROT13_SHA256"},
                 {NULL, NULL, "X25519:P-123", "P-123"}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_policy_params params = pair_policy_params();
        struct secure_policy *policy = NULL;
        struct diag_list diags = {0};
        params.ciphers = cases[i].ciphers;
        params.ciphersuites = cases[i].ciphersuites;
        params.groups = cases[i].groups;
        assert_int_equal(secure_policy_create(w->env, &params, w->ca, &policy, &diags),
                         -SIM_ENOTSUP);
        assert_null(policy);
        assert_int_equal(diags.count, 1);
        assert_non_null(strstr(diags.items[0].message, cases[i].word));
        diag_list_fini(&diags);
    }
    /* OpenSSL's operators are no names */
    struct secure_policy_params params = params_of(SECURE_TLS12);
    params.ciphers = "HIGH:!aNULL:!PSK:-AES256:@SECLEVEL=2";
    secure_policy_free(pair_policy(w->env, &params, w->ca));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_groups_keys_and_authentication),
        cmocka_unit_test(messages_are_those_that_passed),
        cmocka_unit_test(a_hello_retry_costs_a_key_pair),
        cmocka_unit_test(versions_meet_at_the_highest_common),
        cmocka_unit_test(pre_shared_keys),
        cmocka_unit_test(suites_of_the_positive_controls),
        cmocka_unit_test(unknown_algorithms_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
