/* Movement in whole runs: links go down and up at the computed times, together with faults, and the
 * PNEs find back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

#define HEAD                                                                                       \
    "cpns: 1\n"                                                                                    \
    "run: {until: %s, seed: 2}\n"                                                                  \
    "fidelity: %s\n"                                                                               \
    "links: {near: {technology: ble, range: 10 m}}\n"                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}, position: [0 m, 0 m]}\n"

/* From 5 m to 25 m and back at 0.5 m/s: out of reach from 30 s to 150 s. */
#define WALK                                                                                       \
    "  - {id: walk, role: pne, attach: {to: gw, link: near}, mobility: {model: waypoints, "        \
    "points:\n"                                                                                    \
    "     [{at: 20 s, to: [5 m, 0 m]}, {at: 60 s, to: [25 m, 0 m]}, {at: 120 s, to: [25 m, 0 "     \
    "m]}, {at: 160 s, to: [5 m, 0 m]}]}}\n"

static const char *const fidelities[] = {"packet", "fast"};

static void rows_are(const char *name, const char *sql, const char *wanted)
{
    char *rows = whole_rows(name, sql);
    assert_string_equal(rows, wanted);
    free(rows);
}

static void links_follow_the_distance(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(fidelities); i++) {
        char *yaml =
            mem_printf(HEAD WALK "  - {id: stay, role: pne, attach: {to: gw, link: near}, "
                                 "position: [6 m, 8 m]}\n"
                                 "workload:\n"
                                 "  - {every: 2 s, do: service-access, from: [walk, stay], to: "
                                 "srv, size: 20 B}\n",
                       "300 s", fidelities[i]);
        assert_int_equal(whole_run("walk", yaml, ""), 0);
        free(yaml);
        /* 10 m are within: down from the first instant beyond, up from the first one at 10 m. */
        rows_are("walk",
                 "SELECT l.name, m.at_ns, m.in_reach, round(m.distance_m, 6), m.absent"
                 "  FROM motion m JOIN link l USING (link_id) ORDER BY at_ns",
                 "walk--gw|0|1|5|NULL\n"
                 "walk--gw|30000000001|0|10|NULL\n"
                 "walk--gw|150000000000|1|10|NULL\n");
        rows_are("walk",
                 "SELECT link, contact, from_s, round(duration_s, 3), round(gap_s, 3) FROM "
                 "v_contact ORDER BY from_s",
                 "walk--gw|1|0|30|NULL\n"
                 "walk--gw|2|150|150|120\n");
        rows_are("walk",
                 "SELECT what, detail FROM v_timeline WHERE what LIKE 'link%' ORDER BY at_s",
                 "link_in_reach|5.000 m\n"
                 "link_out_of_reach|10.000 m\n"
                 "link_in_reach|10.000 m\n");
        assert_int_equal(whole_int("walk",
                                   "SELECT count(*) FROM message_hop JOIN link USING (link_id)"
                                   " WHERE link.name = 'walk--gw' AND received_ns > 30400000000"
                                   " AND received_ns < 150000000000"),
                         0);
        /* The other one does not notice; this one is heard again. */
        assert_int_equal(whole_int("walk", "SELECT down_dropped FROM link WHERE name = 'stay--gw'"),
                         0);
        assert_true(whole_int("walk", "SELECT down_dropped FROM link WHERE name = 'walk--gw'") > 3);
        assert_true(whole_int("walk", "SELECT count(*) FROM v_message WHERE origin = 'walk' AND"
                                      " sent_s > 160 AND outcome = 'delivered'") > 20);
        char *out = whole_stdout();
        assert_non_null(strstr(out, "motion: 1 links, 2 contacts of 90.0 s on average, in reach "
                                    "60.0 % of the time, longest gap 120.0 s"));
        free(out);
    }
}

/* A fault that ends while the ends are apart, one that begins then, and two at once. */
static void a_link_is_up_when_nothing_holds_it_down(void **state)
{
    (void)state;
    char *yaml = mem_printf(
        HEAD WALK "faults:\n"
                  "  - {id: early, at: 10 s, for: 30 s, do: link-down, target: walk--gw}\n"
                  "  - {id: late, at: 140 s, for: 30 s, do: link-down, target: walk--gw}\n"
                  "  - {id: again, at: 150 s, for: 40 s, do: link-down, target: walk--gw}\n"
                  "workload:\n"
                  "  - {every: 500 ms, do: service-access, from: walk, to: srv, size: 20 B}\n",
        "300 s", "fast");
    assert_int_equal(whole_run("both", yaml, ""), 0);
    free(yaml);
    rows_are("both", "SELECT round(at_s, 3), what, detail FROM v_timeline WHERE what LIKE 'link%'",
             "0|link_in_reach|5.000 m\n"
             "10|link_down|early\n"
             "30|link_out_of_reach|10.000 m\n"
             "40|link_stays_down|early\n"
             "140|link_down|late\n"
             "150|link_in_reach|10.000 m\n"
             "150|link_down|again\n"
             "170|link_stays_down|late\n"
             "190|link_up|again\n");
    assert_int_equal(whole_int("both", "SELECT count(*) FROM message_hop JOIN link USING (link_id)"
                                       " WHERE link.name = 'walk--gw' AND received_ns > 10400000000"
                                       " AND received_ns < 190000000000"),
                     0);
    assert_true(whole_int("both", "SELECT count(*) FROM v_message WHERE outcome = 'delivered' AND"
                                  " delivered_s > 190") > 50);
}

/* Who is absent has no link at all, to whatever distance; a gateway takes all of its links along.
 */
static void who_is_absent_or_moves_takes_its_links_along(void **state)
{
    (void)state;
    static const char yaml[] =
        "cpns: 1\n"
        "run: {until: 200 s, seed: 2}\n"
        "links: {near: {technology: ble, range: 10 m}, cell: {technology: lte, range: 2 km}}\n"
        "nodes:\n"
        "  - {id: srv, role: server, position: [0 m, 0 m]}\n"
        "  - {id: bus, role: gateway, uplink: {to: srv, link: cell}, mobility: {model: waypoints,\n"
        "     points: [{at: 20 s, to: [0 km, 0 m]}, {at: 120 s, to: [4 km, 0 m]}]}}\n"
        "  - {id: stop, role: pne, count: 2, attach: {to: bus, link: near}, position: [50 m, 6 "
        "m]}\n"
        "  - {id: guest, role: pne, attach: {to: bus, link: ethernet},\n"
        "     mobility: {model: come-and-go, present: 30 s, absent: 15 s}}\n";
    assert_int_equal(whole_run("bus", yaml, ""), 0);
    /* 40 m/s: 50 m - 8 m after 1.05 s, 2 km after 50 s. */
    rows_are("bus",
             "SELECT l.name, round(m.at_ns / 1e9, 6), m.in_reach, m.absent FROM motion m JOIN link "
             "l USING (link_id) WHERE l.name <> 'guest--bus' ORDER BY m.at_ns, l.link_id",
             "bus--srv|0|1|NULL\n"
             "stop/1--bus|0|0|NULL\n"
             "stop/2--bus|0|0|NULL\n"
             "stop/1--bus|21.05|1|NULL\n"
             "stop/2--bus|21.05|1|NULL\n"
             "stop/1--bus|21.45|0|NULL\n"
             "stop/2--bus|21.45|0|NULL\n"
             "bus--srv|70|0|NULL\n");
    rows_are("bus",
             "SELECT m.at_ns, m.in_reach, m.absent, m.distance_m FROM motion m JOIN link l USING "
             "(link_id) WHERE l.name = 'guest--bus' AND m.at_ns < 100000000000",
             "0|1|NULL|NULL\n"
             "30000000000|0|a|NULL\n"
             "45000000000|1|NULL|NULL\n"
             "75000000000|0|a|NULL\n"
             "90000000000|1|NULL|NULL\n");
}

/* A gateway drives away from its router's mast and back: the hop over the router follows its first
 * wire, and the PNE that it takes along has nothing to notice. */
static void a_hop_over_a_router_follows_its_wire(void **state)
{
    (void)state;
    static const char yaml[] =
        "cpns: 1\n"
        "run: {until: 200 s, seed: 3}\n"
        "links: {sat: {technology: lte, range: 100 m}}\n"
        "nodes:\n"
        "  - {id: srv, role: server, attach: {to: mast, link: fibre}}\n"
        "  - {id: mast, role: router, position: [500 m, 0 m]}\n"
        "  - {id: car, role: gateway, uplink: {to: srv, via: mast, link: sat}, mobility: {model: "
        "waypoints,\n"
        "     points: [{at: 10 s, to: [500 m, 0 m]}, {at: 60 s, to: [800 m, 0 m]}, {at: 110 s, to: "
        "[500 m, 0 m]}]}}\n"
        "  - {id: seat, role: pne, attach: {to: car, link: ble}}\n"
        "workload:\n"
        "  - {every: 5 s, do: service-access, from: seat, to: srv, size: 20 B}\n";
    assert_int_equal(whole_run("car", yaml, ""), 0);
    rows_are("car", "SELECT link, round(from_s, 6), round(until_s, 6) FROM v_contact ORDER BY 2",
             "car--mast|0|26.666667\n"
             "car--mast|93.333333|NULL\n");
    assert_int_equal(whole_int("car", "SELECT count(*) FROM v_message WHERE delivered_s BETWEEN 27 "
                                      "AND 93 AND type LIKE 'ServiceAccess%'"),
                     0);
    assert_true(whole_int("car", "SELECT count(*) FROM v_message WHERE sent_s > 130 AND type = "
                                 "'ServiceAccessResponse' AND outcome = 'delivered'") > 10);
}

/* One more node changes no other's movement. */
static void a_node_more_changes_nobodys_path(void **state)
{
    (void)state;
#define CROWD                                                                                      \
    "  - {id: crowd, role: pne, count: 5, attach: {to: gw, link: near}, mobility: {model: "        \
    "random-waypoint,\n"                                                                           \
    "     area: {x: [-20 m, 20 m], y: [-20 m, 20 m]}, speed: {uniform: [0.5 m/s, 2 m/s]}}}\n"      \
    "  - {id: guest, role: pne, count: 3, attach: {to: gw, link: ble}, mobility: {model: "         \
    "come-and-go,\n"                                                                               \
    "     present: {exponential: 40 s}, absent: {exponential: 20 s}}}\n"
    static const char sql[] = "SELECT l.name, m.at_ns, m.in_reach, m.distance_m FROM motion m JOIN "
                              "link l USING (link_id) WHERE l.name NOT LIKE 'walk%' ORDER BY 1, 2";
    char *yaml = mem_printf(HEAD CROWD, "200 s", "fast");
    assert_int_equal(whole_run("crowd", yaml, ""), 0);
    free(yaml);
    yaml = mem_printf(HEAD WALK CROWD, "200 s", "fast");
    assert_int_equal(whole_run("more", yaml, ""), 0);
    free(yaml);
    char *rows = whole_rows("crowd", sql);
    assert_true(strlen(rows) > 500);
    rows_are("more", sql, rows);
    free(rows);
}

/* Workers change nothing. */
static void movement_does_not_depend_on_workers(void **state)
{
    (void)state;
    char *prints[3];
    for (int i = 0; i < 3; i++) {
        static const char *const workers[] = {"--workers 1", "--workers 2", "--workers 8"};
        char *yaml = mem_printf(HEAD WALK CROWD, "200 s", fidelities[1]);
        assert_int_equal(whole_run("workers", yaml, workers[i]), 0);
        free(yaml);
        assert_int_equal(whole_cpnsim("fingerprint '%s/workers.db'", whole_dir()), 0);
        prints[i] = whole_stdout();
    }
    assert_string_equal(prints[0], prints[1]);
    assert_string_equal(prints[0], prints[2]);
    for (int i = 0; i < 3; i++) {
        free(prints[i]);
    }
}

/* Who was away for long, as a member or before it could become one, is served again soon. */
static void who_comes_back_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(fidelities); i++) {
        char *yaml = mem_printf(
            HEAD "  - {id: watch, role: pne, attach: {to: gw, link: near}, position: [1 m, 0 m]}\n"
                 "  - {id: walk, role: pne, attach: {to: gw, link: near}, mobility: {model: "
                 "waypoints, points:\n"
                 "     [{at: 20 s, to: [5 m, 0 m]}, {at: 60 s, to: [25 m, 0 m]}, {at: 400 s, to: "
                 "[25 m, 0 m]},\n"
                 "      {at: 440 s, to: [5 m, 0 m]}]}}\n"
                 "  - {id: late, role: pne, attach: {to: gw, link: near}, mobility: {model: "
                 "waypoints, points:\n"
                 "     [{at: 200 s, to: [25 m, 0 m]}, {at: 300 s, to: [5 m, 0 m]}]}}\n"
                 "personal_networks:\n"
                 "  - {id: body, gateway: gw, establishment: {type: 2, by: watch, at: 1 s}}\n"
                 "workload:\n"
                 "  - {every: 10 s, do: service-access, from: [walk, late], to: srv, size: 20 B}\n",
            "600 s", fidelities[i]);
        assert_int_equal(whole_run("back", yaml, ""), 0);
        free(yaml);
        rows_are("back",
                 "SELECT b, contact, join_ms < 10000 FROM v_contact WHERE from_s > 0 AND a IN "
                 "('walk', 'late') ORDER BY from_s",
                 "gw|1|1\n"
                 "gw|2|1\n");
        assert_int_equal(whole_int("back", "SELECT count(*) FROM v_timeline WHERE what = "
                                           "'pn_joined' AND subject IN ('walk', 'late') AND at_s "
                                           "BETWEEN 275 AND 440"),
                         2);
        assert_true(whole_int("back", "SELECT count(*) FROM v_message WHERE origin = 'walk' AND "
                                      "sent_s > 440 AND latency_ms < 1000") > 14);
        assert_int_equal(whole_int("back", "SELECT count(*) FROM transition WHERE allowed = 0"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_follow_the_distance),
        cmocka_unit_test(a_link_is_up_when_nothing_holds_it_down),
        cmocka_unit_test(who_is_absent_or_moves_takes_its_links_along),
        cmocka_unit_test(a_hop_over_a_router_follows_its_wire),
        cmocka_unit_test(a_node_more_changes_nobodys_path),
        cmocka_unit_test(movement_does_not_depend_on_workers),
        cmocka_unit_test(who_comes_back_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
