/* Encodings, times and look-ups of parameters that are answered the short way are libcrypto's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/core/rng.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"
#include "tests/support/secure_pair.h"

enum { ENCODED_MOST = 256 };

/* All three ways of asking. */
static void compare_signature(const ECDSA_SIG *signature)
{
    int (*theirs)(const ECDSA_SIG *, unsigned char **) =
        (int (*)(const ECDSA_SIG *, unsigned char **))interpose_next("i2d_ECDSA_SIG");
    uint8_t wanted[ENCODED_MOST];
    uint8_t got[ENCODED_MOST];
    uint8_t *at = wanted;
    int len = theirs(signature, &at);
    assert_in_range(len, 1, ENCODED_MOST);
    assert_int_equal(i2d_ECDSA_SIG(signature, NULL), len);
    at = got;
    assert_int_equal(i2d_ECDSA_SIG(signature, &at), len);
    assert_ptr_equal(at, got + len);
    assert_memory_equal(got, wanted, (size_t)len);
    uint8_t *made = NULL;
    assert_int_equal(i2d_ECDSA_SIG(signature, &made), len);
    assert_memory_equal(made, wanted, (size_t)len);
    OPENSSL_free(made);
}

static void signatures_are_encoded_as_by_libcrypto(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 31, 32, 48, 59, 60, 61, 66}; /* 66: of P-521 */
    struct rng rng;
    rng_init(&rng, 1, "signatures", "test");
    for (size_t i = 0; i < SIM_ARRAY_LEN(sizes); i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(sizes); k++) {
            for (int first = 0; first < 256; first += 51) { /* with and without the first bit */
                uint8_t octets[2][66];
                rng_octets(&rng, octets[0], sizeof(octets));
                octets[0][0] = (uint8_t)first;
                octets[1][0] = (uint8_t)(255 - first);
                ECDSA_SIG *signature = ECDSA_SIG_new();
                assert_int_equal(ECDSA_SIG_set0(signature,
                                                BN_bin2bn(octets[0], (int)sizes[i], NULL),
                                                BN_bin2bn(octets[1], (int)sizes[k], NULL)),
                                 1);
                compare_signature(signature);
                ECDSA_SIG_free(signature);
            }
        }
    }
}

/* Into a new string, or into one that holds something. */
static void compare_text(const char *text, int form, unsigned long types, long least, long most,
                         bool given)
{
    int (*theirs)(ASN1_STRING **, const unsigned char *, int, int, unsigned long, long, long) =
        (int (*)(ASN1_STRING **, const unsigned char *, int, int, unsigned long, long,
                 long))interpose_next("ASN1_mbstring_ncopy");
    const unsigned char *in = (const unsigned char *)text;
    ASN1_STRING *strings[2] = {NULL, NULL};
    for (int i = 0; given && i < 2; i++) {
        strings[i] = ASN1_STRING_type_new(V_ASN1_IA5STRING);
        assert_int_equal(ASN1_STRING_set(strings[i], "before", -1), 1);
    }
    int wanted = theirs(&strings[0], in, -1, form, types, least, most);
    assert_int_equal(
        ASN1_mbstring_ncopy(&strings[1], in, (int)strlen(text), form, types, least, most), wanted);
    assert_int_equal(ASN1_mbstring_ncopy(NULL, in, -1, form, types, least, most), wanted);
    if (wanted >= 0) {
        assert_int_equal(ASN1_STRING_type(strings[1]), ASN1_STRING_type(strings[0]));
        assert_int_equal(ASN1_STRING_cmp(strings[1], strings[0]), 0);
    }
    ASN1_STRING_free(strings[0]);
    ASN1_STRING_free(strings[1]);
}

static void text_is_copied_as_by_libcrypto(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "cpnsim simulated pne/1", "a", "", "caf\xc3\xa9", "\xc3", "\xff\xfe", "*_@", "1234567890"};
    static const int forms[] = {MBSTRING_UTF8, MBSTRING_ASC};
    static const unsigned long types[] = {B_ASN1_UTF8STRING, B_ASN1_PRINTABLESTRING,
                                          B_ASN1_UTF8STRING | B_ASN1_PRINTABLESTRING, 0};
    for (size_t t = 0; t < SIM_ARRAY_LEN(texts); t++) {
        for (int form = 0; form < 2; form++) {
            for (size_t k = 0; k < SIM_ARRAY_LEN(types); k++) {
                for (int given = 0; given < 2; given++) {
                    compare_text(texts[t], forms[form], types[k], 0, 0, given);
                    compare_text(texts[t], forms[form], types[k], 1, 64, given);
                    compare_text(texts[t], forms[form], types[k], 2, 10, given);
                }
            }
        }
    }
}

static void compare_time(const char *text, int type)
{
    int (*theirs)(const ASN1_TIME *, time_t *) =
        (int (*)(const ASN1_TIME *, time_t *))interpose_next("X509_cmp_time");
    static const time_t around[] = {-86400, -1, 0, 1, 86400};
    ASN1_TIME *t = ASN1_STRING_type_new(type);
    assert_int_equal(ASN1_STRING_set(t, text, -1), 1);
    struct tm tm = {0};
    time_t own = ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
    int64_t seconds;
    if (interpose_unix_time(t, &seconds)) {
        assert_int_equal(seconds, own);
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(around); i++) {
        time_t with = own + around[i];
        assert_int_equal(X509_cmp_time(t, &with), theirs(t, &with));
    }
    assert_int_equal(X509_cmp_time(t, NULL), theirs(t, NULL));
    ASN1_STRING_free(t);
}

static void times_are_compared_as_by_libcrypto(void **state)
{
    (void)state;
    char text[32];
    for (int year = 1950; year < 2050; year++) {
        for (int month = 0; month < 14; month++) {
            int day = (year * 7 + month * 3) % 33;
            snprintf(text, sizeof(text), "%02d%02d%02d235959Z", year % 100, month, day);
            compare_time(text, V_ASN1_UTCTIME);
        }
    }
    static const char *const dates[] = {
        "20200229000000Z", "21000228235959Z", "21000301000000Z", "20991231235959Z",
        "00010101000000Z", "00000101000000Z", "00001231000000Z", "99991231235959Z",
        "19700101000000Z", "20000229120000Z",
        /* neither of these is a time, or RFC 5280's */
        "20210229000000Z", "20200101000060Z", "20200101250000Z", "202001010000Z", "20200101000000",
        "20200101000000+0000", "20200101000000.5Z", "2020010100000xZ", "Z", ""};
    for (size_t i = 0; i < SIM_ARRAY_LEN(dates); i++) {
        compare_time(dates[i], V_ASN1_GENERALIZEDTIME);
        compare_time(dates[i], V_ASN1_UTCTIME);
    }
}

static void parameters_are_found_by_their_whole_names(void **state)
{
    (void)state;
    int one = 1;
    int two = 2;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int("taglen", &one),
                           OSSL_PARAM_construct_int("tag", &one),
                           OSSL_PARAM_construct_int("tag", &two), OSSL_PARAM_construct_end()};
    assert_ptr_equal(OSSL_PARAM_locate(params, "tag"), &params[1]);
    assert_ptr_equal(OSSL_PARAM_locate_const(params, "taglen"), &params[0]);
    assert_null(OSSL_PARAM_locate(params, "ta"));
    assert_null(OSSL_PARAM_locate(params, ""));
    assert_null(OSSL_PARAM_locate_const(params, "iv"));
    assert_null(OSSL_PARAM_locate(params, NULL));
    assert_null(OSSL_PARAM_locate(NULL, "tag"));
}

/* libcrypto's encoding of what was put together here. */
static void compare_tbs(X509 *certificate)
{
    struct buf ours = {0};
    uint8_t *theirs = NULL;
    X509 *copy = X509_dup(certificate); /* not known by its octets */
    int len = i2d_re_X509_tbs(copy, &theirs);
    assert_true(len > 0);
    assert_true(interpose_encode_tbs(certificate, &ours));
    assert_true(span_equal(buf_span(&ours), span_of(theirs, (size_t)len)));
    OPENSSL_free(theirs);
    X509_free(copy);
    buf_fini(&ours);
}

static void certificates_are_encoded_as_by_libcrypto(void **state)
{
    (void)state;
    static const enum secure_key_kind kinds[] = {SECURE_KEY_P256, SECURE_KEY_P384,
                                                 SECURE_KEY_ED25519, SECURE_KEY_RSA2048};
    struct secure_env *env = pair_env(7);
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct secure_ca *ca = pair_ca(env, "one", kinds[k]);
        compare_tbs(ca->certificate);
        for (int more = 0; more < 4; more++) {
            struct secure_identity *id;
            struct secure_identity_params params = {
                .name =
                    more > 1
                        ? "a name that has to be cut: \xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f \xc3\xa4 "
                          "\xc3\xb6 \xc3\xbc and so on and on"
                        : "phone",
                .urn = more > 0 ? "urn:cpns:phone" : "urn:cpns:p",
                .kind = kinds[(k + (size_t)more) % SIM_ARRAY_LEN(kinds)],
                .not_before = more > 2 ? -200 * 365 * PAIR_DAY : -PAIR_DAY,
                .not_after = more > 1 ? 40 * 365 * PAIR_DAY : PAIR_DAY,
                .ocsp_signing = more == 1,
                .self_signed = more == 2};
            struct diag_list diags = {0};
            assert_int_equal(secure_identity_issue(env, ca, &params, &id, &diags), 0);
            compare_tbs(id->certificate);
            secure_identity_free(id);
        }
        secure_ca_free(ca);
    }
    secure_env_free(env);
}

/* What is made here has version 3 and extensions. */
static void other_certificates_are_libcryptos(void **state)
{
    (void)state;
    struct buf out = {0};
    X509 *certificate = X509_new();
    assert_false(interpose_encode_tbs(certificate, &out));
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_false(interpose_encode_tbs(certificate, &out));
    assert_int_equal(buf_len(&out), 0);
    X509_free(certificate);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_encoded_as_by_libcrypto),
        cmocka_unit_test(text_is_copied_as_by_libcrypto),
        cmocka_unit_test(times_are_compared_as_by_libcrypto),
        cmocka_unit_test(certificates_are_encoded_as_by_libcrypto),
        cmocka_unit_test(other_certificates_are_libcryptos),
        cmocka_unit_test(parameters_are_found_by_their_whole_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
