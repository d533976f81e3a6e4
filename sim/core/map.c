#include "sim/core/map.h"

#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"

/* Open addressing with linear probing; a removed slot stays as a tombstone until the next growth. A
 * string and an integer key may share a map: they never compare equal. */
enum slot_use { SLOT_FREE, SLOT_GONE, SLOT_INTEGER, SLOT_STRING };

struct map_slot {
    uint64_t key; /* the integer, or the hash of the string */
    char *text;
    uint64_t value;
    enum slot_use use;
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same(const struct map_slot *s, uint64_t key, const char *text)
{
    return s->key == key && same_text(s->text, text);
}

/* The single entry of a map without slots. */
static bool is_single(const struct map *m, uint64_t key, const char *text)
{
    return m->count == 1 && m->key == key && same_text(m->text, text);
}

static struct map_slot *find(const struct map *m, uint64_t key, const char *text)
{
    size_t mask = m->capacity - 1;
    for (size_t i = (size_t)mix(key) & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (s->use == SLOT_FREE) {
            return NULL;
        }
        if (s->use != SLOT_GONE && same(s, key, text)) {
            return s;
        }
    }
}

static void place(struct map *m, const struct map_slot *slot)
{
    size_t mask = m->capacity - 1;
    size_t i = (size_t)mix(slot->key) & mask;
    while (m->slots[i].use != SLOT_FREE) {
        i = (i + 1) & mask;
    }
    m->slots[i] = *slot;
    m->used++;
    m->count++;
}

static void grow(struct map *m)
{
    enum { LEAST = 4 };
    struct map old = *m;
    m->capacity = LEAST;
    while (m->capacity < (old.count + 1) * 4) {
        CHECK(m->capacity <= UINT32_MAX / 2);
        m->capacity *= 2;
    }
    m->slots = mem_calloc(m->capacity, sizeof(*m->slots));
    m->count = 0;
    m->used = 0;
    if (old.capacity == 0) {
        if (old.count == 1) {
            place(m, &(struct map_slot){.key = old.key,
                                        .text = old.text,
                                        .value = old.value,
                                        .use = old.text != NULL ? SLOT_STRING : SLOT_INTEGER});
        }
        return;
    }
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].use == SLOT_INTEGER || old.slots[i].use == SLOT_STRING) {
            place(m, &old.slots[i]);
        }
    }
    free(old.slots);
}

static void set(struct map *m, uint64_t key, const char *text, uint64_t value)
{
    if (m->capacity == 0 && (m->count == 0 || is_single(m, key, text))) {
        if (m->count == 0) {
            m->key = key;
            m->text = mem_strdup(text);
            m->count = 1;
        }
        m->value = value;
        return;
    }
    struct map_slot *s = m->capacity != 0 ? find(m, key, text) : NULL;
    if (s != NULL) {
        s->value = value;
        return;
    }
    if (m->capacity == 0 || (m->used + 1) * 2 > m->capacity) {
        grow(m);
    }
    place(m, &(struct map_slot){.key = key,
                                .text = mem_strdup(text),
                                .value = value,
                                .use = text != NULL ? SLOT_STRING : SLOT_INTEGER});
}

static bool get(const struct map *m, uint64_t key, const char *text, uint64_t *value)
{
    if (m->capacity == 0) {
        bool has = is_single(m, key, text);
        if (has) {
            *value = m->value;
        }
        return has;
    }
    const struct map_slot *s = find(m, key, text);
    if (s == NULL) {
        return false;
    }
    *value = s->value;
    return true;
}

static bool take(struct map *m, uint64_t key, const char *text)
{
    if (m->capacity == 0) {
        bool has = is_single(m, key, text);
        if (has) {
            map_fini(m);
        }
        return has;
    }
    struct map_slot *s = find(m, key, text);
    if (s == NULL) {
        return false;
    }
    free(s->text);
    *s = (struct map_slot){.use = SLOT_GONE};
    m->count--;
    if (m->count == 0 && m->used * 4 >= m->capacity) { /* only traces are left: they go too */
        memset(m->slots, 0, m->capacity * sizeof(*m->slots));
        m->used = 0;
    }
    return true;
}

void map_fini(struct map *m)
{
    if (m->capacity == 0) {
        free(m->text);
        *m = (struct map){0};
        return;
    }
    for (size_t i = 0; i < m->capacity; i++) {
        free(m->slots[i].text);
    }
    free(m->slots);
    *m = (struct map){0};
}

static uint64_t hash_of(const char *key)
{
    return span_digest(0, span_of_str(key));
}

void map_set_str(struct map *m, const char *key, uint64_t value)
{
    set(m, hash_of(key), key, value);
}

bool map_get_str(const struct map *m, const char *key, uint64_t *value)
{
    return get(m, hash_of(key), key, value);
}

bool map_remove_str(struct map *m, const char *key)
{
    return take(m, hash_of(key), key);
}

void map_set(struct map *m, uint64_t key, uint64_t value)
{
    set(m, key, NULL, value);
}

bool map_get(const struct map *m, uint64_t key, uint64_t *value)
{
    return get(m, key, NULL, value);
}

bool map_remove(struct map *m, uint64_t key)
{
    return take(m, key, NULL);
}
