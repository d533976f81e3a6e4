/* GraphML files: an undirected graph whose elements know where they stand. Read with libxml2's SAX
 * interface; no library type is seen outside graphml.c.
 *
 * Understood are graphml, key, graph, node, edge, data, default; desc, port and elements of other
 * namespaces are passed over. Format: http://graphml.graphdrawing.org/specification.html */
#ifndef SIM_SCENARIO_GRAPHML_H
#define SIM_SCENARIO_GRAPHML_H

#include "sim/scenario/tree.h"

/* What <data> says of a node or an edge, by the attr.name of its key (upper and lower case are the
 * same). Data of other keys is passed over. */
enum graphml_item {
    GRAPHML_LABEL,     /* node: label, name */
    GRAPHML_LATITUDE,  /* node: latitude, lat */
    GRAPHML_LONGITUDE, /* node: longitude, lon */
    GRAPHML_LINK,      /* edge: link */
    GRAPHML_DELAY,     /* edge: delay */
    GRAPHML_RATE,      /* edge: rate, bandwidth, LinkSpeedRaw */
    GRAPHML_MTU,       /* edge: mtu */
    GRAPHML_ITEMS,
};

/* Attributes and data are scalars, as the file has them without blanks around; NULL: absent. */
struct graphml_node {
    const struct tree *id;
    const struct tree *items[GRAPHML_ITEMS];
};

struct graphml_edge {
    const struct tree *at; /* the element; its text is "edge" */
    const struct tree *source, *target;
    const struct tree *items[GRAPHML_ITEMS];
};

/* In the order of the file. */
struct graphml {
    struct graphml_node *nodes;
    size_t node_count, node_capacity;
    struct graphml_edge *edges;
    size_t edge_count, edge_capacity;
};

/* Reads `source`; false after complaints: not well-formed, not a graph as above, directed, with
 * hyperedges or nested graphs, keys that are not declared, ids that are missing. Whether edges name
 * nodes is left to the caller. Texts live in the report's arena; graphml_fini() frees the rest, in
 * any case. */
bool graphml_read(struct report *r, const struct source *source, struct graphml *ret);
void graphml_fini(struct graphml *g);

#endif
