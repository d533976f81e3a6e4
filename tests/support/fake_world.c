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

static struct entity *peer_of(struct entity *client)
{
    return &client->world->entities[client->world->scenario->nodes[client->id].peer];
}

/* The client end of the hop between two neighbours. */
struct entity *fake_client_of(struct fake_world *w, entity_id a, entity_id b)
{
    bool first = w->scenario->nodes[a].peer == b;
    CHECK(first || w->scenario->nodes[b].peer == a);
    return &w->entities[first ? a : b];
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

static void lose_waiting(struct entity *client)
{
    while (client->waiting != NULL) {
        struct fake_event *e = client->waiting;
        client->waiting = e->next;
        lose(client->world, e, "no_session");
    }
    client->last_waiting = NULL;
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

void fake_cut(struct entity *client)
{
    if (!client->up) {
        return;
    }
    struct entity *server = peer_of(client);
    client->up = false;
    lose_under_way(client->world, client->session);
    fake_say(client->world, "%s x %s", fake_name(client->world, client->id),
             fake_name(client->world, server->id));
    tell(server, client->id, CHANNEL_DOWN, "connection_lost");
    tell(client, server->id, CHANNEL_DOWN, "connection_lost");
}

static void open_session(struct entity *client)
{
    struct fake_world *w = client->world;
    if (!client->up && !client->opening) {
        client->opening = true;
        client->opened++;
        client->session = ++w->numbers;
        bool fails = client->failures > 0 || client->link_down || peer_of(client)->silent;
        fake_post(w, FAKE_SESSION, w->now + (fails ? SIM_S : FAKE_HANDSHAKE), client);
    }
}

/* --- sending
 * ------------------------------------------------------------------------------------------------
 */

static void depart(struct fake_world *w, struct fake_event *e)
{
    struct fake_hit hit = {.type = e->type,
                           .from = e->from,
                           .to = e->to->id,
                           .number = ++w->hits,
                           .in_session = e->in_session,
                           .status = e->status,
                           .encoding = e->encoding,
                           .payload = &e->payload};
    struct entity *client = fake_client_of(w, e->from, e->to->id);
    e->arg = client->session;
    enum fake_fate fate = w->filter != NULL ? w->filter(w->filter_arg, &hit) : FAKE_PASS;
    if (client->link_down || fate == FAKE_DROP || fate == FAKE_CUT) {
        lose(w, e, "on the way");
        if (fate == FAKE_CUT) {
            /* told from the event loop: the sender is in the middle of something */
            struct fake_event *c = fake_post(w, FAKE_CLOSED, w->now, client);
            c->from = ENTITY_NONE;
            c->arg = client->session;
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
    struct entity *client = fake_client_of(w, from->id, peer);
    struct fake_event *e = mem_alloc(sizeof(*e));
    e->kind = FAKE_MESSAGE;
    e->from = from->id;
    e->to = &w->entities[peer];
    e->in_session = exempt == EXEMPT_NOT;
    e->peer_urn = mem_strdup(e->in_session ? from->urn : "");
    e->encoding = encoding;
    buf_append(&e->payload, payload);
    e->message_id = message_id;
    e->type = w->messages[message_id - 1].type;
    e->status = w->messages[message_id - 1].status;
    if (!e->in_session || client->up) {
        depart(w, e);
    } else if (client == from) {
        if (client->last_waiting != NULL) {
            client->last_waiting->next = e;
        } else {
            client->waiting = e;
        }
        client->last_waiting = e;
        open_session(client);
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
    CHECK(peer_of(e)->id == peer);
    open_session(e);
}

void entity_disconnect(struct entity *e, entity_id peer, const char *reason)
{
    struct fake_world *w = e->world;
    struct entity *client = fake_client_of(w, e->id, peer);
    if (!client->up) {
        return;
    }
    fake_say(w, "%s closes %s: %s", fake_name(w, e->id), fake_name(w, peer), reason);
    client->up = false;
    struct fake_event *c = fake_post(w, FAKE_CLOSED, w->now + FAKE_LATENCY, &w->entities[peer]);
    c->from = e->id;
}

bool entity_connected(const struct entity *e, entity_id peer)
{
    return fake_client_of(e->world, e->id, peer)->up;
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

static void session_due(struct fake_world *w, struct entity *client)
{
    client->opening = false;
    struct entity *server = peer_of(client);
    if (client->failures > 0 || client->link_down || server->silent) {
        const char *reason = client->failures > 0 ? client->failure : "connect_failed";
        client->failures -= client->failures > 0;
        fake_say(w, "%s >< %s: %s", fake_name(w, client->id), fake_name(w, server->id), reason);
        lose_waiting(client);
        tell(client, server->id, CHANNEL_FAILED, reason);
        return;
    }
    client->up = true;
    fake_say(w, "%s <=> %s", fake_name(w, client->id), fake_name(w, server->id));
    tell(server, client->id, CHANNEL_UP, NULL);
    if (client->up) {
        tell(client, server->id, CHANNEL_UP, NULL);
    }
    while (client->waiting != NULL && client->up) {
        struct fake_event *e = client->waiting;
        client->waiting = e->next;
        if (client->waiting == NULL) {
            client->last_waiting = NULL;
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
        session_due(w, to);
        fake_event_free(e);
        break;
    case FAKE_CLOSED:
        if (e->from != ENTITY_NONE) {
            tell(to, e->from, CHANNEL_DOWN, "closed");
        } else if (to->session == e->arg) {
            fake_cut(to);
        }
        fake_event_free(e);
        break;
    case FAKE_WORK:
        perform(w, e);
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
    w->entities[client].failures = count;
    w->entities[client].failure = reason;
}

void fake_set_link(struct fake_world *w, entity_id client, bool up)
{
    w->entities[client].link_down = !up;
    if (!up) {
        fake_cut(&w->entities[client]);
    }
}

void fake_meet(struct fake_world *w, entity_id client)
{
    struct entity *ends[] = {&w->entities[client], peer_of(&w->entities[client])};
    for (int i = 0; i < 2; i++) {
        if (ends[i]->type->met != NULL && !ends[i]->silent) {
            w->flow = 0;
            ends[i]->type->met(ends[i], ends[i]->state, ends[1 - i]->id);
        }
    }
}

void fake_set_silent(struct fake_world *w, entity_id id, bool silent)
{
    w->entities[id].silent = silent;
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
    e->arg = fake_client_of(w, from, to)->session;
    buf_append(&e->payload, payload);
    e->type = cpns_type_info(m.type)->name;
    e->status = (int)cpns_integer(&m, CPNS_STATUS);
    cpns_message_fini(&m);
}
