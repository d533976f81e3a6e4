#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

/* Selections of one scenario together: beyond it somebody wrote pne-star in a thousand lines. */
enum { MOST_SELECTED = 50 * 1000 * 1000 };

/* id, id/3, id/2..9, id/star, id/name as text. */
struct selector {
    const char *id;
    bool numbered; /* id/3 or id/2..9 */
    bool named;    /* id/name; and id/3, where copies have names */
    bool all;      /* id/star */
    uint32_t low, high;
};

static const char *take_number(const char *s, uint32_t *ret)
{
    uint64_t v = 0;
    const char *p = s;
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v < UINT32_MAX ? v * 10 + (uint64_t)(*p - '0') : v;
    }
    *ret = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
    return p != s ? p : NULL;
}

static bool parse(struct loader *l, const char *text, struct selector *ret)
{
    size_t len = strcspn(text, "/");
    *ret = (struct selector){.id = arena_strndup(l->arena, text, len)};
    if (len == 0 || strpbrk(ret->id, " \t*,") != NULL) {
        return false;
    }
    if (text[len] == '\0') {
        return true;
    }
    const char *s = text + len + 1;
    if (strcmp(s, "*") == 0) {
        ret->all = true;
        return true;
    }
    const char *rest = take_number(s, &ret->low);
    ret->high = ret->low;
    if (rest != NULL && strncmp(rest, "..", 2) == 0) {
        rest = take_number(rest + 2, &ret->high);
    }
    ret->numbered = rest != NULL && *rest == '\0';
    ret->named = !ret->numbered;
    return *s != '\0';
}

static const char *role_names(uint32_t roles)
{
    switch (roles) {
    case ROLE_BIT(ROLE_ROUTER):
        return "a router";
    case ANY_ROLE:
        return "a PNE, a gateway or a server";
    case ROLE_BIT(ROLE_PNE):
        return "a PNE";
    case ROLE_BIT(ROLE_GATEWAY):
        return "a gateway";
    case ROLE_BIT(ROLE_SERVER):
        return "a server";
    case ROLE_BIT(ROLE_PNE) | ROLE_BIT(ROLE_GATEWAY):
        return "a PNE or a gateway";
    case ROLE_BIT(ROLE_PNE) | ROLE_BIT(ROLE_SERVER):
        return "a PNE or a server";
    case ROLE_BIT(ROLE_GATEWAY) | ROLE_BIT(ROLE_SERVER):
        return "a gateway or a server";
    default:
        return "a node";
    }
}

static bool check_copies(struct loader *l, const struct selector *s, const struct node_entry *e,
                         const struct tree *at)
{
    if (!s->numbered) {
        return true;
    }
    if (!e->counted) {
        report_hint(report_error(&l->report, at, "unknown-node",
                                 "\"%s\" has no count, so it has no numbered copies", s->id),
                    "write %s", s->id);
        return false;
    }
    if (s->low > s->high) {
        report_error(&l->report, at, "empty-selection", "\"%s/%u..%u\" selects nothing", s->id,
                     s->low, s->high);
        return false;
    }
    if (s->low < 1 || s->high > e->count) {
        report_error(&l->report, at, "unknown-node", "\"%s\" has the copies 1 to %u, not %u", s->id,
                     e->count, s->low < 1 ? s->low : s->high);
        return false;
    }
    return true;
}

static void bad_selector(struct loader *l, const char *text, const struct tree *at)
{
    report_hint(report_error(&l->report, at, "bad-selector", "\"%s\" selects no nodes",
                             report_quote(&l->report, text)),
                "write pne, pne/3, pne/2..9 or pne/*");
}

/* One of the copies that have names. */
static bool select_named(struct loader *l, const char *text, const struct node_entry *e,
                         const struct tree *at, struct range *ret)
{
    uint64_t node;
    if (map_get_str(&l->storage->named, text, &node)) {
        *ret = (struct range){.first = (uint32_t)node, .count = 1};
        return true;
    }
    if (!l->nodes.gaps) {
        const struct value *names = &e->raw->names;
        const char **items = arena_array(l->arena, names->v.texts.count, sizeof(*items));
        for (size_t i = 0; i < names->v.texts.count; i++) {
            items[i] = names->v.texts.items[i].text;
        }
        const char *wanted = strchr(text, '/') + 1;
        struct diag *d = report_error(&l->report, at, "unknown-node", "\"%s\" has no copy \"%s\"",
                                      e->raw->id.v.s, report_quote(&l->report, wanted));
        report_near(&l->report, d, wanted, items, names->v.texts.count);
    }
    return false;
}

bool select_range(struct loader *l, const char *text, const struct tree *at, uint32_t roles,
                  struct range *ret)
{
    struct selector s;
    if (!parse(l, text, &s)) {
        bad_selector(l, text, at);
        return false;
    }
    uint32_t index = find_name(l, &l->nodes, s.id, at, "unknown-node", "node");
    if (index == SCENARIO_NONE) {
        return false;
    }
    const struct node_entry *e = &l->storage->node_entries[index];
    if (roles == ROLE_BIT(ROLE_GATEWAY) && e->role == ROLE_PNE && e->twin != NULL) {
        e = e->twin; /* "phone" where only a gateway can be meant */
    }
    if (e->count == 0) {
        return false;
    }
    if ((ROLE_BIT(e->role) & roles) == 0) {
        report_error(&l->report, at, "wrong-role", "\"%s\" is %s; what is needed here is %s", s.id,
                     role_names(ROLE_BIT(e->role)), role_names(roles));
        return false;
    }
    if (e->named && (s.named || s.numbered)) {
        return select_named(l, text, e, at, ret);
    }
    if (s.named) {
        bad_selector(l, text, at);
        return false;
    }
    if (!check_copies(l, &s, e, at)) {
        return false;
    }
    *ret = s.numbered ? (struct range){.first = e->first + s.low - 1, .count = s.high - s.low + 1}
                      : (struct range){.first = e->first, .count = e->count};
    return true;
}

bool select_one(struct loader *l, const char *text, const struct tree *at, uint32_t roles,
                uint32_t *ret)
{
    struct range range;
    if (!select_range(l, text, at, roles, &range)) {
        return false;
    }
    if (range.count != 1) {
        report_error(&l->report, at, "several-nodes",
                     "\"%s\" names %u nodes where exactly one is needed",
                     report_quote(&l->report, text), range.count);
        return false;
    }
    *ret = range.first;
    return true;
}

static bool within_bounds(struct loader *l, const struct tree *at, size_t count)
{
    bool before = l->selected <= MOST_SELECTED;
    l->selected += count;
    if (l->selected <= MOST_SELECTED) {
        return true;
    }
    if (before) {
        report_error(&l->report, at, "out-of-range",
                     "the selections of this scenario hold more than %d nodes in all",
                     MOST_SELECTED);
    }
    return false;
}

/* The nodes of a range as an array, which selections of the same range share. */
static uint32_t *expand(struct loader *l, const struct tree *at, struct range range)
{
    uint64_t key = (uint64_t)range.first << 32 | range.count;
    uint64_t value;
    if (map_get(&l->shared, key, &value)) {
        return (uint32_t *)(uintptr_t)value;
    }
    if (!within_bounds(l, at, range.count)) {
        return NULL;
    }
    uint32_t *items = arena_array(l->arena, range.count, sizeof(*items));
    for (uint32_t i = 0; i < range.count; i++) {
        items[i] = range.first + i;
    }
    map_set(&l->shared, key, (uint64_t)(uintptr_t)items);
    return items;
}

/* The ranges of a list; false when one was complained about. */
static bool take_ranges(struct loader *l, const struct value *v, uint32_t roles,
                        struct range *ranges, size_t *total)
{
    bool good = true;
    *total = 0;
    for (size_t i = 0; i < v->v.texts.count; i++) {
        const struct text_item *item = &v->v.texts.items[i];
        good = select_range(l, item->text, item->at, roles, &ranges[i]) && good;
        *total += good ? ranges[i].count : 0;
    }
    return good;
}

bool select_nodes(struct loader *l, const struct value *v, uint32_t roles, uint32_t except,
                  uint32_t **items, size_t *count)
{
    size_t total;
    if (!value_ok(v)) {
        return false;
    }
    struct range *ranges = arena_array(l->arena, v->v.texts.count, sizeof(*ranges));
    if (!take_ranges(l, v, roles, ranges, &total)) {
        return false;
    }
    if (v->v.texts.count == 1 &&
        (except < ranges[0].first || except >= ranges[0].first + ranges[0].count)) {
        *items = expand(l, v->at, ranges[0]);
        *count = ranges[0].count;
        return *items != NULL;
    }
    if (!within_bounds(l, v->at, total)) {
        return false;
    }
    uint32_t *taken = arena_array(l->arena, total, sizeof(*taken));
    size_t n = 0;
    l->stamp++;
    for (size_t i = 0; i < v->v.texts.count; i++) {
        for (uint32_t k = 0; k < ranges[i].count; k++) {
            uint32_t node = ranges[i].first + k;
            if (node != except && l->stamps[node] != l->stamp) {
                l->stamps[node] = l->stamp;
                taken[n++] = node;
            }
        }
    }
    *items = taken;
    *count = n;
    return true;
}

/* --- links --------------------------------------------------------------------------------- */

static bool inside(struct range r, uint32_t node)
{
    return node >= r.first && node - r.first < r.count;
}

/* Hops whose clients are among `a` and whose other ends are among `b`: their first wires. False
 * when attachments are not known. */
static bool hop_wires(struct loader *l, struct range a, struct range b, uint32_t *wires,
                      size_t *count)
{
    const struct scenario *s = l->s;
    bool known = true;
    for (uint32_t node = a.first; node < a.first + a.count; node++) {
        const struct scenario_node *n = &s->nodes[node];
        known =
            known && (n->peer != SCENARIO_NONE || n->role == ROLE_SERVER || n->role == ROLE_ROUTER);
        for (uint32_t i = s->hop_from[node]; i < s->hop_from[node + 1]; i++) {
            const struct scenario_edge *e = &s->edges[s->hop_edges[i]];
            if (e->a == node && inside(b, e->b) && e->kind != HOP_INTERNAL) {
                wires[(*count)++] = l->first_wire[s->hop_edges[i]];
            }
        }
    }
    return known;
}

static size_t hops_of(const struct scenario *s, struct range r)
{
    return s->hop_from[r.first + r.count] - s->hop_from[r.first];
}

/* Wires with routers at one end or both. */
static void router_wires(struct loader *l, struct range a, struct range b, uint32_t *wires,
                         size_t *count)
{
    for (size_t i = 0; i < l->s->wire_count; i++) {
        const struct scenario_wire *w = &l->s->wires[i];
        if ((inside(a, w->a) && inside(b, w->b)) || (inside(a, w->b) && inside(b, w->a))) {
            wires[(*count)++] = (uint32_t)i;
        }
    }
}

static bool is_router(const struct loader *l, struct range r)
{
    return l->s->nodes[r.first].role == ROLE_ROUTER;
}

static bool select_link(struct loader *l, const struct text_item *item, uint32_t **wires,
                        size_t *count)
{
    const char *dashes = strstr(item->text, "--");
    if (dashes == NULL) {
        report_hint(report_error(&l->report, item->at, "bad-selector", "\"%s\" selects no links",
                                 report_quote(&l->report, item->text)),
                    "write pne/3--gw/1, pne/*--gw/* or gw/1--srv");
        return false;
    }
    struct range a;
    struct range b;
    const char *left = arena_strndup(l->arena, item->text, (size_t)(dashes - item->text));
    bool good = select_range(l, left, item->at, ANY_NODE, &a);
    good = select_range(l, dashes + 2, item->at, ANY_NODE, &b) && good;
    bool routers = good && (is_router(l, a) || is_router(l, b));
    size_t most = !good ? 0 : routers ? l->s->wire_count : hops_of(l->s, a) + hops_of(l->s, b);
    if (!good || !within_bounds(l, item->at, most)) {
        return false;
    }
    *wires = arena_array(l->arena, most, sizeof(**wires));
    *count = 0;
    bool known = !l->wires_incomplete;
    if (routers) {
        router_wires(l, a, b, *wires, count);
    } else {
        known = hop_wires(l, a, b, *wires, count);
        known = hop_wires(l, b, a, *wires, count) && known;
    }
    if (*count == 0 && known) {
        report_error(&l->report, item->at, "unknown-link", "there is no link \"%s\"",
                     report_quote(&l->report, item->text));
    }
    return *count > 0;
}

bool select_wires(struct loader *l, const struct value *v, uint32_t **items, size_t *count)
{
    if (!value_ok(v)) {
        return false;
    }
    uint32_t **parts = arena_array(l->arena, v->v.texts.count, sizeof(*parts));
    size_t *counts = arena_array(l->arena, v->v.texts.count, sizeof(*counts));
    size_t total = 0;
    bool good = true;
    for (size_t i = 0; i < v->v.texts.count; i++) {
        good = select_link(l, &v->v.texts.items[i], &parts[i], &counts[i]) && good;
        total += counts[i];
    }
    if (!good) {
        return false;
    }
    uint32_t *taken = arena_array(l->arena, total, sizeof(*taken));
    size_t n = 0;
    l->stamp++;
    for (size_t i = 0; i < v->v.texts.count; i++) {
        for (size_t k = 0; k < counts[i]; k++) {
            if (l->stamps[parts[i][k]] != l->stamp) {
                l->stamps[parts[i][k]] = l->stamp;
                taken[n++] = parts[i][k];
            }
        }
    }
    *items = taken;
    *count = n;
    return true;
}
