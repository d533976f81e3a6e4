/* An attacker who copies the first flight of a session that has 0-RTT data in it, and sends it to
 * the responder, or to another one, over a connection of his own: he is a node of the network, with
 * a link to each of them that is as the one that he listens on, without loss. He has no keys and
 * cannot answer; what he wants is that the responder takes the data a second time. */
#ifndef SIM_WORLD_REPLAYER_H
#define SIM_WORLD_REPLAYER_H

#include "sim/world/attack.h"

struct replayer;

/* Node and links, for all responders behind the target links of `a`. */
int replayer_start(struct attacker *a, struct diag_list *diags);
void replayer_free(struct attacker *a);
/* A first flight passed on `wire`, the last of it in packet number `packet`; the responder of `c`
 * begins to answer it. Octets are copied. */
void replayer_takes(struct attacker *a, const struct wire *wire, const struct channel *c,
                    struct span flight, uint64_t packet);
/* The hop that a connection of node `peer` to `server` belongs to; NULL: not a replayer's. */
struct hop *replayer_hop(const struct world *w, const struct entity *server, net_node peer);
/* The responder's end of that connection is there: a trial. */
void replayer_arrived(struct channel *c, net_node peer);
/* What came of it; `t` is told in words. */
struct judgement replayer_judge(const struct channel *c, struct trial *t);

#endif
