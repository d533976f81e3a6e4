/* The views over hand-made rows: exact rows of a sound run; every rule of clause 5.9.1 and every
 * claim and metric broken once, and seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/tables.h"
#include "tests/support/hand_made.h"

#define RUN(name, ...)                                                                             \
    do {                                                                                           \
        const struct hand_change changes_[] = {__VA_ARGS__};                                       \
        hand_run(name, "ok", changes_, SIM_ARRAY_LEN(changes_));                                   \
    } while (0)

static void a_sound_run_breaks_no_rule(void **state)
{
    (void)state;
    hand_run("sound.db", "ok", NULL, 0);
    hand_expect("sound.db", "SELECT * FROM v_violation", "");
}

static void sessions(void **state)
{
    (void)state;
    hand_expect("sound.db",
                "SELECT session_id, hop, link, initiator, responder, kind, version, kex_group,"
                " resumed, started_s, established_s, setup_ms, ended_s, outcome, failure,"
                " handshake_bytes, round_trips, cpu_ms_initiator, cpu_ms_responder FROM v_session",
                "1|pne-gateway|pne--gw|pne|gw|tls|TLSv1.3|X25519|0|1|1.4|400|9|closed|NULL|2000|1|"
                "5|0\n"
                "2|gateway-server|gw--srv|gw|srv|tls|TLSv1.3|X25519|0|2|2.1|100|NULL|established|"
                "NULL|0|0|0|0\n");
}

static void messages(void **state)
{
    (void)state;
    hand_expect("sound.db",
                "SELECT message_id, type, origin, target, pn, service_group, sent_s, delivered_s,"
                " latency_ms, outcome, reason, hops, protected_hops, exemption, plain_bytes,"
                " wire_bytes FROM v_message",
                "1|EntityDiscoveryRequest|pne|gw|NULL|NULL|0.5|0.52|20|delivered|NULL|1|0|"
                "before_establishment|50|55\n"
                "2|ServiceAccessRequest|pne|srv|home|NULL|1|2.3|1300|delivered|NULL|2|2|NULL|100|"
                "244\n"
                "3|ServiceAccessResponse|srv|pne|home|NULL|2.4|2.6|200|delivered|NULL|2|2|NULL|80|"
                "204\n"
                "4|SGMessage|pne|vitals|home|vitals|3|NULL|NULL|lost|loss|1|0|service_group|60|65"
                "\n");
    hand_expect("sound.db",
                "SELECT message_id, hop, sender, receiver, session_id, protected, exemption,"
                " outcome, queued_s, sent_s, received_s, wire_bytes, confidentiality, integrity,"
                " authenticity, evidence FROM v_message_hop ORDER BY message_id, hop",
                "1|0|pne|gw|NULL|0|before_establishment|delivered|0.5|0.5|0.52|55|NULL|NULL|NULL|"
                "NULL\n"
                "2|0|pne|gw|1|1|NULL|delivered|1|1.5|1.55|122|held|NULL|NULL|"
                "not among the 9500 octets of link pne--gw\n"
                "2|1|gw|srv|2|1|NULL|delivered|2|2.2|2.3|122|held|NULL|NULL|"
                "not among the 7500 octets of link gw--srv\n"
                "3|0|srv|gw|2|1|NULL|delivered|2.4|2.4|2.45|102|held|NULL|NULL|"
                "not among the 7500 octets of link gw--srv\n"
                "3|1|gw|pne|1|1|NULL|delivered|2.5|2.5|2.6|102|held|NULL|NULL|"
                "not among the 9500 octets of link pne--gw\n"
                "4|0|pne|gw|NULL|0|service_group|lost|3|3|NULL|65|NULL|NULL|NULL|NULL\n");
}

/* Flows, and the metrics made of them. */
static void flows(void **state)
{
    (void)state;
    RUN("flows.db",
        {"f1", &table_flow,
         "flow_id=1; kind=pn-establishment; initiator=2; subject=home; started_ns=1000000000; "
         "ended_ns=1500000000; outcome=done; messages=4; plain_bytes=300; wire_bytes=500"},
        {"f2", &table_flow,
         "flow_id=2; kind=authentication; initiator=1; subject=pne; parent_id=1; "
         "started_ns=1100000000; ended_ns=1200000000; outcome=refused; reason=status 401; "
         "messages=4"},
        {"f3", &table_flow,
         "flow_id=3; kind=pn-establishment; initiator=2; subject=home; started_ns=3000000000; "
         "ended_ns=4000000000; outcome=done; messages=5; interruptions=1; "
         "interruption_ns=250000000"},
        {"f4", &table_flow,
         "flow_id=4; kind=service-access; initiator=2; subject=srv; started_ns=5000000000; "
         "ended_ns=NULL; outcome=open; messages=1"},
        {"f5", &table_flow,
         "flow_id=5; kind=service-access; initiator=2; subject=srv; started_ns=5000000000; "
         "ended_ns=6000000000; outcome=timeout; reason=no answer; messages=3; interruptions=2; "
         "interruption_ns=750000000"},
        {"m2", NULL, "flow_id=5"});
    hand_expect("flows.db",
                "SELECT flow_id, kind, initiator, subject, parent_id, started_s, ended_s, "
                "duration_ms, outcome, reason, messages, interruptions, interruption_ms, "
                "plain_bytes, wire_bytes FROM v_flow",
                "1|pn-establishment|pne|home|NULL|1|1.5|500|done|NULL|4|0|0|300|500\n"
                "2|authentication|gw|pne|1|1.1|1.2|100|refused|status 401|4|0|0|0|0\n"
                "3|pn-establishment|pne|home|NULL|3|4|1000|done|NULL|5|1|250|0|0\n"
                "4|service-access|pne|srv|NULL|5|NULL|NULL|open|NULL|1|0|0|0|0\n"
                "5|service-access|pne|srv|NULL|5|6|1000|timeout|no answer|3|2|750|0|0\n");
    hand_expect("flows.db", "SELECT message_id, flow_id FROM v_message WHERE flow_id IS NOT NULL",
                "2|5\n");
    hand_expect("flows.db",
                "SELECT metric, subject, value FROM v_metric WHERE (metric LIKE 'flow%' OR metric "
                "LIKE 'interruption%') AND metric NOT LIKE '%.p__' AND (subject IS NULL OR "
                "subject IS NOT 'authentication') AND value > 0 ORDER BY subject, metric",
                "flow_ms.max|NULL|1000\n"
                "flow_ms.mean|NULL|750\n"
                "flows.begun|NULL|5\n"
                "flows.done|NULL|2\n"
                "flows.interrupted|NULL|2\n"
                "flows.open|NULL|1\n"
                "flows.refused|NULL|1\n"
                "flows.timeout|NULL|1\n"
                "interruption_ms.max|NULL|750\n"
                "interruption_ms.mean|NULL|500\n"
                "flow_ms.max|pn-establishment|1000\n"
                "flow_ms.mean|pn-establishment|750\n"
                "flows.begun|pn-establishment|2\n"
                "flows.done|pn-establishment|2\n"
                "flows.interrupted|pn-establishment|1\n"
                "interruption_ms.max|pn-establishment|250\n"
                "interruption_ms.mean|pn-establishment|250\n"
                "flows.begun|service-access|2\n"
                "flows.interrupted|service-access|1\n"
                "flows.open|service-access|1\n"
                "flows.timeout|service-access|1\n"
                "interruption_ms.max|service-access|750\n"
                "interruption_ms.mean|service-access|750\n");
}

static void account(void **state)
{
    (void)state;
    RUN("account.db",
        {"a1", &table_message_account, "type=KeepAlive; outcome=sent; messages=9; plain_bytes=900"},
        {"a2", &table_message_account, "type=KeepAlive; outcome=delivered; messages=9"},
        {"a3", &table_message_account,
         "type=SGMessage; outcome=sent; messages=20; plain_bytes=2000"},
        {"a4", &table_message_account, "type=SGMessage; outcome=delivered; messages=9"},
        {"a5", &table_message_account, "type=SGMessage; outcome=lost; reason=down; messages=2"},
        {"a6", &table_message_account, "type=SGMessage; outcome=lost; reason=loss; messages=5"},
        {"a7", &table_message_account,
         "type=SGMessage; outcome=refused; reason=not_a_member; messages=3"},
        {"a8", &table_message_account, "type=SGMessage; outcome=in_flight; messages=1"},
        {"a9", &table_message_account, "type=X; outcome=sent; messages=2"},
        {"a10", &table_message_account, "type=X; outcome=lost; messages=1"});
    hand_expect("account.db", "SELECT * FROM v_message_account",
                "KeepAlive|9|9|0|0|0|1|NULL|NULL|900\n"
                "SGMessage|20|9|7|3|1|1|loss 5, down 2|not_a_member 3|2000\n"
                "X|2|0|1|0|0|0|unknown 1|NULL|0\n");
}

/* Who is where at the end, as server (0), gateway (1) and PNE (2) have it. */
#define IN_PN "; pn=home; member=2; state="
#define IN_GROUP "; service_group=vitals; member=2; state="

static void stores(void **state)
{
    (void)state;
    static const char *const words[] = {"member", "joining"};
    static const struct {
        const char *pn, *group; /* rows of the views */
    } wanted[] = {
        {"home|pne|gw|NULL|0|1|1|0\n", "vitals|pne|1|0|0|1|1|0\n"}, /* not yet at the server, */
        {"home|pne|gw|pne|1|0|1|0\n", "vitals|pne|1|1|1|0|1|0\n"},  /* ... the gateway, */
        {"home|pne|gw|pne|1|1|0|0\n", "vitals|pne|1|1|1|1|0|0\n"},  /* ... the PNE; */
        {"home|pne|gw|pne|1|1|1|1\n", "vitals|pne|1|1|1|1|1|1\n"},  /* at all of them */
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(wanted); i++) {
        char pn[3][80];
        char group[3][80];
        for (size_t k = 0; k < 3; k++) {
            const char *word = words[k == i];
            snprintf(pn[k], sizeof(pn[k]), "holder=%zu" IN_PN "%s%s", k, word,
                     k == 0 ? "; mode=pne" : "");
            snprintf(group[k], sizeof(group[k]), "holder=%zu" IN_GROUP "%s", k, word);
        }
        RUN("stores.db",
            {"pn0", &table_store_pn, "holder=0; pn=home; state=stored; gateway=gw; lease_end_ns=9"},
            {"pn1", &table_store_pn, "holder=1; pn=home; state=active; gateway=gw"},
            {"pm0", &table_store_pn_member, pn[0]}, {"pm1", &table_store_pn_member, pn[1]},
            {"pm2", &table_store_pn_member, pn[2]},
            {"sg0", &table_store_group, "holder=0; service_group=vitals; owner=pne; joining=open"},
            {"sm0", &table_store_group_member, group[0]},
            {"sm1", &table_store_group_member, group[1]},
            {"sm2", &table_store_group_member, group[2]});
        hand_expect("stores.db", "SELECT * FROM v_pn_member", wanted[i].pn);
        hand_expect("stores.db", "SELECT * FROM v_group_member", wanted[i].group);
    }
    /* A gateway that is not the PN's lists it too; the PN is nowhere but at its gateway; a member
     * of a group is in no PN. */
    RUN("odd.db", {"gw2", &table_entity, "entity_id=3; name=gw2; entry=gw2; role=gateway"},
        {"pn0", &table_store_pn, "holder=0; pn=home; state=stored; gateway=gw"},
        {"pm0", &table_store_pn_member, "holder=0" IN_PN "member; mode=pne"},
        {"pm1", &table_store_pn_member, "holder=1" IN_PN "member"},
        {"pm2", &table_store_pn_member, "holder=2" IN_PN "member"},
        {"pm3", &table_store_pn_member, "holder=3" IN_PN "member"},
        {"pn1", &table_store_pn, "holder=1; pn=lost; state=active; gateway=gw"},
        {"lost", &table_store_pn_member, "holder=1; pn=lost; member=3; state=member"},
        {"sm0", &table_store_group_member,
         "holder=0; service_group=vitals; member=1; state=member"},
        {"sm1", &table_store_group_member,
         "holder=1; service_group=vitals; member=1; state=member"});
    hand_expect("odd.db", "SELECT * FROM v_pn_member ORDER BY pn",
                "home|pne|gw|pne|1|0|1|0\nlost|gw2|gw|NULL|0|1|0|0\n");
    hand_expect("odd.db", "SELECT * FROM v_group_member", "vitals|gw|0|0|1|0|1|1\n");
}

/* What was looked for and found, what arrived otherwise, and what was never sent. */
static void what_happened_to_a_hop_is_told(void **state)
{
    (void)state;
    RUN("hops.db",
        {"f", &table_wire_finding,
         "link_id=1; packet=7; at_ns=1500000000; message_id=2; hop=0; packet_offset=52; bytes=23"},
        {"f2", &table_wire_finding,
         "link_id=1; packet=9; at_ns=1600000000; message_id=2; hop=0; packet_offset=60; bytes=30"},
        {"m2h1", NULL, "received_hash=ff"}, {"m3h0", NULL, "watched=0"},
        {"m3h1", NULL, "sent_ns=NULL; received_ns=NULL; outcome=lost; reason=no_session"});
    hand_expect("hops.db",
                "SELECT message_id, hop, confidentiality, integrity, authenticity, evidence"
                " FROM v_message_hop WHERE exemption IS NULL ORDER BY message_id, hop",
                "2|0|violated|NULL|NULL|link pne--gw, packet 7, offset 52: 23 octets of it\n"
                "2|1|held|violated|violated|sent a2, received ff\n"
                "3|0|NULL|NULL|NULL|NULL\n"
                "3|1|NULL|NULL|NULL|NULL\n");
}

/* Percentiles by nearest rank: the smallest value that p % of all do not exceed. */
static void set_up_times(void **state)
{
    (void)state;
    struct recorder *rec = hand_open("setup.db");
    hand_put(rec, &table_entity, "entity_id=0; name=gw; role=gateway");
    hand_put(rec, &table_entity, "entity_id=1; name=pne; role=pne; peer_id=0");
    hand_put(rec, &table_link, "link_id=0; name=pne--gw; a=1; b=0");
    int id = 0;
    /* 1 to 200 ms in an order that is not theirs; 1 to 20 ms resumed; 1 alone; failed ones */
    for (int i = 0; i < 200; i++) {
        char *row = mem_printf("session_id=%d; hop=pne-gateway; initiator=1; kind=tls; "
                               "version=TLSv1.3; resumed=0; started_ns=5000000; "
                               "established_ns=%d000000; outcome=closed",
                               ++id, 5 + (i * 77) % 200 + 1);
        hand_put(rec, &table_session, row);
        free(row);
    }
    for (int i = 20; i > 0; i--) {
        char *row = mem_printf("session_id=%d; hop=pne-gateway; initiator=1; kind=tls; "
                               "version=TLSv1.3; resumed=1; established_ns=%d000000; "
                               "outcome=closed",
                               ++id, i);
        hand_put(rec, &table_session, row);
        free(row);
    }
    hand_put(rec, &table_session,
             "session_id=300; hop=gateway-server; kind=tls; version=TLSv1.2; resumed=0; "
             "established_ns=42000000; outcome=established");
    hand_put(rec, &table_session,
             "session_id=301; hop=gateway-server; kind=tls; version=TLSv1.2; resumed=0; "
             "outcome=failed; failure=unknown_ca");
    hand_put(rec, &table_session,
             "session_id=302; hop=gateway-server; kind=tls; outcome=failed; failure=timeout");
    hand_put(rec, &table_session,
             "session_id=303; hop=gateway-server; kind=tls; outcome=failed; failure=timeout");
    hand_close(rec, "ok");
    hand_expect("setup.db", "SELECT * FROM v_setup_stats ORDER BY hop, kind, version, resumed",
                "gateway-server|tls|NULL|NULL|2|2|NULL|NULL|NULL|NULL|NULL\n"
                "gateway-server|tls|TLSv1.2|0|2|1|42|42|42|42|42\n"
                "pne-gateway|tls|TLSv1.3|0|200|0|100.5|100|190|198|200\n"
                "pne-gateway|tls|TLSv1.3|1|20|0|10.5|10|19|20|20\n");
    hand_expect("setup.db", "SELECT * FROM v_failure ORDER BY sessions, failure",
                "gateway-server|tls|unknown_ca|1\n"
                "gateway-server|tls|timeout|2\n");
    hand_expect("setup.db",
                "SELECT metric, subject, value FROM v_metric WHERE subject IS 'gateway--server'"
                " ORDER BY metric",
                "sessions.established|gateway--server|1\n"
                "sessions.failed|gateway--server|3\n"
                "setup_ms.max|gateway--server|42\n"
                "setup_ms.mean|gateway--server|42\n"
                "setup_ms.p50|gateway--server|42\n"
                "setup_ms.p95|gateway--server|42\n"
                "setup_ms.p99|gateway--server|42\n");
    hand_expect("setup.db",
                "SELECT value FROM v_metric WHERE metric = 'sessions.established' AND"
                " subject IS NULL",
                "221\n");
}

static void metrics_of_messages(void **state)
{
    (void)state;
    hand_expect("sound.db",
                "SELECT metric, subject, value FROM v_metric WHERE metric NOT LIKE '%.p__'"
                " AND (subject IS NULL OR subject LIKE 'S%') AND metric NOT LIKE 's%'"
                " ORDER BY subject, metric",
                "delivery_ratio|NULL|0.75\n"
                "latency_ms.max|NULL|1300\n"
                "latency_ms.mean|NULL|506.666667\n"
                "messages.delivered|NULL|3\n"
                "messages.lost|NULL|1\n"
                "messages.refused|NULL|0\n"
                "messages.sent|NULL|4\n"
                "delivery_ratio|SGMessage|0\n"
                "messages.delivered|SGMessage|0\n"
                "messages.lost|SGMessage|1\n"
                "messages.refused|SGMessage|0\n"
                "messages.sent|SGMessage|1\n"
                "delivery_ratio|ServiceAccessRequest|1\n"
                "latency_ms.max|ServiceAccessRequest|1300\n"
                "latency_ms.mean|ServiceAccessRequest|1300\n"
                "messages.delivered|ServiceAccessRequest|1\n"
                "messages.lost|ServiceAccessRequest|0\n"
                "messages.refused|ServiceAccessRequest|0\n"
                "messages.sent|ServiceAccessRequest|1\n"
                "delivery_ratio|ServiceAccessResponse|1\n"
                "latency_ms.max|ServiceAccessResponse|200\n"
                "latency_ms.mean|ServiceAccessResponse|200\n"
                "messages.delivered|ServiceAccessResponse|1\n"
                "messages.lost|ServiceAccessResponse|0\n"
                "messages.refused|ServiceAccessResponse|0\n"
                "messages.sent|ServiceAccessResponse|1\n");
}

static void overhead_and_timeline(void **state)
{
    (void)state;
    hand_expect("sound.db", "SELECT * FROM v_overhead ORDER BY hop",
                "gateway-server|tls|180|224|1.24444444\n"
                "pne-gateway|tls|180|224|1.24444444\n");
    RUN("time.db",
        {"e1", &table_event, "at_ns=1400000000; what=link_down; subject=pne--gw; detail=cut"},
        {"e2", &table_event, "at_ns=100000000; what=link_up; subject=pne--gw"},
        {"a1", &table_alert,
         "session_id=1; side=responder; direction=sent; level=fatal; code=48; name=unknown_ca; "
         "at_ns=8000000000"},
        {"a2", &table_alert,
         "session_id=1; side=initiator; direction=sent; level=warning; name=close_notify; "
         "at_ns=8500000000"});
    hand_expect("time.db", "SELECT at_s, what, subject, detail FROM v_timeline",
                "0.1|link_up|pne--gw|NULL\n"
                "1.4|link_down|pne--gw|cut\n"
                "1.4|session_established|pne--gw|session 1: TLSv1.3 TLS_AES_256_GCM_SHA384\n"
                "2.1|session_established|gw--srv|session 2: TLSv1.3 TLS_AES_256_GCM_SHA384\n"
                "8|alert_sent|pne--gw|session 1: unknown_ca by the responder\n"
                "9|session_closed|pne--gw|session 1\n");
}

/* --- rules
 * ------------------------------------------------------------------------------------------ */

struct rule_case {
    const char *what;
    struct hand_change changes[5];
    const char *rows; /* rule|subject|at_s, in order */
};

static const struct rule_case rule_cases[] = {
    {"R1: no message of a hop was protected",
     {{"m2h1", NULL, "protected=0"}, {"m3h0", NULL, "protected=0"}},
     "R1|gw--srv|2.2\nR5|gw--srv|2.2\n"},
    {"R2: a session between a PNE and the server",
     {{"s1", NULL, "responder=0"}},
     "R2|session 1|1\nR2|session 1|1.5\n"},
    {"R2: a gateway that is not the PNE's", {{"pne", NULL, "peer_id=0"}}, "R2|session 1|1\n"},
    {"R2: a session that carried messages of others",
     {{"m3h0", NULL, "session_id=1"}},
     "R2|session 1|2.4\n"},
    {"R3: the PNE spoke before its session stood at both ends",
     {{"m2h0", NULL, "sent_ns=1399999999; received_ns=1450000000; protected=0"}},
     "R3|pne--gw|1.399999999\nR5|pne--gw|1.399999999\n"},
    {"R3: the PNE spoke through a session that never stood",
     {{"s1", NULL, "established_ns=NULL; outcome=failed; failure=timeout"},
      {"m2h0", NULL, "protected=0"},
      {"m3h1", NULL, "protected=0"}},
     "R1|pne--gw|1.5\nR3|pne--gw|1.5\nR5|pne--gw|1.5\n"},
    {"R4: the gateway spoke before its session stood",
     {{"m2h1", NULL, "sent_ns=2050000000; protected=0"}},
     "R4|gw--srv|2.05\nR5|gw--srv|2.05\n"},
    {"R4: two sessions of a gateway with its server at once",
     {{"s3", &table_session,
       "session_id=3; hop=gateway-server; link_id=0; initiator=1; responder=0; kind=tls; "
       "cipher_bits=128; started_ns=3000000000; established_ns=3100000000; outcome=established"}},
     "R4|gw--srv|3.1\n"},
    {"not R4: one session after the other",
     {{"s2", NULL, "ended_ns=3000000000; outcome=closed"},
      {"s3", &table_session,
       "session_id=3; hop=gateway-server; link_id=0; initiator=1; responder=0; kind=tls; "
       "cipher_bits=128; started_ns=3000000000; established_ns=3100000000; outcome=established"}},
     ""},
    {"not R4: two sessions of a PNE with its gateway at once",
     {{"s3", &table_session,
       "session_id=3; hop=pne-gateway; link_id=1; initiator=2; responder=1; kind=tls; "
       "cipher_bits=128; started_ns=3000000000; established_ns=3100000000; outcome=established"}},
     ""},
    {"R5: one message beside the session",
     {{"m3h1", NULL, "session_id=NULL; protected=0"}},
     "R5|pne--gw|2.5\n"},
    {"not R5: the same to a Service Group",
     {{"m3h1", NULL, "session_id=NULL; protected=0; exemption=service_group"}},
     ""},
    {"not R5: a message that never left",
     {{"m3h1", NULL, "session_id=NULL; protected=0; sent_ns=NULL; received_ns=NULL; outcome=lost"}},
     ""},
    {"R6: plaintext on the link",
     {{"f", &table_wire_finding,
       "link_id=0; packet=3; at_ns=2200000000; message_id=2; hop=1; bytes=23"}},
     "R6|gw--srv|2.2\n"},
    {"R6: other octets than sent", {{"m3h1", NULL, "received_hash=ff"}}, "R6|pne--gw|2.6\n"},
    {"R6: a cipher that encrypts nothing",
     {{"s1", NULL, "cipher=TLS_RSA_WITH_NULL_SHA; cipher_bits=0"},
      {"m2h0", NULL, "protected=0"},
      {"m3h1", NULL, "protected=0"}},
     "R1|pne--gw|1.5\nR5|pne--gw|1.5\nR6|pne--gw|1.4\n"},
};

static void every_rule_is_seen_when_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(rule_cases); i++) {
        const struct rule_case *c = &rule_cases[i];
        size_t count = 0;
        while (count < SIM_ARRAY_LEN(c->changes) && c->changes[count].label != NULL) {
            count++;
        }
        hand_run("rule.db", "ok", c->changes, count);
        char *rows =
            hand_rows("rule.db", "SELECT rule, subject, printf('%.10g', at_s) FROM v_violation"
                                 " ORDER BY rule, subject, at_s");
        if (strcmp(rows, c->rows) != 0) {
            print_error("%s\nexpected:\n%sgot:\n%s", c->what, c->rows, rows);
        }
        assert_string_equal(rows, c->rows);
        free(rows);
        hand_expect("rule.db",
                    "SELECT count(*) FROM v_violation WHERE length(evidence) < 20"
                    " OR evidence IS NULL",
                    "0\n");
    }
}

static void evidence_leads_to_the_row(void **state)
{
    (void)state;
    RUN("evidence.db", {"m3h1", NULL, "session_id=NULL; protected=0"});
    hand_expect("evidence.db", "SELECT evidence FROM v_violation",
                "1 messages that are not exempt were sent unprotected, the first is 3\n");
    RUN("evidence.db", {"f", &table_wire_finding,
                        "link_id=0; packet=3; at_ns=2200000000; message_id=2; hop=1; bytes=23"});
    hand_expect("evidence.db", "SELECT evidence FROM v_violation",
                "plaintext of 1 messages was found on the link, first of message 2 in packet 3\n");
}

/* --- expectations
 * ----------------------------------------------------------------------------------- */

#define CLAIM(id, name, subject)                                                                   \
    {                                                                                              \
        "x" #id, &table_expect,                                                                    \
            "expect_id=" #id "; line=" #id "; kind=claim; name=" name "; subject=" subject         \
    }
#define METRIC(id, name, subject, bounds)                                                          \
    {                                                                                              \
        "x" #id, &table_expect,                                                                    \
            "expect_id=" #id "; line=" #id "; kind=metric; name=" name "; subject=" subject        \
            "; " bounds                                                                            \
    }
#define CLAIMS                                                                                     \
    CLAIM(1, "no-plaintext-on-wire", "NULL"), CLAIM(2, "mutual-authentication", "NULL"),           \
        CLAIM(3, "every-signalling-message-protected", "NULL"),                                    \
        CLAIM(4, "no-plaintext-on-wire", "pne--gateway"),                                          \
        CLAIM(5, "mutual-authentication", "pne--gateway"),                                         \
        CLAIM(6, "every-signalling-message-protected", "pne--gateway"),                            \
        CLAIM(7, "no-plaintext-on-wire", "gateway--server"),                                       \
        CLAIM(8, "mutual-authentication", "gateway--server"),                                      \
        CLAIM(9, "every-signalling-message-protected", "gateway--server")

static const char verdicts[] = "SELECT expect_id, verdict, measured FROM v_expect";

static void claims(void **state)
{
    (void)state;
    RUN("claims.db", CLAIMS);
    hand_expect("claims.db", verdicts,
                "1|held|0\n2|held|0\n3|held|0\n4|held|0\n5|held|0\n6|held|0\n7|held|0\n8|held|0\n"
                "9|held|0\n");
    hand_expect("claims.db", "SELECT * FROM v_violation", "");
    hand_expect("claims.db", "SELECT evidence FROM v_expect WHERE expect_id IN (1, 2, 3)",
                "4 messages looked for in 17000 octets of 2 links: 0 found\n"
                "2 established sessions, 0 of them not authenticated both ways\n"
                "4 message hops that are not exempt, 0 of them unprotected\n");
    RUN("claims.db", CLAIMS,
        {"f", &table_wire_finding,
         "link_id=0; packet=3; at_ns=2200000000; message_id=2; hop=1; bytes=23"},
        {"f2", &table_wire_finding,
         "link_id=0; packet=4; at_ns=2200000000; message_id=2; hop=1; bytes=23"},
        {"s1r", NULL, "peer_auth=none; peer_id=NULL"},
        {"m3h1", NULL, "session_id=NULL; protected=0"});
    hand_expect("claims.db", verdicts,
                "1|violated|1\n2|violated|1\n3|violated|1\n4|held|0\n5|violated|1\n6|violated|1\n"
                "7|violated|1\n8|held|0\n9|held|0\n");
    hand_expect("claims.db",
                "SELECT rule, subject, at_s FROM v_violation WHERE rule NOT LIKE 'R_'"
                " ORDER BY rule, subject",
                "every-signalling-message-protected|everything|NULL\n"
                "every-signalling-message-protected|pne--gateway|NULL\n"
                "mutual-authentication|everything|NULL\n"
                "mutual-authentication|pne--gateway|NULL\n"
                "no-plaintext-on-wire|everything|NULL\n"
                "no-plaintext-on-wire|gateway--server|NULL\n");
}

/* 0-RTT data: for the rules it is of the session that is resumed; that it left before the new one
 * stood is a claim's. */
static void early_data(void **state)
{
    (void)state;
    static const struct {
        const char *hop, *session;
        const char *rules, *claim;
    } cases[] = {
        {"early=accepted; sent_ns=1100000000", "resumed=1", "", "violated|1\n"},
        {"early=rejected; sent_ns=1100000000", "resumed=0", "", "violated|1\n"},
        {"early=offered; sent_ns=1100000000", "resumed=1", "", "violated|1\n"},
        /* The message in the other direction has no such excuse. */
        {"early=accepted; sent_ns=1100000000", "established_ns=NULL", "R3\n", "violated|2\n"},
        {"sent_ns=1100000000", "resumed=1", "R3\n", "violated|1\n"},
        {"sent_ns=1500000000", "resumed=1", "", "held|0\n"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        RUN("early.db", CLAIM(1, "no-unconfirmed-message", "pne--gateway"),
            {"m2h0", NULL, cases[i].hop}, {"s1", NULL, cases[i].session});
        hand_expect("early.db", "SELECT DISTINCT rule FROM v_rule", cases[i].rules);
        hand_expect("early.db", "SELECT verdict, measured FROM v_expect", cases[i].claim);
    }
    RUN("early.db", {"m2h0", NULL, "early=accepted; sent_ns=1100000000"}, {"s1", NULL, "resumed=1"},
        {"s1i", NULL, "early_data=accepted; early_bytes=105"},
        {"s1r", NULL, "early_data=accepted; early_bytes=105"});
    hand_expect("early.db", "SELECT early_data, early_bytes FROM v_session",
                "accepted|105\nNULL|0\n");
    hand_expect("early.db",
                "SELECT message_id, hop, protected, early FROM v_message_hop WHERE"
                " early IS NOT NULL",
                "2|0|1|accepted\n");
    hand_expect("early.db", "SELECT count(*) FROM v_violation", "0\n");
}

static void what_proves_a_peer(void **state)
{
    (void)state;
    static const struct {
        const char *cells;
        const char *rows;
    } cases[] = {
        {"peer_auth=certificate; peer_id=urn:gw", "held\n"},
        {"peer_auth=psk; peer_id=gw", "held\n"},
        {"peer_auth=resumption (certificate); peer_id=urn:gw", "held\n"},
        {"peer_auth=certificate; peer_id=NULL", "violated\n"},
        {"peer_auth=certificate; peer_id=", "violated\n"},
        {"peer_auth=resumption (none); peer_id=urn:gw", "violated\n"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        RUN("peer.db", CLAIM(1, "mutual-authentication", "NULL"), {"s1i", NULL, cases[i].cells});
        hand_expect("peer.db", "SELECT verdict FROM v_expect", cases[i].rows);
    }
    /* an end whose own view is missing proves nothing; a failed session is no session */
    RUN("peer.db", CLAIM(1, "mutual-authentication", "NULL"), {"s1i", NULL, NULL});
    hand_expect("peer.db", "SELECT verdict FROM v_expect", "violated\n");
    RUN("peer.db", CLAIM(1, "mutual-authentication", "gateway--server"),
        {"s2", NULL, "established_ns=NULL; outcome=failed"}, {"s2i", NULL, "peer_auth=NULL"});
    hand_expect("peer.db", "SELECT verdict FROM v_expect", "unknown\n");
}

static void where_there_is_nothing_to_judge_the_verdict_is_unknown(void **state)
{
    (void)state;
    RUN("nothing.db", CLAIM(1, "no-plaintext-on-wire", "NULL"), {"m2h0", NULL, "watched=0"},
        {"m2h1", NULL, "watched=0"}, {"m3h0", NULL, "watched=0"}, {"m3h1", NULL, "watched=0"});
    hand_expect("nothing.db", "SELECT verdict FROM v_expect", "unknown\n");
    struct recorder *rec = hand_open("nothing.db");
    const struct hand_change rows[] = {CLAIMS, METRIC(10, "setup_ms.p95", "NULL", "maximum=5"),
                                       METRIC(11, "sessions.failed", "NULL", "maximum=0"),
                                       METRIC(12, "messages.lost", "NULL", "maximum=0"),
                                       METRIC(13, "delivery_ratio", "SGMessage", "minimum=0.9")};
    for (size_t i = 0; i < SIM_ARRAY_LEN(rows); i++) {
        hand_put(rec, rows[i].table, rows[i].cells);
    }
    hand_close(rec, "ok");
    hand_expect("nothing.db", "SELECT DISTINCT verdict FROM v_expect", "unknown\n");
    hand_expect("nothing.db", "SELECT count(*) FROM v_expect", "13\n");
    hand_expect("nothing.db", "SELECT * FROM v_violation", "");
}

static void bounds(void **state)
{
    (void)state;
    RUN("bounds.db", METRIC(1, "setup_ms.max", "pne--gateway", "maximum=400"),
        METRIC(2, "setup_ms.max", "pne--gateway", "maximum=399.999"),
        METRIC(3, "setup_ms.max", "gateway--server", "minimum=100"),
        METRIC(4, "setup_ms.max", "gateway--server", "minimum=100.001"),
        METRIC(5, "setup_ms.mean", "NULL", "minimum=200; maximum=300"),
        METRIC(6, "latency_ms.p50", "ServiceAccessResponse", "minimum=1; maximum=2"),
        METRIC(7, "messages.delivered", "ServiceAccessRequest", "minimum=1; maximum=1"),
        METRIC(8, "delivery_ratio", "NULL", "minimum=0.76"),
        METRIC(9, "sessions.failed", "pne--gateway", "maximum=0"));
    hand_expect("bounds.db", verdicts,
                "1|held|400\n2|violated|400\n3|held|100\n4|violated|100\n5|held|250\n"
                "6|violated|200\n7|held|1\n8|violated|0.75\n9|held|0\n");
    hand_expect("bounds.db",
                "SELECT rule, subject, evidence FROM v_violation WHERE rule LIKE '%max'"
                " ORDER BY subject",
                "setup_ms.max|gateway--server|measured 100\n"
                "setup_ms.max|pne--gateway|measured 400\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_run_breaks_no_rule),
        cmocka_unit_test(sessions),
        cmocka_unit_test(messages),
        cmocka_unit_test(what_happened_to_a_hop_is_told),
        cmocka_unit_test(set_up_times),
        cmocka_unit_test(account),
        cmocka_unit_test(flows),
        cmocka_unit_test(stores),
        cmocka_unit_test(metrics_of_messages),
        cmocka_unit_test(overhead_and_timeline),
        cmocka_unit_test(every_rule_is_seen_when_broken),
        cmocka_unit_test(evidence_leads_to_the_row),
        cmocka_unit_test(claims),
        cmocka_unit_test(early_data),
        cmocka_unit_test(what_proves_a_peer),
        cmocka_unit_test(where_there_is_nothing_to_judge_the_verdict_is_unknown),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
