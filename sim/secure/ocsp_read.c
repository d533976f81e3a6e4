/* What an OCSP response says. */
#include <openssl/err.h>
#include <time.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/ocsp_internal.h"
#include "sim/secure/stream.h"

static sim_time virtual_time(const ASN1_GENERALIZEDTIME *t)
{
    struct tm tm;
    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1
               ? ((int64_t)timegm(&tm) - SIM_EPOCH_UNIX_S) * SIM_S
               : SIM_TIME_NEVER;
}

/* The clocks of a run agree [ours: no leeway], as for certificates and lists. */
static const char *validity(ASN1_GENERALIZEDTIME *from, ASN1_GENERALIZEDTIME *to)
{
    ERR_clear_error();
    if (OCSP_check_validity(from, to, 0, -1) == 1) {
        return NULL;
    }
    switch (ERR_GET_REASON(ERR_peek_error())) {
    case OCSP_R_STATUS_NOT_YET_VALID:
        return "not yet valid";
    case OCSP_R_STATUS_EXPIRED:
        return "expired";
    default:
        return "malformed";
    }
}

static bool repeats(OCSP_BASICRESP *basic, struct span nonce)
{
    int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
    if (at < 0) {
        return false;
    }
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
    const uint8_t *octets = ASN1_STRING_get0_data(value);
    ASN1_OCTET_STRING *inner = d2i_ASN1_OCTET_STRING(NULL, &octets, ASN1_STRING_length(value));
    bool same =
        inner != NULL &&
        span_equal(span_of(ASN1_STRING_get0_data(inner), (size_t)ASN1_STRING_length(inner)), nonce);
    ASN1_OCTET_STRING_free(inner);
    return same;
}

/* The single response about a certificate, whatever digest its CertID is made with. */
static OCSP_SINGLERESP *find_single(OCSP_BASICRESP *basic, const X509 *of, X509 *issuer)
{
    OCSP_SINGLERESP *found = NULL;
    for (int i = 0; found == NULL && i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        const OCSP_CERTID *said = OCSP_SINGLERESP_get0_id(single);
        ASN1_OBJECT *digest = NULL;
        OCSP_id_get0_info(NULL, &digest, NULL, NULL, (OCSP_CERTID *)(uintptr_t)said);
        const EVP_MD *md = EVP_get_digestbyobj(digest);
        OCSP_CERTID *meant = md != NULL ? OCSP_cert_to_id(md, (X509 *)(uintptr_t)of, issuer) : NULL;
        found = meant != NULL && OCSP_id_cmp(said, meant) == 0 ? single : NULL;
        OCSP_CERTID_free(meant);
    }
    return found;
}

static const char *judge_basic(X509_STORE *store, X509 *issuer, const X509 *of,
                               OCSP_BASICRESP *basic, struct span nonce, struct secure_status *ret)
{
    STACK_OF(X509) *signers = sk_X509_new_null();
    ASN1_GENERALIZEDTIME *from = NULL;
    ASN1_GENERALIZEDTIME *to = NULL;
    OCSP_SINGLERESP *single = find_single(basic, of, issuer);
    int status = V_OCSP_CERTSTATUS_UNKNOWN;
    const char *wrong = NULL;
    if (signers == NULL || sk_X509_push(signers, issuer) <= 0 ||
        OCSP_basic_verify(basic, signers, store, 0) != 1) {
        wrong = "unauthorized";
    } else if (single == NULL) {
        wrong = "other certificate";
    } else if (nonce.len > 0 && !repeats(basic, nonce)) {
        wrong = "wrong nonce";
    } else {
        status = OCSP_single_get0_status(single, NULL, NULL, &from, &to);
        ret->this_update = virtual_time(from);
        ret->next_update = virtual_time(to);
        wrong = validity(from, to);
    }
    sk_X509_free(signers);
    return wrong != NULL                         ? wrong
           : status == V_OCSP_CERTSTATUS_GOOD    ? "good"
           : status == V_OCSP_CERTSTATUS_REVOKED ? "revoked"
                                                 : "unknown";
}

uint32_t ocsp_judge(X509_STORE *store, X509 *issuer, const X509 *of, struct span response,
                    struct span nonce, struct secure_status *ret)
{
    const uint8_t *octets = response.data;
    const uint8_t *end = response.data + response.len;
    *ret = (struct secure_status){
        .word = "none", .this_update = SIM_TIME_NEVER, .next_update = SIM_TIME_NEVER};
    uint32_t signatures = 0;
    if (response.len == 0 || of == NULL) {
        return 0;
    }
    OCSP_RESPONSE *whole = d2i_OCSP_RESPONSE(NULL, &octets, (long)response.len);
    OCSP_BASICRESP *basic = NULL;
    if (whole == NULL || octets != end) {
        ret->word = "malformed";
    } else if (OCSP_response_status(whole) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        ret->word = "unsuccessful";
    } else {
        basic = OCSP_response_get1_basic(whole);
        signatures = basic == NULL ? 0 : sk_X509_num(OCSP_resp_get0_certs(basic)) > 0 ? 2 : 1;
        ret->word = basic != NULL ? judge_basic(store, issuer, of, basic, nonce, ret) : "malformed";
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(whole);
    ERR_clear_error();
    return signatures;
}

void secure_ocsp_read(struct secure_env *env, const struct secure_ca *issuer,
                      const struct secure_identity *of, struct span response, struct span nonce,
                      sim_time now, struct secure_status *ret)
{
    X509_STORE *store = X509_STORE_new();
    struct stream s;
    stream_init(&s, env->seed, "ocsp", "read", 0);
    stream_enter(&s, now);
    if (store != NULL) {
        X509_STORE_add_cert(store, issuer->certificate);
    }
    ocsp_judge(store, issuer->certificate, of->certificate, response, nonce, ret);
    stream_leave();
    X509_STORE_free(store);
}
