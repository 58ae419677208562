/* interrupts.h - from a device's line to its handler, by APICs or by the old PIC. */
#pragma once

#include "arch/x86/frame.h"

void interrupts_init(bool use_apic);    /* on the boot CPU, after acpi_init */
void interrupts_init_other_cpu(void);
void interrupt_handle(unsigned vector); /* from trap(): calls the handler, ends it */

/* A message to one CPU or, with `all`, to all but this one. */
void ipi_send(uint32_t apic_id, uint32_t vector);
void ipi_start_cpu(uint32_t apic_id, uint32_t page);    /* INIT and start-up IPIs */
uint32_t apic_id_here(void);
bool apic_is_used(void);
void apic_end_of_interrupt(void);
