/* Fidelity "fast": TCP (RFC 9293) and UDP of our own, above net_ip.h. TCP is set as net_ns3.cc sets
 * ns-3's and decides as ns-3's does, segment for segment, so that a run of one fidelity tells what
 * one of the other would. Private to sim/net. */
#ifndef SIM_NET_NET_FAST_H
#define SIM_NET_NET_FAST_H

#include <stddef.h>

#include "sim/net/net_cubic.h"
#include "sim/net/net_ip.h"

int fast_connect(struct ip *ip, net_node node, net_node peer, uint16_t port,
                 const struct net_stream_ops *ops, void *arg, struct net_stream **ret);
int fast_datagram_send(struct ip *ip, net_node node, net_node peer, uint16_t port,
                       struct span payload, uint64_t tag);
/* A packet of TCP or UDP for `node`; its headers are sound (net_fast_receive.c). `likely`: the
 * connection that it may well belong to, or NULL. */
void fast_receive(struct ip_node *node, struct fast_stream *likely, struct span packet,
                  const struct packet_view *view);
/* Tells what timers of streams will need; once. */
void fast_look_ahead(struct net *net);
void fast_streams_free(struct ip *ip);
/* A packet for the stream comes soon. */
void fast_look(const struct fast_stream *s, int depth);
/* It sends soon: itself (step 0), its link's queues (1), that link (2). */
void fast_look_to_send(const struct fast_stream *s, int step);

/* --- between net_fast.c (the connection), net_fast_receive.c and net_fast_send.c */

enum {
    FAST_BUFFER_BYTES = 128 * 1024,
    FAST_WINDOW_SHIFT = 2,
    FAST_SACK_BLOCKS = 3,
};
#define FAST_RTO_LEAST SIM_S

/* A segment that was sent and is not acknowledged. */
struct fast_sent {
    uint32_t seq, len;
    bool sacked;
    bool lost;
    bool again; /* sent again since it was lost */
    bool timed; /* its acknowledgement measures the round trip */
};

/* Octets that arrived before their turn. */
struct fast_early {
    uint32_t seq, len;
    struct fast_early *next;
    uint8_t bytes[];
};

enum fast_state { FAST_SYN_SENT, FAST_SYN_RECEIVED, FAST_OPEN, FAST_TIME_WAIT };

/* Of the window: as it should be; SACKs came, too few for a loss; a loss is being repaired; the
 * timer ran out. */
enum fast_congestion { FAST_CALM, FAST_DISORDER, FAST_RECOVERY, FAST_LOSS };

/* What every segment touches comes first. */
#define FAST_HOT_BYTES offsetof(struct fast_stream, early_newest)
struct fast_stream {
    struct net_stream base;
    struct ip_node *node;
    net_node peer;
    uint16_t port, peer_port;
    struct ip_way_out way;
    const struct net_stream_ops *ops;
    void *arg;
    enum fast_state state;
    bool user;    /* the user holds it: callbacks may be made */
    bool closing; /* a FIN follows what was handed over */
    bool fin_sent, fin_acked, peer_fin;
    bool short_send, writable_due;
    bool delivering; /* what the user sends goes after the acknowledgement, as with ns-3 */
    bool asked;      /* the user's octets are being sent: ns-3 sends them a nanosecond later, which
                        decides between timers of one instant */
    bool dead;       /* out of the tables; freed by an event of this instant */
    bool peer_fin_known;
    bool recover_active;
    bool prr_progress; /* this acknowledgement is for a segment sent again */
    uint32_t mss;
    /* sending; sequence numbers of octets begin with 1, the SYN has 0 */
    uint32_t snd_una, snd_nxt, snd_window;
    struct buf tx;          /* from snd_una on */
    struct fast_sent *sent; /* ring, in order of sequence numbers */
    uint32_t sent_first, sent_count, sent_capacity;
    enum fast_congestion congestion;
    uint32_t sacked_bytes, lost_bytes, again_bytes; /* of `sent` */
    uint32_t highest_sacked; /* begin of the highest segment sacked; snd_una: none */
    uint32_t recover;        /* the loss is over when this is acknowledged */
    uint32_t duplicates;
    uint32_t acked_rest; /* octets acknowledged that make no whole segment yet */
    uint32_t tries;
    net_timer retransmit, ack_timer;
    sim_time srtt, rttvar, rto;
    /* receiving */
    uint32_t rcv_nxt;
    uint32_t unacked;
    uint32_t ts_recent;
    uint32_t early_bytes;     /* octets of */
    struct fast_early *early; /* in order of sequence numbers */
    struct net_stream_stats stats;
    struct cubic cubic;
    /* seldom */
    uint32_t early_newest; /* sequence number of what came last */
    uint32_t peer_fin_seq;
    uint32_t prr_delivered, prr_out, prr_flight; /* octets (RFC 6937) */
    bool first_partial; /* no partial acknowledgement in this recovery yet */
    net_timer end_timer;
    struct fast_stream *next, *prev;
};

static inline bool fast_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline struct net *fast_net(const struct fast_stream *s)
{
    return s->node->ip->net;
}

/* Of a node's connections. */
static inline uint64_t fast_key(uint32_t peer_address, uint16_t peer_port, uint16_t port)
{
    return (uint64_t)peer_address << 32 | (uint64_t)peer_port << 16 | port;
}

/* net_fast.c */
/* A connection, known to the node from now on; the caller sets its state. */
struct fast_stream *fast_create(struct ip_node *node, net_node peer, uint16_t port,
                                uint16_t peer_port);
/* The connection is over for the network. Its memory goes with an event of this instant. */
void fast_end(struct fast_stream *s);
/* Both FINs have passed and ours is acknowledged: a repeated FIN of the peer is still answered. */
void fast_settle(struct fast_stream *s);
/* The last call to the user. */
void fast_tell_closed(struct fast_stream *s, int error);
void fast_send_segment(struct fast_stream *s, uint8_t flags, uint32_t seq, struct span payload);
void fast_send_control(struct fast_stream *s, uint8_t flags);
/* The connection ends with an error. */
void fast_fail(struct fast_stream *s);
void fast_tell_writable(struct fast_stream *s);
/* Milliseconds of virtual time, as timestamps count (RFC 7323). */
uint32_t fast_timestamp(const struct net *net);

/* net_fast_send.c */
/* Whatever windows allow. */
void fast_send_more(struct fast_stream *s);
/* The same, for octets that the user has just handed over. */
void fast_send_asked(struct fast_stream *s);
void fast_start_retransmit(struct fast_stream *s);
/* The retransmission timeout by what was measured (RFC 6298), not less than ns-3's least. */
sim_time fast_timeout(const struct fast_stream *s);
/* `echo`: of the segment's timestamp option, or NULL. */
void fast_on_ack(struct fast_stream *s, const struct packet_view *v, const uint32_t *echo,
                 struct span sacks);
/* Measures the round trip by the timestamp that came back. */
void fast_measure(struct fast_stream *s, uint32_t echo);

#endif
