/* The ideal net: packets take the link's delay, keep their order and are never lost by themselves;
 * rate, queue, jitter and the loss model play no part. Taps and links that are down do drop. */
#include <stdlib.h>
#include <string.h>

#include "sim/net/net_ideal_internal.h"
#include "sim/net/net_packet.h"

/* --- events -------------------------------------------------------------------------------- */

struct ideal_net *ideal(struct net *net)
{
    return (struct ideal_net *)net;
}

net_timer ideal_schedule(struct ideal_net *n, sim_time at, net_timer_fn *fn, void *arg)
{
    return agenda_set(n->agenda, at, fn, arg, 0);
}

void ideal_unschedule(struct ideal_net *n, net_timer *e)
{
    agenda_cancel(n->agenda, *e);
    *e = 0;
}

static net_timer ideal_timer_set(struct net *net, sim_time at, net_timer_fn *fn, void *arg)
{
    return ideal_schedule(ideal(net), at, fn, arg);
}

static void ideal_timer_cancel(struct net *net, net_timer timer)
{
    agenda_cancel(ideal(net)->agenda, timer);
}

static uint64_t ideal_run(struct net *net, sim_time until, uint64_t budget)
{
    struct ideal_net *n = ideal(net);
    uint64_t before = n->handled;
    bool exhausted = false;
    sim_time at;
    n->stopping = false;
    while (!n->stopping && agenda_next(n->agenda, &at) && at <= until) {
        if (budget != 0 && n->handled - before >= budget) {
            exhausted = true;
            break;
        }
        struct agenda_event e = agenda_take(n->agenda);
        n->now = e.at;
        n->handled++;
        e.fn(e.arg);
        ideal_reap_streams(n);
    }
    if (!n->stopping && !exhausted) {
        n->now = until;
    }
    return n->handled - before;
}

static void ideal_stop(struct net *net)
{
    ideal(net)->stopping = true;
}

static sim_time ideal_now(const struct net *net)
{
    return ((const struct ideal_net *)net)->now;
}

static uint64_t ideal_event_count(const struct net *net)
{
    return ((const struct ideal_net *)net)->handled;
}

/* --- packets on a link ----------------------------------------------------------------------- */

bool ideal_put_on_link(struct ideal_net *n, struct link *l, int direction, struct span packet,
                       bool past_taps, struct buf *out, sim_time *arrival, const char **reason)
{
    if (!l->up) {
        l->stats.down_dropped[direction]++;
        *reason = "down";
        return false;
    }
    enum net_verdict verdict = link_enter(l, direction, n->now, packet, 0, past_taps, out);
    if (verdict == NET_DROP) {
        *reason = "tap";
        return false;
    }
    if (verdict == NET_PASS) {
        buf_append(out, packet);
    }
    struct link_direction *d = &l->directions[direction];
    *arrival = n->now + l->params.delay;
    d->last_arrival = *arrival;
    return true;
}

int ideal_direction_from(const struct link *l, net_node sender)
{
    return l->ends[0] == sender ? 0 : 1;
}

uint64_t ideal_port_key(net_node node, uint16_t port)
{
    return (uint64_t)node << 16 | port;
}

/* --- datagrams ------------------------------------------------------------------------------- */

struct ideal_datagram {
    struct ideal_net *net;
    struct link *link;
    int direction;
    uint64_t tag;
    uint16_t port;
    struct buf bytes; /* UDP header and payload, reassembled */
    net_timer arrival;
    struct ideal_datagram *next;
};

static void datagram_free(struct ideal_datagram *d)
{
    ideal_unschedule(d->net, &d->arrival);
    buf_fini(&d->bytes);
    free(d);
}

static void datagram_unlink(struct ideal_datagram *d)
{
    for (struct ideal_datagram **at = &d->net->datagrams; *at != NULL; at = &(*at)->next) {
        if (*at == d) {
            *at = d->next;
            return;
        }
    }
}

static void datagram_arrives(void *arg)
{
    struct ideal_datagram *d = arg;
    net_node from = d->link->ends[d->direction];
    net_node to = d->link->ends[1 - d->direction];
    uint64_t found;
    d->arrival = 0;
    datagram_unlink(d); /* the handler may turn the link down */
    if (map_get(&d->net->ports, ideal_port_key(to, d->port), &found)) {
        const struct ideal_port *p = (const struct ideal_port *)(uintptr_t)found;
        struct span bytes = buf_span(&d->bytes);
        p->fn(p->arg, from, span_of(bytes.data + PACKET_UDP_HEADER, bytes.len - PACKET_UDP_HEADER));
    }
    datagram_free(d);
}

/* Sends the fragments of `packet`. All take the same delay, so that they arrive as one event. */
static void send_fragments(struct ideal_net *n, struct link *l, int direction, struct span packet,
                           bool past_taps, uint16_t port, uint64_t tag)
{
    struct ideal_datagram *d = mem_alloc(sizeof(*d));
    *d = (struct ideal_datagram){
        .net = n, .link = l, .direction = direction, .tag = tag, .port = port};
    struct buf fragment = {0};
    struct buf out = {0};
    uint32_t offset = 0;
    const char *reason = NULL;
    sim_time arrival = 0;
    while (packet_fragment(packet, l->params.mtu_bytes, &offset, &fragment)) {
        struct packet_view v;
        buf_clear(&out);
        if (ideal_put_on_link(n, l, direction, buf_span(&fragment), past_taps, &out, &arrival,
                              &reason) &&
            packet_parse(buf_span(&out), &v) == 0) {
            struct span all = buf_span(&out);
            buf_append(&d->bytes,
                       span_of(all.data + v.ip_header_bytes, all.len - v.ip_header_bytes));
        }
    }
    buf_fini(&fragment);
    buf_fini(&out);
    if (reason != NULL || buf_len(&d->bytes) < PACKET_UDP_HEADER) {
        net_report_drop(&n->base, tag, reason != NULL ? reason : "tap");
        datagram_free(d);
        return;
    }
    d->next = n->datagrams;
    n->datagrams = d;
    d->arrival = ideal_schedule(n, arrival, datagram_arrives, d);
}

static int ideal_datagram_bind(struct net *net, net_node node, uint16_t port, net_datagram_fn *fn,
                               void *arg)
{
    struct ideal_net *n = ideal(net);
    uint64_t found;
    if (map_get(&n->ports, ideal_port_key(node, port), &found)) {
        return -SIM_EEXIST;
    }
    struct ideal_port *p = mem_alloc(sizeof(*p));
    *p = (struct ideal_port){.fn = fn, .arg = arg};
    *MEM_PUSH(n->owned, n->owned_count, n->owned_capacity) = p;
    map_set(&n->ports, ideal_port_key(node, port), (uint64_t)(uintptr_t)p);
    return 0;
}

static int ideal_datagram_send(struct net *net, net_node node, net_node peer, uint16_t port,
                               struct link *link, struct span payload, uint64_t tag)
{
    struct ideal_net *n = ideal(net);
    struct buf packet = {0};
    packet_build_udp(&packet, net_node_address(net, node), net_node_address(net, peer), port, port,
                     n->hosts[node].next_id++, payload);
    send_fragments(n, link, ideal_direction_from(link, node), buf_span(&packet), false, port, tag);
    buf_fini(&packet);
    return 0;
}

/* --- taps, links, life ----------------------------------------------------------------------- */

/* A UDP datagram is delivered, an RST that names a stream resets it; the ideal net has no TCP that
 * could make sense of other segments. */
static void ideal_inject(struct net *net, struct link *link, int direction, struct span packet)
{
    struct ideal_net *n = ideal(net);
    struct packet_view v;
    CHECK(packet_parse(packet, &v) == 0);
    if (v.protocol == PACKET_UDP && v.fragment_offset == 0 && !v.more_fragments) {
        send_fragments(n, link, direction, packet, true, v.destination_port, 0);
        return;
    }
    struct buf out = {0};
    sim_time arrival;
    const char *reason;
    bool sent = ideal_put_on_link(n, link, direction, packet, true, &out, &arrival, &reason);
    buf_fini(&out);
    if (sent && v.protocol == PACKET_TCP && (v.tcp_flags & PACKET_RST) != 0) {
        ideal_streams_forged_reset(n, link, link->ends[1 - direction], v.destination_port,
                                   v.source_port, arrival);
    }
}

static void ideal_link_turned(struct net *net, struct link *link)
{
    struct ideal_net *n = ideal(net);
    if (link->up) {
        return;
    }
    ideal_streams_down(n, link);
    for (struct ideal_datagram *d = n->datagrams; d != NULL;) {
        struct ideal_datagram *next = d->next;
        if (d->link == link) {
            link->stats.down_dropped[d->direction]++;
            net_report_drop(net, d->tag, "down");
            datagram_unlink(d);
            datagram_free(d);
        }
        d = next;
    }
}

static void ideal_node_added(struct net *net, net_node node)
{
    struct ideal_net *n = ideal(net);
    struct ideal_host *h = MEM_PUSH(n->hosts, n->host_count, n->host_capacity);
    *h = (struct ideal_host){.next_port = IDEAL_FIRST_EPHEMERAL};
    CHECK(n->host_count == node + 1u);
}

static void ideal_link_added(struct net *net, struct link *link)
{
    (void)net;
    (void)link;
}

static void ideal_free(struct net *net)
{
    struct ideal_net *n = ideal(net);
    ideal_streams_free(n);
    while (n->datagrams != NULL) {
        struct ideal_datagram *d = n->datagrams;
        n->datagrams = d->next;
        datagram_free(d);
    }
    for (size_t i = 0; i < n->owned_count; i++) {
        free(n->owned[i]);
    }
    agenda_free(n->agenda);
    free(n->owned);
    free(n->hosts);
    map_fini(&n->listeners);
    map_fini(&n->ports);
    net_base_fini(net);
    free(n);
}

static const struct net_ops ideal_ops = {
    .version = "ideal",
    .free = ideal_free,
    .now = ideal_now,
    .run = ideal_run,
    .stop = ideal_stop,
    .event_count = ideal_event_count,
    .timer_set = ideal_timer_set,
    .timer_cancel = ideal_timer_cancel,
    .node_added = ideal_node_added,
    .link_added = ideal_link_added,
    .link_turned = ideal_link_turned,
    .listen = ideal_listen,
    .connect = ideal_connect,
    .send = ideal_send,
    .close = ideal_close,
    .abort = ideal_abort,
    .stream_stats = ideal_stream_stats,
    .datagram_bind = ideal_datagram_bind,
    .datagram_send = ideal_datagram_send,
    .inject = ideal_inject,
};

int net_create_ideal(uint64_t seed, struct net **ret)
{
    struct ideal_net *n = mem_alloc(sizeof(*n));
    net_base_init(&n->base, &ideal_ops, seed);
    n->agenda = agenda_create();
    *ret = &n->base;
    return 0;
}
