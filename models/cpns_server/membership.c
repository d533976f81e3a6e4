/* Devices that come into a PN that stands already, and leave it (US9026634). */
#include "models/cpns_server/server.h"

bool server_may_edit(const struct server *s, uint32_t pn, entity_id origin, entity_id from)
{
    const struct inventory_pn *stored = &s->pns[pn];
    if (!stored->stored || stored->gateway != from) {
        return false;
    }
    return origin == from ||
           (server_is_registered(s, origin, from) && server_subscriber(s, origin)->pn == pn &&
            (stored->admin == ENTITY_NONE || stored->admin == origin));
}

/* --- add
 * ------------------------------------------------------------------------------------------------
 */

/* Whether the devices named may come in: none is unknown, and none is in another PN. */
static int check_devices(const struct server *s, const struct cpns_message *m, uint32_t pn)
{
    const struct entity *e = s->agent.entity;
    for (size_t i = 0; i < cpns_value(m, CPNS_PNE_ID)->list_count; i++) {
        entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, i));
        if (pne == ENTITY_NONE || entity_scenario(e)->nodes[pne].role != ROLE_PNE) {
            return 404;
        }
        if (server_is_registered(s, pne, ENTITY_NONE) && server_subscriber(s, pne)->pn != pn) {
            return 409;
        }
    }
    return 200;
}

enum disposition server_on_add_device(struct server *s, const struct cpns_message *m,
                                      entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    int status = pn == SCENARIO_NONE || !s->pns[pn].stored ? 404
                 : !server_may_edit(s, pn, origin, from)   ? 403
                                                           : check_devices(s, m, pn);
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_PN_ADD_DEVICE_RESPONSE, m, status);
    for (size_t i = 0; i < cpns_value(m, CPNS_PNE_ID)->list_count; i++) {
        cpns_add_text(&answer, CPNS_PNE_ID, cpns_item(m, CPNS_PNE_ID, i));
    }
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* --- leave
 * ---------------------------------------------------------------------------------------------- */

static size_t members_of(const struct server *s, uint32_t pn)
{
    size_t count = 0;
    for (const struct subscriber *sub = s->pns[pn].first; sub != NULL; sub = sub->next) {
        count += sub->registered;
    }
    return count;
}

static void take_out(struct server *s, struct subscriber *sub)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = sub->pn;
    agent_forget_cookie(&s->agent, CPNS_AUTHENTICATION_REQUEST, sub->pne);
    capability_forget(&s->devices, sub->pne);
    server_group_leave_all(s, sub->pne);
    sub->registered = sub->authenticated = sub->challenged = false;
    sub->taken_out = true;
    entity_event(e, "member_left", entity_name(e, sub->pne));
    if (s->pns[pn].admin == sub->pne) {
        s->pns[pn].admin = ENTITY_NONE;
    }
    if (members_of(s, pn) == 0) {
        server_delete_pn(s, pn); /* nobody is left in it */
    } else {
        mesh_pn_changed(s, pn);
    }
}

static int may_take_out(const struct server *s, uint32_t pn, const struct subscriber *sub,
                        entity_id origin, entity_id from)
{
    if (pn == SCENARIO_NONE || !s->pns[pn].stored || sub == NULL || !sub->registered ||
        sub->pn != pn) {
        return 404;
    }
    if (s->pns[pn].gateway != from) {
        return 403;
    }
    bool itself = origin == sub->pne || origin == from;
    return itself || server_is_admin_of(s, pn, origin, sub->pne) ? 200 : 403;
}

enum disposition server_on_leave(struct server *s, const struct cpns_message *m, entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t pn = entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID));
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    entity_id pne =
        cpns_has(m, CPNS_PNE_ID) ? entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0)) : origin;
    struct subscriber *sub = pne != ENTITY_NONE ? server_subscriber(s, pne) : NULL;
    int status = may_take_out(s, pn, sub, origin, from);
    if (status == 200 && origin == from &&
        cpns_integer(m, CPNS_TRANSACTION_ID) < s->pns[pn].latest) {
        status = 404; /* late: the gateway has registered since, and said who is in */
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_PN_LEAVE_RESPONSE, m, status);
    if (pne != ENTITY_NONE) {
        cpns_add_text(&answer, CPNS_PNE_ID, span_of_str(entity_urn(e, pne)));
    }
    server_answer(s, &answer, from);
    if (status == 200) {
        take_out(s, sub);
    }
    return MESSAGE_DELIVERED;
}

/* --- a registration says who is in
 * ------------------------------------------------------------------------------ */

void server_drop_unlisted(struct server *s, const struct cpns_message *m, uint32_t pn,
                          entity_id from)
{
    struct entity *e = s->agent.entity;
    struct map listed = {0};
    for (size_t i = 0; i < cpns_value(m, CPNS_MEMBER_ID)->list_count; i++) {
        map_set(&listed, entity_by_urn(e, cpns_item(m, CPNS_MEMBER_ID, i)), 1);
    }
    for (struct subscriber *sub = s->pns[pn].first; sub != NULL; sub = sub->next) {
        uint64_t found;
        if (sub->registered && sub->gateway == from && !map_get(&listed, sub->pne, &found)) {
            sub->registered = false; /* its gateway has lost it; it may authenticate again */
            entity_event(e, "member_dropped", entity_name(e, sub->pne));
        }
    }
    map_fini(&listed);
}
