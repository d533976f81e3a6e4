/* Attack search: nothing where the sessions are good, the hole where a policy has one, made small
 * and written as a scenario that shows it by itself; the same again from the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/core/base.h"
#include "tests/support/sample.h"
#include "tests/support/whole_run.h"

static const char text[] =
    "cpns: 1\n"
    "name: hunted\n"
    "run: {until: 20 s, seed: 3}\n"
    "params: {policy: bcp195, open: clear}\n"
    "security:\n"
    "  policies:\n"
    "    bare: {kind: $open}\n"
    "    early: {extends: broken-no-anti-replay, anti_replay: single-use}\n"
    "    late: {extends: bcp195, versions: [\"1.3\"], session_lifetime: 5 s}\n"
    "  pne_gateway: $policy\n"
    "  gateway_server: $policy\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"
    "workload:\n"
    "  - {every: 1 s, start: 5 s, do: service-access, from: pne/*, to: srv, size: 300 B}\n"
    "attackers:\n"
    "  - {id: ear, kind: eavesdropper, target: pne/2--gw}\n"
    "expect:\n"
    "  - {claim: mutual-authentication}\n";

/* Programs drawn where nothing may be found; ten have most kinds of attackers. */
#define PROGRAMS SAMPLE("30", "10")

static int attack(const char *out, const char *more)
{
    whole_write("hunted.yaml", text);
    return whole_cpnsim("attack '%s/hunted.yaml' -o '%s/%s' %s", whole_dir(), whole_dir(), out,
                        more);
}

static void assert_says(const char *part, bool wanted)
{
    char *out = whole_stdout();
    if ((strstr(out, part) != NULL) != wanted) {
        print_error("\"%s\" is%s in\n%s", part, wanted ? " not" : "", out);
    }
    assert_int_equal(strstr(out, part) != NULL, wanted);
    free(out);
}

/* The path of the scenario written for a finding, from what the search said; the caller frees it.
 */
static char *path_of(const char *out, const char *name)
{
    char *lines = mem_strdup(out);
    char *wanted = mem_printf("-%s", name);
    char *path = NULL;
    char *rest = lines;
    while (path == NULL && rest != NULL) {
        const char *line = strsep(&rest, "\n");
        size_t len = strlen(line);
        if (strstr(line, wanted) != NULL && len > 5 && strcmp(line + len - 5, ".yaml") == 0) {
            path = mem_strdup(line + strspn(line, " "));
        }
    }
    if (path == NULL) {
        print_error("no scenario for %s in\n%s", name, out);
    }
    assert_non_null(path);
    free(wanted);
    free(lines);
    return path;
}

static char *read_text(const char *path)
{
    enum { MOST = 8192 };
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char *t = mem_alloc(MOST);
    assert_true(fread(t, 1, MOST - 1, f) > 0);
    fclose(f);
    return t;
}

/* How many attackers a scenario that was written has. */
static int entries(const char *scenario)
{
    int count = 0;
    for (const char *at = scenario; (at = strstr(at, "{id: search-")) != NULL; at++) {
        count++;
    }
    return count;
}

static void assert_captured(const char *path)
{
    struct stat st;
    char *keys = mem_printf("%.*s-pcap/keys.log", (int)(strlen(path) - 5), path);
    assert_int_equal(stat(keys, &st), 0);
    free(keys);
}

/* The hole is found, within as many programs as it takes; one attacker is left; the file shows it
 * without any argument. Returns its text, which the caller frees. */
static char *find_hole(const char *policy, const char *budget, const char *property, bool by_run)
{
    char more[256];
    snprintf(more, sizeof(more), "--budget %s --set policy=%s", budget, policy);
    assert_int_equal(attack(policy, more), 1);
    char *out = whole_stdout();
    char *path = path_of(out, property);
    char *scenario = read_text(path);
    assert_int_equal(entries(scenario), 1);
    assert_captured(path);
    assert_int_equal(whole_cpnsim("run '%s' -o '%s/again.db' --pcap '%s/again' --progress never",
                                  path, whole_dir(), whole_dir()),
                     by_run ? 1 : 2);
    if (!by_run) {
        assert_int_equal(whole_cpnsim("check '%s/again.db' --witness tshark --pcap '%s/again'",
                                      whole_dir(), whole_dir()),
                         1);
    }
    const char *hop = strstr(property, "-gateway--");
    char *claim = mem_strndup(property, hop != NULL ? (size_t)(hop - property) : strlen(property));
    assert_says("VIOLATED", true);
    assert_says(claim, true);
    free(claim);
    free(path);
    free(out);
    return scenario;
}

static void assert_hole(const char *policy, const char *budget, const char *property, bool by_run)
{
    free(find_hole(policy, budget, property, by_run));
}

static void good_sessions_withstand(void **state)
{
    (void)state;
    assert_int_equal(attack("good", "--budget " PROGRAMS), 0);
    assert_says("Nothing was found", true);
    assert_says(PROGRAMS " programs (0 refused)", true);
    assert_says("exhaustion", false); /* nobody expects availability */
    struct stat st;
    char *dir = whole_path("good");
    assert_int_not_equal(stat(dir, &st), 0); /* nothing was written */
    free(dir);
}

/* What the search once found: a fatal alert made an end forget whom it had authenticated. */
static void who_was_authenticated_stays_so(void **state)
{
    (void)state;
    char *yaml = mem_printf("%s", text);
    char *own = strstr(yaml, "  - {id: ear");
    char *rest = strstr(yaml, "expect:");
    char *whole = mem_printf("%.*s  - {id: forger, kind: inject, target: pne/1--gw, params: "
                             "{count: 1}}\n%s",
                             (int)(own - yaml), yaml, rest);
    assert_int_equal(whole_run("forgotten", whole, ""), 0);
    assert_int_equal(whole_int("forgotten", "SELECT count(*) FROM session_end WHERE failure = "
                                            "'bad_record_mac' AND peer_auth = 'certificate' AND "
                                            "peer_id IS NOT NULL"),
                     2);
    free(whole);
    free(yaml);
}

/* And: a stream that ends behind the goodbye of its session is whole. */
static void behind_a_goodbye_nothing_is_cut_off(void **state)
{
    (void)state;
    char *yaml = mem_printf("%s", text);
    char *own = strstr(yaml, "  - {id: ear");
    char *rest = strstr(yaml, "expect:");
    for (int nth = 5; nth < 9; nth++) {
        char *whole = mem_printf("%.*s  - {id: cutter, kind: truncate, target: pne/1--gw, params: "
                                 "{from: initiator, nth: %d, count: 1}}\n%s",
                                 (int)(own - yaml), yaml, nth, rest);
        assert_int_equal(whole_run("goodbye", whole, "--set policy=early"), 0);
        free(whole);
        assert_int_equal(whole_int("goodbye", "SELECT count(*) FROM v_probe p JOIN session_end e"
                                              " USING (session_id) WHERE e.side = 'responder' AND"
                                              " (p.verdict <> 'held' OR (p.detected_by ="
                                              " 'no effect') <> e.close_notify_received)"),
                         0);
    }
    free(yaml);
}

static void a_null_cipher_is_read(void **state)
{
    (void)state;
    /* The scenario's own eavesdropper sees it on one link: what is known is no finding. */
    assert_int_equal(attack("known", "--budget 13 --set policy=broken-null-cipher"), 1);
    assert_says("confidentiality of pne--gateway", false);
    assert_hole("broken-null-cipher", "26", "confidentiality-gateway--server", true);
}

static void a_client_that_falls_back_is_led_to_an_older_version(void **state)
{
    (void)state;
    assert_hole("broken-version-fallback", "10", "downgrade-protection", true);
}

static void without_name_check_an_impostor_gets_in(void **state)
{
    (void)state;
    assert_hole("broken-no-name-check", "10", "peer-authentication", true);
}

static void early_data_is_replayed_where_nobody_remembers(void **state)
{
    (void)state;
    assert_hole("broken-no-anti-replay", "30", "replay-protection", true);
}

/* Single-use tickets hold against a copy that comes after the flight; of one that comes ahead of it
 * RFC 8446 section 8 says that no mechanism of TLS helps. Without early data nobody has anything to
 * copy, however often tickets are used. */
static void early_data_is_doubled_by_who_is_first(void **state)
{
    (void)state;
    char *scenario = find_hole("early", "30", "replay-protection", true);
    assert_non_null(strstr(scenario, "kind: zero-rtt-replay"));
    assert_non_null(strstr(scenario, "ahead: true"));
    free(scenario);
    assert_int_equal(attack("late", "--budget 14 --set policy=late"), 0);
    assert_says("14 programs (0 refused)", true);
    assert_says("Nothing was found", true);
}

static void keys_that_are_stolen_later_open_what_was_kept(void **state)
{
    (void)state;
    if (system("tshark --version >/dev/null 2>&1") != 0) {
        skip();
    }
    assert_hole("broken-static-rsa", "3", "forward-secrecy", false);
    assert_hole("broken-plain-psk", "3", "forward-secrecy", false);
}

static void the_same_seed_finds_the_same(void **state)
{
    (void)state;
    char *first[3];
    static const char *const more[] = {"--budget 12 --set policy=bare",
                                       "--budget 12 --set policy=bare",
                                       "--budget 12 --set policy=bare --seed 2"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(attack("same", more[i]), 1);
        char *out = whole_stdout();
        char *path = path_of(out, "integrity-pne--gateway");
        char *scenario = read_text(path);
        first[i] = mem_printf("%s%s", out, scenario);
        free(scenario);
        free(path);
        free(out);
    }
    assert_string_equal(first[0], first[1]);
    assert_string_not_equal(first[0], first[2]);
    for (size_t i = 0; i < 3; i++) {
        free(first[i]);
    }
}

static void arguments_that_are_wrong(void **state)
{
    (void)state;
    assert_int_equal(attack("bad", ""), 3);
    assert_int_equal(attack("bad", "--budget 0"), 3);
    assert_int_equal(attack("bad", "--budget -1"), 3);
    assert_int_equal(attack("bad", "--budget 5 --seed x"), 3);
    assert_int_equal(attack("bad", "--budget 5 --set nodes.pne.count=3"), 3);
    assert_int_equal(attack("bad", "--budget 5 --set policy=unheard-of"), 3);
    assert_int_equal(attack("bad", "--budget 5 --set run.random=system"), 3);
    assert_int_equal(whole_cpnsim("attack '%s/none.yaml' --budget 5", whole_dir()), 3);
    assert_int_equal(attack("bad/hunted.yaml", "--budget 1 --set run.until=0"), 3);
}

/* Not promised by clause 5.9.1: a finding where the scenario expects it. A server that speaks
 * TLS 1.2 too shows its certificate to whoever robs the first message of its versions. */
static void what_is_expected_besides_is_hunted_too(void **state)
{
    (void)state;
    char *yaml = mem_printf("%s  - {claim: identity-privacy}\n", text);
    whole_write("private.yaml", yaml);
    free(yaml);
    assert_int_equal(whole_cpnsim("attack '%s/private.yaml' --budget 40 --seed 2 -o '%s/private'",
                                  whole_dir(), whole_dir()),
                     1);
    char *out = whole_stdout();
    char *path = path_of(out, "identity-privacy");
    assert_int_equal(whole_cpnsim("run '%s' -o '%s/again.db' --progress never", path, whole_dir()),
                     1);
    free(path);
    free(out);
}

/* Handshakes that are never finished: drawn where somebody expects of a server to be there. */
static void floods_are_drawn_where_they_count(void **state)
{
    (void)state;
    char *begins = mem_strndup(text, (size_t)(strstr(text, "nodes:") - text));
    char *yaml = mem_printf("%s"
                            "nodes:\n"
                            "  - {id: srv, role: server}\n"
                            "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
                            "  - {id: pne, role: pne, count: 6, attach: {to: gw, link: wlan},\n"
                            "     start: {uniform: [0 s, 15 s]}}\n"
                            "expect:\n  - {claim: availability}\n",
                            begins);
    whole_write("crowded.yaml", yaml);
    static const struct {
        const char *policy;
        int code;
    } runs[] = {{"bcp195", 0}, {"broken-no-peer-limit", 1}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(runs); i++) {
        int code = whole_cpnsim("attack '%s/crowded.yaml' --budget 16 -o '%s/crowd-%s' --set "
                                "policy=%s",
                                whole_dir(), whole_dir(), runs[i].policy, runs[i].policy);
        assert_int_equal(code, runs[i].code);
        assert_says("exhaustion", true);
        assert_says("(0 refused)", true);
    }
    char *out = whole_stdout();
    char *path = path_of(out, "availability");
    assert_int_equal(whole_cpnsim("run '%s' -o '%s/again.db' --progress never", path, whole_dir()),
                     1);
    assert_true(whole_int("again", "SELECT count(*) FROM probe WHERE kind = 'exhaustion' AND"
                                   " verdict = 'violated'") > 0);
    free(path);
    free(out);
    free(yaml);
    free(begins);
}

/* Label slow: more of the same. */
/* What is held back until the run is over is no hole of the session, whatever it delays. */
static void delays_are_no_hole(void **state)
{
    (void)state;
    assert_int_equal(whole_cpnsim("attack topologies/minimal.yaml --budget " SAMPLE(
                                      "40", "10") " -o '%s/delays'",
                                  whole_dir()),
                     0);
}

static void good_sessions_withstand_for_long(void **state)
{
    (void)state;
    static const char *const policies[] = {"bcp195", "3gpp-33210", "late"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(policies); i++) {
        for (int seed = 1; seed <= 3; seed++) {
            char more[256];
            snprintf(more, sizeof(more), "--budget 300 --seed %d --set policy=%s", seed,
                     policies[i]);
            int code = attack("long", more);
            if (code != 0) {
                char *out = whole_stdout();
                print_error("%s: exit %d\n%s", more, code, out);
                free(out);
            }
            assert_int_equal(code, 0);
        }
    }
}

/* Of sessions with early data the one hole, and no other. */
static void nothing_but_early_data_is_doubled(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 3; seed++) {
        char more[128];
        snprintf(more, sizeof(more), "--budget 300 --seed %d --set policy=early", seed);
        assert_int_equal(attack("long", more), 1);
        char *out = whole_stdout();
        for (const char *at = out; (at = strstr(at, "VIOLATED")) != NULL; at++) {
            if (strncmp(at, "VIOLATED  property replay-protection", 36) != 0) {
                print_error("%s:\n%s", more, out);
            }
            assert_int_equal(strncmp(at, "VIOLATED  property replay-protection", 36), 0);
        }
        assert_non_null(strstr(out, "came out twice"));
        free(out);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_sessions_withstand),
        cmocka_unit_test(delays_are_no_hole),
        cmocka_unit_test(who_was_authenticated_stays_so),
        cmocka_unit_test(behind_a_goodbye_nothing_is_cut_off),
        cmocka_unit_test(a_null_cipher_is_read),
        cmocka_unit_test(without_name_check_an_impostor_gets_in),
        cmocka_unit_test(a_client_that_falls_back_is_led_to_an_older_version),
        cmocka_unit_test(early_data_is_replayed_where_nobody_remembers),
        cmocka_unit_test(early_data_is_doubled_by_who_is_first),
        cmocka_unit_test(keys_that_are_stolen_later_open_what_was_kept),
        cmocka_unit_test(the_same_seed_finds_the_same),
        cmocka_unit_test(what_is_expected_besides_is_hunted_too),
        cmocka_unit_test(floods_are_drawn_where_they_count),
        cmocka_unit_test(arguments_that_are_wrong),
    };
    const struct CMUnitTest slow[] = {
        cmocka_unit_test(good_sessions_withstand_for_long),
        cmocka_unit_test(nothing_but_early_data_is_doubled),
    };
    if (argc == 2 && strcmp(argv[1], "--long") == 0) {
        return cmocka_run_group_tests(slow, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
