/* Low battery at the server (cpns-model.md flow 11, US9807158): a gateway that runs low says so;
 * the server asks the members of its network what they have left, wakes the one that has most of
 * those that could be the gateway, and has it take over. */
#ifndef MODELS_CPNS_SERVER_BATTERY_H
#define MODELS_CPNS_SERVER_BATTERY_H

#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct server;

enum relief_state {
    RELIEF_NONE,
    RELIEF_QUERYING,    /* the members are asked */
    RELIEF_WAKING,      /* the one chosen is woken */
    RELIEF_INSTRUCTING, /* and told to take over */
};

enum relief_event {
    RELIEF_EV_LOW,
    RELIEF_EV_ANSWERED, /* by the last of those asked, or not at all */
    RELIEF_EV_AWAKE,
    RELIEF_EV_ACCEPTED,
    RELIEF_EV_REFUSED,
    RELIEF_EV_SILENT,
    RELIEF_EV_NOBODY, /* nobody is left who could */
};

extern const struct fsm_table relief_table;

struct relief_candidate {
    entity_id pne;
    bool capable; /* it could be the gateway, and has not refused */
    int64_t level;
};

/* Of a PN whose gateway runs low. */
struct relief {
    uint32_t state;
    entity_id gateway;
    int64_t level;       /* of the gateway */
    int64_t transaction; /* of its BatteryIndication */
    uint64_t flow;       /* of the gateway's */
    struct relief_candidate *candidates;
    size_t candidate_count, candidate_capacity;
    size_t unanswered;
    entity_id chosen;
    int64_t last_transaction; /* the one that was answered last, and how */
    int last_status;
};

enum disposition server_on_battery_indication(struct server *s, const struct cpns_message *m,
                                              entity_id from);
enum disposition server_on_battery_answer(struct server *s, const struct cpns_message *m);
enum disposition server_on_woken(struct server *s, const struct cpns_message *m);
enum disposition server_on_instructed(struct server *s, const struct cpns_message *m);
/* A BatteryQuery, WakeUp or SwitchInstruction was given up. */
void server_battery_gave_up(struct server *s, enum cpns_type type, uint64_t cookie);
void server_battery_free(struct server *s);

#endif
