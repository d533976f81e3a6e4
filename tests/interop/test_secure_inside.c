/* What stays inside, asked of OpenSSL itself: seeded randomness, virtual time, and certificates
 * that nobody else accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/identity_internal.h"
#include "sim/secure/stream.h"
#include "tests/support/secure_pair.h"

static void the_default_context_is_not_seeded(void **state)
{
    (void)state;
    uint8_t drawn[4][32];
    for (int i = 0; i < 4; i += 2) { /* the same seed twice */
        struct secure_env *env = pair_env(1);
        struct stream s;
        stream_init(&s, 1, "a", "b", 0);
        stream_enter(&s, 0); /* even within a call */
        assert_int_equal(RAND_bytes(drawn[i], 32), 1);
        assert_int_equal(RAND_priv_bytes(drawn[i + 1], 32), 1);
        stream_leave();
        secure_env_free(env);
    }
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(drawn[i], drawn[k], 32);
        }
    }
}

static void virtual_time_is_seen_inside_calls_only(void **state)
{
    (void)state;
    struct timespec real;
    struct timeval tv;
    struct stream s;
    clock_gettime(CLOCK_REALTIME, &real);
    assert_in_range((unsigned long)time(NULL), (unsigned long)real.tv_sec,
                    (unsigned long)real.tv_sec + 60);
    stream_init(&s, 1, "a", "b", 0);
    stream_enter(&s, 1500 * SIM_MS);
    time_t stored = 0;
    assert_true(time(&stored) == SIM_EPOCH_UNIX_S + 1);
    assert_true(stored == SIM_EPOCH_UNIX_S + 1);
    assert_int_equal(gettimeofday(&tv, NULL), 0);
    assert_true(tv.tv_sec == SIM_EPOCH_UNIX_S + 1 && tv.tv_usec == 500000);
    /* OpenSSL sees it too: a fresh time of its own making */
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    struct tm tm;
    assert_int_equal(ASN1_TIME_to_tm(now, &tm), 1);
    assert_int_equal(tm.tm_year, 111);
    ASN1_TIME_free(now);
    stream_leave();
    stream_enter(&s, -500 * SIM_MS); /* before the epoch */
    assert_int_equal(gettimeofday(&tv, NULL), 0);
    assert_true(tv.tv_sec == SIM_EPOCH_UNIX_S - 1 && tv.tv_usec == 500000);
    stream_leave();
    assert_in_range((unsigned long)time(NULL), (unsigned long)real.tv_sec,
                    (unsigned long)real.tv_sec + 60);
    now = X509_gmtime_adj(NULL, 0);
    assert_int_equal(ASN1_TIME_to_tm(now, &tm), 1);
    assert_true(tm.tm_year > 120);
    ASN1_TIME_free(now);
}

static void write_pem(const char *dir, const char *name, X509 *certificate)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, certificate), 1);
    fclose(f);
}

/* What somebody with the CA's key could do at worst: a certificate for a real host. */
static X509 *forge(const struct secure_env *env, const struct secure_ca *ca,
                   const struct secure_identity *id, const char *host)
{
    char san[100];
    struct stream s;
    X509 *c = X509_dup(id->certificate);
    snprintf(san, sizeof(san), "DNS:%s", host);
    int at = X509_get_ext_by_NID(c, NID_subject_alt_name, -1);
    X509_EXTENSION_free(X509_delete_ext(c, at));
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    assert_int_equal(X509_add_ext(c, e, -1), 1);
    X509_EXTENSION_free(e);
    stream_init(&s, env->seed, host, "forged", 0);
    stream_enter(&s, 0);
    assert_true(X509_sign(c, ca->key, EVP_sha256()) > 0);
    stream_leave();
    return c;
}

static bool verifies(const char *dir, const char *name, const char *options, const char *reason)
{
    char command[700], output[2000] = "";
    snprintf(command, sizeof(command), "openssl verify %s -CAfile %s/ca.pem %s/%s 2>&1", options,
             dir, dir, name);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n = fread(output, 1, sizeof(output) - 1, f);
    output[n] = '\0';
    bool ok = pclose(f) == 0;
    if (reason != NULL && strstr(output, reason) == NULL) {
        print_error("%s\n%s", command, output);
        fail();
    }
    return ok;
}

static void nobody_else_accepts_our_certificates(void **state)
{
    (void)state;
    char dir[] = "/tmp/cpnsim-secure-XXXXXX";
    char in_2011[60];
    assert_non_null(mkdtemp(dir));
    snprintf(in_2011, sizeof(in_2011), "-attime %lld", (long long)SIM_EPOCH_UNIX_S + 1000);
    struct secure_env *env = pair_env(1);
    struct secure_ca *ca = pair_ca(env, "family", SECURE_KEY_P256);
    struct secure_identity *id = pair_identity(env, ca, "pne/1", SECURE_KEY_P256);
    write_pem(dir, "ca.pem", ca->certificate);
    write_pem(dir, "pne.pem", id->certificate);
    X509 *forged = forge(env, ca, id, "www.example.com");
    write_pem(dir, "forged.pem", forged);
    X509 *allowed = forge(env, ca, id, "pne.cpns-sim.invalid");
    write_pem(dir, "allowed.pem", allowed);

    assert_true(verifies(dir, "pne.pem", in_2011, NULL)); /* the control: it is well-formed */
    assert_false(verifies(dir, "pne.pem", "", "expired"));
    assert_false(verifies(dir, "forged.pem", in_2011, "permitted subtree violation"));
    assert_true(verifies(dir, "allowed.pem", in_2011, NULL)); /* the control of that one */
    assert_int_equal(X509_check_host(id->certificate, "www.example.com", 0, 0, NULL), 0);

    char subject[200];
    X509_NAME_oneline(X509_get_subject_name(id->certificate), subject, sizeof(subject));
    assert_non_null(strstr(subject, "cpnsim simulated"));
    X509_NAME_oneline(X509_get_subject_name(ca->certificate), subject, sizeof(subject));
    assert_non_null(strstr(subject, "cpnsim simulated CA family"));

    static const char *const files[] = {"ca.pem", "pne.pem", "forged.pem", "allowed.pem"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(files); i++) {
        char path[200];
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
    X509_free(forged);
    X509_free(allowed);
    secure_identity_free(id);
    secure_ca_free(ca);
    secure_env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_context_is_not_seeded),
        cmocka_unit_test(virtual_time_is_seen_inside_calls_only),
        cmocka_unit_test(nobody_else_accepts_our_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
