/* What passes through a TLS session: alerts and handshake messages become events, and the
 * operations behind them are counted. Only messages that were really sent or received count, never
 * what a policy would allow. */
#include <openssl/ssl.h>
#include <string.h>

#include "sim/secure/session_internal.h"

enum { RANDOM_OFFSET = 6 };

/* RFC 8446 section 6 and RFC 5246 section 7.2. */
static const char *alert_name(int code)
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
    case DTLS1_MT_HELLO_VERIFY_REQUEST:
        return "HelloVerifyRequest";
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

/* What the suite of TLS 1.2 agrees and authenticates by; NID_undef before it is known. */
static int key_exchange(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    return cipher != NULL ? SSL_CIPHER_get_kx_nid(cipher) : NID_undef;
}

static bool signs_key_exchange(const SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    return cipher != NULL && SSL_CIPHER_get_auth_nid(cipher) != NID_auth_psk &&
           SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null;
}

/* ClientKeyExchange of TLS 1.2: with RSA the client encrypts a secret to the server's certificate
 * key, which costs what verifying and signing with it do; with plain PSK nothing is agreed. */
static void count_client_key_exchange(struct secure_ops *ops, int kx, bool sent)
{
    ops->kdf += 2; /* master secret, key block */
    if (kx == NID_kx_rsa || kx == NID_kx_rsa_psk) {
        ops->verify += sent;
        ops->sign += !sent;
    } else if (kx != NID_kx_psk) {
        ops->key_generate += sent;
        ops->key_agree += 1;
    }
}

/* The operations of one end that stand behind a handshake message. TLS 1.2 and DTLS 1.2 agree on
 * keys with ClientKeyExchange, TLS 1.3 with ServerHello. */
static void count(struct secure_ops *ops, SSL *ssl, bool sent, int type, const uint8_t *message,
                  size_t len)
{
    int group = 0;
    bool hello13 = !SSL_is_dtls(ssl); /* may be one of TLS 1.3 */
    ops->hash_bytes += len;
    switch (type) {
    case SSL3_MT_CLIENT_HELLO:
        group = sent && hello13 ? key_share_group(message, len) : 0;
        ops->key_generate += group != 0;
        break;
    case SSL3_MT_SERVER_HELLO:
        if (hello13 && is_tls13_server_hello(message, len) && !is_hello_retry(message, len)) {
            group = key_share_group(message, len);
            ops->key_generate += sent && group != 0;
            ops->key_agree += group != 0;
            ops->kdf += 2; /* handshake secrets, traffic keys */
        }
        break;
    case SSL3_MT_SERVER_KEY_EXCHANGE:
        ops->key_generate += sent && key_exchange(ssl) != NID_kx_psk;
        ops->sign += sent && signs_key_exchange(ssl);
        ops->verify += !sent && signs_key_exchange(ssl);
        break;
    case SSL3_MT_CLIENT_KEY_EXCHANGE:
        count_client_key_exchange(ops, key_exchange(ssl), sent);
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
    ops->group = group != 0 ? group : ops->group;
}

static void count_datagram_record(struct secure_session *s, const uint8_t *header)
{
    bool sealed = header[3] != 0 || header[4] != 0; /* the epoch */
    s->output->ops.records += sealed;
    s->output->ops.record_bytes += sealed ? (uint64_t)header[11] << 8 | header[12] : 0;
}

/* The header of a record. TLS 1.3 hides what it protects as application data; TLS 1.2 protects
 * everything after ChangeCipherSpec. */
static void count_record(struct secure_session *s, bool sent, const uint8_t *header)
{
    bool sealed = sent ? s->sealed_sent : s->sealed_received;
    if (header[0] == SSL3_RT_APPLICATION_DATA ||
        (sealed && header[0] != SSL3_RT_CHANGE_CIPHER_SPEC)) {
        s->output->ops.records++;
        s->output->ops.record_bytes += (uint64_t)header[3] << 8 | header[4];
    }
}

/* Every alert of TLS 1.3 but two ends the session, whatever its level says (RFC 8446 6). */
static bool is_fatal(const SSL *ssl, const uint8_t *alert)
{
    bool harmless = alert[1] == SSL_AD_CLOSE_NOTIFY || alert[1] == SSL_AD_USER_CANCELLED;
    return !harmless && (alert[0] == SSL3_AL_FATAL || tls_is_13(ssl));
}

void tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
                    void *arg)
{
    (void)version;
    struct secure_session *s = arg;
    const uint8_t *octets = data;
    if (s == NULL || s->output == NULL) {
        return;
    }
    bool datagrams = s->dtls != NULL;
    /* OpenSSL shows a datagram's record again when it comes back to it. */
    s->records[sent != 0] += type == SSL3_RT_HEADER && (sent != 0 || !datagrams);
    if (type == SSL3_RT_HEADER && datagrams && len >= DTLS1_RT_HEADER_LENGTH) {
        count_datagram_record(s, octets);
    } else if (type == SSL3_RT_HEADER && !datagrams && len >= SSL3_RT_HEADER_LENGTH) {
        count_record(s, sent, octets);
    } else if (type == SSL3_RT_HANDSHAKE &&
               len >= (datagrams ? DTLS1_HM_HEADER_LENGTH : SSL3_HM_HEADER_LENGTH)) {
        if (datagrams && sent && !dtls_is_new(s, (unsigned)octets[4] << 8 | octets[5])) {
            return;
        }
        if (datagrams && !sent && octets[0] == SSL3_MT_FINISHED) {
            dtls_note_good(s);
        }
        session_event(s, sent ? SECURE_EVENT_HANDSHAKE_SENT : SECURE_EVENT_HANDSHAKE_RECEIVED,
                      octets[0], 0, handshake_name(octets[0]), len);
        count(&s->output->ops, ssl, sent, octets[0], octets, len);
    } else if (type == SSL3_RT_CHANGE_CIPHER_SPEC && !tls_is_13(ssl)) {
        *(sent ? &s->sealed_sent : &s->sealed_received) = true;
    } else if (type == SSL3_RT_ALERT && len >= 2) {
        const char *name = alert_name(octets[1]);
        if (datagrams && !sent && SSL_is_init_finished(ssl)) {
            dtls_note_good(s);
        }
        session_event(s, sent ? SECURE_EVENT_ALERT_SENT : SECURE_EVENT_ALERT_RECEIVED, octets[1],
                      octets[0], name, len);
        if (is_fatal(ssl, octets)) {
            session_fail(s, name);
        }
    }
}

/* --- the names of what was counted -------------------------------------------------------------
 */

/* TLS NamedGroup (RFC 8446 4.2.7) of OpenSSL's number; 0 where there is none. */
static int named_group(int nid)
{
    static const struct {
        int nid, group;
    } groups[] = {{NID_X9_62_prime256v1, 23},
                  {NID_secp384r1, 24},
                  {NID_secp521r1, 25},
                  {NID_X25519, 29},
                  {NID_X448, 30}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(groups); i++) {
        if (groups[i].nid == nid) {
            return groups[i].group;
        }
    }
    return nid > 0 && (nid & TLSEXT_nid_unknown) != 0 ? nid & 0xffff : 0;
}

/* OpenSSL 3.0 reads through a null session when a handshake ended before there was one. */
static int group_agreed_on(SSL *ssl)
{
    return SSL_get_session(ssl) != NULL ? named_group((int)SSL_get_negotiated_group(ssl)) : 0;
}

static enum secure_key_kind kind_of_key(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "ED25519")) {
        return SECURE_KEY_ED25519;
    }
    if (EVP_PKEY_is_a(key, "EC")) {
        return bits == 384 ? SECURE_KEY_P384 : SECURE_KEY_P256;
    }
    return bits > 2048 ? SECURE_KEY_RSA3072 : SECURE_KEY_RSA2048;
}

void tls_name_operations(struct secure_session *s, struct secure_ops *ops)
{
    if (ops->group == 0 && (ops->key_generate > 0 || ops->key_agree > 0)) {
        ops->group = group_agreed_on(s->ssl); /* TLS 1.2 */
    }
    if (ops->sign > 0 && s->identity != NULL) {
        ops->sign_kind = s->identity->kind;
    }
    if (ops->verify > 0 || ops->chain_verify > 0) {
        const X509 *peer = SSL_get0_peer_certificate(s->ssl);
        const EVP_PKEY *key = peer != NULL ? X509_get0_pubkey(peer) : NULL;
        ops->verify_kind = key != NULL ? kind_of_key(key) : ops->verify_kind;
    }
}
