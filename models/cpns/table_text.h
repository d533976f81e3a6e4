/* The message table as text: for models/cpns/README.md and for the Wireshark dissector. */
#ifndef MODELS_CPNS_TABLE_TEXT_H
#define MODELS_CPNS_TABLE_TEXT_H

#include "sim/core/buf.h"

/* The lines of README.md that enclose the generated part. */
#define CPNS_TABLE_BEGIN "<!-- made by cpns_tables from message_table.c: begin -->\n"
#define CPNS_TABLE_END "<!-- made by cpns_tables from message_table.c: end -->\n"

/* Messages and fields as Markdown. */
void cpns_table_markdown(struct buf *out);
/* results/wireshark/cpns_table.lua: type codes and field keys as a Lua table. */
void cpns_table_lua(struct buf *out);

#endif
