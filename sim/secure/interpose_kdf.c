/* The key schedule of TLS 1.3 (RFC 8446, 7.1) and the MAC of Finished, straight on OpenSSL's hash
 * functions. Around the four compressions of an HKDF-Expand, OpenSSL 3.0 fetches and frees a KDF, a
 * MAC and a digest, a dozen look-ups and allocations each; forty of them make a handshake.
 *
 * Answered here: EVP_KDF_fetch(), EVP_KDF_CTX_new(), EVP_KDF_derive() and EVP_Q_mac() of libssl,
 * inside a step, with SHA-256 or SHA-384. Everything else is libcrypto's. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init() and its like */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

#include "sim/secure/interpose.h"

enum {
    HASH_MOST = SHA384_DIGEST_LENGTH,
    BLOCK_MOST = SHA512_CBLOCK,
    INFO_MOST = 2 + 1 + 255 + 1 + 255
};

struct hash {
    bool wide; /* SHA-384, else SHA-256 */
    union {
        SHA256_CTX sha256;
        SHA512_CTX sha384;
    } state;
};

static size_t hash_len(bool wide)
{
    return wide ? SHA384_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
}

static void hash_init(struct hash *h, bool wide)
{
    h->wide = wide;
    CHECK((wide ? SHA384_Init(&h->state.sha384) : SHA256_Init(&h->state.sha256)) == 1);
}

static void hash_update(struct hash *h, const void *data, size_t len)
{
    if (len > 0) {
        CHECK((h->wide ? SHA384_Update(&h->state.sha384, data, len)
                       : SHA256_Update(&h->state.sha256, data, len)) == 1);
    }
}

static void hash_final(struct hash *h, uint8_t *out)
{
    CHECK((h->wide ? SHA384_Final(out, &h->state.sha384) : SHA256_Final(out, &h->state.sha256)) ==
          1);
}

/* What HMAC does with a key, of the last keys of the running step: each secret of the key schedule
 * is expanded two to four times. */
enum { KEYS = 8 };

struct keyed {
    bool used;
    bool wide;
    uint8_t key[HASH_MOST];
    size_t len;
    struct hash inner, outer;
};

static _Thread_local struct keyed keyed[KEYS];
static _Thread_local unsigned next_keyed;

void interpose_forget_keys(void)
{
    for (size_t i = 0; i < KEYS && keyed[i].used; i++) {
        OPENSSL_cleanse(&keyed[i], sizeof(keyed[i]));
    }
    next_keyed = 0;
}

static const struct keyed *find_keyed(bool wide, struct span key)
{
    for (size_t i = 0; i < KEYS && keyed[i].used; i++) {
        if (keyed[i].wide == wide && span_equal(span_of(keyed[i].key, keyed[i].len), key)) {
            return &keyed[i];
        }
    }
    return NULL;
}

static void keep_keyed(bool wide, struct span key, const struct hash *inner,
                       const struct hash *outer)
{
    struct keyed *k = &keyed[next_keyed++ % KEYS];
    *k = (struct keyed){
        .used = true, .wide = wide, .len = key.len, .inner = *inner, .outer = *outer};
    if (key.len > 0) {
        memcpy(k->key, key.data, key.len);
    }
}

static void fill_pad(uint8_t pad[BLOCK_MOST], uint8_t octet, struct span key)
{
    memset(pad, octet, BLOCK_MOST);
    for (size_t i = 0; i < key.len; i++) {
        pad[i] ^= key.data[i];
    }
}

/* Starts HMAC (RFC 2104): `inner` wants the data. The key is a block at most. */
static void hmac_init(struct hash *inner, struct hash *outer, bool wide, struct span key)
{
    const struct keyed *known = find_keyed(wide, key);
    if (known != NULL) {
        *inner = known->inner;
        *outer = known->outer;
        return;
    }
    size_t block = wide ? SHA512_CBLOCK : SHA256_CBLOCK;
    uint8_t pad[BLOCK_MOST];
    fill_pad(pad, 0x36, key);
    hash_init(inner, wide);
    hash_update(inner, pad, block);
    fill_pad(pad, 0x5c, key);
    hash_init(outer, wide);
    hash_update(outer, pad, block);
    OPENSSL_cleanse(pad, sizeof(pad));
    if (interpose_env() != NULL && key.len <= HASH_MOST) {
        keep_keyed(wide, key, inner, outer);
    }
}

static void hmac_final(struct hash *inner, struct hash *outer, uint8_t *out)
{
    hash_final(inner, out);
    hash_update(outer, out, hash_len(inner->wide));
    hash_final(outer, out);
}

static void hmac(bool wide, struct span key, struct span data, uint8_t *out)
{
    struct hash inner;
    struct hash outer;
    hmac_init(&inner, &outer, wide, key);
    hash_update(&inner, data.data, data.len);
    hmac_final(&inner, &outer, out);
}

/* HKDF-Expand (RFC 5869, 2.3). */
static void expand(bool wide, struct span secret, struct span info, uint8_t *out, size_t len)
{
    uint8_t block[HASH_MOST];
    size_t size = hash_len(wide);
    for (uint8_t i = 1; len > 0; i++) {
        struct hash inner;
        struct hash outer;
        hmac_init(&inner, &outer, wide, secret);
        hash_update(&inner, block, i == 1 ? 0 : size);
        hash_update(&inner, info.data, info.len);
        hash_update(&inner, &i, 1);
        hmac_final(&inner, &outer, block);
        size_t part = len < size ? len : size;
        memcpy(out, block, part);
        out += part;
        len -= part;
    }
    OPENSSL_cleanse(block, sizeof(block));
}

/* --- HKDF-Expand-Label and the extraction, as OpenSSL's "TLS13-KDF" has them
 * ------------------------------------------------------------------------------------------- */

struct schedule {
    int mode;
    bool wide;
    bool has_key, has_salt;
    struct span key, salt, prefix, label, data;
};

static void put_len(uint8_t info[INFO_MOST], size_t *at, size_t len)
{
    info[(*at)++] = (uint8_t)len;
}

static void put(uint8_t info[INFO_MOST], size_t *at, struct span bytes)
{
    if (bytes.len > 0) {
        memcpy(info + *at, bytes.data, bytes.len);
        *at += bytes.len;
    }
}

static void expand_label(const struct schedule *s, struct span secret, struct span data,
                         uint8_t *out, size_t len)
{
    uint8_t info[INFO_MOST];
    size_t at = 0;
    put_len(info, &at, len >> 8);
    put_len(info, &at, len);
    put_len(info, &at, s->prefix.len + s->label.len);
    put(info, &at, s->prefix);
    put(info, &at, s->label);
    put_len(info, &at, data.len);
    put(info, &at, data);
    expand(s->wide, secret, span_of(info, at), out, len);
}

/* What is the same in all handshakes: the hash of nothing, and, where no key was agreed on
 * beforehand, the early secret and what HMAC does with the salt made of it. */
static _Thread_local struct {
    bool has_nothing, has_early, has_salt;
    uint8_t nothing[HASH_MOST], early[HASH_MOST];
    struct hash inner, outer;
} constant[2]; /* [wide] */

/* The salt of the next extraction: the secret before, expanded with the hash of nothing. */
static void derive_salt(const struct schedule *s, uint8_t *salt)
{
    size_t size = hash_len(s->wide);
    if (!constant[s->wide].has_nothing) {
        struct hash h;
        hash_init(&h, s->wide);
        hash_final(&h, constant[s->wide].nothing);
        constant[s->wide].has_nothing = true;
    }
    expand_label(s, s->salt, span_of(constant[s->wide].nothing, size), salt, size);
}

static void start_extraction(const struct schedule *s, struct hash *inner, struct hash *outer)
{
    uint8_t salt[HASH_MOST];
    if (s->has_salt) {
        derive_salt(s, salt);
    }
    hmac_init(inner, outer, s->wide, span_of(salt, s->has_salt ? hash_len(s->wide) : 0));
    OPENSSL_cleanse(salt, sizeof(salt));
}

static void extract(const struct schedule *s, uint8_t *out)
{
    static const uint8_t zeros[HASH_MOST];
    size_t size = hash_len(s->wide);
    bool early = !s->has_salt && !s->has_key;
    bool after = s->has_salt && constant[s->wide].has_early &&
                 span_equal_str(s->label, "derived") && span_equal_str(s->prefix, "tls13 ") &&
                 span_equal(s->salt, span_of(constant[s->wide].early, size));
    struct hash inner;
    struct hash outer;
    if (early && constant[s->wide].has_early) {
        memcpy(out, constant[s->wide].early, size);
        return;
    }
    if (after && constant[s->wide].has_salt) {
        inner = constant[s->wide].inner;
        outer = constant[s->wide].outer;
    } else {
        start_extraction(s, &inner, &outer);
    }
    if (after && !constant[s->wide].has_salt) {
        constant[s->wide].has_salt = true;
        constant[s->wide].inner = inner;
        constant[s->wide].outer = outer;
    }
    hash_update(&inner, s->has_key ? s->key.data : zeros, s->has_key ? s->key.len : size);
    hmac_final(&inner, &outer, out);
    if (early) {
        constant[s->wide].has_early = true;
        memcpy(constant[s->wide].early, out, size);
    }
}

/* "SHA2-256" is what a fetched digest is called. */
static bool is_hash(const char *name, bool *wide)
{
    *wide = name != NULL && (strcmp(name, "SHA2-384") == 0 || strcmp(name, "SHA384") == 0);
    return *wide ||
           (name != NULL && (strcmp(name, "SHA2-256") == 0 || strcmp(name, "SHA256") == 0));
}

static bool octets(const OSSL_PARAM *p, struct span *ret)
{
    *ret = span_of(p->data, p->data_size);
    return p->data_type == OSSL_PARAM_OCTET_STRING;
}

/* Where the octets of a parameter with this name belong, or NULL. */
static struct span *place_of(const char *key, struct schedule *s)
{
    switch (key[0]) {
    case 'k':
        return strcmp(key, OSSL_KDF_PARAM_KEY) == 0 ? &s->key : NULL;
    case 's':
        return strcmp(key, OSSL_KDF_PARAM_SALT) == 0 ? &s->salt : NULL;
    case 'p':
        return strcmp(key, OSSL_KDF_PARAM_PREFIX) == 0 ? &s->prefix : NULL;
    case 'l':
        return strcmp(key, OSSL_KDF_PARAM_LABEL) == 0 ? &s->label : NULL;
    case 'd':
        return strcmp(key, OSSL_KDF_PARAM_DATA) == 0 ? &s->data : NULL;
    default:
        return NULL;
    }
}

/* False: something that is not known here. */
static bool read_params(const OSSL_PARAM *p, struct schedule *s)
{
    bool known = true;
    bool has_digest = false;
    s->mode = -1;
    for (; known && p->key != NULL; p++) {
        struct span *taken = place_of(p->key, s);
        if (taken != NULL) {
            known = octets(p, taken);
            s->has_key |= taken == &s->key;
            s->has_salt |= taken == &s->salt;
        } else if (strcmp(p->key, OSSL_KDF_PARAM_MODE) == 0) {
            known = OSSL_PARAM_get_int(p, &s->mode) == 1;
        } else {
            known = has_digest =
                strcmp(p->key, OSSL_KDF_PARAM_DIGEST) == 0 && is_hash(p->data, &s->wide);
        }
    }
    return known && has_digest;
}

static bool derive(const OSSL_PARAM *params, uint8_t *out, size_t len)
{
    struct schedule s = {0};
    if (params == NULL || !read_params(params, &s)) {
        return false;
    }
    size_t size = hash_len(s.wide);
    bool fits = s.prefix.len + s.label.len <= 255 && s.data.len <= 255 && len <= 255 * size;
    if (s.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && fits && s.has_key && s.key.len == size) {
        expand_label(&s, s.key, s.data, out, len);
        return true;
    }
    if (s.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && fits && len == size &&
        (!s.has_salt || s.salt.len == size)) {
        extract(&s, out);
        return true;
    }
    return false;
}

/* --- what libssl calls
 * ------------------------------------------------------------------------------------------- */

static struct {
    interpose_function fetch, new_ctx, free_ctx, derive, mac;
} libcrypto;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto.fetch = interpose_next("EVP_KDF_fetch");
    libcrypto.new_ctx = interpose_next("EVP_KDF_CTX_new");
    libcrypto.free_ctx = interpose_next("EVP_KDF_CTX_free");
    libcrypto.derive = interpose_next("EVP_KDF_derive");
    libcrypto.mac = interpose_next("EVP_Q_mac");
}

EVP_KDF *EVP_KDF_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
    const struct secure_env *env = interpose_env();
    if (env != NULL && libctx == env->libctx && env->tls13_kdf != NULL &&
        strcmp(algorithm, OSSL_KDF_NAME_TLS1_3_KDF) == 0) {
        EVP_KDF_up_ref(env->tls13_kdf);
        return env->tls13_kdf;
    }
    pthread_once(&once, find_all);
    return ((EVP_KDF * (*)(OSSL_LIB_CTX *, const char *, const char *))
                libcrypto.fetch)(libctx, algorithm, properties);
}

/* Whether it is the context that all derivations of TLS 1.3 share. libssl gives all parameters to
 * the derivation itself, so nothing is ever kept in it. */
static bool is_shared(const EVP_KDF_CTX *ctx)
{
    const struct secure_env *env = interpose_env();
    return env != NULL && ctx != NULL && ctx == env->tls13_kdf_ctx;
}

static EVP_KDF_CTX *new_ctx(EVP_KDF *kdf)
{
    pthread_once(&once, find_all);
    return ((EVP_KDF_CTX * (*)(EVP_KDF *)) libcrypto.new_ctx)(kdf);
}

EVP_KDF_CTX *EVP_KDF_CTX_new(EVP_KDF *kdf)
{
    const struct secure_env *env = interpose_env();
    return env != NULL && kdf == env->tls13_kdf ? env->tls13_kdf_ctx : new_ctx(kdf);
}

void EVP_KDF_CTX_free(EVP_KDF_CTX *ctx)
{
    if (!is_shared(ctx)) {
        pthread_once(&once, find_all);
        ((void (*)(EVP_KDF_CTX *))libcrypto.free_ctx)(ctx);
    }
}

static int derive_long(EVP_KDF_CTX *ctx, uint8_t *out, size_t len, const OSSL_PARAM params[])
{
    pthread_once(&once, find_all);
    return ((int (*)(EVP_KDF_CTX *, unsigned char *, size_t, const OSSL_PARAM *))libcrypto.derive)(
        ctx, out, len, params);
}

int EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
    if (!is_shared(ctx)) {
        return derive_long(ctx, out, len, params);
    }
    if (derive(params, out, len)) {
        return 1;
    }
    EVP_KDF_CTX *own = new_ctx(interpose_env()->tls13_kdf);
    int r = own != NULL && derive_long(own, out, len, params);
    EVP_KDF_CTX_free(own);
    return r;
}

/* Called for each Finished, sent or received. */
unsigned char *EVP_Q_mac(OSSL_LIB_CTX *libctx, const char *name, const char *properties,
                         const char *digest, const OSSL_PARAM *params, const void *key,
                         size_t key_len, const unsigned char *data, size_t len, unsigned char *out,
                         size_t out_size, size_t *out_len)
{
    bool wide;
    bool plain = params == NULL || params->key == NULL;
    if (interpose_env() != NULL && strcmp(name, OSSL_MAC_NAME_HMAC) == 0 && plain && out != NULL &&
        is_hash(digest, &wide) && key_len <= hash_len(wide) && out_size >= hash_len(wide)) {
        hmac(wide, span_of(key, key_len), span_of(data, len), out);
        if (out_len != NULL) {
            *out_len = hash_len(wide);
        }
        return out;
    }
    pthread_once(&once, find_all);
    return ((unsigned char *(*)(OSSL_LIB_CTX *, const char *, const char *, const char *,
                                const OSSL_PARAM *, const void *, size_t, const unsigned char *,
                                size_t, unsigned char *, size_t, size_t *))libcrypto.mac)(
        libctx, name, properties, digest, params, key, key_len, data, len, out, out_size, out_len);
}
