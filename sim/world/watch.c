#include "sim/world/watch.h"

#include <stdlib.h>
#include <string.h>

/* A message that was sealed. */
struct secret {
    uint64_t message_id;
    uint32_t hop_number;
    uint32_t step; /* every how manieth window is looked for */
    size_t len;
    bool settled;
    uint8_t bytes[];
};

/* A window of a secret, 8 octets a slot: where tens of thousands of links are watched, what a link
 * keeps has to be small, and a search must stay within the cache. */
struct window {
    uint32_t tag;     /* upper half of the hash of its octets */
    uint16_t secret;  /* index from 1; 0: no window */
    uint16_t ordinal; /* offset in the secret / WATCH_WINDOW_BYTES / step */
};

struct watch {
    struct span urns[2];
    struct secret **secrets; /* in order of sealing */
    size_t secret_count, secret_capacity;
    struct buf *publics; /* the newest WATCH_PUBLIC, used in turn */
    size_t public_count; /* ever */
    size_t public_slots, public_capacity;
    struct window *windows; /* open addressing */
    size_t window_count, window_capacity;
    /* One bit for each window, by its hash: most octets of a packet end here, without a guess of
     * the processor's that goes wrong. */
    uint64_t filter[WATCH_FILTER_BITS / 64];
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
    for (size_t i = 0; i < w->secret_count; i++) {
        free(w->secrets[i]);
    }
    for (size_t i = 0; i < w->public_slots; i++) {
        buf_fini(&w->publics[i]);
    }
    free(w->secrets);
    free(w->publics);
    free(w->windows);
    free(w);
}

static uint32_t tag_of(const uint8_t *at)
{
    uint64_t key;
    memcpy(&key, at, sizeof(key));
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static size_t offset_of(const struct watch *w, const struct window *window)
{
    return (size_t)window->ordinal * w->secrets[window->secret - 1]->step * WATCH_WINDOW_BYTES;
}

static const uint8_t *octets_of(const struct watch *w, const struct window *window)
{
    return w->secrets[window->secret - 1]->bytes + offset_of(w, window);
}

static bool may_match(const struct watch *w, uint32_t tag)
{
    uint32_t bit = tag % WATCH_FILTER_BITS;
    return (w->filter[bit / 64] >> (bit % 64) & 1) != 0;
}

/* Of equal windows the newest message's stays. */
static void place(struct watch *w, const struct window *window)
{
    uint32_t bit = window->tag % WATCH_FILTER_BITS;
    w->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    size_t i = window->tag & (w->window_capacity - 1);
    while (w->windows[i].secret != 0 &&
           (w->windows[i].tag != window->tag ||
            memcmp(octets_of(w, &w->windows[i]), octets_of(w, window), WATCH_WINDOW_BYTES) != 0)) {
        i = (i + 1) & (w->window_capacity - 1);
    }
    w->window_count += w->windows[i].secret == 0;
    w->windows[i] = *window;
}

/* How many of the oldest secrets need not be looked for any more. */
static size_t forgettable(const struct watch *w)
{
    size_t count = 0;
    while (count < w->secret_count && w->secrets[count]->settled) {
        count++;
    }
    return count;
}

/* Makes room for `more` windows: forgets what is settled, then grows or shrinks as what stays needs
 * it. */
static void make_room(struct watch *w, size_t more)
{
    if ((w->window_count + more) * 2 <= w->window_capacity) {
        return;
    }
    size_t gone = forgettable(w);
    memset(w->filter, 0, sizeof(w->filter));
    if (gone == w->secret_count && more * 2 <= w->window_capacity) {
        for (size_t i = 0; i < gone; i++) {
            free(w->secrets[i]);
        }
        w->secret_count = w->window_count = 0;
        memset(w->windows, 0, w->window_capacity * sizeof(*w->windows));
        return;
    }
    struct window *old = w->windows;
    size_t old_capacity = w->window_capacity;
    size_t stay = 0;
    for (size_t i = 0; i < old_capacity; i++) {
        stay += old[i].secret > gone;
    }
    for (size_t i = 0; i < gone; i++) {
        free(w->secrets[i]);
    }
    w->secret_count -= gone;
    if (gone > 0) {
        memmove(w->secrets, w->secrets + gone, w->secret_count * sizeof(*w->secrets));
    }
    w->window_capacity = WATCH_SLOTS_LEAST;
    while (w->window_capacity < (stay + more) * 2) {
        w->window_capacity *= 2;
    }
    w->windows = mem_calloc(w->window_capacity, sizeof(*w->windows));
    w->window_count = 0;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].secret > gone) {
            old[i].secret = (uint16_t)(old[i].secret - gone);
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
    size_t windows = message.len / WATCH_WINDOW_BYTES;
    size_t step = 1 + (windows > 0 ? windows - 1 : 0) / WATCH_WINDOWS_MAX;
    make_room(w, windows / step + 1);
    if (w->secret_count == UINT16_MAX) { /* that many under way: the oldest have to go */
        w->secrets[0]->settled = true;
        make_room(w, w->window_capacity / 2 + 1);
    }
    struct secret *secret = mem_alloc(sizeof(*secret) + message.len);
    secret->message_id = message_id;
    secret->hop_number = hop_number;
    secret->step = (uint32_t)step;
    secret->len = message.len;
    memcpy(secret->bytes, message.data, message.len);
    *MEM_PUSH(w->secrets, w->secret_count, w->secret_capacity) = secret;
    size_t offsets[NAMES_MAX];
    size_t lengths[NAMES_MAX];
    size_t names = find_names(w, message, offsets, lengths);
    for (size_t i = 0; i * step < windows; i++) {
        size_t offset = i * step * WATCH_WINDOW_BYTES;
        bool name = false;
        for (size_t k = 0; k < names; k++) {
            name = name ||
                   (offset < offsets[k] + lengths[k] && offsets[k] < offset + WATCH_WINDOW_BYTES);
        }
        if (!name) {
            place(w, &(struct window){.tag = tag_of(secret->bytes + offset),
                                      .secret = (uint16_t)w->secret_count,
                                      .ordinal = (uint16_t)i});
        }
    }
}

void watch_settle(struct watch *w, uint64_t message_id, uint32_t hop_number)
{
    for (size_t i = 0; i < w->secret_count; i++) {
        struct secret *secret = w->secrets[i];
        if (!secret->settled && secret->message_id == message_id &&
            secret->hop_number == hop_number) {
            secret->settled = true;
            return;
        }
    }
}

void watch_public(struct watch *w, struct span datagram)
{
    if (w->public_slots < WATCH_PUBLIC) {
        *MEM_PUSH(w->publics, w->public_slots, w->public_capacity) = (struct buf){0};
    }
    struct buf *slot = &w->publics[w->public_count++ % WATCH_PUBLIC];
    buf_clear(slot);
    buf_append(slot, datagram);
}

static bool is_public(const struct watch *w, struct span payload)
{
    if (payload.len == 0) {
        return true;
    }
    for (size_t i = 0; i < w->public_slots; i++) {
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

/* The window at `at` of the packet, when a secret has one that is part of a long enough match. */
static const struct secret *match(const struct watch *w, struct span packet, size_t at,
                                  uint32_t tag, struct watch_finding *ret)
{
    for (size_t i = tag & (w->window_capacity - 1); w->windows[i].secret != 0;
         i = (i + 1) & (w->window_capacity - 1)) {
        const struct window *window = &w->windows[i];
        if (window->tag == tag) {
            const struct secret *secret = w->secrets[window->secret - 1];
            if (extend(packet, at, span_of(secret->bytes, secret->len), offset_of(w, window),
                       ret)) {
                return secret;
            }
        }
    }
    return NULL;
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
        uint32_t tag = tag_of(packet.data + at);
        const struct secret *secret = may_match(w, tag) ? match(w, packet, at, tag, ret) : NULL;
        if (secret != NULL) {
            ret->message_id = secret->message_id;
            ret->hop_number = secret->hop_number;
            return true;
        }
    }
    return false;
}

uint64_t watch_bytes(const struct watch *w)
{
    return w->searched;
}
