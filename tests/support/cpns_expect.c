#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/cpns_expect.h"

void cpns_expect(struct span in, enum cpns_encoding encoding, int wanted, const char *reason)
{
    /* A copy of exact size on the heap, so that the sanitizer sees an overrun. */
    uint8_t *copy = mem_alloc(in.len);
    if (in.len != 0) {
        memcpy(copy, in.data, in.len);
    }
    struct cpns_message m;
    const char *why = "";
    int r = cpns_decode(span_of(copy, in.len), encoding, &m, &why);
    if (r != wanted || (reason != NULL && strcmp(why, reason) != 0)) {
        fail_msg("%d \"%s\", wanted %d \"%s\" for %.*s", r, why, wanted,
                 reason != NULL ? reason : "", encoding == CPNS_XML ? (int)in.len : 0,
                 (const char *)in.data);
    }
    cpns_message_fini(&m);
    free(copy);
}

static int saved_stderr = -1, spy = -1;

int cpns_watch_stderr(void **state)
{
    (void)state;
    spy = memfd_create("stderr", 0);
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    return spy >= 0 && saved_stderr >= 0 && dup2(spy, STDERR_FILENO) >= 0 ? 0 : -1;
}

int cpns_nothing_was_printed(void **state)
{
    (void)state;
    fflush(stderr);
    char text[4096];
    ssize_t printed = pread(spy, text, sizeof(text), 0);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(spy);
    if (printed > 0) {
        fwrite(text, 1, (size_t)printed, stderr);
    }
    return printed == 0 ? 0 : -1;
}
