-- Named queries: `cpnsim query DB NAME`. The comment before each gives its name and what it tells.

-- query balance: messages by type: sent = delivered + lost + refused + in flight, with reasons
SELECT type, sent, delivered, lost, refused, in_flight, iif(adds_up, 'adds up', 'DOES NOT ADD UP') AS account,
       coalesce(lost_why, '') AS lost_why, coalesce(refused_why, '') AS refused_why FROM v_message_account ORDER BY type;

-- query sessions: how each secure session was established
SELECT session_id, link, version, cipher, kex_group, initiator_auth, responder_auth, resumed, started_s, setup_ms, outcome,
       failure FROM v_session ORDER BY session_id;

-- query setup: set-up times by hop and version
SELECT * FROM v_setup_stats;

-- query protection: message hops by type and what protected them
SELECT m.type, h.exemption, h.protected, h.confidentiality, count(*) AS hops
  FROM v_message_hop h JOIN message m ON m.message_id = h.message_id
 GROUP BY m.type, h.exemption, h.protected, h.confidentiality ORDER BY m.type;

-- query violations: broken rules and violated expectations
SELECT * FROM v_violation;

-- query expectations: the scenario's expectations and what was measured
SELECT name, subject, minimum, maximum, measured, verdict, evidence FROM v_expect;

-- query revocation: how long revoked certificates still got sessions
SELECT * FROM v_revocation ORDER BY node, hop;

-- query failures: failed sessions by reason
SELECT * FROM v_failure ORDER BY sessions DESC;

-- query lost: lost and refused messages by reason
SELECT type, outcome, reason, count(*) AS messages FROM message WHERE outcome IN ('lost', 'refused')
 GROUP BY type, outcome, reason ORDER BY messages DESC;

-- query overhead: octets that protection adds
SELECT * FROM v_overhead;

-- query timeline: what happened, in order of time
SELECT * FROM v_timeline;

-- query early: 0-RTT data by hop and what came of it: messages, octets, time to the receiver against the others' of its sessions
SELECT replace(s.hop, '-', '--') AS hop, s.resumed, coalesce(h.early, 'none') AS early_data, count(DISTINCT h.session_id) AS sessions,
       count(*) AS messages, sum(h.plain_bytes) AS plain_bytes, sum(h.wire_bytes) AS wire_bytes,
       round(avg((h.received_ns - h.queued_ns) / 1e6), 3) AS mean_ms, round(avg((s.established_ns - h.sent_ns) / 1e6), 3) AS ahead_of_session_ms
  FROM message_hop h JOIN session s ON s.session_id = h.session_id WHERE h.sender = s.initiator
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- query alerts: alerts by link and side
SELECT coalesce(l.hop, l.name) AS link, a.side, a.direction, a.level, a.name, count(*) AS alerts
  FROM alert a JOIN session s ON s.session_id = a.session_id JOIN link l ON l.link_id = s.link_id
 GROUP BY l.name, a.side, a.direction, a.level, a.name ORDER BY l.link_id, a.name;

-- query states: transitions of the state machines, protocol errors among them
SELECT machine, from_state, event, to_state, allowed, count(*) AS times FROM transition
 GROUP BY machine, from_state, event, to_state, allowed ORDER BY machine, from_state;

-- query links: what passed over each link
SELECT name, technology, packets_ab + packets_ba AS packets, bytes_ab + bytes_ba AS octets, lost, queue_dropped, down_dropped
  FROM link;

-- query flows: kinds of flows: how they ended, how long they took, how long they were interrupted
SELECT kind, outcome, coalesce(reason, '') AS reason, count(*) AS flows, round(avg(duration_ms), 3) AS mean_ms,
       round(max(duration_ms), 3) AS max_ms, sum(interruptions) AS interruptions,
       round(max(interruption_ms), 3) AS longest_interruption_ms, sum(messages) AS messages, sum(wire_bytes) AS wire_bytes
  FROM v_flow GROUP BY kind, outcome, reason ORDER BY kind, flows DESC;

-- query members: who was in which personal network and Service Group when the run ended
SELECT 'pn' AS kind, pn AS name, member, coalesce(gateway, '') AS gateway, agrees FROM v_pn_member
UNION ALL
SELECT 'service group', service_group, member, CASE is_owner WHEN 1 THEN 'owner' ELSE '' END, agrees FROM v_group_member
 ORDER BY kind, name, member;

-- query witnesses: what both ends and the tap say of each session that both call established: in how many they agree
SELECT witnesses, item, sum(agree) AS agree, sum(agree = 0) AS disagree, sum(agree IS NULL) AS not_known FROM v_witness
 WHERE established GROUP BY witnesses, item ORDER BY witnesses, item;

-- query evidence: each attack: what came of it, in which frame of which capture, and the row of the alert
SELECT attacker, kind, property, link, session_id, round(at_s, 6) AS at_s, verdict, detected_by, side,
       round(at_s + delay_ms / 1e3, 6) AS noticed_s, capture, frame, alert_row FROM v_probe ORDER BY at_s, attacker;

-- query attacks: attackers by property: verdicts, and by what they were noticed
SELECT attacker, kind, property, subject, verdict, sum(trials) AS trials, sum(held) AS held,
       coalesce(group_concat(DISTINCT detected_by), '') AS noticed_by FROM v_probe
 GROUP BY attacker, kind, property, subject, verdict ORDER BY property, attacker, verdict;

-- query exposure: messages by type and exemption: how many anybody could read on a link, who did, and whether all hops had forward secrecy
SELECT type, coalesce(exemptions, '') AS exemptions, count(*) AS messages, sum(exposed_on IS NOT NULL) AS exposed,
       sum(overheard) AS overheard, coalesce(max(read_by), '') AS read_by, min(forward_secret) AS forward_secret,
       min(intact) AS intact, max(relays) AS relays
  FROM v_end_to_end GROUP BY type, exemptions ORDER BY exposed DESC, type;

-- query holders: who held the plaintext of messages that were for others
SELECT e.name AS holder, e.role, count(DISTINCT h.message_id) AS messages,
       count(DISTINCT iif(h.protected, h.message_id, NULL)) AS came_protected
  FROM message_hop h JOIN entity e ON e.entity_id = h.receiver JOIN message m ON m.message_id = h.message_id
 WHERE h.outcome = 'delivered' AND m.target IS NOT e.name AND h.exemption IS NOT 'group_key_extension'
 GROUP BY e.entity_id ORDER BY messages DESC, e.entity_id;

-- query policies: what the sessions of each policy were like: keys, set-up, octets, and whether an eavesdropper saw names
SELECT s.policy, s.version, s.cipher, count(*) AS sessions, sum(s.established_ns IS NOT NULL) AS established,
       sum(s.resumed) AS resumed, sum(s.forward_secret) AS forward_secret, round(avg((s.established_ns - s.started_ns) / 1e6), 3) AS setup_ms,
       round(avg(iif(s.established_ns IS NOT NULL, s.handshake_bytes, NULL))) AS handshake_bytes,
       (SELECT round(1.0 * sum(h.wire_bytes) / sum(h.plain_bytes), 4) FROM message_hop h JOIN session x ON x.session_id = h.session_id
         WHERE x.policy = s.policy AND x.cipher IS s.cipher AND h.sent_ns IS NOT NULL) AS expansion,
       (SELECT count(*) FROM probe p JOIN session x ON x.session_id = p.session_id
         WHERE x.policy = s.policy AND x.cipher IS s.cipher AND p.property = 'identity-privacy' AND p.verdict = 'violated') AS names_seen
  FROM session s WHERE s.cipher IS NOT NULL OR s.kind = 'clear' GROUP BY s.policy, s.version, s.cipher ORDER BY s.policy, sessions DESC;
