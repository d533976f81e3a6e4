#include "sim/world/revocation.h"

#include <stdlib.h>

struct revocation {
    struct secure_revoked *revoked;
    size_t revoked_count, revoked_capacity;
    struct secure_identity **others; /* of attackers: they staple what the CA says of them */
    size_t other_count, other_capacity;
    struct secure_crl *crl; /* NULL: no policy asks for it */
};

static struct revocation *revocation_of(struct world *w)
{
    if (w->revocation == NULL) {
        w->revocation = mem_alloc(sizeof(*w->revocation));
    }
    return w->revocation;
}

void revocation_revoke(struct world *w, struct secure_identity *identity)
{
    struct revocation *r = revocation_of(w);
    *MEM_PUSH(r->revoked, r->revoked_count, r->revoked_capacity) =
        (struct secure_revoked){.identity = identity};
    *MEM_PUSH(r->others, r->other_count, r->other_capacity) = identity;
}

/* What the CA has revoked, for the policies that ask. */
static int issue_crl(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    struct revocation *rev = revocation_of(w);
    int r = 0;
    for (size_t i = 0; i < s->node_count; i++) {
        const struct entity *e = &w->entities[i];
        for (size_t k = 0; s->nodes[i].credential.revoked && k < SIM_ARRAY_LEN(e->identities);
             k++) {
            if (e->identities[k] != NULL) {
                *MEM_PUSH(rev->revoked, rev->revoked_count, rev->revoked_capacity) =
                    (struct secure_revoked){.identity = e->identities[k]};
            }
        }
    }
    for (size_t i = 0; r == 0 && i < s->policy_count; i++) {
        if (w->policies[i] == NULL || !s->policies[i].crl) {
            continue;
        }
        r = rev->crl == NULL ? secure_crl_issue(w->env, w->ca, rev->revoked, rev->revoked_count,
                                                NULL, &rev->crl, diags)
                             : 0;
        r = r == 0 ? secure_policy_set_crl(w->policies[i], rev->crl, diags) : r;
    }
    return r;
}

/* What the CA says of certificates that responders present, where a policy asks [ours: from a day
 * before the run on, for good]. */
static int issue_staples(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    const struct revocation *rev = revocation_of(w);
    struct secure_staple_params params = {.this_update = -86400 * SIM_S,
                                          .next_update = 9 * 365 * 86400 * SIM_S};
    bool asked = false;
    int r = 0;
    for (size_t i = 0; i < s->policy_count; i++) {
        asked = asked || (w->policies[i] != NULL && s->policies[i].ocsp);
    }
    for (size_t i = 0; asked && i < s->node_count; i++) {
        struct entity *e = &w->entities[i];
        const struct scenario_credential *c = &s->nodes[i].credential;
        params.revoked = c->revoked;
        for (size_t k = 0; s->nodes[i].role != ROLE_PNE && k < SIM_ARRAY_LEN(e->identities); k++) {
            if (r == 0 && e->identities[k] != NULL && c->issuer == ISSUER_SCENARIO) {
                r = secure_identity_staple(w->env, w->ca, e->identities[k], &params, diags);
            }
        }
    }
    params.revoked = true;
    for (size_t i = 0; asked && r == 0 && i < rev->other_count; i++) {
        r = secure_identity_staple(w->env, w->ca, rev->others[i], &params, diags);
    }
    return r;
}

int revocation_start(struct world *w, struct diag_list *diags)
{
    int r = issue_crl(w, diags);
    return r == 0 ? issue_staples(w, diags) : r;
}

void revocation_free(struct world *w)
{
    struct revocation *r = w->revocation;
    if (r != NULL) {
        secure_crl_free(r->crl);
        free(r->revoked);
        free(r->others);
        free(r);
    }
}
