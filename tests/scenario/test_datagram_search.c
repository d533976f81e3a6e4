/* Attack search against sessions over datagrams: nothing where they are good, whatever the radio
 * loses; the hole where there is one, made small. */
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

static const char text[] =
    "cpns: 1\n"
    "name: hunted\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: rfc7925-constrained, link: wlan}\n"
    "security:\n"
    "  policies:\n"
    "    best: {kind: dtls, ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256, "
    "ECDHE-ECDSA-AES256-GCM-SHA384], groups: [X25519, P-256, P-384], auth: mutual, crl: true, "
    "resumption: tickets}\n"
    "    hollow: {kind: dtls, ciphers: [ECDHE-ECDSA-NULL-SHA], security_level: 0}\n"
    "    broken-nameless: {kind: dtls, name_check: none}\n"
    "    shared: {kind: dtls, ciphers: [PSK-AES128-GCM-SHA256], auth: psk}\n"
    "    open: {kind: clear-datagram}\n"
    "  pne_gateway: $policy\n"
    "  gateway_server: $policy\n"
    "links:\n"
    "  lossy: {technology: ble, loss: {model: random, rate: 1 %%}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: $link}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "expect:\n"
    "  - {claim: mutual-authentication}\n"
    "%s";

static int attack(const char *expect, const char *more)
{
    char *yaml = mem_printf(text, expect);
    whole_write("hunted.yaml", yaml);
    free(yaml);
    return whole_cpnsim("attack '%s/hunted.yaml' -o '%s/found' %s", whole_dir(), whole_dir(), more);
}

static void assert_says(const char *part)
{
    char *out = whole_stdout();
    if (strstr(out, part) == NULL) {
        print_error("\"%s\" is not in\n%s", part, out);
    }
    assert_non_null(strstr(out, part));
    free(out);
}

/* The trials of a kind, from the table that the search prints. */
static int trials(const char *out, const char *kind)
{
    const char *at = strstr(out, kind);
    int attackers = 0;
    int count = 0;
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(kind), " %*s %d %d", &attackers, &count), 2);
    return count;
}

static void assert_nothing(const char *more, bool each_kind)
{
    int code = attack("", more);
    char *out = whole_stdout();
    if (code != 0) {
        print_error("%s: exit %d\n%s", more, code, out);
    }
    assert_int_equal(code, 0);
    assert_non_null(strstr(out, "Nothing was found"));
    assert_non_null(strstr(out, " (0 refused)"));
    static const char *const kinds[] = {"  tamper", "  replay", "  inject", "  man-in-the-middle",
                                        "  downgrade"};
    for (size_t i = 0; each_kind && i < SIM_ARRAY_LEN(kinds); i++) {
        assert_true(trials(out, kinds[i]) > 0);
    }
    free(out);
}

/* Loss and disorder are no findings: DTLS promises nothing of them. */
static void good_sessions_withstand(void **state)
{
    (void)state;
    assert_nothing("--budget 13", false);
    assert_nothing("--budget 7 --seed 3 --set policy=best --set link=lossy", false);
}

static void what_is_expected_besides_is_found(void **state)
{
    (void)state;
    assert_int_equal(attack("  - {claim: completeness}\n", "--budget 20"), 1);
    assert_says("VIOLATED  claim completeness");
}

static void holes_are_found(void **state)
{
    (void)state;
    assert_int_equal(attack("", "--budget 14 --set policy=broken-nameless"), 1);
    assert_says("VIOLATED  property peer-authentication");
    assert_says("a credential that is wrong-name");
}

/* Label slow: more of the same. */
static void more_holes_are_found(void **state)
{
    (void)state;
    assert_int_equal(attack("", "--budget 13 --set policy=hollow"), 1);
    assert_says("VIOLATED  property confidentiality");
    assert_int_equal(attack("", "--budget 13 --set policy=open"), 1);
    assert_says("VIOLATED  property integrity");
    assert_says("VIOLATED  property authenticity");
}

/* Plain PSK, which RFC 7925 offers to small devices: whoever gets the key reads what was kept. */
static void keys_that_are_stolen_later_open_what_was_kept(void **state)
{
    (void)state;
    if (system("tshark --version >/dev/null 2>&1") != 0) {
        skip();
    }
    assert_int_equal(attack("", "--budget 14 --set policy=shared"), 1);
    assert_says("VIOLATED  property forward-secrecy");
}

static void good_sessions_withstand_for_long(void **state)
{
    (void)state;
    static const char *const policies[] = {"rfc7925-constrained", "best"};
    static const char *const links[] = {"wlan", "lossy"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(links); k++) {
            char *more = mem_printf("--budget 300 --seed %zu --set policy=%s --set link=%s",
                                    1 + i + 2 * k, policies[i], links[k]);
            assert_nothing(more, true);
            free(more);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_sessions_withstand),
        cmocka_unit_test(holes_are_found),
    };
    const struct CMUnitTest slow[] = {
        cmocka_unit_test(what_is_expected_besides_is_found),
        cmocka_unit_test(more_holes_are_found),
        cmocka_unit_test(keys_that_are_stolen_later_open_what_was_kept),
        cmocka_unit_test(good_sessions_withstand_for_long),
    };
    if (argc == 2 && strcmp(argv[1], "--long") == 0) {
        return cmocka_run_group_tests(slow, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
