/* What the server keeps of Service Groups and services (cpns-model.md section 2). An entry has a
 * home: the server where it was made, the only one that changes it. What another server has of it
 * is a copy, told by the home. */
#ifndef MODELS_CPNS_SERVER_INVENTORY_H
#define MODELS_CPNS_SERVER_INVENTORY_H

#include "sim/scenario/scenario.h"
#include "sim/world/entity.h"

/* Whether `text` (or NULL) holds the word; upper and lower case are different. */
bool inventory_text_holds(const char *text, struct span word);

/* A set of entities in the order in which they came. */
struct entity_list {
    entity_id *items;
    size_t count, capacity;
};
bool entity_list_has(const struct entity_list *l, entity_id id);
/* No effect when it is there already. */
void entity_list_add(struct entity_list *l, entity_id id);
/* The others keep their order. */
void entity_list_remove(struct entity_list *l, entity_id id);
void entity_list_fini(struct entity_list *l);

/* Owner transfer (US8504042, US8924514, US9185531): the server asks one member after the other. */
enum transfer_state { TRANSFER_NONE, TRANSFER_ASKING };

enum transfer_event {
    TRANSFER_EV_REQUESTED, /* the owner wants to give it away, or to leave */
    TRANSFER_EV_ACCEPTED,
    TRANSFER_EV_REFUSED,
    TRANSFER_EV_SILENT,
    TRANSFER_EV_GONE,  /* the one who is asked left the group */
    TRANSFER_EV_ENDED, /* nobody is left to be asked */
};

extern const struct fsm_table owner_transfer_table;

struct owner_transfer {
    uint32_t state;
    int64_t transaction; /* of the owner's request to transfer, or 0 */
    int64_t leave;       /* of its request to leave, or 0: it does when it is owner no more */
    bool wished;         /* it named the candidate: nobody else is asked */
    entity_id candidate; /* who is being asked */
    struct entity_list asked;
    int refusal; /* what the last one who was asked said, as a status */
    /* The last one that ended: a repeated request gets the same answer. */
    entity_id last_from;
    int64_t last_transaction;
    int last_status;
    int64_t last_leave; /* the same of a request to leave */
    int last_leave_status;
};

/* SG inventory. */
struct inventory_group {
    bool stored;
    bool closed;
    entity_id home;
    entity_id owner;
    entity_id admin;             /* the administrator record (US9300739): who, and ... */
    struct entity_list expected; /* ... the members that the owner told of */
    char *name, *service;
    struct entity_list members; /* in order of joining */
    struct entity_list invited; /* are admitted without asking the owner */
    struct owner_transfer transfer;
    int64_t sequence; /* of the entry's state among the servers */
};
/* Forgets what the entry holds; its sequence stays. */
void inventory_group_clear(struct inventory_group *g);

/* A join that waits for the owner of a closed group. */
struct pending_join {
    bool used;
    uint32_t group;
    entity_id joiner;
    int64_t transaction;
};

/* An invitation that waits for the one who is invited. */
struct pending_invite {
    bool used;
    uint32_t group;
    entity_id inviter, invitee;
    int64_t transaction;
};

/* A change of which a member could not be told. */
struct missed_notice {
    bool used;
    uint32_t group;
    entity_id pne;
};

/* A registered service (US9071617). */
struct inventory_service {
    bool stored;
    char *id, *name, *content;
    entity_id home;
    entity_id provider;
    enum scenario_openness openness;
    uint32_t group;           /* of OPENNESS_GROUP */
    entity_id confirming;     /* who is asked about each who searches, or ENTITY_NONE */
    struct entity_list shown; /* whom it confirmed */
    int64_t sequence;
};

/* A search that waits for owners. */
enum search_state { SEARCH_NONE, SEARCH_CONFIRMING };
enum search_event { SEARCH_EV_ASKED, SEARCH_EV_CONFIRMED, SEARCH_EV_DENIED, SEARCH_EV_SILENT };
extern const struct fsm_table service_search_table;

struct pending_search {
    bool used;
    uint32_t state;
    entity_id asker;
    int64_t transaction;
    size_t awaited;  /* owners that have not answered */
    size_t *matches; /* indexes of services */
    bool *open;      /* of each: shown to the asker */
    size_t count;
};

#endif
