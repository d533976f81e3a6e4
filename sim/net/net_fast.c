/* Streams and datagrams of fidelity "fast": the segments of a connection, its life, and what users
 * ask for. Set as net_ns3.cc sets ns-3's: timestamps (RFC 7323), delayed acknowledgements for two
 * segments or 200 ms, no Nagle, initial window 10, buffers of 128 KiB, FIN in a segment of its own,
 * initial sequence numbers 0. */
#include "sim/net/net_fast.h"

#include <stdlib.h>
#include <string.h>

enum {
    SYN_OPTION_BYTES = 16, /* SACK permitted, timestamps, window scale */
    INITIAL_SEGMENTS = 10,
    FIRST_PORT = 49153, /* ns-3's */
    OPTION_BYTES = 12,  /* timestamps, on every segment */
    SACK_HEAD_BYTES = 4,
    SACK_BLOCK_BYTES = 8,
};

static const sim_time linger = 60 * SIM_S;
static const sim_time time_waiting = 60 * SIM_S;

/* --- segments --------------------------------------------------------------------------------- */

uint32_t fast_timestamp(const struct net *net)
{
    return (uint32_t)(net_now(net) / SIM_MS);
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

static void put_options(uint8_t *p, const struct fast_stream *s, bool syn,
                        const uint32_t blocks[FAST_SACK_BLOCKS][2], size_t count)
{
    uint32_t before = syn ? 0x0402 : 0x0101;     /* SACK permitted; padding */
    packet_put32(p, before << 16 | 8 << 8 | 10); /* timestamps */
    packet_put32(p + 4, fast_timestamp(fast_net(s)));
    packet_put32(p + 8, s->ts_recent);
    p += OPTION_BYTES;
    if (syn) {
        packet_put32(p, 0x01030300U | FAST_WINDOW_SHIFT);
    } else if (count > 0) {
        packet_put32(p, 0x01010500U | (uint32_t)(2 + SACK_BLOCK_BYTES * count));
        p += SACK_HEAD_BYTES;
        for (size_t i = 0; i < count; i++, p += SACK_BLOCK_BYTES) {
            packet_put32(p, blocks[i][0]);
            packet_put32(p + 4, blocks[i][1]);
        }
    }
}

/* Where packets for the stream come in, if they come the way that its own go out. */
static struct fast_stream **receiver_of(const struct fast_stream *s)
{
    return s->way.link != NULL ? &s->way.link->ways[1 - s->way.direction].receiver : NULL;
}

void fast_send_segment(struct fast_stream *s, uint8_t flags, uint32_t seq, struct span payload)
{
    struct ip *f = s->node->ip;
    struct buf out = f->scratch; /* borrowed: a tap may send */
    f->scratch = (struct buf){0};
    buf_clear(&out);
    bool syn = (flags & PACKET_SYN) != 0;
    /* SACK blocks go with segments that carry nothing else, as with ns-3. */
    uint32_t blocks[FAST_SACK_BLOCKS][2];
    size_t count = payload.len == 0 && !syn ? sack_blocks(s, blocks, FAST_SACK_BLOCKS) : 0;
    size_t header = PACKET_TCP_HEADER;
    header += syn ? SYN_OPTION_BYTES : OPTION_BYTES;
    header += count > 0 ? SACK_HEAD_BYTES + count * SACK_BLOCK_BYTES : 0;
    packet_append_ip(&out, PACKET_TCP, net_node_address(f->net, s->node->id),
                     net_node_address(f->net, s->peer), 0, true, header + payload.len);
    uint32_t window = syn ? UINT16_MAX : FAST_BUFFER_BYTES >> FAST_WINDOW_SHIFT;
    uint8_t *tcp = buf_reserve(&out, header + payload.len);
    packet_put32(tcp, (uint32_t)s->port << 16 | s->peer_port);
    packet_put32(tcp + 4, seq);
    packet_put32(tcp + 8, (flags & PACKET_ACK) != 0 ? s->rcv_nxt : 0);
    packet_put32(tcp + 12, (uint32_t)(header / 4) << 28 | (uint32_t)flags << 16 | window);
    packet_put32(tcp + 16, 0); /* checksum, urgent pointer */
    put_options(tcp + PACKET_TCP_HEADER, s, syn, (const uint32_t(*)[2])blocks, count);
    buf_commit(&out, header);
    buf_append(&out, payload);
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

/* --- life ------------------------------------------------------------------------------------- */

struct fast_stream *fast_create(struct ip_node *node, net_node peer, uint16_t port,
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
    map_set(&node->connections, fast_key(net_node_address(f->net, peer), peer_port, port),
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

void fast_look_to_send(const struct fast_stream *s, int step)
{
    if (step == 0) {
        net_fetch(s, FAST_HOT_BYTES);
    } else if (s->way.link != NULL) {
        ip_look_to_send(s->way.link, s->way.direction, step);
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

/* Its memory goes with an event of this instant: somebody up the stack may be in the middle of it.
 */
void fast_end(struct fast_stream *s)
{
    if (!s->dead) {
        s->dead = true;
        stop_timers(s);
        map_remove(&s->node->connections,
                   fast_key(net_node_address(fast_net(s), s->peer), s->peer_port, s->port));
        net_timer_set(fast_net(s), net_now(fast_net(s)), on_free, s);
    }
}

void fast_tell_closed(struct fast_stream *s, int error)
{
    if (s->user) {
        s->user = false;
        s->ops->closed(s->arg, error);
    }
}

static void on_time_wait(void *arg)
{
    struct fast_stream *s = arg;
    s->end_timer = 0;
    fast_end(s);
}

void fast_settle(struct fast_stream *s)
{
    if (s->dead || !s->peer_fin || !s->fin_acked || s->state == FAST_TIME_WAIT) {
        return;
    }
    s->state = FAST_TIME_WAIT;
    stop_timers(s);
    free_early(s);
    s->end_timer = net_timer_set(fast_net(s), net_now(fast_net(s)) + time_waiting, on_time_wait, s);
}

void fast_fail(struct fast_stream *s)
{
    fast_end(s);
    fast_tell_closed(s, -SIM_EIO);
}

void fast_streams_free(struct ip *f)
{
    struct fast_stream *next;
    for (struct fast_stream *s = f->streams; s != NULL; s = next) {
        next = s->next;
        stream_free(s);
    }
}

/* --- room in the buffer ----------------------------------------------------------------------- */

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

/* --- what users ask for ----------------------------------------------------------------------- */

/* 0: none is free. */
static uint16_t take_port(struct ip_node *node, uint32_t peer_address, uint16_t peer_port)
{
    for (uint32_t i = 0; i <= UINT16_MAX - FIRST_PORT; i++) {
        uint16_t port = node->next_port >= FIRST_PORT ? node->next_port : FIRST_PORT;
        uint64_t found;
        node->next_port = port == UINT16_MAX ? FIRST_PORT : (uint16_t)(port + 1);
        if (!map_get(&node->connections, fast_key(peer_address, peer_port, port), &found)) {
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
    struct fast_stream *s = fast_create(n, peer, own, port);
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

static void send_taken(struct fast_stream *s)
{
    if (s->state == FAST_OPEN && !s->delivering) {
        fast_send_asked(s);
    }
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
    send_taken(s);
    return taken;
}

static void fast_hand_over(struct net_stream *stream, struct buf *bytes)
{
    struct fast_stream *s = stream_of(stream);
    if (s->user && !s->closing && buf_len(&s->tx) == 0 && buf_len(bytes) <= FAST_BUFFER_BYTES) {
        buf_move(&s->tx, bytes);
        send_taken(s);
    } else {
        buf_consume(bytes, fast_send(stream, buf_span(bytes)));
    }
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
    fast_end(s);
}

static void fast_stats(const struct net_stream *stream, struct net_stream_stats *ret)
{
    *ret = ((const struct fast_stream *)stream)->stats;
}

static void fast_fetch(const struct net_stream *stream, int step)
{
    fast_look_to_send((const struct fast_stream *)stream, step);
}

const struct net_stream_calls fast_stream_calls = {.send = fast_send,
                                                   .hand_over = fast_hand_over,
                                                   .close = fast_close,
                                                   .abort = fast_abort,
                                                   .stats = fast_stats,
                                                   .fetch = fast_fetch};

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
