/* Attackers: which kind, on what, with which parameters. */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

static uint32_t find_kind(struct loader *l, const struct value *v)
{
    const struct scenario_vocabulary *words = l->vocabulary;
    if (!value_ok(v)) {
        return SCENARIO_NONE;
    }
    const char **names = arena_array(l->arena, words->attack_count, sizeof(*names));
    for (size_t i = 0; i < words->attack_count; i++) {
        names[i] = words->attacks[i].name;
        if (strcmp(names[i], v->v.s) == 0) {
            return (uint32_t)i;
        }
    }
    struct diag *d =
        report_error(&l->report, v->at, "unknown-attacker", "unknown kind of attacker \"%s\"",
                     report_quote(&l->report, v->v.s));
    report_near(&l->report, d, v->v.s, names, words->attack_count);
    return SCENARIO_NONE;
}

/* The values of `params`, by enum scenario_attack_key. */
static const struct value *param(const struct raw_attacker *raw, size_t key)
{
    const struct value *values[ATTACK_KEYS] = {
        [ATTACK_RECORDS] = &raw->records,
        [ATTACK_FROM] = &raw->from,
        [ATTACK_NTH] = &raw->nth,
        [ATTACK_PROBABILITY] = &raw->probability,
        [ATTACK_COUNT] = &raw->count,
        [ATTACK_PART] = &raw->part,
        [ATTACK_BIT] = &raw->bit,
        [ATTACK_BY] = &raw->by,
        [ATTACK_SIZE] = &raw->size,
        [ATTACK_STRIP] = &raw->strip,
        [ATTACK_CREDENTIAL] = &raw->credential,
        [ATTACK_AS] = &raw->as,
        [ATTACK_FLOOD] = &raw->flood,
        [ATTACK_SOURCE] = &raw->source,
        [ATTACK_ADDRESSES] = &raw->addresses,
        [ATTACK_EVERY] = &raw->every,
        [ATTACK_TO] = &raw->to,
        [ATTACK_AHEAD] = &raw->ahead,
    };
    return values[key];
}

static void check_params(struct loader *l, const struct raw_attacker *raw,
                         const struct scenario_attack *kind)
{
    for (size_t i = 0; i < ATTACK_KEYS; i++) {
        const struct value *v = param(raw, i);
        const char *key = section_attack_params.fields[i].key;
        if (v->state == VALUE_GIVEN && (kind->takes >> i & 1) == 0) {
            report_error(&l->report, v->at->key, "inconsistent",
                         "\"%s\" has no meaning for an attacker of kind %s", key, kind->name);
        } else if (v->state == VALUE_ABSENT && (kind->needs >> i & 1) != 0) {
            report_error(&l->report, raw->head.at, "missing-key",
                         "an attacker of kind %s needs \"%s\" in its params", kind->name, key);
        }
    }
    if (raw->nth.state == VALUE_GIVEN && raw->probability.state == VALUE_GIVEN) {
        report_error(&l->report, raw->probability.at->key, "inconsistent",
                     "an attacker has either \"nth\" or \"probability\"");
    }
}

/* `random`, or a number of a bit. */
static uint32_t take_bit(struct loader *l, const struct value *v)
{
    if (!value_ok(v) || strcmp(v->v.s, "random") == 0) {
        return SCENARIO_NONE;
    }
    char *end = NULL;
    unsigned long bit = strtoul(v->v.s, &end, 10);
    if (v->v.s[0] < '0' || v->v.s[0] > '9' || *end != '\0' || bit > 8UL * 16384) {
        report_error(&l->report, v->at, "bad-value",
                     "\"%s\" is neither the number of a bit of a record (0 to 131072) nor random",
                     report_quote(&l->report, v->v.s));
        return SCENARIO_NONE;
    }
    return (uint32_t)bit;
}

static int64_t number(const struct value *v, int64_t otherwise)
{
    return value_ok(v) ? v->v.i : otherwise;
}

static void take_params(struct loader *l, const struct raw_attacker *raw,
                        struct scenario_attacker *a)
{
    bool by_chance = value_ok(&raw->probability);
    a->records = (enum scenario_attack_records)number(&raw->records, RECORDS_APPLICATION);
    a->from = (enum scenario_attack_from)number(&raw->from, FROM_ANY);
    a->nth = by_chance ? 0 : (uint32_t)number(&raw->nth, 1);
    a->probability = by_chance ? raw->probability.v.d : 1;
    a->count = value_ok(&raw->count) ? (uint64_t)raw->count.v.i : UINT64_MAX;
    a->part = (enum scenario_attack_part)number(&raw->part, PART_BODY);
    a->bit = take_bit(l, &raw->bit);
    a->by = number(&raw->by, 1 * SIM_S);
    a->size = (uint32_t)number(&raw->size, 64);
    a->strip = (enum scenario_attack_strip)number(&raw->strip, STRIP_VERSIONS);
    a->credential = (enum scenario_attack_credential)number(&raw->credential, ROGUE_UNTRUSTED);
    a->flood = (enum scenario_attack_flood)number(&raw->flood, FLOOD_HELLO);
    a->spoofed = number(&raw->source, 0) == 1;
    a->addresses = (uint32_t)number(&raw->addresses, a->spoofed ? 64 : 1);
    a->every = number(&raw->every, 100 * SIM_MS);
    a->ahead = number(&raw->ahead, 0) == 1;
    a->as = SCENARIO_NONE;
    if (value_ok(&raw->as)) {
        select_one(l, raw->as.v.s, raw->as.at, ANY_ROLE, &a->as);
    }
}

/* An edge that runs over one of the attacker's links, is protected, and is (not) over datagrams. */
static const struct scenario_edge *edge_of(const struct scenario *s,
                                           const struct scenario_attacker *a, bool dtls)
{
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        bool fits = e->policy != SCENARIO_NONE && !scenario_is_clear(&s->policies[e->policy]) &&
                    (s->policies[e->policy].kind == KIND_DTLS) == dtls;
        for (size_t k = 0; fits && k < e->wire_count * a->target_count; k++) {
            if (e->wires[k % e->wire_count] == a->targets[k / e->wire_count]) {
                return e;
            }
        }
    }
    return NULL;
}

/* What a flood needs of the sessions that it is against. */
static void check_flood(struct loader *l, const struct raw_attacker *raw,
                        const struct scenario_attacker *a)
{
    const struct scenario_edge *tls = a->spoofed ? edge_of(l->s, a, false) : NULL;
    const struct scenario_edge *dtls = a->flood != FLOOD_HELLO ? edge_of(l->s, a, true) : NULL;
    if (tls != NULL) {
        report_error(&l->report, raw->source.at, "inconsistent",
                     "the sessions of %s go over TCP, where nobody gets far with spoofed addresses",
                     tls->id);
    }
    if (dtls != NULL) {
        report_error(&l->report, raw->flood.at, "inconsistent",
                     "the sessions of %s go over datagrams: of them there is flood: hello alone",
                     dtls->id);
    }
}

/* Somebody has sessions with it that go over a stream. */
static bool answers(const struct scenario *s, uint32_t node)
{
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *e = &s->edges[i];
        if (e->b == node && e->policy != SCENARIO_NONE && s->policies[e->policy].kind == KIND_TLS) {
            return true;
        }
    }
    return false;
}

static void take_to(struct loader *l, const struct value *v, struct scenario_attacker *a)
{
    a->to = SCENARIO_NONE;
    if (value_ok(v) &&
        select_one(l, v->v.s, v->at, 1U << ROLE_GATEWAY | 1U << ROLE_SERVER, &a->to) &&
        !answers(l->s, a->to)) {
        report_error(&l->report, v->at, "inconsistent", "nobody opens sessions of TLS to \"%s\"",
                     report_quote(&l->report, v->v.s));
    }
}

static void resolve_attacker(struct loader *l, const struct raw_attacker *raw, uint32_t index,
                             struct names *ids, struct scenario_attacker *a)
{
    if (value_ok(&raw->id)) {
        a->id = raw->id.v.s;
        if (!names_add(ids, raw->id.v.s, index)) {
            report_error(&l->report, raw->id.at, "duplicate-id",
                         "an attacker \"%s\" is defined already", raw->id.v.s);
        }
    }
    a->at = number(&raw->at, 0);
    a->duration = number(&raw->for_, SIM_TIME_NEVER);
    if (raw->at.state == VALUE_GIVEN) {
        activity_warn_late(l, &raw->at, "this attack");
    }
    take_params(l, raw, a);
    take_to(l, &raw->to, a);
    a->kind = find_kind(l, &raw->kind);
    if (a->kind == SCENARIO_NONE) {
        return;
    }
    const struct scenario_attack *kind = &l->vocabulary->attacks[a->kind];
    check_params(l, raw, kind);
    if (kind->on_nodes) {
        select_nodes(l, &raw->target, kind->node_roles, SCENARIO_NONE, &a->targets,
                     &a->target_count);
        if (a->as != SCENARIO_NONE && a->target_count == 1 && a->targets[0] == a->as) {
            report_error(&l->report, raw->as.at, "inconsistent", "\"%s\" would claim to be itself",
                         l->s->nodes[a->as].id);
        }
    } else {
        select_wires(l, &raw->target, &a->targets, &a->target_count);
        check_flood(l, raw, a);
    }
}

void attackers_resolve(struct loader *l)
{
    struct scenario *s = l->s;
    const struct value *list = &l->raw->attackers;
    s->attacker_count = value_ok(list) ? list->v.entries.count : 0;
    s->attackers = arena_array(l->arena, s->attacker_count, sizeof(*s->attackers));
    struct names ids = {0};
    for (size_t i = 0; i < s->attacker_count; i++) {
        if (list->v.entries.items[i]->at->kind == TREE_MAP) {
            resolve_attacker(l, (const struct raw_attacker *)list->v.entries.items[i], (uint32_t)i,
                             &ids, &s->attackers[i]);
        }
    }
    names_fini(&ids);
}
