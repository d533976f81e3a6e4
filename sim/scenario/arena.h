/* Memory that is freed all at once: everything of a scenario lives in one arena. */
#ifndef SIM_SCENARIO_ARENA_H
#define SIM_SCENARIO_ARENA_H

#include "sim/core/base.h"

struct arena_block;

/* All zero is an empty arena. */
struct arena {
    struct arena_block *blocks;
    size_t left; /* octets left in the newest block */
};

void arena_fini(struct arena *a);
/* Zero-filled memory, aligned for any type, valid until arena_fini(). */
void *arena_alloc(struct arena *a, size_t bytes);
/* Room for `count` elements of `bytes` octets. */
void *arena_array(struct arena *a, size_t count, size_t bytes);
/* Copies into the arena, NUL added; NULL gives NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *format, ...) SIM_PRINTF(2, 3);

#endif
