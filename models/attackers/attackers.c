#include "models/attackers/attackers.h"

#define KEY(key) (UINT32_C(1) << (key))
#define WHICH (KEY(ATTACK_FROM) | KEY(ATTACK_NTH) | KEY(ATTACK_PROBABILITY) | KEY(ATTACK_COUNT))
#define RECORD (WHICH | KEY(ATTACK_RECORDS))

enum {
    EAVESDROPPER,
    TAMPER,
    REPLAY,
    REORDER,
    DELAY,
    DROP,
    INJECT,
    REFLECT,
    TRUNCATE,
    DOWNGRADE,
    MIDDLE,
    IMPERSONATE,
    CURIOUS,
    THIEF,
    EXHAUSTION,
    ZERO_RTT
};

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
                          "that are strong, and lets one pass that offers an older version than "
                          "one before: the session that follows is what it won.",
                   .takes = KEY(ATTACK_STRIP) | KEY(ATTACK_COUNT)},
    [MIDDLE] = {.name = "man-in-the-middle",
                .property = "peer-authentication",
                .doc = "Stands where the client of a hop looks for its peer, ends the sessions of "
                       "both sides with a credential of his own, and hands messages on.",
                .takes = KEY(ATTACK_CREDENTIAL) | KEY(ATTACK_COUNT)},
    [IMPERSONATE] = {.name = "impersonate",
                     .property = "origin-authenticity",
                     .doc = "A PNE or a gateway that names another node as the origin of a "
                            "message, inside a valid session of its own.",
                     .on_nodes = true,
                     .node_roles = 1U << ROLE_PNE | 1U << ROLE_GATEWAY,
                     .takes = KEY(ATTACK_AS) | KEY(ATTACK_NTH) | KEY(ATTACK_PROBABILITY) |
                              KEY(ATTACK_COUNT),
                     .needs = KEY(ATTACK_AS)},
    [CURIOUS] = {.name = "curious-relay",
                 .property = "end-to-end-confidentiality",
                 .doc = "A gateway or server that reads what it hands on.",
                 .on_nodes = true,
                 .node_roles = 1U << ROLE_GATEWAY | 1U << ROLE_SERVER},
    [THIEF] = {.name = "key-thief",
               .property = "forward-secrecy",
               .doc =
                   "Takes a node's long-term keys, certificate key and PSK: with captures (--pcap) "
                   "they are written beside these, and `check --witness tshark` tries them.",
               .on_nodes = true,
               .node_roles = 1U << ROLE_PNE | 1U << ROLE_GATEWAY | 1U << ROLE_SERVER},
    [EXHAUSTION] = {.name = "exhaustion",
                    .property = "availability",
                    .doc = "Begins sessions with the server of a hop, as a node beside its client, "
                           "and never finishes them; what its clients' sessions suffer is judged.",
                    .takes = KEY(ATTACK_COUNT) | KEY(ATTACK_FLOOD) | KEY(ATTACK_SOURCE) |
                             KEY(ATTACK_ADDRESSES) | KEY(ATTACK_EVERY) | KEY(ATTACK_BY)},
    [ZERO_RTT] = {.name = "zero-rtt-replay",
                  .property = "replay-protection",
                  .doc =
                      "Copies the first flight of a session that has early data in it, and sends "
                      "it to the responder, or to another, over a connection of its own; after the "
                      "flight, or "
                      "ahead of it, where the flight is held back.",
                  .takes = KEY(ATTACK_BY) | KEY(ATTACK_COUNT) | KEY(ATTACK_TO) | KEY(ATTACK_AHEAD)},
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
    [DOWNGRADE] = {.begins = downgrade_begins,
                   .on_hello = true,
                   .unnoticed_is_violated = true,
                   .weakens = true},
    [MIDDLE] = {.terminates = true},
    [IMPERSONATE] = {.forges = impersonate_message},
    [CURIOUS] = {.listens = true},
    [THIEF] = {.steals = true},
    [EXHAUSTION] = {.exhausts = true},
    [ZERO_RTT] = {.copies = carries_early_data, .announces = announces_early_data},
};
const size_t attack_kind_count = SIM_ARRAY_LEN(attack_kinds);
