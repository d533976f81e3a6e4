/* What all kinds of sessions share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/secure/session_internal.h"

static const struct secure_kind_ops *const kinds[] = {[SECURE_TLS] = &tls_ops,
                                                      [SECURE_DTLS] = &dtls_ops,
                                                      [SECURE_CLEAR] = &clear_ops,
                                                      [SECURE_CLEAR_DATAGRAM] =
                                                          &clear_datagram_ops};

const char *secure_kind_name(enum secure_kind kind)
{
    return kinds[kind]->name;
}

bool secure_kind_has_datagrams(enum secure_kind kind)
{
    return kind == SECURE_DTLS || kind == SECURE_CLEAR_DATAGRAM;
}

bool secure_kind_protects(enum secure_kind kind)
{
    return kind != SECURE_CLEAR && kind != SECURE_CLEAR_DATAGRAM;
}

/* --- policies
 * ------------------------------------------------------------------------------------------ */

int secure_policy_create(struct secure_env *env, const struct secure_policy_params *params,
                         const struct secure_ca *trust, struct secure_policy **ret,
                         struct diag_list *diags)
{
    struct secure_policy *p = mem_alloc(sizeof(*p));
    p->env = env;
    p->kind = params->kind;
    p->ops = kinds[params->kind];
    p->retransmit_after = params->retransmit_after;
    p->no_name_check = params->no_name_check;
    p->crl = params->crl;
    p->ocsp = params->ocsp;
    p->trust = trust != NULL ? trust->certificate : NULL;
    p->name = mem_strdup(params->name);
    p->auth = params->auth;
    p->resumption_lifetime =
        params->resumption_lifetime > 0 ? params->resumption_lifetime : SIM_TIME_NEVER;
    p->tickets = params->tickets && params->auth != SECURE_AUTH_PSK;
    p->early = p->tickets && p->kind == SECURE_TLS ? params->early : SECURE_EARLY_NONE;
    if (secure_kind_protects(params->kind)) {
        struct stream s;
        stream_init(&s, env->seed, params->name, "policy", 0);
        stream_enter(&s, 0);
        int r = tls_contexts_create(p, params, trust, diags);
        stream_leave();
        if (r < 0) {
            secure_policy_free(p);
            return r;
        }
    }
    *ret = p;
    return 0;
}

void secure_policy_free(struct secure_policy *policy)
{
    if (policy != NULL) {
        for (size_t server = 0; server < 2; server++) {
            SSL_CTX_free(policy->contexts[server][0]);
            SSL_CTX_free(policy->contexts[server][1]);
        }
        BIO_meth_free(policy->bio);
        free(policy->name);
        free(policy);
    }
}

enum secure_kind secure_policy_kind(const struct secure_policy *policy)
{
    return policy->kind;
}

void secure_policy_foresee(const struct secure_policy *policy, const struct secure_identity *peer,
                           bool by_responder, sim_time now)
{
    if (secure_kind_protects(policy->kind) && policy->auth != SECURE_AUTH_PSK) {
        tls_foresee(policy, peer->certificate, by_responder, now);
    }
}

/* --- sessions
 * ------------------------------------------------------------------------------------------ */

int secure_session_open(struct secure_policy *policy, const struct secure_session_params *params,
                        sim_time now, struct secure_session **ret)
{
    struct secure_session *s = mem_alloc(sizeof(*s));
    s->policy = policy;
    s->initiator = params->initiator;
    s->state = SECURE_HANDSHAKING;
    s->identity = params->identity;
    s->expected_peer = mem_strdup(params->expected_peer);
    s->psk_identity = mem_strdup(params->psk_identity);
    buf_append(&s->psk, params->psk);
    buf_append(&s->early, params->early_data);
    buf_append(&s->staple, params->staple);
    s->crl = params->crl;
    s->staple_age = SIM_TIME_NEVER;
    s->seen = params->seen;
    if (params->ticket_key.len == TICKET_KEY_BYTES) {
        s->ticket_key = mem_alloc(TICKET_KEY_BYTES);
        memcpy(s->ticket_key, params->ticket_key.data, TICKET_KEY_BYTES);
    }
    int r = policy->ops->open(s, params, now);
    if (r < 0) {
        secure_session_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void secure_session_free(struct secure_session *s)
{
    if (s != NULL) {
        s->policy->ops->free(s);
        free(s->expected_peer);
        free(s->psk_identity);
        free(s->ticket_key);
        buf_fini(&s->psk);
        buf_fini(&s->early);
        buf_fini(&s->staple);
        buf_fini(&s->ticket);
        free(s);
    }
}

int secure_session_step(struct secure_session *s, const struct secure_input *in, sim_time now,
                        struct secure_output *out)
{
    int r = 0;
    if (in->message_count > 0 && (s->state != SECURE_ESTABLISHED || s->close_sent)) {
        r = -SIM_ESTATE;
    } else if (s->state == SECURE_HANDSHAKING || s->state == SECURE_ESTABLISHED) {
        s->output = out;
        s->now = now;
        s->policy->ops->step(s, in, now, out);
        s->output = NULL;
    }
    if (s->state != SECURE_HANDSHAKING && s->state != SECURE_ESTABLISHED) {
        out->deadline = SIM_TIME_NEVER;
    }
    out->state = s->state;
    return r;
}

void secure_session_least(const struct secure_session *s, const struct secure_input *in,
                          struct secure_ops *ret)
{
    *ret = (struct secure_ops){0};
    if (s->policy->ops->least != NULL) {
        s->policy->ops->least(s, in, ret);
    }
}

bool secure_session_foretell(const struct secure_session *s, const struct secure_input *in,
                             struct secure_ops *ret, uint32_t *messages)
{
    *ret = (struct secure_ops){0};
    *messages = 0;
    return s->policy->ops->foretell != NULL && s->policy->ops->foretell(s, in, ret, messages);
}

void secure_session_facts(const struct secure_session *s, struct secure_facts *ret)
{
    *ret = (struct secure_facts){.state = s->state,
                                 .verify_text = "",
                                 .revocation = "none",
                                 .staple_age = SIM_TIME_NEVER,
                                 .early_data = "none",
                                 .close_notify_sent = s->close_sent,
                                 .close_notify_received = s->close_received};
    s->policy->ops->facts(s, ret);
}

const char *secure_session_failure(const struct secure_session *s)
{
    return s->failure;
}

struct span secure_session_ticket(const struct secure_session *s)
{
    return buf_span(&s->ticket);
}

void session_fail(struct secure_session *s, const char *reason)
{
    s->state = SECURE_FAILED;
    if (s->failure[0] == '\0') {
        snprintf(s->failure, sizeof(s->failure), "%s", reason);
    }
}

void session_event(struct secure_session *s, enum secure_event_kind kind, uint8_t code,
                   uint8_t level, const char *name, size_t bytes)
{
    struct secure_output *out = s->output;
    if (out != NULL) {
        *MEM_PUSH(out->events, out->event_count, out->event_capacity) = (struct secure_event){
            .kind = kind, .code = code, .level = level, .name = name, .bytes = bytes};
    }
}

void secure_output_init(struct secure_output *out)
{
    *out = (struct secure_output){.deadline = SIM_TIME_NEVER};
}

void secure_output_clear(struct secure_output *out)
{
    buf_clear(&out->wire);
    buf_clear(&out->plain);
    buf_clear(&out->key_log);
    out->event_count = 0;
    out->ops = (struct secure_ops){0};
    out->handshake_bytes = out->early_bytes = out->handshake_datagrams = 0;
    out->flight_repeated = false;
    out->deadline = SIM_TIME_NEVER;
    out->records_dropped = 0;
}

void secure_output_fini(struct secure_output *out)
{
    buf_fini(&out->wire);
    buf_fini(&out->plain);
    buf_fini(&out->key_log);
    free(out->events);
}

/* --- lists of datagrams ----------------------------------------------------------------------- */

void secure_datagram_append(struct buf *list, struct span datagram, uint16_t message)
{
    CHECK(datagram.len <= UINT16_MAX);
    buf_append_u16(list, (uint16_t)datagram.len);
    buf_append_u16(list, message);
    buf_append(list, datagram);
}

bool secure_datagram_take(struct span *list, struct span *datagram, uint16_t *message)
{
    uint16_t len;
    if (list->len == 0) {
        return false;
    }
    CHECK(span_take_u16(list, &len) && span_take_u16(list, message) &&
          span_take(list, len, datagram));
    return true;
}
