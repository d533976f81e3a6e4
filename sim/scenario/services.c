/* Services of PNEs, and what a workload entry says about services and members. */
#include <string.h>

#include "sim/scenario/loader.h"

const char *scenario_openness_name(enum scenario_openness openness)
{
    static const char *const names[] = {[OPENNESS_PRIVATE] = "private",
                                        [OPENNESS_PN] = "pn",
                                        [OPENNESS_GROUP] = "group",
                                        [OPENNESS_PUBLIC] = "public"};
    CHECK((unsigned)openness < SIM_ARRAY_LEN(names));
    return names[openness];
}

static void out_of_place(struct loader *l, const struct value *v, const char *key, const char *why)
{
    if (v->state == VALUE_GIVEN) {
        report_error(&l->report, v->at->key, "inconsistent", "\"%s\" has no meaning %s", key, why);
    }
}

static void resolve_service(struct loader *l, const struct raw_service *raw,
                            struct scenario_service *s)
{
    s->id = raw->id.v.s;
    s->name = value_ok(&raw->name) ? raw->name.v.s : s->id;
    s->content = value_ok(&raw->content) ? raw->content.v.s : NULL;
    s->openness = (enum scenario_openness)raw->openness.v.i;
    s->confirm = raw->confirm.v.i == 1;
    s->at = raw->at.v.i;
    s->provider = s->group = SCENARIO_NONE;
    if (value_ok(&raw->provider)) {
        select_one(l, raw->provider.v.s, raw->provider.at, ROLE_BIT(ROLE_PNE), &s->provider);
    }
    if (value_ok(&raw->openness) && s->openness != OPENNESS_GROUP) {
        out_of_place(l, &raw->group, "group", "unless openness is group");
    } else if (value_ok(&raw->openness) && raw->group.state == VALUE_ABSENT) {
        report_error(&l->report, raw->head.at, "missing-key",
                     "openness group needs the key \"group\"");
    } else if (value_ok(&raw->group)) {
        s->group = find_name(l, &l->groups, raw->group.v.s, raw->group.at, "unknown-group",
                             "service group");
    }
    if (value_ok(&raw->confirm) && !s->confirm) {
        out_of_place(l, &raw->allow, "allow", "unless confirm is owner");
    } else if (raw->allow.state == VALUE_GIVEN) {
        select_nodes(l, &raw->allow, ROLE_BIT(ROLE_PNE), SCENARIO_NONE, &s->allowed,
                     &s->allowed_count);
    }
    if (value_ok(&raw->id) && strcmp(raw->id.v.s, "echo") == 0) {
        report_error(&l->report, raw->id.at, "reserved-name",
                     "echo is the service that every PNE and the server have by themselves");
    }
}

void services_resolve(struct loader *l)
{
    const struct value *v = &l->raw->services;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    l->services.incomplete = l->services.incomplete || v->state == VALUE_BAD;
    l->s->services = arena_array(l->arena, count, sizeof(struct scenario_service));
    l->s->service_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct raw_service *raw = (const struct raw_service *)v->v.entries.items[i];
        l->services.gaps = l->services.gaps || !value_ok(&raw->id);
        if (value_ok(&raw->id) && !names_add(&l->services, raw->id.v.s, (uint32_t)i)) {
            report_error(&l->report, raw->id.at, "duplicate-id",
                         "a service \"%s\" is defined already", raw->id.v.s);
        }
        resolve_service(l, raw, &l->s->services[i]);
    }
}

/* --- workload ------------------------------------------------------------------------------ */

/* Whether the key is there to be taken. */
static bool wanted(struct loader *l, const struct raw_work *raw, const struct value *v,
                   const char *key, enum scenario_use use, const char *verb)
{
    if (use == USE_NOT) {
        out_of_place(l, v, key, "for this verb");
    } else if (use == USE_REQUIRED && v->state == VALUE_ABSENT) {
        report_error(&l->report, raw->head.at, "missing-key", "%s needs the key \"%s\"", verb, key);
    }
    return use != USE_NOT && value_ok(v);
}

static void take_service(struct loader *l, const struct raw_work *raw,
                         const struct scenario_verb *verb, struct scenario_work *w)
{
    w->service = raw->service.v.s;
    if (!verb->service_defined) {
        return;
    }
    uint32_t service =
        find_name(l, &l->services, raw->service.v.s, raw->service.at, "unknown-service", "service");
    if (service != SCENARIO_NONE && w->to_home) { /* no `to`: its provider */
        w->to_home = false;
        w->to = arena_array(l->arena, 1, sizeof(*w->to));
        w->to[0] = l->s->services[service].provider;
        w->to_count = 1;
    }
}

static void take_members(struct loader *l, const struct raw_work *raw,
                         const struct scenario_verb *verb, struct scenario_work *w)
{
    const struct text_item *first = raw->member.v.texts.items;
    if (!verb->one_member) {
        select_nodes(l, &raw->member, ROLE_BIT(ROLE_PNE), SCENARIO_NONE, &w->members,
                     &w->member_count);
        return;
    }
    if (raw->member.v.texts.count != 1) {
        report_error(&l->report, raw->member.at, "several-nodes", "%s takes exactly one member",
                     verb->name);
        return;
    }
    w->members = arena_array(l->arena, 1, sizeof(*w->members));
    w->member_count =
        select_one(l, first->text, first->at, ROLE_BIT(ROLE_PNE), &w->members[0]) ? 1 : 0;
}

void services_take_work(struct loader *l, const struct raw_work *raw,
                        const struct scenario_verb *verb, struct scenario_work *w)
{
    if (wanted(l, raw, &raw->service, "service", verb->service, verb->name)) {
        take_service(l, raw, verb, w);
    }
    if (wanted(l, raw, &raw->keyword, "keyword", verb->keyword, verb->name)) {
        w->keyword = raw->keyword.v.s;
    }
    if (wanted(l, raw, &raw->member, "member", verb->member, verb->name)) {
        take_members(l, raw, verb, w);
    }
}
