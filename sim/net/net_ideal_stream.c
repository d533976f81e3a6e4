/* Streams of the ideal net: TCP segments as a capture would show them (SYN, SYN+ACK, ACK, data,
 * FIN, RST), but the sender learns of a delivery without an acknowledgement on the wire. What a tap
 * or a link that is down drops is repeated, with all that follows it, after RETRY, doubling. */
#include "sim/net/net_ideal_internal.h"

#include <stdlib.h>
#include <string.h>

#include "sim/net/net_packet.h"

enum { WINDOW = 128 * 1024, MAX_TRIES = 8 };
static const sim_time RETRY = 200 * SIM_MS;
static const sim_time LINGER = 60 * SIM_S;

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
    struct buf payload;  /* as first sent */
    struct buf arriving; /* the packet on the air, perhaps changed by a tap */
    net_timer arrival;   /* while on the air */
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
    net_timer retry;
    net_timer linger;
    net_timer reset; /* an RST on the air towards this end */
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
    ideal_unschedule(i->from->net, &i->arrival);
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
    ideal_unschedule(s->net, &s->retry);
    ideal_unschedule(s->net, &s->linger);
    ideal_unschedule(s->net, &s->reset);
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

void ideal_reap_streams(struct ideal_net *n)
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
    s->linger = 0;
    break_stream(s);
    tell_closed(s, -SIM_EIO);
}

static void on_reset(void *arg)
{
    struct ideal_stream *s = arg;
    s->reset = 0;
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
    if (ideal_put_on_link(s->net, s->link, ideal_direction_from(s->link, s->peer),
                          buf_span(&packet), false, &out, &arrival, &reason) &&
        s->reset == 0) {
        s->reset = ideal_schedule(s->net, arrival, on_reset, s);
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
    if (!map_get(&s->net->listeners, ideal_port_key(s->peer, s->peer_port), &found)) {
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
    if (!map_get(&server->net->listeners, ideal_port_key(server->node, server->port), &found)) {
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
    ideal_unschedule(to->net, &to->linger);
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
    i->arrival = 0;
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
    bool sent = ideal_put_on_link(s->net, s->link, ideal_direction_from(s->link, s->node),
                                  buf_span(&packet), false, &i->arriving, &arrival, &reason) &&
                still_fits(i);
    buf_fini(&packet);
    if (sent) {
        i->arrival = ideal_schedule(s->net, arrival, item_arrives, i);
    }
    return sent;
}

static void on_retry(void *arg)
{
    struct ideal_stream *s = arg;
    s->retry = 0;
    if (s->tries > MAX_TRIES) {
        break_stream(s);
        tell_closed(s, -SIM_EIO);
        return;
    }
    pump(s);
}

static void retry_later(struct ideal_stream *s)
{
    if (s->retry == 0) {
        s->retry = ideal_schedule(s->net, s->net->now + (RETRY << s->tries), on_retry, s);
        s->tries++;
    }
}

/* Sends what may be sent; the first drop stops it until a later retry. */
static void pump(struct ideal_stream *s)
{
    for (struct item *i = s->items; i != NULL && s->retry == 0 && !s->broken; i = i->next) {
        if (i->kind > ITEM_ACK && !s->connected) {
            return;
        }
        if (i->arrival == 0 && !item_send(i)) {
            retry_later(s);
        }
    }
}

int ideal_listen(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg)
{
    struct ideal_net *n = ideal(net);
    uint64_t found;
    if (map_get(&n->listeners, ideal_port_key(node, port), &found)) {
        return -SIM_EEXIST;
    }
    struct ideal_listener *l = mem_alloc(sizeof(*l));
    *l = (struct ideal_listener){.fn = fn, .arg = arg};
    *MEM_PUSH(n->owned, n->owned_count, n->owned_capacity) = l;
    map_set(&n->listeners, ideal_port_key(node, port), (uint64_t)(uintptr_t)l);
    return 0;
}

int ideal_connect(struct net *net, net_node node, net_node peer, uint16_t port, struct link *link,
                  const struct net_stream_ops *ops, void *arg, struct net_stream **ret)
{
    struct ideal_net *n = ideal(net);
    struct ideal_stream *s = stream_create(n, link, node, peer);
    s->ops = ops;
    s->arg = arg;
    s->port = n->hosts[node].next_port;
    n->hosts[node].next_port =
        s->port == UINT16_MAX ? IDEAL_FIRST_EPHEMERAL : (uint16_t)(s->port + 1);
    s->peer_port = port;
    queue_item(s, ITEM_SYN, span_of(NULL, 0));
    pump(s);
    *ret = &s->base;
    return 0;
}

size_t ideal_send(struct net_stream *stream, struct span bytes)
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

void ideal_close(struct net_stream *stream)
{
    struct ideal_stream *s = stream_of(stream);
    if (s->dead || s->fin_queued) {
        return;
    }
    s->fin_queued = true;
    queue_item(s, ITEM_FIN, span_of(NULL, 0));
    s->linger = ideal_schedule(s->net, s->net->now + LINGER, on_linger, s);
    pump(s);
}

void ideal_abort(struct net_stream *stream)
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

void ideal_stream_stats(const struct net_stream *stream, struct net_stream_stats *ret)
{
    *ret = ((const struct ideal_stream *)stream)->stats;
}

static void turn_down_stream(struct ideal_stream *s)
{
    bool hit = false;
    for (struct item *i = s->items; i != NULL; i = i->next) {
        if (i->arrival != 0) {
            ideal_unschedule(s->net, &i->arrival);
            s->link->stats.down_dropped[ideal_direction_from(s->link, s->node)]++;
            hit = true;
        }
    }
    if (hit) {
        retry_later(s);
    }
    if (s->reset != 0) {
        ideal_unschedule(s->net, &s->reset);
        s->link->stats.down_dropped[ideal_direction_from(s->link, s->peer)]++;
    }
}

void ideal_streams_down(struct ideal_net *n, struct link *link)
{
    for (struct ideal_stream *s = n->streams; s != NULL; s = s->next) {
        if (s->link == link) {
            turn_down_stream(s);
        }
    }
}

void ideal_streams_forged_reset(struct ideal_net *n, struct link *link, net_node node,
                                uint16_t port, uint16_t peer_port, sim_time arrival)
{
    for (struct ideal_stream *s = n->streams; s != NULL; s = s->next) {
        if (s->link == link && s->node == node && s->port == port && s->peer_port == peer_port &&
            s->reset == 0 && !s->broken) {
            s->reset = ideal_schedule(n, arrival, on_reset, s);
        }
    }
}

void ideal_streams_free(struct ideal_net *n)
{
    while (n->streams != NULL) {
        struct ideal_stream *s = n->streams;
        n->streams = s->next;
        stream_free(s);
    }
}
