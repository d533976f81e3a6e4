/* Paths of nodes and the times at which two of them are in reach: against counting, against
 * sampling, against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "sim/world/path.h"

static struct path_leg still(double x, double y)
{
    return (struct path_leg){.until = SIM_TIME_NEVER, .place = {x, y, 0}, .present = true};
}

static struct path_leg going(double x, double y, double vx, double vy, sim_time until)
{
    return (struct path_leg){
        .until = until, .place = {x, y, 0}, .velocity = {vx, vy, 0}, .present = true};
}

static void reach_is(const struct path_leg *a, const struct path_leg *b, double range_m,
                     sim_time enter, sim_time leave)
{
    for (int turn = 0; turn < 2; turn++) {
        sim_time in = -1;
        sim_time out = -1;
        path_reach(turn == 0 ? a : b, turn == 0 ? b : a, range_m, &in, &out);
        assert_int_equal(in, enter);
        assert_int_equal(out, leave);
    }
}

/* A walker passes a node at 2 m/s: the distance is known at each moment. */
static void crossings_are_at_the_times_that_geometry_gives(void **state)
{
    (void)state;
    struct path_leg home = still(0, 0);
    struct path_leg walk = going(-20, 6, 2, 0, 100 * SIM_S);
    reach_is(&home, &walk, 10, 6 * SIM_S, 14 * SIM_S + 1); /* x from -8 to 8: both ends within */
    reach_is(&home, &walk, 6, 10 * SIM_S, 10 * SIM_S + 1); /* grazes at one moment */
    reach_is(&home, &walk, 5.999, 100 * SIM_S, 100 * SIM_S);
    reach_is(&home, &walk, 1000, 0, 100 * SIM_S);
    reach_is(&home, &walk, 0, 0, 100 * SIM_S); /* no limit */
    struct path_leg begun = going(-4, 6, 2, 0, 3 * SIM_S);
    reach_is(&home, &begun, 10, 0, 3 * SIM_S);
    struct path_leg two = going(20, 6, -2, 0, 9 * SIM_S);
    reach_is(&walk, &two, 10, 7500 * SIM_MS, 9 * SIM_S); /* towards each other at 4 m/s */
    struct path_leg along = going(-20, 1, 2, 0, 50 * SIM_S);
    reach_is(&walk, &along, 5, 0, 50 * SIM_S); /* side by side, 5 m apart */
    reach_is(&walk, &along, 4.9, 50 * SIM_S, 50 * SIM_S);
}

static void the_absent_are_in_reach_of_nobody(void **state)
{
    (void)state;
    struct path_leg home = still(0, 0);
    struct path_leg away = still(0, 0);
    away.present = false;
    away.until = 7 * SIM_S;
    reach_is(&home, &away, 10, 7 * SIM_S, 7 * SIM_S);
    reach_is(&home, &away, 0, 7 * SIM_S, 7 * SIM_S);
}

static void legs_share_only_the_time_of_both(void **state)
{
    (void)state;
    struct path_leg home = still(0, 0);
    home.from = 10 * SIM_S;
    home.until = 12 * SIM_S;
    struct path_leg walk = going(-20, 0, 2, 0, 100 * SIM_S);
    reach_is(&home, &walk, 10, 10 * SIM_S, 12 * SIM_S);
    home.from = 1 * SIM_S;
    home.until = 2 * SIM_S;
    reach_is(&home, &walk, 10, 2 * SIM_S, 2 * SIM_S);
}

static double draw(struct rng *r, double low, double high)
{
    return low + (high - low) * rng_unit(r);
}

/* Random pairs of legs: on either side of each crossing the distance is on either side of the
 * range, and samples in between agree. Rounding: to 1 micrometre. */
static void crossings_agree_with_sampling(void **state)
{
    (void)state;
    enum { PAIRS = 20000, SAMPLES = 40 };
    struct rng r;
    rng_init(&r, 7, "test", "pairs");
    int crossed = 0;
    for (int i = 0; i < PAIRS; i++) {
        struct path_leg legs[2];
        for (int k = 0; k < 2; k++) {
            legs[k] = going(draw(&r, -50, 50), draw(&r, -50, 50), draw(&r, -3, 3), draw(&r, -3, 3),
                            (sim_time)draw(&r, 1e9, 60e9));
            legs[k].place[2] = draw(&r, 0, 5);
            legs[k].from = (sim_time)draw(&r, 0, 1e9);
        }
        double range = draw(&r, 1, 60);
        sim_time from = legs[0].from > legs[1].from ? legs[0].from : legs[1].from;
        sim_time until = legs[0].until < legs[1].until ? legs[0].until : legs[1].until;
        sim_time enter;
        sim_time leave;
        path_reach(&legs[0], &legs[1], range, &enter, &leave);
        assert_true(from <= enter && enter <= leave && leave <= until);
        sim_time times[SAMPLES + 4] = {enter, enter - 1, leave, leave - 1};
        for (int k = 0; k < SAMPLES; k++) {
            times[4 + k] = from + (until - from) * k / SAMPLES;
        }
        for (size_t k = 0; k < SIM_ARRAY_LEN(times); k++) {
            if (times[k] < from || times[k] >= until) {
                continue;
            }
            double d = path_distance(&legs[0], &legs[1], times[k]);
            bool inside = enter <= times[k] && times[k] < leave;
            assert_true(inside ? d <= range + 1e-6 : d > range - 1e-6);
        }
        crossed += enter != from || leave != until;
    }
    assert_true(crossed > PAIRS / 4);
}

/* --- paths --------------------------------------------------------------------------------- */

/* Legs follow each other without a gap in time or place. */
static void next_is_joined_on(struct path *p)
{
    struct path_leg before = p->leg;
    path_next(p);
    assert_int_equal(p->leg.from, before.until);
    assert_true(p->leg.until > p->leg.from);
    double end[3];
    path_place(&before, before.until, end);
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(end[i] - p->leg.place[i]) < 1e-6);
    }
}

static void waypoints_are_passed_at_their_times(void **state)
{
    (void)state;
    struct scenario_waypoint points[] = {{.at = 10 * SIM_S, .place = {30, 0, 0}},
                                         {.at = 20 * SIM_S, .place = {30, 0, 0}},
                                         {.at = 25 * SIM_S, .place = {30, 40, 2}}};
    struct scenario_motion m = {.model = MOBILITY_WAYPOINTS, .points = points, .point_count = 3};
    struct scenario_node node = {.id = "n", .placed = true, .place = {0, 0, 0}, .motion = &m};
    struct path p;
    double place[3];
    path_start(&p, &node, 1);
    path_place(&p.leg, 5 * SIM_S, place);
    assert_true(place[0] == 15 && place[1] == 0);
    next_is_joined_on(&p);
    path_place(&p.leg, 13 * SIM_S, place);
    assert_true(place[0] == 30 && place[1] == 0);
    next_is_joined_on(&p);
    path_place(&p.leg, 24 * SIM_S, place);
    assert_true(place[0] == 30 && fabs(place[1] - 32) < 1e-9 && fabs(place[2] - 1.6) < 1e-9);
    next_is_joined_on(&p);
    assert_int_equal(p.leg.from, 25 * SIM_S);
    assert_true(p.leg.until == SIM_TIME_NEVER && p.leg.place[1] == 40 && p.leg.velocity[1] == 0);
}

static const struct scenario_motion wandering = {
    .model = MOBILITY_RANDOM_WAYPOINT,
    .low = {-10, 5},
    .high = {30, 25},
    .speed = {.kind = DIST_UNIFORM, .a = 0.5, .b = 2},
    .pause = {.kind = DIST_EXPONENTIAL, .a = 5e9},
};

static void a_random_waypoint_keeps_to_area_and_speed(void **state)
{
    (void)state;
    struct scenario_node node = {
        .id = "n", .placed = true, .place = {0, 10, 1}, .motion = &wandering};
    struct path p;
    path_start(&p, &node, 3);
    int ways = 0;
    int pauses = 0;
    double speeds = 0;
    for (int i = 0; i < 4000; i++) {
        double speed = hypot(p.leg.velocity[0], p.leg.velocity[1]);
        assert_true(p.leg.place[0] >= -10 && p.leg.place[0] <= 30);
        assert_true(p.leg.place[1] >= 5 && p.leg.place[1] <= 25);
        assert_true(p.leg.place[2] == 1 && p.leg.velocity[2] == 0);
        if (speed > 0) {
            assert_true(speed >= 0.5 - 1e-6 && speed <= 2 + 1e-6);
            speeds += speed;
            ways++;
        } else {
            pauses++;
        }
        next_is_joined_on(&p);
    }
    assert_int_equal(ways, pauses); /* in turn */
    assert_true(fabs(speeds / ways - 1.25) < 0.05);
}

/* A node's path is its own: by seed and name, not by who else asks for one. */
static void a_path_depends_on_seed_and_name_alone(void **state)
{
    (void)state;
    struct scenario_node one = {.id = "one", .placed = true, .motion = &wandering};
    struct scenario_node two = {.id = "two", .placed = true, .motion = &wandering};
    struct path a;
    struct path b;
    struct path other;
    struct path seeded;
    path_start(&a, &one, 3);
    path_start(&other, &two, 3);
    path_start(&seeded, &one, 4);
    assert_true(other.leg.until != a.leg.until && seeded.leg.until != a.leg.until);
    for (int i = 0; i < 10; i++) {
        path_next(&other);
    }
    path_start(&b, &one, 3);
    for (int i = 0; i < 100; i++) {
        assert_memory_equal(&a.leg, &b.leg, sizeof(a.leg));
        path_next(&a);
        path_next(&other);
        path_next(&b);
    }
}

static void come_and_go_alternates_and_keeps_its_means(void **state)
{
    (void)state;
    struct scenario_motion m = {.model = MOBILITY_COME_AND_GO,
                                .present = {.kind = DIST_EXPONENTIAL, .a = 60e9},
                                .absent = {.kind = DIST_EXPONENTIAL, .a = 20e9},
                                .starts_absent = true};
    struct scenario_node node = {.id = "n", .motion = &m};
    struct path p;
    path_start(&p, &node, 5);
    enum { TURNS = 20000 };
    double sums[2] = {0};
    for (int i = 0; i < 2 * TURNS; i++) {
        assert_int_equal(p.leg.present, i % 2);
        sums[i % 2] += (double)(p.leg.until - p.leg.from) / 1e9;
        next_is_joined_on(&p);
    }
    assert_true(fabs(sums[0] / TURNS - 20) < 1);
    assert_true(fabs(sums[1] / TURNS - 60) < 2);
    m.starts_absent = false;
    path_start(&p, &node, 5);
    assert_true(p.leg.present);
}

/* Draws of nothing take at least a nanosecond; without motion a path has one leg. */
static void time_goes_on(void **state)
{
    (void)state;
    struct scenario_motion m = {.model = MOBILITY_COME_AND_GO,
                                .present = {.kind = DIST_NORMAL, .a = 0, .b = 1},
                                .absent = {.kind = DIST_NORMAL, .a = 0, .b = 1}};
    struct scenario_node node = {.id = "n", .motion = &m};
    struct path p;
    path_start(&p, &node, 5);
    for (int i = 0; i < 100; i++) {
        next_is_joined_on(&p);
    }
    struct scenario_node rock = {.id = "rock", .placed = true, .place = {1, 2, 3}};
    path_start(&p, &rock, 5);
    assert_true(p.leg.until == SIM_TIME_NEVER && p.leg.present && p.leg.place[2] == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crossings_are_at_the_times_that_geometry_gives),
        cmocka_unit_test(the_absent_are_in_reach_of_nobody),
        cmocka_unit_test(legs_share_only_the_time_of_both),
        cmocka_unit_test(crossings_agree_with_sampling),
        cmocka_unit_test(waypoints_are_passed_at_their_times),
        cmocka_unit_test(a_random_waypoint_keeps_to_area_and_speed),
        cmocka_unit_test(a_path_depends_on_seed_and_name_alone),
        cmocka_unit_test(come_and_go_alternates_and_keeps_its_means),
        cmocka_unit_test(time_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
