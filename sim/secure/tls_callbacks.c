/* What OpenSSL asks during a handshake: is this the peer that is meant, how are tickets sealed,
 * which key is shared. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "sim/secure/session_internal.h"

/* --- certificates ---------------------------------------------------------------------------- */

static bool must_be_named(const struct secure_session *s)
{
    return s->expected_peer != NULL && !s->policy->no_name_check;
}

/* After a good chain: the certificate must carry the URN of the peer that was meant. OpenSSL checks
 * host names, e-mail and IP addresses, but no URIs. */
int tls_on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct secure_session *s = SSL_get_app_data(ssl);
    if (good && X509_STORE_CTX_get_error_depth(store) == 0 && must_be_named(s) &&
        !identity_find_urn(X509_STORE_CTX_get_current_cert(store), s->expected_peer, NULL, 0)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return good;
}

/* A peer that is to prove a shared key cannot prove itself by a certificate instead. */
int tls_on_verify_psk(int good, X509_STORE_CTX *store)
{
    (void)good;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

/* --- tickets ----------------------------------------------------------------------------------
 * On resumption no certificate is verified anew. OpenSSL keeps the peer's in the session: the
 * server's copy inside the sealed ticket, the client's beside it. Both are asked again before the
 * session is used, and where the answer is no, the handshake is a full one. */

bool tls_may_resume(const struct secure_session *s, const SSL_SESSION *session)
{
    bool certificate_needed = s->initiator || s->policy->auth == SECURE_AUTH_MUTUAL;
    if (!certificate_needed) {
        return true;
    }
    X509 *peer = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);
    return peer != NULL &&
           (!must_be_named(s) || identity_find_urn(peer, s->expected_peer, NULL, 0)) &&
           tls_list_allows(s, peer) &&
           X509_cmp_timeframe(SSL_get0_param(s->ssl), X509_get0_notBefore(peer),
                              X509_get0_notAfter(peer)) == 0;
}

/* The responder's own key: 16 octets name, 32 AES-256, 32 HMAC-SHA-256. */
int tls_on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int sealing)
{
    enum { NAME_BYTES = 16, HALF_BYTES = 32 };
    const struct secure_session *s = SSL_get_app_data(ssl);
    const uint8_t *key = s->ticket_key;
    if (key == NULL || (!sealing && memcmp(name, key, NAME_BYTES) != 0)) {
        return 0;
    }
    if (sealing) {
        memcpy(name, key, NAME_BYTES);
        if (!env_draw(s->policy->env, iv, EVP_MAX_IV_LENGTH)) {
            return -1;
        }
    }
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(
            OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)(key + NAME_BYTES + HALF_BYTES), HALF_BYTES),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
        EVP_CipherInit_ex2(cipher, s->policy->env->ticket_cipher, key + NAME_BYTES, iv, sealing,
                           NULL) != 1) {
        return -1;
    }
    return 1;
}

SSL_TICKET_RETURN tls_on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                       size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
    (void)name;
    (void)name_len;
    (void)arg;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    const struct secure_session *s = SSL_get_app_data(ssl);
    if (!opened || !tls_may_resume(s, session) || !tls_origin_allows(s, session)) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    /* A ticket of TLS 1.3 is for one use (RFC 8446 C.4): the client gets the next. */
    return !tls_is_13(ssl) && status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
                                                           : SSL_TICKET_RETURN_USE_RENEW;
}

int tls_on_new_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct secure_session *s = SSL_get_app_data(ssl);
    int len = i2d_SSL_SESSION(session, NULL);
    if (s->initiator && len > 0 && SSL_SESSION_has_ticket(session)) {
        buf_clear(&s->ticket);
        uint8_t *to = buf_reserve(&s->ticket, (size_t)len);
        i2d_SSL_SESSION(session, &to);
        buf_commit(&s->ticket, (size_t)len);
        session_event(s, SECURE_EVENT_TICKET, 0, 0, "ticket", (size_t)len);
    }
    return 0; /* we keep no reference */
}

/* --- pre-shared keys ------------------------------------------------------------------------- */

unsigned int tls_on_psk_client(SSL *ssl, const char *hint, char *identity,
                               unsigned int identity_size, unsigned char *psk,
                               unsigned int psk_size)
{
    (void)hint;
    const struct secure_session *s = SSL_get_app_data(ssl);
    struct span key = buf_span(&s->psk);
    if (s->psk_identity == NULL || strlen(s->psk_identity) >= identity_size || key.len == 0 ||
        key.len > psk_size) {
        return 0;
    }
    memcpy(identity, s->psk_identity, strlen(s->psk_identity) + 1);
    memcpy(psk, key.data, key.len);
    return (unsigned int)key.len;
}

unsigned int tls_on_psk_server(SSL *ssl, const char *identity, unsigned char *psk,
                               unsigned int psk_size)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    struct span key = buf_span(&s->psk);
    if (s->psk_identity == NULL || identity == NULL || strcmp(identity, s->psk_identity) != 0 ||
        key.len == 0 || key.len > psk_size) {
        return 0;
    }
    memcpy(psk, key.data, key.len);
    return (unsigned int)key.len;
}

/* An external key of TLS 1.3 belongs to one hash (RFC 8446 4.2.11): that of a suite of the policy,
 * SHA-256 where it has one. */
static const SSL_CIPHER *psk_suite(SSL *ssl)
{
    const SSL_CIPHER *first = NULL;
    STACK_OF(SSL_CIPHER) *all = SSL_get_ciphers(ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
        if (SSL_CIPHER_get_kx_nid(c) != NID_kx_any) {
            continue; /* of TLS 1.2 */
        }
        if (EVP_MD_is_a(SSL_CIPHER_get_handshake_digest(c), "SHA256")) {
            return c;
        }
        first = first != NULL ? first : c;
    }
    return first;
}

static SSL_SESSION *psk_session(const struct secure_session *s, SSL *ssl)
{
    struct span key = buf_span(&s->psk);
    const SSL_CIPHER *suite = psk_suite(ssl);
    SSL_SESSION *session = SSL_SESSION_new();
    if (session != NULL && suite != NULL && key.len > 0 &&
        SSL_SESSION_set1_master_key(session, key.data, key.len) == 1 &&
        SSL_SESSION_set_cipher(session, suite) == 1 &&
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1) {
        return session;
    }
    SSL_SESSION_free(session);
    return NULL;
}

int tls_on_psk_use(SSL *ssl, const EVP_MD *digest, const unsigned char **identity, size_t *len,
                   SSL_SESSION **ret)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    SSL_SESSION *session = s->psk_identity != NULL ? psk_session(s, ssl) : NULL;
    *ret = NULL;
    *identity = NULL;
    *len = 0;
    if (session != NULL && digest != NULL &&
        !EVP_MD_is_a(SSL_CIPHER_get_handshake_digest(SSL_SESSION_get0_cipher(session)),
                     EVP_MD_get0_name(digest))) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    if (session != NULL) {
        *ret = session;
        *identity = (const unsigned char *)s->psk_identity;
        *len = strlen(s->psk_identity);
    }
    return 1; /* without a key: the handshake goes on, and fails for want of authentication */
}

int tls_on_psk_find(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **ret)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    bool known = s->psk_identity != NULL && span_equal_str(span_of(identity, len), s->psk_identity);
    *ret = known ? psk_session(s, ssl) : NULL;
    return 1;
}

/* --- key log --------------------------------------------------------------------------------- */

void tls_on_key_log(const SSL *ssl, const char *line)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    if (s->output != NULL) {
        buf_printf(&s->output->key_log, "%s\n", line);
    }
}
