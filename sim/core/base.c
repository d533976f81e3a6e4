#include "sim/core/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sim_strerror(int error)
{
    switch ((enum sim_error)(error < 0 ? -error : error)) {
    case SIM_EINVAL:
        return "invalid argument";
    case SIM_EBADMSG:
        return "malformed data";
    case SIM_ENOENT:
        return "not found";
    case SIM_EEXIST:
        return "exists already";
    case SIM_EIO:
        return "input/output error";
    case SIM_ESTATE:
        return "not possible in this state";
    case SIM_ENOTSUP:
        return "not supported";
    case SIM_ECRYPTO:
        return "cryptographic library error";
    }
    return "success";
}

void sim_check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "cpnsim: internal error at %s:%d: %s\n", file, line, what);
    abort();
}

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("cpnsim: out of memory\n", stderr);
        exit(4);
    }
    return memory;
}

void *mem_alloc(size_t bytes)
{
    return must(calloc(1, bytes != 0 ? bytes : 1));
}

void *mem_uncleared(size_t bytes)
{
    return must(malloc(bytes != 0 ? bytes : 1));
}

void *mem_calloc(size_t count, size_t bytes)
{
    return must(calloc(count != 0 ? count : 1, bytes != 0 ? bytes : 1));
}

void *mem_realloc(void *old, size_t bytes)
{
    return must(realloc(old, bytes != 0 ? bytes : 1));
}

char *mem_strdup(const char *s)
{
    return s != NULL ? must(strdup(s)) : NULL;
}

char *mem_strndup(const char *s, size_t len)
{
    return s != NULL ? must(strndup(s, len)) : NULL;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *text = mem_alloc((size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void *mem_grow(void *items, size_t *capacity, size_t count, size_t bytes)
{
    if (count < *capacity) {
        return items;
    }
    size_t wanted = *capacity != 0 ? *capacity * 2 : 8;
    CHECK(wanted <= SIZE_MAX / bytes);
    *capacity = wanted;
    return mem_realloc(items, wanted * bytes);
}
