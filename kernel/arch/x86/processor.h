/* processor.h - what this processor has, and the tables that it reads itself. */
#pragma once

#include "arch/x86/cpu.h"

/* Everything works without the optional ones. */
struct cpu_features {
    bool no_execute, smep, smap, umip, apic, sysenter, page_global;
    uint32_t edx, ecx;          /* CPUID leaf 1, for AT_HWCAP */
};
extern struct cpu_features cpu_features;        /* set once at boot */

/* Reads CPUID; refuses to boot on a processor without PAE, SSE2, FXSR, TSC. */
void cpu_features_init(void);
void idt_init(void);

/* On every CPU: CR0, CR4 and EFER outright; then, when cpu->idle is set, the tables. */
void cpu_control_init(void);
void descriptor_tables_load(struct cpu *cpu);

struct user_descriptor {        /* set_thread_area(2) */
    uint32_t entry, base, limit, flags;
};

/* A ring 3 data segment from what the user asks for. False: not allowed (EINVAL). */
bool tls_descriptor_make(const struct user_descriptor *u, uint64_t *descriptor);
