/* The account of messages: each one that is sent ends as delivered, lost, refused or in flight, and
 * so does each of its hops. */
#include "sim/world/account.h"

#include <stdlib.h>

#include "sim/world/attack.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"
#include "sim/world/session.h"

void carry_push(struct carry_queue *q, struct carry *c)
{
    c->next = NULL;
    if (q->last != NULL) {
        q->last->next = c;
    } else {
        q->first = c;
    }
    q->last = c;
    q->count++;
}

struct carry *carry_pop(struct carry_queue *q)
{
    struct carry *c = q->first;
    if (c != NULL) {
        carry_remove(q, c);
    }
    return c;
}

void carry_remove(struct carry_queue *q, struct carry *c)
{
    struct carry *before = NULL;
    for (struct carry *i = q->first; i != c; i = i->next) {
        CHECK(i != NULL);
        before = i;
    }
    if (before != NULL) {
        before->next = c->next;
    } else {
        q->first = c->next;
    }
    if (q->last == c) {
        q->last = before;
    }
    q->count--;
    c->next = NULL;
}

void carry_overheard(struct carry_queue *q, struct span message)
{
    uint64_t digest = span_digest(0, message);
    for (struct carry *c = q->first; c != NULL; c = c->next) {
        if (!c->overheard && c->exemption != EXEMPT_GROUP_KEY && c->sent_hash == digest &&
            c->plain_bytes == message.len) {
            c->overheard = true;
            return;
        }
    }
}

static void carry_free(struct carry *c)
{
    if (c->watched && c->hop->watch != NULL) {
        observe_settled(c->hop, c->message->id, c->hop_number);
    }
    if (c->sent_at != SIM_TIME_NEVER) {
        flow_carried(c->message->flow, c->wire_bytes);
    }
    buf_fini(&c->frame);
    pool_put(&c->hop->world->carry_pool, c);
}

static struct message *find_message(const struct world *w, uint64_t id)
{
    uint64_t found;
    return map_get(&w->messages, id, &found) ? (struct message *)(uintptr_t)found : NULL;
}

/* What is sealed inside a message is sealed inside its copies. */
static void keep_secret(const struct world *w, struct message *m)
{
    const struct message *original = m->info.copy_of != 0 ? find_message(w, m->info.copy_of) : NULL;
    struct span secret = original != NULL ? buf_span(&original->secret) : m->info.secret;
    if (secret.len > 0) {
        buf_append(&m->secret, secret);
    }
    m->info.secret = (struct span){0};
}

struct message *account_message(struct world *w, const struct message_info *info, size_t bytes)
{
    struct message *m = pool_take(&w->message_pool, sizeof(*m));
    m->id = ++w->next_message;
    m->info = *info;
    m->sent_at = net_now(w->net);
    m->delivered_at = SIM_TIME_NEVER;
    m->plain_bytes = bytes;
    m->flow = flow_take(w, info->flow, bytes);
    keep_secret(w, m);
    m->prev = w->last_message;
    if (w->last_message != NULL) {
        w->last_message->next = m;
    } else {
        w->first_message = m;
    }
    w->last_message = m;
    map_set(&w->messages, m->id, (uint64_t)(uintptr_t)m);
    w->stats.messages_sent++;
    tally_count(w, info->type, "sent", NULL, bytes);
    return m;
}

static void finish_message(struct world *w, struct message *m, const char *outcome,
                           const char *reason)
{
    m->outcome = outcome;
    m->reason = reason;
    tally_count(w, m->info.type, outcome, reason, m->plain_bytes);
    report_message(w, m);
    forge_settle(w, m);
    if (m->prev != NULL) {
        m->prev->next = m->next;
    } else {
        w->first_message = m->next;
    }
    if (m->next != NULL) {
        m->next->prev = m->prev;
    } else {
        w->last_message = m->prev;
    }
    map_remove(&w->messages, m->id);
    flow_message_over(w, m->flow, m->delivered_at != SIM_TIME_NEVER, reason);
    buf_fini(&m->secret);
    pool_put(&w->message_pool, m);
}

struct carry *account_carry(struct hop *hop, struct message *m, entity_id sender,
                            enum exemption exempt, uint8_t encoding, struct span payload)
{
    struct world *w = hop->world;
    struct carry *c = pool_take(&w->carry_pool, sizeof(*c));
    c->message = m;
    c->hop_number = m->carries++;
    m->hops += hop->inside == NULL;
    c->sender = sender;
    c->receiver = hop->client->id == sender ? hop->server->id : hop->client->id;
    c->hop = hop;
    c->exemption = exempt;
    c->encoding = encoding;
    c->queued_at = net_now(w->net);
    c->sent_at = c->received_at = SIM_TIME_NEVER;
    c->plain_bytes = payload.len;
    c->sent_hash = span_digest(0, payload);
    frame_append(&c->frame, encoding, payload);
    return c;
}

static void refuse(struct world *w, uint64_t id, const char *reason)
{
    struct message *m = find_message(w, id);
    if (m != NULL) {
        w->stats.messages_refused++;
        finish_message(w, m, "refused", reason);
    }
}

static void deliver(struct world *w, uint64_t id)
{
    struct message *m = find_message(w, id);
    if (m != NULL) {
        m->delivered_at = net_now(w->net);
        w->stats.messages_delivered++;
        finish_message(w, m, "delivered", NULL);
    }
}

void account_arrived(struct entity *to, struct carry *carry, entity_id from, uint8_t encoding,
                     struct span payload, uint64_t digest, bool in_session, const char *peer_urn)
{
    struct world *w = to->world;
    struct flow *flow = carry != NULL ? carry->message->flow : NULL;
    struct received received = {
        .from = from,
        .payload = payload,
        .encoding = encoding,
        .in_session = in_session,
        .peer_urn = peer_urn,
        .message_id = carry != NULL ? carry->message->id : 0,
    };
    if (carry != NULL) {
        carry->received_at = net_now(w->net);
        carry->received_hash = digest;
        carry->message->protected_hops += carry->protected;
        report_carry(w, carry, "delivered", NULL);
        carry_free(carry);
    } else {
        report_event(w, "unknown_message", to, w->entities[from].node->id,
                     "nobody sent it like this: forged or altered on the way");
    }
    to->refuse_reason = NULL;
    flow_enter(w, flow);
    enum disposition disposition = to->type->message(to, to->state, &received);
    switch (disposition) {
    case MESSAGE_DELIVERED:
        deliver(w, received.message_id);
        break;
    case MESSAGE_FORWARDED:
        break;
    case MESSAGE_REFUSED:
        refuse(w, received.message_id, to->refuse_reason != NULL ? to->refuse_reason : "refused");
        break;
    }
    flow_leave(w);
}

void account_lost(struct world *w, struct carry *carry, const char *reason)
{
    struct message *m = carry->message;
    report_carry(w, carry, "lost", reason);
    carry_free(carry);
    w->stats.messages_lost++;
    finish_message(w, m, "lost", reason);
}

void account_lost_queue(struct world *w, struct carry_queue *q, const char *reason)
{
    for (struct carry *c = carry_pop(q); c != NULL; c = carry_pop(q)) {
        account_lost(w, c, reason);
    }
}

void account_in_flight_queue(struct world *w, struct carry_queue *q)
{
    for (struct carry *c = carry_pop(q); c != NULL; c = carry_pop(q)) {
        report_carry(w, c, "in_flight", NULL);
        carry_free(c);
    }
}

void account_settle(struct world *w)
{
    while (w->first_message != NULL) {
        finish_message(w, w->first_message, "in_flight", NULL);
    }
}

static void send(struct hop *hop, struct entity *e, struct message *m, enum exemption exempt,
                 uint8_t encoding, struct span payload)
{
    struct buf forged = {0};
    channel_look_to_send(hop, e, 1);
    if (forge_message(e, hop, m, encoding, payload, &forged)) {
        payload = buf_span(&forged);
    }
    account_go(hop, e, account_carry(hop, m, e->id, exempt, encoding, payload));
    buf_fini(&forged);
}

uint64_t entity_send(struct entity *e, entity_id peer, enum exemption exempt, uint8_t encoding,
                     struct span payload, const struct message_info *info)
{
    struct world *w = e->world;
    struct hop *hop = entity_hop(e, peer);
    CHECK(hop != NULL);
    channel_look_to_send(hop, e, 0);
    struct message *m = account_message(w, info, payload.len);
    uint64_t id = m->id;
    send(hop, e, m, exempt, encoding, payload);
    return id;
}

void entity_forward(struct entity *e, entity_id peer, enum exemption exempt, uint8_t encoding,
                    struct span payload, uint64_t message_id)
{
    struct world *w = e->world;
    struct hop *hop = entity_hop(e, peer);
    CHECK(hop != NULL);
    channel_look_to_send(hop, e, 0);
    struct message *m = find_message(w, message_id);
    if (m == NULL) {
        report_event(w, "forward_dropped", e, w->entities[peer].node->id,
                     "the message is not under way");
        return;
    }
    send(hop, e, m, exempt, encoding, payload);
}

void account_go(struct hop *hop, struct entity *from, struct carry *carry)
{
    if (entity_is_silent(from)) {
        account_lost(hop->world, carry, "silent");
    } else if (hop->inside != NULL) {
        inside_send(hop, from, carry);
    } else if (carry->exemption != EXEMPT_NOT || hop->kind == HOP_BRIDGE) {
        bool own = carry->exemption == EXEMPT_NOT; /* a bridge is a reason by itself */
        carry->exemption = own ? EXEMPT_BRIDGE : carry->exemption;
        datagram_send(hop, from, carry);
    } else {
        channel_send(hop, from, carry);
    }
}
