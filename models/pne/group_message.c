/* Messages to a Service Group (cpns-model.md flow 8). */
#include <stdlib.h>

#include "models/pne/pne.h"

/* Messages destined to a Service Group travel outside the session (clause 5.9.1) unless the
 * scenario protects them. */
void pne_group_message(struct pne *p, uint32_t group, size_t size)
{
    struct entity *e = p->agent.entity;
    const struct pne_group *g = pne_group_find(p, group);
    if (p->state != PNE_JOINED || g == NULL || g->state != GROUP_MEMBER) {
        entity_event(e, "work_skipped", "group-message: not a member");
        return;
    }
    uint8_t *payload = mem_alloc(size);
    rng_octets(entity_rng(e, "payload"), payload, size);
    struct buf sealed = {0};
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SG_MESSAGE, entity_group_urn(e, group));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, group));
    cpns_set_bytes(&m, CPNS_PAYLOAD, span_of(payload, size));
    struct agent_route route = pne_group_route(p, group);
    route.exempt = agent_group_exemption(&p->agent);
    if (route.exempt == EXEMPT_GROUP_KEY) {
        route.secret = span_of(payload, size);
        if (pne_group_seal(p, group, route.secret, &sealed, &m) < 0) {
            entity_event(e, "work_skipped", "group-message: no group key yet");
            cpns_message_fini(&m);
            goto out;
        }
        cpns_set_bytes(&m, CPNS_PAYLOAD, buf_span(&sealed));
    }
    route.flow = entity_flow_begin(e, "group-message", entity_scenario(e)->groups[group].id);
    agent_send(&p->agent, &m, &route);
    entity_flow_let_go(e, route.flow); /* nobody answers */
out:
    buf_fini(&sealed);
    free(payload);
}

enum disposition pne_on_group_message(struct pne *p, const struct cpns_message *m)
{
    uint32_t number = entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID));
    const struct pne_group *g = number != SCENARIO_NONE ? pne_group_find(p, number) : NULL;
    if (g == NULL || !pne_group_is_in(g)) {
        return agent_refuse(&p->agent, "not_a_member");
    }
    return agent_group_exemption(&p->agent) == EXEMPT_GROUP_KEY ? pne_group_open(p, number, m)
                                                                : MESSAGE_DELIVERED;
}
