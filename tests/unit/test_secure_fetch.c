/* Fetching a session into the processor's cache changes nothing: each kind does octet for octet the
 * same with it as without, in every state. And what is fetched is what OpenSSL will use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/session_internal.h"
#include "tests/support/secure_pair.h"

static const struct kind {
    enum secure_kind kind;
    enum secure_version version;
    const char *suite; /* NULL: OpenSSL's choice */
} kinds[] = {
    {SECURE_TLS, SECURE_TLS13, "TLS_AES_128_GCM_SHA256"},
    {SECURE_TLS, SECURE_TLS13, "TLS_CHACHA20_POLY1305_SHA256"},
    {SECURE_TLS, SECURE_TLS13, "TLS_AES_128_CCM_SHA256"},
    {SECURE_TLS, SECURE_TLS12, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {SECURE_TLS, SECURE_TLS12, "ECDHE-ECDSA-AES256-SHA384"},
    {SECURE_TLS, SECURE_TLS12, "ECDHE-ECDSA-AES128-SHA"},
    {SECURE_DTLS, SECURE_TLS12, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {SECURE_CLEAR, SECURE_TLS13, NULL},
    {SECURE_CLEAR_DATAGRAM, SECURE_TLS13, NULL},
};

static struct secure_policy *open_pair(const struct pair_family *w, const struct kind *k,
                                       struct pair *p)
{
    struct secure_policy_params params = pair_policy_params();
    params.kind = k->kind;
    params.min_version = params.max_version = k->version;
    *(k->version == SECURE_TLS13 ? &params.ciphersuites : &params.ciphers) = k->suite;
    struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
    struct secure_session_params i = {.owner = "pne/1",
                                      .ordinal = 1,
                                      .identity = w->ids[INITIATOR],
                                      .expected_peer = "urn:cpns:gateway/1"};
    struct secure_session_params r = {.owner = "gateway/1",
                                      .ordinal = 1,
                                      .identity = w->ids[RESPONDER],
                                      .expected_peer = "urn:cpns:pne/1"};
    pair_open(p, policy, policy, i, r, 0);
    return policy;
}

static void fetch_all(const struct pair *p, bool wanted)
{
    for (int end = 0; wanted && end < ENDS; end++) {
        for (int what = SECURE_FETCH_SESSION; what <= SECURE_FETCH_KEYS; what++) {
            secure_session_fetch(p->end[end], (enum secure_fetch)what, false);
            secure_session_fetch(p->end[end], (enum secure_fetch)what, true);
        }
    }
}

static uint8_t *last_octet(struct buf *b)
{
    struct span all = buf_span(b);
    return (uint8_t *)(uintptr_t)all.data + all.len - 1;
}

/* A whole life, or one that a flipped bit ends; fetched before and after each step, or never. */
static struct secure_policy *live(const struct pair_family *w, const struct kind *k, bool spoil,
                                  bool fetch, struct pair *p, enum secure_state states[ENDS])
{
    static const uint8_t octets[700] = {1, 2, 3};
    bool tls13 = k->kind == SECURE_TLS && k->version == SECURE_TLS13;
    fetch_all(&(struct pair){0}, fetch);
    struct secure_policy *policy = open_pair(w, k, p);
    fetch_all(p, fetch);
    pair_step(p, INITIATOR, &(struct secure_input){.start = true});
    fetch_all(p, fetch); /* one has an SSL object, the other none */
    pair_flow(p);
    fetch_all(p, fetch);
    assert_true(pair_is_established(p));
    for (int round = 0; round < 4; round++) {
        if (tls13 && round == 2) { /* the contexts that were noted are over */
            struct secure_input update = {.key_update = true};
            assert_int_equal(pair_step(p, round % ENDS, &update), 0);
            fetch_all(p, fetch);
            pair_flow(p);
        }
        pair_send(p, round % ENDS, span_of(octets, sizeof(octets)));
        fetch_all(p, fetch);
        pair_flow(p);
    }
    if (spoil) {
        pair_send(p, INITIATOR, span_of(octets, sizeof(octets)));
        *last_octet(&p->to[RESPONDER]) ^= 1;
        pair_flow(p);
        fetch_all(p, fetch);
    }
    if (pair_state(p, INITIATOR) == SECURE_ESTABLISHED) {
        pair_close(p, INITIATOR);
        fetch_all(p, fetch);
        pair_flow(p);
    }
    fetch_all(p, fetch);
    pair_cut(p, INITIATOR);
    pair_cut(p, RESPONDER);
    fetch_all(p, fetch); /* closed, or failed */
    for (int end = 0; end < ENDS; end++) {
        states[end] = pair_state(p, end);
    }
    return policy;
}

static void changes_nothing(void **state)
{
    for (size_t i = 0; i < 2 * SIM_ARRAY_LEN(kinds); i++) {
        struct pair with = {0};
        struct pair without = {0};
        enum secure_state states[2][ENDS];
        const struct kind *k = &kinds[i / 2];
        struct secure_policy *policies[] = {
            live(*state, k, i % 2 == 1, true, &with, states[0]),
            live(*state, k, i % 2 == 1, false, &without, states[1]),
        };
        assert_memory_equal(states[0], states[1], sizeof(states[0]));
        for (int end = 0; end < ENDS; end++) {
            assert_true(buf_len(&with.wire[end]) > 0);
            assert_true(span_equal(buf_span(&with.wire[end]), buf_span(&without.wire[end])));
            assert_true(span_equal(buf_span(&with.got[end]), buf_span(&without.got[end])));
            assert_memory_equal(&with.ops[end], &without.ops[end], sizeof(with.ops[end]));
        }
        pair_fini(&with);
        pair_fini(&without);
        secure_policy_free(policies[0]);
        secure_policy_free(policies[1]);
    }
}

/* Each direction's context and the memory of its keys are known once both ends are done. */
static void knows_what_is_used(void **state)
{
    for (size_t i = 0; i < SIM_ARRAY_LEN(kinds); i++) {
        struct pair p = {0};
        struct secure_policy *policy = open_pair(*state, &kinds[i], &p);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        for (int n = 0; n < 2 * ENDS; n++) {
            const struct secure_session *s = p.end[n / 2];
            const struct session_cipher *c = &s->places.ciphers[n % 2];
            if (s->ssl == NULL) {
                assert_null(s->places.bio);
                assert_null(c->context);
                continue;
            }
            assert_ptr_equal(s->places.bio, SSL_get_rbio(s->ssl));
            assert_non_null(c->context);
            assert_int_equal(EVP_CIPHER_CTX_is_encrypting(c->context), n % 2);
            assert_int_equal(EVP_CIPHER_CTX_get_nid(c->context),
                             SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(s->ssl)));
            assert_in_range(c->key_bytes, EVP_CIPHER_CTX_get_key_length(c->context),
                            malloc_usable_size((void *)(uintptr_t)c->keys));
        }
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_nothing, pair_family_set_up, pair_family_tear_down),
        cmocka_unit_test_setup_teardown(knows_what_is_used, pair_family_set_up,
                                        pair_family_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
