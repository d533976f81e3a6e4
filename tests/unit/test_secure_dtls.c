/* DTLS 1.2 between two ends whose datagrams are lost, doubled and reordered at will, in virtual
 * time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/rng.h"
#include "sim/secure/dtls_pieces.h"
#include "tests/support/secure_pair.h"

enum { IPV4_AND_UDP = 28 };

struct world {
    struct secure_env *env;
    struct secure_ca *ca;
    struct secure_identity *ids[ENDS];
    struct secure_policy *policy;
    uint8_t ticket_key[80];
};

static struct secure_policy_params dtls_params(void)
{
    struct secure_policy_params params = pair_policy_params();
    params.kind = SECURE_DTLS;
    return params;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    struct secure_policy_params params = dtls_params();
    w->env = pair_env(1);
    w->ca = pair_ca(w->env, "family", SECURE_KEY_P256);
    w->ids[INITIATOR] = pair_identity(w->env, w->ca, "pne/1", SECURE_KEY_P256);
    w->ids[RESPONDER] = pair_identity(w->env, w->ca, "gateway/1", SECURE_KEY_P256);
    w->policy = pair_policy(w->env, &params, w->ca);
    secure_random(w->env, "gateway/1", "tickets", 0, w->ticket_key, sizeof(w->ticket_key));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    secure_policy_free(w->policy);
    secure_identity_free(w->ids[INITIATOR]);
    secure_identity_free(w->ids[RESPONDER]);
    secure_ca_free(w->ca);
    secure_env_free(w->env);
    free(w);
    return 0;
}

static void open_pair(struct pair *p, struct world *w, size_t mtu, uint64_t ordinal)
{
    pair_open(p, w->policy, w->policy,
              (struct secure_session_params){.identity = w->ids[INITIATOR],
                                             .expected_peer = "urn:cpns:gateway/1",
                                             .ordinal = ordinal,
                                             .mtu = mtu},
              (struct secure_session_params){.identity = w->ids[RESPONDER],
                                             .expected_peer = "urn:cpns:pne/1",
                                             .ordinal = ordinal,
                                             .mtu = mtu},
              0);
}

/* --- the handshake ---------------------------------------------------------------------------- */

static const char initiator_sees[] =
    "ClientHello> HelloVerifyRequest< ClientHello> ServerHello< Certificate< ServerKeyExchange< "
    "CertificateRequest< ServerHelloDone< Certificate> ClientKeyExchange> CertificateVerify> "
    "Finished> Finished< ";

/* ClientHello --> HelloVerifyRequest --> ClientHello with the cookie: nothing was computed for an
 * address that has not answered. */
static void a_cookie_comes_first(void **state)
{
    struct pair p;
    open_pair(&p, *state, 1280, 0);
    pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
    struct span list = buf_span(&p.to[RESPONDER]);
    struct span hello;
    uint16_t message;
    assert_true(secure_datagram_take(&list, &hello, &message));
    struct buf first = {0};
    buf_append(&first, hello);
    buf_clear(&p.to[RESPONDER]);
    pair_datagram(&p, RESPONDER, buf_span(&first));
    buf_fini(&first);
    assert_true(
        span_equal_str(buf_span(&p.messages[RESPONDER]), "ClientHello< HelloVerifyRequest> "));
    assert_int_equal(p.ops[RESPONDER].key_generate + p.ops[RESPONDER].sign, 0);
    pair_flow(&p);
    assert_true(pair_is_established(&p));
    assert_true(span_equal_str(buf_span(&p.messages[INITIATOR]), initiator_sees));
    pair_fini(&p);
}

/* The HelloVerifyRequest of a responder with this secret to a client at this address, and what it
 * says to a ClientHello whose cookie differs in one bit. */
static void ask_for_cookie(struct world *w, const char *secret, const char *address,
                           uint8_t cookie[32])
{
    enum { HELLO_COOKIE_AT = 13 + 12 + 2 + 32 + 1 + 1, VERIFY_COOKIE_AT = 13 + 12 + 2 + 1 };
    struct pair p;
    pair_open(&p, w->policy, w->policy,
              (struct secure_session_params){.identity = w->ids[INITIATOR]},
              (struct secure_session_params){.identity = w->ids[RESPONDER],
                                             .cookie_secret = span_of_str(secret),
                                             .peer_address = span_of_str(address)},
              0);
    pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
    pair_step(&p, RESPONDER, &(struct secure_input){.wire = buf_span(&p.to[RESPONDER])});
    memcpy(cookie, buf_span(&p.wire[RESPONDER]).data + VERIFY_COOKIE_AT, 32);
    buf_clear(&p.to[RESPONDER]);
    pair_step(&p, INITIATOR, &(struct secure_input){.wire = buf_span(&p.to[INITIATOR])});
    struct span list = buf_span(&p.to[RESPONDER]);
    struct span hello;
    uint16_t message;
    struct buf wrong = {0};
    assert_true(secure_datagram_take(&list, &hello, &message));
    buf_append(&wrong, hello);
    assert_memory_equal(wrong.data + HELLO_COOKIE_AT, cookie, 32);
    wrong.data[HELLO_COOKIE_AT] ^= 1;
    pair_datagram(&p, RESPONDER, buf_span(&wrong));
    assert_string_equal(p.alert_sent[RESPONDER], "handshake_failure");
    assert_int_equal(p.ops[RESPONDER].key_generate, 0);
    buf_fini(&wrong);
    pair_fini(&p);
}

/* The cookie of one address is none of another's: RFC 6347 4.2.1. */
static void a_cookie_belongs_to_an_address(void **state)
{
    uint8_t cookies[4][32];
    ask_for_cookie(*state, "secret", "here", cookies[0]);
    ask_for_cookie(*state, "secret", "here", cookies[1]);
    ask_for_cookie(*state, "secret", "there", cookies[2]);
    ask_for_cookie(*state, "another", "here", cookies[3]);
    assert_memory_equal(cookies[0], cookies[1], 32);
    assert_memory_not_equal(cookies[0], cookies[2], 32);
    assert_memory_not_equal(cookies[0], cookies[3], 32);
}

static void what_was_negotiated(void **state)
{
    struct pair p;
    open_pair(&p, *state, 1280, 0);
    pair_handshake(&p);
    for (int e = 0; e < ENDS; e++) {
        struct secure_facts f = pair_facts(&p, e);
        assert_string_equal(f.version, "DTLSv1.2");
        assert_string_equal(f.kex_group, "X25519");
        assert_string_equal(f.peer_id, e == INITIATOR ? "urn:cpns:gateway/1" : "urn:cpns:pne/1");
        assert_string_equal(f.peer_auth, "certificate");
        assert_string_equal(f.peer_signature, "ecdsa_sha256");
        assert_true(f.forward_secret && f.extended_master_secret && f.aead_or_mac);
        struct secure_facts other = pair_facts(&p, 1 - e);
        assert_true(f.secret != 0 && f.secret == other.secret);
        assert_true(f.client_random == other.client_random);
        assert_true(f.server_random == other.server_random);
        assert_true(f.peer_fingerprint != 0 && f.peer_fingerprint == other.own_certificate);
        assert_int_equal(f.records_dropped, 0);
        assert_int_equal(p.flights[e], 0);
        assert_int_equal(p.ops[e].sign, 1);
        assert_int_equal(p.ops[e].verify, 1);
        assert_int_equal(p.ops[e].chain_verify, 1);
        assert_int_equal(p.ops[e].key_generate, 1);
        assert_int_equal(p.ops[e].key_agree, 1);
        assert_true(p.deadline[e] == SIM_TIME_NEVER);
    }
    pair_fini(&p);
}

/* Datagrams keep to the MTU, down to OpenSSL's floor; below it a session is refused, because
 * OpenSSL would send nothing and wait for ever. */
static void datagrams_fit_the_mtu(void **state)
{
    struct world *w = *state;
    static const size_t mtus[] = {SECURE_DTLS_MTU_LEAST, 300, 576, 1280, 1500, 9000, 65535};
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < SIM_ARRAY_LEN(mtus); i++) {
        struct pair p;
        size_t most = mtus[i] < SECURE_DTLS_MTU_MOST ? mtus[i] : SECURE_DTLS_MTU_MOST;
        open_pair(&p, w, mtus[i], 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        size_t sent = p.sent[INITIATOR] + p.sent[RESPONDER];
        assert_true(sent <= before);
        before = sent;
        uint8_t message[5000];
        memset(message, 'x', sizeof(message));
        for (size_t len = 1; len < sizeof(message); len += 97) {
            buf_clear(&p.got[RESPONDER]);
            pair_send(&p, INITIATOR, span_of(message, len));
            pair_flow(&p);
            assert_int_equal(buf_len(&p.got[RESPONDER]), len);
        }
        assert_true(p.longest <= most - IPV4_AND_UDP);
        assert_true(p.longest > most - IPV4_AND_UDP - 40);
        pair_fini(&p);
    }
    struct secure_session *s;
    assert_int_equal(
        secure_session_open(
            w->policy,
            &(struct secure_session_params){.owner = "x", .mtu = SECURE_DTLS_MTU_LEAST - 1}, 0, &s),
        -SIM_EINVAL);
}

static void ed25519_is_refused(void **state)
{
    struct world *w = *state;
    struct secure_identity *id = pair_identity(w->env, w->ca, "pne/2", SECURE_KEY_ED25519);
    struct secure_session *s;
    assert_int_equal(secure_session_open(
                         w->policy,
                         &(struct secure_session_params){.owner = "x", .mtu = 1280, .identity = id},
                         0, &s),
                     -SIM_ENOTSUP);
    secure_identity_free(id);
}

/* --- loss --------------------------------------------------------------------------------------
 */

/* Removes datagram number `lost` (over both directions, from 0) of all that flow. */
struct line {
    size_t number;
    size_t lost;
};

static void flow_but_one(struct pair *p, struct line *line)
{
    while (buf_len(&p->to[INITIATOR]) + buf_len(&p->to[RESPONDER]) > 0) {
        for (int e = 0; e < ENDS; e++) {
            struct buf all = {0};
            buf_move(&all, &p->to[e]);
            struct span list = buf_span(&all);
            struct span datagram;
            uint16_t message;
            while (secure_datagram_take(&list, &datagram, &message)) {
                if (line->number++ != line->lost) {
                    pair_datagram(p, e, datagram);
                }
            }
            buf_fini(&all);
        }
    }
}

/* Whichever datagram of the handshake is lost, its flight is sent again a second later, and what is
 * repeated is neither computed nor told again. */
static void any_datagram_may_be_lost(void **state)
{
    struct world *w = *state;
    struct pair whole;
    open_pair(&whole, w, 400, 0);
    pair_handshake(&whole);
    size_t count = whole.sent[INITIATOR] + whole.sent[RESPONDER];
    assert_true(count > 8);
    for (size_t lost = 0; lost < count; lost++) {
        struct line line = {.lost = lost};
        struct pair p;
        open_pair(&p, w, 400, 0);
        pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
        flow_but_one(&p, &line);
        bool last_flight = pair_state(&p, RESPONDER) == SECURE_ESTABLISHED;
        for (int i = 0; i < 4 && !pair_is_established(&p); i++) {
            assert_true(pair_expire(&p));
            flow_but_one(&p, &line);
        }
        assert_true(pair_is_established(&p));
        assert_true(p.now >= SIM_S && p.now < 2 * SIM_S);
        assert_true(p.flights[INITIATOR] + p.flights[RESPONDER] > 0);
        assert_true(!last_flight || p.flights[RESPONDER] == 1);
        assert_true(span_equal(buf_span(&p.messages[INITIATOR]), buf_span(&whole.messages[0])));
        /* to a ClientHello without a cookie a responder says the same again: it keeps nothing */
        assert_true(lost < 2 ||
                    span_equal(buf_span(&p.messages[RESPONDER]), buf_span(&whole.messages[1])));
        for (int e = 0; e < ENDS; e++) {
            assert_int_equal(p.ops[e].sign, 1);
            assert_int_equal(p.ops[e].key_generate, 1);
            assert_int_equal(p.ops[e].key_agree, 1);
            assert_int_equal(p.ops[e].verify, 1);
        }
        pair_send(&p, INITIATOR, span_of_str("after all"));
        pair_flow(&p);
        assert_true(span_equal_str(buf_span(&p.got[RESPONDER]), "after all"));
        pair_fini(&p);
    }
    pair_fini(&whole);
}

/* Nobody answers: 1, 2, 4, 8, 16 s of virtual time, or from what the policy says. */
static void the_timer_doubles(void **state)
{
    struct world *w = *state;
    static const sim_time firsts[] = {0, 9 * SIM_S, 250 * SIM_MS};
    for (size_t i = 0; i < SIM_ARRAY_LEN(firsts); i++) {
        struct secure_policy_params params = dtls_params();
        params.retransmit_after = firsts[i];
        struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
        sim_time step = firsts[i] != 0 ? firsts[i] : SIM_S;
        sim_time due = 0;
        struct pair p;
        pair_open(&p, policy, policy, (struct secure_session_params){.identity = w->ids[INITIATOR]},
                  (struct secure_session_params){.identity = w->ids[RESPONDER]}, 0);
        pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
        for (size_t n = 1; n <= 8; n++) {
            due += step;
            step = step * 2 < 60 * SIM_S ? step * 2 : 60 * SIM_S;
            assert_int_equal(p.sent[INITIATOR], n);
            assert_true(p.deadline[INITIATOR] == due);
            buf_clear(&p.to[RESPONDER]);
            assert_true(pair_expire(&p));
            assert_int_equal(p.flights[INITIATOR], n);
        }
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

/* Loses, doubles and swaps datagrams as the stream says; what it holds back comes later. */
static void flow_badly(struct pair *p, struct rng *rng)
{
    enum { ROUNDS = 40 };
    for (int i = 0; i < ROUNDS && buf_len(&p->to[0]) + buf_len(&p->to[1]) > 0; i++) {
        for (int e = 0; e < ENDS; e++) {
            struct buf all = {0};
            struct buf held = {0};
            buf_move(&all, &p->to[e]);
            struct span list = buf_span(&all);
            struct span datagram;
            uint16_t message;
            while (secure_datagram_take(&list, &datagram, &message)) {
                uint64_t fate = rng_below(rng, 10);
                if (fate == 9) {
                    secure_datagram_append(&held, datagram, 0);
                } else if (fate > 1) {
                    pair_datagram(p, e, datagram);
                }
                if (fate == 2) {
                    pair_datagram(p, e, datagram);
                }
            }
            list = buf_span(&held);
            while (secure_datagram_take(&list, &datagram, &message)) {
                pair_datagram(p, e, datagram);
            }
            buf_fini(&all);
            buf_fini(&held);
        }
    }
}

static void a_bad_line_delays_and_alters_nothing(void **state)
{
    enum { LINES = 120, MESSAGES = 20 };
    struct world *w = *state;
    size_t repeated = 0;
    size_t delivered = 0;
    for (uint64_t line = 0; line < LINES; line++) {
        struct rng rng;
        struct pair p;
        rng_init(&rng, line, "test", "line");
        open_pair(&p, w, line % 2 == 0 ? SECURE_DTLS_MTU_LEAST : 1280, line);
        pair_step(&p, INITIATOR, &(struct secure_input){.start = true});
        flow_badly(&p, &rng);
        while (!pair_is_established(&p) && p.now < 600 * SIM_S) {
            assert_true(pair_expire(&p));
            flow_badly(&p, &rng);
        }
        assert_true(pair_is_established(&p));
        repeated += p.flights[INITIATOR] + p.flights[RESPONDER];
        for (int n = 0; n < MESSAGES; n++) {
            uint8_t message[700];
            size_t len = n % 2 == 0 ? 50 : sizeof(message);
            memset(message, n, len);
            buf_clear(&p.got[RESPONDER]);
            pair_send(&p, INITIATOR, span_of(message, len));
            flow_badly(&p, &rng);
            struct span got = buf_span(&p.got[RESPONDER]);
            assert_true(got.len == 0 || span_equal(got, span_of(message, len)));
            delivered += got.len > 0;
        }
        assert_true(pair_is_established(&p));
        assert_null(p.alert_sent[INITIATOR]);
        assert_null(p.alert_sent[RESPONDER]);
        pair_fini(&p);
    }
    assert_true(repeated > LINES);
    assert_true(delivered > LINES * MESSAGES / 2 && delivered < LINES * MESSAGES);
}

/* --- what else there is ------------------------------------------------------------------------
 */

static void tickets_resume(void **state)
{
    struct world *w = *state;
    struct secure_policy_params params = dtls_params();
    params.tickets = true;
    struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
    struct buf ticket = {0};
    for (uint64_t ordinal = 0; ordinal < 2; ordinal++) {
        struct pair p;
        pair_open(&p, policy, policy,
                  (struct secure_session_params){.identity = w->ids[INITIATOR],
                                                 .expected_peer = "urn:cpns:gateway/1",
                                                 .ordinal = ordinal,
                                                 .ticket = buf_span(&ticket)},
                  (struct secure_session_params){.identity = w->ids[RESPONDER],
                                                 .expected_peer = "urn:cpns:pne/1",
                                                 .ordinal = ordinal,
                                                 .ticket_key =
                                                     span_of(w->ticket_key, sizeof(w->ticket_key))},
                  0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        for (int e = 0; e < ENDS; e++) {
            assert_int_equal(pair_facts(&p, e).resumed, ordinal == 1);
            assert_int_equal(p.ops[e].sign, ordinal == 0);
        }
        buf_clear(&ticket);
        buf_append(&ticket, secure_session_ticket(p.end[INITIATOR]));
        pair_fini(&p);
    }
    buf_fini(&ticket);
    secure_policy_free(policy);
}

/* RFC 7925 4.2: the suite of the smallest devices, and what it lacks. */
static void a_shared_key_alone_gives_no_forward_secrecy(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *ciphers;
        bool forward_secret;
    } cases[] = {{"PSK-AES128-CCM8", false}, {"ECDHE-PSK-CHACHA20-POLY1305", true}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct secure_policy_params params = dtls_params();
        params.auth = SECURE_AUTH_PSK;
        params.ciphers = cases[i].ciphers;
        struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
        for (int right = 1; right >= 0; right--) {
            struct pair p;
            pair_open(&p, policy, policy,
                      (struct secure_session_params){.psk = span_of_str("0123456789abcdef"),
                                                     .psk_identity = "pne/1"},
                      (struct secure_session_params){
                          .psk = span_of_str(right ? "0123456789abcdef" : "another key"),
                          .psk_identity = "pne/1"},
                      0);
            pair_handshake(&p);
            assert_int_equal(pair_is_established(&p), right);
            if (right) {
                assert_string_equal(pair_facts(&p, RESPONDER).peer_auth, "psk");
                assert_int_equal(pair_facts(&p, RESPONDER).forward_secret, cases[i].forward_secret);
            } else {
                /* Finished does not decrypt: dropped in silence (RFC 6347 4.1.2.7) */
                assert_null(p.alert_sent[RESPONDER]);
                assert_int_equal(pair_state(&p, RESPONDER), SECURE_HANDSHAKING);
                assert_int_equal(pair_facts(&p, RESPONDER).records_dropped, 1);
            }
            pair_fini(&p);
        }
        secure_policy_free(policy);
    }
}

/* Records of the length that the client asks for (RFC 6066), pieces and handshake alike. */
static void records_of_the_length_agreed_on(void **state)
{
    struct world *w = *state;
    static const size_t lengths[] = {512, 1024, 2048, 4096};
    for (size_t i = 0; i < SIM_ARRAY_LEN(lengths); i++) {
        struct secure_policy_params params = dtls_params();
        params.max_fragment_length = lengths[i];
        struct secure_policy *policy = pair_policy(w->env, &params, w->ca);
        struct pair p;
        uint8_t message[5000] = {1};
        pair_open(&p, policy, policy,
                  (struct secure_session_params){.identity = w->ids[INITIATOR], .mtu = 4096},
                  (struct secure_session_params){.identity = w->ids[RESPONDER], .mtu = 4096}, 0);
        pair_handshake(&p);
        assert_true(pair_is_established(&p));
        p.longest = 0;
        for (int e = 0; e < ENDS; e++) {
            pair_send(&p, e, span_of(message, sizeof(message)));
            pair_flow(&p);
            assert_true(span_equal(buf_span(&p.got[1 - e]), span_of(message, sizeof(message))));
        }
        assert_true(p.longest <= lengths[i] + 13 + 24);
        assert_true(lengths[i] > 4000 || p.longest >= lengths[i]);
        pair_fini(&p);
        secure_policy_free(policy);
    }
}

/* Who is not meant is refused with the alert of TLS 1.2. */
static void refusals(void **state)
{
    struct world *w = *state;
    struct secure_ca *other = pair_ca(w->env, "stranger", SECURE_KEY_P256);
    struct secure_identity *stranger = pair_identity(w->env, other, "gateway/1", SECURE_KEY_P256);
    static const char *const alerts[] = {"unknown_ca", "bad_certificate", "handshake_failure"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(alerts); i++) {
        struct pair p;
        pair_open(&p, w->policy, w->policy,
                  (struct secure_session_params){.identity = i == 2 ? NULL : w->ids[INITIATOR],
                                                 .expected_peer = i == 1 ? "urn:cpns:gateway/2"
                                                                         : "urn:cpns:gateway/1"},
                  (struct secure_session_params){.identity = i == 0 ? stranger : w->ids[RESPONDER]},
                  0);
        pair_handshake(&p);
        int who = i == 2 ? RESPONDER : INITIATOR;
        assert_non_null(p.alert_sent[who]);
        assert_string_equal(p.alert_sent[who], alerts[i]);
        assert_string_equal(p.alert_received[1 - who], alerts[i]);
        assert_int_equal(pair_state(&p, INITIATOR), SECURE_FAILED);
        assert_int_equal(pair_state(&p, RESPONDER), SECURE_FAILED);
        pair_fini(&p);
    }
    secure_identity_free(stranger);
    secure_ca_free(other);
}

/* --- messages in pieces ------------------------------------------------------------------------
 */

static void pieces_come_together_in_any_order(void **state)
{
    enum { LEN = 1000, ROOM = 109, COUNT = 10 };
    (void)state;
    uint8_t message[LEN];
    for (size_t i = 0; i < LEN; i++) {
        message[i] = (uint8_t)(i * 31);
    }
    struct span whole = span_of(message, LEN);
    assert_int_equal(pieces_count(ROOM - 1, ROOM), 1);
    assert_int_equal(pieces_count(ROOM, ROOM), 2);
    assert_int_equal(pieces_count(LEN, ROOM), COUNT);
    assert_int_equal(pieces_count(SIZE_MAX / 2, ROOM), 0);
    for (size_t step = 1; step < COUNT; step += 2) {
        if (step == 5) {
            continue; /* not prime to COUNT */
        }
        struct pieces *p = pieces_create();
        struct buf out = {0};
        for (size_t i = 0; i < COUNT; i++) {
            struct buf record = {0};
            assert_int_equal(buf_len(&out), 0);
            pieces_make(whole, ROOM, 7, i * step % COUNT, &record);
            assert_true(buf_len(&record) <= ROOM);
            assert_int_equal(pieces_take(p, buf_span(&record), 0, &out), 0);
            buf_fini(&record);
        }
        assert_true(span_equal(buf_span(&out), whole));
        buf_fini(&out);
        pieces_free(p);
    }
}

static void take(struct pieces *p, size_t number, size_t index, sim_time now, struct buf *out)
{
    uint8_t message[100];
    struct buf record = {0};
    memset(message, (int)number, sizeof(message));
    pieces_make(span_of(message, sizeof(message)), 59, (uint32_t)number, index, &record);
    assert_int_equal(pieces_take(p, buf_span(&record), now, out), 0);
    buf_fini(&record);
}

static void half_messages_are_forgotten(void **state)
{
    (void)state;
    struct pieces *p = pieces_create();
    struct buf out = {0};
    /* too late */
    take(p, 1, 0, 0, &out);
    take(p, 1, 1, PIECES_TIMEOUT + 1, &out);
    assert_int_equal(buf_len(&out), 0);
    take(p, 1, 0, PIECES_TIMEOUT + 2, &out); /* and now both */
    assert_int_equal(buf_len(&out), 100);
    /* too many: the oldest goes */
    for (size_t n = 0; n <= PIECES_MESSAGES_MOST; n++) {
        take(p, 10 + n, 0, 40 * SIM_S + (sim_time)n, &out);
    }
    buf_clear(&out);
    for (size_t n = PIECES_MESSAGES_MOST; n > 0; n--) {
        take(p, 10 + n, 1, 41 * SIM_S, &out);
        assert_int_equal(buf_len(&out), (PIECES_MESSAGES_MOST - n + 1) * 100);
    }
    take(p, 10, 1, 41 * SIM_S, &out);
    assert_int_equal(buf_len(&out), PIECES_MESSAGES_MOST * 100);
    buf_fini(&out);
    pieces_free(p);
}

static void pieces_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        uint8_t octets[12];
        size_t len;
    } cases[] = {
        {{0}, 0},                               /* nothing */
        {{2, 1}, 2},                            /* no such kind */
        {{1, 0, 0, 0, 1, 0, 0, 0}, 8},          /* cut short */
        {{1, 0, 0, 0, 1, 0, 0, 0, 2}, 9},       /* an empty piece */
        {{1, 0, 0, 0, 1, 0, 2, 0, 2, 'x'}, 10}, /* index beyond the count */
        {{1, 0, 0, 0, 1, 0, 0, 0, 0, 'x'}, 10}, /* no pieces at all */
    };
    struct pieces *p = pieces_create();
    struct buf out = {0};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct span record = span_of(cases[i].octets, cases[i].len);
        assert_int_equal(pieces_take(p, record, 0, &out), -SIM_EBADMSG);
    }
    /* the same piece twice, and another count than before */
    static const uint8_t first[] = {1, 0, 0, 0, 9, 0, 0, 0, 3, 'a'};
    static const uint8_t count[] = {1, 0, 0, 0, 9, 0, 1, 0, 2, 'b'};
    for (int i = 0; i < 2; i++) {
        struct span again = i == 0 ? span_of(first, sizeof(first)) : span_of(count, sizeof(count));
        assert_int_equal(pieces_take(p, span_of(first, sizeof(first)), 0, &out), 0);
        assert_int_equal(pieces_take(p, again, 0, &out), -SIM_EBADMSG);
    }
    assert_int_equal(buf_len(&out), 0);
    buf_fini(&out);
    pieces_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cookie_comes_first),
        cmocka_unit_test(a_cookie_belongs_to_an_address),
        cmocka_unit_test(what_was_negotiated),
        cmocka_unit_test(datagrams_fit_the_mtu),
        cmocka_unit_test(ed25519_is_refused),
        cmocka_unit_test(any_datagram_may_be_lost),
        cmocka_unit_test(the_timer_doubles),
        cmocka_unit_test(a_bad_line_delays_and_alters_nothing),
        cmocka_unit_test(tickets_resume),
        cmocka_unit_test(a_shared_key_alone_gives_no_forward_secrecy),
        cmocka_unit_test(records_of_the_length_agreed_on),
        cmocka_unit_test(refusals),
        cmocka_unit_test(pieces_come_together_in_any_order),
        cmocka_unit_test(half_messages_are_forgotten),
        cmocka_unit_test(pieces_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
