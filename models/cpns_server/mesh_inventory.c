/* The inventory that servers share [ours]: personal networks with their members, Service Groups,
 * services. Each entry is changed by its home alone, which tells the others with a sequence number
 * that grows with each change and with time; the others keep the state with the highest one. So a
 * lost, repeated or late update does no harm, and after a session between servers broke it is
 * enough that each tells the other all it is home of. */
#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/mesh.h"
#include "models/cpns_server/server.h"

enum entry_kind { ENTRY_PN, ENTRY_GROUP, ENTRY_SERVICE };

static const char *const kind_words[] = {
    [ENTRY_PN] = "personal_network", [ENTRY_GROUP] = "service_group", [ENTRY_SERVICE] = "service"};

static uint64_t cookie_of(enum entry_kind kind, size_t number)
{
    return (uint64_t)kind << 32 | number;
}

/* Of the home's new state: above all that were, wherever the entry's home was then. */
static int64_t next_sequence(const struct server *s, int64_t before)
{
    int64_t now = entity_now(s->agent.entity) / SIM_US;
    return now > before ? now : before + 1;
}

/* --- telling
 * ------------------------------------------------------------------------------------------------
 */

static void begin(struct server *s, struct cpns_message *m, enum entry_kind kind, bool stored,
                  int64_t sequence, entity_id peer)
{
    struct entity *e = s->agent.entity;
    agent_begin(&s->agent, m, CPNS_INVENTORY_UPDATE, entity_urn(e, peer));
    cpns_set_text(m, CPNS_INVENTORY, kind_words[kind]);
    cpns_set_text(m, CPNS_CHANGE, stored ? "updated" : "deleted");
    cpns_set_text(m, CPNS_SERVER_ID, entity_urn(e, entity_self(e)));
    cpns_set_integer(m, CPNS_SEQUENCE, sequence);
}

static void send(struct server *s, struct cpns_message *m, entity_id peer, uint64_t cookie)
{
    struct agent_route route = agent_route(peer);
    agent_request_flow(&s->agent, m, &route, cookie, "inventory-update",
                       entity_name(s->agent.entity, peer));
}

static void tell_pn(struct server *s, uint32_t number, entity_id peer)
{
    struct entity *e = s->agent.entity;
    const struct inventory_pn *pn = &s->pns[number];
    struct cpns_message m;
    begin(s, &m, ENTRY_PN, pn->stored, pn->sequence, peer);
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, number));
    if (pn->stored) {
        cpns_set_text(&m, CPNS_GATEWAY_ID, entity_urn(e, pn->gateway));
    }
    for (size_t i = 0; pn->stored && i < s->subscriber_count; i++) {
        const struct subscriber *sub = s->subscriber_list[i];
        if (sub->registered && sub->pn == number) {
            cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, sub->pne)));
        }
    }
    send(s, &m, peer, cookie_of(ENTRY_PN, number));
}

static void tell_group(struct server *s, uint32_t number, entity_id peer)
{
    struct entity *e = s->agent.entity;
    const struct inventory_group *g = &s->groups[number];
    struct cpns_message m;
    begin(s, &m, ENTRY_GROUP, g->stored, g->sequence, peer);
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, number));
    if (g->stored) {
        cpns_set_text(&m, CPNS_SG_NAME, g->name);
        cpns_set_text(&m, CPNS_OWNER_ID, entity_urn(e, g->owner));
        cpns_set_text(&m, CPNS_ADMIN_ID, entity_urn(e, g->admin));
        cpns_set_text(&m, CPNS_JOINING_POLICY, g->closed ? "closed" : "open");
        if (g->service[0] != '\0') {
            cpns_set_text(&m, CPNS_SERVICE_ID, g->service);
        }
    }
    for (size_t i = 0; i < g->members.count; i++) {
        cpns_add_text(&m, CPNS_MEMBER_ID, span_of_str(entity_urn(e, g->members.items[i])));
    }
    send(s, &m, peer, cookie_of(ENTRY_GROUP, number));
}

static void tell_service(struct server *s, size_t number, entity_id peer)
{
    struct entity *e = s->agent.entity;
    const struct inventory_service *service = &s->services[number];
    struct cpns_message m;
    begin(s, &m, ENTRY_SERVICE, service->stored, service->sequence, peer);
    cpns_set_text(&m, CPNS_SERVICE_ID, service->id);
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, service->provider)));
    if (service->stored) {
        cpns_set_text(&m, CPNS_OPENNESS, scenario_openness_name(service->openness));
        if (service->name != NULL) {
            cpns_set_text(&m, CPNS_SERVICE_NAME, service->name);
        }
        if (service->content != NULL) {
            cpns_set_text(&m, CPNS_CONTENT, service->content);
        }
        if (service->confirming != ENTITY_NONE) {
            cpns_set_text(&m, CPNS_CONFIRMING_ID, entity_urn(e, service->confirming));
        }
        if (service->group != SCENARIO_NONE) {
            cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, service->group));
        }
    }
    send(s, &m, peer, cookie_of(ENTRY_SERVICE, number));
}

static void tell(struct server *s, enum entry_kind kind, size_t number, entity_id peer)
{
    switch (kind) {
    case ENTRY_PN:
        tell_pn(s, (uint32_t)number, peer);
        break;
    case ENTRY_GROUP:
        tell_group(s, (uint32_t)number, peer);
        break;
    case ENTRY_SERVICE:
        tell_service(s, number, peer);
        break;
    }
}

/* Whom no session leads to is told all when there is one. */
static void tell_everybody(struct server *s, enum entry_kind kind, size_t number)
{
    agent_forget_cookie(&s->agent, CPNS_INVENTORY_UPDATE, cookie_of(kind, number));
    for (size_t i = 0; i < s->peer_count; i++) {
        if (entity_connected(s->agent.entity, s->peers[i].id)) {
            tell(s, kind, number, s->peers[i].id);
        }
    }
}

/* A renewed lease changes nothing that others have to know. */
static uint64_t pn_digest(const struct server *s, uint32_t number)
{
    const struct inventory_pn *pn = &s->pns[number];
    uint64_t digest = span_digest(1, span_of(&pn->stored, sizeof(pn->stored)));
    digest = span_digest(digest, span_of(&pn->gateway, sizeof(pn->gateway)));
    for (size_t i = 0; i < s->subscriber_count; i++) {
        const struct subscriber *sub = s->subscriber_list[i];
        if (pn->stored && sub->registered && sub->pn == number) {
            digest = span_digest(digest, span_of(&sub->pne, sizeof(sub->pne)));
        }
    }
    return digest;
}

void mesh_pn_changed(struct server *s, uint32_t pn)
{
    struct inventory_pn *entry = &s->pns[pn];
    if (s->peer_count == 0) {
        return;
    }
    uint64_t digest = pn_digest(s, pn);
    if (digest != entry->told) {
        entry->told = digest;
        entry->sequence = next_sequence(s, entry->sequence);
        tell_everybody(s, ENTRY_PN, pn);
    }
}

void mesh_group_changed(struct server *s, uint32_t group)
{
    struct inventory_group *g = &s->groups[group];
    if (s->peer_count > 0) {
        g->home = entity_self(s->agent.entity);
        g->sequence = next_sequence(s, g->sequence);
        tell_everybody(s, ENTRY_GROUP, group);
    }
}

void mesh_service_changed(struct server *s, struct inventory_service *service)
{
    if (s->peer_count > 0) {
        service->home = entity_self(s->agent.entity);
        service->sequence = next_sequence(s, service->sequence);
        tell_everybody(s, ENTRY_SERVICE, (size_t)(service - s->services));
    }
}

void mesh_tell_all(struct server *s, const struct mesh_peer *peer)
{
    entity_id self = entity_self(s->agent.entity);
    for (uint32_t i = 0; i < entity_scenario(s->agent.entity)->pn_count; i++) {
        if (s->pns[i].sequence > 0 && s->pns[i].home == self) {
            tell_pn(s, i, peer->id);
        }
    }
    for (uint32_t i = 0; i < entity_scenario(s->agent.entity)->group_count; i++) {
        if (s->groups[i].sequence > 0 && s->groups[i].home == self) {
            tell_group(s, i, peer->id);
        }
    }
    for (size_t i = 0; i < s->service_count; i++) {
        if (s->services[i].sequence > 0 && s->services[i].home == self) {
            tell_service(s, i, peer->id);
        }
    }
}

/* --- hearing
 * ------------------------------------------------------------------------------------------------
 */

/* 200: newer than what is known, 202: known, 409: older. */
static int compare(const struct cpns_message *m, int64_t sequence)
{
    int64_t told = cpns_integer(m, CPNS_SEQUENCE);
    return told > sequence ? 200 : told == sequence ? 202 : 409;
}

static bool is_stored(const struct cpns_message *m)
{
    return span_equal_str(cpns_text(m, CPNS_CHANGE), "updated");
}

/* A PNE is where it was registered last. */
static void take_member(struct server *s, entity_id pne, uint32_t pn, entity_id from)
{
    struct subscriber *sub = server_remember(s, pne);
    if (sub->registered && sub->pn != pn && s->pns[sub->pn].sequence > s->pns[pn].sequence) {
        return;
    }
    sub->gateway = from;
    server_place(s, sub, pn);
    sub->registered = sub->remote = true;
    sub->authenticated = sub->challenged = sub->taken_out = false;
}

static int take_pn(struct server *s, const struct cpns_message *m, entity_id from)
{
    struct entity *e = s->agent.entity;
    uint32_t number =
        cpns_has(m, CPNS_PN_ID) ? entity_pn_by_urn(e, cpns_text(m, CPNS_PN_ID)) : SCENARIO_NONE;
    if (number == SCENARIO_NONE ||
        (is_stored(m) && agent_entity(&s->agent, m, CPNS_GATEWAY_ID) == ENTITY_NONE)) {
        return 400;
    }
    struct inventory_pn *pn = &s->pns[number];
    int status = compare(m, pn->sequence);
    if (status != 200) {
        return status;
    }
    if (pn->stored && pn->home == entity_self(e)) {
        entity_event(e, "pn_moved", entity_scenario(e)->pns[number].id);
    }
    if (is_stored(m) && agent_entity(&s->agent, m, CPNS_GATEWAY_ID) != pn->gateway) {
        server_switched_elsewhere(s, number, agent_entity(&s->agent, m, CPNS_GATEWAY_ID));
    }
    for (size_t i = 0; i < s->subscriber_count; i++) {
        struct subscriber *sub = s->subscriber_list[i];
        sub->registered = sub->registered && sub->pn != number;
    }
    pn->stored = is_stored(m);
    pn->home = from;
    pn->admin = ENTITY_NONE;
    pn->latest = 0;
    pn->lease_end = SIM_TIME_NEVER;
    pn->sequence = cpns_integer(m, CPNS_SEQUENCE);
    pn->told = 0;
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    for (size_t i = 0; pn->stored && i < list->list_count; i++) {
        entity_id pne = entity_by_urn(e, list->list[i]);
        if (pne != ENTITY_NONE && entity_scenario(e)->nodes[pne].role == ROLE_PNE) {
            take_member(s, pne, number, from);
        }
    }
    return 200;
}

static char *take_text(const struct cpns_message *m, enum cpns_field field)
{
    struct span text = cpns_text(m, field);
    return mem_strndup(cpns_has(m, field) ? (const char *)text.data : "", text.len);
}

static int take_group(struct server *s, const struct cpns_message *m, entity_id from)
{
    uint32_t number = server_group_of(s, m);
    if (number == SCENARIO_NONE ||
        (is_stored(m) && agent_entity(&s->agent, m, CPNS_OWNER_ID) == ENTITY_NONE)) {
        return 400;
    }
    struct inventory_group *g = &s->groups[number];
    int status = compare(m, g->sequence);
    if (status != 200) {
        return status;
    }
    inventory_group_clear(g);
    g->home = from;
    g->sequence = cpns_integer(m, CPNS_SEQUENCE);
    g->stored = is_stored(m);
    g->owner = agent_entity(&s->agent, m, CPNS_OWNER_ID);
    g->admin = agent_entity(&s->agent, m, CPNS_ADMIN_ID);
    g->closed = span_equal_str(cpns_text(m, CPNS_JOINING_POLICY), "closed");
    g->name = take_text(m, CPNS_SG_NAME);
    g->service = take_text(m, CPNS_SERVICE_ID);
    const struct cpns_value *list = cpns_value(m, CPNS_MEMBER_ID);
    for (size_t i = 0; i < list->list_count; i++) {
        entity_id pne = entity_by_urn(s->agent.entity, list->list[i]);
        if (pne != ENTITY_NONE) {
            entity_list_add(&g->members, pne);
        }
    }
    return 200;
}

static int take_service(struct server *s, const struct cpns_message *m, entity_id from)
{
    entity_id provider = entity_by_urn(s->agent.entity, cpns_item(m, CPNS_PNE_ID, 0));
    if (!cpns_has(m, CPNS_SERVICE_ID) || provider == ENTITY_NONE) {
        return 400;
    }
    struct inventory_service *service =
        server_service_entry(s, cpns_text(m, CPNS_SERVICE_ID), provider);
    int status = compare(m, service->sequence);
    if (status == 200) {
        status = server_service_take(s, service, m, is_stored(m));
        service->home = from;
        service->sequence = cpns_integer(m, CPNS_SEQUENCE);
    }
    return status;
}

enum disposition mesh_on_update(struct server *s, const struct cpns_message *m, entity_id from)
{
    if (mesh_find(s, from) == NULL || agent_entity(&s->agent, m, CPNS_SERVER_ID) != from) {
        return agent_refuse(&s->agent, "403");
    }
    int status = 400;
    if (span_equal_str(cpns_text(m, CPNS_INVENTORY), kind_words[ENTRY_PN])) {
        status = take_pn(s, m, from);
    } else if (span_equal_str(cpns_text(m, CPNS_INVENTORY), kind_words[ENTRY_GROUP])) {
        status = take_group(s, m, from);
    } else if (span_equal_str(cpns_text(m, CPNS_INVENTORY), kind_words[ENTRY_SERVICE])) {
        status = take_service(s, m, from);
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_INVENTORY_UPDATE_RESPONSE, m,
                 status == 202 ? 200 : status);
    cpns_set_span(&answer, CPNS_INVENTORY, cpns_text(m, CPNS_INVENTORY));
    cpns_set_integer(&answer, CPNS_SEQUENCE, cpns_integer(m, CPNS_SEQUENCE));
    struct agent_route route = agent_route(from);
    agent_send(&s->agent, &answer, &route);
    return status == 400 ? agent_refuse(&s->agent, "400") : MESSAGE_DELIVERED;
}

enum disposition mesh_on_update_heard(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    agent_answered(&s->agent, m, CPNS_INVENTORY_UPDATE, &cookie);
    return MESSAGE_DELIVERED;
}
