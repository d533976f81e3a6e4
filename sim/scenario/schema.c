#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/scenario.h"

/* Where a value may stand, a parameter may: any text with a dollar. */
#define PARAM "{\"type\": \"string\", \"pattern\": \"\\\\$\"}"

struct schema {
    struct buf *out;
    const struct scenario_vocabulary *words;
};

static void indent(const struct schema *s, int depth)
{
    buf_append_u8(s->out, '\n');
    for (int i = 0; i < depth; i++) {
        buf_append_str(s->out, "  ");
    }
}

static void enumeration(const struct schema *s, const char *const *words, size_t count)
{
    buf_append_str(s->out, "\"anyOf\": [{\"enum\": [");
    for (size_t i = 0; i < count; i++) {
        buf_append_str(s->out, i > 0 ? ", " : "");
        json_string(words[i], s->out);
        if (strcmp(words[i], "true") == 0 || strcmp(words[i], "false") == 0) {
            buf_printf(s->out, ", %s", words[i]); /* as readers of YAML take it */
        }
    }
    buf_append_str(s->out, "]}, " PARAM "]");
}

/* Names that the vocabulary or the table knows; others are free. */
static void reference(const struct schema *s, const struct field *f)
{
    const struct scenario_vocabulary *w = s->words;
    const char *names[256];
    size_t count = 0;
    const char *what = f->names != NULL ? f->names : "";
    for (size_t i = 0; i < w->technology_count && strcmp(what, "technology") == 0; i++) {
        names[count++] = w->technologies[i].name;
    }
    for (size_t i = 0; i < w->cpu_count && strcmp(what, "cpu") == 0; i++) {
        names[count++] = w->cpus[i];
    }
    for (size_t i = 0; i < w->attack_count && strcmp(what, "attack") == 0; i++) {
        names[count++] = w->attacks[i].name;
    }
    for (size_t i = 0; i < w->verb_count && strcmp(what, "verb") == 0; i++) {
        names[count++] = w->verbs[i].name;
    }
    for (size_t i = 0; i < claim_count && strcmp(what, "claim") == 0; i++) {
        names[count++] = claims[i].name;
    }
    for (size_t i = 0; i < metric_count && strcmp(what, "metric") == 0; i++) {
        names[count++] = metrics[i].name;
    }
    if (count > 0) {
        enumeration(s, names, count);
    } else {
        buf_append_str(s->out, "\"type\": \"string\"");
    }
}

static void quantity_pattern(const struct schema *s, enum field_type type)
{
    const char *const *units = field_units(type);
    buf_append_str(s->out,
                   "\"type\": \"string\", \"pattern\": \"^[-+]?[0-9.]+([eE][-+]?[0-9]+)? *(");
    for (size_t i = 0; units[i] != NULL; i++) {
        buf_printf(s->out, "%s%s", i > 0 ? "|" : "", units[i]);
    }
    buf_append_str(s->out, ")$|\\\\$\"");
}

static void dist_schema(const struct schema *s, enum field_type type)
{
    static const char *const names[] = {"uniform", "exponential", "normal", "lognormal"};
    buf_append_str(s->out, "\"anyOf\": [{");
    quantity_pattern(s, type);
    buf_append_u8(s->out, '}');
    for (size_t i = 0; i < SIM_ARRAY_LEN(names); i++) {
        buf_printf(s->out, ", {\"type\": \"object\", \"properties\": {\"%s\": ", names[i]);
        if (strcmp(names[i], "exponential") == 0) {
            buf_append_u8(s->out, '{');
            quantity_pattern(s, type);
            buf_append_u8(s->out, '}');
        } else {
            bool sigma = strcmp(names[i], "lognormal") == 0;
            buf_append_str(s->out, "{\"type\": \"array\", \"prefixItems\": [{");
            quantity_pattern(s, type);
            buf_append_str(s->out, "}, {");
            if (sigma) {
                buf_append_str(s->out,
                               "\"anyOf\": [{\"type\": \"number\", \"minimum\": 0}, " PARAM "]");
            } else {
                quantity_pattern(s, type);
            }
            buf_append_str(s->out, "}], \"minItems\": 2, \"maxItems\": 2}");
        }
        buf_printf(s->out, "}, \"required\": [\"%s\"], \"additionalProperties\": false}", names[i]);
    }
    buf_append_u8(s->out, ']');
}

static void lengths_schema(const struct schema *s, const struct field *f)
{
    buf_append_str(s->out, "\"type\": \"array\", \"items\": {");
    quantity_pattern(s, FIELD_LENGTH);
    buf_printf(s->out, "}, \"minItems\": 2, \"maxItems\": %d", f->type == FIELD_PLACE ? 3 : 2);
}

static void number_schema(const struct schema *s, const struct field *f)
{
    buf_printf(s->out, "\"anyOf\": [{\"type\": \"%s\"",
               f->type == FIELD_NUMBER ? "number" : "integer");
    if (f->type == FIELD_UNSIGNED) {
        buf_append_str(s->out, ", \"minimum\": 0, \"maximum\": 18446744073709551615");
    } else if (f->min != 0 || f->max != 0) {
        buf_printf(s->out, ", \"minimum\": %.17g, \"maximum\": %.17g", f->min, f->max);
    }
    buf_append_str(s->out, "}, " PARAM "]");
}

static void object_schema(const struct schema *s, const struct section *section, int depth);

static void text_list(const struct schema *s)
{
    buf_append_str(s->out,
                   "\"anyOf\": [{\"type\": [\"string\", \"number\"]}, {\"type\": \"array\", "
                   "\"minItems\": 1, \"items\": {\"type\": [\"string\", \"number\"]}}]");
}

static void field_schema(const struct schema *s, const struct field *f, int depth);

static void nested_schema(const struct schema *s, const struct field *f, int depth)
{
    if (f->type == FIELD_LIST) {
        buf_printf(s->out, "\"type\": [\"array\"%s], \"items\": {",
                   f->required ? "" : ", \"null\"");
        object_schema(s, f->section, depth);
        buf_append_u8(s->out, '}');
    } else if (f->type == FIELD_NAMED) {
        buf_append_str(s->out, "\"type\": [\"object\", \"null\"], \"additionalProperties\": {");
        object_schema(s, f->section, depth);
        buf_append_u8(s->out, '}');
    } else if (f->section->shorthand != NULL) {
        buf_append_str(s->out, "\"anyOf\": [{");
        field_schema(s, field_find(f->section, f->section->shorthand), depth);
        buf_append_str(s->out, "}, {");
        object_schema(s, f->section, depth);
        buf_append_str(s->out, "}]");
    } else {
        object_schema(s, f->section, depth);
    }
}

static void field_schema(const struct schema *s, const struct field *f, int depth)
{
    switch (f->type) {
    case FIELD_TEXT:
        buf_append_str(s->out, "\"type\": [\"string\", \"number\"]");
        break;
    case FIELD_ID:
        buf_append_str(s->out, "\"type\": \"string\", \"maxLength\": 64");
        break;
    case FIELD_REF:
        reference(s, f);
        break;
    case FIELD_WORD:
        enumeration(s, f->words, words_count(f->words));
        break;
    case FIELD_WORDS:
        /* The words may look like numbers: 1.3 is as good as "1.3". */
        text_list(s);
        break;
    case FIELD_BOOL:
        buf_append_str(s->out, "\"anyOf\": [{\"type\": \"boolean\"}, " PARAM "]");
        break;
    case FIELD_INTEGER:
    case FIELD_UNSIGNED:
    case FIELD_NUMBER:
        number_schema(s, f);
        break;
    case FIELD_RATIO:
    case FIELD_TIME:
    case FIELD_RATE:
    case FIELD_SIZE:
    case FIELD_ENERGY:
    case FIELD_POWER:
    case FIELD_LENGTH:
    case FIELD_SPEED:
        quantity_pattern(s, f->type);
        break;
    case FIELD_TIME_DIST:
    case FIELD_SIZE_DIST:
    case FIELD_SPEED_DIST:
        dist_schema(s, f->type);
        break;
    case FIELD_PLACE:
    case FIELD_EXTENT:
        lengths_schema(s, f);
        break;
    case FIELD_TEXTS:
        text_list(s);
        break;
    case FIELD_SAMPLE:
        buf_append_str(s->out,
                       "\"type\": \"string\", \"pattern\": \"^(all|none|sampled [0-9]+)$|\\\\$\"");
        break;
    case FIELD_SHARES:
        buf_append_str(s->out, "\"type\": \"object\", \"additionalProperties\": {");
        quantity_pattern(s, FIELD_RATIO);
        buf_append_u8(s->out, '}');
        break;
    case FIELD_BOUND:
        buf_append_str(s->out, "\"type\": [\"string\", \"number\"]");
        break;
    case FIELD_PARAMS:
        buf_append_str(s->out,
                       "\"type\": [\"object\", \"null\"], \"additionalProperties\": {\"type\": "
                       "[\"string\", \"number\", \"boolean\"]}");
        break;
    case FIELD_MAP:
    case FIELD_NAMED:
    case FIELD_LIST:
        nested_schema(s, f, depth);
        break;
    case FIELD_LATER:
        break;
    }
}

static void object_schema(const struct schema *s, const struct section *section, int depth)
{
    const char *separator = "";
    buf_append_str(s->out, "\"type\": \"object\", \"additionalProperties\": false, "
                           "\"patternProperties\": {\"^x-\": {}},");
    indent(s, depth);
    buf_append_str(s->out, "\"properties\": {");
    for (size_t i = 0; i < section->count; i++) {
        const struct field *f = &section->fields[i];
        if (f->type == FIELD_LATER) {
            continue;
        }
        buf_append_str(s->out, separator);
        separator = ",";
        indent(s, depth + 1);
        buf_printf(s->out, "\"%s\": {\"description\": ", f->key);
        json_string(f->doc, s->out);
        if (f->fallback != NULL) {
            /* As it would be written: for readers, not for machines that fill in. */
            buf_append_str(s->out, ", \"$comment\": ");
            struct buf text = {0};
            buf_printf(&text, "default: %s", f->fallback);
            buf_append_u8(&text, '\0');
            json_string((const char *)buf_span(&text).data, s->out);
            buf_fini(&text);
        }
        buf_append_str(s->out, ", ");
        field_schema(s, f, depth + 1);
        buf_append_u8(s->out, '}');
    }
    indent(s, depth);
    buf_append_u8(s->out, '}');
    separator = ", \"required\": [";
    for (size_t i = 0; i < section->count && !section->inherits; i++) {
        if (section->fields[i].required) {
            buf_printf(s->out, "%s\"%s\"", separator, section->fields[i].key);
            separator = ", ";
        }
    }
    buf_append_str(s->out, strcmp(separator, ", ") == 0 ? "]" : "");
}

void scenario_json_schema(const struct scenario_vocabulary *vocabulary, struct buf *out)
{
    struct schema s = {.out = out, .words = vocabulary};
    buf_append_str(out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                        "  \"title\": \"cpnsim scenario\",\n  ");
    object_schema(&s, &section_scenario, 1);
    buf_append_str(out, "\n}\n");
}
