/* TLS 1.2 and 1.3 over memory BIOs: one end. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/session_internal.h"

/* An RSA key keeps a random blinding from one signature to the next; shared, it would make what a
 * session draws depend on the sessions before it. Each gets its own copy. */
static bool use_identity(SSL *ssl, const struct secure_identity *id)
{
    bool rsa = id->kind == SECURE_KEY_RSA2048 || id->kind == SECURE_KEY_RSA3072;
    EVP_PKEY *copy = rsa ? EVP_PKEY_dup(id->key) : NULL;
    bool ok = SSL_use_certificate(ssl, id->certificate) == 1 && (copy != NULL || !rsa) &&
              SSL_use_PrivateKey(ssl, rsa ? copy : id->key) == 1;
    EVP_PKEY_free(copy);
    return ok;
}

/* A ticket of another peer than the one meant now is not offered: a full handshake follows. */
static bool offer_ticket(struct secure_session *s, struct span ticket, sim_time now)
{
    const uint8_t *at = ticket.data;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)ticket.len);
    bool ok = session != NULL;
    if (ok && tls_ticket_is_usable(s, session, now)) {
        ok = SSL_set_session(s->ssl, session) == 1;
    }
    SSL_SESSION_free(session);
    ERR_clear_error();
    return ok;
}

static bool set_up_ssl(struct secure_session *s, const struct secure_session_params *params,
                       sim_time now)
{
    SSL *ssl = SSL_new(s->policy->contexts[s->initiator ? 0 : 1]);
    if (ssl == NULL) {
        return false;
    }
    s->ssl = ssl;
    SSL_set_app_data(ssl, s);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(s->in, -1);
    BIO_set_mem_eof_return(s->out, -1);
    SSL_set_bio(ssl, s->in, s->out);
    if (params->identity != NULL && !use_identity(ssl, params->identity)) {
        return false;
    }
    if (s->initiator) {
        SSL_set_connect_state(ssl);
        return params->ticket.len == 0 || offer_ticket(s, params->ticket, now);
    }
    SSL_set_accept_state(ssl);
    uint8_t context[SECURE_SHA256_BYTES];
    secure_sha256(span_of(s->ticket_key, sizeof(s->ticket_key)), context);
    return SSL_set_session_id_context(ssl, context, sizeof(context)) == 1;
}

static int tls_open(struct secure_session *s, const struct secure_session_params *params,
                    sim_time now)
{
    stream_init(&s->stream, s->policy->env->seed, params->owner, "session", params->ordinal);
    stream_enter(&s->stream, now);
    bool ok = set_up_ssl(s, params, now);
    stream_leave();
    return ok ? 0 : -SIM_ECRYPTO;
}

/* A step of OpenSSL said no: why? Alerts have been noted by the message callback already. */
static void note_failure(struct secure_session *s, int result)
{
    int error = SSL_get_error(s->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ||
        error == SSL_ERROR_ZERO_RETURN) {
        ERR_clear_error();
        return;
    }
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    char word[SECURE_NAME_BYTES];
    snprintf(word, sizeof(word), "%s", reason != NULL ? reason : "protocol_error");
    for (char *c = word; *c != '\0'; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
    ERR_clear_error();
    session_fail(s, word);
}

static void drain(struct secure_session *s, struct secure_output *out)
{
    char *data;
    long len = BIO_get_mem_data(s->out, &data);
    if (len > 0) {
        buf_append(&out->wire, span_of(data, (size_t)len));
        (void)BIO_reset(s->out);
    }
}

static void handshake(struct secure_session *s, struct secure_output *out)
{
    size_t before = buf_len(&out->wire);
    int r = SSL_do_handshake(s->ssl);
    if (r != 1) {
        note_failure(s, r);
    } else if (s->state == SECURE_HANDSHAKING) {
        s->state = SECURE_ESTABLISHED;
    }
    drain(s, out);
    out->handshake_bytes += buf_len(&out->wire) - before;
}

static void read_all(struct secure_session *s, struct secure_output *out)
{
    enum { CHUNK = 16384 };
    size_t got;
    int r;
    do {
        uint8_t *to = buf_reserve(&out->plain, CHUNK);
        r = SSL_read_ex(s->ssl, to, CHUNK, &got);
        if (r == 1) {
            buf_commit(&out->plain, got);
        }
    } while (r == 1);
    note_failure(s, r);
    s->close_received =
        (SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN) != 0 && s->state != SECURE_FAILED;
}

static void write_all(struct secure_session *s, const struct secure_input *in)
{
    /* SSL_key_update() only makes a note; the message leaves with SSL_do_handshake(). */
    if (in->key_update && SSL_version(s->ssl) == TLS1_3_VERSION &&
        (SSL_key_update(s->ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(s->ssl) != 1)) {
        note_failure(s, 0);
    }
    for (size_t i = 0; s->state == SECURE_ESTABLISHED && i < in->message_count; i++) {
        struct span m = in->messages[i];
        size_t written;
        if (m.len > 0 && SSL_write_ex(s->ssl, m.data, m.len, &written) != 1) {
            note_failure(s, 0);
        }
    }
}

/* NID of the group; OpenSSL 3.0 reads through a null session when a handshake ended before there
 * was one. */
static int negotiated_group(const struct secure_session *s)
{
    return SSL_get_session(s->ssl) != NULL ? (int)SSL_get_negotiated_group(s->ssl) : 0;
}

static void count_kinds(const struct secure_session *s, struct secure_ops *ops)
{
    static const struct {
        int nid, group;
    } groups[] = {{NID_X9_62_prime256v1, 23}, {NID_secp384r1, 24}, {NID_X25519, 29}};
    int nid = ops->group == 0 ? negotiated_group(s) : NID_undef;
    for (size_t i = 0; i < SIM_ARRAY_LEN(groups); i++) {
        ops->group = nid == groups[i].nid ? groups[i].group : ops->group;
    }
    if (s->identity != NULL) {
        ops->sign_kind = s->identity->kind;
    }
    const X509 *peer = SSL_get0_peer_certificate(s->ssl);
    const EVP_PKEY *key = peer != NULL ? X509_get0_pubkey(peer) : NULL;
    if (key != NULL) {
        int bits = EVP_PKEY_get_bits(key);
        ops->verify_kind = EVP_PKEY_is_a(key, "ED25519") ? SECURE_KEY_ED25519
                           : EVP_PKEY_is_a(key, "EC")
                               ? (bits == 384 ? SECURE_KEY_P384 : SECURE_KEY_P256)
                           : bits > 2048 ? SECURE_KEY_RSA3072
                                         : SECURE_KEY_RSA2048;
    }
}

static void tls_work(struct secure_session *s, const struct secure_input *in,
                     struct secure_output *out)
{
    if (in->wire.len > 0) {
        CHECK(BIO_write(s->in, in->wire.data, (int)in->wire.len) == (int)in->wire.len);
    }
    s->started = s->started || in->start || !s->initiator;
    if (s->state == SECURE_HANDSHAKING && s->started) {
        handshake(s, out);
    }
    if (s->state == SECURE_ESTABLISHED && !s->close_received &&
        (BIO_ctrl_pending(s->in) > 0 || SSL_has_pending(s->ssl))) {
        read_all(s, out);
    }
    if (s->state == SECURE_ESTABLISHED) {
        write_all(s, in);
    }
    if (s->state == SECURE_ESTABLISHED && in->close && !s->close_sent) {
        SSL_shutdown(s->ssl);
        ERR_clear_error();
        s->close_sent = true;
    }
    drain(s, out);
    if (s->state == SECURE_ESTABLISHED &&
        ((s->close_sent && s->close_received) ||
         (in->wire_end && (s->close_sent || s->close_received)))) {
        s->state = SECURE_CLOSED;
    } else if (in->wire_end && s->state != SECURE_FAILED) {
        session_fail(s, "truncated");
    }
}

static void tls_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                     struct secure_output *out)
{
    stream_enter(&s->stream, now);
    ERR_clear_error();
    X509_VERIFY_PARAM_set_time(SSL_get0_param(s->ssl), (time_t)identity_unix_time(now));
    tls_work(s, in, out);
    count_kinds(s, &out->ops);
    stream_leave();
}

/* --- facts
 * ---------------------------------------------------------------------------------------------- */

static const char *group_word(int nid)
{
    switch (nid) {
    case NID_X9_62_prime256v1:
        return "P-256";
    case NID_secp384r1:
        return "P-384";
    case NID_secp521r1:
        return "P-521";
    case NID_X25519:
        return "X25519";
    case NID_X448:
        return "X448";
    default:
        return "";
    }
}

/* "ecdsa_sha256", "rsa_pss_sha256", "ed25519", "" */
static void signature_word(SSL *ssl, char *out, size_t size)
{
    int type = NID_undef;
    int digest = NID_undef;
    if (SSL_get_peer_signature_type_nid(ssl, &type) != 1 || type == NID_undef) {
        return;
    }
    (void)SSL_get_peer_signature_nid(ssl, &digest);
    const char *word = type == EVP_PKEY_EC        ? "ecdsa"
                       : type == EVP_PKEY_RSA     ? "rsa_pkcs1"
                       : type == EVP_PKEY_RSA_PSS ? "rsa_pss"
                       : type == EVP_PKEY_ED25519 ? "ed25519"
                                                  : OBJ_nid2sn(type);
    const char *hash = digest == NID_sha256   ? "_sha256"
                       : digest == NID_sha384 ? "_sha384"
                       : digest == NID_sha512 ? "_sha512"
                                              : "";
    snprintf(out, size, "%s%s", word, hash);
}

/* TLS 1.3 shows an external PSK as a resumption. */
static bool psk_was_used(SSL *ssl)
{
    return SSL_version(ssl) >= TLS1_3_VERSION
               ? SSL_session_reused(ssl) == 1
               : SSL_CIPHER_get_auth_nid(SSL_get_current_cipher(ssl)) == NID_auth_psk;
}

static void peer_facts(const struct secure_session *s, struct secure_facts *f)
{
    const X509 *peer = SSL_get0_peer_certificate(s->ssl);
    f->verify_result = SSL_get_verify_result(s->ssl);
    f->verify_text = X509_verify_cert_error_string(f->verify_result);
    signature_word(s->ssl, f->peer_signature, sizeof(f->peer_signature));
    bool done =
        s->state == SECURE_ESTABLISHED || s->state == SECURE_CLOSED || SSL_is_init_finished(s->ssl);
    const char *how = "none";
    if (done && s->policy->auth == SECURE_AUTH_PSK && psk_was_used(s->ssl)) {
        how = "psk";
        snprintf(f->peer_id, sizeof(f->peer_id), "%s", s->psk_identity);
    } else if (done && peer != NULL && f->verify_result == X509_V_OK &&
               (SSL_get_verify_mode(s->ssl) & SSL_VERIFY_PEER) != 0) {
        f->peer_certificate = true;
        how = f->resumed ? "resumption (certificate)" : "certificate";
        identity_find_urn(peer, NULL, f->peer_id, sizeof(f->peer_id));
    }
    snprintf(f->peer_auth, sizeof(f->peer_auth), "%s", done ? how : "");
}

static void tls_facts(const struct secure_session *s, struct secure_facts *f)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(s->ssl);
    if (cipher != NULL) {
        int nid = negotiated_group(s);
        bool ephemeral = tls_agrees_on_keys(cipher);
        snprintf(f->version, sizeof(f->version), "%s", SSL_get_version(s->ssl));
        snprintf(f->cipher, sizeof(f->cipher), "%s", SSL_CIPHER_get_name(cipher));
        f->cipher_bits = SSL_CIPHER_get_bits(cipher, NULL);
        f->aead_or_mac =
            SSL_CIPHER_is_aead(cipher) || SSL_CIPHER_get_digest_nid(cipher) != NID_undef;
        f->resumed = SSL_session_reused(s->ssl) && s->policy->auth != SECURE_AUTH_PSK;
        /* A resumed TLS 1.2 session uses the old secret, whatever agreed on it. */
        bool fresh = ephemeral && !(f->resumed && SSL_version(s->ssl) < TLS1_3_VERSION);
        f->forward_secret = fresh;
        snprintf(f->kex_group, sizeof(f->kex_group), "%s", fresh ? group_word(nid) : "");
        f->extended_master_secret =
            SSL_version(s->ssl) >= TLS1_3_VERSION || SSL_get_extms_support(s->ssl) == 1;
    }
    peer_facts(s, f);
}

static void tls_free(struct secure_session *s)
{
    if (s->ssl != NULL) {
        stream_enter(&s->stream, 0);
        SSL_free(s->ssl);
        stream_leave();
    }
}

const struct secure_kind_ops tls_ops = {
    .name = "tls", .open = tls_open, .step = tls_step, .facts = tls_facts, .free = tls_free};
