/* The structures of the fake world, shared by its files only. */
#ifndef TESTS_SUPPORT_FAKE_INTERNAL_H
#define TESTS_SUPPORT_FAKE_INTERNAL_H

#include "sim/core/map.h"
#include "sim/secure/secure_env.h"
#include "tests/support/fake_world.h"

enum { STREAMS = 8 };

struct entity {
    struct fake_world *world;
    entity_id id;
    const struct entity_type *type;
    void *state;
    char urn[SECURE_URN_BYTES];
    struct {
        const char *purpose;
        struct rng *rng;
    } streams[STREAMS];
    bool silent;
    int battery, battery_watch; /* percent */
    const char *refuse_reason;
};

/* A hop of the scenario, and its session. */
struct fake_hop {
    const struct scenario_edge *edge;
    struct entity *client, *server;
    bool opening, up, link_down;
    uint64_t session; /* number of the one that stands or comes up */
    uint32_t opened, failures;
    const char *failure;
    struct fake_event *waiting, *last_waiting;
};

enum fake_event_kind {
    FAKE_TIMER,
    FAKE_MESSAGE,
    FAKE_SESSION,
    FAKE_CLOSED,
    FAKE_WORK,
    FAKE_BATTERY
};

struct fake_event {
    enum fake_event_kind kind;
    sim_time at;
    uint64_t number; /* order among equals; handle of a timer */
    struct entity *to;
    struct fake_hop *hop; /* of a session's events */
    entity_id from;
    uint32_t timer_kind;
    uint64_t arg; /* of a timer; session of a message */
    /* message */
    bool in_session;
    char *peer_urn;
    uint8_t encoding;
    struct buf payload;
    uint64_t message_id;
    const char *type;
    int status;
    /* work */
    const struct scenario_work *work;
    uint64_t done;
    struct fake_event *next;
};

struct fake_message {
    const char *outcome; /* NULL: under way */
    const char *type;
    int status;
    uint64_t flow; /* or 0 */
};

struct fake_flow {
    uint64_t parent;
    const char *kind;
    char *subject, *reason;
    entity_id initiator;
    sim_time started_at, ended_at;
    bool over, let_go, failed;
    enum flow_outcome outcome;
    uint32_t messages, under_way;
    sim_time suspended_at, interruption; /* SIM_TIME_NEVER: is not */
};

struct fake_world {
    struct scenario *scenario;
    struct entity *entities;
    struct fake_hop *hops; /* by edge */
    char (*pn_urns)[SECURE_URN_BYTES];
    char (*group_urns)[SECURE_URN_BYTES];
    struct map urns, pns, groups, random_counts;
    sim_time now;
    struct fake_event *events;
    uint64_t numbers, hits;
    struct fake_message *messages; /* by id - 1 */
    size_t message_count, message_capacity;
    struct fake_flow *flows; /* by id - 1 */
    size_t flow_count, flow_capacity;
    uint64_t flow;     /* of the message being handled, or 0 */
    struct buf stores; /* text of fake_stores() */
    char **log;
    size_t log_count, log_capacity;
    uint32_t wrong_events;
    fake_filter *filter;
    void *filter_arg;
};

/* A message is sent for flow `flow` (0: the one of the message being handled): the flow it counts
 * for, or 0; and is over. */
uint64_t fake_flow_take(struct fake_world *w, uint64_t flow);
void fake_flow_message_over(struct fake_world *w, uint64_t flow, const char *outcome);
void fake_flows_free(struct fake_world *w);
/* A line of the log, with the time before it. */
void fake_say(struct fake_world *w, const char *format, ...) SIM_PRINTF(2, 3);
const char *fake_name(const struct fake_world *w, entity_id id);
/* Queues an event, after those of the same time. */
struct fake_event *fake_post(struct fake_world *w, enum fake_event_kind kind, sim_time at,
                             struct entity *to);
void fake_event_free(struct fake_event *e);
/* Tells the entity of its battery, if it asked for that. */
void fake_battery_look(struct entity *e);
/* The hop between two neighbours. */
struct fake_hop *fake_hop(const struct fake_world *w, entity_id a, entity_id b);
/* Breaks its session at both ends. */
void fake_cut(struct fake_hop *hop);

#endif
