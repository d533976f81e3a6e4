#include "sim/scenario/show.h"

#include <string.h>

#include "sim/scenario/loader.h"

/* The raw structs written back by the table of fields: parameters filled in, `extends` and
 * `include` applied, defaults and what a link technology gives made visible. Read again, it is the
 * same scenario. */

struct writer {
    struct buf *out;
    bool origin;
};

static void indent(const struct writer *w, int depth)
{
    for (int i = 0; i < depth; i++) {
        buf_append_str(w->out, "  ");
    }
}

static void write_origin(const struct value *v, struct buf *out)
{
    if (v->at == NULL || v->at->source == NULL) {
        buf_append_str(out, v->origin != NULL ? v->origin : "default");
        return;
    }
    const struct source *s = v->at->source;
    if (s->command_line) {
        buf_append_str(out, s->name);
    } else {
        buf_printf(out, "%s:%d", s->name, v->at->line);
    }
    if (v->at->note != NULL) {
        buf_printf(out, " (%s)", v->at->note);
    }
}

static bool shown(const struct field *f, const void *raw);

static bool any_shown(const struct section *s, const void *raw)
{
    for (size_t i = 0; i < s->count; i++) {
        if (shown(&s->fields[i], raw)) {
            return true;
        }
    }
    return false;
}

static bool shown(const struct field *f, const void *raw)
{
    const struct value *v = field_value_const(f, raw);
    if (f->type == FIELD_MAP) {
        return any_shown(f->section, raw);
    }
    if (f->type == FIELD_LATER || f->type == FIELD_PARAMS || strcmp(f->key, "extends") == 0) {
        return false;
    }
    if (f->type == FIELD_NAMED || f->type == FIELD_LIST) {
        /* An empty section says something: no personal networks, not the default ones. */
        return v->state == VALUE_GIVEN || (value_ok(v) && v->v.entries.count > 0);
    }
    return value_ok(v);
}

/* --- YAML ---------------------------------------------------------------------------------- */

static void yaml_section(const struct writer *w, const struct section *s, const void *raw,
                         int depth, bool dash);

/* Origins stand in one column as far as values let them. */
static void yaml_scalar(const struct writer *w, const struct field *f, const struct value *v,
                        size_t start)
{
    enum { ORIGIN_COLUMN = 50 };
    buf_append_u8(w->out, ' ');
    value_write(f, v, false, w->out);
    if (w->origin) {
        for (size_t used = buf_len(w->out) - start; used < ORIGIN_COLUMN; used++) {
            buf_append_u8(w->out, ' ');
        }
        buf_append_str(w->out, "  # ");
        write_origin(v, w->out);
    }
    buf_append_u8(w->out, '\n');
}

static void yaml_entries(const struct writer *w, const struct field *f, const struct value *v,
                         int depth)
{
    if (v->v.entries.count == 0) {
        buf_append_str(w->out, f->type == FIELD_NAMED ? " {}\n" : " []\n");
        return;
    }
    buf_append_u8(w->out, '\n');
    for (size_t i = 0; i < v->v.entries.count; i++) {
        const struct entry *e = v->v.entries.items[i];
        if (f->type == FIELD_NAMED) {
            indent(w, depth + 1);
            buf_printf(w->out, "%s:\n", e->name);
            yaml_section(w, f->section, e, depth + 2, false);
        } else {
            yaml_section(w, f->section, e, depth + 2, true);
        }
    }
}

static void yaml_section(const struct writer *w, const struct section *s, const void *raw,
                         int depth, bool dash)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        const struct value *v = field_value_const(f, raw);
        if (!shown(f, raw)) {
            continue;
        }
        size_t start = buf_len(w->out);
        indent(w, dash ? depth - 1 : depth);
        buf_printf(w->out, "%s%s:", dash ? "- " : "", f->key);
        dash = false;
        if (f->type == FIELD_MAP) {
            buf_append_u8(w->out, '\n');
            yaml_section(w, f->section, raw, depth + 1, false);
        } else if (f->type == FIELD_NAMED || f->type == FIELD_LIST) {
            yaml_entries(w, f, v, depth);
        } else {
            yaml_scalar(w, f, v, start);
        }
    }
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void json_section(const struct writer *w, const struct section *s, const void *raw,
                         int depth);

static void json_scalar(const struct writer *w, const struct field *f, const struct value *v)
{
    if (!w->origin) {
        value_write(f, v, true, w->out);
        return;
    }
    struct buf origin = {0};
    buf_append_str(w->out, "{\"value\": ");
    value_write(f, v, true, w->out);
    buf_append_str(w->out, ", \"origin\": ");
    write_origin(v, &origin);
    buf_append_u8(&origin, '\0');
    json_string((const char *)buf_span(&origin).data, w->out);
    buf_append_u8(w->out, '}');
    buf_fini(&origin);
}

static void json_entries(const struct writer *w, const struct field *f, const struct value *v,
                         int depth)
{
    bool named = f->type == FIELD_NAMED;
    buf_append_str(w->out, named ? "{" : "[");
    for (size_t i = 0; i < v->v.entries.count; i++) {
        const struct entry *e = v->v.entries.items[i];
        buf_append_str(w->out, i > 0 ? ",\n" : "\n");
        indent(w, depth + 1);
        if (named) {
            json_string(e->name, w->out);
            buf_append_str(w->out, ": ");
        }
        json_section(w, f->section, e, depth + 1);
    }
    buf_append_u8(w->out, '\n');
    indent(w, depth);
    buf_append_str(w->out, named ? "}" : "]");
}

static void json_section(const struct writer *w, const struct section *s, const void *raw,
                         int depth)
{
    const char *separator = "\n";
    buf_append_u8(w->out, '{');
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        const struct value *v = field_value_const(f, raw);
        if (!shown(f, raw)) {
            continue;
        }
        buf_append_str(w->out, separator);
        separator = ",\n";
        indent(w, depth + 1);
        buf_printf(w->out, "\"%s\": ", f->key);
        if (f->type == FIELD_MAP) {
            json_section(w, f->section, raw, depth + 1);
        } else if (f->type == FIELD_NAMED || f->type == FIELD_LIST) {
            json_entries(w, f, v, depth + 1);
        } else {
            json_scalar(w, f, v);
        }
    }
    buf_append_u8(w->out, '\n');
    indent(w, depth);
    buf_append_u8(w->out, '}');
}

int scenario_show(const struct scenario *s, enum scenario_format format, bool origin,
                  struct buf *out)
{
    const struct storage *storage = s->storage;
    struct writer w = {.out = out, .origin = origin};
    switch (format) {
    case FORMAT_YAML:
        yaml_section(&w, &section_scenario, storage->raw, 0, false);
        return 0;
    case FORMAT_JSON:
        json_section(&w, &section_scenario, storage->raw, 0);
        buf_append_u8(out, '\n');
        return 0;
    case FORMAT_DOT:
        show_dot(s, out);
        return 0;
    case FORMAT_MERMAID:
        show_mermaid(s, out);
        return 0;
    }
    return -SIM_EINVAL;
}
