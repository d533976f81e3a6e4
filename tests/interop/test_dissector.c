/* tshark with results/wireshark/cpns.lua reads what the codecs wrote: in datagrams, in TCP however
 * it is cut, and in TLS when it has the keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "models/cpns/message.h"
#include "models/cpns/ports.h"
#include "sim/core/rng.h"
#include "sim/world/framing.h"
#include "tests/support/capture.h"
#include "tests/support/cpns_sample.h"
#include "tests/support/sample.h"

/* What tshark is asked for a packet. */
#define FIELDS                                                                                     \
    "-T fields -E separator='|' -E aggregator=, -e cpns.length -e cpns.encoding -e cpns.type "     \
    "-e cpns.transaction -e cpns.origin -e cpns.target -e cpns.pn -e cpns.sg -e cpns.status "      \
    "-e cpns.hop_limit -e cpns.member_id -e cpns.payload"

struct fixture {
    char directory[32];
    char capture[64];
    char keys[64];
};

static int make_directory(void **state)
{
    struct fixture *x = mem_alloc(sizeof(*x));
    strcpy(x->directory, "/tmp/test_dissector.XXXXXX");
    if (mkdtemp(x->directory) == NULL) {
        return -1;
    }
    snprintf(x->capture, sizeof(x->capture), "%s/c.pcap", x->directory);
    snprintf(x->keys, sizeof(x->keys), "%s/keys", x->directory);
    *state = x;
    return 0;
}

static int remove_directory(void **state)
{
    struct fixture *x = *state;
    unlink(x->capture);
    unlink(x->keys);
    int r = rmdir(x->directory);
    free(x);
    return r;
}

/* What tshark prints about the capture; HOME keeps the user's own settings and scripts out. */
static char *tshark(const struct fixture *x, const char *arguments)
{
    char *command = mem_printf("HOME=%s XDG_CONFIG_HOME=%s tshark -n -r %s"
                               " -X lua_script:results/wireshark/cpns.lua %s 2>&1"
                               " | grep -v '^Running as user'",
                               x->directory, x->directory, x->capture, arguments);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): our own words only */
    assert_non_null(f);
    struct buf text = {0};
    size_t got;
    do {
        got = fread(buf_reserve(&text, 4096), 1, 4096, f);
        buf_commit(&text, got);
    } while (got != 0);
    int status = pclose(f);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1); /* grep's 1: no line */
    free(command);
    return buf_steal_str(&text);
}

/* A message of the type that differs from the others in what it can. */
static void numbered(struct cpns_message *m, unsigned number)
{
    cpns_sample(m, (enum cpns_type)(number % CPNS_TYPE_COUNT), CPNS_SAMPLE_ALL);
    cpns_set_integer(m, CPNS_TRANSACTION_ID, INT64_MAX - number);
    cpns_set_integer(m, CPNS_HOP_LIMIT, 1 + number % 255);
}

/* Of twice as many messages as there are types, each type comes in both encodings. */
static enum cpns_encoding encoding_of(unsigned number)
{
    return number < CPNS_TYPE_COUNT ? CPNS_XML : CPNS_CBOR;
}

static struct buf framed(const struct cpns_message *m, enum cpns_encoding encoding)
{
    struct buf message = {0}, frame = {0};
    assert_int_equal(cpns_encode(m, encoding, &message, NULL), 0);
    frame_append(&frame, (uint8_t)encoding, buf_span(&message));
    buf_fini(&message);
    return frame;
}

static void expect_text(struct buf *out, const struct cpns_message *m, enum cpns_field field)
{
    buf_append(out, cpns_text(m, field));
    buf_append_u8(out, '|');
}

/* The line that tshark must print for a packet of this one message. */
static void expect_line(struct buf *out, const struct cpns_message *m, enum cpns_encoding encoding,
                        size_t frame_len)
{
    buf_printf(out, "%zu|%d|%s|%" PRId64 "|", frame_len - FRAME_HEADER_BYTES, (int)encoding,
               cpns_type_info(m->type)->name, cpns_integer(m, CPNS_TRANSACTION_ID));
    expect_text(out, m, CPNS_ORIGIN_ENTITY_ID);
    expect_text(out, m, CPNS_TARGET_ID);
    expect_text(out, m, CPNS_PN_ID);
    expect_text(out, m, CPNS_SG_ID);
    if (cpns_has(m, CPNS_STATUS)) {
        buf_printf(out, "%" PRId64, cpns_integer(m, CPNS_STATUS));
    }
    buf_printf(out, "|%" PRId64 "|", cpns_integer(m, CPNS_HOP_LIMIT));
    for (size_t i = 0; i < cpns_value(m, CPNS_MEMBER_ID)->list_count; i++) {
        buf_append_str(out, i != 0 ? "," : "");
        buf_append(out, cpns_item(m, CPNS_MEMBER_ID, i));
    }
    buf_append_u8(out, '|');
    struct span payload = cpns_bytes(m, CPNS_PAYLOAD);
    for (size_t i = 0; i < payload.len; i++) {
        buf_printf(out, "%02x", payload.data[i]);
    }
    buf_append_u8(out, '\n');
}

static void datagrams_show_every_type_in_both_encodings(void **state)
{
    struct fixture *x = *state;
    struct capture c;
    struct buf wanted = {0};
    capture_open(&c, x->capture, CPNS_PORT);
    for (unsigned i = 0; i < 2 * CPNS_TYPE_COUNT; i++) {
        struct cpns_message m;
        numbered(&m, i);
        struct buf frame = framed(&m, encoding_of(i));
        capture_udp(&c, i % 3 == 0 ? CAPTURE_SERVER : CAPTURE_CLIENT, buf_span(&frame));
        expect_line(&wanted, &m, encoding_of(i), buf_len(&frame));
        buf_fini(&frame);
        cpns_message_fini(&m);
    }
    capture_close(&c);
    char *lines = tshark(x, FIELDS), *expected = buf_steal_str(&wanted);
    assert_string_equal(lines, expected);
    free(lines);
    lines = tshark(x, "-Y 'cpns.type == \"SGMessage\" && cpns.encoding == 2' -T fields"
                      " -e _ws.col.Protocol -e _ws.col.Info");
    free(expected);
    expected = mem_printf("CPNS\tSGMessage 000000000001 -> 000000000001 transaction %" PRId64 "\n",
                          INT64_MAX - CPNS_TYPE_COUNT - CPNS_SG_MESSAGE);
    assert_string_equal(lines, expected);
    free(lines);
    free(expected);
}

/* A session's stream: confirmed, then messages; its types one a line. */
static struct buf session_stream(struct buf *wanted)
{
    struct buf stream = {0};
    frame_append(&stream, 0, (struct span){0});
    for (unsigned i = 0; i < 2 * CPNS_TYPE_COUNT; i++) {
        struct cpns_message m;
        numbered(&m, i);
        struct buf frame = framed(&m, encoding_of(i));
        buf_append(&stream, buf_span(&frame));
        buf_printf(wanted, "%s %" PRId64 "\n", cpns_type_info(m.type)->name,
                   cpns_integer(&m, CPNS_TRANSACTION_ID));
        buf_fini(&frame);
        cpns_message_fini(&m);
    }
    return stream;
}

/* Turns "A,B<tab>1,2" lines into "A 1", "B 2". */
static char *one_a_line(char *text)
{
    struct buf out = {0};
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *types = strsep(&line, "\t"), *type;
        while (line != NULL && (type = strsep(&types, ",")) != NULL && *type != '\0') {
            char *transaction = strsep(&line, ",");
            buf_printf(&out, "%s %s\n", type, transaction != NULL ? transaction : "?");
        }
    }
    free(text);
    return buf_steal_str(&out);
}

static void expect_session(const struct fixture *x, const char *options, const char *wanted)
{
    char *arguments = mem_printf("%s -T fields -e cpns.type -e cpns.transaction", options);
    char *lines = one_a_line(tshark(x, arguments));
    assert_string_equal(lines, wanted);
    free(lines);
    free(arguments);
    arguments = mem_printf("%s -Y cpns.confirmed -T fields -e cpns.length", options);
    lines = tshark(x, arguments);
    assert_true((*lines == '0') == (*wanted != '\0'));
    free(lines);
    free(arguments);
}

static void capture_in_pieces(struct capture *c, enum capture_sender from, struct span stream,
                              struct rng *rng, size_t largest)
{
    struct span piece;
    while (stream.len != 0) {
        size_t len = 1 + rng_below(rng, largest);
        assert_true(span_take(&stream, len < stream.len ? len : stream.len, &piece));
        capture_tcp(c, from, piece);
    }
}

static void tcp_segments_are_put_together(void **state)
{
    struct fixture *x = *state;
    struct buf wanted = {0};
    struct buf stream = session_stream(&wanted);
    char *expected = buf_steal_str(&wanted);
    static const size_t sizes[] = {300, 9000, 1400, 7};
    for (size_t i = 0; i < SAMPLE(SIM_ARRAY_LEN(sizes), 2); i++) {
        struct rng rng;
        rng_init(&rng, i, "test_dissector", "segments");
        struct capture c;
        capture_open(&c, x->capture, CPNS_PORT);
        capture_tcp_open(&c);
        capture_in_pieces(&c, CAPTURE_SERVER, buf_span(&stream), &rng, sizes[i]);
        capture_close(&c);
        expect_session(x, "", expected);
    }
    free(expected);
    buf_fini(&stream);
}

/* --- TLS: both ends in this process, their octets into the capture */

static FILE *key_log; /* OpenSSL's callback has no argument of ours */

static void log_key(const SSL *ssl, const char *line)
{
    (void)ssl;
    fprintf(key_log, "%s\n", line);
}

static unsigned give_psk(SSL *ssl, const char *hint, char *identity, unsigned identity_max,
                         unsigned char *psk, unsigned psk_max)
{
    (void)ssl;
    (void)hint;
    snprintf(identity, identity_max, "pne");
    memset(psk, 7, psk_max < 32 ? psk_max : 32);
    return 32;
}

static unsigned find_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned psk_max)
{
    (void)ssl;
    memset(psk, 7, psk_max < 32 ? psk_max : 32);
    return strcmp(identity, "pne") == 0 ? 32 : 0;
}

/* Moves what `from` wants to send to the other end, past the capture. */
static bool carry(struct capture *c, SSL *ends[2], enum capture_sender from, struct rng *rng)
{
    uint8_t octets[16384];
    int len = BIO_read(SSL_get_wbio(ends[from]), octets, sizeof(octets));
    if (len <= 0) {
        return false;
    }
    capture_in_pieces(c, from, span_of(octets, (size_t)len), rng, 900);
    assert_int_equal(BIO_write(SSL_get_rbio(ends[1 - from]), octets, len), len);
    return true;
}

static SSL *open_end(SSL_CTX *context, bool server)
{
    SSL *ssl = SSL_new(context);
    assert_non_null(ssl);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    return ssl;
}

/* The stream inside a TLS 1.2 or 1.3 session, from the server, in records of at most `record`. */
static void capture_tls(struct fixture *x, uint16_t port, int version, struct span stream,
                        size_t record)
{
    struct capture c;
    struct rng rng;
    rng_init(&rng, 1, "test_dissector", "tls");
    capture_open(&c, x->capture, port);
    key_log = fopen(x->keys, "w");
    assert_non_null(key_log);
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    assert_non_null(context);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_cipher_list(context, "ECDHE-PSK-CHACHA20-POLY1305");
    SSL_CTX_set_psk_client_callback(context, give_psk);
    SSL_CTX_set_psk_server_callback(context, find_psk);
    SSL_CTX_set_keylog_callback(context, log_key);
    SSL *ends[2] = {open_end(context, false), open_end(context, true)};
    capture_tcp_open(&c);
    bool moved = true;
    while (moved) {
        SSL_do_handshake(ends[CAPTURE_CLIENT]);
        SSL_do_handshake(ends[CAPTURE_SERVER]);
        moved = carry(&c, ends, CAPTURE_CLIENT, &rng);
        moved = carry(&c, ends, CAPTURE_SERVER, &rng) || moved;
    }
    assert_true(SSL_is_init_finished(ends[0]) && SSL_is_init_finished(ends[1]));
    struct span piece;
    while (span_take(&stream, stream.len < record ? stream.len : record, &piece) && piece.len) {
        assert_int_equal(SSL_write(ends[CAPTURE_SERVER], piece.data, (int)piece.len), piece.len);
        while (carry(&c, ends, CAPTURE_SERVER, &rng)) {
        }
    }
    SSL_free(ends[0]);
    SSL_free(ends[1]);
    SSL_CTX_free(context);
    fclose(key_log);
    capture_close(&c);
}

static void tls_is_read_with_the_keys_only(void **state)
{
    struct fixture *x = *state;
    struct buf wanted = {0};
    struct buf stream = session_stream(&wanted);
    char *expected = buf_steal_str(&wanted);
    char *keys = mem_printf("-o tls.keylog_file:%s", x->keys);
    char *ported = mem_printf("%s -d tcp.port==9000,tls -d tls.port==9000,cpns", keys);
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (size_t i = 0; i < SAMPLE(SIM_ARRAY_LEN(versions), 1); i++) {
        capture_tls(x, CPNS_PORT, versions[i], buf_span(&stream), 16000);
        expect_session(x, keys, expected);
        expect_session(x, "", "");
        capture_tls(x, CPNS_PORT, versions[i], buf_span(&stream), 100);
        expect_session(x, keys, expected);
        capture_tls(x, 9000, versions[i], buf_span(&stream), 1000);
        expect_session(x, ported, expected);
        expect_session(x, "-d tls.port==9000,cpns", "");
        expect_session(x, keys, expected); /* by the heuristic alone */
    }
    free(ported);
    free(keys);
    free(expected);
    buf_fini(&stream);
}

/* --- broken messages */

static void broken_datagrams_are_marked_and_harm_nothing(void **state)
{
    struct fixture *x = *state;
    struct capture c;
    struct rng rng;
    rng_init(&rng, 2, "test_dissector", "broken");
    capture_open(&c, x->capture, CPNS_PORT);
    unsigned cut = 0;
    for (enum cpns_encoding encoding = CPNS_XML; encoding <= CPNS_CBOR; encoding++) {
        struct cpns_message m;
        cpns_sample(&m, CPNS_SG_JOIN_RESPONSE, CPNS_SAMPLE_ALL);
        struct buf message = {0}, frame = {0};
        assert_int_equal(cpns_encode(&m, encoding, &message, NULL), 0);
        for (size_t len = 1; len < buf_len(&message); len += 3, cut++) {
            buf_clear(&frame);
            frame_append(&frame, (uint8_t)encoding, span_of(message.data, len));
            capture_udp(&c, CAPTURE_CLIENT, buf_span(&frame));
        }
        for (unsigned flip = 0; flip < 200; flip++) {
            buf_clear(&frame);
            frame_append(&frame, (uint8_t)encoding, buf_span(&message));
            frame.data[rng_below(&rng, buf_len(&frame))] ^= (uint8_t)(1U << rng_below(&rng, 8));
            capture_udp(&c, CAPTURE_SERVER, buf_span(&frame));
        }
        buf_fini(&frame);
        buf_fini(&message);
        cpns_message_fini(&m);
    }
    capture_close(&c);
    char *lines = tshark(x, "-V");
    assert_null(strstr(lines, "Lua Error"));
    assert_non_null(strstr(lines, "Malformed CPNS message"));
    free(lines);
    lines = tshark(x, "-Y 'cpns.malformed && udp.dstport == 7275' -T fields -e frame.number");
    unsigned marked = 0;
    for (const char *p = lines; *p != '\0'; p++) {
        marked += *p == '\n';
    }
    free(lines);
    assert_int_equal(marked, cut);
}

static int tshark_is_there(void)
{
    return system("command -v tshark >/dev/null 2>&1") == 0; /* NOLINT(cert-env33-c) */
}

int main(void)
{
#define HERE(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        HERE(datagrams_show_every_type_in_both_encodings),
        HERE(tcp_segments_are_put_together),
        HERE(tls_is_read_with_the_keys_only),
        HERE(broken_datagrams_are_marked_and_harm_nothing),
    };
    if (!tshark_is_there()) {
        fprintf(stderr, "test_dissector: skipped, there is no tshark here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
