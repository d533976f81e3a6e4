/* Where a node is over time, and when two nodes are in reach of each other.
 *
 * A path is a sequence of legs: on each the node is present or absent, and moves in a straight line
 * at a constant speed, or stands. Legs are made one after the other from a stream keyed by seed and
 * node, never stored: two paths of one node yield the same legs, whatever other nodes there are.
 * Places are in m, velocities in m/s. */
#ifndef SIM_WORLD_PATH_H
#define SIM_WORLD_PATH_H

#include "sim/core/rng.h"
#include "sim/scenario/scenario.h"

/* Holds for from <= t < until; SIM_TIME_NEVER: the last leg. until > from. */
struct path_leg {
    sim_time from, until;
    double place[3]; /* at `from` */
    double velocity[3];
    bool present;
};

struct path {
    const struct scenario_node *node; /* borrowed */
    struct rng rng;
    struct path_leg leg; /* the current one */
    size_t next_point;   /* waypoints */
    double goal[3];      /* where the leg ends */
    bool pausing;        /* random-waypoint */
};

/* The first leg, from time 0. */
void path_start(struct path *p, const struct scenario_node *node, uint64_t seed);
/* The leg after `p->leg`, which must not be the last one (CHECK). */
void path_next(struct path *p);

/* Where the node is at time `at` of the leg. */
void path_place(const struct path_leg *leg, sim_time at, double place[3]);
double path_distance(const struct path_leg *a, const struct path_leg *b, sim_time at);

/* The times of a leg pair at which both nodes are present and at most `range_m` apart (0: any
 * distance): from *enter on, until just before *leave, within the time that the legs share;
 * *enter == *leave: never. Distances being convex over a leg pair, there is one such stretch at
 * most. */
void path_reach(const struct path_leg *a, const struct path_leg *b, double range_m, sim_time *enter,
                sim_time *leave);

#endif
