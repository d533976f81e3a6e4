/* The world: joins scenario, network, secure sessions, entities and recorder, and runs the event
 * loop.
 *
 * Results depend on the scenario, its seed and the library versions only: never on the number of
 * workers, on wall-clock time or on which outputs were asked for. */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include <signal.h>

#include "sim/core/diag.h"
#include "sim/record/recorder.h"
#include "sim/scenario/scenario.h"
#include "sim/world/attacker.h"
#include "sim/world/cpu.h"
#include "sim/world/entity.h"

struct world;

/* What the models contribute; borrowed for the life of the world. */
struct world_models {
    const struct entity_type *const *types; /* one a role, indexed by enum scenario_role */
    const struct cpu_profile *cpus;
    size_t cpu_count;
    const char *default_cpu[3];                 /* by role, for nodes without a device */
    uint16_t stream_port;                       /* TCP, sessions */
    uint16_t datagram_port;                     /* UDP, messages outside sessions */
    uint16_t session_datagram_port;             /* UDP, sessions over datagrams */
    const struct scenario_attack *attack_words; /* kinds of attackers, as in the vocabulary, ... */
    const struct attack_ops *attacks;           /* ... and what they do, in the same order */
};

struct world_options {
    const char *database; /* path of the result database */
    const char *pcap_dir; /* directory for captures and key log, or NULL; exists */
    uint32_t
        workers;    /* threads that compute session steps, the event loop among them; at least 1 */
    bool ideal_net; /* the in-memory network instead of ns-3 (tests) */
    const char *const (*environment)[2]; /* further key/value pairs for table `environment` */
    size_t environment_count;
    /* The process ends after the run: what the run was made of is left to the kernel. */
    bool leave_memory;
};

/* Counters for progress and summary; all since the start of the run. */
struct world_stats {
    sim_time now;
    sim_time until;
    uint64_t events;
    uint64_t sessions_started;
    uint64_t sessions_established;
    uint64_t sessions_failed;
    uint64_t messages_sent;
    uint64_t messages_delivered;
    uint64_t messages_lost;
    uint64_t messages_refused;
    uint64_t rows;
};

/* Builds everything and opens the database (status `running`). A sentence in `diags` on failure,
 * nothing is left behind then. `scenario`, `models` and `options` are borrowed until world_free().
 */
int world_create(const struct scenario *scenario, const struct world_models *models,
                 const struct world_options *options, struct world **ret, struct diag_list *diags);

/* Called between slices of events, about every `budget` events. */
typedef void world_progress_fn(void *arg, const struct world_stats *stats);

/* Runs to the scenario's end, or until `*stop` becomes non-zero (then the run counts as aborted).
 * 0, or -SIM_EIO when the recorder failed. `progress` may be NULL. */
int world_run(struct world *w, const volatile sig_atomic_t *stop, world_progress_fn *progress,
              void *arg);
void world_stats(const struct world *w, struct world_stats *ret);
bool world_aborted(const struct world *w);

/* Writes what is still open (sessions, messages in flight, links) and lets the caller judge through
 * the returned handle, which is valid until world_finish(). NULL when the recorder failed. */
struct record_db *world_settle(struct world *w);
/* Recorded messages of one type, by what became of them. */
struct world_messages {
    const char *type;
    uint64_t first; /* the lowest number */
    uint64_t sent, delivered, lost, refused, in_flight;
    uint64_t hops, protected_hops;
    sim_time latency; /* of all that were delivered */
};
/* After world_settle(). In the order of their first messages; the caller frees them. */
size_t world_messages(const struct world *w, struct world_messages **ret);
/* Ends the database with `status` and frees the world (see leave_memory); -SIM_EIO with a sentence
 * in `diags` when anything could not be written. */
int world_finish(struct world *w, const char *status, struct diag_list *diags);

#endif
