/* What the PNE believes, told when a run ends: its PN and its Service Groups. */
#include "models/cpns/gateways.h"
#include "models/pne/pne.h"

void pne_tell_stores(struct entity *e, void *state)
{
    const struct pne *p = state;
    const struct scenario *s = entity_scenario(e);
    if (p->pn != SCENARIO_NONE && p->state == PNE_JOINED) {
        entity_store_pn_member(e, s->pns[p->pn].id, entity_self(e), "member",
                               gateway_mode(s, entity_self(e), p->gateway));
    }
    for (size_t i = 0; i < p->group_count; i++) {
        const struct pne_group *g = &p->groups[i];
        if (g->state != GROUP_OUT) {
            entity_store_group_member(e, s->groups[g->group].id, entity_self(e),
                                      pne_group_is_in(g) ? "member" : "joining");
        }
    }
    usage_tell_store(&p->usage, e);
}
