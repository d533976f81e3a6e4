/* What memory OpenSSL asks for in a session, counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/interpose.h"
#include "sim/secure/session_internal.h"
#include "tests/support/secure_pair.h"

enum { FILTER_BYTES = 4096 /* of each of the two buffers of BIO_f_buffer() */ };

static size_t filters;

static void *count_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    filters += len == FILTER_BYTES;
    return len > 0 ? malloc(len) : NULL;
}

static void *count_realloc(void *p, size_t len, const char *file, int line)
{
    if (p == NULL) {
        return count_malloc(len, file, line);
    }
    if (len == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, len);
}

static void count_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* What libssl holds of both keys of an agreement. */
static bool holds_keys(SSL *ssl)
{
    EVP_PKEY *keys[2] = {NULL, NULL};
    bool holds = false;
    SSL_get_tmp_key(ssl, &keys[0]);
    SSL_get_peer_tmp_key(ssl, &keys[1]);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *octets = NULL;
        holds |= keys[i] != NULL && EVP_PKEY_get1_encoded_public_key(keys[i], &octets) > 0;
        OPENSSL_free(octets);
        EVP_PKEY_free(keys[i]);
    }
    return holds;
}

struct wires {
    struct buf of[ENDS];
    size_t filters; /* buffers of that length asked for meanwhile */
    bool established;
};

/* A handshake and a message each way, with the filter that is given, or the environment's own. */
static void talk(const struct secure_policy_params *params, const char *client_groups,
                 bool is_trusted, const BIO_METHOD *filter, struct wires *ret)
{
    struct secure_env *env = pair_env(7);
    BIO_METHOD *own = env->no_buffer;
    struct secure_ca *ca = pair_ca(env, "one", SECURE_KEY_P256);
    struct secure_ca *other = pair_ca(env, "other", SECURE_KEY_P256);
    struct secure_identity *ids[] = {
        pair_identity(env, ca, "phone", SECURE_KEY_P256),
        pair_identity(env, is_trusted ? ca : other, "tablet", SECURE_KEY_P256)};
    struct secure_policy_params initiator = *params;
    initiator.groups = client_groups;
    struct secure_policy *policies[] = {pair_policy(env, &initiator, ca),
                                        pair_policy(env, params, ca)};
    env->no_buffer = filter != NULL ? (BIO_METHOD *)(uintptr_t)filter : own;
    struct pair p = {.now = 0};
    struct secure_session_params ends[ENDS] = {
        {.owner = "phone", .identity = ids[0], .mtu = 1280},
        {.owner = "tablet", .identity = ids[1], .mtu = 1280}};
    pair_open(&p, policies[INITIATOR], policies[RESPONDER], ends[INITIATOR], ends[RESPONDER], 0);
    filters = 0;
    pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
    bool offers = params->kind == SECURE_TLS && params->max_version == SECURE_TLS13;
    assert_int_equal(holds_keys(p.end[INITIATOR]->ssl), offers); /* while it is to be used */
    pair_flow(&p);
    ret->filters = filters;
    ret->established = pair_is_established(&p);
    for (int end = 0; ret->established && end < ENDS; end++) {
        assert_false(holds_keys(p.end[end]->ssl));
        pair_send(&p, end, span_of_str("how warm is it"));
        pair_flow(&p);
    }
    for (int end = 0; end < ENDS; end++) {
        ret->of[end] = (struct buf){0};
        buf_append(&ret->of[end], buf_span(&p.wire[end]));
    }
    pair_fini(&p);
    env->no_buffer = own;
    for (int end = 0; end < ENDS; end++) {
        secure_policy_free(policies[end]);
        secure_identity_free(ids[end]);
    }
    secure_ca_free(ca);
    secure_ca_free(other);
    secure_env_free(env);
}

static void fini(struct wires *w)
{
    buf_fini(&w->of[INITIATOR]);
    buf_fini(&w->of[RESPONDER]);
}

static void a_handshake_over_a_stream_gathers_no_records(void **state)
{
    (void)state;
    static const struct {
        enum secure_version version;
        const char *client_groups;
        bool is_trusted;
    } cases[] = {{SECURE_TLS13, "P-256", true},
                 {SECURE_TLS13, "X25519:P-256", true}, /* HelloRetryRequest */
                 {SECURE_TLS12, "P-256", true},
                 {SECURE_TLS13, "P-256", false}, /* ends with an alert */
                 {SECURE_TLS12, "P-256", false}};
    const BIO_METHOD *gathers = BIO_f_buffer();
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_policy_params params = pair_policy_params();
        params.min_version = params.max_version = cases[i].version;
        params.groups = "P-256";
        struct wires ours;
        struct wires theirs;
        talk(&params, cases[i].client_groups, cases[i].is_trusted, NULL, &ours);
        talk(&params, cases[i].client_groups, cases[i].is_trusted, gathers, &theirs);
        assert_int_equal(ours.filters, 0);
        assert_int_equal(theirs.filters, 2 * ENDS);
        assert_int_equal(ours.established, cases[i].is_trusted);
        for (int end = 0; end < ENDS; end++) {
            assert_true(buf_len(&ours.of[end]) > 0);
            assert_true(span_equal(buf_span(&ours.of[end]), buf_span(&theirs.of[end])));
        }
        fini(&ours);
        fini(&theirs);
    }
}

static void datagrams_are_gathered(void **state)
{
    (void)state;
    struct secure_policy_params params = pair_policy_params();
    params.kind = SECURE_DTLS;
    struct wires w;
    talk(&params, params.groups, true, NULL, &w);
    assert_true(w.established);
    assert_true(w.filters >= 2 * ENDS);
    fini(&w);
}

/* What is written goes on at once; with libcrypto's own filter, when it is flushed. */
static void the_filter_passes_on_what_is_written(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(7);
    for (int whole = 0; whole < 2; whole++) {
        interpose_enter(env);
        if (whole) {
            interpose_whole_buffers();
        }
        BIO *filter = BIO_new(BIO_f_buffer());
        BIO *end = BIO_new(BIO_s_mem());
        interpose_leave();
        assert_int_equal(BIO_set_read_buffer_size(filter, 1), 1);
        BIO_push(filter, end);
        assert_int_equal(BIO_write(filter, "record", 6), 6);
        assert_int_equal(BIO_ctrl_pending(end), whole ? 0 : 6);
        assert_int_equal(BIO_flush(filter), 1);
        char got[8];
        assert_int_equal(BIO_read(end, got, sizeof(got)), 6);
        assert_memory_equal(got, "record", 6);
        assert_ptr_equal(BIO_pop(filter), end);
        assert_int_equal(BIO_flush(filter), 0);
        BIO_free(filter);
        BIO_free(end);
    }
    secure_env_free(env);
}

int main(void)
{
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1) {
        return EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_over_a_stream_gathers_no_records),
        cmocka_unit_test(datagrams_are_gathered),
        cmocka_unit_test(the_filter_passes_on_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
