/* DeviceCapabilities (US9131360): a server asks gateways and PNEs what their devices can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

#define HOUSE                                                                                      \
    "cpns: 1\n"                                                                                    \
    "name: capabilities\n"                                                                         \
    "run: {until: 900 s, seed: 4}\n"                                                               \
    "devices:\n"                                                                                   \
    "  tablet: {cpu: cortex-a76, battery: 40 %, media: video}\n"                                   \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, device: tablet, uplink: {to: srv, link: fibre}}\n"                \
    "  - {id: p, role: pne, count: 2, device: tablet, encoding: cbor, attach: {to: gw, link: "     \
    "wlan}}\n"                                                                                     \
    "personal_networks:\n"

#define ASKED                                                                                      \
    HOUSE "  - {id: home, gateway: gw, establishment: {at: 1 s}}\n"                                \
          "workload:\n"

static const char asked_pne[] =
    ASKED "  - {at: 20 s, do: device-capabilities, from: srv, to: p/1}\n"
          "  - {at: 40 s, do: device-capabilities, from: srv, to: p/1}\n";

static const struct capability_known *known(struct fake_world *w, const char *who)
{
    const struct server *s = fake_state(w, "srv");
    return capability_find(&s->devices, fake_id(w, who));
}

static void a_pne_is_asked_through_its_gateway(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(asked_pne);
    fake_run(w, 30 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "srv -> gw: DeviceCapabilitiesRequest", "gw -> p/1: DeviceCapabilitiesRequest",
        "p/1 -> gw: DeviceCapabilitiesResponse 200", "gw -> srv: DeviceCapabilitiesResponse 200",
        "srv ! capabilities_known: p/1");
    assert_string_equal(known(w, "p/1")->items,
                        "role=pne encoding=cbor link=wlan cpu=cortex-a76 media=video");
    assert_int_equal(known(w, "p/1")->battery, 40);
    /* The second time the gateway knows: nothing goes to the PNE. */
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! capabilities_known: p/1"), 2);
    assert_int_equal(fake_count(w, "gw -> p/1: DeviceCapabilitiesRequest"), 1);
    assert_string_equal(known(w, "p/1")->items,
                        "role=pne encoding=cbor link=wlan cpu=cortex-a76 media=video");
    assert_int_equal(known(w, "p/1")->battery, -1); /* that changes, and only the PNE can say */
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void a_gateway_answers_for_itself(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(ASKED "  - {at: 20 s, do: device-capabilities, from: srv, to: gw}\n");
    fake_run(w, 30 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw: DeviceCapabilitiesRequest",
                         "gw -> srv: DeviceCapabilitiesResponse 200");
    assert_int_equal(fake_count(w, "gw -> p/1: DeviceCapabilitiesRequest"), 0);
    assert_string_equal(known(w, "gw")->items,
                        "role=pn_gw encoding=xml link=fibre link=wlan cpu=cortex-a76 media=video");
    stores_assert_agree(w);
    fake_free(w);
}

static void members_are_asked_after_their_registration(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(HOUSE "  - {id: home, gateway: gw, capabilities: "
                                             "after-registration, establishment: {at: 1 s}}\n");
    fake_run(w, 30 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! capabilities_known"), 2);
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw: RegistrationResponse 200",
                         "srv -> gw: DeviceCapabilitiesRequest", "srv ! capabilities_known: p/1");
    assert_non_null(known(w, "p/2"));
    /* Nor again when the lease is renewed. */
    fake_run(w, 4000 * SIM_S);
    assert_true(fake_count(w, "gw -> srv: RegistrationRequest") > 2);
    assert_int_equal(fake_count(w, "srv ! capabilities_known"), 2);
    stores_assert_agree(w);
    fake_free(w);
}

/* Not in a PN, and not behind a session any more. */
static void who_cannot_be_asked_is_not_known(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {id: home, gateway: gw, members: p/1, establishment: {at: 1 s}}\n"
                          "workload:\n"
                          "  - {at: 20 s, do: device-capabilities, from: srv, to: p/2}\n"
                          "  - {at: 30 s, do: device-capabilities, from: srv, to: p/1}\n");
    fake_run(w, 25 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! work_skipped: device-capabilities"), 1);
    fake_set_link(w, fake_id(w, "p/1"), false);
    fake_run(w, 40 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw: DeviceCapabilitiesRequest refused: 503",
                         "gw -> srv: DeviceCapabilitiesResponse 503",
                         "srv ! capabilities_unknown: p/1");
    assert_null(known(w, "p/1"));
    fake_free(w);
}

static enum fake_fate to_nobody(void *arg, struct fake_hit *hit)
{
    (void)arg;
    return strcmp(hit->type, "DeviceCapabilitiesResponse") == 0 ? FAKE_DROP : FAKE_PASS;
}

static void nobody_waits_for_ever(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(asked_pne);
    fake_set_filter(w, to_nobody, NULL);
    fake_run(w, 300 * SIM_S);
    /* 20 s: three tries of 5, 10 and 20 s; the next question falls into them. */
    assert_int_equal(fake_count(w, "srv -> gw: DeviceCapabilitiesRequest"), 3);
    assert_int_equal(fake_count(w, "srv ! capabilities_unknown: p/1"), 1);
    assert_null(known(w, "p/1"));
    stores_assert_agree(w);
    fake_free(w);
}

static void put(struct fake_world *w, const char *from, const char *to, enum cpns_type type,
                const char *origin, const char *target, int status)
{
    struct cpns_message m;
    struct buf out = {0};
    cpns_message_init(&m, type);
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, 77);
    cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, origin));
    cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, target));
    cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 8);
    if (status != 0) {
        cpns_set_integer(&m, CPNS_STATUS, status);
    }
    assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(&m);
    fake_inject(w, fake_id(w, from), fake_id(w, to), fake_urn(w, from), CPNS_XML, buf_span(&out));
    buf_fini(&out);
    fake_run(w, fake_now(w) + SIM_S);
}

static void strangers_and_late_answers_change_nothing(void **state)
{
    (void)state;
    struct fake_world *w =
        fake_create(HOUSE "  - {id: home, gateway: gw, members: p/1, establishment: {at: 1 s}}\n");
    fake_run(w, 10 * SIM_S);
    /* srv --> gateway: about somebody that is no member */
    put(w, "srv", "gw", CPNS_DEVICE_CAPABILITIES_REQUEST, "srv", "p/2", 0);
    assert_int_equal(fake_count(w, "gw -> srv: DeviceCapabilitiesResponse 404"), 1);
    /* gateway --> srv: what nobody asked for, also in the name of another */
    put(w, "gw", "srv", CPNS_DEVICE_CAPABILITIES_RESPONSE, "p/1", "srv", 200);
    put(w, "gw", "srv", CPNS_DEVICE_CAPABILITIES_RESPONSE, "p/2", "srv", 200);
    assert_int_equal(fake_count(w, "gw -> srv: DeviceCapabilitiesResponse 200 refused: 403"), 1);
    assert_null(known(w, "p/1"));
    assert_null(known(w, "p/2"));
    stores_assert_agree(w);
    fake_free(w);
}

/* A server cannot open the session with its gateway: where that broke it learns nothing, and says
 * so. */
static const char *is_settled(struct fake_world *w)
{
    return known(w, "p/1") != NULL || fake_count(w, "srv ! capabilities_unknown: p/1") > 0
               ? ""
               : "the server neither knows nor says that it does not";
}

static void each_message_disturbed_once(void **state)
{
    (void)state;
    const struct disturb d = {.name = "device capabilities",
                              .yaml = asked_pne,
                              .from = 19 * SIM_S,
                              .to = 60 * SIM_S,
                              .until = 800 * SIM_S,
                              .least = 6,
                              .check = is_settled};
    disturb_each(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pne_is_asked_through_its_gateway),
        cmocka_unit_test(a_gateway_answers_for_itself),
        cmocka_unit_test(members_are_asked_after_their_registration),
        cmocka_unit_test(who_cannot_be_asked_is_not_known),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(strangers_and_late_answers_change_nothing),
        cmocka_unit_test(each_message_disturbed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
