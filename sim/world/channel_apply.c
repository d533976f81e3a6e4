/* Channels: what a step of a session brought takes effect: its events, the octets and messages that
 * it sealed, the messages that came out of it, and what its end is from then on. */
#include "sim/world/channel_internal.h"

#include <string.h>

#include "sim/world/account.h"
#include "sim/world/half_open.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"
#include "sim/world/session.h"

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
    return end->hides && end->channel->established_at != SIM_TIME_NEVER;
}

static void end_up(struct end *end)
{
    end->confirmed = true;
    if (!end->up_told) {
        end->up_told = true;
        end_tell(end, CHANNEL_UP, NULL);
    }
}

void end_established(struct end *end)
{
    struct channel *c = end->channel;
    struct world *w = c->world;
    secure_session_facts(end->session, &end->facts);
    end->hides =
        !scenario_is_clear(c->hop->policy) && end->facts.cipher_bits > 0 && end->facts.aead_or_mac;
    end->up_at = end->epoch_at = net_now(w->net);
    half_open_leave(end);
    if (other_end(end)->up_at != SIM_TIME_NEVER) {
        c->established_at = end->up_at;
        c->hop->fallback = 0;
        w->stats.sessions_established++;
        downgrade_established(c);
        net_timer_cancel(w->net, c->timeout);
        c->timeout = 0;
        channel_limit_life(c);
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
        uint64_t digest = span_digest(0, message);
        add_to_digest(end, &end->plain_received, digest);
        struct carry *carry =
            datagrams ? channel_take_arrived(from, encoding, digest) : carry_pop(&from->under_way);
        if (carry != NULL && carry->early == EARLY_OFFERED) {
            carry->early = EARLY_ACCEPTED;
        }
        probe_arrived(end, carry, digest);
        account_arrived(end->entity, carry, from->entity->id, encoding, message, digest, true,
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

/* Most steps have none of it, and need not touch where it is counted. */
static void note_handshake(struct end *end, const struct secure_output *output)
{
    const struct secure_ops *ops = &output->ops;
    if ((ops->sign | ops->verify | ops->chain_verify | ops->key_agree) == 0 &&
        output->handshake_bytes == 0 && output->handshake_datagrams == 0 &&
        !output->flight_repeated) {
        return;
    }
    end->signatures += ops->sign;
    end->verifications += ops->verify + ops->chain_verify;
    end->agreements += ops->key_agree;
    end->handshake_bytes += output->handshake_bytes;
    end->handshake_datagrams += output->handshake_datagrams;
    end->retransmissions += output->flight_repeated;
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
    note_handshake(end, &s->output);
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
