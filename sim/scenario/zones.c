#include <string.h>

#include "sim/scenario/loader.h"

/* Whose devices the nodes are, and what gateways offer to their zones and say to bridges. */

static const char *user_id(struct loader *l, const char *name)
{
    return arena_printf(l->arena, "sip:%s@cpns", name);
}

static void take_user(struct loader *l, const struct node_entry *e)
{
    const struct value *v = &e->raw->user;
    if (v->state == VALUE_GIVEN && e->role == ROLE_SERVER) {
        report_error(&l->report, v->at->key, "wrong-role", "a server is no user's device");
    }
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *n = &l->s->nodes[e->first + i];
        if (e->role == ROLE_SERVER || e->role == ROLE_ROUTER) {
            continue;
        }
        bool follows = e->role == ROLE_PNE && n->peer != SCENARIO_NONE && n->peer != n->twin;
        n->user = value_ok(v) ? user_id(l, v->v.s)
                  : follows   ? l->s->nodes[n->peer].user
                              : user_id(l, n->id);
    }
}

static void take_exhibits(struct loader *l, const struct value *v, struct scenario_zone *z)
{
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    struct names ids = {0};
    z->exhibits = arena_array(l->arena, count, sizeof(*z->exhibits));
    for (size_t i = 0; i < count; i++) {
        const struct raw_exhibit *raw = (const struct raw_exhibit *)v->v.entries.items[i];
        if (!value_ok(&raw->id) || !value_ok(&raw->at)) {
            continue;
        }
        if (!names_add(&ids, raw->id.v.s, (uint32_t)i)) {
            report_error(&l->report, raw->id.at, "duplicate-id",
                         "an exhibit \"%s\" is defined already", raw->id.v.s);
        }
        struct scenario_exhibit *x = &z->exhibits[z->exhibit_count++];
        x->id = raw->id.v.s;
        memcpy(x->place, raw->at.v.lengths.at, sizeof(x->place));
    }
    names_fini(&ids);
}

static void take_zone(struct loader *l, const struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
    if (raw->zone.state != VALUE_GIVEN || !value_ok(&raw->zone_service)) {
        return;
    }
    struct scenario_zone *z = arena_alloc(l->arena, sizeof(*z));
    z->service = raw->zone_service.v.s;
    z->announce = raw->zone_announce.v.i;
    z->information = (uint32_t)raw->zone_information.v.i;
    z->gone = value_ok(&raw->zone_gone) ? raw->zone_gone.v.i : 0;
    take_exhibits(l, &raw->zone_exhibits, z);
    for (uint32_t i = 0; i < e->count; i++) {
        l->s->nodes[e->first + i].zone = z;
    }
}

/* Keys of gateways at others. */
static void check_role(struct loader *l, const struct node_entry *e, const struct value *v,
                       const char *key)
{
    if (v->state == VALUE_GIVEN && value_ok(&e->raw->role) && e->role != ROLE_GATEWAY) {
        report_error(&l->report, v->at->key, "wrong-role",
                     "\"%s\" is for gateways, and this is a %s", key, words_role[e->role]);
    }
}

void zones_resolve(struct loader *l)
{
    struct storage *st = l->storage;
    static const enum scenario_role order[] = {ROLE_GATEWAY, ROLE_PNE, ROLE_SERVER, ROLE_ROUTER};
    for (size_t r = 0; r < SIM_ARRAY_LEN(order); r++) {
        for (size_t i = 0; i < st->node_entry_count; i++) {
            if (st->node_entries[i].role == order[r] && !st->node_entries[i].derived) {
                take_user(l, &st->node_entries[i]);
            }
        }
    }
    for (size_t i = 0; i < st->node_entry_count; i++) {
        const struct node_entry *e = &st->node_entries[i];
        for (uint32_t k = 0; e->derived && k < e->count; k++) { /* its device's user's */
            l->s->nodes[e->first + k].user = l->s->nodes[e->twin->first + k].user;
        }
        if (e->derived) {
            continue;
        }
        check_role(l, e, &e->raw->zone, "zone");
        check_role(l, e, &e->raw->bridge, "bridge");
        take_zone(l, e);
        for (uint32_t k = 0; k < e->count; k++) {
            l->s->nodes[e->first + k].denies_bridge =
                value_ok(&e->raw->bridge) && e->raw->bridge.v.i == 1;
        }
    }
}
