#include "sim/core/blocks.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Large enough that waking the thread for one does not matter, small enough to stay in the caches;
 * and so many that a disk which takes its time holds nobody up. */
enum { BLOCK_BYTES = 1 << 18, BLOCKS = 24 };

struct blocks {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf *ring[BLOCKS]; /* from `taken` on `waiting` blocks wait or are being worked at */
    size_t taken;
    size_t waiting;
    struct buf *spare[BLOCKS + 1]; /* the one used last is taken first: it may be in a cache */
    size_t spare_count;
    struct buf *filling; /* the producer's own; and: */
    uint64_t handed_over;
    bool stop;
    blocks_fn *fn;
    void *arg;
    pthread_t thread;
    bool started;
};

/* While there is room for more blocks nobody waits for this thread, so whom others wait for goes
 * first. (What Linux calls a process here is a thread.) */
static void give_way(void)
{
    enum { NICER = 5 };
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICER);
}

static void *work(void *arg)
{
    struct blocks *b = arg;
    uint64_t number = 0;
    give_way();
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        if (b->waiting == 0) {
            pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        struct buf *block = b->ring[b->taken];
        pthread_mutex_unlock(&b->lock);
        b->fn(b->arg, number++, buf_span(block));
        buf_clear(block);
        pthread_mutex_lock(&b->lock);
        b->spare[b->spare_count++] = block;
        b->taken = (b->taken + 1) % BLOCKS;
        b->waiting--;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

int blocks_create(blocks_fn *fn, void *arg, struct blocks **ret)
{
    struct blocks *b = mem_alloc(sizeof(*b));
    b->fn = fn;
    b->arg = arg;
    b->filling = mem_alloc(sizeof(*b->filling));
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->started = pthread_create(&b->thread, NULL, work, b) == 0;
    if (!b->started) {
        blocks_free(b);
        return -SIM_EIO;
    }
    *ret = b;
    return 0;
}

static void free_block(struct buf *block)
{
    buf_fini(block);
    free(block);
}

void blocks_free(struct blocks *b)
{
    if (b == NULL) {
        return;
    }
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    if (b->started) {
        pthread_join(b->thread, NULL);
    }
    for (size_t i = 0; i < b->waiting; i++) {
        free_block(b->ring[(b->taken + i) % BLOCKS]);
    }
    for (size_t i = 0; i < b->spare_count; i++) {
        free_block(b->spare[i]);
    }
    free_block(b->filling);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static void hand_over(struct blocks *b)
{
    pthread_mutex_lock(&b->lock);
    b->ring[(b->taken + b->waiting) % BLOCKS] = b->filling;
    b->waiting++;
    pthread_cond_broadcast(&b->changed);
    while (b->waiting == BLOCKS) {
        pthread_cond_wait(&b->changed, &b->lock);
    }
    b->filling = b->spare_count > 0 ? b->spare[--b->spare_count] : NULL;
    pthread_mutex_unlock(&b->lock);
    if (b->filling == NULL) {
        b->filling = mem_alloc(sizeof(*b->filling));
    }
    b->handed_over++;
}

struct buf *blocks_current(struct blocks *b)
{
    return b->filling;
}

bool blocks_advance(struct blocks *b)
{
    bool full = buf_len(blocks_current(b)) >= BLOCK_BYTES;
    if (full) {
        hand_over(b);
    }
    return full;
}

void blocks_drain(struct blocks *b)
{
    if (buf_len(blocks_current(b)) > 0) {
        hand_over(b);
    }
    pthread_mutex_lock(&b->lock);
    while (b->waiting > 0) {
        pthread_cond_wait(&b->changed, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}

uint64_t blocks_done(const struct blocks *b)
{
    enum { MOST_WAITING = BLOCKS - 1 };
    return b->handed_over > MOST_WAITING ? b->handed_over - MOST_WAITING : 0;
}
