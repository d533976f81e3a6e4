/* From a scenario text to a fake world, and what tests ask of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/devices/devices.h"
#include "models/entities.h"
#include "models/links/links.h"
#include "tests/support/fake_internal.h"

static const char *line_of(const char *logged)
{
    return logged + 12;
}

/* --- what happened
 * --------------------------------------------------------------------------------------------- */

sim_time fake_now(const struct fake_world *w)
{
    return w->now;
}

entity_id fake_id(const struct fake_world *w, const char *name)
{
    entity_id id = scenario_find_node(w->scenario, name);
    CHECK(id != SCENARIO_NONE);
    return id;
}

const struct scenario *fake_scenario(const struct fake_world *w)
{
    return w->scenario;
}

void *fake_state(struct fake_world *w, const char *name)
{
    return w->entities[fake_id(w, name)].state;
}

const char *fake_urn(const struct fake_world *w, const char *name)
{
    return w->entities[fake_id(w, name)].urn;
}

const char *fake_pn_urn(const struct fake_world *w, const char *pn)
{
    for (size_t i = 0; i < w->scenario->pn_count; i++) {
        if (strcmp(w->scenario->pns[i].id, pn) == 0) {
            return w->pn_urns[i];
        }
    }
    return NULL;
}

const char *fake_group_urn(const struct fake_world *w, const char *group)
{
    for (size_t i = 0; i < w->scenario->group_count; i++) {
        if (strcmp(w->scenario->groups[i].id, group) == 0) {
            return w->group_urns[i];
        }
    }
    return NULL;
}

bool fake_connected(const struct fake_world *w, const char *client)
{
    return w->hops[w->scenario->nodes[fake_id(w, client)].edge].up;
}

uint32_t fake_sessions(const struct fake_world *w, const char *client)
{
    return w->hops[w->scenario->nodes[fake_id(w, client)].edge].opened;
}

bool fake_hop_connected(const struct fake_world *w, const char *a, const char *b)
{
    return fake_hop(w, fake_id(w, a), fake_id(w, b))->up;
}

uint32_t fake_hop_sessions(const struct fake_world *w, const char *a, const char *b)
{
    return fake_hop(w, fake_id(w, a), fake_id(w, b))->opened;
}

uint64_t fake_hits(const struct fake_world *w)
{
    return w->hits;
}

uint32_t fake_wrong_events(const struct fake_world *w)
{
    return w->wrong_events;
}

uint32_t fake_count(const struct fake_world *w, const char *line)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w->log_count; i++) {
        count += strncmp(line_of(w->log[i]), line, strlen(line)) == 0;
    }
    return count;
}

void fake_print(const struct fake_world *w)
{
    for (size_t i = 0; i < w->log_count; i++) {
        print_message("%s\n", w->log[i]);
    }
}

void fake_assert_exchange(const struct fake_world *w, const char *const *lines, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < w->log_count && at < count; i++) {
        at += strcmp(line_of(w->log[i]), lines[at]) == 0;
    }
    if (at < count) {
        fake_print(w);
        fail_msg("missing, or not in this order: %s", lines[at]);
    }
}

void fake_assert_account(const struct fake_world *w)
{
    size_t under_way = 0;
    for (size_t i = 0; i < w->message_count; i++) {
        under_way += w->messages[i].outcome == NULL;
    }
    size_t queued = 0;
    for (const struct fake_event *e = w->events; e != NULL; e = e->next) {
        queued += e->kind == FAKE_MESSAGE && e->message_id != 0;
    }
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        for (const struct fake_event *e = w->hops[i].waiting; e != NULL; e = e->next) {
            queued++;
        }
    }
    assert_int_equal(under_way, queued); /* nothing that a handler took and forgot */
}

/* --- create and free
 * ------------------------------------------------------------------------------------------- */

static struct scenario *load(const char *yaml)
{
    const char *cpus[64];
    CHECK(device_cpu_count <= SIM_ARRAY_LEN(cpus));
    for (size_t i = 0; i < device_cpu_count; i++) {
        cpus[i] = device_cpus[i].name;
    }
    const struct scenario_vocabulary words = {.technologies = link_technologies,
                                              .technology_count = link_technology_count,
                                              .cpus = cpus,
                                              .cpu_count = device_cpu_count,
                                              .verbs = cpns_verbs,
                                              .verb_count = cpns_verb_count};
    char dir[] = "/tmp/cpnsim-exchange-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *path = mem_printf("%s/scenario.yaml", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(yaml, f);
    fclose(f);
    struct diag_list diags = {0};
    struct scenario *s = NULL;
    const struct scenario_options options = {0};
    int r = scenario_load(path, &options, &words, &s, &diags);
    unlink(path);
    rmdir(dir);
    free(path);
    if (r < 0) {
        struct buf text = {0};
        diag_render(&diags, false, &text);
        char *sentence = buf_steal_str(&text);
        print_error("%s\n", sentence);
        free(sentence);
    }
    diag_list_fini(&diags);
    assert_int_equal(r, 0);
    return s;
}

static void name_things(struct fake_world *w)
{
    const struct scenario *s = w->scenario;
    w->pn_urns = mem_calloc(s->pn_count + 1, sizeof(*w->pn_urns));
    w->group_urns = mem_calloc(s->group_count + 1, sizeof(*w->group_urns));
    for (uint32_t i = 0; i < s->pn_count; i++) {
        char *name = mem_printf("pn:%s", s->pns[i].id);
        secure_urn(s->seed, name, w->pn_urns[i]);
        map_set_str(&w->pns, w->pn_urns[i], i);
        free(name);
    }
    for (uint32_t i = 0; i < s->group_count; i++) {
        char *name = mem_printf("sg:%s", s->groups[i].id);
        secure_urn(s->seed, name, w->group_urns[i]);
        map_set_str(&w->groups, w->group_urns[i], i);
        free(name);
    }
}

struct fake_world *fake_create(const char *yaml)
{
    static const struct entity_type *const types[] = {[ROLE_PNE] = &pne_entity_type,
                                                      [ROLE_GATEWAY] = &pn_gateway_entity_type,
                                                      [ROLE_SERVER] = &cpns_server_entity_type};
    struct fake_world *w = mem_alloc(sizeof(*w));
    w->scenario = load(yaml);
    const struct scenario *s = w->scenario;
    w->entities = mem_calloc(s->node_count, sizeof(*w->entities));
    w->hops = mem_calloc(s->edge_count, sizeof(*w->hops));
    for (size_t i = 0; i < s->edge_count; i++) {
        w->hops[i] = (struct fake_hop){.edge = &s->edges[i],
                                       .client = &w->entities[s->edges[i].a],
                                       .server = &w->entities[s->edges[i].b]};
    }
    name_things(w);
    for (uint32_t i = 0; i < s->node_count; i++) {
        struct entity *e = &w->entities[i];
        e->world = w;
        e->id = i;
        e->type = types[s->nodes[i].role];
        e->battery = s->nodes[i].device != SCENARIO_NONE
                         ? (int)(s->devices[s->nodes[i].device].battery * 100 + 0.5)
                         : 100;
        e->battery_watch = -1;
        e->state = mem_alloc(e->type->state_bytes);
        secure_urn(s->seed, s->nodes[i].id, e->urn);
        map_set_str(&w->urns, e->urn, i);
    }
    for (uint32_t i = 0; i < s->node_count; i++) {
        w->entities[i].type->start(&w->entities[i], w->entities[i].state);
    }
    for (size_t i = 0; i < s->work_count; i++) {
        for (size_t k = 0; k < s->work[i].from_count; k++) {
            sim_time first =
                s->work[i].at + (s->work[i].repeats ? (sim_time)s->work[i].every.a : 0);
            fake_post(w, FAKE_WORK, first, &w->entities[s->work[i].from[k]])->work = &s->work[i];
        }
    }
    return w;
}

static void free_events(struct fake_event *e)
{
    while (e != NULL) {
        struct fake_event *next = e->next;
        fake_event_free(e);
        e = next;
    }
}

void fake_free(struct fake_world *w)
{
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        struct entity *e = &w->entities[i];
        e->type->finish(e, e->state);
        free(e->state);
        for (size_t k = 0; k < STREAMS; k++) {
            free(e->streams[k].rng);
        }
    }
    for (size_t i = 0; i < w->scenario->edge_count; i++) {
        free_events(w->hops[i].waiting);
    }
    free(w->hops);
    free_events(w->events);
    for (size_t i = 0; i < w->log_count; i++) {
        free(w->log[i]);
    }
    free(w->log);
    fake_flows_free(w);
    buf_fini(&w->stores);
    free(w->messages);
    free(w->entities);
    free(w->pn_urns);
    free(w->group_urns);
    map_fini(&w->urns);
    map_fini(&w->pns);
    map_fini(&w->groups);
    map_fini(&w->random_counts);
    scenario_free(w->scenario);
    free(w);
}
