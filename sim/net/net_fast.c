/* Streams and datagrams of fidelity "fast": the connection's states and its receiving half. Set as
 * net_ns3.cc sets ns-3's: timestamps (RFC 7323), delayed acknowledgements for two segments or 200
 * ms, no Nagle, initial window 10, buffers of 128 KiB, FIN in a segment of its own, initial
 * sequence numbers 0. */
#include "sim/net/net_fast.h"

#include <stdlib.h>
#include <string.h>

enum {
    SYN_OPTION_BYTES = 16, /* SACK permitted, timestamps, window scale */
    INITIAL_SEGMENTS = 10,
    FIRST_PORT = 49153, /* ns-3's */
    OPTION_BYTES = 12,  /* timestamps, on every segment */
};

static const sim_time ack_delay = 200 * SIM_MS;
static const sim_time linger = 60 * SIM_S;
static const sim_time time_waiting = 60 * SIM_S;

static uint64_t key_of(uint32_t peer_address, uint16_t peer_port, uint16_t port)
{
    return (uint64_t)peer_address << 32 | (uint64_t)peer_port << 16 | port;
}

/* --- segments --------------------------------------------------------------------------------- */

uint32_t fast_timestamp(const struct net *net)
{
    return (uint32_t)(net_now(net) / SIM_MS);
}

static void put_timestamps(struct buf *out, const struct net *net, uint32_t echo)
{
    buf_append_u8(out, 8);
    buf_append_u8(out, 10);
    buf_append_u32(out, fast_timestamp(net));
    buf_append_u32(out, echo);
}

/* Runs of octets that arrived early: the newest first (RFC 2018), then the lowest. */
static size_t sack_blocks(const struct fast_stream *s, uint32_t blocks[FAST_SACK_BLOCKS][2],
                          size_t most)
{
    size_t count = 0;
    for (int newest = 1; newest >= 0 && count < most; newest--) {
        const struct fast_early *e = s->early;
        while (e != NULL && count < most) {
            uint32_t from = e->seq;
            uint32_t to = e->seq + e->len;
            for (e = e->next; e != NULL && !fast_before(to, e->seq); e = e->next) {
                to = fast_before(to, e->seq + e->len) ? e->seq + e->len : to;
            }
            bool has = !fast_before(s->early_newest, from) && fast_before(s->early_newest, to);
            if (has == (newest == 1)) {
                blocks[count][0] = from;
                blocks[count++][1] = to;
            }
        }
    }
    return count;
}

/* SACK blocks go with segments that carry nothing else, as with ns-3. */
static void put_options(struct buf *out, const struct fast_stream *s, bool syn, bool empty)
{
    uint32_t blocks[FAST_SACK_BLOCKS][2];
    size_t count = empty && !syn ? sack_blocks(s, blocks, FAST_SACK_BLOCKS) : 0;
    if (syn) {
        buf_append_u16(out, 0x0402); /* SACK permitted */
    } else {
        buf_append_u16(out, 0x0101);
    }
    put_timestamps(out, fast_net(s), s->ts_recent);
    if (syn) {
        buf_append_u32(out, 0x01030300U | FAST_WINDOW_SHIFT);
    }
    if (count > 0) {
        buf_append_u16(out, 0x0101);
        buf_append_u8(out, 5);
        buf_append_u8(out, (uint8_t)(2 + 8 * count));
        for (size_t i = 0; i < count; i++) {
            buf_append_u32(out, blocks[i][0]);
            buf_append_u32(out, blocks[i][1]);
        }
    }
}

/* Where packets for the stream come in, if they come the way that its own go out. */
static struct fast_stream **receiver_of(const struct fast_stream *s)
{
    return s->way.link != NULL ? &s->way.link->receivers[1 - s->way.direction] : NULL;
}

void fast_send_segment(struct fast_stream *s, uint8_t flags, uint32_t seq, struct span payload)
{
    struct ip *f = s->node->ip;
    struct buf out = f->scratch; /* borrowed: a tap may send */
    struct buf options = {0};
    f->scratch = (struct buf){0};
    buf_clear(&out);
    bool syn = (flags & PACKET_SYN) != 0;
    put_options(&options, s, syn, payload.len == 0);
    size_t header = PACKET_TCP_HEADER + buf_len(&options);
    packet_append_ip(&out, PACKET_TCP, net_node_address(f->net, s->node->id),
                     net_node_address(f->net, s->peer), 0, true, header + payload.len);
    buf_append_u16(&out, s->port);
    buf_append_u16(&out, s->peer_port);
    buf_append_u32(&out, seq);
    buf_append_u32(&out, (flags & PACKET_ACK) != 0 ? s->rcv_nxt : 0);
    buf_append_u8(&out, (uint8_t)(header / 4 << 4));
    buf_append_u8(&out, flags);
    buf_append_u16(&out, syn ? UINT16_MAX : FAST_BUFFER_BYTES >> FAST_WINDOW_SHIFT);
    buf_append_u32(&out, 0); /* checksum, urgent pointer */
    buf_append(&out, buf_span(&options));
    buf_append(&out, payload);
    buf_fini(&options);
    if ((flags & PACKET_ACK) != 0) {
        s->unacked = 0;
        net_timer_cancel(f->net, s->ack_timer);
        s->ack_timer = 0;
    }
    struct fast_stream **before = receiver_of(s);
    ip_send_way(f, &s->way, s->node->id, s->peer, buf_span(&out));
    struct fast_stream **receiver = receiver_of(s);
    if (before != receiver && before != NULL && *before == s) {
        *before = NULL;
    }
    if (receiver != NULL) {
        *receiver = s;
    }
    buf_fini(&f->scratch);
    f->scratch = out;
}

void fast_send_control(struct fast_stream *s, uint8_t flags)
{
    bool first = s->state == FAST_SYN_SENT || s->state == FAST_SYN_RECEIVED;
    uint32_t seq = first ? 0 : s->snd_nxt + (s->fin_sent && (flags & PACKET_FIN) == 0);
    fast_send_segment(s, flags, seq, span_of(NULL, 0));
    if (!first) {
        s->rto = fast_timeout(s); /* ns-3 forgets the backoff with any segment without data */
    }
}

static void acknowledge(struct fast_stream *s)
{
    fast_send_control(s, PACKET_ACK);
}

/* To a segment that belongs to no connection. */
static void send_reset(struct ip_node *node, net_node to, const struct packet_view *v)
{
    struct ip *f = node->ip;
    bool acked = (v->tcp_flags & PACKET_ACK) != 0;
    size_t len = v->payload.len + ((v->tcp_flags & (PACKET_SYN | PACKET_FIN)) != 0);
    struct packet_tcp head = {.source = net_node_address(f->net, node->id),
                              .destination = v->source,
                              .source_port = v->destination_port,
                              .destination_port = v->source_port,
                              .seq = acked ? v->ack : 0,
                              .ack = acked ? 0 : v->seq + (uint32_t)len,
                              .flags = acked ? PACKET_RST : PACKET_RST | PACKET_ACK};
    struct buf packet = {0};
    packet_build_tcp(&packet, &head, span_of(NULL, 0));
    ip_send(f, node->id, to, buf_span(&packet), 0);
    buf_fini(&packet);
}

/* --- life --------------------------------------------------------------------------------------
 */

static struct fast_stream *stream_create(struct ip_node *node, net_node peer, uint16_t port,
                                         uint16_t peer_port)
{
    struct ip *f = node->ip;
    struct fast_stream *s = mem_alloc(sizeof(*s));
    s->base.net = f->net;
    s->base.calls = &fast_stream_calls;
    s->node = node;
    s->peer = peer;
    s->port = port;
    s->peer_port = peer_port;
    s->mss =
        ip_path_mtu(f->net, node->id, peer) - PACKET_IP_HEADER - PACKET_TCP_HEADER - OPTION_BYTES;
    s->snd_una = s->snd_nxt = s->highest_sacked = 1;
    s->snd_window = UINT16_MAX;
    cubic_init(&s->cubic, s->mss, INITIAL_SEGMENTS);
    s->rto = FAST_RTO_LEAST;
    s->next = f->streams;
    if (f->streams != NULL) {
        f->streams->prev = s;
    }
    f->streams = s;
    map_set(&node->connections, key_of(net_node_address(f->net, peer), peer_port, port),
            (uint64_t)(uintptr_t)s);
    return s;
}

static void free_early(struct fast_stream *s)
{
    while (s->early != NULL) {
        struct fast_early *e = s->early;
        s->early = e->next;
        free(e);
    }
    s->early_bytes = 0;
}

void fast_look(const struct fast_stream *s, int depth)
{
    net_fetch(s->node, sizeof(*s->node));
    if (s->user && !s->dead && s->ops != NULL && s->ops->look != NULL) {
        s->ops->look(s->arg, depth);
    }
}

static void stream_free(struct fast_stream *s)
{
    struct ip *f = s->node->ip;
    struct fast_stream **receiver = receiver_of(s);
    if (receiver != NULL && *receiver == s) {
        *receiver = NULL;
    }
    if (s->prev != NULL) {
        s->prev->next = s->next;
    } else {
        f->streams = s->next;
    }
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
    free_early(s);
    buf_fini(&s->tx);
    free(s->sent);
    free(s);
}

static void on_free(void *arg)
{
    stream_free(arg);
}

static void stop_timers(struct fast_stream *s)
{
    net_timer *timers[] = {&s->retransmit, &s->ack_timer, &s->end_timer};
    for (size_t i = 0; i < SIM_ARRAY_LEN(timers); i++) {
        net_timer_cancel(fast_net(s), *timers[i]);
        *timers[i] = 0;
    }
}

/* The connection is over for the network. Its memory goes with an event of this instant: somebody
 * up the stack may be in the middle of it. */
static void end_connection(struct fast_stream *s)
{
    if (!s->dead) {
        s->dead = true;
        stop_timers(s);
        map_remove(&s->node->connections,
                   key_of(net_node_address(fast_net(s), s->peer), s->peer_port, s->port));
        net_timer_set(fast_net(s), net_now(fast_net(s)), on_free, s);
    }
}

/* The last call to the user. */
static void tell_closed(struct fast_stream *s, int error)
{
    if (s->user) {
        s->user = false;
        s->ops->closed(s->arg, error);
    }
}

void fast_fail(struct fast_stream *s)
{
    end_connection(s);
    tell_closed(s, -SIM_EIO);
}

void fast_streams_free(struct ip *f)
{
    struct fast_stream *next;
    for (struct fast_stream *s = f->streams; s != NULL; s = next) {
        next = s->next;
        stream_free(s);
    }
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void on_writable(void *arg)
{
    struct fast_stream *s = arg;
    s->writable_due = false;
    if (!s->dead && s->user && !s->closing && buf_len(&s->tx) < FAST_BUFFER_BYTES) {
        s->short_send = false;
        s->ops->writable(s->arg);
    }
}

/* A timer that fires at once refers to the stream: on_free() is set later and so comes later. */
void fast_tell_writable(struct fast_stream *s)
{
    if (s->short_send && s->user && !s->writable_due && !s->closing) {
        s->writable_due = true;
        net_timer_set(fast_net(s), net_now(fast_net(s)), on_writable, s);
    }
}

/* --- receiving -----------------------------------------------------------------------------------
 */

static void hand_over(struct fast_stream *s, struct span bytes)
{
    s->rcv_nxt += (uint32_t)bytes.len;
    if (s->user && bytes.len > 0) {
        s->delivering = true;
        s->ops->data(s->arg, bytes);
        s->delivering = false;
    }
}

static void keep_early(struct fast_stream *s, uint32_t seq, struct span bytes)
{
    struct fast_early **at = &s->early;
    while (*at != NULL && fast_before((*at)->seq, seq)) {
        at = &(*at)->next;
    }
    if ((*at != NULL && (*at)->seq == seq && (*at)->len >= bytes.len) ||
        s->early_bytes + bytes.len > FAST_BUFFER_BYTES) {
        return;
    }
    struct fast_early *e = mem_alloc(sizeof(*e) + bytes.len);
    s->early_newest = seq;
    e->seq = seq;
    e->len = (uint32_t)bytes.len;
    memcpy(e->bytes, bytes.data, bytes.len);
    e->next = *at;
    *at = e;
    s->early_bytes += e->len;
}

static void take_early(struct fast_stream *s)
{
    while (s->early != NULL && !fast_before(s->rcv_nxt, s->early->seq) && !s->dead) {
        struct fast_early *e = s->early;
        s->early = e->next;
        s->early_bytes -= e->len;
        uint32_t known = s->rcv_nxt - e->seq;
        if (known < e->len) {
            hand_over(s, span_of(e->bytes + known, e->len - known));
        }
        free(e);
    }
}

static void on_ack_timer(void *arg)
{
    struct fast_stream *s = arg;
    s->ack_timer = 0;
    acknowledge(s);
}

static void on_time_wait(void *arg)
{
    struct fast_stream *s = arg;
    s->end_timer = 0;
    end_connection(s);
}

/* Both FINs have passed and ours is acknowledged: a repeated FIN of the peer is still answered. */
static void settle(struct fast_stream *s)
{
    if (s->dead || !s->peer_fin || !s->fin_acked || s->state == FAST_TIME_WAIT) {
        return;
    }
    s->state = FAST_TIME_WAIT;
    stop_timers(s);
    free_early(s);
    s->end_timer = net_timer_set(fast_net(s), net_now(fast_net(s)) + time_waiting, on_time_wait, s);
}

static void on_peer_fin(struct fast_stream *s)
{
    s->peer_fin = true;
    s->rcv_nxt++;
    s->closing = true; /* nobody will send any more: what is left goes, then our FIN */
    net_timer_cancel(fast_net(s), s->end_timer);
    s->end_timer = 0;
    s->unacked++;
    tell_closed(s, 0);
    if (!s->dead) {
        fast_send_more(s);
    }
    if (!s->dead && s->unacked > 0) { /* nothing went that says so */
        acknowledge(s);
    }
}

static void send_asked(struct fast_stream *s)
{
    s->asked = true;
    fast_send_more(s);
    s->asked = false;
}

static void on_data(struct fast_stream *s, const struct packet_view *v)
{
    struct span bytes = v->payload;
    uint32_t seq = v->seq;
    bool fin = (v->tcp_flags & PACKET_FIN) != 0;
    if (fin && !s->peer_fin_known) {
        s->peer_fin_known = true;
        s->peer_fin_seq = seq + (uint32_t)bytes.len;
    }
    if (s->peer_fin) { /* nothing new can come */
        acknowledge(s);
        return;
    }
    if (bytes.len > 0) {
        uint32_t end = seq + (uint32_t)bytes.len;
        bool gap = fast_before(s->rcv_nxt, seq) || s->early != NULL;
        bool old = !fast_before(s->rcv_nxt, end);
        if (fast_before(seq, s->rcv_nxt) && !old) {
            uint32_t known = s->rcv_nxt - seq;
            bytes.data += known;
            bytes.len -= known;
            seq = s->rcv_nxt;
        }
        if (!old && fast_before(s->rcv_nxt, seq)) {
            keep_early(s, seq, bytes);
        } else if (!old) {
            s->unacked++; /* before the user, whose answer acknowledges it */
            hand_over(s, bytes);
            if (!s->dead) {
                take_early(s);
            }
        }
        if (s->dead) {
            return;
        }
        if (gap || old || s->unacked >= 2) {
            acknowledge(s);
        }
        if (s->state == FAST_OPEN && !s->peer_fin_known) {
            send_asked(s);
        }
        if (s->unacked > 0 && s->ack_timer == 0) {
            s->ack_timer =
                net_timer_set(fast_net(s), net_now(fast_net(s)) + ack_delay, on_ack_timer, s);
        }
    }
    if (s->peer_fin_known && s->rcv_nxt == s->peer_fin_seq) {
        on_peer_fin(s);
    } else if (fin) {
        acknowledge(s);
    }
}

/* --- options of a segment
 * ------------------------------------------------------------------------- */

struct options {
    bool has_times;
    uint32_t value, echo;
    struct span sacks;
};

static void read_options(struct span packet, const struct packet_view *v, struct options *ret)
{
    size_t header = (size_t)(packet.data[v->ip_header_bytes + 12] >> 4) * 4;
    struct span in =
        span_of(packet.data + v->ip_header_bytes + PACKET_TCP_HEADER, header - PACKET_TCP_HEADER);
    *ret = (struct options){0};
    uint8_t kind;
    uint8_t len;
    struct span body;
    while (span_take_u8(&in, &kind) && kind != 0) {
        if (kind == 1) {
            continue;
        }
        if (!span_take_u8(&in, &len) || len < 2 || !span_take(&in, len - 2U, &body)) {
            return;
        }
        if (kind == 8 && len == 10) {
            ret->has_times = span_take_u32(&body, &ret->value) && span_take_u32(&body, &ret->echo);
        } else if (kind == 5) {
            ret->sacks = body;
        }
    }
}

/* --- the state machine
 * ----------------------------------------------------------------------------- */

static void on_listen(struct ip_node *node, net_node from, const struct packet_view *v,
                      const struct options *options)
{
    struct ip *f = node->ip;
    const struct net_port *port =
        net_port_find(f->net, node->id, v->destination_port, NET_PORT_STREAM);
    bool syn = (v->tcp_flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) == PACKET_SYN;
    if (net_link_towards(f->net, node->id, from) == NET_NONE || (v->tcp_flags & PACKET_RST) != 0) {
        return;
    }
    if (port == NULL || !syn) {
        send_reset(node, from, v);
        return;
    }
    struct fast_stream *s = stream_create(node, from, v->destination_port, v->source_port);
    s->state = FAST_SYN_RECEIVED;
    s->rcv_nxt = v->seq + 1;
    s->ts_recent = options->value;
    fast_send_control(s, PACKET_SYN | PACKET_ACK);
    fast_start_retransmit(s);
}

static void open_stream(struct fast_stream *s)
{
    s->state = FAST_OPEN;
    s->tries = 0;
    net_timer_cancel(fast_net(s), s->retransmit);
    s->retransmit = 0;
}

static void on_syn_sent(struct fast_stream *s, const struct packet_view *v,
                        const struct options *options)
{
    bool acked = (v->tcp_flags & PACKET_ACK) != 0 && v->ack == 1;
    if ((v->tcp_flags & PACKET_RST) != 0) {
        if (acked) {
            fast_fail(s);
        }
        return;
    }
    if (!acked || (v->tcp_flags & PACKET_SYN) == 0) {
        return;
    }
    open_stream(s);
    s->rcv_nxt = v->seq + 1;
    s->ts_recent = options->value;
    if (options->has_times) {
        fast_measure(s, options->echo);
    }
    acknowledge(s);
    s->ops->connected(s->arg);
    if (!s->dead) {
        fast_send_more(s);
    }
}

/* False: refused, and gone. */
static bool accept_stream(struct fast_stream *s, const struct options *options)
{
    const struct net_port *port = net_port_find(fast_net(s), s->node->id, s->port, NET_PORT_STREAM);
    open_stream(s);
    if (options->has_times) {
        fast_measure(s, options->echo);
    }
    s->unacked = 1; /* ns-3 acknowledges the first data of an accepted connection at once */
    s->user = true;
    if (port == NULL || !port->accept(port->arg, &s->base, s->peer, &s->ops, &s->arg)) {
        s->user = false;
        if (!s->dead) {
            fast_send_control(s, PACKET_RST | PACKET_ACK);
            end_connection(s);
        }
        return false;
    }
    return !s->dead;
}

/* RFC 9293, 3.10.7.4 and RFC 5961: a reset counts where it lies in the window. */
static bool in_window(const struct fast_stream *s, uint32_t seq)
{
    return seq - s->rcv_nxt < FAST_BUFFER_BYTES;
}

static void tcp_receive(struct ip_node *node, net_node from, struct span packet,
                        const struct packet_view *v)
{
    uint64_t found;
    struct options options;
    read_options(packet, v, &options);
    if (!map_get(&node->connections, key_of(v->source, v->source_port, v->destination_port),
                 &found)) {
        on_listen(node, from, v, &options);
        return;
    }
    struct fast_stream *s = (struct fast_stream *)(uintptr_t)found;
    if (s->state == FAST_SYN_SENT) {
        on_syn_sent(s, v, &options);
        return;
    }
    if ((v->tcp_flags & PACKET_RST) != 0) {
        if (in_window(s, v->seq)) {
            fast_fail(s);
        }
        return;
    }
    if ((v->tcp_flags & PACKET_SYN) != 0) { /* a repeated one: our answer was lost */
        fast_send_control(s, s->state == FAST_SYN_RECEIVED ? PACKET_SYN | PACKET_ACK : PACKET_ACK);
        return;
    }
    if ((v->tcp_flags & PACKET_ACK) == 0 ||
        (s->state == FAST_SYN_RECEIVED && (v->ack != 1 || !accept_stream(s, &options)))) {
        return;
    }
    if (s->state == FAST_TIME_WAIT) {
        if (v->payload.len > 0 || (v->tcp_flags & PACKET_FIN) != 0) {
            acknowledge(s);
        }
        return;
    }
    /* The first octet that is new sets the timestamp to echo (RFC 7323, 4.3). */
    if (options.has_times && !fast_before(s->rcv_nxt, v->seq)) {
        s->ts_recent = options.value;
    }
    uint16_t window = (uint16_t)(packet.data[v->ip_header_bytes + 14] << 8 |
                                 packet.data[v->ip_header_bytes + 15]);
    s->snd_window = (uint32_t)window << FAST_WINDOW_SHIFT;
    fast_on_ack(s, v, options.has_times ? &options.echo : NULL, options.sacks);
    if (!s->dead && (v->payload.len > 0 || (v->tcp_flags & PACKET_FIN) != 0)) {
        on_data(s, v);
    }
    settle(s);
}

void fast_receive(struct ip_node *node, struct span packet, const struct packet_view *v)
{
    net_node from = net_node_of_address(node->ip->net, v->source);
    if (v->protocol == PACKET_TCP) {
        tcp_receive(node, from, packet, v);
    } else if (v->protocol == PACKET_UDP) {
        const struct net_port *port =
            net_port_find(node->ip->net, node->id, v->destination_port, NET_PORT_DATAGRAM);
        if (port != NULL) {
            port->datagram(port->arg, from, v->payload);
        }
    }
}

/* --- what users ask for
 * ----------------------------------------------------------------------------- */

/* 0: none is free. */
static uint16_t take_port(struct ip_node *node, uint32_t peer_address, uint16_t peer_port)
{
    for (uint32_t i = 0; i <= UINT16_MAX - FIRST_PORT; i++) {
        uint16_t port = node->next_port >= FIRST_PORT ? node->next_port : FIRST_PORT;
        uint64_t found;
        node->next_port = port == UINT16_MAX ? FIRST_PORT : (uint16_t)(port + 1);
        if (!map_get(&node->connections, key_of(peer_address, peer_port, port), &found)) {
            return port;
        }
    }
    return 0;
}

int fast_connect(struct ip *f, net_node node, net_node peer, uint16_t port,
                 const struct net_stream_ops *ops, void *arg, struct net_stream **ret)
{
    struct ip_node *n = ip_node_of(f, node);
    uint16_t own = take_port(n, net_node_address(f->net, peer), port);
    if (own == 0) {
        return -SIM_EIO;
    }
    struct fast_stream *s = stream_create(n, peer, own, port);
    s->user = true;
    s->ops = ops;
    s->arg = arg;
    s->state = FAST_SYN_SENT;
    fast_send_control(s, PACKET_SYN);
    fast_start_retransmit(s);
    *ret = &s->base;
    return 0;
}

static struct fast_stream *stream_of(struct net_stream *stream)
{
    return (struct fast_stream *)stream;
}

static size_t fast_send(struct net_stream *stream, struct span bytes)
{
    struct fast_stream *s = stream_of(stream);
    if (!s->user || s->closing) {
        return 0;
    }
    size_t room = FAST_BUFFER_BYTES - buf_len(&s->tx);
    size_t taken = bytes.len < room ? bytes.len : room;
    buf_append(&s->tx, span_of(bytes.data, taken));
    s->short_send = s->short_send || taken < bytes.len;
    if (s->state == FAST_OPEN && !s->delivering) {
        send_asked(s);
    }
    return taken;
}

static void on_linger(void *arg)
{
    struct fast_stream *s = arg;
    s->end_timer = 0;
    fast_send_control(s, PACKET_RST | PACKET_ACK);
    fast_fail(s);
}

static void fast_close(struct net_stream *stream)
{
    struct fast_stream *s = stream_of(stream);
    if (!s->user || s->closing) {
        return;
    }
    s->closing = true;
    s->end_timer = net_timer_set(fast_net(s), net_now(fast_net(s)) + linger, on_linger, s);
    if (s->state == FAST_OPEN && (!s->delivering || buf_len(&s->tx) == 0)) {
        fast_send_more(s);
    }
}

static void fast_abort(struct net_stream *stream)
{
    struct fast_stream *s = stream_of(stream);
    if (!s->user) {
        return;
    }
    s->user = false;
    if (s->state != FAST_SYN_SENT) {
        fast_send_control(s, PACKET_RST | PACKET_ACK);
    }
    end_connection(s);
}

static void fast_stats(const struct net_stream *stream, struct net_stream_stats *ret)
{
    *ret = ((const struct fast_stream *)stream)->stats;
}

const struct net_stream_calls fast_stream_calls = {
    .send = fast_send, .close = fast_close, .abort = fast_abort, .stats = fast_stats};

int fast_datagram_send(struct ip *f, net_node node, net_node peer, uint16_t port,
                       struct span payload, uint64_t tag)
{
    struct buf packet = {0};
    packet_build_udp(&packet, net_node_address(f->net, node), net_node_address(f->net, peer), port,
                     port, ip_node_of(f, node)->next_id++, payload);
    ip_send(f, node, peer, buf_span(&packet), tag);
    buf_fini(&packet);
    return 0;
}
