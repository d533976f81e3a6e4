#include "tests/support/fake_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/cpns/message.h"
#include "models/devices/devices.h"
#include "models/entities.h"
#include "models/links/links.h"
#include "sim/core/map.h"
#include "sim/secure/secure_env.h"

enum { STREAMS = 8 };

struct entity {
    struct fake_world *world;
    entity_id id;
    const struct entity_type *type;
    void *state;
    char urn[SECURE_URN_BYTES];
    struct {
        const char *purpose;
        struct rng *rng;
    } streams[STREAMS];
    bool silent;
    const char *refuse_reason;
    /* its session with its gateway or server */
    bool opening, up, link_down;
    uint64_t session; /* number of the one that stands or comes up */
    uint32_t opened, failures;
    const char *failure;
    struct event *waiting, *last_waiting;
};

enum kind { TIMER, MESSAGE, SESSION, CLOSED, WORK };

struct event {
    enum kind kind;
    sim_time at;
    uint64_t number; /* order among equals; handle of a timer */
    struct entity *to;
    entity_id from;
    uint32_t timer_kind;
    uint64_t arg; /* of a timer; session of a message */
    /* message */
    bool in_session;
    char *peer_urn;
    uint8_t encoding;
    struct buf payload;
    uint64_t message_id;
    const char *type;
    int status;
    /* work */
    const struct scenario_work *work;
    uint64_t done;
    struct event *next;
};

struct message {
    const char *outcome; /* NULL: under way */
    const char *type;
    int status;
};

struct fake_world {
    struct scenario *scenario;
    struct entity *entities;
    char (*pn_urns)[SECURE_URN_BYTES];
    char (*group_urns)[SECURE_URN_BYTES];
    struct map urns, pns, groups, random_counts;
    sim_time now;
    struct event *events;
    uint64_t numbers, hits;
    struct message *messages; /* by id - 1 */
    size_t message_count, message_capacity;
    char **log;
    size_t log_count, log_capacity;
    uint32_t wrong_events;
    fake_filter *filter;
    void *filter_arg;
};

/* --- log and queue
 * ------------------------------------------------------------------------------------------ */

static void say(struct fake_world *w, const char *format, ...) SIM_PRINTF(2, 3);
static void say(struct fake_world *w, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    *MEM_PUSH(w->log, w->log_count, w->log_capacity) =
        mem_printf("%10.3f  %s", (double)w->now / 1e9, text);
}

static const char *line_of(const char *logged)
{
    return logged + 12;
}

static const char *name_of(const struct fake_world *w, entity_id id)
{
    return w->scenario->nodes[id].id;
}

static struct event *post(struct fake_world *w, enum kind kind, sim_time at, struct entity *to)
{
    struct event *e = mem_alloc(sizeof(*e));
    e->kind = kind;
    e->at = at;
    e->number = ++w->numbers;
    e->to = to;
    struct event **place = &w->events;
    while (*place != NULL && (*place)->at <= at) {
        place = &(*place)->next;
    }
    e->next = *place;
    *place = e;
    return e;
}

static void event_free(struct event *e)
{
    buf_fini(&e->payload);
    free(e->peer_urn);
    free(e);
}

static void arrow(struct fake_world *w, const struct event *e, const char *what, const char *why)
{
    char status[16] = "";
    if (e->status != 0) {
        snprintf(status, sizeof(status), " %d", e->status);
    }
    say(w, "%s -> %s: %s%s%s%s", name_of(w, e->from), name_of(w, e->to->id), e->type, status, what,
        why);
}

static void finish_message(struct fake_world *w, uint64_t id, const char *outcome)
{
    if (id != 0 && w->messages[id - 1].outcome == NULL) {
        w->messages[id - 1].outcome = outcome;
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
static struct entity *client_of(struct fake_world *w, entity_id a, entity_id b)
{
    bool first = w->scenario->nodes[a].peer == b;
    CHECK(first || w->scenario->nodes[b].peer == a);
    return &w->entities[first ? a : b];
}

static void tell(struct entity *e, entity_id peer, enum channel_event event, const char *reason)
{
    e->type->channel(e, e->state, peer, event, reason);
}

static void lose(struct fake_world *w, struct event *e, const char *why)
{
    arrow(w, e, " lost: ", why);
    finish_message(w, e->message_id, "lost");
    event_free(e);
}

static void lose_waiting(struct entity *client)
{
    while (client->waiting != NULL) {
        struct event *e = client->waiting;
        client->waiting = e->next;
        lose(client->world, e, "no_session");
    }
    client->last_waiting = NULL;
}

/* What is on its way in a session that is no more, both ways. */
static void lose_under_way(struct fake_world *w, uint64_t session)
{
    for (struct event **place = &w->events; *place != NULL;) {
        struct event *e = *place;
        if (e->kind == MESSAGE && e->in_session && e->arg == session) {
            *place = e->next;
            lose(w, e, "session_lost");
        } else {
            place = &e->next;
        }
    }
}

static void cut(struct entity *client)
{
    if (!client->up) {
        return;
    }
    struct entity *server = peer_of(client);
    client->up = false;
    lose_under_way(client->world, client->session);
    say(client->world, "%s x %s", name_of(client->world, client->id),
        name_of(client->world, server->id));
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
        post(w, SESSION, w->now + (fails ? SIM_S : FAKE_HANDSHAKE), client);
    }
}

/* --- sending
 * ------------------------------------------------------------------------------------------------
 */

static void depart(struct fake_world *w, struct event *e)
{
    struct fake_hit hit = {.type = e->type,
                           .from = e->from,
                           .to = e->to->id,
                           .number = ++w->hits,
                           .in_session = e->in_session,
                           .status = e->status,
                           .encoding = e->encoding,
                           .payload = &e->payload};
    struct entity *client = client_of(w, e->from, e->to->id);
    e->arg = client->session;
    enum fake_fate fate = w->filter != NULL ? w->filter(w->filter_arg, &hit) : FAKE_PASS;
    if (client->link_down || fate == FAKE_DROP || fate == FAKE_CUT) {
        lose(w, e, "on the way");
        if (fate == FAKE_CUT) {
            /* told from the event loop: the sender is in the middle of something */
            struct event *c = post(w, CLOSED, w->now, client);
            c->from = ENTITY_NONE;
            c->arg = client->session;
        }
        return;
    }
    sim_time delay = FAKE_LATENCY + (fate == FAKE_LATE ? FAKE_DELAY : 0);
    for (int i = 0; i < (fate == FAKE_TWICE ? 2 : 1); i++) {
        struct event *copy = post(w, MESSAGE, w->now + delay, e->to);
        struct event *next = copy->next;
        uint64_t number = copy->number;
        *copy = *e;
        copy->kind = MESSAGE;
        copy->at = w->now + delay;
        copy->number = number;
        copy->next = next;
        copy->payload = (struct buf){0};
        buf_append(&copy->payload, buf_span(&e->payload));
        copy->peer_urn = mem_strdup(e->peer_urn);
    }
    event_free(e);
}

static void transmit(struct entity *from, entity_id peer, enum exemption exempt, uint8_t encoding,
                     struct span payload, uint64_t message_id)
{
    struct fake_world *w = from->world;
    struct entity *client = client_of(w, from->id, peer);
    struct event *e = mem_alloc(sizeof(*e));
    e->kind = MESSAGE;
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
    *MEM_PUSH(w->messages, w->message_count, w->message_capacity) =
        (struct message){.type = info->type, .status = info->status};
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
    struct entity *client = client_of(w, e->id, peer);
    if (!client->up) {
        return;
    }
    say(w, "%s closes %s: %s", name_of(w, e->id), name_of(w, peer), reason);
    client->up = false;
    struct event *c = post(w, CLOSED, w->now + FAKE_LATENCY, &w->entities[peer]);
    c->from = e->id;
}

bool entity_connected(const struct entity *e, entity_id peer)
{
    return client_of(e->world, e->id, peer)->up;
}

/* --- the event loop
 * ------------------------------------------------------------------------------------------ */

static void arrive(struct fake_world *w, struct event *e)
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
    say(w, "arrives");
    enum disposition d = to->type->message(to, to->state, &r);
    bool refused = d == MESSAGE_REFUSED;
    const char *why = refused ? to->refuse_reason != NULL ? to->refuse_reason : "" : "";
    arrow(w, e, refused ? " refused: " : "", why);
    free(w->log[place]);
    w->log[place] = w->log[--w->log_count];
    if (d != MESSAGE_FORWARDED) {
        finish_message(w, e->message_id, refused ? "refused" : "delivered");
    }
    event_free(e);
}

static void session_due(struct fake_world *w, struct entity *client)
{
    client->opening = false;
    struct entity *server = peer_of(client);
    if (client->failures > 0 || client->link_down || server->silent) {
        const char *reason = client->failures > 0 ? client->failure : "connect_failed";
        client->failures -= client->failures > 0;
        say(w, "%s >< %s: %s", name_of(w, client->id), name_of(w, server->id), reason);
        lose_waiting(client);
        tell(client, server->id, CHANNEL_FAILED, reason);
        return;
    }
    client->up = true;
    say(w, "%s <=> %s", name_of(w, client->id), name_of(w, server->id));
    tell(server, client->id, CHANNEL_UP, NULL);
    if (client->up) {
        tell(client, server->id, CHANNEL_UP, NULL);
    }
    while (client->waiting != NULL && client->up) {
        struct event *e = client->waiting;
        client->waiting = e->next;
        if (client->waiting == NULL) {
            client->last_waiting = NULL;
        }
        e->next = NULL;
        depart(w, e);
    }
}

static void perform(struct fake_world *w, struct event *e)
{
    struct entity *who = e->to;
    const struct scenario_work *work = e->work;
    uint64_t draw = e->done++;
    uint32_t target = work->to_count > 0 ? work->to[draw % work->to_count] : SCENARIO_NONE;
    if (!who->silent) {
        who->type->work(who, who->state, work, target, (size_t)work->size.a);
    }
    if (work->repeats && e->done < work->count && w->now + (sim_time)work->every.a <= work->until) {
        struct event *next = post(w, WORK, w->now + (sim_time)work->every.a, who);
        next->work = work;
        next->done = e->done;
    }
    event_free(e);
}

static void happen(struct fake_world *w, struct event *e)
{
    struct entity *to = e->to;
    switch (e->kind) {
    case TIMER:
        if (to->silent) { /* due when it goes on */
            struct event *later = post(w, TIMER, w->now + SIM_S, to);
            later->number = e->number;
            later->timer_kind = e->timer_kind;
            later->arg = e->arg;
        } else {
            to->type->timer(to, to->state, e->timer_kind, e->arg);
        }
        event_free(e);
        break;
    case MESSAGE:
        arrive(w, e);
        break;
    case SESSION:
        session_due(w, to);
        event_free(e);
        break;
    case CLOSED:
        if (e->from != ENTITY_NONE) {
            tell(to, e->from, CHANNEL_DOWN, "closed");
        } else if (to->session == e->arg) {
            cut(to);
        }
        event_free(e);
        break;
    case WORK:
        perform(w, e);
        break;
    }
}

void fake_run(struct fake_world *w, sim_time until)
{
    while (w->events != NULL && w->events->at <= until) {
        struct event *e = w->events;
        w->events = e->next;
        w->now = e->at;
        happen(w, e);
    }
    w->now = until;
}

/* --- the other services of entity.h
 * --------------------------------------------------------------------------- */

sim_time entity_now(const struct entity *e)
{
    return e->world->now;
}

entity_id entity_self(const struct entity *e)
{
    return e->id;
}

const struct scenario *entity_scenario(const struct entity *e)
{
    return e->world->scenario;
}

const char *entity_name(const struct entity *e, entity_id id)
{
    return name_of(e->world, id);
}

const char *entity_urn(const struct entity *e, entity_id id)
{
    return e->world->entities[id].urn;
}

static uint32_t by_urn(const struct map *m, struct span urn)
{
    char text[SECURE_URN_BYTES] = "";
    uint64_t found;
    if (urn.len >= sizeof(text)) {
        return UINT32_MAX;
    }
    memcpy(text, urn.data, urn.len);
    return map_get_str(m, text, &found) ? (uint32_t)found : UINT32_MAX;
}

entity_id entity_by_urn(const struct entity *e, struct span urn)
{
    return by_urn(&e->world->urns, urn);
}

const char *entity_pn_urn(const struct entity *e, uint32_t pn)
{
    return e->world->pn_urns[pn];
}

uint32_t entity_pn_by_urn(const struct entity *e, struct span urn)
{
    return by_urn(&e->world->pns, urn);
}

const char *entity_group_urn(const struct entity *e, uint32_t group)
{
    return e->world->group_urns[group];
}

uint32_t entity_group_by_urn(const struct entity *e, struct span urn)
{
    return by_urn(&e->world->groups, urn);
}

struct rng *entity_rng(struct entity *e, const char *purpose)
{
    size_t i = 0;
    while (i < STREAMS && e->streams[i].rng != NULL) {
        if (strcmp(e->streams[i].purpose, purpose) == 0) {
            return e->streams[i].rng;
        }
        i++;
    }
    CHECK(i < STREAMS);
    e->streams[i].purpose = purpose;
    e->streams[i].rng = mem_alloc(sizeof(struct rng));
    rng_init(e->streams[i].rng, e->world->scenario->seed, name_of(e->world, e->id), purpose);
    return e->streams[i].rng;
}

void entity_random(struct entity *e, const char *purpose, uint8_t *out, size_t len)
{
    char *key = mem_printf("%s/%s", name_of(e->world, e->id), purpose);
    uint64_t count = 0;
    map_get_str(&e->world->random_counts, key, &count);
    map_set_str(&e->world->random_counts, key, count + 1);
    struct rng rng;
    rng_init(&rng, e->world->scenario->seed + count, key, "octets");
    free(key);
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)rng_u64(&rng);
    }
}

void entity_hmac(struct span key, struct span data, uint8_t out[32])
{
    secure_hmac_sha256(key, data, out);
}

bool entity_equal(struct span a, struct span b)
{
    return secure_equal(a, b);
}

void entity_subscriber_key(const struct entity *e, entity_id pne, uint8_t out[32])
{
    const struct scenario *s = e->world->scenario;
    struct rng rng;
    CHECK(e->id == pne || s->nodes[e->id].role == ROLE_SERVER);
    rng_init(&rng, s->seed, s->nodes[pne].id, "subscriber-key");
    bool wrong = e->id == pne && s->nodes[pne].credential.wrong_psk;
    for (size_t i = 0; i < 32; i++) {
        uint8_t octet = (uint8_t)rng_u64(&rng);
        out[i] = wrong ? (uint8_t)~octet : octet;
    }
}

uint64_t entity_timer_set(struct entity *e, sim_time delay, uint32_t kind, uint64_t arg)
{
    struct event *t = post(e->world, TIMER, e->world->now + (delay > 0 ? delay : 0), e);
    t->timer_kind = kind;
    t->arg = arg;
    return t->number;
}

void entity_timer_cancel(struct entity *e, uint64_t timer)
{
    for (struct event **place = &e->world->events; timer != 0 && *place != NULL;
         place = &(*place)->next) {
        struct event *t = *place;
        if (t->kind == TIMER && t->number == timer) {
            CHECK(t->to == e);
            *place = t->next;
            event_free(t);
            return;
        }
    }
}

void entity_refuse_reason(struct entity *e, const char *reason)
{
    e->refuse_reason = reason;
}

int entity_transition(struct entity *e, const struct fsm_table *table, const char *instance,
                      uint32_t *state, uint32_t event, uint32_t to)
{
    int r = fsm_check(table, *state, event, to);
    const char *name = name_of(e->world, e->id);
    if (r == 0) {
        say(e->world, "%s %s %s: %s -> %s", name, table->name, instance,
            fsm_state_name(table, *state), fsm_state_name(table, to));
        *state = to;
    } else {
        e->world->wrong_events++;
        say(e->world, "%s %s %s: wrong event %s in %s", name, table->name, instance,
            fsm_event_name(table, event), fsm_state_name(table, *state));
    }
    return r;
}

void entity_event(struct entity *e, const char *what, const char *detail)
{
    say(e->world, "%s ! %s: %s", name_of(e->world, e->id), what, detail != NULL ? detail : "");
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
        cut(&w->entities[client]);
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
    struct event *e = post(w, MESSAGE, w->now + FAKE_LATENCY, &w->entities[to]);
    e->from = from;
    e->in_session = peer_urn != NULL;
    e->peer_urn = mem_strdup(peer_urn != NULL ? peer_urn : "");
    e->encoding = encoding;
    e->arg = client_of(w, from, to)->session;
    buf_append(&e->payload, payload);
    e->type = cpns_type_info(m.type)->name;
    e->status = (int)cpns_integer(&m, CPNS_STATUS);
    cpns_message_fini(&m);
}

/* --- what happened
 * --------------------------------------------------------------------------------------------- */

sim_time fake_now(const struct fake_world *w)
{
    return w->now;
}

entity_id fake_id(const struct fake_world *w, const char *name)
{
    entity_id id = scenario_find_node(w->scenario, name);
    CHECK(id != SCENARIO_NONE);
    return id;
}

const struct scenario *fake_scenario(const struct fake_world *w)
{
    return w->scenario;
}

void *fake_state(struct fake_world *w, const char *name)
{
    return w->entities[fake_id(w, name)].state;
}

const char *fake_urn(const struct fake_world *w, const char *name)
{
    return w->entities[fake_id(w, name)].urn;
}

const char *fake_group_urn(const struct fake_world *w, const char *group)
{
    for (size_t i = 0; i < w->scenario->group_count; i++) {
        if (strcmp(w->scenario->groups[i].id, group) == 0) {
            return w->group_urns[i];
        }
    }
    return NULL;
}

bool fake_connected(const struct fake_world *w, const char *client)
{
    return w->entities[fake_id(w, client)].up;
}

uint32_t fake_sessions(const struct fake_world *w, const char *client)
{
    return w->entities[fake_id(w, client)].opened;
}

uint64_t fake_hits(const struct fake_world *w)
{
    return w->hits;
}

uint32_t fake_wrong_events(const struct fake_world *w)
{
    return w->wrong_events;
}

uint32_t fake_count(const struct fake_world *w, const char *line)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w->log_count; i++) {
        count += strncmp(line_of(w->log[i]), line, strlen(line)) == 0;
    }
    return count;
}

void fake_print(const struct fake_world *w)
{
    for (size_t i = 0; i < w->log_count; i++) {
        print_message("%s\n", w->log[i]);
    }
}

void fake_assert_exchange(const struct fake_world *w, const char *const *lines, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < w->log_count && at < count; i++) {
        at += strcmp(line_of(w->log[i]), lines[at]) == 0;
    }
    if (at < count) {
        fake_print(w);
        fail_msg("missing, or not in this order: %s", lines[at]);
    }
}

void fake_assert_account(const struct fake_world *w)
{
    size_t under_way = 0;
    for (size_t i = 0; i < w->message_count; i++) {
        under_way += w->messages[i].outcome == NULL;
    }
    size_t queued = 0;
    for (const struct event *e = w->events; e != NULL; e = e->next) {
        queued += e->kind == MESSAGE && e->message_id != 0;
    }
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        for (const struct event *e = w->entities[i].waiting; e != NULL; e = e->next) {
            queued++;
        }
    }
    assert_int_equal(under_way, queued); /* nothing that a handler took and forgot */
}

/* --- create and free
 * ------------------------------------------------------------------------------------------- */

static struct scenario *load(const char *yaml)
{
    const char *cpus[64];
    CHECK(device_cpu_count <= SIM_ARRAY_LEN(cpus));
    for (size_t i = 0; i < device_cpu_count; i++) {
        cpus[i] = device_cpus[i].name;
    }
    const struct scenario_vocabulary words = {.technologies = link_technologies,
                                              .technology_count = link_technology_count,
                                              .cpus = cpus,
                                              .cpu_count = device_cpu_count,
                                              .verbs = cpns_verbs,
                                              .verb_count = cpns_verb_count};
    char dir[] = "/tmp/cpnsim-exchange-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *path = mem_printf("%s/scenario.yaml", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(yaml, f);
    fclose(f);
    struct diag_list diags = {0};
    struct scenario *s = NULL;
    const struct scenario_options options = {0};
    int r = scenario_load(path, &options, &words, &s, &diags);
    unlink(path);
    rmdir(dir);
    free(path);
    if (r < 0) {
        struct buf text = {0};
        diag_render(&diags, false, &text);
        char *sentence = buf_steal_str(&text);
        print_error("%s\n", sentence);
        free(sentence);
    }
    diag_list_fini(&diags);
    assert_int_equal(r, 0);
    return s;
}

static void name_things(struct fake_world *w)
{
    const struct scenario *s = w->scenario;
    w->pn_urns = mem_calloc(s->pn_count + 1, sizeof(*w->pn_urns));
    w->group_urns = mem_calloc(s->group_count + 1, sizeof(*w->group_urns));
    for (uint32_t i = 0; i < s->pn_count; i++) {
        char *name = mem_printf("pn:%s", s->pns[i].id);
        secure_urn(s->seed, name, w->pn_urns[i]);
        map_set_str(&w->pns, w->pn_urns[i], i);
        free(name);
    }
    for (uint32_t i = 0; i < s->group_count; i++) {
        char *name = mem_printf("sg:%s", s->groups[i].id);
        secure_urn(s->seed, name, w->group_urns[i]);
        map_set_str(&w->groups, w->group_urns[i], i);
        free(name);
    }
}

struct fake_world *fake_create(const char *yaml)
{
    static const struct entity_type *const types[] = {[ROLE_PNE] = &pne_entity_type,
                                                      [ROLE_GATEWAY] = &pn_gateway_entity_type,
                                                      [ROLE_SERVER] = &cpns_server_entity_type};
    struct fake_world *w = mem_alloc(sizeof(*w));
    w->scenario = load(yaml);
    const struct scenario *s = w->scenario;
    w->entities = mem_calloc(s->node_count, sizeof(*w->entities));
    name_things(w);
    for (uint32_t i = 0; i < s->node_count; i++) {
        struct entity *e = &w->entities[i];
        e->world = w;
        e->id = i;
        e->type = types[s->nodes[i].role];
        e->state = mem_alloc(e->type->state_bytes);
        secure_urn(s->seed, s->nodes[i].id, e->urn);
        map_set_str(&w->urns, e->urn, i);
    }
    for (uint32_t i = 0; i < s->node_count; i++) {
        w->entities[i].type->start(&w->entities[i], w->entities[i].state);
    }
    for (size_t i = 0; i < s->work_count; i++) {
        for (size_t k = 0; k < s->work[i].from_count; k++) {
            sim_time first =
                s->work[i].at + (s->work[i].repeats ? (sim_time)s->work[i].every.a : 0);
            post(w, WORK, first, &w->entities[s->work[i].from[k]])->work = &s->work[i];
        }
    }
    return w;
}

static void free_events(struct event *e)
{
    while (e != NULL) {
        struct event *next = e->next;
        event_free(e);
        e = next;
    }
}

void fake_free(struct fake_world *w)
{
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        struct entity *e = &w->entities[i];
        e->type->finish(e, e->state);
        free(e->state);
        free_events(e->waiting);
        for (size_t k = 0; k < STREAMS; k++) {
            free(e->streams[k].rng);
        }
    }
    free_events(w->events);
    for (size_t i = 0; i < w->log_count; i++) {
        free(w->log[i]);
    }
    free(w->log);
    free(w->messages);
    free(w->entities);
    free(w->pn_urns);
    free(w->group_urns);
    map_fini(&w->urns);
    map_fini(&w->pns);
    map_fini(&w->groups);
    map_fini(&w->random_counts);
    scenario_free(w->scenario);
    free(w);
}
