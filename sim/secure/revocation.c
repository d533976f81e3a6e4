/* Revocation lists of the scenario's CA. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/stream.h"

static bool add_revoked(X509_CRL *list, const struct secure_revoked *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)identity_unix_time(revoked->at));
    ASN1_INTEGER *serial = X509_get_serialNumber(revoked->identity->certificate);
    bool ok = entry != NULL && when != NULL && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
              X509_REVOKED_set_revocationDate(entry, when) == 1 &&
              X509_CRL_add0_revoked(list, entry) == 1;
    if (!ok) {
        X509_REVOKED_free(entry);
    }
    ASN1_TIME_free(when);
    return ok;
}

static bool set_number(X509_CRL *list, uint64_t number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    bool ok = value != NULL && ASN1_INTEGER_set_uint64(value, number) == 1 &&
              X509_CRL_add1_ext_i2d(list, NID_crl_number, value, 0, 0) == 1;
    ASN1_INTEGER_free(value);
    return ok;
}

static bool set_times(X509_CRL *list, const struct secure_ca *issuer,
                      const struct secure_crl_params *p)
{
    if (p == NULL) {
        return X509_CRL_set1_lastUpdate(list, X509_get0_notBefore(issuer->certificate)) == 1 &&
               X509_CRL_set1_nextUpdate(list, X509_get0_notAfter(issuer->certificate)) == 1;
    }
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)identity_unix_time(p->this_update));
    ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)identity_unix_time(p->next_update));
    bool ok = from != NULL && to != NULL && X509_CRL_set1_lastUpdate(list, from) == 1 &&
              X509_CRL_set1_nextUpdate(list, to) == 1 &&
              (p->number == 0 || set_number(list, p->number));
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return ok;
}

static X509_CRL *make_list(const struct secure_env *env, const struct secure_ca *issuer,
                           const struct secure_revoked *revoked, size_t count,
                           const struct secure_crl_params *params)
{
    X509_CRL *list = X509_CRL_new_ex(env->libctx, NULL);
    const EVP_MD *digest = EVP_PKEY_get_bits(issuer->key) == 384 ? EVP_sha384() : EVP_sha256();
    bool ok = list != NULL && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate)) == 1 &&
              set_times(list, issuer, params);
    for (size_t i = 0; ok && i < count; i++) {
        ok = add_revoked(list, &revoked[i]);
    }
    if (!ok || X509_CRL_sort(list) != 1 ||
        X509_CRL_sign(list, issuer->key, EVP_PKEY_is_a(issuer->key, "ED25519") ? NULL : digest) ==
            0) {
        X509_CRL_free(list);
        return NULL;
    }
    return list;
}

struct secure_crl *secure_crl_parse(struct secure_env *env, struct span der)
{
    const uint8_t *octets = der.data;
    X509_CRL *list = X509_CRL_new_ex(env->libctx, NULL);
    X509_CRL *read = der.len > 0 ? d2i_X509_CRL(&list, &octets, (long)der.len) : NULL;
    if (read == NULL || octets != der.data + der.len) {
        X509_CRL_free(list); /* NULL where d2i_X509_CRL() freed it */
        ERR_clear_error();
        return NULL;
    }
    struct secure_crl *crl = mem_alloc(sizeof(*crl));
    crl->list = list;
    buf_append(&crl->der, der);
    return crl;
}

int secure_crl_issue(struct secure_env *env, const struct secure_ca *issuer,
                     const struct secure_revoked *revoked, size_t count,
                     const struct secure_crl_params *params, struct secure_crl **ret,
                     struct diag_list *diags)
{
    struct stream s;
    stream_init(&s, env->seed, "crl", "certificate",
                params != NULL ? span_hash(params->number, span_of_str("number")) : count);
    stream_enter(&s, 0);
    X509_CRL *list = make_list(env, issuer, revoked, count, params);
    uint8_t *octets = NULL;
    int len = list != NULL ? i2d_X509_CRL(list, &octets) : -1;
    X509_CRL_free(list);
    struct secure_crl *crl = len > 0 ? secure_crl_parse(env, span_of(octets, (size_t)len)) : NULL;
    OPENSSL_free(octets);
    stream_leave();
    if (crl == NULL) {
        return env_fail(diags, "cannot issue a revocation list");
    }
    *ret = crl;
    return 0;
}

struct span secure_crl_octets(const struct secure_crl *crl)
{
    return buf_span(&crl->der);
}

void secure_crl_free(struct secure_crl *crl)
{
    if (crl != NULL) {
        X509_CRL_free(crl->list);
        buf_fini(&crl->der);
        free(crl);
    }
}
