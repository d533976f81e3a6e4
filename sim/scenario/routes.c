/* Ways of gateways to their servers over routers: least delay, then fewest wires, then the router
 * that stands first in the scenario (Dijkstra 1959, with a binary heap), one search a server. */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

/* --- the graph ----------------------------------------------------------------------------- */

struct graph {
    const struct scenario *s;
    uint32_t *from;  /* by node: its wires are wires[from[node]] to wires[from[node + 1] - 1] */
    uint32_t *wires; /* between routers */
};

static bool between_routers(const struct scenario *s, const struct scenario_wire *w)
{
    return s->nodes[w->a].role == ROLE_ROUTER && s->nodes[w->b].role == ROLE_ROUTER;
}

static void graph_init(struct graph *g, const struct scenario *s)
{
    *g = (struct graph){.s = s};
    g->from = mem_calloc(s->node_count + 2, sizeof(*g->from));
    for (size_t i = 0; i < s->wire_count; i++) {
        if (between_routers(s, &s->wires[i])) {
            g->from[s->wires[i].a + 2]++;
            g->from[s->wires[i].b + 2]++;
        }
    }
    for (size_t i = 2; i < s->node_count + 2; i++) {
        g->from[i] += g->from[i - 1];
    }
    g->wires = mem_calloc(g->from[s->node_count + 1], sizeof(*g->wires));
    for (size_t i = 0; i < s->wire_count; i++) {
        if (between_routers(s, &s->wires[i])) {
            g->wires[g->from[s->wires[i].a + 1]++] = (uint32_t)i;
            g->wires[g->from[s->wires[i].b + 1]++] = (uint32_t)i;
        }
    }
}

static void graph_fini(struct graph *g)
{
    free(g->from);
    free(g->wires);
}

/* --- the search ---------------------------------------------------------------------------- */

struct label {
    int64_t delay; /* of the way from here to the server's router; ns */
    uint32_t hops;
    uint32_t wire;  /* first of that way; SCENARIO_NONE at its end */
    uint32_t next;  /* node behind it */
    uint32_t stamp; /* search that reached the node */
    bool settled;
};

struct heap_item {
    int64_t delay;
    uint32_t hops;
    uint32_t node;
};

struct search {
    struct graph graph;
    struct label *labels; /* by node */
    uint32_t stamp;
    struct heap_item *heap;
    size_t count, capacity;
};

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    if (a->delay != b->delay) {
        return a->delay < b->delay;
    }
    return a->hops != b->hops ? a->hops < b->hops : a->node < b->node;
}

static void heap_push(struct search *q, struct heap_item item)
{
    *MEM_PUSH(q->heap, q->count, q->capacity) = item;
    size_t i = q->count - 1;
    for (; i > 0 && before(&item, &q->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        q->heap[i] = q->heap[(i - 1) / 2];
    }
    q->heap[i] = item;
}

static struct heap_item heap_pop(struct search *q)
{
    struct heap_item top = q->heap[0];
    struct heap_item last = q->heap[--q->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->count) {
            break;
        }
        child += child + 1 < q->count && before(&q->heap[child + 1], &q->heap[child]);
        if (!before(&q->heap[child], &last)) {
            break;
        }
        q->heap[i] = q->heap[child];
        i = child;
    }
    if (q->count > 0) {
        q->heap[i] = last;
    }
    return top;
}

/* A way from `node` that begins with `wire` to `next` and goes on as from there. */
static void relax(struct search *q, uint32_t node, uint32_t wire, uint32_t next)
{
    struct label *l = &q->labels[node];
    const struct label *on = &q->labels[next];
    int64_t delay = on->delay + q->graph.s->wires[wire].delay;
    uint32_t hops = on->hops + 1;
    bool known = l->stamp == q->stamp;
    if (known && l->settled) {
        return;
    }
    bool equal = known && l->delay == delay && l->hops == hops;
    if (equal && next < l->next) {
        l->wire = wire;
        l->next = next;
    }
    if (!known || delay < l->delay || (delay == l->delay && hops < l->hops)) {
        *l = (struct label){
            .delay = delay, .hops = hops, .wire = wire, .next = next, .stamp = q->stamp};
        heap_push(q, (struct heap_item){delay, hops, node});
    }
}

/* Labels every router from which `root` can be reached. */
static void search(struct search *q, uint32_t root)
{
    q->stamp++;
    q->count = 0;
    q->labels[root] = (struct label){.wire = SCENARIO_NONE, .next = root, .stamp = q->stamp};
    heap_push(q, (struct heap_item){0, 0, root});
    while (q->count > 0) {
        uint32_t node = heap_pop(q).node;
        if (q->labels[node].settled) {
            continue;
        }
        q->labels[node].settled = true;
        for (uint32_t i = q->graph.from[node]; i < q->graph.from[node + 1]; i++) {
            const struct scenario_wire *w = &q->graph.s->wires[q->graph.wires[i]];
            relax(q, w->a == node ? w->b : w->a, q->graph.wires[i], node);
        }
    }
}

/* --- the hops ------------------------------------------------------------------------------ */

/* Where a gateway's way is written. */
static const struct tree *place_of(const struct loader *l, uint32_t node)
{
    uint64_t index = 0;
    CHECK(map_get_str(&l->storage->entries, l->s->nodes[node].entry, &index));
    const struct node_entry *e = &l->storage->node_entries[index];
    return e->derived ? e->raw->standby_via.at : e->raw->uplink_via.at;
}

static void check_fidelity(struct loader *l, const struct scenario_edge *e)
{
    for (size_t i = 0; i < e->wire_count; i++) {
        const struct scenario_wire *w = &l->s->wires[e->wires[i]];
        if (w->fidelity != e->fidelity) {
            report_error(&l->report, place_of(l, e->a), "inconsistent",
                         "the way of %s to %s begins with fidelity: %s, but %s has fidelity: %s",
                         l->s->nodes[e->a].id, l->s->nodes[e->b].id,
                         scenario_fidelity_name(e->fidelity), w->id,
                         scenario_fidelity_name(w->fidelity));
            return;
        }
    }
}

/* The way of edge `number`, whose first wire leads to a router. */
static void lay(struct loader *l, const struct search *q, uint32_t number)
{
    struct scenario *s = l->s;
    struct scenario_edge *e = &s->edges[number];
    uint32_t router = s->wires[l->first_wire[number]].b;
    const struct label *label = &q->labels[router];
    if (label->stamp != q->stamp) {
        if (!l->wires_incomplete) {
            report_error(&l->report, place_of(l, e->a), "unreachable",
                         "no wires lead from %s, where %s is, to %s", s->nodes[router].id,
                         s->nodes[e->a].id, s->nodes[e->b].id);
        }
        return;
    }
    uint32_t *wires = arena_array(l->arena, label->hops + 2, sizeof(*wires));
    size_t count = 0;
    wires[count++] = l->first_wire[number];
    for (; label->wire != SCENARIO_NONE; label = &q->labels[label->next]) {
        wires[count++] = label->wire;
    }
    wires[count++] = l->access[e->b];
    e->wires = wires;
    e->wire_count = count;
    check_fidelity(l, e);
}

static void lay_all(struct loader *l, struct search *q, const uint32_t *edges, size_t count)
{
    struct scenario *s = l->s;
    uint32_t server = s->edges[edges[0]].b;
    if (l->access[server] == SCENARIO_NONE) {
        if (!l->wires_incomplete) {
            report_hint(report_error(&l->report, place_of(l, s->edges[edges[0]].a), "unreachable",
                                     "%s attaches to no router", s->nodes[server].id),
                        "give it attach: {to: ROUTER, link: LINK}");
        }
        return;
    }
    search(q, s->wires[l->access[server]].b);
    for (size_t i = 0; i < count; i++) {
        lay(l, q, edges[i]);
    }
}

/* Values that no wire has of its own come from its link. */
static void fill_wires(struct scenario *s)
{
    for (size_t i = 0; i < s->wire_count; i++) {
        struct scenario_wire *w = &s->wires[i];
        const struct scenario_link *link = &s->links[w->link];
        w->delay = w->delay >= 0 ? w->delay : link->delay;
        w->rate_bps = w->rate_bps > 0 ? w->rate_bps : link->rate_bps;
        w->mtu_bytes = w->mtu_bytes > 0 ? w->mtu_bytes : link->mtu_bytes;
    }
}

/* Whether an edge leads over routers. */
static bool is_routed(const struct loader *l, size_t edge)
{
    uint32_t first = l->first_wire[edge];
    return first != SCENARIO_NONE && l->s->edges[edge].b != l->s->wires[first].b;
}

/* Hops over routers by server: edges of server n are edges[from[n]] to edges[from[n + 1] - 1]. */
static void lay_ways(struct loader *l)
{
    struct scenario *s = l->s;
    uint32_t *from = mem_calloc(s->node_count + 2, sizeof(*from));
    for (size_t i = 0; i < s->edge_count; i++) {
        from[s->edges[i].b + 2] += is_routed(l, i);
    }
    for (size_t i = 2; i < s->node_count + 2; i++) {
        from[i] += from[i - 1];
    }
    uint32_t *edges = mem_calloc(from[s->node_count + 1], sizeof(*edges));
    for (size_t i = 0; i < s->edge_count; i++) {
        if (is_routed(l, i)) {
            edges[from[s->edges[i].b + 1]++] = (uint32_t)i;
        }
    }
    struct search q = {.labels = mem_calloc(s->node_count, sizeof(*q.labels))};
    graph_init(&q.graph, s);
    for (size_t n = 0; n < s->node_count; n++) {
        if (from[n + 1] > from[n]) {
            lay_all(l, &q, edges + from[n], from[n + 1] - from[n]);
        }
    }
    graph_fini(&q.graph);
    free(q.labels);
    free(q.heap);
    free(edges);
    free(from);
}

void routes_resolve(struct loader *l)
{
    struct scenario *s = l->s;
    uint32_t *own = arena_array(l->arena, s->edge_count, sizeof(*own));
    bool routed = false;
    fill_wires(s);
    for (size_t i = 0; i < s->edge_count; i++) {
        own[i] = l->first_wire[i];
        s->edges[i].wires = &own[i];
        s->edges[i].wire_count = own[i] != SCENARIO_NONE;
        routed = routed || is_routed(l, i);
    }
    if (routed) {
        lay_ways(l);
    }
}
