/* Devices that come into a PN that stands already, and leave it (US9026634). A PNE that leaves is
 * out at once; the server is told until it answers, and learns it from the next registration too.
 */
#include "models/pn_gateway/gateway.h"

static void answer_pne(struct gateway *g, const struct pn *pn, entity_id pne, enum cpns_type type,
                       int64_t transaction, uint64_t flow, int status)
{
    struct entity *e = g->agent.entity;
    struct cpns_message answer;
    agent_begin(&g->agent, &answer, type, entity_urn(e, pne));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, transaction);
    cpns_set_integer(&answer, CPNS_STATUS, status);
    if (pn != NULL) {
        cpns_set_text(&answer, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    }
    cpns_add_text(&answer, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
    struct agent_route route = gateway_route(pne, pn);
    route.flow = flow;
    agent_send(&g->agent, &answer, &route);
}

/* The PN that a message is about, when it is one of this gateway's that stands. */
static struct pn *pn_of(struct gateway *g, const struct cpns_message *m)
{
    uint32_t number = entity_pn_by_urn(g->agent.entity, cpns_text(m, CPNS_PN_ID));
    for (size_t i = 0; i < g->pn_count; i++) {
        if (g->pns[i].number == number && number != SCENARIO_NONE) {
            return &g->pns[i];
        }
    }
    return NULL;
}

static struct member *member_in(struct gateway *g, entity_id pne, const struct pn *pn)
{
    struct pn *its = NULL;
    struct member *m = pne != ENTITY_NONE ? gateway_member(g, pne, &its) : NULL;
    return its == pn ? m : NULL;
}

/* --- add
 * ------------------------------------------------------------------------------------------------
 */

static void ask_server_to_add(struct gateway *g, const struct pn *pn, entity_id pne)
{
    struct entity *e = g->agent.entity;
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_PN_ADD_DEVICE, entity_urn(e, g->server));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
    struct agent_route route = gateway_route(g->server, pn);
    agent_request_flow(&g->agent, &m, &route, pne, "pn-add", entity_name(e, pne));
}

void gateway_work_add(struct gateway *g, uint32_t number, entity_id pne)
{
    struct pn *pn = NULL;
    struct member *m = pne != SCENARIO_NONE ? gateway_member(g, pne, &pn) : NULL;
    if (m == NULL || pn->number != number || pn->state != PN_ACTIVE) {
        entity_event(g->agent.entity, "work_skipped", "pn-add: no such network or device here");
    } else if (m->state == MEMBER_ABSENT && !agent_waits(&g->agent, CPNS_PN_ADD_DEVICE, pne)) {
        ask_server_to_add(g, pn, pne);
    }
}

/* The server agrees: in again, whatever was still to be said of its leaving. */
static void admit(struct gateway *g, struct member *m)
{
    agent_forget_cookie(&g->agent, CPNS_PN_LEAVE, m->pne);
    m->outside = m->unsaid = m->leaving = false;
    m->added = true;
}

/* PNConnectionReject (US9241001): the PNE is turned away, and told why. */
static void turn_away(struct gateway *g, const struct pn *pn, struct member *m, const char *reason)
{
    struct entity *e = g->agent.entity;
    struct cpns_message reject;
    m->asked = false;
    agent_begin(&g->agent, &reject, CPNS_PN_CONNECTION_REJECT, entity_urn(e, m->pne));
    cpns_set_integer(&reject, CPNS_TRANSACTION_ID, m->request);
    cpns_set_integer(&reject, CPNS_STATUS, 403);
    cpns_set_text(&reject, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&reject, CPNS_REASON, reason);
    struct agent_route route = gateway_route(m->pne, pn);
    route.flow = m->flow;
    agent_send(&g->agent, &reject, &route);
}

/* A PNE outside asks for the PN: the server is asked first; a PN with an administrator takes only
 * whom that adds. */
enum disposition gateway_ask_to_add(struct gateway *g, struct pn *pn, struct member *m)
{
    bool founds = pn->state != PN_ACTIVE && !m->candidate;
    if (pn->admin != ENTITY_NONE) {
        turn_away(g, pn, m, "the administrator has not added it");
    } else if (pn->state != PN_ACTIVE && m->candidate) {
        gateway_answer_member(g, pn, m, 404);
    } else if (founds) {
        admit(g, m);
        gateway_begin_member(g, pn, m);
    } else if (agent_waits(&g->agent, CPNS_PN_ADD_DEVICE, m->pne)) {
        gateway_under_way(g, pn, m);
    } else {
        ask_server_to_add(g, pn, m->pne);
    }
    return MESSAGE_DELIVERED;
}

enum disposition gateway_on_add_device(struct gateway *g, struct cpns_message *m,
                                       const struct received *r)
{
    struct pn *its = NULL;
    const struct member *asking = gateway_member(g, r->from, &its);
    const struct pn *pn = pn_of(g, m);
    int status = asking == NULL || asking->state != MEMBER_REGISTERED || its != pn ? 403 : 200;
    for (size_t i = 0; status == 200 && i < cpns_value(m, CPNS_PNE_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(g->agent.entity, cpns_item(m, CPNS_PNE_ID, i));
        status = member_in(g, pne, pn) != NULL ? 200 : 404; /* not attached here */
    }
    if (status != 200) {
        struct cpns_message answer;
        agent_answer(&g->agent, &answer, CPNS_PN_ADD_DEVICE_RESPONSE, m, status);
        struct agent_route route = gateway_route(r->from, its);
        agent_send(&g->agent, &answer, &route);
        return agent_refuse(&g->agent, status == 403 ? "403" : "404");
    }
    return agent_relay(&g->agent, m, g->server, EXEMPT_NOT, r);
}

void gateway_saw_added(struct gateway *g, const struct cpns_message *m)
{
    struct pn *pn = pn_of(g, m);
    for (size_t i = 0; pn != NULL && i < cpns_value(m, CPNS_PNE_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(g->agent.entity, cpns_item(m, CPNS_PNE_ID, i));
        struct member *added = member_in(g, pne, pn);
        if (added != NULL && added->state == MEMBER_ABSENT) {
            admit(g, added);
            gateway_invite(g, pn, added);
        }
    }
}

enum disposition gateway_on_add_response(struct gateway *g, const struct cpns_message *m)
{
    struct pn *pn;
    uint64_t pne;
    if (!agent_answered(&g->agent, m, CPNS_PN_ADD_DEVICE, &pne)) {
        return MESSAGE_DELIVERED;
    }
    struct member *added = gateway_member(g, (entity_id)pne, &pn);
    bool good = cpns_integer(m, CPNS_STATUS) == 200;
    CHECK(added != NULL);
    if (added->state != MEMBER_ABSENT) {
        return MESSAGE_DELIVERED;
    }
    if (good) {
        bool asked = added->asked;
        admit(g, added);
        if (asked) {
            gateway_begin_member(g, pn, added);
        } else {
            gateway_invite(g, pn, added);
        }
    } else {
        gateway_add_failed(g, (entity_id)pne, (int)cpns_integer(m, CPNS_STATUS));
    }
    return MESSAGE_DELIVERED;
}

void gateway_add_failed(struct gateway *g, entity_id pne, int status)
{
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    CHECK(m != NULL);
    entity_event(g->agent.entity, "device_not_added", entity_name(g->agent.entity, pne));
    if (m->state == MEMBER_ABSENT) {
        gateway_answer_member(g, pn, m, status);
    }
}

/* --- leave
 * ---------------------------------------------------------------------------------------------- */

/* Nobody is in it any more, and the server has deleted it. */
void gateway_check_empty(struct gateway *g, struct pn *pn)
{
    if (!pn->emptying || pn->state != PN_ACTIVE) {
        return;
    }
    for (size_t i = 0; i < pn->member_count; i++) {
        if (pn->members[i].state != MEMBER_ABSENT) {
            return;
        }
    }
    pn->emptying = false;
    agent_forget_cookie(&g->agent, CPNS_REGISTRATION_REQUEST, (uint64_t)(pn - g->pns));
    pn->registering = false;
    if (pn_move(g, pn, PN_EV_RELEASED, PN_NONE)) {
        entity_event(g->agent.entity, "pn_empty",
                     entity_scenario(g->agent.entity)->pns[pn->number].id);
    }
}

/* Out of the tables of this gateway. */
static void take_out(struct gateway *g, struct pn *pn, struct member *m)
{
    bool registered = m->state == MEMBER_REGISTERED;
    gateway_forget_member(g, pn, m);
    capability_forget(&g->devices, m->pne);
    gateway_group_forget(g, m->pne);
    if (pn->admin == m->pne) {
        pn->admin = ENTITY_NONE;
    }
    entity_event(g->agent.entity, "member_left", entity_name(g->agent.entity, m->pne));
    bool others = false;
    for (size_t i = 0; i < pn->member_count; i++) {
        others = others || pn->members[i].state == MEMBER_REGISTERED;
    }
    pn->emptying = pn->emptying || (registered && !others);
    gateway_check_empty(g, pn);
}

static void tell_server(struct gateway *g, const struct pn *pn, struct member *m)
{
    struct entity *e = g->agent.entity;
    struct cpns_message leave;
    m->unsaid = true;
    agent_begin(&g->agent, &leave, CPNS_PN_LEAVE, entity_urn(e, g->server));
    cpns_set_text(&leave, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_add_text(&leave, CPNS_PNE_ID, span_of_str(entity_urn(e, m->pne)));
    struct agent_route route = gateway_route(g->server, pn);
    if (m->leaving) {
        agent_request(&g->agent, &leave, &route, m->pne); /* within what the PNE began */
    } else {
        agent_request_flow(&g->agent, &leave, &route, m->pne, "pn-leave", entity_name(e, m->pne));
    }
}

void gateway_lost_member(struct gateway *g, struct pn *pn, struct member *m)
{
    take_out(g, pn, m);
    tell_server(g, pn, m);
}

/* The PNE itself leaves. */
static enum disposition leaves_itself(struct gateway *g, struct pn *pn, struct member *m,
                                      int64_t transaction)
{
    if (m->leaving) {
        m->leave_request = transaction;
        answer_pne(g, pn, m->pne, CPNS_PN_LEAVE_RESPONSE, transaction, 0, 202);
    } else if (m->outside || pn->state == PN_NONE) {
        answer_pne(g, pn, m->pne, CPNS_PN_LEAVE_RESPONSE, transaction, 0,
                   404); /* its answer was lost */
    } else {
        m->leaving = m->outside = true;
        m->leave_request = transaction;
        m->leave_flow = entity_flow(g->agent.entity);
        gateway_lost_member(g, pn, m);
    }
    return MESSAGE_DELIVERED;
}

enum disposition gateway_on_leave(struct gateway *g, struct cpns_message *m,
                                  const struct received *r)
{
    struct pn *its = NULL;
    struct member *asking = gateway_member(g, r->from, &its);
    struct pn *pn = pn_of(g, m);
    entity_id pne = cpns_has(m, CPNS_PNE_ID)
                        ? entity_by_urn(g->agent.entity, cpns_item(m, CPNS_PNE_ID, 0))
                        : r->from;
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (asking == NULL || its != pn) {
        answer_pne(g, NULL, r->from, CPNS_PN_LEAVE_RESPONSE, transaction, 0, 404);
        return agent_refuse(&g->agent, "404");
    }
    if (pne == r->from) {
        return leaves_itself(g, pn, asking, transaction);
    }
    if (asking->state != MEMBER_REGISTERED || member_in(g, pne, pn) == NULL) {
        bool member = asking->state == MEMBER_REGISTERED;
        answer_pne(g, pn, r->from, CPNS_PN_LEAVE_RESPONSE, transaction, 0, member ? 404 : 403);
        return agent_refuse(&g->agent, member ? "404" : "403");
    }
    return agent_relay(&g->agent, m, g->server, EXEMPT_NOT, r);
}

enum disposition gateway_on_leave_response(struct gateway *g, const struct cpns_message *m)
{
    struct pn *pn;
    uint64_t pne;
    if (!agent_answered(&g->agent, m, CPNS_PN_LEAVE, &pne)) {
        return MESSAGE_DELIVERED;
    }
    struct member *left = gateway_member(g, (entity_id)pne, &pn);
    CHECK(left != NULL);
    left->unsaid = false;
    if (left->leaving) {
        left->leaving = false;
        answer_pne(g, pn, left->pne, CPNS_PN_LEAVE_RESPONSE, left->leave_request, left->leave_flow,
                   200);
    }
    return MESSAGE_DELIVERED;
}

/* Told again later: the PNE is out all the same, and knows. */
void gateway_leave_untold(struct gateway *g, entity_id pne)
{
    struct entity *e = g->agent.entity;
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    CHECK(m != NULL);
    if (!m->unsaid) {
        return;
    }
    if (m->leaving) {
        m->leaving = false;
        answer_pne(g, pn, pne, CPNS_PN_LEAVE_RESPONSE, m->leave_request, m->leave_flow, 504);
    }
    entity_timer_cancel(e, m->again);
    m->again = entity_timer_set(e, entity_scenario(e)->timers.keep_alive, GATEWAY_TIMER_LEAVE, pne);
}

void gateway_tell_leave_again(struct gateway *g, entity_id pne)
{
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    CHECK(m != NULL);
    m->again = 0;
    if (m->unsaid && !agent_waits(&g->agent, CPNS_PN_LEAVE, pne)) {
        tell_server(g, pn, m);
    }
}

void gateway_membership_server_failed(struct gateway *g)
{
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        for (size_t k = 0; k < pn->member_count; k++) {
            struct member *m = &pn->members[k];
            gateway_leave_untold(g, m->pne);
            if (m->outside && m->state == MEMBER_ABSENT) {
                gateway_answer_member(g, pn, m, 503); /* it waits to be added */
            }
        }
    }
}

/* The administrator took somebody out: who is told by its gateway. */
void gateway_saw_left(struct gateway *g, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    struct pn *pn = pn_of(g, m);
    entity_id pne =
        cpns_has(m, CPNS_PNE_ID) ? entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0)) : ENTITY_NONE;
    struct member *left = pn != NULL ? member_in(g, pne, pn) : NULL;
    if (left == NULL || left->outside) {
        return;
    }
    left->outside = true;
    bool tell = left->state != MEMBER_ABSENT && entity_connected(e, pne);
    take_out(g, pn, left);
    if (tell) {
        struct cpns_message notice;
        agent_begin(&g->agent, &notice, CPNS_PN_LEAVE, entity_urn(e, pne));
        cpns_set_text(&notice, CPNS_PN_ID, entity_pn_urn(e, pn->number));
        cpns_add_text(&notice, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
        struct agent_route route = gateway_route(pne, pn);
        agent_send(&g->agent, &notice, &route);
    }
}

/* What the server did not take into the inventory: taken out while the registration was on its way.
 */
void gateway_not_registered(struct gateway *g, struct pn *pn, struct member *m)
{
    m->outside = true;
    m->listed = false;
    gateway_answer_member(g, pn, m, 403);
    take_out(g, pn, m);
}
