#include "models/cpns_server/group_key.h"

#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"

static bool is_on(const struct server *s)
{
    return entity_scenario(s->agent.entity)->group_protection == PROTECTION_GROUP_KEY;
}

static struct group_key *key_of(struct server *s, uint32_t group)
{
    if (s->group_keys == NULL) {
        s->group_keys =
            mem_calloc(entity_scenario(s->agent.entity)->group_count, sizeof(*s->group_keys));
    }
    return &s->group_keys[group];
}

void server_group_keys_free(struct server *s)
{
    free(s->group_keys);
}

/* --- handing out
 * ---------------------------------------------------------------------------------------- */

/* As of notices, so that a key that was missed is one. */
static uint64_t cookie_of(uint32_t group, entity_id member)
{
    return (uint64_t)member << 32 | group;
}

/* Puts the key in use, sealed for that member, into `m`. */
static void seal_for(struct server *s, uint32_t group, entity_id member, struct buf *sealed,
                     struct cpns_message *m)
{
    struct entity *e = s->agent.entity;
    const struct group_key *k = key_of(s, group);
    uint8_t subscriber[KEY_BYTES], wrap[KEY_BYTES], nonce[ENTITY_NONCE_BYTES];
    struct buf aad = {0};
    char *purpose = mem_printf("group-key-seal/%s", entity_name(e, member));
    entity_random(e, purpose, nonce, sizeof(nonce));
    free(purpose);
    entity_subscriber_key(e, member, subscriber);
    key_group_wrap(subscriber, entity_group_urn(e, group), entity_urn(e, member), wrap);
    key_group_data(&aad, entity_group_urn(e, group), entity_urn(e, member), k->epoch);
    entity_seal(wrap, nonce, buf_span(&aad), span_of(k->key, KEY_BYTES), sealed);
    buf_fini(&aad);
    cpns_set_integer(m, CPNS_KEY_EPOCH, k->epoch);
    cpns_set_bytes(m, CPNS_SEALED_KEY, buf_span(sealed));
}

void server_group_give_key(struct server *s, uint32_t group, entity_id member)
{
    struct entity *e = s->agent.entity;
    if (!is_on(s) || key_of(s, group)->epoch == 0 ||
        !server_is_registered(s, member, ENTITY_NONE)) {
        return;
    }
    struct buf sealed = {0};
    struct cpns_message m;
    agent_forget_cookie(&s->agent, CPNS_SG_KEY_UPDATE, cookie_of(group, member));
    agent_begin(&s->agent, &m, CPNS_SG_KEY_UPDATE, entity_urn(e, member));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, group));
    seal_for(s, group, member, &sealed, &m);
    struct agent_route route = server_route(s, member);
    route.group = group;
    agent_request_flow(&s->agent, &m, &route, cookie_of(group, member), "group-key",
                       entity_scenario(e)->groups[group].id);
    buf_fini(&sealed);
}

void server_group_rekey(struct server *s, uint32_t group, enum rekey reason)
{
    struct entity *e = s->agent.entity;
    const char *id = entity_scenario(e)->groups[group].id;
    if (!is_on(s)) {
        return;
    }
    struct group_key *k = key_of(s, group);
    char *purpose = mem_printf("group-key/%s", id);
    entity_random(e, purpose, k->key, sizeof(k->key));
    free(purpose);
    k->epoch++;
    if (reason != REKEY_JOINED) {
        k->oldest = k->epoch;
    }
    entity_event(e, "group_rekeyed", id);
    const struct inventory_group *g = &s->groups[group];
    for (size_t i = 0; i < g->members.count; i++) {
        server_group_give_key(s, group, g->members.items[i]);
    }
}

void server_group_rekey_without(struct server *s, uint32_t group, entity_id leaver)
{
    agent_forget_cookie(&s->agent, CPNS_SG_KEY_UPDATE, cookie_of(group, leaver));
    server_group_rekey(s, group, REKEY_LEFT);
}

/* Epochs go on: a group of the same name that is made later has other keys. */
void server_group_key_forget(struct server *s, uint32_t group)
{
    if (!is_on(s) || key_of(s, group)->epoch == 0) {
        return;
    }
    struct group_key *k = key_of(s, group);
    const struct inventory_group *g = &s->groups[group];
    for (size_t i = 0; i < g->members.count; i++) {
        agent_forget_cookie(&s->agent, CPNS_SG_KEY_UPDATE, cookie_of(group, g->members.items[i]));
    }
    k->oldest = ++k->epoch;
    memset(k->key, 0, sizeof(k->key));
}

enum disposition server_on_key_update_response(struct server *s, const struct cpns_message *m)
{
    uint64_t cookie;
    if (agent_answered(&s->agent, m, CPNS_SG_KEY_UPDATE, &cookie) &&
        cpns_integer(m, CPNS_STATUS) != 200) {
        entity_event(s->agent.entity, "group_key_refused",
                     entity_name(s->agent.entity, (entity_id)(cookie >> 32)));
    }
    return MESSAGE_DELIVERED;
}

/* --- a member asks
 * -------------------------------------------------------------------------------------- */

enum disposition server_on_group_key_request(struct server *s, struct cpns_message *m,
                                             const struct received *r)
{
    struct entity *e = s->agent.entity;
    entity_id from = r->from;
    uint32_t group = entity_group_by_urn(e, cpns_text(m, CPNS_SG_ID));
    entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    enum disposition passed;
    if (group != SCENARIO_NONE && server_passes_home(s, m, group, r, &passed)) {
        return passed;
    }
    bool known = is_on(s) && group != SCENARIO_NONE && key_of(s, group)->epoch != 0;
    int status = !server_is_registered(s, origin, from)                ? 403
                 : !known                                              ? 404
                 : !entity_list_has(&s->groups[group].members, origin) ? 403
                                                                       : 200;
    struct buf sealed = {0};
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_SG_KEY_RESPONSE, m, status);
    if (status == 200) {
        seal_for(s, group, origin, &sealed, &answer);
    }
    server_answer(s, &answer, from);
    buf_fini(&sealed);
    return MESSAGE_DELIVERED;
}

bool server_group_key_taken(const struct server *s, uint32_t group, const struct cpns_message *m,
                            const char **why)
{
    int64_t epoch = cpns_integer(m, CPNS_KEY_EPOCH);
    if (!is_on(s)) {
        return true;
    }
    const struct group_key *k = s->group_keys != NULL ? &s->group_keys[group] : NULL;
    *why = epoch == 0 ? "not_sealed" : "stale_group_key";
    return k != NULL && epoch != 0 && epoch >= k->oldest && epoch <= k->epoch;
}
