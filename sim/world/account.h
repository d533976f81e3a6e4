/* What becomes of messages: what is under way, how it ended, for which flow. Only files of
 * sim/world include this. */
#ifndef SIM_WORLD_ACCOUNT_H
#define SIM_WORLD_ACCOUNT_H

#include "sim/world/world_internal.h"

/* account.c: what is under way, first in, first out */

void carry_push(struct carry_queue *q, struct carry *c);
struct carry *carry_pop(struct carry_queue *q);
/* Takes `c` out of the middle. */
void carry_remove(struct carry_queue *q, struct carry *c);
/* The first in the queue that carries just this message was read on the link. */
void carry_overheard(struct carry_queue *q, struct span message);

/* account.c: messages and hops */
struct message *account_message(struct world *w, const struct message_info *info, size_t bytes);
struct carry *account_carry(struct hop *hop, struct message *m, entity_id sender,
                            enum exemption exempt, uint8_t encoding, struct span payload);
/* Hands an arrived message to the receiver's handler and accounts for what it says. `carry` may be
 * NULL: nobody sent it. `digest`: span_digest(0, payload). */
void account_arrived(struct entity *to, struct carry *carry, entity_id from, uint8_t encoding,
                     struct span payload, uint64_t digest, bool in_session, const char *peer_urn);
/* The message got no further on this hop. Frees `carry`. */
void account_lost(struct world *w, struct carry *carry, const char *reason);
void account_lost_queue(struct world *w, struct carry_queue *q, const char *reason);
/* The run ended while these were on their hop. Frees them. */
void account_in_flight_queue(struct world *w, struct carry_queue *q);
/* Sends a carry by datagram or session, as its exemption says; takes it over. */
void account_go(struct hop *hop, struct entity *from, struct carry *carry);
/* All messages still under way end as in flight. */
void account_settle(struct world *w);

/* tally.c: one more message of `type` was "sent", or is over with that outcome and reason; `type`
 * and `outcome` in static storage */
void tally_count(struct world *w, const char *type, const char *outcome, const char *reason,
                 size_t bytes);
/* A row was written of it. */
void tally_recorded(struct world *w, const struct message *m);
void tally_settle(struct world *w); /* writes them; after account_settle() */
void tally_free(struct world *w);

/* flow.c: flows, and what messages count for them */

/* A message of `plain_bytes` is sent for flow `id` (0: the current one): holds the flow until
 * flow_message_over(). NULL: for none. */
struct flow *flow_take(struct world *w, uint64_t id, size_t plain_bytes);
uint64_t flow_id(const struct flow *f); /* 0 for NULL */
void flow_carried(struct flow *f, size_t wire_bytes);
void flow_message_over(struct world *w, struct flow *f, bool delivered, const char *reason);
/* A handler begins: for a message of flow `f` (or NULL); and returned. */
void flow_enter(struct world *w, struct flow *f);
void flow_leave(struct world *w);
/* All flows that are still open are written; after account_settle(). */
void flow_settle(struct world *w);

/* datagram.c: messages outside a session */
void datagram_send(struct hop *hop, struct entity *from, struct carry *carry);
void datagram_received(void *entity, net_node from, struct span payload);
void datagram_dropped(void *world, uint64_t tag, const char *reason);
void datagram_settle(struct world *w);

/* inside.c: hops inside a device */
struct inside *inside_create(struct hop *hop);
void inside_free(struct inside *in);
/* Takes `carry` over. */
void inside_send(struct hop *hop, struct entity *from, struct carry *carry);
void inside_connect(struct hop *hop);
void inside_disconnect(struct hop *hop, struct entity *from);
void inside_settle(struct world *w);

#endif
