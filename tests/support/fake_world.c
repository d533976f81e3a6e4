/* Virtual time, sessions and messages of the fake world. */
#include "tests/support/fake_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cpns/message.h"
#include "tests/support/fake_internal.h"

/* --- log and queue
 * ------------------------------------------------------------------------------------------ */

void fake_say(struct fake_world *w, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    *MEM_PUSH(w->log, w->log_count, w->log_capacity) =
        mem_printf("%10.3f  %s", (double)w->now / 1e9, text);
}

const char *fake_name(const struct fake_world *w, entity_id id)
{
    return w->scenario->nodes[id].id;
}

struct fake_event *fake_post(struct fake_world *w, enum fake_event_kind kind, sim_time at,
                             struct entity *to)
{
    struct fake_event *e = mem_alloc(sizeof(*e));
    e->kind = kind;
    e->at = at;
    e->number = ++w->numbers;
    e->to = to;
    struct fake_event **place = &w->events;
    while (*place != NULL && (*place)->at <= at) {
        place = &(*place)->next;
    }
    e->next = *place;
    *place = e;
    return e;
}

void fake_event_free(struct fake_event *e)
{
    buf_fini(&e->payload);
    free(e->peer_urn);
    free(e);
}

static void arrow(struct fake_world *w, const struct fake_event *e, const char *what,
                  const char *why)
{
    char status[16] = "";
    if (e->status != 0) {
        snprintf(status, sizeof(status), " %d", e->status);
    }
    fake_say(w, "%s -> %s: %s%s%s%s", fake_name(w, e->from), fake_name(w, e->to->id), e->type,
             status, what, why);
}

static void finish_message(struct fake_world *w, uint64_t id, const char *outcome)
{
    if (id != 0 && w->messages[id - 1].outcome == NULL) {
        w->messages[id - 1].outcome = outcome;
        fake_flow_message_over(w, w->messages[id - 1].flow, outcome);
    }
}

/* --- sessions
 * -----------------------------------------------------------------------------------------------
 */

struct fake_hop *fake_hop(const struct fake_world *w, entity_id a, entity_id b)
{
    const struct scenario_edge *edge = scenario_hop(w->scenario, a, b);
    CHECK(edge != NULL);
    return &w->hops[edge - w->scenario->edges];
}

/* To the gateway or server that a client attaches to. */
static struct fake_hop *own_hop(const struct fake_world *w, entity_id client)
{
    return &w->hops[w->scenario->nodes[client].edge];
}

static bool is_inside(const struct fake_hop *hop)
{
    return hop->edge->kind == HOP_INTERNAL;
}

static void tell(struct entity *e, entity_id peer, enum channel_event event, const char *reason)
{
    e->world->flow = 0;
    e->type->channel(e, e->state, peer, event, reason);
}

static void lose(struct fake_world *w, struct fake_event *e, const char *why)
{
    arrow(w, e, " lost: ", why);
    finish_message(w, e->message_id, "lost");
    fake_event_free(e);
}

static void lose_waiting(struct fake_hop *hop)
{
    while (hop->waiting != NULL) {
        struct fake_event *e = hop->waiting;
        hop->waiting = e->next;
        lose(hop->client->world, e, "no_session");
    }
    hop->last_waiting = NULL;
}

/* What is on its way in a session that is no more, both ways. */
static void lose_under_way(struct fake_world *w, uint64_t session)
{
    for (struct fake_event **place = &w->events; *place != NULL;) {
        struct fake_event *e = *place;
        if (e->kind == FAKE_MESSAGE && e->in_session && e->arg == session) {
            *place = e->next;
            lose(w, e, "session_lost");
        } else {
            place = &e->next;
        }
    }
}

void fake_cut(struct fake_hop *hop)
{
    struct fake_world *w = hop->client->world;
    if (!hop->up) {
        return;
    }
    hop->up = false;
    lose_under_way(w, hop->session);
    fake_say(w, "%s x %s", fake_name(w, hop->client->id), fake_name(w, hop->server->id));
    tell(hop->server, hop->client->id, CHANNEL_DOWN, "connection_lost");
    tell(hop->client, hop->server->id, CHANNEL_DOWN, "connection_lost");
}

static bool fails(const struct fake_hop *hop)
{
    return !is_inside(hop) && (hop->failures > 0 || hop->link_down || hop->server->silent);
}

static void open_session(struct fake_hop *hop)
{
    struct fake_world *w = hop->client->world;
    CHECK(hop->edge->kind != HOP_BRIDGE);
    if (!hop->up && !hop->opening) {
        hop->opening = true;
        hop->opened++;
        hop->session = ++w->numbers;
        sim_time takes = is_inside(hop) ? FAKE_INSIDE : fails(hop) ? SIM_S : FAKE_HANDSHAKE;
        fake_post(w, FAKE_SESSION, w->now + takes, hop->client)->hop = hop;
    }
}

/* --- sending
 * ------------------------------------------------------------------------------------------------
 */

static void depart(struct fake_world *w, struct fake_event *e)
{
    if (is_inside(fake_hop(w, e->from, e->to->id))) { /* nothing can happen to it */
        struct fake_event *next = fake_post(w, FAKE_MESSAGE, w->now + FAKE_INSIDE, e->to);
        struct fake_event *behind = next->next;
        e->kind = FAKE_MESSAGE;
        e->at = next->at;
        e->number = next->number;
        *next = *e;
        next->next = behind;
        free(e);
        return;
    }
    struct fake_hit hit = {.type = e->type,
                           .from = e->from,
                           .to = e->to->id,
                           .number = ++w->hits,
                           .in_session = e->in_session,
                           .status = e->status,
                           .encoding = e->encoding,
                           .payload = &e->payload};
    uint64_t flow = e->message_id != 0 ? w->messages[e->message_id - 1].flow : 0;
    hit.flow = flow;
    hit.flow_kind = flow != 0 ? w->flows[flow - 1].kind : NULL;
    struct fake_hop *hop = fake_hop(w, e->from, e->to->id);
    e->arg = hop->session;
    enum fake_fate fate = w->filter != NULL ? w->filter(w->filter_arg, &hit) : FAKE_PASS;
    if (hop->link_down || fate == FAKE_DROP || fate == FAKE_CUT) {
        lose(w, e, "on the way");
        if (fate == FAKE_CUT) {
            /* told from the event loop: the sender is in the middle of something */
            struct fake_event *c = fake_post(w, FAKE_CLOSED, w->now, hop->client);
            c->hop = hop;
            c->from = ENTITY_NONE;
            c->arg = hop->session;
        }
        return;
    }
    sim_time delay = FAKE_LATENCY + (fate == FAKE_LATE ? FAKE_DELAY : 0);
    for (int i = 0; i < (fate == FAKE_TWICE ? 2 : 1); i++) {
        struct fake_event *copy = fake_post(w, FAKE_MESSAGE, w->now + delay, e->to);
        struct fake_event *next = copy->next;
        uint64_t number = copy->number;
        *copy = *e;
        copy->kind = FAKE_MESSAGE;
        copy->at = w->now + delay;
        copy->number = number;
        copy->next = next;
        copy->payload = (struct buf){0};
        buf_append(&copy->payload, buf_span(&e->payload));
        copy->peer_urn = mem_strdup(e->peer_urn);
    }
    fake_event_free(e);
}

static void transmit(struct entity *from, entity_id peer, enum exemption exempt, uint8_t encoding,
                     struct span payload, uint64_t message_id)
{
    struct fake_world *w = from->world;
    struct fake_hop *hop = fake_hop(w, from->id, peer);
    struct fake_event *e = mem_alloc(sizeof(*e));
    e->kind = FAKE_MESSAGE;
    e->from = from->id;
    e->to = &w->entities[peer];
    e->in_session = exempt == EXEMPT_NOT && hop->edge->kind != HOP_BRIDGE;
    e->peer_urn = mem_strdup(e->in_session ? from->urn : "");
    e->encoding = encoding;
    buf_append(&e->payload, payload);
    e->message_id = message_id;
    e->type = w->messages[message_id - 1].type;
    e->status = w->messages[message_id - 1].status;
    if (is_inside(hop)) {
        if (e->in_session) {
            open_session(hop);
        }
        depart(w, e);
    } else if (!e->in_session || hop->up) {
        depart(w, e);
    } else if (hop->client == from) {
        if (hop->last_waiting != NULL) {
            hop->last_waiting->next = e;
        } else {
            hop->waiting = e;
        }
        hop->last_waiting = e;
        open_session(hop);
    } else {
        lose(w, e, "no_session");
    }
}

uint64_t entity_send(struct entity *e, entity_id peer, enum exemption exempt, uint8_t encoding,
                     struct span payload, const struct message_info *info)
{
    struct fake_world *w = e->world;
    *MEM_PUSH(w->messages, w->message_count, w->message_capacity) = (struct fake_message){
        .type = info->type, .status = info->status, .flow = fake_flow_take(w, info->flow)};
    uint64_t id = w->message_count;
    transmit(e, peer, exempt, encoding, payload, id);
    return id;
}

void entity_forward(struct entity *e, entity_id peer, enum exemption exempt, uint8_t encoding,
                    struct span payload, uint64_t message_id)
{
    if (message_id != 0 && e->world->messages[message_id - 1].outcome == NULL) {
        transmit(e, peer, exempt, encoding, payload, message_id);
    }
}

void entity_connect(struct entity *e, entity_id peer)
{
    struct fake_hop *hop = fake_hop(e->world, e->id, peer);
    CHECK(hop->client == e);
    open_session(hop);
}

void entity_disconnect(struct entity *e, entity_id peer, const char *reason)
{
    struct fake_world *w = e->world;
    struct fake_hop *hop = fake_hop(w, e->id, peer);
    if (!hop->up) {
        return;
    }
    fake_say(w, "%s closes %s: %s", fake_name(w, e->id), fake_name(w, peer), reason);
    hop->up = false;
    struct fake_event *c = fake_post(w, FAKE_CLOSED, w->now + FAKE_LATENCY, &w->entities[peer]);
    c->from = e->id;
}

bool entity_connected(const struct entity *e, entity_id peer)
{
    const struct scenario_edge *edge = scenario_hop(e->world->scenario, e->id, peer);
    return edge != NULL && (edge->kind == HOP_INTERNAL || fake_hop(e->world, e->id, peer)->up);
}

/* --- the event loop
 * ------------------------------------------------------------------------------------------ */

static void arrive(struct fake_world *w, struct fake_event *e)
{
    struct entity *to = e->to;
    if (to->silent) {
        lose(w, e, "silent");
        return;
    }
    struct received r = {.from = e->from,
                         .payload = buf_span(&e->payload),
                         .encoding = e->encoding,
                         .in_session = e->in_session,
                         .peer_urn = e->peer_urn,
                         .message_id = e->message_id};
    to->refuse_reason = NULL;
    size_t place = w->log_count; /* the arrow stands before what it causes */
    fake_say(w, "arrives");
    w->flow = e->message_id != 0 ? w->messages[e->message_id - 1].flow : 0;
    enum disposition d = to->type->message(to, to->state, &r);
    bool refused = d == MESSAGE_REFUSED;
    const char *why = refused ? to->refuse_reason != NULL ? to->refuse_reason : "" : "";
    arrow(w, e, refused ? " refused: " : "", why);
    free(w->log[place]);
    w->log[place] = w->log[--w->log_count];
    if (d != MESSAGE_FORWARDED) {
        finish_message(w, e->message_id, refused ? "refused" : "delivered");
    }
    fake_event_free(e);
}

static void session_due(struct fake_world *w, struct fake_hop *hop)
{
    struct entity *client = hop->client;
    struct entity *server = hop->server;
    hop->opening = false;
    if (fails(hop)) {
        const char *reason = hop->failures > 0 ? hop->failure : "connect_failed";
        hop->failures -= hop->failures > 0;
        fake_say(w, "%s >< %s: %s", fake_name(w, client->id), fake_name(w, server->id), reason);
        lose_waiting(hop);
        tell(client, server->id, CHANNEL_FAILED, reason);
        return;
    }
    hop->up = true;
    fake_say(w, "%s <=> %s", fake_name(w, client->id), fake_name(w, server->id));
    tell(server, client->id, CHANNEL_UP, NULL);
    if (hop->up) {
        tell(client, server->id, CHANNEL_UP, NULL);
    }
    while (hop->waiting != NULL && hop->up) {
        struct fake_event *e = hop->waiting;
        hop->waiting = e->next;
        if (hop->waiting == NULL) {
            hop->last_waiting = NULL;
        }
        e->next = NULL;
        depart(w, e);
    }
}

static void perform(struct fake_world *w, struct fake_event *e)
{
    struct entity *who = e->to;
    const struct scenario_work *work = e->work;
    uint64_t draw = e->done++;
    uint32_t target = work->to_count > 0 ? work->to[draw % work->to_count] : SCENARIO_NONE;
    if (!who->silent) {
        who->type->work(who, who->state, work, target, (size_t)work->size.a);
    }
    if (work->repeats && e->done < work->count && w->now + (sim_time)work->every.a <= work->until) {
        struct fake_event *next = fake_post(w, FAKE_WORK, w->now + (sim_time)work->every.a, who);
        next->work = work;
        next->done = e->done;
    }
    fake_event_free(e);
}

static void happen(struct fake_world *w, struct fake_event *e)
{
    struct entity *to = e->to;
    w->flow = 0;
    switch (e->kind) {
    case FAKE_TIMER:
        if (to->silent) { /* due when it goes on */
            struct fake_event *later = fake_post(w, FAKE_TIMER, w->now + SIM_S, to);
            later->number = e->number;
            later->timer_kind = e->timer_kind;
            later->arg = e->arg;
        } else {
            to->type->timer(to, to->state, e->timer_kind, e->arg);
        }
        fake_event_free(e);
        break;
    case FAKE_MESSAGE:
        arrive(w, e);
        break;
    case FAKE_SESSION:
        session_due(w, e->hop);
        fake_event_free(e);
        break;
    case FAKE_CLOSED:
        if (e->from != ENTITY_NONE) {
            tell(to, e->from, CHANNEL_DOWN, "closed");
        } else if (e->hop->session == e->arg) {
            fake_cut(e->hop);
        }
        fake_event_free(e);
        break;
    case FAKE_WORK:
        perform(w, e);
        break;
    case FAKE_BATTERY:
        if (!to->silent && to->battery <= to->battery_watch) {
            to->battery_watch = -1;
            to->type->battery(to, to->state, to->battery);
        }
        fake_event_free(e);
        break;
    }
}

void fake_run(struct fake_world *w, sim_time until)
{
    while (w->events != NULL && w->events->at <= until) {
        struct fake_event *e = w->events;
        w->events = e->next;
        w->now = e->at;
        happen(w, e);
    }
    w->now = until;
}

/* --- disturbances
 * ------------------------------------------------------------------------------------------- */

void fake_set_filter(struct fake_world *w, fake_filter *filter, void *arg)
{
    w->filter = filter;
    w->filter_arg = arg;
}

void fake_fail_sessions(struct fake_world *w, entity_id client, const char *reason, uint32_t count)
{
    fake_fail_hop(w, client, w->scenario->nodes[client].peer, reason, count);
}

void fake_fail_hop(struct fake_world *w, entity_id client, entity_id server, const char *reason,
                   uint32_t count)
{
    struct fake_hop *hop = fake_hop(w, client, server);
    hop->failures = count;
    hop->failure = reason;
}

void fake_set_link(struct fake_world *w, entity_id client, bool up)
{
    fake_set_hop(w, client, w->scenario->nodes[client].peer, up);
}

void fake_set_hop(struct fake_world *w, entity_id a, entity_id b, bool up)
{
    struct fake_hop *hop = fake_hop(w, a, b);
    CHECK(!is_inside(hop));
    hop->link_down = !up;
    if (!up) {
        fake_cut(hop);
    }
}

static void meet(struct fake_hop *hop)
{
    struct entity *ends[] = {hop->client, hop->server};
    for (int i = 0; i < 2; i++) {
        if (ends[i]->type->met != NULL && !ends[i]->silent) {
            hop->client->world->flow = 0;
            ends[i]->type->met(ends[i], ends[i]->state, ends[1 - i]->id);
        }
    }
}

void fake_meet(struct fake_world *w, entity_id client)
{
    meet(own_hop(w, client));
}

void fake_meet_hop(struct fake_world *w, entity_id a, entity_id b)
{
    meet(fake_hop(w, a, b));
}

void fake_set_silent(struct fake_world *w, entity_id id, bool silent)
{
    w->entities[id].silent = silent;
}

void fake_set_battery(struct fake_world *w, entity_id id, int percent)
{
    struct entity *e = &w->entities[id];
    e->battery = percent;
    fake_battery_look(e);
}

void fake_connect(struct fake_world *w, const char *client, const char *server)
{
    entity_connect(&w->entities[fake_id(w, client)], fake_id(w, server));
}

bool fake_is_silent(const struct fake_world *w, entity_id id)
{
    return w->entities[id].silent;
}

void fake_inject(struct fake_world *w, entity_id from, entity_id to, const char *peer_urn,
                 uint8_t encoding, struct span payload)
{
    struct cpns_message m;
    cpns_decode(payload, (enum cpns_encoding)encoding, &m, NULL);
    struct fake_event *e = fake_post(w, FAKE_MESSAGE, w->now + FAKE_LATENCY, &w->entities[to]);
    e->from = from;
    e->in_session = peer_urn != NULL;
    e->peer_urn = mem_strdup(peer_urn != NULL ? peer_urn : "");
    e->encoding = encoding;
    e->arg = fake_hop(w, from, to)->session;
    buf_append(&e->payload, payload);
    e->type = cpns_type_info(m.type)->name;
    e->status = (int)cpns_integer(&m, CPNS_STATUS);
    cpns_message_fini(&m);
}
