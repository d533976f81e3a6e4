/* Jobs of a few microseconds, which would not pay for a lock and a wake-up each: worker threads get
 * them by the batch, and whoever wants a result that nobody has begun on computes it himself. One
 * thread submits and finishes; without worker threads each runs when it is submitted. */
#ifndef SIM_WORLD_SMALL_JOBS_H
#define SIM_WORLD_SMALL_JOBS_H

#include "sim/world/jobs.h"

struct small_jobs;
struct small_batch;

/* A job's place, from small_jobs_submit() to small_jobs_finish(). All zero: none. */
struct small_job {
    struct small_batch *batch; /* private; NULL: it has run */
    uint32_t slot;
};

/* `jobs` must outlive it, `run` be the same for all. */
struct small_jobs *small_jobs_create(struct jobs *jobs, void (*run)(void *arg));
/* All jobs must have been finished. NULL is fine. */
void small_jobs_free(struct small_jobs *small);
void small_jobs_submit(struct small_jobs *small, void *arg, struct small_job *ret);
/* Returns when it has run; it may be finished again. */
void small_jobs_finish(struct small_jobs *small, struct small_job *job);

#endif
