/* Verdicts over datagrams. DTLS discards a record that is not authentic, or that it has seen, and
 * says nothing (RFC 6347 4.1.2.6, 4.1.2.7): that an end noticed shows in two counts, records handed
 * in and records that came out. What is lost on the radio before it was read was no trial.
 *
 *   violated      as over streams; a message is missing and those behind it come out; a message
 *                 comes out behind one that was sent later. These two DTLS does not promise
 *   held          "discarded": the step that read the attacker's record dropped one in silence;
 *                 or the alert or failure; or nothing but what was sent came out
 *   inconclusive  the record never arrived, or nothing came behind it that would tell */
#include <stdlib.h>

#include "sim/world/attack.h"
#include "sim/world/session.h"

/* As in probe.c. */
#define STALLED (5 * SIM_S)

/* What was not read by then is lost on its way [ours]. */
#define NEVER_ARRIVES (30 * SIM_S)

struct trial *probe_begin_datagram(struct attacker *a, struct channel *c, int from,
                                   enum attack_act act, uint64_t tag, uint64_t packet,
                                   const char *what)
{
    struct trial *t = probe_add(a, c, from, packet, what);
    const struct carry *carry = channel_carry_of(c->world, tag);
    t->act = act;
    t->tag = tag;
    t->position = c->ends[from].wire_bytes;
    t->out_of_turn = c->ends[1 - from].out_of_turn;
    if (carry != NULL) {
        t->message_id = carry->message->id;
        t->hop_number = carry->hop_number;
        t->position = carry->stream_at + 1;
    }
    return t;
}

void probe_expect(struct trial *t, struct span datagram, uint32_t copies)
{
    t->wanted = span_digest(0, datagram);
    t->copies = copies;
    t->read = false;
    t->steps = 0;
}

void probe_datagram_read(struct end *end, struct span datagram)
{
    for (struct trial *t = end->channel->trials; t != NULL; t = t->next) {
        if (t->from != end->side && t->copies > 0 && t->wanted == span_digest(0, datagram) &&
            --t->copies == 0) {
            t->steps = end->step != NULL ? 2 : 1; /* the one under way does not read it */
        }
    }
}

/* --- judging
 * ------------------------------------------------------------------------------------------- */

/* Something that was sealed behind the attacked record came out. */
static bool went_on(const struct channel *c, const struct trial *t)
{
    return c->ends[1 - t->from].newest >= t->position;
}

static bool in_turn(const struct channel *c, const struct trial *t)
{
    return c->ends[1 - t->from].out_of_turn == t->out_of_turn;
}

/* What an end noticed, if any did. */
static bool was_noticed(const struct channel *c, const struct trial *t, struct judgement *j)
{
    const struct end *receiver = &c->ends[1 - t->from];
    const struct end *alarm = probe_alerted(c, t);
    bool discarded = t->discarded_at != SIM_TIME_NEVER;
    if (alarm != NULL) { /* for the session too, besides being discarded */
        j->detected_by = alarm->alert;
        j->side = alarm->side;
        j->delay = alarm->alert_at - t->at;
    } else if (discarded && (!t->handshake || c->established_at != SIM_TIME_NEVER)) {
        j->detected_by = "discarded";
        j->side = receiver->side;
        j->delay = t->discarded_at - t->at;
    } else if (receiver->failure != NULL || (t->handshake && c->failure != NULL)) {
        j->detected_by = receiver->failure != NULL ? receiver->failure : c->failure;
        j->side = receiver->failure != NULL ? receiver->side : 1 - receiver->side;
        j->delay = net_now(c->world->net) - t->at;
    }
    return j->detected_by != NULL;
}

/* Before both ends were established. */
static struct judgement judge_handshake(const struct channel *c, const struct trial *t)
{
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    bool established = c->established_at != SIM_TIME_NEVER;
    const struct attack_ops *ops = t->attacker->ops;
    if (established && ops->unnoticed_is_violated && t->act == ATTACK_SET) {
        j.verdict = "violated";
    } else if (established) {
        if (!was_noticed(c, t, &j)) {
            j.detected_by = "no effect";
        }
    } else if (was_noticed(c, t, &j)) {
        j.verdict = ops->has_to_arrive ? "violated" : "held";
    } else if (net_now(c->world->net) - t->at < STALLED) {
        j.verdict = "inconclusive";
    } else if (ops->has_to_arrive) {
        j.verdict = "violated";
    } else {
        j.detected_by = "nothing was delivered";
    }
    return j;
}

/* Of what was to arrive all the same. */
static struct judgement judge_held_back(const struct channel *c, const struct trial *t)
{
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    if (t->delivered || went_on(c, t)) {
        j.detected_by = "no effect";
    } else if (c->ends[1 - t->from].failure != NULL || net_now(c->world->net) - t->at >= STALLED) {
        j.verdict = "violated";
    } else {
        j.verdict = "inconclusive";
    }
    return j;
}

/* It takes the session for finished by the other end, not only by itself. */
static bool ended_in_order(const struct end *receiver)
{
    return receiver->state == SECURE_CLOSED && (receiver->facts.close_notify_received ||
                                                scenario_is_clear(receiver->channel->hop->policy));
}

/* Of what does not arrive, or not where it was; all that follows with it or not. */
static struct judgement judge_moved(const struct channel *c, const struct trial *t)
{
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    const struct end *receiver = &c->ends[1 - t->from];
    bool missed = t->act == ATTACK_REMOVE && t->message_id != 0 && went_on(c, t);
    bool late = t->act == ATTACK_KEEP && t->delivered && !in_turn(c, t);
    bool cut = t->act == ATTACK_CUT && ended_in_order(receiver);
    if (missed || late || cut) {
        j.verdict = "violated";
    } else if (was_noticed(c, t, &j)) {
        j.verdict = "held";
    } else if (t->act != ATTACK_CUT && went_on(c, t)) {
        j.detected_by = "no effect";
    } else if (t->act == ATTACK_CUT && net_now(c->world->net) - t->at >= STALLED &&
               c->ends[t->from].messages_sent > t->sent) {
        j.detected_by = "nothing was delivered";
    } else {
        j.verdict = "inconclusive";
    }
    return j;
}

struct judgement probe_judge_datagram(const struct channel *c, const struct trial *t)
{
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    if (c->ends[1 - t->from].odd > t->odd) {
        j.verdict = "violated";
        return j;
    }
    if (t->handshake) {
        return judge_handshake(c, t);
    }
    switch (t->act) {
    case ATTACK_HOLD:
        return judge_held_back(c, t);
    case ATTACK_REMOVE:
    case ATTACK_KEEP:
    case ATTACK_CUT:
        return judge_moved(c, t);
    case ATTACK_PASS:
    case ATTACK_SET:
    case ATTACK_INSERT:
        break;
    }
    if (was_noticed(c, t, &j)) {
        return j;
    }
    if (t->read && (t->act == ATTACK_INSERT || t->delivered)) {
        j.detected_by = "no effect";
    } else {
        j.verdict = "inconclusive";
    }
    return j;
}

/* --- while the session goes on
 * -------------------------------------------------------------------------------------------
 */

/* Nothing that may come will change what is said of it. */
static bool is_decided(const struct channel *c, const struct trial *t)
{
    if (c->ends[1 - t->from].odd > t->odd) {
        return true;
    }
    if (t->handshake) {
        /* What the other end still sent before this one was established is read only after it. */
        bool due =
            (t->copies > 0 || t->steps > 0) && net_now(c->world->net) - t->at < NEVER_ARRIVES;
        return c->established_at != SIM_TIME_NEVER && !t->attacker->ops->on_hello && !due;
    }
    if (t->discarded_at != SIM_TIME_NEVER) {
        return true;
    }
    switch (t->act) {
    case ATTACK_REMOVE:
        return went_on(c, t);
    case ATTACK_HOLD:
        return t->delivered || went_on(c, t);
    case ATTACK_KEEP:
        return t->delivered;
    case ATTACK_SET:
    case ATTACK_INSERT:
        return t->read || net_now(c->world->net) - t->at >= NEVER_ARRIVES;
    case ATTACK_PASS:
    case ATTACK_CUT:
        break;
    }
    return false;
}

/* The message in a record that was discarded is lost, and nobody else will say so. */
static void lose_message(const struct channel *c, const struct trial *t)
{
    struct carry *carry = t->act == ATTACK_SET ? channel_carry_of(c->world, t->tag) : NULL;
    if (carry != NULL && t->discarded_at != SIM_TIME_NEVER) {
        channel_datagram_dropped(c->world, t->tag, "discarded");
    }
}

void probe_datagram_stepped(struct end *end, uint64_t records_dropped_before)
{
    struct channel *c = end->channel;
    uint64_t dropped = end->records_dropped - records_dropped_before;
    for (struct trial **at = &c->trials; *at != NULL;) {
        struct trial *t = *at;
        if (t->from != end->side && t->steps > 0 && --t->steps == 0) {
            t->read = true;
            if (dropped > 0) {
                dropped--;
                t->discarded_at = net_now(c->world->net);
            }
        }
        if (!t->attacker->ops->terminates && is_decided(c, t)) {
            *at = t->next;
            lose_message(c, t);
            probe_settle_trial(c, t);
        } else {
            at = &t->next;
        }
    }
}
