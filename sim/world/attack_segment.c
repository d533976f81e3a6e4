/* Packets of attackers: segments rewritten with the edits of a stream, sent as if the sender had;
 * acknowledgements forged for what was taken out. */
#include <stdlib.h>
#include <string.h>

#include "sim/world/attack_flow.h"
#include "sim/world/observe.h"

/* A packet of the attacker's. */
struct injection {
    struct attack_tap *tap;
    struct wire *wire;
    int direction;
    struct buf packet;
    struct injection *next, *prev;
};

/* --- packets of the attacker's
 * ------------------------------------------------------------------------------------------- */

static void injection_free(struct injection *i)
{
    buf_fini(&i->packet);
    free(i);
}

static void injection_done(struct injection *i)
{
    struct world *w = i->wire->world;
    if (i->prev != NULL) {
        i->prev->next = i->next;
    } else {
        w->injections = i->next;
    }
    if (i->next != NULL) {
        i->next->prev = i->prev;
    }
    injection_free(i);
}

/* What a tap makes of the packet; false: it takes it out. */
static bool pass(struct injection *i, struct attack_tap *tap)
{
    struct buf change = {0};
    struct span packet = buf_span(&i->packet);
    const struct net_packet seen = {.link = i->wire->link,
                                    .direction = i->direction,
                                    .at = net_now(i->wire->world->net),
                                    .data = packet.data,
                                    .len = packet.len};
    enum net_verdict verdict = attack_packet(tap, &seen, &change);
    if (verdict == NET_CHANGE) {
        packet_repair(change.data + change.start, buf_len(&change));
        buf_clear(&i->packet);
        buf_move(&i->packet, &change);
    }
    buf_fini(&change);
    return verdict != NET_DROP;
}

/* The net does not show the packet to taps, so the ones behind the attacker's get it here; those of
 * datagrams know theirs by the tags of the net. */
static bool pass_those_behind(struct injection *i)
{
    const struct world *w = i->wire->world;
    struct packet_view v;
    bool behind = false;
    bool goes_on = true;
    if (packet_parse(buf_span(&i->packet), &v) < 0 || v.protocol != PACKET_TCP) {
        return true;
    }
    for (size_t a = 0; a < w->attacker_count; a++) {
        for (size_t k = 0; goes_on && k < w->attackers[a].tap_count; k++) {
            struct attack_tap *tap = &w->attackers[a].taps[k];
            goes_on = !behind || tap->wire != i->wire || pass(i, tap);
            behind = behind || tap == i->tap;
        }
    }
    return goes_on;
}

static void inject(void *arg)
{
    struct injection *i = arg;
    struct world *w = i->wire->world;
    bool goes_on = pass_those_behind(i);
    struct span packet = buf_span(&i->packet);
    if (goes_on && net_inject(w->net, i->wire->link, i->direction, packet) == 0) {
        capture_injected(i->wire, i->direction, packet);
    }
    injection_done(i);
}

void attack_inject(struct attack_tap *tap, int direction, struct buf *packet, sim_time at)
{
    struct injection *i = mem_alloc(sizeof(*i));
    struct wire *wire = tap->wire;
    i->tap = tap;
    i->wire = wire;
    i->direction = direction;
    buf_move(&i->packet, packet);
    i->next = wire->world->injections;
    if (i->next != NULL) {
        i->next->prev = i;
    }
    wire->world->injections = i;
    net_timer_set(wire->world->net, at, inject, i);
}

static void put32(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 24);
    at[1] = (uint8_t)(v >> 16);
    at[2] = (uint8_t)(v >> 8);
    at[3] = (uint8_t)v;
}

/* A TCP packet with the headers of `head` (20 octets of IP, no options there) and other numbers. */
static void make_segment(struct span head, uint32_t seq, uint32_t ack, uint8_t flags,
                         struct span payload, struct buf *out)
{
    buf_append(out, head);
    buf_append(out, payload);
    uint8_t *p = buf_reserve(out, 0) - buf_len(out);
    size_t ip = (size_t)(p[0] & 15) * 4;
    put32(p + ip + 4, seq);
    put32(p + ip + 8, ack);
    p[ip + 13] = flags;
    packet_repair(p, buf_len(out));
}

void attack_forge_ack(struct attack_flow *f, int side, uint32_t upto)
{
    struct direction *back = &f->dirs[1 - side];
    struct buf packet = {0};
    if (buf_len(&back->head) == 0) {
        return;
    }
    make_segment(buf_span(&back->head), back->out_next, f->dirs[side].isn + upto, PACKET_ACK,
                 span_of(NULL, 0), &packet);
    attack_inject(f->tap, back->link_direction, &packet, net_now(f->tap->wire->world->net));
}

/* Selective acknowledgements count the other direction's octets; without them TCP goes on. */
static void blank_sack(uint8_t *tcp, size_t header)
{
    for (size_t i = PACKET_TCP_HEADER; i + 1 < header && tcp[i] != 0;) {
        size_t len = tcp[i] == 1 ? 1 : tcp[i + 1];
        if (len == 0 || i + len > header) {
            return;
        }
        if (tcp[i] == 5) {
            memset(tcp + i, 1, len);
        }
        i += len;
    }
}

void attack_rewrite(struct attack_flow *f, int side, struct span packet,
                    const struct packet_view *v, struct buf *out)
{
    struct direction *d = &f->dirs[side];
    const struct direction *r = &f->dirs[1 - side];
    size_t header = (size_t)(v->payload.data - packet.data);
    uint32_t at = v->seq - d->isn;
    bool syn = (v->tcp_flags & PACKET_SYN) != 0;
    uint8_t flags = v->tcp_flags;
    uint32_t seq = syn ? v->seq : d->isn + edited_forward(&d->edits, at);
    uint32_t ack = v->ack;
    if ((flags & PACKET_ACK) != 0 && r->open) {
        uint32_t most = r->lost ? INT32_MAX : r->next + r->fin;
        ack = r->isn + edited_back(&r->edits, v->ack - r->isn, most);
    }
    if (d->cut && !syn && at > d->cut_at) {
        seq++; /* the FIN of the attacker's */
    }
    struct buf payload = {0};
    edited_apply(&d->edits, at, v->payload, &payload);
    if (d->cut && !syn && at <= d->cut_at && at + v->payload.len >= d->cut_at &&
        v->payload.len > 0) {
        flags |= PACKET_FIN;
    }
    struct buf head = {0};
    buf_append(&head, span_of(packet.data, header));
    if (r->edits.shifts) {
        blank_sack(buf_reserve(&head, 0) - buf_len(&head) + v->ip_header_bytes,
                   header - v->ip_header_bytes);
    }
    size_t room = f->tap->wire->wire->mtu_bytes - header;
    struct span rest = buf_span(&payload);
    bool first = true;
    do {
        struct span piece;
        CHECK(span_take(&rest, rest.len < room ? rest.len : room, &piece));
        uint8_t now = rest.len > 0 ? flags & (uint8_t)~PACKET_FIN : flags;
        struct buf segment = {0};
        make_segment(buf_span(&head), seq, ack, now, piece, first ? out : &segment);
        if (!first) {
            attack_inject(f->tap, d->link_direction, &segment, net_now(f->tap->wire->world->net));
        }
        first = false;
        seq += (uint32_t)piece.len;
    } while (rest.len > 0);
    d->out_next = seq + (syn || (flags & PACKET_FIN) != 0);
    buf_fini(&d->head);
    buf_move(&d->head, &head);
    buf_fini(&payload);
}

void attack_injections_free(struct world *w)
{
    while (w->injections != NULL) {
        struct injection *next = w->injections->next;
        injection_free(w->injections);
        w->injections = next;
    }
}
