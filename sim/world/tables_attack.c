#include "sim/world/tables.h"

static const struct record_column tap_columns[] = {
    {"attacker", RECORD_TEXT, false, "", "Attacker of the scenario", NULL},
    {"kind", RECORD_TEXT, false, "", "Its kind, e.g. eavesdropper", NULL},
    {"property", RECORD_TEXT, false, "", "What it puts to the test, e.g. integrity", NULL},
    {"link_id", RECORD_INTEGER, true, "", "Link that it sees and can change; NULL: it is at a node",
     "link(link_id)"},
    {"entity_id", RECORD_INTEGER, true, "", "Node that it is at", "entity(entity_id)"},
    {"begins_ns", RECORD_INTEGER, false, "ns", "From when on", NULL},
    {"ends_ns", RECORD_INTEGER, true, "ns", "Until when; NULL: the end of the run", NULL},
};

const struct record_table table_tap = {
    .name = "tap",
    .doc = "Where an attacker was; what came of it is in table probe",
    .columns = tap_columns,
    .column_count = SIM_ARRAY_LEN(tap_columns),
    .keyed = false,
    .indexes = NULL,
};

static const struct record_column probe_columns[] = {
    {"attacker", RECORD_TEXT, false, "", "Attacker of the scenario", NULL},
    {"kind", RECORD_TEXT, false, "", "Its kind, e.g. tamper", NULL},
    {"property", RECORD_TEXT, false, "",
     "What was put to the test: integrity, authenticity, replay-protection, ordering, "
     "completeness, availability, downgrade-protection, peer-authentication, identity-privacy ...",
     NULL},
    {"link_id", RECORD_INTEGER, false, "", "Link, of a hop over routers the first",
     "link(link_id)"},
    {"session_id", RECORD_INTEGER, true, "", "Session that was attacked; NULL: outside a session",
     "session(session_id)"},
    {"message_id", RECORD_INTEGER, true, "",
     "Message that the attacked record carried; NULL: none, a record of the session's own", NULL},
    {"hop", RECORD_INTEGER, true, "", "Hop of that message", NULL},
    {"at_ns", RECORD_INTEGER, false, "ns", "When the attack was made", NULL},
    {"verdict", RECORD_TEXT, false, "held|violated|inconclusive",
     "violated: the property did not hold; held: an end noticed, or nothing but what was sent came "
     "out; inconclusive: the run ended too early to say",
     NULL},
    {"detected_by", RECORD_TEXT, true, "",
     "What noticed it: the name of the alert, or of the failure; discarded: the receiver of a "
     "datagram dropped its record in silence (session_end.records_dropped); early data "
     "rejected: the responder would not have it; no effect: the session went on "
     "and delivered nothing but what was sent; nothing was delivered: the receiver waits for ever; "
     "NULL: nothing noticed it",
     NULL},
    {"side", RECORD_TEXT, true, "initiator|responder", "Which end noticed it", NULL},
    {"delay_ns", RECORD_INTEGER, true, "ns", "From the attack until it was noticed", NULL},
    {"packet", RECORD_INTEGER, true, "",
     "Number of the attacked packet on the link, as in a capture", NULL},
    {"packet_link_id", RECORD_INTEGER, true, "",
     "Link that this packet passed, where the attacker was; NULL: no packet", "link(link_id)"},
    {"detail", RECORD_TEXT, true, "", "What was done, in words", NULL},
};

const struct record_table table_probe = {
    .name = "probe",
    .doc = "One attack on one session and what came of it. No row: not tested",
    .columns = probe_columns,
    .column_count = SIM_ARRAY_LEN(probe_columns),
    .keyed = false,
    .indexes = "session_id;message_id",
};

static const struct record_column half_open_columns[] = {
    {"attacker", RECORD_TEXT, false, "", "Attacker of kind exhaustion", NULL},
    {"responder", RECORD_INTEGER, false, "", "Whom it exhausts", "entity(entity_id)"},
    {"at_ns", RECORD_INTEGER, false, "ns", "When: each second while it goes on", NULL},
    {"handshakes", RECORD_INTEGER, false, "",
     "Handshakes under way that have a place at the responder, with whomever", NULL},
    {"of_attacker", RECORD_INTEGER, false, "", "Of these, the attacker's", NULL},
    {"begun", RECORD_INTEGER, false, "", "Handshakes of the attacker that got a place so far",
     NULL},
    {"refused", RECORD_INTEGER, false, "", "Handshakes of the attacker that got none", NULL},
    {"refused_clients", RECORD_INTEGER, false, "",
     "Sessions of clients that a limit refused, whoever was the cause; over datagrams their "
     "ClientHellos",
     NULL},
    {"cpu_ns", RECORD_INTEGER, false, "ns",
     "Processor time of the responder that the attacker's handshakes took so far", NULL},
};

const struct record_table table_half_open = {
    .name = "half_open",
    .doc = "Handshakes that a responder has under way while an attacker exhausts it",
    .columns = half_open_columns,
    .column_count = SIM_ARRAY_LEN(half_open_columns),
    .keyed = false,
    .indexes = NULL,
};
