/* What the environment gives: primitives with published vectors, streams, names, certificates. What
 * it keeps to itself is tested in interop/test_secure_inside.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/stream.h"
#include "tests/support/secure_pair.h"

static struct buf octets(const char *hex)
{
    struct buf b = {0};
    for (; *hex != '\0'; hex += 2) {
        char two[3] = {hex[0], hex[1], '\0'};
        buf_append_u8(&b, (uint8_t)strtoul(two, NULL, 16));
    }
    return b;
}

static void assert_octets(const uint8_t *seen, size_t len, const char *hex)
{
    struct buf expected = octets(hex);
    assert_true(span_equal(span_of(seen, len), buf_span(&expected)));
    buf_fini(&expected);
}

/* --- primitives ---------------------------------------------------------------------------------
 */

static void sha256(void **state)
{
    (void)state;
    uint8_t out[SECURE_SHA256_BYTES];
    secure_sha256(span_of(NULL, 0), out); /* FIPS 180-4 examples */
    assert_octets(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    secure_sha256(span_of_str("abc"), out);
    assert_octets(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct secure_hash *h = secure_hash_create();
    secure_hash_update(h, span_of_str("a"));
    secure_hash_update(h, span_of(NULL, 0));
    secure_hash_update(h, span_of_str("bc"));
    secure_hash_finish(h, out);
    assert_octets(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hmac_of_rfc_4231(void **state)
{
    (void)state;
    static const struct {
        const char *key, *data, *mac;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
         "ddddd"
         "dddddd",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct buf key = octets(cases[i].key), data = octets(cases[i].data);
        uint8_t out[SECURE_SHA256_BYTES];
        secure_hmac_sha256(buf_span(&key), buf_span(&data), out);
        assert_octets(out, sizeof(out), cases[i].mac);
        buf_fini(&key);
        buf_fini(&data);
    }
    uint8_t out[SECURE_SHA256_BYTES]; /* empty key and data */
    secure_hmac_sha256(span_of(NULL, 0), span_of(NULL, 0), out);
    assert_octets(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hkdf_of_rfc_5869(void **state)
{
    (void)state;
    static const struct {
        const char *key, *salt, *info, *okm;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
         "f0f1f2f3f4f5f6f7f8f9",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct buf key = octets(cases[i].key), salt = octets(cases[i].salt);
        struct buf info = octets(cases[i].info);
        uint8_t out[42];
        assert_int_equal(
            secure_hkdf_sha256(buf_span(&key), buf_span(&salt), buf_span(&info), out, sizeof(out)),
            0);
        assert_octets(out, sizeof(out), cases[i].okm);
        buf_fini(&key);
        buf_fini(&salt);
        buf_fini(&info);
    }
    uint8_t most[255 * 32 + 1];
    assert_int_equal(secure_hkdf_sha256(span_of_str("k"), span_of(NULL, 0), span_of(NULL, 0), most,
                                        sizeof(most) - 1),
                     0);
    assert_int_equal(secure_hkdf_sha256(span_of_str("k"), span_of(NULL, 0), span_of(NULL, 0), most,
                                        sizeof(most)),
                     -SIM_ECRYPTO);
}

/* Test cases 13, 14 and 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega, 2005). */
static void seal_of_the_gcm_paper(void **state)
{
    (void)state;
    static const char zero_key[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    static const struct {
        const char *key, *nonce, *aad, *plain, *sealed;
    } cases[] = {
        {zero_key, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {zero_key, "000000000000000000000000", "", "00000000000000000000000000000000",
         "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e244"
         "9"
         "a6b525b16aedf5aa0de657ba637b39",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105"
         "6"
         "828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct buf key = octets(cases[i].key), nonce = octets(cases[i].nonce);
        struct buf aad = octets(cases[i].aad), plain = octets(cases[i].plain);
        struct buf sealed = {0}, opened = {0};
        secure_seal(key.data, nonce.data, buf_span(&aad), buf_span(&plain), &sealed);
        assert_octets(sealed.data, buf_len(&sealed), cases[i].sealed);
        buf_append_str(&opened, "before");
        assert_int_equal(
            secure_open(key.data, nonce.data, buf_span(&aad), buf_span(&sealed), &opened), 0);
        buf_consume(&opened, 6);
        assert_true(span_equal(buf_span(&opened), buf_span(&plain)));
        buf_fini(&key);
        buf_fini(&nonce);
        buf_fini(&aad);
        buf_fini(&plain);
        buf_fini(&sealed);
        buf_fini(&opened);
    }
}

/* Any bit of key, nonce, data or sealed octets flipped, or octets missing: nothing comes out. */
static void open_refuses_what_was_altered(void **state)
{
    (void)state;
    uint8_t parts[4][SECURE_AEAD_KEY_BYTES] = {"key", "nonce", "data", ""};
    const size_t lens[4] = {SECURE_AEAD_KEY_BYTES, SECURE_AEAD_NONCE_BYTES, 4, 5 + 16};
    struct buf sealed = {0}, out = {0};
    secure_seal(parts[0], parts[1], span_of(parts[2], 4), span_of_str("hello"), &sealed);
    memcpy(parts[3], sealed.data, lens[3]);
    for (size_t p = 0; p < 4; p++) {
        for (size_t bit = 0; bit < 8 * lens[p]; bit++) {
            parts[p][bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(secure_open(parts[0], parts[1], span_of(parts[2], 4),
                                         span_of(parts[3], lens[3]), &out),
                             -SIM_EBADMSG);
            parts[p][bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    for (size_t len = 0; len < lens[3]; len++) {
        assert_int_equal(
            secure_open(parts[0], parts[1], span_of(parts[2], 4), span_of(parts[3], len), &out),
            -SIM_EBADMSG);
    }
    assert_int_equal(buf_len(&out), 0);
    buf_fini(&out);
    buf_fini(&sealed);
}

static void equal_compares_all(void **state)
{
    (void)state;
    assert_true(secure_equal(span_of_str("same"), span_of_str("same")));
    assert_true(secure_equal(span_of(NULL, 0), span_of(NULL, 0)));
    assert_false(secure_equal(span_of_str("same"), span_of_str("samE")));
    assert_false(secure_equal(span_of_str("same"), span_of_str("sam")));
}

/* --- streams and names ---------------------------------------------------------------------------
 */

static void streams_depend_on_every_part_of_their_name(void **state)
{
    (void)state;
    struct stream s[6];
    uint8_t out[6][64];
    stream_init(&s[0], 1, "pne/1", "session", 0);
    stream_init(&s[1], 2, "pne/1", "session", 0);
    stream_init(&s[2], 1, "pne/2", "session", 0);
    stream_init(&s[3], 1, "pne/1", "key", 0);
    stream_init(&s[4], 1, "pne/1", "session", 1);
    stream_init(&s[5], 1, "pne/1s", "ession", 0);
    for (size_t i = 0; i < SIM_ARRAY_LEN(s); i++) {
        stream_read(&s[i], out[i], sizeof(out[i]));
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(out[i], out[k], sizeof(out[i]));
        }
    }
}

static void streams_do_not_depend_on_the_portions(void **state)
{
    (void)state;
    struct stream a, b;
    uint8_t whole[1000], parts[1000];
    stream_init(&a, 1, "x", "y", 0);
    stream_init(&b, 1, "x", "y", 0);
    stream_read(&a, whole, sizeof(whole));
    for (size_t at = 0, n = 0; at < sizeof(parts); at += n) {
        n = (n * 7 + 3) % 300;
        n = n < sizeof(parts) - at ? n : sizeof(parts) - at;
        stream_read(&b, parts + at, n);
    }
    assert_memory_equal(whole, parts, sizeof(whole));
    assert_memory_not_equal(whole, whole + 500, 500);
}

static void random_octets_and_urns(void **state)
{
    (void)state;
    struct secure_env *a = pair_env(1), *b = pair_env(1), *c = pair_env(2);
    uint8_t x[3][100];
    char urn[3][SECURE_URN_BYTES];
    secure_random(a, "pne/1", "nonce", 0, x[0], sizeof(x[0]));
    secure_random(b, "pne/1", "nonce", 0, x[1], sizeof(x[1]));
    secure_random(c, "pne/1", "nonce", 0, x[2], sizeof(x[2]));
    assert_memory_equal(x[0], x[1], sizeof(x[0]));
    assert_memory_not_equal(x[0], x[2], sizeof(x[0]));
    secure_urn(1, "pne/1", urn[0]);
    secure_urn(1, "pne/1", urn[1]);
    secure_urn(1, "pne/2", urn[2]);
    assert_string_equal(urn[0], urn[1]);
    assert_string_not_equal(urn[0], urn[2]);
    assert_int_equal(strlen(urn[0]), SECURE_URN_BYTES - 1);
    assert_memory_equal(urn[0], "urn:uuid:", 9);
    assert_int_equal(urn[0][9 + 14], '8'); /* version */
    assert_non_null(strchr("89ab", urn[0][9 + 19]));
    secure_env_free(a);
    secure_env_free(b);
    secure_env_free(c);
}

/* --- what stays inside
 * ----------------------------------------------------------------------------- */

static void the_system_generator_is_not_seeded(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    uint8_t drawn[2][32];
    for (int i = 0; i < 2; i++) {
        struct secure_env *env;
        assert_int_equal(secure_env_create(1, SECURE_RNG_SYSTEM, &env, &diags), 0);
        secure_random(env, "pne/1", "nonce", 0, drawn[i], 32);
        struct secure_ca *ca = pair_ca(env, "family", SECURE_KEY_P256);
        struct secure_identity *id = pair_identity(env, ca, "pne/1", SECURE_KEY_P256);
        struct secure_policy_params params = pair_policy_params();
        struct secure_policy *policy = pair_policy(env, &params, ca);
        struct pair p;
        pair_open(&p, policy, policy, (struct secure_session_params){.identity = id},
                  (struct secure_session_params){.identity = id}, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        pair_fini(&p);
        secure_policy_free(policy);
        secure_identity_free(id);
        secure_ca_free(ca);
        secure_env_free(env);
    }
    assert_memory_not_equal(drawn[0], drawn[1], 32);
}

/* --- certificates
 * ---------------------------------------------------------------------------------- */

static void names_of_any_length_make_certificates(void **state)
{
    (void)state;
    struct secure_env *env = pair_env(1);
    struct secure_ca *ca = pair_ca(
        env, "a.name.with.dots.and.more.than.sixty-four.letters.in.it.really", SECURE_KEY_P256);
    static const char *const names[] = {
        "a.name.with.dots", "n",
        "a-name-of-more-than-sixty-four-letters-which-x509-does-not-allow-0",
        "familie/m\xc3\xbcller", "with,comma"};
    struct secure_policy_params params = pair_policy_params();
    struct secure_policy *policy = pair_policy(env, &params, ca);
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        char urn[100];
        struct diag_list diags = {0};
        struct secure_identity *id;
        snprintf(urn, sizeof(urn), "urn:cpns:%zu,x", i);
        const struct secure_identity_params ip = {
            .name = names[i], .urn = urn, .not_after = PAIR_DAY, .kind = SECURE_KEY_ED25519};
        assert_int_equal(secure_identity_issue(env, ca, &ip, &id, &diags), 0);
        struct pair p;
        pair_open(&p, policy, policy,
                  (struct secure_session_params){.identity = id, .expected_peer = urn},
                  (struct secure_session_params){.identity = id, .expected_peer = urn}, 10);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        assert_string_equal(pair_facts(&p, INITIATOR).peer_id, urn);
        pair_fini(&p);
        secure_identity_free(id);
    }
    secure_policy_free(policy);
    secure_ca_free(ca);
    secure_env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),
        cmocka_unit_test(hmac_of_rfc_4231),
        cmocka_unit_test(hkdf_of_rfc_5869),
        cmocka_unit_test(seal_of_the_gcm_paper),
        cmocka_unit_test(open_refuses_what_was_altered),
        cmocka_unit_test(equal_compares_all),
        cmocka_unit_test(streams_depend_on_every_part_of_their_name),
        cmocka_unit_test(streams_do_not_depend_on_the_portions),
        cmocka_unit_test(random_octets_and_urns),
        cmocka_unit_test(the_system_generator_is_not_seeded),
        cmocka_unit_test(names_of_any_length_make_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
