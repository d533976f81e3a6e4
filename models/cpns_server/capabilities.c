/* The server asks what devices can do (US9131360): a gateway, or a PNE through its gateway. */
#include "models/cpns_server/server.h"

void server_ask_capabilities(struct server *s, entity_id device)
{
    struct entity *e = s->agent.entity;
    const struct scenario_node *n = &entity_scenario(e)->nodes[device];
    bool gateway = n->role == ROLE_GATEWAY && n->peer == entity_self(e);
    if (!gateway && (n->role != ROLE_PNE || !server_is_registered(s, device, ENTITY_NONE))) {
        entity_event(e, "work_skipped", "device-capabilities: not registered here");
        return;
    }
    if (agent_waits(&s->agent, CPNS_DEVICE_CAPABILITIES_REQUEST, device)) {
        return; /* asked already */
    }
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_DEVICE_CAPABILITIES_REQUEST, entity_urn(e, device));
    struct agent_route route = gateway ? agent_route(device) : server_route(s, device);
    if (route.pn != SCENARIO_NONE) {
        cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, route.pn));
    }
    agent_request_flow(&s->agent, &m, &route, device, "device-capabilities",
                       entity_name(e, device));
}

enum disposition server_on_capabilities(struct server *s, const struct cpns_message *m,
                                        entity_id from)
{
    struct entity *e = s->agent.entity;
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    uint64_t device;
    if (origin != from && !server_is_registered(s, origin, from)) {
        return agent_refuse(&s->agent, "403"); /* of a PNE that is not behind that gateway */
    }
    if (!agent_answered(&s->agent, m, CPNS_DEVICE_CAPABILITIES_REQUEST, &device)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    if (cpns_integer(m, CPNS_STATUS) == 200) {
        capability_keep(&s->devices, (entity_id)device, m, entity_now(e));
        entity_event(e, "capabilities_known", entity_name(e, (entity_id)device));
    } else {
        server_capabilities_unknown(s, (entity_id)device);
    }
    return MESSAGE_DELIVERED;
}

void server_capabilities_unknown(struct server *s, entity_id device)
{
    entity_event(s->agent.entity, "capabilities_unknown", entity_name(s->agent.entity, device));
}
