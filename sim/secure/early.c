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

bool early_set_context(SSL_CTX *ctx, bool server, enum secure_early early)
{
    if (early == SECURE_EARLY_NONE || !server) {
        return true;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY); /* see above */
    SSL_CTX_set_allow_early_data_cb(ctx, tls_on_early, NULL);
    return SSL_CTX_set_max_early_data(ctx, EARLY_BYTES_MOST) == 1;
}

static void send_early(struct secure_session *s)
{
    const SSL_SESSION *ticket = SSL_get0_session(s->ssl);
    struct span data = buf_span(&s->early);
    size_t written;
    bool may = ticket != NULL && data.len <= SSL_SESSION_get_max_early_data(ticket);
    if (data.len > 0 && may && SSL_write_early_data(s->ssl, data.data, data.len, &written) != 1) {
        tls_note_failure(s, 0);
    }
    s->early_over = true;
}

/* Up to what the peer has sent so far. */
static void read_early(struct secure_session *s, struct secure_output *out)
{
    uint8_t chunk[EARLY_BYTES_MOST];
    size_t got;
    int r = SSL_read_early_data(s->ssl, chunk, sizeof(chunk), &got);
    while (r == SSL_READ_EARLY_DATA_SUCCESS) {
        buf_append(&out->plain, span_of(chunk, got));
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
        send_early(s);
    } else if (s->policy->early != SECURE_EARLY_NONE && !s->early_over) {
        read_early(s, out);
        return s->early_over;
    }
    return s->state == SECURE_HANDSHAKING;
}

const char *early_word(const struct secure_session *s)
{
    switch (SSL_get_early_data_status(s->ssl)) {
    case SSL_EARLY_DATA_ACCEPTED:
        return "accepted";
    case SSL_EARLY_DATA_REJECTED:
        return "rejected";
    default:
        return "none";
    }
}
