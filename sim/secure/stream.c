#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init(): no look-up for the few octets of a name */
#include "sim/secure/stream.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

#include "sim/secure/env_internal.h"

static _Thread_local struct stream *current;

static void hash(SHA256_CTX *h, const void *data, size_t len)
{
    CHECK(SHA256_Update(h, data, len) == 1);
}

static void hash_text(SHA256_CTX *h, const char *s)
{
    hash(h, s, strlen(s) + 1); /* with its end, so that ("ab", "c") is not ("a", "bc") */
}

static void hash_u64(SHA256_CTX *h, uint64_t v)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(v >> (56 - 8 * i));
    }
    hash(h, bytes, sizeof(bytes));
}

void stream_init(struct stream *s, uint64_t seed, const char *owner, const char *purpose,
                 uint64_t ordinal)
{
    SHA256_CTX h;
    CHECK(SHA256_Init(&h) == 1);
    hash_u64(&h, seed);
    hash_text(&h, owner);
    hash_u64(&h, ordinal);
    hash_text(&h, purpose);
    CHECK(SHA256_Final(s->key, &h) == 1);
    s->blocks = 0;
    s->used = sizeof(s->block);
}

static EVP_CIPHER *chacha20;    /* fetched once a process */
static pthread_key_t of_thread; /* its EVP_CIPHER_CTX, to make one takes longer than to use it */

static void free_context(void *ctx)
{
    EVP_CIPHER_CTX_free(ctx);
}

static void fetch_chacha20(void)
{
    env_init_openssl();
    chacha20 = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL);
    CHECK(chacha20 != NULL);
    CHECK(pthread_key_create(&of_thread, free_context) == 0);
}

static EVP_CIPHER_CTX *context(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_chacha20);
    EVP_CIPHER_CTX *ctx = pthread_getspecific(of_thread);
    if (ctx == NULL) {
        ctx = EVP_CIPHER_CTX_new();
        CHECK(ctx != NULL && EVP_EncryptInit_ex2(ctx, chacha20, NULL, NULL, NULL) == 1);
        CHECK(pthread_setspecific(of_thread, ctx) == 0);
    }
    return ctx;
}

/* OpenSSL's initialisation vector of ChaCha20: a 32-bit little-endian block counter, then the
 * nonce. Each refill takes its own nonce and counts from 0. */
static void refill(struct stream *s)
{
    static const uint8_t zeros[STREAM_BLOCK_BYTES];
    uint8_t iv[16] = {0};
    for (size_t i = 0; i < 8; i++) {
        iv[8 + i] = (uint8_t)(s->blocks >> (8 * i));
    }
    int len;
    EVP_CIPHER_CTX *ctx = context();
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, s->key, iv, NULL) == 1 &&
          EVP_EncryptUpdate(ctx, s->block, &len, zeros, sizeof(zeros)) == 1 &&
          len == (int)sizeof(s->block));
    s->blocks++;
    s->used = 0;
}

void stream_read(struct stream *s, uint8_t *out, size_t len)
{
    while (len > 0) {
        if (s->used == sizeof(s->block)) {
            refill(s);
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
