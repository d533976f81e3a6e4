/* The PNE's battery (cpns-model.md flow 11, US9807158): it tells the server when it is low, says
 * what it has left when it is asked, and takes over as gateway when it is told to. */
#include "models/pne/pne.h"

static entity_id twin_of(const struct pne *p)
{
    const struct entity *e = p->agent.entity;
    return entity_scenario(e)->nodes[entity_self(e)].twin;
}

/* It could be the gateway of its network, and is not. */
static bool is_capable(const struct pne *p)
{
    return twin_of(p) != SCENARIO_NONE && twin_of(p) != p->gateway;
}

void pne_battery_start(struct pne *p)
{
    struct entity *e = p->agent.entity;
    if (entity_on_battery(e)) {
        entity_battery_watch(e, entity_battery_low(e));
    }
}

/* Where the device's gateway serves its network, the gateway speaks for it. */
static void indicate(struct pne *p, int percent)
{
    struct entity *e = p->agent.entity;
    if (p->state != PNE_JOINED || twin_of(p) == p->gateway ||
        agent_waits(&p->agent, CPNS_BATTERY_INDICATION, 0)) {
        return;
    }
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_BATTERY_INDICATION,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_text(&m, CPNS_MODE, is_capable(p) ? "both" : "pne");
    cpns_set_integer(&m, CPNS_BATTERY_LEVEL, percent);
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, 0, "low-battery", entity_name(e, entity_self(e)));
}

void pne_battery_low(struct pne *p, int percent)
{
    entity_battery_watch(p->agent.entity, percent / 2 > 0 ? percent / 2 : -1);
    indicate(p, percent);
}

void pne_battery_joined(struct pne *p)
{
    const struct entity *e = p->agent.entity;
    if (entity_on_battery(e) && entity_battery(e) <= entity_battery_low(e)) {
        indicate(p, entity_battery(e));
    }
}

enum disposition pne_on_battery_answer(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    agent_answered(&p->agent, m, CPNS_BATTERY_INDICATION, &cookie);
    return MESSAGE_DELIVERED;
}

static void say(struct pne *p, const struct cpns_message *m, enum cpns_type type, int status)
{
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, type, m, status);
    if (type == CPNS_SWITCH_INSTRUCTION_RESPONSE) {
        cpns_set_integer(&answer, CPNS_ACCEPT, status == 200);
    } else {
        cpns_set_text(&answer, CPNS_MODE, is_capable(p) ? "both" : "pne");
        cpns_set_integer(&answer, CPNS_BATTERY_LEVEL, entity_battery(p->agent.entity));
    }
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
}

enum disposition pne_on_battery_query(struct pne *p, const struct cpns_message *m)
{
    say(p, m, CPNS_BATTERY_QUERY_RESPONSE, 200);
    return MESSAGE_DELIVERED;
}

/* Nothing sleeps here: that it answers is what the server wants to know [ours]. */
enum disposition pne_on_wake_up(struct pne *p, const struct cpns_message *m)
{
    say(p, m, CPNS_WAKE_UP_RESPONSE, p->state == PNE_JOINED && is_capable(p) ? 200 : 409);
    return MESSAGE_DELIVERED;
}

/* Told again, its answer was lost: it has begun already, or has taken over. */
enum disposition pne_on_switch_instruction(struct pne *p, const struct cpns_message *m)
{
    uint32_t pn = entity_pn_by_urn(p->agent.entity, cpns_text(m, CPNS_PN_ID));
    bool mine = p->state == PNE_JOINED && pn == p->pn &&
                agent_is_me(&p->agent, m, CPNS_CANDIDATE_ID) && twin_of(p) != SCENARIO_NONE;
    say(p, m, CPNS_SWITCH_INSTRUCTION_RESPONSE, mine ? 200 : 409);
    if (mine && is_capable(p) && p->switching == SWITCH_NONE) {
        pne_switch_gateway(p, "low battery");
    }
    return MESSAGE_DELIVERED;
}
