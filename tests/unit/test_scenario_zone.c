/* Zones, users, administrators, candidates and what a workload says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"

#define HEAD "cpns: 1\nrun: {until: 60 s, seed: 9}\n"

static const struct scenario_node *node(const struct scenario *s, const char *id)
{
    uint32_t i = scenario_find_node(s, id);
    assert_int_not_equal(i, SCENARIO_NONE);
    return &s->nodes[i];
}

static void a_zone_has_defaults(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(
        &l, HEAD "nodes:\n"
                 "  - {id: srv, role: server}\n"
                 "  - {id: a, role: gateway, uplink: {to: srv, link: lte}, zone: {service: tour}}\n"
                 "  - {id: b, role: gateway, uplink: {to: srv, link: lte}, zone: {service: tour, "
                 "announce: 3 s, information: 2 kB, gone_after: 40 s, exhibits: [{id: x, at: [1 "
                 "m, 2 m]}, {id: y, at: [3 m, 4 m, 5 m]}]}}\n"
                 "  - {id: p, role: pne, attach: {to: a, link: wlan}}\n");
    const struct scenario_zone *z = node(l.s, "a")->zone;
    assert_string_equal(z->service, "tour");
    assert_true(z->announce == 10 * SIM_S && z->information == 1000 && z->gone == 0);
    assert_int_equal(z->exhibit_count, 0);
    z = node(l.s, "b")->zone;
    assert_true(z->announce == 3 * SIM_S && z->information == 2000 && z->gone == 40 * SIM_S);
    assert_int_equal(z->exhibit_count, 2);
    assert_string_equal(z->exhibits[1].id, "y");
    assert_true(z->exhibits[1].place[2] == 5 && z->exhibits[0].place[1] == 2);
    assert_null(node(l.s, "p")->zone);
    loaded_fini(&l);
}

/* A gateway is its own user, and its PNEs are that user's, where nothing else is written. */
static void devices_belong_to_users(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD
                  "nodes:\n"
                  "  - {id: p, role: pne, attach: {to: a, link: wlan}}\n"
                  "  - {id: q, role: pne, attach: {to: a, link: wlan}, user: bob}\n"
                  "  - {id: r, role: pne, attach: {to: b, link: wlan}}\n"
                  "  - {id: srv, role: server}\n"
                  "  - {id: a, role: gateway, uplink: {to: srv, link: lte}}\n"
                  "  - {id: b, role: gateway, uplink: {to: srv, link: lte}, user: carol, bridge: "
                  "deny}\n");
    assert_string_equal(node(l.s, "a")->user, "sip:a@cpns");
    assert_string_equal(node(l.s, "p")->user, "sip:a@cpns");
    assert_string_equal(node(l.s, "q")->user, "sip:bob@cpns");
    assert_string_equal(node(l.s, "r")->user, "sip:carol@cpns");
    assert_null(node(l.s, "srv")->user);
    assert_false(node(l.s, "a")->denies_bridge);
    assert_true(node(l.s, "b")->denies_bridge);
    loaded_fini(&l);
}

static void networks_have_admins_and_candidates(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD
                  "nodes:\n"
                  "  - {id: srv, role: server}\n"
                  "  - {id: a, role: gateway, uplink: {to: srv, link: lte}}\n"
                  "  - {id: p, role: pne, count: 4, attach: {to: a, link: wlan}}\n"
                  "personal_networks:\n"
                  "  - {id: n, gateway: a, members: p/1..2, admin: p/2, candidates: [p/4, p/3], "
                  "capabilities: after-registration}\n"
                  "workload:\n"
                  "  - {at: 1 s, do: pn-add, from: p/2, pn: n, to: p/4}\n"
                  "  - {at: 2 s, do: pn-add, from: p/3, pn: n}\n"
                  "  - {at: 3 s, do: usage-info, from: p/1, pn: n, expiry: 0 s, store: [gateway, "
                  "pne]}\n"
                  "  - {at: 4 s, do: usage-info, from: p/1, pn: n}\n");
    const struct scenario_pn *pn = &l.s->pns[0];
    assert_int_equal(l.diags.count, 0); /* candidates are not idle */
    assert_int_equal(pn->admin, pn->members[1]);
    assert_int_equal(pn->candidate_count, 2);
    assert_string_equal(l.s->nodes[pn->candidates[0]].id, "p/4");
    assert_true(pn->asks_capabilities);
    const struct scenario_work *w = l.s->work;
    assert_int_equal(w[0].pn_count, 1);
    assert_int_equal(w[0].pns[0], 0);
    assert_int_equal(w[0].to_count, 1);
    assert_int_equal(w[0].to[0], pn->candidates[0]);
    assert_int_equal(w[1].to_count, 0);
    assert_false(w[1].to_home);
    assert_true(w[2].expiry == 0);
    assert_int_equal(w[2].store, 1U << STORE_GATEWAY | 1U << STORE_PNE);
    assert_true(w[3].expiry == 3600 * SIM_S);
    assert_int_equal(w[3].store, 0);
    loaded_fini(&l);
}

/* "network:place" of all networks that a node is in, in order. */
static void check_belongings(const struct scenario *s, const char *id, const char *wanted)
{
    static const char *const places[] = {
        [PLACE_GATEWAY] = "gateway", [PLACE_MEMBER] = "member", [PLACE_CANDIDATE] = "candidate"};
    struct buf found = {0};
    size_t n = (size_t)(node(s, id) - s->nodes);
    for (uint32_t i = s->belonging_from[n]; i < s->belonging_from[n + 1]; i++) {
        const struct scenario_belonging *b = &s->belongings[i];
        buf_printf(&found, "%s%s:%s", buf_len(&found) > 0 ? " " : "", s->pns[b->pn].id,
                   places[b->as]);
    }
    char *text = buf_steal_str(&found);
    assert_string_equal(text, wanted);
    free(text);
}

static void networks_are_found_by_their_nodes(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD "nodes:\n"
                           "  - {id: srv, role: server}\n"
                           "  - {id: a, role: gateway, uplink: {to: srv, link: lte}}\n"
                           "  - {id: b, role: gateway, uplink: {to: srv, link: lte}}\n"
                           "  - {id: p, role: pne, count: 5, attach: {to: a, link: wlan}}\n"
                           "personal_networks:\n"
                           "  - {id: n, gateway: a, members: p/1..2, candidates: p/3..4}\n"
                           "  - {id: o, gateway: a, members: p/2..3}\n"
                           "  - {id: q, gateway: a, members: [p/5, p/2]}\n");
    check_belongings(l.s, "a", "n:gateway o:gateway q:gateway");
    check_belongings(l.s, "b", "");
    check_belongings(l.s, "srv", "");
    check_belongings(l.s, "p/1", "n:member");
    check_belongings(l.s, "p/2", "n:member o:member q:member");
    check_belongings(l.s, "p/3", "n:candidate o:member");
    check_belongings(l.s, "p/4", "n:candidate");
    check_belongings(l.s, "p/5", "q:member");
    loaded_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_has_defaults),
        cmocka_unit_test(devices_belong_to_users),
        cmocka_unit_test(networks_have_admins_and_candidates),
        cmocka_unit_test(networks_are_found_by_their_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
