/* The interface between the world and the entity types of models/: an entity reacts to events and
 * asks the world for services. It never learns which kind of session protects a hop, nor what the
 * network is made of.
 *
 * Handlers run one at a time inside the event loop. Everything borrowed is valid during the call.
 */
#ifndef SIM_WORLD_ENTITY_H
#define SIM_WORLD_ENTITY_H

#include "sim/core/base.h"
#include "sim/core/buf.h"
#include "sim/core/fsm.h"
#include "sim/core/rng.h"
#include "sim/scenario/scenario.h"

struct entity;              /* the world's handle of one entity */
typedef uint32_t entity_id; /* index of its node in the scenario */
#define ENTITY_NONE UINT32_MAX

/* How a flow ended; one that has not is `open` in the record. */
enum flow_outcome {
    FLOW_DONE,
    FLOW_REFUSED, /* somebody said no */
    FLOW_TIMEOUT, /* nobody said anything */
    FLOW_FAILED,  /* it broke in the middle, or was given up */
};
#define FLOW_NONE UINT64_MAX

/* Why a message may travel outside a session (cpns-model.md section 5). */
enum exemption {
    EXEMPT_NOT,
    EXEMPT_SERVICE_GROUP,
    EXEMPT_GROUP_KEY, /* the same, its payload sealed by the group's key: an extension of ours */
    EXEMPT_BEFORE_ESTABLISHMENT,
    EXEMPT_BRIDGE,
    EXEMPT_USER_PLANE,
};

/* What the recorder wants to know of a message; the world itself never decodes one. Texts may be
 * NULL, and live as long as the scenario. */
struct message_info {
    const char *type;   /* "ServiceAccessRequest"; static storage */
    const char *origin; /* entity name of OriginEntityID ("pne/3") */
    const char *target; /* entity name or group id of TargetID */
    const char *pn;
    const char *service_group;
    uint64_t transaction; /* TransactionID */
    uint64_t copy_of;     /* message_id of the message this one is a copy of (fan-out), or 0 */
    int status;           /* of a response, or 0 */
    uint64_t flow;        /* 0: that of the message being handled; FLOW_NONE: none */
    /* Of a message outside a session: octets that it carries sealed, as they would look unsealed.
     * They are looked for on its links, and on those of its copies. Borrowed. */
    struct span secret;
};

/* A message that arrived over one hop. */
struct received {
    entity_id from;       /* neighbour at the other end of the hop */
    struct span payload;  /* one whole encoded message */
    uint8_t encoding;     /* octet of the framing: models/cpns/message.h */
    bool in_session;      /* came through an established session */
    const char *peer_urn; /* identity that the session authenticated ("" when none) */
    uint64_t message_id;  /* 0: not one that the world sent (forged or altered on the way) */
};

/* What the handler made of it; the world accounts for it. */
enum disposition {
    MESSAGE_DELIVERED, /* this entity was its target */
    MESSAGE_FORWARDED, /* entity_forward() took it on */
    MESSAGE_REFUSED,   /* not accepted: say why with entity_refuse_reason() before returning */
};

enum channel_event {
    CHANNEL_UP,     /* session established at both ends; messages flow */
    CHANNEL_DOWN,   /* an established session ended; `reason` */
    CHANNEL_FAILED, /* no session could be established; `reason`; queued messages were given up */
};

struct entity_type {
    const char *name; /* "pne", "gateway", "server" */
    enum scenario_role role;
    size_t state_bytes; /* zero-filled block handed to every call */
    void (*start)(struct entity *e, void *state);
    enum disposition (*message)(struct entity *e, void *state, const struct received *message);
    void (*channel)(struct entity *e, void *state, entity_id peer, enum channel_event event,
                    const char *reason);
    /* A neighbour, at any hop, came into reach, as a radio notices: movement brought the link up
     * again. May be NULL. Nobody is told of a link that goes down: silence tells. */
    void (*met)(struct entity *e, void *state, entity_id peer);
    void (*timer)(struct entity *e, void *state, uint32_t kind, uint64_t arg);
    /* An item of `workload` is due here; `target` is one of work->to, or SCENARIO_NONE; `size`
     * octets drawn. */
    void (*work)(struct entity *e, void *state, const struct scenario_work *work, uint32_t target,
                 size_t size);
    /* The run ends: tell what is held, with entity_store_...(); nothing else. May be NULL. */
    void (*stores)(struct entity *e, void *state);
    /* The battery of its device has `percent` left, at most what entity_battery_watch() asked for.
     * May be NULL where nobody asks. */
    void (*battery)(struct entity *e, void *state, int percent);
    void (*finish)(struct entity *e, void *state); /* free what the state owns */
};

/* --- services
 * ------------------------------------------------------------------------------------- */

sim_time entity_now(const struct entity *e);
entity_id entity_self(const struct entity *e);
const struct scenario *entity_scenario(const struct entity *e);
/* "pne/3" and "urn:uuid:..." of any entity; static for the run. */
const char *entity_name(const struct entity *e, entity_id id);
const char *entity_urn(const struct entity *e, entity_id id);
/* ENTITY_NONE when nobody has that URN. */
entity_id entity_by_urn(const struct entity *e, struct span urn);
/* The same for the personal networks and Service Groups of the scenario, by their index there. */
const char *entity_pn_urn(const struct entity *e, uint32_t pn);
uint32_t entity_pn_by_urn(const struct entity *e, struct span urn);
const char *entity_group_urn(const struct entity *e, uint32_t group);
uint32_t entity_group_by_urn(const struct entity *e, struct span urn);

/* Whom the entity has a hop to. */
struct neighbour {
    entity_id id;
    enum scenario_hop_kind kind;
    bool client;   /* this entity is the hop's client: it opens the sessions */
    uint32_t link; /* index in the scenario's links; SCENARIO_NONE inside a device */
};
/* The neighbours in order of the scenario, its peer among them, from 0; false beyond the last.
 * scenario_hop() has the hop between any two nodes. */
bool entity_neighbour(const struct entity *e, size_t number, struct neighbour *ret);

/* Where the entity itself is now, in m; false: at no place in particular. */
bool entity_place(struct entity *e, double place[3]);

/* The entity's own stream for `purpose` (static storage), made at first use. */
struct rng *entity_rng(struct entity *e, const char *purpose);
/* Secret octets from the entity's cryptographic stream for `purpose` (challenges, keys); what they
 * are for belongs into the purpose ("challenge/" and the PNE's name), so that one more PNE does not
 * change the others' octets. */
void entity_random(struct entity *e, const char *purpose, uint8_t *out, size_t len);
/* HMAC-SHA-256. */
void entity_hmac(struct span key, struct span data, uint8_t out[32]);
/* HKDF-SHA-256 (RFC 5869): `len` octets, at most 255 * 32. */
void entity_hkdf(struct span key, struct span salt, struct span info, uint8_t *out, size_t len);
/* AES-256-GCM: appends `nonce`, the ciphertext and the tag of 16 octets. A nonce must not be used
 * twice with a key: entity_random() makes one. */
enum { ENTITY_NONCE_BYTES = 12, ENTITY_SEAL_BYTES = 12 + 16 };
void entity_seal(const uint8_t key[32], const uint8_t nonce[ENTITY_NONCE_BYTES], struct span aad,
                 struct span plain, struct buf *out);
/* The other way: appends the plaintext. -SIM_EBADMSG, and `out` as it was, when `sealed` is too
 * short, was altered, or another key or `aad` sealed it. */
int entity_open(const uint8_t key[32], struct span aad, struct span sealed, struct buf *out);
bool entity_equal(struct span a, struct span b); /* in constant time */
/* The subscriber key shared by a PNE or gateway and the servers (provisioned before the run), 32
 * octets; wrong when the scenario gave the node a wrong PSK. May be asked by the node itself (its
 * own) and by a server. */
void entity_subscriber_key(const struct entity *e, entity_id node, uint8_t out[32]);

/* What the battery of the entity's device has left, in percent, rounded down; as the scenario says
 * where it is not modelled (devices without `energy`). */
int entity_battery(const struct entity *e);
/* Whether it is modelled: it gets less. */
bool entity_on_battery(const struct entity *e);
/* The charge of a modelled battery at which the server shall be told, in percent. */
int entity_battery_low(const struct entity *e);
/* Calls the battery handler once, when no more than `percent` are left (now, if that is so); asked
 * again, the last one counts. -1: never. */
void entity_battery_watch(struct entity *e, int percent);

/* Calls the timer handler after `delay`. Returns a handle, never 0. */
uint64_t entity_timer_set(struct entity *e, sim_time delay, uint32_t kind, uint64_t arg);
/* A handle that fired, or 0, is fine. */
void entity_timer_cancel(struct entity *e, uint64_t timer);

/* Sends one encoded message to a neighbour. `exempt` EXEMPT_NOT: through the session with the
 * neighbour, which is established first when there is none and this entity is the hop's client (PNE
 * towards gateway, gateway towards server, of two servers the one that stands first in the
 * scenario); the message waits meanwhile. A server or gateway that has no session with its client
 * gives the message up at once (lost, "no_session"). Any other value: as one plain datagram.
 *
 * Over a bridge everything goes as a datagram (EXEMPT_NOT becomes EXEMPT_BRIDGE). Inside a device
 * nothing goes over a network, messages need no session and none can be missing: `in_session` of
 * what arrives says whether it was sent as EXEMPT_NOT, entity_connected() is true, and CHANNEL_UP
 * and CHANNEL_DOWN are told as if there were one. Returns the message_id (never 0). */
uint64_t entity_send(struct entity *e, entity_id peer, enum exemption exempt, uint8_t encoding,
                     struct span payload, const struct message_info *info);
/* Sends a message that arrived with `message_id` on to the next hop, as it came or re-encoded. */
void entity_forward(struct entity *e, entity_id peer, enum exemption exempt, uint8_t encoding,
                    struct span payload, uint64_t message_id);

/* Opens a session towards `peer` when there is none (client of the hop only). */
void entity_connect(struct entity *e, entity_id peer);
/* Closes the session with `peer` in order after what was sent. No CHANNEL_DOWN at this end. */
void entity_disconnect(struct entity *e, entity_id peer, const char *reason);
bool entity_connected(const struct entity *e, entity_id peer);

/* --- stores, for the handler `stores` alone (cpns-model.md section 2)
 * ----------------------------------------------------------------------------------------- */

/* All that is not said is NULL; texts are borrowed during the call. */
struct store_pn {
    const char *pn;    /* its id */
    const char *state; /* a word: "stored", "active", "forming" */
    const char *name;
    const char *gateway; /* its active gateway, as the holder believes */
    const char *mode;
    const char *openness;
    const char *admin;  /* PN Admin */
    sim_time lease_end; /* or SIM_TIME_NEVER */
};
struct store_group {
    const char *group;
    const char *owner;
    const char *joining; /* "open" or "closed" */
    const char *service;
    const char *administrator;
};
void entity_store_pn(struct entity *e, const struct store_pn *row);
/* `state`: "member"; or another word for who is not one yet or any more ("invited"). `mode` may be
 * NULL. */
void entity_store_pn_member(struct entity *e, const char *pn, entity_id member, const char *state,
                            const char *mode);
void entity_store_group(struct entity *e, const struct store_group *row);
/* `state` as above. */
void entity_store_group_member(struct entity *e, const char *group, entity_id member,
                               const char *state);
/* Anything else: what the holder has in `store` ("usage-info", "services", "capabilities") about
 * `subject`. */
void entity_store_item(struct entity *e, const char *store, const char *subject, const char *key,
                       const char *value);

/* --- flows
 * ----------------------------------------------------------------------------------------- */

/* A flow is one instance of what cpns-model.md section 4 describes: one PNE's establishment, one
 * service access. It takes up the messages that are sent for it. Whatever is sent, copied or begun
 * while a message is handled belongs to (or is within) that message's flow, the current one;
 * timers, workload, channel events and start have none until entity_flow_resume() says so. */

/* Begins a flow. `kind` is a stable word ("pn-establishment", static); `subject` whom or what it is
 * about (a PN, group, entity; as long as the scenario), or NULL. The current flow becomes its
 * parent, and stays the current one. Returns its id (never 0 or FLOW_NONE); messages are sent for
 * it with message_info.flow, and whoever receives one goes on with it by itself. */
uint64_t entity_flow_begin(struct entity *e, const char *kind, const char *subject);
/* It is over, `reason` says why (copied; NULL where there is nothing to say). Any entity may say
 * so; the first counts, 0 and flows that are over are fine. Messages of it that are still under
 * way, and what they cause, belong to it all the same. */
void entity_flow_end(struct entity *e, uint64_t flow, enum flow_outcome outcome,
                     const char *reason);
/* It ends by itself as soon as none of its messages is under way: done when all of them arrived,
 * else failed with the reason of the first that did not. For what nobody answers. */
void entity_flow_let_go(struct entity *e, uint64_t flow);
/* The current flow, or 0. */
uint64_t entity_flow(const struct entity *e);
/* From now until the handler returns `flow` is the current one (0 or one that is over: none). */
void entity_flow_resume(struct entity *e, uint64_t flow);
/* What the flow waits for cannot be had for now (its session broke, its gateway is being switched);
 * and it can again. The time between is the flow's interruption. Repeated calls change nothing. */
void entity_flow_suspend(struct entity *e, uint64_t flow);
void entity_flow_continue(struct entity *e, uint64_t flow);

/* --- what the recorder is told
 * -------------------------------------------------------------------- */

/* Reason for MESSAGE_REFUSED of the message being handled, e.g. "403", "unknown_group"; static
 * storage. */
void entity_refuse_reason(struct entity *e, const char *reason);
/* A transition of a state machine. An event that the table does not allow is recorded as a protocol
 * error, the state stays, and -SIM_ESTATE is returned; otherwise *state becomes `to` and 0 is
 * returned. `instance` distinguishes machines of one table in an entity ("" for one). */
int entity_transition(struct entity *e, const struct fsm_table *table, const char *instance,
                      uint32_t *state, uint32_t event, uint32_t to);
/* A line of the timeline: `what` a stable word ("pn_established"; static), `detail` free text or
 * NULL. */
void entity_event(struct entity *e, const char *what, const char *detail);

#endif
