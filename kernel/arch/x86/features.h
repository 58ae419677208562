/* features.h - what this processor has. Everything works without the optional ones. */
#pragma once

#include "base/types.h"

struct cpu_features {
    bool no_execute, smep, smap, umip, apic, sysenter, page_global;
    char vendor[13], brand[49];
    uint32_t family, model, stepping;
    uint32_t edx, ecx;          /* CPUID leaf 1, for AT_HWCAP and /proc/cpuinfo */
    uint32_t leaf7_ebx;
};

extern struct cpu_features cpu_features;        /* set once at boot */

/* Reads CPUID; refuses to boot on a processor without PAE, SSE2, FXSR, TSC. */
void cpu_features_init(void);

/* Sets CR0, CR4 and EFER outright; on every CPU. */
void cpu_control_init(void);
