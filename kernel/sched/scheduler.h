/* scheduler.h - who runs next.
 *
 * The first of the highest priority runs; within one priority it goes round by turns,
 * but for SCHED_FIFO. The queue serves all CPUs; a CPU without work halts and is woken
 * by an interrupt.
 *
 *      levels[1]  -> t -> t -> t       a bitmap says which of the 101 are not empty
 *      levels[60] -> t
 *      only                            or one thread alone, which is on no level: two
 *                                      processes that talk to each other pass here
 *
 * Everything that could be chosen differently (which of equals, whether to preempt at a
 * step, how long a slice is) is drawn from one seeded generator, so a run is a function
 * of the seed. With seed 0 nothing is drawn: first come, first served.
 */
#pragma once

#include "core/trace.h"
#include "sched/process.h"

struct run_queue {              /* of all that are READY */
    struct list levels[PRIORITIES];
    uint32_t bitmap[(PRIORITIES + 31) / 32];
    uint32_t count;             /* threads on the levels */
    struct thread *only;        /* the one thread in the queue; or NULL */
};

extern struct run_queue ready;

static inline bool queue_is_empty(void) {
    return !(ready.count | (uint32_t)ready.only);
}

static inline bool may_run_on(const struct thread *t, const struct cpu *cpu) {
    return t->affinity & cpu->affinity_bit;
}

/* On one CPU a thread is ready, and alone: when its turn comes the running thread sees
 * by itself. False, and nothing was done: it is not so simple. */
static inline bool queue_only(struct thread *t) {
    const struct thread *running = current();

    if (unlikely(!queue_is_empty() || cpu_count > 1 || running->priority < t->priority
                 || !running->cpu->slice_armed))
        return false;
    t->state = THREAD_READY;
    ready.only = t;
    return true;
}

void sched_init(uint32_t seed);

/* With a seed and several CPUs QEMU runs one CPU at a time, and goes on to the next one
 * only when this one pauses: every turn is timed then, and trap.c pauses at its end. */
bool sched_in_lockstep(void);

/* Puts a NEW or woken thread on the run queue and tells a CPU. */
void thread_ready(struct thread *thread);

/* Gives the CPU away: the caller's state is READY (and it is queued), BLOCKED or DEAD.
 * Returns when it runs again, with the result of its wait. SLEEPS. */
long schedule(struct thread *caller) SLEEPS;

/* To the end of the own queue: sched_yield(2) and preemption. */
void thread_yield(void) SLEEPS;

/* After an interrupt: asks the running thread to yield when somebody better waits, or
 * one of its priority and its turn is over. */
void sched_slice_check(void);

/* The running thread's steps_left has run down: the generator may decide to preempt it.
 * trap.c counts a step at the end of every system call. */
void sched_step_expired(struct thread *thread);

/* Changes what a thread runs at, and on which CPUs: it moves in the run queue if it is
 * there; if it runs where it may not it leaves soon. */
void thread_place(struct thread *thread, unsigned priority, uint8_t cpus_allowed);

/* The idle thread of each CPU ends here. */
no_return void cpu_idle(void);

/* Makes a CPU's idle thread; that of the CPU that boots is the running code. */
must_check bool sched_create_idle(struct cpu *cpu);

/* A new thread's first code: it returns into the thread's first function. */
void thread_begin(void *previous);

uint32_t sched_runnable(void);          /* threads ready or running */

/* -- Hand-over -----------------------------------------------------------------------
 *
 * The shortest switch: from one system call into the end of another. A thread that
 * sleeps in the fast path of messages has nothing on its kernel stack that it needs to
 * go on: who ends its wait writes the result into its frame, and leaves the kernel
 * through that frame in its stead. Whatever does not use this (a signal, a time limit,
 * the run queue) makes it return from hand_over. */

/* The CPU goes to `next`, past the queue unless somebody there is better or has waited
 * long enough; the caller's state is BLOCKED, and so is next's. SLEEPS. */
void sched_hand_over_slowly(struct thread *next, long result) SLEEPS;
void thread_bury(struct thread *previous);      /* the one that has just left */

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

/* SLEEPS, with `waiter`, as wait_sleep_past_stops does without a deadline. The running
 * thread came by sysenter and nothing asks for its attention; the same is true of
 * `next`, whose wait is over with `result` and whose waiter is off its queue. Only a
 * wait that was ended in another way than by this comes back: its result is in
 * wait_result. */
static inline void hand_over(struct cpu *cpu, struct thread *t, struct waiter *waiter,
                             struct thread *next, long result) {
    t->waiters = waiter;
    t->state = THREAD_BLOCKED;
    t->wake_on = WAKE_PAST_STOPS;
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
