/* What every net promises (sim/net/net.h), shown on each implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/rng.h"
#include "sim/net/net.h"
#include "sim/net/net_packet.h"

/* --- two nodes and a link ----------------------------------------------------------------------
 */

enum { PORT = 4000 };

struct kind {
    const char *name;
    int (*create)(uint64_t seed, struct net **ret);
    enum net_fidelity fidelity; /* of every link */
};

static const struct kind kinds[] = {{"ideal", net_create_ideal, NET_FIDELITY_PACKET},
                                    {"ns-3", net_create_ns3, NET_FIDELITY_PACKET},
                                    {"fast", net_create_ns3, NET_FIDELITY_FAST}};

static const struct net_link_params plain_link = {.name = "a--b",
                                                  .delay = 5 * SIM_MS,
                                                  .rate_bps = 10000000,
                                                  .mtu_bytes = 1500,
                                                  .queue_packets = 100};

struct world {
    struct net *net;
    net_node a, b;
    net_link link;
};

static int set_up(void **state)
{
    const struct kind *kind = *state;
    struct world *w = calloc(1, sizeof(*w));
    struct net_link_params params = plain_link;
    params.fidelity = kind->fidelity;
    assert_int_equal(kind->create(1, &w->net), 0);
    w->a = net_add_node(w->net, "a");
    w->b = net_add_node(w->net, "b");
    assert_int_equal(net_add_link(w->net, w->a, w->b, &params, &w->link), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    net_free(w->net);
    free(w);
    return 0;
}

/* --- one end of a stream that notes what happens to it ------------------------------------------
 */

struct end {
    struct net *net;
    struct net_stream *stream;
    struct buf in;
    struct buf out; /* still to be handed over */
    int connected, writable, closed, error;
    sim_time connected_at, closed_at;
    bool echo;
    bool close_when_sent;
    struct net_stream_stats stats;
};

static void end_flush(struct end *e)
{
    struct span rest = buf_span(&e->out);
    buf_consume(&e->out, net_stream_send(e->stream, rest));
    if (e->close_when_sent && buf_len(&e->out) == 0) {
        e->close_when_sent = false;
        net_stream_close(e->stream);
    }
}

static void end_connected(void *arg)
{
    struct end *e = arg;
    e->connected++;
    e->connected_at = net_now(e->net);
}

static void end_data(void *arg, struct span bytes)
{
    struct end *e = arg;
    buf_append(&e->in, bytes);
    if (e->echo) {
        buf_append(&e->out, bytes);
        end_flush(e);
    }
}

static void end_writable(void *arg)
{
    struct end *e = arg;
    e->writable++;
    end_flush(e);
}

static void end_closed(void *arg, int error)
{
    struct end *e = arg;
    e->closed++;
    e->error = error;
    e->closed_at = net_now(e->net);
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
    struct net *net;
    struct end ends[256];
    size_t count;
    net_node last_peer;
    bool refuse;
    bool echo;
};

static bool server_accept(void *arg, struct net_stream *stream, net_node peer,
                          const struct net_stream_ops **ops, void **stream_arg)
{
    struct server *s = arg;
    s->last_peer = peer;
    if (s->refuse) {
        return false;
    }
    struct end *e = &s->ends[s->count++];
    *e = (struct end){.net = s->net, .stream = stream, .echo = s->echo};
    *ops = &end_ops;
    *stream_arg = e;
    return true;
}

static struct server *serve(struct world *w, net_node node)
{
    struct server *s = calloc(1, sizeof(*s));
    s->net = w->net;
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

static struct end dial(struct world *w)
{
    return (struct end){.net = w->net};
}

static void dial_now(struct world *w, struct end *e)
{
    assert_int_equal(net_connect(w->net, w->a, w->b, PORT, &end_ops, e, &e->stream), 0);
}

static void run_for(struct world *w, sim_time time)
{
    sim_time until = net_now(w->net) + time;
    net_run(w->net, until, 0);
    assert_true(net_now(w->net) == until);
}

static void fill(struct buf *b, size_t len, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed, "test", "octets");
    uint8_t *p = buf_reserve(b, len);
    for (size_t i = 0; i < len; i++) {
        p[i] = (uint8_t)rng_u64(&r);
    }
    buf_commit(b, len);
}

static void assert_holds(const struct buf *b, size_t len, uint64_t seed)
{
    struct buf wanted = {0};
    fill(&wanted, len, seed);
    assert_int_equal(buf_len(b), len);
    assert_memory_equal(buf_span(b).data, buf_span(&wanted).data, len);
    buf_fini(&wanted);
}

static void say(struct end *e, const char *words)
{
    assert_int_equal(net_stream_send(e->stream, span_of_str(words)), strlen(words));
}

/* --- streams ------------------------------------------------------------------------------------
 */

/* a --> b: connect, "hello"; b --> a: "welcome"; a closes, b follows */
static void streams_connect_talk_and_close_in_order(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    assert_int_equal(e.connected, 0);
    run_for(w, SIM_S);
    assert_int_equal(e.connected, 1);
    assert_true(e.connected_at >= 10 * SIM_MS && e.connected_at < 11 * SIM_MS);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->last_peer, w->a);
    say(&e, "hello");
    say(&s->ends[0], "welcome");
    run_for(w, SIM_S);
    assert_true(span_equal_str(buf_span(&s->ends[0].in), "hello"));
    assert_true(span_equal_str(buf_span(&e.in), "welcome"));
    struct net_stream_stats stats;
    net_stream_stats(e.stream, &stats);
    assert_int_equal(stats.bytes_sent, 5);
    assert_int_equal(stats.segments_sent, 1);
    assert_int_equal(stats.retransmissions, 0);
    net_stream_close(e.stream);
    run_for(w, SIM_S);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, 0);
    assert_int_equal(e.stats.bytes_sent, 5);
    assert_int_equal(s->ends[0].closed, 1);
    assert_int_equal(s->ends[0].error, 0);
    run_for(w, 300 * SIM_S);
    assert_int_equal(e.closed, 1);
    server_free(s);
    end_fini(&e);
}

static void both_ends_may_close_at_once(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    net_stream_close(e.stream);
    net_stream_close(s->ends[0].stream);
    run_for(w, 10 * SIM_S);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, 0);
    assert_int_equal(s->ends[0].closed, 1);
    assert_int_equal(s->ends[0].error, 0);
    server_free(s);
    end_fini(&e);
}

/* 1 MB each way at once: sends are short, writable follows, all octets arrive in order; the closing
 * end still hears what the other had under way. */
static void a_megabyte_goes_both_ways(void **state)
{
    enum { LEN = 1000000 };
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    fill(&e.out, LEN, 1);
    fill(&s->ends[0].out, LEN, 2);
    end_flush(&e);
    end_flush(&s->ends[0]);
    assert_true(buf_len(&e.out) > 0);
    e.close_when_sent = true;
    run_for(w, 100 * SIM_S);
    assert_true(e.writable > 0);
    assert_holds(&s->ends[0].in, LEN, 1);
    if (s->ends[0].closed == 0) {
        run_for(w, 60 * SIM_S);
    }
    assert_int_equal(s->ends[0].closed, 1);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, 0);
    assert_true(e.stats.bytes_sent >= LEN);
    /* what b had handed over when a's FIN came still arrives; what it had not is its loss */
    size_t handed = LEN - buf_len(&s->ends[0].out);
    assert_true(handed > 0);
    assert_int_equal(buf_len(&e.in), handed);
    server_free(s);
    end_fini(&e);
}

static void octets_queued_before_the_handshake_follow_it(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    say(&e, "early");
    net_stream_close(e.stream);
    run_for(w, 5 * SIM_S);
    assert_int_equal(e.connected, 1);
    assert_true(span_equal_str(buf_span(&s->ends[0].in), "early"));
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, 0);
    server_free(s);
    end_fini(&e);
}

static void abort_resets_the_other_end_only(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    net_stream_abort(e.stream);
    run_for(w, SIM_S);
    assert_int_equal(e.closed, 0);
    assert_int_equal(s->ends[0].closed, 1);
    assert_int_equal(s->ends[0].error, -SIM_EIO);
    /* before the handshake is over */
    struct end f = dial(w);
    dial_now(w, &f);
    net_stream_abort(f.stream);
    run_for(w, 300 * SIM_S);
    assert_int_equal(f.connected, 0);
    assert_int_equal(f.closed, 0);
    server_free(s);
    end_fini(&e);
    end_fini(&f);
}

static void abort_data(void *arg, struct span bytes)
{
    struct end *e = arg;
    buf_append(&e->in, bytes);
    net_stream_abort(e->stream);
}

static void abort_inside_a_callback_is_fine(void **state)
{
    static const struct net_stream_ops ops = {.connected = end_connected,
                                              .data = abort_data,
                                              .writable = end_writable,
                                              .closed = end_closed};
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    assert_int_equal(net_connect(w->net, w->a, w->b, PORT, &ops, &e, &e.stream), 0);
    run_for(w, SIM_S);
    fill(&s->ends[0].out, 20000, 3);
    end_flush(&s->ends[0]);
    run_for(w, 100 * SIM_S);
    assert_int_equal(e.closed, 0);
    assert_true(buf_len(&e.in) > 0 && buf_len(&e.in) < 20000);
    assert_int_equal(s->ends[0].closed, 1);
    assert_int_equal(s->ends[0].error, -SIM_EIO);
    server_free(s);
    end_fini(&e);
}

static void a_port_without_listener_refuses(void **state)
{
    struct world *w = *state;
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    assert_int_equal(e.connected, 0);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, -SIM_EIO);
    assert_true(e.closed_at < 12 * SIM_MS);
    end_fini(&e);
}

static void a_listener_may_refuse(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    s->refuse = true;
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, -SIM_EIO);
    assert_int_equal(s->count, 0);
    server_free(s);
    end_fini(&e);
}

static void a_connection_into_a_dead_link_times_out(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    net_link_set_up(w->net, w->link, false);
    dial_now(w, &e);
    run_for(w, 600 * SIM_S);
    assert_int_equal(e.connected, 0);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, -SIM_EIO);
    struct net_link_stats stats;
    net_link_stats(w->net, w->link, &stats);
    assert_true(stats.down_dropped[0] >= 3);
    server_free(s);
    end_fini(&e);
}

static void a_close_towards_a_dead_link_gives_up_within_a_minute(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    net_link_set_up(w->net, w->link, false);
    sim_time start = net_now(w->net);
    say(&e, "lost");
    net_stream_close(e.stream);
    run_for(w, 61 * SIM_S);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, -SIM_EIO);
    assert_true(e.closed_at - start <= 60 * SIM_S);
    server_free(s);
    end_fini(&e);
}

static void a_link_that_was_down_is_caught_up_with(void **state)
{
    enum { LEN = 300000 };
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    fill(&e.out, LEN, 4);
    end_flush(&e);
    run_for(w, 3 * SIM_MS);
    net_link_set_up(w->net, w->link, false);
    assert_false(net_link_is_up(w->net, w->link));
    run_for(w, 2 * SIM_S);
    assert_true(buf_len(&s->ends[0].in) < LEN);
    net_link_set_up(w->net, w->link, true);
    run_for(w, 100 * SIM_S);
    assert_holds(&s->ends[0].in, LEN, 4);
    struct net_stream_stats stats;
    net_stream_stats(e.stream, &stats);
    assert_true(stats.retransmissions > 0);
    assert_true(stats.bytes_sent > LEN);
    server_free(s);
    end_fini(&e);
}

static void many_streams_share_a_node(void **state)
{
    enum { MANY = 200 };
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    s->echo = true;
    struct end *ends = calloc(MANY, sizeof(*ends));
    for (size_t i = 0; i < MANY; i++) {
        ends[i].net = w->net;
        dial_now(w, &ends[i]);
    }
    run_for(w, 20 * SIM_S);
    for (size_t i = 0; i < MANY; i++) {
        fill(&ends[i].out, 2000, i);
        end_flush(&ends[i]);
    }
    run_for(w, 20 * SIM_S);
    for (size_t i = 0; i < MANY; i++) {
        assert_holds(&ends[i].in, 2000, i);
        net_stream_close(ends[i].stream);
    }
    run_for(w, 20 * SIM_S);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(ends[i].closed, 1);
        assert_int_equal(ends[i].error, 0);
        end_fini(&ends[i]);
    }
    assert_int_equal(s->count, MANY);
    server_free(s);
    free(ends);
}

static void wrong_calls_are_refused(void **state)
{
    struct world *w = *state;
    struct server *s = serve(w, w->b);
    net_node c = net_add_node(w->net, "c");
    struct end e = dial(w);
    net_link link;
    assert_int_equal(net_listen(w->net, w->b, PORT, server_accept, s), -SIM_EEXIST);
    assert_int_equal(net_listen(w->net, w->b, 0, server_accept, s), -SIM_EINVAL);
    assert_int_equal(net_connect(w->net, w->a, c, PORT, &end_ops, &e, &e.stream), -SIM_ENOENT);
    assert_int_equal(net_add_link(w->net, w->b, w->a, &plain_link, &link), -SIM_EINVAL);
    assert_int_equal(net_add_link(w->net, c, c, &plain_link, &link), -SIM_EINVAL);
    assert_int_equal(net_link_between(w->net, w->b, w->a), w->link);
    assert_int_equal(net_link_between(w->net, w->b, c), NET_NONE);
    assert_int_equal(net_node_address(w->net, w->a), 0x0a000001);
    assert_int_equal(net_node_address(w->net, c), 0x0a000003);
    server_free(s);
}

static void link_parameters_are_checked(void **state)
{
    struct world *w = *state;
    net_node c = net_add_node(w->net, "c");
    net_link link;
    struct net_link_params bad[12];
    for (size_t i = 0; i < SIM_ARRAY_LEN(bad); i++) {
        bad[i] = plain_link;
    }
    bad[0].delay = -1;
    bad[1].jitter = -1;
    bad[2].rate_bps = 0;
    bad[3].mtu_bytes = 67;
    bad[4].mtu_bytes = 65536;
    bad[5].queue_packets = 0;
    bad[6].loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 1.5};
    bad[7].loss = (struct net_loss){.model = NET_LOSS_GILBERT_ELLIOTT, .enter = -0.1};
    bad[8].loss = (struct net_loss){.model = NET_LOSS_RANDOM, .rate = 0.0 / 0.0};
    bad[9].name = NULL;
    bad[10].frame_bytes = 70000;
    bad[11].delay = INT64_MAX;
    for (size_t i = 0; i < SIM_ARRAY_LEN(bad); i++) {
        assert_int_equal(net_add_link(w->net, w->a, c, &bad[i], &link), -SIM_EINVAL);
    }
    assert_int_equal(net_add_link(w->net, w->a, c, &plain_link, &link), 0);
}

/* --- datagrams ----------------------------------------------------------------------------------
 */

struct inbox {
    struct net *net;
    int count;
    net_node from;
    sim_time at;
    struct buf last;
    int drops;
    uint64_t dropped_tag;
    const char *reason;
};

static void inbox_datagram(void *arg, net_node from, struct span payload)
{
    struct inbox *in = arg;
    in->count++;
    in->from = from;
    in->at = net_now(in->net);
    buf_clear(&in->last);
    buf_append(&in->last, payload);
}

static void inbox_drop(void *arg, uint64_t tag, const char *reason)
{
    struct inbox *in = arg;
    in->drops++;
    in->dropped_tag = tag;
    in->reason = reason;
}

static void datagrams_arrive_whole_up_to_the_limit(void **state)
{
    static const size_t lengths[] = {0, 1, 1472, 1473, 5000, 65507};
    struct world *w = *state;
    struct inbox in = {.net = w->net};
    struct buf payload = {0};
    net_set_drop_handler(w->net, inbox_drop, &in);
    assert_int_equal(net_datagram_bind(w->net, w->b, 500, inbox_datagram, &in), 0);
    assert_int_equal(net_datagram_bind(w->net, w->b, 500, inbox_datagram, &in), -SIM_EEXIST);
    for (size_t i = 0; i < SIM_ARRAY_LEN(lengths); i++) {
        buf_clear(&payload);
        fill(&payload, lengths[i], i);
        assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, buf_span(&payload), i + 1), 0);
        run_for(w, SIM_S);
        assert_int_equal(in.count, (int)i + 1);
        assert_int_equal(in.from, w->a);
        assert_true(span_equal(buf_span(&in.last), buf_span(&payload)));
    }
    assert_int_equal(in.drops, 0);
    buf_append_u8(&payload, 0);
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, buf_span(&payload), 9),
                     -SIM_EINVAL);
    net_node c = net_add_node(w->net, "c");
    assert_int_equal(net_datagram_send(w->net, w->a, c, 500, span_of_str("x"), 9), -SIM_ENOENT);
    buf_fini(&payload);
    buf_fini(&in.last);
}

/* b may answer from the same port; nobody listening is no drop of the network's */
static void datagrams_to_an_unbound_port_vanish(void **state)
{
    struct world *w = *state;
    struct inbox in = {.net = w->net};
    net_set_drop_handler(w->net, inbox_drop, &in);
    assert_int_equal(net_datagram_bind(w->net, w->a, 500, inbox_datagram, &in), 0);
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 1), 0);
    run_for(w, SIM_S);
    assert_int_equal(in.drops, 0);
    assert_int_equal(in.count, 0);
    assert_int_equal(net_datagram_send(w->net, w->b, w->a, 500, span_of_str("y"), 2), 0);
    run_for(w, SIM_S);
    assert_int_equal(in.count, 1);
    buf_fini(&in.last);
}

static enum net_verdict drop_all(void *arg, const struct net_packet *packet, struct buf *change)
{
    (void)packet;
    (void)change;
    ++*(int *)arg;
    return NET_DROP;
}

static void drops_of_datagrams_are_told_once_with_the_reason(void **state)
{
    struct world *w = *state;
    struct inbox in = {.net = w->net};
    struct buf big = {0};
    int tapped = 0;
    fill(&big, 4000, 1);
    net_set_drop_handler(w->net, inbox_drop, &in);
    assert_int_equal(net_datagram_bind(w->net, w->b, 500, inbox_datagram, &in), 0);
    /* a tap takes all three fragments */
    uint32_t tap = net_tap_add(w->net, w->link, false, drop_all, &tapped);
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, buf_span(&big), 7), 0);
    assert_int_equal(in.drops, 0);
    run_for(w, SIM_S);
    assert_int_equal(in.drops, 1);
    assert_int_equal(tapped, 3);
    assert_true(in.dropped_tag == 7);
    assert_string_equal(in.reason, "tap");
    net_tap_remove(w->net, tap);
    /* on the air when the link goes down */
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 8), 0);
    run_for(w, 2 * SIM_MS);
    net_link_set_up(w->net, w->link, false);
    assert_int_equal(in.drops, 1);
    run_for(w, SIM_MS);
    assert_int_equal(in.drops, 2);
    assert_true(in.dropped_tag == 8);
    assert_string_equal(in.reason, "down");
    /* sent into a link that is down; not followed without a tag */
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 9), 0);
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 0), 0);
    assert_int_equal(in.drops, 2);
    run_for(w, SIM_S);
    assert_int_equal(in.drops, 3);
    assert_true(in.dropped_tag == 9);
    net_link_set_up(w->net, w->link, true);
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 10), 0);
    run_for(w, SIM_S);
    assert_int_equal(in.count, 1);
    assert_int_equal(in.drops, 3);
    buf_fini(&big);
    buf_fini(&in.last);
}

/* --- timers and running --------------------------------------------------------------------------
 */

struct order {
    struct net *net;
    char text[64];
    size_t len;
    net_timer victim;
};

struct note {
    struct order *order;
    char letter;
};

static void write_letter(void *arg)
{
    struct note *n = arg;
    n->order->text[n->order->len++] = n->letter;
    if (n->letter == 'k') {
        net_timer_cancel(n->order->net, n->order->victim);
    }
    if (n->letter == 's') {
        net_stop(n->order->net);
    }
}

static void timers_run_in_order_of_time_then_of_call(void **state)
{
    struct world *w = *state;
    struct order o = {.net = w->net};
    struct note notes[] = {{&o, 'd'}, {&o, 'a'}, {&o, 'b'}, {&o, 'k'}, {&o, 'x'}, {&o, 'e'}};
    net_timer_set(w->net, 3 * SIM_S, write_letter, &notes[0]);
    net_timer a = net_timer_set(w->net, SIM_S, write_letter, &notes[1]);
    net_timer_set(w->net, SIM_S, write_letter, &notes[2]);
    net_timer_set(w->net, 2 * SIM_S, write_letter, &notes[3]);
    o.victim = net_timer_set(w->net, 2 * SIM_S, write_letter, &notes[4]);
    net_timer gone = net_timer_set(w->net, SIM_S, write_letter, &notes[4]);
    net_timer_cancel(w->net, gone);
    net_timer_cancel(w->net, 0);
    run_for(w, 2 * SIM_S);
    assert_string_equal(o.text, "abk");
    net_timer_cancel(w->net, a); /* ran already */
    net_timer_set(w->net, net_now(w->net), write_letter, &notes[5]);
    run_for(w, 0);
    assert_string_equal(o.text, "abke");
    run_for(w, 10 * SIM_S);
    assert_string_equal(o.text, "abked");
}

enum { MANY = 5000 };

struct crowd {
    struct net *net;
    struct member {
        struct crowd *crowd;
        sim_time due;
        uint64_t set_as; /* the how-manieth that was set */
        net_timer timer;
        bool ran, cancelled;
    } members[MANY];
    size_t count, ran;
    sim_time last_due;
    uint64_t last_set_as;
    uint32_t state; /* of a little generator: the test is the same each time */
};

static uint32_t draw(struct crowd *c, uint32_t below)
{
    c->state = c->state * 1664525U + 1013904223U; /* Numerical Recipes */
    return (c->state >> 8) % below;
}

static void member_runs(void *arg);

/* Nanoseconds, milliseconds or seconds from now, often the same as another's. */
static void set_one(struct crowd *c)
{
    static const sim_time units[] = {1, SIM_MS, SIM_S / 4, SIM_S};
    if (c->count < MANY) {
        struct member *m = &c->members[c->count];
        sim_time delay = (sim_time)draw(c, 20) * units[draw(c, SIM_ARRAY_LEN(units))];
        *m = (struct member){.crowd = c, .due = net_now(c->net) + delay, .set_as = c->count++};
        m->timer = net_timer_set(c->net, m->due, member_runs, m);
    }
}

static void member_runs(void *arg)
{
    struct member *m = arg;
    struct crowd *c = m->crowd;
    assert_true(net_now(c->net) == m->due);
    assert_true(m->due > c->last_due || (m->due == c->last_due && m->set_as > c->last_set_as));
    assert_false(m->ran || m->cancelled);
    m->ran = true;
    c->last_due = m->due;
    c->last_set_as = m->set_as;
    c->ran++;
    set_one(c);
    set_one(c);
    struct member *other = &c->members[draw(c, (uint32_t)c->count)];
    if (!other->ran && !other->cancelled && draw(c, 3) == 0) {
        other->cancelled = true;
        net_timer_cancel(c->net, other->timer);
    }
}

static void thousands_of_timers_near_and_far_run_in_order(void **state)
{
    struct world *w = *state;
    struct crowd *c = mem_calloc(1, sizeof(*c));
    c->net = w->net;
    c->last_due = -1;
    for (size_t i = 0; i < MANY / 4; i++) {
        set_one(c);
    }
    for (int i = 0; i < 40; i++) {
        run_for(w, SIM_S * 3 / 7); /* in portions, which end between */
    }
    run_for(w, 1000 * SIM_S);
    size_t cancelled = 0;
    for (size_t i = 0; i < c->count; i++) {
        cancelled += c->members[i].cancelled;
    }
    assert_int_equal(c->count, MANY);
    assert_true(cancelled > MANY / 20);
    assert_int_equal(c->ran, MANY - cancelled);
    free(c);
}

static void stop_returns_after_the_event(void **state)
{
    struct world *w = *state;
    struct order o = {.net = w->net};
    struct note notes[] = {{&o, 'a'}, {&o, 's'}, {&o, 'b'}};
    run_for(w, 0); /* ns-3 starts its nodes by events */
    for (size_t i = 0; i < 3; i++) {
        net_timer_set(w->net, SIM_S, write_letter, &notes[i]);
    }
    assert_int_equal(net_run(w->net, 2 * SIM_S, 0), 2);
    assert_string_equal(o.text, "as");
    assert_true(net_now(w->net) == SIM_S);
    assert_int_equal(net_run(w->net, 2 * SIM_S, 0), 1);
    assert_string_equal(o.text, "asb");
    assert_true(net_now(w->net) == 2 * SIM_S);
}

/* The hash of all packets with their times, of a transfer over two links. */
struct trace {
    uint64_t hash;
    uint64_t packets;
};

static enum net_verdict trace_packet(void *arg, const struct net_packet *p, struct buf *change)
{
    struct trace *t = arg;
    (void)change;
    t->hash = span_hash(t->hash, span_of(&p->at, sizeof(p->at)));
    t->hash = span_hash(t->hash, span_of(&p->number, sizeof(p->number)));
    t->hash = span_hash(t->hash, span_of(p->data, p->len));
    t->packets++;
    return NET_PASS;
}

static struct trace traced_run(const struct kind *kind, uint64_t budget, uint64_t *events)
{
    void *state = (void *)(uintptr_t)kind;
    set_up(&state);
    struct world *w = state;
    struct trace t = {0};
    net_tap_add(w->net, w->link, false, trace_packet, &t);
    struct server *s = serve(w, w->b);
    s->echo = true;
    struct end e = dial(w);
    dial_now(w, &e);
    fill(&e.out, 50000, 5);
    end_flush(&e);
    sim_time until = 30 * SIM_S;
    uint64_t handled = 0;
    do {
        uint64_t n = net_run(w->net, until, budget);
        assert_true(budget == 0 || n <= budget);
        handled += n;
    } while (net_now(w->net) < until || (budget != 0 && net_run(w->net, until, 0) != 0));
    assert_int_equal(handled, net_event_count(w->net));
    *events = handled;
    assert_holds(&e.in, 50000, 5);
    server_free(s);
    end_fini(&e);
    tear_down(&state);
    return t;
}

static void runs_in_small_portions_equal_one_run(void **state)
{
    const struct kind *kind = *state;
    uint64_t events[3];
    struct trace whole = traced_run(kind, 0, &events[0]);
    struct trace again = traced_run(kind, 0, &events[1]);
    struct trace bits = traced_run(kind, 7, &events[2]);
    assert_true(whole.packets > 60);
    assert_true(whole.hash == again.hash && whole.packets == again.packets);
    assert_true(whole.hash == bits.hash && whole.packets == bits.packets);
    assert_int_equal(events[0], events[1]);
    assert_int_equal(events[0], events[2]);
}

/* --- taps ----------------------------------------------------------------------------------------
 */

static enum net_verdict check_packet(void *arg, const struct net_packet *p, struct buf *change)
{
    struct trace *t = arg;
    struct packet_view v;
    (void)change;
    assert_int_equal(packet_parse(span_of(p->data, p->len), &v), 0);
    assert_true(packet_checksums_ok(span_of(p->data, p->len)));
    assert_int_equal(v.source, p->direction == 0 ? 0x0a000001 : 0x0a000002);
    assert_true(p->len <= 1500);
    t->packets++;
    assert_true(p->number == t->packets);
    return NET_PASS;
}

static void taps_see_valid_packets(void **state)
{
    struct world *w = *state;
    struct trace t = {0};
    struct server *s = serve(w, w->b);
    net_tap_add(w->net, w->link, false, check_packet, &t);
    struct end e = dial(w);
    dial_now(w, &e);
    fill(&e.out, 30000, 6);
    end_flush(&e);
    struct buf big = {0};
    fill(&big, 4000, 6);
    assert_int_equal(net_datagram_send(w->net, w->b, w->a, 500, buf_span(&big), 0), 0);
    e.close_when_sent = true;
    end_flush(&e);
    run_for(w, 20 * SIM_S);
    assert_int_equal(e.closed, 1);
    struct net_link_stats stats;
    net_link_stats(w->net, w->link, &stats);
    assert_true(t.packets >= 25);
    assert_int_equal(stats.packets[0] + stats.packets[1], t.packets);
    assert_true(stats.bytes[0] > 30000 + 21 * 40);
    server_free(s);
    end_fini(&e);
    buf_fini(&big);
}

/* Drops the first segment with payload from a to b. */
static enum net_verdict drop_first_payload(void *arg, const struct net_packet *p,
                                           struct buf *change)
{
    int *dropped = arg;
    struct packet_view v;
    (void)change;
    assert_int_equal(packet_parse(span_of(p->data, p->len), &v), 0);
    if (p->direction != 0 || v.payload.len == 0 || *dropped > 0) {
        return NET_PASS;
    }
    ++*dropped;
    return NET_DROP;
}

static void what_a_tap_drops_is_repeated(void **state)
{
    struct world *w = *state;
    int dropped = 0;
    struct server *s = serve(w, w->b);
    uint32_t tap = net_tap_add(w->net, w->link, false, drop_first_payload, &dropped);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    say(&e, "once more");
    run_for(w, 10 * SIM_S);
    assert_int_equal(dropped, 1);
    assert_true(span_equal_str(buf_span(&s->ends[0].in), "once more"));
    struct net_stream_stats stats;
    net_stream_stats(e.stream, &stats);
    assert_int_equal(stats.retransmissions, 1);
    assert_int_equal(stats.segments_sent, 2);
    assert_int_equal(stats.bytes_sent, 18);
    struct net_link_stats link;
    net_link_stats(w->net, w->link, &link);
    assert_int_equal(link.tap_dropped[0], 1);
    net_tap_remove(w->net, tap);
    net_tap_remove(w->net, tap);
    server_free(s);
    end_fini(&e);
}

/* a --> b: a question every 2 s, b --> a: the answer, which carries the acknowledgement. After two
 * minutes of that a lost question is repeated after a second or so, not after two minutes. */
static void a_long_talk_forgets_no_round_trip(void **state)
{
    struct world *w = *state;
    int dropped = 0;
    struct server *s = serve(w, w->b);
    s->echo = true;
    struct end e = dial(w);
    dial_now(w, &e);
    for (int i = 0; i < 60; i++) {
        run_for(w, 2 * SIM_S);
        say(&e, "?");
    }
    run_for(w, 2 * SIM_S);
    assert_int_equal(buf_len(&e.in), 60);
    uint32_t tap = net_tap_add(w->net, w->link, false, drop_first_payload, &dropped);
    say(&e, "?");
    run_for(w, 3 * SIM_S);
    assert_int_equal(dropped, 1);
    assert_int_equal(buf_len(&e.in), 61);
    net_tap_remove(w->net, tap);
    server_free(s);
    end_fini(&e);
}

/* Turns 'a' to 'b' in all payload, and breaks the checksums, which the net makes right again. */
static enum net_verdict change_letters(void *arg, const struct net_packet *p, struct buf *change)
{
    int *changed = arg;
    struct packet_view v;
    assert_int_equal(packet_parse(span_of(p->data, p->len), &v), 0);
    if (v.payload.len == 0 || v.payload.data[0] != 'a') {
        return NET_PASS;
    }
    buf_append(change, span_of(p->data, p->len));
    memset(change->data + change->end - v.payload.len, 'b', v.payload.len);
    change->data[change->start + 10] ^= 0xff;
    ++*changed;
    return NET_CHANGE;
}

static void a_tap_changes_what_arrives(void **state)
{
    struct world *w = *state;
    int changed = 0;
    struct trace t = {0};
    struct inbox in = {.net = w->net};
    struct server *s = serve(w, w->b);
    net_tap_add(w->net, w->link, false, check_packet, &t); /* after the other: sees valid packets */
    net_tap_add(w->net, w->link, true, change_letters, &changed);
    assert_int_equal(net_datagram_bind(w->net, w->b, 500, inbox_datagram, &in), 0);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    say(&e, "aaaa");
    assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("aaa"), 0), 0);
    run_for(w, SIM_S);
    assert_int_equal(changed, 2);
    assert_true(span_equal_str(buf_span(&s->ends[0].in), "bbbb"));
    assert_true(span_equal_str(buf_span(&in.last), "bbb"));
    assert_true(t.packets >= 4);
    server_free(s);
    end_fini(&e);
    buf_fini(&in.last);
}

struct removal {
    struct net *net;
    net_link link;
    uint32_t self;
    int seen;
    int later;
};

static enum net_verdict count_later(void *arg, const struct net_packet *p, struct buf *change)
{
    (void)p;
    (void)change;
    ((struct removal *)arg)->later++;
    return NET_PASS;
}

static enum net_verdict remove_itself(void *arg, const struct net_packet *p, struct buf *change)
{
    struct removal *r = arg;
    (void)p;
    (void)change;
    r->seen++;
    net_tap_remove(r->net, r->self);
    net_tap_add(r->net, r->link, true, count_later, r);
    return NET_PASS;
}

static void taps_come_and_go_while_they_run(void **state)
{
    struct world *w = *state;
    struct removal r = {.net = w->net, .link = w->link};
    r.self = net_tap_add(w->net, w->link, false, remove_itself, &r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 0), 0);
        run_for(w, SIM_S);
    }
    assert_int_equal(r.seen, 1);
    assert_int_equal(r.later, 2);
}

static void injected_packets_arrive_past_the_taps(void **state)
{
    struct world *w = *state;
    int tapped = 0;
    struct inbox in = {.net = w->net};
    struct buf packet = {0};
    assert_int_equal(net_datagram_bind(w->net, w->b, 500, inbox_datagram, &in), 0);
    net_tap_add(w->net, w->link, false, drop_all, &tapped);
    packet_build_udp(&packet, net_node_address(w->net, w->a), net_node_address(w->net, w->b), 500,
                     500, 1, span_of_str("forged"));
    assert_int_equal(net_inject(w->net, w->link, 0, buf_span(&packet)), 0);
    run_for(w, SIM_S);
    assert_int_equal(tapped, 0);
    assert_int_equal(in.count, 1);
    assert_int_equal(in.from, w->a);
    assert_true(span_equal_str(buf_span(&in.last), "forged"));
    assert_int_equal(net_inject(w->net, w->link, 0, span_of_str("no packet at all, is it?")),
                     -SIM_EINVAL);
    assert_int_equal(net_inject(w->net, w->link, 2, buf_span(&packet)), -SIM_EINVAL);
    buf_fini(&packet);
    buf_fini(&in.last);
}

struct snoop {
    struct packet_tcp last; /* of b's last segment to a, turned into a reset from b */
};

static enum net_verdict snoop_segment(void *arg, const struct net_packet *p, struct buf *change)
{
    struct snoop *s = arg;
    struct packet_view v;
    (void)change;
    assert_int_equal(packet_parse(span_of(p->data, p->len), &v), 0);
    if (p->direction == 1 && v.protocol == PACKET_TCP) {
        s->last = (struct packet_tcp){.source = v.source,
                                      .destination = v.destination,
                                      .source_port = v.source_port,
                                      .destination_port = v.destination_port,
                                      .seq = v.seq + (uint32_t)v.payload.len,
                                      .ack = v.ack,
                                      .flags = PACKET_RST};
    }
    return NET_PASS;
}

static void a_forged_reset_breaks_a_stream(void **state)
{
    struct world *w = *state;
    struct snoop snoop = {0};
    struct buf packet = {0};
    struct server *s = serve(w, w->b);
    net_tap_add(w->net, w->link, false, snoop_segment, &snoop);
    struct end e = dial(w);
    dial_now(w, &e);
    run_for(w, SIM_S);
    say(&s->ends[0], "so that numbers are known");
    run_for(w, SIM_S);
    packet_build_tcp(&packet, &snoop.last, span_of(NULL, 0));
    assert_int_equal(net_inject(w->net, w->link, 1, buf_span(&packet)), 0);
    run_for(w, SIM_S);
    assert_int_equal(e.closed, 1);
    assert_int_equal(e.error, -SIM_EIO);
    server_free(s);
    end_fini(&e);
    buf_fini(&packet);
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* Freed in the middle of everything: nothing may leak, nobody is called. */
static void a_net_can_be_freed_in_the_middle(void **state)
{
    const struct kind *kind = *state;
    for (int round = 0; round < 2; round++) {
        void *at = (void *)(uintptr_t)kind;
        set_up(&at);
        struct world *w = at;
        struct server *s = serve(w, w->b);
        struct inbox in = {.net = w->net};
        struct order o = {.net = w->net};
        struct note note = {&o, 'x'};
        assert_int_equal(net_datagram_bind(w->net, w->b, 500, inbox_datagram, &in), 0);
        struct end e = dial(w);
        struct end f = dial(w);
        dial_now(w, &e);
        run_for(w, SIM_S);
        dial_now(w, &f);
        fill(&e.out, 100000, 1);
        end_flush(&e);
        run_for(w, 20 * SIM_MS);
        net_stream_close(e.stream);
        net_timer_set(w->net, net_now(w->net) + SIM_S, write_letter, &note);
        assert_int_equal(net_datagram_send(w->net, w->a, w->b, 500, span_of_str("x"), 1), 0);
        tear_down(&at);
        assert_int_equal(e.closed + f.closed + in.count, 0);
        assert_int_equal(o.len, 0);
        server_free(s);
        end_fini(&e);
        end_fini(&f);
    }
    net_free(NULL);
}

#define KINDS(f, up, down)                                                                         \
    {#f " (ideal)", f, up, down, (void *)(uintptr_t)&kinds[0]},                                    \
        {#f " (ns-3)", f, up, down, (void *)(uintptr_t)&kinds[1]},                                 \
    {                                                                                              \
#f " (fast)", f, up, down, (void *)(uintptr_t)&kinds[2]                                    \
    }
#define PAIR(f) KINDS(f, set_up, tear_down)
#define BARE(f) KINDS(f, NULL, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(streams_connect_talk_and_close_in_order),
        PAIR(both_ends_may_close_at_once),
        PAIR(a_megabyte_goes_both_ways),
        PAIR(octets_queued_before_the_handshake_follow_it),
        PAIR(abort_resets_the_other_end_only),
        PAIR(abort_inside_a_callback_is_fine),
        PAIR(a_port_without_listener_refuses),
        PAIR(a_listener_may_refuse),
        PAIR(a_connection_into_a_dead_link_times_out),
        PAIR(a_close_towards_a_dead_link_gives_up_within_a_minute),
        PAIR(a_link_that_was_down_is_caught_up_with),
        PAIR(many_streams_share_a_node),
        PAIR(wrong_calls_are_refused),
        PAIR(link_parameters_are_checked),
        PAIR(datagrams_arrive_whole_up_to_the_limit),
        PAIR(datagrams_to_an_unbound_port_vanish),
        PAIR(drops_of_datagrams_are_told_once_with_the_reason),
        PAIR(timers_run_in_order_of_time_then_of_call),
        PAIR(thousands_of_timers_near_and_far_run_in_order),
        PAIR(stop_returns_after_the_event),
        BARE(runs_in_small_portions_equal_one_run),
        PAIR(taps_see_valid_packets),
        PAIR(what_a_tap_drops_is_repeated),
        PAIR(a_long_talk_forgets_no_round_trip),
        PAIR(a_tap_changes_what_arrives),
        PAIR(taps_come_and_go_while_they_run),
        PAIR(injected_packets_arrive_past_the_taps),
        PAIR(a_forged_reset_breaks_a_stream),
        BARE(a_net_can_be_freed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
