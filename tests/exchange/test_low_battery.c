/* Flow 11, low battery (US9807158): a gateway that runs low is relieved by the member that has most
 * left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"
#include "tests/support/disturb.h"
#include "tests/support/stores.h"

/* The car's charge is %s at the start; phone and tablet could be the gateway. */
static const char car[] =
    "cpns: 1\n"
    "name: low\n"
    "run: {until: 6000 s, seed: 4}\n"
    "devices:\n"
    "  spent: {cpu: cortex-a76, battery: %s, energy: {capacity: 100 J}}\n"
    "  good: {cpu: cortex-a76, battery: 70 %%, energy: {capacity: 100 J}}\n"
    "  better: {cpu: cortex-a76, battery: 90 %%, energy: {capacity: 100 J}}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: car, role: gateway, device: spent, uplink: {to: srv, link: lte}}\n"
    "  - {id: unit, role: pne, count: 2, device: better, attach: {to: car, link: wlan}}\n"
    "  - {id: phone, role: pne, device: good, attach: {to: car, link: wlan},\n"
    "     standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"
    "  - {id: tablet, role: pne, device: better, attach: {to: car, link: wlan},\n"
    "     standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"
    "personal_networks:\n"
    "  - {id: car, gateway: car, establishment: {type: 2, by: unit/1, at: 1 s}}\n";

static struct fake_world *standing(const char *charge)
{
    char *yaml = mem_printf(car, charge);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    fake_run(w, 20 * SIM_S);
    assert_int_equal(stores_members(w, "car"), 4);
    return w;
}

static const char *gateway_of(struct fake_world *w, const char *pne)
{
    const struct pne *p = fake_state(w, pne);
    return fake_scenario(w)->nodes[p->gateway].id;
}

static void set_charge(struct fake_world *w, const char *name, int percent)
{
    fake_set_battery(w, fake_id(w, name), percent);
}

static void who_has_most_takes_over(void **state)
{
    (void)state;
    struct fake_world *w = standing("60 %");
    set_charge(w, "car", 20);
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "car -> srv: BatteryIndication",             /* 20 % */
                         "srv -> car: BatteryIndicationResponse 202",    /* */
                         "srv -> car: BatteryQuery",                     /* to each member */
                         "car -> unit/1: BatteryQuery",                  /* */
                         "tablet -> car: BatteryQueryResponse 200",      /* */
                         "car -> srv: BatteryQueryResponse 200",         /* */
                         "srv -> car: WakeUp",                           /* to the tablet */
                         "car -> tablet: WakeUp",                        /* */
                         "tablet -> car: WakeUpResponse 200",            /* */
                         "srv -> car: SwitchInstruction",                /* */
                         "car -> tablet: SwitchInstruction",             /* */
                         "tablet -> car: SwitchInstructionResponse 200", /* */
                         "tablet -> car: GWSwitchRequest",               /* flow 9 */
                         "car -> srv: SwitchInstructionResponse 200",    /* */
                         "srv -> car: BatteryIndicationResponse 200");
    static const char *const members[] = {"unit/1", "unit/2", "phone", "tablet"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(members); i++) {
        assert_string_equal(gateway_of(w, members[i]), "tablet.gw");
    }
    assert_int_equal(fake_count(w, "srv ! battery_relief: car"), 1);
    assert_int_equal(fake_count(w, "srv -> car: BatteryQuery"), 4);
    assert_int_equal(fake_count(w, "car -> phone: WakeUp"), 0);
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* The units have as much as the tablet, and no gateway. Without the tablet it is the phone. */
static void who_does_not_answer_is_passed_over(void **state)
{
    (void)state;
    struct fake_world *w = standing("60 %");
    fake_set_silent(w, fake_id(w, "tablet"), true);
    set_charge(w, "car", 18);
    fake_run(w, 120 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! battery_relief: car"), 1);
    assert_string_equal(gateway_of(w, "phone"), "phone.gw");
    assert_string_equal(gateway_of(w, "unit/1"), "phone.gw");
    fake_free(w);
}

static enum fake_fate refuse(void *arg, struct fake_hit *hit)
{
    const char *type = arg;
    struct cpns_message m;
    struct buf changed = {0};
    if (strcmp(hit->type, type) != 0 || hit->status != 200) {
        return FAKE_PASS;
    }
    assert_int_equal(
        cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
    cpns_set_integer(&m, CPNS_STATUS, 409);
    assert_int_equal(cpns_encode(&m, (enum cpns_encoding)hit->encoding, &changed, NULL), 0);
    cpns_message_fini(&m);
    buf_clear(hit->payload);
    buf_move(hit->payload, &changed);
    buf_fini(&changed);
    return FAKE_PASS;
}

/* Who refuses to wake up is not asked again; then there is nobody. */
static void when_all_refuse_the_gateway_stays(void **state)
{
    (void)state;
    static const char type[] = "WakeUpResponse";
    struct fake_world *w = standing("60 %");
    fake_set_filter(w, refuse, (void *)(uintptr_t)type);
    set_charge(w, "car", 18);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(fake_count(w, "car -> tablet: WakeUp"), 3); /* asked three times, each once */
    assert_int_equal(fake_count(w, "car -> phone: WakeUp"), 3);
    assert_int_equal(fake_count(w, "srv -> car: BatteryIndicationResponse 404"), 3);
    assert_string_equal(gateway_of(w, "unit/1"), "car");
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    /* Half of that is another reason to ask. */
    set_charge(w, "car", 9);
    fake_run(w, 310 * SIM_S);
    assert_int_equal(fake_count(w, "srv -> car: BatteryIndicationResponse 404"), 4);
    fake_free(w);
}

static void who_has_less_does_not_take_over(void **state)
{
    (void)state;
    struct fake_world *w = standing("60 %");
    set_charge(w, "phone", 12);
    set_charge(w, "tablet", 15);
    fake_run(w, 25 * SIM_S);
    set_charge(w, "car", 15);
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "car -> tablet: WakeUp"), 0);
    assert_true(fake_count(w, "srv ! battery_no_relief: car") >= 1);
    assert_string_equal(gateway_of(w, "unit/1"), "car");
    fake_free(w);
}

static void a_pne_says_it_too(void **state)
{
    (void)state;
    struct fake_world *w = standing("60 %");
    set_charge(w, "unit/1", 21);
    fake_run(w, 25 * SIM_S);
    assert_int_equal(fake_count(w, "unit/1 -> car: BatteryIndication"), 0);
    set_charge(w, "unit/1", 20);
    fake_run(w, 30 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "unit/1 -> car: BatteryIndication", "srv ! battery_low: unit/1",
                         "car -> unit/1: BatteryIndicationResponse 200");
    assert_int_equal(fake_count(w, "srv -> car: BatteryQuery"), 0);
    stores_assert_agree(w);
    fake_free(w);
}

/* Low from the beginning: relieved as soon as the network stands. */
static void low_from_the_beginning(void **state)
{
    (void)state;
    struct fake_world *w = standing("15 %");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! battery_relief: car"), 1);
    assert_string_equal(gateway_of(w, "unit/1"), "tablet.gw");
    stores_assert_agree(w);
    fake_free(w);
}

static const char *is_relieved(struct fake_world *w)
{
    static char text[80];
    static const char *const members[] = {"unit/1", "unit/2", "phone", "tablet"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(members); i++) {
        const char *gateway = gateway_of(w, members[i]);
        if (strcmp(gateway, "tablet.gw") != 0 && strcmp(gateway, "phone.gw") != 0) {
            snprintf(text, sizeof(text), "%s is still at %s", members[i], gateway);
            return text;
        }
    }
    return stores_members(w, "car") == 4 ? "" : "a member is missing";
}

static void each_message_disturbed(void **state)
{
    (void)state;
    char *yaml = mem_printf(car, "15 %");
    /* From the network's registration until the instruction has been followed. */
    struct fake_world *w = fake_create(yaml);
    sim_time from = 0;
    while (fake_count(w, "car ! pn_established") == 0) {
        from += 10 * SIM_MS;
        fake_run(w, from);
    }
    fake_free(w);
    disturb_each(&(struct disturb){.name = "low battery",
                                   .yaml = yaml,
                                   .from = from,
                                   .to = from + 400 * SIM_MS,
                                   .until = 1500 * SIM_S,
                                   .least = 20,
                                   .check = is_relieved});
    free(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_most_takes_over),
        cmocka_unit_test(who_does_not_answer_is_passed_over),
        cmocka_unit_test(when_all_refuse_the_gateway_stays),
        cmocka_unit_test(who_has_less_does_not_take_over),
        cmocka_unit_test(a_pne_says_it_too),
        cmocka_unit_test(low_from_the_beginning),
        cmocka_unit_test(each_message_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
