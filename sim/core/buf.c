#include "sim/core/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sim/core/digest_avx2.h"

struct span span_of(const void *data, size_t len)
{
    return (struct span){.data = data, .len = len};
}

struct span span_of_str(const char *s)
{
    return (struct span){.data = (const uint8_t *)s, .len = s != NULL ? strlen(s) : 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool span_equal_str(struct span a, const char *s)
{
    return span_equal(a, span_of_str(s));
}

bool span_take(struct span *in, size_t len, struct span *out)
{
    if (in->len < len) {
        return false;
    }
    *out = (struct span){.data = in->data, .len = len};
    if (len != 0) {
        in->data += len;
    }
    in->len -= len;
    return true;
}

/* The next octets, as they stand. */
static bool take_octets(struct span *in, void *out, size_t len)
{
    struct span bytes;
    if (!span_take(in, len, &bytes)) {
        return false;
    }
    memcpy(out, bytes.data, len);
    return true;
}

bool span_take_u8(struct span *in, uint8_t *out)
{
    return take_octets(in, out, sizeof(*out));
}

bool span_take_u16(struct span *in, uint16_t *out)
{
    uint16_t v;
    if (!take_octets(in, &v, sizeof(v))) {
        return false;
    }
    *out = be16toh(v);
    return true;
}

bool span_take_u32(struct span *in, uint32_t *out)
{
    uint32_t v;
    if (!take_octets(in, &v, sizeof(v))) {
        return false;
    }
    *out = be32toh(v);
    return true;
}

bool span_take_u64(struct span *in, uint64_t *out)
{
    uint64_t v;
    if (!take_octets(in, &v, sizeof(v))) {
        return false;
    }
    *out = be64toh(v);
    return true;
}

uint64_t span_hash(uint64_t state, struct span bytes)
{
    uint64_t h = state != 0 ? state : UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes.len; i++) {
        h = (h ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

uint64_t span_digest(uint64_t state, struct span bytes)
{
#ifdef CPNSIM_DIGEST_AVX2
    enum { LONG = 241 }; /* shorter ones are not digested by vectors */
    if (bytes.len >= LONG && __builtin_cpu_supports("avx2")) {
        return digest_avx2(state, bytes);
    }
#endif
    return XXH3_64bits_withSeed(bytes.data, bytes.len, state);
}

void buf_init(struct buf *b)
{
    *b = (struct buf){0};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    buf_init(b);
}

struct span buf_span(const struct buf *b)
{
    return span_of(b->data != NULL ? b->data + b->start : NULL, b->end - b->start);
}

size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}

void buf_clear(struct buf *b)
{
    b->start = b->end = 0;
}

uint8_t *buf_make_room(struct buf *b, size_t len)
{
    if (b->data != NULL && b->start != 0 && b->capacity - b->end < len) {
        memmove(b->data, b->data + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (b->capacity - b->end < len || b->data == NULL) {
        CHECK(len <= SIZE_MAX / 4);
        size_t wanted = b->capacity != 0 ? b->capacity : 64;
        while (wanted - b->end < len) {
            wanted *= 2;
        }
        b->data = b->data != NULL ? mem_realloc(b->data, wanted) : mem_uncleared(wanted);
        b->capacity = wanted;
    }
    return b->data + b->end;
}

void buf_append(struct buf *b, struct span bytes)
{
    if (bytes.len != 0) {
        CHECK(bytes.data != NULL);
        memcpy(buf_reserve(b, bytes.len), bytes.data, bytes.len);
        buf_commit(b, bytes.len);
    }
}

void buf_append_u8(struct buf *b, uint8_t v)
{
    *buf_reserve(b, sizeof(v)) = v;
    buf_commit(b, sizeof(v));
}

void buf_append_u16(struct buf *b, uint16_t v)
{
    v = htobe16(v);
    memcpy(buf_reserve(b, sizeof(v)), &v, sizeof(v));
    buf_commit(b, sizeof(v));
}

void buf_append_u32(struct buf *b, uint32_t v)
{
    v = htobe32(v);
    memcpy(buf_reserve(b, sizeof(v)), &v, sizeof(v));
    buf_commit(b, sizeof(v));
}

void buf_append_u64(struct buf *b, uint64_t v)
{
    v = htobe64(v);
    memcpy(buf_reserve(b, sizeof(v)), &v, sizeof(v));
    buf_commit(b, sizeof(v));
}

void buf_append_str(struct buf *b, const char *s)
{
    buf_append(b, span_of_str(s));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *to = (char *)buf_reserve(b, (size_t)len + 1);
    vsnprintf(to, (size_t)len + 1, format, again);
    va_end(again);
    buf_commit(b, (size_t)len);
}

void buf_consume(struct buf *b, size_t len)
{
    CHECK(len <= buf_len(b));
    b->start += len;
    if (b->start == b->end) {
        b->start = b->end = 0;
    }
}

void buf_move(struct buf *to, struct buf *from)
{
    if (buf_len(to) == 0) {
        struct buf empty = *to;
        *to = *from;
        *from = empty;
        buf_clear(from);
        return;
    }
    buf_append(to, buf_span(from));
    buf_clear(from);
}

char *buf_steal_str(struct buf *b)
{
    struct span s = buf_span(b);
    char *text = mem_strndup(s.len != 0 ? (const char *)s.data : "", s.len);
    buf_fini(b);
    return text;
}
