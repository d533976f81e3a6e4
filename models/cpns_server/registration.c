/* Authentication of PNEs, the PN inventory and release (cpns-model.md flows 2, 3, 10). A PN is
 * stored with authenticated members only, all of a request or none. */
#include <stdio.h>
#include <stdlib.h>

#include "models/cpns_server/server.h"

/* --- authentication (US9071590)
 * -------------------------------------------------------------------------- */

struct subscriber *server_remember(struct server *s, entity_id pne)
{
    struct subscriber *sub = server_subscriber(s, pne);
    if (sub == NULL) {
        sub = mem_alloc(sizeof(*sub));
        sub->pne = pne;
        *MEM_PUSH(s->subscriber_list, s->subscriber_count, s->subscriber_capacity) = sub;
        map_set(&s->subscribers, pne, (uint64_t)(uintptr_t)sub);
    }
    return sub;
}

void server_place(struct server *s, struct subscriber *sub, uint32_t pn)
{
    if (sub->placed && sub->pn == pn) {
        return;
    }
    if (sub->placed) {
        struct inventory_pn *from = &s->pns[sub->pn];
        *(sub->prev != NULL ? &sub->prev->next : &from->first) = sub->next;
        *(sub->next != NULL ? &sub->next->prev : &from->last) = sub->prev;
    }
    struct inventory_pn *to = &s->pns[pn];
    sub->placed = true;
    sub->pn = pn;
    sub->next = NULL;
    sub->prev = to->last;
    *(to->last != NULL ? &to->last->next : &to->first) = sub;
    to->last = sub;
}

enum disposition server_on_connection(struct server *s, const struct cpns_message *m,
                                      entity_id from)
{
    struct entity *e = s->agent.entity;
    const struct scenario *scenario = entity_scenario(e);
    entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0));
    uint32_t pn =
        cpns_has(m, CPNS_PN_ID) ? entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)) : SCENARIO_NONE;
    if (pne == ENTITY_NONE || pn == SCENARIO_NONE || scenario->nodes[pne].role != ROLE_PNE) {
        return agent_refuse(&s->agent, "unknown_id");
    }
    if (s->pns[pn].gateway != from) { /* it was, and is told: server_heard() */
        return agent_refuse(&s->agent, "not_the_gateway");
    }
    struct subscriber *sub = server_remember(s, pne);
    char purpose[300];
    snprintf(purpose, sizeof(purpose), "challenge/%s", entity_name(e, pne));
    agent_forget_cookie(&s->agent, CPNS_AUTHENTICATION_REQUEST, pne);
    sub->registered = sub->registered && !sub->remote; /* it is here now */
    sub->remote = false;
    sub->gateway = from;
    server_place(s, sub, pn);
    sub->challenged = true;
    entity_random(e, purpose, sub->challenge, sizeof(sub->challenge));
    struct cpns_message request;
    agent_begin(&s->agent, &request, CPNS_AUTHENTICATION_REQUEST, entity_urn(e, pne));
    cpns_set_text(&request, CPNS_PN_ID, entity_pn_urn(e, pn));
    cpns_set_bytes(&request, CPNS_CHALLENGE, span_of(sub->challenge, sizeof(sub->challenge)));
    server_name_user_key(s, pne, &request);
    struct agent_route route = server_route(s, pne);
    agent_request(&s->agent, &request, &route, pne);
    return MESSAGE_DELIVERED;
}

static void send_result(struct server *s, struct subscriber *sub, int64_t transaction, int status)
{
    struct entity *e = s->agent.entity;
    struct cpns_message result;
    agent_begin(&s->agent, &result, CPNS_AUTHENTICATION_RESULT, entity_urn(e, sub->pne));
    if (transaction != 0) {
        cpns_set_integer(&result, CPNS_TRANSACTION_ID, transaction);
    }
    cpns_set_integer(&result, CPNS_STATUS, status);
    cpns_set_text(&result, CPNS_PN_ID, entity_pn_urn(e, sub->pn));
    struct agent_route route = server_route(s, sub->pne);
    agent_send(&s->agent, &result, &route);
}

bool server_answer_is_right(struct server *s, const struct cpns_message *m, entity_id pne,
                            uint32_t pn, struct span challenge)
{
    struct entity *e = s->agent.entity;
    uint8_t key[32] = {0};
    uint8_t wanted[32];
    struct buf data = {0};
    bool same = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID) == pne;
    same = server_authentication_key(s, pne, m, key) && same;
    buf_append(&data, challenge);
    buf_append_str(&data, entity_urn(e, pne));
    buf_append_str(&data, entity_pn_urn(e, pn));
    entity_hmac(span_of(key, sizeof(key)), buf_span(&data), wanted);
    buf_fini(&data);
    same = entity_equal(cpns_bytes(m, CPNS_ANSWER), span_of(wanted, sizeof(wanted))) && same;
    if (same) {
        server_user_key_used(s, pne, m);
    }
    return same;
}

enum disposition server_on_answer(struct server *s, const struct cpns_message *m, entity_id from)
{
    struct entity *e = s->agent.entity;
    uint64_t pne;
    if (!agent_answered(&s->agent, m, CPNS_AUTHENTICATION_REQUEST, &pne)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    if (server_switch_answer(s, m, pne, from)) {
        return MESSAGE_DELIVERED;
    }
    struct subscriber *sub = server_subscriber(s, (entity_id)pne);
    CHECK(sub != NULL);
    sub->challenged = false;
    sub->authenticated =
        from == sub->gateway &&
        server_answer_is_right(s, m, sub->pne, sub->pn, span_of(sub->challenge, CHALLENGE_BYTES));
    sub->taken_out = sub->taken_out && !sub->authenticated;
    if (!sub->authenticated) {
        sub->registered = false;
        entity_event(e, "authentication_failed", entity_name(e, sub->pne));
    }
    send_result(s, sub, cpns_integer(m, CPNS_TRANSACTION_ID), sub->authenticated ? 200 : 401);
    return MESSAGE_DELIVERED;
}

void server_challenge_unanswered(struct server *s, entity_id pne)
{
    struct subscriber *sub = server_subscriber(s, pne);
    CHECK(sub != NULL);
    sub->challenged = sub->authenticated = false;
    send_result(s, sub, 0, 408);
}

/* --- PN inventory
 * ------------------------------------------------------------------------------------------ */

static bool is_taken_out(const struct server *s, entity_id pne, uint32_t pn)
{
    const struct subscriber *sub = pne != ENTITY_NONE ? server_subscriber(s, pne) : NULL;
    return sub != NULL && sub->taken_out && sub->pn == pn;
}

/* 200 when every listed PNE authenticated itself for this PN through this gateway. Who was taken
 * out while the registration was on its way is passed over. */
static int check_members(const struct server *s, const struct cpns_message *m, uint32_t pn,
                         entity_id from)
{
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    if (pn == SCENARIO_NONE || s->pns[pn].gateway != from) {
        return 404;
    }
    size_t good = 0;
    for (size_t i = 0; i < list->list_count; i++) {
        entity_id pne = entity_by_urn(s->agent.entity, list->list[i]);
        const struct subscriber *sub = pne != ENTITY_NONE ? server_subscriber(s, pne) : NULL;
        if (is_taken_out(s, pne, pn)) {
            continue;
        }
        good++;
        if (sub == NULL || !sub->authenticated || sub->pn != pn || sub->gateway != from) {
            return 401;
        }
    }
    return good > 0 ? 200 : list->list_count > 0 ? 404 : 400;
}

/* Who is registered, where that is not everybody who was listed. */
static void list_taken(const struct server *s, const struct cpns_message *m, uint32_t pn,
                       struct cpns_message *answer)
{
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    bool all = true;
    for (size_t i = 0; i < list->list_count; i++) {
        all = all && !is_taken_out(s, entity_by_urn(s->agent.entity, list->list[i]), pn);
    }
    for (size_t i = 0; !all && i < list->list_count; i++) {
        if (!is_taken_out(s, entity_by_urn(s->agent.entity, list->list[i]), pn)) {
            cpns_add_text(answer, CPNS_MEMBER_ID, list->list[i]);
        }
    }
}

/* What those can do of whom that is not known yet. */
static void ask_members(struct server *s, const struct cpns_message *m)
{
    for (size_t i = 0; i < cpns_value(m, CPNS_MEMBER_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(s->agent.entity, cpns_item(m, CPNS_MEMBER_ID, i));
        if (capability_find(&s->devices, pne) == NULL) {
            server_ask_capabilities(s, pne);
        }
    }
}

/* The inventory becomes what the registration says, unless a newer one came before it: a gateway's
 * TransactionIDs grow. */
static void take_registration(struct server *s, const struct cpns_message *m, uint32_t pn,
                              entity_id from)
{
    struct entity *e = s->agent.entity;
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    struct inventory_pn *stored = &s->pns[pn];
    sim_time lease = entity_scenario(e)->timers.pn_lease;
    int64_t number = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (stored->gateway == from && number < stored->latest) {
        return;
    }
    bool fresh = !stored->stored;
    stored->stored = true;
    stored->home = entity_self(e);
    stored->gateway = from;
    if (fresh) {
        entity_event(e, "pn_stored", entity_scenario(e)->pns[pn].id);
        server_take_admin(s, m, pn);
    }
    stored->latest = number;
    stored->lease_end = entity_now(e) + lease;
    entity_timer_set(e, lease, SERVER_TIMER_LEASE, pn);
    for (size_t i = 0; i < list->list_count; i++) {
        struct subscriber *sub = server_subscriber(s, entity_by_urn(e, list->list[i]));
        sub->registered = !is_taken_out(s, sub->pne, pn);
    }
    server_drop_unlisted(s, m, pn, from);
    mesh_pn_changed(s, pn);
}

enum disposition server_on_registration(struct server *s, const struct cpns_message *m,
                                        entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    int status = check_members(s, m, pn, from);
    if (status == 200) {
        take_registration(s, m, pn, from);
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_REGISTRATION_RESPONSE, m, status);
    if (status == 200) {
        list_taken(s, m, pn, &answer);
        if (s->pns[pn].admin != ENTITY_NONE) {
            cpns_set_text(&answer, CPNS_ADMIN_ID, entity_urn(e, s->pns[pn].admin));
        }
    }
    server_answer(s, &answer, from);
    if (status == 200 && entity_scenario(e)->pns[pn].asks_capabilities) {
        ask_members(s, m);
    }
    return MESSAGE_DELIVERED;
}

void server_delete_pn(struct server *s, uint32_t pn)
{
    s->pns[pn].stored = false;
    s->pns[pn].admin = ENTITY_NONE;
    entity_event(s->agent.entity, "pn_deleted", entity_scenario(s->agent.entity)->pns[pn].id);
    mesh_pn_changed(s, pn);
}

static void delete_pn(struct server *s, uint32_t pn)
{
    s->pns[pn].stored = false;
    s->pns[pn].admin = ENTITY_NONE;
    for (struct subscriber *sub = s->pns[pn].first; sub != NULL; sub = sub->next) {
        sub->authenticated = sub->registered = false;
    }
    mesh_pn_changed(s, pn);
}

enum disposition server_on_release(struct server *s, const struct cpns_message *m, entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    int status = 404;
    if (pn != SCENARIO_NONE && s->pns[pn].stored) {
        status = server_may_edit(s, pn, origin, from) ? 200 : 403;
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_PN_RELEASE_RESPONSE, m, status);
    server_answer(s, &answer, from);
    if (status == 200) {
        delete_pn(s, pn);
        entity_event(e, "pn_deleted", entity_scenario(e)->pns[pn].id);
    }
    return MESSAGE_DELIVERED;
}

void server_on_lease(struct server *s, uint32_t pn)
{
    struct entity *e = s->agent.entity;
    if (s->pns[pn].stored && entity_now(e) >= s->pns[pn].lease_end) {
        delete_pn(s, pn);
        entity_event(e, "pn_lease_ended", entity_scenario(e)->pns[pn].id);
    }
}
