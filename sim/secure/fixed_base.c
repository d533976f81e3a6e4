#define OPENSSL_SUPPRESS_DEPRECATED /* EC_GROUP_precompute_mult() */
#include "sim/secure/fixed_base.h"

#include <openssl/ec.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/interpose.h"

enum state { NONE, BEING_MADE, MADE, NOT_POSSIBLE };

struct fixed_base {
    atomic_uint references;
    atomic_uint certificates; /* that are to be verified by it */
    _Atomic(enum state) state;
    EC_POINT *point;
    EC_GROUP *group; /* P-256 with `point` as its generator, and its table: once MADE */
};

static _Thread_local const struct fixed_base *current; /* MADE */

struct fixed_base *fixed_base_create(EVP_PKEY *key)
{
    const EC_GROUP *group = interpose_shared_p256();
    char name[32];
    if (group == NULL || !EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1 ||
        strcmp(name, "prime256v1") != 0) {
        return NULL;
    }
    unsigned char *octets = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(key, &octets);
    struct fixed_base *base = mem_alloc(sizeof(*base));
    base->references = 1;
    base->point = EC_POINT_new(group);
    CHECK(base->point != NULL && EC_POINT_oct2point(group, base->point, octets, len, NULL) == 1);
    OPENSSL_free(octets);
    return base;
}

struct fixed_base *fixed_base_ref(struct fixed_base *base)
{
    if (base != NULL) {
        atomic_fetch_add(&base->references, 1);
    }
    return base;
}

void fixed_base_unref(struct fixed_base *base)
{
    if (base != NULL && atomic_fetch_sub(&base->references, 1) == 1) {
        EC_GROUP_free(base->group);
        EC_POINT_free(base->point);
        free(base);
    }
}

void fixed_base_expect(struct fixed_base *base, unsigned certificates)
{
    if (base != NULL) {
        atomic_fetch_add(&base->certificates, certificates);
    }
}

bool fixed_base_is_made(const struct fixed_base *base)
{
    return atomic_load_explicit(&base->state, memory_order_acquire) == MADE;
}

static bool make_table(struct fixed_base *base)
{
    base->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    return base->group != NULL &&
           EC_GROUP_set_generator(base->group, base->point, EC_GROUP_get0_order(base->group),
                                  EC_GROUP_get0_cofactor(base->group)) == 1 &&
           EC_GROUP_precompute_mult(base->group, NULL) == 1 &&
           EC_GROUP_have_precompute_mult(base->group) == 1;
}

void fixed_base_enter(struct fixed_base *base)
{
    if (base != NULL && atomic_load(&base->certificates) >= FIXED_BASE_LEAST) {
        enum state none = NONE;
        if (atomic_compare_exchange_strong(&base->state, &none, BEING_MADE)) {
            atomic_store(&base->state, make_table(base) ? MADE : NOT_POSSIBLE);
        }
        current = fixed_base_is_made(base) ? base : NULL;
    }
}

void fixed_base_leave(void)
{
    current = NULL;
}

/* --- what libcrypto calls
 * ------------------------------------------------------------------------------------------- */

static interpose_function libcrypto_mul;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_all(void)
{
    libcrypto_mul = interpose_next("EC_POINT_mul");
}

static int multiply(const EC_GROUP *group, EC_POINT *ret, const BIGNUM *g, const EC_POINT *point,
                    const BIGNUM *p, BN_CTX *ctx)
{
    return ((int (*)(const EC_GROUP *, EC_POINT *, const BIGNUM *, const EC_POINT *, const BIGNUM *,
                     BN_CTX *))libcrypto_mul)(group, ret, g, point, p, ctx);
}

/* `g` times the generator and `p` times the point of `base`, added. */
static bool multiply_both(const struct fixed_base *base, const EC_GROUP *group, EC_POINT *ret,
                          const BIGNUM *g, const BIGNUM *p, BN_CTX *ctx)
{
    EC_POINT *second = EC_POINT_new(group);
    bool ok = second != NULL && multiply(base->group, second, p, NULL, NULL, ctx) == 1 &&
              multiply(group, ret, g, NULL, NULL, ctx) == 1 &&
              EC_POINT_add(group, ret, ret, second, ctx) == 1;
    EC_POINT_free(second);
    return ok;
}

/* Called for each signature that is verified, with both factors and the point of the key. */
int EC_POINT_mul(const EC_GROUP *group, EC_POINT *ret, const BIGNUM *g, const EC_POINT *point,
                 const BIGNUM *p, BN_CTX *ctx)
{
    const struct fixed_base *base = current;
    pthread_once(&once, find_all);
    if (base != NULL && g != NULL && point != NULL && p != NULL && ret != point && ctx != NULL &&
        group == interpose_shared_p256() && EC_POINT_cmp(group, point, base->point, ctx) == 0) {
        return multiply_both(base, group, ret, g, p, ctx);
    }
    return multiply(group, ret, g, point, p, ctx);
}
