/* The CPNS Server: dispatch and stores. */
#include "models/cpns_server/server.h"

#include <stdlib.h>

struct subscriber *server_subscriber(const struct server *s, entity_id pne)
{
    uint64_t found;
    return map_get(&s->subscribers, pne, &found) ? (struct subscriber *)(uintptr_t)found : NULL;
}

bool server_is_registered(const struct server *s, entity_id pne, entity_id gateway)
{
    const struct subscriber *sub = pne != ENTITY_NONE ? server_subscriber(s, pne) : NULL;
    return sub != NULL && sub->registered && s->pns[sub->pn].stored &&
           (gateway == ENTITY_NONE || sub->gateway == gateway);
}

struct agent_route server_route(const struct server *s, entity_id pne)
{
    const struct subscriber *sub = server_subscriber(s, pne);
    CHECK(sub != NULL);
    struct agent_route route = agent_route(sub->gateway);
    route.pn = sub->pn;
    return route;
}

void server_answer(struct server *s, struct cpns_message *answer, entity_id through)
{
    struct agent_route route = agent_route(through);
    if (cpns_has(answer, CPNS_PN_ID)) {
        route.pn = entity_pn_by_urn(s->agent.entity, cpns_text(answer, CPNS_PN_ID));
    }
    if (cpns_has(answer, CPNS_SG_ID)) {
        route.group = entity_group_by_urn(s->agent.entity, cpns_text(answer, CPNS_SG_ID));
    }
    agent_send(&s->agent, answer, &route);
}

static const char *status_word(int status)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {{400, "400"}, {403, "403"}, {404, "404"}, {409, "409"}, {503, "503"}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(words); i++) {
        if (words[i].status == status) {
            return words[i].word;
        }
    }
    return "refused";
}

enum disposition server_say(struct server *s, const struct cpns_message *m, entity_id through,
                            int status)
{
    enum cpns_type type = (enum cpns_type)(m->type + 1);
    CHECK(cpns_type_info(type)->response);
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, type, m, status);
    server_answer(s, &answer, through);
    return status >= 400 ? agent_refuse(&s->agent, status_word(status)) : MESSAGE_DELIVERED;
}

static void start(struct entity *e, void *state)
{
    struct server *s = state;
    agent_init(&s->agent, e);
    s->pns = mem_calloc(entity_scenario(e)->pn_count, sizeof(*s->pns));
    server_switch_start(s);
    s->groups = mem_calloc(entity_scenario(e)->group_count, sizeof(*s->groups));
    for (size_t i = 0; i < entity_scenario(e)->pn_count; i++) {
        s->pns[i].admin = ENTITY_NONE;
        s->pns[i].home = entity_self(e);
    }
    mesh_start(s);
}

static enum disposition dispatch(struct server *s, struct cpns_message *m, const struct received *r)
{
    enum disposition passed;
    if (mesh_passes(s, m, r, &passed)) {
        return passed;
    }
    switch (m->type) {
    case CPNS_PN_CONNECTION_FORWARDED:
        return server_on_connection(s, m, r->from);
    case CPNS_AUTHENTICATION_RESPONSE:
        return server_on_answer(s, m, r->from);
    case CPNS_REGISTRATION_REQUEST:
        return server_on_registration(s, m, r->from);
    case CPNS_SERVICE_ACCESS_REQUEST:
        return server_on_service_request(s, m, r);
    case CPNS_SERVICE_ACCESS_RESPONSE:
        return server_on_service_response(s, m, r);
    case CPNS_SERVICE_REGISTRATION_REQUEST:
        return server_on_service_registration(s, m, r->from);
    case CPNS_SERVICE_SEARCH_REQUEST:
        return server_on_service_search(s, m, r->from);
    case CPNS_OWNER_CONFIRMATION_RESPONSE:
        return server_on_owner_confirmation(s, m);
    case CPNS_SG_CREATE_REQUEST:
    case CPNS_SG_MEMBER_INFO:
    case CPNS_SG_ADMIN_INFO:
    case CPNS_SG_DISCOVERY_REQUEST:
    case CPNS_SG_JOIN_REQUEST:
    case CPNS_SG_INVITE_REQUEST:
    case CPNS_SG_LEAVE_REQUEST:
    case CPNS_SG_DELETE_REQUEST:
    case CPNS_SG_OWNER_TRANSFER_REQUEST:
        return server_on_group_request(s, m, r);
    case CPNS_SG_JOIN_RESPONSE:
        return server_on_join_approval(s, m);
    case CPNS_SG_INVITE_RESPONSE:
        return server_on_invite_answer(s, m);
    case CPNS_SG_OWNER_TRANSFER_RESPONSE:
        return server_on_transfer_answer(s, m);
    case CPNS_SG_KEY_UPDATE:
    case CPNS_SG_MEMBER_CHANGE:
    case CPNS_SG_OWNER_CHANGE:
        return server_on_notice_heard(s, m);
    case CPNS_SG_MESSAGE:
        return server_on_group_message(s, m, r);
    case CPNS_PN_RELEASE_REQUEST:
        return server_on_release(s, m, r->from);
    case CPNS_PN_ADD_DEVICE:
        return server_on_add_device(s, m, r->from);
    case CPNS_PN_LEAVE:
        return server_on_leave(s, m, r->from);
    case CPNS_ADMIN_ASSIGN:
        return server_on_admin_assign(s, m, r->from);
    case CPNS_ADMIN_ASSIGN_RESPONSE:
        return server_on_admin_answer(s, m);
    case CPNS_ADMINEE_CHANGE:
        return server_on_adminee_change(s, m, r->from);
    case CPNS_ADMINEE_CHANGE_RESPONSE:
        return server_on_adminee_answer(s, m);
    case CPNS_PN_USAGE_INFO_CREATE_REQUEST:
        return server_on_usage_info(s, m, r->from);
    case CPNS_DEVICE_CAPABILITIES_RESPONSE:
        return server_on_capabilities(s, m, r->from);
    case CPNS_BATTERY_INDICATION:
        return server_on_battery_indication(s, m, r->from);
    case CPNS_BATTERY_QUERY_RESPONSE:
        return server_on_battery_answer(s, m);
    case CPNS_WAKE_UP_RESPONSE:
        return server_on_woken(s, m);
    case CPNS_SWITCH_INSTRUCTION_RESPONSE:
        return server_on_instructed(s, m);
    case CPNS_SG_KEY_UPDATE_RESPONSE:
        return server_on_key_update_response(s, m);
    case CPNS_SG_KEY_REQUEST:
        return server_on_group_key_request(s, m, r);
    case CPNS_USER_REGISTRATION_REQUEST:
        return server_on_user_registration(s, m, r->from);
    case CPNS_KEY_ASSIGNMENT_REQUEST:
        return server_on_key_assignment(s, m, r->from);
    case CPNS_PNE_PROVISIONING_REQUEST:
        return server_on_provisioning(s, m, r->from);
    case CPNS_GW_SWITCH_REQUEST:
        return server_on_switch_request(s, m, r->from);
    case CPNS_GW_SWITCH_RESPONSE:
        return server_on_switch_response(s, m);
    case CPNS_INVENTORY_UPDATE:
        return mesh_on_update(s, m, r->from);
    case CPNS_INVENTORY_UPDATE_RESPONSE:
        return mesh_on_update_heard(s, m);
    case CPNS_KEEP_ALIVE:
        if (!cpns_has(m, CPNS_STATUS)) {
            struct cpns_message answer;
            agent_answer(&s->agent, &answer, CPNS_KEEP_ALIVE, m, 200);
            server_answer(s, &answer, r->from);
        }
        return MESSAGE_DELIVERED;
    default:
        return agent_refuse(&s->agent, "unexpected_type");
    }
}

static enum disposition message(struct entity *e, void *state, const struct received *r)
{
    struct server *s = state;
    struct cpns_message m;
    const char *why;
    enum disposition d;
    if (cpns_decode_borrowed(r->payload, (enum cpns_encoding)r->encoding, &m, &why) < 0) {
        entity_event(e, "malformed_message", why);
        d = agent_refuse(&s->agent, "malformed");
    } else if (!r->in_session &&
               (m.type != CPNS_SG_MESSAGE || agent_group_exemption(&s->agent) == EXEMPT_NOT)) {
        d = agent_refuse(&s->agent, "outside_session");
    } else {
        struct mesh_peer *peer = mesh_find(s, r->from);
        if (peer != NULL) {
            mesh_heard(s, peer);
        }
        d = dispatch(s, &m, r);
        server_heard_pne(s, agent_entity(&s->agent, &m, CPNS_ORIGIN_ENTITY_ID));
        server_heard(s, &m, r->from);
    }
    cpns_message_fini(&m);
    return d;
}

/* Gateways open and close their sessions; what is unanswered is repeated or given up by its timer.
 */
static void channel(struct entity *e, void *state, entity_id peer, enum channel_event event,
                    const char *reason)
{
    struct server *s = state;
    struct mesh_peer *other = mesh_find(s, peer);
    (void)e;
    (void)reason;
    if (other != NULL) {
        mesh_on_channel(s, other, event);
    }
    if (event == CHANNEL_UP) {
        server_heard_peer(s, peer);
    } else {
        server_switch_lost(s, peer);
    }
}

void server_gave_up(struct server *s, enum cpns_type type, uint64_t cookie)
{
    switch (type) {
    case CPNS_GW_SWITCH_REQUEST:
        server_switch_unanswered(s, cookie);
        break;
    case CPNS_AUTHENTICATION_REQUEST:
        if (!server_switch_challenge_unanswered(s, cookie)) {
            server_challenge_unanswered(s, (entity_id)cookie);
        }
        break;
    case CPNS_BATTERY_QUERY:
    case CPNS_WAKE_UP:
    case CPNS_SWITCH_INSTRUCTION:
        server_battery_gave_up(s, type, cookie);
        break;
    case CPNS_OWNER_CONFIRMATION_REQUEST:
        server_confirmation_silent(s, cookie);
        break;
    case CPNS_ADMIN_ASSIGN:
        server_candidate_silent(s, cookie);
        break;
    case CPNS_DEVICE_CAPABILITIES_REQUEST:
        server_capabilities_unknown(s, (entity_id)cookie);
        break;
    case CPNS_SG_JOIN_REQUEST:
        server_approval_silent(s, cookie);
        break;
    case CPNS_SG_INVITE_REQUEST:
        server_invite_silent(s, cookie);
        break;
    case CPNS_SG_OWNER_TRANSFER_REQUEST:
        server_transfer_silent(s, cookie);
        break;
    case CPNS_SG_MEMBER_CHANGE:
    case CPNS_SG_OWNER_CHANGE:
        server_notice_missed(s, cookie);
        break;
    default:
        break;
    }
}

static void timer(struct entity *e, void *state, uint32_t kind, uint64_t arg)
{
    struct server *s = state;
    enum cpns_type type;
    entity_id peer;
    uint64_t cookie;
    (void)e;
    if (kind == SERVER_TIMER_LEASE) {
        server_on_lease(s, (uint32_t)arg);
    } else if (kind == SERVER_TIMER_USAGE) {
        server_usage_expires(s);
    } else if (kind == SERVER_TIMER_MESH) {
        mesh_on_timer(s, arg);
    } else if (kind == AGENT_TIMER_REQUEST &&
               agent_timed_out(&s->agent, arg, &type, &peer, &cookie)) {
        server_gave_up(s, type, cookie);
    }
}

static void work(struct entity *e, void *state, const struct scenario_work *item, uint32_t target,
                 size_t size)
{
    (void)e;
    (void)size;
    CHECK(item->verb == VERB_DEVICE_CAPABILITIES); /* the only verb that a server performs */
    server_ask_capabilities(state, target);
}

static void finish(struct entity *e, void *state)
{
    struct server *s = state;
    (void)e;
    for (size_t i = 0; i < s->subscriber_count; i++) {
        free(s->subscriber_list[i]);
    }
    for (size_t i = 0; s->groups != NULL && i < entity_scenario(e)->group_count; i++) {
        inventory_group_clear(&s->groups[i]);
    }
    agent_fini(&s->agent);
    usage_store_fini(&s->usage);
    free(s->admins);
    capability_store_fini(&s->devices);
    map_fini(&s->subscribers);
    free(s->subscriber_list);
    free(s->pns);
    free(s->said_at);
    free(s->groups);
    free(s->joins);
    server_keys_free(s);
    free(s->invites);
    free(s->missed);
    map_fini(&s->heard_at);
    server_services_free(s);
    server_group_keys_free(s);
    mesh_fini(s);
    server_battery_free(s);
}

const struct entity_type cpns_server_entity_type = {
    .name = "server",
    .role = ROLE_SERVER,
    .state_bytes = sizeof(struct server),
    .start = start,
    .message = message,
    .channel = channel,
    .timer = timer,
    .work = work,
    .stores = server_tell_stores,
    .finish = finish,
};
