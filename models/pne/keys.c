/* Key assignment at the PNE (cpns-model.md flow 4, US8887253). The user key replaces the subscriber
 * key in the authentications that follow. Nothing is stored before everything has been checked. */
#include "models/pne/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/pne/pne.h"

static const char *const events[] = {
    [PNE_KEY_EV_INSTALL] = "install",   [PNE_KEY_EV_TRIGGER] = "trigger",
    [PNE_KEY_EV_ASSIGNED] = "assigned", [PNE_KEY_EV_REFUSED] = "refused",
    [PNE_KEY_EV_TIMEOUT] = "timeout",
};
static const char *const event_docs[] = {
    [PNE_KEY_EV_INSTALL] = "the gateway tells it the user",
    [PNE_KEY_EV_TRIGGER] = "the first authentication data",
    [PNE_KEY_EV_ASSIGNED] = "the server sent the key",
    [PNE_KEY_EV_REFUSED] = "the server said no, or something was wrong",
    [PNE_KEY_EV_TIMEOUT] = "nothing came",
};

static const struct fsm_state states[] = {
    [PNE_KEY_NONE] = {.name = "NONE", .doc = "it has the subscriber key only"},
    [PNE_KEY_INSTALLING] = {.name = "INSTALLING", .doc = "it knows whose user it shall have"},
    [PNE_KEY_ASKING] = {.name = "ASKING",
                        .doc = "it has checked the first authentication data and sent the second"},
    [PNE_KEY_ASSIGNED] = {.name = "ASSIGNED",
                          .doc = "it has a user key, which it proves itself with"},
};

#define ON(s, e) .from = PNE_KEY_##s, .event = PNE_KEY_EV_##e
#define TO(x) FSM_BIT(PNE_KEY_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, INSTALL), .to = TO(INSTALLING)},
    {ON(INSTALLING, INSTALL), .to = TO(INSTALLING), .note = "a new one in the middle of it"},
    {ON(INSTALLING, TRIGGER), .to = TO(ASKING)},
    {ON(INSTALLING, REFUSED), .to = TO(NONE) | TO(ASSIGNED),
     .note = "the key before it stays, if there was one"},
    {ON(INSTALLING, TIMEOUT), .to = TO(NONE) | TO(ASSIGNED), .note = "likewise"},
    {ON(ASKING, INSTALL), .to = TO(INSTALLING), .note = "a new one in the middle of it"},
    {ON(ASKING, TRIGGER), .to = TO(ASKING), .note = "again"},
    {ON(ASKING, ASSIGNED), .to = TO(ASSIGNED)},
    {ON(ASKING, REFUSED), .to = TO(NONE) | TO(ASSIGNED), .note = "likewise"},
    {ON(ASKING, TIMEOUT), .to = TO(NONE) | TO(ASSIGNED), .note = "likewise"},
    {ON(ASSIGNED, INSTALL), .to = TO(INSTALLING), .note = "a new key"},
};

const struct fsm_table pne_key_table = {.name = "pne_key",
                                        .doc = "The user key of a PNE (cpns-model.md flow 4)",
                                        .states = states,
                                        .state_count = SIM_ARRAY_LEN(states),
                                        .events = events,
                                        .event_count = SIM_ARRAY_LEN(events),
                                        .event_docs = event_docs,
                                        .arcs = arcs,
                                        .arc_count = SIM_ARRAY_LEN(arcs)};

static struct pne_keys *keys_of(struct pne *p)
{
    if (p->keys == NULL) {
        p->keys = mem_calloc(1, sizeof(*p->keys));
    }
    return p->keys;
}

void pne_keys_free(struct pne *p)
{
    if (p->keys != NULL) {
        buf_fini(&p->keys->user);
        buf_fini(&p->keys->info);
        free(p->keys);
    }
}

static bool move(struct pne *p, enum pne_key_event event, enum pne_key_state to)
{
    return entity_transition(p->agent.entity, &pne_key_table, "", &p->keys->state, event, to) == 0;
}

static enum pne_key_state resting(const struct pne_keys *k)
{
    return k->epoch != 0 ? PNE_KEY_ASSIGNED : PNE_KEY_NONE;
}

static void set_guard(struct pne *p)
{
    entity_timer_cancel(p->agent.entity, p->keys->guard);
    p->keys->guard = entity_timer_set(p->agent.entity, agent_patience(&p->agent), PNE_TIMER_KEY, 0);
}

static void clear_guard(struct pne *p)
{
    entity_timer_cancel(p->agent.entity, p->keys->guard);
    p->keys->guard = 0;
}

static void fail(struct pne *p, enum pne_key_event event, const char *why)
{
    clear_guard(p);
    agent_forget_cookie(&p->agent, CPNS_KEY_ASSIGNMENT_REQUEST, 0);
    if (move(p, event, resting(p->keys))) {
        entity_event(p->agent.entity, "key_assignment_failed", why);
    }
}

static struct key_parties parties_of(const struct pne *p)
{
    struct entity *e = p->agent.entity;
    return (struct key_parties){.pne = entity_urn(e, entity_self(e)),
                                .gateway = entity_urn(e, p->gateway),
                                .user = buf_span(&p->keys->user),
                                .info = buf_span(&p->keys->info)};
}

static void answer(struct pne *p, const struct cpns_message *m, int status)
{
    struct cpns_message response;
    agent_answer(&p->agent, &response, CPNS_INSTALLATION_RESPONSE, m, status);
    cpns_set_span(&response, CPNS_USER_ID, cpns_text(m, CPNS_USER_ID));
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &response, &route);
}

/* Repeated in the middle of the assignment it began, it changes nothing. */
static bool is_repeated(const struct pne_keys *k, const struct cpns_message *m)
{
    return k->state == PNE_KEY_ASKING &&
           span_equal(buf_span(&k->user), cpns_text(m, CPNS_USER_ID)) &&
           span_equal(buf_span(&k->info), cpns_text(m, CPNS_USER_INFO));
}

enum disposition pne_on_installation(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    const char *user = entity_scenario(e)->nodes[entity_self(e)].user;
    struct pne_keys *k = keys_of(p);
    int status = p->state != PNE_JOINED                              ? 409
                 : !span_equal_str(cpns_text(m, CPNS_USER_ID), user) ? 403
                                                                     : 200;
    if (status == 200 && !is_repeated(k, m)) {
        agent_forget_cookie(&p->agent, CPNS_KEY_ASSIGNMENT_REQUEST, 0);
        move(p, PNE_KEY_EV_INSTALL, PNE_KEY_INSTALLING);
        set_guard(p);
        buf_clear(&k->user);
        buf_clear(&k->info);
        buf_append(&k->user, cpns_text(m, CPNS_USER_ID));
        buf_append(&k->info, cpns_text(m, CPNS_USER_INFO));
    }
    answer(p, m, status);
    return MESSAGE_DELIVERED;
}

static void ask(struct pne *p)
{
    struct entity *e = p->agent.entity;
    struct pne_keys *k = p->keys;
    uint8_t subscriber[KEY_BYTES], data[KEY_BYTES];
    const struct key_parties parties = parties_of(p);
    entity_random(e, "key-assignment", k->pne_nonce, sizeof(k->pne_nonce));
    entity_subscriber_key(e, entity_self(e), subscriber);
    key_second_data(subscriber, &parties, k->server_nonce, k->pne_nonce, data);
    struct cpns_message request;
    agent_begin(&p->agent, &request, CPNS_KEY_ASSIGNMENT_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&request, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_span(&request, CPNS_USER_ID, parties.user);
    cpns_set_bytes(&request, CPNS_CHALLENGE, span_of(k->pne_nonce, sizeof(k->pne_nonce)));
    cpns_set_bytes(&request, CPNS_AUTHENTICATION_DATA, span_of(data, sizeof(data)));
    struct agent_route route = pne_route(p);
    agent_request(&p->agent, &request, &route, 0);
}

/* Only who knows the subscriber key, and means this user, can have made the first authentication
 * data. */
static bool first_data_is_right(struct pne *p, const struct cpns_message *m)
{
    uint8_t subscriber[KEY_BYTES], wanted[KEY_BYTES];
    const struct key_parties parties = parties_of(p);
    struct span nonce = cpns_bytes(m, CPNS_CHALLENGE);
    if (nonce.len != KEY_NONCE_BYTES || !span_equal(parties.user, cpns_text(m, CPNS_USER_ID))) {
        return false;
    }
    entity_subscriber_key(p->agent.entity, entity_self(p->agent.entity), subscriber);
    key_first_data(subscriber, &parties, nonce.data, wanted);
    return entity_equal(cpns_bytes(m, CPNS_AUTHENTICATION_DATA), span_of(wanted, sizeof(wanted)));
}

enum disposition pne_on_installation_trigger(struct pne *p, const struct cpns_message *m)
{
    struct pne_keys *k = keys_of(p);
    bool same =
        span_equal(cpns_bytes(m, CPNS_CHALLENGE), span_of(k->server_nonce, KEY_NONCE_BYTES));
    if (same && (k->state == PNE_KEY_ASKING || k->state == PNE_KEY_ASSIGNED)) {
        answer(p, m, 200); /* repeated */
        return MESSAGE_DELIVERED;
    }
    if (k->state != PNE_KEY_INSTALLING && k->state != PNE_KEY_ASKING) {
        answer(p, m, 409);
        return MESSAGE_DELIVERED;
    }
    if (!first_data_is_right(p, m)) {
        answer(p, m, 401);
        fail(p, PNE_KEY_EV_REFUSED, "first authentication data");
        return MESSAGE_DELIVERED;
    }
    agent_forget_cookie(&p->agent, CPNS_KEY_ASSIGNMENT_REQUEST, 0);
    memcpy(k->server_nonce, cpns_bytes(m, CPNS_CHALLENGE).data, KEY_NONCE_BYTES);
    move(p, PNE_KEY_EV_TRIGGER, PNE_KEY_ASKING);
    set_guard(p);
    answer(p, m, 200);
    ask(p);
    return MESSAGE_DELIVERED;
}

/* The user key out of its seal; false when it was not sealed for this PNE, user and epoch. */
static bool unwrap(struct pne *p, const struct cpns_message *m, uint8_t out[KEY_BYTES])
{
    struct pne_keys *k = p->keys;
    uint8_t subscriber[KEY_BYTES], wrap[KEY_BYTES];
    const struct key_parties parties = parties_of(p);
    struct buf aad = {0}, plain = {0};
    entity_subscriber_key(p->agent.entity, entity_self(p->agent.entity), subscriber);
    key_wrap(subscriber, &parties, k->server_nonce, k->pne_nonce, wrap);
    key_wrap_data(&aad, &parties, cpns_integer(m, CPNS_KEY_EPOCH));
    bool good = entity_open(wrap, buf_span(&aad), cpns_bytes(m, CPNS_SEALED_KEY), &plain) == 0 &&
                buf_len(&plain) == KEY_BYTES;
    if (good) {
        memcpy(out, buf_span(&plain).data, KEY_BYTES);
    }
    buf_fini(&aad);
    buf_fini(&plain);
    return good;
}

enum disposition pne_on_key_assignment_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    uint8_t key[KEY_BYTES];
    if (!agent_answered(&p->agent, m, CPNS_KEY_ASSIGNMENT_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    struct pne_keys *k = p->keys;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status != 200) {
        char why[32];
        snprintf(why, sizeof(why), "status %d", (int)status);
        fail(p, PNE_KEY_EV_REFUSED, why);
    } else if (!unwrap(p, m, key)) {
        fail(p, PNE_KEY_EV_REFUSED, "sealed key");
    } else if (move(p, PNE_KEY_EV_ASSIGNED, PNE_KEY_ASSIGNED)) {
        clear_guard(p);
        k->epoch = cpns_integer(m, CPNS_KEY_EPOCH);
        memcpy(k->user_key, key, sizeof(k->user_key));
        entity_event(p->agent.entity, "user_key_assigned",
                     entity_scenario(p->agent.entity)->nodes[entity_self(p->agent.entity)].user);
    }
    return MESSAGE_DELIVERED;
}

void pne_key_assignment_gave_up(struct pne *p)
{
    fail(p, PNE_KEY_EV_TIMEOUT, "no answer");
}

void pne_key_assignment_timer(struct pne *p)
{
    p->keys->guard = 0;
    fail(p, PNE_KEY_EV_TIMEOUT, "not completed");
}

/* A server that knows of a user key names it; one that does not is answered with the subscriber
 * key. */
void pne_authentication_key(struct pne *p, const struct cpns_message *request,
                            struct cpns_message *answer, uint8_t key[KEY_BYTES])
{
    const struct pne_keys *k = p->keys;
    if (k != NULL && k->epoch != 0 && cpns_has(request, CPNS_KEY_EPOCH)) {
        memcpy(key, k->user_key, KEY_BYTES);
        cpns_set_integer(answer, CPNS_KEY_EPOCH, k->epoch);
        return;
    }
    entity_subscriber_key(p->agent.entity, entity_self(p->agent.entity), key);
}

/* --- value chain
 * ------------------------------------------------------------------------------------------- */

/* What is sealed under TK_PNE: a value of the chain, then the gateway's challenge. */
static bool open_value(struct pne *p, const struct cpns_message *m, const char *serial,
                       struct buf *plain)
{
    struct entity *e = p->agent.entity;
    uint8_t subscriber[KEY_BYTES], tk[KEY_BYTES];
    struct span nonce = cpns_bytes(m, CPNS_CHALLENGE);
    struct buf aad = {0};
    if (nonce.len != KEY_NONCE_BYTES) {
        return false;
    }
    entity_subscriber_key(e, entity_self(e), subscriber);
    key_of_pne(subscriber, serial, nonce.data, tk);
    key_provisioning_data(&aad, serial, entity_urn(e, entity_self(e)), entity_urn(e, p->gateway),
                          cpns_integer(m, CPNS_SEQUENCE));
    bool good = entity_open(tk, buf_span(&aad), cpns_bytes(m, CPNS_SEALED_VALUE), plain) == 0 &&
                buf_len(plain) == 2 * KEY_BYTES;
    buf_fini(&aad);
    return good;
}

/* The first value of a chain, or one from which the last one follows. */
static bool follows(const struct pne_keys *k, const struct cpns_message *m,
                    const uint8_t value[KEY_BYTES])
{
    int64_t sequence = cpns_integer(m, CPNS_SEQUENCE);
    uint8_t reached[KEY_BYTES];
    bool same_chain = k->sequence != 0 && span_equal(cpns_bytes(m, CPNS_CHALLENGE),
                                                     span_of(k->chain_nonce, KEY_NONCE_BYTES));
    if (sequence < 1 || sequence > KEY_CHAIN_LENGTH) {
        return false;
    }
    if (!same_chain) {
        return sequence == 1;
    }
    memcpy(reached, value, KEY_BYTES);
    key_chain(reached, sequence - k->sequence);
    return sequence >= k->sequence &&
           entity_equal(span_of(reached, KEY_BYTES), span_of(k->value, KEY_BYTES));
}

enum disposition pne_on_provisioning(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    struct pne_keys *k = keys_of(p);
    char serial[KEY_SERIAL_BYTES];
    uint8_t proof[KEY_BYTES];
    struct buf plain = {0};
    key_serial(entity_urn(e, entity_self(e)), serial);
    bool good = open_value(p, m, serial, &plain) && follows(k, m, buf_span(&plain).data);
    struct cpns_message result;
    agent_answer(&p->agent, &result, CPNS_PNE_PROVISIONING_RESULT, m, good ? 200 : 401);
    if (good) {
        struct span value = buf_span(&plain);
        k->sequence = cpns_integer(m, CPNS_SEQUENCE);
        memcpy(k->value, value.data, KEY_BYTES);
        memcpy(k->chain_nonce, cpns_bytes(m, CPNS_CHALLENGE).data, KEY_NONCE_BYTES);
        key_chain_answer(k->value, span_of(value.data + KEY_BYTES, KEY_BYTES),
                         entity_urn(e, entity_self(e)), entity_urn(e, p->gateway), proof);
        cpns_set_bytes(&result, CPNS_ANSWER, span_of(proof, sizeof(proof)));
        cpns_set_integer(&result, CPNS_SEQUENCE, k->sequence);
    } else {
        entity_event(e, "provisioning_refused", NULL);
    }
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &result, &route);
    buf_fini(&plain);
    return MESSAGE_DELIVERED;
}
