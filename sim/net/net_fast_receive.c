/* Streams and datagrams of fidelity "fast": what arrives. Octets in their order for the user, early
 * ones kept; acknowledgements, delayed; the states of a connection (RFC 9293). */
#include "sim/net/net_fast.h"

#include <stdlib.h>
#include <string.h>

static const sim_time ack_delay = 200 * SIM_MS;

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

/* --- octets ----------------------------------------------------------------------------------- */

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

static void look_at_ack_timer(const void *arg, int depth)
{
    if (depth < NET_LOOK_DEPTHS) {
        fast_look_to_send(arg, depth - 1);
    }
}

void fast_look_ahead(struct net *net)
{
    net_look_ahead(net, on_ack_timer, look_at_ack_timer);
}

static void on_peer_fin(struct fast_stream *s)
{
    s->peer_fin = true;
    s->rcv_nxt++;
    s->closing = true; /* nobody will send any more: what is left goes, then our FIN */
    net_timer_cancel(fast_net(s), s->end_timer);
    s->end_timer = 0;
    s->unacked++;
    fast_tell_closed(s, 0);
    if (!s->dead) {
        fast_send_more(s);
    }
    if (!s->dead && s->unacked > 0) { /* nothing went that says so */
        acknowledge(s);
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
            fast_send_asked(s);
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

/* --- options of a segment --------------------------------------------------------------------- */

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

/* --- the state machine ------------------------------------------------------------------------ */

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
    struct fast_stream *s = fast_create(node, from, v->destination_port, v->source_port);
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
            fast_end(s);
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

static struct fast_stream *find_connection(const struct ip_node *node, net_node from,
                                           struct fast_stream *likely, const struct packet_view *v)
{
    uint64_t found;
    if (likely != NULL && likely->node == node && likely->peer == from && !likely->dead &&
        likely->peer_port == v->source_port && likely->port == v->destination_port) {
        return likely;
    }
    return map_get(&node->connections, fast_key(v->source, v->source_port, v->destination_port),
                   &found)
               ? (struct fast_stream *)(uintptr_t)found
               : NULL;
}

static void tcp_receive(struct ip_node *node, net_node from, struct fast_stream *likely,
                        struct span packet, const struct packet_view *v)
{
    struct options options;
    read_options(packet, v, &options);
    struct fast_stream *s = find_connection(node, from, likely, v);
    if (s == NULL) {
        on_listen(node, from, v, &options);
        return;
    }
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
    fast_settle(s);
}

void fast_receive(struct ip_node *node, struct fast_stream *likely, struct span packet,
                  const struct packet_view *v)
{
    net_node from = net_node_of_address(node->ip->net, v->source);
    if (v->protocol == PACKET_TCP) {
        tcp_receive(node, from, likely, packet, v);
    } else if (v->protocol == PACKET_UDP) {
        const struct net_port *port =
            net_port_find(node->ip->net, node->id, v->destination_port, NET_PORT_DATAGRAM);
        if (port != NULL) {
            port->datagram(port->arg, from, v->payload);
        }
    }
}
