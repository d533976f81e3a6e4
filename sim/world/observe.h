/* What is seen on links: captures, evidence, the search for plaintext. Only files of sim/world
 * include this. */
#ifndef SIM_WORLD_OBSERVE_H
#define SIM_WORLD_OBSERVE_H

#include "sim/world/world_internal.h"

/* capture.c: taps, captures, key log, the search for plaintext */
int capture_start(struct world *w, struct diag_list *diags);
/* Where a packet is, as a number: link and place in its capture, of the next one to be captured. */
uint64_t capture_next(const struct wire *wire);
uint64_t capture_packet(uint64_t where);
uint32_t capture_link(uint64_t where);
void capture_key_log(struct world *w, struct span lines);
/* Whose packet it is that passes over the wire; NULL: nobody's. */
struct hop *capture_hop(const struct wire *wire, struct span packet);
/* A packet that was injected past the taps is captured and observed like others. */
void capture_injected(struct wire *wire, int direction, struct span packet);
/* Flushes and closes; -SIM_EIO when a file could not be written whole. */
int capture_finish(struct world *w, struct diag_list *diags);

/* evidence.c: a packet passed the tap of a wire, after it was captured; what is known of a message
 * when its fate on a hop is; at the end */
void evidence_packet(const struct wire *wire, struct hop *hop, struct span packet);
void evidence_message(const struct carry *c);
void evidence_capture(const struct wire *wire);

/* observe.c: what is to be looked for on a hop, and what passed on a wire; looked through later,
 * and findings reported then. */
int observe_create(struct observer **ret); /* -SIM_EIO: no thread for it can be had */
/* What is not looked through yet is dropped. NULL is fine. */
void observe_free(struct observer *o);
/* `hop`: whose packet it is, or NULL; octets copied. */
void observe_packet(struct wire *wire, const struct hop *hop, const struct net_packet *packet,
                    size_t payload_offset);
/* As watch_secret(), watch_settle() and watch_public(). */
void observe_secret(const struct hop *hop, uint64_t message_id, uint32_t hop_number,
                    struct span message);
/* Octets that the datagram of a message carries sealed by themselves. */
void observe_inner(const struct hop *hop, uint64_t message_id, uint32_t hop_number,
                   struct span secret);
void observe_settled(const struct hop *hop, uint64_t message_id, uint32_t hop_number);
void observe_public(const struct hop *hop, struct span datagram);
/* All is looked through and reported. */
void observe_flush(struct observer *o);

#endif
