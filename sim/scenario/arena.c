#include "sim/scenario/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t bytes;
    _Alignas(ALIGNMENT) unsigned char data[];
};

void arena_fini(struct arena *a)
{
    for (struct arena_block *b = a->blocks, *next = NULL; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena){0};
}

static struct arena_block *block_create(size_t bytes)
{
    struct arena_block *b = mem_alloc(sizeof(*b) + bytes);
    b->bytes = bytes;
    return b;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    CHECK(bytes < SIZE_MAX / 2);
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > BLOCK_BYTES / 4) {
        /* A block of its own, put behind the newest so that the newest's rest stays usable. */
        struct arena_block *b = block_create(rounded);
        if (a->blocks == NULL) {
            a->blocks = b;
            a->left = 0;
        } else {
            b->next = a->blocks->next;
            a->blocks->next = b;
        }
        return b->data;
    }
    if (a->left < rounded) {
        struct arena_block *b = block_create(BLOCK_BYTES);
        b->next = a->blocks;
        a->blocks = b;
        a->left = BLOCK_BYTES;
    }
    void *memory = a->blocks->data + (a->blocks->bytes - a->left);
    a->left -= rounded;
    return memory;
}

void *arena_array(struct arena *a, size_t count, size_t bytes)
{
    CHECK(count < SIZE_MAX / 2 / bytes);
    return arena_alloc(a, count * bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    if (s == NULL) {
        return NULL;
    }
    char *copy = arena_alloc(a, len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}
