/* Service Groups: create, join, approval by the owner, notification, messages (cpns-model.md flows
 * 7 and 8). */
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

/* The group has members at both gateways; x belongs to a PN but not to the group. */
static const char scenario[] =
    "cpns: 1\n"
    "name: group\n"
    "run: {until: 1000 s, seed: 4}\n"
    "security: {service_group: {protection: %s}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: o, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: a, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: b, role: pne, count: 2, attach: {to: gw/2, link: wlan}}\n"
    "  - {id: x, role: pne, attach: {to: gw/2, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: one, gateway: gw/1, members: [o, a], establishment: {at: %s}}\n"
    "  - {id: two, gateway: gw/2, members: [b/*, x]}\n"
    "service_groups:\n"
    "  - {id: g, owner: o, members: [a, b/*], service: chat, joining: %s}\n"
    "workload:\n"
    "  - {at: 40 s, do: group-message, from: %s, to: g, size: 60 B}\n"
    "  - {at: 30 s, do: group-join, from: x, to: g}\n";

static struct fake_world *create(const char *protection, const char *at, const char *joining,
                                 const char *from)
{
    char *yaml = mem_printf(scenario, protection, at, joining, from);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    return w;
}

static void the_owner_creates_and_the_members_join(void **state)
{
    (void)state;
    struct fake_world *w = create("none", "0 s", "open", "o");
    fake_run(w, 25 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "o -> gw/1: SGCreateRequest",     /* when its PN stands */
                         "gw/1 -> srv: SGCreateRequest",      /* */
                         "srv -> gw/1: SGCreateResponse 200", /* */
                         "gw/1 -> o: SGCreateResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "gw/2 -> srv: SGJoinRequest",   /* */
                         "srv -> gw/2: SGJoinResponse 200", /* */
                         "srv -> gw/1: SGMemberChange",     /* each member by itself, in sessions */
                         "gw/1 -> o: SGMemberChange");
    assert_int_equal(stores_group_members(w, "g"), 4);
    assert_int_equal(fake_count(w, "o ! sg_created: g"), 1);
    assert_int_equal(fake_count(w, "b/2 ! sg_joined: g"), 1);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* The owner's PN comes later: the others ask until there is a group. */
static void joiners_wait_for_the_group(void **state)
{
    (void)state;
    struct fake_world *w = create("none", "20 s", "open", "o");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw/2: SGJoinResponse 404", "gw/1 -> o: SGCreateResponse 200",
                         "srv -> gw/2: SGJoinResponse 200");
    assert_in_range(fake_count(w, "gw/2 -> b/1: SGJoinResponse 404"), 1, 6);
    stores_assert_agree(w);
    fake_free(w);
}

static void an_open_group_takes_whom_the_scenario_does_not_list(void **state)
{
    (void)state;
    struct fake_world *w = create("none", "0 s", "open", "o");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "x ! sg_joined: g"), 1);
    assert_int_equal(stores_group_members(w, "g"), 5);
    fake_free(w);
}

static void a_closed_group_asks_its_owner(void **state)
{
    (void)state;
    struct fake_world *w = create("none", "0 s", "closed", "o");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "b/1 -> gw/2: SGJoinRequest",   /* */
                         "srv -> gw/1: SGJoinRequest",      /* the owner is asked */
                         "gw/1 -> o: SGJoinRequest",        /* */
                         "o -> gw/1: SGJoinResponse 200",   /* listed */
                         "gw/1 -> srv: SGJoinResponse 200", /* */
                         "srv -> gw/2: SGJoinResponse 200", /* */
                         "gw/2 -> b/1: SGJoinResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "x -> gw/2: SGJoinRequest", "o -> gw/1: SGJoinResponse 403",
                         "gw/2 -> x: SGJoinResponse 403");
    assert_int_equal(stores_group_members(w, "g"), 4);
    assert_int_equal(fake_count(w, "x ! sg_refused: g"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- messages
 * ------------------------------------------------------------------------------------------------
 */

struct seen {
    uint32_t clear, inside;
};

static enum fake_fate watch(void *arg, struct fake_hit *hit)
{
    struct seen *s = arg;
    if (strcmp(hit->type, "SGMessage") == 0) {
        s->clear += !hit->in_session;
        s->inside += hit->in_session;
    } else if (strncmp(hit->type, "EntityDiscovery", 15) != 0) {
        assert_true(hit->in_session); /* R5 */
    }
    return FAKE_PASS;
}

static void assert_message_reaches_all(const char *protection, bool inside)
{
    struct fake_world *w = create(protection, "0 s", "open", "b/1");
    struct seen seen = {0};
    fake_set_filter(w, watch, &seen);
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "b/1 -> gw/2: SGMessage", "gw/2 -> srv: SGMessage",
                         "srv -> gw/1: SGMessage", "gw/1 -> o: SGMessage");
    static const char *const once[] = {"srv -> gw/1: SGMessage", "srv -> gw/2: SGMessage",
                                       "gw/1 -> o: SGMessage",   "gw/1 -> a: SGMessage",
                                       "gw/2 -> b/2: SGMessage", "gw/2 -> x: SGMessage"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(once); i++) {
        assert_int_equal(fake_count(w, once[i]), 1);
    }
    assert_int_equal(fake_count(w, "gw/2 -> b/1: SGMessage"), 0); /* not to the sender */
    assert_int_equal(inside ? seen.clear : seen.inside, 0);
    assert_int_equal(inside ? seen.inside : seen.clear, 8);
    fake_assert_account(w);
    fake_free(w);
}

static void a_message_goes_once_to_each_gateway_and_member(void **state)
{
    (void)state;
    assert_message_reaches_all("none", false);   /* clause 5.9.1: outside the session */
    assert_message_reaches_all("session", true); /* the scenario's wish */
}

static void who_has_not_joined_does_not_send(void **state)
{
    (void)state;
    struct fake_world *w = create("none", "0 s", "closed", "x");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "srv -> gw/1: SGMessage"), 0);
    assert_int_equal(fake_count(w, "x -> gw/2: SGMessage refused: not_a_member") +
                         fake_count(w, "x ! work_skipped"),
                     1);
    fake_free(w);
}

/* A message that x forges in the clear, as itself, and in the name of a member. */
static struct span forged(struct fake_world *w, struct cpns_message *m, const char *origin,
                          const char *group, struct buf *out)
{
    cpns_message_init(m, CPNS_SG_MESSAGE);
    cpns_set_integer(m, CPNS_TRANSACTION_ID, 900);
    cpns_set_text(m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, origin));
    cpns_set_text(m, CPNS_TARGET_ID, group);
    cpns_set_text(m, CPNS_SG_ID, group);
    cpns_set_integer(m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(m, CPNS_HOP_LIMIT, 5);
    cpns_set_bytes(m, CPNS_PAYLOAD, span_of_str("hello"));
    buf_clear(out);
    assert_int_equal(cpns_encode(m, CPNS_XML, out, NULL), 0);
    cpns_message_fini(m);
    return buf_span(out);
}

static struct fake_world *forge(const char *origin, const char *group)
{
    struct fake_world *w = create("none", "0 s", "closed", "o");
    fake_run(w, 35 * SIM_S);
    struct cpns_message m;
    struct buf out = {0};
    fake_inject(w, fake_id(w, "x"), fake_id(w, "gw/2"), NULL, CPNS_XML,
                forged(w, &m, origin, group, &out));
    buf_fini(&out);
    fake_run(w, 38 * SIM_S);
    assert_int_equal(fake_count(w, "srv -> gw/1: SGMessage"), 0);
    return w;
}

static void strangers_and_unknown_groups_are_refused(void **state)
{
    (void)state;
    struct fake_world *w = create("none", "0 s", "open", "o");
    char group[64];
    snprintf(group, sizeof(group), "%s", fake_group_urn(w, "g")); /* the same in each run */
    fake_free(w);
    w = forge("x", group);
    assert_int_equal(fake_count(w, "x -> gw/2: SGMessage refused: not_a_member"), 1);
    fake_free(w);
    w = forge("b/1", group);
    assert_int_equal(fake_count(w, "x -> gw/2: SGMessage refused: origin_mismatch"), 1);
    fake_free(w);
    w = forge("x", "urn:uuid:00000000-0000-0000-0000-000000000001");
    assert_int_equal(fake_count(w, "x -> gw/2: SGMessage refused: unknown_group"), 1);
    fake_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_creates_and_the_members_join),
        cmocka_unit_test(joiners_wait_for_the_group),
        cmocka_unit_test(an_open_group_takes_whom_the_scenario_does_not_list),
        cmocka_unit_test(a_closed_group_asks_its_owner),
        cmocka_unit_test(a_message_goes_once_to_each_gateway_and_member),
        cmocka_unit_test(who_has_not_joined_does_not_send),
        cmocka_unit_test(strangers_and_unknown_groups_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
