/* The PN gateway: messages from its PNEs and from the server. Who is asked, who answers, what is
 * relayed, and what of it the gateway takes note of. */
#include "models/pn_gateway/gateway.h"

#include <string.h>

/* --- messages from PNEs ----------------------------------------------------------------------- */

static enum disposition on_discovery(struct gateway *g, const struct cpns_message *m,
                                     entity_id from)
{
    if (m->type == CPNS_ENTITY_DISCOVERY_RESPONSE) {
        uint64_t cookie;
        if (agent_answered(&g->agent, m, CPNS_ENTITY_DISCOVERY_REQUEST, &cookie) &&
            entity_connected(g->agent.entity, from)) {
            gateway_on_pne_up(g, from); /* it has one from before */
        }
        return MESSAGE_DELIVERED; /* otherwise the PNE opens its session now */
    }
    struct entity *e = g->agent.entity;
    struct pn *pn = NULL;
    bool which = cpns_has(m, CPNS_PN_ID);
    bool mine = gateway_member(g, from, &pn) != NULL && pn->serving &&
                pn->number == entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    struct cpns_message answer;
    int status = !which ? 200 : !mine ? 404 : gateway_is_cut_off(g, pn) ? 503 : 200;
    agent_answer(&g->agent, &answer, CPNS_ENTITY_DISCOVERY_RESPONSE, m, status);
    cpns_set_text(&answer, CPNS_MODE, "pn_gw");
    struct agent_route route = gateway_route(from, NULL);
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    agent_send(&g->agent, &answer, &route);
    if (which && pn != NULL && from != entity_scenario(e)->nodes[entity_self(e)].twin) {
        gateway_looked_for(g, pn);
    }
    return MESSAGE_DELIVERED;
}

/* What a PNE is told that may take itself for a member: 410 when its PN is no more, 403 when the PN
 * stands without it. */
static int standing(struct gateway *g, entity_id pne)
{
    struct pn *pn = NULL;
    const struct member *m = gateway_member(g, pne, &pn);
    if (m == NULL || m->state == MEMBER_ABSENT) {
        return m != NULL && pn->state == PN_NONE && pn->serving ? 410 : 403;
    }
    if (gateway_is_cut_off(g, pn)) {
        return 503; /* another could serve it */
    }
    return 200;
}

static enum disposition answer_keep_alive(struct gateway *g, const struct cpns_message *m,
                                          entity_id from)
{
    struct pn *pn = NULL;
    struct member *member = gateway_member(g, from, &pn);
    if (cpns_has(m, CPNS_STATUS) || gateway_redirects(g, pn, from)) {
        return MESSAGE_DELIVERED;
    }
    if (member != NULL && pn->taking) {
        member->knocked = cpns_integer(m, CPNS_TRANSACTION_ID);
    } else {
        struct cpns_message answer;
        agent_answer(&g->agent, &answer, CPNS_KEEP_ALIVE, m, standing(g, from));
        struct agent_route route = gateway_route(from, NULL);
        agent_send(&g->agent, &answer, &route);
        if (member != NULL) {
            gateway_is_in(g, pn, member);
        }
    }
    return MESSAGE_DELIVERED;
}

void gateway_answer_knock(struct gateway *g, struct member *m)
{
    struct cpns_message answer;
    agent_begin(&g->agent, &answer, CPNS_KEEP_ALIVE, entity_urn(g->agent.entity, m->pne));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, m->knocked);
    cpns_set_integer(&answer, CPNS_STATUS, standing(g, m->pne));
    struct agent_route route = gateway_route(m->pne, NULL);
    agent_send(&g->agent, &answer, &route);
}

/* A PNE that is not in its PN may not use the network. */
static enum disposition refuse_stranger(struct gateway *g, struct cpns_message *m,
                                        const struct received *r)
{
    entity_id from = r->from;
    struct pn *pn = NULL;
    if (gateway_member(g, from, &pn) != NULL && pn->taking) {
        return gateway_hold(pn, r, g->server);
    }
    if (gateway_redirects(g, pn, from)) {
        return agent_refuse(&g->agent, "gateway_switched");
    }
    bool gone = standing(g, from) == 410;
    bool access = m->type == CPNS_SERVICE_ACCESS_REQUEST;
    /* A release that is asked for again: its first answer got lost. */
    bool edit = m->type == CPNS_ADMIN_ASSIGN || m->type == CPNS_ADMINEE_CHANGE ||
                m->type == CPNS_PN_USAGE_INFO_CREATE_REQUEST;
    if (edit) {
        struct cpns_message answer;
        agent_answer(&g->agent, &answer, (enum cpns_type)(m->type + 1), m, gone ? 410 : 403);
        struct agent_route route = gateway_route(from, NULL);
        agent_send(&g->agent, &answer, &route);
    }
    if (access || (gone && m->type == CPNS_PN_RELEASE_REQUEST)) {
        struct cpns_message answer;
        agent_answer(&g->agent, &answer,
                     access ? CPNS_SERVICE_ACCESS_RESPONSE : CPNS_PN_RELEASE_RESPONSE, m,
                     access ? (gone ? 410 : 403) : 404);
        struct agent_route route = gateway_route(from, NULL);
        agent_send(&g->agent, &answer, &route);
    }
    return agent_refuse(&g->agent, gone ? "410" : "403");
}

static enum disposition from_pne(struct gateway *g, struct cpns_message *m,
                                 const struct received *r)
{
    struct entity *e = g->agent.entity;
    struct pn *pn = NULL;
    struct member *member = gateway_member(g, r->from, &pn);
    enum disposition d;
    if (r->peer_urn[0] != '\0' && strcmp(r->peer_urn, entity_urn(e, r->from)) != 0) {
        return agent_refuse(&g->agent, "origin_mismatch");
    }
    if (!agent_is(&g->agent, m, CPNS_ORIGIN_ENTITY_ID, r->from)) {
        return gateway_is_bridged(g, m, r->from) ? gateway_on_bridged(g, m, r)
                                                 : agent_refuse(&g->agent, "origin_mismatch");
    }
    if (member != NULL) {
        member->heard = entity_now(e);
    }
    switch (m->type) {
    case CPNS_ENTITY_DISCOVERY_REQUEST:
    case CPNS_ENTITY_DISCOVERY_RESPONSE:
        return on_discovery(g, m, r->from);
    case CPNS_PN_ESTABLISHMENT_REQUEST:
        return gateway_on_establishment_request(g, m, r->from);
    case CPNS_PN_CONNECTION_RESPONSE:
    case CPNS_PN_CONNECTION_REJECT:
        return gateway_on_connection_answer(g, m, r->from);
    case CPNS_INSTALLATION_RESPONSE:
        return gateway_on_installed(g, m);
    case CPNS_PNE_PROVISIONING_RESULT:
        return gateway_on_chain_proof(g, m);
    case CPNS_AUTHENTICATION_RESPONSE:
        return member != NULL ? agent_relay(&g->agent, m, g->server, EXEMPT_NOT, r)
                              : agent_refuse(&g->agent, "not_a_member");
    case CPNS_SG_MESSAGE:
        return gateway_on_group_message(g, m, r);
    case CPNS_SERVICE_ACCESS_REQUEST:
    case CPNS_SERVICE_ACCESS_RESPONSE:
    case CPNS_SERVICE_REGISTRATION_REQUEST:
    case CPNS_SERVICE_SEARCH_REQUEST:
    case CPNS_OWNER_CONFIRMATION_RESPONSE:
    case CPNS_SG_CREATE_REQUEST:
    case CPNS_SG_MEMBER_INFO:
    case CPNS_SG_ADMIN_INFO:
    case CPNS_SG_DISCOVERY_REQUEST:
    case CPNS_SG_JOIN_REQUEST:
    case CPNS_SG_JOIN_RESPONSE:
    case CPNS_SG_INVITE_REQUEST:
    case CPNS_SG_INVITE_RESPONSE:
    case CPNS_SG_LEAVE_REQUEST:
    case CPNS_SG_DELETE_REQUEST:
    case CPNS_SG_OWNER_TRANSFER_REQUEST:
    case CPNS_SG_OWNER_TRANSFER_RESPONSE:
    case CPNS_SG_MEMBER_CHANGE:
    case CPNS_SG_OWNER_CHANGE:
    case CPNS_PN_RELEASE_REQUEST:
    case CPNS_BATTERY_INDICATION:
    case CPNS_BATTERY_QUERY_RESPONSE:
    case CPNS_WAKE_UP_RESPONSE:
    case CPNS_SWITCH_INSTRUCTION_RESPONSE:
    case CPNS_SG_KEY_UPDATE_RESPONSE:
    case CPNS_SG_KEY_REQUEST:
    case CPNS_KEY_ASSIGNMENT_REQUEST:
    case CPNS_ADMIN_ASSIGN:
    case CPNS_ADMIN_ASSIGN_RESPONSE:
    case CPNS_ADMINEE_CHANGE:
    case CPNS_ADMINEE_CHANGE_RESPONSE:
    case CPNS_PN_USAGE_INFO_CREATE_REQUEST:
        if (member == NULL || member->state != MEMBER_REGISTERED) {
            return refuse_stranger(g, m, r);
        }
        if (gateway_use_bridge(g, pn, m, r, &d)) {
            return d;
        }
        return agent_relay(&g->agent, m, g->server, EXEMPT_NOT, r);
    case CPNS_DISCOVERY_EXECUTION_RESPONSE:
        return gateway_on_found(g, m, r->from);
    case CPNS_BRIDGE_SETUP_RESPONSE: /* the PNE could not hand the request on */
        return member != NULL ? gateway_on_bridged(g, m, r)
                              : agent_refuse(&g->agent, "not_a_member");
    case CPNS_ZONE_INFO_REQUEST:
        return gateway_on_zone_info(g, m, r->from);
    case CPNS_PN_ADD_DEVICE:
        return gateway_on_add_device(g, m, r);
    case CPNS_PN_LEAVE:
        return gateway_on_leave(g, m, r);
    case CPNS_DEVICE_CAPABILITIES_RESPONSE:
        return member != NULL ? gateway_on_capabilities_answer(g, m, r)
                              : agent_refuse(&g->agent, "not_a_member");
    case CPNS_GW_SWITCH_REQUEST:
        return gateway_on_switch_request(g, m, r->from);
    case CPNS_GW_CHANGE:
        return gateway_on_gateway_change(g, m, r->from);
    case CPNS_KEEP_ALIVE:
        return answer_keep_alive(g, m, r->from);
    default:
        return agent_refuse(&g->agent, "unexpected_type");
    }
}

/* --- messages from the server ----------------------------------------------------------------- */

/* What passes through to a PNE and changes this gateway's tables; after it was handed on. */
static void note_passed(struct gateway *g, const struct cpns_message *m, entity_id pne)
{
    int64_t status = cpns_integer(m, CPNS_STATUS);
    struct pn *pn;
    switch (m->type) {
    case CPNS_AUTHENTICATION_REQUEST:
        gateway_saw_challenge(g, pne);
        break;
    case CPNS_AUTHENTICATION_RESULT:
        gateway_saw_result(g, pne, status);
        break;
    case CPNS_KEY_ASSIGNMENT_RESPONSE:
        gateway_saw_user_key(g, pne, status);
        break;
    case CPNS_SG_CREATE_RESPONSE:
    case CPNS_SG_JOIN_RESPONSE:
    case CPNS_SG_LEAVE_RESPONSE:
    case CPNS_SG_DELETE_RESPONSE:
    case CPNS_SG_MEMBER_CHANGE:
        gateway_group_passed(g, m, pne);
        break;
    case CPNS_ADMIN_ASSIGN_RESPONSE:
        if (status == 200 && cpns_has(m, CPNS_ADMIN_ID) && gateway_member(g, pne, &pn) != NULL) {
            pn->admin = agent_entity(&g->agent, m, CPNS_ADMIN_ID);
        }
        break;
    case CPNS_PN_USAGE_INFO_CREATE_RESPONSE:
        if (status == 200) {
            gateway_saw_usage_info(g, m);
        }
        break;
    case CPNS_PN_ADD_DEVICE_RESPONSE:
        if (status == 200) {
            gateway_saw_added(g, m);
        }
        break;
    case CPNS_PN_LEAVE_RESPONSE:
        if (status == 200 || status == 404) {
            gateway_saw_left(g, m);
        }
        break;
    case CPNS_PN_RELEASE_RESPONSE:
        /* 404: deleted already, and the answer that said so got lost. */
        if ((status == 200 || status == 404) && gateway_member(g, pne, &pn) != NULL &&
            entity_pn_by_urn(g->agent.entity, cpns_text(m, CPNS_PN_ID)) == pn->number) {
            gateway_released(g, pn, pne);
        }
        break;
    default:
        break;
    }
}

static enum disposition answer_unreachable(struct gateway *g, const struct cpns_message *m)
{
    struct cpns_message answer;
    agent_answer(&g->agent, &answer, (enum cpns_type)(m->type + 1), m, 503);
    if (m->type == CPNS_OWNER_CONFIRMATION_REQUEST) {
        cpns_set_integer(&answer, CPNS_ACCEPT, 0);
    }
    struct agent_route route = gateway_route(g->server, NULL);
    agent_send(&g->agent, &answer, &route);
    return agent_refuse(&g->agent, "503");
}

/* What somebody waits for at the other end: better told at once that nobody will answer. */
static bool is_question(enum cpns_type type)
{
    return type == CPNS_SERVICE_ACCESS_REQUEST || type == CPNS_OWNER_CONFIRMATION_REQUEST ||
           type == CPNS_SG_JOIN_REQUEST || type == CPNS_SG_INVITE_REQUEST ||
           type == CPNS_SG_OWNER_TRANSFER_REQUEST;
}

static enum disposition from_server(struct gateway *g, struct cpns_message *m,
                                    const struct received *r)
{
    struct pn *pn;
    if (m->type == CPNS_SG_MESSAGE) {
        return gateway_on_group_message(g, m, r);
    }
    if (m->type == CPNS_DEVICE_CAPABILITIES_REQUEST) {
        return gateway_on_capabilities_request(g, m, r);
    }
    if (agent_is_me(&g->agent, m, CPNS_TARGET_ID)) {
        switch (m->type) {
        case CPNS_REGISTRATION_RESPONSE:
            return gateway_on_registration_response(g, m);
        case CPNS_PN_RELEASE_RESPONSE:
            return gateway_on_release_response(g, m);
        case CPNS_BATTERY_INDICATION_RESPONSE:
            return gateway_on_battery_answer(g, m);
        case CPNS_USER_REGISTRATION_RESPONSE:
            return gateway_on_user_registered(g, m);
        case CPNS_PNE_PROVISIONING_RESPONSE:
            return gateway_on_provisioned(g, m);
        case CPNS_PN_ADD_DEVICE_RESPONSE:
            return gateway_on_add_response(g, m);
        case CPNS_PN_LEAVE_RESPONSE:
            return gateway_on_leave_response(g, m);
        case CPNS_GW_SWITCH_REQUEST:
            return gateway_on_server_switch(g, m);
        case CPNS_GW_SWITCH_RESPONSE:
            return gateway_on_switch_response(g, m);
        case CPNS_KEEP_ALIVE:
            return MESSAGE_DELIVERED;
        default:
            return agent_refuse(&g->agent, "unexpected_type");
        }
    }
    entity_id pne = agent_entity(&g->agent, m, CPNS_TARGET_ID);
    if (pne == ENTITY_NONE || gateway_member(g, pne, &pn) == NULL) {
        return agent_refuse(&g->agent, "not_here");
    }
    if (is_question(m->type) && gateway_member(g, pne, &pn)->expected && gateway_is_new(g, pn)) {
        return gateway_hold(pn, r, pne);
    }
    if (is_question(m->type) && !entity_connected(g->agent.entity, pne)) {
        return answer_unreachable(g, m); /* only the PNE can open its session */
    }
    enum disposition d = agent_relay(&g->agent, m, pne, EXEMPT_NOT, r);
    if (d == MESSAGE_FORWARDED) {
        note_passed(g, m, pne);
    }
    return d;
}

/* --- all messages ----------------------------------------------------------------------------- */

static bool may_be_clear(const struct gateway *g, enum cpns_type type)
{
    return type == CPNS_ENTITY_DISCOVERY_REQUEST || type == CPNS_ENTITY_DISCOVERY_RESPONSE ||
           (type == CPNS_SG_MESSAGE && agent_group_exemption(&g->agent) != EXEMPT_NOT);
}

enum disposition gateway_receive(struct entity *e, void *state, const struct received *r)
{
    struct gateway *g = state;
    struct cpns_message m;
    const char *why;
    enum disposition d;
    if (cpns_decode_borrowed(r->payload, (enum cpns_encoding)r->encoding, &m, &why) < 0) {
        entity_event(e, "malformed_message", why);
        d = agent_refuse(&g->agent, "malformed");
    } else if (!r->in_session && !may_be_clear(g, m.type)) {
        d = agent_refuse(&g->agent, "outside_session");
    } else if (r->from == g->server) {
        if (r->in_session) {
            keep_alive_seen(&g->keep_alive, &g->agent, m.type);
        }
        d = from_server(g, &m, r);
    } else {
        d = from_pne(g, &m, r);
    }
    cpns_message_fini(&m);
    return d;
}
