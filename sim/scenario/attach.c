/* What nodes attach to: hops to their peers, the wires with which those begin, their fidelity. */
#include <stdlib.h>

#include "sim/scenario/loader.h"

/* --- fidelity ------------------------------------------------------------------------------ */

const char *scenario_fidelity_name(enum scenario_fidelity fidelity)
{
    return words_fidelity[fidelity];
}

/* Keys that ns-3's devices answer themselves. */
static void check_full(struct loader *l, struct raw_link *raw, bool radio)
{
    const struct {
        const char *name;
        const struct value *value;
        bool heeded;
    } keys[] = {{"delay", &raw->delay, !radio},  {"rate", &raw->rate, !radio},
                {"loss", &raw->loss, false},     {"frame", &raw->frame, false},
                {"medium", &raw->medium, false}, {"overhead", &raw->overhead, false},
                {"trace", &raw->trace, false}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(keys) && !raw->checked_full; i++) {
        if (keys[i].value->state == VALUE_GIVEN && !keys[i].heeded) {
            report_error(&l->report, keys[i].value->at->key, "inconsistent",
                         "\"%s\" has no meaning under fidelity full: ns-3's device decides it",
                         keys[i].name);
        }
    }
    raw->checked_full = true;
}

enum scenario_fidelity fidelity_of(struct loader *l, const struct value *own, uint32_t link)
{
    struct raw_link *raw = (struct raw_link *)l->raw->links.v.entries.items[link];
    const struct scenario_link *technology =
        value_ok(&raw->technology) ? find_technology(l, raw->technology.v.s) : NULL;
    const struct value *v = value_ok(own)              ? own
                            : value_ok(&raw->fidelity) ? &raw->fidelity
                                                       : &l->raw->fidelity;
    if (!value_ok(v) || v->v.i != FIDELITY_FULL || technology == NULL) {
        return value_ok(v) ? (enum scenario_fidelity)v->v.i : FIDELITY_PACKET;
    }
    if (technology->full != FULL_NONE) {
        check_full(l, raw, technology->full != FULL_CSMA);
        return FIDELITY_FULL;
    }
    if (v != &l->raw->fidelity && !raw->checked_full) {
        raw->checked_full = true;
        report_error(&l->report, v->at, "no-device",
                     "%s has no device under fidelity full; ethernet, wlan and zigbee have",
                     technology->technology);
    }
    return FIDELITY_PACKET;
}

/* --- hops and their first wires ------------------------------------------------------------ */

/* What an entry attaches to, and over which link. */
struct attachment {
    uint32_t *items;
    size_t count;
    uint32_t link;
    bool block;
};

static bool take_attachment(struct loader *l, struct node_entry *e, const struct value *to,
                            uint32_t role, const struct value *link, const struct value *by,
                            struct attachment *ret)
{
    ret->link = find_link(l, link);
    ret->block = value_ok(by) && by->v.i == 1;
    if (!select_nodes(l, to, ROLE_BIT(role), SCENARIO_NONE, &ret->items, &ret->count) ||
        ret->link == SCENARIO_NONE) {
        e->detached = true;
        return false;
    }
    return true;
}

static uint32_t pick(const struct attachment *a, const struct node_entry *e, uint32_t copy)
{
    return a->items[a->block ? (size_t)((uint64_t)copy * a->count / e->count) : copy % a->count];
}

static struct scenario_wire *add_wire(struct loader *l, uint32_t from, uint32_t to, uint32_t link,
                                      enum scenario_fidelity fidelity)
{
    struct scenario *s = l->s;
    struct scenario_wire *w = &s->wires[s->wire_count++];
    *w = (struct scenario_wire){
        .id = arena_printf(l->arena, "%s--%s", s->nodes[from].id, s->nodes[to].id),
        .a = from,
        .b = to,
        .link = link,
        .fidelity = fidelity};
    return w;
}

uint32_t edge_add(struct loader *l, const struct scenario_edge *edge, uint32_t to)
{
    struct scenario *s = l->s;
    uint32_t number = (uint32_t)s->edge_count++;
    const char *id = NULL;
    l->first_wire[number] = SCENARIO_NONE;
    if (edge->kind != HOP_INTERNAL) {
        l->first_wire[number] = (uint32_t)s->wire_count;
        id = add_wire(l, edge->a, to, edge->link, edge->fidelity)->id;
    }
    s->edges[number] = *edge;
    s->edges[number].id =
        to == edge->b && id != NULL
            ? id
            : arena_printf(l->arena, "%s--%s", s->nodes[edge->a].id, s->nodes[edge->b].id);
    return number;
}

/* The hops of an entry's copies, and their first wires: to the peers, or to the routers `via`. */
static void add_hops(struct loader *l, struct node_entry *e, enum scenario_hop_kind kind,
                     const struct attachment *peers, const struct attachment *via)
{
    struct scenario *s = l->s;
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *n = &s->nodes[e->first + i];
        n->peer = pick(peers, e, i);
        if (n->peer == n->twin) {
            report_hint(report_error(&l->report, e->raw->attach_to.at, "self-loop",
                                     "%s is on the device of %s", s->nodes[n->peer].id, n->id),
                        "leave attach out: inside a device nothing is needed");
            n->peer = SCENARIO_NONE;
            e->detached = true;
            return;
        }
        const struct scenario_edge edge = {.kind = kind,
                                           .a = e->first + i,
                                           .b = n->peer,
                                           .policy = n->policy,
                                           .link = peers->link,
                                           .fidelity =
                                               fidelity_of(l, &e->raw->fidelity, peers->link)};
        n->edge = edge_add(l, &edge, via != NULL ? pick(via, e, i) : n->peer);
    }
}

static void attach_pnes(struct loader *l, struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
    struct attachment gateways;
    if (take_attachment(l, e, &raw->attach_to, ROLE_GATEWAY, &raw->attach_link, &raw->attach_by,
                        &gateways)) {
        add_hops(l, e, HOP_PNE_GATEWAY, &gateways, NULL);
    }
}

/* What leads gateways to their servers. */
struct uplink {
    const struct value *to, *link, *via, *by;
};

static void attach_gateways(struct loader *l, struct node_entry *e, const struct uplink *up)
{
    static const struct value round_robin = {.state = VALUE_ABSENT};
    struct attachment servers;
    struct attachment routers;
    bool good = take_attachment(l, e, up->to, ROLE_SERVER, up->link, &round_robin, &servers);
    if (up->by->state == VALUE_GIVEN && up->via->state == VALUE_ABSENT) {
        report_error(&l->report, up->by->at->key, "inconsistent",
                     "\"by\" has no meaning without \"via\"");
    }
    if (up->via->state == VALUE_ABSENT) {
        if (good) {
            add_hops(l, e, HOP_GATEWAY_SERVER, &servers, NULL);
        }
        return;
    }
    if (take_attachment(l, e, up->via, ROLE_ROUTER, up->link, up->by, &routers) && good) {
        add_hops(l, e, HOP_GATEWAY_SERVER, &servers, &routers);
    }
}

/* A gateway on the device of a PNE. */
static void attach_standby(struct loader *l, struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
    const struct uplink up = {&raw->standby_to, &raw->standby_over, &raw->standby_via,
                              &raw->standby_by};
    attach_gateways(l, e, &up);
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *pne = &l->s->nodes[e->twin->first + i];
        if (raw->attach.state == VALUE_ABSENT) {
            pne->peer = e->first + i;
        }
    }
}

/* After all hops: a server's wire to a router is no hop's first. */
static void attach_servers(struct loader *l, struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
    struct attachment routers;
    if (!take_attachment(l, e, &raw->attach_to, ROLE_ROUTER, &raw->attach_link, &raw->attach_by,
                         &routers)) {
        l->wires_incomplete = true;
        return;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        l->access[e->first + i] = (uint32_t)l->s->wire_count;
        add_wire(l, e->first + i, pick(&routers, e, i), routers.link,
                 fidelity_of(l, &e->raw->fidelity, routers.link));
    }
}

/* The key that joins a node to the others, by role; the other roles' keys are out of place. */
static void check_place(struct loader *l, struct node_entry *e, const struct value *v,
                        const char *key, uint32_t roles, const char *plural)
{
    bool takes = (ROLE_BIT(e->role) & roles) != 0;
    bool needs = takes && e->role != ROLE_SERVER && e->raw->standby.state == VALUE_ABSENT;
    if (needs && v->state == VALUE_ABSENT) {
        report_error(&l->report, e->raw->head.at, "missing-key", "%s need the key \"%s\"", plural,
                     key);
    }
    if (needs && v->state != VALUE_GIVEN) {
        e->detached = true;
    }
    if (!takes && v->state == VALUE_GIVEN) {
        report_error(&l->report, v->at->key, "wrong-role", "\"%s\" is for %s, and this is a %s",
                     key, plural, words_role[e->role]);
    }
}

static void check_role(struct loader *l, const struct node_entry *e, const struct value *v,
                       const char *key, enum scenario_role role, const char *plural)
{
    if (v->state == VALUE_GIVEN && e->role != role) {
        report_error(&l->report, v->at->key, "wrong-role", "\"%s\" is for %s, and this is a %s",
                     key, plural, words_role[e->role]);
    }
}

static void attach_all(struct loader *l)
{
    struct storage *st = l->storage;
    for (size_t i = 0; i < st->node_entry_count; i++) {
        struct node_entry *e = &st->node_entries[i];
        struct raw_node *raw = e->raw;
        /* With an unknown role (complained about) whatever is there is checked all the same. */
        bool known = value_ok(&raw->role);
        if (e->derived) {
            attach_standby(l, e);
            continue;
        }
        if (known) {
            check_place(l, e, &raw->attach, "attach", ROLE_BIT(ROLE_PNE) | ROLE_BIT(ROLE_SERVER),
                        "PNEs");
            check_place(l, e, &raw->uplink, "uplink", ROLE_BIT(ROLE_GATEWAY), "gateways");
            check_role(l, e, &raw->standby, "standby", ROLE_PNE, "PNEs");
            check_role(l, e, &raw->mesh, "mesh", ROLE_SERVER, "servers");
        }
        if (value_ok(&raw->attach) && (!known || e->role == ROLE_PNE)) {
            attach_pnes(l, e);
        }
        if (value_ok(&raw->uplink) && (!known || e->role == ROLE_GATEWAY)) {
            const struct uplink up = {&raw->uplink_to, &raw->uplink_link, &raw->uplink_via,
                                      &raw->uplink_by};
            attach_gateways(l, e, &up);
        }
    }
    for (size_t i = 0; i < st->node_entry_count; i++) {
        struct node_entry *e = &st->node_entries[i];
        if (value_ok(&e->raw->role) && e->role == ROLE_SERVER && value_ok(&e->raw->attach)) {
            attach_servers(l, e);
        }
    }
}

/* PNEs by gateway, in the order of the nodes. */
static void index_attached(struct loader *l)
{
    size_t n = l->s->node_count;
    l->attached_from = mem_calloc(n + 2, sizeof(*l->attached_from));
    l->attached = mem_calloc(n, sizeof(*l->attached));
    for (size_t i = 0; i < n; i++) {
        const struct scenario_node *node = &l->s->nodes[i];
        if (node->role == ROLE_PNE && node->peer != SCENARIO_NONE) {
            l->attached_from[node->peer + 2]++;
        }
    }
    for (size_t i = 2; i < n + 2; i++) {
        l->attached_from[i] += l->attached_from[i - 1];
    }
    for (size_t i = 0; i < n; i++) {
        const struct scenario_node *node = &l->s->nodes[i];
        if (node->role == ROLE_PNE && node->peer != SCENARIO_NONE) {
            l->attached[l->attached_from[node->peer + 1]++] = (uint32_t)i;
        }
    }
}

void nodes_attach(struct loader *l)
{
    attach_all(l);
    index_attached(l);
}
