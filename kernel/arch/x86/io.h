/* io.h - the instructions C has no words for: ports, control registers, MSRs. */
#pragma once

#include "arch/x86/usercopy.h"

static inline uint8_t in8(uint16_t port) {
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

#define read_register(name)                                                            \
    ({                                                                                 \
        uint32_t value_;                                                               \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value_) : : "memory");           \
        value_;                                                                        \
    })
#define write_register(name, value) \
    __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory")

enum msr {
    MSR_APIC_BASE = 0x1b, MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176, MSR_EFER = 0xc0000080,
};

static inline uint64_t read_msr(uint32_t msr) {
    uint64_t value;

    __asm__ volatile("rdmsr" : "=A"(value) : "c"(msr));
    return value;
}

static inline void write_msr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" : : "A"(value), "c"(msr) : "memory");
}

/* fs and gs belong to user mode: threads carry them along. A selector that cannot be
 * loaded (any more) becomes the null selector. */
#define load_selector(name, selector)                                                  \
    __asm__ volatile("1: mov %0, %%" #name "\n"                                        \
                     "2:\n"                                                            \
                     ".pushsection .text.fixup,\"ax\"\n"                               \
                     "3: push $0\n"                                                    \
                     "   pop %%" #name "\n"                                            \
                     "   jmp 2b\n"                                                     \
                     ".popsection\n" FIXUP(1b, 3b)                                     \
                     : : "rm"((uint16_t)(selector)))

static inline void segments_save(uint16_t *fs, uint16_t *gs) {
    __asm__ volatile("mov %%fs, %0\n mov %%gs, %1" : "=m"(*fs), "=m"(*gs));
}
