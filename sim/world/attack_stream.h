/* One direction of a TCP stream that somebody in the middle edits: octets altered, taken out, put
 * in. Two countings of octets: as the sender sent them, and as the receiver gets them. Edits are
 * remembered, so that a segment which is sent again is edited the same way. Offsets count from the
 * stream's first octet. */
#ifndef SIM_WORLD_ATTACK_STREAM_H
#define SIM_WORLD_ATTACK_STREAM_H

#include "sim/core/buf.h"

struct stream_edit {
    enum { STREAM_SET, STREAM_REMOVE, STREAM_INSERT } kind;
    uint32_t at;       /* INSERT: it follows the octet before this one */
    uint32_t len;      /* REMOVE: UINT32_MAX: all that follows */
    uint8_t value;     /* SET */
    struct buf octets; /* INSERT */
};

struct edited_stream {
    struct stream_edit *edits; /* in order of addition */
    size_t count, capacity;
    bool shifts; /* an edit changed lengths */
};

/* Frees what `s` holds. */
void edited_fini(struct edited_stream *s);
/* Octet `at` gets another value. */
void edited_set(struct edited_stream *s, uint32_t at, uint8_t value);
/* `len` octets from `at` on are taken out (UINT32_MAX: all). */
void edited_remove(struct edited_stream *s, uint32_t at, uint32_t len);
/* `octets` (copied) follow the octet before `at`; those of several calls in order of the calls. */
void edited_insert(struct edited_stream *s, uint32_t at, struct span octets);

/* How the receiver counts the octet that the sender counts as `at`: where a segment that begins
 * there begins. */
uint32_t edited_forward(const struct edited_stream *s, uint32_t at);
/* How the sender counts what the receiver has acknowledged up to `at`; at most `most`. */
uint32_t edited_back(const struct edited_stream *s, uint32_t at, uint32_t most);
/* Appends what the receiver gets of the sender's `octets`, the first of which is `at`. */
void edited_apply(const struct edited_stream *s, uint32_t at, struct span octets, struct buf *out);

#endif
