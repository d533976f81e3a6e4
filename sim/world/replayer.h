/* An attacker who copies the first flight of a session that has 0-RTT data in it, and sends it to
 * the responder, or to another one, over a connection of his own: he is a node of the network, with
 * a link to each of them that is as the one that he listens on, without loss. He has no keys and
 * cannot answer; what he wants is that the responder takes the data a second time.
 *
 * Or the copy goes ahead (params.ahead): the flight itself is held back on the link, from the
 * segment on that completes its ClientHello. The responder takes the data out of the copy, and will
 * not have them when the flight arrives; an initiator that sends them again as ordinary data, which
 * RFC 8446 4.2.10 leaves to its application, has them taken twice (section 8: no mechanism of TLS
 * prevents it). */
#ifndef SIM_WORLD_REPLAYER_H
#define SIM_WORLD_REPLAYER_H

#include "sim/world/attack_flow.h"

struct replayer;

/* Node and links, for all responders behind the target links of `a`. */
int replayer_start(struct attacker *a, struct diag_list *diags);
void replayer_free(struct attacker *a);
/* Octets of a stream, in order, of side `side`; before the segment that they came in is sent on. */
void replayer_hears(struct attack_flow *f, int side, struct span octets);
/* The hop that a connection of node `peer` to `server` belongs to; NULL: not a replayer's. */
struct hop *replayer_hop(const struct world *w, const struct entity *server, net_node peer);
/* The responder's end of that connection is there: a trial. */
void replayer_arrived(struct channel *c, net_node peer);
/* What came of it; `t` is told in words. */
struct judgement replayer_judge(const struct channel *c, struct trial *t);
/* The same of a copy that went ahead, `c` its session and `j` what came of that: a verdict, and its
 * row, when the session that it was copied from is over too. Takes `t` over. */
void replayer_copy_over(struct channel *c, struct trial *t, const struct judgement *j);
/* A message came out of the session at `end`; `carry`: as it was sent, or NULL; `digest`
 * of its octets. */
void replayer_came_out(const struct end *end, const struct carry *carry, uint64_t digest);
/* The channel is over, or the run. */
void replayer_channel_over(struct channel *c);

#endif
