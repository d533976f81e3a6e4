/* The link drops in the middle of every flow, at every message: each message of the lives below is
 * cut once, a run each. Afterwards nobody waits, no flow is open, and the stores of all agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "models/cpns/message.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

#define HEAD(name) "cpns: 1\nname: " name "\nrun: {until: 9000 s, seed: 4}\n"

/* One gateway with three members and one that may come. */
#define HOUSE                                                                                      \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"                                \
    "  - {id: p, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"                             \
    "  - {id: late, role: pne, attach: {to: gw, link: wlan}}\n"                                    \
    "personal_networks:\n"
#define HOME(more) "  - {id: home, gateway: gw, members: p/*, candidates: late, " more "}\n"
#define GROUP                                                                                      \
    "service_groups:\n"                                                                            \
    "  - {id: g, owner: p/1, members: [p/2, p/3], service: chat, joining: closed}\n"               \
    "workload:\n"

/* Two gateways; o owns g, x may be invited, n never wants anything. */
#define TOWN                                                                                       \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"                      \
    "  - {id: o, role: pne, attach: {to: gw/1, link: wlan}}\n"                                     \
    "  - {id: a, role: pne, encoding: cbor, attach: {to: gw/1, link: wlan}}\n"                     \
    "  - {id: b, role: pne, count: 2, attach: {to: gw/2, link: wlan}}\n"                           \
    "  - {id: x, role: pne, attach: {to: gw/2, link: wlan}}\n"                                     \
    "  - {id: n, role: pne, attach: {to: gw/2, link: wlan}}\n"                                     \
    "personal_networks:\n"                                                                         \
    "  - {id: one, gateway: gw/1, members: [o, a]}\n"                                              \
    "  - {id: two, gateway: gw/2, members: [b/*, x, n]}\n"                                         \
    "service_groups:\n"
#define CLOSED "  - {id: g, owner: o, members: [a, b/*], service: chat, joining: closed}\n"

/* A car whose phone and tablet could be the gateway, too. */
#define CAR                                                                                        \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: car, role: gateway, uplink: {to: srv, link: lte}}\n"                                 \
    "  - {id: unit, role: pne, count: 2, attach: {to: car, link: wlan}}\n"                         \
    "  - {id: phone, role: pne, attach: {to: car, link: wlan}, standby: {link: wlan, uplink: "     \
    "{to: "                                                                                        \
    "srv, link: lte}}}\n"                                                                          \
    "  - {id: tablet, role: pne, attach: {to: car, link: wlan}, standby: {link: wlan, uplink: "    \
    "{to: srv, link: lte}}}\n"                                                                     \
    "personal_networks:\n"                                                                         \
    "  - {id: car, gateway: car, establishment: {at: 1 s}}\n"                                      \
    "service_groups:\n"                                                                            \
    "  - {id: g, owner: unit/1, members: [unit/2, phone], service: music}\n"                       \
    "workload:\n"

static void car_dies(struct fake_world *w)
{
    fake_set_silent(w, fake_id(w, "car"), true);
}

static const char *all_in_the_car(struct fake_world *w)
{
    return stores_members(w, "car") == 4 && stores_group_members(w, "g") == 3
               ? ""
               : "somebody is missing in the car or in g";
}

/* Two networks with a bridge between them. */
#define NEIGHBOURS                                                                                 \
    "timers: {keep_alive: 5 s}\n"                                                                  \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gl, role: gateway, uplink: {to: srv, link: lte}}\n"                                  \
    "  - {id: gr, role: gateway, uplink: {to: srv, link: lte}}\n"                                  \
    "  - {id: l, role: pne, count: 2, attach: {to: gl, link: bluetooth}}\n"                        \
    "  - {id: r, role: pne, count: 2, attach: {to: gr, link: bluetooth}}\n"                        \
    "bridges:\n"                                                                                   \
    "  - {between: [l/2, r/1], link: bluetooth}\n"                                                 \
    "personal_networks:\n"                                                                         \
    "  - {id: left, gateway: gl}\n"                                                                \
    "  - {id: right, gateway: gr}\n"                                                               \
    "workload:\n"

/* Two servers: o and a belong to the first, b and c, behind two gateways, to the second. */
#define CITIES                                                                                     \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server, count: 2, mesh: {link: fibre}}\n"                                 \
    "  - {id: gw, role: gateway, uplink: {to: srv/1, link: fibre}}\n"                              \
    "  - {id: far, role: gateway, count: 2, uplink: {to: [srv/2, srv/2], link: fibre}}\n"          \
    "  - {id: o, role: pne, attach: {to: gw, link: wlan}}\n"                                       \
    "  - {id: a, role: pne, attach: {to: gw, link: wlan}}\n"                                       \
    "  - {id: b, role: pne, count: 2, attach: {to: far/1, link: wlan}}\n"                          \
    "  - {id: c, role: pne, attach: {to: far/2, link: wlan}}\n"                                    \
    "personal_networks:\n"                                                                         \
    "  - {id: one, gateway: gw}\n"                                                                 \
    "  - {id: two, gateway: far/1}\n"                                                              \
    "  - {id: three, gateway: far/2}\n"                                                            \
    "service_groups:\n"                                                                            \
    "  - {id: g, owner: o, members: [a, b/*], service: chat, joining: closed}\n"                   \
    "services:\n"                                                                                  \
    "  - {id: photos, provider: o, openness: public, confirm: owner, allow: b/1}\n"                \
    "workload:\n"

static void apart(struct fake_world *w)
{
    fake_set_hop(w, fake_id(w, "srv/1"), fake_id(w, "srv/2"), false);
}

static void together(struct fake_world *w)
{
    fake_set_hop(w, fake_id(w, "srv/1"), fake_id(w, "srv/2"), true);
}

static void b_hangs(struct fake_world *w)
{
    fake_set_silent(w, fake_id(w, "b/1"), true);
}

static void b_goes_on(struct fake_world *w)
{
    fake_set_silent(w, fake_id(w, "b/1"), false);
}

static void uplinks(struct fake_world *w, bool up)
{
    fake_set_link(w, fake_id(w, "gl"), up);
    fake_set_link(w, fake_id(w, "gr"), up);
}

static void uplinks_down(struct fake_world *w)
{
    uplinks(w, false);
}

static void uplinks_up(struct fake_world *w)
{
    uplinks(w, true);
}

/* --- the lives: a flow that is not among them is added with a line
 * ------------------------------------------ */

static const struct disturb lives[] = {
    {.name = "established by each, used, released by a member",
     .yaml = HEAD("each") HOUSE HOME("establishment: {at: 1 s}") GROUP
     "  - {at: 20 s, do: service-access, from: p/1, to: p/2, size: 30 B}\n"
     "  - {at: 22 s, do: service-access, from: p/2, to: srv, size: 30 B}\n"
     "  - {at: 25 s, do: group-message, from: p/2, to: g, size: 30 B}\n"
     "  - {at: 70 s, do: pn-release, from: p/3, pn: home}\n",
     .to = 100 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "established by invitation, released by the gateway",
     .yaml = HEAD("all") HOUSE HOME("establishment: {type: 2, by: p/1, at: 1 s}") GROUP
     "  - {at: 70 s, do: pn-release, from: gw, pn: home}\n",
     .to = 100 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "established with a list",
     .yaml = HEAD("list") HOUSE HOME("establishment: {type: 3, by: p/1, at: 1 s}"),
     .to = 15 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 10},
    {.name = "invited to a network that is not its own",
     .yaml = HEAD("reject") "nodes:\n"
                            "  - {id: srv, role: server}\n"
                            "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
                            "  - {id: p, role: pne, count: 4, attach: {to: gw, link: wlan}}\n"
                            "personal_networks:\n"
                            "  - {id: one, gateway: gw, members: p/1..2, establishment: {at: 9 "
                            "s}}\n"
                            "  - {id: two, gateway: gw, members: p/2..4, establishment: {type: 2, "
                            "by: p/4, at: 1 s}}\n",
     .to = 15 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 10},
    {.name = "a device is added, another leaves",
     .yaml = HEAD("devices") HOUSE HOME("establishment: {at: 1 s}") GROUP
     "  - {at: 20 s, do: pn-add, from: p/1, pn: home, to: late}\n"
     "  - {at: 30 s, do: pn-leave, from: p/2, pn: home}\n",
     .from = 19 * SIM_S,
     .to = 40 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "administrator, adminees, usage information",
     .yaml = HEAD("rule") HOUSE HOME("admin: p/1, establishment: {at: 1 s}") GROUP
     "  - {at: 20 s, do: adminee-remove, from: p/1, pn: home, to: p/3}\n"
     "  - {at: 30 s, do: adminee-add, from: p/1, pn: home, to: p/3}\n"
     "  - {at: 40 s, do: admin-assign, from: p/1, pn: home, to: p/2}\n"
     "  - {at: 50 s, do: usage-info, from: p/2, pn: home, expiry: 6000 s, store: [gateway, "
     "pne]}\n"
     "  - {at: 55 s, do: usage-info, from: p/2, pn: home, expiry: 0 s, store: [gateway, pne]}\n",
     .from = 19 * SIM_S,
     .to = 60 * SIM_S,
     .until = 2500 * SIM_S,
     .least = 10},
    {.name = "keys and chains",
     .yaml = HEAD("keys") HOUSE HOME("establishment: {at: 1 s}") GROUP
     "  - {at: 20 s, do: key-assignment, from: gw, pn: home, to: p/1}\n"
     "  - {at: 40 s, do: pne-provisioning, from: gw, pn: home, to: p/1}\n"
     "  - {at: 60 s, do: key-assignment, from: gw, pn: home, to: p/1}\n",
     .from = 19 * SIM_S,
     .to = 80 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 10},
    {.name = "capabilities",
     .yaml = HEAD("capabilities") HOUSE HOME("establishment: {at: 1 s}") GROUP
     "  - {at: 20 s, do: device-capabilities, from: srv, to: p/1}\n"
     "  - {at: 25 s, do: device-capabilities, from: srv, to: gw}\n",
     .from = 19 * SIM_S,
     .to = 30 * SIM_S,
     .until = 500 * SIM_S,
     .least = 4},
    {.name = "groups: join, discover, message",
     .yaml =
         HEAD("join") TOWN CLOSED "workload:\n"
                                  "  - {at: 20 s, do: group-discover, from: x, service: chat}\n"
                                  "  - {at: 25 s, do: group-join, from: x, to: g}\n"
                                  "  - {at: 30 s, do: group-message, from: a, to: g, size: 30 B}\n",
     .to = 40 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "groups: invite, leave, expel, delete",
     .yaml =
         HEAD("leave") TOWN CLOSED "workload:\n"
                                   "  - {at: 20 s, do: group-invite, from: o, to: g, member: [x]}\n"
                                   "  - {at: 30 s, do: group-leave, from: a, to: g}\n"
                                   "  - {at: 35 s, do: group-leave, from: o, to: g, member: b/1}\n"
                                   "  - {at: 50 s, do: group-delete, from: o, to: g}\n",
     .from = 19 * SIM_S,
     .to = 60 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "groups: another owner, and the owner leaves",
     .yaml = HEAD("owner") TOWN CLOSED
     "workload:\n"
     "  - {at: 20 s, do: group-owner-transfer, from: o, to: g, member: b/2}\n"
     "  - {at: 40 s, do: group-leave, from: b/2, to: g}\n",
     .from = 19 * SIM_S,
     .to = 60 * SIM_S,
     .until = 2000 * SIM_S,
     .least = 10},
    {.name = "groups: the owner leaves during a transfer",
     .yaml = HEAD("during") TOWN CLOSED
     "workload:\n"
     "  - {at: 20 s, do: group-owner-transfer, from: o, to: g, member: b/1}\n"
     "  - {at: 20.03 s, do: group-leave, from: o, to: g}\n",
     .from = 19 * SIM_S,
     .to = 40 * SIM_S,
     .until = 2000 * SIM_S,
     .least = 10},
    {.name = "group keys",
     .yaml = HEAD("sealed") "security: {service_group: {protection: group_key}}\n" TOWN CLOSED
                            "workload:\n"
                            "  - {at: 20 s, do: group-join, from: x, to: g}\n"
                            "  - {at: 30 s, do: group-message, from: a, to: g, size: 30 B}\n"
                            "  - {at: 40 s, do: group-leave, from: x, to: g}\n"
                            "  - {at: 900 s, do: group-message, from: b/1, to: g, size: 30 B}\n"
                            "  - {at: 905 s, do: group-message, from: o, to: g, size: 30 B}\n",
     .to = 60 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "group keys, one of which is missed",
     .yaml = HEAD("missed") "security: {service_group: {protection: group_key}}\n" TOWN CLOSED
                            "workload:\n"
                            "  - {at: 40 s, do: group-leave, from: a, to: g}\n"
                            "  - {at: 42 s, do: group-message, from: o, to: g, size: 30 B}\n"
                            "  - {at: 900 s, do: group-message, from: b/1, to: g, size: 30 B}\n"
                            "  - {at: 905 s, do: group-message, from: o, to: g, size: 30 B}\n",
     .from = 39 * SIM_S,
     .to = 44 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 10,
     .acts = {{39900 * SIM_MS, b_hangs}, {41 * SIM_S, b_goes_on}}},
    {.name = "low battery",
     .yaml =
         HEAD("low") "devices:\n"
                     "  spent: {cpu: cortex-a76, battery: 15 %, energy: {capacity: 100 J}}\n"
                     "  low: {cpu: cortex-m4-64mhz, battery: 10 %, energy: {capacity: 4 J}}\n"
                     "nodes:\n"
                     "  - {id: srv, role: server}\n"
                     "  - {id: gw, role: gateway, device: spent, uplink: {to: srv, link: lte}}\n"
                     "  - {id: p, role: pne, device: low, attach: {to: gw, link: wlan}}\n"
                     "  - {id: tablet, role: pne, attach: {to: gw, link: wlan}, standby: {link: "
                     "wlan, uplink: {to: srv, link: lte}}}\n"
                     "personal_networks:\n"
                     "  - {id: walk, gateway: gw, establishment: {type: 2, by: p, at: 1 s}}\n",
     .to = 10 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "services: registered, searched with confirmation, used",
     .yaml = HEAD("services") TOWN
     "  - {id: g, owner: o, members: [a], service: chat}\n"
     "services:\n"
     "  - {id: photos, provider: o, openness: public, confirm: owner, allow: [b/1]}\n"
     "workload:\n"
     "  - {at: 20 s, do: service-search, from: [b/1, b/2], service: photos}\n"
     "  - {at: 200 s, do: service-search, from: b/1}\n"
     "  - {at: 300 s, do: service-access, from: b/1, service: photos}\n",
     .to = 310 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20},
    {.name = "gateway switched while services run",
     .yaml = HEAD("switch") CAR
     "  - {at: 20 s, do: gateway-switch, pn: car, to: phone}\n"
     "  - {every: 40 ms, start: 19.9 s, count: 10, do: service-access, from: unit/1, to: tablet, "
     "size: 9 B}\n"
     "  - {at: 20.1 s, do: group-message, from: unit/2, to: g, size: 9 B}\n",
     .from = 19 * SIM_S,
     .to = 30 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 40,
     .check = all_in_the_car},
    {.name = "two candidates at once",
     .yaml = HEAD("candidates") CAR "  - {at: 20 s, do: gateway-switch, pn: car, to: phone}\n"
                                    "  - {at: 20 s, do: gateway-switch, pn: car, to: tablet}\n",
     .from = 19 * SIM_S,
     .to = 30 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 20,
     .check = all_in_the_car},
    {.name = "gateway gone without notice",
     .yaml =
         HEAD("crash") CAR "  - {at: 300 s, do: service-access, from: unit/1, to: tablet, size: "
                           "9 B}\n",
     .from = 19 * SIM_S,
     .to = 310 * SIM_S,
     .until = 1500 * SIM_S,
     .least = 30,
     .check = all_in_the_car,
     .acts = {{20 * SIM_S, car_dies}}},
    {.name = "two servers: joined, invited, found, handed over, left",
     .yaml = HEAD("servers") CITIES
     "  - {at: 20 s, do: group-invite, from: o, to: g, member: c}\n"
     "  - {at: 22 s, do: service-search, from: b/1, service: photos}\n"
     "  - {at: 24 s, do: group-message, from: b/2, to: g, size: 30 B}\n"
     "  - {at: 26 s, do: group-owner-transfer, from: o, to: g, member: b/2}\n"
     "  - {at: 30 s, do: group-leave, from: b/1, to: g}\n"
     "  - {at: 34 s, do: service-access, from: c, to: o, size: 30 B}\n"
     "  - {at: 38 s, do: pn-release, from: c, pn: three}\n",
     .to = 50 * SIM_S,
     .until = 2000 * SIM_S,
     .least = 20},
    {.name = "two servers that lost each other for a while",
     .yaml = HEAD("apart") CITIES "  - {at: 80 s, do: group-leave, from: o, to: g}\n"
                                  "  - {at: 82 s, do: group-join, from: c, to: g}\n",
     .from = 79 * SIM_S,
     .to = 200 * SIM_S,
     .until = 3000 * SIM_S,
     .least = 20,
     .acts = {{60 * SIM_S, apart}, {150 * SIM_S, together}}},
    {.name = "bridge, set up and used while both uplinks are down",
     .yaml = HEAD("bridge") NEIGHBOURS
     "  - {at: 10 s, do: discovery-execution, from: gl, to: l/2}\n"
     "  - {at: 60 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n"
     "  - {at: 80 s, do: service-access, from: r/2, to: l/1, size: 20 B}\n",
     .from = 9 * SIM_S,
     .to = 100 * SIM_S,
     .until = 1000 * SIM_S,
     .least = 20,
     .acts = {{15 * SIM_S, uplinks_down}, {110 * SIM_S, uplinks_up}}},
    {.name = "administrator: turned away, taken out",
     .yaml = HEAD("away") HOUSE HOME("admin: p/1, establishment: {at: 1 s}") GROUP
     "  - {at: 20 s, do: pn-add, from: late, pn: home}\n"
     "  - {at: 30 s, do: pn-leave, from: p/1, pn: home, to: p/3}\n",
     .from = 19 * SIM_S,
     .to = 35 * SIM_S,
     .until = 2500 * SIM_S,
     .least = 9},
    {.name = "zone",
     .yaml = HEAD("zone") "timers: {keep_alive: 10 s}\n"
                          "nodes:\n"
                          "  - {id: srv, role: server}\n"
                          "  - {id: hall, role: gateway, uplink: {to: srv, link: fibre}, zone: "
                          "{service: tour, announce: 10 s, information: 100 B, exhibits: [{id: "
                          "trilobite, at: [-5 m, 0 m]}]}}\n"
                          "  - {id: a, role: pne, attach: {to: hall, link: wlan}, position: [-4 m, "
                          "0 m]}\n"
                          "  - {id: c, role: pne, attach: {to: hall, link: wlan}}\n"
                          "personal_networks:\n"
                          "  - {id: visit, gateway: hall}\n"
                          "workload:\n"
                          "  - {at: 30 s, do: zone-info, from: a}\n",
     .to = 35 * SIM_S,
     .until = 600 * SIM_S,
     .least = 10},
};

/* --- all of them
 * ------------------------------------------------------------------------------------- */

static struct cut_report report;

static void each_message_cut_once(void **state)
{
    (void)state;
    struct cut_kind all = {.kind = "all"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(lives); i++) {
        disturb_cut(&lives[i], &report);
    }
    print_message("%-22s %6s %9s %6s %13s %6s\n", "kind of flow", "flows", "messages", "hangs",
                  "half-changed", "other");
    for (size_t i = 0; i < report.kind_count; i++) {
        const struct cut_kind *k = &report.kinds[i];
        print_message("%-22s %6u %9u %6u %13u %6u\n", k->kind, k->flows, k->messages, k->hangs,
                      k->halves, k->others);
        all.flows += k->flows;
        all.messages += k->messages;
        all.hangs += k->hangs;
        all.halves += k->halves;
        all.others += k->others;
    }
    print_message("%-22s %6u %9u %6u %13u %6u\n", all.kind, all.flows, all.messages, all.hangs,
                  all.halves, all.others);
    assert_int_equal(all.hangs, 0);
    assert_int_equal(all.halves, 0);
    assert_int_equal(all.others, 0);
}

static bool has(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* What has not been cut has not been shown. */
static void no_type_of_message_is_left_out(void **state)
{
    (void)state;
    int wrong = 0;
    for (enum cpns_type type = 0; type < CPNS_TYPE_COUNT; type++) {
        const char *name = cpns_type_info(type)->name;
        if (!has(report.types, report.type_count, name)) {
            print_error("%s is in none of the lives\n", name);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_cut_once),
        cmocka_unit_test(no_type_of_message_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
