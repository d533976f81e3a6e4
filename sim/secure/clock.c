/* OpenSSL reads the wall clock for the age of tickets and for DTLS timers and has no parameter for
 * it. The executable's own time() and gettimeofday() come first in symbol look-up (link it with
 * ENABLE_EXPORTS); on a thread that is inside one of our calls they give virtual time, everywhere
 * else real time. */
#include <sys/time.h>
#include <time.h>

#include "sim/secure/stream.h"

static _Thread_local bool is_virtual;
static _Thread_local sim_time virtual_now;

void clock_set_virtual(sim_time now)
{
    is_virtual = true;
    virtual_now = now;
}

void clock_set_real(void)
{
    is_virtual = false;
}

static struct timespec read_clock(void)
{
    struct timespec t;
    if (is_virtual) {
        int64_t whole = virtual_now / SIM_S - (virtual_now % SIM_S < 0);
        t.tv_sec = (time_t)(SIM_EPOCH_UNIX_S + whole);
        t.tv_nsec = virtual_now - whole * SIM_S;
    } else {
        clock_gettime(CLOCK_REALTIME, &t);
    }
    return t;
}

time_t time(time_t *out)
{
    struct timespec t = read_clock();
    if (out != NULL) {
        *out = t.tv_sec;
    }
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    (void)zone;
    struct timespec t = read_clock();
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}
