/* The services of entity.h that are not about sending (account.c has those). */
#include "sim/world/entity.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/path.h"
#include "sim/world/report.h"
#include "sim/world/session.h"

sim_time entity_now(const struct entity *e)
{
    return net_now(e->world->net);
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
    CHECK(id < e->world->scenario->node_count);
    return e->world->entities[id].node->id;
}

const char *entity_urn(const struct entity *e, entity_id id)
{
    CHECK(id < e->world->scenario->node_count);
    return e->world->entities[id].urn;
}

/* All begin alike and differ at once behind that. */
static bool is_urn(struct span urn, const char text[SECURE_URN_BYTES])
{
    enum { DIFFER_AT = sizeof("urn:uuid:") - 1 };
    uint64_t a;
    uint64_t b;
    if (urn.len != SECURE_URN_BYTES - 1) {
        return false;
    }
    memcpy(&a, urn.data + DIFFER_AT, sizeof(a));
    memcpy(&b, text + DIFFER_AT, sizeof(b));
    return a == b && memcmp(urn.data, text, SECURE_URN_BYTES - 1) == 0;
}

static uint32_t find_urn(struct urn_index *index, struct span urn)
{
    uint64_t found;
    for (size_t i = 0; i < URNS_RECENT && i < index->found; i++) {
        if (is_urn(urn, index->recent[i].text)) {
            return index->recent[i].number;
        }
    }
    struct known_urn known = {0};
    if (urn.len != SECURE_URN_BYTES - 1) {
        return UINT32_MAX;
    }
    memcpy(known.text, urn.data, urn.len);
    if (!map_get_str(&index->numbers, known.text, &found)) {
        return UINT32_MAX;
    }
    known.number = (uint32_t)found;
    index->recent[index->found++ % URNS_RECENT] = known;
    return known.number;
}

entity_id entity_by_urn(const struct entity *e, struct span urn)
{
    return is_urn(urn, e->urn) ? e->id : find_urn(&e->world->by_urn, urn);
}

const char *entity_pn_urn(const struct entity *e, uint32_t pn)
{
    CHECK(pn < e->world->scenario->pn_count);
    return e->world->pn_urns[pn].text;
}

uint32_t entity_pn_by_urn(const struct entity *e, struct span urn)
{
    return find_urn(&e->world->pn_by_urn, urn);
}

const char *entity_group_urn(const struct entity *e, uint32_t group)
{
    CHECK(group < e->world->scenario->group_count);
    return e->world->group_urns[group].text;
}

uint32_t entity_group_by_urn(const struct entity *e, struct span urn)
{
    return find_urn(&e->world->group_by_urn, urn);
}

bool entity_place(struct entity *e, double place[3])
{
    if (!e->node->placed) {
        return false;
    }
    if (e->path == NULL) {
        e->path = mem_alloc(sizeof(*e->path));
        path_start(e->path, e->node, e->world->scenario->seed);
    }
    sim_time now = net_now(e->world->net);
    while (e->path->leg.until <= now) {
        path_next(e->path);
    }
    path_place(&e->path->leg, now, place);
    return true;
}

struct rng *entity_rng(struct entity *e, const char *purpose)
{
    for (size_t i = 0; i < e->rng_count; i++) {
        if (strcmp(e->rngs[i]->purpose, purpose) == 0) {
            return &e->rngs[i]->rng;
        }
    }
    struct named_rng *named = mem_alloc(sizeof(*named));
    named->purpose = purpose;
    rng_init(&named->rng, e->world->scenario->seed, e->node->id, purpose);
    *MEM_PUSH(e->rngs, e->rng_count, e->rng_capacity) = named;
    return &named->rng;
}

void entity_random(struct entity *e, const char *purpose, uint8_t *out, size_t len)
{
    uint64_t count = 0;
    map_get_str(&e->random_counts, purpose, &count);
    secure_random(e->world->env, e->node->id, purpose, count, out, len);
    map_set_str(&e->random_counts, purpose, count + 1);
}

void entity_hmac(struct span key, struct span data, uint8_t out[32])
{
    secure_hmac_sha256(key, data, out);
}

void entity_hkdf(struct span key, struct span salt, struct span info, uint8_t *out, size_t len)
{
    CHECK(secure_hkdf_sha256(key, salt, info, out, len) == 0);
}

void entity_seal(const uint8_t key[32], const uint8_t nonce[ENTITY_NONCE_BYTES], struct span aad,
                 struct span plain, struct buf *out)
{
    buf_append(out, span_of(nonce, ENTITY_NONCE_BYTES));
    secure_seal(key, nonce, aad, plain, out);
}

int entity_open(const uint8_t key[32], struct span aad, struct span sealed, struct buf *out)
{
    struct span nonce;
    return span_take(&sealed, ENTITY_NONCE_BYTES, &nonce)
               ? secure_open(key, nonce.data, aad, sealed, out)
               : -SIM_EBADMSG;
}

bool entity_equal(struct span a, struct span b)
{
    return secure_equal(a, b);
}

void entity_subscriber_key(const struct entity *e, entity_id node, uint8_t out[32])
{
    const struct entity *owner = &e->world->entities[node];
    CHECK(e == owner || e->node->role == ROLE_SERVER);
    bool wrong = e == owner && owner->node->credential.wrong_psk;
    for (size_t i = 0; i < sizeof(owner->subscriber_key); i++) {
        out[i] = wrong ? (uint8_t)~owner->subscriber_key[i] : owner->subscriber_key[i];
    }
}

/* --- timers
 * ------------------------------------------------------------------------------------------ */

struct entity_alarm {
    struct entity *entity;
    uint64_t handle;
    uint32_t kind;
    uint64_t arg;
    net_timer timer;
};

static void alarm_free(struct world *w, struct entity_alarm *a)
{
    uint32_t place = (uint32_t)a->handle;
    w->alarms[place] = NULL;
    *MEM_PUSH(w->free_alarms, w->free_alarm_count, w->free_alarm_capacity) = place;
    pool_put(&w->alarm_pool, a);
}

static void on_alarm(void *arg)
{
    struct entity_alarm *a = arg;
    struct entity *e = a->entity;
    struct world *w = e->world;
    if (entity_is_silent(e)) {
        /* A device that hangs finds its timers due when it goes on. */
        if (e->silent_until != SIM_TIME_NEVER) {
            a->timer = net_timer_set(w->net, e->silent_until, on_alarm, a);
        }
        return;
    }
    uint32_t kind = a->kind;
    uint64_t value = a->arg;
    alarm_free(w, a);
    e->type->timer(e, e->state, kind, value);
    flow_leave(w);
}

uint64_t entity_timer_set(struct entity *e, sim_time delay, uint32_t kind, uint64_t arg)
{
    struct world *w = e->world;
    if (w->free_alarm_count == 0) {
        *MEM_PUSH(w->free_alarms, w->free_alarm_count, w->free_alarm_capacity) =
            (uint32_t)w->alarm_count;
        *MEM_PUSH(w->alarms, w->alarm_count, w->alarm_capacity) = NULL;
    }
    uint32_t place = w->free_alarms[--w->free_alarm_count];
    struct entity_alarm *a = pool_take(&w->alarm_pool, sizeof(*a));
    *a = (struct entity_alarm){
        .entity = e, .handle = ++w->next_timer << 32 | place, .kind = kind, .arg = arg};
    w->alarms[place] = a;
    sim_time now = net_now(w->net);
    delay = delay > 0 ? delay : 0;
    a->timer = net_timer_set(
        w->net, delay < SIM_TIME_NEVER - now ? now + delay : SIM_TIME_NEVER - 1, on_alarm, a);
    return a->handle;
}

void entity_timer_cancel(struct entity *e, uint64_t timer)
{
    struct world *w = e->world;
    struct entity_alarm *a = timer != 0 ? w->alarms[(uint32_t)timer] : NULL;
    if (a != NULL && a->handle == timer) {
        net_timer_cancel(w->net, a->timer);
        alarm_free(w, a);
    }
}

void entity_timers_free(struct world *w)
{
    for (size_t i = 0; i < w->alarm_count; i++) {
        free(w->alarms[i]);
    }
    free(w->alarms);
    free(w->free_alarms);
}

/* --- sessions and the record
 * --------------------------------------------------------------------------- */

bool entity_is_silent(const struct entity *e)
{
    return e->silent_until > net_now(e->world->net);
}

bool entity_neighbour(const struct entity *e, size_t number, struct neighbour *ret)
{
    const struct scenario *s = e->world->scenario;
    if (number >= s->hop_from[e->id + 1] - s->hop_from[e->id]) {
        return false;
    }
    const struct scenario_edge *edge = &s->edges[s->hop_edges[s->hop_from[e->id] + number]];
    bool client = edge->a == e->id;
    *ret = (struct neighbour){
        .id = client ? edge->b : edge->a, .kind = edge->kind, .client = client, .link = edge->link};
    return true;
}

struct hop *entity_hop(const struct entity *e, entity_id peer)
{
    uint64_t found;
    return map_get(&e->hops, peer, &found) ? (struct hop *)(uintptr_t)found : NULL;
}

void entity_connect(struct entity *e, entity_id peer)
{
    struct hop *hop = entity_hop(e, peer);
    CHECK(hop != NULL && hop->client == e && hop->edge->kind != HOP_BRIDGE);
    if (entity_is_silent(e)) {
        return;
    }
    if (hop->inside != NULL) {
        inside_connect(hop);
    } else {
        channel_connect(hop);
    }
}

void entity_disconnect(struct entity *e, entity_id peer, const char *reason)
{
    struct hop *hop = entity_hop(e, peer);
    CHECK(hop != NULL);
    if (hop->inside != NULL) {
        inside_disconnect(hop, e);
    } else {
        channel_disconnect(hop, e, reason);
    }
}

bool entity_connected(const struct entity *e, entity_id peer)
{
    const struct hop *hop = entity_hop(e, peer);
    return hop != NULL && (hop->inside != NULL || channel_ready(hop, e));
}

void entity_refuse_reason(struct entity *e, const char *reason)
{
    e->refuse_reason = reason;
}

int entity_transition(struct entity *e, const struct fsm_table *table, const char *instance,
                      uint32_t *state, uint32_t event, uint32_t to)
{
    int r = fsm_check(table, *state, event, to);
    report_transition(e, table, instance, *state, event, r == 0 ? to : *state, r == 0);
    if (r == 0) {
        *state = to;
    }
    return r;
}

void entity_event(struct entity *e, const char *what, const char *detail)
{
    report_event(e->world, what, e, e->node->id, detail);
}
