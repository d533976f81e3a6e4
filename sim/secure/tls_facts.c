/* What was negotiated, read from the live SSL object; nothing here comes from a policy except the
 * question whether certificates or a key were asked for. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "sim/secure/session_internal.h"

static void set_word(char *to, size_t size, const char *word)
{
    size_t len = word != NULL ? strlen(word) : 0;
    len = len < size ? len : size - 1;
    memcpy(to, word != NULL ? word : "", len);
    to[len] = '\0';
}

static const char *group_word(SSL *ssl, int nid)
{
    switch (nid) {
    case NID_undef:
        return "";
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
        return SSL_group_to_name(ssl, nid);
    }
}

/* The signature of the peer in the handshake, in the words of TLS 1.3's schemes; what a TLS 1.2
 * scheme leaves open, the curve, is left out. */
static void signature_word(SSL *ssl, char *to, size_t size)
{
    int type = NID_undef;
    int digest = NID_undef;
    if (SSL_get_peer_signature_type_nid(ssl, &type) != 1 || type == NID_undef) {
        return;
    }
    SSL_get_peer_signature_nid(ssl, &digest);
    const char *hash = digest == NID_sha256   ? "sha256"
                       : digest == NID_sha384 ? "sha384"
                       : digest == NID_sha512 ? "sha512"
                       : digest == NID_sha1   ? "sha1"
                                              : OBJ_nid2sn(digest);
    switch (type) {
    case EVP_PKEY_EC:
        snprintf(to, size, "ecdsa_%s", hash);
        break;
    case EVP_PKEY_RSA_PSS:
        snprintf(to, size, "rsa_pss_%s", hash);
        break;
    case EVP_PKEY_RSA:
        snprintf(to, size, "rsa_pkcs1_%s", hash);
        break;
    case EVP_PKEY_ED25519:
        set_word(to, size, "ed25519");
        break;
    default:
        set_word(to, size, OBJ_nid2sn(type));
        break;
    }
}

/* A key agreement with fresh key pairs. A resumed TLS 1.2 session has none: it uses the secret of
 * the first handshake, whatever agreed on that. A resumed TLS 1.3 session has one, because plain
 * PSK resumption is never allowed here. */
static bool agreed_afresh(SSL *ssl, const SSL_CIPHER *cipher)
{
    if (tls_is_13(ssl)) {
        return SSL_get_negotiated_group(ssl) != NID_undef;
    }
    int kx = SSL_CIPHER_get_kx_nid(cipher);
    return !SSL_session_reused(ssl) && kx != NID_kx_rsa && kx != NID_kx_psk && kx != NID_kx_rsa_psk;
}

static void cipher_facts(const struct secure_session *s, const SSL_CIPHER *cipher,
                         struct secure_facts *f)
{
    SSL *ssl = s->ssl;
    bool tls13 = tls_is_13(ssl);
    set_word(f->version, sizeof(f->version), SSL_get_version(ssl));
    set_word(f->cipher, sizeof(f->cipher), SSL_CIPHER_get_name(cipher));
    f->cipher_bits = SSL_CIPHER_get_bits(cipher, NULL);
    f->aead_or_mac = SSL_CIPHER_is_aead(cipher) || SSL_CIPHER_get_digest_nid(cipher) != NID_undef;
    f->resumed = SSL_session_reused(ssl) && s->policy->auth != SECURE_AUTH_PSK;
    f->forward_secret = agreed_afresh(ssl, cipher);
    if (f->forward_secret) {
        set_word(f->kex_group, sizeof(f->kex_group),
                 group_word(ssl, (int)SSL_get_negotiated_group(ssl)));
    }
    f->extended_master_secret = tls13 || SSL_get_extms_support(ssl) == 1;
}

/* To OpenSSL an external key of TLS 1.3 is a resumption. */
static bool psk_was_used(SSL *ssl)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    return tls_is_13(ssl) ? SSL_session_reused(ssl) == 1
                          : cipher != NULL && SSL_CIPHER_get_auth_nid(cipher) == NID_auth_psk;
}

/* On resumption no staple comes; the list of the end's own, where it has one, was asked again. */
static const char *revocation_word(const struct secure_session *s, bool resumed)
{
    static const char *const words[2][2] = {{"none", "ocsp"}, {"crl", "crl, ocsp"}};
    unsigned long flags = X509_VERIFY_PARAM_get_flags(SSL_get0_param(s->ssl));
    bool looked_up = (flags & X509_V_FLAG_CRL_CHECK) != 0 && (!resumed || s->crl != NULL);
    bool good = !resumed && s->stapled != NULL && strcmp(s->stapled, "good") == 0;
    bool unknown = !resumed && s->stapled != NULL && !good && !looked_up;
    return unknown ? "unknown" : words[looked_up][good];
}

static void peer_facts(const struct secure_session *s, struct secure_facts *f)
{
    const X509 *peer = SSL_get0_peer_certificate(s->ssl);
    f->verify_result = SSL_get_verify_result(s->ssl);
    f->verify_text = X509_verify_cert_error_string(f->verify_result);
    signature_word(s->ssl, f->peer_signature, sizeof(f->peer_signature));
    /* After a fatal alert OpenSSL takes itself to be in a handshake again. */
    bool done = s->was_established || SSL_is_init_finished(s->ssl);
    /* A responder that took 0-RTT data goes by the ticket, of which it has the initiator's name. */
    bool early = !s->initiator && s->early_bytes > 0;
    if (!early && (s->state == SECURE_HANDSHAKING || (s->state == SECURE_FAILED && !done))) {
        return;
    }
    const char *how = "none";
    if (s->policy->auth == SECURE_AUTH_PSK && psk_was_used(s->ssl)) {
        how = "psk";
        set_word(f->peer_id, sizeof(f->peer_id), s->psk_identity);
    } else if (peer != NULL && f->verify_result == X509_V_OK &&
               (SSL_get_verify_mode(s->ssl) & SSL_VERIFY_PEER) != 0) {
        f->peer_certificate = true;
        f->revocation = revocation_word(s, f->resumed);
        how = f->resumed ? "resumption (certificate)" : "certificate";
        identity_find_urn(peer, s->policy->no_name_check ? NULL : s->expected_peer, f->peer_id,
                          sizeof(f->peer_id));
    }
    set_word(f->peer_auth, sizeof(f->peer_auth), how);
}

void tls_facts(const struct secure_session *s, struct secure_facts *f)
{
    f->verify_text = X509_verify_cert_error_string(X509_V_OK);
    if (s->ssl == NULL) {
        return;
    }
    const SSL_CIPHER *cipher = SSL_get_current_cipher(s->ssl);
    if (cipher != NULL && SSL_get_session(s->ssl) != NULL) {
        cipher_facts(s, cipher, f);
    }
    early_facts(s, f);
    f->staple = s->stapled;
    f->staple_age = s->staple_age;
    peer_facts(s, f);
    tls_view(s, f);
}
