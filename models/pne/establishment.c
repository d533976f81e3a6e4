/* The PNE's part of discovery, PN establishment, authentication and release (cpns-model.md flows 1,
 * 2, 3, 10). */
#include <stdio.h>
#include <string.h>

#include "models/pne/pne.h"

/* The PN of this PNE: the first that lists it and whose gateway it can reach. */
static void find_pn(struct pne *p)
{
    const struct scenario *s = entity_scenario(p->agent.entity);
    entity_id self = entity_self(p->agent.entity);
    p->pn = SCENARIO_NONE;
    for (uint32_t i = s->belonging_from[self];
         p->pn == SCENARIO_NONE && i < s->belonging_from[self + 1]; i++) {
        const struct scenario_belonging *b = &s->belongings[i];
        const struct scenario_pn *pn = &s->pns[b->pn];
        if (b->as == PLACE_MEMBER && scenario_hop(s, self, pn->gateway) != NULL) {
            p->pn = b->pn;
            p->gateway = pn->gateway;
            p->initiates = pn->by == BY_MEMBERS || pn->by_node == self;
        } else if (b->as == PLACE_CANDIDATE && pn->gateway == p->gateway) {
            p->pn = b->pn; /* once it is added */
        }
    }
}

void pne_establishment_start(struct pne *p)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    find_pn(p);
    if (p->pn != SCENARIO_NONE && p->initiates && !pne_is_visitor(p)) {
        sim_time at = dist_sample_i64(&s->pns[p->pn].at, entity_rng(e, "establishment")) +
                      dist_sample_i64(&s->nodes[entity_self(e)].start, entity_rng(e, "start"));
        p->retry = entity_timer_set(e, at, PNE_TIMER_START, 0);
    }
}

void pne_begin(struct pne *p)
{
    p->retry = 0;
    if (pne_may(p, PNE_EV_START)) {
        pne_move(p, PNE_EV_START, PNE_DISCOVERING);
        p->flow = entity_flow_begin(p->agent.entity, "pn-establishment",
                                    entity_scenario(p->agent.entity)->pns[p->pn].id);
        p->invited = false;
        pne_look_for_gateway(p);
    }
}

/* Whoever waits until it tries again does so now; the first try has its own time. */
void pne_met_gateway(struct pne *p)
{
    p->had_enough = false;
    if (p->state == PNE_DISCOVERING) {
        pne_stop_looking(p);
        pne_look_for_gateway(p);
    } else if (p->retry != 0 && p->failures > 0) {
        entity_timer_cancel(p->agent.entity, p->retry);
        pne_begin(p);
    }
}

void pne_ask_establishment(struct pne *p)
{
    const struct scenario_pn *pn = &entity_scenario(p->agent.entity)->pns[p->pn];
    struct cpns_message request;
    agent_begin(&p->agent, &request, CPNS_PN_ESTABLISHMENT_REQUEST,
                entity_urn(p->agent.entity, p->gateway));
    cpns_set_text(&request, CPNS_PN_ID, entity_pn_urn(p->agent.entity, p->pn));
    cpns_set_text(&request, CPNS_PNE_INFO,
                  entity_name(p->agent.entity, entity_self(p->agent.entity)));
    int type = p->was_member ? 1 : pn->type;
    cpns_set_integer(&request, CPNS_ESTABLISHMENT_TYPE, type);
    for (size_t i = 0; type == 3 && i < pn->member_count; i++) {
        cpns_add_text(&request, CPNS_PNE_ID,
                      span_of_str(entity_urn(p->agent.entity, pn->members[i])));
    }
    struct agent_route route = pne_route(p);
    route.flow = p->flow;
    agent_request(&p->agent, &request, &route, 0); /* the world opens the session first: R3 */
}

/* Invited: the gateway looks for this PNE, which then opens its session (types 2 and 3). */
enum disposition pne_on_discovery_request(struct pne *p, const struct cpns_message *m,
                                          const struct received *r)
{
    struct entity *e = p->agent.entity;
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_ENTITY_DISCOVERY_RESPONSE, m, 200);
    cpns_set_text(&answer, CPNS_MODE, "pne");
    struct agent_route route = agent_route(r->from);
    route.pn = p->pn;
    route.exempt = EXEMPT_BEFORE_ESTABLISHMENT;
    agent_send(&p->agent, &answer, &route);
    if (r->from == entity_scenario(e)->nodes[entity_self(e)].twin && r->from != p->gateway) {
        pne_check_gateway(p); /* others look for one, says the gateway on this device */
    } else if (r->from == p->gateway && p->pn != SCENARIO_NONE && pne_may(p, PNE_EV_INVITED)) {
        pne_stop_looking(p); /* it is found */
        pne_move(p, PNE_EV_INVITED, PNE_ESTABLISHING);
        p->invited = true;
        entity_connect(e, p->gateway);
    }
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_connection_request(struct pne *p, const struct cpns_message *m)
{
    uint32_t pn = entity_pn_by_urn(p->agent.entity, cpns_text(m, CPNS_PN_ID));
    bool mine = pn == p->pn && pn != SCENARIO_NONE;
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, mine ? CPNS_PN_CONNECTION_RESPONSE : CPNS_PN_CONNECTION_REJECT,
                 m, mine ? 200 : 403);
    if (mine) {
        cpns_set_integer(&answer, CPNS_CONSENT, 1);
    } else {
        cpns_set_text(&answer, CPNS_REASON, "not a member");
    }
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

/* Flow 3. The answer proves that the subscriber key, or the user key once there is one, is known:
 * HMAC over challenge, PNE and PN [ours]. */
enum disposition pne_on_authentication_request(struct pne *p, const struct cpns_message *m,
                                               entity_id from)
{
    struct entity *e = p->agent.entity;
    /* For the gateway on this device, which takes over: whatever the PNE itself is at. */
    bool for_device = from != p->gateway && from == entity_scenario(e)->nodes[entity_self(e)].twin;
    if (p->pn == SCENARIO_NONE ||
        (!for_device && !pne_move(p, PNE_EV_CHALLENGED, (enum pne_state)p->state))) {
        return agent_refuse(&p->agent, "protocol_error");
    }
    uint8_t key[32];
    uint8_t answer[32];
    struct buf data = {0};
    struct cpns_message response;
    agent_answer(&p->agent, &response, CPNS_AUTHENTICATION_RESPONSE, m, 0);
    pne_authentication_key(p, m, &response, key);
    buf_append(&data, cpns_bytes(m, CPNS_CHALLENGE));
    buf_append_str(&data, entity_urn(e, entity_self(e)));
    buf_append_str(&data, entity_pn_urn(e, p->pn));
    entity_hmac(span_of(key, sizeof(key)), buf_span(&data), answer);
    buf_fini(&data);
    cpns_set_text(&response, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_bytes(&response, CPNS_ANSWER, span_of(answer, sizeof(answer)));
    struct agent_route route = agent_route(from);
    route.pn = p->pn;
    agent_send(&p->agent, &response, &route);
    return MESSAGE_DELIVERED;
}

static void joined(struct pne *p)
{
    pne_move(p, PNE_EV_ADMITTED, PNE_JOINED);
    p->failures = 0;
    p->told = false;
    p->initiates = p->was_member = true;
    agent_move(&p->agent, ENTITY_NONE, p->gateway); /* what waited for a gateway */
    entity_event(p->agent.entity, "pn_joined", entity_scenario(p->agent.entity)->pns[p->pn].id);
    pne_services_joined_pn(p);
    pne_groups_joined_pn(p);
    pne_battery_joined(p);
    if (p->leaving) {
        pne_ask_leave(p);
    } else if (pne_is_visitor(p)) {
        pne_ask_zone_info(p);
    }
}

enum disposition pne_on_authentication_result(struct pne *p, const struct cpns_message *m)
{
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 408) { /* the challenge or its answer got lost */
        pne_set_back(p, PNE_EV_TIMEOUT, "status 408");
    } else if (status != 200) {
        entity_event(p->agent.entity, "authentication_failed", NULL);
        pne_gives_up(p, PNE_EV_REFUSED, "authentication");
    }
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_establishment_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_PN_ESTABLISHMENT_REQUEST);
        return MESSAGE_DELIVERED;
    }
    bool answer = agent_answered(&p->agent, m, CPNS_PN_ESTABLISHMENT_REQUEST, &cookie);
    if (!answer && !p->invited) {
        return MESSAGE_DELIVERED; /* late or repeated; an invited PNE has not asked */
    }
    if (status != 200) {
        char reason[32];
        snprintf(reason, sizeof(reason), "status %d", (int)status);
        if (status == 503 || status == 504) {
            pne_set_back(p, PNE_EV_TIMEOUT, reason);
        } else if (status == 409) {
            pne_gives_up(p, PNE_EV_REFUSED, "elsewhere"); /* its gateway is, and serves others */
        } else {
            pne_gives_up(p, PNE_EV_REFUSED, reason);
        }
    } else if (pne_may(p, PNE_EV_ADMITTED)) {
        joined(p);
    }
    return MESSAGE_DELIVERED;
}

/* Turned away (US9241001). */
enum disposition pne_on_connection_reject(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&p->agent, m, CPNS_PN_ESTABLISHMENT_REQUEST, &cookie)) {
        struct span reason = cpns_text(m, CPNS_REASON);
        char text[300];
        snprintf(text, sizeof(text), "turned away: %.*s", (int)reason.len,
                 (const char *)reason.data);
        pne_gives_up(p, PNE_EV_REFUSED, text);
    }
    return MESSAGE_DELIVERED;
}

/* Whether the gateway was not to be reached, rather than had said no. */
static bool is_absence(const char *reason)
{
    static const char *const words[] = {"gateway silent",  "no answer", "connect_failed",
                                        "connection_lost", "timeout",   "unreachable",
                                        "elsewhere"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(words); i++) {
        if (strcmp(reason, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Who was invited asks for itself from now on: the gateway has gone on without it. */
void pne_asks_itself(struct pne *p)
{
    if (!p->initiates) {
        p->initiates = p->was_member = true;
    }
}

/* Refused for good, unless the gateway was only out of reach: then it is looked for once every
 * keep-alive period. */
void pne_gives_up(struct pne *p, enum pne_event event, const char *reason)
{
    struct entity *e = p->agent.entity;
    if (!pne_may(p, event)) {
        return;
    }
    pne_end_flow(p, event, reason);
    pne_move(p, event, PNE_REFUSED);
    pne_stop_looking(p);
    agent_forget(&p->agent, p->gateway, CPNS_TYPE_COUNT);
    agent_forget(&p->agent, ENTITY_NONE, CPNS_TYPE_COUNT);
    if (!p->told) {
        entity_event(e, "establishment_failed", reason);
    }
    p->told = is_absence(reason);
    p->leaving = p->leaving && p->told;
    if (p->told) {
        pne_asks_itself(p);
    }
    if (p->told && p->initiates && p->retry == 0 && !pne_is_visitor(p)) {
        p->retry = entity_timer_set(e, entity_scenario(e)->timers.keep_alive, PNE_TIMER_START, 0);
    }
}

void pne_on_channel_failed(struct pne *p, const char *reason)
{
    if (p->state == PNE_JOINED && pne_has_choice(p)) {
        pne_comes_back(p, false); /* perhaps through another gateway */
    } else {
        pne_set_back(p, PNE_EV_CHANNEL_FAILED, reason);
    }
}

/* Later each time (cpns-model.md section 3, timers). */
void pne_set_back(struct pne *p, enum pne_event event, const char *reason)
{
    struct entity *e = p->agent.entity;
    const struct scenario_timers *t = &entity_scenario(e)->timers;
    bool invited = p->state == PNE_ESTABLISHING && p->invited;
    pne_stop_looking(p);
    agent_forget(&p->agent, p->gateway, CPNS_TYPE_COUNT);
    pne_groups_interrupted(p);
    p->failures++;
    if (p->pn == SCENARIO_NONE || !pne_may(p, event)) {
        return;
    }
    if (p->failures >= t->request_tries) {
        pne_gives_up(p, event, reason);
        return;
    }
    pne_end_flow(p, event, reason);
    pne_move(p, event, PNE_IDLE);
    if (invited) {
        pne_asks_itself(p);
    }
    if (p->initiates && p->retry == 0) {
        sim_time wait = t->request;
        for (uint32_t i = 1; i < p->failures; i++) {
            wait = (sim_time)((double)wait * t->request_backoff);
        }
        p->retry = entity_timer_set(e, wait, PNE_TIMER_START, 0);
    }
}

/* --- release
 * -------------------------------------------------------------------------------------------- */

void pne_ask_release(struct pne *p)
{
    struct cpns_message m;
    struct entity *e = p->agent.entity;
    agent_begin(&p->agent, &m, CPNS_PN_RELEASE_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(p->agent.entity, p->pn));
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, 0, "pn-release", entity_scenario(e)->pns[p->pn].id);
}

/* The PN is no more, by notification or by the answer to our own request; the session is closed in
 * order. */
enum disposition pne_on_release(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    /* 404: a repeated request, the PN is deleted already. */
    if (m->type == CPNS_PN_RELEASE_RESPONSE &&
        (!agent_answered(&p->agent, m, CPNS_PN_RELEASE_REQUEST, &cookie) ||
         (status != 200 && status != 404))) {
        return MESSAGE_DELIVERED;
    }
    pne_leaves(p);
    return MESSAGE_DELIVERED;
}

void pne_leaves(struct pne *p)
{
    if (!pne_may(p, PNE_EV_RELEASED)) {
        return;
    }
    pne_move(p, PNE_EV_RELEASED, PNE_IDLE);
    p->initiates = p->broken = p->leaving = false;
    pne_switch_stop(p, "pn_left");
    agent_forget(&p->agent, p->gateway, CPNS_TYPE_COUNT);
    entity_event(p->agent.entity, "pn_left", entity_scenario(p->agent.entity)->pns[p->pn].id);
    entity_disconnect(p->agent.entity, p->gateway, "pn_released");
}

void pne_not_here(struct pne *p, int64_t status)
{
    if (status == 403 && p->leaving) {
        pne_is_out(p);
    } else if (status == 410) {
        pne_leaves(p);
    } else if (status == 403) {
        pne_comes_back(p, true);
    }
}

void pne_comes_back(struct pne *p, bool reachable)
{
    if (!pne_may(p, PNE_EV_LINK_LOST)) {
        return; /* on its way already */
    }
    pne_switch_stop(p, "gateway lost");
    pne_change_over(p, 503);
    pne_park(p);
    p->broken = false;
    pne_move(p, PNE_EV_LINK_LOST, PNE_IDLE);
    pne_asks_itself(p);
    if (reachable || !pne_is_visitor(p)) { /* a visitor that left waits to hear of the zone */
        pne_begin(p);
    }
}
