/* Revocation lists that an end holds for itself: a newer one takes the place of an older, an old
 * one is no answer, and tickets do not get round it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

#define HOUR (3600 * SIM_S)

enum { KINDS = 3 };
static const struct {
    enum secure_kind kind;
    enum secure_version version;
} kinds[KINDS] = {
    {SECURE_TLS, SECURE_TLS13}, {SECURE_TLS, SECURE_TLS12}, {SECURE_DTLS, SECURE_TLS12}};

struct world {
    struct secure_env *env;
    struct secure_ca *ca, *other;
    struct secure_identity *id[ENDS];
    struct secure_policy *asks[KINDS];
    uint8_t ticket_key[80];
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(1);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->other = pair_ca(w->env, "other", SECURE_KEY_P256);
    w->id[INITIATOR] = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    w->id[RESPONDER] = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    for (int k = 0; k < KINDS; k++) {
        struct secure_policy_params params = pair_policy_params();
        params.kind = kinds[k].kind;
        params.min_version = params.max_version = kinds[k].version;
        params.tickets = true;
        params.crl = true;
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
    }
    secure_identity_free(w->id[INITIATOR]);
    secure_identity_free(w->id[RESPONDER]);
    secure_ca_free(w->ca);
    secure_ca_free(w->other);
    secure_env_free(w->env);
    free(w);
    return 0;
}

/* Valid for an hour. `revoked`: an end, or ENDS for nobody. */
static struct secure_crl *list(struct world *w, const struct secure_ca *ca, uint64_t number,
                               sim_time at, int revoked)
{
    struct diag_list diags = {0};
    struct secure_crl *crl = NULL;
    const struct secure_revoked entry = {.identity = revoked < ENDS ? w->id[revoked] : NULL,
                                         .at = at};
    const struct secure_crl_params params = {
        .number = number, .this_update = at, .next_update = at + HOUR};
    assert_int_equal(secure_crl_issue(w->env, ca, &entry, revoked < ENDS, &params, &crl, &diags),
                     0);
    return crl;
}

/* `lists`: of both ends. */
static void meet(struct pair *p, struct world *w, int k, struct secure_crl *const lists[ENDS],
                 sim_time now, struct span ticket)
{
    pair_open(
        p, w->asks[k], w->asks[k],
        (struct secure_session_params){.identity = w->id[INITIATOR],
                                       .expected_peer = "urn:cpns:gateway/1",
                                       .ticket = ticket,
                                       .crl = lists[INITIATOR]},
        (struct secure_session_params){.identity = w->id[RESPONDER],
                                       .expected_peer = "urn:cpns:pne/1",
                                       .ticket_key = span_of(w->ticket_key, sizeof(w->ticket_key)),
                                       .crl = lists[RESPONDER]},
        now);
    pair_handshake(p);
}

static void each_end_has_its_own(void **state)
{
    struct world *w = *state;
    struct secure_crl *nobody = list(w, w->ca, 1, 0, ENDS);
    struct secure_crl *client = list(w, w->ca, 2, 0, INITIATOR);
    struct secure_crl *server = list(w, w->ca, 3, 0, RESPONDER);
    for (int k = 0; k < KINDS; k++) {
        struct pair p;
        meet(&p, w, k, (struct secure_crl *[]){nobody, nobody}, HOUR / 2, span_of(NULL, 0));
        assert_true(pair_is_established(&p));
        assert_string_equal(pair_facts(&p, INITIATOR).revocation, "crl");
        assert_string_equal(pair_facts(&p, RESPONDER).revocation, "crl");
        pair_fini(&p);
        meet(&p, w, k, (struct secure_crl *[]){nobody, client}, HOUR / 2, span_of(NULL, 0));
        assert_int_equal(pair_state(&p, RESPONDER), SECURE_FAILED);
        assert_string_equal(p.alert_sent[RESPONDER], "certificate_revoked");
        pair_fini(&p);
        meet(&p, w, k, (struct secure_crl *[]){server, nobody}, HOUR / 2, span_of(NULL, 0));
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
        assert_string_equal(p.alert_sent[INITIATOR], "certificate_revoked");
        pair_fini(&p);
    }
    secure_crl_free(nobody);
    secure_crl_free(client);
    secure_crl_free(server);
}

/* Old, of the future, of another CA, or none: no session, and the verdict says why. */
static void without_a_good_one_nobody_is_believed(void **state)
{
    struct world *w = *state;
    struct secure_crl *good = list(w, w->ca, 1, 0, ENDS);
    struct secure_crl *foreign = list(w, w->other, 1, 0, ENDS);
    const struct {
        struct secure_crl *list;
        sim_time now;
        const char *alert, *verdict;
    } cases[] = {
        {good, HOUR + SIM_S, "certificate_expired", "CRL has expired"},
        {good, -SIM_S, "bad_certificate", "CRL is not yet valid"},
        {foreign, HOUR / 2, "unknown_ca", "unable to get certificate CRL"},
        {NULL, HOUR / 2, "unknown_ca", "unable to get certificate CRL"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        for (int k = 0; k < KINDS; k++) {
            struct pair p;
            meet(&p, w, k, (struct secure_crl *[]){cases[i].list, cases[i].list}, cases[i].now,
                 span_of(NULL, 0));
            assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
            assert_string_equal(p.alert_sent[INITIATOR], cases[i].alert);
            assert_string_equal(pair_facts(&p, INITIATOR).verify_text, cases[i].verdict);
            pair_fini(&p);
        }
    }
    secure_crl_free(good);
    secure_crl_free(foreign);
}

/* A ticket from before: whoever has learnt meanwhile that the peer is revoked, or knows no longer,
 * wants a full handshake, which fails. */
static void a_ticket_does_not_get_round_it(void **state)
{
    struct world *w = *state;
    struct secure_crl *nobody = list(w, w->ca, 1, 0, ENDS);
    struct secure_crl *later = list(w, w->ca, 2, HOUR / 2, ENDS);
    struct secure_crl *client = list(w, w->ca, 3, HOUR / 2, INITIATOR);
    struct secure_crl *server = list(w, w->ca, 4, HOUR / 2, RESPONDER);
    const struct {
        struct secure_crl *lists[ENDS];
        sim_time now;
        const char *alert;
        int end;
    } cases[] = {
        {{later, later}, HOUR, NULL, 0},
        {{later, client}, HOUR, "certificate_revoked", RESPONDER},
        {{server, later}, HOUR, "certificate_revoked", INITIATOR},
        {{nobody, later}, HOUR + SIM_S, "certificate_expired", INITIATOR},
        {{later, nobody}, HOUR + SIM_S, "certificate_expired", RESPONDER},
    };
    for (int k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
            struct pair p;
            struct buf ticket = {0};
            meet(&p, w, k, (struct secure_crl *[]){nobody, nobody}, HOUR / 4, span_of(NULL, 0));
            assert_true(pair_is_established(&p));
            buf_append(&ticket, secure_session_ticket(p.end[INITIATOR]));
            assert_true(buf_len(&ticket) > 0);
            pair_fini(&p);
            meet(&p, w, k, cases[i].lists, cases[i].now, buf_span(&ticket));
            if (cases[i].alert == NULL) {
                assert_true(pair_is_established(&p));
                assert_true(pair_facts(&p, INITIATOR).resumed);
                assert_string_equal(pair_facts(&p, RESPONDER).revocation, "crl");
            } else {
                assert_int_equal(pair_state(&p, cases[i].end), SECURE_FAILED);
                assert_string_equal(p.alert_sent[cases[i].end], cases[i].alert);
            }
            pair_fini(&p);
            buf_fini(&ticket);
        }
    }
    secure_crl_free(nobody);
    secure_crl_free(later);
    secure_crl_free(client);
    secure_crl_free(server);
}

static void what_is_no_list_is_not_read(void **state)
{
    struct world *w = *state;
    struct secure_crl *good = list(w, w->ca, 1, 0, INITIATOR);
    struct span der = secure_crl_octets(good);
    uint8_t *longer = mem_alloc(der.len + 1);
    memcpy(longer, der.data, der.len);
    for (size_t len = 0; len < der.len; len++) {
        assert_null(secure_crl_parse(w->env, span_of(der.data, len)));
    }
    assert_null(secure_crl_parse(w->env, span_of(longer, der.len + 1)));
    struct secure_crl *again = secure_crl_parse(w->env, der);
    assert_non_null(again);
    assert_true(span_equal(secure_crl_octets(again), der));
    secure_crl_free(again);
    /* Its signature is looked at where it is used. */
    longer[der.len - 1] ^= 1;
    struct secure_crl *altered = secure_crl_parse(w->env, span_of(longer, der.len));
    assert_non_null(altered);
    struct pair p;
    meet(&p, w, 0, (struct secure_crl *[]){altered, good}, HOUR / 2, span_of(NULL, 0));
    assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
    assert_string_equal(pair_facts(&p, INITIATOR).verify_text, "CRL signature failure");
    pair_fini(&p);
    secure_crl_free(altered);
    secure_crl_free(good);
    free(longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_own),
        cmocka_unit_test(without_a_good_one_nobody_is_believed),
        cmocka_unit_test(a_ticket_does_not_get_round_it),
        cmocka_unit_test(what_is_no_list_is_not_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
