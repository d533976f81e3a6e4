/* A table of multiples of the CA's key gives the points that libcrypto gives, and what must fail
 * fails with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/rng.h"
#include "sim/secure/fixed_base.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"
#include "sim/secure/known.h"
#include "sim/secure/stream.h"
#include "tests/support/secure_pair.h"

struct parts {
    struct secure_env *env;
    struct secure_ca *ca, *other_ca;
    struct secure_identity *phone, *stranger;
};

static struct parts make(void)
{
    struct parts p = {.env = pair_env(7)};
    p.ca = pair_ca(p.env, "one", SECURE_KEY_P256);
    p.other_ca = pair_ca(p.env, "two", SECURE_KEY_P256);
    p.phone = pair_identity(p.env, p.ca, "phone", SECURE_KEY_P256);
    p.stranger = pair_identity(p.env, p.other_ca, "stranger", SECURE_KEY_P256);
    return p;
}

static void drop(struct parts *p)
{
    secure_identity_free(p->phone);
    secure_identity_free(p->stranger);
    secure_ca_free(p->ca);
    secure_ca_free(p->other_ca);
    secure_env_free(p->env);
}

static EC_POINT *point_of(const EC_GROUP *group, EVP_PKEY *key)
{
    unsigned char *octets = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(key, &octets);
    EC_POINT *point = EC_POINT_new(group);
    assert_int_equal(EC_POINT_oct2point(group, point, octets, len, NULL), 1);
    OPENSSL_free(octets);
    return point;
}

/* The same sum with the table and without. */
static void compare(struct fixed_base *base, const EC_POINT *point, const BIGNUM *g,
                    const BIGNUM *p, bool infinity)
{
    const EC_GROUP *group = interpose_shared_p256();
    BN_CTX *ctx = BN_CTX_new();
    EC_POINT *ours = EC_POINT_new(group);
    EC_POINT *theirs = EC_POINT_new(group);
    assert_int_equal(EC_POINT_mul(group, theirs, g, point, p, ctx), 1);
    fixed_base_enter(base);
    assert_int_equal(EC_POINT_mul(group, ours, g, point, p, ctx), 1);
    fixed_base_leave();
    assert_int_equal(EC_POINT_cmp(group, ours, theirs, ctx), 0);
    assert_int_equal(EC_POINT_is_at_infinity(group, ours), infinity);
    EC_POINT_free(ours);
    EC_POINT_free(theirs);
    BN_CTX_free(ctx);
}

static BIGNUM *random_scalar(struct rng *rng)
{
    uint8_t octets[32];
    rng_octets(rng, octets, sizeof(octets));
    return BN_bin2bn(octets, sizeof(octets), NULL);
}

static void points_are_libcryptos(void **state)
{
    (void)state;
    struct parts p = make();
    const EC_GROUP *group = interpose_shared_p256();
    struct fixed_base *base = fixed_base_create(p.ca->key);
    EC_POINT *own = point_of(group, p.ca->key);
    EC_POINT *another = point_of(group, p.phone->key);
    struct rng rng;
    rng_init(&rng, 1, "scalars", "test");
    fixed_base_expect(base, FIXED_BASE_LEAST);
    for (int i = 0; i < 200; i++) {
        BIGNUM *g = random_scalar(&rng);
        BIGNUM *q = random_scalar(&rng);
        compare(base, own, g, q, false);
        compare(base, another, g, q, false); /* not the point that the table is of */
        BN_free(g);
        BN_free(q);
    }
    assert_true(fixed_base_is_made(base));
    BIGNUM *edges[4] = {BN_new(), BN_new(), BN_dup(EC_GROUP_get0_order(group)), BN_new()};
    BN_zero(edges[0]);
    assert_int_equal(BN_one(edges[1]), 1);
    BN_copy(edges[3], edges[2]);
    BN_sub_word(edges[3], 1);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 4; k++) {
            compare(base, own, edges[i], edges[k], i % 2 == 0 && k % 2 == 0);
        }
    }
    for (int i = 0; i < 4; i++) {
        BN_free(edges[i]);
    }
    EC_POINT_free(own);
    EC_POINT_free(another);
    fixed_base_unref(base);
    drop(&p);
}

/* Both halves of the sum are the same point, or one the other's inverse: the CA's key is known
 * here. */
static void halves_may_meet(void **state)
{
    (void)state;
    struct parts p = make();
    const EC_GROUP *group = interpose_shared_p256();
    EC_POINT *own = point_of(group, p.ca->key);
    struct fixed_base *base = fixed_base_create(p.ca->key);
    BIGNUM *key = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(p.ca->key, "priv", &key), 1);
    fixed_base_expect(base, FIXED_BASE_LEAST);
    compare(base, own, key, BN_value_one(), false);
    BN_set_negative(key, 1);
    compare(base, own, key, BN_value_one(), true);
    BN_clear_free(key);
    EC_POINT_free(own);
    fixed_base_unref(base);
    drop(&p);
}

static bool verifies(X509 *certificate, const struct secure_ca *ca)
{
    struct stream s; /* RSA draws */
    stream_init(&s, 1, "verifier", "test", 0);
    stream_enter(&s, 0);
    bool good = X509_verify(certificate, X509_get0_pubkey(ca->certificate)) == 1;
    stream_leave();
    return good;
}

static uint8_t *signature_of(const X509 *certificate, size_t *len)
{
    const ASN1_BIT_STRING *signature;
    X509_get0_signature(&signature, NULL, certificate);
    *len = (size_t)ASN1_STRING_length(signature);
    return (uint8_t *)(uintptr_t)ASN1_STRING_get0_data(signature);
}

static void a_bad_certificate_fails_with_the_table(void **state)
{
    (void)state;
    struct parts p = make();
    X509 *good = p.phone->certificate;
    assert_true(verifies(good, p.ca));
    assert_false(fixed_base_is_made(p.ca->base)); /* two certificates do not pay */
    fixed_base_expect(p.ca->base, FIXED_BASE_LEAST);
    assert_true(verifies(good, p.ca));
    assert_true(fixed_base_is_made(p.ca->base));
    size_t len;
    uint8_t *signature = signature_of(good, &len);
    for (size_t i = 0; i < len; i++) {
        signature[i] ^= 0x10;
        assert_false(verifies(good, p.ca));
        signature[i] ^= 0x10;
    }
    assert_true(verifies(good, p.ca));
    assert_false(verifies(good, p.other_ca));
    assert_false(verifies(p.stranger->certificate, p.ca));
    drop(&p);
}

static void changed_octets_and_other_keys_fail_with_the_table(void **state)
{
    (void)state;
    struct parts p = make();
    /* says that it is of the CA, and is signed by the other */
    X509 *forged = X509_dup(p.phone->certificate);
    struct stream s;
    stream_init(&s, 1, "forger", "certificate", 0);
    stream_enter(&s, 0);
    assert_int_not_equal(X509_sign(forged, p.other_ca->key, EVP_sha256()), 0);
    stream_leave();
    const struct {
        X509 *signature_of;
        struct secure_ca *ca;
        bool changed, good;
    } cases[] = {{p.phone->certificate, p.ca, false, true},
                 {p.phone->certificate, p.ca, true, false},
                 {p.phone->certificate, p.other_ca, false, false},
                 {forged, p.ca, false, false},
                 {forged, p.other_ca, false, true}};
    fixed_base_expect(p.ca->base, FIXED_BASE_LEAST);
    struct span tbs = known_tbs(p.phone->certificate);
    uint8_t *octets = memcpy(mem_alloc(tbs.len), tbs.data, tbs.len);
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        size_t len;
        const uint8_t *signature = signature_of(cases[i].signature_of, &len);
        EVP_PKEY *key = X509_get0_pubkey(cases[i].ca->certificate);
        octets[tbs.len / 2] ^= cases[i].changed;
        fixed_base_enter(p.ca->base);
        assert_true(fixed_base_is_made(p.ca->base));
        assert_int_equal(
            EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", p.env->libctx, NULL, key, NULL), 1);
        assert_int_equal(EVP_DigestVerify(ctx, signature, len, octets, tbs.len) == 1,
                         cases[i].good);
        fixed_base_leave();
        octets[tbs.len / 2] ^= cases[i].changed;
        EVP_MD_CTX_free(ctx);
    }
    free(octets);
    X509_free(forged);
    drop(&p);
}

enum { THREADS = 4, ROUNDS = 50 };

static void *verify_often(void *arg)
{
    const struct parts *p = arg;
    size_t good = 0;
    for (int i = 0; i < ROUNDS; i++) {
        good += verifies(p->phone->certificate, p->ca);
        good += !verifies(p->stranger->certificate, p->ca);
    }
    return good == 2 * (size_t)ROUNDS ? arg : NULL;
}

/* One of them makes the table, the others go on without it meanwhile. */
static void threads_share_the_table(void **state)
{
    (void)state;
    struct parts p = make();
    fixed_base_expect(p.ca->base, FIXED_BASE_LEAST);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &p), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *all_good;
        assert_int_equal(pthread_join(threads[i], &all_good), 0);
        assert_non_null(all_good);
    }
    assert_true(fixed_base_is_made(p.ca->base));
    drop(&p);
}

static void other_kinds_of_keys_have_none(void **state)
{
    (void)state;
    static const enum secure_key_kind kinds[] = {SECURE_KEY_P384, SECURE_KEY_ED25519,
                                                 SECURE_KEY_RSA2048};
    struct secure_env *env = pair_env(7);
    for (size_t i = 0; i < SIM_ARRAY_LEN(kinds); i++) {
        struct secure_ca *ca = pair_ca(env, "one", kinds[i]);
        struct secure_identity *phone = pair_identity(env, ca, "phone", SECURE_KEY_P256);
        assert_null(ca->base);
        assert_true(verifies(phone->certificate, ca));
        secure_identity_free(phone);
        secure_ca_free(ca);
    }
    secure_env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_libcryptos),
        cmocka_unit_test(halves_may_meet),
        cmocka_unit_test(a_bad_certificate_fails_with_the_table),
        cmocka_unit_test(changed_octets_and_other_keys_fail_with_the_table),
        cmocka_unit_test(threads_share_the_table),
        cmocka_unit_test(other_kinds_of_keys_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
