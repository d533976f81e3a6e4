/* State tables as text: Graphviz and Markdown. models/machines/ holds what they give. */
#ifndef MODELS_CPNS_MACHINE_TEXT_H
#define MODELS_CPNS_MACHINE_TEXT_H

#include "sim/core/buf.h"
#include "sim/core/fsm.h"

/* The machine as a directed graph; arcs that lead the same way share one line. */
void machine_dot(const struct fsm_table *t, struct buf *out);
/* The page about all of them. */
void machines_markdown(const struct fsm_table *const *tables, size_t count, struct buf *out);
/* What is wrong with a table as documentation or as a machine, in words, or "": states without arcs
 * to them, events that none has, arcs told twice, what has no sentence. Static storage. */
const char *machine_fault(const struct fsm_table *t);

#endif
