#include "tests/support/disturb.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

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

static void count_hits(const struct disturb *d, uint64_t *before, uint64_t *after)
{
    struct fake_world *w = fake_create(d->yaml);
    fake_run(w, d->from);
    *before = fake_hits(w);
    fake_run(w, d->to);
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
            fake_run(w, d->until);
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
