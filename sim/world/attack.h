/* Attackers at work, and what is measured of them. Only files of sim/world include this. */
#ifndef SIM_WORLD_ATTACK_H
#define SIM_WORLD_ATTACK_H

#include "sim/world/attack_stream.h"
#include "sim/world/attacker.h"
#include "sim/world/world_internal.h"

struct attack_tap;
struct attack_flow;

struct attacker {
    struct world *world;
    const struct scenario_attacker *conf;
    const struct scenario_attack *words;
    const struct attack_ops *ops;
    uint64_t trials;
    uint32_t suitable;       /* messages that a forger could have forged */
    struct attack_tap *taps; /* one a target link */
    size_t tap_count;
    struct rogue *rogues; /* of a man in the middle, one a hop */
};

struct judgement {
    const char *verdict;
    const char *detected_by; /* NULL: nothing was noticed */
    const char *alert;
    int side; /* which end noticed; -1: none */
    sim_time delay;
};

/* One attack on one session. Judged when the session is over, or the run. */
struct trial {
    struct attacker *attacker;
    int from; /* the side whose octets were attacked; the other one is to notice */
    sim_time at;
    uint64_t packet;     /* number on the link, as in a capture */
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
    struct trial *next;
};

/* probe.c */

/* Notes a trial on `c` and returns it; `unit_at`: the attacked record's first octet in the stream
 * of side `from`; `removed`: it does not arrive where it was. */
struct trial *probe_begin(struct attacker *a, struct channel *c, int from, uint32_t unit_at,
                          size_t unit_len, bool removed, uint64_t packet, const char *what);
/* Whether a trial of this attacker waits for its verdict. */
bool probe_pending(const struct channel *c, const struct attacker *a);
/* Writes what came of a trial on session t->session_id. */
void probe_report(const struct hop *hop, const struct trial *t, const struct judgement *j);
/* Whether an eavesdropper saw names of the two ends of `c`. */
void probe_identities(struct attacker *a, struct channel *c, uint64_t packet, bool initiator,
                      bool responder);

/* --- for channel.c, datagram.c and world.c --- */

/* A frame came out of the session at `end`; `carry`: the message it was sent as, or NULL. */
void probe_arrived(struct end *end, const struct carry *carry, struct span message);
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
    uint64_t packet; /* 0: none */
    const char *detail;
};
void report_probe(struct world *w, const struct probe_row *p);
void report_taps(struct world *w);

#endif
