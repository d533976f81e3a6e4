/* The responder's half of handshakes with nodes that are no client of its. Each is a channel of
 * which only that end exists, so that its steps wait for the responder's processor like all others.
 * Over datagrams one peer has one of them at most (RFC 6347 4.2.8): what comes from its address
 * goes to it. What has brought no cookie back costs its step and no place: a server keeps nothing
 * of it, though the simulator keeps the session that would go on. */
#include <stdlib.h>

#include "sim/world/half_open.h"
#include "sim/world/session.h"

struct stranger {
    struct channel channel; /* of which ends[SIDE_RESPONDER] is used */
    struct stranger_account *account;
    net_timer timeout;
    struct stranger *next, *prev;
};

static struct end *end_of(struct stranger *s)
{
    return &s->channel.ends[SIDE_RESPONDER];
}

static void stranger_free(struct stranger *s)
{
    struct end *end = end_of(s);
    struct half_open *h = end->entity->half_open;
    *(s->prev != NULL ? &s->prev->next : &h->first) = s->next;
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
    secure_session_free(end->session);
    buf_fini(&end->received);
    buf_fini(&end->unsent);
    buf_fini(&end->plain);
    free(s);
}

/* Nothing more is computed for it; a step under way is waited for by whoever calls
 * stranger_apply(). */
static void stranger_over(struct stranger *s)
{
    struct end *end = end_of(s);
    struct world *w = s->channel.world;
    if (!end->dead) {
        end->dead = true;
        if (end->half_open) {
            half_open_leave(end);
            s->account->held--;
            s->account->last_at = net_now(w->net);
        }
        net_timer_cancel(w->net, s->timeout);
        net_timer_cancel(w->net, end->deadline);
        if (end->stream != NULL) {
            net_stream_abort(end->stream);
            end->stream = NULL;
        }
        if (s->channel.hop->has_datagrams) {
            map_remove(&end->entity->half_open->strangers, s->channel.peer);
        }
    }
    if (end->step == NULL) {
        stranger_free(s);
    }
}

static void on_timeout(void *arg)
{
    struct stranger *s = arg;
    s->timeout = 0;
    stranger_over(s);
}

static struct stranger *stranger_begin(struct hop *hop, struct stranger_account *account,
                                       net_node peer)
{
    struct world *w = hop->world;
    struct stranger *s = mem_alloc(sizeof(*s));
    struct channel *c = &s->channel;
    struct end *end = end_of(s);
    c->world = w;
    c->hop = hop;
    c->stranger = s;
    c->peer = peer;
    c->started_at = net_now(w->net);
    c->established_at = c->ended_at = SIM_TIME_NEVER;
    end->channel = c;
    end->side = SIDE_RESPONDER;
    end->entity = hop->server;
    end->up_at = SIM_TIME_NEVER;
    end->begun = true;
    s->account = account;
    return s;
}

/* It has its place, or needs none yet: the session is opened. */
static void stranger_open(struct stranger *s)
{
    struct channel *c = &s->channel;
    struct hop *hop = c->hop;
    struct world *w = c->world;
    struct end *end = end_of(s);
    struct half_open *h = end->entity->half_open;
    uint32_t address = net_node_address(w->net, c->peer);
    char *owner = mem_printf("%s, strangers", hop->stream_names[SIDE_RESPONDER]);
    uint8_t psk[HOP_PSK_BYTES];
    struct secure_session_params params;
    channel_session_params(hop, SIDE_RESPONDER, ++h->strangers_seen, psk, &params);
    params.owner = owner;
    params.peer_address = span_of(&address, sizeof(address));
    CHECK(secure_session_open(hop->secure, &params, net_now(w->net), &end->session) == 0);
    free(owner);
    end->connected = true;
    s->timeout =
        net_timer_set(w->net, c->started_at + hop->policy->handshake_timeout, on_timeout, s);
    s->next = h->first;
    if (h->first != NULL) {
        h->first->prev = s;
    }
    h->first = s;
}

/* Whether it gets a place. */
static bool stranger_enters(struct stranger *s)
{
    struct stranger_account *a = s->account;
    if (end_of(s)->half_open) {
        return true;
    }
    if (!half_open_enter(end_of(s))) {
        a->refused++;
        return false;
    }
    a->begun++;
    a->held++;
    a->peak = a->held > a->peak ? a->held : a->peak;
    return true;
}

/* --- streams ---------------------------------------------------------------------------------- */

static void flush(struct end *end)
{
    if (end->stream != NULL && buf_len(&end->unsent) > 0) {
        buf_consume(&end->unsent, net_stream_send(end->stream, buf_span(&end->unsent)));
    }
}

static void on_data(void *arg, struct span bytes)
{
    struct stranger *s = arg;
    buf_append(&end_of(s)->received, bytes);
    step_kick(end_of(s));
}

static void on_writable(void *arg)
{
    struct stranger *s = arg;
    flush(end_of(s));
}

static void on_closed(void *arg, int error)
{
    struct stranger *s = arg;
    (void)error;
    end_of(s)->stream = NULL;
    stranger_over(s);
}

static const struct net_stream_ops stream_ops = {
    .data = on_data, .writable = on_writable, .closed = on_closed};

bool stranger_accept(struct hop *hop, struct stranger_account *account, net_node peer,
                     struct net_stream *stream, const struct net_stream_ops **ops, void **arg)
{
    struct stranger *s = stranger_begin(hop, account, peer);
    if (!stranger_enters(s)) {
        free(s);
        return false;
    }
    stranger_open(s);
    end_of(s)->stream = stream;
    *ops = &stream_ops;
    *arg = s;
    return true;
}

/* --- datagrams -------------------------------------------------------------------------------- */

static struct stranger *find(const struct half_open *h, net_node peer)
{
    uint64_t found;
    return map_get(&h->strangers, peer, &found) ? (struct stranger *)(uintptr_t)found : NULL;
}

void stranger_datagram(struct hop *hop, struct stranger_account *account, net_node peer,
                       struct span payload)
{
    struct half_open *h = half_open_of(hop->server);
    struct stranger *s = find(h, peer);
    bool hello = half_open_is_hello(payload);
    bool proven = hello && (hop->policy->no_cookies || half_open_has_cookie(payload));
    if (entity_is_silent(hop->server)) {
        return;
    }
    if (s != NULL && hello && !proven && !end_of(s)->half_open && end_of(s)->step == NULL) {
        stranger_over(s); /* asked again, by somebody who has no cookie: answered again */
        s = NULL;
    }
    if (s == NULL && hello && proven == hop->policy->no_cookies) {
        s = stranger_begin(hop, account, peer);
        if (proven && !stranger_enters(s)) {
            free(s);
            return;
        }
        stranger_open(s);
        map_set(&h->strangers, peer, (uint64_t)(uintptr_t)s);
    }
    if (s != NULL && (!proven || stranger_enters(s))) {
        secure_datagram_append(&end_of(s)->received, payload, 0);
        step_kick(end_of(s));
    }
}

static void send_datagrams(const struct stranger *s, struct span list)
{
    const struct world *w = s->channel.world;
    struct span datagram;
    uint16_t message;
    while (secure_datagram_take(&list, &datagram, &message)) {
        /* To an address that is nobody's there is no way; it is lost like any other. */
        (void)net_datagram_send(w->net, s->channel.hop->server->net_node, s->channel.peer,
                                w->models->session_datagram_port, datagram, 0);
    }
}

/* --- what both have --------------------------------------------------------------------------- */

void stranger_apply(struct end *end, struct step *step)
{
    struct stranger *s = end->channel->stranger;
    s->account->cpu += step->cost;
    if (end->dead) {
        stranger_free(s);
        return;
    }
    if (s->channel.hop->has_datagrams) {
        send_datagrams(s, buf_span(&step->output.wire));
        channel_set_deadline(end, step->output.deadline);
    } else {
        buf_move(&end->unsent, &step->output.wire);
        flush(end);
    }
    end->state = step->output.state;
    if (end->state == SECURE_FAILED || end->state == SECURE_CLOSED) {
        stranger_over(s);
    } else {
        step_kick(end);
    }
}

void strangers_settle(struct entity *e)
{
    for (struct stranger *s = e->half_open != NULL ? e->half_open->first : NULL; s != NULL;
         s = s->next) {
        step_abandon(end_of(s));
    }
}

void half_open_free(struct entity *e)
{
    struct half_open *h = e->half_open;
    struct stranger *next;
    for (struct stranger *s = h != NULL ? h->first : NULL; s != NULL; s = next) {
        next = s->next;
        stranger_free(s);
    }
    if (h != NULL) {
        map_fini(&h->by_peer);
        map_fini(&h->strangers);
        free(h);
        e->half_open = NULL;
    }
}
