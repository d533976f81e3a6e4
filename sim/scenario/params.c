#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/loader.h"

enum { LONGEST_VALUE = 4096 };

struct param {
    const char *name;
    struct tree *value;
    bool used;
    bool resolved;
    bool open; /* being filled in: met again, it contains itself */
};

struct params {
    struct loader *l;
    struct param *items;
    size_t count;
    struct map index;
    const char **names;
};

static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* --- $name --------------------------------------------------------------------------------- */

static bool substitute(struct params *p, struct tree *t);

static struct param *find_param(struct params *p, const struct tree *at, const char *name)
{
    struct report *r = &p->l->report;
    uint64_t index;
    if (!map_get_str(&p->index, name, &index)) {
        struct diag *d =
            report_error(r, at, "unknown-param", "unknown parameter \"%s\"", report_quote(r, name));
        report_near(r, d, name, p->names, p->count);
        return NULL;
    }
    CHECK(index < p->count && p->items != NULL);
    struct param *param = &p->items[index];
    param->used = true;
    if (param->open) {
        report_error(r, at, "param-cycle", "the parameter \"%s\" contains itself", name);
        return NULL;
    }
    if (!param->resolved) {
        param->open = true;
        if (!substitute(p, param->value)) {
            param->value->kind = TREE_BAD;
        }
        param->open = false;
        param->resolved = true;
    }
    return param->value->kind == TREE_SCALAR ? param : NULL;
}

/* "$n", "${n}": the name into `*ret`, and what follows. NULL where the dollar means itself. */
static const char *take_name(struct params *p, const char *s, const char **ret)
{
    bool braces = s[1] == '{';
    const char *start = s + 1 + braces;
    size_t len = 0;
    while (name_char(start[len], len == 0)) {
        len++;
    }
    if (len == 0 || (braces && start[len] != '}')) {
        return NULL;
    }
    *ret = arena_strndup(p->l->arena, start, len);
    return start + len + braces;
}

static const char *place_of(struct params *p, const struct tree *t)
{
    return t->source->command_line ? t->source->name
                                   : arena_printf(p->l->arena, "%s:%d", t->source->name, t->line);
}

/* Fills the parameters of a scalar in; false after a complaint. */
static bool substitute(struct params *p, struct tree *t)
{
    if (t->kind != TREE_SCALAR || strchr(t->text, '$') == NULL) {
        return t->kind != TREE_BAD;
    }
    struct buf out = {0};
    bool good = true;
    bool whole = true;
    for (const char *s = t->text; *s != '\0' && good;) {
        const char *name = NULL;
        const char *rest = *s == '$' && s[1] != '$' ? take_name(p, s, &name) : NULL;
        if (rest == NULL) {
            buf_append_u8(&out, (uint8_t)*s);
            s += *s == '$' && s[1] == '$' ? 2 : 1;
            whole = false;
            continue;
        }
        const struct param *param = find_param(p, t, name);
        good = param != NULL;
        if (good) {
            buf_append_str(&out, param->value->text);
            whole = whole && s == t->text && *rest == '\0';
            t->quoted = whole ? param->value->quoted : t->quoted;
            t->note = arena_printf(p->l->arena, "%s%s$%s of %s", t->note != NULL ? t->note : "",
                                   t->note != NULL ? ", " : "", name, place_of(p, param->value));
        }
        if (good && buf_len(&out) > LONGEST_VALUE) {
            report_error(&p->l->report, t, "out-of-range",
                         "with its parameters filled in this value is too long");
            good = false;
        }
        s = rest;
    }
    char *text = buf_steal_str(&out);
    if (good) {
        t->text = arena_strdup(p->l->arena, text);
    } else {
        t->kind = TREE_BAD;
    }
    free(text);
    return good;
}

static void substitute_all(struct params *p, struct tree *t)
{
    if (t->kind == TREE_SCALAR) {
        substitute(p, t);
        return;
    }
    for (struct tree *c = t->first; c != NULL; c = c->next) {
        substitute_all(p, c);
    }
}

static void collect(struct params *p, struct tree *section)
{
    struct loader *l = p->l;
    size_t most = tree_count(section);
    p->items = arena_array(l->arena, most, sizeof(*p->items));
    p->names = arena_array(l->arena, most, sizeof(*p->names));
    for (struct tree *t = section->first; t != NULL; t = t->next) {
        const char *name = t->key->text;
        size_t len = 0;
        while (name_char(name[len], len == 0)) {
            len++;
        }
        if (strncmp(name, "x-", 2) == 0) {
            continue;
        }
        if (len == 0 || name[len] != '\0') {
            report_error(&l->report, t->key, "bad-name",
                         "\"%s\" is no good as a parameter: letters, digits and '_'",
                         report_quote(&l->report, name));
            continue;
        }
        static const struct field scalar = {.key = "a parameter", .type = FIELD_TEXT};
        if (t->kind != TREE_SCALAR) {
            if (t->kind != TREE_BAD) {
                report_error(&l->report, t, "wrong-type", "a parameter is a single value");
            }
            t->kind = TREE_BAD;
        } else if (!parse_is_scalar(&l->report, &scalar, t)) {
            t->kind = TREE_BAD;
        }
        p->names[p->count] = name;
        map_set_str(&p->index, name, p->count);
        p->items[p->count++] = (struct param){.name = name, .value = t};
    }
}

/* --- --set --------------------------------------------------------------------------------- */

static struct source *set_source(struct loader *l, const char *name, const char *value)
{
    struct source *s = arena_alloc(l->arena, sizeof(*s));
    s->name = arena_printf(l->arena, "--set %s", report_quote(&l->report, name));
    s->text = arena_strdup(l->arena, value);
    s->len = strlen(value);
    s->command_line = true;
    return s;
}

/* The value as YAML where it is a list, a mapping or quoted, else as plain text. */
static struct tree *set_value(struct loader *l, const struct source *s)
{
    if (!yaml_check_text(&l->report, s)) {
        return NULL;
    }
    if (s->len > 0 && strchr("[{\"'", s->text[0]) != NULL) {
        struct tree *t = yaml_parse(&l->report, s);
        return t;
    }
    struct tree *t = arena_alloc(l->arena, sizeof(*t));
    *t = (struct tree){.kind = TREE_SCALAR, .source = s, .line = 1, .column = 1, .text = s->text};
    return t;
}

/* The member of a mapping, or the entry of a list by its id. */
static struct tree *descend(struct tree *t, const char *name)
{
    if (t->kind == TREE_MAP) {
        return tree_get(t, name);
    }
    for (struct tree *c = t->kind == TREE_LIST ? t->first : NULL; c != NULL; c = c->next) {
        const struct tree *id = tree_get(c, "id");
        if (id != NULL && id->kind == TREE_SCALAR && strcmp(id->text, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static struct tree *append_member(struct loader *l, struct tree *map, const struct source *s,
                                  const char *name)
{
    struct tree *key = arena_alloc(l->arena, sizeof(*key));
    *key = (struct tree){.kind = TREE_SCALAR, .source = s, .line = 1, .column = 1, .text = name};
    struct tree *t = arena_alloc(l->arena, sizeof(*t));
    *t = (struct tree){.kind = TREE_MAP, .source = s, .line = 1, .column = 1, .key = key};
    struct tree **at = &map->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = t;
    return t;
}

static void unknown_path(struct loader *l, const struct tree *in, const struct source *s,
                         const char *name)
{
    const char **names = arena_array(l->arena, tree_count(in), sizeof(*names));
    size_t count = 0;
    for (const struct tree *c = in->kind == TREE_LIST ? in->first : NULL; c != NULL; c = c->next) {
        const struct tree *id = tree_get(c, "id");
        if (id != NULL && id->kind == TREE_SCALAR) {
            names[count++] = id->text;
        }
    }
    struct diag *d = report_at(&l->report, DIAG_ERROR, s, 0, 0, 0, "unknown-path",
                               in->kind == TREE_LIST ? "there is no entry with the id \"%s\""
                                                     : "nothing lies below a single value: \"%s\"",
                               report_quote(&l->report, name));
    report_near(&l->report, d, name, names, count);
}

static void set_path(struct loader *l, const struct source *s, const char *path,
                     const struct tree *value)
{
    struct tree *at = l->root;
    for (const char *p = path; *p != '\0';) {
        size_t len = strcspn(p, ".");
        const char *name = arena_strndup(l->arena, p, len);
        p += len + (p[len] == '.');
        struct tree *below = descend(at, name);
        if (below == NULL && at->kind == TREE_SCALAR && at->text[0] == '\0') {
            at->kind = TREE_MAP; /* a section that was there without anything in it */
            at->first = NULL;
        }
        if (below == NULL && at->kind != TREE_MAP) {
            if (at->kind != TREE_BAD) {
                unknown_path(l, at, s, name);
            }
            return;
        }
        at = below != NULL ? below : append_member(l, at, s, name);
    }
    struct tree *next = at->next;
    struct tree *key = at->key;
    *at = *value;
    at->next = next;
    at->key = key;
}

static void unknown_set(struct loader *l, const struct source *s, const char *name,
                        const struct tree *section)
{
    size_t most = section_scenario.count + (section != NULL ? tree_count(section) : 0);
    const char **names = arena_array(l->arena, most, sizeof(*names));
    size_t count = 0;
    for (const struct tree *t = section != NULL ? section->first : NULL; t != NULL; t = t->next) {
        names[count++] = t->key->text;
    }
    for (size_t i = 0; i < section_scenario.count; i++) {
        names[count++] = section_scenario.fields[i].key;
    }
    struct diag *d =
        report_at(&l->report, DIAG_ERROR, s, 0, 0, 0, "unknown-param",
                  "there is no parameter \"%s\", and no path such as run.until of that name",
                  report_quote(&l->report, name));
    report_near(&l->report, d, name, names, count);
}

static void apply_set(struct loader *l, const char *set, struct tree *section)
{
    const char *equals = strchr(set, '=');
    if (equals == NULL || equals == set) {
        struct source s = {.name = "--set", .command_line = true};
        struct diag *d = report_at(&l->report, DIAG_ERROR, &s, 0, 0, 0, "bad-set",
                                   "\"%s\" does not say what to set to which value",
                                   report_quote(&l->report, set));
        report_hint(d, "write NAME=VALUE");
        return;
    }
    const char *name = arena_strndup(l->arena, set, (size_t)(equals - set));
    const struct source *s = set_source(l, name, equals + 1);
    size_t told = l->report.told;
    struct tree *value = set_value(l, s);
    if (value == NULL) {
        if (l->report.told == told) {
            report_at(&l->report, DIAG_ERROR, s, 0, 0, 0, "bad-set", "this sets nothing");
        }
        return;
    }
    struct tree *param = section != NULL ? tree_get(section, name) : NULL;
    if (param != NULL) {
        struct tree *next = param->next;
        struct tree *key = param->key;
        *param = *value;
        param->next = next;
        param->key = key;
    } else if (strchr(name, '.') != NULL || field_find(&section_scenario, name) != NULL) {
        set_path(l, s, name, value);
    } else {
        unknown_set(l, s, name, section);
    }
}

static struct tree *params_section(struct loader *l)
{
    struct tree *section = tree_get(l->root, "params");
    return section != NULL && section->kind == TREE_MAP ? section : NULL;
}

void params_set(struct loader *l)
{
    for (size_t i = 0; l->options != NULL && i < l->options->set_count; i++) {
        apply_set(l, l->options->sets[i], params_section(l));
    }
}

void params_fill(struct loader *l)
{
    const struct tree *given = tree_get(l->root, "params");
    struct tree *section = params_section(l);
    bool empty =
        given != NULL && given->kind == TREE_SCALAR && !given->quoted && given->text[0] == '\0';
    if (given != NULL && section == NULL && given->kind != TREE_BAD && !empty) {
        report_error(&l->report, given, "wrong-type", "\"params\" is a mapping");
    }
    struct params p = {.l = l};
    if (section != NULL) {
        collect(&p, section);
    }
    for (struct tree *t = l->root->first; t != NULL; t = t->next) {
        if (t != section) {
            substitute_all(&p, t);
        }
    }
    for (size_t i = 0; i < p.count; i++) {
        if (!p.items[i].used) {
            report_warning(&l->report, p.items[i].value->key, "unused-param",
                           "the parameter \"%s\" is not used anywhere", p.items[i].name);
        }
    }
    map_fini(&p.index);
}
