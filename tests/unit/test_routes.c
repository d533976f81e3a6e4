/* Ways over routers: least delay, then fewest wires, then the first router; checked against a
 * search of another kind on random graphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/rng.h"
#include "tests/support/scenario_text.h"

/* The routers of a hop's way, "1 3 2", each by what stands behind its slash. */
static char *way(const struct scenario *s, const char *gateway)
{
    uint32_t node = scenario_find_node(s, gateway);
    assert_int_not_equal(node, SCENARIO_NONE);
    const struct scenario_edge *e = &s->edges[s->nodes[node].edge];
    struct buf out = {0};
    assert_int_equal(e->wires[0], s->nodes[node].edge);
    for (size_t i = 0; i < e->wire_count; i++) {
        const struct scenario_wire *w = &s->wires[e->wires[i]];
        assert_true(w->a == node || w->b == node);
        node = w->a == node ? w->b : w->a;
        if (s->nodes[node].role == ROLE_ROUTER) {
            buf_printf(&out, "%s%s", i > 0 ? " " : "", strchr(s->nodes[node].id, '/') + 1);
        }
    }
    assert_int_equal(node, e->b);
    return buf_steal_str(&out);
}

static void check_way(const struct scenario *s, const char *gateway, const char *wanted)
{
    char *found = way(s, gateway);
    assert_string_equal(found, wanted);
    free(found);
}

#define HEAD "cpns: 1\nrun: {until: 60 s}\nnodes:\n  - {id: r, role: router, count: 6}\n"

static void least_delay_then_fewest_wires_then_the_first_router(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD
                  "  - {id: srv, role: server, attach: {to: r/6, link: lte}}\n"
                  "  - {id: gw, role: gateway, count: 6, uplink: {to: srv, via: r/*, link: lte}}\n"
                  "  - {id: pne, role: pne, attach: {to: gw/1, link: ble}}\n"
                  "wires:\n"
                  "  - {between: [r/1, r/3], link: fibre, delay: 2 ms}\n"
                  "  - {between: [r/1, r/2], link: fibre, delay: 2 ms}\n"
                  "  - {between: [r/3, r/6], link: fibre, delay: 2 ms}\n"
                  "  - {between: [r/6, r/2], link: fibre, delay: 2 ms}\n"
                  "  - {between: [r/4, r/6], link: fibre, delay: 9 ms}\n"
                  "  - {between: [r/4, r/1], link: fibre, delay: 4 ms}\n"
                  "  - {between: [r/5, r/6], link: fibre, delay: 4 ms}\n"
                  "  - {between: [r/5, r/2], link: fibre, delay: 2 ms}\n");
    check_way(l.s, "gw/1", "1 2 6");   /* as far as over 3, which stands behind 2 */
    check_way(l.s, "gw/4", "4 1 2 6"); /* 8 ms, not 9 */
    check_way(l.s, "gw/5", "5 6");     /* as far as over 2, with fewer wires */
    check_way(l.s, "gw/6", "6");
    assert_int_equal(l.s->edges[5].wire_count, 2);
    loaded_fini(&l);
}

static void gateways_are_dealt_over_routers_and_servers(void **state)
{
    (void)state;
    static const char text[] = HEAD
        "  - {id: srv, role: server, count: 2, attach: {to: r/1..2, link: lte}}\n"
        "  - {id: gw, role: gateway, count: 4, uplink: {to: srv/*, via: r/1..2, link: lte%s}}\n"
        "  - {id: direct, role: gateway, uplink: {to: srv/2, link: lte}}\n"
        "  - {id: pne, role: pne, attach: {to: gw/1, link: ble}}\n"
        "wires: [{between: [r/1, r/2], link: fibre}]\n";
    struct loaded l;
    char *yaml = mem_printf(text, "");
    loaded_accept(&l, yaml);
    check_way(l.s, "gw/1", "1");
    check_way(l.s, "gw/2", "2");
    check_way(l.s, "gw/3", "1");
    assert_string_equal(l.s->edges[1].id, "gw/2--srv/2");
    const struct scenario_edge *direct = &l.s->edges[4];
    assert_string_equal(direct->id, "direct--srv/2");
    assert_int_equal(direct->wire_count, 1);
    assert_string_equal(l.s->wires[direct->wires[0]].id, "direct--srv/2");
    assert_string_equal(l.s->wires[6].id, "srv/1--r/1");
    loaded_fini(&l);
    free(yaml);
    yaml = mem_printf(text, ", by: block");
    loaded_accept(&l, yaml);
    check_way(l.s, "gw/1", "1");
    check_way(l.s, "gw/2", "1 2");
    check_way(l.s, "gw/3", "2 1");
    check_way(l.s, "gw/4", "2");
    loaded_fini(&l);
    free(yaml);
}

static void faults_name_hops_and_wires(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(
        &l,
        HEAD "  - {id: srv, role: server, attach: {to: r/2, link: lte}}\n"
             "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, via: r/1, link: lte}}\n"
             "  - {id: pne, role: pne, attach: {to: gw/1, link: ble}}\n"
             "wires: [{between: [r/1, r/2], link: fibre}]\n"
             "faults:\n"
             "  - {at: 1 s, do: link-down, target: [gw/2--srv, r/2--r/1, r/*--srv, r/1--gw/2]}\n"
             "  - {at: 1 s, do: link-down, target: [r/*--r/*, gw/*--r/*]}\n");
    static const char *const wanted[2][4] = {{"gw/2--r/1", "r/1--r/2", "srv--r/2", NULL},
                                             {"r/1--r/2", "gw/1--r/1", "gw/2--r/1", NULL}};
    for (size_t f = 0; f < 2; f++) {
        assert_int_equal(l.s->faults[f].target_count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_string_equal(l.s->wires[l.s->faults[f].targets[i]].id, wanted[f][i]);
        }
    }
    loaded_fini(&l);
}

/* --- random graphs ------------------------------------------------------------------------- */

enum { ROUTERS = 24, WIRES = 60 };

struct best {
    int64_t delay;
    uint32_t hops;
};

/* Bellman-Ford: least delay and, with it, fewest wires from every router to `root`. */
static void relax_all(const struct scenario *s, uint32_t root, struct best *best)
{
    for (size_t i = 0; i < s->node_count; i++) {
        best[i] = (struct best){INT64_MAX, 0};
    }
    best[root] = (struct best){0, 0};
    for (size_t round = 0; round < ROUTERS; round++) {
        for (size_t i = 0; i < s->wire_count; i++) {
            const struct scenario_wire *w = &s->wires[i];
            const uint32_t ends[2] = {w->a, w->b};
            if (s->nodes[w->a].role != ROLE_ROUTER || s->nodes[w->b].role != ROLE_ROUTER) {
                continue;
            }
            for (int k = 0; k < 2; k++) {
                const struct best *from = &best[ends[k]];
                struct best *to = &best[ends[1 - k]];
                if (from->delay != INT64_MAX &&
                    (from->delay + w->delay < to->delay ||
                     (from->delay + w->delay == to->delay && from->hops + 1 < to->hops))) {
                    *to = (struct best){from->delay + w->delay, from->hops + 1};
                }
            }
        }
    }
}

static char *random_graph(struct rng *rng)
{
    struct buf out = {0};
    bool joined[ROUTERS][ROUTERS] = {{false}};
    buf_printf(&out,
               "cpns: 1\nrun: {until: 60 s}\nnodes:\n  - {id: r, role: router, count: %d}\n"
               "  - {id: srv, role: server, attach: {to: r/7, link: lte}}\n"
               "  - {id: gw, role: gateway, count: %d, uplink: {to: srv, via: r/*, link: lte}}\n"
               "  - {id: pne, role: pne, attach: {to: gw/1, link: ble}}\nwires:\n",
               ROUTERS, ROUTERS);
    for (int i = 1; i < ROUTERS; i++) {
        joined[i - 1][i] = joined[i][i - 1] = true; /* a chain, so that all hang together */
        buf_printf(&out, "  - {between: [r/%d, r/%d], link: fibre, delay: 5 ms}\n", i, i + 1);
    }
    for (int i = 0; i < WIRES; i++) {
        uint64_t a = rng_below(rng, ROUTERS);
        uint64_t b = rng_below(rng, ROUTERS);
        if (a != b && !joined[a][b]) {
            joined[a][b] = joined[b][a] = true;
            /* Few different delays, none among them: many ties. */
            buf_printf(&out, "  - {between: [r/%d, r/%d], link: fibre, delay: %d ms}\n", (int)a + 1,
                       (int)b + 1, (int)rng_below(rng, 5));
        }
    }
    return buf_steal_str(&out);
}

static void random_graphs_agree_with_another_search(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7, "routes", "test");
    for (int round = 0; round < 40; round++) {
        char *yaml = random_graph(&rng);
        struct loaded l;
        loaded_accept(&l, yaml);
        const struct scenario *s = l.s;
        struct best *best = mem_calloc(s->node_count, sizeof(*best));
        relax_all(s, scenario_find_node(s, "r/7"), best);
        for (uint32_t i = 0; i < ROUTERS; i++) {
            const struct scenario_edge *e = &s->edges[i];
            int64_t delay = 0;
            for (size_t k = 1; k + 1 < e->wire_count; k++) {
                delay += s->wires[e->wires[k]].delay;
            }
            uint32_t router = s->wires[i].b;
            assert_int_equal(delay, best[router].delay);
            assert_int_equal(e->wire_count, best[router].hops + 2);
            free(way(s, s->nodes[e->a].id));
        }
        free(best);
        free(yaml);
        loaded_fini(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_delay_then_fewest_wires_then_the_first_router),
        cmocka_unit_test(gateways_are_dealt_over_routers_and_servers),
        cmocka_unit_test(faults_name_hops_and_wires),
        cmocka_unit_test(random_graphs_agree_with_another_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
