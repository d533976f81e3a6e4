/* Tickets that know when the last full handshake was: each resumption brings a new ticket, with a
 * lifetime of its own, so that without this a chain of them has no end. */
#include "sim/secure/session_internal.h"

enum { ORIGIN_BYTES = 8 };

static bool read_origin(SSL_SESSION *session, sim_time *ret)
{
    void *data = NULL;
    size_t len = 0;
    uint64_t value;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &len) != 1 || len != ORIGIN_BYTES) {
        return false;
    }
    struct span octets = span_of(data, len);
    bool whole = span_take_u64(&octets, &value);
    *ret = (sim_time)value;
    return whole;
}

int tls_on_make_ticket(SSL *ssl, void *arg)
{
    (void)arg;
    const struct secure_session *s = SSL_get_app_data(ssl);
    SSL_SESSION *session = SSL_get_session(ssl);
    sim_time origin;
    if (s->policy->resumption_lifetime == SIM_TIME_NEVER ||
        (SSL_session_reused(ssl) == 1 && read_origin(session, &origin))) {
        return 1;
    }
    struct buf octets = {0};
    buf_append_u64(&octets, (uint64_t)s->now);
    struct span data = buf_span(&octets);
    int set = SSL_SESSION_set1_ticket_appdata(session, data.data, data.len);
    buf_fini(&octets);
    return set;
}

bool tls_origin_allows(const struct secure_session *s, SSL_SESSION *session)
{
    sim_time origin;
    return s->policy->resumption_lifetime == SIM_TIME_NEVER ||
           (read_origin(session, &origin) && s->now - origin <= s->policy->resumption_lifetime);
}
