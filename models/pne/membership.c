/* The PNE adds devices to its PN, leaves it and comes back (US9026634). */
#include "models/pne/pne.h"

static void name_one(struct pne *p, struct cpns_message *m, enum cpns_type type, entity_id pne)
{
    struct entity *e = p->agent.entity;
    agent_begin(&p->agent, m, type, entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    cpns_add_text(m, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
}

/* --- add
 * ------------------------------------------------------------------------------------------------
 */

/* Itself: it asks its gateway, as who was a member before. */
static void add_itself(struct pne *p)
{
    if (p->state != PNE_IDLE && p->state != PNE_REFUSED) {
        entity_event(p->agent.entity, "work_skipped", "pn-add: in it, or on its way");
        return;
    }
    p->initiates = p->was_member = true;
    p->failures = 0;
    p->told = p->had_enough = false;
    entity_timer_cancel(p->agent.entity, p->retry);
    pne_begin(p);
}

void pne_work_add(struct pne *p, uint32_t pn, entity_id pne)
{
    struct entity *e = p->agent.entity;
    if (pn != p->pn) {
        entity_event(e, "work_skipped", "pn-add: another personal network");
    } else if (pne == SCENARIO_NONE || pne == entity_self(e)) {
        add_itself(p);
    } else if (p->state != PNE_JOINED) {
        entity_event(e, "work_skipped", "pn-add: not a member");
    } else {
        struct cpns_message m;
        name_one(p, &m, CPNS_PN_ADD_DEVICE, pne);
        struct agent_route route = pne_route(p);
        agent_request_flow(&p->agent, &m, &route, pne, "pn-add", entity_name(e, pne));
    }
}

enum disposition pne_on_add_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t pne;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_PN_ESTABLISHMENT_REQUEST);
    } else if (agent_answered(&p->agent, m, CPNS_PN_ADD_DEVICE, &pne)) {
        entity_event(p->agent.entity, status == 200 ? "device_added" : "device_not_added",
                     entity_name(p->agent.entity, (entity_id)pne));
    }
    return MESSAGE_DELIVERED;
}

/* --- leave
 * ---------------------------------------------------------------------------------------------- */

void pne_ask_leave(struct pne *p)
{
    struct cpns_message m;
    p->leaving = true;
    if (p->state == PNE_JOINED && !agent_waits(&p->agent, CPNS_PN_LEAVE, PNE_LEAVES_ITSELF)) {
        name_one(p, &m, CPNS_PN_LEAVE, entity_self(p->agent.entity));
        struct agent_route route = pne_route(p);
        agent_request_flow(&p->agent, &m, &route, PNE_LEAVES_ITSELF, "pn-leave",
                           entity_name(p->agent.entity, entity_self(p->agent.entity)));
    }
}

void pne_work_leave(struct pne *p, uint32_t pn, entity_id pne)
{
    struct entity *e = p->agent.entity;
    if (pn != p->pn || p->state != PNE_JOINED) {
        entity_event(e, "work_skipped", "pn-leave: not a member");
    } else if (pne == SCENARIO_NONE || pne == entity_self(e)) {
        pne_ask_leave(p);
    } else {
        struct cpns_message m;
        name_one(p, &m, CPNS_PN_LEAVE, pne);
        struct agent_route route = pne_route(p);
        agent_request_flow(&p->agent, &m, &route, pne, "pn-leave", entity_name(e, pne));
    }
}

void pne_is_out(struct pne *p)
{
    if (p->state == PNE_JOINED) {
        pne_groups_left(p);
        p->had_enough = true;
    }
    pne_leaves(p);
}

/* Nobody refuses a PNE that leaves: 404 says that it is out already, 504 that the server is not
 * told yet. */
enum disposition pne_on_leave_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t pne;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (status == 202) {
        agent_in_progress(&p->agent, m, CPNS_PN_LEAVE);
    } else if (agent_answered(&p->agent, m, CPNS_PN_LEAVE, &pne)) {
        if (pne == PNE_LEAVES_ITSELF) {
            pne_is_out(p);
        } else {
            bool gone = status == 200 || status == 404;
            entity_event(p->agent.entity, gone ? "device_removed" : "device_not_removed",
                         entity_name(p->agent.entity, (entity_id)pne));
        }
    }
    return MESSAGE_DELIVERED;
}

/* It was taken out. */
enum disposition pne_on_leave_notice(struct pne *p, const struct cpns_message *m)
{
    if (entity_pn_by_urn(p->agent.entity, cpns_text(m, CPNS_PN_ID)) == p->pn) {
        pne_is_out(p);
    }
    return MESSAGE_DELIVERED;
}

/* The gateway did not answer: asked again later, when it is there. */
void pne_leave_gave_up(struct pne *p)
{
    struct entity *e = p->agent.entity;
    entity_event(e, "request_timeout", cpns_type_info(CPNS_PN_LEAVE)->name);
    entity_timer_set(e, entity_scenario(e)->timers.keep_alive, PNE_TIMER_LEAVE, 0);
}
