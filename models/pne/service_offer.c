/* Registered services (US9071617): the PNE enters its own with the server, says who may see them,
 * and looks for those of others. */
#include <stdlib.h>

#include "models/pne/pne.h"

/* After each coming into a PN: the server may have forgotten, or be another one. */
void pne_services_joined_pn(struct pne *p)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    for (uint32_t i = 0; i < s->service_count; i++) {
        if (s->services[i].provider == entity_self(e)) {
            sim_time at = s->services[i].at;
            entity_timer_set(e, at > entity_now(e) ? at - entity_now(e) : 0, PNE_TIMER_SERVICE, i);
        }
    }
}

void pne_service_timer(struct pne *p, uint64_t number)
{
    struct entity *e = p->agent.entity;
    const struct scenario_service *service = &entity_scenario(e)->services[number];
    if (p->state != PNE_JOINED ||
        agent_waits(&p->agent, CPNS_SERVICE_REGISTRATION_REQUEST, number)) {
        return;
    }
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SERVICE_REGISTRATION_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_text(&m, CPNS_SERVICE_ID, service->id);
    cpns_set_text(&m, CPNS_SERVICE_NAME, service->name);
    cpns_set_text(&m, CPNS_OPENNESS, scenario_openness_name(service->openness));
    if (service->content != NULL) {
        cpns_set_text(&m, CPNS_CONTENT, service->content);
    }
    if (service->group != SCENARIO_NONE) {
        cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, service->group));
    }
    if (service->confirm) {
        cpns_set_text(&m, CPNS_CONFIRMING_ID, entity_urn(e, entity_self(e)));
    }
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, number, "service-registration", service->id);
}

enum disposition pne_on_service_registered(struct pne *p, const struct cpns_message *m)
{
    uint64_t number;
    if (agent_answered(&p->agent, m, CPNS_SERVICE_REGISTRATION_REQUEST, &number)) {
        entity_event(p->agent.entity,
                     cpns_integer(m, CPNS_STATUS) == 200 ? "service_registered" : "service_refused",
                     entity_scenario(p->agent.entity)->services[number].id);
    }
    return MESSAGE_DELIVERED;
}

static const struct scenario_service *own_service(const struct pne *p, struct span id)
{
    const struct scenario *s = entity_scenario(p->agent.entity);
    for (size_t i = 0; i < s->service_count; i++) {
        if (s->services[i].provider == entity_self(p->agent.entity) &&
            span_equal_str(id, s->services[i].id)) {
            return &s->services[i];
        }
    }
    return NULL;
}

bool pne_offers(const struct pne *p, struct span id)
{
    return span_equal_str(id, "echo") || own_service(p, id) != NULL;
}

/* The owner is asked whether it lets another PNE see its service. */
enum disposition pne_on_confirmation_request(struct pne *p, const struct cpns_message *m)
{
    const struct scenario_service *service = own_service(p, cpns_text(m, CPNS_SERVICE_ID));
    entity_id who = entity_by_urn(p->agent.entity, cpns_item(m, CPNS_PNE_ID, 0));
    bool yes = service != NULL && service->allowed == NULL;
    for (size_t i = 0; service != NULL && i < service->allowed_count; i++) {
        yes = yes || service->allowed[i] == who;
    }
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_OWNER_CONFIRMATION_RESPONSE, m,
                 service == NULL ? 404
                 : yes           ? 200
                                 : 403);
    cpns_set_integer(&answer, CPNS_ACCEPT, yes);
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

void pne_search_service(struct pne *p, const struct scenario_work *work)
{
    struct entity *e = p->agent.entity;
    if (p->state != PNE_JOINED) {
        entity_event(e, "work_skipped", "service-search: in no personal network");
        return;
    }
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SERVICE_SEARCH_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    if (work->service != NULL) {
        cpns_set_text(&m, CPNS_SERVICE_ID, work->service);
    }
    if (work->keyword != NULL) {
        cpns_set_text(&m, CPNS_KEYWORD, work->keyword);
    }
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, 0, "service-search",
                       work->service != NULL ? work->service : work->keyword);
}

enum disposition pne_on_service_found(struct pne *p, const struct cpns_message *m)
{
    struct entity *e = p->agent.entity;
    uint64_t cookie;
    if (cpns_integer(m, CPNS_STATUS) == 202) { /* an owner is being asked */
        agent_in_progress(&p->agent, m, CPNS_SERVICE_SEARCH_REQUEST);
        return MESSAGE_DELIVERED;
    }
    if (!agent_answered(&p->agent, m, CPNS_SERVICE_SEARCH_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED;
    }
    struct buf text = {0};
    const struct cpns_value *ids = cpns_value(m, CPNS_FOUND_SERVICE_ID);
    const struct cpns_value *providers = cpns_value(m, CPNS_PROVIDER_ID);
    for (size_t i = 0; i < ids->list_count && i < providers->list_count; i++) {
        entity_id provider = entity_by_urn(e, providers->list[i]);
        buf_printf(&text, "%s%.*s at %s", i > 0 ? ", " : "", (int)ids->list[i].len,
                   (const char *)ids->list[i].data,
                   provider != ENTITY_NONE ? entity_name(e, provider) : "?");
    }
    char *found = buf_steal_str(&text);
    entity_event(e, "services_found", found);
    free(found);
    return MESSAGE_DELIVERED;
}
