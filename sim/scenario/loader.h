/* What the steps of scenario_load() share. Each step reads what the table of fields left in the raw
 * structs, complains where it has to, and fills its part of the scenario; a value that was
 * complained about already is passed over in silence. */
#ifndef SIM_SCENARIO_LOADER_H
#define SIM_SCENARIO_LOADER_H

#include "sim/core/map.h"
#include "sim/scenario/fields.h"
#include "sim/scenario/scenario.h"

/* Behind `scenario.storage`: owns all of it. */
struct storage {
    struct arena arena;
    struct map entries; /* id of a nodes entry -> its index in `node_entries` */
    struct map named;   /* "r/frankfurt" -> node, of entries whose copies have names */
    struct node_entry *node_entries;
    size_t node_entry_count;
    struct raw_scenario *raw;
};

/* An entry of `nodes`: its copies are nodes `first` to `first + count - 1`. A PNE entry with the
 * key `standby` has a second entry, behind all that are written, for the gateways on its devices.
 */
struct node_entry {
    struct raw_node *raw;
    const char *id;          /* "phone"; of its gateways "phone.gw" */
    struct node_entry *twin; /* the other of the two, or NULL */
    bool derived;            /* this is the second */
    uint32_t first;
    uint32_t count; /* 0: not known, complained about */
    enum scenario_role role;
    bool counted;  /* has the key `count`: copies are numbered */
    bool named;    /* has the key `names` */
    bool detached; /* has no usable peer, complained about */
};

/* Names of a section, for references. */
struct names {
    struct map index;
    const char **items;
    size_t count, capacity;
    bool incomplete; /* many may be missing, for reasons already told */
    bool gaps;       /* some may: only what looks like a slip of the pen is told */
};

struct loader {
    struct report report;
    struct storage *storage;
    struct arena *arena; /* of storage */
    const struct scenario_options *options;
    const struct scenario_vocabulary *vocabulary;
    struct source *sources;
    struct source **source_tail;
    struct file *files; /* read so far */
    struct tree *root;
    struct raw_scenario *raw;
    struct scenario *s;
    struct names policies, devices, links, nodes, pns, groups, services;
    uint32_t hop_policy[2]; /* by role: PNE, gateway */
    uint32_t *first_wire;   /* by edge; SCENARIO_NONE: internal */
    uint32_t *access;       /* a server: its wire to a router, or SCENARIO_NONE; by node */
    bool wires_incomplete;  /* some are missing, for reasons already told */
    uint32_t *stamps;       /* a node or a wire: the selection that took it last */
    uint32_t stamp;
    struct map shared;       /* ranges of nodes already expanded */
    size_t selected;         /* nodes in all selections */
    uint32_t *attached;      /* PNEs by gateway ... */
    uint32_t *attached_from; /* ... those of node g from here to attached_from[g + 1] */
};

/* Files (files.c): reads `path` and what it includes into one tree; NULL after a complaint. */
struct tree *files_load(struct loader *l, const char *path);
/* Reads another file, whose name is relative to the file in which `at` stands; NULL after a
 * complaint. It becomes part of what files_text() yields. */
const struct source *files_beside(struct loader *l, const char *name, const struct tree *at);
/* The same name from the root of the file system. */
const char *files_absolute(struct loader *l, const char *name, const struct tree *at);
/* All sources as `scenario.text` has them. */
const char *files_text(struct loader *l);

/* --set and parameters (params.c): change the tree. */
void params_set(struct loader *l);
void params_fill(struct loader *l);

/* Names and `extends` (names.c). Adds a name; false when it is there already. */
bool names_add(struct names *names, const char *name, uint32_t index);
void names_fini(struct names *names);
/* The index of `name` among `names`; complains with `code` and near names otherwise. */
uint32_t find_name(struct loader *l, const struct names *names, const char *name,
                   const struct tree *at, const char *code, const char *what);
/* Names, `extends` and defaults of a named section. */
void resolve_named(struct loader *l, const struct section *s, const struct value *v,
                   struct names *names);
/* Adds an entry that stands for what the file need not write: the policy `default`, a technology.
 */
void *implicit_entry(struct loader *l, const struct section *s, struct value *v,
                     struct names *names, const char *name);

/* Policies (policies.c). */
void policies_resolve(struct loader *l);
/* After the ways: links that a policy cannot go over. */
void policies_check_links(struct loader *l);

/* Profiles (profiles.c). */
void profiles_resolve(struct loader *l);
/* After the nodes, which may use technologies as links. */
void profiles_build_links(struct loader *l);
/* The index of what `v` names, or SCENARIO_NONE, after a complaint if one is due. */
uint32_t find_policy(struct loader *l, const struct value *v);
uint32_t find_device(struct loader *l, const char *name, const struct tree *at);
uint32_t find_link(struct loader *l, const struct value *v);
/* NULL: there is none of that name. */
const struct scenario_link *find_technology(const struct loader *l, const char *name);

/* `import` (import.c): changes the tree. */
void import_resolve(struct loader *l);

/* Nodes (nodes.c). */
void nodes_resolve(struct loader *l);
/* Gateways on the devices of PNEs (standby.c), steps of nodes_resolve(): their entries, after all
 * others; what they take over from their PNEs. */
void standby_list(struct loader *l);
void standby_fill(struct loader *l);
/* The entry of a node. */
struct node_entry *entry_of(const struct loader *l, uint32_t node);
/* Hops that need the networks (hops.c): of standby gateways, server meshes and bridges; an index of
 * all. */
void hops_resolve(struct loader *l);
/* Policy of a node's hops by what is written at it (SCENARIO_NONE: nothing), at its device, or for
 * the hop. */
uint32_t policy_of(struct loader *l, enum scenario_role role, uint32_t own, uint32_t device);

/* What nodes attach to (attach.c), a step of nodes_resolve(): their hops, and PNEs by gateway. */
void nodes_attach(struct loader *l);
/* Adds a hop, but for its `id` and its wires, and the wire with which it begins: to node `to`.
 * Returns its number. */
uint32_t edge_add(struct loader *l, const struct scenario_edge *edge, uint32_t to);
/* The most specific fidelity that is written: `own` (of a node or wire), the link's, the
 * scenario's. */
enum scenario_fidelity fidelity_of(struct loader *l, const struct value *own, uint32_t link);

/* Wires between routers (wires.c); before the links are built. */
void wires_resolve(struct loader *l);
/* Ways over routers (routes.c); after the links are built. */
void routes_resolve(struct loader *l);

/* Traces (trace.c). Reads the file that a link names; NULL after a complaint. */
const struct scenario_trace *trace_load(struct loader *l, const struct value *file);

/* Places and movement of the nodes (places.c); after the links. */
void places_resolve(struct loader *l);

/* Users, zones, what gateways say to bridges (zones.c); after the nodes. */
void zones_resolve(struct loader *l);

/* Selectors (select.c). A range of nodes; a poisoned one (false) was complained about. */
struct range {
    uint32_t first;
    uint32_t count;
};
/* The nodes of one selector, whose roles have to be among `roles` (bits). */
bool select_range(struct loader *l, const char *text, const struct tree *at, uint32_t roles,
                  struct range *ret);
/* Exactly one node. */
bool select_one(struct loader *l, const char *text, const struct tree *at, uint32_t roles,
                uint32_t *ret);
/* All nodes of a list of selectors, each once, in the order written, without `except`. */
bool select_nodes(struct loader *l, const struct value *v, uint32_t roles, uint32_t except,
                  uint32_t **items, size_t *count);
/* The wires of a list of link selectors A--B, where A and B may be the ends of a way over routers:
 * its first wire then. */
bool select_wires(struct loader *l, const struct value *v, uint32_t **items, size_t *count);

#define ROLE_BIT(role) (UINT32_C(1) << (role))
#define ANY_ROLE (ROLE_BIT(ROLE_PNE) | ROLE_BIT(ROLE_GATEWAY) | ROLE_BIT(ROLE_SERVER))
#define ANY_NODE (ANY_ROLE | ROLE_BIT(ROLE_ROUTER))

/* Networks, groups (networks.c), services (services.c), workload, faults, expectations
 * (activity.c). */
void networks_resolve(struct loader *l);
void services_resolve(struct loader *l);
/* The keys of a workload entry about services and members. */
void services_take_work(struct loader *l, const struct raw_work *raw,
                        const struct scenario_verb *verb, struct scenario_work *w);
void activity_resolve(struct loader *l);
/* Warns of what `v` names when it lies at or after the end of the run (activity.c). */
void activity_warn_late(struct loader *l, const struct value *v, const char *what);
/* Attackers (attack.c); after the wires and nodes. */
void attackers_resolve(struct loader *l);
/* revocation.c: after the nodes */
void revocation_resolve(struct loader *l);
/* When the CA revokes the certificate of a node. */
sim_time revocation_time(struct loader *l, const struct raw_node *raw);

#endif
