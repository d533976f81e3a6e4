/* The primitives that the rest of cpnsim may use. They run in OpenSSL's default context or in none;
 * none of them draws randomness from it but secure_random() in SECURE_RNG_SYSTEM. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init() and its like */
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/stream.h"

/* SHA-256 straight: EVP looks the algorithm up each time, under locks that all threads share. */
static void update(SHA256_CTX *ctx, const void *data, size_t len)
{
    CHECK(len == 0 || SHA256_Update(ctx, data, len) == 1);
}

void secure_sha256(struct span data, uint8_t out[SECURE_SHA256_BYTES])
{
    SHA256_CTX ctx;
    CHECK(SHA256_Init(&ctx) == 1);
    update(&ctx, data.data, data.len);
    CHECK(SHA256_Final(out, &ctx) == 1);
}

struct secure_hash {
    SHA256_CTX ctx;
};

struct secure_hash *secure_hash_create(void)
{
    struct secure_hash *h = mem_alloc(sizeof(*h));
    CHECK(SHA256_Init(&h->ctx) == 1);
    return h;
}

void secure_hash_update(struct secure_hash *h, struct span data)
{
    update(&h->ctx, data.data, data.len);
}

void secure_hash_finish(struct secure_hash *h, uint8_t out[SECURE_SHA256_BYTES])
{
    CHECK(SHA256_Final(out, &h->ctx) == 1);
    free(h);
}

/* One of HMAC's two hashes (RFC 2104): of the padded key and `data`. */
static void padded(struct span key, uint8_t octet, struct span data,
                   uint8_t out[SECURE_SHA256_BYTES])
{
    uint8_t pad[SHA256_CBLOCK];
    SHA256_CTX ctx;
    memset(pad, octet, sizeof(pad));
    for (size_t i = 0; i < key.len; i++) {
        pad[i] ^= key.data[i];
    }
    CHECK(SHA256_Init(&ctx) == 1);
    update(&ctx, pad, sizeof(pad));
    update(&ctx, data.data, data.len);
    CHECK(SHA256_Final(out, &ctx) == 1);
    OPENSSL_cleanse(pad, sizeof(pad));
}

void secure_hmac_sha256(struct span key, struct span data, uint8_t out[SECURE_SHA256_BYTES])
{
    uint8_t short_key[SECURE_SHA256_BYTES];
    uint8_t inner[SECURE_SHA256_BYTES];
    if (key.len > SHA256_CBLOCK) {
        secure_sha256(key, short_key);
        key = span_of(short_key, sizeof(short_key));
    }
    padded(key, 0x36, data, inner);
    padded(key, 0x5c, span_of(inner, sizeof(inner)), out);
    OPENSSL_cleanse(short_key, sizeof(short_key));
    OPENSSL_cleanse(inner, sizeof(inner));
}

bool secure_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

int secure_hkdf_sha256(struct span key, struct span salt, struct span info, uint8_t *out,
                       size_t len)
{
    env_init_openssl();
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

/* The AAD, then the text; with `tag` to be checked when opening, to be filled when sealing. */
static bool aead(bool seal, const uint8_t *key, const uint8_t *nonce, struct span aad,
                 struct span in, uint8_t *out, uint8_t *tag)
{
    int len = 0;
    int end = 0;
    env_init_openssl();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK(ctx != NULL && in.len <= INT_MAX && aad.len <= INT_MAX);
    CHECK(EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1);
    CHECK(aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &len, aad.data, (int)aad.len) == 1);
    CHECK(in.len == 0 || EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) == 1);
    CHECK(seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SECURE_AEAD_TAG_BYTES, tag) == 1);
    /* GCM has no last block: the end only makes or checks the tag. */
    bool good = EVP_CipherFinal_ex(ctx, out + in.len, &end) == 1;
    CHECK(!seal ||
          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SECURE_AEAD_TAG_BYTES, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

void secure_seal(const uint8_t key[SECURE_AEAD_KEY_BYTES],
                 const uint8_t nonce[SECURE_AEAD_NONCE_BYTES], struct span aad, struct span plain,
                 struct buf *out)
{
    uint8_t *place = buf_reserve(out, plain.len + SECURE_AEAD_TAG_BYTES);
    CHECK(aead(true, key, nonce, aad, plain, place, place + plain.len));
    buf_commit(out, plain.len + SECURE_AEAD_TAG_BYTES);
}

int secure_open(const uint8_t key[SECURE_AEAD_KEY_BYTES],
                const uint8_t nonce[SECURE_AEAD_NONCE_BYTES], struct span aad, struct span sealed,
                struct buf *out)
{
    uint8_t tag[SECURE_AEAD_TAG_BYTES];
    struct span text;
    if (sealed.len < sizeof(tag)) {
        return -SIM_EBADMSG;
    }
    CHECK(span_take(&sealed, sealed.len - sizeof(tag), &text));
    memcpy(tag, sealed.data, sizeof(tag));
    uint8_t *place = buf_reserve(out, text.len + 1);
    if (!aead(false, key, nonce, aad, text, place, tag)) {
        OPENSSL_cleanse(place, text.len);
        return -SIM_EBADMSG;
    }
    buf_commit(out, text.len);
    return 0;
}

void secure_random(struct secure_env *env, const char *owner, const char *purpose, uint64_t ordinal,
                   uint8_t *out, size_t len)
{
    if (env->mode == SECURE_RNG_SYSTEM) { /* there is an env: OpenSSL is set up */
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
