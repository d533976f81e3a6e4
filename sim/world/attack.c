/* Attackers in the middle of a link. Each has a tap before the capture's; what it plans for a
 * record becomes edits of the stream, and every later segment and acknowledgement is counted
 * accordingly: neither TCP notices. A segment that comes out of order (something before it was lost
 * in a queue) is dropped; TCP sends it again. */
#include "sim/world/attack.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/attack_flow.h"
#include "sim/world/exhaust.h"
#include "sim/world/observe.h"
#include "sim/world/replayer.h"
#include "sim/world/rogue.h"

bool attacker_is_active(const struct attacker *a)
{
    const struct scenario_attacker *conf = a->conf;
    sim_time now = net_now(a->world->net);
    return now >= conf->at && (conf->duration == SIM_TIME_NEVER || now - conf->at < conf->duration);
}

/* --- records
 * ------------------------------------------------------------------------------------------- */

static bool both_confirmed(const struct channel *c)
{
    return c->ends[SIDE_INITIATOR].confirmed && c->ends[SIDE_RESPONDER].confirmed;
}

bool attack_choose(struct attack_flow *f, int side, bool hello)
{
    struct attacker *a = f->tap->attacker;
    const struct scenario_attacker *conf = a->conf;
    struct direction *d = &f->dirs[side];
    const struct channel *c = f->channel;
    if (a->ops->listens || a->ops->copies != NULL || c == NULL || !attacker_is_active(a) ||
        a->trials >= conf->count || probe_is_busy(c, a)) {
        return false;
    }
    if (a->ops->on_hello) {
        return side == SIDE_INITIATOR && hello;
    }
    bool application = both_confirmed(c);
    if ((conf->records == RECORDS_APPLICATION && !application) ||
        (conf->records == RECORDS_HANDSHAKE && application) ||
        (conf->from == FROM_INITIATOR && side != SIDE_INITIATOR) ||
        (conf->from == FROM_RESPONDER && side != SIDE_RESPONDER)) {
        return false;
    }
    d->suitable++;
    return conf->nth > 0 ? d->suitable == conf->nth : rng_chance(&f->tap->rng, conf->probability);
}

static void carry_out(struct attack_flow *f, int side, const struct attack_plan *plan)
{
    struct direction *d = &f->dirs[side];
    uint32_t end = d->unit_at + (uint32_t)d->unit_len;
    switch (plan->act) {
    case ATTACK_PASS:
        break;
    case ATTACK_SET:
        for (size_t i = 0; i < plan->set_count; i++) {
            edited_set(&d->edits, d->unit_at + (uint32_t)plan->sets[i].at, plan->sets[i].value);
        }
        break;
    case ATTACK_REMOVE:
    case ATTACK_KEEP:
        edited_remove(&d->edits, d->unit_at, (uint32_t)d->unit_len);
        d->keeping = plan->act == ATTACK_KEEP;
        break;
    case ATTACK_INSERT:
        edited_insert(&d->edits, end, buf_span(&plan->insert));
        break;
    case ATTACK_CUT:
        edited_remove(&d->edits, end, UINT32_MAX);
        d->cut = true;
        d->cut_at = end;
        break;
    case ATTACK_HOLD:
        d->hold_until = net_now(f->tap->wire->world->net) + f->tap->attacker->conf->by;
        break;
    }
}

/* One step of the kind on the unit under way; `bytes`: what is known of it. */
static void attack(struct attack_flow *f, int side, bool begins, struct span bytes, bool is_trial)
{
    struct attacker *a = f->tap->attacker;
    struct direction *d = &f->dirs[side];
    uint64_t memory = 0;
    uint64_t hop = f->channel != NULL ? f->channel->hop->number : SCENARIO_NONE;
    map_get(&f->tap->memories, hop, &memory);
    struct attack_unit unit = {.frame = f->frames,
                               .memory = &memory,
                               .bytes = bytes,
                               .len = d->unit_len,
                               .other = buf_span(&f->dirs[1 - side].newest),
                               .kept = buf_span(&d->kept)};
    struct attack_plan plan = {0};
    (begins ? a->ops->begins : a->ops->ends)(a->conf, &f->tap->rng, &unit, &plan);
    if (memory != 0) {
        map_set(&f->tap->memories, hop, memory);
    }
    if (plan.act != ATTACK_PASS) {
        carry_out(f, side, &plan);
        if (is_trial) {
            a->trials++;
            bool removed = plan.act == ATTACK_REMOVE || plan.act == ATTACK_KEEP;
            probe_begin(a, f->channel, side, d->unit_at, d->unit_len, removed,
                        plan.act != ATTACK_HOLD ? capture_next(f->tap->wire) : 0, plan.what);
        }
    }
    buf_fini(&plan.insert);
}

static void unit_begins(struct attack_flow *f, int side, uint32_t segment_at, struct span rest)
{
    const struct attacker *a = f->tap->attacker;
    struct direction *d = &f->dirs[side];
    struct span head = buf_span(&d->unit);
    d->unit_len =
        f->frames ? ATTACK_HEADER_BYTES + ((size_t)head.data[0] << 24 | (size_t)head.data[1] << 16 |
                                           (size_t)head.data[2] << 8 | head.data[3])
                  : ATTACK_HEADER_BYTES + ((size_t)head.data[3] << 8 | head.data[4]);
    /* What was sent on already cannot be changed any more. */
    d->chosen = d->unit_at >= segment_at && attack_choose(f, side, d->unit_at == 0);
    if (d->chosen && a->ops->begins != NULL) {
        struct buf known = {0};
        size_t body = d->unit_len - ATTACK_HEADER_BYTES;
        buf_append(&known, head);
        buf_append(&known, span_of(rest.data, rest.len < body ? rest.len : body));
        attack(f, side, true, buf_span(&known), true);
        buf_fini(&known);
        d->chosen = a->ops->ends != NULL && !d->keeping;
    }
}

static bool holds(struct span octets, const char *urn)
{
    return memmem(octets.data, octets.len, urn, strlen(urn)) != NULL;
}

void attack_overhear(struct attack_flow *f, struct span octets)
{
    struct attacker *a = f->tap->attacker;
    struct channel *c = f->channel;
    if (!a->ops->listens || !attacker_is_active(a) || c == NULL) {
        return;
    }
    f->seen[0] = f->seen[0] || holds(octets, c->ends[SIDE_INITIATOR].entity->urn);
    f->seen[1] = f->seen[1] || holds(octets, c->ends[SIDE_RESPONDER].entity->urn);
    probe_identities(a, c, capture_next(f->tap->wire), f->seen[0], f->seen[1]);
}

static void unit_ends(struct attack_flow *f, int side)
{
    const struct attacker *a = f->tap->attacker;
    struct direction *d = &f->dirs[side];
    struct span unit = buf_span(&d->unit);
    attack_overhear(f, unit);
    if (d->keeping) {
        d->keeping = false;
        buf_append(&d->kept, unit);
    } else if (buf_len(&d->kept) > 0) {
        attack(f, side, false, unit, false);
        buf_fini(&d->kept);
    } else if (d->chosen && a->ops->ends != NULL && f->channel != NULL) {
        attack(f, side, false, unit, true);
    }
    d->chosen = false;
    buf_clear(&d->newest);
    buf_append(&d->newest, unit);
    buf_clear(&d->unit);
    d->unit_len = 0;
}

/* New octets of the stream, in order. */
static void feed(struct attack_flow *f, int side, uint32_t segment_at, struct span octets)
{
    struct direction *d = &f->dirs[side];
    replayer_hears(f, side, octets);
    while (octets.len > 0 && !d->cut) {
        if (buf_len(&d->unit) == 0) {
            d->unit_at = d->next;
        }
        size_t whole = d->unit_len > 0 ? d->unit_len : (size_t)ATTACK_HEADER_BYTES;
        size_t wanted = whole - buf_len(&d->unit);
        struct span part;
        CHECK(span_take(&octets, wanted < octets.len ? wanted : octets.len, &part));
        buf_append(&d->unit, part);
        d->next += (uint32_t)part.len;
        if (d->unit_len == 0 && buf_len(&d->unit) == ATTACK_HEADER_BYTES) {
            unit_begins(f, side, segment_at, octets);
        }
        if (d->unit_len > 0 && buf_len(&d->unit) == d->unit_len) {
            unit_ends(f, side);
        }
    }
    d->next += (uint32_t)octets.len; /* behind a cut */
}

/* --- segments
 * ------------------------------------------------------------------------------------------- */

static bool edited(const struct attack_flow *f)
{
    return f->dirs[0].edits.count > 0 || f->dirs[1].edits.count > 0;
}

/* The packet, or what was made of it, is held back. */
static enum net_verdict hold(struct attack_flow *f, int side, struct buf *packet)
{
    struct direction *d = &f->dirs[side];
    attack_inject(f->tap, d->link_direction, packet, d->hold_until);
    return NET_DROP;
}

/* The attacker took out all that the segment carried, or cut it off: nobody else acknowledges it.
 */
static bool swallowed(const struct direction *d, const struct packet_view *v, size_t left)
{
    uint32_t at = v->seq - d->isn;
    bool fin = (v->tcp_flags & PACKET_FIN) != 0;
    return (v->payload.len > 0 && left == 0) ||
           (d->cut && (v->payload.len > 0 || fin) && at + v->payload.len + fin > d->cut_at);
}

/* Side `side` acknowledged octets that never passed here: another attacker's, put in behind us. */
static void notice_lost(struct attack_flow *f, int side, const struct packet_view *v)
{
    struct direction *r = &f->dirs[1 - side];
    uint32_t known = edited_forward(&r->edits, r->next) + r->fin + r->cut;
    uint32_t ack = v->ack - r->isn;
    if (r->open && (v->tcp_flags & PACKET_ACK) != 0 && ack > known && ack < UINT32_MAX / 2) {
        r->lost = true;
    }
}

static enum net_verdict on_segment(struct attack_flow *f, int side, const struct net_packet *packet,
                                   const struct packet_view *v, struct buf *change)
{
    struct direction *d = &f->dirs[side];
    struct span bytes = span_of(packet->data, packet->len);
    uint32_t at = v->seq - d->isn;
    notice_lost(f, side, v);
    if (v->payload.len > 0 && at > d->next && at - d->next < UINT32_MAX / 2 && !d->lost) {
        return NET_DROP; /* something before it is missing */
    }
    if (!d->lost && v->payload.len > 0 && at + v->payload.len > d->next &&
        d->next - at <= v->payload.len) {
        size_t known = d->next - at;
        feed(f, side, at + (uint32_t)known,
             span_of(v->payload.data + known, v->payload.len - known));
    }
    d->fin = d->fin || (v->tcp_flags & PACKET_FIN) != 0;
    bool holding = d->hold_until > packet->at;
    if (!edited(f)) {
        buf_clear(&d->head);
        buf_append(&d->head, span_of(packet->data, (size_t)(v->payload.data - packet->data)));
        d->out_next =
            v->seq + (uint32_t)v->payload.len + ((v->tcp_flags & (PACKET_SYN | PACKET_FIN)) != 0);
        if (holding) {
            buf_append(change, bytes);
            return hold(f, side, change);
        }
        return NET_PASS;
    }
    size_t header = (size_t)(v->payload.data - packet->data);
    attack_rewrite(f, side, bytes, v, change);
    if (swallowed(d, v, buf_len(change) - header)) {
        attack_forge_ack(f, side,
                         at + (uint32_t)v->payload.len + ((v->tcp_flags & PACKET_FIN) != 0));
        if (d->cut && at > d->cut_at) {
            buf_clear(change);
            return NET_DROP;
        }
    }
    return holding ? hold(f, side, change) : NET_CHANGE;
}

/* --- flows
 * ------------------------------------------------------------------------------------------- */

struct attack_flow *attack_flow_begin(struct attack_tap *tap, uint64_t key, struct channel *c,
                                      int link_direction)
{
    struct attack_flow *f = mem_alloc(sizeof(*f));
    f->tap = tap;
    f->channel = c;
    f->next_of_channel = c->attack_flows;
    c->attack_flows = f;
    f->frames = scenario_is_clear(c->hop->policy);
    f->dirs[SIDE_INITIATOR].link_direction = link_direction;
    f->dirs[SIDE_RESPONDER].link_direction = 1 - link_direction;
    f->next = tap->flows;
    tap->flows = f;
    map_set(&tap->by_client, key, (uint64_t)(uintptr_t)f);
    return f;
}

static struct attack_flow *flow_begin(struct attack_tap *tap, uint64_t key,
                                      const struct net_packet *packet)
{
    struct hop *hop = capture_hop(tap->wire, span_of(packet->data, packet->len));
    struct channel *c = hop != NULL ? hop->live[SIDE_INITIATOR] : NULL;
    return c != NULL ? attack_flow_begin(tap, key, c, packet->direction) : NULL;
}

static struct attack_flow *flow_of(struct attack_tap *tap, const struct net_packet *packet,
                                   const struct packet_view *v, int side)
{
    uint64_t key = side == SIDE_INITIATOR ? (uint64_t)v->source << 16 | v->source_port
                                          : (uint64_t)v->destination << 16 | v->destination_port;
    uint64_t found;
    struct attack_flow *f = NULL;
    if (map_get(&tap->by_client, key, &found)) {
        f = (struct attack_flow *)(uintptr_t)found;
    }
    bool begins = side == SIDE_INITIATOR && (v->tcp_flags & PACKET_SYN) != 0;
    if (begins && (f == NULL || f->dirs[0].isn != v->seq + 1)) {
        f = flow_begin(tap, key, packet);
    }
    if (f != NULL && (v->tcp_flags & PACKET_SYN) != 0 && !f->dirs[side].open) {
        f->dirs[side].open = true;
        f->dirs[side].isn = v->seq + 1;
    }
    return f != NULL && f->dirs[side].open ? f : NULL;
}

/* An eavesdropper reads what travels outside the sessions. */
static void read_datagram(const struct attack_tap *tap, const struct net_packet *packet,
                          const struct packet_view *v)
{
    const struct world *w = tap->wire->world;
    if (!tap->attacker->ops->listens || !attacker_is_active(tap->attacker) || v->more_fragments ||
        v->destination_port != w->models->datagram_port) {
        return;
    }
    struct hop *hop = capture_hop(tap->wire, span_of(packet->data, packet->len));
    if (hop == NULL) {
        return;
    }
    bool from_client = v->source == net_node_address(w->net, hop->client->net_node);
    struct span rest = v->payload;
    uint8_t encoding;
    struct span message;
    if (frame_take(&rest, &encoding, &message) == 1) {
        carry_overheard(&hop->datagrams[from_client ? 0 : 1], message);
    }
}

enum net_verdict attack_packet(void *arg, const struct net_packet *packet, struct buf *change)
{
    struct attack_tap *tap = arg;
    const struct world *w = tap->wire->world;
    struct packet_view v;
    if (packet_parse(span_of(packet->data, packet->len), &v) < 0 || v.fragment_offset != 0) {
        return NET_PASS;
    }
    if (v.protocol == PACKET_UDP && v.destination_port == w->models->session_datagram_port) {
        return attack_datagram(tap, packet, &v, change);
    }
    if (v.protocol == PACKET_UDP) {
        read_datagram(tap, packet, &v);
        return NET_PASS;
    }
    uint16_t port = w->models->stream_port;
    if (v.protocol != PACKET_TCP || v.more_fragments ||
        (v.destination_port != port && v.source_port != port)) {
        return NET_PASS;
    }
    int side = v.destination_port == port ? SIDE_INITIATOR : SIDE_RESPONDER;
    struct attack_flow *f = flow_of(tap, packet, &v, side);
    return f != NULL ? on_segment(f, side, packet, &v, change) : NET_PASS;
}

void attack_channel_over(struct channel *c)
{
    while (c->attack_flows != NULL) {
        struct attack_flow *f = c->attack_flows;
        c->attack_flows = f->next_of_channel;
        f->channel = NULL;
    }
}

/* --- life
 * ------------------------------------------------------------------------------------------- */

static int start_attacker(struct world *w, struct attacker *a, const struct scenario_attacker *conf,
                          struct diag_list *diags)
{
    a->world = w;
    a->conf = conf;
    a->words = &w->models->attack_words[conf->kind];
    a->ops = &w->models->attacks[conf->kind];
    if (a->ops->terminates) {
        return rogue_start(a, diags);
    }
    if (a->ops->exhausts) {
        return exhaust_start(a, diags);
    }
    if (a->ops->copies != NULL) {
        int r = replayer_start(a, diags);
        if (r < 0) {
            return r;
        }
    }
    if (a->ops->steals) {
        net_timer_set(w->net, conf->at, thief_takes, a);
    }
    if (a->words->on_nodes) {
        return 0;
    }
    a->tap_count = conf->target_count;
    a->taps = mem_calloc(a->tap_count, sizeof(*a->taps));
    for (size_t i = 0; i < a->tap_count; i++) {
        struct attack_tap *tap = &a->taps[i];
        tap->attacker = a;
        tap->wire = &w->wires[conf->targets[i]];
        rng_init(&tap->rng, w->scenario->seed, conf->id, tap->wire->wire->id);
        net_tap_add(w->net, tap->wire->link, false, attack_packet, tap);
    }
    return 0;
}

int attack_start(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    w->attacker_count = s->attacker_count;
    w->attackers = mem_calloc(s->attacker_count, sizeof(*w->attackers));
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->attacker_count; i++) {
        r = start_attacker(w, &w->attackers[i], &s->attackers[i], diags);
    }
    return r;
}

static void flow_free(struct attack_flow *f)
{
    for (int side = 0; side < 2; side++) {
        struct direction *d = &f->dirs[side];
        edited_fini(&d->edits);
        buf_fini(&d->unit);
        buf_fini(&d->kept);
        buf_fini(&d->newest);
        buf_fini(&d->head);
    }
    buf_fini(&f->flight);
    free(f);
}

void attack_free(struct world *w)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (size_t k = 0; k < w->attackers[i].tap_count; k++) {
            struct attack_tap *tap = &w->attackers[i].taps[k];
            while (tap->flows != NULL) {
                struct attack_flow *f = tap->flows;
                tap->flows = f->next;
                flow_free(f);
            }
            map_fini(&tap->by_client);
            map_fini(&tap->memories);
        }
        free(w->attackers[i].taps);
        rogue_free(&w->attackers[i]);
        exhaust_free(&w->attackers[i]);
        replayer_free(&w->attackers[i]);
    }
    free(w->attackers);
    attack_injections_free(w);
}
