/* DeviceCapabilities at the gateway (US9131360): it answers for itself and for PNEs that it knows
 * already, and relays to the others. */
#include "models/pn_gateway/gateway.h"

static enum disposition answer(struct gateway *g, const struct cpns_message *m, int status,
                               const struct capability_known *known)
{
    struct capability_text text;
    struct cpns_message a;
    agent_answer(&g->agent, &a, CPNS_DEVICE_CAPABILITIES_RESPONSE, m, status);
    cpns_add_text(&a, CPNS_PNE_ID, cpns_text(m, CPNS_TARGET_ID));
    if (known != NULL) {
        capability_repeat(known, &a);
    } else if (status == 200) {
        cpns_set_text(&a, CPNS_MODE, "pn_gw");
        cpns_set_text(&a, CPNS_PNE_INFO,
                      entity_name(g->agent.entity, entity_self(g->agent.entity)));
        capability_tell(&g->agent, &text, &a);
        cpns_set_integer(&a, CPNS_BATTERY_LEVEL, entity_battery(g->agent.entity));
    }
    struct agent_route route = gateway_route(g->server, NULL);
    agent_send(&g->agent, &a, &route);
    return MESSAGE_DELIVERED;
}

enum disposition gateway_on_capabilities_request(struct gateway *g, struct cpns_message *m,
                                                 const struct received *r)
{
    struct pn *pn;
    entity_id target = agent_entity(&g->agent, m, CPNS_TARGET_ID);
    if (target == entity_self(g->agent.entity)) {
        return answer(g, m, 200, NULL);
    }
    const struct member *member = target != ENTITY_NONE ? gateway_member(g, target, &pn) : NULL;
    if (member == NULL || member->state != MEMBER_REGISTERED) {
        answer(g, m, 404, NULL);
        return agent_refuse(&g->agent, "404");
    }
    const struct capability_known *known = capability_find(&g->devices, target);
    if (known != NULL) {
        return answer(g, m, 200, known);
    }
    if (!entity_connected(g->agent.entity, target)) {
        answer(g, m, 503, NULL); /* only the PNE can open its session */
        return agent_refuse(&g->agent, "503");
    }
    return agent_relay(&g->agent, m, target, EXEMPT_NOT, r);
}

enum disposition gateway_on_capabilities_answer(struct gateway *g, struct cpns_message *m,
                                                const struct received *r)
{
    if (cpns_integer(m, CPNS_STATUS) == 200) {
        capability_keep(&g->devices, r->from, m, entity_now(g->agent.entity));
    }
    return agent_relay(&g->agent, m, g->server, EXEMPT_NOT, r);
}
