#include "models/pn_gateway/bridge.h"

#include <stdio.h>

#include "models/pn_gateway/gateway.h"

/* --- the machine
 * ----------------------------------------------------------------------------------------- */

static const char *const events[] = {
    [BRIDGE_EV_LOOK] = "look",       [BRIDGE_EV_FOUND] = "found",   [BRIDGE_EV_NOTHING] = "nothing",
    [BRIDGE_EV_ALLOWED] = "allowed", [BRIDGE_EV_DENIED] = "denied", [BRIDGE_EV_ASKED] = "asked",
    [BRIDGE_EV_LOST] = "lost",
};
static const char *const event_docs[] = {
    [BRIDGE_EV_LOOK] = "the server is out of reach, or the workload says so",
    [BRIDGE_EV_FOUND] = "a member reaches a PNE of another PN",
    [BRIDGE_EV_NOTHING] = "no member does",
    [BRIDGE_EV_ALLOWED] = "the other gateway agrees",
    [BRIDGE_EV_DENIED] = "it does not, or does not answer",
    [BRIDGE_EV_ASKED] = "the other gateway asked, and this one agrees",
    [BRIDGE_EV_LOST] = "the member that couples the two is gone, or the bridge is old",
};

static const struct fsm_state states[] = {
    [BRIDGE_NONE] = {.name = "NONE", .doc = "no bridge"},
    [BRIDGE_LOOKING] = {.name = "LOOKING", .doc = "members look who is in their reach"},
    [BRIDGE_ASKING] = {.name = "ASKING", .doc = "the other gateway is asked"},
    [BRIDGE_STANDS] = {.name = "STANDS", .doc = "used while the server is out of reach"},
};

#define ON(s, e) .from = BRIDGE_##s, .event = BRIDGE_EV_##e
#define TO(x) FSM_BIT(BRIDGE_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, LOOK), .to = TO(LOOKING)},
    {ON(NONE, ASKED), .to = TO(STANDS)},
    {ON(LOOKING, FOUND), .to = TO(ASKING)},
    {ON(LOOKING, NOTHING), .to = TO(NONE)},
    {ON(LOOKING, ASKED), .to = TO(STANDS), .note = "each looked for the other"},
    {ON(ASKING, ALLOWED), .to = TO(STANDS)},
    {ON(ASKING, DENIED), .to = TO(NONE), .note = "looks again after a keep-alive period"},
    {ON(ASKING, ASKED), .to = TO(STANDS), .note = "each asked the other"},
    {ON(STANDS, ASKED), .to = TO(STANDS), .note = "its answer got lost, or it is renewed"},
    {ON(STANDS, LOST), .to = TO(NONE)},
};

const struct fsm_table bridge_table = {
    .name = "bridge",
    .doc = "A PN's bridge to another PN, at its gateway (cpns-model.md flow 11)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

static void move(struct gateway *g, struct pn *pn, enum bridge_event event, enum bridge_state to)
{
    entity_transition(g->agent.entity, &bridge_table,
                      entity_scenario(g->agent.entity)->pns[pn->number].id, &pn->bridge.state,
                      event, to);
}

static void stands(struct gateway *g, struct pn *pn, enum bridge_event event)
{
    struct entity *e = g->agent.entity;
    const struct scenario *s = entity_scenario(e);
    bool fresh = pn->bridge.state != BRIDGE_STANDS;
    move(g, pn, event, BRIDGE_STANDS);
    pn->bridge.until = entity_now(e) + s->timers.pn_lease;
    entity_flow_end(e, pn->bridge.flow, FLOW_DONE, NULL);
    pn->bridge.flow = 0;
    if (fresh) {
        char text[200];
        snprintf(text, sizeof(text), "%s to %s over %s", s->pns[pn->number].id,
                 s->pns[pn->bridge.peer_pn].id, entity_name(e, pn->bridge.via));
        entity_event(e, "bridge_stands", text);
    }
}

static void fails(struct gateway *g, struct pn *pn, enum bridge_event event, const char *reason)
{
    struct entity *e = g->agent.entity;
    move(g, pn, event, BRIDGE_NONE);
    entity_event(e, "no_bridge", reason);
    entity_flow_end(e, pn->bridge.flow, FLOW_REFUSED, reason);
    pn->bridge.flow = 0;
}

/* --- the two sides
 * ------------------------------------------------------------------------------------------ */

/* Who is on this side, and whether it has a server. */
static void tell_side(struct gateway *g, struct pn *pn, struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    cpns_set_text(m, CPNS_GATEWAY_ID, entity_urn(e, entity_self(e)));
    cpns_add_text(m, CPNS_BRIDGE_ID, span_of_str(entity_urn(e, pn->bridge.via)));
    for (size_t i = 0; i < pn->member_count; i++) {
        if (pn->members[i].state == MEMBER_REGISTERED) {
            cpns_add_text(m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, pn->members[i].pne)));
        }
    }
    pn->bridge.told_alone = !entity_connected(e, g->server);
    if (pn->bridge.told_alone) {
        cpns_set_text(m, CPNS_REASON, "server out of reach");
    }
}

static void note_side(struct gateway *g, struct pn *pn, const struct cpns_message *m)
{
    map_fini(&pn->bridge.others);
    pn->bridge.others = (struct map){0};
    for (size_t i = 0; i < cpns_value(m, CPNS_MEMBER_ID)->list_count; i++) {
        map_set(&pn->bridge.others, entity_by_urn(g->agent.entity, cpns_item(m, CPNS_MEMBER_ID, i)),
                1);
    }
    pn->bridge.peer_alone = cpns_has(m, CPNS_REASON);
}

static void send_request(struct gateway *g, struct pn *pn)
{
    struct entity *e = g->agent.entity;
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_BRIDGE_SETUP_REQUEST, entity_pn_urn(e, pn->bridge.peer_pn));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    cpns_set_text(&m, CPNS_PEER_PN_ID, entity_pn_urn(e, pn->bridge.peer_pn));
    tell_side(g, pn, &m);
    struct agent_route route = gateway_route(pn->bridge.via, pn);
    route.flow = pn->bridge.flow;
    agent_request(&g->agent, &m, &route, (uint64_t)(pn - g->pns));
}

/* The other gateway hears, by a request for the bridge that stands, that the server went or came.
 */
static void tell_peer(struct gateway *g, struct pn *pn, bool alone)
{
    if (pn->bridge.told_alone != alone && pn->bridge.flow == 0) {
        pn->bridge.flow = entity_flow_begin(g->agent.entity, "bridge-setup",
                                            entity_scenario(g->agent.entity)->pns[pn->number].id);
        send_request(g, pn);
    }
}

/* --- looking
 * --------------------------------------------------------------------------------------------- */

/* Devices that can reach PNEs of others; known to the gateway since they were paired [ours]. */
static bool has_bridge_link(const struct gateway *g, entity_id pne)
{
    const struct scenario *s = entity_scenario(g->agent.entity);
    for (uint32_t i = s->hop_from[pne]; i < s->hop_from[pne + 1]; i++) {
        if (s->edges[s->hop_edges[i]].kind == HOP_BRIDGE) {
            return true;
        }
    }
    return false;
}

static bool may_look(const struct gateway *g, const struct member *m)
{
    return m->state == MEMBER_REGISTERED && has_bridge_link(g, m->pne) &&
           entity_connected(g->agent.entity, m->pne);
}

static void have_look(struct gateway *g, const struct pn *pn, entity_id pne)
{
    struct entity *e = g->agent.entity;
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_DISCOVERY_EXECUTION_REQUEST, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn->number));
    struct agent_route route = gateway_route(pne, pn);
    route.flow = pn->bridge.flow;
    agent_request(&g->agent, &m, &route, pne);
}

static void look(struct gateway *g, struct pn *pn)
{
    struct entity *e = g->agent.entity;
    uint32_t looking = 0;
    for (size_t i = 0; i < pn->member_count; i++) {
        looking += may_look(g, &pn->members[i]);
    }
    if (looking == 0) {
        return;
    }
    move(g, pn, BRIDGE_EV_LOOK, BRIDGE_LOOKING);
    pn->bridge.flow = entity_flow_begin(e, "bridge-setup", entity_scenario(e)->pns[pn->number].id);
    pn->bridge.looking = looking;
    pn->bridge.tried_at = entity_now(e);
    for (size_t i = 0; i < pn->member_count; i++) {
        if (may_look(g, &pn->members[i])) {
            have_look(g, pn, pn->members[i].pne);
        }
    }
}

/* A bridge whose member is gone is none. */
static bool still_stands(struct gateway *g, struct pn *pn)
{
    struct pn *its;
    if (pn->bridge.state != BRIDGE_STANDS) {
        return false;
    }
    const struct member *via = gateway_member(g, pn->bridge.via, &its);
    if (via == NULL || via->state != MEMBER_REGISTERED ||
        !entity_connected(g->agent.entity, pn->bridge.via) ||
        entity_now(g->agent.entity) >= pn->bridge.until) {
        move(g, pn, BRIDGE_EV_LOST, BRIDGE_NONE);
        return false;
    }
    return true;
}

static bool wants_none(const struct gateway *g)
{
    return entity_scenario(g->agent.entity)->nodes[entity_self(g->agent.entity)].denies_bridge;
}

void gateway_bridge_look(struct gateway *g)
{
    struct entity *e = g->agent.entity;
    sim_time period = entity_scenario(e)->timers.keep_alive;
    bool any = false;
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        bool due = pn->bridge.tried_at == 0 || entity_now(e) - pn->bridge.tried_at >= period;
        if (pn->state == PN_ACTIVE && !still_stands(g, pn) && pn->bridge.state == BRIDGE_NONE &&
            due && !wants_none(g)) {
            look(g, pn);
        } else if (pn->bridge.state == BRIDGE_STANDS) {
            tell_peer(g, pn, true);
        }
        any = any || pn->bridge.state != BRIDGE_NONE;
    }
    if (any && g->bridge_timer == 0) {
        g->bridge_timer = entity_timer_set(e, period, GATEWAY_TIMER_BRIDGE, 0);
    }
}

/* Meanwhile the server is tried once every period. */
void gateway_bridge_timer(struct gateway *g)
{
    g->bridge_timer = 0;
    if (!entity_connected(g->agent.entity, g->server)) {
        gateway_bridge_look(g);
        entity_connect(g->agent.entity, g->server);
    }
}

void gateway_work_discovery(struct gateway *g, entity_id pne)
{
    struct pn *pn;
    const struct member *m = gateway_member(g, pne, &pn);
    if (m == NULL || m->state != MEMBER_REGISTERED || !entity_connected(g->agent.entity, pne)) {
        entity_event(g->agent.entity, "work_skipped", "discovery-execution: not a member");
    } else {
        have_look(g, pn, pne);
    }
}

void gateway_work_bridge(struct gateway *g, uint32_t number)
{
    for (size_t i = 0; i < g->pn_count; i++) {
        struct pn *pn = &g->pns[i];
        if (pn->number == number && pn->state == PN_ACTIVE && !still_stands(g, pn) &&
            pn->bridge.state == BRIDGE_NONE) {
            look(g, pn);
            return;
        }
    }
    entity_event(g->agent.entity, "work_skipped", "bridge-setup: nothing to set up");
}

/* --- asking
 * ---------------------------------------------------------------------------------------------- */

static void ask(struct gateway *g, struct pn *pn, entity_id via, uint32_t peer_pn)
{
    move(g, pn, BRIDGE_EV_FOUND, BRIDGE_ASKING);
    pn->bridge.via = via;
    pn->bridge.peer_pn = peer_pn;
    send_request(g, pn);
}

void gateway_bridge_server_up(struct gateway *g)
{
    for (size_t i = 0; i < g->pn_count; i++) {
        if (still_stands(g, &g->pns[i])) {
            tell_peer(g, &g->pns[i], false);
        }
    }
}

static void one_less(struct gateway *g, struct pn *pn)
{
    if (pn->bridge.state == BRIDGE_LOOKING && --pn->bridge.looking == 0) {
        fails(g, pn, BRIDGE_EV_NOTHING, "nobody in reach");
    }
}

enum disposition gateway_on_found(struct gateway *g, const struct cpns_message *m, entity_id from)
{
    struct entity *e = g->agent.entity;
    struct pn *pn;
    uint64_t pne;
    if (!agent_answered(&g->agent, m, CPNS_DISCOVERY_EXECUTION_REQUEST, &pne) || pne != from ||
        gateway_member(g, from, &pn) == NULL) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    for (size_t i = 0; i < cpns_value(m, CPNS_FOUND_PN_ID)->list_count; i++) {
        uint32_t peer = entity_pn_by_urn(e, cpns_item(m, CPNS_FOUND_PN_ID, i));
        if (peer == SCENARIO_NONE || peer == pn->number) {
            continue;
        }
        entity_event(e, "network_found", entity_scenario(e)->pns[peer].id);
        if (pn->bridge.state == BRIDGE_LOOKING) {
            ask(g, pn, from, peer);
        }
    }
    one_less(g, pn);
    return MESSAGE_DELIVERED;
}

void gateway_found_nothing(struct gateway *g, entity_id pne)
{
    struct pn *pn;
    if (gateway_member(g, pne, &pn) != NULL) {
        one_less(g, pn);
    }
}

void gateway_bridge_silent(struct gateway *g, uint64_t pn)
{
    struct pn *asking = &g->pns[pn];
    if (asking->bridge.state == BRIDGE_ASKING) {
        fails(g, asking, BRIDGE_EV_DENIED, "no answer");
    } else { /* of a bridge that stood: whether it still does, its use will show */
        entity_flow_end(g->agent.entity, asking->bridge.flow, FLOW_TIMEOUT, "no answer");
        asking->bridge.flow = 0;
        asking->bridge.told_alone = !asking->bridge.told_alone; /* told again */
    }
}

/* --- the other gateway
 * ----------------------------------------------------------------------------------- */

bool gateway_is_bridged(struct gateway *g, const struct cpns_message *m, entity_id from)
{
    struct pn *pn;
    struct pn *its;
    const struct member *via = gateway_member(g, from, &pn);
    entity_id origin = agent_entity(&g->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (via == NULL || via->state != MEMBER_REGISTERED || origin == ENTITY_NONE ||
        gateway_member(g, origin, &its) != NULL) { /* its own would not come this way */
        return false;
    }
    bool setup = m->type == CPNS_BRIDGE_SETUP_REQUEST || m->type == CPNS_BRIDGE_SETUP_RESPONSE;
    bool access = m->type == CPNS_SERVICE_ACCESS_REQUEST || m->type == CPNS_SERVICE_ACCESS_RESPONSE;
    return (setup && has_bridge_link(g, from)) ||
           (access && pn->bridge.via == from && still_stands(g, pn));
}

/* Allow or deny. */
static void on_request(struct gateway *g, const struct cpns_message *m, struct pn *pn,
                       entity_id from)
{
    struct entity *e = g->agent.entity;
    uint32_t wanted = entity_pn_by_urn(e, cpns_text(m, CPNS_PEER_PN_ID));
    uint32_t theirs =
        cpns_has(m, CPNS_PN_ID) ? entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)) : SCENARIO_NONE;
    bool denied = entity_scenario(e)->nodes[entity_self(e)].denies_bridge;
    int status = wanted != pn->number || pn->state != PN_ACTIVE || theirs == SCENARIO_NONE ? 404
                 : denied                                                                  ? 403
                                                                                           : 200;
    if (status == 200) {
        agent_forget_cookie(&g->agent, CPNS_BRIDGE_SETUP_REQUEST, (uint64_t)(pn - g->pns));
        pn->bridge.via = from;
        pn->bridge.peer_pn = theirs;
        note_side(g, pn, m);
        stands(g, pn, BRIDGE_EV_ASKED);
    }
    struct cpns_message answer;
    agent_answer(&g->agent, &answer, CPNS_BRIDGE_SETUP_RESPONSE, m, status);
    cpns_set_integer(&answer, CPNS_ACCEPT, status == 200);
    cpns_set_text(&answer, CPNS_PEER_PN_ID, entity_pn_urn(e, pn->number));
    if (status == 200) {
        tell_side(g, pn, &answer);
    }
    struct agent_route route = gateway_route(from, pn);
    agent_send(&g->agent, &answer, &route);
}

static void on_response(struct gateway *g, const struct cpns_message *m)
{
    uint64_t number;
    if (!agent_answered(&g->agent, m, CPNS_BRIDGE_SETUP_REQUEST, &number)) {
        return; /* late or repeated */
    }
    struct pn *pn = &g->pns[number];
    bool allowed = cpns_integer(m, CPNS_STATUS) == 200 && cpns_integer(m, CPNS_ACCEPT) == 1;
    if (pn->bridge.state != BRIDGE_ASKING) { /* it stood, and the other one heard of the server */
        agent_flow_answered(&g->agent, pn->bridge.flow, cpns_integer(m, CPNS_STATUS));
        pn->bridge.flow = 0;
        return;
    }
    if (allowed) {
        note_side(g, pn, m);
        stands(g, pn, BRIDGE_EV_ALLOWED);
    } else {
        fails(g, pn, BRIDGE_EV_DENIED, "denied");
    }
}

/* --- what goes over it
 * ----------------------------------------------------------------------------------- */

/* Of a request that came over the bridge: its answer goes back there. */
static uint64_t bridged_key(entity_id origin, int64_t transaction)
{
    return (uint64_t)origin << 32 ^ (uint64_t)transaction;
}

static enum disposition access_here(struct gateway *g, struct cpns_message *m,
                                    const struct received *r)
{
    struct pn *pn;
    entity_id target = agent_entity(&g->agent, m, CPNS_TARGET_ID);
    const struct member *member = target != ENTITY_NONE ? gateway_member(g, target, &pn) : NULL;
    bool here = member != NULL && member->state == MEMBER_REGISTERED;
    if (here && entity_connected(g->agent.entity, target)) {
        if (m->type == CPNS_SERVICE_ACCESS_REQUEST) {
            map_set(&g->bridged,
                    bridged_key(agent_entity(&g->agent, m, CPNS_ORIGIN_ENTITY_ID),
                                cpns_integer(m, CPNS_TRANSACTION_ID)),
                    1);
        }
        return agent_relay(&g->agent, m, target, EXEMPT_NOT, r);
    }
    if (m->type == CPNS_SERVICE_ACCESS_REQUEST) {
        struct cpns_message answer;
        agent_answer(&g->agent, &answer, CPNS_SERVICE_ACCESS_RESPONSE, m, here ? 503 : 404);
        struct agent_route route = gateway_route(r->from, NULL);
        agent_send(&g->agent, &answer, &route);
    }
    return agent_refuse(&g->agent, here ? "503" : "404");
}

enum disposition gateway_on_bridged(struct gateway *g, struct cpns_message *m,
                                    const struct received *r)
{
    struct pn *pn;
    CHECK(gateway_member(g, r->from, &pn) != NULL);
    switch (m->type) {
    case CPNS_BRIDGE_SETUP_REQUEST:
        on_request(g, m, pn, r->from);
        return MESSAGE_DELIVERED;
    case CPNS_BRIDGE_SETUP_RESPONSE:
        on_response(g, m);
        return MESSAGE_DELIVERED;
    default:
        return access_here(g, m, r);
    }
}

bool gateway_use_bridge(struct gateway *g, struct pn *pn, struct cpns_message *m,
                        const struct received *r, enum disposition *ret)
{
    struct pn *its;
    uint64_t found;
    entity_id target = agent_entity(&g->agent, m, CPNS_TARGET_ID);
    if (m->type == CPNS_SERVICE_ACCESS_RESPONSE && target != ENTITY_NONE) {
        uint64_t key = bridged_key(target, cpns_integer(m, CPNS_TRANSACTION_ID));
        if (map_get(&g->bridged, key, &found) && still_stands(g, pn)) {
            map_remove(&g->bridged, key);
            *ret = agent_relay(&g->agent, m, pn->bridge.via, EXEMPT_NOT, r);
            return true;
        }
        return false;
    }
    /* Where the other gateway has no server, its members are reached over the bridge only. */
    bool needed = !entity_connected(g->agent.entity, g->server) ||
                  (pn->bridge.peer_alone && map_get(&pn->bridge.others, target, &found));
    if (m->type != CPNS_SERVICE_ACCESS_REQUEST || !needed || target == g->server ||
        target == ENTITY_NONE || gateway_member(g, target, &its) != NULL || !still_stands(g, pn)) {
        return false;
    }
    *ret = agent_relay(&g->agent, m, pn->bridge.via, EXEMPT_NOT, r);
    return true;
}

void gateway_bridge_free(struct gateway *g)
{
    for (size_t i = 0; i < g->pn_count; i++) {
        map_fini(&g->pns[i].bridge.others);
    }
    map_fini(&g->bridged);
}
