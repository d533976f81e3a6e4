#include "models/cpns/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/base64.h"

enum { HOP_LIMIT = 8 };

struct agent_request {
    int64_t transaction;
    enum cpns_type type;
    struct agent_route route;
    uint64_t cookie;
    struct buf payload;
    struct message_info info;
    uint32_t tries;
    sim_time wait;
    uint64_t timer;
    uint64_t flow; /* that ends with it, or 0 */
    struct agent_request *next, *prev;
    /* The requests of one key of an index, in order of making; circular. */
    struct {
        struct agent_request *next, *prev;
    } same[AGENT_INDEXES];
};

/* --- indexes: a gateway or server may have ten thousand requests under way */

static uint64_t cookie_key(enum cpns_type type, uint64_t cookie)
{
    return cookie * CPNS_TYPE_COUNT + type;
}

static uint64_t key_of(const struct agent_request *r, size_t index)
{
    return index == AGENT_BY_PEER ? r->route.peer : cookie_key(r->type, r->cookie);
}

static struct agent_request *first_of(const struct agent *a, size_t index, uint64_t key)
{
    uint64_t found;
    return map_get(&a->index[index], key, &found) ? (struct agent_request *)(uintptr_t)found : NULL;
}

/* The one after `r` with the same key, or NULL. */
static struct agent_request *next_of(const struct agent *a, size_t index, struct agent_request *r)
{
    struct agent_request *next = r->same[index].next;
    return next != first_of(a, index, key_of(r, index)) ? next : NULL;
}

static void index_add(struct agent *a, struct agent_request *r)
{
    for (size_t i = 0; i < AGENT_INDEXES; i++) {
        struct agent_request *first = first_of(a, i, key_of(r, i));
        if (first == NULL) {
            r->same[i].next = r->same[i].prev = r;
            map_set(&a->index[i], key_of(r, i), (uint64_t)(uintptr_t)r);
        } else {
            r->same[i].next = first;
            r->same[i].prev = first->same[i].prev;
            first->same[i].prev->same[i].next = r;
            first->same[i].prev = r;
        }
    }
}

static void index_remove(struct agent *a, struct agent_request *r)
{
    for (size_t i = 0; i < AGENT_INDEXES; i++) {
        r->same[i].prev->same[i].next = r->same[i].next;
        r->same[i].next->same[i].prev = r->same[i].prev;
        if (r->same[i].next == r) {
            map_remove(&a->index[i], key_of(r, i));
        } else if (first_of(a, i, key_of(r, i)) == r) {
            map_set(&a->index[i], key_of(r, i), (uint64_t)(uintptr_t)r->same[i].next);
        }
    }
}

void agent_init(struct agent *a, struct entity *e)
{
    const struct scenario *s = entity_scenario(e);
    a->entity = e;
    a->encoding = strcmp(s->nodes[entity_self(e)].encoding, "cbor") == 0 ? CPNS_CBOR : CPNS_XML;
}

static void request_free(struct agent *a, struct agent_request *r)
{
    entity_flow_end(a->entity, r->flow, FLOW_FAILED, "given up"); /* unless it was answered */
    entity_timer_cancel(a->entity, r->timer);
    map_remove(&a->requests, (uint64_t)r->transaction);
    index_remove(a, r);
    if (r->prev != NULL) {
        r->prev->next = r->next;
    } else {
        a->first = r->next;
    }
    if (r->next != NULL) {
        r->next->prev = r->prev;
    } else {
        a->last = r->prev;
    }
    buf_fini(&r->payload);
    free(r);
}

void agent_fini(struct agent *a)
{
    while (a->first != NULL) {
        struct agent_request *next = a->first->next;
        buf_fini(&a->first->payload);
        free(a->first);
        a->first = next;
    }
    map_fini(&a->requests);
    for (size_t i = 0; i < AGENT_INDEXES; i++) {
        map_fini(&a->index[i]);
    }
}

struct agent_route agent_route(entity_id peer)
{
    return (struct agent_route){
        .peer = peer, .exempt = EXEMPT_NOT, .pn = SCENARIO_NONE, .group = SCENARIO_NONE};
}

/* --- envelopes
 * ---------------------------------------------------------------------------------------- */

static void envelope(struct agent *a, struct cpns_message *m, enum cpns_type type,
                     int64_t transaction)
{
    cpns_message_init(m, type);
    cpns_set_integer(m, CPNS_TRANSACTION_ID, transaction);
    cpns_set_text(m, CPNS_ORIGIN_ENTITY_ID, entity_urn(a->entity, entity_self(a->entity)));
    cpns_set_integer(m, CPNS_TIMESTAMP, entity_now(a->entity) / SIM_US);
    cpns_set_integer(m, CPNS_HOP_LIMIT, HOP_LIMIT);
}

void agent_begin(struct agent *a, struct cpns_message *m, enum cpns_type type,
                 const char *target_urn)
{
    envelope(a, m, type, ++a->next_transaction);
    if (target_urn != NULL) {
        cpns_set_text(m, CPNS_TARGET_ID, target_urn);
    }
}

void agent_answer(struct agent *a, struct cpns_message *m, enum cpns_type type,
                  const struct cpns_message *request, int status)
{
    envelope(a, m, type, cpns_integer(request, CPNS_TRANSACTION_ID));
    cpns_set_span(m, CPNS_TARGET_ID, cpns_text(request, CPNS_ORIGIN_ENTITY_ID));
    if (cpns_has(request, CPNS_PN_ID)) {
        cpns_set_span(m, CPNS_PN_ID, cpns_text(request, CPNS_PN_ID));
    }
    if (cpns_has(request, CPNS_SG_ID)) {
        cpns_set_span(m, CPNS_SG_ID, cpns_text(request, CPNS_SG_ID));
    }
    if (status != 0) {
        cpns_set_integer(m, CPNS_STATUS, status);
    }
}

/* What the record shall call the target: an entity, a Service Group or a personal network. */
static const char *target_name(const struct agent *a, const struct cpns_message *m)
{
    const struct scenario *s = entity_scenario(a->entity);
    struct span urn = cpns_text(m, CPNS_TARGET_ID);
    if (!cpns_has(m, CPNS_TARGET_ID)) {
        return NULL;
    }
    entity_id id = entity_by_urn(a->entity, urn);
    if (id != ENTITY_NONE) {
        return entity_name(a->entity, id);
    }
    uint32_t group = entity_group_by_urn(a->entity, urn);
    if (group != SCENARIO_NONE) {
        return s->groups[group].id;
    }
    uint32_t pn = entity_pn_by_urn(a->entity, urn);
    return pn != SCENARIO_NONE ? s->pns[pn].id : NULL;
}

static void describe(const struct agent *a, const struct cpns_message *m,
                     const struct agent_route *route, struct message_info *info)
{
    const struct scenario *s = entity_scenario(a->entity);
    const char *target = target_name(a, m);
    *info = (struct message_info){
        .type = cpns_type_info(m->type)->name,
        .origin = entity_name(a->entity, entity_self(a->entity)),
        .target = target != NULL ? target : entity_name(a->entity, route->peer),
        .pn = route->pn != SCENARIO_NONE ? s->pns[route->pn].id : NULL,
        .service_group = route->group != SCENARIO_NONE ? s->groups[route->group].id : NULL,
        .transaction = (uint64_t)cpns_integer(m, CPNS_TRANSACTION_ID),
        .copy_of = route->copy_of,
        .status = (int)cpns_integer(m, CPNS_STATUS),
        .flow = route->flow,
    };
}

static void encode(const struct agent *a, const struct cpns_message *m, struct buf *out)
{
    const char *why = NULL;
    int r = cpns_encode(m, a->encoding, out, &why);
    if (r < 0) {
        sim_check_failed(cpns_type_info(m->type)->name, 0, why);
    }
}

uint64_t agent_send(struct agent *a, struct cpns_message *m, const struct agent_route *route)
{
    struct buf out = {0};
    struct buf secret = {0};
    struct message_info info;
    encode(a, m, &out);
    describe(a, m, route, &info);
    if (route->secret.len > 0) { /* in both forms that it could be seen in */
        buf_append(&secret, route->secret);
        base64_append(&secret, route->secret);
        info.secret = buf_span(&secret);
    }
    uint64_t id = entity_send(a->entity, route->peer, route->exempt, (uint8_t)a->encoding,
                              buf_span(&out), &info);
    buf_fini(&out);
    buf_fini(&secret);
    cpns_message_fini(m);
    return id;
}

/* --- requests
 * ----------------------------------------------------------------------------------------- */

static int64_t request(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                       uint64_t cookie, uint64_t flow)
{
    const struct scenario_timers *t = &entity_scenario(a->entity)->timers;
    struct agent_request *r = mem_alloc(sizeof(*r));
    r->transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    r->type = m->type;
    r->route = *route;
    r->cookie = cookie;
    r->tries = 1;
    r->wait = t->request;
    encode(a, m, &r->payload);
    describe(a, m, route, &r->info);
    r->flow = flow;
    if (r->info.flow == 0) { /* repeated later, for the same flow */
        r->info.flow = entity_flow(a->entity);
    }
    r->prev = a->last;
    if (a->last != NULL) {
        a->last->next = r;
    } else {
        a->first = r;
    }
    a->last = r;
    index_add(a, r);
    int64_t transaction = r->transaction;
    map_set(&a->requests, (uint64_t)transaction, (uint64_t)(uintptr_t)r);
    r->timer = entity_timer_set(a->entity, r->wait, AGENT_TIMER_REQUEST, (uint64_t)transaction);
    entity_send(a->entity, route->peer, route->exempt, (uint8_t)a->encoding, buf_span(&r->payload),
                &r->info);
    cpns_message_fini(m);
    return transaction;
}

int64_t agent_request(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                      uint64_t cookie)
{
    return request(a, m, route, cookie, 0);
}

int64_t agent_request_flow(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                           uint64_t cookie, const char *kind, const char *subject)
{
    struct agent_route within = *route;
    within.flow = entity_flow_begin(a->entity, kind, subject);
    return request(a, m, &within, cookie, within.flow);
}

void agent_flow_answered(struct agent *a, uint64_t flow, int64_t status)
{
    if (status == 0 || status == 200) {
        entity_flow_end(a->entity, flow, FLOW_DONE, NULL);
        return;
    }
    char reason[32];
    snprintf(reason, sizeof(reason), "status %d", (int)status);
    entity_flow_end(a->entity, flow,
                    status == 408 || status == 504 ? FLOW_TIMEOUT
                    : status == 503                ? FLOW_FAILED
                                                   : FLOW_REFUSED,
                    reason);
}

static struct agent_request *find(const struct agent *a, int64_t transaction)
{
    uint64_t found;
    return map_get(&a->requests, (uint64_t)transaction, &found)
               ? (struct agent_request *)(uintptr_t)found
               : NULL;
}

bool agent_answered(struct agent *a, const struct cpns_message *answer, enum cpns_type request_type,
                    uint64_t *cookie)
{
    struct agent_request *r = find(a, cpns_integer(answer, CPNS_TRANSACTION_ID));
    if (r == NULL || r->type != request_type) {
        return false;
    }
    *cookie = r->cookie;
    if (r->flow != 0) {
        agent_flow_answered(a, r->flow, cpns_integer(answer, CPNS_STATUS));
    }
    request_free(a, r);
    return true;
}

bool agent_in_progress(struct agent *a, const struct cpns_message *answer,
                       enum cpns_type request_type)
{
    struct agent_request *r = find(a, cpns_integer(answer, CPNS_TRANSACTION_ID));
    if (r == NULL || r->type != request_type) {
        return false;
    }
    r->tries = 1; /* the wait stays as long as it has become */
    return true;
}

sim_time agent_patience(const struct agent *a)
{
    const struct scenario_timers *t = &entity_scenario(a->entity)->timers;
    sim_time all = 0;
    sim_time wait = t->request;
    for (uint32_t i = 0; i < t->request_tries; i++) {
        all += wait;
        wait = (sim_time)((double)wait * t->request_backoff);
    }
    return 2 * all;
}

void agent_forget(struct agent *a, entity_id peer, enum cpns_type type)
{
    struct agent_request *r = first_of(a, AGENT_BY_PEER, peer);
    while (r != NULL) {
        struct agent_request *next = next_of(a, AGENT_BY_PEER, r);
        if (type == CPNS_TYPE_COUNT || r->type == type) {
            request_free(a, r);
        }
        r = next;
    }
}

bool agent_waits(const struct agent *a, enum cpns_type type, uint64_t cookie)
{
    return first_of(a, AGENT_BY_COOKIE, cookie_key(type, cookie)) != NULL;
}

bool agent_waits_for(const struct agent *a, entity_id peer)
{
    return first_of(a, AGENT_BY_PEER, peer) != NULL;
}

void agent_forget_cookie(struct agent *a, enum cpns_type type, uint64_t cookie)
{
    struct agent_request *r;
    while ((r = first_of(a, AGENT_BY_COOKIE, cookie_key(type, cookie))) != NULL) {
        request_free(a, r);
    }
}

bool agent_take(struct agent *a, entity_id peer, enum cpns_type *type, uint64_t *cookie)
{
    struct agent_request *r = first_of(a, AGENT_BY_PEER, peer);
    if (r == NULL) {
        return false;
    }
    *type = r->type;
    *cookie = r->cookie;
    entity_flow_resume(a->entity, r->info.flow);
    request_free(a, r);
    return true;
}

/* Sessions of hops of which one is the client are one's own to open. */
static bool is_client(const struct agent *a, entity_id peer)
{
    entity_id self = entity_self(a->entity);
    const struct scenario_edge *edge = scenario_hop(entity_scenario(a->entity), self, peer);
    return edge != NULL && edge->a == self && edge->policy != SCENARIO_NONE;
}

void agent_channel_up(struct agent *a, entity_id peer)
{
    for (struct agent_request *r = first_of(a, AGENT_BY_PEER, peer); r != NULL;
         r = next_of(a, AGENT_BY_PEER, r)) {
        if (r->route.exempt == EXEMPT_NOT) {
            entity_flow_continue(a->entity, r->info.flow);
            entity_timer_cancel(a->entity, r->timer);
            r->timer =
                entity_timer_set(a->entity, r->wait, AGENT_TIMER_REQUEST, (uint64_t)r->transaction);
        }
    }
}

/* Once more, what is unanswered; the tries are not counted. `suspended`: its flows wait for a
 * session meanwhile. */
static void send_again(struct agent *a, entity_id peer, bool suspended)
{
    for (struct agent_request *r = first_of(a, AGENT_BY_PEER, peer); r != NULL;
         r = next_of(a, AGENT_BY_PEER, r)) {
        if (r->route.exempt == EXEMPT_NOT) {
            if (suspended) {
                entity_flow_suspend(a->entity, r->info.flow);
            }
            entity_send(a->entity, peer, EXEMPT_NOT, (uint8_t)a->encoding, buf_span(&r->payload),
                        &r->info);
        }
    }
}

void agent_client_up(struct agent *a, entity_id peer)
{
    send_again(a, peer, false);
}

void agent_channel_down(struct agent *a, entity_id peer)
{
    if (is_client(a, peer)) {
        send_again(a, peer, true);
    }
}

static void move(struct agent *a, struct agent_request *r, entity_id to)
{
    r->route.peer = to;
    r->tries = 1;
    entity_flow_suspend(a->entity, r->info.flow);
    entity_timer_cancel(a->entity, r->timer);
    r->timer = 0;
    if (to == ENTITY_NONE) {
        return;
    }
    r->timer = entity_timer_set(a->entity, r->wait, AGENT_TIMER_REQUEST, (uint64_t)r->transaction);
    entity_send(a->entity, to, EXEMPT_NOT, (uint8_t)a->encoding, buf_span(&r->payload), &r->info);
    if (entity_connected(a->entity, to)) {
        entity_flow_continue(a->entity, r->info.flow);
    }
}

void agent_park(struct agent *a, entity_id peer)
{
    agent_move(a, peer, ENTITY_NONE);
}

void agent_move(struct agent *a, entity_id from, entity_id to)
{
    size_t count = 0;
    for (struct agent_request *r = first_of(a, AGENT_BY_PEER, from); r != NULL;
         r = next_of(a, AGENT_BY_PEER, r)) {
        count++;
    }
    for (; count > 0; count--) { /* each is taken out in front and put in at the end */
        struct agent_request *r = first_of(a, AGENT_BY_PEER, from);
        index_remove(a, r);
        if (r->route.exempt == EXEMPT_NOT) {
            move(a, r, to);
        }
        index_add(a, r);
    }
}

bool agent_timed_out(struct agent *a, uint64_t arg, enum cpns_type *type, entity_id *peer,
                     uint64_t *cookie)
{
    struct agent_request *r = find(a, (int64_t)arg);
    if (r == NULL) {
        return false;
    }
    const struct scenario_timers *t = &entity_scenario(a->entity)->timers;
    r->timer = 0;
    if (r->route.exempt == EXEMPT_NOT && is_client(a, r->route.peer) &&
        !entity_connected(a->entity, r->route.peer)) {
        /* Still waiting for the session. */
    } else if (r->tries >= t->request_tries) {
        *type = r->type;
        *peer = r->route.peer;
        *cookie = r->cookie;
        entity_flow_resume(a->entity, r->info.flow); /* what is said of it belongs to that */
        entity_flow_end(a->entity, r->flow, FLOW_TIMEOUT, "no answer");
        entity_flow_resume(a->entity, r->info.flow); /* what follows belongs to it */
        request_free(a, r);
        return true;
    } else {
        r->tries++;
        r->wait = (sim_time)((double)r->wait * t->request_backoff);
        entity_flow_resume(a->entity, r->info.flow);
        if (r->flow == 0 && r->info.flow != 0 && r->info.flow != FLOW_NONE &&
            entity_flow(a->entity) == 0) { /* what it was for is over: it goes on for itself */
            r->flow = r->info.flow =
                entity_flow_begin(a->entity, "repeated-request", cpns_type_info(r->type)->name);
        }
        entity_send(a->entity, r->route.peer, r->route.exempt, (uint8_t)a->encoding,
                    buf_span(&r->payload), &r->info);
    }
    r->timer = entity_timer_set(a->entity, r->wait, AGENT_TIMER_REQUEST, arg);
    return false;
}

/* --- relaying
 * ------------------------------------------------------------------------------------------ */

enum exemption agent_group_exemption(const struct agent *a)
{
    switch (entity_scenario(a->entity)->group_protection) {
    case PROTECTION_NONE:
        return EXEMPT_SERVICE_GROUP;
    case PROTECTION_SESSION:
        return EXEMPT_NOT;
    case PROTECTION_GROUP_KEY:
        return EXEMPT_GROUP_KEY;
    }
    return EXEMPT_NOT;
}

enum disposition agent_refuse(struct agent *a, const char *reason)
{
    entity_refuse_reason(a->entity, reason);
    return MESSAGE_REFUSED;
}

enum disposition agent_relay(struct agent *a, struct cpns_message *m, entity_id peer,
                             enum exemption exempt, const struct received *received)
{
    int64_t limit = cpns_integer(m, CPNS_HOP_LIMIT);
    if (limit <= 1) {
        return agent_refuse(a, "hop_limit");
    }
    cpns_set_integer(m, CPNS_HOP_LIMIT, limit - 1);
    struct buf out = {0};
    encode(a, m, &out);
    entity_forward(a->entity, peer, exempt, (uint8_t)a->encoding, buf_span(&out),
                   received->message_id);
    buf_fini(&out);
    return MESSAGE_FORWARDED;
}

void agent_copy(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                const char *target)
{
    int64_t limit = cpns_integer(m, CPNS_HOP_LIMIT);
    entity_id origin = agent_entity(a, m, CPNS_ORIGIN_ENTITY_ID);
    if (limit <= 1 || origin == ENTITY_NONE) {
        return;
    }
    cpns_set_integer(m, CPNS_HOP_LIMIT, limit - 1);
    struct buf out = {0};
    struct message_info info;
    encode(a, m, &out);
    cpns_set_integer(m, CPNS_HOP_LIMIT, limit);
    describe(a, m, route, &info);
    info.origin = entity_name(a->entity, origin);
    info.target = target;
    entity_send(a->entity, route->peer, route->exempt, (uint8_t)a->encoding, buf_span(&out), &info);
    buf_fini(&out);
}

entity_id agent_entity(const struct agent *a, const struct cpns_message *m, enum cpns_field field)
{
    return cpns_has(m, field) ? entity_by_urn(a->entity, cpns_text(m, field)) : ENTITY_NONE;
}

bool agent_is(const struct agent *a, const struct cpns_message *m, enum cpns_field field,
              entity_id id)
{
    return span_equal_str(cpns_text(m, field), entity_urn(a->entity, id));
}

bool agent_is_me(const struct agent *a, const struct cpns_message *m, enum cpns_field field)
{
    return agent_is(a, m, field, entity_self(a->entity));
}
