/* Channels: how they begin. The client opens, the server accepts; each end then has a session. */
#include "sim/world/channel_internal.h"

#include "sim/world/exhaust.h"
#include "sim/world/half_open.h"
#include "sim/world/replayer.h"
#include "sim/world/report.h"
#include "sim/world/revocation.h"
#include "sim/world/rogue.h"
#include "sim/world/session.h"

/* --- a session's end
 * ------------------------------------------------------------------------------ */

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

void end_begin_session(struct end *end)
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
    /* Copies have the original's client random, by which a key log is read; no capture has them. */
    params.key_log = c->world->key_log != NULL && c->number < FIRST_STRAY;
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

/* --- the client opens
 * ----------------------------------------------------------------------------- */

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

void channel_open(struct hop *hop)
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
                        &channel_stream_ops, end, &end->stream);
    }
    c->timeout = r == 0 ? net_timer_set(w->net, c->started_at + hop->policy->handshake_timeout,
                                        on_timeout, c)
                        : net_timer_set(w->net, c->started_at, on_unreachable, c);
}

/* --- the server answers
 * --------------------------------------------------------------------------- */

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
    *ops = &channel_stream_ops;
    *stream_arg = end;
    end_begin_session(end);
    return true;
}
