/* What the nodes do, and what breaks. */
#include "sim/scenario/fields_table.h"

const char *const words_fault[] = {"link-down", "node-silent", NULL};
static const char *const words_store[] = {"server", "gateway", "pne", NULL};

static const struct field work_fields[] = {
    {"do", FIELD_REF, AT(raw_work, do_), .required = true, .names = "verb",
     .doc = "What is done; the verbs are listed below."},
    {"at", FIELD_TIME, AT(raw_work, at), .max = 100 * YEAR_NS,
     .doc = "Once, at this time; either at or every is required."},
    {"every", FIELD_TIME_DIST, AT(raw_work, every), .max = 100 * YEAR_NS,
     .doc = "Again and again, with this time between; a stream of draws for each node of from."},
    {"start", FIELD_TIME, AT(raw_work, start), .max = 100 * YEAR_NS,
     .doc = "With every: when the first interval begins; 0 s without it."},
    {"until", FIELD_TIME, AT(raw_work, until), .max = 100 * YEAR_NS,
     .doc = "With every: no repetition after this time; the end of the run without it."},
    {"count", FIELD_INTEGER, AT(raw_work, count), .min = 1, .max = 9e15,
     .doc = "With every: at most so many repetitions for each node of from."},
    {"from", FIELD_TEXTS, AT(raw_work, from), .names = "node selector",
     .doc = "Nodes that do it, each for itself."},
    {"to", FIELD_TEXTS, AT(raw_work, to), .names = "node selector or service group",
     .doc = "Whom it is for: nodes, or Service Groups, by the verb; with several, each use draws "
            "one; for a verb about nodes, without it, the server that the sender belongs to."},
    {"pn", FIELD_TEXTS, AT(raw_work, pn), .names = "personal network",
     .doc = "Which personal network it is about, for verbs about one."},
    {"size", FIELD_SIZE_DIST, AT(raw_work, size), .max = 1 << 20,
     .doc = "Octets of payload, for verbs that carry any; 100 B without it."},
    {"expiry", FIELD_TIME, AT(raw_work, expiry), .max = 60 * YEAR_NS,
     .doc = "usage-info: how long the information is kept; 0 s deletes what is there; 1 h without "
            "it."},
    {"store", FIELD_WORDS, AT(raw_work, store), .words = words_store,
     .doc = "usage-info: who keeps it besides the server, which always does; nobody without it."},
    {"service", FIELD_TEXT, AT(raw_work, service), .names = "service",
     .doc = "Which service it is about, for verbs about one; service-access without `to` goes to "
            "its provider."},
    {"keyword", FIELD_TEXT, AT(raw_work, keyword),
     .doc = "What names have to contain, for verbs that look for something."},
    {"member", FIELD_TEXTS, AT(raw_work, member), .names = "PNE selector",
     .doc = "The PNEs that are invited, the successor that is wished, or a member that is looked "
            "for, for verbs about members."},
};
const struct section section_work = {
    .name = "workload",
    .title = "workload entry",
    FIELDS(work_fields),
    .bytes = sizeof(struct raw_work),
    .doc = "What the nodes do once their networks stand.",
    .example =
        "workload:\n"
        "  - {every: {exponential: 2 s}, do: service-access, from: pne/*, to: pne/1, size: "
        "{lognormal: [200 B, 0.4]}}\n"
        "  - {every: 5 s, start: 10 s, count: 20, do: group-message, from: pne/1, to: vitals, "
        "size: 120 B}\n"
        "  - {at: 60 s, do: pn-release, from: pne/1, pn: ward}\n"};

static const struct field fault_fields[] = {
    {"id", FIELD_ID, AT(raw_fault, id), .doc = "Name in the results; fault-N without it."},
    {"do", FIELD_WORD, AT(raw_fault, do_), .required = true, .words = words_fault,
     .doc = "link-down: the links carry nothing; node-silent: the nodes answer nothing more, a PNE "
            "with all of its device."},
    {"at", FIELD_TIME, AT(raw_fault, at), .required = true, .max = 100 * YEAR_NS,
     .doc = "When it begins."},
    {"for", FIELD_TIME, AT(raw_fault, for_), .min = 1, .max = 100 * YEAR_NS,
     .doc = "How long; to the end of the run without it."},
    {"target", FIELD_TEXTS, AT(raw_fault, target), .required = true,
     .names = "link selector A--B, or node selector",
     .doc = "Links (A--B) for link-down, nodes for node-silent."},
};
const struct section section_fault = {
    .name = "faults",
    .title = "fault",
    FIELDS(fault_fields),
    .bytes = sizeof(struct raw_fault),
    .doc = "What breaks.",
    .example = "faults:\n"
               "  - {id: cut, at: 40 s, for: 3 s, do: link-down, target: gw/1--srv}\n"
               "  - {at: 50 s, do: node-silent, target: [pne/3, pne/5..7]}\n"};
