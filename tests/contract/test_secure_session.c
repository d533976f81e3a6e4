/* What every kind of session keeps to, whatever protects it; and what only some promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/secure_pair.h"

/* The kinds, TLS in both versions. */
static const struct kind {
    const char *name;
    enum secure_kind kind;
    enum secure_version version;
} kinds[] = {{"tls 1.3", SECURE_TLS, SECURE_TLS13},
             {"tls 1.2", SECURE_TLS, SECURE_TLS12},
             {"dtls 1.2", SECURE_DTLS, SECURE_TLS12},
             {"clear", SECURE_CLEAR, SECURE_TLS13},
             {"clear-datagram", SECURE_CLEAR_DATAGRAM, SECURE_TLS13}};

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *ids[ENDS];
    struct secure_policy *policies[SIM_ARRAY_LEN(kinds)];
    struct secure_policy *with_tickets[SIM_ARRAY_LEN(kinds)];
    uint8_t ticket_key[80];
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env = pair_env(1);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->ids[INITIATOR] = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    w->ids[RESPONDER] = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    for (size_t i = 0; i < SIM_ARRAY_LEN(kinds); i++) {
        struct secure_policy_params params = pair_policy_params();
        params.kind = kinds[i].kind;
        params.min_version = params.max_version = kinds[i].version;
        w->policies[i] = pair_policy(w->env, &params, w->ca);
        params.tickets = true;
        w->with_tickets[i] = pair_policy(w->env, &params, w->ca);
    }
    secure_random(w->env, "gateway/1", "tickets", 0, w->ticket_key, sizeof(w->ticket_key));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(kinds); i++) {
        secure_policy_free(w->policies[i]);
        secure_policy_free(w->with_tickets[i]);
    }
    secure_identity_free(w->ids[INITIATOR]);
    secure_identity_free(w->ids[RESPONDER]);
    secure_ca_free(w->ca);
    secure_env_free(w->env);
    free(w);
    return 0;
}

static void open_pair(struct pair *p, struct world *w, size_t kind)
{
    pair_open(p, w->policies[kind], w->policies[kind],
              (struct secure_session_params){.identity = w->ids[INITIATOR],
                                             .expected_peer = "urn:cpns:gateway/1"},
              (struct secure_session_params){.identity = w->ids[RESPONDER],
                                             .expected_peer = "urn:cpns:pne/1"},
              0);
}

static void connect_pair(struct pair *p, struct world *w, size_t kind)
{
    open_pair(p, w, kind);
    pair_handshake(p);
    assert_true(pair_is_established(p));
}

static struct buf pattern(size_t len, uint8_t salt)
{
    struct buf b = {0};
    uint8_t *to = buf_reserve(&b, len);
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(i * 7 + i / 251 + salt);
    }
    buf_commit(&b, len);
    return b;
}

enum { DATAGRAM_HEADER_BYTES = 4 };

/* As the transport of the kind hands octets over. */
static void deliver(struct pair *p, int end, struct span octets)
{
    if (p->datagrams) {
        pair_datagram(p, end, octets);
    } else {
        pair_step(p, end, &(struct secure_input){.wire = octets});
    }
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(secure_kind_name(SECURE_TLS), "tls");
    assert_string_equal(secure_kind_name(SECURE_DTLS), "dtls");
    assert_string_equal(secure_kind_name(SECURE_CLEAR), "clear");
    assert_string_equal(secure_kind_name(SECURE_CLEAR_DATAGRAM), "clear-datagram");
}

/* However the transport cuts the octets: whole, one by one, in random pieces. */
static void establishment_and_messages_survive_any_cut(void **state)
{
    struct world *w = *state;
    static const struct {
        size_t chunk;
        uint64_t random;
    } cuts[] = {{0, 0}, {1, 0}, {3, 0}, {0, 1}, {0, 99}};
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        for (size_t c = 0; c < SIM_ARRAY_LEN(cuts); c++) {
            struct pair p;
            open_pair(&p, w, k);
            p.chunk = cuts[c].chunk;
            p.random = cuts[c].random;
            pair_handshake(&p);
            assert_true(pair_is_established(&p));
            for (int e = 0; e < ENDS; e++) {
                struct buf message = pattern(1500, (uint8_t)e);
                pair_send(&p, e, buf_span(&message));
                pair_flow(&p);
                assert_true(span_equal(buf_span(&p.got[1 - e]), buf_span(&message)));
                buf_fini(&message);
            }
            pair_fini(&p);
        }
    }
}

static void messages_of_all_sizes_arrive_in_order(void **state)
{
    struct world *w = *state;
    static const size_t sizes[] = {1, 100, 1000, 16383, 16384, 16385, 100000, 1 << 20};
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct pair p;
        bool whole = kinds[k].kind == SECURE_CLEAR_DATAGRAM; /* nothing cuts what UDP cannot hold */
        size_t count = SIM_ARRAY_LEN(sizes) - (whole ? 2 : 0);
        connect_pair(&p, w, k);
        for (int e = 0; e < ENDS; e++) {
            struct buf messages[SIM_ARRAY_LEN(sizes)];
            struct span spans[SIM_ARRAY_LEN(sizes)];
            struct buf all = {0};
            for (size_t i = 0; i < count; i++) {
                messages[i] = pattern(sizes[i], (uint8_t)(i + (size_t)e));
                spans[i] = buf_span(&messages[i]);
                buf_append(&all, spans[i]);
            }
            assert_int_equal(
                pair_step(&p, e, &(struct secure_input){.messages = spans, .message_count = count}),
                0);
            p.random = 5;
            pair_flow(&p);
            assert_true(span_equal(buf_span(&p.got[1 - e]), buf_span(&all)));
            buf_fini(&all);
            for (size_t i = 0; i < count; i++) {
                buf_fini(&messages[i]);
            }
        }
        assert_true(pair_is_established(&p));
        pair_fini(&p);
    }
}

static void an_empty_message_is_nothing(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct pair p;
        connect_pair(&p, w, k);
        size_t before = buf_len(&p.wire[INITIATOR]);
        pair_send(&p, INITIATOR, span_of(NULL, 0));
        assert_int_equal(buf_len(&p.wire[INITIATOR]), before);
        assert_true(pair_is_established(&p));
        pair_fini(&p);
    }
}

static void closing_in_order(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        for (int first = 0; first < ENDS; first++) {
            struct pair p;
            connect_pair(&p, w, k);
            /* the last message and the close leave together */
            struct span last = span_of_str("bye");
            assert_int_equal(pair_step(&p, first,
                                       &(struct secure_input){
                                           .messages = &last, .message_count = 1, .close = true}),
                             0);
            pair_flow(&p);
            assert_true(span_equal_str(buf_span(&p.got[1 - first]), "bye"));
            if (secure_kind_protects(kinds[k].kind)) {
                assert_true(pair_facts(&p, first).close_notify_sent);
                assert_true(pair_facts(&p, 1 - first).close_notify_received);
                pair_close(&p, 1 - first);
                pair_flow(&p);
                assert_int_equal(pair_state(&p, first), SECURE_CLOSED);
            } else {
                pair_cut(&p, 1 - first);
            }
            assert_int_equal(pair_state(&p, 1 - first), SECURE_CLOSED);
            assert_string_equal(secure_session_failure(p.end[0]), "");
            assert_string_equal(secure_session_failure(p.end[1]), "");
            pair_fini(&p);
        }
    }
}

static void close_and_end_of_transport_are_an_order_too(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; secure_kind_protects(kinds[k].kind); k++) {
        struct pair p;
        connect_pair(&p, w, k);
        pair_close(&p, INITIATOR);
        pair_flow(&p);
        pair_cut(&p, RESPONDER); /* heard close_notify, sent none */
        pair_cut(&p, INITIATOR); /* sent close_notify, heard none */
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_CLOSED);
        assert_int_equal(pair_state(&p, RESPONDER), SECURE_CLOSED);
        pair_fini(&p);
    }
}

/* TLS tells a cut from an end; without protection nobody can. */
static void truncation_shows(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct pair p;
        connect_pair(&p, w, k);
        pair_send(&p, INITIATOR, span_of_str("half of what I"));
        pair_flow(&p);
        pair_cut(&p, RESPONDER);
        assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), "half of what I"));
        if (secure_kind_protects(kinds[k].kind)) {
            assert_int_equal(pair_state(&p, RESPONDER), SECURE_FAILED);
            assert_string_equal(secure_session_failure(p.end[RESPONDER]), "truncated");
        } else {
            assert_int_equal(pair_state(&p, RESPONDER), SECURE_CLOSED);
        }
        pair_fini(&p);

        open_pair(&p, w, k); /* and in the middle of the handshake */
        if (secure_kind_protects(kinds[k].kind)) {
            pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
            pair_cut(&p, INITIATOR);
            pair_cut(&p, RESPONDER);
            assert_string_equal(secure_session_failure(p.end[INITIATOR]), "truncated");
            assert_string_equal(secure_session_failure(p.end[RESPONDER]), "truncated");
        }
        pair_fini(&p);
    }
}

/* Every octet of a record altered once: TLS delivers nothing altered and ends, DTLS drops it in
 * silence and goes on; clear delivers it. */
static void tampering(void **state)
{
    struct world *w = *state;
    const struct span message = span_of_str("pulse 72");
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        size_t record = SIZE_MAX;
        for (size_t at = 0; at < record; at++) {
            struct pair p;
            connect_pair(&p, w, k);
            pair_send(&p, INITIATOR, message);
            record = buf_len(&p.to[RESPONDER]);
            struct buf altered = {0};
            buf_append(&altered, buf_span(&p.to[RESPONDER]));
            if (p.datagrams) {
                buf_consume(&altered, DATAGRAM_HEADER_BYTES);
                record -= DATAGRAM_HEADER_BYTES;
            }
            altered.data[altered.start + at] ^= 0x40;
            buf_clear(&p.to[RESPONDER]);
            deliver(&p, RESPONDER, buf_span(&altered));
            buf_fini(&altered);
            if (!secure_kind_protects(kinds[k].kind)) {
                assert_int_equal(buf_len(&p.got[RESPONDER]), message.len);
                assert_false(span_equal(buf_span(&p.got[RESPONDER]), message));
            } else if (kinds[k].kind == SECURE_DTLS) {
                assert_int_equal(buf_len(&p.got[RESPONDER]), 0);
                assert_int_equal(buf_len(&p.to[INITIATOR]), 0);
                assert_null(p.alert_sent[RESPONDER]);
                assert_int_equal(pair_facts(&p, RESPONDER).records_dropped, 1);
                pair_send(&p, INITIATOR, message);
                pair_flow(&p);
                assert_true(span_equal(buf_span(&p.got[RESPONDER]), message));
            } else {
                assert_int_equal(buf_len(&p.got[RESPONDER]), 0);
                bool header = at < 5;
                if (!header) {
                    assert_string_equal(p.alert_sent[RESPONDER], "bad_record_mac");
                    assert_string_equal(secure_session_failure(p.end[RESPONDER]), "bad_record_mac");
                    pair_flow(&p);
                    assert_string_equal(p.alert_received[INITIATOR], "bad_record_mac");
                    assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
                }
                /* a header that promises more octets only stalls; a cut then shows */
                if (pair_state(&p, RESPONDER) == SECURE_ESTABLISHED) {
                    pair_cut(&p, RESPONDER);
                }
                assert_int_equal(pair_state(&p, RESPONDER), SECURE_FAILED);
            }
            pair_fini(&p);
        }
        assert_true(record < SIZE_MAX);
    }
}

/* A record sent again, and one that was left out. */
static void replay_and_loss(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        for (int lose = 0; lose < 2; lose++) {
            struct pair p;
            connect_pair(&p, w, k);
            pair_send(&p, INITIATOR, span_of_str("one"));
            struct buf first = {0};
            buf_append(&first, buf_span(&p.to[RESPONDER]));
            if (lose) {
                buf_clear(&p.to[RESPONDER]);
                pair_send(&p, INITIATOR, span_of_str("two"));
                pair_flow(&p);
            } else {
                pair_flow(&p);
                pair_step(&p, RESPONDER, &(struct secure_input){.wire = buf_span(&first)});
            }
            buf_fini(&first);
            if (kinds[k].kind == SECURE_DTLS) {
                assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), lose ? "two" : "one"));
                assert_int_equal(pair_facts(&p, RESPONDER).records_dropped, lose ? 0 : 1);
                assert_true(pair_is_established(&p));
                pair_fini(&p);
                continue;
            }
            if (kinds[k].kind == SECURE_TLS) {
                assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), lose ? "" : "one"));
                assert_string_equal(secure_session_failure(p.end[RESPONDER]), "bad_record_mac");
            } else {
                assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), lose ? "two" : "oneone"));
            }
            pair_fini(&p);
        }
    }
}

static void protected_octets_do_not_show_the_message(void **state)
{
    struct world *w = *state;
    static const char secret[] = "temperature 37.2 of the youngest";
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct pair p;
        connect_pair(&p, w, k);
        pair_send(&p, INITIATOR, span_of_str(secret));
        struct span wire = buf_span(&p.wire[INITIATOR]);
        bool seen = memmem(wire.data, wire.len, secret, strlen(secret)) != NULL;
        assert_int_equal(seen, !secure_kind_protects(kinds[k].kind));
        pair_fini(&p);
    }
}

static void wrong_state_is_refused_and_harmless(void **state)
{
    struct world *w = *state;
    const struct span message = span_of_str("too early");
    const struct secure_input in = {.messages = &message, .message_count = 1};
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        struct pair p;
        open_pair(&p, w, k);
        if (secure_kind_protects(kinds[k].kind)) {
            for (int e = 0; e < ENDS; e++) { /* before the handshake */
                assert_int_equal(pair_step(&p, e, &in), -SIM_ESTATE);
                assert_int_equal(buf_len(&p.wire[e]), 0);
                assert_int_equal(pair_state(&p, e), SECURE_HANDSHAKING);
            }
            /* nothing to do, nothing done */
            assert_int_equal(pair_step(&p, INITIATOR, &(struct secure_input){0}), 0);
            assert_int_equal(buf_len(&p.wire[INITIATOR]), 0);
        }
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        pair_close(&p, INITIATOR);
        pair_flow(&p);
        if (secure_kind_protects(kinds[k].kind)) {
            pair_close(&p, RESPONDER);
            pair_flow(&p);
        }
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_CLOSED);
        assert_int_equal(pair_step(&p, INITIATOR, &in), -SIM_ESTATE); /* after the end */
        size_t before = buf_len(&p.got[INITIATOR]);
        struct buf late = {0};
        secure_datagram_append(&late, span_of_str("late"), 0);
        assert_int_equal(pair_step(&p, INITIATOR, &(struct secure_input){.wire = buf_span(&late)}),
                         0);
        assert_int_equal(buf_len(&p.got[INITIATOR]), before);
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_CLOSED);
        buf_fini(&late);
        pair_fini(&p);
    }
}

/* Of a stream; a datagram of garbage is dropped, and the handshake goes on. */
static void garbage_ends_a_handshake(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; secure_kind_protects(kinds[k].kind); k++) {
        for (int e = 0; e < ENDS; e++) {
            struct pair p;
            open_pair(&p, w, k);
            if (e == INITIATOR) {
                pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
            }
            deliver(&p, e, span_of_str("GET / HTTP/1.1\r\n\r\n"));
            if (kinds[k].kind == SECURE_DTLS) {
                assert_int_equal(pair_state(&p, e), SECURE_HANDSHAKING);
                assert_int_equal(pair_facts(&p, e).records_dropped, 1);
                assert_null(p.alert_sent[e]);
                pair_step(&p, INITIATOR, &(struct secure_input){.start = e == RESPONDER});
                pair_flow(&p);
                assert_true(pair_is_established(&p));
                pair_fini(&p);
                continue;
            }
            assert_int_equal(pair_state(&p, e), SECURE_FAILED);
            assert_true(strlen(secure_session_failure(p.end[e])) > 0);
            pair_fini(&p);
        }
    }
}

static void tickets_are_given_when_asked_for(void **state)
{
    struct world *w = *state;
    for (size_t k = 0; k < SIM_ARRAY_LEN(kinds); k++) {
        for (int asked = 0; asked < 2; asked++) {
            struct pair p;
            struct secure_policy *policy = asked ? w->with_tickets[k] : w->policies[k];
            pair_open(&p, policy, policy,
                      (struct secure_session_params){.identity = w->ids[INITIATOR]},
                      (struct secure_session_params){
                          .identity = w->ids[RESPONDER],
                          .ticket_key = span_of(w->ticket_key, sizeof(w->ticket_key))},
                      0);
            pair_handshake(&p);
            assert_true(pair_is_established(&p));
            bool expected = asked && secure_kind_protects(kinds[k].kind);
            assert_int_equal(p.tickets[INITIATOR], expected);
            assert_int_equal(secure_session_ticket(p.end[INITIATOR]).len > 0, expected);
            assert_int_equal(secure_session_ticket(p.end[RESPONDER]).len, 0);
            pair_fini(&p);
        }
    }
}

static void an_output_may_be_used_again(void **state)
{
    struct world *w = *state;
    struct secure_output out;
    struct pair p;
    connect_pair(&p, w, 0);
    secure_output_init(&out);
    for (int i = 0; i < 3; i++) {
        struct span m = span_of_str("again");
        const struct secure_input in = {.messages = &m, .message_count = 1};
        assert_int_equal(secure_session_step(p.end[INITIATOR], &in, 0, &out), 0);
        assert_int_equal(out.ops.records, 1);
        assert_int_equal(buf_len(&out.wire), 5 + 5 + 1 + 16);
        assert_int_equal(out.state, SECURE_ESTABLISHED);
        assert_int_equal(out.handshake_bytes, 0);
        secure_output_clear(&out);
        assert_int_equal(buf_len(&out.wire), 0);
    }
    secure_output_fini(&out);
    pair_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(establishment_and_messages_survive_any_cut),
        cmocka_unit_test(messages_of_all_sizes_arrive_in_order),
        cmocka_unit_test(an_empty_message_is_nothing),
        cmocka_unit_test(closing_in_order),
        cmocka_unit_test(close_and_end_of_transport_are_an_order_too),
        cmocka_unit_test(truncation_shows),
        cmocka_unit_test(tampering),
        cmocka_unit_test(replay_and_loss),
        cmocka_unit_test(protected_octets_do_not_show_the_message),
        cmocka_unit_test(wrong_state_is_refused_and_harmless),
        cmocka_unit_test(garbage_ends_a_handshake),
        cmocka_unit_test(tickets_are_given_when_asked_for),
        cmocka_unit_test(an_output_may_be_used_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
