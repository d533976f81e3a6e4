/* The OpenSSL environment of a run: a private OSSL_LIB_CTX whose randomness comes from seeded
 * streams (or from the system), and the primitives that the rest of cpnsim may use.
 *
 * Leak safety: the seeded RAND provider exists only inside the private context; secure_env_create()
 * checks that the default context still draws from its own DRBG and that two draws differ, and
 * refuses to go on otherwise. No session ever touches a socket BIO. */
#ifndef SIM_SECURE_SECURE_ENV_H
#define SIM_SECURE_SECURE_ENV_H

#include "sim/core/base.h"
#include "sim/core/buf.h"
#include "sim/core/diag.h"

struct secure_env;

enum secure_rng { SECURE_RNG_SEEDED, SECURE_RNG_SYSTEM };

/* -SIM_ECRYPTO with a sentence in `diags` when OpenSSL cannot be set up as above. */
int secure_env_create(uint64_t seed, enum secure_rng mode, struct secure_env **ret,
                      struct diag_list *diags);
void secure_env_free(struct secure_env *env);
/* "OpenSSL 3.0.22 ..."; static storage. */
const char *secure_env_version(void);
/* Last OpenSSL error of this thread as text ("" when none); clears the queue. Valid until the next
 * call on this thread. */
const char *secure_error_text(void);

/* --- primitives: real ones, from OpenSSL; usable from any thread ---------------------------------
 */

enum { SECURE_SHA256_BYTES = 32 };
/* SHA-256 of `data`. */
void secure_sha256(struct span data, uint8_t out[SECURE_SHA256_BYTES]);

/* Incremental SHA-256, for fingerprints. */
struct secure_hash;
struct secure_hash *secure_hash_create(void);
void secure_hash_update(struct secure_hash *h, struct span data);
/* Finishes and frees. */
void secure_hash_finish(struct secure_hash *h, uint8_t out[SECURE_SHA256_BYTES]);

void secure_hmac_sha256(struct span key, struct span data, uint8_t out[SECURE_SHA256_BYTES]);
/* Compares in constant time. */
bool secure_equal(struct span a, struct span b);
/* HKDF-SHA-256 (RFC 5869); `len` at most 255 * 32. */
int secure_hkdf_sha256(struct span key, struct span salt, struct span info, uint8_t *out,
                       size_t len);

/* AES-256-GCM (NIST SP 800-38D). */
enum { SECURE_AEAD_KEY_BYTES = 32, SECURE_AEAD_NONCE_BYTES = 12, SECURE_AEAD_TAG_BYTES = 16 };
/* Appends ciphertext and tag to `out`. A nonce must never be used twice with one key. */
void secure_seal(const uint8_t key[SECURE_AEAD_KEY_BYTES],
                 const uint8_t nonce[SECURE_AEAD_NONCE_BYTES], struct span aad, struct span plain,
                 struct buf *out);
/* Appends the plaintext to `out`; -SIM_EBADMSG, and `out` as it was, where the tag is wrong or
 * `sealed` is shorter than one. */
int secure_open(const uint8_t key[SECURE_AEAD_KEY_BYTES],
                const uint8_t nonce[SECURE_AEAD_NONCE_BYTES], struct span aad, struct span sealed,
                struct buf *out);

/* Fills `out` from the stream of (`owner`, `purpose`, `ordinal`): the same octets for the same
 * names and seed (fresh ones from the system in SECURE_RNG_SYSTEM). */
void secure_random(struct secure_env *env, const char *owner, const char *purpose, uint64_t ordinal,
                   uint8_t *out, size_t len);

/* "urn:uuid:..." built from the seed and a name (RFC 4122 version 5 layout, SHA-1 replaced by the
 * truncated SHA-256 of version 8). `out` gets 45 characters and a NUL. */
enum { SECURE_URN_BYTES = 46 };
void secure_urn(uint64_t seed, const char *name, char out[SECURE_URN_BYTES]);

#endif
