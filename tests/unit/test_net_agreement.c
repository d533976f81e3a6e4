/* Fidelity fast against packet, segment by segment: the same exchange over the same link, with the
 * same packets dropped, ends at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/core/rng.h"
#include "sim/net/net.h"

enum { PORT = 4000, MOST_DROPS = 16, LARGEST = 1 << 20 };

/* `rounds` times: `up` octets to the server, which answers with `down`. */
struct exchange {
    sim_time delay;
    uint64_t rate_bps;
    uint32_t mtu_bytes;
    size_t up, down;
    int rounds;
};

struct run {
    const struct exchange *exchange;
    const uint64_t *drops; /* numbers of packets */
    size_t drop_count;
    struct net *net;
    struct net_stream *client, *server;
    struct span client_left, server_left;
    size_t client_got, server_got;
    int round;
    sim_time done;
    uint64_t packets, retransmissions;
};

static uint8_t zeros[LARGEST];

static enum net_verdict on_packet(void *arg, const struct net_packet *packet, struct buf *change)
{
    struct run *r = arg;
    (void)change;
    r->packets = packet->number;
    for (size_t i = 0; i < r->drop_count; i++) {
        if (r->drops[i] == packet->number) {
            return NET_DROP;
        }
    }
    return NET_PASS;
}

static void pump(struct net_stream *stream, struct span *left)
{
    size_t taken = net_stream_send(stream, *left);
    *left = span_of(left->data + taken, left->len - taken);
}

static void ask(struct run *r)
{
    r->client_left = span_of(zeros, r->exchange->up);
    pump(r->client, &r->client_left);
}

static void on_connected(void *arg)
{
    ask(arg);
}

static void on_client_writable(void *arg)
{
    struct run *r = arg;
    pump(r->client, &r->client_left);
}

static void on_server_writable(void *arg)
{
    struct run *r = arg;
    pump(r->server, &r->server_left);
}

static void on_client_data(void *arg, struct span bytes)
{
    struct run *r = arg;
    r->client_got += bytes.len;
    if (r->client_got == r->exchange->down * (size_t)(r->round + 1)) {
        if (++r->round < r->exchange->rounds) {
            ask(r);
        } else {
            r->done = net_now(r->net);
            net_stream_close(r->client);
        }
    }
}

static void on_server_data(void *arg, struct span bytes)
{
    struct run *r = arg;
    r->server_got += bytes.len;
    if (r->server_got == r->exchange->up * (size_t)(r->round + 1)) {
        r->server_left = span_of(zeros, r->exchange->down);
        pump(r->server, &r->server_left);
    }
}

static void on_closed(void *arg, int error)
{
    (void)arg;
    (void)error;
}

static void on_client_closed(void *arg, int error)
{
    struct run *r = arg;
    struct net_stream_stats stats;
    (void)error;
    net_stream_stats(r->client, &stats);
    r->retransmissions = stats.retransmissions;
}

static const struct net_stream_ops client_ops = {.connected = on_connected,
                                                 .data = on_client_data,
                                                 .writable = on_client_writable,
                                                 .closed = on_client_closed};
static const struct net_stream_ops server_ops = {
    .data = on_server_data, .writable = on_server_writable, .closed = on_closed};

static bool on_accept(void *arg, struct net_stream *stream, net_node peer,
                      const struct net_stream_ops **ops, void **stream_arg)
{
    struct run *r = arg;
    (void)peer;
    r->server = stream;
    *ops = &server_ops;
    *stream_arg = r;
    return true;
}

static void run(struct run *r, const struct exchange *e, enum net_fidelity fidelity,
                const uint64_t *drops, size_t drop_count)
{
    *r = (struct run){.exchange = e, .drops = drops, .drop_count = drop_count};
    struct net_link_params p = {.fidelity = fidelity,
                                .name = "a--b",
                                .delay = e->delay,
                                .rate_bps = e->rate_bps,
                                .mtu_bytes = e->mtu_bytes,
                                .queue_packets = 1000};
    net_link link;
    assert_int_equal(net_create_ns3(1, &r->net), 0);
    net_node a = net_add_node(r->net, "a");
    net_node b = net_add_node(r->net, "b");
    assert_int_equal(net_add_link(r->net, a, b, &p, &link), 0);
    net_tap_add(r->net, link, false, on_packet, r);
    assert_int_equal(net_listen(r->net, b, PORT, on_accept, r), 0);
    assert_int_equal(net_connect(r->net, a, b, PORT, &client_ops, r, &r->client), 0);
    net_run(r->net, 600 * SIM_S, 0);
    net_free(r->net);
}

/* How often the two differ by more than 2 % in time or by more than one retransmission. */
static int compare(const struct exchange *e, const uint64_t *drops, size_t drop_count)
{
    struct run packet, fast;
    run(&packet, e, NET_FIDELITY_PACKET, drops, drop_count);
    run(&fast, e, NET_FIDELITY_FAST, drops, drop_count);
    assert_int_equal(packet.round, e->rounds);
    assert_int_equal(fast.round, e->rounds);
    double ratio = (double)fast.done / (double)packet.done;
    int64_t more = (int64_t)fast.retransmissions - (int64_t)packet.retransmissions;
    if (ratio > 0.98 && ratio < 1.02 && more >= -1 && more <= 1) {
        return 0;
    }
    print_message("%zu octets up, %zu down, dropped:", e->up, e->down);
    for (size_t i = 0; i < drop_count; i++) {
        print_message(" %llu", (unsigned long long)drops[i]);
    }
    print_message(": packet %.6f s, %llu repeated; fast %.6f s, %llu repeated\n",
                  (double)packet.done / 1e9, (unsigned long long)packet.retransmissions,
                  (double)fast.done / 1e9, (unsigned long long)fast.retransmissions);
    return 1;
}

static const struct exchange exchanges[] = {
    {30 * SIM_MS, 20000000, 1358, 2000, 3000, 3},   /* a handshake's flights over LTE */
    {30 * SIM_MS, 200000, 1280, 300, 300, 8},       /* small messages over BLE */
    {5 * SIM_MS, 1000000, 1500, 60000, 2000, 1},    /* a transfer over Bluetooth */
    {1 * SIM_MS, 30000000, 1500, 400000, 200, 1},   /* over WLAN, to the end of the window */
    {40 * SIM_MS, 20000000, 1500, 1000000, 200, 1}, /* out of slow start */
};

static void without_loss_every_packet_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ARRAY_LEN(exchanges); i++) {
        struct run packet, fast;
        run(&packet, &exchanges[i], NET_FIDELITY_PACKET, NULL, 0);
        run(&fast, &exchanges[i], NET_FIDELITY_FAST, NULL, 0);
        assert_int_equal(packet.packets, fast.packets);
        /* ns-3 sends a nanosecond after it was asked to */
        assert_true(llabs(packet.done - fast.done) < 100);
    }
}

static void any_one_packet_may_be_lost(void **state)
{
    int differ = 0;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t drop = 1; drop <= 80; drop++) {
            differ += compare(&exchanges[i], &drop, 1);
        }
    }
    assert_int_equal(differ, 0);
}

static size_t draw_drops(struct rng *rng, const struct exchange *e, uint64_t drops[MOST_DROPS])
{
    uint64_t segments = (e->up + e->down) * (uint64_t)e->rounds / 1200 + 20;
    size_t count = 2 + rng_below(rng, MOST_DROPS - 2);
    for (size_t k = 0; k < count; k++) {
        drops[k] = 1 + rng_below(rng, segments * 3 / 2);
    }
    return count;
}

/* A few part over timers and arrivals of one instant. */
static void several_packets_may_be_lost(void **state)
{
    enum { CASES = 300 };
    struct rng rng;
    int differ = 0;
    (void)state;
    rng_init(&rng, 1, "test", "drops");
    for (int i = 0; i < CASES; i++) {
        uint64_t drops[MOST_DROPS];
        const struct exchange *e = &exchanges[rng_below(&rng, SIM_ARRAY_LEN(exchanges) - 1)];
        size_t count = draw_drops(&rng, e, drops);
        differ += compare(e, drops, count);
    }
    assert_true(differ <= CASES / 50);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* In a long transfer with many losses an acknowledgement of one fidelity passes, by a nanosecond, a
 * segment that it does not pass in the other; from then on the two lose other segments. */
static void medians_agree_where_single_transfers_part(void **state)
{
    enum { CASES = 41 };
    const struct exchange *e = &exchanges[SIM_ARRAY_LEN(exchanges) - 1];
    double times[2][CASES];
    struct rng rng;
    (void)state;
    rng_init(&rng, 2, "test", "drops");
    for (size_t i = 0; i < CASES; i++) {
        uint64_t drops[MOST_DROPS];
        struct run r;
        size_t count = draw_drops(&rng, e, drops);
        run(&r, e, NET_FIDELITY_PACKET, drops, count);
        times[0][i] = (double)r.done;
        run(&r, e, NET_FIDELITY_FAST, drops, count);
        times[1][i] = (double)r.done;
    }
    qsort(times[0], CASES, sizeof(double), by_size);
    qsort(times[1], CASES, sizeof(double), by_size);
    for (size_t q = CASES / 4; q <= CASES * 3 / 4; q += CASES / 4) {
        double ratio = times[1][q] / times[0][q];
        print_message("quantile %zu of %d: %.3f s and %.3f s\n", q, CASES, times[0][q] / 1e9,
                      times[1][q] / 1e9);
        assert_true(ratio > 0.95 && ratio < 1.05);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_loss_every_packet_is_the_same),
        cmocka_unit_test(any_one_packet_may_be_lost),
        cmocka_unit_test(several_packets_may_be_lost),
        cmocka_unit_test(medians_agree_where_single_transfers_part),
    };
    return cmocka_run_group_tests_name("fast against packet", tests, NULL, NULL);
}
