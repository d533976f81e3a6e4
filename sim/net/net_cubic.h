/* CUBIC (RFC 9438) with HyStart, counted in whole segments as ns-3's TcpCubic counts, so that both
 * fidelities grow and shrink alike. Times are virtual. Private to sim/net. */
#ifndef SIM_NET_NET_CUBIC_H
#define SIM_NET_NET_CUBIC_H

#include "sim/core/base.h"

struct cubic {
    uint32_t mss;            /* octets */
    uint32_t cwnd, ssthresh; /* octets */
    uint32_t w_max, origin;  /* segments */
    uint32_t count;          /* segments acknowledged since the window grew */
    double k;                /* s */
    sim_time epoch;          /* SIM_TIME_NEVER: none */
    sim_time delay_min;      /* SIM_TIME_NEVER: not measured */
    /* HyStart */
    uint32_t round_end; /* sequence number */
    sim_time round_start, last_ack, round_rtt;
    uint8_t samples;
    bool found;
};

void cubic_init(struct cubic *c, uint32_t mss, uint32_t segments);
/* `segments` were acknowledged up to `acked`; `highest` is the highest number sent. */
void cubic_grow(struct cubic *c, uint32_t segments, uint32_t acked, uint32_t highest, sim_time now);
/* An acknowledgement came; `rtt` is the smoothed round-trip time. */
void cubic_sample(struct cubic *c, sim_time rtt, sim_time now);
/* Lost segments: sets ssthresh; cwnd is recovery's. */
void cubic_reduce(struct cubic *c);
/* The retransmission timer ran out. */
void cubic_timeout(struct cubic *c, uint32_t highest, sim_time now);

#endif
