/* The smallest program that still violates the same. */
#include "sim/cli/attack_program.h"

#define GIVEN(key) (UINT32_C(1) << (key))

struct shrinking {
    struct attack_program *best;
    const struct scenario_vocabulary *words;
    attack_still_fn *still;
    void *arg;
    size_t budget, asked;
};

/* Takes `p` over where it violates the same. */
static bool try(struct shrinking *s, const struct attack_program *p)
{
    if (s->asked == s->budget) {
        return false;
    }
    s->asked++;
    if (!s->still(s->arg, p)) {
        return false;
    }
    *s->best = *p;
    return true;
}

static bool drop_entries(struct shrinking *s)
{
    bool smaller = false;
    for (size_t i = 0; i < s->best->count && s->best->count > 1;) {
        struct attack_program p = *s->best;
        p.count--;
        for (size_t k = i; k < p.count; k++) {
            p.entries[k] = p.entries[k + 1];
        }
        if (try(s, &p)) {
            smaller = true;
        } else {
            i++;
        }
    }
    return smaller;
}

/* One trial will do. */
static bool fewer_trials(struct shrinking *s, size_t i)
{
    struct attack_program p = *s->best;
    struct attack_entry *e = &p.entries[i];
    bool takes = (s->words->attacks[e->kind].takes >> ATTACK_COUNT & 1) != 0;
    bool one = (e->given & GIVEN(ATTACK_COUNT)) != 0 && e->value[ATTACK_COUNT] == 1;
    e->given |= GIVEN(ATTACK_COUNT);
    e->value[ATTACK_COUNT] = 1;
    return takes && !one && try(s, &p);
}

static bool fewer_params(struct shrinking *s, size_t i)
{
    bool smaller = false;
    for (size_t key = 0; key < ATTACK_KEYS; key++) {
        struct attack_program p = *s->best;
        struct attack_entry *e = &p.entries[i];
        bool needed = key == ATTACK_COUNT || (s->words->attacks[e->kind].needs >> key & 1) != 0;
        if ((e->given & GIVEN(key)) == 0 || needed) {
            continue;
        }
        e->given &= ~GIVEN(key);
        if (try(s, &p)) {
            smaller = true;
            continue;
        }
        /* Needed, but perhaps not so large. */
        bool number = attack_words_of((enum scenario_attack_key)key) == 0;
        for (int64_t v = e->value[key] / 2; number && v > 0; v /= 2) {
            p = *s->best;
            p.entries[i].value[key] = v;
            if (!try(s, &p)) {
                break;
            }
            smaller = true;
        }
    }
    return smaller;
}

static bool earlier(struct shrinking *s, size_t i)
{
    const sim_time steps[] = {0, 10 * SIM_S, SIM_S}; /* 0: the start */
    for (size_t k = 0; k < SIM_ARRAY_LEN(steps); k++) {
        struct attack_program p = *s->best;
        sim_time at = p.entries[i].at;
        sim_time rounded = steps[k] == 0 ? 0 : at - at % steps[k];
        p.entries[i].at = rounded;
        if (rounded < at && try(s, &p)) {
            return true;
        }
    }
    return false;
}

static bool shorter(struct shrinking *s, size_t i)
{
    static const int seconds[] = {1, 2, 5, 10, 20, 50, 100};
    for (size_t k = 0; k < SIM_ARRAY_LEN(seconds); k++) {
        struct attack_program p = *s->best;
        sim_time duration = p.entries[i].duration;
        p.entries[i].duration = seconds[k] * SIM_S;
        if (p.entries[i].duration < duration && try(s, &p)) {
            return true;
        }
    }
    return false;
}

size_t attack_shrink(struct attack_program *p, const struct scenario_vocabulary *words,
                     attack_still_fn *still, void *arg, size_t budget)
{
    struct shrinking s = {.best = p, .words = words, .still = still, .arg = arg, .budget = budget};
    bool smaller = true;
    while (smaller && s.asked < budget) {
        smaller = drop_entries(&s);
        for (size_t i = 0; i < p->count; i++) {
            bool count = fewer_trials(&s, i);
            bool params = fewer_params(&s, i);
            bool at = earlier(&s, i);
            bool duration = shorter(&s, i);
            smaller = smaller || count || params || at || duration;
        }
    }
    return s.asked;
}
