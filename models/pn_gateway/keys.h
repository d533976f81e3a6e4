/* The gateway's part of key assignment (cpns-model.md flow 4) and value-chain authentication
 * (flow 5). */
#ifndef MODELS_PN_GATEWAY_KEYS_H
#define MODELS_PN_GATEWAY_KEYS_H

#include "models/cpns/keys.h"
#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct gateway;

/* --- key assignment: keys.c */

enum assignment_state {
    ASSIGNMENT_NONE,
    ASSIGNMENT_REGISTERING, /* the server is told the user */
    ASSIGNMENT_INSTALLING,  /* the PNE is */
    ASSIGNMENT_TRIGGERED,   /* the PNE has the first authentication data */
    ASSIGNMENT_ASKED,       /* it found it right; now it asks the server */
    ASSIGNMENT_DONE,
    ASSIGNMENT_FAILED,
};

enum assignment_event {
    ASSIGNMENT_EV_START,
    ASSIGNMENT_EV_REGISTERED,
    ASSIGNMENT_EV_INSTALLED,
    ASSIGNMENT_EV_ACCEPTED,
    ASSIGNMENT_EV_ASSIGNED,
    ASSIGNMENT_EV_REFUSED,
    ASSIGNMENT_EV_TIMEOUT,
};

extern const struct fsm_table assignment_table;

/* The last one of each PNE that had one. */
struct assignment {
    entity_id pne;
    uint32_t pn; /* index in the scenario */
    uint32_t state;
    uint64_t guard;
    uint64_t flow; /* while under way */
    uint8_t nonce[KEY_NONCE_BYTES];
    uint8_t first_data[KEY_BYTES];
};

/* Of the members of PN `pn` (index in the scenario), or of `only` (ENTITY_NONE: all). */
void gateway_assign_keys(struct gateway *g, uint32_t pn, entity_id only);
enum disposition gateway_on_user_registered(struct gateway *g, const struct cpns_message *m);
enum disposition gateway_on_installed(struct gateway *g, const struct cpns_message *m);
/* KeyAssignmentResponse passes through on its way to a PNE. */
void gateway_saw_user_key(struct gateway *g, entity_id pne, int64_t status);
/* A request about keys (of both flows) was given up; false: it is of another flow. */
bool gateway_keys_gave_up(struct gateway *g, enum cpns_type type, entity_id pne);
void gateway_on_assignment_timer(struct gateway *g, entity_id pne);
/* No way to the server: what waits for it has failed. */
void gateway_keys_server_failed(struct gateway *g);
void gateway_keys_free(struct gateway *g);

/* --- value chain: provisioning.c */

enum provisioning_state {
    PROVISIONING_NONE,
    PROVISIONING_ASKED,      /* the server, for a chain */
    PROVISIONING_CHALLENGED, /* the PNE has a value of it */
    PROVISIONING_AUTHENTIC,  /* and has shown that it could read it */
    PROVISIONING_FAILED,
};

enum provisioning_event {
    PROVISIONING_EV_START,
    PROVISIONING_EV_PROVISIONED,
    PROVISIONING_EV_PROVEN,
    PROVISIONING_EV_REFUSED,
    PROVISIONING_EV_TIMEOUT,
};

extern const struct fsm_table provisioning_table;

struct provisioning {
    entity_id pne;
    uint32_t pn;
    uint32_t state;
    uint64_t flow; /* while under way */
    bool has_chain;
    int64_t used;                   /* values of the chain that the PNE proved */
    uint8_t nonce[KEY_NONCE_BYTES]; /* the server's, of the chain */
    uint8_t seed[KEY_BYTES];        /* its last value; the others follow from it */
    uint8_t tk[KEY_BYTES];
    uint8_t challenge[KEY_BYTES];
};

/* As above; with what the server gave before, as long as it lasts. */
void gateway_provision(struct gateway *g, uint32_t pn, entity_id only);
enum disposition gateway_on_provisioned(struct gateway *g, const struct cpns_message *m);
enum disposition gateway_on_chain_proof(struct gateway *g, const struct cpns_message *m);
void gateway_provisioning_gave_up(struct gateway *g, entity_id pne, const char *why);

#endif
