/* What a tap sees of a session on the first link of its hop, without any key: octets of the stream
 * (or the datagrams) and records, each way. The second witness: what an end says that it wrote has
 * to have passed here, and what the other end read, too. */
#ifndef SIM_WORLD_SEEN_H
#define SIM_WORLD_SEEN_H

#include "sim/core/buf.h"

/* Of what one end of a session sent. Zero at the start. */
struct seen {
    bool open;      /* the SYN passed */
    bool gap;       /* a segment came before another one that it follows: no records any more */
    uint32_t first; /* sequence number of the stream's first octet */
    uint32_t next;  /* octets from there on that have passed; segments sent again pass twice */
    uint64_t bytes; /* the same; of datagrams the sum */
    uint64_t records;
    uint32_t left;   /* of the record under way */
    uint8_t head[5]; /* of the next one */
    uint8_t head_len;
};

/* A segment of the stream passed, with sequence number `seq`. Returns how many of its octets passed
 * for the first time; those are its last. */
size_t seen_segment(struct seen *s, uint32_t seq, struct span octets);
/* A datagram passed. */
void seen_datagram(struct seen *s, struct span octets);

#endif
