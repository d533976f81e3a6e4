#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/fields.h"

/* Values in the way they would be written in a file: what is written is read back as the same. */

struct step {
    const char *unit;
    int64_t factor;
};

static const struct step time_steps[] = {{"d", INT64_C(86400000000000)},
                                         {"h", INT64_C(3600000000000)},
                                         {"min", INT64_C(60000000000)},
                                         {"s", INT64_C(1000000000)},
                                         {"ms", 1000000},
                                         {"us", 1000},
                                         {"ns", 1}};
static const struct step rate_steps[] = {
    {"Gbit/s", 1000000000}, {"Mbit/s", 1000000}, {"kbit/s", 1000}, {"bit/s", 1}};
static const struct step energy_steps[] = {
    {"kJ", 1000000000}, {"J", 1000000}, {"mJ", 1000}, {"uJ", 1}};
static const struct step power_steps[] = {{"W", 1000000}, {"mW", 1000}, {"uW", 1}};
static const struct step size_steps[] = {{"B", 1}};

static void write_steps(const struct step *steps, size_t count, int64_t v, struct buf *out)
{
    size_t i = 0;
    while (i + 1 < count && v % steps[i].factor != 0) {
        i++;
    }
    if (v == 0) {
        /* Zero divides by everything: the everyday unit. */
        i = count == SIM_ARRAY_LEN(time_steps) ? 3 : count - 1;
    }
    buf_printf(out, "%lld %s", (long long)(v / steps[i].factor), steps[i].unit);
}

/* The shortest decimal that, divided by `divisor`, reads back as `v`; with an exponent only where
 * it has to be. */
static void write_decimal(double v, long double divisor, struct buf *out)
{
    char text[64];
    long double shown = (long double)v * divisor;
    bool plain = shown == 0 || (fabsl(shown) >= 1e-6L && fabsl(shown) < 1e15L);
    for (int precision = 0; precision <= 24; precision++) {
        snprintf(text, sizeof(text), plain ? "%.*Lf" : "%.*Lg", precision, shown);
        if ((double)(strtold(text, NULL) / divisor) == v) {
            break;
        }
    }
    buf_append_str(out, text);
}

static void write_double(double v, struct buf *out)
{
    write_decimal(v, 1, out);
}

static void write_percent(double v, struct buf *out)
{
    write_decimal(v, 100, out);
    buf_append_str(out, " %");
}

/* Parameters of distributions may hold fractions of a nanosecond or octet. */
static void write_part(enum field_type type, double v, struct buf *out)
{
    bool time = type == FIELD_TIME_DIST;
    if (type == FIELD_SPEED_DIST) {
        write_double(v, out);
        buf_append_str(out, " m/s");
        return;
    }
    if (v == floor(v) && fabs(v) < 9e15) {
        if (time) {
            write_steps(time_steps, SIM_ARRAY_LEN(time_steps), (int64_t)v, out);
        } else {
            write_steps(size_steps, SIM_ARRAY_LEN(size_steps), (int64_t)v, out);
        }
        return;
    }
    write_double(v, out);
    buf_append_str(out, time ? " ns" : " B");
}

static void quote(bool json, struct buf *out)
{
    if (json) {
        buf_append_u8(out, '"');
    }
}

static void write_quoted_part(enum field_type type, double v, bool json, struct buf *out)
{
    quote(json, out);
    write_part(type, v, out);
    quote(json, out);
}

static void write_dist(enum field_type type, const struct dist *d, bool json, struct buf *out)
{
    static const char *const names[] = {"", "uniform", "exponential", "normal", "lognormal"};
    const char *mark = json ? "\"" : "";
    if (d->kind == DIST_CONSTANT) {
        write_quoted_part(type, d->a, json, out);
        return;
    }
    buf_printf(out, "{%s%s%s: %s", mark, names[d->kind], mark,
               d->kind != DIST_EXPONENTIAL ? "[" : "");
    write_quoted_part(type, d->a, json, out);
    if (d->kind == DIST_LOGNORMAL) {
        buf_append_str(out, ", ");
        write_double(d->b, out);
    } else if (d->kind != DIST_EXPONENTIAL) {
        buf_append_str(out, ", ");
        write_quoted_part(type, d->b, json, out);
    }
    buf_append_str(out, d->kind != DIST_EXPONENTIAL ? "]}" : "}");
}

static void write_escaped(const char *s, bool dollars, struct buf *out)
{
    buf_append_u8(out, '"');
    for (const char *c = s; *c != '\0'; c++) {
        unsigned char u = (unsigned char)*c;
        if (u == '"' || u == '\\') {
            buf_printf(out, "\\%c", u);
        } else if (u == '\n') {
            buf_append_str(out, "\\n");
        } else if (u < ' ' || u == 0x7f) {
            buf_printf(out, "\\u%04x", u);
        } else if (u == '$' && dollars) {
            buf_append_str(out, "$$"); /* else it would be read as a parameter */
        } else {
            buf_append_u8(out, u);
        }
    }
    buf_append_u8(out, '"');
}

void json_string(const char *s, struct buf *out)
{
    write_escaped(s, false, out);
}

/* Plain where YAML reads it back as the same text, quoted otherwise. */
static void write_text(const char *s, bool json, struct buf *out)
{
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./*+";
    static const char *const taken[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    bool plain =
        !json && s[0] != '\0' && strspn(s, safe) == strlen(s) && strchr("-*.+", s[0]) == NULL;
    plain = plain && strspn(s, "0123456789.eE+-_xo") != strlen(s);
    for (size_t i = 0; i < SIM_ARRAY_LEN(taken); i++) {
        plain = plain && strcasecmp(s, taken[i]) != 0;
    }
    if (plain) {
        buf_append_str(out, s);
    } else {
        write_escaped(s, true, out);
    }
}

static void write_texts(const struct value *v, bool json, struct buf *out)
{
    if (v->v.texts.count == 1) {
        write_text(v->v.texts.items[0].text, json, out);
        return;
    }
    buf_append_u8(out, '[');
    for (size_t i = 0; i < v->v.texts.count; i++) {
        buf_append_str(out, i > 0 ? ", " : "");
        write_text(v->v.texts.items[i].text, json, out);
    }
    buf_append_u8(out, ']');
}

static void write_words(const struct field *f, int64_t bits, bool json, struct buf *out)
{
    const char *separator = "";
    buf_append_u8(out, '[');
    for (size_t i = 0; f->words[i] != NULL; i++) {
        if ((bits >> i & 1) != 0) {
            buf_append_str(out, separator);
            write_text(f->words[i], json, out);
            separator = ", ";
        }
    }
    buf_append_u8(out, ']');
}

static void write_shares(const struct value *v, bool json, struct buf *out)
{
    buf_append_u8(out, '{');
    for (size_t i = 0; i < v->v.shares.count; i++) {
        buf_append_str(out, i > 0 ? ", " : "");
        write_text(v->v.shares.items[i].name, json, out);
        buf_append_str(out, ": ");
        quote(json, out);
        write_percent(v->v.shares.items[i].part, out);
        quote(json, out);
    }
    buf_append_u8(out, '}');
}

static void write_length(double v, struct buf *out)
{
    write_double(v, out);
    buf_append_str(out, " m");
}

static void write_lengths(const struct value *v, bool json, struct buf *out)
{
    buf_append_u8(out, '[');
    for (size_t i = 0; i < v->v.lengths.count; i++) {
        buf_append_str(out, i > 0 ? ", " : "");
        quote(json, out);
        write_length(v->v.lengths.at[i], out);
        quote(json, out);
    }
    buf_append_u8(out, ']');
}

static void write_sample(int64_t n, struct buf *out)
{
    if (n <= 1) {
        buf_append_str(out, n == 1 ? "all" : "none");
    } else {
        buf_printf(out, "sampled %lld", (long long)n);
    }
}

/* A number with its unit, or another single word that needs quotes in JSON alone. */
static void write_measure(const struct field *f, const struct value *v, struct buf *out)
{
    if (f->type == FIELD_RATIO) {
        write_percent(v->v.d, out);
    } else if (f->type == FIELD_TIME) {
        write_steps(time_steps, SIM_ARRAY_LEN(time_steps), v->v.i, out);
    } else if (f->type == FIELD_RATE) {
        write_steps(rate_steps, SIM_ARRAY_LEN(rate_steps), v->v.i, out);
    } else if (f->type == FIELD_SIZE) {
        write_steps(size_steps, SIM_ARRAY_LEN(size_steps), v->v.i, out);
    } else if (f->type == FIELD_ENERGY) {
        write_steps(energy_steps, SIM_ARRAY_LEN(energy_steps), v->v.i, out);
    } else if (f->type == FIELD_POWER) {
        write_steps(power_steps, SIM_ARRAY_LEN(power_steps), v->v.i, out);
    } else if (f->type == FIELD_LENGTH) {
        write_length(v->v.d, out);
    } else if (f->type == FIELD_SPEED) {
        write_part(FIELD_SPEED_DIST, v->v.d, out);
    } else if (f->type == FIELD_SAMPLE) {
        write_sample(v->v.i, out);
    } else {
        buf_append_str(out, v->v.s);
    }
}

void value_write(const struct field *f, const struct value *v, bool json, struct buf *out)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_ID:
    case FIELD_REF:
        write_text(v->v.s, json, out);
        break;
    case FIELD_WORD:
        write_text(f->words[v->v.i], json, out);
        break;
    case FIELD_WORDS:
        write_words(f, v->v.i, json, out);
        break;
    case FIELD_BOOL:
        buf_append_str(out, v->v.i != 0 ? "true" : "false");
        break;
    case FIELD_INTEGER:
        buf_printf(out, "%lld", (long long)v->v.i);
        break;
    case FIELD_UNSIGNED:
        buf_printf(out, "%llu", (unsigned long long)v->v.u);
        break;
    case FIELD_NUMBER:
        write_double(v->v.d, out);
        break;
    case FIELD_RATIO:
    case FIELD_TIME:
    case FIELD_RATE:
    case FIELD_SIZE:
    case FIELD_ENERGY:
    case FIELD_POWER:
    case FIELD_LENGTH:
    case FIELD_SPEED:
    case FIELD_SAMPLE:
    case FIELD_BOUND:
        quote(json, out);
        write_measure(f, v, out);
        quote(json, out);
        break;
    case FIELD_TIME_DIST:
    case FIELD_SIZE_DIST:
    case FIELD_SPEED_DIST:
        write_dist(f->type, &v->v.dist, json, out);
        break;
    case FIELD_PLACE:
    case FIELD_EXTENT:
        write_lengths(v, json, out);
        break;
    case FIELD_TEXTS:
        write_texts(v, json, out);
        break;
    case FIELD_SHARES:
        write_shares(v, json, out);
        break;
    case FIELD_PARAMS:
    case FIELD_MAP:
    case FIELD_NAMED:
    case FIELD_LIST:
    case FIELD_LATER:
        break;
    }
}
