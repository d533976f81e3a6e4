/* The event queue against the plainest one there is: a list that is searched for its least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "sim/core/rng.h"
#include "sim/net/agenda.h"

enum { EVENTS = 20000, MOST = 3000 };

enum state { PENDING, CANCELLED, GONE, RELEASED, TAKEN };

struct event {
    sim_time at;
    net_timer timer;
    enum state state;
    bool may_go;
    int looks;
};

struct model {
    struct agenda *agenda;
    struct rng rng;
    struct event *events; /* by order of scheduling */
    size_t count;
    sim_time now;
};

static void run(void *arg)
{
    (void)arg;
}

static void run_or_go(void *arg)
{
    (void)arg;
}

static bool is_gone(void *arg)
{
    struct event *e = arg;
    assert_true(e->state == PENDING || e->state == GONE);
    if (e->state == GONE) {
        e->state = RELEASED;
        return true;
    }
    return false;
}

static void look(const void *arg, int depth)
{
    struct event *e = (struct event *)(uintptr_t)arg;
    assert_int_equal(e->state, PENDING);
    assert_in_range(depth, 1, NET_LOOK_DEPTHS);
    e->looks++;
}

/* Now, soon, within a tick, a window, seconds and hours. */
static sim_time draw_delay(struct model *m)
{
    static const sim_time reach[] = {1, 50, SIM_MS, 20 * SIM_MS, SIM_S, 100 * SIM_S, 7200 * SIM_S};
    sim_time most = reach[rng_u64(&m->rng) % SIM_ARRAY_LEN(reach)];
    return (sim_time)(rng_u64(&m->rng) % (uint64_t)most);
}

static void set_one(struct model *m)
{
    struct event *e = &m->events[m->count++];
    e->at = m->now + draw_delay(m);
    e->may_go = rng_u64(&m->rng) % 4 == 0;
    e->timer = agenda_set(m->agenda, e->at, e->may_go ? run_or_go : run, e, m->count);
    assert_true(e->timer != 0);
}

static void cancel_one(struct model *m)
{
    struct event *e = &m->events[rng_u64(&m->rng) % m->count];
    if (e->state == PENDING && e->may_go) {
        e->state = GONE;
        return;
    }
    e->state = e->state == PENDING ? CANCELLED : e->state;
    if (e->state == CANCELLED || e->state == TAKEN) {
        agenda_cancel(m->agenda, e->timer); /* of one that is not there: nothing happens */
    }
}

static struct event *least(const struct model *m)
{
    struct event *first = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct event *e = &m->events[i];
        if (e->state == PENDING && (first == NULL || e->at < first->at)) {
            first = e;
        }
    }
    return first;
}

static bool take_one(struct model *m)
{
    struct event *expected = least(m);
    sim_time at;
    bool more = agenda_next(m->agenda, &at);
    assert_int_equal(more, expected != NULL);
    if (!more) {
        return false;
    }
    assert_true(at == expected->at && at >= m->now);
    struct agenda_event e = agenda_take(m->agenda);
    assert_ptr_equal(e.arg, expected);
    assert_true(e.at == at && e.tag == (uint64_t)(expected - m->events) + 1);
    assert_true(e.fn == (expected->may_go ? run_or_go : run));
    expected->state = TAKEN;
    m->now = at;
    agenda_come_nearer(m->agenda);
    return true;
}

static void create(struct model *m)
{
    *m = (struct model){.agenda = agenda_create(),
                        .events = mem_calloc(EVENTS, sizeof(struct event))};
    rng_init(&m->rng, 1, "agenda", "test");
    agenda_look_ahead(m->agenda, run, look);
    agenda_may_go(m->agenda, run_or_go, is_gone);
}

static void destroy(struct model *m)
{
    agenda_free(m->agenda);
    free(m->events);
}

static void events_come_as_from_a_list(void **state)
{
    (void)state;
    struct model m;
    create(&m);
    while (m.count < MOST) {
        uint64_t dice = rng_u64(&m.rng) % 8;
        if (dice < 4) {
            set_one(&m);
        } else if (dice < 5 && m.count > 0) {
            cancel_one(&m);
        } else {
            take_one(&m);
        }
    }
    while (take_one(&m)) {
    }
    size_t taken = 0;
    size_t looked = 0;
    size_t released = 0;
    for (size_t i = 0; i < m.count; i++) {
        struct event *e = &m.events[i];
        assert_true(e->state != PENDING && e->state != GONE);
        taken += e->state == TAKEN;
        released += e->state == RELEASED;
        looked += e->looks > 0;
    }
    assert_true(taken > MOST / 2 && looked > MOST / 4 && released > 0);
    destroy(&m);
}

/* What is cancelled gives its place back long before its time. */
static void cancelled_events_take_no_room(void **state)
{
    (void)state;
    struct model m;
    create(&m);
    for (size_t i = 0; i < EVENTS; i++) {
        struct event *e = &m.events[i];
        net_timer timer = agenda_set(m.agenda, 3600 * SIM_S, run_or_go, e, 0);
        assert_true((uint32_t)timer < EVENTS / 4);
        e->state = GONE;
    }
    destroy(&m);
}

static void events_that_are_left_do_not_run(void **state)
{
    (void)state;
    struct model m;
    create(&m);
    while (m.count < 100) {
        set_one(&m);
    }
    take_one(&m);
    destroy(&m);
    agenda_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_as_from_a_list),
        cmocka_unit_test(cancelled_events_take_no_room),
        cmocka_unit_test(events_that_are_left_do_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
