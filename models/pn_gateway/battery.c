/* The gateway's battery (cpns-model.md flow 11, US9807158): when it is low, the server is told for
 * each network that the gateway serves, and again each time that it has halved. [ours]: where
 * nobody could take over, it asks again a few times, a keep-alive period apart: members come and
 * go. */
#include "models/pn_gateway/gateway.h"

enum { TRIES = 3 };

void gateway_battery_start(struct gateway *g)
{
    struct entity *e = g->agent.entity;
    if (entity_on_battery(e)) {
        entity_battery_watch(e, entity_battery_low(e));
    }
}

static void indicate(struct gateway *g, size_t i, int percent)
{
    struct entity *e = g->agent.entity;
    const struct pn *pn = &g->pns[i];
    if (!pn->serving || pn->state != PN_ACTIVE ||
        agent_waits(&g->agent, CPNS_BATTERY_INDICATION, i)) {
        return;
    }
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_BATTERY_INDICATION, entity_urn(e, g->server));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&m, CPNS_MODE, "pn_gw");
    cpns_set_integer(&m, CPNS_BATTERY_LEVEL, percent);
    struct agent_route route = gateway_route(g->server, pn);
    agent_request_flow(&g->agent, &m, &route, i, "low-battery", entity_name(e, entity_self(e)));
}

void gateway_battery_low(struct gateway *g, int percent)
{
    entity_battery_watch(g->agent.entity, percent / 2 > 0 ? percent / 2 : -1);
    g->battery_tries = 0;
    for (size_t i = 0; i < g->pn_count; i++) {
        indicate(g, i, percent);
    }
}

void gateway_battery_serves(struct gateway *g, const struct pn *pn)
{
    const struct entity *e = g->agent.entity;
    if (entity_on_battery(e) && entity_battery(e) <= entity_battery_low(e)) {
        indicate(g, (size_t)(pn - g->pns), entity_battery(e));
    }
}

enum disposition gateway_on_battery_answer(struct gateway *g, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    uint64_t pn;
    if (cpns_integer(m, CPNS_STATUS) == 202) {
        agent_in_progress(&g->agent, m, CPNS_BATTERY_INDICATION);
    } else if (agent_answered(&g->agent, m, CPNS_BATTERY_INDICATION, &pn) &&
               cpns_integer(m, CPNS_STATUS) != 200 && ++g->battery_tries < TRIES) {
        entity_timer_set(e, entity_scenario(e)->timers.keep_alive, GATEWAY_TIMER_BATTERY, pn);
    }
    return MESSAGE_DELIVERED;
}
