#include <math.h>
#include <string.h>

#include "sim/scenario/loader.h"

/* Where the nodes stand at the start, and how they move. What is drawn comes from a stream of the
 * node's own: another node changes no place. */

#define PI 3.14159265358979323846

/* --- places -------------------------------------------------------------------------------- */

static double between(struct rng *r, double low, double high)
{
    return low + (high - low) * rng_unit(r);
}

static void place_copy(const struct loader *l, const struct raw_node *raw, uint32_t copy,
                       struct scenario_node *n)
{
    struct rng r;
    rng_init(&r, l->s->seed, n->id, "place");
    n->placed = true;
    if (value_ok(&raw->place)) {
        memcpy(n->place, raw->place.v.lengths.at, sizeof(n->place));
    } else if (value_ok(&raw->disc)) {
        memcpy(n->place, raw->centre.v.lengths.at, sizeof(n->place));
        double distance = raw->radius.v.d * sqrt(rng_unit(&r));
        double angle = 2 * PI * rng_unit(&r);
        n->place[0] += distance * cos(angle);
        n->place[1] += distance * sin(angle);
    } else if (value_ok(&raw->grid)) {
        uint32_t columns = (uint32_t)raw->columns.v.i;
        memcpy(n->place, raw->origin.v.lengths.at, sizeof(n->place));
        uint32_t row = copy / columns;
        n->place[0] += raw->step.v.lengths.at[0] * (copy % columns);
        n->place[1] += raw->step.v.lengths.at[1] * row;
    } else {
        const double *x = raw->even_x.v.lengths.at;
        const double *y = raw->even_y.v.lengths.at;
        n->place[0] = between(&r, x[0], x[1]);
        n->place[1] = between(&r, y[0], y[1]);
    }
}

/* Whether `position` says one thing, completely. */
static bool check_position(struct loader *l, const struct raw_node *raw)
{
    static const char *const keys[] = {"at", "disc", "grid", "uniform"};
    const struct value *values[] = {&raw->place, &raw->disc, &raw->grid, &raw->even};
    const struct value *parts[] = {&raw->place, &raw->centre,  &raw->radius, &raw->origin,
                                   &raw->step,  &raw->columns, &raw->even_x, &raw->even_y};
    size_t given = 0;
    bool good = true;
    for (size_t i = 0; i < SIM_ARRAY_LEN(values); i++) {
        given += values[i]->state != VALUE_ABSENT;
        good = good && values[i]->state != VALUE_BAD;
        if (values[i]->state == VALUE_GIVEN && given == 2) {
            report_error(&l->report,
                         values[i]->at->key != NULL ? values[i]->at->key : values[i]->at,
                         "inconsistent", "\"%s\" beside another key: a position is said in one way",
                         keys[i]);
            good = false;
        }
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(parts); i++) {
        good = good && parts[i]->state != VALUE_BAD;
    }
    if (given == 0 && raw->position.state == VALUE_GIVEN && !raw->head.unknown) {
        report_error(&l->report, raw->position.at, "missing-key",
                     "position needs one of the keys \"at\", \"disc\", \"grid\" and \"uniform\"");
    }
    if (value_ok(&raw->grid) && value_ok(&raw->step) && raw->step.v.lengths.count != 2) {
        report_error(&l->report, raw->step.at, "out-of-range",
                     "\"step\" is two lengths: along the row, and to the next row");
        good = false;
    }
    return good && given == 1;
}

/* --- mobility ------------------------------------------------------------------------------ */

/* Each model has its own keys. */
static bool check_keys(struct loader *l, const struct raw_node *raw)
{
    static const struct {
        const char *key;
        enum scenario_mobility model;
        bool required;
        size_t offset;
    } keys[] = {
        {"points", MOBILITY_WAYPOINTS, true, offsetof(struct raw_node, points)},
        {"area", MOBILITY_RANDOM_WAYPOINT, true, offsetof(struct raw_node, area)},
        {"speed", MOBILITY_RANDOM_WAYPOINT, true, offsetof(struct raw_node, speed)},
        {"pause", MOBILITY_RANDOM_WAYPOINT, false, offsetof(struct raw_node, pause)},
        {"present", MOBILITY_COME_AND_GO, true, offsetof(struct raw_node, present_for)},
        {"absent", MOBILITY_COME_AND_GO, true, offsetof(struct raw_node, absent_for)},
        {"first", MOBILITY_COME_AND_GO, false, offsetof(struct raw_node, first)},
    };
    if (!value_ok(&raw->model)) {
        return false;
    }
    enum scenario_mobility model = (enum scenario_mobility)raw->model.v.i;
    bool good = true;
    for (size_t i = 0; i < SIM_ARRAY_LEN(keys); i++) {
        const struct value *v = (const struct value *)((const unsigned char *)raw + keys[i].offset);
        good = good && v->state != VALUE_BAD;
        if (v->state == VALUE_GIVEN && keys[i].model != model) {
            report_error(&l->report, v->at->key, "inconsistent",
                         "\"%s\" has no meaning with model: %s", keys[i].key,
                         words_mobility[model]);
            good = false;
        } else if (v->state == VALUE_ABSENT && keys[i].model == model && keys[i].required) {
            report_error(&l->report, raw->mobility.at, "missing-key",
                         "model: %s needs the key \"%s\"", words_mobility[model], keys[i].key);
            good = false;
        }
    }
    return good;
}

static bool take_points(struct loader *l, const struct raw_node *raw, struct scenario_motion *m)
{
    size_t count = raw->points.v.entries.count;
    if (count == 0) {
        report_error(&l->report, raw->points.at, "empty-list", "\"points\" is empty");
        return false;
    }
    m->points = arena_array(l->arena, count, sizeof(*m->points));
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        const struct raw_waypoint *p = (const struct raw_waypoint *)raw->points.v.entries.items[i];
        if (!value_ok(&p->at) || !value_ok(&p->to)) {
            good = false;
            continue;
        }
        m->points[i].at = p->at.v.i;
        memcpy(m->points[i].place, p->to.v.lengths.at, sizeof(m->points[i].place));
        if (good && i > 0 && m->points[i].at <= m->points[i - 1].at) {
            report_error(&l->report, p->at.at, "inconsistent",
                         "points are in order of time, and this one is not after the one before");
            good = false;
        } else if (i == 0 && m->points[0].at == 0 && raw->position.state == VALUE_GIVEN) {
            report_error(&l->report, p->at.at, "inconsistent",
                         "a point at 0 s and a position: the node is at one place");
            good = false;
        }
    }
    m->point_count = count;
    return good;
}

/* A duration or a speed that may never be above 0. */
static bool never_above_zero(const struct dist *d, double least)
{
    return d->kind == DIST_UNIFORM || d->kind == DIST_NORMAL ? d->a <= 0 && d->b <= 0
                                                             : d->a < least;
}

static bool take_times(struct loader *l, const struct raw_node *raw, struct scenario_motion *m)
{
    m->present = raw->present_for.v.dist;
    m->absent = raw->absent_for.v.dist;
    m->starts_absent = value_ok(&raw->first) && raw->first.v.i == 1;
    const struct value *values[] = {&raw->present_for, &raw->absent_for};
    bool good = true;
    for (size_t i = 0; i < SIM_ARRAY_LEN(values); i++) {
        if (never_above_zero(&values[i]->v.dist, 1)) {
            report_error(&l->report, values[i]->at, "out-of-range",
                         "a stay of no time would repeat without end at one moment");
            good = false;
        }
    }
    return good;
}

static bool take_area(struct loader *l, const struct raw_node *raw, struct scenario_motion *m)
{
    if (!value_ok(&raw->area_x) || !value_ok(&raw->area_y)) {
        return false;
    }
    m->low[0] = raw->area_x.v.lengths.at[0];
    m->high[0] = raw->area_x.v.lengths.at[1];
    m->low[1] = raw->area_y.v.lengths.at[0];
    m->high[1] = raw->area_y.v.lengths.at[1];
    m->speed = raw->speed.v.dist;
    m->pause = value_ok(&raw->pause) ? raw->pause.v.dist : dist_constant(0);
    if (never_above_zero(&m->speed, 1e-3)) {
        report_error(&l->report, raw->speed.at, "out-of-range",
                     "at this speed it would never arrive: at least 1 mm/s");
        return false;
    }
    if (m->low[0] == m->high[0] && m->low[1] == m->high[1]) {
        report_error(&l->report, raw->area.at, "inconsistent",
                     "an area that is a point has nowhere to go to");
        return false;
    }
    return true;
}

static const struct scenario_motion *take_motion(struct loader *l, const struct raw_node *raw)
{
    if (raw->mobility.state != VALUE_GIVEN || !check_keys(l, raw)) {
        return NULL;
    }
    struct scenario_motion *m = arena_alloc(l->arena, sizeof(*m));
    m->model = (enum scenario_mobility)raw->model.v.i;
    bool good = false;
    switch (m->model) {
    case MOBILITY_WAYPOINTS:
        good = take_points(l, raw, m);
        break;
    case MOBILITY_RANDOM_WAYPOINT:
        good = take_area(l, raw, m);
        break;
    case MOBILITY_COME_AND_GO:
        good = take_times(l, raw, m);
        break;
    }
    return good ? m : NULL;
}

/* A node that moves and has no position begins where its movement does. */
static void begin_motion(const struct loader *l, struct scenario_node *n)
{
    const struct scenario_motion *m = n->motion;
    if (m == NULL || n->placed) {
        return;
    }
    struct rng r;
    switch (m->model) {
    case MOBILITY_WAYPOINTS:
        n->placed = true;
        memcpy(n->place, m->points[0].place, sizeof(n->place));
        break;
    case MOBILITY_RANDOM_WAYPOINT:
        n->placed = true;
        rng_init(&r, l->s->seed, n->id, "place");
        n->place[0] = between(&r, m->low[0], m->high[0]);
        n->place[1] = between(&r, m->low[1], m->high[1]);
        break;
    case MOBILITY_COME_AND_GO:
        break;
    }
}

/* --- what may mislead ---------------------------------------------------------------------- */

static double distance(const struct scenario_node *a, const struct scenario_node *b)
{
    double x = a->place[0] - b->place[0];
    double y = a->place[1] - b->place[1];
    double z = a->place[2] - b->place[2];
    return sqrt(x * x + y * y + z * z);
}

static bool moves(const struct scenario_node *n)
{
    return n->motion != NULL && n->motion->model != MOBILITY_COME_AND_GO;
}

static bool never_meet(const struct loader *l, const struct scenario_wire *w)
{
    const struct scenario_node *a = &l->s->nodes[w->a];
    const struct scenario_node *b = &l->s->nodes[w->b];
    double range_m = l->s->links[w->link].range_m;
    return range_m > 0 && a->placed && b->placed && !moves(a) && !moves(b) &&
           distance(a, b) > range_m;
}

/* The node that stands for a device: a gateway on the device of a PNE is where that is. */
static uint32_t body_of(const struct loader *l, uint32_t node)
{
    const struct scenario_node *n = &l->s->nodes[node];
    return n->role == ROLE_GATEWAY && n->twin != SCENARIO_NONE ? n->twin : node;
}

/* Wires out of reach for good are likely a slip, and so is movement that no wire feels. */
static void warn(struct loader *l)
{
    const struct storage *st = l->storage;
    bool *felt = arena_array(l->arena, l->s->node_count, sizeof(*felt));
    const struct scenario_wire **apart = arena_array(l->arena, l->s->node_count, sizeof(*apart));
    for (size_t i = 0; i < l->s->wire_count; i++) {
        const struct scenario_wire *w = &l->s->wires[i];
        uint32_t a = body_of(l, w->a);
        if (l->s->links[w->link].range_m > 0 && l->s->nodes[w->a].placed &&
            l->s->nodes[w->b].placed) {
            felt[a] = felt[body_of(l, w->b)] = true;
        }
        if (apart[a] == NULL && never_meet(l, w)) {
            apart[a] = w;
        }
    }
    for (size_t i = 0; i < st->node_entry_count; i++) {
        const struct node_entry *e = &st->node_entries[i];
        const struct scenario_wire *far = NULL; /* one of an entry is enough */
        bool any = e->derived;
        for (uint32_t k = 0; k < e->count; k++) {
            any = any || felt[e->first + k];
            far = far == NULL ? apart[e->first + k] : far;
        }
        if (far != NULL) {
            const struct scenario_node *n = &l->s->nodes[far->a];
            const struct scenario_node *peer = &l->s->nodes[far->b];
            const struct scenario_link *link = &l->s->links[far->link];
            report_warning(&l->report, e->raw->position.at, "never-happens",
                           "%s is never in reach: %.6g m from %s, and %s reaches %.6g m", n->id,
                           distance(n, peer), peer->id, link->name, link->range_m);
        }
        if (e->count > 0 && !any && !e->detached && moves(&l->s->nodes[e->first])) {
            report_warning(&l->report, e->raw->mobility.at, "no-effect",
                           "this movement changes nothing: none of the node's links has a range "
                           "and a peer with a position");
        }
    }
}

void places_resolve(struct loader *l)
{
    struct storage *st = l->storage;
    bool any = false;
    for (size_t i = 0; i < st->node_entry_count; i++) {
        struct node_entry *e = &st->node_entries[i];
        for (uint32_t k = 0; e->derived && k < e->count; k++) {
            struct scenario_node *n = &l->s->nodes[e->first + k];
            const struct scenario_node *pne = &l->s->nodes[n->twin];
            n->motion = pne->motion;
            n->placed = pne->placed;
            memcpy(n->place, pne->place, sizeof(n->place));
        }
        if (e->derived) {
            continue;
        }
        bool placed = check_position(l, e->raw);
        const struct scenario_motion *motion = take_motion(l, e->raw);
        for (uint32_t k = 0; k < e->count; k++) {
            struct scenario_node *n = &l->s->nodes[e->first + k];
            n->motion = motion;
            if (placed) {
                place_copy(l, e->raw, k, n);
            }
            begin_motion(l, n);
        }
        any = any || placed || motion != NULL;
    }
    if (any && l->report.diags->errors == 0) {
        warn(l);
    }
}
