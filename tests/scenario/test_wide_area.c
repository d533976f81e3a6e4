/* Whole runs over routers and under traces: every wire of a way is seen, hops keep their names,
 * what changes on a link changes what crosses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "tests/support/whole_run.h"

/* Two gateways at r/1 and r/2, two servers at r/4: home/1 to srv/1 over 1 2 4, home/2 to srv/2 over
 * 2 4; r/3 is a detour. */
static const char backbone[] =
    "cpns: 1\n"
    "run: {until: 20 s, seed: 3}\n"
    "fidelity: %s\n"
    "links: {near: {technology: wlan, delay: 1 ms, loss: {model: none}},\n"
    "        line: {technology: fibre, delay: 10 ms}}\n"
    "security: {policies: {p: {kind: %s}}, pne_gateway: p, gateway_server: p}\n"
    "nodes:\n"
    "  - {id: r, role: router, count: 4}\n"
    "  - {id: srv, role: server, count: 2, attach: {to: r/4, link: line}}\n"
    "  - {id: home, role: gateway, count: 2, uplink: {to: srv/*, via: r/1..2, link: line}}\n"
    "  - {id: pne, role: pne, count: 4, attach: {to: home/*, link: near}}\n"
    "wires:\n"
    "  - {between: [r/1, r/2], link: line, mtu: 300 B}\n"
    "  - {between: [r/2, r/4], link: line}\n"
    "  - {between: [r/1, r/3], link: line}\n"
    "  - {between: [r/3, r/4], link: line, delay: 30 ms}\n"
    "workload:\n"
    "  - {every: 250 ms, start: 8 s, do: service-access, from: pne/*, size: 2500 B}\n";

static void check(const char *name, const char *sql, const char *wanted)
{
    char *found = whole_rows(name, sql);
    assert_string_equal(found, wanted);
    free(found);
}

static void ways_are_taken_and_seen(void **state)
{
    (void)state;
    static const char *const fidelities[] = {"packet", "fast"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(fidelities); i++) {
        char *yaml = mem_printf(backbone, fidelities[i], "tls");
        assert_int_equal(whole_run("way", yaml, ""), 0);
        free(yaml);
        check("way", "SELECT * FROM v_violation", "");
        check("way", "SELECT name, role, urn IS NULL FROM entity WHERE role = 'router'",
              "r/1|router|1\nr/2|router|1\nr/3|router|1\nr/4|router|1\n");
        check("way", "SELECT name, links, delay_ms FROM v_hop WHERE links > 1",
              "home/1--srv/1|4|40\nhome/2--srv/2|3|30\n");
        check("way",
              "SELECT h.name, w.position, l.name FROM way w JOIN v_hop h ON h.link_id = w.hop_id"
              " JOIN link l ON l.link_id = w.link_id ORDER BY 1, 2",
              "home/1--srv/1|1|r/1--r/2\nhome/1--srv/1|2|r/2--r/4\nhome/1--srv/1|3|srv/1--r/4\n"
              "home/2--srv/2|1|r/2--r/4\nhome/2--srv/2|2|srv/2--r/4\n");
        check("way",
              "SELECT link, outcome, setup_ms > 150 AND setup_ms < 260 FROM v_session"
              " WHERE hop = 'gateway-server' ORDER BY link",
              "home/1--srv/1|established|1\nhome/2--srv/2|established|1\n");
        check("way",
              "SELECT subject FROM v_timeline WHERE what = 'session_established'"
              " AND subject LIKE 'home/%' AND subject NOT LIKE '%--srv/%'",
              "");
        /* The detour carried nothing; the wire that both share, what both together sent. */
        check("way", "SELECT name FROM link WHERE packets_ab + packets_ba = 0",
              "r/1--r/3\nr/3--r/4\n");
        check("way",
              "SELECT (SELECT bytes_ba + bytes_ab FROM link WHERE name = 'r/2--r/4') ="
              " (SELECT sum(bytes_ab + bytes_ba) FROM link WHERE name LIKE 'srv/%')",
              "1\n");
        /* All octets of hops were searched, on each wire of the way. */
        check("way", "SELECT name FROM link WHERE watched_bytes <> bytes_ab + bytes_ba", "");
        assert_true(whole_int("way",
                              "SELECT count(*) FROM message_hop h JOIN link l USING (link_id)"
                              " WHERE l.hop = 'home/1--srv/1' AND watched = 1") > 20);
        /* Segments of TCP fit the narrowest wire of their way. */
        check(
            "way",
            "SELECT bytes_ab <= 300 * packets_ab FROM link WHERE name LIKE 'home/%' ORDER BY name",
            "1\n0\n");
    }
}

/* Without sessions that encrypt, the search finds every message on every wire it crosses. */
static void plaintext_is_found_on_each_wire(void **state)
{
    (void)state;
    char *yaml = mem_printf(backbone, "packet", "clear");
    assert_int_equal(whole_run("clear", yaml, ""), 1);
    free(yaml);
    check("clear",
          "SELECT l.name FROM link l WHERE l.packets_ab > 0 AND"
          " NOT EXISTS (SELECT 1 FROM wire_finding f WHERE f.link_id = l.link_id)",
          "");
    /* On a wire of several hops each finding is of a message that has that hop. */
    check("clear",
          "SELECT DISTINCT n.hop FROM wire_finding f JOIN link l ON l.link_id = f.link_id"
          " JOIN message_hop h ON h.message_id = f.message_id AND h.hop = f.hop"
          " JOIN link n ON n.link_id = h.link_id WHERE l.name = 'r/2--r/4' ORDER BY 1",
          "home/1--srv/1\nhome/2--srv/2\n");
    check("clear",
          "SELECT DISTINCT n.hop FROM wire_finding f JOIN link l ON l.link_id = f.link_id"
          " JOIN message_hop h ON h.message_id = f.message_id AND h.hop = f.hop"
          " JOIN link n ON n.link_id = h.link_id WHERE l.name IN ('r/1--r/2', 'srv/1--r/4')",
          "home/1--srv/1\n");
    char *evidence = whole_text("clear", "SELECT evidence FROM v_message_hop h JOIN link l"
                                         " USING (link_id) WHERE l.hop IS NOT NULL AND"
                                         " confidentiality = 'violated' LIMIT 1");
    assert_non_null(strstr(evidence, "link home/"));
    free(evidence);
}

static void a_cut_wire_hits_the_ways_over_it(void **state)
{
    (void)state;
    char *text = mem_printf(backbone, "packet", "tls");
    char *cut = mem_printf("%sfaults:\n"
                           "  - {at: 10 s, for: 3 s, do: link-down, target: r/1--r/2}\n"
                           "  - {at: 10 s, for: 1 s, do: link-down, target: r/1--r/2}\n",
                           text);
    assert_int_equal(whole_run("cut", cut, ""), 0);
    free(cut);
    free(text);
    check("cut", "SELECT subject, what, at_ns FROM event WHERE what LIKE 'link%'",
          "r/1--r/2|link_down|10000000000\nr/1--r/2|link_down|10000000000\n"
          "r/1--r/2|link_stays_down|11000000000\nr/1--r/2|link_up|13000000000\n");
    check("cut",
          "SELECT count(*) > 5, min(latency_ms) > 1000 FROM v_message WHERE type ="
          " 'ServiceAccessRequest' AND target = 'srv/1' AND sent_s BETWEEN 10.1 AND 11.5",
          "1|1\n");
    check("cut",
          "SELECT count(*) > 5, max(latency_ms) < 300 FROM v_message WHERE type ="
          " 'ServiceAccessRequest' AND target = 'srv/2' AND sent_s BETWEEN 10.1 AND 13",
          "1|1\n");
}

/* Captures of a router: one file a wire of its. */
static void captures_name_routers(void **state)
{
    (void)state;
    char *text = mem_printf(backbone, "packet", "tls");
    char *seed = strstr(text, "seed: 3");
    char *yaml = mem_printf("%.*sseed: 3, record: {pcap: [r/2]}%s", (int)(seed - text), text,
                            seed + strlen("seed: 3"));
    char *folder = whole_path("pcaps");
    char *more = mem_printf("--pcap '%s'", folder);
    char *make = mem_printf("mkdir -p '%s'", folder);
    assert_int_equal(system(make), 0);
    assert_int_equal(whole_run("pcap", yaml, more), 0);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int files = 0;
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        if (strstr(d->d_name, ".pcap") != NULL) {
            assert_non_null(strstr(d->d_name, "r_2"));
            files++;
        }
    }
    closedir(dir);
    assert_int_equal(files, 3); /* home/2, r/1, r/4 */
    free(make);
    free(more);
    free(folder);
    free(yaml);
    free(text);
}

static const char traced[] =
    "cpns: 1\n"
    "run: {until: 60 s, seed: 3}\n"
    "fidelity: %s\n"
    "links: {near: {technology: wlan, delay: 1 ms, loss: {model: none}},\n"
    "        line: {technology: fibre, delay: {mean: 10 ms, jitter: 0 ms}, trace: line.csv%s}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: home, role: gateway, count: 2, uplink: {to: srv, link: line}}\n"
    "  - {id: pne, role: pne, count: 2, attach: {to: home/*, link: near}}\n"
    "workload:\n"
    "  - {every: 100 ms, start: 8 s, do: service-access, from: pne/*, size: 400 B}\n";

/* Delay by the second: 20 ms until 20 s, then 120 ms, then a slow line; 30 s long, or once. */
static void links_follow_their_trace(void **state)
{
    (void)state;
    static const char *const fidelities[] = {"packet", "fast"};
    whole_write("line.csv", "time_s,delay_ms,rate_kbps\n0,20,500000\n20,120,\n26,20,100\n");
    static const char sql[] =
        "SELECT min(latency_ms) > %d AND max(latency_ms) < %d FROM v_message WHERE type ="
        " 'ServiceAccessRequest' AND outcome = 'delivered' AND sent_s > %d AND sent_s < %d";
    static const int wanted[][5] = {
        /* from, to, least, most, whether only the repeated trace has it so */
        {10, 19, 20, 30, 0}, {21, 25, 120, 130, 0}, {27, 29, 60, 200, 0},
        {31, 49, 20, 30, 1}, {51, 55, 120, 130, 1}, {57, 59, 60, 200, 1},
    };
    for (size_t i = 0; i < 2 * SIM_ARRAY_LEN(fidelities); i++) {
        bool again = i % 2 != 0;
        char *yaml = mem_printf(traced, fidelities[i / 2], again ? ", trace_period: 30 s" : "");
        assert_int_equal(whole_run("traced", yaml, ""), 0);
        free(yaml);
        check("traced", "SELECT name, trace_changes FROM link WHERE name LIKE 'home%'",
              again ? "home/1--srv|7\nhome/2--srv|7\n" : "home/1--srv|3\nhome/2--srv|3\n");
        check("traced", "SELECT count(*) FROM link WHERE trace_changes = 0", "2\n");
        for (size_t k = 0; k < SIM_ARRAY_LEN(wanted); k++) {
            const int *w = wanted[k];
            char *question = mem_printf(sql, w[2], w[3], w[0], w[1]);
            if (w[4] == 0 || again) {
                check("traced", question, "1\n");
            } else if (k + 1 == SIM_ARRAY_LEN(wanted)) {
                check("traced", question, "1\n"); /* the last row holds: slow as in the loop */
            }
            free(question);
        }
    }
}

static void loss_comes_and_goes_with_a_trace(void **state)
{
    (void)state;
    whole_write("line.csv", "time_s,loss_percent\n15,30\n25,0\n");
    char *yaml = mem_printf(traced, "packet", "");
    assert_int_equal(whole_run("lossy", yaml, ""), 0);
    free(yaml);
    assert_true(whole_int("lossy", "SELECT min(lost) FROM link WHERE name LIKE 'home%'") > 20);
    check("lossy",
          "SELECT max(latency_ms) < 30 FROM v_message WHERE type = 'ServiceAccessRequest' AND"
          " outcome = 'delivered' AND (sent_s BETWEEN 10 AND 14 OR sent_s > 40)",
          "1\n");
}

static void broken_files_beside_the_scenario_end_with_3(void **state)
{
    (void)state;
    whole_write("line.csv", "time_s,delay_ms\n0,20\n0,30\n");
    char *yaml = mem_printf(traced, "packet", "");
    assert_int_equal(whole_run("broken", yaml, ""), 3);
    free(yaml);
    char *err = whole_stderr();
    assert_non_null(strstr(err, "line.csv:3:1: error: "));
    free(err);
    whole_write("g.graphml", "<graphml>\n<graph>\n<node id=\"a\"/>\n"
                             "<edge source=\"a\" target=\"b\"/>\n</graph>\n</graphml>\n");
    assert_int_equal(whole_run("broken",
                               "cpns: 1\nrun: {until: 1 s}\n"
                               "import: {graphml: g.graphml, link: fibre}\n"
                               "nodes:\n  - {id: srv, role: server}\n",
                               ""),
                     3);
    err = whole_stderr();
    assert_non_null(strstr(err, "g.graphml:4:26: error: this file has no node \"b\""));
    free(err);
}

static void workers_change_nothing(void **state)
{
    (void)state;
    char *prints[3] = {NULL};
    static const char *const workers[] = {"--workers 1", "--workers 2", "--workers 8"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(workers); i++) {
        char *yaml = mem_printf(backbone, "packet", "tls");
        assert_int_equal(whole_run("workers", yaml, workers[i]), 0);
        assert_int_equal(whole_cpnsim("fingerprint '%s/workers.db'", whole_dir()), 0);
        prints[i] = whole_stdout();
        free(yaml);
    }
    assert_string_equal(prints[0], prints[1]);
    assert_string_equal(prints[0], prints[2]);
    for (size_t i = 0; i < SIM_ARRAY_LEN(prints); i++) {
        free(prints[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_are_taken_and_seen),
        cmocka_unit_test(plaintext_is_found_on_each_wire),
        cmocka_unit_test(a_cut_wire_hits_the_ways_over_it),
        cmocka_unit_test(captures_name_routers),
        cmocka_unit_test(links_follow_their_trace),
        cmocka_unit_test(loss_comes_and_goes_with_a_trace),
        cmocka_unit_test(broken_files_beside_the_scenario_end_with_3),
        cmocka_unit_test(workers_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
