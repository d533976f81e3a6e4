/* Bridges of a gateway to PNs of others, over two PNEs (cpns-model.md flow 11; US8958343
 * US9014055): found and asked for when the server is out of reach, used as long as it is. */
#ifndef MODELS_PN_GATEWAY_BRIDGE_H
#define MODELS_PN_GATEWAY_BRIDGE_H

#include "models/cpns/agent.h"

struct gateway;
struct pn;

enum bridge_state { BRIDGE_NONE, BRIDGE_LOOKING, BRIDGE_ASKING, BRIDGE_STANDS };

enum bridge_event {
    BRIDGE_EV_LOOK,    /* the server is out of reach, or the workload says so */
    BRIDGE_EV_FOUND,   /* a PNE reaches another PN */
    BRIDGE_EV_NOTHING, /* none does, or none answered */
    BRIDGE_EV_ALLOWED,
    BRIDGE_EV_DENIED,
    BRIDGE_EV_ASKED, /* the other gateway asked for it */
    BRIDGE_EV_LOST,  /* its member is gone, or it is old */
};

extern const struct fsm_table bridge_table;

/* Of a PN of this gateway. */
struct pn_bridge {
    uint32_t state;
    uint32_t looking;  /* members that have not told yet what they found */
    entity_id via;     /* the member that couples the two PNs */
    uint32_t peer_pn;  /* index in the scenario */
    sim_time tried_at; /* when it last looked; 0: never */
    sim_time until;    /* it has to be set up anew then */
    uint64_t flow;     /* of its set-up, or 0 */
    struct map others; /* members of the other PN, as its gateway said */
    bool peer_alone;   /* the other gateway has no server */
    bool told_alone;   /* it was told that this one has none */
};

/* The server is out of reach: looks for bridges, once every keep-alive period. */
void gateway_bridge_look(struct gateway *g);
void gateway_bridge_timer(struct gateway *g);
/* The server is back: the other gateways hear of it. */
void gateway_bridge_server_up(struct gateway *g);
/* Workload. */
void gateway_work_discovery(struct gateway *g, entity_id pne);
void gateway_work_bridge(struct gateway *g, uint32_t pn);
enum disposition gateway_on_found(struct gateway *g, const struct cpns_message *m, entity_id from);
void gateway_found_nothing(struct gateway *g, entity_id pne);
/* `m` came from the member `r->from`, for whose gateway another speaks. */
bool gateway_is_bridged(struct gateway *g, const struct cpns_message *m, entity_id from);
enum disposition gateway_on_bridged(struct gateway *g, struct cpns_message *m,
                                    const struct received *r);
void gateway_bridge_silent(struct gateway *g, uint64_t pn);
/* A service message of a member: where it goes on. True when over a bridge, and then handled. */
bool gateway_use_bridge(struct gateway *g, struct pn *pn, struct cpns_message *m,
                        const struct received *r, enum disposition *ret);
void gateway_bridge_free(struct gateway *g);

#endif
