/* Messages to a Service Group (cpns-model.md flow 8, US20110246605): one copy to each gateway with
 * members other than the sender. Between servers [ours]: the message goes to the group's home,
 * which checks it and sends one copy to each other server with members, for its gateways. */
#include "models/cpns_server/server.h"

/* Copies for members other than the sender; `passed_on`: it came from the home, so that only the
 * gateways here are left. */
static void copy(struct server *s, struct cpns_message *m, const struct received *r,
                 uint32_t number, bool passed_on)
{
    const struct inventory_group *g = &s->groups[number];
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    struct map told = {0};
    uint64_t seen;
    for (size_t i = 0; i < g->members.count; i++) {
        entity_id pne = g->members.items[i];
        if (pne == origin || !server_is_registered(s, pne, ENTITY_NONE)) {
            continue;
        }
        const struct subscriber *sub = server_subscriber(s, pne);
        if ((passed_on && sub->remote) || map_get(&told, sub->gateway, &seen)) {
            continue;
        }
        struct agent_route route = agent_route(sub->gateway);
        route.exempt = r->in_session ? EXEMPT_NOT : agent_group_exemption(&s->agent);
        route.group = number;
        route.copy_of = r->message_id;
        map_set(&told, route.peer, 1);
        agent_copy(&s->agent, m, &route, entity_scenario(s->agent.entity)->groups[number].id);
    }
    map_fini(&told);
}

enum disposition server_on_group_message(struct server *s, struct cpns_message *m,
                                         const struct received *r)
{
    uint32_t number = server_group_of(s, m);
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (number == SCENARIO_NONE || !s->groups[number].stored) {
        return agent_refuse(&s->agent, "unknown_group");
    }
    const struct inventory_group *g = &s->groups[number];
    if (!server_is_home(s, number) && r->from == g->home) {
        copy(s, m, r, number, true);
        return MESSAGE_DELIVERED;
    }
    if (!server_is_registered(s, origin, r->from)) {
        return agent_refuse(&s->agent, "not_a_member");
    }
    if (!server_is_home(s, number)) {
        return mesh_find(s, r->from) == NULL
                   ? agent_relay(&s->agent, m, g->home,
                                 r->in_session ? EXEMPT_NOT : agent_group_exemption(&s->agent), r)
                   : agent_refuse(&s->agent, "not_home");
    }
    if (!entity_list_has(&g->members, origin)) {
        return agent_refuse(&s->agent, "not_a_member");
    }
    const char *why;
    if (!server_group_key_taken(s, number, m, &why)) {
        return agent_refuse(&s->agent, why);
    }
    copy(s, m, r, number, false);
    return MESSAGE_DELIVERED;
}
