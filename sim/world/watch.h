/* The search for plaintext on a link: messages that were sealed are looked for, octet by octet, in
 * every packet.
 *
 * Each message is cut into windows of 8 octets, one every 5 octets; every third offset of every
 * packet is compared with them, and a hit counts when at least WATCH_MATCH_BYTES in a row are
 * equal. 5 and 3 have no common factor, so in each 15 offsets of a run some window meets: any run
 * of plaintext of 22 octets is found. What is on the link in the clear for a reason the record
 * tells (the datagrams of exempt messages) and the names in certificates (the URNs of the link's
 * two ends) are left out. Chance: about searched octets x windows / 2^130. */
#ifndef SIM_WORLD_WATCH_H
#define SIM_WORLD_WATCH_H

#include "sim/core/buf.h"

enum {
    WATCH_WINDOW_BYTES = 8,
    WATCH_WINDOW_EVERY = 5,
    WATCH_OFFSET_EVERY = 3,
    WATCH_MATCH_BYTES = 16,
    WATCH_WINDOWS_MAX = 512, /* of one message; longer ones are sampled evenly */
    WATCH_PUBLIC = 16,       /* the newest exempt datagrams that are left out */
};

struct watch;

struct watch_finding {
    uint64_t message_id;
    uint32_t hop_number;
    size_t packet_offset; /* in the octets given to watch_search() */
    size_t message_offset;
    size_t bytes; /* equal in a row */
};

/* `urn_a`, `urn_b`: names that certificates show ("urn:uuid:..."); borrowed for the life of the
 * watch. */
struct watch *watch_create(const char *urn_a, const char *urn_b);
void watch_free(struct watch *w);
/* A message that is to be sealed; copied. Looked for until it is settled, and then until newer
 * messages need its room. */
void watch_secret(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span message);
/* The same for octets that a public datagram carries sealed by themselves: looked for in public
 * datagrams, too. */
void watch_inner(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span octets);
/* The message has arrived or is lost. */
void watch_settle(struct watch *w, uint64_t message_id, uint32_t hop_number);
/* Octets that an exempt datagram shows to everybody; copied. */
void watch_public(struct watch *w, struct span datagram);
/* Looks through the octets of a packet; at most one finding a packet, true when there is one. In a
 * packet whose payload (from `payload_offset`) is part of a public datagram only inner octets are
 * looked for. */
bool watch_search(struct watch *w, struct span packet, size_t payload_offset,
                  struct watch_finding *ret);
/* Will be asked soon: fetches into the cache itself, or (later: it is looked into) what it holds.
 * NULL is fine. */
void watch_fetch(const struct watch *w, bool whole);
/* Octets searched so far. */
uint64_t watch_bytes(const struct watch *w);

#endif
