/* The closing summary of a run for a person, made from the database and what the world counted. */
#ifndef SIM_CLI_SUMMARY_H
#define SIM_CLI_SUMMARY_H

#include "sim/core/buf.h"
#include "sim/record/recorder.h"
#include "sim/world/world.h"

/* Sessions by hop, messages by type. -SIM_EINVAL when a query fails (told in `diags`). */
int summary_sessions(struct record_db *db, struct buf *out, struct diag_list *diags);
int summary_messages(const struct world *w, struct record_db *db, struct buf *out,
                     struct diag_list *diags);
/* Contacts of links that move; nothing where none does. */
int summary_contacts(struct record_db *db, struct buf *out, struct diag_list *diags);

#endif
