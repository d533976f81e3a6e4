/* The gateway's part of PN establishment and authentication (cpns-model.md flows 2 and 3). */
#include <stdlib.h>

#include "models/cpns/gateways.h"
#include "models/pn_gateway/gateway.h"

/* --- tables
 * --------------------------------------------------------------------------------------------- */

/* The networks that it may serve (gateway_may_serve()): its own and those of its device's PNE, in
 * order. Returns how many; the caller frees them. */
static size_t find_pns(const struct scenario *s, entity_id self, uint32_t **ret)
{
    uint32_t twin = s->nodes[self].twin;
    const struct scenario_belonging *at = &s->belongings[s->belonging_from[self]];
    const struct scenario_belonging *end = &s->belongings[s->belonging_from[self + 1]];
    const struct scenario_belonging *of_twin = end;
    const struct scenario_belonging *end_of_twin = end;
    if (twin != SCENARIO_NONE) {
        of_twin = &s->belongings[s->belonging_from[twin]];
        end_of_twin = &s->belongings[s->belonging_from[twin + 1]];
    }
    size_t count = 0;
    *ret = mem_calloc((size_t)(end - at) + (size_t)(end_of_twin - of_twin), sizeof(**ret));
    while (at < end || of_twin < end_of_twin) {
        bool own = of_twin == end_of_twin || (at < end && at->pn <= of_twin->pn);
        uint32_t pn = own ? (at++)->pn : (of_twin++)->pn;
        if (count == 0 || (*ret)[count - 1] != pn) {
            (*ret)[count++] = pn;
        }
    }
    return count;
}

void gateway_establishment_start(struct gateway *g)
{
    const struct scenario *s = entity_scenario(g->agent.entity);
    entity_id self = entity_self(g->agent.entity);
    uint32_t *numbers;
    g->pn_count = find_pns(s, self, &numbers);
    g->pns = mem_calloc(g->pn_count, sizeof(*g->pns));
    for (size_t at = 0; at < g->pn_count; at++) {
        uint32_t i = numbers[at];
        CHECK(gateway_may_serve(s, i, self));
        struct pn *pn = &g->pns[at];
        pn->number = i;
        pn->admin = s->pns[i].admin != SCENARIO_NONE ? s->pns[i].admin : ENTITY_NONE;
        pn->serving = s->pns[i].gateway == self;
        pn->successor = pn->serving ? ENTITY_NONE : s->pns[i].gateway;
        pn->candidate = ENTITY_NONE;
        pn->member_count = s->pns[i].member_count + s->pns[i].candidate_count;
        pn->members = mem_calloc(pn->member_count, sizeof(*pn->members));
        for (size_t k = 0; k < pn->member_count; k++) {
            struct member *m = &pn->members[k];
            bool candidate = k >= s->pns[i].member_count;
            m->pne =
                candidate ? s->pns[i].candidates[k - s->pns[i].member_count] : s->pns[i].members[k];
            m->candidate = m->outside = candidate;
            map_set(&g->places, m->pne, (uint64_t)at << 32 | k);
        }
    }
    free(numbers);
}

static void set_guard(struct gateway *g, struct member *m)
{
    entity_timer_cancel(g->agent.entity, m->guard);
    m->guard =
        entity_timer_set(g->agent.entity, agent_patience(&g->agent), GATEWAY_TIMER_GUARD, m->pne);
}

static void clear_guard(struct gateway *g, struct member *m)
{
    entity_timer_cancel(g->agent.entity, m->guard);
    m->guard = 0;
}

/* --- registration at the server
 * --------------------------------------------------------------------------- */

void gateway_end_flows(struct gateway *g, struct member *m, int status)
{
    agent_flow_answered(&g->agent, m->authentication, status);
    agent_flow_answered(&g->agent, m->invitation, status);
    m->authentication = m->invitation = 0;
}

void gateway_answer_member(struct gateway *g, struct pn *pn, struct member *m, int status)
{
    struct entity *e = g->agent.entity;
    if (!m->asked) {
        return;
    }
    m->asked = false;
    struct cpns_message answer;
    agent_begin(&g->agent, &answer, CPNS_PN_ESTABLISHMENT_RESPONSE, entity_urn(e, m->pne));
    if (m->request != 0) { /* an invited member did not ask, but has to know */
        cpns_set_integer(&answer, CPNS_TRANSACTION_ID, m->request);
    }
    cpns_set_integer(&answer, CPNS_STATUS, status);
    cpns_set_text(&answer, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    struct agent_route route = gateway_route(m->pne, pn);
    route.flow = m->flow;
    agent_send(&g->agent, &answer, &route);
}

static void send_registration(struct gateway *g, struct pn *pn)
{
    struct entity *e = g->agent.entity;
    const struct scenario *s = entity_scenario(e);
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_REGISTRATION_REQUEST, entity_urn(e, g->server));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&m, CPNS_PN_NAME, s->pns[pn->number].alias);
    cpns_set_integer(&m, CPNS_LEASE,
                     s->timers.pn_lease / SIM_S > 0 ? s->timers.pn_lease / SIM_S : 1);
    if (pn->admin != ENTITY_NONE) {
        cpns_set_text(&m, CPNS_ADMIN_ID, entity_urn(e, pn->admin));
    }
    for (size_t i = 0; i < pn->member_count; i++) {
        struct member *member = &pn->members[i];
        member->listed = member->state >= MEMBER_AUTHENTICATED;
        if (member->listed) {
            cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, member->pne)));
        }
    }
    pn->registering = true;
    struct agent_route route = gateway_route(g->server, pn);
    agent_request_flow(&g->agent, &m, &route, (uint64_t)(pn - g->pns), "registration",
                       s->pns[pn->number].id);
}

/* Registers when there is somebody new and nobody is waited for. */
static void maybe_register(struct gateway *g, struct pn *pn)
{
    bool fresh = false;
    bool coming = false;
    for (size_t i = 0; i < pn->member_count; i++) {
        enum member_state state = pn->members[i].state;
        fresh = fresh || state == MEMBER_AUTHENTICATED;
        coming = coming || (state != MEMBER_ABSENT && state != MEMBER_REGISTERED);
    }
    if (fresh && pn->awaited == 0 && !pn->registering) {
        send_registration(g, pn);
    } else if (!coming && pn->state == PN_FORMING) {
        pn_move(g, pn, PN_EV_REFUSED, PN_NONE);
    }
}

static void no_longer_awaited(struct pn *pn, struct member *m)
{
    pn->awaited -= m->counted;
    m->counted = false;
}

static void set_absent(struct gateway *g, struct pn *pn, struct member *m)
{
    clear_guard(g, m);
    agent_forget_cookie(&g->agent, CPNS_ENTITY_DISCOVERY_REQUEST, m->pne);
    agent_forget_cookie(&g->agent, CPNS_PN_CONNECTION_REQUEST, m->pne);
    agent_forget_cookie(&g->agent, CPNS_PN_CONNECTION_FORWARDED, m->pne);
    m->state = MEMBER_ABSENT;
    no_longer_awaited(pn, m);
}

void gateway_forget_member(struct gateway *g, struct pn *pn, struct member *m)
{
    set_absent(g, pn, m);
    gateway_end_flows(g, m, 410);
    m->asked = m->listed = false;
    maybe_register(g, pn);
}

/* The member does not come: the others go on without it. */
static void fail_member(struct gateway *g, struct pn *pn, struct member *m, int status)
{
    set_absent(g, pn, m);
    entity_event(g->agent.entity, "member_absent", entity_name(g->agent.entity, m->pne));
    gateway_answer_member(g, pn, m, status);
    gateway_end_flows(g, m, status);
    maybe_register(g, pn);
    gateway_check_empty(g, pn);
}

/* Whether the server took the member in: it says whom where it did not take all. */
static bool was_taken(const struct gateway *g, const struct cpns_message *m, entity_id pne)
{
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    bool taken = !list->set;
    for (size_t i = 0; !taken && i < list->list_count; i++) {
        taken = entity_by_urn(g->agent.entity, list->list[i]) == pne;
    }
    return taken;
}

enum disposition gateway_on_registration_response(struct gateway *g, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    const struct scenario *s = entity_scenario(e);
    uint64_t cookie;
    if (!agent_answered(&g->agent, m, CPNS_REGISTRATION_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct pn *pn = &g->pns[cookie];
    bool good = cpns_integer(m, CPNS_STATUS) == 200;
    bool first = pn->state == PN_FORMING;
    pn->registering = false;
    pn->emptying = pn->emptying && !good;
    if (good) { /* the server decides */
        pn->admin = agent_entity(&g->agent, m, CPNS_ADMIN_ID);
    }
    if (good && pn_move(g, pn, PN_EV_REGISTERED, PN_ACTIVE) && first) {
        entity_event(e, "pn_established", s->pns[pn->number].id);
        gateway_battery_serves(g, pn);
        entity_timer_set(e, s->timers.pn_lease / 2, GATEWAY_TIMER_LEASE, cookie);
    }
    for (size_t i = 0; i < pn->member_count; i++) {
        struct member *member = &pn->members[i];
        if (!member->listed) {
            continue;
        }
        member->listed = false;
        if (good && !was_taken(g, m, member->pne)) {
            gateway_not_registered(g, pn, member);
        } else if (good && member->state == MEMBER_AUTHENTICATED) {
            member->state = MEMBER_REGISTERED;
            gateway_answer_member(g, pn, member, 200);
            gateway_end_flows(g, member, 200);
        } else if (!good) {
            fail_member(g, pn, member, (int)cpns_integer(m, CPNS_STATUS));
        }
    }
    maybe_register(g, pn);
    return MESSAGE_DELIVERED;
}

void gateway_renew_lease(struct gateway *g, uint64_t number)
{
    struct pn *pn = &g->pns[number];
    if (pn->state == PN_ACTIVE) {
        if (!pn->registering) {
            send_registration(g, pn);
        }
        entity_timer_set(g->agent.entity, entity_scenario(g->agent.entity)->timers.pn_lease / 2,
                         GATEWAY_TIMER_LEASE, number);
    }
}

/* --- members
 * ------------------------------------------------------------------------------------------------
 */

/* The PNE's request goes on to the server, with the gateway's information added (PNConnection
 * forwarded, US9071590). */
void gateway_authenticate(struct gateway *g, struct pn *pn, struct member *m)
{
    struct entity *e = g->agent.entity;
    const struct scenario *s = entity_scenario(e);
    entity_flow_end(e, m->authentication, FLOW_FAILED, "begun again");
    m->authentication = entity_flow_begin(e, "authentication", entity_name(e, m->pne));
    m->state = MEMBER_AUTHENTICATING;
    agent_forget_cookie(&g->agent, CPNS_PN_LEAVE, m->pne); /* it is back, whatever was unsaid */
    m->unsaid = false;
    set_guard(g, m);
    struct cpns_message request;
    agent_begin(&g->agent, &request, CPNS_PN_CONNECTION_FORWARDED, entity_urn(e, g->server));
    cpns_set_text(&request, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&request, CPNS_PN_NAME, s->pns[pn->number].alias);
    cpns_set_text(&request, CPNS_GATEWAY_ID, entity_urn(e, entity_self(e)));
    cpns_add_text(&request, CPNS_PNE_ID, span_of_str(entity_urn(e, m->pne)));
    struct agent_route route = gateway_route(g->server, pn);
    route.flow = m->authentication;
    agent_request(&g->agent, &request, &route, m->pne);
}

/* Types 2 and 3: the gateway looks for the PNE in the clear; the PNE then opens its own session. */
void gateway_invite(struct gateway *g, struct pn *pn, struct member *m)
{
    if (pn->state == PN_NONE) {
        pn_move(g, pn, PN_EV_REQUESTED, PN_FORMING);
    }
    m->state = MEMBER_INVITED;
    m->counted = true;
    m->request = 0;
    m->flow = m->invitation =
        entity_flow_begin(g->agent.entity, "pn-invitation", entity_name(g->agent.entity, m->pne));
    pn->awaited++;
    set_guard(g, m);
    struct cpns_message request;
    agent_begin(&g->agent, &request, CPNS_ENTITY_DISCOVERY_REQUEST,
                entity_urn(g->agent.entity, m->pne));
    cpns_set_text(&request, CPNS_MODE, "pn_gw");
    struct agent_route route = gateway_route(m->pne, pn);
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    route.flow = m->invitation;
    agent_request(&g->agent, &request, &route, m->pne);
}

/* Of a PN that stands and invites (types 2 and 3). One that is not missing, as far as this gateway
 * knows, finds back by itself. */
void gateway_met_pne(struct gateway *g, entity_id pne)
{
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    if (m != NULL && m->state == MEMBER_ABSENT && !m->outside && pn->state == PN_ACTIVE &&
        (m->added || entity_scenario(g->agent.entity)->pns[pn->number].type != 1)) {
        gateway_invite(g, pn, m);
    }
}

void gateway_begin_member(struct gateway *g, struct pn *pn, struct member *m)
{
    pn_move(g, pn, PN_EV_REQUESTED, pn->state == PN_ACTIVE ? PN_ACTIVE : PN_FORMING);
    gateway_authenticate(g, pn, m);
}

void gateway_under_way(struct gateway *g, const struct pn *pn, const struct member *m)
{
    struct entity *e = g->agent.entity;
    struct cpns_message answer;
    agent_begin(&g->agent, &answer, CPNS_PN_ESTABLISHMENT_RESPONSE, entity_urn(e, m->pne));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, m->request);
    cpns_set_integer(&answer, CPNS_STATUS, 202);
    cpns_set_text(&answer, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    struct agent_route route = gateway_route(m->pne, pn);
    route.flow = m->flow;
    agent_send(&g->agent, &answer, &route);
}

static bool names_pne(const struct cpns_message *m, const struct agent *a, entity_id pne)
{
    const struct cpns_value *list = cpns_value(m, CPNS_PNE_ID);
    for (size_t i = 0; i < list->list_count; i++) {
        if (entity_by_urn(a->entity, list->list[i]) == pne) {
            return true;
        }
    }
    return false;
}

enum disposition gateway_on_establishment_request(struct gateway *g, const struct cpns_message *m,
                                                  entity_id from)
{
    struct entity *e = g->agent.entity;
    struct pn *pn = NULL;
    struct member *asking = gateway_member(g, from, &pn);
    uint32_t wanted =
        cpns_has(m, CPNS_PN_ID) ? entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)) : SCENARIO_NONE;
    int64_t type = cpns_integer(m, CPNS_ESTABLISHMENT_TYPE);
    bool listed = type != 3 || cpns_has(m, CPNS_PNE_ID);
    if (asking == NULL || (wanted != SCENARIO_NONE && wanted != pn->number) || !listed) {
        struct cpns_message answer;
        agent_answer(&g->agent, &answer, CPNS_PN_ESTABLISHMENT_RESPONSE, m, listed ? 403 : 400);
        struct agent_route route = gateway_route(from, NULL);
        agent_send(&g->agent, &answer, &route);
        return MESSAGE_DELIVERED;
    }
    bool repeated = asking->request == cpns_integer(m, CPNS_TRANSACTION_ID);
    asking->asked = true;
    asking->flow = entity_flow(e);
    asking->request = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (repeated && asking->state == MEMBER_REGISTERED) {
        gateway_answer_member(g, pn, asking, 200);
        return MESSAGE_DELIVERED;
    }
    if (asking->state == MEMBER_AUTHENTICATING || asking->state == MEMBER_AUTHENTICATED) {
        gateway_under_way(g, pn, asking);
        return MESSAGE_DELIVERED;
    }
    if (pn->serving && asking->inherited) {
        gateway_let_in(g, pn, asking);
        return MESSAGE_DELIVERED;
    }
    if (!pn->serving) { /* it has no other: taken over first */
        gateway_under_way(g, pn, asking);
        if (!pn->taking) {
            gateway_take_over(g, pn, ENTITY_NONE);
        }
        return MESSAGE_DELIVERED;
    }
    if (asking->outside) {
        return gateway_ask_to_add(g, pn, asking);
    }
    pn_move(g, pn, PN_EV_REQUESTED, pn->state == PN_ACTIVE ? PN_ACTIVE : PN_FORMING);
    for (size_t i = 0; type != 1 && i < pn->member_count; i++) {
        struct member *other = &pn->members[i];
        if (other != asking && other->state == MEMBER_ABSENT && !other->outside &&
            (type == 2 || names_pne(m, &g->agent, other->pne))) {
            gateway_invite(g, pn, other);
        }
    }
    if (type != 1 && !asking->counted) {
        asking->counted = true;
        pn->awaited++;
    }
    gateway_authenticate(g, pn, asking);
    return MESSAGE_DELIVERED;
}

void gateway_reset_member(struct gateway *g, struct member *m, int status)
{
    clear_guard(g, m);
    agent_forget_cookie(&g->agent, CPNS_ENTITY_DISCOVERY_REQUEST, m->pne);
    agent_forget_cookie(&g->agent, CPNS_PN_CONNECTION_REQUEST, m->pne);
    agent_forget_cookie(&g->agent, CPNS_PN_CONNECTION_FORWARDED, m->pne);
    agent_forget_cookie(&g->agent, CPNS_PN_LEAVE, m->pne);
    entity_timer_cancel(g->agent.entity, m->again);
    gateway_end_flows(g, m, status);
    *m = (struct member){
        .pne = m->pne, .state = MEMBER_ABSENT, .candidate = m->candidate, .outside = m->candidate};
    gateway_group_forget(g, m->pne);
}

void gateway_on_pne_up(struct gateway *g, entity_id pne)
{
    struct entity *e = g->agent.entity;
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    if (m == NULL || m->state != MEMBER_INVITED) {
        return;
    }
    m->state = MEMBER_ASKED;
    m->asked = true;
    set_guard(g, m);
    agent_forget_cookie(&g->agent, CPNS_ENTITY_DISCOVERY_REQUEST, pne);
    struct cpns_message request;
    agent_begin(&g->agent, &request, CPNS_PN_CONNECTION_REQUEST, entity_urn(e, pne));
    cpns_set_text(&request, CPNS_MODE, "pn_gw");
    cpns_set_text(&request, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    struct agent_route route = gateway_route(pne, pn);
    route.flow = m->invitation;
    agent_request(&g->agent, &request, &route, pne);
}

enum disposition gateway_on_connection_answer(struct gateway *g, const struct cpns_message *m,
                                              entity_id from)
{
    struct pn *pn;
    uint64_t cookie;
    struct member *member = gateway_member(g, from, &pn);
    if (!agent_answered(&g->agent, m, CPNS_PN_CONNECTION_REQUEST, &cookie) || member == NULL ||
        member->state != MEMBER_ASKED) {
        return MESSAGE_DELIVERED;
    }
    if (m->type == CPNS_PN_CONNECTION_RESPONSE && cpns_integer(m, CPNS_CONSENT) == 1) {
        gateway_authenticate(g, pn, member);
    } else {
        fail_member(g, pn, member, 403);
    }
    return MESSAGE_DELIVERED;
}

void gateway_saw_challenge(struct gateway *g, entity_id pne)
{
    agent_forget_cookie(&g->agent, CPNS_PN_CONNECTION_FORWARDED, pne);
}

void gateway_saw_result(struct gateway *g, entity_id pne, int64_t status)
{
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    agent_forget_cookie(&g->agent, CPNS_PN_CONNECTION_FORWARDED, pne);
    if (m == NULL || m->state != MEMBER_AUTHENTICATING) {
        return;
    }
    agent_flow_answered(&g->agent, m->authentication, status);
    m->authentication = 0;
    if (status == 200) {
        clear_guard(g, m);
        m->state = MEMBER_AUTHENTICATED;
        no_longer_awaited(pn, m);
        maybe_register(g, pn);
        return;
    }
    m->asked = false; /* the result has told it */
    fail_member(g, pn, m, (int)status);
    entity_event(g->agent.entity, "authentication_failed", entity_name(g->agent.entity, pne));
    entity_disconnect(g->agent.entity, pne, "authentication_failed");
}

/* --- what goes wrong
 * ------------------------------------------------------------------------------------------ */

void gateway_on_guard(struct gateway *g, entity_id pne)
{
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    CHECK(m != NULL);
    m->guard = 0;
    if (m->state != MEMBER_ABSENT && m->state < MEMBER_AUTHENTICATED) {
        fail_member(g, pn, m, 504);
    }
}

void gateway_on_pne_down(struct gateway *g, entity_id pne)
{
    struct pn *pn;
    struct member *m = gateway_member(g, pne, &pn);
    if (m != NULL && (m->state == MEMBER_ASKED || m->state == MEMBER_AUTHENTICATING)) {
        m->asked = false;
        fail_member(g, pn, m, 503);
    }
}

/* How far an authentication got at the server is not known: it begins again. */
void gateway_on_server_down(struct gateway *g)
{
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        for (size_t k = 0; k < pn->member_count; k++) {
            struct member *m = &pn->members[k];
            if (m->state == MEMBER_AUTHENTICATING &&
                !agent_waits(&g->agent, CPNS_PN_CONNECTION_FORWARDED, m->pne)) {
                gateway_authenticate(g, pn, m);
            }
        }
    }
}

/* No way to the server: whoever waits for it is told so. */
void gateway_on_server_failed(struct gateway *g)
{
    agent_forget(&g->agent, g->server, CPNS_TYPE_COUNT);
    gateway_membership_server_failed(g);
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        pn->registering = false;
        gateway_take_over_failed(g, i, 503);
        for (size_t k = 0; k < pn->member_count; k++) {
            struct member *m = &pn->members[k];
            m->listed = false;
            if (m->state == MEMBER_AUTHENTICATING || m->state == MEMBER_AUTHENTICATED) {
                m->state = MEMBER_AUTHENTICATING; /* so that nobody registers meanwhile */
            }
        }
        for (size_t k = 0; k < pn->member_count; k++) {
            if (pn->members[k].state == MEMBER_AUTHENTICATING) {
                fail_member(g, pn, &pn->members[k], 503);
            }
        }
    }
}

void gateway_on_gave_up(struct gateway *g, enum cpns_type type, uint64_t cookie)
{
    struct pn *pn;
    struct member *m;
    switch (type) {
    case CPNS_ENTITY_DISCOVERY_REQUEST:
    case CPNS_PN_CONNECTION_REQUEST:
    case CPNS_PN_CONNECTION_FORWARDED:
        m = gateway_member(g, (entity_id)cookie, &pn);
        if (m != NULL && m->state != MEMBER_ABSENT && m->state < MEMBER_AUTHENTICATED) {
            fail_member(g, pn, m, 504);
        }
        break;
    case CPNS_GW_SWITCH_REQUEST:
        gateway_take_over_failed(g, (size_t)cookie, 504);
        break;
    case CPNS_REGISTRATION_REQUEST:
        pn = &g->pns[cookie];
        pn->registering = false;
        for (size_t i = 0; i < pn->member_count; i++) {
            pn->members[i].listed = false;
            if (pn->members[i].state == MEMBER_AUTHENTICATED) {
                fail_member(g, pn, &pn->members[i], 504);
            }
        }
        break;
    case CPNS_DISCOVERY_EXECUTION_REQUEST:
        gateway_found_nothing(g, (entity_id)cookie);
        break;
    case CPNS_BRIDGE_SETUP_REQUEST:
        gateway_bridge_silent(g, cookie);
        break;
    case CPNS_PN_ADD_DEVICE:
        gateway_add_failed(g, (entity_id)cookie, 504);
        break;
    case CPNS_PN_LEAVE:
        gateway_leave_untold(g, (entity_id)cookie);
        break;
    default:
        entity_event(g->agent.entity, "request_timeout", cpns_type_info(type)->name);
        break;
    }
}
