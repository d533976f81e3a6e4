/* Release of a PN by a member and by the gateway, and leases (cpns-model.md flow 10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/stores.h"

static const char scenario[] = "cpns: 1\n"
                               "name: release\n"
                               "run: {until: 2000 s, seed: 4}\n"
                               "timers: {pn_lease: %s, %s}\n"
                               "nodes:\n"
                               "  - {id: srv, role: server}\n"
                               "  - {id: gw, role: gateway, uplink: {to: srv, link: fibre}}\n"
                               "  - {id: p, role: pne, count: 3, attach: {to: gw, link: wlan}}\n"
                               "personal_networks:\n"
                               "  - {id: home, gateway: gw}\n"
                               "workload:\n"
                               "  - {at: %s, do: pn-release, from: %s, pn: home}\n"
                               "  - {at: %s, do: service-access, from: p/3, to: srv, size: 10 B}\n";

static struct fake_world *create_idle(const char *lease, const char *timers, const char *at,
                                      const char *from, const char *use)
{
    char *yaml = mem_printf(scenario, lease, timers, at, from, use);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    return w;
}

static struct fake_world *create(const char *lease, const char *at, const char *from)
{
    return create_idle(lease, "keep_alive: 500 s, idle_close: 1000 s", at, from, "30 s");
}

static void assert_gone(struct fake_world *w)
{
    assert_int_equal(stores_members(w, "home"), 0);
    for (int i = 1; i <= 3; i++) {
        char name[16];
        char line[40];
        snprintf(name, sizeof(name), "p/%d", i);
        snprintf(line, sizeof(line), "p/%d ! pn_left: home", i);
        assert_int_equal(fake_count(w, line), 1);
        assert_false(fake_connected(w, name)); /* closed in order */
    }
    assert_int_equal(fake_count(w, "srv ! pn_deleted: home"), 1);
    assert_int_equal(fake_count(w, "gw ! pn_released: home"), 1);
    assert_int_equal(fake_count(w, "p/3 ! work_skipped"), 1);
    assert_int_equal(fake_wrong_events(w), 0);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void by_a_member(void **state)
{
    (void)state;
    struct fake_world *w = create("3600 s", "10 s", "p/1");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "p/1 -> gw: PNReleaseRequest",    /* */
                         "gw -> srv: PNReleaseRequest",       /* */
                         "srv -> gw: PNReleaseResponse 200",  /* the server deleted it first */
                         "gw -> p/1: PNReleaseResponse 200",  /* */
                         "gw -> p/2: PNReleaseNotification"); /* the others are told */
    assert_int_equal(fake_count(w, "gw -> p/1: PNReleaseNotification"), 0);
    assert_gone(w);
}

static void by_the_gateway(void **state)
{
    (void)state;
    struct fake_world *w = create("3600 s", "10 s", "gw");
    fake_run(w, 60 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw -> srv: PNReleaseRequest", "srv -> gw: PNReleaseResponse 200",
                         "gw -> p/1: PNReleaseNotification");
    assert_int_equal(fake_count(w, "gw -> p/2: PNReleaseNotification"), 1);
    assert_int_equal(fake_count(w, "gw -> p/3: PNReleaseNotification"), 1);
    assert_gone(w);
}

/* p/3 has no session when the PN ends: it learns it when it uses the PN the next time. */
static void who_was_idle_learns_it_later(void **state)
{
    (void)state;
    struct fake_world *w =
        create_idle("3600 s", "keep_alive: 10 s, idle_close: 50 s", "100 s", "gw", "200 s");
    fake_run(w, 150 * SIM_S);
    assert_int_equal(fake_count(w, "gw ! pn_released: home"), 1);
    assert_int_equal(fake_count(w, "p/3 ! pn_left"), 0);
    fake_run(w, 250 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw -> p/3: ServiceAccessResponse 410", "p/3 closes gw: pn_released");
    assert_int_equal(fake_count(w, "p/3 ! pn_left: home"), 1);
    fake_assert_account(w);
    fake_free(w);
}

static void before_the_pn_stands_it_is_skipped(void **state)
{
    (void)state;
    struct fake_world *w = create("3600 s", "0 s", "gw");
    fake_run(w, 20 * SIM_S);
    assert_int_equal(fake_count(w, "gw ! work_skipped"), 1);
    assert_int_equal(stores_members(w, "home"), 3);
    fake_free(w);
}

static void a_lease_is_renewed_in_time(void **state)
{
    (void)state;
    struct fake_world *w = create("100 s", "1900 s", "gw");
    fake_run(w, 900 * SIM_S);
    assert_in_range(fake_count(w, "gw -> srv: RegistrationRequest"), 17, 25);
    assert_int_equal(fake_count(w, "srv ! pn_lease_ended"), 0);
    assert_int_equal(fake_count(w, "srv -> gw: AuthenticationRequest"), 3); /* not again */
    assert_int_equal(stores_members(w, "home"), 3);
    stores_assert_agree(w);
    fake_free(w);
}

static void a_gateway_that_is_gone_loses_its_lease(void **state)
{
    (void)state;
    struct fake_world *w = create("100 s", "1900 s", "gw");
    fake_run(w, 20 * SIM_S);
    fake_set_silent(w, fake_id(w, "gw"), true);
    fake_run(w, 300 * SIM_S);
    assert_int_equal(fake_count(w, "srv ! pn_lease_ended: home"), 1);
    assert_int_equal(stores_members(w, "home"), 0);
    fake_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_a_member),
        cmocka_unit_test(by_the_gateway),
        cmocka_unit_test(who_was_idle_learns_it_later),
        cmocka_unit_test(before_the_pn_stands_it_is_skipped),
        cmocka_unit_test(a_lease_is_renewed_in_time),
        cmocka_unit_test(a_gateway_that_is_gone_loses_its_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
