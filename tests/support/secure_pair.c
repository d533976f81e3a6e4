#include "tests/support/secure_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct secure_env *pair_env(uint64_t seed)
{
    struct secure_env *env;
    struct diag_list diags = {0};
    assert_int_equal(secure_env_create(seed, SECURE_RNG_SEEDED, &env, &diags), 0);
    return env;
}

struct secure_ca *pair_ca(struct secure_env *env, const char *name, enum secure_key_kind kind)
{
    struct secure_ca *ca;
    struct diag_list diags = {0};
    assert_int_equal(secure_ca_create(env, name, kind, &ca, &diags), 0);
    return ca;
}

struct secure_identity *pair_identity(struct secure_env *env, const struct secure_ca *ca,
                                      const char *name, enum secure_key_kind kind)
{
    char urn[80];
    struct secure_identity *id;
    struct diag_list diags = {0};
    snprintf(urn, sizeof(urn), "urn:cpns:%s", name);
    const struct secure_identity_params params = {.name = name,
                                                  .urn = urn,
                                                  .kind = kind,
                                                  .not_before = -PAIR_DAY,
                                                  .not_after = 365 * PAIR_DAY};
    assert_int_equal(secure_identity_issue(env, ca, &params, &id, &diags), 0);
    return id;
}

int pair_family_set_up(void **state)
{
    struct pair_family *f = mem_alloc(sizeof(*f));
    f->env = pair_env(7);
    f->ca = pair_ca(f->env, "family", SECURE_KEY_P256);
    f->ids[INITIATOR] = pair_identity(f->env, f->ca, "pne/1", SECURE_KEY_P256);
    f->ids[RESPONDER] = pair_identity(f->env, f->ca, "gateway/1", SECURE_KEY_P256);
    *state = f;
    return 0;
}

int pair_family_tear_down(void **state)
{
    struct pair_family *f = *state;
    secure_identity_free(f->ids[INITIATOR]);
    secure_identity_free(f->ids[RESPONDER]);
    secure_ca_free(f->ca);
    secure_env_free(f->env);
    free(f);
    return 0;
}

struct secure_policy_params pair_policy_params(void)
{
    return (struct secure_policy_params){.name = "test",
                                         .kind = SECURE_TLS,
                                         .min_version = SECURE_TLS13,
                                         .max_version = SECURE_TLS13,
                                         .groups = "X25519:P-256",
                                         .auth = SECURE_AUTH_MUTUAL,
                                         .ticket_lifetime = 7200 * SIM_S,
                                         .security_level = -1};
}

struct secure_policy *pair_policy(struct secure_env *env, const struct secure_policy_params *params,
                                  const struct secure_ca *trust)
{
    struct secure_policy *policy;
    struct diag_list diags = {0};
    int r = secure_policy_create(env, params, trust, &policy, &diags);
    if (r < 0) {
        print_error("policy: %s\n", diags.count > 0 ? diags.items[0].message : "no reason given");
    }
    assert_int_equal(r, 0);
    return policy;
}

void pair_open(struct pair *p, struct secure_policy *policy_i, struct secure_policy *policy_r,
               struct secure_session_params initiator, struct secure_session_params responder,
               sim_time now)
{
    memset(p, 0, sizeof(*p));
    p->now = now;
    p->datagrams = secure_kind_has_datagrams(secure_policy_kind(policy_i));
    p->deadline[INITIATOR] = p->deadline[RESPONDER] = SIM_TIME_NEVER;
    initiator.mtu = initiator.mtu != 0 ? initiator.mtu : 1280;
    responder.mtu = responder.mtu != 0 ? responder.mtu : 1280;
    initiator.initiator = true;
    responder.initiator = false;
    initiator.owner = initiator.owner != NULL ? initiator.owner : "initiator";
    responder.owner = responder.owner != NULL ? responder.owner : "responder";
    assert_int_equal(secure_session_open(policy_i, &initiator, now, &p->end[INITIATOR]), 0);
    assert_int_equal(secure_session_open(policy_r, &responder, now, &p->end[RESPONDER]), 0);
}

void pair_fini(struct pair *p)
{
    for (int e = 0; e < ENDS; e++) {
        secure_session_free(p->end[e]);
        buf_fini(&p->to[e]);
        buf_fini(&p->wire[e]);
        buf_fini(&p->got[e]);
        buf_fini(&p->key_log[e]);
        buf_fini(&p->messages[e]);
    }
}

static void add_ops(struct secure_ops *sum, const struct secure_ops *ops)
{
    sum->key_generate += ops->key_generate;
    sum->key_agree += ops->key_agree;
    sum->sign += ops->sign;
    sum->verify += ops->verify;
    sum->chain_verify += ops->chain_verify;
    sum->kdf += ops->kdf;
    sum->records += ops->records;
    sum->record_bytes += ops->record_bytes;
    sum->hash_bytes += ops->hash_bytes;
    sum->sign_kind = ops->sign > 0 ? ops->sign_kind : sum->sign_kind;
    sum->verify_kind = ops->verify + ops->chain_verify > 0 ? ops->verify_kind : sum->verify_kind;
    sum->group = ops->group != 0 ? ops->group : sum->group;
}

static void note_event(struct pair *p, int end, const struct secure_event *event)
{
    bool alert =
        event->kind == SECURE_EVENT_ALERT_SENT || event->kind == SECURE_EVENT_ALERT_RECEIVED;
    if (alert && strcmp(event->name, "close_notify") == 0) {
        return;
    }
    switch (event->kind) {
    case SECURE_EVENT_ALERT_SENT:
        p->alert_sent[end] = event->name;
        break;
    case SECURE_EVENT_ALERT_RECEIVED:
        p->alert_received[end] = event->name;
        break;
    case SECURE_EVENT_HANDSHAKE_SENT:
        buf_printf(&p->messages[end], "%s> ", event->name);
        break;
    case SECURE_EVENT_HANDSHAKE_RECEIVED:
        buf_printf(&p->messages[end], "%s< ", event->name);
        break;
    case SECURE_EVENT_TICKET:
        p->tickets[end]++;
        break;
    }
}

static void note_wire(struct pair *p, int end, struct span wire)
{
    struct span datagram;
    uint16_t message;
    if (!p->datagrams) {
        buf_append(&p->wire[end], wire);
        return;
    }
    while (secure_datagram_take(&wire, &datagram, &message)) {
        buf_append(&p->wire[end], datagram);
        p->sent[end]++;
        p->longest = datagram.len > p->longest ? datagram.len : p->longest;
    }
}

int pair_step(struct pair *p, int end, const struct secure_input *in)
{
    struct secure_output out;
    secure_output_init(&out);
    int r = secure_session_step(p->end[end], in, p->now, &out);
    buf_append(&p->to[1 - end], buf_span(&out.wire));
    note_wire(p, end, buf_span(&out.wire));
    p->flights[end] += out.flight_repeated;
    p->deadline[end] = out.deadline;
    buf_append(&p->got[end], buf_span(&out.plain));
    buf_append(&p->key_log[end], buf_span(&out.key_log));
    for (size_t i = 0; i < out.event_count; i++) {
        note_event(p, end, &out.events[i]);
    }
    add_ops(&p->ops[end], &out.ops);
    p->handshake_bytes[end] += out.handshake_bytes;
    secure_output_fini(&out);
    return r;
}

static size_t next_chunk(struct pair *p, int end)
{
    size_t available = buf_len(&p->to[end]);
    size_t n = p->chunk == 0 ? available : p->chunk;
    if (p->datagrams && available > 0) {
        const uint8_t *head = buf_span(&p->to[end]).data;
        return 4 + ((size_t)head[0] << 8 | head[1]);
    }
    if (p->random != 0) {
        p->random = p->random * UINT64_C(6364136223846793005) + 1442695040888963407;
        n = 1 + (size_t)(p->random >> 33) % 1000;
    }
    return n < available ? n : available;
}

void pair_flow(struct pair *p)
{
    while (buf_len(&p->to[INITIATOR]) + buf_len(&p->to[RESPONDER]) > 0) {
        for (int e = 0; e < ENDS; e++) {
            size_t n = next_chunk(p, e);
            if (n > 0) {
                struct buf piece = {0};
                buf_append(&piece, span_of(buf_span(&p->to[e]).data, n));
                buf_consume(&p->to[e], n);
                pair_step(p, e, &(struct secure_input){.wire = buf_span(&piece)});
                buf_fini(&piece);
            }
        }
    }
}

void pair_datagram(struct pair *p, int end, struct span datagram)
{
    struct buf list = {0};
    secure_datagram_append(&list, datagram, 0);
    pair_step(p, end, &(struct secure_input){.wire = buf_span(&list)});
    buf_fini(&list);
}

bool pair_expire(struct pair *p)
{
    sim_time next = p->deadline[INITIATOR] < p->deadline[RESPONDER] ? p->deadline[INITIATOR]
                                                                    : p->deadline[RESPONDER];
    if (next == SIM_TIME_NEVER) {
        return false;
    }
    p->now = next > p->now ? next : p->now;
    for (int e = 0; e < ENDS; e++) {
        if (p->deadline[e] <= p->now) {
            pair_step(p, e, &(struct secure_input){0});
        }
    }
    return true;
}

void pair_handshake(struct pair *p)
{
    pair_step(p, INITIATOR, &(struct secure_input){.start = true});
    pair_flow(p);
}

bool pair_is_established(const struct pair *p)
{
    return pair_state(p, INITIATOR) == SECURE_ESTABLISHED &&
           pair_state(p, RESPONDER) == SECURE_ESTABLISHED;
}

void pair_send(struct pair *p, int end, struct span message)
{
    assert_int_equal(
        pair_step(p, end, &(struct secure_input){.messages = &message, .message_count = 1}), 0);
}

void pair_close(struct pair *p, int end)
{
    assert_int_equal(pair_step(p, end, &(struct secure_input){.close = true}), 0);
}

void pair_cut(struct pair *p, int end)
{
    assert_int_equal(pair_step(p, end, &(struct secure_input){.wire_end = true}), 0);
}

struct secure_facts pair_facts(const struct pair *p, int end)
{
    struct secure_facts facts;
    secure_session_facts(p->end[end], &facts);
    return facts;
}

enum secure_state pair_state(const struct pair *p, int end)
{
    return pair_facts(p, end).state;
}
