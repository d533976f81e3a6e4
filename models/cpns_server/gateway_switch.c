/* Gateway switching at the server (cpns-model.md flow 9, US9491140). The server decides, one switch
 * of a PN at a time: the device of the new gateway proves who it is, the old gateway is asked to
 * give the PN up, and only then the inventories change, all at once. An old gateway that is gone or
 * silent is not waited for; it is told as soon as it is heard of. */
#include <stdio.h>
#include <stdlib.h>

#include "models/cpns/gateways.h"
#include "models/cpns_server/server.h"

/* Cookies of challenges for a switch, beside those for PNEs. */
#define FOR_SWITCH (UINT64_C(1) << 40)

static const char *pn_id(const struct server *s, uint32_t pn)
{
    return entity_scenario(s->agent.entity)->pns[pn].id;
}

void server_switch_start(struct server *s)
{
    const struct scenario *scenario = entity_scenario(s->agent.entity);
    s->said_at = mem_calloc(scenario->node_count, sizeof(*s->said_at));
    for (size_t i = 0; i < scenario->pn_count; i++) {
        s->pns[i].gateway = scenario->pns[i].gateway;
        s->pns[i].former = ENTITY_NONE;
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

/* What a new gateway has to know: the members, and who of them is in which Service Group. */
static void add_inventory(const struct server *s, uint32_t pn, struct cpns_message *a)
{
    struct entity *e = s->agent.entity;
    const struct scenario *scenario = entity_scenario(e);
    sim_time lease = scenario->timers.pn_lease / SIM_S;
    cpns_set_text(a, CPNS_PN_NAME, scenario->pns[pn].alias);
    cpns_set_integer(a, CPNS_LEASE, lease > 0 ? lease : 1);
    if (s->pns[pn].admin != ENTITY_NONE) {
        cpns_set_text(a, CPNS_ADMIN_ID, entity_urn(e, s->pns[pn].admin));
    }
    for (size_t i = 0; i < s->subscriber_count; i++) {
        const struct subscriber *sub = s->subscriber_list[i];
        if (sub->registered && sub->pn == pn) {
            cpns_add_text(a, CPNS_MEMBER_ID, span_of_str(entity_urn(e, sub->pne)));
        }
    }
    for (uint32_t g = 0; g < scenario->group_count; g++) {
        const struct inventory_group *group = &s->groups[g];
        for (size_t i = 0; group->stored && i < group->members.count; i++) {
            const struct subscriber *sub = server_subscriber(s, group->members.items[i]);
            if (sub != NULL && sub->registered && sub->pn == pn) {
                cpns_add_text(a, CPNS_FOUND_SG_ID, span_of_str(entity_group_urn(e, g)));
                cpns_add_text(a, CPNS_PNE_ID, span_of_str(entity_urn(e, sub->pne)));
            }
        }
    }
}

/* `tell`: who has the PN, where it is not the one that asks. */
static void answer(struct server *s, uint32_t pn, entity_id to, int64_t transaction, uint64_t flow,
                   int status, bool tell)
{
    struct entity *e = s->agent.entity;
    struct cpns_message a;
    agent_begin(&s->agent, &a, CPNS_GW_SWITCH_RESPONSE, entity_urn(e, to));
    cpns_set_integer(&a, CPNS_TRANSACTION_ID, transaction);
    cpns_set_integer(&a, CPNS_STATUS, status);
    struct agent_route route = agent_route(to);
    route.flow = flow;
    if (pn != SCENARIO_NONE) {
        route.pn = pn;
        cpns_set_text(&a, CPNS_PN_ID, entity_pn_urn(e, pn));
    }
    if (tell) {
        cpns_set_text(&a, CPNS_NEW_GATEWAY_ID, entity_urn(e, s->pns[pn].gateway));
    }
    if (status == 200) {
        add_inventory(s, pn, &a);
    }
    agent_send(&s->agent, &a, &route);
}

static void end(struct server *s, uint32_t pn, int status)
{
    struct pending_switch *p = &s->pns[pn].change;
    p->used = false;
    answer(s, pn, p->gateway, p->transaction, p->flow, status, status == 409);
}

/* --- the old gateway -------------------------------------------------------------------------- */

static void commit(struct server *s, uint32_t pn, bool told)
{
    struct entity *e = s->agent.entity;
    struct inventory_pn *n = &s->pns[pn];
    entity_id old = n->gateway;
    bool here = n->home == entity_self(e); /* else its home tells the old gateway */
    n->gateway = n->change.gateway;
    n->home = entity_self(e);
    n->former = old;
    told = told || !here;
    n->latest = 0; /* another's numbers */
    s->untold -= n->former_untold;
    s->untold += !told;
    n->former_untold = !told;
    n->lease_end = entity_now(e) + entity_scenario(e)->timers.pn_lease;
    entity_timer_set(e, entity_scenario(e)->timers.pn_lease, SERVER_TIMER_LEASE, pn);
    for (size_t i = 0; i < s->subscriber_count; i++) {
        struct subscriber *sub = s->subscriber_list[i];
        if (sub->pn == pn && sub->registered) {
            sub->gateway = n->gateway;
            sub->authenticated = sub->authenticated || sub->remote; /* there, so its home said */
            sub->remote = false;
        }
    }
    entity_event(e, "gateway_switched", pn_id(s, pn));
    end(s, pn, 200);
    mesh_pn_changed(s, pn);
}

/* Asks it to give the PN up; `decided`: tells it that it has. */
static void ask_old(struct server *s, uint32_t pn, entity_id old, bool decided)
{
    struct entity *e = s->agent.entity;
    const struct inventory_pn *n = &s->pns[pn];
    entity_id successor = decided ? n->gateway : n->change.gateway;
    entity_id twin = entity_scenario(e)->nodes[successor].twin;
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_GW_SWITCH_REQUEST, entity_urn(e, old));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn));
    cpns_set_text(&m, CPNS_OLD_GATEWAY_ID, entity_urn(e, old));
    cpns_set_text(&m, CPNS_NEW_GATEWAY_ID, entity_urn(e, successor));
    if (twin != SCENARIO_NONE) {
        cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, twin));
    }
    if (decided) {
        cpns_set_text(&m, CPNS_MODE, "pn_gw");
    }
    struct agent_route route = agent_route(old);
    route.pn = pn;
    if (decided) {
        agent_request_flow(&s->agent, &m, &route, pn, "gateway-hand-over", pn_id(s, pn));
    } else {
        route.flow = n->change.flow;
        agent_request(&s->agent, &m, &route, pn);
    }
}

/* A gateway that is there says something every keep-alive period, as long as it has a session. */
static bool is_there(const struct server *s, entity_id gateway)
{
    const struct entity *e = s->agent.entity;
    return entity_connected(e, gateway) &&
           entity_now(e) - s->said_at[gateway] <= 2 * entity_scenario(e)->timers.keep_alive;
}

/* The device has proved who it is. */
static void go_on(struct server *s, uint32_t pn)
{
    struct inventory_pn *n = &s->pns[pn];
    agent_forget_cookie(&s->agent, CPNS_GW_SWITCH_REQUEST, pn); /* to a former one */
    if (n->home == entity_self(s->agent.entity) && is_there(s, n->gateway)) {
        n->change.asking = true;
        ask_old(s, pn, n->gateway, false);
    } else {
        commit(s, pn, false);
    }
}

/* Another server made `gateway` that of a PN that it takes over: the one here is told. */
void server_switched_elsewhere(struct server *s, uint32_t pn, entity_id gateway)
{
    struct inventory_pn *n = &s->pns[pn];
    entity_id old = n->gateway;
    n->gateway = gateway;
    agent_forget_cookie(&s->agent, CPNS_GW_SWITCH_REQUEST, pn);
    agent_forget_cookie(&s->agent, CPNS_AUTHENTICATION_REQUEST, FOR_SWITCH | pn);
    if (n->change.used) {
        end(s, pn, 409);
    }
    if (n->stored && n->home == entity_self(s->agent.entity)) {
        s->untold += !n->former_untold;
        n->former = old;
        n->former_untold = true;
    }
}

/* The old gateway does not answer: without it, if the new one is still there. */
static void go_without(struct server *s, uint32_t pn)
{
    if (entity_connected(s->agent.entity, s->pns[pn].change.gateway)) {
        commit(s, pn, false);
    } else {
        end(s, pn, 504);
    }
}

enum disposition server_on_switch_response(struct server *s, const struct cpns_message *m)
{
    uint64_t pn;
    if (!agent_answered(&s->agent, m, CPNS_GW_SWITCH_REQUEST, &pn)) {
        return MESSAGE_DELIVERED;
    }
    struct inventory_pn *n = &s->pns[pn];
    bool yes = cpns_integer(m, CPNS_STATUS) == 200;
    if (n->change.used && n->change.asking) {
        if (yes) {
            commit(s, (uint32_t)pn, true);
        } else {
            end(s, (uint32_t)pn, 409);
        }
    } else if (yes && n->former_untold) {
        n->former_untold = false;
        s->untold--;
    }
    return MESSAGE_DELIVERED;
}

void server_switch_unanswered(struct server *s, uint64_t pn)
{
    if (s->pns[pn].change.used && s->pns[pn].change.asking) {
        go_without(s, (uint32_t)pn);
    }
}

/* A session with a gateway is over; nobody waits for one that is gone. */
void server_switch_lost(struct server *s, entity_id gateway)
{
    for (uint32_t i = 0; i < entity_scenario(s->agent.entity)->pn_count; i++) {
        struct inventory_pn *n = &s->pns[i];
        if (n->change.used && n->change.asking && n->gateway == gateway) {
            agent_forget_cookie(&s->agent, CPNS_GW_SWITCH_REQUEST, i);
            go_without(s, i);
        }
    }
}

void server_heard(struct server *s, const struct cpns_message *m, entity_id from)
{
    struct entity *e = s->agent.entity;
    s->said_at[from] = entity_now(e);
    if (s->untold == 0 || m->type == CPNS_GW_SWITCH_RESPONSE || m->type == CPNS_GW_SWITCH_REQUEST) {
        return;
    }
    for (uint32_t i = 0; i < entity_scenario(e)->pn_count; i++) {
        const struct inventory_pn *n = &s->pns[i];
        if (n->former_untold && n->former == from && !n->change.used &&
            !agent_waits(&s->agent, CPNS_GW_SWITCH_REQUEST, i)) {
            ask_old(s, i, from, true);
        }
    }
}

/* --- the new gateway -------------------------------------------------------------------------- */

static void challenge(struct server *s, uint32_t pn, entity_id pne)
{
    struct entity *e = s->agent.entity;
    struct pending_switch *p = &s->pns[pn].change;
    char purpose[300];
    struct cpns_message m;
    snprintf(purpose, sizeof(purpose), "challenge/switch/%s", entity_name(e, pne));
    entity_random(e, purpose, p->challenge, sizeof(p->challenge));
    agent_begin(&s->agent, &m, CPNS_AUTHENTICATION_REQUEST, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn));
    cpns_set_bytes(&m, CPNS_CHALLENGE, span_of(p->challenge, sizeof(p->challenge)));
    server_name_user_key(s, pne, &m);
    struct agent_route route = agent_route(p->gateway);
    route.pn = pn;
    agent_request(&s->agent, &m, &route, FOR_SWITCH | pn);
}

bool server_switch_answer(struct server *s, const struct cpns_message *m, uint64_t cookie,
                          entity_id from)
{
    if ((cookie & FOR_SWITCH) == 0) {
        return false;
    }
    uint32_t pn = (uint32_t)(cookie & ~FOR_SWITCH);
    struct pending_switch *p = &s->pns[pn].change;
    entity_id pne = entity_scenario(s->agent.entity)->nodes[p->gateway].twin;
    bool right = from == p->gateway &&
                 server_answer_is_right(s, m, pne, pn, span_of(p->challenge, CHALLENGE_BYTES));
    if (!right) {
        entity_event(s->agent.entity, "authentication_failed", entity_name(s->agent.entity, pne));
        end(s, pn, 401);
    } else if (!s->pns[pn].stored) {
        end(s, pn, 404); /* released or its lease ended meanwhile */
    } else {
        go_on(s, pn);
    }
    return true;
}

bool server_switch_challenge_unanswered(struct server *s, uint64_t cookie)
{
    if ((cookie & FOR_SWITCH) == 0) {
        return false;
    }
    uint32_t pn = (uint32_t)(cookie & ~FOR_SWITCH);
    if (s->pns[pn].change.used) {
        end(s, pn, 408);
    }
    return true;
}

/* 200: may become the PN's gateway; 202: is being made it. */
static int check(const struct server *s, const struct cpns_message *m, uint32_t pn, entity_id from)
{
    const struct scenario *scenario = entity_scenario(s->agent.entity);
    if (pn == SCENARIO_NONE || !s->pns[pn].stored) {
        return 404;
    }
    const struct inventory_pn *n = &s->pns[pn];
    entity_id twin = scenario->nodes[from].twin;
    const struct subscriber *sub = twin != SCENARIO_NONE ? server_subscriber(s, twin) : NULL;
    if (!gateway_may_serve(scenario, pn, from) ||
        (twin != SCENARIO_NONE && (sub == NULL || !sub->registered || sub->pn != pn))) {
        return 403;
    }
    if (n->change.used) {
        return n->change.gateway == from ? 202 : 409;
    }
    entity_id old = agent_entity(&s->agent, m, CPNS_OLD_GATEWAY_ID);
    return old != ENTITY_NONE && old != n->gateway ? 409 : 200;
}

enum disposition server_on_switch_request(struct server *s, const struct cpns_message *m,
                                          entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    int status = pn != SCENARIO_NONE && s->pns[pn].stored && s->pns[pn].gateway == from
                     ? 200 /* it is: the answer got lost */
                     : check(s, m, pn, from);
    if (status != 200 || s->pns[pn].gateway == from) {
        bool busy = status == 409 && s->pns[pn].change.used;
        answer(s, pn, from, transaction, 0, status, status == 409 && !busy);
        if (status == 202) {
            s->pns[pn].change.transaction = transaction;
        }
        return status < 400 ? MESSAGE_DELIVERED : agent_refuse(&s->agent, "gateway_switch");
    }
    entity_id twin = entity_scenario(e)->nodes[from].twin;
    s->pns[pn].change = (struct pending_switch){
        .used = true, .gateway = from, .transaction = transaction, .flow = entity_flow(e)};
    if (twin != SCENARIO_NONE) {
        challenge(s, pn, twin);
    } else {
        go_on(s, pn);
    }
    return MESSAGE_DELIVERED;
}
