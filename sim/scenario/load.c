#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/loader.h"

/* The name of the file without its ending, made fit to be a name. */
static const char *stem(struct loader *l, const char *path)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    enum { LONGEST = 50 };
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t len = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
    char *name = arena_strndup(l->arena, base, len < LONGEST ? len : LONGEST);
    for (char *c = name; *c != '\0'; c++) {
        bool fits = strchr(letters, *c) != NULL || strchr("0123456789_.", *c) != NULL ||
                    (*c == '-' && c[1] != '-');
        *c = fits ? *c : '_';
    }
    return strchr(letters, name[0]) != NULL && name[0] != '\0'
               ? name
               : arena_printf(l->arena, "scenario-%s", name);
}

static const char *overrides(struct loader *l)
{
    struct buf out = {0};
    for (size_t i = 0; l->options != NULL && i < l->options->set_count; i++) {
        buf_printf(&out, "%s\n", l->options->sets[i]);
    }
    if (l->options != NULL && l->options->has_seed) {
        buf_printf(&out, "run.seed=%llu\n", (unsigned long long)l->options->seed);
    }
    char *text = buf_steal_str(&out);
    const char *copy = arena_strdup(l->arena, text);
    free(text);
    return copy;
}

/* Which nodes `run.record.pcap` names, as patterns. */
static void take_pcap(struct loader *l)
{
    const struct value *v = &l->raw->pcap;
    if (!value_ok(v)) {
        return;
    }
    const struct text_item *items = v->v.texts.items;
    size_t count = v->v.texts.count;
    const char **patterns = arena_array(l->arena, count, sizeof(*patterns));
    if (count == 1 && strcmp(items[0].text, "none") == 0) {
        count = 0;
    } else if (count == 1 && strcmp(items[0].text, "all") == 0) {
        patterns[0] = "*";
    } else {
        for (size_t i = 0; i < count; i++) {
            size_t n = 0;
            patterns[i] = items[i].text;
            while (n < l->s->node_count && fnmatch(patterns[i], l->s->nodes[n].id, 0) != 0) {
                n++;
            }
            if (n == l->s->node_count && !l->nodes.incomplete && !l->nodes.gaps) {
                struct diag *d = report_error(&l->report, items[i].at, "empty-selection",
                                              "no node has a name like \"%s\"",
                                              report_quote(&l->report, items[i].text));
                report_near(&l->report, d, items[i].text, l->nodes.items, l->nodes.count);
            }
        }
    }
    l->s->pcap = patterns;
    l->s->pcap_count = count;
}

static void take_run(struct loader *l)
{
    struct scenario *s = l->s;
    struct raw_scenario *raw = l->raw;
    if (l->options != NULL && l->options->has_seed) {
        raw->seed =
            (struct value){.state = VALUE_GIVEN, .origin = "--seed", .v.u = l->options->seed};
    }
    s->until = raw->until.v.i;
    s->seed = raw->seed.v.u;
    s->system_random = raw->random.v.i == 1;
    s->record_messages = raw->messages.v.i == 0   ? MESSAGES_NONE
                         : raw->messages.v.i == 1 ? MESSAGES_ALL
                                                  : MESSAGES_SAMPLED;
    s->record_sample = (uint32_t)raw->messages.v.i;
    s->group_protection = (enum scenario_protection)raw->protection.v.i;
    s->timers = (struct scenario_timers){.request = raw->request.v.i,
                                         .request_tries = (uint32_t)raw->request_tries.v.i,
                                         .request_backoff = raw->request_backoff.v.d,
                                         .keep_alive = raw->keep_alive.v.i,
                                         .idle_close = raw->idle_close.v.i,
                                         .pn_lease = raw->pn_lease.v.i,
                                         .reconnect = raw->reconnect.v.i,
                                         .reconnect_backoff = raw->reconnect_backoff.v.d,
                                         .reconnect_most = raw->reconnect_most.v.i,
                                         .close_timeout = raw->close_timeout.v.i};
}

static void take_name(struct loader *l, const char *path)
{
    if (l->raw->name.state == VALUE_ABSENT) {
        l->raw->name.v.s = stem(l, path);
        l->raw->name.state = VALUE_DEFAULT;
        l->raw->name.origin = "name of the file";
    }
    l->s->name = l->raw->name.v.s;
    l->s->description = value_ok(&l->raw->description) ? l->raw->description.v.s : "";
    l->s->path = arena_strdup(l->arena, path);
}

/* False when the file is of another version of the format: what follows would mean nothing. */
static bool check_version(struct loader *l)
{
    const struct tree *version = tree_get(l->root, "cpns");
    struct field plain = {.key = "cpns", .type = FIELD_INTEGER};
    int64_t major;
    if (version == NULL || version->kind == TREE_BAD) {
        return true;
    }
    if (!parse_integer(&l->report, &plain, version, &major)) {
        return false;
    }
    if (major != 1) {
        report_error(&l->report, version, "unknown-version",
                     "this version of cpnsim reads major version 1 of the format, not %lld",
                     (long long)major);
        return false;
    }
    return true;
}

static void load(struct loader *l, const char *path)
{
    l->root = files_load(l, path);
    if (l->root == NULL) {
        return;
    }
    params_set(l);
    if (!check_version(l)) {
        return;
    }
    params_fill(l);
    import_resolve(l);
    l->raw = arena_alloc(l->arena, sizeof(*l->raw));
    l->raw->head.at = l->root;
    l->storage->raw = l->raw;
    read_given(&l->report, &section_scenario, l->root, l->raw);
    read_finish(&l->report, &section_scenario, l->raw);
    take_name(l, path);
    take_run(l);
    profiles_resolve(l);
    nodes_resolve(l);
    networks_resolve(l);
    hops_resolve(l);
    wires_resolve(l);
    profiles_build_links(l);
    places_resolve(l);
    routes_resolve(l);
    policies_check_links(l);
    zones_resolve(l);
    services_resolve(l);
    activity_resolve(l);
    attackers_resolve(l);
    revocation_resolve(l);
    take_pcap(l);
    l->s->text = files_text(l);
    l->s->overrides = overrides(l);
}

static void storage_free(struct storage *storage)
{
    map_fini(&storage->entries);
    map_fini(&storage->named);
    arena_fini(&storage->arena);
    free(storage);
}

static void loader_fini(struct loader *l)
{
    names_fini(&l->policies);
    names_fini(&l->devices);
    names_fini(&l->links);
    names_fini(&l->nodes);
    names_fini(&l->pns);
    names_fini(&l->groups);
    names_fini(&l->services);
    map_fini(&l->shared);
    free(l->access);
    free(l->first_wire);
    free(l->stamps);
    free(l->attached);
    free(l->attached_from);
}

int scenario_load(const char *path, const struct scenario_options *options,
                  const struct scenario_vocabulary *vocabulary, struct scenario **ret,
                  struct diag_list *diags)
{
    enum { MOST_NAMES_COMPARED = 2000000 };
    struct storage *storage = mem_alloc(sizeof(*storage));
    struct loader l = {
        .report = {.arena = &storage->arena, .diags = diags, .names_left = MOST_NAMES_COMPARED},
        .storage = storage,
        .arena = &storage->arena,
        .options = options,
        .vocabulary = vocabulary,
    };
    size_t before = diags->errors;
    l.s = arena_alloc(l.arena, sizeof(*l.s));
    l.s->storage = storage;
    load(&l, path);
    loader_fini(&l);
    diag_list_sort(diags);
    if (diags->errors != before) {
        storage_free(storage);
        return -SIM_EINVAL;
    }
    *ret = l.s;
    return 0;
}

void scenario_free(struct scenario *s)
{
    if (s != NULL) {
        storage_free(s->storage);
    }
}

uint32_t scenario_find_node(const struct scenario *s, const char *id)
{
    const struct storage *storage = s->storage;
    size_t len = strcspn(id, "/");
    char name[128];
    uint64_t index;
    if (len >= sizeof(name)) {
        return SCENARIO_NONE;
    }
    memcpy(name, id, len);
    name[len] = '\0';
    if (!map_get_str(&storage->entries, name, &index)) {
        return SCENARIO_NONE;
    }
    const struct node_entry *e = &storage->node_entries[index];
    if (e->named) {
        return map_get_str(&storage->named, id, &index) ? (uint32_t)index : SCENARIO_NONE;
    }
    if (!e->counted) {
        return id[len] == '\0' ? e->first : SCENARIO_NONE;
    }
    char *end = NULL;
    unsigned long n = id[len] == '/' && id[len + 1] >= '1' && id[len + 1] <= '9'
                          ? strtoul(id + len + 1, &end, 10)
                          : 0;
    return n >= 1 && n <= e->count && *end == '\0' ? e->first + (uint32_t)n - 1 : SCENARIO_NONE;
}
