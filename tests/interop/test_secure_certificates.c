/* Keys share their curves and certificates are encoded once: they are what OpenSSL makes and reads,
 * and what must fail still fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>

#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"
#include "sim/secure/stream.h"
#include "tests/support/secure_pair.h"

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

/* What a certificate of the simulator says about its use, as OpenSSL prints it. */
static void a_certificate_says_what_it_is_for(void **state)
{
    (void)state;
    static const struct {
        enum secure_key_kind kind;
        bool ocsp_signing, self_signed;
        uint32_t usage, purpose;
    } cases[] = {
        {SECURE_KEY_P256, false, false, KU_DIGITAL_SIGNATURE, XKU_SSL_SERVER | XKU_SSL_CLIENT},
        {SECURE_KEY_P384, true, false, KU_DIGITAL_SIGNATURE, XKU_OCSP_SIGN},
        {SECURE_KEY_P256, false, true, KU_DIGITAL_SIGNATURE, XKU_SSL_SERVER | XKU_SSL_CLIENT},
        {SECURE_KEY_RSA2048, false, false, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT,
         XKU_SSL_SERVER | XKU_SSL_CLIENT},
    };
    struct secure_env *env = pair_env(7);
    struct secure_ca *ca = pair_ca(env, "one", SECURE_KEY_P256);
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_identity *id;
        struct secure_identity_params params = {.name = "phone",
                                                .urn = "urn:cpns:phone",
                                                .kind = cases[i].kind,
                                                .not_after = PAIR_DAY,
                                                .ocsp_signing = cases[i].ocsp_signing,
                                                .self_signed = cases[i].self_signed};
        struct diag_list diags = {0};
        assert_int_equal(secure_identity_issue(env, ca, &params, &id, &diags), 0);
        X509 *parsed = parse(env, secure_identity_certificate(id));
        assert_int_equal(X509_get_key_usage(parsed), cases[i].usage);
        assert_int_equal(X509_get_extended_key_usage(parsed), cases[i].purpose);
        assert_int_equal(X509_get_extension_flags(parsed) & (EXFLAG_CA | EXFLAG_INVALID), 0);
        assert_true((X509_get_extension_flags(parsed) & EXFLAG_BCONS) != 0);
        int critical[2];
        int at[2] = {X509_get_ext_by_NID(parsed, NID_basic_constraints, -1),
                     X509_get_ext_by_NID(parsed, NID_key_usage, -1)};
        for (size_t k = 0; k < 2; k++) {
            assert_true(at[k] >= 0);
            critical[k] = X509_EXTENSION_get_critical(X509_get_ext(parsed, at[k]));
        }
        assert_true(critical[0] && critical[1]);
        assert_true((X509_get_ext_by_NID(parsed, NID_id_pkix_OCSP_noCheck, -1) >= 0) ==
                    cases[i].ocsp_signing);
        const ASN1_OCTET_STRING *issuer = X509_get0_authority_key_id(parsed);
        if (cases[i].self_signed) {
            assert_null(issuer);
        } else {
            assert_int_equal(
                ASN1_OCTET_STRING_cmp(issuer, X509_get0_subject_key_id(ca->certificate)), 0);
        }
        X509_free(parsed);
        secure_identity_free(id);
    }
    secure_ca_free(ca);
    secure_env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_shared_among_keys_of_ours_alone),
        cmocka_unit_test(a_peers_point_must_be_one_of_the_curve),
        cmocka_unit_test(a_certificate_is_the_one_that_its_octets_say),
        cmocka_unit_test(a_certificate_has_no_private_key),
        cmocka_unit_test(a_certificate_says_what_it_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
