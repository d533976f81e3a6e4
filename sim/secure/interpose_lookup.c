/* Look-ups of algorithms by name, which OpenSSL 3.0 does a hundred times a handshake: for each
 * context of a key it goes through all names that the library knows to find those of the key's
 * kind, and what it hashes with is fetched by name each time.
 *
 * Answered here: EVP_KEYMGMT_names_do_all() and the fetches of digests, ECDSA and ECDH inside a
 * step, also where libcrypto itself calls them, from what was asked when the environment was made;
 * what is drawn in a step; and OSSL_PARAM_locate(), anywhere. Everything else is libcrypto's. */
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "sim/secure/interpose.h"
#include "sim/secure/stream.h"

static const char *const digests[ENV_DIGESTS] = {"SHA2-256", "SHA256", "SHA2-384", "SHA384",
                                                 "SHA2-512", "SHA512", "SHA1"};
static const char *const key_kinds[ENV_KEY_KINDS] = {"EC", "X25519", "RSA", "ED25519"};

static void keep_name(const char *name, void *arg)
{
    struct env_key_kind *kind = arg;
    if (kind->name_count < ENV_NAMES) {
        kind->names[kind->name_count] = name; /* the library context's */
    }
    kind->name_count++;
}

bool interpose_look_up(struct secure_env *env)
{
    bool ok = true;
    for (size_t i = 0; ok && i < ENV_DIGESTS; i++) {
        env->digests[i] = EVP_MD_fetch(env->libctx, digests[i], NULL);
        ok = env->digests[i] != NULL;
    }
    for (size_t i = 0; ok && i < ENV_KEY_KINDS; i++) {
        struct env_key_kind *kind = &env->key_kinds[i];
        kind->keymgmt = EVP_KEYMGMT_fetch(env->libctx, key_kinds[i], NULL);
        ok = kind->keymgmt != NULL && EVP_KEYMGMT_names_do_all(kind->keymgmt, keep_name, kind) == 1;
    }
    env->ecdsa = ok ? EVP_SIGNATURE_fetch(env->libctx, "ECDSA", NULL) : NULL;
    env->ecdh = ok ? EVP_KEYEXCH_fetch(env->libctx, "ECDH", NULL) : NULL;
    return env->ecdsa != NULL && env->ecdh != NULL;
}

void interpose_forget_look_ups(struct secure_env *env)
{
    for (size_t i = 0; i < ENV_DIGESTS; i++) {
        EVP_MD_free(env->digests[i]);
    }
    for (size_t i = 0; i < ENV_KEY_KINDS; i++) {
        EVP_KEYMGMT_free(env->key_kinds[i].keymgmt);
    }
    EVP_SIGNATURE_free(env->ecdsa);
    EVP_KEYEXCH_free(env->ecdh);
}

/* --- what libssl and libcrypto call
 * ------------------------------------------------------------------------------------------- */

static struct {
    interpose_function fetch, fetch_signature, fetch_exchange, fetch_keymgmt, names, find_method,
        random, private_random;
} libcrypto;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto.fetch = interpose_next("EVP_MD_fetch");
    libcrypto.fetch_signature = interpose_next("EVP_SIGNATURE_fetch");
    libcrypto.fetch_exchange = interpose_next("EVP_KEYEXCH_fetch");
    libcrypto.fetch_keymgmt = interpose_next("EVP_KEYMGMT_fetch");
    libcrypto.names = interpose_next("EVP_KEYMGMT_names_do_all");
    libcrypto.find_method = interpose_next("EVP_PKEY_asn1_find_str");
    libcrypto.random = interpose_next("RAND_bytes_ex");
    libcrypto.private_random = interpose_next("RAND_priv_bytes_ex");
}

/* Whether something is asked for that was looked up for `env`, if it is among that. */
static bool is_asked(const struct secure_env *env, const OSSL_LIB_CTX *libctx,
                     const char *algorithm, const char *properties)
{
    return env != NULL && libctx == env->libctx && algorithm != NULL &&
           (properties == NULL || properties[0] == '\0');
}

static bool has_name(const struct env_key_kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->name_count && i < ENV_NAMES; i++) {
        if (strcmp(kind->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool interpose_is_fetched(const EVP_MD *digest)
{
    const struct secure_env *env = interpose_env();
    for (size_t i = 0; env != NULL && i < ENV_DIGESTS; i++) {
        if (env->digests[i] == digest) {
            return true;
        }
    }
    return false;
}

EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
    const struct secure_env *env = interpose_env();
    bool ours = is_asked(env, libctx, algorithm, properties);
    for (size_t i = 0; ours && i < ENV_DIGESTS; i++) {
        if (strcmp(digests[i], algorithm) == 0 && EVP_MD_up_ref(env->digests[i]) == 1) {
            return env->digests[i];
        }
    }
    pthread_once(&once, find_all);
    return ((EVP_MD * (*)(OSSL_LIB_CTX *, const char *, const char *))
                libcrypto.fetch)(libctx, algorithm, properties);
}

/* Called for each signature that is made or verified. */
EVP_SIGNATURE *EVP_SIGNATURE_fetch(OSSL_LIB_CTX *libctx, const char *algorithm,
                                   const char *properties)
{
    const struct secure_env *env = interpose_env();
    if (is_asked(env, libctx, algorithm, properties) && strcmp(algorithm, "ECDSA") == 0 &&
        EVP_SIGNATURE_up_ref(env->ecdsa) == 1) {
        return env->ecdsa;
    }
    pthread_once(&once, find_all);
    return ((EVP_SIGNATURE * (*)(OSSL_LIB_CTX *, const char *, const char *))
                libcrypto.fetch_signature)(libctx, algorithm, properties);
}

/* Called for each key agreement. */
EVP_KEYEXCH *EVP_KEYEXCH_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
    const struct secure_env *env = interpose_env();
    if (is_asked(env, libctx, algorithm, properties) && strcmp(algorithm, "ECDH") == 0 &&
        EVP_KEYEXCH_up_ref(env->ecdh) == 1) {
        return env->ecdh;
    }
    pthread_once(&once, find_all);
    return ((EVP_KEYEXCH * (*)(OSSL_LIB_CTX *, const char *, const char *))
                libcrypto.fetch_exchange)(libctx, algorithm, properties);
}

/* Called for keys that are named rather than given. */
EVP_KEYMGMT *EVP_KEYMGMT_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
    const struct secure_env *env = interpose_env();
    bool ours = is_asked(env, libctx, algorithm, properties);
    for (size_t i = 0; ours && i < ENV_KEY_KINDS; i++) {
        if (has_name(&env->key_kinds[i], algorithm) &&
            EVP_KEYMGMT_up_ref(env->key_kinds[i].keymgmt) == 1) {
            return env->key_kinds[i].keymgmt;
        }
    }
    pthread_once(&once, find_all);
    return ((EVP_KEYMGMT * (*)(OSSL_LIB_CTX *, const char *, const char *))
                libcrypto.fetch_keymgmt)(libctx, algorithm, properties);
}

int EVP_KEYMGMT_names_do_all(const EVP_KEYMGMT *keymgmt, void (*fn)(const char *name, void *data),
                             void *data)
{
    const struct secure_env *env = interpose_env();
    for (size_t i = 0; env != NULL && i < ENV_KEY_KINDS; i++) {
        const struct env_key_kind *kind = &env->key_kinds[i];
        if (kind->keymgmt == keymgmt && kind->name_count <= ENV_NAMES) {
            for (size_t k = 0; k < kind->name_count; k++) {
                fn(kind->names[k], data);
            }
            return 1;
        }
    }
    pthread_once(&once, find_all);
    return ((int (*)(const EVP_KEYMGMT *, void (*)(const char *, void *), void *))libcrypto.names)(
        keymgmt, fn, data);
}

enum { METHODS = 16, METHOD_NAME_BYTES = 24 };

/* What libcrypto found by a name, or did not; methods live as long as the process. */
struct method {
    int len; /* 0: free */
    char name[METHOD_NAME_BYTES];
    const EVP_PKEY_ASN1_METHOD *found;
};

/* The slot of a name, or where it would be kept; NULL: it is long, or none is free. */
static struct method *method_of(struct method methods[METHODS], const char *name, int len)
{
    size_t i = 0;
    while (i < METHODS && methods[i].len != 0 &&
           (methods[i].len != len || memcmp(methods[i].name, name, (size_t)len) != 0)) {
        i++;
    }
    return i < METHODS && len > 0 && len < METHOD_NAME_BYTES ? &methods[i] : NULL;
}

/* Called for each name of each key's kind; libcrypto compares with those of all methods, and asks
 * engines, of which a run has none. */
const EVP_PKEY_ASN1_METHOD *EVP_PKEY_asn1_find_str(ENGINE **engine, const char *name, int len)
{
    static _Thread_local struct method methods[METHODS];
    struct method *m =
        interpose_env() != NULL && name != NULL ? method_of(methods, name, len) : NULL;
    if (m != NULL && m->len != 0) {
        if (engine != NULL) {
            *engine = NULL;
        }
        return m->found;
    }
    pthread_once(&once, find_all);
    const EVP_PKEY_ASN1_METHOD *found =
        ((const EVP_PKEY_ASN1_METHOD *(*)(ENGINE **, const char *, int))libcrypto.find_method)(
            engine, name, len);
    if (m != NULL && (engine == NULL || *engine == NULL)) {
        memcpy(m->name, name, (size_t)len);
        m->len = len;
        m->found = found;
    }
    return found;
}

/* What both generators of the private context would give: libcrypto finds the thread's through a
 * lock that all threads share. */
static bool draw(const OSSL_LIB_CTX *libctx, uint8_t *out, size_t len)
{
    const struct secure_env *env = interpose_env();
    struct stream *s = env != NULL && libctx == env->libctx && env->mode == SECURE_RNG_SEEDED
                           ? stream_current()
                           : NULL;
    if (s != NULL) {
        stream_read(s, out, len);
    }
    return s != NULL;
}

int RAND_bytes_ex(OSSL_LIB_CTX *libctx, unsigned char *out, size_t len, unsigned int strength)
{
    if (draw(libctx, out, len)) {
        return 1;
    }
    pthread_once(&once, find_all);
    return ((int (*)(OSSL_LIB_CTX *, unsigned char *, size_t, unsigned int))libcrypto.random)(
        libctx, out, len, strength);
}

int RAND_priv_bytes_ex(OSSL_LIB_CTX *libctx, unsigned char *out, size_t len, unsigned int strength)
{
    if (draw(libctx, out, len)) {
        return 1;
    }
    pthread_once(&once, find_all);
    return ((int (*)(OSSL_LIB_CTX *, unsigned char *, size_t,
                     unsigned int))libcrypto.private_random)(libctx, out, len, strength);
}

/* Called 1,300 times for a certificate and a handshake: a provider asks for each parameter that it
 * knows. Most differ at once. */
OSSL_PARAM *OSSL_PARAM_locate(OSSL_PARAM *p, const char *key)
{
    for (; p != NULL && key != NULL && p->key != NULL; p++) {
        if (p->key[0] == key[0] && strcmp(p->key, key) == 0) {
            return p;
        }
    }
    return NULL;
}

const OSSL_PARAM *OSSL_PARAM_locate_const(const OSSL_PARAM *p, const char *key)
{
    return OSSL_PARAM_locate((OSSL_PARAM *)(uintptr_t)p, key);
}
