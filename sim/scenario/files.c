#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/core/buf.h"
#include "sim/scenario/loader.h"

enum { MOST_OCTETS = 64 << 20, MOST_FILES = 1000, MOST_INCLUDE_DEPTH = 32 };

/* A file that was read; the same file included twice counts once. */
struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    bool open; /* its includes are being read */
};

static void read_all(FILE *in, struct buf *text)
{
    size_t got;
    do {
        uint8_t *room = buf_reserve(text, 65536);
        got = fread(room, 1, 65536, in);
        buf_commit(text, got);
    } while (got > 0 && buf_len(text) <= MOST_OCTETS);
}

static void cannot_read(struct loader *l, const char *path, const struct tree *at, const char *why)
{
    if (at != NULL) {
        report_error(&l->report, at, "cannot-read", "cannot read %s: %s",
                     report_quote(&l->report, path), why);
    } else {
        struct source s = {.name = path};
        report_at(&l->report, DIAG_ERROR, &s, 0, 0, 0, "cannot-read", "cannot read this file: %s",
                  why);
    }
}

static struct source *read_source(struct loader *l, const char *path, const struct tree *at,
                                  struct stat *identity)
{
    FILE *in = fopen(path, "rbe");
    if (in == NULL || fstat(fileno(in), identity) != 0) {
        cannot_read(l, path, at, strerror(errno));
        if (in != NULL) {
            fclose(in);
        }
        return NULL;
    }
    struct buf text = {0};
    errno = 0;
    read_all(in, &text);
    size_t len = buf_len(&text);
    const char *why = ferror(in)          ? strerror(errno)
                      : len > MOST_OCTETS ? "it is larger than 64 MiB"
                                          : NULL;
    fclose(in);
    if (why != NULL) {
        cannot_read(l, path, at, why);
        buf_fini(&text);
        return NULL;
    }
    struct source *s = arena_alloc(l->arena, sizeof(*s));
    s->name = arena_strdup(l->arena, path);
    s->text = arena_strndup(l->arena, len > 0 ? (const char *)buf_span(&text).data : "", len);
    s->len = len;
    buf_fini(&text);
    return s;
}

/* --- merging ------------------------------------------------------------------------------- */

static struct tree **tail_of(struct tree *t)
{
    struct tree **at = &t->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    return at;
}

static void twice(struct loader *l, const struct tree *again, const struct tree *first)
{
    report_error(&l->report, again->key, "defined-twice", "\"%s\" is defined in %s:%d as well",
                 report_quote(&l->report, again->key->text), first->key->source->name,
                 first->key->line);
}

/* Adds the members of `over` to `base`: one that is there already is replaced (`strong`), or an
 * error. */
static void merge_members(struct loader *l, struct tree *base, struct tree *over, bool strong)
{
    struct map seen = {0};
    struct tree **tail = &base->first;
    for (struct tree *t = base->first; t != NULL; t = t->next) {
        map_set_str(&seen, t->key->text, (uint64_t)(uintptr_t)t);
        tail = &t->next;
    }
    for (struct tree *t = over->first, *next = NULL; t != NULL; t = next) {
        next = t->next;
        t->next = NULL;
        uint64_t value;
        if (!map_get_str(&seen, t->key->text, &value)) {
            *tail = t;
            tail = &t->next;
        } else if (strong) {
            struct tree *old = (struct tree *)(uintptr_t)value;
            struct tree *after = old->next;
            *old = *t;
            old->next = after;
            tail = after == NULL ? &old->next : tail;
        } else {
            twice(l, t, (const struct tree *)(uintptr_t)value);
        }
    }
    map_fini(&seen);
}

static void merge(struct loader *l, const struct section *s, struct tree *base, struct tree *over,
                  bool strong)
{
    for (struct tree *t = over->first, *next = NULL; t != NULL; t = next) {
        next = t->next;
        t->next = NULL;
        const struct field *f = field_find(s, t->key->text);
        struct tree *old = f != NULL ? tree_get(base, t->key->text) : NULL;
        bool alike = old != NULL && old->kind == t->kind;
        if (!alike) {
            *tail_of(base) = t; /* of unlike kinds one is wrong: keep both to be complained about */
        } else if (f->type == FIELD_MAP && t->kind == TREE_MAP) {
            merge(l, f->section, old, t, strong);
        } else if ((f->type == FIELD_NAMED || f->type == FIELD_PARAMS) && t->kind == TREE_MAP) {
            merge_members(l, old, t, strong);
        } else if (f->type == FIELD_LIST && t->kind == TREE_LIST) {
            *tail_of(old) = t->first;
        } else if (strong) {
            struct tree *after = old->next;
            *old = *t;
            old->next = after;
        } else {
            twice(l, t, old);
        }
    }
}

/* --- includes ------------------------------------------------------------------------------ */

static struct tree *load_file(struct loader *l, const char *path, const struct tree *at,
                              size_t depth);

static void unlink_member(struct tree *map, const char *key)
{
    for (struct tree **at = &map->first; *at != NULL;) {
        if (strcmp((*at)->key->text, key) == 0) {
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
}

static const char *beside(struct loader *l, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    return name[0] == '/' || slash == NULL
               ? name
               : arena_printf(l->arena, "%.*s%s", (int)(slash - path + 1), path, name);
}

/* What holds for the file that is asked for only, not for those it includes. */
static void drop_own_keys(struct loader *l, struct tree *t)
{
    const struct tree *version = tree_get(t, "cpns");
    if (version != NULL && version->kind != TREE_BAD &&
        (version->kind != TREE_SCALAR || strcmp(version->text, "1") != 0)) {
        report_error(&l->report, version, "unknown-version",
                     "this version of cpnsim reads major version 1 of the format");
    }
    unlink_member(t, "cpns");
    unlink_member(t, "name");
    unlink_member(t, "description");
}

static struct tree *load_includes(struct loader *l, const char *path, struct tree *own,
                                  size_t depth)
{
    const struct tree *include = tree_get(own, "include");
    if (include == NULL) {
        return own;
    }
    struct raw_scenario raw = {0};
    struct tree only = {.kind = TREE_MAP, .source = own->source};
    struct tree member = *include;
    member.next = NULL;
    only.first = &member;
    read_given(&l->report, &section_scenario, &only, &raw);
    unlink_member(own, "include");
    struct tree *base = NULL;
    for (size_t i = 0; i < raw.include.v.texts.count && raw.include.state == VALUE_GIVEN; i++) {
        const struct text_item *item = &raw.include.v.texts.items[i];
        struct tree *t = load_file(l, beside(l, path, item->text), item->at, depth + 1);
        if (t == NULL) {
            continue;
        }
        drop_own_keys(l, t);
        if (base == NULL) {
            base = t;
        } else {
            merge(l, &section_scenario, base, t, false);
        }
    }
    if (base == NULL) {
        return own;
    }
    merge(l, &section_scenario, base, own, true);
    base->source = own->source; /* missing keys are missing here */
    base->line = own->line;
    base->column = own->column;
    return base;
}

static struct file *find_file(struct loader *l, const struct stat *identity, size_t *count)
{
    *count = 0;
    for (struct file *f = l->files; f != NULL; f = f->next) {
        (*count)++;
        if (f->device == identity->st_dev && f->inode == identity->st_ino) {
            return f;
        }
    }
    return NULL;
}

static struct tree *parse_root(struct loader *l, const struct source *s)
{
    if (!yaml_check_text(&l->report, s)) {
        return NULL;
    }
    size_t before = l->report.told;
    struct tree *t = yaml_parse(&l->report, s);
    if (t == NULL) {
        if (l->report.told == before) {
            report_at(&l->report, DIAG_ERROR, s, 1, 1, 1, "empty-file",
                      "this file holds no scenario: it is empty");
        }
        return NULL;
    }
    if (t->kind != TREE_MAP) {
        if (t->kind != TREE_BAD) {
            report_error(&l->report, t, "wrong-type",
                         "a scenario is a mapping with keys such as \"cpns\" and \"nodes\"");
        }
        return NULL;
    }
    return t;
}

/* Names may be missing now: references to them are no errors of their own. */
static struct tree *incomplete(struct loader *l)
{
    l->policies.incomplete = l->devices.incomplete = l->links.incomplete = true;
    l->nodes.incomplete = l->pns.incomplete = l->groups.incomplete = true;
    return NULL;
}

static struct tree *load_file(struct loader *l, const char *path, const struct tree *at,
                              size_t depth)
{
    struct stat identity;
    struct source *s = read_source(l, path, at, &identity);
    if (s == NULL) {
        return incomplete(l);
    }
    size_t count;
    const struct file *known = find_file(l, &identity, &count);
    if (known != NULL && S_ISREG(identity.st_mode)) {
        if (known->open) {
            report_error(&l->report, at, "include-cycle", "%s includes itself in the end",
                         report_quote(&l->report, path));
        }
        return known->open ? incomplete(l) : NULL;
    }
    if (count == MOST_FILES || depth == MOST_INCLUDE_DEPTH) {
        report_error(&l->report, at, "too-deep", "more than %d files, or includes %d deep",
                     MOST_FILES, MOST_INCLUDE_DEPTH);
        return incomplete(l);
    }
    *l->source_tail = s;
    l->source_tail = &s->next;
    struct file *f = arena_alloc(l->arena, sizeof(*f));
    *f = (struct file){
        .next = l->files, .device = identity.st_dev, .inode = identity.st_ino, .open = true};
    l->files = f;
    struct tree *t = parse_root(l, s);
    t = t != NULL ? load_includes(l, path, t, depth) : incomplete(l);
    f->open = false;
    return t;
}

struct tree *files_load(struct loader *l, const char *path)
{
    l->source_tail = &l->sources;
    return load_file(l, path, NULL, 0);
}

static const char *path_from(struct loader *l, const char *name, const struct tree *at)
{
    bool own = at->source != NULL && !at->source->command_line;
    return own ? beside(l, at->source->name, name) : name;
}

const char *files_absolute(struct loader *l, const char *name, const struct tree *at)
{
    const char *path = path_from(l, name, at);
    char *resolved = realpath(path, NULL);
    const char *copy = arena_strdup(l->arena, resolved != NULL ? resolved : path);
    free(resolved);
    return copy;
}

const struct source *files_beside(struct loader *l, const char *name, const struct tree *at)
{
    const char *path = path_from(l, name, at);
    for (const struct source *s = l->sources; s != NULL; s = s->next) {
        if (strcmp(s->name, path) == 0) {
            return s;
        }
    }
    struct stat identity;
    struct source *s = read_source(l, path, at, &identity);
    if (s != NULL) {
        *l->source_tail = s;
        l->source_tail = &s->next;
    }
    return s;
}

const char *files_text(struct loader *l)
{
    struct buf out = {0};
    for (const struct source *s = l->sources; s != NULL; s = s->next) {
        /* Without its folder: where a scenario lies changes nothing about the run. */
        const char *slash = strrchr(s->name, '/');
        buf_printf(&out, "# file: %s\n", slash != NULL ? slash + 1 : s->name);
        buf_append(&out, span_of(s->text, s->len));
        if (s->len > 0 && s->text[s->len - 1] != '\n') {
            buf_append_u8(&out, '\n');
        }
    }
    char *text = buf_steal_str(&out);
    const char *copy = arena_strdup(l->arena, text);
    free(text);
    return copy;
}
