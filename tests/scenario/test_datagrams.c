/* Whole runs whose sessions go over datagrams: what is lost is lost and accounted for, what is
 * altered comes to nothing without an alert, and clause 5.9.1 holds. */
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

/* %s: further keys of the policy, loss of the radio, size of a request, further sections. */
static const char scenario[] =
    "cpns: 1\n"
    "name: datagrams\n"
    "run: {until: 150 s, seed: 12}\n"
    "security:\n"
    "  policies:\n"
    "    d: {kind: dtls%s}\n"
    "  pne_gateway: d\n"
    "  gateway_server: d\n"
    "links:\n"
    "  radio: {technology: ble, loss: {model: random, rate: %s}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"
    "  - {id: pne, role: pne, count: 3, attach: {to: gw, link: radio}}\n"
    "workload:\n"
    "  - {every: 2 s, start: 40 s, do: service-access, from: pne/*, to: srv, size: %s}\n"
    "expect:\n"
    "  - {claim: every-signalling-message-protected}\n"
    "  - {claim: no-plaintext-on-wire}\n"
    "  - {claim: mutual-authentication}\n"
    "%s";

static void run(const char *name, const char *policy, const char *loss, const char *size,
                const char *more)
{
    char *yaml = mem_printf(scenario, policy, loss, size, more);
    int code = whole_run(name, yaml, "");
    if (code != 0) {
        char *err = whole_stderr();
        print_error("%s: exit %d\n%s", name, code, err);
        free(err);
    }
    free(yaml);
    assert_int_equal(code, 0);
    assert_int_equal(whole_int(name, "SELECT count(*) FROM v_violation"), 0);
    assert_int_equal(whole_int(name, "SELECT count(*) FROM session WHERE kind <> 'dtls'"), 0);
    assert_int_equal(
        whole_int(name,
                  "SELECT count(*) FROM event WHERE what IN ('unknown_message', 'bad_frame')"),
        0);
}

static void without_loss_nothing_is_sent_twice(void **state)
{
    (void)state;
    run("clean", "", "0 %", "300 B", "");
    assert_int_equal(whole_int("clean",
                               "SELECT count(*) FROM session WHERE version IS NOT 'DTLSv1.2' OR"
                               " outcome <> 'established' OR handshake_datagrams < 6"),
                     0);
    assert_int_equal(whole_int("clean", "SELECT count(*) FROM session"), 4);
    /* The responder computes longer than a second; on the fast side nothing is due. */
    assert_int_equal(whole_int("clean", "SELECT sum(retransmissions) FROM session WHERE hop = "
                                        "'gateway-server'"),
                     0);
    assert_int_equal(whole_int("clean", "SELECT count(*) FROM message WHERE outcome = 'lost'"), 0);
    assert_int_equal(whole_int("clean",
                               "SELECT count(*) FROM handshake h JOIN session s USING (session_id)"
                               " WHERE h.name = 'HelloVerifyRequest' AND h.side = 'responder'"),
                     4);
    assert_int_equal(whole_int("clean", "SELECT count(*) FROM alert"), 0);
}

static void a_policy_may_wait_longer(void **state)
{
    (void)state;
    run("patient", ", retransmit_after: 9 s", "0 %", "300 B", "");
    assert_int_equal(whole_int("patient", "SELECT sum(retransmissions) FROM session"), 0);
    assert_int_equal(whole_int("patient", "SELECT sum(records_dropped) FROM session_end"), 0);
}

static void loss_is_accounted_for(void **state)
{
    (void)state;
    run("lossy", "", "4 %", "2 kB", "");
    assert_true(whole_int("lossy", "SELECT sum(retransmissions) FROM session") > 0);
    assert_true(whole_int("lossy", "SELECT count(*) FROM message_hop WHERE outcome = 'lost' AND"
                                   " reason = 'loss' AND session_id IS NOT NULL") > 20);
    assert_int_equal(whole_int("lossy",
                               "SELECT count(*) FROM message_hop WHERE outcome = 'lost' AND"
                               " reason <> 'loss'"),
                     0);
    assert_true(whole_int("lossy", "SELECT count(*) FROM message WHERE outcome = 'delivered' AND"
                                   " type = 'ServiceAccessRequest'") > 20);
    assert_int_equal(whole_int("lossy",
                               "SELECT count(*) FROM message_hop WHERE outcome = 'delivered' AND"
                               " sent_hash <> received_hash"),
                     0);
    /* A message in pieces costs a record header and more for each. */
    assert_int_equal(whole_int("lossy",
                               "SELECT count(*) FROM message_hop WHERE session_id IS NOT NULL AND"
                               " sent_ns IS NOT NULL AND wire_bytes < plain_bytes + 35"),
                     0);
    assert_int_equal(
        whole_int("lossy", "SELECT count(*) FROM session WHERE established_ns IS NULL"), 0);
}

/* The link is down while a session closes: nobody hears close_notify, the client opens the next
 * one, and the server gives up the one it still had. */
static void sessions_end_and_begin_again(void **state)
{
    (void)state;
    run("again", ", session_lifetime: 15 s, resumption: tickets", "1 %", "60 B",
        "faults:\n"
        "  - {id: cut, at: 50 s, for: 7 s, do: link-down, target: pne/1--gw}\n"
        "  - {id: mute, at: 62 s, for: 75 s, do: node-silent, target: gw}\n");
    assert_true(whole_int("again", "SELECT count(*) FROM session WHERE resumed = 1 AND"
                                   " established_ns IS NOT NULL") > 5);
    assert_true(whole_int("again", "SELECT count(*) FROM session WHERE outcome = 'closed'") > 5);
    assert_true(whole_int("again", "SELECT count(*) FROM message_hop WHERE reason = 'down' AND"
                                   " session_id IS NOT NULL") > 0);
    assert_int_equal(whole_int("again",
                               "SELECT count(*) FROM session a JOIN session b ON"
                               " a.initiator = b.initiator AND a.session_id < b.session_id WHERE"
                               " b.established_ns < coalesce(a.ended_ns, 9e18)"),
                     0);
    assert_true(whole_int("again", "SELECT count(*) FROM message_hop WHERE reason = 'silent' AND"
                                   " session_id IS NOT NULL") > 0);
    assert_true(whole_int("again", "SELECT max(sent_ns) > 145e9 FROM message WHERE"
                                   " outcome = 'delivered' AND origin = 'pne/1'"));
}

static void mtus_below_the_floor_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *mtu;
        int code;
    } cases[] = {{"280 B", 0}, {"279 B", 2}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *yaml = mem_printf("cpns: 1\n"
                                "run: {until: 30 s}\n"
                                "security: {policies: {d: {kind: dtls}}, pne_gateway: d}\n"
                                "links: {narrow: {technology: zigbee, mtu: %s}}\n"
                                "nodes:\n"
                                "  - {id: srv, role: server}\n"
                                "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"
                                "  - {id: pne, role: pne, attach: {to: gw, link: narrow}}\n",
                                cases[i].mtu);
        int code = whole_run("narrow", yaml, "");
        char *err = whole_stderr();
        if (cases[i].code == 0) {
            assert_int_equal(code, 0);
            assert_int_equal(whole_int("narrow", "SELECT count(*) FROM session WHERE"
                                                 " established_ns IS NULL"),
                             0);
        } else {
            assert_int_not_equal(code, 0);
            assert_non_null(strstr(err, "link \"narrow\" has an MTU of 279 B, and policy \"d\""));
        }
        free(err);
        free(yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_loss_nothing_is_sent_twice),
        cmocka_unit_test(a_policy_may_wait_longer),
        cmocka_unit_test(loss_is_accounted_for),
        cmocka_unit_test(sessions_end_and_begin_again),
        cmocka_unit_test(mtus_below_the_floor_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
