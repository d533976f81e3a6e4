/* Octets: `struct span` reads borrowed ones through a cursor that cannot overrun, `struct buf` owns
 * a growable run of them. Integers are big-endian ("network order"). */
#ifndef SIM_CORE_BUF_H
#define SIM_CORE_BUF_H

#include "sim/core/base.h"

/* Borrowed octets; valid as long as their owner keeps them. */
struct span {
    const uint8_t *data;
    size_t len;
};

struct span span_of(const void *data, size_t len);
/* The octets of a C string without its NUL; NULL gives an empty span. */
struct span span_of_str(const char *s);
bool span_equal(struct span a, struct span b);
bool span_equal_str(struct span a, const char *s);

/* Each takes octets off the front of `*in`; false, and nothing taken, when there are too few. */
bool span_take_u8(struct span *in, uint8_t *out);
bool span_take_u16(struct span *in, uint16_t *out);
bool span_take_u32(struct span *in, uint32_t *out);
bool span_take_u64(struct span *in, uint64_t *out);
bool span_take(struct span *in, size_t len, struct span *out);

/* FNV-1a of 64 bits, for hash tables and rolling fingerprints of bytes; not cryptographic. `state`
 * is 0 at first, then the previous result, so that octets can be hashed piece by piece. */
uint64_t span_hash(uint64_t state, struct span bytes);

/* XXH3 of 64 bits, for records of what passed (a few times faster than span_hash() on long octets);
 * not cryptographic. `state` is 0 at first, then the previous result; where the octets are cut
 * matters. */
uint64_t span_digest(uint64_t state, struct span bytes);

/* Owned octets. All zero is an empty buffer; `start` is how many have been consumed from the front.
 */
struct buf {
    uint8_t *data;
    size_t start;
    size_t end;
    size_t capacity;
};

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
/* Octets not yet consumed; the span is valid until the next change of the buffer. */
struct span buf_span(const struct buf *b);
size_t buf_len(const struct buf *b);
void buf_clear(struct buf *b);
/* For buf_reserve(): makes the room where there is none. */
uint8_t *buf_make_room(struct buf *b, size_t len);

/* Room for `len` more octets: their address; buf_commit() makes them part of the buffer. */
static inline uint8_t *buf_reserve(struct buf *b, size_t len)
{
    bool fits = b->data != NULL && b->capacity - b->end >= len;
    return fits ? b->data + b->end : buf_make_room(b, len);
}

static inline void buf_commit(struct buf *b, size_t len)
{
    CHECK(len <= b->capacity - b->end);
    b->end += len;
}

void buf_append(struct buf *b, struct span bytes);
void buf_append_u8(struct buf *b, uint8_t v);
void buf_append_u16(struct buf *b, uint16_t v);
void buf_append_u32(struct buf *b, uint32_t v);
void buf_append_u64(struct buf *b, uint64_t v);
void buf_append_str(struct buf *b, const char *s);
/* printf at the end of the buffer; the terminating NUL is not part of it. */
void buf_printf(struct buf *b, const char *format, ...) SIM_PRINTF(2, 3);
/* Drops `len` octets from the front; at most what is there. */
void buf_consume(struct buf *b, size_t len);
/* Moves all octets of `from` to the end of `to` and leaves `from` empty. */
void buf_move(struct buf *to, struct buf *from);
/* The content as a C string on the heap, the buffer emptied; the caller frees it with free(). */
char *buf_steal_str(struct buf *b);

#endif
