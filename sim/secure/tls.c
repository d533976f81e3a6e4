/* TLS 1.2 and 1.3: one end, a step at a time; and what DTLS shares of it. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "sim/secure/interpose.h"
#include "sim/secure/session_internal.h"

enum { READ_CHUNK = 16384 };

/* --- opening --------------------------------------------------------------------------------- */

static bool set_bio(struct secure_session *s)
{
    BIO *bio = BIO_new(s->policy->bio);
    if (bio == NULL) {
        return false;
    }
    BIO_set_data(bio, s);
    s->places.bio = bio;
    SSL_set_bio(s->ssl, bio, bio);
    return true;
}

/* OpenSSL blinds RSA with numbers that it keeps in the key and renews now and then, so a key that
 * sessions share would make their draws depend on each other: each session signs with a copy. */
static bool set_identity(SSL *ssl, const struct secure_identity *id)
{
    bool rsa = EVP_PKEY_is_a(id->key, "RSA");
    EVP_PKEY *key = rsa ? EVP_PKEY_dup(id->key) : id->key;
    bool ok = key != NULL && SSL_use_certificate(ssl, id->certificate) == 1 &&
              SSL_use_PrivateKey(ssl, key) == 1;
    if (rsa) {
        EVP_PKEY_free(key);
    }
    return ok;
}

/* A ticket that does not decode, or whose peer is not the one meant now, is not offered. */
static bool offer_ticket(struct secure_session *s, struct span ticket)
{
    const uint8_t *at = ticket.data;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)ticket.len);
    bool ok =
        session == NULL || !tls_may_resume(s, session) || SSL_set_session(s->ssl, session) == 1;
    SSL_SESSION_free(session);
    ERR_clear_error();
    return ok;
}

/* Tickets count for this policy and this responder only, even where several share a key. */
static bool prepare_tickets(struct secure_session *s)
{
    uint8_t context[SECURE_SHA256_BYTES];
    if (s->ticket_key == NULL || !s->policy->tickets) {
        SSL_set_options(s->ssl, SSL_OP_NO_TICKET);
        return SSL_set_num_tickets(s->ssl, 0) == 1;
    }
    secure_hmac_sha256(span_of(s->ticket_key, TICKET_KEY_BYTES), span_of_str(s->policy->name),
                       context);
    return SSL_set_session_id_context(s->ssl, context, sizeof(context)) == 1;
}

static void set_time(struct secure_session *s, sim_time now)
{
    X509_VERIFY_PARAM_set_time(SSL_get0_param(s->ssl), (time_t)identity_unix_time(now));
}

/* OpenSSL's object is made by the first step rather than when the session is opened: that costs
 * time and memory, of which steps are the place. */
static bool set_up_ssl(struct secure_session *s)
{
    s->ssl = SSL_new(s->policy->contexts[!s->initiator][s->key_log]);
    if (s->ssl == NULL || !set_bio(s)) {
        return false;
    }
    SSL_set_app_data(s->ssl, s);
    SSL_set_msg_callback_arg(s->ssl, s);
    if (s->dtls != NULL) {
        dtls_set_up(s);
    }
    set_time(s, s->now);
    bool certificate = s->identity != NULL && s->policy->auth != SECURE_AUTH_PSK;
    if (certificate && !set_identity(s->ssl, s->identity)) {
        return false;
    }
    if (!s->initiator) {
        SSL_set_accept_state(s->ssl);
        return prepare_tickets(s);
    }
    SSL_set_connect_state(s->ssl);
    if (s->max_version != 0 && SSL_set_max_proto_version(s->ssl, (int)s->max_version) != 1) {
        return false;
    }
    if (s->fallback) {
        SSL_set_mode(s->ssl, SSL_MODE_SEND_FALLBACK_SCSV);
    }
    bool offered = buf_len(&s->offer) == 0 || offer_ticket(s, buf_span(&s->offer));
    buf_fini(&s->offer);
    return offered;
}

int tls_open(struct secure_session *s, const struct secure_session_params *params, sim_time now)
{
    stream_init(&s->stream, s->policy->env->seed, params->owner, "session", params->ordinal);
    (void)now;
    s->key_log = params->key_log;
    s->max_version = params->max_version;
    s->fallback = params->fallback;
    if (s->initiator && s->policy->tickets) {
        buf_append(&s->offer, params->ticket);
    }
    return 0;
}

/* --- a step ---------------------------------------------------------------------------------- */

/* ERR_clear_error() goes through all the places that a thread has for errors. */
static void clear_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

bool tls_is_13(const SSL *ssl)
{
    return SSL_version(ssl) == TLS1_3_VERSION;
}

/* Alerts have been noted by the message callback already. */
void tls_note_failure(struct secure_session *s, int result)
{
    int error = SSL_get_error(s->ssl, result);
    bool closed = error == SSL_ERROR_ZERO_RETURN;
    if (error == SSL_ERROR_WANT_READ || (closed && s->state == SECURE_ESTABLISHED)) {
        clear_errors();
        return;
    }
    const char *reason = closed ? "close_notify" : ERR_reason_error_string(ERR_peek_error());
    char word[SECURE_NAME_BYTES];
    snprintf(word, sizeof(word), "%s", reason != NULL ? reason : "protocol_error");
    for (char *c = word; *c != '\0'; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
    ERR_clear_error();
    session_fail(s, word);
}

/* RFC 8446, 5.2: the type of the content, and the tag. */
static uint32_t seal_overhead(const SSL *ssl)
{
    enum { TYPE = 1, TAG = 16, SHORT_TAG = 8, AES_128_CCM_8 = 0x1305 };
    if (!tls_is_13(ssl)) {
        return 0;
    }
    uint32_t suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl));
    return TYPE + (suite == AES_128_CCM_8 ? SHORT_TAG : TAG);
}

static void empty(EVP_PKEY *key)
{
    EVP_PKEY_set_type(key, EVP_PKEY_get_id(key)); /* frees what it held */
    EVP_PKEY_free(key);
}

/* libssl would keep both keys of the agreement for as long as the session lives, 2 KiB at each end.
 */
static void forget_ephemeral_keys(SSL *ssl)
{
    EVP_PKEY *key;
    if (SSL_get_tmp_key(ssl, &key) == 1) {
        empty(key);
    }
    if (SSL_get_peer_tmp_key(ssl, &key) == 1) {
        empty(key);
    }
    clear_errors();
}

void tls_handshake(struct secure_session *s)
{
    set_time(s, s->now);
    int r = SSL_do_handshake(s->ssl);
    if (r != 1) {
        tls_note_failure(s, r);
    } else if (s->state == SECURE_HANDSHAKING) {
        s->state = SECURE_ESTABLISHED;
        s->was_established = true;
        tls_note_secret(s);
        s->seal_overhead = seal_overhead(s->ssl);
        forget_ephemeral_keys(s->ssl);
    }
}

/* To ask OpenSSL for more than has come costs it a buffer and an error. */
static void read_all(struct secure_session *s, struct secure_output *out)
{
    uint8_t chunk[READ_CHUNK];
    while (s->state == SECURE_ESTABLISHED && (s->input.len > 0 || SSL_has_pending(s->ssl) == 1)) {
        size_t got;
        int r = SSL_read_ex(s->ssl, chunk, sizeof(chunk), &got);
        if (r != 1) {
            tls_note_failure(s, r);
            break;
        }
        buf_append(&out->plain, span_of(chunk, got));
    }
    s->close_received =
        s->state == SECURE_ESTABLISHED && (SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

/* New keys for what we send; also the answer to a peer that asked for ours. OpenSSL would send the
 * KeyUpdate no earlier than with the next message. */
static void update_keys(struct secure_session *s, bool wanted)
{
    bool asked = SSL_get_key_update_type(s->ssl) != SSL_KEY_UPDATE_NONE;
    if (!tls_is_13(s->ssl) || s->close_sent || !(wanted || asked)) {
        return;
    }
    int type = wanted ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    if (SSL_key_update(s->ssl, type) != 1 || SSL_do_handshake(s->ssl) != 1) {
        tls_note_failure(s, 0);
    }
}

static void write_all(struct secure_session *s, const struct secure_input *in)
{
    for (size_t i = 0; s->state == SECURE_ESTABLISHED && i < in->message_count; i++) {
        struct span m = in->messages[i];
        size_t written;
        if (m.len > 0 && SSL_write_ex(s->ssl, m.data, m.len, &written) != 1) {
            tls_note_failure(s, 0);
        }
    }
}

void tls_send_close(struct secure_session *s)
{
    if (!s->close_sent) {
        s->close_sent = true;
        SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
}

void tls_note_end(struct secure_session *s, bool wire_end)
{
    if (s->state == SECURE_ESTABLISHED && ((s->close_sent && s->close_received) ||
                                           (wire_end && (s->close_sent || s->close_received)))) {
        s->state = SECURE_CLOSED;
    } else if (wire_end && s->state != SECURE_FAILED) {
        session_fail(s, "truncated");
    }
}

static void tls_work(struct secure_session *s, const struct secure_input *in,
                     struct secure_output *out)
{
    s->started |= in->start || !s->initiator;
    if (s->state == SECURE_HANDSHAKING && s->started) {
        size_t before = buf_len(&out->wire);
        set_time(s, s->now);
        if (early_work(s, out)) {
            tls_handshake(s);
        }
        out->handshake_bytes += buf_len(&out->wire) - before - out->early_bytes;
    }
    if (s->state == SECURE_ESTABLISHED && !s->close_received) {
        read_all(s, out);
    }
    if (s->state == SECURE_ESTABLISHED) {
        update_keys(s, in->key_update);
        write_all(s, in);
    }
    if (s->state == SECURE_ESTABLISHED && in->close) {
        tls_send_close(s);
    }
    tls_note_end(s, in->wire_end);
}

void tls_enter(struct secure_session *s, const struct secure_input *in, sim_time now)
{
    s->now = now;
    s->input = in->wire;
    stream_enter(&s->stream, now);
    interpose_enter(s->policy->env);
    fetch_note(s->state == SECURE_HANDSHAKING ? &s->places : NULL);
    clear_errors();
    if (s->dtls != NULL) {
        interpose_whole_buffers();
    }
    CHECK(s->ssl != NULL || set_up_ssl(s)); /* fails only where memory does */
}

void tls_leave(struct secure_session *s, struct secure_output *out)
{
    fetch_note(NULL);
    interpose_leave();
    tls_name_operations(s, &out->ops);
    stream_leave();
    s->input = span_of(NULL, 0); /* what follows a goodbye or a failure is nobody's */
}

static void tls_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                     struct secure_output *out)
{
    tls_track_records(s, in->wire);
    tls_enter(s, in, now);
    tls_work(s, in, out);
    tls_leave(s, out);
}

void tls_free(struct secure_session *s)
{
    buf_fini(&s->offer);
    if (s->ssl != NULL) {
        stream_enter(&s->stream, s->now);
        SSL_free(s->ssl);
        stream_leave();
    }
}

const struct secure_kind_ops tls_ops = {.name = "tls",
                                        .open = tls_open,
                                        .step = tls_step,
                                        .least = tls_least,
                                        .foretell = tls_foretell,
                                        .facts = tls_facts,
                                        .free = tls_free};
