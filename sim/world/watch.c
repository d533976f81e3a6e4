#include "sim/world/watch.h"

#include <stdlib.h>
#include <string.h>

/* A message that was sealed. */
struct secret {
    uint64_t message_id;
    uint32_t hop_number;
    uint32_t every; /* octets from one window to the next */
    size_t windows;
    size_t len;
    bool settled;
    bool inner;      /* sealed by itself, in a datagram that is public */
    uint64_t *named; /* windows that hold a name, by bits: not looked for; in one block with */
    uint8_t *tags;   /* eight bits of each window's hash, in whole words, and */
    uint8_t *bytes;  /* the octets */
};

/* Three bits for each window, in one word of a Bloom filter. Nearly all octets of a packet end at
 * the first; what passes all three is compared with the tags of all windows, eight at a time, and
 * with a window where its tag is the same: that happens once in some thousand octets. Where tens of
 * thousands of links are watched, what a link keeps has to be small, and a search must stay within
 * the cache. */
enum { FILTER_LOG2_LEAST = 12, BITS_A_WINDOW = 16, WORD_BITS = 64, WORD_LOG2 = 6, TAGS = 8 };

struct watch {
    struct span urns[2];
    struct secret *secrets; /* in order of sealing */
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
        free(w->secrets[i].named);
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

/* The word of a hash is its top. */
static uint32_t word_shift(const struct watch *w)
{
    return WORD_BITS - w->filter_log2 + WORD_LOG2;
}

/* The bits of a hash in its word: six of its own for each. Its tag: eight more. */
enum { BIT_A = 44, BIT_B = 38, BIT_C = 32, TAG = 24 };

static uint64_t bit(uint64_t hash, uint32_t which)
{
    return UINT64_C(1) << (hash >> which) % WORD_BITS;
}

static bool has(uint64_t word, uint64_t hash, uint32_t which)
{
    return (word >> (hash >> which) % WORD_BITS & 1) != 0;
}

static size_t windows_of(size_t len, uint32_t every)
{
    return len < WATCH_WINDOW_BYTES ? 0 : (len - WATCH_WINDOW_BYTES) / every + 1;
}

static bool is_named(const struct secret *s, size_t window)
{
    return (s->named[window / WORD_BITS] >> (window % WORD_BITS) & 1) != 0;
}

static void filter_add(struct watch *w, const struct secret *s)
{
    size_t count = s->windows;
    const uint8_t *at = s->bytes;
    uint64_t *filter = w->filter;
    const uint32_t shift = word_shift(w);
    const uint32_t every = s->every;
    uint64_t named = 0;
    for (size_t i = 0; i < count; i++, at += every, named >>= 1) {
        named = i % WORD_BITS == 0 ? s->named[i / WORD_BITS] : named;
        if ((named & 1) == 0) {
            uint64_t hash = hash_of(at);
            uint64_t word = filter[hash >> shift];
            word |= bit(hash, BIT_A);
            word |= bit(hash, BIT_B);
            word |= bit(hash, BIT_C);
            filter[hash >> shift] = word;
            s->tags[i] = (uint8_t)(hash >> TAG);
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
        struct secret *s = &w->secrets[i];
        if (s->settled) {
            w->inner_count -= s->inner;
            free(s->named);
        } else {
            w->window_count += s->windows;
            w->secrets[stay++] = *s;
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
        filter_add(w, &w->secrets[i]);
    }
}

/* --- what is looked for
 * ------------------------------------------------------------------------------------------- */

static void name_windows(struct secret *s, size_t offset, size_t len)
{
    size_t count = s->windows;
    size_t first = offset < WATCH_WINDOW_BYTES ? 0 : (offset - WATCH_WINDOW_BYTES) / s->every;
    for (size_t i = first; i < count && i * s->every < offset + len; i++) {
        if (i * s->every + WATCH_WINDOW_BYTES > offset) {
            s->named[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
        }
    }
}

static bool begins_with(struct span octets, struct span name)
{
    return octets.len >= name.len && memcmp(octets.data, name.data, name.len) == 0;
}

/* Marks the windows that hold names which certificates show. Names are found by the first colon of
 * "urn:uuid:", which few other octets of a message are. */
static void find_names(const struct watch *w, struct secret *s)
{
    enum { COLON = 3 };
    size_t from = COLON;
    const uint8_t *hit;
    while (from < s->len && (hit = memchr(s->bytes + from, ':', s->len - from)) != NULL) {
        size_t at = (size_t)(hit - s->bytes) - COLON;
        from = at + COLON + 1;
        for (size_t k = 0; k < SIM_ARRAY_LEN(w->urns); k++) {
            if (begins_with(span_of(s->bytes + at, s->len - at), w->urns[k])) {
                name_windows(s, at, w->urns[k].len);
                from = at + w->urns[k].len + COLON;
                break;
            }
        }
    }
}

static void look_for(struct watch *w, uint64_t message_id, uint32_t hop_number, struct span message,
                     bool inner)
{
    uint32_t every = WATCH_WINDOW_EVERY;
    if (windows_of(message.len, every) > WATCH_WINDOWS_MAX) {
        every = (uint32_t)((message.len - WATCH_WINDOW_BYTES) / WATCH_WINDOWS_MAX + 1);
        every += every % WATCH_OFFSET_EVERY == 0; /* no common factor */
    }
    size_t windows = windows_of(message.len, every);
    size_t words = (windows + WORD_BITS - 1) / WORD_BITS;
    size_t tag_words = (windows + TAGS - 1) / TAGS;
    size_t head = (words + tag_words) * sizeof(uint64_t);
    uint64_t *named = mem_realloc(NULL, head + message.len); /* not cleared */
    memset(named, 0, head);
    if (message.len > 0) {
        memcpy((uint8_t *)named + head, message.data, message.len);
    }
    struct secret secret = {.message_id = message_id,
                            .hop_number = hop_number,
                            .every = every,
                            .windows = windows,
                            .len = message.len,
                            .inner = inner,
                            .named = named,
                            .tags = (uint8_t *)(named + words),
                            .bytes = (uint8_t *)named + head};
    find_names(w, &secret);
    make_room(w, windows);
    w->inner_count += inner;
    *MEM_PUSH(w->secrets, w->secret_count, w->secret_capacity) = secret;
    filter_add(w, &secret);
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
        struct secret *secret = &w->secrets[i];
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

/* Which of eight tags are `tag`, by the top bits of their octets. Those above the first may be
 * wrong. */
static uint64_t same_tags(const uint8_t *tags, uint8_t tag)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t eight;
    memcpy(&eight, tags, sizeof(eight));
    eight ^= each * tag;
    return (eight - each) & ~eight & each << 7;
}

/* The newest secret that has the octets at `at` of the packet in a window which is part of a long
 * enough match. */
static __attribute__((noinline)) const struct secret *match(const struct watch *w,
                                                            struct span packet, size_t at,
                                                            bool inner_only,
                                                            struct watch_finding *ret)
{
    uint8_t tag = (uint8_t)(hash_of(packet.data + at) >> TAG);
    for (size_t k = w->secret_count; k > 0; k--) {
        const struct secret *s = &w->secrets[k - 1];
        size_t count = inner_only && !s->inner ? 0 : s->windows;
        for (size_t first = 0; first < count; first += TAGS) {
            for (uint64_t same = same_tags(s->tags + first, tag); same != 0; same &= same - 1) {
                size_t i = first + (size_t)__builtin_ctzll(same) / 8;
                size_t offset = i * s->every;
                if (i < count && !is_named(s, i) &&
                    memcmp(s->bytes + offset, packet.data + at, WATCH_WINDOW_BYTES) == 0 &&
                    extend(packet, at, span_of(s->bytes, s->len), offset, ret)) {
                    return s;
                }
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
    const uint32_t shift = word_shift(w);
    for (size_t at = 0; at + WATCH_WINDOW_BYTES <= packet.len; at += WATCH_OFFSET_EVERY) {
        uint64_t hash = hash_of(packet.data + at);
        uint64_t word = filter[hash >> shift];
        if (!has(word, hash, BIT_A) || !has(word, hash, BIT_B) || !has(word, hash, BIT_C)) {
            continue;
        }
        const struct secret *secret = match(w, packet, at, open, ret);
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
