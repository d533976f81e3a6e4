/* Flows in the fake world, as sim/world/flow.c has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_internal.h"

static struct fake_flow *find(const struct fake_world *w, uint64_t id)
{
    return id != 0 && id <= w->flow_count ? &w->flows[id - 1] : NULL;
}

static const char *word(enum flow_outcome outcome)
{
    static const char *const words[] = {"done", "refused", "timeout", "failed"};
    return words[outcome];
}

static void end(struct fake_world *w, struct fake_flow *f, enum flow_outcome outcome,
                const char *reason)
{
    f->over = true;
    f->outcome = outcome;
    f->ended_at = w->now;
    f->reason = reason != NULL ? mem_strdup(reason) : NULL;
    if (f->suspended_at != SIM_TIME_NEVER) {
        f->interruption += w->now - f->suspended_at;
        f->suspended_at = SIM_TIME_NEVER;
    }
    fake_say(w, "%s %s %s: %s%s%s", fake_name(w, f->initiator), f->kind,
             f->subject != NULL ? f->subject : "", word(outcome), reason != NULL ? ": " : "",
             reason != NULL ? reason : "");
}

static void maybe_over(struct fake_world *w, struct fake_flow *f)
{
    if (f->let_go && !f->over && f->under_way == 0) {
        end(w, f, f->failed ? FLOW_FAILED : FLOW_DONE, NULL);
    }
}

uint64_t fake_flow_take(struct fake_world *w, uint64_t flow)
{
    flow = flow == 0 ? w->flow : flow;
    struct fake_flow *f = find(w, flow);
    /* One that is over, with nothing under way, is written and gone. */
    if (f == NULL || (f->over && f->under_way == 0 && flow != w->flow)) {
        return 0;
    }
    f->messages++;
    f->under_way++;
    return flow;
}

void fake_flow_message_over(struct fake_world *w, uint64_t flow, const char *outcome)
{
    struct fake_flow *f = find(w, flow);
    if (f != NULL) {
        f->failed = f->failed || strcmp(outcome, "delivered") != 0;
        f->under_way--;
        maybe_over(w, f);
    }
}

void fake_flows_free(struct fake_world *w)
{
    for (size_t i = 0; i < w->flow_count; i++) {
        free(w->flows[i].subject);
        free(w->flows[i].reason);
    }
    free(w->flows);
}

/* --- what entities ask for
 * ---------------------------------------------------------------------------- */

uint64_t entity_flow_begin(struct entity *e, const char *kind, const char *subject)
{
    struct fake_world *w = e->world;
    *MEM_PUSH(w->flows, w->flow_count, w->flow_capacity) =
        (struct fake_flow){.parent = w->flow,
                           .kind = kind,
                           .subject = subject != NULL ? mem_strdup(subject) : NULL,
                           .initiator = e->id,
                           .started_at = w->now,
                           .suspended_at = SIM_TIME_NEVER};
    return w->flow_count;
}

void entity_flow_end(struct entity *e, uint64_t flow, enum flow_outcome outcome, const char *reason)
{
    struct fake_flow *f = find(e->world, flow);
    if (f != NULL && !f->over && !f->let_go) {
        end(e->world, f, outcome, reason);
    }
}

void entity_flow_let_go(struct entity *e, uint64_t flow)
{
    struct fake_flow *f = find(e->world, flow);
    if (f != NULL && !f->over) {
        f->let_go = true;
        maybe_over(e->world, f);
    }
}

uint64_t entity_flow(const struct entity *e)
{
    return e->world->flow;
}

void entity_flow_resume(struct entity *e, uint64_t flow)
{
    const struct fake_flow *f = find(e->world, flow);
    e->world->flow = f != NULL && !f->over ? flow : 0;
}

void entity_flow_suspend(struct entity *e, uint64_t flow)
{
    struct fake_flow *f = find(e->world, flow);
    if (f != NULL && !f->over && f->suspended_at == SIM_TIME_NEVER) {
        f->suspended_at = e->world->now;
    }
}

void entity_flow_continue(struct entity *e, uint64_t flow)
{
    struct fake_flow *f = find(e->world, flow);
    if (f != NULL && !f->over && f->suspended_at != SIM_TIME_NEVER) {
        f->interruption += e->world->now - f->suspended_at;
        f->suspended_at = SIM_TIME_NEVER;
    }
}

/* --- what tests ask
 * ----------------------------------------------------------------------------------- */

static bool is_kind(const struct fake_flow *f, const char *kind)
{
    return kind == NULL || strcmp(f->kind, kind) == 0;
}

uint32_t fake_flows(const struct fake_world *w, const char *kind, enum flow_outcome outcome)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w->flow_count; i++) {
        const struct fake_flow *f = &w->flows[i];
        count += is_kind(f, kind) && f->over && f->outcome == outcome;
    }
    return count;
}

uint32_t fake_flows_open(const struct fake_world *w, const char *kind)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w->flow_count; i++) {
        count += is_kind(&w->flows[i], kind) && !w->flows[i].over;
    }
    return count;
}

const char *fake_open_flow(const struct fake_world *w)
{
    static char text[200];
    for (size_t i = 0; i < w->flow_count; i++) {
        const struct fake_flow *f = &w->flows[i];
        if (!f->over && !w->entities[f->initiator].silent) {
            snprintf(text, sizeof(text), "%s of %s about %s, begun at %.3f s, is open", f->kind,
                     fake_name(w, f->initiator), f->subject != NULL ? f->subject : "nothing",
                     (double)f->started_at / 1e9);
            return text;
        }
    }
    return "";
}

static const struct fake_flow *last_of(const struct fake_world *w, const char *kind)
{
    for (size_t i = w->flow_count; i > 0; i--) {
        if (is_kind(&w->flows[i - 1], kind)) {
            return &w->flows[i - 1];
        }
    }
    CHECK(!"no such flow");
    return NULL;
}

uint32_t fake_flow_messages(const struct fake_world *w, const char *kind)
{
    return last_of(w, kind)->messages;
}

sim_time fake_flow_interruption(const struct fake_world *w, const char *kind)
{
    return last_of(w, kind)->interruption;
}

uint32_t fake_flows_interrupted(const struct fake_world *w, const char *kind)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w->flow_count; i++) {
        count += is_kind(&w->flows[i], kind) && w->flows[i].over && w->flows[i].interruption > 0;
    }
    return count;
}
