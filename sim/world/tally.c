/* The account of messages by type, kept apart from the rows of single messages: what was sent is
 * counted when it is sent, what became of it when that is known, and both also where no rows are
 * written of single messages. And of those of which there are rows, sums for the summary. */
#include <stdlib.h>
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/report.h"

struct tally {
    const char *type, *outcome; /* static storage */
    const char *reason;         /* interned */
    uint64_t messages, bytes;
    struct recorded {
        uint64_t first, messages; /* the lowest number, 0 without one */
        uint64_t hops, protected_hops;
        sim_time latency; /* all together */
    } recorded;
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
            (struct tally){.type = type, .outcome = outcome, .reason = world_intern(w, reason)};
    }
    return place;
}

static struct tally *find(struct world *w, const char *type, const char *outcome,
                          const char *reason)
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
    return &w->tallies[place]; /* place_of() may move them */
}

void tally_count(struct world *w, const char *type, const char *outcome, const char *reason,
                 size_t bytes)
{
    struct tally *t = find(w, type, outcome, reason);
    t->messages++;
    t->bytes += bytes;
}

void tally_recorded(struct world *w, const struct message *m)
{
    struct recorded *r = &find(w, m->info.type, m->outcome, m->reason)->recorded;
    r->first = r->first == 0 || m->id < r->first ? m->id : r->first;
    r->messages++;
    r->hops += m->hops;
    r->protected_hops += m->protected_hops;
    r->latency += m->delivered_at != SIM_TIME_NEVER ? m->delivered_at - m->sent_at : 0;
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
    if (w->tally_count > 1) { /* qsort() takes no NULL, even where there is nothing */
        qsort(w->tallies, w->tally_count, sizeof(*w->tallies), compare);
    }
    for (size_t i = 0; i < w->tally_count; i++) {
        const struct tally *t = &w->tallies[i];
        PUT(w, table_message_account, record_text(t->type), record_text(t->outcome),
            record_text(t->reason), record_int((int64_t)t->messages),
            record_int((int64_t)t->bytes));
    }
}

static struct world_messages *messages_of(struct world_messages *all, size_t *count,
                                          const struct tally *t)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(all[i].type, t->type) == 0) {
            return &all[i];
        }
    }
    all[*count] = (struct world_messages){.type = t->type, .first = t->recorded.first};
    return &all[(*count)++];
}

static int compare_first(const void *a, const void *b)
{
    const struct world_messages *x = a;
    const struct world_messages *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

size_t world_messages(const struct world *w, struct world_messages **ret)
{
    size_t count = 0;
    struct world_messages *all = mem_calloc(w->tally_count, sizeof(*all));
    for (size_t i = 0; i < w->tally_count; i++) {
        const struct tally *t = &w->tallies[i];
        if (t->recorded.messages == 0) {
            continue;
        }
        struct world_messages *m = messages_of(all, &count, t);
        m->first = t->recorded.first < m->first ? t->recorded.first : m->first;
        m->sent += t->recorded.messages;
        m->delivered += strcmp(t->outcome, "delivered") == 0 ? t->recorded.messages : 0;
        m->lost += strcmp(t->outcome, "lost") == 0 ? t->recorded.messages : 0;
        m->refused += strcmp(t->outcome, "refused") == 0 ? t->recorded.messages : 0;
        m->in_flight += strcmp(t->outcome, "in_flight") == 0 ? t->recorded.messages : 0;
        m->hops += t->recorded.hops;
        m->protected_hops += t->recorded.protected_hops;
        m->latency += t->recorded.latency;
    }
    qsort(all, count, sizeof(*all), compare_first);
    *ret = all;
    return count;
}

void tally_free(struct world *w)
{
    free(w->tallies);
    map_fini(&w->tally_places);
}
