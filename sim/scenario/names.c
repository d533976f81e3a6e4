#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

/* --- names --------------------------------------------------------------------------------- */

bool names_add(struct names *names, const char *name, uint32_t index)
{
    uint64_t before;
    if (map_get_str(&names->index, name, &before)) {
        return false;
    }
    map_set_str(&names->index, name, index);
    *MEM_PUSH(names->items, names->count, names->capacity) = name;
    return true;
}

void names_fini(struct names *names)
{
    map_fini(&names->index);
    free(names->items);
}

uint32_t find_name(struct loader *l, const struct names *names, const char *name,
                   const struct tree *at, const char *code, const char *what)
{
    uint64_t index;
    if (map_get_str(&names->index, name, &index)) {
        return (uint32_t)index;
    }
    bool slip = false;
    if (names->gaps && names->count <= l->report.names_left) {
        l->report.names_left -= names->count;
        slip = diag_nearest(name, names->items, names->count) != NULL;
    }
    if (!names->incomplete && (slip || !names->gaps)) {
        struct diag *d = report_error(&l->report, at, code, "unknown %s \"%s\"", what,
                                      report_quote(&l->report, name));
        report_near(&l->report, d, name, names->items, names->count);
    }
    return SCENARIO_NONE;
}

/* --- extends ------------------------------------------------------------------------------- */

/* What is absent counts as complained about from now on. */
static void poison(const struct section *s, void *raw)
{
    for (size_t i = 0; i < s->count; i++) {
        struct value *v = field_value(&s->fields[i], raw);
        if (v->state == VALUE_ABSENT) {
            v->state = VALUE_BAD;
        }
        if (s->fields[i].type == FIELD_MAP) {
            poison(s->fields[i].section, raw);
        }
    }
}

static void inherit_all(const struct section *s, void *child, const void *parent)
{
    for (size_t i = 0; i < s->count; i++) {
        struct value *v = field_value(&s->fields[i], child);
        *v = *field_value_const(&s->fields[i], parent);
        v->state = v->state == VALUE_GIVEN ? VALUE_INHERITED : v->state;
    }
}

/* A nested mapping is inherited as a whole or not at all. */
static void inherit(const struct section *s, void *child, const void *parent)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        struct value *v = field_value(f, child);
        if (v->state != VALUE_ABSENT || strcmp(f->key, "extends") == 0) {
            continue;
        }
        *v = *field_value_const(f, parent);
        v->state = v->state == VALUE_GIVEN ? VALUE_INHERITED : v->state;
        if (f->type == FIELD_MAP) {
            inherit_all(f->section, child, parent);
        }
    }
}

struct family {
    struct loader *l;
    const struct section *section;
    struct entry **items;
    struct names *names;
    unsigned char *done; /* 0 not yet, 1 on the chain being followed, 2 done */
};

static const struct value *extends_of(const struct family *f, uint32_t i)
{
    return field_value_const(field_find(f->section, "extends"), f->items[i]);
}

/* Follows the chain of parents from `i` without recursion (a chain may be as long as the file),
 * then hands down from its end. */
static void follow(struct family *f, uint32_t i, uint32_t *chain)
{
    size_t len = 0;
    bool broken = false;
    while (f->done[i] == 0) {
        f->done[i] = 1;
        chain[len++] = i;
        const struct value *extends = extends_of(f, i);
        if (extends->state == VALUE_BAD) {
            broken = true;
            break;
        }
        if (extends->state == VALUE_ABSENT) {
            break;
        }
        uint32_t parent = find_name(f->l, f->names, extends->v.s, extends->at, "unknown-parent",
                                    f->section->title);
        if (parent == SCENARIO_NONE) {
            broken = true;
            break;
        }
        if (f->done[parent] == 1) {
            report_error(&f->l->report, extends->at, "extends-cycle",
                         "\"%s\" extends itself in the end",
                         report_quote(&f->l->report, f->items[i]->name));
            broken = true;
            break;
        }
        i = parent;
    }
    for (; len > 0; len--) {
        uint32_t child = chain[len - 1];
        const struct value *extends = extends_of(f, child);
        uint64_t parent;
        if (broken || f->items[child]->at->kind != TREE_MAP) {
            poison(f->section, f->items[child]);
            broken = true;
        } else if (value_ok(extends) && map_get_str(&f->names->index, extends->v.s, &parent)) {
            if (f->items[parent]->at->kind != TREE_MAP) {
                poison(f->section, f->items[child]);
            }
            inherit(f->section, f->items[child], f->items[parent]);
        }
        f->done[child] = 2;
    }
}

void resolve_named(struct loader *l, const struct section *s, const struct value *v,
                   struct names *names)
{
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    names->incomplete = names->incomplete || v->state == VALUE_BAD;
    struct family f = {.l = l, .section = s, .items = v->v.entries.items, .names = names};
    for (size_t i = 0; i < count; i++) {
        names_add(names, f.items[i]->name, (uint32_t)i);
    }
    f.done = mem_alloc(count);
    uint32_t *chain = mem_calloc(count, sizeof(*chain));
    for (size_t i = 0; i < count; i++) {
        follow(&f, (uint32_t)i, chain);
    }
    for (size_t i = 0; i < count; i++) {
        read_finish(&l->report, s, f.items[i]);
    }
    free(chain);
    free(f.done);
}

void *implicit_entry(struct loader *l, const struct section *s, struct value *v,
                     struct names *names, const char *name)
{
    struct tree *at = arena_alloc(l->arena, sizeof(*at));
    at->kind = TREE_MAP;
    struct entry *e = arena_alloc(l->arena, s->bytes);
    e->name = arena_strdup(l->arena, name);
    e->at = at;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    struct entry **items = arena_array(l->arena, count + 1, sizeof(*items));
    if (count > 0) {
        memcpy(items, v->v.entries.items, count * sizeof(struct entry *));
    }
    items[count] = e;
    v->v.entries.items = items;
    v->v.entries.count = count + 1;
    v->state = v->state == VALUE_ABSENT ? VALUE_DEFAULT : v->state;
    names_add(names, e->name, (uint32_t)count);
    return e;
}
