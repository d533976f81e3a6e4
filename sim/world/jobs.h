/* Jobs on worker threads. A job's result is fetched with jobs_wait(); the waiting thread helps with
 * the work, so that zero workers is simply "inline". Jobs share nothing that changes. */
#ifndef SIM_WORLD_JOBS_H
#define SIM_WORLD_JOBS_H

#include <stdatomic.h>

#include "sim/core/base.h"

struct jobs;

struct job {
    void (*run)(void *arg);
    void *arg;
    sim_time due;     /* of jobs_submit(): the result is wanted then, the earliest first */
    atomic_int state; /* private, like the rest */
    size_t place;     /* in the queue */
    uint64_t number;  /* of those due at once the first submitted is first */
    struct job *next; /* of jobs_submit_idle() */
};

/* `threads` worker threads besides the caller's; -SIM_EIO when the system gives none. */
int jobs_create(uint32_t threads, struct jobs **ret);
/* All jobs must have been waited for. NULL is fine. */
void jobs_free(struct jobs *jobs);
uint32_t jobs_threads(const struct jobs *jobs);
/* Queues `job` (run, arg and due set by the caller; lives until jobs_wait() returned). */
void jobs_submit(struct jobs *jobs, struct job *job);
/* Queues work that nobody waits for and that may as well never be done: threads do it that have
 * nothing else to do; without worker threads it is not done. Lives until jobs_drop_idle(). */
void jobs_submit_idle(struct jobs *jobs, struct job *job);
/* No idle work is done or queued from now on. */
void jobs_drop_idle(struct jobs *jobs);
/* Returns when `job` has run; runs it, or others meanwhile, itself. */
void jobs_wait(struct jobs *jobs, struct job *job);

#endif
