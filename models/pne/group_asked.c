/* What members of a Service Group ask each other through the server (cpns-model.md flow 7): the
 * owner approves who joins and hands the group over, members invite, all are told of changes; and
 * who looks for groups. */
#include <stdio.h>
#include <stdlib.h>

#include "models/pne/pne.h"

static const char *id_of(const struct pne *p, uint32_t group)
{
    return entity_scenario(p->agent.entity)->groups[group].id;
}

/* Whether the message is about a group that this PNE has to do with. */
static struct pne_group *group_of(struct pne *p, const struct cpns_message *m)
{
    uint32_t number = entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID));
    return number != SCENARIO_NONE ? pne_group_find(p, number) : NULL;
}

static bool is_unwilling(const struct pne *p, uint32_t group)
{
    const struct scenario_group *g = &entity_scenario(p->agent.entity)->groups[group];
    for (size_t i = 0; i < g->unwilling_count; i++) {
        if (g->unwilling[i] == entity_self(p->agent.entity)) {
            return true;
        }
    }
    return false;
}

static void answer(struct pne *p, const struct cpns_message *m, enum cpns_type type, int status)
{
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, type, m, status);
    if (type != CPNS_SG_JOIN_RESPONSE) {
        cpns_set_integer(&answer, CPNS_ACCEPT, status == 200);
    }
    struct agent_route route =
        pne_group_route(p, entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID)));
    agent_send(&p->agent, &answer, &route);
}

/* --- what this PNE is asked
 * ------------------------------------------------------------------------------- */

/* The owner of a closed group admits whom the scenario lists as its members. */
enum disposition pne_on_group_join_request(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    const struct pne_group *g = group_of(p, m);
    int status = 404;
    if (g != NULL && g->owner) {
        const struct scenario_group *group = &entity_scenario(e)->groups[g->group];
        entity_id who =
            cpns_has(m, CPNS_PNE_ID) ? entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0)) : ENTITY_NONE;
        status = group->owner == who ? 200 : 403; /* its founder may come back */
        for (size_t i = 0; i < group->member_count; i++) {
            status = group->members[i] == who ? 200 : status;
        }
    }
    answer(p, m, CPNS_SG_JOIN_RESPONSE, status);
    return MESSAGE_DELIVERED;
}

/* Who accepts joins by itself: the server admits whom was invited. */
enum disposition pne_on_group_invitation(struct pne *p, const struct cpns_message *m)
{
    uint32_t number = entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID));
    if (number == SCENARIO_NONE || is_unwilling(p, number) || p->state != PNE_JOINED) {
        answer(p, m, CPNS_SG_INVITE_RESPONSE, number == SCENARIO_NONE ? 404 : 403);
        return MESSAGE_DELIVERED;
    }
    answer(p, m, CPNS_SG_INVITE_RESPONSE, 200);
    pne_group_join(p, number);
    return MESSAGE_DELIVERED;
}

/* Whoever agrees is owner when the server says so, not before. */
enum disposition pne_on_ownership_offer(struct pne *p, const struct cpns_message *m)
{
    const struct pne_group *g = group_of(p, m);
    int status = g == NULL || g->state != GROUP_MEMBER ? 404
                 : is_unwilling(p, g->group)           ? 403
                                                       : 200;
    answer(p, m, CPNS_SG_OWNER_TRANSFER_RESPONSE, status);
    return MESSAGE_DELIVERED;
}

/* --- what it is told
 * ---------------------------------------------------------------------------------------- */

/* The notice comes back with a Status: it was heard. */
static void heard(struct pne *p, const struct cpns_message *m)
{
    struct cpns_message back;
    agent_answer(&p->agent, &back, m->type, m, 200);
    for (size_t i = 0; i < cpns_value(m, CPNS_MEMBER_ID)->list_count; i++) {
        cpns_add_text(&back, CPNS_MEMBER_ID, cpns_item(m, CPNS_MEMBER_ID, i));
    }
    if (m->type == CPNS_SG_MEMBER_CHANGE) {
        cpns_set_span(&back, CPNS_CHANGE, cpns_text(m, CPNS_CHANGE));
    } else {
        cpns_set_span(&back, CPNS_OWNER_ID, cpns_text(m, CPNS_OWNER_ID));
    }
    struct agent_route route =
        pne_group_route(p, entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID)));
    agent_send(&p->agent, &back, &route);
}

static bool is_about_me(const struct pne *p, const struct cpns_message *m)
{
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    for (size_t i = 0; i < list->list_count; i++) {
        if (entity_by_urn(p->agent.entity, list->list[i]) == entity_self(p->agent.entity)) {
            return true;
        }
    }
    return false;
}

enum disposition pne_on_member_change(struct pne *p, const struct cpns_message *m)
{
    struct pne_group *g = group_of(p, m);
    if (g == NULL) {
        return agent_refuse(&p->agent, "unknown_group");
    }
    if (is_about_me(p, m) && span_equal_str(cpns_text(m, CPNS_CHANGE), "removed")) {
        pne_group_ended(p, g);
    }
    heard(p, m);
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_owner_change(struct pne *p, const struct cpns_message *m)
{
    struct pne_group *g = group_of(p, m);
    if (g == NULL) {
        return agent_refuse(&p->agent, "unknown_group");
    }
    if (pne_group_is_in(g)) {
        pne_group_owned_by(p, g, m);
    }
    heard(p, m);
    return MESSAGE_DELIVERED;
}

/* --- what it asks
 * ------------------------------------------------------------------------------------------- */

static struct pne_group *member_of(struct pne *p, uint32_t group, const char *skipped)
{
    struct pne_group *g = pne_group_find(p, group);
    if (p->state == PNE_JOINED && g != NULL && g->state == GROUP_MEMBER) {
        return g;
    }
    entity_event(p->agent.entity, "work_skipped", skipped);
    return NULL;
}

void pne_group_invite(struct pne *p, uint32_t group, const struct scenario_work *work)
{
    struct entity *e = p->agent.entity;
    if (member_of(p, group, "group-invite: not a member") == NULL) {
        return;
    }
    for (size_t i = 0; i < work->member_count; i++) {
        struct cpns_message m;
        pne_group_begin(p, &m, CPNS_SG_INVITE_REQUEST, group);
        cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, work->members[i])));
        pne_group_request(p, &m, group, "sg-invite");
    }
}

void pne_group_expel(struct pne *p, uint32_t group, entity_id member)
{
    if (member_of(p, group, "group-leave: not a member") == NULL) {
        return;
    }
    struct cpns_message m;
    pne_group_begin(p, &m, CPNS_SG_LEAVE_REQUEST, group);
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(p->agent.entity, member)));
    pne_group_request(p, &m, group, "sg-leave");
}

void pne_group_transfer(struct pne *p, uint32_t group, entity_id wish)
{
    if (member_of(p, group, "group-owner-transfer: not a member") == NULL) {
        return;
    }
    struct cpns_message m;
    pne_group_begin(p, &m, CPNS_SG_OWNER_TRANSFER_REQUEST, group);
    if (wish != ENTITY_NONE) {
        cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(p->agent.entity, wish));
    }
    pne_group_request(p, &m, group, "sg-owner-transfer");
}

void pne_group_discover(struct pne *p, const struct scenario_work *work)
{
    struct entity *e = p->agent.entity;
    if (p->state != PNE_JOINED) {
        entity_event(e, "work_skipped", "group-discover: in no personal network");
        return;
    }
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SG_DISCOVERY_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    if (work->keyword != NULL) {
        cpns_set_text(&m, CPNS_KEYWORD, work->keyword);
    }
    if (work->service != NULL) {
        cpns_set_text(&m, CPNS_SERVICE_ID, work->service);
    }
    for (size_t i = 0; i < work->member_count; i++) {
        cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, work->members[i])));
    }
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, 0, "sg-discovery", work->keyword);
}

/* --- answers to it
 * ------------------------------------------------------------------------------------------ */

enum disposition pne_on_group_discovered(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    if (!agent_answered(&p->agent, m, CPNS_SG_DISCOVERY_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct buf text = {0};
    const struct cpns_value *found = cpns_value(m, CPNS_FOUND_SG_ID);
    for (size_t i = 0; i < found->list_count; i++) {
        uint32_t number = entity_group_by_urn(p->agent.entity, found->list[i]);
        buf_printf(&text, "%s%s", i > 0 ? ", " : "",
                   number != SCENARIO_NONE ? id_of(p, number) : "?");
    }
    char *names = buf_steal_str(&text);
    entity_event(p->agent.entity, "sg_found", names);
    free(names);
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_invite_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_SG_INVITE_REQUEST);
    } else if (agent_answered(&p->agent, m, CPNS_SG_INVITE_REQUEST, &cookie)) {
        entity_event(p->agent.entity, status == 200 ? "sg_invited" : "sg_invitation_refused",
                     id_of(p, (uint32_t)cookie));
    }
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_transfer_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_SG_OWNER_TRANSFER_REQUEST);
    } else if (agent_answered(&p->agent, m, CPNS_SG_OWNER_TRANSFER_REQUEST, &cookie)) {
        struct pne_group *g = pne_group_find(p, (uint32_t)cookie);
        CHECK(g != NULL);
        entity_event(p->agent.entity, status == 200 ? "sg_transferred" : "sg_transfer_refused",
                     id_of(p, g->group));
        if (pne_group_is_in(g)) {
            pne_group_owned_by(p, g, m);
        }
    }
    return MESSAGE_DELIVERED;
}

/* Of SGMemberInfo and SGAdminInfo. */
enum disposition pne_on_record_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    enum cpns_type request =
        m->type == CPNS_SG_MEMBER_INFO_RESPONSE ? CPNS_SG_MEMBER_INFO : CPNS_SG_ADMIN_INFO;
    agent_answered(&p->agent, m, request, &cookie);
    return MESSAGE_DELIVERED;
}
