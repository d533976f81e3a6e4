#include <string.h>

#include "sim/scenario/fields.h"

/* Values of several parts: distributions ({uniform: [a, b]} and its like, or a plain value), places
 * and extents. */

static const char *const dist_names[] = {"uniform", "exponential", "normal", "lognormal", NULL};

static bool dist_part(struct report *r, const struct field *f, const struct tree *t, double *ret)
{
    long double v;
    enum field_type type = f->type == FIELD_TIME_DIST    ? FIELD_TIME
                           : f->type == FIELD_SPEED_DIST ? FIELD_SPEED
                                                         : FIELD_SIZE;
    if (!parse_measure(r, f, type, t, &v)) {
        return false;
    }
    *ret = (double)v;
    return true;
}

static bool dist_pair(struct report *r, const struct field *f, const struct tree *t,
                      struct dist *ret)
{
    if (t->kind != TREE_LIST || tree_count(t) != 2) {
        if (t->kind != TREE_BAD) {
            report_error(r, t, "bad-distribution", "\"%s\" takes a list of two values",
                         t->key->text);
        }
        return false;
    }
    const struct tree *second = t->first->next;
    if (!dist_part(r, f, t->first, &ret->a)) {
        return false;
    }
    if (ret->kind == DIST_LOGNORMAL) {
        struct field sigma = {.key = "lognormal", .type = FIELD_NUMBER, .max = 100};
        if (!parse_number(r, &sigma, second, &ret->b)) {
            return false;
        }
        if (ret->a <= 0) {
            report_error(r, t->first, "out-of-range", "the median of a lognormal is above 0");
            return false;
        }
        return true;
    }
    if (!dist_part(r, f, second, &ret->b)) {
        return false;
    }
    if (ret->kind == DIST_UNIFORM && ret->a > ret->b) {
        report_error(r, t, "inconsistent",
                     "a uniform distribution goes from the smaller value to "
                     "the larger");
        return false;
    }
    return true;
}

bool parse_dist(struct report *r, const struct field *f, const struct tree *t, struct dist *ret)
{
    if (t->kind != TREE_MAP) {
        *ret = (struct dist){.kind = DIST_CONSTANT};
        if (t->kind == TREE_LIST) {
            return parse_is_scalar(r, f, t);
        }
        return dist_part(r, f, t, &ret->a);
    }
    const struct tree *member = t->first;
    if (member == NULL || member->next != NULL) {
        report_error(r, t, "bad-distribution",
                     "a distribution has one key: uniform, exponential, normal or lognormal");
        return false;
    }
    *ret = (struct dist){.kind = DIST_CONSTANT};
    for (size_t i = 0; dist_names[i] != NULL; i++) {
        if (strcmp(member->key->text, dist_names[i]) == 0) {
            ret->kind = (enum dist_kind)(DIST_UNIFORM + i);
        }
    }
    if (ret->kind == DIST_CONSTANT) {
        struct diag *d =
            report_error(r, member->key, "bad-distribution", "unknown distribution \"%s\"",
                         report_quote(r, member->key->text));
        report_near(r, d, member->key->text, dist_names, 4);
        return false;
    }
    if (ret->kind != DIST_EXPONENTIAL) {
        return dist_pair(r, f, member, ret);
    }
    if (!dist_part(r, f, member, &ret->a)) {
        return false;
    }
    if (ret->a <= 0) {
        report_error(r, member, "out-of-range", "the mean of an exponential is above 0");
        return false;
    }
    return true;
}

size_t parse_lengths(struct report *r, const struct field *f, const struct tree *t, double at[3])
{
    size_t most = f->type == FIELD_PLACE ? 3 : 2;
    size_t count = t->kind == TREE_LIST ? tree_count(t) : 0;
    if (t->kind == TREE_BAD) {
        return 0;
    }
    if (count < 2 || count > most) {
        report_error(r, t, t->kind == TREE_LIST ? "out-of-range" : "wrong-type", "\"%s\" is %s",
                     f->key, field_shape(f));
        return 0;
    }
    size_t i = 0;
    bool good = true;
    at[2] = 0;
    for (const struct tree *c = t->first; c != NULL; c = c->next) {
        long double v = 0;
        good = parse_measure(r, f, FIELD_LENGTH, c, &v) && good;
        at[i++] = (double)v;
    }
    if (good && f->type == FIELD_EXTENT && at[0] > at[1]) {
        report_error(r, t, "inconsistent", "\"%s\" goes from the smaller length to the larger",
                     f->key);
        return 0;
    }
    return good ? count : 0;
}
