/* Handshakes under way at a responder, whoever is at the other end, and the limits that a policy
 * sets to them. A client of the world has its hop and its channel; whoever else connects is a
 * *stranger*: the responder cannot tell the two apart, and serves both alike until the handshake
 * is over. */
#ifndef SIM_WORLD_HALF_OPEN_H
#define SIM_WORLD_HALF_OPEN_H

#include "sim/world/attack.h"

/* Of one responder; made when the first handshake begins there. */
struct half_open {
    uint32_t count;           /* now */
    struct map by_peer;       /* net_node -> how many of these */
    struct map strangers;     /* net_node -> the stranger over datagrams (pointer) */
    uint64_t refused_clients; /* sessions of the world's own */
    struct stranger *first;   /* newest first */
    uint64_t strangers_seen;
};

/* A handshake begins at the responder's end of a channel: false when a limit forbids it, which is
 * recorded. Its place is free again when the end is established or dead: half_open_leave(). An end
 * that has a place keeps it. */
bool half_open_enter(struct end *end);
void half_open_leave(struct end *end);
/* Whether a ClientHello that came over datagrams for the newest session of `hop` may be read: what
 * has brought no cookie takes no place yet. */
bool half_open_admits(struct hop *hop, struct span datagram);
/* Frees what the entity has of it, strangers included. */
void half_open_free(struct entity *e);

/* --- strangers: their handshakes end by time-out, or by a mistake of theirs */

/* Who pays: what a stranger costs is counted there. */
struct stranger_account {
    uint64_t begun;   /* handshakes that got a place */
    uint64_t refused; /* that got none */
    uint32_t held;    /* now */
    uint32_t peak;    /* most at once */
    sim_time cpu;     /* of the responder, on their steps */
    sim_time last_at; /* when one of them had a place last; SIM_TIME_NEVER: one has it now */
};

/* A connection of `peer`, as under the policy of `hop`, whose server is called. As net_accept_fn.
 */
bool stranger_accept(struct hop *hop, struct stranger_account *account, net_node peer,
                     struct net_stream *stream, const struct net_stream_ops **ops, void **arg);
/* A datagram of `peer` to the server of `hop`. */
void stranger_datagram(struct hop *hop, struct stranger_account *account, net_node peer,
                       struct span payload);
/* channel_apply() for the end of a stranger. */
void stranger_apply(struct end *end, struct step *s);
/* The run is over: none of their steps is computed any more. */
void strangers_settle(struct entity *e);

/* RFC 6347 4.1 and 4.2.2: a handshake record of epoch 0 that begins with a ClientHello; and whether
 * a cookie is in it, right or wrong. */
bool half_open_is_hello(struct span datagram);
bool half_open_has_cookie(struct span hello);
/* What the entity has of it. */
struct half_open *half_open_of(struct entity *e);

#endif
