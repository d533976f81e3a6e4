#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

enum { MOST_NODES = 2 * 1000 * 1000 };

#define DAY (INT64_C(86400) * SIM_S)

/* --- entries ------------------------------------------------------------------------------- */

/* The key `names`: false when the copies are not known for it. */
static bool check_names_key(struct loader *l, const struct raw_node *raw)
{
    if (raw->names.state != VALUE_GIVEN) {
        return raw->names.state == VALUE_ABSENT;
    }
    if (raw->role.v.i != ROLE_ROUTER) {
        report_error(&l->report, raw->names.at->key, "wrong-role",
                     "only the copies of a router have names, those of a %s are numbered",
                     words_role[raw->role.v.i]);
        return false;
    }
    if (raw->count.state == VALUE_GIVEN) {
        report_error(&l->report, raw->count.at->key, "inconsistent",
                     "a node has either \"count\" or \"names\"");
        return false;
    }
    return true;
}

/* A name of a copy has to fit into a selector. */
static bool check_copy_name(struct loader *l, const struct text_item *item)
{
    static const char fits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    enum { LONGEST = 64 };
    size_t len = strlen(item->text);
    if (len == 0 || len > LONGEST || strspn(item->text, fits) != len ||
        strstr(item->text, "--") != NULL || strstr(item->text, "..") != NULL) {
        report_error(
            &l->report, item->at, "bad-name",
            "\"%s\" is no good as a name of a copy: letters, digits, '_', '.', '-' but not "
            "\"--\" or \"..\", at most %d in all",
            report_quote(&l->report, item->text), LONGEST);
        return false;
    }
    return true;
}

static void list_entries(struct loader *l)
{
    const struct value *v = &l->raw->nodes;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    struct storage *st = l->storage;
    st->node_entries = arena_array(l->arena, 2 * count, sizeof(*st->node_entries));
    st->node_entry_count = count;
    l->nodes.incomplete = l->nodes.incomplete || !value_ok(v);
    uint64_t total = 0;
    uint64_t doubled = 0;
    bool told = false;
    for (size_t i = 0; i < count; i++) {
        struct raw_node *raw = (struct raw_node *)v->v.entries.items[i];
        struct node_entry *e = &st->node_entries[i];
        e->raw = raw;
        e->id = value_ok(&raw->id) ? raw->id.v.s : "";
        e->role = value_ok(&raw->role) ? (enum scenario_role)raw->role.v.i : ROLE_PNE;
        if (!value_ok(&raw->id)) {
            l->nodes.gaps = true;
            continue;
        }
        if (!names_add(&l->nodes, raw->id.v.s, (uint32_t)i)) {
            uint64_t first;
            map_get_str(&l->nodes.index, raw->id.v.s, &first);
            report_error(&l->report, raw->id.at, "duplicate-id",
                         "a node \"%s\" is defined already, in line %d", raw->id.v.s,
                         st->node_entries[first].raw->id.at->line);
            continue;
        }
        if (!value_ok(&raw->role) || raw->count.state == VALUE_BAD || !check_names_key(l, raw)) {
            continue;
        }
        map_set_str(&st->entries, raw->id.v.s, i);
        e->counted = raw->count.state == VALUE_GIVEN;
        e->named = value_ok(&raw->names);
        uint32_t copies = e->counted ? (uint32_t)raw->count.v.i
                          : e->named ? (uint32_t)raw->names.v.texts.count
                                     : 1;
        /* With the gateways on its devices. */
        uint32_t made = raw->standby.state == VALUE_GIVEN ? 2 * copies : copies;
        if (total + doubled + made > MOST_NODES) {
            if (!told) {
                report_error(&l->report, raw->head.at, "out-of-range", "more than %d nodes in all",
                             MOST_NODES);
            }
            told = true;
            continue;
        }
        doubled += made - copies;
        e->count = copies;
        e->first = (uint32_t)total;
        total += copies;
    }
    l->s->node_count = total;
    standby_list(l);
    total = l->s->node_count;
    l->s->nodes = arena_array(l->arena, total, sizeof(struct scenario_node));
    l->s->edges = arena_array(l->arena, total, sizeof(struct scenario_edge));
    /* Each node has one wire at most besides those between routers and those of hops.c. */
    size_t wires = total + (value_ok(&l->raw->wires) ? l->raw->wires.v.entries.count : 0);
    l->s->wires = arena_array(l->arena, wires, sizeof(struct scenario_wire));
    l->stamps = mem_calloc(wires, sizeof(*l->stamps));
    l->access = mem_calloc(total, sizeof(*l->access));
    l->first_wire = mem_calloc(total, sizeof(*l->first_wire));
}

/* --- devices ------------------------------------------------------------------------------- */

/* How many copies each share gets: what the percentages give rounded down, the rest by largest
 * remainder (the first of equals). */
static void apportion(const struct value *mix, uint32_t copies, uint32_t *seats)
{
    size_t n = mix->v.shares.count;
    double *remainders = mem_calloc(n, sizeof(*remainders));
    uint32_t given = 0;
    for (size_t i = 0; i < n; i++) {
        double exact = mix->v.shares.items[i].part * copies;
        seats[i] = (uint32_t)floor(exact + 1e-9);
        remainders[i] = exact - seats[i];
        given += seats[i];
    }
    for (; given < copies; given++) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++) {
            best = remainders[i] > remainders[best] + 1e-9 ? i : best;
        }
        seats[best]++;
        remainders[best] -= 1;
    }
    free(remainders);
}

/* Device of each copy, interleaved: each copy goes to the share that is furthest behind. */
static void assign_mix(struct loader *l, const struct node_entry *e, const uint32_t *devices)
{
    const struct value *mix = &e->raw->mix;
    size_t n = mix->v.shares.count;
    uint32_t *seats = mem_calloc(n, sizeof(*seats));
    uint32_t *used = mem_calloc(n, sizeof(*used));
    apportion(mix, e->count, seats);
    for (uint32_t i = 0; i < e->count; i++) {
        size_t best = 0;
        int64_t best_lag = INT64_MIN;
        for (size_t k = 0; k < n; k++) {
            int64_t lag = (int64_t)seats[k] * (i + 1) - (int64_t)used[k] * e->count;
            if (lag > best_lag && used[k] < seats[k]) {
                best = k;
                best_lag = lag;
            }
        }
        used[best]++;
        l->s->nodes[e->first + i].device = devices[best];
    }
    free(seats);
    free(used);
}

static void assign_devices(struct loader *l, const struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
    uint32_t device = SCENARIO_NONE;
    if (raw->device.state == VALUE_GIVEN && raw->mix.state == VALUE_GIVEN) {
        report_error(&l->report, raw->mix.at->key, "inconsistent",
                     "a node has either \"device\" or \"mix\"");
    }
    if (value_ok(&raw->device)) {
        device = find_device(l, raw->device.v.s, raw->device.at);
    }
    for (uint32_t i = 0; i < e->count; i++) {
        l->s->nodes[e->first + i].device = device;
    }
    if (!value_ok(&raw->mix)) {
        return;
    }
    size_t n = raw->mix.v.shares.count;
    uint32_t *devices = mem_calloc(n, sizeof(*devices));
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        const struct share *share = &raw->mix.v.shares.items[i];
        devices[i] = find_device(l, share->name, share->at);
        good = good && devices[i] != SCENARIO_NONE;
    }
    if (good) {
        assign_mix(l, e, devices);
    }
    free(devices);
}

static const struct raw_device *device_of(const struct loader *l, uint32_t index)
{
    return index != SCENARIO_NONE
               ? (const struct raw_device *)l->raw->devices.v.entries.items[index]
               : NULL;
}

/* --- the nodes themselves ------------------------------------------------------------------ */

static void take_credential(struct loader *l, const struct raw_node *raw,
                            struct scenario_credential *c)
{
    *c = (struct scenario_credential){.present = raw->present.v.i != 0,
                                      .issuer = (enum scenario_issuer)raw->issuer.v.i,
                                      .not_before = raw->not_before.v.i,
                                      .not_after = raw->not_after.v.i,
                                      .revoked_at = revocation_time(l, raw),
                                      .wrong_psk = raw->secret.v.i == 1};
    bool from = value_ok(&raw->not_before);
    bool to = value_ok(&raw->not_after);
    if (!from) {
        c->not_before = to && c->not_after <= -DAY ? c->not_after - DAY : -DAY;
    }
    if (!to) {
        c->not_after = from && c->not_before >= 30 * DAY ? c->not_before + 30 * DAY : 30 * DAY;
    }
    if (from && to && c->not_before >= c->not_after) {
        report_error(&l->report, raw->not_after.at, "inconsistent",
                     "not_after lies before not_before: this certificate is never valid");
    }
    uint32_t node;
    if (value_ok(&raw->identity) &&
        select_one(l, raw->identity.v.s, raw->identity.at, ANY_ROLE, &node)) {
        c->identity = l->s->nodes[node].id;
    }
}

uint32_t policy_of(struct loader *l, enum scenario_role role, uint32_t own, uint32_t index)
{
    const struct raw_device *device = device_of(l, index);
    if (role == ROLE_SERVER) {
        return SCENARIO_NONE;
    }
    if (own != SCENARIO_NONE) {
        return own;
    }
    uint64_t policy;
    if (device != NULL && value_ok(&device->policy) &&
        map_get_str(&l->policies.index, device->policy.v.s, &policy)) {
        return (uint32_t)policy;
    }
    return l->hop_policy[role];
}

static void name_copy(struct loader *l, const struct node_entry *e, uint32_t i,
                      struct scenario_node *n)
{
    const struct text_item *item = &e->raw->names.v.texts.items[i];
    uint64_t before;
    n->id = arena_printf(l->arena, "%s/%s", n->entry, item->text);
    if (!check_copy_name(l, item)) {
        l->nodes.gaps = true;
    } else if (map_get_str(&l->storage->named, n->id, &before)) {
        report_error(&l->report, item->at, "duplicate-item", "a copy \"%s\" is defined already",
                     item->text);
    } else {
        map_set_str(&l->storage->named, n->id, e->first + i);
    }
}

static void make_ids(struct loader *l, const struct node_entry *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *n = &l->s->nodes[e->first + i];
        n->entry = e->id;
        n->id = e->counted ? arena_printf(l->arena, "%s/%u", n->entry, i + 1) : n->entry;
        n->ordinal = e->counted ? i + 1 : 0;
        if (e->named) {
            name_copy(l, e, i, n);
        }
        l->access[e->first + i] = SCENARIO_NONE;
        n->role = e->role;
        n->device = n->peer = n->edge = n->policy = n->twin = SCENARIO_NONE;
        n->pairs_all = true;
    }
}

/* What a router has no use for: keys of entities. */
static void strip_router(struct loader *l, struct raw_node *raw)
{
    struct value *const defaults[] = {&raw->certificate, &raw->present,    &raw->issuer,
                                      &raw->identity,    &raw->not_before, &raw->not_after,
                                      &raw->psk,         &raw->secret,     &raw->revoked};
    const struct {
        const struct value *v;
        const char *key;
    } keys[] = {{&raw->device, "device"}, {&raw->mix, "mix"},
                {&raw->policy, "policy"}, {&raw->encoding, "encoding"},
                {&raw->start, "start"},   {&raw->certificate, "certificate"},
                {&raw->psk, "psk"},       {&raw->fidelity, "fidelity"},
                {&raw->user, "user"}};
    for (size_t i = 0; i < SIM_ARRAY_LEN(keys); i++) {
        if (keys[i].v->state == VALUE_GIVEN) {
            report_error(&l->report, keys[i].v->at->key, "wrong-role",
                         "a router only carries packets: it has no \"%s\"", keys[i].key);
        }
    }
    for (size_t i = 0; i < SIM_ARRAY_LEN(defaults); i++) {
        *defaults[i] = (struct value){.state = VALUE_ABSENT};
    }
}

static void fill_routers(struct loader *l, const struct node_entry *e)
{
    strip_router(l, e->raw);
    for (uint32_t i = 0; i < e->count; i++) {
        l->s->nodes[e->first + i].encoding = words_encoding[0];
        l->s->nodes[e->first + i].start = dist_constant(0);
    }
}

static void fill_nodes(struct loader *l, const struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
    if (e->role == ROLE_ROUTER) {
        fill_routers(l, e);
        return;
    }
    struct scenario_credential credential;
    take_credential(l, raw, &credential);
    uint32_t own = find_policy(l, &raw->policy);
    if (raw->policy.state == VALUE_GIVEN && e->role == ROLE_SERVER) {
        report_error(&l->report, raw->policy.at->key, "wrong-role",
                     "a server has no policy: it is the gateway's towards its server");
    }
    if (raw->start.state == VALUE_GIVEN && e->role != ROLE_PNE) {
        report_error(&l->report, raw->start.at->key, "wrong-role",
                     "only PNEs ask to be connected, a %s does not",
                     e->role == ROLE_SERVER ? "server" : "gateway");
    }
    if (raw->fidelity.state == VALUE_GIVEN && e->role == ROLE_SERVER) {
        report_error(&l->report, raw->fidelity.at->key, "wrong-role",
                     "a server's hops are its gateways': they have the key \"fidelity\"");
    }
    assign_devices(l, e);
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *n = &l->s->nodes[e->first + i];
        const struct raw_device *device = device_of(l, n->device);
        n->credential = credential;
        n->policy = policy_of(l, e->role, own, n->device);
        int64_t encoding = value_ok(&raw->encoding)                        ? raw->encoding.v.i
                           : device != NULL && value_ok(&device->encoding) ? device->encoding.v.i
                                                                           : 0;
        n->encoding = words_encoding[encoding];
        n->start = value_ok(&raw->start) ? raw->start.v.dist : dist_constant(0);
    }
}

/* --- attachment ---------------------------------------------------------------------------- */

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

void nodes_resolve(struct loader *l)
{
    struct storage *st = l->storage;
    list_entries(l);
    for (size_t i = 0; i < st->node_entry_count; i++) {
        make_ids(l, &st->node_entries[i]);
    }
    for (size_t i = 0; i < st->node_entry_count; i++) {
        if (!st->node_entries[i].derived) {
            fill_nodes(l, &st->node_entries[i]);
        }
    }
    standby_fill(l);
    attach_all(l);
    index_attached(l);
}
