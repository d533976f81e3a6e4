/* Revocation lists of the scenario's CA. */
#include <openssl/err.h>
#include <stdlib.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/stream.h"

static bool add_revoked(X509_CRL *list, const struct secure_identity *id)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)identity_unix_time(0));
    ASN1_INTEGER *serial = X509_get_serialNumber(id->certificate);
    bool ok = entry != NULL && when != NULL && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
              X509_REVOKED_set_revocationDate(entry, when) == 1 &&
              X509_CRL_add0_revoked(list, entry) == 1;
    if (!ok) {
        X509_REVOKED_free(entry);
    }
    ASN1_TIME_free(when);
    return ok;
}

static X509_CRL *make_list(const struct secure_env *env, const struct secure_ca *issuer,
                           const struct secure_identity *const *revoked, size_t count)
{
    X509_CRL *list = X509_CRL_new_ex(env->libctx, NULL);
    const EVP_MD *digest = EVP_PKEY_get_bits(issuer->key) == 384 ? EVP_sha384() : EVP_sha256();
    bool ok = list != NULL && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate)) == 1 &&
              X509_CRL_set1_lastUpdate(list, X509_get0_notBefore(issuer->certificate)) == 1 &&
              X509_CRL_set1_nextUpdate(list, X509_get0_notAfter(issuer->certificate)) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        ok = add_revoked(list, revoked[i]);
    }
    if (!ok || X509_CRL_sort(list) != 1 ||
        X509_CRL_sign(list, issuer->key, EVP_PKEY_is_a(issuer->key, "ED25519") ? NULL : digest) ==
            0) {
        X509_CRL_free(list);
        return NULL;
    }
    return list;
}

int secure_crl_issue(struct secure_env *env, const struct secure_ca *issuer,
                     const struct secure_identity *const *revoked, size_t count,
                     struct secure_crl **ret, struct diag_list *diags)
{
    struct stream s;
    stream_init(&s, env->seed, "crl", "certificate", count);
    stream_enter(&s, 0);
    X509_CRL *list = make_list(env, issuer, revoked, count);
    stream_leave();
    if (list == NULL) {
        return env_fail(diags, "cannot issue a revocation list");
    }
    struct secure_crl *crl = mem_alloc(sizeof(*crl));
    crl->list = list;
    *ret = crl;
    return 0;
}

void secure_crl_free(struct secure_crl *crl)
{
    if (crl != NULL) {
        X509_CRL_free(crl->list);
        free(crl);
    }
}
