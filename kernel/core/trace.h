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
    uint64_t time;              /* timestamp counter: orders the rings among each other */
    uint32_t type;              /* enum trace_type, or TRACE_CALL | number << 16 */
    int32_t tid;
    uint32_t a, b, c;           /* as trace.def names them */
    uint32_t unused;
};
static_assert(sizeof(struct trace_event) == 32, "an index is a shift");

#define TRACE_RING 256          /* events per CPU; a power of two */
#define TRACE_BYTES (TRACE_RING * sizeof(struct trace_event))

extern struct trace_event trace_ring[CPU_MAX][TRACE_RING];

static inline void trace_record_at(struct cpu *cpu, uint64_t time, uint32_t type,
                                   int32_t tid, uint32_t a, uint32_t b, uint32_t c)
{
    struct trace_event *event = (struct trace_event *)((char *)trace_ring[cpu->number]
                                                       + cpu->trace_next);

    cpu->trace_next = (cpu->trace_next + sizeof(*event)) & (TRACE_BYTES - 1);
    event->time = time;
    event->type = type;
    event->tid = tid;
    event->a = a;
    event->b = b;
    event->c = c;
}

static inline void trace_record(enum trace_type type, int32_t tid, uint32_t a, uint32_t b,
                                uint32_t c)
{
    trace_record_at(this_cpu(), timestamp_counter(), type, tid, a, b, c);
}

/* The next event of all CPUs in order of time; NULL begins with the oldest. */
const struct trace_event *trace_after(const struct trace_event *than);
void trace_format(const struct trace_event *event, char *to, size_t size);

/* Prints the newest `count` events of all CPUs in order. */
void trace_print(unsigned count);

/* What an event and a system call are called; set by kernel/syscall.c. */
extern const char *(*trace_system_call_name)(uint32_t number);
