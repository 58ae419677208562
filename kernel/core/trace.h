/* trace.h - what happened, in order: one ring of events for each CPU.
 *
 * Recording is always on; the rings are what a panic prints and what /proc/trace gives
 * to tools. trace.def lists the events; system calls come for free.
 */
#pragma once

#include "arch/x86/cpu.h"

enum trace_type {
#define TRACE_EVENT(name, a, b, c) TRACE_##name,
#include "core/trace.def"
#undef TRACE_EVENT
    TRACE_TYPES
};

struct trace_event {
    uint64_t time;            /* timestamp counter: orders the rings among each other */
    uint32_t type;              /* enum trace_type */
    int32_t tid;
    uint32_t a, b, c;           /* as trace.def names them */
    uint32_t number;            /* of a system call */
};
static_assert(sizeof(struct trace_event) == 32, "an index is a shift");

#define TRACE_RING 256          /* events per CPU; a power of two */
#define TRACE_BYTES (TRACE_RING * sizeof(struct trace_event))

extern struct trace_event trace_ring[CPU_MAX][TRACE_RING];

/* The place of the CPU's next event. The rings are aligned to their size. */
static inline struct trace_event *trace_place(struct cpu *cpu) {
    struct trace_event *event = cpu->trace_next, *next = event + 1;

    if (unlikely(((uint32_t)next & (TRACE_BYTES - 1)) == 0)) next -= TRACE_RING;
    cpu->trace_next = next;
    return event;
}

static inline void trace_record(enum trace_type type, int32_t tid, uint32_t a,
                                uint32_t b, uint32_t c) {
    *trace_place(this_cpu()) =
        (struct trace_event){ timestamp_counter(), type, tid, a, b, c, 0 };
}

/* The next event of all CPUs in order of time; NULL begins with the oldest. */
const struct trace_event *trace_after(const struct trace_event *than);
void trace_format(const struct trace_event *event, char *to, size_t size);

/* Prints the newest `count` events of all CPUs in order. */
void trace_print(unsigned count);

/* What an event and a system call are called; set by kernel/syscall.c. */
extern const char *(*trace_system_call_name)(uint32_t number);
