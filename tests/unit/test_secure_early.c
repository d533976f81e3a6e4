/* 0-RTT data: taken once a ticket, or as often as it is sent where nobody remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

static const char order[] = "open the door";

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *ids[ENDS];
    struct secure_policy *policies[3]; /* by enum secure_early */
    struct secure_seen *seen;
    uint8_t ticket_key[80];
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(1);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->ids[INITIATOR] = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    w->ids[RESPONDER] = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    for (int e = 0; e < 3; e++) {
        struct secure_policy_params params = pair_policy_params();
        params.tickets = true;
        params.early = (enum secure_early)e;
        w->policies[e] = pair_policy(w->env, &params, w->ca);
    }
    w->seen = secure_seen_create();
    secure_random(w->env, "gateway/1", "tickets", 0, w->ticket_key, sizeof(w->ticket_key));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int e = 0; e < 3; e++) {
        secure_policy_free(w->policies[e]);
    }
    secure_seen_free(w->seen);
    secure_identity_free(w->ids[INITIATOR]);
    secure_identity_free(w->ids[RESPONDER]);
    secure_ca_free(w->ca);
    secure_env_free(w->env);
    free(w);
    return 0;
}

static void open_pair(struct pair *p, struct world *w, enum secure_early early, uint64_t ordinal,
                      struct span ticket, bool remembers)
{
    pair_open(
        p, w->policies[early], w->policies[early],
        (struct secure_session_params){.identity = w->ids[INITIATOR],
                                       .expected_peer = "urn:cpns:gateway/1",
                                       .ordinal = ordinal,
                                       .ticket = ticket,
                                       .early_data = span_of_str(order)},
        (struct secure_session_params){.identity = w->ids[RESPONDER],
                                       .expected_peer = "urn:cpns:pne/1",
                                       .ordinal = ordinal,
                                       .ticket_key = span_of(w->ticket_key, sizeof(w->ticket_key)),
                                       .seen = remembers ? w->seen : NULL},
        (sim_time)ordinal * SIM_S);
}

static void first_session(struct world *w, enum secure_early early, struct buf *ticket)
{
    struct pair p;
    open_pair(&p, w, early, 1, span_of(NULL, 0), true);
    pair_handshake(&p);
    assert_true(pair_is_established(&p));
    assert_string_equal(pair_facts(&p, INITIATOR).early_data, "none"); /* without a ticket */
    assert_int_equal(buf_len(&p.got[RESPONDER]), 0);
    buf_append(ticket, secure_session_ticket(p.end[INITIATOR]));
    pair_fini(&p);
}

/* ClientHello, 0-RTT data --> and the same octets once more --> another session of the responder */
static void sent_again(void **state)
{
    struct world *w = *state;
    static const struct {
        enum secure_early early;
        bool remembers;
        const char *at_first, *again; /* what comes out */
    } cases[] = {
        {SECURE_EARLY_NONE, true, "", ""},
        {SECURE_EARLY_ONCE, true, order, ""},
        {SECURE_EARLY_ONCE, false, "", ""},
        {SECURE_EARLY_REPLAYABLE, true, order, order},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct buf ticket = {0};
        struct buf flight = {0};
        struct pair p;
        struct pair attack;
        first_session(w, cases[i].early, &ticket);
        open_pair(&p, w, cases[i].early, 2, buf_span(&ticket), cases[i].remembers);
        pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
        buf_append(&flight, buf_span(&p.to[RESPONDER]));
        bool offers = cases[i].early != SECURE_EARLY_NONE;
        assert_string_equal(pair_facts(&p, INITIATOR).early_data, offers ? "offered" : "none");
        assert_int_equal(pair_facts(&p, INITIATOR).early_protected, offers);
        pair_flow(&p);
        assert_true(pair_is_established(&p));
        assert_true(pair_facts(&p, INITIATOR).resumed);
        assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), cases[i].at_first));
        assert_string_equal(pair_facts(&p, INITIATOR).early_data,
                            cases[i].early == SECURE_EARLY_NONE ? "none"
                            : cases[i].at_first[0] != '\0'      ? "accepted"
                                                                : "rejected");
        assert_int_equal(pair_facts(&p, INITIATOR).early_bytes, offers ? strlen(order) : 0);
        assert_int_equal(pair_facts(&p, RESPONDER).early_bytes, strlen(cases[i].at_first));
        open_pair(&attack, w, cases[i].early, 3, span_of(NULL, 0), cases[i].remembers);
        pair_step(&attack, RESPONDER, &(struct secure_input){.wire = buf_span(&flight)});
        assert_true(span_equal_str(buf_span(&attack.got[RESPONDER]), cases[i].again));
        assert_int_equal(pair_state(&attack, RESPONDER), SECURE_HANDSHAKING);
        assert_string_equal(pair_facts(&attack, RESPONDER).early_data, !offers ? "none"
                                                                       : cases[i].again[0] != '\0'
                                                                           ? "accepted"
                                                                           : "rejected");
        /* Who takes it goes by the ticket: it has nothing else yet. */
        assert_string_equal(pair_facts(&attack, RESPONDER).peer_id,
                            cases[i].again[0] != '\0' ? "urn:cpns:pne/1" : "");
        pair_fini(&attack);
        pair_fini(&p);
        buf_fini(&flight);
        buf_fini(&ticket);
    }
}

/* Whoever alters it ends the session; what was rejected does not come out later. */
static void altered_or_cut(void **state)
{
    struct world *w = *state;
    for (int cut = 0; cut < 2; cut++) {
        struct buf ticket = {0};
        struct pair p;
        first_session(w, SECURE_EARLY_ONCE, &ticket);
        secure_seen_free(w->seen);
        w->seen = secure_seen_create();
        open_pair(&p, w, SECURE_EARLY_ONCE, 2, buf_span(&ticket), true);
        p.chunk = cut ? 7 : 0;
        pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
        if (!cut) {
            p.to[RESPONDER].data[p.to[RESPONDER].end - 1] ^= 1;
        }
        pair_flow(&p);
        assert_int_equal(pair_is_established(&p), cut);
        assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), cut ? order : ""));
        if (!cut) {
            assert_string_equal(p.alert_sent[RESPONDER], "bad_record_mac");
        }
        pair_fini(&p);
        buf_fini(&ticket);
    }
}

/* A ticket that is too old is not offered, and nothing goes under its keys; nor does what is longer
 * than the responder said that it takes, or what comes to a ticket of a server elsewhere. */
static void sent_only_where_it_may_be_taken(void **state)
{
    struct world *w = *state;
    struct buf ticket = {0};
    struct pair p;
    first_session(w, SECURE_EARLY_REPLAYABLE, &ticket);
    open_pair(&p, w, SECURE_EARLY_REPLAYABLE, 8 * 3600, buf_span(&ticket), true);
    pair_handshake(&p);
    assert_true(pair_is_established(&p));
    assert_false(pair_facts(&p, INITIATOR).resumed);
    assert_string_equal(pair_facts(&p, INITIATOR).early_data, "none");
    assert_int_equal(pair_facts(&p, INITIATOR).early_bytes, 0);
    pair_fini(&p);
    buf_clear(&ticket);

    struct secure_policy_params params = pair_policy_params();
    params.tickets = true;
    params.early = SECURE_EARLY_REPLAYABLE;
    for (uint32_t most = (uint32_t)strlen(order) - 1; most <= strlen(order); most++) {
        params.early_bytes = most;
        struct secure_policy *usual = w->policies[SECURE_EARLY_REPLAYABLE];
        w->policies[SECURE_EARLY_REPLAYABLE] = pair_policy(w->env, &params, w->ca);
        first_session(w, SECURE_EARLY_REPLAYABLE, &ticket);
        open_pair(&p, w, SECURE_EARLY_REPLAYABLE, 3, buf_span(&ticket), true);
        pair_handshake(&p);
        assert_true(pair_facts(&p, INITIATOR).resumed);
        bool fits = most == strlen(order);
        assert_string_equal(pair_facts(&p, INITIATOR).early_data, fits ? "accepted" : "none");
        assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), fits ? order : ""));
        pair_fini(&p);
        buf_clear(&ticket);
        secure_policy_free(w->policies[SECURE_EARLY_REPLAYABLE]);
        w->policies[SECURE_EARLY_REPLAYABLE] = usual;
    }

    first_session(w, SECURE_EARLY_REPLAYABLE, &ticket);
    w->ticket_key[0] ^= 1; /* the responder is another one */
    open_pair(&p, w, SECURE_EARLY_REPLAYABLE, 3, buf_span(&ticket), true);
    pair_handshake(&p);
    w->ticket_key[0] ^= 1;
    assert_true(pair_is_established(&p));
    assert_false(pair_facts(&p, INITIATOR).resumed);
    assert_string_equal(pair_facts(&p, INITIATOR).early_data, "rejected");
    assert_int_equal(buf_len(&p.got[RESPONDER]), 0);
    pair_fini(&p);
    buf_fini(&ticket);
}

/* A late copy: the age that the ticket claims does not fit any more (RFC 8446 8.3), whether or not
 * tickets are remembered. OpenSSL's window is 10 s. */
static void a_late_copy_is_not_taken(void **state)
{
    struct world *w = *state;
    static const struct {
        sim_time late;
        bool taken;
    } cases[] = {{0, true}, {8 * SIM_S, true}, {12 * SIM_S, false}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct buf ticket = {0};
        struct pair p;
        struct pair attack;
        first_session(w, SECURE_EARLY_REPLAYABLE, &ticket);
        open_pair(&p, w, SECURE_EARLY_REPLAYABLE, 2, buf_span(&ticket), true);
        pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
        open_pair(&attack, w, SECURE_EARLY_REPLAYABLE, 3, span_of(NULL, 0), true);
        attack.now = 2 * SIM_S + cases[i].late;
        pair_step(&attack, RESPONDER, &(struct secure_input){.wire = buf_span(&p.to[RESPONDER])});
        assert_true(span_equal_str(buf_span(&attack.got[RESPONDER]), cases[i].taken ? order : ""));
        assert_string_equal(pair_facts(&attack, RESPONDER).early_data,
                            cases[i].taken ? "accepted" : "rejected");
        pair_fini(&attack);
        pair_fini(&p);
        buf_fini(&ticket);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_again),
        cmocka_unit_test(altered_or_cut),
        cmocka_unit_test(sent_only_where_it_may_be_taken),
        cmocka_unit_test(a_late_copy_is_not_taken),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
