/* trace.h - what happened, in order: one ring of events for each CPU.
 *
 * Recording is always on and costs about ten instructions; the rings are what a panic
 * prints and what /proc/trace gives to tools. trace.def lists the events; system calls
 * come for free.
 */
#pragma once

#include "arch/x86/cpu.h"
#include "base/types.h"

enum trace_type {
#define TRACE_EVENT(name, a, b, c) TRACE_##name,
#include "core/trace.def"
#undef TRACE_EVENT
    TRACE_TYPES
};

struct trace_event {
    uint32_t time;              /* low word of the timestamp counter */
    uint16_t type;              /* enum trace_type */
    uint16_t number;            /* system call number, else 0 */
    int32_t tid;
    uint32_t a, b, c;           /* as trace.def names them */
    uint32_t sequence;          /* over all CPUs; orders the rings among each other */
    uint32_t unused;
};
static_assert(sizeof(struct trace_event) == 32, "an index is a shift");

#define TRACE_RING 256          /* events per CPU; a power of two */

extern struct trace_event trace_ring[CPU_MAX][TRACE_RING];
extern uint32_t trace_sequence;

static inline void trace_record(enum trace_type type, uint32_t number, int32_t tid,
                                uint32_t a, uint32_t b, uint32_t c)
{
    struct cpu *cpu = this_cpu();
    struct trace_event *event =
        &trace_ring[cpu->number][cpu->trace_next++ & (TRACE_RING - 1)];

    event->time = (uint32_t)timestamp_counter();
    event->type = (uint16_t)type;
    event->number = (uint16_t)number;
    event->tid = tid;
    event->a = a;
    event->b = b;
    event->c = c;
    event->sequence = trace_sequence++;
}

/* Prints the newest `count` events of all CPUs in order. */
void trace_print(unsigned count);

/* What an event and a system call are called; set by kernel/syscall.c. */
extern const char *(*trace_system_call_name)(uint32_t number);
