/* Ways over several links: times, fragments, time to live, streams, and links that change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/net/net.h"
#include "sim/net/net_packet.h"

enum { PORT = 4000, NODES = 5, TRANSFER = 200000 };

static const struct net_link_params megabit = {
    .delay = 5 * SIM_MS, .rate_bps = 1000000, .mtu_bytes = 1500, .queue_packets = 1000};

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

/* n0 -- n1 -- ... -- n4 */
struct chain {
    struct net *net;
    net_node nodes[NODES];
    net_link links[NODES - 1];
    sim_time arrived;
    size_t count, octets;
    net_node from;
    const char *reason;
    struct net_stream *stream;
    struct span left;
    int closed;
};

static void on_datagram(void *arg, net_node from, struct span payload)
{
    struct chain *c = arg;
    c->arrived = net_now(c->net);
    c->count++;
    c->octets += payload.len;
    c->from = from;
}

static void on_drop(void *arg, uint64_t tag, const char *reason)
{
    struct chain *c = arg;
    assert_int_equal(tag, 7);
    c->reason = reason;
}

static void chain_init(struct chain *c, const uint32_t *mtus)
{
    static const char *const names[] = {"n0", "n1", "n2", "n3", "n4"};
    static const char *const link_names[] = {"n0--n1", "n1--n2", "n2--n3", "n3--n4"};
    *c = (struct chain){0};
    assert_int_equal(net_create_ns3(1, &c->net), 0);
    for (size_t i = 0; i < NODES; i++) {
        c->nodes[i] = net_add_node(c->net, names[i]);
        assert_int_equal(net_datagram_bind(c->net, c->nodes[i], PORT, on_datagram, c), 0);
    }
    for (size_t i = 0; i + 1 < NODES; i++) {
        struct net_link_params p = megabit;
        p.name = link_names[i];
        p.fidelity = fidelity;
        p.mtu_bytes = mtus != NULL ? mtus[i] : p.mtu_bytes;
        assert_int_equal(net_add_link(c->net, c->nodes[i], c->nodes[i + 1], &p, &c->links[i]), 0);
    }
    net_set_drop_handler(c->net, on_drop, c);
}

static void route_ends(struct chain *c)
{
    for (size_t i = 0; i + 1 < NODES; i++) {
        assert_int_equal(net_set_route(c->net, c->nodes[i], c->nodes[NODES - 1], c->links[i]), 0);
        assert_int_equal(net_set_route(c->net, c->nodes[i + 1], c->nodes[0], c->links[i]), 0);
    }
}

static void send(struct chain *c, size_t payload_bytes)
{
    static const uint8_t zeros[4000];
    assert_int_equal(net_datagram_send(c->net, c->nodes[0], c->nodes[NODES - 1], PORT,
                                       span_of(zeros, payload_bytes), 7),
                     0);
}

static void a_datagram_is_stored_and_forwarded_at_each_node(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, NULL);
    assert_int_equal(net_datagram_send(c.net, c.nodes[0], c.nodes[4], PORT, span_of("x", 1), 0),
                     -SIM_ENOENT);
    route_ends(&c);
    send(&c, 1000 - PACKET_IP_HEADER - PACKET_UDP_HEADER);
    net_run(c.net, SIM_S, 0);
    assert_int_equal(c.count, 1);
    assert_true(c.arrived == 4 * (8 + 5) * SIM_MS);
    assert_int_equal(c.from, c.nodes[0]);
    assert_null(c.reason);
    net_free(c.net);
}

static void what_exceeds_the_next_mtu_is_cut_on_the_way(void **state)
{
    static const uint32_t mtus[] = {1500, 600, 300, 1500};
    struct chain c;
    struct net_link_stats stats;
    (void)state;
    chain_init(&c, mtus);
    route_ends(&c);
    send(&c, 1400);
    net_run(c.net, SIM_S, 0);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.octets, 1400);
    /* 1,408 octets of IP payload: 576 + 576 + 256; then 280 + 280 + 16, twice, and 256 */
    static const uint64_t packets[] = {1, 3, 7, 7};
    for (size_t i = 0; i + 1 < NODES; i++) {
        net_link_stats(c.net, c.links[i], &stats);
        assert_int_equal(stats.packets[0], packets[i]);
    }
    net_free(c.net);
}

static enum net_verdict see_age(void *arg, const struct net_packet *packet, struct buf *change)
{
    uint8_t *age = arg;
    (void)change;
    *age = packet->data[8];
    assert_true(packet_checksums_ok(span_of(packet->data, packet->len)));
    return NET_PASS;
}

static void the_time_to_live_ends_a_loop(void **state)
{
    struct chain c;
    struct net_link_stats stats;
    uint8_t age = 0;
    (void)state;
    chain_init(&c, NULL);
    for (size_t i = 0; i < 2; i++) { /* n1 and n2 send it to each other */
        assert_int_equal(net_set_route(c.net, c.nodes[i], c.nodes[4], c.links[i]), 0);
    }
    assert_int_equal(net_set_route(c.net, c.nodes[2], c.nodes[4], c.links[1]), 0);
    net_tap_add(c.net, c.links[1], false, see_age, &age);
    send(&c, 100);
    net_run(c.net, 10 * SIM_S, 0);
    assert_int_equal(c.count, 0);
    assert_int_equal(age, 1);
    net_link_stats(c.net, c.links[1], &stats);
    assert_int_equal(stats.packets[0] + stats.packets[1], 63);
    net_free(c.net);
}

static void a_node_without_a_route_forwards_nothing(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, NULL);
    assert_int_equal(net_set_route(c.net, c.nodes[0], c.nodes[4], c.links[0]), 0);
    assert_int_equal(net_set_route(c.net, c.nodes[0], c.nodes[4], c.links[2]), -SIM_EINVAL);
    send(&c, 100);
    net_run(c.net, SIM_S, 0);
    assert_int_equal(c.count, 0);
    net_free(c.net);
}

static void the_loss_of_a_later_link_is_told(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, NULL);
    route_ends(&c);
    net_link_set_up(c.net, c.links[2], false);
    send(&c, 100);
    net_run(c.net, SIM_S, 0);
    assert_string_equal(c.reason, "down");
    net_free(c.net);
}

/* --- streams ------------------------------------------------------------------------------------
 */

static void pump(struct chain *c)
{
    size_t taken = net_stream_send(c->stream, c->left);
    c->left = span_of(c->left.data + taken, c->left.len - taken);
    if (c->left.len == 0) {
        net_stream_close(c->stream);
    }
}

static void on_connected(void *arg)
{
    pump(arg);
}

static void on_writable(void *arg)
{
    struct chain *c = arg;
    if (c->left.len > 0) {
        pump(c);
    }
}

static void on_data(void *arg, struct span bytes)
{
    struct chain *c = arg;
    c->octets += bytes.len;
}

static void on_closed(void *arg, int error)
{
    struct chain *c = arg;
    assert_int_equal(error, 0);
    c->closed++;
}

static const struct net_stream_ops ops = {
    .connected = on_connected, .data = on_data, .writable = on_writable, .closed = on_closed};

static bool on_accept(void *arg, struct net_stream *stream, net_node peer,
                      const struct net_stream_ops **stream_ops, void **stream_arg)
{
    struct chain *c = arg;
    (void)stream;
    assert_int_equal(peer, c->nodes[0]);
    *stream_ops = &ops;
    *stream_arg = c;
    return true;
}

static void segments_fit_the_smallest_mtu_of_the_way(void **state)
{
    static const uint32_t mtus[] = {1500, 1500, 576, 1500};
    static uint8_t bytes[TRANSFER];
    struct chain c;
    struct net_link_stats first, narrow;
    (void)state;
    chain_init(&c, mtus);
    route_ends(&c);
    assert_int_equal(net_listen(c.net, c.nodes[4], PORT, on_accept, &c), 0);
    c.left = span_of(bytes, sizeof(bytes));
    assert_int_equal(net_connect(c.net, c.nodes[0], c.nodes[4], PORT, &ops, &c, &c.stream), 0);
    net_run(c.net, 60 * SIM_S, 0);
    assert_int_equal(c.octets, TRANSFER);
    assert_int_equal(c.closed, 2);
    net_link_stats(c.net, c.links[0], &first);
    net_link_stats(c.net, c.links[2], &narrow);
    assert_int_equal(first.packets[0], narrow.packets[0]); /* nothing was cut */
    assert_true(first.packets[0] >= TRANSFER / (576 - 52));
    net_free(c.net);
}

/* --- links that change --------------------------------------------------------------------------
 */

static void a_link_changes_its_delay_rate_and_loss(void **state)
{
    struct chain c;
    struct net_link_params p = megabit;
    (void)state;
    chain_init(&c, NULL);
    route_ends(&c);
    p.delay = 50 * SIM_MS;
    p.rate_bps = 100000;
    assert_int_equal(net_link_change(c.net, c.links[3], &p), 0);
    send(&c, 1000 - PACKET_IP_HEADER - PACKET_UDP_HEADER);
    net_run(c.net, SIM_S, 0);
    assert_true(c.arrived == 3 * (8 + 5) * SIM_MS + (80 + 50) * SIM_MS);
    p.loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 1};
    assert_int_equal(net_link_change(c.net, c.links[3], &p), 0);
    send(&c, 100);
    net_run(c.net, 2 * SIM_S, 0);
    assert_string_equal(c.reason, "loss");
    p.loss.rate = 2;
    assert_int_equal(net_link_change(c.net, c.links[3], &p), -SIM_EINVAL);
    p.loss.rate = 0;
    assert_int_equal(net_link_change(c.net, c.links[3], &p), 0);
    send(&c, 100);
    net_run(c.net, 3 * SIM_S, 0);
    assert_int_equal(c.count, 2);
    net_free(c.net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_is_stored_and_forwarded_at_each_node),
        cmocka_unit_test(what_exceeds_the_next_mtu_is_cut_on_the_way),
        cmocka_unit_test(the_time_to_live_ends_a_loop),
        cmocka_unit_test(a_node_without_a_route_forwards_nothing),
        cmocka_unit_test(the_loss_of_a_later_link_is_told),
        cmocka_unit_test(segments_fit_the_smallest_mtu_of_the_way),
        cmocka_unit_test(a_link_changes_its_delay_rate_and_loss),
    };
    return cmocka_run_group_tests_name("packet", tests, use_packet, NULL) +
           cmocka_run_group_tests_name("fast", tests, use_fast, NULL);
}
