#include "sim/world/half_open.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/world/report.h"
#include "sim/world/session.h"

struct half_open *half_open_of(struct entity *e)
{
    if (e->half_open == NULL) {
        e->half_open = mem_alloc(sizeof(*e->half_open));
    }
    return e->half_open;
}

static uint64_t with_peer(const struct half_open *h, net_node peer)
{
    uint64_t count = 0;
    return map_get(&h->by_peer, peer, &count) ? count : 0;
}

/* Which limit is reached; NULL: none. */
static const char *limit_of(const struct half_open *h, const struct scenario_policy *p,
                            net_node peer)
{
    if (p->half_open > 0 && h->count >= p->half_open) {
        return "half_open";
    }
    return p->half_open_per_peer > 0 && with_peer(h, peer) >= p->half_open_per_peer
               ? "half_open_per_peer"
               : NULL;
}

bool half_open_enter(struct end *end)
{
    struct channel *c = end->channel;
    struct hop *hop = c->hop;
    struct half_open *h = half_open_of(end->entity);
    if (end->half_open || scenario_is_clear(hop->policy)) {
        return true;
    }
    net_node peer = c->stranger != NULL  ? c->peer
                    : hop->has_datagrams ? channel_peer_node(c, SIDE_RESPONDER)
                                         : hop->client->net_node;
    const char *limit = limit_of(h, hop->policy, peer);
    if (limit != NULL && c->stranger == NULL) {
        h->refused_clients += c->failure == NULL;
        report_event(c->world, "refused", end->entity, hop->edge->id, limit);
        if (!hop->has_datagrams) { /* a ClientHello that was dropped comes again */
            c->failure = world_intern(c->world, "refused");
        }
    }
    if (limit != NULL) {
        return false;
    }
    c->peer = peer;
    end->half_open = true;
    h->count++;
    map_set(&h->by_peer, peer, with_peer(h, peer) + 1);
    return true;
}

void half_open_leave(struct end *end)
{
    if (!end->half_open) {
        return;
    }
    struct half_open *h = end->entity->half_open;
    uint64_t rest = with_peer(h, end->channel->peer) - 1;
    end->half_open = false;
    h->count--;
    if (rest > 0) {
        map_set(&h->by_peer, end->channel->peer, rest);
    } else {
        map_remove(&h->by_peer, end->channel->peer);
    }
}

/* --- datagrams -------------------------------------------------------------------------------- */

enum { RECORD_HEADER = 13, HANDSHAKE_HEADER = 12, VERSION_AND_RANDOM = 34 };

bool half_open_is_hello(struct span d)
{
    enum { HANDSHAKE = 22, CLIENT_HELLO = 1 };
    return d.len > RECORD_HEADER && d.data[0] == HANDSHAKE && d.data[1] == 0xfe && d.data[3] == 0 &&
           d.data[4] == 0 && d.data[RECORD_HEADER] == CLIENT_HELLO;
}

bool half_open_has_cookie(struct span hello)
{
    struct span rest = hello;
    struct span part;
    uint8_t len;
    return span_take(&rest, RECORD_HEADER + HANDSHAKE_HEADER + VERSION_AND_RANDOM, &part) &&
           span_take_u8(&rest, &len) && span_take(&rest, len, &part) && /* session id */
           span_take_u8(&rest, &len) && len > 0;
}

bool half_open_admits(struct hop *hop, struct span datagram)
{
    struct channel *c = hop->live[SIDE_INITIATOR];
    struct end *end = c != NULL ? &c->ends[SIDE_RESPONDER] : NULL;
    return end == NULL || end->dead || end->up_at != SIM_TIME_NEVER ||
           (!hop->policy->no_cookies && !half_open_has_cookie(datagram)) || half_open_enter(end);
}
