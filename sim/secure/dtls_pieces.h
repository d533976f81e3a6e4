/* Messages in records of DTLS, a layer of this simulator's own [ours]: DTLS hands on each record by
 * itself, and a record must fit a datagram.
 *
 * The first octet of a record says what follows: 0, a whole message; 1, a piece of one: number of
 * the message (4 octets), index of the piece (2) and count of its pieces (2), all big-endian, then
 * octets. All pieces of a message but the last are of one length. Nothing is acknowledged or sent
 * again: a message of which one piece is lost is lost, and what has come of it is forgotten after
 * PIECES_TIMEOUT. Private to sim/secure, and to whoever reads captures. */
#ifndef SIM_SECURE_DTLS_PIECES_H
#define SIM_SECURE_DTLS_PIECES_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

#define PIECES_TIMEOUT (30 * SIM_S)
enum {
    PIECES_WHOLE_HEADER = 1,
    PIECES_HEADER = 9,
    PIECES_MESSAGES_MOST = 8,            /* that are not complete; the oldest makes room */
    PIECES_BYTES_MOST = 2 * 1024 * 1024, /* of one message */
};

/* Records that a message takes when each has room for `room` octets, of which there must be more
 * than PIECES_HEADER; 0: too long for this layer. */
size_t pieces_count(size_t len, size_t room);
/* Record `index` of these, appended. */
void pieces_make(struct span message, size_t room, uint32_t number, size_t index, struct buf *out);

/* Messages that are not complete. */
struct pieces;
struct pieces *pieces_create(void);
void pieces_free(struct pieces *p);
/* A record arrived. Appends the message that it completes, if any. -SIM_EBADMSG: not of this
 * format, or of a message that it contradicts, which is forgotten. */
int pieces_take(struct pieces *p, struct span record, sim_time now, struct buf *whole);

#endif
