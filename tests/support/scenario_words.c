#include "tests/support/scenario_words.h"

#include <string.h>

static const struct scenario_link technologies[] = {
    {.name = "ble",
     .technology = "ble",
     .source = "tests",
     .delay = 30 * SIM_MS,
     .jitter = 5 * SIM_MS,
     .rate_bps = 200000,
     .mtu_bytes = 1280,
     .frame_bytes = 244,
     .overhead_bytes = 14,
     .queue_packets = 50,
     .shared_medium = true},
    {.name = "wlan",
     .technology = "wlan",
     .source = "test",
     .delay = 3 * SIM_MS,
     .rate_bps = 30000000,
     .mtu_bytes = 1500,
     .queue_packets = 100,
     .full = FULL_WIFI},
    {.name = "ethernet",
     .technology = "ethernet",
     .source = "test",
     .delay = 1 * SIM_MS,
     .rate_bps = 100000000,
     .mtu_bytes = 1500,
     .queue_packets = 100,
     .full = FULL_CSMA},
    {.name = "lte",
     .technology = "lte",
     .source = "tests",
     .delay = 30 * SIM_MS,
     .jitter = 10 * SIM_MS,
     .rate_bps = 20000000,
     .mtu_bytes = 1500,
     .queue_packets = 100,
     .loss = {.model = SCENARIO_LOSS_RANDOM, .rate = 0.005}},
    {.name = "fibre",
     .technology = "fibre",
     .source = "tests",
     .delay = 5 * SIM_MS,
     .rate_bps = 500000000,
     .mtu_bytes = 1500,
     .queue_packets = 1000},
    {.name = "lossy",
     .technology = "lossy",
     .source = "tests",
     .delay = 1 * SIM_MS,
     .rate_bps = 1000000,
     .mtu_bytes = 1500,
     .queue_packets = 10,
     .loss = {.model = SCENARIO_LOSS_GILBERT_ELLIOTT,
              .enter = 0.01,
              .leave = 0.25,
              .rate_good = 0.001,
              .rate_bad = 0.9}},
};
static const char *const cpus[] = {"cortex-m4-64mhz", "cortex-a76"};
static const struct scenario_verb verbs[] = {
    {.name = "service-access",
     .doc = "A PNE asks a service.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE,
     .target = TARGET_NODE,
     .has_size = true,
     .service = USE_OPTIONAL,
     .service_defined = true},
    {.name = "group-message",
     .doc = "A member sends to its group.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE,
     .target = TARGET_GROUP,
     .has_size = true},
    {.name = "pn-release",
     .doc = "A member or the gateway ends a network.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE | 1U << ROLE_GATEWAY,
     .target = TARGET_PN},
    {.name = "pn-add",
     .doc = "A PNE is added to a network.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE | 1U << ROLE_GATEWAY,
     .target = TARGET_PN_NODE},
    {.name = "usage-info",
     .doc = "A PNE says how its network is used.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE,
     .target = TARGET_PN,
     .has_expiry = true},
    {.name = "gateway-switch",
     .doc = "A PNE's device becomes the gateway.",
     .target = TARGET_PN_NODE,
     .by_target = true},
    {.name = "restart", .doc = "Everything starts anew.", .target = TARGET_NOTHING},
    {.name = "group-invite",
     .doc = "A member invites others.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE,
     .target = TARGET_GROUP,
     .member = USE_REQUIRED},
    {.name = "group-discover",
     .doc = "A PNE looks for groups.",
     .has_from = true,
     .from_roles = 1U << ROLE_PNE,
     .target = TARGET_NOTHING,
     .service = USE_OPTIONAL,
     .keyword = USE_OPTIONAL,
     .member = USE_OPTIONAL,
     .one_member = true},
};

static const struct scenario_attack attacks[] = {
    {.name = "eavesdropper", .property = "confidentiality", .doc = "Listens."},
    {.name = "tamper",
     .property = "integrity",
     .doc = "Flips a bit.",
     .takes = 1U << ATTACK_RECORDS | 1U << ATTACK_FROM | 1U << ATTACK_NTH |
              1U << ATTACK_PROBABILITY | 1U << ATTACK_COUNT | 1U << ATTACK_PART | 1U << ATTACK_BIT},
    {.name = "delay", .property = "availability", .doc = "Holds back.", .takes = 1U << ATTACK_BY},
    {.name = "zero-rtt-replay",
     .property = "replay-protection",
     .doc = "Copies.",
     .takes = 1U << ATTACK_BY | 1U << ATTACK_TO | 1U << ATTACK_AHEAD},
    {.name = "inject",
     .property = "authenticity",
     .doc = "Forges.",
     .takes = 1U << ATTACK_SIZE | 1U << ATTACK_STRIP},
    {.name = "exhaustion",
     .property = "availability",
     .doc = "Does not finish.",
     .takes = 1U << ATTACK_COUNT | 1U << ATTACK_FLOOD | 1U << ATTACK_SOURCE |
              1U << ATTACK_ADDRESSES | 1U << ATTACK_EVERY | 1U << ATTACK_BY},
    {.name = "impersonate",
     .property = "origin-authenticity",
     .doc = "Poses as another.",
     .on_nodes = true,
     .node_roles = 1U << ROLE_PNE,
     .takes = 1U << ATTACK_AS | 1U << ATTACK_CREDENTIAL,
     .needs = 1U << ATTACK_AS},
};

static bool among(const char *name, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool cipher_known(const char *name)
{
    static const char *const ciphers[] = {"TLS_AES_128_GCM_SHA256",
                                          "TLS_AES_256_GCM_SHA384",
                                          "TLS_CHACHA20_POLY1305_SHA256",
                                          "ECDHE-ECDSA-AES128-GCM-SHA256",
                                          "ECDHE-RSA-AES128-GCM-SHA256",
                                          "NULL-SHA256",
                                          NULL};
    return among(name, ciphers);
}

static bool signature_known(const char *name)
{
    return strncmp(name, "ecdsa_secp", 10) == 0 || strcmp(name, "ed25519") == 0;
}

static bool group_known(const char *name)
{
    static const char *const groups[] = {"X25519", "P-256", "P-384", NULL};
    return among(name, groups);
}

const struct scenario_vocabulary scenario_words = {.technologies = technologies,
                                                   .technology_count = SIM_ARRAY_LEN(technologies),
                                                   .cpus = cpus,
                                                   .cpu_count = SIM_ARRAY_LEN(cpus),
                                                   .attacks = attacks,
                                                   .attack_count = SIM_ARRAY_LEN(attacks),
                                                   .verbs = verbs,
                                                   .verb_count = SIM_ARRAY_LEN(verbs),
                                                   .cipher_known = cipher_known,
                                                   .signature_known = signature_known,
                                                   .group_known = group_known};
