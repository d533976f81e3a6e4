/* Nodes: entries and their copies, devices, credentials. */
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
    nodes_attach(l);
}
