/* What goes wrong: messages lost, repeated, late, altered, forged, sessions cut in the middle.
 * Nobody waits for ever, and the stores agree afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "tests/support/stores.h"

#define HOUSE                                                                                      \
    "cpns: 1\n"                                                                                    \
    "name: failures\n"                                                                             \
    "run: {until: 3000 s, seed: 4}\n"                                                              \
    "nodes:\n"                                                                                     \
    "  - {id: srv, role: server}\n"                                                                \
    "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"                                \
    "  - {id: p, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"

/* All of establishment, a closed group, a service and a release: each message of it is disturbed.
 */
static const char life[] =
    HOUSE "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: %s, at: 1 s}}\n"
          "service_groups:\n"
          "  - {id: g, owner: p/1, members: [p/2, p/3], service: chat, joining: closed}\n"
          "workload:\n"
          "  - {at: 20 s, do: service-access, from: p/1, to: p/2, size: 30 B}\n"
          "  - {at: 25 s, do: group-message, from: p/2, to: g, size: 30 B}\n"
          "%s";
static const char release[] = "  - {at: 60 s, do: pn-release, from: p/3, pn: home}\n";
static const char *const types[] = {"1, by: members", "2, by: p/1", "3, by: p/1"};

struct disturbance {
    uint64_t number; /* of the transmission */
    enum fake_fate fate;
    char what[80];
};

static enum fake_fate disturb(void *arg, struct fake_hit *hit)
{
    struct disturbance *d = arg;
    if (hit->number != d->number) {
        return FAKE_PASS;
    }
    snprintf(d->what, sizeof(d->what), "%u -> %u: %s", hit->from, hit->to, hit->type);
    /* A session loses nothing in silence: what is lost in it breaks it. */
    return d->fate == FAKE_CUT && !hit->in_session ? FAKE_DROP : d->fate;
}

static uint64_t count_hits(const char *yaml, sim_time until)
{
    struct fake_world *w = fake_create(yaml);
    fake_run(w, until);
    uint64_t hits = fake_hits(w);
    fake_free(w);
    return hits;
}

/* Disturbs each of the transmissions of the first `window` once and runs to the end. */
static void disturb_each(const char *name, enum fake_fate fate, const char *extra, sim_time window,
                         size_t members)
{
    int bad = 0;
    uint64_t all = 0;
    for (size_t t = 0; t < SIM_ARRAY_LEN(types); t++) {
        char *yaml = mem_printf(life, types[t], extra);
        uint64_t hits = count_hits(yaml, window);
        assert_true(hits > 30);
        for (uint64_t i = 1; i <= hits; i++, all++) {
            struct fake_world *w = fake_create(yaml);
            struct disturbance d = {.number = i, .fate = fate};
            fake_set_filter(w, disturb, &d);
            fake_run(w, 1500 * SIM_S);
            const char *found = stores_disagreement(w);
            char text[64] = "";
            if (found[0] == '\0' && stores_members(w, "home") != members) {
                snprintf(text, sizeof(text), "%zu members", stores_members(w, "home"));
                found = text;
            } else if (found[0] == '\0' && stores_group_members(w, "g") != 3) {
                snprintf(text, sizeof(text), "%zu in the group", stores_group_members(w, "g"));
                found = text;
            }
            if (found[0] != '\0') {
                print_error("%s, type %s, message %d (%s): %s\n", name, types[t], (int)i, d.what,
                            found);
                bad++;
            }
            fake_assert_account(w);
            fake_free(w);
        }
        free(yaml);
    }
    print_message("%s: %d messages, %d left stores that disagree or somebody who waits\n", name,
                  (int)all, bad);
    assert_int_equal(bad, 0);
}

static void each_message_of_establishment_cut_once(void **state)
{
    (void)state;
    disturb_each("cut", FAKE_CUT, "", 30 * SIM_S, 3);
}

static void each_message_of_establishment_repeated_once(void **state)
{
    (void)state;
    disturb_each("repeated", FAKE_TWICE, "", 30 * SIM_S, 3);
}

static void each_message_of_establishment_late_once(void **state)
{
    (void)state;
    disturb_each("late", FAKE_LATE, "", 30 * SIM_S, 3);
}

static void each_message_of_a_release_cut_once(void **state)
{
    (void)state;
    disturb_each("release cut", FAKE_CUT, release, 100 * SIM_S, 0);
}

/* --- the link and the server
 * ----------------------------------------------------------------------------- */

static const char plain[] =
    HOUSE "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {at: 1 s}}\n"
          "workload:\n"
          "  - {at: 100 s, do: service-access, from: p/1, to: srv, size: 9 B}\n";

static void a_link_that_comes_back_is_used_again(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(plain);
    fake_run(w, 20 * SIM_S);
    fake_set_link(w, fake_id(w, "p/1"), false);
    fake_run(w, 50 * SIM_S);
    fake_set_link(w, fake_id(w, "p/1"), true);
    fake_run(w, 120 * SIM_S);
    assert_int_equal(fake_count(w, "gw -> p/1: ServiceAccessResponse 200"), 1);
    assert_true(fake_sessions(w, "p/1") >= 2);
    stores_assert_agree(w);
    fake_free(w);
}

/* --- in and out of reach
 * --------------------------------------------------------------------------------- */

struct away {
    entity_id pne;
    bool away;
};

/* What a PNE that is out of reach sends and is sent is lost; its sessions do not notice. */
static enum fake_fate lose(void *arg, struct fake_hit *hit)
{
    const struct away *a = arg;
    return a->away && (hit->from == a->pne || hit->to == a->pne) ? FAKE_DROP : FAKE_PASS;
}

static void set_away(struct fake_world *w, struct away *a, bool away)
{
    a->away = away;
    fake_set_link(w, a->pne, !away);
    if (!away) {
        fake_meet(w, a->pne);
    }
}

static const char invited[] =
    HOUSE "personal_networks:\n"
          "  - {id: home, gateway: gw, establishment: {type: 2, by: p/1, at: 1 s}}\n";

/* p/3 is away for long, from the beginning, from the middle of its establishment, or from later on:
 * it is back at once when it meets its gateway, and soon when nobody tells it. */
static void who_comes_back_into_reach_joins_again(void **state)
{
    (void)state;
    static const char *const yamls[] = {plain, invited};
    static const sim_time leaves[] = {0, 1200 * SIM_MS, 20 * SIM_S};
    static const sim_time returns[] = {45 * SIM_S, 200 * SIM_S, 330 * SIM_S, 345 * SIM_S};
    for (size_t i = 0; i < SIM_ARRAY_LEN(yamls) * SIM_ARRAY_LEN(leaves); i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(returns); k++) {
            struct fake_world *w = fake_create(yamls[i % 2]);
            struct away a = {.pne = fake_id(w, "p/3")};
            fake_set_filter(w, lose, &a);
            fake_run(w, leaves[i / 2]);
            set_away(w, &a, true);
            fake_run(w, returns[k]);
            set_away(w, &a, false);
            /* A member whose session broke asks with its next keep-alive. */
            fake_run(w, returns[k] + 32 * SIM_S);
            if (stores_members(w, "home") != 3 || !fake_connected(w, "p/3")) {
                fake_print(w);
                print_error("case %zu, %zu\n", i, k);
            }
            assert_int_equal(stores_members(w, "home"), 3);
            assert_true(fake_connected(w, "p/3"));
            fake_run(w, 1000 * SIM_S);
            stores_assert_agree(w);
            assert_int_equal(fake_wrong_events(w), 0);
            fake_free(w);
        }
    }
}

/* An invited PNE that left in the middle and met nobody goes on asking by itself. */
static void who_was_invited_goes_on_asking(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(invited);
    struct away a = {.pne = fake_id(w, "p/3")};
    fake_set_filter(w, lose, &a);
    fake_run(w, 1200 * SIM_MS);
    assert_int_equal(fake_count(w, "p/3 -> gw: PNConnectionResponse"), 1);
    assert_int_equal(fake_count(w, "p/3 ! pn_joined"), 0);
    a.away = true;
    fake_run(w, 400 * SIM_S);
    a.away = false;
    fake_run(w, 470 * SIM_S); /* a keep-alive period, and what a request takes */
    assert_int_equal(stores_members(w, "home"), 3);
    assert_int_equal(fake_count(w, "p/3 ! pn_joined"), 1);
    stores_assert_agree(w);
    assert_int_equal(fake_wrong_events(w), 0);
    fake_free(w);
}

/* To meet changes nothing before it is time, or for those who are members. */
static void to_meet_is_no_reason_to_begin(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(HOUSE "personal_networks:\n"
                                             "  - {id: home, gateway: gw, establishment: {type: 2, "
                                             "by: p/1, at: 10 s}}\n");
    fake_run(w, 5 * SIM_S);
    fake_meet(w, fake_id(w, "p/1"));
    fake_meet(w, fake_id(w, "p/2"));
    fake_meet(w, fake_id(w, "gw"));
    fake_run(w, 9 * SIM_S);
    assert_int_equal(fake_hits(w), 0);
    fake_run(w, 25 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 3);
    uint64_t hits = fake_hits(w);
    fake_meet(w, fake_id(w, "p/1"));
    fake_meet(w, fake_id(w, "p/2"));
    fake_run(w, 26 * SIM_S);
    assert_int_equal(fake_hits(w), hits);
    fake_free(w);
}

static void no_server_no_pn(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(plain);
    fake_set_link(w, fake_id(w, "gw"), false);
    fake_run(w, 600 * SIM_S);
    assert_int_equal(fake_count(w, "p/1 ! pn_joined"), 0);
    assert_int_equal(fake_count(w, "p/1 ! establishment_failed"), 1);
    assert_true(fake_count(w, "gw -> p/1: PNEstablishmentResponse 503") >= 1);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* --- hostile messages
 * ------------------------------------------------------------------------------------- */

static void begin(struct fake_world *w, struct cpns_message *m, enum cpns_type type,
                  const char *origin, const char *target)
{
    cpns_message_init(m, type);
    cpns_set_integer(m, CPNS_TRANSACTION_ID, 77);
    cpns_set_text(m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, origin));
    cpns_set_text(m, CPNS_TARGET_ID, fake_urn(w, target));
    cpns_set_integer(m, CPNS_TIMESTAMP, 1);
    cpns_set_integer(m, CPNS_HOP_LIMIT, 8);
}

/* `m` arrives at `to` from its neighbour `from`, whom the session authenticated (or in the clear).
 */
static void arrive(struct fake_world *w, struct cpns_message *m, const char *from, const char *to,
                   bool in_session)
{
    struct buf out = {0};
    assert_int_equal(cpns_encode(m, CPNS_XML, &out, NULL), 0);
    cpns_message_fini(m);
    fake_inject(w, fake_id(w, from), fake_id(w, to), in_session ? fake_urn(w, from) : NULL,
                CPNS_XML, buf_span(&out));
    buf_fini(&out);
    fake_run(w, fake_now(w) + SIM_S);
}

static struct fake_world *standing(void)
{
    struct fake_world *w = fake_create(plain);
    fake_run(w, 20 * SIM_S);
    assert_int_equal(stores_members(w, "home"), 3);
    return w;
}

static void the_origin_is_who_the_session_authenticated(void **state)
{
    (void)state;
    struct fake_world *w = standing();
    struct cpns_message m;
    begin(w, &m, CPNS_SERVICE_ACCESS_REQUEST, "p/2", "srv");
    cpns_set_text(&m, CPNS_SERVICE_ID, "echo");
    cpns_set_bytes(&m, CPNS_PAYLOAD, span_of_str("x"));
    arrive(w, &m, "p/1", "gw", true);
    assert_int_equal(fake_count(w, "p/1 -> gw: ServiceAccessRequest refused: origin_mismatch"), 1);
    assert_int_equal(fake_count(w, "gw -> srv: ServiceAccessRequest"), 0);
    fake_free(w);
}

static void signalling_outside_a_session_is_refused(void **state)
{
    (void)state;
    static const char *const hops[][2] = {
        {"p/1", "gw"}, {"gw", "p/1"}, {"gw", "srv"}, {"srv", "gw"}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(hops); i++) {
        for (enum cpns_type type = 0; type < CPNS_TYPE_COUNT; type++) {
            if (type == CPNS_ENTITY_DISCOVERY_REQUEST || type == CPNS_ENTITY_DISCOVERY_RESPONSE ||
                type == CPNS_SG_MESSAGE ||
                (type == CPNS_ZONE_ANNOUNCEMENT && strcmp(hops[i][0], "gw") == 0 &&
                 strcmp(hops[i][1], "p/1") == 0)) {
                continue;
            }
            struct fake_world *w = standing();
            const struct cpns_type_info *info = cpns_type_info(type);
            struct cpns_message m;
            begin(w, &m, type, hops[i][0], hops[i][1]);
            for (enum cpns_field f = CPNS_PN_ID; f < CPNS_FIELD_COUNT; f++) {
                const struct cpns_field_info *field = cpns_field_info(f);
                if (info->presence[f] != CPNS_REQUIRED || cpns_has(&m, (enum cpns_field)f)) {
                    continue;
                }
                const char *text = field->urn              ? fake_urn(w, "p/1")
                                   : field->values != NULL ? field->values[0]
                                                           : "x";
                switch (field->kind) {
                case CPNS_TEXT:
                    cpns_set_text(&m, f, text);
                    break;
                case CPNS_INTEGER:
                    cpns_set_integer(&m, f,
                                     field->integers != NULL ? field->integers[0] : field->min);
                    break;
                case CPNS_BYTES:
                    cpns_set_bytes(&m, f, span_of("0123456789abcdef", 16));
                    break;
                case CPNS_TEXT_LIST:
                    cpns_add_text(&m, f, span_of_str(text));
                    break;
                }
            }
            arrive(w, &m, hops[i][0], hops[i][1], false);
            char line[120];
            snprintf(line, sizeof(line), "%s -> %s: %s%s refused: outside_session", hops[i][0],
                     hops[i][1], info->name,
                     info->presence[CPNS_STATUS] == CPNS_REQUIRED ? " 200" : "");
            if (fake_count(w, line) != 1) {
                fake_print(w);
                fail_msg("%s", line);
            }
            stores_assert_agree(w);
            fake_free(w);
        }
    }
}

/* p/3 is in no PN: its gateway refuses it, and the server does not take the gateway's word for it.
 */
static const char two_of_three[] =
    HOUSE "personal_networks:\n"
          "  - {id: home, gateway: gw, members: p/1..2, establishment: {at: 1 s}}\n";

static const char one_bad[] =
    HOUSE "  - {id: bad, role: pne, attach: {to: gw, link: wlan}, psk: {secret: wrong}}\n"
          "personal_networks:\n"
          "  - {id: home, gateway: gw, members: [p/1..2, bad], establishment: {at: 1 s}}\n";

/* bad gave a wrong answer, p/3 none; a gateway that claims them is not believed, and nothing of its
 * request is stored. */
static void who_did_not_authenticate_is_not_registered(void **state)
{
    (void)state;
    static const char *const claimed[] = {"bad", "p/3"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(claimed); i++) {
        struct fake_world *w = fake_create(one_bad);
        fake_run(w, 20 * SIM_S);
        assert_int_equal(stores_members(w, "home"), 2);
        struct cpns_message m;
        begin(w, &m, CPNS_REGISTRATION_REQUEST, "gw", "srv");
        cpns_set_text(&m, CPNS_PN_ID, fake_pn_urn(w, "home"));
        cpns_set_text(&m, CPNS_PN_NAME, "home");
        cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(fake_urn(w, "p/1")));
        cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(fake_urn(w, claimed[i])));
        arrive(w, &m, "gw", "srv", true);
        assert_int_equal(fake_count(w, "srv -> gw: RegistrationResponse 401"), 1);
        assert_int_equal(stores_members(w, "home"), 2);
        stores_assert_agree(w);
        fake_free(w);
    }
}

static void a_stranger_uses_nothing(void **state)
{
    (void)state;
    struct fake_world *w = fake_create(two_of_three);
    fake_run(w, 20 * SIM_S);
    struct cpns_message m;
    begin(w, &m, CPNS_SERVICE_ACCESS_REQUEST, "p/3", "srv");
    cpns_set_text(&m, CPNS_SERVICE_ID, "echo");
    cpns_set_bytes(&m, CPNS_PAYLOAD, span_of_str("x"));
    arrive(w, &m, "p/3", "gw", true);
    assert_int_equal(fake_count(w, "p/3 -> gw: ServiceAccessRequest refused: 403"), 1);
    assert_int_equal(fake_count(w, "gw -> srv: ServiceAccessRequest"), 0);
    fake_free(w);
}

static void hop_limit_ends_a_message(void **state)
{
    (void)state;
    struct fake_world *w = standing();
    struct cpns_message m;
    begin(w, &m, CPNS_SERVICE_ACCESS_REQUEST, "p/1", "srv");
    cpns_set_integer(&m, CPNS_HOP_LIMIT, 1);
    cpns_set_text(&m, CPNS_SERVICE_ID, "echo");
    cpns_set_bytes(&m, CPNS_PAYLOAD, span_of_str("x"));
    arrive(w, &m, "p/1", "gw", true);
    assert_int_equal(fake_count(w, "p/1 -> gw: ServiceAccessRequest refused: hop_limit"), 1);
    fake_free(w);
}

/* Responses that nobody asked for change nothing, whoever gets them. */
static void unasked_responses_change_nothing(void **state)
{
    (void)state;
    static const struct {
        enum cpns_type type;
        const char *from, *to;
    } cases[] = {
        {CPNS_PN_ESTABLISHMENT_RESPONSE, "gw", "p/1"}, {CPNS_PN_RELEASE_RESPONSE, "gw", "p/1"},
        {CPNS_REGISTRATION_RESPONSE, "srv", "gw"},     {CPNS_PN_RELEASE_RESPONSE, "srv", "gw"},
        {CPNS_SERVICE_ACCESS_RESPONSE, "gw", "p/1"},
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct fake_world *w = standing();
        struct cpns_message m;
        begin(w, &m, cases[i].type, cases[i].from, cases[i].to);
        cpns_set_integer(&m, CPNS_STATUS, 404);
        arrive(w, &m, cases[i].from, cases[i].to, true);
        assert_int_equal(stores_members(w, "home"), 3);
        stores_assert_agree(w);
        fake_run(w, 130 * SIM_S);
        assert_int_equal(fake_count(w, "gw -> p/1: ServiceAccessResponse 200"), 1);
        fake_free(w);
    }
}

static enum fake_fate spoil(void *arg, struct fake_hit *hit)
{
    if (hit->number == *(const uint64_t *)arg) {
        struct span all = buf_span(hit->payload);
        struct buf half = {0};
        buf_append(&half, span_of(all.data, all.len / 2));
        buf_clear(hit->payload);
        buf_append(hit->payload, buf_span(&half));
        buf_fini(&half);
    }
    return FAKE_PASS;
}

/* Octets that do not decode are refused wherever they arrive, and the run goes on. */
static void malformed_messages_are_refused(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 20; i++) {
        struct fake_world *w = fake_create(plain);
        fake_set_filter(w, spoil, &i);
        fake_run(w, 400 * SIM_S);
        uint32_t seen = 0;
        static const char *const who[] = {"p/1", "p/2", "p/3", "gw", "srv"};
        for (size_t k = 0; k < SIM_ARRAY_LEN(who); k++) {
            char line[64];
            snprintf(line, sizeof(line), "%s ! malformed_message", who[k]);
            seen += fake_count(w, line);
        }
        assert_int_equal(seen, 1);
        fake_assert_account(w);
        fake_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_of_establishment_cut_once),
        cmocka_unit_test(each_message_of_establishment_repeated_once),
        cmocka_unit_test(each_message_of_establishment_late_once),
        cmocka_unit_test(each_message_of_a_release_cut_once),
        cmocka_unit_test(a_link_that_comes_back_is_used_again),
        cmocka_unit_test(who_comes_back_into_reach_joins_again),
        cmocka_unit_test(who_was_invited_goes_on_asking),
        cmocka_unit_test(to_meet_is_no_reason_to_begin),
        cmocka_unit_test(no_server_no_pn),
        cmocka_unit_test(the_origin_is_who_the_session_authenticated),
        cmocka_unit_test(signalling_outside_a_session_is_refused),
        cmocka_unit_test(who_did_not_authenticate_is_not_registered),
        cmocka_unit_test(a_stranger_uses_nothing),
        cmocka_unit_test(hop_limit_ends_a_message),
        cmocka_unit_test(unasked_responses_change_nothing),
        cmocka_unit_test(malformed_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
