/* Release of a PN (cpns-model.md flow 10), by a member or by the gateway: the server deletes it,
 * the members are told and close their sessions. */
#include "models/pn_gateway/gateway.h"

void gateway_ask_release(struct gateway *g, uint32_t number)
{
    struct entity *e = g->agent.entity;
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        if (pn->number != number || pn->state != PN_ACTIVE) {
            continue;
        }
        struct cpns_message m;
        agent_begin(&g->agent, &m, CPNS_PN_RELEASE_REQUEST, entity_urn(e, g->server));
        cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, number));
        struct agent_route route = gateway_route(g->server, pn);
        agent_request_flow(&g->agent, &m, &route, i, "pn-release",
                           entity_scenario(e)->pns[number].id);
        return;
    }
    entity_event(e, "work_skipped", "pn-release: no such personal network here");
}

void gateway_released(struct gateway *g, struct pn *pn, entity_id except)
{
    struct entity *e = g->agent.entity;
    if (!pn_move(g, pn, PN_EV_RELEASED, PN_NONE)) {
        return;
    }
    entity_event(e, "pn_released", entity_scenario(e)->pns[pn->number].id);
    for (size_t i = 0; i < pn->member_count; i++) {
        struct member *m = &pn->members[i];
        bool told = m->state == MEMBER_REGISTERED && m->pne != except;
        entity_timer_cancel(e, m->guard);
        gateway_end_flows(g, m, 410);
        entity_timer_cancel(e, m->again);
        agent_forget_cookie(&g->agent, CPNS_PN_LEAVE, m->pne);
        *m = (struct member){.pne = m->pne,
                             .state = MEMBER_ABSENT,
                             .candidate = m->candidate,
                             .outside = m->candidate};
        gateway_group_forget(g, m->pne);
        capability_forget(&g->devices, m->pne);
        if (told && entity_connected(e, m->pne)) {
            struct cpns_message notice;
            agent_begin(&g->agent, &notice, CPNS_PN_RELEASE_NOTIFICATION, entity_urn(e, m->pne));
            cpns_set_text(&notice, CPNS_PN_ID, entity_pn_urn(e, pn->number));
            struct agent_route route = gateway_route(m->pne, pn);
            agent_send(&g->agent, &notice, &route);
        }
    }
    pn->awaited = 0;
    pn->registering = pn->emptying = false;
    pn->admin = entity_scenario(e)->pns[pn->number].admin;
}

enum disposition gateway_on_release_response(struct gateway *g, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&g->agent, m, CPNS_PN_RELEASE_REQUEST, &cookie) &&
        (cpns_integer(m, CPNS_STATUS) == 200 || cpns_integer(m, CPNS_STATUS) == 404)) {
        gateway_released(g, &g->pns[cookie], ENTITY_NONE);
    }
    return MESSAGE_DELIVERED;
}
