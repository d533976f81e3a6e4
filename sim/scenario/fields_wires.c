/* Links that no node's entry brings: between routers, between PNEs, from a graph. */
#include "sim/scenario/fields_table.h"

static const char *const words_double[] = {"refuse", "first", NULL};

static const struct field wire_fields[] = {
    {"between", FIELD_TEXTS, AT(raw_wire, between), .required = true, .names = "router selector",
     .doc = "The two routers, a list."},
    {"link", FIELD_REF, AT(raw_wire, link), .required = true, .names = "link",
     .doc = "Link between them."},
    {"delay", FIELD_TIME, AT(raw_wire, delay), .max = 3600e9,
     .doc = "Mean one-way delay instead of the link's."},
    {"rate", FIELD_RATE, AT(raw_wire, rate), .min = 1, .max = 1e12,
     .doc = "Data rate instead of the link's."},
    {"mtu", FIELD_SIZE, AT(raw_wire, mtu), .min = 68, .max = 65535,
     .doc = "Largest IP packet instead of the link's."},
    {"fidelity", FIELD_WORD, AT(raw_wire, fidelity), .words = words_fidelity,
     .doc = "How closely it is simulated; without it as the link says. All wires of a way have to "
            "agree."},
};
const struct section section_wire = {
    .name = "wires",
    .title = "wire",
    FIELDS(wire_fields),
    .bytes = sizeof(struct raw_wire),
    .doc = "Links between routers, an entry each. Gateways with `via` reach their servers over "
           "them, on the way of least delay.",
    .example = "nodes:\n"
               "  - {id: r, role: router, count: 3}\n"
               "  - {id: srv, role: server, attach: {to: r/3, link: fibre}}\n"
               "  - {id: gw, role: gateway, count: 9, uplink: {to: srv, via: r/*, link: lte}}\n"
               "wires:\n"
               "  - {between: [r/1, r/2], link: fibre, delay: 4 ms}\n"
               "  - {between: [r/2, r/3], link: fibre, delay: 2500 us, rate: 10 Gbit/s}\n"};

static const struct field bridge_fields[] = {
    {"between", FIELD_TEXTS, AT(raw_bridge, between), .required = true, .names = "PNE selector",
     .doc = "The two PNEs, a list."},
    {"link", FIELD_REF, AT(raw_bridge, link), .required = true, .names = "link",
     .doc = "Link between them."},
    {"fidelity", FIELD_WORD, AT(raw_bridge, fidelity), .words = words_fidelity,
     .doc = "How closely it is simulated; without it as the link says."},
};
const struct section section_bridge = {
    .name = "bridges",
    .title = "bridge",
    FIELDS(bridge_fields),
    .bytes = sizeof(struct raw_bridge),
    .doc = "Links between PNEs, which may couple their networks. No session protects them: what "
           "passes there is recorded with the exemption bridge.",
    .example = "bridges:\n"
               "  - {between: [pne/1, pne/26], link: wlan}\n"};

static const struct field import_fields[] = {
    {"graphml", FIELD_TEXT, AT(raw_scenario, graphml), .required = true, .names = "file",
     .doc = "GraphML file, relative to this file; which data keys count, stands in the README "
            "beside this page."},
    {"link", FIELD_REF, AT(raw_scenario, import_link), .required = true, .names = "link",
     .doc = "Link of the edges that name none themselves."},
    {"prefix", FIELD_ID, AT(raw_scenario, import_prefix), .fallback = "r",
     .doc = "The routers are named PREFIX/NAME, with the name that the GraphML file gives them."},
    {"double_edges", FIELD_WORD, AT(raw_scenario, import_double), .fallback = "refuse",
     .words = words_double,
     .doc = "What to do with several edges between the same two nodes, as maps of operators have "
            "them: they are an error, or the first counts."},
};
const struct section section_import = {
    .name = "import",
    .title = "import",
    FIELDS(import_fields),
    .doc = "A graph whose nodes become routers and whose edges become wires between them, as if "
           "they were written here.",
    .example = "import: {graphml: backbone.graphml, link: fibre, prefix: r}\n"};
