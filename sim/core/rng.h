/* Seeded random streams (xoshiro256++) and the distributions of the scenario format.
 *
 * A stream is keyed by (seed, name of its owner, purpose), so that adding an owner to a scenario
 * changes no other owner's draws. Not for keys or nonces: those come from sim/secure. */
#ifndef SIM_CORE_RNG_H
#define SIM_CORE_RNG_H

#include "sim/core/base.h"

struct rng {
    uint64_t s[4];
    uint64_t draws; /* how many 64-bit words were drawn; tests compare it */
};

void rng_init(struct rng *r, uint64_t seed, const char *owner, const char *purpose);
uint64_t rng_u64(struct rng *r);
/* Fills `out`: the low octet of each of `len` draws. */
void rng_octets(struct rng *r, uint8_t *out, size_t len);
/* Uniform in [0, 1), 53 bits. */
double rng_unit(struct rng *r);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* True with the given probability (0 and below: never, 1 and above: always; a draw is made anyway).
 */
bool rng_chance(struct rng *r, double probability);

/* A value drawn for each use. Parameters are in the unit of the quantity (ns, octets). */
enum dist_kind {
    DIST_CONSTANT,    /* a */
    DIST_UNIFORM,     /* from a to b */
    DIST_EXPONENTIAL, /* mean a */
    DIST_NORMAL,      /* mean a, standard deviation b; cut off at 0 */
    DIST_LOGNORMAL,   /* median a, sigma b of the logarithm */
};

struct dist {
    enum dist_kind kind;
    double a;
    double b;
};

struct dist dist_constant(double value);
/* A draw, never below 0. DIST_CONSTANT draws nothing from the stream. */
double dist_sample(const struct dist *d, struct rng *r);
/* The same rounded to an integer number of nanoseconds (or octets). */
int64_t dist_sample_i64(const struct dist *d, struct rng *r);

#endif
