#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

/* --- personal networks --------------------------------------------------------------------- */

static bool take_members(struct loader *l, const struct raw_pn *raw, struct scenario_pn *pn)
{
    if (raw->members.state == VALUE_BAD) {
        return false;
    }
    if (raw->members.state == VALUE_ABSENT) {
        uint32_t from = l->attached_from[pn->gateway];
        pn->member_count = l->attached_from[pn->gateway + 1] - from;
        pn->members = arena_array(l->arena, pn->member_count, sizeof(*pn->members));
        for (size_t i = 0; i < pn->member_count; i++) {
            pn->members[i] = l->attached[from + i];
        }
        return true;
    }
    if (!select_nodes(l, &raw->members, ROLE_BIT(ROLE_PNE), SCENARIO_NONE, &pn->members,
                      &pn->member_count)) {
        return false;
    }
    if (l->s->nodes[pn->gateway].twin != SCENARIO_NONE) {
        return true; /* all members have a hop to a gateway on a device */
    }
    size_t strangers = 0;
    uint32_t stranger = SCENARIO_NONE;
    for (size_t i = 0; i < pn->member_count; i++) {
        const struct scenario_node *n = &l->s->nodes[pn->members[i]];
        if (n->peer != SCENARIO_NONE && n->peer != pn->gateway && strangers++ == 0) {
            stranger = pn->members[i];
        }
    }
    if (strangers > 0) {
        const struct scenario_node *n = &l->s->nodes[stranger];
        char *more = strangers > 1 ? mem_printf(", and %zu more are elsewhere too", strangers - 1)
                                   : mem_strdup("");
        report_error(&l->report, raw->members.at, "not-attached",
                     "%s is attached to %s, not to the gateway %s of this network%s", n->id,
                     l->s->nodes[n->peer].id, l->s->nodes[pn->gateway].id, more);
        free(more);
    }
    return strangers == 0;
}

/* PNEs of the gateway that are no members. */
static void take_candidates(struct loader *l, const struct raw_pn *raw, struct scenario_pn *pn)
{
    if (!select_nodes(l, &raw->candidates, ROLE_BIT(ROLE_PNE), SCENARIO_NONE, &pn->candidates,
                      &pn->candidate_count)) {
        return;
    }
    for (size_t i = 0; i < pn->candidate_count; i++) {
        const struct scenario_node *n = &l->s->nodes[pn->candidates[i]];
        bool member = false;
        for (size_t k = 0; k < pn->member_count; k++) {
            member = member || pn->members[k] == pn->candidates[i];
        }
        bool elsewhere = n->peer != SCENARIO_NONE && n->peer != pn->gateway &&
                         l->s->nodes[pn->gateway].twin == SCENARIO_NONE;
        if (member || elsewhere) {
            report_error(&l->report, raw->candidates.at, member ? "inconsistent" : "not-attached",
                         "%s is %s", n->id,
                         member ? "a member from the beginning"
                                : "not attached to the gateway of this network");
            return;
        }
    }
}

static void take_admin(struct loader *l, const struct raw_pn *raw, struct scenario_pn *pn)
{
    if (!value_ok(&raw->admin) ||
        !select_one(l, raw->admin.v.s, raw->admin.at, ROLE_BIT(ROLE_PNE), &pn->admin)) {
        return;
    }
    for (size_t i = 0; i < pn->member_count; i++) {
        if (pn->members[i] == pn->admin) {
            return;
        }
    }
    report_error(&l->report, raw->admin.at, "not-a-member", "%s is no member of \"%s\"",
                 l->s->nodes[pn->admin].id, pn->id);
}

static bool known_empty(const struct loader *l)
{
    for (size_t i = 0; i < l->storage->node_entry_count; i++) {
        const struct node_entry *e = &l->storage->node_entries[i];
        if (e->count == 0 || e->detached) {
            return false;
        }
    }
    return !l->nodes.incomplete && !l->nodes.gaps;
}

static void take_establishment(struct loader *l, const struct raw_pn *raw, struct scenario_pn *pn,
                               bool members_known)
{
    pn->type = (int)raw->type.v.i;
    pn->at = raw->at.v.dist;
    pn->by = BY_MEMBERS;
    pn->by_node = SCENARIO_NONE;
    if (!value_ok(&raw->by) || strcmp(raw->by.v.s, "members") == 0) {
        return;
    }
    pn->by = BY_NODE;
    if (!select_one(l, raw->by.v.s, raw->by.at, ROLE_BIT(ROLE_PNE), &pn->by_node) ||
        !members_known) {
        return;
    }
    bool member = false;
    for (size_t i = 0; i < pn->member_count; i++) {
        member = member || pn->members[i] == pn->by_node;
    }
    if (!member) {
        report_error(&l->report, raw->by.at, "not-a-member", "%s is no member of \"%s\"",
                     l->s->nodes[pn->by_node].id, pn->id);
    } else if (pn->type == 1 && pn->member_count > 1) {
        report_hint(report_warning(&l->report, raw->by.at, "idle-members",
                                   "with type 1 only %s joins \"%s\"; the other %zu members never "
                                   "do",
                                   l->s->nodes[pn->by_node].id, pn->id, pn->member_count - 1),
                    "use type 2 or 3, or by: members");
    }
}

static void resolve_pn(struct loader *l, const struct raw_pn *raw, struct scenario_pn *pn)
{
    pn->id = raw->id.v.s;
    pn->alias = value_ok(&raw->alias) ? raw->alias.v.s : pn->id;
    pn->admin = SCENARIO_NONE;
    pn->asks_capabilities = raw->capabilities.v.i == 1;
    bool known =
        value_ok(&raw->gateway) &&
        select_one(l, raw->gateway.v.s, raw->gateway.at, ROLE_BIT(ROLE_GATEWAY), &pn->gateway) &&
        take_members(l, raw, pn);
    if (known && pn->member_count == 0 && known_empty(l)) {
        report_error(&l->report, raw->head.at, "empty-selection",
                     "this personal network has no members: no PNE is attached to %s",
                     l->s->nodes[pn->gateway].id);
    }
    take_establishment(l, raw, pn, known);
    if (known) {
        take_candidates(l, raw, pn);
        take_admin(l, raw, pn);
    }
}

/* One network a gateway, as entries that a file could hold. */
static void make_default_pns(struct loader *l)
{
    size_t count = 0;
    struct value *v = &l->raw->personal_networks;
    v->v.entries.items = arena_array(l->arena, l->s->node_count, sizeof(struct entry *));
    for (uint32_t i = 0; i < l->s->node_count; i++) {
        if (l->s->nodes[i].role != ROLE_GATEWAY || l->attached_from[i] == l->attached_from[i + 1]) {
            continue;
        }
        struct tree *at = arena_alloc(l->arena, sizeof(*at));
        at->kind = TREE_MAP;
        struct raw_pn *raw = arena_alloc(l->arena, sizeof(*raw));
        raw->head.at = at;
        raw->id = (struct value){.state = VALUE_DEFAULT,
                                 .v.s = arena_printf(l->arena, "pn-%s", l->s->nodes[i].id)};
        raw->gateway = (struct value){.state = VALUE_DEFAULT, .v.s = l->s->nodes[i].id};
        read_finish(&l->report, &section_pn, raw);
        v->v.entries.items[count++] = &raw->head;
    }
    v->v.entries.count = count;
    v->state = VALUE_DEFAULT;
}

/* A PNE may be in several networks; the first is the active one. */
static void warn_shared(struct loader *l, size_t index, size_t shared, uint32_t first)
{
    if (shared > 0) {
        report_warning(&l->report, l->raw->personal_networks.v.entries.items[index]->at,
                       "shared-nodes",
                       "%zu PNE%s of \"%s\" (%s%s) %s in an earlier network too, which is the "
                       "active one",
                       shared, shared > 1 ? "s" : "", l->s->pns[index].id, l->s->nodes[first].id,
                       shared > 1 ? ", ..." : "", shared > 1 ? "are" : "is");
    }
}

static void warn_idle(struct loader *l)
{
    size_t idle = 0;
    uint32_t first = SCENARIO_NONE;
    l->stamp++;
    for (size_t i = 0; i < l->s->pn_count; i++) {
        size_t shared = 0;
        for (size_t k = 0; k < l->s->pns[i].member_count; k++) {
            uint32_t node = l->s->pns[i].members[k];
            if (l->stamps[node] == l->stamp && shared++ == 0) {
                first = node;
            }
            l->stamps[node] = l->stamp;
        }
        warn_shared(l, i, shared, first);
        for (size_t k = 0; k < l->s->pns[i].candidate_count; k++) {
            l->stamps[l->s->pns[i].candidates[k]] = l->stamp;
        }
    }
    for (uint32_t i = 0; i < l->s->node_count; i++) {
        if (l->s->nodes[i].role == ROLE_PNE && l->stamps[i] != l->stamp && idle++ == 0) {
            first = i;
        }
    }
    if (idle > 0) {
        report_warning(&l->report, l->raw->personal_networks.at, "idle-nodes",
                       "%zu PNE%s in no personal network, %s %s", idle, idle > 1 ? "s are" : " is",
                       idle > 1 ? "the first being" : "namely", l->s->nodes[first].id);
    }
}

static void resolve_pns(struct loader *l)
{
    struct value *v = &l->raw->personal_networks;
    bool given = v->state == VALUE_GIVEN;
    if (v->state == VALUE_ABSENT) {
        make_default_pns(l);
    }
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    size_t errors = l->report.diags->errors;
    l->pns.incomplete =
        l->pns.incomplete || !value_ok(v) || (!given && (l->nodes.incomplete || l->nodes.gaps));
    l->s->pns = arena_array(l->arena, count, sizeof(struct scenario_pn));
    l->s->pn_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct raw_pn *raw = (const struct raw_pn *)v->v.entries.items[i];
        l->pns.gaps = l->pns.gaps || !value_ok(&raw->id);
        if (value_ok(&raw->id) && !names_add(&l->pns, raw->id.v.s, (uint32_t)i)) {
            report_error(&l->report, raw->id.at, "duplicate-id",
                         "a personal network \"%s\" is defined already", raw->id.v.s);
        }
        resolve_pn(l, raw, &l->s->pns[i]);
    }
    if (given && l->report.diags->errors == errors && !l->nodes.incomplete) {
        warn_idle(l);
    }
}

/* --- networks by node
 * ------------------------------------------------------------------------------------------ */

static void put_belonging(struct scenario *s, uint32_t node, size_t pn, enum scenario_place as)
{
    s->belongings[s->belonging_from[node + 1]++] =
        (struct scenario_belonging){.pn = (uint32_t)pn, .as = as};
}

static void index_pns(struct loader *l)
{
    struct scenario *s = l->s;
    size_t count = 0;
    if (l->report.diags->errors > 0) {
        return; /* numbers may be missing, and nobody will ask */
    }
    s->belonging_from = arena_array(l->arena, s->node_count + 2, sizeof(*s->belonging_from));
    for (size_t i = 0; i < s->pn_count; i++) {
        const struct scenario_pn *pn = &s->pns[i];
        s->belonging_from[pn->gateway + 2]++;
        for (size_t k = 0; k < pn->member_count; k++) {
            s->belonging_from[pn->members[k] + 2]++;
        }
        for (size_t k = 0; k < pn->candidate_count; k++) {
            s->belonging_from[pn->candidates[k] + 2]++;
        }
        count += 1 + pn->member_count + pn->candidate_count;
    }
    for (size_t i = 2; i < s->node_count + 2; i++) {
        s->belonging_from[i] += s->belonging_from[i - 1];
    }
    s->belongings = arena_array(l->arena, count, sizeof(*s->belongings));
    for (size_t i = 0; i < s->pn_count; i++) {
        const struct scenario_pn *pn = &s->pns[i];
        put_belonging(s, pn->gateway, i, PLACE_GATEWAY);
        for (size_t k = 0; k < pn->member_count; k++) {
            put_belonging(s, pn->members[k], i, PLACE_MEMBER);
        }
        for (size_t k = 0; k < pn->candidate_count; k++) {
            put_belonging(s, pn->candidates[k], i, PLACE_CANDIDATE);
        }
    }
}

/* --- service groups ------------------------------------------------------------------------ */

static void resolve_group(struct loader *l, const struct raw_group *raw, struct scenario_group *g)
{
    g->id = raw->id.v.s;
    g->service = value_ok(&raw->service) ? raw->service.v.s : g->id;
    g->closed = raw->joining.v.i == 1;
    g->at = raw->at.v.i;
    g->owner = SCENARIO_NONE;
    if (raw->unwilling.state == VALUE_GIVEN) {
        select_nodes(l, &raw->unwilling, ROLE_BIT(ROLE_PNE), SCENARIO_NONE, &g->unwilling,
                     &g->unwilling_count);
    }
    bool owned = value_ok(&raw->owner) &&
                 select_one(l, raw->owner.v.s, raw->owner.at, ROLE_BIT(ROLE_PNE), &g->owner);
    if (!select_nodes(l, &raw->members, ROLE_BIT(ROLE_PNE), g->owner, &g->members,
                      &g->member_count) ||
        !owned) {
        return;
    }
    for (size_t i = 0; i < raw->members.v.texts.count; i++) {
        const struct text_item *item = &raw->members.v.texts.items[i];
        if (strcmp(item->text, l->s->nodes[g->owner].id) == 0) {
            report_error(&l->report, item->at, "owner-repeated",
                         "%s owns this group and belongs to it without being named", item->text);
            return;
        }
    }
    if (g->member_count == 0) {
        report_error(&l->report, raw->members.at, "empty-selection",
                     "this group has no members besides its owner");
    }
}

static void resolve_groups(struct loader *l)
{
    const struct value *v = &l->raw->service_groups;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    l->groups.incomplete = l->groups.incomplete || v->state == VALUE_BAD;
    l->s->groups = arena_array(l->arena, count, sizeof(struct scenario_group));
    l->s->group_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct raw_group *raw = (const struct raw_group *)v->v.entries.items[i];
        l->groups.gaps = l->groups.gaps || !value_ok(&raw->id);
        if (value_ok(&raw->id) && !names_add(&l->groups, raw->id.v.s, (uint32_t)i)) {
            report_error(&l->report, raw->id.at, "duplicate-id",
                         "a service group \"%s\" is defined already", raw->id.v.s);
        }
        resolve_group(l, raw, &l->s->groups[i]);
    }
}

void networks_resolve(struct loader *l)
{
    resolve_pns(l);
    index_pns(l);
    resolve_groups(l);
}
