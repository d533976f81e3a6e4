/* Fidelity "fast": TCP and UDP of our own over the same links, in C, on the timers of the net that
 * it belongs to. A packet is its octets from the moment it is made, so that taps, captures,
 * fragments and injection see and give what they do with ns-3; there are no sockets, nodes or
 * packets of ns-3 under it. One net may have links of both fidelities. Private to sim/net. */
#ifndef SIM_NET_NET_FAST_H
#define SIM_NET_NET_FAST_H

#include "sim/net/net_internal.h"
#include "sim/net/net_packet.h"

struct fast_stream;
struct fast_link;

/* A datagram that is followed; its fragments share it. */
struct fast_fate {
    uint64_t tag;
    uint32_t packets; /* that refer to it */
    bool told;
};

struct fast_packet {
    struct fast_packet *next;
    sim_time arrival;
    uint64_t order; /* in which packets came to the link */
    struct fast_fate *fate;
    uint32_t len;
    bool past_taps;
    bool doubtful; /* changed or injected: checksums and options are verified */
    uint8_t data[];
};

struct fast_queue {
    struct fast_packet *first, *last;
    size_t count;
};

struct fast_transmitter {
    sim_time free_at;
    net_timer next; /* running while a packet waits */
};

/* One direction of a link, as the argument of its timers. */
struct fast_way {
    struct fast_link *link;
    int direction;
};

struct fast_link {
    struct fast *fast;
    struct link *model;
    struct fast_way ways[2];
    struct fast_transmitter transmitters[2]; /* a shared medium uses the first only */
    struct fast_queue queues[2];
    struct fast_queue air[2];
    net_timer arrival[2]; /* of the first packet in the air */
    uint64_t orders;
};

/* Fragments that wait for the rest of their packet. */
struct fast_assembly {
    struct fast_node *node;
    uint64_t key; /* source << 32 | protocol << 16 | id */
    struct packet_assembly *parts;
    net_timer timeout;
    struct fast_assembly *next;
};

struct fast_node {
    struct fast *fast;
    net_node id;
    uint16_t next_port, next_id;
    struct map
        connections; /* peer address << 32 | peer port << 16 | port -> struct fast_stream * */
    struct fast_assembly *assemblies;
    size_t assembly_count;
};

struct fast {
    struct net *net;
    struct fast_node **nodes; /* NULL until first used */
    size_t node_capacity;
    struct fast_link **links; /* by number; NULL: of another fidelity */
    size_t link_capacity;
    struct fast_stream *streams; /* all, to be freed */
    struct buf scratch;
};

/* --- net_fast.c: links, IP, datagrams */

struct fast *fast_create(struct net *net);
/* Without callbacks. NULL is fine. */
void fast_free(struct fast *f);
void fast_link_added(struct fast *f, struct link *model);
/* NULL: the link is of another fidelity. */
struct fast_link *fast_link_of(const struct fast *f, const struct link *model);
void fast_link_turned(struct fast_link *l);
void fast_inject(struct fast_link *l, int direction, struct span packet);
int fast_datagram_send(struct fast *f, net_node node, net_node peer, uint16_t port,
                       struct link *link, struct span payload, uint64_t tag);
struct fast_node *fast_node_of(struct fast *f, net_node node);
/* Sends a whole IP packet from `node` over the link to `peer`; checksums are made here. */
void fast_send_ip(struct fast *f, net_node node, net_node peer, struct span packet, uint64_t tag);

/* --- net_fast_tcp.c: streams */

int fast_connect(struct fast *f, net_node node, net_node peer, uint16_t port, struct link *link,
                 const struct net_stream_ops *ops, void *arg, struct net_stream **ret);
/* A TCP segment for `node`; headers are sound. */
void fast_tcp_receive(struct fast_node *node, net_node from, struct span packet,
                      const struct packet_view *view);
void fast_streams_free(struct fast *f);

#endif
