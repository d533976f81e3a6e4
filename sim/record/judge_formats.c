/* A judgement for machines. */
#include <math.h>
#include <stdlib.h>

#include "sim/record/judge.h"

static void append_json(struct buf *out, const char *s)
{
    if (s == NULL) {
        buf_append_str(out, "null");
        return;
    }
    buf_append_u8(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            buf_append_u8(out, '\\');
            buf_append_u8(out, c);
        } else if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_append_u8(out, c);
        }
    }
    buf_append_u8(out, '"');
}

static void append_xml(struct buf *out, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        switch (*s) {
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '"':
            buf_append_str(out, "&quot;");
            break;
        default:
            buf_append_u8(out, (uint8_t)*s);
        }
    }
}

static void title(const struct finding *f, void (*append)(struct buf *, const char *),
                  struct buf *out)
{
    append(out, f->name);
    if (f->subject != NULL) {
        append(out, " ");
        append(out, f->subject);
    }
}

static size_t count(const struct judgement *j, enum verdict v)
{
    size_t n = 0;
    for (size_t i = 0; i < j->count; i++) {
        n += j->findings[i].verdict == v;
    }
    return n;
}

/* Broken rules are findings of their own; that none is broken is one test too. */
void judgement_junit(const struct judgement *j, struct buf *out)
{
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<testsuite name=\"cpnsim check\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
               j->count + (j->rules_broken == 0), count(j, VERDICT_VIOLATED),
               count(j, VERDICT_UNKNOWN));
    for (size_t i = 0; i < j->count; i++) {
        const struct finding *f = &j->findings[i];
        buf_append_str(out, "  <testcase classname=\"");
        append_xml(out, j->scenario);
        buf_append_str(out, "\" name=\"");
        title(f, append_xml, out);
        buf_append_str(out, "\">");
        if (f->verdict != VERDICT_HELD) {
            buf_printf(out, "<%s message=\"",
                       f->verdict == VERDICT_VIOLATED ? "failure" : "skipped");
            append_xml(out, f->evidence);
            buf_append_str(out, "\"/>");
        }
        buf_append_str(out, "</testcase>\n");
    }
    if (j->rules_broken == 0) {
        buf_append_str(out, "  <testcase classname=\"");
        append_xml(out, j->scenario);
        buf_append_str(out, "\" name=\"rules R1 to R6\"></testcase>\n");
    }
    buf_append_str(out, "</testsuite>\n");
}

void judgement_tap(const struct judgement *j, struct buf *out)
{
    size_t number = 0;
    buf_printf(out, "TAP version 13\n1..%zu\n", j->count + (j->rules_broken == 0));
    for (size_t i = 0; i < j->count; i++) {
        const struct finding *f = &j->findings[i];
        buf_printf(out, "%s %zu - ", f->verdict == VERDICT_VIOLATED ? "not ok" : "ok", ++number);
        title(f, buf_append_str, out);
        if (f->verdict == VERDICT_UNKNOWN) {
            buf_append_str(out, " # SKIP unknown");
        }
        buf_printf(out, "\n# %s\n", f->evidence);
    }
    if (j->rules_broken == 0) {
        buf_printf(out, "ok %zu - rules R1 to R6\n", ++number);
    }
}

static void append_number(struct buf *out, const char *key, bool has, double value)
{
    if (has && isinf(value)) { /* JSON has no word for it; this is read as infinite */
        buf_printf(out, ", \"%s\": %s", key, value < 0 ? "-1e999" : "1e999");
    } else if (has) {
        buf_printf(out, ", \"%s\": %.17g", key, value);
    }
}

void judgement_json(const struct judgement *j, struct buf *out)
{
    static const char *const kinds[] = {[FINDING_EXPECTATION] = "expectation",
                                        [FINDING_RULE] = "rule",
                                        [FINDING_WITNESS] = "witness"};
    buf_append_str(out, "{\"scenario\": ");
    append_json(out, j->scenario);
    buf_append_str(out, ", \"status\": ");
    append_json(out, j->status);
    buf_printf(out, ", \"exit_code\": %d, \"findings\": [", judgement_exit_code(j, true));
    for (size_t i = 0; i < j->count; i++) {
        const struct finding *f = &j->findings[i];
        buf_printf(out, "%s\n  {\"kind\": \"%s\", \"name\": ", i > 0 ? "," : "", kinds[f->kind]);
        append_json(out, f->name);
        buf_append_str(out, ", \"subject\": ");
        append_json(out, f->subject);
        buf_append_str(out, ", \"verdict\": ");
        append_json(out, verdict_name(f->verdict));
        append_number(out, "minimum", f->has_minimum, f->minimum);
        append_number(out, "maximum", f->has_maximum, f->maximum);
        append_number(out, "measured", f->has_measured, f->measured);
        buf_append_str(out, ", \"evidence\": ");
        append_json(out, f->evidence);
        buf_append_str(out, "}");
    }
    buf_append_str(out, "\n]}\n");
}

void judgement_sarif(const struct judgement *j, struct buf *out)
{
    buf_append_str(
        out,
        "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\",\n"
        " \"runs\": [{\"tool\": {\"driver\": {\"name\": \"cpnsim\", \"version\": \"" CPNSIM_VERSION
        "\"}},\n  \"results\": [");
    for (size_t i = 0; i < j->count; i++) {
        const struct finding *f = &j->findings[i];
        buf_printf(out,
                   "%s\n   {\"kind\": \"%s\", \"level\": \"%s\", \"ruleId\": ", i > 0 ? "," : "",
                   f->verdict == VERDICT_HELD       ? "pass"
                   : f->verdict == VERDICT_VIOLATED ? "fail"
                                                    : "review",
                   f->verdict == VERDICT_VIOLATED ? "error" : "none");
        append_json(out, f->name);
        buf_append_str(out, ", \"message\": {\"text\": ");
        append_json(out, f->evidence);
        buf_append_str(
            out, "}, \"locations\": [{\"physicalLocation\": {\"artifactLocation\": {\"uri\": ");
        append_json(out, j->scenario);
        buf_printf(out, "}, \"region\": {\"startLine\": %d}}}]}", f->line > 0 ? f->line : 1);
    }
    buf_append_str(out, "]}]}\n");
}
