/* interrupts.h - from a device's line to its handler, by APICs or by the old PIC. */
#pragma once

#include "base/types.h"

/* On the boot CPU, after acpi_init. Measures TSC and APIC timer, too: one
 * millisecond. */
void interrupts_init(bool use_apic);
void interrupt_handle(unsigned vector); /* from trap(): calls the handler, ends it */

void ipi_send(uint32_t apic_id, uint32_t vector);
void ipi_start_cpu(uint32_t apic_id, uint32_t page);    /* INIT and start-up IPIs */
bool apic_is_used(void);
void apic_init_here(void);              /* on each other CPU */
void apic_end_of_interrupt(void);
