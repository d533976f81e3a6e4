/* The base library: cursors never overrun, streams of names are independent, maps and tables hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/blocks.h"
#include "sim/core/buf.h"
#include "sim/core/diag.h"
#include "sim/core/fsm.h"
#include "sim/core/map.h"
#include "sim/core/rng.h"

static void span_takes_and_refuses_to_overrun(void **state)
{
    (void)state;
    struct span in = span_of("\x01\x02\x03\x04\x05", 5);
    uint16_t a;
    uint32_t b;
    assert_true(span_take_u16(&in, &a));
    assert_int_equal(a, 0x0102);
    assert_false(span_take_u32(&in, &b));
    assert_int_equal(in.len, 3);
    struct span rest;
    assert_false(span_take(&in, 4, &rest));
    assert_true(span_take(&in, 3, &rest));
    assert_true(span_equal(rest, span_of("\x03\x04\x05", 3)));
    assert_int_equal(in.len, 0);
}

static void buf_grows_consumes_and_moves(void **state)
{
    (void)state;
    struct buf a = {0};
    struct buf b = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        buf_append_u32(&a, i);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct span s = buf_span(&a);
        uint32_t v;
        assert_true(span_take_u32(&s, &v));
        assert_int_equal(v, i);
        buf_consume(&a, 4);
        buf_append_u32(&a, i);
    }
    assert_int_equal(buf_len(&a), 4000);
    buf_printf(&b, "%s-%d", "x", 7);
    buf_move(&b, &a);
    assert_int_equal(buf_len(&a), 0);
    assert_int_equal(buf_len(&b), 4003);
    assert_memory_equal(buf_span(&b).data, "x-7", 3);
    buf_fini(&a);
    buf_fini(&b);
}

static void rng_streams_depend_on_seed_owner_and_purpose_only(void **state)
{
    (void)state;
    struct rng a, b, c, d, e;
    rng_init(&a, 7, "pne/1", "jitter");
    rng_init(&b, 7, "pne/1", "jitter");
    rng_init(&c, 8, "pne/1", "jitter");
    rng_init(&d, 7, "pne/2", "jitter");
    rng_init(&e, 7, "pne/1", "loss");
    uint64_t first = rng_u64(&a);
    assert_true(first == rng_u64(&b));
    assert_true(first != rng_u64(&c));
    assert_true(first != rng_u64(&d));
    assert_true(first != rng_u64(&e));
}

/* Whatever the processor has: the values of xxHash's library (0.8.1, compiled for any x86-64). */
static void digests_do_not_depend_on_the_processor(void **state)
{
    (void)state;
    uint8_t octets[2100];
    uint64_t all = 0;
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] = (uint8_t)(i * i >> 3);
    }
    for (size_t len = 0; len + 8 <= sizeof(octets); len++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            all = 31 * all + span_digest(seed << 40, span_of(octets + len % 8, len));
        }
    }
    assert_true(all == UINT64_C(0xc7b1bde5469ca5c2));
}

static void rng_octets_are_the_low_ones_of_single_draws(void **state)
{
    (void)state;
    struct rng a, b;
    uint8_t octets[300];
    rng_init(&a, 7, "pne/1", "payload");
    rng_init(&b, 7, "pne/1", "payload");
    rng_octets(&a, octets, sizeof(octets));
    for (size_t i = 0; i < sizeof(octets); i++) {
        assert_int_equal(octets[i], (uint8_t)rng_u64(&b));
    }
    assert_int_equal(a.draws, sizeof(octets));
    assert_true(rng_u64(&a) == rng_u64(&b));
}

static void distributions_have_their_moments(void **state)
{
    (void)state;
    static const struct {
        struct dist dist;
        double mean, tolerance;
    } cases[] = {
        {{DIST_CONSTANT, 5, 0}, 5, 1e-9},         {{DIST_UNIFORM, 2, 4}, 3, 0.02},
        {{DIST_EXPONENTIAL, 10, 0}, 10, 0.15},    {{DIST_NORMAL, 50, 5}, 50, 0.1},
        {{DIST_LOGNORMAL, 200, 0.4}, 216.6, 2.0}, /* median * exp(sigma^2 / 2) */
    };
    for (size_t i = 0; i < SIM_ARRAY_LEN(cases); i++) {
        struct rng r;
        rng_init(&r, 1, "test", "moments");
        double sum = 0;
        enum { N = 200000 };
        for (int k = 0; k < N; k++) {
            double v = dist_sample(&cases[i].dist, &r);
            assert_true(v >= 0);
            sum += v;
        }
        double off = sum / N - cases[i].mean;
        assert_true(off < cases[i].tolerance && off > -cases[i].tolerance);
    }
}

static void map_keeps_many_keys_through_removal(void **state)
{
    (void)state;
    struct map m = {0};
    uint64_t v;
    char key[32];
    for (uint64_t i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "k%d", (int)i);
        map_set(&m, i, i * 3);
        map_set_str(&m, key, i * 5);
    }
    for (uint64_t i = 0; i < 5000; i += 2) {
        assert_true(map_remove(&m, i));
        assert_false(map_remove(&m, i));
    }
    for (uint64_t i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "k%d", (int)i);
        assert_int_equal(map_get(&m, i, &v), i % 2);
        assert_true(map_get_str(&m, key, &v));
        assert_true(v == i * 5);
    }
    map_set(&m, 1, 99);
    assert_true(map_get(&m, 1, &v) && v == 99);
    map_fini(&m);
}

static void fsm_allows_what_the_table_says(void **state)
{
    (void)state;
    enum { IDLE, BUSY };
    enum { EV_GO, EV_DONE };
    static const char *const events[] = {"go", "done"};
    static const struct fsm_state states[] = {
        [IDLE] = {.name = "IDLE", .events = FSM_BIT(EV_GO), .next = FSM_BIT(BUSY)},
        [BUSY] = {.name = "BUSY",
                  .events = FSM_BIT(EV_DONE) | FSM_BIT(EV_GO),
                  .next = FSM_BIT(IDLE)},
    };
    static const struct fsm_table table = {
        .name = "test", .states = states, .state_count = 2, .events = events, .event_count = 2};
    assert_int_equal(fsm_check(&table, IDLE, EV_GO, BUSY), 0);
    assert_int_equal(fsm_check(&table, IDLE, EV_DONE, BUSY), -SIM_ESTATE);
    assert_int_equal(fsm_check(&table, BUSY, EV_GO, BUSY), 0);
    assert_string_equal(fsm_state_name(&table, BUSY), "BUSY");
    /* With arcs each event has next states of its own, and a machine stays only where they say so.
     */
    static const struct fsm_arc arcs[] = {{IDLE, EV_GO, FSM_BIT(BUSY), NULL},
                                          {BUSY, EV_GO, FSM_BIT(BUSY) | FSM_BIT(IDLE), NULL},
                                          {BUSY, EV_DONE, FSM_BIT(IDLE), NULL}};
    static const struct fsm_table exact = {.name = "exact",
                                           .states = states,
                                           .state_count = 2,
                                           .events = events,
                                           .event_count = 2,
                                           .arcs = arcs,
                                           .arc_count = SIM_ARRAY_LEN(arcs)};
    static const bool wanted[2][2][2] = {
        /* from, event, to */
        [IDLE] = {[EV_GO] = {[BUSY] = true}},
        [BUSY] = {[EV_GO] = {[IDLE] = true, [BUSY] = true}, [EV_DONE] = {[IDLE] = true}}};
    for (uint32_t from = 0; from < 2; from++) {
        for (uint32_t event = 0; event < 2; event++) {
            assert_int_equal(fsm_allows(&exact, from, event),
                             wanted[from][event][0] || wanted[from][event][1]);
            for (uint32_t to = 0; to < 2; to++) {
                assert_int_equal(fsm_check(&exact, from, event, to),
                                 wanted[from][event][to] ? 0 : -SIM_ESTATE);
            }
        }
    }
}

static void diagnostics_show_line_caret_and_near_name(void **state)
{
    (void)state;
    struct diag_list list = {0};
    static const char *const names[] = {"lte", "ble", "zigbee"};
    assert_string_equal(diag_nearest("zigbe", names, 3), "zigbee");
    assert_string_equal(diag_nearest("tle", names, 3), "lte");
    assert_null(diag_nearest("microwave", names, 3));
    struct diag *d = diag_add(&list, DIAG_ERROR, "unknown-link", "home.yaml", 12, 5,
                              "unknown link \"%s\"", "zigbe");
    d->hint = mem_strdup("did you mean \"zigbee\"?");
    d->source_line = mem_strdup("    link: zigbe");
    diag_add(&list, DIAG_WARNING, "early", "home.yaml", 3, 1, "first");
    diag_list_sort(&list);
    struct buf out = {0};
    diag_render(&list, false, &out);
    char *text = buf_steal_str(&out);
    assert_string_equal(text,
                        "home.yaml:3:1: warning: first\n"
                        "home.yaml:12:5: error: unknown link \"zigbe\", did you mean \"zigbee\"?\n"
                        "   12 |     link: zigbe\n"
                        "      |     ^\n");
    free(text);
    diag_list_fini(&list);
}

struct taken {
    pthread_mutex_t gate; /* held: the thread waits */
    atomic_uint_fast64_t blocks;
    uint32_t words;
    bool in_order;
};

static void take_words(void *arg, uint64_t number, struct span block)
{
    struct taken *t = arg;
    pthread_mutex_lock(&t->gate);
    pthread_mutex_unlock(&t->gate);
    uint32_t word;
    t->in_order &= number == atomic_load(&t->blocks);
    while (span_take_u32(&block, &word)) {
        t->in_order &= word == t->words++;
    }
    atomic_fetch_add(&t->blocks, 1);
}

/* What is surely done depends on what was handed over, not on the thread. */
static void blocks_arrive_in_order_and_are_done_when_said(void **state)
{
    (void)state;
    struct taken t = {.gate = PTHREAD_MUTEX_INITIALIZER, .in_order = true};
    struct blocks *b;
    assert_int_equal(blocks_create(take_words, &t, &b), 0);
    pthread_mutex_lock(&t.gate);
    uint64_t handed_over = 0;
    uint32_t words = 0;
    while (handed_over < 200) {
        buf_append_u32(blocks_current(b), words++);
        if (blocks_advance(b)) {
            uint64_t done = blocks_done(b);
            assert_true(done <= atomic_load(&t.blocks));
            if (++handed_over == 10) {
                assert_int_equal(done, 0); /* it is held back, and nobody waited for it */
                pthread_mutex_unlock(&t.gate);
            }
        }
    }
    assert_true(blocks_done(b) > 150);
    buf_append_u32(blocks_current(b), words++);
    blocks_drain(b);
    assert_int_equal(atomic_load(&t.blocks), handed_over + 1);
    assert_int_equal(t.words, words);
    assert_true(t.in_order);
    blocks_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_takes_and_refuses_to_overrun),
        cmocka_unit_test(buf_grows_consumes_and_moves),
        cmocka_unit_test(rng_streams_depend_on_seed_owner_and_purpose_only),
        cmocka_unit_test(digests_do_not_depend_on_the_processor),
        cmocka_unit_test(rng_octets_are_the_low_ones_of_single_draws),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(map_keeps_many_keys_through_removal),
        cmocka_unit_test(fsm_allows_what_the_table_says),
        cmocka_unit_test(blocks_arrive_in_order_and_are_done_when_said),
        cmocka_unit_test(diagnostics_show_line_caret_and_near_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
