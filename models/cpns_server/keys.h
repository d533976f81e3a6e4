/* The server's part of key assignment (cpns-model.md flow 4) and value-chain authentication (flow
 * 5): it issues both. */
#ifndef MODELS_CPNS_SERVER_KEYS_H
#define MODELS_CPNS_SERVER_KEYS_H

#include "models/cpns/keys.h"
#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct server;

/* The user key of a PNE. A key that was issued is an offer until the PNE has used it, because its
 * answer may have got lost; from then on no earlier key is taken. */
struct user_key {
    entity_id pne;
    int64_t epoch; /* of the key in use; 0: the subscriber key */
    uint8_t key[KEY_BYTES];
    int64_t offered; /* epoch of the key issued last and not used yet; 0: none */
    uint8_t offered_key[KEY_BYTES];
    /* the assignment under way */
    bool pending;
    entity_id gateway;
    int64_t registration; /* TransactionID of its UserRegistrationRequest */
    struct buf user, info;
    uint8_t nonce[KEY_NONCE_BYTES];
    /* what was answered last, for a request that is repeated */
    int64_t answered; /* TransactionID of that KeyAssignmentRequest */
    struct buf sealed;
};

void server_keys_free(struct server *s);
/* NULL when the PNE has had no assignment. */
struct user_key *server_user_key(const struct server *s, entity_id pne);

enum disposition server_on_user_registration(struct server *s, const struct cpns_message *m,
                                             entity_id from);
enum disposition server_on_key_assignment(struct server *s, const struct cpns_message *m,
                                          entity_id from);
/* Names in a challenge the user key that the server expects, if any. */
void server_name_user_key(const struct server *s, entity_id pne, struct cpns_message *challenge);
/* The key with which `answer` claims to have been made; false: one that is taken no more, or was
 * never given. */
bool server_authentication_key(const struct server *s, entity_id pne,
                               const struct cpns_message *answer, uint8_t key[KEY_BYTES]);
/* `answer` was right: the key it was made with is in use now, and an offer of another is void. */
void server_user_key_used(struct server *s, entity_id pne, const struct cpns_message *answer);

enum disposition server_on_provisioning(struct server *s, const struct cpns_message *m,
                                        entity_id from);

#endif
