/* Attackers: the kinds are words of the vocabulary, as the verbs of a workload are. */
#include "sim/scenario/fields_table.h"

static const char *const words_records[] = {"application", "handshake", "any", NULL};
static const char *const words_from[] = {"any", "initiator", "responder", NULL};
static const char *const words_part[] = {"body",     "type",   "version", "length",
                                         "sequence", "record", NULL};
static const char *const words_strip[] = {"versions", "suites", "groups", NULL};
static const char *const words_rogue[] = {"self-signed", "untrusted", "expired", "future",
                                          "wrong-name",  "revoked",   "stolen",  NULL};

static const char *const words_flood[] = {"connect", "hello", "slow", NULL};
static const char *const words_source[] = {"own", "spoofed", NULL};

static const struct field params_fields[] = {
    {"records", FIELD_WORD, AT(raw_attacker, records), .words = words_records,
     .doc = "Which records of a session: those after both ends are established (application, the "
            "default), those before (handshake), or any."},
    {"from", FIELD_WORD, AT(raw_attacker, from), .words = words_from,
     .doc = "Whose records: those of the end that opened the session, of the other, or any, which "
            "is the default."},
    {"nth", FIELD_INTEGER, AT(raw_attacker, nth), .min = 1, .max = 1e9,
     .doc = "The n-th of these records in each direction of each session; 1 without it."},
    {"probability", FIELD_RATIO, AT(raw_attacker, probability), .max = 1,
     .doc = "Instead of nth: each of these records with this probability."},
    {"count", FIELD_INTEGER, AT(raw_attacker, count), .min = 1, .max = 1e9,
     .doc = "At most so many trials in all; no limit without it."},
    {"part", FIELD_WORD, AT(raw_attacker, part), .words = words_part,
     .doc = "What of the record is altered: behind its header (body, the default), the type, "
            "version or length in it, of DTLS epoch and sequence number (sequence), or all of it "
            "(record)."},
    {"bit", FIELD_TEXT, AT(raw_attacker, bit),
     .doc = "Number of the bit that is flipped, from the part's first on, or random, which is the "
            "default."},
    {"by", FIELD_TIME, AT(raw_attacker, by), .min = 1, .max = 100 * YEAR_NS,
     .doc =
         "How long packets are held back or a copied flight is kept, or the time between octets; "
         "1 s without it."},
    {"size", FIELD_SIZE, AT(raw_attacker, size), .min = 1, .max = 1024,
     .doc = "Octets of a forged record's body; 64 B without it."},
    {"strip", FIELD_WORD, AT(raw_attacker, strip), .words = words_strip,
     .doc = "What the first message of a handshake is robbed of: the list of versions (the "
            "default), or all suites or all groups but the last."},
    {"credential", FIELD_WORD, AT(raw_attacker, credential), .words = words_rogue,
     .doc =
         "What it shows to both ends: a certificate that it signed itself, of a CA nobody trusts "
         "(untrusted, the default), of the right CA but expired, not valid yet, for another name "
         "or revoked, or the real one with its key (stolen)."},
    {"as", FIELD_TEXT, AT(raw_attacker, as), .names = "node selector",
     .doc = "The node that it claims to be, exactly one."},
    {"flood", FIELD_WORD, AT(raw_attacker, flood), .words = words_flood,
     .doc = "What it begins and never goes on with: TCP connections (connect), handshakes after "
            "their ClientHello (hello, the default), or within it, which comes an octet at a time "
            "(slow; by is the time between two octets)."},
    {"source", FIELD_WORD, AT(raw_attacker, source), .words = words_source,
     .doc = "Whose addresses it sends from: its own, where it gets the answers (the default), or "
            "spoofed ones, which DTLS alone makes possible."},
    {"addresses", FIELD_INTEGER, AT(raw_attacker, addresses), .min = 1, .max = 256,
     .doc = "How many addresses it takes in turn; 1 without it, 64 if they are spoofed."},
    {"every", FIELD_TIME, AT(raw_attacker, every), .min = 1e5, .max = 100 * YEAR_NS,
     .doc = "From one handshake that it begins to the next; 100 ms without it."},
    {"to", FIELD_TEXT, AT(raw_attacker, to), .names = "node selector",
     .doc = "The gateway or server that a copied flight goes to, exactly one; without it the one "
            "that it was meant for."},
    {"ahead", FIELD_BOOL, AT(raw_attacker, ahead),
     .doc = "Whether the copy of a flight is sent at once and the flight itself held back, for so "
            "long as by says; false without it: the flight passes, the copy comes later."},
};
const struct section section_attack_params = {.name = "params",
                                              .title = "params",
                                              FIELDS(params_fields),
                                              .doc = "How it attacks; each kind takes some of "
                                                     "these, the table below says which."};

static const struct field attacker_fields[] = {
    {"id", FIELD_ID, AT(raw_attacker, id), .required = true,
     .doc = "Name in the results; its random draws are keyed by it."},
    {"kind", FIELD_REF, AT(raw_attacker, kind), .required = true, .names = "attack",
     .doc = "What it does; the kinds are listed below."},
    {"target", FIELD_TEXTS, AT(raw_attacker, target), .required = true,
     .names = "link selector A--B, or node selector",
     .doc = "Links (A--B) that it can see and change, or nodes for kinds that are on nodes."},
    {"at", FIELD_TIME, AT(raw_attacker, at), .fallback = "0 s", .max = 100 * YEAR_NS,
     .doc = "When it begins."},
    {"for", FIELD_TIME, AT(raw_attacker, for_), .min = 1, .max = 100 * YEAR_NS,
     .doc = "How long; to the end of the run without it."},
    {"params", FIELD_MAP, AT(raw_attacker, params), .section = &section_attack_params,
     .doc = "How it attacks."},
};
const struct section section_attacker = {
    .name = "attackers",
    .title = "attacker",
    FIELDS(attacker_fields),
    .bytes = sizeof(struct raw_attacker),
    .doc = "Attackers: they run against the real sessions, and what came of each trial is a row of "
           "table `probe`.",
    .example =
        "attackers:\n"
        "  - {id: eve, kind: eavesdropper, target: pne/*--gw/*}\n"
        "  - {id: mallory, kind: tamper, at: 70 s, for: 10 s, target: pne/3--gw/1, params: {bit: "
        "random, probability: 5 %}}\n"};
