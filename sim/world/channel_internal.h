/* What the files channel*.c share with each other alone; what others call is in world_internal.h.
 */
#ifndef SIM_WORLD_CHANNEL_INTERNAL_H
#define SIM_WORLD_CHANNEL_INTERNAL_H

#include "sim/world/world_internal.h"

static inline struct end *other_end(struct end *end)
{
    return &end->channel->ends[1 - end->side];
}

/* --- channel.c: life and end --- */

/* Nothing more comes out of this end. What was on its way to it, or waited to be sent by it, is
 * lost. `failure`: why, or NULL when it was closed in order. */
void end_die(struct end *end, const char *failure);
/* The same, and its stream is reset. */
void end_abort(struct end *end, const char *failure);
/* Its entity hears of it, in a handler. */
void end_tell(struct end *end, enum channel_event event, const char *reason);
/* An end whose transport is gone and that has nothing left to do is over; a channel with both ends
 * over is written and freed. The hop may then open the next one. */
void channel_reap(struct channel *c);
/* The client closes the session when the policy's lifetime is over; from now on. */
void channel_limit_life(struct channel *c);

/* --- channel_open.c: opening and accepting --- */

/* The client of a hop that has no live channel begins one. */
void channel_open(struct hop *hop);
/* The transport of an end stands, or needs no standing: its session begins. */
void end_begin_session(struct end *end);

/* --- channel_stream.c: over TCP --- */

extern const struct net_stream_ops channel_stream_ops;
/* Hands sealed octets over, as many as the stream takes; then closes it, if that was asked for. */
void end_flush(struct end *end);
/* Keeps what TCP knows of its stream; before the stream is gone. */
void end_read_transport(struct end *end);
/* The end is closing: it is aborted when nothing moves for the scenario's close_timeout. */
void end_watch_close(struct end *end);

/* --- channel_apply.c: what a step brought --- */

/* This end is done with the handshake. */
void end_established(struct end *end);

#endif
