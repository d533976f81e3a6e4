/* The PNE's keys: its user key (cpns-model.md flow 4) and the value of its chain (flow 5). */
#ifndef MODELS_PNE_KEYS_H
#define MODELS_PNE_KEYS_H

#include "models/cpns/keys.h"
#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct pne;

enum pne_key_state {
    PNE_KEY_NONE,
    PNE_KEY_INSTALLING, /* knows whose user it shall have */
    PNE_KEY_ASKING,     /* has checked the first authentication data, has sent the second */
    PNE_KEY_ASSIGNED,
};

enum pne_key_event {
    PNE_KEY_EV_INSTALL,
    PNE_KEY_EV_TRIGGER,
    PNE_KEY_EV_ASSIGNED,
    PNE_KEY_EV_REFUSED,
    PNE_KEY_EV_TIMEOUT,
};

extern const struct fsm_table pne_key_table;

/* Made by the first message about keys. */
struct pne_keys {
    uint32_t state;
    uint64_t guard;        /* timer of the assignment under way */
    struct buf user, info; /* whose it is */
    uint8_t server_nonce[KEY_NONCE_BYTES], pne_nonce[KEY_NONCE_BYTES];
    int64_t epoch; /* of the user key; 0: there is none */
    uint8_t user_key[KEY_BYTES];
    int64_t sequence; /* of the last value of the chain; 0: there was none */
    uint8_t chain_nonce[KEY_NONCE_BYTES];
    uint8_t value[KEY_BYTES];
};

void pne_keys_free(struct pne *p);
enum disposition pne_on_installation(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_installation_trigger(struct pne *p, const struct cpns_message *m);
enum disposition pne_on_key_assignment_response(struct pne *p, const struct cpns_message *m);
void pne_key_assignment_gave_up(struct pne *p);
/* Timer PNE_TIMER_KEY: nothing more came of the assignment. */
void pne_key_assignment_timer(struct pne *p);
/* The key to answer the challenge `request` with; `answer` gets the words that name it. */
void pne_authentication_key(struct pne *p, const struct cpns_message *request,
                            struct cpns_message *answer, uint8_t key[KEY_BYTES]);
enum disposition pne_on_provisioning(struct pne *p, const struct cpns_message *m);

#endif
