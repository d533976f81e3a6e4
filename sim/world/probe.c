/* Verdicts: what came of each attack, read from what the two ends of the session did.
 *
 *   violated      a message came out of the session that was not sent so: altered, repeated, out of
 *                 turn, forged; or the session ended in order, or was established, although it had
 *                 been cut or its handshake altered
 *   held          an end noticed (its alert or failure is named), or nothing but what was sent came
 *                 out although the session went on
 *   inconclusive  the run ended before either could be said */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/replayer.h"
#include "sim/world/rogue.h"

/* A receiver that heard nothing for so long after an attack is said to be stalled [ours]. */
#define STALLED (5 * SIM_S)

/* What an eavesdropper saw of the names of the two ends. */
struct identity_probe {
    struct attacker *attacker;
    uint64_t packet;
    bool seen[2];
    struct identity_probe *next;
};

/* The message whose record holds the middle of the attacked one; those under way before it may
 * still arrive. */
static void find_message(struct trial *t, const struct end *from, uint32_t unit_at, size_t unit_len)
{
    uint64_t middle = unit_at + unit_len / 2;
    for (const struct carry *c = from->under_way.first; c != NULL; c = c->next) {
        t->received += c->stream_at + c->wire_bytes <= middle;
        if (c->stream_at <= middle && middle < c->stream_at + c->wire_bytes) {
            t->message_id = c->message->id;
            t->hop_number = c->hop_number;
        }
    }
}

struct trial *probe_add(struct attacker *a, struct channel *c, int from, uint64_t packet,
                        const char *what)
{
    struct trial *t = mem_alloc(sizeof(*t));
    const struct end *receiver = &c->ends[1 - from];
    t->attacker = a;
    t->link = c->hop->edge->wires[0];
    t->from = from;
    t->at = net_now(c->world->net);
    t->sent = c->ends[from].messages_sent;
    t->packet = packet;
    t->odd = receiver->odd;
    t->received = receiver->messages_received;
    t->handshake = c->established_at == SIM_TIME_NEVER;
    t->discarded_at = SIM_TIME_NEVER;
    snprintf(t->what, sizeof(t->what), "%s", what);
    struct trial **last = &c->trials;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = t;
    return t;
}

struct trial *probe_begin(struct attacker *a, struct channel *c, int from, uint32_t unit_at,
                          size_t unit_len, bool removed, uint64_t packet, const char *what)
{
    struct trial *t = probe_add(a, c, from, packet, what);
    t->removed = removed;
    find_message(t, &c->ends[from], unit_at, unit_len);
    return t;
}

struct trial *probe_pending(const struct channel *c, const struct attacker *a)
{
    struct trial *t = c->trials;
    while (t != NULL && t->attacker != a) {
        t = t->next;
    }
    return t;
}

/* Over datagrams a session outlives what is altered, forged or taken out, and which record a
 * discard was of is known. What was held back and has arrived is done, too. */
bool probe_is_busy(const struct channel *c, const struct attacker *a)
{
    for (const struct trial *t = c->trials; t != NULL; t = t->next) {
        bool done = c->hop->has_datagrams && !t->handshake &&
                    (t->act == ATTACK_SET || t->act == ATTACK_INSERT || t->act == ATTACK_REMOVE);
        bool arrived =
            a->ops->has_to_arrive && c->ends[1 - t->from].messages_received > t->received;
        if (t->attacker == a && !done && !arrived) {
            return true;
        }
    }
    return false;
}

void probe_identities(struct attacker *a, struct channel *c, uint64_t packet, bool initiator,
                      bool responder)
{
    struct identity_probe *p = c->identity_probes;
    while (p != NULL && p->attacker != a) {
        p = p->next;
    }
    if (p == NULL) {
        p = mem_alloc(sizeof(*p));
        p->attacker = a;
        p->next = c->identity_probes;
        c->identity_probes = p;
    }
    if ((initiator && !p->seen[0]) || (responder && !p->seen[1])) {
        p->packet = packet;
    }
    p->seen[0] = initiator;
    p->seen[1] = responder;
}

void probe_arrived(struct end *end, const struct carry *carry, uint64_t digest)
{
    replayer_came_out(end, carry, digest);
    if (end->channel->trials != NULL) {
        end->odd += carry == NULL || carry->sent_hash != digest;
    }
    for (struct trial *t = carry != NULL ? end->channel->trials : NULL; t != NULL; t = t->next) {
        t->delivered =
            t->delivered || (t->from != end->side && t->message_id == carry->message->id &&
                             t->hop_number == carry->hop_number);
    }
    if (carry != NULL) {
        end->out_of_turn += carry->stream_at < end->newest;
        end->newest = carry->stream_at > end->newest ? carry->stream_at : end->newest;
    }
}

/* --- judging
 * ------------------------------------------------------------------------------------------- */

const struct end *probe_alerted(const struct channel *c, const struct trial *t)
{
    const struct end *first = NULL;
    for (int side = 0; side < 2; side++) {
        const struct end *e = &c->ends[side];
        if (e->alert != NULL && e->alert_at >= t->at &&
            (first == NULL || e->alert_at < first->alert_at)) {
            first = e;
        }
    }
    return first;
}

/* A man in the middle: an end that says it is done took him for the other one. Of an initiator a
 * policy need not ask who it is. */
static struct judgement judge_rogue(const struct channel *c, const struct trial *t)
{
    const struct end *alarm = probe_alerted(c, t);
    bool asked = c->hop->policy->auth != AUTH_SERVER_ONLY;
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    if (c->ends[SIDE_INITIATOR].up_at != SIM_TIME_NEVER ||
        (asked && c->ends[SIDE_RESPONDER].up_at != SIM_TIME_NEVER)) {
        j.verdict = "violated";
    } else if (alarm != NULL) {
        j.detected_by = alarm->alert;
        j.side = alarm->side;
        j.delay = alarm->alert_at - t->at;
    } else if (c->failure != NULL) {
        j.detected_by = c->failure;
    } else {
        j.verdict = "inconclusive";
    }
    return j;
}

static struct judgement judge(const struct channel *c, const struct trial *t)
{
    const struct end *receiver = &c->ends[1 - t->from];
    const struct end *alarm = probe_alerted(c, t);
    const struct attack_ops *ops = t->attacker->ops;
    sim_time now = net_now(c->world->net);
    /* Both ends have heard of each other inside the session: not merely done with the handshake. */
    bool went_on =
        receiver->messages_received > t->received ||
        (t->handshake && c->ends[SIDE_INITIATOR].confirmed && c->ends[SIDE_RESPONDER].confirmed);
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    if (receiver->odd > t->odd) {
        j.verdict = "violated";
    } else if (ops->has_to_arrive && (alarm != NULL || receiver->failure != NULL)) {
        j.verdict = went_on ? "held" : "violated";
    } else if (alarm != NULL) {
        j.detected_by = alarm->alert;
        j.side = alarm->side;
        j.delay = alarm->alert_at - t->at;
    } else if (receiver->failure != NULL || (t->handshake && c->failure != NULL)) {
        j.detected_by = receiver->failure != NULL ? receiver->failure : c->failure;
        j.side = receiver->failure != NULL ? receiver->side : 1 - receiver->side;
        j.delay = now - t->at;
    } else if (ops->has_to_arrive && !went_on) {
        j.verdict = now - t->at >= STALLED ? "violated" : "inconclusive";
    } else if (receiver->facts.close_notify_received) {
        j.detected_by = "no effect"; /* the peer's last word is authentic: nothing was missing */
    } else if (ops->unnoticed_is_violated &&
               (receiver->state == SECURE_CLOSED || (t->handshake && went_on))) {
        j.verdict = "violated";
    } else if (went_on) {
        j.detected_by = "no effect";
    } else if (now - t->at >= STALLED &&
               (t->handshake || !t->removed || c->ends[t->from].messages_sent > t->sent)) {
        j.detected_by = "nothing was delivered";
    } else {
        j.verdict = "inconclusive";
    }
    return j;
}

void probe_report(const struct hop *hop, const struct trial *t, const struct judgement *j)
{
    report_probe(hop->world, &(struct probe_row){.attacker = t->attacker->conf->id,
                                                 .kind = t->attacker->words->name,
                                                 .property = t->attacker->words->property,
                                                 .link = t->link,
                                                 .session_id = t->session_id,
                                                 .message_id = t->message_id,
                                                 .hop_number = t->hop_number,
                                                 .at = t->at,
                                                 .verdict = j->verdict,
                                                 .detected_by = j->detected_by,
                                                 .side = j->side,
                                                 .delay = j->delay,
                                                 .packet = t->packet,
                                                 .detail = t->what});
}

/* What a man in the middle read, and what both ends told him. */
static void tell_rogue(const struct channel *c, struct trial *t)
{
    const char *alerts[2] = {c->ends[0].alert, c->ends[1].alert};
    uint64_t read[2];
    rogue_read(c, read);
    size_t len = strlen(t->what);
    snprintf(t->what + len, sizeof(t->what) - len, ": read %" PRIu64 " messages%s%s%s%s",
             read[0] + read[1], alerts[0] != NULL ? ", the initiator said " : "",
             alerts[0] != NULL ? alerts[0] : "", alerts[1] != NULL ? ", the responder said " : "",
             alerts[1] != NULL ? alerts[1] : "");
}

static struct judgement judge_any(const struct channel *c, struct trial *t)
{
    if (t->attacker->ops->terminates) {
        return judge_rogue(c, t);
    }
    if (t->attacker->ops->copies != NULL) {
        return replayer_judge(c, t);
    }
    return c->hop->has_datagrams ? probe_judge_datagram(c, t) : judge(c, t);
}

void probe_settle_trial(struct channel *c, struct trial *t)
{
    struct judgement j = judge_any(c, t);
    t->session_id = c->id;
    if (t->attacker->ops->copies != NULL && c->ahead != NULL) {
        replayer_copy_over(c, t, &j);
        return;
    }
    if (t->attacker->ops->terminates) {
        tell_rogue(c, t);
    }
    if (t->attacker->ops->weakens && c->established_at == SIM_TIME_NEVER && !c->world->settled) {
        downgrade_failed(c, t, &j);
        return;
    }
    probe_report(c->hop, t, &j);
    free(t);
}

static void report_identities(const struct channel *c, const struct identity_probe *p)
{
    static const char *const seen[] = {"neither end is named in the octets of the session",
                                       "names the initiator", "names the responder",
                                       "names both ends"};
    bool either = p->seen[0] || p->seen[1];
    report_probe(c->world, &(struct probe_row){.attacker = p->attacker->conf->id,
                                               .kind = p->attacker->words->name,
                                               .property = "identity-privacy",
                                               .link = c->hop->edge->wires[0],
                                               .session_id = c->id,
                                               .at = c->started_at,
                                               .verdict = either ? "violated" : "held",
                                               .side = -1,
                                               .delay = SIM_TIME_NEVER,
                                               .packet = either ? p->packet : 0,
                                               .detail = seen[p->seen[0] + 2 * p->seen[1]]});
}

void probe_settle(struct channel *c)
{
    downgrade_refused(c); /* of those before */
    while (c->trials != NULL) {
        struct trial *t = c->trials;
        c->trials = t->next;
        probe_settle_trial(c, t);
    }
    while (c->identity_probes != NULL) {
        struct identity_probe *p = c->identity_probes;
        c->identity_probes = p->next;
        report_identities(c, p);
        free(p);
    }
}
