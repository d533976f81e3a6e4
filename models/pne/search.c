/* Looking for a gateway (cpns-model.md flow 1), also among several: a PNE that has lost its gateway
 * asks all that may serve its PN whether they do; where none does, it asks the first that answered
 * to take over (flow 9). */
#include "models/cpns/gateways.h"
#include "models/pne/pne.h"

/* The gateways in reach of its links that may serve its PN, from `number` on; false beyond the
 * last. */
static bool next_gateway(const struct pne *p, size_t *number, entity_id *ret)
{
    const struct entity *e = p->agent.entity;
    struct neighbour n;
    while (entity_neighbour(e, (*number)++, &n)) {
        if ((n.kind == HOP_PNE_GATEWAY || n.kind == HOP_INTERNAL) && p->pn != SCENARIO_NONE &&
            gateway_may_serve(entity_scenario(e), p->pn, n.id)) {
            *ret = n.id;
            return true;
        }
    }
    return false;
}

bool pne_has_choice(const struct pne *p)
{
    size_t number = 0;
    size_t choices = 0;
    entity_id gateway;
    while (choices < 2 && next_gateway(p, &number, &gateway)) {
        choices++;
    }
    return choices > 1;
}

static void ask(struct pne *p, entity_id gateway, bool which)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    uint32_t link = scenario_hop(s, entity_self(e), gateway)->link;
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_ENTITY_DISCOVERY_REQUEST, NULL);
    cpns_set_text(&m, CPNS_MODE, "pne");
    cpns_set_text(&m, CPNS_NETWORK, link != SCENARIO_NONE ? s->links[link].technology : "internal");
    if (which) {
        cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    }
    struct agent_route route = agent_route(gateway);
    route.pn = p->pn;
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    route.flow = p->flow;
    agent_request(&p->agent, &m, &route, gateway);
}

void pne_look_for_gateway(struct pne *p)
{
    struct entity *e = p->agent.entity;
    p->willing = ENTITY_NONE;
    if (!pne_has_choice(p) || (!p->was_member && p->failures == 0)) {
        ask(p, p->gateway, false);
        return;
    }
    size_t number = 0;
    entity_id gateway;
    while (next_gateway(p, &number, &gateway)) {
        ask(p, gateway, true);
    }
    entity_timer_cancel(e, p->look);
    p->look = entity_timer_set(e, entity_scenario(e)->timers.request, PNE_TIMER_LOOK, 0);
}

void pne_stop_looking(struct pne *p)
{
    size_t number = 0;
    entity_id gateway;
    entity_timer_cancel(p->agent.entity, p->look);
    p->look = 0;
    agent_forget(&p->agent, p->gateway, CPNS_ENTITY_DISCOVERY_REQUEST);
    while (next_gateway(p, &number, &gateway)) {
        agent_forget(&p->agent, gateway, CPNS_ENTITY_DISCOVERY_REQUEST);
    }
}

bool pne_looks(const struct pne *p)
{
    size_t number = 0;
    entity_id gateway;
    bool looks = agent_waits(&p->agent, CPNS_ENTITY_DISCOVERY_REQUEST, p->gateway);
    while (!looks && next_gateway(p, &number, &gateway)) {
        looks = agent_waits(&p->agent, CPNS_ENTITY_DISCOVERY_REQUEST, gateway);
    }
    return looks;
}

static bool found(struct pne *p, entity_id gateway)
{
    pne_stop_looking(p);
    if (!pne_move(p, PNE_EV_DISCOVERED, PNE_ESTABLISHING)) {
        return false;
    }
    if (p->gateway != gateway) {
        p->gateway = gateway;
        entity_event(p->agent.entity, "gateway_found", entity_name(p->agent.entity, gateway));
    }
    pne_ask_establishment(p);
    return true;
}

enum disposition pne_on_discovery_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t gateway;
    if (!agent_answered(&p->agent, m, CPNS_ENTITY_DISCOVERY_REQUEST, &gateway)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    if (cpns_integer(m, CPNS_STATUS) == 503) {
        return MESSAGE_DELIVERED; /* serves it, but is cut off from the server */
    }
    if (cpns_integer(m, CPNS_STATUS) != 200) { /* it could, but does not serve this PN */
        p->willing = gateway < p->willing ? (entity_id)gateway : p->willing;
        if (p->look == 0) { /* the others had their time */
            pne_on_look(p);
        }
        return MESSAGE_DELIVERED;
    }
    return found(p, (entity_id)gateway) ? MESSAGE_DELIVERED
                                        : agent_refuse(&p->agent, "protocol_error");
}

/* Nobody in reach serves the PN: the first that could is asked to; they agree on it through the
 * server. */
void pne_on_look(struct pne *p)
{
    p->look = 0;
    if (p->state == PNE_DISCOVERING && p->willing != ENTITY_NONE) {
        found(p, p->willing);
    }
}

/* --- the gateway is lost, or may be ---------------------------------------------------------- */

/* Somebody looks for the gateway that this PNE has: is it still there? */
void pne_check_gateway(struct pne *p)
{
    struct entity *e = p->agent.entity;
    if (p->state != PNE_JOINED || p->checking) {
        return;
    }
    struct cpns_message m;
    struct agent_route route = pne_route(p);
    p->checking = true;
    p->heard = false;
    agent_begin(&p->agent, &m, CPNS_KEEP_ALIVE, entity_urn(e, p->gateway));
    agent_send(&p->agent, &m, &route);
    entity_timer_set(e, entity_scenario(e)->timers.request, PNE_TIMER_CHECK, p->gateway);
}

void pne_on_check(struct pne *p, entity_id gateway)
{
    struct entity *e = p->agent.entity;
    p->checking = false;
    if (p->state == PNE_JOINED && p->gateway == gateway && !p->heard) {
        entity_event(e, "peer_lost", entity_name(e, gateway));
        pne_comes_back(p, false);
    }
}

/* Requests through a lost gateway wait for another where there may be one. */
void pne_park(struct pne *p)
{
    pne_stop_looking(p);
    agent_forget(&p->agent, p->gateway, CPNS_PN_ESTABLISHMENT_REQUEST);
    if (pne_has_choice(p)) {
        agent_park(&p->agent, p->gateway);
    } else {
        agent_forget(&p->agent, p->gateway, CPNS_TYPE_COUNT);
    }
}
