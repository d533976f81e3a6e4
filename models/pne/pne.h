/* The PNE inside models/pne: its state and what its flows offer to each other. */
#ifndef MODELS_PNE_PNE_H
#define MODELS_PNE_PNE_H

#include "models/cpns/keep_alive.h"
#include "models/cpns/usage.h"
#include "models/cpns/verbs.h"
#include "models/entities.h"
#include "models/pne/bridge.h"
#include "models/pne/group_key.h"
#include "models/pne/keys.h"

enum pne_state {
    PNE_IDLE,         /* in no personal network */
    PNE_DISCOVERING,  /* looks for its gateway */
    PNE_ESTABLISHING, /* session, PNEstablishmentRequest or invitation, authentication */
    PNE_JOINED,
    PNE_REFUSED, /* given up: wrong credentials, not admitted, gateway silent */
};

enum pne_event {
    PNE_EV_START,
    PNE_EV_DISCOVERED,
    PNE_EV_INVITED,
    PNE_EV_CHALLENGED,
    PNE_EV_ADMITTED,
    PNE_EV_REFUSED,
    PNE_EV_TIMEOUT,
    PNE_EV_CHANNEL_FAILED,
    PNE_EV_LINK_LOST,
    PNE_EV_RELEASED,
    PNE_EV_SWITCHED, /* another gateway has taken over */
};

extern const struct fsm_table pne_table;

enum pne_timer {
    PNE_TIMER_START = 1,
    PNE_TIMER_GROUP,
    PNE_TIMER_KEY,
    PNE_TIMER_LEAVE,
    PNE_TIMER_SERVICE,
    PNE_TIMER_USAGE,
    PNE_TIMER_LOOK,
    PNE_TIMER_CHECK
};

/* Cookie of a PNLeave for itself; otherwise the PNE that is to leave. */
#define PNE_LEAVES_ITSELF (UINT64_C(1) << 40)

/* How far this PNE is as the candidate of a gateway switch. */
enum pne_switch {
    SWITCH_NONE,
    SWITCH_ASKED,  /* has asked its gateway */
    SWITCH_TAKING, /* the gateway on its device is at it */
};

/* Membership of a Service Group, as the PNE knows it. */
enum group_state { GROUP_OUT, GROUP_ASKING, GROUP_MEMBER, GROUP_LEAVING };

enum group_event {
    GROUP_EV_ASKED,
    GROUP_EV_ADMITTED,
    GROUP_EV_REFUSED,
    GROUP_EV_LEAVES,
    GROUP_EV_LEFT,
    GROUP_EV_STAYS, /* it may not leave: nobody takes over what it owns */
    GROUP_EV_ENDED, /* the group is no more, or goes on without it */
    GROUP_EV_GAVE_UP,
};

extern const struct fsm_table group_membership_table;

/* A Service Group that the PNE has, or had, to do with. */
struct pne_group {
    uint32_t group; /* index in the scenario */
    uint32_t state;
    bool founder; /* is to create it */
    bool owner;   /* the server said so */
    bool wanted;  /* it wants to be a member */
    bool seen;    /* it was: 404 means that the group has ended */
    bool waiting; /* a request is under way or its retry is timed */
    uint32_t tries;
};

struct pne {
    struct agent agent;
    entity_id gateway;
    uint32_t pn; /* index in the scenario, or SCENARIO_NONE */
    uint32_t state;
    bool initiates;       /* asks for the PN itself; else it is invited */
    bool invited;         /* ESTABLISHING because the gateway asked, not by a request of its own */
    bool was_member;      /* asks for itself alone (type 1) when it comes back */
    uint32_t failures;    /* in a row, to reach the PN */
    bool told;            /* that the gateway is out of reach */
    uint64_t retry;       /* timer, or 0 */
    uint64_t flow;        /* pn-establishment that this PNE began, or 0 */
    bool had_enough;      /* of the zone that it left: until it meets the gateway again */
    uint64_t zone_octets; /* of information that it was told */
    bool leaving;         /* wants out, and has not heard that it is */
    bool broken;          /* the session of a member broke and was not opened again yet */
    struct usage_store usage; /* copies */
    struct bridge bridge;
    struct pne_group *groups;
    size_t group_count, group_capacity;
    struct keep_alive keep_alive;
    struct pne_group_key *group_keys;
    size_t group_key_count, group_key_capacity;
    struct pne_keys *keys; /* NULL: no message about keys yet */
    /* search among several gateways */
    entity_id willing; /* the first that answered without serving the PN, or ENTITY_NONE */
    uint64_t look;     /* timer, or 0: then it is asked to take over */
    bool checking;     /* whether the gateway is still there; ... */
    bool heard;        /* ... it said something since */
    /* gateway switching */
    enum pne_switch switching;
    uint64_t switch_flow; /* gateway-switch that this PNE began, or 0 */
    uint64_t change_flow; /* gateway-change under way, or 0 */
};

/* A route to the gateway for a message of this PNE's PN. */
struct agent_route pne_route(const struct pne *p);
/* A transition; an event that the state does not allow is recorded as a protocol error and changes
 * nothing: false. */
bool pne_move(struct pne *p, enum pne_event event, enum pne_state to);
/* The establishment under way, if it is this PNE's, ends with this reason as `event` says; moves
 * end it too, without one. */
void pne_end_flow(struct pne *p, enum pne_event event, const char *reason);
/* Whether the state allows the event, for what is no error otherwise. */
bool pne_may(const struct pne *p, enum pne_event event);

/* establishment.c */
void pne_establishment_start(struct pne *p);
void pne_begin(struct pne *p);
enum disposition pne_on_discovery_request(struct pne *p, const struct cpns_message *m,
                                          const struct received *r);
/* To the gateway that was found. */
void pne_ask_establishment(struct pne *p);
enum disposition pne_on_connection_request(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_authentication_request(struct pne *p, const struct cpns_message *m,
                                               entity_id from);
enum disposition pne_on_authentication_result(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_establishment_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_connection_reject(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_release(struct pne *p, const struct cpns_message *m);
void pne_on_channel_failed(struct pne *p, const char *reason);
/* It did not work out this time: tried again later, as often as a request is. */
void pne_set_back(struct pne *p, enum pne_event event, const char *reason);
/* The PN is no more. */
void pne_leaves(struct pne *p);
/* The gateway came into reach. */
void pne_met_gateway(struct pne *p);
/* The gateway answered 410 (the PN is no more) or 403 (the PNE is not in it). */
void pne_not_here(struct pne *p, int64_t status);
/* No longer in the PN, which may well stand: from the beginning again. */
void pne_comes_back(struct pne *p, bool reachable);
void pne_gives_up(struct pne *p, enum pne_event event, const char *reason);
void pne_ask_release(struct pne *p);
/* Asks for itself from now on, and for itself alone. */
void pne_asks_itself(struct pne *p);

/* search.c */
/* Whether more than one gateway may serve its PN. */
bool pne_has_choice(const struct pne *p);
void pne_look_for_gateway(struct pne *p);
void pne_stop_looking(struct pne *p);
bool pne_looks(const struct pne *p); /* a discovery is unanswered */
void pne_on_look(struct pne *p);
enum disposition pne_on_discovery_response(struct pne *p, const struct cpns_message *m);
void pne_check_gateway(struct pne *p);
void pne_on_check(struct pne *p, entity_id gateway);
void pne_park(struct pne *p);

/* gateway_switch.c */
/* The gateway on this PNE's device shall take over from its gateway; `reason` in words. */
void pne_switch_gateway(struct pne *p, const char *reason);
enum disposition pne_on_switch_response(struct pne *p, const struct cpns_message *m,
                                        entity_id from);
enum disposition pne_on_gateway_change(struct pne *p, const struct cpns_message *m, entity_id from);
void pne_switch_gave_up(struct pne *p, entity_id peer);
/* The gateway it asked is lost. */
void pne_switch_stop(struct pne *p, const char *reason);
/* To another gateway, which has taken over. */
void pne_follow(struct pne *p, entity_id gateway);
/* The new gateway has answered, or not: the change is over. */
void pne_change_over(struct pne *p, int64_t status);

/* stores.c: what it believes when the run ends */
void pne_tell_stores(struct entity *e, void *state);

/* membership.c; `pne` SCENARIO_NONE: itself */
void pne_work_add(struct pne *p, uint32_t pn, entity_id pne);
enum disposition pne_on_add_response(struct pne *p, const struct cpns_message *m);
void pne_work_leave(struct pne *p, uint32_t pn, entity_id pne);
void pne_ask_leave(struct pne *p);
enum disposition pne_on_leave_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_leave_notice(struct pne *p, const struct cpns_message *m);
void pne_leave_gave_up(struct pne *p);
/* Out of the PN, and of the Service Groups of others. */
void pne_is_out(struct pne *p);

/* zone.c */
/* Its gateway offers a zone service: it waits to be told so. */
bool pne_is_visitor(const struct pne *p);
enum disposition pne_on_zone_announcement(struct pne *p, const struct cpns_message *m,
                                          entity_id from);
void pne_ask_zone_info(struct pne *p);
enum disposition pne_on_zone_info(struct pne *p, const struct cpns_message *m);

/* administration.c; entities SCENARIO_NONE: itself */
void pne_work_admin(struct pne *p, uint32_t pn, entity_id candidate);
enum disposition pne_on_admin_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_admin_assign(struct pne *p, const struct cpns_message *m);
void pne_work_adminee(struct pne *p, uint32_t pn, entity_id adminee, const char *change);
enum disposition pne_on_adminee_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_adminee_change(struct pne *p, const struct cpns_message *m);
void pne_work_usage(struct pne *p, const struct scenario_work *work, entity_id pne);
enum disposition pne_on_usage_info(struct pne *p, const struct cpns_message *m);

/* battery.c */
void pne_battery_start(struct pne *p);
void pne_battery_low(struct pne *p, int percent);
/* It is in its network from now on. */
void pne_battery_joined(struct pne *p);
enum disposition pne_on_battery_answer(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_battery_query(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_wake_up(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_switch_instruction(struct pne *p, const struct cpns_message *m);

/* capabilities.c */
enum disposition pne_on_capabilities_request(struct pne *p, const struct cpns_message *m);

/* service.c: use of services of others, and its own; `service` NULL: echo */
void pne_use_service(struct pne *p, entity_id target, const char *service, size_t size);
enum disposition pne_on_service_request(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_service_response(struct pne *p, const struct cpns_message *m);

/* service_offer.c: registration, confirmation, search */
void pne_services_joined_pn(struct pne *p);
void pne_service_timer(struct pne *p, uint64_t number);
bool pne_offers(const struct pne *p, struct span id);
void pne_search_service(struct pne *p, const struct scenario_work *work);
enum disposition pne_on_service_registered(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_confirmation_request(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_service_found(struct pne *p, const struct cpns_message *m);

/* group.c: membership */
void pne_groups_start(struct pne *p);
void pne_groups_joined_pn(struct pne *p);
/* It left its PN and with it the groups of others: it joins again when it comes back. */
void pne_groups_left(struct pne *p);
/* A new session of a member of the PN. */
void pne_groups_refresh(struct pne *p);
/* All requests were forgotten. */
void pne_groups_interrupted(struct pne *p);
void pne_group_timer(struct pne *p, uint64_t group);
void pne_group_join(struct pne *p, uint32_t group);
void pne_group_leave(struct pne *p, uint32_t group);
void pne_group_delete(struct pne *p, uint32_t group);
void pne_group_gave_up(struct pne *p, uint32_t group);
/* NULL: never heard of. */
struct pne_group *pne_group_find(struct pne *p, uint32_t group);
struct pne_group *pne_group_get(struct pne *p, uint32_t group);
bool pne_group_is_in(const struct pne_group *g);
/* The group is no more, or goes on without this PNE. */
void pne_group_ended(struct pne *p, struct pne_group *g);
/* Takes note of the owner that the message names, if it does. */
void pne_group_owned_by(struct pne *p, struct pne_group *g, const struct cpns_message *m);
struct agent_route pne_group_route(const struct pne *p, uint32_t group);
/* A message to the server about a group; sent as a request and a flow, its cookie the group. */
void pne_group_begin(struct pne *p, struct cpns_message *m, enum cpns_type type, uint32_t group);
void pne_group_request(struct pne *p, struct cpns_message *m, uint32_t group, const char *flow);
enum disposition pne_on_group_create_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_group_join_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_group_leave_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_group_delete_response(struct pne *p, const struct cpns_message *m);

/* group_asked.c: approval, invitation, owner transfer, notices, discovery */
void pne_group_invite(struct pne *p, uint32_t group, const struct scenario_work *work);
void pne_group_expel(struct pne *p, uint32_t group, entity_id member);
void pne_group_transfer(struct pne *p, uint32_t group, entity_id wish);
void pne_group_discover(struct pne *p, const struct scenario_work *work);
enum disposition pne_on_group_join_request(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_group_invitation(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_ownership_offer(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_member_change(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_owner_change(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_group_discovered(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_invite_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_transfer_response(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_record_response(struct pne *p, const struct cpns_message *m);

/* group_message.c */
void pne_group_message(struct pne *p, uint32_t group, size_t size);
enum disposition pne_on_group_message(struct pne *p, const struct cpns_message *m);

#endif
