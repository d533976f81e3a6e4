/* Calls of libssl about certificates and keys that are answered here. The executable's definitions
 * come first in symbol look-up, as time() does in clock.c. Outside a step of a session they do what
 * libcrypto's do; what a step sees differs in processor time only. */
#include "sim/secure/interpose.h"

#include <openssl/asn1t.h>
#include <openssl/x509.h>
#include <string.h>

#include "sim/secure/known.h"
#include "sim/secure/stream.h"

static _Thread_local const struct secure_env *current;

void interpose_enter(const struct secure_env *env)
{
    current = env;
}

void interpose_leave(void)
{
    current = NULL;
}

const struct secure_env *interpose_env(void)
{
    return current;
}

/* Called for each certificate that a peer sends. */
X509 *d2i_X509(X509 **a, const unsigned char **in, long len)
{
    X509 *certificate = current != NULL && len > 0
                            ? known_recognise(current->known, span_of(*in, (size_t)len))
                            : NULL;
    if (certificate == NULL) {
        return (X509 *)ASN1_item_d2i((ASN1_VALUE **)a, in, len, ASN1_ITEM_rptr(X509));
    }
    *in += len;
    if (a != NULL) {
        X509_free(*a);
        *a = certificate;
    }
    return certificate;
}

/* Called twice for each certificate that is sent. OpenSSL would encode it anew each time, because
 * it was built here and not parsed. */
int i2d_X509(const X509 *a, unsigned char **out)
{
    struct span der = current != NULL && a != NULL ? known_octets(a) : span_of(NULL, 0);
    if (der.len == 0) {
        return ASN1_item_i2d((const ASN1_VALUE *)a, out, ASN1_ITEM_rptr(X509));
    }
    if (out != NULL) {
        if (*out == NULL) {
            *out = OPENSSL_memdup(der.data, der.len);
            return *out != NULL ? (int)der.len : -1;
        }
        memcpy(*out, der.data, der.len);
        *out += der.len;
    }
    return (int)der.len;
}

static bool has_prime_order(const EVP_PKEY *key)
{
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
    char name[32];
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(curves); i++) {
        if (strcmp(name, curves[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Called with a peer's ephemeral key; libcrypto's own validates it in full: a scalar multiplication
 * by the group's order, as dear as the key agreement itself. On a curve of prime order every point
 * but infinity has that order, so a point that could be decoded (which tests that it lies on the
 * curve) and with which an agreement succeeds (which infinity does not) is valid: SP 800-56A rev.
 * 3, 5.6.2.3.4, calls that partial validation and admits it for ephemeral keys; RFC 8446, 4.2.8.2,
 * asks for no more. */
int EVP_PKEY_derive_set_peer(EVP_PKEY_CTX *ctx, EVP_PKEY *peer)
{
    bool partial = current != NULL && has_prime_order(peer);
    return EVP_PKEY_derive_set_peer_ex(ctx, peer, !partial);
}
