#include "sim/world/seen.h"

#include <string.h>

enum { DATAGRAM_RECORD_HEADER = 13 };

/* Counts the records (RFC 8446 5.1) that begin in octets which follow each other. */
static void count_records(struct seen *s, struct span octets)
{
    while (octets.len > 0) {
        bool within = s->left > 0;
        size_t wanted = within ? s->left : sizeof(s->head) - s->head_len;
        struct span part;
        CHECK(span_take(&octets, wanted < octets.len ? wanted : octets.len, &part));
        if (within) {
            s->left -= (uint32_t)part.len;
            continue;
        }
        memcpy(s->head + s->head_len, part.data, part.len);
        s->head_len = (uint8_t)(s->head_len + part.len);
        if (s->head_len == sizeof(s->head)) {
            s->records++;
            s->left = (uint32_t)s->head[3] << 8 | s->head[4];
            s->head_len = 0;
        }
    }
}

size_t seen_segment(struct seen *s, uint32_t seq, struct span octets)
{
    uint32_t at = seq - s->first;
    uint32_t end = at + (uint32_t)octets.len;
    if (!s->open || octets.len == 0 || (int32_t)(end - s->next) <= 0) {
        return 0;
    }
    s->gap = s->gap || (int32_t)(at - s->next) > 0;
    size_t fresh = s->gap ? octets.len : end - s->next;
    if (!s->gap) {
        count_records(s, span_of(octets.data + octets.len - fresh, fresh));
    }
    s->next = end;
    s->bytes = end;
    return fresh;
}

void seen_datagram(struct seen *s, struct span octets)
{
    s->open = true;
    s->bytes += octets.len;
    while (octets.len >= DATAGRAM_RECORD_HEADER) {
        size_t len = DATAGRAM_RECORD_HEADER + ((size_t)octets.data[11] << 8 | octets.data[12]);
        struct span record;
        s->records++;
        if (!span_take(&octets, len, &record)) {
            return;
        }
    }
}
