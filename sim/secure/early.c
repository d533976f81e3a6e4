/* 0-RTT data of TLS 1.3 (RFC 8446 sections 2.3 and 8): what an initiator that holds a ticket sends
 * along with its ClientHello. Nothing in the protocol keeps it from being sent again by somebody
 * else; a responder has to remember which tickets were used for it. OpenSSL would do so in a cache
 * that all its sessions of a policy share; here the memory is the responder's own. */
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/map.h"
#include "sim/secure/session_internal.h"

enum { EARLY_BYTES_MOST = 16384 };

struct secure_seen {
    pthread_mutex_t lock;
    struct map tickets; /* digest of a ticket's key -> 1 */
};

struct secure_seen *secure_seen_create(void)
{
    struct secure_seen *seen = mem_alloc(sizeof(*seen));
    CHECK(pthread_mutex_init(&seen->lock, NULL) == 0);
    return seen;
}

void secure_seen_free(struct secure_seen *seen)
{
    if (seen != NULL) {
        map_fini(&seen->tickets);
        pthread_mutex_destroy(&seen->lock);
        free(seen);
    }
}

/* RFC 8446 8.1: false the second time. */
static bool is_first(struct secure_seen *seen, const SSL_SESSION *ticket)
{
    uint8_t key[SSL_MAX_MASTER_KEY_LENGTH];
    uint8_t digest[SECURE_SHA256_BYTES];
    uint64_t name;
    uint64_t found;
    secure_sha256(span_of(key, SSL_SESSION_get_master_key(ticket, key, sizeof(key))), digest);
    memcpy(&name, digest, sizeof(name));
    pthread_mutex_lock(&seen->lock);
    bool first = !map_get(&seen->tickets, name, &found);
    map_set(&seen->tickets, name, 1);
    pthread_mutex_unlock(&seen->lock);
    return first;
}

int tls_on_early(SSL *ssl, void *arg)
{
    (void)arg;
    const struct secure_session *s = SSL_get_app_data(ssl);
    switch (s->policy->early) {
    case SECURE_EARLY_NONE:
        return 0;
    case SECURE_EARLY_ONCE:
        return s->seen != NULL && is_first(s->seen, SSL_get0_session(ssl));
    case SECURE_EARLY_REPLAYABLE:
        return 1;
    }
    return 0;
}

bool early_set_context(SSL_CTX *ctx, bool server, const struct secure_policy_params *params,
                       enum secure_early early)
{
    if (early == SECURE_EARLY_NONE || !server) {
        return true;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY); /* see above */
    SSL_CTX_set_allow_early_data_cb(ctx, tls_on_early, NULL);
    uint32_t most = params->early_bytes > 0 ? params->early_bytes : EARLY_BYTES_MOST;
    return SSL_CTX_set_max_early_data(ctx, most) == 1;
}

/* OpenSSL offers no ticket that is too old, but would still send data under its keys. */
static bool may_be_sent(const struct secure_session *s, const SSL_SESSION *ticket)
{
    size_t len = buf_len(&s->early);
    return len > 0 && len <= EARLY_BYTES_MOST && ticket != NULL &&
           len <= SSL_SESSION_get_max_early_data(ticket) &&
           identity_unix_time(s->now) - (int64_t)SSL_SESSION_get_time(ticket) <
               (int64_t)SSL_SESSION_get_ticket_lifetime_hint(ticket);
}

/* Octets of the records among `wire` that carry data. */
static size_t count_data(struct span wire)
{
    enum { HEADER_BYTES = 5 };
    size_t count = 0;
    struct span record;
    while (wire.len >= HEADER_BYTES &&
           span_take(&wire, HEADER_BYTES + ((size_t)wire.data[3] << 8 | wire.data[4]), &record)) {
        count += record.data[0] == SSL3_RT_APPLICATION_DATA ? record.len : 0;
    }
    return count;
}

static void send_early(struct secure_session *s, struct secure_output *out)
{
    struct span data = buf_span(&s->early);
    size_t before = buf_len(&out->wire);
    s->early_over = true;
    if (!may_be_sent(s, SSL_get0_session(s->ssl))) {
        return;
    }
    if (SSL_write_early_data(s->ssl, data.data, data.len, &s->early_bytes) != 1) {
        tls_note_failure(s, 0);
        return;
    }
    struct span wire = buf_span(&out->wire);
    out->early_bytes = count_data(span_of(wire.data + before, wire.len - before));
}

/* Up to what the peer has sent so far. */
static void read_early(struct secure_session *s, struct secure_output *out)
{
    uint8_t chunk[EARLY_BYTES_MOST];
    size_t got;
    int r = SSL_read_early_data(s->ssl, chunk, sizeof(chunk), &got);
    while (r == SSL_READ_EARLY_DATA_SUCCESS) {
        buf_append(&out->plain, span_of(chunk, got));
        s->early_bytes += got;
        r = SSL_read_early_data(s->ssl, chunk, sizeof(chunk), &got);
    }
    s->early_over = r == SSL_READ_EARLY_DATA_FINISH;
    if (!s->early_over) {
        tls_note_failure(s, 0);
    }
}

bool early_work(struct secure_session *s, struct secure_output *out)
{
    if (s->policy->early != SECURE_EARLY_NONE && !s->early_over && s->initiator) {
        send_early(s, out);
    } else if (s->policy->early != SECURE_EARLY_NONE && !s->early_over) {
        read_early(s, out);
        return s->early_over;
    }
    return s->state == SECURE_HANDSHAKING;
}

/* Until the initiator has the answer, OpenSSL says "rejected". */
static const char *early_word(const struct secure_session *s)
{
    bool answered = !s->initiator || s->was_established ||
                    SSL_get_early_data_status(s->ssl) == SSL_EARLY_DATA_ACCEPTED;
    if (s->initiator && s->early_bytes == 0) {
        return "none";
    }
    switch (SSL_get_early_data_status(s->ssl)) {
    case SSL_EARLY_DATA_ACCEPTED:
        return "accepted";
    case SSL_EARLY_DATA_REJECTED:
        return answered ? "rejected" : "offered";
    default:
        return "none";
    }
}

void early_facts(const struct secure_session *s, struct secure_facts *f)
{
    const SSL_SESSION *ticket = SSL_get0_session(s->ssl);
    const SSL_CIPHER *cipher = ticket != NULL ? SSL_SESSION_get0_cipher(ticket) : NULL;
    f->early_data = early_word(s);
    f->early_bytes = s->early_bytes;
    f->early_protected = s->early_bytes > 0 && cipher != NULL &&
                         SSL_CIPHER_get_bits(cipher, NULL) > 0 && SSL_CIPHER_is_aead(cipher);
}
