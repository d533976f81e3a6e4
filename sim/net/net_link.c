#include "sim/net/net_link.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/net/net_packet.h"

static bool is_probability(double p)
{
    return isfinite(p) && p >= 0.0 && p <= 1.0;
}

int link_check_params(const struct net_link_params *p)
{
    const sim_time longest = 3600 * SIM_S;
    const uint64_t fastest = UINT64_C(1000000000000);
    bool times = p->delay >= 0 && p->delay <= longest && p->jitter >= 0 && p->jitter <= longest;
    bool sizes = p->mtu_bytes >= 68 && p->mtu_bytes <= UINT16_MAX && p->frame_bytes <= UINT16_MAX &&
                 p->overhead_bytes <= UINT16_MAX && p->queue_packets > 0;
    bool rate = p->rate_bps > 0 && p->rate_bps <= fastest;
    if (p->name == NULL || !times || !sizes || !rate) {
        return -SIM_EINVAL;
    }
    const struct net_loss *l = &p->loss;
    bool ok = false;
    switch (l->model) {
    case NET_LOSS_NONE:
        ok = true;
        break;
    case NET_LOSS_RANDOM:
        ok = is_probability(l->rate);
        break;
    case NET_LOSS_GILBERT_ELLIOTT:
        ok = is_probability(l->enter) && is_probability(l->leave) && is_probability(l->rate_good) &&
             is_probability(l->rate_bad);
        break;
    }
    return ok ? 0 : -SIM_EINVAL;
}

struct link *link_create(uint64_t seed, net_link id, net_node a, net_node b,
                         const struct net_link_params *params)
{
    static const char *const jitter[2] = {"jitter a to b", "jitter b to a"};
    static const char *const loss[2] = {"loss a to b", "loss b to a"};
    struct link *l = mem_alloc(sizeof(*l));
    l->id = id;
    l->ends[0] = a;
    l->ends[1] = b;
    l->params = *params;
    l->params.name = mem_strdup(params->name);
    l->up = true;
    for (int d = 0; d < 2; d++) {
        rng_init(&l->directions[d].jitter, seed, params->name, jitter[d]);
        rng_init(&l->directions[d].loss, seed, params->name, loss[d]);
    }
    return l;
}

void link_free(struct link *l)
{
    if (l == NULL) {
        return;
    }
    free((void *)(uintptr_t)l->params.name);
    free(l->taps);
    free(l->new_taps);
    free(l);
}

uint32_t link_frames(const struct link *l, size_t packet_bytes)
{
    uint32_t frame = l->params.frame_bytes;
    if (frame == 0 || packet_bytes <= frame) {
        return 1;
    }
    return (uint32_t)((packet_bytes + frame - 1) / frame);
}

sim_time link_air_time(const struct link *l, size_t packet_bytes)
{
    uint64_t octets =
        packet_bytes + (uint64_t)link_frames(l, packet_bytes) * l->params.overhead_bytes;
    uint64_t rate = l->params.rate_bps;
    uint64_t bits = octets * 8; /* at most 65,535 frames of 64 KiB overhead: 2^35 */
    uint64_t seconds = bits / rate;
    uint64_t rest = bits % rate; /* below 2^35, too: times 10^9 needs care */
    if (rest > UINT64_MAX / (uint64_t)SIM_S - rate) {
        return (sim_time)((double)bits * 1e9 / (double)rate);
    }
    return (sim_time)(seconds * (uint64_t)SIM_S + (rest * (uint64_t)SIM_S + rate - 1) / rate);
}

static bool frame_lost(const struct net_loss *loss, struct link_direction *d)
{
    switch (loss->model) {
    case NET_LOSS_NONE:
        return false;
    case NET_LOSS_RANDOM:
        return rng_chance(&d->loss, loss->rate);
    case NET_LOSS_GILBERT_ELLIOTT:
        if (rng_chance(&d->loss, d->bad ? loss->leave : loss->enter)) {
            d->bad = !d->bad;
        }
        return rng_chance(&d->loss, d->bad ? loss->rate_bad : loss->rate_good);
    }
    return false;
}

bool link_loses(struct link *l, int direction, size_t packet_bytes)
{
    if (l->params.loss.model == NET_LOSS_NONE) {
        return false;
    }
    bool lost = false;
    for (uint32_t i = link_frames(l, packet_bytes); i > 0; i--) {
        if (frame_lost(&l->params.loss, &l->directions[direction])) {
            lost = true; /* the other frames are sent all the same and move the chain on */
        }
    }
    return lost;
}

sim_time link_arrival(struct link *l, int direction, sim_time sent)
{
    struct link_direction *d = &l->directions[direction];
    sim_time delay = l->params.delay;
    if (l->params.jitter > 0) {
        struct dist normal = {
            .kind = DIST_NORMAL, .a = (double)l->params.delay, .b = (double)l->params.jitter};
        delay = dist_sample_i64(&normal, &d->jitter);
    }
    sim_time arrival = sent + delay;
    if (arrival < d->last_arrival) {
        arrival = d->last_arrival;
    }
    d->last_arrival = arrival;
    return arrival;
}

void link_count(struct link *l, int direction, size_t packet_bytes)
{
    l->number++;
    l->stats.packets[direction]++;
    l->stats.bytes[direction] += packet_bytes;
}

bool link_has_taps(const struct link *l)
{
    return l->tap_count != 0;
}

static void insert_tap(struct link *l, const struct link_tap *tap)
{
    *MEM_PUSH(l->taps, l->tap_count, l->tap_capacity) = *tap;
    if (tap->front) {
        memmove(&l->taps[1], &l->taps[0], (l->tap_count - 1) * sizeof(*tap));
        l->taps[0] = *tap;
    }
}

/* Taps may add and remove taps while they run; that takes effect here. */
static void settle_taps(struct link *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->tap_count; i++) {
        if (l->taps[i].fn != NULL) {
            l->taps[kept++] = l->taps[i];
        }
    }
    l->tap_count = kept;
    for (size_t i = 0; i < l->new_tap_count; i++) {
        if (l->new_taps[i].fn != NULL) {
            insert_tap(l, &l->new_taps[i]);
        }
    }
    l->new_tap_count = 0;
    l->taps_changed = false;
}

/* Adopts what a tap wrote in `fresh` as the packet; false when no link could carry it. */
static bool adopt_change(const struct link *l, struct buf *fresh, struct buf *changed)
{
    struct packet_view v;
    packet_repair(fresh->data + fresh->start, buf_len(fresh));
    if (buf_len(fresh) > l->params.mtu_bytes || packet_parse(buf_span(fresh), &v) < 0) {
        return false;
    }
    buf_clear(changed);
    buf_move(changed, fresh);
    return true;
}

enum net_verdict link_enter(struct link *l, int direction, sim_time now, struct span packet,
                            uint64_t tag, bool past_taps, struct buf *changed)
{
    enum net_verdict result = NET_PASS;
    struct buf fresh = {0};
    link_count(l, direction, packet.len);
    struct net_packet seen = {
        .link = l->id, .direction = direction, .at = now, .number = l->number, .tag = tag};
    buf_clear(changed);
    l->tapping++;
    for (size_t i = 0; i < l->tap_count && !past_taps && result != NET_DROP; i++) {
        struct link_tap tap = l->taps[i];
        struct span bytes = result == NET_CHANGE ? buf_span(changed) : packet;
        seen.data = bytes.data;
        seen.len = bytes.len;
        enum net_verdict verdict = NET_PASS;
        if (tap.fn != NULL) {
            buf_clear(&fresh);
            verdict = tap.fn(tap.arg, &seen, &fresh);
        }
        if (verdict == NET_CHANGE && !adopt_change(l, &fresh, changed)) {
            verdict = NET_DROP;
        }
        result = verdict != NET_PASS ? verdict : result;
    }
    if (--l->tapping == 0 && l->taps_changed) {
        settle_taps(l);
    }
    if (result == NET_DROP) {
        l->stats.tap_dropped[direction]++;
    }
    buf_fini(&fresh);
    return result;
}

void link_add_tap(struct link *l, uint32_t handle, bool front, net_tap_fn *fn, void *arg)
{
    struct link_tap tap = {.handle = handle, .fn = fn, .arg = arg, .front = front};
    if (l->tapping > 0) {
        *MEM_PUSH(l->new_taps, l->new_tap_count, l->new_tap_capacity) = tap;
        l->taps_changed = true;
    } else {
        insert_tap(l, &tap);
    }
}

void link_remove_tap(struct link *l, uint32_t handle)
{
    for (size_t i = 0; i < l->tap_count; i++) {
        if (l->taps[i].handle == handle) {
            l->taps[i].fn = NULL;
        }
    }
    for (size_t i = 0; i < l->new_tap_count; i++) {
        if (l->new_taps[i].handle == handle) {
            l->new_taps[i].fn = NULL;
        }
    }
    l->taps_changed = true;
    if (l->tapping == 0) {
        settle_taps(l);
    }
}
