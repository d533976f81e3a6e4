#include "models/cpns/capability.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct capability_text *t, struct cpns_message *m, const char *key,
                const char *value)
{
    CHECK(t->count < CAPABILITY_ITEMS);
    char *item = t->items[t->count++];
    snprintf(item, CAPABILITY_BYTES, "%s=%s", key, value);
    cpns_add_text(m, CPNS_CAPABILITY, span_of_str(item));
}

/* The technologies that it can speak, each once. */
static void add_links(struct capability_text *t, struct cpns_message *m, const struct scenario *s,
                      entity_id self)
{
    const char *told[4];
    size_t count = 0;
    for (uint32_t i = s->hop_from[self]; i < s->hop_from[self + 1]; i++) {
        uint32_t link = s->edges[s->hop_edges[i]].link;
        const char *technology = link != SCENARIO_NONE ? s->links[link].technology : NULL;
        bool known = technology == NULL || count == SIM_ARRAY_LEN(told);
        for (size_t k = 0; k < count && !known; k++) {
            known = strcmp(told[k], technology) == 0;
        }
        if (!known) {
            told[count++] = technology;
            add(t, m, "link", technology);
        }
    }
}

void capability_tell(const struct agent *a, struct capability_text *t, struct cpns_message *m)
{
    const struct scenario *s = entity_scenario(a->entity);
    const struct scenario_node *n = &s->nodes[entity_self(a->entity)];
    t->count = 0;
    add(t, m, "role", n->role == ROLE_GATEWAY ? "pn_gw" : "pne");
    add(t, m, "encoding", n->encoding);
    add_links(t, m, s, entity_self(a->entity));
    if (n->device != SCENARIO_NONE) {
        add(t, m, "cpu", s->devices[n->device].cpu);
        add(t, m, "media", s->devices[n->device].media);
    }
}

static char *joined(const struct cpns_message *m)
{
    struct buf text = {0};
    for (size_t i = 0; i < cpns_value(m, CPNS_CAPABILITY)->list_count; i++) {
        if (i > 0) {
            buf_append_u8(&text, ' ');
        }
        buf_append(&text, cpns_item(m, CPNS_CAPABILITY, i));
    }
    return buf_steal_str(&text);
}

void capability_keep(struct capability_store *s, entity_id device, const struct cpns_message *m,
                     sim_time now)
{
    uint64_t place;
    if (!map_get(&s->places, device, &place)) {
        place = s->count;
        map_set(&s->places, device, place);
        *MEM_PUSH(s->known, s->count, s->capacity) = (struct capability_known){.device = device};
    }
    struct capability_known *k = &s->known[place];
    free(k->items);
    k->items = joined(m);
    k->battery = cpns_has(m, CPNS_BATTERY_LEVEL) ? cpns_integer(m, CPNS_BATTERY_LEVEL) : -1;
    k->at = now;
}

const struct capability_known *capability_find(const struct capability_store *s, entity_id device)
{
    uint64_t place;
    return map_get(&s->places, device, &place) && s->known[place].items != NULL ? &s->known[place]
                                                                                : NULL;
}

void capability_forget(struct capability_store *s, entity_id device)
{
    uint64_t place;
    if (map_get(&s->places, device, &place)) {
        free(s->known[place].items);
        s->known[place].items = NULL;
    }
}

void capability_repeat(const struct capability_known *k, struct cpns_message *m)
{
    for (const char *item = k->items; *item != '\0';) {
        size_t len = strcspn(item, " ");
        cpns_add_text(m, CPNS_CAPABILITY, span_of(item, len));
        item += len + (item[len] == ' ');
    }
}

void capability_tell_store(const struct capability_store *s, struct entity *e)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct capability_known *k = &s->known[i];
        if (k->items == NULL) {
            continue;
        }
        const char *who = entity_name(e, k->device);
        entity_store_item(e, "capabilities", who, "items", k->items);
        if (k->battery >= 0) {
            char text[16];
            snprintf(text, sizeof(text), "%d", (int)k->battery);
            entity_store_item(e, "capabilities", who, "battery_percent", text);
        }
    }
}

void capability_store_fini(struct capability_store *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->known[i].items);
    }
    free(s->known);
    map_fini(&s->places);
}
