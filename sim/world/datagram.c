/* Messages outside a session: one UDP datagram each, framed as on a stream. */
#include "sim/world/account.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"
#include "sim/world/session.h"

static struct carry_queue *queue_of(struct carry *c)
{
    return &c->hop->datagrams[c->sender == c->hop->client->id ? 0 : 1];
}

static void forget(struct world *w, struct carry *c)
{
    map_remove(&w->datagrams, c->tag);
    carry_remove(queue_of(c), c);
}

void datagram_send(struct hop *hop, struct entity *from, struct carry *carry)
{
    struct world *w = hop->world;
    carry->tag = ++w->next_tag;
    carry->sent_at = net_now(w->net);
    carry->wire_bytes = buf_len(&carry->frame);
    if (hop->watch != NULL) {
        struct span secret = buf_span(&carry->message->secret);
        observe_public(hop, buf_span(&carry->frame));
        if (secret.len > 0) {
            observe_inner(hop, carry->message->id, carry->hop_number, secret);
            carry->watched = true;
        }
    }
    const struct entity *to = from == hop->client ? hop->server : hop->client;
    /* It may pass an eavesdropper inside the call. */
    map_set(&w->datagrams, carry->tag, (uint64_t)(uintptr_t)carry);
    carry_push(queue_of(carry), carry);
    int r = net_datagram_send(w->net, from->net_node, to->net_node, w->models->datagram_port,
                              buf_span(&carry->frame), carry->tag);
    if (r < 0) {
        forget(w, carry);
        account_lost(w, carry, r == -SIM_EINVAL ? "too_long" : "no_link");
    }
}

void datagram_dropped(void *world, uint64_t tag, const char *reason)
{
    struct world *w = world;
    uint64_t found;
    if (channel_is_tag(tag)) {
        channel_datagram_dropped(w, tag, reason);
    } else if (map_get(&w->datagrams, tag, &found)) {
        struct carry *c = (struct carry *)(uintptr_t)found;
        forget(w, c);
        account_lost(w, c, reason);
    }
}

/* The datagram under way with this very content; jitter does not reorder, but loss leaves gaps. */
static struct carry *match(const struct carry_queue *q, struct span payload)
{
    for (struct carry *c = q->first; c != NULL; c = c->next) {
        if (span_equal(buf_span(&c->frame), payload)) {
            return c;
        }
    }
    return NULL;
}

void datagram_received(void *entity, net_node from, struct span payload)
{
    struct entity *e = entity;
    struct world *w = e->world;
    struct hop *hop = entity_hop(e, from);
    if (hop == NULL) {
        return;
    }
    struct carry *c = match(&hop->datagrams[e == hop->server ? 0 : 1], payload);
    if (c != NULL) {
        forget(w, c);
    }
    uint8_t encoding;
    struct span message;
    struct span rest = payload;
    if (entity_is_silent(e)) {
        if (c != NULL) {
            account_lost(w, c, "silent");
        }
    } else if (frame_take(&rest, &encoding, &message) != 1 || rest.len != 0 || message.len == 0) {
        report_event(w, "bad_datagram", e, w->entities[from].node->id, "not one whole frame");
        if (c != NULL) {
            account_lost(w, c, "malformed");
        }
    } else {
        account_arrived(e, c, from, encoding, message, span_digest(0, message), false, "");
    }
}

void datagram_settle(struct world *w)
{
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        account_in_flight_queue(w, &w->hops[i].datagrams[0]);
        account_in_flight_queue(w, &w->hops[i].datagrams[1]);
    }
}
