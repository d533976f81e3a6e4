/* The state machines: each is a whole one, and the files of models/machines say what the tables
 * say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/machine_text.h"
#include "models/entities.h"

static void every_machine_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < cpns_machine_count; i++) {
        assert_string_equal(machine_fault(cpns_machines[i]), "");
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(cpns_machines[i]->name, cpns_machines[k]->name);
        }
    }
}

/* A table of the source tree that is not in the list would have no documentation. */
static void every_table_is_listed(void **state)
{
    (void)state;
    FILE *f = popen("grep -rhoE '^const struct fsm_table [a-z_]+ =' models | wc -l", "re");
    int count = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &count), 1);
    assert_int_equal(pclose(f), 0);
    if ((size_t)count != cpns_machine_count) {
        fail_msg("%d tables in models/, %zu in models/machines.c", count, cpns_machine_count);
    }
}

static char *read_source(const char *path)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        fail_msg("%s is missing: build the target update_machines", path);
    }
    struct buf text = {0};
    size_t got;
    do {
        got = fread(buf_reserve(&text, 4096), 1, 4096, f);
        buf_commit(&text, got);
    } while (got != 0);
    fclose(f);
    return buf_steal_str(&text);
}

static void assert_current(const char *path, struct buf *wanted)
{
    char *have = read_source(path);
    char *want = buf_steal_str(wanted);
    if (strcmp(have, want) != 0) {
        fail_msg("%s lags behind the state tables: build the target update_machines", path);
    }
    free(have);
    free(want);
}

static void pages_and_graphs_are_up_to_date(void **state)
{
    (void)state;
    struct buf text = {0};
    machines_markdown(cpns_machines, cpns_machine_count, &text);
    assert_current("models/machines/README.md", &text);
    for (size_t i = 0; i < cpns_machine_count; i++) {
        char *path = mem_printf("models/machines/%s.dot", cpns_machines[i]->name);
        machine_dot(cpns_machines[i], &text);
        assert_current(path, &text);
        free(path);
    }
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        count++;
    }
    return count;
}

/* Graphviz draws differently from version to version: the drawings have the graphs' states, arrows
 * and words. */
static void drawings_have_what_the_graphs_have(void **state)
{
    (void)state;
    for (size_t i = 0; i < cpns_machine_count; i++) {
        const struct fsm_table *t = cpns_machines[i];
        char *dot_path = mem_printf("models/machines/%s.dot", t->name);
        char *svg_path = mem_printf("models/machines/%s.svg", t->name);
        char *dot = read_source(dot_path);
        char *svg = read_source(svg_path);
        size_t words = t->state_count;
        for (size_t k = 0; k < t->arc_count; k++) {
            for (uint32_t to = 0; to < t->state_count; to++) {
                words += (t->arcs[k].to & FSM_BIT(to)) != 0;
            }
        }
        if (count_of(svg, "class=\"edge\"") != count_of(dot, " -> ") ||
            count_of(svg, "class=\"node\"") != t->state_count + 1 ||
            count_of(svg, "<text ") != words) {
            fail_msg("%s lags behind the graph: build the target update_machines", svg_path);
        }
        for (size_t k = 0; k < t->event_count; k++) {
            char *word = mem_printf(">%s</text>", t->events[k]);
            assert_non_null(strstr(svg, word));
            free(word);
        }
        free(dot_path);
        free(svg_path);
        free(dot);
        free(svg);
    }
}

/* --- what is found wrong
 * ------------------------------------------------------------------------------- */

static void faults_are_seen(void **state)
{
    (void)state;
    enum { A, B };
    enum { EV_GO, EV_BACK };
    static const char *const events[] = {"go", "back"};
    static const char *const docs[] = {"goes", "comes back"};
    static const char *const no_docs[] = {"goes", NULL};
    static const struct fsm_state states[] = {{.name = "A", .doc = "a"}, {.name = "B", .doc = "b"}};
    static const struct fsm_state mute[] = {{.name = "A", .doc = "a"}, {.name = "B"}};
    static const struct fsm_arc good[] = {{A, EV_GO, FSM_BIT(B), NULL},
                                          {B, EV_BACK, FSM_BIT(A) | FSM_BIT(B), NULL}};
    static const struct fsm_arc lost[] = {{A, EV_GO, FSM_BIT(A), NULL},
                                          {B, EV_BACK, FSM_BIT(A), NULL}};
    static const struct fsm_arc twice[] = {{A, EV_GO, FSM_BIT(B), NULL},
                                           {A, EV_GO, FSM_BIT(A), NULL}};
    static const struct fsm_arc wild[] = {{A, EV_GO, FSM_BIT(B), NULL},
                                          {B, EV_BACK, FSM_BIT(7), NULL}};
    static const struct fsm_arc idle[] = {{A, EV_GO, FSM_BIT(B), NULL},
                                          {B, EV_GO, FSM_BIT(A), NULL}};
    static const struct {
        const struct fsm_state *states;
        const struct fsm_arc *arcs;
        const char *const *docs;
        const char *fault;
    } cases[] = {
        {states, good, docs, ""},
        {states, NULL, docs, "t: wants arcs, doc and event_docs (sim/core/fsm.h)"},
        {states, good, NULL, "t: wants arcs, doc and event_docs (sim/core/fsm.h)"},
        {states, lost, docs, "t: state B is never reached"},
        {mute, good, docs, "t: state B has no doc"},
        {states, good, no_docs, "t: event back has no doc"},
        {states, twice, docs, "t: A on go stands twice"},
        {states, wild, docs, "t: arc 1 names what is not there"},
        {states, idle, docs, "t: event back is allowed nowhere"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct fsm_table t = {.name = "t",
                              .doc = "a test",
                              .states = cases[i].states,
                              .state_count = 2,
                              .events = events,
                              .event_count = 2,
                              .arcs = cases[i].arcs,
                              .arc_count = cases[i].arcs != NULL ? 2 : 0,
                              .event_docs = cases[i].docs};
        assert_string_equal(machine_fault(&t), cases[i].fault);
    }
    struct fsm_table t = {.name = "t",
                          .doc = "a test",
                          .states = states,
                          .state_count = 2,
                          .events = events,
                          .event_count = 2,
                          .arcs = good,
                          .arc_count = 2,
                          .event_docs = docs};
    struct buf text = {0};
    machine_dot(&t, &text);
    char *dot = buf_steal_str(&text);
    assert_non_null(strstr(dot, "    A -> B [label=\"go\"];\n    B -> A [label=\"back\"];\n"
                                "    B -> B [label=\"back\"];\n"));
    free(dot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_machine_is_whole),
        cmocka_unit_test(every_table_is_listed),
        cmocka_unit_test(pages_and_graphs_are_up_to_date),
        cmocka_unit_test(drawings_have_what_the_graphs_have),
        cmocka_unit_test(faults_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
