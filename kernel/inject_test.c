/* inject_test.c - faults on order, in the test image only.
 *
 *      prctl(PR_INJECT, kind, n, signal)   the nth point of that kind goes wrong
 *      prctl(PR_INJECT, INJECT_NOTHING)    how many points there were; ends it
 *      prctl(PR_INJECT, INJECT_PANIC, how) the kernel panics here and now
 *
 * The linker's --wrap puts these functions in front of the real ones: nothing in the
 * ordinary kernel knows of them. A point belongs to the process group that has asked; a
 * signal is for the asking process alone. It is posted whenever a thread of it returns
 * to user mode or has gone to sleep: in between, the kernel is atomic.
 * Tests: user/tools/sweep.c goes through all n.
 */
#include "core/panic.h"
#include "kernel_test.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "sched/scheduler.h"
#include "sched/wait.h"
#include "syscall.h"

#define PR_INJECT 0x50494e4a

enum kind { INJECT_NOTHING, INJECT_SIGNAL, INJECT_NO_MEMORY, INJECT_BAD_COPY,
            INJECT_EXPIRE, INJECT_PANIC };

static struct {
    enum kind kind;
    struct process *process;    /* who asked; only compared */
    pid_t group;
    uint32_t points, nth;
    int signal;
} order;

/* Is this the point? */
static bool is_due(enum kind kind) {
    const struct process *p = current()->process;

    if (order.kind != kind || !p || p->group != order.group) return false;
    if (kind == INJECT_SIGNAL && p != order.process) return false;
    return ++order.points == order.nth;
}

/* Defines a function that stands in front of another, which is __real_name; both have
 * the very type that the header says. */
#define WRAP(type, name, ...) \
    extern __typeof__(name) __real_##name, __wrap_##name; \
    type __wrap_##name(__VA_ARGS__)

/* The recursion ends on the guard page of the stack; the processor finds no place for
 * the fault's frame, and that is a double fault. */
static out_of_line uint32_t overflow_stack(volatile uint32_t depth) {
    return depth ? overflow_stack(depth + 1) + depth : 0;
}

static void crash(uint32_t how) {
    volatile uint32_t *volatile nowhere = NULL;

    if (how == 's') overflow_stack(1);
    if (how == 'n') *nowhere = 0;
    assert(how != 'a');
}

/* The order has more arguments than prctl takes: they are still in the frame. */
WRAP(long, sys_prctl, int option, uint32_t kind) {
    const struct trap_frame *frame = thread_frame(current());

    if (option != PR_INJECT) return __real_sys_prctl(option, kind);
    if (kind == INJECT_PANIC) crash(frame->edx);
    uint32_t points = order.points;
    order.process = current_process();
    order.group = current_process()->group;
    order.kind = kind;
    order.nth = frame->edx;
    order.signal = (int)frame->esi;
    order.points = 0;
    if (kind == INJECT_SIGNAL) current()->steps_left = 1;
    return (long)points;
}

/* -- A signal ---------------------------------------------------------------------- */

static void signal_point(void) {
    struct siginfo info = { .signal = order.signal, .code = SI_USER };

    if (is_due(INJECT_SIGNAL))
        (void)!signal_post(order.process, NULL, &info, NULL);
}

/* Nobody who goes to sleep is ready already, but for the signal of this moment. */
WRAP(long, schedule, struct thread *t) {
    if (t->state == THREAD_BLOCKED) signal_point();
    if (ready.only == t) {
        ready.only = NULL;
        t->state = THREAD_RUNNING;
        return t->wait_result;
    }
    return __real_schedule(t);
}

WRAP(void, sched_step_expired, struct thread *t) {
    __real_sched_step_expired(t);
    if (order.kind != INJECT_SIGNAL || t->process != order.process) return;
    t->steps_left = 1;
    signal_point();
}

/* -- Memory and copies ------------------------------------------------------------- */

static uint32_t allocations_left;       /* + 1; 0: no end */

void allocations_fail_from(uint32_t n) { allocations_left = n; }

static bool is_without_memory(void) {
    if (allocations_left == 1) return true;
    if (allocations_left > 1) allocations_left--;
    return is_due(INJECT_NO_MEMORY);
}

WRAP(uint32_t, stack_alloc, void) {
    return is_without_memory() ? 0 : __real_stack_alloc();
}

WRAP(void *, heap_alloc, enum heap_type type, size_t size) {
    return is_without_memory() ? NULL : __real_heap_alloc(type, size);
}

WRAP(void *, heap_alloc_raw, enum heap_type type, size_t size) {
    return is_without_memory() ? NULL : __real_heap_alloc_raw(type, size);
}

WRAP(struct frame *, frame_alloc, enum frame_use use, unsigned size) {
    return is_without_memory() ? NULL : __real_frame_alloc(use, size);
}

WRAP(struct frame *, frame_alloc_zeroed, enum frame_use use) {
    return is_without_memory() ? NULL : __real_frame_alloc_zeroed(use);
}

WRAP(int, copy_from_user, void *to, uptr_t from, size_t size) {
    return is_due(INJECT_BAD_COPY) ? -EFAULT : __real_copy_from_user(to, from, size);
}

WRAP(int, copy_to_user, uptr_t to, const void *from, size_t size) {
    return is_due(INJECT_BAD_COPY) ? -EFAULT : __real_copy_to_user(to, from, size);
}

/* -- Time -------------------------------------------------------------------------- */

WRAP(long, wait_sleep_any, struct waiter *w, unsigned count, nanoseconds_t deadline,
     bool past_stops) {
    bool expires = deadline != DEADLINE_NEVER && is_due(INJECT_EXPIRE);

    return __real_wait_sleep_any(w, count, expires ? 0 : deadline, past_stops);
}
