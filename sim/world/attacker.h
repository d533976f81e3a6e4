/* What a kind of attacker of models/attackers is, to the world: it is shown the records of sessions
 * as they pass over a link and says what is to be done with each. It knows octets only, no keys and
 * no session. The world keeps the streams consistent (sequence numbers, checksums), remembers each
 * trial, and judges it by what the two ends of the session did (probe.c). */
#ifndef SIM_WORLD_ATTACKER_H
#define SIM_WORLD_ATTACKER_H

#include "sim/core/buf.h"
#include "sim/core/rng.h"
#include "sim/scenario/scenario.h"

/* A record of TLS or DTLS, or a frame of a kind that protects nothing, on its way. Their headers:
 *   frame  length of 4 octets, encoding                                    ATTACK_HEADER_BYTES
 *   TLS    type, version, length of 2 octets                               ATTACK_HEADER_BYTES
 *   DTLS   type, version, epoch, sequence number (RFC 6347 4.1), length   ATTACK_DTLS_HEADER_BYTES
 * Over datagrams each is known whole when it begins, and what follows it is a datagram more. */
struct attack_unit {
    bool frame;
    bool dtls;
    struct span bytes; /* what is known of it: all when it ends, else what its first packet holds */
    size_t len;        /* all of it, header included */
    struct span other; /* the newest whole unit of the opposite direction; empty: none */
    /* What it keeps in mind about the two ends from session to session; 0 at first. */
    uint64_t *memory;
    struct span kept; /* the unit that was taken out by ATTACK_KEEP; empty: none */
};
enum {
    ATTACK_HEADER_BYTES = 5,
    ATTACK_DTLS_HEADER_BYTES = 13,
    ATTACK_DTLS_SEQUENCE_AT = 3, /* epoch and sequence number, 8 octets */
    ATTACK_DTLS_LENGTH_AT = 11,
    ATTACK_SETS_MAX = 256
};

enum attack_act {
    ATTACK_PASS,
    ATTACK_SET,    /* some octets get other values */
    ATTACK_REMOVE, /* the unit does not arrive */
    ATTACK_KEEP,   /* the same, but it comes back as `kept` when the next unit ends */
    ATTACK_INSERT, /* `insert` follows the unit */
    ATTACK_CUT,  /* the stream ends behind the unit: FIN to the receiver; of datagrams nothing more
                    arrives */
    ATTACK_HOLD, /* the unit and all packets behind it wait for params.by */
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
    /* Of a kind that copies first flights: whether this one, all that an initiator sent before it
     * was answered, is worth sending again. */
    bool (*copies)(struct span flight);
    /* Of the same, where the copy goes ahead: whether one of which more may follow is going to be,
     * asked with each segment before that is sent on. */
    bool (*announces)(struct span flight);
    bool on_hello;   /* its unit is the first that the initiator sends; over datagrams each
                        ClientHello, the one with the cookie and repeated ones too */
    bool terminates; /* it ends the sessions of both sides itself, with params.credential */
    bool exhausts;   /* it begins handshakes of its own and does not finish them */
    bool steals;     /* it takes the long-term keys of its nodes */
    bool listens;    /* it changes nothing: it looks for plaintext and identities */
    /* No effect of what was done means that the defence failed: the session was to notice. */
    bool unnoticed_is_violated;
    bool weakens;       /* it may win by the session that follows one which it made fail */
    bool has_to_arrive; /* the message that was attacked, or the next one, arrives all the same */
};

#endif
