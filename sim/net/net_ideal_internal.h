/* What the two files of the ideal net share: net_ideal.c (events, datagrams, life) and
 * net_ideal_stream.c (streams). */
#ifndef SIM_NET_NET_IDEAL_INTERNAL_H
#define SIM_NET_NET_IDEAL_INTERNAL_H

#include "sim/core/map.h"
#include "sim/net/agenda.h"
#include "sim/net/net_internal.h"

enum { IDEAL_FIRST_EPHEMERAL = 49152 };

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
    uint64_t handled;
    bool stopping;
    struct agenda *agenda;
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

struct ideal_net *ideal(struct net *net);

net_timer ideal_schedule(struct ideal_net *n, sim_time at, net_timer_fn *fn, void *arg);
/* Takes an event back and clears its handle; one that ran, or 0, is fine. */
void ideal_unschedule(struct ideal_net *n, net_timer *e);

/* Puts `packet` on the link. False when a tap or the link being down dropped it (`*reason`);
 * otherwise `out` holds it as it arrives, and `*arrival` when. */
bool ideal_put_on_link(struct ideal_net *n, struct link *l, int direction, struct span packet,
                       bool past_taps, struct buf *out, sim_time *arrival, const char **reason);
int ideal_direction_from(const struct link *l, net_node sender);
uint64_t ideal_port_key(net_node node, uint16_t port);

/* Operations of streams, for the table. */
int ideal_listen(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg);
int ideal_connect(struct net *net, net_node node, net_node peer, uint16_t port, struct link *link,
                  const struct net_stream_ops *ops, void *arg, struct net_stream **ret);
size_t ideal_send(struct net_stream *stream, struct span bytes);
void ideal_close(struct net_stream *stream);
void ideal_abort(struct net_stream *stream);
void ideal_stream_stats(const struct net_stream *stream, struct net_stream_stats *ret);

/* Frees the ends that nobody holds and that have nothing left to send or to hear. */
void ideal_reap_streams(struct ideal_net *n);
/* The link went down: what its streams have on the air is lost. */
void ideal_streams_down(struct ideal_net *n, struct link *link);
/* An RST with these ports arrives at `node` over the link at `arrival`. */
void ideal_streams_forged_reset(struct ideal_net *n, struct link *link, net_node node,
                                uint16_t port, uint16_t peer_port, sim_time arrival);
void ideal_streams_free(struct ideal_net *n);

#endif
