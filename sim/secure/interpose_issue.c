/* What libcrypto does more than once with a certificate that is built here rather than parsed: it
 * encodes it for the signature, for its SHA-1 digest, for whoever wants its octets and for each
 * verification; and it makes the public key in it out of an encoding of the key (OSSL_ENCODER, then
 * OSSL_DECODER), which costs more than ten signatures.
 *
 * The octets are encoded once, when they are signed. What a peer's certificate is verified by are
 * the octets that the peer sent: a known certificate is known by them. */
#include <openssl/encoder.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "sim/secure/interpose.h"
#include "sim/secure/known.h"

static struct {
    interpose_function new_encoder, encode, decode_key, item_i2d, verify;
} libcrypto;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto.new_encoder = interpose_next("OSSL_ENCODER_CTX_new_for_pkey");
    libcrypto.encode = interpose_next("OSSL_ENCODER_to_data");
    libcrypto.decode_key = interpose_next("d2i_X509_PUBKEY");
    libcrypto.item_i2d = interpose_next("ASN1_item_i2d");
    libcrypto.verify = interpose_next("X509_verify");
}

/* --- the public key in a certificate -----------------------------------------------------------
 * X509_set_pubkey() asks for the key's SubjectPublicKeyInfo (RFC 5480), has it decoded, and puts
 * the key it was given in the place of what came of it. */

enum { POINT_MOST = 97 /* of P-384 */, HEAD_MOST = 26 };

/* What stands before the point. */
static const struct {
    uint8_t head[HEAD_MOST];
    size_t head_len, point_len;
    int number;
} formats[] = {
    [ENV_P256] = {{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                   0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00},
                  26,
                  65,
                  NID_X9_62_prime256v1},
    [ENV_P384] = {{0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                   0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00},
                  23,
                  97,
                  NID_secp384r1},
};

/* The key in hand on this thread. */
static _Thread_local struct {
    const EVP_PKEY *key; /* NULL: none */
    int curve;
    struct span point;
} in_hand;

bool interpose_set_public_key(X509 *certificate, EVP_PKEY *key, int curve, struct span point)
{
    if (point.len != formats[curve].point_len) {
        return false;
    }
    in_hand.key = key;
    in_hand.curve = curve;
    in_hand.point = point;
    bool ok = X509_set_pubkey(certificate, key) == 1;
    in_hand.key = NULL;
    return ok;
}

OSSL_ENCODER_CTX *OSSL_ENCODER_CTX_new_for_pkey(const EVP_PKEY *key, int selection,
                                                const char *type, const char *structure,
                                                const char *properties)
{
    if (key != NULL && in_hand.key == key) {
        return OSSL_ENCODER_CTX_new();
    }
    pthread_once(&once, find_all);
    return (
        (OSSL_ENCODER_CTX * (*)(const EVP_PKEY *, int, const char *, const char *, const char *))
            libcrypto.new_encoder)(key, selection, type, structure, properties);
}

int OSSL_ENCODER_to_data(OSSL_ENCODER_CTX *ctx, unsigned char **out, size_t *len)
{
    if (in_hand.key == NULL || *out != NULL) {
        pthread_once(&once, find_all);
        return ((int (*)(OSSL_ENCODER_CTX *, unsigned char **, size_t *))libcrypto.encode)(ctx, out,
                                                                                           len);
    }
    size_t head = formats[in_hand.curve].head_len;
    *out = OPENSSL_malloc(HEAD_MOST + POINT_MOST);
    if (*out == NULL) {
        return 0;
    }
    memcpy(*out, formats[in_hand.curve].head, head);
    memcpy(*out + head, in_hand.point.data, in_hand.point.len);
    *len = head + in_hand.point.len;
    return 1;
}

X509_PUBKEY *d2i_X509_PUBKEY(X509_PUBKEY **a, const unsigned char **in, long len)
{
    if (in_hand.key == NULL || a != NULL) {
        pthread_once(&once, find_all);
        return ((X509_PUBKEY * (*)(X509_PUBKEY **, const unsigned char **, long))
                    libcrypto.decode_key)(a, in, len);
    }
    X509_PUBKEY *made = X509_PUBKEY_new();
    unsigned char *point = OPENSSL_memdup(in_hand.point.data, in_hand.point.len);
    if (made == NULL || point == NULL ||
        X509_PUBKEY_set0_param(made, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
                               OBJ_nid2obj(formats[in_hand.curve].number), point,
                               (int)in_hand.point.len) != 1) {
        OPENSSL_free(point);
        X509_PUBKEY_free(made);
        return NULL;
    }
    *in += len;
    return made;
}

/* --- encodings of certificates ---------------------------------------------------------------- */

/* TBSCertificate: whose is encoded and where it goes, and the octets of the one that is wanted. */
static _Thread_local struct {
    const X509 *made;
    struct buf *sink;
    struct span known;
} tbs;

static int give(struct span octets, unsigned char **out)
{
    if (out != NULL && *out == NULL) {
        *out = OPENSSL_memdup(octets.data, octets.len);
        return *out != NULL ? (int)octets.len : -1;
    }
    if (out != NULL) {
        memcpy(*out, octets.data, octets.len);
        *out += octets.len;
    }
    return (int)octets.len;
}

int ASN1_item_i2d(const ASN1_VALUE *value, unsigned char **out, const ASN1_ITEM *item)
{
    bool is_tbs = item == ASN1_ITEM_rptr(X509_CINF);
    struct span known = span_of(NULL, 0);
    if (is_tbs) {
        known = tbs.known;
    } else if (value != NULL && item == ASN1_ITEM_rptr(X509)) {
        known = known_octets((const X509 *)value);
    }
    bool wanted = is_tbs && tbs.sink != NULL && out != NULL && *out == NULL;
    if (wanted) {
        buf_clear(tbs.sink);
        known = interpose_encode_tbs(tbs.made, tbs.sink) ? buf_span(tbs.sink) : known;
    }
    if (known.len > 0) {
        return give(known, out);
    }
    pthread_once(&once, find_all);
    int len = ((int (*)(const ASN1_VALUE *, unsigned char **,
                        const ASN1_ITEM *))libcrypto.item_i2d)(value, out, item);
    if (wanted && len > 0) {
        buf_append(tbs.sink, span_of(*out, (size_t)len));
    }
    return len;
}

/* Called for each certificate of a chain, by the key of the one above it. */
int X509_verify(X509 *certificate, EVP_PKEY *key)
{
    pthread_once(&once, find_all);
    tbs.known = known_tbs(certificate);
    fixed_base_enter(known_base(certificate));
    int r = ((int (*)(X509 *, EVP_PKEY *))libcrypto.verify)(certificate, key);
    fixed_base_leave();
    tbs.known = span_of(NULL, 0);
    return r;
}

static bool append_signature(const X509 *certificate, struct buf *out)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *algorithm;
    unsigned char *octets[2] = {NULL, NULL};
    X509_get0_signature(&signature, &algorithm, certificate);
    int len[2] = {i2d_X509_ALGOR(algorithm, &octets[0]),
                  i2d_ASN1_BIT_STRING(signature, &octets[1])};
    bool ok = len[0] > 0 && len[1] > 0;
    for (size_t i = 0; i < 2; i++) {
        if (ok) {
            buf_append(out, span_of(octets[i], (size_t)len[i]));
        }
        OPENSSL_free(octets[i]);
    }
    return ok;
}

bool interpose_sign(X509 *certificate, EVP_PKEY *key, const EVP_MD *digest, struct buf *der)
{
    enum { HEADER_MOST = 8 };
    struct buf body = {0};
    uint8_t header[HEADER_MOST];
    uint8_t *end = header;
    tbs.made = certificate;
    tbs.sink = &body;
    bool ok = X509_sign(certificate, key, digest) != 0;
    tbs.sink = NULL;
    if (ok && buf_len(&body) > 0) {
        ok = append_signature(certificate, &body);
        ASN1_put_object(&end, 1, (int)buf_len(&body), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
        buf_append(der, span_of(header, (size_t)(end - header)));
        buf_append(der, buf_span(&body));
    } else if (ok) { /* a library that does not ask here */
        unsigned char *octets = NULL;
        int len = i2d_X509(certificate, &octets);
        ok = len > 0;
        buf_append(der, span_of(octets, ok ? (size_t)len : 0));
        OPENSSL_free(octets);
    }
    buf_fini(&body);
    return ok;
}
