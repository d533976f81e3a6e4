/* What a man in the middle does with octets: his two sessions are real ones, and what comes out of
 * one goes into the other. */
#include "sim/world/rogue_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/world/revocation.h"

static struct world *world_of(const struct rogue_end *e)
{
    return e->of->rogue->attacker->world;
}

/* --- sessions
 * ------------------------------------------------------------------------------------------- */

static void end_step(struct rogue_end *e, struct secure_input *in);

/* Nothing of his is accounted for: the tags stay those of the two ends of the hop. */
static void send_datagrams(struct rogue_end *e)
{
    const struct hop *hop = e->of->rogue->hop;
    const struct world *w = world_of(e);
    const struct entity *to = e->faces == SIDE_INITIATOR ? hop->client : hop->server;
    struct span list = buf_span(&e->unsent);
    struct span datagram;
    uint16_t message;
    while (secure_datagram_take(&list, &datagram, &message)) {
        (void)net_datagram_send(w->net, e->of->rogue->node, to->net_node,
                                w->models->session_datagram_port, datagram, 0);
    }
    buf_clear(&e->unsent);
}

static void flush(struct rogue_end *e)
{
    if (e->of->rogue->hop->has_datagrams) {
        send_datagrams(e);
    } else if (e->stream != NULL && buf_len(&e->unsent) > 0) {
        buf_consume(&e->unsent, net_stream_send(e->stream, buf_span(&e->unsent)));
    }
}

/* Whole frames, each a message of its own; the caller frees the array. */
static struct span *split(struct span plain, size_t *count)
{
    struct span *frames = NULL;
    size_t capacity = 0;
    const uint8_t *at = plain.data;
    uint8_t encoding;
    struct span message;
    *count = 0;
    while (frame_take(&plain, &encoding, &message) == 1) {
        *MEM_PUSH(frames, *count, capacity) = span_of(at, (size_t)(plain.data - at));
        at = plain.data;
    }
    return frames;
}

static void seal_pending(struct rogue_end *e)
{
    if (e->session == NULL || e->state != SECURE_ESTABLISHED || buf_len(&e->pending) == 0) {
        return;
    }
    struct buf plain = {0};
    buf_move(&plain, &e->pending);
    struct span message = buf_span(&plain);
    struct secure_input in = {.messages = &message, .message_count = 1};
    struct span *frames = NULL;
    if (e->of->rogue->hop->has_datagrams) {
        in.messages = frames = split(message, &in.message_count);
    }
    end_step(e, &in);
    free(frames);
    buf_fini(&plain);
}

/* The server will not have him: he goes on alone with the client. */
static void fool_client(struct rogue_session *s)
{
    static const uint8_t empty_frame[FRAME_HEADER_BYTES];
    struct rogue_end *client = &s->ends[SIDE_INITIATOR];
    if (!s->fooled && client->state == SECURE_ESTABLISHED) {
        s->fooled = true;
        buf_append(&client->pending, span_of(empty_frame, sizeof(empty_frame)));
        seal_pending(client);
    }
}

static void count_messages(struct rogue_end *e)
{
    struct span rest = buf_span(&e->heard);
    size_t all = rest.len;
    uint8_t encoding;
    struct span message;
    while (frame_take(&rest, &encoding, &message) == 1) {
        e->read += message.len > 0;
        if (e->of->fooled && e->of->rogue->hop->has_datagrams && message.len == 0 &&
            encoding == FRAME_ESTABLISHED) { /* the client has not got what it waits for */
            frame_append(&e->pending, FRAME_ANSWER, span_of(NULL, 0));
        }
    }
    buf_consume(&e->heard, all - rest.len);
}

static void on_deadline(void *arg)
{
    struct rogue_end *e = arg;
    struct secure_input in = {.start = false};
    e->deadline = 0;
    end_step(e, &in);
}

static void set_deadline(struct rogue_end *e, sim_time at)
{
    struct net *net = world_of(e)->net;
    net_timer_cancel(net, e->deadline);
    e->deadline = 0;
    if (at != SIM_TIME_NEVER && e->of->channel != NULL && e->state == SECURE_HANDSHAKING) {
        e->deadline = net_timer_set(net, at > net_now(net) ? at : net_now(net), on_deadline, e);
    }
}

/* Over datagrams nobody hears that the other one is gone: a goodbye is answered, and handed on. */
static bool is_goodbye(const struct secure_output *out)
{
    for (size_t i = 0; i < out->event_count; i++) {
        if (out->events[i].kind == SECURE_EVENT_ALERT_RECEIVED && out->events[i].code == 0) {
            return true;
        }
    }
    return false;
}

static void say_goodbye(struct rogue_end *e)
{
    struct secure_input in = {.close = true};
    if (e->session != NULL && e->state == SECURE_ESTABLISHED) {
        end_step(e, &in);
    }
}

static void end_step(struct rogue_end *e, struct secure_input *in)
{
    struct rogue_session *s = e->of;
    struct rogue_end *other = &s->ends[1 - e->faces];
    struct secure_output out;
    secure_output_init(&out);
    CHECK(secure_session_step(e->session, in, net_now(world_of(e)->net), &out) == 0);
    e->state = out.state;
    buf_append(&e->unsent, buf_span(&out.wire));
    buf_append(&e->heard, buf_span(&out.plain));
    buf_append(&other->pending, buf_span(&out.plain));
    bool goodbye = s->rogue->hop->has_datagrams && is_goodbye(&out);
    sim_time deadline = out.deadline;
    secure_output_fini(&out);
    count_messages(e);
    set_deadline(e, deadline);
    flush(e);
    seal_pending(e);
    seal_pending(other);
    if (s->ends[SIDE_RESPONDER].state == SECURE_FAILED ||
        s->ends[SIDE_RESPONDER].state == SECURE_CLOSED) {
        fool_client(s);
    }
    if (goodbye) {
        say_goodbye(e);
        say_goodbye(other);
    }
    if (e->state == SECURE_FAILED && e->stream != NULL && buf_len(&e->unsent) == 0) {
        net_stream_close(e->stream);
    }
}

static void end_open(struct rogue_end *e)
{
    struct rogue *r = e->of->rogue;
    const struct channel *c = e->of->channel;
    struct hop *hop = r->hop;
    bool client = e->faces == SIDE_RESPONDER;
    bool stolen = r->attacker->conf->credential == ROGUE_STOLEN;
    uint8_t psk[sizeof(hop->psk)];
    char owner[300];
    snprintf(owner, sizeof(owner), "%s at %s, %s", r->attacker->conf->id, hop->edge->id,
             client ? "as client" : "as server");
    secure_random(world_of(e)->env, owner, "psk", 0, psk, sizeof(psk));
    bool use_psk = hop->policy->auth == AUTH_PSK;
    const struct entity *peer = client ? hop->server : hop->client;
    uint32_t address = net_node_address(world_of(e)->net, peer->net_node);
    struct secure_session_params params = {
        .initiator = client,
        .owner = owner,
        .ordinal = c->number,
        .identity = r->identities[client],
        .psk = use_psk ? span_of(stolen ? hop->psk : psk, sizeof(psk)) : span_of(NULL, 0),
        .psk_identity = use_psk ? hop->client->urn : NULL,
        .mtu = hop->mtu,
        .peer_address = span_of(&address, sizeof(address)),
    };
    revocation_session(hop, client ? SIDE_INITIATOR : SIDE_RESPONDER, &params);
    params.staple = stolen ? params.staple : span_of(NULL, 0); /* of another certificate */
    CHECK(secure_session_open(hop->secure, &params, net_now(world_of(e)->net), &e->session) == 0);
    struct secure_facts facts;
    secure_session_facts(e->session, &facts);
    e->state = facts.state;
    struct secure_input in = {.start = client};
    end_step(e, &in);
}

static void on_connected(void *arg)
{
    struct rogue_end *e = arg;
    if (e->of->channel != NULL) {
        end_open(e);
    }
}

static void on_data(void *arg, struct span bytes)
{
    struct rogue_end *e = arg;
    if (e->session != NULL && e->state != SECURE_FAILED && e->state != SECURE_CLOSED) {
        struct secure_input in = {.wire = bytes};
        end_step(e, &in);
    }
}

static void on_writable(void *arg)
{
    flush(arg);
}

static void on_closed(void *arg, int error)
{
    struct rogue_end *e = arg;
    struct rogue_end *other = &e->of->ends[1 - e->faces];
    (void)error;
    e->stream = NULL;
    if (e->faces == SIDE_RESPONDER) {
        if (e->state != SECURE_CLOSED) {
            e->state = SECURE_FAILED;
        }
        fool_client(e->of);
    } else if (other->stream != NULL) {
        net_stream_close(other->stream);
    }
}

static const struct net_stream_ops stream_ops = {
    .connected = on_connected,
    .data = on_data,
    .writable = on_writable,
    .closed = on_closed,
};

/* The client came to him: he goes to the server. */
static bool on_accept(void *arg, struct net_stream *stream, net_node peer,
                      const struct net_stream_ops **ops, void **stream_arg)
{
    struct rogue *r = arg;
    struct rogue_session *s = r->sessions;
    struct world *w = r->attacker->world;
    if (s == NULL || s->channel == NULL || s->ends[SIDE_INITIATOR].stream != NULL ||
        peer != r->hop->client->net_node) {
        return false;
    }
    s->ends[SIDE_INITIATOR].stream = stream;
    *ops = &stream_ops;
    *stream_arg = &s->ends[SIDE_INITIATOR];
    struct rogue_end *towards_server = &s->ends[SIDE_RESPONDER];
    int result = net_connect(w->net, r->node, r->hop->server->net_node, w->models->stream_port,
                             &stream_ops, towards_server, &towards_server->stream);
    if (result < 0) {
        towards_server->state = SECURE_FAILED;
    }
    end_open(&s->ends[SIDE_INITIATOR]);
    return true;
}

/* The same over datagrams: the first that comes from the client opens both. */
static void on_datagram(void *arg, net_node from, struct span payload)
{
    struct rogue *r = arg;
    struct rogue_session *s = r->sessions;
    bool client = from == r->hop->client->net_node;
    if (s == NULL || s->channel == NULL || (!client && from != r->hop->server->net_node)) {
        return;
    }
    struct rogue_end *e = &s->ends[client ? SIDE_INITIATOR : SIDE_RESPONDER];
    if (client && e->session == NULL) {
        end_open(&s->ends[SIDE_RESPONDER]);
        end_open(e);
    }
    struct buf list = {0};
    secure_datagram_append(&list, payload, 0);
    on_data(e, buf_span(&list));
    buf_fini(&list);
}

int rogue_listen(struct rogue *r)
{
    const struct world *w = r->attacker->world;
    return r->hop->has_datagrams
               ? net_datagram_bind(w->net, r->node, w->models->session_datagram_port, on_datagram,
                                   r)
               : net_listen(w->net, r->node, w->models->stream_port, on_accept, r);
}

void rogue_session_abort(struct rogue_session *s)
{
    s->channel = NULL;
    for (int side = 0; side < 2; side++) {
        struct rogue_end *e = &s->ends[side];
        net_timer_cancel(world_of(e)->net, e->deadline);
        e->deadline = 0;
        if (e->stream != NULL) {
            net_stream_abort(e->stream);
            e->stream = NULL;
        }
    }
}

void rogue_session_free(struct rogue_session *s)
{
    for (int side = 0; side < 2; side++) {
        struct rogue_end *e = &s->ends[side];
        secure_session_free(e->session);
        buf_fini(&e->unsent);
        buf_fini(&e->pending);
        buf_fini(&e->heard);
    }
    free(s);
}
