/* Services (US9071617): registered with an openness level, found by whom it lets, after the owner
 * was asked where it wants to be. */
#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"

static const char *const events[] = {
    [SEARCH_EV_ASKED] = "asked",
    [SEARCH_EV_CONFIRMED] = "confirmed",
    [SEARCH_EV_DENIED] = "denied",
    [SEARCH_EV_SILENT] = "silent",
};
static const char *const event_docs[] = {
    [SEARCH_EV_ASKED] = "the search found services whose owners want to be asked",
    [SEARCH_EV_CONFIRMED] = "an owner said yes",
    [SEARCH_EV_DENIED] = "an owner said no",
    [SEARCH_EV_SILENT] = "an owner did not answer",
};

static const struct fsm_state states[] = {
    [SEARCH_NONE] = {.name = "NONE", .doc = "nobody is asked"},
    [SEARCH_CONFIRMING] = {.name = "CONFIRMING",
                           .doc = "owners are asked whether their service may be found"},
};

#define ON(s, e) .from = SEARCH_##s, .event = SEARCH_EV_##e
#define TO(x) FSM_BIT(SEARCH_##x)

static const struct fsm_arc arcs[] = {
    {ON(NONE, ASKED), .to = TO(CONFIRMING)},
    {ON(CONFIRMING, CONFIRMED), .to = TO(CONFIRMING) | TO(NONE),
     .note = "until the last one has answered"},
    {ON(CONFIRMING, DENIED), .to = TO(CONFIRMING) | TO(NONE), .note = "likewise"},
    {ON(CONFIRMING, SILENT), .to = TO(CONFIRMING) | TO(NONE), .note = "likewise"},
};

const struct fsm_table service_search_table = {
    .name = "service_search",
    .doc =
        "A search for services whose owners want to be asked, at the server (cpns-model.md flow 6)",
    .states = states,
    .state_count = SIM_ARRAY_LEN(states),
    .events = events,
    .event_count = SIM_ARRAY_LEN(events),
    .event_docs = event_docs,
    .arcs = arcs,
    .arc_count = SIM_ARRAY_LEN(arcs)};

/* --- registration
 * ----------------------------------------------------------------------------------------- */

struct inventory_service *server_service(const struct server *s, struct span id, entity_id provider)
{
    for (size_t i = 0; i < s->service_count; i++) {
        struct inventory_service *service = &s->services[i];
        if (service->stored && service->provider == provider && span_equal_str(id, service->id)) {
            return service;
        }
    }
    return NULL;
}

static char *take_text(const struct cpns_message *m, enum cpns_field field)
{
    struct span text = cpns_text(m, field);
    return cpns_has(m, field) ? mem_strndup((const char *)text.data, text.len) : NULL;
}

static bool take_openness(const struct cpns_message *m, enum scenario_openness *ret)
{
    *ret = OPENNESS_PN; /* where nothing is said */
    if (!cpns_has(m, CPNS_OPENNESS)) {
        return true;
    }
    for (enum scenario_openness o = OPENNESS_PRIVATE; o <= OPENNESS_PUBLIC; o++) {
        if (span_equal_str(cpns_text(m, CPNS_OPENNESS), scenario_openness_name(o))) {
            *ret = o;
            return true;
        }
    }
    return false;
}

struct inventory_service *server_service_entry(struct server *s, struct span id, entity_id provider)
{
    for (size_t i = 0; i < s->service_count; i++) {
        if (s->services[i].provider == provider && span_equal_str(id, s->services[i].id)) {
            return &s->services[i];
        }
    }
    struct inventory_service *service =
        MEM_PUSH(s->services, s->service_count, s->service_capacity);
    *service = (struct inventory_service){.id = mem_strndup((const char *)id.data, id.len),
                                          .provider = provider,
                                          .home = entity_self(s->agent.entity)};
    return service;
}

/* Who may see it: false when the message makes no sense. */
static bool take_terms(const struct server *s, const struct cpns_message *m,
                       enum scenario_openness *openness)
{
    return take_openness(m, openness) &&
           (*openness != OPENNESS_GROUP || server_group_of(s, m) != SCENARIO_NONE) &&
           (!cpns_has(m, CPNS_CONFIRMING_ID) ||
            agent_entity(&s->agent, m, CPNS_CONFIRMING_ID) != ENTITY_NONE);
}

/* Anew with each registration: who was confirmed under other terms has to be confirmed again. */
int server_service_take(struct server *s, struct inventory_service *service,
                        const struct cpns_message *m, bool stored)
{
    enum scenario_openness openness;
    if (!take_terms(s, m, &openness)) {
        return 400;
    }
    free(service->name);
    free(service->content);
    service->name = service->content = NULL;
    entity_list_fini(&service->shown);
    service->stored = stored;
    if (stored) {
        service->name = take_text(m, CPNS_SERVICE_NAME);
        service->content = take_text(m, CPNS_CONTENT);
        service->openness = openness;
        service->group = openness == OPENNESS_GROUP ? server_group_of(s, m) : SCENARIO_NONE;
        service->confirming = agent_entity(&s->agent, m, CPNS_CONFIRMING_ID);
    }
    return 200;
}

/* Expiry 0 takes it back. */
enum disposition server_on_service_registration(struct server *s, const struct cpns_message *m,
                                                entity_id from)
{
    entity_id provider = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    bool stored = !cpns_has(m, CPNS_EXPIRY) || cpns_integer(m, CPNS_EXPIRY) > 0;
    enum scenario_openness openness;
    if (!server_is_registered(s, provider, from)) {
        return server_say(s, m, from, 403);
    }
    if (!take_terms(s, m, &openness)) {
        return server_say(s, m, from, 400);
    }
    if (stored || server_service(s, cpns_text(m, CPNS_SERVICE_ID), provider) != NULL) {
        struct inventory_service *service =
            server_service_entry(s, cpns_text(m, CPNS_SERVICE_ID), provider);
        server_service_take(s, service, m, stored);
        entity_event(s->agent.entity, stored ? "service_stored" : "service_deleted", service->id);
        mesh_service_changed(s, service);
    }
    return server_say(s, m, from, 200);
}

/* --- who may see it
 * --------------------------------------------------------------------------------------- */

bool server_service_open(const struct server *s, const struct inventory_service *service,
                         entity_id pne)
{
    const struct subscriber *asker = server_subscriber(s, pne);
    const struct subscriber *provider = server_subscriber(s, service->provider);
    if (asker == NULL || provider == NULL) {
        return false;
    }
    if (pne == service->provider) {
        return true;
    }
    switch (service->openness) {
    case OPENNESS_PRIVATE:
        return false;
    case OPENNESS_PN:
        return asker->pn == provider->pn;
    case OPENNESS_GROUP:
        return s->groups[service->group].stored &&
               entity_list_has(&s->groups[service->group].members, pne);
    case OPENNESS_PUBLIC:
        return true;
    }
    return false;
}

static bool matches(const struct inventory_service *service, const struct cpns_message *m)
{
    struct span word = cpns_text(m, CPNS_KEYWORD);
    return (!cpns_has(m, CPNS_SERVICE_ID) ||
            span_equal_str(cpns_text(m, CPNS_SERVICE_ID), service->id)) &&
           (!cpns_has(m, CPNS_KEYWORD) || inventory_text_holds(service->id, word) ||
            inventory_text_holds(service->name, word) ||
            inventory_text_holds(service->content, word));
}

/* --- search
 * -------------------------------------------------------------------------------------------------
 */

static uint64_t cookie_of(size_t search, size_t match)
{
    return (uint64_t)search << 32 | match;
}

static bool move(struct server *s, struct pending_search *search, enum search_event event,
                 enum search_state to)
{
    return entity_transition(s->agent.entity, &service_search_table,
                             entity_name(s->agent.entity, search->asker), &search->state, event,
                             to) == 0;
}

static void finish(struct server *s, struct pending_search *search)
{
    struct entity *e = s->agent.entity;
    struct cpns_message answer;
    agent_begin(&s->agent, &answer, CPNS_SERVICE_SEARCH_RESPONSE, entity_urn(e, search->asker));
    cpns_set_integer(&answer, CPNS_TRANSACTION_ID, search->transaction);
    cpns_set_integer(&answer, CPNS_STATUS, 200);
    for (size_t i = 0; i < search->count; i++) {
        const struct inventory_service *service = &s->services[search->matches[i]];
        if (search->open[i] && service->stored) {
            cpns_add_text(&answer, CPNS_FOUND_SERVICE_ID, span_of_str(service->id));
            cpns_add_text(&answer, CPNS_PROVIDER_ID, span_of_str(entity_urn(e, service->provider)));
        }
    }
    struct agent_route route = server_route(s, search->asker);
    agent_send(&s->agent, &answer, &route);
    free(search->matches);
    free(search->open);
    *search = (struct pending_search){0};
}

static void ask_owner(struct server *s, size_t search, size_t match)
{
    struct entity *e = s->agent.entity;
    const struct inventory_service *service = &s->services[s->searches[search].matches[match]];
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_OWNER_CONFIRMATION_REQUEST, entity_urn(e, service->confirming));
    cpns_set_text(&m, CPNS_SERVICE_ID, service->id);
    cpns_add_text(&m, CPNS_PNE_ID, span_of_str(entity_urn(e, s->searches[search].asker)));
    struct agent_route route = server_route(s, service->confirming);
    agent_request(&s->agent, &m, &route, cookie_of(search, match));
}

static bool must_confirm(const struct server *s, const struct inventory_service *service,
                         entity_id asker)
{
    return service->confirming != ENTITY_NONE && asker != service->confirming &&
           !entity_list_has(&service->shown, asker) &&
           server_is_registered(s, service->confirming, ENTITY_NONE);
}

static void add_match(const struct server *s, struct pending_search *search, size_t service)
{
    search->matches = mem_realloc(search->matches, (search->count + 1) * sizeof(*search->matches));
    search->open = mem_realloc(search->open, (search->count + 1) * sizeof(*search->open));
    search->matches[search->count] = service;
    const struct inventory_service *found = &s->services[service];
    search->open[search->count] = found->confirming == ENTITY_NONE ||
                                  search->asker == found->confirming ||
                                  entity_list_has(&found->shown, search->asker);
    search->count++;
}

static size_t free_slot(struct server *s)
{
    size_t slot = 0;
    while (slot < s->search_count && s->searches[slot].used) {
        slot++;
    }
    if (slot == s->search_count) {
        (void)MEM_PUSH(s->searches, s->search_count, s->search_capacity);
    }
    s->searches[slot] = (struct pending_search){.used = true};
    return slot;
}

static bool is_searching(const struct server *s, entity_id asker, int64_t transaction)
{
    for (size_t i = 0; i < s->search_count; i++) {
        if (s->searches[i].used && s->searches[i].asker == asker &&
            s->searches[i].transaction == transaction) {
            return true;
        }
    }
    return false;
}

enum disposition server_on_service_search(struct server *s, const struct cpns_message *m,
                                          entity_id from)
{
    entity_id asker = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    if (!server_is_registered(s, asker, from)) {
        return server_say(s, m, from, 403);
    }
    if (is_searching(s, asker, transaction)) {
        return server_say(s, m, from, 202); /* an owner still thinks */
    }
    size_t slot = free_slot(s);
    struct pending_search *search = &s->searches[slot];
    search->asker = asker;
    search->transaction = transaction;
    for (size_t i = 0; i < s->service_count; i++) {
        const struct inventory_service *service = &s->services[i];
        if (service->stored && matches(service, m) && server_service_open(s, service, asker) &&
            server_is_registered(s, service->provider, ENTITY_NONE)) {
            add_match(s, search, i);
            search->awaited += must_confirm(s, service, asker);
        }
    }
    if (search->awaited == 0) {
        finish(s, search);
        return MESSAGE_DELIVERED;
    }
    move(s, search, SEARCH_EV_ASKED, SEARCH_CONFIRMING);
    for (size_t i = 0; i < search->count; i++) {
        if (must_confirm(s, &s->services[search->matches[i]], asker)) {
            ask_owner(s, slot, i);
        }
    }
    return MESSAGE_DELIVERED;
}

static void owner_said(struct server *s, uint64_t cookie, enum search_event event)
{
    struct pending_search *search = &s->searches[cookie >> 32];
    size_t match = cookie & UINT32_MAX;
    struct inventory_service *service = &s->services[search->matches[match]];
    search->awaited--;
    move(s, search, event, search->awaited > 0 ? SEARCH_CONFIRMING : SEARCH_NONE);
    if (event == SEARCH_EV_CONFIRMED && service->stored) {
        search->open[match] = true;
        entity_list_add(&service->shown, search->asker);
    }
    if (search->awaited == 0) {
        finish(s, search);
    }
}

enum disposition server_on_owner_confirmation(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&s->agent, m, CPNS_OWNER_CONFIRMATION_REQUEST, &cookie)) {
        bool yes = cpns_integer(m, CPNS_STATUS) == 200 && cpns_integer(m, CPNS_ACCEPT) == 1;
        owner_said(s, cookie, yes ? SEARCH_EV_CONFIRMED : SEARCH_EV_DENIED);
    }
    return MESSAGE_DELIVERED;
}

void server_confirmation_silent(struct server *s, uint64_t cookie)
{
    owner_said(s, cookie, SEARCH_EV_SILENT);
}

void server_services_free(struct server *s)
{
    for (size_t i = 0; i < s->service_count; i++) {
        free(s->services[i].id);
        free(s->services[i].name);
        free(s->services[i].content);
        entity_list_fini(&s->services[i].shown);
    }
    for (size_t i = 0; i < s->search_count; i++) {
        free(s->searches[i].matches);
        free(s->searches[i].open);
    }
    free(s->services);
    free(s->searches);
}
