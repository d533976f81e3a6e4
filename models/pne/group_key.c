#include "models/pne/group_key.h"

#include <string.h>

#include "models/pne/pne.h"

static struct pne_group_key *find(const struct pne *p, uint32_t group)
{
    for (size_t i = 0; i < p->group_key_count; i++) {
        if (p->group_keys[i].group == group) {
            return &p->group_keys[i];
        }
    }
    return NULL;
}

const struct pne_group_key *pne_group_key(const struct pne *p, uint32_t group)
{
    return find(p, group);
}

void pne_group_key_forget(struct pne *p, uint32_t group)
{
    struct pne_group_key *k = find(p, group);
    if (k != NULL) {
        *k = p->group_keys[--p->group_key_count];
        memset(&p->group_keys[p->group_key_count], 0, sizeof(*k));
    }
}

/* --- from the server
 * ---------------------------------------------------------------------------------------- */

/* The key out of its seal; false: not sealed for this PNE, group and epoch. */
static bool unwrap(struct pne *p, uint32_t group, const struct cpns_message *m,
                   uint8_t key[KEY_BYTES])
{
    struct entity *e = p->agent.entity;
    const char *self = entity_urn(e, entity_self(e));
    uint8_t subscriber[KEY_BYTES], wrap[KEY_BYTES];
    struct buf aad = {0}, plain = {0};
    entity_subscriber_key(e, entity_self(e), subscriber);
    key_group_wrap(subscriber, entity_group_urn(e, group), self, wrap);
    key_group_data(&aad, entity_group_urn(e, group), self, cpns_integer(m, CPNS_KEY_EPOCH));
    bool good = entity_open(wrap, buf_span(&aad), cpns_bytes(m, CPNS_SEALED_KEY), &plain) == 0 &&
                buf_len(&plain) == KEY_BYTES;
    if (good) {
        memcpy(key, buf_span(&plain).data, KEY_BYTES);
    }
    buf_fini(&aad);
    buf_fini(&plain);
    return good;
}

static void store(struct pne *p, uint32_t group, int64_t epoch, const uint8_t key[KEY_BYTES])
{
    struct pne_group_key *k = find(p, group);
    if (k == NULL) {
        k = MEM_PUSH(p->group_keys, p->group_key_count, p->group_key_capacity);
        *k = (struct pne_group_key){.group = group};
    }
    if (epoch > k->epoch) {
        k->last_epoch = k->epoch;
        memcpy(k->last_key, k->key, KEY_BYTES);
        k->epoch = epoch;
        memcpy(k->key, key, KEY_BYTES);
        entity_event(p->agent.entity, "group_key_received",
                     entity_scenario(p->agent.entity)->groups[group].id);
    }
}

/* 200 when the key is for a member and could be read; then it is stored, unless it is an old one.
 */
static int take(struct pne *p, uint32_t group, const struct cpns_message *m)
{
    uint8_t key[KEY_BYTES];
    const struct pne_group *g = group != SCENARIO_NONE ? pne_group_find(p, group) : NULL;
    if (g == NULL || g->state == GROUP_OUT) {
        return 403;
    }
    if (!unwrap(p, group, m, key)) {
        entity_event(p->agent.entity, "group_key_refused",
                     entity_scenario(p->agent.entity)->groups[group].id);
        return 401;
    }
    store(p, group, cpns_integer(m, CPNS_KEY_EPOCH), key);
    return 200;
}

enum disposition pne_on_group_key_update(struct pne *p, const struct cpns_message *m)
{
    uint32_t group = entity_group_by_urn(p->agent.entity, cpns_text(m, CPNS_SG_ID));
    struct cpns_message answer;
    agent_answer(&p->agent, &answer, CPNS_SG_KEY_UPDATE_RESPONSE, m, take(p, group, m));
    cpns_set_integer(&answer, CPNS_KEY_EPOCH, cpns_integer(m, CPNS_KEY_EPOCH));
    struct agent_route route = pne_route(p);
    route.group = group;
    agent_send(&p->agent, &answer, &route);
    return MESSAGE_DELIVERED;
}

static void ask(struct pne *p, uint32_t group)
{
    struct entity *e = p->agent.entity;
    if (p->state != PNE_JOINED || agent_waits(&p->agent, CPNS_SG_KEY_REQUEST, group)) {
        return;
    }
    struct cpns_message m;
    agent_begin(&p->agent, &m, CPNS_SG_KEY_REQUEST,
                entity_urn(e, entity_scenario(e)->nodes[p->gateway].peer));
    cpns_set_text(&m, CPNS_SG_ID, entity_group_urn(e, group));
    cpns_set_text(&m, CPNS_PN_ID, entity_pn_urn(e, p->pn));
    struct agent_route route = pne_route(p);
    route.group = group;
    agent_request_flow(&p->agent, &m, &route, group, "group-key",
                       entity_scenario(e)->groups[group].id);
}

enum disposition pne_on_group_key_response(struct pne *p, const struct cpns_message *m)
{
    uint64_t group;
    if (agent_answered(&p->agent, m, CPNS_SG_KEY_REQUEST, &group) &&
        cpns_integer(m, CPNS_STATUS) == 200) {
        take(p, (uint32_t)group, m);
    }
    return MESSAGE_DELIVERED;
}

/* --- messages
 * ------------------------------------------------------------------------------------------------
 */

/* Group, sender, epoch and transaction: a sealed payload is that of this message and no other. */
static void message_data(struct buf *out, const struct cpns_message *m, int64_t epoch)
{
    key_item(out, span_of_str("group message"));
    key_item(out, cpns_text(m, CPNS_SG_ID));
    key_item(out, cpns_text(m, CPNS_ORIGIN_ENTITY_ID));
    buf_append_u64(out, (uint64_t)cpns_integer(m, CPNS_TRANSACTION_ID));
    buf_append_u64(out, (uint64_t)epoch);
}

int pne_group_seal(struct pne *p, uint32_t group, struct span payload, struct buf *sealed,
                   struct cpns_message *m)
{
    const struct pne_group_key *k = find(p, group);
    uint8_t nonce[ENTITY_NONCE_BYTES];
    struct buf aad = {0};
    if (k == NULL || k->epoch == 0) {
        return -SIM_ESTATE;
    }
    entity_random(p->agent.entity, "group-message", nonce, sizeof(nonce));
    message_data(&aad, m, k->epoch);
    entity_seal(k->key, nonce, buf_span(&aad), payload, sealed);
    buf_fini(&aad);
    cpns_set_integer(m, CPNS_KEY_EPOCH, k->epoch);
    return 0;
}

int pne_group_open_with(const uint8_t key[KEY_BYTES], int64_t epoch, const struct cpns_message *m,
                        struct buf *payload)
{
    struct buf aad = {0};
    message_data(&aad, m, epoch);
    int r = entity_open(key, buf_span(&aad), cpns_bytes(m, CPNS_PAYLOAD), payload);
    buf_fini(&aad);
    return r;
}

enum disposition pne_group_open(struct pne *p, uint32_t group, const struct cpns_message *m)
{
    const struct pne_group_key *k = find(p, group);
    int64_t epoch = cpns_integer(m, CPNS_KEY_EPOCH);
    if (epoch == 0) {
        return agent_refuse(&p->agent, "not_sealed");
    }
    if (k == NULL || epoch > k->epoch) {
        ask(p, group);
        return agent_refuse(&p->agent, "no_group_key");
    }
    if (epoch != k->epoch && epoch != k->last_epoch) {
        return agent_refuse(&p->agent, "no_group_key"); /* of the time before it joined */
    }
    struct buf payload = {0};
    int r = pne_group_open_with(epoch == k->epoch ? k->key : k->last_key, epoch, m, &payload);
    buf_fini(&payload);
    return r == 0 ? MESSAGE_DELIVERED : agent_refuse(&p->agent, "group_seal_broken");
}
