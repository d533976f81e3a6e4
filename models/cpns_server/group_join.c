/* How PNEs come into a Service Group (cpns-model.md flow 7): they ask, and the owner of a closed
 * group approves; or a member invites them. */
#include "models/cpns_server/server.h"

static void answer_join(struct server *s, const struct pending_join *join, int status)
{
    struct entity *e = s->agent.entity;
    struct inventory_group *g = &s->groups[join->group];
    bool fresh = status == 200 && !entity_list_has(&g->members, join->joiner);
    if (fresh) {
        entity_list_add(&g->members, join->joiner);
        entity_list_remove(&g->invited, join->joiner);
        server_group_forget_notices(s, join->group, join->joiner);
        mesh_group_changed(s, join->group);
    }
    struct cpns_message answer;
    agent_begin(&s->agent, &answer, CPNS_SG_JOIN_RESPONSE, entity_urn(e, join->joiner));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, join->transaction);
    cpns_set_integer(&answer, CPNS_STATUS, status);
    cpns_set_text(&answer, CPNS_SG_ID, entity_group_urn(e, join->group));
    if (status == 200) {
        cpns_set_text(&answer, CPNS_OWNER_ID, entity_urn(e, g->owner));
    }
    for (size_t i = 0; status == 200 && i < g->members.count; i++) {
        cpns_add_text(&answer, CPNS_MEMBER_ID, span_of_str(entity_urn(e, g->members.items[i])));
    }
    struct agent_route route = server_route(s, join->joiner);
    route.group = join->group;
    agent_send(&s->agent, &answer, &route);
    if (fresh) {
        server_group_tell(s, join->group, "joined", join->joiner);
        server_group_rekey(s, join->group, REKEY_JOINED);
    } else if (status == 200) {
        server_group_give_key(s, join->group, join->joiner);
    }
}

/* --- approval by the owner
 * -------------------------------------------------------------------------------- */

static void send_question(struct server *s, uint64_t slot)
{
    struct entity *e = s->agent.entity;
    const struct pending_join *join = &s->joins[slot];
    entity_id owner = s->groups[join->group].owner;
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_SG_JOIN_REQUEST, entity_urn(e, owner));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, join->group));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, join->joiner)));
    struct agent_route route = server_route(s, owner);
    route.group = join->group;
    agent_request(&s->agent, &m, &route, slot);
}

static void ask_owner(struct server *s, const struct pending_join *join)
{
    size_t slot = 0;
    while (slot < s->join_count && s->joins[slot].used) {
        slot++;
    }
    if (slot == s->join_count) {
        (void)MEM_PUSH(s->joins, s->join_count, s->join_capacity);
    }
    s->joins[slot] = *join;
    send_question(s, slot);
}

static struct pending_join *find_join(struct server *s, uint32_t group, entity_id joiner)
{
    for (size_t i = 0; i < s->join_count; i++) {
        if (s->joins[i].used && s->joins[i].group == group && s->joins[i].joiner == joiner) {
            return &s->joins[i];
        }
    }
    return NULL;
}

void server_group_forget_join(struct server *s, uint32_t number, entity_id pne)
{
    struct pending_join *join = find_join(s, number, pne);
    entity_list_remove(&s->groups[number].invited, pne);
    if (join != NULL) {
        join->used = false;
        agent_forget_cookie(&s->agent, CPNS_SG_JOIN_REQUEST, (uint64_t)(join - s->joins));
    }
}

enum disposition server_on_group_join(struct server *s, const struct cpns_message *m,
                                      uint32_t number, entity_id from)
{
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    const struct inventory_group *g = &s->groups[number];
    struct pending_join *waiting = find_join(s, number, origin);
    const struct pending_join join = {.used = true,
                                      .group = number,
                                      .joiner = origin,
                                      .transaction = cpns_integer(m, CPNS_TRANSACTION_ID)};
    if (cpns_has(m, CPNS_CHANGE) && !entity_list_has(&g->members, origin)) {
        answer_join(s, &join, 410); /* it was taken out, and has not heard of it */
    } else if (!g->closed || entity_list_has(&g->members, origin) ||
               entity_list_has(&g->invited, origin)) {
        answer_join(s, &join, 200);
    } else if (waiting != NULL) { /* asked again; the owner still thinks */
        waiting->transaction = join.transaction;
        return server_say(s, m, from, 202);
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

enum disposition server_on_join_approval(struct server *s, const struct cpns_message *m)
{
    uint64_t slot;
    if (agent_answered(&s->agent, m, CPNS_SG_JOIN_REQUEST, &slot)) {
        int64_t status = cpns_integer(m, CPNS_STATUS);
        /* Anything but a no (it does not know yet that it is the owner, say): again later. */
        owner_said(s, slot, status == 200 || status == 403 ? (int)status : 503);
    }
    return MESSAGE_DELIVERED;
}

void server_approval_silent(struct server *s, uint64_t join)
{
    owner_said(s, join, 504);
}

void server_group_ask_again(struct server *s, uint32_t number)
{
    for (size_t i = 0; i < s->join_count; i++) {
        if (!s->joins[i].used || s->joins[i].group != number) {
            continue;
        }
        agent_forget_cookie(&s->agent, CPNS_SG_JOIN_REQUEST, i);
        if (!s->groups[number].stored) {
            owner_said(s, i, 404);
        } else {
            send_question(s, i);
        }
    }
    for (size_t i = 0; !s->groups[number].stored && i < s->invite_count; i++) {
        if (s->invites[i].used && s->invites[i].group == number) {
            agent_forget_cookie(&s->agent, CPNS_SG_INVITE_REQUEST, i);
            server_invite_silent(s, i);
        }
    }
}

/* --- invitation
 * ------------------------------------------------------------------------------------------- */

static void answer_invite(struct server *s, const struct pending_invite *invite, int status)
{
    struct entity *e = s->agent.entity;
    struct cpns_message answer;
    agent_begin(&s->agent, &answer, CPNS_SG_INVITE_RESPONSE, entity_urn(e, invite->inviter));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, invite->transaction);
    cpns_set_integer(&answer, CPNS_STATUS, status);
    cpns_set_integer(&answer, CPNS_ACCEPT, status == 200);
    cpns_set_text(&answer, CPNS_SG_ID, entity_group_urn(e, invite->group));
    cpns_add_text(&answer, CPNS_PNE_ID, span_of_str(entity_urn(e, invite->invitee)));
    struct agent_route route = server_route(s, invite->inviter);
    route.group = invite->group;
    agent_send(&s->agent, &answer, &route);
}

static void send_invitation(struct server *s, const struct pending_invite *invite)
{
    struct entity *e = s->agent.entity;
    const struct inventory_group *g = &s->groups[invite->group];
    size_t slot = 0;
    while (slot < s->invite_count && s->invites[slot].used) {
        slot++;
    }
    if (slot == s->invite_count) {
        (void)MEM_PUSH(s->invites, s->invite_count, s->invite_capacity);
    }
    s->invites[slot] = *invite;
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_SG_INVITE_REQUEST, entity_urn(e, invite->invitee));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, invite->group));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, invite->invitee)));
    cpns_set_text(&m, CPNS_SG_NAME, g->name);
    cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, g->owner));
    struct agent_route route = server_route(s, invite->invitee);
    route.group = invite->group;
    agent_request(&s->agent, &m, &route, slot);
}

static bool is_invited_now(const struct server *s, const struct pending_invite *invite)
{
    for (size_t i = 0; i < s->invite_count; i++) {
        const struct pending_invite *other = &s->invites[i];
        if (other->used && other->group == invite->group && other->inviter == invite->inviter &&
            other->transaction == invite->transaction) {
            return true;
        }
    }
    return false;
}

/* Any member may invite into an open group, its owner or administrator into a closed one. */
enum disposition server_on_group_invite(struct server *s, const struct cpns_message *m,
                                        uint32_t number, entity_id from)
{
    const struct inventory_group *g = &s->groups[number];
    const struct pending_invite invite = {
        .used = true,
        .group = number,
        .inviter = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID),
        .invitee = entity_by_urn(s->agent.entity, cpns_item(m, CPNS_PNE_ID, 0)),
        .transaction = cpns_integer(m, CPNS_TRANSACTION_ID)};
    bool may = entity_list_has(&g->members, invite.inviter) &&
               (!g->closed || invite.inviter == g->owner || invite.inviter == g->admin);
    if (!may) {
        return server_say(s, m, from, 403);
    }
    if (invite.invitee == ENTITY_NONE || server_subscriber(s, invite.invitee) == NULL) {
        return server_say(s, m, from, 404);
    }
    if (is_invited_now(s, &invite)) {
        return server_say(s, m, from, 202);
    }
    if (entity_list_has(&g->members, invite.invitee) ||
        entity_list_has(&g->invited, invite.invitee)) {
        answer_invite(s, &invite, 200);
        return MESSAGE_DELIVERED;
    }
    if (!server_is_registered(s, invite.invitee, ENTITY_NONE)) {
        return server_say(s, m, from, 503);
    }
    send_invitation(s, &invite);
    return MESSAGE_DELIVERED;
}

static void invitee_said(struct server *s, uint64_t slot, int status)
{
    struct pending_invite invite = s->invites[slot];
    s->invites[slot].used = false;
    if (status == 200 && s->groups[invite.group].stored) {
        entity_list_add(&s->groups[invite.group].invited, invite.invitee); /* and joins by itself */
    }
    answer_invite(s, &invite, status);
}

enum disposition server_on_invite_answer(struct server *s, const struct cpns_message *m)
{
    uint64_t slot;
    if (agent_answered(&s->agent, m, CPNS_SG_INVITE_REQUEST, &slot)) {
        invitee_said(s, slot, (int)cpns_integer(m, CPNS_STATUS));
    }
    return MESSAGE_DELIVERED;
}

void server_invite_silent(struct server *s, uint64_t invite)
{
    invitee_said(s, invite, s->groups[s->invites[invite].group].stored ? 504 : 404);
}
