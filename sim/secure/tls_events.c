/* What passes through a TLS session: alerts and handshake messages become events, and the
 * operations behind them are counted. Only messages that were really sent or received count, never
 * what a policy would allow. */
#include <openssl/ssl.h>
#include <string.h>

#include "sim/secure/session_internal.h"

enum { TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_APPLICATION = 23, RANDOM_OFFSET = 6 };

/* RFC 8446 section 6 and RFC 5246 section 7.2. */
const char *tls_alert_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {21, "decryption_failed"},
        {22, "record_overflow"},
        {30, "decompression_failure"},
        {40, "handshake_failure"},
        {41, "no_certificate"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "unassigned_alert";
}

static const char *handshake_name(int type)
{
    switch (type) {
    case SSL3_MT_HELLO_REQUEST:
        return "HelloRequest";
    case SSL3_MT_CLIENT_HELLO:
        return "ClientHello";
    case SSL3_MT_SERVER_HELLO:
        return "ServerHello";
    case SSL3_MT_NEWSESSION_TICKET:
        return "NewSessionTicket";
    case SSL3_MT_END_OF_EARLY_DATA:
        return "EndOfEarlyData";
    case SSL3_MT_ENCRYPTED_EXTENSIONS:
        return "EncryptedExtensions";
    case SSL3_MT_CERTIFICATE:
        return "Certificate";
    case SSL3_MT_SERVER_KEY_EXCHANGE:
        return "ServerKeyExchange";
    case SSL3_MT_CERTIFICATE_REQUEST:
        return "CertificateRequest";
    case SSL3_MT_SERVER_DONE:
        return "ServerHelloDone";
    case SSL3_MT_CERTIFICATE_VERIFY:
        return "CertificateVerify";
    case SSL3_MT_CLIENT_KEY_EXCHANGE:
        return "ClientKeyExchange";
    case SSL3_MT_FINISHED:
        return "Finished";
    case SSL3_MT_CERTIFICATE_STATUS:
        return "CertificateStatus";
    case SSL3_MT_KEY_UPDATE:
        return "KeyUpdate";
    default:
        return "unassigned";
    }
}

/* RFC 8446 4.1.3: the random that makes a ServerHello a HelloRetryRequest. */
static bool is_hello_retry(const uint8_t *message, size_t len)
{
    static const uint8_t random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                       0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                       0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                       0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return len >= RANDOM_OFFSET + sizeof(random) &&
           memcmp(message + RANDOM_OFFSET, random, sizeof(random)) == 0;
}

/* The value of extension `wanted` of a ClientHello or ServerHello; empty when there is none. */
static struct span hello_extension(const uint8_t *message, size_t len, uint16_t wanted)
{
    enum { VERSION_AND_RANDOM = 34, COMPRESSION = 1 };
    struct span in = span_of(message, len);
    struct span skipped, value;
    uint8_t type, n;
    uint16_t wide, all;
    bool client = len > 0 && message[0] == SSL3_MT_CLIENT_HELLO;
    if (!span_take(&in, 4 + VERSION_AND_RANDOM, &skipped) || !span_take_u8(&in, &n) ||
        !span_take(&in, n, &skipped)) {
        return span_of(NULL, 0);
    }
    if (client) {
        if (!span_take_u16(&in, &wide) || !span_take(&in, wide, &skipped) ||
            !span_take_u8(&in, &type) || !span_take(&in, type, &skipped)) {
            return span_of(NULL, 0);
        }
    } else if (!span_take(&in, 2 + COMPRESSION, &skipped)) {
        return span_of(NULL, 0);
    }
    if (!span_take_u16(&in, &all)) {
        return span_of(NULL, 0);
    }
    while (span_take_u16(&in, &wide) && span_take_u16(&in, &all) && span_take(&in, all, &value)) {
        if (wide == wanted) {
            return value;
        }
    }
    return span_of(NULL, 0);
}

/* The group of the (first) key share in a hello of TLS 1.3, or 0. */
static int key_share_group(const uint8_t *message, size_t len)
{
    enum { KEY_SHARE = 51 };
    struct span value = hello_extension(message, len, KEY_SHARE);
    uint16_t group = 0;
    if (message[0] == SSL3_MT_CLIENT_HELLO && !span_take_u16(&value, &group)) {
        return 0; /* length of the list */
    }
    return span_take_u16(&value, &group) ? group : 0;
}

static bool is_tls13_server_hello(const uint8_t *message, size_t len)
{
    enum { SUPPORTED_VERSIONS = 43 };
    struct span value = hello_extension(message, len, SUPPORTED_VERSIONS);
    uint16_t version;
    return span_take_u16(&value, &version) && version == TLS1_3_VERSION;
}

bool tls_agrees_on_keys(const SSL_CIPHER *cipher)
{
    int kx = SSL_CIPHER_get_kx_nid(cipher);
    return kx != NID_kx_rsa && kx != NID_kx_psk && kx != NID_kx_rsa_psk;
}

/* Of the suite that is being negotiated. */
static const SSL_CIPHER *cipher_of(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    return cipher != NULL ? cipher : SSL_get_current_cipher(ssl);
}

/* A ServerKeyExchange is signed unless the suite authenticates by PSK alone. */
static bool signs_key_exchange(const SSL *ssl)
{
    const SSL_CIPHER *cipher = cipher_of(ssl);
    return cipher == NULL || SSL_CIPHER_get_auth_nid(cipher) != NID_auth_psk;
}

/* ClientKeyExchange of TLS 1.2: an agreement, an encryption to the server's RSA key, or nothing but
 * the name of a pre-shared key. */
static void count_client_key(struct secure_ops *ops, const SSL *ssl, bool sent)
{
    const SSL_CIPHER *cipher = cipher_of(ssl);
    int kx = cipher != NULL ? SSL_CIPHER_get_kx_nid(cipher) : NID_undef;
    ops->kdf += 2;
    if (cipher != NULL && tls_agrees_on_keys(cipher)) {
        ops->key_generate += sent;
        ops->key_agree += 1;
    } else if (kx == NID_kx_rsa || kx == NID_kx_rsa_psk) {
        ops->verify += sent; /* the operation with the public key */
        ops->sign += !sent;  /* and with the private one */
    }
}

/* The operations of one end that stand behind a handshake message. TLS 1.2 agrees on keys with
 * ClientKeyExchange, TLS 1.3 with ServerHello. */
static void count(struct secure_session *s, SSL *ssl, bool sent, int type, const uint8_t *message,
                  size_t len)
{
    struct secure_ops *ops = &s->output->ops;
    int group = 0;
    ops->hash_bytes += len;
    switch (type) {
    case SSL3_MT_CLIENT_HELLO:
        group = key_share_group(message, len);
        ops->key_generate += sent && group != 0;
        ops->group = sent && group != 0 ? group : ops->group;
        break;
    case SSL3_MT_SERVER_HELLO:
        if (is_tls13_server_hello(message, len) && !is_hello_retry(message, len)) {
            group = key_share_group(message, len);
            ops->key_generate += sent && group != 0;
            ops->key_agree += group != 0;
            ops->kdf += 2;
            ops->group = group;
        }
        break;
    case SSL3_MT_SERVER_KEY_EXCHANGE:
        ops->key_generate += sent && cipher_of(ssl) != NULL && tls_agrees_on_keys(cipher_of(ssl));
        ops->sign += sent && signs_key_exchange(ssl);
        ops->verify += !sent && signs_key_exchange(ssl);
        break;
    case SSL3_MT_CLIENT_KEY_EXCHANGE:
        count_client_key(ops, ssl, sent);
        break;
    case SSL3_MT_CERTIFICATE:
        ops->chain_verify += !sent && len > 16; /* longer than an empty list */
        break;
    case SSL3_MT_CERTIFICATE_VERIFY:
        ops->sign += sent;
        ops->verify += !sent;
        break;
    case SSL3_MT_FINISHED:
    case SSL3_MT_KEY_UPDATE:
    case SSL3_MT_NEWSESSION_TICKET:
        ops->kdf += 1;
        break;
    default:
        break;
    }
}

void tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
                    void *arg)
{
    (void)version;
    (void)arg;
    struct secure_session *s = SSL_get_app_data(ssl);
    const uint8_t *octets = data;
    if (s == NULL || s->output == NULL) {
        return;
    }
    if (type == SSL3_RT_HEADER && len >= SSL3_RT_HEADER_LENGTH && octets[0] == TYPE_APPLICATION) {
        s->output->ops.records++;
        s->output->ops.record_bytes += (uint64_t)octets[3] << 8 | octets[4];
    } else if (type == TYPE_HANDSHAKE && len >= 4) {
        session_event(s, sent ? SECURE_EVENT_HANDSHAKE_SENT : SECURE_EVENT_HANDSHAKE_RECEIVED,
                      octets[0], 0, handshake_name(octets[0]), len);
        count(s, ssl, sent, octets[0], octets, len);
    } else if (type == TYPE_ALERT && len >= 2) {
        session_event(s, sent ? SECURE_EVENT_ALERT_SENT : SECURE_EVENT_ALERT_RECEIVED, octets[1],
                      octets[0], tls_alert_name(octets[1]), 2);
        if (octets[0] == SSL3_AL_FATAL || (octets[1] != SSL_AD_CLOSE_NOTIFY && !sent)) {
            session_fail(s, tls_alert_name(octets[1]));
        }
    }
}
