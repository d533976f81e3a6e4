/* Hops besides those to the peers: to gateways on devices, between servers, between PNEs, inside a
 * device. They stand behind the others, so that a scenario without them has the numbers that it
 * always had. */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

const char *scenario_hop_name(enum scenario_hop_kind kind)
{
    static const char *const names[] = {[HOP_PNE_GATEWAY] = "pne-gateway",
                                        [HOP_GATEWAY_SERVER] = "gateway-server",
                                        [HOP_SERVER_SERVER] = "server-server",
                                        [HOP_BRIDGE] = "bridge",
                                        [HOP_INTERNAL] = "internal"};
    return names[kind];
}

struct node_entry *entry_of(const struct loader *l, uint32_t node)
{
    uint64_t index = 0;
    CHECK(map_get_str(&l->storage->entries, l->s->nodes[node].entry, &index));
    return &l->storage->node_entries[index];
}

/* What is to be added. */
struct plan {
    struct scenario_edge *items;
    size_t count, capacity;
    struct map seen; /* pairs of nodes that are joined by it */
};

static uint64_t pair_key(uint32_t a, uint32_t b)
{
    return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

static void plan_add(struct plan *p, const struct scenario_edge *edge)
{
    map_set(&p->seen, pair_key(edge->a, edge->b), p->count);
    *MEM_PUSH(p->items, p->count, p->capacity) = *edge;
}

/* --- gateways on devices ------------------------------------------------------------------- */

/* A member reaches a gateway on another's device over the link of that. */
static void plan_member(struct loader *l, struct plan *p, uint32_t pne, uint32_t gateway,
                        uint32_t link)
{
    const struct scenario_node *n = &l->s->nodes[pne];
    uint64_t before;
    if (n->twin == gateway || n->peer == gateway ||
        map_get(&p->seen, pair_key(pne, gateway), &before)) {
        return;
    }
    const struct scenario_edge edge = {.kind = HOP_PNE_GATEWAY,
                                       .a = pne,
                                       .b = gateway,
                                       .policy = n->policy,
                                       .link = link,
                                       .fidelity =
                                           fidelity_of(l, &entry_of(l, pne)->raw->fidelity, link)};
    plan_add(p, &edge);
}

/* A member of a network, or one that may be added to it. */
static uint32_t member_of(const struct scenario_pn *pn, size_t i)
{
    return i < pn->member_count ? pn->members[i] : pn->candidates[i - pn->member_count];
}

static void plan_network(struct loader *l, struct plan *p, const struct scenario_pn *pn,
                         const uint32_t *links)
{
    size_t count = pn->member_count + pn->candidate_count;
    for (size_t i = 0; i <= count; i++) {
        uint32_t gateway = i < count ? l->s->nodes[member_of(pn, i)].twin : pn->gateway;
        if (gateway == SCENARIO_NONE || links[gateway] == SCENARIO_NONE) {
            continue; /* has none; or one of role gateway */
        }
        for (size_t k = 0; k < count; k++) {
            plan_member(l, p, member_of(pn, k), gateway, links[gateway]);
        }
    }
}

static void plan_standbys(struct loader *l, struct plan *p)
{
    const struct storage *st = l->storage;
    uint32_t *links = mem_calloc(l->s->node_count, sizeof(*links)); /* of gateways on devices */
    bool any = false;
    memset(links, 0xff, l->s->node_count * sizeof(*links));
    for (size_t i = 0; i < st->node_entry_count; i++) {
        const struct node_entry *e = &st->node_entries[i];
        uint32_t link = e->derived ? find_link(l, &e->raw->standby_link) : SCENARIO_NONE;
        for (uint32_t k = 0; k < e->count && link != SCENARIO_NONE; k++) {
            links[e->first + k] = link;
            any = true;
        }
    }
    for (size_t i = 0; any && i < l->s->pn_count; i++) {
        plan_network(l, p, &l->s->pns[i], links);
    }
    free(links);
}

/* --- servers ------------------------------------------------------------------------------- */

struct meshed {
    uint32_t server;
    uint32_t link;
    uint32_t policy;
};

static void plan_mesh(struct loader *l, struct plan *p)
{
    static const struct value unwritten = {.state = VALUE_ABSENT};
    const struct storage *st = l->storage;
    struct meshed *all = NULL;
    size_t count = 0;
    size_t capacity = 0;
    const struct value *last = NULL;
    bool good = true;
    for (size_t i = 0; i < st->node_entry_count; i++) {
        const struct node_entry *e = &st->node_entries[i];
        const struct raw_node *raw = e->raw;
        if (raw->mesh.state == VALUE_ABSENT || e->role != ROLE_SERVER) {
            continue;
        }
        uint32_t own = find_policy(l, &raw->mesh_policy);
        struct meshed m = {.link = find_link(l, &raw->mesh_link),
                           .policy = own != SCENARIO_NONE ? own : l->hop_policy[ROLE_GATEWAY]};
        good = good && m.link != SCENARIO_NONE && e->count > 0;
        last = &raw->mesh;
        for (uint32_t k = 0; k < e->count; k++) {
            m.server = e->first + k;
            *MEM_PUSH(all, count, capacity) = m;
        }
    }
    if (count == 1 && good) {
        report_error(&l->report, last->at->key, "empty-selection",
                     "%s is the only server with a mesh: there is nobody to join it with",
                     l->s->nodes[all[0].server].id);
    }
    for (size_t i = 0; good && i < count; i++) {
        for (size_t k = i + 1; k < count; k++) {
            const struct scenario_edge edge = {.kind = HOP_SERVER_SERVER,
                                               .a = all[i].server,
                                               .b = all[k].server,
                                               .policy = all[i].policy,
                                               .link = all[i].link,
                                               .fidelity = fidelity_of(l, &unwritten, all[i].link)};
            plan_add(p, &edge);
        }
    }
    free(all);
}

/* --- bridges ------------------------------------------------------------------------------- */

/* The two PNEs; false after a complaint. */
static bool take_pnes(struct loader *l, const struct raw_bridge *raw, uint32_t ends[2])
{
    const struct value *v = &raw->between;
    if (!value_ok(v)) {
        return false;
    }
    if (v->v.texts.count != 2) {
        report_error(&l->report, v->at, "bad-value", "a bridge is between two PNEs, not %zu",
                     v->v.texts.count);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        const struct text_item *item = &v->v.texts.items[i];
        good = select_one(l, item->text, item->at, ROLE_BIT(ROLE_PNE), &ends[i]) && good;
    }
    if (good && ends[0] == ends[1]) {
        report_error(&l->report, v->at, "self-loop", "this bridge joins %s with itself",
                     l->s->nodes[ends[0]].id);
    }
    return good && ends[0] != ends[1];
}

static void plan_bridges(struct loader *l, struct plan *p)
{
    const struct value *v = &l->raw->bridges;
    for (size_t i = 0; value_ok(v) && i < v->v.entries.count; i++) {
        const struct raw_bridge *raw = (const struct raw_bridge *)v->v.entries.items[i];
        uint32_t ends[2];
        uint64_t before;
        uint32_t link = find_link(l, &raw->link);
        if (raw->head.at->kind != TREE_MAP || !take_pnes(l, raw, ends) || link == SCENARIO_NONE) {
            continue;
        }
        if (map_get(&p->seen, pair_key(ends[0], ends[1]), &before)) {
            report_error(&l->report, raw->head.at, "duplicate-wire",
                         "%s and %s are joined already by another bridge", l->s->nodes[ends[0]].id,
                         l->s->nodes[ends[1]].id);
            continue;
        }
        const struct scenario_edge edge = {.kind = HOP_BRIDGE,
                                           .a = ends[0],
                                           .b = ends[1],
                                           .policy = SCENARIO_NONE,
                                           .link = link,
                                           .fidelity = fidelity_of(l, &raw->fidelity, link)};
        plan_add(p, &edge);
    }
}

/* --- all of them --------------------------------------------------------------------------- */

static void plan_inside(struct loader *l, struct plan *p)
{
    for (uint32_t i = 0; i < l->s->node_count; i++) {
        const struct scenario_node *n = &l->s->nodes[i];
        if (n->role == ROLE_PNE && n->twin != SCENARIO_NONE) {
            const struct scenario_edge edge = {.kind = HOP_INTERNAL,
                                               .a = i,
                                               .b = n->twin,
                                               .policy = SCENARIO_NONE,
                                               .link = SCENARIO_NONE};
            plan_add(p, &edge);
        }
    }
}

static void *longer(struct loader *l, const void *items, size_t count, size_t more, size_t bytes)
{
    void *all = arena_array(l->arena, count + more, bytes);
    if (count > 0) {
        memcpy(all, items, count * bytes);
    }
    return all;
}

static void add_all(struct loader *l, const struct plan *p)
{
    struct scenario *s = l->s;
    size_t routers = value_ok(&l->raw->wires) ? l->raw->wires.v.entries.count : 0;
    s->edges = longer(l, s->edges, s->edge_count, p->count, sizeof(*s->edges));
    s->wires = longer(l, s->wires, s->wire_count, p->count + routers, sizeof(*s->wires));
    l->first_wire = mem_realloc(l->first_wire, (s->edge_count + p->count) * sizeof(*l->first_wire));
    free(l->stamps);
    l->stamps = mem_calloc(s->node_count + s->wire_count + p->count + routers, sizeof(*l->stamps));
    for (size_t i = 0; i < p->count; i++) {
        const struct scenario_edge *edge = &p->items[i];
        uint32_t number = edge_add(l, edge, edge->b);
        if (s->nodes[edge->a].peer == edge->b && edge->kind == HOP_INTERNAL) {
            s->nodes[edge->a].edge = number;
        }
    }
}

static void index_hops(struct loader *l)
{
    struct scenario *s = l->s;
    s->hop_from = arena_array(l->arena, s->node_count + 2, sizeof(*s->hop_from));
    s->hop_edges = arena_array(l->arena, 2 * s->edge_count, sizeof(*s->hop_edges));
    for (size_t i = 0; i < s->edge_count; i++) {
        s->hop_from[s->edges[i].a + 2]++;
        s->hop_from[s->edges[i].b + 2]++;
    }
    for (size_t i = 2; i < s->node_count + 2; i++) {
        s->hop_from[i] += s->hop_from[i - 1];
    }
    for (size_t i = 0; i < s->edge_count; i++) {
        s->hop_edges[s->hop_from[s->edges[i].a + 1]++] = (uint32_t)i;
        s->hop_edges[s->hop_from[s->edges[i].b + 1]++] = (uint32_t)i;
    }
}

void hops_resolve(struct loader *l)
{
    struct plan plan = {0};
    plan_standbys(l, &plan);
    plan_mesh(l, &plan);
    plan_bridges(l, &plan);
    plan_inside(l, &plan);
    if (plan.count > 0) {
        add_all(l, &plan);
    }
    index_hops(l);
    map_fini(&plan.seen);
    free(plan.items);
}

const struct scenario_edge *scenario_hop(const struct scenario *s, uint32_t a, uint32_t b)
{
    uint32_t of_a = s->hop_from[a + 1] - s->hop_from[a];
    uint32_t of_b = s->hop_from[b + 1] - s->hop_from[b];
    uint32_t node = of_a <= of_b ? a : b;
    uint32_t other = node == a ? b : a;
    for (uint32_t i = s->hop_from[node]; i < s->hop_from[node + 1]; i++) {
        const struct scenario_edge *e = &s->edges[s->hop_edges[i]];
        if (e->a == other || e->b == other) {
            return e;
        }
    }
    return NULL;
}
