/* The PN Admin (US9491246): a member that may edit the others' data, all of one user. */
#include <string.h>

#include "models/cpns_server/server.h"

static const char *user_of(const struct server *s, entity_id id)
{
    return entity_scenario(s->agent.entity)->nodes[id].user; /* the subscribers' register */
}

static bool same_user(const struct server *s, entity_id a, entity_id b)
{
    return strcmp(user_of(s, a), user_of(s, b)) == 0;
}

static bool is_member(const struct server *s, uint32_t pn, entity_id pne)
{
    return server_is_registered(s, pne, ENTITY_NONE) && server_subscriber(s, pne)->pn == pn;
}

bool server_is_admin_of(const struct server *s, uint32_t pn, entity_id origin, entity_id pne)
{
    const struct subscriber *sub = server_subscriber(s, pne);
    return s->pns[pn].admin != ENTITY_NONE && s->pns[pn].admin == origin &&
           is_member(s, pn, origin) && sub != NULL && !sub->not_adminee &&
           same_user(s, origin, pne);
}

void server_take_admin(struct server *s, const struct cpns_message *registration, uint32_t pn)
{
    entity_id admin = agent_entity(&s->agent, registration, CPNS_ADMIN_ID);
    if (admin == ENTITY_NONE) {
        return;
    }
    if (!same_user(s, admin, s->pns[pn].gateway)) {
        entity_event(s->agent.entity, "admin_refused", entity_name(s->agent.entity, admin));
    } else {
        s->pns[pn].admin = admin;
    }
}

static void say_admin(struct server *s, struct cpns_message *answer, uint32_t pn)
{
    if (s->pns[pn].admin != ENTITY_NONE) {
        cpns_set_text(answer, CPNS_ADMIN_ID, entity_urn(s->agent.entity, s->pns[pn].admin));
    }
}

/* --- assign
 * ---------------------------------------------------------------------------------------------- */

static void set_admin(struct server *s, uint32_t pn, entity_id admin)
{
    s->pns[pn].admin = admin;
    entity_event(s->agent.entity, "admin_assigned", entity_name(s->agent.entity, admin));
}

static int may_assign(const struct server *s, uint32_t pn, entity_id origin, entity_id candidate,
                      entity_id from)
{
    if (pn == SCENARIO_NONE || !s->pns[pn].stored || candidate == ENTITY_NONE ||
        !is_member(s, pn, candidate)) {
        return 404;
    }
    bool may =
        s->pns[pn].gateway == from && is_member(s, pn, origin) &&
        (s->pns[pn].admin == ENTITY_NONE ? same_user(s, origin, from) : s->pns[pn].admin == origin);
    return may && same_user(s, candidate, from) ? 200 : 403;
}

static struct pending_admin *pending(struct server *s, uint32_t pn)
{
    for (size_t i = 0; i < s->admin_count; i++) {
        if (s->admins[i].used && s->admins[i].pn == pn) {
            return &s->admins[i];
        }
    }
    return NULL;
}

static void ask_candidate(struct server *s, const struct pending_admin *asked)
{
    struct entity *e = s->agent.entity;
    size_t slot = 0;
    while (slot < s->admin_count && s->admins[slot].used) {
        slot++;
    }
    if (slot == s->admin_count) {
        (void)MEM_PUSH(s->admins, s->admin_count, s->admin_capacity);
    }
    s->admins[slot] = *asked;
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_ADMIN_ASSIGN, entity_urn(e, asked->candidate));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, asked->pn));
    cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, asked->candidate));
    cpns_set_text(&m, CPNS_USER_ID, user_of(s, asked->candidate));
    struct agent_route route = server_route(s, asked->candidate);
    agent_request(&s->agent, &m, &route, slot);
}

/* One candidate at a time: another one meanwhile is told 409. */
enum disposition server_on_admin_assign(struct server *s, const struct cpns_message *m,
                                        entity_id from)
{
    struct entity *e = s->agent.entity;
    struct pending_admin asked = {.used = true,
                                  .pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)),
                                  .origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID),
                                  .candidate = agent_entity(&s->agent, m, CPNS_CANDIDATE_ID),
                                  .transaction = cpns_integer(m, CPNS_TRANSACTION_ID),
                                  .flow = entity_flow(e)};
    bool stored = asked.pn != SCENARIO_NONE && s->pns[asked.pn].stored;
    /* It was assigned, and the answer got lost. */
    bool done = stored && s->pns[asked.pn].admin == asked.candidate &&
                asked.candidate != ENTITY_NONE && s->pns[asked.pn].admin_by == asked.origin;
    int status = done ? 200 : may_assign(s, asked.pn, asked.origin, asked.candidate, from);
    const struct pending_admin *other = status == 200 ? pending(s, asked.pn) : NULL;
    if (other != NULL && !done) {
        bool same = other->origin == asked.origin && other->candidate == asked.candidate;
        status = same ? 202 : 409;
    } else if (status == 200 && !done && asked.candidate != asked.origin) {
        ask_candidate(s, &asked);
        status = 202;
    } else if (status == 200 && !done) {
        s->pns[asked.pn].admin_by = asked.origin;
        set_admin(s, asked.pn, asked.candidate);
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_ADMIN_ASSIGN_RESPONSE, m, status);
    cpns_set_span(&answer, CPNS_CANDIDATE_ID, cpns_text(m, CPNS_CANDIDATE_ID));
    if (stored) {
        say_admin(s, &answer, asked.pn);
    }
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

static void candidate_said(struct server *s, uint64_t slot, int status)
{
    struct entity *e = s->agent.entity;
    struct pending_admin asked = s->admins[slot];
    s->admins[slot].used = false;
    bool stands = s->pns[asked.pn].stored && is_member(s, asked.pn, asked.candidate);
    if (status == 200 && stands) {
        s->pns[asked.pn].admin_by = asked.origin;
        set_admin(s, asked.pn, asked.candidate);
    }
    if (!is_member(s, asked.pn, asked.origin)) {
        return;
    }
    struct cpns_message answer;
    agent_begin(&s->agent, &answer, CPNS_ADMIN_ASSIGN_RESPONSE, entity_urn(e, asked.origin));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, asked.transaction);
    cpns_set_integer(&answer, CPNS_STATUS, stands ? status : 404);
    cpns_set_text(&answer, CPNS_PN_ID, entity_pn_urn(e, asked.pn));
    cpns_set_text(&answer, CPNS_CANDIDATE_ID, entity_urn(e, asked.candidate));
    say_admin(s, &answer, asked.pn);
    struct agent_route route = server_route(s, asked.origin);
    route.flow = asked.flow;
    agent_send(&s->agent, &answer, &route);
}

enum disposition server_on_admin_answer(struct server *s, const struct cpns_message *m)
{
    uint64_t slot;
    if (agent_answered(&s->agent, m, CPNS_ADMIN_ASSIGN, &slot)) {
        bool accepts = cpns_integer(m, CPNS_STATUS) == 200 && cpns_integer(m, CPNS_ACCEPT) == 1;
        candidate_said(s, slot, accepts ? 200 : 403);
    }
    return MESSAGE_DELIVERED;
}

void server_candidate_silent(struct server *s, uint64_t slot)
{
    candidate_said(s, slot, 504);
}

/* --- adminees
 * -------------------------------------------------------------------------------------------- */

static int may_change(const struct server *s, const struct cpns_message *m, uint32_t pn,
                      entity_id from)
{
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    bool joins = span_equal_str(cpns_text(m, CPNS_CHANGE), "joined");
    if (pn == SCENARIO_NONE || !s->pns[pn].stored) {
        return 404;
    }
    if (s->pns[pn].gateway != from || s->pns[pn].admin == ENTITY_NONE ||
        s->pns[pn].admin != origin) {
        return 403;
    }
    if (!joins && !span_equal_str(cpns_text(m, CPNS_CHANGE), "removed")) {
        return 400;
    }
    for (size_t i = 0; i < cpns_value(m, CPNS_ADMINEE_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(s->agent.entity, cpns_item(m, CPNS_ADMINEE_ID, i));
        if (pne == ENTITY_NONE || !is_member(s, pn, pne)) {
            return 404;
        }
        if (joins && !same_user(s, origin, pne)) {
            return 403;
        }
    }
    return 200;
}

/* Whom it concerns is told, until it says that it knows. */
static void tell_adminee(struct server *s, const struct cpns_message *m, uint32_t pn, entity_id pne)
{
    struct entity *e = s->agent.entity;
    struct cpns_message notice;
    agent_begin(&s->agent, &notice, CPNS_ADMINEE_CHANGE, entity_urn(e, pne));
    cpns_set_text(&notice, CPNS_PN_ID, entity_pn_urn(e, pn));
    cpns_add_text(&notice, CPNS_ADMINEE_ID, span_of_str(entity_urn(e, pne)));
    cpns_set_span(&notice, CPNS_CHANGE, cpns_text(m, CPNS_CHANGE));
    say_admin(s, &notice, pn);
    struct agent_route route = server_route(s, pne);
    agent_request(&s->agent, &notice, &route, pne);
}

enum disposition server_on_adminee_change(struct server *s, const struct cpns_message *m,
                                          entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    int status = may_change(s, m, pn, from);
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_ADMINEE_CHANGE_RESPONSE, m, status);
    cpns_set_span(&answer, CPNS_CHANGE, cpns_text(m, CPNS_CHANGE));
    for (size_t i = 0; i < cpns_value(m, CPNS_ADMINEE_ID)->list_count; i++) {
        cpns_add_text(&answer, CPNS_ADMINEE_ID, cpns_item(m, CPNS_ADMINEE_ID, i));
    }
    server_answer(s, &answer, from);
    for (size_t i = 0; status == 200 && i < cpns_value(m, CPNS_ADMINEE_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_ADMINEE_ID, i));
        struct subscriber *sub = server_subscriber(s, pne);
        bool out = span_equal_str(cpns_text(m, CPNS_CHANGE), "removed");
        if (sub->not_adminee != out) {
            sub->not_adminee = out;
            tell_adminee(s, m, pn, pne);
        }
    }
    return MESSAGE_DELIVERED;
}

enum disposition server_on_adminee_answer(struct server *s, const struct cpns_message *m)
{
    uint64_t pne;
    agent_answered(&s->agent, m, CPNS_ADMINEE_CHANGE, &pne);
    return MESSAGE_DELIVERED;
}
