/* Hops beyond those to the peers: gateways on the devices of PNEs, meshes of servers, bridges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenario_text.h"

#define HEAD "cpns: 1\nrun: {until: 60 s, seed: 9}\n"

static uint32_t node(const struct scenario *s, const char *id)
{
    uint32_t i = scenario_find_node(s, id);
    assert_int_not_equal(i, SCENARIO_NONE);
    return i;
}

/* All hops as "kind:id" with their policies, in order. */
static char *hops(const struct scenario *s)
{
    struct buf out = {0};
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        buf_printf(&out, "%s%s:%s(%s)", i > 0 ? " " : "", scenario_hop_name(e->kind), e->id,
                   e->policy != SCENARIO_NONE ? s->policies[e->policy].name : "");
        assert_int_equal(e->wire_count, e->kind == HOP_INTERNAL ? 0 : 1);
        if (e->wire_count > 0) {
            assert_string_equal(s->wires[e->wires[0]].id, e->id);
        }
        assert_ptr_equal(scenario_hop(s, e->a, e->b), e);
        assert_ptr_equal(scenario_hop(s, e->b, e->a), e);
    }
    return buf_steal_str(&out);
}

static void check_hops(const struct scenario *s, const char *wanted)
{
    char *found = hops(s);
    assert_string_equal(found, wanted);
    free(found);
}

#define CAR                                                                                        \
    "security:\n"                                                                                  \
    "  policies: {a: {}, b: {}, c: {}, d: {}}\n"                                                   \
    "  pne_gateway: a\n"                                                                           \
    "  gateway_server: b\n"                                                                        \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: car, role: gateway, uplink: {to: srv, link: lte}}\n"                                 \
    "  - {id: phone, role: pne, count: 2, attach: {to: car, link: wlan}, position: [1 m, 2 m],\n"  \
    "     encoding: cbor, standby: {link: ble, policy: c, uplink: {to: srv, link: fibre}}}\n"      \
    "  - {id: obd, role: pne, attach: {to: car, link: ble}, policy: d}\n"                          \
    "personal_networks:\n"                                                                         \
    "  - {id: n, gateway: car}\n"

static void a_standby_is_a_second_node_of_its_device(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD CAR);
    assert_int_equal(l.diags.count, 0);
    assert_int_equal(l.s->node_count, 7);
    const struct scenario_node *pne = &l.s->nodes[node(l.s, "phone/2")];
    const struct scenario_node *gw = &l.s->nodes[node(l.s, "phone.gw/2")];
    assert_int_equal(gw->role, ROLE_GATEWAY);
    assert_string_equal(gw->entry, "phone.gw");
    assert_int_equal(gw->ordinal, 2);
    assert_int_equal(gw->twin, node(l.s, "phone/2"));
    assert_int_equal(pne->twin, node(l.s, "phone.gw/2"));
    assert_int_equal(l.s->nodes[node(l.s, "obd")].twin, SCENARIO_NONE);
    assert_int_equal(gw->peer, node(l.s, "srv"));
    assert_int_equal(pne->peer, node(l.s, "car"));
    assert_string_equal(gw->encoding, "cbor");
    assert_true(gw->placed && gw->place[1] == 2);
    check_hops(l.s, "gateway-server:car--srv(b) pne-gateway:phone/1--car(a) "
                    "pne-gateway:phone/2--car(a) pne-gateway:obd--car(d) "
                    "gateway-server:phone.gw/1--srv(c) gateway-server:phone.gw/2--srv(c) "
                    "pne-gateway:phone/2--phone.gw/1(a) pne-gateway:obd--phone.gw/1(d) "
                    "pne-gateway:phone/1--phone.gw/2(a) pne-gateway:obd--phone.gw/2(d) "
                    "internal:phone/1--phone.gw/1() internal:phone/2--phone.gw/2()");
    assert_null(scenario_hop(l.s, node(l.s, "obd"), node(l.s, "srv")));
    loaded_fini(&l);
}

static void faults_find_all_wires_and_devices(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD CAR
                  "faults:\n"
                  "  - {at: 1 s, do: link-down, target: [\"obd--phone.gw/*\", phone.gw/1--srv]}\n"
                  "  - {at: 2 s, do: node-silent, target: phone/1}\n"
                  "  - {at: 3 s, do: node-silent, target: [phone.gw/2, phone/2]}\n");
    const struct scenario_fault *f = l.s->faults;
    assert_int_equal(f[0].target_count, 3);
    assert_string_equal(l.s->wires[f[0].targets[0]].id, "obd--phone.gw/1");
    assert_string_equal(l.s->wires[f[0].targets[1]].id, "obd--phone.gw/2");
    assert_string_equal(l.s->wires[f[0].targets[2]].id, "phone.gw/1--srv");
    assert_int_equal(f[1].target_count, 2); /* the PNE and the gateway beside it */
    assert_int_equal(f[1].targets[1], node(l.s, "phone.gw/1"));
    assert_int_equal(f[2].target_count, 2);
    loaded_fini(&l);
}

static void a_device_may_be_gateway_from_the_start(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(
        &l, HEAD "nodes:\n"
                 "  - {id: srv, role: server}\n"
                 "  - {id: phone, role: pne, standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"
                 "  - {id: watch, role: pne, count: 2, attach: {to: phone, link: ble}}\n"
                 "  - {id: car, role: gateway, uplink: {to: srv, link: lte}}\n"
                 "  - {id: tablet, role: pne, attach: {to: car, link: wlan}}\n"
                 "personal_networks:\n"
                 "  - {id: body, gateway: phone}\n"
                 "  - {id: car, gateway: car}\n"
                 "  - {id: both, gateway: phone.gw, members: [watch/1, tablet]}\n");
    uint32_t gw = node(l.s, "phone.gw");
    const struct scenario_node *phone = &l.s->nodes[node(l.s, "phone")];
    assert_int_equal(phone->peer, gw);
    assert_int_equal(l.s->edges[phone->edge].kind, HOP_INTERNAL);
    assert_int_equal(l.s->pns[0].gateway, gw);
    assert_int_equal(l.s->pns[0].member_count, 3); /* the phone itself too */
    assert_int_equal(l.s->pns[2].gateway, gw);
    check_hops(l.s, "pne-gateway:watch/1--phone.gw(default) pne-gateway:watch/2--phone.gw(default) "
                    "gateway-server:car--srv(default) pne-gateway:tablet--car(default) "
                    "gateway-server:phone.gw--srv(default) pne-gateway:tablet--phone.gw(default) "
                    "internal:phone--phone.gw()");
    loaded_fini(&l);
}

static void servers_are_joined_and_bridges_laid(void **state)
{
    (void)state;
    struct loaded l;
    loaded_accept(&l, HEAD "security: {policies: {m: {}}}\n"
                           "nodes:\n"
                           "  - {id: a, role: server, count: 2, mesh: {link: fibre, policy: m}}\n"
                           "  - {id: alone, role: server}\n"
                           "  - {id: b, role: server, mesh: {link: ethernet}}\n"
                           "  - {id: gw, role: gateway, count: 2, uplink: {to: a/*, link: lte}}\n"
                           "  - {id: p, role: pne, count: 4, attach: {to: gw/*, link: wlan}}\n"
                           "bridges:\n"
                           "  - {between: [p/2, p/1], link: ble, fidelity: fast}\n");
    assert_int_equal(l.diags.count, 0);
    check_hops(l.s, "gateway-server:gw/1--a/1(default) gateway-server:gw/2--a/2(default) "
                    "pne-gateway:p/1--gw/1(default) pne-gateway:p/2--gw/2(default) "
                    "pne-gateway:p/3--gw/1(default) pne-gateway:p/4--gw/2(default) "
                    "server-server:a/1--a/2(m) server-server:a/1--b(m) server-server:a/2--b(m) "
                    "bridge:p/2--p/1()");
    const struct scenario_edge *bridge = scenario_hop(l.s, node(l.s, "p/1"), node(l.s, "p/2"));
    assert_int_equal(bridge->fidelity, FIDELITY_FAST);
    assert_string_equal(l.s->links[bridge->link].name, "ble");
    loaded_fini(&l);
}

/* What is written back loads as the same hops, and drawings show them. */
static void hops_are_shown(void **state)
{
    (void)state;
    struct loaded l;
    struct buf out = {0};
    loaded_accept(&l, HEAD CAR "bridges: [{between: [obd, phone/1], link: ble}]\n");
    char *before = hops(l.s);
    assert_int_equal(scenario_show(l.s, FORMAT_YAML, false, &out), 0);
    char *yaml = buf_steal_str(&out);
    assert_int_equal(scenario_show(l.s, FORMAT_MERMAID, false, &out), 0);
    char *mermaid = buf_steal_str(&out);
    assert_int_equal(scenario_show(l.s, FORMAT_DOT, false, &out), 0);
    char *dot = buf_steal_str(&out);
    assert_non_null(strstr(mermaid, "phone.gw/1<br/>gateway"));
    assert_non_null(strstr(mermaid, "n2 -.-|\"one device\"| n5"));
    assert_non_null(strstr(mermaid, "n4 ---|\"ble\"| n5"));
    assert_non_null(strstr(dot, "n3 -- n6 [label=\"one device\", style=dashed];"));
    loaded_fini(&l);
    loaded_accept(&l, yaml);
    check_hops(l.s, before);
    loaded_fini(&l);
    free(before);
    free(yaml);
    free(mermaid);
    free(dot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standby_is_a_second_node_of_its_device),
        cmocka_unit_test(faults_find_all_wires_and_devices),
        cmocka_unit_test(a_device_may_be_gateway_from_the_start),
        cmocka_unit_test(servers_are_joined_and_bridges_laid),
        cmocka_unit_test(hops_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
