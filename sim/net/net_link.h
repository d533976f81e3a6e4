/* What a link does to packets, apart from when events run: air time, delay, loss, taps, counts.
 * Both nets use it, so that a link behaves alike under either. */
#ifndef SIM_NET_NET_LINK_H
#define SIM_NET_NET_LINK_H

#include "sim/core/rng.h"
#include "sim/net/net.h"

#ifdef __cplusplus
extern "C" {
#endif

struct link_tap {
    uint32_t handle;
    net_tap_fn *fn; /* NULL: removed while taps were running */
    void *arg;
    bool front;
};

struct link_direction {
    sim_time last_arrival; /* nothing arrives before it: packets keep their order */
    struct rng jitter;
    bool bad; /* Gilbert-Elliott state */
    struct rng loss;
};

/* What every packet touches comes first. */
struct link {
    net_link id;
    net_node ends[2];
    bool up;
    bool taps_changed; /* while they were running */
    int tapping;       /* depth of link_run_taps() */
    struct link_tap *taps;
    size_t tap_count;
    uint64_t number;               /* packets so far, both directions */
    struct net_link_params params; /* its name is owned */
    struct net_link_stats stats;
    struct link_direction directions[2];
    size_t tap_capacity;
    struct link_tap *new_taps; /* added while taps were running */
    size_t new_tap_count;
    size_t new_tap_capacity;
};

/* -SIM_EINVAL: a parameter out of range (net.h). */
int link_check_params(const struct net_link_params *params);
struct link *link_create(uint64_t seed, net_link id, net_node a, net_node b,
                         const struct net_link_params *params);
void link_free(struct link *link);

uint32_t link_frames(const struct link *link, size_t packet_bytes);
/* Time the transmitter needs for a packet: all its frames with their overhead, rounded up. */
sim_time link_air_time(const struct link *link, size_t packet_bytes);
/* Draws the fate of a packet's frames: whether one was lost. */
bool link_loses(struct link *link, int direction, size_t packet_bytes);
/* Draws when a packet that leaves the transmitter at `sent` arrives, never before its
 * predecessor. */
sim_time link_arrival(struct link *link, int direction, sim_time sent);

/* Counts a packet as entered and, unless `past_taps`, shows it to the taps, with its `tag`.
 * NET_CHANGE: `changed` (cleared first) holds the packet to send instead, repaired. A change that
 * is no IPv4 packet or exceeds the MTU counts as a drop. */
enum net_verdict link_enter(struct link *link, int direction, sim_time now, struct span packet,
                            uint64_t tag, bool past_taps, struct buf *changed);
/* The same count without octets, for links that have no tap. */
void link_count(struct link *link, int direction, size_t packet_bytes);
bool link_has_taps(const struct link *link);
void link_add_tap(struct link *link, uint32_t handle, bool front, net_tap_fn *fn, void *arg);
void link_remove_tap(struct link *link, uint32_t handle);

#ifdef __cplusplus
}
#endif

#endif
