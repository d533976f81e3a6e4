/* The PNE: state table, dispatch of messages and timers, keep-alive. */
#include "models/pne/pne.h"

#include <stdlib.h>
#include <string.h>

static const char *const events[] = {
    [PNE_EV_START] = "start",         [PNE_EV_DISCOVERED] = "discovered",
    [PNE_EV_INVITED] = "invited",     [PNE_EV_CHALLENGED] = "challenged",
    [PNE_EV_ADMITTED] = "admitted",   [PNE_EV_REFUSED] = "refused",
    [PNE_EV_TIMEOUT] = "timeout",     [PNE_EV_CHANNEL_FAILED] = "channel_failed",
    [PNE_EV_LINK_LOST] = "link_lost", [PNE_EV_RELEASED] = "released",
    [PNE_EV_SWITCHED] = "switched",
};
static const char *const event_docs[] = {
    [PNE_EV_START] = "its time has come, or it tries again",
    [PNE_EV_DISCOVERED] = "the gateway answered",
    [PNE_EV_INVITED] = "the gateway looks for it",
    [PNE_EV_CHALLENGED] = "the server wants it to prove who it is",
    [PNE_EV_ADMITTED] = "the server has stored it",
    [PNE_EV_REFUSED] = "somebody said no",
    [PNE_EV_TIMEOUT] = "nobody answered",
    [PNE_EV_CHANNEL_FAILED] = "no session could be made, or it broke on the way",
    [PNE_EV_LINK_LOST] = "the gateway is silent, or no longer has it in its PN",
    [PNE_EV_RELEASED] = "the PN is no more, or the PNE has left it",
    [PNE_EV_SWITCHED] = "another gateway has the PN",
};

static const struct fsm_state states[] = {
    [PNE_IDLE] = {.name = "IDLE", .doc = "in no personal network"},
    [PNE_DISCOVERING] = {.name = "DISCOVERING", .doc = "looks for its gateway"},
    [PNE_ESTABLISHING] = {.name = "ESTABLISHING",
                          .doc = "makes its session, asks or is invited, proves who it is"},
    [PNE_JOINED] = {.name = "JOINED", .doc = "a member"},
    [PNE_REFUSED] = {.name = "REFUSED",
                     .doc = "gave up: not admitted, wrong credentials, or no gateway to be found"},
};

#define ON(s, e) .from = PNE_##s, .event = PNE_EV_##e
#define TO(x) FSM_BIT(PNE_##x)

static const struct fsm_arc arcs[] = {
    {ON(IDLE, START), .to = TO(DISCOVERING)},
    {ON(IDLE, INVITED), .to = TO(ESTABLISHING)},
    {ON(IDLE, CHANNEL_FAILED), .to = TO(IDLE) | TO(REFUSED),
     .note = "of a session that it had before"},
    {ON(DISCOVERING, DISCOVERED), .to = TO(ESTABLISHING)},
    {ON(DISCOVERING, INVITED), .to = TO(ESTABLISHING), .note = "found before it had found"},
    {ON(DISCOVERING, TIMEOUT), .to = TO(IDLE) | TO(REFUSED)},
    {ON(DISCOVERING, CHANNEL_FAILED), .to = TO(IDLE) | TO(REFUSED)},
    {ON(ESTABLISHING, CHALLENGED), .to = TO(ESTABLISHING)},
    {ON(ESTABLISHING, ADMITTED), .to = TO(JOINED)},
    {ON(ESTABLISHING, REFUSED), .to = TO(REFUSED)},
    {ON(ESTABLISHING, TIMEOUT), .to = TO(IDLE) | TO(REFUSED),
     .note = "tries again later, as often as a request is"},
    {ON(ESTABLISHING, CHANNEL_FAILED), .to = TO(IDLE) | TO(REFUSED), .note = "likewise"},
    {ON(ESTABLISHING, LINK_LOST), .to = TO(IDLE)},
    {ON(ESTABLISHING, RELEASED), .to = TO(IDLE)},
    {ON(JOINED, CHALLENGED), .to = TO(JOINED),
     .note = "the gateway has the membership authenticated anew"},
    {ON(JOINED, REFUSED), .to = TO(REFUSED), .note = "and it failed"},
    {ON(JOINED, CHANNEL_FAILED), .to = TO(IDLE) | TO(REFUSED)},
    {ON(JOINED, LINK_LOST), .to = TO(IDLE)},
    {ON(JOINED, RELEASED), .to = TO(IDLE)},
    {ON(JOINED, SWITCHED), .to = TO(JOINED),
     .note = "a new session, and on with what it waits for"},
    {ON(DISCOVERING, SWITCHED), .to = TO(IDLE), .note = "begins again, there"},
    {ON(ESTABLISHING, SWITCHED), .to = TO(IDLE), .note = "likewise"},
    {ON(REFUSED, START), .to = TO(DISCOVERING),
     .note = "looks once every keep-alive period for a gateway that was out of reach"},
    {ON(REFUSED, INVITED), .to = TO(ESTABLISHING)},
    {ON(REFUSED, CHANNEL_FAILED), .to = TO(REFUSED)},
};

const struct fsm_table pne_table = {.name = "pne",
                                    .doc = "A PNE on its way into its personal network and out of "
                                           "it (cpns-model.md flows 1, 2, 3, 9, 10)",
                                    .states = states,
                                    .state_count = SIM_ARRAY_LEN(states),
                                    .events = events,
                                    .event_count = SIM_ARRAY_LEN(events),
                                    .event_docs = event_docs,
                                    .arcs = arcs,
                                    .arc_count = SIM_ARRAY_LEN(arcs)};

bool pne_may(const struct pne *p, enum pne_event event)
{
    return fsm_allows(&pne_table, p->state, event);
}

static enum flow_outcome flow_outcome(enum pne_event event)
{
    switch (event) {
    case PNE_EV_ADMITTED:
        return FLOW_DONE;
    case PNE_EV_REFUSED:
        return FLOW_REFUSED;
    case PNE_EV_TIMEOUT:
        return FLOW_TIMEOUT;
    default:
        return FLOW_FAILED;
    }
}

void pne_end_flow(struct pne *p, enum pne_event event, const char *reason)
{
    entity_flow_end(p->agent.entity, p->flow, flow_outcome(event), reason);
    p->flow = 0;
}

bool pne_move(struct pne *p, enum pne_event event, enum pne_state to)
{
    if (entity_transition(p->agent.entity, &pne_table, "", &p->state, event, to) != 0) {
        return false;
    }
    if (to != PNE_DISCOVERING && to != PNE_ESTABLISHING) {
        pne_end_flow(p, event, to == PNE_JOINED ? NULL : fsm_event_name(&pne_table, event));
    }
    return true;
}

struct agent_route pne_route(const struct pne *p)
{
    struct agent_route route = agent_route(p->gateway);
    route.pn = p->pn;
    return route;
}

/* --- the entity
 * ------------------------------------------------------------------------------------------- */

static void start(struct entity *e, void *state)
{
    struct pne *p = state;
    agent_init(&p->agent, e);
    p->willing = ENTITY_NONE;
    p->gateway = entity_scenario(e)->nodes[entity_self(e)].peer;
    pne_bridge_start(p);
    pne_groups_start(p);
    pne_establishment_start(p);
    pne_battery_start(p);
}

/* The gateway's answer says whether it still has this PNE in its PN. */
static enum disposition on_keep_alive(struct pne *p, const struct cpns_message *m, entity_id from)
{
    if (p->state == PNE_JOINED && from == p->gateway) {
        int64_t status = cpns_integer(m, CPNS_STATUS);
        pne_change_over(p, status);
        pne_not_here(p, status);
        if (status == 503 && pne_has_choice(p)) {
            pne_comes_back(p, true); /* it is cut off from the server */
        }
    }
    return MESSAGE_DELIVERED;
}

static enum disposition dispatch(struct pne *p, const struct cpns_message *m,
                                 const struct received *r)
{
    switch (m->type) {
    case CPNS_ENTITY_DISCOVERY_REQUEST:
        return pne_on_discovery_request(p, m, r);
    case CPNS_ENTITY_DISCOVERY_RESPONSE:
        return pne_on_discovery_response(p, m);
    case CPNS_PN_CONNECTION_REJECT:
        return pne_on_connection_reject(p, m);
    case CPNS_PN_CONNECTION_REQUEST:
        return pne_on_connection_request(p, m);
    case CPNS_AUTHENTICATION_REQUEST:
        return pne_on_authentication_request(p, m, r->from);
    case CPNS_AUTHENTICATION_RESULT:
        return pne_on_authentication_result(p, m);
    case CPNS_PN_ESTABLISHMENT_RESPONSE:
        return pne_on_establishment_response(p, m);
    case CPNS_SERVICE_ACCESS_REQUEST:
        return pne_on_service_request(p, m);
    case CPNS_SERVICE_ACCESS_RESPONSE:
        return pne_on_service_response(p, m);
    case CPNS_SG_CREATE_RESPONSE:
        return pne_on_group_create_response(p, m);
    case CPNS_SG_JOIN_REQUEST:
        return pne_on_group_join_request(p, m);
    case CPNS_SG_JOIN_RESPONSE:
        return pne_on_group_join_response(p, m);
    case CPNS_SG_MEMBER_CHANGE:
        return pne_on_member_change(p, m);
    case CPNS_SG_OWNER_CHANGE:
        return pne_on_owner_change(p, m);
    case CPNS_SG_LEAVE_RESPONSE:
        return pne_on_group_leave_response(p, m);
    case CPNS_SG_DELETE_RESPONSE:
        return pne_on_group_delete_response(p, m);
    case CPNS_SG_INVITE_REQUEST:
        return pne_on_group_invitation(p, m);
    case CPNS_SG_INVITE_RESPONSE:
        return pne_on_invite_response(p, m);
    case CPNS_SG_OWNER_TRANSFER_REQUEST:
        return pne_on_ownership_offer(p, m);
    case CPNS_SG_OWNER_TRANSFER_RESPONSE:
        return pne_on_transfer_response(p, m);
    case CPNS_SG_MEMBER_INFO_RESPONSE:
    case CPNS_SG_ADMIN_INFO_RESPONSE:
        return pne_on_record_response(p, m);
    case CPNS_SG_DISCOVERY_RESPONSE:
        return pne_on_group_discovered(p, m);
    case CPNS_SERVICE_REGISTRATION_RESPONSE:
        return pne_on_service_registered(p, m);
    case CPNS_SERVICE_SEARCH_RESPONSE:
        return pne_on_service_found(p, m);
    case CPNS_OWNER_CONFIRMATION_REQUEST:
        return pne_on_confirmation_request(p, m);
    case CPNS_SG_MESSAGE:
        return pne_on_group_message(p, m);
    case CPNS_PN_RELEASE_RESPONSE:
    case CPNS_PN_RELEASE_NOTIFICATION:
        return pne_on_release(p, m);
    case CPNS_PN_ADD_DEVICE_RESPONSE:
        return pne_on_add_response(p, m);
    case CPNS_PN_LEAVE_RESPONSE:
        return pne_on_leave_response(p, m);
    case CPNS_PN_LEAVE:
        return pne_on_leave_notice(p, m);
    case CPNS_ADMIN_ASSIGN:
        return pne_on_admin_assign(p, m);
    case CPNS_ADMIN_ASSIGN_RESPONSE:
        return pne_on_admin_response(p, m);
    case CPNS_ADMINEE_CHANGE:
        return pne_on_adminee_change(p, m);
    case CPNS_ADMINEE_CHANGE_RESPONSE:
        return pne_on_adminee_response(p, m);
    case CPNS_PN_USAGE_INFO_CREATE_RESPONSE:
        return pne_on_usage_info(p, m);
    case CPNS_ZONE_ANNOUNCEMENT:
        return pne_on_zone_announcement(p, m, r->from);
    case CPNS_ZONE_INFO_RESPONSE:
        return pne_on_zone_info(p, m);
    case CPNS_DEVICE_CAPABILITIES_REQUEST:
        return pne_on_capabilities_request(p, m);
    case CPNS_BATTERY_INDICATION_RESPONSE:
        return pne_on_battery_answer(p, m);
    case CPNS_BATTERY_QUERY:
        return pne_on_battery_query(p, m);
    case CPNS_WAKE_UP:
        return pne_on_wake_up(p, m);
    case CPNS_SWITCH_INSTRUCTION:
        return pne_on_switch_instruction(p, m);
    case CPNS_SG_KEY_UPDATE:
        return pne_on_group_key_update(p, m);
    case CPNS_SG_KEY_RESPONSE:
        return pne_on_group_key_response(p, m);
    case CPNS_INSTALLATION_REQUEST:
        return pne_on_installation(p, m);
    case CPNS_INSTALLATION_TRIGGER:
        return pne_on_installation_trigger(p, m);
    case CPNS_KEY_ASSIGNMENT_RESPONSE:
        return pne_on_key_assignment_response(p, m);
    case CPNS_PNE_PROVISIONING:
        return pne_on_provisioning(p, m);
    case CPNS_GW_SWITCH_RESPONSE:
        return pne_on_switch_response(p, m, r->from);
    case CPNS_GW_CHANGE:
        return pne_on_gateway_change(p, m, r->from);
    case CPNS_KEEP_ALIVE:
        return on_keep_alive(p, m, r->from);
    default:
        return agent_refuse(&p->agent, "unexpected_type");
    }
}

/* Outside the session a PNE takes discovery and, where the clause exempts them, group messages. */
static bool may_be_clear(const struct pne *p, enum cpns_type type)
{
    return type == CPNS_ENTITY_DISCOVERY_REQUEST || type == CPNS_ENTITY_DISCOVERY_RESPONSE ||
           type == CPNS_ZONE_ANNOUNCEMENT ||
           (type == CPNS_SG_MESSAGE && agent_group_exemption(&p->agent) != EXEMPT_NOT);
}

static enum disposition message(struct entity *e, void *state, const struct received *r)
{
    struct pne *p = state;
    struct cpns_message m;
    const char *why;
    enum disposition d;
    if (cpns_decode_borrowed(r->payload, (enum cpns_encoding)r->encoding, &m, &why) < 0) {
        entity_event(e, "malformed_message", why);
        d = agent_refuse(&p->agent, "malformed");
    } else if (pne_is_bridge(p, r->from)) {
        d = pne_on_bridge(p, &m, r);
    } else if (!r->in_session && !may_be_clear(p, m.type)) {
        d = agent_refuse(&p->agent, "outside_session");
    } else {
        if (r->in_session && r->from == p->gateway) {
            p->heard = true;
            if (m.type != CPNS_KEEP_ALIVE && cpns_integer(&m, CPNS_STATUS) < 400) {
                pne_change_over(p, 200); /* the new gateway has it as a member */
            }
            keep_alive_seen(&p->keep_alive, &p->agent, m.type);
        }
        d = pne_couples(p, &m) ? pne_on_coupling(p, &m, r) : dispatch(p, &m, r);
    }
    cpns_message_fini(&m);
    return d;
}

static enum scenario_hop_kind kind_of(const struct pne *p, entity_id neighbour)
{
    const struct entity *e = p->agent.entity;
    return scenario_hop(entity_scenario(e), entity_self(e), neighbour)->kind;
}

static void met(struct entity *e, void *state, entity_id peer)
{
    struct pne *p = state;
    (void)e;
    if (peer == p->gateway || (p->state != PNE_JOINED && p->pn != SCENARIO_NONE && p->was_member &&
                               kind_of(p, peer) == HOP_PNE_GATEWAY)) {
        pne_met_gateway(p);
    }
}

static void on_channel_down(struct pne *p, const char *reason)
{
    if (p->state == PNE_ESTABLISHING && p->invited) {
        pne_set_back(p, PNE_EV_CHANNEL_FAILED, reason); /* nothing of its own would open another */
        return;
    }
    /* Something may have been said that it did not hear: it will ask with its next keep-alive. A
     * session closed in order waits for its next use. */
    p->broken = p->state == PNE_JOINED && strcmp(reason, "closed") != 0;
    agent_channel_down(&p->agent, p->gateway);
}

static void channel(struct entity *e, void *state, entity_id peer, enum channel_event event,
                    const char *reason)
{
    struct pne *p = state;
    (void)e;
    if (peer != p->gateway) { /* one that it has left; the gateway on its device needs no session */
        return;
    }
    switch (event) {
    case CHANNEL_UP:
        p->broken = false;
        keep_alive_seen(&p->keep_alive, &p->agent, CPNS_TYPE_COUNT);
        agent_channel_up(&p->agent, p->gateway);
        if (p->state == PNE_JOINED) {
            pne_groups_refresh(p);
        }
        break;
    case CHANNEL_DOWN:
        on_channel_down(p, reason);
        break;
    case CHANNEL_FAILED:
        pne_on_channel_failed(p, reason);
        break;
    }
}

static void on_keep_alive_timer(struct pne *p)
{
    struct agent_route route = pne_route(p);
    if (keep_alive_timer(&p->keep_alive, &p->agent, p->gateway, &route)) {
        pne_comes_back(p, false); /* the gateway is silent */
    } else if (p->broken && p->state == PNE_JOINED) {
        struct cpns_message m;
        p->broken = false;
        agent_begin(&p->agent, &m, CPNS_KEEP_ALIVE, entity_urn(p->agent.entity, p->gateway));
        agent_send(&p->agent, &m, &route); /* the world opens the session first */
    }
}

static void gave_up(struct pne *p, enum cpns_type type, entity_id peer, uint64_t cookie)
{
    switch (type) {
    case CPNS_GW_SWITCH_REQUEST:
        pne_switch_gave_up(p, peer);
        break;
    case CPNS_ENTITY_DISCOVERY_REQUEST:
        if (kind_of(p, peer) == HOP_BRIDGE) {
            pne_end_silent(p, cookie);
            break;
        }
        p->failures += !pne_looks(p);
        if (!pne_looks(p) && pne_may(p, PNE_EV_TIMEOUT)) {
            pne_gives_up(p, PNE_EV_TIMEOUT, "gateway silent");
        }
        break;
    case CPNS_PN_ESTABLISHMENT_REQUEST:
        pne_gives_up(p, PNE_EV_TIMEOUT, "no answer");
        break;
    case CPNS_SG_CREATE_REQUEST:
    case CPNS_SG_JOIN_REQUEST:
    case CPNS_SG_LEAVE_REQUEST:
        pne_group_gave_up(p, (uint32_t)cookie);
        break;
    case CPNS_KEY_ASSIGNMENT_REQUEST:
        pne_key_assignment_gave_up(p);
        break;
    case CPNS_PN_LEAVE:
        if (cookie == PNE_LEAVES_ITSELF) {
            pne_leave_gave_up(p);
            break;
        }
        entity_event(p->agent.entity, "request_timeout", cpns_type_info(type)->name);
        break;
    default:
        entity_event(p->agent.entity, "request_timeout", cpns_type_info(type)->name);
        break;
    }
}

static void timer(struct entity *e, void *state, uint32_t kind, uint64_t arg)
{
    struct pne *p = state;
    (void)e;
    switch (kind) {
    case PNE_TIMER_START:
        pne_begin(p);
        break;
    case KEEP_ALIVE_TIMER:
        on_keep_alive_timer(p);
        break;
    case PNE_TIMER_KEY:
        pne_key_assignment_timer(p);
        break;
    case PNE_TIMER_LOOK:
        pne_on_look(p);
        break;
    case PNE_TIMER_CHECK:
        pne_on_check(p, (entity_id)arg);
        break;
    case PNE_TIMER_GROUP:
        pne_group_timer(p, arg);
        break;
    case PNE_TIMER_USAGE:
        usage_expire(&p->usage, entity_now(e));
        break;
    case PNE_TIMER_LEAVE:
        if (p->leaving) {
            pne_ask_leave(p);
        }
        break;
    case PNE_TIMER_SERVICE:
        pne_service_timer(p, arg);
        break;
    case AGENT_TIMER_REQUEST: {
        enum cpns_type type;
        entity_id peer;
        uint64_t cookie;
        if (agent_timed_out(&p->agent, arg, &type, &peer, &cookie)) {
            gave_up(p, type, peer, cookie);
        }
        break;
    }
    default:
        CHECK(!"a timer that the PNE never sets");
    }
}

static void work(struct entity *e, void *state, const struct scenario_work *item, uint32_t target,
                 size_t size)
{
    struct pne *p = state;
    (void)e;
    switch ((enum cpns_verb)item->verb) {
    case VERB_SERVICE_ACCESS:
        pne_use_service(p, target, item->service, size);
        break;
    case VERB_GROUP_MESSAGE:
        pne_group_message(p, target, size);
        break;
    case VERB_GROUP_JOIN:
        pne_group_join(p, target);
        break;
    case VERB_PN_ADD:
        pne_work_add(p, item->pns[0], target);
        break;
    case VERB_PN_LEAVE:
        pne_work_leave(p, item->pns[0], target);
        break;
    case VERB_SERVICE_SEARCH:
        pne_search_service(p, item);
        break;
    case VERB_GROUP_DISCOVER:
        pne_group_discover(p, item);
        break;
    case VERB_GROUP_INVITE:
        pne_group_invite(p, target, item);
        break;
    case VERB_GROUP_LEAVE:
        if (item->member_count > 0) {
            pne_group_expel(p, target, item->members[0]);
        } else {
            pne_group_leave(p, target);
        }
        break;
    case VERB_GROUP_DELETE:
        pne_group_delete(p, target);
        break;
    case VERB_GROUP_OWNER_TRANSFER:
        pne_group_transfer(p, target, item->member_count > 0 ? item->members[0] : ENTITY_NONE);
        break;
    case VERB_ADMIN_ASSIGN:
        pne_work_admin(p, item->pns[0], target);
        break;
    case VERB_ADMINEE_ADD:
        pne_work_adminee(p, item->pns[0], target, "joined");
        break;
    case VERB_ADMINEE_REMOVE:
        pne_work_adminee(p, item->pns[0], target, "removed");
        break;
    case VERB_USAGE_INFO:
        pne_work_usage(p, item, target);
        break;
    case VERB_ZONE_INFO:
        pne_ask_zone_info(p);
        break;
    case VERB_GATEWAY_SWITCH:
        if (item->pns[0] == p->pn) {
            pne_switch_gateway(p, "asked for");
        } else {
            entity_event(e, "work_skipped", "gateway-switch: in another personal network");
        }
        break;
    case VERB_DEVICE_CAPABILITIES:
    case VERB_DISCOVERY_EXECUTION:
    case VERB_BRIDGE_SETUP:
        CHECK(!"a verb of servers or gateways");
        break;
    case VERB_PN_RELEASE:
        if (p->state == PNE_JOINED && target == p->pn) {
            pne_ask_release(p);
        } else {
            entity_event(e, "work_skipped", "pn-release: not a member");
        }
        break;
    case VERB_KEY_ASSIGNMENT:
    case VERB_PNE_PROVISIONING:
        CHECK(!"a verb that no PNE performs");
    }
}

static void battery(struct entity *e, void *state, int percent)
{
    (void)e;
    pne_battery_low(state, percent);
}

static void finish(struct entity *e, void *state)
{
    struct pne *p = state;
    (void)e;
    agent_fini(&p->agent);
    pne_bridge_free(p);
    usage_store_fini(&p->usage);
    free(p->groups);
    free(p->group_keys);
    pne_keys_free(p);
}

const struct entity_type pne_entity_type = {
    .name = "pne",
    .role = ROLE_PNE,
    .state_bytes = sizeof(struct pne),
    .start = start,
    .message = message,
    .channel = channel,
    .met = met,
    .timer = timer,
    .work = work,
    .stores = pne_tell_stores,
    .battery = battery,
    .finish = finish,
};
