/* Copies of PN usage information at the gateway (US9537713), as the answers pass. */
#include "models/pn_gateway/gateway.h"

void gateway_saw_usage_info(struct gateway *g, const struct cpns_message *m)
{
    struct entity *e = g->agent.entity;
    if ((cpns_integer(m, CPNS_STORE) & USAGE_AT_GATEWAY) == 0) {
        return;
    }
    const struct usage_info *u = usage_copy(&g->usage, &g->agent, m);
    if (u != NULL && u->end > entity_now(e)) {
        entity_timer_set(e, u->end - entity_now(e), GATEWAY_TIMER_USAGE, 0);
    }
}
