/* What a kind of attacker of models/attackers is, to the world: it is shown the records of sessions
 * as they pass over a link and says what is to be done with each. It knows octets only, no keys and
 * no session. The world keeps the streams consistent (sequence numbers, checksums), remembers each
 * trial, and judges it by what the two ends of the session did (probe.c). */
#ifndef SIM_WORLD_ATTACKER_H
#define SIM_WORLD_ATTACKER_H

#include "sim/core/buf.h"
#include "sim/core/rng.h"
#include "sim/scenario/scenario.h"

/* A TLS record, or a frame of the kind "clear", on its way. */
struct attack_unit {
    bool frame; /* a frame: length of 4 octets, encoding; else a record: type, version, length
                   of 2 octets. Both headers have ATTACK_HEADER_BYTES */
    struct span bytes; /* what is known of it: all when it ends, else what its first packet holds */
    size_t len;        /* all of it, header included */
    struct span other; /* the newest whole unit of the opposite direction; empty: none */
    /* What it keeps in mind about the two ends from session to session; 0 at first. */
    uint64_t *memory;
    struct span kept; /* the unit that was taken out by ATTACK_KEEP; empty: none */
};
enum { ATTACK_HEADER_BYTES = 5, ATTACK_SETS_MAX = 256 };

enum attack_act {
    ATTACK_PASS,
    ATTACK_SET,    /* some octets get other values */
    ATTACK_REMOVE, /* the unit does not arrive */
    ATTACK_KEEP,   /* the same, but it comes back as `kept` when the next unit ends */
    ATTACK_INSERT, /* `insert` follows the unit */
    ATTACK_CUT,    /* the stream ends behind the unit: FIN to the receiver */
    ATTACK_HOLD,   /* the unit and all packets behind it wait for params.by */
};

/* What is to be done with a unit; empty at the call. */
struct attack_plan {
    enum attack_act act;
    struct {
        size_t at; /* in the unit */
        uint8_t value;
    } sets[ATTACK_SETS_MAX];
    size_t set_count;
    struct buf insert;
    char what[96]; /* in words, for the record: "bit 4 of octet 17" */
};

/* `begins` is called when the header of a unit that was chosen (params) has been seen and nothing
 * of it was sent on yet; `ends` when it is whole and only its last packet is still here. Either may
 * be NULL. What they plan is a trial, unless they pass. */
struct attack_ops {
    void (*begins)(const struct scenario_attacker *conf, struct rng *rng,
                   const struct attack_unit *unit, struct attack_plan *plan);
    void (*ends)(const struct scenario_attacker *conf, struct rng *rng,
                 const struct attack_unit *unit, struct attack_plan *plan);
    /* Of a kind on nodes: writes to `out` what is sent instead of a message, in the name of another
     * node; false: it cannot. */
    bool (*forges)(const char *urn, uint8_t encoding, struct span message, struct buf *out);
    bool on_hello;   /* its unit is the first that the initiator sends */
    bool terminates; /* it ends the sessions of both sides itself, with params.credential */
    bool steals;     /* it takes the long-term keys of its nodes */
    bool listens;    /* it changes nothing: it looks for plaintext and identities */
    /* No effect of what was done means that the defence failed: the session was to notice. */
    bool unnoticed_is_violated;
    bool weakens;       /* it may win by the session that follows one which it made fail */
    bool has_to_arrive; /* the message that was attacked, or the next one, arrives all the same */
};

#endif
