/* Service Groups at the server (cpns-model.md flow 7): what is asked of a group and who may ask it;
 * create with the administrator record, discovery, leave, delete. */
#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"

uint32_t server_group_of(const struct server *s, const struct cpns_message *m)
{
    return cpns_has(m, CPNS_SG_ID) ? entity_group_by_urn(s->agent.entity, cpns_text(m, CPNS_SG_ID))
                                   : SCENARIO_NONE;
}

static const char *group_id(const struct server *s, uint32_t number)
{
    return entity_scenario(s->agent.entity)->groups[number].id;
}

/* --- create (US9300739)
 * ----------------------------------------------------------------------------------- */

static char *take_text(const struct cpns_message *m, enum cpns_field field)
{
    struct span text = cpns_text(m, field);
    return mem_strndup(cpns_has(m, field) ? (const char *)text.data : "", text.len);
}

static void store(struct server *s, const struct cpns_message *m, uint32_t number, entity_id owner)
{
    struct inventory_group *g = &s->groups[number];
    inventory_group_clear(g);
    g->stored = true;
    g->closed = span_equal_str(cpns_text(m, CPNS_JOINING_POLICY), "closed");
    g->home = entity_self(s->agent.entity);
    g->owner = g->admin = owner;
    g->name = take_text(m, CPNS_SG_NAME);
    g->service = take_text(m, CPNS_SERVICE_ID);
    entity_list_add(&g->members, owner);
    mesh_group_changed(s, number);
    entity_event(s->agent.entity, "sg_stored", group_id(s, number));
}

/* Who is a member already, say because its first answer got lost, is told so. */
static enum disposition on_create(struct server *s, const struct cpns_message *m, uint32_t number,
                                  entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (g->stored && !entity_list_has(&g->members, origin)) {
        return server_say(s, m, from, 409);
    }
    bool fresh = !g->stored;
    if (fresh) {
        store(s, m, number, origin);
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_CREATE_RESPONSE, m, 200);
    cpns_set_text(&answer, CPNS_OWNER_ID, entity_urn(s->agent.entity, g->owner));
    cpns_set_text(&answer, CPNS_ADMIN_ID, entity_urn(s->agent.entity, g->admin));
    server_answer(s, &answer, from);
    if (fresh) {
        server_group_rekey(s, number, REKEY_CREATED);
    } else {
        server_group_give_key(s, number, origin);
    }
    return MESSAGE_DELIVERED;
}

/* The owner tells whom it expects: the first half of the administrator record. */
static enum disposition on_member_info(struct server *s, const struct cpns_message *m,
                                       uint32_t number, entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    if (agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID) != g->owner) {
        return server_say(s, m, from, 403);
    }
    entity_list_fini(&g->expected);
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_MEMBER_INFO_RESPONSE, m, 200);
    for (size_t i = 0; i < list->list_count; i++) {
        entity_id pne = entity_by_urn(s->agent.entity, list->list[i]);
        if (pne == ENTITY_NONE) {
            continue;
        }
        entity_list_add(&g->expected, pne);
        if (entity_list_has(&g->members, pne)) {
            cpns_add_text(&answer, CPNS_MEMBER_ID, list->list[i]);
        }
    }
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* The other half: a member administers the group, its owner unless it says otherwise. */
static enum disposition on_admin_info(struct server *s, const struct cpns_message *m,
                                      uint32_t number, entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    entity_id admin = agent_entity(&s->agent, m, CPNS_ADMIN_ID);
    if (agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID) != g->owner) {
        return server_say(s, m, from, 403);
    }
    if (!entity_list_has(&g->members, admin)) {
        return server_say(s, m, from, 404);
    }
    if (g->admin != admin) {
        g->admin = admin;
        mesh_group_changed(s, number);
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_ADMIN_INFO_RESPONSE, m, 200);
    cpns_set_text(&answer, CPNS_ADMIN_ID, entity_urn(s->agent.entity, admin));
    cpns_set_text(&answer, CPNS_OWNER_ID, entity_urn(s->agent.entity, g->owner));
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* --- discovery (US8762487)
 * -------------------------------------------------------------------------------- */

static bool matches(const struct server *s, const struct inventory_group *g,
                    const struct cpns_message *m)
{
    const struct cpns_value *members = cpns_value(m, CPNS_MEMBER_ID);
    bool found =
        g->stored &&
        (!cpns_has(m, CPNS_KEYWORD) || inventory_text_holds(g->name, cpns_text(m, CPNS_KEYWORD))) &&
        (!cpns_has(m, CPNS_SERVICE_ID) ||
         span_equal_str(cpns_text(m, CPNS_SERVICE_ID), g->service));
    for (size_t i = 0; i < members->list_count; i++) {
        found =
            found && entity_list_has(&g->members, entity_by_urn(s->agent.entity, members->list[i]));
    }
    return found;
}

static enum disposition on_discovery(struct server *s, const struct cpns_message *m, entity_id from)
{
    struct entity *e = s->agent.entity;
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_DISCOVERY_RESPONSE, m, 200);
    for (uint32_t i = 0; i < entity_scenario(e)->group_count; i++) {
        if (matches(s, &s->groups[i], m)) {
            const char *service = s->groups[i].service;
            cpns_add_text(&answer, CPNS_FOUND_SG_ID, span_of_str(entity_group_urn(e, i)));
            cpns_add_text(&answer, CPNS_FOUND_SERVICE_ID,
                          span_of_str(service[0] != '\0' ? service : s->groups[i].name));
        }
    }
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* --- leave and delete
 * ------------------------------------------------------------------------------------- */

void server_group_remove(struct server *s, uint32_t number, entity_id pne)
{
    struct inventory_group *g = &s->groups[number];
    entity_list_remove(&g->members, pne);
    entity_list_remove(&g->invited, pne);
    if (g->admin == pne) {
        g->admin = g->owner;
    }
    mesh_group_changed(s, number);
    server_transfer_without(s, number, pne);
    server_group_rekey_without(s, number, pne);
}

void server_group_delete(struct server *s, uint32_t number, entity_id by)
{
    struct inventory_group *g = &s->groups[number];
    server_group_key_forget(s, number);
    struct entity_list told = g->members;
    g->members = (struct entity_list){0};
    inventory_group_clear(g);
    mesh_group_changed(s, number);
    entity_event(s->agent.entity, "sg_deleted", group_id(s, number));
    for (size_t i = 0; i < told.count; i++) {
        if (told.items[i] != by) {
            server_group_tell_one(s, number, told.items[i], "removed", told.items[i]);
        }
    }
    entity_list_fini(&told);
    server_group_ask_again(s, number);
}

/* The owner takes another member out. */
static enum disposition on_expulsion(struct server *s, const struct cpns_message *m,
                                     uint32_t number, entity_id pne, entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    if (agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID) != g->owner || pne == g->owner) {
        return server_say(s, m, from, 403);
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_LEAVE_RESPONSE, m, 200);
    cpns_add_text(&answer, CPNS_PNE_ID, cpns_item(m, CPNS_PNE_ID, 0));
    server_answer(s, &answer, from);
    if (entity_list_has(&g->members, pne)) {
        server_group_remove(s, number, pne);
        server_group_tell_one(s, number, pne, "removed", pne);
        server_group_tell(s, number, "removed", pne);
    }
    return MESSAGE_DELIVERED;
}

/* Who is no member has left already, and the answer that said so got lost. */
static enum disposition on_leave(struct server *s, const struct cpns_message *m, uint32_t number,
                                 entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    entity_id pne = cpns_has(m, CPNS_PNE_ID)
                        ? entity_by_urn(s->agent.entity, cpns_item(m, CPNS_PNE_ID, 0))
                        : origin;
    if (pne != origin) {
        return on_expulsion(s, m, number, pne, from);
    }
    if (origin == g->owner && g->members.count > 1) {
        return server_on_owner_leaves(s, m, number, from);
    }
    server_group_forget_join(s, number, origin);
    enum disposition d = server_say(s, m, from, 200);
    if (origin == g->owner) {
        server_group_delete(s, number, origin);
    } else if (entity_list_has(&g->members, origin)) {
        server_group_remove(s, number, origin);
        server_group_tell(s, number, "left", origin);
    }
    return d;
}

/* It left its PN; those that it owns wait for it. */
void server_group_leave_all(struct server *s, entity_id pne)
{
    for (uint32_t i = 0; i < entity_scenario(s->agent.entity)->group_count; i++) {
        struct inventory_group *g = &s->groups[i];
        server_group_forget_notices(s, i, pne);
        if (g->stored && server_is_home(s, i) && g->owner != pne &&
            entity_list_has(&g->members, pne)) {
            server_group_remove(s, i, pne);
            server_group_tell(s, i, "left", pne);
        }
    }
}

static enum disposition on_delete(struct server *s, const struct cpns_message *m, uint32_t number,
                                  entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (origin != g->owner) {
        return server_say(s, m, from, 403);
    }
    if (g->transfer.state == TRANSFER_ASKING) {
        return server_say(s, m, from, 409); /* somebody is being asked whether he takes it */
    }
    enum disposition d = server_say(s, m, from, 200);
    server_group_delete(s, number, origin);
    return d;
}

/* --- dispatch
 * --------------------------------------------------------------------------------------------- */

bool server_is_home(const struct server *s, uint32_t number)
{
    return s->groups[number].home == entity_self(s->agent.entity);
}

/* Only the home of a group changes it; a copy here may be old, so it does not answer either. */
bool server_passes_home(struct server *s, struct cpns_message *m, uint32_t number,
                        const struct received *r, enum disposition *ret)
{
    entity_id home = s->groups[number].home;
    if (!s->groups[number].stored || server_is_home(s, number)) {
        return false;
    }
    if (mesh_find(s, r->from) != NULL) {
        *ret = server_say(s, m, r->from, 404); /* no more at home here than there */
    } else if (!entity_connected(s->agent.entity, home)) {
        *ret = server_say(s, m, r->from, 503);
    } else {
        *ret = agent_relay(&s->agent, m, home, EXEMPT_NOT, r);
    }
    return true;
}

enum disposition server_on_group_request(struct server *s, struct cpns_message *m,
                                         const struct received *r)
{
    uint32_t number = server_group_of(s, m);
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (!server_is_registered(s, origin, r->from)) {
        return server_say(s, m, r->from, 403);
    }
    if (m->type == CPNS_SG_DISCOVERY_REQUEST) {
        return on_discovery(s, m, r->from);
    }
    if (number == SCENARIO_NONE) {
        return server_say(s, m, r->from, m->type == CPNS_SG_CREATE_REQUEST ? 400 : 404);
    }
    enum disposition passed;
    if (server_passes_home(s, m, number, r, &passed)) {
        return passed;
    }
    if (m->type != CPNS_SG_CREATE_REQUEST && !s->groups[number].stored) {
        return server_say(s, m, r->from, 404);
    }
    switch (m->type) {
    case CPNS_SG_CREATE_REQUEST:
        return on_create(s, m, number, r->from);
    case CPNS_SG_MEMBER_INFO:
        return on_member_info(s, m, number, r->from);
    case CPNS_SG_ADMIN_INFO:
        return on_admin_info(s, m, number, r->from);
    case CPNS_SG_JOIN_REQUEST:
        return server_on_group_join(s, m, number, r->from);
    case CPNS_SG_INVITE_REQUEST:
        return server_on_group_invite(s, m, number, r->from);
    case CPNS_SG_LEAVE_REQUEST:
        return on_leave(s, m, number, r->from);
    case CPNS_SG_DELETE_REQUEST:
        return on_delete(s, m, number, r->from);
    case CPNS_SG_OWNER_TRANSFER_REQUEST:
        return server_on_owner_transfer(s, m, number, r->from);
    default:
        return agent_refuse(&s->agent, "unexpected_type");
    }
}
