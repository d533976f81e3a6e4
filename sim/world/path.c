#include "sim/world/path.h"

#include <math.h>
#include <string.h>

#define LEAST_SPEED 1e-3

static double seconds(sim_time t)
{
    return (double)t / 1e9;
}

/* `from + t`, or never where that is beyond the end of time. */
static sim_time later(sim_time from, sim_time t)
{
    return t >= SIM_TIME_NEVER - from ? SIM_TIME_NEVER : from + t;
}

/* --- legs ---------------------------------------------------------------------------------- */

static void stand(struct path *p, sim_time until)
{
    p->leg.until = until;
    memset(p->leg.velocity, 0, sizeof(p->leg.velocity));
    memcpy(p->goal, p->leg.place, sizeof(p->goal));
}

static void go(struct path *p, const double goal[3], sim_time until)
{
    double duration = seconds(until - p->leg.from);
    p->leg.until = until;
    memcpy(p->goal, goal, sizeof(p->goal));
    for (int i = 0; i < 3; i++) {
        p->leg.velocity[i] = (goal[i] - p->leg.place[i]) / duration;
    }
}

static void to_point(struct path *p)
{
    const struct scenario_motion *m = p->node->motion;
    while (p->next_point < m->point_count && m->points[p->next_point].at <= p->leg.from) {
        p->next_point++;
    }
    if (p->next_point == m->point_count) {
        stand(p, SIM_TIME_NEVER);
        return;
    }
    go(p, m->points[p->next_point].place, m->points[p->next_point].at);
}

/* On the way and at rest in turn; what takes no time is left out. */
static void wander(struct path *p)
{
    const struct scenario_motion *m = p->node->motion;
    p->pausing = !p->pausing;
    if (p->pausing) {
        int64_t pause = dist_sample_i64(&m->pause, &p->rng);
        if (pause > 0) {
            stand(p, later(p->leg.from, pause));
            return;
        }
        p->pausing = false;
    }
    double goal[3] = {0, 0, p->leg.place[2]};
    double length = 0;
    for (int i = 0; i < 2; i++) {
        goal[i] = m->low[i] + (m->high[i] - m->low[i]) * rng_unit(&p->rng);
        length = hypot(length, goal[i] - p->leg.place[i]);
    }
    double speed = fmax(dist_sample(&m->speed, &p->rng), LEAST_SPEED);
    double way = length / speed * 1e9;
    sim_time duration = way < 9e18 ? (sim_time)llround(way) : SIM_TIME_NEVER;
    go(p, goal, later(p->leg.from, duration > 0 ? duration : 1));
}

static void alternate(struct path *p)
{
    const struct scenario_motion *m = p->node->motion;
    int64_t stay = dist_sample_i64(p->leg.present ? &m->present : &m->absent, &p->rng);
    stand(p, later(p->leg.from, stay > 0 ? stay : 1));
}

static void make_leg(struct path *p)
{
    if (p->node->motion == NULL) {
        stand(p, SIM_TIME_NEVER);
        return;
    }
    switch (p->node->motion->model) {
    case MOBILITY_WAYPOINTS:
        to_point(p);
        break;
    case MOBILITY_RANDOM_WAYPOINT:
        wander(p);
        break;
    case MOBILITY_COME_AND_GO:
        alternate(p);
        break;
    }
}

void path_start(struct path *p, const struct scenario_node *node, uint64_t seed)
{
    *p = (struct path){.node = node, .leg = {.present = true}};
    memcpy(p->leg.place, node->place, sizeof(p->leg.place));
    p->pausing = true; /* a random waypoint begins by going */
    if (node->motion != NULL) {
        rng_init(&p->rng, seed, node->id, "motion");
        p->leg.present =
            node->motion->model != MOBILITY_COME_AND_GO || !node->motion->starts_absent;
    }
    make_leg(p);
}

void path_next(struct path *p)
{
    CHECK(p->leg.until != SIM_TIME_NEVER);
    p->leg.from = p->leg.until;
    memcpy(p->leg.place, p->goal, sizeof(p->leg.place));
    if (p->node->motion->model == MOBILITY_COME_AND_GO) {
        p->leg.present = !p->leg.present;
    }
    make_leg(p);
}

/* --- reach --------------------------------------------------------------------------------- */

void path_place(const struct path_leg *leg, sim_time at, double place[3])
{
    double t = seconds(at - leg->from);
    for (int i = 0; i < 3; i++) {
        place[i] = leg->place[i] + leg->velocity[i] * t;
    }
}

double path_distance(const struct path_leg *a, const struct path_leg *b, sim_time at)
{
    double p[3];
    double q[3];
    path_place(a, at, p);
    path_place(b, at, q);
    return sqrt((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) +
                (p[2] - q[2]) * (p[2] - q[2]));
}

/* `base` + `t` seconds as a whole number of ns, rounded by `direction`, kept from `low` to `high`.
 */
static sim_time instant(sim_time base, double t, double (*direction)(double), sim_time low,
                        sim_time high)
{
    double ns = direction(t * 1e9);
    if (ns >= (double)high - (double)base) {
        return high;
    }
    if (ns <= (double)low - (double)base) {
        return low;
    }
    return base + (sim_time)ns;
}

static double after(double x)
{
    return floor(x) + 1;
}

void path_reach(const struct path_leg *a, const struct path_leg *b, double range_m, sim_time *enter,
                sim_time *leave)
{
    sim_time from = a->from > b->from ? a->from : b->from;
    sim_time until = a->until < b->until ? a->until : b->until;
    *enter = *leave = until;
    if (!a->present || !b->present) {
        return;
    }
    if (range_m <= 0) {
        *enter = from;
        return;
    }
    /* |d + v t|^2 <= range^2, t seconds after `from`: v2 t^2 + 2 dv t + c <= 0. */
    double d[3];
    double p[3];
    double v2 = 0;
    double dv = 0;
    double c = -range_m * range_m;
    path_place(a, from, d);
    path_place(b, from, p);
    for (int i = 0; i < 3; i++) {
        double v = b->velocity[i] - a->velocity[i];
        d[i] = p[i] - d[i];
        v2 += v * v;
        dv += d[i] * v;
        c += d[i] * d[i];
    }
    if (v2 == 0) {
        *enter = c <= 0 ? from : until;
        return;
    }
    double discriminant = dv * dv - v2 * c;
    if (discriminant < 0) {
        return;
    }
    /* The root that does not cancel, and the other through the product of the two. */
    double q = dv >= 0 ? -dv - sqrt(discriminant) : -dv + sqrt(discriminant);
    double first = q / v2;
    double second = q != 0 ? c / q : first;
    sim_time in = instant(from, fmin(first, second), ceil, from, until);
    sim_time out = instant(from, fmax(first, second), after, from, until);
    if (in < out) {
        *enter = in;
        *leave = out;
    }
}
