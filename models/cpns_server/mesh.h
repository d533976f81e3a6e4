/* Several servers (cpns-model.md section 1): those that the scenario joins in a mesh share their
 * inventories and carry messages to each other's gateways [ours]. */
#ifndef MODELS_CPNS_SERVER_MESH_H
#define MODELS_CPNS_SERVER_MESH_H

#include "models/cpns/message.h"
#include "sim/world/entity.h"

struct server;
struct inventory_service;

/* Another server, joined with this one. */
struct mesh_peer {
    entity_id id;
    bool client;         /* this server opens the session */
    uint32_t failures;   /* in a row, to open it */
    uint32_t unanswered; /* keep-alives */
    sim_time heard;      /* when it last said something */
    uint64_t timer;
};

/* mesh.c: sessions with the other servers, and what passes through */
void mesh_start(struct server *s);
void mesh_fini(struct server *s);
struct mesh_peer *mesh_find(const struct server *s, entity_id id);
void mesh_on_channel(struct server *s, struct mesh_peer *peer, enum channel_event event);
void mesh_on_timer(struct server *s, uint64_t number);
/* The other server said something. */
void mesh_heard(const struct server *s, struct mesh_peer *peer);
/* A message for another server, or from one to a PNE here: true when it was taken care of. */
bool mesh_passes(struct server *s, struct cpns_message *m, const struct received *r,
                 enum disposition *ret);

/* mesh_inventory.c: the inventory that they share. Each entry has one home, which tells the others
 * of each change; nothing happens where there are no others, or nothing has changed. */
void mesh_pn_changed(struct server *s, uint32_t pn);
void mesh_group_changed(struct server *s, uint32_t group);
void mesh_service_changed(struct server *s, struct inventory_service *service);
/* All that this server is home of, to one that may have missed something. */
void mesh_tell_all(struct server *s, const struct mesh_peer *peer);
enum disposition mesh_on_update(struct server *s, const struct cpns_message *m, entity_id from);
enum disposition mesh_on_update_heard(struct server *s, const struct cpns_message *m);

#endif
