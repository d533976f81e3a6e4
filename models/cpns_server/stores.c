/* What the server holds, told when a run ends (cpns-model.md section 2): PN inventory, SG
 * inventory, services, what is known of devices. */
#include "models/cpns/gateways.h"
#include "models/cpns_server/server.h"

static void tell_pns(const struct server *s)
{
    struct entity *e = s->agent.entity;
    const struct scenario *scenario = entity_scenario(e);
    for (uint32_t i = 0; i < scenario->pn_count; i++) {
        const struct inventory_pn *pn = &s->pns[i];
        if (pn->stored && pn->home == entity_self(e)) {
            const struct store_pn row = {
                .pn = scenario->pns[i].id,
                .state = "stored",
                .name = scenario->pns[i].alias,
                .gateway = entity_name(e, pn->gateway),
                .mode = gateway_mode(scenario, pn->gateway, pn->gateway),
                .admin = pn->admin != ENTITY_NONE ? entity_name(e, pn->admin) : NULL,
                .lease_end = pn->lease_end};
            entity_store_pn(e, &row);
        }
    }
    for (size_t i = 0; i < s->subscriber_count; i++) {
        const struct subscriber *sub = s->subscriber_list[i];
        if (sub->registered && !sub->remote && s->pns[sub->pn].stored) {
            entity_store_pn_member(e, scenario->pns[sub->pn].id, sub->pne, "member",
                                   gateway_mode(scenario, sub->pne, s->pns[sub->pn].gateway));
        }
    }
}

static void tell_groups(const struct server *s)
{
    struct entity *e = s->agent.entity;
    const struct scenario *scenario = entity_scenario(e);
    for (uint32_t i = 0; i < scenario->group_count; i++) {
        const struct inventory_group *g = &s->groups[i];
        if (!g->stored || !server_is_home(s, i)) {
            continue;
        }
        const struct store_group row = {.group = scenario->groups[i].id,
                                        .owner = entity_name(e, g->owner),
                                        .joining = g->closed ? "closed" : "open",
                                        .service = g->service,
                                        .administrator = entity_name(e, g->admin)};
        entity_store_group(e, &row);
        for (size_t k = 0; k < g->members.count; k++) {
            entity_store_group_member(e, row.group, g->members.items[k], "member");
        }
    }
}

static void tell_services(const struct server *s)
{
    struct entity *e = s->agent.entity;
    for (size_t i = 0; i < s->service_count; i++) {
        const struct inventory_service *service = &s->services[i];
        if (service->stored && service->home == entity_self(e)) {
            entity_store_item(e, "services", entity_name(e, service->provider), service->id,
                              scenario_openness_name(service->openness));
        }
    }
}

void server_tell_stores(struct entity *e, void *state)
{
    const struct server *s = state;
    (void)e;
    tell_pns(s);
    tell_groups(s);
    tell_services(s);
    capability_tell_store(&s->devices, s->agent.entity);
    usage_tell_store(&s->usage, s->agent.entity);
}
