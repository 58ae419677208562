/* segments.h - fs and gs belong to user mode: threads carry them along. */
#pragma once

#include "base/types.h"

static inline uint16_t read_fs(void) {
    uint16_t value;

    __asm__ volatile("mov %%fs, %0" : "=r"(value));
    return value;
}

static inline uint16_t read_gs(void) {
    uint16_t value;

    __asm__ volatile("mov %%gs, %0" : "=r"(value));
    return value;
}

static inline void segments_save(uint16_t *fs, uint16_t *gs) {
    __asm__ volatile("mov %%fs, %0\n mov %%gs, %1" : "=m"(*fs), "=m"(*gs));
}

/* A selector that cannot be loaded (any more) becomes the null selector. */
#define LOAD_SEGMENT(register, value)                                                  \
    __asm__ volatile("1: mov %0, %%" register "\n"                                     \
                     "2:\n"                                                            \
                     ".pushsection .text.fixup,\"ax\"\n"                               \
                     "3: push $0\n"                                                    \
                     "   pop %%" register "\n"                                         \
                     "   jmp 2b\n"                                                     \
                     ".popsection\n"                                                   \
                     ".pushsection .fixups,\"a\"; .long 1b, 3b; .popsection\n"         \
                     : : "rm"(value))

static inline void load_fs(uint16_t value)
{
    LOAD_SEGMENT("fs", value);
}

static inline void load_gs(uint16_t value) { LOAD_SEGMENT("gs", value); }
