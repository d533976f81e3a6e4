#include "sim/secure/known.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/map.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"

/* Askers beyond these verify each time. */
enum { VERDICTS_MOST = 6, URN_BYTES = 128 };

struct known_certificates {
    pthread_rwlock_t lock; /* of `by_octets` */
    struct map by_octets;  /* hash of the octets -> struct record */
    atomic_uint_fast64_t parsed, recognised, verified, remembered;
};

/* Who found the chain good, and the Unix seconds of virtual time for which that stays true. */
struct verdict {
    _Atomic uint64_t asker; /* 0: free; CLAIMED: being written */
    int64_t from, to;
};
#define CLAIMED UINT64_MAX

/* Hangs on the certificate as ex_data, so that it lives as long. */
struct record {
    struct known_certificates *known;
    X509 *certificate;
    EVP_PKEY *key; /* held, so that no other key can come to lie there */
    struct span der, tbs;
    struct fixed_base *base; /* of the issuer's key */
    uint64_t fingerprint;
    char urn[URN_BYTES];
    struct verdict verdicts[VERDICTS_MOST];
};

/* --- the record of a certificate ---------------------------------------------------------------
 */

static void free_record(void *parent, void *data, CRYPTO_EX_DATA *ad, int idx, long argl,
                        void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    struct record *r = data;
    if (r != NULL) {
        EVP_PKEY_free(r->key);
        fixed_base_unref(r->base);
        free((void *)(uintptr_t)r->der.data);
        free(r);
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int record_index;

static void make_index(void)
{
    record_index = X509_get_ex_new_index(0, NULL, NULL, NULL, free_record);
    CHECK(record_index >= 0);
}

static struct record *record_of(const X509 *certificate)
{
    pthread_once(&once, make_index);
    return X509_get_ex_data(certificate, record_index);
}

static uint64_t key_of(struct span der)
{
    /* The signature is at the end and differs where anything does. */
    size_t tail = der.len < 64 ? der.len : 64;
    return span_hash(der.len, span_of(der.data + der.len - tail, tail));
}

static uint64_t fingerprint_of(struct span der)
{
    uint8_t digest[SECURE_SHA256_BYTES];
    secure_sha256(der, digest);
    uint64_t head = 0;
    for (size_t i = 0; i < sizeof(head); i++) {
        head = head << 8 | digest[i];
    }
    return head;
}

/* The first element of the sequence that a certificate is. */
static struct span tbs_of(struct span der)
{
    const unsigned char *at = der.data;
    const unsigned char *end = der.data + der.len;
    int tag, kind;
    long len;
    if ((ASN1_get_object(&at, &len, &tag, &kind, (long)der.len) & 0x80) != 0) {
        return span_of(NULL, 0);
    }
    const unsigned char *tbs = at;
    if ((ASN1_get_object(&at, &len, &tag, &kind, (long)(end - at)) & 0x80) != 0) {
        return span_of(NULL, 0);
    }
    return span_of(tbs, (size_t)(at + len - tbs));
}

struct known_certificates *known_create(void)
{
    struct known_certificates *known = mem_alloc(sizeof(*known));
    CHECK(pthread_rwlock_init(&known->lock, NULL) == 0);
    return known;
}

void known_free(struct known_certificates *known)
{
    if (known != NULL) {
        map_fini(&known->by_octets);
        pthread_rwlock_destroy(&known->lock);
        free(known);
    }
}

void known_add(struct known_certificates *known, X509 *certificate, EVP_PKEY *key, struct span der,
               struct fixed_base *base)
{
    struct record *r = mem_alloc(sizeof(*r));
    r->known = known;
    r->certificate = certificate;
    r->der = span_of(memcpy(mem_alloc(der.len), der.data, der.len), der.len);
    r->fingerprint = fingerprint_of(der);
    r->tbs = tbs_of(r->der);
    r->base = fixed_base_ref(base);
    identity_find_urn(certificate, NULL, r->urn, sizeof(r->urn));
    CHECK(record_of(certificate) == NULL);
    CHECK(X509_set_ex_data(certificate, record_index, r) == 1);
    /* What OpenSSL caches in a certificate when it first looks at it, before threads share it. */
    X509_check_purpose(certificate, -1, 0);
    X509_up_ref(certificate);
    EVP_PKEY_up_ref(key);
    r->key = key;
    uint64_t taken;
    pthread_rwlock_wrlock(&known->lock);
    if (!map_get(&known->by_octets, key_of(der), &taken)) {
        map_set(&known->by_octets, key_of(der), (uint64_t)(uintptr_t)r);
    }
    pthread_rwlock_unlock(&known->lock);
}

void known_remove(struct known_certificates *known, X509 *certificate)
{
    struct span der = known_octets(certificate);
    uint64_t found;
    pthread_rwlock_wrlock(&known->lock);
    if (map_get(&known->by_octets, key_of(der), &found) &&
        ((struct record *)(uintptr_t)found)->certificate == certificate) {
        map_remove(&known->by_octets, key_of(der));
    }
    pthread_rwlock_unlock(&known->lock);
    X509_free(certificate);
}

uint64_t known_fingerprint(const X509 *certificate)
{
    const struct record *r = record_of(certificate);
    if (r != NULL) {
        return r->fingerprint;
    }
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    uint64_t fingerprint = len > 0 ? fingerprint_of(span_of(der, (size_t)len)) : 0;
    OPENSSL_free(der);
    return fingerprint;
}

const char *known_urn(const X509 *certificate)
{
    const struct record *r = record_of(certificate);
    bool whole = r != NULL && r->urn[0] != '\0' && strlen(r->urn) < sizeof(r->urn) - 1;
    return whole ? r->urn : NULL;
}

bool known_has_key(const X509 *certificate, const EVP_PKEY *key)
{
    const struct record *r = record_of(certificate);
    return r != NULL && r->key == key;
}

struct span known_octets(const X509 *certificate)
{
    const struct record *r = record_of(certificate);
    return r != NULL ? r->der : span_of(NULL, 0);
}

struct span known_tbs(const X509 *certificate)
{
    const struct record *r = record_of(certificate);
    return r != NULL ? r->tbs : span_of(NULL, 0);
}

struct fixed_base *known_base(const X509 *certificate)
{
    const struct record *r = record_of(certificate);
    return r != NULL ? r->base : NULL;
}

void known_counts(const struct known_certificates *known, struct known_counts *ret)
{
    *ret = (struct known_counts){.parsed = atomic_load(&known->parsed),
                                 .recognised = atomic_load(&known->recognised),
                                 .verified = atomic_load(&known->verified),
                                 .remembered = atomic_load(&known->remembered)};
}

X509 *known_recognise(struct known_certificates *known, struct span der)
{
    uint64_t found;
    X509 *certificate = NULL;
    pthread_rwlock_rdlock(&known->lock);
    if (map_get(&known->by_octets, key_of(der), &found)) {
        const struct record *r = (const struct record *)(uintptr_t)found;
        if (span_equal(r->der, der)) {
            certificate = r->certificate;
            X509_up_ref(certificate);
        }
    }
    pthread_rwlock_unlock(&known->lock);
    atomic_fetch_add_explicit(certificate != NULL ? &known->recognised : &known->parsed, 1,
                              memory_order_relaxed);
    return certificate;
}

/* --- verifying ---------------------------------------------------------------------------------
 */

static int64_t unix_time(const ASN1_TIME *t)
{
    int64_t seconds;
    return interpose_unix_time(t, &seconds) ? seconds : 0;
}

static bool remembered(const struct record *r, uint64_t asker, int64_t now)
{
    for (size_t i = 0; i < VERDICTS_MOST; i++) {
        const struct verdict *v = &r->verdicts[i];
        if (atomic_load_explicit(&v->asker, memory_order_acquire) == asker) {
            return now >= v->from && now <= v->to;
        }
    }
    return false;
}

/* The chain was good now, so it is within the validity of all its certificates. */
static void remember(struct record *r, uint64_t asker, STACK_OF(X509) * chain)
{
    int64_t from = INT64_MIN;
    int64_t to = INT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *c = sk_X509_value(chain, i);
        int64_t not_before = unix_time(X509_get0_notBefore(c));
        int64_t not_after = unix_time(X509_get0_notAfter(c));
        from = not_before > from ? not_before : from;
        to = not_after < to ? not_after : to;
    }
    for (size_t i = 0; i < VERDICTS_MOST; i++) {
        struct verdict *v = &r->verdicts[i];
        uint64_t empty = 0;
        if (atomic_compare_exchange_strong(&v->asker, &empty, CLAIMED)) {
            v->from = from;
            v->to = to;
            atomic_store_explicit(&v->asker, asker, memory_order_release);
            return;
        }
    }
}

int known_verify(X509_STORE_CTX *store, void *arg)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    struct record *r = record_of(leaf);
    const uint64_t asker = *(const uint64_t *)arg;
    int64_t now = (int64_t)X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(store));
    bool alone = sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) <= 1;
    if (r != NULL && alone && remembered(r, asker, now)) {
        atomic_fetch_add_explicit(&r->known->remembered, 1, memory_order_relaxed);
        X509_STORE_CTX_set_current_cert(store, leaf);
        X509_STORE_CTX_set_error_depth(store, 0);
        X509_STORE_CTX_set_error(store, X509_V_OK);
        /* What is asked of the peer beyond its chain is asked each time. */
        X509_STORE_CTX_verify_cb callback = X509_STORE_CTX_get_verify_cb(store);
        return callback == NULL || callback(1, store);
    }
    int good = X509_verify_cert(store);
    if (r != NULL) {
        atomic_fetch_add_explicit(&r->known->verified, 1, memory_order_relaxed);
        if (good == 1 && alone && X509_STORE_CTX_get_error(store) == X509_V_OK) {
            remember(r, asker, X509_STORE_CTX_get0_chain(store));
        }
    }
    return good < 0 ? 0 : good;
}
