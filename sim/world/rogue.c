#include "sim/world/rogue.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world/revocation.h"

struct rogue_session;

/* The rogue's end of one of his two sessions: towards the client, where he is the responder, or
 * towards the server, where he is the initiator. */
struct rogue_end {
    struct rogue_session *of;
    int faces; /* the side of the channel that is his peer */
    struct net_stream *stream;
    struct secure_session *session;
    enum secure_state state;
    struct buf unsent;  /* sealed */
    struct buf pending; /* plaintext from the other side, to be sealed */
    struct buf heard;   /* plaintext, frames not complete yet */
    uint64_t read;      /* messages */
};

struct rogue_session {
    struct rogue *rogue;
    struct channel *channel; /* NULL: over */
    struct rogue_end ends[2];
    bool fooled; /* the empty frame that the server did not send was forged */
    struct rogue_session *next;
};

struct rogue {
    struct attacker *attacker;
    struct hop *hop;
    net_node node;
    struct secure_identity *identities[2]; /* shown to the client, to the server; NULL: none */
    bool owned;
    struct rogue_session *sessions; /* newest first */
    struct rogue *next;
};

static struct world *world_of(const struct rogue_end *e)
{
    return e->of->rogue->attacker->world;
}

/* --- sessions
 * ------------------------------------------------------------------------------------------- */

static void end_step(struct rogue_end *e, struct secure_input *in);

static void flush(struct rogue_end *e)
{
    if (e->stream != NULL && buf_len(&e->unsent) > 0) {
        buf_consume(&e->unsent, net_stream_send(e->stream, buf_span(&e->unsent)));
    }
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
    end_step(e, &in);
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
    }
    buf_consume(&e->heard, all - rest.len);
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
    secure_output_fini(&out);
    count_messages(e);
    flush(e);
    seal_pending(e);
    seal_pending(other);
    if (s->ends[SIDE_RESPONDER].state == SECURE_FAILED ||
        s->ends[SIDE_RESPONDER].state == SECURE_CLOSED) {
        fool_client(s);
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
    struct secure_session_params params = {
        .initiator = client,
        .owner = owner,
        .ordinal = c->number,
        .identity = r->identities[client],
        .psk = use_psk ? span_of(stolen ? hop->psk : psk, sizeof(psk)) : span_of(NULL, 0),
        .psk_identity = use_psk ? hop->client->urn : NULL,
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

/* --- life
 * ------------------------------------------------------------------------------------------- */

static int issue(struct rogue *r, int shown_to, struct diag_list *diags)
{
    struct attacker *a = r->attacker;
    struct world *w = a->world;
    const struct entity *poses_as = shown_to == 0 ? r->hop->server : r->hop->client;
    enum scenario_attack_credential credential = a->conf->credential;
    enum secure_key_kind kind = (enum secure_key_kind)r->hop->policy->certificates;
    if (r->hop->policy->kind == KIND_CLEAR || r->hop->policy->auth == AUTH_PSK) {
        return 0;
    }
    if (credential == ROGUE_STOLEN) {
        r->identities[shown_to] = poses_as->identities[kind];
        return 0;
    }
    r->owned = true;
    char name[300];
    char own_urn[SECURE_URN_BYTES];
    snprintf(name, sizeof(name), "attacker %s as %s", a->conf->id, poses_as->node->id);
    secure_urn(w->scenario->seed, name, own_urn);
    struct secure_identity_params params = {
        .name = name,
        .urn = credential == ROGUE_WRONG_NAME ? own_urn : poses_as->urn,
        .kind = kind,
        .not_before = -24 * 3600 * SIM_S,
        .not_after = credential == ROGUE_EXPIRED ? -SIM_S : w->scenario->until + 3600 * SIM_S,
        .self_signed = credential == ROGUE_SELF_SIGNED,
    };
    if (credential == ROGUE_FUTURE) {
        params.not_before = w->scenario->until + 3600 * SIM_S;
        params.not_after = params.not_before + 24 * 3600 * SIM_S;
    }
    int result = 0;
    if (credential == ROGUE_UNTRUSTED && w->other_ca == NULL) {
        result = secure_ca_create(w->env, "other", SECURE_KEY_P256, &w->other_ca, diags);
    }
    if (result == 0) {
        result = secure_identity_issue(w->env, credential == ROGUE_UNTRUSTED ? w->other_ca : w->ca,
                                       &params, &r->identities[shown_to], diags);
    }
    if (result == 0 && credential == ROGUE_REVOKED) {
        revocation_revoke(w, r->identities[shown_to]);
    }
    return result;
}

static int join(const struct rogue *r, const struct wire *like, const struct entity *to,
                struct diag_list *diags)
{
    struct world *w = r->attacker->world;
    struct net_link_params params;
    net_link link;
    char name[300];
    wire_params(w->scenario, like->wire, &params);
    snprintf(name, sizeof(name), "%s--%s at %s", r->attacker->conf->id, to->node->id,
             r->hop->edge->id);
    params.name = name;
    if (params.fidelity == NET_FIDELITY_FULL) {
        params.fidelity = NET_FIDELITY_PACKET; /* he is in no association */
    }
    int result = net_add_link(w->net, to->net_node, r->node, &params, &link);
    if (result < 0) {
        diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0, "attacker %s: link %s",
                 r->attacker->conf->id, name);
    }
    return result;
}

static int settle_at(struct attacker *a, struct hop *hop, const struct wire *wire,
                     struct diag_list *diags)
{
    struct world *w = a->world;
    struct rogue *r = mem_alloc(sizeof(*r));
    r->attacker = a;
    r->hop = hop;
    r->next = a->rogues;
    a->rogues = r;
    char *name = mem_printf("%s at %s", a->conf->id, hop->edge->id);
    r->node = net_add_node(w->net, name);
    free(name);
    int result = join(r, wire, hop->client, diags);
    if (result == 0) {
        result = join(r, wire, hop->server, diags);
    }
    if (result == 0) {
        result = net_listen(w->net, r->node, w->models->stream_port, on_accept, r);
    }
    if (result == 0) {
        result = issue(r, 0, diags);
    }
    return result == 0 ? issue(r, 1, diags) : result;
}

static bool runs_over(const struct hop *hop, uint32_t wire)
{
    for (size_t i = 0; i < hop->edge->wire_count; i++) {
        if (hop->edge->wires[i] == wire) {
            return hop->policy != NULL && !hop->has_datagrams;
        }
    }
    return false;
}

int rogue_start(struct attacker *a, struct diag_list *diags)
{
    struct world *w = a->world;
    int result = 0;
    for (size_t i = 0; result == 0 && i < w->scenario->edge_count; i++) {
        for (size_t k = 0; result == 0 && k < a->conf->target_count; k++) {
            if (runs_over(&w->hops[i], a->conf->targets[k])) {
                result = settle_at(a, &w->hops[i], &w->wires[a->conf->targets[k]], diags);
                break;
            }
        }
    }
    return result;
}

static void session_free(struct rogue_session *s)
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

void rogue_free(struct attacker *a)
{
    while (a->rogues != NULL) {
        struct rogue *r = a->rogues;
        a->rogues = r->next;
        while (r->sessions != NULL) {
            struct rogue_session *s = r->sessions;
            r->sessions = s->next;
            session_free(s);
        }
        for (int i = 0; r->owned && i < 2; i++) {
            secure_identity_free(r->identities[i]);
        }
        free(r);
    }
}

/* --- what channels ask
 * ------------------------------------------------------------------------------------------- */

net_node rogue_instead(struct channel *c)
{
    static const char *const words[] = {[ROGUE_SELF_SIGNED] = "self-signed",
                                        [ROGUE_UNTRUSTED] = "untrusted",
                                        [ROGUE_EXPIRED] = "expired",
                                        [ROGUE_FUTURE] = "future",
                                        [ROGUE_WRONG_NAME] = "wrong-name",
                                        [ROGUE_REVOKED] = "revoked",
                                        [ROGUE_STOLEN] = "stolen"};
    struct world *w = c->world;
    for (size_t i = 0; i < w->attacker_count; i++) {
        struct attacker *a = &w->attackers[i];
        struct rogue *r = attacker_is_active(a) && a->trials < a->conf->count ? a->rogues : NULL;
        while (r != NULL && r->hop != c->hop) {
            r = r->next;
        }
        if (r == NULL) {
            continue;
        }
        struct rogue_session *s = mem_alloc(sizeof(*s));
        s->rogue = r;
        s->channel = c;
        for (int side = 0; side < 2; side++) {
            s->ends[side].of = s;
            s->ends[side].faces = side;
        }
        s->next = r->sessions;
        r->sessions = s;
        char what[96];
        snprintf(what, sizeof(what), "in the middle with a credential that is %s",
                 words[a->conf->credential]);
        a->trials++;
        probe_begin(a, c, SIDE_INITIATOR, 0, 0, false, 0, what);
        return r->node;
    }
    return c->hop->server->net_node;
}

struct hop *rogue_hop(const struct world *w, net_node node)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (struct rogue *r = w->attackers[i].rogues; r != NULL; r = r->next) {
            if (r->node == node) {
                return r->hop;
            }
        }
    }
    return NULL;
}

static struct rogue_session *session_of(const struct channel *c)
{
    const struct world *w = c->world;
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (struct rogue *r = w->attackers[i].rogues; r != NULL; r = r->next) {
            if (r->hop == c->hop && r->sessions != NULL && r->sessions->channel == c) {
                return r->sessions;
            }
        }
    }
    return NULL;
}

void rogue_channel_over(struct channel *c)
{
    struct rogue_session *s = session_of(c);
    if (s == NULL) {
        return;
    }
    s->channel = NULL;
    for (int side = 0; side < 2; side++) {
        if (s->ends[side].stream != NULL) {
            net_stream_abort(s->ends[side].stream);
            s->ends[side].stream = NULL;
        }
    }
}

void rogue_read(const struct channel *c, uint64_t read[2])
{
    const struct rogue_session *s = session_of(c);
    for (int side = 0; side < 2; side++) {
        read[side] = s != NULL ? s->ends[side].read : 0;
    }
}
