/* From the scenario to a world, and back. Only files of sim/world include this. */
#ifndef SIM_WORLD_BUILD_H
#define SIM_WORLD_BUILD_H

#include "sim/world/world_internal.h"

/* build.c: nodes, links, identities, policies. Taken apart and dismantled, in this order, also
 * after a build that failed half-way. */
int world_build(struct world *w, struct diag_list *diags);
void world_take_apart(struct world *w); /* on any thread: all but OpenSSL's environment */
void world_dismantle(struct world *w);  /* then, on the thread that built it: the rest */

/* build_security.c: what sessions need */

/* Certificates are issued side by side: each is a job. */
struct issue {
    struct job job;
    struct world *world;
    struct entity *entity;
    const struct secure_ca *issuer;
    struct secure_identity_params params;
    struct diag_list diags;
    int result;
};

struct issues {
    struct issue *items;
    size_t count, capacity;
};

/* Makes policy `number` of the scenario ready, unless it is. */
int build_policy(struct world *w, uint32_t number, struct diag_list *diags);
/* Notes the certificate that an entity needs under a policy. */
int build_plan_identity(struct world *w, struct entity *e, const struct scenario_policy *policy,
                        struct issues *all, struct diag_list *diags);
/* Issues all that was noted. */
int build_issue(struct world *w, struct issues *all, struct diag_list *diags);

/* What a wire is like at the start. */
void wire_params(const struct scenario *s, const struct scenario_wire *wire,
                 struct net_link_params *ret);

#endif
