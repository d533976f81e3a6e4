/* Seeded streams of octets, and what surrounds each call into OpenSSL: the stream its randomness
 * comes from and the virtual time it sees. Private to sim/secure. */
#ifndef SIM_SECURE_STREAM_H
#define SIM_SECURE_STREAM_H

#include <openssl/crypto.h>

#include "sim/secure/secure_env.h"

/* ChaCha20's key stream under a key made from names: 256 octets at a time, which is about what one
 * end draws in a handshake. */
enum { STREAM_BLOCK_BYTES = 256 };
struct stream {
    uint8_t key[SECURE_SHA256_BYTES]; /* SHA-256(seed, owner, purpose, ordinal) */
    uint64_t blocks;                  /* made so far */
    size_t used;                      /* octets of `block` given out */
    uint8_t block[STREAM_BLOCK_BYTES];
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
 * stream_current(); a draw without one is a bug and ends in CHECK(). */
#define STREAM_RAND_NAME "CPNSIM-STREAM"
int rand_provider_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER **ret);

#endif
