#include "sim/cli/memory.h"

#ifdef CPNSIM_MIMALLOC
#include <mimalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)

/* What the allocator has mapped before main(), too: from the kernel's list of the mappings, those
 * without a file. */
static void ask_for_mapped(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t from;
        uintptr_t to;
        char access[5];
        unsigned long inode;
        int end = 0;
        if (sscanf(line, "%lx-%lx %4s %*s %*s %lu %n", &from, &to, access, &inode, &end) == 4 &&
            strcmp(access, "rw-p") == 0 && inode == 0 && line[end] == '\0' &&
            to - from >= HUGE_PAGE) {
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
