#include "sim/world/watch.h"

#include <stdlib.h>
#include <string.h>

/* A message that was sealed. */
struct secret {
    uint64_t message_id;
    uint32_t hop_number;
    uint32_t every; /* octets from one window to the next */
    size_t len;
    bool settled;
    bool inner;                             /* sealed by itself, in a datagram that is public */
    uint64_t named[WATCH_WINDOWS_MAX / 64]; /* windows that hold a name, by bits: not looked for */
    uint8_t bytes[];
};

/* Three bits for each window in a Bloom filter. Nearly all octets of a packet end at the first;
 * what passes all three is compared with the windows themselves, one after the other: that happens
 * once in some thousand octets. Where tens of thousands of links are watched, what a link keeps has
 * to be small, and a search must stay within the cache. */
enum { FILTER_LOG2_LEAST = 12, BITS_A_WINDOW = 16, WORD_BITS = 64 };

struct watch {
    struct span urns[2];
    struct secret **secrets; /* in order of sealing */
    size_t secret_count, secret_capacity;
    struct buf *publics; /* the newest WATCH_PUBLIC, used in turn */
    size_t public_count; /* ever */
    size_t public_slots, public_capacity;
    uint64_t *filter; /* NULL before the first secret */
    uint32_t filter_log2;
    size_t window_count; /* in the filter */
    size_t inner_count;  /* of the secrets */
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
    free(w->filter);
    free(w);
}

/* --- the filter
 * ------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const uint8_t *at)
{
    uint64_t key;
    memcpy(&key, at, sizeof(key));
    return key * UINT64_C(0x9e3779b97f4a7c15);
}

/* The three bits of a hash: its top, and what follows. */
static void bits_of(uint64_t hash, uint32_t log2, uint64_t bits[3])
{
    uint32_t shift = WORD_BITS - log2;
    bits[0] = hash >> shift;
    bits[1] = hash << log2 >> shift;
    bits[2] = hash << log2 << log2 >> shift;
}

static bool is_set(const uint64_t *filter, uint64_t bit)
{
    return (filter[bit / WORD_BITS] >> (bit % WORD_BITS) & 1) != 0;
}

static bool may_match(const uint64_t *filter, uint32_t log2, uint64_t hash)
{
    uint64_t bits[3];
    bits_of(hash, log2, bits);
    return is_set(filter, bits[0]) && is_set(filter, bits[1]) && is_set(filter, bits[2]);
}

static size_t windows_of(const struct secret *s)
{
    return s->len < WATCH_WINDOW_BYTES ? 0 : (s->len - WATCH_WINDOW_BYTES) / s->every + 1;
}

static bool is_named(const struct secret *s, size_t window)
{
    return (s->named[window / WORD_BITS] >> (window % WORD_BITS) & 1) != 0;
}

static void filter_add(struct watch *w, const struct secret *s)
{
    size_t count = windows_of(s);
    const uint8_t *at = s->bytes;
    uint64_t *filter = w->filter;
    for (size_t i = 0; i < count; i++, at += s->every) {
        if (!is_named(s, i)) {
            uint64_t bits[3];
            bits_of(hash_of(at), w->filter_log2, bits);
            filter[bits[0] / WORD_BITS] |= UINT64_C(1) << (bits[0] % WORD_BITS);
            filter[bits[1] / WORD_BITS] |= UINT64_C(1) << (bits[1] % WORD_BITS);
            filter[bits[2] / WORD_BITS] |= UINT64_C(1) << (bits[2] % WORD_BITS);
        }
    }
    w->window_count += count;
}

/* Drops the secrets that need not be looked for any more. */
static void forget(struct watch *w)
{
    size_t stay = 0;
    w->window_count = 0;
    for (size_t i = 0; i < w->secret_count; i++) {
        struct secret *s = w->secrets[i];
        if (s->settled) {
            w->inner_count -= s->inner;
            free(s);
        } else {
            w->window_count += windows_of(s);
            w->secrets[stay++] = s;
        }
    }
    w->secret_count = stay;
}

/* Makes room for `more` windows: forgets what is settled, then grows or shrinks as what stays needs
 * it. */
static void make_room(struct watch *w, size_t more)
{
    size_t bits = w->filter != NULL ? (size_t)1 << w->filter_log2 : 0;
    if ((w->window_count + more) * BITS_A_WINDOW <= bits) {
        return;
    }
    forget(w);
    uint32_t log2 = FILTER_LOG2_LEAST;
    while ((w->window_count + more) * 2 * BITS_A_WINDOW > (size_t)1 << log2) {
        log2++;
    }
    if (w->filter == NULL || log2 != w->filter_log2) {
        free(w->filter);
        w->filter_log2 = log2;
        w->filter = mem_calloc(((size_t)1 << log2) / WORD_BITS, sizeof(*w->filter));
    } else {
        memset(w->filter, 0, ((size_t)1 << log2) / 8);
    }
    w->window_count = 0;
    for (size_t i = 0; i < w->secret_count; i++) {
        filter_add(w, w->secrets[i]);
    }
}

/* --- what is looked for
 * ------------------------------------------------------------------------------------------- */

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

static void name_windows(struct secret *s, size_t offset, size_t len)
{
    size_t count = windows_of(s);
    size_t first = offset < WATCH_WINDOW_BYTES ? 0 : (offset - WATCH_WINDOW_BYTES) / s->every;
    for (size_t i = first; i < count && i * s->every < offset + len; i++) {
        if (i * s->every + WATCH_WINDOW_BYTES > offset) {
            s->named[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
        }
    }
}

static void look_for(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span message,
                     bool inner)
{
    struct secret *secret = mem_alloc(sizeof(*secret) + message.len);
    secret->message_id = message_id;
    secret->hop_number = hop_number;
    secret->len = message.len;
    secret->inner = inner;
    w->inner_count += inner;
    secret->every = WATCH_WINDOW_EVERY;
    if (windows_of(secret) > WATCH_WINDOWS_MAX) {
        secret->every = (uint32_t)((message.len - WATCH_WINDOW_BYTES) / WATCH_WINDOWS_MAX + 1);
        secret->every += secret->every % WATCH_OFFSET_EVERY == 0; /* no common factor */
    }
    memcpy(secret->bytes, message.data, message.len);
    size_t offsets[NAMES_MAX];
    size_t lengths[NAMES_MAX];
    size_t names = find_names(w, message, offsets, lengths);
    for (size_t i = 0; i < names; i++) {
        name_windows(secret, offsets[i], lengths[i]);
    }
    make_room(w, windows_of(secret));
    *MEM_PUSH(w->secrets, w->secret_count, w->secret_capacity) = secret;
    filter_add(w, secret);
}

void watch_secret(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span message)
{
    look_for(w, message_id, hop_number, message, false);
}

void watch_inner(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span octets)
{
    look_for(w, message_id, hop_number, octets, true);
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

/* The newest secret that has the octets at `at` of the packet in a window which is part of a long
 * enough match. */
static const struct secret *match(const struct watch *w, struct span packet, size_t at,
                                  bool inner_only, struct watch_finding *ret)
{
    for (size_t k = w->secret_count; k > 0; k--) {
        const struct secret *s = w->secrets[k - 1];
        size_t count = inner_only && !s->inner ? 0 : windows_of(s);
        for (size_t i = 0; i < count; i++) {
            size_t offset = i * s->every;
            if (memcmp(s->bytes + offset, packet.data + at, WATCH_WINDOW_BYTES) == 0 &&
                !is_named(s, i) && extend(packet, at, span_of(s->bytes, s->len), offset, ret)) {
                return s;
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
    bool open = is_public(w, payload);
    if (open && w->inner_count == 0) {
        return false;
    }
    const uint64_t *filter = w->filter;
    const uint32_t log2 = w->filter_log2;
    for (size_t at = 0; at + WATCH_WINDOW_BYTES <= packet.len; at += WATCH_OFFSET_EVERY) {
        bool maybe = may_match(filter, log2, hash_of(packet.data + at));
        const struct secret *secret = maybe ? match(w, packet, at, open, ret) : NULL;
        if (secret != NULL) {
            ret->message_id = secret->message_id;
            ret->hop_number = secret->hop_number;
            return true;
        }
    }
    return false;
}

void watch_fetch(const struct watch *w, bool whole)
{
    enum { LINE = 64, LINES_MOST = 16 };
    if (w == NULL) {
        return;
    }
    if (!whole) {
        __builtin_prefetch(w);
        __builtin_prefetch((const char *)w + LINE);
        return;
    }
    const char *filter = (const char *)w->filter;
    size_t lines = filter != NULL ? ((size_t)1 << w->filter_log2) / 8 / LINE : 0;
    for (size_t i = 0; i < lines && i < LINES_MOST; i++) {
        __builtin_prefetch(filter + i * LINE);
    }
    __builtin_prefetch(w->secrets);
}

uint64_t watch_bytes(const struct watch *w)
{
    return w->searched;
}
