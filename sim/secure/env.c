/* The private OpenSSL context, its streams, and the primitives. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/stream.h"

static _Thread_local struct stream *current;

const char *secure_env_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

const char *secure_error_text(void)
{
    static _Thread_local char text[256];
    unsigned long code = ERR_peek_last_error();
    text[0] = '\0';
    if (code != 0) {
        ERR_error_string_n(code, text, sizeof(text));
    }
    ERR_clear_error();
    return text;
}

int env_fail(struct diag_list *diags, const char *what)
{
    diag_add(diags, DIAG_ERROR, "openssl", NULL, 0, 0, "%s: %s", what, secure_error_text());
    return -SIM_ECRYPTO;
}

/* --- streams
 * ------------------------------------------------------------------------------------------ */

static void hash_text(struct secure_hash *h, const char *s)
{
    secure_hash_update(h, span_of_str(s));
    secure_hash_update(h, span_of("", 1));
}

static void hash_u64(struct secure_hash *h, uint64_t v)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(v >> (56 - 8 * i));
    }
    secure_hash_update(h, span_of(bytes, sizeof(bytes)));
}

void stream_init(struct stream *s, uint64_t seed, const char *owner, const char *purpose,
                 uint64_t ordinal)
{
    struct secure_hash *h = secure_hash_create();
    hash_u64(h, seed);
    hash_text(h, owner);
    hash_text(h, purpose);
    hash_u64(h, ordinal);
    secure_hash_finish(h, s->key);
    s->counter = 0;
    s->used = sizeof(s->block);
}

void stream_read(struct stream *s, uint8_t *out, size_t len)
{
    while (len > 0) {
        if (s->used == sizeof(s->block)) {
            uint8_t input[sizeof(s->key) + 8];
            memcpy(input, s->key, sizeof(s->key));
            for (size_t i = 0; i < 8; i++) {
                input[sizeof(s->key) + i] = (uint8_t)(s->counter >> (56 - 8 * i));
            }
            s->counter++;
            secure_sha256(span_of(input, sizeof(input)), s->block);
            s->used = 0;
        }
        size_t part = sizeof(s->block) - s->used;
        part = part < len ? part : len;
        memcpy(out, s->block + s->used, part);
        s->used += part;
        out += part;
        len -= part;
    }
}

void stream_enter(struct stream *stream, sim_time now)
{
    CHECK(current == NULL);
    current = stream;
    clock_set_virtual(now);
}

void stream_leave(void)
{
    current = NULL;
    clock_set_real();
}

struct stream *stream_current(void)
{
    return current;
}

/* --- the context
 * ---------------------------------------------------------------------------------------- */

/* The default context must still draw from its own generator, which gives something else each time.
 */
static int check_default_context(struct diag_list *diags)
{
    uint8_t a[32];
    uint8_t b[32];
    EVP_RAND_CTX *rand = RAND_get0_public(NULL);
    const char *name = rand != NULL ? EVP_RAND_get0_name(EVP_RAND_CTX_get0_rand(rand)) : NULL;
    if (RAND_bytes(a, sizeof(a)) != 1 || RAND_bytes(b, sizeof(b)) != 1 ||
        memcmp(a, b, sizeof(a)) == 0 || name == NULL || strcmp(name, STREAM_RAND_NAME) == 0) {
        return env_fail(diags,
                        "the default context of OpenSSL does not draw from its own generator");
    }
    return 0;
}

static int set_up(struct secure_env *env, struct diag_list *diags)
{
    env->libctx = OSSL_LIB_CTX_new();
    env->default_provider = OSSL_PROVIDER_load(env->libctx, "default");
    if (env->default_provider == NULL) {
        return env_fail(diags, "cannot load OpenSSL's default provider");
    }
    if (env->mode == SECURE_RNG_SEEDED &&
        (rand_provider_load(env->libctx, &env->provider) < 0 ||
         RAND_set_DRBG_type(env->libctx, STREAM_RAND_NAME, NULL, NULL, NULL) != 1)) {
        return env_fail(diags, "cannot set up seeded randomness");
    }
    uint8_t expected[16];
    uint8_t drawn[16];
    struct stream s;
    stream_init(&s, env->seed, "self-test", "", 0);
    stream_read(&s, expected, sizeof(expected));
    stream_init(&s, env->seed, "self-test", "", 0);
    stream_enter(&s, 0);
    int ok = RAND_bytes_ex(env->libctx, drawn, sizeof(drawn), 0);
    stream_leave();
    bool equal = ok == 1 && memcmp(drawn, expected, sizeof(drawn)) == 0;
    if (equal != (env->mode == SECURE_RNG_SEEDED)) {
        return env_fail(diags, "the private context of OpenSSL does not draw from where it should");
    }
    return check_default_context(diags);
}

int secure_env_create(uint64_t seed, enum secure_rng mode, struct secure_env **ret,
                      struct diag_list *diags)
{
    struct secure_env *env = mem_alloc(sizeof(*env));
    env->seed = seed;
    env->mode = mode;
    int r = set_up(env, diags);
    if (r < 0) {
        secure_env_free(env);
        return r;
    }
    *ret = env;
    return 0;
}

void secure_env_free(struct secure_env *env)
{
    if (env == NULL) {
        return;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(env->rsa_pool); i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(env->rsa_pool[i]); k++) {
            EVP_PKEY_free(env->rsa_pool[i][k]);
        }
    }
    OSSL_PROVIDER_unload(env->provider);
    OSSL_PROVIDER_unload(env->default_provider);
    OSSL_LIB_CTX_free(env->libctx);
    free(env);
}

/* --- primitives
 * ----------------------------------------------------------------------------------------- */

void secure_sha256(struct span data, uint8_t out[SECURE_SHA256_BYTES])
{
    CHECK(EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) == 1);
}

struct secure_hash {
    EVP_MD_CTX *ctx;
};

struct secure_hash *secure_hash_create(void)
{
    struct secure_hash *h = mem_alloc(sizeof(*h));
    h->ctx = EVP_MD_CTX_new();
    CHECK(h->ctx != NULL && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) == 1);
    return h;
}

void secure_hash_update(struct secure_hash *h, struct span data)
{
    CHECK(EVP_DigestUpdate(h->ctx, data.data, data.len) == 1);
}

void secure_hash_finish(struct secure_hash *h, uint8_t out[SECURE_SHA256_BYTES])
{
    CHECK(EVP_DigestFinal_ex(h->ctx, out, NULL) == 1);
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

void secure_hmac_sha256(struct span key, struct span data, uint8_t out[SECURE_SHA256_BYTES])
{
    static const uint8_t none[1];
    unsigned int len = SECURE_SHA256_BYTES;
    CHECK(HMAC(EVP_sha256(), key.len != 0 ? key.data : none, (int)key.len, data.data, data.len, out,
               &len) != NULL);
}

bool secure_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

int secure_hkdf_sha256(struct span key, struct span salt, struct span info, uint8_t *out,
                       size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    EVP_KDF_free(kdf);
    OSSL_PARAM params[5];
    OSSL_PARAM *p = params;
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0);
    *p++ =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.data, key.len);
    if (salt.len > 0) {
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data,
                                                 salt.len);
    }
    if (info.len > 0) {
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data,
                                                 info.len);
    }
    *p = OSSL_PARAM_construct_end();
    int ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    return ok ? 0 : -SIM_ECRYPTO;
}

void secure_random(struct secure_env *env, const char *owner, const char *purpose, uint64_t ordinal,
                   uint8_t *out, size_t len)
{
    if (env->mode == SECURE_RNG_SYSTEM) {
        CHECK(RAND_bytes(out, (int)len) == 1);
        return;
    }
    struct stream s;
    stream_init(&s, env->seed, owner, purpose, ordinal);
    stream_read(&s, out, len);
}

void secure_urn(uint64_t seed, const char *name, char out[SECURE_URN_BYTES])
{
    struct stream s;
    uint8_t u[16];
    stream_init(&s, seed, name, "urn", 0);
    stream_read(&s, u, sizeof(u));
    u[6] = (uint8_t)((u[6] & 0x0f) | 0x80); /* version 8 (RFC 9562) */
    u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
    snprintf(out, SECURE_URN_BYTES,
             "urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
             u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
             u[14], u[15]);
}
