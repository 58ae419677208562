/* smp.h - the other CPUs. */
#pragma once

#include "arch/x86/cpu.h"

/* Where each other CPU's C code begins, on its idle thread's stack; set by main.c
 * before arch_start_other_cpus. Never returns. */
extern void (*other_cpu_main)(struct cpu *cpu);
void cpu_start_other(struct cpu *cpu);
extern uint32_t ap_no_execute;
