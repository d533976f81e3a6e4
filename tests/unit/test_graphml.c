/* GraphML files: what they become, and where their errors are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"

#define TOP                                                                                        \
    "cpns: 1\nrun: {until: 60 s}\nimport: {graphml: g.graphml, link: fibre}\n"                     \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"                                  \
    "  - {id: pne, role: pne, attach: {to: gw, link: ble}}\n"
#define KEYS                                                                                       \
    "<key id=\"l\" for=\"node\" attr.name=\"label\"/>\n"                                           \
    "<key id=\"y\" for=\"node\" attr.name=\"Latitude\"/>\n"                                        \
    "<key id=\"x\" for=\"node\" attr.name=\"Longitude\"/>\n"                                       \
    "<key id=\"d\" for=\"edge\" attr.name=\"delay\"/>\n"                                           \
    "<key id=\"r\" for=\"edge\" attr.name=\"LinkSpeedRaw\"/>\n"                                    \
    "<key id=\"m\" for=\"edge\" attr.name=\"mtu\"/>\n"                                             \
    "<key id=\"k\" for=\"edge\" attr.name=\"link\"/>\n"
#define OPEN                                                                                       \
    "<?xml version=\"1.0\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n" KEYS
#define SHUT "</graphml>\n"
#define GRAPH(inner) OPEN "<graph edgedefault=\"undirected\">\n" inner "</graph>\n" SHUT
#define ABC "<node id=\"a\"/><node id=\"b\"/><node id=\"c\"/>\n"

static struct scenario_files files;

static int set_up(void **state)
{
    (void)state;
    scenario_files_init(&files);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scenario_files_fini(&files);
    return 0;
}

static void load_graph(struct loaded *l, const char *yaml, const char *graph)
{
    scenario_files_write(&files, "g.graphml", graph);
    scenario_files_write(&files, "s.yaml", yaml);
    loaded_init(l, &files, "s.yaml", NULL);
}

static void load_good(struct loaded *l, const char *graph)
{
    load_graph(l, TOP, graph);
    if (l->r != 0) {
        loaded_print(l);
    }
    assert_int_equal(l->r, 0);
}

static const struct scenario_wire *wire(const struct scenario *s, const char *id)
{
    for (size_t i = 0; i < s->wire_count; i++) {
        if (strcmp(s->wires[i].id, id) == 0) {
            return &s->wires[i];
        }
    }
    print_error("no wire %s\n", id);
    fail();
    return NULL;
}

static void nodes_become_routers_and_edges_wires(void **state)
{
    (void)state;
    struct loaded l;
    load_good(&l, GRAPH("<node id=\"0\"><data key=\"l\"> Frankfurt am Main </data></node>\n"
                        "<node id=\"1\"><data key=\"l\">twice</data></node>\n"
                        "<node id=\"2\"><data key=\"l\">twice</data></node>\n"
                        "<node id=\"3\"><data key=\"l\">2</data></node>\n"
                        "<node id=\"n--&#252;--..4\"/>\n"
                        "<edge source=\"0\" target=\"1\"/>\n"
                        "<edge source=\"2\" target=\"1\"><data key=\"k\">lte</data>"
                        "<data key=\"d\">2.5</data><data key=\"r\">1e9</data></edge>\n"
                        "<edge source=\"2\" target=\"3\"><data key=\"d\"><![CDATA[700 us]]></data>"
                        "<data key=\"m\">1400</data><data key=\"r\">3 Mbit/s</data></edge>\n"));
    const struct scenario *s = l.s;
    static const char *const names[] = {"r/Frankfurt_am_Main", "r/1", "r/2", "r/3", "r/n_4"};
    assert_int_equal(s->node_count, 3 + SIM_ARRAY_LEN(names));
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        uint32_t n = scenario_find_node(s, names[i]);
        assert_int_equal(n, 3 + i);
        assert_string_equal(s->nodes[n].id, names[i]);
        assert_string_equal(s->nodes[n].entry, "r");
        assert_int_equal(s->nodes[n].role, ROLE_ROUTER);
        assert_int_equal(s->nodes[n].peer, SCENARIO_NONE);
    }
    assert_int_equal(scenario_find_node(s, "r/4"), SCENARIO_NONE);
    assert_int_equal(s->edge_count, 2);
    assert_int_equal(s->wire_count, 5);
    const struct scenario_wire *w = wire(s, "r/Frankfurt_am_Main--r/1");
    assert_string_equal(s->links[w->link].name, "fibre");
    assert_int_equal(w->delay, 5 * SIM_MS);
    assert_int_equal(w->rate_bps, 500000000);
    assert_int_equal(w->mtu_bytes, 1500);
    w = wire(s, "r/2--r/1");
    assert_string_equal(s->links[w->link].name, "lte");
    assert_int_equal(w->delay, 2500 * SIM_US);
    assert_int_equal(w->rate_bps, 1000000000);
    w = wire(s, "r/2--r/3");
    assert_int_equal(w->delay, 700 * SIM_US);
    assert_int_equal(w->mtu_bytes, 1400);
    assert_int_equal(w->rate_bps, 3000000);
    /* What was imported is part of what the run is known by. */
    assert_non_null(strstr(s->text, "# file: g.graphml"));
    assert_non_null(strstr(s->text, "Frankfurt am Main"));
    loaded_fini(&l);
}

/* A quarter of the equator is pi/2 times the radius; light in fibre goes at 2/3 of c. */
static void coordinates_give_delays(void **state)
{
    (void)state;
    struct loaded l;
    load_good(&l,
              GRAPH("<node id=\"a\"><data key=\"y\">0</data><data key=\"x\">0</data></node>\n"
                    "<node id=\"b\"><data key=\"y\">0</data><data key=\"x\">90</data></node>\n"
                    "<node id=\"p\"><data key=\"y\">-90</data><data key=\"x\">17</data></node>\n"
                    "<node id=\"c\"><data key=\"y\">0</data></node>\n"
                    "<edge source=\"a\" target=\"b\"/><edge source=\"b\" target=\"p\"/>\n"
                    "<edge source=\"a\" target=\"c\"/>\n"
                    "<edge source=\"a\" target=\"p\"><data key=\"d\">9</data></edge>\n"));
    double quarter = 3.14159265358979 / 2 * 6371008.8 / (299792458.0 * 2 / 3) * 1e9;
    assert_true(fabs((double)wire(l.s, "r/a--r/b")->delay - quarter) <= 1);
    assert_true(fabs((double)wire(l.s, "r/b--r/p")->delay - quarter) <= 1);
    assert_int_equal(wire(l.s, "r/a--r/c")->delay, 5 * SIM_MS);
    assert_int_equal(wire(l.s, "r/a--r/p")->delay, 9 * SIM_MS);
    loaded_fini(&l);
}

static void other_vocabularies_defaults_and_ports_are_no_hindrance(void **state)
{
    (void)state;
    struct loaded l;
    load_good(&l,
              "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\" "
              "xmlns:y=\"http://www.yworks.com/xml/graphml\">\n"
              "<!-- a comment --><desc>what it is</desc>\n"
              "<key id=\"d\" for=\"edge\" attr.name=\"DELAY\"><desc/><default>7</default></key>\n"
              "<key id=\"g\" for=\"node\" yfiles.type=\"nodegraphics\"/>\n"
              "<graph id=\"G\" edgedefault=\"undirected\"><data key=\"zzz\">9</data>\n"
              "<node id=\"a\"><port name=\"p\"/><data key=\"g\"><y:ShapeNode><y:graph/>"
              "</y:ShapeNode></data></node>\n"
              "<node id=\"b\"><desc>b</desc></node><node id=\"c\"/>\n"
              "<y:thing><node id=\"x\"/></y:thing>\n"
              "<edge id=\"e\" source=\"a\" target=\"b\" sourceport=\"p\"/>\n"
              "<edge source=\"b\" target=\"c\" directed=\"false\"><data key=\"d\">1</data></edge>\n"
              "</graph></graphml>\n");
    assert_int_equal(l.s->node_count, 6);
    assert_int_equal(wire(l.s, "r/a--r/b")->delay, 7 * SIM_MS);
    assert_int_equal(wire(l.s, "r/b--r/c")->delay, 1 * SIM_MS);
    loaded_fini(&l);
    /* Without a namespace, as some programs write it. */
    load_good(&l, "<graphml><graph edgedefault=\"undirected\"><node id=\"a\"/></graph></graphml>");
    assert_int_equal(l.s->node_count, 4);
    loaded_fini(&l);
}

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *s = strstr(text, part); s != NULL; s = strstr(s + 1, part)) {
        n++;
    }
    return n;
}

/* The prefix and the link are the importer's, and the scenario may add routers and wires. */
static void imports_mix_with_what_is_written(void **state)
{
    (void)state;
    struct loaded l;
    load_graph(&l,
               "cpns: 1\nrun: {until: 60 s}\n"
               "import: {graphml: g.graphml, link: fibre, prefix: core}\n"
               "nodes:\n"
               "  - {id: srv, role: server, attach: {to: own, link: lte}}\n"
               "  - {id: gw, role: gateway, count: 3, uplink: {to: srv, via: core/*, link: lte}}\n"
               "  - {id: pne, role: pne, attach: {to: gw/1, link: ble}}\n"
               "  - {id: own, role: router}\n"
               "wires:\n  - {between: [core/c, own], link: fibre, delay: 1 ms}\n",
               GRAPH(ABC "<edge source=\"a\" target=\"b\"/><edge source=\"b\" target=\"c\"/>\n"));
    if (l.r != 0) {
        loaded_print(&l);
    }
    assert_int_equal(l.r, 0);
    const struct scenario_edge *e = &l.s->edges[0];
    static const char *const way[] = {"gw/1--core/a", "core/a--core/b", "core/b--core/c",
                                      "core/c--own", "srv--own"};
    assert_string_equal(e->id, "gw/1--srv");
    assert_int_equal(e->wire_count, SIM_ARRAY_LEN(way));
    for (size_t i = 0; i < SIM_ARRAY_LEN(way); i++) {
        assert_string_equal(l.s->wires[e->wires[i]].id, way[i]);
    }
    /* What is shown loads as the same, without the file. */
    struct buf out = {0};
    assert_int_equal(scenario_show(l.s, FORMAT_YAML, false, &out), 0);
    char *yaml = buf_steal_str(&out);
    assert_null(strstr(yaml, "import"));
    scenario_files_write(&files, "again.yaml", yaml);
    struct loaded again;
    loaded_init(&again, &files, "again.yaml", NULL);
    if (again.r != 0) {
        loaded_print(&again);
    }
    assert_int_equal(again.r, 0);
    assert_int_equal(again.s->wire_count, l.s->wire_count);
    for (size_t i = 0; i < l.s->wire_count; i++) {
        const struct scenario_wire *a = &l.s->wires[i];
        const struct scenario_wire *b = &again.s->wires[i];
        assert_string_equal(a->id, b->id);
        assert_true(a->delay == b->delay && a->rate_bps == b->rate_bps);
    }
    assert_int_equal(again.s->edges[2].wire_count, l.s->edges[2].wire_count);
    /* Drawings have each router and each wire. */
    assert_int_equal(scenario_show(l.s, FORMAT_DOT, false, &out), 0);
    char *dot = buf_steal_str(&out);
    assert_int_equal(scenario_show(l.s, FORMAT_MERMAID, false, &out), 0);
    char *mermaid = buf_steal_str(&out);
    assert_int_equal(occurrences(dot, "shape=diamond"), 4);
    assert_int_equal(occurrences(dot, " -- "), 8);
    assert_int_equal(occurrences(mermaid, "<br/>router"), 4);
    assert_int_equal(occurrences(mermaid, " ---|"), 8);
    assert_non_null(strstr(dot, "core/b"));
    free(dot);
    free(mermaid);
    free(yaml);
    loaded_fini(&again);
    loaded_fini(&l);
}

/* Maps of operators have several lines between two places. */
static void of_double_edges_the_first_may_count(void **state)
{
    (void)state;
    static const char top[] = "cpns: 1\nrun: {until: 60 s}\n"
                              "import: {graphml: g.graphml, link: fibre, double_edges: first}\n";
    struct loaded l;
    char *yaml = mem_printf("%s%s", top, strstr(TOP, "nodes:"));
    load_graph(&l, yaml,
               GRAPH(ABC "<edge source=\"a\" target=\"b\"><data key=\"d\">1</data></edge>\n"
                         "<edge source=\"b\" target=\"a\"><data key=\"d\">2</data></edge>\n"
                         "<edge source=\"b\" target=\"c\"><data key=\"d\">3</data></edge>\n"
                         "<edge source=\"a\" target=\"b\"><data key=\"d\">4</data></edge>\n"));
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->wire_count, 4);
    assert_int_equal(wire(l.s, "r/a--r/b")->delay, 1 * SIM_MS);
    assert_int_equal(wire(l.s, "r/b--r/c")->delay, 3 * SIM_MS);
    loaded_fini(&l);
    free(yaml);
}

/* ⟦CODE⟧ stands right before the place at which CODE has to be told. */
static const struct {
    const char *name;
    const char *graph;
} broken[] = {
    {"not closed", OPEN "<graph>\n<node id=\"a\"/>\n</graphml>⟦xml-syntax⟧\n"},
    {"empty", "⟦empty-file⟧"},
    {"no XML", "⟦xml-syntax⟧nodes: []\n"},
    {"another root", "⟦wrong-type⟧<svg/>\n"},
    {"no graph", "⟦empty-file⟧<graphml/>\n"},
    {"unknown node",
     GRAPH(ABC
           "<edge source=\"a\" target=\"⟦unknown-node⟧d\"/>\n"
           "  <edge target='⟦unknown-node⟧y' id=\"source='q'\"\n  source='⟦unknown-node⟧z'/>\n")},
    {"double id", GRAPH(ABC "<node id=\"⟦duplicate-id⟧b\"/>\n")},
    {"names that fall together", GRAPH("<node id=\"a b\"/>\n<node id=\"⟦duplicate-id⟧a_b\"/>\n")},
    {"no name", GRAPH("<node id=\"⟦bad-name⟧--\"/>\n")},
    {"self loop", GRAPH(ABC "⟦self-loop⟧<edge source=\"b\" target=\"b\"/>\n")},
    {"double edge",
     GRAPH(ABC "<edge source=\"a\" target=\"b\"/>\n⟦duplicate-wire⟧<edge source=\"b\" "
               "target=\"a\"/>\n")},
    {"no id", GRAPH("⟦missing-key⟧<node/>\n")},
    {"no ends", GRAPH(ABC "⟦missing-key⟧⟦missing-key⟧<edge id=\"e\"/>\n")},
    {"wrong values",
     GRAPH(ABC
           "<edge source=\"a\" target=\"b\"><data key=\"d\">⟦bad-value⟧soon</data></edge>\n"
           "<edge source=\"b\" target=\"c\"><data key=\"d\">\n  ⟦out-of-range⟧-3\n</data></edge>\n"
           "<edge source=\"a\" target=\"c\"><data key=\"m\">⟦out-of-range⟧40</data>"
           "<data key=\"r\">⟦out-of-range⟧0</data><data "
           "key=\"k\">⟦unknown-link⟧glass</data></edge>\n")},
    {"wrong places", GRAPH("<node id=\"a\"><data key=\"y\">⟦bad-value⟧95</data><data "
                           "key=\"x\">⟦bad-value⟧0x10 E</data>"
                           "</node>\n")},
    {"twice the same",
     GRAPH("<node id=\"a\"><data key=\"l\">x</data><data key=\"l\">⟦duplicate-key⟧y"
           "</data></node>\n")},
    {"key not declared", GRAPH("<node id=\"ü\"><data key=\"⟦unknown-key⟧zz\">x</data></node>\n")},
    {"key of edges", GRAPH("<node id=\"ü\"><data key=\"d\">⟦unknown-key⟧x</data></node>\n")},
    {"key twice", OPEN "<key id=\"⟦duplicate-id⟧l\"/><graph/>" SHUT},
    {"directed", OPEN "<graph edgedefault=\"⟦directed-graph⟧directed\">" ABC "</graph>" SHUT},
    {"directed edge",
     GRAPH(ABC "<edge source=\"a\" target=\"b\" directed=\"⟦directed-graph⟧true\"/>\n")},
    {"hyperedge", GRAPH(ABC "⟦not-implemented⟧<hyperedge><endpoint node=\"a\"/></hyperedge>\n")},
    {"nested", GRAPH("<node id=\"a\">⟦nested-graph⟧<graph><node id=\"b\"/></graph></node>\n")},
    {"two graphs", OPEN "<graph edgedefault=\"undirected\">" ABC "</graph>\n"
                        "⟦several-graphs⟧<graph/>\n" SHUT},
    {"no such element", GRAPH(ABC "⟦unknown-element⟧<vertex id=\"d\"/>\n")},
    {"entities", "<?xml version=\"1.0\"?>\n⟦xml-entity⟧<!DOCTYPE graphml [<!ENTITY a \"aaaa\">]>\n"
                 "<graphml><graph><node id=\"&a;\"/></graph></graphml>\n"},
    {"not UTF-8", "<graphml>\n<!-- ⟦bad-encoding⟧\xfc -->\n</graphml>\n"},
    {"tabs and Windows lines",
     "<graphml>\r\n\t<graph>\r\n\t\t<node id=\"a\"/>\r\n\t\t<node id=\"⟦duplicate-id⟧a\"/>\r\n"
     "</graph></graphml>\r\n"},
};

/* Takes the marks out of `text` and checks that exactly these complaints come. */
static void check_broken(const char *name, const char *text)
{
    static const char open[] = "⟦";
    static const char shut[] = "⟧";
    struct {
        char code[40];
        int line, column;
    } wanted[8] = {0};
    size_t count = 0;
    struct buf out = {0};
    int line = 1;
    int column = 1;
    while (*text != '\0') {
        if (strncmp(text, open, strlen(open)) == 0) {
            const char *end = strstr(text, shut);
            text += strlen(open);
            assert_true(count < SIM_ARRAY_LEN(wanted));
            snprintf(wanted[count].code, sizeof(wanted[count].code), "%.*s", (int)(end - text),
                     text);
            wanted[count].line = line;
            wanted[count++].column = column;
            text = end + strlen(shut);
            continue;
        }
        column = *text == '\n' ? 1 : column + (((unsigned char)*text & 0xc0) != 0x80);
        line += *text == '\n';
        buf_append_u8(&out, (uint8_t)*text++);
    }
    char *graph = buf_steal_str(&out);
    struct loaded l;
    load_graph(&l, TOP, graph);
    bool good = l.r == -SIM_EINVAL && l.diags.errors == count;
    for (size_t i = 0; i < count; i++) {
        good =
            loaded_says(&l, wanted[i].code, "g.graphml", wanted[i].line, wanted[i].column) && good;
    }
    if (!good) {
        loaded_print(&l);
        fail_msg("%s: %zu errors wanted, %zu told", name, count, l.diags.errors);
    }
    free(graph);
    loaded_fini(&l);
}

static void errors_point_into_the_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(broken); i++) {
        check_broken(broken[i].name, broken[i].graph);
    }
}

/* A graph is cut at each octet: an error each time, nothing worse. */
static void any_prefix_is_refused(void **state)
{
    (void)state;
    static const char whole[] =
        GRAPH("<node id=\"a\"><data key=\"l\">A</data></node><node id=\"b\"/>\n"
              "<edge source=\"a\" target=\"b\"><data key=\"d\">3 ms</data></edge>\n");
    size_t len = strlen(whole) - strlen("\n");
    for (size_t i = 0; i < len; i++) {
        char *part = mem_printf("%.*s", (int)i, whole);
        struct loaded l;
        load_graph(&l, TOP, part);
        assert_int_equal(l.r, -SIM_EINVAL);
        if (l.diags.errors != 1) {
            loaded_print(&l);
        }
        assert_int_equal(l.diags.errors, 1);
        assert_true(l.diags.items[0].line >= 1);
        free(part);
        loaded_fini(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_become_routers_and_edges_wires, set_up, tear_down),
        cmocka_unit_test_setup_teardown(coordinates_give_delays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_vocabularies_defaults_and_ports_are_no_hindrance,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(imports_mix_with_what_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_double_edges_the_first_may_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_point_into_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_prefix_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
