#include "models/cpns/keys.h"

#include <stdio.h>
#include <string.h>

#include "sim/world/entity.h"

void key_item(struct buf *out, struct span item)
{
    CHECK(item.len <= UINT16_MAX);
    buf_append_u16(out, (uint16_t)item.len);
    buf_append(out, item);
}

static void text_item(struct buf *out, const char *text)
{
    key_item(out, span_of_str(text));
}

static void parties_items(struct buf *out, const char *purpose, const struct key_parties *parties)
{
    text_item(out, purpose);
    text_item(out, parties->pne);
    text_item(out, parties->gateway);
    key_item(out, parties->user);
    key_item(out, parties->info);
}

/* --- user keys
 * ----------------------------------------------------------------------------------------- */

void key_first_data(const uint8_t subscriber[KEY_BYTES], const struct key_parties *parties,
                    const uint8_t server_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES])
{
    struct buf data = {0};
    parties_items(&data, "first authentication data", parties);
    key_item(&data, span_of(server_nonce, KEY_NONCE_BYTES));
    entity_hmac(span_of(subscriber, KEY_BYTES), buf_span(&data), out);
    buf_fini(&data);
}

void key_second_data(const uint8_t subscriber[KEY_BYTES], const struct key_parties *parties,
                     const uint8_t server_nonce[KEY_NONCE_BYTES],
                     const uint8_t pne_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES])
{
    struct buf data = {0};
    parties_items(&data, "second authentication data", parties);
    key_item(&data, span_of(server_nonce, KEY_NONCE_BYTES));
    key_item(&data, span_of(pne_nonce, KEY_NONCE_BYTES));
    entity_hmac(span_of(subscriber, KEY_BYTES), buf_span(&data), out);
    buf_fini(&data);
}

/* HKDF with both nonces as salt, purpose and parties as info. */
static void derive(const uint8_t from[KEY_BYTES], const char *purpose,
                   const struct key_parties *parties, const uint8_t server_nonce[KEY_NONCE_BYTES],
                   const uint8_t pne_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES])
{
    uint8_t salt[2 * KEY_NONCE_BYTES];
    struct buf info = {0};
    memcpy(salt, server_nonce, KEY_NONCE_BYTES);
    memcpy(salt + KEY_NONCE_BYTES, pne_nonce, KEY_NONCE_BYTES);
    parties_items(&info, purpose, parties);
    entity_hkdf(span_of(from, KEY_BYTES), span_of(salt, sizeof(salt)), buf_span(&info), out,
                KEY_BYTES);
    buf_fini(&info);
}

void key_of_user(const uint8_t fresh[KEY_BYTES], const struct key_parties *parties,
                 const uint8_t server_nonce[KEY_NONCE_BYTES],
                 const uint8_t pne_nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES])
{
    derive(fresh, "user key", parties, server_nonce, pne_nonce, out);
}

void key_wrap(const uint8_t subscriber[KEY_BYTES], const struct key_parties *parties,
              const uint8_t server_nonce[KEY_NONCE_BYTES], const uint8_t pne_nonce[KEY_NONCE_BYTES],
              uint8_t out[KEY_BYTES])
{
    derive(subscriber, "user key in transit", parties, server_nonce, pne_nonce, out);
}

void key_wrap_data(struct buf *out, const struct key_parties *parties, int64_t epoch)
{
    parties_items(out, "user key", parties);
    buf_append_u64(out, (uint64_t)epoch);
}

/* --- group keys
 * ---------------------------------------------------------------------------------------- */

void key_group_wrap(const uint8_t subscriber[KEY_BYTES], const char *group, const char *member,
                    uint8_t out[KEY_BYTES])
{
    struct buf info = {0};
    text_item(&info, "group key in transit");
    text_item(&info, group);
    text_item(&info, member);
    entity_hkdf(span_of(subscriber, KEY_BYTES), (struct span){0}, buf_span(&info), out, KEY_BYTES);
    buf_fini(&info);
}

void key_group_data(struct buf *out, const char *group, const char *member, int64_t epoch)
{
    text_item(out, "group key");
    text_item(out, group);
    text_item(out, member);
    buf_append_u64(out, (uint64_t)epoch);
}

/* --- value chains
 * ---------------------------------------------------------------------------------------- */

void key_serial(const char *urn, char out[KEY_SERIAL_BYTES])
{
    const char *last = strrchr(urn, '-');
    snprintf(out, KEY_SERIAL_BYTES, "SN%.12s", last != NULL ? last + 1 : urn);
}

void key_of_provisioning(const uint8_t subscriber[KEY_BYTES], const char *serial,
                         const char *gateway, const uint8_t nonce[KEY_NONCE_BYTES],
                         uint8_t out[KEY_BYTES])
{
    struct buf info = {0};
    text_item(&info, "K_GS");
    text_item(&info, serial);
    text_item(&info, gateway);
    entity_hkdf(span_of(subscriber, KEY_BYTES), span_of(nonce, KEY_NONCE_BYTES), buf_span(&info),
                out, KEY_BYTES);
    buf_fini(&info);
}

void key_of_pne(const uint8_t subscriber[KEY_BYTES], const char *serial,
                const uint8_t nonce[KEY_NONCE_BYTES], uint8_t out[KEY_BYTES])
{
    struct buf info = {0};
    text_item(&info, "TK_PNE");
    text_item(&info, serial);
    entity_hkdf(span_of(subscriber, KEY_BYTES), span_of(nonce, KEY_NONCE_BYTES), buf_span(&info),
                out, KEY_BYTES);
    buf_fini(&info);
}

void key_provisioning_data(struct buf *out, const char *serial, const char *pne,
                           const char *gateway, int64_t sequence)
{
    text_item(out, "value chain");
    text_item(out, serial);
    text_item(out, pne);
    text_item(out, gateway);
    buf_append_u64(out, (uint64_t)sequence);
}

void key_chain(uint8_t value[KEY_BYTES], int64_t steps)
{
    uint8_t next[KEY_BYTES];
    for (; steps > 0; steps--) {
        entity_hmac(span_of(value, KEY_BYTES), span_of_str("value chain"), next);
        memcpy(value, next, KEY_BYTES);
    }
}

void key_chain_answer(const uint8_t value[KEY_BYTES], struct span challenge, const char *pne,
                      const char *gateway, uint8_t out[KEY_BYTES])
{
    struct buf data = {0};
    text_item(&data, "value chain answer");
    key_item(&data, challenge);
    text_item(&data, pne);
    text_item(&data, gateway);
    entity_hmac(span_of(value, KEY_BYTES), buf_span(&data), out);
    buf_fini(&data);
}
