#include "tests/support/stores.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "models/cpns_server/server.h"
#include "models/pn_gateway/gateway.h"
#include "models/pne/pne.h"

static const char *name(struct fake_world *w, entity_id id)
{
    return fake_scenario(w)->nodes[id].id;
}

static struct server *server_of(struct fake_world *w, uint32_t gateway)
{
    return fake_state(w, name(w, fake_scenario(w)->nodes[gateway].peer));
}

static const struct pn *pn_at_gateway(struct fake_world *w, uint32_t number, entity_id gateway)
{
    const struct gateway *g = fake_state(w, name(w, gateway));
    for (size_t i = 0; i < g->pn_count; i++) {
        if (g->pns[i].number == number) {
            return &g->pns[i];
        }
    }
    return NULL;
}

/* Only `gateway` has the PN, and nobody is about to take it. Silent ones may think what they like.
 */
static const char *check_gateways(struct fake_world *w, uint32_t number, entity_id gateway)
{
    static char text[200];
    const struct scenario *s = fake_scenario(w);
    for (entity_id id = 0; id < s->node_count; id++) {
        if (s->nodes[id].role != ROLE_GATEWAY || fake_is_silent(w, id)) {
            continue;
        }
        const struct pn *pn = pn_at_gateway(w, number, id);
        bool odd = pn != NULL && pn->serving != (id == gateway);
        if (odd || (pn != NULL && (pn->taking || pn->candidate != ENTITY_NONE)) ||
            (pn != NULL && id != gateway && pn->state != PN_NONE)) {
            snprintf(text, sizeof(text), "%s: %s %s it, %s has it", s->pns[number].id, name(w, id),
                     odd ? "is wrong about" : "is half-way with", name(w, gateway));
            return text;
        }
    }
    return "";
}

static const char *check_pn(struct fake_world *w, uint32_t number)
{
    static char text[200];
    const struct scenario_pn *config = &fake_scenario(w)->pns[number];
    const struct server *s = server_of(w, config->gateway);
    entity_id gateway = s->pns[number].gateway;
    const struct pn *pn = pn_at_gateway(w, number, gateway);
    bool stored = s->pns[number].stored;
    const char *found = check_gateways(w, number, gateway);
    if (found[0] != '\0') {
        return found;
    }
    if (s->pns[number].change.used) {
        snprintf(text, sizeof(text), "%s: the server is half-way with its gateway", config->id);
        return text;
    }
    if (pn->state == PN_FORMING || pn->registering || pn->awaited > 0) {
        snprintf(text, sizeof(text), "%s: the gateway is still at it", config->id);
        return text;
    }
    if (stored != (pn->state == PN_ACTIVE)) {
        snprintf(text, sizeof(text), "%s: server %d, gateway %d", config->id, stored,
                 pn->state == PN_ACTIVE);
        return text;
    }
    for (size_t i = 0; i < pn->member_count; i++) {
        const struct member *m = &pn->members[i];
        const struct pne *p = fake_state(w, name(w, m->pne));
        const struct subscriber *sub = server_subscriber(s, m->pne);
        bool at_server = stored && sub != NULL && sub->registered && sub->pn == number;
        bool at_gateway = m->state == MEMBER_REGISTERED;
        bool at_pne = p->state == PNE_JOINED && p->gateway == gateway;
        if (fake_is_silent(w, m->pne)) {
            continue;
        }
        if (at_server != at_gateway || at_gateway != at_pne) {
            snprintf(text, sizeof(text), "%s in %s: server %d, gateway %d, itself %d",
                     name(w, m->pne), config->id, at_server, at_gateway, at_pne);
            return text;
        }
        if (m->state != MEMBER_REGISTERED && m->state != MEMBER_ABSENT) {
            snprintf(text, sizeof(text), "%s in %s: half-way at the gateway", name(w, m->pne),
                     config->id);
            return text;
        }
    }
    return "";
}

static bool thinks_it_is_member(const struct pne *p, uint32_t group)
{
    for (size_t i = 0; i < p->group_count; i++) {
        if (p->groups[i].group == group) {
            return pne_group_is_in(&p->groups[i]);
        }
    }
    return false;
}

/* For PNEs in their PN; a group outlives the PNs of its members. */
static const char *check_group(struct fake_world *w, uint32_t number)
{
    static char text[200];
    const struct scenario *s = fake_scenario(w);
    for (entity_id id = 0; id < s->node_count; id++) {
        const struct pne *p = s->nodes[id].role == ROLE_PNE ? fake_state(w, name(w, id)) : NULL;
        if (p == NULL || p->state != PNE_JOINED || fake_is_silent(w, id)) {
            continue;
        }
        const struct inventory_group *g = &server_of(w, p->gateway)->groups[number];
        bool at_server = g->stored && entity_list_has(&g->members, id);
        bool at_gateway = gateway_group_has(fake_state(w, name(w, p->gateway)), number, id);
        bool at_pne = thinks_it_is_member(p, number);
        if (at_server != at_gateway || at_gateway != at_pne) {
            snprintf(text, sizeof(text), "%s in group %s: server %d, gateway %d, itself %d",
                     name(w, id), s->groups[number].id, at_server, at_gateway, at_pne);
            return text;
        }
    }
    return "";
}

/* The user key of a PNE is one that the server will take, the values of its chain are the
 * gateway's, and no assignment is half-way. */
static const char *check_keys(struct fake_world *w, entity_id id)
{
    static char text[200];
    static const struct pne_keys no_keys;
    static const struct user_key no_key;
    const struct pne *p = fake_state(w, name(w, id));
    const struct gateway *g = fake_state(w, name(w, p->gateway));
    const struct user_key *at_server = server_user_key(server_of(w, p->gateway), id);
    const struct pne_keys *k = p->keys != NULL ? p->keys : &no_keys;
    const struct user_key *u = at_server != NULL ? at_server : &no_key;
    const char *what = "";
    if (k->state == PNE_KEY_INSTALLING || k->state == PNE_KEY_ASKING) {
        what = "is half-way with its user key";
    } else if (k->epoch == 0 && u->epoch != 0) {
        what = "lacks the user key";
    } else if (k->epoch != 0 &&
               !(k->epoch == u->epoch && !memcmp(k->user_key, u->key, KEY_BYTES)) &&
               !(k->epoch == u->offered && !memcmp(k->user_key, u->offered_key, KEY_BYTES))) {
        what = "has another user key than the server";
    }
    for (size_t i = 0; i < g->assignment_count; i++) {
        if (g->assignments[i].pne == id &&
            fsm_allows(&assignment_table, g->assignments[i].state, ASSIGNMENT_EV_TIMEOUT)) {
            what = "waits for its user key at the gateway";
        }
    }
    for (size_t i = 0; i < g->provisioning_count; i++) {
        const struct provisioning *v = &g->provisionings[i];
        if (v->pne != id) {
            continue;
        }
        uint8_t value[KEY_BYTES];
        memcpy(value, v->seed, KEY_BYTES);
        key_chain(value, KEY_CHAIN_LENGTH - k->sequence);
        if (fsm_allows(&provisioning_table, v->state, PROVISIONING_EV_TIMEOUT)) {
            what = "is half-way with its chain";
        } else if (v->has_chain && v->used > 0 &&
                   (k->sequence < v->used || memcmp(value, k->value, KEY_BYTES) != 0)) {
            what = "has another value than the gateway";
        }
    }
    snprintf(text, sizeof(text), "%s %s", name(w, id), what);
    return what[0] != '\0' ? text : "";
}

static const char *check_entity(struct fake_world *w, entity_id id)
{
    static char text[200];
    const char *who = name(w, id);
    void *state = fake_state(w, who);
    const struct agent *agent = NULL;
    if (fake_is_silent(w, id)) {
        return "";
    }
    switch (fake_scenario(w)->nodes[id].role) {
    case ROLE_PNE: {
        const struct pne *p = state;
        if (p->state == PNE_DISCOVERING || p->state == PNE_ESTABLISHING ||
            p->switching != SWITCH_NONE || p->change_flow != 0) {
            snprintf(text, sizeof(text), "%s is half-way", who);
            return text;
        }
        agent = &p->agent;
        break;
    }
    case ROLE_GATEWAY:
        agent = &((const struct gateway *)state)->agent;
        break;
    case ROLE_SERVER:
        agent = &((const struct server *)state)->agent;
        break;
    case ROLE_ROUTER:
        return "";
    }
    if (agent->first != NULL) {
        snprintf(text, sizeof(text), "%s waits for an answer", who);
        return text;
    }
    return "";
}

/* --- servers that share their inventory */

static bool same_pn(const struct inventory_pn *x, const struct inventory_pn *y)
{
    return x->stored == y->stored &&
           (!x->stored ||
            (x->home == y->home && x->gateway == y->gateway && x->sequence == y->sequence));
}

static bool same_group(const struct inventory_group *x, const struct inventory_group *y)
{
    bool same = x->stored == y->stored && x->sequence == y->sequence &&
                x->members.count == y->members.count &&
                (!x->stored || (x->home == y->home && x->owner == y->owner &&
                                x->admin == y->admin && x->closed == y->closed));
    for (size_t i = 0; same && i < x->members.count; i++) {
        same = entity_list_has(&y->members, x->members.items[i]);
    }
    return same;
}

static bool same_service(const struct inventory_service *x, const struct inventory_service *y)
{
    return x->stored == (y != NULL) &&
           (y == NULL || (x->home == y->home && x->openness == y->openness &&
                          x->confirming == y->confirming && x->sequence == y->sequence));
}

/* What one server of a mesh knows is what the next one knows. */
static const char *check_copies(struct fake_world *w, const struct server *x,
                                const struct server *y)
{
    static char text[200];
    const struct scenario *s = fake_scenario(w);
    const char *what = NULL;
    for (uint32_t i = 0; what == NULL && i < s->pn_count; i++) {
        what = same_pn(&x->pns[i], &y->pns[i]) ? NULL : s->pns[i].id;
    }
    for (uint32_t i = 0; what == NULL && i < s->group_count; i++) {
        what = same_group(&x->groups[i], &y->groups[i]) ? NULL : s->groups[i].id;
    }
    for (size_t i = 0; what == NULL && i < x->service_count; i++) {
        const struct inventory_service *service = &x->services[i];
        const struct inventory_service *other =
            server_service(y, span_of_str(service->id), service->provider);
        what = same_service(service, other) ? NULL : service->id;
    }
    for (entity_id id = 0; what == NULL && id < s->node_count; id++) {
        what = s->nodes[id].role != ROLE_PNE || server_is_registered(x, id, ENTITY_NONE) ==
                                                    server_is_registered(y, id, ENTITY_NONE)
                   ? NULL
                   : name(w, id);
    }
    if (what != NULL) {
        snprintf(text, sizeof(text), "%s and another server differ about %s",
                 name(w, entity_self(x->agent.entity)), what);
    }
    return what != NULL ? text : "";
}

static const char *check_servers(struct fake_world *w)
{
    const struct scenario *s = fake_scenario(w);
    const char *found = "";
    for (entity_id id = 0; found[0] == '\0' && id < s->node_count; id++) {
        const struct server *x =
            s->nodes[id].role == ROLE_SERVER ? fake_state(w, name(w, id)) : NULL;
        for (size_t i = 0; x != NULL && found[0] == '\0' && i < x->peer_count; i++) {
            found = check_copies(w, x, fake_state(w, name(w, x->peers[i].id)));
        }
    }
    return found;
}

const char *stores_difference(struct fake_world *w)
{
    const struct scenario *s = fake_scenario(w);
    const char *found = "";
    for (uint32_t i = 0; i < s->pn_count && found[0] == '\0'; i++) {
        found = check_pn(w, i);
    }
    for (uint32_t i = 0; i < s->group_count && found[0] == '\0'; i++) {
        found = check_group(w, i);
    }
    for (entity_id i = 0; i < s->node_count && found[0] == '\0'; i++) {
        if (s->nodes[i].role == ROLE_PNE) {
            found = check_keys(w, i);
        }
    }
    return found[0] == '\0' ? check_servers(w) : found;
}

const char *stores_waiting(struct fake_world *w)
{
    const char *found = "";
    for (entity_id i = 0; i < fake_scenario(w)->node_count && found[0] == '\0'; i++) {
        found = check_entity(w, i);
    }
    return found[0] == '\0' ? fake_open_flow(w) : found;
}

const char *stores_disagreement(struct fake_world *w)
{
    const char *found = stores_difference(w);
    return found[0] == '\0' ? stores_waiting(w) : found;
}

void stores_assert_agree(struct fake_world *w)
{
    const char *found = stores_disagreement(w);
    if (found[0] != '\0') {
        fake_print(w);
    }
    assert_string_equal(found, "");
}

size_t stores_members(struct fake_world *w, const char *pn)
{
    const struct scenario *s = fake_scenario(w);
    size_t count = 0;
    for (uint32_t i = 0; i < s->pn_count; i++) {
        const struct server *server = server_of(w, s->pns[i].gateway);
        if (strcmp(s->pns[i].id, pn) != 0 || !server->pns[i].stored) {
            continue;
        }
        for (size_t k = 0; k < server->subscriber_count; k++) {
            const struct subscriber *sub = server->subscriber_list[k];
            count += sub->registered && sub->pn == i;
        }
    }
    return count;
}

size_t stores_group_members(struct fake_world *w, const char *group)
{
    const struct scenario *s = fake_scenario(w);
    for (entity_id id = 0; id < s->node_count; id++) {
        const struct server *server =
            s->nodes[id].role == ROLE_SERVER ? fake_state(w, s->nodes[id].id) : NULL;
        for (uint32_t i = 0; server != NULL && i < s->group_count; i++) {
            if (strcmp(s->groups[i].id, group) == 0 && server->groups[i].stored) {
                return server->groups[i].members.count;
            }
        }
    }
    return 0;
}
