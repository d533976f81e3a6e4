/* The PN gateway inside models/pn_gateway: its state and what its flows offer to each other. */
#ifndef MODELS_PN_GATEWAY_GATEWAY_H
#define MODELS_PN_GATEWAY_GATEWAY_H

#include "models/cpns/capability.h"
#include "models/cpns/keep_alive.h"
#include "models/cpns/usage.h"
#include "models/cpns/verbs.h"
#include "models/entities.h"
#include "models/pn_gateway/bridge.h"
#include "models/pn_gateway/keys.h"

enum pn_state { PN_NONE, PN_FORMING, PN_ACTIVE };

enum pn_event {
    PN_EV_REQUESTED,  /* a member asks for it */
    PN_EV_REGISTERED, /* the server has stored it */
    PN_EV_REFUSED,    /* the server has not, or nobody came */
    PN_EV_RELEASED,
    PN_EV_SWITCHED, /* taken over, or handed over */
};

enum member_state {
    MEMBER_ABSENT,
    MEMBER_INVITED,        /* looked for in the clear */
    MEMBER_ASKED,          /* PNConnectionRequest sent through its session */
    MEMBER_AUTHENTICATING, /* its request is at the server */
    MEMBER_AUTHENTICATED,
    MEMBER_REGISTERED, /* in the server's inventory; in the routing table */
};

struct member {
    entity_id pne;
    enum member_state state;
    bool counted;    /* the PN waits for it (types 2 and 3) */
    bool listed;     /* in the registration under way */
    bool asked;      /* waits for a PNEstablishmentResponse ... */
    int64_t request; /* ... to this TransactionID */
    uint64_t guard;  /* timer: given up when it makes no progress */
    /* flows: that its answer belongs to; its invitation and authentication while under way, or 0 */
    uint64_t flow, invitation, authentication;
    sim_time heard; /* last */
    /* membership.c */
    bool candidate;        /* no member by the scenario: it has to be added */
    bool outside;          /* not one of the PN: not added yet, or it left or was taken out */
    bool added;            /* came in later: looked for when it is met */
    bool leaving;          /* waits for a PNLeaveResponse ... */
    int64_t leave_request; /* ... to this TransactionID, of this flow */
    uint64_t leave_flow;
    bool unsaid;     /* out, and the server has not said that it knows */
    uint64_t again;  /* timer: told again then */
    bool inherited;  /* from the gateway before, and has not asked here yet */
    bool expected;   /* so, and does not know yet that it is in here */
    int64_t knocked; /* a keep-alive that waits for the end of a take-over, by TransactionID; 0 */
};

/* A personal network of this gateway: PN inventory (copy) and PN routing table (cpns-model.md
 * section 2). */
struct pn {
    uint32_t number; /* index in the scenario */
    uint32_t state;
    struct member *members;
    size_t member_count;
    uint32_t awaited; /* members that are counted */
    bool registering;
    entity_id admin; /* ENTITY_NONE: none */
    struct pn_bridge bridge;
    bool emptying; /* the last registered member left: it ends unless others come */
    /* gateway switching */
    bool serving;              /* this gateway is the PN's; PN_NONE otherwise */
    bool taking;               /* the server was asked to make it that */
    struct held_message *held; /* requests that wait for it, or NULL */
    bool asked_by_twin;        /* for the PNE on this device, whose request ... */
    int64_t twin_request;      /* ... has this TransactionID */
    entity_id successor;       /* whose the PN is as far as this gateway knows; ENTITY_NONE */
    entity_id candidate;       /* of the switch agreed to, or ENTITY_NONE ... */
    uint64_t candidate_guard;  /* ... timer: until then */
    sim_time taken_at;         /* when it was taken over, or 0 */
};

/* Group list: Service Group -> PNEs of this gateway. */
struct group_entry {
    uint32_t group;
    entity_id pne;
};

enum gateway_timer {
    GATEWAY_TIMER_GUARD = 1,
    GATEWAY_TIMER_LEASE,
    GATEWAY_TIMER_ASSIGNMENT,
    GATEWAY_TIMER_BATTERY,
    GATEWAY_TIMER_LEAVE,
    GATEWAY_TIMER_USAGE,
    GATEWAY_TIMER_ZONE,
    GATEWAY_TIMER_BRIDGE,
    GATEWAY_TIMER_CANDIDATE,
    GATEWAY_TIMER_UPLINK,
};

struct gateway {
    struct agent agent;
    struct keep_alive keep_alive; /* of the session with the server */
    entity_id server;
    uint32_t uplink_failures; /* sessions with the server that failed, in a row */
    bool broken;              /* the session with the server broke and was not opened again yet */
    struct pn *pns;
    size_t pn_count;
    struct map places; /* PNE -> index of its PN in pns << 32 | index of the member */
    struct group_entry *groups;
    size_t group_count, group_capacity;
    struct capability_store devices; /* what its PNEs can do, as it saw them say */
    struct usage_store usage;        /* copies */
    struct map bridged;              /* requests that came over a bridge, until they are answered */
    uint64_t bridge_timer;
    uint32_t battery_tries; /* to be relieved, since the charge fell last */
    struct assignment *assignments;
    size_t assignment_count, assignment_capacity;
    struct provisioning *provisionings;
    size_t provisioning_count, provisioning_capacity;
};

extern const struct fsm_table pn_table;

/* The member that a PNE is, and its PN; NULL when it is none of ours. */
struct member *gateway_member(struct gateway *g, entity_id pne, struct pn **pn);
/* A route for messages of a PN (or NULL). */
struct agent_route gateway_route(entity_id peer, const struct pn *pn);
bool pn_move(struct gateway *g, struct pn *pn, enum pn_event event, enum pn_state to);
/* Calls `start` for the members of PN `pn` (index in the scenario) that the server has, or for
 * `only` (ENTITY_NONE: all); none there: the work `skipped` (static storage) is skipped. */
void gateway_each_member(struct gateway *g, uint32_t pn, entity_id only, const char *skipped,
                         void (*start)(struct gateway *g, entity_id pne, uint32_t pn));

/* establishment.c */
void gateway_establishment_start(struct gateway *g);
enum disposition gateway_on_establishment_request(struct gateway *g, const struct cpns_message *m,
                                                  entity_id from);
enum disposition gateway_on_connection_answer(struct gateway *g, const struct cpns_message *m,
                                              entity_id from);
void gateway_on_pne_up(struct gateway *g, entity_id pne);
/* A PNE came into reach: a member that is missing is invited. */
void gateway_met_pne(struct gateway *g, entity_id pne);
void gateway_on_pne_down(struct gateway *g, entity_id pne);
void gateway_on_server_failed(struct gateway *g);
/* The session with the server broke, and what is unanswered has been sent again. */
void gateway_on_server_down(struct gateway *g);
void gateway_on_guard(struct gateway *g, entity_id pne);
void gateway_on_gave_up(struct gateway *g, enum cpns_type type, uint64_t cookie);
/* A message of the authentication passes through on its way to a PNE. */
void gateway_saw_challenge(struct gateway *g, entity_id pne);
void gateway_saw_result(struct gateway *g, entity_id pne, int64_t status);
enum disposition gateway_on_registration_response(struct gateway *g, const struct cpns_message *m);
void gateway_renew_lease(struct gateway *g, uint64_t pn);

/* What is under way of the member's own flows ends as `status` says. */
void gateway_end_flows(struct gateway *g, struct member *m, int status);
/* Tells a member what it asked for with a PNEstablishmentRequest, when it waits for that. */
void gateway_answer_member(struct gateway *g, struct pn *pn, struct member *m, int status);
/* The same with 202: it goes on waiting. */
void gateway_under_way(struct gateway *g, const struct pn *pn, const struct member *m);
/* Looks for a member of a PN that stands or forms; authenticates one that asked. */
void gateway_invite(struct gateway *g, struct pn *pn, struct member *m);
void gateway_begin_member(struct gateway *g, struct pn *pn, struct member *m);
/* Absent from now on; the others go on without it. Nobody is told. */
void gateway_forget_member(struct gateway *g, struct pn *pn, struct member *m);

/* membership.c: devices that come later, and leave */
void gateway_work_add(struct gateway *g, uint32_t number, entity_id pne);
/* A PNE that is outside asked for the PN. */
enum disposition gateway_ask_to_add(struct gateway *g, struct pn *pn, struct member *m);
enum disposition gateway_on_add_device(struct gateway *g, struct cpns_message *m,
                                       const struct received *r);
enum disposition gateway_on_add_response(struct gateway *g, const struct cpns_message *m);
/* The server agreed to what a member had asked; it passes through. */
void gateway_saw_added(struct gateway *g, const struct cpns_message *m);
void gateway_saw_left(struct gateway *g, const struct cpns_message *m);
void gateway_add_failed(struct gateway *g, entity_id pne, int status);
enum disposition gateway_on_leave(struct gateway *g, struct cpns_message *m,
                                  const struct received *r);
enum disposition gateway_on_leave_response(struct gateway *g, const struct cpns_message *m);
/* A member is gone without a word. */
void gateway_lost_member(struct gateway *g, struct pn *pn, struct member *m);
/* The server did not answer that a PNE left: told again after a while. */
void gateway_leave_untold(struct gateway *g, entity_id pne);
void gateway_tell_leave_again(struct gateway *g, entity_id pne);
void gateway_membership_server_failed(struct gateway *g);
/* Ends a PN in which nobody is any more, since its last member left. */
void gateway_check_empty(struct gateway *g, struct pn *pn);
/* The server did not take a member that the registration listed. */
void gateway_not_registered(struct gateway *g, struct pn *pn, struct member *m);

/* stores.c: what it holds when the run ends */
void gateway_tell_stores(struct entity *e, void *state);

/* The answer to its PNEstablishmentRequest, where it waits for one. */
void gateway_answer_member(struct gateway *g, struct pn *pn, struct member *m, int status);
/* Its request goes on to the server. */
void gateway_authenticate(struct gateway *g, struct pn *pn, struct member *m);
/* Is no member any more; what is under way for it ends as `status` says. */
void gateway_reset_member(struct gateway *g, struct member *m, int status);

/* gateway_receive.c */
/* A message from a PNE or from the server. */
enum disposition gateway_receive(struct entity *e, void *gateway, const struct received *r);
/* The keep-alive that waited. */
void gateway_answer_knock(struct gateway *g, struct member *m);

/* gateway_switch.c */
/* From a member, or from the PNE on this device. */
enum disposition gateway_on_switch_request(struct gateway *g, const struct cpns_message *m,
                                           entity_id from);
enum disposition gateway_on_gateway_change(struct gateway *g, const struct cpns_message *m,
                                           entity_id from);
enum disposition gateway_on_server_switch(struct gateway *g, const struct cpns_message *m);
enum disposition gateway_on_switch_response(struct gateway *g, const struct cpns_message *m);
/* The PN is another gateway's: tells the PNE, true. */
bool gateway_redirects(struct gateway *g, const struct pn *pn, entity_id pne);
/* Asks the server for the PN; `old` for the record, or ENTITY_NONE. */
void gateway_take_over(struct gateway *g, struct pn *pn, entity_id old);
void gateway_take_over_failed(struct gateway *g, size_t pn, int status);
/* The member knows that it is in. */
void gateway_is_in(struct gateway *g, struct pn *pn, struct member *m);
/* No session with the server could be made, or the server did not answer in one (`silent`). Where
 * another gateway could serve a PN of this one, the next try is timed, and after so many as a
 * request has, or when the server is silent, its members look for that. */
void gateway_on_uplink_failed(struct gateway *g, bool silent);
void gateway_try_uplink(struct gateway *g);
bool gateway_is_cut_off(const struct gateway *g, const struct pn *pn);
/* It has taken the PN over a moment ago. */
bool gateway_is_new(const struct gateway *g, const struct pn *pn);
/* A request to the server waits for the end of the take-over; one to a PNE that came with the PN
 * until that is in. Then they go on. */
enum disposition gateway_hold(struct pn *pn, const struct received *r, entity_id to);
void gateway_release_held(struct gateway *g, struct pn *pn, entity_id to);
void gateway_drop_held(struct pn *pn);
/* A member that asks for the PN, which this gateway has: inherited ones are in already. */
void gateway_let_in(struct gateway *g, struct pn *pn, struct member *m);
/* Somebody looks for the gateway of the PN. */
void gateway_looked_for(struct gateway *g, const struct pn *pn);
void gateway_candidate_late(struct gateway *g, size_t pn);

/* release.c */
void gateway_ask_release(struct gateway *g, uint32_t pn);
enum disposition gateway_on_release_response(struct gateway *g, const struct cpns_message *m);
/* The server has deleted the PN: tells the members, but for `except`, and forgets it. */
void gateway_released(struct gateway *g, struct pn *pn, entity_id except);

/* zone.c */
void gateway_zone_start(struct gateway *g);
void gateway_zone_timer(struct gateway *g);
enum disposition gateway_on_zone_info(struct gateway *g, const struct cpns_message *m,
                                      entity_id from);

/* usage.c: an answer passes */
void gateway_saw_usage_info(struct gateway *g, const struct cpns_message *m);

/* capabilities.c: to the gateway itself or to a PNE of its; what a PNE answers */
enum disposition gateway_on_capabilities_request(struct gateway *g, struct cpns_message *m,
                                                 const struct received *r);
enum disposition gateway_on_capabilities_answer(struct gateway *g, struct cpns_message *m,
                                                const struct received *r);

/* battery.c */
void gateway_battery_start(struct gateway *g);
void gateway_battery_low(struct gateway *g, int percent);
/* It serves the PN from now on. */
void gateway_battery_serves(struct gateway *g, const struct pn *pn);
enum disposition gateway_on_battery_answer(struct gateway *g, const struct cpns_message *m);

/* group.c */
void gateway_group_add(struct gateway *g, uint32_t group, entity_id pne);
bool gateway_group_has(const struct gateway *g, uint32_t group, entity_id pne);
void gateway_group_forget(struct gateway *g, entity_id pne);
/* A message about a group that passed through to a PNE. */
void gateway_group_passed(struct gateway *g, const struct cpns_message *m, entity_id pne);
enum disposition gateway_on_group_message(struct gateway *g, struct cpns_message *m,
                                          const struct received *r);

#endif
