/* Programs of attackers, drawn. */
#include <stdlib.h>
#include <string.h>

#include "models/attackers/attackers.h"
#include "sim/cli/attack_program.h"

#define GIVEN(key) (UINT32_C(1) << (key))

/* PNEs: who lies about itself. */
static uint32_t pnes(const struct scenario *s)
{
    uint32_t count = 0;
    for (size_t i = 0; i < s->node_count; i++) {
        count += s->nodes[i].role == ROLE_PNE;
    }
    return count;
}

/* The n-th node of one of the roles. */
static uint32_t nth_node(const struct scenario *s, uint32_t roles, uint64_t n)
{
    for (uint32_t i = 0; i < s->node_count; i++) {
        if ((roles >> s->nodes[i].role & 1) != 0 && n-- == 0) {
            return i;
        }
    }
    return SCENARIO_NONE;
}

static bool expects_availability(const struct scenario *s)
{
    for (size_t i = 0; i < s->expect_count; i++) {
        if (s->expects[i].kind == EXPECT_CLAIM && strcmp(s->expects[i].name, "availability") == 0) {
            return true;
        }
    }
    return false;
}

/* Somebody sends 0-RTT data. */
static bool has_early_data(const struct scenario *s)
{
    bool has = false;
    for (size_t i = 0; i < s->edge_count; i++) {
        uint32_t policy = s->edges[i].policy;
        has = has || (policy != SCENARIO_NONE && s->policies[policy].early_data > 0);
    }
    return has;
}

/* Whether the session has a say in what comes of it. */
static bool is_fair(const struct attack_space *space, size_t kind, bool thieves)
{
    const struct attack_ops *ops = &attack_kinds[kind];
    const struct scenario_attack *word = &space->words->attacks[kind];
    if (word->on_nodes && ops->listens) {
        return false;
    }
    if (ops->forges != NULL) {
        return pnes(space->scenario) >= 2;
    }
    if (ops->exhausts && !expects_availability(space->scenario)) {
        return false;
    }
    if (ops->copies != NULL && !has_early_data(space->scenario)) {
        return false;
    }
    return ops->steals ? thieves : space->edge_count > 0;
}

void attack_space_init(struct attack_space *space, const struct scenario *scenario,
                       const struct scenario_vocabulary *words, uint64_t seed, bool thieves)
{
    CHECK(words->attack_count == attack_kind_count && attack_kind_count <= ATTACK_KINDS_MAX);
    *space = (struct attack_space){.scenario = scenario, .words = words};
    rng_init(&space->rng, seed, scenario->name, "attack search");
    space->edges = mem_calloc(scenario->edge_count + 1, sizeof(*space->edges));
    for (uint32_t i = 0; i < scenario->edge_count; i++) {
        if (scenario->edges[i].policy != SCENARIO_NONE && scenario->edges[i].wire_count > 0) {
            space->edges[space->edge_count++] = i;
        }
    }
    for (uint32_t i = 0; i < words->attack_count; i++) {
        if (is_fair(space, i, thieves)) {
            space->kinds[space->kind_count++] = i;
        }
        for (size_t key = 0; key < ATTACK_KEYS; key++) {
            if (key < ATTACK_FLOOD && !attack_kinds[i].exhausts &&
                attack_kinds[i].copies == NULL) { /* an earlier seed stays one */
                space->next_word[i][key] = (uint32_t)rng_below(&space->rng, 64);
            }
        }
    }
    space->next_kind = space->kind_count;
}

void attack_space_fini(struct attack_space *space)
{
    free(space->edges);
}

static uint32_t draw_kind(struct attack_space *space)
{
    if (space->next_kind == space->kind_count) {
        for (size_t i = space->kind_count; i > 1; i--) {
            size_t k = rng_below(&space->rng, i);
            uint32_t kept = space->kinds[i - 1];
            space->kinds[i - 1] = space->kinds[k];
            space->kinds[k] = kept;
        }
        space->next_kind = 0;
    }
    return space->kinds[space->next_kind++];
}

/* From 1 on, small ones more often. */
static int64_t draw_small(struct rng *r, uint64_t most)
{
    return 1 + (int64_t)rng_below(r, 1 + rng_below(r, most));
}

static int64_t draw_value(struct attack_space *space, const struct attack_entry *e, size_t key)
{
    struct rng *r = &space->rng;
    size_t words = attack_words_of((enum scenario_attack_key)key);
    if (key == ATTACK_CREDENTIAL) {
        words = ROGUE_REVOKED; /* who has the key is the peer, unless somebody asks the CA */
    }
    if (words > 0) {
        return (int64_t)(space->next_word[e->kind][key]++ % words);
    }
    switch (key) {
    case ATTACK_NTH:
        return draw_small(r, 12);
    case ATTACK_PROBABILITY:
        return 5 * draw_small(r, 10);
    case ATTACK_COUNT:
        return draw_small(r, 5);
    case ATTACK_BIT:
        return (int64_t)rng_below(r, 1 + rng_below(r, 2048));
    case ATTACK_BY:
        return draw_small(r, 20) * 100 * SIM_MS;
    case ATTACK_SIZE:
        return draw_small(r, 512);
    case ATTACK_ADDRESSES:
        return draw_small(r, 4);
    case ATTACK_EVERY:
        return draw_small(r, 5) * 10 * SIM_MS;
    case ATTACK_TO:
        return space->scenario->edges[space->edges[rng_below(r, space->edge_count)]].b;
    default:
        CHECK(key == ATTACK_AS);
        break;
    }
    uint64_t others = pnes(space->scenario) - 1;
    uint32_t node = nth_node(space->scenario, 1U << ROLE_PNE, rng_below(r, others));
    return node == e->target ? nth_node(space->scenario, 1U << ROLE_PNE, others) : node;
}

static bool has_datagrams(const struct scenario *s, uint32_t wire)
{
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct scenario_edge *edge = &s->edges[i];
        for (size_t k = 0; edge->policy != SCENARIO_NONE && k < edge->wire_count; k++) {
            if (edge->wires[k] == wire) {
                return s->policies[edge->policy].kind == KIND_DTLS;
            }
        }
    }
    return false;
}

/* What the scenario would refuse, or would end a flood before it is one. */
static bool is_spared(const struct attack_space *space, const struct attack_entry *e, size_t key)
{
    bool datagrams = has_datagrams(space->scenario, e->target);
    return attack_kinds[e->kind].exhausts &&
           (key == ATTACK_COUNT || (key == ATTACK_SOURCE && !datagrams) ||
            (key == ATTACK_FLOOD && datagrams));
}

static void draw_params(struct attack_space *space, struct attack_entry *e)
{
    const struct scenario_attack *kind = &space->words->attacks[e->kind];
    for (size_t key = 0; key < ATTACK_KEYS; key++) {
        if ((kind->takes >> key & 1) == 0 || is_spared(space, e, key)) {
            continue;
        }
        bool always = key == ATTACK_CREDENTIAL || key == ATTACK_EVERY || key == ATTACK_AHEAD;
        bool wanted = rng_chance(&space->rng, always ? 1 : 0.5);
        if (wanted || (kind->needs >> key & 1) != 0) {
            e->given |= GIVEN(key);
            e->value[key] = draw_value(space, e, key);
        }
    }
    if ((e->given & GIVEN(ATTACK_PROBABILITY)) != 0) {
        e->given &= ~GIVEN(ATTACK_NTH); /* they exclude each other */
    }
}

/* On a whole tenth of a second. */
static sim_time draw_time(struct rng *r, sim_time from, sim_time below)
{
    const sim_time tenth = 100 * SIM_MS;
    uint64_t steps = below > from ? (uint64_t)((below - from) / tenth) : 0;
    return from + (steps > 0 ? (sim_time)rng_below(r, steps) * tenth : 0);
}

static void draw_times(struct attack_space *space, struct attack_entry *e)
{
    struct rng *r = &space->rng;
    const struct attack_ops *ops = &attack_kinds[e->kind];
    sim_time until = space->scenario->until;
    /* Who needs a new session finds most at the start, the rest after what others cut. */
    bool early = rng_chance(r, ops->terminates || ops->on_hello || ops->exhausts ? 0.9 : 0.5);
    e->at = early ? 0 : draw_time(r, 0, until / 10 * 7);
    bool ends = rng_chance(r, 0.5);
    sim_time duration = draw_time(r, 100 * SIM_MS, until / 4);
    /* Held back until the run is over is no failure of the session. */
    e->duration = ends || ops->has_to_arrive ? duration : SIM_TIME_NEVER;
    /* 0-RTT data come with later sessions */
    if (ops->steals || ops->exhausts || ops->copies != NULL) {
        e->duration = SIM_TIME_NEVER;
    }
}

static void draw_entry(struct attack_space *space, struct attack_entry *ret)
{
    const struct scenario *s = space->scenario;
    struct attack_entry e = {.kind = draw_kind(space)};
    const struct scenario_attack *kind = &space->words->attacks[e.kind];
    if (kind->on_nodes) {
        uint32_t roles = kind->node_roles;
        if (attack_kinds[e.kind].forges != NULL) {
            roles = 1U << ROLE_PNE; /* what a gateway says of its PNEs nobody can check */
        }
        uint32_t count = 0;
        for (size_t i = 0; i < s->node_count; i++) {
            count += roles >> s->nodes[i].role & 1;
        }
        CHECK(count > 0);
        e.target = nth_node(s, roles, rng_below(&space->rng, count));
    } else {
        const struct scenario_edge *edge =
            &s->edges[space->edges[rng_below(&space->rng, space->edge_count)]];
        e.target = edge->wires[rng_below(&space->rng, edge->wire_count)];
    }
    draw_times(space, &e);
    draw_params(space, &e);
    *ret = e;
}

void attack_draw(struct attack_space *space, struct attack_program *ret)
{
    CHECK(space->kind_count > 0);
    *ret = (struct attack_program){.count = (size_t)draw_small(&space->rng, ATTACK_ENTRIES_MAX)};
    for (size_t i = 0; i < ret->count; i++) {
        draw_entry(space, &ret->entries[i]);
    }
}
