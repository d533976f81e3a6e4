#include "sim/world/rogue.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world/build.h"
#include "sim/world/revocation.h"
#include "sim/world/rogue_session.h"

/* --- life
 * ------------------------------------------------------------------------------------------- */

static int issue(struct rogue *r, int shown_to, struct diag_list *diags)
{
    struct attacker *a = r->attacker;
    struct world *w = a->world;
    const struct entity *poses_as = shown_to == 0 ? r->hop->server : r->hop->client;
    enum scenario_attack_credential credential = a->conf->credential;
    enum secure_key_kind kind = (enum secure_key_kind)r->hop->policy->certificates;
    if (scenario_is_clear(r->hop->policy) || r->hop->policy->auth == AUTH_PSK) {
        return 0;
    }
    if (credential == ROGUE_STOLEN) {
        r->identities[shown_to] = poses_as->identities[kind];
        return 0;
    }
    r->owned = true;
    char name[300];
    char own_urn[SECURE_URN_BYTES];
    snprintf(name, sizeof(name), "attacker %s as %s", a->conf->id, poses_as->node->id);
    secure_urn(w->scenario->seed, name, own_urn);
    struct secure_identity_params params = {
        .name = name,
        .urn = credential == ROGUE_WRONG_NAME ? own_urn : poses_as->urn,
        .kind = kind,
        .not_before = -24 * 3600 * SIM_S,
        .not_after = credential == ROGUE_EXPIRED ? -SIM_S : w->scenario->until + 3600 * SIM_S,
        .self_signed = credential == ROGUE_SELF_SIGNED,
    };
    if (credential == ROGUE_FUTURE) {
        params.not_before = w->scenario->until + 3600 * SIM_S;
        params.not_after = params.not_before + 24 * 3600 * SIM_S;
    }
    int result = 0;
    if (credential == ROGUE_UNTRUSTED && w->other_ca == NULL) {
        result = secure_ca_create(w->env, "other", SECURE_KEY_P256, &w->other_ca, diags);
    }
    if (result == 0) {
        result = secure_identity_issue(w->env, credential == ROGUE_UNTRUSTED ? w->other_ca : w->ca,
                                       &params, &r->identities[shown_to], diags);
    }
    if (result == 0 && credential == ROGUE_REVOKED) {
        revocation_revoke(w, r->identities[shown_to]);
    }
    return result;
}

static int join(const struct rogue *r, const struct wire *like, const struct entity *to,
                struct diag_list *diags)
{
    struct world *w = r->attacker->world;
    struct net_link_params params;
    net_link link;
    char name[300];
    wire_params(w->scenario, like->wire, &params);
    snprintf(name, sizeof(name), "%s--%s at %s", r->attacker->conf->id, to->node->id,
             r->hop->edge->id);
    params.name = name;
    if (params.fidelity == NET_FIDELITY_FULL) {
        params.fidelity = NET_FIDELITY_PACKET; /* he is in no association */
    }
    int result = net_add_link(w->net, to->net_node, r->node, &params, &link);
    if (result < 0) {
        diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0, "attacker %s: link %s",
                 r->attacker->conf->id, name);
    }
    return result;
}

static int settle_at(struct attacker *a, struct hop *hop, const struct wire *wire,
                     struct diag_list *diags)
{
    struct world *w = a->world;
    struct rogue *r = mem_alloc(sizeof(*r));
    r->attacker = a;
    r->hop = hop;
    r->next = a->rogues;
    a->rogues = r;
    char *name = mem_printf("%s at %s", a->conf->id, hop->edge->id);
    r->node = net_add_node(w->net, name);
    free(name);
    int result = join(r, wire, hop->client, diags);
    if (result == 0) {
        result = join(r, wire, hop->server, diags);
    }
    if (result == 0) {
        result = rogue_listen(r);
    }
    if (result == 0) {
        result = issue(r, 0, diags);
    }
    return result == 0 ? issue(r, 1, diags) : result;
}

static bool runs_over(const struct hop *hop, uint32_t wire)
{
    for (size_t i = 0; i < hop->edge->wire_count; i++) {
        if (hop->edge->wires[i] == wire) {
            return hop->policy != NULL;
        }
    }
    return false;
}

int rogue_start(struct attacker *a, struct diag_list *diags)
{
    struct world *w = a->world;
    int result = 0;
    for (size_t i = 0; result == 0 && i < w->scenario->edge_count; i++) {
        for (size_t k = 0; result == 0 && k < a->conf->target_count; k++) {
            if (runs_over(&w->hops[i], a->conf->targets[k])) {
                result = settle_at(a, &w->hops[i], &w->wires[a->conf->targets[k]], diags);
                break;
            }
        }
    }
    return result;
}

void rogue_free(struct attacker *a)
{
    while (a->rogues != NULL) {
        struct rogue *r = a->rogues;
        a->rogues = r->next;
        while (r->sessions != NULL) {
            struct rogue_session *s = r->sessions;
            r->sessions = s->next;
            rogue_session_free(s);
        }
        for (int i = 0; r->owned && i < 2; i++) {
            secure_identity_free(r->identities[i]);
        }
        free(r);
    }
}

/* --- what channels ask
 * ------------------------------------------------------------------------------------------- */

net_node rogue_instead(struct channel *c)
{
    static const char *const words[] = {[ROGUE_SELF_SIGNED] = "self-signed",
                                        [ROGUE_UNTRUSTED] = "untrusted",
                                        [ROGUE_EXPIRED] = "expired",
                                        [ROGUE_FUTURE] = "future",
                                        [ROGUE_WRONG_NAME] = "wrong-name",
                                        [ROGUE_REVOKED] = "revoked",
                                        [ROGUE_STOLEN] = "stolen"};
    struct world *w = c->world;
    for (size_t i = 0; i < w->attacker_count; i++) {
        struct attacker *a = &w->attackers[i];
        struct rogue *r = attacker_is_active(a) && a->trials < a->conf->count ? a->rogues : NULL;
        while (r != NULL && r->hop != c->hop) {
            r = r->next;
        }
        if (r == NULL) {
            continue;
        }
        struct rogue_session *s = mem_alloc(sizeof(*s));
        s->rogue = r;
        s->channel = c;
        for (int side = 0; side < 2; side++) {
            s->ends[side].of = s;
            s->ends[side].faces = side;
        }
        s->next = r->sessions;
        r->sessions = s;
        char what[96];
        snprintf(what, sizeof(what), "in the middle with a credential that is %s",
                 words[a->conf->credential]);
        a->trials++;
        probe_begin(a, c, SIDE_INITIATOR, 0, 0, false, 0, what);
        return r->node;
    }
    return c->hop->server->net_node;
}

struct hop *rogue_hop(const struct world *w, net_node node)
{
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (struct rogue *r = w->attackers[i].rogues; r != NULL; r = r->next) {
            if (r->node == node) {
                return r->hop;
            }
        }
    }
    return NULL;
}

static struct rogue_session *session_of(const struct channel *c)
{
    const struct world *w = c->world;
    for (size_t i = 0; i < w->attacker_count; i++) {
        for (struct rogue *r = w->attackers[i].rogues; r != NULL; r = r->next) {
            if (r->hop == c->hop && r->sessions != NULL && r->sessions->channel == c) {
                return r->sessions;
            }
        }
    }
    return NULL;
}

void rogue_channel_over(struct channel *c)
{
    struct rogue_session *s = session_of(c);
    if (s == NULL) {
        return;
    }
    rogue_session_abort(s);
}

void rogue_read(const struct channel *c, uint64_t read[2])
{
    const struct rogue_session *s = session_of(c);
    for (int side = 0; side < 2; side++) {
        read[side] = s != NULL ? s->ends[side].read : 0;
    }
}
