/* What a step will do at least, told from the outside of the records it is given: a simulator that
 * knows how long a step takes at least can let virtual time run on until then while another thread
 * computes it.
 *
 * Of handshakes only those of TLS 1.3 with certificates in every one are foretold; of the rest it
 * is said that they may do nothing. A step that fails, or that asks for another hello, does less
 * than foretold. Of established sessions it is told exactly what a step will do, or nothing. */
#include <openssl/ssl.h>

#include "sim/secure/session_internal.h"

enum { RECORD_HEADER_BYTES = SSL3_RT_HEADER_LENGTH };

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

enum border { BORDER_NONE, BORDER_HEADER, BORDER_END };

/* Goes on to the next border of a record within `wire`: a header is whole, or a body. */
static enum border next_border(struct record_borders *b, struct span *wire)
{
    while (wire->len > 0) {
        struct span part;
        size_t wanted = b->have < RECORD_HEADER_BYTES ? 1 : b->left;
        span_take(wire, wanted < wire->len ? wanted : wire->len, &part);
        if (b->have < RECORD_HEADER_BYTES) {
            b->header[b->have++] = part.data[0];
            if (b->have == RECORD_HEADER_BYTES) {
                b->left = (uint16_t)(b->header[3] << 8 | b->header[4]);
                b->have = b->left > 0 ? b->have : 0;
                return BORDER_HEADER;
            }
        } else {
            b->left = (uint16_t)(b->left - part.len);
            if (b->left == 0) {
                b->have = 0;
                return BORDER_END;
            }
        }
    }
    return BORDER_NONE;
}

void tls_track_records(struct secure_session *s, struct span wire)
{
    while (next_border(&s->borders, &wire) != BORDER_NONE) {
    }
    s->cut_record |= s->borders.have > 0;
}

/* A record of application data, longer than any that is no message: an alert, KeyUpdate, the empty
 * frame; and shorter than one that another continues. Tickets are longer, too: who may get some is
 * not asked. */
static bool is_whole_message(const struct secure_session *s, const uint8_t *header)
{
    enum { SHORT = 5 };
    size_t len = (size_t)header[3] << 8 | header[4];
    return header[0] == SSL3_RT_APPLICATION_DATA && len > SHORT + s->seal_overhead &&
           len < SSL3_RT_MAX_PLAIN_LENGTH + s->seal_overhead;
}

bool tls_foretell(const struct secure_session *s, const struct secure_input *in,
                  struct secure_ops *ret, uint32_t *messages)
{
    if (s->state != SECURE_ESTABLISHED || s->seal_overhead == 0 || !s->policy->whole_records ||
        (s->initiator && s->policy->tickets) || s->close_sent || s->close_received ||
        in->wire_end || in->close || in->key_update) {
        return false;
    }
    struct record_borders b = s->borders;
    struct span rest = in->wire;
    for (enum border at = next_border(&b, &rest); at != BORDER_NONE; at = next_border(&b, &rest)) {
        if (at == BORDER_END) {
            ++*messages;
        } else if (is_whole_message(s, b.header)) {
            ret->records++;
            ret->record_bytes += b.left;
        } else {
            return false;
        }
    }
    for (size_t i = 0; i < in->message_count; i++) {
        if (in->messages[i].len == 0 || in->messages[i].len > SSL3_RT_MAX_PLAIN_LENGTH) {
            return false;
        }
        ret->records++;
        ret->record_bytes += in->messages[i].len + s->seal_overhead;
    }
    return true;
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
