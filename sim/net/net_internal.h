/* What the implementations behind net.h share: the table of operations, nodes, links and the
 * pending drop reports. */
#ifndef SIM_NET_NET_INTERNAL_H
#define SIM_NET_NET_INTERNAL_H

#include "sim/core/map.h"
#include "sim/net/net.h"
#include "sim/net/net_link.h"

#ifdef __cplusplus
extern "C" {
#endif

struct packet_view;

/* Calls of net.h after net.c has checked what can be checked without knowing the kind of net. */
struct net_ops {
    const char *version;
    void (*free)(struct net *net);
    sim_time (*now)(const struct net *net);
    uint64_t (*run)(struct net *net, sim_time until, uint64_t budget);
    void (*stop)(struct net *net);
    uint64_t (*event_count)(const struct net *net);
    net_timer (*timer_set)(struct net *net, sim_time at, net_timer_fn *fn, void *arg);
    void (*timer_cancel)(struct net *net, net_timer timer);
    void (*look_ahead)(struct net *net, net_timer_fn *fn, net_look_fn *look); /* or NULL */
    void (*node_added)(struct net *net, net_node node);
    /* A link that net_ip.c does not serve (`deliver` is NULL), or one of fidelity full. */
    void (*link_added)(struct net *net, struct link *link);
    /* The `up` of such a link has changed. */
    void (*link_turned)(struct net *net, struct link *link);
    /* A sound packet of TCP or UDP for a node, from net_ip.c, which serves all links then. NULL:
     * the kind serves its links itself, those of fidelity fast excepted. */
    void (*deliver)(struct net *net, net_node node, struct span packet,
                    const struct packet_view *view);
    /* Fidelity full: a packet for the device of ns-3's; comes back through ip_arrived(). */
    void (*transmit)(struct net *net, struct link *link, int direction, struct span packet,
                     uint64_t tag);
    int (*listen)(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg);
    int (*connect)(struct net *net, net_node node, net_node peer, uint16_t port, struct link *link,
                   const struct net_stream_ops *ops, void *arg, struct net_stream **ret);
    size_t (*send)(struct net_stream *stream, struct span bytes);
    void (*close)(struct net_stream *stream);
    void (*abort)(struct net_stream *stream);
    void (*stream_stats)(const struct net_stream *stream, struct net_stream_stats *ret);
    int (*datagram_bind)(struct net *net, net_node node, uint16_t port, net_datagram_fn *fn,
                         void *arg);
    int (*datagram_send)(struct net *net, net_node node, net_node peer, uint16_t port,
                         struct link *link, struct span payload, uint64_t tag);
    void (*inject)(struct net *net, struct link *link, int direction, struct span packet);
};

/* A port that a node listens at or takes datagrams at. The table is the net's own, so that a node
 * can have links of several fidelities. */
enum net_port_kind { NET_PORT_STREAM, NET_PORT_DATAGRAM };
struct net_port {
    net_node node;
    uint16_t number;
    enum net_port_kind kind;
    net_accept_fn *accept;
    net_datagram_fn *datagram;
    void *arg;
    struct net_port *next; /* of the node */
};

struct ip;

struct net_drop_report {
    uint64_t tag;
    const char *reason;
};

/* First member of each kind of net. */
struct net {
    const struct net_ops *ops;
    uint64_t seed;
    char **nodes; /* names */
    size_t node_count;
    size_t node_capacity;
    struct link **links;
    size_t link_count;
    size_t link_capacity;
    struct map pairs; /* (lower node << 32 | higher node) -> link */
    struct map taps;  /* handle -> link */
    struct map ports; /* node << 17 | kind << 16 | number -> struct net_port * */
    struct net_node_state {
        struct net_port *ports; /* in reverse order of opening */
        bool served;            /* by the net's own kind: it has a link that is not fast */
    } * states;
    size_t state_count, state_capacity;
    struct ip *ip;     /* NULL until it serves a link */
    uint32_t version;  /* counts changes of links and routes, from 1 */
    struct map routes; /* node << 32 | destination -> link */
    uint32_t taps_made;
    net_drop_fn *drop;
    void *drop_arg;
    struct net_drop_report *reports; /* waiting for their event */
    size_t report_count;
    size_t report_capacity;
};

/* What streams of another kind than the net's own do. */
struct net_stream_calls {
    size_t (*send)(struct net_stream *stream, struct span bytes);
    void (*hand_over)(struct net_stream *stream, struct buf *bytes);
    void (*close)(struct net_stream *stream);
    void (*abort)(struct net_stream *stream);
    void (*stats)(const struct net_stream *stream, struct net_stream_stats *ret);
    void (*fetch)(const struct net_stream *stream, int step);
};
extern const struct net_stream_calls fast_stream_calls;

/* First member of each kind of stream. */
struct net_stream {
    struct net *net;
    const struct net_stream_calls *calls; /* NULL: the net's own kind */
};

void net_base_init(struct net *net, const struct net_ops *ops, uint64_t seed);
void net_base_fini(struct net *net);

/* NULL: nobody is there. */
const struct net_port *net_port_find(const struct net *net, net_node node, uint16_t number,
                                     enum net_port_kind kind);

/* The link over which `node` reaches `peer`: the one that joins them, or the first of a route;
 * NET_NONE. */
net_link net_link_towards(const struct net *net, net_node node, net_node peer);

/* The node of an address, or NET_NONE. */
net_node net_node_of_address(const struct net *net, uint32_t address);

/* The drop of a datagram with `tag` (0: nothing to do), told by an event of its own at this
 * instant, so that the handler never runs inside net_datagram_send(). */
void net_report_drop(struct net *net, uint64_t tag, const char *reason);

#ifdef __cplusplus
}
#endif

#endif
