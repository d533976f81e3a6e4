/* State machines as tables: state -> events allowed -> states that may follow. An event or a next
 * state that the table does not allow is a protocol error for the caller to record, never a crash.
 * The tables also carry what documentation is made of (models/machines/). */
#ifndef SIM_CORE_FSM_H
#define SIM_CORE_FSM_H

#include "sim/core/base.h"

#define FSM_BIT(x) (UINT32_C(1) << (x))

struct fsm_state {
    const char *name;
    /* Of a table without arcs: */
    uint32_t events; /* FSM_BIT of each event allowed here */
    uint32_t next;   /* FSM_BIT of each state that may follow */
    const char *doc; /* what it means, or NULL */
};

/* An event that a state allows, and where it leads. */
struct fsm_arc {
    uint32_t from, event;
    uint32_t to; /* FSM_BIT of each state that may follow, `from` among them where it may stay */
    const char *note; /* what is particular about it, or NULL */
};

struct fsm_table {
    const char *name; /* of the machine, e.g. "pne" */
    const struct fsm_state *states;
    size_t state_count; /* at most 32; the first is where it begins */
    const char *const *events;
    size_t event_count; /* at most 32 */
    /* NULL: the states tell their events and next states, and staying is always allowed. */
    const struct fsm_arc *arcs;
    size_t arc_count;
    const char *doc;               /* what it is a machine of: a sentence */
    const char *const *event_docs; /* of each event, or NULL; or NULL */
};

/* Whether `event` is allowed in `state`. */
bool fsm_allows(const struct fsm_table *t, uint32_t state, uint32_t event);
/* 0 when `event` may take `from` to `to`; else -SIM_ESTATE. */
int fsm_check(const struct fsm_table *t, uint32_t from, uint32_t event, uint32_t to);
const char *fsm_state_name(const struct fsm_table *t, uint32_t state);
const char *fsm_event_name(const struct fsm_table *t, uint32_t event);

#endif
