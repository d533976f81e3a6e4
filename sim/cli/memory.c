#include "sim/cli/memory.h"

#ifdef CPNSIM_MIMALLOC
#include <mimalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)

/* A line of /proc/self/maps: "from-to rw-p offset device inode   path". Whether it is memory that
 * is written and has neither file nor name. */
static bool parse_mapping(const char *line, uintptr_t *from, uintptr_t *to)
{
    char *at;
    *from = strtoul(line, &at, 16);
    if (*at != '-') {
        return false;
    }
    *to = strtoul(at + 1, &at, 16);
    return strncmp(at, " rw-p 00000000 00:00 0 ", 23) == 0 &&
           at[23 + strspn(at + 23, " \n")] == '\0';
}

/* What the allocator has mapped before main(), too: from the kernel's list of the mappings. */
static void ask_for_mapped(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t from;
        uintptr_t to;
        if (parse_mapping(line, &from, &to) && to - from >= HUGE_PAGE) {
            madvise((void *)from, to - from, MADV_HUGEPAGE); /* refused: pages stay small */
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

void memory_for_a_run(void)
{
    mi_option_enable(mi_option_large_os_pages);
    mi_option_disable(mi_option_allow_decommit);
    mi_option_set(mi_option_eager_commit_delay, 0);
    ask_for_mapped();
}

bool memory_may_be_left(void)
{
    return true;
}
#else
void memory_for_a_run(void)
{
}

bool memory_may_be_left(void)
{
    return false;
}
#endif
