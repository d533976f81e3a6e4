#include "sim/core/pool.h"

#include <stdlib.h>
#include <string.h>

struct pool_item {
    struct pool_item *next;
};

void *pool_take(struct pool *p, size_t bytes)
{
    CHECK(bytes >= sizeof(struct pool_item) && (p->bytes == 0 || p->bytes == bytes));
    struct pool_item *item = p->first;
    p->bytes = bytes;
    if (item == NULL) {
        return mem_alloc(bytes);
    }
    p->first = item->next;
    return memset(item, 0, bytes);
}

void pool_put(struct pool *p, void *item)
{
#ifdef __SANITIZE_ADDRESS__ /* which then sees who uses it on */
    (void)p;
    free(item);
#else
    struct pool_item *freed = item;
    if (freed != NULL) {
        freed->next = p->first;
        p->first = freed;
    }
#endif
}

void pool_fini(struct pool *p)
{
    while (p->first != NULL) {
        struct pool_item *next = p->first->next;
        free(p->first);
        p->first = next;
    }
}
