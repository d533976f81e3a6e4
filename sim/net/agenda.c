/* Four tiers, each for what is farther off. The next few events stand in order: thousands of
 * devices take turns, so what the next one needs is far from the processor, and is fetched while
 * others run. Behind them a heap holds what is due in the current tick. The later ticks of the
 * current window hold theirs unordered, and so do the windows to come: most timers are cancelled
 * long before. */
#include "sim/net/agenda.h"

#include <stdlib.h>
#include <string.h>

enum {
    AHEAD = 8,         /* a power of two */
    TICK_BITS = 22,    /* ns: about 4 ms [ours] */
    WINDOW_TICKS = 64, /* about a quarter of a second [ours] */
    KIND_HINTS = 32
};

/* Where an event waits; its slot says what it is. */
struct entry {
    uint64_t at;
    uint64_t order;
    uint32_t index;
    uint32_t generation; /* another one than the slot's: it was cancelled */
};

struct slot {
    net_timer_fn *fn;
    void *arg;
    uint64_t tag;
    uint32_t generation;
    uint32_t kind; /* index in `kinds` */
};

/* Events with the same function. */
struct kind {
    net_timer_fn *fn;
    net_look_fn *look;    /* or NULL */
    agenda_gone_fn *gone; /* or NULL */
};

struct entries {
    struct entry *items;
    size_t count;
    size_t capacity;
};

struct window {
    uint64_t number;
    struct entries entries;
};

struct agenda {
    struct entry ahead[AHEAD]; /* a ring */
    size_t first, count;
    struct entries heap; /* due before `horizon` */
    uint64_t horizon;    /* the end of the current tick */
    uint64_t window;     /* the current one's number */
    uint64_t filled;     /* a bit for each tick of the window that holds some */
    struct entries ticks[WINDOW_TICKS];
    struct window *far; /* by number, the last one first */
    size_t far_count, far_capacity;
    size_t waiting;  /* entries in all of these but `ahead` */
    size_t sweep_at; /* so many: those that were cancelled are dropped everywhere */
    uint64_t scheduled;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    uint32_t *free_slots;
    size_t free_count, free_capacity;
    struct kind *kinds; /* the first is any other function's */
    size_t kind_count, kind_capacity;
    struct kind_hint {
        net_timer_fn *fn;
        uint32_t kind;
    } hints[KIND_HINTS]; /* found last, by the function's address */
};

enum { SWEEP_LEAST = 1024 };

struct agenda *agenda_create(void)
{
    struct agenda *a = mem_calloc(1, sizeof(*a));
    a->sweep_at = SWEEP_LEAST;
    *MEM_PUSH(a->kinds, a->kind_count, a->kind_capacity) = (struct kind){0};
    return a;
}

void agenda_free(struct agenda *a)
{
    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < WINDOW_TICKS; i++) {
        free(a->ticks[i].items);
    }
    for (size_t i = 0; i < a->far_count; i++) {
        free(a->far[i].entries.items);
    }
    free(a->far);
    free(a->heap.items);
    free(a->slots);
    free(a->free_slots);
    free(a->kinds);
    free(a);
}

static uint32_t kind_of(struct agenda *a, net_timer_fn *fn)
{
    struct kind_hint *hint = &a->hints[(uintptr_t)fn / 16 % KIND_HINTS];
    if (hint->fn != fn) {
        size_t kind = a->kind_count - 1;
        while (kind > 0 && a->kinds[kind].fn != fn) {
            kind--;
        }
        *hint = (struct kind_hint){fn, (uint32_t)kind};
    }
    return hint->kind;
}

static struct kind *make_kind(struct agenda *a, net_timer_fn *fn)
{
    uint32_t kind = kind_of(a, fn);
    if (kind == 0) {
        kind = (uint32_t)a->kind_count;
        *MEM_PUSH(a->kinds, a->kind_count, a->kind_capacity) = (struct kind){.fn = fn};
        memset(a->hints, 0, sizeof(a->hints));
    }
    return &a->kinds[kind];
}

void agenda_look_ahead(struct agenda *a, net_timer_fn *fn, net_look_fn *look)
{
    make_kind(a, fn)->look = look;
}

void agenda_may_go(struct agenda *a, net_timer_fn *fn, agenda_gone_fn *gone)
{
    make_kind(a, fn)->gone = gone;
}

/* --- slots ----------------------------------------------------------------------------------- */

static void free_slot(struct agenda *a, uint32_t index)
{
    a->slots[index].generation++;
    *MEM_PUSH(a->free_slots, a->free_count, a->free_capacity) = index;
}

static bool is_live(struct agenda *a, const struct entry *e)
{
    struct slot *s = &a->slots[e->index];
    if (s->generation != e->generation) {
        return false;
    }
    agenda_gone_fn *gone = a->kinds[s->kind].gone;
    if (gone != NULL && gone(s->arg)) {
        free_slot(a, e->index);
        return false;
    }
    return true;
}

static void drop_cancelled(struct agenda *a, struct entries *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (is_live(a, &e->items[i])) {
            e->items[kept++] = e->items[i];
        }
    }
    a->waiting -= e->count - kept;
    e->count = kept;
}

/* --- the heap -------------------------------------------------------------------------------- */

static bool earlier(const struct entry *a, const struct entry *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_up(struct entries *h, size_t place, struct entry e)
{
    while (place > 0 && earlier(&e, &h->items[(place - 1) / 2])) {
        h->items[place] = h->items[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    h->items[place] = e;
}

/* Moves the hole at `place` down to a leaf. */
static size_t hole_down(struct entries *h, size_t place)
{
    size_t child;
    while ((child = 2 * place + 1) + 1 < h->count) {
        child += earlier(&h->items[child + 1], &h->items[child]);
        h->items[place] = h->items[child];
        place = child;
    }
    if (child < h->count) {
        h->items[place] = h->items[child];
        place = child;
    }
    return place;
}

static struct entry heap_pop(struct entries *h)
{
    struct entry first = h->items[0];
    struct entry last = h->items[--h->count];
    if (h->count > 0) {
        heap_up(h, hole_down(h, 0), last); /* the last one belongs far down most of the time */
    }
    return first;
}

static void heap_down(struct entries *h, size_t place)
{
    struct entry e = h->items[place];
    size_t child;
    while ((child = 2 * place + 1) < h->count) {
        if (child + 1 < h->count && earlier(&h->items[child + 1], &h->items[child])) {
            child++;
        }
        if (!earlier(&h->items[child], &e)) {
            break;
        }
        h->items[place] = h->items[child];
        place = child;
    }
    h->items[place] = e;
}

static void heap_make(struct entries *h)
{
    for (size_t i = h->count / 2; i-- > 0;) {
        heap_down(h, i);
    }
}

/* --- ticks and windows ----------------------------------------------------------------------- */

static struct entry *append(struct entries *e)
{
    return MEM_PUSH(e->items, e->count, e->capacity);
}

static void put_in_tick(struct agenda *a, const struct entry *e)
{
    size_t tick = (size_t)(e->at >> TICK_BITS) % WINDOW_TICKS;
    *append(&a->ticks[tick]) = *e;
    a->filled |= UINT64_C(1) << tick;
}

static struct entries *far_window(struct agenda *a, uint64_t number)
{
    size_t low = 0;
    size_t high = a->far_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (a->far[middle].number > number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == a->far_count || a->far[low].number != number) {
        (void)MEM_PUSH(a->far, a->far_count, a->far_capacity);
        memmove(&a->far[low + 1], &a->far[low], (a->far_count - 1 - low) * sizeof(*a->far));
        a->far[low] = (struct window){.number = number};
    }
    return &a->far[low].entries;
}

/* Puts away an entry that is not among the next few. */
static void put(struct agenda *a, const struct entry *e)
{
    a->waiting++;
    if (e->at < a->horizon) {
        (void)append(&a->heap);
        heap_up(&a->heap, a->heap.count - 1, *e);
        return;
    }
    uint64_t window = (e->at >> TICK_BITS) / WINDOW_TICKS;
    if (window == a->window) {
        put_in_tick(a, e);
    } else {
        *append(far_window(a, window)) = *e;
    }
}

/* Opens the next window that holds something; false: there is none. */
static bool open_window(struct agenda *a)
{
    if (a->far_count == 0) {
        return false;
    }
    struct window w = a->far[--a->far_count];
    a->window = w.number;
    drop_cancelled(a, &w.entries);
    for (size_t i = 0; i < w.entries.count; i++) {
        put_in_tick(a, &w.entries.items[i]);
    }
    free(w.entries.items);
    return true;
}

/* The heap is empty: takes the next tick's entries into it; false: there are none. */
static bool open_tick(struct agenda *a)
{
    while (a->filled == 0) {
        if (!open_window(a)) {
            return false;
        }
    }
    size_t tick = (size_t)__builtin_ctzll(a->filled);
    a->filled &= a->filled - 1;
    a->horizon = (a->window * WINDOW_TICKS + tick + 1) << TICK_BITS;
    struct entries empty = a->heap;
    a->heap = a->ticks[tick];
    a->ticks[tick] = empty;
    drop_cancelled(a, &a->heap);
    heap_make(&a->heap);
    return true;
}

static void sweep(struct agenda *a)
{
    drop_cancelled(a, &a->heap);
    heap_make(&a->heap);
    for (size_t i = 0; i < WINDOW_TICKS; i++) {
        drop_cancelled(a, &a->ticks[i]);
    }
    for (size_t i = 0; i < a->far_count; i++) {
        drop_cancelled(a, &a->far[i].entries);
    }
    a->sweep_at = a->waiting * 2 > SWEEP_LEAST ? a->waiting * 2 : SWEEP_LEAST;
}

/* --- the next few ---------------------------------------------------------------------------- */

static struct entry *at(struct agenda *a, size_t i)
{
    return &a->ahead[(a->first + i) % AHEAD];
}

static void fill(struct agenda *a)
{
    while (a->count < AHEAD) {
        while (a->heap.count == 0) {
            if (!open_tick(a)) {
                return;
            }
        }
        struct entry e = heap_pop(&a->heap);
        a->waiting--;
        __builtin_prefetch(&a->slots[e.index]);
        *at(a, a->count++) = e;
    }
}

static void place(struct agenda *a, const struct entry *e)
{
    if (a->count == 0 || earlier(at(a, a->count - 1), e)) {
        put(a, e);
        return;
    }
    if (a->count == AHEAD) {
        put(a, at(a, --a->count));
    }
    size_t i = a->count++;
    for (; i > 0 && earlier(e, at(a, i - 1)); i--) {
        *at(a, i) = *at(a, i - 1);
    }
    *at(a, i) = *e;
}

void agenda_come_nearer(struct agenda *a)
{
    static const size_t places[NET_LOOK_DEPTHS] = {6, 5, 4, 2, 0};
    for (int depth = 1; depth <= NET_LOOK_DEPTHS; depth++) {
        size_t i = places[depth - 1];
        if (i >= a->count) {
            continue;
        }
        const struct slot *s = &a->slots[at(a, i)->index];
        net_look_fn *tell = a->kinds[s->kind].look;
        if (tell != NULL && s->generation == at(a, i)->generation) {
            tell(s->arg, depth);
        }
    }
}

/* --- what the net calls ---------------------------------------------------------------------- */

net_timer agenda_set(struct agenda *a, sim_time when, net_timer_fn *fn, void *arg, uint64_t tag)
{
    if (a->free_count == 0) {
        *MEM_PUSH(a->free_slots, a->free_count, a->free_capacity) = (uint32_t)a->slot_count;
        *MEM_PUSH(a->slots, a->slot_count, a->slot_capacity) = (struct slot){.generation = 1};
    }
    uint32_t index = a->free_slots[--a->free_count];
    struct slot *s = &a->slots[index];
    s->fn = fn;
    s->arg = arg;
    s->tag = tag;
    s->kind = kind_of(a, fn);
    if (a->waiting >= a->sweep_at) {
        sweep(a);
    }
    place(a, &(struct entry){.at = (uint64_t)when,
                             .order = ++a->scheduled,
                             .index = index,
                             .generation = s->generation});
    return (net_timer)s->generation << 32 | index;
}

void agenda_cancel(struct agenda *a, net_timer timer)
{
    uint32_t index = (uint32_t)timer;
    if (timer != 0 && a->slots[index].generation == timer >> 32) {
        free_slot(a, index);
    }
}

bool agenda_next(struct agenda *a, sim_time *ret)
{
    fill(a);
    while (a->count > 0 && !is_live(a, at(a, 0))) {
        a->first++;
        a->count--;
        fill(a);
    }
    *ret = a->count > 0 ? (sim_time)at(a, 0)->at : 0;
    return a->count > 0;
}

struct agenda_event agenda_take(struct agenda *a)
{
    CHECK(a->count > 0);
    struct entry e = *at(a, 0);
    const struct slot *s = &a->slots[e.index];
    struct agenda_event event = {.at = (sim_time)e.at, .fn = s->fn, .arg = s->arg, .tag = s->tag};
    a->first++;
    a->count--;
    free_slot(a, e.index);
    return event;
}
