/* Attackers at work, and what is measured of them. Only files of sim/world include this. */
#ifndef SIM_WORLD_ATTACK_H
#define SIM_WORLD_ATTACK_H

#include "sim/world/attack_stream.h"
#include "sim/world/attacker.h"
#include "sim/world/world_internal.h"

struct attack_tap;
struct attack_flow;
struct replayer;

struct attacker {
    struct world *world;
    const struct scenario_attacker *conf;
    const struct scenario_attack *words;
    const struct attack_ops *ops;
    uint64_t trials;
    uint32_t suitable;       /* messages that a forger could have forged */
    struct attack_tap *taps; /* one a target link */
    size_t tap_count;
    struct rogue *rogues;      /* of a man in the middle, one a hop */
    struct exhaust *exhausts;  /* of one who exhausts servers, one a hop */
    struct replayer *replayer; /* of one who copies first flights */
};

/* What came of a trial. */
struct judgement {
    const char *verdict;
    const char *detected_by; /* NULL: nothing was noticed */
    int side;                /* which end noticed; -1: none */
    sim_time delay;
};

/* One attack on one session. Judged when the session is over, or the run. */
struct trial {
    struct attacker *attacker;
    int from; /* the side whose octets were attacked; the other one is to notice */
    sim_time at;
    uint32_t link;       /* of the hop the first */
    uint64_t packet;     /* capture_next() when it was attacked; 0: it is in no capture, or later */
    uint64_t message_id; /* 0: no message was in the record */
    uint32_t hop_number;
    uint64_t odd, received; /* of the receiving end, before */
    uint64_t sent;          /* messages of the attacked end, before */
    bool handshake;
    bool removed; /* the record does not arrive where it was */
    char what[320];
    /* of a downgrade that waits for the hop's next session */
    uint64_t session_id;
    struct judgement judged;
    /* over datagrams */
    enum attack_act act;
    uint64_t tag;         /* of the attacked datagram */
    uint64_t position;    /* in the octets of the attacked end: what it sealed later is behind it */
    uint64_t wanted;      /* digest of the datagram that the receiver has to get for a trial */
    uint32_t copies;      /* how often; 0: none has to arrive */
    uint32_t steps;       /* results of the receiver's steps until the one that reads it */
    bool read;            /* that step's result is there */
    bool delivered;       /* the attacked message came out of the session */
    uint64_t out_of_turn; /* of the receiving end, before */
    sim_time discarded_at; /* SIM_TIME_NEVER: not known to be */
    struct trial *next;
};

/* probe.c */

/* Adds a trial to those of the channel; of the attacked record it knows nothing yet. */
struct trial *probe_add(struct attacker *a, struct channel *c, int from, uint64_t packet,
                        const char *what);
/* The end whose own fatal alert came after the attack, the earlier one's of two; NULL: none. */
const struct end *probe_alerted(const struct channel *c, const struct trial *t);
/* Judges a trial that was taken off its channel; takes it over. */
void probe_settle_trial(struct channel *c, struct trial *t);

/* Notes a trial on `c` and returns it; `unit_at`: the attacked record's first octet in the stream
 * of side `from`; `removed`: it does not arrive where it was. */
struct trial *probe_begin(struct attacker *a, struct channel *c, int from, uint32_t unit_at,
                          size_t unit_len, bool removed, uint64_t packet, const char *what);
/* Writes what came of it on session t->session_id. */
void probe_report(const struct hop *hop, const struct trial *t, const struct judgement *j);
/* The trial of this attacker that waits for its verdict, or NULL. */
struct trial *probe_pending(const struct channel *c, const struct attacker *a);
/* Whether the attacker has to wait with the next trial on `c` for the verdict of the last one. */
bool probe_is_busy(const struct channel *c, const struct attacker *a);
/* Whether an eavesdropper saw names of the two ends of `c`. */
void probe_identities(struct attacker *a, struct channel *c, uint64_t packet, bool initiator,
                      bool responder);

/* probe_datagram.c: trials over datagrams */

/* As probe_begin(), of a datagram with this tag. */
struct trial *probe_begin_datagram(struct attacker *a, struct channel *c, int from,
                                   enum attack_act act, uint64_t tag, uint64_t packet,
                                   const char *what);
/* It is a trial once the receiver has read this datagram, so often. */
void probe_expect(struct trial *t, struct span datagram, uint32_t copies);
struct judgement probe_judge_datagram(const struct channel *c, const struct trial *t);
/* A datagram is handed to the session at `end`. */
void probe_datagram_read(struct end *end, struct span datagram);
/* The result of a step at `end` is there: what is decided is written. */
void probe_datagram_stepped(struct end *end, uint64_t records_dropped_before);

/* --- for channel*.c, datagram.c and world.c --- */

/* A frame came out of the session at `end`; `carry`: the message it was sent as, or NULL; `digest`
 * of the message. */
void probe_arrived(struct end *end, const struct carry *carry, uint64_t digest);
/* The channel is over, or the run: its trials are judged and written. */
void probe_settle(struct channel *c);

/* downgrade.c: the handshake that trial `t` (taken over) was made on has failed, which was judged
 * as `j`; a session of the hop is established at both ends; its responder may have said that it can
 * do more. */
void downgrade_failed(struct channel *c, struct trial *t, const struct judgement *j);
void downgrade_established(struct channel *c);
void downgrade_refused(struct channel *c);

/* attack.c: attackers of the scenario are set to work; before the captures begin, so that these
 * show what the receiver gets. */
int attack_start(struct world *w, struct diag_list *diags);
bool attacker_is_active(const struct attacker *a);
void attack_free(struct world *w);
/* The channel is gone; its packets may still be under way. */
void attack_channel_over(struct channel *c);
/* forge.c: whether an attacker at `e` forged the message that it sends over `hop`; `forged`: what
 * goes instead. */
bool forge_message(struct entity *e, const struct hop *hop, struct message *m, uint8_t encoding,
                   struct span payload, struct buf *forged);
/* The message's fate is known. */
void forge_settle(struct world *w, struct message *m);
/* thief.c: an attacker (arg) takes the keys of its nodes, now. */
void thief_takes(void *arg);
/* report_attack.c: rows */
struct probe_row {
    const char *attacker, *kind, *property;
    uint32_t link;
    uint64_t session_id; /* 0: none */
    uint64_t message_id; /* 0: none */
    uint32_t hop_number;
    sim_time at;
    const char *verdict, *detected_by;
    int side;        /* -1: neither */
    sim_time delay;  /* or SIM_TIME_NEVER */
    uint64_t packet; /* as of a trial */
    const char *detail;
};
void report_probe(struct world *w, const struct probe_row *p);
/* What a responder has to do with an attacker who exhausts it, now. */
struct half_open_row {
    const char *attacker;
    entity_id responder;
    uint32_t count, of_attacker;
    uint64_t begun, refused, refused_clients;
    sim_time cpu;
};
void report_half_open(struct world *w, const struct half_open_row *h);
void report_taps(struct world *w);

#endif
