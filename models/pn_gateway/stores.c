/* What the gateway holds, told when a run ends (cpns-model.md section 2): its copy of the PN
 * inventory, which is the routing table too, the group list, what is known of devices. */
#include "models/cpns/gateways.h"
#include "models/pn_gateway/gateway.h"

/* NULL: not in the PN, nor on the way. */
static const char *state_word(enum member_state state)
{
    switch (state) {
    case MEMBER_ABSENT:
        return NULL;
    case MEMBER_INVITED:
    case MEMBER_ASKED:
        return "invited";
    case MEMBER_AUTHENTICATING:
    case MEMBER_AUTHENTICATED:
        return "joining";
    case MEMBER_REGISTERED:
        return "member";
    }
    return NULL;
}

void gateway_tell_stores(struct entity *e, void *state)
{
    const struct gateway *g = state;
    const struct scenario *s = entity_scenario(e);
    for (size_t i = 0; i < g->pn_count; i++) {
        const struct pn *pn = &g->pns[i];
        const char *id = s->pns[pn->number].id;
        if (pn->state != PN_NONE) {
            const struct store_pn row = {
                .pn = id,
                .state = pn->state == PN_ACTIVE ? "active" : "forming",
                .name = s->pns[pn->number].alias,
                .gateway = entity_name(e, entity_self(e)),
                .mode = gateway_mode(s, entity_self(e), entity_self(e)),
                .admin = pn->admin != ENTITY_NONE ? entity_name(e, pn->admin) : NULL,
                .lease_end = SIM_TIME_NEVER};
            entity_store_pn(e, &row);
        }
        for (size_t k = 0; k < pn->member_count; k++) {
            const char *word = state_word(pn->members[k].state);
            if (word != NULL) {
                entity_store_pn_member(e, id, pn->members[k].pne, word,
                                       gateway_mode(s, pn->members[k].pne, entity_self(e)));
            }
        }
    }
    for (size_t i = 0; i < g->group_count; i++) {
        entity_store_group_member(e, s->groups[g->groups[i].group].id, g->groups[i].pne, "member");
    }
    capability_tell_store(&g->devices, e);
    usage_tell_store(&g->usage, e);
}
