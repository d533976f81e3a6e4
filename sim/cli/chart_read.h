/* What a chart of one session or one flow consists of, read from a result database. */
#ifndef SIM_CLI_CHART_READ_H
#define SIM_CLI_CHART_READ_H

#include "sim/cli/chart.h"
#include "sim/core/diag.h"
#include "sim/record/recorder.h"

/* Fills `c` (all zero). -SIM_ENOENT: there is no such session or flow, a sentence in `diags`;
 * another error: the database cannot be read. */
int chart_read_session(struct record_db *db, int64_t session, struct chart *c,
                       struct diag_list *diags);
/* With the flows within it, the sessions that were opened for it and the states of its initiator.
 */
int chart_read_flow(struct record_db *db, int64_t flow, struct chart *c, struct diag_list *diags);

#endif
