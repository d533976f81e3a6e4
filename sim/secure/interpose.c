/* Calls of libssl about certificates and keys that are answered here. The executable's definitions
 * come first in symbol look-up, as time() does in clock.c. Outside a step of a session they do what
 * libcrypto's do; what a step sees differs in processor time only. */
#include "sim/secure/interpose.h"

#include <dlfcn.h>
#include <openssl/asn1t.h>
#include <openssl/buffer.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "sim/secure/known.h"
#include "sim/secure/stream.h"

static _Thread_local const struct secure_env *current;
static _Thread_local bool whole_buffers;

void interpose_enter(const struct secure_env *env)
{
    current = env;
    whole_buffers = false;
    interpose_forget_curve();
}

void interpose_whole_buffers(void)
{
    whole_buffers = true;
}

void interpose_leave(void)
{
    current = NULL;
    interpose_forget_keys();
}

const struct secure_env *interpose_env(void)
{
    return current;
}

interpose_function interpose_next(const char *name)
{
    void *address = dlsym(RTLD_NEXT, name);
    interpose_function f;
    CHECK(address != NULL);
    memcpy(&f, &address, sizeof(f)); /* ISO C has no cast for this */
    return f;
}

static struct {
    interpose_function is_a, supports_digest, md_is_a, iv_length, grow, buffer, init;
} libcrypto;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto.is_a = interpose_next("EVP_PKEY_is_a");
    libcrypto.supports_digest = interpose_next("EVP_PKEY_digestsign_supports_digest");
    libcrypto.md_is_a = interpose_next("EVP_MD_is_a");
    libcrypto.iv_length = interpose_next("EVP_CIPHER_CTX_get_iv_length");
    libcrypto.grow = interpose_next("BUF_MEM_grow");
    libcrypto.buffer = interpose_next("BIO_f_buffer");
    libcrypto.init = interpose_next("OPENSSL_init_crypto");
}

/* --- certificates
 * ------------------------------------------------------------------------------------------- */

/* Called for each certificate that a peer sends. */
X509 *d2i_X509(X509 **a, const unsigned char **in, long len)
{
    X509 *certificate = current != NULL && len > 0
                            ? known_recognise(current->known, span_of(*in, (size_t)len))
                            : NULL;
    if (certificate == NULL) {
        return (X509 *)ASN1_item_d2i((ASN1_VALUE **)a, in, len, ASN1_ITEM_rptr(X509));
    }
    *in += len;
    if (a != NULL) {
        X509_free(*a);
        *a = certificate;
    }
    return certificate;
}

/* Called twice for each certificate that is sent. OpenSSL would encode it anew each time, because
 * it was built here and not parsed. */
int i2d_X509(const X509 *a, unsigned char **out)
{
    struct span der = current != NULL && a != NULL ? known_octets(a) : span_of(NULL, 0);
    if (der.len == 0) {
        return ASN1_item_i2d((const ASN1_VALUE *)a, out, ASN1_ITEM_rptr(X509));
    }
    if (out != NULL) {
        if (*out == NULL) {
            *out = OPENSSL_memdup(der.data, der.len);
            return *out != NULL ? (int)der.len : -1;
        }
        memcpy(*out, der.data, der.len);
        *out += der.len;
    }
    return (int)der.len;
}

/* Called twice when a session is given its certificate and key. */
int X509_check_private_key(const X509 *certificate, const EVP_PKEY *key)
{
    if (current != NULL && known_has_key(certificate, key)) {
        return 1;
    }
    const EVP_PKEY *public_key = X509_get0_pubkey(certificate);
    return public_key != NULL && EVP_PKEY_eq(public_key, key) == 1;
}

/* --- what kind of key, digest or cipher is it
 * ------------------------------------------------------------------------------------------- */

enum { ANSWERS = 64, TYPE_BYTES = 16, NAME_BYTES = 24 };

/* Answers that libcrypto gave about a kind of key, or a digest, and a name. */
struct answer {
    char type[TYPE_BYTES];
    char name[NAME_BYTES];
    int answer;
};

/* The slot for a question, or NULL when it does not fit one; filled or not. */
static struct answer *slot_of(struct answer slots[ANSWERS], const char *type, const char *name)
{
    size_t type_len = type != NULL ? strlen(type) : 0;
    size_t name_len = strlen(name);
    if (type_len == 0 || type_len >= TYPE_BYTES || name_len == 0 || name_len >= NAME_BYTES) {
        return NULL;
    }
    size_t at = (size_t)(uint8_t)type[0] * 5 + (size_t)(uint8_t)name[0] * 3 +
                (size_t)(uint8_t)name[1] * 7 + (size_t)(uint8_t)name[name_len - 1] * 11 + name_len;
    return &slots[at % ANSWERS];
}

static bool answers(const struct answer *slot, const char *type, const char *name)
{
    return slot != NULL && strcmp(slot->name, name) == 0 && strcmp(slot->type, type) == 0;
}

static void keep(struct answer *slot, const char *type, const char *name, int answer)
{
    if (slot != NULL) {
        memcpy(slot->type, type, strlen(type) + 1);
        memcpy(slot->name, name, strlen(name) + 1);
        slot->answer = answer;
    }
}

/* Called some fifty times a handshake; each time libcrypto looks all names of the kind up. */
int EVP_PKEY_is_a(const EVP_PKEY *key, const char *name)
{
    static _Thread_local struct answer slots[ANSWERS];
    pthread_once(&once, find_all);
    const char *type = current != NULL && key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    struct answer *slot = slot_of(slots, type, name);
    if (!answers(slot, type, name)) {
        int r = ((int (*)(const EVP_PKEY *, const char *))libcrypto.is_a)(key, name);
        keep(slot, type, name, r);
        return r;
    }
    return slot->answer;
}

/* Called for each signature with some names of digests, to find the identifier of its own. */
int EVP_MD_is_a(const EVP_MD *digest, const char *name)
{
    static _Thread_local struct answer slots[ANSWERS];
    pthread_once(&once, find_all);
    bool ours = current != NULL && digest != NULL && interpose_is_fetched(digest);
    const char *type = ours ? EVP_MD_get0_name(digest) : NULL;
    struct answer *slot = slot_of(slots, type, name);
    if (!answers(slot, type, name)) {
        int r = ((int (*)(const EVP_MD *, const char *))libcrypto.md_is_a)(digest, name);
        keep(slot, type, name, r);
        return r;
    }
    return slot->answer;
}

/* Called twice for each record; libcrypto asks the context each time, because it may have been set.
 * libssl sets it for CCM alone (RFC 5288 and 8446, 5.3, have 12 octets for GCM). */
int EVP_CIPHER_CTX_get_iv_length(const EVP_CIPHER_CTX *ctx)
{
    const EVP_CIPHER *cipher = current != NULL ? EVP_CIPHER_CTX_get0_cipher(ctx) : NULL;
    if (cipher != NULL && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE) {
        return EVP_CIPHER_get_iv_length(cipher);
    }
    pthread_once(&once, find_all);
    return ((int (*)(const EVP_CIPHER_CTX *))libcrypto.iv_length)(ctx);
}

/* libcrypto finds out by starting a signature. Of EC keys the answer is that of the digest. */
int EVP_PKEY_digestsign_supports_digest(EVP_PKEY *key, OSSL_LIB_CTX *libctx, const char *name,
                                        const char *properties)
{
    static _Thread_local struct answer slots[ANSWERS];
    pthread_once(&once, find_all);
    bool ours = current != NULL && libctx == current->libctx && properties == NULL;
    const char *type = ours ? EVP_PKEY_get0_type_name(key) : NULL;
    bool ec = type != NULL && strcmp(type, "EC") == 0;
    struct answer *slot = ec ? slot_of(slots, type, name) : NULL;
    if (!answers(slot, type, name)) {
        int r = ((int (*)(EVP_PKEY *, OSSL_LIB_CTX *, const char *,
                          const char *))libcrypto.supports_digest)(key, libctx, name, properties);
        keep(slot, type, name, r);
        return r;
    }
    return slot->answer;
}

/* --- buffers
 * ------------------------------------------------------------------------------------------- */

enum { MESSAGE_BYTES = 2048 };

/* libssl begins a handshake with a cleared buffer for the longest message there could be, 16 KiB at
 * each end, and grows it where one is longer; it may as well begin with less. */
size_t BUF_MEM_grow(BUF_MEM *b, size_t len)
{
    pthread_once(&once, find_all);
    bool first =
        current != NULL && !whole_buffers && len == SSL3_RT_MAX_PLAIN_LENGTH && b->data == NULL;
    return ((size_t(*)(BUF_MEM *, size_t))libcrypto.grow)(b, first ? MESSAGE_BYTES : len);
}

static int pass_on(BIO *bio, const char *from, size_t len, size_t *written)
{
    int r = BIO_write_ex(BIO_next(bio), from, len, written);
    BIO_clear_retry_flags(bio);
    BIO_copy_next_retry(bio);
    return r;
}

static long control_next(BIO *bio, int command, long number, void *pointer)
{
    if (command == BIO_C_SET_BUFF_SIZE) {
        return 1;
    }
    return BIO_next(bio) != NULL ? BIO_ctrl(BIO_next(bio), command, number, pointer) : 0;
}

static int begin(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *interpose_no_buffer(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_NULL_FILTER, "cpnsim no buffer");
    if (method != NULL) {
        BIO_meth_set_write_ex(method, pass_on);
        BIO_meth_set_ctrl(method, control_next);
        BIO_meth_set_create(method, begin);
    }
    return method;
}

/* Called when a handshake begins: libssl gathers its records in a buffer of 4 KiB, with another for
 * reading that nobody reads from, as long as the handshake lasts. Records of TLS are octets of a
 * step's output whether they come one by one or not; of DTLS, a buffer is a datagram. */
const BIO_METHOD *BIO_f_buffer(void)
{
    if (current != NULL && !whole_buffers) {
        return current->no_buffer;
    }
    pthread_once(&once, find_all);
    return ((const BIO_METHOD *(*)(void))libcrypto.buffer)();
}

/* What crypto.h reserves and does not define: that libcrypto itself is ready, and nothing beside.
 */
enum { INIT_BASE_ONLY = 0x00040000 };

/* Called each time that libcrypto looks whether there are errors. */
int OPENSSL_init_crypto(uint64_t options, const OPENSSL_INIT_SETTINGS *settings)
{
    if (current != NULL && options == INIT_BASE_ONLY) {
        return 1; /* it was, before there was an environment */
    }
    pthread_once(&once, find_all);
    return ((int (*)(uint64_t, const OPENSSL_INIT_SETTINGS *))libcrypto.init)(options, settings);
}
