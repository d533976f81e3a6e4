#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

/* --- workload ------------------------------------------------------------------------------ */

static uint32_t find_verb(struct loader *l, const struct value *v)
{
    const struct scenario_vocabulary *words = l->vocabulary;
    if (!value_ok(v)) {
        return SCENARIO_NONE;
    }
    for (size_t i = 0; i < words->verb_count; i++) {
        if (strcmp(words->verbs[i].name, v->v.s) == 0) {
            return (uint32_t)i;
        }
    }
    const char **names = arena_array(l->arena, words->verb_count, sizeof(*names));
    for (size_t i = 0; i < words->verb_count; i++) {
        names[i] = words->verbs[i].name;
    }
    struct diag *d = report_error(&l->report, v->at, "unknown-verb", "unknown verb \"%s\"",
                                  report_quote(&l->report, v->v.s));
    report_near(&l->report, d, v->v.s, names, words->verb_count);
    return SCENARIO_NONE;
}

static void out_of_place(struct loader *l, const struct value *v, const char *key, const char *why)
{
    if (v->state == VALUE_GIVEN) {
        report_error(&l->report, v->at->key, "inconsistent", "\"%s\" has no meaning %s", key, why);
    }
}

static void missing(struct loader *l, const struct entry *head, const struct value *v,
                    const char *key, const char *verb)
{
    if (v->state == VALUE_ABSENT) {
        report_error(&l->report, head->at, "missing-key", "%s needs the key \"%s\"", verb, key);
    }
}

void activity_warn_late(struct loader *l, const struct value *v, const char *what)
{
    if (value_ok(v) && value_ok(&l->raw->until) && v->v.i >= l->raw->until.v.i) {
        report_warning(&l->report, v->at, "never-happens", "%s lies at or after the end of the run",
                       what);
    }
}

static void take_times(struct loader *l, const struct raw_work *raw, struct scenario_work *w)
{
    w->repeats = raw->every.state != VALUE_ABSENT;
    w->at = value_ok(&raw->start) ? raw->start.v.i : 0;
    w->until = value_ok(&raw->until) ? raw->until.v.i : SIM_TIME_NEVER;
    w->count = value_ok(&raw->count) ? (uint64_t)raw->count.v.i : UINT64_MAX;
    if (raw->at.state == VALUE_ABSENT && !w->repeats) {
        report_error(&l->report, raw->head.at, "missing-key",
                     "a workload entry needs the key \"at\" or \"every\"");
        return;
    }
    if (!w->repeats) {
        w->at = raw->at.v.i;
        activity_warn_late(l, &raw->at, "this time");
        out_of_place(l, &raw->start, "start", "without \"every\"");
        out_of_place(l, &raw->until, "until", "without \"every\"");
        out_of_place(l, &raw->count, "count", "without \"every\"");
        return;
    }
    out_of_place(l, &raw->at, "at", "with \"every\", which has \"start\"");
    activity_warn_late(l, &raw->start, "this start");
    if (value_ok(&raw->start) && value_ok(&raw->until) && w->until <= w->at) {
        report_error(&l->report, raw->until.at, "inconsistent", "\"until\" lies before \"start\"");
    }
    if (value_ok(&raw->every)) {
        w->every = raw->every.v.dist;
        bool stands = w->every.kind == DIST_UNIFORM || w->every.kind == DIST_NORMAL
                          ? w->every.a <= 0 && w->every.b <= 0
                          : w->every.a < 1;
        if (stands) {
            report_error(&l->report, raw->every.at, "out-of-range",
                         "an interval of nothing would repeat without end at one moment");
        }
    }
}

/* References to groups or networks by name. */
static void take_named(struct loader *l, const struct value *v, const struct names *names,
                       const char *code, const char *what, uint32_t **items, size_t *count)
{
    if (!value_ok(v)) {
        return;
    }
    *items = arena_array(l->arena, v->v.texts.count, sizeof(**items));
    for (size_t i = 0; i < v->v.texts.count; i++) {
        const struct text_item *item = &v->v.texts.items[i];
        (*items)[(*count)++] = find_name(l, names, item->text, item->at, code, what);
    }
}

/* The PNEs of `to` do it. */
static void take_performers(struct loader *l, const struct raw_work *raw,
                            const struct scenario_verb *verb, struct scenario_work *w)
{
    missing(l, &raw->head, &raw->to, "to", verb->name);
    for (size_t i = 0; i < w->to_count; i++) {
        const struct scenario_node *n = &l->s->nodes[w->to[i]];
        if (n->twin == SCENARIO_NONE) {
            report_hint(report_error(&l->report, raw->to.at, "not-capable",
                                     "%s cannot be a gateway: it has no key standby", n->id),
                        "give it standby: {link: LINK, uplink: {to: SERVER, link: LINK}}");
            return;
        }
    }
    w->from = w->to;
    w->from_count = w->to_count;
}

static void take_target(struct loader *l, const struct raw_work *raw,
                        const struct scenario_verb *verb, struct scenario_work *w)
{
    if (verb->target != TARGET_PN && verb->target != TARGET_PN_NODE) {
        out_of_place(l, &raw->pn, "pn", "for this verb");
    }
    switch (verb->target) {
    case TARGET_NOTHING:
        out_of_place(l, &raw->to, "to", "for this verb");
        break;
    case TARGET_NODE:
        w->to_home = raw->to.state == VALUE_ABSENT;
        select_nodes(l, &raw->to, ANY_ROLE, SCENARIO_NONE, &w->to, &w->to_count);
        break;
    case TARGET_GROUP:
        missing(l, &raw->head, &raw->to, "to", verb->name);
        take_named(l, &raw->to, &l->groups, "unknown-group", "service group", &w->to, &w->to_count);
        break;
    case TARGET_PN:
        if (raw->to.state == VALUE_GIVEN && raw->pn.state == VALUE_GIVEN) {
            out_of_place(l, &raw->to, "to", "besides \"pn\" for this verb");
        } else if (raw->to.state == VALUE_ABSENT) {
            missing(l, &raw->head, &raw->pn, "pn", verb->name);
        }
        take_named(l, raw->pn.state != VALUE_ABSENT ? &raw->pn : &raw->to, &l->pns, "unknown-pn",
                   "personal network", &w->to, &w->to_count);
        break;
    case TARGET_PN_NODE:
        missing(l, &raw->head, &raw->pn, "pn", verb->name);
        take_named(l, &raw->pn, &l->pns, "unknown-pn", "personal network", &w->pns, &w->pn_count);
        if (w->pn_count > 1) {
            report_error(&l->report, raw->pn.at, "inconsistent", "%s is about one personal network",
                         verb->name);
        }
        select_nodes(l, &raw->to, ROLE_BIT(ROLE_PNE), SCENARIO_NONE, &w->to, &w->to_count);
        if (verb->by_target) {
            take_performers(l, raw, verb, w);
        }
        break;
    }
}

static void take_expiry(struct loader *l, const struct raw_work *raw,
                        const struct scenario_verb *verb, struct scenario_work *w)
{
    if (!verb->has_expiry) {
        out_of_place(l, &raw->expiry, "expiry", "for this verb");
        out_of_place(l, &raw->store, "store", "for this verb");
    }
    w->expiry = value_ok(&raw->expiry) ? raw->expiry.v.i : 3600 * SIM_S;
    w->store = value_ok(&raw->store) ? (uint32_t)raw->store.v.i : 0;
}

static void resolve_work(struct loader *l, struct raw_work *raw, struct scenario_work *w)
{
    take_times(l, raw, w);
    w->verb = find_verb(l, &raw->do_);
    if (w->verb == SCENARIO_NONE) {
        select_nodes(l, &raw->from, ANY_ROLE, SCENARIO_NONE, &w->from, &w->from_count);
        return;
    }
    const struct scenario_verb *verb = &l->vocabulary->verbs[w->verb];
    if (verb->has_from) {
        missing(l, &raw->head, &raw->from, "from", verb->name);
        select_nodes(l, &raw->from, verb->from_roles, SCENARIO_NONE, &w->from, &w->from_count);
    } else {
        out_of_place(l, &raw->from, "from", "for this verb");
    }
    take_target(l, raw, verb, w);
    services_take_work(l, raw, verb, w);
    if (!verb->has_size) {
        out_of_place(l, &raw->size, "size", "for this verb");
    } else if (raw->size.state == VALUE_ABSENT) {
        raw->size.state = VALUE_DEFAULT;
        raw->size.v.dist = dist_constant(100);
    }
    w->size = raw->size.v.dist;
    take_expiry(l, raw, verb, w);
}

/* --- faults -------------------------------------------------------------------------------- */

/* A PNE is silent with all of its device. */
static void add_twins(struct loader *l, struct scenario_fault *f)
{
    const struct scenario_node *nodes = l->s->nodes;
    uint32_t *targets = arena_array(l->arena, 2 * f->target_count, sizeof(*targets));
    size_t count = 0;
    l->stamp++;
    for (size_t i = 0; i < f->target_count; i++) {
        uint32_t node = f->targets[i];
        uint32_t twin = nodes[node].role == ROLE_PNE ? nodes[node].twin : SCENARIO_NONE;
        const uint32_t both[] = {node, twin};
        for (size_t k = 0; k < 2; k++) {
            if (both[k] != SCENARIO_NONE && l->stamps[both[k]] != l->stamp) {
                l->stamps[both[k]] = l->stamp;
                targets[count++] = both[k];
            }
        }
    }
    f->targets = targets;
    f->target_count = count;
}

static void resolve_fault(struct loader *l, struct raw_fault *raw, size_t index, struct names *ids,
                          struct scenario_fault *f)
{
    if (raw->id.state == VALUE_ABSENT) {
        raw->id.state = VALUE_DEFAULT;
        raw->id.v.s = arena_printf(l->arena, "fault-%zu", index + 1);
    }
    f->id = raw->id.v.s;
    f->verb = (enum scenario_fault_verb)raw->do_.v.i;
    f->at = raw->at.v.i;
    f->duration = value_ok(&raw->for_) ? raw->for_.v.i : SIM_TIME_NEVER;
    if (value_ok(&raw->id) && !names_add(ids, raw->id.v.s, (uint32_t)index)) {
        report_error(&l->report, raw->id.at != NULL ? raw->id.at : raw->head.at, "duplicate-id",
                     "a fault \"%s\" is defined already", raw->id.v.s);
    }
    activity_warn_late(l, &raw->at, "this fault");
    if (!value_ok(&raw->do_)) {
        return;
    }
    if (f->verb == FAULT_LINK_DOWN) {
        select_wires(l, &raw->target, &f->targets, &f->target_count);
    } else if (select_nodes(l, &raw->target, ANY_ROLE, SCENARIO_NONE, &f->targets,
                            &f->target_count)) {
        add_twins(l, f);
    }
}

/* --- expectations -------------------------------------------------------------------------- */

static const char *find_claim(struct loader *l, const struct value *v)
{
    const char **names = arena_array(l->arena, claim_count, sizeof(*names));
    for (size_t i = 0; i < claim_count; i++) {
        if (strcmp(claims[i].name, v->v.s) == 0) {
            return claims[i].name;
        }
        names[i] = claims[i].name;
    }
    struct diag *d = report_error(&l->report, v->at, "unknown-claim", "unknown claim \"%s\"",
                                  report_quote(&l->report, v->v.s));
    report_near(&l->report, d, v->v.s, names, claim_count);
    return NULL;
}

static const struct metric *find_metric(struct loader *l, const struct value *v)
{
    const char **names = arena_array(l->arena, metric_count, sizeof(*names));
    for (size_t i = 0; i < metric_count; i++) {
        if (strcmp(metrics[i].name, v->v.s) == 0) {
            return &metrics[i];
        }
        names[i] = metrics[i].name;
    }
    struct diag *d = report_error(&l->report, v->at, "unknown-metric", "unknown metric \"%s\"",
                                  report_quote(&l->report, v->v.s));
    report_near(&l->report, d, v->v.s, names, metric_count);
    return NULL;
}

/* Message types are of letters, kinds of flows of lower-case words joined by hyphens. */
static bool fits(const char *subject, enum metric_subject of)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz-";
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    switch (of) {
    case OF_HOP:
        for (size_t i = 0; words_hop[i] != NULL; i++) {
            if (strcmp(words_hop[i], subject) == 0) {
                return true;
            }
        }
        return false;
    case OF_MESSAGES:
        return subject[0] >= 'A' && subject[0] <= 'Z' &&
               strspn(subject, letters) == strlen(subject);
    case OF_FLOWS:
        return subject[0] >= 'a' && subject[0] <= 'z' && strspn(subject, lower) == strlen(subject);
    }
    return false;
}

static void take_subject(struct loader *l, const struct value *v, enum metric_subject of,
                         struct scenario_expect *e)
{
    static const char *const wants[] = {
        [OF_HOP] = "hop: write pne--gateway or gateway--server",
        [OF_MESSAGES] = "message type: write one such as ServiceAccessRequest",
        [OF_FLOWS] = "kind of flow: write one such as service-access"};
    if (!value_ok(v)) {
        return;
    }
    e->subject = v->v.s;
    if (fits(v->v.s, of)) {
        return;
    }
    struct diag *d = report_error(&l->report, v->at, "bad-subject", "\"%s\" is no %s",
                                  report_quote(&l->report, v->v.s), wants[of]);
    if (of == OF_HOP) {
        report_near(&l->report, d, v->v.s, words_hop, words_count(words_hop));
    }
}

static void take_bounds(struct loader *l, const struct raw_expect *raw, const struct metric *m,
                        struct scenario_expect *e)
{
    e->has_min = raw->min.state == VALUE_GIVEN &&
                 parse_bound(&l->report, "min", m->unit, raw->min.at, &e->min);
    e->has_max = raw->max.state == VALUE_GIVEN &&
                 parse_bound(&l->report, "max", m->unit, raw->max.at, &e->max);
    if (raw->min.state == VALUE_ABSENT && raw->max.state == VALUE_ABSENT) {
        report_error(&l->report, raw->head.at, "missing-key",
                     "a metric needs the key \"min\" or \"max\"");
    }
    if (e->has_min && e->has_max && e->min > e->max) {
        report_error(&l->report, raw->max.at, "inconsistent", "\"max\" is less than \"min\"");
    }
}

static void resolve_expect(struct loader *l, const struct raw_expect *raw,
                           struct scenario_expect *e)
{
    e->line = raw->head.at->line;
    if (raw->claim.state == VALUE_GIVEN && raw->metric.state == VALUE_GIVEN) {
        report_error(&l->report, raw->metric.at->key, "inconsistent",
                     "an expectation has either \"claim\" or \"metric\"");
        return;
    }
    if (raw->claim.state == VALUE_ABSENT && raw->metric.state == VALUE_ABSENT) {
        if (raw->head.at->kind == TREE_MAP) {
            report_error(&l->report, raw->head.at, "missing-key",
                         "an expectation needs the key \"claim\" or \"metric\"");
        }
        return;
    }
    if (value_ok(&raw->claim)) {
        e->kind = EXPECT_CLAIM;
        e->name = find_claim(l, &raw->claim);
        take_subject(l, &raw->subject, OF_HOP, e);
        out_of_place(l, &raw->min, "min", "for a claim");
        out_of_place(l, &raw->max, "max", "for a claim");
    } else if (value_ok(&raw->metric)) {
        const struct metric *m = find_metric(l, &raw->metric);
        e->kind = EXPECT_METRIC;
        if (m != NULL) {
            e->name = m->name;
            take_subject(l, &raw->subject, m->of, e);
            take_bounds(l, raw, m, e);
        }
    }
}

void activity_resolve(struct loader *l)
{
    struct scenario *s = l->s;
    const struct value *work = &l->raw->workload;
    const struct value *faults = &l->raw->faults;
    const struct value *expect = &l->raw->expect;
    s->work_count = value_ok(work) ? work->v.entries.count : 0;
    s->work = arena_array(l->arena, s->work_count, sizeof(*s->work));
    for (size_t i = 0; i < s->work_count; i++) {
        if (work->v.entries.items[i]->at->kind == TREE_MAP) {
            resolve_work(l, (struct raw_work *)work->v.entries.items[i], &s->work[i]);
        }
    }
    s->fault_count = value_ok(faults) ? faults->v.entries.count : 0;
    s->faults = arena_array(l->arena, s->fault_count, sizeof(*s->faults));
    struct names ids = {0};
    for (size_t i = 0; i < s->fault_count; i++) {
        if (faults->v.entries.items[i]->at->kind == TREE_MAP) {
            resolve_fault(l, (struct raw_fault *)faults->v.entries.items[i], i, &ids,
                          &s->faults[i]);
        }
    }
    names_fini(&ids);
    s->expect_count = value_ok(expect) ? expect->v.entries.count : 0;
    s->expects = arena_array(l->arena, s->expect_count, sizeof(*s->expects));
    for (size_t i = 0; i < s->expect_count; i++) {
        resolve_expect(l, (const struct raw_expect *)expect->v.entries.items[i], &s->expects[i]);
    }
}
