/* Sessions between servers, and messages that pass from one to the other [ours].
 *
 * The session of a mesh hop is opened by its client as soon as the run starts and again when it
 * broke, because the other end could not open it when it has something to say. The client's
 * keep-alives, or their absence, tell both ends when the other server has fallen silent. */
#include "models/cpns_server/mesh.h"

#include <stdlib.h>

#include "models/cpns_server/server.h"

enum { UNANSWERED_MAX = 2 };

void mesh_start(struct server *s)
{
    struct neighbour n;
    for (size_t i = 0; entity_neighbour(s->agent.entity, i, &n); i++) {
        if (n.kind == HOP_SERVER_SERVER) {
            *MEM_PUSH(s->peers, s->peer_count, s->peer_capacity) =
                (struct mesh_peer){.id = n.id, .client = n.client};
        }
    }
    for (size_t i = 0; i < s->peer_count; i++) {
        if (s->peers[i].client) {
            s->peers[i].timer = entity_timer_set(s->agent.entity, 0, SERVER_TIMER_MESH, i);
        }
    }
}

void mesh_fini(struct server *s)
{
    free(s->peers);
}

struct mesh_peer *mesh_find(const struct server *s, entity_id id)
{
    for (size_t i = 0; i < s->peer_count; i++) {
        if (s->peers[i].id == id) {
            return &s->peers[i];
        }
    }
    return NULL;
}

static void again(struct server *s, struct mesh_peer *peer, sim_time wait)
{
    entity_timer_cancel(s->agent.entity, peer->timer);
    peer->timer =
        entity_timer_set(s->agent.entity, wait, SERVER_TIMER_MESH, (uint64_t)(peer - s->peers));
}

/* Later each time, at most a keep-alive period. */
static sim_time retry_wait(const struct server *s, const struct mesh_peer *peer)
{
    const struct scenario_timers *t = &entity_scenario(s->agent.entity)->timers;
    sim_time wait = t->request;
    for (uint32_t i = 1; i < peer->failures && wait < t->keep_alive; i++) {
        wait = (sim_time)((double)wait * t->request_backoff);
    }
    return wait < t->keep_alive ? wait : t->keep_alive;
}

void mesh_heard(const struct server *s, struct mesh_peer *peer)
{
    peer->heard = entity_now(s->agent.entity);
    peer->unanswered = 0;
}

/* What was asked of the other server, or of PNEs behind it, will not be answered. */
static void give_up(struct server *s, const struct mesh_peer *peer)
{
    enum cpns_type type;
    uint64_t cookie;
    map_remove(&s->heard_at, peer->id); /* nobody behind it is told anything before it is back */
    while (agent_take(&s->agent, peer->id, &type, &cookie)) {
        server_gave_up(s, type, cookie);
    }
}

static void down(struct server *s, struct mesh_peer *peer)
{
    entity_event(s->agent.entity, "mesh_down", entity_name(s->agent.entity, peer->id));
    peer->unanswered = 0;
    agent_forget(&s->agent, peer->id, CPNS_INVENTORY_UPDATE); /* all is told again */
    if (peer->client) {
        again(s, peer, retry_wait(s, peer));
    }
    agent_channel_down(&s->agent, peer->id); /* asked again; the client's opens a session */
}

void mesh_on_channel(struct server *s, struct mesh_peer *peer, enum channel_event event)
{
    struct entity *e = s->agent.entity;
    switch (event) {
    case CHANNEL_UP:
        peer->failures = peer->unanswered = 0;
        entity_event(e, "mesh_up", entity_name(e, peer->id));
        agent_channel_up(&s->agent, peer->id);
        mesh_tell_all(s, peer);
        mesh_heard(s, peer);
        again(s, peer, entity_scenario(e)->timers.keep_alive);
        break;
    case CHANNEL_DOWN:
        down(s, peer);
        break;
    case CHANNEL_FAILED:
        peer->failures++;
        again(s, peer, retry_wait(s, peer));
        give_up(s, peer);
        break;
    }
}

void mesh_on_timer(struct server *s, uint64_t number)
{
    struct entity *e = s->agent.entity;
    struct mesh_peer *peer = &s->peers[number];
    sim_time period = entity_scenario(e)->timers.keep_alive;
    peer->timer = 0;
    if (!peer->client) {
        if (entity_connected(e, peer->id) &&
            entity_now(e) - peer->heard >= (UNANSWERED_MAX + 1) * period) {
            entity_disconnect(e, peer->id, "keep_alive");
            down(s, peer);
        } else {
            again(s, peer, period);
        }
        return;
    }
    if (!entity_connected(e, peer->id)) {
        entity_connect(e, peer->id);
        return; /* up or failed: the channel tells */
    }
    if (peer->unanswered >= UNANSWERED_MAX) {
        entity_disconnect(e, peer->id, "keep_alive");
        down(s, peer);
        return;
    }
    struct cpns_message m;
    agent_begin(&s->agent, &m, CPNS_KEEP_ALIVE, entity_urn(e, peer->id));
    struct agent_route route = agent_route(peer->id);
    peer->unanswered++;
    agent_send(&s->agent, &m, &route);
    again(s, peer, period);
}

/* --- what passes through
 * ------------------------------------------------------------------------------------- */

/* Handled here wherever it comes from, by what it is about rather than by its target. */
static bool is_for_servers(enum cpns_type type)
{
    return type == CPNS_INVENTORY_UPDATE || type == CPNS_INVENTORY_UPDATE_RESPONSE ||
           type == CPNS_KEEP_ALIVE || type == CPNS_SG_MESSAGE;
}

bool mesh_passes(struct server *s, struct cpns_message *m, const struct received *r,
                 enum disposition *ret)
{
    struct entity *e = s->agent.entity;
    bool from_peer = s->peer_count > 0 && mesh_find(s, r->from) != NULL;
    entity_id target = agent_entity(&s->agent, m, CPNS_TARGET_ID);
    if (s->peer_count == 0 || is_for_servers(m->type) || target == ENTITY_NONE ||
        target == entity_self(e)) {
        return false;
    }
    if (!from_peer && mesh_find(s, target) != NULL) { /* what another server asked, say */
        entity_id origin = agent_entity(&s->agent, m, CPNS_ORIGIN_ENTITY_ID);
        *ret = origin == r->from || server_is_registered(s, origin, r->from)
                   ? agent_relay(&s->agent, m, target, EXEMPT_NOT, r)
                   : agent_refuse(&s->agent, "403");
        return true;
    }
    if (!from_peer || entity_scenario(e)->nodes[target].role != ROLE_PNE ||
        m->type == CPNS_SERVICE_ACCESS_REQUEST) {
        return false;
    }
    const struct subscriber *sub = server_subscriber(s, target);
    *ret = sub != NULL && sub->registered && !sub->remote
               ? agent_relay(&s->agent, m, sub->gateway, EXEMPT_NOT, r)
               : agent_refuse(&s->agent, "404"); /* it has moved meanwhile */
    return true;
}
