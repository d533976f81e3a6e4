/* Where the evidence is: tshark finds messages and attacks in the very frames that the database
 * names, and does not where the database is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/sample.h"
#include "tests/support/whole_run.h"

/* A far link loses packets and cuts messages into segments; no message of DTLS is cut. */
static const char text[] =
    "cpns: 1\n"
    "name: evidence\n"
    "run: {until: 30 s, seed: 3}\n"
    "params: {policy: modern, mtu: 500 B}\n"
    "security:\n"
    "  policies:\n"
    "    modern: {kind: tls, versions: [\"1.3\"]}\n"
    "    old: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256]}\n"
    "    datagrams: {kind: dtls}\n"
    "  pne_gateway: $policy\n"
    "links:\n"
    "  radio: {technology: ble, delay: 10 ms, rate: 700 kbit/s, mtu: $mtu, loss: {model: random, "
    "rate: 2 %}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: near, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"
    "  - {id: far, role: pne, count: 2, attach: {to: gw, link: radio}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: [near/*, far/*], to: srv, size: 300 "
    "B}\n"
    "attackers:\n"
    "  - {id: flip, kind: tamper, target: near/1--gw, params: {nth: 7, bit: 900, count: 2}}\n"
    "expect:\n"
    "  - {claim: integrity}\n";

static int run(const char *name, const char *sets, bool captures)
{
    char *more = captures ? mem_printf("%s --pcap '%s/captures'", sets, whole_dir())
                          : mem_printf("%s", sets);
    int code = whole_run(name, text, more);
    free(more);
    return code;
}

static int check_frames(const char *name)
{
    char *command = mem_printf("python3 tests/interop/check_frames.py '%s/%s.db' '%s/captures' "
                               ">'%s/frames.out' 2>&1",
                               whole_dir(), name, whole_dir(), whole_dir());
    int status = system(command);
    free(command);
    return status;
}

static void tshark_finds_messages_and_attacks_where_they_are_said_to_be(void **state)
{
    (void)state;
    static const char *const sets[] = {"--set policy=modern", "--set policy=old",
                                       "--set policy=datagrams --set 'mtu=1280 B'"};
    static const char *const wrong[] = {
        "UPDATE message_frame SET last_frame = last_frame + 1 WHERE message_id = (SELECT "
        "message_id FROM message_frame LIMIT 1 OFFSET 60)",
        "DELETE FROM message_frame WHERE message_id = (SELECT message_id FROM message_frame LIMIT "
        "1 OFFSET 60)",
        "UPDATE probe SET packet = packet + 1 WHERE rowid = 1",
        "UPDATE message_hop SET plain_bytes = plain_bytes + 1 WHERE message_id = (SELECT "
        "message_id FROM message_frame LIMIT 1 OFFSET 60)",
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(sets); i++) {
        assert_int_equal(run("evidence", sets[i], true), 0);
        if (check_frames("evidence") != 0) {
            char *path = whole_path("frames.out");
            char *command = mem_printf("cat '%s' >&2", path);
            assert_int_equal(system(command), 0);
            free(command);
            free(path);
            fail();
        }
        assert_true(whole_int("evidence", "SELECT count(*) FROM message_frame") > 300);
        assert_int_equal(whole_int("evidence", "SELECT count(*) FROM v_probe WHERE kind = 'tamper' "
                                               "AND capture = 'near_1--gw.pcap' AND frame > 0 AND "
                                               "evidence LIKE '%(near_1--gw.pcap, frame %'"),
                         2);
        /* What a wrong database comes to is all up to check_frames.py. */
        for (size_t k = 0; k < SAMPLE(SIM_ARRAY_LEN(wrong), 1); k++) {
            whole_alter("evidence", "wrong", wrong[k]);
            assert_int_not_equal(check_frames("wrong"), 0);
        }
    }
}

/* Every message that passed a link is in its capture, and its hop says where. */
static void each_message_hop_names_its_frames(void **state)
{
    (void)state;
    assert_int_equal(run("evidence", "", true), 0);
    assert_int_equal(whole_int("evidence", "SELECT count(*) FROM v_message_hop WHERE outcome = "
                                           "'delivered' AND link_id IS NOT NULL AND (frame IS NULL "
                                           "OR capture IS NULL OR last_frame < frame)"),
                     0);
    assert_true(
        whole_int("evidence", "SELECT count(*) FROM v_message_hop WHERE last_frame > frame") > 20);
    assert_int_equal(whole_int("evidence", "SELECT count(*) FROM v_property WHERE property = "
                                           "'integrity' AND (frame IS NULL OR evidence IS NULL)"),
                     0);
    /* Captures change nothing else: same fingerprint; without them nothing names a frame. */
    assert_int_equal(whole_cpnsim("fingerprint '%s/evidence.db'", whole_dir()), 0);
    char *with = whole_stdout();
    assert_int_equal(run("evidence", "", false), 0);
    assert_int_equal(whole_cpnsim("fingerprint '%s/evidence.db'", whole_dir()), 0);
    char *without = whole_stdout();
    assert_string_equal(with, without);
    free(with);
    free(without);
    assert_int_equal(whole_int("evidence", "SELECT count(*) FROM v_message_hop WHERE frame IS NOT "
                                           "NULL OR capture IS NOT NULL"),
                     0);
    assert_int_equal(whole_int("evidence", "SELECT count(*) FROM v_probe WHERE frame IS NOT NULL"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tshark_finds_messages_and_attacks_where_they_are_said_to_be),
        cmocka_unit_test(each_message_hop_names_its_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
