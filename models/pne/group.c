/* The PNE in Service Groups (cpns-model.md flows 7 and 8): creates its own, joins those it is meant
 * for, sends and receives messages to them. */
#include <stdlib.h>

#include "models/pne/pne.h"

/* Tries to join a group that does not exist yet, a request period apart; then the PNE gives up. */
enum { JOIN_TRIES = 30 };

static struct pne_group *find_group(struct pne *p, uint32_t group)
{
    for (size_t i = 0; i < p->group_count; i++) {
        if (p->groups[i].group == group) {
            return &p->groups[i];
        }
    }
    return NULL;
}

static struct pne_group *add_group(struct pne *p, uint32_t group, bool owner)
{
    struct pne_group *g = MEM_PUSH(p->groups, p->group_count, p->group_capacity);
    *g = (struct pne_group){.group = group, .owner = owner};
    return g;
}

void pne_groups_start(struct pne *p)
{
    const struct scenario *s = entity_scenario(p->agent.entity);
    entity_id self = entity_self(p->agent.entity);
    for (uint32_t i = 0; i < s->group_count; i++) {
        bool owner = s->groups[i].owner == self;
        bool member = owner;
        for (size_t k = 0; !member && k < s->groups[i].member_count; k++) {
            member = s->groups[i].members[k] == self;
        }
        if (member) {
            add_group(p, i, owner);
        }
    }
}

static struct agent_route group_route(const struct pne *p, uint32_t group)
{
    struct agent_route route = pne_route(p);
    route.group = group;
    return route;
}

static void create(struct pne *p, struct pne_group *g)
{
    struct entity *e = p->agent.entity;
    const struct scenario_group *group = &entity_scenario(e)->groups[g->group];
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SG_CREATE_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, g->group));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_text(&m, CPNS_SG_NAME, group->id);
    cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, entity_self(e)));
    cpns_set_text(&m, CPNS_JOINING_POLICY, group->closed ? "closed" : "open");
    if (group->service != NULL) {
        cpns_set_text(&m, CPNS_SERVICE_ID, group->service);
    }
    struct agent_route route = group_route(p, g->group);
    g->waiting = true;
    agent_request_flow(&p->agent, &m, &route, g->group, "sg-create", group->id);
}

static void join(struct pne *p, struct pne_group *g)
{
    struct entity *e = p->agent.entity;
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SG_JOIN_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, g->group));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    struct agent_route route = group_route(p, g->group);
    g->waiting = true;
    g->tries++;
    agent_request_flow(&p->agent, &m, &route, g->group, "sg-join",
                       entity_scenario(e)->groups[g->group].id);
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
        sim_time wait = at > entity_now(e) ? at - entity_now(e) : 0;
        g->tries = 0;
        g->waiting = true;
        entity_timer_set(e, wait, PNE_TIMER_GROUP, g->group);
    }
}

void pne_groups_left(struct pne *p)
{
    for (size_t i = 0; i < p->group_count; i++) {
        p->groups[i].member = p->groups[i].member && p->groups[i].owner;
        p->groups[i].waiting = false;
    }
}

void pne_group_timer(struct pne *p, uint64_t group)
{
    struct pne_group *g = find_group(p, (uint32_t)group);
    if (g == NULL || p->state != PNE_JOINED) {
        return;
    }
    if (g->owner) {
        create(p, g);
    } else {
        join(p, g);
    }
}

void pne_group_join(struct pne *p, uint32_t group)
{
    struct pne_group *g = find_group(p, group);
    if (p->state != PNE_JOINED) {
        entity_event(p->agent.entity, "work_skipped", "group-join: in no personal network");
        return;
    }
    if (g == NULL) {
        g = add_group(p, group, false);
    }
    if (!g->member && !g->waiting) {
        join(p, g);
    }
}

void pne_group_gave_up(struct pne *p, uint32_t group)
{
    struct pne_group *g = find_group(p, group);
    if (g != NULL) {
        g->waiting = false;
        entity_event(p->agent.entity, "group_failed",
                     entity_scenario(p->agent.entity)->groups[group].id);
    }
}

enum disposition pne_on_group_create_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    if (!agent_answered(&p->agent, m, CPNS_SG_CREATE_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct pne_group *g = find_group(p, (uint32_t)cookie);
    CHECK(g != NULL);
    g->waiting = false;
    g->member = cpns_integer(m, CPNS_STATUS) == 200;
    entity_event(p->agent.entity, g->member ? "sg_created" : "sg_refused",
                 entity_scenario(p->agent.entity)->groups[g->group].id);
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_group_join_response(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    uint64_t cookie;
    if (!agent_answered(&p->agent, m, CPNS_SG_JOIN_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct pne_group *g = find_group(p, (uint32_t)cookie);
    CHECK(g != NULL);
    int64_t status = cpns_integer(m, CPNS_STATUS);
    const char *id = entity_scenario(e)->groups[g->group].id;
    g->waiting = false;
    if (status == 200) {
        g->member = true;
        entity_event(e, "sg_joined", id);
    } else if (status == 404 && g->tries < JOIN_TRIES) {
        g->waiting = true; /* not created yet */
        entity_timer_set(e, entity_scenario(e)->timers.request, PNE_TIMER_GROUP, g->group);
    } else {
        entity_event(e, "sg_refused", id);
    }
    return MESSAGE_DELIVERED;
}

/* The owner of a closed group admits whom the scenario lists as its members. */
enum disposition pne_on_group_join_request(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    uint32_t number = entity_group_by_urn(e, cpns_text(m, CPNS_SG_ID));
    const struct pne_group *g = number != SCENARIO_NONE ? find_group(p, number) : NULL;
    int status = 404;
    if (g != NULL && g->owner) {
        const struct scenario_group *group = &entity_scenario(e)->groups[number];
        entity_id who =
            cpns_has(m, CPNS_PNE_ID) ? entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0)) : ENTITY_NONE;
        status = 403;
        for (size_t i = 0; i < group->member_count; i++) {
            status = group->members[i] == who ? 200 : status;
        }
    }
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_SG_JOIN_RESPONSE, m, status);
    struct agent_route route = group_route(p, number);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_member_change(struct pne *p, const struct cpns_message *m)
{
    uint32_t number = entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID));
    if (number == SCENARIO_NONE || find_group(p, number) == NULL) {
        return agent_refuse(&p->agent, "unknown_group");
    }
    return MESSAGE_DELIVERED;
}

/* Flow 8. Messages destined to a Service Group travel outside the session (clause 5.9.1) unless the
 * scenario protects them. */
void pne_group_message(struct pne *p, uint32_t group, size_t size)
{
    struct entity *e = p->agent.entity;
    const struct pne_group *g = find_group(p, group);
    if (p->state != PNE_JOINED || g == NULL || !g->member) {
        entity_event(e, "work_skipped", "group-message: not a member");
        return;
    }
    uint8_t *payload = mem_alloc(size);
    struct rng *rng = entity_rng(e, "payload");
    for (size_t i = 0; i < size; i++) {
        payload[i] = (uint8_t)rng_u64(rng);
    }
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SG_MESSAGE, entity_group_urn(e, group));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, group));
    cpns_set_bytes(&m, CPNS_PAYLOAD, span_of(payload, size));
    struct agent_route route = group_route(p, group);
    if (entity_scenario(e)->group_protection == PROTECTION_NONE) {
        route.exempt = EXEMPT_SERVICE_GROUP;
    }
    route.flow = entity_flow_begin(e, "group-message", entity_scenario(e)->groups[group].id);
    agent_send(&p->agent, &m, &route);
    entity_flow_let_go(e, route.flow); /* nobody answers */
    free(payload);
}

enum disposition pne_on_group_message(struct pne *p, const struct cpns_message *m)
{
    uint32_t number = entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID));
    const struct pne_group *g = number != SCENARIO_NONE ? find_group(p, number) : NULL;
    return g != NULL && g->member ? MESSAGE_DELIVERED : agent_refuse(&p->agent, "not_a_member");
}
