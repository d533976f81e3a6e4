/* Key agreement and the curves it is done on.
 *
 * OpenSSL makes a group out of numbers, with inversions, for each key whose curve is named, and
 * gives every key a copy of the group: 45 allocations and 2 KiB, of which an entity has half a
 * dozen. Here the groups of P-256 and P-384 are made once a process and never change: to copy one
 * of them gives the same again, and to free it does nothing. All other groups, the peer's and the
 * parsed ones among them, are libcrypto's. */
#define OPENSSL_SUPPRESS_DEPRECATED /* ECDSA_size() */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "sim/secure/interpose.h"

/* The generation in hand on this thread: libssl names the curve, then asks for key or parameters.
 */
static _Thread_local struct {
    const EVP_PKEY_CTX *ctx;
    int curve; /* ENV_CURVES: another */
} named;

static struct {
    interpose_function set_group_name, copy_parameters, group_dup, group_free, group_cmp,
        group_from_params, ecdsa_size, encoded_key;
} libcrypto;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto.set_group_name = interpose_next("EVP_PKEY_CTX_set_group_name");
    libcrypto.copy_parameters = interpose_next("EVP_PKEY_copy_parameters");
    libcrypto.group_dup = interpose_next("EC_GROUP_dup");
    libcrypto.group_free = interpose_next("EC_GROUP_free");
    libcrypto.group_cmp = interpose_next("EC_GROUP_cmp");
    libcrypto.ecdsa_size = interpose_next("ECDSA_size");
    libcrypto.encoded_key = interpose_next("EVP_PKEY_get1_encoded_public_key");
    libcrypto.group_from_params = interpose_next("EC_GROUP_new_from_params");
}

void interpose_forget_curve(void)
{
    named.ctx = NULL;
}

static int curve_of(const char *name)
{
    static const struct {
        const char *name;
        int curve;
    } curves[] = {{"prime256v1", ENV_P256},
                  {"P-256", ENV_P256},
                  {"secp384r1", ENV_P384},
                  {"P-384", ENV_P384}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(curves); i++) {
        if (strcmp(curves[i].name, name) == 0) {
            return curves[i].curve;
        }
    }
    return ENV_CURVES;
}

/* --- groups
 * --------------------------------------------------------------------------------------------- */

static _Atomic(EC_GROUP *) shared[ENV_CURVES]; /* set once a process */

static void make_shared(void)
{
    static const int numbers[] = {[ENV_P256] = NID_X9_62_prime256v1, [ENV_P384] = NID_secp384r1};
    for (size_t i = 0; i < ENV_CURVES; i++) {
        EC_GROUP *group = EC_GROUP_new_by_curve_name(numbers[i]);
        CHECK(group != NULL);
        atomic_store(&shared[i], group);
    }
}

void interpose_share_curves(void)
{
    static pthread_once_t made = PTHREAD_ONCE_INIT;
    pthread_once(&made, make_shared);
}

/* Which of the shared groups it is, or ENV_CURVES. */
static int shared_as(const EC_GROUP *group)
{
    int i = 0;
    while (i < ENV_CURVES &&
           (group == NULL || atomic_load_explicit(&shared[i], memory_order_relaxed) != group)) {
        i++;
    }
    return i;
}

static bool is_shared(const EC_GROUP *group)
{
    return shared_as(group) != ENV_CURVES;
}

const EC_GROUP *interpose_shared_p256(void)
{
    return atomic_load_explicit(&shared[ENV_P256], memory_order_acquire);
}

EC_GROUP *EC_GROUP_dup(const EC_GROUP *group)
{
    if (is_shared(group)) {
        return (EC_GROUP *)(uintptr_t)group;
    }
    pthread_once(&once, find_all);
    return ((EC_GROUP * (*)(const EC_GROUP *)) libcrypto.group_dup)(group);
}

void EC_GROUP_free(EC_GROUP *group)
{
    if (group != NULL && !is_shared(group)) {
        pthread_once(&once, find_all);
        ((void (*)(EC_GROUP *))libcrypto.group_free)(group);
    }
}

/* Asked of the two keys of each agreement. */
int EC_GROUP_cmp(const EC_GROUP *a, const EC_GROUP *b, BN_CTX *ctx)
{
    if (a == b && is_shared(a)) {
        return 0;
    }
    pthread_once(&once, find_all);
    return ((int (*)(const EC_GROUP *, const EC_GROUP *, BN_CTX *))libcrypto.group_cmp)(a, b, ctx);
}

/* Called for each key that is made and each signature: libcrypto encodes a signature as long as one
 * can be. */
int ECDSA_size(const EC_KEY *key)
{
    static _Atomic int sizes[ENV_CURVES];
    int curve = key != NULL ? shared_as(EC_KEY_get0_group(key)) : ENV_CURVES;
    int size = curve != ENV_CURVES ? atomic_load_explicit(&sizes[curve], memory_order_relaxed) : 0;
    if (size == 0) {
        pthread_once(&once, find_all);
        size = ((int (*)(const EC_KEY *))libcrypto.ecdsa_size)(key);
        if (curve != ENV_CURVES) {
            atomic_store_explicit(&sizes[curve], size, memory_order_relaxed);
        }
    }
    return size;
}

/* The curve that parameters name, where they say nothing else of a group. */
static int curve_of_params(const OSSL_PARAM *p)
{
    int curve = ENV_CURVES;
    for (; p != NULL && p->key != NULL; p++) {
        if (strcmp(p->key, OSSL_PKEY_PARAM_GROUP_NAME) == 0) {
            curve = p->data_type == OSSL_PARAM_UTF8_STRING ? curve_of(p->data) : ENV_CURVES;
        } else if (strcmp(p->key, OSSL_PKEY_PARAM_PUB_KEY) != 0) {
            return ENV_CURVES;
        }
    }
    return curve;
}

/* Called where a key is made out of numbers, as by env_set_curve(). */
EC_GROUP *EC_GROUP_new_from_params(const OSSL_PARAM params[], OSSL_LIB_CTX *libctx,
                                   const char *properties)
{
    const struct secure_env *env = interpose_env();
    bool ours = env != NULL && libctx == env->libctx && properties == NULL;
    int curve = ours ? curve_of_params(params) : ENV_CURVES;
    if (curve != ENV_CURVES && atomic_load(&shared[curve]) != NULL) {
        return atomic_load(&shared[curve]);
    }
    pthread_once(&once, find_all);
    return ((EC_GROUP * (*)(const OSSL_PARAM *, OSSL_LIB_CTX *, const char *))
                libcrypto.group_from_params)(params, libctx, properties);
}

/* Called for each key share; libcrypto asks twice, first for the length. */
size_t EVP_PKEY_get1_encoded_public_key(EVP_PKEY *key, unsigned char **ret)
{
    enum { POINT_MOST = 1 + 2 * 66 /* of P-521 */ };
    size_t len = 0;
    if (interpose_env() == NULL || key == NULL || !EVP_PKEY_is_a(key, "EC")) {
        pthread_once(&once, find_all);
        return ((size_t(*)(EVP_PKEY *, unsigned char **))libcrypto.encoded_key)(key, ret);
    }
    *ret = OPENSSL_malloc(POINT_MOST);
    if (*ret != NULL && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                                        *ret, POINT_MOST, &len) != 1) {
        len = 0;
    }
    if (len == 0) {
        OPENSSL_free(*ret);
        *ret = NULL;
    }
    return len;
}

/* --- key agreement
 * ------------------------------------------------------------------------------------------- */

static bool has_prime_order(const EVP_PKEY *key)
{
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
    char name[32];
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(curves); i++) {
        if (strcmp(name, curves[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Called with a peer's ephemeral key; libcrypto's own validates it in full: a scalar multiplication
 * by the group's order, as dear as the key agreement itself. On a curve of prime order every point
 * but infinity has that order, so a point that could be decoded (which tests that it lies on the
 * curve) and with which an agreement succeeds (which infinity does not) is valid: SP 800-56A rev.
 * 3, 5.6.2.3.4, calls that partial validation and admits it for ephemeral keys; RFC 8446, 4.2.8.2,
 * asks for no more. */
int EVP_PKEY_derive_set_peer(EVP_PKEY_CTX *ctx, EVP_PKEY *peer)
{
    bool partial = interpose_env() != NULL && has_prime_order(peer);
    return EVP_PKEY_derive_set_peer_ex(ctx, peer, !partial);
}

int EVP_PKEY_CTX_set_group_name(EVP_PKEY_CTX *ctx, const char *name)
{
    pthread_once(&once, find_all);
    int r = ((int (*)(EVP_PKEY_CTX *, const char *))libcrypto.set_group_name)(ctx, name);
    if (interpose_env() != NULL && r == 1) {
        named.ctx = ctx;
        named.curve = curve_of(name);
    }
    return r;
}

static int take_curve(const EVP_PKEY_CTX *ctx)
{
    int curve = interpose_env() != NULL && named.ctx == ctx ? named.curve : ENV_CURVES;
    named.ctx = NULL;
    return curve;
}

int EVP_PKEY_keygen(EVP_PKEY_CTX *ctx, EVP_PKEY **ret)
{
    int curve = take_curve(ctx);
    if (curve == ENV_CURVES || *ret != NULL) {
        return EVP_PKEY_generate(ctx, ret);
    }
    *ret = env_generate(interpose_env(), interpose_env()->curves[curve]);
    return *ret != NULL;
}

int EVP_PKEY_paramgen(EVP_PKEY_CTX *ctx, EVP_PKEY **ret)
{
    int curve = take_curve(ctx);
    if (curve == ENV_CURVES || *ret != NULL) {
        return EVP_PKEY_generate(ctx, ret);
    }
    return env_set_curve(interpose_env(), curve, span_of(NULL, 0), ret);
}

/* A client gives a key that is nothing yet the curve of its own, then the peer's point. */
int EVP_PKEY_copy_parameters(EVP_PKEY *to, const EVP_PKEY *from)
{
    const struct secure_env *env = interpose_env();
    char name[32];
    if (env != NULL && EVP_PKEY_get_id(to) == EVP_PKEY_NONE && EVP_PKEY_is_a(from, "EC") &&
        EVP_PKEY_get_group_name(from, name, sizeof(name), NULL) == 1) {
        int curve = curve_of(name);
        if (curve != ENV_CURVES) {
            return env_set_curve(env, curve, span_of(NULL, 0), &to);
        }
    }
    pthread_once(&once, find_all);
    return ((int (*)(EVP_PKEY *, const EVP_PKEY *))libcrypto.copy_parameters)(to, from);
}
