#include "sim/world/replayer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/build.h"
#include "sim/world/observe.h"
#include "sim/world/report.h"

/* He hangs up after so long: nothing comes of it any more [ours]. */
#define PATIENCE (5 * SIM_S)

/* A message of a flight that was copied ahead, and how often it came out, of which session. */
struct copied {
    uint64_t message_id, digest;
    uint32_t hop_number;
    uint32_t of_copy, of_session;
};

/* One copied flight and the connection that it goes over. */
struct replay {
    struct replayer *of;
    struct hop *hop;         /* whose responder it goes to */
    struct buf flight;       /* what is still to be sent of it */
    const struct wire *wire; /* where it was heard, and in which packet */
    uint64_t packet, session_id;
    uint64_t message_id; /* the first message in it */
    uint32_t hop_number;
    size_t messages;
    struct net_stream *stream;
    bool connected;
    bool arrived;
    /* of one that goes ahead */
    struct copied *copied;
    size_t copied_count, copied_capacity;
    bool session_over;           /* the session that it was copied from */
    bool cut_short;              /* by the end of the run */
    const char *session_failure; /* NULL: none */
    struct trial *trial;         /* while that session is not over; the copy's is */
    struct replay *next_of_channel;
    struct replay *next;
};

struct replayer {
    struct attacker *attacker;
    net_node node;
    struct map joined;      /* responders that he has a link to */
    struct replay *replays; /* in the order of their flights */
};

static struct world *world_of(const struct replay *r)
{
    return r->of->attacker->world;
}

/* --- a connection
 * ------------------------------------------------------------------------------------------- */

static void on_patience(void *arg)
{
    struct replay *r = arg;
    if (r->stream != NULL) {
        net_stream_close(r->stream);
    }
}

static void on_writable(void *arg)
{
    struct replay *r = arg;
    if (r->stream != NULL && buf_len(&r->flight) > 0) {
        buf_consume(&r->flight, net_stream_send(r->stream, buf_span(&r->flight)));
    }
}

static void on_connected(void *arg)
{
    struct replay *r = arg;
    r->connected = true;
    on_writable(arg);
    net_timer_set(world_of(r)->net, net_now(world_of(r)->net) + PATIENCE, on_patience, arg);
}

static void on_data(void *arg, struct span bytes)
{
    (void)arg; /* sealed for somebody else */
    (void)bytes;
}

static void on_closed(void *arg, int error)
{
    (void)error;
    struct replay *r = arg;
    r->stream = NULL;
}

static const struct net_stream_ops stream_ops = {
    .connected = on_connected,
    .data = on_data,
    .writable = on_writable,
    .closed = on_closed,
};

static void on_turn(void *arg)
{
    struct replay *r = arg;
    struct world *w = world_of(r);
    if (net_connect(w->net, r->of->node, r->hop->server->net_node, w->models->stream_port,
                    &stream_ops, r, &r->stream) < 0) {
        report_event(w, "replay_failed", r->hop->server, r->of->attacker->conf->id,
                     "no way to the responder");
    }
}

/* --- flights
 * ------------------------------------------------------------------------------------------- */

static bool answers_streams(const struct hop *hop)
{
    return hop->policy != NULL && !hop->has_datagrams;
}

/* Where a flight on `hop` goes: to its responder, or to the scenario's choice; there to a hop of
 * the same client, if it has one. */
static struct hop *goes_to(const struct attacker *a, struct hop *hop)
{
    struct world *w = a->world;
    struct hop *found = NULL;
    if (a->conf->to == SCENARIO_NONE || hop->server->id == a->conf->to) {
        return hop;
    }
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        struct hop *other = &w->hops[i];
        if (other->server->id == a->conf->to && answers_streams(other) &&
            (found == NULL || other->client == hop->client)) {
            found = other;
        }
    }
    return found;
}

/* A copy of the flight of `f` as far as it is known, to be sent after `after`. */
static struct replay *take(struct attack_flow *f, struct hop *hop, sim_time after)
{
    struct attacker *a = f->tap->attacker;
    const struct channel *c = f->channel;
    struct replay *r = mem_alloc(sizeof(*r));
    r->of = a->replayer;
    r->hop = hop;
    r->wire = f->tap->wire;
    r->packet = f->flight_packet;
    r->session_id = c->id;
    r->messages = c->ends[SIDE_INITIATOR].messages_sent;
    r->message_id = c->early_message;
    r->hop_number = c->early_hop_number;
    buf_move(&r->flight, &f->flight);
    struct replay **last = &a->replayer->replays;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = r;
    a->trials++;
    net_timer_set(a->world->net, net_now(a->world->net) + after, on_turn, r);
    return r;
}

/* The flight goes on its way: what is injected next is the first of it. */
static void on_release(void *arg)
{
    struct replay *r = arg;
    r->packet = capture_next(r->wire);
}

/* The copy goes at once, the flight is held back from the segment on that is here now. */
static struct replay *take_ahead(struct attack_flow *f, struct hop *hop)
{
    struct world *w = f->tap->attacker->world;
    sim_time until = net_now(w->net) + f->tap->attacker->conf->by;
    struct channel *c = f->channel;
    struct replay *r = take(f, hop, 0);
    r->packet = 0;
    for (const struct carry *i = c->ends[SIDE_INITIATOR].under_way.first; i != NULL; i = i->next) {
        if (i->early == EARLY_OFFERED) {
            struct copied *m = MEM_PUSH(r->copied, r->copied_count, r->copied_capacity);
            *m = (struct copied){
                .message_id = i->message->id, .hop_number = i->hop_number, .digest = i->sent_hash};
        }
    }
    r->next_of_channel = c->copied;
    c->copied = r;
    f->dirs[SIDE_INITIATOR].hold_until = until;
    net_timer_set(w->net, until, on_release, r);
    return r;
}

/* More of a flight whose copy is under way. */
static void go_along(struct replay *r, struct span octets)
{
    struct world *w = world_of(r);
    buf_append(&r->flight, octets);
    if (r->connected) {
        net_timer_set(w->net, net_now(w->net), on_writable, r);
    }
}

void replayer_hears(struct attack_flow *f, int side, struct span octets)
{
    struct attacker *a = f->tap->attacker;
    if (a->ops->copies == NULL || f->answered) {
        return;
    }
    if (f->ahead != NULL && side == SIDE_INITIATOR) {
        go_along(f->ahead, octets);
        return;
    }
    if (side == SIDE_INITIATOR) {
        buf_append(&f->flight, octets);
        f->flight_packet = capture_next(f->tap->wire);
    }
    struct hop *hop = f->channel != NULL && attacker_is_active(a) && a->trials < a->conf->count
                          ? goes_to(a, f->channel->hop)
                          : NULL;
    struct span flight = buf_span(&f->flight);
    if (side == SIDE_INITIATOR) {
        bool now = a->conf->ahead && hop != NULL && a->ops->announces(flight);
        f->ahead = now ? take_ahead(f, hop) : NULL;
        return;
    }
    f->answered = true;
    if (!a->conf->ahead && hop != NULL && a->ops->copies(flight)) {
        take(f, hop, a->conf->by);
    }
    buf_fini(&f->flight);
}

/* --- the responder's side
 * ------------------------------------------------------------------------------------------- */

/* Connections arrive in the order in which they are made: his links lose nothing and keep order. */
static struct replay *next_at(const struct world *w, const struct entity *server, net_node peer)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        const struct replayer *p = w->attackers[i].replayer;
        struct replay *r = p != NULL && p->node == peer ? p->replays : NULL;
        while (r != NULL && (r->hop->server != server || r->arrived || r->stream == NULL)) {
            r = r->next;
        }
        if (r != NULL) {
            return r;
        }
    }
    return NULL;
}

struct hop *replayer_hop(const struct world *w, const struct entity *server, net_node peer)
{
    const struct replay *r = next_at(w, server, peer);
    return r != NULL ? r->hop : NULL;
}

void replayer_arrived(struct channel *c, net_node peer)
{
    struct replay *r = next_at(c->world, c->hop->server, peer);
    char what[96];
    snprintf(what, sizeof(what), "of %zu messages out of the first flight of session %" PRIu64,
             r->messages, r->session_id);
    r->arrived = true;
    c->ahead = r->of->attacker->conf->ahead ? r : NULL;
    struct trial *t = probe_begin(r->of->attacker, c, SIDE_INITIATOR, 0, 0, false, r->packet, what);
    t->link = r->wire->number;
    t->message_id = r->message_id;
    t->hop_number = r->hop_number;
}

/* The responder took the data in it, or would not have it. */
struct judgement replayer_judge(const struct channel *c, struct trial *t)
{
    const struct end *e = &c->ends[SIDE_RESPONDER];
    struct judgement j = {.verdict = "held", .side = -1, .delay = SIM_TIME_NEVER};
    if (e->messages_received > 0) {
        j.verdict = "violated";
    } else if (e->facts.early_data != NULL && strcmp(e->facts.early_data, "rejected") == 0) {
        j.detected_by = "early data rejected";
        j.side = e->side;
    } else if (e->alert != NULL) {
        j.detected_by = e->alert;
        j.side = e->side;
        j.delay = e->alert_at - t->at;
    } else {
        j.verdict = "inconclusive"; /* nothing shows that it was looked at */
    }
    char of[sizeof(t->what)];
    snprintf(of, sizeof(of), "%s", t->what);
    snprintf(t->what, sizeof(t->what),
             "%" PRIu64 " %.100s, sent again after %.3g s, came out once more; it was copied",
             e->messages_received, of, (double)t->attacker->conf->by / 1e9);
    return j;
}

/* --- copies that went ahead
 * ------------------------------------------------------------------------------------------- */

void replayer_came_out(const struct end *end, const struct carry *carry, uint64_t digest)
{
    const struct channel *c = end->channel;
    if (end->side != SIDE_RESPONDER || (c->ahead == NULL && c->copied == NULL)) {
        return;
    }
    bool found = false;
    for (size_t i = 0; c->ahead != NULL && !found && i < c->ahead->copied_count; i++) {
        struct copied *m = &c->ahead->copied[i];
        found = m->of_copy == 0 && m->digest == digest;
        m->of_copy += found;
    }
    for (struct replay *r = c->copied; carry != NULL && r != NULL; r = r->next_of_channel) {
        for (size_t i = 0; i < r->copied_count; i++) {
            struct copied *m = &r->copied[i];
            m->of_session += m->message_id == carry->message->id &&
                             m->hop_number == carry->hop_number && m->digest == digest;
        }
    }
}

/* Both sessions are over. */
static void finish(struct replay *r)
{
    struct trial *t = r->trial;
    struct judgement j = t->judged;
    size_t of_copy = 0;
    size_t of_session = 0;
    size_t twice = 0;
    for (size_t i = 0; i < r->copied_count; i++) {
        of_copy += r->copied[i].of_copy > 0;
        of_session += r->copied[i].of_session > 0;
        twice += r->copied[i].of_copy + r->copied[i].of_session > 1;
    }
    if (of_copy > 0) { /* else it is as if it had never been there */
        j = (struct judgement){.verdict = twice > 0      ? "violated"
                                          : r->cut_short ? "inconclusive"
                                                         : "held",
                               .detected_by = twice > 0 ? NULL : r->session_failure,
                               .side = -1,
                               .delay = SIM_TIME_NEVER};
    }
    snprintf(t->what, sizeof(t->what),
             "%zu of %zu messages out of the first flight of session %" PRIu64
             " came out twice: %zu out of its copy, sent ahead, %zu out of the session, held back "
             "for %.3g s%s",
             twice, r->copied_count, r->session_id, of_copy, of_session,
             (double)t->attacker->conf->by / 1e9, r->packet != 0 ? "; it passed" : "");
    t->packet = r->packet;
    r->trial = NULL;
    probe_report(r->hop, t, &j);
    free(t);
}

void replayer_copy_over(struct channel *c, struct trial *t, const struct judgement *j)
{
    struct replay *r = c->ahead;
    t->judged = *j;
    r->trial = t;
    c->ahead = NULL;
    if (r->session_over) {
        finish(r);
    }
}

void replayer_channel_over(struct channel *c)
{
    for (struct replay *r = c->copied; r != NULL; r = r->next_of_channel) {
        r->session_over = true;
        r->session_failure = c->failure;
        r->cut_short = c->world->settled && c->failure == NULL;
        if (r->trial != NULL) {
            finish(r);
        }
    }
    c->copied = NULL;
}

/* --- life
 * ------------------------------------------------------------------------------------------- */

static int join(struct replayer *p, const struct wire *like, const struct entity *to,
                struct diag_list *diags)
{
    struct world *w = p->attacker->world;
    struct net_link_params params;
    net_link link;
    uint64_t there;
    char name[300];
    if (map_get(&p->joined, to->id, &there)) {
        return 0;
    }
    map_set(&p->joined, to->id, 1);
    wire_params(w->scenario, like->wire, &params);
    snprintf(name, sizeof(name), "%s--%s", p->attacker->conf->id, to->node->id);
    params.name = name;
    params.jitter = 0;
    params.loss.model = NET_LOSS_NONE;
    if (params.fidelity == NET_FIDELITY_FULL) {
        params.fidelity = NET_FIDELITY_PACKET; /* he is in no association */
    }
    int result = net_add_link(w->net, to->net_node, p->node, &params, &link);
    if (result < 0) {
        diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0, "attacker %s: link %s",
                 p->attacker->conf->id, name);
    }
    return result;
}

static bool runs_over(const struct hop *hop, uint32_t wire)
{
    for (size_t i = 0; i < hop->edge->wire_count; i++) {
        if (hop->edge->wires[i] == wire) {
            return answers_streams(hop);
        }
    }
    return false;
}

int replayer_start(struct attacker *a, struct diag_list *diags)
{
    struct world *w = a->world;
    struct replayer *p = mem_alloc(sizeof(*p));
    int result = 0;
    a->replayer = p;
    p->attacker = a;
    p->node = net_add_node(w->net, a->conf->id);
    for (size_t i = 0; result == 0 && i < w->scenario->edge_count; i++) {
        for (size_t k = 0; result == 0 && k < a->conf->target_count; k++) {
            const struct hop *to =
                runs_over(&w->hops[i], a->conf->targets[k]) ? goes_to(a, &w->hops[i]) : NULL;
            if (to != NULL) {
                result = join(p, &w->wires[a->conf->targets[k]], to->server, diags);
            }
        }
    }
    return result;
}

void replayer_free(struct attacker *a)
{
    struct replayer *p = a->replayer;
    while (p != NULL && p->replays != NULL) {
        struct replay *r = p->replays;
        p->replays = r->next;
        buf_fini(&r->flight);
        free(r->copied);
        free(r->trial);
        free(r);
    }
    if (p != NULL) {
        map_fini(&p->joined);
    }
    free(p);
}
