/* Registered services (cpns-model.md flow 6): registration with an openness level, search with the
 * owner's confirmation, and use of what is open; each message lost, repeated and late once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "models/cpns_server/server.h"
#include "tests/support/stores.h"

/* a and b share a PN, c and d are in another; a, c are in the group. */
static const char house[] =
    "cpns: 1\n"
    "name: search\n"
    "run: {until: 1000 s, seed: 4}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: a, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: b, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: c, role: pne, attach: {to: gw/2, link: wlan}}\n"
    "  - {id: d, role: pne, attach: {to: gw/2, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: one, gateway: gw/1}\n"
    "  - {id: two, gateway: gw/2}\n"
    "service_groups:\n"
    "  - {id: g, owner: a, members: c}\n"
    "services:\n"
    "%s"
    "workload:\n"
    "%s";

static struct fake_world *create(const char *services, const char *work)
{
    char *yaml = mem_printf(house, services, work);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    return w;
}

static const struct server *server(struct fake_world *w)
{
    return fake_state(w, "srv");
}

static void assert_good(struct fake_world *w)
{
    stores_assert_agree(w);
    assert_int_equal(fake_wrong_events(w), 0);
    fake_assert_account(w);
}

static void a_service_is_registered_when_its_provider_is_in_a_pn(void **state)
{
    (void)state;
    struct fake_world *w = create("  - {id: pulse, name: Heart rate, content: beats, provider: a}\n"
                                  "  - {id: late, provider: d, openness: public, at: 20 s}\n",
                                  "  - {at: 900 s, do: group-message, from: a, to: g}\n");
    fake_run(w, 10 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "a ! pn_joined: one", "a -> gw/1: ServiceRegistrationRequest",
                         "gw/1 -> srv: ServiceRegistrationRequest", /* */
                         "gw/1 -> a: ServiceRegistrationResponse 200",
                         "a ! service_registered: pulse");
    assert_int_equal(server(w)->service_count, 1);
    const struct inventory_service *pulse = &server(w)->services[0];
    assert_string_equal(pulse->name, "Heart rate");
    assert_string_equal(pulse->content, "beats");
    assert_int_equal(pulse->provider, fake_id(w, "a"));
    assert_int_equal(pulse->openness, OPENNESS_PN);
    assert_int_equal(pulse->confirming, ENTITY_NONE);
    fake_run(w, 30 * SIM_S);
    assert_int_equal(server(w)->service_count, 2);
    assert_good(w);
    fake_free(w);
}

/* Who may find and use what: by openness, asker by asker. */
static void the_openness_decides(void **state)
{
    (void)state;
    static const struct {
        const char *openness, *may; /* of a's service */
    } cases[] = {
        {"private", "a"},
        {"pn", "ab"},
        {"group, group: g", "ac"},
        {"public", "abcd"},
    };
    static const char *const askers[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        char *services =
            mem_printf("  - {id: pulse, provider: a, openness: %s}\n", cases[i].openness);
        struct fake_world *w = create(
            services, "  - {at: 20 s, do: service-search, from: [a, b, c, d], service: "
                      "pulse}\n"
                      "  - {at: 30 s, do: service-access, from: [b, c, d], service: pulse}\n");
        fake_run(w, 60 * SIM_S);
        for (size_t k = 0; k < SIM_ARRAY_LEN(askers); k++) {
            bool may = strchr(cases[i].may, askers[k][0]) != NULL;
            char line[80];
            snprintf(line, sizeof(line), "%s ! services_found: pulse at a", askers[k]);
            assert_int_equal(fake_count(w, line), may);
            snprintf(line, sizeof(line), "%s ! services_found: ", askers[k]);
            assert_int_equal(fake_count(w, line), 1);
            if (k > 0) {
                snprintf(line, sizeof(line), "gw/%d -> %s: ServiceAccessResponse %d",
                         k == 1 ? 1 : 2, askers[k], may ? 200 : 403);
                assert_int_equal(fake_count(w, line), 1);
            }
        }
        assert_good(w);
        fake_free(w);
        free(services);
    }
}

static void searches_by_word_and_for_everything(void **state)
{
    (void)state;
    struct fake_world *w =
        create("  - {id: pulse, content: beats a minute, provider: a, openness: public}\n"
               "  - {id: photos, name: Pictures, provider: b, openness: public}\n",
               "  - {at: 20 s, do: service-search, from: c, keyword: minute}\n"
               "  - {at: 21 s, do: service-search, from: c, keyword: Pict}\n"
               "  - {at: 22 s, do: service-search, from: c, keyword: p}\n"
               "  - {at: 23 s, do: service-search, from: c, keyword: zebra}\n"
               "  - {at: 24 s, do: service-search, from: c}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "c ! services_found: pulse at a", "c ! services_found: photos at b",
                         "c ! services_found: pulse at a, photos at b",
                         "c ! services_found: ", "c ! services_found: pulse at a, photos at b");
    assert_good(w);
    fake_free(w);
}

static const char asked[] = "  - {id: photos, provider: a, openness: public, confirm: owner, "
                            "allow: [b, c]}\n";

static void the_owner_is_asked_and_the_answer_kept(void **state)
{
    (void)state;
    struct fake_world *w =
        create(asked, "  - {at: 19 s, do: service-access, from: c, service: photos}\n"
                      "  - {at: 20 s, do: service-search, from: [c, d], service: photos}\n"
                      "  - {at: 30 s, do: service-access, from: [c, d], service: photos}\n"
                      "  - {at: 40 s, do: service-search, from: c, service: photos}\n");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw/2 -> c: ServiceAccessResponse 403", /* has not been shown it */
                         "c -> gw/2: ServiceSearchRequest",         /* */
                         "srv -> gw/1: OwnerConfirmationRequest",   /* */
                         "gw/1 -> a: OwnerConfirmationRequest",     /* */
                         "a -> gw/1: OwnerConfirmationResponse 200",
                         "gw/1 -> srv: OwnerConfirmationResponse 200",
                         "gw/2 -> c: ServiceSearchResponse 200", /* */
                         "c ! services_found: photos at a", "gw/2 -> c: ServiceAccessResponse 200");
    FAKE_ASSERT_EXCHANGE(w, "a -> gw/1: OwnerConfirmationResponse 403",
                         "gw/2 -> d: ServiceSearchResponse 200",
                         "d ! services_found: ", "gw/2 -> d: ServiceAccessResponse 403");
    assert_int_equal(fake_count(w, "srv -> gw/1: OwnerConfirmationRequest"), 2); /* c, d: once */
    assert_int_equal(fake_count(w, "c ! services_found: photos at a"), 2);
    assert_good(w);
    fake_free(w);
}

/* The asker is told 202 meanwhile; then the service is left out. */
static void a_silent_owner_hides_its_service(void **state)
{
    (void)state;
    struct fake_world *w = create(asked, "  - {at: 20 s, do: service-search, from: c}\n");
    fake_run(w, 19 * SIM_S);
    fake_set_silent(w, fake_id(w, "a"), true);
    fake_run(w, 100 * SIM_S);
    assert_true(fake_count(w, "gw/2 -> c: ServiceSearchResponse 202") >= 1);
    assert_int_equal(fake_count(w, "c ! services_found: "), 1);
    assert_int_equal(fake_count(w, "c ! services_found: photos"), 0);
    fake_set_silent(w, fake_id(w, "a"), false);
    fake_run(w, 400 * SIM_S);
    assert_good(w);
    fake_free(w);
}

/* Its session is gone: the gateway says so at once. */
static void an_owner_out_of_reach_hides_its_service(void **state)
{
    (void)state;
    struct fake_world *w = create(asked, "  - {at: 20 s, do: service-search, from: c}\n");
    fake_run(w, 19 * SIM_S);
    fake_set_link(w, fake_id(w, "a"), false);
    fake_run(w, 21 * SIM_S);
    assert_int_equal(fake_count(w, "gw/1 -> srv: OwnerConfirmationResponse 503"), 1);
    assert_int_equal(fake_count(w, "c ! services_found: "), 1);
    fake_free(w);
}

static void what_is_not_registered_is_not_found(void **state)
{
    (void)state;
    struct fake_world *w =
        create("  - {id: photos, provider: a, openness: public, at: 500 s}\n",
               "  - {at: 20 s, do: service-access, from: c, service: photos}\n"
               "  - {at: 21 s, do: service-access, from: c, to: d, service: photos}\n"
               "  - {at: 22 s, do: service-access, from: c, to: srv, service: photos}\n"
               "  - {at: 23 s, do: service-access, from: c, to: a}\n"
               "  - {at: 24 s, do: service-search, from: c}\n");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "gw/2 -> c: ServiceAccessResponse 404"), 3);
    assert_int_equal(fake_count(w, "gw/2 -> c: ServiceAccessResponse 200"), 1); /* echo */
    assert_int_equal(fake_count(w, "c ! services_found: "), 1);
    assert_good(w);
    fake_free(w);
}

/* A provider in no PN offers nothing. */
static void a_provider_that_left_is_not_found(void **state)
{
    (void)state;
    struct fake_world *w = create("  - {id: photos, provider: a, openness: public}\n",
                                  "  - {at: 20 s, do: pn-release, from: b, pn: one}\n"
                                  "  - {at: 30 s, do: service-search, from: c}\n"
                                  "  - {at: 31 s, do: service-access, from: c, service: photos}\n");
    fake_run(w, 60 * SIM_S);
    assert_int_equal(fake_count(w, "c ! services_found: "), 1);
    assert_int_equal(fake_count(w, "c ! services_found: photos"), 0);
    assert_int_equal(fake_count(w, "gw/2 -> c: ServiceAccessResponse 503"), 1);
    assert_good(w);
    fake_free(w);
}

/* A registration without group where one is needed, and one that is taken back. */
static void bad_registrations_change_nothing(void **state)
{
    (void)state;
    struct fake_world *w = create("  - {id: photos, provider: a, openness: public}\n",
                                  "  - {at: 60 s, do: service-search, from: c}\n");
    fake_run(w, 20 * SIM_S);
    for (int i = 0; i < 2; i++) {
        struct cpns_message m;
        struct buf out = {0};
        cpns_message_init(&m, CPNS_SERVICE_REGISTRATION_REQUEST);
        cpns_set_integer(&m, CPNS_TRANSACTION_ID, 77 + i);
        cpns_set_text(&m, CPNS_ORIGIN_ENTITY_ID, fake_urn(w, "a"));
        cpns_set_text(&m, CPNS_TARGET_ID, fake_urn(w, "srv"));
        cpns_set_integer(&m, CPNS_TIMESTAMP, 1);
        cpns_set_integer(&m, CPNS_HOP_LIMIT, 5);
        cpns_set_text(&m, CPNS_SERVICE_ID, i == 0 ? "other" : "photos");
        cpns_set_text(&m, CPNS_OPENNESS, "group");
        if (i == 1) {
            cpns_set_text(&m, CPNS_OPENNESS, "public");
            cpns_set_integer(&m, CPNS_EXPIRY, 0);
        }
        assert_int_equal(cpns_encode(&m, CPNS_XML, &out, NULL), 0);
        cpns_message_fini(&m);
        fake_inject(w, fake_id(w, "gw/1"), fake_id(w, "srv"), fake_urn(w, "gw/1"), CPNS_XML,
                    buf_span(&out));
        buf_fini(&out);
        fake_run(w, (30 + 10 * i) * SIM_S);
        assert_int_equal(server(w)->service_count, 1);
        assert_int_equal(server(w)->services[0].stored, i == 0);
    }
    assert_int_equal(fake_count(w, "srv -> gw/1: ServiceRegistrationResponse 400"), 1);
    fake_run(w, 80 * SIM_S);
    assert_int_equal(fake_count(w, "c ! services_found: photos"), 0);
    fake_free(w);
}

/* --- each message disturbed once
 * ---------------------------------------------------------------------------- */

struct disturbance {
    uint64_t number;
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
    return d->fate == FAKE_CUT && !hit->in_session ? FAKE_DROP : d->fate;
}

static const char work[] = "  - {at: 20 s, do: service-search, from: [c, d], service: photos}\n"
                           "  - {at: 200 s, do: service-search, from: c}\n"
                           "  - {at: 300 s, do: service-access, from: c, service: photos}\n";

static void each_message_disturbed_once(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fake_fate fate;
    } fates[] = {{"cut", FAKE_CUT}, {"repeated", FAKE_TWICE}, {"late", FAKE_LATE}};
    for (size_t k = 0; k < SIM_ARRAY_LEN(fates); k++) {
        struct fake_world *whole = create(asked, work);
        fake_run(whole, 25 * SIM_S);
        uint64_t all = fake_hits(whole);
        fake_free(whole);
        int bad = 0;
        for (uint64_t i = 1; i <= all; i++) {
            struct fake_world *w = create(asked, work);
            struct disturbance d = {.number = i, .fate = fates[k].fate};
            fake_set_filter(w, disturb, &d);
            fake_run(w, 900 * SIM_S);
            const char *found = stores_disagreement(w);
            const struct inventory_service *photos = &server(w)->services[0];
            found = found[0] != '\0'                                   ? found
                    : server(w)->service_count != 1 || !photos->stored ? "no service"
                    : entity_list_has(&photos->shown, fake_id(w, "d")) ? "shown to d"
                    : fake_count(w, "gw/2 -> c: ServiceAccessResponse 200") == 0
                        ? "c does not get it in the end"
                        : "";
            if (found[0] != '\0' || fake_wrong_events(w) > 0) {
                print_error("%s, message %d (%s): %s\n", fates[k].name, (int)i, d.what, found);
                bad++;
            }
            fake_assert_account(w);
            fake_free(w);
        }
        print_message("%s: %d messages, %d with a wrong end\n", fates[k].name, (int)all, bad);
        assert_int_equal(bad, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_is_registered_when_its_provider_is_in_a_pn),
        cmocka_unit_test(the_openness_decides),
        cmocka_unit_test(searches_by_word_and_for_everything),
        cmocka_unit_test(the_owner_is_asked_and_the_answer_kept),
        cmocka_unit_test(a_silent_owner_hides_its_service),
        cmocka_unit_test(an_owner_out_of_reach_hides_its_service),
        cmocka_unit_test(what_is_not_registered_is_not_found),
        cmocka_unit_test(a_provider_that_left_is_not_found),
        cmocka_unit_test(bad_registrations_change_nothing),
        cmocka_unit_test(each_message_disturbed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
