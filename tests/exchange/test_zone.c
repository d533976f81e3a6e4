/* Zone service (US8874142 US8837367 EP2367370): announcement, registration, information, and the
 * end of a visit. */
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

/* The second visitor stands by the mammoth, the third shows text. */
#define MUSEUM                                                                                     \
    "cpns: 1\n"                                                                                    \
    "name: zone\n"                                                                                 \
    "run: {until: 3000 s, seed: 4}\n"                                                              \
    "timers: {keep_alive: 10 s}\n"                                                                 \
    "devices:\n"                                                                                   \
    "  guide: {cpu: cortex-a76, media: audio}\n"                                                   \
    "  tablet: {cpu: cortex-a76, media: video}\n"                                                  \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: hall, role: gateway, uplink: {to: srv, link: fibre}, zone: {service: tour, "         \
    "announce: 10 s, information: 100 B, exhibits: [{id: trilobite, at: [-5 m, 0 m]}, {id: "       \
    "mammoth, at: [5 m, 0 m]}]}}\n"                                                                \
    "  - {id: a, role: pne, device: guide, attach: {to: hall, link: wlan}, position: [-4 m, 0 "    \
    "m]}\n"                                                                                        \
    "  - {id: b, role: pne, device: tablet, attach: {to: hall, link: wlan}, position: [6 m, 0 "    \
    "m]}\n"                                                                                        \
    "  - {id: c, role: pne, attach: {to: hall, link: wlan}}\n"                                     \
    "personal_networks:\n"                                                                         \
    "  - {id: visit, gateway: hall}\n"

struct absence {
    entity_id pne;
    bool away;
};

/* What a visitor that is away sends and is sent is lost; its session does not notice. */
static enum fake_fate lose(void *arg, struct fake_hit *hit)
{
    const struct absence *a = arg;
    return a->away && (hit->from == a->pne || hit->to == a->pne) ? FAKE_DROP : FAKE_PASS;
}

static bool is_in(struct fake_world *w, const char *who)
{
    const struct pne *p = fake_state(w, who);
    return p->state == PNE_JOINED;
}

static void visitors_wait_for_the_announcement(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(MUSEUM);
    fake_run(w, 30 * SIM_S);
    FAKE_ASSERT_EXCHANGE(
        w, "hall -> a: ZoneAnnouncement", "a -> hall: EntityDiscoveryRequest",
        "hall -> a: EntityDiscoveryResponse 200", "a <=> hall", "a -> hall: PNEstablishmentRequest",
        "hall -> srv: PNConnectionForwarded", "hall -> srv: RegistrationRequest",
        "hall -> a: PNEstablishmentResponse 200", "a -> hall: ZoneInfoRequest",
        "hall -> a: ZoneInfoResponse 200", "a ! zone_information: trilobite, 1.0 m away, as audio");
    assert_int_equal(fake_count(w, "b ! zone_information: mammoth, 1.0 m away, as video"), 1);
    assert_int_equal(fake_count(w, "c ! zone_information: trilobite as text"), 1);
    const struct pne *a = fake_state(w, "a");
    const struct pne *b = fake_state(w, "b");
    const struct pne *c = fake_state(w, "c");
    assert_true(a->zone_octets == 400 && b->zone_octets == 1000 && c->zone_octets == 100);
    assert_int_equal(stores_members(w, "visit"), 3);
    /* Who is in is not told again. */
    assert_int_equal(fake_count(w, "hall -> a: ZoneAnnouncement"), 1);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* Nobody begins by itself: without an announcement nothing is sent. */
static enum fake_fate no_announcement(void *arg, struct fake_hit *hit)
{
    (void)arg;
    return strcmp(hit->type, "ZoneAnnouncement") == 0 ? FAKE_DROP : FAKE_PASS;
}

static void who_hears_nothing_does_nothing(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(MUSEUM);
    fake_set_filter(w, no_announcement, NULL);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(fake_count(w, "a -> hall"), 0);
    assert_int_equal(stores_members(w, "visit"), 0);
    fake_set_filter(w, NULL, NULL);
    fake_run(w, 330 * SIM_S);
    assert_int_equal(stores_members(w, "visit"), 3);
    fake_free(w);
}

static void who_is_gone_is_registered_no_more(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(MUSEUM);
    struct absence away = {.pne = fake_id(w, "b")};
    fake_set_filter(w, lose, &away);
    fake_run(w, 60 * SIM_S);
    away.away = true;
    fake_set_link(w, away.pne, false);
    fake_run(w, 110 * SIM_S); /* three keep-alive periods, then the next announcement */
    FAKE_ASSERT_EXCHANGE(w, "hall ! visitor_gone: b", "hall -> srv: PNLeave",
                         "srv ! member_left: b", "srv -> hall: PNLeaveResponse 200");
    assert_int_equal(stores_members(w, "visit"), 2);
    assert_false(is_in(w, "b"));
    stores_assert_agree(w);
    uint32_t asked = fake_count(w, "b -> hall");
    fake_run(w, 400 * SIM_S);
    assert_int_equal(fake_count(w, "b -> hall"), asked); /* it does not call into the void */
    away.away = false;
    fake_set_link(w, away.pne, true);
    fake_meet(w, away.pne);
    fake_run(w, 430 * SIM_S);
    assert_int_equal(stores_members(w, "visit"), 3);
    assert_int_equal(fake_count(w, "b ! zone_information"), 2);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* Away for a while that the gateway notices and the visitor does not, or the other way round. */
static void short_absences_leave_nobody_behind(void **state)
{
    (void)state;
    for (int seconds = 5; seconds <= 95; seconds += 3) {
        struct fake_world *w = fake_create(MUSEUM);
        struct absence away = {.pne = fake_id(w, "b")};
        fake_set_filter(w, lose, &away);
        fake_run(w, 60 * SIM_S);
        away.away = true;
        fake_run(w, (60 + seconds) * SIM_S);
        away.away = false;
        fake_meet(w, away.pne);
        fake_run(w, (60 + seconds + 60) * SIM_S);
        if (stores_members(w, "visit") != 3) {
            fake_print(w);
            print_error("away for %d s\n", seconds);
        }
        assert_int_equal(stores_members(w, "visit"), 3);
        stores_assert_agree(w);
        assert_int_equal(fake_wrong_events(w), 0);
        fake_free(w);
    }
}

static void who_has_had_enough_stays_away(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(MUSEUM "workload:\n"
                                              "  - {at: 60 s, do: pn-leave, from: b, pn: visit}\n");
    fake_run(w, 200 * SIM_S);
    assert_int_equal(stores_members(w, "visit"), 2);
    assert_false(is_in(w, "b"));
    fake_meet(w, fake_id(w, "b")); /* it comes another day */
    fake_run(w, 230 * SIM_S);
    assert_true(is_in(w, "b"));
    stores_assert_agree(w);
    fake_free(w);
}

static void all_gone_and_the_next_one_comes(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(MUSEUM);
    fake_run(w, 60 * SIM_S);
    static const char *const all[] = {"a", "b", "c"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        fake_set_link(w, fake_id(w, all[i]), false);
    }
    fake_run(w, 200 * SIM_S);
    assert_int_equal(stores_members(w, "visit"), 0);
    assert_int_equal(fake_count(w, "srv ! pn_deleted: visit"), 1);
    stores_assert_agree(w);
    fake_set_link(w, fake_id(w, "c"), true);
    fake_run(w, 230 * SIM_S);
    assert_int_equal(stores_members(w, "visit"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

static void information_is_for_visitors(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(MUSEUM "workload:\n"
                                              "  - {at: 40 s, do: zone-info, from: a}\n");
    fake_set_filter(w, no_announcement, NULL);
    fake_run(w, 50 * SIM_S);
    assert_int_equal(fake_count(w, "a ! work_skipped: zone-info"), 1);
    /* a --> hall: ZoneInfoRequest, and it is no visitor */
    struct cpns_message m;
    struct buf out = {0};
    cpns_message_init(&m, CPNS_ZONE_INFO_REQUEST);
    cpns_set_integer(&m, CPNS_TRANSACTION_ID, 77);
    cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, "a"));
    cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, "hall"));
    cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 8);
    cpns_set_text(&m, CPNS_LOCATION, "here");
    assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(&m);
    fake_inject(w, fake_id(w, "a"), fake_id(w, "hall"), fake_urn(w, "a"), CPNS_XML, buf_span(&out));
    fake_run(w, 51 * SIM_S);
    assert_int_equal(fake_count(w, "a -> hall: ZoneInfoRequest refused: 403"), 1);
    /* The same from a visitor: a place that is no place is as none. */
    fake_set_filter(w, NULL, NULL);
    fake_run(w, 80 * SIM_S);
    fake_inject(w, fake_id(w, "a"), fake_id(w, "hall"), fake_urn(w, "a"), CPNS_XML, buf_span(&out));
    fake_run(w, 81 * SIM_S);
    assert_int_equal(fake_count(w, "hall -> a: ZoneInfoResponse 200"), 2);
    buf_fini(&out);
    stores_assert_agree(w);
    fake_free(w);
}

static const char *three(struct fake_world *w)
{
    return stores_members(w, "visit") == 3 ? "" : "not three visitors";
}

static const char *two(struct fake_world *w)
{
    return stores_members(w, "visit") == 2 ? "" : "not two visitors";
}

static void each_message_disturbed_once(void **state)
{
    (void)state;
    const struct disturb all[] = {
        {.name = "zone visit",
         .yaml = MUSEUM,
         .from = 0,
         .to = 15 * SIM_S,
         .until = 600 * SIM_S,
         .least = 30,
         .check = three},
        {.name = "zone left",
         .yaml = MUSEUM "workload:\n"
                        "  - {at: 60 s, do: pn-leave, from: b, pn: visit}\n",
         .from = 59 * SIM_S,
         .to = 62 * SIM_S,
         .until = 900 * SIM_S,
         .least = 4,
         .check = two},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(all); i++) {
        disturb_each(&all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visitors_wait_for_the_announcement),
        cmocka_unit_test(who_hears_nothing_does_nothing),
        cmocka_unit_test(who_is_gone_is_registered_no_more),
        cmocka_unit_test(short_absences_leave_nobody_behind),
        cmocka_unit_test(who_has_had_enough_stays_away),
        cmocka_unit_test(all_gone_and_the_next_one_comes),
        cmocka_unit_test(information_is_for_visitors),
        cmocka_unit_test(each_message_disturbed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
