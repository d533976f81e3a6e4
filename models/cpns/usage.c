#include "models/cpns/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct usage_info *usage_find(struct usage_store *s, uint32_t pn, entity_id pne, struct span alias)
{
    for (size_t i = 0; i < s->count; i++) {
        struct usage_info *u = &s->items[i];
        if (u->pn == pn && u->pne == pne && span_equal_str(alias, u->alias)) {
            return u;
        }
    }
    return NULL;
}

static struct usage_info *add(struct usage_store *s, int64_t index, uint32_t pn, entity_id pne,
                              entity_id gateway, struct span alias)
{
    struct usage_info *u = MEM_PUSH(s->items, s->count, s->capacity);
    *u = (struct usage_info){
        .index = index,
        .pn = pn,
        .pne = pne,
        .gateway = gateway,
        .alias = alias.len > 0 ? mem_strndup((const char *)alias.data, alias.len) : mem_strdup("")};
    return u;
}

struct usage_info *usage_create(struct usage_store *s, uint32_t pn, entity_id pne,
                                entity_id gateway, struct span alias)
{
    struct usage_info *u = usage_find(s, pn, pne, alias);
    return u != NULL ? u : add(s, ++s->last_index, pn, pne, gateway, alias);
}

const struct usage_info *usage_copy(struct usage_store *s, const struct agent *a,
                                    const struct cpns_message *m)
{
    uint32_t pn = cpns_has(m, CPNS_PN_ID) ? entity_pn_by_urn(a->entity, cpns_text(m, CPNS_PN_ID))
                                          : SCENARIO_NONE;
    entity_id pne = cpns_has(m, CPNS_PNE_ID)
                        ? entity_by_urn(a->entity, cpns_item(m, CPNS_PNE_ID, 0))
                        : ENTITY_NONE;
    int64_t index = cpns_integer(m, CPNS_USAGE_INDEX);
    int64_t stamp = cpns_integer(m, CPNS_TIMESTAMP);
    if (pn == SCENARIO_NONE || pne == ENTITY_NONE || index == 0) {
        return NULL;
    }
    struct usage_info *u = NULL;
    for (size_t i = 0; i < s->count && u == NULL; i++) {
        u = s->items[i].index == index ? &s->items[i] : NULL;
    }
    if (u == NULL) {
        u = add(s, index, pn, pne, agent_entity(a, m, CPNS_GATEWAY_ID), cpns_text(m, CPNS_ALIAS));
    } else if (stamp < u->stamp) {
        return u;
    }
    int64_t expiry = cpns_integer(m, CPNS_EXPIRY);
    u->stamp = stamp;
    u->store = cpns_integer(m, CPNS_STORE);
    u->end = expiry > 0 ? stamp * SIM_US + expiry * SIM_S : 0;
    return u;
}

size_t usage_expire(struct usage_store *s, sim_time now)
{
    size_t gone = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].end != 0 && s->items[i].end <= now) {
            s->items[i].end = 0;
            gone++;
        }
    }
    return gone;
}

size_t usage_count(const struct usage_store *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        count += s->items[i].end != 0;
    }
    return count;
}

void usage_tell(const struct usage_info *u, const struct agent *a, struct cpns_message *answer)
{
    struct entity *e = a->entity;
    cpns_set_integer(answer, CPNS_USAGE_INDEX, u->index);
    cpns_set_text(answer, CPNS_ALIAS, u->alias);
    cpns_set_text(answer, CPNS_PN_ID, entity_pn_urn(e, u->pn));
    cpns_add_text(answer, CPNS_PNE_ID, span_of_str(entity_urn(e, u->pne)));
    cpns_set_text(answer, CPNS_GATEWAY_ID, entity_urn(e, u->gateway));
    cpns_set_integer(answer, CPNS_STORE, u->store);
}

void usage_tell_store(const struct usage_store *s, struct entity *e)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct usage_info *u = &s->items[i];
        char value[300];
        if (u->end != 0) {
            snprintf(value, sizeof(value), "%s in %s, index %lld, until %.3f s", u->alias,
                     entity_scenario(e)->pns[u->pn].id, (long long)u->index, (double)u->end / 1e9);
            entity_store_item(e, "usage-info", entity_name(e, u->pne), u->alias, value);
        }
    }
}

void usage_store_fini(struct usage_store *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].alias);
    }
    free(s->items);
}
