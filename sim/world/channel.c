/* Channels: secure sessions over a hop, from the first segment to the last. What is different over
 * datagrams is in channel_datagram.c.
 *
 * The client of a hop opens, on first need (R4 of cpns-model.md) and one at a time; messages wait
 * meanwhile. A session counts as established when both ends say so: each end's first octets inside
 * it are an empty frame, and neither sends a message before the other's has arrived. (In TLS 1.3
 * the client is done first, in a full TLS 1.2 handshake the server.) */
#include <stdlib.h>
#include <string.h>

#include "sim/world/exhaust.h"
#include "sim/world/half_open.h"
#include "sim/world/replayer.h"
#include "sim/world/revocation.h"
#include "sim/world/rogue.h"

static void end_flush(struct end *end);
static void end_watch_close(struct end *end);
static void end_established(struct end *end);
static void channel_reap(struct channel *c);

/* --- small things
 * --------------------------------------------------------------------------------- */

static struct end *other_end(struct end *end)
{
    return &end->channel->ends[1 - end->side];
}

static bool end_over(const struct end *end)
{
    return !end->begun || (end->stream == NULL && end->step == NULL && end->dead);
}

static void tell_entity(struct end *end, enum channel_event event, const char *reason)
{
    struct entity *e = end->entity;
    const struct entity *peer = other_end(end)->entity;
    e->type->channel(e, e->state, peer->id, event, reason);
    flow_leave(e->world);
}

/* --- the end of an end
 * ---------------------------------------------------------------------------- */

/* Nothing more comes out of this end. What was on its way to it, or waited to be sent by it, is
 * lost. */
static void end_die(struct end *end, const char *failure)
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
        tell_entity(end, CHANNEL_DOWN, failure != NULL ? failure : "closed");
    } else if (end->side == SIDE_INITIATOR && !end->up_told) {
        account_lost_queue(w, &hop->waiting, "no_session");
        if (!end->quiet) {
            tell_entity(end, CHANNEL_FAILED, failure != NULL ? failure : "closed");
        }
    }
}

static void end_read_transport(struct end *end)
{
    struct net_stream_stats stats;
    net_stream_stats(end->stream, &stats);
    end->retransmissions = stats.retransmissions;
}

static void end_abort(struct end *end, const char *failure)
{
    if (end->stream != NULL) {
        end_read_transport(end);
        net_stream_abort(end->stream);
        end->stream = NULL;
    }
    end_die(end, failure);
}

static void end_close_transport(struct end *end)
{
    if (end->channel->hop->has_datagrams) {
        channel_linger(end);
        return;
    }
    end->close_transport = true;
    end_watch_close(end);
    end_flush(end);
}

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

static void end_watch_close(struct end *end)
{
    struct world *w = end->channel->world;
    if (end->closing == 0 && end->stream != NULL) {
        end->closing_to_move = still_to_move(end);
        end->closing = net_timer_set(w->net, net_now(w->net) + w->scenario->timers.close_timeout,
                                     on_close_timeout, end);
    }
}

/* --- transport events
 * ------------------------------------------------------------------------------ */

static void end_flush(struct end *end)
{
    if (end->stream == NULL) {
        return;
    }
    if (buf_len(&end->unsent) > 0) {
        size_t taken = net_stream_send(end->stream, buf_span(&end->unsent));
        buf_consume(&end->unsent, taken);
    }
    if (buf_len(&end->unsent) == 0) {
        buf_fini(&end->unsent); /* what an idle session keeps counts a hundred thousand times */
    }
    if (buf_len(&end->unsent) == 0 && end->close_transport) {
        end->close_transport = false;
        net_stream_close(end->stream);
    }
}

void channel_session_params(const struct hop *hop, int side, uint64_t ordinal,
                            uint8_t psk[HOP_PSK_BYTES], struct secure_session_params *ret)
{
    bool client = side == SIDE_INITIATOR;
    const struct entity *e = client ? hop->client : hop->server;
    const struct entity *peer = client ? hop->server : hop->client;
    bool mine = !e->node->credential.wrong_psk;
    for (size_t i = 0; i < HOP_PSK_BYTES; i++) {
        psk[i] = mine ? hop->psk[i] : (uint8_t)~hop->psk[i];
    }
    bool use_psk = hop->policy->auth == AUTH_PSK;
    bool certificate = !use_psk && e->node->credential.present &&
                       !(client && hop->policy->auth == AUTH_SERVER_ONLY);
    bool check_peer = !use_psk && (client || hop->policy->auth == AUTH_MUTUAL);
    *ret = (struct secure_session_params){
        .initiator = client,
        .owner = hop->stream_names[side],
        .ordinal = ordinal,
        .identity = certificate ? e->identities[hop->policy->certificates] : NULL,
        .expected_peer = check_peer ? peer->urn : NULL,
        .psk = use_psk ? span_of(psk, HOP_PSK_BYTES) : span_of(NULL, 0),
        .psk_identity = use_psk ? hop->client->urn : NULL,
        .ticket_key = span_of(e->ticket_key, client ? 0 : sizeof(e->ticket_key)),
        .mtu = hop->mtu,
        .cookie_secret = span_of(e->cookie_secret, sizeof(e->cookie_secret)),
    };
    revocation_session(hop, side, ret);
}

static void end_begin_session(struct end *end)
{
    struct channel *c = end->channel;
    const struct hop *hop = c->hop;
    bool client = end->side == SIDE_INITIATOR;
    net_node peer = other_end(end)->entity->net_node;
    if (hop->has_datagrams) {
        peer = channel_peer_node(c, end->side);
    }
    uint32_t address = net_node_address(c->world->net, peer);
    uint8_t psk[HOP_PSK_BYTES];
    struct secure_session_params params;
    struct buf early = {0};
    channel_session_params(hop, end->side, c->number, psk, &params);
    channel_early_offer(end, &early);
    params.early_data = buf_span(&early);
    params.seen = client ? NULL : end->entity->seen;
    params.ticket = client ? buf_span(&hop->ticket) : span_of(NULL, 0);
    params.key_log = c->world->key_log != NULL;
    params.peer_address = span_of(&address, sizeof(address));
    if (client) {
        fallback_offer(hop, &params);
    }
    int r = secure_session_open(hop->secure, &params, net_now(c->world->net), &end->session);
    CHECK(r == 0);
    buf_fini(&early);
    end->start = client;
    end->connected = true;
    secure_session_facts(end->session, &end->facts);
    if (end->facts.state == SECURE_ESTABLISHED) { /* a kind without a handshake */
        end->state = SECURE_ESTABLISHED;
        end_established(end);
    }
    step_kick(end);
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

void channel_look(const void *arg, int depth)
{
    const struct end *end = arg;
    if (depth == 3) {
        net_fetch(end, offsetof(struct end, facts));
    } else if (depth == 4) {
        net_fetch(end->entity, sizeof(*end->entity));
        secure_session_fetch(end->session, false);
        net_fetch(end->channel, 64);
    } else if (end->session != NULL && end->step == NULL) {
        secure_session_fetch(end->session, true);
    }
}

static const struct net_stream_ops stream_ops = {
    .look = channel_look,
    .connected = on_connected,
    .data = on_data,
    .writable = on_writable,
    .closed = on_closed,
};

/* --- opening
 * ---------------------------------------------------------------------------------------- */

static void on_timeout(void *arg)
{
    struct channel *c = arg;
    c->timeout = 0;
    report_event(c->world, "handshake_timeout", c->hop->client, c->hop->edge->id, NULL);
    for (int side = 0; side < 2; side++) {
        if (c->ends[side].begun) {
            end_abort(&c->ends[side], "timeout");
        }
    }
    channel_reap(c);
}

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

/* The transport could not even be asked for; told from the event loop, never inside the caller's
 * call. */
static void on_unreachable(void *arg)
{
    struct channel *c = arg;
    c->timeout = 0;
    end_die(&c->ends[SIDE_INITIATOR], "unreachable");
    channel_reap(c);
}

static const char *cause_of(const struct hop *hop)
{
    if (hop->channels == 0) {
        return "first";
    }
    if (hop->fallback != 0) {
        return "fallback";
    }
    return hop->dropped ? "reconnect" : "again";
}

static void foresee(void *arg)
{
    struct hop *hop = arg;
    secure_policy_foresee(hop->secure, hop->client->identities[hop->policy->certificates], true,
                          hop->foreseen_at);
}

/* The client's certificate will be wanted by the server within microseconds of virtual time, while
 * the event loop waits; a worker that has nothing to do can verify its chain now. */
static void submit_foresight(struct hop *hop)
{
    const struct entity *e = hop->client;
    if (hop->channels == 1 && hop->policy->auth == AUTH_MUTUAL && e->node->credential.present &&
        e->identities[hop->policy->certificates] != NULL) {
        hop->foreseen_at = net_now(hop->world->net);
        hop->foresight = (struct job){.run = foresee, .arg = hop};
        jobs_submit_idle(hop->world->jobs, &hop->foresight);
    }
}

static struct channel *channel_create(struct hop *hop, const char *cause)
{
    struct world *w = hop->world;
    struct channel *c = mem_alloc(sizeof(*c));
    c->world = w;
    c->hop = hop;
    c->id = ++w->next_session;
    c->cause = cause;
    c->started_at = net_now(w->net);
    c->established_at = c->ended_at = SIM_TIME_NEVER;
    for (int side = 0; side < 2; side++) {
        struct end *end = &c->ends[side];
        end->channel = c;
        end->side = side;
        end->entity = side == SIDE_INITIATOR ? hop->client : hop->server;
        end->up_at = SIM_TIME_NEVER;
    }
    c->prev = w->last_channel;
    if (w->last_channel != NULL) {
        w->last_channel->next = c;
    } else {
        w->first_channel = c;
    }
    w->last_channel = c;
    w->stats.sessions_started++;
    return c;
}

static void channel_open(struct hop *hop)
{
    struct world *w = hop->world;
    struct channel *c = channel_create(hop, cause_of(hop));
    c->number = ++hop->channels;
    hop->dropped = false;
    hop->live[SIDE_INITIATOR] = c;
    submit_foresight(hop);
    struct end *end = &c->ends[SIDE_INITIATOR];
    end->begun = true;
    int r = 0;
    if (hop->has_datagrams) {
        c->reaches = rogue_instead(c);
        end_begin_session(end);
    } else {
        r = net_connect(w->net, hop->client->net_node, rogue_instead(c), w->models->stream_port,
                        &stream_ops, end, &end->stream);
    }
    c->timeout = r == 0 ? net_timer_set(w->net, c->started_at + hop->policy->handshake_timeout,
                                        on_timeout, c)
                        : net_timer_set(w->net, c->started_at, on_unreachable, c);
}

/* The server's end of the session that the client has begun and that has none yet; NULL: there is
 * no such session. */
static struct end *begin_responder(struct hop *hop)
{
    struct channel *c = hop->live[SIDE_INITIATOR];
    if (c == NULL || c->ends[SIDE_RESPONDER].begun) {
        return NULL;
    }
    struct channel *old = hop->live[SIDE_RESPONDER];
    if (old != NULL) {
        end_abort(&old->ends[SIDE_RESPONDER], "superseded");
        channel_reap(old);
    }
    hop->live[SIDE_RESPONDER] = c;
    struct end *end = &c->ends[SIDE_RESPONDER];
    end->begun = true;
    return end;
}

/* Somebody connects whom no client stands behind: a session that has this end only. */
static struct end *begin_stray(struct hop *hop, net_node peer)
{
    struct channel *c = channel_create(hop, "replayed");
    struct end *end = &c->ends[SIDE_RESPONDER];
    c->number = FIRST_STRAY + hop->strays++;
    c->timeout = net_timer_set(hop->world->net, c->started_at + hop->policy->handshake_timeout,
                               on_timeout, c);
    end->begun = true;
    replayer_arrived(c, peer);
    return end;
}

void channel_answer(struct hop *hop)
{
    struct end *end = begin_responder(hop);
    if (end != NULL) {
        end_begin_session(end);
    }
}

bool channel_accept(void *server, struct net_stream *stream, net_node peer,
                    const struct net_stream_ops **ops, void **stream_arg)
{
    struct entity *e = server;
    struct hop *hop =
        peer < e->world->scenario->node_count ? entity_hop(e, peer) : rogue_hop(e->world, peer);
    struct hop *again = replayer_hop(e->world, e, peer);
    struct end *end = NULL;
    if (again != NULL) {
        end = begin_stray(again, peer);
    } else if (hop == NULL) {
        return exhaust_accept(e->world, stream, peer, ops, stream_arg);
    } else if (hop->server == e && !hop->has_datagrams) {
        end = begin_responder(hop);
    }
    if (end == NULL || !half_open_enter(end)) {
        if (end != NULL) {
            end_die(end, "refused");
        }
        if (again != NULL) {
            channel_reap(end->channel);
        }
        return false;
    }
    end->stream = stream;
    *ops = &stream_ops;
    *stream_arg = end;
    end_begin_session(end);
    return true;
}

/* --- results of a step
 * ------------------------------------------------------------------------------ */

/* A digest over messages: on a stream in their order; over datagrams, where some are lost and
 * others come first, in any. */
static void add_to_digest(const struct end *end, uint64_t *digest, uint64_t message)
{
    uint64_t before = end->channel->hop->has_datagrams ? 1 : UINT64_C(0x9e3779b97f4a7c15);
    *digest = *digest * before + message;
}

/* A session that seals nothing, or with a cipher that hides nothing, protects nothing. */
static bool protects(const struct end *end)
{
    return !scenario_is_clear(end->channel->hop->policy) && end->facts.cipher_bits > 0 &&
           end->facts.aead_or_mac && end->channel->established_at != SIM_TIME_NEVER;
}

static void end_up(struct end *end)
{
    end->confirmed = true;
    if (!end->up_told) {
        end->up_told = true;
        tell_entity(end, CHANNEL_UP, NULL);
    }
}

/* This end is done with the handshake. */
static void end_established(struct end *end)
{
    struct channel *c = end->channel;
    struct world *w = c->world;
    secure_session_facts(end->session, &end->facts);
    end->up_at = end->epoch_at = net_now(w->net);
    half_open_leave(end);
    if (other_end(end)->up_at != SIM_TIME_NEVER) {
        c->established_at = end->up_at;
        c->hop->fallback = 0;
        w->stats.sessions_established++;
        downgrade_established(c);
        net_timer_cancel(w->net, c->timeout);
        c->timeout = 0;
        if (c->hop->policy->session_lifetime != SIM_TIME_NEVER) {
            c->lifetime = net_timer_set(w->net, end->up_at + c->hop->policy->session_lifetime,
                                        on_lifetime, c);
        }
    }
    end->confirm = true;
    channel_early_answered(end);
    if (c->hop->has_datagrams) {
        channel_await_confirmation(end);
    }
}

static void note_events(struct end *end, const struct step *s)
{
    struct hop *hop = end->channel->hop;
    for (size_t i = 0; i < s->output.event_count; i++) {
        const struct secure_event *event = &s->output.events[i];
        switch (event->kind) {
        case SECURE_EVENT_ALERT_SENT:
            report_alert(end, event);
            if (end->alert == NULL && event->level == 2) {
                end->alert = event->name;
                end->alert_at = net_now(end->channel->world->net);
            }
            break;
        case SECURE_EVENT_ALERT_RECEIVED:
            report_alert(end, event);
            if (event->code == 0 && !end->close_asked) {
                end->close_asked = end->close_due = true; /* answer close_notify */
            }
            break;
        case SECURE_EVENT_HANDSHAKE_SENT:
        case SECURE_EVENT_HANDSHAKE_RECEIVED: {
            bool sent = event->kind == SECURE_EVENT_HANDSHAKE_SENT;
            end->round_trips += end->up_at == SIM_TIME_NEVER && end->last_was_sent && !sent;
            end->last_was_sent = sent;
            if (sent && strcmp(event->name, "KeyUpdate") == 0) {
                epoch_next(end);
            }
            report_handshake(end, event);
            break;
        }
        case SECURE_EVENT_TICKET: {
            struct span ticket = secure_session_ticket(end->session);
            buf_clear(&hop->ticket);
            buf_append(&hop->ticket, ticket);
            break;
        }
        }
    }
}

/* The messages that the step sealed are on the wire from now on. */
static void note_sent(struct end *end, struct step *s)
{
    struct hop *hop = end->channel->hop;
    size_t plain = 0;
    for (size_t i = 0; i < s->message_count; i++) {
        plain += s->messages[i].len;
    }
    size_t sealed = buf_len(&s->output.wire) - s->output.handshake_bytes;
    size_t extra = s->message_count > 0 && sealed > plain ? (sealed - plain) / s->message_count : 0;
    uint64_t at = end->wire_bytes - sealed; /* this step's are counted already */
    if (s->message_count > s->carried.count) {
        at += s->messages[0].len + extra; /* the empty frame comes first */
    }
    for (struct carry *c = carry_pop(&s->carried); c != NULL; c = carry_pop(&s->carried)) {
        struct span message = buf_span(&c->frame);
        bool again = c->early == EARLY_REJECTED;
        bool early = c->early == EARLY_OFFERED;
        c->sent_at = again ? c->sent_at : net_now(hop->world->net);
        c->session_id = end->channel->id;
        c->protected = early ? end->facts.early_protected : protects(end);
        if (!hop->has_datagrams) {
            c->wire_bytes += message.len + extra;
        }
        c->stream_at = at;
        at += message.len + extra;
        if (hop->watch != NULL && !again) {
            message.data += FRAME_HEADER_BYTES;
            message.len -= FRAME_HEADER_BYTES;
            observe_secret(hop, c->message->id, c->hop_number, message);
            c->watched = true;
        }
        if (!early) {
            buf_fini(&c->frame);
        }
        carry_push(&end->under_way, c);
        end->messages_sent += !again;
        if (!early) {
            end->epoch_messages++;
            end->epoch_bytes += c->plain_bytes;
        }
        if (!again) {
            add_to_digest(end, &end->plain_sent, c->sent_hash);
        }
        end->sent_since_update = s->input.key_update ? 1 : end->sent_since_update + 1;
    }
    if (other_end(end)->dead) {
        account_lost_queue(hop->world, &end->under_way, "session_lost");
    }
}

static void end_frames(struct end *end)
{
    struct end *from = other_end(end);
    bool datagrams = end->channel->hop->has_datagrams;
    struct buf plain = {0};
    buf_move(&plain, &end->plain); /* handlers may cause more; the rest goes back below */
    struct span rest = buf_span(&plain);
    uint8_t encoding;
    struct span message;
    int r;
    while ((r = frame_take(&rest, &encoding, &message)) == 1) {
        if (message.len == 0) {
            end->answer = datagrams && end->confirmed && encoding == FRAME_ESTABLISHED;
            end_up(end);
            continue;
        }
        if (datagrams) { /* the peer's empty frame may have been lost, or come later */
            end_up(end);
        }
        end->messages_received++;
        add_to_digest(end, &end->plain_received, span_digest(0, message));
        struct carry *carry =
            datagrams ? channel_take_arrived(from, encoding, message) : carry_pop(&from->under_way);
        if (carry != NULL && carry->early == EARLY_OFFERED) {
            carry->early = EARLY_ACCEPTED;
        }
        probe_arrived(end, carry, message);
        account_arrived(end->entity, carry, from->entity->id, encoding, message, true,
                        end->facts.peer_id);
    }
    if (datagrams && rest.len > 0) { /* each brings whole frames: nothing will complete it */
        report_event(end->channel->world, "bad_frame", end->entity, end->channel->hop->edge->id,
                     "not whole");
        r = 0;
    } else {
        buf_append(&end->plain, rest);
    }
    buf_fini(&plain);
    if (r < 0) {
        report_event(end->channel->world, "bad_frame", end->entity, end->channel->hop->edge->id,
                     "length beyond the limit");
        end_abort(end, "bad_frame");
    }
}

/* Messages that waited for the session go into it. */
static void end_take_waiting(struct end *end)
{
    struct hop *hop = end->channel->hop;
    if (end->side != SIDE_INITIATOR || !end->confirmed || end->dead || end->close_asked) {
        return;
    }
    for (struct carry *c = carry_pop(&hop->waiting); c != NULL; c = carry_pop(&hop->waiting)) {
        carry_push(&end->outgoing, c);
    }
}

void channel_apply(struct end *end, struct step *s)
{
    struct channel *c = end->channel;
    uint64_t dropped = end->records_dropped;
    if (c->stranger != NULL) {
        stranger_apply(end, s);
        return;
    }
    if (end->dead) {
        account_lost_queue(c->world, &s->carried, "session_lost");
        channel_reap(c);
        return;
    }
    if (s->output.records_dropped > end->records_dropped) { /* a session that is over tells none */
        end->records_dropped = s->output.records_dropped;
    }
    end->signatures += s->output.ops.sign;
    end->verifications += s->output.ops.verify + s->output.ops.chain_verify;
    end->agreements += s->output.ops.key_agree;
    end->handshake_bytes += s->output.handshake_bytes;
    end->handshake_datagrams += s->output.handshake_datagrams;
    end->retransmissions += s->output.flight_repeated;
    capture_key_log(c->world, buf_span(&s->output.key_log));
    note_events(end, s);
    if (c->hop->has_datagrams) {
        channel_tag_datagrams(end, s);
        note_sent(end, s);
        channel_send_datagrams(end, s);
    } else {
        end->wire_bytes += buf_len(&s->output.wire);
        channel_early_sent(end, s);
        note_sent(end, s);
        buf_move(&end->unsent, &s->output.wire);
        end_flush(end);
    }
    enum secure_state before = end->state;
    channel_early_arrived(end);
    end->state = s->output.state;
    if (before == SECURE_HANDSHAKING &&
        (end->state == SECURE_ESTABLISHED ||
         (end->state == SECURE_CLOSED && end->up_at == SIM_TIME_NEVER))) {
        end_established(end);
    }
    end_frames(end);
    if (c->hop->has_datagrams && c->trials != NULL) {
        probe_datagram_stepped(end, dropped);
    }
    channel_set_deadline(end, s->output.deadline);
    if (end->unreachable) {
        end_die(end, "unreachable");
    }
    switch (end->state) {
    case SECURE_HANDSHAKING:
    case SECURE_ESTABLISHED:
        break;
    case SECURE_CLOSED:
        end_die(end, NULL);
        break;
    case SECURE_FAILED:
        end_die(end, secure_session_failure(end->session));
        break;
    }
    if (s->input.close || end->dead) {
        end_close_transport(end);
    }
    end_take_waiting(end);
    step_kick(end);
    channel_reap(c);
}

/* --- the end of a channel
 * --------------------------------------------------------------------------- */

static void channel_free(struct channel *c)
{
    struct world *w = c->world;
    exhaust_channel_over(c);
    probe_settle(c);
    attack_channel_over(c);
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

/* An end whose transport is gone and that has nothing left to do is over; a channel with both ends
 * over is written and freed. The hop may then open the next one. */
static void channel_reap(struct channel *c)
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
