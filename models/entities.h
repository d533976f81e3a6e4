/* The entity types of CPNS and the verbs of a workload: what models/ offers to the world and to the
 * scenario format. */
#ifndef MODELS_ENTITIES_H
#define MODELS_ENTITIES_H

#include "sim/world/entity.h"

extern const struct entity_type pne_entity_type;
extern const struct entity_type pn_gateway_entity_type;
extern const struct entity_type cpns_server_entity_type;

/* In the order of enum cpns_verb (models/cpns/verbs.h). */
extern const struct scenario_verb cpns_verbs[];
extern const size_t cpns_verb_count;

/* Their state machines (models/machines/). */
extern const struct fsm_table *const cpns_machines[];
extern const size_t cpns_machine_count;

#endif
