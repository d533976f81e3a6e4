/* Wires whose ends move, or come and go: they are down while an end is absent or out of
 * range. One timer a wire, at the next time at which its reach changes or a leg ends; wires without
 * motion have none. */
#include <stdlib.h>

#include "sim/world/account.h"
#include "sim/world/path.h"
#include "sim/world/report.h"
#include "sim/world/session.h"

struct motion {
    struct wire *wire;
    struct path ends[2];
    double range_m; /* 0: any distance */
    bool placed;    /* both ends have a place */
    bool told;      /* the first row is written */
    struct motion *next;
};

/* --- why a link is down -------------------------------------------------------------------- */

static void apply(struct wire *wire)
{
    bool up = wire->down_faults == 0 && !wire->out_of_reach;
    if (up != net_link_is_up(wire->world->net, wire->link)) {
        net_link_set_up(wire->world->net, wire->link, up);
    }
}

bool motion_fault(struct wire *wire, bool begins)
{
    CHECK(begins || wire->down_faults > 0);
    wire->down_faults += begins ? 1 : UINT32_MAX;
    apply(wire);
    return net_link_is_up(wire->world->net, wire->link);
}

/* --- reach --------------------------------------------------------------------------------- */

static void meet(struct entity *e, const struct entity *peer)
{
    if (e->type->met != NULL && !entity_is_silent(e)) {
        e->type->met(e, e->state, peer->id);
        flow_leave(e->world);
    }
}

static void set_reach(struct motion *m, bool in_reach, sim_time now)
{
    struct wire *wire = m->wire;
    if (m->told && in_reach == !wire->out_of_reach) {
        return;
    }
    bool met = m->told && in_reach && wire->down_faults == 0;
    m->told = true;
    wire->out_of_reach = !in_reach;
    apply(wire);
    report_motion(wire, &m->ends[0].leg, &m->ends[1].leg, m->placed, now);
    struct hop *hop = wire->hop;
    if (met && hop != NULL) {
        reconnect_now(hop);
        meet(hop->client, hop->server);
        if (hop->edge->wire_count == 1) { /* behind a router nobody notices */
            meet(hop->server, hop->client);
        }
    }
}

static void on_timer(void *arg)
{
    struct motion *m = arg;
    struct world *w = m->wire->world;
    sim_time now = net_now(w->net);
    for (int i = 0; i < 2; i++) {
        if (m->ends[i].leg.until <= now) {
            path_next(&m->ends[i]);
        }
    }
    const struct path_leg *a = &m->ends[0].leg;
    const struct path_leg *b = &m->ends[1].leg;
    sim_time enter;
    sim_time leave;
    path_reach(a, b, m->range_m, &enter, &leave);
    set_reach(m, enter <= now && now < leave, now);
    sim_time until = a->until < b->until ? a->until : b->until;
    sim_time next = now < enter ? enter : now < leave ? leave : until;
    if (next <= w->scenario->until) {
        net_timer_set(w->net, next, on_timer, m);
    }
}

/* A gateway on the device of a PNE moves with it. */
static const struct scenario_node *body_of(const struct scenario *s, uint32_t node)
{
    const struct scenario_node *n = &s->nodes[node];
    return n->role == ROLE_GATEWAY && n->twin != SCENARIO_NONE ? &s->nodes[n->twin] : n;
}

static bool comes_and_goes(const struct scenario_node *n)
{
    return n->motion != NULL && n->motion->model == MOBILITY_COME_AND_GO;
}

void motion_start(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->wire_count; i++) {
        struct wire *wire = &w->wires[i];
        const struct scenario_node *a = body_of(s, wire->wire->a);
        const struct scenario_node *b = body_of(s, wire->wire->b);
        double range_m = s->links[wire->wire->link].range_m;
        bool placed = a->placed && b->placed;
        bool bounded = range_m > 0 && placed;
        if (!bounded && !comes_and_goes(a) && !comes_and_goes(b)) {
            continue; /* in reach whatever its ends do */
        }
        struct motion *m = mem_alloc(sizeof(*m));
        m->wire = wire;
        m->placed = placed;
        m->range_m = bounded ? range_m : 0;
        path_start(&m->ends[0], a, s->seed);
        path_start(&m->ends[1], b, s->seed);
        if (a->motion == NULL && b->motion == NULL &&
            path_distance(&m->ends[0].leg, &m->ends[1].leg, 0) <= range_m) {
            free(m); /* in reach for good */
            continue;
        }
        m->next = w->motions;
        w->motions = m;
        on_timer(m);
    }
}

void motion_free(struct world *w)
{
    while (w->motions != NULL) {
        struct motion *m = w->motions;
        w->motions = m->next;
        free(m);
    }
}
