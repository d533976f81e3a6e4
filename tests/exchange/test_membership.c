/* PNAddDevice and PNLeave (US9026634): a device comes into a PN that stands, a member leaves it and
 * comes back, the inventory follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

#define HEAD                                                                                       \
    "cpns: 1\n"                                                                                    \
    "name: membership\n"                                                                           \
    "run: {until: 5000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"                                \
    "  - {id: p, role: pne, count: 4, attach: {to: gw, link: wlan}}\n"

/* p/4 is no member at first. */
#define HOUSE                                                                                      \
    HEAD "personal_networks:\n"                                                                    \
         "  - {id: home, gateway: gw, members: p/1..3, candidates: p/4, establishment: {at: 1 "    \
         "s}}\n"                                                                                   \
         "service_groups:\n"                                                                       \
         "  - {id: g, owner: p/1, members: [p/2, p/3], service: chat}\n"                           \
         "workload:\n"

static bool is_member(struct fake_world *w, const char *who)
{
    const struct pne *p = fake_state(w, who);
    const struct server *s = fake_state(w, "srv");
    const struct subscriber *sub = server_subscriber(s, fake_id(w, who));
    stores_assert_agree(w);
    assert_int_equal(p->state == PNE_JOINED, sub != NULL && sub->registered);
    return p->state == PNE_JOINED;
}

/* --- add
 * ------------------------------------------------------------------------------------------------
 */

static void a_member_brings_a_device_in(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 20 s, do: pn-add, from: p/1, pn: home, to: p/4}\n"
                          "  - {at: 40 s, do: service-access, from: p/4, to: p/2, size: 9 B}\n");
    fake_run(w, 19 * SIM_S);
    assert_false(is_member(w, "p/4"));
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: PNAddDevice", "gw -> srv: PNAddDevice",
                         "srv -> gw: PNAddDeviceResponse 200", "gw -> p/4: EntityDiscoveryRequest",
                         "p/4 -> gw: EntityDiscoveryResponse 200", "p/4 <=> gw",
                         "gw -> p/4: PNConnectionRequest", "p/4 -> gw: PNConnectionResponse 200",
                         "gw -> srv: PNConnectionForwarded", "gw -> p/4: AuthenticationRequest",
                         "gw -> srv: RegistrationRequest", "srv -> gw: RegistrationResponse 200",
                         "p/4 ! pn_joined: home", "gw -> p/4: ServiceAccessResponse 200");
    assert_int_equal(fake_count(w, "p/1 ! device_added: p/4"), 1);
    assert_true(is_member(w, "p/4"));
    assert_int_equal(stores_members(w, "home"), 4);
    fake_assert_account(w);
    fake_free(w);
}

static void the_gateway_brings_a_device_in(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 20 s, do: pn-add, from: gw, pn: home, to: p/4}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw -> srv: PNAddDevice", "srv -> gw: PNAddDeviceResponse 200",
                         "gw -> p/4: EntityDiscoveryRequest", "p/4 ! pn_joined: home");
    assert_true(is_member(w, "p/4"));
    fake_free(w);
}

static void a_device_asks_for_itself(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(HOUSE "  - {at: 20 s, do: pn-add, from: p/4, pn: home}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/4 -> gw: EntityDiscoveryRequest",
                         "p/4 -> gw: PNEstablishmentRequest", "gw -> srv: PNAddDevice",
                         "srv -> gw: PNAddDeviceResponse 200", "gw -> srv: PNConnectionForwarded",
                         "gw -> p/4: PNEstablishmentResponse 200", "p/4 ! pn_joined: home");
    assert_true(is_member(w, "p/4"));
    fake_free(w);
}

/* Before the PN stands there is nothing to come into. */
static void no_network_no_device(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        HEAD "personal_networks:\n"
             "  - {id: home, gateway: gw, members: p/1..3, candidates: p/4, establishment: {at: 50 "
             "s}}\n"
             "workload:\n"
             "  - {at: 20 s, do: pn-add, from: p/4, pn: home}\n"
             "  - {at: 22 s, do: pn-add, from: gw, pn: home, to: p/4}\n"
             "  - {at: 23 s, do: pn-add, from: p/1, pn: home, to: p/4}\n");
    fake_run(w, 40 * SIM_S);
    assert_int_equal(fake_count(w, "gw -> p/4: PNEstablishmentResponse 404"), 1);
    assert_int_equal(fake_count(w, "gw ! work_skipped: pn-add"), 1);
    assert_int_equal(fake_count(w, "p/1 ! work_skipped: pn-add"), 1);
    fake_run(w, 100 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 3);
    stores_assert_agree(w);
    fake_free(w);
}

static void whom_nobody_reaches_is_added_when_met(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 20 s, do: pn-add, from: gw, pn: home, to: p/4}\n");
    fake_set_link(w, fake_id(w, "p/4"), false);
    fake_run(w, 200 * SIM_S);
    assert_int_equal(fake_count(w, "gw ! member_absent: p/4"), 1);
    assert_false(is_member(w, "p/4"));
    fake_set_link(w, fake_id(w, "p/4"), true);
    fake_meet(w, fake_id(w, "p/4"));
    fake_run(w, 210 * SIM_S);
    assert_true(is_member(w, "p/4"));
    fake_free(w);
}

/* --- leave
 * ---------------------------------------------------------------------------------------------- */

static void a_member_leaves_and_comes_back(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 20 s, do: pn-leave, from: p/2, pn: home}\n"
                          "  - {at: 30 s, do: group-message, from: p/1, to: g, size: 9 B}\n"
                          "  - {at: 35 s, do: service-access, from: p/1, to: p/2, size: 9 B}\n"
                          "  - {at: 50 s, do: pn-add, from: p/2, pn: home}\n"
                          "  - {at: 70 s, do: group-message, from: p/1, to: g, size: 9 B}\n");
    fake_run(w, 40 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/2 -> gw: PNLeave", "gw -> srv: PNLeave",
                         "srv -> gw: PNLeaveResponse 200", "gw -> p/2: PNLeaveResponse 200",
                         "p/2 ! pn_left: home", "p/2 closes gw: pn_released");
    assert_false(is_member(w, "p/2"));
    assert_int_equal(stores_members(w, "home"), 2);
    /* It is out of its group as well, and hears and serves nobody. */
    assert_int_equal(stores_group_members(w, "g"), 2);
    assert_int_equal(fake_count(w, "gw -> p/3: SGMemberChange"), 1);
    assert_int_equal(fake_count(w, "gw -> p/2: SGMessage"), 0);
    assert_int_equal(fake_count(w, "gw -> p/3: SGMessage"), 1);
    assert_int_equal(fake_count(w, "gw -> p/1: ServiceAccessResponse 503"), 1);
    fake_run(w, 100 * SIM_S);
    assert_true(is_member(w, "p/2"));
    assert_int_equal(stores_members(w, "home"), 3);
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_int_equal(fake_count(w, "gw -> p/2: SGMessage"), 1);
    fake_assert_account(w);
    fake_free(w);
}

/* The owner keeps its group, which stands while it is away. */
static void an_owner_that_leaves_finds_its_group_again(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(HOUSE "  - {at: 20 s, do: pn-leave, from: p/1, pn: home}\n"
                                             "  - {at: 50 s, do: pn-add, from: p/1, pn: home}\n");
    fake_run(w, 100 * SIM_S);
    assert_true(is_member(w, "p/1"));
    assert_int_equal(stores_group_members(w, "g"), 3);
    fake_free(w);
}

static void the_last_one_ends_the_network(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 20 s, do: pn-leave, from: p/1..3, pn: home}\n"
                          "  - {at: 50 s, do: pn-add, from: p/3, pn: home}\n");
    fake_run(w, 40 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 0);
    assert_int_equal(fake_count(w, "srv ! pn_deleted: home"), 1);
    assert_int_equal(fake_count(w, "gw ! pn_empty: home"), 1);
    stores_assert_agree(w);
    /* It was a member, and founds it anew. */
    fake_run(w, 80 * SIM_S);
    assert_true(is_member(w, "p/3"));
    assert_int_equal(stores_members(w, "home"), 1);
    assert_int_equal(fake_count(w, "srv ! pn_stored: home"), 2);
    fake_free(w);
}

/* No server: the PNE is out, and the server hears of it when it is there again. */
static void a_server_that_is_away_is_told_later(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(HOUSE "  - {at: 20 s, do: pn-leave, from: p/2, pn: home}\n");
    fake_run(w, 19 * SIM_S);
    fake_set_link(w, fake_id(w, "gw"), false);
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/2 -> gw: PNLeave", "gw -> p/2: PNLeaveResponse 504",
                         "p/2 ! pn_left: home");
    const struct server *s = fake_state(w, "srv");
    assert_true(server_is_registered(s, fake_id(w, "p/2"), ENTITY_NONE));
    fake_set_link(w, fake_id(w, "gw"), true);
    fake_run(w, 120 * SIM_S);
    assert_false(is_member(w, "p/2"));
    assert_int_equal(fake_count(w, "srv -> gw: PNLeaveResponse 200"), 1);
    fake_free(w);
}

/* The gateway is away while it wants to leave: it leaves when it is heard. */
static void who_wants_to_leave_does_in_the_end(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(HOUSE "  - {at: 20 s, do: pn-leave, from: p/2, pn: home}\n");
    fake_run(w, 19 * SIM_S);
    fake_set_silent(w, fake_id(w, "gw"), true);
    fake_run(w, 300 * SIM_S);
    fake_set_silent(w, fake_id(w, "gw"), false);
    fake_run(w, 600 * SIM_S);
    assert_false(is_member(w, "p/2"));
    assert_int_equal(stores_members(w, "home"), 2);
    fake_free(w);
}

/* --- the inventory
 * ---------------------------------------------------------------------------------------- */

static void put(struct fake_world *w, struct cpns_message *m, const char *from, const char *to)
{
    struct buf out = {0};
    assert_int_equal(cpns_encode(m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(m);
    fake_inject(w, fake_id(w, from), fake_id(w, to), fake_urn(w, from), CPNS_XML, buf_span(&out));
    buf_fini(&out);
    fake_run(w, fake_now(w) + SIM_S);
}

static void begin(struct fake_world *w, struct cpns_message *m, enum cpns_type type,
                  const char *origin, const char *pn_urn)
{
    cpns_message_init(m, type);
    cpns_set_integer(m, CPNS_TRANSACTION_ID, 7777);
    cpns_set_text(m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, origin));
    cpns_set_text(m, CPNS_TARGET_ID, fake_urn(w, "srv"));
    cpns_set_text(m, CPNS_PN_ID, pn_urn);
    cpns_set_integer(m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(m, CPNS_HOP_LIMIT, 8);
}

/* A registration says who is in: one that leaves a member out drops it. */
static void a_registration_without_a_member_drops_it(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 4000 s, do: pn-leave, from: p/2, pn: home}\n");
    fake_run(w, 20 * SIM_S);
    struct cpns_message m;
    begin(w, &m, CPNS_REGISTRATION_REQUEST, "gw", fake_pn_urn(w, "home"));
    const struct gateway *g = fake_state(w, "gw");
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, g->agent.next_transaction);
    cpns_set_text(&m, CPNS_PN_NAME, "home");
    cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(fake_urn(w, "p/1")));
    cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(fake_urn(w, "p/3")));
    put(w, &m, "gw", "srv");
    assert_int_equal(fake_count(w, "srv ! member_dropped: p/2"), 1);
    assert_int_equal(stores_members(w, "home"), 2);
    /* gateway --> server: an older one comes late, and changes nothing */
    begin(w, &m, CPNS_REGISTRATION_REQUEST, "gw", fake_pn_urn(w, "home"));
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, 4);
    cpns_set_text(&m, CPNS_PN_NAME, "home");
    cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(fake_urn(w, "p/1")));
    put(w, &m, "gw", "srv");
    assert_int_equal(stores_members(w, "home"), 2);
    /* The gateway's next one, of the lease, lists it again: it has authenticated. */
    fake_run(w, 2000 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 3);
    stores_assert_agree(w);
    fake_free(w);
}

static void who_may_not_is_refused(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {at: 20 s, do: pn-leave, from: p/1, pn: home, to: "
                          "p/2}\n");
    fake_run(w, 30 * SIM_S);
    /* No administrator: nobody takes another out. */
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: PNLeave", "gw -> srv: PNLeave",
                         "srv -> gw: PNLeaveResponse 403", "p/1 ! device_not_removed: p/2");
    assert_true(is_member(w, "p/2"));
    /* pne --> gateway: PNLeave of who is no member, and of a PN that is none */
    struct cpns_message m;
    begin(w, &m, CPNS_PN_LEAVE, "p/4", fake_pn_urn(w, "home"));
    put(w, &m, "p/4", "gw");
    assert_int_equal(fake_count(w, "gw -> p/4: PNLeaveResponse 404"), 1);
    begin(w, &m, CPNS_PN_LEAVE, "p/1", fake_group_urn(w, "g"));
    put(w, &m, "p/1", "gw");
    assert_int_equal(fake_count(w, "gw -> p/1: PNLeaveResponse 404"), 1);
    /* pne --> gateway: PNAddDevice of who is no member; of a device that is elsewhere */
    begin(w, &m, CPNS_PN_ADD_DEVICE, "p/4", fake_pn_urn(w, "home"));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(fake_urn(w, "p/4")));
    put(w, &m, "p/4", "gw");
    assert_int_equal(fake_count(w, "gw -> p/4: PNAddDeviceResponse 403"), 1);
    begin(w, &m, CPNS_PN_ADD_DEVICE, "p/1", fake_pn_urn(w, "home"));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(fake_urn(w, "srv")));
    put(w, &m, "p/1", "gw");
    assert_int_equal(fake_count(w, "gw -> p/1: PNAddDeviceResponse 404"), 1);
    /* gateway --> server: about a PN that is none */
    begin(w, &m, CPNS_PN_ADD_DEVICE, "gw", fake_group_urn(w, "g"));
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(fake_urn(w, "p/4")));
    put(w, &m, "gw", "srv");
    assert_int_equal(fake_count(w, "srv -> gw: PNAddDeviceResponse 404"), 1);
    begin(w, &m, CPNS_PN_LEAVE, "gw", fake_group_urn(w, "g"));
    put(w, &m, "gw", "srv");
    assert_int_equal(fake_count(w, "srv -> gw: PNLeaveResponse 404"), 1);
    /* Late answers that nobody asked for. */
    begin(w, &m, CPNS_PN_LEAVE_RESPONSE, "gw", fake_pn_urn(w, "home"));
    cpns_set_integer(&m, CPNS_STATUS, 200);
    put(w, &m, "gw", "p/1");
    begin(w, &m, CPNS_PN_ADD_DEVICE_RESPONSE, "gw", fake_pn_urn(w, "home"));
    cpns_set_integer(&m, CPNS_STATUS, 200);
    put(w, &m, "gw", "p/1");
    assert_int_equal(stores_members(w, "home"), 3);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* --- each message disturbed
 * ------------------------------------------------------------------------------- */

static const char *four(struct fake_world *w)
{
    return stores_members(w, "home") == 4 ? "" : "not four members";
}

static const char *two(struct fake_world *w)
{
    return stores_members(w, "home") == 2 && stores_group_members(w, "g") == 2
               ? ""
               : "not two members, in home and in g";
}

static const char *three(struct fake_world *w)
{
    return stores_members(w, "home") == 3 && stores_group_members(w, "g") == 3
               ? ""
               : "not three members, in home and in g";
}

static const char *none(struct fake_world *w)
{
    return stores_members(w, "home") == 0 ? "" : "there are members";
}

static void each_message_disturbed_once(void **state)
{
    (void)state;
    const struct disturb all[] = {
        {.name = "added by a member",
         .yaml = HOUSE "  - {at: 20 s, do: pn-add, from: p/1, pn: home, to: p/4}\n"
                       "  - {at: 200 s, do: pn-add, from: p/1, pn: home, to: p/4}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 1500 * SIM_S,
         .least = 15,
         .check = four},
        {.name = "asks for itself",
         .yaml = HOUSE "  - {at: 20 s, do: pn-add, from: p/4, pn: home}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 1500 * SIM_S,
         .least = 14,
         .check = four},
        {.name = "leaves",
         .yaml = HOUSE "  - {at: 20 s, do: pn-leave, from: p/2, pn: home}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 1500 * SIM_S,
         .least = 4,
         .check = two},
        {.name = "leaves and comes back",
         .yaml = HOUSE "  - {at: 20 s, do: pn-leave, from: p/2, pn: home}\n"
                       "  - {at: 22 s, do: pn-add, from: p/2, pn: home}\n"
                       "  - {at: 300 s, do: pn-add, from: p/2, pn: home}\n",
         .from = 19 * SIM_S,
         .to = 26 * SIM_S,
         .until = 1500 * SIM_S,
         .least = 20,
         .check = three},
        {.name = "all leave",
         .yaml = HOUSE "  - {at: 20 s, do: pn-leave, from: p/1..3, pn: home}\n",
         .from = 19 * SIM_S,
         .to = 26 * SIM_S,
         .until = 1500 * SIM_S,
         .least = 12,
         .check = none},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        disturb_each(&all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_brings_a_device_in),
        cmocka_unit_test(the_gateway_brings_a_device_in),
        cmocka_unit_test(a_device_asks_for_itself),
        cmocka_unit_test(no_network_no_device),
        cmocka_unit_test(whom_nobody_reaches_is_added_when_met),
        cmocka_unit_test(a_member_leaves_and_comes_back),
        cmocka_unit_test(an_owner_that_leaves_finds_its_group_again),
        cmocka_unit_test(the_last_one_ends_the_network),
        cmocka_unit_test(a_server_that_is_away_is_told_later),
        cmocka_unit_test(who_wants_to_leave_does_in_the_end),
        cmocka_unit_test(a_registration_without_a_member_drops_it),
        cmocka_unit_test(who_may_not_is_refused),
        cmocka_unit_test(each_message_disturbed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
