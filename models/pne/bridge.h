/* A PNE that couples its PN with another one over a link to a PNE there (cpns-model.md flow 11;
 * US8958343 US9014055): it looks who is in reach when its gateway says so, and relays between the
 * gateway and the other PNE. Nothing protects that hop: what passes there is exempt (`bridge`). */
#ifndef MODELS_PNE_BRIDGE_H
#define MODELS_PNE_BRIDGE_H

#include "models/cpns/agent.h"

struct pne;

/* A PNE at the other end of a bridge link. */
struct bridge_end {
    entity_id pne;
    const char *network; /* technology of the link */
    uint32_t pn;         /* its PN, as it said; SCENARIO_NONE: none, or not asked yet */
    bool waiting;        /* asked, and has not answered */
};

struct bridge {
    struct bridge_end *ends;
    size_t end_count;
    /* The DiscoveryExecutionRequest that is being carried out, or 0. */
    int64_t execution;
    uint64_t flow;
    entity_id coupled; /* the end over which messages are relayed; ENTITY_NONE: none */
};

void pne_bridge_start(struct pne *p);
void pne_bridge_free(struct pne *p);
/* `from` is at the other end of a bridge link. */
bool pne_is_bridge(const struct pne *p, entity_id from);
/* A message from the other end. */
enum disposition pne_on_bridge(struct pne *p, struct cpns_message *m, const struct received *r);
/* Whether a message from the gateway is about bridges, or for the other PN; and what is done then.
 */
bool pne_couples(const struct pne *p, const struct cpns_message *m);
enum disposition pne_on_coupling(struct pne *p, struct cpns_message *m, const struct received *r);
/* The PNE asked did not answer. */
void pne_end_silent(struct pne *p, uint64_t end);

#endif
