/* The digest of long octets, compiled for processors that have AVX2: half the instructions of what
 * every x86-64 has, the same value. */
#include "sim/core/digest_avx2.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t digest_avx2(uint64_t state, struct span bytes)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.len, state);
}
