/* Discovery, PN establishment of types 1, 2 and 3, and authentication (cpns-model.md flows 1 to 3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "tests/support/stores.h"

#define HOUSE                                                                                      \
    "cpns: 1\n"                                                                                    \
    "name: exchange\n"                                                                             \
    "run: {until: 1000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"

static const char type_1[] = HOUSE
    "  - {id: a, role: pne, attach: {to: gw, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: home, alias: Home, gateway: gw, establishment: {type: 1, by: members, at: 1 s}}\n";

static void one_pne_asks_for_itself(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(type_1);
    fake_run(w, 3 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "a -> gw: EntityDiscoveryRequest",   /* in the clear */
                         "gw -> a: EntityDiscoveryResponse 200", /* in the clear */
                         "a <=> gw", /* R3: the session, before the first octet */
                         "a -> gw: PNEstablishmentRequest",     /* type 1 */
                         "gw <=> srv",                          /* R4: on first need */
                         "gw -> srv: PNConnectionForwarded",    /* with the gateway's information */
                         "srv -> gw: AuthenticationRequest",    /* challenge */
                         "gw -> a: AuthenticationRequest",      /* by the routing table */
                         "a -> gw: AuthenticationResponse",     /* HMAC under the subscriber key */
                         "gw -> srv: AuthenticationResponse",   /* */
                         "srv -> gw: AuthenticationResult 200", /* */
                         "gw -> a: AuthenticationResult 200",   /* */
                         "gw -> srv: RegistrationRequest",      /* PN name, PN ID, members */
                         "srv -> gw: RegistrationResponse 200", /* stored */
                         "gw -> a: PNEstablishmentResponse 200"); /* the PN stands */
    assert_int_equal(fake_count(w, "a ! pn_joined: home"), 1);
    assert_int_equal(fake_count(w, "gw ! pn_established: home"), 1);
    assert_int_equal(fake_wrong_events(w), 0);
    assert_int_equal(stores_members(w, "home"), 1);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static const char members[] =
    HOUSE "  - {id: p, role: pne, count: 6, attach: {to: gw, link: wlan}}\n"
          "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: 1, by: members, at: {uniform: [0 s, 4 "
          "s]}}}\n";

static void members_join_one_after_the_other(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(members);
    fake_run(w, 8 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 6);
    assert_int_equal(fake_count(w, "gw ! pn_established"), 1); /* one PN, the others are added */
    assert_int_equal(fake_sessions(w, "gw"), 1);               /* one session serves all */
    for (int i = 1; i <= 6; i++) {
        char line[80];
        snprintf(line, sizeof(line), "p/%d -> gw: AuthenticationResponse", i);
        assert_int_equal(fake_count(w, line), 1); /* each authenticated, once */
    }
    stores_assert_agree(w);
    fake_free(w);
}

static const char at_once[] =
    HOUSE "  - {id: p, role: pne, count: 20, attach: {to: gw, link: wlan}}\n"
          "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: 1, by: members, at: 1 s}}\n";

/* Twenty first uses of the gateway-server session at the same instant share one handshake. */
static void one_server_session_however_many_wait(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(at_once);
    fake_run(w, 5 * SIM_S);
    assert_int_equal(fake_sessions(w, "gw"), 1);
    assert_int_equal(stores_members(w, "home"), 20);
    stores_assert_agree(w);
    fake_free(w);
}

static const char type_2[] =
    HOUSE "  - {id: p, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"
          "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: 2, by: p/1, at: 1 s}}\n";

static void the_gateway_invites_all_that_are_paired(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(type_2);
    fake_run(w, 5 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: PNEstablishmentRequest",   /* type 2 */
                         "gw -> p/2: EntityDiscoveryRequest",      /* in the clear */
                         "p/2 -> gw: EntityDiscoveryResponse 200", /* */
                         "p/2 <=> gw",                             /* a session of its own */
                         "gw -> p/2: PNConnectionRequest",         /* the invitation, inside it */
                         "p/2 -> gw: PNConnectionResponse 200",    /* consent */
                         "gw -> p/2: AuthenticationRequest",       /* */
                         "p/2 -> gw: AuthenticationResponse",      /* */
                         "gw -> srv: RegistrationRequest",         /* all of them at once */
                         "srv -> gw: RegistrationResponse 200");
    assert_int_equal(fake_count(w, "gw -> srv: RegistrationRequest"), 1);
    assert_int_equal(fake_count(w, "gw -> p/1: PNEstablishmentResponse 200"), 1);
    assert_int_equal(fake_count(w, "gw -> p/2: PNEstablishmentResponse 200"), 1);
    assert_int_equal(fake_count(w, "gw -> p/3: PNEstablishmentResponse 200"), 1);
    assert_int_equal(stores_members(w, "home"), 3);
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    fake_free(w);
}

static const char type_3[] = HOUSE
    "  - {id: p, role: pne, count: 4, attach: {to: gw, link: wlan}, encoding: cbor}\n"
    "personal_networks:\n"
    "  - {id: home, gateway: gw, members: p/1..3, establishment: {type: 3, by: p/2, at: 1 s}}\n";

/* Keeps the last PNEstablishmentRequest. */
static enum fake_fate keep_request(void *arg, struct fake_hit *hit)
{
    if (strcmp(hit->type, "PNEstablishmentRequest") == 0) {
        buf_clear(arg);
        buf_append(arg, buf_span(hit->payload));
    }
    return FAKE_PASS;
}

static void the_gateway_invites_the_listed(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(type_3);
    struct buf request = {0};
    fake_set_filter(w, keep_request, &request);
    fake_run(w, 5 * SIM_S);
    struct cpns_message m;
    assert_int_equal(cpns_decode(buf_span(&request), CPNS_CBOR, &m, NULL), 0); /* as it speaks */
    assert_int_equal(cpns_integer(&m, CPNS_ESTABLISHMENT_TYPE), 3);
    bool first = false;
    bool third = false;
    for (size_t i = 0; i < cpns_value(&m, CPNS_PNE_ID)->list_count; i++) {
        struct span item = cpns_item(&m, CPNS_PNE_ID, i);
        first = first || span_equal_str(item, fake_urn(w, "p/1"));
        third = third || span_equal_str(item, fake_urn(w, "p/3"));
        assert_false(span_equal_str(item, fake_urn(w, "p/4")));
    }
    assert_true(first && third);
    cpns_message_fini(&m);
    buf_fini(&request);
    assert_int_equal(stores_members(w, "home"), 3);
    assert_int_equal(fake_count(w, "gw -> p/4"), 0); /* not asked */
    assert_int_equal(fake_sessions(w, "p/4"), 0);
    stores_assert_agree(w);
    fake_free(w);
}

/* A PNE that does not answer, one whose key is wrong: the PN stands with those who came. */
static void a_silent_member_does_not_hold_up_the_others(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(type_2);
    fake_set_silent(w, fake_id(w, "p/3"), true);
    fake_run(w, 200 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 2);
    assert_int_equal(fake_count(w, "gw -> p/1: PNEstablishmentResponse 200"), 1);
    assert_int_equal(fake_count(w, "gw -> p/2: PNEstablishmentResponse 200"), 1);
    assert_int_equal(fake_count(w, "gw -> p/3: EntityDiscoveryRequest lost: silent"), 3);
    stores_assert_agree(w);
    fake_free(w);
}

static const char wrong_key[] =
    HOUSE "  - {id: p, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"
          "  - {id: bad, role: pne, attach: {to: gw, link: wlan}, psk: {secret: wrong}}\n"
          "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: %s, at: 1 s}}\n";

static void assert_refused(const char *establishment)
{
    char *yaml = mem_printf(wrong_key, establishment);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    fake_run(w, 200 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "bad -> gw: AuthenticationResponse", /* wrong */
                         "gw -> srv: AuthenticationResponse",    /* */
                         "srv -> gw: AuthenticationResult 401",  /* */
                         "gw closes bad: authentication_failed", /* the session */
                         "gw -> bad: AuthenticationResult 401"); /* told before */
    assert_int_equal(stores_members(w, "home"), 2); /* the others, nothing of the culprit */
    assert_int_equal(fake_count(w, "srv ! authentication_failed: bad"), 1);
    assert_int_equal(fake_count(w, "bad ! establishment_failed"), 1);
    assert_int_equal(fake_count(w, "bad ! pn_joined"), 0);
    assert_false(fake_connected(w, "bad"));
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void a_wrong_answer_is_401_and_stores_nothing(void **state)
{
    (void)state;
    assert_refused("1, by: members");
    assert_refused("2, by: p/1");
}

/* Asks for the PN, and a session of it fails for good: gives up after its tries, spaced. */
static void bad_credentials_give_up_after_three_tries(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(type_1);
    fake_fail_sessions(w, fake_id(w, "a"), "bad_certificate", 100);
    fake_run(w, 600 * SIM_S);
    assert_int_equal(fake_sessions(w, "a"), 3);
    assert_int_equal(fake_count(w, "a ! establishment_failed: bad_certificate"), 1);
    assert_int_equal(fake_count(w, "a -> gw: PNEstablishmentRequest"), 3); /* lost, each of them */
    assert_int_equal(fake_count(w, "a -> gw: PNEstablishmentRequest lost: no_session"), 3);
    stores_assert_agree(w);
    fake_free(w);
}

static void a_session_that_fails_once_is_tried_again(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(type_1);
    fake_fail_sessions(w, fake_id(w, "a"), "connect_failed", 1);
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_sessions(w, "a"), 2);
    assert_int_equal(stores_members(w, "home"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pne_asks_for_itself),
        cmocka_unit_test(members_join_one_after_the_other),
        cmocka_unit_test(one_server_session_however_many_wait),
        cmocka_unit_test(the_gateway_invites_all_that_are_paired),
        cmocka_unit_test(the_gateway_invites_the_listed),
        cmocka_unit_test(a_silent_member_does_not_hold_up_the_others),
        cmocka_unit_test(a_wrong_answer_is_401_and_stores_nothing),
        cmocka_unit_test(bad_credentials_give_up_after_three_tries),
        cmocka_unit_test(a_session_that_fails_once_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
