/* acpi.h - all Parley wants from ACPI: processors, interrupt routing, power off. */
#pragma once

#include "arch/x86/cpu.h"

struct acpi_info {
    bool found;                 /* a MADT was there */
    paddr_t local_apic, io_apic;
    uint32_t io_apic_first;     /* its first global interrupt */
    unsigned nr_cpus;
    uint8_t apic_ids[CPU_MAX];  /* the boot CPU's among them */
    struct {
        uint8_t line;           /* global interrupt an ISA line arrives at */
        bool active_low, level;
    } isa[16];
    uint16_t pm1_control;       /* I/O port; 0: no power off this way */
};

extern struct acpi_info acpi;

/* rsdp: physical address, or 0 to look in the BIOS area. Leaves acpi.found false when
 * there is nothing usable. */
void acpi_init(uint64_t rsdp);
