/* Handshakes that are begun and never finished: what they do to a gateway's clients where nothing
 * bounds them, and that limits, a time limit and cookies each keep it from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

/* %s: keys of the policy, fidelity, keys of the gateway, params of the attacker. PNEs arrive before
 * the attack, while it goes on and after it. */
static const char text[] =
    "cpns: 1\n"
    "name: exhaustion\n"
    "run: {until: 80 s, seed: 3}\n"
    "security:\n"
    "  policies:\n"
    "    broken-p: {%s}\n"
    "  pne_gateway: broken-p\n"
    "devices:\n"
    "  small: {cpu: cortex-m4-64mhz}\n"
    "  big: {cpu: cortex-a76}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, device: %s, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 8, device: big, attach: {to: gw, link: wlan}, fidelity: %s,\n"
    "     start: {uniform: [0 s, 60 s]}}\n"
    "attackers:\n"
    "  - {id: mallory, kind: exhaustion, at: 5 s, for: 40 s, target: pne/1--gw, params: {%s}}\n"
    "expect:\n"
    "  - {claim: availability, subject: pne--gateway}\n";

static int run(const char *policy, const char *device, const char *fidelity, const char *params,
               const char *more)
{
    char *yaml = mem_printf(text, policy, device, fidelity, params);
    int code = whole_run("exhaustion", yaml, more);
    free(yaml);
    return code;
}

static int64_t count(const char *sql)
{
    return whole_int("exhaustion", sql);
}

struct attack {
    const char *policy, *device, *params;
    const char *wanted; /* each outcome once */
    int code;
    int64_t least, most; /* handshakes of the attacker at once */
};

static void assert_attacks(const struct attack *attacks, size_t n)
{
    static const char *const fidelities[] = {"packet", "fast"};
    for (size_t i = 0; i < 2 * n; i++) {
        const struct attack *a = &attacks[i / 2];
        int code = run(a->policy, a->device, fidelities[i % 2], a->params, "");
        char *rows = whole_rows("exhaustion", "SELECT DISTINCT verdict, detected_by, side FROM"
                                              " v_probe WHERE verdict <> 'inconclusive'"
                                              " ORDER BY 1, 2, 3");
        int64_t peak = count("SELECT max(of_attacker) FROM half_open");
        if (strcmp(rows, a->wanted) != 0 || code != a->code || peak < a->least || peak > a->most) {
            print_error("%s, %s {%s}, %s: exit %d, %" PRId64 " at most, outcomes\n%s", a->policy,
                        a->device, a->params, fidelities[i % 2], code, peak, rows);
        }
        assert_string_equal(rows, a->wanted);
        assert_int_equal(code, a->code);
        assert_in_range(peak, a->least, a->most);
        /* A session that began before is no trial; each that began while it went on is one. */
        assert_int_equal(count("SELECT count(*) FROM probe WHERE at_ns < 5e9"), 0);
        assert_true(count("SELECT count(*) FROM probe") >= 4);
        free(rows);
    }
}

#define TLS13 "kind: tls, versions: [\"1.3\"]"
#define TLS12 "kind: tls, versions: [\"1.2\"]"
#define DTLS "kind: dtls"
#define NO_PEER_LIMIT ", half_open: 64, half_open_per_peer: 0"
#define NO_LIMIT ", half_open: 0, half_open_per_peer: 0"
#define HELD "held|no effect|NULL\n"
#define REFUSED "violated|refused|responder\n"
#define TIMEOUT "violated|timeout|NULL\n"

/* Five handshakes an address are let in; whatever is wrong with them, the rest of the table is the
 * clients'. */
static void limits_keep_it_from_clients(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {TLS13, "big", "flood: connect", HELD, 0, 5, 5},
        {TLS13, "big", "flood: hello", HELD, 0, 5, 5},
        {TLS13, "big", "flood: slow", HELD, 0, 5, 5},
        {TLS12, "big", "flood: hello", HELD, 0, 5, 5},
        {TLS12, "big", "flood: slow", HELD, 0, 5, 5},
        {TLS13, "big", "flood: hello, addresses: 8", HELD, 0, 40, 40},
        /* Over datagrams one handshake an address is under way (RFC 6347 4.2.8). */
        {DTLS, "big", "flood: hello", HELD, 0, 1, 1},
        {DTLS, "big", "flood: hello, addresses: 16", HELD, 0, 16, 16},
        /* A cookie goes to an address where nobody waits for it. */
        {DTLS, "big", "flood: hello, source: spoofed, addresses: 128, every: 20 ms", HELD, 0, 0, 0},
        {DTLS ", half_open: 8", "small", "source: spoofed, addresses: 128, every: 20 ms", HELD, 0,
         0, 0},
        /* No limit bounds them, but their time does. */
        {TLS13 NO_PEER_LIMIT ", handshake_timeout: 4 s", "big", "flood: connect", HELD, 0, 39, 41},
        {TLS12 NO_PEER_LIMIT ", handshake_timeout: 4 s", "big", "flood: slow", HELD, 0, 39, 41},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

/* Positive controls: what a client suffers where one of them is missing. */
static void without_limits_clients_are_kept_out(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
        {TLS13 NO_PEER_LIMIT, "big", "flood: connect", HELD REFUSED, 1, 64, 64},
        {TLS13 NO_PEER_LIMIT, "big", "flood: hello", HELD REFUSED, 1, 64, 64},
        {TLS13 NO_PEER_LIMIT, "big", "flood: slow", HELD REFUSED, 1, 64, 64},
        {TLS12 NO_PEER_LIMIT, "big", "flood: connect", HELD REFUSED, 1, 64, 64},
        {TLS12 NO_PEER_LIMIT, "big", "flood: hello", HELD REFUSED, 1, 64, 64},
        /* As many addresses as it takes. */
        {TLS13 ", half_open: 64", "big", "flood: hello, addresses: 13", HELD REFUSED, 1, 64, 64},
        {DTLS ", half_open: 32", "big", "flood: hello, addresses: 64", HELD TIMEOUT, 1, 32, 32},
        {DTLS ", half_open: 64, cookies: false", "big",
         "source: spoofed, addresses: 128, every: 20 ms", HELD TIMEOUT, 1, 64, 64},
        /* Nobody is refused: the processor has no time for anybody. */
        {TLS13 NO_LIMIT, "small", "flood: hello, every: 50 ms", TIMEOUT, 1, 500, 700},
        {TLS12 NO_LIMIT, "small", "flood: hello, every: 50 ms", TIMEOUT, 1, 500, 700},
        {DTLS ", cookies: false", "small", "source: spoofed, addresses: 256, every: 100 ms",
         TIMEOUT, 1, 256, 256},
    };
    assert_attacks(attacks, SIM_ARRAY_LEN(attacks));
}

/* The same attacker against the same processor: the limit is what keeps it free. */
static void what_it_costs_is_measured(void **state)
{
    (void)state;
    static const char cpu[] = "SELECT max(cpu_ns) / 1000000 FROM half_open";
    static const char *const floods[] = {"flood: hello, every: 50 ms"};
    assert_int_equal(run(TLS13, "small", "fast", floods[0], ""), 0);
    int64_t with_limit = count(cpu);
    assert_true(count("SELECT max(refused) FROM half_open") > 700);
    assert_int_equal(count("SELECT max(refused_clients) FROM half_open"), 0);
    assert_int_equal(run(TLS13 NO_LIMIT, "small", "fast", floods[0], ""), 1);
    assert_true(count(cpu) > 4 * with_limit);
    assert_int_equal(count("SELECT max(begun) FROM half_open"), 800); /* 40 s, 50 ms */
    /* The processor was busy with it nearly all the time. */
    assert_true(count("SELECT (max(cpu_ns) - min(cpu_ns)) * 100 / (max(at_ns) - min(at_ns)) FROM"
                      " half_open WHERE at_ns BETWEEN 10e9 AND 40e9") > 80);
    /* They go when their time is over, and the gateway is there again. */
    assert_int_equal(count("SELECT of_attacker FROM half_open ORDER BY at_ns DESC LIMIT 1"), 0);
    /* A connection that says nothing costs no processor time, a cookie hardly any. */
    assert_int_equal(run(TLS13 NO_PEER_LIMIT, "small", "fast", "flood: connect", ""), 1);
    assert_int_equal(count(cpu), 0);
    assert_int_equal(run(DTLS, "small", "fast", "source: spoofed", ""), 0);
    assert_in_range(count(cpu), 1, 400);
}

/* Refused: pne --SYN--> gw, gw --RST--> pne; the client comes back, later each time. */
static void clients_that_are_refused_come_back(void **state)
{
    (void)state;
    assert_int_equal(
        run(TLS13 NO_PEER_LIMIT, "big", "packet", "flood: connect", "--set run.until=110s"), 1);
    int64_t refused = count("SELECT count(*) FROM session WHERE outcome = 'failed' AND"
                            " failure = 'refused' AND established_ns IS NULL");
    assert_true(refused >= 3);
    assert_int_equal(count("SELECT count(*) FROM event WHERE what = 'refused' AND detail ="
                           " 'half_open'"),
                     refused);
    assert_int_equal(count("SELECT max(refused_clients) FROM half_open"), refused);
    assert_int_equal(count("SELECT count(*) FROM probe WHERE verdict = 'violated'"), refused);
    /* All are there in the end. */
    assert_int_equal(count("SELECT count(DISTINCT initiator) FROM session WHERE hop ="
                           " 'pne-gateway' AND outcome = 'established'"),
                     8);
}

static void nothing_depends_on_workers(void **state)
{
    (void)state;
    static const char *const queries[] = {"SELECT * FROM probe", "SELECT * FROM half_open",
                                          "SELECT * FROM session"};
    static const struct {
        const char *policy, *params;
    } runs[] = {{TLS13 NO_PEER_LIMIT, "flood: hello, addresses: 3"},
                {DTLS ", half_open: 32", "addresses: 48"},
                {DTLS ", half_open: 32, cookies: false", "source: spoofed"}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(runs); i++) {
        char *first[SIM_ARRAY_LEN(queries)];
        run(runs[i].policy, "small", "packet", runs[i].params, "");
        for (size_t q = 0; q < SIM_ARRAY_LEN(queries); q++) {
            first[q] = whole_rows("exhaustion", queries[q]);
        }
        run(runs[i].policy, "small", "packet", runs[i].params, "--workers 3");
        for (size_t q = 0; q < SIM_ARRAY_LEN(queries); q++) {
            char *again = whole_rows("exhaustion", queries[q]);
            assert_string_equal(first[q], again);
            free(again);
            free(first[q]);
        }
    }
}

/* Without sessions to judge nothing is said; a kind without handshakes has none to exhaust. */
static void without_a_trial_it_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(run(TLS13, "big", "fast", "flood: hello", "--set attackers.mallory.at=70s"),
                     2);
    assert_int_equal(count("SELECT max(begun) FROM half_open"), 5);
    run("kind: clear", "big", "fast", "flood: hello", "");
    assert_int_equal(count("SELECT count(*) FROM v_expect WHERE verdict <> 'unknown'"), 0);
    assert_int_equal(count("SELECT count(*) FROM half_open"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_keep_it_from_clients),
        cmocka_unit_test(without_limits_clients_are_kept_out),
        cmocka_unit_test(what_it_costs_is_measured),
        cmocka_unit_test(clients_that_are_refused_come_back),
        cmocka_unit_test(nothing_depends_on_workers),
        cmocka_unit_test(without_a_trial_it_is_unknown),
    };
#ifdef __SANITIZE_THREAD__
    cmocka_set_test_filter("nothing_depends_on_workers"); /* the one that is about threads */
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
