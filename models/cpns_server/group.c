/* Service Groups at the server (cpns-model.md flows 7 and 8): create, join, member notification,
 * copies of messages. */
#include "models/cpns_server/server.h"

static uint32_t group_of(const struct server *s, const struct cpns_message *m)
{
    return cpns_has(m, CPNS_SG_ID) ? entity_group_by_urn(s->agent.entity, cpns_text(m, CPNS_SG_ID))
                                   : SCENARIO_NONE;
}

static bool has_member(const struct inventory_group *g, entity_id pne)
{
    for (size_t i = 0; i < g->member_count; i++) {
        if (g->members[i] == pne) {
            return true;
        }
    }
    return false;
}

enum disposition server_on_group_create(struct server *s, const struct cpns_message *m,
                                        entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t number = group_of(s, m);
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    int status = number == SCENARIO_NONE ? 400 : !server_is_registered(s, origin, from) ? 403 : 200;
    if (status == 200) {
        struct inventory_group *g = &s->groups[number];
        if (g->stored && g->owner != origin) {
            status = 409;
        } else if (!g->stored) {
            *g = (struct inventory_group){
                .stored = true,
                .closed = span_equal_str(cpns_text(m, CPNS_JOINING_POLICY), "closed"),
                .owner = origin};
            *MEM_PUSH(g->members, g->member_count, g->member_capacity) = origin;
            entity_event(e, "sg_stored", entity_scenario(e)->groups[number].id);
        }
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_CREATE_RESPONSE, m, status);
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* --- joining
 * ---------------------------------------------------------------------------------------------- */

void server_tell_members(struct server *s, uint32_t number, entity_id joiner, const char *change)
{
    struct entity *e = s->agent.entity;
    const struct inventory_group *g = &s->groups[number];
    for (size_t i = 0; i < g->member_count; i++) {
        if (g->members[i] == joiner || !server_is_registered(s, g->members[i], ENTITY_NONE)) {
            continue;
        }
        struct cpns_message m;
        agent_begin(&s->agent, &m, CPNS_SG_MEMBER_CHANGE, entity_urn(e, g->members[i]));
        cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, number));
        cpns_set_text(&m, CPNS_CHANGE, change);
        cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, joiner)));
        struct agent_route route = server_route(s, g->members[i]);
        route.group = number;
        agent_send(&s->agent, &m, &route);
    }
}

static void answer_join(struct server *s, const struct pending_join *join, int status)
{
    struct entity *e = s->agent.entity;
    struct inventory_group *g = &s->groups[join->group];
    bool fresh = status == 200 && !has_member(g, join->joiner);
    if (fresh) {
        *MEM_PUSH(g->members, g->member_count, g->member_capacity) = join->joiner;
    }
    struct cpns_message answer;
    agent_begin(&s->agent, &answer, CPNS_SG_JOIN_RESPONSE, entity_urn(e, join->joiner));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, join->transaction);
    cpns_set_integer(&answer, CPNS_STATUS, status);
    cpns_set_text(&answer, CPNS_SG_ID, entity_group_urn(e, join->group));
    for (size_t i = 0; status == 200 && i < g->member_count; i++) {
        cpns_add_text(&answer, CPNS_MEMBER_ID, span_of_str(entity_urn(e, g->members[i])));
    }
    struct agent_route route = server_route(s, join->joiner);
    route.group = join->group;
    agent_send(&s->agent, &answer, &route);
    if (fresh) {
        server_tell_members(s, join->group, join->joiner, "joined");
    }
}

/* A closed group: its owner is asked first. */
static void ask_owner(struct server *s, const struct pending_join *join)
{
    struct entity *e = s->agent.entity;
    size_t slot = 0;
    while (slot < s->join_count && s->joins[slot].used) {
        slot++;
    }
    if (slot == s->join_count) {
        (void)MEM_PUSH(s->joins, s->join_count, s->join_capacity);
    }
    s->joins[slot] = *join;
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_SG_JOIN_REQUEST, entity_urn(e, s->groups[join->group].owner));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, join->group));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, join->joiner)));
    struct agent_route route = server_route(s, s->groups[join->group].owner);
    route.group = join->group;
    agent_request(&s->agent, &m, &route, slot);
}

enum disposition server_on_group_join(struct server *s, const struct cpns_message *m,
                                      entity_id from)
{
    uint32_t number = group_of(s, m);
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (number == SCENARIO_NONE || !server_is_registered(s, origin, from)) {
        return agent_refuse(&s->agent, number == SCENARIO_NONE ? "unknown_group" : "403");
    }
    const struct inventory_group *g = &s->groups[number];
    const struct pending_join join = {.used = true,
                                      .group = number,
                                      .joiner = origin,
                                      .transaction = cpns_integer(m, CPNS_TRANSACTION_ID)};
    if (!g->stored) {
        answer_join(s, &join, 404);
    } else if (!g->closed || has_member(g, origin)) {
        answer_join(s, &join, 200);
    } else if (!server_is_registered(s, g->owner, ENTITY_NONE)) {
        answer_join(s, &join, 503);
    } else {
        ask_owner(s, &join);
    }
    return MESSAGE_DELIVERED;
}

static void owner_said(struct server *s, uint64_t slot, int status)
{
    struct pending_join join = s->joins[slot];
    s->joins[slot].used = false;
    if (server_is_registered(s, join.joiner, ENTITY_NONE)) {
        answer_join(s, &join, status);
    }
}

enum disposition server_on_owner_answer(struct server *s, const struct cpns_message *m)
{
    uint64_t slot;
    if (agent_answered(&s->agent, m, CPNS_SG_JOIN_REQUEST, &slot)) {
        owner_said(s, slot, cpns_integer(m, CPNS_STATUS) == 200 ? 200 : 403);
    }
    return MESSAGE_DELIVERED;
}

void server_owner_silent(struct server *s, uint64_t join)
{
    owner_said(s, join, 504);
}

/* --- messages (US20110246605)
 * ------------------------------------------------------------------------------- */

/* One copy to each gateway with members other than the sender. */
enum disposition server_on_group_message(struct server *s, struct cpns_message *m,
                                         const struct received *r)
{
    struct entity *e = s->agent.entity;
    uint32_t number = group_of(s, m);
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (number == SCENARIO_NONE || !s->groups[number].stored) {
        return agent_refuse(&s->agent, "unknown_group");
    }
    const struct inventory_group *g = &s->groups[number];
    if (!has_member(g, origin) || !server_is_registered(s, origin, r->from)) {
        return agent_refuse(&s->agent, "not_a_member");
    }
    struct map told = {0};
    uint64_t seen;
    for (size_t i = 0; i < g->member_count; i++) {
        entity_id pne = g->members[i];
        if (pne == origin || !server_is_registered(s, pne, ENTITY_NONE) ||
            map_get(&told, server_subscriber(s, pne)->gateway, &seen)) {
            continue;
        }
        struct agent_route route = agent_route(server_subscriber(s, pne)->gateway);
        route.exempt = r->in_session ? EXEMPT_NOT : EXEMPT_SERVICE_GROUP;
        route.group = number;
        route.copy_of = r->message_id;
        map_set(&told, route.peer, 1);
        agent_copy(&s->agent, m, &route, entity_scenario(e)->groups[number].id);
    }
    map_fini(&told);
    return MESSAGE_DELIVERED;
}
