/* OCSP (RFC 6960) stapled to the handshake (RFC 6066 section 8): what the CA says of a certificate,
 * handed over by its holder. */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/ocsp_internal.h"
#include "sim/secure/session_internal.h"

/* --- the CA's answer ---------------------------------------------------------------------------
 */

static ASN1_TIME *as_time(sim_time t)
{
    return ASN1_GENERALIZEDTIME_set(NULL, (time_t)identity_unix_time(t));
}

static OCSP_RESPONSE *respond(const struct secure_ca *issuer, const struct secure_identity *of,
                              const struct secure_staple_params *p)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), of->certificate, issuer->certificate);
    ASN1_TIME *from = as_time(p->this_update);
    ASN1_TIME *to = as_time(p->next_update);
    OCSP_RESPONSE *response = NULL;
    int status = p->revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD;
    bool ok = basic != NULL && id != NULL && from != NULL && to != NULL &&
              OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS,
                                     p->revoked ? from : NULL, from, to) != NULL &&
              OCSP_basic_sign(basic, issuer->certificate, issuer->key,
                              EVP_PKEY_is_a(issuer->key, "ED25519") ? NULL : EVP_sha256(), NULL,
                              OCSP_NOCERTS) == 1;
    if (ok) {
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    }
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return response;
}

int secure_identity_staple(struct secure_env *env, const struct secure_ca *issuer,
                           struct secure_identity *identity,
                           const struct secure_staple_params *params, struct diag_list *diags)
{
    struct span der = secure_identity_certificate(identity);
    struct stream s;
    stream_init(&s, env->seed, "ocsp", "certificate", span_hash(params->revoked, der));
    stream_enter(&s, params->this_update);
    OCSP_RESPONSE *response = respond(issuer, identity, params);
    stream_leave();
    uint8_t *octets = NULL;
    int len = response != NULL ? i2d_OCSP_RESPONSE(response, &octets) : -1;
    OCSP_RESPONSE_free(response);
    if (len < 0) {
        return env_fail(diags, "cannot make an OCSP response");
    }
    buf_clear(&identity->staple);
    buf_append(&identity->staple, span_of(octets, (size_t)len));
    OPENSSL_free(octets);
    return 0;
}

/* --- in a handshake ----------------------------------------------------------------------------
 */

/* The responder staples what it has. */
static int give(SSL *ssl, const struct secure_session *s)
{
    struct span staple = buf_span(&s->staple);
    if (staple.len == 0 && s->identity != NULL) {
        staple = buf_span(&s->identity->staple);
    }
    uint8_t *copy = staple.len > 0 ? OPENSSL_memdup(staple.data, staple.len) : NULL;
    if (copy == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple.len);
    return SSL_TLSEXT_ERR_OK;
}

/* On resumption there is no certificate to ask about. */
static int take(SSL *ssl, struct secure_session *s)
{
    const uint8_t *octets = NULL;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &octets);
    if (SSL_session_reused(ssl)) {
        return 1;
    }
    struct secure_status status;
    s->output->ops.chain_verify +=
        ocsp_judge(SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), s->policy->trust,
                   SSL_get0_peer_certificate(ssl), span_of(octets, len > 0 ? (size_t)len : 0),
                   span_of(NULL, 0), &status);
    s->stapled = status.word;
    s->staple_age =
        status.this_update != SIM_TIME_NEVER ? s->now - status.this_update : SIM_TIME_NEVER;
    return strcmp(status.word, "good") == 0 ||
           (s->policy->ocsp == SECURE_OCSP_SOFT_FAIL && strcmp(status.word, "revoked") != 0);
}

int tls_on_status(SSL *ssl, void *arg)
{
    (void)arg;
    struct secure_session *s = SSL_get_app_data(ssl);
    return s->initiator ? take(ssl, s) : give(ssl, s);
}
