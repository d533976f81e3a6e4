/* Tickets, and keys that change within a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

enum { VERSIONS = 2, LIFETIME_S = 7200 };
static const enum secure_version versions[VERSIONS] = {SECURE_TLS12, SECURE_TLS13};

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *pne, *gateway, *other_gateway;
    struct secure_policy *policies[VERSIONS];
    uint8_t ticket_key[80], other_key[80];
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(3);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->pne = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    w->gateway = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    w->other_gateway = pair_identity(w->env, w->ca, "gateway/2", SECURE_KEY_P256);
    for (int v = 0; v < VERSIONS; v++) {
        struct secure_policy_params params = pair_policy_params();
        params.min_version = params.max_version = versions[v];
        params.tickets = true;
        params.ticket_lifetime = LIFETIME_S * SIM_S;
        w->policies[v] = pair_policy(w->env, &params, w->ca);
    }
    secure_random(w->env, "gateway/1", "tickets", 0, w->ticket_key, sizeof(w->ticket_key));
    secure_random(w->env, "gateway/2", "tickets", 0, w->other_key, sizeof(w->other_key));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    secure_identity_free(w->pne);
    secure_identity_free(w->gateway);
    secure_identity_free(w->other_gateway);
    secure_policy_free(w->policies[0]);
    secure_policy_free(w->policies[1]);
    secure_ca_free(w->ca);
    secure_env_free(w->env);
    free(w);
    return 0;
}

/* The second connection of the PNE, and what is different about it. */
struct attempt {
    struct span ticket;
    sim_time now;
    bool other_gateway;          /* with its own ticket key */
    bool other_key;              /* the same gateway after its key changed */
    const char *expected_peer;   /* by the PNE; NULL: gateway/1 */
    const char *expected_client; /* by the gateway; NULL: pne/1 */
};

static void connect_with(struct pair *p, struct world *w, int v, const struct attempt *a)
{
    const uint8_t *key = a->other_key || a->other_gateway ? w->other_key : w->ticket_key;
    pair_open(
        p, w->policies[v], w->policies[v],
        (struct secure_session_params){
            .identity = w->pne,
            .expected_peer = a->expected_peer != NULL ? a->expected_peer : "urn:cpns:gateway/1",
            .ticket = a->ticket},
        (struct secure_session_params){
            .identity = a->other_gateway ? w->other_gateway : w->gateway,
            .expected_peer = a->expected_client != NULL ? a->expected_client : "urn:cpns:pne/1",
            .ticket_key = span_of(key, 80)},
        a->now);
    pair_handshake(p);
}

static struct buf first_ticket(struct world *w, int v, sim_time now)
{
    struct pair p;
    struct buf ticket = {0};
    connect_with(&p, w, v, &(struct attempt){.now = now});
    assert_true(pair_is_established(&p));
    assert_false(pair_facts(&p, INITIATOR).resumed);
    buf_append(&ticket, secure_session_ticket(p.end[INITIATOR]));
    assert_true(buf_len(&ticket) > 100);
    pair_fini(&p);
    return ticket;
}

static void expect_resumed(const struct pair *p, bool resumed)
{
    assert_true(pair_is_established(p));
    for (int e = 0; e < ENDS; e++) {
        struct secure_facts f = pair_facts(p, e);
        assert_int_equal(f.resumed, resumed);
        assert_string_equal(f.peer_auth, resumed ? "resumption (certificate)" : "certificate");
        assert_true(f.peer_certificate);
        assert_int_equal(p->ops[e].sign, !resumed);
        assert_int_equal(p->ops[e].verify + p->ops[e].chain_verify, resumed ? 0 : 2);
    }
}

static void a_ticket_resumes(void **state)
{
    struct world *w = *state;
    for (int v = 0; v < VERSIONS; v++) {
        struct buf ticket = first_ticket(w, v, 0);
        struct pair p, full;
        connect_with(&full, w, v, &(struct attempt){.now = 60 * SIM_S});
        expect_resumed(&full, false);
        connect_with(&p, w, v, &(struct attempt){.ticket = buf_span(&ticket), .now = 60 * SIM_S});
        expect_resumed(&p, true);
        for (int e = 0; e < ENDS; e++) {
            struct secure_facts f = pair_facts(&p, e);
            assert_string_equal(f.peer_id,
                                e == INITIATOR ? "urn:cpns:gateway/1" : "urn:cpns:pne/1");
            assert_string_equal(f.peer_signature, "");
            /* TLS 1.3 agrees on keys anew, TLS 1.2 uses the old secret again */
            assert_int_equal(f.forward_secret, v == 1);
            assert_string_equal(f.kex_group, v == 1 ? "X25519" : "");
            assert_int_equal(p.ops[e].key_agree, v == 1);
        }
        assert_true(p.handshake_bytes[INITIATOR] + p.handshake_bytes[RESPONDER] <
                    full.handshake_bytes[INITIATOR] + full.handshake_bytes[RESPONDER]);
        pair_send(&p, INITIATOR, span_of_str("still me"));
        pair_flow(&p);
        assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), "still me"));
        pair_fini(&p);
        pair_fini(&full);
        buf_fini(&ticket);
    }
}

/* Ticket after ticket, each from the session before. */
static void resumed_sessions_give_tickets_too(void **state)
{
    struct world *w = *state;
    struct buf ticket = first_ticket(w, 1, 0);
    for (int i = 1; i <= 4; i++) {
        struct pair p;
        connect_with(&p, w, 1,
                     &(struct attempt){.ticket = buf_span(&ticket), .now = i * 1000 * SIM_S});
        expect_resumed(&p, true);
        assert_int_equal(p.tickets[INITIATOR], 1);
        buf_clear(&ticket);
        buf_append(&ticket, secure_session_ticket(p.end[INITIATOR]));
        pair_fini(&p);
    }
    buf_fini(&ticket);
}

/* What makes a ticket worthless leads to a full handshake, not to a failure. */
static void worthless_tickets_lead_to_a_full_handshake(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *what;
        struct attempt attempt;
        bool resumed;
    } cases[] = {
        {"in time", {.now = (LIFETIME_S - 2) * SIM_S}, true},
        {"too old", {.now = (LIFETIME_S + 2) * SIM_S}, false},
        {"much too old", {.now = 30 * PAIR_DAY}, false},
        {"the gateway's key has changed", {.other_key = true}, false},
        {"of another gateway",
         {.other_gateway = true, .expected_peer = "urn:cpns:gateway/2"},
         false},
    };
    for (int v = 0; v < VERSIONS; v++) {
        struct buf ticket = first_ticket(w, v, 0);
        for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
            struct attempt a = cases[i].attempt;
            struct pair p;
            print_message("%s, version %d\n", cases[i].what, v);
            a.ticket = buf_span(&ticket);
            connect_with(&p, w, v, &a);
            expect_resumed(&p, cases[i].resumed);
            pair_fini(&p);
        }
        buf_fini(&ticket);
    }
}

/* Who is meant is asked again: by the client of the certificate it kept, by the server of the one
 * in the ticket. The full handshake that follows then refuses. */
static void a_ticket_does_not_stand_for_somebody_else(void **state)
{
    struct world *w = *state;
    for (int v = 0; v < VERSIONS; v++) {
        struct buf ticket = first_ticket(w, v, 0);
        struct pair p;
        connect_with(
            &p, w, v,
            &(struct attempt){.ticket = buf_span(&ticket), .expected_peer = "urn:cpns:gateway/9"});
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
        assert_string_equal(p.alert_sent[INITIATOR], "bad_certificate");
        pair_fini(&p);
        connect_with(
            &p, w, v,
            &(struct attempt){.ticket = buf_span(&ticket), .expected_client = "urn:cpns:pne/9"});
        assert_int_equal(pair_state(&p, RESPONDER), SECURE_FAILED);
        assert_string_equal(p.alert_sent[RESPONDER], "bad_certificate");
        assert_false(pair_facts(&p, RESPONDER).resumed);
        pair_fini(&p);
        buf_fini(&ticket);
    }
}

/* A certificate that ran out since does not live on in a ticket. */
static void a_ticket_does_not_outlive_the_certificate(void **state)
{
    struct world *w = *state;
    const sim_time end = 365 * PAIR_DAY;
    for (int v = 0; v < VERSIONS; v++) {
        struct buf ticket = first_ticket(w, v, end - 1000 * SIM_S);
        struct pair p;
        connect_with(&p, w, v,
                     &(struct attempt){.ticket = buf_span(&ticket), .now = end - 10 * SIM_S});
        expect_resumed(&p, true);
        pair_fini(&p);
        connect_with(&p, w, v,
                     &(struct attempt){.ticket = buf_span(&ticket), .now = end + 10 * SIM_S});
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
        assert_string_equal(secure_session_failure(p.end[INITIATOR]), "certificate_expired");
        pair_fini(&p);
        buf_fini(&ticket);
    }
}

/* One responder, one ticket key, two policies: what one admitted, the other asks anew. */
static void a_ticket_counts_for_its_policy_only(void **state)
{
    struct world *w = *state;
    for (int v = 0; v < VERSIONS; v++) {
        struct secure_policy_params params = pair_policy_params();
        params.name = "another";
        params.min_version = params.max_version = versions[v];
        params.tickets = true;
        params.ticket_lifetime = LIFETIME_S * SIM_S;
        struct secure_policy *another = pair_policy(w->env, &params, w->ca);
        struct buf ticket = first_ticket(w, v, 0);
        for (int same = 0; same < 2; same++) {
            struct pair p;
            pair_open(
                &p, another, same ? w->policies[v] : another,
                (struct secure_session_params){.identity = w->pne, .ticket = buf_span(&ticket)},
                (struct secure_session_params){.identity = w->gateway,
                                               .ticket_key = span_of(w->ticket_key, 80)},
                0);
            pair_handshake(&p);
            expect_resumed(&p, same);
            pair_fini(&p);
        }
        buf_fini(&ticket);
        secure_policy_free(another);
    }
}

static void altered_tickets_lead_to_a_full_handshake(void **state)
{
    struct world *w = *state;
    struct buf ticket = first_ticket(w, 1, 0);
    for (size_t cut = 0; cut < buf_len(&ticket); cut += 37) { /* does not decode */
        struct pair p;
        connect_with(&p, w, 1, &(struct attempt){.ticket = span_of(buf_span(&ticket).data, cut)});
        expect_resumed(&p, false);
        pair_fini(&p);
    }
    buf_fini(&ticket);
}

static void responders_without_a_ticket_key_give_none(void **state)
{
    struct world *w = *state;
    for (int v = 0; v < VERSIONS; v++) {
        struct pair p;
        pair_open(&p, w->policies[v], w->policies[v],
                  (struct secure_session_params){.identity = w->pne},
                  (struct secure_session_params){.identity = w->gateway}, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        assert_int_equal(p.tickets[INITIATOR], 0);
        pair_fini(&p);
    }
}

/* --- key update ----------------------------------------------------------------------------------
 */

static size_t occurrences(const struct buf *b, const char *word)
{
    size_t n = 0;
    struct span s = buf_span(b);
    for (const uint8_t *at = s.data; s.len > 0; n++) {
        at = memmem(at, (size_t)(s.data + s.len - at), word, strlen(word));
        if (at == NULL) {
            break;
        }
        at += strlen(word);
    }
    return n;
}

static void keys_are_updated_on_both_ends(void **state)
{
    struct world *w = *state;
    for (int first = 0; first < ENDS; first++) {
        struct pair p;
        const struct span m = span_of_str("after");
        connect_with(&p, w, 1, &(struct attempt){0});
        /* alone, without a message to carry it; the other end answers by itself */
        assert_int_equal(pair_step(&p, first, &(struct secure_input){.key_update = true}), 0);
        assert_true(buf_len(&p.to[1 - first]) > 0);
        pair_flow(&p);
        /* together with a message */
        assert_int_equal(pair_step(&p, first,
                                   &(struct secure_input){
                                       .key_update = true, .messages = &m, .message_count = 1}),
                         0);
        pair_flow(&p);
        for (int e = 0; e < ENDS; e++) {
            assert_int_equal(occurrences(&p.messages[e], "KeyUpdate>"), 2);
            assert_int_equal(occurrences(&p.messages[e], "KeyUpdate<"), 2);
            pair_send(&p, e, span_of_str("."));
            pair_flow(&p);
        }
        assert_true(span_equal_str(buf_span(&p.got[1 - first]), "after."));
        assert_true(span_equal_str(buf_span(&p.got[first]), "."));
        assert_true(pair_is_established(&p));
        pair_fini(&p);
    }
}

static void tls12_knows_no_key_update(void **state)
{
    struct world *w = *state;
    struct pair p;
    connect_with(&p, w, 0, &(struct attempt){0});
    size_t before = buf_len(&p.wire[INITIATOR]);
    assert_int_equal(pair_step(&p, INITIATOR, &(struct secure_input){.key_update = true}), 0);
    assert_int_equal(buf_len(&p.wire[INITIATOR]), before);
    assert_true(pair_is_established(&p));
    pair_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_resumes),
        cmocka_unit_test(resumed_sessions_give_tickets_too),
        cmocka_unit_test(worthless_tickets_lead_to_a_full_handshake),
        cmocka_unit_test(a_ticket_does_not_stand_for_somebody_else),
        cmocka_unit_test(a_ticket_does_not_outlive_the_certificate),
        cmocka_unit_test(a_ticket_counts_for_its_policy_only),
        cmocka_unit_test(altered_tickets_lead_to_a_full_handshake),
        cmocka_unit_test(responders_without_a_ticket_key_give_none),
        cmocka_unit_test(keys_are_updated_on_both_ends),
        cmocka_unit_test(tls12_knows_no_key_update),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
