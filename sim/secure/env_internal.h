/* The OpenSSL environment inside sim/secure. */
#ifndef SIM_SECURE_ENV_INTERNAL_H
#define SIM_SECURE_ENV_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <pthread.h>

#include "sim/secure/secure_env.h"

enum { RSA_POOL_KEYS = 4 };

struct secure_env {
    uint64_t seed;
    enum secure_rng mode;
    OSSL_LIB_CTX *libctx;
    OSSL_PROVIDER *provider; /* of seeded randomness; NULL in SECURE_RNG_SYSTEM */
    OSSL_PROVIDER *default_provider;
    EVP_CIPHER *ticket_cipher;
    EVP_KDF *tls13_kdf; /* what interpose_kdf.c answers EVP_KDF_fetch() with */
    struct known_certificates *known;
    _Atomic uint64_t askers; /* numbers given to known_verify() so far */
    pthread_mutex_t pool_lock;
    EVP_PKEY *rsa_pool[2][RSA_POOL_KEYS]; /* 2048, 3072 bits; made when first asked for */
};

/* Keeps the machine's openssl.cnf out: it would change defaults of every SSL_CTX, and results must
 * not depend on it. Before the first use of OpenSSL; cheap when done already. */
void env_init_openssl(void);
/* Adds a sentence with OpenSSL's reason; returns -SIM_ECRYPTO. */
int env_fail(struct diag_list *diags, const char *what);
/* Draws in the private context: from the current stream, or from the system in
 * SECURE_RNG_SYSTEM. */
bool env_draw(const struct secure_env *env, uint8_t *out, size_t len);

#endif
