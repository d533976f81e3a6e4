#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/fields.h"

struct unit {
    const char *name;
    long double factor;
};

/* Largest first within a family: value_write() takes the first that divides. */
static const struct unit time_units[] = {{"d", 86400e9L}, {"h", 3600e9L}, {"min", 60e9L},
                                         {"s", 1e9L},     {"ms", 1e6L},   {"us", 1e3L},
                                         {"ns", 1.0L},    {NULL, 0.0L}};
static const struct unit rate_units[] = {
    {"Gbit/s", 1e9L}, {"Mbit/s", 1e6L}, {"kbit/s", 1e3L}, {"bit/s", 1.0L}, {NULL, 0.0L}};
static const struct unit size_units[] = {{"MiB", 1048576.0L}, {"MB", 1e6L}, {"KiB", 1024.0L},
                                         {"kB", 1e3L},        {"B", 1.0L},  {NULL, 0.0L}};
static const struct unit energy_units[] = {{"kJ", 1e9L},    {"Wh", 3600e6L}, {"J", 1e6L},
                                           {"mWh", 3.6e6L}, {"mJ", 1e3L},    {"uJ", 1.0L},
                                           {NULL, 0.0L}};
static const struct unit power_units[] = {{"W", 1e6L}, {"mW", 1e3L}, {"uW", 1.0L}, {NULL, 0.0L}};
static const struct unit length_units[] = {
    {"km", 1e3L}, {"m", 1.0L}, {"cm", 1e-2L}, {"mm", 1e-3L}, {NULL, 0.0L}};
static const struct unit speed_units[] = {{"m/s", 1.0L}, {"km/h", 1.0L / 3.6L}, {NULL, 0.0L}};
static const struct unit ratio_units[] = {{"%", 0.01L}, {NULL, 0.0L}};
static const struct unit ms_units[] = {{"s", 1e3L},   {"ms", 1.0L},   {"us", 1e-3L},
                                       {"ns", 1e-6L}, {"min", 60e3L}, {NULL, 0.0L}};

static const char *const time_names[] = {"ns", "us", "ms", "s", "min", "h", "d", NULL};
static const char *const rate_names[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", NULL};
static const char *const size_names[] = {"B", "kB", "KiB", "MB", "MiB", NULL};
static const char *const energy_names[] = {"uJ", "mJ", "J", "kJ", "mWh", "Wh", NULL};
static const char *const power_names[] = {"uW", "mW", "W", NULL};
static const char *const length_names[] = {"mm", "cm", "m", "km", NULL};
static const char *const speed_names[] = {"m/s", "km/h", NULL};
static const char *const ratio_names[] = {"%", NULL};

const char *const *field_units(enum field_type type)
{
    if (type == FIELD_TIME || type == FIELD_TIME_DIST) {
        return time_names;
    }
    if (type == FIELD_RATE) {
        return rate_names;
    }
    if (type == FIELD_SIZE || type == FIELD_SIZE_DIST) {
        return size_names;
    }
    if (type == FIELD_ENERGY || type == FIELD_POWER) {
        return type == FIELD_ENERGY ? energy_names : power_names;
    }
    if (type == FIELD_LENGTH || type == FIELD_PLACE || type == FIELD_EXTENT) {
        return length_names;
    }
    if (type == FIELD_SPEED || type == FIELD_SPEED_DIST) {
        return speed_names;
    }
    return type == FIELD_RATIO || type == FIELD_SHARES ? ratio_names : NULL;
}

static const struct unit *units_of(enum field_type type)
{
    if (type == FIELD_TIME || type == FIELD_TIME_DIST) {
        return time_units;
    }
    if (type == FIELD_LENGTH) {
        return length_units;
    }
    if (type == FIELD_ENERGY || type == FIELD_POWER) {
        return type == FIELD_ENERGY ? energy_units : power_units;
    }
    return type == FIELD_RATE ? rate_units : type == FIELD_SPEED ? speed_units : size_units;
}

const char *field_shape(const struct field *f)
{
    switch (f->type) {
    case FIELD_TEXT:
        return f->names != NULL ? f->names : "a text";
    case FIELD_ID:
        return "a name of letters, digits, '_', '.' and '-'";
    case FIELD_REF:
        return "a name";
    case FIELD_WORD:
        return "a word";
    case FIELD_WORDS:
        return "a list of words";
    case FIELD_BOOL:
        return "true or false";
    case FIELD_INTEGER:
    case FIELD_UNSIGNED:
        return "a whole number";
    case FIELD_NUMBER:
        return "a number";
    case FIELD_RATIO:
        return "a percentage such as 5 %";
    case FIELD_TIME:
        return "a time such as 30 s";
    case FIELD_RATE:
        return "a rate such as 20 Mbit/s";
    case FIELD_SIZE:
        return "a size such as 120 B";
    case FIELD_ENERGY:
        return "an energy such as 2.4 kJ";
    case FIELD_POWER:
        return "a power such as 5 mW";
    case FIELD_TIME_DIST:
        return "a time such as 30 s or a distribution such as {uniform: [0 s, 5 s]}";
    case FIELD_SIZE_DIST:
        return "a size such as 120 B or a distribution such as {lognormal: [200 B, 0.4]}";
    case FIELD_LENGTH:
        return "a length such as 10 m";
    case FIELD_SPEED:
        return "a speed such as 1.5 m/s";
    case FIELD_SPEED_DIST:
        return "a speed such as 1.5 m/s or a distribution such as {uniform: [0.5 m/s, 2 m/s]}";
    case FIELD_PLACE:
        return "a list of two or three lengths such as [12 m, 3 m]";
    case FIELD_EXTENT:
        return "a list of two lengths such as [0 m, 50 m]";
    case FIELD_TEXTS:
        return "a text or a list of texts";
    case FIELD_SAMPLE:
        return "all, none, or sampled N";
    case FIELD_SHARES:
        return "a mapping of names to percentages";
    case FIELD_BOUND:
        return "a number with the metric's unit";
    case FIELD_PARAMS:
        return "a mapping of names to values";
    case FIELD_MAP:
        return f->section->shorthand != NULL ? "a value or a mapping" : "a mapping";
    case FIELD_NAMED:
        return "a mapping of names to entries";
    case FIELD_LIST:
        return "a list of entries";
    case FIELD_LATER:
        return "nothing";
    }
    return "";
}

bool parse_is_scalar(struct report *r, const struct field *f, const struct tree *t)
{
    if (t->kind == TREE_BAD) {
        return false;
    }
    if (t->kind != TREE_SCALAR) {
        report_error(r, t, "wrong-type", "\"%s\" is %s, not a %s", f->key, field_shape(f),
                     t->kind == TREE_MAP ? "mapping" : "list");
        return false;
    }
    if (!t->quoted &&
        (t->text[0] == '\0' || strcmp(t->text, "~") == 0 || strcmp(t->text, "null") == 0)) {
        report_error(r, t, "missing-value", "\"%s\" has no value; it is %s", f->key,
                     field_shape(f));
        return false;
    }
    return true;
}

/* --- decimals ------------------------------------------------------------------------------ */

struct decimal {
    bool negative;
    bool huge; /* beyond anything the format allows */
    uint64_t mantissa;
    int exponent;
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *take_exponent(const char *s, struct decimal *d)
{
    const char *p = s + 1;
    bool minus = *p == '-';
    p += *p == '-' || *p == '+';
    if (!digit(*p)) {
        return s; /* the e belongs to a unit */
    }
    int exponent = 0;
    for (; digit(*p); p++) {
        exponent = exponent < 10000 ? exponent * 10 + (*p - '0') : exponent;
    }
    d->exponent += minus ? -exponent : exponent;
    return p;
}

/* Reads [+-]digits[.digits][e[+-]digits] and yields what follows, or NULL when there is no number.
 */
static const char *take_decimal(const char *s, struct decimal *d)
{
    *d = (struct decimal){0};
    d->negative = *s == '-';
    s += *s == '-' || *s == '+';
    bool any = false;
    bool point = false;
    for (; digit(*s) || (*s == '.' && !point); s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        any = true;
        if (d->mantissa <= (UINT64_MAX - 9) / 10) {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*s - '0');
            d->exponent -= point;
        } else if (!point) {
            if (d->exponent == 0 && !d->huge && d->mantissa == UINT64_MAX / 10 &&
                *s - '0' <= (int)(UINT64_MAX % 10) && !digit(s[1])) {
                d->mantissa = d->mantissa * 10 + (uint64_t)(*s - '0');
            } else {
                d->huge = true;
                d->exponent = d->exponent < 10000 ? d->exponent + 1 : d->exponent;
            }
        }
    }
    if (!any) {
        return NULL;
    }
    if (*s == 'e' || *s == 'E') {
        s = take_exponent(s, d);
    }
    return s;
}

/* mantissa x 10^exponent x factor with one rounding for all values that people write. */
static long double scale(const struct decimal *d, long double factor)
{
    long double v = (long double)d->mantissa * factor;
    int e = d->exponent;
    if (e < -4000) {
        v = 0;
    } else if (e > 4000) {
        v = d->mantissa != 0 ? (long double)INFINITY : 0;
    } else if (e < 0) {
        v /= powl(10.0L, (long double)-e);
    } else {
        v *= powl(10.0L, (long double)e);
    }
    return d->negative ? -v : v;
}

static bool limited(const struct field *f)
{
    return f->min != 0 || f->max != 0;
}

static void write_limit(const struct field *f, double limit, struct buf *out)
{
    if (f->type == FIELD_RATIO || f->type == FIELD_NUMBER || f->type == FIELD_LENGTH) {
        struct value v = {.v.d = limit};
        value_write(f, &v, false, out);
        return;
    }
    struct field plain = *f;
    if (f->type == FIELD_PLACE || f->type == FIELD_EXTENT || f->type == FIELD_SPEED_DIST) {
        plain.type = f->type == FIELD_SPEED_DIST ? FIELD_SPEED : FIELD_LENGTH;
        struct value v = {.v.d = limit};
        value_write(&plain, &v, false, out);
        return;
    }
    plain.type = f->type == FIELD_TIME_DIST   ? FIELD_TIME
                 : f->type == FIELD_SIZE_DIST ? FIELD_SIZE
                 : f->type == FIELD_SAMPLE    ? FIELD_INTEGER
                                              : f->type;
    struct value v = {.v.i = (int64_t)limit};
    value_write(&plain, &v, false, out);
}

static bool out_of_range(struct report *r, const struct field *f, const struct tree *t)
{
    if (!limited(f)) {
        report_error(r, t, "out-of-range", "%s is out of range for \"%s\"",
                     report_quote(r, t->text), f->key);
        return false;
    }
    struct buf low = {0};
    struct buf high = {0};
    write_limit(f, f->min, &low);
    write_limit(f, f->max, &high);
    char *a = buf_steal_str(&low);
    char *b = buf_steal_str(&high);
    report_error(r, t, "out-of-range", "%s is out of range for \"%s\": from %s to %s",
                 report_quote(r, t->text), f->key, a, b);
    free(a);
    free(b);
    return false;
}

static bool no_number(struct report *r, const char *key, const char *shape, const struct tree *t)
{
    report_error(r, t, "bad-value", "\"%s\" is %s, not \"%s\"", key, shape,
                 report_quote(r, t->text));
    return false;
}

/* A number without a unit; false after a complaint. */
static bool plain_number(struct report *r, const struct field *f, const struct tree *t,
                         struct decimal *d)
{
    if (!parse_is_scalar(r, f, t)) {
        return false;
    }
    if (t->quoted) {
        report_hint(report_error(r, t, "wrong-type", "\"%s\" is %s, not a quoted text", f->key,
                                 field_shape(f)),
                    "leave the quotes out");
        return false;
    }
    const char *rest = take_decimal(t->text, d);
    if (rest == NULL || *rest != '\0') {
        return no_number(r, f->key, field_shape(f), t);
    }
    return true;
}

/* Folds the exponent in; false when what remains is no whole number of 64 bits. */
static bool whole(struct decimal *d, bool *fits)
{
    *fits = !d->huge;
    for (; d->exponent < 0 && d->mantissa % 10 == 0 && d->mantissa != 0; d->exponent++) {
        d->mantissa /= 10;
    }
    if (d->mantissa == 0) {
        d->exponent = 0;
    }
    for (; d->exponent > 0 && *fits; d->exponent--) {
        *fits = d->mantissa <= UINT64_MAX / 10;
        d->mantissa *= 10;
    }
    return d->exponent >= 0;
}

bool parse_integer(struct report *r, const struct field *f, const struct tree *t, int64_t *ret)
{
    struct decimal d;
    bool fits;
    if (!plain_number(r, f, t, &d)) {
        return false;
    }
    if (!whole(&d, &fits)) {
        return no_number(r, f->key, field_shape(f), t);
    }
    if (!fits || d.mantissa > (uint64_t)INT64_MAX) {
        return out_of_range(r, f, t);
    }
    int64_t v = d.negative ? -(int64_t)d.mantissa : (int64_t)d.mantissa;
    if (limited(f) && ((double)v < f->min || (double)v > f->max)) {
        return out_of_range(r, f, t);
    }
    *ret = v;
    return true;
}

bool parse_unsigned(struct report *r, const struct field *f, const struct tree *t, uint64_t *ret)
{
    struct decimal d;
    bool fits;
    if (!plain_number(r, f, t, &d)) {
        return false;
    }
    if (!whole(&d, &fits)) {
        return no_number(r, f->key, field_shape(f), t);
    }
    if (!fits || (d.negative && d.mantissa != 0)) {
        report_error(r, t, "out-of-range", "%s is out of range for \"%s\": from 0 to 2^64 - 1",
                     report_quote(r, t->text), f->key);
        return false;
    }
    *ret = d.mantissa;
    return true;
}

static bool check_double(struct report *r, const struct field *f, const struct tree *t,
                         long double v, double *ret)
{
    if (!(v >= -(long double)DBL_MAX && v <= (long double)DBL_MAX) ||
        (limited(f) && ((double)v < f->min || (double)v > f->max))) {
        return out_of_range(r, f, t);
    }
    *ret = (double)v;
    return true;
}

bool parse_number(struct report *r, const struct field *f, const struct tree *t, double *ret)
{
    struct decimal d;
    return plain_number(r, f, t, &d) && check_double(r, f, t, scale(&d, 1.0L), ret);
}

/* The unit of a quantity; NULL after a complaint. */
static const struct unit *find_unit(struct report *r, const char *key, const char *shape,
                                    const struct unit *units, const char *const *names,
                                    const char *rest, const struct tree *t)
{
    while (*rest == ' ') {
        rest++;
    }
    if (*rest == '\0') {
        report_error(r, t, "missing-unit", "\"%s\" needs a unit: it is %s", key, shape);
        return NULL;
    }
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strcmp(u->name, rest) == 0) {
            return u;
        }
    }
    struct buf list = {0};
    for (size_t i = 0; names[i] != NULL; i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    char *text = buf_steal_str(&list);
    struct diag *d =
        report_error(r, t, "unknown-unit", "unknown unit \"%s\" for \"%s\": it takes %s",
                     report_quote(r, rest), key, text);
    free(text);
    report_near(r, d, rest, names, words_count(names));
    return NULL;
}

bool parse_measure(struct report *r, const struct field *f, enum field_type type,
                   const struct tree *t, long double *ret)
{
    struct field plain = *f;
    plain.type = type;
    if (!parse_is_scalar(r, &plain, t)) {
        return false;
    }
    struct decimal d;
    const char *rest = take_decimal(t->text, &d);
    if (rest == NULL) {
        return no_number(r, f->key, field_shape(&plain), t);
    }
    const struct unit *u =
        find_unit(r, f->key, field_shape(&plain), units_of(type), field_units(type), rest, t);
    if (u == NULL) {
        return false;
    }
    long double v = scale(&d, u->factor);
    if (!(v > -9.2e18L && v < 9.2e18L) ||
        (limited(f) ? (double)v < f->min || (double)v > f->max : v < 0)) {
        return out_of_range(r, f, t);
    }
    *ret = v;
    return true;
}

bool parse_quantity(struct report *r, const struct field *f, enum field_type type,
                    const struct tree *t, int64_t *ret)
{
    long double v = 0;
    if (!parse_measure(r, f, type, t, &v)) {
        return false;
    }
    int64_t i = (int64_t)llroundl(v);
    if (limited(f) && (double)i < f->min) {
        return out_of_range(r, f, t); /* rounded down to nothing */
    }
    *ret = i;
    return true;
}

bool parse_ratio(struct report *r, const struct field *f, const struct tree *t, double *ret)
{
    if (!parse_is_scalar(r, f, t)) {
        return false;
    }
    struct decimal d;
    const char *shape = "a percentage such as 5 %";
    const char *rest = take_decimal(t->text, &d);
    if (rest == NULL) {
        return no_number(r, f->key, shape, t);
    }
    if (find_unit(r, f->key, shape, ratio_units, ratio_names, rest, t) == NULL) {
        return false;
    }
    d.exponent -= 2;
    return check_double(r, f, t, scale(&d, 1.0L), ret);
}

bool parse_bound(struct report *r, const char *name, enum metric_unit unit, const struct tree *t,
                 double *ret)
{
    struct field f = {.key = name, .type = FIELD_BOUND, .max = 1e15};
    struct decimal d;
    if (!parse_is_scalar(r, &f, t)) {
        return false;
    }
    const char *shape = unit == METRIC_MS      ? "a time such as 400 ms"
                        : unit == METRIC_COUNT ? "a number without unit"
                                               : "a percentage such as 99 % or a number up to 1";
    const char *rest = take_decimal(t->text, &d);
    if (rest == NULL) {
        return no_number(r, name, shape, t);
    }
    if (unit == METRIC_MS) {
        const struct unit *u = find_unit(r, name, shape, ms_units, time_names, rest, t);
        if (u == NULL) {
            return false;
        }
        f.type = FIELD_NUMBER;
        return check_double(r, &f, t, scale(&d, u->factor), ret);
    }
    f.type = FIELD_NUMBER;
    if (unit == METRIC_RATIO) {
        f.max = 1;
        if (*rest != '\0') {
            if (find_unit(r, name, shape, ratio_units, ratio_names, rest, t) == NULL) {
                return false;
            }
            d.exponent -= 2;
        }
    } else if (*rest != '\0') {
        return no_number(r, name, shape, t);
    }
    return check_double(r, &f, t, scale(&d, 1.0L), ret);
}

bool parse_sample(struct report *r, const struct field *f, const struct tree *t, int64_t *ret)
{
    if (!parse_is_scalar(r, f, t)) {
        return false;
    }
    if (strcmp(t->text, "all") == 0 || strcmp(t->text, "none") == 0) {
        *ret = t->text[0] == 'a';
        return true;
    }
    struct decimal d;
    bool fits;
    const char *rest = strncmp(t->text, "sampled ", 8) == 0 ? take_decimal(t->text + 8, &d) : NULL;
    if (rest == NULL || *rest != '\0' || !whole(&d, &fits)) {
        struct diag *e = report_error(r, t, "bad-value", "\"%s\" is %s, not \"%s\"", f->key,
                                      field_shape(f), report_quote(r, t->text));
        static const char *const words[] = {"all", "none", "sampled 10", NULL};
        report_near(r, e, t->text, words, 3);
        return false;
    }
    if (!fits || d.negative || d.mantissa < 1 || d.mantissa > UINT32_MAX) {
        report_error(r, t, "out-of-range", "%s is out of range for \"%s\": from 1 to %u",
                     report_quote(r, t->text + 8), f->key, UINT32_MAX);
        return false;
    }
    *ret = (int64_t)d.mantissa;
    return true;
}
