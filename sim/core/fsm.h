/* State machines as tables: state -> allowed events, allowed next states. An event or a next state
 * that the table does not allow is a protocol error for the caller to record, never a crash. */
#ifndef SIM_CORE_FSM_H
#define SIM_CORE_FSM_H

#include "sim/core/base.h"

#define FSM_BIT(x) (UINT32_C(1) << (x))

struct fsm_state {
    const char *name;
    uint32_t events; /* FSM_BIT of each event allowed here */
    uint32_t next;   /* FSM_BIT of each state that may follow */
};

struct fsm_table {
    const char *name; /* of the machine, e.g. "pne" */
    const struct fsm_state *states;
    size_t state_count; /* at most 32 */
    const char *const *events;
    size_t event_count; /* at most 32 */
};

/* Whether `event` is allowed in `state`. */
bool fsm_allows(const struct fsm_table *t, uint32_t state, uint32_t event);
/* 0 when `event` may take `from` to `to` (staying is allowed whenever the event is); else
 * -SIM_ESTATE. */
int fsm_check(const struct fsm_table *t, uint32_t from, uint32_t event, uint32_t to);
const char *fsm_state_name(const struct fsm_table *t, uint32_t state);
const char *fsm_event_name(const struct fsm_table *t, uint32_t event);

#endif
