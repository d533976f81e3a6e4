/* What libssl is answered during a step is what libcrypto itself answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "sim/secure/interpose.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_schedule_is_openssls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
