/* Tickets: to whom they prove what; a thief, a changed key, a weaker policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/secure_pair.h"

static const uint8_t ticket_key[80] = {9, 8, 7};
static const uint8_t other_key[80] = {9, 8, 7, [60] = 1};
static const uint8_t unknown_key[80] = {1};

struct setting {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *pne, *other, *gateway, *brief;
};

static int set_up(void **state)
{
    static struct setting t;
    struct diag_list d = {0};
    t.env = pair_env(5);
    t.ca = pair_ca(t.env, "scenario", SECURE_KEY_P256);
    t.pne = pair_identity(t.env, t.ca, "pne/1", SECURE_KEY_P256);
    t.other = pair_identity(t.env, t.ca, "pne/2", SECURE_KEY_P256);
    t.gateway = pair_identity(t.env, t.ca, "gateway/1", SECURE_KEY_P256);
    struct secure_identity_params p = {.name = "brief",
                                       .urn = "urn:cpns:brief",
                                       .kind = SECURE_KEY_P256,
                                       .not_before = -SIM_S,
                                       .not_after = 600 * SIM_S};
    assert_int_equal(secure_identity_issue(t.env, t.ca, &p, &t.brief, &d), 0);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *t = *state;
    secure_identity_free(t->pne);
    secure_identity_free(t->other);
    secure_identity_free(t->gateway);
    secure_identity_free(t->brief);
    secure_ca_free(t->ca);
    secure_env_free(t->env);
    return 0;
}

static struct secure_policy *policy_of(struct setting *t, const char *name, enum secure_version v,
                                       enum secure_auth auth)
{
    struct secure_policy_params p = pair_policy_params();
    p.name = name;
    p.min_version = p.max_version = v;
    p.auth = auth;
    p.tickets = true;
    p.ticket_lifetime = 7200 * SIM_S;
    return pair_policy(t->env, &p, t->ca);
}

struct attempt {
    const struct secure_identity *client, *server;
    const char *client_expects, *server_expects;
    const uint8_t *key;
    struct span ticket;
    sim_time now;
};

static void connect(struct pair *p, struct secure_policy *policy, const struct attempt *a)
{
    static uint64_t number;
    number++;
    pair_open(
        p, policy, policy,
        (struct secure_session_params){.ordinal = number,
                                       .identity = a->client,
                                       .expected_peer = a->client_expects,
                                       .ticket = a->ticket},
        (struct secure_session_params){.ordinal = number,
                                       .identity = a->server,
                                       .expected_peer = a->server_expects,
                                       .ticket_key = span_of(a->key, a->key != NULL ? 80 : 0)},
        a->now);
    pair_handshake(p);
}

static struct buf keep_ticket(struct pair *p)
{
    struct buf b = {0};
    buf_append(&b, secure_session_ticket(p->end[INITIATOR]));
    assert_true(buf_len(&b) > 0);
    return b;
}

static void a_ticket_resumes_with_the_same_peer_only(void **state)
{
    struct setting *t = *state;
    for (int v = SECURE_TLS12; v <= SECURE_TLS13; v++) {
        struct secure_policy *policy =
            policy_of(t, "p", (enum secure_version)v, SECURE_AUTH_MUTUAL);
        struct attempt a = {t->pne, t->gateway, "urn:cpns:gateway/1", "urn:cpns:pne/1", ticket_key,
                            {0},    0};
        struct pair p;
        connect(&p, policy, &a);
        assert_true(pair_is_established(&p) && !pair_facts(&p, INITIATOR).resumed);
        struct buf ticket = keep_ticket(&p);
        pair_fini(&p);
        struct {
            struct attempt a;
            bool established, resumed;
        } cases[] = {
            {{t->pne,
              t->gateway,
              "urn:cpns:gateway/1",
              "urn:cpns:pne/1",
              ticket_key,
              {0},
              60 * SIM_S},
             true,
             true},
            /* virtual lifetime */
            {{t->pne,
              t->gateway,
              "urn:cpns:gateway/1",
              "urn:cpns:pne/1",
              ticket_key,
              {0},
              7199 * SIM_S},
             true,
             true},
            {{t->pne,
              t->gateway,
              "urn:cpns:gateway/1",
              "urn:cpns:pne/1",
              ticket_key,
              {0},
              8000 * SIM_S},
             true,
             false},
            /* sealed under a key that the responder does not have, or spoilt */
            {{t->pne, t->gateway, "urn:cpns:gateway/1", "urn:cpns:pne/1", unknown_key, {0}, SIM_S},
             true,
             false},
            {{t->pne, t->gateway, "urn:cpns:gateway/1", "urn:cpns:pne/1", other_key, {0}, SIM_S},
             true,
             false},
            {{t->pne, t->gateway, "urn:cpns:gateway/1", "urn:cpns:pne/1", NULL, {0}, SIM_S},
             true,
             false},
            /* a thief: pne/2 shows pne/1's ticket; the responder means pne/2 and asks for its
               certificate */
            {{t->other, t->gateway, "urn:cpns:gateway/1", "urn:cpns:pne/2", ticket_key, {0}, SIM_S},
             true,
             false},
            /* the initiator means somebody else: no offer, and then the wrong certificate */
            {{t->pne, t->gateway, "urn:cpns:gateway/2", "urn:cpns:pne/1", ticket_key, {0}, SIM_S},
             false,
             false},
            /* the responder means somebody else */
            {{t->pne, t->gateway, "urn:cpns:gateway/1", "urn:cpns:pne/2", ticket_key, {0}, SIM_S},
             false,
             false},
        };
        for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
            cases[i].a.ticket = buf_span(&ticket);
            connect(&p, policy, &cases[i].a);
            if (pair_is_established(&p) != cases[i].established ||
                (cases[i].established && pair_facts(&p, RESPONDER).resumed != cases[i].resumed)) {
                print_error("v %x case %zu alerts %s %s fail %s/%s: est %d res %d\n", (unsigned)v,
                            i, p.alert_sent[0] ? p.alert_sent[0] : "-",
                            p.alert_sent[1] ? p.alert_sent[1] : "-",
                            secure_session_failure(p.end[0]), secure_session_failure(p.end[1]),
                            pair_is_established(&p), pair_facts(&p, RESPONDER).resumed);
                fail();
            }
            if (cases[i].established) {
                struct secure_facts f = pair_facts(&p, INITIATOR), g = pair_facts(&p, RESPONDER);
                assert_int_equal(f.resumed, cases[i].resumed);
                assert_string_equal(f.peer_id, "urn:cpns:gateway/1");
                assert_string_equal(g.peer_id, cases[i].a.server_expects);
                assert_string_equal(f.peer_auth,
                                    cases[i].resumed ? "resumption (certificate)" : "certificate");
                bool fresh = v == SECURE_TLS13 || !cases[i].resumed;
                assert_int_equal(f.forward_secret, fresh);
                assert_int_equal(f.kex_group[0] != '\0', fresh);
            } else {
                assert_string_equal(p.alert_sent[i == 7 ? INITIATOR : RESPONDER],
                                    "bad_certificate");
                assert_string_equal(p.alert_received[i == 7 ? RESPONDER : INITIATOR],
                                    "bad_certificate");
            }
            pair_fini(&p);
        }
        buf_fini(&ticket);
        secure_policy_free(policy);
    }
}

static void a_ticket_of_a_weaker_policy_is_worth_nothing(void **state)
{
    struct setting *t = *state;
    for (int v = SECURE_TLS12; v <= SECURE_TLS13; v++) {
        struct secure_policy *weak =
            policy_of(t, "weak", (enum secure_version)v, SECURE_AUTH_SERVER_ONLY);
        struct secure_policy *strong =
            policy_of(t, "strong", (enum secure_version)v, SECURE_AUTH_MUTUAL);
        struct attempt a = {NULL, t->gateway, "urn:cpns:gateway/1", NULL, ticket_key, {0}, 0};
        struct pair p;
        connect(&p, weak, &a);
        struct buf ticket = keep_ticket(&p);
        pair_fini(&p);
        a.ticket = buf_span(&ticket);
        connect(&p, weak, &a); /* control */
        assert_true(pair_is_established(&p) && pair_facts(&p, RESPONDER).resumed);
        pair_fini(&p);
        a.server_expects = "urn:cpns:pne/1";
        connect(&p, strong, &a);
        assert_false(pair_is_established(&p));
        assert_string_equal(p.alert_sent[RESPONDER],
                            v == SECURE_TLS13 ? "certificate_required" : "handshake_failure");
        pair_fini(&p);
        buf_fini(&ticket);
        secure_policy_free(weak);
        secure_policy_free(strong);
    }
}

/* A responder with a good certificate of the same CA, under a certificate policy, poses as the
 * holder of a pre-shared key. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_resumes_with_the_same_peer_only),
        cmocka_unit_test(a_ticket_of_a_weaker_policy_is_worth_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
