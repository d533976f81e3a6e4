/* What libssl is answered during a step is what libcrypto itself answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"
#include "sim/secure/stream.h"
#include "tests/support/secure_pair.h"

/* What libssl asks of "TLS13-KDF", with `len` octets of label, context and so on. */
static void derive(const struct secure_env *env, const char *digest, int mode, size_t size,
                   size_t len, bool with_salt, uint8_t *out)
{
    uint8_t octets[300];
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] = (uint8_t)(i * 7 + len);
    }
    OSSL_PARAM params[7];
    OSSL_PARAM *p = params;
    *p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, octets, size);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, octets, len % 13 + 1);
    if (with_salt) {
        bool extract = mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
        *p++ = OSSL_PARAM_construct_octet_string(
            extract ? OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_DATA, octets + 1, size);
    }
    *p = OSSL_PARAM_construct_end();
    EVP_KDF *kdf = EVP_KDF_fetch(env->libctx, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static void the_key_schedule_is_openssls(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t size;
    } digests[] = {{"SHA2-256", 32}, {"SHA2-384", 48}, {"SHA2-512", 64}};
    struct secure_env *env = pair_env(7);
    for (size_t d = 0; d < SIM_ARRAY_LEN(digests); d++) {
        for (int with_salt = 0; with_salt < 2; with_salt++) {
            for (size_t len = 1; len < 200; len++) {
                uint8_t ours[200];
                uint8_t theirs[200];
                size_t size = digests[d].size;
                bool extract = len == size;
                int mode = extract ? EVP_KDF_HKDF_MODE_EXTRACT_ONLY : EVP_KDF_HKDF_MODE_EXPAND_ONLY;
                interpose_enter(env);
                derive(env, digests[d].name, mode, size, len, with_salt, ours);
                interpose_leave();
                derive(env, digests[d].name, mode, size, len, with_salt, theirs);
                assert_memory_equal(ours, theirs, len);
            }
        }
        uint8_t mac[2][64];
        for (size_t i = 0; i < 2; i++) {
            size_t len;
            if (i == 1) {
                interpose_enter(env);
            }
            assert_non_null(EVP_Q_mac(env->libctx, "HMAC", NULL, digests[d].name, NULL, "key", 3,
                                      (const unsigned char *)"data", 4, mac[i], sizeof(mac[i]),
                                      &len));
            assert_int_equal(len, digests[d].size);
        }
        interpose_leave();
        assert_memory_equal(mac[0], mac[1], digests[d].size);
    }
    secure_env_free(env);
}

struct questions {
    bool is_a[8];
    bool supports[4];
};

static void ask(const struct secure_env *env, EVP_PKEY *key, struct questions *ret)
{
    static const char *const names[] = {"EC",  "id-ecPublicKey", "RSA",     "rsaEncryption",
                                        "DSA", "RSASSA-PSS",     "ED25519", "no such kind of key"};
    static const char *const digests[] = {"SHA256", "SHA384", "SHA1", "no such digest"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        ret->is_a[i] = EVP_PKEY_is_a(key, names[i]) == 1;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(digests); i++) {
        ret->supports[i] =
            EVP_PKEY_digestsign_supports_digest(key, env->libctx, digests[i], NULL) > 0;
    }
}

static void keys_are_what_openssl_says(void **state)
{
    (void)state;
    static const enum secure_key_kind kinds[] = {SECURE_KEY_P256, SECURE_KEY_P384,
                                                 SECURE_KEY_ED25519, SECURE_KEY_RSA2048};
    struct secure_env *env = pair_env(7);
    struct secure_ca *ca = pair_ca(env, "one", SECURE_KEY_P256);
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct secure_identity *id = pair_identity(env, ca, "phone", kinds[k]);
        EVP_PKEY *keys[] = {id->key, X509_get0_pubkey(id->certificate)};
        for (size_t i = 0; i < SIM_ARRAY_LEN(keys); i++) {
            struct questions ours[2] = {0};
            struct questions theirs = {0};
            ask(env, keys[i], &theirs);
            interpose_enter(env);
            ask(env, keys[i], &ours[0]);
            ask(env, keys[i], &ours[1]); /* from memory, where there is one */
            interpose_leave();
            assert_memory_equal(&ours[0], &theirs, sizeof(theirs));
            assert_memory_equal(&ours[1], &theirs, sizeof(theirs));
        }
        secure_identity_free(id);
    }
    secure_ca_free(ca);
    secure_env_free(env);
}

static void a_key_belongs_to_its_certificate_alone(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(7);
    struct secure_ca *ca = pair_ca(env, "one", SECURE_KEY_P256);
    struct secure_identity *a = pair_identity(env, ca, "a", SECURE_KEY_P256);
    struct secure_identity *b = pair_identity(env, ca, "b", SECURE_KEY_P256);
    EVP_PKEY *copy = EVP_PKEY_dup(a->key);
    interpose_enter(env);
    assert_int_equal(X509_check_private_key(a->certificate, a->key), 1);
    assert_int_equal(X509_check_private_key(a->certificate, copy), 1);
    assert_int_equal(X509_check_private_key(a->certificate, b->key), 0);
    assert_int_equal(X509_check_private_key(b->certificate, a->key), 0);
    interpose_leave();
    EVP_PKEY_free(copy);
    secure_identity_free(a);
    secure_identity_free(b);
    secure_ca_free(ca);
    secure_env_free(env);
}

/* A key of the named curve, as libssl asks for it. */
static EVP_PKEY *generate(const struct secure_env *env, const char *curve)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(env->libctx, "EC", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, curve), 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void generated_keys_are_the_same(void **state)
{
    (void)state;
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
    struct secure_env *env = pair_env(7);
    for (size_t i = 0; i < SIM_ARRAY_LEN(curves); i++) {
        EVP_PKEY *keys[2];
        for (int inside = 0; inside < 2; inside++) {
            struct stream s;
            stream_init(&s, 1, "keys", curves[i], 0);
            stream_enter(&s, 0);
            if (inside) {
                interpose_enter(env);
            }
            keys[inside] = generate(env, curves[i]);
            interpose_leave();
            stream_leave();
        }
        char name[32];
        assert_int_equal(EVP_PKEY_get_group_name(keys[1], name, sizeof(name), NULL), 1);
        assert_string_equal(name, curves[i]);
        assert_int_equal(EVP_PKEY_eq(keys[0], keys[1]), 1);
        EVP_PKEY_free(keys[0]);
        EVP_PKEY_free(keys[1]);
    }
    secure_env_free(env);
}

/* The first two extractions of a handshake without a pre-shared key, of which the early one is kept
 * from one handshake to the next. */
static void extract(const struct secure_env *env, const char *digest, const uint8_t *salt,
                    const char *label, const uint8_t *key, size_t size, uint8_t *out)
{
    int mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    OSSL_PARAM params[7];
    OSSL_PARAM *p = params;
    *p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
    if (key != NULL) {
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, size);
    }
    if (salt != NULL) {
        *p++ =
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, size);
    }
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)(uintptr_t)label,
                                             strlen(label));
    *p = OSSL_PARAM_construct_end();
    EVP_KDF *kdf = EVP_KDF_fetch(env->libctx, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    assert_int_equal(EVP_KDF_derive(ctx, out, size, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static void what_is_kept_of_a_key_schedule_is_openssls(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t size;
    } digests[] = {{"SHA2-256", 32}, {"SHA2-384", 48}};
    struct secure_env *env = pair_env(7);
    for (int round = 0; round < 6; round++) {
        size_t size = digests[round % 2].size;
        const char *digest = digests[round % 2].name;
        uint8_t agreed[48];
        uint8_t out[2][4][48];
        memset(agreed, round + 1, sizeof(agreed));
        for (int inside = 0; inside < 2; inside++) {
            uint8_t(*o)[48] = out[inside];
            if (inside == 1) {
                interpose_enter(env);
            }
            extract(env, digest, NULL, "derived", NULL, size, o[0]);
            extract(env, digest, o[0], "derived", agreed, size, o[1]);
            extract(env, digest, o[0], "another", agreed, size, o[2]);
            extract(env, digest, o[1], "derived", NULL, size, o[3]);
            interpose_leave();
        }
        for (size_t i = 0; i < 4; i++) {
            assert_memory_equal(out[0][i], out[1][i], size);
        }
        assert_memory_not_equal(out[0][1], out[0][2], size);
    }
    secure_env_free(env);
}

struct names {
    char text[400];
};

static void add_name(const char *name, void *arg)
{
    struct names *n = arg;
    size_t len = strlen(n->text);
    snprintf(n->text + len, sizeof(n->text) - len, "%s ", name);
}

static void look_ups_find_what_openssl_finds(void **state)
{
    (void)state;
    static const char *const kinds[] = {"EC", "RSA", "ED25519", "X25519", "X448", "DH"};
    static const char *const digests[] = {"SHA1",     "SHA256",   "SHA2-256", "SHA384", "SHA2-384",
                                          "SHA2-512", "SHA3-256", "sha256",   "SHA9"};
    for (uint64_t seed = 1; seed <= 2; seed++) { /* nothing of the first environment stays */
        struct secure_env *env = pair_env(seed);
        for (size_t i = 0; i < SIM_ARRAY_LEN(kinds); i++) {
            struct names found[2] = {{""}, {""}};
            EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(env->libctx, kinds[i], NULL);
            assert_int_equal(EVP_KEYMGMT_names_do_all(keymgmt, add_name, &found[0]), 1);
            interpose_enter(env);
            assert_int_equal(EVP_KEYMGMT_names_do_all(keymgmt, add_name, &found[1]), 1);
            interpose_leave();
            EVP_KEYMGMT_free(keymgmt);
            assert_true(strlen(found[0].text) > 2);
            assert_string_equal(found[0].text, found[1].text);
        }
        for (size_t i = 0; i < SIM_ARRAY_LEN(digests); i++) {
            EVP_MD *outside = EVP_MD_fetch(env->libctx, digests[i], NULL);
            interpose_enter(env);
            EVP_MD *inside = EVP_MD_fetch(env->libctx, digests[i], NULL);
            assert_null(EVP_MD_fetch(env->libctx, digests[i], "provider=nobody"));
            interpose_leave();
            assert_ptr_equal(outside, inside);
            assert_true((outside != NULL) == (strcmp(digests[i], "SHA9") != 0));
            EVP_MD_free(outside);
            EVP_MD_free(inside);
        }
        secure_env_free(env);
    }
}

/* Of a group that is shared there is one, of every other as many as are asked for. */
static void groups_are_shared_among_keys_of_ours_alone(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(7);
    for (int curve = 0; curve < ENV_CURVES; curve++) {
        static const int numbers[] = {
            [ENV_P256] = NID_X9_62_prime256v1, [ENV_P384] = NID_secp384r1};
        static const char *const names[] = {[ENV_P256] = "P-256", [ENV_P384] = "P-384"};
        OSSL_PARAM params[3] = {OSSL_PARAM_construct_utf8_string(
                                    OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)names[curve], 0),
                                OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
        EC_GROUP *outside = EC_GROUP_new_from_params(params, env->libctx, NULL);
        interpose_enter(env);
        EC_GROUP *inside = EC_GROUP_new_from_params(params, env->libctx, NULL);
        EC_GROUP *again = EC_GROUP_new_from_params(params, env->libctx, NULL);
        params[1] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                     (char *)(uintptr_t) "compressed", 0);
        EC_GROUP *special = EC_GROUP_new_from_params(params, env->libctx, NULL);
        interpose_leave();
        assert_ptr_equal(inside, again);
        assert_ptr_equal(EC_GROUP_dup(inside), inside);
        assert_ptr_not_equal(special, inside);
        assert_int_equal(EC_GROUP_get_point_conversion_form(special), POINT_CONVERSION_COMPRESSED);
        assert_int_equal(EC_GROUP_get_point_conversion_form(inside),
                         EC_GROUP_get_point_conversion_form(outside));
        assert_int_equal(EC_GROUP_get_asn1_flag(inside), EC_GROUP_get_asn1_flag(outside));
        assert_int_equal(EC_GROUP_get_curve_name(inside), numbers[curve]);
        EC_GROUP *copy = EC_GROUP_dup(outside);
        assert_ptr_not_equal(copy, outside);
        assert_int_equal(EC_GROUP_cmp(inside, inside, NULL), 0);
        assert_int_equal(EC_GROUP_cmp(inside, outside, NULL), 0);
        EC_GROUP *other = EC_GROUP_new_by_curve_name(NID_secp521r1);
        assert_int_equal(EC_GROUP_cmp(inside, other, NULL), 1);
        EC_GROUP_free(inside);
        EC_GROUP_free(inside);
        assert_int_equal(EC_GROUP_check(inside, NULL), 1); /* there as before */
        EC_GROUP_free(outside);
        EC_GROUP_free(special);
        EC_GROUP_free(copy);
        EC_GROUP_free(other);
    }
    secure_env_free(env);
}

/* A client gives a new key the curve of its own, then the point of the server. */
static void a_peers_point_must_be_one_of_the_curve(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(7);
    struct stream s;
    stream_init(&s, 1, "points", "", 0);
    stream_enter(&s, 0);
    for (int curve = 0; curve <= ENV_CURVES; curve++) {
        EVP_PKEY *key = curve < ENV_CURVES ? env_generate(env, env->curves[curve])
                                           : EVP_PKEY_Q_keygen(env->libctx, NULL, "EC", "P-521");
        EVP_PKEY *peer = EVP_PKEY_new();
        unsigned char *point = NULL;
        interpose_enter(env);
        assert_int_equal(EVP_PKEY_copy_parameters(peer, key), 1);
        size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);
        assert_int_equal(EVP_PKEY_parameters_eq(peer, key), 1);
        assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, len), 1);
        assert_int_equal(EVP_PKEY_eq(peer, key), 1);
        point[len / 2] ^= 1;
        assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, len), 0);
        assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, len - 2), 0);
        EVP_PKEY *other = EVP_PKEY_new();
        bool set = curve < ENV_CURVES && env_set_curve(env, curve, span_of(point, len), &other);
        assert_false(set);
        interpose_leave();
        OPENSSL_free(point);
        EVP_PKEY_free(other);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(key);
    }
    stream_leave();
    secure_env_free(env);
}

/* The certificate that OpenSSL parses from the octets, with nobody's help. */
static X509 *parse(const struct secure_env *env, struct span der)
{
    const unsigned char *at = der.data;
    X509 *parsed = X509_new_ex(env->libctx, NULL);
    assert_non_null(d2i_X509(&parsed, &at, (long)der.len));
    assert_ptr_equal(at, der.data + der.len);
    return parsed;
}

static void a_certificate_is_the_one_that_its_octets_say(void **state)
{
    (void)state;
    static const enum secure_key_kind kinds[] = {SECURE_KEY_P256, SECURE_KEY_P384,
                                                 SECURE_KEY_ED25519, SECURE_KEY_RSA2048};
    struct secure_env *env = pair_env(7);
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct secure_ca *ca = pair_ca(env, "one", kinds[k]);
        struct secure_ca *other = pair_ca(env, "two", kinds[k]);
        struct secure_identity *id = pair_identity(env, ca, "phone", kinds[k]);
        X509 *parsed = parse(env, secure_identity_certificate(id));
        X509 *issuer = parse(env, secure_ca_certificate(ca));
        unsigned char *octets[2] = {NULL, NULL};
        int len[2] = {i2d_re_X509_tbs(parsed, &octets[0]),
                      i2d_re_X509_tbs(id->certificate, &octets[1])};
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(octets[0], octets[1], (size_t)len[0]);
        OPENSSL_free(octets[0]);
        OPENSSL_free(octets[1]);
        assert_int_equal(X509_cmp(parsed, id->certificate), 0);
        assert_int_equal(X509_cmp(issuer, ca->certificate), 0);
        EVP_PKEY *public_key = X509_get0_pubkey(id->certificate);
        assert_int_equal(EVP_PKEY_eq(public_key, X509_get0_pubkey(parsed)), 1);
        assert_int_equal(EVP_PKEY_eq(public_key, id->key), 1);
        assert_int_equal(EVP_PKEY_eq(public_key, ca->key), 0);
        X509 *const both[] = {parsed, id->certificate};
        struct stream s; /* OpenSSL blinds what it does on P-384 */
        stream_init(&s, 1, "verify", "", 0);
        stream_enter(&s, 0);
        for (size_t i = 0; i < SIM_ARRAY_LEN(both); i++) {
            assert_int_equal(X509_verify(both[i], X509_get0_pubkey(issuer)), 1);
            assert_int_equal(X509_verify(both[i], ca->key), 1);
            assert_int_not_equal(X509_verify(both[i], other->key), 1);
            assert_int_not_equal(X509_verify(both[i], id->key), 1);
        }
        stream_leave();
        X509_free(parsed);
        X509_free(issuer);
        secure_identity_free(id);
        secure_ca_free(other);
        secure_ca_free(ca);
    }
    secure_env_free(env);
}

/* The key in a certificate of P-256 is no more than public. */
static void a_certificate_has_no_private_key(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(7);
    struct secure_ca *ca = pair_ca(env, "one", SECURE_KEY_P256);
    struct secure_identity *id = pair_identity(env, ca, "phone", SECURE_KEY_P256);
    BIGNUM *secret = NULL;
    EVP_PKEY *in_certificate = X509_get0_pubkey(id->certificate);
    assert_int_equal(EVP_PKEY_get_bn_param(id->key, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    BN_free(secret);
    secret = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(in_certificate, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 0);
    assert_null(secret);
    secure_identity_free(id);
    secure_ca_free(ca);
    secure_env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_schedule_is_openssls),
        cmocka_unit_test(what_is_kept_of_a_key_schedule_is_openssls),
        cmocka_unit_test(look_ups_find_what_openssl_finds),
        cmocka_unit_test(keys_are_what_openssl_says),
        cmocka_unit_test(a_key_belongs_to_its_certificate_alone),
        cmocka_unit_test(generated_keys_are_the_same),
        cmocka_unit_test(groups_are_shared_among_keys_of_ours_alone),
        cmocka_unit_test(a_peers_point_must_be_one_of_the_curve),
        cmocka_unit_test(a_certificate_is_the_one_that_its_octets_say),
        cmocka_unit_test(a_certificate_has_no_private_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
