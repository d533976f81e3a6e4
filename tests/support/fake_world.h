/* A small world behind sim/world/entity.h for exchange tests: the entities of a scenario text,
 * messages in memory, virtual time, no network and no cryptographic sessions.
 *
 * A hop takes FAKE_LATENCY, a session FAKE_HANDSHAKE to come up; a session keeps the order of its
 * messages. A filter sees each transmission, but for those inside a device, and may lose, repeat,
 * delay or change it. What happens
 * is told as arrows: "pne -> gw: PNEstablishmentRequest", a response with its status,
 * "gw -> pne: PNEstablishmentResponse 200". */
#ifndef TESTS_SUPPORT_FAKE_WORLD_H
#define TESTS_SUPPORT_FAKE_WORLD_H

#include "sim/world/entity.h"

#define FAKE_LATENCY (10 * SIM_MS)
#define FAKE_HANDSHAKE (50 * SIM_MS)
/* A message inside a device. */
#define FAKE_INSIDE (1 * SIM_MS)
/* What a delayed message is late by. */
#define FAKE_DELAY (20 * SIM_S)

struct fake_world;

enum fake_fate {
    FAKE_PASS,
    FAKE_DROP,  /* lost, and nobody is told */
    FAKE_CUT,   /* lost, and its session breaks at both ends */
    FAKE_TWICE, /* arrives two times */
    FAKE_LATE,  /* arrives FAKE_DELAY later */
};

/* One transmission over one hop, before it leaves. */
struct fake_hit {
    const char *type;
    entity_id from, to;
    uint64_t number; /* of all transmissions of the run, from 1 */
    bool in_session;
    int status;
    uint8_t encoding;
    uint64_t flow;         /* that it belongs to, or 0 */
    const char *flow_kind; /* or NULL */
    struct buf *payload;   /* may be changed */
};
typedef enum fake_fate fake_filter(void *arg, struct fake_hit *hit);

/* Loads the scenario from YAML (a failure fails the test) and starts its entities and workload. */
struct fake_world *fake_create(const char *yaml);
void fake_free(struct fake_world *w);
void fake_set_filter(struct fake_world *w, fake_filter *filter, void *arg);
/* Runs until that time, or to the scenario's end. */
void fake_run(struct fake_world *w, sim_time until);
sim_time fake_now(const struct fake_world *w);

/* --- disturbances
 * --------------------------------------------------------------------------------- */

/* The next `count` sessions that `client` opens fail with `reason`. */
void fake_fail_sessions(struct fake_world *w, entity_id client, const char *reason, uint32_t count);
/* The link of `client` to its gateway or server. Down: its session breaks, none comes up. */
void fake_set_link(struct fake_world *w, entity_id client, bool up);
/* The same of any hop, between neighbours. */
void fake_fail_hop(struct fake_world *w, entity_id client, entity_id server, const char *reason,
                   uint32_t count);
void fake_set_hop(struct fake_world *w, entity_id a, entity_id b, bool up);
void fake_meet_hop(struct fake_world *w, entity_id a, entity_id b);
/* The client opens its session with `server`, as it would to send something. */
void fake_connect(struct fake_world *w, const char *client, const char *server);
/* `client` and its gateway or server are told that they came into reach of each other. */
void fake_meet(struct fake_world *w, entity_id client);
/* The entity takes nothing and does nothing; its sessions stay. */
void fake_set_silent(struct fake_world *w, entity_id id, bool silent);
/* The battery of that entity has so much left; it is told if it asked for that. */
void fake_set_battery(struct fake_world *w, entity_id id, int percent);
bool fake_is_silent(const struct fake_world *w, entity_id id);
/* Hands `payload` to `to` as if `from` had sent it in a session that authenticated `peer_urn`, or
 * in the clear (NULL). */
void fake_inject(struct fake_world *w, entity_id from, entity_id to, const char *peer_urn,
                 uint8_t encoding, struct span payload);

/* --- what happened
 * -------------------------------------------------------------------------------- */

entity_id fake_id(const struct fake_world *w, const char *name);
const struct scenario *fake_scenario(const struct fake_world *w);
/* The entity's state block: struct pne, gateway or server. */
void *fake_state(struct fake_world *w, const char *name);
const char *fake_urn(const struct fake_world *w, const char *name);
const char *fake_pn_urn(const struct fake_world *w, const char *pn);
const char *fake_group_urn(const struct fake_world *w, const char *group);
bool fake_connected(const struct fake_world *w, const char *client);
/* How many sessions `client` opened with its gateway or server. */
uint32_t fake_sessions(const struct fake_world *w, const char *client);
/* The same between any neighbours. */
bool fake_hop_connected(const struct fake_world *w, const char *a, const char *b);
uint32_t fake_hop_sessions(const struct fake_world *w, const char *a, const char *b);
/* Transmissions so far. */
uint64_t fake_hits(const struct fake_world *w);
/* Arrivals, refusals ("pne -> gw: X refused: why") and events ("pne ! what: detail") that begin
 * with `line`. */
uint32_t fake_count(const struct fake_world *w, const char *line);
/* The lines happened in that order (others may stand between); prints the log and fails otherwise.
 */
void fake_assert_exchange(const struct fake_world *w, const char *const *lines, size_t count);
#define FAKE_ASSERT_EXCHANGE(w, ...)                                                               \
    fake_assert_exchange((w), (const char *const[]){__VA_ARGS__},                                  \
                         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
/* Sent = delivered + lost + refused + under way: no handler took a message and forgot it. */
void fake_assert_account(const struct fake_world *w);
/* What all entities hold, told as at the end of a run: "srv holds pn home: p/1 member, mode -" and
 * so on, a line a row. Valid until the next call. */
const char *fake_stores(struct fake_world *w);
/* Flows of `kind` (NULL: any) that ended so; and that have not ended. */
uint32_t fake_flows(const struct fake_world *w, const char *kind, enum flow_outcome outcome);
uint32_t fake_flows_open(const struct fake_world *w, const char *kind);
/* The first open flow in words, or "". Static storage. */
const char *fake_open_flow(const struct fake_world *w);
/* Messages of the last flow of `kind`, and how long it was interrupted. */
uint32_t fake_flow_messages(const struct fake_world *w, const char *kind);
sim_time fake_flow_interruption(const struct fake_world *w, const char *kind);
/* Flows of `kind` that were interrupted and are over. */
uint32_t fake_flows_interrupted(const struct fake_world *w, const char *kind);
/* Transitions that a table did not allow. */
uint32_t fake_wrong_events(const struct fake_world *w);
void fake_print(const struct fake_world *w);

#endif
