/* The CPNS Server inside models/cpns_server: its stores and what its flows offer to each other. */
#ifndef MODELS_CPNS_SERVER_SERVER_H
#define MODELS_CPNS_SERVER_SERVER_H

#include "models/cpns/agent.h"
#include "models/cpns/capability.h"
#include "models/cpns/verbs.h"
#include "models/cpns_server/administration.h"
#include "models/cpns_server/battery.h"
#include "models/cpns_server/group_key.h"
#include "models/cpns_server/inventory.h"
#include "models/cpns_server/keys.h"
#include "models/cpns_server/mesh.h"
#include "models/entities.h"

enum { CHALLENGE_BYTES = 32 };

/* What the server knows of a PNE: where it is and whether it proved who it is. */
struct subscriber {
    entity_id pne;
    entity_id gateway; /* through which it authenticated; remote: the server that it belongs to */
    uint32_t pn;       /* for which */
    bool authenticated;
    bool registered;  /* in the PN inventory */
    bool remote;      /* so another server says, behind whose gateway it is */
    bool taken_out;   /* it left or was taken out, and has not authenticated since */
    bool not_adminee; /* the administrator gave up editing its data */
    bool challenged;
    uint8_t challenge[CHALLENGE_BYTES];
    bool placed;                    /* among those of its PN: */
    struct subscriber *next, *prev; /* in order of coming */
};

/* A gateway that wants to take a PN over. */
struct pending_switch {
    bool used;
    bool asking; /* the old gateway */
    entity_id gateway;
    int64_t transaction;
    uint64_t flow;
    uint8_t challenge[CHALLENGE_BYTES]; /* for the PNE on its device */
};

/* PN inventory (cpns-model.md section 2). */
struct inventory_pn {
    bool stored;
    entity_id gateway;  /* also of one that is not stored: who may enter it */
    entity_id admin;    /* ENTITY_NONE: none */
    entity_id admin_by; /* who assigned it */
    int64_t latest;     /* TransactionID of the newest registration: a gateway's numbers grow */
    sim_time lease_end;
    struct pending_switch change;
    entity_id former;   /* gateway before this one, or ENTITY_NONE */
    bool former_untold; /* it may not know */
    entity_id home;     /* the server of its gateway */
    int64_t sequence;   /* of the entry's state among the servers; 0: they know nothing of it */
    uint64_t told;      /* digest of what they were told */
    struct subscriber *first, *last; /* who is or was in it, and in no other since */
};

enum server_timer { SERVER_TIMER_LEASE = 1, SERVER_TIMER_USAGE, SERVER_TIMER_MESH };

struct server {
    struct agent agent;
    struct map subscribers;              /* PNE -> struct subscriber * */
    struct subscriber **subscriber_list; /* in order of appearance */
    size_t subscriber_count, subscriber_capacity;
    struct inventory_pn *pns;       /* by index of the scenario */
    sim_time *said_at;              /* by entity: when a gateway said something last */
    size_t untold;                  /* PNs whose former gateway may not know */
    struct inventory_group *groups; /* by index of the scenario */
    struct pending_join *joins;
    size_t join_count, join_capacity;
    struct capability_store devices;
    struct usage_store usage;
    struct pending_admin *admins;
    size_t admin_count, admin_capacity;
    struct map user_keys; /* PNE -> struct user_key * */
    struct user_key **user_key_list;
    size_t user_key_count, user_key_capacity;
    struct pending_invite *invites;
    size_t invite_count, invite_capacity;
    struct missed_notice *missed;
    struct map heard_at; /* peer -> when its session came up last */
    size_t missed_count, missed_capacity, missed_used;
    struct inventory_service *services;
    size_t service_count, service_capacity;
    struct pending_search *searches;
    size_t search_count, search_capacity;
    struct relief *reliefs;       /* by PN; NULL: none yet */
    struct group_key *group_keys; /* by index of the scenario; NULL: none yet */
    struct mesh_peer *peers;      /* the other servers of its mesh */
    size_t peer_count, peer_capacity;
};

/* NULL when the server has never heard of it. */
struct subscriber *server_subscriber(const struct server *s, entity_id pne);
/* The same, made when there is none. */
struct subscriber *server_remember(struct server *s, entity_id pne);
/* The PN is the one it is in, or wants to be in, from now on. */
void server_place(struct server *s, struct subscriber *sub, uint32_t pn);
/* The PNE is in a stored PN, and reached through this gateway or server (ENTITY_NONE: any). */
bool server_is_registered(const struct server *s, entity_id pne, entity_id gateway);
/* A route to a PNE's gateway, or to the server that it belongs to. */
struct agent_route server_route(const struct server *s, entity_id pne);
/* A request got no answer, or cannot get one any more. */
void server_gave_up(struct server *s, enum cpns_type type, uint64_t cookie);
/* Sends the answer to `m` back through the gateway it came from. */
void server_answer(struct server *s, struct cpns_message *answer, entity_id through);

/* registration.c: authentication, PN inventory, release */
enum disposition server_on_connection(struct server *s, const struct cpns_message *m,
                                      entity_id from);
enum disposition server_on_answer(struct server *s, const struct cpns_message *m, entity_id from);
void server_challenge_unanswered(struct server *s, entity_id pne);
enum disposition server_on_registration(struct server *s, const struct cpns_message *m,
                                        entity_id from);
enum disposition server_on_release(struct server *s, const struct cpns_message *m, entity_id from);
void server_on_lease(struct server *s, uint32_t pn);
/* Nobody is in it any more. */
void server_delete_pn(struct server *s, uint32_t pn);

/* membership.c: devices that come later, and leave */
/* Whether `origin`, behind or being the gateway `from`, may release a stored PN and add devices. */
bool server_may_edit(const struct server *s, uint32_t pn, entity_id origin, entity_id from);
enum disposition server_on_add_device(struct server *s, const struct cpns_message *m,
                                      entity_id from);
enum disposition server_on_leave(struct server *s, const struct cpns_message *m, entity_id from);
/* Members of the PN at `from` that its registration does not list are no longer registered. */
void server_drop_unlisted(struct server *s, const struct cpns_message *m, uint32_t pn,
                          entity_id from);
/* Whether `m` is the PNE's answer to that challenge for the PN, with the key that it names. */
bool server_answer_is_right(struct server *s, const struct cpns_message *m, entity_id pne,
                            uint32_t pn, struct span challenge);

/* gateway_switch.c */
void server_switch_start(struct server *s);
enum disposition server_on_switch_request(struct server *s, const struct cpns_message *m,
                                          entity_id from);
/* From a gateway that was asked to give a PN up. */
enum disposition server_on_switch_response(struct server *s, const struct cpns_message *m);
void server_switch_unanswered(struct server *s, uint64_t pn);
/* The session with a gateway is over. */
void server_switch_lost(struct server *s, entity_id gateway);
/* Another server has made `gateway` that of the PN. */
void server_switched_elsewhere(struct server *s, uint32_t pn, entity_id gateway);
/* A gateway said something: it is told what it may not know. */
void server_heard(struct server *s, const struct cpns_message *m, entity_id from);
/* Of a challenge with that cookie: false when it was not for a switch. */
bool server_switch_answer(struct server *s, const struct cpns_message *m, uint64_t cookie,
                          entity_id from);
bool server_switch_challenge_unanswered(struct server *s, uint64_t cookie);

/* stores.c: what it holds when the run ends */
void server_tell_stores(struct entity *e, void *state);

/* Answers a request with the type that follows its own; a status of 400 and more refuses it, for
 * the record too. */
enum disposition server_say(struct server *s, const struct cpns_message *m, entity_id through,
                            int status);

/* capabilities.c */
void server_ask_capabilities(struct server *s, entity_id device);
enum disposition server_on_capabilities(struct server *s, const struct cpns_message *m,
                                        entity_id from);
/* It was asked and did not say. */
void server_capabilities_unknown(struct server *s, entity_id device);

/* service.c: use of services */
enum disposition server_on_service_request(struct server *s, struct cpns_message *m,
                                           const struct received *r);
enum disposition server_on_service_response(struct server *s, struct cpns_message *m,
                                            const struct received *r);

/* service_search.c: registration and search, confirmation by owners */
enum disposition server_on_service_registration(struct server *s, const struct cpns_message *m,
                                                entity_id from);
enum disposition server_on_service_search(struct server *s, const struct cpns_message *m,
                                          entity_id from);
enum disposition server_on_owner_confirmation(struct server *s, const struct cpns_message *m);
void server_confirmation_silent(struct server *s, uint64_t cookie);
void server_services_free(struct server *s);
/* The registered service of that provider, or NULL. */
struct inventory_service *server_service(const struct server *s, struct span id,
                                         entity_id provider);
/* The entry of that service, also of one that is stored no more; made when there is none. */
struct inventory_service *server_service_entry(struct server *s, struct span id,
                                               entity_id provider);
/* The entry becomes what the message says, or is stored no more. 200, or 400 and no change. */
int server_service_take(struct server *s, struct inventory_service *service,
                        const struct cpns_message *m, bool stored);
/* Whether the openness of a service lets the PNE see it. */
bool server_service_open(const struct server *s, const struct inventory_service *service,
                         entity_id pne);

/* group.c: dispatch, create, administrator record, discovery, leave, delete */
enum disposition server_on_group_request(struct server *s, struct cpns_message *m,
                                         const struct received *r);
/* This server is the home of the group, where it is stored. */
bool server_is_home(const struct server *s, uint32_t number);
/* The group is at home elsewhere: true when the message was handed on there, or refused because
 * there is no way. */
bool server_passes_home(struct server *s, struct cpns_message *m, uint32_t number,
                        const struct received *r, enum disposition *ret);
uint32_t server_group_of(const struct server *s, const struct cpns_message *m);
void server_group_remove(struct server *s, uint32_t number, entity_id pne);
void server_group_leave_all(struct server *s, entity_id pne);
void server_group_delete(struct server *s, uint32_t number, entity_id by);

/* group_join.c: join and invite */
enum disposition server_on_group_join(struct server *s, const struct cpns_message *m,
                                      uint32_t number, entity_id from);
enum disposition server_on_group_invite(struct server *s, const struct cpns_message *m,
                                        uint32_t number, entity_id from);
enum disposition server_on_join_approval(struct server *s, const struct cpns_message *m);
enum disposition server_on_invite_answer(struct server *s, const struct cpns_message *m);
void server_approval_silent(struct server *s, uint64_t join);
void server_invite_silent(struct server *s, uint64_t invite);
/* The PNE no longer wants in. */
void server_group_forget_join(struct server *s, uint32_t number, entity_id pne);
/* The group has another owner: whoever waits for approval waits for that one; the group is gone
 * (not stored): nobody waits any more. */
void server_group_ask_again(struct server *s, uint32_t number);

/* group_owner.c: owner transfer. Begun by the owner's request to transfer (`wish`: to whom, or
 * ENTITY_NONE) or to leave. */
enum disposition server_on_owner_transfer(struct server *s, const struct cpns_message *m,
                                          uint32_t number, entity_id from);
enum disposition server_on_owner_leaves(struct server *s, const struct cpns_message *m,
                                        uint32_t number, entity_id from);
enum disposition server_on_transfer_answer(struct server *s, const struct cpns_message *m);
void server_transfer_silent(struct server *s, uint64_t group);
/* A member has left the group: it can be asked no more. */
void server_transfer_without(struct server *s, uint32_t number, entity_id pne);

/* group_notice.c: members are told of changes one by one, inside the sessions, until they say that
 * they heard it. Who could not be told is told how things stand when it is heard of again. */
void server_group_tell(struct server *s, uint32_t number, const char *change, entity_id about);
void server_group_tell_one(struct server *s, uint32_t number, entity_id pne, const char *change,
                           entity_id about);
void server_group_tell_owner(struct server *s, uint32_t number);
/* It is a member anew: what it has not heard was about another time. */
void server_group_forget_notices(struct server *s, uint32_t number, entity_id pne);
enum disposition server_on_notice_heard(struct server *s, const struct cpns_message *m);
void server_notice_missed(struct server *s, uint64_t cookie);
void server_heard_pne(struct server *s, entity_id pne);
/* A session with a gateway or another server stands. */
void server_heard_peer(struct server *s, entity_id peer);

/* group_message.c */
enum disposition server_on_group_message(struct server *s, struct cpns_message *m,
                                         const struct received *r);

#endif
