/* What scenario_show(), the JSON Schema and the reference say: that it is the same scenario, where
 * values come from, and that no key is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/fields.h"
#include "tests/support/scenario_text.h"
#include "tests/support/scenario_words.h"

#define NODES                                                                                      \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"                        \
    "  - {id: pne, role: pne, count: $pnes, attach: {to: gw/*, link: ble}}\n"
#define SMALL "cpns: 1\nparams: {pnes: 6}\nrun: {until: 60 s}\n" NODES

/* Every section, and values that are awkward to write back. */
static const char rich[] =
    "cpns: 1\nname: rich\ndescription: \"costs $5 or $$pnes, \\\"quoted\\\", "
    "back\\\\slash\\nyes\"\n"
    "params: {pnes: 7}\ninclude: part.yaml\n"
    "run: {until: 90 s, seed: 18446744073709551615, record: {messages: sampled 3, pcap: [gw/1, "
    "'pne/*']}}\n"
    "security:\n  policies:\n    a: {versions: [\"1.3\"], ciphers: [TLS_AES_128_GCM_SHA256]}\n"
    "    b: {extends: a, versions: [\"1.2\", \"1.3\"], session_lifetime: 1.5 ms}\n"
    "    c: {kind: clear}\n  pne_gateway: b\n"
    "devices:\n  w: {cpu: cortex-a76, battery: 33.3 %, policy: c, encoding: cbor}\n"
    "  v: {extends: w, battery: 0.0000001 %}\n"
    "links:\n  l: {technology: lossy, delay: {mean: 12.345 ms, jitter: 1 ns}, rate: 123 bit/s}\n"
    "nodes:\n  - {id: srv, role: server, certificate: {issuer: self}}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"
    "  - {id: pne, role: pne, count: $pnes, mix: {w: 66.6 %, v: 33.4 %}, attach: {to: gw/*, by: "
    "block, link: l}}\n"
    "  - {id: n1, role: pne, attach: {to: gw/1, link: lossy}, certificate: {not_after: -1 h, "
    "identity: pne/2}, psk: {secret: wrong}}\n"
    "personal_networks:\n  - {id: one, gateway: gw/1, establishment: {type: 2, by: pne/1, at: "
    "{normal: [1 s, 0.1 ns]}}}\n"
    "  - {id: two, gateway: gw/2}\n"
    "service_groups:\n  - {id: g, owner: pne/1, members: [pne/2, pne/6..7], service: \"no\"}\n"
    "workload:\n"
    "  - {every: {exponential: 2 s}, do: service-access, from: pne/*, to: srv, size: {lognormal: "
    "[200 B, 0.1]}}\n"
    "  - {every: 3 s, start: 1 s, until: 9 s, count: 4, do: group-message, from: pne/1, to: g}\n"
    "faults:\n  - {at: 1 s, do: link-down, target: ['pne/*--gw/*', gw/1--srv]}\n"
    "expect:\n  - {metric: setup_ms.p95, max: 400 ms}\n  - {metric: delivery_ratio, min: 0.5}\n"
    "  - {claim: no-plaintext-on-wire}\n";

static struct scenario_files files;

static int set_up(void **state)
{
    (void)state;
    scenario_files_init(&files);
    scenario_files_write(&files, "part.yaml", "timers: {request_backoff: 1.1}\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scenario_files_fini(&files);
    return 0;
}

static void load_as(struct loaded *l, const char *name, const char *text, const char *set)
{
    const char *sets[] = {set};
    const struct scenario_options options = {.sets = sets, .set_count = set != NULL};
    scenario_files_write(&files, name, text);
    loaded_init(l, &files, name, &options);
    if (l->r != 0) {
        fprintf(stderr, "%s\n", text);
        loaded_print(l);
    }
    assert_int_equal(l->r, 0);
}

static char *show(const struct scenario *s, enum scenario_format format, bool origin)
{
    struct buf out = {0};
    assert_int_equal(scenario_show(s, format, origin, &out), 0);
    return buf_steal_str(&out);
}

static void same_dist(const struct dist *a, const struct dist *b)
{
    assert_true(a->kind == b->kind && a->a == b->a && a->b == b->b);
}

static void same_profiles(const struct scenario *a, const struct scenario *b)
{
    assert_int_equal(a->policy_count, b->policy_count);
    for (size_t i = 0; i < a->policy_count; i++) {
        const struct scenario_policy *p = &a->policies[i];
        const struct scenario_policy *q = &b->policies[i];
        assert_string_equal(p->name, q->name);
        assert_true(p->kind == q->kind && p->session_lifetime == q->session_lifetime);
        assert_true(p->kind == KIND_CLEAR ||
                    (p->min_version == q->min_version && p->max_version == q->max_version));
        assert_true((p->ciphersuites == NULL) == (q->ciphersuites == NULL));
    }
    assert_int_equal(a->device_count, b->device_count);
    for (size_t i = 0; i < a->device_count; i++) {
        assert_true(a->devices[i].battery == b->devices[i].battery);
        assert_string_equal(a->devices[i].cpu, b->devices[i].cpu);
    }
    assert_int_equal(a->link_count, b->link_count);
    for (size_t i = 0; i < a->link_count; i++) {
        const struct scenario_link *p = &a->links[i];
        const struct scenario_link *q = &b->links[i];
        assert_string_equal(p->name, q->name);
        assert_true(p->delay == q->delay && p->jitter == q->jitter && p->rate_bps == q->rate_bps);
        assert_true(p->mtu_bytes == q->mtu_bytes && p->queue_packets == q->queue_packets);
        assert_true(p->loss.model == q->loss.model && p->loss.rate == q->loss.rate &&
                    p->loss.enter == q->loss.enter && p->loss.leave == q->loss.leave &&
                    p->loss.rate_good == q->loss.rate_good && p->loss.rate_bad == q->loss.rate_bad);
    }
}

static void same_nodes(const struct scenario *a, const struct scenario *b)
{
    assert_int_equal(a->node_count, b->node_count);
    for (size_t i = 0; i < a->node_count; i++) {
        const struct scenario_node *n = &a->nodes[i];
        const struct scenario_node *m = &b->nodes[i];
        assert_string_equal(n->id, m->id);
        assert_string_equal(n->encoding, m->encoding);
        assert_true(n->device == m->device && n->peer == m->peer && n->edge == m->edge &&
                    n->policy == m->policy);
        assert_int_equal(n->credential.not_before, m->credential.not_before);
        assert_int_equal(n->credential.not_after, m->credential.not_after);
        assert_true(n->credential.wrong_psk == m->credential.wrong_psk);
        assert_true((n->credential.identity == NULL) == (m->credential.identity == NULL));
    }
    assert_int_equal(a->edge_count, b->edge_count);
    for (size_t i = 0; i < a->edge_count; i++) {
        assert_string_equal(a->edges[i].id, b->edges[i].id);
        assert_int_equal(a->edges[i].link, b->edges[i].link);
    }
}

static void same_rest(const struct scenario *a, const struct scenario *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->description, b->description);
    assert_true(a->until == b->until && a->seed == b->seed);
    assert_true(a->record_messages == b->record_messages && a->record_sample == b->record_sample);
    assert_int_equal(a->pcap_count, b->pcap_count);
    assert_true(a->timers.request_backoff == b->timers.request_backoff);
    assert_int_equal(a->pn_count, b->pn_count);
    for (size_t i = 0; i < a->pn_count; i++) {
        assert_string_equal(a->pns[i].id, b->pns[i].id);
        assert_int_equal(a->pns[i].member_count, b->pns[i].member_count);
        assert_int_equal(a->pns[i].by_node, b->pns[i].by_node);
        same_dist(&a->pns[i].at, &b->pns[i].at);
    }
    assert_int_equal(a->group_count, b->group_count);
    assert_int_equal(a->work_count, b->work_count);
    for (size_t i = 0; i < a->work_count; i++) {
        assert_int_equal(a->work[i].from_count, b->work[i].from_count);
        assert_int_equal(a->work[i].until, b->work[i].until);
        same_dist(&a->work[i].every, &b->work[i].every);
        same_dist(&a->work[i].size, &b->work[i].size);
    }
    assert_int_equal(a->fault_count, b->fault_count);
    for (size_t i = 0; i < a->fault_count; i++) {
        assert_string_equal(a->faults[i].id, b->faults[i].id);
        assert_int_equal(a->faults[i].target_count, b->faults[i].target_count);
    }
    assert_int_equal(a->expect_count, b->expect_count);
    for (size_t i = 0; i < a->expect_count; i++) {
        assert_true(a->expects[i].max == b->expects[i].max);
        assert_true(a->expects[i].min == b->expects[i].min);
    }
}

static void what_is_shown_loads_as_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {rich, SMALL};
    static const enum scenario_format formats[] = {FORMAT_YAML, FORMAT_JSON};
    for (size_t i = 0; i < 4; i++) {
        struct loaded first;
        struct loaded again;
        load_as(&first, "s.yaml", texts[i / 2], NULL);
        char *text = show(first.s, formats[i % 2], false);
        load_as(&again, "again.yaml", text, i >= 2 ? "name=s" : NULL);
        same_profiles(first.s, again.s);
        same_nodes(first.s, again.s);
        same_rest(first.s, again.s);
        char *twice = show(again.s, formats[i % 2], false);
        assert_string_equal(text, twice);
        free(text);
        free(twice);
        loaded_fini(&first);
        loaded_fini(&again);
    }
    /* With origins as comments it is a scenario still. */
    struct loaded first;
    struct loaded again;
    load_as(&first, "s.yaml", rich, NULL);
    char *text = show(first.s, FORMAT_YAML, true);
    load_as(&again, "again.yaml", text, NULL);
    same_nodes(first.s, again.s);
    free(text);
    loaded_fini(&first);
    loaded_fini(&again);
}

/* The line of `text` that begins (after blanks) with `start`. */
static char *line_of(const char *text, const char *start)
{
    for (const char *s = text; s != NULL && *s != '\0'; s = strchr(s, '\n')) {
        s += strspn(s, "\n -");
        if (strncmp(s, start, strlen(start)) == 0) {
            return mem_strndup(s, strcspn(s, "\n"));
        }
    }
    fail_msg("no line %s", start);
    return NULL;
}

static void says(const char *text, const char *start, const char *part)
{
    char *line = line_of(text, start);
    if (strstr(line, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", line, part);
    }
    free(line);
}

static void origins_name_file_line_set_and_default(void **state)
{
    (void)state;
    struct loaded l;
    load_as(&l, "s.yaml", SMALL "description: $pnes\n", NULL);
    char *text = show(l.s, FORMAT_YAML, true);
    says(text, "until:", "/s.yaml:3");
    says(text, "seed:", "# default");
    says(text, "name:", "name of the file");
    says(text, "queue:", "technology lte");
    says(text, "count: 6", "/s.yaml:7 ($pnes of ");
    says(text, "count: 6", "/s.yaml:2)");
    free(text);
    loaded_fini(&l);
    load_as(&l, "s.yaml", SMALL, "pnes=8");
    text = show(l.s, FORMAT_JSON, true);
    assert_non_null(strstr(text, "\"count\": {\"value\": 8, \"origin\": \""));
    assert_non_null(strstr(text, "($pnes of --set pnes)"));
    free(text);
    loaded_fini(&l);
    load_as(&l, "s.yaml", SMALL, "run.seed=8");
    text = show(l.s, FORMAT_YAML, true);
    says(text, "seed: 8", "# --set run.seed");
    free(text);
    loaded_fini(&l);
}

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *s = strstr(text, part); s != NULL; s = strstr(s + 1, part)) {
        n++;
    }
    return n;
}

static void drawings_group_copies_when_there_are_many(void **state)
{
    (void)state;
    struct loaded l;
    load_as(&l, "s.yaml", SMALL, NULL);
    char *dot = show(l.s, FORMAT_DOT, false);
    char *mermaid = show(l.s, FORMAT_MERMAID, false);
    assert_int_equal(occurrences(dot, "shape="), 9);
    assert_int_equal(occurrences(dot, " -- "), 8);
    assert_int_equal(occurrences(mermaid, " ---|"), 8);
    assert_non_null(strstr(dot, "pne/6"));
    free(dot);
    free(mermaid);
    loaded_fini(&l);
    load_as(&l, "s.yaml", SMALL, "pnes=5000");
    dot = show(l.s, FORMAT_DOT, false);
    mermaid = show(l.s, FORMAT_MERMAID, false);
    assert_int_equal(occurrences(dot, "shape="), 3);
    assert_int_equal(occurrences(dot, " -- "), 2);
    assert_non_null(strstr(dot, "pne x 5000"));
    assert_non_null(strstr(dot, "5000 x ble"));
    assert_non_null(strstr(mermaid, "pne x 5000"));
    free(dot);
    free(mermaid);
    loaded_fini(&l);
}

static void each_key(const struct section *s, const char *schema, const char *reference)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        char *quoted = mem_printf("\"%s\": {\"description\": ", f->key);
        char *row = mem_printf("| `%s` | ", f->key);
        char *later = mem_printf("`%s`", f->key);
        assert_true((strstr(schema, quoted) != NULL) || f->type == FIELD_LATER);
        assert_non_null(strstr(reference, f->type == FIELD_LATER ? later : row));
        for (size_t k = 0; f->words != NULL && f->words[k] != NULL; k++) {
            char *word = mem_printf("`%s`", f->words[k]);
            assert_non_null(strstr(reference, word));
            free(word);
        }
        free(quoted);
        free(row);
        free(later);
        if (f->section != NULL) {
            each_key(f->section, schema, reference);
        }
    }
}

static void schema_and_reference_hold_every_key(void **state)
{
    (void)state;
    struct buf out = {0};
    scenario_json_schema(&scenario_words, &out);
    char *schema = buf_steal_str(&out);
    scenario_reference(&scenario_words, &out);
    char *reference = buf_steal_str(&out);
    each_key(&section_scenario, schema, reference);
    assert_int_equal(occurrences(schema, "{"), occurrences(schema, "}"));
    for (size_t i = 0; i < scenario_words.verb_count; i++) {
        assert_non_null(strstr(reference, scenario_words.verbs[i].doc));
        assert_non_null(strstr(schema, scenario_words.verbs[i].name));
    }
    for (size_t i = 0; i < metric_count; i++) {
        assert_non_null(strstr(reference, metrics[i].doc));
    }
    free(schema);
    free(reference);
}

/* Each example is right by itself, up to names that other parts of a file would define. */
static void examples_of_the_reference_are_right(void **state)
{
    (void)state;
    static const char *const other_parts[] = {"unknown-node",   "unknown-device", "unknown-policy",
                                              "unknown-group",  "unknown-pn",     "unknown-param",
                                              "unknown-parent", "cannot-read",    "missing-key"};
    struct buf out = {0};
    scenario_reference(&scenario_words, &out);
    char *reference = buf_steal_str(&out);
    size_t examples = 0;
    for (char *s = strstr(reference, "```yaml\n"); s != NULL; s = strstr(s, "```yaml\n")) {
        s += strlen("```yaml\n");
        size_t len = (size_t)(strstr(s, "```") - s);
        bool whole = strncmp(s, "cpns:", 5) == 0;
        char *text = mem_printf("%s%.*s", whole ? "" : "cpns: 1\n", (int)len, s);
        scenario_files_write(&files, "example.yaml", text);
        struct loaded l;
        loaded_init(&l, &files, "example.yaml", NULL);
        assert_true(!whole || l.r == 0);
        for (size_t i = 0; i < l.diags.count; i++) {
            bool known = l.diags.items[i].severity == DIAG_WARNING;
            for (size_t k = 0; k < SIM_ARRAY_LEN(other_parts); k++) {
                known = known || strcmp(l.diags.items[i].code, other_parts[k]) == 0;
            }
            if (!known) {
                loaded_print(&l);
                fail_msg("%s", text);
            }
        }
        loaded_fini(&l);
        free(text);
        examples++;
    }
    assert_true(examples >= 12);
    free(reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_shown_loads_as_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(origins_name_file_line_set_and_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drawings_group_copies_when_there_are_many, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(schema_and_reference_hold_every_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(examples_of_the_reference_are_right, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
