/* What libssl is answered during a step is what libcrypto itself answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
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
            OSSL_PARAM none = OSSL_PARAM_construct_end(); /* libssl gives an empty list */
            assert_non_null(EVP_Q_mac(env->libctx, "HMAC", NULL, digests[d].name, &none, "key", 3,
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
            EVP_KEYMGMT *again = EVP_KEYMGMT_fetch(env->libctx, kinds[i], NULL);
            assert_null(EVP_KEYMGMT_fetch(env->libctx, kinds[i], "provider=nobody"));
            assert_null(EVP_KEYMGMT_fetch(env->libctx, "no such kind", NULL));
            interpose_leave();
            assert_ptr_equal(again, keymgmt);
            EVP_KEYMGMT_free(again);
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

struct properties {
    bool is_a[10];
    int size[6];
    int iv_len[4];
};

/* What signing and records ask of digests, keys and ciphers. */
static void ask_properties(const struct secure_env *env, EVP_PKEY *const keys[2],
                           struct properties *ret)
{
    static const char *const names[] = {"SHA1",     "SHA2-224", "SHA2-256", "SHA256",  "SHA-256",
                                        "SHA2-384", "SHA384",   "SHA2-512", "SHA2-51", "SHAKE-256"};
    static const char *const ciphers[] = {"AES-256-GCM", "AES-128-GCM", "AES-128-CCM",
                                          "ChaCha20-Poly1305"};
    EVP_MD *digest = EVP_MD_fetch(env->libctx, "SHA256", NULL);
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        ret->is_a[i] = EVP_MD_is_a(digest, names[i]) == 1;
    }
    EVP_MD_free(digest);
    for (size_t i = 0; i < 2; i++) {
        ret->size[3 * i] = EVP_PKEY_get_size(keys[i]);
        ret->size[3 * i + 1] = EVP_PKEY_get_bits(keys[i]);
        ret->size[3 * i + 2] = EVP_PKEY_get_security_bits(keys[i]);
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(ciphers); i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(env->libctx, ciphers[i], NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, 1, NULL), 1);
        if (i == 2) { /* libssl sets it for CCM */
            assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL), 1);
        }
        ret->iv_len[i] = EVP_CIPHER_CTX_get_iv_length(ctx);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
    }
}

static void digests_keys_and_ciphers_are_what_openssl_says(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(7);
    struct secure_ca *ca = pair_ca(env, "one", SECURE_KEY_P256);
    struct secure_identity *phone = pair_identity(env, ca, "phone", SECURE_KEY_P256);
    struct secure_identity *tablet = pair_identity(env, ca, "tablet", SECURE_KEY_P384);
    EVP_PKEY *keys[] = {phone->key, tablet->key};
    struct properties theirs = {0};
    struct properties ours[2] = {0};
    ask_properties(env, keys, &theirs);
    interpose_enter(env);
    ask_properties(env, keys, &ours[0]);
    ask_properties(env, keys, &ours[1]);
    interpose_leave();
    assert_memory_equal(&ours[0], &theirs, sizeof(theirs));
    assert_memory_equal(&ours[1], &theirs, sizeof(theirs));
    assert_true(theirs.is_a[2] && theirs.is_a[3] && !theirs.is_a[0] && !theirs.is_a[5]);
    assert_int_equal(theirs.size[0], 72);
    assert_int_equal(theirs.size[3], 104);
    for (size_t i = 0; i < SIM_ARRAY_LEN(theirs.iv_len); i++) {
        assert_int_equal(theirs.iv_len[i], 12);
    }
    secure_identity_free(phone);
    secure_identity_free(tablet);
    secure_ca_free(ca);
    secure_env_free(env);
}

static void signatures_and_exchanges_are_found_by_their_names(void **state)
{
    (void)state;
    static const char *const names[] = {"ECDSA", "ECDH", "ED25519", "X25519", "RSA", "no such"};
    struct secure_env *env = pair_env(7);
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        EVP_SIGNATURE *s[2];
        EVP_KEYEXCH *x[2];
        for (size_t inside = 0; inside < 2; inside++) {
            if (inside == 1) {
                interpose_enter(env);
            }
            s[inside] = EVP_SIGNATURE_fetch(env->libctx, names[i], NULL);
            x[inside] = EVP_KEYEXCH_fetch(env->libctx, names[i], NULL);
        }
        assert_null(EVP_SIGNATURE_fetch(env->libctx, names[i], "provider=nobody"));
        assert_null(EVP_KEYEXCH_fetch(env->libctx, names[i], "provider=nobody"));
        interpose_leave();
        assert_ptr_equal(s[0], s[1]);
        assert_ptr_equal(x[0], x[1]);
        assert_true((s[0] != NULL) == (i == 0 || i == 2 || i == 4));
        assert_true((x[0] != NULL) == (i == 1 || i == 3));
        for (size_t k = 0; k < 2; k++) {
            EVP_SIGNATURE_free(s[k]);
            EVP_KEYEXCH_free(x[k]);
        }
    }
    secure_env_free(env);
}

static void encoded_keys_and_methods_are_openssls(void **state)
{
    (void)state;
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1", "X25519", "X448"};
    static const char *const names[] = {"EC", "id-ecPublicKey", "RSA", "X25519", "ec", "E", ""};
    struct secure_env *env = pair_env(7);
    for (size_t i = 0; i < SIM_ARRAY_LEN(curves); i++) {
        struct stream s;
        stream_init(&s, 1, "keys", curves[i], 0);
        stream_enter(&s, 0);
        EVP_PKEY *key =
            i < 3 ? generate(env, curves[i]) : EVP_PKEY_Q_keygen(env->libctx, NULL, curves[i]);
        stream_leave();
        uint8_t *octets[2] = {NULL, NULL};
        size_t theirs = EVP_PKEY_get1_encoded_public_key(key, &octets[0]);
        interpose_enter(env);
        assert_int_equal(EVP_PKEY_get1_encoded_public_key(key, &octets[1]), theirs);
        interpose_leave();
        assert_true(theirs > 0);
        assert_memory_equal(octets[0], octets[1], theirs);
        OPENSSL_free(octets[0]);
        OPENSSL_free(octets[1]);
        EVP_PKEY_free(key);
    }
    interpose_enter(env); /* of parameters alone: there is no point */
    uint8_t *none = NULL;
    assert_int_equal(EVP_PKEY_get1_encoded_public_key(env->curves[ENV_P256], &none), 0);
    interpose_leave();
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        int len = (int)strlen(names[i]);
        ENGINE *engine = (ENGINE *)&engine;
        const EVP_PKEY_ASN1_METHOD *theirs = EVP_PKEY_asn1_find_str(NULL, names[i], len);
        interpose_enter(env);
        assert_ptr_equal(EVP_PKEY_asn1_find_str(NULL, names[i], len), theirs);
        assert_ptr_equal(EVP_PKEY_asn1_find_str(&engine, names[i], len), theirs); /* kept */
        interpose_leave();
        assert_null(engine);
    }
    secure_env_free(env);
}

static void draws_are_those_of_the_stream(void **state)
{
    (void)state;
    struct secure_env *envs[2] = {pair_env(7), NULL};
    struct diag_list diags = {0};
    assert_int_equal(secure_env_create(7, SECURE_RNG_SYSTEM, &envs[1], &diags), 0);
    for (int system = 0; system < 2; system++) {
        uint8_t drawn[2][400];
        for (int inside = 0; inside < 2; inside++) {
            struct stream s;
            stream_init(&s, 1, "a", "b", 0);
            stream_enter(&s, 0);
            if (inside) {
                interpose_enter(envs[system]);
            }
            for (size_t i = 0; i < sizeof(drawn[0]); i += 40) {
                assert_int_equal(RAND_bytes_ex(envs[system]->libctx, drawn[inside] + i, 31, 0), 1);
                assert_int_equal(
                    RAND_priv_bytes_ex(envs[system]->libctx, drawn[inside] + i + 31, 9, 0), 1);
            }
            interpose_leave();
            stream_leave();
        }
        assert_int_equal(memcmp(drawn[0], drawn[1], sizeof(drawn[0])) != 0, system);
        secure_env_free(envs[system]);
    }
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
        cmocka_unit_test(digests_keys_and_ciphers_are_what_openssl_says),
        cmocka_unit_test(draws_are_those_of_the_stream),
        cmocka_unit_test(encoded_keys_and_methods_are_openssls),
        cmocka_unit_test(signatures_and_exchanges_are_found_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
