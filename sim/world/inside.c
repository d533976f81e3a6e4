/* Hops inside a device, between a PNE and the gateway beside it: no packets and no session, only
 * the time that the device takes for a message. The two are told of a channel as if there were one,
 * so that flows are the same as over a session. */
#include <stdlib.h>

#include "sim/world/account.h"

enum inside_kind { INSIDE_UP, INSIDE_DOWN, INSIDE_MESSAGE };

struct inside_event {
    enum inside_kind kind;
    struct entity *to;   /* INSIDE_UP: both */
    struct carry *carry; /* INSIDE_MESSAGE */
    struct inside_event *next;
};

/* What is under way, in order: each takes the same time. */
struct inside {
    struct hop *hop;
    struct inside_event *first, *last;
    bool up; /* CHANNEL_UP is told, or about to be */
};

struct inside *inside_create(struct hop *hop)
{
    struct inside *in = mem_alloc(sizeof(*in));
    in->hop = hop;
    return in;
}

static struct inside_event *take(struct inside *in)
{
    struct inside_event *e = in->first;
    if (e != NULL) {
        in->first = e->next;
        in->last = in->first != NULL ? in->last : NULL;
    }
    return e;
}

void inside_free(struct inside *in)
{
    for (struct inside_event *e; in != NULL && (e = take(in)) != NULL;) {
        free(e);
    }
    free(in);
}

static void arrive(const struct inside *in, const struct inside_event *e)
{
    const struct hop *hop = in->hop;
    struct carry *c = e->carry;
    struct entity *from = e->to == hop->client ? hop->server : hop->client;
    struct buf frame = {0};
    uint8_t encoding;
    struct span message;
    if (entity_is_silent(e->to)) {
        account_lost(hop->world, c, "silent");
        return;
    }
    buf_move(&frame, &c->frame); /* the carry ends before the handler */
    struct span rest = buf_span(&frame);
    CHECK(frame_take(&rest, &encoding, &message) == 1);
    bool in_session = c->exemption == EXEMPT_NOT;
    account_arrived(e->to, c, from->id, encoding, message, span_digest(0, message), in_session,
                    in_session ? from->urn : "");
    buf_fini(&frame);
}

static void tell(struct entity *e, const struct entity *peer, enum channel_event event,
                 const char *reason)
{
    if (!entity_is_silent(e)) {
        e->type->channel(e, e->state, peer->id, event, reason);
        flow_leave(e->world);
    }
}

static void on_due(void *arg)
{
    struct inside *in = arg;
    const struct hop *hop = in->hop;
    struct inside_event *e = take(in);
    switch (e->kind) {
    case INSIDE_UP:
        tell(hop->server, hop->client, CHANNEL_UP, NULL);
        tell(hop->client, hop->server, CHANNEL_UP, NULL);
        break;
    case INSIDE_DOWN:
        tell(e->to, e->to == hop->client ? hop->server : hop->client, CHANNEL_DOWN, "closed");
        break;
    case INSIDE_MESSAGE:
        arrive(in, e);
        break;
    }
    free(e);
}

static void put(struct inside *in, enum inside_kind kind, struct entity *to, struct carry *carry)
{
    struct net *net = in->hop->world->net;
    struct inside_event *e = mem_alloc(sizeof(*e));
    *e = (struct inside_event){.kind = kind, .to = to, .carry = carry};
    if (in->last != NULL) {
        in->last->next = e;
    } else {
        in->first = e;
    }
    in->last = e;
    net_timer_set(net, net_now(net) + in->hop->client->cpu->message_ns, on_due, in);
}

void inside_connect(struct hop *hop)
{
    if (!hop->inside->up) {
        hop->inside->up = true;
        put(hop->inside, INSIDE_UP, NULL, NULL);
    }
}

void inside_disconnect(struct hop *hop, struct entity *from)
{
    if (hop->inside->up) {
        hop->inside->up = false;
        put(hop->inside, INSIDE_DOWN, from == hop->client ? hop->server : hop->client, NULL);
    }
}

void inside_send(struct hop *hop, struct entity *from, struct carry *carry)
{
    if (carry->exemption == EXEMPT_NOT) {
        inside_connect(hop);
    }
    carry->sent_at = net_now(hop->world->net);
    put(hop->inside, INSIDE_MESSAGE, from == hop->client ? hop->server : hop->client, carry);
}

void inside_settle(struct world *w)
{
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        struct inside *in = w->hops[i].inside;
        for (struct inside_event *e; in != NULL && (e = take(in)) != NULL; free(e)) {
            if (e->kind == INSIDE_MESSAGE) {
                struct carry_queue one = {0};
                carry_push(&one, e->carry);
                account_in_flight_queue(w, &one);
            }
        }
    }
}
