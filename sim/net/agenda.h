/* The events of a net: by their instants, and those of one instant in the order in which they were
 * scheduled. Scheduling, cancelling and taking cost the same with ten events as with a million, but
 * for the few that are due within the same some milliseconds. Private to sim/net. */
#ifndef SIM_NET_AGENDA_H
#define SIM_NET_AGENDA_H

#include "sim/net/net.h"

struct agenda;

struct agenda_event {
    sim_time at;
    net_timer_fn *fn;
    void *arg;
    uint64_t tag; /* the scheduler's */
};

struct agenda *agenda_create(void);
/* Events that are left do not run. NULL is fine. */
void agenda_free(struct agenda *a);

/* For all events with this function: net_look_ahead(). Set before the first of them. */
void agenda_look_ahead(struct agenda *a, net_timer_fn *fn, net_look_fn *look);
/* For all events with this function: whether one is not to happen any more. Where it says so it has
 * given back what the event held, and is not asked again. */
typedef bool agenda_gone_fn(void *arg);
void agenda_may_go(struct agenda *a, net_timer_fn *fn, agenda_gone_fn *gone);

/* `at`: no earlier than the last event taken. The handle is never 0. */
net_timer agenda_set(struct agenda *a, sim_time at, net_timer_fn *fn, void *arg, uint64_t tag);
/* An event that was taken or cancelled already, or 0, is fine. */
void agenda_cancel(struct agenda *a, net_timer timer);

/* When the next event is due; false: there is none. */
bool agenda_next(struct agenda *a, sim_time *ret);
/* Takes the next event out: agenda_next() has just said that there is one. */
struct agenda_event agenda_take(struct agenda *a);
/* An event was taken, and will run: those behind it are looked at. What they are for must be there
 * still. */
void agenda_come_nearer(struct agenda *a);

#endif
