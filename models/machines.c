/* All state machines of the entities, for documentation and tests. */
#include "models/cpns_server/server.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"

const struct fsm_table *const cpns_machines[] = {
    &pne_table,
    &pn_table,
    &group_membership_table,
    &owner_transfer_table,
    &service_search_table,
    &assignment_table,
    &pne_key_table,
    &provisioning_table,
    &relief_table,
    &bridge_table,
};
const size_t cpns_machine_count = SIM_ARRAY_LEN(cpns_machines);
