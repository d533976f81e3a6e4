/* Hash map from a string or a 64-bit key to a 64-bit value. It cannot be iterated, on purpose: hash
 * order must never reach an event or a row. */
#ifndef SIM_CORE_MAP_H
#define SIM_CORE_MAP_H

#include "sim/core/base.h"

struct map_slot;

/* All zero is an empty map. A single entry needs no memory of its own: most maps of an entity never
 * have another. */
struct map {
    uint32_t count;
    uint32_t capacity; /* 0: no slots */
    union {
        struct map_slot *slots;
        char *text; /* of the single entry; NULL: its key is an integer */
    };
    union {
        size_t used;  /* slots */
        uint64_t key; /* the single entry's, or the hash of its text */
    };
    uint64_t value; /* the single entry's */
};

void map_fini(struct map *m);
/* String keys are copied. Setting an existing key replaces its value. */
void map_set_str(struct map *m, const char *key, uint64_t value);
bool map_get_str(const struct map *m, const char *key, uint64_t *value);
bool map_remove_str(struct map *m, const char *key);
void map_set(struct map *m, uint64_t key, uint64_t value);
bool map_get(const struct map *m, uint64_t key, uint64_t *value);
bool map_remove(struct map *m, uint64_t key);

#endif
