/* Batteries: the charge of a device, drained by its cores' work on sessions, by the octets that it
 * sends and receives, and by time. A device without the key `energy` has none, and costs nothing
 * here but a look at a pointer.
 *
 * Everything is counted in whole picojoules, so that sums do not depend on their order: a microwatt
 * takes one in a microsecond. What entities have to be told, they are told by an event of its own:
 * charges change inside the calls of others. */
#include <stdlib.h>

#include "sim/world/account.h"
#include "sim/world/report.h"

enum { WATCHERS = 2 }; /* a PNE and the gateway on its device */
#define SOONER SIM_S   /* a timer is set anew when it is at least so much too late */

struct battery {
    struct world *world;
    struct entity *entities[WATCHERS]; /* the device's; the second may be NULL */
    int watched[WATCHERS];             /* percent at which it wants to be told; -1: no more */
    int64_t capacity_pj, charge_pj;
    int64_t cpu_pj, sent_pj, received_pj, idle_pj; /* spent so far */
    int64_t idle_uw, active_uw;
    sim_time settled_at; /* idle drain is accounted until then */
    int level;           /* percent, of the last row */
    bool notice_due;
    bool empty;
    net_timer timer; /* the charge may reach the next percent */
    sim_time timer_at;
};

static int level_of(const struct battery *b)
{
    int64_t level = b->charge_pj / (b->capacity_pj / 100);
    return level < 100 ? (int)level : 100;
}

static void take(struct battery *b, int64_t pj, int64_t *spent)
{
    int64_t taken = pj < b->charge_pj ? pj : b->charge_pj;
    b->charge_pj -= taken;
    *spent += taken;
}

/* Idle drain until now. */
static void settle(struct battery *b)
{
    sim_time us = (net_now(b->world->net) - b->settled_at) / SIM_US;
    b->settled_at += us * SIM_US;
    bool lasts = b->idle_uw == 0 || us <= b->charge_pj / b->idle_uw;
    take(b, lasts ? us * b->idle_uw : b->charge_pj, &b->idle_pj);
}

/* --- what follows from a lower charge
 * ------------------------------------------------------------------------------- */

static void on_notice(void *arg)
{
    struct battery *b = arg;
    b->notice_due = false;
    for (size_t i = 0; i < WATCHERS; i++) {
        struct entity *e = b->entities[i];
        if (e != NULL && b->level <= b->watched[i] && !entity_is_silent(e)) {
            b->watched[i] = -1;
            flow_leave(b->world);
            e->type->battery(e, e->state, b->level);
        }
    }
    if (b->charge_pj > 0 || b->empty) {
        return;
    }
    struct entity *owner = b->entities[0];
    b->empty = true;
    CHECK(owner != NULL);
    owner->silent_until = SIM_TIME_NEVER;
    if (b->entities[1] != NULL) {
        b->entities[1]->silent_until = SIM_TIME_NEVER;
    }
    report_event(b->world, "battery_empty", owner, owner->node->id, NULL);
}

static void notice(struct battery *b)
{
    bool wanted = b->charge_pj == 0 && !b->empty;
    for (size_t i = 0; i < WATCHERS; i++) {
        wanted = wanted || (b->entities[i] != NULL && b->level <= b->watched[i]);
    }
    if (wanted && !b->notice_due) {
        b->notice_due = true;
        net_timer_set(b->world->net, net_now(b->world->net), on_notice, b);
    }
}

static void on_timer(void *arg);

/* When idle drain alone reaches the next percent. */
static void set_timer(struct battery *b)
{
    if (b->idle_uw == 0 || b->charge_pj == 0) {
        return;
    }
    int64_t above = b->charge_pj - b->level * (b->capacity_pj / 100);
    sim_time us = (above > 0 ? above : 0) / b->idle_uw + 1;
    sim_time at = us < SIM_TIME_NEVER / SIM_US / 2 ? b->settled_at + us * SIM_US : SIM_TIME_NEVER;
    if (at > b->world->scenario->until || (b->timer_at != 0 && b->timer_at <= at + SOONER)) {
        return;
    }
    if (b->timer_at != 0) {
        net_timer_cancel(b->world->net, b->timer);
    }
    b->timer_at = at;
    b->timer = net_timer_set(b->world->net, at, on_timer, b);
}

static void row(const struct battery *b)
{
    const int64_t uj = 1000000;
    report_battery(b->entities[0], b->level, b->charge_pj / uj, b->cpu_pj / uj, b->sent_pj / uj,
                   b->received_pj / uj, b->idle_pj / uj);
}

static void look(struct battery *b)
{
    int level = level_of(b);
    if (level < b->level) {
        b->level = level;
        row(b);
    }
    notice(b);
    set_timer(b);
}

static void on_timer(void *arg)
{
    struct battery *b = arg;
    b->timer_at = 0;
    settle(b);
    look(b);
}

/* --- what drains it
 * -------------------------------------------------------------------------------------- */

void battery_work(struct battery *b, sim_time cost)
{
    settle(b);
    take(b, cost / SIM_US * b->active_uw + cost % SIM_US * b->active_uw / SIM_US, &b->cpu_pj);
    look(b);
}

/* Octets of the link layer that carry a packet. */
static int64_t octets_of(const struct scenario_link *link, size_t len)
{
    size_t frames = link->frame_bytes > 0 ? (len + link->frame_bytes - 1) / link->frame_bytes : 1;
    return (int64_t)(len + frames * link->overhead_bytes);
}

void battery_packet(const struct wire *wire, size_t len, int direction)
{
    const struct scenario_link *link = &wire->world->scenario->links[wire->wire->link];
    struct battery *sender = wire->batteries[direction];
    struct battery *receiver = wire->batteries[1 - direction];
    int64_t octets = octets_of(link, len);
    if (sender != NULL) {
        settle(sender);
        take(sender, octets * link->sent_pj, &sender->sent_pj);
        look(sender);
    }
    if (receiver != NULL) {
        settle(receiver);
        take(receiver, octets * link->received_pj, &receiver->received_pj);
        look(receiver);
    }
}

/* --- beginning and end
 * ----------------------------------------------------------------------------------- */

static struct battery *create(struct world *w, struct entity *e)
{
    const struct scenario_device *device = &w->scenario->devices[e->node->device];
    struct battery *b = mem_calloc(1, sizeof(*b));
    b->world = w;
    b->entities[0] = e;
    b->watched[0] = b->watched[1] = -1;
    b->capacity_pj = device->energy.capacity_uj * 1000000;
    b->charge_pj = (int64_t)((double)b->capacity_pj * device->battery);
    b->idle_uw = device->energy.idle_uw >= 0 ? device->energy.idle_uw : e->cpu->idle_uw;
    b->active_uw = device->energy.active_uw >= 0 ? device->energy.active_uw : e->cpu->active_uw;
    b->level = level_of(b);
    return b;
}

static struct battery *of_node(const struct world *w, uint32_t node)
{
    const struct entity *e = &w->entities[node];
    return e->type != NULL ? e->processor->battery : NULL;
}

void battery_start(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->node_count; i++) {
        struct entity *e = &w->entities[i];
        if (e->type != NULL && e->processor == e && e->node->device != SCENARIO_NONE &&
            s->devices[e->node->device].energy.modelled) {
            e->battery = create(w, e);
            row(e->battery);
            set_timer(e->battery);
            notice(e->battery);
        }
    }
    for (size_t i = 0; i < s->node_count; i++) {
        struct entity *e = &w->entities[i];
        if (e->type != NULL && e->processor != e && e->processor->battery != NULL) {
            e->processor->battery->entities[1] = e;
        }
    }
    for (size_t i = 0; i < s->wire_count; i++) {
        struct wire *wire = &w->wires[i];
        wire->batteries[0] = of_node(w, wire->wire->a);
        wire->batteries[1] = of_node(w, wire->wire->b);
    }
}

void battery_settle(struct world *w)
{
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        struct battery *b = w->entities[i].battery;
        if (b != NULL) {
            settle(b);
            b->level = level_of(b);
            row(b);
        }
    }
}

void battery_free(struct world *w)
{
    for (size_t i = 0; w->entities != NULL && i < w->scenario->node_count; i++) {
        free(w->entities[i].battery);
    }
}

bool battery_is_empty(const struct entity *e)
{
    return e->processor->battery != NULL && e->processor->battery->empty;
}

/* --- entity.h
 * -------------------------------------------------------------------------------------------- */

int entity_battery(const struct entity *e)
{
    const struct scenario *s = e->world->scenario;
    struct battery *b = e->processor->battery;
    uint32_t device = e->processor->node->device;
    if (b == NULL) {
        return device != SCENARIO_NONE ? (int)(s->devices[device].battery * 100 + 0.5) : 100;
    }
    settle(b);
    return level_of(b);
}

bool entity_on_battery(const struct entity *e)
{
    return e->processor->battery != NULL;
}

int entity_battery_low(const struct entity *e)
{
    CHECK(entity_on_battery(e));
    const struct scenario *s = e->world->scenario;
    return (int)(s->devices[e->processor->node->device].energy.low * 100 + 0.5);
}

void entity_battery_watch(struct entity *e, int percent)
{
    struct battery *b = e->processor->battery;
    CHECK(e->type->battery != NULL);
    if (b != NULL) {
        b->watched[b->entities[0] == e ? 0 : 1] = percent;
        notice(b);
    }
}
