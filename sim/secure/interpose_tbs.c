/* A TBSCertificate (RFC 5280, 4.1) is encoded once, when it is signed. libcrypto goes through the
 * tree of its templates and computes the length of all that is below at every node, twice; here the
 * parts are put together from the bottom. */
#include <openssl/asn1t.h>
#include <openssl/x509.h>

#include "sim/secure/interpose.h"

enum { HEADER_MOST = 8, CONSTRUCTED = 1, PRIMITIVE = 0, VERSION_TAG = 0, EXTENSIONS_TAG = 3 };

static void append_header(struct buf *out, int constructed, size_t len, int tag, int class)
{
    uint8_t header[HEADER_MOST];
    uint8_t *end = header;
    ASN1_put_object(&end, constructed, (int)len, tag, class);
    buf_append(out, span_of(header, (size_t)(end - header)));
}

static void append_octets(struct buf *out, int tag, const uint8_t *octets, size_t len)
{
    append_header(out, PRIMITIVE, len, tag, V_ASN1_UNIVERSAL);
    buf_append(out, span_of(octets, len));
}

static void append_sequence(struct buf *out, const struct buf *body)
{
    append_header(out, CONSTRUCTED, buf_len(body), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    buf_append(out, buf_span(body));
}

/* What is small is libcrypto's to encode. */
static bool append_item(struct buf *out, const void *value, const ASN1_ITEM *item)
{
    uint8_t *octets = NULL;
    int len = value != NULL ? ASN1_item_i2d(value, &octets, item) : 0;
    if (len > 0) {
        buf_append(out, span_of(octets, (size_t)len));
    }
    OPENSSL_free(octets);
    return len > 0;
}

static bool append_name(struct buf *out, const X509_NAME *name)
{
    const uint8_t *octets;
    size_t len;
    if (X509_NAME_get0_der(name, &octets, &len) != 1) {
        return false;
    }
    buf_append(out, span_of(octets, len));
    return true;
}

static bool append_validity(struct buf *out, const X509 *certificate)
{
    struct buf times = {0};
    bool ok = append_item(&times, X509_get0_notBefore(certificate), ASN1_ITEM_rptr(ASN1_TIME)) &&
              append_item(&times, X509_get0_notAfter(certificate), ASN1_ITEM_rptr(ASN1_TIME));
    append_sequence(out, &times);
    buf_fini(&times);
    return ok;
}

/* `body` is empty before and after. */
static void append_extension(struct buf *out, struct buf *body, X509_EXTENSION *e)
{
    static const uint8_t yes = 0xff;
    const ASN1_OBJECT *object = X509_EXTENSION_get_object(e);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);
    append_octets(body, V_ASN1_OBJECT, OBJ_get0_data(object), OBJ_length(object));
    if (X509_EXTENSION_get_critical(e)) {
        append_octets(body, V_ASN1_BOOLEAN, &yes, sizeof(yes));
    }
    append_octets(body, V_ASN1_OCTET_STRING, ASN1_STRING_get0_data(value),
                  (size_t)ASN1_STRING_length(value));
    append_sequence(out, body);
    buf_clear(body);
}

static void append_extensions(struct buf *out, const STACK_OF(X509_EXTENSION) * extensions)
{
    struct buf body = {0};
    struct buf list = {0};
    struct buf sequence = {0};
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
        append_extension(&list, &body, sk_X509_EXTENSION_value(extensions, i));
    }
    append_sequence(&sequence, &list);
    append_header(out, CONSTRUCTED, buf_len(&sequence), EXTENSIONS_TAG, V_ASN1_CONTEXT_SPECIFIC);
    buf_append(out, buf_span(&sequence));
    buf_fini(&body);
    buf_fini(&list);
    buf_fini(&sequence);
}

bool interpose_encode_tbs(const X509 *certificate, struct buf *out)
{
    static const uint8_t version_3[] = {0xa0 | VERSION_TAG, 3, V_ASN1_INTEGER, 1, X509_VERSION_3};
    const ASN1_BIT_STRING *ids[2];
    const STACK_OF(X509_EXTENSION) *extensions = X509_get0_extensions(certificate);
    X509_get0_uids(certificate, &ids[0], &ids[1]);
    if (X509_get_version(certificate) != X509_VERSION_3 || ids[0] != NULL || ids[1] != NULL ||
        sk_X509_EXTENSION_num(extensions) <= 0) {
        return false;
    }
    struct buf body = {0};
    buf_append(&body, span_of(version_3, sizeof(version_3)));
    bool ok =
        append_item(&body, X509_get0_serialNumber(certificate), ASN1_ITEM_rptr(ASN1_INTEGER)) &&
        append_item(&body, X509_get0_tbs_sigalg(certificate), ASN1_ITEM_rptr(X509_ALGOR)) &&
        append_name(&body, X509_get_issuer_name(certificate)) &&
        append_validity(&body, certificate) &&
        append_name(&body, X509_get_subject_name(certificate)) &&
        append_item(&body, X509_get_X509_PUBKEY(certificate), ASN1_ITEM_rptr(X509_PUBKEY));
    if (ok) {
        append_extensions(&body, extensions);
        append_sequence(out, &body);
    }
    buf_fini(&body);
    return ok;
}
