/* How the process gets its memory. */
#ifndef SIM_CLI_MEMORY_H
#define SIM_CLI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* What is freed is kept until the end: for a run. */
void memory_for_a_run(void);
/* So much will be in use before long. Where it is much, pages of 2 MiB are asked for from now on,
 * because a run walks through tens of KiB of each device for every message (only asked for: where
 * the system gives none, transparent_hugepage "never", pages stay small), and the kernel is asked
 * for that memory by a thread that runs where a processor has nothing to do. */
void memory_expect(size_t bytes);

/* Whether a process that ends need not free what it holds; not where leaks are looked for. */
bool memory_may_be_left(void);

#endif
