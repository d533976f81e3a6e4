/* What every CPNS entity does with messages: envelopes, requests that are repeated until answered,
 * relaying, keep-alive times. An agent is embedded in the state of an entity. */
#ifndef MODELS_CPNS_AGENT_H
#define MODELS_CPNS_AGENT_H

#include "models/cpns/message.h"
#include "sim/core/map.h"
#include "sim/world/entity.h"

/* Timer kinds from here on belong to agents; entities use smaller numbers. */
enum { AGENT_TIMER_REQUEST = 1000 };

struct agent_request;

enum { AGENT_BY_PEER, AGENT_BY_COOKIE, AGENT_INDEXES };

struct agent {
    struct entity *entity;
    enum cpns_encoding encoding;
    int64_t next_transaction;
    struct map requests; /* transaction -> struct agent_request * */
    struct agent_request *first, *last;
    struct map index[AGENT_INDEXES]; /* of the requests; private */
};

/* An agent starts all zero; it speaks the encoding that the scenario gives its node. */
/* An agent of `e`, encoding as its node of the scenario says. */
void agent_init(struct agent *a, struct entity *e);
/* Frees the requests under way; their timers are the world's. */
void agent_fini(struct agent *a);

/* How a message goes: to which neighbour, whether outside a session, and what it belongs to (for
 * the record; indexes of the scenario or SCENARIO_NONE). */
struct agent_route {
    entity_id peer;
    enum exemption exempt;
    uint32_t pn;
    uint32_t group;
    uint64_t copy_of;
    uint64_t flow; /* 0: the one of the message being handled */
    /* Sealed inside the message, which itself travels outside a session: looked for on the links.
     */
    struct span secret;
};
struct agent_route agent_route(entity_id peer);

/* Starts a message of ours: next TransactionID, Origin, Timestamp, HopLimit, and Target where
 * `target_urn` is not NULL. */
void agent_begin(struct agent *a, struct cpns_message *m, enum cpns_type type,
                 const char *target_urn);
/* Starts the answer to `request`: its TransactionID and, as Target, its Origin. */
void agent_answer(struct agent *a, struct cpns_message *m, enum cpns_type type,
                  const struct cpns_message *request, int status);
/* Encodes, sends and finishes `m`. Returns the message_id. */
uint64_t agent_send(struct agent *a, struct cpns_message *m, const struct agent_route *route);

/* The same for a request: repeated with the same TransactionID until agent_answered() or the last
 * try has run out (scenario timers). While a client waits for its session the clock of a try stands
 * still: CHANNEL_FAILED tells the entity, which then calls agent_forget(). `cookie` comes back.
 * Returns the TransactionID. */
int64_t agent_request(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                      uint64_t cookie);
/* A request that is a flow of its own (cpns-model.md section 4): begun now, of that kind (static)
 * and subject, and ended with the request: done or refused as the answer's status says, timeout
 * when the last try has run out, failed when it is forgotten. */
int64_t agent_request_flow(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                           uint64_t cookie, const char *kind, const char *subject);
/* Ends a flow as the status that answered it says (0: an answer without one): done, refused,
 * timeout (408, 504) or failed (503). */
void agent_flow_answered(struct agent *a, uint64_t flow, int64_t status);
/* An answer arrived: true, and the request's cookie, when one of that type was waiting for it. */
bool agent_answered(struct agent *a, const struct cpns_message *answer, enum cpns_type request_type,
                    uint64_t *cookie);
/* An answer said 202, still at work: the tries of the request begin again. False when nobody waits
 * for it. */
bool agent_in_progress(struct agent *a, const struct cpns_message *answer,
                       enum cpns_type request_type);
/* The session that requests to `peer` waited for stands: the clock of their tries starts now. */
void agent_channel_up(struct agent *a, entity_id peer);
/* A client of ours opened its session: what it has not answered, and may have been lost while there
 * was none, is sent again. */
void agent_client_up(struct agent *a, entity_id peer);
/* The session with our own gateway or server broke: what is unanswered is sent again, over a new
 * session. */
void agent_channel_down(struct agent *a, entity_id peer);
/* The neighbour is lost, but another may take its place: what is unanswered of the requests through
 * its session waits without a clock, as requests to ENTITY_NONE, for agent_move() or
 * agent_forget(). Their flows are interrupted meanwhile. */
void agent_park(struct agent *a, entity_id peer);
/* `to` has taken the place of `from`: requests that went through the session with that, or waited
 * (ENTITY_NONE), are sent again, with all their tries. Their flows go on when the session stands.
 */
void agent_move(struct agent *a, entity_id from, entity_id to);
/* Whether a request of `type` with that cookie is unanswered. */
bool agent_waits(const struct agent *a, enum cpns_type type, uint64_t cookie);
/* How long whoever waits for another entity's work waits at most: twice as long as a request is
 * tried. */
sim_time agent_patience(const struct agent *a);
/* Whether any request to `peer` is unanswered. */
bool agent_waits_for(const struct agent *a, entity_id peer);
/* Forgets all requests to `peer` of type `type` (CPNS_TYPE_COUNT: of all types). */
void agent_forget(struct agent *a, entity_id peer, enum cpns_type type);
/* The same for the requests of `type` with that cookie. */
void agent_forget_cookie(struct agent *a, enum cpns_type type, uint64_t cookie);
/* Forgets one request to `peer` and says what it was; false when there is none. */
bool agent_take(struct agent *a, entity_id peer, enum cpns_type *type, uint64_t *cookie);
/* For the entity's timer handler, kind AGENT_TIMER_REQUEST: true when the request has been given
 * up; then what it was. */
bool agent_timed_out(struct agent *a, uint64_t arg, enum cpns_type *type, entity_id *peer,
                     uint64_t *cookie);

/* Hands a received message on: HopLimit one less, encoded as this entity encodes. MESSAGE_REFUSED
 * when HopLimit is used up. */
enum disposition agent_relay(struct agent *a, struct cpns_message *m, entity_id peer,
                             enum exemption exempt, const struct received *received);
/* Sends a copy of a group message on, as a message of its own; `target` names whom the copy is for.
 * HopLimit one less; nothing is sent when it is used up. */
void agent_copy(struct agent *a, struct cpns_message *m, const struct agent_route *route,
                const char *target);
/* Why messages to Service Groups travel outside the sessions in this scenario; EXEMPT_NOT: they do
 * not. */
enum exemption agent_group_exemption(const struct agent *a);
/* Refuses the message being handled. */
enum disposition agent_refuse(struct agent *a, const char *reason);

/* Who a field names. */
entity_id agent_entity(const struct agent *a, const struct cpns_message *m, enum cpns_field field);
/* Whether it names that one, or this one; asks less than agent_entity() does. */
bool agent_is(const struct agent *a, const struct cpns_message *m, enum cpns_field field,
              entity_id id);
bool agent_is_me(const struct agent *a, const struct cpns_message *m, enum cpns_field field);

#endif
