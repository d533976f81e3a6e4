#include "tests/support/disturb.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/stores.h"

struct aim {
    uint64_t number; /* of the transmission */
    enum fake_fate fate;
    char what[80];
};

static enum fake_fate disturb_one(void *arg, struct fake_hit *hit)
{
    struct aim *aim = arg;
    if (hit->number != aim->number) {
        return FAKE_PASS;
    }
    snprintf(aim->what, sizeof(aim->what), "%u -> %u: %s %d", hit->from, hit->to, hit->type,
             hit->status);
    /* A session loses nothing in silence: what is lost in it breaks it. */
    return aim->fate == FAKE_CUT && !hit->in_session ? FAKE_DROP : aim->fate;
}

/* Runs on to `until`, with what the test does on the way. */
static void run_on(const struct disturb *d, struct fake_world *w, sim_time until)
{
    for (size_t i = 0; i < SIM_ARRAY_LEN(d->acts) && d->acts[i].act != NULL; i++) {
        if (d->acts[i].at >= fake_now(w) && d->acts[i].at < until) {
            fake_run(w, d->acts[i].at);
            d->acts[i].act(w);
        }
    }
    fake_run(w, until);
}

static void count_hits(const struct disturb *d, uint64_t *before, uint64_t *after)
{
    struct fake_world *w = fake_create(d->yaml);
    run_on(d, w, d->from);
    *before = fake_hits(w);
    run_on(d, w, d->to);
    *after = fake_hits(w);
    fake_free(w);
}

static const char *find_fault(const struct disturb *d, struct fake_world *w)
{
    static char text[200];
    const char *found = stores_disagreement(w);
    if (found[0] == '\0' && d->check != NULL) {
        found = d->check(w);
    }
    if (found[0] == '\0' && fake_wrong_events(w) > 0) {
        snprintf(text, sizeof(text), "%u events that no state allowed", fake_wrong_events(w));
        found = text;
    }
    return found;
}

void disturb_each(const struct disturb *d)
{
    static const struct {
        enum fake_fate fate;
        const char *name;
    } fates[] = {{FAKE_CUT, "cut"}, {FAKE_TWICE, "repeated"}, {FAKE_LATE, "late"}};
    uint64_t before;
    uint64_t after;
    int bad = 0;
    count_hits(d, &before, &after);
    assert_true(after - before >= d->least);
    for (size_t f = 0; f < SIM_ARRAY_LEN(fates); f++) {
        for (uint64_t i = before + 1; i <= after; i++) {
            struct fake_world *w = fake_create(d->yaml);
            struct aim aim = {.number = i, .fate = fates[f].fate};
            fake_set_filter(w, disturb_one, &aim);
            run_on(d, w, d->until);
            const char *found = find_fault(d, w);
            if (found[0] != '\0') {
                if (bad == 0) {
                    fake_print(w);
                }
                print_error("%s, message %d (%s) %s: %s\n", d->name, (int)i, aim.what,
                            fates[f].name, found);
                bad++;
            }
            fake_assert_account(w);
            fake_free(w);
        }
    }
    print_message("%s: %d messages, each cut, repeated and late once; %d left stores that disagree "
                  "or somebody who waits\n",
                  d->name, (int)(after - before), bad);
    assert_int_equal(bad, 0);
}

/* --- cut only, counted by kind of flow
 * ---------------------------------------------------------------------- */

struct census {
    uint64_t first, last;
    struct cut_report *report;
    uint64_t flows[4096]; /* seen so far */
    size_t flow_count;
};

static struct cut_kind *kind_of(struct cut_report *r, const char *kind)
{
    kind = kind != NULL ? kind : "keep-alive";
    for (size_t i = 0; i < r->kind_count; i++) {
        if (strcmp(r->kinds[i].kind, kind) == 0) {
            return &r->kinds[i];
        }
    }
    assert_true(r->kind_count < SIM_ARRAY_LEN(r->kinds));
    r->kinds[r->kind_count] = (struct cut_kind){.kind = kind};
    return &r->kinds[r->kind_count++];
}

static void note_type(struct cut_report *r, const char *type)
{
    for (size_t i = 0; i < r->type_count; i++) {
        if (strcmp(r->types[i], type) == 0) {
            return;
        }
    }
    assert_true(r->type_count < SIM_ARRAY_LEN(r->types));
    r->types[r->type_count++] = type;
}

static enum fake_fate look(void *arg, struct fake_hit *hit)
{
    struct census *c = arg;
    if (hit->number <= c->first || hit->number > c->last) {
        return FAKE_PASS;
    }
    struct cut_kind *kind = kind_of(c->report, hit->flow_kind);
    kind->messages++;
    note_type(c->report, hit->type);
    for (size_t i = 0; i < c->flow_count; i++) {
        if (c->flows[i] == hit->flow) {
            return FAKE_PASS;
        }
    }
    assert_true(c->flow_count < SIM_ARRAY_LEN(c->flows));
    c->flows[c->flow_count++] = hit->flow;
    kind->flows += hit->flow != 0;
    return FAKE_PASS;
}

struct cut {
    struct aim aim;
    const char *kind;
};

static enum fake_fate cut_one(void *arg, struct fake_hit *hit)
{
    struct cut *cut = arg;
    if (hit->number == cut->aim.number) {
        cut->kind = hit->flow_kind;
    }
    return disturb_one(&cut->aim, hit);
}

/* Tells what is wrong and counts it. */
static void judge_cut(const struct disturb *d, const struct cut *cut, struct fake_world *w,
                      struct cut_report *report)
{
    struct cut_kind *kind = kind_of(report, cut->kind);
    const char *waits = stores_waiting(w);
    const char *differ = stores_difference(w);
    const char *other = d->check != NULL ? d->check(w) : "";
    if (other[0] == '\0' && fake_wrong_events(w) > 0) {
        other = "an event that no state allowed";
    }
    const char *const faults[] = {waits, differ, other};
    bool bad = false;
    for (size_t i = 0; i < SIM_ARRAY_LEN(faults); i++) {
        if (faults[i][0] != '\0') {
            print_error("%s, message %d (%s, %s) cut: %s\n", d->name, (int)cut->aim.number,
                        kind->kind, cut->aim.what, faults[i]);
            bad = true;
        }
    }
    if (bad && kind->hangs + kind->halves + kind->others == 0) {
        fake_print(w);
    }
    kind->hangs += waits[0] != '\0';
    kind->halves += differ[0] != '\0';
    kind->others += other[0] != '\0';
}

void disturb_cut(const struct disturb *d, struct cut_report *report)
{
    static struct census census;
    census = (struct census){.report = report};
    count_hits(d, &census.first, &census.last);
    if (census.last - census.first < d->least) {
        fail_msg("%s: only %d messages", d->name, (int)(census.last - census.first));
    }
    struct fake_world *whole = fake_create(d->yaml);
    fake_set_filter(whole, look, &census);
    run_on(d, whole, d->until);
    fake_free(whole);
    for (uint64_t i = census.first + 1; i <= census.last; i++) {
        struct fake_world *w = fake_create(d->yaml);
        struct cut cut = {.aim = {.number = i, .fate = FAKE_CUT}};
        fake_set_filter(w, cut_one, &cut);
        run_on(d, w, d->until);
        judge_cut(d, &cut, w, report);
        fake_assert_account(w);
        fake_free(w);
    }
}
