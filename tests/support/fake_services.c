/* What the fake world offers besides messages: names, randomness, timers, the record. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_internal.h"

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
    return fake_name(e->world, id);
}

const char *entity_urn(const struct entity *e, entity_id id)
{
    return e->world->entities[id].urn;
}

static uint32_t by_urn(const struct map *m, struct span urn)
{
    char text[SECURE_URN_BYTES] = "";
    uint64_t found;
    if (urn.len == 0 || urn.len >= sizeof(text)) {
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

bool entity_place(struct entity *e, double place[3])
{
    const struct scenario_node *n = &e->world->scenario->nodes[e->id];
    memcpy(place, n->place, sizeof(n->place));
    return n->placed;
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
    rng_init(e->streams[i].rng, e->world->scenario->seed, fake_name(e->world, e->id), purpose);
    return e->streams[i].rng;
}

void entity_random(struct entity *e, const char *purpose, uint8_t *out, size_t len)
{
    char *key = mem_printf("%s/%s", fake_name(e->world, e->id), purpose);
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
    const struct scenario *s = e->world->scenario;
    struct rng rng;
    CHECK(e->id == node || s->nodes[e->id].role == ROLE_SERVER);
    rng_init(&rng, s->seed, s->nodes[node].id, "subscriber-key");
    bool wrong = e->id == node && s->nodes[node].credential.wrong_psk;
    for (size_t i = 0; i < 32; i++) {
        uint8_t octet = (uint8_t)rng_u64(&rng);
        out[i] = wrong ? (uint8_t)~octet : octet;
    }
}

int entity_battery(const struct entity *e)
{
    return e->battery;
}

/* As the scenario says; fake_set_battery() drains it. */
bool entity_on_battery(const struct entity *e)
{
    const struct scenario *s = e->world->scenario;
    uint32_t device = s->nodes[e->id].device;
    return device != SCENARIO_NONE && s->devices[device].energy.modelled;
}

int entity_battery_low(const struct entity *e)
{
    const struct scenario *s = e->world->scenario;
    return (int)(s->devices[s->nodes[e->id].device].energy.low * 100 + 0.5);
}

void fake_battery_look(struct entity *e)
{
    if (e->battery <= e->battery_watch) {
        fake_post(e->world, FAKE_BATTERY, e->world->now, e);
    }
}

void entity_battery_watch(struct entity *e, int percent)
{
    e->battery_watch = percent;
    fake_battery_look(e);
}

uint64_t entity_timer_set(struct entity *e, sim_time delay, uint32_t kind, uint64_t arg)
{
    struct fake_event *t =
        fake_post(e->world, FAKE_TIMER, e->world->now + (delay > 0 ? delay : 0), e);
    t->timer_kind = kind;
    t->arg = arg;
    return t->number;
}

void entity_timer_cancel(struct entity *e, uint64_t timer)
{
    for (struct fake_event **place = &e->world->events; timer != 0 && *place != NULL;
         place = &(*place)->next) {
        struct fake_event *t = *place;
        if (t->kind == FAKE_TIMER && t->number == timer) {
            CHECK(t->to == e);
            *place = t->next;
            fake_event_free(t);
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
    const char *name = fake_name(e->world, e->id);
    if (r == 0) {
        fake_say(e->world, "%s %s %s: %s -> %s", name, table->name, instance,
                 fsm_state_name(table, *state), fsm_state_name(table, to));
        *state = to;
    } else {
        e->world->wrong_events++;
        fake_say(e->world, "%s %s %s: wrong event %s in %s", name, table->name, instance,
                 fsm_event_name(table, event), fsm_state_name(table, *state));
    }
    return r;
}

void entity_event(struct entity *e, const char *what, const char *detail)
{
    fake_say(e->world, "%s ! %s: %s", fake_name(e->world, e->id), what,
             detail != NULL ? detail : "");
}

/* --- stores: lines of text, one a row
 * ------------------------------------------------------------------------- */

static void keep(struct entity *e, const char *format, ...) SIM_PRINTF(2, 3);
static void keep(struct entity *e, const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_printf(&e->world->stores, "%s holds %s\n", fake_name(e->world, e->id), text);
}

static const char *word(const char *s)
{
    return s != NULL ? s : "-";
}

void entity_store_pn(struct entity *e, const struct store_pn *row)
{
    keep(e, "pn %s: %s, name %s, gateway %s, mode %s, openness %s, admin %s", row->pn, row->state,
         word(row->name), word(row->gateway), word(row->mode), word(row->openness),
         word(row->admin));
}

void entity_store_pn_member(struct entity *e, const char *pn, entity_id member, const char *state,
                            const char *mode)
{
    keep(e, "pn %s: %s %s, mode %s", pn, fake_name(e->world, member), state, word(mode));
}

void entity_store_group(struct entity *e, const struct store_group *row)
{
    keep(e, "group %s: owner %s, joining %s, service %s, administrator %s", row->group,
         word(row->owner), word(row->joining), word(row->service), word(row->administrator));
}

void entity_store_group_member(struct entity *e, const char *group, entity_id member,
                               const char *state)
{
    keep(e, "group %s: %s %s", group, fake_name(e->world, member), state);
}

void entity_store_item(struct entity *e, const char *store, const char *subject, const char *key,
                       const char *value)
{
    keep(e, "%s of %s: %s=%s", store, subject, key, word(value));
}

const char *fake_stores(struct fake_world *w)
{
    buf_clear(&w->stores);
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        struct entity *e = &w->entities[i];
        if (e->type->stores != NULL) {
            e->type->stores(e, e->state);
        }
    }
    buf_append_u8(&w->stores, '\0');
    return (const char *)buf_span(&w->stores).data;
}
