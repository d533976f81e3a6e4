#!/bin/sh
# Runs one scenario that ships and asks its database, table by table, what the rules of CPNS promise.
#
#   sh tests/scenario/shipped.sh CPNSIM topologies/NAME.yaml FOLDER [--set K=V]...
set -eu
cpnsim=$1
scenario=$2
name=$(basename "$scenario" .yaml)
folder=$3
mkdir -p "$folder"
db=$folder/$name.db
shift 3
failures=0

# none WHAT SQL: the query must find nothing; what it finds is shown.
none() {
    found=$(sqlite3 -readonly -header "$db" "$2 LIMIT 5") || found="the query failed"
    [ -z "$found" ] && return
    printf '%s: %s\n%s\n' "$name" "$1" "$found"
    failures=$((failures + 1))
}
value() {
    sqlite3 -readonly "$db" "$1"
}

if ! "$cpnsim" run "$scenario" -o "$db" --workers 1 --progress never "$@"; then
    echo "$name: the run did not end with 0"
    exit 1
fi
for workers in 2 8; do
    again=$folder/$name-$workers.db
    "$cpnsim" run "$scenario" -o "$again" --workers $workers --progress never "$@" >/dev/null
    if [ "$("$cpnsim" fingerprint "$db" | cut -d' ' -f1)" != "$("$cpnsim" fingerprint "$again" | cut -d' ' -f1)" ]; then
        echo "$name: another fingerprint with $workers workers than with one"
        failures=$((failures + 1))
    fi
    rm -f "$again"
done

none "a rule or an expectation is violated" "SELECT * FROM v_violation"
none "the run did not end well" "SELECT status FROM run WHERE status <> 'ok'"

none "a PNE never had a session with its gateway" \
    "SELECT name FROM entity WHERE role = 'pne' AND entity_id NOT IN
     (SELECT initiator FROM session WHERE hop = 'pne-gateway' AND established_ns IS NOT NULL)"
none "a gateway opened more than one first session to its server" \
    "SELECT initiator, count(*) AS n FROM session WHERE hop = 'gateway-server' AND cause = 'first'
     GROUP BY initiator HAVING n <> 1"
none "two sessions stood on one hop at once" \
    "SELECT a.session_id, b.session_id FROM session a JOIN session b ON a.initiator = b.initiator
     AND a.responder = b.responder AND a.session_id < b.session_id
     WHERE a.established_ns IS NOT NULL AND b.established_ns < coalesce(a.ended_ns, 9e18)"
none "a signalling message was written before its session stood at both ends" \
    "SELECT h.message_id, h.hop FROM message_hop h JOIN session s USING (session_id)
     WHERE h.sent_ns IS NOT NULL AND (s.established_ns IS NULL OR h.sent_ns < s.established_ns AND h.early IS NULL)"
none "a message went as 0-RTT data, and its policy has none, or its session resumed none" \
    "SELECT h.message_id, h.hop, h.early, s.policy FROM message_hop h JOIN session s USING (session_id)
     WHERE h.early IS NOT NULL AND (s.version <> 'TLSv1.3' OR h.early = 'accepted' AND s.resumed = 0
        OR h.sender <> s.initiator OR NOT EXISTS (SELECT 1 FROM run WHERE scenario_text LIKE '%early_data%'
                                                     OR scenario_text LIKE '%anti-replay%'))"
none "the ends of a session do not agree on its 0-RTT data" \
    "SELECT i.session_id, i.early_data, r.early_data FROM session_end i JOIN session_end r USING (session_id)
     JOIN session s USING (session_id) WHERE i.side = 'initiator' AND r.side = 'responder' AND s.established_ns IS NOT NULL
        AND (coalesce(i.early_data, 'none') <> coalesce(r.early_data, 'none')
             OR i.early_data = 'accepted' AND i.early_bytes <> r.early_bytes)"
none "a signalling message that is not exempt went outside a session" \
    "SELECT m.type, h.* FROM message_hop h JOIN message m USING (message_id)
     WHERE h.sent_ns IS NOT NULL AND h.exemption IS NULL AND (h.protected = 0 OR h.session_id IS NULL)"
none "an exemption was taken by a message that has none" \
    "SELECT m.type, h.exemption FROM message_hop h JOIN message m USING (message_id)
     WHERE h.exemption <> 'internal' AND ((h.exemption IN ('service_group', 'group_key_extension')) <> (m.type = 'SGMessage')
        OR (h.exemption = 'before_establishment') <> (m.type LIKE 'EntityDiscovery%' OR m.type = 'ZoneAnnouncement')
        OR (h.exemption = 'bridge') AND m.type NOT IN ('BridgeSetupRequest', 'BridgeSetupResponse', 'ServiceAccessRequest', 'ServiceAccessResponse'))"
none "plaintext was found on a link" "SELECT * FROM wire_finding"
none "an event was not allowed in its state" "SELECT * FROM transition WHERE allowed = 0"

none "a delivered message did not arrive on each hop" \
    "SELECT m.message_id, m.type FROM message m WHERE m.outcome = 'delivered' AND (m.delivered_ns IS NULL OR
     m.hops <> (SELECT count(*) FROM message_hop h WHERE h.message_id = m.message_id AND h.outcome = 'delivered'
                   AND h.exemption IS NOT 'internal'))"
none "a hop inside a device is over a link or in a session, or between others than a PNE and its own gateway" \
    "SELECT h.* FROM message_hop h JOIN entity a ON a.entity_id = h.sender JOIN entity b ON b.entity_id = h.receiver
     WHERE (h.exemption = 'internal' AND (h.link_id IS NOT NULL OR h.session_id IS NOT NULL OR h.protected <> 0))
        OR (h.exemption IS 'internal') <> (a.entry = b.entry || '.gw' AND substr(a.name, length(a.entry) + 1) =
            substr(b.name, length(b.entry) + 1) OR b.entry = a.entry || '.gw' AND substr(b.name, length(b.entry) + 1) =
            substr(a.name, length(a.entry) + 1))"
none "a message was lost or refused without a reason" \
    "SELECT message_id, type FROM message WHERE outcome IN ('lost', 'refused') AND reason IS NULL"
none "sent is not delivered + lost + refused + in flight" \
    "SELECT type, count(*) AS sent, sum(outcome = 'delivered') + sum(outcome = 'lost') + sum(outcome = 'refused')
     + sum(outcome = 'in_flight') AS known FROM message GROUP BY type HAVING sent <> known"
none "a flow is open that began more than a minute before the end" \
    "SELECT v.* FROM v_flow v, run r WHERE v.outcome = 'open' AND v.started_s < r.reached_ns / 1e9 - 60"
none "a flow was not done, and nothing says why" \
    "SELECT * FROM v_flow WHERE outcome IN ('refused', 'timeout', 'failed') AND reason IS NULL"
none "a flow counts other messages or octets than it took" \
    "SELECT f.* FROM flow f LEFT JOIN
     (SELECT m.flow_id AS id, count(DISTINCT m.message_id) AS messages,
             sum(CASE WHEN h.hop = 0 THEN m.plain_bytes END) AS plain_bytes,
             sum(CASE WHEN h.sent_ns IS NOT NULL THEN h.wire_bytes ELSE 0 END) AS wire_bytes
        FROM message m JOIN message_hop h USING (message_id) WHERE m.flow_id IS NOT NULL GROUP BY m.flow_id) t
     ON t.id = f.flow_id
     WHERE f.messages <> coalesce(t.messages, 0) OR f.plain_bytes <> coalesce(t.plain_bytes, 0)
        OR f.wire_bytes <> coalesce(t.wire_bytes, 0)"
none "a flow within another began before it" \
    "SELECT c.* FROM flow c JOIN flow f ON f.flow_id = c.parent_id WHERE c.started_ns < f.started_ns"
none "a flow ended before it began, or was interrupted for longer than it lasted" \
    "SELECT f.* FROM flow f, run r WHERE f.ended_ns < f.started_ns
        OR f.interruption_ns > coalesce(f.ended_ns, r.reached_ns) - f.started_ns"
none "a message other than a keep-alive belongs to no flow" \
    "SELECT * FROM message WHERE flow_id IS NULL AND type <> 'KeepAlive'"
# Without faults, movement and certificates that are revoked nobody can have missed that it is in or out.
quiet="NOT EXISTS (SELECT 1 FROM motion) AND NOT EXISTS (SELECT 1 FROM revoked) AND NOT EXISTS (SELECT 1 FROM event WHERE what IN ('link_down', 'node_silent'))"
none "server, gateway and PNE do not agree on who is in a PN" \
    "SELECT * FROM v_pn_member WHERE agrees = 0 AND $quiet"
none "server, gateway and PNE do not agree on who is in a Service Group" \
    "SELECT * FROM v_group_member WHERE agrees = 0 AND $quiet"
none "sent is not delivered + lost + refused + in flight, counted as it happens" \
    "SELECT * FROM v_message_account WHERE NOT adds_up"
none "a type was counted otherwise than its messages were recorded" \
    "SELECT a.type, a.sent, count(m.message_id) AS recorded FROM v_message_account a LEFT JOIN message m ON m.type = a.type
     GROUP BY a.type HAVING sent <> recorded OR a.delivered <> sum(m.outcome = 'delivered')
        OR a.lost <> sum(m.outcome = 'lost') OR a.refused <> sum(m.outcome = 'refused')"
none "a message was lost or refused, and the account does not say why" \
    "SELECT * FROM message_account WHERE outcome IN ('lost', 'refused') AND reason IS NULL"
none "a message arrived altered" \
    "SELECT * FROM message_hop WHERE outcome = 'delivered' AND sent_hash <> received_hash"

# What never happened cannot go wrong.
for type in PNEstablishmentResponse RegistrationResponse ServiceAccessResponse; do
    if [ "$(value "SELECT count(*) FROM message WHERE type = '$type' AND outcome = 'delivered' AND status < 300")" -eq 0 ]; then
        echo "$name: no $type that grants was delivered"
        failures=$((failures + 1))
    fi
done
if grep -q '^service_groups:' "$scenario" &&
    [ "$(value "SELECT count(*) FROM message WHERE type = 'SGMessage' AND outcome = 'delivered'")" -eq 0 ]; then
    echo "$name: no SGMessage was delivered"
    failures=$((failures + 1))
fi

# What models/README.md says to be seen here.
types=$(awk -F ' *[|] *' -v name="$name" '$5 == name {print $2}' models/README.md)
for type in $types; do
    if [ "$(value "SELECT count(*) FROM message WHERE type = '$type' AND outcome = 'delivered'")" -eq 0 ]; then
        echo "$name: no $type was delivered, and models/README.md says so"
        failures=$((failures + 1))
    fi
done

value "SELECT type || ': ' || count(*) || ' sent, ' || sum(outcome = 'delivered') || ' delivered' FROM message GROUP BY type"
[ "$failures" -eq 0 ]
