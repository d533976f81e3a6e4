-- The views that analysts rely on, over the tables that a run fills. Comments of the form
--     -- VIEW: what a row is
--     -- VIEW.COLUMN [UNIT]: what it means
-- become rows of table `doc`.

-- v_hop: One row per hop of CPNS, named by its two ends; its first link is its number
-- v_hop.link_id: First link of the hop
-- v_hop.name: Both ends, e.g. gw/1--srv
-- v_hop.a [entity_id]: First end
-- v_hop.b [entity_id]: Second end
-- v_hop.links: Links of its way; more than one lead over routers
-- v_hop.delay_ms [ms]: One-way delay of its way, sum of the links' means
CREATE VIEW v_hop AS
SELECT l.link_id, coalesce(l.hop, l.name) AS name, l.a, coalesce(l.hop_end, l.b) AS b,
       1 + (SELECT count(*) FROM way w WHERE w.hop_id = l.link_id) AS links,
       (l.delay_ns + (SELECT coalesce(sum(n.delay_ns), 0) FROM way w JOIN link n ON n.link_id = w.link_id
                       WHERE w.hop_id = l.link_id)) / 1e6 AS delay_ms
  FROM link l JOIN entity e ON e.entity_id = l.a
 WHERE l.hop IS NOT NULL OR NOT EXISTS (SELECT 1 FROM entity r WHERE r.entity_id IN (l.a, l.b) AND r.role = 'router');

-- v_session: One row per secure session
-- v_session.session_id: Number of the session in order of its start
-- v_session.hop: pne-gateway, gateway-server or server-server
-- v_session.link: Link it ran over, or hop over routers
-- v_session.initiator: Entity that opened it
-- v_session.responder: Entity that answered
-- v_session.policy: Policy of the scenario
-- v_session.kind: tls, dtls or clear
-- v_session.version: Protocol version negotiated, read from the session
-- v_session.cipher: Cipher suite negotiated, read from the session
-- v_session.cipher_bits [bits]: Strength of the encryption; 0: none
-- v_session.kex_group: Group of the key agreement; NULL without (EC)DHE
-- v_session.forward_secret [0/1]: An ephemeral key agreement took part
-- v_session.initiator_auth: How the responder knows the initiator
-- v_session.responder_auth: How the initiator knows the responder
-- v_session.resumed [0/1]: Resumed by a ticket
-- v_session.early_data: 0-RTT data as the initiator knows of it: accepted; rejected (sent again afterwards); offered (never answered); NULL: none
-- v_session.early_bytes [octets]: Plaintext of it
-- v_session.cause: first, reconnect (after a drop), fallback (a version less than in the handshake that failed), again, or replayed (an attacker sent a first flight of the initiator's once more)
-- v_session.started_s [s]: The initiator began to connect
-- v_session.established_s [s]: Both ends were done
-- v_session.setup_ms [ms]: From started to established
-- v_session.ended_s [s]: The later end was gone; NULL: it stood when the run ended
-- v_session.outcome: established (stood at the end), closed, failed, open (was still being made)
-- v_session.failure: Reason of failed
-- v_session.handshake_bytes [octets]: Octets of the session before both ends were done, both directions
-- v_session.round_trips: Flights the initiator waited for
-- v_session.retransmissions [segments, flights]: TCP segments sent again, both ends; of DTLS the flights of the handshake sent again
-- v_session.handshake_datagrams: Datagrams before both ends were done, both directions; NULL: over TCP
-- v_session.cpu_ms_initiator [ms]: Processor time at the initiator, whole session
-- v_session.cpu_ms_responder [ms]: Processor time at the responder, whole session
CREATE VIEW v_session AS
SELECT s.session_id, s.hop, coalesce(l.hop, l.name) AS link, i.name AS initiator, r.name AS responder, s.policy, s.kind, s.version,
       s.cipher, s.cipher_bits, s.kex_group, s.forward_secret, s.initiator_auth, s.responder_auth, s.resumed,
       (SELECT e.early_data FROM session_end e WHERE e.session_id = s.session_id AND e.side = 'initiator') AS early_data,
       (SELECT e.early_bytes FROM session_end e WHERE e.session_id = s.session_id AND e.side = 'initiator') AS early_bytes, s.cause,
       s.started_ns / 1e9 AS started_s, s.established_ns / 1e9 AS established_s,
       (s.established_ns - s.started_ns) / 1e6 AS setup_ms, s.ended_ns / 1e9 AS ended_s, s.outcome, s.failure,
       s.handshake_bytes, s.round_trips, s.retransmissions, s.handshake_datagrams, s.cpu_ns_initiator / 1e6 AS cpu_ms_initiator,
       s.cpu_ns_responder / 1e6 AS cpu_ms_responder
  FROM session s
  JOIN link l ON l.link_id = s.link_id
  JOIN entity i ON i.entity_id = s.initiator
  JOIN entity r ON r.entity_id = s.responder;

-- v_message: One row per message from its origin to its target; each copy of a group message is a message
-- v_message.message_id: Number of the message in order of sending
-- v_message.type: Name of the message
-- v_message.origin: Entity that made it
-- v_message.target: Entity, Service Group or PN it is for
-- v_message.pn: Personal network
-- v_message.service_group: Service Group
-- v_message.transaction_id: TransactionID of the envelope
-- v_message.status: Status of a response
-- v_message.copy_of: Message that this one is a copy of
-- v_message.sent_s [s]: Handed to its first hop
-- v_message.delivered_s [s]: Accepted by its target
-- v_message.latency_ms [ms]: From sent to delivered
-- v_message.outcome: delivered, lost, refused or in_flight
-- v_message.reason: Why lost or refused
-- v_message.hops: Hops it was sent over, but for those inside a device
-- v_message.protected_hops: Of these, inside an established session that encrypts and authenticates
-- v_message.exemption: Why it may travel outside a session, where it did; group_key_extension: to a Service Group, sealed by its key (ours); internal: inside a device
-- v_message.flow_id: Flow it was sent for
-- v_message.plain_bytes [octets]: Encoded message on its first hop
-- v_message.wire_bytes [octets]: Octets that carried it, all hops
CREATE VIEW v_message AS
SELECT m.message_id, m.type, m.origin, m.target, m.pn, m.service_group, m.transaction_id, m.status, m.copy_of,
       m.sent_ns / 1e9 AS sent_s, m.delivered_ns / 1e9 AS delivered_s,
       (m.delivered_ns - m.sent_ns) / 1e6 AS latency_ms, m.outcome, m.reason, m.hops, m.protected_hops,
       (SELECT max(h.exemption) FROM message_hop h WHERE h.message_id = m.message_id) AS exemption, m.flow_id, m.plain_bytes,
       (SELECT sum(h.wire_bytes) FROM message_hop h WHERE h.message_id = m.message_id) AS wire_bytes
  FROM message m;

-- v_message_hop: One row per message and hop
-- v_message_hop.message_id: Message
-- v_message_hop.hop: 0 is the first
-- v_message_hop.sender: Entity that sent it over this hop
-- v_message_hop.receiver: Entity at the other end
-- v_message_hop.link_id: Link, of a hop over routers the first; NULL: inside a device
-- v_message_hop.session_id: Session that carried it; NULL outside a session
-- v_message_hop.protected [0/1]: Sealed by a session, established at both ends (early: by the keys of the one it resumes), whose cipher encrypts and authenticates
-- v_message_hop.early: Sent as 0-RTT data, before the session was established: accepted by the receiver; rejected (and sent again in the established session); offered (never answered); NULL: not so
-- v_message_hop.exemption: Why it may travel outside a session; group_key_extension: to a Service Group, sealed by its key (ours); internal: inside a device, no interface of CPNS
-- v_message_hop.outcome: delivered, lost or in_flight
-- v_message_hop.reason: Why lost
-- v_message_hop.queued_s [s]: Handed over by the sender
-- v_message_hop.sent_s [s]: Written to the transport, for the first time; NULL: never
-- v_message_hop.received_s [s]: Handed to the receiver
-- v_message_hop.plain_bytes [octets]: Encoded message
-- v_message_hop.wire_bytes [octets]: Octets of the records or the datagram that carried it
-- v_message_hop.confidentiality: held: searched for on the link and not found; violated: found, or read by an eavesdropper; NULL: not tested
-- v_message_hop.integrity: of attacks on its record (v_probe), violated also: received with other octets than sent; NULL: not tested
-- v_message_hop.authenticity: of forged or reflected records beside its own, violated also: as integrity; NULL: not tested
-- v_message_hop.capture: Capture of the hop's first link (a file in the directory of --pcap); NULL: none was written
-- v_message_hop.frame: Number of the packet there with the first octets of it, as tshark counts
-- v_message_hop.last_frame: Of the packet with the last
-- v_message_hop.evidence: What the verdict rests on
CREATE VIEW v_message_hop AS
SELECT h.message_id, h.hop, a.name AS sender, b.name AS receiver, h.link_id, h.session_id, h.protected, h.early, h.exemption,
       h.outcome, h.reason, h.queued_ns / 1e9 AS queued_s, h.sent_ns / 1e9 AS sent_s, h.received_ns / 1e9 AS received_s,
       h.plain_bytes, h.wire_bytes,
       CASE WHEN f.packet IS NOT NULL OR h.overheard THEN 'violated'
            WHEN h.watched = 1 AND h.sent_ns IS NOT NULL THEN 'held' END AS confidentiality,
       CASE WHEN h.sent_hash <> h.received_hash THEN 'violated' ELSE
         (SELECT CASE max(CASE p.verdict WHEN 'violated' THEN 3 WHEN 'held' THEN 2 ELSE 1 END)
                 WHEN 3 THEN 'violated' WHEN 2 THEN 'held' WHEN 1 THEN 'inconclusive' END
            FROM probe p WHERE p.message_id = h.message_id AND p.hop = h.hop AND p.property = 'integrity') END AS integrity,
       CASE WHEN h.sent_hash <> h.received_hash THEN 'violated' ELSE
         (SELECT CASE max(CASE p.verdict WHEN 'violated' THEN 3 WHEN 'held' THEN 2 ELSE 1 END)
                 WHEN 3 THEN 'violated' WHEN 2 THEN 'held' WHEN 1 THEN 'inconclusive' END
            FROM probe p WHERE p.message_id = h.message_id AND p.hop = h.hop AND p.property IN ('authenticity', 'origin-authenticity')) END AS authenticity,
       c.file AS capture, g.first_frame AS frame, g.last_frame,
       CASE WHEN f.packet IS NOT NULL
              THEN printf('link %s, packet %d, offset %d: %d octets of it%s', f.link, f.packet, f.packet_offset, f.bytes,
                          coalesce((SELECT printf(' (%s, frame %d)', k.file, f.packet) FROM capture k WHERE k.link_id = f.link_id), ''))
            WHEN h.sent_hash <> h.received_hash THEN printf('sent %s, received %s', h.sent_hash, h.received_hash)
            WHEN h.overheard
              THEN 'read whole on the link by an eavesdropper' ||
                   CASE WHEN g.first_frame IS NOT NULL THEN printf(' (%s, frame %d)', c.file, g.first_frame) ELSE '' END
            WHEN EXISTS (SELECT 1 FROM probe p WHERE p.message_id = h.message_id AND p.hop = h.hop)
              THEN (SELECT group_concat(printf('%s: %s on link %s, %s', p.attacker,
                                               p.detail || CASE WHEN p.packet IS NOT NULL THEN printf(' in packet %d', p.packet) ELSE '' END,
                                               n.name, coalesce(p.detected_by, p.verdict))
                               || coalesce((SELECT printf(' (%s, frame %d)', k.file, p.packet) FROM capture k
                                             WHERE k.link_id = p.packet_link_id AND p.packet IS NOT NULL), ''), '; ')
                      FROM probe p JOIN link n ON n.link_id = coalesce(p.packet_link_id, p.link_id)
                     WHERE p.message_id = h.message_id AND p.hop = h.hop)
            WHEN h.watched = 1 AND h.sent_ns IS NOT NULL
              THEN printf('%snot among the %d octets of link %s%s%s',
                          CASE h.exemption WHEN 'group_key_extension' THEN 'payload sealed by a group key (an extension of ours): ' ELSE '' END,
                          l.watched_bytes, l.name,
                          CASE WHEN l.hop IS NOT NULL THEN ' or of those behind it' ELSE '' END,
                          CASE WHEN c.file IS NOT NULL THEN printf(' (%s)', c.file) ELSE '' END) END AS evidence
  FROM message_hop h
  JOIN entity a ON a.entity_id = h.sender
  JOIN entity b ON b.entity_id = h.receiver
  LEFT JOIN link l ON l.link_id = h.link_id
  LEFT JOIN capture c ON c.link_id = h.link_id
  LEFT JOIN message_frame g ON g.message_id = h.message_id AND g.hop = h.hop
  LEFT JOIN (SELECT i.message_id, i.hop, min(i.packet) AS packet, i.packet_offset, i.bytes, n.name AS link, i.link_id
               FROM wire_finding i JOIN link n ON n.link_id = i.link_id GROUP BY i.message_id, i.hop) f
         ON f.message_id = h.message_id AND f.hop = h.hop;

-- v_message_account: One row per type of message: sent = delivered + lost + refused + in flight, counted apart
-- v_message_account.type: Name of the message
-- v_message_account.sent: Counted when they were sent, whether or not single messages were recorded
-- v_message_account.delivered: Accepted by their targets
-- v_message_account.lost: Lost on a hop, or never sent over it
-- v_message_account.refused: Arrived, and not accepted
-- v_message_account.in_flight: On their way when the run ended
-- v_message_account.adds_up [0/1]: sent = delivered + lost + refused + in_flight
-- v_message_account.lost_why: Reasons and how many of each, the most frequent first
-- v_message_account.refused_why: Likewise
-- v_message_account.plain_bytes [octets]: Encoded messages that were sent, on their first hop
CREATE VIEW v_message_account AS
SELECT type, sum(iif(outcome = 'sent', messages, 0)) AS sent, sum(iif(outcome = 'delivered', messages, 0)) AS delivered,
       sum(iif(outcome = 'lost', messages, 0)) AS lost, sum(iif(outcome = 'refused', messages, 0)) AS refused,
       sum(iif(outcome = 'in_flight', messages, 0)) AS in_flight,
       sum(iif(outcome = 'sent', messages, 0)) = sum(iif(outcome = 'sent', 0, messages)) AS adds_up,
       group_concat(iif(outcome = 'lost', printf('%s %d', coalesce(reason, 'unknown'), messages), NULL), ', ') AS lost_why,
       group_concat(iif(outcome = 'refused', printf('%s %d', coalesce(reason, 'unknown'), messages), NULL), ', ') AS refused_why,
       sum(iif(outcome = 'sent', plain_bytes, 0)) AS plain_bytes
  FROM (SELECT * FROM message_account ORDER BY type, messages DESC, reason) GROUP BY type;

-- v_probe: One row per attack and what came of it; of an eavesdropper one per session, or reason to be outside a session. No row: not tested
-- v_probe.attacker: Attacker of the scenario
-- v_probe.kind: Its kind, e.g. tamper
-- v_probe.property: What was put to the test, e.g. integrity; group-confidentiality: of messages to Service Groups outside the sessions; exempt-confidentiality: of others there
-- v_probe.link: Link
-- v_probe.subject: pne--gateway, gateway--server, server--server, or NULL: a bridge
-- v_probe.session_id: Session that was attacked; NULL: outside a session
-- v_probe.message_id: Message in the attacked record; NULL: none, or more than one
-- v_probe.hop: Hop of that message
-- v_probe.exemption: Why the messages travel outside a session; NULL: they do not
-- v_probe.at_s [s]: When; of an eavesdropper the first message
-- v_probe.verdict: held, violated or inconclusive
-- v_probe.trials: How often it was tried: attacks, or messages that were looked for
-- v_probe.held: In how many of these the property held
-- v_probe.promised [0/1]: Whether the protocol of the session promises the property: DTLS (RFC 6347) promises neither completeness nor ordering, no protocol that somebody on the link lets packets pass
-- v_probe.detected_by: Alert or failure by which an end noticed; discarded: dropped in silence (DTLS), as session_end.records_dropped counts; no effect; nothing was delivered; NULL: nothing noticed
-- v_probe.side: Which end noticed
-- v_probe.delay_ms [ms]: From the attack until it was noticed
-- v_probe.capture: Capture (a file in the directory of --pcap) that shows it; NULL: none was written
-- v_probe.frame: Number of the attacked packet in that capture, as tshark counts; of an eavesdropper of the first packet in which something was found
-- v_probe.alert_row: Row (rowid) of table alert with the alert by which it was noticed
-- v_probe.evidence: What the verdict rests on
CREATE VIEW v_probe AS
WITH
-- RFC 8446 6, RFC 5246 7.2: what is said to have been noticed by one of these has to be on record
alert_name(name) AS (VALUES ('unexpected_message'), ('bad_record_mac'), ('decryption_failed'), ('record_overflow'), ('handshake_failure'),
  ('bad_certificate'), ('unsupported_certificate'), ('certificate_revoked'), ('certificate_expired'), ('certificate_unknown'),
  ('illegal_parameter'), ('unknown_ca'), ('access_denied'), ('decode_error'), ('decrypt_error'), ('protocol_version'),
  ('insufficient_security'), ('internal_error'), ('inappropriate_fallback'), ('missing_extension'), ('unsupported_extension'),
  ('unrecognized_name'), ('bad_certificate_status_response'), ('unknown_psk_identity'), ('certificate_required')),
shown AS (
  SELECT p.*, l.name AS link, replace(s.hop, '-', '--') AS subject, n.name AS packet_link_name,
         CASE WHEN p.kind <> 'man-in-the-middle' THEN c.file END AS capture, -- he is on links of his own
         CASE WHEN c.file IS NOT NULL THEN coalesce(p.packet, f.first_frame) END AS frame,
         -- the alert may belong to the session that followed: a client that fell back
         (SELECT min(a.rowid) FROM session x JOIN alert a ON a.session_id = x.session_id
           WHERE x.link_id = p.link_id AND a.name = p.detected_by AND a.direction = 'sent' AND a.at_ns = p.at_ns + p.delay_ns) AS alert_row,
         p.detected_by IN (SELECT name FROM alert_name) AS by_alert,
         p.property IN ('integrity', 'authenticity') AND h.sent_hash <> h.received_hash AS changed, s.kind AS session_kind
    FROM probe p JOIN link l ON l.link_id = p.link_id LEFT JOIN session s ON s.session_id = p.session_id
    LEFT JOIN link n ON n.link_id = p.packet_link_id LEFT JOIN capture c ON c.link_id = coalesce(p.packet_link_id, p.link_id)
    LEFT JOIN message_hop h ON h.message_id = p.message_id AND h.hop = p.hop
    LEFT JOIN message_frame f ON f.message_id = p.message_id AND f.hop = p.hop AND f.link_id = c.link_id),
-- judged again: what the stored verdict says is not enough
judged AS (
  SELECT h.*, CASE WHEN h.changed THEN 'violated'
                   WHEN h.verdict = 'held' AND h.by_alert AND h.alert_row IS NULL AND h.delay_ns IS NOT NULL THEN 'inconclusive'
                   ELSE h.verdict END AS final
    FROM shown h),
handed_on AS ( -- who sent which message further, or copies of it; as a set, which is made once
  SELECT h.message_id, h.sender FROM message_hop h WHERE h.hop > 0
  UNION ALL
  SELECT m.copy_of, h.sender FROM message m JOIN message_hop h ON h.message_id = m.message_id AND h.hop = 0
   WHERE m.copy_of IS NOT NULL),
relayed AS ( -- what a curious relay handed on, itself or as copies; a server makes the keys of groups
  SELECT t.attacker, t.kind, t.property, e.name, h.received_ns,
         h.exemption IS 'group_key_extension' AND e.role <> 'server' AS sealed
    FROM tap t JOIN entity e ON e.entity_id = t.entity_id JOIN message_hop h ON h.receiver = t.entity_id
    JOIN message m ON m.message_id = h.message_id
   WHERE t.kind = 'curious-relay' AND h.received_ns >= t.begins_ns AND (t.ends_ns IS NULL OR h.received_ns < t.ends_ns)
     AND m.target IS NOT e.name AND h.exemption IS NOT 'internal'
     AND (h.message_id, h.receiver) IN (SELECT o.message_id, o.sender FROM handed_on o)),
tapped AS (
  SELECT t.*, t.link_id AS first_link FROM tap t WHERE t.link_id IS NOT NULL
  UNION ALL
  SELECT t.*, w.hop_id FROM tap t JOIN way w ON w.link_id = t.link_id),
listened AS MATERIALIZED (
  SELECT t.attacker, t.kind, t.link_id AS tapped_link, h.session_id, h.exemption, h.sender, h.receiver,
         min(h.sent_ns) AS sent_ns, count(*) AS trials,
         sum(h.overheard OR EXISTS (SELECT 1 FROM wire_finding f WHERE f.message_id = h.message_id AND f.hop = h.hop)) AS seen,
         min(CASE WHEN NOT EXISTS (SELECT 1 FROM capture) THEN NULL
                  WHEN h.overheard
                  THEN (SELECT f.first_frame FROM message_frame f WHERE f.message_id = h.message_id AND f.hop = h.hop AND f.link_id = t.link_id)
                  ELSE (SELECT min(f.packet) FROM wire_finding f WHERE f.message_id = h.message_id AND f.hop = h.hop AND f.link_id = t.link_id)
             END) AS frame
    FROM tapped t JOIN message_hop h ON h.link_id = t.first_link
   WHERE t.kind = 'eavesdropper' AND h.sent_ns IS NOT NULL AND h.sent_ns >= t.begins_ns
     AND (t.ends_ns IS NULL OR h.sent_ns < t.ends_ns) AND (h.watched = 1 OR h.overheard = 1)
   GROUP BY t.attacker, t.link_id, h.session_id, h.exemption)
SELECT p.attacker, p.kind, p.property, p.link, p.subject, p.session_id, p.message_id, p.hop,
       NULL AS exemption, p.at_ns / 1e9 AS at_s, p.final AS verdict, 1 AS trials, p.final = 'held' AS held,
       p.property <> 'availability' AND NOT (p.session_kind IS 'dtls' AND p.property IN ('completeness', 'ordering')) AS promised,
       p.detected_by, p.side, p.delay_ns / 1e6 AS delay_ms, p.capture, p.frame, p.alert_row,
       printf('%s%s%s%s%s', p.detail,
              CASE WHEN p.packet IS NOT NULL THEN printf(' in packet %d of link %s', p.packet, p.packet_link_name) ELSE '' END,
              CASE WHEN p.frame IS NOT NULL THEN printf(' (%s, frame %d)', p.capture, p.frame) ELSE '' END,
              CASE WHEN p.detected_by IS NOT NULL THEN printf(': %s%s', p.detected_by, coalesce(' by the ' || p.side, '')) ELSE '' END,
              CASE WHEN p.alert_row IS NOT NULL THEN printf(', row %d of table alert', p.alert_row)
                   WHEN p.changed THEN '; the message arrived with other octets than it was sent with'
                   WHEN p.final IS NOT p.verdict THEN ', of which there is nothing on record' ELSE '' END) AS evidence
  FROM judged p
UNION ALL
SELECT x.attacker, x.kind, CASE WHEN x.exemption IS NULL THEN 'confidentiality' WHEN x.exemption IN ('service_group', 'group_key_extension')
              THEN 'group-confidentiality' ELSE 'exempt-confidentiality' END, l.name,
       CASE WHEN EXISTS (SELECT 1 FROM entity e WHERE e.entity_id IN (x.sender, x.receiver) AND e.role = 'pne')
            THEN 'pne--gateway'
            WHEN EXISTS (SELECT 1 FROM entity e WHERE e.entity_id IN (x.sender, x.receiver) AND e.role = 'gateway')
            THEN 'gateway--server' ELSE 'server--server' END,
       x.session_id, NULL, NULL, x.exemption, x.sent_ns / 1e9, CASE WHEN x.seen > 0 THEN 'violated' ELSE 'held' END,
       x.trials, x.trials - x.seen, x.exemption IS NULL, NULL, NULL, NULL, c.file, iif(c.file IS NOT NULL, x.frame, NULL), NULL,
       printf('%d of %d messages were found among the octets of link %s%s', x.seen, x.trials, l.name,
              CASE WHEN c.file IS NOT NULL AND x.frame IS NOT NULL THEN printf(', first in %s, frame %d', c.file, x.frame)
                   WHEN c.file IS NOT NULL THEN printf(' (%s)', c.file) ELSE '' END)
  FROM listened x JOIN link l ON l.link_id = x.tapped_link LEFT JOIN capture c ON c.link_id = x.tapped_link
UNION ALL
SELECT r.attacker, r.kind, r.property, NULL, NULL, NULL, NULL, NULL, NULL, min(r.received_ns) / 1e9,
       CASE WHEN sum(NOT r.sealed) > 0 THEN 'violated' ELSE 'held' END, count(*), sum(r.sealed), 0, NULL, NULL, NULL,
       NULL, NULL, NULL,
       printf('%s held the plaintext of %d of %d messages that it handed on', r.name, sum(NOT r.sealed), count(*))
  FROM relayed r
 GROUP BY r.attacker, r.name;

-- v_end_to_end: One row per message: who held its plaintext on the way, and what protected it there
-- v_end_to_end.message_id: Message
-- v_end_to_end.type: Its type
-- v_end_to_end.origin: Entity that made it
-- v_end_to_end.target: Entity, Service Group or PN it is for
-- v_end_to_end.holders: Entities that held its plaintext, in the order of the hops; of a payload sealed by a group key its envelope
-- v_end_to_end.relays: How many of them are neither origin nor target
-- v_end_to_end.hops: Hops over links that it was sent over
-- v_end_to_end.clear_hops: Of these, outside a session that protects
-- v_end_to_end.forward_secret [0/1]: Every hop was in a session with an ephemeral key agreement
-- v_end_to_end.overheard [0/1]: An eavesdropper read it
-- v_end_to_end.exemptions: Why it may travel outside sessions, on the hops on which it did
-- v_end_to_end.exposed_on: Links over which anybody could read it: outside a session that protects, and not sealed by a group key (its envelope is readable even so)
-- v_end_to_end.read_by: Attackers who held its plaintext: listened to it, handed it on, or were in the middle of its session
-- v_end_to_end.intact [0/1]: On each hop the octets that arrived are those that were sent; NULL: it arrived nowhere
CREATE VIEW v_end_to_end AS
SELECT m.message_id, m.type, m.origin, m.target,
       (SELECT group_concat(name, ', ') FROM
          (SELECT a.name FROM message_hop h JOIN entity a ON a.entity_id = h.sender WHERE h.message_id = m.message_id AND h.hop = 0
           UNION ALL
           SELECT * FROM (SELECT b.name FROM message_hop h JOIN entity b ON b.entity_id = h.receiver
                           WHERE h.message_id = m.message_id AND h.outcome = 'delivered' ORDER BY h.hop))) AS holders,
       (SELECT count(*) FROM message_hop h JOIN entity b ON b.entity_id = h.receiver
         WHERE h.message_id = m.message_id AND h.outcome = 'delivered' AND b.name IS NOT m.target) AS relays,
       count(h.hop) AS hops, coalesce(sum(h.protected = 0), 0) AS clear_hops,
       coalesce(min(h.protected AND coalesce(s.forward_secret, 0)), 0) AS forward_secret,
       coalesce(max(h.overheard), 0) AS overheard,
       group_concat(DISTINCT h.exemption) AS exemptions,
       (SELECT group_concat(coalesce(l.hop, l.name), ', ') FROM message_hop x JOIN link l ON l.link_id = x.link_id
         WHERE x.message_id = m.message_id AND x.sent_ns IS NOT NULL AND x.protected = 0
           AND x.exemption IS NOT 'group_key_extension') AS exposed_on,
       (SELECT group_concat(DISTINCT attacker) FROM (
          SELECT t.attacker FROM message_hop x JOIN tap t ON t.kind = 'eavesdropper' AND t.link_id IS NOT NULL
           WHERE x.message_id = m.message_id AND x.sent_ns >= t.begins_ns AND (t.ends_ns IS NULL OR x.sent_ns < t.ends_ns)
             AND (t.link_id = x.link_id OR t.link_id IN (SELECT w.link_id FROM way w WHERE w.hop_id = x.link_id))
             AND (x.overheard OR EXISTS (SELECT 1 FROM wire_finding f WHERE f.message_id = x.message_id AND f.hop = x.hop))
          UNION ALL
          SELECT t.attacker FROM message_hop x JOIN tap t ON t.kind = 'curious-relay' AND t.entity_id = x.receiver
            JOIN entity e ON e.entity_id = x.receiver
           WHERE x.message_id = m.message_id AND x.received_ns >= t.begins_ns AND (t.ends_ns IS NULL OR x.received_ns < t.ends_ns)
             AND x.exemption IS NOT 'group_key_extension' AND e.name IS NOT m.target
          UNION ALL
          SELECT b.attacker FROM message_hop x JOIN probe b ON b.session_id = x.session_id
           WHERE x.message_id = m.message_id AND x.outcome = 'delivered' AND b.kind = 'man-in-the-middle' AND b.verdict = 'violated'))
         AS read_by,
       min(h.sent_hash = h.received_hash) AS intact
  FROM message m
  LEFT JOIN message_hop h ON h.message_id = m.message_id AND h.link_id IS NOT NULL AND h.sent_ns IS NOT NULL
  LEFT JOIN session s ON s.session_id = h.session_id
 GROUP BY m.message_id;

-- v_property: One row per session and property that was put to the test; outside the sessions one per link
-- v_property.session_id: Session; NULL: outside a session
-- v_property.link: Link
-- v_property.subject: pne--gateway, gateway--server, server--server, or NULL: a bridge
-- v_property.property: e.g. integrity
-- v_property.verdict: violated if it was once; else held if it did once; else inconclusive
-- v_property.trials: How often it was tried
-- v_property.held: In how many of these it held
-- v_property.attackers: Who tried
-- v_property.detected_by: By what it was noticed
-- v_property.capture: Capture that shows it; NULL: none was written
-- v_property.frame: First frame there of an attack with that verdict
-- v_property.evidence: What the verdict rests on, of the first attack with it
CREATE VIEW v_property AS
SELECT session_id, link, subject, property,
       CASE WHEN sum(verdict = 'violated') > 0 THEN 'violated' WHEN sum(verdict = 'held') > 0 THEN 'held' ELSE 'inconclusive' END
         AS verdict,
       sum(trials) AS trials, sum(held) AS held, group_concat(DISTINCT attacker) AS attackers,
       group_concat(DISTINCT detected_by) AS detected_by, min(capture) AS capture, min(iif(weight = heaviest, frame, NULL)) AS frame,
       max(iif(weight = heaviest AND turn = 1, evidence, NULL)) AS evidence
  FROM (SELECT *, max(weight) OVER w AS heaviest, row_number() OVER (w ORDER BY weight DESC, at_s) AS turn
          FROM (SELECT *, CASE verdict WHEN 'violated' THEN 3 WHEN 'held' THEN 2 ELSE 1 END AS weight FROM v_probe)
        WINDOW w AS (PARTITION BY session_id, link, subject, property))
 GROUP BY session_id, link, subject, property;

-- v_half_open: One row per attacker of kind exhaustion and second
-- v_half_open.attacker: Attacker of the scenario
-- v_half_open.responder: Entity that it exhausts
-- v_half_open.at_s [s]: When
-- v_half_open.handshakes: Handshakes that the responder has under way, with whomever
-- v_half_open.of_attacker: Of these, the attacker's
-- v_half_open.begun: Handshakes of the attacker that the responder took up so far
-- v_half_open.refused: Those that it did not
-- v_half_open.refused_clients: Sessions of its clients that a limit refused so far, whoever was the cause
-- v_half_open.cpu_ms [ms]: Processor time of the responder that the attacker's handshakes took so far
CREATE VIEW v_half_open AS
SELECT h.attacker, e.name AS responder, h.at_ns / 1e9 AS at_s, h.handshakes, h.of_attacker, h.begun, h.refused, h.refused_clients,
       h.cpu_ns / 1e6 AS cpu_ms
  FROM half_open h JOIN entity e ON e.entity_id = h.responder;

-- v_flow: One row per flow: what an entity set out to do, e.g. one establishment, one service access
-- v_flow.flow_id: Number of the flow in order of its beginning
-- v_flow.kind: What it is, e.g. pn-establishment
-- v_flow.initiator: Entity that began it
-- v_flow.subject: Entity, PN or Service Group it is about
-- v_flow.parent_id: Flow within which it was begun
-- v_flow.started_s [s]: When it began
-- v_flow.ended_s [s]: When it was over; NULL: open
-- v_flow.duration_ms [ms]: From its beginning to its end
-- v_flow.outcome: done, refused (somebody said no), timeout (nobody answered), failed (it broke in the middle), open
-- v_flow.reason: Why it was not done
-- v_flow.messages: Messages sent for it, repeated ones too; not those of flows within it
-- v_flow.interruptions: Times that what it waited for could not be had: its session broke, its gateway was switched
-- v_flow.interruption_ms [ms]: How long, all together
-- v_flow.plain_bytes [octets]: Encoded messages on their first hop
-- v_flow.wire_bytes [octets]: Octets of the records and datagrams that carried them, all hops
CREATE VIEW v_flow AS
SELECT f.flow_id, f.kind, e.name AS initiator, f.subject, f.parent_id, f.started_ns / 1e9 AS started_s,
       f.ended_ns / 1e9 AS ended_s, (f.ended_ns - f.started_ns) / 1e6 AS duration_ms, f.outcome, f.reason, f.messages,
       f.interruptions, f.interruption_ns / 1e6 AS interruption_ms, f.plain_bytes, f.wire_bytes
  FROM flow f JOIN entity e ON e.entity_id = f.initiator;

-- v_pn_member: Who was in which personal network when the run ended, and whether all say so
-- v_pn_member.pn: Personal network
-- v_pn_member.member: Entity
-- v_pn_member.gateway: Its gateway, as the server has it; as a gateway has it where no server does
-- v_pn_member.mode: Mode of its device, as the server has it
-- v_pn_member.at_server [0/1]: In the PN inventory of a server
-- v_pn_member.at_gateway [0/1]: In the routing table of that gateway, and of no other
-- v_pn_member.at_itself [0/1]: It believes so itself
-- v_pn_member.agrees [0/1]: The three say the same
CREATE VIEW v_pn_member AS
WITH told AS (
  SELECT m.pn, m.member, m.mode, h.role, h.name AS holder, m.holder = m.member AS itself
    FROM store_pn_member m JOIN entity h ON h.entity_id = m.holder WHERE m.state = 'member'),
active AS (
  SELECT p.pn, max(CASE WHEN h.role = 'server' THEN p.gateway END) AS gateway, max(p.gateway) AS otherwise
    FROM store_pn p JOIN entity h ON h.entity_id = p.holder GROUP BY p.pn),
said AS (
  SELECT t.pn, t.member, coalesce(a.gateway, a.otherwise) AS gateway, max(CASE WHEN t.role = 'server' THEN t.mode END) AS mode,
         max(t.role = 'server') AS at_server,
         coalesce(max(NOT t.itself AND t.role <> 'server' AND t.holder = coalesce(a.gateway, a.otherwise)) AND
                  NOT max(NOT t.itself AND t.role <> 'server' AND t.holder <> coalesce(a.gateway, a.otherwise)), 0)
           AS at_gateway,
         max(t.itself) AS at_itself
    FROM told t LEFT JOIN active a ON a.pn = t.pn GROUP BY t.pn, t.member)
SELECT s.pn, e.name AS member, s.gateway, s.mode, s.at_server, s.at_gateway, s.at_itself,
       s.at_server = s.at_gateway AND s.at_gateway = s.at_itself AS agrees
  FROM said s JOIN entity e ON e.entity_id = s.member;

-- v_group_member: Who was in which Service Group when the run ended, and whether all say so
-- v_group_member.service_group: Service Group
-- v_group_member.member: Entity
-- v_group_member.is_owner [0/1]: It is the owner, as the server has it
-- v_group_member.in_pn [0/1]: It was in a personal network then, as the server has it; else no gateway lists it
-- v_group_member.at_server [0/1]: In the SG inventory of a server
-- v_group_member.at_gateway [0/1]: In the group list of a gateway
-- v_group_member.at_itself [0/1]: It believes so itself
-- v_group_member.agrees [0/1]: The three say the same; of a member that is in no PN, server and itself
CREATE VIEW v_group_member AS
WITH told AS (
  SELECT m.service_group, m.member, h.role, m.holder = m.member AS itself
    FROM store_group_member m JOIN entity h ON h.entity_id = m.holder WHERE m.state = 'member'),
said AS (
  SELECT service_group, member, max(role = 'server') AS at_server, max(NOT itself AND role <> 'server') AS at_gateway,
         max(itself) AS at_itself FROM told GROUP BY service_group, member),
owned AS (
  SELECT DISTINCT g.service_group, g.owner FROM store_group g JOIN entity h ON h.entity_id = g.holder WHERE h.role = 'server'),
inside AS (
  SELECT DISTINCT m.member FROM store_pn_member m JOIN entity h ON h.entity_id = m.holder
   WHERE h.role = 'server' AND m.state = 'member')
SELECT s.service_group, e.name AS member, o.owner IS NOT NULL AS is_owner, i.member IS NOT NULL AS in_pn, s.at_server,
       s.at_gateway, s.at_itself,
       s.at_server = s.at_itself AND (i.member IS NULL OR s.at_gateway = s.at_server) AS agrees
  FROM said s JOIN entity e ON e.entity_id = s.member
  LEFT JOIN owned o ON o.service_group = s.service_group AND o.owner = e.name
  LEFT JOIN inside i ON i.member = s.member;

-- v_setup_stats: Set-up times by hop, kind, version and resumption; percentiles by nearest rank
-- v_setup_stats.hop: pne-gateway, gateway-server or server-server
-- v_setup_stats.kind: tls, dtls or clear
-- v_setup_stats.version: Protocol version; NULL: none was agreed on
-- v_setup_stats.resumed [0/1]: Resumed by a ticket
-- v_setup_stats.sessions: Sessions started
-- v_setup_stats.failed: Of these, failed
-- v_setup_stats.mean_ms [ms]: Mean
-- v_setup_stats.p50_ms [ms]: Median
-- v_setup_stats.p95_ms [ms]: 95th percentile
-- v_setup_stats.p99_ms [ms]: 99th percentile
-- v_setup_stats.max_ms [ms]: Largest
CREATE VIEW v_setup_stats AS
WITH ranked AS (
  SELECT hop, kind, version, resumed, outcome, (established_ns - started_ns) / 1e6 AS ms,
         row_number() OVER (PARTITION BY hop, kind, version, resumed, established_ns IS NULL
                            ORDER BY established_ns - started_ns) AS rank,
         count(established_ns) OVER (PARTITION BY hop, kind, version, resumed) AS n
    FROM session)
SELECT hop, kind, version, resumed, count(*) AS sessions, sum(outcome = 'failed') AS failed, avg(ms) AS mean_ms,
       min(CASE WHEN ms IS NOT NULL AND rank >= 0.50 * n THEN ms END) AS p50_ms,
       min(CASE WHEN ms IS NOT NULL AND rank >= 0.95 * n THEN ms END) AS p95_ms,
       min(CASE WHEN ms IS NOT NULL AND rank >= 0.99 * n THEN ms END) AS p99_ms, max(ms) AS max_ms
  FROM ranked
 GROUP BY hop, kind, version, resumed;

-- v_failure: Failed sessions by reason
-- v_failure.hop: pne-gateway, gateway-server or server-server
-- v_failure.kind: tls, dtls or clear
-- v_failure.failure: Reason: an alert, truncated, timeout, connection_lost ...
-- v_failure.sessions: How many
CREATE VIEW v_failure AS
SELECT hop, kind, failure, count(*) AS sessions FROM session WHERE outcome = 'failed' GROUP BY hop, kind, failure;

-- v_overhead: What protection costs in octets
-- v_overhead.hop: pne-gateway, gateway-server or server-server
-- v_overhead.kind: Kind of session
-- v_overhead.plain_bytes [octets]: Encoded messages
-- v_overhead.wire_bytes [octets]: Octets of the records that carried them
-- v_overhead.expansion: wire_bytes / plain_bytes
CREATE VIEW v_overhead AS
SELECT s.hop, s.kind, sum(h.plain_bytes) AS plain_bytes, sum(h.wire_bytes) AS wire_bytes,
       1.0 * sum(h.wire_bytes) / sum(h.plain_bytes) AS expansion
  FROM message_hop h JOIN session s ON s.session_id = h.session_id
 WHERE h.sent_ns IS NOT NULL
 GROUP BY s.hop, s.kind;

-- v_timeline: What happened, in order of time
-- v_timeline.at_s [s]: When
-- v_timeline.what: A stable word
-- v_timeline.subject: Entity, link or session it is about
-- v_timeline.detail: More about it
CREATE VIEW v_timeline AS
SELECT at_s, what, subject, detail FROM (
  SELECT at_ns / 1e9 AS at_s, what, subject, detail, 1 AS kind, rowid AS id FROM event
  UNION ALL
  SELECT s.established_ns / 1e9, 'session_established', coalesce(l.hop, l.name),
         printf('session %d: %s %s', s.session_id, coalesce(s.version, s.kind), coalesce(s.cipher, '')), 2, s.session_id
    FROM session s JOIN link l ON l.link_id = s.link_id WHERE s.established_ns IS NOT NULL
  UNION ALL
  SELECT s.ended_ns / 1e9, 'session_' || s.outcome, coalesce(l.hop, l.name),
         printf('session %d%s', s.session_id, coalesce(': ' || s.failure, '')), 3, s.session_id
    FROM session s JOIN link l ON l.link_id = s.link_id WHERE s.ended_ns IS NOT NULL
  UNION ALL
  SELECT a.at_ns / 1e9, 'alert_' || a.direction, coalesce(l.hop, l.name),
         printf('session %d: %s by the %s', a.session_id, a.name, a.side), 4, a.rowid
    FROM alert a JOIN session s ON s.session_id = a.session_id JOIN link l ON l.link_id = s.link_id
   WHERE a.level = 'fatal'
  UNION ALL
  SELECT m.at_ns / 1e9, CASE m.in_reach WHEN 1 THEN 'link_in_reach' ELSE 'link_out_of_reach' END, l.name,
         coalesce(CASE m.absent WHEN 'a' THEN a.name || ' is absent' WHEN 'b' THEN b.name || ' is absent'
                                WHEN 'both' THEN 'both ends are absent' END,
                  CASE WHEN m.distance_m IS NOT NULL THEN printf('%.3f m', m.distance_m) END), 0, m.rowid
    FROM motion m JOIN link l ON l.link_id = m.link_id JOIN entity a ON a.entity_id = l.a
    JOIN entity b ON b.entity_id = l.b)
 ORDER BY at_s, kind, id;

-- v_contact: One row per stretch of time during which the ends of a link that moves were in reach of each other
-- v_contact.link: Link
-- v_contact.a: First node
-- v_contact.b: Second node
-- v_contact.contact: Number of the link's contacts, from 1
-- v_contact.from_s [s]: When it began
-- v_contact.until_s [s]: When it ended; NULL: it stood when the run ended
-- v_contact.duration_s [s]: How long, to the end of the run at the most
-- v_contact.gap_s [s]: How long the ends were apart before it; NULL for a contact that stood at the start
-- v_contact.first_session_s [s]: First session that was established during it
-- v_contact.join_ms [ms]: From its begin to that session; what it costs to be back
CREATE VIEW v_contact AS
WITH change AS (
  SELECT link_id, at_ns, in_reach, lag(at_ns) OVER w AS before_ns, lead(at_ns) OVER w AS after_ns
    FROM motion WINDOW w AS (PARTITION BY link_id ORDER BY at_ns)),
contact AS (
  SELECT link_id, at_ns, before_ns, after_ns, row_number() OVER (PARTITION BY link_id ORDER BY at_ns) AS number
    FROM change WHERE in_reach = 1)
SELECT l.name AS link, a.name AS a, b.name AS b, c.number AS contact, c.at_ns / 1e9 AS from_s,
       c.after_ns / 1e9 AS until_s, (coalesce(c.after_ns, r.reached_ns, r.until_ns) - c.at_ns) / 1e9 AS duration_s,
       (c.at_ns - c.before_ns) / 1e9 AS gap_s,
       (SELECT min(s.established_ns) FROM session s WHERE s.link_id = c.link_id AND s.established_ns >= c.at_ns
           AND s.established_ns < coalesce(c.after_ns, 9e18)) / 1e9 AS first_session_s,
       (SELECT min(s.established_ns) - c.at_ns FROM session s WHERE s.link_id = c.link_id
           AND s.established_ns >= c.at_ns AND s.established_ns < coalesce(c.after_ns, 9e18)) / 1e6 AS join_ms
  FROM contact c
  JOIN link l ON l.link_id = c.link_id
  JOIN entity a ON a.entity_id = l.a
  JOIN entity b ON b.entity_id = l.b
  CROSS JOIN run r;

-- v_battery: One row per level of a battery: at the start, at each lower percent, at the end
-- v_battery.entity: Device, by its PNE, gateway or server
-- v_battery.at_s [s]: When
-- v_battery.percent [%]: Charge of the capacity, rounded down
-- v_battery.charge_j [J]: Charge
-- v_battery.cpu_j [J]: Spent on sessions by its cores, so far
-- v_battery.sent_j [J]: Spent on octets sent, so far
-- v_battery.received_j [J]: Spent on octets received, so far
-- v_battery.idle_j [J]: Spent by time alone, so far
CREATE VIEW v_battery AS
SELECT e.name AS entity, b.at_ns / 1e9 AS at_s, b.percent, b.charge_uj / 1e6 AS charge_j, b.cpu_uj / 1e6 AS cpu_j,
       b.sent_uj / 1e6 AS sent_j, b.received_uj / 1e6 AS received_j, b.idle_uj / 1e6 AS idle_j
  FROM battery b JOIN entity e ON e.entity_id = b.entity_id;

-- v_rule: Rules R1 to R6 of clause 5.9.1 that were broken, as measured
-- v_rule.rule: R1 to R6 (models/README.md)
-- v_rule.subject: Link or session
-- v_rule.at_s [s]: When first
-- v_rule.evidence: What shows it
CREATE VIEW v_rule AS
WITH odd AS MATERIALIZED (
  -- the hops of messages that may break a rule, found in one pass over all: usually none
  SELECT h.message_id, h.link_id, h.session_id, h.sender, h.receiver, h.protected, h.exemption, h.sent_ns, h.received_ns,
         h.sent_hash <> h.received_hash AS changed, s.initiator, s.responder, s.established_ns, s.hop, h.early
    FROM message_hop h LEFT JOIN session s ON s.session_id = h.session_id
   WHERE h.protected = 0 OR h.session_id IS NULL OR h.sent_ns IS NULL OR s.established_ns IS NULL
      OR h.sent_ns < s.established_ns OR h.sent_hash <> h.received_hash
      OR NOT ((h.sender = s.initiator AND h.receiver = s.responder) OR
              (h.sender = s.responder AND h.receiver = s.initiator)))
-- R1: a secure session on each of the two hops
SELECT 'R1' AS rule, coalesce(l.hop, l.name) AS subject, min(h.sent_ns) / 1e9 AS at_s,
       printf('%d messages that are not exempt, none in a session that protects', count(*)) AS evidence
  FROM (SELECT DISTINCT link_id FROM odd WHERE exemption IS NULL AND sent_ns IS NOT NULL AND protected = 0) o
 CROSS JOIN message_hop h ON h.link_id = o.link_id JOIN link l ON l.link_id = h.link_id
 WHERE h.exemption IS NULL AND h.sent_ns IS NOT NULL
 GROUP BY h.link_id
HAVING max(h.protected) = 0
UNION ALL
-- R2: each session ends at the PN GW: its ends are the two ends of one hop, and so are those of what it carried
SELECT 'R2', printf('session %d', s.session_id), s.started_ns / 1e9,
       printf('%s and %s are not the two ends of link %s', i.name, r.name, coalesce(l.hop, l.name))
  FROM session s JOIN link l ON l.link_id = s.link_id JOIN entity i ON i.entity_id = s.initiator
  JOIN entity r ON r.entity_id = s.responder
 WHERE NOT ((s.initiator = l.a AND s.responder = coalesce(l.hop_end, l.b)) OR
            (s.initiator = coalesce(l.hop_end, l.b) AND s.responder = l.a))
    OR s.hop <> printf('%s-%s', i.role, r.role)
    -- its own gateway or server, or a gateway on the device of a PNE, which may take over; servers are each other's
    OR (i.peer_id IS NOT s.responder AND s.hop <> 'server-server' AND
        r.entry NOT IN (SELECT d.entry || '.gw' FROM entity d WHERE d.role = 'pne'))
UNION ALL
SELECT 'R2', printf('session %d', h.session_id), min(h.sent_ns) / 1e9,
       printf('carried message %d between others than its ends', min(h.message_id))
  FROM odd h
 WHERE NOT ((h.sender = h.initiator AND h.receiver = h.responder) OR
            (h.sender = h.responder AND h.receiver = h.initiator))
 GROUP BY h.session_id
UNION ALL
-- R3: PNE-GW is established before the first CPNS message that is not exempt; R4: GW-Server likewise, and
-- server-server as GW-Server [ours]; 0-RTT data is of the session whose keys seal it, the one that is resumed [ours]
SELECT CASE h.hop WHEN 'pne-gateway' THEN 'R3' ELSE 'R4' END, coalesce(l.hop, l.name), min(h.sent_ns) / 1e9,
       printf('message %d was sent before session %d was established', min(h.message_id), h.session_id)
  FROM odd h JOIN link l ON l.link_id = h.link_id
 WHERE h.session_id IS NOT NULL AND h.exemption IS NULL AND h.sent_ns IS NOT NULL
   AND h.early IS NULL AND (h.established_ns IS NULL OR h.sent_ns < h.established_ns)
 GROUP BY h.session_id
UNION ALL
-- R4: GW-Server is established when it does not exist: never two at once
SELECT 'R4', coalesce(l.hop, l.name), b.established_ns / 1e9,
       printf('session %d stood when session %d was established', a.session_id, b.session_id)
  FROM session a JOIN session b ON b.link_id = a.link_id AND b.session_id > a.session_id
  JOIN link l ON l.link_id = a.link_id
 WHERE a.hop <> 'pne-gateway' AND a.established_ns IS NOT NULL AND b.established_ns IS NOT NULL
   AND (a.ended_ns IS NULL OR a.ended_ns > b.established_ns)
UNION ALL
-- R5: all signalling in the session, once it is established, but for messages destined to a Service Group
SELECT 'R5', coalesce(l.hop, l.name), min(h.sent_ns) / 1e9,
       printf('%d messages that are not exempt were sent unprotected, the first is %d', count(*), min(h.message_id))
  FROM odd h JOIN link l ON l.link_id = h.link_id
 WHERE h.exemption IS NULL AND h.sent_ns IS NOT NULL AND (h.protected = 0 OR h.session_id IS NULL)
 GROUP BY h.link_id
UNION ALL
-- R6: authenticity, confidentiality, integrity
SELECT 'R6', l.name, min(f.at_ns) / 1e9,
       printf('plaintext of %d messages was found on the link, first of message %d in packet %d',
              count(DISTINCT f.message_id), f.message_id, min(f.packet))
  FROM wire_finding f JOIN link l ON l.link_id = f.link_id
 GROUP BY f.link_id
UNION ALL
SELECT 'R6', coalesce(l.hop, l.name), min(h.received_ns) / 1e9,
       printf('%d messages were received with other octets than sent, the first is %d', count(*), min(h.message_id))
  FROM odd h JOIN link l ON l.link_id = h.link_id
 WHERE h.session_id IS NOT NULL AND h.changed
 GROUP BY h.link_id
UNION ALL
SELECT 'R6', coalesce(l.hop, l.name), min(s.established_ns) / 1e9,
       printf('session %d encrypts nothing: %s', s.session_id, coalesce(s.cipher, s.kind))
  FROM session s JOIN link l ON l.link_id = s.link_id
 WHERE s.established_ns IS NOT NULL AND coalesce(s.cipher_bits, 0) = 0
 GROUP BY s.link_id;

-- v_revocation: One row per node whose certificate the CA revokes, and kind of hop that it has sessions on
-- v_revocation.node: Whose certificate it is
-- v_revocation.revoked_s [s]: When; 0: before the run
-- v_revocation.hop: pne-gateway, gateway-server or server-server
-- v_revocation.attempts: Sessions begun with it after that, by whichever end
-- v_revocation.sessions: Of these, established all the same
-- v_revocation.window_s [s]: From the revocation to the last of them; NULL: it was never refused, or nobody tried
-- v_revocation.refused: Of these, refused for the revocation: certificate_revoked, bad_certificate_status_response
-- v_revocation.refused_s [s]: When first
-- v_revocation.stands [0/1]: A session stood when the run ended
-- v_revocation.access_s [s]: From the revocation until no session stood any more; NULL: one does, or the next would be granted, or there was none and nobody tried
CREATE VIEW v_revocation AS
WITH party AS (
  SELECT r.entity_id, r.at_ns, s.hop, s.started_ns, s.established_ns, s.ended_ns,
         s.started_ns >= r.at_ns AS later,
         s.established_ns IS NULL AND s.failure IN ('certificate_revoked', 'bad_certificate_status_response') AS refused
    FROM revoked r JOIN session s ON r.entity_id IN (s.initiator, s.responder)),
counted AS (
  SELECT entity_id, at_ns, hop, sum(later) AS attempts, sum(later AND established_ns IS NOT NULL) AS sessions,
         sum(later AND refused) AS refused, min(CASE WHEN later AND refused THEN started_ns END) AS refused_ns,
         max(CASE WHEN later THEN established_ns END) AS last_ns,
         max(CASE WHEN established_ns IS NOT NULL THEN coalesce(ended_ns, 9e18) END) AS stood_ns
    FROM party GROUP BY entity_id, hop)
SELECT e.name AS node, c.at_ns / 1e9 AS revoked_s, c.hop, c.attempts, c.sessions,
       CASE WHEN c.refused > 0 THEN max(coalesce(c.last_ns, c.at_ns) - c.at_ns, 0) / 1e9 END AS window_s, c.refused,
       c.refused_ns / 1e9 AS refused_s, coalesce(c.stood_ns, 0) = 9e18 AS stands,
       CASE WHEN c.refused = 0 AND c.sessions > 0 THEN NULL
            WHEN c.stood_ns < 9e18 AND c.stood_ns > c.at_ns THEN (c.stood_ns - c.at_ns) / 1e9
            WHEN coalesce(c.stood_ns, 0) <= c.at_ns AND c.attempts > 0 THEN 0.0 END AS access_s
  FROM counted c JOIN entity e ON e.entity_id = c.entity_id;

-- v_metric: Metrics for bounds of `expect`
-- v_metric.metric: Name, e.g. setup_ms.p95
-- v_metric.subject: pne--gateway, gateway--server, server--server, a message type, a kind of flow, or NULL: everything
-- v_metric.value [the metric's unit]: Measured; NULL: nothing to measure
CREATE VIEW v_metric AS
WITH setup AS (
  SELECT replace(hop, '-', '--') AS subject,
         (established_ns - started_ns) / 1e6 AS ms FROM session WHERE established_ns IS NOT NULL
  UNION ALL
  SELECT NULL, (established_ns - started_ns) / 1e6 FROM session WHERE established_ns IS NOT NULL),
latency AS (
  SELECT type AS subject, (delivered_ns - sent_ns) / 1e6 AS ms FROM message WHERE outcome = 'delivered'
  UNION ALL
  SELECT NULL, (delivered_ns - sent_ns) / 1e6 FROM message WHERE outcome = 'delivered'),
flow_time AS (
  SELECT 'flow_ms' AS name, kind, (ended_ns - started_ns) / 1e6 AS ms FROM flow WHERE outcome = 'done'
  UNION ALL
  SELECT 'interruption_ms', kind, interruption_ns / 1e6 FROM flow WHERE interruptions > 0),
sample AS (
  SELECT 'setup_ms' AS name, subject, ms FROM setup
  UNION ALL
  SELECT 'latency_ms', subject, ms FROM latency
  UNION ALL
  SELECT name, kind, ms FROM flow_time
  UNION ALL
  SELECT name, NULL, ms FROM flow_time),
ranked AS (
  SELECT name, subject, ms, row_number() OVER (PARTITION BY name, subject ORDER BY ms) AS rank,
         count(*) OVER (PARTITION BY name, subject) AS n FROM sample),
stats AS (
  SELECT name, subject, avg(ms) AS mean, min(CASE WHEN rank >= 0.50 * n THEN ms END) AS p50,
         min(CASE WHEN rank >= 0.95 * n THEN ms END) AS p95, min(CASE WHEN rank >= 0.99 * n THEN ms END) AS p99,
         max(ms) AS most FROM ranked GROUP BY name, subject),
sessions AS (
  SELECT replace(hop, '-', '--') AS subject,
         established_ns IS NOT NULL AS up, outcome = 'failed' AS failed FROM session
  UNION ALL
  SELECT NULL, established_ns IS NOT NULL, outcome = 'failed' FROM session),
messages AS (
  SELECT type AS subject, outcome FROM message
  UNION ALL
  SELECT NULL, outcome FROM message),
flows AS (
  SELECT kind AS subject, outcome, interruptions FROM flow
  UNION ALL
  SELECT NULL, outcome, interruptions FROM flow),
-- who was never refused, or still has a session, has no bound at all; what nobody tried is not known
revoked_hop AS (
  SELECT replace(hop, '-', '--') AS subject, CASE WHEN sessions > 0 AND refused = 0 THEN 9e999 ELSE window_s * 1e3 END AS window,
         CASE WHEN stands OR (sessions > 0 AND refused = 0) THEN 9e999 ELSE access_s * 1e3 END AS access FROM v_revocation),
revoked_any AS (SELECT * FROM revoked_hop UNION ALL SELECT NULL, window, access FROM revoked_hop)
SELECT name || '.mean' AS metric, subject, mean AS value FROM stats
UNION ALL SELECT name || '.p50', subject, p50 FROM stats
UNION ALL SELECT name || '.p95', subject, p95 FROM stats
UNION ALL SELECT name || '.p99', subject, p99 FROM stats
UNION ALL SELECT name || '.max', subject, most FROM stats
UNION ALL SELECT 'revocation_ms.window', subject,
                 CASE WHEN count(window) = count(*) OR max(window) = 9e999 THEN max(window) END FROM revoked_any GROUP BY subject
UNION ALL SELECT 'revocation_ms.access', subject,
                 CASE WHEN count(access) = count(*) OR max(access) = 9e999 THEN max(access) END FROM revoked_any GROUP BY subject
UNION ALL SELECT 'sessions.established', subject, sum(up) FROM sessions GROUP BY subject
UNION ALL SELECT 'sessions.failed', subject, sum(failed) FROM sessions GROUP BY subject
UNION ALL SELECT 'messages.sent', subject, count(*) FROM messages GROUP BY subject
UNION ALL SELECT 'messages.delivered', subject, sum(outcome = 'delivered') FROM messages GROUP BY subject
UNION ALL SELECT 'messages.lost', subject, sum(outcome = 'lost') FROM messages GROUP BY subject
UNION ALL SELECT 'messages.refused', subject, sum(outcome = 'refused') FROM messages GROUP BY subject
UNION ALL SELECT 'flows.begun', subject, count(*) FROM flows GROUP BY subject
UNION ALL SELECT 'flows.done', subject, sum(outcome = 'done') FROM flows GROUP BY subject
UNION ALL SELECT 'flows.refused', subject, sum(outcome = 'refused') FROM flows GROUP BY subject
UNION ALL SELECT 'flows.timeout', subject, sum(outcome = 'timeout') FROM flows GROUP BY subject
UNION ALL SELECT 'flows.failed', subject, sum(outcome = 'failed') FROM flows GROUP BY subject
UNION ALL SELECT 'flows.open', subject, sum(outcome = 'open') FROM flows GROUP BY subject
UNION ALL SELECT 'flows.interrupted', subject, sum(interruptions > 0) FROM flows GROUP BY subject
UNION ALL SELECT 'delivery_ratio', subject, avg(outcome = 'delivered') FROM messages GROUP BY subject;

-- v_expect: What the scenario expects, judged from what was measured
-- v_expect.expect_id: In the order of the scenario
-- v_expect.line: Line of the scenario file
-- v_expect.kind: claim or metric
-- v_expect.name: Claim or metric
-- v_expect.subject: What it is about; NULL: everything
-- v_expect.minimum [the metric's unit]: Lower bound
-- v_expect.maximum [the metric's unit]: Upper bound
-- v_expect.measured [the metric's unit]: What was measured; for a claim the number of counter-examples
-- v_expect.verdict: held, violated, or unknown: there was nothing to judge
-- v_expect.evidence: What the verdict rests on
CREATE VIEW v_expect AS
WITH
hops AS NOT MATERIALIZED (
  SELECT h.message_id, h.hop, h.protected, h.session_id, h.watched, h.sent_ns, h.exemption, h.early,
         -- looked up only where an expectation has a subject
         CASE WHEN EXISTS (SELECT 1 FROM entity e WHERE e.entity_id IN (h.sender, h.receiver) AND e.role = 'pne')
              THEN 'pne--gateway'
              WHEN EXISTS (SELECT 1 FROM entity e WHERE e.entity_id IN (h.sender, h.receiver) AND e.role = 'gateway')
              THEN 'gateway--server' ELSE 'server--server' END AS subject
    FROM message_hop h WHERE h.sent_ns IS NOT NULL),
-- what claims ask of messages, in one pass over all hops; by subject where an expectation has one
counted AS MATERIALIZED (
  SELECT NULL AS subject, count(*) FILTER (WHERE watched = 1) AS watched, count(*) FILTER (WHERE exemption IS NULL) AS signalling,
         count(*) FILTER (WHERE exemption IS NULL AND (protected = 0 OR session_id IS NULL)) AS unprotected,
         count(session_id) AS inside
    FROM message_hop WHERE sent_ns IS NOT NULL
  UNION ALL
  SELECT subject, count(*) FILTER (WHERE watched = 1), count(*) FILTER (WHERE exemption IS NULL),
         count(*) FILTER (WHERE exemption IS NULL AND (protected = 0 OR session_id IS NULL)), count(session_id)
    FROM (SELECT 1 FROM expect WHERE subject IS NOT NULL AND name IN ('no-plaintext-on-wire', 'no-unconfirmed-message',
                                                                     'every-signalling-message-protected') LIMIT 1)
   CROSS JOIN hops GROUP BY subject),
ends AS (
  SELECT replace(s.hop, '-', '--') AS subject, s.session_id,
         min(coalesce(e.peer_id, '') <> '' AND
             e.peer_auth IN ('certificate', 'psk', 'resumption (certificate)')) AS mutual, count(*) AS sides
    FROM session s JOIN session_end e ON e.session_id = s.session_id
   WHERE s.established_ns IS NOT NULL GROUP BY s.session_id),
authenticated AS MATERIALIZED (
  SELECT subject, count(*) AS sessions, count(*) FILTER (WHERE mutual = 0 OR sides < 2) AS one_sided FROM ends GROUP BY subject),
-- sessions that both ends say are established, with a secret of which each has told the digest
paired AS (
  SELECT replace(s.hop, '-', '--') AS subject, s.session_id FROM session s JOIN session_end e ON e.session_id = s.session_id
   WHERE e.up_ns IS NOT NULL AND e.secret IS NOT NULL GROUP BY s.session_id HAVING count(*) = 2),
findings AS (
  SELECT x.subject, count(*) AS n FROM (SELECT DISTINCT message_id, hop FROM wire_finding) f
    CROSS JOIN hops x ON x.message_id = f.message_id AND x.hop = f.hop GROUP BY x.subject),
probes AS MATERIALIZED (
  SELECT property, subject, verdict, sum(trials) AS trials, sum(held) AS held, count(*) AS n
    FROM v_probe WHERE property IN (SELECT name FROM expect) GROUP BY property, subject, verdict),
judged AS MATERIALIZED (
  SELECT x.expect_id, -- attacks are only looked through where an expectation is about them
         CASE WHEN x.probed THEN (SELECT sum(p.trials) FROM probes p WHERE p.property = x.name AND (x.subject IS NULL OR p.subject = x.subject)) END AS trials,
         CASE WHEN x.probed THEN (SELECT sum(p.held) FROM probes p WHERE p.property = x.name AND (x.subject IS NULL OR p.subject = x.subject)) END AS trials_held,
         CASE WHEN x.probed THEN (SELECT sum(p.n) FROM probes p WHERE p.property = x.name AND (x.subject IS NULL OR p.subject = x.subject)
             AND p.verdict = 'inconclusive') END AS inconclusive,
         CASE x.name
           WHEN 'no-plaintext-on-wire' THEN
             (SELECT h.watched FROM counted h WHERE h.subject IS x.subject)
           WHEN 'mutual-authentication' THEN
             (SELECT sum(e.sessions) FROM authenticated e WHERE x.subject IS NULL OR e.subject = x.subject)
           WHEN 'witnesses-agree' THEN
             (SELECT count(*) FROM paired e WHERE x.subject IS NULL OR e.subject = x.subject)
           WHEN 'every-signalling-message-protected' THEN
             (SELECT h.signalling FROM counted h WHERE h.subject IS x.subject)
           WHEN 'no-unconfirmed-message' THEN
             (SELECT h.inside FROM counted h WHERE h.subject IS x.subject)
           ELSE CASE WHEN x.probed THEN
             (SELECT sum(p.n) FROM probes p WHERE p.property = x.name AND p.verdict <> 'inconclusive'
                 AND (x.subject IS NULL OR p.subject = x.subject)) END
         END AS cases,
         CASE x.name
           WHEN 'no-plaintext-on-wire' THEN
             (SELECT coalesce(sum(f.n), 0) FROM findings f WHERE x.subject IS NULL OR f.subject = x.subject)
           WHEN 'mutual-authentication' THEN
             (SELECT coalesce(sum(e.one_sided), 0) FROM authenticated e WHERE x.subject IS NULL OR e.subject = x.subject)
           WHEN 'witnesses-agree' THEN
             (SELECT count(DISTINCT e.session_id) FROM v_disagreement e
               WHERE (e.witnesses = 'ends' OR NOT e.explained) AND (x.subject IS NULL OR e.subject = x.subject))
           WHEN 'every-signalling-message-protected' THEN
             coalesce((SELECT h.unprotected FROM counted h WHERE h.subject IS x.subject), 0)
           WHEN 'no-unconfirmed-message' THEN
             (SELECT count(*) FROM hops h JOIN session s ON s.session_id = h.session_id
               WHERE (s.established_ns IS NULL OR h.sent_ns < s.established_ns)
                 AND (x.subject IS NULL OR h.subject = x.subject))
           ELSE CASE WHEN x.probed THEN
             (SELECT coalesce(sum(p.n), 0) FROM probes p WHERE p.property = x.name AND p.verdict = 'violated'
                 AND (x.subject IS NULL OR p.subject = x.subject)) ELSE 0 END
         END AS against,
         (SELECT m.value FROM v_metric m WHERE x.kind = 'metric' AND m.metric = x.name AND m.subject IS x.subject) AS value
    FROM (SELECT *, kind = 'claim' AND name NOT IN ('no-plaintext-on-wire', 'mutual-authentication', 'witnesses-agree',
                                                             'every-signalling-message-protected')
                 AS probed FROM expect) x)
SELECT x.expect_id, x.line, x.kind, x.name, x.subject, x.minimum, x.maximum,
       CASE x.kind WHEN 'claim' THEN j.against ELSE j.value END AS measured,
       CASE WHEN x.kind = 'claim' AND j.against > 0 THEN 'violated'
            WHEN x.kind = 'claim' AND coalesce(j.cases, 0) = 0 THEN 'unknown'
            WHEN x.kind = 'claim' THEN 'held'
            WHEN j.value IS NULL THEN 'unknown'
            WHEN j.value < x.minimum OR j.value > x.maximum THEN 'violated'
            ELSE 'held' END AS verdict,
       CASE WHEN x.name = 'no-plaintext-on-wire'
              THEN printf('%d messages looked for in %d octets of %d links: %d found', coalesce(j.cases, 0),
                          (SELECT sum(watched_bytes) FROM link), (SELECT count(*) FROM link WHERE watched_bytes > 0), j.against)
            WHEN x.name = 'mutual-authentication'
              THEN printf('%d established sessions, %d of them not authenticated both ways', j.cases, j.against)
            WHEN x.name = 'every-signalling-message-protected'
              THEN printf('%d message hops that are not exempt, %d of them unprotected', j.cases, j.against)
            WHEN x.name = 'witnesses-agree'
              THEN printf('%d sessions that both ends call established, about %d of them the witnesses disagree', j.cases, j.against)
            WHEN x.name = 'forward-secrecy' AND j.trials IS NULL AND EXISTS (SELECT 1 FROM tap t WHERE t.property = x.name)
              THEN 'keys were taken: check --witness tshark --pcap DIR tries them on the captures of a run with --pcap DIR'
            WHEN x.name = 'no-unconfirmed-message'
              THEN printf('%d message hops in sessions, %d of them sent before these were established', j.cases, j.against)
            WHEN x.kind = 'claim' AND j.trials IS NULL THEN 'no attacker put it to the test'
            WHEN x.kind = 'claim'
              THEN printf('held in %d of %d trials%s', j.trials_held, j.trials,
                          CASE WHEN j.inconclusive > 0 THEN printf(', %d inconclusive', j.inconclusive) ELSE '' END)
            WHEN j.value IS NULL THEN 'nothing was measured'
            WHEN j.value = 9e999 THEN 'it never ended in this run'
            ELSE printf('measured %.6g', j.value) END AS evidence
  FROM expect x JOIN judged j ON j.expect_id = x.expect_id;

-- v_violation: One row per broken rule (R1 to R6), violated expectation, or disagreement of witnesses that no verdict explains; empty is good
-- v_violation.rule: R1 to R6, the name of the claim or metric, or witnesses-disagree
-- v_violation.subject: Link, session or subject of the expectation
-- v_violation.at_s [s]: When first; NULL: at no one time
-- v_violation.evidence: What shows it
CREATE VIEW v_violation AS
SELECT rule, subject, at_s, evidence FROM v_rule
UNION ALL
SELECT name, coalesce(subject, 'everything'), NULL, evidence FROM v_expect WHERE verdict = 'violated'
UNION ALL
SELECT 'witnesses-disagree', printf('session %d', session_id), at_s, evidence FROM v_disagreement WHERE NOT explained;
