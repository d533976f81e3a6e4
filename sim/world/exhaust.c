#include "sim/world/exhaust.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/net/net_packet.h"
#include "sim/world/build.h"
#include "sim/world/half_open.h"

struct exhaust;

/* One connection, or over datagrams one handshake, that is not gone on with. */
struct flood {
    struct exhaust *of;
    struct net_stream *stream;
    struct secure_session *session; /* datagrams: until the cookie is answered */
    size_t sent;                    /* of its ClientHello */
    net_timer timer;                /* the next octet */
    struct flood *next, *prev;
};

struct exhaust {
    struct attacker *attacker;
    struct hop *hop;
    net_node first;             /* of its nodes, one an address */
    uint32_t turn;              /* addresses used so far */
    net_link link;              /* of its first node to the server */
    struct buf hello;           /* its ClientHello; over datagrams without a cookie */
    uint64_t sessions;          /* opened, each with a stream of randomness of its own */
    struct flood *floods;       /* newest first; over datagrams [0] of `answering` instead */
    struct flood *answering;    /* by address: waits for a cookie */
    sim_time begun_at, last_at; /* of its handshakes; SIM_TIME_NEVER: none yet */
    bool over;                  /* it begins no more */
    struct stranger_account account;
    struct exhaust *next;
};

static struct world *world_of(const struct exhaust *x)
{
    return x->attacker->world;
}

static uint32_t address_count(const struct exhaust *x)
{
    return x->attacker->conf->addresses;
}

/* --- its octets ------------------------------------------------------------------------------- */

/* A client's session, as far as somebody without keys gets. */
static struct secure_session *open_session(struct exhaust *x)
{
    struct world *w = world_of(x);
    struct hop *hop = x->hop;
    uint8_t psk[sizeof(hop->psk)];
    char owner[300];
    struct secure_session *session;
    snprintf(owner, sizeof(owner), "%s at %s, flood", x->attacker->conf->id, hop->edge->id);
    secure_random(w->env, owner, "psk", 0, psk, sizeof(psk));
    bool use_psk = hop->policy->auth == AUTH_PSK;
    struct secure_session_params params = {
        .initiator = true,
        .owner = owner,
        .ordinal = ++x->sessions,
        .psk = use_psk ? span_of(psk, sizeof(psk)) : span_of(NULL, 0),
        .psk_identity = use_psk ? hop->client->urn : NULL,
        .mtu = hop->mtu,
    };
    CHECK(secure_session_open(hop->secure, &params, net_now(w->net), &session) == 0);
    return session;
}

/* What it says at the start, or to `wire`. */
static void speak(struct exhaust *x, struct secure_session *session, struct span wire,
                  struct buf *said)
{
    struct secure_input in = {.start = wire.len == 0, .wire = wire};
    struct secure_output out;
    secure_output_init(&out);
    CHECK(secure_session_step(session, &in, net_now(world_of(x)->net), &out) == 0);
    buf_append(said, buf_span(&out.wire));
    secure_output_fini(&out);
}

/* The same ClientHello again and again costs him nothing. */
static void make_hello(struct exhaust *x)
{
    if (buf_len(&x->hello) == 0) {
        struct secure_session *session = open_session(x);
        speak(x, session, span_of(NULL, 0), &x->hello);
        secure_session_free(session);
    }
}

/* --- streams ---------------------------------------------------------------------------------- */

static void flood_free(struct flood *f)
{
    *(f->prev != NULL ? &f->prev->next : &f->of->floods) = f->next;
    if (f->next != NULL) {
        f->next->prev = f->prev;
    }
    net_timer_cancel(world_of(f->of)->net, f->timer);
    free(f);
}

static void send_some(struct flood *f, size_t most)
{
    struct span hello = buf_span(&f->of->hello);
    struct span rest = span_of(hello.data + f->sent, hello.len - f->sent);
    rest.len = rest.len < most ? rest.len : most;
    f->sent += net_stream_send(f->stream, rest);
}

static void on_octet(void *arg)
{
    struct flood *f = arg;
    struct net *net = world_of(f->of)->net;
    f->timer = 0;
    send_some(f, 1);
    if (f->sent < buf_len(&f->of->hello)) {
        f->timer = net_timer_set(net, net_now(net) + f->of->attacker->conf->by, on_octet, f);
    }
}

static void on_connected(void *arg)
{
    struct flood *f = arg;
    switch (f->of->attacker->conf->flood) {
    case FLOOD_CONNECT:
        break;
    case FLOOD_HELLO:
        send_some(f, SIZE_MAX);
        break;
    case FLOOD_SLOW:
        on_octet(f);
        break;
    }
}

static void on_data(void *arg, struct span bytes)
{
    (void)arg; /* he does not go on */
    (void)bytes;
}

static void on_writable(void *arg)
{
    struct flood *f = arg;
    if (f->of->attacker->conf->flood == FLOOD_HELLO) {
        send_some(f, SIZE_MAX);
    }
}

static void on_closed(void *arg, int error)
{
    (void)error;
    flood_free(arg);
}

static const struct net_stream_ops stream_ops = {
    .connected = on_connected, .data = on_data, .writable = on_writable, .closed = on_closed};

static void connect_from(struct exhaust *x, net_node node)
{
    struct world *w = world_of(x);
    struct flood *f = mem_alloc(sizeof(*f));
    f->of = x;
    f->next = x->floods;
    if (x->floods != NULL) {
        x->floods->prev = f;
    }
    x->floods = f;
    if (net_connect(w->net, node, x->hop->server->net_node, w->models->stream_port, &stream_ops, f,
                    &f->stream) < 0) {
        flood_free(f); /* out of ports */
    }
}

/* --- datagrams -------------------------------------------------------------------------------- */

static void send_list(const struct exhaust *x, net_node node, struct span list)
{
    const struct world *w = world_of(x);
    struct span datagram;
    uint16_t message;
    while (secure_datagram_take(&list, &datagram, &message)) {
        (void)net_datagram_send(w->net, node, x->hop->server->net_node,
                                w->models->session_datagram_port, datagram, 0);
    }
}

/* In the name of an address that is not his. */
static void send_spoofed(struct exhaust *x, net_node in_name_of)
{
    const struct world *w = world_of(x);
    uint16_t port = w->models->session_datagram_port;
    struct span list = buf_span(&x->hello);
    struct span datagram;
    uint16_t message;
    while (secure_datagram_take(&list, &datagram, &message)) {
        struct buf packet = {0};
        packet_build_udp(&packet, net_node_address(w->net, in_name_of),
                         net_node_address(w->net, x->hop->server->net_node), port, port,
                         (uint16_t)x->turn, datagram);
        (void)net_inject(w->net, x->link, 1, buf_span(&packet)); /* refused where it is too long */
        buf_fini(&packet);
    }
}

/* Something came to one of his addresses: a cookie is answered, and that is all. */
static void on_datagram(void *arg, net_node from, struct span payload)
{
    struct flood *f = arg;
    struct exhaust *x = f->of;
    struct buf list = {0};
    struct buf said = {0};
    if (from != x->hop->server->net_node || f->session == NULL) {
        return;
    }
    secure_datagram_append(&list, payload, 0);
    speak(x, f->session, buf_span(&list), &said);
    if (buf_len(&said) > 0) {
        send_list(x, x->first + (net_node)(f - x->answering), buf_span(&said));
        secure_session_free(f->session);
        f->session = NULL;
    }
    buf_fini(&list);
    buf_fini(&said);
}

static void greet_from(struct exhaust *x, net_node node)
{
    if (x->attacker->conf->spoofed) {
        make_hello(x);
        send_spoofed(x, node);
        return;
    }
    struct flood *f = &x->answering[node - x->first];
    struct buf said = {0};
    secure_session_free(f->session);
    f->session = open_session(x);
    speak(x, f->session, span_of(NULL, 0), &said);
    send_list(x, node, buf_span(&said));
    buf_fini(&said);
}

/* --- over time -------------------------------------------------------------------------------- */

static void on_turn(void *arg)
{
    struct exhaust *x = arg;
    struct attacker *a = x->attacker;
    struct net *net = world_of(x)->net;
    if (!attacker_is_active(a) || a->trials >= a->conf->count) {
        x->over = true;
        return;
    }
    a->trials++;
    x->last_at = net_now(net);
    x->begun_at = x->begun_at == SIM_TIME_NEVER ? x->last_at : x->begun_at;
    net_node node = x->first + x->turn++ % address_count(x);
    if (x->hop->has_datagrams) {
        greet_from(x, node);
    } else {
        make_hello(x);
        connect_from(x, node);
    }
    net_timer_set(net, net_now(net) + a->conf->every, on_turn, x);
}

static void sample(const struct exhaust *x)
{
    const struct half_open *h = half_open_of(x->hop->server);
    report_half_open(world_of(x), &(struct half_open_row){.attacker = x->attacker->conf->id,
                                                          .responder = x->hop->server->id,
                                                          .count = h->count,
                                                          .of_attacker = x->account.held,
                                                          .begun = x->account.begun,
                                                          .refused = x->account.refused,
                                                          .refused_clients = h->refused_clients,
                                                          .cpu = x->account.cpu});
}

static void on_sample(void *arg)
{
    struct exhaust *x = arg;
    struct net *net = world_of(x)->net;
    sample(x);
    if (!x->over || x->account.held > 0) {
        net_timer_set(net, net_now(net) + SIM_S, on_sample, x);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

static int join(struct exhaust *x, net_node node, const struct wire *like)
{
    struct world *w = world_of(x);
    struct net_link_params params;
    wire_params(w->scenario, like->wire, &params);
    char *name = mem_printf("%s address %" PRIu32 " at %s", x->attacker->conf->id,
                            node - x->first + 1, x->hop->edge->id);
    params.name = name;
    if (params.fidelity == NET_FIDELITY_FULL) {
        params.fidelity = NET_FIDELITY_PACKET; /* he is in no association */
    }
    net_link link;
    int r = net_add_link(w->net, x->hop->server->net_node, node, &params, &link);
    x->link = node == x->first ? link : x->link;
    free(name);
    return r;
}

/* Nodes of his own are joined to the server; of the addresses in whose name he only sends, one is,
 * from where it goes out. */
static int add_address(struct exhaust *x, uint32_t number, const struct wire *like)
{
    struct world *w = world_of(x);
    char *name = mem_printf("%s at %s, %" PRIu32, x->attacker->conf->id, x->hop->edge->id, number);
    net_node node = net_add_node(w->net, name);
    free(name);
    x->first = number == 0 ? node : x->first;
    CHECK(node == x->first + number);
    int r = number == 0 || !x->attacker->conf->spoofed ? join(x, node, like) : 0;
    if (r == 0 && x->hop->has_datagrams && !x->attacker->conf->spoofed) {
        x->answering[number].of = x;
        r = net_datagram_bind(w->net, node, w->models->session_datagram_port, on_datagram,
                              &x->answering[number]);
    }
    return r;
}

static int settle_at(struct attacker *a, struct hop *hop, const struct wire *like,
                     struct diag_list *diags)
{
    struct world *w = a->world;
    struct exhaust *x = mem_alloc(sizeof(*x));
    x->attacker = a;
    x->hop = hop;
    x->begun_at = x->last_at = SIM_TIME_NEVER;
    x->answering = mem_calloc(a->conf->addresses, sizeof(*x->answering));
    x->next = a->exhausts;
    a->exhausts = x;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < a->conf->addresses; i++) {
        r = add_address(x, i, like);
    }
    if (r < 0) {
        diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0, "attacker %s at %s", a->conf->id,
                 hop->edge->id);
        return r;
    }
    net_timer_set(w->net, a->conf->at, on_turn, x);
    net_timer_set(w->net, a->conf->at, on_sample, x);
    return 0;
}

static bool runs_over(const struct hop *hop, uint32_t wire)
{
    bool fits = hop->policy != NULL && !scenario_is_clear(hop->policy);
    for (size_t i = 0; fits && i < hop->edge->wire_count; i++) {
        if (hop->edge->wires[i] == wire) {
            return true;
        }
    }
    return false;
}

int exhaust_start(struct attacker *a, struct diag_list *diags)
{
    struct world *w = a->world;
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->scenario->edge_count; i++) {
        for (size_t k = 0; r == 0 && k < a->conf->target_count; k++) {
            if (runs_over(&w->hops[i], a->conf->targets[k])) {
                r = settle_at(a, &w->hops[i], &w->wires[a->conf->targets[k]], diags);
                break;
            }
        }
    }
    return r;
}

void exhaust_free(struct attacker *a)
{
    while (a->exhausts != NULL) {
        struct exhaust *x = a->exhausts;
        a->exhausts = x->next;
        while (x->floods != NULL) {
            struct flood *f = x->floods;
            x->floods = f->next;
            free(f);
        }
        for (uint32_t i = 0; i < address_count(x); i++) {
            secure_session_free(x->answering[i].session);
        }
        free(x->answering);
        buf_fini(&x->hello);
        free(x);
    }
}

void exhaust_run_over(struct world *w)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (struct exhaust *x = w->attackers[i].exhausts; x != NULL; x = x->next) {
            strangers_settle(x->hop->server);
            sample(x);
        }
    }
}

/* --- what the server meets -------------------------------------------------------------------- */

static struct exhaust *exhaust_of(const struct world *w, net_node node)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (struct exhaust *x = w->attackers[i].exhausts; x != NULL; x = x->next) {
            if (node - x->first < address_count(x)) {
                return x;
            }
        }
    }
    return NULL;
}

bool exhaust_accept(struct world *w, struct net_stream *stream, net_node peer,
                    const struct net_stream_ops **ops, void **stream_arg)
{
    struct exhaust *x = exhaust_of(w, peer);
    return x != NULL && stranger_accept(x->hop, &x->account, peer, stream, ops, stream_arg);
}

void exhaust_datagram(struct world *w, net_node peer, struct span payload)
{
    struct exhaust *x = exhaust_of(w, peer);
    if (x != NULL) {
        stranger_datagram(x->hop, &x->account, peer, payload);
    }
}

/* --- verdicts --------------------------------------------------------------------------------- */

/* Whether the server had to do with him then. */
static bool pressed(const struct exhaust *x, sim_time at)
{
    sim_time last = x->account.last_at > x->last_at ? x->account.last_at : x->last_at;
    return x->begun_at != SIM_TIME_NEVER && at >= x->begun_at &&
           (!x->over || x->account.held > 0 || at <= last);
}

static void report_session(const struct exhaust *x, const struct channel *c)
{
    static const char *const floods[] = {
        [FLOOD_CONNECT] = "connections", [FLOOD_HELLO] = "ClientHellos", [FLOOD_SLOW] = "octets"};
    const struct scenario_attacker *conf = x->attacker->conf;
    bool refused = c->failure != NULL && strcmp(c->failure, "refused") == 0;
    bool timeout = c->failure != NULL && strcmp(c->failure, "timeout") == 0;
    bool up = c->established_at != SIM_TIME_NEVER;
    if (!up && ((c->failure != NULL && !refused && !timeout) || c->trials != NULL)) {
        return;
    }
    char detail[240];
    char took[64] = "";
    if (up) {
        snprintf(took, sizeof(took), ", established after %.3f s",
                 (double)(c->established_at - c->started_at) / 1e9);
    }
    snprintf(detail, sizeof(detail),
             "%" PRIu64 " handshakes begun by %s%s, %" PRIu32 " of them open at most%s",
             x->account.begun, conf->spoofed ? "spoofed " : "", floods[conf->flood],
             x->account.peak, took);
    report_probe(world_of(x), &(struct probe_row){.attacker = conf->id,
                                                  .kind = x->attacker->words->name,
                                                  .property = x->attacker->words->property,
                                                  .link = c->hop->edge->wires[0],
                                                  .session_id = c->id,
                                                  .at = c->started_at,
                                                  .verdict = up                   ? "held"
                                                             : refused || timeout ? "violated"
                                                                                  : "inconclusive",
                                                  .detected_by = up ? "no effect" : c->failure,
                                                  .side = refused ? SIDE_RESPONDER : -1,
                                                  .delay = SIM_TIME_NEVER,
                                                  .detail = detail});
}

void exhaust_channel_over(const struct channel *c)
{
    const struct world *w = c->world;
    for (size_t i = 0; i < w->attacker_count; i++) {
        const struct exhaust *x = w->attackers[i].exhausts;
        while (x != NULL && (x->hop->server != c->hop->server || !pressed(x, c->started_at))) {
            x = x->next;
        }
        if (x != NULL) {
            report_session(x, c);
        }
    }
}
