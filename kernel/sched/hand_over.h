/* hand_over.h - the shortest switch: from one system call into the end of another.
 *
 * A thread that sleeps in the fast path of messages has nothing on its kernel stack
 * that it needs to go on: who ends its wait writes the result into its frame, and
 * leaves the kernel through that frame in its stead. The way of everybody else is open
 * to it, too: whatever does not use this (a signal, a time limit, the run queue) makes
 * it return from hand_over.
 */
#pragma once

#include "core/trace.h"
#include "sched/scheduler.h"

/* The trace's line for both, the call and the switch; one look at the clock serves the
 * trace and the accounts. The time in the kernel, here, counts as the next one's in
 * user mode. */
static inline void hand_over_note(struct cpu *cpu, struct thread *t,
                                  struct thread *next, uint32_t number) {
    struct trace_event *event = trace_place(cpu);
    uint64_t now = timestamp_counter();

    event->time = now;
    t->run_ticks += now;
    next->run_ticks -= now;
    t->switched = now;          // the next one goes on with the rest of our turn
    event->type = TRACE_HAND_OVER;
    event->number = number;
    event->tid = t->tid;
    event->a = thread_frame(t)->ebx;
    event->b = (uint32_t)next->tid;
}

/* What the CPU holds of `t` becomes `next`'s, but for account, space and stack. */
static inline void hand_over_cpu(struct cpu *cpu, struct thread *t,
                                 struct thread *next) {
    segments_save(&t->fs, &t->gs);
    next->cpu = cpu;
    next->state = THREAD_RUNNING;
    cpu->running = next;
    cpu->tss.esp0 = (uint32_t)next;
    cpu->gdt[TLS_SELECTOR / 8] = next->tls_descriptor;
    load_selector(fs, next->fs);
    load_selector(gs, next->gs);
}

/* SLEEPS, with `waiter`, as wait_sleep_waiter does without a deadline. The running
 * thread came by sysenter and nothing asks for its attention; the same is true of
 * `next`, whose wait is over with `result` and whose waiter is off its queue. Only a
 * wait that was ended in another way than by this comes back: its result is in
 * wait_result. */
static inline void hand_over(struct cpu *cpu, struct thread *t, struct waiter *waiter,
                             struct thread *next, long result) {
    t->waiters = waiter;
    t->state = THREAD_BLOCKED;
    t->wake_on = WAKE_ON_ANY;
    t->nr_waiters = 1;
    t->switches_voluntary++;
    if (unlikely(ready.count | (uint32_t)ready.only)                              // 3
        || unlikely(count_down(&next->steps_left))) {                             // 2
        sched_hand_over_slowly(next, result);
        return;
    }
    thread_frame(next)->eax = (uint32_t)result;
    cpu->account = next->process->account;
    space_activate(cpu, next->space);
    hand_over_cpu(cpu, t, next);
    thread_bury(sysenter_hand_over(t, offsetof(struct thread, esp), next));
}
