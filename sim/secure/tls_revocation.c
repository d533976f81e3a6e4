/* The revocation list that an end of a session has for itself: it is another one for each end, and
 * a newer one from time to time, so no policy can hold it. */
#include <openssl/err.h>

#include "sim/secure/known.h"
#include "sim/secure/session_internal.h"

/* What known_verify() remembers says nothing of a list that was issued since: here the chain is
 * verified each time. */
int tls_on_verify_chain(X509_STORE_CTX *store, void *asker)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct secure_session *s = ssl != NULL ? SSL_get_app_data(ssl) : NULL;
    if (s == NULL || !s->policy->crl || s->crl == NULL) {
        return known_verify(store, asker);
    }
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    int good = 0;
    if (lists != NULL && sk_X509_CRL_push(lists, s->crl->list) > 0) {
        X509_STORE_CTX_set0_crls(store, lists);
        good = X509_verify_cert(store);
        X509_STORE_CTX_set0_crls(store, NULL);
    }
    sk_X509_CRL_free(lists);
    return good < 0 ? 0 : good;
}

bool tls_list_allows(const struct secure_session *s, X509 *peer)
{
    X509_REVOKED *entry = NULL;
    if (!s->policy->crl || s->crl == NULL) {
        return true;
    }
    X509_CRL *list = s->crl->list;
    return X509_cmp_timeframe(SSL_get0_param(s->ssl), X509_CRL_get0_lastUpdate(list),
                              X509_CRL_get0_nextUpdate(list)) == 0 &&
           X509_CRL_get0_by_cert(list, &entry, peer) == 0;
}
