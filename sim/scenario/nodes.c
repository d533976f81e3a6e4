#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/loader.h"

enum { MOST_NODES = 2 * 1000 * 1000 };

#define DAY (INT64_C(86400) * SIM_S)

/* --- entries ------------------------------------------------------------------------------- */

static void list_entries(struct loader *l)
{
    const struct value *v = &l->raw->nodes;
    size_t count = value_ok(v) ? v->v.entries.count : 0;
    struct storage *st = l->storage;
    st->node_entries = arena_array(l->arena, count, sizeof(*st->node_entries));
    st->node_entry_count = count;
    l->nodes.incomplete = l->nodes.incomplete || !value_ok(v);
    uint64_t total = 0;
    bool told = false;
    for (size_t i = 0; i < count; i++) {
        struct raw_node *raw = (struct raw_node *)v->v.entries.items[i];
        struct node_entry *e = &st->node_entries[i];
        e->raw = raw;
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
        if (!value_ok(&raw->role) || raw->count.state == VALUE_BAD) {
            continue;
        }
        map_set_str(&st->entries, raw->id.v.s, i);
        e->counted = raw->count.state == VALUE_GIVEN;
        uint32_t copies = e->counted ? (uint32_t)raw->count.v.i : 1;
        if (total + copies > MOST_NODES) {
            if (!told) {
                report_error(&l->report, raw->head.at, "out-of-range", "more than %d nodes in all",
                             MOST_NODES);
            }
            told = true;
            continue;
        }
        e->count = copies;
        e->first = (uint32_t)total;
        total += copies;
    }
    l->s->node_count = total;
    l->s->nodes = arena_array(l->arena, total, sizeof(struct scenario_node));
    l->s->edges = arena_array(l->arena, total, sizeof(struct scenario_edge));
    l->stamps = mem_calloc(total, sizeof(*l->stamps));
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

static uint32_t policy_of(struct loader *l, const struct node_entry *e, uint32_t own,
                          const struct raw_device *device)
{
    if (e->role == ROLE_SERVER) {
        return SCENARIO_NONE;
    }
    if (own != SCENARIO_NONE) {
        return own;
    }
    uint64_t index;
    if (device != NULL && value_ok(&device->policy) &&
        map_get_str(&l->policies.index, device->policy.v.s, &index)) {
        return (uint32_t)index;
    }
    return l->hop_policy[e->role];
}

static void make_ids(struct loader *l, const struct node_entry *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *n = &l->s->nodes[e->first + i];
        n->entry = e->raw->id.v.s;
        n->id = e->counted ? arena_printf(l->arena, "%s/%u", n->entry, i + 1) : n->entry;
        n->ordinal = e->counted ? i + 1 : 0;
        n->role = e->role;
        n->device = n->peer = n->edge = n->policy = SCENARIO_NONE;
        n->pairs_all = true;
    }
}

static void fill_nodes(struct loader *l, const struct node_entry *e)
{
    const struct raw_node *raw = e->raw;
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
        n->policy = policy_of(l, e, own, device);
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

/* The most specific one that is written. */
static enum scenario_fidelity fidelity_of(const struct loader *l, const struct raw_node *node,
                                          uint32_t link)
{
    const struct raw_link *raw = (const struct raw_link *)l->raw->links.v.entries.items[link];
    const struct value *v = value_ok(&node->fidelity)  ? &node->fidelity
                            : value_ok(&raw->fidelity) ? &raw->fidelity
                                                       : &l->raw->fidelity;
    return value_ok(v) ? (enum scenario_fidelity)v->v.i : FIDELITY_PACKET;
}

static void attach(struct loader *l, struct node_entry *e, const struct value *to, uint32_t role,
                   const struct value *link, bool block)
{
    uint32_t *peers;
    size_t count;
    uint32_t index = find_link(l, link);
    if (!select_nodes(l, to, ROLE_BIT(role), SCENARIO_NONE, &peers, &count) ||
        index == SCENARIO_NONE) {
        e->detached = true;
        return;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *n = &l->s->nodes[e->first + i];
        size_t k = block ? (size_t)((uint64_t)i * count / e->count) : i % count;
        n->peer = peers[k];
        n->edge = (uint32_t)l->s->edge_count++;
        l->s->edges[n->edge] = (struct scenario_edge){
            .id = arena_printf(l->arena, "%s--%s", n->id, l->s->nodes[n->peer].id),
            .a = e->first + i,
            .b = n->peer,
            .link = index,
            .fidelity = fidelity_of(l, e->raw, index)};
    }
}

/* The key that joins a node to the others, by role; the other roles' keys are out of place. */
static void check_place(struct loader *l, struct node_entry *e, const struct value *v,
                        const char *key, enum scenario_role role, const char *plural)
{
    if (e->role == role && v->state == VALUE_ABSENT) {
        report_error(&l->report, e->raw->head.at, "missing-key", "%s need the key \"%s\"", plural,
                     key);
    }
    if (e->role == role && v->state != VALUE_GIVEN) {
        e->detached = true;
    }
    if (e->role != role && v->state == VALUE_GIVEN) {
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
        if (known) {
            check_place(l, e, &raw->attach, "attach", ROLE_PNE, "PNEs");
            check_place(l, e, &raw->uplink, "uplink", ROLE_GATEWAY, "gateways");
        }
        if (value_ok(&raw->attach) && (!known || e->role == ROLE_PNE)) {
            attach(l, e, &raw->attach_to, ROLE_GATEWAY, &raw->attach_link, raw->attach_by.v.i == 1);
        }
        if (value_ok(&raw->uplink) && (!known || e->role == ROLE_GATEWAY)) {
            attach(l, e, &raw->uplink_to, ROLE_SERVER, &raw->uplink_link, false);
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
        fill_nodes(l, &st->node_entries[i]);
    }
    attach_all(l);
    index_attached(l);
}
