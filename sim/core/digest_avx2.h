/* For span_digest() alone. */
#ifndef SIM_CORE_DIGEST_AVX2_H
#define SIM_CORE_DIGEST_AVX2_H

#include "sim/core/buf.h"

/* As span_digest(), where __builtin_cpu_supports("avx2"). */
uint64_t digest_avx2(uint64_t state, struct span bytes);

#endif
