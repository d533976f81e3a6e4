/* The account of messages by type, kept apart from the rows of single messages: what was sent is
 * counted when it is sent, what became of it when that is known, and both also where no rows are
 * written of single messages. */
#include <stdlib.h>
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/report.h"

struct tally {
    const char *type, *outcome, *reason; /* interned */
    uint64_t messages, bytes;
};

/* The three as one key, or as much of them as there is room for. */
static void make_key(char key[256], const char *type, const char *outcome, const char *reason)
{
    const char *const parts[] = {type, outcome, reason != NULL ? reason : ""};
    size_t at = 0;
    for (size_t i = 0; i < SIM_ARRAY_LEN(parts); i++) {
        for (const char *s = parts[i]; *s != '\0' && at < 253; s++) {
            key[at++] = *s;
        }
        key[at++] = i + 1 < SIM_ARRAY_LEN(parts) ? '\n' : '\0';
    }
}

static uint64_t place_of(struct world *w, const char *type, const char *outcome, const char *reason)
{
    char key[256];
    uint64_t place;
    make_key(key, type, outcome, reason);
    if (!map_get_str(&w->tally_places, key, &place)) {
        place = w->tally_count;
        map_set_str(&w->tally_places, key, place);
        *MEM_PUSH(w->tallies, w->tally_count, w->tally_capacity) =
            (struct tally){.type = world_intern(w, type),
                           .outcome = world_intern(w, outcome),
                           .reason = world_intern(w, reason)};
    }
    return place;
}

void tally_count(struct world *w, const char *type, const char *outcome, const char *reason,
                 size_t bytes)
{
    /* Most have no reason: found by the addresses of type and outcome, which stay. */
    size_t slot = ((uintptr_t)type / 8 + (uintptr_t)outcome * 31) % TALLY_HINTS;
    struct tally_hint *hint = &w->tally_hints[slot];
    uint64_t place;
    if (reason != NULL) {
        place = place_of(w, type, outcome, reason);
    } else {
        if (hint->type != type || hint->outcome != outcome) {
            *hint = (struct tally_hint){type, outcome, place_of(w, type, outcome, NULL)};
        }
        place = hint->place;
    }
    w->tallies[place].messages++;
    w->tallies[place].bytes += bytes;
}

static int compare(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;
    int r = strcmp(x->type, y->type);
    r = r != 0 ? r : strcmp(x->outcome, y->outcome);
    return r != 0 ? r
                  : strcmp(x->reason != NULL ? x->reason : "", y->reason != NULL ? y->reason : "");
}

void tally_settle(struct world *w)
{
    qsort(w->tallies, w->tally_count, sizeof(*w->tallies), compare);
    for (size_t i = 0; i < w->tally_count; i++) {
        const struct tally *t = &w->tallies[i];
        PUT(w, table_message_account, record_text(t->type), record_text(t->outcome),
            record_text(t->reason), record_int((int64_t)t->messages),
            record_int((int64_t)t->bytes));
    }
}

void tally_free(struct world *w)
{
    free(w->tallies);
    map_fini(&w->tally_places);
}
