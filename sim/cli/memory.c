#include "sim/cli/memory.h"

#ifdef CPNSIM_MIMALLOC
#include <mimalloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((uintptr_t)4 << 10)
#define HUGE_PAGE ((uintptr_t)2 << 20)
#define MUCH ((size_t)96 << 20)     /* below, clearing pages of 2 MiB costs more than they gain */
#define BLOCK ((uintptr_t)32 << 20) /* what the allocator takes of a range at once */

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
    mi_option_disable(mi_option_allow_decommit);
}

static void ask_for_huge_pages(void)
{
    mi_option_enable(mi_option_large_os_pages);
    mi_option_set(mi_option_eager_commit_delay, 0);
    ask_for_mapped();
}

/* --- memory that will be wanted
 * ------------------------------------------------------------------------------------------- */

struct expected {
    char *from;
    size_t len;
};

/* Page after page, when nothing else runs: a zero is put where a zero is, which changes nothing,
 * whoever uses the memory by then. madvise(MADV_POPULATE_WRITE) would do, but lets nobody map
 * memory while it clears a page of 2 MiB. */
static void *fetch(void *arg)
{
    struct expected *e = arg;
    struct sched_param any = {0};
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &any);
    for (size_t at = 0; at < e->len; at += PAGE) {
        char zero = 0;
        __atomic_compare_exchange_n(e->from + at, &zero, 0, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
    }
    free(e);
    return NULL;
}

/* The allocator gives out a range that it is handed from its beginning. */
void memory_expect(size_t bytes)
{
    if (bytes < MUCH) {
        return;
    }
    ask_for_huge_pages();
    size_t len = bytes / BLOCK * BLOCK;
    void *range = len > 0 ? mmap(NULL, len + BLOCK, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                          : MAP_FAILED;
    if (range == MAP_FAILED) {
        return;
    }
    char *from = (char *)(((uintptr_t)range + BLOCK - 1) / BLOCK * BLOCK);
    madvise(from, len, MADV_HUGEPAGE);
    pthread_t thread;
    struct expected *e = malloc(sizeof(*e));
    if (e == NULL || !mi_manage_os_memory(from, len, true, false, true, -1)) {
        free(e);
        return;
    }
    *e = (struct expected){.from = from, .len = len};
    if (pthread_create(&thread, NULL, fetch, e) == 0) {
        pthread_detach(thread);
    } else {
        free(e);
    }
}

bool memory_may_be_left(void)
{
    return true;
}
#else
void memory_expect(size_t bytes)
{
    (void)bytes;
}

void memory_for_a_run(void)
{
}

bool memory_may_be_left(void)
{
    return false;
}
#endif
