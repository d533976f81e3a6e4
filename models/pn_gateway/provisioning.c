/* Value-chain authentication at the gateway, which mediates (cpns-model.md flow 5, US8819415): the
 * chain and TK_PNE come from the server under K_GS; the PNE gets one value at a time, under TK_PNE
 * and with a fresh challenge, and shows that it could read it. The values are used from the far end
 * of the chain, so that each tells the PNE that the next is of the same chain [ours]. */
#include <stdlib.h>
#include <string.h>

#include "models/pn_gateway/gateway.h"

static const char *const events[] = {
    [PROVISIONING_EV_START] = "start",     [PROVISIONING_EV_PROVISIONED] = "provisioned",
    [PROVISIONING_EV_PROVEN] = "proven",   [PROVISIONING_EV_REFUSED] = "refused",
    [PROVISIONING_EV_TIMEOUT] = "timeout",
};
static const char *const event_docs[] = {
    [PROVISIONING_EV_START] = "an authentication is asked for",
    [PROVISIONING_EV_PROVISIONED] = "the server sent chain and TK_PNE",
    [PROVISIONING_EV_PROVEN] = "the PNE answered the challenge",
    [PROVISIONING_EV_REFUSED] = "the server or the PNE said no, or the answer was wrong",
    [PROVISIONING_EV_TIMEOUT] = "one of them did not answer",
};

static const struct fsm_state states[] = {
    [PROVISIONING_NONE] = {.name = "NONE", .doc = "none yet"},
    [PROVISIONING_ASKED] = {.name = "ASKED", .doc = "the server is asked for a chain"},
    [PROVISIONING_CHALLENGED] = {.name = "CHALLENGED", .doc = "the PNE has a value of the chain"},
    [PROVISIONING_AUTHENTIC] = {.name = "AUTHENTIC",
                                .doc = "the PNE has shown that it could read it"},
    [PROVISIONING_FAILED] = {.name = "FAILED", .doc = "the last one failed"},
};

#define ON(s, e) .from = PROVISIONING_##s, .event = PROVISIONING_EV_##e
#define TO(x) FSM_BIT(PROVISIONING_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, START), .to = TO(ASKED) | TO(CHALLENGED)},
    {ON(ASKED, PROVISIONED), .to = TO(CHALLENGED)},
    {ON(ASKED, REFUSED), .to = TO(FAILED)},
    {ON(ASKED, TIMEOUT), .to = TO(FAILED)},
    {ON(CHALLENGED, PROVEN), .to = TO(AUTHENTIC)},
    {ON(CHALLENGED, REFUSED), .to = TO(FAILED)},
    {ON(CHALLENGED, TIMEOUT), .to = TO(FAILED)},
    {ON(AUTHENTIC, START), .to = TO(ASKED) | TO(CHALLENGED),
     .note = "with the next value, or with a new chain when it is used up"},
    {ON(FAILED, START), .to = TO(ASKED) | TO(CHALLENGED)},
};

const struct fsm_table provisioning_table = {
    .name = "provisioning",
    .doc = "The value-chain authentication of a PNE, at its gateway (cpns-model.md flow 5)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

static struct provisioning *find(const struct gateway *g, entity_id pne)
{
    for (size_t i = 0; i < g->provisioning_count; i++) {
        if (g->provisionings[i].pne == pne) {
            return &g->provisionings[i];
        }
    }
    return NULL;
}

static bool move(struct gateway *g, struct provisioning *v, enum provisioning_event event,
                 enum provisioning_state to)
{
    struct entity *e = g->agent.entity;
    return entity_transition(e, &provisioning_table, entity_name(e, v->pne), &v->state, event,
                             to) == 0;
}

static void fail(struct gateway *g, struct provisioning *v, enum provisioning_event event,
                 const char *why)
{
    if (move(g, v, event, PROVISIONING_FAILED)) {
        entity_flow_end(g->agent.entity, v->flow,
                        event == PROVISIONING_EV_TIMEOUT ? FLOW_TIMEOUT : FLOW_REFUSED, why);
        entity_event(g->agent.entity, "provisioning_failed", why);
    }
}

void gateway_provisioning_gave_up(struct gateway *g, entity_id pne, const char *why)
{
    struct provisioning *v = find(g, pne);
    CHECK(v != NULL);
    fail(g, v, PROVISIONING_EV_TIMEOUT, why);
}

static struct agent_route route_to(entity_id peer, const struct provisioning *v)
{
    struct agent_route route = agent_route(peer);
    route.pn = v->pn;
    route.flow = v->flow;
    return route;
}

/* --- the server's chain
 * ---------------------------------------------------------------------------------------- */

static void ask_server(struct gateway *g, struct provisioning *v)
{
    struct entity *e = g->agent.entity;
    char serial[KEY_SERIAL_BYTES];
    struct cpns_message m;
    key_serial(entity_urn(e, v->pne), serial);
    agent_begin(&g->agent, &m, CPNS_PNE_PROVISIONING_REQUEST, entity_urn(e, g->server));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, v->pn));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, v->pne)));
    cpns_set_text(&m, CPNS_SERIAL_NUMBER, serial);
    struct agent_route route = route_to(g->server, v);
    agent_request(&g->agent, &m, &route, v->pne);
}

/* Both or nothing out of what the server sealed under K_GS. */
static bool take_chain(struct gateway *g, struct provisioning *v, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    const char *self = entity_urn(e, entity_self(e));
    struct span nonce = cpns_bytes(m, CPNS_CHALLENGE);
    uint8_t subscriber[KEY_BYTES], k_gs[KEY_BYTES];
    char serial[KEY_SERIAL_BYTES];
    struct buf aad = {0}, seed = {0}, tk = {0};
    if (nonce.len != KEY_NONCE_BYTES) {
        return false;
    }
    key_serial(entity_urn(e, v->pne), serial);
    entity_subscriber_key(e, entity_self(e), subscriber);
    key_of_provisioning(subscriber, serial, self, nonce.data, k_gs);
    key_provisioning_data(&aad, serial, entity_urn(e, v->pne), self, 0);
    bool good = entity_open(k_gs, buf_span(&aad), cpns_bytes(m, CPNS_SEALED_VALUE), &seed) == 0 &&
                entity_open(k_gs, buf_span(&aad), cpns_bytes(m, CPNS_SEALED_KEY), &tk) == 0 &&
                buf_len(&seed) == KEY_BYTES && buf_len(&tk) == KEY_BYTES;
    if (good) {
        v->has_chain = true;
        v->used = 0;
        memcpy(v->nonce, nonce.data, KEY_NONCE_BYTES);
        memcpy(v->seed, buf_span(&seed).data, KEY_BYTES);
        memcpy(v->tk, buf_span(&tk).data, KEY_BYTES);
    }
    buf_fini(&aad);
    buf_fini(&seed);
    buf_fini(&tk);
    return good;
}

/* --- one value for the PNE
 * -------------------------------------------------------------------------------------- */

static void value_of(const struct provisioning *v, int64_t sequence, uint8_t out[KEY_BYTES])
{
    memcpy(out, v->seed, KEY_BYTES);
    key_chain(out, KEY_CHAIN_LENGTH - sequence);
}

static void seal_value(struct gateway *g, struct provisioning *v, const char *serial,
                       struct buf *sealed)
{
    struct entity *e = g->agent.entity;
    uint8_t plain[2 * KEY_BYTES], nonce[ENTITY_NONCE_BYTES];
    struct buf aad = {0};
    char *purpose = mem_printf("provisioning/%s", entity_name(e, v->pne));
    entity_random(e, purpose, v->challenge, sizeof(v->challenge));
    entity_random(e, purpose, nonce, sizeof(nonce));
    free(purpose);
    value_of(v, v->used + 1, plain);
    memcpy(plain + KEY_BYTES, v->challenge, KEY_BYTES);
    key_provisioning_data(&aad, serial, entity_urn(e, v->pne), entity_urn(e, entity_self(e)),
                          v->used + 1);
    entity_seal(v->tk, nonce, buf_span(&aad), span_of(plain, sizeof(plain)), sealed);
    buf_fini(&aad);
}

static void challenge(struct gateway *g, struct provisioning *v)
{
    struct entity *e = g->agent.entity;
    struct buf sealed = {0};
    char serial[KEY_SERIAL_BYTES];
    struct cpns_message m;
    key_serial(entity_urn(e, v->pne), serial);
    seal_value(g, v, serial, &sealed);
    agent_begin(&g->agent, &m, CPNS_PNE_PROVISIONING, entity_urn(e, v->pne));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, v->pn));
    cpns_set_text(&m, CPNS_SERIAL_NUMBER, serial);
    cpns_set_bytes(&m, CPNS_CHALLENGE, span_of(v->nonce, sizeof(v->nonce)));
    cpns_set_bytes(&m, CPNS_SEALED_VALUE, buf_span(&sealed));
    cpns_set_integer(&m, CPNS_SEQUENCE, v->used + 1);
    struct agent_route route = route_to(v->pne, v);
    agent_request(&g->agent, &m, &route, v->pne);
    buf_fini(&sealed);
}

enum disposition gateway_on_provisioned(struct gateway *g, const struct cpns_message *m)
{
    uint64_t pne;
    if (!agent_answered(&g->agent, m, CPNS_PNE_PROVISIONING_REQUEST, &pne)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    struct provisioning *v = find(g, (entity_id)pne);
    CHECK(v != NULL);
    if (cpns_integer(m, CPNS_STATUS) != 200) {
        fail(g, v, PROVISIONING_EV_REFUSED, "the server refused");
    } else if (!take_chain(g, v, m)) {
        fail(g, v, PROVISIONING_EV_REFUSED, "sealed chain");
    } else if (move(g, v, PROVISIONING_EV_PROVISIONED, PROVISIONING_CHALLENGED)) {
        challenge(g, v);
    }
    return MESSAGE_DELIVERED;
}

static bool is_right(struct gateway *g, const struct provisioning *v, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    uint8_t value[KEY_BYTES], wanted[KEY_BYTES];
    value_of(v, v->used + 1, value);
    key_chain_answer(value, span_of(v->challenge, sizeof(v->challenge)), entity_urn(e, v->pne),
                     entity_urn(e, entity_self(e)), wanted);
    return cpns_integer(m, CPNS_STATUS) == 200 && cpns_integer(m, CPNS_SEQUENCE) == v->used + 1 &&
           entity_equal(cpns_bytes(m, CPNS_ANSWER), span_of(wanted, sizeof(wanted)));
}

enum disposition gateway_on_chain_proof(struct gateway *g, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    uint64_t pne;
    if (!agent_answered(&g->agent, m, CPNS_PNE_PROVISIONING, &pne)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    struct provisioning *v = find(g, (entity_id)pne);
    CHECK(v != NULL);
    if (!is_right(g, v, m)) {
        fail(g, v, PROVISIONING_EV_REFUSED, "wrong answer");
    } else if (move(g, v, PROVISIONING_EV_PROVEN, PROVISIONING_AUTHENTIC)) {
        v->used++;
        entity_flow_end(e, v->flow, FLOW_DONE, NULL);
        entity_event(e, "pne_authenticated", entity_name(e, v->pne));
    }
    return MESSAGE_DELIVERED;
}

static void begin(struct gateway *g, entity_id pne, uint32_t pn)
{
    struct provisioning *v = find(g, pne);
    if (v == NULL) {
        v = MEM_PUSH(g->provisionings, g->provisioning_count, g->provisioning_capacity);
        *v = (struct provisioning){.pne = pne};
    }
    v->pn = pn;
    if (!fsm_allows(&provisioning_table, v->state, PROVISIONING_EV_START)) {
        entity_event(g->agent.entity, "work_skipped", "pne-provisioning: under way");
        return;
    }
    v->flow =
        entity_flow_begin(g->agent.entity, "pne-provisioning", entity_name(g->agent.entity, pne));
    if (v->has_chain && v->used < KEY_CHAIN_LENGTH) {
        move(g, v, PROVISIONING_EV_START, PROVISIONING_CHALLENGED);
        challenge(g, v);
    } else {
        move(g, v, PROVISIONING_EV_START, PROVISIONING_ASKED);
        ask_server(g, v);
    }
}

void gateway_provision(struct gateway *g, uint32_t pn, entity_id only)
{
    gateway_each_member(g, pn, only, "pne-provisioning: no member", begin);
}
