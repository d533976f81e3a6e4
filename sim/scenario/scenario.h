/* A scenario: what a topology file says, checked, resolved and expanded into plain immutable data.
 *
 * scenario_load() reads the file and its includes, applies --set, checks every key and reference
 * and reports all errors in one go. What it yields has no names left to resolve: everything refers
 * by index. */
#ifndef SIM_SCENARIO_SCENARIO_H
#define SIM_SCENARIO_SCENARIO_H

#include "sim/core/base.h"
#include "sim/core/buf.h"
#include "sim/core/diag.h"
#include "sim/core/rng.h"

#define SCENARIO_NONE UINT32_MAX

/* --- vocabulary: words that the models define
 * ----------------------------------------------------- */

enum scenario_loss_model {
    SCENARIO_LOSS_NONE,
    SCENARIO_LOSS_RANDOM,
    SCENARIO_LOSS_GILBERT_ELLIOTT
};

struct scenario_loss {
    enum scenario_loss_model model;
    double rate;                /* random */
    double enter, leave;        /* Gilbert-Elliott, per frame */
    double rate_good, rate_bad; /* default 0 and 1 */
};

/* What a link has from a time on; a member that is not given stays as it was. */
struct scenario_trace_step {
    sim_time at; /* from the start of the trace */
    bool has_delay, has_rate, has_loss;
    sim_time delay;
    uint64_t rate_bps;
    double loss; /* 0 to 1, each packet by itself; 0: none */
};

/* Delay, rate and loss over time: steps in order of time, at least one. */
struct scenario_trace {
    const char *file;
    struct scenario_trace_step *steps;
    size_t step_count;
};

/* Devices of ns-3's. */
enum scenario_device_kind { FULL_NONE, FULL_CSMA, FULL_WIFI, FULL_LR_WPAN };

/* A link profile; also the shape of a technology's defaults (models/links). */
struct scenario_link {
    const char *name;
    const char *technology;
    const char *source; /* technologies only: where the figures come from */
    sim_time delay;     /* one way, mean */
    sim_time jitter;    /* standard deviation */
    uint64_t rate_bps;
    uint32_t mtu_bytes;      /* IP */
    uint32_t frame_bytes;    /* link-layer payload; 0: one frame a packet */
    uint32_t overhead_bytes; /* link-layer octets a frame */
    uint32_t queue_packets;
    bool shared_medium;
    struct scenario_loss loss;
    uint32_t sent_pj, received_pj; /* energy of an octet on the link, in picojoules; 0: not from a
                                      battery */
    double range_m; /* up to this distance, where both ends have a place; 0: any distance */
    const struct scenario_trace *trace; /* NULL: none */
    sim_time trace_period;              /* it begins again; SIM_TIME_NEVER: it does not */
    enum scenario_device_kind full;     /* technologies only: its device under fidelity full */
};

/* A router carries packets and is no party of CPNS. */
enum scenario_role { ROLE_PNE, ROLE_GATEWAY, ROLE_SERVER, ROLE_ROUTER };
enum scenario_target {
    TARGET_NOTHING,
    TARGET_NODE,
    TARGET_GROUP,
    TARGET_PN,
    TARGET_PN_NODE, /* `pn`, and a node in `to`, which is the performer itself where it is left out
                     */
};

/* Whether a verb takes a key. */
enum scenario_use { USE_NOT, USE_OPTIONAL, USE_REQUIRED };

/* A verb of `workload`. */
struct scenario_verb {
    const char *name;                           /* "service-access" */
    const char *doc;                            /* one sentence for the format's reference */
    bool has_from;                              /* needs `from` (nodes of role `from_roles`) */
    uint32_t from_roles;                        /* bits 1 << enum scenario_role */
    enum scenario_target target;                /* what `to` (or `pn` for TARGET_PN) names */
    bool has_size;                              /* takes `size` */
    bool has_expiry;                            /* takes `expiry` and `store` */
    enum scenario_use service, keyword, member; /* the keys of these names */
    bool service_defined;                       /* `service` names one of `services` */
    bool one_member;                            /* `member` names exactly one PNE */
    bool by_target;                             /* TARGET_PN_NODE without `from`: the PNEs of `to`,
                                                   which have `standby`, do it */
};

/* Keys of an attacker's `params`, by bit: which of them a kind takes. */
enum scenario_attack_key {
    ATTACK_RECORDS,
    ATTACK_FROM,
    ATTACK_NTH,
    ATTACK_PROBABILITY,
    ATTACK_COUNT,
    ATTACK_PART,
    ATTACK_BIT,
    ATTACK_BY,
    ATTACK_SIZE,
    ATTACK_STRIP,
    ATTACK_CREDENTIAL,
    ATTACK_AS,
    ATTACK_FLOOD,
    ATTACK_SOURCE,
    ATTACK_ADDRESSES,
    ATTACK_EVERY,
    ATTACK_TO,
    ATTACK_AHEAD,
    ATTACK_KEYS
};

/* A kind of attacker (models/attackers). */
struct scenario_attack {
    const char *name;     /* "tamper" */
    const char *property; /* what it puts to the test: "integrity" */
    const char *doc;      /* one sentence for the format's reference */
    bool on_nodes;        /* its targets are nodes; else links */
    uint32_t node_roles;  /* bits 1 << enum scenario_role */
    uint32_t takes;       /* bits 1 << enum scenario_attack_key */
    uint32_t needs;       /* of these: what has to be written */
};

/* Borrowed by scenario_load() during the call. */
/* A policy that needs no definition in a file. */
struct scenario_policy_set {
    const char *name;
    const char *keys;   /* a mapping as a file would have it */
    const char *source; /* document and section, or [ours] */
    const char *doc;    /* one sentence */
};

struct scenario_vocabulary {
    const struct scenario_link *technologies;
    size_t technology_count;
    const char *const *cpus;
    size_t cpu_count;
    const struct scenario_verb *verbs;
    size_t verb_count;
    const struct scenario_attack *attacks;
    size_t attack_count;
    /* Whether the cryptographic library knows a cipher (suite) or a group of that name; NULL: not
     * checked. */
    bool (*cipher_known)(const char *name);
    bool (*group_known)(const char *name);
    bool (*signature_known)(const char *name);
    const struct scenario_policy_set *policy_sets;
    size_t policy_set_count;
};

/* --- the scenario
 * --------------------------------------------------------------------------------- */

enum scenario_kind { KIND_TLS, KIND_DTLS, KIND_CLEAR, KIND_CLEAR_DATAGRAM };
enum scenario_auth { AUTH_MUTUAL, AUTH_SERVER_ONLY, AUTH_PSK };
enum scenario_certificates {
    CERT_ECDSA_P256,
    CERT_ECDSA_P384,
    CERT_ED25519,
    CERT_RSA_2048,
    CERT_RSA_3072
};
enum scenario_resumption { RESUMPTION_NONE, RESUMPTION_TICKETS };
/* What a client does after a handshake that failed: the same again; or it offers a version less and
 * does not say so, or says so (RFC 7507). */
enum scenario_fallback { FALLBACK_NONE, FALLBACK_UNPROTECTED, FALLBACK_SCSV };

enum scenario_ocsp { OCSP_NOT_ASKED, OCSP_REQUIRED, OCSP_SOFT_FAIL };

/* The smallest MTU that DTLS goes over. */
enum { SCENARIO_DTLS_MTU_LEAST = 280 };

struct scenario_policy {
    const char *name;
    enum scenario_kind kind;
    uint16_t min_version, max_version; /* 0x0301 to 0x0304 */
    const char *ciphers;               /* TLS 1.2 names joined by ':', or NULL */
    const char *ciphersuites;          /* TLS 1.3 names joined by ':', or NULL */
    const char *groups;                /* joined by ':', or NULL */
    enum scenario_certificates certificates;
    enum scenario_auth auth;
    enum scenario_resumption resumption;
    sim_time ticket_lifetime;     /* default 7200 s */
    int security_level;           /* -1: OpenSSL's default */
    uint32_t key_update_after;    /* messages an end sends before it updates its keys; 0: never */
    sim_time key_update_every;    /* the same by time; SIM_TIME_NEVER */
    sim_time resumption_lifetime; /* since the last full handshake; SIM_TIME_NEVER: without end */
    sim_time session_lifetime;    /* an established session is closed after it; SIM_TIME_NEVER */
    sim_time retransmit_after;    /* DTLS: of a flight; doubles */
    sim_time handshake_timeout;   /* a session that is not established by then is given up */
    const char *signature_algorithms; /* joined by ':', or NULL */
    bool crl;                         /* certificates are looked up in the CA's list */
    enum scenario_ocsp ocsp;          /* the responder's comes with the CA's word (stapled) */
    bool no_name_check;               /* broken-*: any certificate of the CA will do */
    enum scenario_fallback fallback;  /* unprotected: broken-* alone */
    uint32_t max_fragment_length;     /* octets; 0: not asked for */
    uint32_t record_padding;          /* octets; 0: none */
    uint32_t half_open;               /* handshakes under way at a responder, at most; 0: any */
    uint32_t half_open_per_peer;      /* likewise, with one peer */
    bool no_cookies;                  /* broken-*, DTLS: a ClientHello is believed at once */
    uint32_t early_data;              /* most octets of 0-RTT data; 0: none */
    bool no_anti_replay;              /* broken-*: it is taken as often as it comes */
};
/* Whether its sessions protect nothing. */
static inline bool scenario_is_clear(const struct scenario_policy *policy)
{
    return policy->kind == KIND_CLEAR || policy->kind == KIND_CLEAR_DATAGRAM;
}

/* The battery of a device and what drains it. */
struct scenario_energy {
    bool modelled;       /* key `energy`; without it the charge stays what it is */
    int64_t capacity_uj; /* of the full battery */
    int64_t idle_uw;     /* at all times; -1: the CPU's figure */
    int64_t active_uw;   /* besides, of a core that works; -1: the CPU's figure */
    double low;          /* 0 to 1: when the server is told */
};

struct scenario_device {
    const char *name;
    const char *cpu;
    double battery; /* 0 to 1: at the start */
    struct scenario_energy energy;
    const char *media; /* "text", "audio", "video": the richest that it can show */
};

/* What a node presents; defaults are a good certificate of the scenario's CA and the right PSK. */
enum scenario_issuer { ISSUER_SCENARIO, ISSUER_OTHER, ISSUER_SELF };
struct scenario_credential {
    bool present;                /* false: no certificate is sent */
    enum scenario_issuer issuer; /* "scenario-ca", "other-ca", "self" */
    const char *identity; /* node id whose URN the certificate carries; NULL: the node's own */
    sim_time not_before;  /* virtual time, may be negative; default -1 day */
    sim_time not_after;   /* default: 30 days */
    bool wrong_psk;
    sim_time revoked_at; /* 0: before the run; SIM_TIME_NEVER */
};

/* How what the CA says of certificates changes in the run. */
struct scenario_revocation {
    bool modelled;          /* else what it says at the start counts for the whole run */
    uint32_t *responders;   /* servers that are asked; the CA is with the first */
    size_t responder_count; /* 0: nobody has to be asked */
    bool delegate;          /* who signs OCSP responses is not the CA itself */
    bool nonce;
    sim_time ocsp_lifetime, ocsp_refresh, crl_every, crl_lifetime;
};

/* How a node moves; copies of an entry share one. */
enum scenario_mobility {
    MOBILITY_WAYPOINTS,       /* in a straight line from point to point */
    MOBILITY_RANDOM_WAYPOINT, /* to a place drawn in the area, at a speed drawn, then a pause */
    MOBILITY_COME_AND_GO,     /* present and absent in turn, at one place or none */
};
struct scenario_waypoint {
    sim_time at; /* ascending */
    double place[3];
};
struct scenario_motion {
    enum scenario_mobility model;
    struct scenario_waypoint *points; /* waypoints */
    size_t point_count;
    double low[2], high[2];      /* random-waypoint: the area, x and y in m */
    struct dist speed;           /* random-waypoint: m/s */
    struct dist pause;           /* random-waypoint: ns at each place reached */
    struct dist present, absent; /* come-and-go: ns */
    bool starts_absent;          /* come-and-go */
};

/* What a gateway offers to the zone that it covers; copies of an entry share one. */
struct scenario_exhibit {
    const char *id;
    double place[3]; /* m */
};
struct scenario_zone {
    const char *service;
    sim_time announce;    /* between two announcements */
    uint32_t information; /* octets of what it tells a device that shows text */
    sim_time gone;        /* a visitor unheard for so long has left; 0: 3 keep-alive periods */
    struct scenario_exhibit *exhibits;
    size_t exhibit_count;
};

struct scenario_node {
    const char *id;    /* "gw/1", "r/frankfurt", or "srv" where the entry has no count or names */
    const char *entry; /* "gw" */
    uint32_t ordinal;  /* 1 to count; 0 without count */
    enum scenario_role role;
    uint32_t device; /* index in devices */
    uint32_t peer;   /* PNE: the gateway it attaches to; gateway: its server; else SCENARIO_NONE */
    uint32_t edge;   /* the edge to `peer`, or SCENARIO_NONE */
    uint32_t policy; /* policy towards its gateways or its server, or SCENARIO_NONE (server) */
    uint32_t twin;   /* PNE: the gateway on the same device (key `standby`); that gateway: the PNE;
                        else SCENARIO_NONE */
    struct scenario_credential credential;
    const char *encoding; /* "xml" or "cbor": what it sends */
    bool placed;          /* has a place */
    double place[3];      /* m, at the start of the run: written, or drawn with the seed */
    const struct scenario_motion *motion; /* NULL: stays */
    struct dist start;                    /* ns after its network's `at` that a PNE first asks */
    const char *user;                     /* User ID, "sip:NAME@cpns"; NULL: server, router */
    const struct scenario_zone *zone;     /* gateway: NULL: none */
    bool denies_bridge;                   /* gateway */
    bool pairs_all; /* reserved for PNEs: paired with the gateway they attach to (type 2); default
                       true */
};

/* How closely a hop is simulated: "packet", "fast", "full". */
enum scenario_fidelity { FIDELITY_PACKET, FIDELITY_FAST, FIDELITY_FULL };
/* The word of the scenario format. */
const char *scenario_fidelity_name(enum scenario_fidelity fidelity);

/* What joins two nodes: a link of the network. */
struct scenario_wire {
    const char *id; /* "pne/3--gw/1", "r/a--r/b" */
    uint32_t a, b;  /* nodes */
    uint32_t link;  /* index in links; what follows may differ from it */
    enum scenario_fidelity fidelity;
    sim_time delay;
    uint64_t rate_bps;
    uint32_t mtu_bytes;
};

/* What joins two entities, and which rules of clause 5.9.1 hold there. */
enum scenario_hop_kind {
    HOP_PNE_GATEWAY,
    HOP_GATEWAY_SERVER,
    HOP_SERVER_SERVER, /* a session as between gateway and server [ours] */
    HOP_BRIDGE,        /* between two PNEs: no session, messages are exempt (`bridge`) */
    HOP_INTERNAL,      /* a PNE and the gateway on its device: no interface of CPNS, no session */
};
/* "pne-gateway", "gateway-server", "server-server", "bridge", "internal". */
const char *scenario_hop_name(enum scenario_hop_kind kind);

/* A hop of CPNS: the way between two entities, over one wire, over several with routers between, or
 * inside a device. */
struct scenario_edge {
    const char *id; /* "pne/3--gw/1": the session's client first */
    enum scenario_hop_kind kind;
    uint32_t a, b;   /* nodes; a is the client: it opens the sessions */
    uint32_t policy; /* of its sessions; SCENARIO_NONE: it has none */
    uint32_t link;   /* index in links, of the first wire; internal: SCENARIO_NONE */
    enum scenario_fidelity fidelity; /* of all its wires */
    const uint32_t *wires;           /* from a to b */
    size_t wire_count;               /* 0: internal; 1: a and b are joined directly */
};

enum scenario_by { BY_MEMBERS, BY_NODE };
struct scenario_pn {
    const char *id;
    const char *alias; /* name; default the id */
    uint32_t gateway;
    uint32_t *members; /* PNEs */
    size_t member_count;
    int type; /* 1, 2 or 3 of PNEstablishmentRequest */
    enum scenario_by by;
    uint32_t by_node;     /* for BY_NODE */
    struct dist at;       /* ns; a draw a starting member */
    uint32_t *candidates; /* PNEs of the gateway, no members, that may be added later */
    size_t candidate_count;
    uint32_t admin;         /* a member, or SCENARIO_NONE */
    bool asks_capabilities; /* the server asks each member after its registration */
};

/* What a node is to a personal network. */
enum scenario_place { PLACE_GATEWAY, PLACE_MEMBER, PLACE_CANDIDATE };
struct scenario_belonging {
    uint32_t pn;
    enum scenario_place as;
};

struct scenario_group {
    const char *id;
    uint32_t owner;
    uint32_t *members; /* the owner not among them */
    size_t member_count;
    const char *service;
    bool closed; /* joining: open | closed */
    sim_time at; /* earliest time of its creation; default: as soon as the owner's PN stands */
    uint32_t *unwilling; /* PNEs that say no to an invitation or to ownership */
    size_t unwilling_count;
};

enum scenario_openness { OPENNESS_PRIVATE, OPENNESS_PN, OPENNESS_GROUP, OPENNESS_PUBLIC };
/* The word of the scenario format and of the messages. */
const char *scenario_openness_name(enum scenario_openness openness);

/* A service of a PNE, registered with the server. */
struct scenario_service {
    const char *id;
    const char *name;    /* default the id */
    const char *content; /* NULL: not said */
    uint32_t provider;
    enum scenario_openness openness;
    uint32_t group;    /* of OPENNESS_GROUP, else SCENARIO_NONE */
    bool confirm;      /* the provider is asked about who searches */
    uint32_t *allowed; /* whom it confirms; NULL: everybody */
    size_t allowed_count;
    sim_time at; /* earliest time of registration */
};

/* Who keeps usage information besides the server. */
enum scenario_store { STORE_SERVER, STORE_GATEWAY, STORE_PNE };

struct scenario_work {
    uint32_t verb;     /* index in the vocabulary's verbs */
    bool repeats;      /* `every` was given */
    sim_time at;       /* one-shot time, or the start of the repetition */
    struct dist every; /* ns between repetitions, a stream a node of `from` */
    sim_time until;    /* end of the repetition; SIM_TIME_NEVER */
    uint64_t count;    /* at most so many repetitions a node; UINT64_MAX */
    uint32_t *from;    /* nodes */
    size_t from_count;
    uint32_t *to; /* nodes, groups or PNs by the verb's target; with several, each use draws one */
    size_t to_count;
    bool to_home;  /* instead: the server that the sender belongs to */
    uint32_t *pns; /* for TARGET_PN_NODE: the one that it is about */
    size_t pn_count;
    struct dist size;              /* octets of payload */
    sim_time expiry;               /* from then on; 0 deletes */
    uint32_t store;                /* bits 1 << enum scenario_store */
    const char *service, *keyword; /* NULL: not given */
    uint32_t *members;
    size_t member_count;
};

enum scenario_fault_verb { FAULT_LINK_DOWN, FAULT_NODE_SILENT };
struct scenario_fault {
    const char *id;
    enum scenario_fault_verb verb; /* "link-down", "node-silent" (the node answers nothing more) */
    sim_time at;
    sim_time duration; /* `for`; SIM_TIME_NEVER: to the end */
    uint32_t *targets; /* wires for link-down (of an edge its first), nodes for node-silent */
    size_t target_count;
};

/* Which records an attacker looks at. */
enum scenario_attack_records { RECORDS_APPLICATION, RECORDS_HANDSHAKE, RECORDS_ANY };
enum scenario_attack_from { FROM_ANY, FROM_INITIATOR, FROM_RESPONDER };
enum scenario_attack_part {
    PART_BODY,
    PART_TYPE,
    PART_VERSION,
    PART_LENGTH,
    PART_SEQUENCE,
    PART_RECORD
};
enum scenario_attack_strip { STRIP_VERSIONS, STRIP_SUITES, STRIP_GROUPS };
enum scenario_attack_credential {
    ROGUE_SELF_SIGNED,
    ROGUE_UNTRUSTED,
    ROGUE_EXPIRED,
    ROGUE_FUTURE,
    ROGUE_WRONG_NAME,
    ROGUE_REVOKED,
    ROGUE_STOLEN
};

/* What is left unfinished: the TCP connection says nothing, a ClientHello came, or comes octet by
 * octet. */
enum scenario_attack_flood { FLOOD_CONNECT, FLOOD_HELLO, FLOOD_SLOW };

struct scenario_attacker {
    const char *id;
    uint32_t kind; /* index in the vocabulary's attacks */
    sim_time at;
    sim_time duration; /* `for`; SIM_TIME_NEVER: to the end */
    uint32_t *targets; /* wires, or nodes where the kind is on nodes */
    size_t target_count;
    enum scenario_attack_records records;
    enum scenario_attack_from from;
    uint32_t nth;       /* the n-th of these records in each direction of a session; 0: each */
    double probability; /* of each of these records, where nth is 0 */
    uint64_t count;     /* at most so many trials in all */
    enum scenario_attack_part part;
    uint32_t bit; /* from the part's first; SCENARIO_NONE: drawn */
    sim_time by;
    uint32_t size; /* octets */
    enum scenario_attack_strip strip;
    enum scenario_attack_credential credential;
    uint32_t as; /* the node that it poses as, or SCENARIO_NONE */
    enum scenario_attack_flood flood;
    bool spoofed;       /* it sends in the name of addresses that are not its own */
    uint32_t addresses; /* how many, its own or not */
    sim_time every;     /* between two handshakes */
    uint32_t to; /* the node that it sends to, or SCENARIO_NONE: as the one that was attacked */
    bool ahead;  /* the copy of a flight goes first, the flight itself is held back for `by` */
};

enum scenario_expect_kind { EXPECT_CLAIM, EXPECT_METRIC };
struct scenario_expect {
    enum scenario_expect_kind kind;
    const char *name;    /* claim or metric, e.g. "setup_ms.p95" */
    const char *subject; /* "pne--gateway", "gateway--server", or NULL: everywhere */
    bool has_min, has_max;
    double min, max; /* in the metric's unit (setup_ms: milliseconds) */
    int line;        /* where it stands */
};

enum scenario_messages { MESSAGES_ALL, MESSAGES_SAMPLED, MESSAGES_NONE };
/* Of messages to Service Groups: outside the sessions (clause 5.9.1), through them, or outside them
 * with the payload sealed by a group key, which is an extension of ours. */
enum scenario_protection { PROTECTION_NONE, PROTECTION_SESSION, PROTECTION_GROUP_KEY };

/* Timers of cpns-model.md section 3, in ns; keys of `timers:` in the scenario. */
struct scenario_timers {
    sim_time request;         /* 5 s */
    uint32_t request_tries;   /* 3 */
    double request_backoff;   /* 2 */
    sim_time keep_alive;      /* 30 s */
    sim_time idle_close;      /* 300 s */
    sim_time pn_lease;        /* 3600 s */
    sim_time reconnect;       /* 1 s: from the start of a session that failed to the next one */
    double reconnect_backoff; /* 1.6 */
    sim_time reconnect_most;  /* 120 s */
    sim_time close_timeout;   /* 5 s */
};

struct scenario {
    const char *name;
    const char *description;
    const char *path;
    sim_time until;
    uint64_t seed;
    bool system_random; /* run.random: seeded | system */
    enum scenario_messages record_messages;
    uint32_t record_sample;  /* every n-th message */
    const char *const *pcap; /* NODE globs of run.record.pcap; "*": all */
    size_t pcap_count;
    struct scenario_timers timers;
    enum scenario_protection group_protection;
    struct scenario_policy *policies;
    size_t policy_count;
    struct scenario_device *devices;
    size_t device_count;
    struct scenario_link *links;
    size_t link_count;
    struct scenario_node *nodes;
    size_t node_count;
    /* Those to the peers, in order of the nodes; of standby gateways, server meshes and bridges. */
    struct scenario_edge *edges;
    size_t edge_count;
    uint32_t
        *hop_edges;     /* edges by node, in order; node n's are hop_edges[hop_from[n]] up to ... */
    uint32_t *hop_from; /* ... hop_edges[hop_from[n + 1] - 1] */
    struct scenario_wire *wires;
    size_t wire_count;
    struct scenario_pn *pns;
    size_t pn_count;
    /* by node, in order of the networks; node n's are belongings[belonging_from[n]] up to ... */
    struct scenario_belonging *belongings;
    uint32_t *belonging_from; /* ... belongings[belonging_from[n + 1] - 1] */
    struct scenario_group *groups;
    size_t group_count;
    struct scenario_service *services;
    size_t service_count;
    struct scenario_work *work;
    size_t work_count;
    struct scenario_fault *faults;
    size_t fault_count;
    struct scenario_attacker *attackers;
    size_t attacker_count;
    struct scenario_revocation revocation;
    struct scenario_expect *expects;
    size_t expect_count;
    const char *text;      /* main file and includes, each under a "# file: NAME" line */
    const char *overrides; /* "K=V\n..." */
    void *storage;         /* owns everything above */
};

struct scenario_options {
    const char *const *sets; /* "K=V": K a param, or a path such as run.until */
    size_t set_count;
    bool has_seed; /* --seed */
    uint64_t seed;
};

/* Loads `path`. 0 and *ret on success (warnings may stand in `diags`); -SIM_EINVAL with at least
 * one error in `diags` otherwise, nothing then left behind. The caller frees with scenario_free().
 */
int scenario_load(const char *path, const struct scenario_options *options,
                  const struct scenario_vocabulary *vocabulary, struct scenario **ret,
                  struct diag_list *diags);
void scenario_free(struct scenario *s);

/* Index of a node by id, or SCENARIO_NONE. */
uint32_t scenario_find_node(const struct scenario *s, const char *id);
/* The hop that joins two nodes; NULL: none does. */
const struct scenario_edge *scenario_hop(const struct scenario *s, uint32_t a, uint32_t b);

/* The resolved scenario for a reader. `origin`: each value with the file and line (or default) it
 * comes from. */
enum scenario_format { FORMAT_YAML, FORMAT_JSON, FORMAT_DOT, FORMAT_MERMAID };
int scenario_show(const struct scenario *s, enum scenario_format format, bool origin,
                  struct buf *out);

/* Made from the table of fields that drives the checks. */
void scenario_json_schema(const struct scenario_vocabulary *vocabulary, struct buf *out);
void scenario_reference(const struct scenario_vocabulary *vocabulary,
                        struct buf *out); /* Markdown */

#endif
