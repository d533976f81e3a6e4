/* Messages to a Service Group (cpns-model.md flow 8, US20110246605): one copy to each gateway with
 * members other than the sender. */
#include "models/cpns_server/server.h"

enum disposition server_on_group_message(struct server *s, struct cpns_message *m,
                                         const struct received *r)
{
    struct entity *e = s->agent.entity;
    uint32_t number = server_group_of(s, m);
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (number == SCENARIO_NONE || !s->groups[number].stored) {
        return agent_refuse(&s->agent, "unknown_group");
    }
    const struct inventory_group *g = &s->groups[number];
    if (!entity_list_has(&g->members, origin) || !server_is_registered(s, origin, r->from)) {
        return agent_refuse(&s->agent, "not_a_member");
    }
    const char *why;
    if (!server_group_key_taken(s, number, m, &why)) {
        return agent_refuse(&s->agent, why);
    }
    struct map told = {0};
    uint64_t seen;
    for (size_t i = 0; i < g->members.count; i++) {
        entity_id pne = g->members.items[i];
        if (pne == origin || !server_is_registered(s, pne, ENTITY_NONE) ||
            map_get(&told, server_subscriber(s, pne)->gateway, &seen)) {
            continue;
        }
        struct agent_route route = agent_route(server_subscriber(s, pne)->gateway);
        route.exempt = r->in_session ? EXEMPT_NOT : agent_group_exemption(&s->agent);
        route.group = number;
        route.copy_of = r->message_id;
        map_set(&told, route.peer, 1);
        agent_copy(&s->agent, m, &route, entity_scenario(e)->groups[number].id);
    }
    map_fini(&told);
    return MESSAGE_DELIVERED;
}
