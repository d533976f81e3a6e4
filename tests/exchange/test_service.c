/* Remote service access (cpns-model.md flow 6), keep-alive and idle close. */
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

/* Two PNs at two gateways; a third PNE belongs to none. */
static const char scenario[] =
    "cpns: 1\n"
    "name: service\n"
    "run: {until: 2000 s, seed: 4}\n"
    "timers: {%s}\n"
    "nodes:\n"
    "  - {id: srv, role: server}\n"
    "  - {id: gw, role: gateway, count: 2, uplink: {to: srv, link: fibre}}\n"
    "  - {id: a, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "  - {id: b, role: pne, attach: {to: gw/2, link: wlan}, encoding: cbor}\n"
    "  - {id: stranger, role: pne, attach: {to: gw/1, link: wlan}}\n"
    "personal_networks:\n"
    "  - {id: one, gateway: gw/1, members: a}\n"
    "  - {id: two, gateway: gw/2, members: b}\n"
    "workload:\n"
    "  - {at: %s, do: service-access, from: a, to: %s, size: 300 B}\n";

static struct fake_world *create(const char *timers, const char *at, const char *to)
{
    char *yaml = mem_printf(scenario, timers, at, to);
    struct fake_world *w = fake_create(yaml);
    free(yaml);
    return w;
}

struct kept {
    struct buf request, response;
    int64_t limits[8];
    size_t count;
};

static enum fake_fate keep(void *arg, struct fake_hit *hit)
{
    struct kept *k = arg;
    struct cpns_message m;
    bool request = strcmp(hit->type, "ServiceAccessRequest") == 0;
    if (!request && strcmp(hit->type, "ServiceAccessResponse") != 0) {
        return FAKE_PASS;
    }
    assert_int_equal(
        cpns_decode(buf_span(hit->payload), (enum cpns_encoding)hit->encoding, &m, NULL), 0);
    struct buf *to = request ? &k->request : &k->response;
    buf_clear(to);
    buf_append(to, cpns_bytes(&m, CPNS_PAYLOAD));
    if (request && k->count < SIM_ARRAY_LEN(k->limits)) {
        k->limits[k->count++] = cpns_integer(&m, CPNS_HOP_LIMIT);
    }
    cpns_message_fini(&m);
    return FAKE_PASS;
}

static void to_the_server_and_back(void **state)
{
    (void)state;
    struct fake_world *w = create("request: 5 s", "5 s", "srv");
    struct kept k = {0};
    fake_set_filter(w, keep, &k);
    fake_run(w, 8 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "a -> gw/1: ServiceAccessRequest", /* */
                         "gw/1 -> srv: ServiceAccessRequest",  /* the same message, one hop less */
                         "srv -> gw/1: ServiceAccessResponse 200", /* */
                         "gw/1 -> a: ServiceAccessResponse 200");
    assert_int_equal(buf_len(&k.request), 300);
    assert_true(span_equal(buf_span(&k.request), buf_span(&k.response)));
    assert_int_equal(k.count, 2);
    assert_int_equal(k.limits[1], k.limits[0] - 1);
    buf_fini(&k.request);
    buf_fini(&k.response);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

/* Between two PNs, and between two encodings. */
static void to_a_pne_behind_another_gateway(void **state)
{
    (void)state;
    struct fake_world *w = create("request: 5 s", "5 s", "b");
    struct kept k = {0};
    fake_set_filter(w, keep, &k);
    fake_run(w, 8 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "a -> gw/1: ServiceAccessRequest",     /* P1 -> G1 */
                         "gw/1 -> srv: ServiceAccessRequest",      /* G1 -> S */
                         "srv -> gw/2: ServiceAccessRequest",      /* S -> G2 */
                         "gw/2 -> b: ServiceAccessRequest",        /* G2 -> P2 */
                         "b -> gw/2: ServiceAccessResponse 200",   /* and back */
                         "gw/2 -> srv: ServiceAccessResponse 200", /* */
                         "srv -> gw/1: ServiceAccessResponse 200", /* */
                         "gw/1 -> a: ServiceAccessResponse 200");
    assert_true(span_equal(buf_span(&k.request), buf_span(&k.response)));
    assert_int_equal(buf_len(&k.response), 300);
    assert_int_equal(k.count, 4);
    assert_int_equal(k.limits[3], k.limits[0] - 3);
    buf_fini(&k.request);
    buf_fini(&k.response);
    fake_free(w);
}

static void unknown_targets_are_404(void **state)
{
    (void)state;
    struct fake_world *w = create("request: 5 s", "5 s", "stranger");
    fake_run(w, 8 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "gw/1 -> srv: ServiceAccessRequest refused: 404",
                         "gw/1 -> a: ServiceAccessResponse 404");
    fake_assert_account(w);
    fake_free(w);
}

/* b closed its session, which only b can open again. */
static void a_pne_without_a_session_is_503(void **state)
{
    (void)state;
    struct fake_world *w = create("keep_alive: 60 s", "10 s", "b");
    fake_run(w, 5 * SIM_S);
    fake_set_link(w, fake_id(w, "b"), false);
    fake_run(w, 15 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "srv -> gw/2: ServiceAccessRequest refused: 503",
                         "srv -> gw/1: ServiceAccessResponse 503",
                         "gw/1 -> a: ServiceAccessResponse 503");
    assert_int_equal(fake_count(w, "gw/2 -> b: ServiceAccessRequest"), 0);
    stores_assert_agree(w);
    fake_assert_account(w);
    fake_free(w);
}

static void silence_is_timed_out_after_three_tries(void **state)
{
    (void)state;
    struct fake_world *w = create("request: 5 s, keep_alive: 500 s", "5 s", "b");
    fake_run(w, 4 * SIM_S);
    fake_set_silent(w, fake_id(w, "b"), true);
    fake_run(w, 100 * SIM_S);
    assert_int_equal(fake_count(w, "a -> gw/1: ServiceAccessRequest"), 3);
    assert_int_equal(fake_count(w, "a ! request_timeout: ServiceAccessRequest"), 1);
    assert_int_equal(fake_count(w, "gw/1 -> a: ServiceAccessResponse"), 0);
    stores_assert_agree(w);
    fake_free(w);
}

static enum fake_fate drop_first_request(void *arg, struct fake_hit *hit)
{
    int *left = arg;
    return strcmp(hit->type, "ServiceAccessRequest") == 0 && (*left)-- > 0 ? FAKE_DROP : FAKE_PASS;
}

static void a_lost_request_is_sent_again(void **state)
{
    (void)state;
    struct fake_world *w = create("request: 5 s", "5 s", "srv");
    int left = 1;
    fake_set_filter(w, drop_first_request, &left);
    fake_run(w, 30 * SIM_S);
    assert_int_equal(fake_count(w, "gw/1 -> a: ServiceAccessResponse 200"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

/* Work that is due before the PN stands. */
static void work_without_a_pn_is_skipped(void **state)
{
    (void)state;
    struct fake_world *w = create("request: 5 s", "0 s", "srv");
    fake_run(w, 20 * SIM_S);
    assert_int_equal(fake_count(w, "a ! work_skipped"), 1);
    assert_int_equal(fake_count(w, "a -> gw/1: ServiceAccessRequest"), 0);
    fake_free(w);
}

/* --- keep-alive
 * --------------------------------------------------------------------------------------------- */

static void keep_alives_go_out_when_nothing_else_does(void **state)
{
    (void)state;
    struct fake_world *w = create("keep_alive: 30 s, idle_close: 300 s", "5 s", "srv");
    fake_run(w, 100 * SIM_S);
    uint32_t asked = fake_count(w, "a -> gw/1: KeepAlive");
    assert_in_range(asked, 2, 4);
    assert_int_equal(fake_count(w, "gw/1 -> a: KeepAlive"), asked);
    assert_in_range(fake_count(w, "gw/1 -> srv: KeepAlive"), 2, 4);
    assert_true(fake_connected(w, "a"));
    fake_free(w);
}

static void an_idle_session_is_closed_and_opened_again_by_use(void **state)
{
    (void)state;
    struct fake_world *w = create("keep_alive: 30 s, idle_close: 100 s", "400 s", "srv");
    fake_run(w, 300 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "a closes gw/1: idle");
    assert_false(fake_connected(w, "a"));
    assert_int_equal(fake_sessions(w, "a"), 1);
    assert_int_equal(stores_members(w, "one"), 1); /* membership stays */
    fake_run(w, 410 * SIM_S);
    assert_int_equal(fake_sessions(w, "a"), 2);
    assert_int_equal(fake_count(w, "gw/1 -> a: ServiceAccessResponse 200"), 1);
    stores_assert_agree(w);
    fake_free(w);
}

static void a_silent_gateway_is_found_out_and_looked_for_again(void **state)
{
    (void)state;
    struct fake_world *w = create("keep_alive: 30 s", "5 s", "srv");
    fake_run(w, 10 * SIM_S);
    fake_set_silent(w, fake_id(w, "gw/1"), true);
    fake_run(w, 140 * SIM_S);
    FAKE_ASSERT_EXCHANGE(w, "a -> gw/1: KeepAlive lost: silent",
                         "a -> gw/1: KeepAlive lost: silent", "a ! peer_lost: gw/1",
                         "a closes gw/1: keep_alive",
                         "a -> gw/1: EntityDiscoveryRequest lost: silent");
    fake_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_server_and_back),
        cmocka_unit_test(to_a_pne_behind_another_gateway),
        cmocka_unit_test(unknown_targets_are_404),
        cmocka_unit_test(a_pne_without_a_session_is_503),
        cmocka_unit_test(silence_is_timed_out_after_three_tries),
        cmocka_unit_test(a_lost_request_is_sent_again),
        cmocka_unit_test(work_without_a_pn_is_skipped),
        cmocka_unit_test(keep_alives_go_out_when_nothing_else_does),
        cmocka_unit_test(an_idle_session_is_closed_and_opened_again_by_use),
        cmocka_unit_test(a_silent_gateway_is_found_out_and_looked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
