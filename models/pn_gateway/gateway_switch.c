/* Gateway switching at the gateways (cpns-model.md flow 9, US9491140).
 *
 * The old one agrees to one candidate at a time and gives the PN up when the server says who has
 * it; it tells its PNEs, and whoever still comes. The new one has the server make it the gateway,
 * for the PNE on its device, or because PNEs that have lost theirs ask it: the server finds out
 * whether the old one is still there. What PNEs want meanwhile waits for the server's answer. */
#include <stdlib.h>

#include "models/cpns/gateways.h"
#include "models/pn_gateway/gateway.h"

static entity_id twin_of(const struct gateway *g)
{
    const struct entity *e = g->agent.entity;
    return entity_scenario(e)->nodes[entity_self(e)].twin;
}

static struct pn *pn_of(struct gateway *g, const struct cpns_message *m)
{
    uint32_t number = entity_pn_by_urn(g->agent.entity, cpns_text(m, CPNS_PN_ID));
    for (size_t i = 0; i < g->pn_count; i++) {
        if (g->pns[i].number == number) {
            return &g->pns[i];
        }
    }
    return NULL;
}

static const char *pn_id(const struct gateway *g, const struct pn *pn)
{
    return entity_scenario(g->agent.entity)->pns[pn->number].id;
}

static void answer(struct gateway *g, const struct cpns_message *m, const struct pn *pn,
                   entity_id to, int status)
{
    struct entity *e = g->agent.entity;
    struct cpns_message a;
    agent_answer(&g->agent, &a, CPNS_GW_SWITCH_RESPONSE, m, status);
    if (pn != NULL && !pn->serving && pn->successor != ENTITY_NONE) {
        cpns_set_text(&a, CPNS_NEW_GATEWAY_ID, entity_urn(e, pn->successor));
    }
    struct agent_route route = gateway_route(to, pn);
    agent_send(&g->agent, &a, &route);
}

/* --- the old gateway -------------------------------------------------------------------------- */

static void tell_change(struct gateway *g, const struct pn *pn, entity_id pne)
{
    struct entity *e = g->agent.entity;
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_GW_CHANGE, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&m, CPNS_NEW_GATEWAY_ID, entity_urn(e, pn->successor));
    cpns_set_text(&m, CPNS_OLD_GATEWAY_ID, entity_urn(e, entity_self(e)));
    struct agent_route route = gateway_route(pne, pn);
    agent_send(&g->agent, &m, &route);
}

bool gateway_redirects(struct gateway *g, const struct pn *pn, entity_id pne)
{
    if (pn == NULL || pn->serving || pn->taking || pn->successor == ENTITY_NONE) {
        return false;
    }
    tell_change(g, pn, pne);
    return true;
}

static void forget_candidate(struct gateway *g, struct pn *pn)
{
    entity_timer_cancel(g->agent.entity, pn->candidate_guard);
    pn->candidate = ENTITY_NONE;
    pn->candidate_guard = 0;
}

void gateway_candidate_late(struct gateway *g, size_t number)
{
    struct pn *pn = &g->pns[number];
    pn->candidate_guard = 0;
    if (pn->candidate != ENTITY_NONE) {
        entity_event(g->agent.entity, "candidate_late",
                     entity_name(g->agent.entity, pn->candidate));
        pn->candidate = ENTITY_NONE;
    }
}

static void hand_over(struct gateway *g, struct pn *pn, entity_id successor)
{
    struct entity *e = g->agent.entity;
    forget_candidate(g, pn);
    if (pn->state != PN_NONE) {
        pn_move(g, pn, PN_EV_SWITCHED, PN_NONE);
    }
    pn->serving = false;
    pn->successor = successor;
    agent_forget_cookie(&g->agent, CPNS_REGISTRATION_REQUEST, (uint64_t)(pn - g->pns));
    entity_event(e, "gateway_handed_over", pn_id(g, pn));
    for (size_t i = 0; i < pn->member_count; i++) {
        struct member *m = &pn->members[i];
        if (m->state != MEMBER_ABSENT && entity_connected(e, m->pne)) {
            tell_change(g, pn, m->pne);
        }
        gateway_is_in(g, pn, m); /* what it was to get is lost, if it has not come */
        gateway_reset_member(g, m, 409);
    }
    pn->awaited = 0;
    pn->registering = pn->emptying = false;
}

bool gateway_is_new(const struct gateway *g, const struct pn *pn)
{
    const struct entity *e = g->agent.entity;
    return pn->taken_at > 0 &&
           entity_now(e) - pn->taken_at < 3 * entity_scenario(e)->timers.keep_alive;
}

/* A PNE other than the candidate was heard of lately, or the PN was taken over a moment ago. */
static bool is_needed(const struct gateway *g, const struct pn *pn, entity_id candidate)
{
    const struct entity *e = g->agent.entity;
    sim_time lately = entity_now(e) - 3 * entity_scenario(e)->timers.keep_alive;
    if (gateway_is_new(g, pn)) {
        return true;
    }
    for (size_t i = 0; i < pn->member_count; i++) {
        const struct member *m = &pn->members[i];
        if (m->state == MEMBER_REGISTERED && m->pne != candidate && m->pne != twin_of(g) &&
            m->heard > lately) {
            return true;
        }
    }
    return false;
}

/* The server asks whether the PN may go to another gateway, or says that it has. */
enum disposition gateway_on_server_switch(struct gateway *g, const struct cpns_message *m)
{
    struct pn *pn = pn_of(g, m);
    entity_id successor = agent_entity(&g->agent, m, CPNS_NEW_GATEWAY_ID);
    entity_id candidate = agent_entity(&g->agent, m, CPNS_CANDIDATE_ID);
    if (pn == NULL || successor == ENTITY_NONE || successor == entity_self(g->agent.entity)) {
        answer(g, m, pn, g->server, 404);
        return agent_refuse(&g->agent, "404");
    }
    bool decided = span_equal_str(cpns_text(m, CPNS_MODE), "pn_gw"); /* the new one is, already */
    if (!pn->serving) {
        pn->successor = successor;
    } else if (!decided && (candidate == ENTITY_NONE || pn->candidate != candidate) &&
               is_needed(g, pn, candidate)) {
        answer(g, m, pn, g->server, 409);
        return MESSAGE_DELIVERED;
    } else {
        hand_over(g, pn, successor);
    }
    answer(g, m, pn, g->server, 200);
    return MESSAGE_DELIVERED;
}

/* --- asked by a PNE ----------------------------------------------------------------------------
 */

/* The candidate asks the gateway that it has. */
static int consent(struct gateway *g, struct pn *pn, const struct member *member, entity_id from)
{
    struct entity *e = g->agent.entity;
    if (!pn->serving || pn->state != PN_ACTIVE) {
        return 410;
    }
    if (member->state != MEMBER_REGISTERED) {
        return 403;
    }
    if (pn->candidate != ENTITY_NONE && pn->candidate != from) {
        return 409; /* one at a time */
    }
    forget_candidate(g, pn);
    pn->candidate = from;
    pn->candidate_guard = entity_timer_set(e, agent_patience(&g->agent), GATEWAY_TIMER_CANDIDATE,
                                           (uint64_t)(pn - g->pns));
    return 200;
}

enum disposition gateway_on_switch_request(struct gateway *g, const struct cpns_message *m,
                                           entity_id from)
{
    struct pn *pn = NULL;
    const struct member *member = gateway_member(g, from, &pn);
    if (member == NULL || pn != pn_of(g, m)) {
        answer(g, m, NULL, from, 403);
        return agent_refuse(&g->agent, "403");
    }
    if (from != twin_of(g)) {
        int status = consent(g, pn, member, from);
        answer(g, m, pn, from, status);
        return MESSAGE_DELIVERED;
    }
    if (pn->serving || pn->taking) {
        answer(g, m, pn, from, pn->serving ? 200 : 202);
    }
    pn->asked_by_twin = !pn->serving;
    pn->twin_request = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (!pn->serving && !pn->taking) {
        gateway_take_over(g, pn, agent_entity(&g->agent, m, CPNS_OLD_GATEWAY_ID));
    }
    return MESSAGE_DELIVERED;
}

/* The candidate's device has the PN now, but the server did not reach this gateway. */
enum disposition gateway_on_gateway_change(struct gateway *g, const struct cpns_message *m,
                                           entity_id from)
{
    struct pn *pn = pn_of(g, m);
    entity_id successor = agent_entity(&g->agent, m, CPNS_NEW_GATEWAY_ID);
    if (pn == NULL || successor == ENTITY_NONE || (pn->serving && pn->candidate != from) ||
        entity_scenario(g->agent.entity)->nodes[successor].twin != from) {
        return agent_refuse(&g->agent, "not_agreed");
    }
    if (pn->serving) {
        hand_over(g, pn, successor);
    }
    return MESSAGE_DELIVERED;
}

/* --- the new gateway -------------------------------------------------------------------------- */

void gateway_take_over(struct gateway *g, struct pn *pn, entity_id old)
{
    struct entity *e = g->agent.entity;
    entity_id twin = twin_of(g);
    struct cpns_message m;
    pn->taking = true;
    agent_begin(&g->agent, &m, CPNS_GW_SWITCH_REQUEST, entity_urn(e, g->server));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&m, CPNS_NEW_GATEWAY_ID, entity_urn(e, entity_self(e)));
    if (twin != SCENARIO_NONE) {
        cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, twin));
    }
    if (old != ENTITY_NONE) {
        cpns_set_text(&m, CPNS_OLD_GATEWAY_ID, entity_urn(e, old));
    }
    struct agent_route route = gateway_route(g->server, pn);
    agent_request_flow(&g->agent, &m, &route, (uint64_t)(pn - g->pns), "gateway-take-over",
                       pn_id(g, pn));
}

static void answer_twin(struct gateway *g, struct pn *pn, int status, entity_id other)
{
    struct entity *e = g->agent.entity;
    if (!pn->asked_by_twin) {
        return;
    }
    pn->asked_by_twin = false;
    struct cpns_message a;
    agent_begin(&g->agent, &a, CPNS_GW_SWITCH_RESPONSE, entity_urn(e, twin_of(g)));
    cpns_set_integer(&a, CPNS_TRANSACTION_ID, pn->twin_request);
    cpns_set_integer(&a, CPNS_STATUS, status);
    cpns_set_text(&a, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    if (other != ENTITY_NONE) {
        cpns_set_text(&a, CPNS_NEW_GATEWAY_ID, entity_urn(e, other));
    }
    struct agent_route route = gateway_route(twin_of(g), pn);
    agent_send(&g->agent, &a, &route);
}

/* What the server says of members and their groups is what this gateway begins with. */
static void take_members(struct gateway *g, struct pn *pn, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    struct pn *of;
    for (size_t i = 0; i < cpns_value(m, CPNS_MEMBER_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_MEMBER_ID, i));
        struct member *member = pne != ENTITY_NONE ? gateway_member(g, pne, &of) : NULL;
        if (member != NULL && of == pn && member->state == MEMBER_ABSENT) {
            member->state = MEMBER_REGISTERED;
            member->inherited = member->expected = true;
            member->outside = false;
            member->added = member->candidate;
        }
    }
    for (size_t i = 0; i < cpns_value(m, CPNS_FOUND_SG_ID)->list_count; i++) {
        uint32_t group = entity_group_by_urn(e, cpns_item(m, CPNS_FOUND_SG_ID, i));
        entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, i));
        if (group != SCENARIO_NONE && pne != ENTITY_NONE) {
            gateway_group_add(g, group, pne);
        }
    }
}

static void take_pn(struct gateway *g, struct pn *pn, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    pn->serving = true;
    pn->successor = ENTITY_NONE;
    pn->taken_at = entity_now(e);
    pn_move(g, pn, PN_EV_SWITCHED, PN_ACTIVE);
    entity_event(e, "gateway_taken_over", pn_id(g, pn));
    take_members(g, pn, m);
    pn->admin = agent_entity(&g->agent, m, CPNS_ADMIN_ID);
    entity_timer_set(e, entity_scenario(e)->timers.pn_lease / 2, GATEWAY_TIMER_LEASE,
                     (uint64_t)(pn - g->pns));
}

void gateway_is_in(struct gateway *g, struct pn *pn, struct member *m)
{
    if (m->expected) {
        m->expected = false;
        gateway_release_held(g, pn, m->pne);
    }
}

void gateway_let_in(struct gateway *g, struct pn *pn, struct member *m)
{
    if (m->state == MEMBER_REGISTERED && m->inherited) {
        m->inherited = false;
        gateway_answer_member(g, pn, m, 200); /* the server has vouched for it */
        gateway_is_in(g, pn, m);
    } else {
        gateway_authenticate(g, pn, m);
    }
}

/* A request of a PNE to the server, during a take-over; or to a PNE that has not come yet. */
struct held_message {
    struct buf payload;
    uint8_t encoding;
    uint64_t message_id;
    entity_id to;
    struct held_message *next;
};

enum disposition gateway_hold(struct pn *pn, const struct received *r, entity_id to)
{
    struct held_message *h = mem_alloc(sizeof(*h));
    struct held_message **last = &pn->held;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = h;
    buf_append(&h->payload, r->payload);
    h->encoding = r->encoding;
    h->message_id = r->message_id;
    h->to = to;
    return MESSAGE_FORWARDED;
}

void gateway_drop_held(struct pn *pn)
{
    while (pn->held != NULL) {
        struct held_message *h = pn->held;
        pn->held = h->next;
        buf_fini(&h->payload);
        free(h);
    }
}

/* In their order. To the server also when this is not the gateway: it refuses them. */
void gateway_release_held(struct gateway *g, struct pn *pn, entity_id to)
{
    for (struct held_message **place = &pn->held; *place != NULL;) {
        struct held_message *h = *place;
        if (h->to != to) {
            place = &h->next;
            continue;
        }
        struct received r = {.message_id = h->message_id};
        struct cpns_message m;
        if (cpns_decode(buf_span(&h->payload), (enum cpns_encoding)h->encoding, &m, NULL) == 0) {
            agent_relay(&g->agent, &m, to, EXEMPT_NOT, &r);
        }
        cpns_message_fini(&m);
        *place = h->next;
        buf_fini(&h->payload);
        free(h);
    }
}

/* What PNEs wanted meanwhile. */
static void settle(struct gateway *g, struct pn *pn, int status, entity_id other)
{
    for (size_t i = 0; i < pn->member_count; i++) {
        struct member *m = &pn->members[i];
        bool knocked = m->knocked != 0;
        if (knocked && pn->serving) {
            gateway_answer_knock(g, m);
            gateway_is_in(g, pn, m);
        } else if (other != ENTITY_NONE && (m->asked || knocked)) {
            tell_change(g, pn, m->pne);
        } else if (knocked) {
            gateway_answer_knock(g, m);
        }
        m->knocked = 0;
        if (m->asked && pn->serving) {
            gateway_let_in(g, pn, m);
        } else if (m->asked) {
            if (other == ENTITY_NONE) {
                gateway_answer_member(g, pn, m, status);
            }
            gateway_reset_member(g, m, status);
        }
    }
}

static void take_over_ended(struct gateway *g, struct pn *pn, int status, entity_id other)
{
    pn->taking = false;
    if (other != ENTITY_NONE) {
        pn->successor = other;
    }
    if (status != 200) {
        entity_event(g->agent.entity, "take_over_failed", pn_id(g, pn));
    }
    answer_twin(g, pn, status, other);
    settle(g, pn, status, other);
    gateway_release_held(g, pn, g->server);
}

enum disposition gateway_on_switch_response(struct gateway *g, const struct cpns_message *m)
{
    int64_t status = cpns_integer(m, CPNS_STATUS);
    entity_id other = agent_entity(&g->agent, m, CPNS_NEW_GATEWAY_ID);
    uint64_t cookie;
    if (status == 202) {
        agent_in_progress(&g->agent, m, CPNS_GW_SWITCH_REQUEST);
        return MESSAGE_DELIVERED;
    }
    if (!agent_answered(&g->agent, m, CPNS_GW_SWITCH_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    struct pn *pn = &g->pns[cookie];
    if (status == 200) {
        take_pn(g, pn, m);
    }
    bool elsewhere = status != 200 && other != ENTITY_NONE && other != entity_self(g->agent.entity);
    take_over_ended(g, pn, (int)status, elsewhere ? other : ENTITY_NONE);
    return MESSAGE_DELIVERED;
}

void gateway_take_over_failed(struct gateway *g, size_t number, int status)
{
    if (g->pns[number].taking) {
        take_over_ended(g, &g->pns[number], status, ENTITY_NONE);
    }
}

/* Somebody looks for the gateway of a PN: does the PNE on this device still have it? */
void gateway_looked_for(struct gateway *g, const struct pn *pn)
{
    struct entity *e = g->agent.entity;
    entity_id twin = twin_of(g);
    if (twin == SCENARIO_NONE || pn->serving || pn->taking) {
        return;
    }
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_ENTITY_DISCOVERY_REQUEST, entity_urn(e, twin));
    cpns_set_text(&m, CPNS_MODE, "both");
    struct agent_route route = gateway_route(twin, pn);
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    agent_send(&g->agent, &m, &route);
}

/* --- cut off from the server ------------------------------------------------------------------ */

/* Another gateway could serve the PN. */
static bool has_others(const struct gateway *g, const struct pn *pn)
{
    const struct entity *e = g->agent.entity;
    const struct scenario *s = entity_scenario(e);
    bool others = s->pns[pn->number].gateway != entity_self(e);
    for (size_t i = 0; !others && i < pn->member_count; i++) {
        uint32_t theirs = s->nodes[pn->members[i].pne].twin;
        others = theirs != SCENARIO_NONE && theirs != entity_self(e);
    }
    return others;
}

bool gateway_is_cut_off(const struct gateway *g, const struct pn *pn)
{
    return g->uplink_failures >= entity_scenario(g->agent.entity)->timers.request_tries &&
           pn->serving && pn->state == PN_ACTIVE && has_others(g, pn);
}

/* Its members look for one that is not. */
static void send_away(struct gateway *g, const struct pn *pn)
{
    struct entity *e = g->agent.entity;
    entity_event(e, "gateway_cut_off", pn_id(g, pn));
    for (size_t i = 0; i < pn->member_count; i++) {
        entity_id pne = pn->members[i].pne;
        if (pn->members[i].state == MEMBER_REGISTERED && entity_connected(e, pne)) {
            struct cpns_message m;
            agent_begin(&g->agent, &m, CPNS_KEEP_ALIVE, entity_urn(e, pne));
            cpns_set_integer(&m, CPNS_STATUS, 503);
            struct agent_route route = gateway_route(pne, pn);
            agent_send(&g->agent, &m, &route);
        }
    }
}

void gateway_on_uplink_failed(struct gateway *g, bool silent)
{
    const struct scenario_timers *t = &entity_scenario(g->agent.entity)->timers;
    bool before = g->uplink_failures >= t->request_tries;
    bool again = false;
    g->uplink_failures = silent && !before ? t->request_tries : g->uplink_failures + 1;
    for (size_t i = 0; i < g->pn_count; i++) {
        const struct pn *pn = &g->pns[i];
        again = again || (pn->serving && pn->state == PN_ACTIVE && has_others(g, pn));
        if (!before && gateway_is_cut_off(g, pn)) {
            send_away(g, pn);
        }
    }
    if (again) {
        entity_timer_set(g->agent.entity, t->request, GATEWAY_TIMER_UPLINK, 0);
    }
}

void gateway_try_uplink(struct gateway *g)
{
    if (!entity_connected(g->agent.entity, g->server)) {
        entity_connect(g->agent.entity, g->server);
    }
}
