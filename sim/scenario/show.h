/* Drawings of the topology, for scenario_show(). */
#ifndef SIM_SCENARIO_SHOW_H
#define SIM_SCENARIO_SHOW_H

#include "sim/core/buf.h"
#include "sim/scenario/scenario.h"

/* Graphviz and Mermaid text, appended to `out`: a box a node, or a box an entry of `nodes` where
 * there would be more than some sixty. */
void show_dot(const struct scenario *s, struct buf *out);
void show_mermaid(const struct scenario *s, struct buf *out);

#endif
