#include "sim/core/rng.h"

#include <math.h>

#include "sim/core/buf.h"

/* SplitMix64 (Steele, Lea, Flood 2014): spreads a key over the state of the generator. */
static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void rng_init(struct rng *r, uint64_t seed, const char *owner, const char *purpose)
{
    uint64_t h = span_hash(0, span_of(&(uint8_t){0x1f}, 1));
    h = span_hash(h, span_of_str(owner));
    h = span_hash(h, span_of(&(uint8_t){0}, 1));
    h = span_hash(h, span_of_str(purpose));
    uint64_t a = seed;
    uint64_t b = h;
    for (size_t i = 0; i < SIM_ARRAY_LEN(r->s); i++) {
        r->s[i] = splitmix(&a) ^ splitmix(&b);
    }
    if ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0) {
        r->s[0] = 1;
    }
    r->draws = 0;
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* xoshiro256++ 1.0 (Blackman, Vigna 2019). */
uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    r->draws++;
    return result;
}

void rng_octets(struct rng *r, uint8_t *out, size_t len)
{
    struct rng own = *r; /* which `out` cannot be part of: kept in registers */
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)rng_u64(&own);
    }
    *r = own;
}

double rng_unit(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    CHECK(bound > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t v;
    do {
        v = rng_u64(r);
    } while (v >= limit);
    return v % bound;
}

bool rng_chance(struct rng *r, double probability)
{
    return rng_unit(r) < probability;
}

struct dist dist_constant(double value)
{
    return (struct dist){.kind = DIST_CONSTANT, .a = value};
}

static double standard_normal(struct rng *r)
{
    double u = 1.0 - rng_unit(r);
    double v = rng_unit(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

double dist_sample(const struct dist *d, struct rng *r)
{
    double v = 0.0;
    switch (d->kind) {
    case DIST_CONSTANT:
        v = d->a;
        break;
    case DIST_UNIFORM:
        v = d->a + (d->b - d->a) * rng_unit(r);
        break;
    case DIST_EXPONENTIAL:
        v = -d->a * log(1.0 - rng_unit(r));
        break;
    case DIST_NORMAL:
        v = d->a + d->b * standard_normal(r);
        break;
    case DIST_LOGNORMAL:
        v = d->a * exp(d->b * standard_normal(r));
        break;
    }
    return v > 0.0 ? v : 0.0;
}

int64_t dist_sample_i64(const struct dist *d, struct rng *r)
{
    double v = dist_sample(d, r);
    return v >= 9.2e18 ? INT64_MAX : (int64_t)llround(v);
}
