/* Owner transfer of a Service Group (US8504042, US8924514, US9185531): the server checks that the
 * one who asks owns the group, takes the wished successor or picks one, asks it, and changes the
 * inventory only when it has said yes. Until then the owner is the owner, whatever gets lost. */
#include "models/cpns_server/server.h"

static const char *const events[] = {
    [TRANSFER_EV_REQUESTED] = "requested", [TRANSFER_EV_ACCEPTED] = "accepted",
    [TRANSFER_EV_REFUSED] = "refused",     [TRANSFER_EV_SILENT] = "silent",
    [TRANSFER_EV_GONE] = "gone",           [TRANSFER_EV_ENDED] = "ended",
};
static const char *const event_docs[] = {
    [TRANSFER_EV_REQUESTED] = "the owner wants to give it away, or to leave",
    [TRANSFER_EV_ACCEPTED] = "the candidate takes it",
    [TRANSFER_EV_REFUSED] = "the candidate does not want it",
    [TRANSFER_EV_SILENT] = "the candidate does not answer",
    [TRANSFER_EV_GONE] = "the candidate left the group",
    [TRANSFER_EV_ENDED] = "nobody is left to be asked",
};

static const struct fsm_state states[] = {
    [TRANSFER_NONE] = {.name = "NONE", .doc = "the owner is the owner"},
    [TRANSFER_ASKING] = {.name = "ASKING",
                         .doc = "a candidate is asked; the owner is the owner still"},
};

#define ON(s, e) .from = TRANSFER_##s, .event = TRANSFER_EV_##e
#define TO(x) FSM_BIT(TRANSFER_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, REQUESTED), .to = TO(ASKING)},
    {ON(ASKING, REQUESTED), .to = TO(ASKING), .note = "the owner wants to leave, too"},
    {ON(ASKING, ACCEPTED), .to = TO(NONE)},
    {ON(ASKING, REFUSED), .to = TO(ASKING), .note = "the next one is asked, if there is one"},
    {ON(ASKING, SILENT), .to = TO(ASKING), .note = "likewise"},
    {ON(ASKING, GONE), .to = TO(ASKING), .note = "likewise"},
    {ON(ASKING, ENDED), .to = TO(NONE)},
};

const struct fsm_table owner_transfer_table = {
    .name = "owner_transfer",
    .doc = "The transfer of a Service Group to another owner, at the server (cpns-model.md flow 7)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

static bool move(struct server *s, uint32_t number, enum transfer_event event,
                 enum transfer_state to)
{
    return entity_transition(s->agent.entity, &owner_transfer_table,
                             entity_scenario(s->agent.entity)->groups[number].id,
                             &s->groups[number].transfer.state, event, to) == 0;
}

/* --- the end
 * ---------------------------------------------------------------------------------------------- */

static void answer_owner(struct server *s, uint32_t number, entity_id owner, enum cpns_type type,
                         int64_t transaction, int status)
{
    struct entity *e = s->agent.entity;
    const struct inventory_group *g = &s->groups[number];
    struct cpns_message m;
    agent_begin(&s->agent, &m, type, entity_urn(e, owner));
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, transaction);
    cpns_set_integer(&m, CPNS_STATUS, status);
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, number));
    if (type == CPNS_SG_OWNER_TRANSFER_RESPONSE) {
        cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, g->owner));
    }
    struct agent_route route = server_route(s, owner);
    route.group = number;
    agent_send(&s->agent, &m, &route);
}

static void finish(struct server *s, uint32_t number, entity_id owner, int status)
{
    struct owner_transfer *t = &s->groups[number].transfer;
    int64_t transaction = t->transaction;
    int64_t leave = t->leave;
    entity_list_fini(&t->asked);
    /* 404 would say that it is no member */
    int leave_status = status == 404 ? 503 : status;
    *t = (struct owner_transfer){.last_from = owner,
                                 .last_transaction = transaction,
                                 .last_status = status,
                                 .last_leave = leave,
                                 .last_leave_status = leave_status};
    if (transaction != 0) {
        answer_owner(s, number, owner, CPNS_SG_OWNER_TRANSFER_RESPONSE, transaction, status);
    }
    if (leave != 0) {
        answer_owner(s, number, owner, CPNS_SG_LEAVE_RESPONSE, leave, leave_status);
    }
}

static void hand_over(struct server *s, uint32_t number)
{
    struct inventory_group *g = &s->groups[number];
    entity_id old = g->owner;
    bool leaves = g->transfer.leave != 0;
    if (!move(s, number, TRANSFER_EV_ACCEPTED, TRANSFER_NONE)) {
        return;
    }
    g->owner = g->transfer.candidate;
    if (g->admin == old) {
        g->admin = g->owner;
    }
    entity_event(s->agent.entity, "sg_owner_changed",
                 entity_scenario(s->agent.entity)->groups[number].id);
    if (leaves) {
        server_group_remove(s, number, old);
    } else {
        mesh_group_changed(s, number);
    }
    finish(s, number, old, 200);
    server_group_tell_owner(s, number);
    if (leaves) {
        server_group_tell(s, number, "left", old);
    } else {
        server_group_rekey(s, number, REKEY_OWNER); /* who left has caused one already */
    }
    server_group_ask_again(s, number);
}

/* --- asking
 * -----------------------------------------------------------------------------------------------
 */

static void ask(struct server *s, uint32_t number)
{
    struct entity *e = s->agent.entity;
    const struct inventory_group *g = &s->groups[number];
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_SG_OWNER_TRANSFER_REQUEST,
                entity_urn(e, g->transfer.candidate));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, number));
    cpns_set_text(&m, CPNS_CANDIDATE_ID, entity_urn(e, g->transfer.candidate));
    cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, g->owner));
    struct agent_route route = server_route(s, g->transfer.candidate);
    route.group = number;
    agent_request(&s->agent, &m, &route, number);
}

/* The next member in order of joining who is in a PN and has not been asked, or ENTITY_NONE. */
static entity_id successor(const struct server *s, const struct inventory_group *g)
{
    for (size_t i = 0; !g->transfer.wished && i < g->members.count; i++) {
        entity_id pne = g->members.items[i];
        if (pne != g->owner && !entity_list_has(&g->transfer.asked, pne) &&
            server_is_registered(s, pne, ENTITY_NONE)) {
            return pne;
        }
    }
    return ENTITY_NONE;
}

/* The candidate does not take it: the next one is asked, or it ends here. */
static void go_on(struct server *s, uint32_t number, enum transfer_event event, int refusal)
{
    struct inventory_group *g = &s->groups[number];
    g->transfer.refusal = refusal;
    entity_id next = successor(s, g);
    if (!move(s, number, event, TRANSFER_ASKING)) {
        return;
    }
    if (next == ENTITY_NONE) {
        bool last = g->transfer.leave != 0 && g->members.count == 1;
        entity_id owner = g->owner;
        move(s, number, TRANSFER_EV_ENDED, TRANSFER_NONE);
        finish(s, number, owner, last ? 200 : refusal);
        if (last) {
            server_group_delete(s, number, owner);
        }
        return;
    }
    g->transfer.candidate = next;
    entity_list_add(&g->transfer.asked, next);
    ask(s, number);
}

static void begin(struct server *s, uint32_t number, entity_id candidate, bool wished)
{
    struct inventory_group *g = &s->groups[number];
    if (move(s, number, TRANSFER_EV_REQUESTED, TRANSFER_ASKING)) {
        g->transfer.wished = wished;
        g->transfer.candidate = candidate;
        entity_list_add(&g->transfer.asked, candidate);
        ask(s, number);
    }
}

/* --- what is asked of the server
 * ----------------------------------------------------------------------------- */

/* 200: the candidate can be asked. */
static int check_wish(const struct server *s, const struct inventory_group *g, entity_id wish)
{
    if (wish == g->owner) {
        return 400;
    }
    if (!entity_list_has(&g->members, wish)) {
        return 404;
    }
    return server_is_registered(s, wish, ENTITY_NONE) ? 200 : 503;
}

enum disposition server_on_owner_transfer(struct server *s, const struct cpns_message *m,
                                          uint32_t number, entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    struct owner_transfer *t = &g->transfer;
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    bool wished = cpns_has(m, CPNS_CANDIDATE_ID);
    if (t->last_transaction == transaction && t->last_from == origin) {
        return server_say(s, m, from, t->last_status); /* the answer got lost */
    }
    if (origin != g->owner) {
        return server_say(s, m, from, 403);
    }
    if (t->state == TRANSFER_ASKING) {
        return server_say(s, m, from, t->transaction == transaction ? 202 : 409);
    }
    entity_id candidate = wished ? agent_entity(&s->agent, m, CPNS_CANDIDATE_ID) : successor(s, g);
    int status = wished ? check_wish(s, g, candidate) : candidate == ENTITY_NONE ? 503 : 200;
    if (status != 200) {
        return server_say(s, m, from, status);
    }
    t->transaction = transaction;
    begin(s, number, candidate, wished);
    return MESSAGE_DELIVERED;
}

enum disposition server_on_owner_leaves(struct server *s, const struct cpns_message *m,
                                        uint32_t number, entity_id from)
{
    struct inventory_group *g = &s->groups[number];
    struct owner_transfer *t = &g->transfer;
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (t->state == TRANSFER_ASKING) {
        if (t->leave != transaction) {
            move(s, number, TRANSFER_EV_REQUESTED, TRANSFER_ASKING);
            t->leave = transaction;
        }
        return server_say(s, m, from, 202);
    }
    if (t->last_leave == transaction && t->last_from == g->owner) {
        return server_say(s, m, from, t->last_leave_status); /* repeated before it heard */
    }
    entity_id candidate = successor(s, g);
    if (candidate == ENTITY_NONE) {
        return server_say(s, m, from, 503);
    }
    t->leave = transaction;
    begin(s, number, candidate, false);
    return MESSAGE_DELIVERED;
}

/* --- what the candidate says
 * --------------------------------------------------------------------------------- */

enum disposition server_on_transfer_answer(struct server *s, const struct cpns_message *m)
{
    uint64_t number;
    int status = (int)cpns_integer(m, CPNS_STATUS);
    if (!agent_answered(&s->agent, m, CPNS_SG_OWNER_TRANSFER_REQUEST, &number)) {
        return MESSAGE_DELIVERED; /* too late: somebody else is being asked, or nobody */
    }
    if (status == 200) {
        hand_over(s, (uint32_t)number);
    } else {
        go_on(s, (uint32_t)number, TRANSFER_EV_REFUSED, status == 503 ? 503 : 403);
    }
    return MESSAGE_DELIVERED;
}

void server_transfer_silent(struct server *s, uint64_t group)
{
    go_on(s, (uint32_t)group, TRANSFER_EV_SILENT, 504);
}

void server_transfer_without(struct server *s, uint32_t number, entity_id pne)
{
    const struct owner_transfer *t = &s->groups[number].transfer;
    if (t->state == TRANSFER_ASKING && t->candidate == pne) {
        agent_forget_cookie(&s->agent, CPNS_SG_OWNER_TRANSFER_REQUEST, number);
        go_on(s, number, TRANSFER_EV_GONE, 404);
    }
}
