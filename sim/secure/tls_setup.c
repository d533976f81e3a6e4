/* The SSL_CTX of a policy: everything that its sessions share, and the callbacks. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/session_internal.h"

/* --- callbacks
 * ------------------------------------------------------------------------------------------ */

/* After a good chain: the certificate must carry the URN of the peer that was meant. OpenSSL checks
 * host names, e-mail and IP addresses, but no URIs. */
static int on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct secure_session *s = SSL_get_app_data(ssl);
    if (good && X509_STORE_CTX_get_error_depth(store) == 0 && s->expected_peer != NULL &&
        !identity_find_urn(X509_STORE_CTX_get_current_cert(store), s->expected_peer, NULL, 0)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return good;
}

/* Tickets are sealed with the responder's own key: 16 octets name, 32 AES-256, 32 HMAC. */
static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    if (!s->has_ticket_key) {
        return 0;
    }
    const uint8_t *key = s->ticket_key;
    if (sealing) {
        memcpy(name, key, 16);
        struct stream *stream = stream_current();
        stream_read(stream, iv, EVP_MAX_IV_LENGTH);
    } else if (memcmp(name, key, 16) != 0) {
        return 0;
    }
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)(key + 48), 32),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key + 16, iv, sealing) != 1) {
        return -1;
    }
    return 1;
}

static int on_new_ticket(SSL *ssl, SSL_SESSION *session)
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
    return 0; /* not kept by us */
}

static unsigned int on_psk_client(SSL *ssl, const char *hint, char *identity,
                                  unsigned int identity_max, unsigned char *psk,
                                  unsigned int psk_max)
{
    (void)hint;
    const struct secure_session *s = SSL_get_app_data(ssl);
    struct span key = buf_span(&s->psk);
    if (s->psk_identity == NULL || strlen(s->psk_identity) >= identity_max || key.len > psk_max) {
        return 0;
    }
    memcpy(identity, s->psk_identity, strlen(s->psk_identity) + 1);
    memcpy(psk, key.data, key.len);
    return (unsigned int)key.len;
}

static unsigned int on_psk_server(SSL *ssl, const char *identity, unsigned char *psk,
                                  unsigned int psk_max)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    struct span key = buf_span(&s->psk);
    if (s->psk_identity == NULL || identity == NULL || strcmp(identity, s->psk_identity) != 0 ||
        key.len > psk_max) {
        return 0;
    }
    memcpy(psk, key.data, key.len);
    return (unsigned int)key.len;
}

static void on_key_log(const SSL *ssl, const char *line)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    if (s->key_log && s->output != NULL) {
        buf_printf(&s->output->key_log, "%s\n", line);
    }
}

/* --- what a policy asks for
 * ------------------------------------------------------------------------------- */

/* Every name of a list is tried alone: OpenSSL ignores unknown ones as long as one is known. */
static int check_names(SSL_CTX *ctx, const char *list, int (*set)(SSL_CTX *, const char *),
                       const char *what, struct diag_list *diags)
{
    char *copy = mem_strdup(list);
    char *save;
    int r = 0;
    for (char *name = strtok_r(copy, ":", &save); name != NULL; name = strtok_r(NULL, ":", &save)) {
        if (set(ctx, name) != 1) {
            ERR_clear_error();
            diag_add(diags, DIAG_ERROR, "unknown-algorithm", NULL, 0, 0,
                     "%s \"%s\" is not in %s, or not at this security level", what, name,
                     secure_env_version());
            r = -SIM_ENOTSUP;
        }
    }
    free(copy);
    return r;
}

static int set_groups(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}

static int set_algorithms(SSL_CTX *ctx, const struct secure_policy_params *p,
                          struct diag_list *diags)
{
    struct {
        const char *list;
        int (*set)(SSL_CTX *, const char *);
        const char *what;
    } lists[] = {{p->ciphers, SSL_CTX_set_cipher_list, "cipher"},
                 {p->ciphersuites, SSL_CTX_set_ciphersuites, "cipher suite"},
                 {p->groups, set_groups, "group"}};
    if (p->security_level >= 0) {
        SSL_CTX_set_security_level(ctx, p->security_level);
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(lists); i++) {
        if (lists[i].list == NULL) {
            continue;
        }
        int r = check_names(ctx, lists[i].list, lists[i].set, lists[i].what, diags);
        if (r < 0) {
            return r;
        }
        if (lists[i].set(ctx, lists[i].list) != 1) {
            return env_fail(diags, p->name);
        }
    }
    return 0;
}

static bool set_context(SSL_CTX *ctx, bool server, const struct secure_policy *policy,
                        const struct secure_policy_params *p, const struct secure_ca *trust)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 (policy->tickets ? 0 : SSL_OP_NO_TICKET));
    SSL_CTX_set_keylog_callback(ctx, on_key_log);
    SSL_CTX_set_msg_callback(ctx, tls_on_message);
    bool ok = SSL_CTX_set_min_proto_version(ctx, p->min_version) == 1 &&
              SSL_CTX_set_max_proto_version(ctx, p->max_version) == 1;
    if (policy->auth == SECURE_AUTH_PSK) {
        SSL_CTX_set_psk_client_callback(ctx, on_psk_client);
        SSL_CTX_set_psk_server_callback(ctx, on_psk_server);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    } else if (!server || policy->auth == SECURE_AUTH_MUTUAL) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
    }
    ok = ok && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), trust->certificate) == 1;
    if (policy->tickets) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, on_new_ticket);
        SSL_CTX_set_timeout(ctx, (long)(p->ticket_lifetime / SIM_S));
        ok = ok && SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
             SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) == 1;
    } else {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        ok = ok && SSL_CTX_set_num_tickets(ctx, 0) == 1;
    }
    return ok;
}

int tls_contexts_create(struct secure_policy *policy, const struct secure_policy_params *params,
                        const struct secure_ca *trust, struct diag_list *diags)
{
    for (int server = 0; server < 2; server++) {
        SSL_CTX *ctx = SSL_CTX_new_ex(policy->env->libctx, NULL,
                                      server ? TLS_server_method() : TLS_client_method());
        policy->contexts[server] = ctx;
        if (ctx == NULL || !set_context(ctx, server, policy, params, trust)) {
            return env_fail(diags, params->name);
        }
        int r = set_algorithms(ctx, params, diags);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
