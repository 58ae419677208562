/* features.h - what this processor has. Everything works without the optional ones. */
#pragma once

#include "base/types.h"

struct cpu_features {
    bool no_execute, smep, smap, umip, apic, sysenter, page_global;
    uint32_t edx, ecx;          /* CPUID leaf 1, for AT_HWCAP */
};

extern struct cpu_features cpu_features;        /* set once at boot */

/* Reads CPUID; refuses to boot on a processor without PAE, SSE2, FXSR, TSC. */
void cpu_features_init(void);

/* Sets CR0, CR4 and EFER outright; on every CPU. */
void cpu_control_init(void);
