/* Messages to Service Groups in whole runs: in the clear by clause 5.9.1, or with their payload
 * sealed by a group key, which every output calls an extension. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/whole_run.h"

static const char groups[] =
    "cpns: 1\n"
    "name: groups\n"
    "run: {until: 40 s, seed: 3, record: {messages: all, pcap: all}}\n"
    "security: {service_group: {protection: none}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: p, role: pne, count: 4, attach: {to: gw/*, link: wlan}}\n"
    "service_groups:\n"
    "  - {id: g, owner: p/1, members: [p/2..4], service: chat}\n"
    "workload:\n"
    "  - {every: 2 s, start: 20 s, do: group-message, from: p/*, to: g, size: 64 B}\n"
    "expect:\n"
    "  - {claim: no-plaintext-on-wire}\n"
    "  - {metric: messages.refused, subject: SGMessage, max: 0}\n"
    "  - {metric: messages.delivered, subject: SGMessage, min: 100}\n";

static void run(const char *name, const char *protection)
{
    char more[200];
    snprintf(more, sizeof(more), "--set security.service_group.protection=%s --pcap %s/%s",
             protection, whole_dir(), name);
    assert_int_equal(whole_run(name, groups, more), 0);
}

static void the_record_calls_it_an_extension(void **state)
{
    (void)state;
    run("sealed", "group_key");
    char *out = whole_stdout();
    assert_non_null(strstr(out, "an extension of this simulator, not of clause 5.9.1"));
    free(out);
    assert_int_equal(whole_int("sealed", "SELECT count(*) FROM v_message WHERE type = 'SGMessage'"
                                         " AND exemption IS NOT 'group_key_extension'"),
                     0);
    /* Searched for on every hop, and not found. */
    assert_int_equal(
        whole_int("sealed",
                  "SELECT count(*) FROM v_message_hop WHERE exemption = 'group_key_extension'"
                  " AND (confidentiality IS NOT 'held' OR protected = 1 OR session_id IS NOT NULL"
                  " OR evidence NOT LIKE 'payload sealed by a group key (an extension of ours)%')"),
        0);
    assert_true(whole_int("sealed", "SELECT count(*) FROM v_message_hop WHERE exemption = "
                                    "'group_key_extension'") > 200);
    assert_int_equal(whole_int("sealed", "SELECT count(*) FROM wire_finding"), 0);
    assert_true(whole_int("sealed", "SELECT count(*) FROM v_flow WHERE kind = 'group-key'"
                                    " AND outcome = 'done'") >= 4);
}

static void the_chart_calls_it_an_extension(void **state)
{
    (void)state;
    int64_t flow = whole_int("sealed", "SELECT max(flow_id) FROM v_flow WHERE kind = "
                                       "'group-message' AND messages > 2");
    assert_int_equal(whole_cpnsim("chart %s/sealed.db --flow %d -o %s/sealed.svg", whole_dir(),
                                  (int)flow, whole_dir()),
                     0);
    char *path = whole_path("sealed.svg");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char text[4096];
    bool named = false, unprotected = false;
    while (fgets(text, sizeof(text), f) != NULL) {
        named = named || strstr(text, "(an extension of ours)") != NULL;
        unprotected = unprotected || strstr(text, "neither protected nor exempt") != NULL;
    }
    fclose(f);
    free(path);
    assert_true(named);
    assert_false(unprotected);
}

/* The same scenario as the clause has it: nothing is sealed, nothing claimed, no extension named.
 */
static void by_the_clause_nothing_is_claimed(void **state)
{
    (void)state;
    run("clear", "none");
    char *out = whole_stdout();
    assert_null(strstr(out, "extension"));
    free(out);
    assert_int_equal(whole_int("clear", "SELECT count(*) FROM v_message WHERE type = 'SGMessage'"
                                        " AND exemption IS NOT 'service_group'"),
                     0);
    assert_int_equal(
        whole_int("clear", "SELECT count(*) FROM v_message_hop WHERE exemption = 'service_group'"
                           " AND confidentiality IS NOT NULL"),
        0);
    assert_int_equal(whole_int("clear", "SELECT count(*) FROM message WHERE type LIKE 'SGKey%'"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_calls_it_an_extension),
        cmocka_unit_test(the_chart_calls_it_an_extension),
        cmocka_unit_test(by_the_clause_nothing_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
