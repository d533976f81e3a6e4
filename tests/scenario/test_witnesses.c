/* The first two witnesses: what each end of a session has seen of it, and the tap on its link. They
 * agree where nobody is between; each item can disagree; and a man in the middle whom both ends
 * took for the other one is found out by comparing them. */
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
    "name: witnesses\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: modern}\n"
    "security:\n"
    "  policies:\n"
    "    open: {kind: clear}\n"
    "    modern: {kind: tls, versions: [\"1.3\"], resumption: tickets, session_lifetime: 6 s}\n"
    "    old: {kind: tls, versions: [\"1.2\"], ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256],\n"
    "          resumption: tickets, session_lifetime: 6 s}\n"
    "    half: {kind: tls, versions: [\"1.3\"], auth: server-only}\n"
    "    shared: {kind: tls, versions: [\"1.2\"], ciphers: [PSK-AES128-GCM-SHA256], auth: psk}\n"
    "    datagrams: {kind: dtls}\n"
    "  pne_gateway: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, until: 18 s, do: service-access, from: pne/*, to: srv, size: 300 "
    "B}\n"
    "%s"
    "expect:\n"
    "  - {claim: witnesses-agree}\n";

static int run(const char *policy, const char *attacker)
{
    char yaml[4096];
    char attackers[512] = "";
    char more[128];
    if (attacker != NULL) {
        snprintf(attackers, sizeof(attackers), "attackers:\n  - {%s}\n", attacker);
    }
    snprintf(yaml, sizeof(yaml), text, attackers);
    snprintf(more, sizeof(more), "--set policy=%s", policy);
    return whole_run("run", yaml, more);
}

static int64_t count(const char *condition)
{
    char sql[512];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM v_witness WHERE %s", condition);
    return whole_int("run", sql);
}

static void claim_is(const char *verdict)
{
    char *text_of_it = whole_text("run", "SELECT verdict FROM v_expect");
    assert_string_equal(text_of_it, verdict);
    free(text_of_it);
}

static void witnesses_of_sound_sessions_agree(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        int64_t known; /* items that are known on pne/1--gw */
    } runs[] = {
        {"modern", 14},                  /* all */
        {"old", 14},       {"half", 13}, /* the client shows no certificate */
        {"shared", 11},                  /* nobody does, and there is no group */
        {"datagrams", 14}, {"open", 4},  /* plaintext and octets */
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(runs); i++) {
        int code = run(runs[i].policy, NULL);
        assert_int_equal(code, strcmp(runs[i].policy, "open") == 0 ? 1 : 0); /* R1, R5 */
        char *worst = whole_rows("run", "SELECT * FROM v_witness WHERE agree = 0");
        assert_string_equal(worst, "");
        free(worst);
        int64_t known =
            whole_int("run", "SELECT count(DISTINCT item) FROM v_witness WHERE agree AND"
                             " link = 'pne/1--gw' AND established");
        assert_int_equal(known, runs[i].known);
        assert_int_equal(whole_int("run", "SELECT count(*) FROM v_disagreement"), 0);
        /* The gateway and the server have a session of TLS in each of these. */
        claim_is("held");
    }
    /* A resumed session: other randoms and secrets, the same certificates. */
    assert_int_equal(run("modern", NULL), 0);
    assert_true(whole_int("run", "SELECT count(*) FROM session WHERE resumed") > 1);
    assert_int_equal(whole_int("run",
                               "SELECT count(DISTINCT secret) - count(*) / 2 FROM session_end"
                               " WHERE secret IS NOT NULL"),
                     0);
    assert_int_equal(whole_int("run", "SELECT count(DISTINCT own_certificate) FROM session_end"),
                     4);
}

/* He has a session with each: nothing of theirs is the same, and nothing passed on their link. */
static void a_man_in_the_middle_is_found_out_by_both_ends_together(void **state)
{
    (void)state;
    static const char attacker[] =
        "id: m, kind: man-in-the-middle, target: pne/1--gw, params: {credential: stolen}";
    static const char *const policies[] = {"modern", "old", "half"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        assert_int_equal(run(policies[i], attacker), 1);
        assert_true(count("link = 'pne/1--gw' AND established") > 0);
        assert_int_equal(count("link = 'pne/1--gw' AND established AND agree = 1 AND item IN "
                               "('client random', 'server random', 'secret')"),
                         0);
        assert_int_equal(count("link = 'pne/1--gw' AND established AND agree IS NOT 0 AND item IN "
                               "('client random', 'server random', 'secret')"),
                         0);
        /* His key is the right one: so is the certificate. */
        assert_int_equal(count("link = 'pne/1--gw' AND agree = 0 AND item LIKE 'certificate%'"), 0);
        assert_int_equal(count("link = 'pne/1--gw' AND tap IS NOT NULL AND tap <> 0"), 0);
        assert_int_equal(count("link <> 'pne/1--gw' AND agree = 0"), 0);
        claim_is("violated");
        /* The attack's own verdict says so, too. */
        assert_int_equal(
            whole_int("run", "SELECT count(*) FROM v_disagreement WHERE NOT explained"), 0);
        /* Without it, on the ends' word alone, it is a finding. */
        whole_alter("run", "forgotten", "DELETE FROM probe");
        assert_true(whole_int("forgotten", "SELECT count(*) FROM v_violation WHERE rule = "
                                           "'witnesses-disagree'") > 0);
        /* And the other way round: that he had them, although they have the same secret. */
        whole_alter("run", "mended", "UPDATE session_end SET secret = 1");
        assert_true(whole_int("mended", "SELECT count(*) FROM v_disagreement WHERE NOT explained "
                                        "AND items = 'verdict'") > 0);
    }
}

/* His certificate is another one, which nobody compares with the name that was meant. */
static void where_names_do_not_count_certificates_differ(void **state)
{
    (void)state;
    static const char attacker[] =
        "id: m, kind: man-in-the-middle, target: pne/1--gw, params: {credential: wrong-name}";
    assert_int_equal(run("broken-no-name-check", attacker), 1);
    assert_true(count("agree = 0 AND established AND item = 'certificate of the responder'") > 0);
    assert_true(count("agree = 0 AND established AND item = 'certificate of the initiator'") > 0);
    assert_true(count("agree = 0 AND established AND item = 'secret'") > 0);
}

/* What one of them says is changed in a copy of the record: each is noticed, offline. */
static void every_item_can_disagree(void **state)
{
    (void)state;
    static const struct {
        const char *change, *item;
    } cases[] = {
        {"client_random = client_random + 1", "client random"},
        {"server_random = server_random + 1", "server random"},
        {"secret = secret + 1", "secret"},
        {"version = 'TLSv1.2'", "version"},
        {"cipher = 'TLS_AES_128_CCM_SHA256'", "cipher"},
        {"kex_group = 'P-384'", "group"},
        {"own_certificate = own_certificate + 1", "certificate of the responder"},
        {"peer_certificate = peer_certificate + 1", "certificate of the initiator"},
        {"plain_received = plain_received + 1", "plaintext of the initiator"},
        {"messages_received = messages_received + 1", "plaintext of the initiator"},
        {"plain_sent = plain_sent + 1", "plaintext of the responder"},
        {"link_bytes = link_bytes + 1", "octets of the responder"},
        {"link_records = link_records + 1", "records of the responder"},
        {"records_received = records_received + 1", "records of the initiator"},
    };
    assert_int_equal(run("modern", NULL), 0);
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char sql[512];
        snprintf(sql, sizeof(sql),
                 "UPDATE session_end SET %s WHERE side = 'responder' AND session_id = 2",
                 cases[i].change);
        whole_alter("run", "altered", sql);
        char *items = whole_rows("altered", "SELECT session_id, items, explained FROM "
                                            "v_disagreement");
        char wanted[128];
        snprintf(wanted, sizeof(wanted), "2|%s|0\n", cases[i].item);
        assert_string_equal(items, wanted);
        free(items);
        assert_int_equal(whole_cpnsim("check '%s/altered.db'", whole_dir()), 1);
        char *out = whole_stdout();
        assert_non_null(strstr(out, "VIOLATED  witnesses-disagree of session 2: "));
        assert_non_null(strstr(out, "VIOLATED  witnesses-agree"));
        free(out);
    }
    /* One end is not on record: nothing is known of the session, and of all sessions nothing. */
    whole_alter("run", "altered", "DELETE FROM session_end WHERE side = 'responder'");
    assert_int_equal(whole_cpnsim("check '%s/altered.db'", whole_dir()), 2);
    whole_alter("run", "altered", "UPDATE session_end SET secret = NULL");
    assert_int_equal(whole_cpnsim("check '%s/altered.db'", whole_dir()), 2);
}

/* Attackers leave traces of their own at the tap; those are explained. */
static void what_an_attacker_adds_is_seen_by_the_tap(void **state)
{
    (void)state;
    static const char attacker[] =
        "id: r, kind: replay, target: pne/1--gw, params: {nth: 5, count: 1}";
    assert_int_equal(run("modern", attacker), 0);
    claim_is("held");
    assert_int_equal(whole_int("run",
                               "SELECT count(*) FROM v_disagreement WHERE explained AND items IN "
                               "('octets of the initiator, records of the initiator',"
                               " 'octets of the responder, records of the responder')"),
                     1);
    assert_int_equal(whole_int("run", "SELECT count(*) FROM v_disagreement WHERE NOT explained"),
                     0);
    assert_int_equal(count("agree = 0 AND witnesses = 'ends'"), 0);
    /* Without sessions what is repeated is delivered: the ends disagree, too. */
    assert_int_equal(run("open", attacker), 1);
    assert_true(count("agree = 0 AND item LIKE 'plaintext%'") > 0);
    assert_int_equal(whole_int("run", "SELECT count(*) FROM v_disagreement WHERE NOT explained"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(witnesses_of_sound_sessions_agree),
        cmocka_unit_test(a_man_in_the_middle_is_found_out_by_both_ends_together),
        cmocka_unit_test(where_names_do_not_count_certificates_differ),
        cmocka_unit_test(every_item_can_disagree),
        cmocka_unit_test(what_an_attacker_adds_is_seen_by_the_tap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
