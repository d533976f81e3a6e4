/* Small jobs: each runs once, whoever does it and in whatever order results are wanted;
 * ThreadSanitizer watches in the tsan preset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "sim/world/small_jobs.h"

enum { JOBS = 3001 }; /* the last batch is not full */

struct work {
    struct small_job job;
    uint64_t input, output;
    int runs;
};

static void run(void *arg)
{
    struct work *w = arg;
    uint64_t x = w->input;
    for (int i = 0; i < 300; i++) {
        x = x * UINT64_C(6364136223846793005) + 1;
    }
    w->output = x;
    w->runs++;
}

static uint64_t sum_with(uint32_t threads, size_t window)
{
    struct jobs *jobs;
    assert_int_equal(jobs_create(threads, &jobs), 0);
    struct small_jobs *small = small_jobs_create(jobs, run);
    struct work *work = calloc(JOBS, sizeof(*work));
    uint64_t sum = 0;
    for (size_t i = 0; i < JOBS + window; i++) {
        if (i < JOBS) {
            work[i].input = i;
            small_jobs_submit(small, &work[i], &work[i].job);
        }
        if (i >= window) {
            struct work *due = &work[i - window];
            small_jobs_finish(small, &due->job);
            small_jobs_finish(small, &due->job); /* once more does nothing */
            assert_int_equal(due->runs, 1);
            sum = sum * 31 + due->output;
        }
    }
    small_jobs_free(small);
    jobs_free(jobs);
    free(work);
    return sum;
}

static void every_job_runs_once(void **state)
{
    (void)state;
    uint64_t expected = sum_with(0, 0);
    static const size_t windows[] = {0, 1, 7, 8, 20, 500};
    for (uint32_t threads = 0; threads <= 4; threads += threads + 1) {
        for (size_t i = 0; i < SIM_ARRAY_LEN(windows); i++) {
            assert_true(sum_with(threads, windows[i]) == expected);
        }
    }
}

/* The submitter's long job goes first: small ones are his then. */
static void spare_work_gives_way(void **state)
{
    (void)state;
    struct jobs *jobs;
    struct work work = {.input = 1};
    struct job first = {.run = run, .arg = &work};
    struct job spare = {.run = run, .arg = &work};
    assert_int_equal(jobs_create(0, &jobs), 0);
    assert_int_equal(jobs_threads(jobs), 0);
    jobs_submit(jobs, &first);
    assert_false(jobs_submit_spare(jobs, &spare));
    jobs_wait(jobs, &first);
    jobs_free(jobs);
    assert_int_equal(work.runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(spare_work_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
