/* Worker threads: every job runs once, whoever waits; ThreadSanitizer watches in the tsan preset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "sim/world/jobs.h"

enum { JOBS = 2000 };

struct work {
    struct job job;
    uint64_t input;
    uint64_t output;
    int runs;
};

static void run(void *arg)
{
    struct work *w = arg;
    uint64_t x = w->input;
    for (int i = 0; i < 500; i++) {
        x = x * UINT64_C(6364136223846793005) + 1;
    }
    w->output = x;
    w->runs++;
}

static void every_job_runs_once_with(uint32_t threads)
{
    struct jobs *jobs;
    assert_int_equal(jobs_create(threads, &jobs), 0);
    struct work *work = calloc(JOBS, sizeof(*work));
    uint64_t sum = 0;
    for (size_t i = 0; i < JOBS; i++) {
        work[i] = (struct work){
            .job = {.run = run, .arg = &work[i], .due = (sim_time)(i * 7919 % 100)}, .input = i};
        jobs_submit(jobs, &work[i].job);
        if (i % 3 == 2) { /* wait for some early, in another order */
            jobs_wait(jobs, &work[i - 1].job);
        }
    }
    for (size_t i = JOBS; i-- > 0;) {
        jobs_wait(jobs, &work[i].job);
        assert_int_equal(work[i].runs, 1);
        sum += work[i].output;
    }
    jobs_free(jobs);
    free(work);
    static uint64_t expected;
    if (expected == 0) {
        expected = sum;
    }
    assert_true(sum == expected);
}

static void inline_and_threads_agree(void **state)
{
    (void)state;
    every_job_runs_once_with(0);
    every_job_runs_once_with(1);
    every_job_runs_once_with(4);
}

/* Idle work is done at most once, never after it was dropped, and disturbs nobody. */
static void idle_work_may_be_dropped(void **state)
{
    (void)state;
    for (uint32_t threads = 0; threads < 3; threads++) {
        struct jobs *jobs;
        assert_int_equal(jobs_create(threads, &jobs), 0);
        struct work *work = calloc(JOBS, sizeof(*work));
        struct work urgent = {.job = {.run = run, .arg = &urgent}, .input = 1};
        for (size_t i = 0; i < JOBS; i++) {
            work[i] = (struct work){
                .job = {.run = run, .arg = &work[i], .due = (sim_time)(i * 7919 % 100)},
                .input = i};
            jobs_submit_idle(jobs, &work[i].job);
        }
        jobs_submit(jobs, &urgent.job);
        jobs_wait(jobs, &urgent.job);
        assert_int_equal(urgent.runs, 1);
        jobs_drop_idle(jobs);
        int done = 0;
        for (size_t i = 0; i < JOBS; i++) {
            assert_in_range(work[i].runs, 0, 1);
            done += work[i].runs;
            work[i].job.run = NULL; /* whoever runs it now ends here */
        }
        assert_true(threads > 0 || done == 0);
        jobs_free(jobs);
        free(work);
    }
}

struct ordered {
    struct job job;
    pthread_mutex_t *gate;
    atomic_uint *done;
    unsigned place;
};

static void run_ordered(void *arg)
{
    struct ordered *o = arg;
    pthread_mutex_lock(o->gate);
    pthread_mutex_unlock(o->gate);
    o->place = atomic_fetch_add(o->done, 1);
}

/* Whatever the order of submission: what is wanted first is not kept waiting by what has time. */
static void the_earliest_due_is_run_first(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct jobs *jobs;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    atomic_uint done = 0;
    struct ordered *work = calloc(COUNT + 1, sizeof(*work));
    assert_non_null(work);
    assert_int_equal(jobs_create(1, &jobs), 0);
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i <= COUNT; i++) {
        sim_time due = i == 0 ? -1 : (sim_time)(i * 7919 % 50);
        work[i] = (struct ordered){
            .job = {.run = run_ordered, .arg = &work[i], .due = due}, .gate = &gate, .done = &done};
        jobs_submit(jobs, &work[i].job);
        if (i == 100) { /* the second half finds the thread with nothing to do */
            pthread_mutex_unlock(&gate);
            while (atomic_load(&done) <= 100) {
                sched_yield();
            }
            pthread_mutex_lock(&gate);
        }
    }
    pthread_mutex_unlock(&gate);
    while (atomic_load(&done) <= COUNT) {
        sched_yield();
    }
    for (size_t i = 0; i <= COUNT; i++) {
        jobs_wait(jobs, &work[i].job);
    }
    /* The thread took one of each half when it was all there was. */
    unsigned late = 0;
    for (size_t i = 1; i <= COUNT; i++) {
        for (size_t j = 1; j <= COUNT; j++) {
            bool same_half = (i <= 100) == (j <= 100);
            bool first =
                work[i].job.due < work[j].job.due || (i < j && work[i].job.due == work[j].job.due);
            late += same_half && first && work[i].place > work[j].place;
        }
    }
    assert_true(late < 100); /* pairs of 19,800: those with the one that was taken too early */
    jobs_free(jobs);
    free(work);
}

/* --- jobs that meet ------------------------------------------------------------------------- */

enum { THREADS = 4, BURSTS = 500, LONGEST_S = 30 };

/* All of a burst have to run at the same time. */
struct meeting {
    struct job job;
    atomic_int *here;
    atomic_bool *missed;
};

static void meet(void *arg)
{
    struct meeting *m = arg;
    struct timespec now, begin;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    atomic_fetch_add(m->here, 1);
    while (atomic_load(m->here) % THREADS != 0 && !atomic_load(m->missed)) {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > LONGEST_S) {
            atomic_store(m->missed, true);
        }
    }
}

/* A thread that looks for work takes one job; those that sleep have to be woken for the rest. */
static void a_burst_wakes_as_many_as_it_needs(void **state)
{
    (void)state;
    struct jobs *jobs;
    atomic_int here = 0;
    atomic_bool missed = false;
    struct meeting m[THREADS];
    assert_int_equal(jobs_create(THREADS - 1, &jobs), 0);
    for (int burst = 0; burst < BURSTS && !atomic_load(&missed); burst++) {
        for (size_t i = 0; i < THREADS; i++) {
            m[i] = (struct meeting){{.run = meet, .arg = &m[i]}, &here, &missed};
            jobs_submit(jobs, &m[i].job);
        }
        for (size_t i = 0; i < THREADS; i++) {
            jobs_wait(jobs, &m[i].job);
        }
    }
    jobs_free(jobs);
    assert_false(atomic_load(&missed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inline_and_threads_agree),
                                       cmocka_unit_test(the_earliest_due_is_run_first),
                                       cmocka_unit_test(a_burst_wakes_as_many_as_it_needs),
                                       cmocka_unit_test(idle_work_may_be_dropped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
