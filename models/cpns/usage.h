/* PN usage information (US9537713): that a user uses a PN through a PNE and a gateway, under an
 * alias, until it expires. The server keeps it, and where the request said so the gateway and the
 * PNE keep copies. */
#ifndef MODELS_CPNS_USAGE_H
#define MODELS_CPNS_USAGE_H

#include "models/cpns/agent.h"

/* Bits of the field Store. */
enum { USAGE_AT_GATEWAY = 1, USAGE_AT_PNE = 2 };

struct usage_info {
    int64_t index; /* the server's number */
    uint32_t pn;
    entity_id pne, gateway;
    int64_t store;
    char *alias;
    int64_t stamp; /* us: when the server said so, there when it was asked; older word about it does
                      not count */
    sim_time end;  /* it expires then; 0: it was deleted */
};

/* Starts all zero. */
struct usage_store {
    struct usage_info *items;
    size_t count, capacity;
    int64_t last_index; /* of a server */
};

/* What is kept, or was until it was deleted, of `pne` in `pn` under the alias; or NULL. */
struct usage_info *usage_find(struct usage_store *s, uint32_t pn, entity_id pne, struct span alias);
/* Makes or renews it; its index is a new one when it is new. A server's. */
struct usage_info *usage_create(struct usage_store *s, uint32_t pn, entity_id pne,
                                entity_id gateway, struct span alias);
/* Takes a PNUsageInfoCreateResponse into a copy: puts, renews or deletes it, unless a newer word
 * was heard. NULL when the message does not say what it takes; else the item, whose end tells. */
const struct usage_info *usage_copy(struct usage_store *s, const struct agent *a,
                                    const struct cpns_message *m);
/* Deletes what has expired; how many that were. */
size_t usage_expire(struct usage_store *s, sim_time now);
/* How many are kept. */
size_t usage_count(const struct usage_store *s);
/* Sets the fields of the answer; the texts are the item's. */
void usage_tell(const struct usage_info *u, const struct agent *a, struct cpns_message *answer);
/* For the handler `stores`. */
void usage_tell_store(const struct usage_store *s, struct entity *e);
void usage_store_fini(struct usage_store *s);

#endif
