/* Nodes that forge messages inside sessions of their own: what they send is altered before it is
 * sealed, and judged by what became of the message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/attack.h"

/* A forged message; of struct message. */
struct forgery {
    const struct attacker *attacker;
    uint32_t link;
    uint32_t hop_number;
    uint64_t session_id; /* 0: none stood yet */
    sim_time at;
};

static struct attacker *forger(const struct entity *e)
{
    struct world *w = e->world;
    for (size_t i = 0; i < w->attacker_count; i++) {
        struct attacker *a = &w->attackers[i];
        for (size_t k = 0; a->ops->forges != NULL && k < a->conf->target_count; k++) {
            if (a->conf->targets[k] == e->id) {
                return a;
            }
        }
    }
    return NULL;
}

bool forge_message(struct entity *e, const struct hop *hop, struct message *m, uint8_t encoding,
                   struct span payload, struct buf *forged)
{
    struct attacker *a = e->world->attacker_count > 0 ? forger(e) : NULL;
    if (a == NULL || hop->inside != NULL || m->forgery != NULL || !attacker_is_active(a) ||
        a->trials >= a->conf->count) {
        return false;
    }
    const char *urn = e->world->entities[a->conf->as].urn;
    struct rng *rng = entity_rng(e, a->conf->id);
    if (a->conf->nth == 0 && !rng_chance(rng, a->conf->probability)) {
        return false;
    }
    if (!a->ops->forges(urn, encoding, payload, forged)) {
        return false;
    }
    if (a->conf->nth > 0 && ++a->suitable != a->conf->nth) {
        buf_clear(forged);
        return false;
    }
    const struct channel *c = hop->live[e == hop->client ? SIDE_INITIATOR : SIDE_RESPONDER];
    struct forgery *f = mem_alloc(sizeof(*f));
    f->attacker = a;
    f->link = hop->edge->wires[0];
    f->hop_number = m->carries;
    f->session_id = c != NULL ? c->id : 0;
    f->at = net_now(e->world->net);
    m->forgery = f;
    a->trials++;
    return true;
}

void forge_settle(struct world *w, struct message *m)
{
    struct forgery *f = m->forgery;
    if (f == NULL) {
        return;
    }
    bool delivered = strcmp(m->outcome, "delivered") == 0;
    bool refused = strcmp(m->outcome, "refused") == 0;
    char what[96];
    snprintf(what, sizeof(what), "%s in the name of %s", m->info.type,
             w->entities[f->attacker->conf->as].node->id);
    report_probe(w, &(struct probe_row){.attacker = f->attacker->conf->id,
                                        .kind = f->attacker->words->name,
                                        .property = f->attacker->words->property,
                                        .link = f->link,
                                        .session_id = f->session_id,
                                        .message_id = m->id,
                                        .hop_number = f->hop_number,
                                        .at = f->at,
                                        .verdict = delivered ? "violated"
                                                   : refused ? "held"
                                                             : "inconclusive",
                                        .detected_by = delivered ? NULL : m->reason,
                                        .side = -1,
                                        .delay = refused ? net_now(w->net) - f->at : SIM_TIME_NEVER,
                                        .detail = what});
    free(f);
    m->forgery = NULL;
}
