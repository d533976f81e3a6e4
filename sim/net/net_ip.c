#include "sim/net/net_ip.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sim/net/net_fast.h"

enum {
    TIME_TO_LIVE = 64,
    ASSEMBLIES_MOST = 256,
    REASSEMBLY_S = 30 /* Linux; RFC 791: about 15 s at least */
};

/* --- packets ---------------------------------------------------------------------------------- */

static void queue_push(struct ip_queue *q, struct ip_packet *p)
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

static struct ip_packet *queue_pop(struct ip_queue *q)
{
    struct ip_packet *p = q->first;
    if (p != NULL) {
        q->first = p->next;
        if (q->first == NULL) {
            q->last = NULL;
        }
        q->count--;
    }
    return p;
}

static struct ip_packet *packet_create(struct span bytes, uint64_t tag)
{
    struct ip_packet *p = mem_uncleared(sizeof(*p) + bytes.len);
    *p = (struct ip_packet){.len = (uint32_t)bytes.len, .tag = tag};
    memcpy(p->data, bytes.data, bytes.len);
    return p;
}

/* Tells what became of a datagram, once. `piece`: others may have its tag. */
static void tell_lost(struct ip *ip, uint64_t tag, bool piece, const char *reason)
{
    uint64_t seen;
    if (tag != 0 && !(piece && map_get(&ip->told, tag, &seen))) {
        if (piece) {
            map_set(&ip->told, tag, 1);
        }
        net_report_drop(ip->net, tag, reason);
    }
}

static void packet_lose(struct ip_link *l, struct ip_packet *p, const char *reason)
{
    tell_lost(l->ip, p->tag, p->piece, reason);
    free(p);
}

static struct span octets(const struct ip_packet *p)
{
    return span_of(p->data, p->len);
}

/* --- arrival ---------------------------------------------------------------------------------- */

/* A whole packet for this node goes to the transport of the link that it came over. */
static void deliver(struct ip_node *node, const struct ip_link *l, int direction,
                    struct span packet, const struct packet_view *v, bool doubtful)
{
    struct net *net = node->ip->net;
    if ((doubtful && !(packet_checksums_ok(packet) && packet_tcp_options_ok(packet))) ||
        net_node_of_address(net, v->source) == NET_NONE) {
        return; /* the last: forged, nobody could be answered */
    }
    if (l->fast) {
        fast_receive(node, l->ways[direction].receiver, packet, v);
    } else {
        net->ops->deliver(net, node->id, packet, v);
    }
}

static void assembly_free(struct ip_assembly *a)
{
    struct ip_assembly **at = &a->node->assemblies;
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

static void deliver_fragment(struct ip_node *node, const struct ip_link *l, int direction,
                             struct span packet, const struct packet_view *v)
{
    uint64_t key = (uint64_t)v->source << 32 | (uint64_t)v->protocol << 16 | v->id;
    struct ip_assembly *a = node->assemblies;
    while (a != NULL && a->key != key) {
        a = a->next;
    }
    if (a == NULL) {
        if (node->assembly_count >= ASSEMBLIES_MOST) {
            return; /* a flood of first fragments */
        }
        struct net *net = node->ip->net;
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
        struct packet_view view;
        buf_append(&copy, whole);
        net_timer_cancel(node->ip->net, a->timeout);
        assembly_free(a);
        if (packet_parse(buf_span(&copy), &view) == 0) {
            deliver(node, l, direction, buf_span(&copy), &view, true);
        }
        buf_fini(&copy);
    }
}

static void forward(struct ip_node *node, struct span packet, const struct packet_view *v,
                    uint64_t tag, bool doubtful);

static void receive(struct ip_link *l, int direction, struct span packet, uint64_t tag,
                    bool doubtful)
{
    struct ip_way *way = &l->ways[direction];
    struct packet_view v;
    if (packet_parse(packet, &v) < 0) {
        return;
    }
    if (way->to == NULL) {
        way->to = ip_node_of(l->ip, l->model->ends[1 - direction]);
    }
    struct ip_node *node = way->to;
    if (v.destination != net_node_address(node->ip->net, node->id)) {
        forward(node, packet, &v, tag, doubtful);
    } else if (v.more_fragments || v.fragment_offset != 0) {
        deliver_fragment(node, l, direction, packet, &v);
    } else {
        deliver(node, l, direction, packet, &v, doubtful);
    }
}

/* --- links --------------------------------------------------------------------------------------
 */

static void on_arrival(void *arg);

static struct ip_transmitter *transmitter_of(struct ip_link *l, int direction)
{
    return &l->ways[l->model->params.shared_medium ? 0 : direction].transmitter;
}

static void wait_for_arrival(struct ip_link *l, int direction)
{
    l->ways[direction].arrival = net_timer_set(l->ip->net, l->ways[direction].air.first->arrival,
                                               on_arrival, &l->ways[direction]);
}

static void on_arrival(void *arg)
{
    struct ip_way *way = arg;
    struct ip_link *l = way->link;
    struct ip_packet *p = queue_pop(&way->air);
    way->arrival = 0;
    if (way->air.first != NULL) {
        wait_for_arrival(l, way->direction);
    }
    receive(l, way->direction, octets(p), p->tag, p->doubtful);
    free(p);
}

/* A link is one of thousands, and what its packet meets was last in use long ago. */
static void look_at_arrival(const void *arg, int depth)
{
    const struct ip_way *way = arg;
    if (depth == 1) {
        net_fetch(way, sizeof(*way));
    } else if (depth == 2) {
        enum { MOST = 512 }; /* longer ones are fetched by reading them */
        net_fetch(way->air.first, MOST);
        net_fetch(way->to, sizeof(*way->to));
        net_fetch(way->link, offsetof(struct ip_link, ways));
        net_fetch(way->receiver, FAST_HOT_BYTES);
    } else if (way->receiver != NULL) {
        fast_look(way->receiver, depth);
    }
}

void ip_look_to_send(const struct ip_link *l, int direction, int step)
{
    if (step == 1) {
        net_fetch(l, offsetof(struct ip_link, ways));
        net_fetch(&l->ways[direction], sizeof(l->ways[direction]));
    } else {
        net_fetch(l->model, offsetof(struct link, tap_capacity));
    }
}

/* Shows a packet to the taps; returns what goes on, NULL: nothing. */
static struct ip_packet *show(struct ip_link *l, int direction, struct ip_packet *p)
{
    if (!link_has_taps(l->model) || p->past_taps) {
        link_count(l->model, direction, p->len);
        return p;
    }
    struct buf changed = {0};
    enum net_verdict verdict =
        link_enter(l->model, direction, net_now(l->ip->net), octets(p), p->tag, false, &changed);
    if (verdict == NET_CHANGE) {
        struct ip_packet *other = packet_create(buf_span(&changed), p->tag);
        other->doubtful = true;
        other->piece = p->piece;
        free(p);
        p = other;
    } else if (verdict == NET_DROP) {
        packet_lose(l, p, "tap");
        p = NULL;
    }
    buf_fini(&changed);
    return p;
}

/* The transmitter is free: sends a packet. */
static void start(struct ip_link *l, int direction, struct ip_packet *p)
{
    struct ip_transmitter *t = transmitter_of(l, direction);
    size_t bytes = p->len;
    t->free_at = net_now(l->ip->net) + link_air_time(l->model, bytes);
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
    queue_push(&l->ways[direction].air, p);
    if (l->ways[direction].air.first == p) {
        wait_for_arrival(l, direction);
    }
}

/* Which direction's packet has waited longest for the transmitter of `direction`; -1: none. */
static int next_direction(const struct ip_link *l, int direction)
{
    const struct ip_packet *a = l->ways[0].queue.first;
    const struct ip_packet *b = l->ways[1].queue.first;
    if (!l->model->params.shared_medium) {
        return l->ways[direction].queue.first == NULL ? -1 : direction;
    }
    if (a == NULL || b == NULL) {
        return a != NULL ? 0 : b != NULL ? 1 : -1;
    }
    return a->order < b->order ? 0 : 1;
}

static void on_transmitter_free(void *arg);

static void wait_for_transmitter(struct ip_link *l, int direction)
{
    struct ip_transmitter *t = transmitter_of(l, direction);
    if (t->next == 0 && next_direction(l, direction) >= 0) {
        t->next = net_timer_set(l->ip->net, t->free_at, on_transmitter_free, &l->ways[direction]);
    }
}

static void on_transmitter_free(void *arg)
{
    const struct ip_way *way = arg;
    struct ip_link *l = way->link;
    transmitter_of(l, way->direction)->next = 0;
    int next = next_direction(l, way->direction);
    if (next >= 0) {
        start(l, next, queue_pop(&l->ways[next].queue));
    }
    wait_for_transmitter(l, way->direction);
}

/* Full: the device of ns-3 queues, transmits and loses. */
static void hand_to_device(struct ip_link *l, int direction, struct ip_packet *p)
{
    p = show(l, direction, p);
    if (p != NULL && !l->model->up) { /* a tap turned it down */
        l->model->stats.down_dropped[direction]++;
        packet_lose(l, p, "down");
    } else if (p != NULL) {
        l->ip->net->ops->transmit(l->ip->net, l->model, direction, octets(p), p->tag);
        free(p);
    }
}

static void enqueue(struct ip_link *l, int direction, struct ip_packet *p)
{
    struct ip_transmitter *t = transmitter_of(l, direction);
    struct net_link_stats *stats = &l->model->stats;
    p->order = l->orders++;
    if (!l->model->up) {
        stats->down_dropped[direction]++;
        packet_lose(l, p, "down");
    } else if (l->model->params.fidelity == NET_FIDELITY_FULL) {
        hand_to_device(l, direction, p);
    } else if (net_now(l->ip->net) >= t->free_at && t->next == 0 &&
               next_direction(l, direction) < 0) {
        start(l, direction, p);
    } else if (l->ways[direction].queue.count >= l->model->params.queue_packets) {
        stats->queue_dropped[direction]++;
        packet_lose(l, p, "queue");
    } else {
        queue_push(&l->ways[direction].queue, p);
        wait_for_transmitter(l, direction);
    }
}

static void lose_all(struct ip_link *l, struct ip_queue *q, int direction)
{
    l->model->stats.down_dropped[direction] += q->count;
    for (struct ip_packet *p = queue_pop(q); p != NULL; p = queue_pop(q)) {
        packet_lose(l, p, "down");
    }
}

void ip_link_turned(struct ip_link *l)
{
    struct net *net = l->ip->net;
    for (int d = 0; d < 2 && !l->model->up; d++) {
        lose_all(l, &l->ways[d].air, d);
        lose_all(l, &l->ways[d].queue, d);
        net_timer_cancel(net, l->ways[d].arrival);
        net_timer_cancel(net, l->ways[d].transmitter.next);
        l->ways[d].arrival = l->ways[d].transmitter.next = 0;
        l->ways[d].transmitter.free_at = net_now(net);
    }
}

void ip_inject(struct ip_link *l, int direction, struct span packet)
{
    struct ip_packet *p = packet_create(packet, 0);
    p->past_taps = p->doubtful = true;
    enqueue(l, direction, p);
}

/* --- IP -----------------------------------------------------------------------------------------
 */

static struct ip_link *way_towards(const struct net *net, net_node node, net_node peer,
                                   int *direction)
{
    net_link id = net_link_towards(net, node, peer);
    struct ip_link *l = id != NET_NONE ? ip_link_of(net->ip, net->links[id]) : NULL;
    *direction = l != NULL && l->model->ends[0] != node;
    return l;
}

uint32_t ip_path_mtu(const struct net *net, net_node node, net_node peer)
{
    uint32_t least = UINT16_MAX;
    for (int hops = 0; node != peer && hops < TIME_TO_LIVE; hops++) {
        net_link id = net_link_towards(net, node, peer);
        if (id == NET_NONE) {
            break;
        }
        const struct link *l = net->links[id];
        least = l->params.mtu_bytes < least ? l->params.mtu_bytes : least;
        node = l->ends[l->ends[0] == node];
    }
    return least;
}

/* Cuts a packet that is larger than the MTU. */
static void send_fragments(struct ip_link *l, int direction, struct span packet, uint64_t tag,
                           bool doubtful)
{
    struct buf fragment = {0};
    uint32_t offset = 0;
    while (packet_fragment(packet, l->model->params.mtu_bytes, &offset, &fragment)) {
        struct ip_packet *p = packet_create(buf_span(&fragment), tag);
        p->doubtful = doubtful;
        p->piece = true;
        enqueue(l, direction, p);
    }
    buf_fini(&fragment);
}

static void send_over(struct ip_link *l, int direction, struct span packet, uint64_t tag)
{
    if (packet.len <= l->model->params.mtu_bytes) {
        struct ip_packet *p = packet_create(packet, tag);
        packet_repair(p->data, p->len);
        enqueue(l, direction, p);
    } else {
        struct buf whole = {0};
        buf_append(&whole, packet);
        packet_repair(whole.data + whole.start, buf_len(&whole));
        send_fragments(l, direction, buf_span(&whole), tag, false);
        buf_fini(&whole);
    }
}

void ip_send(struct ip *ip, net_node node, net_node peer, struct span packet, uint64_t tag)
{
    int direction;
    struct ip_link *l = way_towards(ip->net, node, peer, &direction);
    if (l != NULL) {
        send_over(l, direction, packet, tag);
    }
}

void ip_send_way(struct ip *ip, struct ip_way_out *way, net_node node, net_node peer,
                 struct span packet)
{
    if (way->version != ip->net->version) {
        way->link = way_towards(ip->net, node, peer, &way->direction);
        way->version = ip->net->version;
    }
    if (way->link != NULL) {
        send_over(way->link, way->direction, packet, 0);
    }
}

/* A node forwards what it has a route for; a node that is no router has none. */
static void forward(struct ip_node *node, struct span packet, const struct packet_view *v,
                    uint64_t tag, bool doubtful)
{
    struct net *net = node->ip->net;
    net_node to = net_node_of_address(net, v->destination);
    int direction;
    struct ip_link *l =
        to != NET_NONE && net->routes.count > 0 ? way_towards(net, node->id, to, &direction) : NULL;
    if (l == NULL || packet.data[8] <= 1) {
        return; /* RFC 1812, 5.3.1: time to live */
    }
    struct ip_packet *p = packet_create(packet, tag);
    p->piece = v->more_fragments || v->fragment_offset != 0;
    packet_age(p->data);
    if (p->len <= l->model->params.mtu_bytes) {
        p->doubtful = doubtful;
        enqueue(l, direction, p);
    } else {
        send_fragments(l, direction, octets(p), tag, doubtful);
        free(p);
    }
}

void ip_arrived(struct ip_link *l, int direction, struct span packet, uint64_t tag)
{
    if (l->model->up) {
        receive(l, direction, packet, tag, true);
    } else {
        ip_lost(l, direction, tag, "down");
    }
}

void ip_lost(struct ip_link *l, int direction, uint64_t tag, const char *reason)
{
    struct net_link_stats *stats = &l->model->stats;
    uint64_t *count = strcmp(reason, "loss") == 0    ? stats->lost
                      : strcmp(reason, "queue") == 0 ? stats->queue_dropped
                                                     : stats->down_dropped;
    count[direction]++;
    tell_lost(l->ip, tag, true, reason);
}

/* --- life ----------------------------------------------------------------------------------------
 */

struct ip *ip_create(struct net *net)
{
    struct ip *ip = mem_alloc(sizeof(*ip));
    ip->net = net;
    net_look_ahead(net, on_arrival, look_at_arrival);
    fast_look_ahead(net);
    return ip;
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

void ip_link_added(struct ip *ip, struct link *model)
{
    ip->links = grow((void *)ip->links, &ip->link_capacity, model->id);
    struct ip_link *l = mem_alloc(sizeof(*l));
    l->ip = ip;
    l->model = model;
    l->fast = model->params.fidelity == NET_FIDELITY_FAST;
    for (int d = 0; d < 2; d++) {
        l->ways[d].link = l;
        l->ways[d].direction = d;
    }
    ip->links[model->id] = l;
}

struct ip_link *ip_link_of(const struct ip *ip, const struct link *model)
{
    return model->id < ip->link_capacity ? ip->links[model->id] : NULL;
}

struct ip_node *ip_node_of(struct ip *ip, net_node node)
{
    ip->nodes = grow((void *)ip->nodes, &ip->node_capacity, node);
    if (ip->nodes[node] == NULL) {
        struct ip_node *n = mem_alloc(sizeof(*n));
        n->ip = ip;
        n->id = node;
        ip->nodes[node] = n;
    }
    return ip->nodes[node];
}

static void drop_queue(struct ip_queue *q)
{
    for (struct ip_packet *p = queue_pop(q); p != NULL; p = queue_pop(q)) {
        free(p);
    }
}

void ip_free(struct ip *ip)
{
    if (ip == NULL) {
        return;
    }
    fast_streams_free(ip);
    for (size_t i = 0; i < ip->link_capacity; i++) {
        struct ip_link *l = ip->links[i];
        for (int d = 0; l != NULL && d < 2; d++) {
            drop_queue(&l->ways[d].queue);
            drop_queue(&l->ways[d].air);
        }
        free(l);
    }
    for (size_t i = 0; i < ip->node_capacity; i++) {
        struct ip_node *n = ip->nodes[i];
        if (n != NULL) {
            struct ip_assembly *next;
            for (struct ip_assembly *a = n->assemblies; a != NULL; a = next) {
                next = a->next;
                packet_assembly_free(a->parts);
                free(a);
            }
            map_fini(&n->connections);
            free(n);
        }
    }
    free((void *)ip->links);
    free((void *)ip->nodes);
    buf_fini(&ip->scratch);
    map_fini(&ip->told);
    free(ip);
}
