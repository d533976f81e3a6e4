/* Wrong credentials in a whole run: the right alert at both ends, no message of the culprit
 * delivered, and the rest of the network goes on as if nothing had happened. */
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

/* Two PNEs at one gateway: `good` and `bad`; the gateway or the PNE carries the fault. */
static const char scenario[] =
    "cpns: 1\n"
    "name: credentials\n"
    "run: {until: 90 s, seed: 5}\n"
    "security:\n"
    "  policies:\n"
    "    p: {kind: tls, versions: [\"%s\"], auth: %s%s}\n"
    "    fine: {kind: tls, versions: [\"1.3\"]}\n"
    "  pne_gateway: p\n"
    "  gateway_server: fine\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: good, role: pne, attach: {to: gw, link: wlan}}\n"
    "  - {id: bad, role: pne, attach: {to: gw, link: wlan}, %s}\n"
    "workload:\n"
    "  - {every: 5 s, start: 20 s, do: service-access, from: [good, bad], to: srv, size: 100 B}\n";

/* The same with the fault at the gateway: both PNEs refuse it. */
static const char gateway_scenario[] =
    "cpns: 1\n"
    "name: credentials\n"
    "run: {until: 90 s, seed: 5}\n"
    "security:\n"
    "  policies:\n"
    "    p: {kind: tls, versions: [\"%s\"], auth: %s%s}\n"
    "  pne_gateway: p\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}, %s}\n"
    "  - {id: good, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, attach: {to: gw, link: wlan}}\n"
    "  - {id: other, role: pne, attach: {to: good, link: wlan}}\n"
    "workload:\n"
    "  - {every: 5 s, start: 20 s, do: service-access, from: [pne, other], to: srv, size: 100 B}\n";

struct wrong {
    const char *name;
    const char *version;
    const char *auth;
    const char *policy; /* more of the policy */
    const char *fault;  /* keys of the culprit */
    const char *alert;  /* NULL: at one end only */
    const char *sender; /* side that raises it when the PNE is the culprit */
};

static const struct wrong pne_cases[] = {
    {"untrusted-13", "1.3", "mutual", "", "certificate: {issuer: other-ca}", "unknown_ca",
     "responder"},
    {"untrusted-12", "1.2", "mutual", "", "certificate: {issuer: other-ca}", "unknown_ca",
     "responder"},
    {"self-13", "1.3", "mutual", "", "certificate: {issuer: self}", "unknown_ca", "responder"},
    {"expired-13", "1.3", "mutual", "", "certificate: {not_after: -1 s}", "certificate_expired",
     "responder"},
    {"expired-12", "1.2", "mutual", "", "certificate: {not_after: -1 s}", "certificate_expired",
     "responder"},
    {"early-13", "1.3", "mutual", "", "certificate: {not_before: 1 h}", "bad_certificate",
     "responder"},
    {"early-12", "1.2", "mutual", "", "certificate: {not_before: 1 h}", "bad_certificate",
     "responder"},
    {"name-13", "1.3", "mutual", "", "certificate: {identity: good}", "bad_certificate",
     "responder"},
    {"name-12", "1.2", "mutual", "", "certificate: {identity: good}", "bad_certificate",
     "responder"},
    {"none-13", "1.3", "mutual", "", "certificate: {present: false}", "certificate_required",
     "responder"},
    {"none-12", "1.2", "mutual", "", "certificate: {present: false}", "handshake_failure",
     "responder"},
    {"psk-13", "1.3", "psk", "", "psk: {secret: wrong}", "illegal_parameter", "responder"},
    {"psk-12", "1.2", "psk", ", ciphers: [ECDHE-PSK-AES128-CBC-SHA256]", "psk: {secret: wrong}",
     "bad_record_mac", "responder"},
};

/* Each PNE's session with its gateway failed by the alert, raised by one end and seen by the other.
 */
static void assert_alert(const struct wrong *c, const char *pne, const char *sender)
{
    char sql[700];
    char expected[200];
    snprintf(
        sql, sizeof(sql),
        "SELECT DISTINCT a.side, a.direction, a.name FROM alert a JOIN session s USING (session_id)"
        " JOIN entity e ON e.entity_id = s.initiator WHERE e.name = '%s' AND a.level = 'fatal'"
        " ORDER BY a.direction DESC",
        pne);
    snprintf(expected, sizeof(expected), "%s|sent|%s\n%s|received|%s\n", sender, c->alert,
             strcmp(sender, "responder") == 0 ? "initiator" : "responder", c->alert);
    char *rows = whole_rows(c->name, sql);
    if (strcmp(rows, expected) != 0) {
        print_error("%s: alerts\n%s", c->name, rows);
    }
    assert_string_equal(rows, expected);
    free(rows);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM v_session WHERE initiator = '%s' AND outcome <> 'failed'", pne);
    assert_int_equal(whole_int(c->name, sql), 0);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM v_session WHERE initiator = '%s' AND established_s IS NOT NULL",
             pne);
    assert_int_equal(whole_int(c->name, sql), 0);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM v_message_hop WHERE session_id IS NOT NULL AND (sender = '%s' "
             "OR receiver = '%s')",
             pne, pne);
    assert_int_equal(whole_int(c->name, sql), 0);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM v_message WHERE origin = '%s' AND exemption IS NULL AND outcome "
             "= 'delivered'",
             pne);
    assert_int_equal(whole_int(c->name, sql), 0);
}

static void assert_well(const char *name, const char *pne)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) >= 10 FROM v_message WHERE type = 'ServiceAccessResponse' AND target "
             "= '%s'"
             " AND status = 200 AND outcome = 'delivered'",
             pne);
    assert_int_equal(whole_int(name, sql), 1);
    assert_int_equal(whole_int(name, "SELECT count(*) FROM v_violation"), 0);
}

static void a_wrong_pne_is_refused_and_the_run_goes_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(pne_cases); i++) {
        const struct wrong *c = &pne_cases[i];
        char *yaml = mem_printf(scenario, c->version, c->auth, c->policy, c->fault);
        int code = whole_run(c->name, yaml, "");
        free(yaml);
        if (code != 0) {
            char *err = whole_stderr();
            print_error("%s: exit %d\n%s", c->name, code, err);
            free(err);
        }
        assert_int_equal(code, 0);
        assert_alert(c, "bad", c->sender);
        assert_well(c->name, "good");
    }
}

static void a_wrong_gateway_is_refused_by_its_pne(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(pne_cases); i++) {
        struct wrong c = pne_cases[i];
        bool certificate = strcmp(c.auth, "mutual") == 0;
        if (!certificate || strncmp(c.name, "none", 4) == 0) {
            continue; /* a server always shows its certificate */
        }
        char name[64];
        snprintf(name, sizeof(name), "gw-%s", c.name);
        c.name = name;
        char *yaml =
            mem_printf(gateway_scenario, c.version, c.auth, c.policy,
                       strstr(c.fault, "good") != NULL ? "certificate: {identity: srv}" : c.fault);
        assert_int_equal(whole_run(c.name, yaml, ""), 0);
        free(yaml);
        assert_alert(&c, "pne", "initiator");
        assert_well(c.name, "other");
    }
}

/* The control: the same scenario with nothing wrong. */
static void right_credentials_pass(void **state)
{
    (void)state;
    static const char *const auths[][2] = {
        {"mutual", ""}, {"server-only", ""}, {"psk", ", ciphers: [ECDHE-PSK-AES128-CBC-SHA256]"}};
    static const char *const versions[] = {"1.2", "1.3"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(auths); i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(versions); k++) {
            char *yaml =
                mem_printf(scenario, versions[k], auths[i][0], auths[i][1], "encoding: xml");
            assert_int_equal(whole_run("right", yaml, ""), 0);
            free(yaml);
            assert_well("right", "good");
            assert_well("right", "bad");
            assert_int_equal(whole_int("right", "SELECT count(*) FROM alert WHERE level = 'fatal'"),
                             0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_credentials_pass),
        cmocka_unit_test(a_wrong_pne_is_refused_and_the_run_goes_on),
        cmocka_unit_test(a_wrong_gateway_is_refused_by_its_pne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
