/* TCP for fidelity "fast" (RFC 9293), set as net_ns3.cc sets ns-3's: CUBIC (RFC 9438), SACK loss
 * recovery (RFC 6675), timestamps (RFC 7323), RTO of RFC 6298 with at least 1 s, delayed
 * acknowledgements for two segments or 200 ms, no Nagle, initial window 10, buffers of 128 KiB, FIN
 * in a segment of its own, initial sequence numbers 0. */
#include "sim/net/net_fast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_BYTES = 128 * 1024,
    WINDOW_SHIFT = 2,
    INITIAL_SEGMENTS = 10,
    DUPLICATES = 3,
    SYN_TRIES = 7,
    DATA_TRIES = 15,
    FIN_TRIES = 8,
    FIRST_PORT = 49153, /* ns-3's */
    SACK_BLOCKS = 3,
    OPTION_BYTES = 12,     /* timestamps, on every segment */
    SYN_OPTION_BYTES = 16, /* SACK permitted, timestamps, window scale */
};

static const sim_time rto_least = SIM_S;
static const sim_time rto_most = 60 * SIM_S;
static const sim_time ack_delay = 200 * SIM_MS;
static const sim_time linger = 60 * SIM_S;
static const sim_time time_waiting = 60 * SIM_S;
static const double cubic_c = 0.4;
static const double cubic_beta = 0.7;

enum state { SYN_SENT, SYN_RECEIVED, OPEN, TIME_WAIT };

/* A segment that was sent and is not acknowledged. */
struct sent {
    uint32_t seq, len;
    bool sacked;
    bool lost;  /* and not sent again since */
    bool again; /* sent more than once */
};

/* Octets that arrived before their turn. */
struct early {
    uint32_t seq, len;
    struct early *next;
    uint8_t bytes[];
};

struct fast_stream {
    struct net_stream base;
    struct ip_node *node;
    net_node peer;
    uint16_t port, peer_port;
    const struct net_stream_ops *ops;
    void *arg;
    enum state state;
    bool user;    /* the user holds it: callbacks may be made */
    bool closing; /* a FIN follows what was handed over */
    bool fin_sent, fin_acked, peer_fin;
    bool short_send, writable_due;
    bool dead; /* out of the tables; freed by an event of this instant */
    uint32_t mss;
    /* sending; sequence numbers of octets begin with 1, the SYN has 0 */
    struct buf tx; /* from snd_una on */
    uint32_t snd_una, snd_nxt, snd_window;
    uint32_t cwnd, ssthresh; /* octets */
    struct sent *sent;       /* ring, in order of sequence numbers */
    uint32_t sent_first, sent_count, sent_capacity;
    uint32_t recover;
    bool recovering; /* after lost segments were found by acknowledgements */
    uint32_t marked; /* of `sent`: sacked or lost */
    uint32_t duplicates;
    double w_max, k; /* CUBIC: segments, seconds */
    sim_time epoch;  /* SIM_TIME_NEVER: none */
    sim_time srtt, rttvar, rto;
    uint32_t tries;
    net_timer retransmit, ack_timer, end_timer;
    /* receiving */
    uint32_t rcv_nxt;
    struct early *early; /* in order of sequence numbers */
    uint32_t early_bytes;
    uint32_t peer_fin_seq;
    bool peer_fin_known;
    uint32_t unacked;
    uint32_t ts_recent;
    struct net_stream_stats stats;
    struct fast_stream *next, *prev;
};

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static struct net *net_of(const struct fast_stream *s)
{
    return s->node->ip->net;
}

static uint64_t key_of(uint32_t peer_address, uint16_t peer_port, uint16_t port)
{
    return (uint64_t)peer_address << 32 | (uint64_t)peer_port << 16 | port;
}

/* --- segments --------------------------------------------------------------------------------- */

static uint32_t timestamp(const struct net *net)
{
    return (uint32_t)(net_now(net) / SIM_MS);
}

static void put_timestamps(struct buf *out, const struct net *net, uint32_t echo)
{
    buf_append_u8(out, 8);
    buf_append_u8(out, 10);
    buf_append_u32(out, timestamp(net));
    buf_append_u32(out, echo);
}

/* Runs of octets that arrived early, the lowest first. */
static size_t sack_blocks(const struct fast_stream *s, uint32_t blocks[SACK_BLOCKS][2], size_t most)
{
    size_t count = 0;
    for (const struct early *e = s->early; e != NULL; e = e->next) {
        if (count > 0 && !before(blocks[count - 1][1], e->seq)) {
            blocks[count - 1][1] = e->seq + e->len;
        } else if (count < most) {
            blocks[count][0] = e->seq;
            blocks[count++][1] = e->seq + e->len;
        } else {
            break;
        }
    }
    return count;
}

/* `room`: octets that the payload leaves beyond the options that every segment has. */
static void put_options(struct buf *out, const struct fast_stream *s, bool syn, size_t room)
{
    uint32_t blocks[SACK_BLOCKS][2];
    size_t most = room < 12 ? 0 : (room - 4) / 8;
    size_t count = syn ? 0 : sack_blocks(s, blocks, most < SACK_BLOCKS ? most : SACK_BLOCKS);
    if (syn) {
        buf_append_u16(out, 0x0402); /* SACK permitted */
    } else {
        buf_append_u16(out, 0x0101);
    }
    put_timestamps(out, net_of(s), s->ts_recent);
    if (syn) {
        buf_append_u32(out, 0x01030300U | WINDOW_SHIFT);
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

static void send_segment(struct fast_stream *s, uint8_t flags, uint32_t seq, struct span payload)
{
    struct ip *f = s->node->ip;
    struct buf out = f->scratch; /* borrowed: a tap may send */
    struct buf options = {0};
    f->scratch = (struct buf){0};
    buf_clear(&out);
    bool syn = (flags & PACKET_SYN) != 0;
    put_options(&options, s, syn, s->mss - payload.len);
    size_t header = PACKET_TCP_HEADER + buf_len(&options);
    packet_append_ip(&out, PACKET_TCP, net_node_address(f->net, s->node->id),
                     net_node_address(f->net, s->peer), 0, true, header + payload.len);
    buf_append_u16(&out, s->port);
    buf_append_u16(&out, s->peer_port);
    buf_append_u32(&out, seq);
    buf_append_u32(&out, (flags & PACKET_ACK) != 0 ? s->rcv_nxt : 0);
    buf_append_u8(&out, (uint8_t)(header / 4 << 4));
    buf_append_u8(&out, flags);
    uint32_t window = BUFFER_BYTES - s->early_bytes;
    window = syn ? UINT16_MAX : window >> WINDOW_SHIFT;
    buf_append_u16(&out, (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX));
    buf_append_u32(&out, 0); /* checksum, urgent pointer */
    buf_append(&out, buf_span(&options));
    buf_append(&out, payload);
    buf_fini(&options);
    if ((flags & PACKET_ACK) != 0) {
        s->unacked = 0;
        net_timer_cancel(f->net, s->ack_timer);
        s->ack_timer = 0;
    }
    ip_send(f, s->node->id, s->peer, buf_span(&out), 0);
    buf_fini(&f->scratch);
    f->scratch = out;
}

static void send_control(struct fast_stream *s, uint8_t flags)
{
    bool first = s->state == SYN_SENT || s->state == SYN_RECEIVED;
    uint32_t seq = first ? 0 : s->snd_nxt + (s->fin_sent && (flags & PACKET_FIN) == 0);
    send_segment(s, flags, seq, span_of(NULL, 0));
}

static void acknowledge(struct fast_stream *s)
{
    send_control(s, PACKET_ACK);
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
    s->snd_una = s->snd_nxt = 1;
    s->snd_window = UINT16_MAX;
    s->cwnd = INITIAL_SEGMENTS * s->mss;
    s->ssthresh = UINT32_MAX;
    s->rto = SIM_S;
    s->epoch = SIM_TIME_NEVER;
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
        struct early *e = s->early;
        s->early = e->next;
        free(e);
    }
    s->early_bytes = 0;
}

static void stream_free(struct fast_stream *s)
{
    struct ip *f = s->node->ip;
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
        net_timer_cancel(net_of(s), *timers[i]);
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
                   key_of(net_node_address(net_of(s), s->peer), s->peer_port, s->port));
        net_timer_set(net_of(s), net_now(net_of(s)), on_free, s);
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

static void fail_connection(struct fast_stream *s)
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

static struct sent *sent_at(const struct fast_stream *s, uint32_t i)
{
    return &s->sent[(s->sent_first + i) % s->sent_capacity];
}

static void sent_push(struct fast_stream *s, uint32_t seq, uint32_t len)
{
    if (s->sent_count == s->sent_capacity) {
        uint32_t capacity = s->sent_capacity != 0 ? s->sent_capacity * 2 : 4;
        struct sent *grown = mem_calloc(capacity, sizeof(*grown));
        for (uint32_t i = 0; i < s->sent_count; i++) {
            grown[i] = *sent_at(s, i);
        }
        free(s->sent);
        s->sent = grown;
        s->sent_capacity = capacity;
        s->sent_first = 0;
    }
    s->sent_count++;
    *sent_at(s, s->sent_count - 1) = (struct sent){.seq = seq, .len = len};
}

static void on_retransmit(void *arg);

static void start_retransmit(struct fast_stream *s)
{
    net_timer_cancel(net_of(s), s->retransmit);
    s->retransmit = net_timer_set(net_of(s), net_now(net_of(s)) + s->rto, on_retransmit, s);
}

/* Octets thought to be on the link (RFC 6675, "pipe"). */
static uint32_t pipe_bytes(const struct fast_stream *s)
{
    if (s->marked == 0) {
        return s->snd_nxt - s->snd_una;
    }
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < s->sent_count; i++) {
        const struct sent *t = sent_at(s, i);
        bytes += t->sacked || t->lost ? 0 : t->len;
    }
    return bytes;
}

static void transmit(struct fast_stream *s, struct sent *t)
{
    struct span bytes = buf_span(&s->tx);
    bytes.data += t->seq - s->snd_una;
    bytes.len = t->len;
    s->stats.segments_sent++;
    s->stats.bytes_sent += t->len;
    send_segment(s, PACKET_ACK, t->seq, bytes);
}

static void send_fin(struct fast_stream *s)
{
    s->fin_sent = true;
    send_control(s, PACKET_FIN | PACKET_ACK);
    start_retransmit(s);
}

static void send_more(struct fast_stream *s)
{
    uint32_t pipe = pipe_bytes(s);
    uint32_t unsent = (uint32_t)buf_len(&s->tx) - (s->snd_nxt - s->snd_una);
    bool sending = s->sent_count > 0;
    for (uint32_t i = 0; s->marked > 0 && i < s->sent_count && pipe < s->cwnd; i++) {
        struct sent *t = sent_at(s, i);
        if (t->lost) {
            t->lost = false;
            t->again = true;
            s->marked--;
            s->stats.retransmissions++;
            pipe += t->len;
            transmit(s, t);
        }
    }
    while (unsent > 0) {
        uint32_t len = unsent < s->mss ? unsent : s->mss;
        if (pipe + len > s->cwnd || s->snd_nxt + len - s->snd_una > s->snd_window) {
            break;
        }
        sent_push(s, s->snd_nxt, len);
        s->snd_nxt += len;
        unsent -= len;
        pipe += len;
        transmit(s, sent_at(s, s->sent_count - 1));
    }
    if (s->sent_count > 0 && !sending) {
        start_retransmit(s);
    }
    if (unsent == 0 && s->closing && !s->fin_sent && s->state == OPEN && s->sent_count == 0) {
        send_fin(s);
    }
}

static void enter_recovery(struct fast_stream *s)
{
    double segments = (double)s->cwnd / s->mss;
    s->w_max = segments < s->w_max ? segments * (1 + cubic_beta) / 2 : segments;
    uint32_t reduced = (uint32_t)((double)s->cwnd * cubic_beta);
    s->ssthresh = reduced > 2 * s->mss ? reduced : 2 * s->mss;
    s->epoch = SIM_TIME_NEVER;
}

static void on_retransmit(void *arg)
{
    struct fast_stream *s = arg;
    s->retransmit = 0;
    uint32_t most = s->state != OPEN ? SYN_TRIES : s->sent_count > 0 ? DATA_TRIES : FIN_TRIES;
    if (++s->tries >= most) {
        fail_connection(s);
        return;
    }
    s->rto = s->rto * 2 < rto_most ? s->rto * 2 : rto_most;
    if (s->state == SYN_SENT || s->state == SYN_RECEIVED) {
        send_control(s, s->state == SYN_SENT ? PACKET_SYN : PACKET_SYN | PACKET_ACK);
        start_retransmit(s);
        return;
    }
    if (s->sent_count == 0) {
        send_fin(s);
        return;
    }
    if (s->tries == 1) {
        enter_recovery(s);
    }
    s->cwnd = s->mss;
    s->recovering = false;
    s->duplicates = 0;
    s->marked = 0;
    for (uint32_t i = 0; i < s->sent_count; i++) {
        struct sent *t = sent_at(s, i);
        t->lost = !t->sacked;
        s->marked++;
    }
    start_retransmit(s);
    send_more(s);
}

/* --- acknowledgements ---------------------------------------------------------------------------
 */

static void measure(struct fast_stream *s, uint32_t echo)
{
    sim_time rtt = (sim_time)(timestamp(net_of(s)) - echo) * SIM_MS;
    if (s->srtt == 0) {
        s->srtt = rtt;
        s->rttvar = rtt / 2;
    } else {
        sim_time error = rtt > s->srtt ? rtt - s->srtt : s->srtt - rtt;
        s->rttvar += (error - s->rttvar) / 4;
        s->srtt += (rtt - s->srtt) / 8;
    }
    sim_time spread = 4 * s->rttvar > SIM_MS ? 4 * s->rttvar : SIM_MS;
    s->rto = s->srtt + spread > rto_least ? s->srtt + spread : rto_least;
}

/* CUBIC's window (RFC 9438), asked at each acknowledgement beyond slow start. */
static void grow_cubic(struct fast_stream *s)
{
    double segments = (double)s->cwnd / s->mss;
    sim_time now = net_now(net_of(s));
    if (s->epoch == SIM_TIME_NEVER) {
        s->epoch = now;
        s->w_max = s->w_max > segments ? s->w_max : segments;
        s->k = cbrt((s->w_max - segments) / cubic_c);
    }
    double t = (double)(now - s->epoch + s->srtt) / 1e9;
    double target = cubic_c * (t - s->k) * (t - s->k) * (t - s->k) + s->w_max;
    double step = target > segments ? (target - segments) / segments : 0.01 / segments;
    s->cwnd += (uint32_t)((step < 0.5 ? step : 0.5) * s->mss);
}

static void note_sacks(struct fast_stream *s, struct span blocks)
{
    uint32_t from;
    uint32_t to;
    while (span_take_u32(&blocks, &from) && span_take_u32(&blocks, &to)) {
        for (uint32_t i = 0; i < s->sent_count; i++) {
            struct sent *t = sent_at(s, i);
            if (!t->sacked && !before(t->seq, from) && !before(to, t->seq + t->len)) {
                s->marked += !t->lost;
                t->lost = false;
                t->sacked = true;
            }
        }
    }
}

/* A segment is lost when three above it have arrived (RFC 6675, IsLost); one that was sent again is
 * left to the timer. */
static bool find_lost(struct fast_stream *s)
{
    uint32_t above = 0;
    bool found = false;
    for (uint32_t i = s->sent_count; s->marked > 0 && i-- > 0;) {
        struct sent *t = sent_at(s, i);
        if (t->sacked) {
            above++;
        } else if (above >= DUPLICATES && !t->lost && !t->again) {
            t->lost = found = true;
            s->marked++;
        }
    }
    return found;
}

static void pop_acknowledged(struct fast_stream *s, uint32_t ack)
{
    while (s->sent_count > 0) {
        struct sent *t = sent_at(s, 0);
        uint32_t end = t->seq + t->len;
        if (before(ack, end)) {
            if (before(t->seq, ack)) {
                t->len = end - ack;
                t->seq = ack;
            }
            break;
        }
        s->marked -= t->sacked || t->lost;
        s->sent_first = (s->sent_first + 1) % s->sent_capacity;
        s->sent_count--;
    }
    if (s->sent_count == 0) {
        free(s->sent);
        s->sent = NULL;
        s->sent_capacity = s->sent_first = 0;
    }
    buf_consume(&s->tx, ack - s->snd_una);
    if (buf_len(&s->tx) == 0) {
        buf_fini(&s->tx);
    }
    s->snd_una = ack;
}

static void on_writable(void *arg)
{
    struct fast_stream *s = arg;
    s->writable_due = false;
    if (!s->dead && s->user && !s->closing && buf_len(&s->tx) < BUFFER_BYTES) {
        s->short_send = false;
        s->ops->writable(s->arg);
    }
}

/* A timer that fires at once refers to the stream: on_free() is set later and so comes later. */
static void tell_writable(struct fast_stream *s)
{
    if (s->short_send && s->user && !s->writable_due && !s->closing) {
        s->writable_due = true;
        net_timer_set(net_of(s), net_now(net_of(s)), on_writable, s);
    }
}

static void fin_acknowledged(struct fast_stream *s)
{
    s->fin_acked = true;
    s->tries = 0;
    net_timer_cancel(net_of(s), s->retransmit);
    s->retransmit = 0;
}

static void on_ack(struct fast_stream *s, const struct packet_view *v, bool has_echo, uint32_t echo,
                   struct span sacks)
{
    uint32_t ack = v->ack;
    uint32_t highest = s->snd_nxt + s->fin_sent;
    if (before(highest, ack) || before(ack, s->snd_una)) {
        return;
    }
    if (s->fin_sent && ack == highest) {
        if (!s->fin_acked) {
            fin_acknowledged(s);
        }
        ack = s->snd_nxt;
    }
    uint32_t sacked_before = s->marked;
    note_sacks(s, sacks);
    if (ack != s->snd_una) {
        if (has_echo) {
            measure(s, echo);
        }
        s->tries = 0;
        s->duplicates = 0;
        pop_acknowledged(s, ack);
        if (s->recovering && !before(ack, s->recover)) {
            s->recovering = false;
            s->cwnd = s->ssthresh;
        } else if (!s->recovering && s->cwnd < s->ssthresh) {
            s->cwnd += s->mss;
        } else if (!s->recovering) {
            grow_cubic(s);
        }
        if (s->sent_count > 0) {
            start_retransmit(s);
        } else if (!s->fin_sent || s->fin_acked) {
            net_timer_cancel(net_of(s), s->retransmit);
            s->retransmit = 0;
        }
        tell_writable(s);
    } else if (s->sent_count > 0 && v->payload.len == 0 && (v->tcp_flags & PACKET_FIN) == 0) {
        s->duplicates++;
    }
    bool lost = find_lost(s);
    if (s->duplicates == DUPLICATES && !s->recovering && s->marked == sacked_before) {
        struct sent *t = sent_at(s, 0); /* no SACK told more */
        if (!t->lost && !t->sacked && !t->again) {
            t->lost = lost = true;
            s->marked++;
        }
    }
    if (lost && !s->recovering && s->cwnd > s->mss) {
        enter_recovery(s);
        s->cwnd = s->ssthresh;
        s->recovering = true;
        s->recover = s->snd_nxt;
    }
    send_more(s);
}

/* --- receiving -----------------------------------------------------------------------------------
 */

static void hand_over(struct fast_stream *s, struct span bytes)
{
    s->rcv_nxt += (uint32_t)bytes.len;
    if (s->user && bytes.len > 0) {
        s->ops->data(s->arg, bytes);
    }
}

static void keep_early(struct fast_stream *s, uint32_t seq, struct span bytes)
{
    struct early **at = &s->early;
    while (*at != NULL && before((*at)->seq, seq)) {
        at = &(*at)->next;
    }
    if ((*at != NULL && (*at)->seq == seq && (*at)->len >= bytes.len) ||
        s->early_bytes + bytes.len > BUFFER_BYTES) {
        return;
    }
    struct early *e = mem_alloc(sizeof(*e) + bytes.len);
    e->seq = seq;
    e->len = (uint32_t)bytes.len;
    memcpy(e->bytes, bytes.data, bytes.len);
    e->next = *at;
    *at = e;
    s->early_bytes += e->len;
}

static void take_early(struct fast_stream *s)
{
    while (s->early != NULL && !before(s->rcv_nxt, s->early->seq) && !s->dead) {
        struct early *e = s->early;
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
    if (s->dead || !s->peer_fin || !s->fin_acked || s->state == TIME_WAIT) {
        return;
    }
    s->state = TIME_WAIT;
    stop_timers(s);
    free_early(s);
    s->end_timer = net_timer_set(net_of(s), net_now(net_of(s)) + time_waiting, on_time_wait, s);
}

static void on_peer_fin(struct fast_stream *s)
{
    s->peer_fin = true;
    s->rcv_nxt++;
    acknowledge(s);
    s->closing = true; /* nobody will send any more: what is left goes, then our FIN */
    net_timer_cancel(net_of(s), s->end_timer);
    s->end_timer = 0;
    tell_closed(s, 0);
    if (!s->dead) {
        send_more(s);
    }
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
        bool gap = before(s->rcv_nxt, seq) || s->early != NULL;
        bool old = !before(s->rcv_nxt, end);
        if (before(seq, s->rcv_nxt) && !old) {
            uint32_t known = s->rcv_nxt - seq;
            bytes.data += known;
            bytes.len -= known;
            seq = s->rcv_nxt;
        }
        if (!old && before(s->rcv_nxt, seq)) {
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
        } else if (s->unacked > 0 && s->ack_timer == 0) {
            s->ack_timer =
                net_timer_set(net_of(s), net_now(net_of(s)) + ack_delay, on_ack_timer, s);
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
    s->state = SYN_RECEIVED;
    s->rcv_nxt = v->seq + 1;
    s->ts_recent = options->value;
    send_control(s, PACKET_SYN | PACKET_ACK);
    start_retransmit(s);
}

static void open_stream(struct fast_stream *s)
{
    s->state = OPEN;
    s->tries = 0;
    s->rto = SIM_S;
    net_timer_cancel(net_of(s), s->retransmit);
    s->retransmit = 0;
}

static void on_syn_sent(struct fast_stream *s, const struct packet_view *v,
                        const struct options *options)
{
    bool acked = (v->tcp_flags & PACKET_ACK) != 0 && v->ack == 1;
    if ((v->tcp_flags & PACKET_RST) != 0) {
        if (acked) {
            fail_connection(s);
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
        measure(s, options->echo);
    }
    acknowledge(s);
    s->ops->connected(s->arg);
    if (!s->dead) {
        send_more(s);
    }
}

/* False: refused, and gone. */
static bool accept_stream(struct fast_stream *s)
{
    const struct net_port *port = net_port_find(net_of(s), s->node->id, s->port, NET_PORT_STREAM);
    open_stream(s);
    s->user = true;
    if (port == NULL || !port->accept(port->arg, &s->base, s->peer, &s->ops, &s->arg)) {
        s->user = false;
        if (!s->dead) {
            send_control(s, PACKET_RST | PACKET_ACK);
            end_connection(s);
        }
        return false;
    }
    return !s->dead;
}

/* RFC 9293, 3.10.7.4 and RFC 5961: a reset counts where it lies in the window. */
static bool in_window(const struct fast_stream *s, uint32_t seq)
{
    return seq - s->rcv_nxt < BUFFER_BYTES;
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
    if (s->state == SYN_SENT) {
        on_syn_sent(s, v, &options);
        return;
    }
    if ((v->tcp_flags & PACKET_RST) != 0) {
        if (in_window(s, v->seq)) {
            fail_connection(s);
        }
        return;
    }
    if ((v->tcp_flags & PACKET_SYN) != 0) { /* a repeated one: our answer was lost */
        send_control(s, s->state == SYN_RECEIVED ? PACKET_SYN | PACKET_ACK : PACKET_ACK);
        return;
    }
    if ((v->tcp_flags & PACKET_ACK) == 0 ||
        (s->state == SYN_RECEIVED && (v->ack != 1 || !accept_stream(s)))) {
        return;
    }
    if (s->state == TIME_WAIT) {
        if (v->payload.len > 0 || (v->tcp_flags & PACKET_FIN) != 0) {
            acknowledge(s);
        }
        return;
    }
    /* The first octet that is new sets the timestamp to echo (RFC 7323, 4.3). */
    if (options.has_times && !before(s->rcv_nxt, v->seq)) {
        s->ts_recent = options.value;
    }
    uint16_t window = (uint16_t)(packet.data[v->ip_header_bytes + 14] << 8 |
                                 packet.data[v->ip_header_bytes + 15]);
    s->snd_window = (uint32_t)window << WINDOW_SHIFT;
    on_ack(s, v, options.has_times, options.echo, options.sacks);
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
    s->state = SYN_SENT;
    send_control(s, PACKET_SYN);
    start_retransmit(s);
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
    size_t room = BUFFER_BYTES - buf_len(&s->tx);
    size_t taken = bytes.len < room ? bytes.len : room;
    buf_append(&s->tx, span_of(bytes.data, taken));
    s->short_send = s->short_send || taken < bytes.len;
    if (s->state == OPEN) {
        send_more(s);
    }
    return taken;
}

static void on_linger(void *arg)
{
    struct fast_stream *s = arg;
    s->end_timer = 0;
    send_control(s, PACKET_RST | PACKET_ACK);
    fail_connection(s);
}

static void fast_close(struct net_stream *stream)
{
    struct fast_stream *s = stream_of(stream);
    if (!s->user || s->closing) {
        return;
    }
    s->closing = true;
    s->end_timer = net_timer_set(net_of(s), net_now(net_of(s)) + linger, on_linger, s);
    if (s->state == OPEN) {
        send_more(s);
    }
}

static void fast_abort(struct net_stream *stream)
{
    struct fast_stream *s = stream_of(stream);
    if (!s->user) {
        return;
    }
    s->user = false;
    if (s->state != SYN_SENT) {
        send_control(s, PACKET_RST | PACKET_ACK);
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
