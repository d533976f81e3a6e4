/* Key assignment at the server (cpns-model.md flow 4, US8887253), and the chains it gives to
 * gateways (flow 5, US8819415). */
#include "models/cpns_server/keys.h"

#include <stdlib.h>
#include <string.h>

#include "models/cpns_server/server.h"

struct user_key *server_user_key(const struct server *s, entity_id pne)
{
    uint64_t found;
    return map_get(&s->user_keys, pne, &found) ? (struct user_key *)(uintptr_t)found : NULL;
}

static struct user_key *remember(struct server *s, entity_id pne)
{
    struct user_key *k = server_user_key(s, pne);
    if (k == NULL) {
        k = mem_calloc(1, sizeof(*k));
        k->pne = pne;
        *MEM_PUSH(s->user_key_list, s->user_key_count, s->user_key_capacity) = k;
        map_set(&s->user_keys, pne, (uint64_t)(uintptr_t)k);
    }
    return k;
}

void server_keys_free(struct server *s)
{
    for (size_t i = 0; i < s->user_key_count; i++) {
        struct user_key *k = s->user_key_list[i];
        buf_fini(&k->user);
        buf_fini(&k->info);
        buf_fini(&k->sealed);
        free(k);
    }
    free(s->user_key_list);
    map_fini(&s->user_keys);
}

/* Fresh octets for one PNE. */
static void fresh(struct server *s, const char *what, entity_id pne, uint8_t *out, size_t len)
{
    char *purpose = mem_printf("%s/%s", what, entity_name(s->agent.entity, pne));
    entity_random(s->agent.entity, purpose, out, len);
    free(purpose);
}

static struct key_parties parties_of(const struct server *s, const struct user_key *k)
{
    return (struct key_parties){.pne = entity_urn(s->agent.entity, k->pne),
                                .gateway = entity_urn(s->agent.entity, k->gateway),
                                .user = buf_span(&k->user),
                                .info = buf_span(&k->info)};
}

/* --- the user
 * ------------------------------------------------------------------------------------------ */

/* 200 when the PNE is registered behind this gateway and the user is its subscriber. */
static int check_user(const struct server *s, const struct cpns_message *m, entity_id pne,
                      entity_id from)
{
    struct entity *e = s->agent.entity;
    if (!server_is_registered(s, pne, from)) {
        return 403;
    }
    return span_equal_str(cpns_text(m, CPNS_USER_ID), entity_scenario(e)->nodes[pne].user) ? 200
                                                                                           : 404;
}

enum disposition server_on_user_registration(struct server *s, const struct cpns_message *m,
                                             entity_id from)
{
    struct entity *e = s->agent.entity;
    entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0));
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    int status = check_user(s, m, pne, from);
    uint8_t data[KEY_BYTES], subscriber[KEY_BYTES];
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_USER_REGISTRATION_RESPONSE, m, status);
    if (status == 200) {
        struct user_key *k = remember(s, pne);
        if (!k->pending || k->gateway != from || k->registration != transaction) {
            k->pending = true;
            k->gateway = from;
            k->registration = transaction;
            buf_clear(&k->user);
            buf_clear(&k->info);
            buf_append(&k->user, cpns_text(m, CPNS_USER_ID));
            buf_append(&k->info, cpns_text(m, CPNS_USER_INFO));
            fresh(s, "key-assignment", pne, k->nonce, sizeof(k->nonce));
        }
        const struct key_parties parties = parties_of(s, k);
        entity_subscriber_key(e, pne, subscriber);
        key_first_data(subscriber, &parties, k->nonce, data);
        cpns_set_bytes(&answer, CPNS_CHALLENGE, span_of(k->nonce, sizeof(k->nonce)));
        cpns_set_bytes(&answer, CPNS_AUTHENTICATION_DATA, span_of(data, sizeof(data)));
    }
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* --- the key
 * ------------------------------------------------------------------------------------------- */

static bool second_data_is_right(const struct server *s, const struct user_key *k,
                                 const struct cpns_message *m, const uint8_t subscriber[KEY_BYTES])
{
    uint8_t wanted[KEY_BYTES];
    const struct key_parties parties = parties_of(s, k);
    struct span nonce = cpns_bytes(m, CPNS_CHALLENGE);
    if (nonce.len != KEY_NONCE_BYTES || !span_equal(parties.user, cpns_text(m, CPNS_USER_ID))) {
        return false;
    }
    key_second_data(subscriber, &parties, k->nonce, nonce.data, wanted);
    return entity_equal(cpns_bytes(m, CPNS_AUTHENTICATION_DATA), span_of(wanted, sizeof(wanted)));
}

/* Makes the key of the next epoch and seals it for the PNE. */
static void issue(struct server *s, struct user_key *k, const uint8_t subscriber[KEY_BYTES],
                  const uint8_t pne_nonce[KEY_NONCE_BYTES])
{
    const struct key_parties parties = parties_of(s, k);
    uint8_t octets[KEY_BYTES], wrap[KEY_BYTES], nonce[ENTITY_NONCE_BYTES];
    struct buf aad = {0};
    fresh(s, "user-key", k->pne, octets, sizeof(octets));
    fresh(s, "user-key", k->pne, nonce, sizeof(nonce));
    k->offered = (k->offered > k->epoch ? k->offered : k->epoch) + 1;
    key_of_user(octets, &parties, k->nonce, pne_nonce, k->offered_key);
    key_wrap(subscriber, &parties, k->nonce, pne_nonce, wrap);
    key_wrap_data(&aad, &parties, k->offered);
    buf_clear(&k->sealed);
    entity_seal(wrap, nonce, buf_span(&aad), span_of(k->offered_key, KEY_BYTES), &k->sealed);
    buf_fini(&aad);
}

enum disposition server_on_key_assignment(struct server *s, const struct cpns_message *m,
                                          entity_id from)
{
    struct entity *e = s->agent.entity;
    entity_id pne = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
    int64_t transaction = cpns_integer(m, CPNS_TRANSACTION_ID);
    struct user_key *k = pne != ENTITY_NONE ? server_user_key(s, pne) : NULL;
    bool repeated = k != NULL && k->offered != 0 && k->answered == transaction;
    int status = !server_is_registered(s, pne, from)                               ? 403
                 : k == NULL || (!repeated && (!k->pending || k->gateway != from)) ? 404
                                                                                   : 200;
    uint8_t subscriber[KEY_BYTES];
    if (status == 200 && !repeated) {
        entity_subscriber_key(e, pne, subscriber);
        k->pending = false;
        if (second_data_is_right(s, k, m, subscriber)) {
            issue(s, k, subscriber, cpns_bytes(m, CPNS_CHALLENGE).data);
            k->answered = transaction;
            entity_event(e, "user_key_issued", entity_name(e, pne));
        } else {
            status = 401;
            entity_event(e, "key_assignment_failed", entity_name(e, pne));
        }
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_KEY_ASSIGNMENT_RESPONSE, m, status);
    if (status == 200) {
        cpns_set_integer(&answer, CPNS_KEY_EPOCH, k->offered);
        cpns_set_bytes(&answer, CPNS_SEALED_KEY, buf_span(&k->sealed));
    }
    server_answer(s, &answer, from);
    return MESSAGE_DELIVERED;
}

/* --- its use
 * ------------------------------------------------------------------------------------------- */

void server_name_user_key(const struct server *s, entity_id pne, struct cpns_message *challenge)
{
    const struct user_key *k = server_user_key(s, pne);
    if (k != NULL && (k->offered != 0 || k->epoch != 0)) {
        cpns_set_integer(challenge, CPNS_KEY_EPOCH, k->offered != 0 ? k->offered : k->epoch);
    }
}

bool server_authentication_key(const struct server *s, entity_id pne,
                               const struct cpns_message *answer, uint8_t key[KEY_BYTES])
{
    const struct user_key *k = server_user_key(s, pne);
    int64_t epoch = cpns_integer(answer, CPNS_KEY_EPOCH);
    if (epoch == 0) {
        entity_subscriber_key(s->agent.entity, pne, key);
        return k == NULL || k->epoch == 0;
    }
    if (k == NULL || (epoch != k->epoch && epoch != k->offered)) {
        return false;
    }
    memcpy(key, epoch == k->epoch ? k->key : k->offered_key, KEY_BYTES);
    return true;
}

void server_user_key_used(struct server *s, entity_id pne, const struct cpns_message *answer)
{
    struct user_key *k = server_user_key(s, pne);
    int64_t epoch = cpns_integer(answer, CPNS_KEY_EPOCH);
    if (k == NULL) {
        return;
    }
    if (epoch != 0 && epoch == k->offered) {
        k->epoch = epoch;
        memcpy(k->key, k->offered_key, KEY_BYTES);
        entity_event(s->agent.entity, "user_key_used", entity_name(s->agent.entity, pne));
    }
    k->offered = 0;
    memset(k->offered_key, 0, KEY_BYTES);
}

/* --- value chain
 * ----------------------------------------------------------------------------------------- */

/* A fresh chain and TK_PNE, sealed for the gateway. */
static void seal_chain(struct server *s, entity_id pne, entity_id gateway, const char *serial,
                       const uint8_t nonce[KEY_NONCE_BYTES], struct buf sealed[2])
{
    struct entity *e = s->agent.entity;
    uint8_t subscriber[KEY_BYTES], k_gs[KEY_BYTES], plain[KEY_BYTES], once[ENTITY_NONCE_BYTES];
    struct buf aad = {0};
    entity_subscriber_key(e, gateway, subscriber);
    key_of_provisioning(subscriber, serial, entity_urn(e, gateway), nonce, k_gs);
    key_provisioning_data(&aad, serial, entity_urn(e, pne), entity_urn(e, gateway), 0);
    fresh(s, "value-chain", pne, plain, sizeof(plain));
    fresh(s, "value-chain", pne, once, sizeof(once));
    entity_seal(k_gs, once, buf_span(&aad), span_of(plain, sizeof(plain)), &sealed[0]);
    entity_subscriber_key(e, pne, subscriber);
    key_of_pne(subscriber, serial, nonce, plain);
    fresh(s, "value-chain", pne, once, sizeof(once));
    entity_seal(k_gs, once, buf_span(&aad), span_of(plain, sizeof(plain)), &sealed[1]);
    buf_fini(&aad);
}

/* The server keeps nothing: whoever asks again gets another chain. */
enum disposition server_on_provisioning(struct server *s, const struct cpns_message *m,
                                        entity_id from)
{
    struct entity *e = s->agent.entity;
    entity_id pne = entity_by_urn(e, cpns_item(m, CPNS_PNE_ID, 0));
    uint8_t nonce[KEY_NONCE_BYTES];
    char serial[KEY_SERIAL_BYTES] = "";
    struct buf sealed[2] = {0};
    int status = server_is_registered(s, pne, from) ? 200 : 403;
    if (status == 200) {
        key_serial(entity_urn(e, pne), serial);
        status = span_equal_str(cpns_text(m, CPNS_SERIAL_NUMBER), serial) ? 200 : 404;
    }
    struct cpns_message answer;
    agent_answer(&s->agent, &answer, CPNS_PNE_PROVISIONING_RESPONSE, m, status);
    if (status == 200) {
        fresh(s, "value-chain", pne, nonce, sizeof(nonce));
        seal_chain(s, pne, from, serial, nonce, sealed);
        cpns_set_text(&answer, CPNS_SERIAL_NUMBER, serial);
        cpns_set_bytes(&answer, CPNS_CHALLENGE, span_of(nonce, sizeof(nonce)));
        cpns_set_bytes(&answer, CPNS_SEALED_VALUE, buf_span(&sealed[0]));
        cpns_set_bytes(&answer, CPNS_SEALED_KEY, buf_span(&sealed[1]));
    }
    server_answer(s, &answer, from);
    buf_fini(&sealed[0]);
    buf_fini(&sealed[1]);
    return MESSAGE_DELIVERED;
}
