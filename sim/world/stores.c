/* What entities hold when the run ends. */
#include "sim/world/report.h"

void entity_store_pn(struct entity *e, const struct store_pn *row)
{
    PUT(e->world, table_store_pn, record_int(e->id), record_text(row->pn), record_text(row->state),
        record_text(row->name), record_text(row->gateway), record_text(row->mode),
        record_text(row->openness), record_text(row->admin), record_time(row->lease_end));
}

void entity_store_pn_member(struct entity *e, const char *pn, entity_id member, const char *state,
                            const char *mode)
{
    PUT(e->world, table_store_pn_member, record_int(e->id), record_text(pn), record_int(member),
        record_text(state), record_text(mode));
}

void entity_store_group(struct entity *e, const struct store_group *row)
{
    PUT(e->world, table_store_group, record_int(e->id), record_text(row->group),
        record_text(row->owner), record_text(row->joining), record_text(row->service),
        record_text(row->administrator));
}

void entity_store_group_member(struct entity *e, const char *group, entity_id member,
                               const char *state)
{
    PUT(e->world, table_store_group_member, record_int(e->id), record_text(group),
        record_int(member), record_text(state));
}

void entity_store_item(struct entity *e, const char *store, const char *subject, const char *key,
                       const char *value)
{
    PUT(e->world, table_store_item, record_int(e->id), record_text(store), record_text(subject),
        record_text(key), record_text(value));
}

void stores_tell(struct world *w)
{
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        struct entity *e = &w->entities[i];
        if (e->type != NULL && e->type->stores != NULL) {
            e->type->stores(e, e->state);
        }
    }
}
