/* The SSL_CTXs of a policy: everything that its sessions share. All that OpenSSL has a default for
 * and that shows on the wire is set, so that a configuration file of the machine changes nothing.
 */
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/known.h"
#include "sim/secure/session_internal.h"

enum { DEFAULT_SECURITY_LEVEL = 2, MOST_TICKET_SECONDS = 7 * 86400 /* RFC 8446 4.6.1 */ };

/* TLS 1.2 suites that prove a shared key and nothing else; RSA-PSK would let in certificates. */
enum { LISTS = 4 };
static const char psk_ciphers[] = "kECDHEPSK:kDHEPSK:kPSK:!eNULL";

/* --- names that this OpenSSL must know ---------------------------------------------------------
 */

static int set_groups(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}

/* Those that this end accepts, and that it asks clients for. */
static int set_signatures(SSL_CTX *ctx, const char *list)
{
    return SSL_CTX_set1_sigalgs_list(ctx, list) == 1 &&
           SSL_CTX_set1_client_sigalgs_list(ctx, list) == 1;
}

/* Whether one of the suites now set may be used at this security level and in these versions. */
static bool has_usable(SSL_CTX *ctx, bool tls13, bool psk_only)
{
    SSL *ssl = SSL_new(ctx);
    STACK_OF(SSL_CIPHER) *all = ssl != NULL ? SSL_get1_supported_ciphers(ssl) : NULL;
    bool found = false;
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
        bool is_tls13 = SSL_CIPHER_get_kx_nid(c) == NID_kx_any;
        found |=
            is_tls13 == tls13 && (tls13 || !psk_only || SSL_CIPHER_get_auth_nid(c) == NID_auth_psk);
    }
    sk_SSL_CIPHER_free(all);
    SSL_free(ssl);
    return found;
}

struct name_list {
    const char *list;
    int (*set)(SSL_CTX *, const char *);
    const char *what;
    bool alone; /* works whatever the versions */
    bool tls13;
};

static bool name_is_usable(SSL_CTX *ctx, const struct name_list *l, const char *name, bool admitted,
                           bool psk_only)
{
    if (strchr("!-+@", name[0]) != NULL) {
        return true; /* an instruction on the names before it; the whole list is tried later */
    }
    if (l->set(ctx, name) != 1) {
        return false;
    }
    return l->alone || !admitted || has_usable(ctx, l->tls13, psk_only);
}

/* Every name of a list is tried alone: OpenSSL ignores unknown ones as long as one is known. */
static int check_names(SSL_CTX *ctx, const struct secure_policy_params *p,
                       const struct name_list *l, struct diag_list *diags)
{
    bool admitted = l->tls13 ? p->max_version >= SECURE_TLS13 : p->min_version <= SECURE_TLS12;
    char *copy = mem_strdup(l->list);
    char *save;
    int r = 0;
    for (char *name = strtok_r(copy, ": ,;", &save); name != NULL;
         name = strtok_r(NULL, ": ,;", &save)) {
        if (!name_is_usable(ctx, l, name, admitted, p->auth == SECURE_AUTH_PSK)) {
            ERR_clear_error();
            diag_add(diags, DIAG_ERROR, "unknown-algorithm", NULL, 0, 0,
                     "policy \"%s\": %s \"%s\" is not in %s, or not at security level %d%s",
                     p->name, l->what, name, secure_env_version(), SSL_CTX_get_security_level(ctx),
                     p->auth == SECURE_AUTH_PSK ? ", or does not prove a pre-shared key" : "");
            r = -SIM_ENOTSUP;
        }
    }
    free(copy);
    return r;
}

static int set_algorithms(SSL_CTX *ctx, const struct secure_policy_params *p, bool check,
                          struct diag_list *diags)
{
    bool psk = p->auth == SECURE_AUTH_PSK;
    const struct name_list lists[LISTS] = {
        {p->ciphers, SSL_CTX_set_cipher_list, "cipher", false, false},
        {p->ciphersuites, SSL_CTX_set_ciphersuites, "cipher suite", false, true},
        {p->groups, set_groups, "group", true, false},
        {p->signature_algorithms, set_signatures, "signature algorithm", true, false}};
    const char *const defaults[LISTS] = {psk ? psk_ciphers : OSSL_default_cipher_list(),
                                         OSSL_default_ciphersuites(), NULL, NULL};
    SSL_CTX_set_security_level(ctx,
                               p->security_level < 0 ? DEFAULT_SECURITY_LEVEL : p->security_level);
    for (size_t i = 0; i < SIM_ARRAY_LEN(lists); i++) {
        const char *list = lists[i].list != NULL ? lists[i].list : defaults[i];
        if (list == NULL) {
            continue;
        }
        int r = check && lists[i].list != NULL ? check_names(ctx, p, &lists[i], diags) : 0;
        if (r < 0) {
            return r;
        }
        if (lists[i].set(ctx, list) != 1) {
            return env_fail(diags, p->name);
        }
    }
    return 0;
}

/* --- the contexts ------------------------------------------------------------------------------
 */

static void set_authentication(SSL_CTX *ctx, bool server, enum secure_auth auth)
{
    bool peer_has_certificate = !server || auth == SECURE_AUTH_MUTUAL;
    if (auth == SECURE_AUTH_PSK) {
        SSL_CTX_set_psk_client_callback(ctx, tls_on_psk_client);
        SSL_CTX_set_psk_server_callback(ctx, tls_on_psk_server);
        SSL_CTX_set_psk_use_session_callback(ctx, tls_on_psk_use);
        SSL_CTX_set_psk_find_session_callback(ctx, tls_on_psk_find);
        SSL_CTX_set_verify(ctx, server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, tls_on_verify_psk);
    } else if (peer_has_certificate) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, tls_on_verify);
    }
}

static bool set_tickets(SSL_CTX *ctx, bool server, bool tickets, sim_time lifetime)
{
    if (!tickets) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        return SSL_CTX_set_num_tickets(ctx, 0) == 1;
    }
    int64_t seconds =
        lifetime / SIM_S < MOST_TICKET_SECONDS ? lifetime / SIM_S : MOST_TICKET_SECONDS;
    SSL_CTX_set_timeout(ctx, (long)seconds);
    /* The server keeps nothing; the client's callback takes what arrives. */
    SSL_CTX_set_session_cache_mode(
        ctx, server ? SSL_SESS_CACHE_OFF : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, tls_on_new_ticket);
    return SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_on_ticket_key) == 1 &&
           SSL_CTX_set_session_ticket_cb(ctx, tls_on_make_ticket, tls_on_ticket_opened, NULL) == 1;
}

static const SSL_METHOD *method_of(enum secure_kind kind, bool server)
{
    if (kind == SECURE_DTLS) {
        return server ? DTLS_server_method() : DTLS_client_method();
    }
    return server ? TLS_server_method() : TLS_client_method();
}

static bool set_versions(SSL_CTX *ctx, const struct secure_policy_params *p)
{
    bool dtls = p->kind == SECURE_DTLS;
    return SSL_CTX_set_min_proto_version(ctx, dtls ? DTLS1_2_VERSION : p->min_version) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, dtls ? DTLS1_2_VERSION : p->max_version) == 1;
}

static bool set_records(SSL_CTX *ctx, bool server, const struct secure_policy_params *p)
{
    static const struct {
        size_t bytes;
        uint8_t code;
    } lengths[] = {{512, TLSEXT_max_fragment_length_512},
                   {1024, TLSEXT_max_fragment_length_1024},
                   {2048, TLSEXT_max_fragment_length_2048},
                   {4096, TLSEXT_max_fragment_length_4096}};
    bool ok = p->max_fragment_length == 0 || server;
    for (size_t i = 0; !ok && i < SIM_ARRAY_LEN(lengths); i++) {
        ok = lengths[i].bytes == p->max_fragment_length &&
             SSL_CTX_set_tlsext_max_fragment_length(ctx, lengths[i].code) == 1;
    }
    return ok && (p->record_padding <= 1 || SSL_CTX_set_block_padding(ctx, p->record_padding) == 1);
}

static bool set_context(SSL_CTX *ctx, bool server, const struct secure_policy *policy,
                        const struct secure_policy_params *p, const struct secure_ca *trust)
{
    /* Each side sends its certificate alone: the peer has the root. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_msg_callback(ctx, tls_on_message);
    SSL_CTX_set_dh_auto(ctx, 1);
    set_authentication(ctx, server, policy->auth);
    SSL_CTX_set_cert_verify_callback(ctx, tls_on_verify_chain,
                                     (void *)(uintptr_t)&policy->askers[server]);
    if (p->kind == SECURE_DTLS) { /* the MTU is told, the path is not asked */
        SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU |
                                     (server && !p->no_cookies ? SSL_OP_COOKIE_EXCHANGE : 0));
        SSL_CTX_set_cookie_generate_cb(ctx, dtls_on_cookie);
        SSL_CTX_set_cookie_verify_cb(ctx, dtls_on_check_cookie);
    }
    if (p->ocsp) {
        SSL_CTX_set_tlsext_status_cb(ctx, tls_on_status);
        if (!server && SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp) != 1) {
            return false;
        }
    }
    if (p->crl) {
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_CRL_CHECK);
    }
    return set_versions(ctx, p) && set_records(ctx, server, p) &&
           early_set_context(ctx, server, p, policy->early) &&
           (trust == NULL ||
            X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), trust->certificate) == 1) &&
           set_tickets(ctx, server, policy->tickets, p->ticket_lifetime);
}

static int create_context(struct secure_policy *policy, const struct secure_policy_params *p,
                          const struct secure_ca *trust, bool server, bool key_log,
                          struct diag_list *diags)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(policy->env->libctx, NULL, method_of(policy->kind, server));
    policy->contexts[server][key_log] = ctx;
    if (ctx == NULL || !set_context(ctx, server, policy, p, trust)) {
        return env_fail(diags, p->name);
    }
    if (key_log) {
        SSL_CTX_set_keylog_callback(ctx, tls_on_key_log);
    }
    return set_algorithms(ctx, p, server && !key_log, diags);
}

/* NamedGroup of the first of a list; its names are checked already or will be. */
static int first_group(const char *groups)
{
    static const struct {
        const char *name;
        int group;
    } known[] = {{"X25519", 0x001d}, {"P-256", 0x0017}, {"P-384", 0x0018}};
    size_t len = groups != NULL ? strcspn(groups, ":") : 0;
    for (size_t i = 0; i < SIM_ARRAY_LEN(known); i++) {
        if (len == strlen(known[i].name) && strncmp(groups, known[i].name, len) == 0) {
            return known[i].group;
        }
    }
    return groups == NULL ? 0x001d : 0; /* OpenSSL's own list begins with X25519 */
}

int tls_contexts_create(struct secure_policy *policy, const struct secure_policy_params *wanted,
                        const struct secure_ca *trust, struct diag_list *diags)
{
    struct secure_policy_params dtls = *wanted;
    const struct secure_policy_params *params = wanted;
    if (wanted->kind == SECURE_DTLS) { /* its suites are those of TLS 1.2 */
        dtls.min_version = dtls.max_version = SECURE_TLS12;
        params = &dtls;
    }
    if (params->min_version > params->max_version) {
        diag_add(diags, DIAG_ERROR, "versions", NULL, 0, 0,
                 "policy \"%s\": the least version is above the greatest", params->name);
        return -SIM_EINVAL;
    }
    policy->whole_records = params->record_padding <= 1 && params->max_fragment_length == 0;
    policy->tls13_only = params->min_version >= SECURE_TLS13;
    policy->first_group = first_group(params->groups);
    policy->askers[0] = atomic_fetch_add(&policy->env->askers, 2) + 1;
    policy->askers[1] = policy->askers[0] + 1;
    policy->bio = params->kind == SECURE_DTLS ? dtls_bio_method() : tls_bio_method();
    if (policy->bio == NULL) {
        return env_fail(diags, params->name);
    }
    int r = create_context(policy, params, trust, true, false, diags); /* checks the names */
    for (int i = 0; r == 0 && i < 3; i++) {
        static const bool roles[3][2] = {{false, false}, {true, true}, {false, true}};
        r = create_context(policy, params, trust, roles[i][0], roles[i][1], diags);
    }
    return r;
}

int secure_policy_set_crl(struct secure_policy *policy, const struct secure_crl *crl,
                          struct diag_list *diags)
{
    for (int i = 0; policy->crl && i < 4; i++) {
        SSL_CTX *ctx = policy->contexts[i / 2][i % 2];
        if (ctx != NULL && X509_STORE_add_crl(SSL_CTX_get_cert_store(ctx), crl->list) != 1) {
            return env_fail(diags, policy->name);
        }
    }
    return 0;
}

/* --- chains, before they are asked for
 * ------------------------------------------------------------------------------------------- */

/* As ssl_verify_cert_chain() of libssl sets it up: the verdict counts for the same asker. */
void tls_foresee(const struct secure_policy *policy, X509 *certificate, bool server, sim_time now)
{
    SSL_CTX *ctx = policy->contexts[server][0];
    X509_STORE_CTX *store = X509_STORE_CTX_new_ex(policy->env->libctx, NULL);
    STACK_OF(X509) *sent = sk_X509_new_null();
    if (store != NULL && sent != NULL && sk_X509_push(sent, certificate) > 0 &&
        X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(ctx), certificate, sent) == 1 &&
        X509_STORE_CTX_set_default(store, server ? "ssl_client" : "ssl_server") == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
        X509_VERIFY_PARAM_set_auth_level(param, SSL_CTX_get_security_level(ctx));
        if (X509_VERIFY_PARAM_set1(param, SSL_CTX_get0_param(ctx)) == 1) {
            X509_VERIFY_PARAM_set_time(param, (time_t)identity_unix_time(now));
            known_verify(store, (void *)(uintptr_t)&policy->askers[server]);
        }
    }
    X509_STORE_CTX_free(store);
    sk_X509_free(sent);
    ERR_clear_error();
}

/* --- what there is
 * -------------------------------------------------------------------------------- */

static bool is_known(const char *name, int (*set)(SSL_CTX *, const char *))
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    CHECK(ctx != NULL);
    SSL_CTX_set_security_level(ctx, 0);
    bool known = set(ctx, name) == 1;
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return known;
}

bool secure_cipher_known(const char *name)
{
    if (strchr("!-+@", name[0]) != NULL) {
        return true;
    }
    return is_known(name, strncmp(name, "TLS_", 4) == 0 ? SSL_CTX_set_ciphersuites
                                                        : SSL_CTX_set_cipher_list);
}

int secure_cipher_number(const char *name)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    CHECK(ctx != NULL);
    SSL_CTX_set_security_level(ctx, 0);
    CHECK(SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL") == 1 &&
          SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                        "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256:"
                                        "TLS_AES_128_CCM_8_SHA256") == 1);
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    int number = 0;
    for (int i = 0; number == 0 && i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
        number = strcmp(SSL_CIPHER_get_name(c), name) == 0 ? SSL_CIPHER_get_protocol_id(c) : 0;
    }
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return number;
}

static int set_group(SSL_CTX *ctx, const char *name)
{
    return (int)SSL_CTX_set1_groups_list(ctx, name);
}

bool secure_group_known(const char *name)
{
    return is_known(name, set_group);
}

bool secure_signature_known(const char *name)
{
    return is_known(name, set_signatures);
}
