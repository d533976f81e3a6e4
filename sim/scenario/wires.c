/* Wires between routers, from `wires`. */
#include <string.h>

#include "sim/scenario/loader.h"

/* The two ends; false after a complaint. */
static bool take_ends(struct loader *l, const struct raw_wire *raw, uint32_t ends[2])
{
    const struct value *v = &raw->between;
    if (!value_ok(v)) {
        return false;
    }
    if (v->v.texts.count != 2) {
        report_error(&l->report, v->at, "bad-value", "a wire is between two routers, not %zu",
                     v->v.texts.count);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        const struct text_item *item = &v->v.texts.items[i];
        good = select_one(l, item->text, item->at, ROLE_BIT(ROLE_ROUTER), &ends[i]) && good;
    }
    if (good && ends[0] == ends[1]) {
        report_error(&l->report, v->at, "self-loop", "this wire joins %s with itself",
                     l->s->nodes[ends[0]].id);
    }
    return good && ends[0] != ends[1];
}

/* A radio under fidelity full has the delay and rate of its device. */
static void check_full(struct loader *l, const struct raw_wire *raw, uint32_t link)
{
    const struct raw_link *profile = (const struct raw_link *)l->raw->links.v.entries.items[link];
    const struct scenario_link *technology =
        value_ok(&profile->technology) ? find_technology(l, profile->technology.v.s) : NULL;
    const struct value *values[] = {&raw->delay, &raw->rate};
    static const char *const keys[] = {"delay", "rate"};
    for (size_t i = 0; technology != NULL && technology->full != FULL_CSMA && i < 2; i++) {
        if (values[i]->state == VALUE_GIVEN) {
            report_error(&l->report, values[i]->at->key, "inconsistent",
                         "\"%s\" has no meaning under fidelity full: ns-3's device decides it",
                         keys[i]);
        }
    }
}

static void add_wire(struct loader *l, size_t index, struct map *seen)
{
    struct scenario *s = l->s;
    const struct entry *const *entries = (const struct entry *const *)l->raw->wires.v.entries.items;
    const struct raw_wire *raw = (const struct raw_wire *)entries[index];
    uint32_t ends[2];
    uint32_t link = find_link(l, &raw->link);
    if (!take_ends(l, raw, ends) || link == SCENARIO_NONE) {
        l->wires_incomplete = true;
        return;
    }
    uint32_t low = ends[0] < ends[1] ? ends[0] : ends[1];
    uint64_t key = (uint64_t)low << 32 | (ends[0] ^ ends[1] ^ low);
    uint64_t before;
    if (map_get(seen, key, &before)) {
        report_error(&l->report, raw->head.at, "duplicate-wire",
                     "%s and %s are joined already, in line %d", s->nodes[ends[0]].id,
                     s->nodes[ends[1]].id, entries[before]->at->line);
        return;
    }
    map_set(seen, key, index);
    enum scenario_fidelity fidelity = fidelity_of(l, &raw->fidelity, link);
    if (fidelity == FIDELITY_FULL) {
        check_full(l, raw, link);
    }
    /* Its own values; what is missing comes from the link when that is built. */
    s->wires[s->wire_count++] = (struct scenario_wire){
        .id = arena_printf(l->arena, "%s--%s", s->nodes[ends[0]].id, s->nodes[ends[1]].id),
        .a = ends[0],
        .b = ends[1],
        .link = link,
        .fidelity = fidelity,
        .delay = value_ok(&raw->delay) ? raw->delay.v.i : -1,
        .rate_bps = value_ok(&raw->rate) ? (uint64_t)raw->rate.v.i : 0,
        .mtu_bytes = value_ok(&raw->mtu) ? (uint32_t)raw->mtu.v.i : 0};
}

void wires_resolve(struct loader *l)
{
    const struct value *v = &l->raw->wires;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    struct map seen = {0};
    l->wires_incomplete = l->wires_incomplete || v->state == VALUE_BAD;
    for (size_t i = 0; i < l->s->wire_count; i++) {
        l->s->wires[i].delay = -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (v->v.entries.items[i]->at->kind == TREE_MAP) {
            add_wire(l, i, &seen);
        } else {
            l->wires_incomplete = true;
        }
    }
    map_fini(&seen);
}
