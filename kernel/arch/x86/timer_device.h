/* timer_device.h - the machine's clocks: TSC to tell time, one-shot timer to be
 * woken. */
#pragma once

#include "base/types.h"

/* Measures TSC and APIC timer against the 8254 in at most a millisecond. */
void timer_device_init(void);
void delay_microseconds(uint32_t n);

uint64_t tsc_to_nanoseconds(uint64_t ticks);
extern uint32_t tsc_kilohertz;          /* set once at boot */

/* interrupts.c: the APIC's count-down register. */
void apic_timer_start(uint32_t count);
uint32_t apic_timer_now(void);
