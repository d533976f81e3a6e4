/* What the scenario's CA says of the certificates that it has issued, for policies that ask: its
 * revocation list, and its OCSP responses. */
#ifndef SIM_WORLD_REVOCATION_H
#define SIM_WORLD_REVOCATION_H

#include "sim/world/world_internal.h"

struct revocation;

/* The CA has revoked this certificate of its own from the start; before revocation_start(). The
 * identity belongs to somebody else and lives as long as the run. */
void revocation_revoke(struct world *w, struct secure_identity *identity);
/* Issues the list and the responses; when all certificates are issued, those of attackers too. */
int revocation_start(struct world *w, struct diag_list *diags);
void revocation_free(struct world *w);

#endif
