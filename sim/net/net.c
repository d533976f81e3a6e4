#include "sim/net/net.h"

#include <stdlib.h>

#include "sim/net/net_fast.h"
#include "sim/net/net_internal.h"
#include "sim/net/net_packet.h"

enum { FIRST_ADDRESS = 0x0a000001, LAST_ADDRESS = 0x0afffffe, MAX_DATAGRAM = 65507 };

void net_base_init(struct net *net, const struct net_ops *ops, uint64_t seed)
{
    net->ops = ops;
    net->seed = seed;
}

void net_base_fini(struct net *net)
{
    for (size_t i = 0; i < net->node_count; i++) {
        free(net->nodes[i]);
    }
    for (size_t i = 0; i < net->link_count; i++) {
        link_free(net->links[i]);
    }
    for (size_t i = 0; i < net->state_count; i++) {
        struct net_port *port = net->states[i].ports;
        while (port != NULL) {
            struct net_port *next = port->next;
            free(port);
            port = next;
        }
    }
    free(net->states);
    map_fini(&net->ports);
    free(net->nodes);
    free((void *)net->links);
    free(net->reports);
    map_fini(&net->pairs);
    map_fini(&net->taps);
    map_fini(&net->routes);
}

void net_free(struct net *net)
{
    if (net != NULL) {
        ip_free(net->ip);
        net->ip = NULL;
        net->ops->free(net);
    }
}

sim_time net_now(const struct net *net)
{
    return net->ops->now(net);
}

uint64_t net_run(struct net *net, sim_time until, uint64_t budget)
{
    CHECK(until >= net_now(net));
    return net->ops->run(net, until, budget);
}

void net_stop(struct net *net)
{
    net->ops->stop(net);
}

uint64_t net_event_count(const struct net *net)
{
    return net->ops->event_count(net);
}

const char *net_version(const struct net *net)
{
    return net->ops->version;
}

net_timer net_timer_set(struct net *net, sim_time at, net_timer_fn *fn, void *arg)
{
    CHECK(fn != NULL && at >= net_now(net));
    return net->ops->timer_set(net, at, fn, arg);
}

void net_look_ahead(struct net *net, net_timer_fn *fn, net_look_fn *look)
{
    if (net->ops->look_ahead != NULL) {
        net->ops->look_ahead(net, fn, look);
    }
}

void net_timer_cancel(struct net *net, net_timer timer)
{
    if (timer != 0) {
        net->ops->timer_cancel(net, timer);
    }
}

/* --- nodes and links ------------------------------------------------------------------------- */

net_node net_add_node(struct net *net, const char *name)
{
    CHECK(net->node_count <= LAST_ADDRESS - FIRST_ADDRESS);
    net_node node = (net_node)net->node_count;
    *MEM_PUSH(net->nodes, net->node_count, net->node_capacity) = mem_strdup(name);
    *MEM_PUSH(net->states, net->state_count, net->state_capacity) = (struct net_node_state){0};
    net->ops->node_added(net, node);
    return node;
}

uint32_t net_node_address(const struct net *net, net_node node)
{
    CHECK(node < net->node_count);
    return FIRST_ADDRESS + node;
}

net_node net_node_of_address(const struct net *net, uint32_t address)
{
    uint32_t index = address - FIRST_ADDRESS;
    return index < net->node_count ? index : NET_NONE;
}

static uint64_t pair_key(net_node a, net_node b)
{
    return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

net_link net_link_between(const struct net *net, net_node a, net_node b)
{
    uint64_t link;
    return map_get(&net->pairs, pair_key(a, b), &link) ? (net_link)link : NET_NONE;
}

net_link net_link_towards(const struct net *net, net_node node, net_node peer)
{
    uint64_t link;
    net_link direct = net_link_between(net, node, peer);
    if (direct != NET_NONE) {
        return direct;
    }
    return map_get(&net->routes, (uint64_t)node << 32 | peer, &link) ? (net_link)link : NET_NONE;
}

/* --- ports -----------------------------------------------------------------------------------
 * The net's own kind learns of a node's ports when the node has a link that it serves. */

static uint64_t port_key(net_node node, uint16_t number, enum net_port_kind kind)
{
    return (uint64_t)node << 17 | (uint64_t)kind << 16 | number;
}

const struct net_port *net_port_find(const struct net *net, net_node node, uint16_t number,
                                     enum net_port_kind kind)
{
    uint64_t found;
    return map_get(&net->ports, port_key(node, number, kind), &found)
               ? (const struct net_port *)(uintptr_t)found
               : NULL;
}

static int open_at_kind(struct net *net, const struct net_port *p)
{
    return p->kind == NET_PORT_STREAM
               ? net->ops->listen(net, p->node, p->number, p->accept, p->arg)
               : net->ops->datagram_bind(net, p->node, p->number, p->datagram, p->arg);
}

static int open_port(struct net *net, const struct net_port *port)
{
    CHECK(port->node < net->node_count);
    struct net_node_state *state = &net->states[port->node];
    if (port->number == 0) {
        return -SIM_EINVAL;
    }
    if (net_port_find(net, port->node, port->number, port->kind) != NULL) {
        return -SIM_EEXIST;
    }
    int r = state->served ? open_at_kind(net, port) : 0;
    if (r == 0) {
        struct net_port *p = mem_alloc(sizeof(*p));
        *p = *port;
        p->next = state->ports;
        state->ports = p;
        map_set(&net->ports, port_key(p->node, p->number, p->kind), (uint64_t)(uintptr_t)p);
    }
    return r;
}

static void serve(struct net *net, net_node node)
{
    struct net_node_state *state = &net->states[node];
    if (!state->served) {
        state->served = true;
        for (const struct net_port *p = state->ports; p != NULL; p = p->next) {
            CHECK(open_at_kind(net, p) == 0);
        }
    }
}

/* Whether net_ip.c serves the link. */
static bool is_ip(const struct net *net, const struct link *link)
{
    return net->ops->deliver != NULL || link->params.fidelity == NET_FIDELITY_FAST;
}

static bool is_fast(const struct link *link)
{
    return link->params.fidelity == NET_FIDELITY_FAST;
}

int net_add_link(struct net *net, net_node a, net_node b, const struct net_link_params *params,
                 net_link *ret)
{
    if (a >= net->node_count || b >= net->node_count || a == b ||
        net_link_between(net, a, b) != NET_NONE || link_check_params(params) < 0 ||
        (params->fidelity == NET_FIDELITY_FULL &&
         (net->ops->transmit == NULL || params->device == NET_DEVICE_NONE))) {
        return -SIM_EINVAL;
    }
    net_link id = (net_link)net->link_count;
    struct link *link = link_create(net->seed, id, a, b, params);
    *MEM_PUSH(net->links, net->link_count, net->link_capacity) = link;
    map_set(&net->pairs, pair_key(a, b), id);
    net->version++;
    if (is_ip(net, link)) {
        if (net->ip == NULL) {
            net->ip = ip_create(net);
        }
        ip_link_added(net->ip, link);
    }
    if (!is_ip(net, link) || params->fidelity == NET_FIDELITY_FULL) {
        net->ops->link_added(net, link);
    }
    if (!is_fast(link)) {
        serve(net, a);
        serve(net, b);
    }
    *ret = id;
    return 0;
}

static struct link *link_of(const struct net *net, net_link link)
{
    CHECK(link < net->link_count);
    return net->links[link];
}

void net_link_set_up(struct net *net, net_link link, bool up)
{
    struct link *l = link_of(net, link);
    if (l->up != up) {
        l->up = up;
        if (is_ip(net, l)) {
            ip_link_turned(ip_link_of(net->ip, l));
        } else {
            net->ops->link_turned(net, l);
        }
    }
}

bool net_link_is_up(const struct net *net, net_link link)
{
    return link_of(net, link)->up;
}

void net_link_stats(const struct net *net, net_link link, struct net_link_stats *ret)
{
    *ret = link_of(net, link)->stats;
}

int net_link_change(struct net *net, net_link link, const struct net_link_params *params)
{
    struct link *l = link_of(net, link);
    struct net_link_params changed = l->params;
    changed.delay = params->delay;
    changed.jitter = params->jitter;
    changed.rate_bps = params->rate_bps;
    changed.loss = params->loss;
    int r = link_check_params(&changed);
    if (r == 0) {
        l->params = changed;
    }
    return r;
}

int net_set_route(struct net *net, net_node at, net_node to, net_link via)
{
    struct link *l = link_of(net, via);
    if (at >= net->node_count || to >= net->node_count || at == to || !is_ip(net, l) ||
        (l->ends[0] != at && l->ends[1] != at)) {
        return -SIM_EINVAL;
    }
    map_set(&net->routes, (uint64_t)at << 32 | to, via);
    net->version++;
    if (!is_fast(l)) {
        serve(net, at);
        serve(net, to);
    }
    return 0;
}

/* The first link of the way between two nodes; NULL: there is none. */
static struct link *link_joining(const struct net *net, net_node a, net_node b)
{
    net_link link = net_link_towards(net, a, b);
    return link != NET_NONE ? net->links[link] : NULL;
}

/* --- streams --------------------------------------------------------------------------------- */

int net_listen(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg)
{
    CHECK(fn != NULL);
    return open_port(
        net, &(struct net_port){
                 .node = node, .number = port, .kind = NET_PORT_STREAM, .accept = fn, .arg = arg});
}

int net_connect(struct net *net, net_node node, net_node peer, uint16_t port,
                const struct net_stream_ops *ops, void *arg, struct net_stream **ret)
{
    CHECK(ops != NULL);
    struct link *link = link_joining(net, node, peer);
    if (link == NULL) {
        return -SIM_ENOENT;
    }
    if (port == 0) {
        return -SIM_EINVAL;
    }
    return is_fast(link) ? fast_connect(net->ip, node, peer, port, ops, arg, ret)
                         : net->ops->connect(net, node, peer, port, link, ops, arg, ret);
}

void net_stream_fetch(const struct net_stream *stream, int step)
{
    enum { MOST = 448 }; /* of any kind */
    if (stream != NULL && step == 0) {
        net_fetch(stream, MOST);
    } else if (stream != NULL && stream->calls != NULL) {
        stream->calls->fetch(stream, step);
    }
}

size_t net_stream_send(struct net_stream *stream, struct span bytes)
{
    if (bytes.len == 0) {
        return 0;
    }
    return stream->calls != NULL ? stream->calls->send(stream, bytes)
                                 : stream->net->ops->send(stream, bytes);
}

void net_stream_hand_over(struct net_stream *stream, struct buf *bytes)
{
    if (stream->calls != NULL && buf_len(bytes) > 0) {
        stream->calls->hand_over(stream, bytes);
    } else {
        buf_consume(bytes, net_stream_send(stream, buf_span(bytes)));
    }
}

void net_stream_close(struct net_stream *stream)
{
    if (stream->calls != NULL) {
        stream->calls->close(stream);
    } else {
        stream->net->ops->close(stream);
    }
}

void net_stream_abort(struct net_stream *stream)
{
    if (stream->calls != NULL) {
        stream->calls->abort(stream);
    } else {
        stream->net->ops->abort(stream);
    }
}

void net_stream_stats(const struct net_stream *stream, struct net_stream_stats *ret)
{
    if (stream->calls != NULL) {
        stream->calls->stats(stream, ret);
    } else {
        stream->net->ops->stream_stats(stream, ret);
    }
}

/* --- datagrams ------------------------------------------------------------------------------- */

int net_datagram_bind(struct net *net, net_node node, uint16_t port, net_datagram_fn *fn, void *arg)
{
    CHECK(fn != NULL);
    return open_port(
        net,
        &(struct net_port){
            .node = node, .number = port, .kind = NET_PORT_DATAGRAM, .datagram = fn, .arg = arg});
}

void net_set_drop_handler(struct net *net, net_drop_fn *fn, void *arg)
{
    net->drop = fn;
    net->drop_arg = arg;
}

int net_datagram_send(struct net *net, net_node node, net_node peer, uint16_t port,
                      struct span payload, uint64_t tag)
{
    struct link *link = link_joining(net, node, peer);
    if (port == 0 || payload.len > MAX_DATAGRAM) {
        return -SIM_EINVAL;
    }
    if (link == NULL) {
        return -SIM_ENOENT;
    }
    return is_fast(link) ? fast_datagram_send(net->ip, node, peer, port, payload, tag)
                         : net->ops->datagram_send(net, node, peer, port, link, payload, tag);
}

static void tell_drops(void *arg)
{
    struct net *net = arg;
    struct net_drop_report *reports = net->reports;
    size_t count = net->report_count;
    net->reports = NULL; /* the handler may cause further reports */
    net->report_count = net->report_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        if (net->drop != NULL) {
            net->drop(net->drop_arg, reports[i].tag, reports[i].reason);
        }
    }
    free(reports);
}

void net_report_drop(struct net *net, uint64_t tag, const char *reason)
{
    if (tag == 0) {
        return;
    }
    if (net->report_count == 0) {
        net_timer_set(net, net_now(net), tell_drops, net);
    }
    *MEM_PUSH(net->reports, net->report_count, net->report_capacity) =
        (struct net_drop_report){.tag = tag, .reason = reason};
}

/* --- taps ------------------------------------------------------------------------------------ */

uint32_t net_tap_add(struct net *net, net_link link, bool front, net_tap_fn *fn, void *arg)
{
    CHECK(fn != NULL);
    uint32_t handle = ++net->taps_made;
    link_add_tap(link_of(net, link), handle, front, fn, arg);
    map_set(&net->taps, handle, link);
    return handle;
}

void net_tap_remove(struct net *net, uint32_t tap)
{
    uint64_t link;
    if (map_get(&net->taps, tap, &link)) {
        link_remove_tap(net->links[link], tap);
        map_remove(&net->taps, tap);
    }
}

int net_inject(struct net *net, net_link link, int direction, struct span packet)
{
    struct link *l = link_of(net, link);
    struct packet_view v;
    if ((direction != 0 && direction != 1) || packet.len > l->params.mtu_bytes ||
        packet_parse(packet, &v) < 0) {
        return -SIM_EINVAL;
    }
    if (is_ip(net, l)) {
        ip_inject(ip_link_of(net->ip, l), direction, packet);
    } else {
        net->ops->inject(net, l, direction, packet);
    }
    return 0;
}
