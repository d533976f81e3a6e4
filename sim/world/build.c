/* From the scenario to a world: nodes, links, identities, policies, entities. Everything random is
 * keyed by names, so that another node in the scenario changes nothing for the rest. */
#include "sim/world/build.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/account.h"
#include "sim/world/half_open.h"
#include "sim/world/observe.h"
#include "sim/world/revocation.h"
#include "sim/world/session.h"

static int fail(struct diag_list *diags, const char *what, const char *name, int error)
{
    diag_add(diags, DIAG_ERROR, "cannot-build", NULL, 0, 0, "%s \"%s\": %s", what, name,
             sim_strerror(error));
    return error;
}

static const struct cpu_profile *find_cpu(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->models->cpu_count; i++) {
        if (strcmp(w->models->cpus[i].name, name) == 0) {
            return &w->models->cpus[i];
        }
    }
    return NULL;
}

static int build_entity(struct world *w, uint32_t number, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    const struct scenario_node *node = &s->nodes[number];
    struct entity *e = &w->entities[number];
    e->world = w;
    e->id = number;
    e->node = node;
    e->processor =
        node->role == ROLE_GATEWAY && node->twin != SCENARIO_NONE ? &w->entities[node->twin] : e;
    if (node->role == ROLE_ROUTER) {
        e->net_node = net_add_node(w->net, node->id);
        CHECK(e->net_node == number);
        return 0;
    }
    e->type = w->models->types[node->role];
    const char *cpu = node->device != SCENARIO_NONE ? s->devices[node->device].cpu : NULL;
    e->cpu = find_cpu(w, cpu != NULL ? cpu : w->models->default_cpu[node->role]);
    if (e->cpu == NULL) {
        return fail(diags, "unknown cpu of node", node->id, -SIM_ENOENT);
    }
    secure_urn(s->seed, node->id, e->urn);
    map_set_str(&w->by_urn.numbers, e->urn, number);
    secure_random(w->env, node->id, "subscriber-key", 0, e->subscriber_key,
                  sizeof(e->subscriber_key));
    e->net_node = net_add_node(w->net, node->id);
    CHECK(e->net_node == number);
    int r = net_datagram_bind(w->net, e->net_node, w->models->datagram_port, datagram_received, e);
    if (r == 0 && node->role != ROLE_PNE) {
        r = net_listen(w->net, e->net_node, w->models->stream_port, channel_accept, e);
    }
    if (r < 0) {
        return fail(diags, "cannot open ports of node", node->id, r);
    }
    e->state = mem_alloc(e->type->state_bytes);
    return 0;
}

/* --- links
 * ------------------------------------------------------------------------------------------- */

/* At the start of the run; 0: one of them has no place. */
static double distance(const struct scenario_node *a, const struct scenario_node *b)
{
    double square = 0;
    for (int i = 0; a->placed && b->placed && i < 3; i++) {
        square += (a->place[i] - b->place[i]) * (a->place[i] - b->place[i]);
    }
    return sqrt(square);
}

void wire_params(const struct scenario *s, const struct scenario_wire *wire,
                 struct net_link_params *ret)
{
    static const enum net_loss_model models[] = {
        [SCENARIO_LOSS_NONE] = NET_LOSS_NONE,
        [SCENARIO_LOSS_RANDOM] = NET_LOSS_RANDOM,
        [SCENARIO_LOSS_GILBERT_ELLIOTT] = NET_LOSS_GILBERT_ELLIOTT,
    };
    static const enum net_fidelity fidelities[] = {[FIDELITY_PACKET] = NET_FIDELITY_PACKET,
                                                   [FIDELITY_FAST] = NET_FIDELITY_FAST,
                                                   [FIDELITY_FULL] = NET_FIDELITY_FULL};
    static const enum net_device devices[] = {[FULL_NONE] = NET_DEVICE_NONE,
                                              [FULL_CSMA] = NET_DEVICE_CSMA,
                                              [FULL_WIFI] = NET_DEVICE_WIFI,
                                              [FULL_LR_WPAN] = NET_DEVICE_LR_WPAN};
    const struct scenario_link *link = &s->links[wire->link];
    *ret = (struct net_link_params){
        .fidelity = fidelities[wire->fidelity],
        .device = devices[link->full],
        .distance_m = distance(&s->nodes[wire->a], &s->nodes[wire->b]),
        .name = wire->id,
        .delay = wire->delay,
        .jitter = link->jitter,
        .rate_bps = wire->rate_bps,
        .mtu_bytes = wire->mtu_bytes,
        .frame_bytes = link->frame_bytes,
        .overhead_bytes = link->overhead_bytes,
        .queue_packets = link->queue_packets,
        .shared_medium = link->shared_medium,
        .loss = {.model = models[link->loss.model],
                 .rate = link->loss.rate,
                 .enter = link->loss.enter,
                 .leave = link->loss.leave,
                 .rate_good = link->loss.rate_good,
                 .rate_bad = link->loss.rate_bad},
    };
}

static int build_wire(struct world *w, uint32_t number, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    struct wire *wire = &w->wires[number];
    struct net_link_params params;
    wire->world = w;
    wire->number = number;
    wire->wire = &s->wires[number];
    wire->hop = NULL; /* until its hop is built */
    wire_params(s, wire->wire, &params);
    int r = net_add_link(w->net, w->entities[wire->wire->a].net_node,
                         w->entities[wire->wire->b].net_node, &params, &wire->link);
    return r < 0 ? fail(diags, "link", wire->wire->id, r) : 0;
}

/* At each node of a hop's way: where packets for its two ends go on. */
static int build_way(struct world *w, const struct hop *hop, struct diag_list *diags)
{
    const struct scenario_edge *edge = hop->edge;
    net_node a = hop->client->net_node;
    net_node b = hop->server->net_node;
    uint32_t at = edge->a;
    int r = 0;
    if (edge->wire_count == 1) {
        return 0;
    }
    for (size_t i = 0; r == 0 && i < edge->wire_count; i++) {
        const struct wire *wire = &w->wires[edge->wires[i]];
        r = net_set_route(w->net, w->entities[at].net_node, b, wire->link);
        at = wire->wire->a == at ? wire->wire->b : wire->wire->a;
        if (r == 0) {
            r = net_set_route(w->net, w->entities[at].net_node, a, wire->link);
        }
    }
    CHECK(r < 0 || at == edge->b);
    map_set(&w->by_address, net_node_address(w->net, a), (uint64_t)(uintptr_t)hop);
    return r < 0 ? fail(diags, "way over routers of", edge->id, r) : 0;
}

/* --- hops
 * ------------------------------------------------------------------------------------------ */

/* The way of a session over datagrams: its MTU, and a port at each end. */
_Static_assert((int)SECURE_DTLS_MTU_LEAST == (int)SCENARIO_DTLS_MTU_LEAST, "one floor");

static int build_datagrams(struct world *w, struct hop *hop, struct diag_list *diags)
{
    const struct scenario_edge *edge = hop->edge;
    const struct wire *narrowest = &w->wires[edge->wires[0]];
    for (size_t i = 1; i < edge->wire_count; i++) {
        const struct wire *wire = &w->wires[edge->wires[i]];
        narrowest = wire->wire->mtu_bytes < narrowest->wire->mtu_bytes ? wire : narrowest;
    }
    hop->has_datagrams = true;
    hop->mtu = narrowest->wire->mtu_bytes;
    if (hop->policy->kind == KIND_DTLS && hop->mtu < SECURE_DTLS_MTU_LEAST) {
        diag_add(
            diags, DIAG_ERROR, "mtu-too-small", NULL, 0, 0,
            "link \"%s\": policy \"%s\" is DTLS, which needs an MTU of %d octets; the link's is "
            "%" PRIu32,
            narrowest->wire->id, hop->policy->name, SECURE_DTLS_MTU_LEAST, hop->mtu);
        return -SIM_EINVAL;
    }
    struct entity *const ends[] = {hop->client, hop->server};
    for (int i = 0; i < 2; i++) {
        struct entity *e = ends[i];
        int r = e->takes_session_datagrams
                    ? 0
                    : net_datagram_bind(w->net, e->net_node, w->models->session_datagram_port,
                                        channel_datagram_received, e);
        if (r < 0) {
            return fail(diags, "cannot open ports of node", e->node->id, r);
        }
        e->takes_session_datagrams = true;
    }
    return 0;
}

/* What only the responder of a session has use for; most entities never are. */
static void build_responder(struct world *w, struct entity *e)
{
    if (!e->responds) {
        e->responds = true;
        secure_random(w->env, e->node->id, "ticket-key", 0, e->ticket_key, sizeof(e->ticket_key));
        secure_random(w->env, e->node->id, "cookie-secret", 0, e->cookie_secret,
                      sizeof(e->cookie_secret));
    }
}

static int build_hop(struct world *w, uint32_t number, struct issues *all, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    const struct scenario_edge *edge = &s->edges[number];
    struct hop *hop = &w->hops[number];
    hop->world = w;
    hop->number = number;
    hop->edge = edge;
    hop->client = &w->entities[edge->a];
    hop->server = &w->entities[edge->b];
    map_set(&hop->client->hops, hop->server->id, (uint64_t)(uintptr_t)hop);
    map_set(&hop->server->hops, hop->client->id, (uint64_t)(uintptr_t)hop);
    if (edge->kind == HOP_INTERNAL) {
        hop->inside = inside_create(hop);
        return 0;
    }
    hop->first_wire = edge->wires[0];
    w->wires[edge->wires[0]].hop = hop;
    if (edge->kind == HOP_BRIDGE) {
        return 0;
    }
    CHECK(edge->policy != SCENARIO_NONE);
    hop->policy = &s->policies[edge->policy];
    int r = build_way(w, hop, diags);
    if (r < 0) {
        return r;
    }
    hop->stream_names[SIDE_INITIATOR] = mem_printf("%s at %s", hop->client->node->id, edge->id);
    hop->stream_names[SIDE_RESPONDER] = mem_printf("%s at %s", hop->server->node->id, edge->id);
    if (hop->policy->auth == AUTH_PSK) {
        secure_random(w->env, edge->id, "psk", 0, hop->psk, sizeof(hop->psk));
    }
    build_responder(w, hop->server);
    r = build_policy(w, edge->policy, diags);
    hop->secure = w->policies[edge->policy];
    if (hop->policy->early_data > 0 && hop->server->seen == NULL) {
        hop->server->seen = secure_seen_create();
    }
    if (r == 0 && secure_kind_has_datagrams(secure_policy_kind(hop->secure))) {
        r = build_datagrams(w, hop, diags);
    }
    if (r == 0) {
        r = build_plan_identity(w, hop->client, hop->policy, all, diags);
    }
    return r == 0 ? build_plan_identity(w, hop->server, hop->policy, all, diags) : r;
}

/* Personal networks and Service Groups have URNs like entities. */
static void build_urns(struct world *w)
{
    const struct scenario *s = w->scenario;
    char name[300];
    w->pn_urns = mem_calloc(s->pn_count, sizeof(*w->pn_urns));
    w->group_urns = mem_calloc(s->group_count, sizeof(*w->group_urns));
    for (size_t i = 0; i < s->pn_count; i++) {
        snprintf(name, sizeof(name), "pn:%s", s->pns[i].id);
        secure_urn(s->seed, name, w->pn_urns[i].text);
        map_set_str(&w->pn_by_urn.numbers, w->pn_urns[i].text, i);
    }
    for (size_t i = 0; i < s->group_count; i++) {
        snprintf(name, sizeof(name), "sg:%s", s->groups[i].id);
        secure_urn(s->seed, name, w->group_urns[i].text);
        map_set_str(&w->group_by_urn.numbers, w->group_urns[i].text, i);
    }
}

int world_build(struct world *w, struct diag_list *diags)
{
    const struct scenario *s = w->scenario;
    enum secure_rng mode = s->system_random ? SECURE_RNG_SYSTEM : SECURE_RNG_SEEDED;
    int r = secure_env_create(s->seed, mode, &w->env, diags);
    if (r == 0) {
        r = w->options.ideal_net ? net_create_ideal(s->seed, &w->net)
                                 : net_create_ns3(s->seed, &w->net);
        if (r < 0) {
            return fail(diags, "virtual network", s->name, r);
        }
        r = secure_ca_create(w->env, "scenario", SECURE_KEY_P256, &w->ca, diags);
    }
    w->entities = mem_calloc(s->node_count, sizeof(*w->entities));
    w->hops = mem_calloc(s->edge_count, sizeof(*w->hops));
    w->wires = mem_calloc(s->wire_count, sizeof(*w->wires));
    w->policies = mem_calloc(s->policy_count, sizeof(struct secure_policy *));
    build_urns(w);
    for (uint32_t i = 0; r == 0 && i < s->node_count; i++) {
        r = build_entity(w, i, diags);
    }
    for (uint32_t i = 0; r == 0 && i < s->wire_count; i++) {
        r = build_wire(w, i, diags);
    }
    struct issues all = {0};
    for (uint32_t i = 0; r == 0 && i < s->edge_count; i++) {
        r = build_hop(w, i, &all, diags);
    }
    if (r == 0) {
        net_set_drop_handler(w->net, datagram_dropped, w);
        r = jobs_create(w->options.workers - 1, &w->jobs) < 0
                ? fail(diags, "worker threads", "--workers", -SIM_EIO)
                : 0;
    }
    if (r == 0) {
        step_look_ahead(w->net);
        r = observe_create(&w->observer);
        r = r < 0 ? fail(diags, "a thread", "observer of links", r) : 0;
    }
    if (r < 0) {
        free(all.items);
        return r;
    }
    return build_issue(w, &all, diags);
}

static void dismantle_entity(struct entity *e)
{
    if (e->state != NULL) {
        e->type->finish(e, e->state);
    }
    free(e->state);
    for (size_t i = 0; i < SIM_ARRAY_LEN(e->identities); i++) {
        secure_identity_free(e->identities[i]);
    }
    for (size_t i = 0; i < e->rng_count; i++) {
        free(e->rngs[i]);
    }
    free(e->rngs);
    free(e->path);
    half_open_free(e);
    secure_seen_free(e->seen);
    map_fini(&e->hops);
    map_fini(&e->random_counts);
}

void world_take_apart(struct world *w)
{
    const struct scenario *s = w->scenario;
    if (w->jobs != NULL) {
        jobs_drop_idle(w->jobs);
    }
    observe_free(w->observer);
    for (size_t i = 0; w->entities != NULL && i < s->node_count; i++) {
        dismantle_entity(&w->entities[i]);
    }
    for (size_t i = 0; w->hops != NULL && i < s->edge_count; i++) {
        buf_fini(&w->hops[i].ticket);
        free(w->hops[i].stream_names[SIDE_INITIATOR]);
        free(w->hops[i].stream_names[SIDE_RESPONDER]);
        watch_free(w->hops[i].watch);
        inside_free(w->hops[i].inside);
    }
    jobs_free(w->jobs);
    entity_timers_free(w);
    script_free(w);
    motion_free(w);
    battery_free(w);
    traces_free(w);
    attack_free(w);
    net_free(w->net);
    map_fini(&w->by_address);
    map_fini(&w->by_urn.numbers);
    map_fini(&w->pn_by_urn.numbers);
    map_fini(&w->group_by_urn.numbers);
    free(w->pn_urns);
    free(w->group_urns);
    map_fini(&w->messages);
    map_fini(&w->flows);
    struct pool *const pools[] = {&w->message_pool, &w->carry_pool, &w->step_pool, &w->flow_pool,
                                  &w->alarm_pool};
    for (size_t i = 0; i < SIM_ARRAY_LEN(pools); i++) {
        pool_fini(pools[i]);
    }
    map_fini(&w->datagrams);
    map_fini(&w->copies);
    map_fini(&w->interned);
    for (size_t i = 0; i < w->name_count; i++) {
        free(w->names[i]);
    }
    free(w->names);
    free(w->entities);
    free(w->hops);
    free(w->wires);
}

void world_dismantle(struct world *w)
{
    for (size_t i = 0; w->policies != NULL && i < w->scenario->policy_count; i++) {
        secure_policy_free(w->policies[i]);
    }
    free(w->policies);
    tally_free(w);
    revocation_free(w);
    secure_ca_free(w->ca);
    secure_ca_free(w->other_ca);
    secure_env_free(w->env);
}
