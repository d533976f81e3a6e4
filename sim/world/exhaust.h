/* An attacker that exhausts a responder: a node beside the client of a hop, at the same link, that
 * begins sessions with the hop's server and never goes on. It has no keys; its octets are those of
 * a real ClientHello under the hop's policy. What it costs the server, and what the server's
 * clients suffer meanwhile, is measured. */
#ifndef SIM_WORLD_EXHAUST_H
#define SIM_WORLD_EXHAUST_H

#include "sim/world/attack.h"

/* Sets `a` up at all hops that run over its target links. */
int exhaust_start(struct attacker *a, struct diag_list *diags);
void exhaust_free(struct attacker *a);
/* The run is over: the last sample, and nothing more is computed. */
void exhaust_run_over(struct world *w);

/* A connection from, and a datagram of, a node that is no client of anybody's. */
bool exhaust_accept(struct world *w, struct net_stream *stream, net_node peer,
                    const struct net_stream_ops **ops, void **stream_arg);
void exhaust_datagram(struct world *w, net_node peer, struct span payload);

/* A client's session is over, or the run. Where it began while its server was under attack, the
 * verdict about it is written: held, it was established; violated, the server refused it or it ran
 * into the time limit. One that failed for another reason, or that another attacker had in hand, is
 * no trial. Before that one's trials are settled. */
void exhaust_channel_over(const struct channel *c);

#endif
