/* Keys and certificates inside sim/secure. */
#ifndef SIM_SECURE_IDENTITY_INTERNAL_H
#define SIM_SECURE_IDENTITY_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/secure_identity.h"

struct secure_ca {
    EVP_PKEY *key;
    enum secure_key_kind kind;
    X509 *certificate;
    struct buf der;              /* of the certificate */
    struct env_extension key_id; /* of those that it issues: authorityKeyIdentifier */
    struct fixed_base *base;     /* what they are verified by; NULL: not on P-256 */
};

struct secure_identity {
    struct known_certificates *known;
    EVP_PKEY *key;
    X509 *certificate;
    enum secure_key_kind kind;
    struct buf staple; /* OCSP response, or empty */
};

struct secure_crl {
    X509_CRL *list;
    struct buf der;
};

/* Makes the extensions of an environment, and gives them back. */
bool identity_make_extensions(struct secure_env *env);
void identity_free_extensions(struct secure_env *env);
/* Virtual time as seconds since 1970. */
int64_t identity_unix_time(sim_time t);
/* The URN among the certificate's URI subject alternative names that equals `wanted`, or with
 * `wanted` NULL the first one; false when there is none. `out` may be NULL. */
bool identity_find_urn(const X509 *certificate, const char *wanted, char *out, size_t out_size);

#endif
