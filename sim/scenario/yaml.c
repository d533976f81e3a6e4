#include <libfyaml.h>
#include <string.h>

#include "sim/core/map.h"
#include "sim/scenario/tree.h"

/* libfyaml's documents resolve and check keys in quadratic time; its events are linear, so the tree
 * is built here and duplicate keys are found here. */

struct frame {
    struct tree *container;
    struct tree **tail;
    struct tree *key; /* of the mapping's next value */
    size_t position;
};

struct builder {
    struct report *report;
    const struct source *source;
    struct frame frames[TREE_MAX_DEPTH];
    size_t depth;
    struct tree *root;
    size_t skip;         /* depth inside a key that is no scalar */
    struct fy_mark last; /* where the last event with a place ended */
    bool ended;          /* no use in reading on */
};

size_t utf8_length(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80) {
        return 1;
    }
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    return len;
}

bool yaml_check_text(struct report *r, const struct source *source)
{
    const unsigned char *s = (const unsigned char *)source->text;
    int line = 1;
    int column = 1;
    if (source->len >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff))) {
        report_hint(report_at(r, DIAG_ERROR, source, 1, 1, 1, "bad-encoding",
                              "this file is UTF-16, not UTF-8"),
                    "save it as UTF-8");
        return false;
    }
    for (size_t i = 0; i < source->len;) {
        size_t len = utf8_length(s + i, source->len - i);
        if (len == 0) {
            report_at(r, DIAG_ERROR, source, line, column, 1, "bad-encoding",
                      "octet 0x%02x is not UTF-8", s[i]);
            return false;
        }
        if ((s[i] < ' ' && s[i] != '\n' && s[i] != '\r' && s[i] != '\t') || s[i] == 0x7f) {
            report_at(r, DIAG_ERROR, source, line, column, 1, "binary-file",
                      "control character 0x%02x: this is not a text file", s[i]);
            return false;
        }
        if (s[i] == '\n' || (s[i] == '\r' && (i + 1 == source->len || s[i + 1] != '\n'))) {
            line++;
            column = 1;
        } else if (!(i == 0 && len == 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)) {
            column++;
        }
        i += len;
    }
    return true;
}

/* The dash of an empty list item: the next one behind the last event, comments passed over. */
static bool find_dash(struct builder *b, struct tree *t)
{
    int line = b->last.line + 1;
    int column = b->last.column + 1;
    const char *end = b->source->text + b->source->len;
    for (const char *s = b->source->text + b->last.input_pos; s < end; s++, column++) {
        if (*s == '#') {
            while (s < end && *s != '\n') {
                s++;
            }
        }
        if (s < end && *s == '-') {
            t->line = line;
            t->column = column;
            t->length = 1;
            b->last = (struct fy_mark){
                .input_pos = (size_t)(s + 1 - b->source->text), .line = line - 1, .column = column};
            return true;
        }
        if (s < end && *s == '\n') {
            line++;
            column = 0;
        }
    }
    return false;
}

static struct tree *make(struct builder *b, enum tree_kind kind, struct fy_event *event)
{
    struct tree *t = arena_alloc(b->report->arena, sizeof(*t));
    t->kind = kind;
    t->source = b->source;
    t->line = 1;
    t->column = 1;
    t->length = 1;
    const struct frame *top = b->depth > 0 ? &b->frames[b->depth - 1] : NULL;
    const struct fy_mark *start = fy_event_start_mark(event);
    const struct fy_mark *end = fy_event_end_mark(event);
    if (start != NULL) {
        t->line = start->line + 1;
        t->column = start->column + 1;
        if (end != NULL && end->line == start->line && end->column > start->column) {
            t->length = end->column - start->column;
        }
        b->last = end != NULL ? *end : *start;
    } else if (top != NULL && (top->container->kind != TREE_LIST || !find_dash(b, t))) {
        /* An empty value has no place of its own: its key's. */
        const struct tree *near = top->key != NULL ? top->key : top->container;
        t->line = near->line;
        t->column = near->column;
        t->length = near->length;
    }
    return t;
}

static void refuse_properties(struct builder *b, struct fy_event *event)
{
    struct fy_token *anchor = fy_event_get_anchor_token(event);
    if (anchor != NULL) {
        const struct fy_mark *m = fy_token_start_mark(anchor);
        struct diag *d = report_at(b->report, DIAG_ERROR, b->source, m != NULL ? m->line + 1 : 1,
                                   m != NULL && m->column > 0 ? m->column : 1, 1, "anchor",
                                   "anchors (&) and aliases (*) are not part of the format");
        report_hint(d, "use `extends` or `params` instead");
    }
    struct fy_token *tag = fy_event_get_tag_token(event);
    if (tag != NULL) {
        const struct fy_mark *m = fy_token_start_mark(tag);
        report_at(b->report, DIAG_ERROR, b->source, m != NULL ? m->line + 1 : 1,
                  m != NULL ? m->column + 1 : 1, 1, "tag", "tags (!) are not part of the format");
    }
}

/* Puts a finished node where it belongs. */
static void place(struct builder *b, struct tree *t)
{
    if (b->depth == 0) {
        b->root = t;
        return;
    }
    struct frame *top = &b->frames[b->depth - 1];
    if (top->container->kind == TREE_MAP) {
        if (top->key == NULL) {
            top->key = t;
            return;
        }
        t->key = top->key;
        top->key = NULL;
    }
    *top->tail = t;
    top->tail = &t->next;
}

static bool expects_key(const struct builder *b)
{
    return b->depth > 0 && b->frames[b->depth - 1].container->kind == TREE_MAP &&
           b->frames[b->depth - 1].key == NULL;
}

static void scalar(struct builder *b, struct fy_event *event)
{
    struct tree *t = make(b, TREE_SCALAR, event);
    refuse_properties(b, event);
    size_t len = 0;
    const char *text = fy_token_get_text(event->scalar.value, &len);
    if (text == NULL) {
        text = "";
        len = 0;
    }
    enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
    t->quoted = style != FYSS_PLAIN;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && t->column > 1) {
        t->column--; /* the mark stands behind the quote */
        t->length += 2;
    }
    for (size_t i = 0; i < len;) {
        /* Escapes can make what the file itself does not hold. */
        size_t step = utf8_length((const unsigned char *)text + i, len - i);
        if (step == 0 || text[i] == '\0') {
            report_error(b->report, t, "bad-value", "this text holds what is not UTF-8 text");
            t->kind = TREE_BAD;
            len = 0;
            break;
        }
        i += step;
    }
    t->text = arena_strndup(b->report->arena, text, len);
    if (expects_key(b) && strcmp(t->text, "<<") == 0 && !t->quoted) {
        report_hint(
            report_error(b->report, t, "merge-key", "merge keys are not part of the format"),
            "use `extends` instead");
    }
    place(b, t);
}

static void bad_key(struct builder *b, struct fy_event *event)
{
    struct tree *t = make(b, TREE_BAD, event);
    t->text = "";
    t->length = 1;
    report_error(b->report, t, "bad-key", "a key is a plain word, not a list, mapping or alias");
    place(b, t);
}

static void open_container(struct builder *b, enum tree_kind kind, struct fy_event *event)
{
    refuse_properties(b, event);
    if (expects_key(b)) {
        bad_key(b, event);
        b->skip = 1;
        return;
    }
    struct tree *t = make(b, kind, event);
    t->length = 1;
    if (b->depth == TREE_MAX_DEPTH) {
        report_error(b->report, t, "too-deep", "nested more than %d levels deep", TREE_MAX_DEPTH);
        b->ended = true;
        return;
    }
    place(b, t);
    const struct fy_mark *start = fy_event_start_mark(event);
    b->frames[b->depth++] = (struct frame){
        .container = t, .tail = &t->first, .position = start != NULL ? start->input_pos : 0};
}

static void complain_twice(struct builder *b, const struct tree *again, const struct tree *first)
{
    report_error(b->report, again->key, "duplicate-key",
                 "\"%s\" is defined twice, first in line %d",
                 report_quote(b->report, again->key->text), first->key->line);
}

/* Drops members whose key came before. */
static void check_keys(struct builder *b, struct tree *map)
{
    enum { FEW = 16 };
    struct map seen = {0};
    bool many = tree_count(map) > FEW;
    for (struct tree **at = &map->first; *at != NULL;) {
        struct tree *t = *at;
        const struct tree *before = NULL;
        if (t->key->kind == TREE_SCALAR) {
            uint64_t value;
            if (!many) {
                for (before = map->first; strcmp(before->key->text, t->key->text) != 0 ||
                                          before->key->kind != TREE_SCALAR;) {
                    before = before->next;
                }
                before = before != t ? before : NULL;
            } else if (map_get_str(&seen, t->key->text, &value)) {
                before = (const struct tree *)(uintptr_t)value;
            } else {
                map_set_str(&seen, t->key->text, (uint64_t)(uintptr_t)t);
            }
        }
        if (before != NULL) {
            complain_twice(b, t, before);
        }
        if (before != NULL || t->key->kind != TREE_SCALAR || strcmp(t->key->text, "<<") == 0) {
            *at = t->next;
        } else {
            at = &t->next;
        }
    }
    map_fini(&seen);
}

static void close_container(struct builder *b)
{
    CHECK(b->depth > 0);
    struct tree *t = b->frames[--b->depth].container;
    CHECK(t != NULL);
    if (t->kind == TREE_MAP) {
        check_keys(b, t);
    }
}

static void alias(struct builder *b, struct fy_event *event)
{
    if (expects_key(b)) {
        bad_key(b, event);
        return;
    }
    struct tree *t = make(b, TREE_BAD, event);
    t->column = t->column > 1 ? t->column - 1 : 1; /* the mark stands behind the asterisk */
    struct diag *d = report_error(b->report, t, "alias",
                                  "anchors (&) and aliases (*) are not part of the format");
    report_hint(d, "use `extends` or `params`, or quote the text where it means itself");
    place(b, t);
}

static void take(struct builder *b, struct fy_event *event)
{
    if (b->skip > 0) {
        bool opens = event->type == FYET_MAPPING_START || event->type == FYET_SEQUENCE_START;
        bool closes = event->type == FYET_MAPPING_END || event->type == FYET_SEQUENCE_END;
        b->skip = b->skip + opens - closes;
        return;
    }
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (b->root != NULL) {
            const struct fy_mark *m = fy_event_start_mark(event);
            report_at(b->report, DIAG_ERROR, b->source, m != NULL ? m->line + 1 : 1, 1, 3,
                      "several-documents", "a second document begins here: a file holds one");
            b->ended = true;
        }
        break;
    case FYET_MAPPING_START:
        open_container(b, TREE_MAP, event);
        break;
    case FYET_SEQUENCE_START:
        open_container(b, TREE_LIST, event);
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        if (fy_event_end_mark(event) != NULL) {
            b->last = *fy_event_end_mark(event);
        }
        close_container(b);
        break;
    case FYET_SCALAR:
        scalar(b, event);
        break;
    case FYET_ALIAS:
        alias(b, event);
        break;
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        break;
    }
}

static bool at_the_end(const struct source *s, int line)
{
    int last = 1;
    int current = 1;
    for (size_t i = 0; i < s->len; i++) {
        current += s->text[i] == '\n';
        last = strchr(" \t\r\n", s->text[i]) == NULL ? current : last;
    }
    return line > last;
}

/* The bracket that is never closed, where libfyaml can only name the end of the file. */
static const struct tree *unclosed(const struct builder *b, const struct fy_diag_error *e)
{
    if (strstr(e->msg, "without a closing") == NULL && !at_the_end(b->source, e->line)) {
        return NULL;
    }
    for (size_t i = b->depth; i > 0; i--) {
        size_t at = b->frames[i - 1].position;
        if (at < b->source->len && (b->source->text[at] == '[' || b->source->text[at] == '{')) {
            return b->frames[i - 1].container;
        }
    }
    return NULL;
}

static void syntax_error(struct builder *b, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iterator);
    if (e == NULL) {
        report_at(b->report, DIAG_ERROR, b->source, 1, 1, 1, "yaml-syntax",
                  "this is not YAML that the reader understands");
        return;
    }
    const struct tree *open = unclosed(b, e);
    if (open != NULL) {
        report_error(b->report, open, "yaml-syntax", "this bracket is not closed");
    } else {
        bool behind = strstr(e->msg, "without closing quote") != NULL && e->column > 1;
        report_at(b->report, DIAG_ERROR, b->source, e->line > 0 ? e->line : 1,
                  e->column > 0 ? e->column - behind : 1, 1, "yaml-syntax", "YAML: %s",
                  report_quote(b->report, e->msg));
    }
}

struct tree *yaml_parse(struct report *r, const struct source *source)
{
    struct builder b = {.report = r, .source = source};
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.colorize = false;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    CHECK(diag != NULL);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                        FYPCF_DEFAULT_VERSION_1_2 | FYPCF_PREFER_RECURSIVE,
                               .diag = diag};
    struct fy_parser *parser = fy_parser_create(&cfg);
    CHECK(parser != NULL);
    bool failed = fy_parser_set_string(parser, source->text, source->len) != 0;
    struct fy_event *event;
    while (!failed && !b.ended && (event = fy_parser_parse(parser)) != NULL) {
        take(&b, event);
        fy_parser_event_free(parser, event);
    }
    if (failed || (!b.ended && fy_parser_get_stream_error(parser))) {
        syntax_error(&b, diag);
        b.ended = true;
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return b.ended ? NULL : b.root;
}

struct tree *tree_get(const struct tree *map, const char *key)
{
    for (struct tree *t = map->kind == TREE_MAP ? map->first : NULL; t != NULL; t = t->next) {
        if (strcmp(t->key->text, key) == 0) {
            return t;
        }
    }
    return NULL;
}

size_t tree_count(const struct tree *t)
{
    size_t n = 0;
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        n++;
    }
    return n;
}
