/* The PNE as PN Admin, candidate or adminee (US9491246), and what it has kept of its use of the PN
 * (US9537713). */
#include "models/pne/pne.h"

static void begin(struct pne *p, struct cpns_message *m, enum cpns_type type)
{
    struct entity *e = p->agent.entity;
    agent_begin(&p->agent, m, type, entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
}

static bool may_ask(struct pne *p, uint32_t pn, const char *skipped)
{
    bool may = pn == p->pn && p->state == PNE_JOINED;
    if (!may) {
        entity_event(p->agent.entity, "work_skipped", skipped);
    }
    return may;
}

/* --- administrator
 * --------------------------------------------------------------------------------------- */

void pne_work_admin(struct pne *p, uint32_t pn, entity_id candidate)
{
    struct entity *e = p->agent.entity;
    struct cpns_message m;
    candidate = candidate == SCENARIO_NONE ? entity_self(e) : candidate;
    if (!may_ask(p, pn, "admin-assign: not a member")) {
        return;
    }
    begin(p, &m, CPNS_ADMIN_ASSIGN);
    cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, candidate));
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, candidate, "admin-assign", entity_name(e, candidate));
}

enum disposition pne_on_admin_response(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    uint64_t candidate;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_ADMIN_ASSIGN);
    } else if (agent_answered(&p->agent, m, CPNS_ADMIN_ASSIGN, &candidate)) {
        entity_event(e, status == 200 ? "admin_is" : "admin_not_assigned",
                     entity_name(e, (entity_id)candidate));
    }
    return MESSAGE_DELIVERED;
}

/* Asked to become administrator: it agrees for its own PN and user. */
enum disposition pne_on_admin_assign(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    const char *user = entity_scenario(e)->nodes[entity_self(e)].user;
    bool accepts = p->state == PNE_JOINED &&
                   entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)) == p->pn &&
                   agent_is_me(&p->agent, m, CPNS_CANDIDATE_ID) &&
                   span_equal_str(cpns_text(m, CPNS_USER_ID), user);
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_ADMIN_ASSIGN_RESPONSE, m, accepts ? 200 : 403);
    cpns_set_integer(&answer, CPNS_ACCEPT, accepts);
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

void pne_work_adminee(struct pne *p, uint32_t pn, entity_id adminee, const char *change)
{
    struct entity *e = p->agent.entity;
    struct cpns_message m;
    if (!may_ask(p, pn, "adminee: not a member")) {
        return;
    }
    adminee = adminee == SCENARIO_NONE ? entity_self(e) : adminee;
    begin(p, &m, CPNS_ADMINEE_CHANGE);
    cpns_add_text(&m, CPNS_ADMINEE_ID, span_of_str(entity_urn(e, adminee)));
    cpns_set_text(&m, CPNS_CHANGE, change);
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, adminee, "adminee-change", entity_name(e, adminee));
}

enum disposition pne_on_adminee_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t adminee;
    if (agent_answered(&p->agent, m, CPNS_ADMINEE_CHANGE, &adminee)) {
        entity_event(p->agent.entity,
                     cpns_integer(m, CPNS_STATUS) == 200 ? "adminee_changed"
                                                         : "adminee_not_changed",
                     entity_name(p->agent.entity, (entity_id)adminee));
    }
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_adminee_change(struct pne *p, const struct cpns_message *m)
{
    struct cpns_message answer;
    bool out = span_equal_str(cpns_text(m, CPNS_CHANGE), "removed");
    entity_event(p->agent.entity, out ? "adminee_no_more" : "adminee", NULL);
    agent_answer(&p->agent, &answer, CPNS_ADMINEE_CHANGE_RESPONSE, m, 200);
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

/* --- usage information
 * ----------------------------------------------------------------------------------- */

void pne_work_usage(struct pne *p, const struct scenario_work *work, entity_id pne)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    struct cpns_message m;
    pne = pne == SCENARIO_NONE ? entity_self(e) : pne;
    if (!may_ask(p, work->pns[0], "usage-info: not a member")) {
        return;
    }
    int64_t store = ((work->store & 1U << STORE_GATEWAY) != 0 ? USAGE_AT_GATEWAY : 0) |
                    ((work->store & 1U << STORE_PNE) != 0 ? USAGE_AT_PNE : 0);
    begin(p, &m, CPNS_PN_USAGE_INFO_CREATE_REQUEST);
    cpns_set_text(&m, CPNS_USER_ID, s->nodes[pne].user);
    cpns_set_text(&m, CPNS_ALIAS, s->pns[p->pn].alias);
    cpns_set_integer(&m, CPNS_EXPIRY, (work->expiry + SIM_S - 1) / SIM_S);
    cpns_set_integer(&m, CPNS_STORE, store);
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
    cpns_set_text(&m, CPNS_GATEWAY_ID, entity_urn(e, p->gateway));
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, pne, "usage-info", entity_name(e, pne));
}

/* Also unasked: the administrator edited it. */
enum disposition pne_on_usage_info(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    uint64_t pne;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    bool mine = cpns_has(m, CPNS_PNE_ID) &&
                entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0)) == entity_self(e);
    if (agent_answered(&p->agent, m, CPNS_PN_USAGE_INFO_CREATE_REQUEST, &pne)) {
        entity_event(e, status == 200 ? "usage_info_kept" : "usage_info_refused",
                     entity_name(e, (entity_id)pne));
    }
    if (status == 200 && mine && (cpns_integer(m, CPNS_STORE) & USAGE_AT_PNE) != 0) {
        const struct usage_info *u = usage_copy(&p->usage, &p->agent, m);
        if (u != NULL && u->end > entity_now(e)) {
            entity_timer_set(e, u->end - entity_now(e), PNE_TIMER_USAGE, 0);
        }
    }
    return MESSAGE_DELIVERED;
}
