/* types.h - the words every part of the kernel is written in; and the 64-bit division
 * that i386 has no instruction for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t paddr_t;    /* physical address; memory above 896 MiB is not managed */
typedef uint32_t vaddr_t;       /* virtual address, kernel or user */
typedef int32_t pid_t;         /* process, thread, group or session; never used twice */
typedef uint32_t uid_t;
typedef uint32_t gid_t;
typedef uint32_t mode_t;
typedef int32_t ssize_t;
typedef uint64_t nanoseconds_t; /* monotonic time since boot, or a span of it */

/* An address in user space. C cannot dereference it; usercopy.h can. */
typedef struct {
    vaddr_t address;
} uptr_t;

#define must_check   __attribute__((warn_unused_result))
#define no_return    __attribute__((noreturn))
#define printf_like(text, first) __attribute__((format(printf, text, first)))
#define packed       __attribute__((packed))
#define out_of_line  __attribute__((noinline))      /* what calls it stays short */
#define in_line      static inline __attribute__((always_inline))
#define likely(x)    __builtin_expect(!!(x), 1)
#define unlikely(x)  __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) \
    ((type *)((char *)(pointer) - offsetof(type, member)))
#define static_assert _Static_assert

/* A marker only: the function may give the CPU away. */
#define SLEEPS

static inline uptr_t uptr(vaddr_t address) { return (uptr_t){ address }; }

static inline uptr_t uptr_add(uptr_t p, size_t bytes) {
    return (uptr_t){ p.address + bytes };
}

static inline bool uptr_is_null(uptr_t p) { return p.address == 0; }

#define min(a, b) \
    ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) \
    ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })

#define round_down(x, power_of_two) ((x) & ~((__typeof__(x))(power_of_two) - 1))
#define round_up(x, power_of_two)   round_down((x) + (power_of_two) - 1, power_of_two)

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
