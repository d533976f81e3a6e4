/* An independent reader: tshark, given a run's captures and key log (TLS and DTLS), lists the
 * messages that the database lists, link by link; without the keys it lists the exempt ones and no
 * other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "tests/support/whole_run.h"

static const char scenario[] =
    "cpns: 1\n"
    "name: tshark\n"
    "run: {until: 60 s, seed: 4}\n"
    "security:\n"
    "  policies:\n"
    "    new: {kind: tls, versions: [\"1.3\"], key_update_after: 5}\n"
    "    old: {kind: tls, versions: [\"1.2\"]}\n"
    "    datagrams: {kind: dtls}\n"
    "  pne_gateway: new\n"
    "  gateway_server: old\n"
    "links:\n"
    "  radio: {technology: wlan, loss: {model: random, rate: 2 %}}\n"
    "  lossy: {technology: ble, loss: {model: random, rate: 1 %}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"
    "  - {id: pne, role: pne, count: 4, attach: {to: gw/*, by: round-robin, link: radio}}\n"
    "  - {id: tiny, role: pne, encoding: cbor, policy: old, attach: {to: gw/1, link: zigbee}}\n"
    "  - {id: mote, role: pne, count: 2, policy: datagrams, attach: {to: gw/1, link: lossy}}\n"
    "service_groups:\n"
    "  - {id: g, owner: pne/1, members: [pne/2, pne/3, tiny], service: chat, joining: open}\n"
    "workload:\n"
    "  - {every: 3 s, do: service-access, from: [pne/*, tiny, mote/*], to: srv, size: 500 B}\n"
    "  - {every: 5 s, do: service-access, from: pne/1, to: pne/2, size: 3 kB}\n"
    "  - {every: 7 s, do: service-access, from: mote/1, to: mote/2, size: 2 kB}\n"
    "  - {every: 4 s, do: group-message, from: pne/1, to: g, size: 80 B}\n";

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of `text` in order, so that two listings can be compared; the caller frees it. */
static char *sorted(char *text)
{
    char **lines = NULL;
    size_t count = 0;
    size_t capacity = 0;
    char *save;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        *MEM_PUSH(lines, count, capacity) = line;
    }
    if (count > 0) {
        qsort(lines, count, sizeof(*lines), by_text);
    }
    struct buf out = {0};
    for (size_t i = 0; i < count; i++) {
        buf_printf(&out, "%s\n", lines[i]);
    }
    free(lines);
    free(text);
    return buf_steal_str(&out);
}

/* Splits "A,B|1,2|u,v" (the values of one packet) into "A|1|u" and "B|2|v". */
static void split_packet(char *packet, struct buf *out)
{
    char *columns[3];
    char *rest = packet;
    for (int i = 0; i < 3; i++) {
        columns[i] = strsep(&rest, "|");
        assert_non_null(columns[i]);
    }
    char *type;
    while ((type = strsep(&columns[0], ",")) != NULL) {
        const char *transaction = strsep(&columns[1], ",");
        const char *origin = strsep(&columns[2], ",");
        assert_non_null(transaction);
        assert_non_null(origin);
        buf_printf(out, "%s|%s|%s\n", type, transaction, origin);
    }
}

static char *tshark(const char *link, bool keys)
{
    char *file = mem_strdup(link);
    for (char *c = file; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    char *keylog =
        keys ? mem_printf("-o tls.keylog_file:%s/t-pcap/keys.log", whole_dir()) : mem_strdup("");
    char *command = mem_printf(
        "HOME='%s' tshark -n -r '%s/t-pcap/%s.pcap' -X lua_script:results/wireshark/cpns.lua %s"
        " -Y cpns.type -T fields -E separator='|' -E aggregator=, -e cpns.type"
        " -e cpns.transaction -e cpns.origin 2>'%s/tshark.err'",
        whole_dir(), whole_dir(), file, keylog, whole_dir());
    FILE *f = popen(command, "r");
    assert_non_null(f);
    struct buf out = {0};
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        split_packet(line, &out);
    }
    free(line);
    assert_int_equal(pclose(f), 0);
    free(command);
    free(keylog);
    free(file);
    return sorted(buf_steal_str(&out));
}

static char *database(const char *link, const char *condition)
{
    char *sql = mem_printf("SELECT m.type, m.transaction_id, e.urn FROM message_hop h JOIN message "
                           "m USING (message_id)"
                           " JOIN entity e ON e.name = m.origin JOIN link l USING (link_id)"
                           " WHERE l.name = '%s' AND h.sent_ns IS NOT NULL %s",
                           link, condition);
    char *rows = whole_rows("t", sql);
    free(sql);
    return sorted(rows);
}

static int make_run(void **state)
{
    (void)state;
    char *args = mem_printf("--pcap '%s/t-pcap'", whole_dir());
    int code = whole_run("t", scenario, args);
    free(args);
    return code;
}

static void compare_every_link(bool keys, const char *condition)
{
    char *links = whole_rows("t", "SELECT name FROM link ORDER BY link_id");
    char *save;
    int compared = 0;
    size_t octets = 0;
    for (char *link = strtok_r(links, "\n", &save); link != NULL;
         link = strtok_r(NULL, "\n", &save)) {
        char *ours = database(link, condition);
        char *theirs = tshark(link, keys);
        assert_string_equal(ours, theirs);
        octets += strlen(ours);
        free(ours);
        free(theirs);
        compared++;
    }
    assert_int_equal(compared, 9);
    assert_true(octets > 0);
    free(links);
}

static void with_the_keys_tshark_lists_what_the_database_lists(void **state)
{
    (void)state;
    assert_true(whole_int("t", "SELECT count(*) FROM message_hop WHERE sent_ns IS NOT NULL") > 400);
    /* Keys are updated with messages only: two ends must not answer each other's updates for ever.
     */
    assert_int_equal(
        whole_int("t",
                  "SELECT sum(key_updates) BETWEEN 10 AND sum(messages_sent) FROM session_end"),
        1);
    assert_true(whole_int("t", "SELECT count(*) FROM message_hop h JOIN session s USING "
                               "(session_id) WHERE s.kind = 'dtls' AND h.plain_bytes > 2000") > 4);
    compare_every_link(true, "");
}

static void without_the_keys_only_the_exempt_ones(void **state)
{
    (void)state;
    assert_true(
        whole_int("t", "SELECT count(*) FROM message_hop WHERE exemption = 'service_group'") > 50);
    compare_every_link(false, "AND h.exemption IS NOT NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_keys_tshark_lists_what_the_database_lists),
        cmocka_unit_test(without_the_keys_only_the_exempt_ones),
    };
    return cmocka_run_group_tests(tests, make_run, NULL);
}
