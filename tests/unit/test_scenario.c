/* Good scenario files: what every feature of the format expands to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"
#include "tests/support/scenario_words.h"

#define HEAD "cpns: 1\nrun: {until: 60 s}\n"
#define NODES                                                                                      \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: lte}}\n"                        \
    "  - {id: pne, role: pne, count: 6, attach: {to: gw/*, link: ble}}\n"

static struct scenario_files files;

static int set_up(void **state)
{
    (void)state;
    scenario_files_init(&files);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scenario_files_fini(&files);
    return 0;
}

static void load_with(struct loaded *l, const char *text, const struct scenario_options *options)
{
    scenario_files_write(&files, "s.yaml", text);
    loaded_init(l, &files, "s.yaml", options);
}

static void load(struct loaded *l, const char *text)
{
    load_with(l, text, NULL);
    if (l->r != 0) {
        loaded_print(l);
    }
    assert_int_equal(l->r, 0);
}

static const struct scenario_node *node(const struct scenario *s, const char *id)
{
    uint32_t i = scenario_find_node(s, id);
    assert_int_not_equal(i, SCENARIO_NONE);
    assert_string_equal(s->nodes[i].id, id);
    return &s->nodes[i];
}

static const char *peer(const struct scenario *s, const char *id)
{
    return s->nodes[node(s, id)->peer].id;
}

static void smallest_file_has_all_defaults(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD NODES);
    const struct scenario *s = l.s;
    assert_int_equal(l.diags.count, 0);
    assert_string_equal(s->name, "s");
    assert_string_equal(s->description, "");
    assert_int_equal(s->until, 60 * SIM_S);
    assert_int_equal(s->seed, 1);
    assert_false(s->system_random);
    assert_int_equal(s->record_messages, MESSAGES_ALL);
    assert_int_equal(s->pcap_count, 0);
    assert_int_equal(s->group_protection, PROTECTION_NONE);
    assert_int_equal(s->timers.request, 5 * SIM_S);
    assert_int_equal(s->timers.request_tries, 3);
    assert_true(s->timers.request_backoff == 2);
    assert_int_equal(s->timers.keep_alive, 30 * SIM_S);
    assert_int_equal(s->timers.idle_close, 300 * SIM_S);
    assert_int_equal(s->timers.pn_lease, 3600 * SIM_S);
    /* The policy of a scenario that names none. */
    assert_int_equal(s->policy_count, 1);
    const struct scenario_policy *p = &s->policies[0];
    assert_string_equal(p->name, "default");
    assert_int_equal(p->kind, KIND_TLS);
    assert_int_equal(p->min_version, 0x0303);
    assert_int_equal(p->max_version, 0x0304);
    assert_null(p->ciphers);
    assert_null(p->ciphersuites);
    assert_string_equal(p->groups, "X25519:P-256");
    assert_int_equal(p->certificates, CERT_ECDSA_P256);
    assert_int_equal(p->auth, AUTH_MUTUAL);
    assert_int_equal(p->resumption, RESUMPTION_TICKETS);
    assert_int_equal(p->ticket_lifetime, 7200 * SIM_S);
    assert_int_equal(p->security_level, -1);
    assert_int_equal(p->key_update_after, 0);
    assert_true(p->session_lifetime == SIM_TIME_NEVER);
    assert_int_equal(s->group_count + s->work_count + s->fault_count + s->expect_count, 0);
    loaded_fini(&l);
}

static void nodes_are_numbered_and_attached_in_turn(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD NODES);
    const struct scenario *s = l.s;
    assert_int_equal(s->node_count, 9);
    assert_int_equal(s->edge_count, 8);
    assert_int_equal(node(s, "srv")->ordinal, 0);
    assert_int_equal(node(s, "srv")->peer, SCENARIO_NONE);
    assert_int_equal(node(s, "srv")->edge, SCENARIO_NONE);
    assert_int_equal(node(s, "srv")->policy, SCENARIO_NONE);
    assert_int_equal(node(s, "gw/2")->ordinal, 2);
    assert_string_equal(node(s, "gw/2")->entry, "gw");
    assert_string_equal(peer(s, "gw/2"), "srv");
    assert_string_equal(peer(s, "pne/1"), "gw/1");
    assert_string_equal(peer(s, "pne/2"), "gw/2");
    assert_string_equal(peer(s, "pne/5"), "gw/1");
    assert_true(node(s, "pne/4")->start.kind == DIST_CONSTANT && node(s, "pne/4")->start.a == 0);
    const struct scenario_edge *e = &s->edges[node(s, "pne/4")->edge];
    assert_string_equal(e->id, "pne/4--gw/2");
    assert_string_equal(s->nodes[e->a].id, "pne/4");
    assert_string_equal(s->nodes[e->b].id, "gw/2");
    assert_string_equal(s->links[e->link].name, "ble");
    assert_int_equal(node(s, "pne/4")->device, SCENARIO_NONE);
    assert_string_equal(node(s, "pne/4")->encoding, "xml");
    assert_true(node(s, "pne/4")->credential.present);
    assert_int_equal(node(s, "pne/4")->credential.not_before, -86400 * SIM_S);
    assert_int_equal(node(s, "pne/4")->credential.not_after, 30 * 86400 * SIM_S);
    static const char *const absent[] = {"gw",
                                         "gw/0",
                                         "gw/3",
                                         "gw/01",
                                         "gw/1x",
                                         "gw/-1",
                                         "srv/1",
                                         "nobody",
                                         "",
                                         "gw/",
                                         "/1",
                                         "pne/*",
                                         "gw/99999999999999999999999"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(absent); i++) {
        assert_int_equal(scenario_find_node(s, absent[i]), SCENARIO_NONE);
    }
    loaded_fini(&l);
}

static void networks_default_to_one_a_gateway(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD NODES "  - {id: lonely, role: gateway, uplink: {to: srv, link: lte}}\n");
    const struct scenario *s = l.s;
    assert_int_equal(s->pn_count, 2); /* a gateway without PNEs has none */
    assert_string_equal(s->pns[1].id, "pn-gw/2");
    assert_string_equal(s->pns[1].alias, "pn-gw/2");
    assert_string_equal(s->nodes[s->pns[1].gateway].id, "gw/2");
    assert_int_equal(s->pns[1].member_count, 3);
    assert_string_equal(s->nodes[s->pns[1].members[2]].id, "pne/6");
    assert_int_equal(s->pns[1].type, 1);
    assert_int_equal(s->pns[1].by, BY_MEMBERS);
    assert_int_equal(s->pns[1].at.kind, DIST_CONSTANT);
    assert_true(s->pns[1].at.a == 0);
    loaded_fini(&l);
}

static void attachment_in_blocks_and_to_several_servers(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD "nodes:\n"
                  "  - {id: srv, role: server, count: 2}\n"
                  "  - {id: gw, role: gateway, count: 3, uplink: {to: srv, link: lte}}\n"
                  "  - {id: pne, role: pne, count: 7, attach: {to: gw, by: block, link: ble}}\n"
                  "  - {id: one, role: pne, attach: {to: [gw/3, gw/1], link: lossy}}\n");
    const struct scenario *s = l.s;
    assert_string_equal(peer(s, "gw/1"), "srv/1");
    assert_string_equal(peer(s, "gw/2"), "srv/2");
    assert_string_equal(peer(s, "gw/3"), "srv/1");
    assert_string_equal(peer(s, "pne/1"), "gw/1");
    assert_string_equal(peer(s, "pne/3"), "gw/1");
    assert_string_equal(peer(s, "pne/4"), "gw/2");
    assert_string_equal(peer(s, "pne/7"), "gw/3");
    assert_string_equal(peer(s, "one"), "gw/3");
    loaded_fini(&l);
}

static void mix_is_apportioned_and_interleaved(void **state)
{
    (void)state;
    struct loaded l;
    const char *text = HEAD
        "devices:\n"
        "  a: {cpu: cortex-a76}\n  b: {cpu: cortex-m4-64mhz, battery: 30 %, encoding: cbor}\n"
        "  c: {extends: b, battery: 2.5 %}\n"
        "nodes:\n  - {id: srv, role: server, device: a}\n"
        "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"
        "  - {id: pne, role: pne, count: 10, mix: {a: 55 %, b: 25 %, c: 20 %}, attach: {to: gw, "
        "link: ble}}\n"
        "  - {id: own, role: pne, device: b, encoding: xml, attach: {to: gw, link: ble}}\n";
    load(&l, text);
    const struct scenario *s = l.s;
    /* 5.5, 2.5 and 2 of 10: the remainders are equal, the first named gets the seat. */
    size_t counts[3] = {0};
    char order[11] = "";
    for (uint32_t i = 0; i < 10; i++) {
        const struct scenario_node *n = &s->nodes[scenario_find_node(s, "pne/1") + i];
        counts[n->device]++;
        order[i] = s->devices[n->device].name[0];
        assert_string_equal(n->encoding, n->device == 0 ? "xml" : "cbor");
    }
    assert_int_equal(counts[0], 6);
    assert_int_equal(counts[1], 2);
    assert_int_equal(counts[2], 2);
    assert_string_equal(order, "abacaabaca");
    assert_string_equal(node(s, "own")->encoding, "xml");
    assert_string_equal(s->devices[2].cpu, "cortex-m4-64mhz");
    assert_true(s->devices[2].battery == 0.025);
    assert_true(s->devices[0].battery == 1);
    assert_int_equal(node(s, "gw")->device, SCENARIO_NONE);
    loaded_fini(&l);
}

static void policies_extend_and_are_overridden(void **state)
{
    (void)state;
    struct loaded l;
    load(&l,
         HEAD "security:\n"
              "  policies:\n"
              "    last: {extends: old, security_level: 0, session_lifetime: 10 min}\n"
              "    modern: {versions: [\"1.3\"], groups: [X25519, P-256], certificates: ed25519,\n"
              "             ciphers: [TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256],\n"
              "             resumption: none, key_update_after: 100}\n"
              "    old: {extends: modern, versions: 1.2, auth: server-only,\n"
              "          ciphers: [ECDHE-RSA-AES128-GCM-SHA256]}\n"
              "    none: {kind: clear}\n"
              "    secret: {auth: psk, certificates: rsa-2048, ticket_lifetime: 5 s}\n"
              "  pne_gateway: modern\n"
              "  gateway_server: old\n"
              "  service_group: {protection: session}\n"
              "devices:\n"
              "  d: {cpu: cortex-a76, policy: none}\n"
              "nodes:\n  - {id: srv, role: server}\n"
              "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}}\n"
              "  - {id: a, role: pne, attach: {to: gw, link: ble}}\n"
              "  - {id: b, role: pne, device: d, attach: {to: gw, link: ble}}\n"
              "  - {id: c, role: pne, device: d, policy: secret, attach: {to: gw, link: ble}}\n");
    const struct scenario *s = l.s;
    assert_int_equal(s->group_protection, PROTECTION_SESSION);
    assert_int_equal(s->policy_count, 5); /* nobody needs the default one */
    const struct scenario_policy *last = &s->policies[0];
    assert_string_equal(last->name, "last");
    assert_int_equal(last->min_version, 0x0303);
    assert_int_equal(last->max_version, 0x0303);
    assert_int_equal(last->auth, AUTH_SERVER_ONLY);
    assert_int_equal(last->certificates, CERT_ED25519);
    assert_int_equal(last->resumption, RESUMPTION_NONE);
    assert_int_equal(last->security_level, 0);
    assert_int_equal(last->session_lifetime, 600 * SIM_S);
    assert_string_equal(last->ciphers, "ECDHE-RSA-AES128-GCM-SHA256");
    assert_null(last->ciphersuites);
    assert_int_equal(s->policies[1].min_version, 0x0304);
    assert_string_equal(s->policies[1].ciphersuites,
                        "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");
    assert_null(s->policies[1].ciphers);
    assert_int_equal(s->policies[1].key_update_after, 100);
    assert_int_equal(s->policies[3].kind, KIND_CLEAR);
    assert_int_equal(s->policies[4].auth, AUTH_PSK);
    assert_int_equal(s->policies[4].certificates, CERT_RSA_2048);
    assert_string_equal(s->policies[node(s, "gw")->policy].name, "old");
    assert_string_equal(s->policies[node(s, "a")->policy].name, "modern");
    assert_string_equal(s->policies[node(s, "b")->policy].name, "none");
    assert_string_equal(s->policies[node(s, "c")->policy].name, "secret");
    loaded_fini(&l);
}

static const struct scenario_link *link_of(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->link_count; i++) {
        if (strcmp(s->links[i].name, name) == 0) {
            return &s->links[i];
        }
    }
    fail_msg("no link %s", name);
    return NULL;
}

static void links_take_from_technology_and_parent(void **state)
{
    (void)state;
    struct loaded l;
    load(&l,
         HEAD "links:\n"
              "  near: {technology: ble, delay: {mean: 12 ms, jitter: 4 ms}, rate: 700 kbit/s,\n"
              "         mtu: 251 B, loss: {model: gilbert-elliott, enter: 2 %, leave: 30 %}}\n"
              "  far: {extends: near, delay: 0.5 s, queue: 3, medium: duplex, frame: 0 B,\n"
              "        overhead: 1 kB, loss: {model: random, rate: 0.1 %}}\n"
              "  clean: {technology: lte, loss: {model: none}}\n"
              "nodes:\n  - {id: srv, role: server}\n"
              "  - {id: gw, role: gateway, uplink: {to: srv, link: lossy}}\n");
    const struct scenario *s = l.s;
    assert_int_equal(s->link_count, 4);
    const struct scenario_link *near = link_of(s, "near");
    assert_string_equal(near->technology, "ble");
    assert_int_equal(near->delay, 12 * SIM_MS);
    assert_int_equal(near->jitter, 4 * SIM_MS);
    assert_int_equal(near->rate_bps, 700000);
    assert_int_equal(near->mtu_bytes, 251);
    assert_int_equal(near->frame_bytes, 244);
    assert_int_equal(near->overhead_bytes, 14);
    assert_int_equal(near->queue_packets, 50);
    assert_true(near->shared_medium);
    assert_int_equal(near->loss.model, SCENARIO_LOSS_GILBERT_ELLIOTT);
    assert_true(near->loss.enter == 0.02 && near->loss.leave == 0.3);
    assert_true(near->loss.rate_good == 0 && near->loss.rate_bad == 1);
    const struct scenario_link *far = link_of(s, "far");
    assert_int_equal(far->delay, 500 * SIM_MS);
    assert_int_equal(far->jitter, 0); /* delay is taken over as a whole or not at all */
    assert_int_equal(far->rate_bps, 700000);
    assert_int_equal(far->queue_packets, 3);
    assert_int_equal(far->frame_bytes, 0);
    assert_int_equal(far->overhead_bytes, 1000);
    assert_false(far->shared_medium);
    assert_int_equal(far->loss.model, SCENARIO_LOSS_RANDOM);
    assert_true(far->loss.rate == 0.001 && far->loss.enter == 0);
    assert_int_equal(link_of(s, "clean")->loss.model, SCENARIO_LOSS_NONE);
    assert_int_equal(link_of(s, "clean")->jitter, 10 * SIM_MS);
    const struct scenario_link *lossy = link_of(s, "lossy"); /* a technology as it is */
    assert_int_equal(lossy->loss.model, SCENARIO_LOSS_GILBERT_ELLIOTT);
    assert_true(lossy->loss.rate_good == 0.001 && lossy->loss.rate_bad == 0.9);
    assert_string_equal(lossy->source, "tests");
    loaded_fini(&l);
}

static void wrong_credentials_are_written_at_nodes(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD
         "nodes:\n  - {id: srv, role: server, certificate: {issuer: self}}\n"
         "  - {id: gw, role: gateway, uplink: {to: srv, link: lte}, certificate: {identity: srv}}\n"
         "  - {id: a, role: pne, attach: {to: gw, link: ble}, certificate: {present: false}}\n"
         "  - {id: b, role: pne, attach: {to: gw, link: ble}, certificate: {issuer: other-ca}}\n"
         "  - {id: c, role: pne, attach: {to: gw, link: ble}, certificate: {not_after: -1 h}}\n"
         "  - {id: d, role: pne, attach: {to: gw, link: ble}, certificate: {not_before: 40 d}}\n"
         "  - {id: e, role: pne, attach: {to: gw, link: ble}, certificate: {not_after: -2 d}}\n"
         "  - {id: f, role: pne, attach: {to: gw, link: ble}, psk: {secret: wrong}}\n");
    const struct scenario *s = l.s;
    assert_int_equal(node(s, "srv")->credential.issuer, ISSUER_SELF);
    assert_string_equal(node(s, "gw")->credential.identity, "srv");
    assert_null(node(s, "srv")->credential.identity);
    assert_false(node(s, "a")->credential.present);
    assert_int_equal(node(s, "b")->credential.issuer, ISSUER_OTHER);
    assert_int_equal(node(s, "c")->credential.not_after, -3600 * SIM_S);
    assert_int_equal(node(s, "c")->credential.not_before, -86400 * SIM_S);
    assert_int_equal(node(s, "d")->credential.not_before, 40 * 86400 * SIM_S);
    assert_int_equal(node(s, "d")->credential.not_after, 70 * 86400 * SIM_S);
    assert_int_equal(node(s, "e")->credential.not_before, -3 * 86400 * SIM_S);
    assert_true(node(s, "f")->credential.wrong_psk);
    assert_false(node(s, "e")->credential.wrong_psk);
    loaded_fini(&l);
}

static void networks_and_groups(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD NODES
         "personal_networks:\n"
         "  - {id: ward, alias: Ward, gateway: gw/1, members: [pne/3, pne/1, pne/3],\n"
         "     establishment: {type: 3, by: pne/3, at: {uniform: [1 s, 5 s]}}}\n"
         "  - {id: all, gateway: gw/2, establishment: {type: 2, by: pne/2, at: 1.5 s}}\n"
         "service_groups:\n"
         "  - {id: vitals, owner: pne/1, members: pne/*, joining: closed, at: 3 s}\n"
         "  - {id: two, owner: pne/2, members: [pne/5, pne/3..4], service: heart-rate}\n");
    const struct scenario *s = l.s;
    assert_int_equal(s->pn_count, 2);
    const struct scenario_pn *ward = &s->pns[0];
    assert_string_equal(ward->alias, "Ward");
    assert_int_equal(ward->member_count, 2);
    assert_string_equal(s->nodes[ward->members[0]].id, "pne/3");
    assert_string_equal(s->nodes[ward->members[1]].id, "pne/1");
    assert_int_equal(ward->type, 3);
    assert_int_equal(ward->by, BY_NODE);
    assert_string_equal(s->nodes[ward->by_node].id, "pne/3");
    assert_int_equal(ward->at.kind, DIST_UNIFORM);
    assert_true(ward->at.a == 1e9 && ward->at.b == 5e9);
    assert_string_equal(s->pns[1].alias, "all");
    assert_int_equal(s->pns[1].member_count, 3);
    assert_true(s->pns[1].at.kind == DIST_CONSTANT && s->pns[1].at.a == 1.5e9);
    const struct scenario_group *vitals = &s->groups[0];
    assert_string_equal(s->nodes[vitals->owner].id, "pne/1");
    assert_int_equal(vitals->member_count, 5); /* without its owner */
    assert_string_equal(vitals->service, "vitals");
    assert_true(vitals->closed);
    assert_int_equal(vitals->at, 3 * SIM_S);
    assert_int_equal(s->groups[1].member_count, 3);
    assert_string_equal(s->groups[1].service, "heart-rate");
    assert_false(s->groups[1].closed);
    /* pne/5 is attached to gw/1 and in none of the networks. */
    assert_int_equal(l.diags.count, 1);
    assert_true(loaded_says(&l, "idle-nodes", "s.yaml", 8, 3));
    loaded_fini(&l);
}

static void warnings_say_what_would_mislead(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD NODES "personal_networks:\n"
                        "  - {id: a, gateway: gw/1}\n"
                        "  - {id: b, gateway: gw/1, members: pne/3, establishment: {by: pne/3}}\n"
                        "  - {id: c, gateway: gw/2, establishment: {type: 1, by: pne/2}}\n"
                        "faults:\n  - {at: 60 s, do: node-silent, target: srv}\n"
                        "workload:\n  - {at: 2 min, do: restart}\n"
                        "security:\n  policies:\n"
                        "    p: {versions: [1.3], ciphers: [ECDHE-RSA-AES128-GCM-SHA256]}\n");
    assert_true(loaded_says(&l, "shared-nodes", "s.yaml", 9, 5));
    assert_true(loaded_says(&l, "idle-members", "s.yaml", 10, 57));
    assert_true(loaded_says(&l, "never-happens", "s.yaml", 12, 10));
    assert_true(loaded_says(&l, "never-happens", "s.yaml", 14, 10));
    assert_true(loaded_says(&l, "unused-cipher", "s.yaml", 17, 36));
    assert_int_equal(l.diags.count, 5);
    loaded_fini(&l);
}

static void attackers_and_their_params(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, HEAD NODES "attackers:\n"
                        "  - {id: eve, kind: eavesdropper, target: 'pne/*--gw/*'}\n"
                        "  - {id: m, kind: tamper, at: 7 s, for: 3 s, target: pne/1--gw/1,\n"
                        "     params: {bit: random, probability: 5 %, from: responder}}\n"
                        "  - {id: n, kind: tamper, target: gw/1--srv,\n"
                        "     params: {bit: 17, part: length, nth: 3, count: 9, records: any}}\n"
                        "  - {id: o, kind: impersonate, target: pne/2, params: {as: pne/1}}\n");
    const struct scenario *s = l.s;
    assert_int_equal(s->attacker_count, 4);
    const struct scenario_attacker *a = s->attackers;
    assert_string_equal(a[0].id, "eve");
    assert_int_equal(a[0].target_count, 6);
    assert_int_equal(a[0].at, 0);
    assert_true(a[0].duration == SIM_TIME_NEVER);
    assert_int_equal(a[1].at, 7 * SIM_S);
    assert_int_equal(a[1].duration, 3 * SIM_S);
    assert_int_equal(a[1].nth, 0);
    assert_true(a[1].probability == 0.05);
    assert_int_equal(a[1].bit, SCENARIO_NONE);
    assert_int_equal(a[1].from, FROM_RESPONDER);
    assert_int_equal(a[1].records, RECORDS_APPLICATION);
    assert_true(a[1].count == UINT64_MAX);
    assert_string_equal(s->wires[a[2].targets[0]].id, "gw/1--srv");
    assert_int_equal(a[2].bit, 17);
    assert_int_equal(a[2].part, PART_LENGTH);
    assert_int_equal(a[2].nth, 3);
    assert_int_equal(a[2].count, 9);
    assert_int_equal(a[2].records, RECORDS_ANY);
    assert_string_equal(s->nodes[a[3].targets[0]].id, "pne/2");
    assert_string_equal(s->nodes[a[3].as].id, "pne/1");
    loaded_fini(&l);
}

static void workload_faults_and_expectations(void **state)
{
    (void)state;
    struct loaded l;
    load(
        &l, HEAD NODES
        "service_groups:\n  - {id: g, owner: pne/1, members: pne/2}\n"
        "  - {id: h, owner: pne/1, members: pne/3}\n"
        "workload:\n"
        "  - {every: {exponential: 2 s}, do: service-access, from: pne/*, to: [srv, pne/1], size: "
        "{lognormal: [200 B, 0.4]}}\n"
        "  - {every: {normal: [5 s, 1 s]}, start: 10 s, until: 20 s, count: 3, do: group-message,\n"
        "     from: pne/1, to: [h, g]}\n"
        "  - {at: 30 s, do: pn-release, from: gw/2, pn: pn-gw/2}\n"
        "  - {at: 31 s, do: restart}\n"
        "  - {at: 32 s, do: service-access, from: pne/*}\n"
        "faults:\n"
        "  - {id: cut, at: 40 s, for: 3 s, do: link-down, target: [gw/1--srv, srv--gw/*]}\n"
        "  - {at: 41 s, do: link-down, target: 'pne/*--gw/2'}\n"
        "  - {at: 42 s, do: node-silent, target: [pne/2..3, srv/*]}\n"
        "expect:\n"
        "  - {claim: mutual-authentication, subject: pne--gateway}\n"
        "  - {metric: setup_ms.p95, subject: gateway--server, min: 100 us, max: 0.4 s}\n"
        "  - {metric: delivery_ratio, min: 99.5 %}\n"
        "  - {metric: delivery_ratio, min: 0.995, subject: ServiceAccessRequest}\n"
        "  - {metric: messages.lost, max: 3}\n");
    const struct scenario *s = l.s;
    assert_int_equal(s->work_count, 5);
    const struct scenario_work *w = s->work;
    assert_int_equal(w[0].verb, 0);
    assert_true(w[0].repeats && w[0].every.kind == DIST_EXPONENTIAL && w[0].every.a == 2e9);
    assert_int_equal(w[0].at, 0);
    assert_true(w[0].until == SIM_TIME_NEVER && w[0].count == UINT64_MAX);
    assert_int_equal(w[0].from_count, 6);
    assert_int_equal(w[0].to_count, 2);
    assert_true(w[0].size.kind == DIST_LOGNORMAL && w[0].size.a == 200 && w[0].size.b == 0.4);
    assert_true(w[1].every.kind == DIST_NORMAL && w[1].every.a == 5e9 && w[1].every.b == 1e9);
    assert_int_equal(w[1].at, 10 * SIM_S);
    assert_int_equal(w[1].until, 20 * SIM_S);
    assert_int_equal(w[1].count, 3);
    assert_int_equal(w[1].to_count, 2);
    assert_int_equal(w[1].to[0], 1);
    assert_int_equal(w[1].to[1], 0);
    assert_true(w[1].size.kind == DIST_CONSTANT && w[1].size.a == 100);
    assert_false(w[2].repeats);
    assert_int_equal(w[2].at, 30 * SIM_S);
    assert_int_equal(w[2].to_count, 1);
    assert_int_equal(w[2].to[0], 1);
    assert_int_equal(w[3].from_count + w[3].to_count, 0);
    assert_false(w[0].to_home || w[1].to_home || w[2].to_home);
    assert_true(w[4].to_home && w[4].to_count == 0 && w[4].from_count == 6);
    assert_int_equal(s->fault_count, 3);
    assert_int_equal(s->faults[0].target_count, 2);
    assert_string_equal(s->edges[s->faults[0].targets[0]].id, "gw/1--srv");
    assert_string_equal(s->edges[s->faults[0].targets[1]].id, "gw/2--srv");
    assert_int_equal(s->faults[0].duration, 3 * SIM_S);
    assert_string_equal(s->faults[1].id, "fault-2");
    assert_int_equal(s->faults[1].target_count, 3);
    assert_string_equal(s->edges[s->faults[1].targets[2]].id, "pne/6--gw/2");
    assert_true(s->faults[1].duration == SIM_TIME_NEVER);
    assert_int_equal(s->faults[2].verb, FAULT_NODE_SILENT);
    assert_int_equal(s->faults[2].target_count, 3);
    const struct scenario_expect *e = s->expects;
    assert_int_equal(s->expect_count, 5);
    assert_int_equal(e[0].kind, EXPECT_CLAIM);
    assert_string_equal(e[0].name, "mutual-authentication");
    assert_string_equal(e[0].subject, "pne--gateway");
    assert_int_equal(e[0].line, 22);
    assert_true(e[1].has_min && e[1].has_max && e[1].min == 0.1 && e[1].max == 400);
    assert_true(e[2].has_min && !e[2].has_max && e[2].min == 0.995 && e[2].subject == NULL);
    assert_true(e[3].min == 0.995);
    assert_string_equal(e[3].subject, "ServiceAccessRequest");
    assert_true(e[4].has_max && e[4].max == 3);
    loaded_fini(&l);
}

static void recording(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, "cpns: 1\nname: rec\ndescription: costs $5, or $$x\nx-note: {any: [thing]}\n"
             "run: {until: 1 h, seed: 18446744073709551615, random: system, x-y: 1,\n"
             "      record: {messages: sampled 10, pcap: [gw/1, 'pne/*']}}\n"
             "timers: {request: 250 ms, request_tries: 7, request_backoff: 1.5}\n" NODES);
    const struct scenario *s = l.s;
    assert_string_equal(s->name, "rec");
    assert_string_equal(s->description, "costs $5, or $x");
    assert_true(s->seed == UINT64_MAX);
    assert_true(s->system_random);
    assert_int_equal(s->record_messages, MESSAGES_SAMPLED);
    assert_int_equal(s->record_sample, 10);
    assert_int_equal(s->pcap_count, 2);
    assert_string_equal(s->pcap[1], "pne/*");
    assert_int_equal(s->timers.request, 250 * SIM_MS);
    assert_int_equal(s->timers.request_tries, 7);
    assert_true(s->timers.request_backoff == 1.5);
    assert_int_equal(s->timers.keep_alive, 30 * SIM_S);
    loaded_fini(&l);
    load(&l, "cpns: 1\nrun: {until: 1 h, record: {messages: none, pcap: all}}\n" NODES);
    assert_int_equal(l.s->record_messages, MESSAGES_NONE);
    assert_int_equal(l.s->pcap_count, 1);
    assert_string_equal(l.s->pcap[0], "*");
    loaded_fini(&l);
}

/* Ten thousand entries, and a hundred thousand copies: no step is quadratic. What quadratic would
 * mean shows in the test's time limit, not in a measurement. */
static void large_files_load(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_str(&text, HEAD "nodes:\n  - {id: srv, role: server}\n"
                               "  - {id: gw, role: gateway, count: 100, uplink: {to: srv, link: "
                               "lte}}\n"
                               "  - {id: many, role: pne, count: 100000, attach: {to: gw, link: "
                               "ble}}\n");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&text, "  - {id: n%d, role: pne, attach: {to: gw/%d, link: ble}}\n", i,
                   i % 100 + 1);
    }
    buf_append_str(&text, "workload:\n");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&text, "  - {at: 1 s, do: service-access, from: many/*, to: n%d}\n", i);
    }
    char *string = buf_steal_str(&text);
    struct loaded l;
    load(&l, string);
    assert_int_equal(l.s->node_count, 110101);
    assert_int_equal(l.s->pn_count, 100);
    assert_int_equal(l.s->work[9999].from_count, 100000);
    assert_string_equal(l.s->nodes[l.s->work[9999].to[0]].id, "n9999");
    loaded_fini(&l);
    free(string);
}

static void text_and_overrides_are_kept(void **state)
{
    (void)state;
    static const char *const sets[] = {"run.until=2 s", "run.until=3 s"};
    const struct scenario_options options = {
        .sets = sets, .set_count = 2, .has_seed = true, .seed = 77};
    scenario_files_write(&files, "part.yaml", "links: {}");
    struct loaded l;
    load_with(&l, "include: part.yaml\n" HEAD NODES, &options);
    assert_int_equal(l.r, 0);
    assert_int_equal(l.s->until, 3 * SIM_S);
    assert_int_equal(l.s->seed, 77);
    assert_string_equal(l.s->overrides, "run.until=2 s\nrun.until=3 s\nrun.seed=77\n");
    /* Without their folders: where a scenario lies changes nothing about the run. */
    assert_string_equal(l.s->text, "# file: s.yaml\ninclude: part.yaml\n" HEAD NODES
                                   "# file: part.yaml\nlinks: {}\n");
    loaded_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(smallest_file_has_all_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nodes_are_numbered_and_attached_in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(networks_default_to_one_a_gateway, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attachment_in_blocks_and_to_several_servers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mix_is_apportioned_and_interleaved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(policies_extend_and_are_overridden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_take_from_technology_and_parent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_credentials_are_written_at_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(networks_and_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(warnings_say_what_would_mislead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attackers_and_their_params, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workload_faults_and_expectations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(recording, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_and_overrides_are_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
