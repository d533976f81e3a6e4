/* Programs of attackers as text of the scenario format. */
#include "sim/cli/attack_program.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct key_words {
    const char *key;
    const char *words[8]; /* in the order of the enums of scenario.h */
};

static const struct key_words keys[ATTACK_KEYS] = {
    [ATTACK_RECORDS] = {"records", {"application", "handshake", "any"}},
    [ATTACK_FROM] = {"from", {"any", "initiator", "responder"}},
    [ATTACK_NTH] = {"nth", {NULL}},
    [ATTACK_PROBABILITY] = {"probability", {NULL}},
    [ATTACK_COUNT] = {"count", {NULL}},
    [ATTACK_PART] = {"part", {"body", "type", "version", "length", "sequence", "record"}},
    [ATTACK_BIT] = {"bit", {NULL}},
    [ATTACK_BY] = {"by", {NULL}},
    [ATTACK_SIZE] = {"size", {NULL}},
    [ATTACK_STRIP] = {"strip", {"versions", "suites", "groups"}},
    [ATTACK_CREDENTIAL] = {"credential",
                           {"self-signed", "untrusted", "expired", "future", "wrong-name",
                            "revoked", "stolen"}},
    [ATTACK_AS] = {"as", {NULL}},
    [ATTACK_FLOOD] = {"flood", {"connect", "hello", "slow"}},
    [ATTACK_SOURCE] = {"source", {"own", "spoofed"}},
    [ATTACK_ADDRESSES] = {"addresses", {NULL}},
    [ATTACK_EVERY] = {"every", {NULL}},
    [ATTACK_TO] = {"to", {NULL}},
    [ATTACK_AHEAD] = {"ahead", {"false", "true"}},
};

size_t attack_words_of(enum scenario_attack_key key)
{
    size_t count = 0;
    while (count < SIM_ARRAY_LEN(keys[key].words) && keys[key].words[count] != NULL) {
        count++;
    }
    return count;
}

bool attack_same(const struct attack_violation *a, const struct attack_violation *b)
{
    return strcmp(a->what, b->what) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->subject, b->subject) == 0;
}

static void append_time(struct buf *out, sim_time t)
{
    if (t % SIM_S == 0) {
        buf_printf(out, "%" PRId64 " s", t / SIM_S);
    } else if (t % SIM_MS == 0) {
        buf_printf(out, "%" PRId64 " ms", t / SIM_MS);
    } else {
        buf_printf(out, "%" PRId64 " ns", t);
    }
}

static void append_value(struct buf *out, const struct attack_text *t, size_t key, int64_t v)
{
    if (attack_words_of((enum scenario_attack_key)key) > 0) {
        buf_append_str(out, keys[key].words[v]);
    } else if (key == ATTACK_AS || key == ATTACK_TO) {
        buf_append_str(out, t->scenario->nodes[v].id);
    } else if (key == ATTACK_BY || key == ATTACK_EVERY) {
        append_time(out, v);
    } else {
        buf_printf(out, "%" PRId64 "%s", v,
                   key == ATTACK_PROBABILITY ? " %"
                   : key == ATTACK_SIZE      ? " B"
                                             : "");
    }
}

static void append_entry(struct buf *out, const struct attack_text *t, const struct attack_entry *e,
                         size_t number)
{
    const struct scenario_attack *kind = &t->words->attacks[e->kind];
    buf_printf(out, "  - {id: " ATTACK_ID "%zu, kind: %s, ", number, kind->name);
    if (e->at != 0) {
        buf_append_str(out, "at: ");
        append_time(out, e->at);
        buf_append_str(out, ", ");
    }
    if (e->duration != SIM_TIME_NEVER) {
        buf_append_str(out, "for: ");
        append_time(out, e->duration);
        buf_append_str(out, ", ");
    }
    buf_printf(out, "target: '%s'",
               kind->on_nodes ? t->scenario->nodes[e->target].id
                              : t->scenario->wires[e->target].id);
    const char *before = ", params: {";
    for (size_t key = 0; key < ATTACK_KEYS; key++) {
        if ((e->given >> key & 1) != 0) {
            buf_printf(out, "%s%s: ", before, keys[key].key);
            append_value(out, t, key, e->value[key]);
            before = ", ";
        }
    }
    buf_append_str(out, e->given != 0 ? "}}\n" : "}\n");
}

/* --- what --set said ----------------------------------------------------------------------- */

bool attack_set_fits(const char *set)
{
    static const char *const within[] = {"run.", "timers.", "security."};
    const char *equals = strchr(set, '=');
    if (equals == NULL || equals == set || strpbrk(equals, "\n#") != NULL) {
        return false;
    }
    if (memchr(set, '.', (size_t)(equals - set)) == NULL) {
        return true;
    }
    if (strncmp(set, "security.policies.", strlen("security.policies.")) == 0) {
        return false; /* a policy of that name there would be replaced whole */
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(within); i++) {
        if (strncmp(set, within[i], strlen(within[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a later one sets the same. */
static bool is_overridden(const struct attack_text *t, size_t i)
{
    size_t len = strcspn(t->sets[i], "=") + 1;
    for (size_t k = i + 1; k < t->set_count; k++) {
        if (strncmp(t->sets[k], t->sets[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* The sets whose path begins with `prefix`, as members of a mapping at `depth`; each first part of
 * what follows the prefix once. */
static void append_sets(struct buf *out, const struct attack_text *t, const char *prefix, int depth)
{
    size_t skip = strlen(prefix);
    for (size_t i = 0; i < t->set_count; i++) {
        if (strncmp(t->sets[i], prefix, skip) != 0 || is_overridden(t, i)) {
            continue;
        }
        const char *rest = t->sets[i] + skip;
        size_t len = strcspn(rest, ".=");
        if (rest[len] == '=') {
            buf_printf(out, "%*s%.*s: %s\n", 2 * depth, "", (int)len, rest, rest + len + 1);
            continue;
        }
        bool told = false;
        for (size_t k = 0; k < i && !told; k++) {
            told = strncmp(t->sets[k], t->sets[i], skip + len + 1) == 0 && !is_overridden(t, k);
        }
        if (!told) {
            char *deeper = mem_strndup(t->sets[i], skip + len + 1);
            buf_printf(out, "%*s%.*s:\n", 2 * depth, "", (int)len, rest);
            append_sets(out, t, deeper, depth + 1);
            free(deeper);
        }
    }
}

static void append_params(struct buf *out, const struct attack_text *t)
{
    bool any = false;
    for (size_t i = 0; i < t->set_count; i++) {
        size_t len = strcspn(t->sets[i], ".=");
        if (t->sets[i][len] == '=' && !is_overridden(t, i)) {
            buf_printf(out, "%s  %.*s: %s\n", any ? "" : "params:\n", (int)len, t->sets[i],
                       t->sets[i] + len + 1);
            any = true;
        }
    }
}

static void append_section(struct buf *out, const struct attack_text *t, const char *name)
{
    char *prefix = mem_printf("%s.", name);
    struct buf members = {0};
    append_sets(&members, t, prefix, 1);
    if (strcmp(name, "run") == 0) {
        bool seeded = false;
        for (size_t i = 0; i < t->set_count; i++) {
            seeded = seeded || strncmp(t->sets[i], "run.seed=", strlen("run.seed=")) == 0;
        }
        if (!seeded) {
            buf_printf(&members, "  seed: %" PRIu64 "\n", t->scenario->seed);
        }
    }
    if (buf_len(&members) > 0) {
        buf_printf(out, "%s:\n", name);
        buf_move(out, &members);
    }
    buf_fini(&members);
    free(prefix);
}

/* --- the whole ----------------------------------------------------------------------------- */

static void append_quoted(struct buf *out, const char *text)
{
    buf_append_u8(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            buf_append_u8(out, '\\');
        }
        buf_append_u8(out, (uint8_t)*c);
    }
    buf_append_u8(out, '"');
}

void attack_program_text(const struct attack_program *p, const struct attack_text *t,
                         struct buf *out)
{
    if (t->comment != NULL) {
        buf_append_str(out, t->comment);
    }
    buf_printf(out, "cpns: 1\nname: attack-%zu-%.40s\ninclude: [", t->number, t->scenario->name);
    append_quoted(out, t->include);
    buf_append_str(out, "]\n");
    append_params(out, t);
    append_section(out, t, "run");
    append_section(out, t, "timers");
    append_section(out, t, "security");
    if (p->count > 0) {
        buf_append_str(out, "attackers:\n");
    }
    for (size_t i = 0; i < p->count; i++) {
        append_entry(out, t, &p->entries[i], t->scenario->attacker_count + i + 1);
    }
    if (t->violated != NULL && strcmp(t->violated->what, "property") == 0) {
        buf_printf(out, "expect:\n  - {claim: %s", t->violated->name);
        if (t->violated->subject[0] != '\0') {
            buf_printf(out, ", subject: %s", t->violated->subject);
        }
        buf_append_str(out, "}\n");
    }
}
