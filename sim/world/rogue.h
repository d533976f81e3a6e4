/* A man in the middle who ends the sessions of both sides with credentials of his own: a node of
 * the network that the client of a hop reaches in place of its server, as a device that poses as a
 * gateway would. His sessions are real ones; what he computes costs nothing. */
#ifndef SIM_WORLD_ROGUE_H
#define SIM_WORLD_ROGUE_H

#include "sim/world/attack.h"

struct rogue;

/* Sets `a` up at all hops that run over its target links: nodes, links, certificates. */
int rogue_start(struct attacker *a, struct diag_list *diags);
void rogue_free(struct attacker *a);
/* Whom the client of `c` reaches: the node of a rogue, for whom it is a trial, or the server's. */
net_node rogue_instead(struct channel *c);
/* The hop whose client a node poses as, or NULL. */
struct hop *rogue_hop(const struct world *w, net_node node);
/* The channel is gone. */
void rogue_channel_over(struct channel *c);
/* How many messages he read on `c`, from side 0 and 1. */
void rogue_read(const struct channel *c, uint64_t read[2]);

#endif
