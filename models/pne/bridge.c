#include "models/pne/bridge.h"

#include <stdlib.h>
#include <string.h>

#include "models/pne/pne.h"

void pne_bridge_start(struct pne *p)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    entity_id self = entity_self(e);
    size_t capacity = 0;
    p->bridge.coupled = ENTITY_NONE;
    for (uint32_t i = s->hop_from[self]; i < s->hop_from[self + 1]; i++) {
        const struct scenario_edge *edge = &s->edges[s->hop_edges[i]];
        if (edge->kind == HOP_BRIDGE) {
            *MEM_PUSH(p->bridge.ends, p->bridge.end_count, capacity) =
                (struct bridge_end){.pne = edge->a == self ? edge->b : edge->a,
                                    .network = s->links[edge->link].technology,
                                    .pn = SCENARIO_NONE};
        }
    }
}

void pne_bridge_free(struct pne *p)
{
    free(p->bridge.ends);
}

static struct bridge_end *end_of(const struct pne *p, entity_id pne)
{
    for (size_t i = 0; i < p->bridge.end_count; i++) {
        if (p->bridge.ends[i].pne == pne) {
            return &p->bridge.ends[i];
        }
    }
    return NULL;
}

bool pne_is_bridge(const struct pne *p, entity_id from)
{
    return end_of(p, from) != NULL;
}

/* --- discovery on behalf of the gateway
 * ---------------------------------------------------------------------------- */

static void report_found(struct pne *p)
{
    struct entity *e = p->agent.entity;
    struct cpns_message answer;
    agent_begin(&p->agent, &answer, CPNS_DISCOVERY_EXECUTION_RESPONSE, entity_urn(e, p->gateway));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, p->bridge.execution);
    cpns_set_integer(&answer, CPNS_STATUS, 200);
    for (size_t i = 0; i < p->bridge.end_count; i++) {
        const struct bridge_end *end = &p->bridge.ends[i];
        if (end->pn != SCENARIO_NONE) {
            cpns_add_text(&answer, CPNS_FOUND_DEVICE_ID, span_of_str(entity_urn(e, end->pne)));
            cpns_add_text(&answer, CPNS_FOUND_PN_ID, span_of_str(entity_pn_urn(e, end->pn)));
            cpns_add_text(&answer, CPNS_FOUND_NETWORK, span_of_str(end->network));
        }
    }
    struct agent_route route = pne_route(p);
    route.flow = p->bridge.flow;
    p->bridge.execution = 0;
    agent_send(&p->agent, &answer, &route);
}

static bool anybody_waited_for(const struct pne *p)
{
    bool waiting = false;
    for (size_t i = 0; i < p->bridge.end_count; i++) {
        waiting = waiting || p->bridge.ends[i].waiting;
    }
    return waiting;
}

static void ask_end(struct pne *p, size_t number)
{
    struct entity *e = p->agent.entity;
    struct bridge_end *end = &p->bridge.ends[number];
    struct cpns_message m;
    end->waiting = true;
    end->pn = SCENARIO_NONE;
    agent_begin(&p->agent, &m, CPNS_ENTITY_DISCOVERY_REQUEST, entity_urn(e, end->pne));
    cpns_set_text(&m, CPNS_MODE, "pne");
    cpns_set_text(&m, CPNS_NETWORK, end->network);
    struct agent_route route = agent_route(end->pne);
    route.pn = p->pn;
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    agent_request(&p->agent, &m, &route, number + 1);
}

/* Once more while it is at it: its answer goes to the newest request. */
static enum disposition on_discovery_execution(struct pne *p, const struct cpns_message *m)
{
    bool under_way = p->bridge.execution != 0;
    p->bridge.execution = cpns_integer(m, CPNS_TRANSACTION_ID);
    p->bridge.flow = entity_flow(p->agent.entity);
    for (size_t i = 0; !under_way && i < p->bridge.end_count; i++) {
        ask_end(p, i);
    }
    if (!anybody_waited_for(p)) {
        report_found(p);
    }
    return MESSAGE_DELIVERED;
}

static enum disposition on_found(struct pne *p, const struct cpns_message *m,
                                 struct bridge_end *end)
{
    uint64_t cookie;
    if (agent_answered(&p->agent, m, CPNS_ENTITY_DISCOVERY_REQUEST, &cookie)) {
        end->waiting = false;
        end->pn = cpns_has(m, CPNS_PN_ID)
                      ? entity_pn_by_urn(p->agent.entity, cpns_text(m, CPNS_PN_ID))
                      : SCENARIO_NONE;
        if (p->bridge.execution != 0 && !anybody_waited_for(p)) {
            report_found(p);
        }
    }
    return MESSAGE_DELIVERED;
}

void pne_end_silent(struct pne *p, uint64_t end)
{
    p->bridge.ends[end - 1].waiting = false;
    if (p->bridge.execution != 0 && !anybody_waited_for(p)) {
        report_found(p);
    }
}

/* Another PNE asks who this is: a PNE, and in which PN. */
static enum disposition tell_end(struct pne *p, const struct cpns_message *m, entity_id from)
{
    struct entity *e = p->agent.entity;
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_ENTITY_DISCOVERY_RESPONSE, m, 200);
    cpns_set_text(&answer, CPNS_MODE, "pne");
    if (p->state == PNE_JOINED) {
        cpns_set_text(&answer, CPNS_PN_ID, entity_pn_urn(e, p->pn));
        cpns_set_text(&answer, CPNS_PN_NAME, entity_scenario(e)->pns[p->pn].alias);
    }
    struct agent_route route = agent_route(from);
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

/* --- setup and relaying
 * --------------------------------------------------------------------------------- */

/* Nobody there to ask: the bridge is denied on the gateway's behalf. */
static enum disposition deny(struct pne *p, const struct cpns_message *m, entity_id to, int status)
{
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_BRIDGE_SETUP_RESPONSE, m, status);
    cpns_set_integer(&answer, CPNS_ACCEPT, 0);
    struct agent_route route = agent_route(to);
    route.pn = p->pn;
    agent_send(&p->agent, &answer, &route);
    return agent_refuse(&p->agent, status == 404 ? "404" : "503");
}

static void couple(struct pne *p, entity_id end)
{
    if (p->bridge.coupled != end) {
        p->bridge.coupled = end;
        entity_event(p->agent.entity, "bridge_coupled", entity_name(p->agent.entity, end));
    }
}

static enum disposition hand_on(struct pne *p, struct cpns_message *m, const struct received *r)
{
    return p->bridge.coupled != ENTITY_NONE
               ? agent_relay(&p->agent, m, p->bridge.coupled, EXEMPT_BRIDGE, r)
               : agent_refuse(&p->agent, "no_bridge");
}

/* From the gateway: its own request goes to the PNE that is in that PN, its answer back the way
 * that the request came. */
static enum disposition on_bridge_setup(struct pne *p, struct cpns_message *m,
                                        const struct received *r)
{
    uint32_t wanted = entity_pn_by_urn(p->agent.entity, cpns_text(m, CPNS_PEER_PN_ID));
    for (size_t i = 0; i < p->bridge.end_count; i++) {
        if (p->bridge.ends[i].pn == wanted && wanted != SCENARIO_NONE) {
            couple(p, p->bridge.ends[i].pne);
            return hand_on(p, m, r);
        }
    }
    return deny(p, m, r->from, 404);
}

bool pne_couples(const struct pne *p, const struct cpns_message *m)
{
    bool access = m->type == CPNS_SERVICE_ACCESS_REQUEST || m->type == CPNS_SERVICE_ACCESS_RESPONSE;
    return m->type == CPNS_DISCOVERY_EXECUTION_REQUEST || m->type == CPNS_BRIDGE_SETUP_REQUEST ||
           m->type == CPNS_BRIDGE_SETUP_RESPONSE ||
           (access && p->bridge.coupled != ENTITY_NONE &&
            !agent_is_me(&p->agent, m, CPNS_TARGET_ID));
}

enum disposition pne_on_coupling(struct pne *p, struct cpns_message *m, const struct received *r)
{
    if (m->type == CPNS_DISCOVERY_EXECUTION_REQUEST) {
        return on_discovery_execution(p, m);
    }
    return m->type == CPNS_BRIDGE_SETUP_REQUEST ? on_bridge_setup(p, m, r) : hand_on(p, m, r);
}

/* Only what a bridge is for; everything else has no business outside a session. */
enum disposition pne_on_bridge(struct pne *p, struct cpns_message *m, const struct received *r)
{
    struct bridge_end *end = end_of(p, r->from);
    CHECK(end != NULL);
    switch (m->type) {
    case CPNS_ENTITY_DISCOVERY_REQUEST:
        return tell_end(p, m, r->from);
    case CPNS_ENTITY_DISCOVERY_RESPONSE:
        return on_found(p, m, end);
    case CPNS_BRIDGE_SETUP_REQUEST:
        if (p->state != PNE_JOINED) {
            return deny(p, m, r->from, 503);
        }
        end->pn = cpns_has(m, CPNS_PN_ID)
                      ? entity_pn_by_urn(p->agent.entity, cpns_text(m, CPNS_PN_ID))
                      : SCENARIO_NONE;
        couple(p, r->from);
        return agent_relay(&p->agent, m, p->gateway, EXEMPT_NOT, r);
    case CPNS_BRIDGE_SETUP_RESPONSE:
    case CPNS_SERVICE_ACCESS_REQUEST:
    case CPNS_SERVICE_ACCESS_RESPONSE:
        return p->state == PNE_JOINED && p->bridge.coupled == r->from
                   ? agent_relay(&p->agent, m, p->gateway, EXEMPT_NOT, r)
                   : agent_refuse(&p->agent, "no_bridge");
    default:
        return agent_refuse(&p->agent, "outside_session");
    }
}
