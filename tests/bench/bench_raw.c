/* The yardstick: the handshakes and messages of a run done by bare OpenSSL, with no simulator
 * around them.
 *
 * N PNEs, ten to a gateway, one server: 1.1 N TLS 1.3 handshakes with mutual P-256 certificates
 * over memory BIOs, on one thread, with SSL_CTXs that all sessions of a role share and
 * SSL_MODE_NO_AUTO_CHAIN (without it each side builds and checks its own chain at every handshake,
 * and sends the root too). Then each PNE sends 4 requests of 300 octets over both hops and gets
 * them echoed. All sessions stay open until the end, as they do in a run.
 *
 *   bench_raw PNES      prints one JSON object */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PNES_PER_GATEWAY = 10, REQUEST_BYTES = 300 };

/* Both ends of a hop. */
struct hop {
    SSL *client;
    SSL *server;
};

struct work {
    SSL_CTX *pne, *gateway_down, *gateway_up, *server;
    struct hop *hops; /* of PNEs, then of gateways */
    size_t pnes, gateways, requests;
    unsigned long long handshake_bytes;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_raw: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(4);
}

static void require(bool ok, const char *what)
{
    if (!ok) {
        fail(what);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    require(clock_gettime(clock, &t) == 0, "clock_gettime");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    require(extension != NULL && X509_add_ext(cert, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

/* A certificate for `key` signed by `issuer` (NULL: by itself, a CA). */
static X509 *certify(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    require(cert != NULL, "X509_new");
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1 + (long)strlen(name));
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600L * 24);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
    require(X509_set_pubkey(cert, key) == 1, "X509_set_pubkey");
    X509 *signer = issuer != NULL ? issuer : cert;
    add_extension(cert, signer, NID_basic_constraints,
                  issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add_extension(cert, signer, NID_key_usage,
                  issuer != NULL ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
    if (issuer != NULL) {
        add_extension(cert, signer, NID_subject_alt_name,
                      "URI:urn:uuid:00000000-0000-5000-8000-000000000000");
    }
    require(X509_sign(cert, issuer != NULL ? issuer_key : key, EVP_sha256()) > 0, "X509_sign");
    return cert;
}

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    require(key != NULL, "EVP_EC_gen");
    return key;
}

/* A context that every session of a role shares. */
static SSL_CTX *new_context(const char *role, const SSL_METHOD *method, X509 *ca, EVP_PKEY *ca_key)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    require(ctx != NULL, "SSL_CTX_new");
    EVP_PKEY *key = new_key();
    X509 *cert = certify(key, role, ca, ca_key);
    require(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
                SSL_CTX_set1_groups_list(ctx, "P-256") == 1 &&
                SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
                X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1 &&
                SSL_CTX_set_num_tickets(ctx, 0) == 1,
            "context");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

static SSL *new_session(SSL_CTX *ctx, bool client)
{
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    require(ssl != NULL && in != NULL && out != NULL, "SSL_new");
    SSL_set_bio(ssl, in, out);
    if (client) {
        SSL_set_connect_state(ssl);
    } else {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

/* Moves what one end has written to the other; returns how many octets. */
static size_t carry(SSL *from, SSL *to)
{
    char *bytes;
    long len = BIO_get_mem_data(SSL_get_wbio(from), &bytes);
    if (len <= 0) {
        return 0;
    }
    require(BIO_write(SSL_get_rbio(to), bytes, (int)len) == len, "BIO_write");
    (void)BIO_reset(SSL_get_wbio(from));
    return (size_t)len;
}

/* One step of a handshake: true when this end is done. */
static bool advance(SSL *ssl)
{
    int r = SSL_do_handshake(ssl);
    require(r == 1 || SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ, "handshake");
    return r == 1;
}

static void establish(struct work *w, struct hop *hop, SSL_CTX *client, SSL_CTX *server)
{
    hop->client = new_session(client, true);
    hop->server = new_session(server, false);
    bool client_done = false;
    bool server_done = false;
    while (!client_done || !server_done) {
        client_done = advance(hop->client);
        w->handshake_bytes += carry(hop->client, hop->server);
        server_done = advance(hop->server);
        w->handshake_bytes += carry(hop->server, hop->client);
    }
    require(SSL_get_verify_result(hop->client) == X509_V_OK &&
                SSL_get_verify_result(hop->server) == X509_V_OK,
            "a peer was not verified");
}

/* One message over one hop, decrypted into `out`. */
static void pass(SSL *from, SSL *to, const char *in, char *out)
{
    size_t n;
    require(SSL_write_ex(from, in, REQUEST_BYTES, &n) == 1 && n == REQUEST_BYTES, "SSL_write_ex");
    carry(from, to);
    require(SSL_read_ex(to, out, REQUEST_BYTES, &n) == 1 && n == REQUEST_BYTES, "SSL_read_ex");
}

static void exchange_messages(struct work *w)
{
    char sent[REQUEST_BYTES];
    char at_gateway[REQUEST_BYTES];
    char at_end[REQUEST_BYTES];
    for (size_t request = 0; request < w->requests; request++) {
        for (size_t i = 0; i < w->pnes; i++) {
            struct hop *down = &w->hops[i];
            struct hop *up = &w->hops[w->pnes + i / PNES_PER_GATEWAY];
            memset(sent, 'a' + (int)((i + request) % 26), sizeof(sent));
            pass(down->client, down->server, sent, at_gateway);
            pass(up->client, up->server, at_gateway, at_end);
            pass(up->server, up->client, at_end, at_gateway);
            pass(down->server, down->client, at_gateway, at_end);
            require(memcmp(sent, at_end, sizeof(sent)) == 0, "an echo differs");
        }
    }
}

static void free_work(struct work *w)
{
    for (size_t i = 0; i < w->pnes + w->gateways; i++) {
        SSL_free(w->hops[i].client);
        SSL_free(w->hops[i].server);
    }
    free(w->hops);
    SSL_CTX_free(w->pne);
    SSL_CTX_free(w->gateway_down);
    SSL_CTX_free(w->gateway_up);
    SSL_CTX_free(w->server);
}

static size_t take_count(const char *text)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || n == 0 || n > 1000000) {
        fprintf(stderr, "bench_raw: a count is 1 to 1000000, not \"%s\"\n", text);
        exit(3);
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: bench_raw PNES [REQUESTS]\n");
        return 3;
    }
    struct work w = {.pnes = take_count(argv[1]), .requests = argc == 3 ? take_count(argv[2]) : 4};
    w.gateways = (w.pnes + PNES_PER_GATEWAY - 1) / PNES_PER_GATEWAY;
    w.hops = calloc(w.pnes + w.gateways, sizeof(*w.hops));
    require(w.hops != NULL, "no memory");

    EVP_PKEY *ca_key = new_key();
    X509 *ca = certify(ca_key, "ca", NULL, NULL);
    w.pne = new_context("pne", TLS_client_method(), ca, ca_key);
    w.gateway_down = new_context("gateway", TLS_server_method(), ca, ca_key);
    w.gateway_up = new_context("gateway", TLS_client_method(), ca, ca_key);
    w.server = new_context("server", TLS_server_method(), ca, ca_key);

    double wall = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < w.pnes; i++) {
        establish(&w, &w.hops[i], w.pne, w.gateway_down);
        if (i % PNES_PER_GATEWAY == 0) {
            establish(&w, &w.hops[w.pnes + i / PNES_PER_GATEWAY], w.gateway_up, w.server);
        }
    }
    double handshakes_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    exchange_messages(&w);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;

    struct rusage usage;
    require(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
    size_t handshakes = w.pnes + w.gateways;
    printf("{\"pnes\": %zu, \"handshakes\": %zu, \"messages\": %zu, \"wall_s\": %.6f, \"cpu_s\": "
           "%.6f, "
           "\"handshakes_cpu_s\": %.6f, \"handshake_octets\": %.1f, \"peak_kib\": %ld}\n",
           w.pnes, handshakes, w.pnes * w.requests * 2, wall, cpu, handshakes_cpu,
           (double)w.handshake_bytes / (double)handshakes, usage.ru_maxrss);

    free_work(&w);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return 0;
}
