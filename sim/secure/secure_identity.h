/* Certificates: a scenario's CA and the identities it issues, all with validity in virtual time. */
#ifndef SIM_SECURE_SECURE_IDENTITY_H
#define SIM_SECURE_SECURE_IDENTITY_H

#include "sim/secure/secure_env.h"

enum secure_key_kind {
    SECURE_KEY_P256,
    SECURE_KEY_P384,
    SECURE_KEY_ED25519,
    SECURE_KEY_RSA2048, /* taken from a pool of 4 keys a run: RSA key generation is slow */
    SECURE_KEY_RSA3072,
};
/* "ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072": the words of the scenario format.
 */
const char *secure_key_kind_name(enum secure_key_kind kind);

/* A certification authority: self-signed, subject "cpnsim simulated CA NAME", critical
 * nameConstraints that permit only DNS:cpns-sim.invalid, valid from 10 years before the virtual
 * epoch until 10 years after it, which is the past for everybody else. `name` keys its randomness.
 */
struct secure_ca;
int secure_ca_create(struct secure_env *env, const char *name, enum secure_key_kind kind,
                     struct secure_ca **ret, struct diag_list *diags);
void secure_ca_free(struct secure_ca *ca);
/* DER of its certificate; borrowed. */
struct span secure_ca_certificate(const struct secure_ca *ca);

struct secure_identity_params {
    const char *name; /* entity name, e.g. "pne/3"; keys the randomness; part of the subject */
    const char *urn;  /* URI subject alternative name */
    enum secure_key_kind kind;
    sim_time not_before; /* virtual; may be negative */
    sim_time not_after;
    bool self_signed;  /* signed by its own key instead of the CA's */
    bool ocsp_signing; /* for answers about others' certificates (id-kp-OCSPSigning), not for
                          sessions */
};

/* A private key with its certificate. Immutable: sessions on any thread may share it. The key
 * depends on name and kind alone: two identities of one name share it. `issuer` may be NULL when
 * self_signed. */
struct secure_identity;
int secure_identity_issue(struct secure_env *env, const struct secure_ca *issuer,
                          const struct secure_identity_params *params, struct secure_identity **ret,
                          struct diag_list *diags);
void secure_identity_free(struct secure_identity *identity);
/* DER of the certificate; borrowed. */
struct span secure_identity_certificate(const struct secure_identity *identity);

/* What the CA says of a certificate (OCSP, RFC 6960), kept with it: responders staple it to
 * handshakes. Before the identity is shared. */
struct secure_staple_params {
    bool revoked;
    sim_time this_update; /* virtual: counts from here ... */
    sim_time next_update; /* ... to here */
};
int secure_identity_staple(struct secure_env *env, const struct secure_ca *issuer,
                           struct secure_identity *identity,
                           const struct secure_staple_params *params, struct diag_list *diags);

struct secure_revoked {
    const struct secure_identity *identity;
    sim_time at;
};
struct secure_crl_params {
    uint64_t number; /* in the order of issue, from 1; 0: it does not say */
    sim_time this_update, next_update;
};
/* The list of certificates that a CA has revoked (RFC 5280 section 5). `params` NULL: valid as long
 * as the CA. Immutable: sessions on any thread may share it. */
struct secure_crl;
int secure_crl_issue(struct secure_env *env, const struct secure_ca *issuer,
                     const struct secure_revoked *revoked, size_t count,
                     const struct secure_crl_params *params, struct secure_crl **ret,
                     struct diag_list *diags);
/* Reads a list that came over a network; no more is asked of it than that it is one. NULL: it is
 * none. */
struct secure_crl *secure_crl_parse(struct secure_env *env, struct span der);
/* DER; borrowed. */
struct span secure_crl_octets(const struct secure_crl *crl);
void secure_crl_free(struct secure_crl *crl);

/* Appends its private key as PEM (PKCS #8, not encrypted): for whoever is said to have stolen it.
 * -SIM_EIO: OpenSSL could not. */
int secure_identity_private_key(const struct secure_identity *identity, struct buf *pem);

#endif
