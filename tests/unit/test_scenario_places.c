/* Places, movement and ranges of a scenario file: what they expand to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"

#define HEAD                                                                                       \
    "cpns: 1\nrun: {until: 60 s, seed: 9}\nlinks: {near: {technology: ble, range: 10 m}}\n"        \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}, position: [0.5 km, -3 m, 250 "      \
    "cm]}\n"

static const struct scenario_node *node(const struct scenario *s, const char *id)
{
    uint32_t i = scenario_find_node(s, id);
    assert_int_not_equal(i, SCENARIO_NONE);
    return &s->nodes[i];
}

static void places_are_in_metres(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD
                  "  - {id: p, role: pne, count: 2, attach: {to: gw, link: ble}, position: {at: "
                  "[1 m, 20 mm]}}\n"
                  "  - {id: q, role: pne, attach: {to: gw, link: near}}\n");
    const struct scenario_node *gw = node(l.s, "gw");
    assert_true(gw->placed && gw->place[0] == 500 && gw->place[1] == -3 && gw->place[2] == 2.5);
    assert_true(node(l.s, "p/2")->placed && node(l.s, "p/2")->place[1] == 0.02);
    assert_false(node(l.s, "q")->placed);
    assert_false(node(l.s, "srv")->placed);
    assert_null(gw->motion);
    assert_true(l.s->links[l.s->edges[node(l.s, "q")->edge].link].range_m == 10);
    assert_true(l.s->links[l.s->edges[gw->edge].link].range_m == 0);
    loaded_fini(&l);
}

static void copies_are_put_row_by_row(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD
                  "  - {id: p, role: pne, count: 7, attach: {to: gw, link: ble},\n"
                  "     position: {grid: {origin: [1 m, 2 m, 3 m], step: [10 m, -5 m], columns: "
                  "3}}}\n");
    static const double wanted[7][2] = {{1, 2},   {11, 2},  {21, 2}, {1, -3},
                                        {11, -3}, {21, -3}, {1, -8}};
    for (uint32_t i = 0; i < 7; i++) {
        const struct scenario_node *n = &l.s->nodes[scenario_find_node(l.s, "p/1") + i];
        assert_true(n->place[0] == wanted[i][0] && n->place[1] == wanted[i][1] && n->place[2] == 3);
    }
    loaded_fini(&l);
}

/* Draws: inside, spread over all of it, and the same whatever else the file holds. */
static void drawn_places_are_spread_and_a_nodes_own(void **state)
{
    (void)state;
#define DRAWN                                                                                      \
    "  - {id: d, role: pne, count: 4000, attach: {to: gw, link: ble},\n"                           \
    "     position: {disc: {centre: [10 m, 20 m, 1 m], radius: 5 m}}}\n"                           \
    "  - {id: u, role: pne, count: 4000, attach: {to: gw, link: ble},\n"                           \
    "     position: {uniform: {x: [-4 m, 4 m], y: [100 m, 101 m]}}}\n"
    struct loaded l;
    struct loaded more;
    loaded_accept(&l, HEAD DRAWN);
    int inner = 0;
    double sum[2] = {0};
    for (uint32_t i = 0; i < 4000; i++) {
        const struct scenario_node *d = &l.s->nodes[scenario_find_node(l.s, "d/1") + i];
        const struct scenario_node *u = &l.s->nodes[scenario_find_node(l.s, "u/1") + i];
        double r = hypot(d->place[0] - 10, d->place[1] - 20);
        assert_true(r <= 5 && d->place[2] == 1);
        inner += r <= 2.5;
        assert_true(fabs(u->place[0]) <= 4 && u->place[1] >= 100 && u->place[1] <= 101);
        sum[0] += u->place[0] / 4000;
        sum[1] += u->place[1] / 4000;
    }
    assert_true(abs(inner - 1000) < 120); /* a quarter of the area */
    assert_true(fabs(sum[0]) < 0.2 && fabs(sum[1] - 100.5) < 0.03);
    loaded_accept(&more,
                  HEAD "  - {id: x, role: pne, count: 3, attach: {to: gw, link: ble}, position: "
                       "{disc: {radius: 1 m}}}\n" DRAWN);
    assert_memory_equal(node(l.s, "d/77")->place, node(more.s, "d/77")->place, sizeof(double[3]));
    assert_memory_equal(node(l.s, "u/4000")->place, node(more.s, "u/4000")->place,
                        sizeof(double[3]));
    loaded_fini(&more);
    loaded_fini(&l);
}

#define MOVING                                                                                     \
    "  - {id: w, role: pne, count: 2, attach: {to: gw, link: near},\n"                             \
    "     mobility: {model: waypoints, points: [{at: 5 s, to: [1 m, 2 m]}, {at: 6 s, to: [3 m, "   \
    "4 m, 5 m]}]}}\n"                                                                              \
    "  - {id: r, role: pne, attach: {to: gw, link: near},\n"                                       \
    "     mobility: {model: random-waypoint, area: {x: [5 m, 6 m], y: [7 m, 9 m]},\n"              \
    "                speed: {uniform: [1 m/s, 7.2 km/h]}, pause: 3 s}}\n"                          \
    "  - {id: c, role: pne, attach: {to: gw, link: near},\n"                                       \
    "     mobility: {model: come-and-go, present: {exponential: 60 s}, absent: 20 s, first: "      \
    "absent}}\n"

static void check_moving(const struct scenario *s)
{
    const struct scenario_motion *w = node(s, "w/2")->motion;
    assert_true(w->model == MOBILITY_WAYPOINTS && w->point_count == 2);
    assert_true(w->points[1].at == 6 * SIM_S && w->points[1].place[2] == 5);
    assert_true(node(s, "w/2")->placed && node(s, "w/2")->place[1] == 2);
    const struct scenario_motion *r = node(s, "r")->motion;
    assert_true(r->model == MOBILITY_RANDOM_WAYPOINT && r->speed.kind == DIST_UNIFORM);
    assert_true(r->speed.a == 1 && r->speed.b == 2 && r->pause.a == 3e9);
    assert_true(r->low[0] == 5 && r->high[0] == 6 && r->low[1] == 7 && r->high[1] == 9);
    const double *start = node(s, "r")->place;
    assert_true(node(s, "r")->placed && start[0] >= 5 && start[0] <= 6 && start[1] >= 7);
    const struct scenario_motion *c = node(s, "c")->motion;
    assert_true(c->model == MOBILITY_COME_AND_GO && c->starts_absent && c->present.a == 60e9 &&
                c->absent.kind == DIST_CONSTANT && c->absent.a == 20e9);
    assert_false(node(s, "c")->placed);
}

/* What is shown loads as the same, as YAML and as JSON. */
static void movement_is_read_and_shown(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD MOVING);
    check_moving(l.s);
    static const enum scenario_format formats[] = {FORMAT_YAML, FORMAT_JSON};
    for (size_t i = 0; i < SIM_ARRAY_LEN(formats); i++) {
        struct buf out = {0};
        struct loaded again;
        assert_int_equal(scenario_show(l.s, formats[i], false, &out), 0);
        char *text = buf_steal_str(&out);
        loaded_accept(&again, text);
        check_moving(again.s);
        for (size_t k = 0; k < l.s->node_count; k++) {
            assert_memory_equal(again.s->nodes[k].place, l.s->nodes[k].place, sizeof(double[3]));
        }
        assert_true(again.s->links[0].range_m == l.s->links[0].range_m);
        loaded_fini(&again);
        free(text);
    }
    loaded_fini(&l);
}

/* A movement that no link feels and a link that never reaches are told. */
static void what_may_mislead_is_told(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD
                  "  - {id: far, role: pne, attach: {to: gw, link: near}, position: [0 m, 0 m]}\n"
                  "  - {id: w, role: pne, attach: {to: gw, link: lte},\n"
                  "     mobility: {model: waypoints, points: [{at: 5 s, to: [1 m, 2 m]}]}}\n");
    assert_true(loaded_says(&l, "never-happens", "s.yaml", 7, 66));
    assert_true(loaded_says(&l, "no-effect", "s.yaml", 9, 16));
    assert_int_equal(l.diags.count, 2);
    loaded_fini(&l);
    loaded_accept(&l, HEAD MOVING);
    assert_int_equal(l.diags.count, 0);
    loaded_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_in_metres),
        cmocka_unit_test(copies_are_put_row_by_row),
        cmocka_unit_test(drawn_places_are_spread_and_a_nodes_own),
        cmocka_unit_test(movement_is_read_and_shown),
        cmocka_unit_test(what_may_mislead_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
