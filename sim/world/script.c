/* What the scenario makes happen: workload and faults. */
#include <stddef.h>
#include <stdlib.h>

#include "sim/world/account.h"
#include "sim/world/report.h"
#include "sim/world/session.h"

/* One node of one item of `workload`. */
struct performer {
    struct entity *entity;
    const struct scenario_work *work;
    struct rng rng;
    uint64_t done;
    struct performer *next; /* of all, to be freed */
};

static void perform(void *arg);

static void schedule(struct performer *p, sim_time at)
{
    struct world *w = p->entity->world;
    if (at <= w->scenario->until && at <= p->work->until) {
        net_timer_set(w->net, at, perform, p);
    }
}

/* The server that an entity belongs to. */
static entity_id home_server(const struct scenario *s, entity_id node)
{
    while (s->nodes[node].peer != SCENARIO_NONE) {
        node = s->nodes[node].peer;
    }
    return node;
}

static void perform(void *arg)
{
    struct performer *p = arg;
    struct entity *e = p->entity;
    const struct scenario_work *work = p->work;
    sim_time now = net_now(e->world->net);
    uint32_t target = SCENARIO_NONE;
    if (work->to_count > 0) {
        target = work->to[work->to_count > 1 ? rng_below(&p->rng, work->to_count) : 0];
    } else if (work->to_home) {
        target = home_server(e->world->scenario, e->id);
    }
    size_t size = (size_t)dist_sample_i64(&work->size, &p->rng);
    if (!entity_is_silent(e)) {
        e->type->work(e, e->state, work, target, size);
        flow_leave(e->world);
    }
    p->done++;
    if (work->repeats && p->done < work->count) {
        int64_t wait = dist_sample_i64(&work->every, &p->rng);
        schedule(p, now + (wait > 0 ? wait : 1));
    }
}

/* What its next request will need first (net.h). */
static void look_at_performer(const void *arg, int depth)
{
    enum { STATE_BYTES = 384 };
    const struct performer *p = arg;
    if (depth == 1) {
        net_fetch(p, sizeof(*p));
    } else if (depth == 2) {
        net_fetch(p->entity, offsetof(struct entity, random_counts));
    } else if (depth == 3) {
        net_fetch(p->entity->state, STATE_BYTES);
        net_fetch(p->entity->node, sizeof(*p->entity->node));
        net_fetch((const void *)p->entity->rngs, 1);
    } else {
        const struct hop *hop = entity_hop(p->entity, p->entity->node->peer);
        if (depth == 4 && p->entity->rng_count > 0) {
            net_fetch(p->entity->rngs[0], sizeof(**p->entity->rngs));
        }
        if (hop != NULL && depth == 4) {
            net_fetch(hop, offsetof(struct hop, edge));
        } else if (hop != NULL) {
            channel_look_to_send(hop, p->entity, 0);
        }
    }
}

static void start_work(struct world *w, size_t number)
{
    const struct scenario_work *work = &w->scenario->work[number];
    char purpose[32];
    snprintf(purpose, sizeof(purpose), "work/%zu", number);
    for (size_t i = 0; i < work->from_count; i++) {
        struct performer *p = mem_alloc(sizeof(*p));
        p->entity = &w->entities[work->from[i]];
        p->work = work;
        rng_init(&p->rng, w->scenario->seed, p->entity->node->id, purpose);
        p->next = w->performers;
        w->performers = p;
        schedule(p, work->at + (work->repeats ? dist_sample_i64(&work->every, &p->rng) : 0));
    }
}

/* --- faults
 * ------------------------------------------------------------------------------------------ */

struct fault_event {
    struct world *world;
    const struct scenario_fault *fault;
    bool begins;
    struct fault_event *next;
};

static void wake_entity(struct world *w, struct entity *e)
{
    for (struct channel *c = w->first_channel; c != NULL; c = c->next) {
        for (int side = 0; side < 2; side++) {
            if (c->ends[side].entity == e) {
                step_kick(&c->ends[side]);
            }
        }
    }
}

static void on_fault(void *arg)
{
    const struct fault_event *f = arg;
    struct world *w = f->world;
    sim_time now = net_now(w->net);
    for (size_t i = 0; i < f->fault->target_count; i++) {
        uint32_t target = f->fault->targets[i];
        switch (f->fault->verb) {
        case FAULT_LINK_DOWN: {
            struct wire *wire = &w->wires[target];
            bool up = motion_fault(wire, f->begins);
            report_event(w,
                         up          ? "link_up"
                         : f->begins ? "link_down"
                                     : "link_stays_down",
                         NULL, wire->wire->id, f->fault->id);
            break;
        }
        case FAULT_NODE_SILENT: {
            struct entity *e = &w->entities[target];
            sim_time lasts = f->fault->duration;
            if (battery_is_empty(e)) {
                break; /* whatever the fault does */
            }
            e->silent_until = !f->begins                ? 0
                              : lasts == SIM_TIME_NEVER ? SIM_TIME_NEVER
                                                        : now + lasts;
            report_event(w, f->begins ? "node_silent" : "node_answers", e, e->node->id,
                         f->fault->id);
            if (!f->begins) {
                wake_entity(w, e);
            }
            break;
        }
        }
    }
}

static void schedule_fault(struct world *w, const struct scenario_fault *fault, bool begins)
{
    struct fault_event *f = mem_alloc(sizeof(*f));
    *f =
        (struct fault_event){.world = w, .fault = fault, .begins = begins, .next = w->fault_events};
    w->fault_events = f;
    net_timer_set(w->net, fault->at + (begins ? 0 : fault->duration), on_fault, f);
}

void script_start(struct world *w)
{
    net_look_ahead(w->net, perform, look_at_performer);
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->fault_count; i++) {
        schedule_fault(w, &s->faults[i], true);
        if (s->faults[i].duration != SIM_TIME_NEVER) {
            schedule_fault(w, &s->faults[i], false);
        }
    }
    for (size_t i = 0; i < s->work_count; i++) {
        start_work(w, i);
    }
}

void script_free(struct world *w)
{
    while (w->performers != NULL) {
        struct performer *p = w->performers;
        w->performers = p->next;
        free(p);
    }
    while (w->fault_events != NULL) {
        struct fault_event *f = w->fault_events;
        w->fault_events = f->next;
        free(f);
    }
}
