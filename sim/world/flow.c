/* Flows: who began what, how it ended, and which messages it took. A flow is written when it has
 * ended and none of its messages is under way any more. */
#include <stdlib.h>

#include "sim/world/account.h"
#include "sim/world/report.h"

struct flow {
    uint64_t id;
    uint64_t parent; /* or 0 */
    const char *kind;
    const char *subject;
    entity_id initiator;
    sim_time started_at, ended_at;
    const char *outcome; /* NULL while open */
    const char *reason;
    bool let_go;      /* ends when it is quiet */
    uint32_t holders; /* the beginning until its end, each message under way, the handler at work */
    uint64_t messages;
    uint64_t plain_bytes, wire_bytes;
    sim_time suspended_at; /* SIM_TIME_NEVER: it is not */
    sim_time interruption;
    uint32_t interruptions;
    struct flow *next, *prev; /* of all that are not written, in order of beginning */
};

static void write_flow(struct world *w, struct flow *f)
{
    const struct flow_row row = {
        .id = f->id,
        .parent = f->parent,
        .kind = f->kind,
        .subject = f->subject,
        .initiator = f->initiator,
        .started_at = f->started_at,
        .ended_at = f->ended_at,
        .outcome = f->outcome != NULL ? f->outcome : "open",
        .reason = f->reason,
        .messages = f->messages,
        .interruptions = f->interruptions,
        .interruption = f->interruption,
        .plain_bytes = f->plain_bytes,
        .wire_bytes = f->wire_bytes,
    };
    report_flow(w, &row);
    if (f->prev != NULL) {
        f->prev->next = f->next;
    } else {
        w->first_flow = f->next;
    }
    if (f->next != NULL) {
        f->next->prev = f->prev;
    } else {
        w->last_flow = f->prev;
    }
    map_remove(&w->flows, f->id);
    pool_put(&w->flow_pool, f);
}

static void end_flow(struct world *w, struct flow *f, const char *outcome, const char *reason)
{
    if (f->suspended_at != SIM_TIME_NEVER) {
        f->interruption += net_now(w->net) - f->suspended_at;
        f->suspended_at = SIM_TIME_NEVER;
    }
    f->outcome = outcome;
    f->reason = reason;
    f->ended_at = net_now(w->net);
}

static void drop_holder(struct world *w, struct flow *f)
{
    CHECK(f->holders > 0);
    if (--f->holders == 0) {
        if (f->outcome == NULL) { /* let go of */
            end_flow(w, f, f->reason == NULL ? "done" : "failed", f->reason);
        }
        write_flow(w, f);
    }
}

static struct flow *find_flow(const struct world *w, uint64_t id)
{
    uint64_t found;
    if (w->current_flow != NULL && w->current_flow->id == id) {
        return w->current_flow;
    }
    return id != 0 && map_get(&w->flows, id, &found) ? (struct flow *)(uintptr_t)found : NULL;
}

/* --- messages
 * ----------------------------------------------------------------------------------------- */

struct flow *flow_take(struct world *w, uint64_t id, size_t plain_bytes)
{
    struct flow *f = id == 0 ? w->current_flow : find_flow(w, id);
    if (f != NULL) {
        f->holders++;
        f->messages++;
        f->plain_bytes += plain_bytes;
    }
    return f;
}

uint64_t flow_id(const struct flow *f)
{
    return f != NULL ? f->id : 0;
}

void flow_carried(struct flow *f, size_t wire_bytes)
{
    if (f != NULL) {
        f->wire_bytes += wire_bytes;
    }
}

void flow_message_over(struct world *w, struct flow *f, bool delivered, const char *reason)
{
    if (f != NULL) {
        if (f->let_go && !delivered && f->reason == NULL) {
            f->reason = reason;
        }
        drop_holder(w, f);
    }
}

void flow_enter(struct world *w, struct flow *f)
{
    struct flow *before = w->current_flow;
    if (f != NULL) {
        f->holders++;
    }
    w->current_flow = f;
    if (before != NULL) {
        drop_holder(w, before);
    }
}

void flow_leave(struct world *w)
{
    if (w->current_flow != NULL) {
        flow_enter(w, NULL);
    }
}

void flow_settle(struct world *w)
{
    flow_leave(w);
    while (w->first_flow != NULL) {
        struct flow *f = w->first_flow;
        if (f->outcome == NULL && f->suspended_at != SIM_TIME_NEVER) {
            f->interruption += net_now(w->net) - f->suspended_at;
        }
        write_flow(w, f);
    }
}

/* --- what entities ask for
 * ---------------------------------------------------------------------------- */

uint64_t entity_flow_begin(struct entity *e, const char *kind, const char *subject)
{
    struct world *w = e->world;
    struct flow *f = pool_take(&w->flow_pool, sizeof(*f));
    *f = (struct flow){
        .id = ++w->next_flow,
        .parent = flow_id(w->current_flow),
        .kind = kind,
        .subject = subject,
        .initiator = e->id,
        .started_at = net_now(w->net),
        .ended_at = SIM_TIME_NEVER,
        .suspended_at = SIM_TIME_NEVER,
        .holders = 1,
        .prev = w->last_flow,
    };
    if (w->last_flow != NULL) {
        w->last_flow->next = f;
    } else {
        w->first_flow = f;
    }
    w->last_flow = f;
    map_set(&w->flows, f->id, (uint64_t)(uintptr_t)f);
    return f->id;
}

void entity_flow_end(struct entity *e, uint64_t flow, enum flow_outcome outcome, const char *reason)
{
    struct world *w = e->world;
    struct flow *f = find_flow(w, flow);
    if (f != NULL && f->outcome == NULL && !f->let_go) {
        end_flow(w, f, flow_outcome_word(outcome), world_intern(w, reason));
        drop_holder(w, f);
    }
}

void entity_flow_let_go(struct entity *e, uint64_t flow)
{
    struct world *w = e->world;
    struct flow *f = find_flow(w, flow);
    if (f != NULL && f->outcome == NULL && !f->let_go) {
        f->let_go = true;
        drop_holder(w, f);
    }
}

uint64_t entity_flow(const struct entity *e)
{
    return flow_id(e->world->current_flow);
}

void entity_flow_resume(struct entity *e, uint64_t flow)
{
    flow_enter(e->world, find_flow(e->world, flow));
}

void entity_flow_suspend(struct entity *e, uint64_t flow)
{
    struct flow *f = find_flow(e->world, flow);
    if (f != NULL && f->outcome == NULL && f->suspended_at == SIM_TIME_NEVER) {
        f->suspended_at = net_now(e->world->net);
        f->interruptions++;
    }
}

void entity_flow_continue(struct entity *e, uint64_t flow)
{
    struct flow *f = find_flow(e->world, flow);
    if (f != NULL && f->outcome == NULL && f->suspended_at != SIM_TIME_NEVER) {
        f->interruption += net_now(e->world->net) - f->suspended_at;
        f->suspended_at = SIM_TIME_NEVER;
    }
}
