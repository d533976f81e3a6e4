/* Lists of entities, and entries of the Service Group inventory. */
#include "models/cpns_server/inventory.h"

#include <stdlib.h>
#include <string.h>

bool inventory_text_holds(const char *text, struct span word)
{
    return text != NULL && memmem(text, strlen(text), word.data, word.len) != NULL;
}

bool entity_list_has(const struct entity_list *l, entity_id id)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] == id) {
            return true;
        }
    }
    return false;
}

void entity_list_add(struct entity_list *l, entity_id id)
{
    if (!entity_list_has(l, id)) {
        *MEM_PUSH(l->items, l->count, l->capacity) = id;
    }
}

void entity_list_remove(struct entity_list *l, entity_id id)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] != id) {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
}

void entity_list_fini(struct entity_list *l)
{
    free(l->items);
    *l = (struct entity_list){0};
}

void inventory_group_clear(struct inventory_group *g)
{
    int64_t sequence = g->sequence;
    entity_list_fini(&g->members);
    entity_list_fini(&g->expected);
    entity_list_fini(&g->invited);
    entity_list_fini(&g->transfer.asked);
    free(g->name);
    free(g->service);
    *g = (struct inventory_group){.sequence = sequence};
}
