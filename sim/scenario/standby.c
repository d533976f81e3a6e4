/* Gateways on the devices of PNEs: key `standby`. Such a device is two nodes, the PNE as it is
 * written and a gateway beside it, `phone` and `phone.gw`. */
#include <string.h>

#include "sim/scenario/loader.h"

static void list_one(struct loader *l, struct node_entry *pne)
{
    struct storage *st = l->storage;
    const char *id = arena_printf(l->arena, "%s.gw", pne->id);
    uint32_t index = (uint32_t)st->node_entry_count;
    if (!names_add(&l->nodes, id, index)) {
        uint64_t other = 0;
        map_get_str(&l->nodes.index, id, &other);
        report_error(&l->report, pne->raw->standby.at->key, "duplicate-id",
                     "the gateway on this device is \"%s\", and a node of that name is defined "
                     "already, in line %d",
                     id, st->node_entries[other].raw->id.at->line);
        return;
    }
    map_set_str(&st->entries, id, index);
    struct node_entry *e = &st->node_entries[st->node_entry_count++];
    *e = (struct node_entry){.raw = pne->raw,
                             .id = id,
                             .twin = pne,
                             .derived = true,
                             .first = (uint32_t)l->s->node_count,
                             .count = pne->count,
                             .role = ROLE_GATEWAY,
                             .counted = pne->counted};
    pne->twin = e;
    l->s->node_count += e->count;
}

void standby_list(struct loader *l)
{
    struct storage *st = l->storage;
    size_t written = st->node_entry_count;
    for (size_t i = 0; i < written; i++) {
        struct node_entry *e = &st->node_entries[i];
        const struct value *v = &e->raw->standby;
        if (v->state == VALUE_GIVEN && e->count > 0 && e->role == ROLE_PNE) {
            list_one(l, e);
        }
        l->nodes.gaps = l->nodes.gaps || (v->state != VALUE_ABSENT && e->twin == NULL);
    }
}

static void fill_one(struct loader *l, struct node_entry *e)
{
    struct scenario *s = l->s;
    uint32_t own = find_policy(l, &e->raw->standby_policy);
    for (uint32_t i = 0; i < e->count; i++) {
        struct scenario_node *pne = &s->nodes[e->twin->first + i];
        struct scenario_node *n = &s->nodes[e->first + i];
        pne->twin = e->first + i;
        n->twin = e->twin->first + i;
        n->device = pne->device;
        n->credential = pne->credential;
        n->encoding = pne->encoding;
        n->policy = policy_of(l, ROLE_GATEWAY, own, n->device);
        n->start = dist_constant(0);
    }
}

void standby_fill(struct loader *l)
{
    struct storage *st = l->storage;
    for (size_t i = 0; i < st->node_entry_count; i++) {
        if (st->node_entries[i].derived) {
            fill_one(l, &st->node_entries[i]);
        }
    }
}
