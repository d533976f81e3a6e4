/* What a step of an established session will touch, fetched into the processor's cache: some fifty
 * lines of OpenSSL's objects, which step after step of ten thousand other sessions have driven out
 * of it.
 *
 * Where the objects of a session lie is noted while they are made, in its handshake: libssl gives
 * each direction's EVP_CIPHER_CTX its cipher by EVP_CipherInit_ex(), and the cipher's provider
 * takes memory for keys and tables meanwhile. Addresses are handed to prefetch instructions and to
 * nothing else, which neither fault nor read: one that is over, as after a KeyUpdate, does no harm.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "sim/secure/interpose.h"
#include "sim/secure/session_internal.h"

enum { LINE = 64, CONTEXT_BYTES = 192, BIO_BYTES = 136 };

/* --- where they lie
 * ------------------------------------------------------------------------------------------- */

static _Thread_local struct session_places *noted; /* of the handshake that this thread is in */
static _Thread_local struct session_cipher *made;  /* that gets its cipher now */

void fetch_note(struct session_places *places)
{
    noted = places;
}

static bool is_of_a_cipher(const char *file)
{
    return file != NULL && strstr(file, "/ciphers/") != NULL;
}

/* As libcrypto has it. */
void *CRYPTO_zalloc(size_t len, const char *file, int line)
{
    void *at = CRYPTO_malloc(len, file, line);
    if (at != NULL) {
        memset(at, 0, len);
        if (made != NULL && is_of_a_cipher(file)) {
            made->keys = at;
            made->key_bytes = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
        }
    }
    return at;
}

static interpose_function libcrypto_init;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_init(void)
{
    libcrypto_init = interpose_next("EVP_CipherInit_ex");
}

/* Called with a cipher when libssl changes keys, without one for each record. (Those of tickets
 * are not set this way.) */
int EVP_CipherInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, ENGINE *engine,
                      const unsigned char *key, const unsigned char *iv, int sealing)
{
    if (noted != NULL && cipher != NULL && sealing >= 0) {
        made = &noted->ciphers[sealing != 0]; /* libssl says 2 */
        made->context = ctx;
    }
    pthread_once(&once, find_init);
    int r = ((int (*)(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *,
                      const unsigned char *, int))libcrypto_init)(ctx, cipher, engine, key, iv,
                                                                  sealing);
    made = NULL;
    return r;
}

/* --- fetching
 * ------------------------------------------------------------------------------------------- */

static void fetch(const void *at, size_t from, size_t to)
{
    uintptr_t end = (uintptr_t)at + to;
    for (uintptr_t p = ((uintptr_t)at + from) / LINE * LINE; at != NULL && p < end; p += LINE) {
        __builtin_prefetch((const void *)p);
    }
}

/* What SSL_read_ex() and SSL_write_ex() of TLS 1.3 touch of the 7,608 octets of an SSL object of
 * OpenSSL 3.0: from a trace of both (valgrind --tool=lackey --trace-mem=yes). Where another one
 * has them elsewhere, that costs time and nothing else. */
static void fetch_ssl(const SSL *ssl)
{
    static const uint16_t touched[][2] = {
        {0, 136},     {168, 170},   {384, 444},   {736, 744},   {1216, 1232},
        {2120, 2200}, {2328, 2336}, {2536, 2600}, {2716, 2720}, {2980, 2984},
        {3160, 3288}, {4776, 4836}, {7336, 7440}, {7504, 7528},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(touched); i++) {
        fetch(ssl, touched[i][0], touched[i][1]);
    }
}

void secure_session_fetch(const struct secure_session *s, enum secure_fetch what, bool sends)
{
    if (s == NULL) {
        return;
    }
    if (what == SECURE_FETCH_SESSION) {
        fetch(s, 0, SESSION_HOT_BYTES);
    } else if (s->ssl == NULL) {
        return;
    } else if (what == SECURE_FETCH_OBJECTS) {
        fetch_ssl(s->ssl);
        fetch(s->places.bio, 0, BIO_BYTES);
        fetch(s->places.ciphers[sends].context, 0, CONTEXT_BYTES);
    } else {
        const struct session_cipher *c = &s->places.ciphers[sends];
        fetch(c->keys, 0, c->key_bytes);
    }
}
