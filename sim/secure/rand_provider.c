/* A RAND algorithm for the private library context only: octets come from the stream that the
 * running call belongs to. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <string.h>

#include "sim/secure/stream.h"

/* There is nothing to keep: one static object stands for every instance. */
static const int instance = EVP_RAND_STATE_READY;

static void *rand_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls)
{
    (void)provider;
    (void)parent;
    (void)parent_calls;
    return (void *)(uintptr_t)&instance;
}

static void rand_free(void *ctx)
{
    (void)ctx;
}

static int rand_instantiate(void *ctx, unsigned int strength, int prediction_resistance,
                            const unsigned char *personalisation, size_t len,
                            const OSSL_PARAM params[])
{
    (void)ctx;
    (void)strength;
    (void)prediction_resistance;
    (void)personalisation;
    (void)len;
    (void)params;
    return 1;
}

static int rand_uninstantiate(void *ctx)
{
    (void)ctx;
    return 1;
}

static int rand_generate(void *ctx, unsigned char *out, size_t len, unsigned int strength,
                         int prediction_resistance, const unsigned char *additional,
                         size_t additional_len)
{
    (void)ctx;
    (void)strength;
    (void)prediction_resistance;
    (void)additional;
    (void)additional_len;
    struct stream *s = stream_current();
    CHECK(s != NULL); /* a call into the seeded context that nobody gave a stream */
    stream_read(s, out, len);
    return 1;
}

static int rand_lock(void *ctx)
{
    (void)ctx;
    return 1;
}

static void rand_unlock(void *ctx)
{
    (void)ctx;
}

static const OSSL_PARAM *rand_gettable(void *ctx, void *provider)
{
    (void)ctx;
    (void)provider;
    static const OSSL_PARAM known[] = {OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
                                       OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
                                       OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
                                       OSSL_PARAM_END};
    return known;
}

static int rand_get_params(void *ctx, OSSL_PARAM params[])
{
    (void)ctx;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
    if (p != NULL && !OSSL_PARAM_set_int(p, EVP_RAND_STATE_READY)) {
        return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    if (p != NULL && !OSSL_PARAM_set_uint(p, 256)) {
        return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
    return p == NULL || OSSL_PARAM_set_size_t(p, (size_t)1 << 20);
}

#define CALL(function) ((void (*)(void))(function))

static const OSSL_DISPATCH rand_calls[] = {
    {OSSL_FUNC_RAND_NEWCTX, CALL(rand_new)},
    {OSSL_FUNC_RAND_FREECTX, CALL(rand_free)},
    {OSSL_FUNC_RAND_INSTANTIATE, CALL(rand_instantiate)},
    {OSSL_FUNC_RAND_UNINSTANTIATE, CALL(rand_uninstantiate)},
    {OSSL_FUNC_RAND_GENERATE, CALL(rand_generate)},
    {OSSL_FUNC_RAND_ENABLE_LOCKING, CALL(rand_lock)},
    {OSSL_FUNC_RAND_LOCK, CALL(rand_lock)},
    {OSSL_FUNC_RAND_UNLOCK, CALL(rand_unlock)},
    {OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, CALL(rand_gettable)},
    {OSSL_FUNC_RAND_GET_CTX_PARAMS, CALL(rand_get_params)},
    {0, NULL},
};

static const OSSL_ALGORITHM algorithms[] = {
    {STREAM_RAND_NAME, "provider=cpnsim", rand_calls, "seeded streams of a simulation"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_RAND ? algorithms : NULL;
}

static const OSSL_DISPATCH provider_calls[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, CALL(provider_query)},
    {0, NULL},
};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provider)
{
    (void)in;
    *out = provider_calls;
    *provider = (void *)(uintptr_t)handle;
    return 1;
}

int rand_provider_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER **ret)
{
    if (!OSSL_PROVIDER_add_builtin(libctx, "cpnsim", provider_init)) {
        return -SIM_ECRYPTO;
    }
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(libctx, "cpnsim");
    if (provider == NULL) {
        return -SIM_ECRYPTO;
    }
    *ret = provider;
    return 0;
}
