#include "models/cpns_server/battery.h"

#include <stdlib.h>

#include "models/cpns_server/server.h"

static const char *const events[] = {
    [RELIEF_EV_LOW] = "low",         [RELIEF_EV_ANSWERED] = "answered",
    [RELIEF_EV_AWAKE] = "awake",     [RELIEF_EV_ACCEPTED] = "accepted",
    [RELIEF_EV_REFUSED] = "refused", [RELIEF_EV_SILENT] = "silent",
    [RELIEF_EV_NOBODY] = "nobody",
};
static const char *const event_docs[] = {
    [RELIEF_EV_LOW] = "the gateway's battery is low",
    [RELIEF_EV_ANSWERED] = "the last member that was asked has answered, or does not",
    [RELIEF_EV_AWAKE] = "the PNE chosen is awake",
    [RELIEF_EV_ACCEPTED] = "it takes over",
    [RELIEF_EV_REFUSED] = "it does not",
    [RELIEF_EV_SILENT] = "it does not answer",
    [RELIEF_EV_NOBODY] = "nobody is left who could take over",
};

static const struct fsm_state states[] = {
    [RELIEF_NONE] = {.name = "NONE", .doc = "nothing is under way"},
    [RELIEF_QUERYING] = {.name = "QUERYING", .doc = "the members are asked what they have left"},
    [RELIEF_WAKING] = {.name = "WAKING", .doc = "the one that has most is woken"},
    [RELIEF_INSTRUCTING] = {.name = "INSTRUCTING", .doc = "it is told to take over"},
};

#define ON(s, e) .from = RELIEF_##s, .event = RELIEF_EV_##e
#define TO(x) FSM_BIT(RELIEF_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, LOW), .to = TO(QUERYING)},
    {ON(QUERYING, ANSWERED), .to = TO(WAKING)},
    {ON(QUERYING, NOBODY), .to = TO(NONE)},
    {ON(WAKING, AWAKE), .to = TO(INSTRUCTING)},
    {ON(WAKING, REFUSED), .to = TO(WAKING), .note = "the next one"},
    {ON(WAKING, SILENT), .to = TO(WAKING), .note = "the next one"},
    {ON(WAKING, NOBODY), .to = TO(NONE)},
    {ON(INSTRUCTING, ACCEPTED), .to = TO(NONE)},
    {ON(INSTRUCTING, REFUSED), .to = TO(WAKING), .note = "the next one"},
    {ON(INSTRUCTING, SILENT), .to = TO(WAKING), .note = "the next one"},
    {ON(INSTRUCTING, NOBODY), .to = TO(NONE)},
};

const struct fsm_table relief_table = {
    .name = "battery_relief",
    .doc = "The relief of a gateway whose battery is low, at the server (cpns-model.md flow 11)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

static struct relief *relief_of(struct server *s, uint32_t pn)
{
    if (s->reliefs == NULL) {
        s->reliefs = mem_calloc(entity_scenario(s->agent.entity)->pn_count, sizeof(*s->reliefs));
    }
    return &s->reliefs[pn];
}

void server_battery_free(struct server *s)
{
    size_t count = s->reliefs != NULL ? entity_scenario(s->agent.entity)->pn_count : 0;
    for (size_t i = 0; i < count; i++) {
        free(s->reliefs[i].candidates);
    }
    free(s->reliefs);
}

static bool move(struct server *s, uint32_t pn, enum relief_event event, enum relief_state to)
{
    struct entity *e = s->agent.entity;
    return entity_transition(e, &relief_table, entity_scenario(e)->pns[pn].id,
                             &s->reliefs[pn].state, event, to) == 0;
}

static uint64_t cookie_of(uint32_t pn, entity_id pne)
{
    return (uint64_t)pn << 32 | pne;
}

static struct relief_candidate *candidate(struct relief *r, entity_id pne)
{
    for (size_t i = 0; i < r->candidate_count; i++) {
        if (r->candidates[i].pne == pne) {
            return &r->candidates[i];
        }
    }
    return NULL;
}

/* --- the end
 * ---------------------------------------------------------------------------------------------- */

static void answer_gateway(struct server *s, uint32_t pn, int64_t transaction, int status)
{
    struct entity *e = s->agent.entity;
    const struct relief *r = &s->reliefs[pn];
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_BATTERY_INDICATION_RESPONSE, entity_urn(e, r->gateway));
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, transaction);
    cpns_set_integer(&m, CPNS_STATUS, status);
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn));
    if (status == 200) {
        cpns_set_text(&m, CPNS_NEW_GATEWAY_ID,
                      entity_urn(e, entity_scenario(e)->nodes[r->chosen].twin));
    }
    struct agent_route route = agent_route(r->gateway);
    route.pn = pn;
    route.flow = r->flow;
    agent_send(&s->agent, &m, &route);
}

static void finish(struct server *s, uint32_t pn, int status)
{
    struct relief *r = &s->reliefs[pn];
    answer_gateway(s, pn, r->transaction, status);
    r->last_transaction = r->transaction;
    r->last_status = status;
    free(r->candidates);
    r->candidates = NULL;
    r->candidate_count = r->candidate_capacity = 0;
    entity_event(s->agent.entity, status == 200 ? "battery_relief" : "battery_no_relief",
                 entity_scenario(s->agent.entity)->pns[pn].id);
}

/* --- wake and instruct
 * ------------------------------------------------------------------------------------ */

static void ask(struct server *s, uint32_t pn, entity_id pne, enum cpns_type type)
{
    struct entity *e = s->agent.entity;
    const struct relief *r = &s->reliefs[pn];
    struct cpns_message m;
    agent_begin(&s->agent, &m, type, entity_urn(e, pne));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, pn));
    if (type != CPNS_BATTERY_QUERY) {
        cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, pne));
        cpns_set_text(&m, CPNS_OLD_GATEWAY_ID, entity_urn(e, r->gateway));
        cpns_set_text(&m, CPNS_REASON, "low battery");
    }
    struct agent_route route = server_route(s, pne);
    route.flow = r->flow;
    agent_request(&s->agent, &m, &route, cookie_of(pn, pne));
}

/* The one that has most, and more than the gateway; of equal ones the first that registered. */
static struct relief_candidate *best(struct server *s, struct relief *r)
{
    struct relief_candidate *found = NULL;
    for (size_t i = 0; i < r->candidate_count; i++) {
        struct relief_candidate *c = &r->candidates[i];
        if (c->capable && c->level > r->level && server_is_registered(s, c->pne, r->gateway) &&
            (found == NULL || c->level > found->level)) {
            found = c;
        }
    }
    return found;
}

/* Chooses among those that are left. */
static void choose(struct server *s, uint32_t pn, enum relief_event event)
{
    struct relief *r = &s->reliefs[pn];
    const struct relief_candidate *c = best(s, r);
    if (c == NULL) {
        if (move(s, pn, RELIEF_EV_NOBODY, RELIEF_NONE)) {
            finish(s, pn, 404);
        }
    } else if (move(s, pn, event, RELIEF_WAKING)) {
        r->chosen = c->pne;
        ask(s, pn, c->pne, CPNS_WAKE_UP);
    }
}

/* The one chosen does not do it: the next one. */
static void pass_over(struct server *s, uint32_t pn, entity_id pne, enum relief_event event)
{
    struct relief_candidate *c = candidate(&s->reliefs[pn], pne);
    if (c != NULL && pne == s->reliefs[pn].chosen) {
        c->capable = false;
        choose(s, pn, event);
    }
}

enum disposition server_on_woken(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&s->agent, m, CPNS_WAKE_UP, &cookie)) {
        uint32_t pn = (uint32_t)(cookie >> 32);
        entity_id pne = (entity_id)cookie;
        if (cpns_integer(m, CPNS_STATUS) != 200) {
            pass_over(s, pn, pne, RELIEF_EV_REFUSED);
        } else if (move(s, pn, RELIEF_EV_AWAKE, RELIEF_INSTRUCTING)) {
            ask(s, pn, pne, CPNS_SWITCH_INSTRUCTION);
        }
    }
    return MESSAGE_DELIVERED;
}

enum disposition server_on_instructed(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&s->agent, m, CPNS_SWITCH_INSTRUCTION, &cookie)) {
        uint32_t pn = (uint32_t)(cookie >> 32);
        if (cpns_integer(m, CPNS_STATUS) != 200) {
            pass_over(s, pn, (entity_id)cookie, RELIEF_EV_REFUSED);
        } else if (move(s, pn, RELIEF_EV_ACCEPTED, RELIEF_NONE)) {
            finish(s, pn, 200);
        }
    }
    return MESSAGE_DELIVERED;
}

/* --- query
 * ------------------------------------------------------------------------------------------------
 */

static void one_less(struct server *s, uint32_t pn)
{
    if (--s->reliefs[pn].unanswered == 0) {
        choose(s, pn, RELIEF_EV_ANSWERED);
    }
}

enum disposition server_on_battery_answer(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&s->agent, m, CPNS_BATTERY_QUERY, &cookie)) {
        uint32_t pn = (uint32_t)(cookie >> 32);
        struct relief_candidate *c = candidate(&s->reliefs[pn], (entity_id)cookie);
        CHECK(c != NULL);
        c->capable = cpns_integer(m, CPNS_STATUS) == 200 &&
                     span_equal_str(cpns_text(m, CPNS_MODE), "both") &&
                     cpns_has(m, CPNS_BATTERY_LEVEL);
        c->level = cpns_integer(m, CPNS_BATTERY_LEVEL);
        one_less(s, pn);
    }
    return MESSAGE_DELIVERED;
}

void server_battery_gave_up(struct server *s, enum cpns_type type, uint64_t cookie)
{
    uint32_t pn = (uint32_t)(cookie >> 32);
    if (type == CPNS_BATTERY_QUERY) {
        one_less(s, pn);
    } else {
        pass_over(s, pn, (entity_id)cookie, RELIEF_EV_SILENT);
    }
}

/* All members of the PN are asked. */
static void begin(struct server *s, uint32_t pn)
{
    struct relief *r = &s->reliefs[pn];
    for (size_t i = 0; i < s->subscriber_count; i++) {
        const struct subscriber *sub = s->subscriber_list[i];
        if (sub->pn == pn && server_is_registered(s, sub->pne, r->gateway)) {
            *MEM_PUSH(r->candidates, r->candidate_count, r->candidate_capacity) =
                (struct relief_candidate){.pne = sub->pne};
        }
    }
    r->unanswered = r->candidate_count;
    for (size_t i = 0; i < r->candidate_count; i++) {
        ask(s, pn, r->candidates[i].pne, CPNS_BATTERY_QUERY);
    }
    if (r->candidate_count == 0) {
        choose(s, pn, RELIEF_EV_ANSWERED);
    }
}

static enum disposition on_gateway_low(struct server *s, const struct cpns_message *m,
                                       entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (pn == SCENARIO_NONE || !s->pns[pn].stored || s->pns[pn].gateway != from) {
        return server_say(s, m, from, 404);
    }
    struct relief *r = relief_of(s, pn);
    if (r->state != RELIEF_NONE) { /* asked again meanwhile */
        r->transaction = r->gateway == from ? transaction : r->transaction;
        return server_say(s, m, from, r->gateway == from ? 202 : 409);
    }
    if (r->gateway == from && r->last_transaction == transaction) {
        answer_gateway(s, pn, transaction, r->last_status);
        return MESSAGE_DELIVERED;
    }
    r->gateway = from;
    r->level = cpns_integer(m, CPNS_BATTERY_LEVEL);
    r->transaction = transaction;
    r->flow = entity_flow(e);
    entity_event(e, "battery_low", entity_name(e, from));
    move(s, pn, RELIEF_EV_LOW, RELIEF_QUERYING);
    enum disposition d = server_say(s, m, from, 202);
    begin(s, pn);
    return d;
}

enum disposition server_on_battery_indication(struct server *s, const struct cpns_message *m,
                                              entity_id from)
{
    struct entity *e = s->agent.entity;
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (origin == from) {
        return on_gateway_low(s, m, from);
    }
    if (!server_is_registered(s, origin, from)) {
        return server_say(s, m, from, 403);
    }
    entity_event(e, "battery_low", entity_name(e, origin));
    return server_say(s, m, from, 200);
}
