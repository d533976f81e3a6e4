/* The short ways through a handshake change what it costs and nothing else: a certificate that must
 * fail still fails, also where the same certificate was found good before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/secure/env_internal.h"
#include "sim/secure/known.h"
#include "tests/support/secure_pair.h"

struct parts {
    struct secure_env *env;
    struct secure_ca *ca, *other_ca;
    struct secure_identity *phone, *server;
    struct secure_policy *policy;
};

static struct parts make(void)
{
    struct parts p = {.env = pair_env(7)};
    p.ca = pair_ca(p.env, "one", SECURE_KEY_P256);
    p.other_ca = pair_ca(p.env, "two", SECURE_KEY_P256);
    p.phone = pair_identity(p.env, p.ca, "phone", SECURE_KEY_P256);
    p.server = pair_identity(p.env, p.ca, "server", SECURE_KEY_P256);
    struct secure_policy_params params = pair_policy_params();
    params.groups = "P-256";
    p.policy = pair_policy(p.env, &params, p.ca);
    return p;
}

static void drop(struct parts *p)
{
    secure_policy_free(p->policy);
    secure_identity_free(p->phone);
    secure_identity_free(p->server);
    secure_ca_free(p->ca);
    secure_ca_free(p->other_ca);
    secure_env_free(p->env);
}

/* phone --> server at `now`; the alert that was sent, or NULL when the session stood. */
static const char *connect(const struct parts *p, struct secure_policy *phone_policy,
                           const char *expected_server, sim_time now)
{
    static uint64_t ordinal;
    ordinal++;
    struct pair pair = {0};
    struct secure_session_params phone = {.owner = "phone",
                                          .ordinal = ordinal,
                                          .identity = p->phone,
                                          .expected_peer = expected_server};
    struct secure_session_params server = {.owner = "server",
                                           .ordinal = ordinal,
                                           .identity = p->server,
                                           .expected_peer = "urn:cpns:phone"};
    pair_open(&pair, phone_policy, p->policy, phone, server, now);
    pair_handshake(&pair);
    const char *alert = pair.alert_sent[INITIATOR] != NULL ? pair.alert_sent[INITIATOR]
                                                           : pair.alert_sent[RESPONDER];
    assert_int_equal(pair_is_established(&pair), alert == NULL);
    pair_fini(&pair);
    return alert;
}

static void the_second_time_is_the_short_way(void **state)
{
    (void)state;
    struct parts p = make();
    struct known_counts counts;
    assert_null(connect(&p, p.policy, "urn:cpns:server", 0));
    known_counts(p.env->known, &counts);
    assert_int_equal(counts.recognised, 2); /* each end's certificate, at the other */
    assert_int_equal(counts.parsed, 0);
    assert_int_equal(counts.verified, 2);
    assert_int_equal(counts.remembered, 0);
    for (int i = 0; i < 3; i++) {
        assert_null(connect(&p, p.policy, "urn:cpns:server", i * SIM_S));
    }
    known_counts(p.env->known, &counts);
    assert_int_equal(counts.recognised, 8);
    assert_int_equal(counts.verified, 2);
    assert_int_equal(counts.remembered, 6);
    drop(&p);
}

static void a_known_certificate_expires(void **state)
{
    (void)state;
    struct parts p = make();
    assert_null(connect(&p, p.policy, "urn:cpns:server", 0));
    assert_null(connect(&p, p.policy, "urn:cpns:server", 364 * PAIR_DAY));
    assert_string_equal(connect(&p, p.policy, "urn:cpns:server", 367 * PAIR_DAY),
                        "certificate_expired");
    assert_string_equal(connect(&p, p.policy, "urn:cpns:server", -2 * PAIR_DAY), "bad_certificate");
    assert_null(connect(&p, p.policy, "urn:cpns:server", 0));
    drop(&p);
}

static void a_known_certificate_is_asked_for_its_name(void **state)
{
    (void)state;
    struct parts p = make();
    assert_null(connect(&p, p.policy, "urn:cpns:server", 0));
    assert_non_null(connect(&p, p.policy, "urn:cpns:serve", 0));
    assert_non_null(connect(&p, p.policy, "urn:cpns:server2", 0));
    drop(&p);
}

static void a_known_certificate_is_nothing_to_another_trust_store(void **state)
{
    (void)state;
    struct parts p = make();
    struct secure_policy_params params = pair_policy_params();
    assert_null(connect(&p, p.policy, "urn:cpns:server", 0));
    /* Made and freed, so that later ones may lie where an earlier one lay. */
    for (int i = 0; i < 4; i++) {
        struct secure_policy *stranger = pair_policy(p.env, &params, p.other_ca);
        assert_string_equal(connect(&p, stranger, "urn:cpns:server", 0), "unknown_ca");
        secure_policy_free(stranger);
        struct secure_policy *friend = pair_policy(p.env, &params, p.ca);
        assert_null(connect(&p, friend, "urn:cpns:server", 0));
        secure_policy_free(friend);
    }
    drop(&p);
}

/* Every octet of the responder's Certificate message of TLS 1.2, which travels in the clear: what
 * the initiator gets is another certificate then, and no session comes of it. */
static void one_octet_makes_it_unknown(void **state)
{
    (void)state;
    struct parts p = make();
    struct secure_policy_params params = pair_policy_params();
    params.min_version = params.max_version = SECURE_TLS12;
    struct secure_policy *policy = pair_policy(p.env, &params, p.ca);
    struct span der = secure_identity_certificate(p.server);
    struct known_counts before;
    struct known_counts after;
    for (size_t at = 0; at < der.len; at += 7) {
        struct pair pair = {0};
        struct secure_session_params phone = {
            .owner = "phone", .ordinal = at, .identity = p.phone, .expected_peer = NULL};
        struct secure_session_params server = {
            .owner = "server", .ordinal = at, .identity = p.server, .expected_peer = NULL};
        known_counts(p.env->known, &before);
        pair_open(&pair, policy, policy, phone, server, 0);
        pair_step(&pair, INITIATOR, &(struct secure_input){.start = true});
        struct buf hello = {0};
        buf_move(&hello, &pair.to[RESPONDER]);
        pair_step(&pair, RESPONDER, &(struct secure_input){.wire = buf_span(&hello)});
        buf_fini(&hello);
        struct span flight = buf_span(&pair.to[INITIATOR]);
        uint8_t *hit = memmem(flight.data, flight.len, der.data, der.len);
        assert_non_null(hit);
        hit[at] ^= 0x01;
        pair_flow(&pair);
        assert_false(pair_is_established(&pair));
        known_counts(p.env->known, &after);
        assert_int_equal(after.recognised, before.recognised);
        pair_fini(&pair);
    }
    secure_policy_free(policy);
    drop(&p);
}

/* A key share that is no point of the curve is refused although the long validation is left out. */
static void a_point_off_the_curve_is_refused(void **state)
{
    (void)state;
    struct parts p = make();
    for (int bit = 0; bit < 8; bit++) {
        struct pair pair = {0};
        struct secure_session_params phone = {
            .owner = "phone", .ordinal = (uint64_t)bit, .identity = p.phone};
        struct secure_session_params server = {
            .owner = "server", .ordinal = (uint64_t)bit, .identity = p.server};
        pair_open(&pair, p.policy, p.policy, phone, server, 0);
        pair_step(&pair, INITIATOR, &(struct secure_input){.start = true});
        struct span hello = buf_span(&pair.to[RESPONDER]);
        /* key_exchange of KeyShareEntry: secp256r1, 65 octets, uncompressed */
        static const uint8_t entry[] = {0x00, 0x17, 0x00, 0x41, 0x04};
        uint8_t *share = memmem(hello.data, hello.len, entry, sizeof(entry));
        assert_non_null(share);
        share[sizeof(entry) + 20] ^= (uint8_t)(1U << bit);
        pair_flow(&pair);
        assert_false(pair_is_established(&pair));
        assert_string_equal(pair.alert_sent[RESPONDER], "illegal_parameter");
        pair_fini(&pair);
    }
    drop(&p);
}

/* A chain that was looked at before is the short way for whom it was looked at, and for nobody
 * else; one that was bad then is looked at again. */
static void foreseen_is_verified_for_one_asker_alone(void **state)
{
    (void)state;
    struct parts p = make();
    struct secure_policy_params params = pair_policy_params();
    struct secure_policy *stranger = pair_policy(p.env, &params, p.other_ca);
    struct known_counts counts;
    secure_policy_foresee(p.policy, p.phone, true, 0);
    secure_policy_foresee(p.policy, p.server, false, 367 * PAIR_DAY);
    secure_policy_foresee(stranger, p.server, false, 0);
    known_counts(p.env->known, &counts);
    assert_int_equal(counts.verified, 3);
    assert_null(connect(&p, p.policy, "urn:cpns:server", 0));
    known_counts(p.env->known, &counts);
    assert_int_equal(counts.verified, 4);   /* the server's: it was expired then */
    assert_int_equal(counts.remembered, 1); /* the phone's */
    assert_string_equal(connect(&p, stranger, "urn:cpns:server", 0), "unknown_ca");
    assert_string_equal(connect(&p, p.policy, "urn:cpns:server", 367 * PAIR_DAY),
                        "certificate_expired");
    assert_non_null(connect(&p, p.policy, "urn:cpns:serve", 0));
    secure_policy_free(stranger);
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_time_is_the_short_way),
        cmocka_unit_test(a_known_certificate_expires),
        cmocka_unit_test(a_known_certificate_is_asked_for_its_name),
        cmocka_unit_test(a_known_certificate_is_nothing_to_another_trust_store),
        cmocka_unit_test(one_octet_makes_it_unknown),
        cmocka_unit_test(a_point_off_the_curve_is_refused),
        cmocka_unit_test(foreseen_is_verified_for_one_asker_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
