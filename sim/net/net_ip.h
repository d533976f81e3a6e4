/* IP over virtual links, in C, on the timers of the net that it belongs to: queues, transmitters,
 * forwarding, fragments. A packet is its octets from the moment it is made, so that taps, captures
 * and injection see and give the same under every fidelity. Above it stand the transports: ns-3's
 * TCP and UDP (net_ns3.cc; packet and full) or those of net_fast.c (fast); below it the link model
 * of net_link.h, or a device of ns-3's (full). Private to sim/net. */
#ifndef SIM_NET_NET_IP_H
#define SIM_NET_NET_IP_H

#include "sim/net/net_internal.h"
#include "sim/net/net_packet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fast_stream;
struct ip_link;

struct ip_packet {
    struct ip_packet *next;
    sim_time arrival;
    uint64_t order; /* in which packets came to the link */
    uint64_t tag;   /* of the datagram; 0: its fate is not followed */
    uint32_t len;
    bool piece; /* a fragment: others have the same tag */
    bool past_taps;
    bool doubtful; /* changed or injected: checksums and options are verified */
    uint8_t data[];
};

struct ip_queue {
    struct ip_packet *first, *last;
    size_t count;
};

struct ip_transmitter {
    sim_time free_at;
    net_timer next; /* running while a packet waits */
};

/* One direction of a link, as the argument of its timers. */
struct ip_way {
    struct ip_link *link;
    struct ip_node *to; /* who receives; NULL before the first packet */
    int direction;
    struct fast_stream *receiver; /* fast: who had a packet last, or NULL */
    struct ip_queue air;
    net_timer arrival;                 /* of the first packet in the air */
    struct ip_transmitter transmitter; /* a shared medium uses the first way's only */
    struct ip_queue queue;
};

/* What one packet touches lies together. */
struct ip_link {
    struct ip *ip;
    struct link *model;
    uint64_t orders;
    bool fast; /* its fidelity */
    struct ip_way ways[2];
};

/* Fragments that wait for the rest of their packet. */
struct ip_assembly {
    struct ip_node *node;
    uint64_t key; /* source << 32 | protocol << 16 | id */
    struct packet_assembly *parts;
    net_timer timeout;
    struct ip_assembly *next;
};

struct ip_node {
    struct ip *ip;
    net_node id;
    struct ip_assembly *assemblies;
    size_t assembly_count;
    /* fidelity fast */
    uint16_t next_port, next_id;
    struct map
        connections; /* peer address << 32 | peer port << 16 | port -> struct fast_stream * */
};

struct ip {
    struct net *net;
    struct ip_node **nodes; /* NULL until first used */
    size_t node_capacity;
    struct ip_link **links; /* by number; NULL: the net's own kind serves it */
    size_t link_capacity;
    struct fast_stream *streams; /* fidelity fast: all, to be freed */
    struct buf scratch;
    struct map told; /* tags of datagrams of which a fragment was lost */
};

struct ip *ip_create(struct net *net);
/* Without callbacks. NULL is fine. */
void ip_free(struct ip *ip);
void ip_link_added(struct ip *ip, struct link *model);
struct ip_link *ip_link_of(const struct ip *ip, const struct link *model);
void ip_link_turned(struct ip_link *l);
void ip_inject(struct ip_link *l, int direction, struct span packet);
struct ip_node *ip_node_of(struct ip *ip, net_node node);
/* Sends a whole IP packet from `node` towards `peer`; checksums and fragments are made here. A
 * packet for which there is no way is dropped: it is the answer to a forged one. */
void ip_send(struct ip *ip, net_node node, net_node peer, struct span packet, uint64_t tag);

/* Where packets from one node to another go, kept by who sends many. All zero: not looked up. */
struct ip_way_out {
    uint32_t version; /* of the net's links and routes */
    int direction;
    struct ip_link *link;
};
/* The same as ip_send() without the look-up, where `way` is still true. */
void ip_send_way(struct ip *ip, struct ip_way_out *way, net_node node, net_node peer,
                 struct span packet);
/* A packet will be sent over the link soon: fetches its queues (step 1), then what is known of it.
 */
void ip_look_to_send(const struct ip_link *l, int direction, int step);
/* Full: a packet came out of ns-3's device at the end of a link. */
void ip_arrived(struct ip_link *l, int direction, struct span packet, uint64_t tag);
/* Full: it never will. */
void ip_lost(struct ip_link *l, int direction, uint64_t tag, const char *reason);
/* The smallest MTU on the way between two nodes that are joined. */
uint32_t ip_path_mtu(const struct net *net, net_node node, net_node peer);

#ifdef __cplusplus
}
#endif

#endif
