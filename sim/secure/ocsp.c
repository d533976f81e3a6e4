/* OCSP requests, and a responder's answers. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/map.h"
#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/ocsp_internal.h"
#include "sim/secure/stream.h"

const EVP_MD *ocsp_digest(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519")   ? NULL
           : EVP_PKEY_get_bits(key) == 384 ? EVP_sha384()
                                           : EVP_sha256();
}

/* --- requests --------------------------------------------------------------------------------- */

int secure_ocsp_request(struct secure_env *env, const struct secure_ca *issuer,
                        const struct secure_identity *of, struct span nonce, struct buf *ret)
{
    struct stream s;
    stream_init(&s, env->seed, "ocsp", "request", 0);
    stream_enter(&s, 0);
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), of->certificate, issuer->certificate);
    bool ok = request != NULL && id != NULL && OCSP_request_add0_id(request, id) != NULL;
    if (!ok) {
        OCSP_CERTID_free(id);
    }
    ok = ok && (nonce.len == 0 || OCSP_request_add1_nonce(request, (uint8_t *)(uintptr_t)nonce.data,
                                                          (int)nonce.len) == 1);
    uint8_t *octets = NULL;
    int len = ok ? i2d_OCSP_REQUEST(request, &octets) : -1;
    OCSP_REQUEST_free(request);
    ERR_clear_error();
    stream_leave();
    if (len < 0) {
        return -SIM_EIO;
    }
    buf_append(ret, span_of(octets, (size_t)len));
    OPENSSL_free(octets);
    return 0;
}

/* --- the responder ---------------------------------------------------------------------------- */

struct secure_responder {
    struct secure_env *env;
    const struct secure_ca *ca;
    const struct secure_identity *delegate;
    char *name;
    struct map by_serial; /* hash of a serial number -> index */
    struct issued {
        const struct secure_identity *identity;
        sim_time revoked_at;
    } * issued;
    size_t count, capacity;
};

static uint64_t serial_hash(const ASN1_INTEGER *serial)
{
    return span_hash(0, span_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)));
}

struct secure_responder *secure_responder_create(struct secure_env *env, const struct secure_ca *ca,
                                                 const char *name,
                                                 const struct secure_identity *delegate)
{
    struct secure_responder *r = mem_alloc(sizeof(*r));
    r->env = env;
    r->ca = ca;
    r->name = mem_strdup(name);
    r->delegate = delegate;
    return r;
}

void secure_responder_free(struct secure_responder *r)
{
    if (r != NULL) {
        map_fini(&r->by_serial);
        free(r->issued);
        free(r->name);
        free(r);
    }
}

void secure_responder_add(struct secure_responder *r, const struct secure_identity *identity,
                          sim_time revoked_at)
{
    map_set(&r->by_serial, serial_hash(X509_get0_serialNumber(identity->certificate)), r->count);
    *MEM_PUSH(r->issued, r->count, r->capacity) =
        (struct issued){.identity = identity, .revoked_at = revoked_at};
}

static const struct issued *find_issued(const struct secure_responder *r, OCSP_CERTID *id)
{
    ASN1_INTEGER *serial = NULL;
    ASN1_OBJECT *digest = NULL;
    OCSP_id_get0_info(NULL, &digest, NULL, &serial, id);
    uint64_t index;
    if (serial == NULL || !map_get(&r->by_serial, serial_hash(serial), &index)) {
        return NULL;
    }
    const struct issued *found = &r->issued[index];
    const EVP_MD *md = EVP_get_digestbyobj(digest);
    OCSP_CERTID *own =
        md != NULL ? OCSP_cert_to_id(md, found->identity->certificate, r->ca->certificate) : NULL;
    bool same = own != NULL && OCSP_id_cmp(own, id) == 0;
    OCSP_CERTID_free(own);
    return same ? found : NULL;
}

static ASN1_TIME *as_time(sim_time t)
{
    return ASN1_GENERALIZEDTIME_set(NULL, (time_t)identity_unix_time(t));
}

static bool add_status(const struct secure_responder *r, OCSP_BASICRESP *basic, OCSP_CERTID *id,
                       sim_time now, sim_time lifetime)
{
    const struct issued *i = find_issued(r, id);
    bool revoked = i != NULL && i->revoked_at <= now;
    int status = i == NULL ? V_OCSP_CERTSTATUS_UNKNOWN
                 : revoked ? V_OCSP_CERTSTATUS_REVOKED
                           : V_OCSP_CERTSTATUS_GOOD;
    ASN1_TIME *from = as_time(now);
    ASN1_TIME *to = as_time(now + lifetime);
    ASN1_TIME *since = revoked ? as_time(i->revoked_at) : NULL;
    bool ok = from != NULL && to != NULL && (!revoked || since != NULL) &&
              OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS, since, from,
                                     to) != NULL;
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    ASN1_TIME_free(since);
    return ok;
}

static bool sign(const struct secure_responder *r, OCSP_BASICRESP *basic)
{
    const struct secure_identity *d = r->delegate;
    EVP_PKEY *key = d != NULL ? d->key : r->ca->key;
    return OCSP_basic_sign(basic, d != NULL ? d->certificate : r->ca->certificate, key,
                           ocsp_digest(key), NULL, d != NULL ? 0 : OCSP_NOCERTS) == 1;
}

/* NULL: OpenSSL could not. Needs a current stream. */
static OCSP_RESPONSE *respond(const struct secure_responder *r, OCSP_REQUEST *request, sim_time now,
                              sim_time lifetime)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    bool ok = basic != NULL;
    for (int i = 0; ok && i < OCSP_request_onereq_count(request); i++) {
        OCSP_ONEREQ *one = OCSP_request_onereq_get0(request, i);
        ok = add_status(r, basic, OCSP_onereq_get0_id(one), now, lifetime);
    }
    ok = ok && OCSP_copy_nonce(basic, request) > 0 && sign(r, basic);
    OCSP_RESPONSE *response =
        ok ? OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic) : NULL;
    OCSP_BASICRESP_free(basic);
    return response;
}

int secure_responder_answer(struct secure_responder *r, struct span request, sim_time now,
                            sim_time lifetime, struct buf *ret, struct secure_ops *operations)
{
    const uint8_t *octets = request.data;
    struct stream s;
    /* By what is asked, and when: what others ask changes nothing. */
    stream_init(&s, r->env->seed, r->name, "ocsp", span_hash((uint64_t)now, request));
    stream_enter(&s, now);
    OCSP_REQUEST *asked =
        request.len > 0 ? d2i_OCSP_REQUEST(NULL, &octets, (long)request.len) : NULL;
    bool good = asked != NULL && octets == request.data + request.len &&
                OCSP_request_onereq_count(asked) > 0;
    OCSP_RESPONSE *response =
        good ? respond(r, asked, now, lifetime)
             : OCSP_response_create(OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, NULL);
    uint8_t *der = NULL;
    int len = response != NULL ? i2d_OCSP_RESPONSE(response, &der) : -1;
    OCSP_RESPONSE_free(response);
    OCSP_REQUEST_free(asked);
    ERR_clear_error();
    stream_leave();
    if (len < 0) {
        return -SIM_EIO;
    }
    operations->sign += good;
    operations->sign_kind = r->delegate != NULL ? r->delegate->kind : r->ca->kind;
    buf_append(ret, span_of(der, (size_t)len));
    OPENSSL_free(der);
    return 0;
}
