-- What the witnesses of a session say: its two ends, and the tap on its link; and where they disagree. tshark, the third,
-- is asked by `cpnsim check DB --witness tshark`. Comments as in views.sql.

-- v_session_pair: One row per session of which both ends are on record, with what each has seen
-- v_session_pair.session_id: Session
-- v_session_pair.i_up [0/1]: The initiator was done
-- v_session_pair.r_up [0/1]: The responder was done
-- v_session_pair.client_randoms [0/1]: Both have the same random of the client; NULL: one has none
-- v_session_pair.server_randoms [0/1]: Likewise of the server
-- v_session_pair.secrets [0/1]: The secrets of both export the same
-- v_session_pair.versions [0/1]: Same version
-- v_session_pair.ciphers [0/1]: Same cipher suite
-- v_session_pair.groups [0/1]: Same group of the key agreement
-- v_session_pair.i_certificates [0/1]: The responder was shown the certificate that the initiator has; NULL: none
-- v_session_pair.r_certificates [0/1]: The initiator was shown the certificate that the responder has; NULL: none
-- v_session_pair.i_plain [0/1]: What came out at the responder is what the initiator sealed; NULL: some of it did not come, which is no contradiction by itself
-- v_session_pair.r_plain [0/1]: Likewise the other way
-- v_session_pair.i_octets [0/1]: No more octets from the initiator passed the tap than it wrote; NULL: fewer did, some had not left it
-- v_session_pair.r_octets [0/1]: Likewise of the responder
-- v_session_pair.i_records [0/1]: The initiator wrote as many records as passed the tap and as the responder read; 0: fewer; NULL: more, or nobody counted
-- v_session_pair.r_records [0/1]: Likewise of the responder
CREATE VIEW v_session_pair AS
SELECT i.session_id, i.up_ns IS NOT NULL AS i_up, r.up_ns IS NOT NULL AS r_up,
       i.client_random = r.client_random AS client_randoms, i.server_random = r.server_random AS server_randoms,
       i.secret = r.secret AS secrets, i.version = r.version AS versions, i.cipher = r.cipher AS ciphers,
       i.kex_group = r.kex_group AS groups,
       i.own_certificate = r.peer_certificate AS i_certificates, r.own_certificate = i.peer_certificate AS r_certificates,
       CASE WHEN i.messages_sent = r.messages_received THEN i.plain_sent IS r.plain_received
            WHEN i.messages_sent < r.messages_received THEN 0 END AS i_plain,
       CASE WHEN r.messages_sent = i.messages_received THEN r.plain_sent IS i.plain_received
            WHEN r.messages_sent < i.messages_received THEN 0 END AS r_plain,
       CASE WHEN i.link_bytes >= i.wire_bytes_sent THEN i.link_bytes = i.wire_bytes_sent END AS i_octets,
       CASE WHEN r.link_bytes >= r.wire_bytes_sent THEN r.link_bytes = r.wire_bytes_sent END AS r_octets,
       CASE WHEN i.link_records > i.records_sent OR r.records_received > i.link_records THEN 0
            WHEN i.link_records = i.records_sent AND coalesce(r.records_received, i.link_records) = i.link_records THEN 1 END
         AS i_records,
       CASE WHEN r.link_records > r.records_sent OR i.records_received > r.link_records THEN 0
            WHEN r.link_records = r.records_sent AND coalesce(i.records_received, r.link_records) = r.link_records THEN 1 END
         AS r_records
  FROM session_end i JOIN session_end r ON r.session_id = i.session_id AND r.side = 'responder'
 WHERE i.side = 'initiator';

-- v_witness: One row per session and item on which two witnesses can agree; of sessions of which both ends are on record
-- v_witness.session_id: Session
-- v_witness.link: Link, or hop over routers
-- v_witness.established [0/1]: Both ends said that they were done
-- v_witness.witnesses: ends: the two ends, each from its own session object; ends and link: what they wrote and read, and what passed the tap
-- v_witness.item: What is compared
-- v_witness.initiator: What the initiator says; of certificates, plaintext, octets and records from the responder, what it saw of them
-- v_witness.responder: What the responder says, likewise
-- v_witness.tap: What the tap on the hop's first link saw; NULL: a tap sees nothing of it
-- v_witness.agree [0/1]: They agree; NULL: one of them does not know, or not all had arrived
CREATE VIEW v_witness AS
WITH seen AS MATERIALIZED (
  SELECT p.*, coalesce(l.hop, l.name) AS link, p.i_up AND p.r_up AS up FROM v_session_pair p
    JOIN session s ON s.session_id = p.session_id JOIN link l ON l.link_id = s.link_id),
item AS (
  SELECT session_id, link, up, 'ends' AS witnesses, 'client random' AS item, client_randoms AS agree, 1 AS kind FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'server random', server_randoms, 2 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'secret', secrets, 3 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'version', versions, 4 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'cipher', ciphers, 5 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'group', groups, 6 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'certificate of the initiator', i_certificates, 7 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'certificate of the responder', r_certificates, 8 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'plaintext of the initiator', i_plain, 9 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends', 'plaintext of the responder', r_plain, 10 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends and link', 'octets of the initiator', i_octets, 11 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends and link', 'octets of the responder', r_octets, 12 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends and link', 'records of the initiator', i_records, 13 FROM seen
  UNION ALL SELECT session_id, link, up, 'ends and link', 'records of the responder', r_records, 14 FROM seen)
SELECT x.session_id, x.link, x.up AS established, x.witnesses, x.item,
       CASE x.kind WHEN 1 THEN nullif(printf('%016x', i.client_random), '0000000000000000') WHEN 2 THEN nullif(printf('%016x', i.server_random), '0000000000000000')
                   WHEN 3 THEN nullif(printf('%016x', i.secret), '0000000000000000') WHEN 4 THEN i.version WHEN 5 THEN i.cipher WHEN 6 THEN i.kex_group
                   WHEN 7 THEN nullif(printf('%016x', i.own_certificate), '0000000000000000') WHEN 8 THEN nullif(printf('%016x', i.peer_certificate), '0000000000000000')
                   WHEN 9 THEN printf('%d messages, digest %016x', i.messages_sent, i.plain_sent)
                   WHEN 10 THEN printf('%d messages, digest %016x', i.messages_received, i.plain_received)
                   WHEN 11 THEN i.wire_bytes_sent WHEN 13 THEN i.records_sent WHEN 14 THEN i.records_received END AS initiator,
       CASE x.kind WHEN 1 THEN nullif(printf('%016x', r.client_random), '0000000000000000') WHEN 2 THEN nullif(printf('%016x', r.server_random), '0000000000000000')
                   WHEN 3 THEN nullif(printf('%016x', r.secret), '0000000000000000') WHEN 4 THEN r.version WHEN 5 THEN r.cipher WHEN 6 THEN r.kex_group
                   WHEN 7 THEN nullif(printf('%016x', r.peer_certificate), '0000000000000000') WHEN 8 THEN nullif(printf('%016x', r.own_certificate), '0000000000000000')
                   WHEN 9 THEN printf('%d messages, digest %016x', r.messages_received, r.plain_received)
                   WHEN 10 THEN printf('%d messages, digest %016x', r.messages_sent, r.plain_sent)
                   WHEN 12 THEN r.wire_bytes_sent WHEN 13 THEN r.records_received WHEN 14 THEN r.records_sent END AS responder,
       CASE x.kind WHEN 11 THEN i.link_bytes WHEN 12 THEN r.link_bytes WHEN 13 THEN i.link_records
                   WHEN 14 THEN r.link_records END AS tap,
       x.agree
  FROM item x
  JOIN session_end i ON i.session_id = x.session_id AND i.side = 'initiator'
  JOIN session_end r ON r.session_id = x.session_id AND r.side = 'responder';

-- v_disagreement: One row per session that both ends took for established and about which its witnesses disagree
-- v_disagreement.session_id: Session
-- v_disagreement.subject: pne--gateway, gateway--server or server--server
-- v_disagreement.link: Link, or hop over routers
-- v_disagreement.at_s [s]: When both ends were done
-- v_disagreement.witnesses: ends: the two ends disagree; ends and link: only the tap saw something else than they
-- v_disagreement.items: What they disagree about, as in v_witness
-- v_disagreement.explained [0/1]: An attack on this session is on record (v_probe) whose verdict says as much: violated where the ends disagree, any where only the tap saw something else than they
-- v_disagreement.evidence: In words
CREATE VIEW v_disagreement AS
WITH told AS (
  SELECT p.*,
         iif(client_randoms = 0, 'client random, ', '') || iif(server_randoms = 0, 'server random, ', '') ||
         iif(secrets = 0, 'secret, ', '') || iif(versions = 0, 'version, ', '') || iif(ciphers = 0, 'cipher, ', '') ||
         iif(groups = 0, 'group, ', '') || iif(i_certificates = 0, 'certificate of the initiator, ', '') ||
         iif(r_certificates = 0, 'certificate of the responder, ', '') ||
         iif(i_plain = 0, 'plaintext of the initiator, ', '') || iif(r_plain = 0, 'plaintext of the responder, ', '') AS ends,
         iif(i_octets = 0, 'octets of the initiator, ', '') || iif(r_octets = 0, 'octets of the responder, ', '') ||
         iif(i_records = 0, 'records of the initiator, ', '') || iif(r_records = 0, 'records of the responder, ', '') AS taps
    FROM v_session_pair p
   WHERE i_up AND r_up
     AND (client_randoms = 0 OR server_randoms = 0 OR secrets = 0 OR versions = 0 OR ciphers = 0 OR groups = 0 OR i_certificates = 0
          OR r_certificates = 0 OR i_plain = 0 OR r_plain = 0 OR i_octets = 0 OR r_octets = 0 OR i_records = 0 OR r_records = 0)),
named AS (
  SELECT t.*, s.hop, s.established_ns, coalesce(l.hop, l.name) AS link,
         EXISTS (SELECT 1 FROM probe b WHERE b.session_id = t.session_id AND b.kind <> 'eavesdropper') AS attacked,
         EXISTS (SELECT 1 FROM probe b WHERE b.session_id = t.session_id AND b.verdict = 'violated') AS admitted
    FROM told t JOIN session s ON s.session_id = t.session_id JOIN link l ON l.link_id = s.link_id)
SELECT session_id, replace(hop, '-', '--') AS subject, link, established_ns / 1e9 AS at_s,
       iif(ends <> '', 'ends', 'ends and link') AS witnesses, rtrim(ends || taps, ', ') AS items,
       CASE WHEN ends <> '' THEN admitted ELSE attacked END AS explained,
       CASE WHEN ends <> '' THEN printf('both ends say that session %d is established, and they do not have the same: %s',
                                        session_id, rtrim(ends, ', '))
            ELSE printf('the tap on the link saw something else of session %d than its ends wrote and read: %s',
                        session_id, rtrim(taps, ', ')) END AS evidence
  FROM named
UNION ALL
-- a man in the middle who had both ends, so a verdict says, although they have the same secret
SELECT b.session_id, replace(s.hop, '-', '--'), coalesce(l.hop, l.name), b.at_ns / 1e9, 'ends', 'verdict', 0,
       printf('%s is said to have been in the middle of session %d, and both ends have the same secret', b.attacker, b.session_id)
  FROM probe b CROSS JOIN v_session_pair p ON p.session_id = b.session_id
  JOIN session s ON s.session_id = b.session_id JOIN link l ON l.link_id = s.link_id
 WHERE b.kind = 'man-in-the-middle' AND b.verdict = 'violated' AND p.i_up AND p.r_up AND p.secrets = 1;
