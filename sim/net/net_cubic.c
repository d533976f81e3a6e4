#include "sim/net/net_cubic.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_SEGMENTS = 2,
    HYSTART_LOW_WINDOW = 16, /* segments */
    HYSTART_SAMPLES = 8,
    COUNT_CLAMP = 20,
};

static const double scaling = 0.4;
static const double beta = 0.7;
static const sim_time hystart_ack_spacing = 2 * SIM_MS;
static const sim_time hystart_delay_least = 4 * SIM_MS;
static const sim_time hystart_delay_most = SIM_S;
static const sim_time settling = 10 * SIM_MS; /* after a recovery delays say nothing */

void cubic_init(struct cubic *c, uint32_t mss, uint32_t segments)
{
    memset(c, 0, sizeof(*c));
    c->mss = mss;
    c->cwnd = segments * mss;
    c->ssthresh = UINT32_MAX;
    c->epoch = SIM_TIME_NEVER;
    c->delay_min = SIM_TIME_NEVER;
    c->round_rtt = SIM_TIME_NEVER;
}

static void hystart_reset(struct cubic *c, uint32_t highest, sim_time now)
{
    c->round_start = c->last_ack = now;
    c->round_end = highest;
    c->round_rtt = SIM_TIME_NEVER;
    c->samples = 0;
}

/* How many segments have to be acknowledged for the window to grow by one. */
static uint32_t segments_wanted(struct cubic *c, sim_time now)
{
    uint32_t window = c->cwnd / c->mss;
    if (c->epoch == SIM_TIME_NEVER) {
        c->epoch = now;
        bool above = c->w_max <= window;
        c->k = above ? 0 : pow((c->w_max - window) / scaling, 1 / 3.0);
        c->origin = above ? window : c->w_max;
    }
    sim_time shift = c->delay_min != SIM_TIME_NEVER ? c->delay_min : 0;
    double t = (double)(now + shift - c->epoch) / 1e9;
    uint32_t change = (uint32_t)(scaling * pow(fabs(t - c->k), 3));
    uint32_t target = t < c->k ? c->origin - change : c->origin + change;
    uint32_t wanted = target > window ? window / (target - window) : 100 * window;
    if (c->w_max == 0 && wanted > COUNT_CLAMP) {
        wanted = COUNT_CLAMP;
    }
    return wanted > 2 ? wanted : 2;
}

void cubic_grow(struct cubic *c, uint32_t segments, uint32_t acked, uint32_t highest, sim_time now)
{
    if (c->cwnd < c->ssthresh) {
        if ((int32_t)(acked - c->round_end) > 0) {
            hystart_reset(c, highest, now);
        }
        c->cwnd += segments * c->mss;
    } else if (segments > 0) {
        c->count += segments;
        uint32_t wanted = segments_wanted(c, now);
        if (c->count >= wanted) {
            c->cwnd += c->mss;
            c->count -= wanted;
        }
    }
}

static void hystart_sample(struct cubic *c, sim_time rtt, sim_time now)
{
    if (c->found) {
        return;
    }
    if (now - c->last_ack <= hystart_ack_spacing) { /* a train of acknowledgements */
        c->last_ack = now;
        c->found = now - c->round_start > c->delay_min;
    }
    sim_time threshold = c->delay_min > hystart_delay_most    ? hystart_delay_most
                         : c->delay_min < hystart_delay_least ? hystart_delay_least
                                                              : c->delay_min;
    if (c->samples < HYSTART_SAMPLES) {
        c->round_rtt = rtt < c->round_rtt ? rtt : c->round_rtt;
        c->samples++;
    } else if (c->round_rtt > c->delay_min + threshold) {
        c->found = true;
    }
    if (c->found) {
        c->ssthresh = c->cwnd;
    }
}

void cubic_sample(struct cubic *c, sim_time rtt, sim_time now)
{
    if (c->epoch != SIM_TIME_NEVER && now - c->epoch < settling) {
        return;
    }
    if (rtt < c->delay_min) {
        c->delay_min = rtt;
    }
    if (c->cwnd <= c->ssthresh && c->cwnd >= HYSTART_LOW_WINDOW * c->mss) {
        hystart_sample(c, rtt, now);
    }
}

void cubic_reduce(struct cubic *c)
{
    uint32_t window = c->cwnd / c->mss;
    c->w_max = window < c->w_max ? (uint32_t)(window * (1 + beta) / 2) : window;
    c->epoch = SIM_TIME_NEVER;
    uint32_t reduced = (uint32_t)(window * beta);
    c->ssthresh = (reduced > LEAST_SEGMENTS ? reduced : LEAST_SEGMENTS) * c->mss;
}

void cubic_timeout(struct cubic *c, uint32_t highest, sim_time now)
{
    cubic_reduce(c);
    c->w_max = c->origin = 0;
    c->k = 0;
    c->delay_min = SIM_TIME_NEVER;
    c->found = false;
    hystart_reset(c, highest, now);
    c->cwnd = c->mss;
}
