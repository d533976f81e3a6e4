#include "models/attackers/attackers.h"

#define KEY(key) (UINT32_C(1) << (key))
#define WHICH (KEY(ATTACK_FROM) | KEY(ATTACK_NTH) | KEY(ATTACK_PROBABILITY) | KEY(ATTACK_COUNT))
#define RECORD (WHICH | KEY(ATTACK_RECORDS))

enum { EAVESDROPPER, TAMPER, REPLAY, REORDER, DELAY, DROP, INJECT, REFLECT, TRUNCATE, DOWNGRADE };

const struct scenario_attack attack_words[] = {
    [EAVESDROPPER] = {.name = "eavesdropper",
                      .property = "confidentiality",
                      .doc = "Listens: looks for the plaintext of each message, and for the "
                             "identities of the ends in each handshake."},
    [TAMPER] = {.name = "tamper",
                .property = "integrity",
                .doc = "Flips one bit of a record.",
                .takes = RECORD | KEY(ATTACK_PART) | KEY(ATTACK_BIT)},
    [REPLAY] = {.name = "replay",
                .property = "replay-protection",
                .doc = "Sends a record a second time.",
                .takes = RECORD},
    [REORDER] = {.name = "reorder",
                 .property = "ordering",
                 .doc = "Lets a record arrive behind the one that follows it.",
                 .takes = RECORD},
    [DELAY] = {.name = "delay",
               .property = "availability",
               .doc = "Holds a record and all that follows it back for a while.",
               .takes = RECORD | KEY(ATTACK_BY)},
    [DROP] = {.name = "drop",
              .property = "completeness",
              .doc = "Takes a record out of the stream.",
              .takes = RECORD},
    [INJECT] = {.name = "inject",
                .property = "authenticity",
                .doc = "Puts a forged record into the stream, its body drawn.",
                .takes = RECORD | KEY(ATTACK_SIZE)},
    [REFLECT] = {.name = "reflect",
                 .property = "authenticity",
                 .doc = "Sends an end the newest record that this end sent itself.",
                 .takes = RECORD},
    [TRUNCATE] = {.name = "truncate",
                  .property = "completeness",
                  .doc = "Ends the stream behind a record, without the session's end.",
                  .takes = RECORD},
    [DOWNGRADE] = {.name = "downgrade",
                   .property = "downgrade-protection",
                   .doc = "Robs the initiator's first message of the versions, suites or groups "
                          "that are strong.",
                   .takes = KEY(ATTACK_STRIP) | KEY(ATTACK_COUNT)},
};

const struct attack_ops attack_kinds[] = {
    [EAVESDROPPER] = {.listens = true},
    [TAMPER] = {.begins = tamper_begins},
    [REPLAY] = {.ends = replay_ends},
    [REORDER] = {.begins = reorder_begins, .ends = reorder_ends},
    [DELAY] = {.begins = delay_begins, .has_to_arrive = true},
    [DROP] = {.begins = drop_begins},
    [INJECT] = {.ends = inject_ends},
    [REFLECT] = {.ends = reflect_ends},
    [TRUNCATE] = {.ends = truncate_ends, .unnoticed_is_violated = true},
    [DOWNGRADE] = {.begins = downgrade_begins, .on_hello = true, .unnoticed_is_violated = true},
};
const size_t attack_kind_count = SIM_ARRAY_LEN(attack_kinds);
