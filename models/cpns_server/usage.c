/* PN usage information at the server (US9537713): it is made for the PNE that asks, or by the
 * administrator for another. */
#include "models/cpns_server/server.h"

static int may_keep(const struct server *s, const struct cpns_message *m, uint32_t pn,
                    entity_id pne, entity_id from)
{
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    if (pn == SCENARIO_NONE || !s->pns[pn].stored || pne == ENTITY_NONE ||
        !server_is_registered(s, pne, ENTITY_NONE) || server_subscriber(s, pne)->pn != pn) {
        return 404;
    }
    bool may = server_is_registered(s, origin, from) &&
               (origin == pne || server_is_admin_of(s, pn, origin, pne));
    const char *user = entity_scenario(s->agent.entity)->nodes[pne].user;
    return may && span_equal_str(cpns_text(m, CPNS_USER_ID), user) ? 200 : 403;
}

/* Expiry 0 deletes, also what is deleted already. 404: there never was anything; 409: a newer
 * request came before this one. */
static struct usage_info *keep(struct server *s, const struct cpns_message *m, uint32_t pn,
                               entity_id pne, int *status)
{
    struct entity *e = s->agent.entity;
    sim_time now = entity_now(e);
    int64_t expiry = cpns_integer(m, CPNS_EXPIRY);
    struct span alias = cpns_has(m, CPNS_ALIAS) ? cpns_text(m, CPNS_ALIAS)
                                                : span_of_str(entity_scenario(e)->pns[pn].alias);
    int64_t asked = cpns_integer(m, CPNS_TIMESTAMP);
    struct usage_info *u = usage_find(&s->usage, pn, pne, alias);
    if ((u != NULL && asked < u->stamp) || (u == NULL && expiry == 0)) {
        *status = u != NULL ? 409 : 404;
        return NULL;
    }
    if (expiry == 0) {
        if (u->end != 0) {
            entity_event(e, "usage_info_deleted", entity_name(e, pne));
        }
        u->end = 0;
        u->stamp = asked;
        u->store |= cpns_integer(m, CPNS_STORE); /* whoever may have a copy hears of it */
        return u;
    }
    u = usage_create(&s->usage, pn, pne, server_subscriber(s, pne)->gateway, alias);
    u->stamp = asked;
    u->store = cpns_integer(m, CPNS_STORE);
    u->end = now / SIM_US * SIM_US + expiry * SIM_S; /* as the answer's Timestamp has it */
    entity_timer_set(e, u->end - now, SERVER_TIMER_USAGE, 0);
    return u;
}

static void tell(struct server *s, struct cpns_message *answer, const struct usage_info *u,
                 const struct cpns_message *m)
{
    if (u != NULL) {
        usage_tell(u, &s->agent, answer);
    }
    cpns_set_span(answer, CPNS_USER_ID, cpns_text(m, CPNS_USER_ID));
    cpns_set_integer(answer, CPNS_EXPIRY, cpns_integer(m, CPNS_EXPIRY));
}

enum disposition server_on_usage_info(struct server *s, const struct cpns_message *m,
                                      entity_id from)
{
    struct entity *e = s->agent.entity;
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    uint32_t pn =
        cpns_has(m, CPNS_PN_ID) ? entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)) : SCENARIO_NONE;
    entity_id pne =
        cpns_has(m, CPNS_PNE_ID) ? entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0)) : origin;
    int status = may_keep(s, m, pn, pne, from);
    const struct usage_info *u = status == 200 ? keep(s, m, pn, pne, &status) : NULL;
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_PN_USAGE_INFO_CREATE_RESPONSE, m, status);
    tell(s, &answer, u, m);
    server_answer(s, &answer, from);
    if (u != NULL && pne != origin) { /* whose data was edited hears of it too */
        agent_begin(&s->agent, &answer, CPNS_PN_USAGE_INFO_CREATE_RESPONSE, entity_urn(e, pne));
        cpns_set_integer(&answer, CPNS_STATUS, 200);
        tell(s, &answer, u, m);
        struct agent_route route = server_route(s, pne);
        agent_send(&s->agent, &answer, &route);
    }
    return MESSAGE_DELIVERED;
}

void server_usage_expires(struct server *s)
{
    if (usage_expire(&s->usage, entity_now(s->agent.entity)) > 0) {
        entity_event(s->agent.entity, "usage_info_expired", NULL);
    }
}
