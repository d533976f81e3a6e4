/* Worker threads: every job runs once, whoever waits; ThreadSanitizer watches in the tsan preset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

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
        work[i] = (struct work){.job = {.run = run, .arg = &work[i]}, .input = i};
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
            work[i] = (struct work){.job = {.run = run, .arg = &work[i]}, .input = i};
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inline_and_threads_agree),
                                       cmocka_unit_test(idle_work_may_be_dropped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
