#include "sim/net/net_fast.h"

#include <stdlib.h>
#include <string.h>

enum { ASSEMBLIES_MOST = 256, REASSEMBLY_S = 30 /* Linux; RFC 791: about 15 s at least */ };

/* --- packets ---------------------------------------------------------------------------------- */

static void queue_push(struct fast_queue *q, struct fast_packet *p)
{
    p->next = NULL;
    if (q->last != NULL) {
        q->last->next = p;
    } else {
        q->first = p;
    }
    q->last = p;
    q->count++;
}

static struct fast_packet *queue_pop(struct fast_queue *q)
{
    struct fast_packet *p = q->first;
    if (p != NULL) {
        q->first = p->next;
        if (q->first == NULL) {
            q->last = NULL;
        }
        q->count--;
    }
    return p;
}

static struct fast_packet *packet_create(struct span bytes, struct fast_fate *fate)
{
    struct fast_packet *p = mem_alloc(sizeof(*p) + bytes.len);
    p->len = (uint32_t)bytes.len;
    memcpy(p->data, bytes.data, bytes.len);
    p->fate = fate;
    if (fate != NULL) {
        fate->packets++;
    }
    return p;
}

static void packet_drop(struct fast_packet *p)
{
    if (p->fate != NULL && --p->fate->packets == 0) {
        free(p->fate);
    }
    free(p);
}

/* Tells what became of a datagram, once, and ends the packet. */
static void packet_lose(struct fast_link *l, struct fast_packet *p, const char *reason)
{
    if (p->fate != NULL && !p->fate->told) {
        p->fate->told = true;
        net_report_drop(l->fast->net, p->fate->tag, reason);
    }
    packet_drop(p);
}

static struct span octets(const struct fast_packet *p)
{
    return span_of(p->data, p->len);
}

/* --- arrival ---------------------------------------------------------------------------------- */

static void deliver_datagram(struct fast_node *node, net_node from, const struct packet_view *v)
{
    const struct net_port *port =
        net_port_find(node->fast->net, node->id, v->destination_port, NET_PORT_DATAGRAM);
    if (port != NULL) {
        port->datagram(port->arg, from, v->payload);
    }
}

static void deliver(struct fast_node *node, struct span packet, bool doubtful)
{
    struct packet_view v;
    if (packet_parse(packet, &v) < 0 ||
        (doubtful && !(packet_checksums_ok(packet) && packet_tcp_options_ok(packet)))) {
        return;
    }
    net_node from = net_node_of_address(node->fast->net, v.source);
    if (from == NET_NONE) {
        return; /* forged: nobody could be answered */
    }
    if (v.protocol == PACKET_TCP) {
        fast_tcp_receive(node, from, packet, &v);
    } else if (v.protocol == PACKET_UDP) {
        deliver_datagram(node, from, &v);
    }
}

static void assembly_free(struct fast_assembly *a)
{
    struct fast_assembly **at = &a->node->assemblies;
    while (*at != a) {
        at = &(*at)->next;
    }
    *at = a->next;
    a->node->assembly_count--;
    packet_assembly_free(a->parts);
    free(a);
}

static void on_reassembly_timeout(void *arg)
{
    assembly_free(arg);
}

static void deliver_fragment(struct fast_node *node, struct span packet,
                             const struct packet_view *v)
{
    uint64_t key = (uint64_t)v->source << 32 | (uint64_t)v->protocol << 16 | v->id;
    struct fast_assembly *a = node->assemblies;
    while (a != NULL && a->key != key) {
        a = a->next;
    }
    if (a == NULL) {
        if (node->assembly_count >= ASSEMBLIES_MOST) {
            return; /* a flood of first fragments */
        }
        struct net *net = node->fast->net;
        a = mem_alloc(sizeof(*a));
        a->node = node;
        a->key = key;
        a->parts = packet_assembly_create();
        a->timeout =
            net_timer_set(net, net_now(net) + REASSEMBLY_S * SIM_S, on_reassembly_timeout, a);
        a->next = node->assemblies;
        node->assemblies = a;
        node->assembly_count++;
    }
    struct span whole;
    if (packet_assembly_add(a->parts, packet, &whole)) {
        struct buf copy = {0}; /* what is delivered may cause fragments of its own */
        buf_append(&copy, whole);
        net_timer_cancel(node->fast->net, a->timeout);
        assembly_free(a);
        deliver(node, buf_span(&copy), true);
        buf_fini(&copy);
    }
}

static void receive(struct fast_node *node, const struct fast_packet *p)
{
    struct packet_view v;
    if (packet_parse(octets(p), &v) < 0 ||
        v.destination != net_node_address(node->fast->net, node->id)) {
        return;
    }
    if (v.more_fragments || v.fragment_offset != 0) {
        deliver_fragment(node, octets(p), &v);
    } else {
        deliver(node, octets(p), p->doubtful);
    }
}

/* --- links --------------------------------------------------------------------------------------
 */

static void on_arrival(void *arg);

static struct fast_transmitter *transmitter_of(struct fast_link *l, int direction)
{
    return &l->transmitters[l->model->params.shared_medium ? 0 : direction];
}

static void wait_for_arrival(struct fast_link *l, int direction)
{
    l->arrival[direction] = net_timer_set(l->fast->net, l->air[direction].first->arrival,
                                          on_arrival, &l->ways[direction]);
}

static void on_arrival(void *arg)
{
    const struct fast_way *way = arg;
    struct fast_link *l = way->link;
    struct fast_packet *p = queue_pop(&l->air[way->direction]);
    l->arrival[way->direction] = 0;
    if (l->air[way->direction].first != NULL) {
        wait_for_arrival(l, way->direction);
    }
    receive(fast_node_of(l->fast, l->model->ends[1 - way->direction]), p);
    packet_drop(p);
}

/* Shows a packet to the taps; returns what goes on, NULL: nothing. */
static struct fast_packet *show(struct fast_link *l, int direction, struct fast_packet *p)
{
    if (!link_has_taps(l->model) || p->past_taps) {
        link_count(l->model, direction, p->len);
        return p;
    }
    struct buf changed = {0};
    enum net_verdict verdict =
        link_enter(l->model, direction, net_now(l->fast->net), octets(p), false, &changed);
    if (verdict == NET_CHANGE) {
        struct fast_packet *other = packet_create(buf_span(&changed), p->fate);
        other->doubtful = true;
        packet_drop(p);
        p = other;
    } else if (verdict == NET_DROP) {
        packet_lose(l, p, "tap");
        p = NULL;
    }
    buf_fini(&changed);
    return p;
}

/* The transmitter is free: sends a packet. */
static void start(struct fast_link *l, int direction, struct fast_packet *p)
{
    struct fast_transmitter *t = transmitter_of(l, direction);
    size_t bytes = p->len;
    t->free_at = net_now(l->fast->net) + link_air_time(l->model, bytes);
    sim_time sent = t->free_at;
    p = show(l, direction, p);
    if (p == NULL) {
        return;
    }
    if (!l->model->up) { /* a tap turned it down */
        l->model->stats.down_dropped[direction]++;
        packet_lose(l, p, "down");
        return;
    }
    if (link_loses(l->model, direction, bytes)) {
        l->model->stats.lost[direction]++;
        packet_lose(l, p, "loss");
        return;
    }
    p->arrival = link_arrival(l->model, direction, sent);
    queue_push(&l->air[direction], p);
    if (l->air[direction].first == p) {
        wait_for_arrival(l, direction);
    }
}

/* Which direction's packet has waited longest for the transmitter of `direction`; -1: none. */
static int next_direction(const struct fast_link *l, int direction)
{
    const struct fast_packet *a = l->queues[0].first;
    const struct fast_packet *b = l->queues[1].first;
    if (!l->model->params.shared_medium) {
        return l->queues[direction].first == NULL ? -1 : direction;
    }
    if (a == NULL || b == NULL) {
        return a != NULL ? 0 : b != NULL ? 1 : -1;
    }
    return a->order < b->order ? 0 : 1;
}

static void on_transmitter_free(void *arg);

static void wait_for_transmitter(struct fast_link *l, int direction)
{
    struct fast_transmitter *t = transmitter_of(l, direction);
    if (t->next == 0 && next_direction(l, direction) >= 0) {
        t->next = net_timer_set(l->fast->net, t->free_at, on_transmitter_free, &l->ways[direction]);
    }
}

static void on_transmitter_free(void *arg)
{
    const struct fast_way *way = arg;
    struct fast_link *l = way->link;
    transmitter_of(l, way->direction)->next = 0;
    int next = next_direction(l, way->direction);
    if (next >= 0) {
        start(l, next, queue_pop(&l->queues[next]));
    }
    wait_for_transmitter(l, way->direction);
}

static void enqueue(struct fast_link *l, int direction, struct fast_packet *p)
{
    struct fast_transmitter *t = transmitter_of(l, direction);
    struct net_link_stats *stats = &l->model->stats;
    p->order = l->orders++;
    if (!l->model->up) {
        stats->down_dropped[direction]++;
        packet_lose(l, p, "down");
    } else if (net_now(l->fast->net) >= t->free_at && t->next == 0 &&
               next_direction(l, direction) < 0) {
        start(l, direction, p);
    } else if (l->queues[direction].count >= l->model->params.queue_packets) {
        stats->queue_dropped[direction]++;
        packet_lose(l, p, "queue");
    } else {
        queue_push(&l->queues[direction], p);
        wait_for_transmitter(l, direction);
    }
}

static void lose_all(struct fast_link *l, struct fast_queue *q, int direction)
{
    l->model->stats.down_dropped[direction] += q->count;
    for (struct fast_packet *p = queue_pop(q); p != NULL; p = queue_pop(q)) {
        packet_lose(l, p, "down");
    }
}

void fast_link_turned(struct fast_link *l)
{
    struct net *net = l->fast->net;
    for (int d = 0; d < 2 && !l->model->up; d++) {
        lose_all(l, &l->air[d], d);
        lose_all(l, &l->queues[d], d);
        net_timer_cancel(net, l->arrival[d]);
        net_timer_cancel(net, l->transmitters[d].next);
        l->arrival[d] = l->transmitters[d].next = 0;
        l->transmitters[d].free_at = net_now(net);
    }
}

void fast_inject(struct fast_link *l, int direction, struct span packet)
{
    struct fast_packet *p = packet_create(packet, NULL);
    p->past_taps = p->doubtful = true;
    enqueue(l, direction, p);
}

/* --- IP -----------------------------------------------------------------------------------------
 */

void fast_send_ip(struct fast *f, net_node node, net_node peer, struct span packet, uint64_t tag)
{
    net_link id = net_link_between(f->net, node, peer);
    struct fast_link *l = id != NET_NONE ? fast_link_of(f, f->net->links[id]) : NULL;
    if (l == NULL) {
        return; /* the answer to a forged packet */
    }
    int direction = l->model->ends[0] == node ? 0 : 1;
    struct fast_fate *fate = NULL;
    if (tag != 0) {
        fate = mem_alloc(sizeof(*fate));
        fate->tag = tag;
        fate->packets = 1; /* ours, while the fragments are made */
    }
    if (packet.len <= l->model->params.mtu_bytes) {
        struct fast_packet *p = packet_create(packet, fate);
        packet_repair(p->data, p->len);
        enqueue(l, direction, p);
    } else {
        struct buf whole = {0};
        struct buf fragment = {0};
        uint32_t offset = 0;
        buf_append(&whole, packet);
        packet_repair(whole.data + whole.start, buf_len(&whole));
        while (packet_fragment(buf_span(&whole), l->model->params.mtu_bytes, &offset, &fragment)) {
            enqueue(l, direction, packet_create(buf_span(&fragment), fate));
        }
        buf_fini(&whole);
        buf_fini(&fragment);
    }
    if (fate != NULL && --fate->packets == 0) {
        free(fate);
    }
}

int fast_datagram_send(struct fast *f, net_node node, net_node peer, uint16_t port,
                       struct link *link, struct span payload, uint64_t tag)
{
    (void)link;
    struct buf packet = {0};
    packet_build_udp(&packet, net_node_address(f->net, node), net_node_address(f->net, peer), port,
                     port, fast_node_of(f, node)->next_id++, payload);
    fast_send_ip(f, node, peer, buf_span(&packet), tag);
    buf_fini(&packet);
    return 0;
}

/* --- life ----------------------------------------------------------------------------------------
 */

struct fast *fast_create(struct net *net)
{
    struct fast *f = mem_alloc(sizeof(*f));
    f->net = net;
    return f;
}

/* Makes room for index `wanted` in a table of pointers. */
static void *grow(void *table, size_t *capacity, size_t wanted)
{
    size_t old = *capacity;
    if (wanted < old) {
        return table;
    }
    *capacity = wanted + 1 > old * 2 ? wanted + 1 : old * 2;
    void *grown = mem_realloc(table, *capacity * sizeof(void *));
    memset((char *)grown + old * sizeof(void *), 0, (*capacity - old) * sizeof(void *));
    return grown;
}

void fast_link_added(struct fast *f, struct link *model)
{
    f->links = grow((void *)f->links, &f->link_capacity, model->id);
    struct fast_link *l = mem_alloc(sizeof(*l));
    l->fast = f;
    l->model = model;
    for (int d = 0; d < 2; d++) {
        l->ways[d] = (struct fast_way){l, d};
    }
    f->links[model->id] = l;
}

struct fast_link *fast_link_of(const struct fast *f, const struct link *model)
{
    return model->id < f->link_capacity ? f->links[model->id] : NULL;
}

struct fast_node *fast_node_of(struct fast *f, net_node node)
{
    f->nodes = grow((void *)f->nodes, &f->node_capacity, node);
    if (f->nodes[node] == NULL) {
        struct fast_node *n = mem_alloc(sizeof(*n));
        n->fast = f;
        n->id = node;
        f->nodes[node] = n;
    }
    return f->nodes[node];
}

static void drop_queue(struct fast_queue *q)
{
    for (struct fast_packet *p = queue_pop(q); p != NULL; p = queue_pop(q)) {
        packet_drop(p);
    }
}

void fast_free(struct fast *f)
{
    if (f == NULL) {
        return;
    }
    fast_streams_free(f);
    for (size_t i = 0; i < f->link_capacity; i++) {
        struct fast_link *l = f->links[i];
        for (int d = 0; l != NULL && d < 2; d++) {
            drop_queue(&l->queues[d]);
            drop_queue(&l->air[d]);
        }
        free(l);
    }
    for (size_t i = 0; i < f->node_capacity; i++) {
        struct fast_node *n = f->nodes[i];
        if (n != NULL) {
            while (n->assemblies != NULL) {
                assembly_free(n->assemblies);
            }
            map_fini(&n->connections);
            free(n);
        }
    }
    free((void *)f->links);
    free((void *)f->nodes);
    buf_fini(&f->scratch);
    free(f);
}
