/* The kind DTLS 1.2 (RFC 6347): one end, a step at a time. The SSL object, its certificates,
 * tickets and callbacks are those of TLS 1.2; what differs is here: datagrams, cookies, the timer
 * of flights, records dropped in silence, and messages cut to the path's MTU. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/dtls_pieces.h"
#include "sim/secure/session_internal.h"

enum { READ_CHUNK = 16384, COOKIE_BYTES = 32, RECORD_HEADER_BYTES = 13 };

/* When OpenSSL 3.0 fills a datagram with handshake messages, it forgets what an AEAD cipher adds to
 * Finished: 8 octets of nonce and 16 of tag. It is told a smaller MTU, of which messages take no
 * notice. */
enum { AEAD_BYTES = 24 };

struct dtls {
    size_t mtu;
    uint8_t cookie[COOKIE_BYTES];
    struct pieces *pieces;
    uint32_t cut_messages;      /* sent in pieces so far */
    uint16_t message;           /* of the step, being written; 0: none */
    unsigned next_number;       /* of the next handshake message that is not a repetition */
    bool repeated;              /* a handshake message was sent again in this step */
    size_t datagrams, octets;   /* written in this step */
    uint64_t sealed, good, bad; /* records that came sealed, or should have; of these good;
                                   malformed ones */
};

/* --- opening --------------------------------------------------------------------------------- */

/* What this responder wants to get back from that address. */
static void make_cookie(struct dtls *d, struct secure_session *s,
                        const struct secure_session_params *params)
{
    uint8_t own[SECURE_SHA256_BYTES];
    struct span secret = params->cookie_secret;
    if (secret.len == 0) {
        stream_read(&s->stream, own, sizeof(own));
        secret = span_of(own, sizeof(own));
    }
    secure_hmac_sha256(secret, params->peer_address, d->cookie);
}

static int dtls_open(struct secure_session *s, const struct secure_session_params *params,
                     sim_time now)
{
    if (params->mtu < SECURE_DTLS_MTU_LEAST) {
        return -SIM_EINVAL;
    }
    if (params->identity != NULL && params->identity->kind == SECURE_KEY_ED25519) {
        return -SIM_ENOTSUP;
    }
    struct dtls *d = mem_alloc(sizeof(*d));
    d->mtu = params->mtu < SECURE_DTLS_MTU_MOST ? params->mtu : SECURE_DTLS_MTU_MOST;
    d->pieces = pieces_create();
    s->dtls = d;
    int r = tls_open(s, params, now);
    if (!s->initiator) {
        make_cookie(d, s, params);
    }
    return r;
}

static unsigned int on_timer(SSL *ssl, unsigned int last_us)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    enum { MOST_US = 60 * 1000 * 1000 }; /* RFC 6347 4.2.4.1 */
    if (last_us == 0) {
        return (unsigned)(s->policy->retransmit_after / SIM_US);
    }
    return last_us < MOST_US / 2 ? last_us * 2 : MOST_US;
}

void dtls_set_up(struct secure_session *s)
{
    if (s->policy->retransmit_after > 0) {
        DTLS_set_timer_cb(s->ssl, on_timer);
    }
    CHECK(DTLS_set_link_mtu(s->ssl, (long)(s->dtls->mtu - AEAD_BYTES)) == 1);
}

static void dtls_free(struct secure_session *s)
{
    if (s->dtls != NULL) {
        tls_free(s);
        pieces_free(s->dtls->pieces);
        free(s->dtls);
    }
}

/* --- what OpenSSL asks and tells ---------------------------------------------------------------
 */

int dtls_on_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    memcpy(cookie, s->dtls->cookie, COOKIE_BYTES);
    *len = COOKIE_BYTES;
    return 1;
}

int dtls_on_check_cookie(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
    const struct secure_session *s = SSL_get_app_data(ssl);
    return secure_equal(span_of(cookie, len), span_of(s->dtls->cookie, COOKIE_BYTES));
}

bool dtls_is_new(struct secure_session *s, unsigned number)
{
    struct dtls *d = s->dtls;
    bool is_new = number >= d->next_number;
    d->next_number = is_new ? number + 1 : d->next_number;
    d->repeated |= !is_new;
    return is_new;
}

void dtls_note_good(struct secure_session *s)
{
    s->dtls->good++;
}

void dtls_note_written(struct secure_session *s, size_t bytes)
{
    s->dtls->datagrams++;
    s->dtls->octets += bytes;
}

uint16_t dtls_message(const struct secure_session *s)
{
    return s->dtls->message;
}

/* --- a step ---------------------------------------------------------------------------------- */

/* OpenSSL tells nothing of records that it drops: those that came sealed are counted here, and
 * those that came to something when they do. */
static void count_records(struct dtls *d, struct span list)
{
    struct span datagram;
    uint16_t message;
    while (secure_datagram_take(&list, &datagram, &message)) {
        while (datagram.len > 0) {
            struct span record = {0};
            bool whole = datagram.len >= RECORD_HEADER_BYTES && datagram.data[1] == 0xfe &&
                         span_take(&datagram,
                                   RECORD_HEADER_BYTES +
                                       ((size_t)datagram.data[11] << 8 | datagram.data[12]),
                                   &record);
            if (!whole) {
                d->bad++;
                break;
            }
            bool open = record.data[3] == 0 && record.data[4] == 0; /* the epoch */
            d->sealed += !open || record.data[0] == SSL3_RT_APPLICATION_DATA;
        }
    }
}

static uint64_t dropped(const struct dtls *d)
{
    return d->bad + (d->sealed > d->good ? d->sealed - d->good : 0);
}

static void run_timer(struct secure_session *s)
{
    if (DTLSv1_handle_timeout(s->ssl) < 0) {
        tls_note_failure(s, -1);
    }
}

static void read_all(struct secure_session *s, struct secure_output *out)
{
    uint8_t chunk[READ_CHUNK]; /* no record is longer: each read is one record */
    size_t got;
    int r = SSL_read_ex(s->ssl, chunk, sizeof(chunk), &got);
    while (r == 1) {
        dtls_note_good(s);
        s->dtls->bad += pieces_take(s->dtls->pieces, span_of(chunk, got), s->now, &out->plain) < 0;
        r = SSL_read_ex(s->ssl, chunk, sizeof(chunk), &got);
    }
    tls_note_failure(s, r);
    s->close_received =
        s->state == SECURE_ESTABLISHED && (SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

/* Octets for a message in a record that fits a datagram and the length agreed on (RFC 6066). */
static size_t room_of(SSL *ssl)
{
    size_t room = DTLS_get_data_mtu(ssl) + AEAD_BYTES;
    const SSL_SESSION *session = SSL_get_session(ssl);
    unsigned code = session != NULL ? SSL_SESSION_get_max_fragment_length(session) : 0;
    size_t agreed = code != 0 ? (size_t)512 << (code - 1) : SSL3_RT_MAX_PLAIN_LENGTH;
    return room < agreed ? room : agreed;
}

/* A message that is too long even for pieces is not sent; its peer will miss it as any other. */
static void write_message(struct secure_session *s, struct span message)
{
    struct dtls *d = s->dtls;
    struct buf record = {0};
    size_t room = room_of(s->ssl);
    size_t count = pieces_count(message.len, room);
    for (size_t i = 0; s->state == SECURE_ESTABLISHED && i < count; i++) {
        size_t written;
        buf_clear(&record);
        pieces_make(message, room, d->cut_messages, i, &record);
        if (SSL_write_ex(s->ssl, buf_span(&record).data, buf_len(&record), &written) != 1) {
            tls_note_failure(s, 0);
        }
    }
    d->cut_messages += count > 1;
    buf_fini(&record);
}

static void write_all(struct secure_session *s, const struct secure_input *in)
{
    for (size_t i = 0; s->state == SECURE_ESTABLISHED && i < in->message_count; i++) {
        if (in->messages[i].len > 0) {
            s->dtls->message = (uint16_t)(i + 1);
            write_message(s, in->messages[i]);
        }
    }
    s->dtls->message = 0;
}

static sim_time deadline(const struct secure_session *s)
{
    struct timeval left;
    return DTLSv1_get_timeout(s->ssl, &left) == 1
               ? s->now + (sim_time)left.tv_sec * SIM_S + (sim_time)left.tv_usec * SIM_US
               : SIM_TIME_NEVER;
}

static void dtls_work(struct secure_session *s, const struct secure_input *in,
                      struct secure_output *out)
{
    struct dtls *d = s->dtls;
    s->started |= in->start || !s->initiator;
    run_timer(s);
    if (s->state == SECURE_HANDSHAKING && s->started) {
        tls_handshake(s);
        out->handshake_bytes += d->octets;
        out->handshake_datagrams += d->datagrams;
    }
    if (s->state == SECURE_ESTABLISHED && !s->close_received) {
        read_all(s, out);
    }
    if (s->state == SECURE_ESTABLISHED) {
        write_all(s, in);
    }
    if (s->state == SECURE_ESTABLISHED && in->close) {
        tls_send_close(s);
    }
    tls_note_end(s, in->wire_end);
    out->flight_repeated |= d->repeated;
    out->deadline = deadline(s);
}

static void dtls_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                      struct secure_output *out)
{
    struct dtls *d = s->dtls;
    d->repeated = false;
    d->datagrams = d->octets = 0;
    count_records(d, in->wire);
    tls_enter(s, in, now);
    dtls_work(s, in, out);
    out->records_dropped = dropped(d);
    tls_leave(s, out);
}

static void dtls_facts(const struct secure_session *s, struct secure_facts *f)
{
    tls_facts(s, f);
    f->records_dropped = dropped(s->dtls);
}

const struct secure_kind_ops dtls_ops = {
    .name = "dtls", .open = dtls_open, .step = dtls_step, .facts = dtls_facts, .free = dtls_free};
