/* OCSP responses stapled to handshakes: good ones let a session stand, all others end it with
 * bad_certificate_status_response (RFC 6066 section 8), judged in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

enum { KINDS = 3 };
static const struct {
    enum secure_kind kind;
    enum secure_version version;
} kinds[KINDS] = {
    {SECURE_TLS, SECURE_TLS13}, {SECURE_TLS, SECURE_TLS12}, {SECURE_DTLS, SECURE_TLS12}};

struct world {
    struct secure_env *env;
    struct secure_ca *ca, *other;
    struct secure_identity *client;
    struct secure_policy *asks[KINDS], *ignores[KINDS];
    uint8_t ticket_key[80];
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(1);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->other = pair_ca(w->env, "other", SECURE_KEY_P256);
    w->client = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    for (int k = 0; k < KINDS; k++) {
        struct secure_policy_params params = pair_policy_params();
        params.kind = kinds[k].kind;
        params.min_version = params.max_version = kinds[k].version;
        params.tickets = true;
        w->ignores[k] = pair_policy(w->env, &params, w->ca);
        params.ocsp = true;
        w->asks[k] = pair_policy(w->env, &params, w->ca);
    }
    secure_random(w->env, "gateway/1", "tickets", 0, w->ticket_key, sizeof(w->ticket_key));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int k = 0; k < KINDS; k++) {
        secure_policy_free(w->asks[k]);
        secure_policy_free(w->ignores[k]);
    }
    secure_identity_free(w->client);
    secure_ca_free(w->ca);
    secure_ca_free(w->other);
    secure_env_free(w->env);
    free(w);
    return 0;
}

static const struct secure_staple_params a_day = {.this_update = 0, .next_update = PAIR_DAY};

static struct secure_identity *server(struct world *w, const struct secure_ca *says,
                                      const struct secure_staple_params *params)
{
    struct diag_list diags = {0};
    struct secure_identity *id = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    if (params != NULL) {
        assert_int_equal(secure_identity_staple(w->env, says, id, params, &diags), 0);
    }
    return id;
}

static void open_pair(struct pair *p, struct world *w, struct secure_policy *policy,
                      const struct secure_identity *id, sim_time now, struct span ticket)
{
    pair_open(p, policy, policy,
              (struct secure_session_params){
                  .identity = w->client, .expected_peer = "urn:cpns:gateway/1", .ticket = ticket},
              (struct secure_session_params){
                  .identity = id, .ticket_key = span_of(w->ticket_key, sizeof(w->ticket_key))},
              now);
}

static void good_ones_are_taken(void **state)
{
    struct world *w = *state;
    struct secure_identity *id = server(w, w->ca, &a_day);
    for (int k = 0; k < KINDS; k++) {
        for (int asked = 0; asked < 2; asked++) {
            struct pair p;
            open_pair(&p, w, asked ? w->asks[k] : w->ignores[k], id, PAIR_DAY / 2,
                      span_of(NULL, 0));
            pair_handshake(&p);
            assert_true(pair_is_established(&p));
            assert_string_equal(pair_facts(&p, INITIATOR).revocation, asked ? "ocsp" : "none");
            assert_string_equal(pair_facts(&p, RESPONDER).revocation, "none");
            pair_fini(&p);
        }
    }
    secure_identity_free(id);
}

static void all_others_end_the_handshake(void **state)
{
    struct world *w = *state;
    const struct secure_staple_params revoked = {.revoked = true, .next_update = PAIR_DAY};
    const struct {
        const struct secure_ca *says;
        const struct secure_staple_params *params;
        sim_time now;
    } cases[] = {
        {w->ca, NULL, 0},                        /* none at all */
        {w->ca, &revoked, PAIR_DAY / 2},         /* it says no */
        {w->ca, &a_day, PAIR_DAY + 600 * SIM_S}, /* no longer true */
        {w->ca, &a_day, -600 * SIM_S},           /* not yet */
        {w->other, &a_day, PAIR_DAY / 2},        /* said by another */
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_identity *id = server(w, cases[i].says, cases[i].params);
        for (int k = 0; k < KINDS; k++) {
            struct pair p;
            open_pair(&p, w, w->asks[k], id, cases[i].now, span_of(NULL, 0));
            pair_handshake(&p);
            assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
            assert_non_null(p.alert_sent[INITIATOR]);
            assert_string_equal(p.alert_sent[INITIATOR], "bad_certificate_status_response");
            pair_fini(&p);
            open_pair(&p, w, w->ignores[k], id, cases[i].now, span_of(NULL, 0));
            pair_handshake(&p);
            assert_true(pair_is_established(&p)); /* nobody asks */
            pair_fini(&p);
        }
        secure_identity_free(id);
    }
}

/* A resumed session has no certificate to ask about. */
static void resumption_needs_none(void **state)
{
    struct world *w = *state;
    struct secure_identity *id = server(w, w->ca, &a_day);
    for (int k = 0; k < KINDS; k++) {
        struct buf ticket = {0};
        for (int resumed = 0; resumed < 2; resumed++) {
            struct pair p;
            open_pair(&p, w, w->asks[k], id, PAIR_DAY / 2, buf_span(&ticket));
            pair_handshake(&p);
            assert_true(pair_is_established(&p));
            assert_int_equal(pair_facts(&p, INITIATOR).resumed, resumed);
            assert_string_equal(pair_facts(&p, INITIATOR).revocation, resumed ? "none" : "ocsp");
            buf_append(&ticket, secure_session_ticket(p.end[INITIATOR]));
            pair_fini(&p);
        }
        buf_fini(&ticket);
    }
    secure_identity_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_taken),
        cmocka_unit_test(all_others_end_the_handshake),
        cmocka_unit_test(resumption_needs_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
