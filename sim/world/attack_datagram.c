/* Attackers on sessions over datagrams: DTLS on UDP. A datagram is a list of records; what is
 * planned for one of them is done to the datagram, whose lengths and checksums the network makes
 * right, and what follows it is a datagram more. Nothing has to be remembered: what is sent again,
 * is sealed again, with a number of its own.
 *
 * A session's datagrams fit the MTU of their way, so that IP cuts none of them; below IP, 6LoWPAN
 * cuts and joins where nobody listens. A fragment is therefore none of a session's, and passes. */
#include <stdlib.h>
#include <string.h>

#include "sim/world/attack_flow.h"
#include "sim/world/observe.h"
#include "sim/world/session.h"

enum { RECORD_HANDSHAKE = 22, CLIENT_HELLO = 1, HANDSHAKE_HEADER = 12, HEARD_MOST = 8192 };

/* A datagram under attack. */
struct passing {
    struct attack_flow *flow;
    int side; /* that sent it */
    const struct net_packet *packet;
    const struct packet_view *view;
    struct buf body; /* what goes on of it */
    struct buf more; /* the datagram that follows */
    bool follows;
    bool changed;
    struct trial *trial; /* begun or continued by it */
};

/* --- records
 * ------------------------------------------------------------------------------------------- */

/* The next whole unit of the datagram; false: none, what is left is no record. */
static bool take_unit(bool frames, struct span *rest, struct span *unit)
{
    const uint8_t *at = rest->data;
    size_t header = frames ? (size_t)ATTACK_HEADER_BYTES : (size_t)ATTACK_DTLS_HEADER_BYTES;
    if (rest->len < header || (!frames && at[1] != 0xfe)) {
        return false;
    }
    size_t body = frames ? (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]
                         : (size_t)at[ATTACK_DTLS_LENGTH_AT] << 8 | at[ATTACK_DTLS_LENGTH_AT + 1];
    return body <= rest->len && span_take(rest, header + body, unit);
}

static bool is_open_handshake(struct span record)
{
    return record.len > ATTACK_DTLS_HEADER_BYTES + HANDSHAKE_HEADER &&
           record.data[0] == RECORD_HANDSHAKE && record.data[3] == 0 && record.data[4] == 0;
}

static bool is_hello(const struct passing *p, struct span record)
{
    return !p->flow->frames && p->side == SIDE_INITIATOR && is_open_handshake(record) &&
           record.data[ATTACK_DTLS_HEADER_BYTES] == CLIENT_HELLO;
}

/* Certificates come in fragments; the names in them may stand in two. */
static void overhear(struct passing *p, struct span unit)
{
    struct buf *heard = &p->flow->dirs[p->side].unit;
    if (!p->flow->tap->attacker->ops->listens || p->flow->frames || !is_open_handshake(unit)) {
        attack_overhear(p->flow, unit);
        return;
    }
    enum { SKIPPED = ATTACK_DTLS_HEADER_BYTES + HANDSHAKE_HEADER };
    if (buf_len(heard) > HEARD_MOST) {
        buf_consume(heard, buf_len(heard) / 2);
    }
    buf_append(heard, span_of(unit.data + SKIPPED, unit.len - SKIPPED));
    attack_overhear(p->flow, buf_span(heard));
}

/* --- what is planned
 * ------------------------------------------------------------------------------------------- */

static void append_altered(struct passing *p, struct span unit, const struct attack_plan *plan)
{
    struct buf altered = {0};
    buf_append(&altered, unit);
    uint8_t *at = buf_reserve(&altered, 0) - unit.len;
    for (size_t i = 0; i < plan->set_count; i++) {
        CHECK(plan->sets[i].at < unit.len);
        at[plan->sets[i].at] = plan->sets[i].value;
    }
    buf_append(&p->body, buf_span(&altered));
    buf_fini(&altered);
    p->changed = true;
}

static void carry_out(struct passing *p, struct span unit, const struct attack_plan *plan)
{
    struct attack_flow *f = p->flow;
    struct direction *d = &f->dirs[p->side];
    struct world *w = f->tap->wire->world;
    bool stays = plan->act != ATTACK_REMOVE && plan->act != ATTACK_KEEP;
    if (plan->act == ATTACK_SET) {
        append_altered(p, unit, plan);
    } else if (stays) {
        buf_append(&p->body, unit);
    }
    p->changed = p->changed || !stays;
    switch (plan->act) {
    case ATTACK_PASS:
    case ATTACK_SET:
    case ATTACK_REMOVE:
        break;
    case ATTACK_KEEP:
        buf_append(&d->kept, unit);
        channel_datagram_copied(w, p->packet->tag);
        channel_datagram_held(w, p->packet->tag, SIM_TIME_NEVER);
        break;
    case ATTACK_INSERT:
        buf_append(&p->more, buf_span(&plan->insert));
        p->follows = true;
        if (span_equal(buf_span(&plan->insert), unit)) {
            channel_datagram_copied(w, p->packet->tag);
        }
        break;
    case ATTACK_CUT:
        d->cut = true;
        break;
    case ATTACK_HOLD:
        d->hold_until = net_now(w->net) + f->tap->attacker->conf->by;
        channel_datagram_held(w, p->packet->tag, d->hold_until);
        break;
    }
}

/* One step of the kind on a unit. `begun`: the trial that it continues; NULL: a new one, but for a
 * ClientHello that is sent again. */
static void attack(struct passing *p, bool begins, struct span unit, struct trial *begun)
{
    struct attack_flow *f = p->flow;
    struct attacker *a = f->tap->attacker;
    const struct direction *d = &f->dirs[p->side];
    uint64_t hop = f->channel->hop->number;
    uint64_t memory = 0;
    map_get(&f->tap->memories, hop, &memory);
    struct attack_unit shown = {.frame = f->frames,
                                .dtls = !f->frames,
                                .memory = &memory,
                                .bytes = unit,
                                .len = unit.len,
                                .other = buf_span(&f->dirs[1 - p->side].newest),
                                .kept = buf_span(&d->kept)};
    struct attack_plan plan = {0};
    (begins ? a->ops->begins : a->ops->ends)(a->conf, &f->tap->rng, &shown, &plan);
    if (memory != 0) {
        map_set(&f->tap->memories, hop, memory);
    }
    if (plan.act != ATTACK_PASS && begun == NULL && !f->robbed) {
        a->trials++;
        bool passes = plan.act == ATTACK_SET || plan.act == ATTACK_INSERT;
        begun = probe_begin_datagram(a, f->channel, p->side, plan.act, p->packet->tag,
                                     passes ? capture_next(f->tap->wire) : 0, plan.what);
        f->robbed = a->ops->on_hello;
    }
    if (plan.act != ATTACK_PASS && begun != NULL) {
        p->trial = begun;
    }
    carry_out(p, unit, &plan);
    buf_fini(&plan.insert);
}

/* The record that was kept comes behind this one. */
static void release(struct passing *p, struct span unit)
{
    struct attack_flow *f = p->flow;
    struct direction *d = &f->dirs[p->side];
    struct trial *t = f->channel != NULL ? probe_pending(f->channel, f->tap->attacker) : NULL;
    if (t != NULL) {
        attack(p, false, unit, t);
        channel_datagram_held(f->tap->wire->world, t->tag, net_now(f->tap->wire->world->net));
    } else {
        buf_append(&p->body, unit);
    }
    buf_fini(&d->kept);
}

static void pass_unit(struct passing *p, struct span unit)
{
    struct attack_flow *f = p->flow;
    struct direction *d = &f->dirs[p->side];
    const struct attack_ops *ops = f->tap->attacker->ops;
    bool hello = is_hello(p, unit);
    overhear(p, unit);
    if (d->cut) {
        p->changed = true;
        return;
    }
    if (buf_len(&d->kept) > 0) {
        release(p, unit);
    } else if ((f->robbed && hello) || attack_choose(f, p->side, hello)) {
        attack(p, ops->begins != NULL, unit, NULL);
    } else {
        buf_append(&p->body, unit);
    }
    buf_clear(&d->newest);
    buf_append(&d->newest, unit);
}

/* --- datagrams
 * ------------------------------------------------------------------------------------------- */

/* A datagram of the attacker's in the name of the sender; cut by IP where the link is narrow. */
static void send_more(const struct passing *p, sim_time at)
{
    const struct packet_view *v = p->view;
    struct wire *wire = p->flow->tap->wire;
    struct buf whole = {0};
    struct buf fragment = {0};
    uint32_t offset = 0;
    packet_build_udp(&whole, v->source, v->destination, v->source_port, v->destination_port,
                     v->id ^ 0x8000, buf_span(&p->more));
    while (packet_fragment(buf_span(&whole), wire->wire->mtu_bytes, &offset, &fragment)) {
        attack_inject(p->flow->tap, p->packet->direction, &fragment, at);
    }
    buf_fini(&whole);
    buf_fini(&fragment);
}

/* What the receiver has to read before anything can be said. */
static void expect(const struct passing *p)
{
    struct span body = buf_span(&p->body);
    struct span more = buf_span(&p->more);
    if (p->trial == NULL) {
        return;
    }
    if (p->follows) {
        probe_expect(p->trial, more, 1 + span_equal(body, more));
    } else if (p->trial->act == ATTACK_SET) {
        probe_expect(p->trial, body, 1);
    }
}

static enum net_verdict go_on(struct passing *p, struct buf *change)
{
    struct direction *d = &p->flow->dirs[p->side];
    struct wire *wire = p->flow->tap->wire;
    bool holding = d->hold_until > p->packet->at;
    sim_time at = holding ? d->hold_until : p->packet->at;
    expect(p);
    if (p->follows) {
        send_more(p, at);
    }
    if (buf_len(&p->body) == 0 && p->changed) {
        return NET_DROP;
    }
    if (!p->changed && !holding) {
        return NET_PASS;
    }
    size_t header = (size_t)(p->view->payload.data - p->packet->data);
    buf_append(change, span_of(p->packet->data, header));
    buf_append(change, buf_span(&p->body));
    if (holding) {
        packet_repair(buf_reserve(change, 0) - buf_len(change), buf_len(change));
        channel_datagram_copied(wire->world, p->packet->tag);
        channel_datagram_held(wire->world, p->packet->tag, at);
        attack_inject(p->flow->tap, p->packet->direction, change, at);
    }
    return holding ? NET_DROP : NET_CHANGE;
}

/* The flow of the session whose datagram it is; NULL: nobody's any more. */
static struct attack_flow *flow_of(struct attack_tap *tap, const struct hop *hop, int side,
                                   const struct net_packet *packet)
{
    struct channel *c = hop->live[side];
    uint64_t found;
    if (c == NULL) {
        return NULL;
    }
    uint64_t key = UINT64_C(1) << 63 | c->id; /* streams have addresses and ports, 48 bits */
    if (map_get(&tap->by_client, key, &found)) {
        return (struct attack_flow *)(uintptr_t)found;
    }
    return attack_flow_begin(tap, key, c,
                             side == SIDE_INITIATOR ? packet->direction : 1 - packet->direction);
}

enum net_verdict attack_datagram(struct attack_tap *tap, const struct net_packet *packet,
                                 const struct packet_view *v, struct buf *change)
{
    const struct world *w = tap->wire->world;
    const struct hop *hop = capture_hop(tap->wire, span_of(packet->data, packet->len));
    if (v->more_fragments || hop == NULL || !hop->has_datagrams) {
        return NET_PASS;
    }
    bool from_client = v->source == net_node_address(w->net, hop->client->net_node);
    struct passing p = {
        .side = from_client ? SIDE_INITIATOR : SIDE_RESPONDER, .packet = packet, .view = v};
    p.flow = flow_of(tap, hop, p.side, packet);
    if (p.flow == NULL || p.flow->channel == NULL) {
        return NET_PASS;
    }
    struct span rest = v->payload;
    struct span unit;
    while (take_unit(p.flow->frames, &rest, &unit)) {
        pass_unit(&p, unit);
    }
    buf_append(&p.body, rest);
    enum net_verdict verdict = go_on(&p, change);
    buf_fini(&p.body);
    buf_fini(&p.more);
    return verdict;
}
