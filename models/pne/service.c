/* Remote service access (cpns-model.md flow 6): P1 -> G1 -> S -> G2 -> P2 and back, or P -> G -> S.
 */
#include <stdlib.h>

#include "models/pne/pne.h"

void pne_use_service(struct pne *p, entity_id target, const char *service, size_t size)
{
    struct entity *e = p->agent.entity;
    if (p->state != PNE_JOINED) {
        entity_event(e, "work_skipped", "service-access: in no personal network");
        return;
    }
    uint8_t *payload = mem_alloc(size);
    rng_octets(entity_rng(e, "payload"), payload, size);
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SERVICE_ACCESS_REQUEST, entity_urn(e, target));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_text(&m, CPNS_SERVICE_ID, service != NULL ? service : "echo");
    cpns_set_bytes(&m, CPNS_PAYLOAD, span_of(payload, size));
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, 0, "service-access", entity_name(e, target));
    free(payload);
}

/* What the PNE offers gives back what it was sent. */
enum disposition pne_on_service_request(struct pne *p, const struct cpns_message *m)
{
    struct cpns_message answer;
    int status = p->state != PNE_JOINED                          ? 503
                 : !pne_offers(p, cpns_text(m, CPNS_SERVICE_ID)) ? 404
                                                                 : 200;
    agent_answer(&p->agent, &answer, CPNS_SERVICE_ACCESS_RESPONSE, m, status);
    cpns_set_span(&answer, CPNS_SERVICE_ID, cpns_text(m, CPNS_SERVICE_ID));
    cpns_set_bytes(&answer, CPNS_PAYLOAD, cpns_bytes(m, CPNS_PAYLOAD));
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

enum disposition pne_on_service_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    if (!agent_answered(&p->agent, m, CPNS_SERVICE_ACCESS_REQUEST, &cookie)) {
        entity_event(p->agent.entity, "late_response", "ServiceAccessResponse");
    } else if (agent_entity(&p->agent, m, CPNS_ORIGIN_ENTITY_ID) == p->gateway) {
        pne_not_here(p, cpns_integer(m, CPNS_STATUS));
    }
    return MESSAGE_DELIVERED;
}
