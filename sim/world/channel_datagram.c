/* Channels over datagrams: DTLS on UDP. What a stream gives for nothing is seen to here: timers,
 * the pairing of what arrives with what was sent, and the end.
 *
 * - A session's datagrams carry tags, so that the network tells which message a lost one was a part
 *   of; what neither arrives nor is told of (altered on the way, say) is given up after LOST_AFTER.
 * - The empty frame that says "I am established" may be lost: it is repeated until the peer has
 *   said so, too, and an end that hears it again answers.
 * - Nobody hears that the other end is gone. close_notify is sent once; its sender waits LINGER for
 *   the answer. A new ClientHello of the same client replaces a session that it has given up
 *   (RFC 6347 4.2.8). */
#include "sim/world/account.h"
#include "sim/world/exhaust.h"
#include "sim/world/half_open.h"
#include "sim/world/rogue.h"
#include "sim/world/session.h"

/* [ours] */
#define LOST_AFTER (60 * SIM_S)
#define LINGER (2 * SIM_S)
#define CONFIRM_AFTER (1 * SIM_S)
#define CONFIRM_MOST (32 * SIM_S)

/* Tags: that of a message outside sessions is below; above are hop, side and a number. */
enum { TAG_SHIFT = 40 };
#define TAG_COUNT (UINT64_C(1) << TAG_SHIFT)

static uint64_t first_tag(const struct end *end)
{
    const struct hop *hop = end->channel->hop;
    return (((uint64_t)hop->number + 1) * 2 + (uint64_t)end->side) * TAG_COUNT;
}

bool channel_is_tag(uint64_t tag)
{
    return tag >= TAG_COUNT;
}

/* --- timers ----------------------------------------------------------------------------------- */

static void on_deadline(void *arg)
{
    struct end *end = arg;
    end->deadline = 0;
    end->expired = true;
    step_kick(end);
}

void channel_set_deadline(struct end *end, sim_time at)
{
    struct net *net = end->channel->world->net;
    net_timer_cancel(net, end->deadline);
    end->deadline = 0;
    if (at != SIM_TIME_NEVER && !end->dead) {
        sim_time now = net_now(net);
        end->deadline = net_timer_set(net, at > now ? at : now, on_deadline, end);
    }
}

static void on_unconfirmed(void *arg)
{
    struct end *end = arg;
    end->confirm_timer = 0;
    if (!end->dead && !end->confirmed) {
        end->confirm = true;
        channel_await_confirmation(end);
        step_kick(end);
    }
}

void channel_await_confirmation(struct end *end)
{
    struct net *net = end->channel->world->net;
    sim_time after = end->confirm_after == 0 ? CONFIRM_AFTER : end->confirm_after * 2;
    end->confirm_after = after < CONFIRM_MOST ? after : CONFIRM_MOST;
    end->confirm_timer = net_timer_set(net, net_now(net) + end->confirm_after, on_unconfirmed, end);
}

static void on_linger(void *arg)
{
    struct end *end = arg;
    end->linger = 0;
    end->received_end = true;
    step_kick(end);
}

void channel_linger(struct end *end)
{
    struct net *net = end->channel->world->net;
    if (!end->dead && end->linger == 0) {
        end->linger = net_timer_set(net, net_now(net) + LINGER, on_linger, end);
    }
}

static void set_lost_timer(struct end *end);

static sim_time given_up_at(const struct carry *c)
{
    sim_time from = c->held_until > c->sent_at ? c->held_until : c->sent_at;
    return from == SIM_TIME_NEVER ? SIM_TIME_NEVER : from + LOST_AFTER;
}

static void on_not_received(void *arg)
{
    struct end *end = arg;
    struct world *w = end->channel->world;
    end->lost_timer = 0;
    for (struct carry *c = end->under_way.first; c != NULL;) {
        struct carry *next = c->next;
        if (given_up_at(c) <= net_now(w->net)) {
            carry_remove(&end->under_way, c);
            account_lost(w, c, "not_received");
        }
        c = next;
    }
    set_lost_timer(end);
}

static void set_lost_timer(struct end *end)
{
    struct net *net = end->channel->world->net;
    sim_time first = SIM_TIME_NEVER;
    for (const struct carry *c = end->lost_timer == 0 ? end->under_way.first : NULL;
         c != NULL && c->sent_at + LOST_AFTER < first; c = c->next) {
        first = given_up_at(c) < first ? given_up_at(c) : first;
    }
    if (first != SIM_TIME_NEVER) {
        end->lost_timer = net_timer_set(net, first, on_not_received, end);
    }
}

void channel_cancel_timers(struct end *end)
{
    struct net *net = end->channel->world->net;
    net_timer_cancel(net, end->deadline);
    net_timer_cancel(net, end->confirm_timer);
    net_timer_cancel(net, end->linger);
    net_timer_cancel(net, end->lost_timer);
    end->deadline = end->confirm_timer = end->linger = end->lost_timer = 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The message of a step that a datagram carries; NULL: none of CPNS. */
static struct carry *carry_of(const struct step *s, uint16_t message)
{
    size_t before = s->message_count - s->carried.count; /* empty frames */
    struct carry *c = message > before ? s->carried.first : NULL;
    for (size_t i = before + 1; c != NULL && i < message; i++) {
        c = c->next;
    }
    return c;
}

void channel_tag_datagrams(struct end *end, struct step *s)
{
    struct span list = buf_span(&s->output.wire);
    struct span datagram;
    uint16_t message;
    uint64_t tag = first_tag(end) + end->channel->hop->datagrams_sent[end->side];
    while (secure_datagram_take(&list, &datagram, &message)) {
        struct carry *c = carry_of(s, message);
        end->wire_bytes += datagram.len;
        if (c != NULL) {
            if (c->tag_count == 0) {
                c->tag = tag;
                c->datagram_hash = span_digest(0, datagram);
            }
            c->tag_count++;
            c->wire_bytes += datagram.len;
        }
        tag++;
    }
    for (struct carry *c = s->carried.first; c != NULL;) {
        struct carry *next = c->next;
        if (c->tag_count == 0) { /* the session broke before it; or nothing cuts it to pieces */
            bool broke = s->output.state != SECURE_ESTABLISHED;
            CHECK(broke || scenario_is_clear(end->channel->hop->policy));
            carry_remove(&s->carried, c);
            account_lost(end->channel->world, c, broke ? "session_lost" : "too_long");
        }
        c = next;
    }
}

net_node channel_peer_node(const struct channel *c, int side)
{
    bool rogue = c->reaches != c->hop->server->net_node;
    return side == SIDE_INITIATOR || rogue ? c->reaches : c->hop->client->net_node;
}

void channel_send_datagrams(struct end *end, const struct step *s)
{
    struct hop *hop = end->channel->hop;
    struct world *w = hop->world;
    net_node to = channel_peer_node(end->channel, end->side);
    struct span list = buf_span(&s->output.wire);
    struct span datagram;
    uint16_t message;
    int r = 0;
    while (secure_datagram_take(&list, &datagram, &message)) {
        uint64_t tag = first_tag(end) + hop->datagrams_sent[end->side]++;
        r = net_datagram_send(w->net, end->entity->net_node, to, w->models->session_datagram_port,
                              datagram, tag);
        if (r < 0) {
            channel_datagram_dropped(w, tag, "no_link");
        }
    }
    end->unreachable = r == -SIM_ENOENT && end->state == SECURE_HANDSHAKING;
    set_lost_timer(end);
}

/* --- what becomes of it ------------------------------------------------------------------------
 */

static bool has_tag(const struct carry *c, uint64_t tag)
{
    return tag >= c->tag && tag < c->tag + c->tag_count;
}

static bool begins_with(const struct carry *c, uint64_t datagram_hash)
{
    return c->datagram_hash == datagram_hash;
}

/* The message that one side has under way and to which a datagram belongs; NULL: none, or it is
 * lost already by another of its datagrams. */
static struct carry *look_under_way(const struct hop *hop, int side, bool taken_off,
                                    bool (*belongs)(const struct carry *c, uint64_t key),
                                    uint64_t key)
{
    for (int i = 0; i < 2; i++) {
        struct channel *c = hop->live[i];
        if (c == NULL || (i == 1 && c == hop->live[0])) {
            continue;
        }
        struct carry_queue *q = &c->ends[side].under_way;
        for (struct carry *k = q->first; k != NULL; k = k->next) {
            if (belongs(k, key)) {
                if (taken_off) {
                    carry_remove(q, k);
                }
                return k;
            }
        }
    }
    return NULL;
}

static struct carry *find_under_way(const struct hop *hop, int side,
                                    bool (*belongs)(const struct carry *c, uint64_t key),
                                    uint64_t key)
{
    return look_under_way(hop, side, false, belongs, key);
}

static struct carry *take_under_way(const struct hop *hop, int side,
                                    bool (*belongs)(const struct carry *c, uint64_t key),
                                    uint64_t key)
{
    return look_under_way(hop, side, true, belongs, key);
}

static const struct hop *hop_of_tag(const struct world *w, uint64_t tag)
{
    return &w->hops[tag / TAG_COUNT / 2 - 1];
}

static int side_of_tag(uint64_t tag)
{
    return (int)(tag / TAG_COUNT % 2);
}

void channel_datagram_dropped(struct world *w, uint64_t tag, const char *reason)
{
    if (map_remove(&w->copies, tag)) {
        return;
    }
    struct carry *c = take_under_way(hop_of_tag(w, tag), side_of_tag(tag), has_tag, tag);
    if (c != NULL) {
        account_lost(w, c, reason);
    }
}

struct carry *channel_carry_of(const struct world *w, uint64_t tag)
{
    return channel_is_tag(tag) ? find_under_way(hop_of_tag(w, tag), side_of_tag(tag), has_tag, tag)
                               : NULL;
}

void channel_datagram_copied(struct world *w, uint64_t tag)
{
    if (channel_is_tag(tag)) {
        map_set(&w->copies, tag, 1);
    }
}

void channel_datagram_held(struct world *w, uint64_t tag, sim_time until)
{
    struct carry *c = channel_carry_of(w, tag);
    if (c != NULL) {
        c->held_until = until;
    }
}

struct carry *channel_take_arrived(struct end *from, uint8_t encoding, uint64_t digest)
{
    for (struct carry *c = from->under_way.first; c != NULL; c = c->next) {
        if (c->sent_hash == digest && c->encoding == encoding) {
            carry_remove(&from->under_way, c);
            return c;
        }
    }
    return NULL;
}

/* --- receiving -------------------------------------------------------------------------------- */

/* Between an entity and another, or a rogue that poses as its peer. */
static struct hop *hop_from(const struct entity *e, net_node from)
{
    if (from < e->world->scenario->node_count) {
        return entity_hop(e, from);
    }
    struct hop *hop = rogue_hop(e->world, from);
    return hop != NULL && (hop->client == e || hop->server == e) ? hop : NULL;
}

/* A session is one between two addresses. */
static bool is_from(const struct channel *c, int side, net_node from)
{
    return c != NULL && channel_peer_node(c, side) == from;
}

/* What makes a server answer: where there is no handshake, that its peer says it is established. */
static bool is_opening(const struct hop *hop, struct span payload)
{
    uint8_t encoding;
    struct span message;
    if (!scenario_is_clear(hop->policy)) {
        return half_open_is_hello(payload);
    }
    return frame_take(&payload, &encoding, &message) == 1 && message.len == 0 &&
           encoding == FRAME_ESTABLISHED;
}

void channel_datagram_received(void *entity, net_node from, struct span payload)
{
    struct entity *e = entity;
    struct hop *hop = hop_from(e, from);
    if (hop == NULL) {
        exhaust_datagram(e->world, from, payload);
        return;
    }
    if (!hop->has_datagrams) {
        return;
    }
    int side = e == hop->client ? SIDE_INITIATOR : SIDE_RESPONDER;
    if (entity_is_silent(e)) { /* nobody takes it from the port */
        struct carry *lost = take_under_way(hop, 1 - side, begins_with, span_digest(0, payload));
        if (lost != NULL) {
            account_lost(e->world, lost, "silent");
        }
        return;
    }
    if (side == SIDE_RESPONDER && is_opening(hop, payload) &&
        is_from(hop->live[SIDE_INITIATOR], side, from)) {
        if (!half_open_admits(hop, payload)) {
            return;
        }
        channel_answer(hop);
    }
    struct channel *c = hop->live[side];
    struct end *end = is_from(c, side, from) ? &c->ends[side] : NULL;
    if (end != NULL && !end->dead) {
        probe_datagram_read(end, payload);
        secure_datagram_append(&end->received, payload, 0);
        step_kick(end);
    }
}
