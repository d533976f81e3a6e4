/* The CPNS Server inside models/cpns_server: its stores and what its flows offer to each other. */
#ifndef MODELS_CPNS_SERVER_SERVER_H
#define MODELS_CPNS_SERVER_SERVER_H

#include "models/cpns/agent.h"
#include "models/cpns/capability.h"
#include "models/cpns/verbs.h"
#include "models/cpns_server/keys.h"
#include "models/entities.h"

enum { CHALLENGE_BYTES = 32 };

/* What the server knows of a PNE: where it is and whether it proved who it is. */
struct subscriber {
    entity_id pne;
    entity_id gateway; /* through which it authenticated */
    uint32_t pn;       /* for which */
    bool authenticated;
    bool registered; /* in the PN inventory */
    bool taken_out;  /* it left or was taken out, and has not authenticated since */
    bool challenged;
    uint8_t challenge[CHALLENGE_BYTES];
};

/* PN inventory (cpns-model.md section 2). */
struct inventory_pn {
    bool stored;
    entity_id gateway;
    entity_id admin; /* ENTITY_NONE: none */
    int64_t latest;  /* TransactionID of the newest registration: a gateway's numbers grow */
    sim_time lease_end;
};

/* SG inventory. */
struct inventory_group {
    bool stored;
    bool closed;
    entity_id owner;
    entity_id *members; /* the owner first */
    size_t member_count, member_capacity;
};

/* A join that waits for the owner of a closed group. */
struct pending_join {
    bool used;
    uint32_t group;
    entity_id joiner;
    int64_t transaction;
};

enum server_timer { SERVER_TIMER_LEASE = 1 };

struct server {
    struct agent agent;
    struct map subscribers;              /* PNE -> struct subscriber * */
    struct subscriber **subscriber_list; /* in order of appearance */
    size_t subscriber_count, subscriber_capacity;
    struct inventory_pn *pns;       /* by index of the scenario */
    struct inventory_group *groups; /* by index of the scenario */
    struct pending_join *joins;
    size_t join_count, join_capacity;
    struct capability_store devices;
    struct map user_keys; /* PNE -> struct user_key * */
    struct user_key **user_key_list;
    size_t user_key_count, user_key_capacity;
};

/* NULL when the server has never heard of it. */
struct subscriber *server_subscriber(const struct server *s, entity_id pne);
/* The PNE is in a stored PN, and through this gateway (ENTITY_NONE: any). */
bool server_is_registered(const struct server *s, entity_id pne, entity_id gateway);
/* A route to a PNE's gateway. */
struct agent_route server_route(const struct server *s, entity_id pne);
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

/* stores.c: what it holds when the run ends */
void server_tell_stores(struct entity *e, void *state);

/* capabilities.c */
void server_ask_capabilities(struct server *s, entity_id device);
enum disposition server_on_capabilities(struct server *s, const struct cpns_message *m,
                                        entity_id from);
/* It was asked and did not say. */
void server_capabilities_unknown(struct server *s, entity_id device);

/* service.c */
enum disposition server_on_service_request(struct server *s, struct cpns_message *m,
                                           const struct received *r);
enum disposition server_on_service_response(struct server *s, struct cpns_message *m,
                                            const struct received *r);

/* group.c */
/* Tells the other members who are in a PN that `joiner` joined or left. */
void server_tell_members(struct server *s, uint32_t number, entity_id joiner, const char *change);
enum disposition server_on_group_create(struct server *s, const struct cpns_message *m,
                                        entity_id from);
enum disposition server_on_group_join(struct server *s, const struct cpns_message *m,
                                      entity_id from);
enum disposition server_on_owner_answer(struct server *s, const struct cpns_message *m);
void server_owner_silent(struct server *s, uint64_t join);
enum disposition server_on_group_message(struct server *s, struct cpns_message *m,
                                         const struct received *r);

#endif
