/* 0-RTT data in whole runs: what goes with the first flight, what comes of it when the responder
 * will not have it, that nothing is lost or doubled; and who sends it a second time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

/* Sensors that wake every ten seconds, and whose sessions live for five. */
static const char text[] =
    "cpns: 1\n"
    "name: early\n"
    "run: {until: %d s, seed: 3}\n"
    "params: {policy: early}\n"
    "security:\n"
    "  policies:\n"
    "    plain: {versions: [\"1.3\"], session_lifetime: 5 s}\n"
    "    early: {extends: plain, early_data: 4 kB}\n"
    "    little: {extends: plain, early_data: 700 B}\n"
    "    broken-early: {extends: early, anti_replay: none}\n"
    "    old: {extends: plain, versions: [\"1.2\"]}\n"
    "    clear: {kind: clear}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: far, role: pne, attach: {to: gw/2, link: wlan}}\n"
    "workload:\n"
    "  - {every: 10 s, start: 20 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "%s";

static int run(int until, const char *more, const char *set)
{
    char *yaml = mem_printf(text, until, more);
    int code = whole_run("early", yaml, set);
    free(yaml);
    return code;
}

static void assert_rows(const char *sql, const char *wanted)
{
    char *rows = whole_rows("early", sql);
    assert_string_equal(rows, wanted);
    free(rows);
}

static double number(const char *sql)
{
    char *value = whole_text("early", sql);
    assert_non_null(value);
    double d = strtod(value, NULL);
    free(value);
    return d;
}

/* Sent is delivered, once, but for what is under way when the run ends; nothing came that nobody
 * sent; both ends know the same of each session's early data. */
static void assert_nothing_lost_or_doubled(void)
{
    assert_rows("SELECT DISTINCT outcome FROM message WHERE outcome NOT IN ('delivered', "
                "'in_flight')",
                "");
    assert_rows("SELECT what FROM event WHERE what IN ('unknown_message', 'bad_frame')", "");
    assert_rows("SELECT message_id FROM message_hop GROUP BY message_id, hop HAVING count(*) > 1",
                "");
    assert_rows("SELECT sum(i.messages_sent) - sum(r.messages_received) FROM session_end i JOIN "
                "session_end r USING (session_id) WHERE i.side <> r.side",
                "0\n");
    assert_rows("SELECT i.session_id FROM session_end i JOIN session_end r USING (session_id) JOIN"
                " session s USING (session_id) WHERE i.side = 'initiator' AND r.side = 'responder'"
                " AND s.established_ns IS NOT NULL AND"
                " (coalesce(i.early_data, '') <> coalesce(r.early_data, '') OR"
                " (i.early_data = 'accepted' AND i.early_bytes <> r.early_bytes))",
                "");
}

static const char latency[] =
    "SELECT avg(received_s - queued_s) FROM v_message_hop h JOIN message m USING (message_id)"
    " WHERE type = 'ServiceAccessRequest' AND sender LIKE 'pne/%' AND queued_s > 25";
static const char handshake[] =
    "SELECT avg(handshake_bytes) FROM v_session WHERE hop = 'pne-gateway' AND resumed = 1";

/* pne --> gw: ClientHello, 0-RTT data; only then gw --> pne: ServerHello ... */
static void it_is_taken_before_the_session_stands(void **state)
{
    (void)state;
    assert_int_equal(run(119, "", "--set policy=plain"), 0);
    double without = number(latency);
    double octets = number(handshake);
    assert_rows("SELECT count(*) FROM session_end WHERE early_data IS NOT NULL OR early_bytes > 0",
                "0\n");
    assert_int_equal(run(119, "", ""), 0);
    char *first = whole_rows("early", "SELECT * FROM message_hop");
    assert_nothing_lost_or_doubled();
    /* Each session but the first is resumed and begins with a reading. */
    assert_rows("SELECT resumed, early_data, count(*), min(early_bytes) > 300 FROM v_session"
                " WHERE hop = 'pne-gateway' AND initiator LIKE 'pne/%' AND outcome = 'closed'"
                " GROUP BY 1, 2",
                "0|NULL|2|0\n1|accepted|18|1\n");
    assert_rows("SELECT early, outcome, protected, confidentiality, count(*), count(DISTINCT"
                " session_id) FROM v_message_hop WHERE early IS NOT NULL GROUP BY 1, 2, 3, 4",
                "accepted|delivered|1|held|18|18\n");
    assert_rows("SELECT count(*) FROM message_hop h JOIN session s USING (session_id) WHERE"
                " (h.received_ns < s.established_ns) <> (h.early IS NOT NULL)",
                "0\n");
    /* The receiver knew the sender by the ticket alone, and its reply waited for the session. */
    assert_rows("SELECT DISTINCT origin, m.outcome, h.sent_ns >= s.established_ns FROM message m"
                " JOIN message_hop h USING (message_id) JOIN session s USING (session_id)"
                " WHERE type = 'ServiceAccessResponse' AND h.hop = 1 AND s.resumed",
                "srv|delivered|1\n");
    /* A handshake on these devices takes a second of computing on each side. */
    double with = number(latency);
    assert_true(with < 0.6 * without);
    /* Its octets are no octets of the handshake: but for the extension and EndOfEarlyData. */
    assert_true(number(handshake) - octets > 20 && number(handshake) - octets < 60);
    assert_rows("SELECT * FROM v_violation", "");
    assert_int_equal(run(119, "", "--workers 3"), 0);
    char *again = whole_rows("early", "SELECT * FROM message_hop");
    assert_string_equal(first, again);
    free(first);
    free(again);
}

/* The rules take it for part of the session that is resumed; a claim does not. */
static void the_strict_reading_is_a_claim(void **state)
{
    (void)state;
    static const char claim[] = "expect: [{claim: no-unconfirmed-message}, "
                                "{claim: every-signalling-message-protected}]\n";
    assert_int_equal(run(45, claim, "--set policy=plain"), 0);
    assert_int_equal(run(45, claim, ""), 1);
    assert_rows("SELECT name, verdict, measured FROM v_expect ORDER BY expect_id",
                "no-unconfirmed-message|violated|4\nevery-signalling-message-protected|held|0\n");
}

/* gw <-- pne: ClientHello, 0-RTT data; the link fails before the answer, and the handshake ends by
 * its time-out. The ticket is used again, and the responder remembers it: what comes with it is
 * sent again when the session stands. */
static void a_ticket_used_twice(void **state)
{
    (void)state;
    assert_int_equal(run(45, "", ""), 0);
    double taken = number("SELECT min(received_s) FROM v_message_hop WHERE early = 'accepted' AND"
                          " sender = 'pne/1'");
    char fault[128];
    snprintf(fault, sizeof(fault),
             "faults:\n  - {at: %.6f s, for: 31 s, do: link-down, target: pne/1--gw/1}\n",
             taken + 0.0001);
    assert_int_equal(run(150, fault, ""), 0);
    assert_rows("SELECT coalesce(resumed, 0), early_data, outcome, failure FROM v_session WHERE"
                " initiator = 'pne/1' AND started_s > 25 ORDER BY started_s LIMIT 3",
                "0|offered|failed|timeout\n1|rejected|closed|NULL\n1|accepted|closed|NULL\n");
    assert_rows("SELECT s.early_data, h.early, h.outcome, h.protected,"
                " h.wire_bytes > 2 * h.plain_bytes, h.sent_s < s.established_s,"
                " h.received_s > s.established_s FROM v_message_hop h JOIN v_session s"
                " USING (session_id) WHERE h.early IS NOT NULL AND sender = 'pne/1'"
                " ORDER BY h.session_id LIMIT 2",
                "offered|accepted|delivered|1|0|NULL|NULL\n"
                "rejected|rejected|delivered|1|1|1|1\n");
    assert_rows("SELECT what FROM event WHERE what IN ('unknown_message', 'bad_frame')", "");
    assert_rows("SELECT message_id FROM message_hop GROUP BY message_id, hop HAVING count(*) > 1",
                "");
}

/* What is too long for it waits, and what comes behind keeps its turn. */
static void what_does_not_fit_waits(void **state)
{
    (void)state;
    static const char two[] =
        "  - {every: 10 s, start: 20 s, do: service-access, from: pne/2, to: srv, size: 30 B}\n";
    assert_int_equal(run(65, "", "--set policy=little"), 0);
    assert_nothing_lost_or_doubled();
    assert_rows("SELECT count(*) FROM message_hop WHERE early IS NOT NULL", "0\n");
    assert_int_equal(run(65, two, "--set policy=little"), 0);
    assert_nothing_lost_or_doubled();
    assert_rows("SELECT count(*) FROM message_hop WHERE early IS NOT NULL", "0\n");
    assert_int_equal(run(65, two, ""), 0);
    assert_nothing_lost_or_doubled();
    assert_rows(
        "SELECT sender, messages, count(*) FROM (SELECT sender, session_id, count(*) AS"
        " messages FROM v_message_hop WHERE early = 'accepted' GROUP BY 1, 2) GROUP BY 1, 2",
        "pne/1|1|4\npne/2|2|4\n");
    assert_rows("SELECT * FROM v_violation", "");
}

/* --- who sends it a second time
 * ------------------------------------------------------------------------------------------- */

struct replay {
    const char *policy, *params, *wanted;
    int code;
};

static int replay(const char *policy, const char *fidelity, const char *params)
{
    char attackers[512];
    char set[96];
    snprintf(attackers, sizeof(attackers),
             "attackers:\n"
             "  - {id: mallory, kind: zero-rtt-replay, target: pne/1--gw/1, params: {%s}}\n"
             "expect: [{claim: replay-protection}]\n",
             params);
    snprintf(set, sizeof(set), "--set policy=%s --set fidelity=%s", policy, fidelity);
    return run(68, attackers, set);
}

#define REJECTED "held|early data rejected|responder|0 of 1\n"
#define TAKEN "violated|NULL|NULL|1 of 1\n"

/* What the trials of a run came to, all alike. */
static void assert_replay(const struct replay *r, const char *fidelity)
{
    int code = replay(r->policy, fidelity, r->params);
    char *rows =
        whole_rows("early", "SELECT DISTINCT verdict, detected_by, side, substr(evidence, 1, 6)"
                            " FROM v_probe WHERE kind = 'zero-rtt-replay'");
    if (strcmp(rows, r->wanted) != 0 || code != r->code) {
        print_error("%s {%s}, %s: exit %d, outcomes\n%s", r->policy, r->params, fidelity, code,
                    rows);
    }
    assert_string_equal(rows, r->wanted);
    assert_int_equal(code, r->code);
    free(rows);
}

/* mallory --> gw: what pne/1 sent first, once more */
static void the_responder_takes_it_once(void **state)
{
    (void)state;
    static const struct replay cases[] = {
        {"early", "", REJECTED, 0},
        {"early", "by: 1 ms", REJECTED, 0},
        {"early", "by: 15 s", REJECTED, 0},
        {"early", "to: gw/2", REJECTED, 0},
        {"broken-early", "", TAKEN, 1},
        {"broken-early", "by: 1 ms", TAKEN, 1},
        {"broken-early", "by: 8 s, count: 1", TAKEN, 1},
        /* Too late: the ticket's age is not what it claims (RFC 8446 8.3). */
        {"broken-early", "by: 15 s", REJECTED, 0},
        /* Another responder: its key opens no ticket of the first one's. */
        {"broken-early", "to: gw/2", REJECTED, 0},
        /* Without early data there is nothing to copy, and nothing is tested. */
        {"plain", "", "", 2},
        {"old", "", "", 2},
        {"clear", "", "", 1}, /* for other reasons */
    };
    static const char *const fidelities[] = {"packet", "fast"};
    for (size_t i = 0; i < 2 * SIM_ARRAY_LEN(cases); i++) {
        assert_replay(&cases[i / 2], fidelities[i % 2]);
    }
}

/* pne/1 --> mallory: the first flight, which is held back; mallory --> gw: its copy, the ticket of
 * which is fresh; pne/1 --> gw: the flight, which brings a used one, and then, the session stands,
 * the same message again. No memory of tickets helps (RFC 8446 section 8). */
static void a_copy_that_comes_first_is_taken_and_so_is_the_message(void **state)
{
    (void)state;
    static const struct replay cases[] = {
        {"early", "ahead: false", REJECTED, 0},
        {"early", "ahead: true", TAKEN, 1},
        {"early", "ahead: true, by: 15 s, count: 1", TAKEN, 1},
        /* Before the copy's connection stands, the flight is there: too late for the copy. */
        {"early", "ahead: true, by: 1 ms", REJECTED, 0},
        /* Another responder: its key opens no ticket of the first one's. */
        {"early", "ahead: true, to: gw/2", REJECTED, 0},
        /* Both are taken as early data. */
        {"broken-early", "ahead: true", TAKEN, 1},
        /* Nobody sends early data: nothing is held back, nothing is tested. */
        {"plain", "ahead: true", "", 2},
        {"little", "ahead: true", "", 2},
        {"old", "ahead: true", "", 2},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        assert_replay(&cases[i], "packet");
    }
    assert_replay(&cases[1], "fast");
}

/* The message is delivered once by the account of messages, its copy is what nobody sent; the
 * session that was held back is none the worse for it. */
static void what_comes_out_twice_is_counted_once(void **state)
{
    (void)state;
    assert_int_equal(run(65, "", ""), 0);
    double readings = number("SELECT count(*) FROM message WHERE type = 'ServiceAccessRequest' AND"
                             " outcome = 'delivered'");
    assert_int_equal(replay("early", "packet", "ahead: true"), 1);
    int64_t trials = whole_int("early", "SELECT count(*) FROM v_probe");
    assert_true(trials >= 4);
    assert_true(number("SELECT count(*) FROM message WHERE type = 'ServiceAccessRequest' AND"
                       " outcome = 'delivered'") >= readings);
    /* The flight of each that was tried: rejected, sent again, delivered in its own session. */
    assert_rows("SELECT p.subject, m.type, m.outcome, h.early, h.outcome, h.session_id <>"
                " p.session_id, i.early_data, r.early_data, i.messages_sent ="
                " r.messages_received, s.outcome, s.failure, count(*) = count(DISTINCT"
                " h.message_id) FROM v_probe p JOIN message m USING (message_id) JOIN"
                " v_message_hop h ON h.message_id = p.message_id AND h.hop = p.hop JOIN v_session s"
                " ON s.session_id = h.session_id JOIN session_end i ON i.session_id ="
                " h.session_id AND i.side = 'initiator' JOIN session_end r ON r.session_id ="
                " h.session_id AND r.side = 'responder' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
                "pne--gateway|ServiceAccessRequest|delivered|rejected|delivered|1|rejected|"
                "rejected|1|closed|NULL|1\n");
    /* Its copy: taken as early data, before the message itself came out. */
    assert_rows("SELECT s.cause, e.early_data, e.messages_received, (SELECT count(*) FROM event v"
                " WHERE v.what = 'unknown_message' AND v.at_ns BETWEEN s.started_s * 1e9 AND"
                " h.received_s * 1e9) FROM v_probe p JOIN v_session s USING (session_id) JOIN"
                " session_end e ON e.session_id = p.session_id AND e.side = 'responder' JOIN"
                " v_message_hop h ON h.message_id = p.message_id AND h.hop = p.hop GROUP BY 1, 2,"
                " 3, 4",
                "replayed|accepted|1|1\n");
    assert_int_equal(whole_int("early", "SELECT count(*) FROM event WHERE what ="
                                        " 'unknown_message' AND subject = 'pne/1'"),
                     trials);
    assert_rows("SELECT type FROM v_message_account WHERE NOT adds_up OR lost > 0 OR refused > 0",
                "");
    assert_rows("SELECT DISTINCT outcome FROM message WHERE outcome NOT IN ('delivered', "
                "'in_flight')",
                "");
    assert_rows("SELECT message_id FROM message_hop GROUP BY message_id, hop HAVING count(*) > 1",
                "");
    char *evidence = whole_text("early", "SELECT evidence FROM v_probe LIMIT 1");
    assert_non_null(strstr(evidence, " came out twice: 1 out of its copy, sent ahead, 1 out of "
                                     "the session, held back for 1 s; it passed in packet "));
    free(evidence);
}

/* gw <-- mallory: the copy, which is taken; the link fails before the flight may pass, and its
 * session comes to nothing: the message came out once. Where the run ends first, nobody knows. */
static void a_message_that_came_out_once_is_no_replay(void **state)
{
    (void)state;
    static const char attackers[] =
        "attackers:\n"
        "  - {id: mallory, kind: zero-rtt-replay, target: pne/1--gw/1, params: {ahead: true, by: "
        "8 s, count: 1}}\n"
        "%s"
        "expect: [{claim: replay-protection}]\n";
    char *more = mem_printf(attackers, "");
    assert_int_equal(run(68, more, ""), 1);
    double taken = number("SELECT at_s FROM v_probe");
    assert_int_equal(run((int)taken + 7, more, ""), 2);
    assert_rows("SELECT verdict, detected_by, substr(evidence, 1, 6) FROM v_probe",
                "inconclusive|NULL|0 of 1\n");
    free(more);
    char *fault = mem_printf(
        "faults:\n  - {at: %.3f s, for: 31 s, do: link-down, target: pne/1--gw/1}\n", taken + 5);
    more = mem_printf(attackers, fault);
    assert_int_equal(run(150, more, ""), 0);
    assert_rows("SELECT verdict, detected_by, side, substr(evidence, 1, 6) FROM v_probe",
                "held|timeout|NULL|0 of 1\n");
    free(more);
    free(fault);
}

/* What a verdict rests on: the session that was copied and its message, the packet, the session
 * that the copy made, what came out of it at whom. */
static void the_evidence_is_there(void **state)
{
    (void)state;
    assert_int_equal(replay("broken-early", "packet", "count: 2"), 1);
    assert_rows("SELECT p.link, p.subject, m.type, h.early, h.outcome, s.cause, s.initiator,"
                " s.responder, s.outcome FROM v_probe p JOIN message m USING (message_id)"
                " JOIN message_hop h ON h.message_id = p.message_id AND h.hop = p.hop"
                " JOIN v_session s ON s.session_id = p.session_id",
                "pne/1--gw/1|pne--gateway|ServiceAccessRequest|accepted|delivered|replayed|pne/1|"
                "gw/1|failed\n"
                "pne/1--gw/1|pne--gateway|ServiceAccessRequest|accepted|delivered|replayed|pne/1|"
                "gw/1|failed\n");
    assert_rows("SELECT e.side, e.early_data, e.messages_received, e.early_bytes = f.early_bytes,"
                " e.peer_auth FROM probe p JOIN session_end e USING (session_id) JOIN message_hop h"
                " ON h.message_id = p.message_id AND h.hop = p.hop JOIN session_end f"
                " ON f.session_id = h.session_id AND f.side = 'initiator'",
                "responder|accepted|1|1|resumption (certificate)\n"
                "responder|accepted|1|1|resumption (certificate)\n");
    assert_rows("SELECT count(*) FROM event WHERE what = 'unknown_message' AND subject = 'pne/1'",
                "2\n");
    char *evidence = whole_text("early", "SELECT evidence FROM v_probe LIMIT 1");
    assert_non_null(strstr(evidence, "1 of 1 messages out of the first flight of session "));
    assert_non_null(strstr(evidence, " in packet "));
    free(evidence);
    /* Who was really there notices nothing. */
    assert_rows("SELECT DISTINCT outcome FROM message WHERE outcome NOT IN ('delivered', "
                "'in_flight')",
                "");
    assert_rows("SELECT DISTINCT outcome FROM v_session WHERE cause <> 'replayed' AND outcome NOT"
                " IN ('closed', 'established', 'open')",
                "");
}

/* Two who copy the same flight, and one who listens on the way behind the gateway, where there are
 * none; the same with more workers: which copy is the first does not depend on them. */
static void several_copy_it(void **state)
{
    (void)state;
    static const char several[] =
        "attackers:\n"
        "  - {id: a, kind: zero-rtt-replay, target: pne/*--gw/1}\n"
        "  - {id: b, kind: zero-rtt-replay, target: pne/1--gw/1, params: {by: 1 s}}\n"
        "  - {id: c, kind: zero-rtt-replay, target: gw/1--srv}\n";
    static const char *const policies[] = {"early", "broken-early"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        char set[96];
        snprintf(set, sizeof(set), "--set policy=%s", policies[i]);
        assert_int_equal(run(55, several, set), 0);
        char *first = whole_rows("early", "SELECT * FROM v_probe");
        assert_rows("SELECT attacker, verdict, count(*) FROM v_probe GROUP BY 1, 2",
                    i == 0 ? "a|held|6\nb|held|3\n" : "a|violated|6\nb|violated|3\n");
        snprintf(set, sizeof(set), "--set policy=%s --workers 3", policies[i]);
        assert_int_equal(run(55, several, set), 0);
        char *again = whole_rows("early", "SELECT * FROM v_probe");
        assert_string_equal(first, again);
        free(first);
        free(again);
    }
}

/* Who holds flights back, two on one link; and one who copies what they let pass: the same rows
 * on any number of workers. */
static void who_is_first_does_not_depend_on_workers(void **state)
{
    (void)state;
    static const char several[] =
        "attackers:\n"
        "  - {id: a, kind: zero-rtt-replay, target: pne/*--gw/1, params: {ahead: true}}\n"
        "  - {id: b, kind: zero-rtt-replay, target: pne/1--gw/1, params: {ahead: true, by: 2 s}}\n"
        "  - {id: c, kind: zero-rtt-replay, target: pne/2--gw/1, params: {by: 1 ms}}\n";
    static const char *const workers[] = {"--workers 1", "--workers 2", "--workers 8"};
    char *first = NULL;
    for (size_t i = 0; i < SIM_ARRAY_LEN(workers); i++) {
        assert_int_equal(run(55, several, workers[i]), 0);
        assert_rows("SELECT attacker, verdict, count(*) FROM v_probe GROUP BY 1, 2",
                    "a|violated|6\nb|held|3\nc|held|3\n");
        assert_int_equal(whole_cpnsim("fingerprint '%s/early.db'", whole_dir()), 0);
        char *print = whole_stdout();
        first = first == NULL ? mem_strdup(print) : first;
        assert_string_equal(print, first);
        free(print);
    }
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_taken_before_the_session_stands),
        cmocka_unit_test(the_strict_reading_is_a_claim),
        cmocka_unit_test(a_ticket_used_twice),
        cmocka_unit_test(what_does_not_fit_waits),
        cmocka_unit_test(the_responder_takes_it_once),
        cmocka_unit_test(a_copy_that_comes_first_is_taken_and_so_is_the_message),
        cmocka_unit_test(what_comes_out_twice_is_counted_once),
        cmocka_unit_test(a_message_that_came_out_once_is_no_replay),
        cmocka_unit_test(the_evidence_is_there),
        cmocka_unit_test(several_copy_it),
        cmocka_unit_test(who_is_first_does_not_depend_on_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
