/* Flow 9, gateway switching (US9491140): planned and after a loss, two candidates at once, and each
 * of its messages cut, repeated and late once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"
#include "tests/support/stores.h"

#define CAR                                                                                        \
    "cpns: 1\n"                                                                                    \
    "name: switching\n"                                                                            \
    "run: {until: 6000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: car, role: gateway, uplink: {to: srv, link: lte}}\n"                                 \
    "  - {id: unit, role: pne, count: 2, attach: {to: car, link: wlan}}\n"                         \
    "  - {id: phone, role: pne, attach: {to: car, link: wlan},\n"                                  \
    "     standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"                                  \
    "  - {id: tablet, role: pne, attach: {to: car, link: wlan},\n"                                 \
    "     standby: {link: wlan, uplink: {to: srv, link: lte}}}\n"                                  \
    "personal_networks:\n"                                                                         \
    "  - {id: car, gateway: car, establishment: {at: 1 s}}\n"                                      \
    "service_groups:\n"                                                                            \
    "  - {id: g, owner: unit/1, members: [unit/2, phone], service: music}\n"

#define TO_PHONE "  - {at: 20 s, do: gateway-switch, pn: car, to: phone}\n"
#define SERVICES                                                                                   \
    "  - {every: 7 s, start: 10 s, do: service-access, from: [unit/*, phone, tablet], to: srv, "   \
    "size: 9 B}\n"

static const char planned[] = CAR "workload:\n" TO_PHONE;
static const char idle[] = CAR;

static struct fake_world *standing(const char *yaml)
{
    struct fake_world *w = fake_create(yaml);
    fake_run(w, 15 * SIM_S);
    assert_int_equal(stores_members(w, "car"), 4);
    assert_int_equal(stores_group_members(w, "g"), 3);
    stores_assert_agree(w);
    return w;
}

static const char *gateway_of(struct fake_world *w, const char *pne)
{
    const struct pne *p = fake_state(w, pne);
    return fake_scenario(w)->nodes[p->gateway].id;
}

static void assert_gateway(struct fake_world *w, const char *gateway)
{
    static const char *const pnes[] = {"unit/1", "unit/2", "phone", "tablet"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(pnes); i++) {
        if (fake_is_silent(w, fake_id(w, pnes[i]))) {
            continue;
        }
        if (strcmp(gateway_of(w, pnes[i]), gateway) != 0) {
            fake_print(w);
        }
        assert_string_equal(gateway_of(w, pnes[i]), gateway);
        assert_int_equal(((const struct pne *)fake_state(w, pnes[i]))->state, PNE_JOINED);
    }
}

/* --- as it should go ----------------------------------------------------------------------- */

static void the_candidate_takes_over_with_consent(void **state)
{
    (void)state;
    struct fake_world *w = standing(planned);
    fake_run(w, 25 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "phone -> car: GWSwitchRequest", "car -> phone: GWSwitchResponse 200",
        "phone -> phone.gw: GWSwitchRequest", "phone.gw <=> srv",
        "phone.gw -> srv: GWSwitchRequest", "srv -> phone.gw: AuthenticationRequest",
        "phone.gw -> phone: AuthenticationRequest", "phone -> phone.gw: AuthenticationResponse",
        "phone.gw -> srv: AuthenticationResponse", "srv -> car: GWSwitchRequest",
        "car pn car: ACTIVE -> NONE", "car -> srv: GWSwitchResponse 200",
        "srv ! gateway_switched: car", "srv -> phone.gw: GWSwitchResponse 200",
        "phone.gw pn car: NONE -> ACTIVE", "phone.gw -> phone: GWSwitchResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "car -> unit/1: GWChange", "unit/1 closes car: gateway_switched",
                         "unit/1 <=> phone.gw", "unit/1 -> phone.gw: KeepAlive",
                         "phone.gw -> unit/1: KeepAlive 200");
    assert_gateway(w, "phone.gw");
    assert_int_equal(stores_members(w, "car"), 4);
    assert_int_equal(stores_group_members(w, "g"), 3);
    assert_false(fake_connected(w, "unit/1"));
    assert_true(fake_hop_connected(w, "unit/1", "phone.gw"));
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void services_and_groups_go_on_through_the_new_gateway(void **state)
{
    (void)state;
    struct fake_world *w =
        standing(CAR "workload:\n" TO_PHONE
                     "  - {at: 30 s, do: service-access, from: unit/1, to: tablet, size: 9 B}\n"
                     "  - {at: 31 s, do: group-message, from: unit/2, to: g, size: 9 B}\n"
                     "  - {at: 32 s, do: group-message, from: phone, to: g, size: 9 B}\n");
    fake_run(w, 40 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "unit/1 -> phone.gw: ServiceAccessRequest", "phone.gw -> srv: ServiceAccessRequest",
        "srv -> phone.gw: ServiceAccessRequest", "phone.gw -> tablet: ServiceAccessRequest",
        "phone.gw -> unit/1: ServiceAccessResponse 200");
    assert_int_equal(fake_count(w, "phone.gw -> unit/1: SGMessage"), 2);
    assert_int_equal(fake_count(w, "phone.gw -> phone: SGMessage"), 1);
    assert_int_equal(fake_count(w, "phone.gw -> unit/2: SGMessage"), 1);
    fake_free(w);
}

/* A request every 10 ms all through the switch: each is answered, some with an interruption. */
static void what_is_under_way_is_repeated(void **state)
{
    (void)state;
    struct fake_world *w =
        standing(CAR "workload:\n" TO_PHONE
                     "  - {every: 10 ms, start: 19 s, count: 300, do: service-access, from: "
                     "unit/1, to: srv, size: 9 B}\n");
    fake_run(w, 60 * SIM_S);
    uint32_t old = fake_count(w, "car -> unit/1: ServiceAccessResponse 200");
    uint32_t now = fake_count(w, "phone.gw -> unit/1: ServiceAccessResponse 200");
    assert_true(old > 50 && now > 50);
    assert_true(old + now >= 300); /* a repeated one may be answered twice */
    assert_int_equal(fake_count(w, "unit/1 ! work_skipped"), 0);
    assert_true(fake_flows_interrupted(w, "service-access") > 0);
    stores_assert_agree(w);
    fake_free(w);
}

static void one_may_switch_again(void **state)
{
    (void)state;
    struct fake_world *w = standing(CAR "workload:\n" TO_PHONE
                                        "  - {at: 30 s, do: gateway-switch, pn: car, to: tablet}\n"
                                        "  - {at: 40 s, do: gateway-switch, pn: car, to: phone}\n"
                                        "  - {at: 50 s, do: gateway-switch, pn: car, to: phone}\n");
    fake_run(w, 35 * SIM_S);
    assert_gateway(w, "tablet.gw");
    stores_assert_agree(w);
    fake_run(w, 45 * SIM_S);
    assert_gateway(w, "phone.gw");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(
        fake_count(w, "phone ! work_skipped: gateway-switch: it is the gateway already"), 1);
    assert_int_equal(stores_members(w, "car"), 4);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- who may ------------------------------------------------------------------------------- */

static void one_candidate_at_a_time(void **state)
{
    (void)state;
    struct fake_world *w = standing(
        CAR "workload:\n" TO_PHONE "  - {at: 20 s, do: gateway-switch, pn: car, to: tablet}\n");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "car -> phone: GWSwitchResponse 200"), 1);
    assert_int_equal(fake_count(w, "car -> tablet: GWSwitchResponse 409"), 1);
    assert_int_equal(fake_count(w, "tablet ! gateway_switch_failed: refused"), 1);
    assert_gateway(w, "phone.gw");
    stores_assert_agree(w);
    fake_free(w);
}

struct spoiled {
    const char *type;
    entity_id from;
    uint32_t times;
};

/* The device answers the server's challenge with other octets. */
static enum fake_fate spoil_answer(void *arg, struct fake_hit *hit)
{
    struct spoiled *s = arg;
    if (hit->from == s->from && strcmp(hit->type, s->type) == 0) {
        struct cpns_message m;
        static const uint8_t other[32] = {1, 2, 3};
        assert_int_equal(
            cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
        struct cpns_message again;
        cpns_message_init(&again, m.type);
        for (enum cpns_field f = CPNS_TRANSACTION_ID; f < CPNS_FIELD_COUNT; f++) {
            if (!cpns_has(&m, f)) {
                continue;
            }
            switch (cpns_field_info(f)->kind) {
            case CPNS_INTEGER:
                cpns_set_integer(&again, f, cpns_integer(&m, f));
                break;
            case CPNS_TEXT:
                cpns_set_span(&again, f, cpns_text(&m, f));
                break;
            case CPNS_BYTES:
                cpns_set_bytes(&again, f, span_of(other, sizeof(other)));
                break;
            case CPNS_TEXT_LIST:
                break;
            }
        }
        buf_clear(hit->payload);
        assert_int_equal(cpns_encode(&again, (enum cpns_encoding)hit->encoding, hit->payload, NULL),
                         0);
        cpns_message_fini(&again);
        cpns_message_fini(&m);
        s->times++;
    }
    return FAKE_PASS;
}

static void a_device_that_cannot_prove_itself_takes_nothing(void **state)
{
    (void)state;
    struct fake_world *w = standing(planned);
    struct spoiled s = {.type = "AuthenticationResponse", .from = fake_id(w, "phone.gw")};
    fake_set_filter(w, spoil_answer, &s);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(s.times, 1);
    FAKE_ASSERT_EXCHANGE(w, "srv ! authentication_failed: phone",
                         "phone.gw ! take_over_failed: car",
                         "phone ! gateway_switch_failed: refused");
    assert_int_equal(fake_count(w, "srv -> car: GWSwitchRequest"), 0);
    assert_gateway(w, "car");
    assert_int_equal(stores_members(w, "car"), 4);
    stores_assert_agree(w);
    fake_free(w);
}

/* A gateway that asks the server although the old one has not agreed, and is there. */
static void without_consent_nothing_changes(void **state)
{
    (void)state;
    struct fake_world *w = standing(idle);
    struct cpns_message m;
    struct buf out = {0};
    cpns_message_init(&m, CPNS_GW_SWITCH_REQUEST);
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, 77);
    cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, "phone.gw"));
    cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, "srv"));
    cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 8);
    cpns_set_text(&m, CPNS_PN_ID, fake_pn_urn(w, "car"));
    cpns_set_text(&m, CPNS_CANDIDATE_ID, fake_urn(w, "phone"));
    assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(&m);
    fake_connect(w, "phone.gw", "srv");
    fake_run(w, 16 * SIM_S);
    fake_inject(w, fake_id(w, "phone.gw"), fake_id(w, "srv"), fake_urn(w, "phone.gw"), CPNS_XML,
                buf_span(&out));
    buf_fini(&out);
    fake_run(w, 100 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> car: GWSwitchRequest", "car -> srv: GWSwitchResponse 409",
                         "srv -> phone.gw: GWSwitchResponse 409");
    assert_gateway(w, "car");
    stores_assert_agree(w);
    fake_free(w);
}

/* --- the gateway is lost ------------------------------------------------------------------- */

/* Nobody serves the PN any more: the first that could is asked to, and that is the car's own when
 * it is back, else the phone. */
static void a_silent_gateway_is_replaced(void **state)
{
    (void)state;
    struct fake_world *w = standing(CAR "workload:\n" SERVICES);
    fake_set_silent(w, fake_id(w, "car"), true);
    fake_run(w, 300 * SIM_S);
    assert_gateway(w, "phone.gw");
    assert_int_equal(stores_members(w, "car"), 4);
    assert_int_equal(fake_count(w, "srv ! gateway_switched: car"), 1);
    stores_assert_agree(w);
    /* it goes on, and is told */
    fake_set_silent(w, fake_id(w, "car"), false);
    fake_run(w, 700 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> car: GWSwitchRequest", "car ! gateway_handed_over: car",
                         "car -> srv: GWSwitchResponse 200");
    assert_gateway(w, "phone.gw");
    assert_int_equal(stores_members(w, "car"), 4);
    stores_assert_agree(w);
    /* and so is the phone: back to the car */
    fake_set_silent(w, fake_id(w, "phone"), true);
    fake_set_silent(w, fake_id(w, "phone.gw"), true);
    fake_run(w, 1100 * SIM_S);
    assert_gateway(w, "car");
    stores_assert_agree(w);
    fake_set_silent(w, fake_id(w, "phone"), false);
    fake_set_silent(w, fake_id(w, "phone.gw"), false);
    fake_run(w, 2000 * SIM_S);
    assert_gateway(w, "car");
    assert_int_equal(stores_members(w, "car"), 4);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void services_wait_for_the_new_gateway(void **state)
{
    (void)state;
    struct fake_world *w = standing(CAR "workload:\n" SERVICES);
    fake_set_silent(w, fake_id(w, "car"), true);
    fake_run(w, 400 * SIM_S);
    assert_gateway(w, "phone.gw");
    assert_true(fake_count(w, "phone.gw -> unit/1: ServiceAccessResponse 200") > 20);
    assert_true(fake_flows_interrupted(w, "service-access") > 0);
    fake_free(w);
}

/* The links to the gateway are down for good; sessions break at once. */
static void a_gateway_out_of_reach_is_replaced(void **state)
{
    (void)state;
    static const char *const pnes[] = {"unit/1", "unit/2", "phone", "tablet"};
    struct fake_world *w = standing(CAR "workload:\n" SERVICES);
    for (size_t i = 0; i < SIM_ARRAY_LEN(pnes); i++) {
        fake_set_link(w, fake_id(w, pnes[i]), false);
    }
    fake_run(w, 600 * SIM_S);
    assert_gateway(w, "phone.gw");
    assert_int_equal(stores_members(w, "car"), 4);
    fake_free(w);
}

/* The gateway is there, but its server is not: its members leave it for one that has one, and it
 * hears of it when its uplink is back. */
static void a_gateway_that_is_cut_off_is_left(void **state)
{
    (void)state;
    struct fake_world *w = standing(CAR "workload:\n" SERVICES);
    fake_set_link(w, fake_id(w, "car"), false);
    fake_run(w, 200 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "car ! gateway_cut_off: car", "car -> unit/1: KeepAlive 503",
                         "car -> unit/1: EntityDiscoveryResponse 503",
                         "phone.gw -> unit/1: EntityDiscoveryResponse 404",
                         "unit/1 -> phone.gw: PNEstablishmentRequest");
    assert_gateway(w, "phone.gw");
    assert_int_equal(stores_members(w, "car"), 4);
    fake_set_link(w, fake_id(w, "car"), true);
    fake_run(w, 600 * SIM_S);
    assert_int_equal(fake_count(w, "car ! gateway_handed_over: car"), 1);
    assert_gateway(w, "phone.gw");
    fake_free(w);
}

/* One that cannot reach the gateway, while the others can, takes nothing away from them. */
static void the_others_keep_their_gateway(void **state)
{
    (void)state;
    struct fake_world *w = standing(CAR "workload:\n" SERVICES);
    fake_set_link(w, fake_id(w, "phone"), false);
    fake_run(w, 600 * SIM_S);
    assert_string_equal(gateway_of(w, "unit/1"), "car");
    assert_string_equal(gateway_of(w, "tablet"), "car");
    assert_true(fake_count(w, "srv -> phone.gw: GWSwitchResponse 409") >= 1);
    assert_int_equal(fake_count(w, "srv ! gateway_switched"), 0);
    fake_set_link(w, fake_id(w, "phone"), true);
    fake_meet(w, fake_id(w, "phone"));
    fake_run(w, 620 * SIM_S);
    assert_gateway(w, "car");
    assert_int_equal(stores_members(w, "car"), 4);
    fake_free(w);
}

/* PNEs that have lost their gateway meet another that could be it. */
static void who_meets_a_capable_member_joins_by_itself(void **state)
{
    (void)state;
    struct fake_world *w = standing(idle);
    static const char *const pnes[] = {"unit/1", "unit/2", "tablet"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(pnes); i++) {
        fake_set_hop(w, fake_id(w, pnes[i]), fake_id(w, "phone.gw"), false);
        if (i < 2) {
            fake_set_hop(w, fake_id(w, pnes[i]), fake_id(w, "tablet.gw"), false);
        }
    }
    fake_set_silent(w, fake_id(w, "car"), true);
    fake_run(w, 1000 * SIM_S);
    assert_true(fake_count(w, "unit/1 ! establishment_failed") >= 1);
    fake_set_hop(w, fake_id(w, "unit/1"), fake_id(w, "phone.gw"), true);
    fake_meet_hop(w, fake_id(w, "unit/1"), fake_id(w, "phone.gw"));
    fake_run(w, 1060 * SIM_S);
    const struct pne *p = fake_state(w, "unit/1");
    assert_int_equal(p->state, PNE_JOINED);
    assert_string_equal(gateway_of(w, "unit/1"), "phone.gw");
    fake_free(w);
}

/* --- each message once --------------------------------------------------------------------- */

struct disturbance {
    uint64_t from, number; /* of the transmission */
    enum fake_fate fate;
    char what[80];
};

static enum fake_fate disturb(void *arg, struct fake_hit *hit)
{
    struct disturbance *d = arg;
    if (hit->number != d->from + d->number) {
        return FAKE_PASS;
    }
    snprintf(d->what, sizeof(d->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
    return d->fate == FAKE_CUT && !hit->in_session ? FAKE_DROP : d->fate;
}

/* How a switch begins, and the gateways that may have the PN in the end. */
struct course {
    const char *name, *yaml;
    bool crash, both; /* the car's gateway hangs at 20 s, and the phone with it */
};

static void run_course(struct fake_world *w, const struct course *c, sim_time until)
{
    fake_run(w, 20 * SIM_S - 1);
    if (c->crash) {
        fake_set_silent(w, fake_id(w, "car"), true);
    }
    if (c->both) {
        fake_set_silent(w, fake_id(w, "phone"), true);
        fake_set_silent(w, fake_id(w, "phone.gw"), true);
    }
    fake_run(w, until);
}

static void disturb_each(const struct course *c, enum fake_fate fate, const char *word)
{
    int bad = 0;
    struct fake_world *w = fake_create(c->yaml);
    fake_run(w, 20 * SIM_S - 1);
    uint64_t before = fake_hits(w);
    fake_free(w);
    w = fake_create(c->yaml);
    run_course(w, c, c->crash ? 250 * SIM_S : 30 * SIM_S);
    uint64_t hits = fake_hits(w) - before;
    fake_free(w);
    assert_true(hits >= 15);
    for (uint64_t i = 1; i <= hits; i++) {
        w = fake_create(c->yaml);
        struct disturbance d = {.from = before, .number = i, .fate = fate};
        fake_set_filter(w, disturb, &d);
        run_course(w, c, 1500 * SIM_S);
        const char *found = stores_disagreement(w);
        char text[80] = "";
        if (found[0] == '\0' && stores_members(w, "car") != 4) {
            snprintf(text, sizeof(text), "%zu members", stores_members(w, "car"));
            found = text;
        } else if (found[0] == '\0' && stores_group_members(w, "g") != 3) {
            snprintf(text, sizeof(text), "%zu in the group", stores_group_members(w, "g"));
            found = text;
        } else if (found[0] == '\0' && c->crash && strcmp(gateway_of(w, "unit/1"), "car") == 0) {
            found = "nobody has taken over";
        }
        if (found[0] != '\0') {
            print_error("%s, %s, message %d (%s): %s\n", c->name, word, (int)i, d.what, found);
            bad++;
        }
        fake_assert_account(w);
        fake_free(w);
    }
    print_message("%s, %s: %d messages, %d left stores that disagree or somebody who waits\n",
                  c->name, word, (int)hits, bad);
    assert_int_equal(bad, 0);
}

static const struct course courses[] = {
    {.name = "planned", .yaml = planned},
    {.name = "two candidates",
     .yaml =
         CAR "workload:\n" TO_PHONE "  - {at: 20 s, do: gateway-switch, pn: car, to: tablet}\n"},
    {.name = "crash", .yaml = idle, .crash = true},
    {.name = "crash of two", .yaml = idle, .crash = true, .both = true},
};

static void each_message_cut_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(courses); i++) {
        disturb_each(&courses[i], FAKE_CUT, "cut");
    }
}

static void each_message_repeated_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(courses); i++) {
        disturb_each(&courses[i], FAKE_TWICE, "repeated");
    }
}

static void each_message_late_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(courses); i++) {
        disturb_each(&courses[i], FAKE_LATE, "late");
    }
}

/* --- somebody dies in the middle ------------------------------------------------------------ */

struct death {
    struct fake_world *w;
    uint64_t number; /* of the transmission that is the last of its sender or receiver */
    bool sender;
    entity_id who; /* ENTITY_NONE: nobody yet */
    char what[80];
};

static void set_device(struct fake_world *w, entity_id id, bool silent)
{
    uint32_t twin = fake_scenario(w)->nodes[id].twin;
    fake_set_silent(w, id, silent);
    if (twin != SCENARIO_NONE) {
        fake_set_silent(w, twin, silent);
    }
}

static enum fake_fate die(void *arg, struct fake_hit *hit)
{
    struct death *d = arg;
    if (hit->number == d->number) {
        d->who = d->sender ? hit->from : hit->to;
        snprintf(d->what, sizeof(d->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
        if (fake_scenario(d->w)->nodes[d->who].role == ROLE_SERVER) {
            d->who = ENTITY_NONE;
        } else {
            set_device(d->w, d->who, true);
        }
    }
    return FAKE_PASS;
}

/* Each device that takes part in a planned switch hangs at each of its messages, for long; the
 * others have a gateway before it goes on, and all agree afterwards. */
static void who_dies_in_the_middle_holds_nobody_up(void **state)
{
    (void)state;
    static const char yaml[] = CAR "workload:\n" TO_PHONE SERVICES;
    struct fake_world *w = fake_create(yaml);
    fake_run(w, 20 * SIM_S - 1);
    uint64_t before = fake_hits(w);
    fake_run(w, 21 * SIM_S);
    uint64_t hits = fake_hits(w) - before;
    fake_free(w);
    int bad = 0;
    int deaths = 0;
    for (uint64_t i = 1; i <= 2 * hits; i++) {
        w = fake_create(yaml);
        struct death d = {
            .w = w, .number = before + (i + 1) / 2, .sender = i % 2 == 0, .who = ENTITY_NONE};
        fake_set_filter(w, die, &d);
        fake_run(w, 1000 * SIM_S);
        const char *found = d.who != ENTITY_NONE ? stores_disagreement(w) : "";
        /* services go on all the time: somebody may wait for an answer */
        bool waits = strstr(found, "waits for an answer") != NULL || strstr(found, "is open");
        deaths += d.who != ENTITY_NONE;
        if (d.who != ENTITY_NONE && (found[0] == '\0' || waits)) {
            set_device(w, d.who, false);
            fake_run(w, 2000 * SIM_S);
            found = stores_disagreement(w);
            waits = strstr(found, "waits for an answer") != NULL || strstr(found, "is open");
        }
        if (found[0] != '\0' && !waits) {
            print_error("%s %s: %s\n", d.what, d.sender ? "sender" : "receiver", found);
            bad++;
        } else if (d.who != ENTITY_NONE && stores_members(w, "car") != 4) {
            print_error("%s: %zu members\n", d.what, stores_members(w, "car"));
            bad++;
        }
        fake_assert_account(w);
        fake_free(w);
    }
    print_message("%d deaths, %d left stores that disagree\n", deaths, bad);
    assert_true(deaths > 20);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_candidate_takes_over_with_consent),
        cmocka_unit_test(services_and_groups_go_on_through_the_new_gateway),
        cmocka_unit_test(what_is_under_way_is_repeated),
        cmocka_unit_test(one_may_switch_again),
        cmocka_unit_test(one_candidate_at_a_time),
        cmocka_unit_test(a_device_that_cannot_prove_itself_takes_nothing),
        cmocka_unit_test(without_consent_nothing_changes),
        cmocka_unit_test(a_silent_gateway_is_replaced),
        cmocka_unit_test(services_wait_for_the_new_gateway),
        cmocka_unit_test(a_gateway_out_of_reach_is_replaced),
        cmocka_unit_test(a_gateway_that_is_cut_off_is_left),
        cmocka_unit_test(the_others_keep_their_gateway),
        cmocka_unit_test(who_meets_a_capable_member_joins_by_itself),
        cmocka_unit_test(each_message_cut_once),
        cmocka_unit_test(each_message_repeated_once),
        cmocka_unit_test(each_message_late_once),
        cmocka_unit_test(who_dies_in_the_middle_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
