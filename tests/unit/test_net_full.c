/* Fidelity full: the same streams and datagrams over devices and channels of ns-3's, and the way of
 * IPv4 through links that carry IPv6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/core/rng.h"
#include "sim/net/net.h"
#include "sim/net/net_packet.h"

enum { PORT = 4000, STATIONS = 3, TRANSFER = 20000, BIG = 2500 };

static const struct net_link_params wifi = {.fidelity = NET_FIDELITY_FULL,
                                            .device = NET_DEVICE_WIFI,
                                            .rate_bps = 1,
                                            .mtu_bytes = 1500,
                                            .queue_packets = 100};
static const struct net_link_params lr_wpan = {.fidelity = NET_FIDELITY_FULL,
                                               .device = NET_DEVICE_LR_WPAN,
                                               .rate_bps = 1,
                                               .mtu_bytes = 1280,
                                               .queue_packets = 100};
static const struct net_link_params csma = {.fidelity = NET_FIDELITY_FULL,
                                            .device = NET_DEVICE_CSMA,
                                            .delay = 10 * SIM_US,
                                            .rate_bps = 100000000,
                                            .mtu_bytes = 1500,
                                            .queue_packets = 100};

static const struct net_link_params *device;

static int use_wifi(void **state)
{
    (void)state;
    device = &wifi;
    return 0;
}

static int use_lr_wpan(void **state)
{
    (void)state;
    device = &lr_wpan;
    return 0;
}

static int use_csma(void **state)
{
    (void)state;
    device = &csma;
    return 0;
}

struct end {
    struct cell *cell;
    struct net_stream *stream;
    struct span left;
    size_t received;
    bool closed;
};

/* A hub with stations around it. */
struct cell {
    struct net *net;
    net_node hub, stations[STATIONS];
    net_link links[STATIONS];
    struct end ends[2 * STATIONS]; /* stations, then the hub's */
    size_t accepted;
    size_t datagrams, octets;
    size_t dropped;
    const char *reason;
    uint64_t hash;
    sim_time first_packet;
};

static enum net_verdict on_packet(void *arg, const struct net_packet *packet, struct buf *change)
{
    struct cell *c = arg;
    (void)change;
    if (c->first_packet < 0) {
        c->first_packet = packet->at;
    }
    for (size_t i = 0; i < packet->len; i++) {
        c->hash = (c->hash ^ packet->data[i]) * 0x100000001b3;
    }
    c->hash = (c->hash ^ (uint64_t)packet->at) * 0x100000001b3;
    return NET_PASS;
}

static void on_datagram(void *arg, net_node from, struct span payload)
{
    struct cell *c = arg;
    (void)from;
    c->datagrams++;
    c->octets += payload.len;
}

static void on_drop(void *arg, uint64_t tag, const char *reason)
{
    struct cell *c = arg;
    (void)tag;
    c->dropped++;
    c->reason = reason;
}

static void pump(struct end *e)
{
    size_t taken = net_stream_send(e->stream, e->left);
    e->left = span_of(e->left.data + taken, e->left.len - taken);
    if (e->left.len == 0) {
        net_stream_close(e->stream);
    }
}

static void on_connected(void *arg)
{
    pump(arg);
}

static void on_writable(void *arg)
{
    struct end *e = arg;
    if (e->left.len > 0) {
        pump(e);
    }
}

static void on_data(void *arg, struct span bytes)
{
    struct end *e = arg;
    e->received += bytes.len;
}

static void on_closed(void *arg, int error)
{
    struct end *e = arg;
    e->closed = error == 0;
}

static const struct net_stream_ops ops = {
    .connected = on_connected, .data = on_data, .writable = on_writable, .closed = on_closed};

static bool on_accept(void *arg, struct net_stream *stream, net_node peer,
                      const struct net_stream_ops **stream_ops, void **stream_arg)
{
    struct cell *c = arg;
    struct end *e = &c->ends[STATIONS + c->accepted++];
    (void)peer;
    e->stream = stream;
    *stream_ops = &ops;
    *stream_arg = e;
    return true;
}

static void cell_init(struct cell *c, uint64_t seed, double distance)
{
    static const char *const names[] = {"s1", "s2", "s3"};
    static const char *const links[] = {"s1--hub", "s2--hub", "s3--hub"};
    *c = (struct cell){.first_packet = -1};
    assert_int_equal(net_create_ns3(seed, &c->net), 0);
    c->hub = net_add_node(c->net, "hub");
    assert_int_equal(net_datagram_bind(c->net, c->hub, PORT, on_datagram, c), 0);
    assert_int_equal(net_listen(c->net, c->hub, PORT, on_accept, c), 0);
    net_set_drop_handler(c->net, on_drop, c);
    for (size_t i = 0; i < STATIONS; i++) {
        struct net_link_params p = *device;
        p.name = links[i];
        p.distance_m = distance;
        c->stations[i] = net_add_node(c->net, names[i]);
        assert_int_equal(net_datagram_bind(c->net, c->stations[i], PORT, on_datagram, c), 0);
        assert_int_equal(net_add_link(c->net, c->stations[i], c->hub, &p, &c->links[i]), 0);
        net_tap_add(c->net, c->links[i], false, on_packet, c);
    }
}

/* 802.15.4 is too slow for streams that compete with windows of ten segments. */
static void connect_all(struct cell *c)
{
    static uint8_t bytes[TRANSFER];
    for (size_t i = 0; i < STATIONS; i++) {
        c->ends[i].left = span_of(bytes, sizeof(bytes));
        if (device == &lr_wpan) {
            net_run(c->net, net_now(c->net) + 20 * SIM_S, 0);
        }
        assert_int_equal(net_connect(c->net, c->stations[i], c->hub, PORT, &ops, &c->ends[i],
                                     &c->ends[i].stream),
                         0);
    }
}

static void send(struct cell *c, bool up, size_t octets, uint64_t tag)
{
    static const uint8_t zeros[BIG];
    assert_int_equal(net_datagram_send(c->net, up ? c->stations[0] : c->hub,
                                       up ? c->hub : c->stations[0], PORT, span_of(zeros, octets),
                                       tag),
                     0);
}

static void streams_of_all_stations_arrive_whole(void **state)
{
    struct cell c;
    struct net_link_stats stats;
    (void)state;
    cell_init(&c, 1, 0);
    connect_all(&c);
    net_run(c.net, net_now(c.net) + 120 * SIM_S, 0);
    assert_int_equal(c.accepted, STATIONS);
    for (size_t i = 0; i < STATIONS; i++) {
        assert_int_equal(c.ends[STATIONS + i].received, TRANSFER);
        assert_true(c.ends[i].closed && c.ends[STATIONS + i].closed);
        net_link_stats(c.net, c.links[i], &stats);
        assert_true(stats.bytes[0] > TRANSFER && stats.packets[1] > 3);
    }
    net_free(c.net);
}

static void datagrams_go_both_ways_also_in_fragments(void **state)
{
    static const size_t sizes[] = {1, 60, 500, 1200, BIG};
    struct cell c;
    size_t octets = 0;
    (void)state;
    cell_init(&c, 1, 0);
    net_run(c.net, 2 * SIM_S, 0);
    for (size_t i = 0; i < SIM_ARRAY_LEN(sizes); i++) {
        send(&c, true, sizes[i], i + 1);
        net_run(c.net, net_now(c.net) + SIM_S, 0);
        send(&c, false, sizes[i], i + 100);
        net_run(c.net, net_now(c.net) + SIM_S, 0);
        octets += 2 * sizes[i];
    }
    net_run(c.net, 60 * SIM_S, 0);
    assert_int_equal(c.datagrams, 2 * SIM_ARRAY_LEN(sizes));
    assert_int_equal(c.octets, octets);
    assert_int_equal(c.dropped, 0);
    net_free(c.net);
}

/* A packet takes at least the time that its bits take at the device's highest rate, and more than
 * a millionth of what the ideal says: the device is in the way. */
static void packets_take_the_time_of_the_device(void **state)
{
    struct cell c;
    (void)state;
    cell_init(&c, 1, 0);
    net_run(c.net, 5 * SIM_S, 0);
    send(&c, true, 1000, 0);
    sim_time sent = net_now(c.net);
    while (c.datagrams == 0 && net_now(c.net) < 6 * SIM_S) {
        net_run(c.net, net_now(c.net) + 10 * SIM_US, 0);
    }
    sim_time took = net_now(c.net) - sent;
    /* 802.11n 20 MHz 65 Mbit/s; 802.15.4 250 kbit/s with 14 frames; 100 Mbit/s */
    sim_time least = device == &wifi      ? 1000 * 8 * SIM_S / 72200000
                     : device == &lr_wpan ? 1000 * 8 * SIM_S / 250000
                                          : 1000 * 8 * SIM_S / 100000000;
    assert_true(took > least && took < 10 * least + SIM_MS);
    net_free(c.net);
}

static void what_the_channel_loses_is_told(void **state)
{
    struct cell c;
    struct net_link_stats stats;
    (void)state;
    if (device == &csma) {
        skip();
    }
    cell_init(&c, 1, 100000); /* out of reach */
    send(&c, true, 100, 7);
    net_run(c.net, 60 * SIM_S, 0);
    assert_int_equal(c.datagrams, 0);
    assert_int_equal(c.dropped, 1);
    assert_string_equal(c.reason, "loss");
    net_link_stats(c.net, c.links[0], &stats);
    assert_int_equal(stats.lost[0], 1);
    net_free(c.net);
}

static void a_link_that_is_down_carries_nothing(void **state)
{
    struct cell c;
    (void)state;
    cell_init(&c, 1, 0);
    net_run(c.net, 2 * SIM_S, 0);
    net_link_set_up(c.net, c.links[0], false);
    send(&c, true, 100, 7);
    net_run(c.net, 3 * SIM_S, 0);
    assert_int_equal(c.datagrams, 0);
    assert_string_equal(c.reason, "down");
    net_link_set_up(c.net, c.links[0], true);
    send(&c, true, 100, 8);
    net_run(c.net, 4 * SIM_S, 0);
    assert_int_equal(c.datagrams, 1);
    net_free(c.net);
}

static uint64_t hash_of(uint64_t seed, bool another)
{
    struct cell c;
    cell_init(&c, seed, 0);
    if (another) { /* a cell of its own */
        struct net_link_params p = *device;
        net_link link;
        p.name = "x--y";
        net_node x = net_add_node(c.net, "x");
        net_node y = net_add_node(c.net, "y");
        assert_int_equal(net_add_link(c.net, x, y, &p, &link), 0);
    }
    connect_all(&c);
    net_run(c.net, net_now(c.net) + 20 * SIM_S, 0);
    uint64_t hash = c.hash;
    net_free(c.net);
    return hash;
}

static void runs_repeat_and_depend_on_the_seed(void **state)
{
    (void)state;
    uint64_t first = hash_of(1, false);
    assert_true(first == hash_of(1, false));
    assert_true(first == hash_of(1, true));
    assert_true(device == &csma || first != hash_of(2, false));
}

static void packets_wait_for_the_association(void **state)
{
    struct cell c;
    (void)state;
    device = &wifi;
    cell_init(&c, 1, 0);
    send(&c, true, 100, 0);
    net_run(c.net, SIM_MS, 0);
    assert_int_equal(c.datagrams, 0); /* no beacon yet */
    net_run(c.net, 5 * SIM_S, 0);
    assert_int_equal(c.datagrams, 1);
    net_free(c.net);
}

static void a_device_is_needed(void **state)
{
    struct net *net;
    struct net_link_params p = wifi;
    net_link link;
    (void)state;
    p.name = "a--b";
    p.device = NET_DEVICE_NONE;
    assert_int_equal(net_create_ns3(1, &net), 0);
    net_node a = net_add_node(net, "a");
    net_node b = net_add_node(net, "b");
    assert_int_equal(net_add_link(net, a, b, &p, &link), -SIM_EINVAL);
    net_free(net);
    p.device = NET_DEVICE_WIFI;
    assert_int_equal(net_create_ideal(1, &net), 0);
    a = net_add_node(net, "a");
    b = net_add_node(net, "b");
    assert_int_equal(net_add_link(net, a, b, &p, &link), -SIM_EINVAL);
    net_free(net);
}

/* --- IPv6 ---------------------------------------------------------------------------------------
 */

static const struct packet_link6 link6 = {
    .ends = {0x0a000001, 0x0a000002},
    .local = {{0xfe, 0x80, [8] = 2, [15] = 1}, {0xfe, 0x80, [8] = 2, [15] = 2}}};

/* The transport checksum over the pseudo header of IPv6, by RFC 8200, 8.1. */
static bool checksum6_ok(struct span p)
{
    uint32_t sum = (uint32_t)(p.len - 40) + p.data[6];
    for (size_t i = 8; i < p.len; i++) {
        sum += (i & 1) == 0 ? (uint32_t)p.data[i] << 8 : p.data[i];
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum == 0xffff;
}

static void ipv4_comes_back_from_ipv6(void **state)
{
    struct rng rng;
    struct buf packet = {0};
    struct buf six = {0};
    struct buf back = {0};
    uint8_t bytes[300];
    (void)state;
    rng_init(&rng, 1, "test", "ipv6");
    for (int i = 0; i < 2000; i++) {
        bool udp = rng_chance(&rng, 0.5);
        bool wrong = rng_chance(&rng, 0.2);
        bool foreign = rng_chance(&rng, 0.2);
        size_t len = rng_below(&rng, sizeof(bytes));
        for (size_t k = 0; k < len; k++) {
            bytes[k] = (uint8_t)rng_u64(&rng);
        }
        buf_clear(&packet);
        buf_clear(&six);
        buf_clear(&back);
        struct packet_tcp tcp = {.source = foreign ? 0x0a012345 : link6.ends[0],
                                 .destination = link6.ends[1],
                                 .source_port = (uint16_t)rng_u64(&rng),
                                 .destination_port = 7,
                                 .seq = (uint32_t)rng_u64(&rng),
                                 .flags = PACKET_ACK};
        if (udp) {
            packet_build_udp(&packet, tcp.source, tcp.destination, tcp.source_port, 7, 0,
                             span_of(bytes, len));
        } else {
            packet_build_tcp(&packet, &tcp, span_of(bytes, len));
        }
        packet_repair(packet.data + packet.start, buf_len(&packet));
        size_t checksum = PACKET_IP_HEADER + (udp ? 6 : 16);
        if (wrong) {
            packet.data[packet.start + checksum] ^= 0x40;
        }
        packet_to_ipv6(buf_span(&packet), &link6, 0, &six);
        assert_int_equal(buf_len(&six), buf_len(&packet) + 20);
        assert_true(checksum6_ok(buf_span(&six)) == !wrong);
        assert_int_equal(packet_from_ipv6(buf_span(&six), &link6, &back), 0);
        assert_true(packet_checksums_ok(buf_span(&back)) == !wrong);
        struct packet_view v;
        assert_int_equal(packet_parse(buf_span(&back), &v), 0);
        assert_int_equal(v.source, tcp.source);
        assert_int_equal(v.destination, tcp.destination);
        assert_int_equal(v.source_port, tcp.source_port);
        assert_int_equal(v.payload.len, len);
        assert_memory_equal(v.payload.data, bytes, len);
    }
    assert_int_equal(packet_from_ipv6(span_of(bytes, 39), &link6, &back), -SIM_EBADMSG);
    buf_fini(&packet);
    buf_fini(&six);
    buf_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_all_stations_arrive_whole),
        cmocka_unit_test(datagrams_go_both_ways_also_in_fragments),
        cmocka_unit_test(packets_take_the_time_of_the_device),
        cmocka_unit_test(what_the_channel_loses_is_told),
        cmocka_unit_test(a_link_that_is_down_carries_nothing),
        cmocka_unit_test(runs_repeat_and_depend_on_the_seed),
    };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(packets_wait_for_the_association),
        cmocka_unit_test(a_device_is_needed),
        cmocka_unit_test(ipv4_comes_back_from_ipv6),
    };
    return cmocka_run_group_tests_name("csma", tests, use_csma, NULL) +
           cmocka_run_group_tests_name("wifi", tests, use_wifi, NULL) +
           cmocka_run_group_tests_name("lr-wpan", tests, use_lr_wpan, NULL) +
           cmocka_run_group_tests_name("others", others, NULL, NULL);
}
