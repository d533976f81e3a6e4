/* Keep-alive of a hop by its client (PNE towards gateway, gateway towards server) [ours]: each
 * period without other traffic asks whether the other side is there; two unanswered in a row say
 * no. A session that carried nothing else for long is closed in order; the next message opens it
 * again. */
#ifndef MODELS_CPNS_KEEP_ALIVE_H
#define MODELS_CPNS_KEEP_ALIVE_H

#include "models/cpns/agent.h"

enum { KEEP_ALIVE_TIMER = 1001 };

struct keep_alive {
    sim_time last_used;  /* the session carried something else than keep-alives */
    uint32_t unanswered; /* in a row */
    bool running;        /* the timer is set */
};

/* The session stands, or carried a message of `type` (CPNS_TYPE_COUNT: none). */
void keep_alive_seen(struct keep_alive *k, struct agent *a, enum cpns_type type);
/* For the timer handler, kind KEEP_ALIVE_TIMER. True when the other side is gone: its session is
 * closed then. */
bool keep_alive_timer(struct keep_alive *k, struct agent *a, entity_id peer,
                      const struct agent_route *route);

#endif
