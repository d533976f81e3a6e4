/* Timers of entities: what one was asked for arrives once, cancelled ones never, and a handle that
 * is over never reaches the timer that has its place now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/cli/commands.h"
#include "sim/scenario/scenario.h"
#include "sim/world/world.h"

enum { MOST = 16 };

/* What arrived of the one entity that sets timers, in order. */
static struct arrived {
    uint32_t kind;
    uint64_t arg;
    sim_time at;
} log_of[MOST];
static size_t count;

static uint64_t first, second;

enum kind { FIRST = 1, SECOND, THIRD, IN_PLACE_OF_SECOND, IN_PLACE_OF_FIRST, AGAIN, NEVER };

static void on_start(struct entity *e, void *state)
{
    (void)state;
    first = entity_timer_set(e, 1 * SIM_S, FIRST, 11);
    second = entity_timer_set(e, 2 * SIM_S, SECOND, 12);
    entity_timer_set(e, 3 * SIM_S, THIRD, UINT64_MAX);
    assert_true(first != 0 && second != 0 && first != second);
    entity_timer_cancel(e, 0);
    entity_timer_cancel(e, second);
    uint64_t other = entity_timer_set(e, 2 * SIM_S, IN_PLACE_OF_SECOND, 13);
    assert_true(other != second);
    entity_timer_cancel(e, second);
    uint64_t never = entity_timer_set(e, SIM_TIME_NEVER, NEVER, 0);
    entity_timer_cancel(e, never);
    entity_timer_cancel(e, never);
}

static void on_timer(struct entity *e, void *state, uint32_t kind, uint64_t arg)
{
    (void)state;
    assert_true(count < MOST);
    log_of[count++] = (struct arrived){kind, arg, entity_now(e)};
    if (kind == FIRST) {
        entity_timer_set(e, -1, IN_PLACE_OF_FIRST, 14); /* as early as may be */
        entity_timer_cancel(e, first);
    } else if (kind == THIRD) {
        entity_timer_set(e, SIM_S / 2, AGAIN, 15);
        entity_timer_set(e, SIM_TIME_NEVER, NEVER, 0); /* beyond the end, and freed with it */
    }
}

static enum disposition on_message(struct entity *e, void *state, const struct received *message)
{
    (void)e;
    (void)state;
    (void)message;
    return MESSAGE_DELIVERED;
}

static void on_channel(struct entity *e, void *state, entity_id peer, enum channel_event event,
                       const char *reason)
{
    (void)e;
    (void)state;
    (void)peer;
    (void)event;
    (void)reason;
}

static void on_work(struct entity *e, void *state, const struct scenario_work *work,
                    uint32_t target, size_t size)
{
    (void)e;
    (void)state;
    (void)work;
    (void)target;
    (void)size;
}

static void idle(struct entity *e, void *state)
{
    (void)e;
    (void)state;
}

static const struct entity_type setter = {.name = "pne",
                                          .role = ROLE_PNE,
                                          .start = on_start,
                                          .message = on_message,
                                          .channel = on_channel,
                                          .timer = on_timer,
                                          .work = on_work,
                                          .finish = idle};
/* The scenario topologies/minimal.yaml with one entity that sets timers and two that do nothing. */
static void run_it(void)
{
    struct entity_type other = setter;
    other.start = idle;
    const struct entity_type *const types[] = {
        [ROLE_PNE] = &setter, [ROLE_GATEWAY] = &other, [ROLE_SERVER] = &other};
    struct world_models models = *cli_models();
    models.types = types;
    const struct scenario_options given = {0};
    const struct world_options options = {.database = ":memory:", .workers = 1, .ideal_net = true};
    const volatile sig_atomic_t stop = 0;
    struct diag_list diags = {0};
    struct scenario *s = NULL;
    struct world *w;
    const char *path = "topologies/minimal.yaml";
    assert_int_equal(scenario_load(path, &given, cli_vocabulary(), &s, &diags), 0);
    count = 0;
    assert_int_equal(world_create(s, &models, &options, &w, &diags), 0);
    assert_int_equal(world_run(w, &stop, NULL, NULL), 0);
    assert_non_null(world_settle(w));
    assert_int_equal(world_finish(w, "ok", &diags), 0);
    scenario_free(s);
    diag_list_fini(&diags);
}

static void what_was_asked_for_arrives_once(void **state)
{
    (void)state;
    static const struct arrived wanted[] = {{FIRST, 11, 1 * SIM_S},
                                            {IN_PLACE_OF_FIRST, 14, 1 * SIM_S},
                                            {IN_PLACE_OF_SECOND, 13, 2 * SIM_S},
                                            {THIRD, UINT64_MAX, 3 * SIM_S},
                                            {AGAIN, 15, 3 * SIM_S + SIM_S / 2}};
    run_it();
    assert_int_equal(count, SIM_ARRAY_LEN(wanted));
    sim_time start = log_of[0].at - wanted[0].at; /* when the entity was switched on */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(log_of[i].kind, wanted[i].kind);
        assert_int_equal(log_of[i].arg, wanted[i].arg);
        assert_int_equal(log_of[i].at - start, wanted[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_asked_for_arrives_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
