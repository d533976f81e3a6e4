/* Batteries in whole runs: what drains them adds up, an empty one ends its device, and who has none
 * pays nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/whole_run.h"

/* The phone has 6 J and needs 25 mW to wait; the wearables have all they need. */
static const char house[] =
    "cpns: 1\n"
    "name: house\n"
    "run: {until: 300 s, seed: 3}\n"
    "devices:\n"
    "  phone: {cpu: cortex-a76, battery: 30 %%, energy: {capacity: 20 J%s}}\n"
    "  wearable: {cpu: cortex-m4-64mhz, energy: {capacity: 2 kJ}}\n"
    "  mains: {cpu: cortex-m4-64mhz, battery: 50 %%}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, device: phone, uplink: {to: srv, link: lte}}\n"
    "  - {id: p, role: pne, count: 2, device: wearable, attach: {to: gw, link: ble}}\n"
    "  - {id: q, role: pne, device: mains, attach: {to: gw, link: ble}}\n"
    "workload:\n"
    "  - {every: 2 s, do: service-access, from: [p/*, q], to: srv, size: 200 B}\n";

static void run(const char *name, const char *energy, const char *more)
{
    char text[2000];
    snprintf(text, sizeof(text), house, energy);
    assert_int_equal(whole_run(name, text, more), 0);
}

static void what_drains_it_adds_up(void **state)
{
    (void)state;
    run("house", "", "");
    /* Each sum is cut to whole microjoules. */
    assert_int_equal(whole_int("house",
                               "SELECT count(*) FROM battery b JOIN battery a ON a.entity_id = "
                               "b.entity_id AND a.at_ns = 0 AND a.cpu_uj = 0 AND a.sent_uj = 0 AND "
                               "a.received_uj = 0 AND a.idle_uj = 0 "
                               "WHERE abs(a.charge_uj - b.charge_uj - b.cpu_uj - b.sent_uj - "
                               "b.received_uj - b.idle_uj) > 4"),
                     0);
    assert_int_equal(
        whole_int("house", "SELECT charge_uj FROM battery WHERE at_ns = 0 AND percent = 30"),
        6000000);
    /* Each lower percent has a row, in order. */
    assert_int_equal(whole_int("house", "SELECT count(DISTINCT percent) FROM v_battery WHERE "
                                        "entity = 'gw'"),
                     31);
    assert_int_equal(whole_int("house",
                               "SELECT count(*) FROM v_battery a JOIN v_battery b ON a.entity = "
                               "b.entity AND b.at_s > a.at_s AND b.charge_j > a.charge_j"),
                     0);
    /* 25 mW, and the rest by what it did: two links for the gateway, one for a wearable. */
    assert_int_equal(whole_int("house", "SELECT count(*) FROM v_battery WHERE entity = 'gw' AND "
                                        "at_s < 190 AND abs(idle_j - at_s * 0.025) > 0.0001"),
                     0);
    assert_int_equal(whole_int("house",
                               "SELECT count(DISTINCT entity) FROM v_battery WHERE cpu_j > 0 AND "
                               "sent_j > 0 AND received_j > 0"),
                     3);
    /* Who has no energy model has no rows. */
    assert_int_equal(whole_int("house", "SELECT count(*) FROM v_battery WHERE entity = 'q'"), 0);
}

static void an_empty_one_ends_its_device(void **state)
{
    (void)state;
    int64_t empty = whole_int("house", "SELECT at_ns FROM event WHERE what = 'battery_empty'");
    assert_true(empty > INT64_C(150000000000) && empty < INT64_C(240000000000));
    char sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM message WHERE type = 'ServiceAccessResponse' "
             "AND delivered_ns > %lld",
             (long long)empty);
    assert_int_equal(whole_int("house", sql), 0);
    assert_true(whole_int("house", "SELECT count(*) FROM message WHERE type = "
                                   "'ServiceAccessResponse' AND outcome = 'delivered'") > 100);
}

static void figures_of_the_scenario_come_first(void **state)
{
    (void)state;
    run("frugal", ", idle: 1 uW, active: 0 W", "");
    assert_int_equal(whole_int("frugal", "SELECT count(*) FROM event WHERE what = "
                                         "'battery_empty'"),
                     0);
    assert_int_equal(whole_int("frugal", "SELECT max(idle_uj) FROM battery b JOIN entity e USING "
                                         "(entity_id) WHERE e.name = 'gw'"),
                     300);
    assert_int_equal(whole_int("frugal", "SELECT max(cpu_uj) FROM battery b JOIN entity e USING "
                                         "(entity_id) WHERE e.name = 'gw'"),
                     0);
    /* A wearable sends and receives over one BLE link, the gateway over three and LTE. */
    assert_true(whole_int("frugal", "SELECT (SELECT max(sent_uj) FROM battery b JOIN entity e "
                                    "USING (entity_id) WHERE e.name = 'gw') > 3 * (SELECT "
                                    "max(sent_uj) FROM battery b JOIN entity e USING (entity_id) "
                                    "WHERE e.name = 'p/1')") == 1);
}

static void workers_change_nothing(void **state)
{
    (void)state;
    run("one", "", "--workers 1");
    run("four", "", "--workers 4");
    char *one = whole_rows("one", "SELECT * FROM battery ORDER BY entity_id, at_ns");
    char *four = whole_rows("four", "SELECT * FROM battery ORDER BY entity_id, at_ns");
    assert_true(strlen(one) > 1000);
    assert_string_equal(one, four);
    free(one);
    free(four);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_drains_it_adds_up),
        cmocka_unit_test(an_empty_one_ends_its_device),
        cmocka_unit_test(figures_of_the_scenario_come_first),
        cmocka_unit_test(workers_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
