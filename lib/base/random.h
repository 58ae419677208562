/* random.h - a small generator whose whole state is one word: the same seed gives the
 * same choices. Not for secrets; kernel/dev/random.c has those. (Marsaglia's
 * xorshift32.)
 */
#pragma once

#include "base/types.h"

struct random {
    uint32_t state;             /* never 0 */
};

static inline void random_seed(struct random *r, uint32_t seed) {
    r->state = seed * 2654435769u + 0x9e3779b9u;
    if (r->state == 0) r->state = 1;
}

static inline uint32_t random_next(struct random *r) {
    uint32_t x = r->state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return r->state = x;
}

/* 0 .. bound - 1; bound is not 0. */
static inline uint32_t random_below(struct random *r, uint32_t bound) {
    return (uint32_t)((uint64_t)random_next(r) * bound >> 32);
}
