/* Members of a Service Group are told of its changes (US8761140) one by one, inside the sessions.
 * [ours]: each says that it heard it (the same message with a Status); a notice is repeated until
 * then, and who could not be told is told how things stand when it is heard of again. */
#include "models/cpns_server/server.h"

static uint64_t cookie_of(uint32_t number, entity_id pne)
{
    return (uint64_t)pne << 32 | number;
}

void server_group_forget_notices(struct server *s, uint32_t number, entity_id pne)
{
    agent_forget_cookie(&s->agent, CPNS_SG_MEMBER_CHANGE, cookie_of(number, pne));
    agent_forget_cookie(&s->agent, CPNS_SG_OWNER_CHANGE, cookie_of(number, pne));
}

static void send_notice(struct server *s, struct cpns_message *m, uint32_t number, entity_id pne)
{
    struct agent_route route = server_route(s, pne);
    route.group = number;
    if (entity_flow(s->agent.entity) != 0) {
        agent_request(&s->agent, m, &route, cookie_of(number, pne));
    } else { /* long after what it is about */
        agent_request_flow(&s->agent, m, &route, cookie_of(number, pne), "sg-notice",
                           entity_scenario(s->agent.entity)->groups[number].id);
    }
}

void server_group_tell_one(struct server *s, uint32_t number, entity_id pne, const char *change,
                           entity_id about)
{
    struct entity *e = s->agent.entity;
    if (!server_is_registered(s, pne, ENTITY_NONE)) {
        return; /* asks for itself when it is back in a PN */
    }
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_SG_MEMBER_CHANGE, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, number));
    cpns_set_text(&m, CPNS_CHANGE, change);
    cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, about)));
    send_notice(s, &m, number, pne);
}

void server_group_tell(struct server *s, uint32_t number, const char *change, entity_id about)
{
    const struct inventory_group *g = &s->groups[number];
    for (size_t i = 0; i < g->members.count; i++) {
        if (g->members.items[i] != about) {
            server_group_tell_one(s, number, g->members.items[i], change, about);
        }
    }
}

static void tell_owner_to(struct server *s, uint32_t number, entity_id pne)
{
    struct entity *e = s->agent.entity;
    const struct inventory_group *g = &s->groups[number];
    if (!server_is_registered(s, pne, ENTITY_NONE)) {
        return;
    }
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_SG_OWNER_CHANGE, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, number));
    cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, g->owner));
    cpns_set_text(&m, CPNS_ADMIN_ID, entity_urn(e, g->admin));
    agent_forget_cookie(&s->agent, CPNS_SG_OWNER_CHANGE, cookie_of(number, pne)); /* of before */
    send_notice(s, &m, number, pne);
}

void server_group_tell_owner(struct server *s, uint32_t number)
{
    const struct inventory_group *g = &s->groups[number];
    tell_owner_to(s, number, g->owner);
    for (size_t i = 0; i < g->members.count; i++) {
        if (g->members.items[i] != g->owner) {
            tell_owner_to(s, number, g->members.items[i]);
        }
    }
}

enum disposition server_on_notice_heard(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    agent_answered(&s->agent, m, m->type, &cookie);
    return MESSAGE_DELIVERED;
}

/* How things stand, whatever it was that was missed. */
static void tell_standing(struct server *s, struct missed_notice *missed)
{
    struct missed_notice notice = *missed;
    missed->used = false;
    s->missed_used--;
    const struct inventory_group *g = &s->groups[notice.group];
    if (g->stored && entity_list_has(&g->members, notice.pne)) {
        tell_owner_to(s, notice.group, notice.pne);
        server_group_give_key(s, notice.group, notice.pne);
    } else {
        server_group_tell_one(s, notice.group, notice.pne, "removed", notice.pne);
    }
}

/* The session with the PNE's gateway came up after the last try may have been lost for want of it.
 */
static bool came_back_since_last_try(const struct server *s, entity_id pne)
{
    const struct scenario_timers *t = &entity_scenario(s->agent.entity)->timers;
    uint64_t heard;
    sim_time wait = t->request;
    for (uint32_t i = 1; i < t->request_tries; i++) {
        wait = (sim_time)((double)wait * t->request_backoff);
    }
    return map_get(&s->heard_at, server_subscriber(s, pne)->gateway, &heard) &&
           (sim_time)heard >= entity_now(s->agent.entity) - wait;
}

void server_notice_missed(struct server *s, uint64_t cookie)
{
    const struct missed_notice notice = {
        .used = true, .group = (uint32_t)cookie, .pne = (entity_id)(cookie >> 32)};
    size_t slot = s->missed_count;
    if (!server_is_registered(s, notice.pne, ENTITY_NONE)) {
        return;
    }
    for (size_t i = s->missed_count; i-- > 0;) {
        const struct missed_notice *other = &s->missed[i];
        if (other->used && other->group == notice.group && other->pne == notice.pne) {
            return;
        }
        slot = other->used ? slot : i;
    }
    if (slot == s->missed_count) {
        (void)MEM_PUSH(s->missed, s->missed_count, s->missed_capacity);
    }
    s->missed[slot] = notice;
    s->missed_used++;
    if (came_back_since_last_try(s, notice.pne)) {
        tell_standing(s, &s->missed[slot]);
    }
}

void server_heard_pne(struct server *s, entity_id pne)
{
    for (size_t i = 0; s->missed_used > 0 && i < s->missed_count; i++) {
        if (s->missed[i].used && s->missed[i].pne == pne) {
            tell_standing(s, &s->missed[i]);
        }
    }
}

void server_heard_peer(struct server *s, entity_id peer)
{
    map_set(&s->heard_at, peer, (uint64_t)entity_now(s->agent.entity));
    for (size_t i = 0; s->missed_used > 0 && i < s->missed_count; i++) {
        if (s->missed[i].used && server_is_registered(s, s->missed[i].pne, peer)) {
            tell_standing(s, &s->missed[i]);
        }
    }
}
