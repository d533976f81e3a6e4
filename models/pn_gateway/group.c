/* The gateway's group list and the expansion of group messages (cpns-model.md flow 8,
 * US20110246605). */
#include "models/pn_gateway/gateway.h"

bool gateway_group_has(const struct gateway *g, uint32_t group, entity_id pne)
{
    for (size_t i = 0; i < g->group_count; i++) {
        if (g->groups[i].group == group && g->groups[i].pne == pne) {
            return true;
        }
    }
    return false;
}

void gateway_group_add(struct gateway *g, uint32_t group, entity_id pne)
{
    if (!gateway_group_has(g, group, pne)) {
        *MEM_PUSH(g->groups, g->group_count, g->group_capacity) =
            (struct group_entry){.group = group, .pne = pne};
    }
}

void gateway_group_forget(struct gateway *g, entity_id pne)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->group_count; i++) {
        if (g->groups[i].pne != pne) {
            g->groups[kept++] = g->groups[i];
        }
    }
    g->group_count = kept;
}

static void group_remove(struct gateway *g, uint32_t group, entity_id pne)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->group_count; i++) {
        if (g->groups[i].group != group || g->groups[i].pne != pne) {
            g->groups[kept++] = g->groups[i];
        }
    }
    g->group_count = kept;
}

static bool names(const struct gateway *g, const struct cpns_message *m, entity_id pne)
{
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    for (size_t i = 0; i < list->list_count; i++) {
        if (entity_by_urn(g->agent.entity, list->list[i]) == pne) {
            return true;
        }
    }
    return false;
}

/* The list follows what the server says to members: it is right whenever they are. */
void gateway_group_passed(struct gateway *g, const struct cpns_message *m, entity_id pne)
{
    uint32_t group = cpns_has(m, CPNS_SG_ID)
                         ? entity_group_by_urn(g->agent.entity, cpns_text(m, CPNS_SG_ID))
                         : SCENARIO_NONE;
    int64_t status = cpns_integer(m, CPNS_STATUS);
    if (group == SCENARIO_NONE) {
        return;
    }
    switch (m->type) {
    case CPNS_SG_CREATE_RESPONSE:
    case CPNS_SG_JOIN_RESPONSE:
        if (status == 200) {
            gateway_group_add(g, group, pne);
        } else if (status == 404 || status == 410) {
            group_remove(g, group, pne);
        }
        break;
    case CPNS_SG_LEAVE_RESPONSE:
        /* 200 may be about another one, whom the owner took out. */
        if (status == 404 || (status == 200 && !cpns_has(m, CPNS_PNE_ID))) {
            group_remove(g, group, pne);
        }
        break;
    case CPNS_SG_DELETE_RESPONSE:
        if (status == 200 || status == 404) {
            group_remove(g, group, pne);
        }
        break;
    case CPNS_SG_MEMBER_CHANGE:
        if (names(g, m, pne) && span_equal_str(cpns_text(m, CPNS_CHANGE), "removed")) {
            group_remove(g, group, pne);
        }
        break;
    default:
        break;
    }
}

/* Up: from a member to the server. Down: the server's copy is expanded to the members here, the
 * sender left out. */
enum disposition gateway_on_group_message(struct gateway *g, struct cpns_message *m,
                                          const struct received *r)
{
    struct entity *e = g->agent.entity;
    uint32_t group = entity_group_by_urn(e, cpns_text(m, CPNS_SG_ID));
    entity_id origin = agent_entity(&g->agent, m, CPNS_ORIGIN_ENTITY_ID);
    enum exemption exempt = r->in_session ? EXEMPT_NOT : agent_group_exemption(&g->agent);
    if (group == SCENARIO_NONE) {
        return agent_refuse(&g->agent, "unknown_group");
    }
    if (r->from != g->server) {
        if (origin != r->from || !gateway_group_has(g, group, origin)) {
            return agent_refuse(&g->agent, "not_a_member");
        }
        return agent_relay(&g->agent, m, g->server, exempt, r);
    }
    for (size_t i = 0; i < g->group_count; i++) {
        struct pn *pn;
        entity_id pne = g->groups[i].pne;
        if (g->groups[i].group == group && pne != origin && gateway_member(g, pne, &pn) != NULL) {
            struct agent_route route = gateway_route(pne, pn);
            route.exempt = exempt;
            route.group = group;
            route.copy_of = r->message_id;
            agent_copy(&g->agent, m, &route, entity_name(e, pne));
        }
    }
    return MESSAGE_DELIVERED;
}
