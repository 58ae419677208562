/* math64.h - the few 64-bit operations i386 has no instruction for. */
#pragma once

#include "base/types.h"

/* value / divisor; the remainder, if wanted, goes to *remainder. divisor is not 0. */
static inline uint64_t divide_u64(uint64_t value, uint32_t divisor,
                                  uint32_t *remainder) {
    uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;
    uint32_t quotient_high = high / divisor, rest = high % divisor, quotient_low;

    __asm__("divl %4"
            : "=a"(quotient_low), "=d"(rest)
            : "a"(low), "d"(rest), "r"(divisor));
    if (remainder) *remainder = rest;
    return (uint64_t)quotient_high << 32 | quotient_low;
}

/* (value * factor) >> shift, for shift 0 .. 31, with the 96-bit product in between. */
static inline uint64_t scale_u64(uint64_t value, uint32_t factor, unsigned shift) {
    uint64_t low = (uint64_t)(uint32_t)value * factor;
    uint64_t high = (value >> 32) * factor;

    return (high << (32 - shift)) + (low >> shift);
}
