/* Channels over TCP: the stream under an end, and when it is given up. */
#include "sim/world/channel_internal.h"

#include "sim/world/account.h"
#include "sim/world/session.h"

/* --- giving up
 * -------------------------------------------------------------------------------------- */

/* Messages that an end would still have to get rid of. */
static size_t still_to_move(const struct end *end)
{
    return end->outgoing.count + end->under_way.count + (end->step != NULL);
}

/* The peer does not answer, and TCP would try on for a minute. What has not reached it by now never
 * will; where the reset does not reach it either, nobody tells it. */
static void on_close_timeout(void *arg)
{
    struct end *end = arg;
    struct channel *c = end->channel;
    struct end *peer = other_end(end);
    end->closing = 0;
    if (end->stream == NULL) {
        return;
    }
    if (still_to_move(end) < end->closing_to_move) {
        end_watch_close(end);
        return;
    }
    end_abort(end, "close_timeout");
    if (!peer->dead && peer->step == NULL && buf_len(&peer->received) == 0) {
        peer->deaf = true;
        account_lost_queue(c->world, &end->under_way, "session_lost");
    }
    channel_reap(c);
}

void end_watch_close(struct end *end)
{
    struct world *w = end->channel->world;
    if (end->closing == 0 && end->stream != NULL) {
        end->closing_to_move = still_to_move(end);
        end->closing = net_timer_set(w->net, net_now(w->net) + w->scenario->timers.close_timeout,
                                     on_close_timeout, end);
    }
}

/* --- octets
 * ----------------------------------------------------------------------------------------- */

void end_flush(struct end *end)
{
    if (end->stream == NULL) {
        return;
    }
    if (buf_len(&end->unsent) > 0) {
        net_stream_hand_over(end->stream, &end->unsent);
    }
    if (buf_len(&end->unsent) == 0) {
        buf_fini(&end->unsent); /* what an idle session keeps counts a hundred thousand times */
    }
    if (buf_len(&end->unsent) == 0 && end->close_transport) {
        end->close_transport = false;
        net_stream_close(end->stream);
    }
}

static void on_connected(void *arg)
{
    end_begin_session(arg);
}

static void on_data(void *arg, struct span bytes)
{
    struct end *end = arg;
    if (!end->dead && !end->deaf) {
        buf_append(&end->received, bytes);
        step_kick(end);
    }
}

static void on_writable(void *arg)
{
    end_flush(arg);
}

void end_read_transport(struct end *end)
{
    struct net_stream_stats stats;
    net_stream_stats(end->stream, &stats);
    end->retransmissions = stats.retransmissions;
}

static void on_closed(void *arg, int error)
{
    struct end *end = arg;
    end_read_transport(end);
    end->stream = NULL;
    buf_clear(&end->unsent);
    end->received_end = true;
    if (error < 0 || end->session == NULL) {
        end_die(end, end->connected ? "connection_lost" : "connect_failed");
    } else {
        step_kick(end);
    }
    channel_reap(end->channel);
}

/* What an event for an end that comes soon will need (net.h). */
static void look(const void *arg, int depth)
{
    const struct end *end = arg;
    if (depth == 3) {
        net_fetch(end, END_HOT_BYTES);
    } else if (depth == 4) {
        net_fetch(end->entity, sizeof(*end->entity));
        secure_session_fetch(end->session, SECURE_FETCH_SESSION, false);
        net_fetch(end->channel, 64);
    } else if (end->session != NULL && end->step == NULL) {
        secure_session_fetch(end->session, SECURE_FETCH_OBJECTS, false);
        secure_session_fetch(end->session, SECURE_FETCH_KEYS, false);
    }
}

const struct net_stream_ops channel_stream_ops = {
    .look = look,
    .connected = on_connected,
    .data = on_data,
    .writable = on_writable,
    .closed = on_closed,
};
