#include "models/cpns/keep_alive.h"

enum { UNANSWERED_MAX = 2 };

static void set_timer(struct keep_alive *k, struct agent *a)
{
    if (!k->running) {
        k->running = true;
        entity_timer_set(a->entity, entity_scenario(a->entity)->timers.keep_alive, KEEP_ALIVE_TIMER,
                         0);
    }
}

void keep_alive_seen(struct keep_alive *k, struct agent *a, enum cpns_type type)
{
    k->unanswered = 0;
    if (type != CPNS_KEEP_ALIVE) {
        k->last_used = entity_now(a->entity);
    }
    set_timer(k, a);
}

bool keep_alive_timer(struct keep_alive *k, struct agent *a, entity_id peer,
                      const struct agent_route *route)
{
    struct entity *e = a->entity;
    const struct scenario_timers *t = &entity_scenario(e)->timers;
    k->running = false;
    if (!entity_connected(e, peer)) {
        return false;
    }
    if (k->unanswered >= UNANSWERED_MAX) {
        entity_event(e, "peer_lost", entity_name(e, peer));
        entity_disconnect(e, peer, "keep_alive");
        return true;
    }
    sim_time quiet = entity_now(e) - k->last_used;
    if (quiet >= t->idle_close && !agent_waits_for(a, peer)) {
        entity_disconnect(e, peer, "idle");
        return false;
    }
    if (quiet >= t->keep_alive) {
        struct cpns_message m;
        agent_begin(a, &m, CPNS_KEEP_ALIVE, entity_urn(e, peer));
        k->unanswered++;
        agent_send(a, &m, route);
    }
    set_timer(k, a);
    return false;
}
