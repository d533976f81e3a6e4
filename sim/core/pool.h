/* Memory for things of one size that come and go: the one that was given back last is taken next,
 * while the cache still has it. Used by one thread at a time. */
#ifndef SIM_CORE_POOL_H
#define SIM_CORE_POOL_H

#include "sim/core/base.h"

/* All zero is an empty pool. */
struct pool {
    struct pool_item *first;
    size_t bytes; /* of an item: the same in all calls */
};

/* Zero-filled. */
void *pool_take(struct pool *p, size_t bytes);
/* NULL is fine. */
void pool_put(struct pool *p, void *item);
/* Frees what was given back, not what is still in use. */
void pool_fini(struct pool *p);

#endif
