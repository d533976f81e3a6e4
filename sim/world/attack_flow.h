/* What the files of the attackers in the middle share: flows under attack and the packets made for
 * them. */
#ifndef SIM_WORLD_ATTACK_FLOW_H
#define SIM_WORLD_ATTACK_FLOW_H

#include "sim/net/net_packet.h"
#include "sim/world/attack.h"

/* One direction of a session's stream; over datagrams only what is marked (d) counts. */
struct direction {
    bool open;
    bool fin;
    bool lost;     /* octets passed that the attacker never saw: it looks on no more */
    uint32_t isn;  /* sequence number of the first octet */
    uint32_t next; /* the first octet not seen yet */
    struct edited_stream edits;
    bool cut;
    uint32_t cut_at;
    uint32_t unit_at;
    struct buf unit; /* so far */
    size_t unit_len; /* 0: its header is not complete */
    bool chosen;
    uint32_t suitable;
    bool keeping;
    struct buf kept;
    struct buf newest; /* whole unit */
    sim_time hold_until;
    struct buf head; /* IP and TCP header of the newest packet, as sent on */
    uint32_t out_next;
    int link_direction;
};

struct attack_flow {
    struct attack_tap *tap;
    struct channel *channel; /* NULL: over */
    bool frames;
    bool robbed;              /* its first ClientHello was attacked: so are those that follow */
    struct direction dirs[2]; /* by the side that sends */
    bool seen[2];             /* names of the ends */
    bool answered;            /* the responder has begun to speak */
    struct buf flight;        /* what the initiator said before, where somebody copies it */
    uint64_t flight_packet;   /* that held the last of it */
    struct replay *ahead;     /* the copy of it that goes ahead, or NULL */
    struct attack_flow *next; /* of the tap, newest first */
    struct attack_flow *next_of_channel; /* while it has one */
};

struct attack_tap {
    struct attacker *attacker;
    struct wire *wire;
    struct rng rng;
    struct map by_client; /* address and port -> flow */
    struct map memories;  /* number of the hop -> what the attacker keeps in mind about it */
    struct attack_flow *flows;
};

/* attack.c */

/* A tap (arg) sees a packet of its link: net_tap_fn. */
enum net_verdict attack_packet(void *tap, const struct net_packet *packet, struct buf *change);
/* Whether the attacker has an eye on the unit that side `side` begins; `hello`: it may be a
 * ClientHello. */
bool attack_choose(struct attack_flow *f, int side, bool hello);
/* An eavesdropper looks for the names of the ends. */
void attack_overhear(struct attack_flow *f, struct span octets);
/* A new flow of the tap, to be found by `key`. */
struct attack_flow *attack_flow_begin(struct attack_tap *tap, uint64_t key, struct channel *c,
                                      int link_direction);

/* attack_datagram.c: what is sent on instead of a datagram of a session */
enum net_verdict attack_datagram(struct attack_tap *tap, const struct net_packet *packet,
                                 const struct packet_view *v, struct buf *change);

/* attack_segment.c */

/* Sends a packet (taken over) on the link of a tap at `at`; never inside the call. The attackers
 * behind it on the link see its segments as if they were of the sender. */
void attack_inject(struct attack_tap *tap, int direction, struct buf *packet, sim_time at);
/* Tells the sender of side `side` that all it sent up to `upto` arrived. */
void attack_forge_ack(struct attack_flow *f, int side, uint32_t upto);
/* Writes what is sent on instead of a packet of side `side` to `out`: its first piece; further ones
 * are injected behind it. */
void attack_rewrite(struct attack_flow *f, int side, struct span packet,
                    const struct packet_view *v, struct buf *out);
/* Packets that were never sent. */
void attack_injections_free(struct world *w);

#endif
