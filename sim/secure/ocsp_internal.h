/* OCSP inside sim/secure. */
#ifndef SIM_SECURE_OCSP_INTERNAL_H
#define SIM_SECURE_OCSP_INTERNAL_H

#include <openssl/ocsp.h>

#include "sim/secure/secure_ocsp.h"

/* As secure_ocsp_read(), of any certificate and store; needs a current stream, whose time is `now`.
 * Returns how many signatures had to be verified for that: the response's, and that of a delegate's
 * certificate. */
uint32_t ocsp_judge(X509_STORE *store, X509 *issuer, const X509 *of, struct span response,
                    struct span nonce, struct secure_status *ret);
/* The digest that a CA's key signs with; NULL: the key has its own. */
const EVP_MD *ocsp_digest(const EVP_PKEY *key);

#endif
