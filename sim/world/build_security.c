/* What sessions need: policies made ready, certificates issued. */
#include <stdlib.h>

#include "sim/world/build.h"

/* --- policies
 * ------------------------------------------------------------------------------------------ */

int build_policy(struct world *w, uint32_t number, struct diag_list *diags)
{
    if (w->policies[number] != NULL) {
        return 0;
    }
    static const enum secure_auth auths[] = {[AUTH_MUTUAL] = SECURE_AUTH_MUTUAL,
                                             [AUTH_SERVER_ONLY] = SECURE_AUTH_SERVER_ONLY,
                                             [AUTH_PSK] = SECURE_AUTH_PSK};
    static const enum secure_kind kinds[] = {[KIND_TLS] = SECURE_TLS,
                                             [KIND_DTLS] = SECURE_DTLS,
                                             [KIND_CLEAR] = SECURE_CLEAR,
                                             [KIND_CLEAR_DATAGRAM] = SECURE_CLEAR_DATAGRAM};
    static const enum secure_ocsp ocsp[] = {[OCSP_NOT_ASKED] = SECURE_OCSP_NONE,
                                            [OCSP_REQUIRED] = SECURE_OCSP_REQUIRED,
                                            [OCSP_SOFT_FAIL] = SECURE_OCSP_SOFT_FAIL};
    const struct scenario_policy *p = &w->scenario->policies[number];
    struct secure_policy_params params = {
        .name = p->name,
        .kind = kinds[p->kind],
        .min_version = p->min_version,
        .max_version = p->max_version,
        .ciphers = p->ciphers,
        .ciphersuites = p->ciphersuites,
        .groups = p->groups,
        .auth = auths[p->auth],
        .tickets = p->resumption == RESUMPTION_TICKETS,
        .ticket_lifetime = p->ticket_lifetime,
        .resumption_lifetime =
            p->resumption_lifetime != SIM_TIME_NEVER ? p->resumption_lifetime : 0,
        .security_level = p->security_level,
        .retransmit_after = p->retransmit_after,
        .signature_algorithms = p->signature_algorithms,
        .max_fragment_length = p->max_fragment_length,
        .record_padding = p->record_padding,
        .no_name_check = p->no_name_check,
        .no_cookies = p->no_cookies,
        .crl = p->crl,
        .ocsp = ocsp[p->ocsp],
        .early = p->early_data == 0  ? SECURE_EARLY_NONE
                 : p->no_anti_replay ? SECURE_EARLY_REPLAYABLE
                                     : SECURE_EARLY_ONCE,
        .early_bytes = p->early_data,
    };
    return secure_policy_create(w->env, &params, w->ca, &w->policies[number], diags);
}

/* --- identities
 * ------------------------------------------------------------------------------------------ */

static enum secure_key_kind key_kind(enum scenario_certificates kind)
{
    static const enum secure_key_kind kinds[] = {[CERT_ECDSA_P256] = SECURE_KEY_P256,
                                                 [CERT_ECDSA_P384] = SECURE_KEY_P384,
                                                 [CERT_ED25519] = SECURE_KEY_ED25519,
                                                 [CERT_RSA_2048] = SECURE_KEY_RSA2048,
                                                 [CERT_RSA_3072] = SECURE_KEY_RSA3072};
    return kinds[kind];
}

static int need_other_ca(struct world *w, struct diag_list *diags)
{
    return w->other_ca != NULL
               ? 0
               : secure_ca_create(w->env, "other", SECURE_KEY_P256, &w->other_ca, diags);
}

static void run_issue(void *arg)
{
    struct issue *i = arg;
    i->result = secure_identity_issue(i->world->env, i->issuer, &i->params,
                                      &i->entity->identities[i->params.kind], &i->diags);
}

static int issue_all(struct world *w, struct issues *all, struct diag_list *diags)
{
    int r = 0;
    for (size_t i = 0; i < all->count; i++) {
        all->items[i].job = (struct job){.run = run_issue, .arg = &all->items[i]};
        jobs_submit(w->jobs, &all->items[i].job);
    }
    for (size_t i = 0; i < all->count; i++) {
        jobs_wait(w->jobs, &all->items[i].job);
        if (r == 0 && all->items[i].result < 0) {
            r = all->items[i].result;
            diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0, "%s",
                     all->items[i].diags.items[0].message);
        }
        diag_list_fini(&all->items[i].diags);
    }
    free(all->items);
    return r;
}

int build_plan_identity(struct world *w, struct entity *e, const struct scenario_policy *policy,
                        struct issues *all, struct diag_list *diags)
{
    enum secure_key_kind kind = key_kind(policy->certificates);
    if (scenario_is_clear(policy) || policy->auth == AUTH_PSK || e->planned[kind]) {
        return 0;
    }
    e->planned[kind] = true;
    const struct scenario_credential *c = &e->node->credential;
    const char *urn = e->urn;
    if (c->identity != NULL) {
        uint32_t other = scenario_find_node(w->scenario, c->identity);
        CHECK(other != SCENARIO_NONE);
        urn = w->entities[other].urn;
    }
    int r = c->issuer == ISSUER_OTHER ? need_other_ca(w, diags) : 0;
    if (r < 0) {
        return r;
    }
    struct secure_identity_params params = {
        .name = e->node->id,
        .urn = urn,
        .kind = kind,
        .not_before = c->not_before,
        .not_after = c->not_after,
        .self_signed = c->issuer == ISSUER_SELF,
    };
    *MEM_PUSH(all->items, all->count, all->capacity) =
        (struct issue){.world = w,
                       .entity = e,
                       .issuer = c->issuer == ISSUER_OTHER ? w->other_ca : w->ca,
                       .params = params};
    return 0;
}

int build_issue(struct world *w, struct issues *all, struct diag_list *diags)
{
    return issue_all(w, all, diags);
}
