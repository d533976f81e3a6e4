/* Blocks of octets from a producer to a thread of their own, in order. */
#ifndef SIM_CORE_BLOCKS_H
#define SIM_CORE_BLOCKS_H

#include "sim/core/buf.h"

struct blocks;

/* Called on the thread with each block; they are numbered from 0. */
typedef void blocks_fn(void *arg, uint64_t number, struct span block);

/* -SIM_EIO: the system gives no thread. */
int blocks_create(blocks_fn *fn, void *arg, struct blocks **ret);
/* Drops what is waiting, ends the thread. NULL is fine. */
void blocks_free(struct blocks *b);
/* Where the producer appends; valid until the next blocks_advance() or blocks_drain(). */
struct buf *blocks_current(struct blocks *b);
/* Hands the block over when it is large enough, and then returns true; waits while too many are on
 * their way. */
bool blocks_advance(struct blocks *b);
/* The thread is done with blocks of smaller numbers, however slow it is: depends on what was handed
 * over alone. */
uint64_t blocks_done(const struct blocks *b);
/* Hands over what there is and returns when the thread has nothing left to do. What it did is
 * visible to the caller then. */
void blocks_drain(struct blocks *b);

#endif
