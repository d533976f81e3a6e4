/* At the server: the PN Admin and its adminees (US9491246), PN usage information (US9537713). */
#ifndef MODELS_CPNS_SERVER_ADMINISTRATION_H
#define MODELS_CPNS_SERVER_ADMINISTRATION_H

#include "models/cpns/agent.h"
#include "models/cpns/usage.h"

struct server;

/* An AdminAssign that waits for its candidate. */
struct pending_admin {
    bool used;
    uint32_t pn;
    entity_id origin, candidate;
    int64_t transaction;
    uint64_t flow;
};

/* admin.c. `origin` administers the PN and may edit `pne`'s data: an adminee of the same user. */
bool server_is_admin_of(const struct server *s, uint32_t pn, entity_id origin, entity_id pne);
/* A PN is stored: its gateway may have said who administers it. */
void server_take_admin(struct server *s, const struct cpns_message *registration, uint32_t pn);
enum disposition server_on_admin_assign(struct server *s, const struct cpns_message *m,
                                        entity_id from);
enum disposition server_on_admin_answer(struct server *s, const struct cpns_message *m);
void server_candidate_silent(struct server *s, uint64_t slot);
enum disposition server_on_adminee_change(struct server *s, const struct cpns_message *m,
                                          entity_id from);
enum disposition server_on_adminee_answer(struct server *s, const struct cpns_message *m);

/* usage.c */
enum disposition server_on_usage_info(struct server *s, const struct cpns_message *m,
                                      entity_id from);
void server_usage_expires(struct server *s);

#endif
