/* features.c - finds out what the processor has and switches it on.
 *
 * Invariants: control registers are written outright, because firmware leaves them in
 * many states; no bit is set that CPUID does not promise (QEMU hangs on a reserved
 * one).
 * See: Intel SDM volume 2 (CPUID), volume 3, 2.5 (control registers).
 */
#include "arch/x86/features.h"

#include "arch/x86/io.h"
#include "core/panic.h"

enum {
    CR0_PE = 1, CR0_MP = 2, CR0_TS = 8, CR0_ET = 16, CR0_NE = 32, CR0_WP = 1 << 16,
    CR4_PAE = 1 << 5, CR4_PGE = 1 << 7, CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10,
    CR4_UMIP = 1 << 11, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21, EFER_NXE = 1 << 11,
};
#define CR0_PG 0x80000000u

struct cpu_features cpu_features;

static void require(bool has, const char *what) {
    if (!has)
        boot_refuse("This processor has no %s, and Parley needs it. With QEMU use "
                    "-cpu max or -cpu qemu32.",
                    what);
}

void cpu_features_init(void) {
    struct cpu_features *f = &cpu_features;
    uint32_t last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;
    struct cpuid r = cpuid(1, 0);

    f->edx = r.edx;
    f->ecx = r.ecx;
    require(r.edx & 1 << 4, "time stamp counter (TSC)");
    require(r.edx & 1 << 6, "physical address extension (PAE)");
    require(r.edx & 1 << 24, "FXSAVE instruction (FXSR)");
    require(r.edx & 1 << 26, "SSE2");
    f->apic = r.edx & 1 << 9;
    f->sysenter = r.edx & 1 << 11;
    f->page_global = r.edx & 1 << 13;
    if (last >= 7) {            // beyond the last leaf CPUID returns rubbish
        r = cpuid(7, 0);
        f->smep = r.ebx & 1 << 7;
        f->smap = r.ebx & 1 << 20;
        f->umip = r.ecx & 1 << 2;
    }
    if (last_extended >= 0x80000001) f->no_execute = cpuid(0x80000001, 0).edx & 1 << 20;
}

void cpu_control_init(void) {
    const struct cpu_features *f = &cpu_features;
    uint32_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (f->page_global) cr4 |= CR4_PGE;
    if (f->smep) cr4 |= CR4_SMEP;
    if (f->smap) cr4 |= CR4_SMAP;
    if (f->umip) cr4 |= CR4_UMIP;
    if (f->no_execute) write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
    write_cr4(cr4);
    write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_TS | CR0_MP | CR0_PE);
}
