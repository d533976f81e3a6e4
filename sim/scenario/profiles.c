#include <stdlib.h>
#include <string.h>

#include "sim/core/buf.h"
#include "sim/scenario/loader.h"

/* --- devices ------------------------------------------------------------------------------- */

uint32_t find_device(struct loader *l, const char *name, const struct tree *at)
{
    return find_name(l, &l->devices, name, at, "unknown-device", "device");
}

static void resolve_devices(struct loader *l)
{
    const struct value *v = &l->raw->devices;
    const struct scenario_vocabulary *words = l->vocabulary;
    resolve_named(l, &section_device, v, &l->devices);
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    l->s->devices = arena_array(l->arena, count, sizeof(struct scenario_device));
    l->s->device_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct raw_device *raw = (const struct raw_device *)v->v.entries.items[i];
        l->s->devices[i] = (struct scenario_device){
            .name = raw->head.name,
            .cpu = raw->cpu.v.s,
            .battery = raw->battery.v.d,
            .media = words_media[value_ok(&raw->media) ? raw->media.v.i : 0]};
        if (raw->energy.state == VALUE_GIVEN || raw->energy.state == VALUE_INHERITED) {
            l->s->devices[i].energy = (struct scenario_energy){
                .modelled = true,
                .capacity_uj = value_ok(&raw->capacity) ? raw->capacity.v.i : 1,
                .idle_uw = value_ok(&raw->idle) ? raw->idle.v.i : -1,
                .active_uw = value_ok(&raw->active) ? raw->active.v.i : -1,
                .low = value_ok(&raw->low) ? raw->low.v.d : 0.2};
        }
        if (raw->policy.state == VALUE_GIVEN) {
            find_policy(l, &raw->policy);
        }
        size_t c = 0;
        while (raw->cpu.state == VALUE_GIVEN && c < words->cpu_count &&
               strcmp(words->cpus[c], raw->cpu.v.s) != 0) {
            c++;
        }
        if (raw->cpu.state == VALUE_GIVEN && c == words->cpu_count) {
            struct diag *d =
                report_error(&l->report, raw->cpu.at, "unknown-cpu", "unknown cpu \"%s\"",
                             report_quote(&l->report, raw->cpu.v.s));
            report_near(&l->report, d, raw->cpu.v.s, words->cpus, words->cpu_count);
        }
    }
}

/* --- links --------------------------------------------------------------------------------- */

const struct scenario_link *find_technology(const struct loader *l, const char *name)
{
    for (size_t i = 0; i < l->vocabulary->technology_count; i++) {
        if (strcmp(l->vocabulary->technologies[i].name, name) == 0) {
            return &l->vocabulary->technologies[i];
        }
    }
    return NULL;
}

static const char **technology_names(const struct loader *l, size_t more, size_t *count)
{
    const struct scenario_vocabulary *words = l->vocabulary;
    const char **names = arena_array(l->arena, words->technology_count + more, sizeof(*names));
    for (size_t i = 0; i < words->technology_count; i++) {
        names[i] = words->technologies[i].name;
    }
    *count = words->technology_count;
    return names;
}

uint32_t find_link(struct loader *l, const struct value *v)
{
    uint64_t index;
    if (!value_ok(v)) {
        return SCENARIO_NONE;
    }
    if (map_get_str(&l->links.index, v->v.s, &index)) {
        return (uint32_t)index;
    }
    const struct scenario_link *technology = find_technology(l, v->v.s);
    if (technology != NULL) {
        struct raw_link *raw =
            implicit_entry(l, &section_link, &l->raw->links, &l->links, technology->name);
        raw->technology = (struct value){
            .state = VALUE_INHERITED, .origin = "name of a technology", .v.s = raw->head.name};
        return (uint32_t)(l->raw->links.v.entries.count - 1);
    }
    if (!l->links.incomplete) {
        size_t count;
        const char **names = technology_names(l, l->links.count, &count);
        for (size_t i = 0; i < l->links.count; i++) {
            names[count++] = l->links.items[i];
        }
        struct diag *d = report_error(&l->report, v->at, "unknown-link", "unknown link \"%s\"",
                                      report_quote(&l->report, v->v.s));
        report_near(&l->report, d, v->v.s, names, count);
    }
    return SCENARIO_NONE;
}

static void fill(struct value *v, const char *origin, int64_t i, double d)
{
    if (v->state == VALUE_ABSENT) {
        v->state = VALUE_INHERITED;
        v->origin = origin;
        if (d >= 0) {
            v->v.d = d;
        } else {
            v->v.i = i;
        }
    }
}

/* Whatever the file does not say comes from the technology. */
static void fill_link(struct loader *l, struct raw_link *raw, const struct scenario_link *t)
{
    const char *origin = arena_printf(l->arena, "technology %s", t->name);
    if (raw->delay.state == VALUE_ABSENT) {
        fill(&raw->delay, origin, 0, -1);
        fill(&raw->mean, origin, t->delay, -1);
        fill(&raw->jitter, origin, t->jitter, -1);
    }
    fill(&raw->rate, origin, (int64_t)t->rate_bps, -1);
    fill(&raw->mtu, origin, t->mtu_bytes, -1);
    fill(&raw->queue, origin, t->queue_packets, -1);
    fill(&raw->frame, origin, t->frame_bytes, -1);
    fill(&raw->overhead, origin, t->overhead_bytes, -1);
    fill(&raw->medium, origin, t->shared_medium, -1);
    if (t->range_m > 0) {
        fill(&raw->range, origin, 0, t->range_m);
    }
    if (raw->loss.state != VALUE_ABSENT) {
        return;
    }
    fill(&raw->loss, origin, 0, -1);
    fill(&raw->model, origin, t->loss.model, -1);
    if (t->loss.model == SCENARIO_LOSS_RANDOM) {
        fill(&raw->loss_rate, origin, 0, t->loss.rate);
    } else if (t->loss.model == SCENARIO_LOSS_GILBERT_ELLIOTT) {
        fill(&raw->enter, origin, 0, t->loss.enter);
        fill(&raw->leave, origin, 0, t->loss.leave);
        fill(&raw->rate_good, origin, 0, t->loss.rate_good);
        fill(&raw->rate_bad, origin, 0, t->loss.rate_bad);
    }
}

/* Each loss model has its own keys. */
static void check_loss(struct loader *l, struct raw_link *raw)
{
    if (raw->loss.state != VALUE_GIVEN || !value_ok(&raw->model)) {
        return;
    }
    static const enum scenario_loss_model model_of[] = {
        SCENARIO_LOSS_RANDOM, SCENARIO_LOSS_GILBERT_ELLIOTT, SCENARIO_LOSS_GILBERT_ELLIOTT,
        SCENARIO_LOSS_GILBERT_ELLIOTT, SCENARIO_LOSS_GILBERT_ELLIOTT};
    static const char *const names[] = {"rate", "enter", "leave", "rate_good", "rate_bad"};
    const struct value *values[] = {&raw->loss_rate, &raw->enter, &raw->leave, &raw->rate_good,
                                    &raw->rate_bad};
    enum scenario_loss_model model = (enum scenario_loss_model)raw->model.v.i;
    for (size_t i = 0; i < SIM_ARRAY_LEN(values); i++) {
        if (values[i]->state == VALUE_GIVEN && model_of[i] != model) {
            report_error(&l->report, values[i]->at->key, "inconsistent",
                         "\"%s\" has no meaning with model: %s", names[i], words_loss[model]);
        } else if (values[i]->state == VALUE_ABSENT && model_of[i] == model && i < 3) {
            report_error(&l->report, raw->loss.at, "missing-key", "model: %s needs the key \"%s\"",
                         words_loss[model], names[i]);
        }
    }
    if (model == SCENARIO_LOSS_GILBERT_ELLIOTT && value_ok(&raw->leave) && raw->leave.v.d == 0) {
        report_error(&l->report, raw->leave.at, "out-of-range",
                     "with leave: 0 %% the link never gets out of the bad state");
    }
}

static void build_link(const struct raw_link *raw, struct scenario_link *link)
{
    *link = (struct scenario_link){
        .name = raw->head.name,
        .technology = raw->technology.v.s,
        .delay = raw->mean.v.i,
        .jitter = raw->jitter.v.i,
        .rate_bps = (uint64_t)raw->rate.v.i,
        .mtu_bytes = (uint32_t)raw->mtu.v.i,
        .frame_bytes = (uint32_t)raw->frame.v.i,
        .overhead_bytes = (uint32_t)raw->overhead.v.i,
        .queue_packets = (uint32_t)raw->queue.v.i,
        .shared_medium = raw->medium.v.i == 1,
        .range_m = value_ok(&raw->range) ? raw->range.v.d : 0,
        .loss = {.model = (enum scenario_loss_model)raw->model.v.i,
                 .rate = raw->loss_rate.v.d,
                 .enter = raw->enter.v.d,
                 .leave = raw->leave.v.d,
                 .rate_good = raw->rate_good.v.d,
                 .rate_bad = value_ok(&raw->rate_bad) ? raw->rate_bad.v.d : 1},
    };
}

static void build_trace(struct loader *l, struct raw_link *raw, struct scenario_link *link)
{
    link->trace_period = SIM_TIME_NEVER;
    if (raw->trace.state == VALUE_ABSENT && raw->trace_period.state == VALUE_GIVEN) {
        report_error(&l->report, raw->trace_period.at->key, "inconsistent",
                     "\"trace_period\" has no meaning without \"trace\"");
    }
    if (!value_ok(&raw->trace)) {
        return;
    }
    link->trace = trace_load(l, &raw->trace);
    if (link->trace == NULL) {
        return;
    }
    /* Shown scenarios can be read from anywhere. */
    raw->trace.v.s = files_absolute(l, raw->trace.v.s, raw->trace.at);
    if (value_ok(&raw->trace_period)) {
        link->trace_period = raw->trace_period.v.i;
        if (link->trace_period <= link->trace->steps[link->trace->step_count - 1].at) {
            report_error(&l->report, raw->trace_period.at, "inconsistent",
                         "the trace's last row lies at or after the end of this period");
        }
    }
}

void profiles_build_links(struct loader *l)
{
    struct value *v = &l->raw->links;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    l->s->links = arena_array(l->arena, count, sizeof(struct scenario_link));
    l->s->link_count = count;
    for (size_t i = 0; i < count; i++) {
        struct raw_link *raw = (struct raw_link *)v->v.entries.items[i];
        const struct scenario_link *technology = NULL;
        check_loss(l, raw);
        if (value_ok(&raw->technology)) {
            technology = find_technology(l, raw->technology.v.s);
        }
        if (technology != NULL) {
            fill_link(l, raw, technology);
        } else if (raw->technology.state == VALUE_GIVEN) {
            size_t names_count;
            const char **names = technology_names(l, 0, &names_count);
            struct diag *d = report_error(&l->report, raw->technology.at, "unknown-technology",
                                          "unknown technology \"%s\"",
                                          report_quote(&l->report, raw->technology.v.s));
            report_near(&l->report, d, raw->technology.v.s, names, names_count);
        }
        build_link(raw, &l->s->links[i]);
        build_trace(l, raw, &l->s->links[i]);
        l->s->links[i].source =
            technology != NULL ? arena_strdup(l->arena, technology->source) : NULL;
        l->s->links[i].sent_pj = technology != NULL ? technology->sent_pj : 0;
        l->s->links[i].received_pj = technology != NULL ? technology->received_pj : 0;
        l->s->links[i].full = technology != NULL ? technology->full : FULL_NONE;
    }
}

void profiles_resolve(struct loader *l)
{
    policies_resolve(l);
    resolve_devices(l);
    resolve_named(l, &section_link, &l->raw->links, &l->links);
}
