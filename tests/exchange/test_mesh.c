/* Several servers that share their inventory: services, groups and messages between gateways homed
 * on different ones, and what happens when the servers lose each other [ours]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "models/cpns_server/server.h"
#include "models/pne/pne.h"
#include "tests/support/stores.h"

/* Server 1 has gateway 1 with o, a; server 2 has gateways 2 with b/1, b/2 and 3 with c; g is made
 * at server 1. */
static const char house[] =
    "cpns: 1\n"
    "name: mesh\n"
    "run: {until: 3000 s, seed: 4}\n"
    "nodes:\n"
    "  - {id: srv, role: server, count: 2%s}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv/1, link: fibre}}\n"
    "  - {id: far, role: gateway, count: 2, uplink: {to: [srv/2, srv/2], link: fibre}}\n"
    "  - {id: o, role: pne, attach: {to: gw, link: wlan}}\n"
    "  - {id: a, role: pne, attach: {to: gw, link: wlan}}\n"
    "  - {id: b, role: pne, count: 2, attach: {to: far/1, link: wlan}}\n"
    "  - {id: c, role: pne, attach: {to: far/2, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: one, gateway: gw}\n"
    "  - {id: two, gateway: far/1}\n"
    "  - {id: three, gateway: far/2}\n"
    "service_groups:\n"
    "  - {id: g, owner: o, members: [a, b/*], service: chat, joining: %s}\n"
    "services:\n"
    "  - {id: pulse, provider: b/1, openness: public}\n"
    "  - {id: photos, provider: o, openness: public, confirm: owner, allow: b/1}\n"
    "  - {id: chords, provider: b/2, openness: group, group: g}\n"
    "workload:\n"
    "%s";

static struct fake_world *create_with(const char *mesh, const char *joining, const char *work)
{
    char *yaml = mem_printf(house, mesh, joining, work);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    return w;
}

static struct fake_world *create(const char *joining, const char *work)
{
    return create_with(", mesh: {link: fibre}", joining, work);
}

static const struct server *server(struct fake_world *w, const char *name)
{
    return fake_state(w, name);
}

static void assert_good(struct fake_world *w)
{
    stores_assert_agree(w);
    assert_int_equal(fake_wrong_events(w), 0);
    fake_assert_account(w);
}

/* --- the inventory
 * ------------------------------------------------------------------------------------------- */

static void servers_tell_each_other(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "  - {at: 900 s, do: group-message, from: o, to: g}\n");
    fake_run(w, 30 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv/1 ! mesh_up: srv/2", "gw -> srv/1: RegistrationRequest",
                         "srv/1 -> srv/2: InventoryUpdate",
                         "srv/2 -> srv/1: InventoryUpdateResponse 200");
    const struct subscriber *o = server_subscriber(server(w, "srv/2"), fake_id(w, "o"));
    assert_true(o != NULL && o->registered && o->remote);
    assert_int_equal(o->gateway, fake_id(w, "srv/1"));
    assert_int_equal(server(w, "srv/2")->pns[0].gateway, fake_id(w, "gw"));
    assert_int_equal(server(w, "srv/2")->groups[0].home, fake_id(w, "srv/1"));
    assert_int_equal(server(w, "srv/1")->service_count, 3);
    assert_good(w);
    fake_free(w);
}

/* A renewed lease is nobody else's business. */
static void only_changes_are_told(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "  - {at: 900 s, do: group-message, from: o, to: g}\n");
    fake_run(w, 100 * SIM_S);
    uint32_t before = fake_count(w, "srv/1 -> srv/2: InventoryUpdate") +
                      fake_count(w, "srv/2 -> srv/1: InventoryUpdate");
    fake_run(w, 2000 * SIM_S);
    assert_true(fake_count(w, "gw -> srv/1: RegistrationRequest") >= 2);
    assert_int_equal(fake_count(w, "srv/1 -> srv/2: InventoryUpdate") +
                         fake_count(w, "srv/2 -> srv/1: InventoryUpdate"),
                     before);
    assert_good(w);
    fake_free(w);
}

/* --- across servers
 * ------------------------------------------------------------------------------------------ */

static void members_join_at_the_groups_home(void **state)
{
    (void)state;
    struct fake_world *w = create("closed", "  - {at: 30 s, do: group-join, from: c, to: g}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "far/1 -> srv/2: SGJoinRequest",   /* */
                         "srv/2 -> srv/1: SGJoinRequest",      /* home */
                         "srv/1 -> gw: SGJoinRequest",         /* the owner is asked */
                         "gw -> srv/1: SGJoinResponse 200",    /* */
                         "srv/1 -> srv/2: SGJoinResponse 200", /* */
                         "srv/2 -> far/1: SGJoinResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "c -> far/2: SGJoinRequest", "o -> gw: SGJoinResponse 403",
                         "far/2 -> c: SGJoinResponse 403");
    assert_int_equal(stores_group_members(w, "g"), 4);
    assert_good(w);
    fake_free(w);
}

/* One copy a server, from there one a gateway. */
static void a_message_goes_once_to_each_server_gateway_and_member(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "  - {at: 30 s, do: group-join, from: c, to: g}\n"
                                          "  - {at: 40 s, do: group-message, from: o, to: g}\n"
                                          "  - {at: 50 s, do: group-message, from: b/1, to: g}\n");
    fake_run(w, 45 * SIM_S);
    static const char *const first[] = {"o -> gw: SGMessage",        "gw -> srv/1: SGMessage",
                                        "srv/1 -> gw: SGMessage",    "gw -> a: SGMessage",
                                        "srv/1 -> srv/2: SGMessage", "srv/2 -> far/1: SGMessage",
                                        "srv/2 -> far/2: SGMessage", "far/1 -> b/1: SGMessage",
                                        "far/1 -> b/2: SGMessage",   "far/2 -> c: SGMessage"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(first); i++) {
        assert_int_equal(fake_count(w, first[i]), 1);
    }
    assert_int_equal(fake_count(w, "gw -> o: SGMessage"), 0);
    assert_int_equal(fake_count(w, "srv/2 -> srv/1: SGMessage"), 0);
    fake_run(w, 55 * SIM_S);
    /* From the other side: to the home, and a copy comes back for the gateways there. */
    assert_int_equal(fake_count(w, "srv/2 -> srv/1: SGMessage"), 1);
    assert_int_equal(fake_count(w, "srv/1 -> srv/2: SGMessage"), 2);
    assert_int_equal(fake_count(w, "gw -> o: SGMessage"), 1);
    assert_int_equal(fake_count(w, "gw -> a: SGMessage"), 2);
    assert_int_equal(fake_count(w, "far/1 -> b/1: SGMessage"), 1);
    assert_int_equal(fake_count(w, "far/1 -> b/2: SGMessage"), 2);
    assert_int_equal(fake_count(w, "far/2 -> c: SGMessage"), 2);
    assert_good(w);
    fake_free(w);
}

static void services_are_found_and_used_across_servers(void **state)
{
    (void)state;
    struct fake_world *w =
        create("open", "  - {at: 20 s, do: service-search, from: [a, c], keyword: p}\n"
                       "  - {at: 21 s, do: service-search, from: b/1, service: photos}\n"
                       "  - {at: 30 s, do: service-access, from: a, service: pulse}\n"
                       "  - {at: 31 s, do: service-access, from: [b/1, c], service: photos}\n"
                       "  - {at: 32 s, do: service-access, from: [a, c], service: chords}\n"
                       "  - {at: 33 s, do: service-access, from: a, to: srv/2}\n"
                       "  - {at: 34 s, do: service-access, from: c, to: a}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "a -> gw: ServiceAccessRequest", "srv/1 -> srv/2: ServiceAccessRequest",
        "srv/2 -> far/1: ServiceAccessRequest", "b/1 -> far/1: ServiceAccessResponse 200",
        "srv/2 -> srv/1: ServiceAccessResponse 200", "gw -> a: ServiceAccessResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "srv/2 -> srv/1: OwnerConfirmationRequest", /* for b/1 */
                         "o -> gw: OwnerConfirmationResponse 200",
                         "srv/1 -> srv/2: OwnerConfirmationResponse 200",
                         "b/1 ! services_found: photos at o");
    assert_int_equal(fake_count(w, "a ! services_found: pulse at b/1"), 1); /* photos: denied */
    assert_int_equal(fake_count(w, "c ! services_found: pulse at b/1"), 1);
    assert_int_equal(fake_count(w, "far/1 -> b/1: ServiceAccessResponse 200"), 1); /* photos */
    assert_int_equal(fake_count(w, "far/2 -> c: ServiceAccessResponse 403"),
                     2); /* photos, chords */
    assert_int_equal(fake_count(w, "gw -> a: ServiceAccessResponse 200"),
                     3); /* pulse, chords, srv/2 */
    assert_int_equal(fake_count(w, "far/2 -> c: ServiceAccessResponse 200"), 1);
    assert_good(w);
    fake_free(w);
}

static void a_group_is_handed_over_to_another_servers_member(void **state)
{
    (void)state;
    struct fake_world *w =
        create("closed", "  - {at: 30 s, do: group-owner-transfer, from: o, to: g, member: b/2}\n"
                         "  - {at: 40 s, do: group-invite, from: b/2, to: g, member: c}\n"
                         "  - {at: 50 s, do: group-leave, from: a, to: g}\n"
                         "  - {at: 60 s, do: group-discover, from: c, member: b/2}\n"
                         "  - {at: 70 s, do: group-leave, from: b/2, to: g, member: b/1}\n");
    fake_run(w, 100 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "srv/1 -> srv/2: SGOwnerTransferRequest", "b/2 -> far/1: SGOwnerTransferResponse 200",
        "srv/2 -> srv/1: SGOwnerTransferResponse 200", "gw -> o: SGOwnerTransferResponse 200");
    assert_int_equal(fake_count(w, "b/2 ! sg_owner: g"), 1);
    assert_int_equal(fake_count(w, "b/2 ! sg_invited: g"), 1);
    assert_int_equal(fake_count(w, "c ! sg_joined: g"), 1);
    assert_int_equal(fake_count(w, "c ! sg_found: g"), 1);
    assert_int_equal(fake_count(w, "b/1 ! sg_ended: g"), 1);
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_int_equal(server(w, "srv/2")->groups[0].owner, fake_id(w, "b/2"));
    assert_int_equal(server(w, "srv/2")->groups[0].home, fake_id(w, "srv/1"));
    assert_good(w);
    fake_free(w);
}

/* --- the servers lose each other
 * ------------------------------------------------------------------------------ */

static void what_is_at_home_elsewhere_waits(void **state)
{
    (void)state;
    struct fake_world *w =
        create("open", "  - {at: 100 s, do: group-join, from: c, to: g}\n"
                       "  - {at: 101 s, do: service-access, from: a, to: b/1}\n"
                       "  - {at: 102 s, do: group-leave, from: a, to: g}\n"
                       "  - {at: 103 s, do: pn-release, from: b/1, pn: two}\n"
                       "  - {at: 104 s, do: service-access, from: a, to: srv/1}\n");
    fake_run(w, 90 * SIM_S);
    fake_set_hop(w, fake_id(w, "srv/1"), fake_id(w, "srv/2"), false);
    fake_run(w, 150 * SIM_S);
    assert_true(fake_count(w, "far/2 -> c: SGJoinResponse 503") >= 1);
    assert_int_equal(fake_count(w, "gw -> a: ServiceAccessResponse 503"), 1);
    assert_int_equal(fake_count(w, "gw -> a: ServiceAccessResponse 200"), 1); /* its own server */
    assert_int_equal(fake_count(w, "a ! sg_left: g"), 1);                     /* at home here */
    assert_false(strcmp(stores_difference(w), "") == 0);
    fake_set_hop(w, fake_id(w, "srv/1"), fake_id(w, "srv/2"), true);
    fake_run(w, 400 * SIM_S);
    assert_int_equal(fake_count(w, "c ! sg_joined: g"), 1);
    assert_good(w);
    fake_free(w);
}

/* The other server says nothing: its keep-alives stay out, and the session is made anew. */
static void a_silent_server_is_noticed(void **state)
{
    (void)state;
    struct fake_world *w = create("open", "  - {at: 900 s, do: group-message, from: o, to: g}\n");
    fake_run(w, 50 * SIM_S);
    fake_set_silent(w, fake_id(w, "srv/2"), true);
    fake_run(w, 250 * SIM_S);
    assert_int_equal(fake_count(w, "srv/1 ! mesh_down: srv/2"), 1);
    fake_set_silent(w, fake_id(w, "srv/2"), false);
    fake_run(w, 1000 * SIM_S);
    assert_true(fake_hop_connected(w, "srv/1", "srv/2"));
    assert_int_equal(fake_count(w, "far/1 -> b/1: SGMessage"), 1);
    assert_good(w);
    fake_free(w);
}

static void without_a_mesh_each_is_for_itself(void **state)
{
    (void)state;
    struct fake_world *w =
        create_with("", "open", "  - {at: 100 s, do: service-access, from: a, to: b/1}\n");
    fake_run(w, 200 * SIM_S);
    assert_int_equal(fake_count(w, "srv/1 -> srv/2"), 0);
    assert_int_equal(fake_count(w, "gw -> a: ServiceAccessResponse 404"), 1);
    assert_int_equal(stores_group_members(w, "g"), 2);
    fake_run(w, 1000 * SIM_S);
    stores_assert_agree(w);
    fake_free(w);
}

/* An update from somebody who is no server of the mesh, or in another's name. */
static void updates_are_taken_from_the_home_alone(void **state)
{
    (void)state;
    static const struct {
        const char *from, *server;
    } cases[] = {{"far/1", "srv/1"}, {"srv/1", "srv/2"}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct fake_world *w =
            create("open", "  - {at: 900 s, do: group-message, from: o, to: g}\n");
        fake_run(w, 50 * SIM_S);
        struct cpns_message m;
        struct buf out = {0};
        cpns_message_init(&m, CPNS_INVENTORY_UPDATE);
        cpns_set_integer(&m, CPNS_TRANSACTION_ID, 99999);
        cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, cases[i].from));
        cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, "srv/2"));
        cpns_set_text(&m, CPNS_SG_ID, fake_group_urn(w, "g"));
        cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
        cpns_set_integer(&m, CPNS_HOP_LIMIT, 5);
        cpns_set_text(&m, CPNS_INVENTORY, "service_group");
        cpns_set_text(&m, CPNS_CHANGE, "deleted");
        cpns_set_text(&m, CPNS_SERVER_ID, fake_urn(w, cases[i].server));
        cpns_set_integer(&m, CPNS_SEQUENCE, INT64_MAX);
        assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
        cpns_message_fini(&m);
        fake_inject(w, fake_id(w, cases[i].from), fake_id(w, "srv/2"), fake_urn(w, cases[i].from),
                    CPNS_XML, buf_span(&out));
        buf_fini(&out);
        fake_run(w, 60 * SIM_S);
        assert_true(server(w, "srv/2")->groups[0].stored);
        assert_good(w);
        fake_free(w);
    }
}

/* --- a network moves to the other server
 * ---------------------------------------------------------------------- */

/* The phone's own gateway belongs to the other server: with it the whole network moves there. */
static const char car[] =
    "cpns: 1\n"
    "name: moving\n"
    "run: {until: 6000 s, seed: 4}\n"
    "nodes:\n"
    "  - {id: srv, role: server, count: 2, mesh: {link: fibre}}\n"
    "  - {id: car, role: gateway, uplink: {to: srv/1, link: lte}}\n"
    "  - {id: far, role: gateway, uplink: {to: srv/2, link: fibre}}\n"
    "  - {id: unit, role: pne, count: 2, attach: {to: car, link: wlan}}\n"
    "  - {id: phone, role: pne, attach: {to: car, link: wlan},\n"
    "     standby: {link: wlan, uplink: {to: srv/2, link: lte}}}\n"
    "  - {id: b, role: pne, attach: {to: far, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: car, gateway: car, establishment: {at: 1 s}}\n"
    "  - {id: two, gateway: far}\n"
    "service_groups:\n"
    "  - {id: g, owner: unit/1, members: [unit/2, phone, b], service: music}\n"
    "services:\n"
    "  - {id: songs, provider: unit/2, openness: public}\n"
    "workload:\n"
    "  - {at: 20 s, do: gateway-switch, pn: car, to: phone}\n"
    "  - {at: 90 s, do: group-message, from: b, to: g, size: 30 B}\n"
    "  - {at: 95 s, do: service-access, from: b, service: songs, size: 30 B}\n"
    "  - {at: 100 s, do: group-leave, from: unit/1, to: g}\n";

static void a_network_moves_to_the_server_of_its_new_gateway(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(car);
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "srv/2 ! gateway_switched: car"), 1);
    assert_int_equal(fake_count(w, "srv/1 ! pn_moved: car"), 1);
    assert_int_equal(server(w, "srv/1")->pns[0].home, fake_id(w, "srv/2"));
    assert_int_equal(server(w, "srv/2")->pns[0].home, fake_id(w, "srv/2"));
    assert_int_equal(server(w, "srv/1")->groups[0].home, fake_id(w, "srv/1")); /* stays */
    fake_run(w, 200 * SIM_S);
    assert_int_equal(fake_count(w, "srv/1 -> srv/2: SGMessage"), 1); /* b's, by the group's home */
    assert_int_equal(fake_count(w, "phone.gw -> unit/1: SGMessage"), 1);
    assert_int_equal(fake_count(w, "far -> b: ServiceAccessResponse 200"), 1);
    assert_int_equal(fake_count(w, "unit/1 ! sg_left: g"), 1);
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_int_equal(stores_members(w, "car"), 3);
    assert_good(w);
    fake_free(w);
}

/* --- each message disturbed once
 * ---------------------------------------------------------------------------- */

struct disturbance {
    uint64_t number;
    enum fake_fate fate;
    char what[80];
};

static enum fake_fate disturb(void *arg, struct fake_hit *hit)
{
    struct disturbance *d = arg;
    if (hit->number != d->number) {
        return FAKE_PASS;
    }
    snprintf(d->what, sizeof(d->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
    return d->fate == FAKE_CUT && !hit->in_session ? FAKE_DROP : d->fate;
}

static const char life[] = "  - {at: 30 s, do: group-invite, from: o, to: g, member: c}\n"
                           "  - {at: 31 s, do: service-search, from: b/1, service: photos}\n"
                           "  - {at: 32 s, do: group-owner-transfer, from: o, to: g, member: b/2}\n"
                           "  - {at: 34 s, do: group-leave, from: b/1, to: g}\n"
                           "  - {at: 300 s, do: service-access, from: a, service: pulse}\n";

/* Each message from `from` to `to` once, in each way; `used` has happened in the end. */
static void disturb_each(const char *yaml, sim_time from, sim_time to, const char *used)
{
    static const struct {
        const char *name;
        enum fake_fate fate;
    } fates[] = {{"cut", FAKE_CUT}, {"repeated", FAKE_TWICE}, {"late", FAKE_LATE}};
    struct fake_world *whole = fake_create(yaml);
    fake_run(whole, from);
    uint64_t first = fake_hits(whole) + 1;
    fake_run(whole, to);
    uint64_t last = fake_hits(whole);
    fake_free(whole);
    assert_true(last > first + 20);
    for (size_t k = 0; k < SIM_ARRAY_LEN(fates); k++) {
        int bad = 0;
        for (uint64_t i = first; i <= last; i++) {
            struct fake_world *w = fake_create(yaml);
            struct disturbance d = {.number = i, .fate = fates[k].fate};
            fake_set_filter(w, disturb, &d);
            fake_run(w, 2000 * SIM_S);
            const char *found = stores_disagreement(w);
            found = found[0] == '\0' && fake_count(w, used) == 0 ? used : found;
            found = found[0] == '\0' && fake_wrong_events(w) > 0 ? "a wrong event" : found;
            if (found[0] != '\0') {
                print_error("%s, message %d (%s): %s\n", fates[k].name, (int)i, d.what, found);
                bad++;
            }
            fake_assert_account(w);
            fake_free(w);
        }
        print_message("%s: %d messages, %d left stores that disagree or somebody who waits\n",
                      fates[k].name, (int)(last - first + 1), bad);
        assert_int_equal(bad, 0);
    }
}

static void each_message_disturbed_once(void **state)
{
    (void)state;
    char *yaml = mem_printf(house, ", mesh: {link: fibre}", "closed", life);
    disturb_each(yaml, 0, 40 * SIM_S, "gw -> a: ServiceAccessResponse 200");
    free(yaml);
}

static void each_message_of_a_move_disturbed_once(void **state)
{
    (void)state;
    disturb_each(car, 19 * SIM_S, 40 * SIM_S, "far -> b: ServiceAccessResponse 200");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_tell_each_other),
        cmocka_unit_test(only_changes_are_told),
        cmocka_unit_test(members_join_at_the_groups_home),
        cmocka_unit_test(a_message_goes_once_to_each_server_gateway_and_member),
        cmocka_unit_test(services_are_found_and_used_across_servers),
        cmocka_unit_test(a_group_is_handed_over_to_another_servers_member),
        cmocka_unit_test(what_is_at_home_elsewhere_waits),
        cmocka_unit_test(a_silent_server_is_noticed),
        cmocka_unit_test(without_a_mesh_each_is_for_itself),
        cmocka_unit_test(updates_are_taken_from_the_home_alone),
        cmocka_unit_test(a_network_moves_to_the_server_of_its_new_gateway),
        cmocka_unit_test(each_message_disturbed_once),
        cmocka_unit_test(each_message_of_a_move_disturbed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
