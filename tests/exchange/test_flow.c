/* Flows: which there are in a life, which messages they take up, and how each of them ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/stores.h"

#define HOUSE                                                                                      \
    "cpns: 1\n"                                                                                    \
    "name: flows\n"                                                                                \
    "run: {until: 3000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"                                \
    "  - {id: p, role: pne, count: 2, attach: {to: gw, link: wlan}}\n"

static const char house[] =
    HOUSE "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: 2, by: p/1, at: 1 s}}\n"
          "service_groups:\n"
          "  - {id: g, owner: p/1, members: [p/2], service: chat, joining: closed}\n"
          "workload:\n"
          "  - {at: 20 s, do: service-access, from: p/1, to: p/2, size: 30 B}\n"
          "  - {at: 25 s, do: group-message, from: p/2, to: g, size: 30 B}\n"
          "  - {at: 60 s, do: pn-release, from: p/2, pn: home}\n";

static void a_life_is_made_of_flows(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(house);
    fake_run(w, 100 * SIM_S);
    static const struct {
        const char *kind;
        uint32_t done, messages; /* of the last */
    } kinds[] = {
        /* p/1 -> gw: discovery and its answer, request and its answer */
        {"pn-establishment", 1, 4},
        /* gw -> p/2: the same, and the answer that p/2 is in */
        {"pn-invitation", 1, 5},
        /* of p/1 and p/2: connection, challenge, answer, result */
        {"authentication", 2, 4},
        {"registration", 1, 2},
        {"service-access", 1, 2},
        {"sg-create", 1, 2},
        /* of the administrator record: members, administrator */
        {"sg-record", 2, 2},
        /* the request, the owner asked and its answer, the response, the owner told, who heard it
         */
        {"sg-join", 1, 6},
        /* up, one copy to the gateway, one to p/1 */
        {"group-message", 1, 3},
        /* request, answer, p/1 told */
        {"pn-release", 1, 3},
    };
    uint32_t all = 0;
    for (size_t i = 0; i < SIM_ARRAY_LEN(kinds); i++) {
        if (fake_flows(w, kinds[i].kind, FLOW_DONE) != kinds[i].done ||
            fake_flow_messages(w, kinds[i].kind) != kinds[i].messages) {
            fake_print(w);
            print_error("%s: %u done, the last of %u messages\n", kinds[i].kind,
                        fake_flows(w, kinds[i].kind, FLOW_DONE),
                        fake_flow_messages(w, kinds[i].kind));
        }
        assert_int_equal(fake_flows(w, kinds[i].kind, FLOW_DONE), kinds[i].done);
        assert_int_equal(fake_flow_messages(w, kinds[i].kind), kinds[i].messages);
        all += kinds[i].done;
    }
    /* p/2 may have asked for the group before it was there: refused, and asked again. */
    assert_int_equal(fake_flows(w, NULL, FLOW_DONE), all);
    assert_int_equal(fake_flows(w, NULL, FLOW_REFUSED), fake_flows(w, "sg-join", FLOW_REFUSED));
    assert_int_equal(fake_flows(w, NULL, FLOW_TIMEOUT) + fake_flows(w, NULL, FLOW_FAILED), 0);
    assert_string_equal(fake_open_flow(w), "");
    fake_free(w);
}

static const char plain[] =
    HOUSE "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {at: 1 s}}\n"
          "workload:\n"
          "  - {at: 100 s, do: service-access, from: p/1, to: srv, size: 9 B}\n";

/* The session breaks under the request; the next one, begun while the link is down, takes a second.
 * That long the access is interrupted. */
static void a_broken_session_interrupts(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(plain);
    fake_run(w, 100 * SIM_S + 5 * SIM_MS); /* the request is on its way */
    fake_set_link(w, fake_id(w, "p/1"), false);
    fake_set_link(w, fake_id(w, "p/1"), true);
    fake_run(w, 200 * SIM_S);
    assert_int_equal(fake_flows(w, "service-access", FLOW_DONE), 1);
    assert_int_equal(fake_flow_interruption(w, "service-access"), SIM_S);
    assert_string_equal(fake_open_flow(w), "");
    fake_free(w);
}

static const char wrong[] =
    HOUSE "  - {id: bad, role: pne, attach: {to: gw, link: wlan}, psk: {secret: wrong}}\n"
          "personal_networks:\n"
          "  - {id: home, gateway: gw, members: [p/1..2, bad], establishment: {at: 1 s}}\n";

static void a_wrong_secret_is_refused(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(wrong);
    fake_run(w, 100 * SIM_S);
    assert_int_equal(fake_flows(w, "pn-establishment", FLOW_DONE), 2);
    assert_int_equal(fake_flows(w, "pn-establishment", FLOW_REFUSED), 1);
    assert_int_equal(fake_flows(w, "authentication", FLOW_DONE), 2);
    assert_int_equal(fake_flows(w, "authentication", FLOW_REFUSED), 1);
    assert_string_equal(fake_open_flow(w), "");
    fake_free(w);
}

/* Nobody answers; the session stands. */
static void silence_ends_a_flow(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(plain);
    fake_run(w, 99 * SIM_S);
    fake_set_silent(w, fake_id(w, "srv"), true);
    fake_run(w, 120 * SIM_S);
    assert_int_equal(fake_flows_open(w, "service-access"), 1);
    fake_run(w, 140 * SIM_S);
    assert_int_equal(fake_flows(w, "service-access", FLOW_TIMEOUT), 1);
    assert_int_equal(fake_flow_messages(w, "service-access"), 3);
    assert_int_equal(fake_flows_open(w, "service-access"), 0);
    fake_free(w);
}

static enum fake_fate lose_copies(void *arg, struct fake_hit *hit)
{
    return strcmp(hit->type, "SGMessage") == 0 && hit->to == *(const entity_id *)arg ? FAKE_DROP
                                                                                     : FAKE_PASS;
}

/* A message to a group that does not reach all has failed. */
static void a_lost_copy_fails_the_message(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(house);
    entity_id owner = fake_id(w, "p/1");
    fake_set_filter(w, lose_copies, &owner);
    fake_run(w, 50 * SIM_S);
    assert_int_equal(fake_flows(w, "group-message", FLOW_FAILED), 1);
    assert_int_equal(fake_flows(w, "group-message", FLOW_DONE), 0);
    assert_int_equal(fake_flow_messages(w, "group-message"), 3);
    fake_free(w);
}

/* --- what is held at the end
 * --------------------------------------------------------------------------- */

static void all_tell_what_they_hold(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(house);
    fake_run(w, 50 * SIM_S);
    static const char *const rows[] = {
        "p/1 holds pn home: p/1 member, mode pne\n",
        "p/1 holds group g: p/1 member\n",
        "p/2 holds group g: p/2 member\n",
        "gw holds pn home: active, name home, gateway gw, mode pn_gw, ",
        "gw holds pn home: p/1 member, mode pne\n",
        "gw holds pn home: p/2 member, mode pne\n",
        "gw holds group g: p/2 member\n",
        "srv holds pn home: stored, name home, gateway gw, mode pn_gw, ",
        "srv holds pn home: p/1 member, mode pne\n",
        "srv holds pn home: p/2 member, mode pne\n",
        "srv holds group g: owner p/1, joining closed, service chat, administrator p/1\n",
        "srv holds group g: p/1 member\n",
        "srv holds group g: p/2 member\n",
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(rows); i++) {
        if (strstr(fake_stores(w), rows[i]) == NULL) {
            fail_msg("%s... is not in\n%s", rows[i], fake_stores(w));
        }
    }
    fake_run(w, 100 * SIM_S); /* released */
    assert_null(strstr(fake_stores(w), "holds pn home"));
    assert_null(strstr(fake_stores(w), "gw holds group"));
    fake_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_is_made_of_flows),
        cmocka_unit_test(a_broken_session_interrupts),
        cmocka_unit_test(a_wrong_secret_is_refused),
        cmocka_unit_test(silence_ends_a_flow),
        cmocka_unit_test(a_lost_copy_fails_the_message),
        cmocka_unit_test(all_tell_what_they_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
