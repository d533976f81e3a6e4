#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/map.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/loader.h"
#include "sim/scenario/show.h"

enum { MOST_BOXES = 60 };

/* What is drawn: single nodes, or the entries they come from with numbers. */
struct box {
    const char *name;
    enum scenario_role role;
    uint32_t count; /* nodes it stands for */
    const char *device;
};

struct line {
    uint32_t a, b; /* boxes */
    uint32_t link; /* SCENARIO_NONE: inside a device */
    uint32_t count;
};

struct graph {
    struct box *boxes;
    size_t box_count;
    struct line *lines;
    size_t line_count;
};

static const char *device_name(const struct scenario *s, const struct scenario_node *n)
{
    return n->device != SCENARIO_NONE ? s->devices[n->device].name : NULL;
}

static uint32_t box_of(const struct scenario *s, uint32_t node)
{
    const struct storage *storage = s->storage;
    uint64_t index = 0;
    CHECK(map_get_str(&storage->entries, s->nodes[node].entry, &index));
    return (uint32_t)index;
}

static void graph_of_nodes(const struct scenario *s, struct graph *g)
{
    g->boxes = mem_calloc(s->node_count, sizeof(*g->boxes));
    for (size_t i = 0; i < s->node_count; i++) {
        const struct scenario_node *n = &s->nodes[i];
        g->boxes[g->box_count++] =
            (struct box){.name = n->id, .role = n->role, .count = 1, .device = device_name(s, n)};
    }
    g->lines = mem_calloc(s->wire_count + s->edge_count, sizeof(*g->lines));
    for (size_t i = 0; i < s->wire_count; i++) {
        const struct scenario_wire *w = &s->wires[i];
        g->lines[g->line_count++] =
            (struct line){.a = w->a, .b = w->b, .link = w->link, .count = 1};
    }
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        if (e->kind == HOP_INTERNAL) {
            g->lines[g->line_count++] =
                (struct line){.a = e->a, .b = e->b, .link = SCENARIO_NONE, .count = 1};
        }
    }
}

/* Wires of the same two entries over the same link become one line, in order of the first. */
static void join_line(const struct scenario *s, struct graph *g, struct map *seen, uint32_t from,
                      uint32_t to, uint32_t link)
{
    uint32_t a = box_of(s, from);
    uint32_t b = box_of(s, to);
    char key[64];
    uint64_t index;
    snprintf(key, sizeof(key), "%u--%u over %u", a, b, link);
    if (map_get_str(seen, key, &index)) {
        g->lines[index].count++;
        return;
    }
    map_set_str(seen, key, g->line_count);
    g->lines[g->line_count++] = (struct line){.a = a, .b = b, .link = link, .count = 1};
}

static void graph_of_entries(const struct scenario *s, struct graph *g)
{
    const struct storage *storage = s->storage;
    g->boxes = mem_calloc(storage->node_entry_count, sizeof(*g->boxes));
    for (size_t i = 0; i < storage->node_entry_count; i++) {
        const struct node_entry *e = &storage->node_entries[i];
        g->boxes[g->box_count++] = (struct box){.name = e->id, .role = e->role, .count = e->count};
    }
    struct map seen = {0};
    g->lines = mem_calloc(s->wire_count + s->edge_count, sizeof(*g->lines));
    for (size_t i = 0; i < s->wire_count; i++) {
        join_line(s, g, &seen, s->wires[i].a, s->wires[i].b, s->wires[i].link);
    }
    for (size_t i = 0; i < s->edge_count; i++) {
        if (s->edges[i].kind == HOP_INTERNAL) {
            join_line(s, g, &seen, s->edges[i].a, s->edges[i].b, SCENARIO_NONE);
        }
    }
    map_fini(&seen);
}

static void graph_make(const struct scenario *s, struct graph *g)
{
    *g = (struct graph){0};
    if (s->node_count <= MOST_BOXES) {
        graph_of_nodes(s, g);
    } else {
        graph_of_entries(s, g);
    }
}

static void graph_fini(struct graph *g)
{
    free(g->boxes);
    free(g->lines);
}

static void write_label(const struct box *b, const char *line_break, struct buf *out)
{
    buf_append_str(out, b->name);
    if (b->count > 1) {
        buf_printf(out, " x %u", b->count);
    }
    buf_printf(out, "%s%s", line_break, words_role[b->role]);
    if (b->device != NULL) {
        buf_printf(out, ", %s", b->device);
    }
}

static void write_line_label(const struct scenario *s, const struct line *line, struct buf *out)
{
    if (line->count > 1) {
        buf_printf(out, "%u x ", line->count);
    }
    buf_append_str(out, line->link != SCENARIO_NONE ? s->links[line->link].name : "one device");
}

void show_dot(const struct scenario *s, struct buf *out)
{
    static const char *const shapes[] = {"ellipse", "box", "box3d", "diamond"};
    struct graph g;
    graph_make(s, &g);
    buf_append_str(out, "graph ");
    json_string(s->name, out);
    buf_append_str(out, " {\n    rankdir=BT;\n    node [fontname=\"sans-serif\"];\n");
    for (size_t i = 0; i < g.box_count; i++) {
        buf_printf(out, "    n%zu [shape=%s, label=\"", i, shapes[g.boxes[i].role]);
        write_label(&g.boxes[i], "\\n", out);
        buf_append_str(out, "\"];\n");
    }
    for (size_t i = 0; i < g.line_count; i++) {
        buf_printf(out, "    n%u -- n%u [label=\"", g.lines[i].a, g.lines[i].b);
        write_line_label(s, &g.lines[i], out);
        buf_append_str(out, g.lines[i].link != SCENARIO_NONE ? "\"];\n" : "\", style=dashed];\n");
    }
    buf_append_str(out, "}\n");
    graph_fini(&g);
}

void show_mermaid(const struct scenario *s, struct buf *out)
{
    static const char *const open[] = {"([\"", "[\"", "[[\"", "{{\""};
    static const char *const shut[] = {"\"])", "\"]", "\"]]", "\"}}"};
    struct graph g;
    graph_make(s, &g);
    buf_append_str(out, "graph BT\n");
    for (size_t i = 0; i < g.box_count; i++) {
        enum scenario_role role = g.boxes[i].role;
        buf_printf(out, "    n%zu%s", i, open[role]);
        write_label(&g.boxes[i], "<br/>", out);
        buf_printf(out, "%s\n", shut[role]);
    }
    for (size_t i = 0; i < g.line_count; i++) {
        buf_printf(out, "    n%u %s|\"", g.lines[i].a,
                   g.lines[i].link != SCENARIO_NONE ? "---" : "-.-");
        write_line_label(s, &g.lines[i], out);
        buf_printf(out, "\"| n%u\n", g.lines[i].b);
    }
    graph_fini(&g);
}
