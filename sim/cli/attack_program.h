/* Attack search: programs of attackers, drawn from a seed, run against a scenario, made small.
 *
 * A program is one to three entries of `attackers:`. It becomes a scenario file that includes the
 * one under attack; what is run in the search is the text that is written for what was found. */
#ifndef SIM_CLI_ATTACK_PROGRAM_H
#define SIM_CLI_ATTACK_PROGRAM_H

#include <signal.h>

#include "sim/core/buf.h"
#include "sim/core/rng.h"
#include "sim/scenario/scenario.h"

enum { ATTACK_ENTRIES_MAX = 3, ATTACK_KINDS_MAX = 32 };

struct attack_entry {
    uint32_t kind;   /* index in the vocabulary's attacks */
    uint32_t target; /* wire, or node where the kind is on nodes */
    sim_time at;
    sim_time duration;          /* SIM_TIME_NEVER: to the end */
    uint32_t given;             /* bits 1 << enum scenario_attack_key: which params are written */
    int64_t value[ATTACK_KEYS]; /* of a word its number; of a bit or count itself; of `by` ns; of
                                   `probability` percent; of `as` and `to` a node */
};

struct attack_program {
    struct attack_entry entries[ATTACK_ENTRIES_MAX];
    size_t count;
};

/* --- attack_program.c: as text ------------------------------------------------------------------
 */

/* How many words the param has; 0: it is a number, or a node. */
size_t attack_words_of(enum scenario_attack_key key);

/* What is violated: a property of sessions, an expected claim, a rule of clause 5.9.1. */
struct attack_violation {
    char *what;    /* "property", "claim" or "rule" */
    char *name;    /* "integrity", "R3" */
    char *subject; /* "pne--gateway"; "": not of one hop */
    char *evidence;
};
bool attack_same(const struct attack_violation *a, const struct attack_violation *b);

struct attack_text {
    const struct scenario *scenario;
    const struct scenario_vocabulary *words;
    const char *include;     /* path of the scenario under attack, from where the text will be */
    const char *const *sets; /* "K=V" that hold in it, as attack_set_fits() accepts */
    size_t set_count;
    size_t number;                           /* part of the name */
    const struct attack_violation *violated; /* is expected to hold in the text; or NULL */
    const char *comment;                     /* lines that begin with "# ", or NULL */
};
/* Whether "K=V" can be written into a file that includes the scenario: a parameter, or a path
 * within run, timers or security up to its policies. */
bool attack_set_fits(const char *set);
void attack_program_text(const struct attack_program *p, const struct attack_text *t,
                         struct buf *out);

/* --- attack_draw.c: from a seed -----------------------------------------------------------------
 */

/* What programs are drawn from: hops that have sessions, nodes, kinds. Left out are attackers who
 * succeed whatever the session does: who relays and reads, a gateway that lies about its PNEs, a
 * man in the middle who has the very key. */
struct attack_space {
    const struct scenario *scenario;
    const struct scenario_vocabulary *words;
    struct rng rng;
    uint32_t *edges; /* hops with sessions */
    size_t edge_count;
    uint32_t kinds[ATTACK_KINDS_MAX]; /* a pack of cards: each comes once before it is shuffled */
    size_t kind_count, next_kind;
    uint32_t next_word[ATTACK_KINDS_MAX][ATTACK_KEYS]; /* words come in turn */
};
/* `thieves`: with those whose keys have to be tried by a witness. */
void attack_space_init(struct attack_space *space, const struct scenario *scenario,
                       const struct scenario_vocabulary *words, uint64_t seed, bool thieves);
void attack_space_fini(struct attack_space *space);
void attack_draw(struct attack_space *space, struct attack_program *ret);

/* --- attack_run.c: against the scenario ---------------------------------------------------------
 */

enum attack_state {
    ATTACK_RAN,
    ATTACK_REFUSED, /* the scenario cannot be with these attackers */
    ATTACK_STOPPED, /* the user asked for the end */
    ATTACK_FAILED,
};
struct attack_outcome {
    enum attack_state state;
    struct attack_violation *violations;
    size_t count, capacity;
    uint64_t trials[ATTACK_KINDS_MAX]; /* of the program's attackers, by kind: all that came to an
                                          end, ... */
    uint64_t held[ATTACK_KINDS_MAX];   /* ... and those in which the property held */
};
void attack_outcome_fini(struct attack_outcome *o);
/* The id of the program's first attacker begins so; the number follows. */
#define ATTACK_ID "search-"

struct attack_bench {
    const char *dir; /* for files of a run; exists */
    const volatile sig_atomic_t *stop;
    bool loud; /* diagnostics are shown */
};
/* Runs the scenario file `path` in a process of its own, so that each run begins from the same
 * state. Captures go to `pcap_dir`, or nowhere; `witness`: stolen keys are tried on them. */
void attack_run(const struct attack_bench *bench, const char *path, const char *pcap_dir,
                bool witness, struct attack_outcome *ret);
/* Removes a directory and what is in it. */
void attack_remove(const char *path);

/* --- attack_shrink.c ----------------------------------------------------------------------------
 */

typedef bool attack_still_fn(void *arg, const struct attack_program *p);
/* Makes `p` smaller as long as `still` says that it violates the same: fewer entries, fewer
 * trials, params left out, round and early times, short durations. At most `budget` questions;
 * returns how many were asked. */
size_t attack_shrink(struct attack_program *p, const struct scenario_vocabulary *words,
                     attack_still_fn *still, void *arg, size_t budget);

#endif
