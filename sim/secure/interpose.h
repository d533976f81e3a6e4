/* What libssl asks of libcrypto during a step, and libcrypto itself while a certificate is issued,
 * answered the short way: interpose.c (certificates and kinds of keys), interpose_asn1.c
 * (signatures and times), interpose_curve.c (key agreement), interpose_issue.c and interpose_tbs.c
 * (encodings), interpose_kdf.c (the key schedule), interpose_lookup.c (algorithms by name),
 * fixed_base.c (the point of a CA's key). The answers are the same; outside a step libcrypto's own
 * functions are called. fetch.c answers nothing, but notes where ciphers lie. Private to
 * sim/secure.
 */
#ifndef SIM_SECURE_INTERPOSE_H
#define SIM_SECURE_INTERPOSE_H

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "sim/secure/env_internal.h"

/* Between these, calls of libssl on this thread are answered for `env`. They do not nest. */
void interpose_enter(const struct secure_env *env);
void interpose_leave(void);
/* interpose_kdf.c: nothing of a step's secrets stays. Called by interpose_leave(). */
void interpose_forget_keys(void);
/* interpose_curve.c: the curve named last is forgotten. Called by interpose_enter(). */
void interpose_forget_curve(void);
/* interpose_curve.c: makes the groups that keys made from now on share, if there are none. Called
 * before any key of a curve is made. */
void interpose_share_curves(void);
/* interpose_curve.c: the group of P-256 that keys share, or NULL before it was made. */
const EC_GROUP *interpose_shared_p256(void);
/* interpose_issue.c: X509_set_pubkey() of a key of curves[`curve`] with this public point. */
bool interpose_set_public_key(X509 *certificate, EVP_PKEY *key, int curve, struct span point);
/* interpose_issue.c: X509_sign(), and appends the octets of what was signed. */
bool interpose_sign(X509 *certificate, EVP_PKEY *key, const EVP_MD *digest, struct buf *der);
/* interpose_tbs.c: appends the TBSCertificate of a certificate that is made; false: not of the
 * kind that is made here. */
bool interpose_encode_tbs(const X509 *certificate, struct buf *out);
/* interpose_asn1.c: seconds since 1970; false: not as RFC 5280, 4.1.2.5, has times. */
bool interpose_unix_time(const ASN1_TIME *t, int64_t *ret);
/* Until interpose_leave(): buffers for handshake messages are as long as libssl wants them (DTLS
 * copies messages that it sends again into them without growing them), and a handshake's records
 * are gathered in them. */
void interpose_whole_buffers(void);
/* A filter that passes on what is written to it, in the place of BIO_f_buffer(); NULL: no memory.
 */
BIO_METHOD *interpose_no_buffer(void);
/* The environment whose step this thread is in, or NULL. */
const struct secure_env *interpose_env(void);

/* interpose_lookup.c: asks beforehand what steps will ask; gives it back. */
bool interpose_look_up(struct secure_env *env);
void interpose_forget_look_ups(struct secure_env *env);

/* Whether the digest is one of those that were looked up for this thread's environment. */
bool interpose_is_fetched(const EVP_MD *digest);

/* libcrypto's own function of this name, which is one of those answered here. */
typedef void (*interpose_function)(void);
interpose_function interpose_next(const char *name);

#endif
