/* The PN Admin and its adminees (US9491246), PN usage information (US9537713). */
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

/* p/4 is another user's device. */
#define NODES                                                                                      \
    "cpns: 1\n"                                                                                    \
    "name: administration\n"                                                                       \
    "run: {until: 9000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"                                \
    "  - {id: p, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"                             \
    "  - {id: guest, role: pne, user: bob, attach: {to: gw, link: wlan}}\n"                        \
    "  - {id: late, role: pne, attach: {to: gw, link: wlan}}\n"                                    \
    "personal_networks:\n"
#define RULED                                                                                      \
    NODES "  - {id: home, gateway: gw, members: [p/*, guest], candidates: late, admin: p/1, "      \
          "establishment: {at: 1 s}}\n"                                                            \
          "workload:\n"
#define FREE                                                                                       \
    NODES "  - {id: home, gateway: gw, members: [p/*, guest], candidates: late, establishment: "   \
          "{at: 1 s}}\n"                                                                           \
          "workload:\n"

static entity_id admin_of(struct fake_world *w)
{
    const struct server *s = fake_state(w, "srv");
    const struct gateway *g = fake_state(w, "gw");
    assert_int_equal(s->pns[0].admin, g->pns[0].admin);
    return s->pns[0].admin;
}

/* --- what an administrator may, and others may not
 * ---------------------------------------------------------- */

static void only_the_admin_releases(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: pn-release, from: p/2, pn: home}\n"
                          "  - {at: 40 s, do: pn-release, from: p/1, pn: home}\n");
    fake_run(w, 30 * SIM_S);
    assert_int_equal(admin_of(w), fake_id(w, "p/1"));
    assert_int_equal(fake_count(w, "gw -> p/2: PNReleaseResponse 403"), 1);
    assert_int_equal(stores_members(w, "home"), 4);
    stores_assert_agree(w);
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "gw -> p/1: PNReleaseResponse 200"), 1);
    assert_int_equal(stores_members(w, "home"), 0);
    stores_assert_agree(w);
    fake_free(w);
}

static void only_the_admin_adds_and_removes(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: pn-add, from: p/2, pn: home, to: late}\n"
                          "  - {at: 22 s, do: pn-add, from: late, pn: home}\n"
                          "  - {at: 24 s, do: pn-leave, from: p/2, pn: home, to: p/3}\n"
                          "  - {at: 40 s, do: pn-add, from: p/1, pn: home, to: late}\n"
                          "  - {at: 50 s, do: pn-leave, from: p/1, pn: home, to: p/3}\n"
                          "  - {at: 60 s, do: pn-leave, from: p/1, pn: home, to: guest}\n");
    fake_run(w, 30 * SIM_S);
    assert_int_equal(fake_count(w, "gw -> p/2: PNAddDeviceResponse 403"), 1);
    FAKE_ASSERT_EXCHANGE(w, "late -> gw: PNEstablishmentRequest",
                         "gw -> late: PNConnectionReject 403",
                         "late ! establishment_failed: turned away: the administrator has not "
                         "added it");
    assert_int_equal(fake_count(w, "gw -> p/2: PNLeaveResponse 403"), 1);
    assert_int_equal(stores_members(w, "home"), 4);
    fake_run(w, 55 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: PNAddDevice", "gw -> p/1: PNAddDeviceResponse 200",
                         "late ! pn_joined: home", "p/1 -> gw: PNLeave", "gw -> srv: PNLeave",
                         "srv -> gw: PNLeaveResponse 200", "gw -> p/3: PNLeave",
                         "p/3 ! pn_left: home");
    /* The guest is another user's: the administrator may not edit it. */
    fake_run(w, 70 * SIM_S);
    assert_int_equal(fake_count(w, "p/1 ! device_not_removed: guest"), 1);
    assert_int_equal(stores_members(w, "home"), 4);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void who_was_taken_out_needs_the_admin_to_come_back(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: pn-leave, from: p/1, pn: home, to: p/3}\n"
                          "  - {at: 30 s, do: pn-add, from: p/3, pn: home}\n"
                          "  - {at: 50 s, do: pn-add, from: p/1, pn: home, to: p/3}\n");
    fake_run(w, 45 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 3);
    fake_run(w, 70 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 4);
    stores_assert_agree(w);
    fake_free(w);
}

static void an_admin_of_another_user_is_none(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        NODES "  - {id: home, gateway: gw, members: [p/*, guest], admin: guest, establishment: "
              "{at: 1 s}}\n");
    fake_run(w, 20 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! admin_refused: guest"), 1);
    assert_int_equal(admin_of(w), ENTITY_NONE);
    fake_free(w);
}

/* --- who administers
 * ---------------------------------------------------------------------------------------- */

static void the_office_is_handed_on(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: admin-assign, from: p/1, pn: home, to: p/2}\n"
                          "  - {at: 30 s, do: pn-add, from: p/1, pn: home, to: late}\n"
                          "  - {at: 40 s, do: pn-add, from: p/2, pn: home, to: late}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: AdminAssign", "gw -> srv: AdminAssign",
                         "srv -> gw: AdminAssign", "gw -> p/2: AdminAssign",
                         "p/2 -> gw: AdminAssignResponse 200", "gw -> srv: AdminAssignResponse 200",
                         "srv ! admin_assigned: p/2", "gw -> p/1: AdminAssignResponse 200",
                         "gw -> p/1: PNAddDeviceResponse 403",
                         "gw -> p/2: PNAddDeviceResponse 200");
    assert_int_equal(admin_of(w), fake_id(w, "p/2"));
    assert_int_equal(stores_members(w, "home"), 5);
    stores_assert_agree(w);
    fake_free(w);
}

static void nobody_takes_the_office(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: admin-assign, from: p/2, pn: home}\n"
                          "  - {at: 22 s, do: admin-assign, from: p/1, pn: home, to: guest}\n"
                          "  - {at: 24 s, do: admin-assign, from: p/1, pn: home, to: late}\n");
    fake_run(w, 30 * SIM_S);
    assert_int_equal(fake_count(w, "p/2 ! admin_not_assigned: p/2"), 1);
    assert_int_equal(fake_count(w, "gw -> p/1: AdminAssignResponse 403"), 1); /* another user */
    assert_int_equal(fake_count(w, "gw -> p/1: AdminAssignResponse 404"), 1); /* no member */
    assert_int_equal(admin_of(w), fake_id(w, "p/1"));
    fake_free(w);
}

static void a_free_network_gets_an_admin(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(FREE "  - {at: 20 s, do: admin-assign, from: guest, pn: home}\n"
                         "  - {at: 30 s, do: admin-assign, from: p/3, pn: home}\n"
                         "  - {at: 40 s, do: pn-leave, from: p/3, pn: home}\n");
    fake_run(w, 35 * SIM_S);
    assert_int_equal(fake_count(w, "gw -> guest: AdminAssignResponse 403"), 1);
    assert_int_equal(admin_of(w), fake_id(w, "p/3"));
    fake_run(w, 50 * SIM_S);
    assert_int_equal(admin_of(w), ENTITY_NONE); /* it left with its office */
    stores_assert_agree(w);
    fake_free(w);
}

static void a_silent_candidate_does_not_become_it(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: admin-assign, from: p/1, pn: home, to: p/2}\n"
                          "  - {at: 22 s, do: admin-assign, from: p/1, pn: home, to: p/3}\n");
    fake_run(w, 19 * SIM_S);
    fake_set_silent(w, fake_id(w, "p/2"), true);
    fake_run(w, 200 * SIM_S);
    /* One at a time. */
    assert_int_equal(fake_count(w, "gw -> p/1: AdminAssignResponse 409"), 1);
    assert_true(fake_count(w, "gw -> p/1: AdminAssignResponse 504") >= 1);
    assert_int_equal(admin_of(w), fake_id(w, "p/1"));
    fake_set_silent(w, fake_id(w, "p/2"), false);
    fake_run(w, 600 * SIM_S);
    stores_assert_agree(w);
    fake_free(w);
}

static void adminees_are_the_admins_to_choose(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(RULED "  - {at: 20 s, do: adminee-remove, from: p/1, pn: home, to: p/3}\n"
                          "  - {at: 30 s, do: pn-leave, from: p/1, pn: home, to: p/3}\n"
                          "  - {at: 40 s, do: adminee-add, from: p/1, pn: home, to: p/3}\n"
                          "  - {at: 45 s, do: adminee-add, from: p/1, pn: home, to: guest}\n"
                          "  - {at: 46 s, do: adminee-remove, from: p/2, pn: home, to: p/3}\n"
                          "  - {at: 50 s, do: pn-leave, from: p/1, pn: home, to: p/3}\n");
    fake_run(w, 35 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: AdmineeChange", "gw -> srv: AdmineeChange",
                         "srv -> gw: AdmineeChangeResponse 200",
                         "gw -> p/1: AdmineeChangeResponse 200", "gw -> p/3: AdmineeChange",
                         "gw -> srv: AdmineeChangeResponse 200", "gw -> p/1: PNLeaveResponse 403");
    fake_run(w, 70 * SIM_S);
    assert_int_equal(fake_count(w, "p/1 ! adminee_not_changed: guest"), 1);
    assert_int_equal(fake_count(w, "p/2 ! adminee_not_changed: p/3"), 1);
    assert_int_equal(fake_count(w, "p/1 ! device_removed: p/3"), 1);
    assert_int_equal(stores_members(w, "home"), 3);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- usage information
 * -------------------------------------------------------------------------------------- */

static size_t at_server(struct fake_world *w)
{
    return usage_count(&((struct server *)fake_state(w, "srv"))->usage);
}

static size_t at_gateway(struct fake_world *w)
{
    return usage_count(&((struct gateway *)fake_state(w, "gw"))->usage);
}

static size_t at_pne(struct fake_world *w, const char *who)
{
    return usage_count(&((struct pne *)fake_state(w, who))->usage);
}

static void usage_is_kept_until_it_expires(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        RULED "  - {at: 20 s, do: usage-info, from: p/2, pn: home, expiry: 60 s, store: [gateway, "
              "pne]}\n"
              "  - {at: 21 s, do: usage-info, from: p/3, pn: home, expiry: 100 s, store: "
              "[gateway]}\n"
              "  - {at: 22 s, do: usage-info, from: guest, pn: home, expiry: 200 s}\n");
    fake_run(w, 30 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/2 -> gw: PNUsageInfoCreateRequest",
                         "gw -> srv: PNUsageInfoCreateRequest",
                         "srv -> gw: PNUsageInfoCreateResponse 200",
                         "gw -> p/2: PNUsageInfoCreateResponse 200", "p/2 ! usage_info_kept: p/2");
    const struct server *s = fake_state(w, "srv");
    assert_int_equal(at_server(w), 3);
    assert_int_equal(at_gateway(w), 2);
    assert_int_equal(at_pne(w, "p/2"), 1);
    assert_int_equal(at_pne(w, "p/3"), 0);
    assert_int_equal(s->usage.items[1].index, 2);
    assert_string_equal(s->usage.items[1].alias, "home");
    assert_int_equal(s->usage.items[1].gateway, fake_id(w, "gw"));
    fake_run(w, 79 * SIM_S);
    assert_int_equal(at_server(w), 3);
    fake_run(w, 81 * SIM_S);
    assert_int_equal(at_server(w), 2);
    assert_int_equal(at_gateway(w), 1);
    assert_int_equal(at_pne(w, "p/2"), 0);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(at_server(w) + at_gateway(w), 0);
    fake_free(w);
}

static void zero_deletes_and_again_renews(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        RULED "  - {at: 20 s, do: usage-info, from: p/2, pn: home, expiry: 60 s, store: [gateway, "
              "pne]}\n"
              "  - {at: 50 s, do: usage-info, from: p/2, pn: home, expiry: 60 s, store: [gateway, "
              "pne]}\n"
              "  - {at: 100 s, do: usage-info, from: p/2, pn: home, expiry: 0 s, store: [gateway, "
              "pne]}\n"
              "  - {at: 105 s, do: usage-info, from: p/2, pn: home, expiry: 0 s}\n"
              "  - {at: 106 s, do: usage-info, from: p/3, pn: home, expiry: 0 s}\n");
    fake_run(w, 90 * SIM_S);
    assert_true(at_server(w) == 1 && at_gateway(w) == 1 && at_pne(w, "p/2") == 1);
    fake_run(w, 102 * SIM_S);
    assert_true(at_server(w) == 0 && at_gateway(w) == 0 && at_pne(w, "p/2") == 0);
    assert_int_equal(fake_count(w, "srv ! usage_info_deleted: p/2"), 1);
    fake_run(w, 110 * SIM_S);
    assert_int_equal(fake_count(w, "p/2 ! usage_info_kept: p/2"), 4); /* deleted is deleted */
    assert_int_equal(fake_count(w, "srv ! usage_info_deleted"), 1);
    assert_int_equal(fake_count(w, "gw -> p/3: PNUsageInfoCreateResponse 404"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

static void the_admin_edits_an_adminees(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        RULED "  - {at: 20 s, do: usage-info, from: p/2, pn: home, expiry: 900 s, store: "
              "[gateway, pne]}\n"
              "  - {at: 30 s, do: usage-info, from: p/3, pn: home, to: p/2, expiry: 0 s}\n"
              "  - {at: 31 s, do: usage-info, from: p/1, pn: home, to: guest, expiry: 9 s}\n"
              "  - {at: 32 s, do: usage-info, from: p/1, pn: home, to: late, expiry: 9 s}\n"
              "  - {at: 40 s, do: usage-info, from: p/1, pn: home, to: p/2, expiry: 0 s, store: "
              "[gateway, pne]}\n");
    fake_run(w, 35 * SIM_S);
    assert_int_equal(fake_count(w, "p/3 ! usage_info_refused: p/2"), 1);
    assert_int_equal(fake_count(w, "p/1 ! usage_info_refused: guest"), 1);
    assert_int_equal(fake_count(w, "gw -> p/1: PNUsageInfoCreateResponse 404"), 1);
    assert_int_equal(at_server(w), 1);
    fake_run(w, 50 * SIM_S);
    assert_true(at_server(w) == 0 && at_gateway(w) == 0 && at_pne(w, "p/2") == 0);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- each message disturbed
 * --------------------------------------------------------------------------------- */

static const char *one_admin(struct fake_world *w)
{
    const struct server *s = fake_state(w, "srv");
    const struct gateway *g = fake_state(w, "gw");
    return s->pns[0].admin == ENTITY_NONE       ? "no administrator"
           : s->pns[0].admin != g->pns[0].admin ? "server and gateway name another administrator"
                                                : "";
}

static const char *kept(struct fake_world *w)
{
    return at_server(w) == 1 && at_gateway(w) == 1 && at_pne(w, "p/2") == 1
               ? ""
               : "not kept by all three";
}

static const char *deleted(struct fake_world *w)
{
    return at_server(w) + at_gateway(w) + at_pne(w, "p/2") == 0 ? "" : "not deleted everywhere";
}

static const char *taken_out(struct fake_world *w)
{
    return stores_members(w, "home") == 3 ? "" : "not three members";
}

static void each_message_disturbed_once(void **state)
{
    (void)state;
    const struct disturb all[] = {
        {.name = "administrator hands on",
         .yaml = RULED "  - {at: 20 s, do: admin-assign, from: p/1, pn: home, to: p/2}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 2500 * SIM_S, /* past a renewal of the lease */
         .least = 8,
         .check = one_admin},
        {.name = "administrator takes out",
         .yaml = RULED "  - {at: 20 s, do: pn-leave, from: p/1, pn: home, to: p/3}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 2500 * SIM_S,
         .least = 5,
         .check = taken_out},
        {.name = "adminee",
         .yaml = RULED "  - {at: 20 s, do: adminee-remove, from: p/1, pn: home, to: p/3}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 1000 * SIM_S,
         .least = 8,
         .check = one_admin},
        {.name = "usage kept",
         .yaml = RULED "  - {at: 20 s, do: usage-info, from: p/2, pn: home, expiry: 6000 s, store: "
                       "[gateway, pne]}\n",
         .from = 19 * SIM_S,
         .to = 22 * SIM_S,
         .until = 1000 * SIM_S,
         .least = 4,
         .check = kept},
        {.name = "usage deleted",
         .yaml = RULED "  - {at: 10 s, do: usage-info, from: p/2, pn: home, expiry: 6000 s, store: "
                       "[gateway, pne]}\n"
                       "  - {at: 20 s, do: usage-info, from: p/2, pn: home, expiry: 0 s, store: "
                       "[gateway, pne]}\n",
         .from = 9 * SIM_S,
         .to = 22 * SIM_S,
         .until = 1000 * SIM_S,
         .least = 8,
         .check = deleted},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        disturb_each(&all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_admin_releases),
        cmocka_unit_test(only_the_admin_adds_and_removes),
        cmocka_unit_test(who_was_taken_out_needs_the_admin_to_come_back),
        cmocka_unit_test(an_admin_of_another_user_is_none),
        cmocka_unit_test(the_office_is_handed_on),
        cmocka_unit_test(nobody_takes_the_office),
        cmocka_unit_test(a_free_network_gets_an_admin),
        cmocka_unit_test(a_silent_candidate_does_not_become_it),
        cmocka_unit_test(adminees_are_the_admins_to_choose),
        cmocka_unit_test(usage_is_kept_until_it_expires),
        cmocka_unit_test(zero_deletes_and_again_renews),
        cmocka_unit_test(the_admin_edits_an_adminees),
        cmocka_unit_test(each_message_disturbed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
