/* The third witness: tshark agrees with the database, finds what was kept from it, and opens with a
 * stolen key just what has no forward secrecy. */
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

static const char text[] =
    "cpns: 1\n"
    "name: witness\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: modern}\n"
    "security:\n"
    "  policies:\n"
    "    modern: {kind: tls, versions: [\"1.3\"]}\n"
    "    hollow: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: "
    "0}\n"
    "    static: {kind: tls, versions: [\"1.2\"], ciphers: [AES128-GCM-SHA256], certificates: "
    "rsa-2048}\n"
    "    dhe: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-RSA-AES128-GCM-SHA256], "
    "certificates: rsa-2048}\n"
    "    shared: {kind: tls, versions: [\"1.2\"], ciphers: [PSK-AES128-GCM-SHA256], auth: psk}\n"
    "    small: {extends: rfc7925-constrained, max_fragment_length: 512 B}\n"
    "    datagrams-static: {kind: dtls, retransmit_after: 9 s, ciphers: [AES128-GCM-SHA256], "
    "certificates: rsa-2048}\n"
    "    datagrams-repeated: {extends: datagrams-static, retransmit_after: 1 s}\n"
    "    datagrams-shared: {kind: dtls, ciphers: [PSK-AES128-GCM-SHA256], auth: psk}\n"
    "    datagrams-hollow: {kind: dtls, ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: 0}\n"
    "    shared-dhe: {kind: tls, versions: [\"1.3\"], auth: psk}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {id: thief, kind: key-thief, at: 15 s, target: gw}\n"
    "  - {id: cut, kind: tamper, target: pne--gw, params: {nth: 9, count: 1}}\n"
    "expect:\n"
    "  - {claim: forward-secrecy}\n";

/* Runs it with captures: without a witness the claim is unknown. */
static void record(const char *policy)
{
    char more[512];
    snprintf(more, sizeof(more), "--set policy=%s --pcap '%s/captures'", policy, whole_dir());
    int code = whole_run("witness", text, more);
    assert_int_equal(code, strstr(policy, "hollow") != NULL ? 1 : 2);
}

static int check(const char *database)
{
    return whole_cpnsim("check '%s/%s.db' --witness tshark --pcap '%s/captures'", whole_dir(),
                        database, whole_dir());
}

static void says(const char *part)
{
    char *out = whole_stdout();
    if (strstr(out, part) == NULL) {
        print_error("\"%s\" is not in\n%s", part, out);
    }
    assert_non_null(strstr(out, part));
    free(out);
}

/* Of the thief's finding: read and tried, before the theft and since. */
static void tries(size_t n[4])
{
    static const char finding[] = "who took the keys of gw at 15 s: ";
    char *out = whole_stdout();
    const char *line = strstr(out, finding);
    assert_non_null(line);
    assert_int_equal(sscanf(line + strlen(finding),
                            "read %zu of %zu messages sent before, %zu of %zu sent since", &n[0],
                            &n[1], &n[2], &n[3]),
                     4);
    free(out);
}

static void a_stolen_key_opens_what_has_no_forward_secrecy(void **state)
{
    (void)state;
    /* The first three have both transports, both kinds of keys, and none that opens anything. */
    static const struct {
        const char *policy;
        int code;
    } runs[] = {{"modern", 0}, {"static", 1},          {"datagrams-shared", 1},
                {"dhe", 0},    {"shared-dhe", 0},      {"shared", 1},
                {"small", 0},  {"datagrams-static", 1}};
    for (size_t i = 0; i < SAMPLE(SIM_ARRAY_LEN(runs), 3); i++) {
        record(runs[i].policy);
        assert_int_equal(check("witness"), runs[i].code);
        says("witness-tshark of pne--gw: read ");
        says(runs[i].code == 0 ? "holds     forward-secrecy of thief, who took the keys of gw"
                               : "VIOLATED  forward-secrecy of thief, who took the keys of gw");
        /* What was sent before the theft, and what was sent since, each tried in earnest. */
        size_t n[4];
        tries(n);
        assert_true(n[1] > 0 && n[3] > 0);
        assert_true(runs[i].code == 0 ? n[0] == 0 && n[2] == 0 : n[0] > 0 && n[2] > 0);
        says("0 that nobody sent; without keys 0 packets");
    }
}

/* tshark cannot follow a handshake whose messages came twice where it has to derive the keys: that
 * it read nothing is no proof, and its messages do not count as tried. */
static void what_tshark_cannot_follow_was_not_tried(void **state)
{
    (void)state;
    record("datagrams-repeated");
    assert_true(whole_int("witness", "SELECT sum(retransmissions) FROM session WHERE kind ="
                                     " 'dtls'") > 0);
    assert_int_equal(whole_cpnsim("check '%s/witness.db' --witness tshark --pcap '%s/captures'",
                                  whole_dir(), whole_dir()),
                     1);
    size_t n[4];
    tries(n);
    assert_int_equal(n[0] + n[2], 0);
    assert_int_equal(n[1] + n[3], 36); /* the uplink's */
}

/* OpenSSL sends an empty record ahead of each in TLS 1.0, to hide the initial vector of the next
 * CBC record. With a bit of the empty one's cipher text altered, tshark may read on: a bit of what
 * comes out is altered, too, and no end took it. */
static void what_no_end_took_is_no_disagreement(void **state)
{
    (void)state;
    assert_int_equal(
        whole_cpnsim(
            "run topologies/legacy-vs-modern.yaml --set past=legacy-2011 "
            "--set run.until=48s --set run.record.pcap=past/1 -o '%s/old.db' --pcap '%s/captures' "
            "--progress never",
            whole_dir(), whole_dir()),
        0);
    check("old");
    says("holds     witness-tshark of past/1--old: read ");
    says(" 0 that nobody sent and 1 altered that no end took; without keys 0 packets");
}

static void the_witness_disagrees_where_it_should(void **state)
{
    (void)state;
    /* A cipher that hides nothing: it reads without keys. */
    record("hollow");
    assert_int_equal(check("witness"), 1);
    says("VIOLATED  witness-tshark of pne--gw");
    record("datagrams-hollow");
    assert_int_equal(check("witness"), 1);
    says("VIOLATED  witness-tshark of pne--gw");
    /* Captures of another run: not what this database says. */
    record("modern");
    char *other = mem_printf("--set policy=modern --seed 4");
    int code = whole_run("other", text, other);
    free(other);
    assert_int_equal(code, 2);
    assert_int_equal(check("other"), 1);
    says("VIOLATED  witness-tshark of pne--gw");
    /* No capture: nothing is known. */
    assert_int_equal(whole_cpnsim("check '%s/witness.db' --witness tshark --pcap '%s'", whole_dir(),
                                  whole_dir()),
                     2);
    says("there is no capture of it");
    assert_int_equal(whole_cpnsim("check '%s/witness.db' --witness tshark", whole_dir()), 3);
    assert_int_equal(
        whole_cpnsim("check '%s/witness.db' --witness wireshark --pcap x", whole_dir()), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tshark_cannot_follow_was_not_tried), /* first: no other's loot */
        cmocka_unit_test(a_stolen_key_opens_what_has_no_forward_secrecy),
        cmocka_unit_test(what_no_end_took_is_no_disagreement),
        cmocka_unit_test(the_witness_disagrees_where_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
