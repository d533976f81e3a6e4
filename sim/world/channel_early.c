/* 0-RTT data in a channel: messages that wait for a session go along with its ClientHello, sealed
 * by the keys of the session that it resumes. Whether the responder takes them is known when it
 * answers; what it does not take is sent again when the session is established, once. */
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/session.h"

/* --- the initiator
 * ------------------------------------------------------------------------------------------- */

static void push_front(struct carry_queue *q, struct carry_queue *first)
{
    struct carry_queue rest = *q;
    *q = (struct carry_queue){0};
    for (struct carry *c = carry_pop(first); c != NULL; c = carry_pop(first)) {
        carry_push(q, c);
    }
    for (struct carry *c = carry_pop(&rest); c != NULL; c = carry_pop(&rest)) {
        carry_push(q, c);
    }
}

void channel_early_offer(struct end *end, struct buf *data)
{
    struct hop *hop = end->channel->hop;
    size_t most = hop->policy->early_data;
    if (most == 0 || end->side != SIDE_INITIATOR || buf_len(&hop->ticket) == 0 ||
        hop->fallback != 0) {
        return; /* who goes back to an older version leaves 0-RTT data out */
    }
    const struct carry *next = hop->waiting.first;
    while (next != NULL && buf_len(data) + buf_len(&next->frame) <= most) {
        struct carry *c = carry_pop(&hop->waiting);
        buf_append(data, buf_span(&c->frame));
        carry_push(&end->early, c);
        next = hop->waiting.first;
    }
}

void channel_early_take(struct end *end, struct step *s)
{
    s->messages = mem_calloc(end->early.count, sizeof(*s->messages));
    for (struct carry *c = carry_pop(&end->early); c != NULL; c = carry_pop(&end->early)) {
        s->messages[s->message_count++] = buf_span(&c->frame);
        carry_push(&s->carried, c);
    }
}

void channel_early_sent(struct end *end, struct step *s)
{
    if (end->side != SIDE_INITIATOR || !s->early) {
        return;
    }
    secure_session_facts(end->session, &end->facts);
    if (end->facts.early_bytes == 0) { /* the ticket was not good for it */
        push_front(&end->channel->hop->waiting, &s->carried);
        s->message_count = 0;
    }
    for (struct carry *c = s->carried.first; c != NULL; c = c->next) {
        c->early = EARLY_OFFERED;
    }
    if (s->carried.first != NULL) {
        end->channel->early_message = s->carried.first->message->id;
        end->channel->early_hop_number = s->carried.first->hop_number;
    }
}

void channel_early_answered(struct end *end)
{
    struct carry_queue again = {0};
    if (end->side != SIDE_INITIATOR || strcmp(end->facts.early_data, "rejected") != 0) {
        return;
    }
    /* Nothing else can be under way: messages follow when the peer's empty frame has come. */
    for (struct carry *c = carry_pop(&end->under_way); c != NULL; c = carry_pop(&end->under_way)) {
        CHECK(c->early == EARLY_OFFERED);
        c->early = EARLY_REJECTED;
        carry_push(&again, c);
    }
    push_front(&end->outgoing, &again);
}

/* --- the responder
 * ------------------------------------------------------------------------------------------- */

void channel_early_arrived(struct end *end)
{
    if (end->side == SIDE_RESPONDER && end->state == SECURE_HANDSHAKING &&
        buf_len(&end->plain) > 0) {
        secure_session_facts(end->session, &end->facts);
        end->took_early = true;
    }
}

struct end *channel_early_replier(const struct hop *hop, const struct entity *from)
{
    struct channel *c = from == hop->server ? hop->live[SIDE_RESPONDER] : NULL;
    struct end *end = c != NULL ? &c->ends[SIDE_RESPONDER] : NULL;
    return end != NULL && end->took_early && !end->confirmed && !end->dead ? end : NULL;
}

bool channel_early_in_turn(const struct end *end)
{
    return end->side == SIDE_RESPONDER && end->channel->hop->policy->early_data > 0;
}
