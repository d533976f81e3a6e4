/* What passes on the links, looked through behind the event loop's back: digests of packets and the
 * search for plaintext take a sixth of what a message costs, and nothing waits for them.
 *
 * The loop notes what was seen and which messages were sealed, in order, in a batch of octets; a
 * full batch becomes a job, and the loop fills the other one. Batches are looked through one after
 * the other, so that what is found does not depend on workers; it is reported by the loop, in
 * order. */
#include "sim/world/observe.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world/report.h"

enum { BATCH_BYTES = 256 * 1024 };

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
    struct wire *wire;
    uint64_t packet;
    sim_time at;
    struct watch_finding finding;
};

struct observer {
    struct jobs *jobs;
    struct job job;
    bool submitted;
    struct buf filling;
    struct buf working; /* the job's, while it is submitted */
    struct found *found;
    size_t found_count, found_capacity;
};

struct observer *observe_create(struct jobs *jobs)
{
    struct observer *o = mem_alloc(sizeof(*o));
    o->jobs = jobs;
    return o;
}

/* --- the job
 * ------------------------------------------------------------------------------------------- */

static void look(struct observer *o, const struct note *n, struct span packet)
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
        struct found *f = MEM_PUSH(o->found, o->found_count, o->found_capacity);
        *f = (struct found){.wire = n->wire, .packet = n->packet, .at = n->at, .finding = finding};
    }
}

/* The notes of a batch are of thousands of links in turn: what they lead to is fetched into the
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

static void work(void *arg)
{
    enum { FAR = 4, NEAR = 2 };
    struct observer *o = arg;
    struct span rest = buf_span(&o->working);
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
            look(o, &n, octets);
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

/* The last batch is looked through and what was found in it reported. */
static void collect(struct observer *o)
{
    if (!o->submitted) {
        return;
    }
    jobs_wait(o->jobs, &o->job);
    o->submitted = false;
    buf_clear(&o->working);
    for (size_t i = 0; i < o->found_count; i++) {
        const struct found *f = &o->found[i];
        report_finding(f->wire, f->packet, f->at, &f->finding);
    }
    o->found_count = 0;
}

static void hand_over(struct observer *o)
{
    collect(o);
    buf_move(&o->working, &o->filling);
    o->job = (struct job){.run = work, .arg = o};
    o->submitted = true;
    jobs_submit(o->jobs, &o->job);
}

static void take_down(struct observer *o, struct note *n, struct span octets)
{
    n->len = octets.len;
    uint8_t *to = buf_reserve(&o->filling, sizeof(*n) + octets.len);
    memcpy(to, n, sizeof(*n));
    if (octets.len > 0) {
        memcpy(to + sizeof(*n), octets.data, octets.len);
    }
    buf_commit(&o->filling, sizeof(*n) + octets.len);
    if (buf_len(&o->filling) >= BATCH_BYTES) {
        hand_over(o);
    }
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
    hand_over(o);
    collect(o);
}

void observe_free(struct observer *o)
{
    if (o == NULL) {
        return;
    }
    if (o->submitted) {
        jobs_wait(o->jobs, &o->job);
    }
    buf_fini(&o->filling);
    buf_fini(&o->working);
    free(o->found);
    free(o);
}
