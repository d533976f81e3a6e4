/* Group keys at the PNE, an extension of ours (protection `group_key`): messages to a Service Group
 * travel outside the sessions, their payload sealed with AES-256-GCM under the group's key. */
#ifndef MODELS_PNE_GROUP_KEY_H
#define MODELS_PNE_GROUP_KEY_H

#include "models/cpns/keys.h"
#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct pne;

/* The newest key and the one before, for messages that were under way when the key changed. */
struct pne_group_key {
    uint32_t group;
    int64_t epoch, last_epoch; /* 0: none */
    uint8_t key[KEY_BYTES], last_key[KEY_BYTES];
};

/* NULL: has none. */
const struct pne_group_key *pne_group_key(const struct pne *p, uint32_t group);
enum disposition pne_on_group_key_update(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_group_key_response(struct pne *p, const struct cpns_message *m);
/* The PNE is no member any more. */
void pne_group_key_forget(struct pne *p, uint32_t group);

/* Appends the payload, sealed under the newest key, to `sealed` and names the key's epoch in the
 * SGMessage `m`, whose other fields stand. -SIM_ESTATE when the PNE has no key. */
int pne_group_seal(struct pne *p, uint32_t group, struct span payload, struct buf *sealed,
                   struct cpns_message *m);
/* What a member makes of an SGMessage: delivered if it opens under one of its keys; asks for the
 * newest key when the message is of a later one. */
enum disposition pne_group_open(struct pne *p, uint32_t group, const struct cpns_message *m);
/* The same without the PNE: appends the payload. -SIM_EBADMSG: not sealed under that key of that
 * epoch, for that group, by that sender, or altered. */
int pne_group_open_with(const uint8_t key[KEY_BYTES], int64_t epoch, const struct cpns_message *m,
                        struct buf *payload);

#endif
