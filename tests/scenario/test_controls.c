/* Positive controls: each probe where the defence is missing, where it has to say `violated`; and
 * the same attackers against the policies that are to withstand them. The table of models/attackers
 * has the same rows, and each kind of attacker and each claim has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/attackers/attackers.h"
#include "sim/core/base.h"
#include "sim/scenario/fields.h"
#include "tests/support/whole_run.h"

/* Every attacker has a link, or a node, of its own. */
static const char text[] =
    "cpns: 1\n"
    "name: controls\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: bcp195, by: 300 ms, strip: versions, source: own, ahead: false}\n"
    "security:\n"
    "  policies: {early: {extends: broken-no-anti-replay, anti_replay: single-use}}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 14, attach: {to: gw, link: wlan}}\n"
    "service_groups:\n"
    "  - {id: g, owner: pne/1, members: pne/2..3, service: heart-rate}\n"
    "workload:\n"
    "  - {every: 1 s, start: 8 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "  - {every: 1 s, start: 8 s, do: group-message, from: pne/1, to: g, size: 120 B}\n"
    "attackers:\n"
    "  - {id: ear, kind: eavesdropper, target: 'pne/*--gw'}\n"
    "  - {id: flipper, kind: tamper, target: pne/4--gw, params: {nth: 4, bit: 900, count: 2}}\n"
    "  - {id: repeater, kind: replay, target: pne/5--gw, params: {nth: 4, count: 2}}\n"
    "  - {id: shuffler, kind: reorder, target: pne/6--gw, params: {nth: 4, count: 2}}\n"
    "  - {id: brake, kind: delay, target: pne/7--gw, params: {nth: 6, by: $by, count: 2}}\n"
    "  - {id: hole, kind: drop, target: pne/8--gw, params: {nth: 4, count: 2}}\n"
    "  - {id: forger, kind: inject, target: pne/9--gw, params: {nth: 4, count: 2}}\n"
    "  - {id: mirror, kind: reflect, target: pne/10--gw, params: {nth: 4, count: 2}}\n"
    "  - {id: scissors, kind: truncate, target: pne/11--gw, params: {nth: 4, count: 2}}\n"
    "  - {id: robber, kind: downgrade, target: pne/12--gw, params: {strip: $strip, count: 2}}\n"
    "  - {id: impostor, kind: man-in-the-middle, target: pne/13--gw, params: {credential: "
    "wrong-name, count: 2}}\n"
    "  - {id: liar, kind: impersonate, at: 9 s, target: pne/14, params: {as: pne/1}}\n"
    "  - {id: thief, kind: key-thief, at: 15 s, target: gw}\n"
    "  - {id: crowd, kind: exhaustion, for: 15 s, target: pne/3--gw, params: {source: $source, "
    "every: 20 ms}}\n"
    "  - {id: parrot, kind: zero-rtt-replay, target: pne/2--gw, params: {ahead: $ahead}}\n"
    "%s"
    "expect:\n"
    "  - {claim: confidentiality}\n"
    "  - {claim: integrity}\n"
    "  - {claim: replay-protection}\n"
    "  - {claim: availability}\n"
    "  - {claim: authenticity}\n"
    "  - {claim: downgrade-protection}\n"
    "  - {claim: peer-authentication}\n"
    "  - {claim: origin-authenticity}\n"
    "  - {claim: no-plaintext-on-wire}\n"
    "  - {claim: mutual-authentication}\n"
    "  - {claim: witnesses-agree}\n"
    "  - {claim: every-signalling-message-protected}\n"
    "  - {claim: no-unconfirmed-message}\n"
    "%s";

/* What no policy defends against: it is the design of clause 5.9.1, or nature. */
static const char by_design[] =
    "  - {id: gateway-lies, kind: impersonate, at: 9 s, target: gw, params: {as: pne/2}}\n"
    "  - {id: curious, kind: curious-relay, target: gw}\n";

/* A kind of attacker, or what is asked without any; sets of a run where it finds something. In the
 * order of the runs. */
static const struct control {
    const char *probe, *property, *policy, *more;
} controls[] = {
    {"eavesdropper", "confidentiality", "broken-null-cipher", ""},
    {"observation", "no-plaintext-on-wire", "broken-null-cipher", ""},
    {"observation", "every-signalling-message-protected", "broken-null-cipher", ""},
    {"eavesdropper", "confidentiality", "broken-clear", "--set by='40 s'"},
    {"tamper", "integrity", "broken-clear", "--set by='40 s'"},
    {"replay", "replay-protection", "broken-clear", "--set by='40 s'"},
    {"reorder", "ordering", "broken-clear", "--set by='40 s'"},
    {"delay", "availability", "broken-clear", "--set by='40 s'"},
    {"drop", "completeness", "broken-clear", "--set by='40 s'"},
    {"truncate", "completeness", "broken-clear", "--set by='40 s'"},
    {"inject", "authenticity", "broken-clear", "--set by='40 s'"},
    {"reflect", "authenticity", "broken-clear", "--set by='40 s'"},
    {"man-in-the-middle", "peer-authentication", "broken-clear", "--set by='40 s'"},
    {"eavesdropper", "identity-privacy", "legacy-2011", ""},
    {"observation", "mutual-authentication", "legacy-2011", ""},
    {"downgrade", "downgrade-protection", "broken-version-fallback", ""},
    {"man-in-the-middle", "peer-authentication", "broken-no-name-check", ""},
    {"observation", "witnesses-agree", "broken-no-name-check", ""},
    {"zero-rtt-replay", "replay-protection", "broken-no-anti-replay", ""},
    {"observation", "no-unconfirmed-message", "broken-no-anti-replay", ""},
    {"zero-rtt-replay", "replay-protection", "early", "--set ahead=true"},
    {"exhaustion", "availability", "broken-no-peer-limit", ""},
    {"exhaustion", "availability", "broken-no-cookies",
     "--set source=spoofed --set run.until='80 s'"},
    {"delay", "availability", "bcp195", "--set by='40 s'"},
    {"impersonate", "origin-authenticity", "bcp195", "--set by='40 s'"},
    {"curious-relay", "end-to-end-confidentiality", "bcp195", "--set by='40 s'"},
    {"eavesdropper", "group-confidentiality", "bcp195", "--set by='40 s'"},
    {"eavesdropper", "exempt-confidentiality", "bcp195", "--set by='40 s'"},
    {"key-thief", "forward-secrecy", "broken-static-rsa", "tshark"},
    {"key-thief", "forward-secrecy", "broken-plain-psk", "tshark"},
};

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static int run(const char *policy, const char *more, const char *attackers, const char *claims_too)
{
    char *yaml = mem_printf(text, attackers, claims_too);
    char *args = mem_printf("--set policy=%s %s", policy, more);
    int code = whole_run("controls", yaml, args);
    free(args);
    free(yaml);
    return code;
}

/* Rows of a probe with a verdict. */
static int64_t found(const struct control *c, const char *verdict)
{
    bool attacked = !same(c->probe, "observation");
    char *sql = attacked ? mem_printf("SELECT count(*) FROM v_probe WHERE kind = '%s' AND property "
                                      "= '%s' AND verdict = '%s'",
                                      c->probe, c->property, verdict)
                         : mem_printf("SELECT count(*) FROM v_expect WHERE name = '%s' AND verdict "
                                      "= '%s'",
                                      c->property, verdict);
    int64_t count = whole_int("controls", sql);
    free(sql);
    return count;
}

static void each_probe_finds_what_is_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(controls); i++) {
        const struct control *c = &controls[i];
        if (same(c->more, "tshark")) {
            continue;
        }
        bool again = i > 0 && same(c->policy, c[-1].policy) && same(c->more, c[-1].more);
        if (!again) {
            assert_int_equal(run(c->policy, c->more, by_design, ""), 1);
        }
        if (found(c, "violated") == 0) {
            print_error("%s of %s is not violated under %s\n", c->property, c->probe, c->policy);
        }
        assert_true(found(c, "violated") > 0);
    }
}

static void stolen_keys_open_what_has_no_forward_secrecy(void **state)
{
    (void)state;
    if (system("tshark --version >/dev/null 2>&1") != 0) {
        skip();
    }
    char *pcap = whole_path("captures");
    char *more = mem_printf("--pcap '%s' --set run.record.pcap=pne/1", pcap);
    static const char *const sound[] = {"bcp195"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(controls) + SIM_ARRAY_LEN(sound); i++) {
        bool control = i < SIM_ARRAY_LEN(controls);
        if (control && !same(controls[i].more, "tshark")) {
            continue;
        }
        const char *policy = control ? controls[i].policy : sound[0];
        assert_int_equal(run(policy, more, "", "  - {claim: forward-secrecy}\n"), 2);
        int code =
            whole_cpnsim("check '%s/controls.db' --witness tshark --pcap '%s'", whole_dir(), pcap);
        assert_int_equal(code, control ? 1 : 2); /* of most links there is no capture */
        char *out = whole_stdout();
        const char *said = control ? "VIOLATED  forward-secrecy of thief, who took the keys of gw"
                                   : "holds     forward-secrecy of thief, who took the keys of gw";
        if (strstr(out, said) == NULL) {
            print_error("%s:\n%s", policy, out);
        }
        assert_non_null(strstr(out, said));
        free(out);
    }
    free(more);
    free(pcap);
}

#define ORDER "  - {claim: ordering}\n  - {claim: completeness}\n"

/* What DTLS does not promise (RFC 6347 section 1): that nothing is lost, and the order. */
static bool is_promised(const char *policy, const char *property)
{
    bool datagrams = same(policy, "rfc7925-constrained");
    return !datagrams || (!same(property, "ordering") && !same(property, "completeness"));
}

/* The attackers of the table, whatever they do, under the policies that are meant to be used. */
static void sound_policies_withstand_them_all(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *more, *claims;
    } sound[] = {
        {"bcp195", "--set strip=suites", ORDER "  - {claim: identity-privacy}\n"},
        {"3gpp-33210", "--set strip=groups", ORDER "  - {claim: identity-privacy}\n"},
        {"rfc7925-constrained", "", ""},
        /* Who robs a hello of its versions is shown the certificate of a server that speaks TLS 1.2
         * too, whatever comes of the handshake. */
        {"bcp195", "--set security.service_group.protection=group_key",
         ORDER "  - {claim: group-confidentiality}\n"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(sound); i++) {
        int code = run(sound[i].policy, sound[i].more, "", sound[i].claims);
        char *out = whole_stdout();
        if (code != 0) {
            print_error("%s: exit %d\n%s", sound[i].policy, code, out);
        }
        assert_int_equal(code, 0);
        free(out);
        for (size_t k = 0; k < SIM_ARRAY_LEN(controls); k++) {
            const struct control *c = &controls[k];
            bool design = !is_promised(sound[i].policy, c->property) ||
                          same(c->probe, "zero-rtt-replay") || /* none has early data: see
                                                                  test_early_data.c */
                          same(c->probe, "curious-relay") || same(c->probe, "key-thief") ||
                          same(c->property, "group-confidentiality") ||
                          same(c->property, "identity-privacy") ||
                          same(c->property, "exempt-confidentiality");
            if (!design && found(c, "held") == 0) {
                print_error("%s of %s is not held under %s\n", c->property, c->probe,
                            sound[i].policy);
            }
            assert_true(design || (found(c, "held") > 0 && found(c, "violated") == 0));
        }
    }
}

/* --- the tables --------------------------------------------------------------------------------
 */

static bool has_control(const char *probe, const char *property)
{
    for (size_t i = 0; i < SIM_ARRAY_LEN(controls); i++) {
        if ((probe == NULL || same(controls[i].probe, probe)) &&
            same(controls[i].property, property)) {
            return true;
        }
    }
    return false;
}

static void each_kind_and_each_claim_has_a_control(void **state)
{
    (void)state;
    int missing = 0;
    for (size_t i = 0; i < attack_kind_count; i++) {
        const struct scenario_attack *kind = &attack_words[i];
        if (!has_control(kind->name, kind->property)) {
            print_error("attackers of kind %s have no positive control\n", kind->name);
            missing++;
        }
    }
    for (size_t i = 0; i < claim_count; i++) {
        if (!has_control(NULL, claims[i].name)) {
            print_error("claim %s has no positive control\n", claims[i].name);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

/* The rows of README.md: | Probe | Property | ... `policy` ... | */
static void the_table_of_the_readme_has_these_rows(void **state)
{
    (void)state;
    enum { LINE = 1024 };
    static const char begins[] = "## Positive controls\n";
    FILE *f = fopen("models/attackers/README.md", "re");
    assert_non_null(f);
    char line[LINE];
    bool inside = false;
    bool seen[SIM_ARRAY_LEN(controls)] = {false};
    int strange = 0;
    while (fgets(line, LINE, f) != NULL) {
        inside = line[0] == '#' ? same(line, begins) : inside;
        if (!inside || line[0] != '|' || strncmp(line, "| Probe", 7) == 0 || line[1] == '-') {
            continue;
        }
        bool known = false;
        for (size_t i = 0; i < SIM_ARRAY_LEN(controls); i++) {
            const struct control *c = &controls[i];
            char *row = mem_printf("| %s | %s |", c->probe, c->property);
            char *policy = mem_printf("`%s`", c->policy);
            bool here = strncmp(line, row, strlen(row)) == 0;
            known = known || here;
            seen[i] = seen[i] || (here && strstr(line, policy) != NULL);
            free(policy);
            free(row);
        }
        if (!known) {
            print_error("no control for the row %s", line);
            strange++;
        }
    }
    fclose(f);
    for (size_t i = 0; i < SIM_ARRAY_LEN(controls); i++) {
        if (!seen[i]) {
            print_error("no row for %s of %s under %s\n", controls[i].property, controls[i].probe,
                        controls[i].policy);
            strange++;
        }
    }
    assert_int_equal(strange, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_and_each_claim_has_a_control),
        cmocka_unit_test(the_table_of_the_readme_has_these_rows),
        cmocka_unit_test(each_probe_finds_what_is_missing),
        cmocka_unit_test(stolen_keys_open_what_has_no_forward_secrecy),
        cmocka_unit_test(sound_policies_withstand_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
