/* The private OpenSSL context of a run, and the proof that it is private. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/interpose.h"
#include "sim/secure/known.h"
#include "sim/secure/stream.h"

const char *secure_env_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

const char *secure_error_text(void)
{
    static _Thread_local char text[256];
    unsigned long code = ERR_peek_last_error();
    text[0] = '\0';
    if (code != 0) {
        ERR_error_string_n(code, text, sizeof(text));
    }
    ERR_clear_error();
    return text;
}

void env_init_openssl(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

int env_fail(struct diag_list *diags, const char *what)
{
    diag_add(diags, DIAG_ERROR, "openssl", NULL, 0, 0, "%s: %s", what, secure_error_text());
    return -SIM_ECRYPTO;
}

bool env_draw(const struct secure_env *env, uint8_t *out, size_t len)
{
    return RAND_bytes_ex(env->libctx, out, len, 0) == 1;
}

/* The default context must still draw from its own generator, which gives something else each time.
 */
static int check_default_context(struct diag_list *diags)
{
    uint8_t a[32];
    uint8_t b[32];
    EVP_RAND_CTX *rand = RAND_get0_public(NULL);
    if (rand == NULL || !EVP_RAND_is_a(EVP_RAND_CTX_get0_rand(rand), "CTR-DRBG") ||
        RAND_bytes(a, sizeof(a)) != 1 || RAND_bytes(b, sizeof(b)) != 1 ||
        memcmp(a, b, sizeof(a)) == 0) {
        return env_fail(diags,
                        "the default context of OpenSSL does not draw from its own generator");
    }
    return 0;
}

/* Both generators that OpenSSL keeps in a context, the public and the private one, give what the
 * stream gives when seeded, and something else when not. */
static int check_private_context(const struct secure_env *env, struct diag_list *diags)
{
    uint8_t expected[32];
    uint8_t drawn[32];
    struct stream s;
    stream_init(&s, env->seed, "self-test", "", 0);
    stream_read(&s, expected, sizeof(expected));
    stream_init(&s, env->seed, "self-test", "", 0);
    stream_enter(&s, 0);
    int ok = RAND_bytes_ex(env->libctx, drawn, 16, 0) == 1 &&
             RAND_priv_bytes_ex(env->libctx, drawn + 16, 16, 0) == 1;
    stream_leave();
    bool equal = memcmp(drawn, expected, sizeof(drawn)) == 0;
    if (!ok || equal != (env->mode == SECURE_RNG_SEEDED)) {
        return env_fail(diags, "the private context of OpenSSL does not draw from where it should");
    }
    return 0;
}

static const char *const curve_names[] = {[ENV_P256] = "P-256", [ENV_P384] = "P-384"};

bool env_set_curve(const struct secure_env *env, int curve, struct span point, EVP_PKEY **key)
{
    OSSL_PARAM params[3];
    OSSL_PARAM *p = params;
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                            (char *)(uintptr_t)curve_names[curve], 0);
    if (point.len > 0) {
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                 (void *)(uintptr_t)point.data, point.len);
    }
    *p = OSSL_PARAM_construct_end();
    EVP_PKEY_CTX *ctx = env->curves[curve] != NULL
                            ? EVP_PKEY_CTX_new_from_pkey(env->libctx, env->curves[curve], NULL)
                            : EVP_PKEY_CTX_new_from_name(env->libctx, "EC", NULL);
    int what = point.len > 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
    bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
              EVP_PKEY_fromdata(ctx, key, what, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool make_curves(struct secure_env *env)
{
    bool ok = true;
    interpose_share_curves();
    interpose_enter(env);
    for (int i = 0; ok && i < ENV_CURVES; i++) {
        EVP_PKEY *curve = NULL;
        ok = env_set_curve(env, i, span_of(NULL, 0), &curve);
        env->curves[i] = curve;
    }
    interpose_leave();
    return ok;
}

EVP_PKEY *env_generate(const struct secure_env *env, EVP_PKEY *parameters)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(env->libctx, parameters, NULL);
    EVP_PKEY *key = NULL;
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_generate(ctx, &key) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static int set_up(struct secure_env *env, struct diag_list *diags)
{
    env_init_openssl();
    env->libctx = OSSL_LIB_CTX_new();
    env->default_provider = OSSL_PROVIDER_load(env->libctx, "default");
    if (env->default_provider == NULL) {
        return env_fail(diags, "cannot load OpenSSL's default provider");
    }
    if (env->mode == SECURE_RNG_SEEDED &&
        (rand_provider_load(env->libctx, &env->provider) < 0 ||
         RAND_set_DRBG_type(env->libctx, STREAM_RAND_NAME, NULL, NULL, NULL) != 1)) {
        return env_fail(diags, "cannot set up seeded randomness");
    }
    env->ticket_cipher = EVP_CIPHER_fetch(env->libctx, "AES-256-CBC", NULL);
    if (env->ticket_cipher == NULL) {
        return env_fail(diags, "cannot fetch AES-256-CBC");
    }
    env->tls13_kdf = EVP_KDF_fetch(env->libctx, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    env->tls13_kdf_ctx = EVP_KDF_CTX_new(env->tls13_kdf);
    if (env->tls13_kdf_ctx == NULL) {
        return env_fail(diags, "cannot fetch the key derivation of TLS 1.3");
    }
    env->no_buffer = interpose_no_buffer();
    CHECK(env->no_buffer != NULL);
    if (!interpose_look_up(env)) {
        return env_fail(diags, "cannot fetch digests and kinds of keys");
    }
    if (!make_curves(env)) {
        return env_fail(diags, "cannot make the parameters of curves");
    }
    if (!identity_make_extensions(env)) {
        return env_fail(diags, "cannot make the extensions of certificates");
    }
    int r = check_private_context(env, diags);
    return r < 0 ? r : check_default_context(diags);
}

int secure_env_create(uint64_t seed, enum secure_rng mode, struct secure_env **ret,
                      struct diag_list *diags)
{
    struct secure_env *env = mem_alloc(sizeof(*env));
    env->seed = seed;
    env->mode = mode;
    env->known = known_create();
    CHECK(pthread_mutex_init(&env->pool_lock, NULL) == 0);
    int r = set_up(env, diags);
    if (r < 0) {
        secure_env_free(env);
        return r;
    }
    *ret = env;
    return 0;
}

void secure_env_free(struct secure_env *env)
{
    if (env == NULL) {
        return;
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(env->rsa_pool); i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(env->rsa_pool[i]); k++) {
            EVP_PKEY_free(env->rsa_pool[i][k]);
        }
    }
    known_free(env->known);
    EVP_CIPHER_free(env->ticket_cipher);
    BIO_meth_free(env->no_buffer);
    EVP_KDF_CTX_free(env->tls13_kdf_ctx);
    EVP_KDF_free(env->tls13_kdf);
    interpose_forget_look_ups(env);
    identity_free_extensions(env);
    for (size_t i = 0; i < ENV_CURVES; i++) {
        EVP_PKEY_free(env->curves[i]);
    }
    OSSL_PROVIDER_unload(env->provider);
    OSSL_PROVIDER_unload(env->default_provider);
    OSSL_LIB_CTX_free(env->libctx);
    pthread_mutex_destroy(&env->pool_lock);
    free(env);
}
