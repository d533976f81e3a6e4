/* The sessions of a man in the middle, two for each that a client opens with him. Only rogue.c and
 * rogue_session.c include this. */
#ifndef SIM_WORLD_ROGUE_SESSION_H
#define SIM_WORLD_ROGUE_SESSION_H

#include "sim/world/rogue.h"

struct rogue_session;

/* The rogue's end of one of his two sessions: towards the client, where he is the responder, or
 * towards the server, where he is the initiator. */
struct rogue_end {
    struct rogue_session *of;
    int faces; /* the side of the channel that is his peer */
    struct net_stream *stream;
    struct secure_session *session;
    enum secure_state state;
    struct buf unsent;  /* sealed */
    struct buf pending; /* plaintext from the other side, to be sealed */
    struct buf heard;   /* plaintext, frames not complete yet */
    uint64_t read;      /* messages */
    net_timer deadline; /* over datagrams: a step is due */
};

struct rogue_session {
    struct rogue *rogue;
    struct channel *channel; /* NULL: over */
    struct rogue_end ends[2];
    bool fooled; /* the empty frame that the server did not send was forged */
    struct rogue_session *next;
};

struct rogue {
    struct attacker *attacker;
    struct hop *hop;
    net_node node;
    struct secure_identity *identities[2]; /* shown to the client, to the server; NULL: none */
    bool owned;
    struct rogue_session *sessions; /* newest first */
    struct rogue *next;
};

/* He listens at his node, for streams or datagrams as his hop has it. An error of net.h. */
int rogue_listen(struct rogue *r);
/* The channel is over: both sessions end without a word. */
void rogue_session_abort(struct rogue_session *s);
void rogue_session_free(struct rogue_session *s);

#endif
