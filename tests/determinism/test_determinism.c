/* Same scenario, seed and versions: same rows, same octets on the wire, on any number of workers.
 */
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

/* Loss, jitter, tickets, a link that goes down and every kind of traffic: much that could differ.
 */
static const char scenario[] =
    "cpns: 1\n"
    "name: determinism\n"
    "run: {until: 60 s, seed: 11}\n"
    "security:\n"
    "  policies:\n"
    "    modern: {kind: tls, versions: [\"1.2\", \"1.3\"], resumption: tickets}\n"
    "    lossy: {kind: dtls, resumption: tickets, session_lifetime: 15 s}\n"
    "  pne_gateway: modern\n"
    "links:\n"
    "  radio: {technology: ble, loss: {model: gilbert-elliott, enter: 2 %%, leave: 30 %%}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"
    "  - {id: pne, role: pne, count: 12, attach: {to: gw/*, by: round-robin, link: radio}}\n"
    "  - {id: mote, role: pne, count: 4, policy: lossy, attach: {to: gw/2, link: radio}}\n"
    "%s"
    "personal_networks:\n"
    "  - {id: one, gateway: gw/1, establishment: {type: 1, by: members, at: {uniform: [0 s, 3 "
    "s]}}}\n"
    "  - {id: two, gateway: gw/2, establishment: {type: 2, by: pne/2, at: 1 s}}\n"
    "service_groups:\n"
    "  - {id: g, owner: pne/1, members: [pne/2..5], service: chat, joining: open}\n"
    "workload:\n"
    "  - {every: {exponential: 3 s}, do: service-access, from: pne/*, to: srv, size: {lognormal: "
    "[200 B, 0.4]}}\n"
    "  - {every: 4 s, do: group-message, from: pne/1, to: g, size: 80 B}\n"
    "faults:\n"
    "  - {id: cut, at: 20 s, for: 4 s, do: link-down, target: gw/1--srv}\n";

static char *fingerprint(const char *name)
{
    assert_int_equal(whole_cpnsim("fingerprint '%s/%s.db'", whole_dir(), name), 0);
    return whole_stdout();
}

/* Digest over all files of a capture directory. */
static char *captures(const char *name)
{
    char *command =
        mem_printf("cd '%s' && cat %s-pcap/* | sha256sum > %s.sum && ls %s-pcap | wc -l >> %s.sum",
                   whole_dir(), name, name, name, name);
    assert_int_equal(system(command), 0);
    free(command);
    char *path = mem_printf("%s/%s.sum", whole_dir(), name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char text[200];
    size_t len = fread(text, 1, sizeof(text) - 1, f);
    text[len] = '\0';
    fclose(f);
    free(path);
    return mem_strdup(text);
}

static void run(const char *name, const char *extra_nodes, const char *more)
{
    char *yaml = mem_printf(scenario, extra_nodes);
    whole_write("scenario.yaml", yaml);
    assert_int_equal(
        whole_cpnsim("run '%s/scenario.yaml' -o '%s/%s.db' --pcap '%s/%s-pcap' --progress never %s",
                     whole_dir(), whole_dir(), name, whole_dir(), name, more),
        0);
    free(yaml);
}

static void same_seed_same_run_on_any_number_of_workers(void **state)
{
    (void)state;
    static const char *const names[] = {"first", "again", "four"};
    static const char *const args[] = {"--workers 1", "--workers 1", "--workers 4"};
    char *prints[3];
    char *sums[3];
    for (size_t i = 0; i < 3; i++) {
        run(names[i], "", args[i]);
        prints[i] = fingerprint(names[i]);
        sums[i] = captures(names[i]);
    }
    assert_true(strlen(prints[0]) >= 64);
    for (size_t i = 1; i < 3; i++) {
        assert_string_equal(prints[0], prints[i]);
        assert_string_equal(sums[0], sums[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        free(prints[i]);
        free(sums[i]);
    }
    assert_true(whole_int("first", "SELECT count(*) FROM v_message") > 300);
    assert_true(whole_int("first", "SELECT count(*) FROM v_session") >= 14);
}

static void another_seed_is_another_run(void **state)
{
    (void)state;
    char *one = fingerprint("first");
    char *one_sum = captures("first");
    run("other", "", "--seed 12");
    char *two = fingerprint("other");
    char *two_sum = captures("other");
    assert_string_not_equal(one, two);
    assert_string_not_equal(one_sum, two_sum);
    free(one);
    free(two);
    free(one_sum);
    free(two_sum);
}

/* Another PNE at gateway 2: each session that the others had at the start has the very same secrets
 * (the key log shows both randoms' secrets), and the links of the gateway that it is not at start
 * with the same octets. */
static void another_pne_leaves_the_draws_of_the_others_alone(void **state)
{
    (void)state;
    run("more", "  - {id: extra, role: pne, attach: {to: gw/2, link: radio}}\n", "");
    char *command =
        mem_printf("cd '%s' && sort first-pcap/keys.log > a && sort more-pcap/keys.log > b && "
                   "comm -12 a b | grep -c CLIENT_HANDSHAKE",
                   whole_dir());
    FILE *f = popen(command, "r");
    assert_non_null(f);
    int same = 0;
    assert_int_equal(fscanf(f, "%d", &same), 1);
    pclose(f);
    free(command);
    int64_t sessions = whole_int("first", "SELECT count(*) FROM v_session WHERE version = 'TLSv1.3'"
                                          " AND resumed = 0");
    assert_true(sessions >= 14);
    assert_true(same >= 14);
    char *a = whole_rows("first", "SELECT name, urn FROM entity ORDER BY name");
    char *b =
        whole_rows("more", "SELECT name, urn FROM entity WHERE name <> 'extra' ORDER BY name");
    assert_string_equal(a, b);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_run_on_any_number_of_workers),
        cmocka_unit_test(another_seed_is_another_run),
        cmocka_unit_test(another_pne_leaves_the_draws_of_the_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
