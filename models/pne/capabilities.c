/* The PNE tells what its device can do (US9131360). */
#include "models/cpns/capability.h"
#include "models/pne/pne.h"

enum disposition pne_on_capabilities_request(struct pne *p, const struct cpns_message *m)
{
    struct capability_text text;
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_DEVICE_CAPABILITIES_RESPONSE, m, 200);
    cpns_set_text(&answer, CPNS_MODE, "pne");
    cpns_set_text(&answer, CPNS_PNE_INFO,
                  entity_name(p->agent.entity, entity_self(p->agent.entity)));
    capability_tell(&p->agent, &text, &answer);
    cpns_set_integer(&answer, CPNS_BATTERY_LEVEL, entity_battery(p->agent.entity));
    struct agent_route route = pne_route(p);
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}
