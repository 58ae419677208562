/* wait.c - the one way to wait.
 *
 * Invariants: a waiter that is on a queue belongs to a BLOCKED thread (or one that has
 * just been woken through another of its waiters and has not run yet); a thread that is
 * woken is woken once, by whoever came first, and that one's result counts.
 */
#include "sched/wait.h"

#include "base/format.h"
#include "core/panic.h"
#include "sched/scheduler.h"

void waiter_describe(const struct waiter *waiter, char *to, size_t size) {
    if (waiter->queue->class->describe)
        waiter->queue->class->describe(waiter, to, size);
    else format(to, size, "- -");
}

static out_of_line void remove_all(struct waiter *w, unsigned count) {
    for (; count > 0; count--) list_remove(&w++->node);
}

/* Ends a sleep from outside: -EINTR, -ETIMEDOUT. */
static void interrupt(struct thread *t, long result) {
    if (t->state != THREAD_BLOCKED) return;
    t->attention |= ATTENTION_INTERRUPTED;
    // off the queues at once: nobody may hand anything to a wait that is over
    remove_all(t->waiters, t->nr_waiters);
    t->wait_result = result;
    thread_ready(t);
}

void thread_call(struct thread *t, enum attention why) {
    t->attention |= why;
    if (t->state == THREAD_BLOCKED && t->wake_on & why) interrupt(t, -EINTR);
    else if (t->state == THREAD_RUNNING && t->cpu != this_cpu()) ipi_reschedule(t->cpu);
}

static void deadline_passed(struct timer *timer) {
    interrupt(container_of(timer, struct thread, wait_timer), -ETIMEDOUT);
}

/* Here, and for a hand-over, a thread stops running because it waits; t is current. */
static inline long block(struct thread *t, struct waiter *waiters, unsigned count,
                         nanoseconds_t deadline, uint8_t wake_on) {
    assert(t->state == THREAD_RUNNING && t->process);   // schedule asserts the lock
    if (unlikely(t->attention & wake_on)) {
        remove_all(waiters, count);
        return -EINTR;
    }
    if (deadline != DEADLINE_NEVER && deadline <= time_now()) {
        remove_all(waiters, count);
        return -ETIMEDOUT;
    }
    t->waiters = waiters;
    t->state = THREAD_BLOCKED;
    t->wake_on = wake_on;
    t->nr_waiters = (uint16_t)count;
    t->switches_voluntary++;
    if (deadline == DEADLINE_NEVER && count == 1) return schedule(t);
    if (deadline != DEADLINE_NEVER) {
        timer_init(&t->wait_timer, deadline_passed);
        timer_start(&t->wait_timer, deadline);
    }
    long result = schedule(t);
    if (deadline != DEADLINE_NEVER) timer_cancel(&t->wait_timer);
    remove_all(waiters, count);
    return result;
}

long waiter_sleep_forever(struct waiter *waiter) {
    waiter_add(waiter);
    return block(waiter->thread, waiter, 1, DEADLINE_NEVER, WAKE_ON_ANY);
}

long waiter_sleep_past_stops(struct waiter *waiter) {
    waiter_add(waiter);
    return block(waiter->thread, waiter, 1, DEADLINE_NEVER, WAKE_PAST_STOPS);
}

long wait_sleep_killable(struct wait_queue *queue) {
    struct waiter waiter;

    waiter_init_for(&waiter, queue, current());
    waiter_add(&waiter);
    return block(waiter.thread, &waiter, 1, DEADLINE_NEVER, ATTENTION_EXIT);
}

long wait_sleep_any(struct waiter *waiters, unsigned count, nanoseconds_t deadline,
                    bool past_stops) {
    return block(current(), waiters, count, deadline,
                 past_stops ? WAKE_PAST_STOPS : WAKE_ON_ANY);
}

bool waiter_is_asleep(const struct waiter *waiter) {
    return waiter->thread->state == THREAD_BLOCKED;
}

void waiter_wake(struct waiter *waiter, long result) {
    list_remove(&waiter->node);
    struct thread *t = waiter->thread;
    if (t->state != THREAD_BLOCKED)
        return;                 // poll: another of its queues was faster
    t->wait_result = result;
    if (!queue_only(t)) thread_ready(t);
}
