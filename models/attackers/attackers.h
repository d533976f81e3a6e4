/* The kinds of attackers: their words in a scenario and what they do with records. */
#ifndef MODELS_ATTACKERS_ATTACKERS_H
#define MODELS_ATTACKERS_ATTACKERS_H

#include "sim/world/attacker.h"

/* Both in the same order. */
extern const struct scenario_attack attack_words[];
extern const struct attack_ops attack_kinds[];
extern const size_t attack_kind_count;

/* One step of a kind (struct attack_ops): what it plans for a unit. */
#define ATTACK_STEP(name)                                                                          \
    void name(const struct scenario_attacker *conf, struct rng *rng,                               \
              const struct attack_unit *unit, struct attack_plan *plan)

/* record.c: records altered, repeated, moved, forged, cut off */
ATTACK_STEP(tamper_begins);
ATTACK_STEP(replay_ends);
ATTACK_STEP(reorder_begins);
ATTACK_STEP(reorder_ends);
ATTACK_STEP(delay_begins);
ATTACK_STEP(drop_begins);
ATTACK_STEP(inject_ends);
ATTACK_STEP(reflect_ends);
ATTACK_STEP(truncate_ends);
/* hello.c: the first message of a handshake robbed of what is strong */
ATTACK_STEP(downgrade_begins);
/* Whether a first flight has 0-RTT data in it. */
bool carries_early_data(struct span flight);
/* Whether one that is whole up to its ClientHello, at least, says that such data follow. */
bool announces_early_data(struct span flight);
/* origin.c: `message` with `urn` as its origin, appended to `out`; false: it names none, or that
 * one. */
bool impersonate_message(const char *urn, uint8_t encoding, struct span message, struct buf *out);

#endif
