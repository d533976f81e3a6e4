/* What a client does after a session that failed, and what becomes of one whose peer is gone:
 * exponential back-off with jitter, a time limit for handshakes, and one for closing. */
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

/* %s: kind of the policy, fidelity, further sections. */
static const char text[] =
    "cpns: 1\n"
    "name: reconnect\n"
    "run: {until: 45 s, seed: 3}\n"
    "params: {wait: 1 s, patience: 30 s, close: 5 s}\n"
    "timers: {keep_alive: 5 s, reconnect: $wait, close_timeout: $close}\n"
    "security:\n"
    "  policies: {p: {%s, handshake_timeout: $patience}}\n"
    "  pne_gateway: p\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: wlan}, fidelity: %s}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "%s";

#define TLS12 "kind: tls, versions: [\"1.2\"]"
#define TLS13 "kind: tls, versions: [\"1.3\"]"

static void run(const char *policy, const char *fidelity, const char *more, const char *set)
{
    char *yaml = mem_printf(text, policy, fidelity, more);
    assert_int_equal(whole_run("reconnect", yaml, set), 0);
    free(yaml);
}

static int64_t count(const char *sql)
{
    return whole_int("reconnect", sql);
}

#define ATTACK(kind, params)                                                                       \
    "attackers:\n"                                                                                 \
    "  - {id: mallory, kind: " kind ", target: pne/1--gw, params: {" params "}}\n"

/* pne/1's sessions, and the least time from one's start to the next one's. */
static const char sessions[] = "SELECT count(*) FROM session s JOIN entity e ON e.entity_id ="
                               " s.initiator WHERE e.name = 'pne/1'";
static const char least_gap[] =
    "SELECT min(gap) / 1000000 FROM (SELECT started_ns - lag(started_ns) OVER (ORDER BY started_ns)"
    " AS gap FROM session s JOIN entity e ON e.entity_id = s.initiator WHERE e.name = 'pne/1')";
static const char greatest_gap[] =
    "SELECT max(gap) / 1000000 FROM (SELECT started_ns - lag(started_ns) OVER (ORDER BY started_ns)"
    " AS gap FROM session s JOIN entity e ON e.entity_id = s.initiator WHERE e.name = 'pne/1')";

/* pne/1 --> gw: each session's first record is altered; gw's end fails by an alert. The client has
 * something to send, so it is back at once, a thousand times, unless it waits. */
static void a_client_backs_off(void **state)
{
    (void)state;
    static const char *const attacks[] = {ATTACK("tamper", "from: initiator, nth: 1"),
                                          ATTACK("truncate", "from: initiator, nth: 1"),
                                          ATTACK("replay", "from: initiator, nth: 1")};
    static const char *const policies[] = {TLS12, TLS13};
    for (size_t i = 0; i < SIM_ARRAY_LEN(attacks) * SIM_ARRAY_LEN(policies); i++) {
        run(policies[i % 2], "fast", attacks[i / 2], "");
        assert_in_range(count(sessions), 6, 10);
        assert_in_range(count(least_gap), 1280, 4000); /* 1.6 s less 20 %, then more */
        assert_in_range(count(greatest_gap), 8000, 21000);
        assert_true(count("SELECT count(*) FROM event WHERE what = 'back_off'") >= 5);
        /* Whom nobody attacks has one session and no wait. */
        assert_int_equal(count("SELECT count(*) FROM session s JOIN entity e ON e.entity_id ="
                               " s.initiator WHERE e.name = 'pne/2'"),
                         1);
    }
}

static void the_waits_are_settable_drawn_and_reproducible(void **state)
{
    (void)state;
    static const char attack[] = ATTACK("truncate", "from: initiator, nth: 1");
    static const char starts[] = "SELECT started_ns FROM session ORDER BY session_id";
    run(TLS12, "fast", attack, "--set wait=50ms");
    assert_in_range(count(sessions), 11, 18);
    run(TLS12, "fast", attack, "--set wait=20s");
    assert_in_range(count(sessions), 2, 3);
    run(TLS12, "fast", attack, "");
    char *first = whole_rows("reconnect", starts);
    run(TLS12, "fast", attack, "--workers 3");
    char *again = whole_rows("reconnect", starts);
    assert_string_equal(first, again);
    free(again);
    free(first);
    run(TLS12, "fast", attack, "--set run.seed=4");
    int64_t other = count(least_gap);
    run(TLS12, "fast", attack, "");
    assert_int_not_equal(other, count(least_gap));
}

/* A record's length is altered, so that its reader waits for octets that never come: neither end
 * says anything. */
static void a_handshake_that_stalls_is_given_up(void **state)
{
    (void)state;
    static const char *const policies[] = {TLS12, TLS13};
    static const char attack[] =
        ATTACK("tamper", "records: handshake, part: length, bit: 3, nth: 1, count: 1");
    static const char over[] = "SELECT max(ended_ns - started_ns) FROM session WHERE"
                               " failure = 'timeout' AND established_ns IS NULL";
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        run(policies[i], "packet", attack, "");
        assert_int_equal(count(over), 30 * SIM_S);
        run(policies[i], "packet", attack, "--set patience=7s");
        assert_int_equal(count(over), 7 * SIM_S);
        /* The next one, which nobody touches, is up. */
        assert_true(count(sessions) == 2);
        assert_int_equal(count("SELECT count(*) FROM v_session WHERE initiator = 'pne/1' AND"
                               " established_s IS NOT NULL AND failure IS NULL"),
                         1);
    }
}

#define CUT                                                                                        \
    "faults:\n"                                                                                    \
    "  - {id: cut, at: 10 s, do: link-down, target: pne/1--gw}\n"

/* pne/1 -/-> gw: three keep-alives without an answer, then the session is closed. What was written
 * into it has not arrived and never will. */
static void what_was_written_to_a_lost_peer_is_lost(void **state)
{
    (void)state;
    static const char *const fidelities[] = {"packet", "fast"};
    static const char in_flight[] =
        "SELECT count(*) FROM message_hop h JOIN session s USING (session_id) JOIN entity e ON"
        " e.entity_id = s.initiator WHERE e.name = 'pne/1' AND h.outcome = 'in_flight'";
    static const char lost[] = "SELECT count(*) FROM message_hop WHERE outcome = 'lost' AND reason"
                               " = 'session_lost'";
    for (size_t i = 0; i < SIM_ARRAY_LEN(fidelities); i++) {
        run(TLS13, fidelities[i], CUT, "");
        assert_int_equal(count(in_flight), 0);
        assert_true(count(lost) > 10);
        assert_int_equal(
            count("SELECT count(*) FROM v_session WHERE initiator = 'pne/1' AND failure ="
                  " 'close_timeout'"),
            1);
        run(TLS13, fidelities[i], CUT, "--set close=200s");
        assert_true(count(in_flight) > 10);
    }
}

/* The link is back before the time is over: nothing is lost that TCP can still bring. */
static void a_peer_that_is_back_in_time_gets_everything(void **state)
{
    (void)state;
    run(TLS13, "packet",
        "faults:\n"
        "  - {id: cut, at: 10 s, for: 4 s, do: link-down, target: pne/1--gw}\n",
        "");
    assert_int_equal(count("SELECT count(*) FROM message_hop WHERE outcome = 'lost' AND session_id"
                           " IS NOT NULL"),
                     0);
    assert_int_equal(count(sessions), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_backs_off),
        cmocka_unit_test(the_waits_are_settable_drawn_and_reproducible),
        cmocka_unit_test(a_handshake_that_stalls_is_given_up),
        cmocka_unit_test(what_was_written_to_a_lost_peer_is_lost),
        cmocka_unit_test(a_peer_that_is_back_in_time_gets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
