/* descriptor_tables.h - GDT, IDT, TSS, and a thread's TLS segment. */
#pragma once

#include "arch/x86/cpu.h"

struct user_descriptor {        /* set_thread_area(2) */
    uint32_t entry, base, limit, flags;
};

void idt_init(void);
void descriptor_tables_load(struct cpu *cpu);   /* on that CPU; cpu->idle is set */

/* A ring 3 data segment from what the user asks for. False: not allowed (EINVAL). */
bool tls_descriptor_make(const struct user_descriptor *u, uint64_t *descriptor);
