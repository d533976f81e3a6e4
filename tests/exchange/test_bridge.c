/* A bridge between two PNs over two of their PNEs (US8958343 US9014055): found and set up when the
 * server is out of reach, and what goes over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

#define TWO(right)                                                                                 \
    "cpns: 1\n"                                                                                    \
    "name: bridge\n"                                                                               \
    "run: {until: 3000 s, seed: 4}\n"                                                              \
    "timers: {keep_alive: 5 s}\n"                                                                  \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gl, role: gateway, uplink: {to: srv, link: lte}}\n"                                  \
    "  - {id: gr, role: gateway, uplink: {to: srv, link: lte}" right "}\n"                         \
    "  - {id: l, role: pne, count: 2, attach: {to: gl, link: bluetooth}}\n"                        \
    "  - {id: r, role: pne, count: 2, attach: {to: gr, link: bluetooth}}\n"                        \
    "bridges:\n"                                                                                   \
    "  - {between: [l/2, r/1], link: bluetooth}\n"                                                 \
    "personal_networks:\n"                                                                         \
    "  - {id: left, gateway: gl}\n"                                                                \
    "  - {id: right, gateway: gr}\n"
#define WORK "workload:\n"

static void cut_uplinks(struct fake_world *w, bool cut)
{
    fake_set_link(w, fake_id(w, "gl"), !cut);
    fake_set_link(w, fake_id(w, "gr"), !cut);
}

static enum bridge_state bridge_of(struct fake_world *w, const char *gateway)
{
    const struct gateway *g = fake_state(w, gateway);
    return (enum bridge_state)g->pns[0].bridge.state;
}

static void without_the_server_the_bridge_carries(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        TWO("") WORK "  - {at: 10 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n"
                     "  - {at: 60 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n"
                     "  - {at: 80 s, do: service-access, from: r/2, to: l/1, size: 20 B}\n"
                     "  - {at: 200 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n");
    fake_run(w, 15 * SIM_S);
    assert_int_equal(fake_count(w, "srv -> gr: ServiceAccessRequest"), 1);
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 1);
    cut_uplinks(w, true);
    fake_run(w, 100 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "gl -> l/2: DiscoveryExecutionRequest", "l/2 -> r/1: EntityDiscoveryRequest",
        "r/1 -> l/2: EntityDiscoveryResponse 200", "l/2 -> gl: DiscoveryExecutionResponse 200",
        "gl -> l/2: BridgeSetupRequest", "l/2 -> r/1: BridgeSetupRequest",
        "r/1 -> gr: BridgeSetupRequest", "gr -> r/1: BridgeSetupResponse 200",
        "r/1 -> l/2: BridgeSetupResponse 200", "l/2 -> gl: BridgeSetupResponse 200");
    FAKE_ASSERT_EXCHANGE(
        w, "l/1 -> gl: ServiceAccessRequest", "gl -> l/2: ServiceAccessRequest",
        "l/2 -> r/1: ServiceAccessRequest", "r/1 -> gr: ServiceAccessRequest",
        "gr -> r/2: ServiceAccessRequest", "r/2 -> gr: ServiceAccessResponse 200",
        "gr -> r/1: ServiceAccessResponse 200", "r/1 -> l/2: ServiceAccessResponse 200",
        "l/2 -> gl: ServiceAccessResponse 200", "gl -> l/1: ServiceAccessResponse 200");
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 2);
    assert_int_equal(fake_count(w, "gr -> r/2: ServiceAccessResponse 200"), 1);
    assert_int_equal(bridge_of(w, "gl"), BRIDGE_STANDS);
    assert_int_equal(bridge_of(w, "gr"), BRIDGE_STANDS);
    /* The server is back, and tried once a period: it is the way again. */
    cut_uplinks(w, false);
    fake_run(w, 210 * SIM_S);
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 3);
    assert_int_equal(fake_count(w, "srv -> gr: ServiceAccessRequest"), 2);
    assert_int_equal(fake_count(w, "l/2 -> r/1: ServiceAccessRequest"), 1);
    stores_assert_agree(w);
    assert_int_equal(fake_wrong_events(w), 0);
    fake_assert_account(w);
    fake_free(w);
}

/* Only the right one has lost its server: what the left one asks its members for goes over the
 * bridge all the same, and everything else to the server. */
static void the_one_with_a_server_helps_the_other(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        TWO("") WORK "  - {at: 60 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n"
                     "  - {at: 70 s, do: service-access, from: l/1, to: srv, size: 20 B}\n"
                     "  - {at: 80 s, do: service-access, from: r/2, to: l/1, size: 20 B}\n"
                     "  - {at: 150 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n"
                     "  - {at: 220 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n");
    fake_run(w, 15 * SIM_S);
    fake_set_link(w, fake_id(w, "gr"), false);
    fake_run(w, 100 * SIM_S);
    assert_int_equal(fake_count(w, "l/2 -> r/1: ServiceAccessRequest"), 1);
    assert_int_equal(fake_count(w, "r/1 -> l/2: ServiceAccessRequest"), 1);
    assert_int_equal(fake_count(w, "gl -> srv: ServiceAccessRequest"), 1);
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 2);
    assert_int_equal(fake_count(w, "gr -> r/2: ServiceAccessResponse 200"), 1);
    /* It is back, and says so. */
    fake_set_link(w, fake_id(w, "gr"), true);
    fake_run(w, 160 * SIM_S);
    assert_int_equal(fake_count(w, "l/2 -> r/1: ServiceAccessRequest"), 1);
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 3);
    /* It loses the server again: the bridge stands, and the left one hears of it. */
    fake_set_link(w, fake_id(w, "gr"), false);
    fake_run(w, 230 * SIM_S);
    assert_int_equal(fake_count(w, "l/2 -> r/1: ServiceAccessRequest"), 2);
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 4);
    fake_set_link(w, fake_id(w, "gr"), true);
    fake_run(w, 400 * SIM_S);
    stores_assert_agree(w);
    assert_int_equal(fake_wrong_events(w), 0);
    fake_free(w);
}

static void the_other_gateway_denies(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(TWO(", bridge: deny") WORK
                    "  - {at: 20 s, do: bridge-setup, from: gl, pn: left}\n"
                    "  - {at: 30 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n");
    fake_run(w, 25 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "r/1 -> gr: BridgeSetupRequest", "gr -> r/1: BridgeSetupResponse 403",
                         "l/2 -> gl: BridgeSetupResponse 403", "gl ! no_bridge: denied");
    assert_int_equal(bridge_of(w, "gl"), BRIDGE_NONE);
    assert_int_equal(bridge_of(w, "gr"), BRIDGE_NONE);
    cut_uplinks(w, true);
    fake_run(w, 200 * SIM_S);
    assert_int_equal(fake_count(w, "l/2 -> r/1: ServiceAccessRequest"), 0);
    /* Nor does it ask for one itself. */
    assert_int_equal(fake_count(w, "gr -> r/1: DiscoveryExecutionRequest"), 0);
    assert_int_equal(bridge_of(w, "gr"), BRIDGE_NONE);
    fake_free(w);
}

static void a_member_tells_who_is_in_reach(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(TWO("") WORK "  - {at: 20 s, do: discovery-execution, from: gl, to: l/2}\n"
                                 "  - {at: 22 s, do: discovery-execution, from: gl, to: l/1}\n"
                                 "  - {at: 23 s, do: discovery-execution, from: gl, to: r/1}\n"
                                 "  - {at: 40 s, do: discovery-execution, from: gl, to: l/2}\n");
    fake_run(w, 30 * SIM_S);
    assert_int_equal(fake_count(w, "gl ! network_found: right"), 1);
    assert_int_equal(fake_count(w, "l/2 -> gl: DiscoveryExecutionResponse 200"), 1);
    assert_int_equal(fake_count(w, "l/1 -> gl: DiscoveryExecutionResponse 200"), 1);
    assert_int_equal(fake_count(w, "gl ! work_skipped: discovery-execution"), 1);
    /* The one at the other end does not answer: that is an answer too. */
    fake_set_silent(w, fake_id(w, "r/1"), true);
    fake_run(w, 100 * SIM_S);
    assert_int_equal(fake_count(w, "gl ! network_found: right"), 1);
    assert_true(fake_count(w, "l/2 -> gl: DiscoveryExecutionResponse 200") >= 2);
    assert_int_equal(bridge_of(w, "gl"), BRIDGE_NONE);
    fake_set_silent(w, fake_id(w, "r/1"), false);
    fake_run(w, 400 * SIM_S);
    stores_assert_agree(w);
    fake_free(w);
}

static void nobody_in_reach_no_bridge(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(TWO("") WORK "  - {at: 20 s, do: pn-leave, from: r/1, pn: right}\n"
                                 "  - {at: 30 s, do: bridge-setup, from: gl, pn: left}\n"
                                 "  - {at: 31 s, do: bridge-setup, from: gl, pn: left}\n");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "gl ! no_bridge: nobody in reach"), 2);
    assert_int_equal(bridge_of(w, "gl"), BRIDGE_NONE);
    stores_assert_agree(w);
    fake_free(w);
}

static void who_is_not_there_is_said_to_be_so(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        TWO("") WORK "  - {at: 10 s, do: bridge-setup, from: gl, pn: left}\n"
                     "  - {at: 12 s, do: pn-leave, from: r/2, pn: right}\n"
                     "  - {at: 60 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n");
    fake_run(w, 30 * SIM_S);
    cut_uplinks(w, true);
    fake_run(w, 70 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "r/1 -> gr: ServiceAccessRequest refused: 404",
                         "gl -> l/1: ServiceAccessResponse 404");
    fake_free(w);
}

static void the_bridge_falls_with_its_member(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(
        TWO("") WORK "  - {at: 10 s, do: bridge-setup, from: gl, pn: left}\n"
                     "  - {at: 20 s, do: pn-leave, from: l/2, pn: left}\n"
                     "  - {at: 60 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n");
    fake_run(w, 30 * SIM_S);
    cut_uplinks(w, true);
    fake_run(w, 150 * SIM_S);
    assert_int_equal(fake_count(w, "gl -> l/2: ServiceAccessRequest"), 0);
    assert_int_equal(fake_count(w, "gl -> l/1: ServiceAccessResponse 200"), 0);
    assert_int_equal(bridge_of(w, "gl"), BRIDGE_NONE);
    cut_uplinks(w, false);
    fake_run(w, 400 * SIM_S);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- what a bridge is not for
 * -------------------------------------------------------------------------------- */

static void put(struct fake_world *w, enum cpns_type type, const char *origin, const char *target,
                const char *from, const char *to, bool in_session)
{
    struct cpns_message m;
    struct buf out = {0};
    cpns_message_init(&m, type);
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, 77);
    cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, origin));
    cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, target));
    cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 8);
    if (type == CPNS_PN_RELEASE_REQUEST) {
        cpns_set_text(&m, CPNS_PN_ID, fake_pn_urn(w, "right"));
    } else {
        cpns_set_text(&m, CPNS_SERVICE_ID, "echo");
        cpns_set_bytes(&m, CPNS_PAYLOAD, span_of_str("x"));
    }
    assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(&m);
    fake_inject(w, fake_id(w, from), fake_id(w, to), in_session ? fake_urn(w, from) : NULL,
                CPNS_XML, buf_span(&out));
    buf_fini(&out);
    fake_run(w, fake_now(w) + SIM_S);
}

static void nothing_else_crosses(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(TWO("") WORK "  - {at: 30 s, do: bridge-setup, from: gl, pn: left}\n");
    fake_run(w, 20 * SIM_S);
    /* l/2 --> r/1 in the clear, before there is a bridge, and of another type */
    put(w, CPNS_SERVICE_ACCESS_REQUEST, "l/1", "r/2", "l/2", "r/1", false);
    assert_int_equal(fake_count(w, "l/2 -> r/1: ServiceAccessRequest refused: no_bridge"), 1);
    put(w, CPNS_PN_RELEASE_REQUEST, "l/1", "srv", "l/2", "r/1", false);
    assert_int_equal(fake_count(w, "l/2 -> r/1: PNReleaseRequest refused: outside_session"), 1);
    /* r/1 --> gateway: in the name of another, and there is no bridge */
    put(w, CPNS_SERVICE_ACCESS_REQUEST, "l/1", "r/2", "r/1", "gr", true);
    assert_int_equal(fake_count(w, "r/1 -> gr: ServiceAccessRequest refused: origin_mismatch"), 1);
    fake_run(w, 40 * SIM_S);
    assert_int_equal(bridge_of(w, "gr"), BRIDGE_STANDS);
    /* Over the bridge, in the name of a member of the right one: it would not come this way. */
    put(w, CPNS_SERVICE_ACCESS_REQUEST, "r/1", "r/2", "l/2", "r/1", false);
    put(w, CPNS_SERVICE_ACCESS_REQUEST, "r/2", "r/1", "l/2", "r/1", false);
    assert_int_equal(fake_count(w, "gr -> r/2: ServiceAccessRequest"), 0);
    /* And a member that does not couple them has no bridge. */
    put(w, CPNS_SERVICE_ACCESS_REQUEST, "l/1", "r/1", "r/2", "gr", true);
    assert_int_equal(fake_count(w, "r/2 -> gr: ServiceAccessRequest refused: origin_mismatch"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- each message disturbed
 * --------------------------------------------------------------------------------- */

static const char *bridged(struct fake_world *w)
{
    return bridge_of(w, "gl") != BRIDGE_STANDS || bridge_of(w, "gr") != BRIDGE_STANDS ? "no bridge"
                                                                                      : "";
}

static void each_message_disturbed_once(void **state)
{
    (void)state;
    const struct disturb d = {.name = "bridge",
                              .yaml = TWO("") WORK
                              "  - {at: 20 s, do: bridge-setup, from: gl, pn: left}\n"
                              "  - {at: 200 s, do: bridge-setup, from: gl, pn: left}\n",
                              .from = 20 * SIM_S - SIM_MS,
                              .to = 20 * SIM_S + 500 * SIM_MS,
                              .until = 1000 * SIM_S,
                              .least = 10,
                              .check = bridged};
    disturb_each(&d);
}

/* The same of the service access over it, with the uplinks cut. */
static enum fake_fate cut_one(void *arg, struct fake_hit *hit)
{
    uint64_t *number = arg;
    return hit->number == *number ? (hit->in_session ? FAKE_CUT : FAKE_DROP) : FAKE_PASS;
}

static void each_message_over_the_bridge_cut_once(void **state)
{
    (void)state;
    static const char yaml[] =
        TWO("") WORK "  - {at: 10 s, do: bridge-setup, from: gl, pn: left}\n"
                     "  - {at: 60 s, do: service-access, from: l/1, to: r/2, size: 20 B}\n";
    uint64_t count = 0;
    for (uint64_t i = 0; i <= count; i++) {
        struct fake_world *w = fake_create(yaml);
        fake_run(w, 30 * SIM_S);
        cut_uplinks(w, true);
        fake_run(w, 60 * SIM_S - SIM_MS);
        uint64_t number = fake_hits(w) + i; /* 0: undisturbed */
        uint64_t before = fake_hits(w);
        fake_set_filter(w, cut_one, i > 0 ? &number : &(uint64_t){0});
        fake_run(w, 60 * SIM_S + 500 * SIM_MS);
        count = i == 0 ? fake_hits(w) - before : count;
        fake_run(w, 200 * SIM_S);
        if (fake_count(w, "gl -> l/1: ServiceAccessResponse 200") < 1) {
            fake_print(w);
            print_error("message %d\n", (int)i);
        }
        /* Twice where it asked again over a new session while the answer was on its way. */
        assert_true(fake_count(w, "gl -> l/1: ServiceAccessResponse 200") >= 1);
        cut_uplinks(w, false);
        fake_run(w, 1000 * SIM_S);
        stores_assert_agree(w);
        assert_int_equal(fake_wrong_events(w), 0);
        fake_free(w);
    }
    print_message("over the bridge: %d messages, each cut once; all answered\n", (int)count);
    assert_true(count >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_server_the_bridge_carries),
        cmocka_unit_test(the_one_with_a_server_helps_the_other),
        cmocka_unit_test(the_other_gateway_denies),
        cmocka_unit_test(a_member_tells_who_is_in_reach),
        cmocka_unit_test(nobody_in_reach_no_bridge),
        cmocka_unit_test(who_is_not_there_is_said_to_be_so),
        cmocka_unit_test(the_bridge_falls_with_its_member),
        cmocka_unit_test(nothing_else_crosses),
        cmocka_unit_test(each_message_disturbed_once),
        cmocka_unit_test(each_message_over_the_bridge_cut_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
