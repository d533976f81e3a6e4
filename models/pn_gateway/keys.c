/* Key assignment at the gateway, which begins it (cpns-model.md flow 4, US8887253): the user to the
 * server and to the PNE, the first authentication data to the PNE; then the PNE asks the server
 * through it. The gateway itself knows neither key. */
#include "models/pn_gateway/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/pn_gateway/gateway.h"

static const char *const events[] = {
    [ASSIGNMENT_EV_START] = "start",         [ASSIGNMENT_EV_REGISTERED] = "registered",
    [ASSIGNMENT_EV_INSTALLED] = "installed", [ASSIGNMENT_EV_ACCEPTED] = "accepted",
    [ASSIGNMENT_EV_ASSIGNED] = "assigned",   [ASSIGNMENT_EV_REFUSED] = "refused",
    [ASSIGNMENT_EV_TIMEOUT] = "timeout",
};
static const char *const event_docs[] = {
    [ASSIGNMENT_EV_START] = "an assignment is asked for",
    [ASSIGNMENT_EV_REGISTERED] = "the server knows the user",
    [ASSIGNMENT_EV_INSTALLED] = "the PNE knows the user",
    [ASSIGNMENT_EV_ACCEPTED] = "the PNE found the first authentication data right",
    [ASSIGNMENT_EV_ASSIGNED] = "the answer with the user key passed",
    [ASSIGNMENT_EV_REFUSED] = "one of them said no",
    [ASSIGNMENT_EV_TIMEOUT] = "one of them did not answer",
};

static const struct fsm_state states[] = {
    [ASSIGNMENT_NONE] = {.name = "NONE", .doc = "none yet"},
    [ASSIGNMENT_REGISTERING] = {.name = "REGISTERING", .doc = "the server is told the user"},
    [ASSIGNMENT_INSTALLING] = {.name = "INSTALLING", .doc = "the PNE is told the user"},
    [ASSIGNMENT_TRIGGERED] = {.name = "TRIGGERED",
                              .doc = "the PNE has the first authentication data"},
    [ASSIGNMENT_ASKED] = {.name = "ASKED", .doc = "the PNE found it right and asks the server"},
    [ASSIGNMENT_DONE] = {.name = "DONE", .doc = "the PNE has its user key"},
    [ASSIGNMENT_FAILED] = {.name = "FAILED", .doc = "the last one failed; the key before it stays"},
};

#define ON(s, e) .from = ASSIGNMENT_##s, .event = ASSIGNMENT_EV_##e
#define TO(x) FSM_BIT(ASSIGNMENT_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, START), .to = TO(REGISTERING)},
    {ON(REGISTERING, REGISTERED), .to = TO(INSTALLING)},
    {ON(REGISTERING, REFUSED), .to = TO(FAILED)},
    {ON(REGISTERING, TIMEOUT), .to = TO(FAILED)},
    {ON(INSTALLING, INSTALLED), .to = TO(TRIGGERED)},
    {ON(INSTALLING, REFUSED), .to = TO(FAILED)},
    {ON(INSTALLING, TIMEOUT), .to = TO(FAILED)},
    {ON(TRIGGERED, ACCEPTED), .to = TO(ASKED)},
    {ON(TRIGGERED, ASSIGNED), .to = TO(DONE),
     .note = "the server's answer passed before the PNE's own to the trigger"},
    {ON(TRIGGERED, REFUSED), .to = TO(FAILED)},
    {ON(TRIGGERED, TIMEOUT), .to = TO(FAILED)},
    {ON(ASKED, ASSIGNED), .to = TO(DONE)},
    {ON(ASKED, REFUSED), .to = TO(FAILED)},
    {ON(ASKED, TIMEOUT), .to = TO(FAILED)},
    {ON(DONE, START), .to = TO(REGISTERING), .note = "a new key"},
    {ON(FAILED, START), .to = TO(REGISTERING)},
};

const struct fsm_table assignment_table = {
    .name = "key_assignment",
    .doc = "The assignment of a user key to a PNE, at its gateway (cpns-model.md flow 4)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

static struct assignment *find(const struct gateway *g, entity_id pne)
{
    for (size_t i = 0; i < g->assignment_count; i++) {
        if (g->assignments[i].pne == pne) {
            return &g->assignments[i];
        }
    }
    return NULL;
}

static bool move(struct gateway *g, struct assignment *a, enum assignment_event event,
                 enum assignment_state to)
{
    struct entity *e = g->agent.entity;
    return entity_transition(e, &assignment_table, entity_name(e, a->pne), &a->state, event, to) ==
           0;
}

static bool is_under_way(const struct assignment *a)
{
    return fsm_allows(&assignment_table, a->state, ASSIGNMENT_EV_TIMEOUT);
}

static void clear_guard(struct gateway *g, struct assignment *a)
{
    entity_timer_cancel(g->agent.entity, a->guard);
    a->guard = 0;
}

static void fail(struct gateway *g, struct assignment *a, enum assignment_event event)
{
    struct entity *e = g->agent.entity;
    static const enum cpns_type types[] = {CPNS_USER_REGISTRATION_REQUEST,
                                           CPNS_INSTALLATION_REQUEST, CPNS_INSTALLATION_TRIGGER};
    clear_guard(g, a);
    for (size_t i = 0; i < SIM_ARRAY_LEN(types); i++) {
        agent_forget_cookie(&g->agent, types[i], a->pne);
    }
    if (move(g, a, event, ASSIGNMENT_FAILED)) {
        entity_flow_end(e, a->flow, event == ASSIGNMENT_EV_TIMEOUT ? FLOW_TIMEOUT : FLOW_REFUSED,
                        fsm_event_name(&assignment_table, event));
        entity_event(e, "key_assignment_failed", entity_name(e, a->pne));
    }
}

/* --- begin
 * --------------------------------------------------------------------------------------------- */

/* What its user said: the name of the device for people [ours]. */
static const char *info_of(const struct gateway *g, entity_id pne)
{
    return entity_name(g->agent.entity, pne);
}

static const char *user_of(const struct gateway *g, entity_id pne)
{
    return entity_scenario(g->agent.entity)->nodes[pne].user;
}

static struct agent_route route_to(entity_id peer, const struct assignment *a)
{
    struct agent_route route = agent_route(peer);
    route.pn = a->pn;
    route.flow = a->flow;
    return route;
}

static void begin(struct gateway *g, entity_id pne, uint32_t pn)
{
    struct entity *e = g->agent.entity;
    struct assignment *a = find(g, pne);
    if (a == NULL) {
        a = MEM_PUSH(g->assignments, g->assignment_count, g->assignment_capacity);
        *a = (struct assignment){.pne = pne};
    }
    a->pn = pn;
    if (is_under_way(a)) {
        entity_event(e, "work_skipped", "key-assignment: under way");
        return;
    }
    move(g, a, ASSIGNMENT_EV_START, ASSIGNMENT_REGISTERING);
    a->flow = entity_flow_begin(e, "key-assignment", entity_name(e, pne));
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_USER_REGISTRATION_REQUEST, entity_urn(e, g->server));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn));
    cpns_set_text(&m, CPNS_USER_ID, user_of(g, pne));
    cpns_set_text(&m, CPNS_USER_INFO, info_of(g, pne));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
    struct agent_route route = route_to(g->server, a);
    agent_request(&g->agent, &m, &route, pne);
}

void gateway_assign_keys(struct gateway *g, uint32_t pn, entity_id only)
{
    gateway_each_member(g, pn, only, "key-assignment: no member", begin);
}

/* --- step by step
 * --------------------------------------------------------------------------------------- */

/* The assignment that an answer belongs to. */
static struct assignment *answered(struct gateway *g, const struct cpns_message *m,
                                   enum cpns_type request)
{
    uint64_t pne;
    return agent_answered(&g->agent, m, request, &pne) ? find(g, (entity_id)pne) : NULL;
}

enum disposition gateway_on_user_registered(struct gateway *g, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    struct assignment *a = answered(g, m, CPNS_USER_REGISTRATION_REQUEST);
    if (a == NULL) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    struct span nonce = cpns_bytes(m, CPNS_CHALLENGE);
    struct span data = cpns_bytes(m, CPNS_AUTHENTICATION_DATA);
    if (cpns_integer(m, CPNS_STATUS) != 200 || nonce.len != sizeof(a->nonce) ||
        data.len != sizeof(a->first_data)) {
        fail(g, a, ASSIGNMENT_EV_REFUSED);
        return MESSAGE_DELIVERED;
    }
    memcpy(a->nonce, nonce.data, nonce.len);
    memcpy(a->first_data, data.data, data.len);
    move(g, a, ASSIGNMENT_EV_REGISTERED, ASSIGNMENT_INSTALLING);
    struct cpns_message request;
    agent_begin(&g->agent, &request, CPNS_INSTALLATION_REQUEST, entity_urn(e, a->pne));
    cpns_set_text(&request, CPNS_USER_ID, user_of(g, a->pne));
    cpns_set_text(&request, CPNS_USER_INFO, info_of(g, a->pne));
    struct agent_route route = route_to(a->pne, a);
    agent_request(&g->agent, &request, &route, a->pne);
    return MESSAGE_DELIVERED;
}

static void trigger(struct gateway *g, struct assignment *a)
{
    struct entity *e = g->agent.entity;
    move(g, a, ASSIGNMENT_EV_INSTALLED, ASSIGNMENT_TRIGGERED);
    a->guard = entity_timer_set(e, 2 * agent_patience(&g->agent), GATEWAY_TIMER_ASSIGNMENT, a->pne);
    struct cpns_message m;
    agent_begin(&g->agent, &m, CPNS_INSTALLATION_TRIGGER, entity_urn(e, a->pne));
    cpns_set_text(&m, CPNS_USER_ID, user_of(g, a->pne));
    cpns_set_bytes(&m, CPNS_CHALLENGE, span_of(a->nonce, sizeof(a->nonce)));
    cpns_set_bytes(&m, CPNS_AUTHENTICATION_DATA, span_of(a->first_data, sizeof(a->first_data)));
    struct agent_route route = route_to(a->pne, a);
    agent_request(&g->agent, &m, &route, a->pne);
}

enum disposition gateway_on_installed(struct gateway *g, const struct cpns_message *m)
{
    bool good = cpns_integer(m, CPNS_STATUS) == 200;
    struct assignment *a = answered(g, m, CPNS_INSTALLATION_REQUEST);
    if (a != NULL && good) {
        trigger(g, a);
        return MESSAGE_DELIVERED;
    }
    if (a == NULL) {
        a = answered(g, m, CPNS_INSTALLATION_TRIGGER);
    }
    if (a != NULL && good) {
        move(g, a, ASSIGNMENT_EV_ACCEPTED, ASSIGNMENT_ASKED);
    } else if (a != NULL) {
        fail(g, a, ASSIGNMENT_EV_REFUSED);
    }
    return MESSAGE_DELIVERED;
}

void gateway_saw_user_key(struct gateway *g, entity_id pne, int64_t status)
{
    struct assignment *a = find(g, pne);
    if (a == NULL || !fsm_allows(&assignment_table, a->state, ASSIGNMENT_EV_ASSIGNED)) {
        return;
    }
    if (status != 200) {
        fail(g, a, ASSIGNMENT_EV_REFUSED);
        return;
    }
    clear_guard(g, a);
    agent_forget_cookie(&g->agent, CPNS_INSTALLATION_TRIGGER, pne);
    move(g, a, ASSIGNMENT_EV_ASSIGNED, ASSIGNMENT_DONE);
    entity_flow_end(g->agent.entity, a->flow, FLOW_DONE, NULL);
}

/* --- what goes wrong
 * ------------------------------------------------------------------------------------------ */

bool gateway_keys_gave_up(struct gateway *g, enum cpns_type type, entity_id pne)
{
    struct assignment *a = find(g, pne);
    switch (type) {
    case CPNS_USER_REGISTRATION_REQUEST:
    case CPNS_INSTALLATION_REQUEST:
    case CPNS_INSTALLATION_TRIGGER:
        CHECK(a != NULL);
        fail(g, a, ASSIGNMENT_EV_TIMEOUT);
        return true;
    case CPNS_PNE_PROVISIONING_REQUEST:
    case CPNS_PNE_PROVISIONING:
        gateway_provisioning_gave_up(g, pne, "no answer");
        return true;
    default:
        return false;
    }
}

void gateway_on_assignment_timer(struct gateway *g, entity_id pne)
{
    struct assignment *a = find(g, pne);
    CHECK(a != NULL);
    a->guard = 0;
    if (is_under_way(a)) {
        fail(g, a, ASSIGNMENT_EV_TIMEOUT);
    }
}

void gateway_keys_server_failed(struct gateway *g)
{
    for (size_t i = 0; i < g->assignment_count; i++) {
        if (g->assignments[i].state == ASSIGNMENT_REGISTERING) {
            fail(g, &g->assignments[i], ASSIGNMENT_EV_TIMEOUT);
        }
    }
    for (size_t i = 0; i < g->provisioning_count; i++) {
        if (g->provisionings[i].state == PROVISIONING_ASKED) {
            gateway_provisioning_gave_up(g, g->provisionings[i].pne, "no server");
        }
    }
}

void gateway_keys_free(struct gateway *g)
{
    free(g->assignments);
    free(g->provisionings);
}
