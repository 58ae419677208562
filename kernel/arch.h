/* arch.h - everything the rest of the kernel knows about the processor, on one screen.
 *
 * Behind it stands kernel/arch/x86/. What needs memory (page tables) is in mm/, what
 * needs threads is in sched/.
 */
#pragma once

#include "arch/x86/frame.h"
#include "arch/x86/lock.h"

/* -- Life of the machine ----------------------------------------------------------- */

enum exit_code {                /* what isa-debug-exit is told; see tools/vm */
    EXIT_POWER_OFF = 0x10,
    EXIT_PANIC = 0x11,
    EXIT_BOOT_REFUSED = 0x12,
    EXIT_TIME_LIMIT = 0x17,
    EXIT_REBOOT = 0x18,
};

void arch_init_boot_cpu(void);          /* processor, page tables, GDT, IDT, sysenter */
void arch_init_devices(uint64_t rsdp, bool use_acpi, bool use_apic); /* IRQs, timers */
/* Returns when all are up or given up, or one cannot be prepared; each goes on in
 * idle(), with the lock. */
void arch_start_other_cpus(unsigned limit, bool (*prepare)(struct cpu *cpu),
                           void (*idle)(void));
no_return void arch_power_off(enum exit_code code);

/* In headers of their own:
 *
 * cpu.h        this_cpu(): the struct cpu we run on; stable while in the kernel
 *              current_thread_base(): bottom of the running thread's struct (sched's
 *              current()); cpu_count: CPUs that came up
 * lock.h       bkl_acquire(), bkl_release(), bkl_is_held_by(): the big kernel lock
 * frame.h      struct trap_frame; assembly calls trap(frame), which kernel/trap.c has
 * usercopy.h   copy_from_user, copy_to_user, clear_user, string_from_user: 0 or
 *              -EFAULT; they never sleep
 */

/* -- Threads ----------------------------------------------------------------------- */

/* Leaves this stack for another one. Returns in the thread that left that one, with the
 * thread that ran before: what the next thread needs to know, so that it can bury it.
 * No register survives: the caller has saved what it needs on the stack. The big lock
 * stays with the CPU. A thread that does not run has its return address on top of its
 * stack; a new one returns into thread_begin, and the result is that function's
 * argument. */
static inline void *switch_stacks(uint32_t *save_esp, uint32_t load_esp, void *prev) {
    __asm__ volatile("push $1f\n mov %%esp, (%1)\n mov %2, %%esp\n ret\n 1:"
                     : "+a"(prev), "+d"(save_esp), "+c"(load_esp)
                     : : "ebx", "esi", "edi", "ebp", "memory", "cc");
    return prev;
}

/* The same, into the user mode of a thread that came by sysenter: all that it needs is
 * in the frame at the top of its stack. The big lock is given back when this stack is
 * out of use. */
static inline void *sysenter_hand_over(void *saved, size_t esp_in_it, void *stack_top) {
    void *prev;

    __asm__ volatile("push %%ebp\n push $1f\n"
                     "mov %%esp, %c3(%%ebx)\n"
                     "lea %c4(%2), %%esp\n"
                     "movl $0, bkl_owner\n"    // from here on we may run elsewhere
                     "jmp sysenter_leave\n"
                     "1: pop %%ebp"
                     : "=a"(prev), "+b"(saved)
                     : "r"(stack_top), "i"(esp_in_it), "i"(-sizeof(struct trap_frame))
                     : "ecx", "edx", "esi", "edi", "memory", "cc");
    return prev;
}

/* Is it an address on a mapped kernel stack? For backtraces. */
bool stack_contains(uint32_t address);

/* Enters user mode with this frame; used once in the life of a thread. */
static inline no_return void user_enter(struct trap_frame *frame) {
    __asm__ volatile("mov %0, %%esp\n jmp trap_return" : : "r"(frame) : "memory");
    __builtin_unreachable();
}

/* -- Interrupts -------------------------------------------------------------------- */

typedef void (*irq_handler)(void);
enum { TIMER_IRQ = 0 };                 /* the one-shot timer below */
void irq_register(unsigned irq, irq_handler handler); /* ISA line 0 .. 15, unmasks it */
void timer_arm(nanoseconds_t from_now);                 /* one interrupt on this CPU */
void ipi_reschedule(struct cpu *cpu);                   /* makes it enter the kernel */
/* Everywhere; waits. An empty range: nobody keeps these tables loaded. */
void tlb_shootdown(vaddr_t start, vaddr_t end, uint32_t root);
/* Of a TLB request, those that have its tables loaded. Who halts never returns. */
void ask_other_cpus(enum cpu_request what);
void cpu_wait_for_interrupt(void);      /* gives the lock back, halts, takes it again */

/* -- Time -------------------------------------------------------------------------- */

extern uint32_t tsc_kilohertz;          /* set once at boot */
uint64_t tsc_to_nanoseconds(uint64_t ticks);
nanoseconds_t time_now(void);    /* since boot */
nanoseconds_t clock_realtime_at_boot(void); /* 1970 to boot, from the CMOS clock */
