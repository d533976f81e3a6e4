#include "sim/core/fsm.h"

static const struct fsm_arc *find_arc(const struct fsm_table *t, uint32_t state, uint32_t event)
{
    for (size_t i = 0; i < t->arc_count; i++) {
        if (t->arcs[i].from == state && t->arcs[i].event == event) {
            return &t->arcs[i];
        }
    }
    return NULL;
}

bool fsm_allows(const struct fsm_table *t, uint32_t state, uint32_t event)
{
    CHECK(state < t->state_count && event < t->event_count);
    return t->arcs != NULL ? find_arc(t, state, event) != NULL
                           : (t->states[state].events & FSM_BIT(event)) != 0;
}

int fsm_check(const struct fsm_table *t, uint32_t from, uint32_t event, uint32_t to)
{
    CHECK(to < t->state_count);
    if (!fsm_allows(t, from, event)) {
        return -SIM_ESTATE;
    }
    bool good = t->arcs != NULL ? (find_arc(t, from, event)->to & FSM_BIT(to)) != 0
                                : to == from || (t->states[from].next & FSM_BIT(to)) != 0;
    return good ? 0 : -SIM_ESTATE;
}

const char *fsm_state_name(const struct fsm_table *t, uint32_t state)
{
    CHECK(state < t->state_count);
    return t->states[state].name;
}

const char *fsm_event_name(const struct fsm_table *t, uint32_t event)
{
    CHECK(event < t->event_count);
    return t->events[event];
}
