/* Channels: secure sessions over a hop, their life and their end. They are opened in
 * channel_open.c; octets go to and from their ends in channel_stream.c and channel_datagram.c; what
 * a step of a session brought takes effect in channel_apply.c; 0-RTT data is in channel_early.c.
 *
 * The client of a hop opens, on first need (R4 of cpns-model.md) and one at a time; messages wait
 * meanwhile. A session counts as established when both ends say so: each end's first octets inside
 * it are an empty frame, and neither sends a message before the other's has arrived. (In TLS 1.3
 * the client is done first, in a full TLS 1.2 handshake the server.) */
#include "sim/world/channel_internal.h"

#include <stdlib.h>

#include "sim/world/account.h"
#include "sim/world/exhaust.h"
#include "sim/world/half_open.h"
#include "sim/world/replayer.h"
#include "sim/world/report.h"
#include "sim/world/rogue.h"
#include "sim/world/session.h"

/* --- the end of an end
 * ---------------------------------------------------------------------------- */

static bool end_over(const struct end *end)
{
    return !end->begun || (end->stream == NULL && end->step == NULL && end->dead);
}

void end_tell(struct end *end, enum channel_event event, const char *reason)
{
    struct entity *e = end->entity;
    const struct entity *peer = other_end(end)->entity;
    e->type->channel(e, e->state, peer->id, event, reason);
    flow_leave(e->world);
}

void end_die(struct end *end, const char *failure)
{
    if (end->dead) {
        return;
    }
    struct channel *c = end->channel;
    struct world *w = c->world;
    struct hop *hop = c->hop;
    end->dead = true;
    end->failure = world_intern(w, failure);
    if (c->failure == NULL) {
        c->failure = end->failure;
    }
    if (end->session != NULL) {
        step_settle(end);
        secure_session_facts(end->session, &end->facts);
    }
    half_open_leave(end);
    if (end->side == SIDE_INITIATOR) {
        reconnect_note(hop, c);
    }
    account_lost_queue(w, &other_end(end)->under_way, "session_lost");
    account_lost_queue(w, &end->outgoing, "session_lost");
    account_lost_queue(w, &end->early, "no_session");
    if (end->side == SIDE_INITIATOR && c->established_at == SIM_TIME_NEVER) {
        fallback_after(end);
    }
    if (failure != NULL && c->established_at != SIM_TIME_NEVER) {
        hop->dropped = true;
    }
    if (end->up_told && !end->quiet) {
        end_tell(end, CHANNEL_DOWN, failure != NULL ? failure : "closed");
    } else if (end->side == SIDE_INITIATOR && !end->up_told) {
        account_lost_queue(w, &hop->waiting, "no_session");
        if (!end->quiet) {
            end_tell(end, CHANNEL_FAILED, failure != NULL ? failure : "closed");
        }
    }
}

void end_abort(struct end *end, const char *failure)
{
    if (end->stream != NULL) {
        end_read_transport(end);
        net_stream_abort(end->stream);
        end->stream = NULL;
    }
    end_die(end, failure);
}

/* --- life and end of a channel
 * --------------------------------------------------------------------------- */

static void on_lifetime(void *arg)
{
    struct channel *c = arg;
    struct end *end = &c->ends[SIDE_INITIATOR];
    c->lifetime = 0;
    if (!end->dead && !end->close_asked) {
        end->close_asked = end->close_due = true;
        end->quiet = true;
        end_watch_close(end);
        step_kick(end);
    }
}

void channel_limit_life(struct channel *c)
{
    sim_time lifetime = c->hop->policy->session_lifetime;
    if (lifetime != SIM_TIME_NEVER) {
        c->lifetime =
            net_timer_set(c->world->net, net_now(c->world->net) + lifetime, on_lifetime, c);
    }
}

static void channel_free(struct channel *c)
{
    struct world *w = c->world;
    exhaust_channel_over(c);
    probe_settle(c);
    attack_channel_over(c);
    replayer_channel_over(c);
    rogue_channel_over(c);
    net_timer_cancel(w->net, c->timeout);
    net_timer_cancel(w->net, c->lifetime);
    for (int side = 0; side < 2; side++) {
        struct end *end = &c->ends[side];
        epoch_settle(end);
        account_lost_queue(w, &end->under_way, "session_lost"); /* where nobody answered */
        if (!w->settled || !w->options.leave_memory) { /* as long as all the rest of the end */
            secure_session_free(end->session);
        }
        channel_cancel_timers(end);
        net_timer_cancel(w->net, end->closing);
        buf_fini(&end->received);
        buf_fini(&end->unsent);
        buf_fini(&end->plain);
    }
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        w->first_channel = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    } else {
        w->last_channel = c->prev;
    }
    free(c);
}

void channel_reap(struct channel *c)
{
    struct world *w = c->world;
    struct hop *hop = c->hop;
    for (int side = 0; side < 2; side++) {
        struct end *end = &c->ends[side];
        if (end->begun && end->stream == NULL && end->step == NULL && !end->dead && end->fed_end) {
            end_die(end, end->close_asked ? NULL : "truncated");
        }
        if (end_over(end) && hop->live[side] == c) {
            hop->live[side] = NULL;
        }
    }
    bool reopen = hop->live[SIDE_INITIATOR] == NULL && hop->waiting.count > 0;
    if (end_over(&c->ends[SIDE_INITIATOR]) && end_over(&c->ends[SIDE_RESPONDER])) {
        c->ended_at = net_now(w->net);
        bool failed = c->established_at == SIM_TIME_NEVER || c->failure != NULL;
        w->stats.sessions_failed += failed;
        report_channel(w, c, failed ? "failed" : "closed");
        channel_free(c);
    }
    if (reopen) {
        channel_connect(hop);
    }
}

void channel_settle(struct world *w)
{
    while (w->first_channel != NULL) {
        struct channel *c = w->first_channel;
        for (int side = 0; side < 2; side++) {
            struct end *end = &c->ends[side];
            step_abandon(end);
            account_in_flight_queue(w, &end->early);
            account_in_flight_queue(w, &end->outgoing);
            account_in_flight_queue(w, &end->under_way);
            if (end->stream != NULL) {
                end_read_transport(end);
            }
            if (end->session != NULL && !end->dead) {
                secure_session_facts(end->session, &end->facts);
            }
        }
        bool failed = c->failure != NULL;
        const char *open = c->established_at != SIM_TIME_NEVER ? "established" : "open";
        report_channel(w, c, failed ? "failed" : open);
        channel_free(c);
    }
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        account_in_flight_queue(w, &w->hops[i].waiting);
        downgrade_settle(&w->hops[i]);
    }
}

/* --- what entities ask for
 * ---------------------------------------------------------------------------- */

bool channel_ready(const struct hop *hop, const struct entity *from)
{
    int side = from == hop->client ? SIDE_INITIATOR : SIDE_RESPONDER;
    const struct channel *c = hop->live[side];
    return c != NULL && c->ends[side].confirmed && !c->ends[side].dead &&
           !c->ends[side].close_asked;
}

void channel_look_to_send(const struct hop *hop, const struct entity *from, int step)
{
    int side = from == hop->client ? SIDE_INITIATOR : SIDE_RESPONDER;
    const struct channel *c = hop->live[side];
    if (c == NULL) {
        return;
    }
    if (step == 0) {
        net_fetch(&c->ends[side], END_HOT_BYTES);
    } else {
        secure_session_fetch(c->ends[side].session, SECURE_FETCH_SESSION, true);
    }
}

void channel_send(struct hop *hop, struct entity *from, struct carry *carry)
{
    if (channel_ready(hop, from)) {
        int side = from == hop->client ? SIDE_INITIATOR : SIDE_RESPONDER;
        struct end *end = &hop->live[side]->ends[side];
        carry_push(&end->outgoing, carry);
        step_kick(end);
    } else if (channel_early_replier(hop, from) != NULL) {
        carry_push(&channel_early_replier(hop, from)->outgoing, carry);
    } else if (from == hop->client) {
        carry_push(&hop->waiting, carry);
        channel_connect(hop);
    } else {
        account_lost(hop->world, carry, "no_session");
    }
}

void channel_connect(struct hop *hop)
{
    if (hop->live[SIDE_INITIATOR] == NULL && !reconnect_waits(hop)) {
        channel_open(hop);
    }
}

void channel_disconnect(struct hop *hop, struct entity *from, const char *reason)
{
    int side = from == hop->client ? SIDE_INITIATOR : SIDE_RESPONDER;
    struct channel *c = hop->live[side];
    if (c == NULL || c->ends[side].dead || c->ends[side].close_asked) {
        return;
    }
    struct end *end = &c->ends[side];
    report_event(hop->world, "disconnect", from, hop->edge->id, reason);
    end->quiet = true;
    end->close_asked = end->close_due = true;
    end_watch_close(end);
    step_kick(end);
}
