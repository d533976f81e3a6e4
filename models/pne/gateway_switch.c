/* Gateway switching at the PNE (cpns-model.md flow 9, US9491140): as the candidate, whose device
 * has a gateway that takes over, and as a member that follows to the new gateway. */
#include "models/pne/pne.h"

static entity_id twin_of(const struct pne *p)
{
    const struct entity *e = p->agent.entity;
    return entity_scenario(e)->nodes[entity_self(e)].twin;
}

/* --- the candidate --------------------------------------------------------------------------- */

static void ask(struct pne *p, entity_id to, const char *reason)
{
    struct entity *e = p->agent.entity;
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_GW_SWITCH_REQUEST, entity_urn(e, to));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, entity_self(e)));
    cpns_set_text(&m, CPNS_MODE, "both");
    cpns_set_text(&m, CPNS_OLD_GATEWAY_ID, entity_urn(e, p->gateway));
    cpns_set_text(&m, CPNS_NEW_GATEWAY_ID, entity_urn(e, twin_of(p)));
    if (reason != NULL) {
        cpns_set_text(&m, CPNS_REASON, reason);
    }
    struct agent_route route = agent_route(to);
    route.pn = p->pn;
    route.flow = p->switch_flow;
    agent_request(&p->agent, &m, &route, p->pn);
}

static void over(struct pne *p, enum flow_outcome outcome, const char *reason)
{
    p->switching = SWITCH_NONE;
    entity_flow_end(p->agent.entity, p->switch_flow, outcome, reason);
    p->switch_flow = 0;
    if (outcome != FLOW_DONE) {
        entity_event(p->agent.entity, "gateway_switch_failed", reason);
    }
}

void pne_switch_gateway(struct pne *p, const char *reason)
{
    struct entity *e = p->agent.entity;
    entity_id twin = twin_of(p);
    if (p->state != PNE_JOINED || twin == SCENARIO_NONE || p->gateway == twin ||
        p->switching != SWITCH_NONE) {
        entity_event(e, "work_skipped",
                     p->gateway == twin            ? "gateway-switch: it is the gateway already"
                     : p->switching != SWITCH_NONE ? "gateway-switch: at it already"
                                                   : "gateway-switch: in no personal network");
        return;
    }
    p->switching = SWITCH_ASKED;
    p->switch_flow = entity_flow_begin(e, "gateway-switch", entity_scenario(e)->pns[p->pn].id);
    ask(p, p->gateway, reason);
}

void pne_switch_stop(struct pne *p, const char *reason)
{
    if (p->switching == SWITCH_ASKED) {
        agent_forget(&p->agent, p->gateway, CPNS_GW_SWITCH_REQUEST);
        over(p, FLOW_FAILED, reason);
    }
}

void pne_switch_gave_up(struct pne *p, entity_id peer)
{
    if (p->switching == (peer == twin_of(p) ? SWITCH_TAKING : SWITCH_ASKED)) {
        over(p, FLOW_TIMEOUT, "no answer");
    }
}

/* The device's gateway serves the PN now. Its old gateway, where it is still there, tells the
 * others. */
static void taken_over(struct pne *p)
{
    struct entity *e = p->agent.entity;
    entity_id old = p->gateway;
    entity_id twin = twin_of(p);
    over(p, FLOW_DONE, NULL);
    if (old == twin) {
        return; /* heard already */
    }
    if (p->state == PNE_JOINED && entity_connected(e, old)) {
        struct cpns_message m;
        agent_begin(&p->agent, &m, CPNS_GW_CHANGE, entity_urn(e, old));
        cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
        cpns_set_text(&m, CPNS_NEW_GATEWAY_ID, entity_urn(e, twin));
        cpns_set_text(&m, CPNS_OLD_GATEWAY_ID, entity_urn(e, old));
        struct agent_route route = pne_route(p);
        agent_send(&p->agent, &m, &route);
    }
    pne_follow(p, twin);
}

static void refused(struct pne *p, const struct cpns_message *m)
{
    entity_id other = agent_entity(&p->agent, m, CPNS_NEW_GATEWAY_ID);
    over(p, FLOW_REFUSED, "refused");
    if (other != ENTITY_NONE && other != p->gateway) { /* another was faster */
        pne_follow(p, other);
    }
}

enum disposition pne_on_switch_response(struct pne *p, const struct cpns_message *m, entity_id from)
{
    int64_t status = cpns_integer(m, CPNS_STATUS);
    uint64_t cookie;
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_GW_SWITCH_REQUEST);
        return MESSAGE_DELIVERED;
    }
    if (!agent_answered(&p->agent, m, CPNS_GW_SWITCH_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    if (p->switching == SWITCH_TAKING && from == twin_of(p)) {
        if (status == 200) {
            taken_over(p);
        } else {
            refused(p, m);
        }
    } else if (p->switching == SWITCH_ASKED && from == p->gateway) {
        if (status == 200) {
            p->switching = SWITCH_TAKING;
            ask(p, twin_of(p), NULL);
        } else {
            refused(p, m);
        }
    }
    return MESSAGE_DELIVERED;
}

/* --- following to the new gateway ------------------------------------------------------------ */

void pne_change_over(struct pne *p, int64_t status)
{
    if (p->change_flow != 0) {
        agent_flow_answered(&p->agent, p->change_flow, status);
        p->change_flow = 0;
    }
}

/* A member goes over with what it is waiting for; the new gateway's answer to a keep-alive says
 * whether it has it as a member. */
static void move(struct pne *p, entity_id gateway)
{
    struct entity *e = p->agent.entity;
    entity_id old = p->gateway;
    pne_switch_stop(p, "another gateway took over");
    pne_change_over(p, 503);
    pne_move(p, PNE_EV_SWITCHED, PNE_JOINED);
    p->change_flow = entity_flow_begin(e, "gateway-change", entity_name(e, gateway));
    p->gateway = gateway;
    p->broken = false;
    entity_event(e, "gateway_changed", entity_name(e, gateway));
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_KEEP_ALIVE, entity_urn(e, gateway));
    struct agent_route route = pne_route(p);
    route.flow = p->change_flow;
    agent_send(&p->agent, &m, &route); /* the world opens the session first: R3 */
    agent_move(&p->agent, old, gateway);
    entity_disconnect(e, old, "gateway_switched");
}

void pne_follow(struct pne *p, entity_id gateway)
{
    struct entity *e = p->agent.entity;
    if (gateway == p->gateway) {
        return;
    }
    if (p->state == PNE_JOINED) {
        move(p, gateway);
        return;
    }
    pne_stop_looking(p);
    agent_forget(&p->agent, p->gateway, CPNS_TYPE_COUNT);
    entity_disconnect(e, p->gateway, "gateway_switched");
    if (pne_may(p, PNE_EV_SWITCHED)) { /* on its way back in: begins again, there */
        pne_end_flow(p, PNE_EV_SWITCHED, "gateway switched");
        pne_move(p, PNE_EV_SWITCHED, PNE_IDLE);
    }
    p->gateway = gateway;
    entity_timer_cancel(e, p->retry);
    pne_asks_itself(p);
    pne_begin(p);
}

enum disposition pne_on_gateway_change(struct pne *p, const struct cpns_message *m, entity_id from)
{
    struct entity *e = p->agent.entity;
    entity_id gateway = agent_entity(&p->agent, m, CPNS_NEW_GATEWAY_ID);
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    if (from != p->gateway || pn != p->pn || pn == SCENARIO_NONE) {
        return agent_refuse(&p->agent, "not_my_gateway");
    }
    if (gateway != ENTITY_NONE &&
        scenario_hop(entity_scenario(e), entity_self(e), gateway) != NULL) {
        pne_follow(p, gateway);
    } else {
        pne_comes_back(p, true); /* not in reach of its links: whoever else serves the PN */
    }
    return MESSAGE_DELIVERED;
}
