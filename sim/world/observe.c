/* What passes on the links, looked through behind the event loop's back: digests of packets and the
 * search for plaintext take a sixth of what a message costs, and nothing waits for them.
 *
 * The loop notes what was seen and which messages were sealed, in order, in blocks of octets; a
 * thread of its own looks through them. What it finds the loop reports when that block is surely
 * done, however slow the thread is, so that rows do not depend on it. */
#include "sim/world/observe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/blocks.h"
#include "sim/world/report.h"

enum note_kind { NOTE_PACKET, NOTE_SECRET, NOTE_INNER, NOTE_SETTLED, NOTE_PUBLIC };

/* In a batch, before its `len` octets. */
struct note {
    enum note_kind kind;
    uint32_t hop_number;
    size_t len;
    struct watch *watch; /* NULL: a packet of nobody's */
    uint64_t message_id;
    struct wire *wire;
    uint64_t packet;
    sim_time at;
    size_t payload_offset;
    int direction;
};

struct found {
    uint64_t block;
    struct wire *wire;
    uint64_t packet;
    sim_time at;
    struct watch_finding finding;
};

struct observer {
    struct blocks *blocks;
    pthread_mutex_t lock;
    struct found *found; /* the lock's, in the order of blocks */
    atomic_size_t found_count;
    size_t found_capacity;
};

/* --- the thread
 * ------------------------------------------------------------------------------------------- */

static void keep(struct observer *o, const struct found *f)
{
    pthread_mutex_lock(&o->lock);
    size_t count = atomic_load(&o->found_count);
    *MEM_PUSH(o->found, count, o->found_capacity) = *f;
    atomic_store(&o->found_count, count);
    pthread_mutex_unlock(&o->lock);
}

static void look(struct observer *o, uint64_t block, const struct note *n, struct span packet)
{
    uint64_t stamp[2] = {(uint64_t)n->at, (uint64_t)n->direction};
    uint64_t hash = span_digest(n->wire->wire_hash, span_of(stamp, sizeof(stamp)));
    n->wire->wire_hash = span_digest(hash, packet);
    if (n->watch == NULL) {
        return;
    }
    struct watch_finding finding;
    n->wire->watched_bytes += packet.len;
    if (watch_search(n->watch, packet, n->payload_offset, &finding)) {
        const struct found f = {
            .block = block, .wire = n->wire, .packet = n->packet, .at = n->at, .finding = finding};
        keep(o, &f);
    }
}

/* The notes of a block are of thousands of links in turn: what they lead to is fetched into the
 * cache some notes before. False: there are no more. */
static bool look_ahead(struct span *rest, struct note *n)
{
    struct span head;
    struct span octets;
    if (!span_take(rest, sizeof(*n), &head)) {
        return false;
    }
    memcpy(n, head.data, sizeof(*n));
    return span_take(rest, n->len, &octets);
}

static void work(void *arg, uint64_t block, struct span rest)
{
    enum { FAR = 4, NEAR = 2 };
    struct observer *o = arg;
    struct span far = rest;
    struct span near = rest;
    for (size_t i = 0; rest.len > 0; i++) {
        struct note later;
        if (look_ahead(&far, &later)) {
            __builtin_prefetch(later.wire);
            watch_fetch(later.watch, false);
        }
        if (i >= FAR - NEAR && look_ahead(&near, &later)) {
            watch_fetch(later.watch, true);
        }
        if (i < FAR) {
            continue;
        }
        struct note n;
        struct span head;
        struct span octets;
        CHECK(span_take(&rest, sizeof(n), &head));
        memcpy(&n, head.data, sizeof(n));
        CHECK(span_take(&rest, n.len, &octets));
        switch (n.kind) {
        case NOTE_PACKET:
            look(o, block, &n, octets);
            break;
        case NOTE_SECRET:
            watch_secret(n.watch, n.message_id, n.hop_number, octets);
            break;
        case NOTE_INNER:
            watch_inner(n.watch, n.message_id, n.hop_number, octets);
            break;
        case NOTE_SETTLED:
            watch_settle(n.watch, n.message_id, n.hop_number);
            break;
        case NOTE_PUBLIC:
            watch_public(n.watch, octets);
            break;
        }
    }
}

/* --- the event loop's side
 * ------------------------------------------------------------------------------------------- */

/* What was found in the blocks before this one. */
static void report(struct observer *o, uint64_t block)
{
    if (atomic_load_explicit(&o->found_count, memory_order_relaxed) == 0) {
        return;
    }
    pthread_mutex_lock(&o->lock);
    size_t count = atomic_load(&o->found_count);
    size_t done = 0;
    while (done < count && o->found[done].block < block) {
        const struct found *f = &o->found[done++];
        report_finding(f->wire, f->packet, f->at, &f->finding);
    }
    memmove(o->found, o->found + done, (count - done) * sizeof(*o->found));
    atomic_store(&o->found_count, count - done);
    pthread_mutex_unlock(&o->lock);
}

static void take_down(struct observer *o, struct note *n, struct span octets)
{
    struct buf *block = blocks_current(o->blocks);
    n->len = octets.len;
    uint8_t *to = buf_reserve(block, sizeof(*n) + octets.len);
    memcpy(to, n, sizeof(*n));
    if (octets.len > 0) {
        memcpy(to + sizeof(*n), octets.data, octets.len);
    }
    buf_commit(block, sizeof(*n) + octets.len);
    if (blocks_advance(o->blocks)) {
        report(o, blocks_done(o->blocks));
    }
}

int observe_create(struct observer **ret)
{
    struct observer *o = mem_alloc(sizeof(*o));
    pthread_mutex_init(&o->lock, NULL);
    int r = blocks_create(work, o, &o->blocks);
    if (r < 0) {
        observe_free(o);
        return r;
    }
    *ret = o;
    return 0;
}

void observe_packet(struct wire *wire, const struct hop *hop, const struct net_packet *packet,
                    size_t payload_offset)
{
    struct note n = {.kind = NOTE_PACKET,
                     .watch = hop != NULL ? hop->watch : NULL,
                     .wire = wire,
                     .packet = packet->number,
                     .at = packet->at,
                     .direction = packet->direction,
                     .payload_offset = payload_offset};
    take_down(wire->world->observer, &n, span_of(packet->data, packet->len));
}

void observe_secret(const struct hop *hop, uint64_t message_id, uint32_t hop_number,
                    struct span message)
{
    struct note n = {.kind = NOTE_SECRET,
                     .watch = hop->watch,
                     .message_id = message_id,
                     .hop_number = hop_number};
    take_down(hop->world->observer, &n, message);
}

void observe_inner(const struct hop *hop, uint64_t message_id, uint32_t hop_number,
                   struct span secret)
{
    struct note n = {.kind = NOTE_INNER,
                     .watch = hop->watch,
                     .message_id = message_id,
                     .hop_number = hop_number};
    take_down(hop->world->observer, &n, secret);
}

void observe_settled(const struct hop *hop, uint64_t message_id, uint32_t hop_number)
{
    struct note n = {.kind = NOTE_SETTLED,
                     .watch = hop->watch,
                     .message_id = message_id,
                     .hop_number = hop_number};
    take_down(hop->world->observer, &n, span_of(NULL, 0));
}

void observe_public(const struct hop *hop, struct span datagram)
{
    struct note n = {.kind = NOTE_PUBLIC, .watch = hop->watch};
    take_down(hop->world->observer, &n, datagram);
}

void observe_flush(struct observer *o)
{
    blocks_drain(o->blocks);
    report(o, UINT64_MAX);
}

void observe_free(struct observer *o)
{
    if (o == NULL) {
        return;
    }
    blocks_free(o->blocks);
    pthread_mutex_destroy(&o->lock);
    free(o->found);
    free(o);
}
