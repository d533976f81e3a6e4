/* The virtual network: nodes, links, TCP streams, UDP datagrams, timers and taps under one virtual
 * clock.
 *
 * Two implementations stand behind these calls: `net_create_ns3` (net_ns3.cc, ns-3's TCP/IP;
 * fidelity "packet") and `net_create_ideal` (net_ideal.c, in memory, for tests). One event queue
 * drives everything: events run in order of time, then of scheduling. Single-threaded; callbacks
 * run inside net_run() and may call anything here but net_run() and net_free(). No exception or
 * process exit crosses this interface: each parameter is validated first.
 *
 * Every node has one IPv4 address (10.0.0.0/8, in order of creation). Two nodes talk over the link
 * that joins them, or over other nodes that have routes (net_set_route). */
#ifndef SIM_NET_NET_H
#define SIM_NET_NET_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct net;
struct net_stream; /* one end of a TCP connection */
typedef uint32_t net_node;
typedef uint32_t net_link;
typedef uint64_t net_timer; /* 0: none */

#define NET_NONE UINT32_MAX

/* --- life ------------------------------------------------------------------------------------ */

/* `seed` keys jitter and loss, by link name and direction. Only one ns-3 net may exist at a time
 * (ns-3's simulator is a singleton): -SIM_EEXIST. */
int net_create_ns3(uint64_t seed, struct net **ret);
int net_create_ideal(uint64_t seed, struct net **ret);
/* Drops everything, without callbacks. NULL is fine. */
void net_free(struct net *net);

sim_time net_now(const struct net *net);
/* Runs events up to and including virtual time `until`, or until about `budget` events were handled
 * (0: no bound), or until net_stop(). Returns how many events were handled. After a return because
 * of time, net_now() == until. */
uint64_t net_run(struct net *net, sim_time until, uint64_t budget);
/* Makes the running net_run() return after the current event. */
void net_stop(struct net *net);
/* Events handled since creation. */
uint64_t net_event_count(const struct net *net);
/* "ns-3 3.37" or "ideal"; static storage. */
const char *net_version(const struct net *net);

typedef void net_timer_fn(void *arg);
/* Calls fn(arg) at virtual time `at` (not before now: CHECK). Timers of one instant run in order of
 * call. */
net_timer net_timer_set(struct net *net, sim_time at, net_timer_fn *fn, void *arg);
/* Cancels; a timer that ran or 0 is fine. */
void net_timer_cancel(struct net *net, net_timer timer);

/* Told of a timer that comes soon, once for each depth from 1 on, some events apart: fetches into
 * the processor's cache what its function will need. At depth 1 `arg` itself is to be fetched, at
 * each further one what the one before leads to. Must change nothing. */
enum { NET_LOOK_DEPTHS = 5 };
typedef void net_look_fn(const void *arg, int depth);
/* For all timers with this function. A kind of net may do without. */
void net_look_ahead(struct net *net, net_timer_fn *fn, net_look_fn *look);
/* Fetches `len` octets. */
static inline void net_fetch(const void *at, size_t len)
{
    enum { LINE = 64 };
    for (size_t i = 0; i < len; i += LINE) {
        __builtin_prefetch((const char *)at + i);
    }
}

/* --- nodes and links ------------------------------------------------------------------------- */

/* `name` is copied. */
net_node net_add_node(struct net *net, const char *name);
/* Host-order IPv4 address. */
uint32_t net_node_address(const struct net *net, net_node node);

enum net_loss_model { NET_LOSS_NONE, NET_LOSS_RANDOM, NET_LOSS_GILBERT_ELLIOTT };

/* Loss of one link-layer frame. Random: `rate`. Gilbert-Elliott: per frame, the chain enters the
 * bad state with probability `enter` and leaves it with `leave`; frames are lost with `rate_good`
 * and `rate_bad`. */
struct net_loss {
    enum net_loss_model model;
    double rate;
    double enter;
    double leave;
    double rate_good;
    double rate_bad;
};

/* How closely a link and the streams and datagrams over it are simulated. */
enum net_fidelity {
    NET_FIDELITY_PACKET, /* the TCP and UDP of the net's own kind: ns-3's */
    NET_FIDELITY_FAST,   /* the TCP and UDP of net_fast.c, over the same link model */
    NET_FIDELITY_FULL,   /* those of the net\'s own kind, over a device and channel of ns-3\'s */
};

/* Which device of ns-3's a link of fidelity full has. Links of one kind that end (`b`) at the same
 * node share one channel there: that node is the access point, the coordinator, or one of several
 * on a bus. */
enum net_device {
    NET_DEVICE_NONE,
    NET_DEVICE_CSMA, /* CsmaNetDevice: Ethernet on a bus, with the link's rate and delay */
    NET_DEVICE_WIFI, /* WifiNetDevice: IEEE 802.11n at 5 GHz, infrastructure BSS; packets wait for
                        the association */
    NET_DEVICE_LR_WPAN, /* LrWpanNetDevice under SixLowPanNetDevice: IEEE 802.15.4 at 2.4 GHz, RFC
                           4944 and 6282; IPv4 headers are translated to IPv6 (RFC 7915) */
};

struct net_link_params {
    enum net_fidelity fidelity;
    uint32_t mtu_bytes;   /* largest IP packet, 68 to 65535 */
    uint32_t frame_bytes; /* payload of one link-layer frame; an IP packet takes as many frames as
                             it needs and is lost with any of them. 0: one frame a packet */
    uint32_t
        overhead_bytes; /* link-layer octets a frame, on top of its payload; they take air time */
    uint32_t queue_packets; /* drop-tail queue before the transmitter, > 0 */
    bool shared_medium;     /* both directions share one transmitter (half duplex radio) */
    sim_time delay;         /* one way, >= 0 */
    sim_time jitter;   /* standard deviation of a normal distribution added to the delay (cut off at
                          0); packets of one direction keep their order */
    uint64_t rate_bps; /* bit/s, > 0 */
    struct net_loss loss;
    enum net_device device; /* full: not NONE. Of the members above it heeds mtu_bytes,
                               queue_packets (while nothing is associated), of those below distance;
                               CSMA also rate and delay */
    double distance_m;      /* full, radio: between the two nodes; 0: 3 m */
    const char *name;       /* "pne/3--gw/1"; copied; keys the link's random streams */
};

/* -SIM_EINVAL: a parameter out of range or the nodes are joined already. Links are up at first. */
int net_add_link(struct net *net, net_node a, net_node b, const struct net_link_params *params,
                 net_link *ret);
/* Down: packets in the queue, on the air and newly sent are dropped until it is up again. */
void net_link_set_up(struct net *net, net_link link, bool up);
bool net_link_is_up(const struct net *net, net_link link);
/* From now on the link has the delay, jitter, rate and loss of `params`; other members are not
 * looked at. Packets in the air keep their arrival. -SIM_EINVAL: out of range. */
int net_link_change(struct net *net, net_link link, const struct net_link_params *params);
/* The link that joins two nodes, or NET_NONE. */
net_link net_link_between(const struct net *net, net_node a, net_node b);

/* Packets for `to` leave the node `at` over the link `via`, also those that come from others: a
 * node forwards what it has a route for (RFC 1812: the time to live falls, what exceeds the next
 * MTU is cut). A link that joins the two comes first. Replaces an earlier route. Streams and
 * datagrams between nodes of a route are of the fidelity of their first link; all links of a way
 * must be of one fidelity. -SIM_EINVAL: `via` does not begin at `at`, or a net that does not
 * forward (ideal, but for fast links). */
int net_set_route(struct net *net, net_node at, net_node to, net_link via);

struct net_link_stats {
    uint64_t packets[2];       /* entered the link, by direction: 0 from a to b, 1 from b to a */
    uint64_t bytes[2];         /* IP octets entered */
    uint64_t lost[2];          /* packets dropped by the loss model */
    uint64_t queue_dropped[2]; /* packets dropped by a full queue */
    uint64_t down_dropped[2];  /* packets dropped because the link was down */
    uint64_t tap_dropped[2];   /* packets dropped by a tap */
};
void net_link_stats(const struct net *net, net_link link, struct net_link_stats *ret);

/* --- streams (TCP) --------------------------------------------------------------------------- */

/* What happens to one end of a stream. `arg` is what the end was given. */
struct net_stream_ops {
    /* The three-way handshake is complete (connecting end only). */
    void (*connected)(void *arg);
    /* Octets in order; borrowed during the call. */
    void (*data)(void *arg, struct span bytes);
    /* net_stream_send() was short earlier and takes octets again. */
    void (*writable)(void *arg);
    /* The last call for this end. error: 0 the peer closed in order (FIN) or both sides did;
     * -SIM_EIO the connection was reset, refused or timed out. The handle is dead afterwards and
     * must not be used, net_stream_stats() inside this call excepted. */
    void (*closed)(void *arg, int error);
    /* Octets come soon, as net_look_fn() from depth 3 on; NULL: not asked. */
    net_look_fn *look;
};

/* A connection from `peer` is established (as accept(2) would yield it); fill `*ops` and `*arg` for
 * the accepted end. Returning false refuses it (reset). */
typedef bool net_accept_fn(void *arg, struct net_stream *stream, net_node peer,
                           const struct net_stream_ops **ops, void **stream_arg);

/* -SIM_EEXIST: the port is taken. -SIM_EINVAL: port 0. */
int net_listen(struct net *net, net_node node, uint16_t port, net_accept_fn *fn, void *arg);
/* Begins to connect; `ops->connected` or `ops->closed` follows, never inside this call.
 * -SIM_ENOENT: neither a link nor a route joins the nodes. -SIM_EINVAL: port 0. -SIM_EIO: no local
 * port is free (16,384 connections of one node). `*ops` must outlive the stream. */
int net_connect(struct net *net, net_node node, net_node peer, uint16_t port,
                const struct net_stream_ops *ops, void *arg, struct net_stream **ret);
/* Returns how many octets were taken (0 to bytes.len); `writable` follows when it was short. */
size_t net_stream_send(struct net_stream *stream, struct span bytes);
/* The same for octets that are the stream's from then on: those that were taken are gone from
 * `bytes`, and where all were, their memory may be, too. */
void net_stream_hand_over(struct net_stream *stream, struct buf *bytes);
/* Sends what was taken, then FIN; `closed` follows when the peer has closed too or gave up (at the
 * latest after 60 s). Data that arrives meanwhile is still delivered. */
void net_stream_close(struct net_stream *stream);
/* Sends RST and forgets the stream at once; no further callback at this end. */
void net_stream_abort(struct net_stream *stream);

/* The stream is used soon: fetches it into the processor's cache (step 0), then what a segment that
 * it sends will need (1, 2), each step what the one before leads to. NULL is fine. */
void net_stream_fetch(const struct net_stream *stream, int step);

struct net_stream_stats {
    uint64_t
        bytes_sent; /* TCP payload octets put on the link by this end, retransmissions included */
    uint64_t segments_sent;   /* segments with payload */
    uint64_t retransmissions; /* segments that repeated octets sent before */
};
/* Also during `closed`. */
void net_stream_stats(const struct net_stream *stream, struct net_stream_stats *ret);

/* --- datagrams (UDP) ------------------------------------------------------------------------- */

typedef void net_datagram_fn(void *arg, net_node from, struct span payload);
/* -SIM_EEXIST: the port is taken. */
int net_datagram_bind(struct net *net, net_node node, uint16_t port, net_datagram_fn *fn,
                      void *arg);

/* Fate of a datagram that a queue, the loss model, a link that is down or a tap dropped. `reason`
 * is "loss", "queue", "down" or "tap"; static storage. Called at most once a datagram, never inside
 * net_datagram_send(). */
typedef void net_drop_fn(void *arg, uint64_t tag, const char *reason);
void net_set_drop_handler(struct net *net, net_drop_fn *fn, void *arg);
/* From `port` of `node` to the same port of `peer`; fragmented by IP where larger than the MTU.
 * `tag` comes back in the drop handler (0: not followed). -SIM_EINVAL: longer than 65,507 octets.
 * -SIM_ENOENT: neither link nor route. */
int net_datagram_send(struct net *net, net_node node, net_node peer, uint16_t port,
                      struct span payload, uint64_t tag);

/* --- taps ------------------------------------------------------------------------------------ */

/* An IP packet as it enters a link (after the queue, before loss). */
struct net_packet {
    net_link link;
    int direction; /* 0 from a to b, 1 from b to a */
    sim_time at;
    uint64_t number;     /* counts packets of the link from 1, both directions together */
    const uint8_t *data; /* IPv4 header onwards */
    size_t len;
    uint64_t tag; /* of the datagram that it is, or a fragment of; 0: none, or the ideal net */
};

enum net_verdict {
    NET_PASS,
    NET_DROP,
    NET_CHANGE, /* `*change` holds the packet to send instead; its lengths and IP, TCP and UDP
                   checksums are made right (of a fragment: the IP checksum; UDP has none then).
                   What is no IPv4 packet or over the MTU is dropped */
};

/* Sees each packet of a link. May fill `change` (empty at the call) when it returns NET_CHANGE. */
typedef enum net_verdict net_tap_fn(void *arg, const struct net_packet *packet, struct buf *change);
/* Taps of a link run in order of addition; a dropped packet is not shown to later ones, a changed
 * one is shown changed. A tap added at the front sees the packet before the others. Returns a
 * handle for removal. */
uint32_t net_tap_add(struct net *net, net_link link, bool front, net_tap_fn *fn, void *arg);
void net_tap_remove(struct net *net, uint32_t tap);
/* Puts an IP packet of the caller's on a link, past the taps, as if the sender of that direction
 * had sent it. -SIM_EINVAL: not an IPv4 packet or over the MTU. Checksums are sent as given;
 * a receiver ignores packets with wrong ones, and TCP segments whose options cannot be read. */
int net_inject(struct net *net, net_link link, int direction, struct span packet);

#ifdef __cplusplus
}
#endif

#endif
