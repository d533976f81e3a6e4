#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/fields.h"

/* --- words --------------------------------------------------------------------------------- */

static char *join_words(const char *const *words)
{
    struct buf out = {0};
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_printf(&out, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    return buf_steal_str(&out);
}

static bool find_word(struct report *r, const struct field *f, const struct tree *t, int64_t *ret)
{
    for (size_t i = 0; f->words[i] != NULL; i++) {
        if (strcmp(f->words[i], t->text) == 0) {
            *ret = (int64_t)i;
            return true;
        }
    }
    for (size_t i = 0; f->later != NULL && f->later[i] != NULL; i++) {
        if (strcmp(f->later[i], t->text) == 0) {
            report_error(r, t, "not-implemented",
                         "\"%s: %s\" is not implemented in this version of cpnsim", f->key,
                         t->text);
            return false;
        }
    }
    char *list = join_words(f->words);
    struct diag *d = report_error(r, t, "unknown-word", "\"%s\" is one of %s, not \"%s\"", f->key,
                                  list, report_quote(r, t->text));
    free(list);
    report_near(r, d, t->text, f->words, words_count(f->words));
    return false;
}

static bool read_words(struct report *r, const struct field *f, const struct tree *t, int64_t *ret)
{
    int64_t index;
    *ret = 0;
    if (t->kind == TREE_SCALAR) {
        if (!parse_is_scalar(r, f, t) || !find_word(r, f, t, &index)) {
            return false;
        }
        *ret = INT64_C(1) << index;
        return true;
    }
    if (t->kind == TREE_MAP) {
        return parse_is_scalar(r, f, t);
    }
    if (t->first == NULL) {
        report_error(r, t, "empty-list", "\"%s\" is an empty list", f->key);
        return false;
    }
    bool good = true;
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        if (!parse_is_scalar(r, f, c) || !find_word(r, f, c, &index)) {
            good = false;
        } else if ((*ret >> index & 1) != 0) {
            report_error(r, c, "duplicate-item", "\"%s\" stands in \"%s\" twice", c->text, f->key);
            good = false;
        } else {
            *ret |= INT64_C(1) << index;
        }
    }
    return good;
}

static bool read_bool(struct report *r, const struct field *f, const struct tree *t, int64_t *ret)
{
    if (!parse_is_scalar(r, f, t)) {
        return false;
    }
    bool yes = strcmp(t->text, "true") == 0;
    if (t->quoted || (!yes && strcmp(t->text, "false") != 0)) {
        report_error(r, t, "bad-value", "\"%s\" is true or false, not \"%s\"%s", f->key,
                     report_quote(r, t->text), t->quoted ? " in quotes" : "");
        return false;
    }
    *ret = yes;
    return true;
}

/* --- names and texts ----------------------------------------------------------------------- */

/* `slash`: it may hold one; `digit`: it may begin with one. */
static bool check_id(struct report *r, const char *what, const struct tree *t, bool slash,
                     bool digit)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char others[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/";
    enum { LONGEST = 64 };
    size_t len = strlen(t->text);
    bool begins =
        strchr(letters, t->text[0]) != NULL || (digit && t->text[0] >= '0' && t->text[0] <= '9');
    if (len == 0 || len > LONGEST || !begins || strspn(t->text, others) != len ||
        strstr(t->text, "--") != NULL || (!slash && strchr(t->text, '/') != NULL)) {
        report_error(r, t, "bad-name",
                     "\"%s\" is no good as %s: a letter first, then letters, digits, '_', '.', '-' "
                     "but not \"--\", at most %d in all",
                     report_quote(r, t->text), what, LONGEST);
        return false;
    }
    return true;
}

static bool read_texts(struct report *r, const struct field *f, const struct tree *t,
                       struct value *v)
{
    if (t->kind == TREE_SCALAR || t->kind == TREE_MAP) {
        if (!parse_is_scalar(r, f, t)) {
            return false;
        }
        v->v.texts.items = arena_alloc(r->arena, sizeof(struct text_item));
        v->v.texts.items[0] = (struct text_item){.text = t->text, .at = t};
        v->v.texts.count = 1;
        return true;
    }
    size_t count = tree_count(t);
    if (count == 0) {
        report_error(r, t, "empty-list", "\"%s\" is an empty list", f->key);
        return false;
    }
    v->v.texts.items = arena_array(r->arena, count, sizeof(struct text_item));
    v->v.texts.count = 0;
    bool good = true;
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        good = parse_is_scalar(r, f, c) && good;
        if (c->kind == TREE_SCALAR) {
            v->v.texts.items[v->v.texts.count++] = (struct text_item){.text = c->text, .at = c};
        }
    }
    return good;
}

static bool ignored(const char *key)
{
    return strncmp(key, "x-", 2) == 0;
}

/* Words that a YAML 1.1 reader takes for true or false when they are not in quotes. */
static bool boolean_key(const struct tree *key)
{
    static const char *const words[] = {"on", "off", "yes", "no", "y", "n", "true", "false"};
    for (size_t i = 0; i < SIM_ARRAY_LEN(words); i++) {
        if (strcasecmp(key->text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_boolean_key(struct report *r, const struct tree *key)
{
    if (boolean_key(key)) {
        report_hint(report_error(r, key, "boolean-key",
                                 "the key \"%s\" is a boolean to readers of YAML 1.1", key->text),
                    "choose another name");
        return false;
    }
    return true;
}

static bool read_shares(struct report *r, const struct field *f, const struct tree *t,
                        struct value *v)
{
    enum { MOST = 100 };
    if (t->kind != TREE_MAP) {
        report_error(r, t, "wrong-type", "\"%s\" is %s", f->key, field_shape(f));
        return false;
    }
    size_t count = tree_count(t);
    if (count == 0 || count > MOST) {
        report_error(r, t, count == 0 ? "empty-list" : "out-of-range",
                     "\"%s\" has %zu shares, not 1 to %d", f->key, count, MOST);
        return false;
    }
    v->v.shares.items = arena_array(r->arena, count, sizeof(struct share));
    v->v.shares.count = 0;
    bool good = true;
    double sum = 0;
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        struct field part = {.key = c->key->text, .type = FIELD_RATIO, .max = 1};
        struct share *share = &v->v.shares.items[v->v.shares.count];
        if (ignored(c->key->text)) {
            continue;
        }
        if (!check_boolean_key(r, c->key) || c->kind == TREE_BAD ||
            !parse_ratio(r, &part, c, &share->part)) {
            good = false;
            continue;
        }
        share->name = c->key->text;
        share->at = c->key;
        sum += share->part;
        v->v.shares.count++;
    }
    if (good && (sum < 1 - 1e-9 || sum > 1 + 1e-9)) {
        report_error(r, t, "inconsistent", "the shares of \"%s\" add up to %.6g %%, not 100 %%",
                     f->key, sum * 100);
        good = false;
    }
    return good;
}

/* --- entries ------------------------------------------------------------------------------- */

static struct entry *read_entry(struct report *r, const struct section *s, const struct tree *t,
                                const char *name)
{
    struct entry *e = arena_alloc(r->arena, s->bytes);
    e->name = name;
    e->at = t;
    size_t before = r->diags->errors;
    if (t->kind == TREE_MAP) {
        read_given(r, s, t, e);
        if (!s->inherits) {
            read_finish(r, s, e);
        }
    } else if (t->kind == TREE_SCALAR && !t->quoted && t->text[0] == '\0') {
        report_error(r, t, "missing-value", "this %s is empty", s->title);
    } else if (t->kind != TREE_BAD) {
        report_error(r, t, "wrong-type", "a %s is a mapping with keys such as \"%s\"", s->title,
                     s->fields[0].key);
    }
    e->bad = r->diags->errors != before || t->kind != TREE_MAP;
    return e;
}

static bool read_entries(struct report *r, const struct field *f, const struct tree *t,
                         struct value *v)
{
    enum tree_kind wanted = f->type == FIELD_LIST ? TREE_LIST : TREE_MAP;
    bool empty = t->kind == TREE_SCALAR && !t->quoted && t->text[0] == '\0';
    if (t->kind != wanted && !empty) {
        report_error(r, t, "wrong-type", "\"%s\" is %s, not a %s", f->key, field_shape(f),
                     t->kind == TREE_SCALAR ? "single value"
                     : t->kind == TREE_MAP  ? "mapping"
                                            : "list");
        return false;
    }
    if (f->required && t->first == NULL) {
        report_error(r, t, "empty-list", "\"%s\" is empty", f->key);
        return false;
    }
    v->v.entries.items = arena_array(r->arena, tree_count(t), sizeof(struct entry *));
    v->v.entries.count = 0;
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        const char *name = f->type == FIELD_NAMED ? c->key->text : NULL;
        if (name != NULL && ignored(name)) {
            continue;
        }
        struct entry *e = read_entry(r, f->section, c, name);
        if (name != NULL &&
            (!check_boolean_key(r, c->key) || !check_id(r, "a name", c->key, false, f->digit))) {
            e->bad = true;
        }
        v->v.entries.items[v->v.entries.count++] = e;
    }
    return true;
}

static bool read_value(struct report *r, const struct field *f, const struct tree *t, void *raw,
                       struct value *v);

static bool read_map(struct report *r, const struct field *f, const struct tree *t, void *raw)
{
    const struct section *s = f->section;
    if (t->kind == TREE_MAP) {
        read_given(r, s, t, raw);
        return true;
    }
    const struct field *plain = s->shorthand != NULL ? field_find(s, s->shorthand) : NULL;
    bool list = plain != NULL && plain->type == FIELD_PLACE;
    if (plain != NULL && t->kind == (list ? TREE_LIST : TREE_SCALAR)) {
        struct value *v = field_value(plain, raw);
        struct field named = *plain;
        named.key = list ? f->key : plain->key;
        v->at = t;
        bool good = read_value(r, &named, t, raw, v);
        v->state = good ? VALUE_GIVEN : VALUE_BAD;
        return good;
    }
    bool empty = t->kind == TREE_SCALAR && !t->quoted && t->text[0] == '\0';
    report_error(r, t, empty ? "missing-value" : "wrong-type",
                 empty ? "\"%s\" has no value; it is %s" : "\"%s\" is %s", f->key,
                 s->shorthand == NULL ? "a mapping"
                 : list               ? "a list of lengths such as [12 m, 3 m] or a mapping"
                                      : field_shape(f));
    return false;
}

static bool read_measure(struct report *r, const struct field *f, const struct tree *t, double *ret)
{
    long double v;
    if (!parse_measure(r, f, f->type, t, &v)) {
        return false;
    }
    *ret = (double)v;
    return true;
}

/* --- fields -------------------------------------------------------------------------------- */

static bool read_value(struct report *r, const struct field *f, const struct tree *t, void *raw,
                       struct value *v)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_REF:
    case FIELD_BOUND:
        v->v.s = t->text;
        return parse_is_scalar(r, f, t);
    case FIELD_ID:
        v->v.s = t->text;
        return parse_is_scalar(r, f, t) && check_id(r, "a name", t, f->slash, false);
    case FIELD_WORD:
        return parse_is_scalar(r, f, t) && find_word(r, f, t, &v->v.i);
    case FIELD_WORDS:
        return read_words(r, f, t, &v->v.i);
    case FIELD_BOOL:
        return read_bool(r, f, t, &v->v.i);
    case FIELD_INTEGER:
        return parse_integer(r, f, t, &v->v.i);
    case FIELD_UNSIGNED:
        return parse_unsigned(r, f, t, &v->v.u);
    case FIELD_NUMBER:
        return parse_number(r, f, t, &v->v.d);
    case FIELD_RATIO:
        return parse_ratio(r, f, t, &v->v.d);
    case FIELD_TIME:
    case FIELD_RATE:
    case FIELD_SIZE:
    case FIELD_ENERGY:
    case FIELD_POWER:
        return parse_quantity(r, f, f->type, t, &v->v.i);
    case FIELD_LENGTH:
    case FIELD_SPEED:
        return read_measure(r, f, t, &v->v.d);
    case FIELD_PLACE:
    case FIELD_EXTENT:
        v->v.lengths.count = parse_lengths(r, f, t, v->v.lengths.at);
        return v->v.lengths.count > 0;
    case FIELD_TIME_DIST:
    case FIELD_SIZE_DIST:
    case FIELD_SPEED_DIST:
        return parse_dist(r, f, t, &v->v.dist);
    case FIELD_TEXTS:
        return read_texts(r, f, t, v);
    case FIELD_SAMPLE:
        return parse_sample(r, f, t, &v->v.i);
    case FIELD_SHARES:
        return read_shares(r, f, t, v);
    case FIELD_PARAMS:
        return true;
    case FIELD_MAP:
        return read_map(r, f, t, raw);
    case FIELD_NAMED:
    case FIELD_LIST:
        return read_entries(r, f, t, v);
    case FIELD_LATER:
        if (f->lacking != NULL) {
            report_error(r, t->key, "not-in-openssl", "%s", f->lacking);
        } else {
            report_error(r, t->key, "not-implemented",
                         "\"%s\" is not implemented in this version of cpnsim", f->key);
        }
        return false;
    }
    return false;
}

static void unknown_key(struct report *r, const struct section *s, const struct tree *key,
                        void *raw)
{
    if (!check_boolean_key(r, key)) {
        return;
    }
    const char **names = arena_array(r->arena, s->count, sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->fields[i].type != FIELD_LATER) {
            names[count++] = s->fields[i].key;
        }
    }
    struct diag *d = report_error(r, key, "unknown-key", "unknown key \"%s\" in %s",
                                  report_quote(r, key->text), s->name);
    const char *near = report_near(r, d, key->text, names, count);
    if (near == NULL) {
        return;
    }
    struct value *v = field_value(field_find(s, near), raw);
    if (v->state == VALUE_ABSENT) {
        v->state = VALUE_BAD; /* it was meant: do not complain that it is missing */
    }
}

void read_given(struct report *r, const struct section *s, const struct tree *map, void *raw)
{
    struct entry *head = raw;
    for (const struct tree *t = map->first; t != NULL; t = t->next) {
        if (ignored(t->key->text)) {
            continue;
        }
        const struct field *f = field_find(s, t->key->text);
        if (f == NULL) {
            head->unknown = true;
            unknown_key(r, s, t->key, raw);
            continue;
        }
        struct value *v = field_value(f, raw);
        v->at = t;
        v->state = t->kind != TREE_BAD && read_value(r, f, t, raw, v) ? VALUE_GIVEN : VALUE_BAD;
    }
}

static void set_default(struct report *r, const struct field *f, void *raw, struct value *v)
{
    struct tree *t = arena_alloc(r->arena, sizeof(*t));
    t->kind = TREE_SCALAR;
    t->text = f->fallback;
    if (f->fallback[0] == '[') { /* a list of plain or quoted words */
        t->kind = TREE_LIST;
        struct tree **tail = &t->first;
        for (const char *s = f->fallback + 1; *s != ']' && *s != '\0';) {
            size_t len = strcspn(s, ",]");
            struct tree *item = arena_alloc(r->arena, sizeof(*item));
            bool quoted = *s == '"';
            item->kind = TREE_SCALAR;
            item->text = arena_strndup(r->arena, s + quoted, len - (quoted ? 2 : 0));
            *tail = item;
            tail = &item->next;
            s += len + strspn(s + len, ", ");
        }
    }
    CHECK(read_value(r, f, t, raw, v));
    v->state = VALUE_DEFAULT;
    v->at = NULL;
}

void read_finish(struct report *r, const struct section *s, void *raw)
{
    struct entry *head = raw;
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        struct value *v = field_value(f, raw);
        bool given = v->state == VALUE_GIVEN || v->state == VALUE_INHERITED;
        if (f->type == FIELD_MAP &&
            (given || (v->state == VALUE_ABSENT && f->section->always && !f->required))) {
            const struct tree *outer = head->at;
            const char *name = head->name;
            head->at = given ? v->at : outer;
            head->name = NULL;
            read_finish(r, f->section, raw);
            head->at = outer;
            head->name = name;
        }
        if (v->state == VALUE_ABSENT && f->required) {
            report_error(r, head->at, "missing-key", "%s needs the key \"%s\"",
                         head->name != NULL ? report_quote(r, head->name) : s->title, f->key);
            v->state = VALUE_BAD;
        } else if (v->state == VALUE_ABSENT && f->fallback != NULL) {
            set_default(r, f, raw, v);
        }
    }
}
