#include "sim/world/revocation.h"

#include <stdlib.h>
#include <string.h>

enum { PHASES = 1 << 20 };

static struct revocation *revocation_of(struct world *w)
{
    if (w->revocation == NULL) {
        w->revocation = mem_alloc(sizeof(*w->revocation));
    }
    return w->revocation;
}

static void add_revoked(struct revocation *r, const struct secure_identity *identity, sim_time at)
{
    *MEM_PUSH(r->revoked, r->revoked_count, r->revoked_capacity) =
        (struct secure_revoked){.identity = identity, .at = at};
}

void revocation_revoke(struct world *w, struct secure_identity *identity)
{
    struct revocation *r = revocation_of(w);
    add_revoked(r, identity, 0);
    *MEM_PUSH(r->others, r->other_count, r->other_capacity) = identity;
}

static void note_nodes(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->node_count; i++) {
        const struct entity *e = &w->entities[i];
        for (size_t k = 0; k < SIM_ARRAY_LEN(e->identities); k++) {
            if (e->identities[k] != NULL && s->nodes[i].credential.revoked_at != SIM_TIME_NEVER) {
                add_revoked(w->revocation, e->identities[k], s->nodes[i].credential.revoked_at);
            }
        }
    }
}

/* --- what counts for the whole run
 * ------------------------------------------------------------------------------------------ */

/* What the CA has revoked, for the policies that ask. */
static int make_list(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    struct revocation *rev = w->revocation;
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->policy_count; i++) {
        if (w->policies[i] == NULL || !s->policies[i].crl) {
            continue;
        }
        r = rev->list == NULL ? secure_crl_issue(w->env, w->ca, rev->revoked, rev->revoked_count,
                                                 NULL, &rev->list, diags)
                              : 0;
        r = r == 0 ? secure_policy_set_crl(w->policies[i], rev->list, diags) : r;
    }
    return r;
}

/* What the CA says of certificates that responders present, where a policy asks [ours: from a day
 * before the run on, for good]. */
static int make_staples(struct world *w, bool of_nodes, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    const struct revocation *rev = w->revocation;
    struct secure_staple_params params = {.this_update = -86400 * SIM_S,
                                          .next_update = 9 * 365 * 86400 * SIM_S};
    bool asked = false;
    int r = 0;
    for (size_t i = 0; i < s->policy_count; i++) {
        asked = asked || (w->policies[i] != NULL && s->policies[i].ocsp != OCSP_NOT_ASKED);
    }
    for (size_t i = 0; of_nodes && asked && i < s->node_count; i++) {
        struct entity *e = &w->entities[i];
        const struct scenario_credential *c = &s->nodes[i].credential;
        params.revoked = c->revoked_at != SIM_TIME_NEVER;
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

/* --- who needs what
 * ------------------------------------------------------------------------------------------ */

static struct status_holder *holder_of(const struct world *w, const struct entity *e)
{
    return &w->revocation->holders[e->id];
}

static void note_hop(const struct world *w, const struct hop *hop)
{
    const struct scenario_policy *p = hop->policy;
    if (p == NULL || scenario_is_clear(p) || p->auth == AUTH_PSK) {
        return;
    }
    const struct scenario_credential *c = &hop->server->node->credential;
    if (p->ocsp != OCSP_NOT_ASKED && c->present && c->issuer == ISSUER_SCENARIO) {
        holder_of(w, hop->server)->staples[p->certificates] = true;
    }
    holder_of(w, hop->client)->looks_up |= p->crl;
    holder_of(w, hop->server)->looks_up |= p->crl && p->auth == AUTH_MUTUAL;
}

/* Itself, its own server, the first that it has a hop to, or just the first. */
static struct entity *responder_for(const struct world *w, const struct entity *e)
{
    const struct scenario_revocation *conf = &w->scenario->revocation;
    struct entity *found = NULL;
    int best = 0;
    for (size_t i = 0; i < conf->responder_count; i++) {
        struct entity *r = &w->entities[conf->responders[i]];
        int rank = r == e ? 4 : r->id == e->node->peer ? 3 : entity_hop(e, r->id) != NULL ? 2 : 1;
        found = rank > best ? r : found;
        best = rank > best ? rank : best;
    }
    return found;
}

/* Whether it has to ask over the network. */
static bool by_network(const struct status_holder *h)
{
    return h->asks != NULL && h->asks != h->entity;
}

/* The CA's home; NULL: it has none. */
static const struct entity *home(const struct world *w)
{
    const struct scenario_revocation *conf = &w->scenario->revocation;
    return conf->responder_count > 0 ? &w->entities[conf->responders[0]] : NULL;
}

static void note_holders(struct world *w)
{
    const struct scenario *s = w->scenario;
    struct revocation *rev = w->revocation;
    rev->holders = mem_calloc(s->node_count, sizeof(*rev->holders));
    for (size_t i = 0; i < s->node_count; i++) {
        struct status_holder *h = &rev->holders[i];
        h->world = w;
        h->entity = &w->entities[i];
        if (s->nodes[i].role == ROLE_GATEWAY || s->nodes[i].role == ROLE_SERVER) {
            h->asks = responder_for(w, h->entity);
        }
    }
    for (size_t i = 0; i < s->edge_count; i++) {
        note_hop(w, &w->hops[i]);
    }
}

/* --- the CA speaks
 * ------------------------------------------------------------------------------------------ */

static int make_responder(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    struct revocation *rev = w->revocation;
    const char *name = home(w) != NULL ? home(w)->node->id : "CA";
    char *own = mem_printf("OCSP responder at %s", name);
    int r = 0;
    if (s->revocation.delegate) {
        char urn[SECURE_URN_BYTES];
        secure_urn(s->seed, own, urn);
        const struct secure_identity_params params = {.name = own,
                                                      .urn = urn,
                                                      .kind = SECURE_KEY_P256,
                                                      .not_before = -86400 * SIM_S,
                                                      .not_after = s->until + 86400 * SIM_S,
                                                      .ocsp_signing = true};
        r = secure_identity_issue(w->env, w->ca, &params, &rev->delegate, diags);
    }
    rev->responder = secure_responder_create(w->env, w->ca, own, rev->delegate);
    free(own);
    for (size_t i = 0; i < s->node_count; i++) {
        const struct scenario_credential *c = &s->nodes[i].credential;
        const struct entity *e = &w->entities[i];
        for (size_t k = 0; c->issuer == ISSUER_SCENARIO && k < SIM_ARRAY_LEN(e->identities); k++) {
            if (e->identities[k] != NULL) {
                secure_responder_add(rev->responder, e->identities[k], c->revoked_at);
            }
        }
    }
    return r;
}

sim_time revocation_answer(struct world *w, const struct entity *at, struct span request,
                           struct buf *ret)
{
    const struct revocation *rev = w->revocation;
    struct secure_ops operations = {0};
    int r = secure_responder_answer(rev->responder, request, net_now(w->net),
                                    w->scenario->revocation.ocsp_lifetime, ret, &operations);
    CHECK(r == 0);
    return at != NULL ? cpu_cost(at->cpu, &operations) : 0;
}

/* What the CA has revoked by now, on a list that counts from now on. */
static int issue_list(struct world *w, struct diag_list *diags)
{
    struct revocation *rev = w->revocation;
    sim_time now = net_now(w->net);
    struct secure_revoked *entries = mem_calloc(rev->revoked_count, sizeof(*entries));
    size_t count = 0;
    for (size_t i = 0; i < rev->revoked_count; i++) {
        if (rev->revoked[i].at <= now) {
            entries[count++] = rev->revoked[i];
        }
    }
    const struct secure_crl_params params = {.number = rev->list_count + 1,
                                             .this_update = now,
                                             .next_update =
                                                 now + w->scenario->revocation.crl_lifetime};
    struct secure_crl *list = NULL;
    int r = secure_crl_issue(w->env, w->ca, entries, count, &params, &list, diags);
    if (r == 0) {
        *MEM_PUSH(rev->lists, rev->list_count, rev->list_capacity) = list;
        if (w->recorder != NULL) {
            report_list(w, list, params.number, count, params.this_update, params.next_update);
        }
    }
    free(entries);
    return r;
}

/* --- and is heard
 * ------------------------------------------------------------------------------------------ */

/* Nobody staples what speaks against him: as long as an older response is good, it is that one (as
 * servers do that take good ones alone; and as a thief would). */
const char *revocation_take_staple(struct status_holder *h, enum secure_key_kind kind,
                                   struct span response, struct span nonce,
                                   struct secure_status *status)
{
    const struct world *w = h->world;
    secure_ocsp_read(w->env, w->ca, h->entity->identities[kind], response, nonce, net_now(w->net),
                     status);
    if (strcmp(status->word, "good") == 0) {
        buf_clear(&h->staple[kind]);
        buf_append(&h->staple[kind], response);
    }
    return status->word;
}

const char *revocation_take_list(struct status_holder *h, struct span octets)
{
    const struct revocation *rev = h->world->revocation;
    for (size_t i = rev->list_count; i > 0; i--) {
        if (span_equal(secure_crl_octets(rev->lists[i - 1]), octets)) {
            h->list = rev->lists[i - 1];
            return "good";
        }
    }
    return "unauthorized"; /* the CA has issued no such list */
}

/* Without the network: the same request, the same answer. */
static void ask_at_once(struct status_holder *h, enum secure_key_kind kind, bool told)
{
    struct world *w = h->world;
    struct buf request = {0};
    struct buf response = {0};
    struct secure_status status;
    int r =
        secure_ocsp_request(w->env, w->ca, h->entity->identities[kind], span_of(NULL, 0), &request);
    CHECK(r == 0);
    revocation_answer(w, h->asks, buf_span(&request), &response);
    revocation_take_staple(h, kind, buf_span(&response), span_of(NULL, 0), &status);
    if (told) {
        report_status(w, &(struct status_row){.holder = h,
                                              .what = STATUS_OCSP,
                                              .kind = kind,
                                              .at = net_now(w->net),
                                              .outcome = status.word,
                                              .this_update = status.this_update,
                                              .next_update = status.next_update});
    }
    buf_fini(&request);
    buf_fini(&response);
}

static void refresh_staples(struct status_holder *h, bool told)
{
    for (size_t k = 0; k < SIM_ARRAY_LEN(h->staples); k++) {
        enum secure_key_kind kind = (enum secure_key_kind)k;
        if (!h->staples[k] || entity_is_silent(h->entity)) {
            continue;
        }
        if (told && by_network(h)) {
            status_fetch(h, STATUS_OCSP, kind);
        } else {
            ask_at_once(h, kind, told);
        }
    }
}

static void on_refresh(void *arg)
{
    struct status_holder *h = arg;
    struct world *w = h->world;
    refresh_staples(h, true);
    net_timer_set(w->net, net_now(w->net) + w->scenario->revocation.ocsp_refresh, on_refresh, h);
}

static void on_list_due(void *arg)
{
    struct world *w = arg;
    struct revocation *rev = w->revocation;
    net_timer_set(w->net, net_now(w->net) + w->scenario->revocation.crl_every, on_list_due, w);
    if (home(w) != NULL && entity_is_silent(home(w))) {
        return;
    }
    struct diag_list diags = {0};
    int r = issue_list(w, &diags);
    CHECK(r == 0);
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        struct status_holder *h = &rev->holders[i];
        if (h->looks_up && !by_network(h)) {
            h->list = rev->lists[rev->list_count - 1];
        } else if (h->looks_up && !entity_is_silent(h->entity)) {
            status_fetch(h, STATUS_CRL, SECURE_KEY_P256);
        }
    }
}

/* --- life
 * ------------------------------------------------------------------------------------------ */

static bool lists_wanted(const struct world *w)
{
    bool wanted = false;
    for (size_t i = 0; i < w->scenario->node_count; i++) {
        wanted = wanted || w->revocation->holders[i].looks_up;
    }
    return wanted;
}

/* What every device has when the run begins: it was made at that moment. */
static int start_modelled(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    struct revocation *rev = w->revocation;
    note_holders(w);
    int r = make_responder(w, diags);
    if (r == 0 && lists_wanted(w)) {
        r = issue_list(w, diags);
    }
    for (size_t i = 0; r == 0 && i < s->revocation.responder_count; i++) {
        struct status_holder *h = &rev->holders[s->revocation.responders[i]];
        r = status_listen(h);
        if (r < 0) {
            diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0,
                     "cannot open the OCSP responder's port of node %s", h->entity->node->id);
        }
    }
    for (size_t i = 0; r == 0 && i < s->node_count; i++) {
        struct status_holder *h = &rev->holders[i];
        h->list = rev->list_count > 0 ? rev->lists[0] : NULL;
        refresh_staples(h, false);
    }
    return r == 0 ? make_staples(w, false, diags) : r;
}

int revocation_start(struct world *w, struct diag_list *diags)
{
    revocation_of(w);
    note_nodes(w);
    if (w->scenario->revocation.modelled) {
        return start_modelled(w, diags);
    }
    int r = make_list(w, diags);
    return r == 0 ? make_staples(w, true, diags) : r;
}

void revocation_run(struct world *w)
{
    const struct scenario *s = w->scenario;
    const struct scenario_revocation *conf = &s->revocation;
    struct revocation *rev = w->revocation;
    for (size_t i = 0; i < s->node_count; i++) {
        if (s->nodes[i].role != ROLE_ROUTER &&
            s->nodes[i].credential.revoked_at != SIM_TIME_NEVER) {
            report_revoked(w, &w->entities[i], s->nodes[i].credential.revoked_at);
        }
    }
    if (!conf->modelled) {
        return;
    }
    if (rev->list_count > 0) {
        size_t entries = 0;
        for (size_t i = 0; i < rev->revoked_count; i++) {
            entries += rev->revoked[i].at <= 0;
        }
        report_list(w, rev->lists[0], 1, entries, 0, conf->crl_lifetime);
        net_timer_set(w->net, conf->crl_every, on_list_due, w);
    }
    for (size_t i = 0; i < s->node_count; i++) {
        struct status_holder *h = &rev->holders[i];
        bool staples = false;
        for (size_t k = 0; k < SIM_ARRAY_LEN(h->staples); k++) {
            staples = staples || h->staples[k];
        }
        if (staples) { /* devices were not switched on together */
            uint64_t phase = rng_below(entity_rng(h->entity, "ocsp"), PHASES);
            sim_time wait = (sim_time)((double)phase / PHASES * (double)conf->ocsp_refresh);
            net_timer_set(w->net, wait, on_refresh, h);
        }
    }
}

void revocation_session(const struct hop *hop, int side, struct secure_session_params *params)
{
    const struct world *w = hop->world;
    const struct scenario_policy *policy = hop->policy;
    if (!w->scenario->revocation.modelled) {
        return;
    }
    const struct status_holder *h =
        holder_of(w, side == SIDE_INITIATOR ? hop->client : hop->server);
    if (side == SIDE_RESPONDER && policy->ocsp != OCSP_NOT_ASKED) {
        params->staple = buf_span(&h->staple[policy->certificates]);
    }
    params->crl = h->list;
}

void revocation_free(struct world *w)
{
    struct revocation *r = w->revocation;
    if (r == NULL) {
        return;
    }
    status_free(r);
    for (size_t i = 0; r->holders != NULL && i < w->scenario->node_count; i++) {
        for (size_t k = 0; k < SIM_ARRAY_LEN(r->holders[i].staple); k++) {
            buf_fini(&r->holders[i].staple[k]);
        }
    }
    for (size_t i = 0; i < r->list_count; i++) {
        secure_crl_free(r->lists[i]);
    }
    free(r->lists);
    free(r->holders);
    secure_crl_free(r->list);
    secure_responder_free(r->responder);
    secure_identity_free(r->delegate);
    free(r->revoked);
    free(r->others);
    free(r);
}
