/* Seeded streams of octets, and what surrounds each call into OpenSSL: the stream its randomness
 * comes from and the virtual time it sees. Private to sim/secure. */
#ifndef SIM_SECURE_STREAM_H
#define SIM_SECURE_STREAM_H

#include <openssl/crypto.h>

#include "sim/secure/secure_env.h"

/* SHA-256 in counter mode over a key made from names. */
struct stream {
    uint8_t key[SECURE_SHA256_BYTES];
    uint64_t counter;
    uint8_t block[SECURE_SHA256_BYTES];
    size_t used; /* octets of `block` given out */
};

void stream_init(struct stream *s, uint64_t seed, const char *owner, const char *purpose,
                 uint64_t ordinal);
void stream_read(struct stream *s, uint8_t *out, size_t len);

/* Between enter and leave, this thread's OpenSSL calls in the private context draw from `stream`
 * and see virtual time `now`. They do not nest. */
void stream_enter(struct stream *stream, sim_time now);
void stream_leave(void);
/* The stream of this thread, or NULL. */
struct stream *stream_current(void);

/* clock.c: time() and gettimeofday() of the whole process give virtual time on a thread between
 * these. */
void clock_set_virtual(sim_time now);
void clock_set_real(void);

/* rand_provider.c: a provider whose only algorithm is STREAM_RAND_NAME, drawing from
 * stream_current(). */
#define STREAM_RAND_NAME "CPNSIM-STREAM"
int rand_provider_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER **ret);

/* env.c */
struct secure_env {
    uint64_t seed;
    enum secure_rng mode;
    OSSL_LIB_CTX *libctx;
    OSSL_PROVIDER *provider;
    OSSL_PROVIDER *default_provider;
    struct evp_pkey_st *rsa_pool[2][4]; /* 2048, 3072 bits */
};

/* A sentence with OpenSSL's reason; returns -SIM_ECRYPTO. */
int env_fail(struct diag_list *diags, const char *what);

#endif
