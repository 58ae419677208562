/* processor.h - what the files of this folder tell each other: what the processor has,
 * the tables that it reads itself, what ACPI knows of the machine, interrupts. */
#pragma once

#include "arch/x86/cpu.h"

/* Everything works without the optional ones. Set once at boot. */
enum { CPUID_APIC = 1 << 9, CPUID_SYSENTER = 1 << 11, CPUID_RDRAND = 1 << 30 };
extern struct cpu_features {
    uint32_t edx, ecx;          /* CPUID leaf 1; edx is AT_HWCAP, too */
    uint32_t cr4;               /* what CR4 gets */
} cpu_features;

/* On every CPU, once cpu->idle is set: control registers and tables; it is online. */
void cpu_init(struct cpu *cpu);

struct user_descriptor {        /* set_thread_area(2) */
    uint32_t entry, base, limit, flags;
};

/* A ring 3 data segment from what the user asks for. False: not allowed (EINVAL). */
bool tls_descriptor_make(const struct user_descriptor *u, uint64_t *descriptor);

extern struct acpi_info {       /* machine.c */
    paddr_t local_apic, io_apic;        /* 0: it has none */
    uint32_t io_apic_first;     /* its first global interrupt */
    unsigned nr_cpus;
    uint8_t apic_ids[CPU_MAX];  /* the boot CPU's among them */
    struct {
        uint32_t line;          /* global interrupt an ISA line arrives at */
        uint32_t how;           /* the IO APIC's bits for active low and for level */
    } isa[16];
    uint16_t pm1_control;       /* I/O port; 0: no power off this way */
} acpi;

enum apic_register {            /* byte offsets */
    APIC_ID = 0x20, APIC_TASK_PRIORITY = 0x80, APIC_END = 0xb0, APIC_SPURIOUS = 0xf0,
    APIC_COMMAND = 0x300, APIC_COMMAND_HIGH = 0x310, APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
    APIC_TIMER_COUNT = 0x380, APIC_TIMER_NOW = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
};

extern volatile uint32_t *local_apic;   /* NULL: the PIC serves */

static inline uint32_t apic_read(enum apic_register r) { return local_apic[r / 4]; }

static inline void apic_write(enum apic_register r, uint32_t value) {
    local_apic[r / 4] = value;
}

/* On the boot CPU, when ACPI has been read. Measures TSC and APIC timer, too: one
 * millisecond. */
void interrupts_init(bool use_apic);
void interrupt_handle(unsigned vector); /* from trap(): calls the handler, ends it */
void apic_init_here(void);              /* on each CPU */
