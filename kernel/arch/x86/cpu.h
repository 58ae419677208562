/* cpu.h - what each CPU owns, and how the running code finds it.
 *
 * A kernel stack is the upper half of a slot of STACK_SLOT bytes, aligned to its size;
 * the lower half is never mapped. The thread's struct lies at the very top, so the
 * stack pointer alone tells the running thread, and its first word is the CPU it runs
 * on:
 *
 *      slot + STACK_SLOT -> +-----------------+
 *                           | struct thread   |  THREAD_AREA bytes; first word: cpu
 *                           +-----------------+  <- esp0: trap frames begin here
 *                           | stack, downward |
 *      slot + STACK_GUARD-> +-----------------+
 *                           | not mapped      |  an overflow is a double fault, told
 *      slot ->              +-----------------+  with its name by a task of its own
 */
#pragma once

#include "base/types.h"

#define CPU_MAX      8
#define STACK_SLOT   16384u
#define STACK_GUARD  8192u
#define THREAD_AREA  1472u      /* room for struct thread; a multiple of 64 */

struct account;
struct thread;
struct trace_event;

struct tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_bitmap;
};
static_assert(sizeof(struct tss) == 104, "as the CPU reads it");

struct cpu {
    uint32_t number;            /* [const] 0 .. CPU_MAX - 1 */
    uint8_t affinity_bit;       /* [const] its bit in a thread's affinity */
    uint32_t apic_id;           /* [const] */
    struct thread *idle;        /* [const] what runs when nobody can */
    struct thread *running;     /* only this CPU's own code changes it */
    struct account *account;    /* [cpu] who pays for what is allocated now */
    uint32_t space_root;        /* [cpu] what CR3 holds */
    bool idling;                /* halted or about to: wake it with ipi_reschedule */
    bool online;                /* [ipi] has come up */
    bool slice_armed;           /* [cpu] its timer will fire within the running turn */
    uint32_t hand_overs;        /* past threads that wait for their turn; scheduler.c */
    uint64_t timer_deadline;   /* [cpu] when its timer will fire; UINT64_MAX: stopped */
    struct trace_event *trace_next; /* [cpu] the next place in its trace ring */
    volatile uint32_t requests; /* [ipi] enum cpu_request bits others want answered */

    /* sysenter's stack pointer is the TSS below: its first instruction loads esp0 from
     * there. A debug trap on that instruction still needs a few words of stack. */
    uint32_t sysenter_stack[16];
    struct tss tss;             /* [cpu] esp0 is set at every thread switch */
    struct tss double_fault_tss;
    uint64_t gdt[8] __attribute__((aligned(8)));
};

enum cpu_request { REQUEST_TLB = 1, REQUEST_HALT = 2 };

extern struct cpu cpus[CPU_MAX];
extern unsigned cpu_count;      /* CPUs online; set once at boot */

/* The running thread's struct (sched/thread.h has the typed current()). */
static inline void *current_thread_base(void) {
    uint32_t esp;

    __asm__("movl %%esp, %0" : "=r"(esp));
    return (void *)((esp | (STACK_SLOT - 1)) + 1 - THREAD_AREA);
}

static inline struct cpu *this_cpu(void) {
    return *(struct cpu **)current_thread_base();
}

/* Answers what other CPUs asked of this one; needs no lock. */
void cpu_answer_requests(void);

static inline void cpu_relax(void) { __asm__ volatile("pause" : : : "memory"); }

/* --*n == 0, in one instruction and a jump. */
static inline bool count_down(uint32_t *n) {
    bool is_zero;

    __asm__("decl %0" : "+m"(*n), "=@ccz"(is_zero));
    return is_zero;
}

/* The same of *n >= bound, a constant, and of *n == 0; no register is used. */
static inline bool is_at_least(const uint32_t *n, uint32_t bound) {
    bool is;

    __asm__("cmpl %2, %1" : "=@ccae"(is) : "m"(*n), "i"(bound));
    return is;
}

static inline bool is_zero(const uint32_t *n) { return !is_at_least(n, 1); }

/* ++*n, without a detour through registers. */
static inline uint64_t count_up(uint64_t *n) {
    uint32_t *low = (uint32_t *)n;

    __asm__("addl $1, %0\n adcl $0, %1" : "+m"(low[0]), "+m"(low[1]));
    return *n;
}

static inline uint64_t timestamp_counter(void) { return __builtin_ia32_rdtsc(); }
