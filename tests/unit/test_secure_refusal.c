/* Bad credentials and unequal policies end in the alert they deserve, sent by the end that judges
 * and received by the other. Every refusal has a control that is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

enum { VERSIONS = 2 };
static const enum secure_version versions[VERSIONS] = {SECURE_TLS12, SECURE_TLS13};

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *ids[ENDS];
    struct secure_policy *policies[VERSIONS];
};

static const char *const names[ENDS] = {"pne/1", "gateway/1"};
static const char *const urns[ENDS] = {"urn:cpns:pne/1", "urn:cpns:gateway/1"};

static struct secure_policy_params params_of(enum secure_version version)
{
    struct secure_policy_params params = pair_policy_params();
    params.min_version = params.max_version = version;
    return params;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(11);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    for (int e = 0; e < ENDS; e++) {
        w->ids[e] = pair_identity(w->env, w->ca, names[e], SECURE_KEY_P256);
    }
    for (int v = 0; v < VERSIONS; v++) {
        struct secure_policy_params params = params_of(versions[v]);
        w->policies[v] = pair_policy(w->env, &params, w->ca);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        secure_identity_free(w->ids[i]);
        secure_policy_free(w->policies[i]);
    }
    secure_ca_free(w->ca);
    secure_env_free(w->env);
    free(w);
    return 0;
}

/* Runs a handshake in which `judge` sends `alert`, or with `alert` NULL one that succeeds. */
static void expect(struct pair *p, int judge, const char *alert)
{
    const struct span early = span_of_str("not for you");
    pair_handshake(p);
    if (alert == NULL) {
        assert_true(pair_is_established(p));
        assert_null(p->alert_sent[INITIATOR]);
        assert_null(p->alert_sent[RESPONDER]);
    } else {
        for (int e = 0; e < ENDS; e++) {
            assert_int_equal(pair_state(p, e), SECURE_FAILED);
            assert_string_equal(secure_session_failure(p->end[e]), alert);
            assert_int_equal(
                pair_step(p, e, &(struct secure_input){.messages = &early, .message_count = 1}),
                -SIM_ESTATE);
            assert_int_equal(buf_len(&p->got[e]), 0);
            assert_false(pair_facts(p, e).peer_certificate && e == judge);
        }
        assert_string_equal(p->alert_sent[judge], alert);
        assert_string_equal(p->alert_received[1 - judge], alert);
    }
    pair_fini(p);
}

/* Both ends with good credentials but for what `own` says about `end`. */
static void open_with(struct pair *p, struct world *w, int version, int end,
                      const struct secure_identity *own, sim_time now)
{
    struct secure_session_params params[ENDS];
    for (int e = 0; e < ENDS; e++) {
        params[e] = (struct secure_session_params){.identity = e == end ? own : w->ids[e],
                                                   .expected_peer = urns[1 - e]};
    }
    pair_open(p, w->policies[version], w->policies[version], params[INITIATOR], params[RESPONDER],
              now);
}

struct fault {
    const char *what;
    const char *urn; /* NULL: the right one */
    bool stranger, self_signed;
    sim_time not_before, not_after;
    sim_time bad_at, good_at; /* good_at 0 with bad_at 0: never good */
    const char *alert;
};

static void bad_certificates(void **state)
{
    struct world *w = *state;
    static const struct fault faults[] = {
        {.what = "untrusted CA", .stranger = true, .not_after = PAIR_DAY, .alert = "unknown_ca"},
        {.what = "self-signed", .self_signed = true, .not_after = PAIR_DAY, .alert = "unknown_ca"},
        {.what = "expired",
         .not_before = -PAIR_DAY,
         .not_after = 10 * PAIR_DAY,
         .bad_at = 10 * PAIR_DAY + SIM_S,
         .good_at = 10 * PAIR_DAY - SIM_S,
         .alert = "certificate_expired"},
        {.what = "not yet valid",
         .not_before = 5 * PAIR_DAY,
         .not_after = 9 * PAIR_DAY,
         .bad_at = 5 * PAIR_DAY - SIM_S,
         .good_at = 5 * PAIR_DAY + SIM_S,
         .alert = "bad_certificate"},
        {.what = "wrong name",
         .urn = "urn:cpns:somebody/else",
         .not_before = -PAIR_DAY,
         .not_after = PAIR_DAY,
         .alert = "bad_certificate"},
        {.what = "name longer than the right one",
         .urn = "urn:cpns:pne/11",
         .not_before = -PAIR_DAY,
         .not_after = PAIR_DAY,
         .alert = "bad_certificate"},
    };
    struct secure_ca *stranger = pair_ca(w->env, "stranger", SECURE_KEY_P256);
    for (size_t i = 0; i < SIM_ARRAY_LEN(faults); i++) {
        const struct fault *f = &faults[i];
        for (int end = 0; end < ENDS; end++) {
            struct secure_identity *own;
            struct diag_list diags = {0};
            const struct secure_identity_params params = {.name = names[end],
                                                          .urn =
                                                              f->urn != NULL ? f->urn : urns[end],
                                                          .kind = SECURE_KEY_P256,
                                                          .not_before = f->not_before,
                                                          .not_after = f->not_after,
                                                          .self_signed = f->self_signed};
            assert_int_equal(secure_identity_issue(w->env, f->stranger ? stranger : w->ca, &params,
                                                   &own, &diags),
                             0);
            for (int v = 0; v < VERSIONS; v++) {
                struct pair p;
                print_message("%s at the %s\n", f->what, end == INITIATOR ? "initiator" : "other");
                open_with(&p, w, v, end, own, f->bad_at);
                expect(&p, 1 - end, f->alert);
                if (f->good_at != 0) {
                    open_with(&p, w, v, end, own, f->good_at);
                    expect(&p, 1 - end, NULL);
                }
            }
            secure_identity_free(own);
        }
    }
    secure_ca_free(stranger);
}

/* The control of the wrong name: who expects nobody in particular takes anybody the CA knows. */
static void any_name_is_taken_where_none_is_expected(void **state)
{
    struct world *w = *state;
    struct secure_identity *other = pair_identity(w->env, w->ca, "pne/2", SECURE_KEY_P256);
    for (int v = 0; v < VERSIONS; v++) {
        struct pair p;
        pair_open(&p, w->policies[v], w->policies[v],
                  (struct secure_session_params){.identity = other},
                  (struct secure_session_params){.identity = other}, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        for (int e = 0; e < ENDS; e++) {
            assert_string_equal(pair_facts(&p, e).peer_id, "urn:cpns:pne/2");
        }
        pair_fini(&p);
    }
    secure_identity_free(other);
}

/* A certificate that was good when the session was opened may be bad when it is judged. */
static void certificates_are_judged_when_they_arrive(void **state)
{
    struct world *w = *state;
    struct pair p;
    open_with(&p, w, 1, INITIATOR, w->ids[INITIATOR], 364 * PAIR_DAY);
    p.now = 366 * PAIR_DAY;
    expect(&p, INITIATOR, "certificate_expired");
}

static void no_client_certificate(void **state)
{
    struct world *w = *state;
    struct pair p;
    open_with(&p, w, 0, INITIATOR, NULL, 0);
    expect(&p, RESPONDER, "handshake_failure");

    open_with(&p, w, 1, INITIATOR, NULL, 0);
    /* RFC 8446: the client is done before the server has seen that its certificate is missing */
    pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
    pair_step(&p, RESPONDER, &(struct secure_input){.wire = buf_span(&p.to[RESPONDER])});
    buf_clear(&p.to[RESPONDER]);
    pair_step(&p, INITIATOR, &(struct secure_input){.wire = buf_span(&p.to[INITIATOR])});
    buf_clear(&p.to[INITIATOR]);
    assert_int_equal(pair_state(&p, INITIATOR), SECURE_ESTABLISHED);
    assert_int_equal(pair_state(&p, RESPONDER), SECURE_HANDSHAKING);
    pair_flow(&p);
    assert_string_equal(p.alert_sent[RESPONDER], "certificate_required");
    assert_string_equal(p.alert_received[INITIATOR], "certificate_required");
    assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
    assert_int_equal(pair_state(&p, RESPONDER), SECURE_FAILED);
    assert_false(pair_facts(&p, RESPONDER).peer_certificate);
    pair_fini(&p);
}

static void no_server_certificate(void **state)
{
    struct world *w = *state;
    for (int v = 0; v < VERSIONS; v++) {
        struct pair p;
        open_with(&p, w, v, RESPONDER, NULL, 0);
        /* OpenSSL does not speak TLS 1.3 at all without something to prove itself by */
        expect(&p, RESPONDER, v == 0 ? "handshake_failure" : "protocol_version");
    }
}

/* --- pre-shared keys ----------------------------------------------------------------------------
 */

static void pre_shared_keys(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *key, *identity;
        const char *alert[VERSIONS];
    } cases[] = {
        {"the right key...", "pne/1", {NULL, NULL}},
        {"another key.....", "pne/1", {"bad_record_mac", "illegal_parameter"}},
        {"the right key...", "pne/2", {"unknown_psk_identity", "handshake_failure"}},
        {"", "pne/1", {"handshake_failure", "handshake_failure"}},
    };
    for (int v = 0; v < VERSIONS; v++) {
        struct secure_policy_params params = params_of(versions[v]);
        params.auth = SECURE_AUTH_PSK;
        struct secure_policy *policy = pair_policy(w->env, &params, NULL);
        for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
            bool nothing = cases[i].key[0] == '\0';
            struct pair p;
            pair_open(&p, policy, policy,
                      (struct secure_session_params){.psk = span_of_str(cases[i].key),
                                                     .psk_identity = cases[i].identity},
                      (struct secure_session_params){.psk = span_of_str("the right key..."),
                                                     .psk_identity = "pne/1"},
                      0);
            print_message("%s of %s, version %d\n", cases[i].key, cases[i].identity, v);
            /* in TLS 1.2 a client without a key finds out itself */
            expect(&p, nothing && v == 0 ? INITIATOR : RESPONDER, cases[i].alert[v]);
        }
        secure_policy_free(policy);
    }
}

/* Whoever has a good certificate but not the key gets nowhere, from either side. */
static void a_certificate_is_no_pre_shared_key(void **state)
{
    struct world *w = *state;
    for (int v = 0; v < VERSIONS; v++) {
        struct secure_policy_params params = params_of(versions[v]);
        params.auth = SECURE_AUTH_SERVER_ONLY;
        struct secure_policy *certificate = pair_policy(w->env, &params, w->ca);
        params.auth = SECURE_AUTH_PSK;
        struct secure_policy *shared = pair_policy(w->env, &params, w->ca);
        for (int impostor = 0; impostor < ENDS; impostor++) {
            struct pair p;
            const struct secure_session_params end = {.psk = span_of_str("0123456789abcdef"),
                                                      .psk_identity = "pne/1"};
            struct secure_session_params ends[2] = {end, end};
            ends[impostor] = (struct secure_session_params){.identity = w->ids[impostor]};
            pair_open(&p, impostor == INITIATOR ? certificate : shared,
                      impostor == RESPONDER ? certificate : shared, ends[INITIATOR],
                      ends[RESPONDER], 0);
            pair_handshake(&p);
            for (int e = 0; e < ENDS; e++) {
                assert_int_equal(pair_state(&p, e), SECURE_FAILED);
                assert_string_not_equal(pair_facts(&p, e).peer_auth, "psk");
            }
            pair_fini(&p);
        }
        secure_policy_free(certificate);
        secure_policy_free(shared);
    }
}

/* --- policies that do not meet ------------------------------------------------------------------
 */

static void policies_without_common_ground(void **state)
{
    struct world *w = *state;
    struct side {
        enum secure_version min, max;
        const char *ciphers, *ciphersuites, *groups;
    };
#define TLS12(...)                                                                                 \
    {                                                                                              \
        .min = SECURE_TLS12, .max = SECURE_TLS12, __VA_ARGS__                                      \
    }
#define TLS13(...)                                                                                 \
    {                                                                                              \
        .min = SECURE_TLS13, .max = SECURE_TLS13, __VA_ARGS__                                      \
    }
    static const struct {
        struct side side[ENDS];
        const char *alert; /* of the responder */
    } cases[] = {
        /* version caps, both ways */
        {{TLS12(.groups = NULL), TLS13(.groups = NULL)}, "protocol_version"},
        {{TLS13(.groups = NULL), TLS12(.groups = NULL)}, "protocol_version"},
        {{{.min = SECURE_TLS12, .max = SECURE_TLS13}, TLS13(.groups = NULL)}, NULL},
        /* suites */
        {{TLS12(.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"),
          TLS12(.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305")},
         "handshake_failure"},
        {{TLS13(.ciphersuites = "TLS_AES_128_GCM_SHA256"),
          TLS13(.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256")},
         "handshake_failure"},
        {{TLS13(.ciphersuites = "TLS_AES_128_GCM_SHA256"),
          TLS13(.ciphersuites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256")},
         NULL},
        /* groups */
        {{TLS13(.groups = "X25519"), TLS13(.groups = "P-256")}, "handshake_failure"},
        {{TLS12(.groups = "X25519:P-256"), TLS12(.groups = "P-384")}, "handshake_failure"},
        {{TLS13(.groups = "X25519:P-256"), TLS13(.groups = "P-256")}, NULL},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_policy *policies[ENDS];
        struct pair p;
        for (int e = 0; e < ENDS; e++) {
            const struct side *s = &cases[i].side[e];
            struct secure_policy_params params = pair_policy_params();
            params.min_version = s->min;
            params.max_version = s->max;
            params.ciphers = s->ciphers;
            params.ciphersuites = s->ciphersuites;
            params.groups = s->groups;
            policies[e] = pair_policy(w->env, &params, w->ca);
        }
        pair_open(&p, policies[INITIATOR], policies[RESPONDER],
                  (struct secure_session_params){.identity = w->ids[INITIATOR]},
                  (struct secure_session_params){.identity = w->ids[RESPONDER]}, 0);
        print_message("case %zu\n", i);
        expect(&p, RESPONDER, cases[i].alert);
        secure_policy_free(policies[INITIATOR]);
        secure_policy_free(policies[RESPONDER]);
    }
}

/* A suite that hides nothing: refused at every security level but 0, where it does what it says. */
static void nothing_is_hidden_at_security_level_zero_alone(void **state)
{
    struct world *w = *state;
    struct secure_policy_params params = params_of(SECURE_TLS12);
    params.ciphers = "ECDHE-ECDSA-NULL-SHA";
    for (int level = -1; level <= 2; level++) {
        struct secure_policy *policy = NULL;
        struct diag_list diags = {0};
        params.security_level = level;
        int r = secure_policy_create(w->env, &params, w->ca, &policy, &diags);
        assert_int_equal(r, level == 0 ? 0 : -SIM_ENOTSUP);
        if (level == 0) {
            struct pair p;
            pair_open(&p, policy, policy,
                      (struct secure_session_params){.identity = w->ids[INITIATOR]},
                      (struct secure_session_params){.identity = w->ids[RESPONDER]}, 0);
            pair_handshake(&p);
            assert_true(pair_is_established(&p));
            assert_int_equal(pair_facts(&p, INITIATOR).cipher_bits, 0);
            pair_fini(&p);
        } else {
            assert_non_null(strstr(diags.items[0].message,
                                   level < 0 ? "not at security level 2" : "security level"));
        }
        secure_policy_free(policy);
        diag_list_fini(&diags);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_certificates),
        cmocka_unit_test(any_name_is_taken_where_none_is_expected),
        cmocka_unit_test(certificates_are_judged_when_they_arrive),
        cmocka_unit_test(no_client_certificate),
        cmocka_unit_test(no_server_certificate),
        cmocka_unit_test(pre_shared_keys),
        cmocka_unit_test(a_certificate_is_no_pre_shared_key),
        cmocka_unit_test(policies_without_common_ground),
        cmocka_unit_test(nothing_is_hidden_at_security_level_zero_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
