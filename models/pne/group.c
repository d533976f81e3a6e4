/* The PNE's membership of Service Groups (cpns-model.md flow 7): it creates its own, joins those it
 * is meant for, leaves, and ends what it owns. What it is asked about groups is in group_asked.c.
 */
#include <stdlib.h>

#include "models/pne/pne.h"

/* Tries for a group that does not exist yet or whose owner is away, a request period apart; then
 * the PNE gives up. */
enum { GROUP_TRIES = 30 };

static const char *const events[] = {
    [GROUP_EV_ASKED] = "asked",   [GROUP_EV_ADMITTED] = "admitted", [GROUP_EV_REFUSED] = "refused",
    [GROUP_EV_LEAVES] = "leaves", [GROUP_EV_LEFT] = "left",         [GROUP_EV_STAYS] = "stays",
    [GROUP_EV_ENDED] = "ended",   [GROUP_EV_GAVE_UP] = "gave_up",
};
static const char *const event_docs[] = {
    [GROUP_EV_ASKED] = "it asks",
    [GROUP_EV_ADMITTED] = "the server said yes",
    [GROUP_EV_REFUSED] = "the server said no",
    [GROUP_EV_LEAVES] = "it asks to leave",
    [GROUP_EV_LEFT] = "the server has let it go",
    [GROUP_EV_STAYS] = "it may not leave: nobody takes over what it owns",
    [GROUP_EV_ENDED] = "the group is no more, or goes on without it",
    [GROUP_EV_GAVE_UP] = "nobody answered",
};

static const struct fsm_state states[] = {
    [GROUP_OUT] = {.name = "OUT", .doc = "not in it"},
    [GROUP_ASKING] = {.name = "ASKING", .doc = "asked to create or to join it"},
    [GROUP_MEMBER] = {.name = "MEMBER", .doc = "in it"},
    [GROUP_LEAVING] = {.name = "LEAVING", .doc = "asked to leave or to delete it"},
};

#define ON(s, e) .from = GROUP_##s, .event = GROUP_EV_##e
#define TO(x) FSM_BIT(GROUP_##x)

static const struct fsm_arc arcs[] = {
    {ON(OUT, ASKED), .to = TO(ASKING)},
    {ON(OUT, ADMITTED), .to = TO(MEMBER), .note = "an answer that came after it had given up"},
    {ON(OUT, LEAVES), .to = TO(LEAVING), .note = "admitted to what it no longer wanted"},
    {ON(ASKING, ASKED), .to = TO(ASKING), .note = "again"},
    {ON(ASKING, ADMITTED), .to = TO(MEMBER)},
    {ON(ASKING, REFUSED), .to = TO(OUT)},
    {ON(ASKING, LEAVES), .to = TO(LEAVING)},
    {ON(ASKING, ENDED), .to = TO(OUT)},
    {ON(ASKING, GAVE_UP), .to = TO(OUT)},
    {ON(MEMBER, ASKED), .to = TO(MEMBER),
     .note = "out of reach for a while, it asks how things stand"},
    {ON(MEMBER, ADMITTED), .to = TO(MEMBER)},
    {ON(MEMBER, REFUSED), .to = TO(OUT)},
    {ON(MEMBER, LEAVES), .to = TO(LEAVING)},
    {ON(MEMBER, ENDED), .to = TO(OUT)},
    {ON(MEMBER, GAVE_UP), .to = TO(MEMBER)},
    {ON(LEAVING, LEAVES), .to = TO(LEAVING), .note = "again"},
    {ON(LEAVING, LEFT), .to = TO(OUT)},
    {ON(LEAVING, STAYS), .to = TO(MEMBER)},
    {ON(LEAVING, ENDED), .to = TO(OUT)},
    {ON(LEAVING, GAVE_UP), .to = TO(LEAVING)},
};

const struct fsm_table group_membership_table = {
    .name = "group_membership",
    .doc = "A PNE's membership of a Service Group (cpns-model.md flow 7)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

static bool move(struct pne *p, struct pne_group *g, enum group_event event, enum group_state to)
{
    if (entity_transition(p->agent.entity, &group_membership_table,
                          entity_scenario(p->agent.entity)->groups[g->group].id, &g->state, event,
                          to) != 0) {
        return false;
    }
    if (to == GROUP_OUT) {
        pne_group_key_forget(p, g->group);
    }
    return true;
}

static void say(struct pne *p, const char *what, uint32_t group)
{
    entity_event(p->agent.entity, what, entity_scenario(p->agent.entity)->groups[group].id);
}

struct pne_group *pne_group_find(struct pne *p, uint32_t group)
{
    for (size_t i = 0; i < p->group_count; i++) {
        if (p->groups[i].group == group) {
            return &p->groups[i];
        }
    }
    return NULL;
}

struct pne_group *pne_group_get(struct pne *p, uint32_t group)
{
    struct pne_group *g = pne_group_find(p, group);
    if (g == NULL) {
        g = MEM_PUSH(p->groups, p->group_count, p->group_capacity);
        *g = (struct pne_group){.group = group};
    }
    return g;
}

bool pne_group_is_in(const struct pne_group *g)
{
    return g->state == GROUP_MEMBER || g->state == GROUP_LEAVING;
}

struct agent_route pne_group_route(const struct pne *p, uint32_t group)
{
    struct agent_route route = pne_route(p);
    route.group = group;
    return route;
}

void pne_group_begin(struct pne *p, struct cpns_message *m, enum cpns_type type, uint32_t group)
{
    struct entity *e = p->agent.entity;
    agent_begin(&p->agent, m, type, entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(m, CPNS_SG_ID, entity_group_urn(e, group));
    cpns_set_text(m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
}

void pne_group_request(struct pne *p, struct cpns_message *m, uint32_t group, const char *flow)
{
    struct agent_route route = pne_group_route(p, group);
    agent_request_flow(&p->agent, m, &route, group, flow,
                       entity_scenario(p->agent.entity)->groups[group].id);
}

void pne_groups_start(struct pne *p)
{
    const struct scenario *s = entity_scenario(p->agent.entity);
    entity_id self = entity_self(p->agent.entity);
    for (uint32_t i = 0; i < s->group_count; i++) {
        bool founder = s->groups[i].owner == self;
        bool member = founder;
        for (size_t k = 0; !member && k < s->groups[i].member_count; k++) {
            member = s->groups[i].members[k] == self;
        }
        if (member) {
            struct pne_group *g = pne_group_get(p, i);
            g->founder = founder;
            g->wanted = true;
        }
    }
}

/* --- asking
 * -----------------------------------------------------------------------------------------------
 */

static void create(struct pne *p, struct pne_group *g)
{
    struct entity *e = p->agent.entity;
    const struct scenario_group *group = &entity_scenario(e)->groups[g->group];
    struct cpns_message m;
    pne_group_begin(p, &m, CPNS_SG_CREATE_REQUEST, g->group);
    cpns_set_text(&m, CPNS_SG_NAME, group->id);
    cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, entity_self(e)));
    cpns_set_text(&m, CPNS_JOINING_POLICY, group->closed ? "closed" : "open");
    if (group->service != NULL) {
        cpns_set_text(&m, CPNS_SERVICE_ID, group->service);
    }
    pne_group_request(p, &m, g->group, "sg-create");
}

static void leave(struct pne *p, struct pne_group *g)
{
    struct cpns_message m;
    pne_group_begin(p, &m, CPNS_SG_LEAVE_REQUEST, g->group);
    g->waiting = true;
    g->tries++;
    pne_group_request(p, &m, g->group, "sg-leave");
}

static void ask(struct pne *p, struct pne_group *g)
{
    if (!move(p, g, GROUP_EV_ASKED, g->state == GROUP_MEMBER ? GROUP_MEMBER : GROUP_ASKING)) {
        return;
    }
    g->waiting = true;
    g->tries++;
    if (g->founder) {
        create(p, g);
        return;
    }
    struct cpns_message m;
    pne_group_begin(p, &m, CPNS_SG_JOIN_REQUEST, g->group);
    if (g->state == GROUP_MEMBER) {
        cpns_set_text(&m, CPNS_CHANGE, "updated");
    }
    pne_group_request(p, &m, g->group, "sg-join");
}

static void later(struct pne *p, struct pne_group *g, sim_time wait)
{
    g->waiting = true;
    entity_timer_set(p->agent.entity, wait, PNE_TIMER_GROUP, g->group);
}

/* Also after the PNE came back into its PN: what it is a member of, it joins again, so that its
 * gateway knows. */
void pne_groups_joined_pn(struct pne *p)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    for (size_t i = 0; i < p->group_count; i++) {
        struct pne_group *g = &p->groups[i];
        sim_time at = s->groups[g->group].at;
        if (g->wanted || g->state == GROUP_LEAVING) {
            g->tries = 0;
            later(p, g, at > entity_now(e) ? at - entity_now(e) : 0);
        }
    }
}

/* A new session after one that ended: something may have been said meanwhile. */
void pne_groups_refresh(struct pne *p)
{
    for (size_t i = 0; i < p->group_count; i++) {
        if (p->groups[i].state == GROUP_MEMBER && !p->groups[i].waiting) {
            ask(p, &p->groups[i]);
        }
    }
}

void pne_groups_interrupted(struct pne *p)
{
    for (size_t i = 0; i < p->group_count; i++) {
        p->groups[i].waiting = false;
    }
}

void pne_groups_left(struct pne *p)
{
    for (size_t i = 0; i < p->group_count; i++) {
        struct pne_group *g = &p->groups[i];
        g->waiting = false;
        if (!g->owner && g->state != GROUP_OUT) {
            g->wanted = g->wanted && g->state != GROUP_LEAVING;
            move(p, g, GROUP_EV_ENDED, GROUP_OUT);
        }
    }
}

void pne_group_timer(struct pne *p, uint64_t group)
{
    struct pne_group *g = pne_group_find(p, (uint32_t)group);
    if (g == NULL || p->state != PNE_JOINED || !g->waiting) {
        return;
    }
    if (g->state == GROUP_LEAVING) {
        leave(p, g);
    } else if (g->wanted) {
        ask(p, g);
    }
}

void pne_group_join(struct pne *p, uint32_t group)
{
    if (p->state != PNE_JOINED) {
        entity_event(p->agent.entity, "work_skipped", "group-join: in no personal network");
        return;
    }
    struct pne_group *g = pne_group_get(p, group);
    if (!pne_group_is_in(g) && !g->waiting) {
        g->wanted = true;
        g->tries = 0;
        ask(p, g);
    }
}

static void go(struct pne *p, struct pne_group *g)
{
    if (move(p, g, GROUP_EV_LEAVES, GROUP_LEAVING)) {
        agent_forget_cookie(&p->agent, CPNS_SG_JOIN_REQUEST, g->group);
        agent_forget_cookie(&p->agent, CPNS_SG_CREATE_REQUEST, g->group);
        g->wanted = false;
        g->tries = 0;
        leave(p, g);
    }
}

void pne_group_leave(struct pne *p, uint32_t group)
{
    struct pne_group *g = pne_group_find(p, group);
    if (p->state != PNE_JOINED || g == NULL || g->state == GROUP_OUT || g->state == GROUP_LEAVING) {
        entity_event(p->agent.entity, "work_skipped", "group-leave: not a member");
        return;
    }
    go(p, g);
}

void pne_group_delete(struct pne *p, uint32_t group)
{
    const struct pne_group *g = pne_group_find(p, group);
    if (p->state != PNE_JOINED || g == NULL || g->state != GROUP_MEMBER) {
        entity_event(p->agent.entity, "work_skipped", "group-delete: not a member");
        return;
    }
    struct cpns_message m;
    pne_group_begin(p, &m, CPNS_SG_DELETE_REQUEST, group);
    pne_group_request(p, &m, group, "sg-delete");
}

/* Nobody answered: it goes on trying, a keep-alive period apart. */
void pne_group_gave_up(struct pne *p, uint32_t group)
{
    struct pne_group *g = pne_group_find(p, group);
    if (g == NULL || !fsm_allows(&group_membership_table, g->state, GROUP_EV_GAVE_UP)) {
        return;
    }
    g->waiting = false;
    move(p, g, GROUP_EV_GAVE_UP, g->state == GROUP_ASKING ? GROUP_OUT : (enum group_state)g->state);
    if (g->tries < GROUP_TRIES) {
        later(p, g, entity_scenario(p->agent.entity)->timers.keep_alive);
    } else {
        say(p, "group_failed", group);
    }
}

/* --- answers
 * ---------------------------------------------------------------------------------------------- */

/* Out for good: it comes back by asking anew. */
static void out(struct pne *p, struct pne_group *g, enum group_event event)
{
    if (fsm_allows(&group_membership_table, g->state, event) && move(p, g, event, GROUP_OUT)) {
        agent_forget_cookie(&p->agent, CPNS_SG_JOIN_REQUEST, g->group);
        agent_forget_cookie(&p->agent, CPNS_SG_LEAVE_REQUEST, g->group);
    }
    g->owner = g->wanted = g->founder = g->waiting = false;
}

void pne_group_ended(struct pne *p, struct pne_group *g)
{
    if (g->state != GROUP_OUT) {
        out(p, g, GROUP_EV_ENDED);
        say(p, "sg_ended", g->group);
    }
}

void pne_group_owned_by(struct pne *p, struct pne_group *g, const struct cpns_message *m)
{
    bool mine = agent_is_me(&p->agent, m, CPNS_OWNER_ID);
    if (!cpns_has(m, CPNS_OWNER_ID) || mine == g->owner) {
        return;
    }
    g->owner = mine;
    say(p, mine ? "sg_owner" : "sg_owner_no_more", g->group);
}

/* The administrator record of a new group (US9300739): whom its owner expects, who administers it.
 */
static void tell_record(struct pne *p, const struct pne_group *g)
{
    struct entity *e = p->agent.entity;
    const struct scenario_group *group = &entity_scenario(e)->groups[g->group];
    struct cpns_message m;
    if (group->member_count > 0) {
        pne_group_begin(p, &m, CPNS_SG_MEMBER_INFO, g->group);
        for (size_t i = 0; i < group->member_count; i++) {
            cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, group->members[i])));
        }
        pne_group_request(p, &m, g->group, "sg-record");
    }
    pne_group_begin(p, &m, CPNS_SG_ADMIN_INFO, g->group);
    cpns_set_text(&m, CPNS_ADMIN_ID, entity_urn(e, entity_self(e)));
    pne_group_request(p, &m, g->group, "sg-record");
}

enum disposition pne_on_group_create_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    if (!agent_answered(&p->agent, m, CPNS_SG_CREATE_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct pne_group *g = pne_group_find(p, (uint32_t)cookie);
    CHECK(g != NULL);
    g->waiting = g->founder = false;
    if (cpns_integer(m, CPNS_STATUS) != 200) {
        out(p, g, GROUP_EV_REFUSED);
        say(p, "sg_refused", g->group);
    } else if (move(p, g, GROUP_EV_ADMITTED, GROUP_MEMBER)) {
        g->owner = g->seen = true;
        say(p, "sg_created", g->group);
        tell_record(p, g);
    }
    return MESSAGE_DELIVERED;
}

static void admitted(struct pne *p, struct pne_group *g, const struct cpns_message *m)
{
    bool fresh = g->state != GROUP_MEMBER;
    if (!fsm_allows(&group_membership_table, g->state, GROUP_EV_ADMITTED) ||
        !move(p, g, GROUP_EV_ADMITTED, GROUP_MEMBER)) {
        return;
    }
    g->seen = true;
    g->tries = 0;
    if (fresh) {
        say(p, "sg_joined", g->group);
    }
    pne_group_owned_by(p, g, m);
}

/* Not yet (the group is to come, its owner is away), or not at all. */
static void not_admitted(struct pne *p, struct pne_group *g, int64_t status)
{
    /* 403 to a member: the server has not heard yet where it is now. */
    bool later_perhaps = (status == 404 && !g->seen) || status == 503 || status == 504 ||
                         (status == 403 && g->state == GROUP_MEMBER);
    if (g->state == GROUP_MEMBER && !later_perhaps) {
        pne_group_ended(p, g);
    } else if (later_perhaps && g->tries < GROUP_TRIES) {
        later(p, g, entity_scenario(p->agent.entity)->timers.request);
    } else {
        out(p, g, GROUP_EV_REFUSED);
        say(p, "sg_refused", g->group);
    }
}

enum disposition pne_on_group_join_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_SG_JOIN_REQUEST);
        return MESSAGE_DELIVERED;
    }
    bool answer = agent_answered(&p->agent, m, CPNS_SG_JOIN_REQUEST, &cookie);
    uint32_t number = cpns_has(m, CPNS_SG_ID)
                          ? entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID))
                          : SCENARIO_NONE;
    struct pne_group *g = number != SCENARIO_NONE || answer
                              ? pne_group_find(p, answer ? (uint32_t)cookie : number)
                              : NULL;
    if (g == NULL || (!answer && (status != 200 || g->state != GROUP_OUT))) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    if (status == 200 && g->state == GROUP_OUT && !g->wanted) {
        go(p, g); /* the server took it for a member all the same */
        return MESSAGE_DELIVERED;
    }
    g->waiting = g->waiting && !answer;
    if (status == 200) {
        admitted(p, g, m);
    } else {
        not_admitted(p, g, status);
    }
    return MESSAGE_DELIVERED;
}

/* 404: the group is no more. */
enum disposition pne_on_group_leave_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) { /* a successor is being asked */
        agent_in_progress(&p->agent, m, CPNS_SG_LEAVE_REQUEST);
        return MESSAGE_DELIVERED;
    }
    if (!agent_answered(&p->agent, m, CPNS_SG_LEAVE_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct pne_group *g = pne_group_find(p, (uint32_t)cookie);
    CHECK(g != NULL);
    if (g->state != GROUP_LEAVING) {
        return MESSAGE_DELIVERED; /* of a member that it takes out */
    }
    g->waiting = false;
    if (status == 200 || status == 404) {
        out(p, g, GROUP_EV_LEFT);
        say(p, "sg_left", g->group);
    } else if (move(p, g, GROUP_EV_STAYS, GROUP_MEMBER)) {
        g->wanted = true;
        say(p, "sg_leave_refused", g->group);
    }
    return MESSAGE_DELIVERED;
}

/* 404: ended already, and the answer that said so got lost. */
enum disposition pne_on_group_delete_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (!agent_answered(&p->agent, m, CPNS_SG_DELETE_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct pne_group *g = pne_group_find(p, (uint32_t)cookie);
    CHECK(g != NULL);
    if (status == 200 || status == 404) {
        pne_group_ended(p, g);
    } else {
        say(p, "sg_delete_refused", g->group);
    }
    return MESSAGE_DELIVERED;
}
