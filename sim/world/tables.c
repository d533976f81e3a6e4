#include "sim/world/tables.h"

static const struct record_column entity_columns[] = {
    {"entity_id", RECORD_INTEGER, false, "", "Number of the entity", NULL},
    {"name", RECORD_TEXT, false, "", "Node id of the scenario, e.g. pne/3", NULL},
    {"entry", RECORD_TEXT, false, "", "Entry of the scenario that the node is a copy of", NULL},
    {"role", RECORD_TEXT, false, "pne|gateway|server|router",
     "Role in CPNS; a router only carries packets", NULL},
    {"urn", RECORD_TEXT, true, "", "Identity in certificates and messages; NULL: a router", NULL},
    {"device", RECORD_TEXT, true, "", "Device profile", NULL},
    {"cpu", RECORD_TEXT, true, "",
     "CPU profile that turns cryptographic operations into time; NULL: a router", NULL},
    {"peer_id", RECORD_INTEGER, true, "", "Gateway of a PNE, home server of a gateway",
     "entity(entity_id)"},
    {"policy", RECORD_TEXT, true, "", "Security policy towards that peer", NULL},
    {"encoding", RECORD_TEXT, true, "xml|cbor", "Encoding of the messages it sends; NULL: a router",
     NULL},
    {"certificate", RECORD_TEXT, true, "",
     "How its certificate was made: the issuer, and what is wrong with it on purpose; NULL: "
     "presents none",
     NULL},
};

const struct record_table table_entity = {
    .name = "entity",
    .doc = "One node of the scenario",
    .columns = entity_columns,
    .column_count = SIM_ARRAY_LEN(entity_columns),
    .keyed = true,
    .indexes = NULL,
};

static const struct record_column link_columns[] = {
    {"link_id", RECORD_INTEGER, false, "", "Number of the link", NULL},
    {"name", RECORD_TEXT, false, "", "Both nodes, e.g. pne/3--gw/1; a is the first", NULL},
    {"a", RECORD_INTEGER, false, "", "First node", "entity(entity_id)"},
    {"b", RECORD_INTEGER, false, "", "Second node", "entity(entity_id)"},
    {"hop", RECORD_TEXT, true, "",
     "Hop that begins with this link and goes on over routers, e.g. gw/1--srv; NULL: a link that "
     "is "
     "a hop by itself, or lies further on the way of others",
     NULL},
    {"hop_end", RECORD_INTEGER, true, "", "Far end of that hop", "entity(entity_id)"},
    {"technology", RECORD_TEXT, false, "", "Technology or profile of the scenario", NULL},
    {"fidelity", RECORD_TEXT, false, "packet|fast|full", "How closely it was simulated", NULL},
    {"delay_ns", RECORD_INTEGER, true, "ns",
     "One-way delay, mean, as the scenario begins; NULL: a device and channel of ns-3's decide it "
     "(full)",
     NULL},
    {"jitter_ns", RECORD_INTEGER, true, "ns", "Standard deviation of the delay; NULL: as delay_ns",
     NULL},
    {"rate_bps", RECORD_INTEGER, true, "bit/s", "Rate, as the scenario begins; NULL: as delay_ns",
     NULL},
    {"mtu_bytes", RECORD_INTEGER, false, "octets", "Largest IP packet", NULL},
    {"packets_ab", RECORD_INTEGER, false, "packets", "IP packets that entered from a to b", NULL},
    {"packets_ba", RECORD_INTEGER, false, "packets", "IP packets that entered from b to a", NULL},
    {"bytes_ab", RECORD_INTEGER, false, "octets", "IP octets that entered from a to b", NULL},
    {"bytes_ba", RECORD_INTEGER, false, "octets", "IP octets that entered from b to a", NULL},
    {"lost", RECORD_INTEGER, false, "packets", "Dropped by the loss model", NULL},
    {"queue_dropped", RECORD_INTEGER, false, "packets", "Dropped by a full queue", NULL},
    {"down_dropped", RECORD_INTEGER, false, "packets", "Dropped because the link was down", NULL},
    {"tap_dropped", RECORD_INTEGER, false, "packets", "Dropped by a tap", NULL},
    {"trace_changes", RECORD_INTEGER, false, "",
     "Rows of its trace that took effect, at the times that the scenario's trace file names", NULL},
    {"watched_bytes", RECORD_INTEGER, false, "octets",
     "IP octets in which the search for plaintext ran", NULL},
    {"wire_hash", RECORD_TEXT, false, "",
     "Hash over time and octets of every packet (XXH3, 64 bits)", NULL},
};

const struct record_table table_link = {
    .name = "link",
    .doc = "One link; written at the end with what passed over it",
    .columns = link_columns,
    .column_count = SIM_ARRAY_LEN(link_columns),
    .keyed = true,
    .indexes = NULL,
};

static const struct record_column way_columns[] = {
    {"hop_id", RECORD_INTEGER, false, "", "First link of the hop", "link(link_id)"},
    {"position", RECORD_INTEGER, false, "", "1: the second link, counted from the gateway", NULL},
    {"link_id", RECORD_INTEGER, false, "", "Link", "link(link_id)"},
};

const struct record_table table_way = {
    .name = "way",
    .doc = "One link behind the first on the way of a hop over routers",
    .columns = way_columns,
    .column_count = SIM_ARRAY_LEN(way_columns),
    .keyed = false,
    .indexes = "hop_id",
};

static const struct record_column session_columns[] = {
    {"session_id", RECORD_INTEGER, false, "", "Number of the session in order of its start", NULL},
    {"hop", RECORD_TEXT, false, "pne-gateway|gateway-server|server-server", "Kind of hop", NULL},
    {"link_id", RECORD_INTEGER, false, "", "Link it ran over, of several the first",
     "link(link_id)"},
    {"initiator", RECORD_INTEGER, false, "", "Entity that opened it", "entity(entity_id)"},
    {"responder", RECORD_INTEGER, false, "", "Entity that answered", "entity(entity_id)"},
    {"policy", RECORD_TEXT, false, "", "Policy of the scenario", NULL},
    {"kind", RECORD_TEXT, false, "tls|dtls|clear|clear-datagram", "Kind of session", NULL},
    {"version", RECORD_TEXT, true, "", "Protocol version negotiated, read from the session", NULL},
    {"cipher", RECORD_TEXT, true, "", "Cipher suite negotiated, read from the session", NULL},
    {"cipher_bits", RECORD_INTEGER, true, "bits", "Strength of its encryption; 0: none", NULL},
    {"kex_group", RECORD_TEXT, true, "", "Group of the key agreement; NULL without (EC)DHE", NULL},
    {"forward_secret", RECORD_INTEGER, true, "0/1", "An ephemeral key agreement took part", NULL},
    {"extended_master_secret", RECORD_INTEGER, true, "0/1",
     "RFC 7627 was used (always so in TLS 1.3)", NULL},
    {"initiator_auth", RECORD_TEXT, true, "", "How the responder knows the initiator", NULL},
    {"responder_auth", RECORD_TEXT, true, "", "How the initiator knows the responder", NULL},
    {"resumed", RECORD_INTEGER, true, "0/1", "Resumed by a ticket", NULL},
    {"cause", RECORD_TEXT, false, "first|reconnect|fallback|again|replayed",
     "Why it was opened: first of this hop, after a dropped session, after a handshake that failed "
     "and with an older version than that, or after an orderly end or another failure; replayed: "
     "not "
     "by its initiator, an attacker sent a first flight of hers once more",
     NULL},
    {"started_ns", RECORD_INTEGER, false, "ns", "The initiator began to connect", NULL},
    {"initiator_up_ns", RECORD_INTEGER, true, "ns", "The initiator was done", NULL},
    {"responder_up_ns", RECORD_INTEGER, true, "ns", "The responder was done", NULL},
    {"established_ns", RECORD_INTEGER, true, "ns", "Both were done", NULL},
    {"ended_ns", RECORD_INTEGER, true, "ns",
     "The later end was gone; NULL: open when the run ended", NULL},
    {"outcome", RECORD_TEXT, false, "closed|failed|established|open",
     "closed: ended in order; failed: never established, or broken; established: stood when the "
     "run "
     "ended; open: was still being made then",
     NULL},
    {"failure", RECORD_TEXT, true, "",
     "Reason of failed: an alert, truncated, timeout, refused ...", NULL},
    {"handshake_bytes", RECORD_INTEGER, false, "octets",
     "Octets of the secure session before both ends were done, both directions; not 0-RTT data",
     NULL},
    {"round_trips", RECORD_INTEGER, false, "",
     "Flights the initiator waited for until established, the transport handshake not counted",
     NULL},
    {"retransmissions", RECORD_INTEGER, false, "segments, flights",
     "TCP segments sent again, both ends; of DTLS the flights of the handshake sent again", NULL},
    {"handshake_datagrams", RECORD_INTEGER, true, "",
     "Datagrams of the secure session before both ends were done, both directions; NULL: over TCP",
     NULL},
    {"cpu_ns_initiator", RECORD_INTEGER, false, "ns", "Processor time of the device, whole session",
     NULL},
    {"cpu_ns_responder", RECORD_INTEGER, false, "ns", "Processor time of the device, whole session",
     NULL},
};

const struct record_table table_session = {
    .name = "session",
    .doc = "One secure session; written when it ends (or the run does)",
    .columns = session_columns,
    .column_count = SIM_ARRAY_LEN(session_columns),
    .keyed = true,
    .indexes = "link_id",
};

static const struct record_column session_end_columns[] = {
    {"session_id", RECORD_INTEGER, false, "", "Session", "session(session_id)"},
    {"side", RECORD_TEXT, false, "initiator|responder", "Which end", NULL},
    {"entity_id", RECORD_INTEGER, false, "", "Entity of this end", "entity(entity_id)"},
    {"up_ns", RECORD_INTEGER, true, "ns", "This end was done", NULL},
    {"state", RECORD_TEXT, false, "handshaking|established|closed|failed", "State at the end",
     NULL},
    {"version", RECORD_TEXT, true, "", "Version this end negotiated", NULL},
    {"cipher", RECORD_TEXT, true, "", "Cipher suite this end negotiated", NULL},
    {"peer_id", RECORD_TEXT, true, "", "Identity of the peer that this end verified", NULL},
    {"peer_auth", RECORD_TEXT, true, "", "How it knows the peer", NULL},
    {"peer_signature", RECORD_TEXT, true, "", "Signature algorithm of the peer in the handshake",
     NULL},
    {"verify_result", RECORD_INTEGER, true, "", "X509_V_ code of the peer certificate chain", NULL},
    {"verify_text", RECORD_TEXT, true, "", "The same in words", NULL},
    {"revocation", RECORD_TEXT, true, "none|crl|ocsp|crl, ocsp|unknown",
     "How this end found out that the peer's certificate is not revoked; unknown: it asked and "
     "went "
     "on without an answer; NULL: no certificate",
     NULL},
    {"staple", RECORD_TEXT, true, "",
     "What the OCSP response said that the responder stapled: good, revoked or unknown; or why it "
     "says nothing: none, malformed, unsuccessful, unauthorized, other certificate, not yet valid, "
     "expired; NULL: this end did not ask",
     NULL},
    {"staple_age_ns", RECORD_INTEGER, true, "ns",
     "Time since the response was made (its thisUpdate), when it was looked at", NULL},
    {"early_data", RECORD_TEXT, true, "offered|accepted|rejected",
     "0-RTT data (RFC 8446 2.3), as this end knows of it; offered: sent, and never answered; NULL: "
     "none",
     NULL},
    {"early_bytes", RECORD_INTEGER, false, "octets",
     "Of it, plaintext: sent by the initiator, or taken by the responder", NULL},
    {"close_notify_sent", RECORD_INTEGER, false, "0/1", "This end closed in order", NULL},
    {"close_notify_received", RECORD_INTEGER, false, "0/1", "The peer closed in order", NULL},
    {"failure", RECORD_TEXT, true, "", "Why this end failed", NULL},
    {"messages_sent", RECORD_INTEGER, false, "", "Messages sealed by this end", NULL},
    {"messages_received", RECORD_INTEGER, false, "", "Messages that came out of the session here",
     NULL},
    {"wire_bytes_sent", RECORD_INTEGER, false, "octets",
     "Octets of the session written to the transport", NULL},
    {"signatures", RECORD_INTEGER, false, "", "Signatures made with the certificate key", NULL},
    {"verifications", RECORD_INTEGER, false, "", "Handshake and certificate signatures verified",
     NULL},
    {"key_agreements", RECORD_INTEGER, false, "", "Shared secrets derived", NULL},
    {"key_updates", RECORD_INTEGER, false, "", "Times the sending keys were updated", NULL},
    {"records_dropped", RECORD_INTEGER, true, "",
     "Records received that came to nothing, in silence: not authentic, seen before, cut short; "
     "NULL: over TCP, where such a record ends the session",
     NULL},
    {"rng", RECORD_TEXT, false, "seeded|system", "Source of the randomness", NULL},
    {"kex_group", RECORD_TEXT, true, "", "Group of the key agreement, as this end has it", NULL},
    {"client_random", RECORD_INTEGER, true, "64 bits",
     "First 8 octets of the random of ClientHello, as this end has it", NULL},
    {"server_random", RECORD_INTEGER, true, "64 bits",
     "First 8 octets of the random of ServerHello, as this end has it", NULL},
    {"secret", RECORD_INTEGER, true, "64 bits",
     "What this end's secrets export under a label of its own (RFC 5705): the same at both ends "
     "if their secrets are, and of no use as a key; NULL: it was never done",
     NULL},
    {"own_certificate", RECORD_INTEGER, true, "64 bits",
     "First 8 octets of the SHA-256 of the certificate that this end has to show", NULL},
    {"peer_certificate", RECORD_INTEGER, true, "64 bits",
     "The same of the certificate that it was shown, or that its ticket is about", NULL},
    {"plain_sent", RECORD_INTEGER, true, "64 bits",
     "Digest (XXH3) over the messages sealed here, in order; over datagrams in any order", NULL},
    {"plain_received", RECORD_INTEGER, true, "64 bits",
     "Digest over the messages that came out of the session here", NULL},
    {"records_sent", RECORD_INTEGER, true, "", "Records written by this end", NULL},
    {"records_received", RECORD_INTEGER, true, "", "Records of which it read the header", NULL},
    {"link_bytes", RECORD_INTEGER, false, "octets",
     "Octets of the session from this end that the tap on the hop's first link saw, what was sent "
     "again on a stream counted once",
     NULL},
    {"link_records", RECORD_INTEGER, true, "",
     "Records among these; NULL: no records (clear), or segments came in another order", NULL},
};

const struct record_table table_session_end = {
    .name = "session_end",
    .doc = "One side of a session: its own view, read from its own session object",
    .columns = session_end_columns,
    .column_count = SIM_ARRAY_LEN(session_end_columns),
    .keyed = false,
    .indexes = "session_id",
};

static const struct record_column epoch_columns[] = {
    {"session_id", RECORD_INTEGER, false, "", "Session", "session(session_id)"},
    {"side", RECORD_TEXT, false, "initiator|responder", "Whose sending keys", NULL},
    {"number", RECORD_INTEGER, false, "", "From 0: that of the handshake", NULL},
    {"cause", RECORD_TEXT, false, "handshake|key_update",
     "Where these keys come from; an update makes them of the ones before, with no new agreement",
     NULL},
    {"began_ns", RECORD_INTEGER, false, "ns", "From when on", NULL},
    {"ended_ns", RECORD_INTEGER, true, "ns", "Until when; NULL: the run ended before", NULL},
    {"messages", RECORD_INTEGER, false, "", "Messages sealed with them", NULL},
    {"plain_bytes", RECORD_INTEGER, false, "octets", "In these messages", NULL},
};

const struct record_table table_session_epoch = {
    .name = "session_epoch",
    .doc = "What an end sent under one set of keys, where it updated them at all",
    .columns = epoch_columns,
    .column_count = SIM_ARRAY_LEN(epoch_columns),
    .keyed = false,
    .indexes = "session_id",
};

static const struct record_column alert_columns[] = {
    {"session_id", RECORD_INTEGER, false, "", "Session", "session(session_id)"},
    {"side", RECORD_TEXT, false, "initiator|responder", "Which end saw it", NULL},
    {"direction", RECORD_TEXT, false, "sent|received", "Sent or received", NULL},
    {"level", RECORD_TEXT, false, "warning|fatal", "Alert level", NULL},
    {"code", RECORD_INTEGER, false, "", "Alert description (RFC 8446 section 6)", NULL},
    {"name", RECORD_TEXT, false, "", "Its name, e.g. unknown_ca", NULL},
    {"at_ns", RECORD_INTEGER, false, "ns", "When", NULL},
};

const struct record_table table_alert = {
    .name = "alert",
    .doc = "One alert, at the end that sent it and at the end that received it",
    .columns = alert_columns,
    .column_count = SIM_ARRAY_LEN(alert_columns),
    .keyed = false,
    .indexes = "session_id",
};

static const struct record_column handshake_columns[] = {
    {"session_id", RECORD_INTEGER, false, "", "Session", "session(session_id)"},
    {"side", RECORD_TEXT, false, "initiator|responder", "Which end saw it", NULL},
    {"direction", RECORD_TEXT, false, "sent|received", "Sent or received", NULL},
    {"name", RECORD_TEXT, false, "", "e.g. ClientHello", NULL},
    {"bytes", RECORD_INTEGER, false, "octets", "Its length", NULL},
    {"at_ns", RECORD_INTEGER, false, "ns", "When", NULL},
};

const struct record_table table_handshake = {
    .name = "handshake",
    .doc = "One handshake message, at the end that sent it and at the end that received it",
    .columns = handshake_columns,
    .column_count = SIM_ARRAY_LEN(handshake_columns),
    .keyed = false,
    .indexes = NULL,
};

static const struct record_column message_columns[] = {
    {"message_id", RECORD_INTEGER, false, "", "Number of the message in order of sending", NULL},
    {"type", RECORD_TEXT, false, "", "Name of the message", NULL},
    {"origin", RECORD_TEXT, true, "", "Entity that made it", NULL},
    {"target", RECORD_TEXT, true, "", "Entity, Service Group or PN it is for", NULL},
    {"pn", RECORD_TEXT, true, "", "Personal network it belongs to", NULL},
    {"service_group", RECORD_TEXT, true, "", "Service Group it belongs to", NULL},
    {"transaction_id", RECORD_INTEGER, false, "", "TransactionID of the envelope", NULL},
    {"status", RECORD_INTEGER, true, "", "Status of a response", NULL},
    {"copy_of", RECORD_INTEGER, true, "", "The message that this one is a copy of", NULL},
    {"sent_ns", RECORD_INTEGER, false, "ns", "Handed to the hop by its origin", NULL},
    {"delivered_ns", RECORD_INTEGER, true, "ns", "Accepted by its target", NULL},
    {"outcome", RECORD_TEXT, false, "delivered|lost|refused|in_flight", "Its fate", NULL},
    {"reason", RECORD_TEXT, true, "", "Why lost or refused", NULL},
    {"hops", RECORD_INTEGER, false, "", "Hops it was sent over, but for those inside a device",
     NULL},
    {"protected_hops", RECORD_INTEGER, false, "",
     "Of these, inside an established session that encrypts and authenticates", NULL},
    {"plain_bytes", RECORD_INTEGER, false, "octets", "Encoded message on its first hop", NULL},
    {"flow_id", RECORD_INTEGER, true, "", "Flow it was sent for", "flow(flow_id)"},
};

const struct record_table table_message = {
    .name = "message",
    .doc = "One CPNS message from its origin to its target; written when its fate is known. Where "
           "a group message fans out, each copy is a message of its own",
    .columns = message_columns,
    .column_count = SIM_ARRAY_LEN(message_columns),
    .keyed = true,
    .indexes = NULL,
};

static const struct record_column message_account_columns[] = {
    {"type", RECORD_TEXT, false, "", "Name of the message", NULL},
    {"outcome", RECORD_TEXT, false, "sent|delivered|lost|refused|in_flight",
     "sent: counted when it was sent; the others when its fate was known", NULL},
    {"reason", RECORD_TEXT, true, "", "Why lost or refused", NULL},
    {"messages", RECORD_INTEGER, false, "", "How many", NULL},
    {"plain_bytes", RECORD_INTEGER, false, "octets", "Encoded messages on their first hop", NULL},
};

const struct record_table table_message_account = {
    .name = "message_account",
    .doc = "Messages counted by type and fate, also those of which no rows are recorded",
    .columns = message_account_columns,
    .column_count = SIM_ARRAY_LEN(message_account_columns),
};

static const struct record_column flow_columns[] = {
    {"flow_id", RECORD_INTEGER, false, "", "Number of the flow in order of its beginning", NULL},
    {"kind", RECORD_TEXT, false, "", "What it is, e.g. pn-establishment", NULL},
    {"initiator", RECORD_INTEGER, false, "", "Entity that began it", "entity(entity_id)"},
    {"subject", RECORD_TEXT, true, "", "Entity, PN or Service Group it is about", NULL},
    {"parent_id", RECORD_INTEGER, true, "", "Flow within which it was begun", "flow(flow_id)"},
    {"started_ns", RECORD_INTEGER, false, "ns", "When it began", NULL},
    {"ended_ns", RECORD_INTEGER, true, "ns", "When it was over; NULL: open", NULL},
    {"outcome", RECORD_TEXT, false, "done|refused|timeout|failed|open",
     "done; refused: somebody said no; timeout: nobody answered; failed: it broke in the middle; "
     "open: it was not over when the run ended",
     NULL},
    {"reason", RECORD_TEXT, true, "", "Why it was not done", NULL},
    {"messages", RECORD_INTEGER, false, "",
     "Messages sent for it, repeated ones too; not those of flows within it", NULL},
    {"interruptions", RECORD_INTEGER, false, "",
     "Times that what it waited for could not be had: its session broke, its gateway was switched",
     NULL},
    {"interruption_ns", RECORD_INTEGER, false, "ns", "How long, all together", NULL},
    {"plain_bytes", RECORD_INTEGER, false, "octets", "Encoded messages on their first hop", NULL},
    {"wire_bytes", RECORD_INTEGER, false, "octets",
     "Octets of the records and datagrams that carried them, all hops", NULL},
};

const struct record_table table_flow = {
    .name = "flow",
    .doc = "One flow: what an entity set out to do, with all messages that it took; written when "
           "it is over and the last of these has arrived, or the run ends",
    .columns = flow_columns,
    .column_count = SIM_ARRAY_LEN(flow_columns),
    .keyed = true,
    .indexes = NULL,
};

static const struct record_column message_hop_columns[] = {
    {"message_id", RECORD_INTEGER, false, "", "Message", NULL},
    {"hop", RECORD_INTEGER, false, "", "0 is the first", NULL},
    {"sender", RECORD_INTEGER, false, "", "Entity", "entity(entity_id)"},
    {"receiver", RECORD_INTEGER, false, "", "Entity", "entity(entity_id)"},
    {"link_id", RECORD_INTEGER, true, "", "Link, of several the first; NULL: inside a device",
     "link(link_id)"},
    {"session_id", RECORD_INTEGER, true, "", "Session that carried it; NULL outside a session",
     "session(session_id)"},
    {"protected", RECORD_INTEGER, false, "0/1",
     "Sealed by a session established at both ends (where `early` says so: by the keys of the one "
     "that it resumes) whose cipher encrypts and authenticates, as read from the live session",
     NULL},
    {"early", RECORD_TEXT, true, "offered|accepted|rejected",
     "It was sent as 0-RTT data, before the session was established and the receiver confirmed; "
     "accepted: the receiver took it then; rejected: it did not, and the message was sent again "
     "inside the established session; offered: there was no answer. NULL: not as 0-RTT data",
     NULL},
    {"exemption", RECORD_TEXT, true,
     "service_group|group_key_extension|before_establishment|bridge|user_plane|internal",
     "Why it may travel outside a session; group_key_extension: as service_group, its payload "
     "sealed by a group key, which is an extension of this simulator and not of clause 5.9.1; "
     "internal: inside a device, which is no interface of CPNS",
     NULL},
    {"encoding", RECORD_TEXT, false, "xml|cbor", "Encoding", NULL},
    {"queued_ns", RECORD_INTEGER, false, "ns", "Handed over by the sender", NULL},
    {"sent_ns", RECORD_INTEGER, true, "ns",
     "Written to the transport, for the first time; NULL: never", NULL},
    {"received_ns", RECORD_INTEGER, true, "ns", "Handed to the receiver", NULL},
    {"outcome", RECORD_TEXT, false, "delivered|lost|in_flight", "Fate on this hop", NULL},
    {"reason", RECORD_TEXT, true, "",
     "Why lost: no_session, session_lost, loss, queue, down, tap, altered, silent, not_received",
     NULL},
    {"plain_bytes", RECORD_INTEGER, false, "octets", "Encoded message", NULL},
    {"wire_bytes", RECORD_INTEGER, false, "octets",
     "Octets of the records (or the datagram) that carried it; where `early` is rejected, of both",
     NULL},
    {"sent_hash", RECORD_TEXT, true, "", "Hash of the plaintext as sent (XXH3, 64 bits)", NULL},
    {"received_hash", RECORD_TEXT, true, "", "Hash of the plaintext as received", NULL},
    {"watched", RECORD_INTEGER, false, "0/1",
     "The link was searched for its plaintext, of group_key_extension for its payload", NULL},
    {"overheard", RECORD_INTEGER, false, "0/1",
     "An attacker of kind eavesdropper read the whole message on the link; 0 where its payload is "
     "sealed by a group key",
     NULL},
};

const struct record_table table_message_hop = {
    .name = "message_hop",
    .doc = "One message over one hop; written when it arrived or was given up",
    .columns = message_hop_columns,
    .column_count = SIM_ARRAY_LEN(message_hop_columns),
    .keyed = false,
    .indexes = "message_id",
};

static const struct record_column wire_finding_columns[] = {
    {"link_id", RECORD_INTEGER, false, "", "Link", "link(link_id)"},
    {"packet", RECORD_INTEGER, false, "", "Number of the packet on the link, as in the capture",
     NULL},
    {"at_ns", RECORD_INTEGER, false, "ns", "When", NULL},
    {"message_id", RECORD_INTEGER, false, "", "Message whose plaintext it was",
     "message(message_id)"},
    {"hop", RECORD_INTEGER, false, "", "Hop of that message", NULL},
    {"packet_offset", RECORD_INTEGER, false, "octets", "Where in the IP packet", NULL},
    {"message_offset", RECORD_INTEGER, false, "octets", "Where in the message", NULL},
    {"bytes", RECORD_INTEGER, false, "octets", "How many octets were equal at the least", NULL},
};

const struct record_table table_wire_finding = {
    .name = "wire_finding",
    .doc = "Plaintext of a message that was to be protected, found in the octets of a link",
    .columns = wire_finding_columns,
    .column_count = SIM_ARRAY_LEN(wire_finding_columns),
    .keyed = false,
    .indexes = "message_id",
};

static const struct record_column transition_columns[] = {
    {"at_ns", RECORD_INTEGER, false, "ns", "When", NULL},
    {"entity_id", RECORD_INTEGER, false, "", "Entity", "entity(entity_id)"},
    {"machine", RECORD_TEXT, false, "", "Name of the state table", NULL},
    {"instance", RECORD_TEXT, true, "", "Which of several machines", NULL},
    {"from_state", RECORD_TEXT, false, "", "State before", NULL},
    {"event", RECORD_TEXT, false, "", "Event", NULL},
    {"to_state", RECORD_TEXT, false, "", "State after; the same when the event was not allowed",
     NULL},
    {"allowed", RECORD_INTEGER, false, "0/1", "0: a protocol error", NULL},
};

const struct record_table table_transition = {
    .name = "transition",
    .doc = "One event at a state machine of an entity",
    .columns = transition_columns,
    .column_count = SIM_ARRAY_LEN(transition_columns),
    .keyed = false,
    .indexes = NULL,
};

static const struct record_column event_columns[] = {
    {"at_ns", RECORD_INTEGER, false, "ns", "When", NULL},
    {"what", RECORD_TEXT, false, "", "A stable word, e.g. pn_established", NULL},
    {"entity_id", RECORD_INTEGER, true, "", "Entity it happened at", "entity(entity_id)"},
    {"subject", RECORD_TEXT, false, "", "Entity, link or session it is about, in words", NULL},
    {"detail", RECORD_TEXT, true, "", "More about it", NULL},
};

const struct record_table table_event = {
    .name = "event",
    .doc = "What happened, for a reader: faults, drops, milestones of the flows",
    .columns = event_columns,
    .column_count = SIM_ARRAY_LEN(event_columns),
    .keyed = false,
    .indexes = NULL,
};

static const struct record_column motion_columns[] = {
    {"at_ns", RECORD_INTEGER, false, "ns", "From when on", NULL},
    {"link_id", RECORD_INTEGER, false, "", "Link", "link(link_id)"},
    {"in_reach", RECORD_INTEGER, false, "0/1", "Whether its ends are in reach of each other", NULL},
    {"absent", RECORD_TEXT, true, "a|b|both", "Which end is absent; NULL: none", NULL},
    {"distance_m", RECORD_REAL, true, "m", "Between the ends; NULL: an end has no place", NULL},
    {"x_a", RECORD_REAL, true, "m", "Place of end a", NULL},
    {"y_a", RECORD_REAL, true, "m", "Place of end a", NULL},
    {"z_a", RECORD_REAL, true, "m", "Place of end a", NULL},
    {"x_b", RECORD_REAL, true, "m", "Place of end b", NULL},
    {"y_b", RECORD_REAL, true, "m", "Place of end b", NULL},
    {"z_b", RECORD_REAL, true, "m", "Place of end b", NULL},
};

const struct record_table table_motion = {
    .name = "motion",
    .doc = "A link whose ends move came into reach or went out of it; a row at the start too",
    .columns = motion_columns,
    .column_count = SIM_ARRAY_LEN(motion_columns),
    .keyed = false,
    .indexes = "link_id",
};

static const struct record_column battery_columns[] = {
    {"at_ns", RECORD_INTEGER, false, "ns", "When", NULL},
    {"entity_id", RECORD_INTEGER, false, "", "Entity; a PNE stands for its whole device",
     "entity(entity_id)"},
    {"percent", RECORD_INTEGER, false, "%", "Charge of the capacity, rounded down", NULL},
    {"charge_uj", RECORD_INTEGER, false, "uJ", "Charge", NULL},
    {"cpu_uj", RECORD_INTEGER, false, "uJ", "Spent on sessions by its cores, so far", NULL},
    {"sent_uj", RECORD_INTEGER, false, "uJ", "Spent on octets sent, so far", NULL},
    {"received_uj", RECORD_INTEGER, false, "uJ", "Spent on octets received, so far", NULL},
    {"idle_uj", RECORD_INTEGER, false, "uJ", "Spent by time alone, so far", NULL},
};

const struct record_table table_battery = {
    .name = "battery",
    .doc = "The battery of a device with `energy`: at the start, at each lower percent, at the end",
    .columns = battery_columns,
    .column_count = SIM_ARRAY_LEN(battery_columns),
    .keyed = false,
    .indexes = "entity_id",
};

static const struct record_column expect_columns[] = {
    {"expect_id", RECORD_INTEGER, false, "", "In the order of the scenario", NULL},
    {"line", RECORD_INTEGER, false, "", "Line of the scenario file", NULL},
    {"kind", RECORD_TEXT, false, "claim|metric", "Kind", NULL},
    {"name", RECORD_TEXT, false, "", "Claim or metric", NULL},
    {"subject", RECORD_TEXT, true, "", "What it is about; NULL: everything", NULL},
    {"minimum", RECORD_REAL, true, "the metric's unit", "Lower bound", NULL},
    {"maximum", RECORD_REAL, true, "the metric's unit", "Upper bound", NULL},
};

const struct record_table table_expect = {
    .name = "expect",
    .doc = "What the scenario expects; judged from the other tables",
    .columns = expect_columns,
    .column_count = SIM_ARRAY_LEN(expect_columns),
    .keyed = true,
    .indexes = NULL,
};

const struct record_table *const world_tables[] = {
    &table_entity,
    &table_link,
    &table_way,
    &table_session,
    &table_session_end,
    &table_session_epoch,
    &table_alert,
    &table_handshake,
    &table_message,
    &table_message_hop,
    &table_message_account,
    &table_wire_finding,
    &table_transition,
    &table_event,
    &table_motion,
    &table_battery,
    &table_expect,
    &table_flow,
    &table_tap,
    &table_probe,
    &table_half_open,
    &table_revoked,
    &table_revocation_list,
    &table_status_fetch,
    &table_capture,
    &table_message_frame,
    &table_store_pn,
    &table_store_pn_member,
    &table_store_group,
    &table_store_group_member,
    &table_store_item,
};
const size_t world_table_count = SIM_ARRAY_LEN(world_tables);
