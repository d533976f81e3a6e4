#include "sim/world/watch.h"

#include <stdlib.h>
#include <string.h>

struct secret {
    uint64_t message_id;
    uint32_t hop_number;
    struct buf bytes;
};

/* A window of a secret; `owner` counts secrets from 1, so that windows of evicted ones are known as
 * stale. */
struct window {
    uint64_t key;
    uint64_t owner;
    uint32_t offset;
};

struct watch {
    struct span urns[2];
    struct secret secrets[WATCH_SECRETS];
    uint64_t secret_count; /* ever */
    struct buf publics[WATCH_PUBLIC];
    size_t public_count;
    struct window *windows; /* open addressing */
    size_t window_count, window_capacity;
    uint64_t searched;
};

struct watch *watch_create(const char *urn_a, const char *urn_b)
{
    struct watch *w = mem_alloc(sizeof(*w));
    w->urns[0] = span_of_str(urn_a);
    w->urns[1] = span_of_str(urn_b);
    return w;
}

void watch_free(struct watch *w)
{
    if (w == NULL) {
        return;
    }
    for (size_t i = 0; i < WATCH_SECRETS; i++) {
        buf_fini(&w->secrets[i].bytes);
    }
    for (size_t i = 0; i < WATCH_PUBLIC; i++) {
        buf_fini(&w->publics[i]);
    }
    free(w->windows);
    free(w);
}

static uint64_t load(const uint8_t *at)
{
    uint64_t key;
    memcpy(&key, at, sizeof(key));
    return key;
}

static size_t slot_of(uint64_t key, size_t capacity)
{
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (capacity - 1);
}

static bool stale(const struct watch *w, const struct window *window)
{
    return window->owner + WATCH_SECRETS <= w->secret_count;
}

static void place(struct watch *w, const struct window *window)
{
    size_t i = slot_of(window->key, w->window_capacity);
    while (w->windows[i].owner != 0 && w->windows[i].key != window->key) {
        i = (i + 1) & (w->window_capacity - 1);
    }
    w->window_count += w->windows[i].owner == 0;
    w->windows[i] = *window; /* the newest message wins */
}

/* Drops stale windows and grows when those that stay need it. */
static void make_room(struct watch *w)
{
    if ((w->window_count + WATCH_WINDOWS_MAX) * 2 <= w->window_capacity) {
        return;
    }
    struct window *old = w->windows;
    size_t old_capacity = w->window_capacity;
    size_t fresh = 0;
    for (size_t i = 0; i < old_capacity; i++) {
        fresh += old[i].owner != 0 && !stale(w, &old[i]);
    }
    w->window_capacity = 1024;
    while (w->window_capacity < (fresh + WATCH_WINDOWS_MAX) * 3) {
        w->window_capacity *= 2;
    }
    w->windows = mem_calloc(w->window_capacity, sizeof(*w->windows));
    w->window_count = 0;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].owner != 0 && !stale(w, &old[i])) {
            place(w, &old[i]);
        }
    }
    free(old);
}

enum { NAMES_MAX = 32 };

/* Where in a message the names stand that certificates show: offsets of their first octets. */
static size_t find_names(const struct watch *w, struct span message, size_t offsets[NAMES_MAX],
                         size_t lengths[NAMES_MAX])
{
    size_t count = 0;
    for (size_t k = 0; k < SIM_ARRAY_LEN(w->urns); k++) {
        struct span urn = w->urns[k];
        size_t from = 0;
        const uint8_t *hit;
        while (count < NAMES_MAX &&
               (hit = memmem(message.data + from, message.len - from, urn.data, urn.len)) != NULL) {
            offsets[count] = (size_t)(hit - message.data);
            lengths[count] = urn.len;
            from = offsets[count++] + urn.len;
        }
    }
    return count;
}

void watch_secret(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span message)
{
    make_room(w);
    struct secret *secret = &w->secrets[w->secret_count++ % WATCH_SECRETS];
    secret->message_id = message_id;
    secret->hop_number = hop_number;
    buf_clear(&secret->bytes);
    buf_append(&secret->bytes, message);
    size_t offsets[NAMES_MAX];
    size_t lengths[NAMES_MAX];
    size_t names = find_names(w, message, offsets, lengths);
    size_t windows = message.len / WATCH_WINDOW_BYTES;
    size_t step = 1 + (windows > 0 ? windows - 1 : 0) / WATCH_WINDOWS_MAX;
    for (size_t i = 0; i < windows; i += step) {
        size_t offset = i * WATCH_WINDOW_BYTES;
        bool name = false;
        for (size_t k = 0; k < names; k++) {
            name = name ||
                   (offset < offsets[k] + lengths[k] && offsets[k] < offset + WATCH_WINDOW_BYTES);
        }
        if (!name) {
            place(w, &(struct window){.key = load(message.data + offset),
                                      .owner = w->secret_count,
                                      .offset = (uint32_t)offset});
        }
    }
}

void watch_public(struct watch *w, struct span datagram)
{
    struct buf *slot = &w->publics[w->public_count++ % WATCH_PUBLIC];
    buf_clear(slot);
    buf_append(slot, datagram);
}

static bool is_public(const struct watch *w, struct span payload)
{
    if (payload.len == 0) {
        return true;
    }
    for (size_t i = 0; i < WATCH_PUBLIC && i < w->public_count; i++) {
        struct span known = buf_span(&w->publics[i]);
        if (known.len >= payload.len &&
            memmem(known.data, known.len, payload.data, payload.len) != NULL) {
            return true;
        }
    }
    return false;
}

/* How far the packet and the message agree around a window; true when far enough. */
static bool extend(struct span packet, size_t at, struct span message, size_t offset,
                   struct watch_finding *ret)
{
    size_t before = 0;
    while (before < at && before < offset &&
           packet.data[at - before - 1] == message.data[offset - before - 1]) {
        before++;
    }
    size_t after = 0;
    while (at + after < packet.len && offset + after < message.len &&
           packet.data[at + after] == message.data[offset + after]) {
        after++;
    }
    ret->packet_offset = at - before;
    ret->message_offset = offset - before;
    ret->bytes = before + after;
    return ret->bytes >= WATCH_MATCH_BYTES;
}

bool watch_search(struct watch *w, struct span packet, size_t payload_offset,
                  struct watch_finding *ret)
{
    w->searched += packet.len;
    if (w->window_count == 0 || payload_offset > packet.len) {
        return false;
    }
    struct span payload = span_of(packet.data + payload_offset, packet.len - payload_offset);
    if (is_public(w, payload)) {
        return false;
    }
    for (size_t at = 0; at + WATCH_WINDOW_BYTES <= packet.len; at++) {
        uint64_t key = load(packet.data + at);
        for (size_t i = slot_of(key, w->window_capacity); w->windows[i].owner != 0;
             i = (i + 1) & (w->window_capacity - 1)) {
            const struct window *window = &w->windows[i];
            if (window->key != key) {
                continue;
            }
            const struct secret *secret = &w->secrets[(window->owner - 1) % WATCH_SECRETS];
            if (!stale(w, window) &&
                extend(packet, at, buf_span(&secret->bytes), window->offset, ret)) {
                ret->message_id = secret->message_id;
                ret->hop_number = secret->hop_number;
                return true;
            }
            break;
        }
    }
    return false;
}

uint64_t watch_bytes(const struct watch *w)
{
    return w->searched;
}
