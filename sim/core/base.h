/* Base types: virtual time, error codes, checks and memory that never returns NULL.
 *
 * Functions of this project return 0 or a negative `enum sim_error`; outputs come last and are
 * written only on success. CHECK() guards against bugs in cpnsim itself and is active in every
 * build. */
#ifndef SIM_CORE_BASE_H
#define SIM_CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of virtual time since the start of the run. */
typedef int64_t sim_time;

#define SIM_US INT64_C(1000)
#define SIM_MS INT64_C(1000000)
#define SIM_S INT64_C(1000000000)
#define SIM_TIME_NEVER INT64_MAX

/* Wall-clock instant that virtual time 0 stands for: 2011-06-01T00:00:00Z in seconds since 1970. It
 * lies in the past on purpose, so that no verifier outside the simulator accepts a simulated
 * certificate. */
#define SIM_EPOCH_UNIX_S INT64_C(1306886400)

enum sim_error {
    SIM_EINVAL = 1, /* an argument or a value is not allowed */
    SIM_EBADMSG,    /* bytes do not decode */
    SIM_ENOENT,     /* no such thing */
    SIM_EEXIST,     /* is there already */
    SIM_EIO,        /* the operating system or a database refused */
    SIM_ESTATE,     /* not now: wrong state */
    SIM_ENOTSUP,    /* this build or a library cannot do it */
    SIM_ECRYPTO,    /* OpenSSL refused */
};

/* English words for an error (sign ignored); static storage. */
const char *sim_strerror(int error);

#define SIM_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SIM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SIM_NORETURN __attribute__((noreturn))

/* What CHECK() ends in. */
SIM_NORETURN void sim_check_failed(const char *file, int line, const char *what);

/* A bug in cpnsim when `cond` is false: prints file, line and condition and aborts. */
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            sim_check_failed(__FILE__, __LINE__, #cond);                                           \
        }                                                                                          \
    } while (0)

/* Heap memory, zero-filled; ends the process with exit code 4 and a sentence when there is none. */
void *mem_alloc(size_t bytes);
void *mem_calloc(size_t count, size_t bytes);
/* The same, not cleared. */
void *mem_uncleared(size_t bytes);
/* As realloc(): new bytes are not cleared. */
void *mem_realloc(void *old, size_t bytes);
/* Copies of a string, or of its first `len` octets (NUL added). NULL gives NULL. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);
/* printf into fresh heap memory; the caller frees it with free(). */
char *mem_printf(const char *format, ...) SIM_PRINTF(1, 2);

/* The array `items` (elements of `bytes` octets) grown so that `count + 1` elements fit;
 * `*capacity` is updated. New elements are not cleared. */
void *mem_grow(void *items, size_t *capacity, size_t count, size_t bytes);
/* Appends one element to an array kept as pointer, count and capacity, and yields its address. */
#define MEM_PUSH(items, count, capacity)                                                           \
    ((items) = mem_grow((items), &(capacity), (count), sizeof(*(items))), &(items)[(count)++])

#endif
