/* The PN gateway: its tables, sessions, timers and workload. Messages: gateway_receive.c. */
#include "models/pn_gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

static const char *const events[] = {
    [PN_EV_REQUESTED] = "requested", [PN_EV_REGISTERED] = "registered", [PN_EV_REFUSED] = "refused",
    [PN_EV_RELEASED] = "released",   [PN_EV_SWITCHED] = "switched",
};
static const char *const event_docs[] = {
    [PN_EV_REQUESTED] = "a member asks for it",
    [PN_EV_REGISTERED] = "the server has stored it",
    [PN_EV_REFUSED] = "the server has not, or nobody came",
    [PN_EV_RELEASED] = "it is deleted",
    [PN_EV_SWITCHED] = "taken over from another gateway, or given up to one",
};

static const struct fsm_state states[] = {
    [PN_NONE] = {.name = "NONE", .doc = "not established"},
    [PN_FORMING] = {.name = "FORMING", .doc = "members are being invited and authenticated"},
    [PN_ACTIVE] = {.name = "ACTIVE", .doc = "stored at the server"},
};

#define ON(s, e) .from = PN_##s, .event = PN_EV_##e
#define TO(x) FSM_BIT(PN_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, REQUESTED), .to = TO(FORMING)},
    {ON(FORMING, REQUESTED), .to = TO(FORMING), .note = "another member"},
    {ON(FORMING, REGISTERED), .to = TO(ACTIVE)},
    {ON(FORMING, REFUSED), .to = TO(NONE)},
    {ON(FORMING, RELEASED), .to = TO(NONE)},
    {ON(ACTIVE, REQUESTED), .to = TO(ACTIVE), .note = "a further member, or one that comes back"},
    {ON(ACTIVE, REGISTERED), .to = TO(ACTIVE), .note = "with further members, or a new lease"},
    {ON(ACTIVE, RELEASED), .to = TO(NONE)},
    {ON(NONE, SWITCHED), .to = TO(ACTIVE), .note = "taken over"},
    {ON(FORMING, SWITCHED), .to = TO(NONE), .note = "given up"},
    {ON(ACTIVE, SWITCHED), .to = TO(NONE), .note = "given up"},
};

const struct fsm_table pn_table = {
    .name = "pn",
    .doc = "A personal network at its gateway (cpns-model.md flows 2, 9, 10)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

bool pn_move(struct gateway *g, struct pn *pn, enum pn_event event, enum pn_state to)
{
    const char *id = entity_scenario(g->agent.entity)->pns[pn->number].id;
    return entity_transition(g->agent.entity, &pn_table, id, &pn->state, event, to) == 0;
}

struct member *gateway_member(struct gateway *g, entity_id pne, struct pn **pn)
{
    uint64_t place;
    if (!map_get(&g->places, pne, &place)) {
        return NULL;
    }
    *pn = &g->pns[place >> 32];
    return &(*pn)->members[place & UINT32_MAX];
}

struct agent_route gateway_route(entity_id peer, const struct pn *pn)
{
    struct agent_route route = agent_route(peer);
    route.pn = pn != NULL ? pn->number : SCENARIO_NONE;
    return route;
}

void gateway_each_member(struct gateway *g, uint32_t pn, entity_id only, const char *skipped,
                         void (*start)(struct gateway *g, entity_id pne, uint32_t pn))
{
    bool any = false;
    for (size_t i = 0; i < g->pn_count; i++) {
        const struct pn *mine = &g->pns[i];
        for (size_t k = 0; mine->number == pn && k < mine->member_count; k++) {
            entity_id pne = mine->members[k].pne;
            if (mine->members[k].state == MEMBER_REGISTERED &&
                (only == ENTITY_NONE || only == pne)) {
                start(g, pne, pn);
                any = true;
            }
        }
    }
    if (!any) {
        entity_event(g->agent.entity, "work_skipped", skipped);
    }
}

static void start(struct entity *e, void *state)
{
    struct gateway *g = state;
    agent_init(&g->agent, e);
    g->server = entity_scenario(e)->nodes[entity_self(e)].peer;
    gateway_establishment_start(g);
    gateway_battery_start(g);
    gateway_zone_start(g);
}

/* --- sessions, timers, workload --------------------------------------------------------------- */

static void channel(struct entity *e, void *state, entity_id peer, enum channel_event event,
                    const char *reason)
{
    struct gateway *g = state;
    (void)e;
    switch (event) {
    case CHANNEL_UP:
        if (peer == g->server) {
            g->broken = false;
            g->uplink_failures = 0;
            keep_alive_seen(&g->keep_alive, &g->agent, CPNS_TYPE_COUNT);
            agent_channel_up(&g->agent, peer);
            gateway_bridge_server_up(g);
        } else {
            agent_client_up(&g->agent, peer);
            gateway_on_pne_up(g, peer);
        }
        break;
    case CHANNEL_DOWN:
        if (peer == g->server) {
            g->broken = strcmp(reason, "closed") != 0;
            agent_channel_down(&g->agent, peer);
            gateway_on_server_down(g);
        } else {
            gateway_on_pne_down(g, peer);
        }
        break;
    case CHANNEL_FAILED:
        gateway_on_server_failed(g);
        gateway_on_uplink_failed(g, false);
        gateway_keys_server_failed(g);
        gateway_bridge_look(g);
        break;
    }
}

static void met(struct entity *e, void *state, entity_id peer)
{
    struct gateway *g = state;
    (void)e;
    if (peer != g->server) {
        gateway_met_pne(g, peer);
    }
}

/* After a break the server may have something to say, to the gateway or to a PNE, and cannot open
 * the session. */
static void on_keep_alive_timer(struct gateway *g)
{
    struct agent_route route = agent_route(g->server);
    bool active = false;
    for (size_t i = 0; i < g->pn_count; i++) {
        active = active || g->pns[i].state == PN_ACTIVE;
    }
    if (keep_alive_timer(&g->keep_alive, &g->agent, g->server, &route)) {
        agent_channel_down(&g->agent, g->server);
        gateway_on_server_down(g);
        gateway_on_uplink_failed(g, true);
        gateway_bridge_look(g);
    } else if (g->broken && active) {
        struct cpns_message m;
        g->broken = false;
        agent_begin(&g->agent, &m, CPNS_KEEP_ALIVE, entity_urn(g->agent.entity, g->server));
        agent_send(&g->agent, &m, &route); /* the world opens the session first */
    }
}

static void timer(struct entity *e, void *state, uint32_t kind, uint64_t arg)
{
    struct gateway *g = state;
    (void)e;
    switch (kind) {
    case GATEWAY_TIMER_GUARD:
        gateway_on_guard(g, (entity_id)arg);
        break;
    case GATEWAY_TIMER_BATTERY:
        gateway_battery_serves(g, &g->pns[arg]);
        break;
    case GATEWAY_TIMER_ASSIGNMENT:
        gateway_on_assignment_timer(g, (entity_id)arg);
        break;
    case GATEWAY_TIMER_UPLINK:
        gateway_try_uplink(g);
        break;
    case GATEWAY_TIMER_CANDIDATE:
        gateway_candidate_late(g, arg);
        break;
    case GATEWAY_TIMER_LEASE:
        gateway_renew_lease(g, arg);
        break;
    case GATEWAY_TIMER_BRIDGE:
        gateway_bridge_timer(g);
        break;
    case GATEWAY_TIMER_ZONE:
        gateway_zone_timer(g);
        break;
    case GATEWAY_TIMER_USAGE:
        usage_expire(&g->usage, entity_now(e));
        break;
    case GATEWAY_TIMER_LEAVE:
        gateway_tell_leave_again(g, (entity_id)arg);
        break;
    case KEEP_ALIVE_TIMER:
        on_keep_alive_timer(g);
        break;
    case AGENT_TIMER_REQUEST: {
        enum cpns_type type;
        entity_id peer;
        uint64_t cookie;
        if (agent_timed_out(&g->agent, arg, &type, &peer, &cookie) &&
            !gateway_keys_gave_up(g, type, (entity_id)cookie)) {
            gateway_on_gave_up(g, type, cookie);
        }
        break;
    }
    default:
        CHECK(!"a timer that the gateway never sets");
    }
}

static void work(struct entity *e, void *state, const struct scenario_work *item, uint32_t target,
                 size_t size)
{
    struct gateway *g = state;
    (void)e;
    (void)size;
    switch ((enum cpns_verb)item->verb) {
    case VERB_PN_RELEASE:
        gateway_ask_release(g, target);
        break;
    case VERB_KEY_ASSIGNMENT:
        gateway_assign_keys(g, item->pns[0], target);
        break;
    case VERB_PNE_PROVISIONING:
        gateway_provision(g, item->pns[0], target);
        break;
    case VERB_PN_ADD:
        gateway_work_add(g, item->pns[0], target);
        break;
    case VERB_DISCOVERY_EXECUTION:
        gateway_work_discovery(g, target);
        break;
    case VERB_BRIDGE_SETUP:
        gateway_work_bridge(g, target);
        break;
    case VERB_PN_LEAVE:
    case VERB_ADMIN_ASSIGN:
    case VERB_ADMINEE_ADD:
    case VERB_ADMINEE_REMOVE:
    case VERB_USAGE_INFO:
    case VERB_ZONE_INFO:
    case VERB_SERVICE_ACCESS:
    case VERB_GROUP_MESSAGE:
    case VERB_GROUP_JOIN:
    case VERB_DEVICE_CAPABILITIES:
    case VERB_SERVICE_SEARCH:
    case VERB_GROUP_DISCOVER:
    case VERB_GROUP_INVITE:
    case VERB_GROUP_LEAVE:
    case VERB_GROUP_DELETE:
    case VERB_GROUP_OWNER_TRANSFER:
    case VERB_GATEWAY_SWITCH:
        CHECK(!"a verb that no gateway performs");
    }
}

static void battery(struct entity *e, void *state, int percent)
{
    (void)e;
    gateway_battery_low(state, percent);
}

static void finish(struct entity *e, void *state)
{
    struct gateway *g = state;
    (void)e;
    gateway_bridge_free(g);
    agent_fini(&g->agent);
    for (size_t i = 0; i < g->pn_count; i++) {
        free(g->pns[i].members);
        gateway_drop_held(&g->pns[i]);
    }
    free(g->pns);
    free(g->groups);
    usage_store_fini(&g->usage);
    capability_store_fini(&g->devices);
    gateway_keys_free(g);
    map_fini(&g->places);
}

const struct entity_type pn_gateway_entity_type = {
    .name = "gateway",
    .role = ROLE_GATEWAY,
    .state_bytes = sizeof(struct gateway),
    .start = start,
    .message = gateway_receive,
    .channel = channel,
    .met = met,
    .timer = timer,
    .work = work,
    .stores = gateway_tell_stores,
    .battery = battery,
    .finish = finish,
};
