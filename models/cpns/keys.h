/* Keys and proofs that entities agree on: user keys (cpns-model.md flow 4, US8887253) and value
 * chains (flow 5, US8819415); and group keys, an extension of ours. What goes into each is [ours]:
 * every input is preceded by its length and every purpose by a name, so that no two inputs run
 * together and no key serves two purposes.
 *
 * `subscriber` is entity_subscriber_key() of the PNE or gateway named. */
#ifndef MODELS_CPNS_KEYS_H
#define MODELS_CPNS_KEYS_H

#include "sim/core/base.h"
#include "sim/core/buf.h"

enum {
    KEY_BYTES = 32,
    KEY_NONCE_BYTES = 32,
    KEY_CHAIN_LENGTH = 16, /* values of a chain; each is used once */
    KEY_SERIAL_BYTES = 16, /* with the NUL */
};

/* Who takes part in a key assignment. Borrowed. */
struct key_parties {
    const char *pne, *gateway; /* URNs */
    struct span user, info;    /* User ID, user info */
};

/* An item of an input: its length in two octets, then the octets. */
void key_item(struct buf *out, struct span item);

/* First authentication data: the server knows the PNE's subscriber key, and means this user. */
void key_first_data(const uint8_t subscriber[KEY_BYTES], const struct key_parties *parties,
                    const uint8_t server_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES]);
/* Second: the PNE knows it too, and answers the first. */
void key_second_data(const uint8_t subscriber[KEY_BYTES], const struct key_parties *parties,
                     const uint8_t server_nonce[KEY_NONCE_BYTES],
                     const uint8_t pne_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES]);
/* A user key out of the server's fresh octets. */
void key_of_user(const uint8_t fresh[KEY_BYTES], const struct key_parties *parties,
                 const uint8_t server_nonce[KEY_NONCE_BYTES],
                 const uint8_t pne_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES]);
/* The key under which it travels, and the data that is authenticated with it. */
void key_wrap(const uint8_t subscriber[KEY_BYTES], const struct key_parties *parties,
              const uint8_t server_nonce[KEY_NONCE_BYTES], const uint8_t pne_nonce[KEY_NONCE_BYTES],
              uint8_t out[KEY_BYTES]);
void key_wrap_data(struct buf *out, const struct key_parties *parties, int64_t epoch);

/* The key under which a member gets the key of its Service Group, and the data authenticated with
 * it: no gateway on the way can read it. `subscriber` is the member's. */
void key_group_wrap(const uint8_t subscriber[KEY_BYTES], const char *group, const char *member,
                    uint8_t out[KEY_BYTES]);
void key_group_data(struct buf *out, const char *group, const char *member, int64_t epoch);

/* Serial number of a PNE, made from its URN. */
void key_serial(const char *urn, char out[KEY_SERIAL_BYTES]);
/* K_GS of gateway and server for the PNE of that serial number; `subscriber` is the gateway's. */
void key_of_provisioning(const uint8_t subscriber[KEY_BYTES], const char *serial,
                         const char *gateway, const uint8_t nonce[KEY_NONCE_BYTES],
                         uint8_t out[KEY_BYTES]);
/* TK_PNE; `subscriber` is the PNE's. */
void key_of_pne(const uint8_t subscriber[KEY_BYTES], const char *serial,
                const uint8_t nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES]);
/* What is authenticated with what the two seal; `sequence` is 0 from the server to the gateway. */
void key_provisioning_data(struct buf *out, const char *serial, const char *pne,
                           const char *gateway, int64_t sequence);
/* The value `steps` further on in a chain: a one-way step, that many times. */
void key_chain(uint8_t value[KEY_BYTES], int64_t steps);
/* The PNE's proof that it could read the value. */
void key_chain_answer(const uint8_t value[KEY_BYTES], struct span challenge, const char *pne,
                      const char *gateway, uint8_t out[KEY_BYTES]);

#endif
