#include "sim/world/small_jobs.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BATCH = 8 };
/* Looks at a slot before the processor is left to others: a job takes some 10,000 cycles. */
enum { LOOKS = 2000 };

enum slot_state { SLOT_WAITING, SLOT_TAKEN, SLOT_DONE };

struct small_batch {
    struct job job;
    void (*run)(void *arg);
    atomic_uint holders; /* slots not finished, and the batch itself while it fills or is queued */
    uint32_t count;
    struct {
        atomic_int state;
        void *arg;
    } slots[BATCH];
};

struct small_jobs {
    struct jobs *jobs;
    bool has_workers;
    void (*run)(void *arg);
    struct small_batch *filling; /* or NULL */
    struct small_batch *spare;   /* free, to be used again; or NULL */
};

struct small_jobs *small_jobs_create(struct jobs *jobs, void (*run)(void *arg))
{
    struct small_jobs *small = mem_alloc(sizeof(*small));
    small->jobs = jobs;
    small->has_workers = jobs_threads(jobs) > 0;
    small->run = run;
    return small;
}

static bool let_go(struct small_batch *b)
{
    return atomic_fetch_sub_explicit(&b->holders, 1, memory_order_acq_rel) == 1;
}

void small_jobs_free(struct small_jobs *small)
{
    if (small != NULL) {
        if (small->filling != NULL) {
            CHECK(let_go(small->filling));
            free(small->filling);
        }
        free(small->spare);
        free(small);
    }
}

/* Whether the job was this thread's to do, and is done. */
static bool take(struct small_batch *b, uint32_t slot)
{
    int waiting = SLOT_WAITING;
    if (!atomic_compare_exchange_strong_explicit(&b->slots[slot].state, &waiting, SLOT_TAKEN,
                                                 memory_order_acquire, memory_order_acquire)) {
        return false;
    }
    b->run(b->slots[slot].arg);
    atomic_store_explicit(&b->slots[slot].state, SLOT_DONE, memory_order_release);
    return true;
}

/* On a worker thread: what the submitter has not done himself. */
static void run_batch(void *arg)
{
    struct small_batch *b = arg;
    for (uint32_t i = 0; i < b->count; i++) {
        take(b, i);
    }
    if (let_go(b)) {
        free(b);
    }
}

static struct small_batch *begin_batch(struct small_jobs *small)
{
    struct small_batch *b = small->spare;
    small->spare = NULL;
    if (b == NULL) {
        b = mem_alloc(sizeof(*b));
    }
    b->job = (struct job){.run = run_batch, .arg = b};
    b->run = small->run;
    b->count = 0;
    atomic_init(&b->holders, 1);
    return b;
}

void small_jobs_submit(struct small_jobs *small, void *arg, struct small_job *ret)
{
    *ret = (struct small_job){0};
    if (!small->has_workers) {
        small->run(arg);
        return;
    }
    if (small->filling == NULL) {
        small->filling = begin_batch(small);
    }
    struct small_batch *b = small->filling;
    ret->batch = b;
    ret->slot = b->count++;
    atomic_init(&b->slots[ret->slot].state, SLOT_WAITING);
    b->slots[ret->slot].arg = arg;
    atomic_fetch_add_explicit(&b->holders, 1, memory_order_relaxed);
    if (b->count == BATCH) {
        small->filling = NULL;
        if (!jobs_submit_spare(small->jobs, &b->job)) {
            run_batch(b); /* they have enough to do */
        }
    }
}

void small_jobs_finish(struct small_jobs *small, struct small_job *job)
{
    struct small_batch *b = job->batch;
    if (b == NULL) {
        return;
    }
    job->batch = NULL;
    if (!take(b, job->slot)) {
        for (int looks = 0;
             atomic_load_explicit(&b->slots[job->slot].state, memory_order_acquire) != SLOT_DONE;
             looks++) {
            if (looks % LOOKS == LOOKS - 1) {
                sched_yield();
            }
        }
    }
    if (let_go(b)) {
        if (small->spare == NULL) {
            small->spare = b;
        } else {
            free(b);
        }
    }
}
