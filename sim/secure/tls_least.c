/* What a step will do at least, told from the outside of the records it is given: a simulator that
 * knows how long a step takes at least can let virtual time run on until then while another thread
 * computes it.
 *
 * Only TLS 1.3 with certificates in every handshake is foretold; of the rest it is said that they
 * may do nothing. A step that fails, or that asks for another hello, does less than foretold. */
#include <openssl/ssl.h>

#include "sim/secure/session_internal.h"

enum { RECORD_HEADER_BYTES = 5 };

/* Whole records at the start of `wire`; `*rest`: octets of an incomplete one after them. */
static size_t count_records(struct span wire, size_t *rest)
{
    size_t count = 0;
    while (wire.len >= RECORD_HEADER_BYTES) {
        size_t len = (size_t)wire.data[3] << 8 | wire.data[4];
        struct span record;
        if (!span_take(&wire, RECORD_HEADER_BYTES + len, &record)) {
            break;
        }
        count += record.data[0] != SSL3_RT_CHANGE_CIPHER_SPEC;
    }
    *rest = wire.len;
    return count;
}

static bool begins_with(struct span wire, uint8_t message)
{
    return wire.len > RECORD_HEADER_BYTES && wire.data[0] == SSL3_RT_HANDSHAKE &&
           wire.data[RECORD_HEADER_BYTES] == message;
}

void tls_track_records(struct secure_session *s, struct span wire)
{
    size_t rest;
    count_records(wire, &rest);
    s->cut_record |= rest > 0;
}

void tls_least(const struct secure_session *s, const struct secure_input *in,
               struct secure_ops *least)
{
    const struct secure_policy *policy = s->policy;
    bool mutual = policy->auth == SECURE_AUTH_MUTUAL;
    if (s->state != SECURE_HANDSHAKING || !policy->tls13_only || policy->tickets || s->cut_record ||
        policy->auth == SECURE_AUTH_PSK || s->identity == NULL) {
        return;
    }
    size_t rest;
    size_t records = count_records(in->wire, &rest);
    if (policy->first_group == 0) {
        return; /* of a group without a known cost */
    }
    least->group = policy->first_group;
    least->sign_kind = least->verify_kind = s->identity->kind;
    if (s->initiator && in->start) {
        least->key_generate = 1;
    } else if (s->initiator && records > 0 && begins_with(in->wire, SSL3_MT_SERVER_HELLO)) {
        least->key_agree = 1;
        /* ServerHello, EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify,
         * Finished: OpenSSL gives each a record of its own */
        if (records >= (mutual ? 6 : 5)) {
            least->verify = least->chain_verify = 1;
            least->sign = mutual;
        }
    } else if (!s->initiator && records > 0 && begins_with(in->wire, SSL3_MT_CLIENT_HELLO)) {
        least->key_generate = least->key_agree = least->sign = 1;
    } else if (!s->initiator && mutual && records >= 3) { /* Certificate, CertificateVerify,
                                                             Finished */
        least->verify = least->chain_verify = 1;
    }
}
