/* Group keys at the server, an extension of ours (cpns-model.md section 5, protection `group_key`):
 * clause 5.9.1 leaves messages destined to a Service Group outside the sessions and unprotected.
 *
 * The server makes a key of 32 octets for each epoch of a group and hands it to the members one by
 * one, inside the sessions and sealed under the subscriber key of the member, so that gateways
 * carry it and cannot use it. */
#ifndef MODELS_CPNS_SERVER_GROUP_KEY_H
#define MODELS_CPNS_SERVER_GROUP_KEY_H

#include "models/cpns/keys.h"
#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct server;

struct group_key {
    int64_t epoch;  /* of the key in use; 0: none yet */
    int64_t oldest; /* of the keys under which messages are still taken */
    uint8_t key[KEY_BYTES];
};

/* What makes a new key necessary. After REKEY_JOIN, messages under the key before are still passed
 * on: the joiner cannot read them. After all others they are refused. */
enum rekey { REKEY_CREATED, REKEY_JOINED, REKEY_LEFT, REKEY_OWNER };

/* Each of these does nothing unless the scenario's protection is `group_key`. `group` is an index
 * of the scenario. */

/* A new key for the members as they are now; the store has changed already. */
void server_group_rekey(struct server *s, uint32_t group, enum rekey reason);
/* The same after `leaver` has left: it gets no key any more. */
void server_group_rekey_without(struct server *s, uint32_t group, entity_id leaver);
/* The key in use for one member, who may have missed it. */
void server_group_give_key(struct server *s, uint32_t group, entity_id member);
/* The group is no more. */
void server_group_key_forget(struct server *s, uint32_t group);

/* Whether a message to the group is sealed under a key that is still taken; if not, why (static).
 */
bool server_group_key_taken(const struct server *s, uint32_t group, const struct cpns_message *m,
                            const char **why);
enum disposition server_on_key_update_response(struct server *s, const struct cpns_message *m);
enum disposition server_on_group_key_request(struct server *s, struct cpns_message *m,
                                             const struct received *r);
void server_group_keys_free(struct server *s);

#endif
