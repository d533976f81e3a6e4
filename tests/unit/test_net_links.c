/* What links do to packets under ns-3, measured: times to the nanosecond, losses within their
 * statistics, TCP over bad links, and that all of it repeats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/links/links.h"
#include "sim/core/rng.h"
#include "sim/net/net.h"
#include "sim/net/net_packet.h"

enum { PORT = 4000, UDP_HEADERS = 28, MANY = 20000 };

static const struct net_link_params megabit = {.name = "a--b",
                                               .delay = 5 * SIM_MS,
                                               .rate_bps = 1000000,
                                               .mtu_bytes = 1500,
                                               .queue_packets = 1000};

struct world {
    struct net *net;
    net_node a, b;
    net_link link;
    /* datagrams that arrived at a and b, with their times */
    sim_time *arrivals;
    size_t arrival_count;
    size_t arrival_capacity;
    uint64_t *numbers; /* first eight octets of each */
    size_t number_count;
    size_t number_capacity;
    uint64_t *dropped; /* tags */
    size_t dropped_count;
    size_t dropped_capacity;
    const char *reason; /* of the last drop */
};

static void on_datagram(void *arg, net_node from, struct span payload)
{
    struct world *w = arg;
    uint64_t number = 0;
    (void)from;
    span_take_u64(&payload, &number);
    *MEM_PUSH(w->arrivals, w->arrival_count, w->arrival_capacity) = net_now(w->net);
    *MEM_PUSH(w->numbers, w->number_count, w->number_capacity) = number;
}

static void on_drop(void *arg, uint64_t tag, const char *reason)
{
    struct world *w = arg;
    *MEM_PUSH(w->dropped, w->dropped_count, w->dropped_capacity) = tag;
    w->reason = reason;
}

/* Of all links of the group of tests that runs. */
static enum net_fidelity fidelity;

static int use_packet(void **state)
{
    (void)state;
    fidelity = NET_FIDELITY_PACKET;
    return 0;
}

static int use_fast(void **state)
{
    (void)state;
    fidelity = NET_FIDELITY_FAST;
    return 0;
}

static void world_init(struct world *w, uint64_t seed, const struct net_link_params *wanted)
{
    struct net_link_params copy = *wanted;
    const struct net_link_params *params = &copy;
    copy.fidelity = fidelity;
    *w = (struct world){0};
    assert_int_equal(net_create_ns3(seed, &w->net), 0);
    w->a = net_add_node(w->net, "a");
    w->b = net_add_node(w->net, "b");
    assert_int_equal(net_add_link(w->net, w->a, w->b, params, &w->link), 0);
    assert_int_equal(net_datagram_bind(w->net, w->a, PORT, on_datagram, w), 0);
    assert_int_equal(net_datagram_bind(w->net, w->b, PORT, on_datagram, w), 0);
    net_set_drop_handler(w->net, on_drop, w);
}

static void world_fini(struct world *w)
{
    net_free(w->net);
    free(w->arrivals);
    free(w->numbers);
    free(w->dropped);
}

static void run_for(struct world *w, sim_time time)
{
    net_run(w->net, net_now(w->net) + time, 0);
}

/* A datagram whose IP packet has `ip_bytes` octets, numbered and tagged `number`. */
static void send_datagram(struct world *w, bool from_a, size_t ip_bytes, uint64_t number)
{
    struct buf payload = {0};
    buf_append_u64(&payload, number);
    while (buf_len(&payload) < ip_bytes - UDP_HEADERS) {
        buf_append_u8(&payload, 0x55);
    }
    assert_int_equal(net_datagram_send(w->net, from_a ? w->a : w->b, from_a ? w->b : w->a, PORT,
                                       buf_span(&payload), number),
                     0);
    buf_fini(&payload);
}

/* --- times --------------------------------------------------------------------------------------
 */

static void a_packet_takes_air_time_and_delay_to_the_nanosecond(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 1, &megabit);
    run_for(&w, SIM_S);
    send_datagram(&w, true, 1000, 1);
    send_datagram(&w, true, 1000, 2);
    send_datagram(&w, true, 100, 3);
    run_for(&w, SIM_S);
    assert_int_equal(w.arrival_count, 3);
    assert_true(w.arrivals[0] == SIM_S + 13 * SIM_MS);
    assert_true(w.arrivals[1] == SIM_S + 21 * SIM_MS);
    assert_true(w.arrivals[2] == SIM_S + 21800 * SIM_US);
    world_fini(&w);
}

/* 1,000 octets in frames of 99 take 11 frames of 20 octets overhead each: 1,220 octets. */
static void frames_and_their_overhead_take_air_time(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.frame_bytes = 99;
    p.overhead_bytes = 20;
    world_init(&w, 1, &p);
    send_datagram(&w, true, 1000, 1);
    send_datagram(&w, true, 99, 2);
    run_for(&w, SIM_S);
    assert_true(w.arrivals[0] == 5 * SIM_MS + 9760 * SIM_US);
    assert_true(w.arrivals[1] == 5 * SIM_MS + 9760 * SIM_US + 952 * SIM_US);
    world_fini(&w);
}

static void an_uneven_rate_rounds_up(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.rate_bps = 300000007;
    p.delay = 0;
    world_init(&w, 1, &p);
    send_datagram(&w, true, 1000, 1); /* 8,000 bit: 26,666.66604... us */
    run_for(&w, SIM_S);
    assert_true(w.arrivals[0] == 26667);
    world_fini(&w);
}

static void a_shared_medium_carries_one_packet_at_a_time(void **state)
{
    struct net_link_params p = megabit;
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct world w;
        p.shared_medium = shared == 1;
        world_init(&w, 1, &p);
        send_datagram(&w, true, 1000, 1);
        send_datagram(&w, false, 1000, 2);
        send_datagram(&w, false, 1000, 3);
        send_datagram(&w, true, 1000, 4);
        run_for(&w, SIM_S);
        assert_int_equal(w.arrival_count, 4);
        /* in order of arrival at the medium, whichever way they go */
        static const sim_time times[2][4] = {{13, 13, 21, 21}, {13, 21, 29, 37}};
        for (size_t i = 0; i < 4; i++) {
            assert_true(w.arrivals[i] == times[shared][i] * SIM_MS);
            assert_true(shared == 0 || w.numbers[i] == i + 1);
        }
        world_fini(&w);
    }
}

static void jitter_has_its_moments_and_keeps_the_order(void **state)
{
    enum { N = 4000 };
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.delay = 50 * SIM_MS;
    p.jitter = 10 * SIM_MS;
    world_init(&w, 1, &p);
    double sum = 0.0;
    double squares = 0.0;
    for (uint64_t i = 0; i < N; i++) {
        sim_time start = net_now(w.net);
        send_datagram(&w, true, 125, i);
        run_for(&w, 200 * SIM_MS);
        double ms = (double)(w.arrivals[i] - start) / (double)SIM_MS;
        sum += ms;
        squares += ms * ms;
    }
    double mean = sum / N;
    double deviation = sqrt(squares / N - mean * mean);
    assert_true(fabs(mean - 51.0) < 4 * 10.0 / sqrt(N));
    assert_true(fabs(deviation - 10.0) < 0.5);
    for (uint64_t i = 0; i < 500; i++) { /* a train: jitter exceeds the spacing */
        send_datagram(&w, true, 125, N + i);
    }
    run_for(&w, 10 * SIM_S);
    assert_int_equal(w.number_count, N + 500);
    for (uint64_t i = 0; i < w.number_count; i++) {
        assert_int_equal(w.numbers[i], i);
    }
    world_fini(&w);
}

/* --- drops --------------------------------------------------------------------------------------
 */

static void a_full_queue_drops_the_newest(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    struct net_link_stats stats;
    (void)state;
    p.queue_packets = 5;
    world_init(&w, 1, &p);
    for (uint64_t i = 1; i <= 10; i++) { /* one goes at once, five wait */
        send_datagram(&w, true, 1000, i);
    }
    run_for(&w, SIM_S);
    assert_int_equal(w.arrival_count, 6);
    assert_int_equal(w.dropped_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(w.dropped[i], 7 + i);
    }
    assert_string_equal(w.reason, "queue");
    net_link_stats(w.net, w.link, &stats);
    assert_int_equal(stats.queue_dropped[0], 4);
    assert_int_equal(stats.packets[0], 6);
    assert_int_equal(stats.bytes[0], 6000);
    world_fini(&w);
}

struct turn {
    struct world *w;
    bool up;
};

static void turn_link(void *arg)
{
    const struct turn *t = arg;
    net_link_set_up(t->w->net, t->w->link, t->up);
}

/* One datagram every 10 ms; the link is down from 100 ms to 200 ms. Air time and delay are 1 ms and
 * 5 ms: what leaves at 90 ms arrives, what leaves from 100 ms to 190 ms does not. */
static void a_link_is_down_exactly_as_long_as_told(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 1, &megabit);
    struct turn down = {&w, false};
    struct turn up = {&w, true};
    net_timer_set(w.net, 100 * SIM_MS, turn_link, &down);
    net_timer_set(w.net, 200 * SIM_MS, turn_link, &up);
    for (uint64_t i = 0; i < 30; i++) {
        send_datagram(&w, true, 125, i + 1);
        run_for(&w, 10 * SIM_MS);
    }
    run_for(&w, SIM_S);
    assert_int_equal(w.dropped_count, 10);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(w.dropped[i], 11 + i);
    }
    assert_string_equal(w.reason, "down");
    assert_int_equal(w.arrival_count, 20);
    world_fini(&w);
}

/* Sends MANY numbered datagrams and yields how many were lost. */
static size_t lose_datagrams(struct world *w, size_t ip_bytes)
{
    for (uint64_t i = 1; i <= MANY; i++) {
        send_datagram(w, true, ip_bytes, i);
        run_for(w, 20 * SIM_MS);
    }
    run_for(w, SIM_S);
    struct net_link_stats stats;
    net_link_stats(w->net, w->link, &stats);
    assert_int_equal(w->dropped_count, stats.lost[0]);
    assert_int_equal(w->arrival_count + w->dropped_count, MANY);
    return w->dropped_count;
}

static void assert_near(double measured, double expected, double tolerance)
{
    if (!(fabs(measured - expected) <= tolerance)) {
        fail_msg("%f is not %f +- %f", measured, expected, tolerance);
    }
}

static double binomial_sigma(double p, double n)
{
    return sqrt(p * (1.0 - p) / n);
}

static void random_loss_has_its_rate_per_frame(void **state)
{
    struct net_link_params p = megabit;
    (void)state;
    p.loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 0.1};
    for (uint32_t frames = 1; frames <= 3; frames += 2) {
        struct world w;
        p.frame_bytes = frames == 1 ? 0 : 50;
        world_init(&w, 1, &p);
        double rate = (double)lose_datagrams(&w, 150) / MANY;
        double expected = 1.0 - pow(0.9, frames);
        assert_near(rate, expected, 4 * binomial_sigma(expected, MANY));
        assert_string_equal(w.reason, "loss");
        world_fini(&w);
    }
}

/* Enter 2 %, leave 25 %: 2/27 of the frames are lost, in bursts of 4 on average. */
static void gilbert_elliott_loses_in_bursts(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.loss = (struct net_loss){
        .model = NET_LOSS_GILBERT_ELLIOTT, .enter = 0.02, .leave = 0.25, .rate_bad = 1.0};
    world_init(&w, 1, &p);
    double lost = (double)lose_datagrams(&w, 150);
    double bursts = 0.0;
    for (size_t i = 0; i < w.dropped_count; i++) {
        bursts += i == 0 || w.dropped[i] != w.dropped[i - 1] + 1;
    }
    /* burst lengths are geometric: their deviation is sqrt(1 - leave) / leave */
    assert_near(lost / bursts, 4.0, 4 * 3.47 / sqrt(bursts));
    assert_near(lost / MANY, 2.0 / 27.0, 0.015);
    world_fini(&w);
}

static void both_states_of_gilbert_elliott_have_a_rate(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.loss = (struct net_loss){.model = NET_LOSS_GILBERT_ELLIOTT,
                               .enter = 0.5,
                               .leave = 0.5,
                               .rate_good = 0.1,
                               .rate_bad = 0.3};
    world_init(&w, 1, &p);
    assert_near((double)lose_datagrams(&w, 150) / MANY, 0.2, 4 * binomial_sigma(0.2, MANY));
    world_fini(&w);
}

/* --- TCP over links ------------------------------------------------------------------------------
 */

struct end {
    struct world *w;
    struct net_stream *stream;
    struct buf in;
    struct buf out;
    int connected, closed, error;
    size_t wanted; /* closes when so many octets have arrived; 0: never */
    size_t answer; /* sends so many octets when the first arrive */
    struct net_stream_stats stats;
};

static void end_flush(struct end *e)
{
    buf_consume(&e->out, net_stream_send(e->stream, buf_span(&e->out)));
}

static void fill(struct buf *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf_append_u8(b, (uint8_t)(i * 2654435761u >> 13));
    }
}

static void end_connected(void *arg)
{
    struct end *e = arg;
    e->connected++;
    end_flush(e);
}

static void end_data(void *arg, struct span bytes)
{
    struct end *e = arg;
    buf_append(&e->in, bytes);
    if (e->answer > 0) {
        fill(&e->out, e->answer);
        e->answer = 0;
        end_flush(e);
    }
    if (e->wanted > 0 && buf_len(&e->in) >= e->wanted) {
        e->wanted = 0;
        net_stream_close(e->stream);
    }
}

static void end_writable(void *arg)
{
    end_flush(arg);
}

static void end_closed(void *arg, int error)
{
    struct end *e = arg;
    e->closed++;
    e->error = error;
    net_stream_stats(e->stream, &e->stats);
}

static const struct net_stream_ops end_ops = {
    .connected = end_connected, .data = end_data, .writable = end_writable, .closed = end_closed};

static void end_fini(struct end *e)
{
    buf_fini(&e->in);
    buf_fini(&e->out);
}

struct server {
    struct world *w;
    struct end ends[64];
    size_t count;
    size_t answer;
};

static bool server_accept(void *arg, struct net_stream *stream, net_node peer,
                          const struct net_stream_ops **ops, void **stream_arg)
{
    struct server *s = arg;
    (void)peer;
    struct end *e = &s->ends[s->count++];
    *e = (struct end){.w = s->w, .stream = stream, .answer = s->answer};
    *ops = &end_ops;
    *stream_arg = e;
    return true;
}

static struct server *serve(struct world *w, net_node node, size_t answer)
{
    struct server *s = calloc(1, sizeof(*s));
    s->w = w;
    s->answer = answer;
    assert_int_equal(net_listen(w->net, node, PORT, server_accept, s), 0);
    return s;
}

static void server_free(struct server *s)
{
    for (size_t i = 0; i < s->count; i++) {
        end_fini(&s->ends[i]);
    }
    free(s);
}

static void assert_filled(const struct buf *b, size_t len)
{
    struct buf wanted = {0};
    fill(&wanted, len);
    assert_int_equal(buf_len(b), len);
    assert_memory_equal(buf_span(b).data, buf_span(&wanted).data, len);
    buf_fini(&wanted);
}

/* a --> b: LEN octets; b --> a: LEN octets; a closes. One in ten packets is lost, either way. */
static void transfers_and_closes_survive_a_loss_of_ten_percent(void **state)
{
    enum { LEN = 60000 };
    struct net_link_params p = megabit;
    (void)state;
    p.rate_bps = 10000000;
    p.loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 0.1};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world w;
        world_init(&w, seed, &p);
        struct server *s = serve(&w, w.b, LEN);
        struct end e = {.w = &w, .wanted = LEN};
        fill(&e.out, LEN);
        assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &e, &e.stream), 0);
        run_for(&w, 1000 * SIM_S);
        assert_int_equal(s->count, 1);
        assert_filled(&s->ends[0].in, LEN);
        assert_filled(&e.in, LEN);
        assert_int_equal(e.closed, 1);
        assert_int_equal(e.error, 0);
        assert_int_equal(s->ends[0].closed, 1);
        assert_int_equal(s->ends[0].error, 0);
        assert_true(e.stats.retransmissions > 0);
        assert_true(e.stats.bytes_sent > LEN);
        server_free(s);
        end_fini(&e);
        world_fini(&w);
    }
}

/* The end that closes has octets under way, and so has the other: all arrive at both. */
static void what_was_sent_before_a_close_arrives_under_loss(void **state)
{
    enum { LEN = 30000 };
    struct net_link_params p = megabit;
    (void)state;
    p.rate_bps = 10000000;
    p.loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 0.08}; /* at 0.1 one in ten
                                     thousand segments is lost until the linger ends */
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct world w;
        world_init(&w, seed, &p);
        struct server *s = serve(&w, w.b, 0);
        struct end e = {.w = &w};
        assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &e, &e.stream), 0);
        while (s->count == 0) {
            run_for(&w, SIM_S);
        }
        fill(&e.out, LEN);
        fill(&s->ends[0].out, LEN);
        end_flush(&e);
        end_flush(&s->ends[0]);
        net_stream_close(e.stream);
        if (seed % 2 == 0) {
            net_stream_close(s->ends[0].stream);
        }
        run_for(&w, 1000 * SIM_S);
        assert_filled(&s->ends[0].in, LEN);
        assert_filled(&e.in, LEN);
        assert_int_equal(e.closed, 1);
        assert_int_equal(e.error, 0);
        assert_int_equal(s->ends[0].closed, 1);
        assert_int_equal(s->ends[0].error, 0);
        server_free(s);
        end_fini(&e);
        world_fini(&w);
    }
}

static void many_short_connections_survive_a_bad_link(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.rate_bps = 10000000;
    p.loss = (struct net_loss){
        .model = NET_LOSS_GILBERT_ELLIOTT, .enter = 0.03, .leave = 0.3, .rate_bad = 1.0};
    world_init(&w, 9, &p);
    struct server *s = serve(&w, w.b, 2000);
    struct end ends[64] = {{0}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(ends); i++) {
        ends[i] = (struct end){.w = &w, .wanted = 2000};
        fill(&ends[i].out, 500);
        assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &ends[i], &ends[i].stream),
                         0);
        run_for(&w, 100 * SIM_MS);
    }
    run_for(&w, 1000 * SIM_S);
    assert_int_equal(s->count, SIM_ARRAY_LEN(ends));
    for (size_t i = 0; i < SIM_ARRAY_LEN(ends); i++) {
        assert_int_equal(ends[i].connected, 1);
        assert_filled(&ends[i].in, 2000);
        assert_int_equal(ends[i].closed, 1);
        assert_int_equal(ends[i].error, 0);
        assert_int_equal(s->ends[i].closed, 1);
        assert_int_equal(s->ends[i].error, 0);
        end_fini(&ends[i]);
    }
    server_free(s);
    world_fini(&w);
}

struct sizes {
    uint32_t mtu;
    uint32_t largest;
};

static enum net_verdict measure(void *arg, const struct net_packet *p, struct buf *change)
{
    struct sizes *s = arg;
    struct packet_view v;
    (void)change;
    assert_int_equal(packet_parse(span_of(p->data, p->len), &v), 0);
    assert_true(packet_checksums_ok(span_of(p->data, p->len)));
    assert_false(v.more_fragments);
    assert_true(p->len <= s->mtu);
    if (p->len > s->largest) {
        s->largest = (uint32_t)p->len;
    }
    return NET_PASS;
}

static struct net_link_params params_of(const struct scenario_link *t)
{
    return (struct net_link_params){.name = t->name,
                                    .delay = t->delay,
                                    .jitter = t->jitter,
                                    .rate_bps = t->rate_bps,
                                    .mtu_bytes = t->mtu_bytes,
                                    .frame_bytes = t->frame_bytes,
                                    .overhead_bytes = t->overhead_bytes,
                                    .queue_packets = t->queue_packets,
                                    .shared_medium = t->shared_medium};
}

/* Bulk over every technology: full segments are as large as the MTU allows, none is fragmented, and
 * the goodput is below the rate but of its order. */
static void segments_fill_the_mtu_of_every_technology(void **state)
{
    enum { LEN = 40000 };
    (void)state;
    for (size_t i = 0; i < link_technology_count; i++) {
        struct net_link_params p = params_of(&link_technologies[i]);
        struct world w;
        struct sizes sizes = {.mtu = p.mtu_bytes};
        world_init(&w, 1, &p);
        net_tap_add(w.net, w.link, false, measure, &sizes);
        struct server *s = serve(&w, w.b, LEN);
        struct end e = {.w = &w, .wanted = LEN};
        fill(&e.out, LEN);
        assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &e, &e.stream), 0);
        run_for(&w, 60 * SIM_S);
        assert_filled(&s->ends[0].in, LEN);
        assert_filled(&e.in, LEN);
        assert_int_equal(e.closed, 1);
        assert_int_equal(e.error, 0);
        assert_int_equal(sizes.largest, p.mtu_bytes);
        server_free(s);
        end_fini(&e);
        world_fini(&w);
    }
}

static void a_tiny_mtu_works(void **state)
{
    struct net_link_params p = megabit;
    struct world w;
    (void)state;
    p.mtu_bytes = 68;
    world_init(&w, 1, &p);
    struct server *s = serve(&w, w.b, 300);
    struct end e = {.w = &w, .wanted = 300};
    fill(&e.out, 300);
    assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &e, &e.stream), 0);
    send_datagram(&w, true, 3000, 1);
    run_for(&w, 60 * SIM_S);
    assert_filled(&e.in, 300);
    assert_int_equal(e.closed, 1);
    assert_int_equal(w.arrival_count, 1);
    server_free(s);
    end_fini(&e);
    world_fini(&w);
}

/* --- forgery -------------------------------------------------------------------------------------
 */

static void packets_with_wrong_checksums_are_ignored(void **state)
{
    struct world w;
    struct buf packet = {0};
    (void)state;
    world_init(&w, 1, &megabit);
    packet_build_udp(&packet, net_node_address(w.net, w.a), net_node_address(w.net, w.b), PORT,
                     PORT, 1, span_of_str("12345678 and more"));
    assert_int_equal(net_inject(w.net, w.link, 0, buf_span(&packet)), 0);
    packet.data[packet.end - 1] ^= 1;
    assert_int_equal(net_inject(w.net, w.link, 0, buf_span(&packet)), 0);
    packet.data[packet.end - 1] ^= 1;
    packet.data[10] ^= 1;
    assert_int_equal(net_inject(w.net, w.link, 0, buf_span(&packet)), 0);
    run_for(&w, SIM_S);
    assert_int_equal(w.arrival_count, 1);
    buf_fini(&packet);
    world_fini(&w);
}

/* Random octets behind a valid IP header reach ns-3's TCP and UDP, also as segments of a live
 * connection; the connection may break but nothing else may. */
static void forged_segments_break_nothing_but_the_connection(void **state)
{
    struct world w;
    struct rng r;
    (void)state;
    world_init(&w, 1, &megabit);
    rng_init(&r, 1, "test", "forgery");
    struct server *s = serve(&w, w.b, 1000);
    struct end e = {.w = &w};
    fill(&e.out, 1000);
    assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &e, &e.stream), 0);
    run_for(&w, SIM_S);
    for (int i = 0; i < 3000; i++) {
        struct buf packet = {0};
        struct buf payload = {0};
        for (uint64_t n = rng_below(&r, 60); n > 0; n--) {
            buf_append_u8(&payload, (uint8_t)rng_u64(&r));
        }
        int direction = (int)rng_below(&r, 2);
        struct packet_tcp head = {
            .source = net_node_address(w.net, direction == 0 ? w.a : w.b),
            .destination = net_node_address(w.net, direction == 0 ? w.b : w.a),
            .source_port = direction == 0 ? 49153 : PORT,
            .destination_port = direction == 0 ? PORT : 49153,
            .seq = (uint32_t)(rng_below(&r, 2) == 0 ? 1001 + rng_below(&r, 50) : rng_u64(&r)),
            .ack = (uint32_t)(rng_below(&r, 2) == 0 ? rng_below(&r, 1100) : rng_u64(&r)),
            .flags = (uint8_t)(i < 1000 ? 0x10 | rng_below(&r, 256) : rng_u64(&r))};
        if (i < 1000) {
            head.flags &= (uint8_t)~PACKET_RST;
        }
        packet_build_tcp(&packet, &head, buf_span(&payload));
        for (uint64_t n = rng_below(&r, 4); n > 0; n--) { /* header length, options, protocol */
            packet.data[9 + rng_below(&r, 36) % (buf_len(&packet) - 9)] = (uint8_t)rng_u64(&r);
        }
        packet_repair(packet.data, buf_len(&packet));
        int sent = net_inject(w.net, w.link, direction, buf_span(&packet));
        assert_true(sent == 0 || sent == -SIM_EINVAL);
        run_for(&w, 20 * SIM_MS);
        buf_fini(&packet);
        buf_fini(&payload);
    }
    run_for(&w, 600 * SIM_S);
    struct end f = {.w = &w, .wanted = 1000};
    fill(&f.out, 1000);
    assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &f, &f.stream), 0);
    run_for(&w, 10 * SIM_S);
    assert_filled(&f.in, 1000);
    assert_int_equal(f.error, 0);
    server_free(s);
    end_fini(&e);
    end_fini(&f);
    world_fini(&w);
}

/* --- determinism ---------------------------------------------------------------------------------
 */

static enum net_verdict hash_packet(void *arg, const struct net_packet *p, struct buf *change)
{
    uint64_t *hash = arg;
    (void)change;
    *hash = span_hash(*hash, span_of(&p->at, sizeof(p->at)));
    *hash = span_hash(*hash, span_of(&p->direction, sizeof(p->direction)));
    *hash = span_hash(*hash, span_of(p->data, p->len));
    return NET_PASS;
}

/* The hash of all packets on a--b, with jitter and loss, while a third node talks to b or not. */
static uint64_t run_hashed(uint64_t seed, bool third)
{
    struct net_link_params p = megabit;
    struct world w;
    uint64_t hash = 0;
    p.jitter = 2 * SIM_MS;
    p.loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 0.05};
    world_init(&w, seed, &p);
    net_tap_add(w.net, w.link, false, hash_packet, &hash);
    struct server *s = serve(&w, w.b, 20000);
    struct end e = {.w = &w, .wanted = 20000};
    struct end f = {.w = &w, .wanted = 20000};
    fill(&e.out, 20000);
    fill(&f.out, 20000);
    assert_int_equal(net_connect(w.net, w.a, w.b, PORT, &end_ops, &e, &e.stream), 0);
    if (third) {
        net_link link;
        net_node c = net_add_node(w.net, "c");
        p.name = "c--b";
        p.fidelity = fidelity;
        assert_int_equal(net_add_link(w.net, c, w.b, &p, &link), 0);
        assert_int_equal(net_connect(w.net, c, w.b, PORT, &end_ops, &f, &f.stream), 0);
    }
    send_datagram(&w, true, 5000, 1);
    run_for(&w, 200 * SIM_S);
    assert_filled(&e.in, 20000);
    assert_int_equal(f.closed, third ? 1 : 0);
    server_free(s);
    end_fini(&e);
    end_fini(&f);
    world_fini(&w);
    return hash;
}

static void runs_repeat_and_depend_on_the_seed(void **state)
{
    (void)state;
    uint64_t first = run_hashed(1, false);
    assert_true(first == run_hashed(1, false));
    assert_true(first != run_hashed(2, false));
}

static void another_node_changes_no_other_links_packets(void **state)
{
    (void)state;
    assert_true(run_hashed(1, false) == run_hashed(1, true));
}

static void only_one_ns3_net_at_a_time(void **state)
{
    struct world w;
    struct net *second;
    (void)state;
    world_init(&w, 1, &megabit);
    assert_int_equal(net_create_ns3(1, &second), -SIM_EEXIST);
    assert_int_equal(net_create_ideal(1, &second), 0);
    net_free(second);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_takes_air_time_and_delay_to_the_nanosecond),
        cmocka_unit_test(frames_and_their_overhead_take_air_time),
        cmocka_unit_test(an_uneven_rate_rounds_up),
        cmocka_unit_test(a_shared_medium_carries_one_packet_at_a_time),
        cmocka_unit_test(jitter_has_its_moments_and_keeps_the_order),
        cmocka_unit_test(a_full_queue_drops_the_newest),
        cmocka_unit_test(a_link_is_down_exactly_as_long_as_told),
        cmocka_unit_test(random_loss_has_its_rate_per_frame),
        cmocka_unit_test(gilbert_elliott_loses_in_bursts),
        cmocka_unit_test(both_states_of_gilbert_elliott_have_a_rate),
        cmocka_unit_test(transfers_and_closes_survive_a_loss_of_ten_percent),
        cmocka_unit_test(what_was_sent_before_a_close_arrives_under_loss),
        cmocka_unit_test(many_short_connections_survive_a_bad_link),
        cmocka_unit_test(segments_fill_the_mtu_of_every_technology),
        cmocka_unit_test(a_tiny_mtu_works),
        cmocka_unit_test(packets_with_wrong_checksums_are_ignored),
        cmocka_unit_test(forged_segments_break_nothing_but_the_connection),
        cmocka_unit_test(runs_repeat_and_depend_on_the_seed),
        cmocka_unit_test(another_node_changes_no_other_links_packets),
        cmocka_unit_test(only_one_ns3_net_at_a_time),
    };
    return cmocka_run_group_tests_name("packet", tests, use_packet, NULL) +
           cmocka_run_group_tests_name("fast", tests, use_fast, NULL);
}
