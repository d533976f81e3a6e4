/* The format as a table: every section and key with type, unit, default, allowed words and a
 * sentence. Checking, reading, near names, scenario_show(), the JSON Schema and the reference are
 * all made from it.
 *
 * A new key is one line in the table of its section, fields.c or fields_*.c, and one `struct value`
 * member in a raw_... struct below. */
#ifndef SIM_SCENARIO_FIELDS_H
#define SIM_SCENARIO_FIELDS_H

#include "sim/core/rng.h"
#include "sim/scenario/tree.h"

/* --- values as they were read ------------------------------------------------------------------
 */

enum value_state {
    VALUE_ABSENT,
    VALUE_BAD, /* given, complained about: be silent */
    VALUE_DEFAULT,
    VALUE_INHERITED, /* through `extends`, or from the link technology */
    VALUE_GIVEN,
};

struct text_item {
    const char *text;
    const struct tree *at;
};

struct share {
    const char *name;
    double part;
    const struct tree *at;
};

struct value {
    enum value_state state;
    const struct tree *at; /* NULL: a default */
    const char *origin;    /* where a value without `at` comes from; NULL: "default" */
    union {
        int64_t i; /* integer, time (ns), rate (bit/s), size (octets), index of a word, boolean */
        uint64_t u;
        double d; /* number, ratio */
        const char *s;
        struct dist dist;
        struct {
            double at[3]; /* m */
            size_t count; /* how many were written */
        } lengths;
        struct {
            struct text_item *items;
            size_t count;
        } texts;
        struct {
            struct share *items;
            size_t count;
        } shares;
        struct {
            struct entry **items;
            size_t count;
        } entries;
    } v;
};

/* Good to use: given, inherited or default. */
bool value_ok(const struct value *v);

/* Head of every raw struct. */
struct entry {
    const char *name; /* key of a named entry */
    const struct tree *at;
    bool bad;     /* an error was told about it while it was read */
    bool unknown; /* holds an unknown key: what seems missing may be there under a wrong name */
};

struct raw_scenario {
    struct entry head;
    struct value cpns, name, description, include;
    struct value run, until, seed, random, record, messages, pcap;
    struct value params;
    struct value security, policies, pne_gateway, gateway_server, service_group, protection;
    struct value devices, links, nodes, wires, bridges;
    struct value personal_networks, service_groups, workload, faults, expect;
    struct value import, graphml, import_link, import_prefix, import_double;
    struct value timers, request, request_tries, request_backoff, keep_alive, idle_close, pn_lease;
    struct value reconnect, reconnect_backoff, reconnect_most, close_timeout;
    struct value fidelity;
    struct value services, attackers;
    struct value revocation, responder, signer, nonce;
    struct value ocsp_lifetime, ocsp_refresh, crl_every, crl_lifetime;
    struct value later;
};

struct raw_policy {
    struct entry head;
    struct value extends, kind, versions, ciphers, groups, certificates, auth, resumption;
    struct value ticket_lifetime, security_level, key_update_after, session_lifetime;
    struct value key_update_every, resumption_lifetime;
    struct value retransmit_after, signature_algorithms, crl, ocsp, name_check, max_fragment_length;
    struct value record_padding, version_fallback, handshake_timeout;
    struct value half_open, half_open_per_peer, cookies, early_data, anti_replay;
    struct value later;
};

struct raw_device {
    struct entry head;
    struct value extends, cpu, battery, policy, encoding, media;
    struct value energy, capacity, idle, active, low;
};

struct raw_link {
    struct entry head;
    struct value extends, technology;
    struct value delay, mean, jitter;
    struct value rate, mtu, queue, frame, overhead, medium;
    struct value loss, model, loss_rate, enter, leave, rate_good, rate_bad;
    struct value fidelity, range, trace, trace_period;
    struct value later;
    bool checked_full;
};

struct raw_node {
    struct entry head;
    struct value id, role, count, names, device, mix, policy, encoding, start, fidelity;
    struct value attach, attach_to, attach_by, attach_link;
    struct value uplink, uplink_to, uplink_link, uplink_via, uplink_by;
    struct value standby, standby_link, standby_policy;
    struct value standby_uplink, standby_to, standby_over, standby_via, standby_by;
    struct value mesh, mesh_link, mesh_policy;
    struct value certificate, present, issuer, revoked, revoked_at, identity, not_before, not_after;
    struct value psk, secret;
    struct value position, place, disc, centre, radius, grid, origin, step, columns;
    struct value even, even_x, even_y;
    struct value mobility, model, points, area, area_x, area_y, speed, pause;
    struct value present_for, absent_for, first;
    struct value user, bridge;
    struct value zone, zone_service, zone_announce, zone_information, zone_gone, zone_exhibits;
};

struct raw_exhibit {
    struct entry head;
    struct value id, at;
};

struct raw_waypoint {
    struct entry head;
    struct value at, to;
};

struct raw_wire {
    struct entry head;
    struct value between, link, delay, rate, mtu, fidelity;
};

struct raw_bridge {
    struct entry head;
    struct value between, link, fidelity;
};

struct raw_pn {
    struct entry head;
    struct value id, alias, gateway, members, establishment, type, by, at;
    struct value candidates, admin, capabilities;
};

struct raw_group {
    struct entry head;
    struct value id, owner, members, service, joining, at, unwilling;
    struct value later;
};

struct raw_service {
    struct entry head;
    struct value id, name, content, provider, openness, group, confirm, allow, at;
};

struct raw_work {
    struct entry head;
    struct value do_, at, every, start, until, count, from, to, pn, size;
    struct value expiry, store;
    struct value service, keyword, member;
};

struct raw_fault {
    struct entry head;
    struct value id, do_, at, for_, target;
};

struct raw_attacker {
    struct entry head;
    struct value id, kind, at, for_, target, params;
    struct value records, from, nth, probability, count, part, bit, by, size, strip, credential, as;
    struct value flood, source, addresses, every, to, ahead;
};

struct raw_expect {
    struct entry head;
    struct value claim, metric, subject, min, max;
};

/* --- the table ---------------------------------------------------------------------------------
 */

enum field_type {
    FIELD_TEXT,       /* any text */
    FIELD_ID,         /* a name that a selector can hold */
    FIELD_REF,        /* a name defined elsewhere: `names` says of what */
    FIELD_WORD,       /* one of `words`; the value is its index */
    FIELD_WORDS,      /* a list of `words`; the value is a set of bits */
    FIELD_BOOL,       /* true | false */
    FIELD_INTEGER,    /* without unit */
    FIELD_UNSIGNED,   /* up to 2^64 - 1 */
    FIELD_NUMBER,     /* without unit */
    FIELD_RATIO,      /* percent */
    FIELD_TIME,       /* time with unit */
    FIELD_RATE,       /* rate with unit */
    FIELD_SIZE,       /* size with unit */
    FIELD_ENERGY,     /* energy with unit, in microjoules */
    FIELD_POWER,      /* power with unit, in microwatts */
    FIELD_LENGTH,     /* length with unit */
    FIELD_SPEED,      /* speed with unit; only as part of a distribution */
    FIELD_TIME_DIST,  /* a time, or a distribution of times */
    FIELD_SIZE_DIST,  /* a size, or a distribution of sizes */
    FIELD_SPEED_DIST, /* a speed, or a distribution of speeds */
    FIELD_PLACE,      /* two or three lengths: x, y and z, which is 0 m where it is left out */
    FIELD_EXTENT,     /* two lengths, the smaller first */
    FIELD_TEXTS,      /* one text or a list of texts; `names` says of what */
    FIELD_SAMPLE,     /* all | sampled N | none: N, 1 for all, 0 for none */
    FIELD_SHARES,     /* mapping of a name to a ratio */
    FIELD_BOUND,      /* bound of a metric, unit by the metric: kept as text */
    FIELD_PARAMS,     /* mapping of names to scalars, handled before the table is */
    FIELD_MAP,        /* a mapping with the keys of `section` */
    FIELD_NAMED,      /* a mapping of names to entries of `section` */
    FIELD_LIST,       /* a list of entries of `section` */
    FIELD_LATER,      /* of the format, but not implemented in this version: refused */
};

struct section;

struct field {
    const char *key;
    enum field_type type;
    size_t offset;            /* of the struct value in the raw struct */
    const char *fallback;     /* the default, as it would be written; NULL: none */
    const char *doc;          /* one sentence */
    const char *const *words; /* up to NULL */
    const char *const *later; /* words refused as not implemented, up to NULL */
    const char *lacking;      /* FIELD_LATER: why it cannot be had */
    const char *names;        /* what a reference or a text names: "link", "policy", ... */
    const struct section *section;
    double min, max; /* in base units (ns, bit/s, octets, 1); both 0: no limits but the type's */
    bool required;
    bool slash; /* FIELD_ID: may hold '/', for names made from those of nodes */
    bool digit; /* FIELD_NAMED: names may begin with a digit */
};

struct section {
    const char *name;  /* "links" */
    const char *title; /* what one entry is, for messages: "link" */
    const char *doc;
    const char *example;
    const struct field *fields;
    size_t count;
    size_t bytes;          /* of the raw struct; 0: part of the surrounding one */
    const char *shorthand; /* FIELD_MAP: key that a plain value stands for */
    bool always;           /* FIELD_MAP: defaults hold even where the mapping is absent */
    bool inherits;         /* FIELD_NAMED: has `extends`; defaults come after it */
};

/* The whole of a file (fields.c). */
extern const struct section section_scenario;
/* fields_profiles.c */
extern const struct section section_device, section_link;
/* fields_nodes.c */
extern const struct section section_node;
/* fields_wires.c */
extern const struct section section_wire, section_bridge, section_import;
/* fields_networks.c */
extern const struct section section_pn, section_group;
/* fields_activity.c */
extern const struct section section_work, section_fault;
/* fields_expect.c */
extern const struct section section_expect;
/* fields_policy.c */
extern const struct section section_policy;
/* fields_motion.c */
extern const struct section section_position, section_mobility;
/* fields_zone.c */
extern const struct section section_zone;
/* fields_services.c */
extern const struct section section_service;
/* fields_revocation.c */
extern const struct section section_revocation;
/* fields_attack.c */
extern const struct section section_attacker, section_attack_params;

extern const char *const words_media[];
/* Words whose index is a value of an enum of scenario.h. */
extern const char *const words_fidelity[];
extern const char *const words_role[], *const words_issuer[];
extern const char *const words_encoding[], *const words_loss[];
extern const char *const words_kind[], *const words_auth[];
extern const char *const words_certificates[], *const words_resumption[];
extern const char *const words_fault[];
extern const char *const words_mobility[];

struct claim {
    const char *name;
    const char *doc;
};
extern const struct claim claims[];
extern const size_t claim_count;

enum metric_unit { METRIC_MS, METRIC_COUNT, METRIC_RATIO };
enum metric_subject { OF_HOP, OF_MESSAGES, OF_FLOWS }; /* a hop, message type or kind of flow */
struct metric {
    const char *name;
    enum metric_unit unit;
    enum metric_subject of;
    const char *doc;
};
extern const struct metric metrics[];
extern const size_t metric_count;

/* Hops as subjects of claims and metrics. */
extern const char *const words_hop[];

const struct field *field_find(const struct section *s, const char *key);
struct value *field_value(const struct field *f, void *raw);
const struct value *field_value_const(const struct field *f, const void *raw);
size_t words_count(const char *const *words);

/* Reads the members of `map` into `raw` by the table, complaining about unknown keys and bad
 * values. */
void read_given(struct report *r, const struct section *s, const struct tree *map, void *raw);
/* Fills in defaults and complains about required keys that are missing. */
void read_finish(struct report *r, const struct section *s, void *raw);

/* --- single values (value.c, dist.c, write.c)
 * -------------------------------------------------------------------
 */

/* Each reads scalar `t` for field `f`; false after a complaint. */
bool parse_integer(struct report *r, const struct field *f, const struct tree *t, int64_t *ret);
bool parse_unsigned(struct report *r, const struct field *f, const struct tree *t, uint64_t *ret);
bool parse_number(struct report *r, const struct field *f, const struct tree *t, double *ret);
bool parse_ratio(struct report *r, const struct field *f, const struct tree *t, double *ret);
/* FIELD_TIME, FIELD_RATE, FIELD_SIZE by `type`. */
bool parse_quantity(struct report *r, const struct field *f, enum field_type type,
                    const struct tree *t, int64_t *ret);
/* The same without rounding to a whole number. */
bool parse_measure(struct report *r, const struct field *f, enum field_type type,
                   const struct tree *t, long double *ret);
bool parse_dist(struct report *r, const struct field *f, const struct tree *t, struct dist *ret);
/* FIELD_PLACE, FIELD_EXTENT by the type of `f`: fills at[] and yields how many there were, 0 after
 * a complaint. */
size_t parse_lengths(struct report *r, const struct field *f, const struct tree *t, double at[3]);
bool parse_sample(struct report *r, const struct field *f, const struct tree *t, int64_t *ret);
/* A bound of a metric; `name` is the key. */
bool parse_bound(struct report *r, const char *name, enum metric_unit unit, const struct tree *t,
                 double *ret);
/* False after a complaint: a mapping or list where a scalar is wanted, or nothing at all. */
bool parse_is_scalar(struct report *r, const struct field *f, const struct tree *t);
/* What a value of the type looks like, for messages and the reference: "a time such as 30 s". */
const char *field_shape(const struct field *f);
/* The units a type takes, up to NULL. */
const char *const *field_units(enum field_type type);
/* The value as it would be written in YAML (`json`: in JSON, which is YAML too), appended to `out`.
 */
void value_write(const struct field *f, const struct value *v, bool json, struct buf *out);
/* A text in double quotes with escapes, without the doubling of dollars. */
void json_string(const char *s, struct buf *out);

#endif
