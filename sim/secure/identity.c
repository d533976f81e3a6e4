/* Keys, the scenario's CA and the certificates it issues. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"
#include "sim/secure/known.h"
#include "sim/secure/stream.h"

enum { SERIAL_BYTES = 16, COMMON_NAME_MOST = 64 /* ub-common-name, RFC 5280 */ };
/* All of it lies in the past for a verifier outside the simulator. */
static const int64_t ca_years = 10;

const char *secure_key_kind_name(enum secure_key_kind kind)
{
    static const char *const names[] = {[SECURE_KEY_P256] = "ecdsa-p256",
                                        [SECURE_KEY_P384] = "ecdsa-p384",
                                        [SECURE_KEY_ED25519] = "ed25519",
                                        [SECURE_KEY_RSA2048] = "rsa-2048",
                                        [SECURE_KEY_RSA3072] = "rsa-3072"};
    return names[kind];
}

int64_t identity_unix_time(sim_time t)
{
    int64_t seconds = t / SIM_S - (t % SIM_S < 0);
    return SIM_EPOCH_UNIX_S + seconds;
}

/* --- keys
 * -----------------------------------------------------------------------------------------------
 */

static EVP_PKEY *generate(struct secure_env *env, enum secure_key_kind kind)
{
    switch (kind) {
    case SECURE_KEY_P256:
        return env_generate(env, env->curves[ENV_P256]);
    case SECURE_KEY_P384:
        return env_generate(env, env->curves[ENV_P384]);
    case SECURE_KEY_ED25519:
        return EVP_PKEY_Q_keygen(env->libctx, NULL, "ED25519");
    case SECURE_KEY_RSA2048:
        return EVP_PKEY_Q_keygen(env->libctx, NULL, "RSA", (size_t)2048);
    case SECURE_KEY_RSA3072:
        return EVP_PKEY_Q_keygen(env->libctx, NULL, "RSA", (size_t)3072);
    }
    return NULL;
}

/* RSA keys take long to make: a few a size and run, shared by name. */
static EVP_PKEY *rsa_from_pool(struct secure_env *env, const char *name, enum secure_key_kind kind)
{
    size_t size = kind == SECURE_KEY_RSA2048 ? 0 : 1;
    size_t slot = span_hash(0, span_of_str(name)) % RSA_POOL_KEYS;
    pthread_mutex_lock(&env->pool_lock);
    EVP_PKEY **key = &env->rsa_pool[size][slot];
    if (*key == NULL) {
        struct stream s;
        stream_init(&s, env->seed, "rsa-pool", secure_key_kind_name(kind), slot);
        stream_enter(&s, 0);
        *key = generate(env, kind);
        stream_leave();
    }
    if (*key != NULL) {
        EVP_PKEY_up_ref(*key);
    }
    pthread_mutex_unlock(&env->pool_lock);
    return *key;
}

static EVP_PKEY *make_key(struct secure_env *env, const char *name, enum secure_key_kind kind)
{
    if (kind == SECURE_KEY_RSA2048 || kind == SECURE_KEY_RSA3072) {
        return rsa_from_pool(env, name, kind);
    }
    struct stream s;
    stream_init(&s, env->seed, name, "key", kind);
    stream_enter(&s, 0);
    interpose_enter(env);
    EVP_PKEY *key = generate(env, kind);
    interpose_leave();
    stream_leave();
    return key;
}

/* --- certificates
 * --------------------------------------------------------------------------------------- */

enum { PREPARED_MOST = 4 };

struct certificate_params {
    const char *name;
    const char *urn; /* URI subject alternative name, or NULL */
    EVP_PKEY *key;
    EVP_PKEY *issuer_key;
    X509 *issuer;                                          /* NULL: self-signed */
    int64_t not_before, not_after;                         /* Unix seconds */
    const struct env_extension *extensions[PREPARED_MOST]; /* until NULL */
    const char *const (*more)[2];                          /* written out, after those */
    size_t more_count;
    const struct env_extension *key_id; /* or NULL */
};

/* "cpnsim simulated NAME" contains blanks, so that no verifier takes it for a host name. Cut where
 * X.509 wants it cut, but never within a UTF-8 character. */
static bool set_name(X509_NAME *name, const char *text)
{
    char cn[COMMON_NAME_MOST + 1];
    int len = snprintf(cn, sizeof(cn), "cpnsim simulated %s", text);
    if (len > COMMON_NAME_MOST) {
        for (len = COMMON_NAME_MOST; len > 0 && ((uint8_t)cn[len - 1] & 0x80) != 0; len--) {
        }
    }
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                      (const unsigned char *)"cpnsim simulated", -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, len, -1,
                                      0) == 1;
}

static bool set_serial(const struct secure_env *env, X509 *certificate)
{
    uint8_t bytes[SERIAL_BYTES];
    if (!env_draw(env, bytes, sizeof(bytes))) {
        return false;
    }
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, of full length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return ok;
}

/* NULL, or the extension as OpenSSL's configuration language has it. */
static X509_EXTENSION *write_extension(X509 *certificate, X509 *issuer, const char *name,
                                       const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    return X509V3_EXT_conf(NULL, &ctx, name, value);
}

static bool write_extensions(X509 *certificate, X509 *issuer, const char *const (*list)[2],
                             size_t count)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        X509_EXTENSION *e = write_extension(certificate, issuer, list[i][0], list[i][1]);
        ok = e != NULL && X509_add_ext(certificate, e, -1) == 1;
        X509_EXTENSION_free(e);
    }
    return ok;
}

/* To write, copy and add an extension takes OpenSSL four times as long as to encode it. */
static bool prepare_extension(struct env_extension *ret, X509 *issuer, const char *name,
                              const char *value)
{
    X509_EXTENSION *e = write_extension(NULL, issuer, name, value);
    if (e != NULL) {
        ret->number = OBJ_obj2nid(X509_EXTENSION_get_object(e));
        ret->critical = X509_EXTENSION_get_critical(e) != 0;
        ret->value = X509V3_EXT_d2i(e);
    }
    X509_EXTENSION_free(e);
    return ret->value != NULL;
}

static void drop_extension(struct env_extension *e)
{
    const X509V3_EXT_METHOD *method = e->value != NULL ? X509V3_EXT_get_nid(e->number) : NULL;
    if (method != NULL) {
        ASN1_item_free(e->value, ASN1_ITEM_ptr(method->it));
    }
    e->value = NULL;
}

static bool add_prepared(X509 *certificate, const struct env_extension *e)
{
    return X509_add1_ext_i2d(certificate, e->number, e->value, e->critical, X509V3_ADD_APPEND) == 1;
}

bool identity_make_extensions(struct secure_env *env)
{
    static const char *const texts[ENV_EXTENSIONS][2] = {
        [ENV_NO_CA] = {"basicConstraints", "critical,CA:FALSE"},
        [ENV_SIGNS] = {"keyUsage", "critical,digitalSignature"},
        /* suites without key agreement, which old policies ask for */
        [ENV_SIGNS_AND_ENCIPHERS] = {"keyUsage", "critical,digitalSignature,keyEncipherment"},
        [ENV_TLS] = {"extendedKeyUsage", "clientAuth,serverAuth"},
        [ENV_OCSP] = {"extendedKeyUsage", "OCSPSigning"},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < ENV_EXTENSIONS; i++) {
        ok = prepare_extension(&env->extensions[i], NULL, texts[i][0], texts[i][1]);
    }
    return ok;
}

void identity_free_extensions(struct secure_env *env)
{
    for (size_t i = 0; i < ENV_EXTENSIONS; i++) {
        drop_extension(&env->extensions[i]);
    }
}

/* Built rather than parsed: a URN may hold what OpenSSL's configuration language separates by. */
static bool add_urn(X509 *certificate, const char *urn)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
    bool ok = names != NULL && name != NULL && uri != NULL && ASN1_STRING_set(uri, urn, -1) == 1;
    if (ok) {
        GENERAL_NAME_set0_value(name, GEN_URI, uri);
        uri = NULL;
        ok = sk_GENERAL_NAME_push(names, name) > 0;
    }
    if (ok) {
        name = NULL;
        ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
    }
    ASN1_IA5STRING_free(uri);
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    return ok;
}

static const EVP_MD *digest_for(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "ED25519")) {
        return NULL;
    }
    return EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

/* The public half of the key goes into the certificate alone. */
static bool set_public_key(const struct secure_env *env, X509 *certificate, EVP_PKEY *key)
{
    if (!EVP_PKEY_is_a(key, "EC")) {
        return X509_set_pubkey(certificate, key) == 1;
    }
    int curve = EVP_PKEY_get_bits(key) == 384 ? ENV_P384 : ENV_P256;
    unsigned char *point = NULL;
    EVP_PKEY *public_key = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);
    bool ok = len > 0 && env_set_curve(env, curve, span_of(point, len), &public_key) &&
              interpose_set_public_key(certificate, public_key, curve, span_of(point, len));
    OPENSSL_free(point);
    EVP_PKEY_free(public_key);
    return ok;
}

/* Needs a current stream. Appends the certificate's octets. */
static X509 *make_certificate(const struct secure_env *env, const struct certificate_params *p,
                              struct buf *der)
{
    X509 *c = X509_new_ex(env->libctx, NULL);
    bool ok =
        c != NULL && X509_set_version(c, X509_VERSION_3) == 1 && set_serial(env, c) &&
        set_name(X509_get_subject_name(c), p->name) &&
        ASN1_TIME_set(X509_getm_notBefore(c), p->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(c), p->not_after) != NULL &&
        set_public_key(env, c, p->key) &&
        X509_set_issuer_name(c, X509_get_subject_name(p->issuer != NULL ? p->issuer : c)) == 1;
    for (size_t i = 0; ok && i < PREPARED_MOST && p->extensions[i] != NULL; i++) {
        ok = add_prepared(c, p->extensions[i]);
    }
    ok = ok && write_extensions(c, p->issuer != NULL ? p->issuer : c, p->more, p->more_count) &&
         (p->urn == NULL || add_urn(c, p->urn)) &&
         (p->key_id == NULL || add_prepared(c, p->key_id));
    if (!ok || !interpose_sign(c, p->issuer_key, digest_for(p->issuer_key), der)) {
        X509_free(c);
        return NULL;
    }
    return c;
}

int secure_ca_create(struct secure_env *env, const char *name, enum secure_key_kind kind,
                     struct secure_ca **ret, struct diag_list *diags)
{
    static const char *const extensions[][2] = {
        {"basicConstraints", "critical,CA:TRUE,pathlen:0"},
        {"keyUsage", "critical,keyCertSign,cRLSign"},
        {"subjectKeyIdentifier", "hash"},
        {"nameConstraints", "critical,permitted;DNS:cpns-sim.invalid"},
    };
    const int64_t validity = ca_years * 365 * 86400;
    char *subject = mem_printf("CA %s", name);
    struct secure_ca *ca = mem_alloc(sizeof(*ca));
    ca->kind = kind;
    ca->key = make_key(env, subject, kind);
    struct stream s;
    stream_init(&s, env->seed, subject, "certificate", 0);
    stream_enter(&s, 0);
    interpose_enter(env);
    if (ca->key != NULL) {
        ca->certificate =
            make_certificate(env,
                             &(struct certificate_params){.name = subject,
                                                          .key = ca->key,
                                                          .issuer_key = ca->key,
                                                          .not_before = SIM_EPOCH_UNIX_S - validity,
                                                          .not_after = SIM_EPOCH_UNIX_S + validity,
                                                          .more = extensions,
                                                          .more_count = SIM_ARRAY_LEN(extensions)},
                             &ca->der);
    }
    interpose_leave();
    stream_leave();
    free(subject);
    if (ca->certificate == NULL ||
        !prepare_extension(&ca->key_id, ca->certificate, "authorityKeyIdentifier", "keyid")) {
        secure_ca_free(ca);
        return env_fail(diags, "cannot make the certification authority");
    }
    ca->base = fixed_base_create(ca->key);
    X509_check_purpose(ca->certificate, -1, 0); /* cached before threads share it, as in known.c */
    *ret = ca;
    return 0;
}

void secure_ca_free(struct secure_ca *ca)
{
    if (ca != NULL) {
        EVP_PKEY_free(ca->key);
        X509_free(ca->certificate);
        drop_extension(&ca->key_id);
        fixed_base_unref(ca->base);
        buf_fini(&ca->der);
        free(ca);
    }
}

struct span secure_ca_certificate(const struct secure_ca *ca)
{
    return buf_span(&ca->der);
}

/* Certificates of one name that differ get serial numbers of their own. */
static uint64_t certificate_ordinal(const struct secure_identity_params *p)
{
    uint64_t h = span_hash(0, span_of_str(p->urn));
    h = span_hash(h, span_of(&p->not_before, sizeof(p->not_before)));
    h = span_hash(h, span_of(&p->not_after, sizeof(p->not_after)));
    return h * 2 + p->self_signed;
}

int secure_identity_issue(struct secure_env *env, const struct secure_ca *issuer,
                          const struct secure_identity_params *params, struct secure_identity **ret,
                          struct diag_list *diags)
{
    bool rsa = params->kind == SECURE_KEY_RSA2048 || params->kind == SECURE_KEY_RSA3072;
    int usage = rsa ? ENV_SIGNS_AND_ENCIPHERS : ENV_SIGNS;
    int purpose = params->ocsp_signing ? ENV_OCSP : ENV_TLS;
    /* of a responder's, RFC 6960 4.2.2.2.1 */
    static const char *const no_check[][2] = {{"noCheck", "ignored"}};
    struct secure_identity *id = mem_alloc(sizeof(*id));
    id->kind = params->kind;
    id->key = make_key(env, params->name, params->kind);
    struct buf der = {0};
    struct stream s;
    stream_init(&s, env->seed, params->name, "certificate", certificate_ordinal(params));
    stream_enter(&s, 0);
    interpose_enter(env);
    if (id->key != NULL) {
        id->certificate =
            make_certificate(env,
                             &(struct certificate_params){
                                 .name = params->name,
                                 .urn = params->urn,
                                 .key = id->key,
                                 .issuer_key = params->self_signed ? id->key : issuer->key,
                                 .issuer = params->self_signed ? NULL : issuer->certificate,
                                 .not_before = identity_unix_time(params->not_before),
                                 .not_after = identity_unix_time(params->not_after),
                                 .extensions = {&env->extensions[ENV_NO_CA],
                                                &env->extensions[usage], &env->extensions[purpose]},
                                 .more = no_check,
                                 .more_count = params->ocsp_signing ? 1 : 0,
                                 .key_id = params->self_signed ? NULL : &issuer->key_id},
                             &der);
    }
    if (id->certificate != NULL) {
        id->known = env->known;
        struct fixed_base *base = params->self_signed ? NULL : issuer->base;
        fixed_base_expect(base, 1);
        known_add(id->known, id->certificate, id->key, buf_span(&der), base);
    }
    interpose_leave();
    stream_leave();
    buf_fini(&der);
    if (id->certificate == NULL) {
        secure_identity_free(id);
        return env_fail(diags, "cannot issue a certificate");
    }
    *ret = id;
    return 0;
}

void secure_identity_free(struct secure_identity *identity)
{
    if (identity != NULL) {
        if (identity->known != NULL) {
            known_remove(identity->known, identity->certificate);
        }
        EVP_PKEY_free(identity->key);
        X509_free(identity->certificate);
        buf_fini(&identity->staple);
        free(identity);
    }
}

struct span secure_identity_certificate(const struct secure_identity *identity)
{
    return known_octets(identity->certificate);
}

bool identity_find_urn(const X509 *certificate, const char *wanted, char *out, size_t out_size)
{
    const char *urn = known_urn(certificate);
    if (urn != NULL && (wanted == NULL || strcmp(urn, wanted) == 0)) {
        if (out != NULL) {
            snprintf(out, out_size, "%s", urn);
        }
        return true;
    }
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI) {
            continue;
        }
        struct span uri = span_of(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
                                  (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier));
        found = wanted == NULL || span_equal_str(uri, wanted);
        if (found && out != NULL) {
            snprintf(out, out_size, "%.*s", (int)uri.len, (const char *)uri.data);
        }
    }
    GENERAL_NAMES_free(names);
    return found;
}

int secure_identity_private_key(const struct secure_identity *identity, struct buf *pem)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool good = out != NULL &&
                PEM_write_bio_PKCS8PrivateKey(out, identity->key, NULL, NULL, 0, NULL, NULL) == 1;
    long len = good ? BIO_get_mem_data(out, &text) : 0;
    if (len > 0) {
        buf_append(pem, span_of(text, (size_t)len));
    }
    BIO_free(out);
    return len > 0 ? 0 : -SIM_EIO;
}
