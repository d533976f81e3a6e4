/* Whether the stores of PNEs, gateways and server say the same, and nobody waits. */
#ifndef TESTS_SUPPORT_STORES_H
#define TESTS_SUPPORT_STORES_H

#include "tests/support/fake_world.h"

/* For each PN: stored at the server exactly when it is active at its gateway; the server's members
 * are the gateway's routing table, and those PNEs know it. The same of the Service Groups. Servers
 * of a mesh have the same inventory. No PNE is half-way, no request is unanswered, no flow open. ""
 * or the first disagreement, in words; valid until the next call. */
const char *stores_disagreement(struct fake_world *w);
/* The two apart: whose stores differ or are half-way; and who still waits: a PNE half-way, a
 * request unanswered, a flow open. */
const char *stores_difference(struct fake_world *w);
const char *stores_waiting(struct fake_world *w);
/* The same as an assertion; prints the log. */
void stores_assert_agree(struct fake_world *w);
/* How many members the server has in PN `pn` (its id). */
size_t stores_members(struct fake_world *w, const char *pn);
/* How many members the server has in Service Group `group`. */
size_t stores_group_members(struct fake_world *w, const char *group);

#endif
