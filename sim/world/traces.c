/* Links that change over time, by the traces of the scenario: each row holds until the next. */
#include <stdlib.h>

#include "sim/world/build.h"

/* One link profile that has a trace, with its wires. */
struct trace_run {
    struct world *world;
    const struct scenario_link *link;
    uint32_t *wires;
    size_t wire_count, wire_capacity;
    sim_time round; /* when the trace began, the last time */
    size_t next;    /* step to come */
    struct scenario_trace_step now;
    struct trace_run *behind;
};

static void apply_to(struct trace_run *t, struct wire *wire)
{
    struct net_link_params params;
    wire_params(t->world->scenario, wire->wire, &params);
    params.delay = t->now.has_delay ? t->now.delay : params.delay;
    params.rate_bps = t->now.has_rate ? t->now.rate_bps : params.rate_bps;
    if (t->now.has_loss) {
        params.loss = (struct net_loss){.model = t->now.loss > 0 ? NET_LOSS_RANDOM : NET_LOSS_NONE,
                                        .rate = t->now.loss};
    }
    CHECK(net_link_change(t->world->net, wire->link, &params) == 0);
    wire->trace_changes++;
}

static void step(struct trace_run *t)
{
    const struct scenario_trace_step *s = &t->link->trace->steps[t->next];
    if (s->has_delay) {
        t->now.has_delay = true;
        t->now.delay = s->delay;
    }
    if (s->has_rate) {
        t->now.has_rate = true;
        t->now.rate_bps = s->rate_bps;
    }
    if (s->has_loss) {
        t->now.has_loss = true;
        t->now.loss = s->loss;
    }
    for (size_t i = 0; i < t->wire_count; i++) {
        apply_to(t, &t->world->wires[t->wires[i]]);
    }
    t->next++;
    if (t->next == t->link->trace->step_count && t->link->trace_period != SIM_TIME_NEVER) {
        t->next = 0;
        t->round += t->link->trace_period;
    }
}

static void on_time(void *arg)
{
    struct trace_run *t = arg;
    const struct scenario_trace *trace = t->link->trace;
    sim_time now = net_now(t->world->net);
    while (t->next < trace->step_count && t->round + trace->steps[t->next].at <= now) {
        step(t);
    }
    if (t->next < trace->step_count) {
        sim_time at = t->round + trace->steps[t->next].at;
        if (at <= t->world->scenario->until) {
            net_timer_set(t->world->net, at, on_time, t);
        }
    }
}

void traces_start(struct world *w)
{
    const struct scenario *s = w->scenario;
    struct trace_run **runs = mem_calloc(s->link_count, sizeof(*runs));
    struct trace_run **tail = &w->trace_runs;
    for (size_t i = 0; i < s->link_count; i++) {
        if (s->links[i].trace != NULL) {
            runs[i] = mem_alloc(sizeof(*runs[i]));
            *runs[i] = (struct trace_run){.world = w, .link = &s->links[i]};
            *tail = runs[i];
            tail = &runs[i]->behind;
        }
    }
    for (uint32_t i = 0; i < s->wire_count; i++) {
        struct trace_run *t = runs[s->wires[i].link];
        if (t != NULL) {
            *MEM_PUSH(t->wires, t->wire_count, t->wire_capacity) = i;
        }
    }
    for (size_t i = 0; i < s->link_count; i++) {
        if (runs[i] != NULL && runs[i]->wire_count > 0) {
            on_time(runs[i]);
        }
    }
    free(runs);
}

void traces_free(struct world *w)
{
    while (w->trace_runs != NULL) {
        struct trace_run *t = w->trace_runs;
        w->trace_runs = t->behind;
        free(t->wires);
        free(t);
    }
}
