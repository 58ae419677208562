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

/* For hand_over.h. The CPU goes to `next`, past the queue unless somebody there is
 * better or has waited long enough; the caller's state is BLOCKED, and so is next's.
 * SLEEPS. */
void sched_hand_over_slowly(struct thread *next, long result) SLEEPS;
void thread_bury(struct thread *previous);      /* the one that has just left */

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

/* For process.c: a new thread's first code. */
void thread_begin(void *previous);

uint32_t sched_runnable(void);          /* threads ready or running */
