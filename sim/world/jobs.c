#include "sim/world/jobs.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_DONE };
/* A thread looks for a millisecond before it sleeps: to sleep and to be woken takes a virtual
 * machine's processor 50 us and more. Between, others may have its processor. */
enum { LOOKS = 20000, LOOKS_A_TURN = 200 };

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t queued;   /* workers wait for work */
    pthread_cond_t finished; /* the event loop waits for a result */
    struct job **queue;      /* a heap by due and number: the next to run is the first */
    size_t count, capacity;
    uint64_t number;
    struct job *first_idle, *last_idle;
    uint32_t idle_running;
    uint32_t waiting;      /* worker threads that sleep */
    atomic_bool looking;   /* one of the others has nothing to do */
    atomic_uint submitted; /* changes with each job */
    bool stop;
    uint32_t thread_count;
    pthread_t *threads;
};

static bool comes_before(const struct job *a, const struct job *b)
{
    return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void put(struct jobs *jobs, size_t place, struct job *job)
{
    jobs->queue[place] = job;
    job->place = place;
}

/* To where it belongs between `place` and the heap's top. */
static void rise(struct jobs *jobs, size_t place, struct job *job)
{
    while (place > 0 && comes_before(job, jobs->queue[(place - 1) / 2])) {
        put(jobs, place, jobs->queue[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(jobs, place, job);
}

/* To where it belongs between `place` and the leaves. */
static void sink(struct jobs *jobs, size_t place, struct job *job)
{
    for (size_t child = 2 * place + 1; child < jobs->count; child = 2 * place + 1) {
        if (child + 1 < jobs->count && comes_before(jobs->queue[child + 1], jobs->queue[child])) {
            child++;
        }
        if (!comes_before(jobs->queue[child], job)) {
            break;
        }
        put(jobs, place, jobs->queue[child]);
        place = child;
    }
    put(jobs, place, job);
}

static void enqueue(struct jobs *jobs, struct job *job)
{
    job->number = jobs->number++;
    *MEM_PUSH(jobs->queue, jobs->count, jobs->capacity) = job;
    rise(jobs, jobs->count - 1, job);
}

static void unlink_job(struct jobs *jobs, struct job *job)
{
    struct job *last = jobs->queue[--jobs->count];
    if (last != job) {
        if (comes_before(last, job)) {
            rise(jobs, job->place, last);
        } else {
            sink(jobs, job->place, last);
        }
    }
}

/* Takes `job` out of the queue and runs it; the lock is held at call and return, not while it runs.
 */
static void run_job(struct jobs *jobs, struct job *job)
{
    unlink_job(jobs, job);
    atomic_store(&job->state, JOB_RUNNING);
    pthread_mutex_unlock(&jobs->lock);
    job->run(job->arg);
    pthread_mutex_lock(&jobs->lock);
    atomic_store(&job->state, JOB_DONE);
}

static void run_idle(struct jobs *jobs)
{
    struct job *job = jobs->first_idle;
    jobs->first_idle = job->next;
    jobs->idle_running++;
    pthread_mutex_unlock(&jobs->lock);
    job->run(job->arg);
    pthread_mutex_lock(&jobs->lock);
    jobs->idle_running--;
    pthread_cond_signal(&jobs->finished);
}

static void pause_between(int looks)
{
    if (looks % LOOKS_A_TURN == LOOKS_A_TURN - 1) {
        sched_yield();
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* One thread at a time. Whether there may be work; the lock is held at call and return. */
static bool look_for_work(struct jobs *jobs)
{
    if (atomic_load(&jobs->looking)) {
        return false;
    }
    unsigned seen = atomic_load(&jobs->submitted);
    atomic_store(&jobs->looking, true);
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < LOOKS && atomic_load(&jobs->submitted) == seen; i++) {
        pause_between(i);
    }
    pthread_mutex_lock(&jobs->lock);
    atomic_store(&jobs->looking, false);
    return atomic_load(&jobs->submitted) != seen;
}

/* If one sleeps and none is looking; the lock is held. */
static void wake_one(struct jobs *jobs)
{
    if (jobs->waiting > 0 && !atomic_load(&jobs->looking)) {
        pthread_cond_signal(&jobs->queued);
    }
}

/* There is a job more; the lock is held. */
static void tell(struct jobs *jobs)
{
    atomic_fetch_add(&jobs->submitted, 1);
    wake_one(jobs);
}

static void *worker(void *arg)
{
    struct jobs *jobs = arg;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stop) {
        if (jobs->count > 0) {
            if (jobs->count > 1) {
                wake_one(jobs); /* it may be that nobody was when they came */
            }
            run_job(jobs, jobs->queue[0]);
            pthread_cond_signal(&jobs->finished);
        } else if (jobs->first_idle != NULL) {
            run_idle(jobs);
        } else if (!look_for_work(jobs) && !jobs->stop) {
            jobs->waiting++;
            pthread_cond_wait(&jobs->queued, &jobs->lock);
            jobs->waiting--;
        }
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

int jobs_create(uint32_t threads, struct jobs **ret)
{
    struct jobs *jobs = mem_alloc(sizeof(*jobs));
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->queued, NULL);
    pthread_cond_init(&jobs->finished, NULL);
    jobs->threads = mem_calloc(threads, sizeof(*jobs->threads));
    for (uint32_t i = 0; i < threads; i++) {
        if (pthread_create(&jobs->threads[i], NULL, worker, jobs) != 0) {
            jobs_free(jobs);
            return -SIM_EIO;
        }
        jobs->thread_count++;
    }
    *ret = jobs;
    return 0;
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    pthread_mutex_lock(&jobs->lock);
    CHECK(jobs->count == 0);
    jobs->stop = true;
    atomic_fetch_add(&jobs->submitted, 1); /* nobody needs to look any longer */
    pthread_cond_broadcast(&jobs->queued);
    pthread_mutex_unlock(&jobs->lock);
    for (uint32_t i = 0; i < jobs->thread_count; i++) {
        pthread_join(jobs->threads[i], NULL);
    }
    pthread_cond_destroy(&jobs->queued);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs->queue);
    free(jobs->threads);
    free(jobs);
}

uint32_t jobs_threads(const struct jobs *jobs)
{
    return jobs->thread_count;
}

void jobs_submit(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    atomic_store(&job->state, JOB_QUEUED);
    enqueue(jobs, job);
    tell(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_submit_idle(struct jobs *jobs, struct job *job)
{
    if (jobs->thread_count == 0) {
        return;
    }
    pthread_mutex_lock(&jobs->lock);
    job->next = NULL;
    if (jobs->first_idle != NULL) {
        jobs->last_idle->next = job;
    } else {
        jobs->first_idle = job;
    }
    jobs->last_idle = job;
    tell(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_drop_idle(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->first_idle = NULL;
    while (jobs->idle_running > 0) {
        pthread_cond_wait(&jobs->finished, &jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
}

/* A thread runs the job and there is nothing to do meanwhile; the lock is held at call and return.
 */
static void look_for_result(struct jobs *jobs, struct job *job)
{
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < LOOKS && atomic_load(&job->state) != JOB_DONE; i++) {
        pause_between(i);
    }
    pthread_mutex_lock(&jobs->lock);
    while (atomic_load(&job->state) != JOB_DONE) {
        pthread_cond_wait(&jobs->finished, &jobs->lock);
    }
}

void jobs_wait(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    while (atomic_load(&job->state) != JOB_DONE) {
        if (atomic_load(&job->state) == JOB_QUEUED) {
            run_job(jobs, job);
        } else if (jobs->count > 0) {
            run_job(jobs, jobs->queue[0]);
        } else if (jobs->first_idle != NULL) {
            run_idle(jobs);
        } else {
            look_for_result(jobs, job);
        }
    }
    pthread_mutex_unlock(&jobs->lock);
}
