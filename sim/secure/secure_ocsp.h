/* OCSP (RFC 6960) in octets: requests for the status of a certificate, a responder's answers, and
 * what an answer says to somebody who trusts the CA. No network: whoever carries the octets, and
 * when, is the caller's. All times are virtual; on the wire they are whole seconds. */
#ifndef SIM_SECURE_SECURE_OCSP_H
#define SIM_SECURE_SECURE_OCSP_H

#include "sim/secure/secure_session.h"

enum { SECURE_NONCE_BYTES = 32 /* RFC 8954 */ };

/* The status of certificate `of` is asked for; DER, appended. `nonce`: empty, or SECURE_NONCE_BYTES
 * that the answer has to repeat. -SIM_EIO: OpenSSL could not. */
int secure_ocsp_request(struct secure_env *env, const struct secure_ca *issuer,
                        const struct secure_identity *of, struct span nonce, struct buf *ret);

/* --- the responder ---------------------------------------------------------------------------- */

/* Who answers for a CA: the CA itself, or somebody whom it has given a certificate for that
 * (id-kp-OCSPSigning, RFC 6960 4.2.2.2), which the answers carry. */
struct secure_responder;
/* `name`: keys the randomness and the delegate's key. `delegate`: borrowed, issued with
 * `ocsp_signing`; NULL: the CA signs. */
struct secure_responder *secure_responder_create(struct secure_env *env, const struct secure_ca *ca,
                                                 const char *name,
                                                 const struct secure_identity *delegate);
void secure_responder_free(struct secure_responder *r);
/* The CA has issued this certificate, and revokes it at `revoked_at` (SIM_TIME_NEVER: never). What
 * was not added, the responder does not know. */
void secure_responder_add(struct secure_responder *r, const struct secure_identity *identity,
                          sim_time revoked_at);
/* Answers a request (DER) at `now`; what it says counts for `lifetime`. The response (DER) is
 * appended, also where the request is malformed: then it says so, unsigned (RFC 6960 4.2.1).
 * `operations` is added to. -SIM_EIO: OpenSSL could not. */
int secure_responder_answer(struct secure_responder *r, struct span request, sim_time now,
                            sim_time lifetime, struct buf *ret, struct secure_ops *operations);

/* --- who reads an answer ---------------------------------------------------------------------- */

struct secure_status {
    /* "good", "revoked", "unknown" (to the responder): signed by the CA or for it, about this
     * certificate, and true now. Else why it says nothing: "none" (no octets), "malformed",
     * "unsuccessful" (the responder has no answer), "unauthorized" (signed by nobody whom the CA
     * allows to), "other certificate", "wrong nonce", "not yet valid", "expired". Static. */
    const char *word;
    sim_time this_update, next_update; /* SIM_TIME_NEVER: not known */
};
/* What `response` says of `of` at `now`. `nonce`: that of the request, or empty. */
void secure_ocsp_read(struct secure_env *env, const struct secure_ca *issuer,
                      const struct secure_identity *of, struct span response, struct span nonce,
                      sim_time now, struct secure_status *ret);

#endif
