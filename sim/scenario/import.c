/* `import`: a graph from a GraphML file becomes entries of `nodes` and `wires`, as if they stood in
 * the scenario, at the places they have in the GraphML file. Whatever is wrong with them is then
 * told by those who read these sections. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/graphml.h"
#include "sim/scenario/loader.h"

enum { LONGEST_NAME = 60 };

/* Mean radius of the earth (IUGG), and the speed of light in glass, taken as 2/3 of that in vacuum:
 * metres, metres per second. */
#define EARTH_RADIUS 6371008.8
#define LIGHT_IN_FIBRE (299792458.0 * 2 / 3)

struct place {
    bool known;
    double latitude, longitude; /* radians */
};

struct import {
    struct loader *l;
    const struct raw_scenario *raw;
    struct graphml g;
    const char **names; /* of the routers */
    struct place *places;
    struct map by_id;
    struct map joined; /* pairs of nodes, where only their first edge counts */
};

/* --- trees --------------------------------------------------------------------------------- */

static struct tree *scalar(struct loader *l, const struct tree *at, const char *text, bool quoted)
{
    struct tree *t = arena_alloc(l->arena, sizeof(*t));
    *t = (struct tree){.kind = TREE_SCALAR,
                       .quoted = quoted,
                       .line = at->line,
                       .column = at->column,
                       .length = at->length,
                       .source = at->source,
                       .note = at->note,
                       .text = text};
    return t;
}

static struct tree *container(struct loader *l, enum tree_kind kind, const struct tree *at)
{
    struct tree *t = scalar(l, at, NULL, false);
    t->kind = kind;
    return t;
}

static void append(struct tree *to, struct tree *t)
{
    struct tree **at = &to->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = t;
}

static void add_member(struct loader *l, struct tree *map, const char *key, struct tree *value)
{
    value->key = scalar(l, value, key, false);
    append(map, value);
}

/* The list `key` of the scenario, made where there is none; NULL when something else stands there.
 */
static struct tree *top_list(struct loader *l, const char *key, const struct tree *at)
{
    struct tree *list = tree_get(l->root, key);
    if (list == NULL) {
        list = container(l, TREE_LIST, at);
        add_member(l, l->root, key, list);
    }
    return list->kind == TREE_LIST ? list : NULL;
}

/* --- names --------------------------------------------------------------------------------- */

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and single '_', '.', '-' between them; whatever else there is becomes one '_'. */
static const char *fit(struct loader *l, const char *text)
{
    char *name = arena_strdup(l->arena, text);
    size_t len = 0;
    for (const char *s = text; *s != '\0' && len < LONGEST_NAME; s++) {
        if (plain(*s)) {
            name[len++] = *s;
        } else if (len > 0 && plain(name[len - 1])) {
            name[len++] = *s == '.' || *s == '-' ? *s : '_';
        } else if (len > 0) {
            name[len - 1] = '_';
        }
    }
    while (len > 0 && !plain(name[len - 1])) {
        len--;
    }
    name[len] = '\0';
    return name;
}

static void count_name(struct map *counts, const char *name)
{
    uint64_t n = 0;
    map_get_str(counts, name, &n);
    map_set_str(counts, name, n + 1);
}

static bool is_single(const struct map *counts, const char *name)
{
    uint64_t n = 0;
    return name[0] != '\0' && map_get_str(counts, name, &n) && n == 1;
}

/* The label where nothing else in the file is called so, else the id. */
static bool name_routers(struct import *i)
{
    bool good = true;
    struct map counts = {0};
    struct map taken = {0};
    for (size_t n = 0; n < i->g.node_count; n++) {
        const struct graphml_node *node = &i->g.nodes[n];
        const struct tree *label = node->items[GRAPHML_LABEL];
        const char *id = fit(i->l, node->id->text);
        const char *name = label != NULL ? fit(i->l, label->text) : id;
        count_name(&counts, id);
        if (strcmp(name, id) != 0) {
            count_name(&counts, name);
        }
    }
    for (size_t n = 0; n < i->g.node_count; n++) {
        const struct graphml_node *node = &i->g.nodes[n];
        const struct tree *label = node->items[GRAPHML_LABEL];
        const char *name = label != NULL ? fit(i->l, label->text) : "";
        name = is_single(&counts, name) ? name : fit(i->l, node->id->text);
        uint64_t before;
        if (name[0] == '\0') {
            report_error(&i->l->report, node->id, "bad-name",
                         "\"%s\" has no letter or digit to make a name of",
                         report_quote(&i->l->report, node->id->text));
            good = false;
        } else if (map_get_str(&taken, name, &before)) {
            report_error(&i->l->report, node->id, "duplicate-id",
                         "\"%s\" and \"%s\" (line %d) would both be named \"%s\"",
                         report_quote(&i->l->report, node->id->text),
                         report_quote(&i->l->report, i->g.nodes[before].id->text),
                         i->g.nodes[before].id->line, name);
            good = false;
        } else {
            map_set_str(&taken, name, n);
            i->names[n] = name;
        }
    }
    map_fini(&counts);
    map_fini(&taken);
    return good;
}

/* --- nodes --------------------------------------------------------------------------------- */

static bool degrees(struct loader *l, const struct tree *t, double limit, double *radians)
{
    char *end;
    if (t == NULL) {
        return false;
    }
    double v = strtod(t->text, &end);
    if (end == t->text || *end != '\0' || !(fabs(v) <= limit)) {
        report_error(&l->report, t, "bad-value", "\"%s\" is no number of degrees from %g to %g",
                     report_quote(&l->report, t->text), -limit, limit);
        return false;
    }
    *radians = v * (M_PI / 180);
    return true;
}

static bool index_nodes(struct import *i)
{
    bool good = true;
    for (size_t n = 0; n < i->g.node_count; n++) {
        const struct graphml_node *node = &i->g.nodes[n];
        struct place *p = &i->places[n];
        uint64_t before;
        if (map_get_str(&i->by_id, node->id->text, &before)) {
            report_error(&i->l->report, node->id, "duplicate-id",
                         "a node \"%s\" is defined already, in line %d",
                         report_quote(&i->l->report, node->id->text), i->g.nodes[before].id->line);
            good = false;
            continue;
        }
        map_set_str(&i->by_id, node->id->text, n);
        bool latitude = degrees(i->l, node->items[GRAPHML_LATITUDE], 90, &p->latitude);
        p->known = degrees(i->l, node->items[GRAPHML_LONGITUDE], 180, &p->longitude) && latitude;
    }
    return good && name_routers(i);
}

static void add_routers(struct import *i)
{
    struct loader *l = i->l;
    const struct tree *at = i->raw->graphml.at;
    struct tree *list = top_list(l, "nodes", at);
    if (list == NULL) {
        return;
    }
    struct tree *entry = container(l, TREE_MAP, at);
    struct tree *names = container(l, TREE_LIST, at);
    const struct value *prefix = &i->raw->import_prefix;
    add_member(l, entry, "id", scalar(l, prefix->at != NULL ? prefix->at : at, prefix->v.s, true));
    add_member(l, entry, "role", scalar(l, at, "router", false));
    struct tree **tail = &names->first;
    for (size_t n = 0; n < i->g.node_count; n++) {
        *tail = scalar(l, i->g.nodes[n].id, i->names[n], true);
        tail = &(*tail)->next;
    }
    add_member(l, entry, "names", names);
    append(list, entry);
}

/* --- edges --------------------------------------------------------------------------------- */

/* How long light takes along the great circle (haversine formula), as a text with unit. */
static const char *flight(struct loader *l, const struct place *a, const struct place *b)
{
    double dlat = sin((b->latitude - a->latitude) / 2);
    double dlon = sin((b->longitude - a->longitude) / 2);
    double h = dlat * dlat + cos(a->latitude) * cos(b->latitude) * dlon * dlon;
    double metres = 2 * EARTH_RADIUS * asin(sqrt(h < 1 ? h : 1));
    return arena_printf(l->arena, "%.0f ns", metres / LIGHT_IN_FIBRE * 1e9);
}

/* A plain number has the unit that the format of GraphML data gives it; with a unit it stays. */
static struct tree *quantity(struct loader *l, const struct tree *t, const char *unit)
{
    size_t len = strlen(t->text);
    bool bare = len > 0 && (plain(t->text[len - 1]) || t->text[len - 1] == '.') &&
                strspn(t->text, "+-.0123456789eE") == len;
    return scalar(l, t, bare ? arena_printf(l->arena, "%s %s", t->text, unit) : t->text, false);
}

static bool find_end(struct import *i, const struct tree *t, size_t *ret)
{
    uint64_t index;
    if (!map_get_str(&i->by_id, t->text, &index)) {
        report_error(&i->l->report, t, "unknown-node", "this file has no node \"%s\"",
                     report_quote(&i->l->report, t->text));
        return false;
    }
    *ret = index;
    return true;
}

static bool find_ends(struct import *i, const struct graphml_edge *e, size_t ends[2])
{
    bool good = find_end(i, e->source, &ends[0]);
    return find_end(i, e->target, &ends[1]) && good;
}

static struct tree *make_wire(struct import *i, const struct graphml_edge *e)
{
    struct loader *l = i->l;
    size_t ends[2];
    if (!find_ends(i, e, ends)) {
        return NULL;
    }
    struct tree *wire = container(l, TREE_MAP, e->at);
    struct tree *between = container(l, TREE_LIST, e->at);
    const struct tree *const places[] = {e->source, e->target};
    for (size_t k = 0; k < 2; k++) {
        append(between,
               scalar(l, places[k],
                      arena_printf(l->arena, "%s/%s", i->raw->import_prefix.v.s, i->names[ends[k]]),
                      true));
    }
    add_member(l, wire, "between", between);
    const struct tree *link = e->items[GRAPHML_LINK];
    link = link != NULL ? link : i->raw->import_link.at;
    add_member(l, wire, "link", scalar(l, link, link->text, true));
    const struct place *a = &i->places[ends[0]];
    const struct place *b = &i->places[ends[1]];
    if (e->items[GRAPHML_DELAY] != NULL) {
        add_member(l, wire, "delay", quantity(l, e->items[GRAPHML_DELAY], "ms"));
    } else if (a->known && b->known) {
        add_member(l, wire, "delay", scalar(l, e->at, flight(l, a, b), false));
    }
    if (e->items[GRAPHML_RATE] != NULL) {
        add_member(l, wire, "rate", quantity(l, e->items[GRAPHML_RATE], "bit/s"));
    }
    if (e->items[GRAPHML_MTU] != NULL) {
        add_member(l, wire, "mtu", quantity(l, e->items[GRAPHML_MTU], "B"));
    }
    return wire;
}

/* Whether an edge is one more between its nodes, and is to be passed over. */
static bool is_surplus(struct import *i, const struct graphml_edge *e)
{
    uint64_t a;
    uint64_t b;
    uint64_t before;
    if (i->raw->import_double.v.i == 0 || !map_get_str(&i->by_id, e->source->text, &a) ||
        !map_get_str(&i->by_id, e->target->text, &b)) {
        return false;
    }
    uint64_t key = a < b ? a << 32 | b : b << 32 | a;
    if (map_get(&i->joined, key, &before)) {
        return true;
    }
    map_set(&i->joined, key, 1);
    return false;
}

static void add_wires(struct import *i)
{
    struct tree *list = top_list(i->l, "wires", i->raw->graphml.at);
    if (list == NULL) {
        return;
    }
    struct tree **tail = &list->first;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    for (size_t n = 0; n < i->g.edge_count; n++) {
        if (is_surplus(i, &i->g.edges[n])) {
            continue;
        }
        *tail = make_wire(i, &i->g.edges[n]);
        if (*tail != NULL) {
            tail = &(*tail)->next;
        } else {
            i->l->wires_incomplete = true;
        }
    }
}

/* --- the key ------------------------------------------------------------------------------- */

static bool import_graph(struct import *i)
{
    struct loader *l = i->l;
    const struct value *file = &i->raw->graphml;
    const struct source *s = files_beside(l, file->v.s, file->at);
    if (s == NULL || !graphml_read(&l->report, s, &i->g)) {
        return false;
    }
    if (i->g.node_count == 0) {
        report_error(&l->report, file->at, "empty-selection", "this graph has no nodes");
        return false;
    }
    i->names = mem_calloc(i->g.node_count, sizeof(*i->names));
    i->places = mem_calloc(i->g.node_count, sizeof(*i->places));
    if (!index_nodes(i)) {
        size_t ends[2];
        for (size_t n = 0; n < i->g.edge_count; n++) {
            find_ends(i, &i->g.edges[n], ends); /* for their complaints */
        }
        return false;
    }
    add_routers(i);
    add_wires(i);
    return true;
}

void import_resolve(struct loader *l)
{
    struct tree **at = &l->root->first;
    while (*at != NULL && strcmp((*at)->key->text, "import") != 0) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return;
    }
    /* Taken out of the tree: what it stands for comes in. */
    struct tree member = **at;
    *at = member.next;
    member.next = NULL;
    struct tree only = {.kind = TREE_MAP, .source = member.source, .first = &member};
    struct raw_scenario raw = {.head.at = &member};
    struct import i = {.l = l, .raw = &raw};
    read_given(&l->report, &section_scenario, &only, &raw);
    if (raw.import.state == VALUE_GIVEN) {
        read_finish(&l->report, &section_import, &raw);
    }
    bool good = raw.import.state == VALUE_GIVEN && value_ok(&raw.graphml) &&
                value_ok(&raw.import_link) && value_ok(&raw.import_prefix) &&
                value_ok(&raw.import_double) && import_graph(&i);
    if (!good) {
        l->nodes.incomplete = l->wires_incomplete = true;
    }
    graphml_fini(&i.g);
    map_fini(&i.by_id);
    map_fini(&i.joined);
    free(i.names);
    free(i.places);
}
