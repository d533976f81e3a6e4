/* The PNE as a visitor of a zone (cpns-model.md flow 11; US8874142 US8837367 EP2367370): it waits
 * until it hears that a gateway serves its zone, and once it is in asks what there is for it. */
#include <stdio.h>
#include <stdlib.h>

#include "models/cpns/capability.h"
#include "models/pne/pne.h"

bool pne_is_visitor(const struct pne *p)
{
    return p->pn != SCENARIO_NONE &&
           entity_scenario(p->agent.entity)->nodes[p->gateway].zone != NULL;
}

/* Who takes itself for a member and has no session asks how it stands: it may have been away. */
static void ask_standing(struct pne *p)
{
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_KEEP_ALIVE, entity_urn(p->agent.entity, p->gateway));
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &m, &route); /* the world opens the session first */
}

enum disposition pne_on_zone_announcement(struct pne *p, const struct cpns_message *m,
                                          entity_id from)
{
    bool serves = cpns_integer(m, CPNS_ZONE_SUPPORT) == 1;
    if (from != p->gateway || !pne_is_visitor(p) || !serves || p->had_enough) {
        return MESSAGE_DELIVERED;
    }
    if (p->state == PNE_IDLE || (p->state == PNE_REFUSED && p->told)) {
        p->initiates = true;
        entity_timer_cancel(p->agent.entity, p->retry);
        pne_begin(p);
    } else if (p->state == PNE_JOINED && !entity_connected(p->agent.entity, p->gateway)) {
        ask_standing(p);
    }
    return MESSAGE_DELIVERED;
}

void pne_ask_zone_info(struct pne *p)
{
    struct entity *e = p->agent.entity;
    const struct scenario *s = entity_scenario(e);
    if (p->state != PNE_JOINED || !pne_is_visitor(p)) {
        entity_event(e, "work_skipped", "zone-info: in no zone");
        return;
    }
    char location[96];
    double place[3];
    struct capability_text text;
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_ZONE_INFO_REQUEST, entity_urn(e, p->gateway));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_set_text(&m, CPNS_SERVICE_ID, s->nodes[p->gateway].zone->service);
    cpns_set_text(&m, CPNS_PNE_INFO, entity_name(e, entity_self(e)));
    capability_tell(&p->agent, &text, &m);
    if (entity_place(e, place)) {
        snprintf(location, sizeof(location), "%.2f %.2f %.2f", place[0], place[1], place[2]);
        cpns_set_text(&m, CPNS_LOCATION, location);
    }
    struct agent_route route = pne_route(p);
    agent_request_flow(&p->agent, &m, &route, 0, "zone-info", s->nodes[p->gateway].id);
}

enum disposition pne_on_zone_info(struct pne *p, const struct cpns_message *m)
{
    uint64_t cookie;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (!agent_answered(&p->agent, m, CPNS_ZONE_INFO_REQUEST, &cookie)) {
        return MESSAGE_DELIVERED; /* late or repeated */
    }
    if (status == 200) {
        struct span info = cpns_text(m, CPNS_TAILORED_INFO);
        char *text = mem_strndup((const char *)info.data, info.len);
        p->zone_octets += cpns_bytes(m, CPNS_PAYLOAD).len;
        entity_event(p->agent.entity, "zone_information", text);
        free(text);
    } else {
        pne_not_here(p, status);
    }
    return MESSAGE_DELIVERED;
}
