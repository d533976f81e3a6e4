#include "sim/world/attack_stream.h"

#include <stdlib.h>

void edited_fini(struct edited_stream *s)
{
    for (size_t i = 0; i < s->count; i++) {
        buf_fini(&s->edits[i].octets);
    }
    free(s->edits);
    *s = (struct edited_stream){0};
}

static struct stream_edit *add(struct edited_stream *s)
{
    struct stream_edit *e = MEM_PUSH(s->edits, s->count, s->capacity);
    *e = (struct stream_edit){0};
    return e;
}

void edited_set(struct edited_stream *s, uint32_t at, uint8_t value)
{
    struct stream_edit *e = add(s);
    e->kind = STREAM_SET;
    e->at = at;
    e->value = value;
}

void edited_remove(struct edited_stream *s, uint32_t at, uint32_t len)
{
    struct stream_edit *e = add(s);
    e->kind = STREAM_REMOVE;
    e->at = at;
    e->len = len;
    s->shifts = true;
}

void edited_insert(struct edited_stream *s, uint32_t at, struct span octets)
{
    struct stream_edit *e = add(s);
    e->kind = STREAM_INSERT;
    e->at = at;
    buf_append(&e->octets, octets);
    s->shifts = true;
}

/* How many of the octets before `at` the edit takes out. */
static uint32_t removed_before(const struct stream_edit *e, uint32_t at)
{
    if (e->kind != STREAM_REMOVE || at <= e->at) {
        return 0;
    }
    return at - e->at < e->len ? at - e->at : e->len;
}

uint32_t edited_forward(const struct edited_stream *s, uint32_t at)
{
    uint32_t there = at;
    for (size_t i = 0; i < s->count; i++) {
        const struct stream_edit *e = &s->edits[i];
        there -= removed_before(e, at);
        there += e->kind == STREAM_INSERT && e->at <= at ? (uint32_t)buf_len(&e->octets) : 0;
    }
    return there;
}

uint32_t edited_back(const struct edited_stream *s, uint32_t at, uint32_t most)
{
    uint32_t low = 0;
    uint32_t high = most;
    while (low < high) { /* the largest that is not beyond `at` */
        uint32_t middle = low + (high - low + 1) / 2;
        if (edited_forward(s, middle) <= at) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

void edited_apply(const struct edited_stream *s, uint32_t at, struct span octets, struct buf *out)
{
    for (size_t i = 0; i < octets.len; i++) {
        uint32_t here = at + (uint32_t)i;
        uint8_t value = octets.data[i];
        bool stays = true;
        for (size_t k = 0; k < s->count; k++) {
            const struct stream_edit *e = &s->edits[k];
            if (e->kind == STREAM_SET && e->at == here) {
                value = e->value;
            }
            stays = stays && !(e->kind == STREAM_REMOVE && here >= e->at && here - e->at < e->len);
        }
        if (stays) {
            buf_append_u8(out, value);
        }
        for (size_t k = 0; k < s->count; k++) {
            const struct stream_edit *e = &s->edits[k];
            if (e->kind == STREAM_INSERT && e->at == here + 1) {
                buf_append(out, buf_span(&e->octets));
            }
        }
    }
}
