/* A device that is PNE and gateway, in whole runs: what is inside it is no interface of CPNS, and
 * it takes over when the gateway is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

#define NODES                                                                                      \
    "cpns: 1\n"                                                                                    \
    "run: {until: 40 s, seed: 3}\n"                                                                \
    "devices: {phone: {cpu: cortex-a76}}\n"                                                        \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server, count: 2, mesh: {link: fibre}}\n"                                 \
    "  - {id: phone, role: pne, device: phone,\n"                                                  \
    "     standby: {link: wlan, uplink: {to: srv/1, link: lte}}}\n"                                \
    "  - {id: watch, role: pne, device: phone, count: 2, attach: {to: phone, link: ble}}\n"        \
    "bridges: [{between: [watch/1, watch/2], link: bluetooth}]\n"                                  \
    "personal_networks: [{id: body, gateway: phone}]\n"                                            \
    "service_groups: [{id: g, owner: phone, members: watch/*, service: s}]\n"                      \
    "workload:\n"                                                                                  \
    "  - {every: 3 s, do: service-access, from: [phone, watch/*], to: srv/1}\n"                    \
    "  - {every: 5 s, do: service-access, from: watch/1, to: phone}\n"                             \
    "  - {every: 7 s, do: group-message, from: phone, to: g}\n"                                    \
    "expect:\n"                                                                                    \
    "  - {claim: every-signalling-message-protected}\n"                                            \
    "  - {claim: no-plaintext-on-wire}\n"                                                          \
    "  - {claim: mutual-authentication}\n"

static void inside_a_device_no_session_is_needed(void **state)
{
    (void)state;
    assert_int_equal(whole_run("both", NODES, ""), 0);
    assert_int_equal(whole_int("both", "SELECT count(*) FROM v_violation"), 0);
    assert_int_equal(whole_int("both", "SELECT count(*) FROM v_timeline WHERE what = 'pn_joined'"),
                     3);
    /* the phone's messages reach its gateway without session and link ... */
    assert_true(whole_int("both", "SELECT count(*) FROM v_message_hop WHERE sender = 'phone' AND "
                                  "receiver = 'phone.gw' AND outcome = 'delivered'") > 10);
    assert_int_equal(whole_int("both", "SELECT count(*) FROM v_message_hop WHERE 'phone' IN "
                                       "(sender, receiver) AND (exemption IS NOT 'internal' OR "
                                       "session_id IS NOT NULL OR link_id IS NOT NULL)"),
                     0);
    assert_int_equal(
        whole_int("both", "SELECT count(*) FROM v_session WHERE 'phone' IN (initiator, responder)"),
        0);
    /* ... and what it asks of the server is protected wherever it leaves the device */
    assert_int_equal(whole_int("both", "SELECT count(*) FROM v_message WHERE origin = 'phone' AND "
                                       "type = 'ServiceAccessRequest' AND outcome = 'delivered' "
                                       "AND (hops <> 1 OR protected_hops <> 1)"),
                     0);
    assert_true(whole_int("both", "SELECT count(*) FROM v_message WHERE origin = 'watch/1' AND "
                                  "target = 'phone' AND outcome = 'delivered'") > 3);
    assert_true(whole_int("both", "SELECT count(*) FROM v_message WHERE type = 'SGMessage' AND "
                                  "origin = 'phone' AND exemption = 'service_group'") > 3);
}

/* The fault names the PNE; the gateway beside it hangs too. */
static void a_silent_device_is_silent_as_a_whole(void **state)
{
    (void)state;
    assert_int_equal(
        whole_run("silent", NODES "faults: [{at: 20 s, do: node-silent, target: phone}]\n", ""), 0);
    assert_int_equal(
        whole_int("silent", "SELECT count(*) FROM v_timeline WHERE what = 'node_silent'"), 2);
    assert_int_equal(whole_int("silent", "SELECT count(*) FROM v_message_hop WHERE sent_s > 20.1 "
                                         "AND sender IN ('phone', 'phone.gw')"),
                     0);
}

/* Rules must not be fooled: the same unprotected hop over a link is a violation. */
static void the_rules_see_what_is_not_inside(void **state)
{
    (void)state;
    assert_int_equal(whole_run("odd", NODES, ""), 0);
    char *command = mem_printf("python3 -c \"import sqlite3; c = sqlite3.connect('%s/odd.db'); "
                               "c.execute('UPDATE message_hop SET link_id = 0, exemption = NULL "
                               "WHERE exemption = \\'internal\\''); c.commit()\"",
                               whole_dir());
    assert_int_equal(system(command), 0);
    free(command);
    assert_true(whole_int("odd", "SELECT count(*) FROM v_violation WHERE rule = 'R5'") > 0);
}

/* --- the gateway is lost --------------------------------------------------------------------- */

/* Phone and watch walk out of the home gateway's reach, and back: the network goes with them, by
 * itself, and nothing that the two ask for on the way fails. */
static void walkers_take_their_network_along(void **state)
{
    (void)state;
#define WALK(x)                                                                                    \
    "     mobility: {model: waypoints, points: [{at: 0 s, to: [" x " m, 0 m]}, {at: 60 s, to: [" x \
    " m, 0 m]}, {at: 160 s, to: [50" x " m, 0 m]}, {at: 200 s, to: [50" x                          \
    " m, 0 m]}, {at: 280 s, to: [" x " m, 0 m]}]}}\n"
    assert_int_equal(
        whole_run(
            "walk",
            "cpns: 1\n"
            "run: {until: 330 s, seed: 3}\n"
            "timers: {keep_alive: 10 s}\n"
            "devices: {phone: {cpu: cortex-a76}}\n"
            "links: {near: {technology: wlan, range: 30 m}}\n"
            "nodes:\n"
            "  - {id: srv, role: server}\n"
            "  - {id: home, role: gateway, uplink: {to: srv, link: fibre}, position: [0 m, 0 "
            "m]}\n"
            "  - {id: phone, role: pne, device: phone, attach: {to: home, link: near},\n"
            "     standby: {link: near, uplink: {to: srv, link: lte}},\n" WALK(
                "5") "  - {id: watch, role: pne, device: phone, attach: {to: home, link: "
                     "near},\n" WALK("6") "personal_networks:\n"
                                          "  - {id: body, gateway: home}\n"
                                          "workload:\n"
                                          "  - {every: 3 s, do: service-access, from: [phone, "
                                          "watch], to: srv}\n"
                                          "expect:\n"
                                          "  - {claim: every-signalling-message-protected}\n"
                                          "  - {metric: flows.done, subject: gateway-take-over, "
                                          "min: 1, max: 1}\n"
                                          "  - {metric: flows.failed, subject: service-access, "
                                          "max: 0}\n"
                                          "  - {metric: flows.timeout, subject: service-access, "
                                          "max: 0}\n"
                                          "  - {metric: flows.interrupted, subject: "
                                          "service-access, min: 2}\n",
            ""),
        0);
    assert_int_equal(
        whole_int("walk", "SELECT count(*) FROM v_session WHERE hop = 'pne-gateway' AND initiator "
                          "= 'watch' AND responder = 'phone.gw' AND established_s BETWEEN 65 AND "
                          "160"),
        1);
#undef WALK
}

/* The gateway itself is well, but its uplink is cut for good. */
static void a_gateway_without_server_is_left(void **state)
{
    (void)state;
    assert_int_equal(
        whole_run("cut",
                  "cpns: 1\n"
                  "run: {until: 150 s, seed: 3}\n"
                  "timers: {keep_alive: 10 s}\n"
                  "devices: {phone: {cpu: cortex-a76}}\n"
                  "nodes:\n"
                  "  - {id: srv, role: server}\n"
                  "  - {id: car, role: gateway, uplink: {to: srv, link: lte}}\n"
                  "  - {id: phone, role: pne, device: phone, attach: {to: car, link: wlan},\n"
                  "     standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"
                  "  - {id: unit, role: pne, device: phone, count: 2, attach: {to: car, link: "
                  "wlan}}\n"
                  "personal_networks: [{id: car, gateway: car}]\n"
                  "workload:\n"
                  "  - {every: 3 s, do: service-access, from: [phone, unit/*], to: srv}\n"
                  "faults: [{at: 30 s, do: link-down, target: car--srv}]\n"
                  "expect:\n"
                  "  - {metric: flows.done, subject: gateway-take-over, min: 1, max: 1}\n"
                  "  - {metric: flows.timeout, subject: service-access, max: 0}\n",
                  ""),
        0);
    assert_int_equal(whole_int("cut", "SELECT count(*) FROM v_timeline WHERE what = "
                                      "'gateway_cut_off' AND at_s BETWEEN 50 AND 70"),
                     1);
    assert_int_equal(whole_int("cut", "SELECT count(DISTINCT initiator) FROM v_session WHERE "
                                      "responder = 'phone.gw' AND outcome = 'established'"),
                     2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_a_device_no_session_is_needed),
        cmocka_unit_test(a_silent_device_is_silent_as_a_whole),
        cmocka_unit_test(walkers_take_their_network_along),
        cmocka_unit_test(a_gateway_without_server_is_left),
        cmocka_unit_test(the_rules_see_what_is_not_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
