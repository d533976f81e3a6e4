/* Progress of a run on standard error: a bar on a terminal, JSON lines for machines, or nothing. */
#ifndef SIM_CLI_PROGRESS_H
#define SIM_CLI_PROGRESS_H

#include "sim/world/world.h"

enum progress_mode { PROGRESS_NEVER, PROGRESS_BAR, PROGRESS_JSON };

struct progress {
    enum progress_mode mode;
    double started; /* seconds of wall clock */
    double shown;
    bool drawn;
};

/* "auto": a bar when standard error is a terminal, "json", "never". -SIM_EINVAL for another word.
 */
int progress_parse(const char *word, enum progress_mode *ret);
void progress_start(struct progress *p, enum progress_mode mode);
/* A world_progress_fn; `arg` is the struct progress. Draws at most ten times a second. */
void progress_update(void *arg, const struct world_stats *stats);
/* Seconds of wall clock since progress_start(). */
double progress_elapsed(const struct progress *p);
/* Shows the final state and ends the line. */
void progress_end(struct progress *p, const struct world_stats *stats);

#endif
