#include "sim/secure/dtls_pieces.h"

#include <stdlib.h>

enum { WHOLE, PIECE, COUNT_MOST = UINT16_MAX };

struct message {
    uint32_t number;
    size_t count; /* of its pieces; 0: nobody */
    size_t come;
    size_t bytes;
    sim_time since;
    struct buf *pieces; /* by index; those that have not come are empty */
};

struct pieces {
    struct message messages[PIECES_MESSAGES_MOST];
};

size_t pieces_count(size_t len, size_t room)
{
    CHECK(room > PIECES_HEADER);
    if (len + PIECES_WHOLE_HEADER <= room) {
        return 1;
    }
    size_t each = room - PIECES_HEADER;
    size_t count = (len + each - 1) / each;
    return count <= COUNT_MOST && len <= PIECES_BYTES_MOST ? count : 0;
}

void pieces_make(struct span message, size_t room, uint32_t number, size_t index, struct buf *out)
{
    size_t count = pieces_count(message.len, room);
    CHECK(index < count);
    if (message.len + PIECES_WHOLE_HEADER <= room) {
        buf_append_u8(out, WHOLE);
        buf_append(out, message);
        return;
    }
    size_t each = room - PIECES_HEADER;
    size_t at = index * each;
    size_t len = message.len - at < each ? message.len - at : each;
    buf_append_u8(out, PIECE);
    buf_append_u32(out, number);
    buf_append_u16(out, (uint16_t)index);
    buf_append_u16(out, (uint16_t)count);
    buf_append(out, span_of(message.data + at, len));
}

struct pieces *pieces_create(void)
{
    return mem_alloc(sizeof(struct pieces));
}

static void forget(struct message *m)
{
    for (size_t i = 0; i < m->count; i++) {
        buf_fini(&m->pieces[i]);
    }
    free(m->pieces);
    *m = (struct message){0};
}

void pieces_free(struct pieces *p)
{
    for (size_t i = 0; p != NULL && i < PIECES_MESSAGES_MOST; i++) {
        forget(&p->messages[i]);
    }
    free(p);
}

/* The message of that number; or a place for it, the oldest one's where there is no other. */
static struct message *find(struct pieces *p, uint32_t number, size_t count, sim_time now)
{
    struct message *place = &p->messages[0];
    for (size_t i = 0; i < PIECES_MESSAGES_MOST; i++) {
        struct message *m = &p->messages[i];
        if (m->count != 0 && now - m->since > PIECES_TIMEOUT) {
            forget(m);
        }
        if (m->count != 0 && m->number == number) {
            return m;
        }
        if (place->count != 0 && (m->count == 0 || m->since < place->since)) {
            place = m;
        }
    }
    forget(place);
    *place = (struct message){.number = number,
                              .count = count,
                              .since = now,
                              .pieces = mem_calloc(count, sizeof(*place->pieces))};
    return place;
}

static int take_piece(struct pieces *p, struct span rest, sim_time now, struct buf *whole)
{
    uint32_t number;
    uint16_t index;
    uint16_t count;
    if (!span_take_u32(&rest, &number) || !span_take_u16(&rest, &index) ||
        !span_take_u16(&rest, &count) || index >= count || rest.len == 0) {
        return -SIM_EBADMSG;
    }
    struct message *m = find(p, number, count, now);
    if (m->count != count || buf_len(&m->pieces[index]) > 0 ||
        m->bytes + rest.len > PIECES_BYTES_MOST) {
        forget(m);
        return -SIM_EBADMSG;
    }
    buf_append(&m->pieces[index], rest);
    m->bytes += rest.len;
    m->come++;
    if (m->come == m->count) {
        for (size_t i = 0; i < m->count; i++) {
            buf_append(whole, buf_span(&m->pieces[i]));
        }
        forget(m);
    }
    return 0;
}

int pieces_take(struct pieces *p, struct span record, sim_time now, struct buf *whole)
{
    uint8_t what;
    struct span rest = record;
    if (!span_take_u8(&rest, &what) || what > PIECE) {
        return -SIM_EBADMSG;
    }
    if (what == WHOLE) {
        buf_append(whole, rest);
        return 0;
    }
    return take_piece(p, rest, now, whole);
}
