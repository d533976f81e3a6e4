/* The ideal net: packets take the link's delay, keep their order and are never lost by themselves;
 * rate, queue, jitter and the loss model play no part. Taps and links that are down do drop
 * packets: then a stream repeats from the lost segment on after RETRY. Streams exchange
 * real-looking TCP segments (SYN, SYN+ACK, ACK, data, FIN, RST), but the sender learns of a
 * delivery without an acknowledgement on the wire. */
#include <stdlib.h>
#include <string.h>

#include "sim/core/map.h"
#include "sim/net/net_internal.h"
#include "sim/net/net_packet.h"

enum { WINDOW = 128 * 1024, FIRST_EPHEMERAL = 49152, MAX_TRIES = 8 };
static const sim_time RETRY = 200 * SIM_MS;
static const sim_time LINGER = 60 * SIM_S;

/* --- event queue: a binary heap by time, then order of scheduling ------------------------------
 */

struct ideal_event {
    sim_time at;
    uint64_t order; /* also the handle of a timer */
    size_t place;   /* index in the heap */
    net_timer_fn *fn;
    void *arg;
};

struct ideal_stream;
struct ideal_datagram;

struct ideal_listener {
    net_accept_fn *fn;
    void *arg;
};

struct ideal_port {
    net_datagram_fn *fn;
    void *arg;
};

struct ideal_host {
    uint16_t next_port; /* ephemeral */
    uint16_t next_id;   /* IP identification */
};

struct ideal_net {
    struct net base;
    sim_time now;
    uint64_t scheduled;
    uint64_t handled;
    bool stopping;
    struct ideal_event **heap;
    size_t heap_count;
    size_t heap_capacity;
    struct map timers;        /* handle -> event */
    struct map listeners;     /* node << 16 | port -> struct ideal_listener */
    struct map ports;         /* the same -> struct ideal_port */
    struct ideal_host *hosts; /* a node each */
    size_t host_count;
    size_t host_capacity;
    struct ideal_stream *streams;     /* list of all */
    struct ideal_datagram *datagrams; /* on the air */
    bool reap;                        /* a stream may be finished */
    void **owned;                     /* listeners, ports */
    size_t owned_count;
    size_t owned_capacity;
};

static struct ideal_net *ideal(struct net *net)
{
    return (struct ideal_net *)net;
}

static bool earlier(const struct ideal_event *a, const struct ideal_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_put(struct ideal_net *n, size_t place, struct ideal_event *e)
{
    n->heap[place] = e;
    e->place = place;
}

static void heap_up(struct ideal_net *n, size_t place, struct ideal_event *e)
{
    while (place > 0 && earlier(e, n->heap[(place - 1) / 2])) {
        heap_put(n, place, n->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_put(n, place, e);
}

static void heap_remove(struct ideal_net *n, struct ideal_event *e)
{
    size_t place = e->place;
    struct ideal_event *last = n->heap[--n->heap_count];
    if (last == e) {
        return;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < n->heap_count && earlier(n->heap[child + 1], n->heap[child])) {
            child++;
        }
        if (child >= n->heap_count || !earlier(n->heap[child], last)) {
            break;
        }
        heap_put(n, place, n->heap[child]);
        place = child;
    }
    heap_up(n, place, last);
}

static struct ideal_event *schedule(struct ideal_net *n, sim_time at, net_timer_fn *fn, void *arg)
{
    struct ideal_event *e = mem_alloc(sizeof(*e));
    *e = (struct ideal_event){.at = at, .order = ++n->scheduled, .fn = fn, .arg = arg};
    (void)MEM_PUSH(n->heap, n->heap_count, n->heap_capacity);
    heap_up(n, n->heap_count - 1, e);
    return e;
}

static void unschedule(struct ideal_net *n, struct ideal_event **e)
{
    if (*e != NULL) {
        heap_remove(n, *e);
        free(*e);
        *e = NULL;
    }
}

static net_timer ideal_timer_set(struct net *net, sim_time at, net_timer_fn *fn, void *arg)
{
    struct ideal_event *e = schedule(ideal(net), at, fn, arg);
    map_set(&ideal(net)->timers, e->order, (uint64_t)(uintptr_t)e);
    return e->order;
}

static void ideal_timer_cancel(struct net *net, net_timer timer)
{
    uint64_t at;
    if (map_get(&ideal(net)->timers, timer, &at)) {
        struct ideal_event *e = (struct ideal_event *)(uintptr_t)at;
        map_remove(&ideal(net)->timers, timer);
        unschedule(ideal(net), &e);
    }
}

static void reap_streams(struct ideal_net *n);

static uint64_t ideal_run(struct net *net, sim_time until, uint64_t budget)
{
    struct ideal_net *n = ideal(net);
    uint64_t before = n->handled;
    bool exhausted = false;
    n->stopping = false;
    while (n->heap_count > 0 && n->heap[0]->at <= until && !n->stopping) {
        if (budget != 0 && n->handled - before >= budget) {
            exhausted = true;
            break;
        }
        struct ideal_event *e = n->heap[0];
        heap_remove(n, e);
        map_remove(&n->timers, e->order);
        n->now = e->at;
        n->handled++;
        net_timer_fn *fn = e->fn;
        void *arg = e->arg;
        free(e);
        fn(arg);
        reap_streams(n);
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

/* --- packets on a link -------------------------------------------------------------------------
 */

/* Puts `packet` on the link. False when a tap or the link being down dropped it (`*reason`);
 * otherwise `out` holds it as it arrives, and `*arrival` when. */
static bool put_on_link(struct ideal_net *n, struct link *l, int direction, struct span packet,
                        bool past_taps, struct buf *out, sim_time *arrival, const char **reason)
{
    if (!l->up) {
        l->stats.down_dropped[direction]++;
        *reason = "down";
        return false;
    }
    enum net_verdict verdict = link_enter(l, direction, n->now, packet, past_taps, out);
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

static int direction_from(const struct link *l, net_node sender)
{
    return l->ends[0] == sender ? 0 : 1;
}

static uint64_t port_key(net_node node, uint16_t port)
{
    return (uint64_t)node << 16 | port;
}

/* --- streams -----------------------------------------------------------------------------------
 */

/* What one end sends reliably, in order. */
enum item_kind { ITEM_SYN, ITEM_SYN_ACK, ITEM_ACK, ITEM_DATA, ITEM_FIN };

static const uint8_t item_flags[] = {[ITEM_SYN] = PACKET_SYN,
                                     [ITEM_SYN_ACK] = PACKET_SYN | PACKET_ACK,
                                     [ITEM_ACK] = PACKET_ACK,
                                     [ITEM_DATA] = PACKET_PSH | PACKET_ACK,
                                     [ITEM_FIN] = PACKET_FIN | PACKET_ACK};

struct item {
    enum item_kind kind;
    uint32_t seq;
    bool sent_before;
    struct buf payload;          /* as first sent */
    struct buf arriving;         /* the packet on the air, perhaps changed by a tap */
    struct ideal_event *arrival; /* while on the air */
    struct item *next;
    struct ideal_stream *from;
};

struct ideal_stream {
    struct net_stream base;
    struct ideal_net *net;
    struct link *link;
    net_node node, peer;
    uint16_t port, peer_port;
    struct ideal_stream *other; /* NULL: none yet, or gone */
    const struct net_stream_ops *ops;
    void *arg;
    bool connected;  /* its items after the handshake's may be sent */
    bool dead;       /* no further callback */
    bool broken;     /* reset: sends nothing more */
    bool fin_queued; /* own FIN is among the items or was delivered */
    bool fin_sent;   /* own FIN was delivered */
    bool fin_seen;   /* the peer's FIN arrived */
    bool short_send;
    uint32_t seq, ack;
    size_t queued_bytes;
    struct item *items; /* oldest first: those on the air, then those to send */
    struct item **items_end;
    unsigned tries;
    struct ideal_event *retry;
    struct ideal_event *linger;
    struct ideal_event *reset; /* an RST on the air towards this end */
    struct net_stream_stats stats;
    struct ideal_stream *next;
};

static struct ideal_stream *stream_of(struct net_stream *s)
{
    return (struct ideal_stream *)s;
}

static struct ideal_stream *stream_create(struct ideal_net *n, struct link *l, net_node node,
                                          net_node peer)
{
    struct ideal_stream *s = mem_alloc(sizeof(*s));
    s->base.net = &n->base;
    s->net = n;
    s->link = l;
    s->node = node;
    s->peer = peer;
    s->items_end = &s->items;
    s->next = n->streams;
    n->streams = s;
    return s;
}

static void item_free(struct item *i)
{
    unschedule(i->from->net, &i->arrival);
    buf_fini(&i->payload);
    buf_fini(&i->arriving);
    free(i);
}

/* Stops everything an end has under way. */
static void break_stream(struct ideal_stream *s)
{
    while (s->items != NULL) {
        struct item *i = s->items;
        s->items = i->next;
        item_free(i);
    }
    s->items_end = &s->items;
    unschedule(s->net, &s->retry);
    unschedule(s->net, &s->linger);
    unschedule(s->net, &s->reset);
    s->broken = true;
    s->net->reap = true;
}

static void stream_free(struct ideal_stream *s)
{
    if (s->other != NULL) {
        s->other->other = NULL;
    }
    break_stream(s);
    free(s);
}

/* Frees the ends that nobody holds and that have nothing left to send or to hear. */
static void reap_streams(struct ideal_net *n)
{
    if (!n->reap) {
        return;
    }
    for (struct ideal_stream **at = &n->streams; *at != NULL;) {
        struct ideal_stream *s = *at;
        if (s->dead && (s->broken || (s->fin_sent && s->fin_seen))) {
            *at = s->next;
            stream_free(s);
        } else {
            at = &s->next;
        }
    }
    n->reap = false;
}

static void tell_closed(struct ideal_stream *s, int error)
{
    s->net->reap = true;
    if (!s->dead) {
        s->dead = true;
        if (s->ops != NULL) {
            s->ops->closed(s->arg, error);
        }
    }
}

static void on_linger(void *arg)
{
    struct ideal_stream *s = arg;
    s->linger = NULL;
    break_stream(s);
    tell_closed(s, -SIM_EIO);
}

static void on_reset(void *arg)
{
    struct ideal_stream *s = arg;
    s->reset = NULL;
    break_stream(s);
    tell_closed(s, -SIM_EIO);
}

/* An RST from the peer's address, on its way to `s`. One that is dropped is not repeated. */
static void send_reset(struct ideal_stream *s)
{
    struct packet_tcp head = {.source = net_node_address(s->base.net, s->peer),
                              .destination = net_node_address(s->base.net, s->node),
                              .source_port = s->peer_port,
                              .destination_port = s->port,
                              .seq = s->ack,
                              .ack = s->seq,
                              .flags = PACKET_RST | PACKET_ACK};
    struct buf packet = {0};
    struct buf out = {0};
    sim_time arrival;
    const char *reason;
    packet_build_tcp(&packet, &head, span_of(NULL, 0));
    if (put_on_link(s->net, s->link, direction_from(s->link, s->peer), buf_span(&packet), false,
                    &out, &arrival, &reason) &&
        s->reset == NULL) {
        s->reset = schedule(s->net, arrival, on_reset, s);
    }
    buf_fini(&packet);
    buf_fini(&out);
}

static void pump(struct ideal_stream *s);

static struct item *item_create(struct ideal_stream *s, enum item_kind kind, struct span payload)
{
    struct item *i = mem_alloc(sizeof(*i));
    i->kind = kind;
    i->from = s;
    i->seq = s->seq;
    buf_append(&i->payload, payload);
    s->seq += (uint32_t)payload.len + (kind == ITEM_DATA || kind == ITEM_ACK ? 0 : 1);
    return i;
}

static void queue_item(struct ideal_stream *s, enum item_kind kind, struct span payload)
{
    struct item *i = item_create(s, kind, payload);
    *s->items_end = i;
    s->items_end = &i->next;
}

/* The SYN arrived at the listener's node. */
static void syn_arrives(struct ideal_stream *s)
{
    uint64_t found;
    if (!map_get(&s->net->listeners, port_key(s->peer, s->peer_port), &found)) {
        send_reset(s);
        return;
    }
    struct ideal_stream *o = stream_create(s->net, s->link, s->peer, s->node);
    o->port = s->peer_port;
    o->peer_port = s->port;
    o->other = s;
    s->other = o;
    o->ack = s->seq;
    queue_item(o, ITEM_SYN_ACK, span_of(NULL, 0));
    pump(o);
}

static void syn_ack_arrives(struct ideal_stream *client)
{
    struct item *ack = item_create(client, ITEM_ACK, span_of(NULL, 0));
    ack->next = client->items; /* before what was queued while connecting */
    if (client->items == NULL) {
        client->items_end = &ack->next;
    }
    client->items = ack;
    client->connected = true;
    pump(client);
    if (!client->dead) {
        client->ops->connected(client->arg);
    }
}

static void ack_arrives(struct ideal_stream *server)
{
    uint64_t found;
    if (!map_get(&server->net->listeners, port_key(server->node, server->port), &found)) {
        net_stream_abort(&server->base);
        return;
    }
    const struct ideal_listener *l = (const struct ideal_listener *)(uintptr_t)found;
    const struct net_stream_ops *ops = NULL;
    void *arg = NULL;
    server->connected = true;
    if (!l->fn(l->arg, &server->base, server->peer, &ops, &arg)) {
        net_stream_abort(&server->base);
        return;
    }
    CHECK(ops != NULL);
    server->ops = ops;
    server->arg = arg;
    pump(server);
}

static void data_arrives(struct ideal_stream *to, struct item *i)
{
    struct packet_view v;
    CHECK(packet_parse(buf_span(&i->arriving), &v) == 0);
    if (!to->dead) {
        to->ops->data(to->arg, v.payload);
    }
    struct ideal_stream *s = i->from;
    s->queued_bytes -= buf_len(&i->payload);
    if (s->short_send && !s->dead && !s->fin_queued) {
        s->short_send = false;
        s->ops->writable(s->arg);
    }
}

static void fin_arrives(struct ideal_stream *to)
{
    to->fin_seen = true;
    unschedule(to->net, &to->linger);
    tell_closed(to, 0);
    if (!to->fin_queued && !to->broken) {
        to->fin_queued = true;
        queue_item(to, ITEM_FIN, span_of(NULL, 0));
        pump(to);
    }
}

static void item_arrives(void *arg)
{
    struct item *i = arg;
    struct ideal_stream *s = i->from;
    CHECK(s->items == i);
    i->arrival = NULL;
    s->items = i->next;
    if (s->items == NULL) {
        s->items_end = &s->items;
    }
    s->tries = 0;
    struct ideal_stream *to = s->other;
    if (i->kind == ITEM_SYN) {
        syn_arrives(s);
    } else if (to == NULL || to->broken) {
        send_reset(s);
    } else {
        to->ack = i->seq + (uint32_t)buf_len(&i->payload) + (i->kind == ITEM_FIN);
        switch (i->kind) {
        case ITEM_SYN:
            break;
        case ITEM_SYN_ACK:
            to->ack++;
            syn_ack_arrives(to);
            break;
        case ITEM_ACK:
            ack_arrives(to);
            break;
        case ITEM_DATA:
            data_arrives(to, i);
            break;
        case ITEM_FIN:
            s->fin_sent = true;
            fin_arrives(to);
            break;
        }
    }
    item_free(i);
}

/* Whether what a tap made of the segment can still be taken for it. */
static bool still_fits(const struct item *i)
{
    struct packet_view v;
    return packet_parse(buf_span(&i->arriving), &v) == 0 && v.protocol == PACKET_TCP &&
           v.source_port == i->from->port && v.destination_port == i->from->peer_port &&
           v.payload.len == buf_len(&i->payload);
}

static bool item_send(struct item *i)
{
    struct ideal_stream *s = i->from;
    struct packet_tcp head = {.source = net_node_address(s->base.net, s->node),
                              .destination = net_node_address(s->base.net, s->peer),
                              .source_port = s->port,
                              .destination_port = s->peer_port,
                              .seq = i->seq,
                              .ack = i->kind == ITEM_SYN ? 0 : s->ack,
                              .flags = item_flags[i->kind]};
    struct buf packet = {0};
    sim_time arrival;
    const char *reason;
    if (i->kind == ITEM_DATA) {
        s->stats.segments_sent++;
        s->stats.bytes_sent += buf_len(&i->payload);
        s->stats.retransmissions += i->sent_before;
    }
    i->sent_before = true;
    packet_build_tcp(&packet, &head, buf_span(&i->payload));
    bool sent = put_on_link(s->net, s->link, direction_from(s->link, s->node), buf_span(&packet),
                            false, &i->arriving, &arrival, &reason) &&
                still_fits(i);
    buf_fini(&packet);
    if (sent) {
        i->arrival = schedule(s->net, arrival, item_arrives, i);
    }
    return sent;
}

static void on_retry(void *arg)
{
    struct ideal_stream *s = arg;
    s->retry = NULL;
    if (s->tries > MAX_TRIES) {
        break_stream(s);
        tell_closed(s, -SIM_EIO);
        return;
    }
    pump(s);
}

static void retry_later(struct ideal_stream *s)
{
    if (s->retry == NULL) {
        s->retry = schedule(s->net, s->net->now + (RETRY << s->tries), on_retry, s);
        s->tries++;
    }
}

/* Sends what may be sent; the first drop stops it until a later retry. */
static void pump(struct ideal_stream *s)
{
    for (struct item *i = s->items; i != NULL && s->retry == NULL && !s->broken; i = i->next) {
        if (i->kind > ITEM_ACK && !s->connected) {
            return;
        }
        if (i->arrival == NULL && !item_send(i)) {
            retry_later(s);
        }
    }
}

static int ideal_listen(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg)
{
    struct ideal_net *n = ideal(net);
    uint64_t found;
    if (map_get(&n->listeners, port_key(node, port), &found)) {
        return -SIM_EEXIST;
    }
    struct ideal_listener *l = mem_alloc(sizeof(*l));
    *l = (struct ideal_listener){.fn = fn, .arg = arg};
    *MEM_PUSH(n->owned, n->owned_count, n->owned_capacity) = l;
    map_set(&n->listeners, port_key(node, port), (uint64_t)(uintptr_t)l);
    return 0;
}

static int ideal_connect(struct net *net, net_node node, net_node peer, uint16_t port,
                         struct link *link, const struct net_stream_ops *ops, void *arg,
                         struct net_stream **ret)
{
    struct ideal_net *n = ideal(net);
    struct ideal_stream *s = stream_create(n, link, node, peer);
    s->ops = ops;
    s->arg = arg;
    s->port = n->hosts[node].next_port;
    n->hosts[node].next_port = s->port == UINT16_MAX ? FIRST_EPHEMERAL : (uint16_t)(s->port + 1);
    s->peer_port = port;
    queue_item(s, ITEM_SYN, span_of(NULL, 0));
    pump(s);
    *ret = &s->base;
    return 0;
}

static size_t ideal_send(struct net_stream *stream, struct span bytes)
{
    struct ideal_stream *s = stream_of(stream);
    if (s->dead || s->fin_queued || s->broken) {
        return 0;
    }
    size_t room = WINDOW - s->queued_bytes;
    size_t taken = bytes.len < room ? bytes.len : room;
    size_t segment = s->link->params.mtu_bytes - PACKET_IP_HEADER - PACKET_TCP_HEADER;
    for (size_t done = 0; done < taken;) {
        size_t len = taken - done < segment ? taken - done : segment;
        queue_item(s, ITEM_DATA, span_of(bytes.data + done, len));
        done += len;
    }
    s->queued_bytes += taken;
    s->short_send = s->short_send || taken < bytes.len;
    pump(s);
    return taken;
}

static void ideal_close(struct net_stream *stream)
{
    struct ideal_stream *s = stream_of(stream);
    if (s->dead || s->fin_queued) {
        return;
    }
    s->fin_queued = true;
    queue_item(s, ITEM_FIN, span_of(NULL, 0));
    s->linger = schedule(s->net, s->net->now + LINGER, on_linger, s);
    pump(s);
}

static void ideal_abort(struct net_stream *stream)
{
    struct ideal_stream *s = stream_of(stream);
    if (s->dead) {
        return;
    }
    s->dead = true;
    if (s->other != NULL && !s->other->broken) {
        send_reset(s->other);
    }
    break_stream(s);
}

static void ideal_stream_stats(const struct net_stream *stream, struct net_stream_stats *ret)
{
    *ret = ((const struct ideal_stream *)stream)->stats;
}

/* --- datagrams ---------------------------------------------------------------------------------
 */

struct ideal_datagram {
    struct ideal_net *net;
    struct link *link;
    int direction;
    uint64_t tag;
    uint16_t port;
    struct buf bytes; /* UDP header and payload, reassembled */
    struct ideal_event *arrival;
    struct ideal_datagram *next;
};

static void datagram_free(struct ideal_datagram *d)
{
    for (struct ideal_datagram **at = &d->net->datagrams; *at != NULL; at = &(*at)->next) {
        if (*at == d) {
            *at = d->next;
            break;
        }
    }
    unschedule(d->net, &d->arrival);
    buf_fini(&d->bytes);
    free(d);
}

static void datagram_arrives(void *arg)
{
    struct ideal_datagram *d = arg;
    net_node from = d->link->ends[d->direction];
    net_node to = d->link->ends[1 - d->direction];
    uint64_t found;
    d->arrival = NULL;
    if (map_get(&d->net->ports, port_key(to, d->port), &found)) {
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
        if (put_on_link(n, l, direction, buf_span(&fragment), past_taps, &out, &arrival, &reason) &&
            packet_parse(buf_span(&out), &v) == 0) {
            struct span all = buf_span(&out);
            buf_append(&d->bytes,
                       span_of(all.data + v.ip_header_bytes, all.len - v.ip_header_bytes));
        }
    }
    buf_fini(&fragment);
    buf_fini(&out);
    d->next = n->datagrams;
    n->datagrams = d;
    if (reason != NULL || buf_len(&d->bytes) < PACKET_UDP_HEADER) {
        net_report_drop(&n->base, tag, reason != NULL ? reason : "tap");
        datagram_free(d);
        return;
    }
    d->arrival = schedule(n, arrival, datagram_arrives, d);
}

static int ideal_datagram_bind(struct net *net, net_node node, uint16_t port, net_datagram_fn *fn,
                               void *arg)
{
    struct ideal_net *n = ideal(net);
    uint64_t found;
    if (map_get(&n->ports, port_key(node, port), &found)) {
        return -SIM_EEXIST;
    }
    struct ideal_port *p = mem_alloc(sizeof(*p));
    *p = (struct ideal_port){.fn = fn, .arg = arg};
    *MEM_PUSH(n->owned, n->owned_count, n->owned_capacity) = p;
    map_set(&n->ports, port_key(node, port), (uint64_t)(uintptr_t)p);
    return 0;
}

static int ideal_datagram_send(struct net *net, net_node node, net_node peer, uint16_t port,
                               struct link *link, struct span payload, uint64_t tag)
{
    struct ideal_net *n = ideal(net);
    struct buf packet = {0};
    packet_build_udp(&packet, net_node_address(net, node), net_node_address(net, peer), port, port,
                     n->hosts[node].next_id++, payload);
    send_fragments(n, link, direction_from(link, node), buf_span(&packet), false, port, tag);
    buf_fini(&packet);
    return 0;
}

/* --- taps, links, life -------------------------------------------------------------------------
 */

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
    bool sent = put_on_link(n, link, direction, packet, true, &out, &arrival, &reason);
    buf_fini(&out);
    if (!sent || v.protocol != PACKET_TCP || (v.tcp_flags & PACKET_RST) == 0) {
        return;
    }
    for (struct ideal_stream *s = n->streams; s != NULL; s = s->next) {
        if (s->link == link && s->node == link->ends[1 - direction] &&
            s->port == v.destination_port && s->peer_port == v.source_port && s->reset == NULL &&
            !s->broken) {
            s->reset = schedule(n, arrival, on_reset, s);
        }
    }
}

static void turn_down_stream(struct ideal_stream *s)
{
    bool hit = false;
    for (struct item *i = s->items; i != NULL; i = i->next) {
        if (i->arrival != NULL) {
            unschedule(s->net, &i->arrival);
            s->link->stats.down_dropped[direction_from(s->link, s->node)]++;
            hit = true;
        }
    }
    if (hit) {
        retry_later(s);
    }
    if (s->reset != NULL) {
        unschedule(s->net, &s->reset);
        s->link->stats.down_dropped[direction_from(s->link, s->peer)]++;
    }
}

static void ideal_link_turned(struct net *net, struct link *link)
{
    struct ideal_net *n = ideal(net);
    if (link->up) {
        return;
    }
    for (struct ideal_stream *s = n->streams; s != NULL; s = s->next) {
        if (s->link == link) {
            turn_down_stream(s);
        }
    }
    for (struct ideal_datagram *d = n->datagrams; d != NULL;) {
        struct ideal_datagram *next = d->next;
        if (d->link == link) {
            link->stats.down_dropped[d->direction]++;
            net_report_drop(net, d->tag, "down");
            datagram_free(d);
        }
        d = next;
    }
}

static void ideal_node_added(struct net *net, net_node node)
{
    struct ideal_net *n = ideal(net);
    struct ideal_host *h = MEM_PUSH(n->hosts, n->host_count, n->host_capacity);
    *h = (struct ideal_host){.next_port = FIRST_EPHEMERAL};
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
    while (n->streams != NULL) {
        struct ideal_stream *s = n->streams;
        n->streams = s->next;
        stream_free(s);
    }
    while (n->datagrams != NULL) {
        datagram_free(n->datagrams);
    }
    for (size_t i = 0; i < n->heap_count; i++) {
        free(n->heap[i]);
    }
    for (size_t i = 0; i < n->owned_count; i++) {
        free(n->owned[i]);
    }
    free((void *)n->heap);
    free(n->owned);
    free(n->hosts);
    map_fini(&n->timers);
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
    *ret = &n->base;
    return 0;
}
