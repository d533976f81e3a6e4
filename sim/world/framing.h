/* Framing of messages on a stream: length (4 octets, big-endian), one octet for the encoding, the
 * message. A frame of length 0 carries no message: with encoding FRAME_ESTABLISHED it is what each
 * end sends first inside a new session, so that the other knows that both are established [ours].
 * Over datagrams it is sent again until the peer's has come, and answered with FRAME_ANSWER by an
 * end that has had it before. */
#ifndef SIM_WORLD_FRAMING_H
#define SIM_WORLD_FRAMING_H

#include "sim/core/buf.h"

enum { FRAME_ESTABLISHED, FRAME_ANSWER };
enum { FRAME_HEADER_BYTES = 5, FRAME_MAX_BYTES = 1 << 20 };

void frame_append(struct buf *out, uint8_t encoding, struct span message);
/* 1 and a frame (borrowed from `in`, which it is taken off); 0 when more octets are needed;
 * -SIM_EBADMSG when the length is beyond FRAME_MAX_BYTES. */
int frame_take(struct span *in, uint8_t *encoding, struct span *message);

#endif
