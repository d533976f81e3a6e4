/* Certificates that this run has issued, known by their octets.
 *
 * Half of a TLS handshake's processor time in OpenSSL 3.0 is not arithmetic: it parses the peer's
 * certificate, decodes its key through OSSL_DECODER, and verifies the same chain again and again.
 * The octets of a certificate that this process has issued itself are parsed already, and that a
 * chain was found good by X509_verify_cert() stays true for the same certificate, trust store,
 * purpose and level as long as virtual time is within its validity. Octets that differ in one bit
 * are unknown here and go the long way. Nothing is remembered of a chain that failed.
 *
 * Safe from any thread. Private to sim/secure. */
#ifndef SIM_SECURE_KNOWN_H
#define SIM_SECURE_KNOWN_H

#include <openssl/x509.h>

#include "sim/secure/fixed_base.h"
#include "sim/secure/secure_env.h"

struct known_certificates;

struct known_certificates *known_create(void);
/* Every certificate must have been removed. NULL is fine. */
void known_free(struct known_certificates *known);

/* `certificate` (reference taken) is from now on what `der` (copied) parses to, `key` (reference
 * taken) its private key, and `base` (reference taken) what it is verified by, or NULL. */
void known_add(struct known_certificates *known, X509 *certificate, EVP_PKEY *key, struct span der,
               struct fixed_base *base);
/* Sessions that hold the certificate keep their references. */
void known_remove(struct known_certificates *known, X509 *certificate);

/* A new reference to the certificate with these octets, or NULL. */
X509 *known_recognise(struct known_certificates *known, struct span der);

/* Whether `key` is the one with which the certificate was added; false says nothing. */
bool known_has_key(const X509 *certificate, const EVP_PKEY *key);

/* The octets of a known certificate, valid as long as it; empty: not known. */
struct span known_octets(const X509 *certificate);

/* The TBSCertificate in them. */
struct span known_tbs(const X509 *certificate);

/* What a known certificate is verified by, valid as long as it, or NULL. */
struct fixed_base *known_base(const X509 *certificate);

/* The first 8 octets of the SHA-256 of a certificate, known or not. */
uint64_t known_fingerprint(const X509 *certificate);

/* The first URI subject alternative name of a known certificate, parsed from it once; NULL: not
 * known, none, or longer than 126 characters. */
const char *known_urn(const X509 *certificate);

/* Verifies as SSL_CTX_set_cert_verify_callback() wants it. `arg`: a number of the environment's
 * own (uint64_t, not 0) that stands for trust store, purpose and security level. */
int known_verify(X509_STORE_CTX *store, void *arg);

/* What was done the long and the short way since creation. */
struct known_counts {
    uint64_t parsed, recognised, verified, remembered;
};
void known_counts(const struct known_certificates *known, struct known_counts *ret);

#endif
